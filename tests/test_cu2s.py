"""The published potential of copper sulphide through our own networks: two elements, each with its own functions."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bpbench.elements import NUMBERS
from bpbench.formats.n2p2 import Structure, read_scaling, read_settings, read_structures
from bpbench.inputs import lay_out
from bpbench.jobs import Hdnn
from bpbench.models.contract import prefixed
from bpbench.potential import Potential
from bpbench.protocol import load
from bpbench.runner.store import Store

if TYPE_CHECKING:
    from bpbench.features import FeatureSet
    from bpbench.models.contract import Floats

TEXT = """
question: What does each element see?
data: {{kind: file, path: {folder}/input.data}}
sets:
  published: {{input_nn: {folder}/input.nn, units: angstrom-ev}}
models:
  one: {{kind: hdnn, hidden: [25, 25], activation: softplus}}
  two: {{kind: linear}}
variants:
  - {{name: one, set: published, model: one}}
  - {{name: two, set: published, model: two}}
repeats: 3
analysis: {{baseline: one}}
"""


@pytest.fixture(scope="module")
def folder(reference_data: Path) -> Path:
    return reference_data / "reference" / "n2p2" / "predict" / "Cu2S_PBE"


@pytest.fixture(scope="module")
def structure(folder: Path) -> Structure:
    (found,) = read_structures(folder / "input.data", units="angstrom-ev")
    return found


@pytest.fixture(scope="module")
def chosen(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> FeatureSet:
    """Return the set of a protocol that names the file and no element."""
    where = tmp_path_factory.mktemp("cu2s")
    (where / "cu2s.yaml").write_text(TEXT.format(folder=folder), encoding="utf-8")
    found: Any = lay_out(load(where / "cu2s.yaml"), Store(where / "store")).sets["published"]
    return found  # type: ignore[no-any-return]


def test_each_element_has_its_own_functions(folder: Path, chosen: FeatureSet) -> None:
    """72 functions of S and 66 of Cu in n2p2's order; one that describes both stands once."""
    settings = read_settings(folder / "input.nn", units="angstrom-ev")
    assert [element for element, _ in chosen.centres] == ["S", "Cu"]
    for element, places in chosen.centres:
        assert tuple(chosen.functions[place] for place in places) == settings.functions[element].functions
    assert (chosen.count_of("S"), chosen.count_of("Cu")) == (72, 66)
    assert len(chosen) == len({*settings.functions["S"], *settings.functions["Cu"]}) < 138


def _layers(path: Path, sizes: tuple[int, ...]) -> dict[str, Floats]:
    """Read a weights file by hand: by layer the weights, by input and then by node, and the biases."""
    numbers = iter(float(line.split()[0]) for line in path.read_text().splitlines() if not line.startswith("#"))
    found = {}
    for depth, (before, after) in enumerate(pairwise(sizes), 1):
        found[f"weights-{depth}"] = np.array([next(numbers) for _ in range(before * after)]).reshape(1, before, after)
        found[f"biases-{depth}"] = np.array([[next(numbers) for _ in range(after)]])
    assert next(numbers, None) is None
    return found


def test_published_weights_give_the_published_energy_and_forces(
    folder: Path, structure: Structure, chosen: FeatureSet
) -> None:
    """Through our kernels and our adjoint: n2p2's energy of 144 atoms and its forces."""
    settings = read_settings(folder / "input.nn", units="angstrom-ev")
    scaling = read_scaling(folder / "scaling.data", settings, units="angstrom-ev")
    assert settings.normalisation is not None
    parameters: dict[str, Floats] = {}
    for element in ("S", "Cu"):
        told, count = scaling.elements[element], chosen.count_of(element)
        assert told.sigma is not None
        own = {
            "kept": np.ones(count),
            "shift": np.array(told.mean),
            "scale": np.array(told.sigma),
            "reference": np.array(0.0),
            "least": np.array(told.minimum),
            "most": np.array(told.maximum),
            "mean": np.array(told.mean),
            "sigma": np.array(told.sigma),
            # E = Σ y / conv_energy + n · mean_energy
            "centre": np.array(settings.normalisation.mean_energy),
            "width": np.array(1 / settings.normalisation.conv_energy),
        }
        own |= _layers(folder / f"weights.{NUMBERS[element]:03d}.data", (count, *settings.hidden, 1))
        parameters |= prefixed(own, element)
    model = Hdnn("hdnn", settings.hidden, "softplus")
    potential = Potential(model, chosen.functions, parameters, ("S", "Cu"), chosen.centres)
    answer = potential.answer(structure.positions, structure.cell, [True] * 3, structure.species)
    expected = json.loads((folder / "expected.json").read_text())
    assert answer.energy == pytest.approx(expected["energy"], rel=0, abs=1e-10)
    np.testing.assert_allclose(answer.forces, expected["forces"], rtol=0, atol=1e-9)
    assert not answer.beyond.any()

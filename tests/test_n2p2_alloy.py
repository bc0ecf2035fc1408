"""A complete n2p2 potential of two elements: functions, order, scaling and normalisation give n2p2's own energy."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpbench.descriptors.symmetry import describe
from bpbench.elements import NUMBERS
from bpbench.formats.n2p2 import (
    Structure,
    read_scaling,
    read_settings,
    read_structures,
    write_scaling,
    write_settings,
    write_structures,
)

Values = dict[str, Any]


@pytest.fixture(scope="module")
def folder(reference_data: Path) -> Path:
    return reference_data / "reference" / "n2p2" / "predict" / "Cu2S_PBE"


@pytest.fixture(scope="module")
def structure(folder: Path) -> Structure:
    (found,) = read_structures(folder / "input.data", units="angstrom-ev")
    return found


@pytest.fixture(scope="module")
def values(folder: Path, structure: Structure) -> Values:
    """Raw values (atoms of the element, functions) by element."""
    settings = read_settings(folder / "input.nn", units="angstrom-ev")
    found = {}
    for element, functions in settings.functions.items():
        every = describe(functions.functions, structure.positions, structure.cell, [True] * 3, structure.species)
        found[element] = every[:, structure.species == NUMBERS[element]].T
    return found


def test_the_files_say_what_they_should(folder: Path, structure: Structure) -> None:
    """72 and 66 functions, 48 S and 96 Cu atoms, sigma scaling, softplus, normalisation, poly2 cutoff of 6 Å."""
    settings = read_settings(folder / "input.nn", units="angstrom-ev")
    assert settings.elements == ("S", "Cu")
    assert {element: len(functions) for element, functions in settings.functions.items()} == {"S": 72, "Cu": 66}
    every = [*settings.functions["S"], *settings.functions["Cu"]]
    assert {(function.cutoff, function.alpha, function.r_c) for function in every} == {("poly2", 0.0, 6.0)}
    assert (settings.scaling, settings.hidden, settings.activations) == ("sigma", (25, 25), ("p", "p", "l"))
    assert settings.normalisation is not None
    assert settings.normalisation.conv_length == 6.1376931796181502
    assert np.bincount(structure.species)[[16, 29]].tolist() == [48, 96]
    assert structure.energy == -573.700369
    assert structure.comment == "source_file_name=OUTCAR_0_1"


def test_everything_is_written_back(folder: Path, structure: Structure, tmp_path: Path) -> None:
    """Settings, scaling and structure come back equal, in either unit."""
    settings = read_settings(folder / "input.nn", units="angstrom-ev")
    scaling = read_scaling(folder / "scaling.data", settings, units="angstrom-ev")
    for units in ("angstrom-ev", "bohr-hartree"):
        assert read_settings(write_settings(settings, units=units), units=units) == settings
        assert read_scaling(write_scaling(scaling, units=units), settings, units=units) == scaling
    write_structures(tmp_path / "input.data", [structure], units="angstrom-ev")
    (again,) = read_structures(tmp_path / "input.data", units="angstrom-ev")
    np.testing.assert_array_equal(again.positions, structure.positions)
    np.testing.assert_array_equal(again.forces, structure.forces)
    np.testing.assert_array_equal(again.cell, structure.cell)


def test_values_lie_in_their_training_range(folder: Path, values: Values) -> None:
    """In n2p2's order every function of every atom lies within its min and max of scaling.data; in file order not."""
    settings = read_settings(folder / "input.nn", units="angstrom-ev")
    scaling = read_scaling(folder / "scaling.data", settings, units="angstrom-ev")
    for element, raw in values.items():
        low, high = np.array(scaling.elements[element].minimum), np.array(scaling.elements[element].maximum)
        assert ((raw >= low) & (raw <= high)).all()
        listed = raw[:, np.argsort(settings.file_order[element])]
        assert ((listed < low) | (listed > high)).mean() > 0.1


def _energies(path: Path, inputs: Any, layers: tuple[int, ...]) -> Any:
    """Evaluate a network by its weights file: for each layer the weights by input, then by node, then the biases."""
    numbers = iter(float(line.split()[0]) for line in path.read_text().splitlines() if not line.startswith("#"))
    x = inputs
    for depth, (before, after) in enumerate(pairwise(layers), start=2):
        weights = np.array([next(numbers) for _ in range(before * after)]).reshape(before, after)
        x = x @ weights + np.array([next(numbers) for _ in range(after)])
        x = np.logaddexp(0.0, x) if depth < len(layers) else x
    assert next(numbers, None) is None
    return x[:, 0]


def test_the_energy_of_the_potential_is_n2p2s(folder: Path, structure: Structure, values: Values) -> None:
    """Our values, scaled by sigma, through n2p2's weights and its normalisation, give its energy of 144 atoms."""
    settings = read_settings(folder / "input.nn", units="angstrom-ev")
    scaling = read_scaling(folder / "scaling.data", settings, units="angstrom-ev")
    net = 0.0
    for element, raw in values.items():
        told = scaling.elements[element]
        inputs = (raw - np.array(told.mean)) / np.array(told.sigma)
        layers = (raw.shape[1], *settings.hidden, 1)
        net += _energies(folder / f"weights.{NUMBERS[element]:03d}.data", inputs, layers).sum()
    assert settings.normalisation is not None
    energy = net / settings.normalisation.conv_energy + len(structure.species) * settings.normalisation.mean_energy
    expected = json.loads((folder / "expected.json").read_text())["energy"]
    assert energy == pytest.approx(expected, rel=0, abs=1e-11)

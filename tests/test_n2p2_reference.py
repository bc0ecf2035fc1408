"""Files of n2p2 and RuNNer against what these programs computed from them: order, units, scaling."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpbench.data import readers
from bpbench.descriptors.symmetry import describe, describe_frames
from bpbench.formats.n2p2 import (
    Settings,
    read_scaling,
    read_settings,
    read_structures,
    read_values,
    write_scaling,
    write_settings,
    write_structures,
)
from bpbench.units import ANGSTROM_PER_BOHR, EV_PER_HARTREE

COPPER = (".", "potentials/df1", "potentials/df4", "potentials/df4-lowerRMSE")


@pytest.fixture
def reference(reference_data: Path) -> Path:
    return reference_data / "reference"


def _dimers(folder: Path, settings: Settings) -> Any:
    functions = settings.functions["Ne"].functions
    every = [
        describe(functions, s.positions, np.zeros((3, 3)), [False] * 3, s.species)
        for s in read_structures(folder / "input.data", units="angstrom-ev")
    ]
    return np.concatenate(every, axis=1)


def test_lennard_jones_dimers_have_n2p2s_statistics(reference: Path) -> None:
    """Least, greatest and mean value and sigma of five functions over 101 Ne2 dimers, as nnp-scaling wrote them."""
    folder = reference / "n2p2" / "checkf_LJ"
    settings = read_settings(folder / "input.nn", units="angstrom-ev")
    told = read_scaling(folder / "scaling.data", settings, units="angstrom-ev").elements["Ne"]
    values = _dimers(folder, settings)
    assert values.shape == (5, 202)
    np.testing.assert_allclose(values.min(axis=1), told.minimum, rtol=1e-12)
    np.testing.assert_allclose(values.max(axis=1), told.maximum, rtol=1e-12)
    np.testing.assert_allclose(values.mean(axis=1), told.mean, rtol=1e-12)
    assert told.sigma is not None
    np.testing.assert_allclose(values.std(axis=1, ddof=1), told.sigma, rtol=1e-12)


def test_lennard_jones_settings(reference: Path) -> None:
    """The two LJ folders say the same of functions, scaling and network, and hold the same dimers."""
    one, other = (
        read_settings(reference / "n2p2" / name / "input.nn", units="angstrom-ev")
        for name in ("scaling_LJ", "checkf_LJ")
    )
    assert one == other
    assert (one.scaling, one.hidden, one.activations) == ("scale-center", (3,), ("t", "l"))
    assert [function.r_s for function in one.functions["Ne"]] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert {function.cutoff for function in one.functions["Ne"]} == {"tanh3"}
    first = next(read_structures(reference / "n2p2" / "scaling_LJ" / "input.data", units="angstrom-ev"))
    assert first.cell is None
    assert first.comment.startswith("r =   1.00000000E+00, E =")
    # dE/dr along the space diagonal pulls atom 0 back by -24/√3 in each direction.
    np.testing.assert_allclose(first.forces[0], -24.0 / np.sqrt(3.0), rtol=1e-8)


def test_copper_values_stand_in_runners_order(reference: Path) -> None:
    """RuNNer's raw values of 30 Cu structures are those of the functions as read, to its ten decimals."""
    folder = reference / "runner_cu"
    settings = read_settings(folder / "input.nn", units="bohr-hartree")
    # The file lists λ = 1 before λ = -1; values alternate.
    assert settings.file_order["Cu"] == (0, 1, 2, 3, 4, 9, 5, 10, 6, 11, 7, 12, 8)
    pairs = zip(
        copper_frames(folder / "teststruct.data.xz"),
        read_values(folder / "testing.data.xz", units="bohr-hartree"),
        strict=True,
    )
    atoms = 0
    for (cell, positions), told in islice(pairs, 3, 813, 27):
        ours = describe(settings.functions["Cu"].functions, positions, cell, [True] * 3, told.species)
        np.testing.assert_allclose(ours.T, told.of("Cu"), rtol=0, atol=5.1e-11)
        atoms += len(told.species)
    assert atoms > 200


def copper_frames(path: Path) -> Any:
    """Yield (cell, positions) in Å; a line with a number and T, three of the cell, one for each atom."""
    import lzma

    frames: list[list[list[str]]] = []
    with lzma.open(path, "rt") as lines:
        for words in map(str.split, lines):
            if len(words) == 2:
                frames.append([])
            else:
                frames[-1].append(words)
    for rows in frames:
        cell, positions = np.array(rows[:3], dtype=float), np.array([row[1:4] for row in rows[3:]], dtype=float)
        yield cell * ANGSTROM_PER_BOHR, positions * ANGSTROM_PER_BOHR


def test_copper_values_and_energies_lie_in_runners_ranges(reference: Path) -> None:
    """814 test structures: 13 values an atom, within the training range, and energies as in testpoints."""
    folder = reference / "runner_cu"
    settings = read_settings(folder / "input.nn", units="bohr-hartree")
    scaling = read_scaling(folder / "scaling.data", settings, units="bohr-hartree")
    told = list(read_values(folder / "testing.data.xz", units="bohr-hartree"))
    assert len(told) == 814
    values = np.concatenate([structure.of("Cu") for structure in told])
    assert values.shape == (7250, 13)
    copper = scaling.elements["Cu"]
    assert copper.sigma is None
    inside = (values >= np.array(copper.minimum) - 1e-9) & (values <= np.array(copper.maximum) + 1e-9)
    assert inside.mean() > 0.99
    points = np.array([line.split() for line in (folder / "testpoints.000007.out").read_text().splitlines()[1:]], float)
    atoms = np.array([len(structure.species) for structure in told])
    np.testing.assert_array_equal(atoms, points[:, 1])
    total = np.array([structure.energy for structure in told]) * atoms
    np.testing.assert_allclose(total, points[:, 2] * EV_PER_HARTREE, rtol=0, atol=1e-6)
    assert scaling.energy_range is not None
    assert scaling.energy_range[0] == pytest.approx(-0.1359667057 * EV_PER_HARTREE, rel=1e-15)


@pytest.mark.parametrize("name", COPPER)
def test_runner_folders_are_read_and_written_back(reference: Path, name: str) -> None:
    """Four settings and scalings of RuNNer, one of them in its short form, come back equal."""
    folder = reference / "runner_cu" / name
    settings = read_settings(folder / "input.nn", units="bohr-hartree")
    short = name.endswith("RMSE")
    assert len(settings.functions["Cu"]) == 13
    assert {function.cutoff for function in settings.functions["Cu"]} == {"tanh3" if short else "cos"}
    assert [f.r_c for f in settings.functions["Cu"]] == pytest.approx([12 * ANGSTROM_PER_BOHR] * 13, rel=1e-15)
    assert (settings.scaling, settings.hidden, settings.activations) == ("scale-center", (15, 15), ("t", "t", "l"))
    scaling = read_scaling(folder / "scaling.data", settings, units="bohr-hartree")
    for units in ("angstrom-ev", "bohr-hartree"):
        assert read_settings(write_settings(settings, units=units), units=units) == settings
        assert read_scaling(write_scaling(scaling, units=units), settings, units=units) == scaling


def test_dimers_are_frames(reference: Path, tmp_path: Path) -> None:
    """An input.data is a file of frames like any other: one group, cut blocks, open boundaries; packed or not."""
    folder = reference / "n2p2" / "scaling_LJ"
    frames = readers.read(readers.open_source(folder / "input.data", block_length=10))
    assert len(frames) == 101
    assert not frames.pbc.any()
    assert set(frames.group.tolist()) == {"all"}
    assert len(set(frames.block.tolist())) == 10
    settings = read_settings(folder / "input.nn", units="angstrom-ev")
    values = describe_frames(settings.functions["Ne"].functions, frames, 0, 101)
    np.testing.assert_array_equal(values, _dimers(folder, settings))
    structures = read_structures(folder / "input.data", units="angstrom-ev")
    write_structures(tmp_path / "dimers.data.xz", structures, units="bohr-hartree")
    again = readers.read(readers.open_source(tmp_path / "dimers.data.xz", block_length=10, units="bohr-hartree"))
    np.testing.assert_allclose(again.positions, frames.positions, rtol=2e-15)
    np.testing.assert_allclose(again.energy, frames.energy, rtol=2e-15)
    np.testing.assert_allclose(again.forces, frames.forces, rtol=2e-15)

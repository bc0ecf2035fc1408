"""The audit: geometry against ASE, robust outliers, units wrong on purpose, and words that are true of real data."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list

from bpbench import cli
from bpbench.data import aluminium, archive, readers
from bpbench.data.frames import Frames
from bpbench.data.geometry import duplicates, nearest_distances, widths
from bpbench.data.inspect import inspect
from bpbench.descriptors import values
from bpbench.descriptors.symmetry import describe_frames
from bpbench.features import preset
from bpbench.report import terminal
from bpbench.statistics.autocorrelation import autocorrelation
from bpbench.units import ANGSTROM_PER_BOHR, EV_PER_HARTREE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


NO_FORCES = "Not every frame carries forces, so neither they nor the units of energies against them are checked."
FAR = "more than 6 robust standard deviations from the group's median: worth a look before training."


def _frames(images: Sequence[Atoms], energy: Sequence[float] | None = None, group: str = "g") -> Frames:
    F = len(images)
    return Frames(
        positions=np.concatenate([atoms.positions for atoms in images]),
        cells=np.array([atoms.cell.array for atoms in images]),
        pbc=np.array([atoms.pbc for atoms in images]),
        species=np.concatenate([atoms.numbers for atoms in images]),
        offsets=np.concatenate([[0], np.cumsum([len(atoms) for atoms in images])]),
        energy=-3.0 * np.array([len(atoms) for atoms in images]) if energy is None else np.array(energy),
        forces=None,
        id=np.arange(F),
        group=np.full(F, group),
        block=np.array([f"{group}/{number // 5}" for number in range(F)]),
        temperature=None,
        blocks_declared=True,
    )


def _crystal(seed: int = 0, shake: float = 0.1, cells: int = 2) -> Atoms:
    atoms = bulk("Al", "fcc", a=4.05, cubic=True) * (cells, cells, cells)
    atoms.positions += np.random.default_rng(seed).normal(scale=shake, size=atoms.positions.shape)
    return atoms


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Frames:
    """Simulate a solid and a liquid of 32 atoms, saved at every step."""
    states = (aluminium.State(300.0, "solid"), aluminium.State(1500.0, "liquid"))
    path: Path = tmp_path_factory.mktemp("dense") / "dense.npz"
    return aluminium.make(path, frames=12, spacing=1, cells=2, settle=40, states=states)


# ------------------------------------------------------------------------------------------------------ geometry


@pytest.mark.parametrize("seed", range(8))
def test_nearest_distances_are_those_of_ases_neighbour_list(seed: int) -> None:
    """In skewed cells, with any directions periodic and atoms anywhere, ASE's list has the same nearest neighbours."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 12))
    atoms = Atoms(f"Al{count}", rng.normal(scale=6, size=(count, 3)))
    atoms.set_cell(np.diag(rng.uniform(2, 9, size=3)) + rng.normal(scale=1.0, size=(3, 3)))
    atoms.pbc = [(seed & 1) > 0, (seed & 2) > 0, (seed & 4) > 0]
    found = nearest_distances(_frames([atoms]), 0)
    expected = np.full(count, np.inf)
    index, distance = neighbor_list(
        "id", atoms, 14.0 if atoms.pbc.any() else 60.0
    )  # its own image is within reach of every atom
    np.minimum.at(expected, index, distance)
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_a_single_atom_meets_its_images_or_nobody() -> None:
    """One atom in a primitive cell has its image a/√2 away; without periodicity it has no neighbour."""
    primitive = bulk("Al", "fcc", a=4.05)
    lone = Atoms("Al")
    frames = _frames([primitive, lone])
    assert nearest_distances(frames, 0).tolist() == pytest.approx([4.05 / np.sqrt(2)])
    assert np.isinf(nearest_distances(frames, 1)).all()
    assert widths(frames).tolist() == pytest.approx([4.05 / np.sqrt(3), np.inf])
    audit = inspect(_frames([lone]), "lone")
    assert audit["closest_pair"] is audit["nearest_neighbour"] is audit["volume_per_atom"] is None


def test_duplicates_are_found_through_order_and_images() -> None:
    """Shuffled atoms in other periodic images make a duplicate; nudged, turned or stretched ones do not."""
    one = _crystal(1)
    copy = one[np.random.default_rng(2).permutation(len(one))]
    copy.positions += np.random.default_rng(3).integers(-2, 3, size=(len(one), 3)) @ one.cell.array
    nudged, stretched, turned = one.copy(), one.copy(), one.copy()
    nudged.positions[5, 1] += 1e-4
    stretched.set_cell(1.001 * one.cell.array, scale_atoms=False)
    turned.positions = one.positions[:, [1, 0, 2]]
    images = [nudged, one, _crystal(7), copy, stretched, turned, one]
    frames = _frames(images)
    assert duplicates(frames, [nearest_distances(frames, frame) for frame in range(len(frames))]) == [(1, 3), (1, 6)]


def test_duplicates_are_told_with_their_energies_and_blocks() -> None:
    """Equal energies mean a spare frame, different ones different calculations; different blocks mean a leak."""
    same, other = _crystal(1), _crystal(2)
    images = [same, other, same, *(_crystal(seed) for seed in range(3, 6)), other]
    audit = inspect(_frames(images, [-96, -97, -96, -95, -95.5, -96.2, -97.032]), "x")
    assert [item["frames"] for item in audit["duplicates"]] == [[0, 2], [1, 6]]
    text = " ".join(audit["findings"])
    assert "Frames 0 and 2 hold the same geometry, with equal energies: one of them can go." in text
    assert "Frames 1 and 6 hold the same geometry, but energies 1 meV/atom apart" in text
    assert "They stand in different blocks, so a split may part them." in text


# ------------------------------------------------------------------------------------------------ sound and unsound


def test_the_embedded_sample_raises_no_finding() -> None:
    """Sound, well-spaced data get no warning, and every number of the audit is plain JSON."""
    frames = readers.read(readers.sample_source())
    audit = inspect(frames, readers.SAMPLE_LABEL)
    assert audit["findings"] == audit["notes"] == []
    assert json.loads(json.dumps(audit, allow_nan=False)) == audit
    assert (audit["frames"], audit["atoms"], audit["blocks"], audit["elements"]) == (440, 112640, 88, ["Al"])
    assert audit["net_force"]["largest"] < 1e-5
    first = audit["groups"][0]
    chosen = frames.energy[:40] / 256
    assert first["energy_per_atom"] == pytest.approx(
        {"min": chosen.min(), "mean": chosen.mean(), "max": chosen.max(), "sd": chosen.std(ddof=1)}
    )
    assert first["temperature_k"] == {"min": 10.0, "mean": 10.0, "max": 10.0}
    assert audit["volume_per_atom"]["min"] == pytest.approx(aluminium.State(10.0, "solid").lattice ** 3 / 4)


def test_saving_densely_is_noticed_and_well_spaced_frames_are_not(dense: Frames) -> None:
    """Ballistic motion gives the ratio 1/4 of near copies; the well-spaced sample has 1/2 (liquid) to 1 (solid)."""
    audit = inspect(dense, "dense")
    for group in audit["groups"]:
        assert group["displacement_ratio"] == pytest.approx(0.25, abs=0.03)
        assert any(group["name"] in note and "near copies" in note for note in audit["notes"])
    sample = inspect(readers.read(readers.sample_source()), "sample")
    for group in sample["groups"]:
        expected, within = (0.54, 0.06) if "liquid" in group["name"] else (1.0, 0.15)
        assert group["displacement_ratio"] == pytest.approx(expected, abs=within)


def test_outliers_are_told_by_group() -> None:
    """One energy far out of its own group is named even if another group holds such energies, as is one large force."""
    rng = np.random.default_rng(0)
    low, high = (
        _frames([_crystal(seed + shift) for seed in range(20)], group=name) for shift, name in ((0, "a"), (50, "b"))
    )
    energy = np.concatenate([-96 + 0.1 * rng.normal(size=20), -90 + 0.1 * rng.normal(size=20)])
    energy[7] = -90
    forces = rng.normal(size=(40 * 32, 3))
    forces -= forces.reshape(40, 32, 3).mean(axis=1).repeat(32, axis=0)
    forces[30 * 32 : 30 * 32 + 2] = [[80, 0, 0], [-80, 0, 0]]
    forces[30 * 32 + 2 : 31 * 32] = 0
    frames = replace(
        low,
        positions=np.concatenate([low.positions, high.positions]),
        cells=np.concatenate([low.cells, high.cells]),
        pbc=np.concatenate([low.pbc, high.pbc]),
        species=np.concatenate([low.species, high.species]),
        offsets=np.arange(41) * 32,
        energy=energy,
        forces=forces,
        id=np.arange(40),
        group=np.concatenate([low.group, high.group]),
        block=np.concatenate([low.block, high.block]),
    )
    audit = inspect(frames, "x")
    assert [(item["frame"], item["quantity"]) for item in audit["outliers"]] == [(7, "energy"), (30, "force")]
    assert audit["findings"] == [
        f"In the group 'a' frame 7 has an energy per atom {FAR}",
        f"In the group 'b' frame 30 has a largest force {FAR}",
    ]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"energy": 1 / EV_PER_HARTREE}, "check whether energies are in Hartree"),
        ({"energy": 2 / EV_PER_HARTREE}, "check whether energies are in Rydberg"),
        ({"energy": 23.0605}, "check whether energies are in kcal/mol or forces are in Rydberg/Bohr"),
        ({"energy": 96.4853}, "check whether energies are in kJ/mol"),
        ({"forces": ANGSTROM_PER_BOHR / EV_PER_HARTREE}, "check whether forces are in Hartree/Bohr"),
        ({"forces": ANGSTROM_PER_BOHR}, "check whether forces are per Bohr"),
        ({"forces": -1.0}, "check whether forces are gradients, of opposite sign"),
        ({"forces": 1 / 700}, "check the units of both, and what ASE took for them"),
        (
            {"positions": 1 / ANGSTROM_PER_BOHR, "cells": 1 / ANGSTROM_PER_BOHR},
            "check whether lengths are in Bohr, which would make it",
        ),
        ({"positions": 0.1, "cells": 0.1}, "check whether lengths are in nm or in units of the cell"),
    ],
)
def test_wrong_units_are_suspected(dense: Frames, change: dict[str, float], sentence: str) -> None:
    """A trajectory put into wrong units on purpose is told so; in right units it is not."""
    assert inspect(dense, "right")["findings"] == []
    wrong: dict[str, Any] = {name: getattr(dense, name) * factor for name, factor in change.items()}
    assert sentence in " ".join(inspect(replace(dense, **wrong), "wrong")["findings"])


def test_energies_per_atom_are_suspected(dense: Frames) -> None:
    """Energies that do not grow with the number of atoms, or change too little for the forces, look per-atom."""
    assert "energies are per atom" in " ".join(
        inspect(replace(dense, energy=dense.energy / dense.atoms), "x")["findings"]
    )
    ragged = [_crystal(1, cells=1), _crystal(2), _crystal(3, cells=1)]
    found = inspect(_frames(ragged, [-3.4, -3.5, -3.45]), "x")["findings"]
    nearly_equal = "The energies of frames with 4 to 32 atoms are nearly equal: check whether they are per atom"
    assert found == [f"{nearly_equal}; total energies are expected."]
    assert inspect(_frames(ragged), "x")["findings"] == []


def test_the_slope_of_energy_against_work_is_one(dense: Frames) -> None:
    """Between neighbouring frames the trapezoidal rule holds to a percent, and its absence is said."""
    slope = inspect(dense, "x")["energy_force_slope"]
    assert slope["slope"] == pytest.approx(1, abs=0.01)
    assert slope["pairs"] == 22
    audit = inspect(replace(dense, forces=None), "x")
    assert audit["energy_force_slope"] is audit["force"] is audit["net_force"] is None
    assert NO_FORCES in audit["notes"]


def test_net_forces_and_missing_forces_are_found(dense: Frames) -> None:
    """A frame whose forces do not balance is named, and zeros everywhere are called what they are."""
    assert dense.forces is not None
    forces = dense.forces.copy()
    forces[dense.rows(4)] += [0, 0, 0.01]
    found = inspect(replace(dense, forces=forces), "x")["findings"]
    assert any("those of frame 4 sum to 0.32 eV/Å" in sentence for sentence in found)
    found = inspect(replace(dense, forces=np.zeros_like(forces)), "x")["findings"]
    assert "Every force is exactly zero: check whether the forces were written at all." in found


def test_overlapping_atoms_are_found() -> None:
    """Two atoms in one place are named with their frame, as are atoms far too close."""
    images = [_crystal(seed) for seed in range(3)]
    images[1].positions[3] = images[1].positions[4] + [0.05, 0, 0]
    audit = inspect(_frames(images), "x")
    assert audit["closest_pair"] == pytest.approx({"distance": 0.05, "frame": 1})
    assert "In frame 1 two atoms are only 0.05 Å apart" in " ".join(audit["findings"])
    images[1].positions[3] = images[1].positions[4]
    assert inspect(_frames(images), "x")["closest_pair"]["distance"] == pytest.approx(0, abs=1e-12)


def test_small_cells_are_a_note_and_no_finding() -> None:
    """A cutoff longer than a cell is served by periodic images; the audit says so without alarm."""
    audit = inspect(_frames([_crystal(0), _crystal(1, cells=4)]), "x", r_c=6.8)
    assert audit["findings"] == []
    assert audit["notes"][0].startswith(
        "In 1 frame the cell is narrower than twice the cutoff of 6.8 Å (narrowest 8.10 Å)"
    )
    assert inspect(_frames([_crystal(0)]), "x", r_c=4.0)["notes"] == [NO_FORCES]


def test_cut_blocks_are_noted() -> None:
    """Blocks that did not come with the data are called cut."""
    frames = replace(_frames([_crystal(seed, cells=4) for seed in range(6)]), blocks_declared=False)
    assert inspect(frames, "x")["notes"] == [
        NO_FORCES,
        "The frames name no blocks; consecutive frames were cut into 2 blocks for splitting.",
    ]


# --------------------------------------------------------------------------------------------------- trajectories


def test_each_trajectory_is_told_with_what_its_frames_are_worth(dense: Frames) -> None:
    """τ of the energies of each group as emcee's sum gives it, blocks of five τ, and that τ is unreliable."""
    audit = inspect(dense, "dense")
    for told in audit["trajectories"]:
        series = dense.energy[dense.group == told["name"]]
        away = series - series.mean()
        rho = [away[: 12 - t] @ away[t:] / (away @ away) for t in range(12)]
        times = 2 * np.cumsum(rho) - 1
        tau = next(time for lag, time in enumerate(times) if lag >= 5 * time)
        assert told["tau"] == pytest.approx(tau)
        assert told["effective_frames"] == pytest.approx(12 / max(tau, 1))
        assert (told["block_length"], told["guard"]) == (np.ceil(5 * max(tau, 1)), np.ceil(max(tau, 1)))
        assert told["descriptors"] is None
        assert not told["reliable"]
    shown = "\n".join(terminal.audit(audit))
    assert shown.count("τ unreliable (fewer than 50 frames)") == 2  # as τ < 1
    assert "block ≥ 5τ" in shown


def test_descriptors_are_told_by_their_median_and_largest_tau(dense: Frames) -> None:
    """Means over the atoms by the definition; a column that never changes is counted and no more."""
    functions = preset("thesis-12").functions
    means = values.means(functions, dense)
    for frame in (0, 13):
        of_atoms = describe_frames(functions, dense, frame, frame + 1)
        np.testing.assert_allclose(means[frame], of_atoms.mean(axis=1), rtol=1e-12)
    audit = inspect(dense, "dense", means=np.concatenate([means, np.ones((len(dense), 1))], axis=1))
    for told in audit["trajectories"]:
        tau = autocorrelation(means[dense.group == told["name"]]).tau
        assert told["descriptors"] == {
            "tau_median": pytest.approx(np.median(tau)),
            "tau_largest": pytest.approx(tau.max()),
            "largest": int(np.argmax(tau)),
            "reliable": False,
            "constant": 1,
        }
    assert json.loads(json.dumps(audit, allow_nan=False)) == audit
    still = inspect(dense, "dense", means=np.ones((len(dense), 2)))["trajectories"][0]["descriptors"]
    assert (still["tau_median"], still["constant"]) == (None, 2)


def test_the_command_line_tells_descriptors_on_request(
    dense: Frames, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --features the table has their columns; an unknown preset is refused before anything is read."""
    archive.save(tmp_path / "dense.npz", dense)
    path = str(tmp_path / "dense.npz")
    assert cli.main(["data", "inspect", path, "--features", "thesis-12"]) == 0
    assert "τ descriptors: median  largest" in capsys.readouterr().out
    assert cli.main(["data", "inspect", path]) == 0
    out = capsys.readouterr().out
    assert "τ energy" in out
    assert "descriptors" not in out
    assert cli.main(["data", "inspect", path, "--features", "thesis-13"]) == 2
    assert "thesis-13" in capsys.readouterr().err


def test_trajectories_without_a_tau_say_why() -> None:
    """One frame, and equal energies, have none."""
    audit = inspect(_frames([_crystal(0)]), "one")
    assert audit["trajectories"][0]["tau"] is None
    assert "τ undefined (a single frame)" in "\n".join(terminal.audit(audit))
    audit = inspect(_frames([_crystal(seed) for seed in range(4)]), "equal")
    assert "τ undefined (all energies are equal)" in "\n".join(terminal.audit(audit))


# ----------------------------------------------------------------------------------------------------- real data


@pytest.mark.parametrize(
    ("name", "findings"),
    [
        (
            "cu_snap_aimd_elastic_surface",
            ["Frames 223 and 224 hold the same geometry, with equal energies: one of them can go."],
        ),
        ("al_lial_vasp_fcc108", []),
        ("al_warmdense_11605K_first", []),
        ("si_mlearn", []),
        (
            "al_dftk_pbe_cells",
            [f"In the group 'parent8_n7' frame 56 has an energy per atom {FAR}"],
        ),
    ],
)
def test_words_are_true_of_real_data(reference_data: Path, name: str, findings: list[str]) -> None:
    """Five files of DFT frames: the one known duplicate is found, forces balance, and no unit is suspected."""
    frames = readers.read(readers.open_source(reference_data / "dft" / f"{name}.extxyz.xz"))
    audit = inspect(frames, name)
    assert audit["findings"] == findings
    assert audit["net_force"]["largest"] < 2.4e-6
    json.dumps(audit, allow_nan=False)


def test_an_input_data_is_audited_in_the_units_that_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its units must be said, those of other files must not, and one frame is no frames."""
    path = tmp_path / "input.data"
    atoms = "atom 0 0 0 Al 0 0 0 0 0\natom 0 0 5.3 Al 0 0 0 0 0\n"
    lattice = "lattice 20 0 0\nlattice 0 20 0\nlattice 0 0 20\n"
    path.write_text(f"begin\n{lattice}{atoms}energy -1.0\ncharge 0.0\nend\n", encoding="utf-8")
    assert cli.main(["data", "inspect", str(path)]) == 2
    assert f"{path} does not say its units; add --units angstrom-ev or --units bohr-hartree." in capsys.readouterr().err
    assert cli.main(["data", "inspect", str(path), "--units", "bohr-hartree"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("input.data: 1 frame, 2 atoms of Al, ")
    assert "Closest pair of atoms: 2.805 Å" in out
    assert cli.main(["data", "inspect", str(path), "--units", "angstrom-ev"]) == 0
    assert "Closest pair of atoms: 5.300 Å" in capsys.readouterr().out
    other = str(readers.SAMPLE)
    assert cli.main(["data", "inspect", other, "--units", "angstrom-ev"]) == 2
    sentence = f"--units says those of an input.data of n2p2 or RuNNer, and {other} is none; leave it out."
    assert sentence in capsys.readouterr().err

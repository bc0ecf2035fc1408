"""The embedded aluminium sample: EMT's own numbers, solid solids, liquid liquids, and its generator."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from ase import Atoms, units
from ase.calculators.emt import EMT

from bpbench.data import aluminium, readers
from bpbench.data.blocks import trajectories
from bpbench.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from bpbench.data.frames import Floats, Frames

SOLIDS = [state.name for state in aluminium.STATES if state.phase == "solid"]
LIQUIDS = [state.name for state in aluminium.STATES if state.phase == "liquid"]


@pytest.fixture(scope="module")
def sample() -> Frames:
    """Read the committed sample."""
    return readers.read(readers.sample_source())


def _trajectory(sample: Frames, name: str) -> tuple[Floats, float]:
    """Return unwrapped positions (frames, atoms, 3) and the edge of the box."""
    chosen = np.flatnonzero(sample.group == name)
    return sample.positions.reshape(len(sample), 256, 3)[chosen], float(sample.cells[chosen[0], 0, 0])


def _msd(positions: Floats, lag: int) -> float:
    """Mean square displacement over ``lag`` saved frames, Å²."""
    return float(((positions[lag:] - positions[:-lag]) ** 2).sum(axis=-1).mean())


def _pair_distribution(positions: Floats, edge: float, low: float, high: float) -> float:
    """Mean of g(r) over low < r < high (below half the box): pairs found over pairs in an ideal gas."""
    found = 0
    for frame in positions[::4]:
        apart = frame[:, None] - frame[None]
        apart -= edge * np.rint(apart / edge)
        distances = np.sqrt((apart**2).sum(axis=-1))[np.triu_indices(len(frame), 1)]
        found += int(((distances > low) & (distances < high)).sum())
    shell = 4 / 3 * np.pi * (high**3 - low**3) / edge**3
    return found / len(positions[::4]) / (256 * 255 / 2 * shell)


def _second_shell(positions: Floats, edge: float) -> float:
    """g(r) at the second shell of fcc (r = a) over g(r) at the gap before it (r = 0.86 a)."""
    a = edge / 4
    peak, gap = (_pair_distribution(positions, edge, (at - 0.04) * a, (at + 0.04) * a) for at in (1.0, 0.86))
    return peak / max(gap, 1e-3)


def test_the_sample_has_the_eleven_state_points(sample: Frames) -> None:
    """40 frames of 256 atoms at each temperature, 1500 K twice, all aluminium in cubic periodic boxes."""
    names, counts = np.unique(sample.group, return_counts=True)
    assert set(names.tolist()) == {state.name for state in aluminium.STATES}
    assert len(names) == 11
    assert set(counts.tolist()) == {40}
    temperatures = sorted(state.temperature for state in aluminium.STATES)
    assert temperatures == [10, 300, 500, 800, 1000, 1250, 1350, 1500, 1500, 1600, 1700]
    assert sample.temperature is not None
    assert sorted(sample.temperature[::40].tolist()) == temperatures
    assert set(sample.atoms.tolist()) == {256}
    assert set(sample.species.tolist()) == {13}
    assert sample.pbc.all()
    edges = sample.cells[:, 0, 0]
    np.testing.assert_array_equal(sample.cells, edges[:, None, None] * np.eye(3))


def test_blocks_are_declared_and_consecutive(sample: Frames) -> None:
    """Eight blocks of five consecutive frames at each state point."""
    assert sample.blocks_declared
    blocks = sample.block.reshape(88, 5)
    assert (blocks == blocks[:, :1]).all()
    assert len(set(blocks[:, 0].tolist())) == 88
    assert all(block.startswith(f"{group}/") for block, group in zip(sample.block, sample.group, strict=True))


def test_the_lattice_expands_with_temperature() -> None:
    """Hotter boxes are larger within a phase, and any liquid is thinner than any solid."""
    solid = [state.lattice for state in aluminium.STATES if state.phase == "solid"]
    liquid = [state.lattice for state in aluminium.STATES[:-1] if state.phase == "liquid"]
    assert solid == sorted(solid)
    assert liquid == sorted(liquid)
    assert max(solid) < min(liquid)
    assert aluminium.State(300.0, "solid").lattice == pytest.approx(3.994 * (1 + 300 * 2.8e-5), abs=1e-5)


def test_energies_and_forces_are_those_of_emt_at_the_stored_positions(sample: Frames) -> None:
    """ASE's EMT gives the stored numbers again: energies to 1e-8 eV, forces to float32 precision."""
    assert sample.forces is not None
    for frame in (0, 159, 160, 333, 439):
        rows = sample.rows(frame)
        atoms = Atoms(
            sample.species[rows], sample.positions[rows], cell=sample.cells[frame], pbc=True, calculator=EMT()
        )
        assert sample.energy[frame] == pytest.approx(atoms.get_potential_energy(), abs=1e-8)
        np.testing.assert_allclose(sample.forces[rows], atoms.get_forces(), rtol=1e-6, atol=1e-7)


def test_pressures_are_within_1_gpa_of_zero(sample: Frames) -> None:
    """The densities suit EMT: the mean pressure (virial and ideal gas) of each state stays below 1 GPa in magnitude."""
    assert sample.temperature is not None
    for state in aluminium.STATES:
        found = []
        for frame in np.flatnonzero(sample.group == state.name)[::13]:
            rows = sample.rows(frame)
            atoms = Atoms(sample.species[rows], sample.positions[rows], cell=sample.cells[frame], pbc=True)
            atoms.calc = EMT()
            virial = -atoms.get_stress()[:3].mean()
            found.append(virial + 256 * units.kB * state.temperature / atoms.get_volume())
        assert abs(np.mean(found)) / units.GPa < 1, state.name


@pytest.mark.parametrize("name", SOLIDS)
def test_solids_are_solid(sample: Frames, name: str) -> None:
    """Atoms stay at their sites (MSD below a tenth of the bond length squared) and fcc shells stand apart."""
    positions, edge = _trajectory(sample, name)
    a = edge / 4
    assert _msd(positions, 39) < 0.1 * (a**2 / 2)
    assert _msd(positions, 30) < 1.3 * _msd(positions, 5) or _msd(positions, 30) < 1e-3 * a**2
    assert _second_shell(positions, edge) > 1.8
    # Twelve nearest neighbours, six next ones: counts of the shells of fcc up to midway between third and fourth.
    rest = positions.mean(axis=0)
    apart = rest[:, None] - rest[None]
    apart -= edge * np.rint(apart / edge)
    distances = np.sqrt((apart**2).sum(axis=-1)) / a
    shells = [(distances > low) & (distances < high) for low, high in ((0.5, 0.85), (0.85, 1.1))]
    assert [shell.sum(axis=1).tolist() for shell in shells] == [[12] * 256, [6] * 256]


@pytest.mark.parametrize("name", LIQUIDS)
def test_liquids_are_liquid(sample: Frames, name: str) -> None:
    """Atoms wander (MSD grows steadily to beyond (0.3 a)²) and the second shell of fcc is gone."""
    positions, edge = _trajectory(sample, name)
    a = edge / 4
    assert _msd(positions, 30) > (0.3 * a) ** 2
    assert _msd(positions, 30) > 2 * _msd(positions, 10)
    assert _second_shell(positions, edge) < 1.3


def test_hotter_liquids_flow_faster(sample: Frames) -> None:
    """The mean square displacement rises with temperature, as diffusion does; the two runs at 1500 K agree to 15 %."""
    msd = {name: _msd(_trajectory(sample, name)[0], 10) for name in LIQUIDS}
    first = [msd[name] for name in LIQUIDS if "run" not in name]
    assert first == sorted(first)
    assert msd["1500 K liquid (run 2)"] == pytest.approx(msd["1500 K liquid"], rel=0.15)


def test_the_two_runs_at_1500_k_are_independent(sample: Frames) -> None:
    """The second run is another trajectory, not a copy."""
    one, other = (_trajectory(sample, name)[0] for name in ("1500 K liquid", "1500 K liquid (run 2)"))
    assert np.abs(one - other).max(axis=(1, 2)).min() > 0.5


TINY = {
    "frames": 3,
    "spacing": 2,
    "cells": 2,
    "settle": 3,
    "states": (aluminium.State(300.0, "solid"), aluminium.State(1500.0, "liquid", run=2)),
}


def test_the_generator_repeats_itself_to_the_byte(tmp_path: Path) -> None:
    """Equal settings give equal files, on one process or two; another seed gives other atoms."""
    one = aluminium.make(tmp_path / "one.npz", **TINY)
    aluminium.make(tmp_path / "two.npz", processes=2, **TINY)
    digests = [hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in ("one.npz", "two.npz")]
    assert digests[0] == digests[1]
    other = aluminium.make(tmp_path / "three.npz", seed=2, **TINY)
    assert np.abs(one.positions - other.positions).max() > 1e-3
    np.testing.assert_array_equal(one.positions, readers.read(readers.open_source(tmp_path / "one.npz")).positions)


@pytest.mark.slow
def test_the_committed_sample_is_what_the_generator_makes(sample: Frames, tmp_path: Path) -> None:
    """The first frame of the coldest state comes out again; cold atoms forget the last bits of another CPU slowly."""
    again = aluminium.make(tmp_path / "again.npz", frames=1, states=aluminium.STATES[:1])
    np.testing.assert_allclose(again.positions, sample.positions[:256], atol=2e-5)
    np.testing.assert_allclose(again.energy, sample.energy[:1], atol=1e-5)


def test_a_state_does_not_depend_on_the_others(tmp_path: Path) -> None:
    """Seeds come from names: a state alone gives the frames it gives among others."""
    both = aluminium.make(tmp_path / "both.npz", **TINY)
    alone = aluminium.make(tmp_path / "alone.npz", **{**TINY, "states": TINY["states"][1:]})
    np.testing.assert_array_equal(alone.positions, both.positions[3 * 32 :])
    np.testing.assert_array_equal(alone.energy, both.energy[3:])


def test_spacing_alone_decides_how_densely_a_trajectory_is_saved(tmp_path: Path) -> None:
    """A trajectory saved at every step holds the frames of the same one saved at every third."""
    states = (aluminium.State(300.0, "solid"),)
    dense = aluminium.make(tmp_path / "dense.npz", frames=6, spacing=1, cells=2, settle=3, states=states)
    spaced = aluminium.make(tmp_path / "spaced.npz", frames=2, spacing=3, cells=2, settle=3, states=states)
    np.testing.assert_array_equal(spaced.energy, dense.energy[2::3])


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"frames": 0}, "needs frames of at least 1, found 0"),
        ({"spacing": 0}, "needs spacing of at least 1, found 0"),
        ({"states": ()}, "needs states of at least 1, found 0"),
        (
            {"states": (aluminium.State(300.0, "gas"),)},
            "solid or liquid at a positive temperature in K, found '300 K gas'",
        ),
        ({"states": (aluminium.State(-1.0, "solid"),)}, "found '-1 K solid'"),
    ],
)
def test_impossible_settings_are_refused(tmp_path: Path, wrong: dict[str, object], sentence: str) -> None:
    """Nothing is simulated and nothing written for a setting that cannot be meant."""
    with pytest.raises(DataError, match=sentence):
        aluminium.make(tmp_path / "a.npz", **{**TINY, **wrong})
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_is_refused_before_any_work(tmp_path: Path) -> None:
    """The name ends in .npz and its folder exists, or minutes of simulation would be lost."""
    for path in (tmp_path / "a.xyz", tmp_path / "nowhere" / "a.npz"):
        with pytest.raises(DataError, match=r"a file whose name ends in \.npz, in a folder that exists"):
            aluminium.make(path)


# ----------------------------------------------------------------------------------------------- the dense sample


@pytest.fixture(scope="module")
def dense() -> Frames:
    """Read the committed dense sample."""
    return readers.read(readers.open_source(readers.SAMPLES["dense"]))


def test_the_dense_sample_holds_four_trajectories_and_a_fresh_one_of_each(dense: Frames) -> None:
    """500 frames of 108 atoms, then 40 of the second runs; no forces, and blocks that are cut when it is read."""
    names, counts = zip(*((name, int((dense.group == name).sum())) for name in dict.fromkeys(dense.group)), strict=True)
    first = [state.name for state in aluminium.DENSE]
    assert list(names) == first + [f"{name} (run 2)" for name in first]
    assert counts == (500,) * 4 + (40,) * 4
    assert set(dense.atoms.tolist()) == {108}
    assert dense.forces is None
    assert not dense.blocks_declared


def test_the_dense_sample_is_dense_and_its_second_runs_are_fresh(dense: Frames) -> None:
    """τ of the energies is several frames in the first runs and about one in the second, which share no frame."""
    told = {item.name: item for item in trajectories(dense.energy / dense.atoms, dense.group)}
    for state in aluminium.DENSE:
        first, second = told[state.name], told[f"{state.name} (run 2)"]
        assert first.tau is not None
        assert second.tau is not None
        assert 4 < first.tau < 20
        assert second.tau < 3
        one, other = (dense.energy[dense.group == item.name] for item in (first, second))
        # Two draws of one state: their means agree, by the effective numbers of frames.
        error = np.sqrt(one.var() / first.effective + other.var() / second.effective)
        assert abs(one.mean() - other.mean()) < 4 * error


def test_energies_of_the_dense_sample_are_those_of_emt(dense: Frames) -> None:
    """ASE's EMT gives the stored energies again, to 1e-8 eV."""
    for frame in (0, 777, 1500, 2001, 2159):
        rows = dense.rows(frame)
        atoms = Atoms(dense.species[rows], dense.positions[rows], cell=dense.cells[frame], pbc=True, calculator=EMT())
        assert dense.energy[frame] == pytest.approx(atoms.get_potential_energy(), abs=1e-8)


def test_a_dense_sample_is_made_of_the_trajectories_of_the_generator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first runs are those of ``make`` with its settings, its second runs other ones."""
    for name, value in (("DENSE", aluminium.DENSE[1:3]), ("DENSE_CELLS", 2), ("DENSE_FRAMES", 4), ("SETTLE", 3)):
        monkeypatch.setattr(aluminium, name, value)
    monkeypatch.setattr(aluminium, "FRESH_FRAMES", 2)
    monkeypatch.setattr(aluminium, "FRESH_SPACING", 5)
    made = aluminium.make_dense(tmp_path / "dense.npz")
    again = aluminium.make(
        tmp_path / "again.npz", frames=4, spacing=aluminium.DENSE_SPACING, cells=2, settle=3, states=aluminium.DENSE
    )
    np.testing.assert_array_equal(made.energy[:8], again.energy)
    assert made.group[8:].tolist() == ["800 K solid (run 2)"] * 2 + ["1000 K liquid (run 2)"] * 2
    assert np.abs(made.positions[: 32 * 2] - made.positions[8 * 32 : 10 * 32]).max() > 1e-3
    with pytest.raises(DataError, match=r"a file whose name ends in \.npz"):
        aluminium.make_dense(tmp_path / "dense.xyz")


@pytest.mark.slow
def test_the_committed_dense_sample_is_what_the_generator_makes(dense: Frames, tmp_path: Path) -> None:
    """The first frame of its coldest state comes out again."""
    again = aluminium.make(
        tmp_path / "again.npz", frames=1, spacing=aluminium.DENSE_SPACING, cells=3, states=aluminium.DENSE[:1]
    )
    np.testing.assert_allclose(again.positions, dense.positions[:108], atol=2e-5)
    np.testing.assert_allclose(again.energy, dense.energy[:1], atol=1e-5)

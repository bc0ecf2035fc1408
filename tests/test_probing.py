"""Equation of state, g(r) and dynamics, each against a stranger."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.constraints import FixCom
from ase.eos import EquationOfState
from ase.geometry.rdf import get_rdf
from ase.md.langevin import Langevin
from scipy import constants

from bpbench.errors import DataError
from bpbench.jobs import Course
from bpbench.potential import Answer
from bpbench.probing.distribution import edges, first_peak, radial_distribution, reach
from bpbench.probing.dynamics import Run, run
from bpbench.probing.equation_of_state import GPA, equilibrium

# ------------------------------------------------------------------------------------------------ equation of state


def emt(volume: float) -> float:
    """Return the energy (eV) of an atom of fcc aluminium by EMT at a volume per atom (Å³)."""
    atoms = bulk("Al", "fcc", a=(4 * volume) ** (1 / 3))
    atoms.calc = EMT()
    return float(atoms.get_potential_energy())


def test_pressures_are_in_gpa() -> None:
    """1 eV/Å³ by SciPy's elementary charge."""
    assert pytest.approx(constants.e * 1e21, rel=1e-12) == GPA


def test_the_formula_gives_back_what_it_was_made_of() -> None:
    """Birch's own formula, written out, with numbers like those of aluminium."""
    v0, e0, b0, slope = 16.3, -3.7, 72.0 / GPA, 4.6
    volumes = np.linspace(14.5, 18.5, 15)
    u = (v0 / volumes) ** (2 / 3) - 1
    energies = e0 + 9 * v0 * b0 / 16 * (u**3 * slope + u**2 * (6 - 4 * (v0 / volumes) ** (2 / 3)))
    found = equilibrium(volumes, energies, within=0.2)
    assert found is not None
    assert [found.volume, found.energy, found.modulus, found.derivative] == pytest.approx(
        [v0, e0, b0 * GPA, slope], rel=1e-7
    )


def test_aluminium_is_fitted_as_ase_does_it_and_bends_as_its_differences_do() -> None:
    """ASE's own fit of the same form by its own way, and V d²E/dV² of EMT itself by finite differences."""
    volumes = np.linspace(0.95, 1.05, 11) * 16.0
    energies = np.array([emt(volume) for volume in volumes])
    found = equilibrium(volumes, energies, within=0.2)
    assert found is not None
    v0, e0, b0 = EquationOfState(volumes, energies, eos="birchmurnaghan").fit()
    assert found.volume == pytest.approx(v0, rel=1e-6)
    assert found.energy == pytest.approx(e0, abs=1e-7)
    assert found.modulus == pytest.approx(b0 / units.kJ * 1e24, rel=1e-4)
    step = 0.05
    bend = (emt(found.volume + step) - 2 * emt(found.volume) + emt(found.volume - step)) / step**2
    assert found.modulus == pytest.approx(found.volume * bend * GPA, rel=0.02)


def test_only_points_around_the_least_one_count() -> None:
    """A hole far away from the minimum, as a network may have one, moves nothing."""
    volumes = np.linspace(0.85, 1.15, 21) * 16.0
    energies = np.array([emt(volume) for volume in volumes])
    spoilt = energies.copy()
    spoilt[-3:] += 0.4
    assert equilibrium(volumes, energies, within=0.075) == equilibrium(volumes, spoilt, within=0.075)
    assert equilibrium(volumes, energies, within=0.5) != equilibrium(volumes, spoilt, within=0.5)
    # However narrow, there are points enough for four numbers.
    assert equilibrium(volumes, energies, within=1e-6) is not None


def test_without_a_minimum_there_is_nothing_to_fit() -> None:
    """The least point at an end, numbers that are none, and a dip in a hill."""
    volumes = np.linspace(14, 18, 9)
    assert equilibrium(volumes, volumes, within=0.2) is None
    assert equilibrium(volumes, -volumes, within=0.2) is None
    assert equilibrium(volumes, np.where(volumes > 16, np.nan, volumes), within=0.2) is None
    dip = np.where(volumes == 16, -9, -((volumes - 16) ** 2))
    assert equilibrium(volumes, dip, within=0.2) is None


def test_too_few_volumes_are_refused() -> None:
    """A cubic through four points fits whatever they are."""
    said = (
        r"^An equation of state is fitted to 5 or more distinct positive volumes, found 4 of which the least is 14 Å³; "
        r"give more points\.$"
    )
    with pytest.raises(DataError, match=said):
        equilibrium([14, 15, 16, 17], [1, 0, 0, 1], within=0.2)
    with pytest.raises(DataError, match=r"found 5 of which the least is 14 Å³"):
        equilibrium([14, 15, 16, 17, 17], [1, 0, 0, 1, 2], within=0.2)


# ------------------------------------------------------------------------------------------------------------- g(r)

SKEW = np.array([[7.0, 0.0, 0.0], [1.9, 6.4, 0.0], [-1.1, 2.2, 7.7]])


def slow(positions: Any, cell: Any, borders: Any) -> Any:
    """Count pairs image by image."""
    counts = np.zeros(len(borders) - 1)
    for i, j in product(range(len(positions)), repeat=2):
        for shift in product((-2, -1, 0, 1, 2), repeat=3):
            if i != j:
                apart = np.linalg.norm(positions[j] + np.array(shift) @ cell - positions[i])
                place = np.searchsorted(borders, apart, side="right") - 1
                if 0 <= place < len(counts):
                    counts[place] += 1
    shells = [4 / 3 * np.pi * (b**3 - a**3) for a, b in pairwise(borders)]
    density = len(positions) / abs(np.linalg.det(cell))
    return counts / len(positions) / density / np.array(shells)


def test_pairs_of_a_skew_cell_are_counted_as_image_by_image() -> None:
    """Atoms outside the cell included."""
    rng = np.random.default_rng(3)
    positions = rng.uniform(-1, 2, size=(7, 3)) @ SKEW
    borders = edges(reach(SKEW), 0.3)
    np.testing.assert_allclose(
        radial_distribution(positions, SKEW, borders), slow(positions, SKEW, borders), rtol=1e-12
    )


def test_a_gas_without_order_has_g_of_one_less_itself() -> None:
    """An atom is no neighbour of its own: 1 - 1/N."""
    rng = np.random.default_rng(1)
    cell, borders = 12.0 * np.eye(3), np.linspace(2, 6, 9)
    found = np.mean([radial_distribution(rng.uniform(0, 12, (50, 3)), cell, borders) for _ in range(300)], axis=0)
    np.testing.assert_allclose(found, 1 - 1 / 50, atol=0.02)


def test_a_perfect_crystal_has_the_shells_of_its_lattice() -> None:
    """Of fcc: 12 neighbours at a/√2, 6 at a, 24 at a√1.5, and nothing between."""
    atoms = bulk("Al", "fcc", a=4.05, cubic=True) * (3, 3, 3)
    borders = edges(reach(atoms.cell.array), 0.05)
    g = radial_distribution(atoms.positions, atoms.cell.array, borders)
    density = len(atoms) / atoms.get_volume()
    around = g * density * 4 / 3 * np.pi * np.diff(borders**3)
    found = {round(float(borders[place]), 2): round(float(around[place]), 9) for place in np.flatnonzero(g)}
    assert list(found.values()) == [12, 6, 24, 12]
    for low, exact in zip(found, np.array([0.5, 1, 1.5, 2]) ** 0.5 * 4.05, strict=True):
        assert low - 0.01 <= exact <= low + 0.06


def test_g_is_that_of_ase() -> None:
    """ASE's own counting of a shaken crystal."""
    rng = np.random.default_rng(2)
    atoms = bulk("Al", "fcc", a=4.05, cubic=True) * (3, 3, 3)
    atoms.positions += rng.normal(scale=0.2, size=atoms.positions.shape)
    borders = np.linspace(0, 6, 61)
    theirs, _ = get_rdf(atoms, 6.0, 60)
    ours = radial_distribution(atoms.positions, atoms.cell.array, borders)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_beyond_half_the_cell_nothing_is_said() -> None:
    """There the shortest way is not the only one."""
    said = (
        r"^g\(r\) is known up to half the shortest height of the cell, 3 Å, and was asked for up to 3\.5 Å; ask for "
        r"less, or take a larger cell\.$"
    )
    with pytest.raises(DataError, match=said):
        radial_distribution(np.zeros((1, 3)), 6 * np.eye(3), np.linspace(0, 3.5, 4))


def test_the_highest_peak_is_found_between_bins() -> None:
    """A parabola is met exactly."""
    borders = np.linspace(0, 4, 41)
    middles = (borders[1:] + borders[:-1]) / 2
    assert first_peak(3 - (middles - 2.22) ** 2, borders) == pytest.approx((2.22, 3.0), rel=1e-12)
    assert first_peak(middles, borders) is None
    assert first_peak(np.zeros(40), borders) is None


# -------------------------------------------------------------------------------------------------------- dynamics


class Emt:
    """EMT behind the door of a fitted potential, with one descriptor that is out of range in every second answer."""

    def __init__(self) -> None:
        self.asked = 0

    def answer(self, positions: Any, cell: Any, pbc: Any, species: Any) -> Answer:
        """Return energy and forces."""
        atoms = Atoms(species, positions, cell=cell, pbc=pbc, calculator=EMT())
        beyond = np.zeros((2, len(atoms)), dtype=np.bool_)
        beyond[0, :8] = self.asked % 2
        self.asked += 1
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
        return Answer(energy, forces, beyond, strain=np.zeros((3, 3)), values=np.zeros(beyond.shape))


CRYSTAL = bulk("Al", "fcc", a=4.0, cubic=True) * (2, 2, 2)
BORDERS = np.linspace(0, 4, 21)
COURSE = Course(temperature=300, steps=20, timestep=4.0, friction=0.02, settle=6, every=4, seed=11)


def moved(potential: Any, course: Course = COURSE) -> Run:
    """Run a crystal of 32 atoms."""
    return run(potential, CRYSTAL.positions, CRYSTAL.cell.array, CRYSTAL.numbers, course, BORDERS)


def test_dynamics_are_those_of_ase() -> None:
    """The same thermostat with ASE's own EMT as its calculator: temperatures, energies, g(r) of the counted frames."""
    atoms, rng = CRYSTAL.copy(), np.random.default_rng(11)
    atoms.calc = EMT()
    atoms.set_constraint(FixCom())
    spread = np.sqrt(atoms.get_masses() * units.kB * 300)
    atoms.set_momenta(spread[:, None] * rng.standard_normal((32, 3)))
    langevin = Langevin(atoms, 4 * units.fs, temperature_K=300, friction=0.02 / units.fs, fixcm=False, rng=rng)
    heat, energy, seen = [], [], []

    def watch() -> None:
        heat.append(atoms.get_temperature())
        energy.append(atoms.get_potential_energy())
        if len(heat) - 1 in {10, 14, 18}:
            seen.append(radial_distribution(atoms.positions, atoms.cell.array, BORDERS))

    langevin.attach(watch)
    langevin.run(20)
    made = moved(Emt())
    np.testing.assert_allclose(made.temperature, heat, rtol=1e-9)
    np.testing.assert_allclose(made.energy, energy, rtol=1e-9)
    assert made.g is not None
    np.testing.assert_allclose(made.g, np.mean(seen, axis=0), rtol=1e-9)
    assert (made.counted, made.reason) == (3, None)
    # A frame is asked for once, and its first answer was within all ranges.
    assert made.beyond.tolist() == [0.0, 0.125] * 10 + [0.0]


def test_equal_seeds_move_alike_to_the_last_bit() -> None:
    """And another seed otherwise."""
    one, again = moved(Emt()), moved(Emt())
    assert one.temperature.tobytes() == again.temperature.tobytes()
    assert one.energy.tobytes() == again.energy.tobytes()
    other = moved(Emt(), Course(300, 20, 4.0, 0.02, 6, 4, seed=12))
    assert one.energy[-1] != other.energy[-1]


class Broken:
    """EMT that goes wrong from its fifth answer on."""

    def __init__(self, how: str) -> None:
        self.inner, self.how = Emt(), how

    def answer(self, *frame: Any) -> Answer:
        """Return an answer, or what is none."""
        made = self.inner.answer(*frame)
        if self.inner.asked < 5:
            return made
        if self.how == "geometry":
            raise DataError("Atoms 1 and 2 are at the same place.")
        return replace(
            made,
            energy=np.nan if self.how == "number" else made.energy,
            forces=1e3 * made.forces + (np.nan if self.how == "forces" else 0),
        )


@pytest.mark.parametrize(
    ("how", "reason", "steps"),
    [("heat", "heat", 4), ("number", "number", 3), ("forces", "number", 3), ("geometry", "geometry", 3)],
)
def test_a_run_that_cannot_go_on_is_ended_and_says_why(how: str, reason: str, steps: int) -> None:
    """What was seen until then is kept; no frame was counted, so there is no g(r)."""
    made = moved(Broken(how))
    assert made.reason == reason
    assert len(made.temperature) - 1 == steps
    assert (made.g, made.counted) == (None, 0)
    assert np.isfinite(made.energy).all()

r"""A short run of Langevin dynamics with a fitted potential, watched for whether it can be believed.

The thermostat is that of the embedded sample (:mod:`bpbench.data.aluminium`): ASE's Langevin dynamics with the centre
of mass held fast. The run starts from a frame with velocities drawn from Maxwell's distribution at the temperature, all
by one seed, so that it is the same to the last bit on one kind of machine.

A potential that was fitted to some frames may know nothing of where its own dynamics go. At every step it is asked
whether a descriptor leaves its range over the training atoms, and a run whose kinetic temperature flies off, whose
numbers are no longer finite or whose atoms fall into each other is ended there, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import numpy as np

from bpbench.errors import DataError
from bpbench.probing.distribution import radial_distribution

if TYPE_CHECKING:
    from bpbench.data.frames import Floats, Ints
    from bpbench.jobs import Course
    from bpbench.potential import Answer

#: A run has flown off where its kinetic temperature exceeds so many times that of the thermostat, and so many K more:
#: small cells at low temperature swing by a part of it.
RUNAWAY: Final = (5.0, 300.0)

#: Why a run was ended: its temperature, a number that is not finite, or a frame that cannot be described.
Reason = Literal["heat", "number", "geometry"]


class Answers(Protocol):
    """What :class:`bpbench.potential.Potential` is to a run."""

    def answer(self, positions: Any, cell: Any, pbc: Any, species: Any) -> Answer:
        """Return energy and forces of one frame."""


@dataclass(frozen=True, slots=True)
class Run:
    """How a run went; entry 0 of each array is the frame that it started from.

    Attributes
    ----------
    temperature : ndarray, shape (s + 1,)
        Kinetic temperature after each of the s steps that were made, K.
    energy : ndarray, shape (s + 1,)
        Potential energy, eV.
    beyond : ndarray, shape (s + 1,)
        Share of all (descriptor, atom) pairs outside the ranges over the training atoms.
    g : ndarray, shape (bins,), or None
        Mean g(r) of the counted frames; ``None`` where there are none.
    counted : int
        Counted frames.
    reason : str or None
        Why it was ended before its time; the step that could not be made is s + 1, or s where its temperature flew off.
    """

    temperature: Floats
    energy: Floats
    beyond: Floats
    g: Floats | None
    counted: int
    reason: Reason | None


class _Calculator:
    """The few questions that ASE's dynamics put to a calculator, each frame answered once."""

    def __init__(self, potential: Answers) -> None:
        self.potential = potential
        self.last: Answer | None = None
        self.at: Floats | None = None

    def answer(self, atoms: Any) -> Answer:
        """Return the answer for the frame as it is."""
        if self.last is None or self.at is None or not np.array_equal(self.at, atoms.positions):
            self.at = atoms.positions.copy()
            self.last = self.potential.answer(self.at, atoms.cell.array, atoms.pbc, atoms.numbers)
        return self.last

    def get_forces(self, atoms: Any) -> Floats:
        """Return forces, eV/Å, as ASE asks for them."""
        return self.answer(atoms).forces.copy()

    def get_potential_energy(self, atoms: Any, force_consistent: bool = False) -> float:  # noqa: ARG002 - ASE's
        """Return the energy, eV, as ASE asks for it."""
        return self.answer(atoms).energy


def run(potential: Answers, positions: Floats, cell: Floats, species: Ints, course: Course, borders: Floats) -> Run:
    """Move the atoms of a periodic frame by a potential, at a temperature.

    Parameters
    ----------
    potential : Potential
        What gives the forces.
    positions, cell, species
        The frame to start from, periodic in all three directions: Å, Å and atomic numbers.
    course : Course
        How long and how.
    borders : ndarray, shape (bins + 1,)
        Bins of g(r), Å.
    """
    from ase import Atoms, units
    from ase.constraints import FixCom
    from ase.md.langevin import Langevin

    rng = np.random.default_rng(course.seed)
    atoms = Atoms(species, positions, cell=cell, pbc=True)
    atoms.calc = calculator = _Calculator(potential)
    atoms.set_constraint(FixCom())  # otherwise the frame as a whole would drift
    spread = np.sqrt(atoms.get_masses() * units.kB * course.temperature)
    atoms.set_momenta(spread[:, None] * rng.standard_normal((len(atoms), 3)))
    dynamics = Langevin(
        atoms,
        course.timestep * units.fs,
        temperature_K=course.temperature,
        friction=course.friction / units.fs,
        fixcm=False,  # FixCom does it exactly
        rng=rng,
    )
    kept: list[tuple[float, float, float]] = []
    total, counted = np.zeros(len(borders) - 1), 0
    reason: Reason | None = None
    try:
        for step in range(course.steps + 1):
            if step:
                dynamics.step()
            answer = calculator.answer(atoms)
            kept.append((float(atoms.get_temperature()), answer.energy, float(answer.beyond.mean())))
            reason = _ended(kept[-1], answer.forces, course.temperature)
            if reason is not None:
                break
            if step > course.settle and (step - course.settle) % course.every == 0:
                total += radial_distribution(atoms.positions, atoms.cell.array, borders)
                counted += 1
    except DataError:  # atoms on top of each other, or scattered beyond what can be described
        reason = "geometry"
    heat, energy, beyond = np.array(kept, dtype=np.float64).reshape(-1, 3).T
    if reason == "number":  # the frame whose numbers have no meaning says nothing
        heat, energy, beyond = heat[:-1], energy[:-1], beyond[:-1]
    return Run(heat, energy, beyond, total / counted if counted else None, counted, reason)


def _ended(now: tuple[float, float, float], forces: Floats, temperature: float) -> Reason | None:
    """Return why a run cannot go on, if it cannot."""
    if not (np.isfinite(now[:2]).all() and np.isfinite(forces).all()):
        return "number"
    times, more = RUNAWAY
    return "heat" if now[0] > times * temperature + more else None

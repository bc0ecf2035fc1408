r"""Scales of inputs and targets, and the reference energy: taken from the training part alone, always in float64.

=================  =========================  ==================================================================
symbol             name in code               meaning
=================  =========================  ==================================================================
G_a                ``values[:, a]``           descriptors of atom a
μ, σ               ``mean``, ``spread``       mean and standard deviation (ddof 0) of each G over the training atoms
E_c, n_c           ``energy``, ``atoms``      energy (eV) and number of atoms of configuration c
E_ref              ``reference``              Σ_c E_c n_c / Σ_c n_c² over the training configurations, eV per atom
m, s               ``centre``, ``width``      mean and spread (ddof 0) of E_c/n_c - E_ref over them, eV per atom
=================  =========================  ==================================================================

E_ref is the least-squares solution of E_c ≈ n_c E_ref. A model sees (G - μ)/σ and answers (E_c/n_c - E_ref - m)/s.
For configurations of one size m is zero; it differs from zero only where sizes are mixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bpbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bpbench.models.contract import Floats, Ints, Problem

#: A function whose range over the training atoms is below this share of its largest value is constant.
CONSTANT = 1e-12

#: Atoms scaled at a time.
PORTION = 16_384

#: Bytes of scaled descriptors that are kept.
HELD = 2**30

#: Fewest configurations to train and to validate on.
LEAST = 2


@dataclass(frozen=True, slots=True)
class Scaling:
    """How inputs and targets are scaled; see the module's table.

    Attributes
    ----------
    kept : ndarray of bool, shape (D,)
        False for functions that are constant over the training atoms.
    mean, spread : ndarray, shape (D,)
        μ and σ of each function; σ is 1 where the function is dropped.
    reference, centre, width : float
        E_ref, m and s in eV per atom; s is 1 where all targets agree.
    remarks : tuple of str
        Sentences that name the functions dropped.
    """

    kept: np.ndarray
    mean: Floats
    spread: Floats
    reference: float
    centre: float
    width: float
    remarks: tuple[str, ...] = ()

    def parameters(self) -> dict[str, Floats]:
        """Return the scales as arrays, the form in which a fit keeps them."""
        return {
            "kept": self.kept.astype(np.float64),
            "mean": self.mean,
            "spread": self.spread,
            "reference": np.array(self.reference),
            "centre": np.array(self.centre),
            "width": np.array(self.width),
        }


def from_parameters(parameters: dict[str, Floats]) -> Scaling:
    """Return the scales that :meth:`Scaling.parameters` wrote."""
    return Scaling(
        kept=parameters["kept"] > 0.5,
        mean=parameters["mean"],
        spread=parameters["spread"],
        reference=float(parameters["reference"]),
        centre=float(parameters["centre"]),
        width=float(parameters["width"]),
    )


def check(problem: Problem) -> None:
    """Refuse a problem that no model can be fitted to.

    Raises
    ------
    DataError
        With fewer than two training or validation configurations, an empty configuration, or a number that is not
        finite among the descriptors or the energies of the training and validation parts.
    """
    for name, part in (("training", problem.train), ("validation", problem.validation)):
        if len(part) < LEAST:
            raise DataError(
                f"A fit needs at least {LEAST} {name} configurations, this split has {len(part)}; use more frames or "
                f"another share of them."
            )
        bad = part[~np.isfinite(problem.energy[part])]
        if len(bad):
            raise DataError(
                f"A fit needs finite energies, that of {name} frame {bad[0]} is {problem.energy[bad[0]]}; "
                f"remove the frame or correct it."
            )
    empty = np.flatnonzero(problem.atoms < 1)
    if len(empty):
        raise DataError(f"Every configuration needs at least one atom, frame {empty[0]} has none; remove it.")
    for name, row in zip(problem.names, problem.values, strict=True):
        if not np.all(np.isfinite(row)):
            atom = int(np.flatnonzero(~np.isfinite(row))[0])
            frame = int(np.searchsorted(problem.offsets, atom, side="right")) - 1
            raise DataError(
                f"A fit needs finite descriptors, {name} is {row[atom]} at atom {atom - problem.offsets[frame]} of "
                f"frame {frame}; correct the frame or leave the function out."
            )


def reference_energy(problem: Problem) -> float:
    """Return E_ref = Σ E_c n_c / Σ n_c² over the training configurations, in eV per atom."""
    energy, atoms = problem.energy[problem.train], problem.atoms[problem.train]
    return float(energy @ atoms / (atoms @ atoms))


def atoms_of(offsets: Ints, frames: Ints) -> Ints:
    """Return the numbers of all atoms of some frames, frame after frame.

    Parameters
    ----------
    offsets : ndarray of int, shape (F + 1,)
        First atom of each frame, then their number.
    frames : ndarray of int
        Frame numbers.
    """
    return np.concatenate([np.arange(offsets[frame], offsets[frame + 1]) for frame in frames])


def scaling(problem: Problem) -> Scaling:
    """Return the scales of a problem, from its training part alone.

    Raises
    ------
    DataError
        When every function is constant over the training atoms.
    """
    atoms = atoms_of(problem.offsets, problem.train)
    count = len(problem.names)
    kept, mean, spread = np.ones(count, dtype=bool), np.empty(count), np.ones(count)
    for number, row in enumerate(problem.values):  # row by row: no second copy of a large table
        seen = row[atoms].astype(np.float64)
        mean[number] = seen.mean()
        largest = np.abs(seen).max()
        if np.ptp(seen) <= CONSTANT * largest:
            kept[number] = False
        else:
            # Squares of tiny numbers are 0 where the numbers are not.
            spread[number] = (seen / largest).std() * largest
    if not kept.any():
        raise DataError(
            f"A model needs a function that varies, all {count} are constant over the training atoms; "
            f"choose other functions or look at the frames."
        )
    reference = reference_energy(problem)
    target = problem.energy[problem.train] / problem.atoms[problem.train] - reference
    width = float(target.std())
    return Scaling(
        kept=kept,
        mean=mean,
        spread=spread,
        reference=reference,
        centre=float(target.mean()),
        # The spread of equal targets is rounding noise of E_ref; dividing by it would train on noise.
        width=width if width > CONSTANT * max(1.0, abs(reference)) else 1.0,
        remarks=_dropped([name for name, keep in zip(problem.names, kept, strict=True) if not keep]),
    )


def _dropped(names: list[str]) -> tuple[str, ...]:
    if not names:
        return ()
    if len(names) == 1:
        return (f"The function {names[0]} is constant over the training atoms and was dropped.",)
    return (f"{len(names)} functions are constant over the training atoms and were dropped: {', '.join(names)}.",)


def standardised(scales: Scaling, values: Floats, atoms: Ints | slice) -> np.ndarray:
    """Return (G - μ)/σ of the kept functions for some atoms, shape (atoms, kept), float64."""
    rows = np.flatnonzero(scales.kept)
    columns = [(values[row][atoms] - scales.mean[row]) / scales.spread[row] for row in rows]
    return np.stack(columns, axis=1)


@dataclass(frozen=True, slots=True)
class Standardised:
    """Some configurations of a problem: scaled once where that takes little memory, else whenever they are asked for.

    Attributes
    ----------
    scales : Scaling
        How.
    problem : Problem
        Whose.
    frames : ndarray of int, shape (F,)
        Which.
    target : ndarray, shape (F,)
        Standardised energies per atom.
    first : ndarray of int, shape (F + 1,)
        First of these atoms of each frame, then their number.
    held : ndarray, shape (atoms, kept), or None
        Their scaled descriptors, if they take no more than :data:`HELD`.
    """

    scales: Scaling
    problem: Problem
    frames: Ints
    target: Floats
    first: Ints
    held: Floats | None

    @classmethod
    def of(cls, scales: Scaling, problem: Problem, frames: Ints) -> Standardised:
        """Return the given frames of a problem."""
        first = np.concatenate([[0], np.cumsum(np.diff(problem.offsets)[frames])]).astype(np.int64)
        little = 8 * int(first[-1]) * int(scales.kept.sum()) <= HELD
        held = standardised(scales, problem.values, atoms_of(problem.offsets, frames)) if little else None
        return cls(scales, problem, frames, targets(scales, problem, frames), first, held)

    def gather(self, members: Ints) -> tuple[Floats, Ints]:
        """Return the scaled descriptors (atoms, kept) and the offsets of some of the frames, by their place here."""
        offsets = np.concatenate([[0], np.cumsum(np.diff(self.first)[members])]).astype(np.int64)
        if self.held is not None:
            return np.concatenate([self.held[self.first[n] : self.first[n + 1]] for n in members]), offsets
        atoms = atoms_of(self.problem.offsets, self.frames[members])
        return standardised(self.scales, self.problem.values, atoms), offsets

    def portions(self) -> Iterator[Ints]:
        """Yield places of consecutive frames with about :data:`PORTION` atoms together, all of them in order."""
        number = self.first[1:] // PORTION
        for part in np.unique(number):
            yield np.flatnonzero(number == part)


def targets(scales: Scaling, problem: Problem, frames: Ints) -> Floats:
    """Return the standardised energies per atom (E_c/n_c - E_ref - m)/s of some frames, shape (F,)."""
    target: Floats = problem.energy[frames] / problem.atoms[frames] - scales.reference
    return (target - scales.centre) / scales.width


def sums(per_atom: Floats, offsets: Ints) -> Floats:
    """Return the sum over each configuration's atoms along the last axis, shape (..., F)."""
    return np.add.reduceat(per_atom, offsets[:-1], axis=-1)


def constant(problem: Problem) -> Floats:
    """Return the constant predictor beside which every model is shown, eV, shape (F,).

    It gives every atom the mean energy per atom of the training configurations, the best constant by RMSE per atom.
    """
    per_atom = problem.energy[problem.train] / problem.atoms[problem.train]
    return problem.atoms * float(per_atom.mean())

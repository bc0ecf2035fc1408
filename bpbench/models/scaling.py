r"""Scales of inputs and targets, and the reference energy: taken from the training part alone, always in float64.

=================  =========================  ==================================================================
symbol             name in code               meaning
=================  =========================  ==================================================================
G_a                ``values[:, a]``           descriptors of atom a
a, b               ``shift``, ``scale``       what each G is shifted and divided by; see below
E_c, n_c           ``energy``, ``atoms``      energy (eV) and number of atoms of configuration c
E_ref              ``reference``              Σ_c E_c n_c / Σ_c n_c² over the training configurations, eV per atom
m, s               ``centre``, ``width``      mean and spread (ddof 0) of E_c/n_c - E_ref over them, eV per atom
=================  =========================  ==================================================================

E_ref is the least-squares solution of E_c ≈ n_c E_ref. A model sees (G - a)/b and answers (E_c/n_c - E_ref - m)/s.
For configurations of one size m is zero; it differs from zero only where sizes are mixed.

===================  ==============  ==============  ====================================================
scaling              a               b               n2p2
===================  ==============  ==============  ====================================================
``standard``         mean            spread (ddof 0) ``scale_symmetry_functions_sigma``, there ddof 1
``min-max``          least           range           ``scale_symmetry_functions``
``centred``          mean            1               ``center_symmetry_functions``
``centred-min-max``  mean            range           both of these
===================  ==============  ==============  ====================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bpbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bpbench.models.contract import Floats, Ints, Problem

#: A function whose range over the training atoms is below this share of its largest value is constant.
CONSTANT = 1e-12

#: What is kept of the values over the training atoms, by the names of :class:`Scaling`.
SEEN = ("least", "most", "mean", "sigma")

#: Fewest configurations to train and to validate on.
LEAST = 2


@dataclass(frozen=True, slots=True)
class Scaling:
    """How inputs and targets are scaled; see the module's table.

    Attributes
    ----------
    kept : ndarray of bool, shape (D,)
        False for functions that are constant over the training atoms.
    shift, scale : ndarray, shape (D,)
        a and b of each function; b is 1 where the function is dropped.
    reference, centre, width : float
        E_ref, m and s in eV per atom; s is 1 where all targets agree.
    least, most, mean, sigma : ndarray, shape (D,)
        Ends, mean and spread (ddof 1) of each function over the training atoms, whatever the scaling: beyond the ends a
        model extrapolates.
    remarks : tuple of str
        Sentences that name the functions dropped.
    """

    kept: np.ndarray
    shift: Floats
    scale: Floats
    reference: float
    centre: float
    width: float
    least: Floats
    most: Floats
    mean: Floats
    sigma: Floats
    remarks: tuple[str, ...] = ()

    def parameters(self) -> dict[str, Floats]:
        """Return the scales as arrays, the form in which a fit keeps them."""
        return {
            "kept": self.kept.astype(np.float64),
            "shift": self.shift,
            "scale": self.scale,
            "reference": np.array(self.reference),
            "centre": np.array(self.centre),
            "width": np.array(self.width),
            **{name: getattr(self, name) for name in SEEN},
        }


def from_parameters(parameters: dict[str, Floats]) -> Scaling:
    """Return the scales that :meth:`Scaling.parameters` wrote; out of the store a number comes as an array of one."""
    return Scaling(
        kept=parameters["kept"] > 0.5,
        shift=parameters["shift"],
        scale=parameters["scale"],
        reference=float(parameters["reference"].item()),
        centre=float(parameters["centre"].item()),
        width=float(parameters["width"].item()),
        least=parameters["least"],
        most=parameters["most"],
        mean=parameters["mean"],
        sigma=parameters["sigma"],
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


def scaling(problem: Problem, kind: str = "standard") -> Scaling:
    """Return the scales of a problem, from its training part alone.

    Parameters
    ----------
    problem : Problem
        What is learned.
    kind : {'standard', 'min-max', 'centred', 'centred-min-max'}
        How inputs are scaled; see the module's table.

    Raises
    ------
    DataError
        When every function is constant over the training atoms.
    """
    atoms = atoms_of(problem.offsets, problem.train)
    count = len(problem.names)
    kept, shift, scale = np.ones(count, dtype=bool), np.empty(count), np.ones(count)
    ends = {name: np.empty(count) for name in SEEN}
    alike: dict[tuple[float, float, float], list[int]] = {}
    for number, row in enumerate(problem.values):  # row by row: no second copy of a large table
        seen = row[atoms].astype(np.float64)
        least, most, mean = float(seen.min()), float(seen.max()), float(seen.mean())
        largest = max(abs(least), abs(most))
        # Squares of tiny numbers are 0 where the numbers are not.
        spread = float((seen / largest).std()) * largest if largest else 0.0
        sigma = spread * np.sqrt(len(seen) / (len(seen) - 1)) if len(seen) > 1 else 0.0
        for name, value in zip(SEEN, (least, most, mean, sigma), strict=True):
            ends[name][number] = value
        shift[number] = least if kind == "min-max" else mean
        if most - least <= CONSTANT * largest:
            kept[number] = False
            continue
        alike.setdefault((least, most, mean), []).append(number)
        if kind == "standard":
            scale[number] = spread
        elif kind != "centred":
            scale[number] = most - least
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
        shift=shift,
        scale=scale,
        reference=reference,
        centre=float(target.mean()),
        # The spread of equal targets is rounding noise of E_ref; dividing by it would train on noise.
        width=width if width > CONSTANT * max(1.0, abs(reference)) else 1.0,
        **ends,
        remarks=(
            *_dropped([name for name, keep in zip(problem.names, kept, strict=True) if not keep]),
            *_repeated(problem, atoms, alike.values()),
        ),
    )


def _repeated(problem: Problem, atoms: Ints, alike: Iterable[list[int]]) -> Iterator[str]:
    """Yield a sentence for each function that repeats another, among those whose ends and means agree."""
    for numbers in alike:
        for place, number in enumerate(numbers[1:], 1):
            row = problem.values[number][atoms]
            twin = next((other for other in numbers[:place] if np.array_equal(problem.values[other][atoms], row)), None)
            if twin is not None:
                yield (
                    f"The functions {problem.names[twin]} and {problem.names[number]} have the same values at all "
                    "training atoms; the second tells a model nothing, leave it out."
                )


def _dropped(names: list[str]) -> tuple[str, ...]:
    if not names:
        return ()
    if len(names) == 1:
        return (f"The function {names[0]} is constant over the training atoms and was dropped.",)
    return (f"{len(names)} functions are constant over the training atoms and were dropped: {', '.join(names)}.",)


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

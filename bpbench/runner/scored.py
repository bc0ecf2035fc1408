"""What a training is scored by: energies, forces, and what an ensemble's spread tells of its error."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bpbench import metrics
from bpbench.models import gradient
from bpbench.units import MEV_PER_EV

if TYPE_CHECKING:
    from collections.abc import Callable

    from bpbench.data.frames import Ints
    from bpbench.jobs import Train
    from bpbench.models.contract import Fit, Problem

#: Name of the array of predicted forces on the atoms of the test configurations, in their order.
TEST_FORCES: Final = "forces-test"


@lru_cache(maxsize=1)
def spearman() -> Callable[..., Any]:
    """Return SciPy's rank correlation, loaded when it is first asked for."""
    from scipy.stats import spearmanr

    found: Callable[..., Any] = spearmanr
    return found


def add_forces(
    job: Train,
    problem: Problem,
    made: Fit,
    parts: dict[str, Ints],
    values: dict[str, Any],
    arrays: dict[str, metrics.Array],
) -> bool:
    """Score predicted forces besides, and return whether all are finite.

    Those of training configurations are not computed: they are most of the frames, each costs as much as any other, and
    no table asks for them. Where a model answers with forces they are there already.

    Parameters
    ----------
    job : Train
        What is fitted.
    problem : Problem
        With forces and, where these are the slope of an energy, geometry.
    made : Fit
        What came of it.
    parts : dict of str to ndarray of int
        Configurations by part.
    values : dict
        Gains the metrics of forces among its ``scores``, and those of zero in ``constant``.
    arrays : dict
        Gains :data:`TEST_FORCES`, shape (A, 3), eV/Å.
    """
    assert problem.forces is not None  # the protocol was refused otherwise
    for name, part in parts.items():
        if name == "train" and made.forces is None:
            continue
        reference = np.concatenate([problem.forces[_rows_of(problem, frame)] for frame in part])
        predicted = np.concatenate([_forces(job, problem, made, int(frame)) for frame in part])
        if not np.all(np.isfinite(predicted)):
            return False
        values["scores"][name] |= metrics.score_forces(reference, predicted)
        if name == "test":
            values["constant"] |= metrics.score_forces(reference, np.zeros_like(reference))
            arrays[TEST_FORCES] = predicted
    return True


def _forces(job: Train, problem: Problem, made: Fit, frame: int) -> metrics.Array:
    """Return the predicted forces of one frame, shape (n, 3): the slope of the energy, by the descriptors' adjoint."""
    if made.forces is not None:
        return made.forces[_rows_of(problem, frame)]
    assert problem.geometry is not None
    rows = _rows_of(problem, frame)
    seen = np.asarray(problem.values[:, rows], dtype=np.float64)
    kind = None if problem.kind is None else problem.kind[rows]
    slopes = gradient(job.model, made.parameters, seen, kind=kind, elements=problem.elements, centres=problem.centres)
    return -problem.geometry.adjoint(frame, slopes)


def _rows_of(problem: Problem, frame: int) -> slice:
    return slice(int(problem.offsets[frame]), int(problem.offsets[frame + 1]))


def least(made: Fit) -> dict[str, float] | None:
    """Return the least validation error over the epochs of a single training; it is quoted, and never a score."""
    if not made.curve or made.members is not None:
        return None
    curve = made.curve["validation"]
    epoch = int(np.argmin(curve))
    return {"rmse": float(curve[epoch]), "epoch": epoch + 1}


def ensemble(problem: Problem, energy: metrics.Array, members: metrics.Array) -> dict[str, Any]:
    """Return how far the members of an ensemble lie apart on the test part, and whether that tells the error."""
    test = problem.test
    per_atom = MEV_PER_EV / problem.atoms[test]
    spread = members[:, test].std(axis=0, ddof=1) * per_atom
    error = np.abs(energy[test] - problem.energy[test]) * per_atom
    varied = len(test) > 2 and np.ptp(spread) > 0 and np.ptp(error) > 0
    return {
        "size": len(members),
        "spread": float(spread.mean()),
        "correlation": float(spearman()(spread, error).statistic) if varied else None,
        "within": float(np.mean(error <= 2 * spread)),
        "members": float(np.mean([energies(problem, member, test)["rmse"] for member in members])),
    }


def energies(problem: Problem, energy: metrics.Array, part: Ints) -> dict[str, float]:
    """Return every metric of energies.

    Parameters
    ----------
    problem : Problem
        With the reference energies.
    energy : ndarray, shape (F,)
        Predicted energies of all configurations, eV.
    part : ndarray of int
        The configurations that are scored.
    """
    return metrics.score(problem.energy[part], energy[part], problem.atoms[part])

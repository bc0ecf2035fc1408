"""How much memory a worker process needs at the peak of a job, counted before it runs.

What counts: what a process holds that has loaded the libraries of the job; the inputs of a training in every layout,
which are kept for the next of its cohort; the columns that are at hand at once when inputs are scaled, pooled or
described; and what the model itself takes (the filter's covariance, the nodes of a forest). A worker that does jobs of
several kinds holds the libraries of all, :func:`base`, and what the job at hand needs, :func:`needed`; inputs of other
cohorts stay beside while there is room (:mod:`bpbench.runner.held`), which :mod:`bpbench.outlay` counts.

The numbers of bytes follow from the shapes; the few constants were measured as the peak of resident memory (``VmHWM``)
of processes that did one kind of job, on 440 and on 9032 configurations of 256 atoms with 22 and 57 functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from bpbench.data.frames import Frames
from bpbench.data.tables import CHUNK_ATOMS
from bpbench.jobs import (
    Adam,
    Agree,
    Describe,
    Foreign,
    Hdnn,
    Importance,
    Job,
    Kalman,
    KerasAdam,
    LightGbm,
    Linear,
    MakeFrames,
    Marquardt,
    RandomForest,
    ReadTable,
    Simulate,
    Stretch,
    TimeDescribe,
    Train,
)
from bpbench.models.contract import HELD, MOST_SLOPES
from bpbench.runner import counts
from bpbench.runner.disk import present

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bpbench.data.frames import Configurations

#: Bytes that a process holds: with NumPy, the study or Dask; and more with Numba and our kernels of descriptors, with
#: those of networks, with scikit-learn, and with TensorFlow.
_PROCESS: Final = 130_000_000
_NUMBA: Final = 60_000_000
_NETWORKS: Final = 70_000_000
_TREES: Final = 125_000_000
_KERAS: Final = 580_000_000
#: Columns of eight bytes for each training atom while inputs are scaled, and for each atom while they are pooled.
_SCALED: Final = 4
_POOLED: Final = 3.4
#: Bytes of a node of a forest, nodes for each configuration learned from, and bytes of a leaf of a booster.
_NODE: Final = 86
_NODES: Final = 1.26
_LEAF: Final = 900
#: Bytes that describing takes beside its values: the neighbours of one frame and what is worked out for each.
_NEAR: Final = 6_000_000
_NEAR_ATOM: Final = 12_000
#: Neighbours within the cutoff, and the atom itself.
_REACHED: Final = 81


def memory(job: Job, frames: Configurations) -> int:
    """Return the bytes that a process holds at the peak of a job, if it does jobs of this kind alone.

    Parameters
    ----------
    job : Job
        What would run.
    frames : Configurations
        The frames it works on.
    """
    return base([job]) + needed(job, frames)


def base(jobs: Iterable[Job]) -> int:
    """Return the bytes that a process holds which has loaded what some jobs need.

    Parameters
    ----------
    jobs : iterable of Job
        One of each kind is enough.
    """
    loaded = {size for job in jobs for size in _libraries(job)}
    return _PROCESS + sum(loaded)


def _libraries(job: Job) -> set[int]:
    if isinstance(job, Importance):
        return _libraries(job.training)
    if isinstance(job, Train):
        model = job.model
        if isinstance(model, RandomForest | LightGbm):
            return {_TREES}
        network = isinstance(model, Hdnn)
        keras = isinstance(model, Hdnn) and isinstance(model.optimizer, KerasAdam)
        kernels = {_NUMBA} if network or job.score_forces else set()
        return kernels | ({_NETWORKS} if network else set()) | ({_KERAS} if keras else set())
    return {_NUMBA} if isinstance(job, Describe | TimeDescribe | Stretch | Simulate) else set()


def needed(job: Job, frames: Configurations) -> int:  # noqa: PLR0911 - one line per kind of job
    """Return the bytes that a job needs beside what its process holds: its inputs, and what it works with.

    Parameters
    ----------
    job : Job
        What would run.
    frames : Configurations
        The frames it works on.
    """
    atoms = float(frames.offsets[-1])
    if isinstance(job, Train | Importance):
        return int(_trained(job, frames))
    if isinstance(job, MakeFrames):
        return 2 * sum(array.nbytes for array in frames.to_arrays().values())
    if isinstance(job, Describe):
        own = int(frames.offsets[job.last] - frames.offsets[job.first])
        wide = 8 + (np.dtype(job.precision).itemsize if job.precision != "float64" else 0)
        return int(len(job.functions) * own * wide + _near(frames))
    if isinstance(job, TimeDescribe):
        chosen = int(frames.atoms[list(job.chosen)].sum())
        return int(2 * 8 * len(job.functions) * chosen + _near(frames))
    if isinstance(job, ReadTable):
        columns = 400 if job.source.columns is None else len(job.source.columns)
        return int(2 * 8 * columns * min(CHUNK_ATOMS, atoms) + 2 * 8 * 4 * atoms)
    if isinstance(job, Agree):
        return int(3 * 8 * (len(job.columns) + len(job.functions)) * min(CHUNK_ATOMS, atoms))
    return int(_near(frames))


def values(job: Train, frames: Configurations) -> int:
    """Return the bytes of a training's inputs in one layout: what it reads of the store.

    Parameters
    ----------
    job : Train
        What would run.
    frames : Configurations
        The frames it works on.
    """
    return int(frames.offsets[-1]) * len(job.functions) * np.dtype(job.pool[0].precision).itemsize if job.pool else 0


def inputs(job: Train, frames: Configurations) -> int:
    """Return the bytes of a training's inputs in every layout that is kept for its cohort.

    Parameters
    ----------
    job : Train
        What would run.
    frames : Configurations
        The frames it works on.
    """
    one = values(job, frames)
    elements = len(present(frames)) if isinstance(frames, Frames) else 1
    again = isinstance(job.model, Hdnn) and (one <= HELD or elements > 1)
    return one * (2 if again else 1)


def _near(frames: Configurations) -> float:
    return _NEAR + _NEAR_ATOM * float(frames.atoms.max())


def _trained(job: Train | Importance, frames: Configurations) -> float:
    training = job if isinstance(job, Train) else job.training
    atoms, model = float(frames.offsets[-1]), training.model
    held = inputs(training, frames)
    if isinstance(frames, Frames):
        held += 8 * int(atoms) * (1 if len(present(frames)) < 2 else 3)  # which element each atom is of
    if isinstance(model, Foreign):
        return held + 2 * 8 * 3 * atoms + _near(frames)
    learnt = counts.learnt(training, frames)
    share = learnt / len(frames)
    slopes = _slopes(training, frames, share)
    if isinstance(job, Importance):
        judged = training.split.validation
        seen = 2 * 8 * len(training.functions) * judged * atoms + 8 * job.shuffles * judged * atoms
        return held + slopes + max(seen, 8 * _POOLED * atoms + _grown(training, frames, learnt))
    if isinstance(model, Hdnn):
        return held + slopes + 8 * _SCALED * share * atoms + _optimized(model, training, learnt, share * atoms)
    if isinstance(model, Linear):
        return held + slopes + 8 * _POOLED * atoms + 2 * 8 * len(training.functions) * len(frames)
    return held + slopes + _grown(training, frames, learnt)


def _grown(job: Train, frames: Configurations, learnt: float) -> float:
    """Return the bytes of trees, their columns, or of making these columns, whichever are more."""
    model, atoms, inputs_ = job.model, float(frames.offsets[-1]), len(job.functions)
    if not isinstance(model, RandomForest | LightGbm):
        return 0.0
    rows, columns, seen = learnt, 2 * inputs_, 2 * 8 * 2 * inputs_ * len(frames)
    if model.target == "forces":
        rows, columns, seen = learnt / len(frames) * atoms, inputs_, 8 * inputs_ * int(atoms)
        rows = rows if model.atoms is None else min(rows, model.atoms)
    if isinstance(model, RandomForest):
        depth = 2.0**model.max_depth if model.max_depth is not None and model.max_depth < 40 else rows
        own = model.trees * _NODE * min(_NODES * rows / model.min_samples_leaf, 2 * depth) + 4 * rows * columns
    else:
        own = rows * columns + model.rounds * model.leaves * _LEAF + model.leaves * columns * 255 * 16
    return max(8 * _POOLED * atoms, seen + own)


def _optimized(model: Hdnn, job: Train, learnt: float, atoms: float) -> float:
    """Return the bytes that an optimiser works with."""
    weights = counts.weights(model, len(job.functions)) + (len(job.functions) if model.skip else 0)
    rule = model.optimizer
    if isinstance(rule, Kalman):
        return 8.0 * weights * (weights + 3 * rule.block) + 8 * model.epochs * learnt
    if isinstance(rule, Marquardt):
        return 8.0 * weights * (4 * weights + learnt)
    orders = 3 * 8 * model.epochs * learnt
    if isinstance(rule, Adam):
        return orders + 4 * 8 * weights
    return orders + 3 * 4 * len(job.functions) * atoms


def _slopes(job: Train, frames: Configurations, share: float) -> float:
    """Return the bytes of what every function changes by when atoms move, where forces are learned or scored."""
    each = 3.0 * 4 * _REACHED * len(job.functions)
    learned = job.model.forces if isinstance(job.model, Hdnn | Linear) else None
    if learned is not None:
        return min(float(MOST_SLOPES), each * share * float(frames.offsets[-1])) + _near(frames)
    return _near(frames) + 8 * len(job.functions) * float(frames.atoms.max()) if job.score_forces else 0.0

"""What a job is expected to cost: a count of its work, times rates measured once, times what this store has seen.

The counts are deterministic; the rates below were measured on one core of a 2-core x86-64 machine and only need to be
of the right size, because :func:`estimator` rescales each kind of job by the times of its stored results.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

from bpbench.data.frames import Configurations
from bpbench.features import G2, Column, Feature
from bpbench.jobs import (
    Adam,
    Command,
    Describe,
    Distribute,
    ForceTerm,
    Hdnn,
    Importance,
    Job,
    Kalman,
    KerasAdam,
    LightGbm,
    Linear,
    N2p2,
    RandomForest,
    ReadTable,
    Simulate,
    Stretch,
    TimeDescribe,
    Train,
)
from bpbench.runner import timing, work
from bpbench.runner.store import Store

#: Seconds per radial function and atom, and per angular function and atom (about 70 neighbours).
_RADIAL: Final = 4.5e-7
_ANGULAR: Final = 1.3e-6
#: Seconds for an atom and weight to go through a network and back, in single and in double precision, and by Keras.
_SINGLE: Final = 1.4e-10
_DOUBLE: Final = 2.3e-10
_KERAS: Final = 1.5e-9
#: Seconds that a step of Keras takes beside its arithmetic.
_KERAS_STEP: Final = 5e-3
#: Seconds per multiplication of a large matrix product; seconds to start a training, and one of Keras.
_PRODUCT: Final = 5e-11
_START: Final = 0.1
_KERAS_START: Final = 3.0
#: Seconds per row of a table.
_TABLE_ROW: Final = 2e-5
#: Seconds per tree, and per boosting round.
_TREE: Final = 0.004
_ROUND: Final = 0.001
#: Seconds per atom, column tried and level of a tree on forces, and for an atom to go down one level of it.
_SPLIT: Final = 7e-8
_DOWN: Final = 1.2e-8
#: Seconds per atom and column in a boosting round on forces, and for an atom to go down its tree.
_BOOST: Final = 6e-9
_LEAF: Final = 2.5e-8
#: How often the describing of all atoms goes into a potential's energies and forces.
_ANSWERED: Final = 3
#: Seconds of somebody else's program, of which nothing is known before it has run.
_PROGRAM: Final = 60.0
#: Seconds to shuffle and sum up one value of one atom, and to send one configuration down one tree.
_SHUFFLE: Final = 2e-8
_WALK: Final = 2e-7
#: How many times as long as describing a frame it takes to have its forces from a potential.
_FORCES: Final = 3.0
#: Seconds per function and atom of the Jacobians that are learned from, and how many atoms one component reaches.
_JACOBIAN: Final = 1e-5
_REACHED: Final = 80
#: Stored results of each kind that are looked at.
_ENOUGH: Final = 200
#: Seconds of EMT per atom, and of g(r) per pair of atoms.
_EMT: Final = 1.3e-3
_PAIR: Final = 2e-7


def expected(job: Job, frames: Configurations) -> float:
    """Return the expected seconds of a job on one core, from its work alone.

    Parameters
    ----------
    job : Job
        What would run.
    frames : Configurations
        The frames it works on.
    """
    if isinstance(job, Describe):
        return 0.2 + _describing(job.functions, int(frames.offsets[job.last] - frames.offsets[job.first]))
    if isinstance(job, TimeDescribe):
        atoms = int(frames.atoms[list(job.chosen)].sum())
        return 0.1 + (1 + timing.PASSES) * _describing(job.functions, atoms)
    if isinstance(job, ReadTable):
        return 0.2 + float(frames.offsets[-1]) * _TABLE_ROW
    if isinstance(job, Train):
        return _training(job, frames)
    if isinstance(job, Importance):
        return _asking(job, frames)
    return _probing(job, frames) if isinstance(job, Stretch | Simulate | Distribute) else 1.0


def _probing(job: Stretch | Simulate | Distribute, frames: Configurations) -> float:
    """Return the expected seconds of asking a potential for one frame so many times, or of counting pairs of atoms."""
    if isinstance(job, Distribute):
        return 0.2 + float((frames.atoms[list(job.chosen)] ** 2).sum()) * _PAIR
    times = len(job.scales) if isinstance(job, Stretch) else job.steps + 1
    atoms = int(frames.atoms[job.frame])
    if job.training is None:
        return 0.5 + times * atoms * _EMT
    functions = [item for item in job.training.functions if not isinstance(item, Column)]
    return 0.5 + times * _FORCES * _describing(functions, atoms)


def _training(job: Train, frames: Configurations) -> float:
    learned = job.model.forces if isinstance(job.model, Hdnn | Linear) else None
    return (
        _fitting(job, frames)
        + (_scoring(job, frames) if job.score_forces else 0.0)
        + (0.0 if learned is None else _learning(job, frames, learned))
    )


def _learning(job: Train, frames: Configurations, term: ForceTerm) -> float:
    """Return the expected seconds of learning from forces, beside those of energies; Jacobians of a cohort included.

    The ridge folds the rows of its components into a triangle, Adam sends every atom forward and back twice, the filter
    asks for each component what it reaches, and multiplies P by it.
    """
    model, inputs = job.model, len(job.functions)
    atoms = _learnt(job, frames) / len(frames) * float(frames.offsets[-1])
    made, rows = atoms * inputs * _JACOBIAN, 3 * term.fraction * atoms
    if not isinstance(model, Hdnn):
        return made + rows * (inputs**2 * _PRODUCT + _REACHED * inputs * _DOUBLE)
    weights = _weights(model, inputs) + (inputs if model.skip else 0)
    if isinstance(model.optimizer, Kalman):
        each = 1.5 * weights**2 * _PRODUCT + 2 * _REACHED * weights * _DOUBLE
        return made + model.ensemble * model.epochs * rows * each
    return made + model.ensemble * model.epochs * term.fraction * atoms * (
        4 * weights * _SINGLE + inputs * _JACOBIAN / 10
    )


def _scoring(job: Train, frames: Configurations) -> float:
    """Return the expected seconds of the forces of test and validation configurations."""
    if not isinstance(job.model, Hdnn | Linear):
        return 0.0
    share = job.split.validation + (job.split.reserve if job.split.explore is None else job.split.explore)
    return _FORCES * _describing(job.functions, int(share * float(frames.offsets[-1])))


def _fitting(job: Train, frames: Configurations) -> float:
    if isinstance(job.model, Hdnn):
        return job.model.ensemble * _network(job.model, len(job.functions), job, frames)
    if isinstance(job.model, RandomForest | LightGbm):
        if job.model.target == "forces":
            return 0.5 + _on_atoms(job.model, len(job.functions), job, frames)
        return 0.5 + (job.model.trees * _TREE if isinstance(job.model, RandomForest) else job.model.rounds * _ROUND)
    if isinstance(job.model, N2p2):
        return 0.5 + _ANSWERED * _describing(job.functions, int(frames.offsets[-1]))
    return _PROGRAM if isinstance(job.model, Command) else 0.5


def _on_atoms(model: RandomForest | LightGbm, inputs: int, job: Train, frames: Configurations) -> float:
    """Return the expected seconds of growing trees on atoms, and of asking them for all atoms."""
    every = float(frames.offsets[-1])
    learnt = _learnt(job, frames) / len(frames) * every
    learnt = learnt if model.atoms is None else min(learnt, model.atoms)
    if isinstance(model, LightGbm):
        # There is little to learn of a direction: patience ends it long before the rounds are used up.
        return 3 * min(model.rounds, 2 * model.patience) * (learnt * inputs * _BOOST + every * _LEAF)
    levels = min(model.max_depth or math.inf, math.log2(max(learnt, 2.0)))
    columns = max(1.0, min(model.max_features, 1.0) * inputs)
    return model.trees * levels * (learnt * columns * _SPLIT + every * _DOWN)


def _learnt(job: Train, frames: Configurations) -> float:
    """Return how many configurations a split leaves to be learned from."""
    share = 1.0 - job.split.reserve - job.split.validation - (job.split.explore or 0.0)
    return job.observations or share * len(frames)


def _asking(job: Importance, frames: Configurations) -> float:
    """Return the expected seconds of asking a model for its inputs; it answers for the validation part of the frames.

    Trees are grown again.
    """
    model, inputs = job.training.model, len(job.training.functions)
    trees = model.trees if isinstance(model, RandomForest) else model.rounds if isinstance(model, LightGbm) else 0
    start = expected(job.training, frames) if trees else _START
    if job.by == "gain":
        return start
    seen = job.training.split.validation
    shuffled = inputs * job.shuffles * seen * float(frames.offsets[-1])
    weights = model.ensemble * _weights(model, inputs) if isinstance(model, Hdnn) else 0
    walks = inputs * job.shuffles * seen * len(frames) * trees
    return start + shuffled * (_SHUFFLE + weights * _DOUBLE) + walks * _WALK


def _weights(model: Hdnn, inputs: int) -> int:
    return sum((a + 1) * b for a, b in pairwise([inputs, *model.hidden, 1]))


def _network(model: Hdnn, inputs: int, job: Train, frames: Configurations) -> float:
    """Return the expected seconds of training one network on the share of the frames that a split leaves."""
    weights = _weights(model, inputs)
    learnt = _learnt(job, frames)
    through = (learnt / len(frames)) * float(frames.offsets[-1]) * weights
    rule = model.optimizer
    if isinstance(rule, Adam):
        return _START + model.epochs * through * _SINGLE
    if isinstance(rule, KerasAdam):
        steps = math.ceil(learnt / model.batch)
        return _KERAS_START + model.epochs * (steps * _KERAS_STEP + through * _KERAS)
    # The filter multiplies P twice for every block of configurations, Levenberg-Marquardt adds up JᵀJ and solves.
    each = 1.5 * weights**2 * learnt if isinstance(rule, Kalman) else weights**2 * (learnt / 2 + weights / 6)
    return _START + model.epochs * (through * _DOUBLE + each * _PRODUCT)


def _describing(functions: Sequence[Feature | Column], atoms: int) -> float:
    radial = sum(isinstance(function, G2) for function in functions)
    return atoms * (radial * _RADIAL + (len(functions) - radial) * _ANGULAR)


def estimator(stored: Iterable[Job], frames: Configurations, store: Store) -> Callable[[Job], float]:
    """Return a function that gives the expected seconds of a job.

    Parameters
    ----------
    stored : iterable of Job
        Jobs whose results are in the store; the times they took rescale the estimate of their kind.
    frames : Configurations
        The frames all of them work on.
    store : Store
        Where their provenance lies.
    """
    taken: dict[str, float] = {}
    thought: dict[str, float] = {}
    for job in _some(stored):
        wall = store.provenance(job).get("wall_s")
        if isinstance(wall, float):
            kind = work.label(job)
            taken[kind] = taken.get(kind, 0.0) + wall
            thought[kind] = thought.get(kind, 0.0) + expected(job, frames)
    known: dict[tuple[Any, ...], tuple[Job, float]] = {}

    def estimate(job: Job) -> float:
        alike = _alike(job)
        if alike not in known:
            kind = work.label(job)
            rescaled = taken[kind] / thought[kind] if thought.get(kind) else 1.0
            known[alike] = (job, expected(job, frames) * rescaled)
        return known[alike][1]

    return estimate


def _some(stored: Iterable[Job]) -> Iterator[Job]:
    """Yield some jobs of each kind, evenly spread over their order: thousands of times say no more than hundreds."""
    kinds: dict[str, list[Job]] = {}
    for job in stored:
        kinds.setdefault(work.label(job), []).append(job)
    for jobs in kinds.values():
        yield from jobs[:: math.ceil(len(jobs) / _ENOUGH)]


def _alike(job: Job) -> tuple[Any, ...]:
    """Return what trainings that take equally long have in common; of another job, itself.

    Functions and models are told apart as objects, which is quick; whoever keeps this keeps the job as well.
    """
    if not isinstance(job, Train):
        return (job,)
    shares = (job.split.reserve, job.split.validation, job.split.explore)
    return (id(job.functions), id(job.model), job.observations, job.score_forces, shares)

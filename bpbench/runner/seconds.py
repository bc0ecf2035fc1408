"""How many seconds a job is expected to keep one core busy: a count of its work, times rates measured once.

The counts are deterministic; the rates below were measured on one core of a 2-core x86-64 machine and only need to be
of the right size, because :func:`bpbench.runner.cost.estimator` rescales each kind of job by the times of its stored
results.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

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
    MakeFrames,
    N2p2,
    RandomForest,
    ReadTable,
    Simulate,
    Stretch,
    TimeDescribe,
    Train,
)
from bpbench.runner import counts, memory, timing

#: Seconds to find an atom's neighbours (about 70), for each radial function; for pairs of them, for each angular one.
_NEIGHBOURS: Final = 6.5e-6
_RADIAL: Final = 3.5e-8
_PAIRS: Final = 1e-5
_ANGULAR: Final = 1.7e-7
#: Seconds for an atom and weight to go through a network and back, in single and in double precision, and by Keras.
_SINGLE: Final = 1.4e-10
_DOUBLE: Final = 1.9e-10
_KERAS: Final = 1.5e-9
#: Seconds for an atom and hidden node in double precision, whose activation is not a vector instruction.
_NODE: Final = 4e-9
#: Seconds per element of the filter's covariance and configuration.
_COVARIANCE: Final = 8e-11
#: Seconds that a step of Keras takes beside its arithmetic.
_KERAS_STEP: Final = 5e-3
#: Seconds per multiplication of a large matrix product; seconds to start a training, and one of Keras.
_PRODUCT: Final = 5e-11
_START: Final = 0.02
_KERAS_START: Final = 3.0
#: Seconds per row of a table.
_TABLE_ROW: Final = 2e-5
#: Seconds per frame's atom to be read into the store, and per byte of inputs to be gathered out of it and laid out.
_FRAME_ATOM: Final = 2e-7
_GATHER: Final = 3e-9
#: Seconds per atom and input to be scaled, and to be pooled or summed up by configuration.
_SCALED: Final = 3e-9
_POOLED: Final = 4e-9
#: Seconds per tree; per configuration, level and column tried of a tree; per boosting round.
_TREE: Final = 1e-3
_TRIED: Final = 3.1e-8
_ROUND: Final = 4e-4
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
#: Seconds of EMT per atom, and of g(r) per pair of atoms.
_EMT: Final = 1.3e-3
_PAIR: Final = 2e-7


def expected(job: Job, frames: Configurations) -> float:  # noqa: PLR0911 - one line per kind of job
    """Return the expected seconds of a job on one core, from its work alone.

    Parameters
    ----------
    job : Job
        What would run.
    frames : Configurations
        The frames it works on.
    """
    if isinstance(job, Describe):
        return 0.02 + _describing(job.functions, int(frames.offsets[job.last] - frames.offsets[job.first]))
    if isinstance(job, TimeDescribe):
        atoms = int(frames.atoms[list(job.chosen)].sum())
        return 0.1 + (1 + timing.PASSES) * _describing(job.functions, atoms)
    if isinstance(job, MakeFrames):
        return 0.02 + float(frames.offsets[-1]) * _FRAME_ATOM
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
    atoms = counts.learnt(job, frames) / len(frames) * float(frames.offsets[-1])
    made, rows = atoms * inputs * _JACOBIAN, 3 * term.fraction * atoms
    if not isinstance(model, Hdnn):
        return made + rows * (inputs**2 * _PRODUCT + _REACHED * inputs * _DOUBLE)
    weights = counts.weights(model, inputs) + (inputs if model.skip else 0)
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
    model, inputs = job.model, len(job.functions)
    if isinstance(model, Hdnn):
        ridge = _ridge(inputs, frames) if model.skip else 0.0
        return model.ensemble * _network(model, inputs, job, frames) + ridge
    if isinstance(model, RandomForest | LightGbm):
        if model.target == "forces":
            return 0.5 + _on_atoms(model, inputs, job, frames)
        return _on_columns(model, inputs, job, frames)
    if isinstance(model, N2p2):
        return 0.5 + _ANSWERED * _describing(job.functions, int(frames.offsets[-1]))
    return _PROGRAM if isinstance(model, Command) else _START + _ridge(inputs, frames)


def _ridge(inputs: int, frames: Configurations) -> float:
    """Return the expected seconds of a linear potential: its inputs are summed up twice."""
    return float(frames.offsets[-1]) * inputs * (_POOLED + _SCALED)


def _on_columns(model: RandomForest | LightGbm, inputs: int, job: Train, frames: Configurations) -> float:
    """Return the expected seconds of pooling descriptors, and of growing trees on mean and spread of each."""
    rows, columns = counts.learnt(job, frames), 2 * inputs
    pooling = _START + float(frames.offsets[-1]) * inputs * _POOLED
    if isinstance(model, LightGbm):
        return pooling + model.rounds * (_ROUND + rows * columns * _BOOST)
    levels = min(model.max_depth or math.inf, math.log2(max(rows, 2.0)))
    tried = max(1.0, min(model.max_features, 1.0) * columns)
    return pooling + model.trees * (_TREE + rows * levels * tried * _TRIED)


def _on_atoms(model: RandomForest | LightGbm, inputs: int, job: Train, frames: Configurations) -> float:
    """Return the expected seconds of growing trees on atoms, and of asking them for all atoms."""
    every = float(frames.offsets[-1])
    learnt = counts.learnt(job, frames) / len(frames) * every
    learnt = learnt if model.atoms is None else min(learnt, model.atoms)
    if isinstance(model, LightGbm):
        # There is little to learn of a direction: patience ends it long before the rounds are used up.
        return 3 * min(model.rounds, 2 * model.patience) * (learnt * inputs * _BOOST + every * _LEAF)
    levels = min(model.max_depth or math.inf, math.log2(max(learnt, 2.0)))
    columns = max(1.0, min(model.max_features, 1.0) * inputs)
    return model.trees * levels * (learnt * columns * _SPLIT + every * _DOWN)


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
    weights = model.ensemble * counts.weights(model, inputs) if isinstance(model, Hdnn) else 0
    walks = inputs * job.shuffles * seen * len(frames) * trees
    return start + shuffled * (_SHUFFLE + weights * _DOUBLE) + walks * _WALK


def _network(model: Hdnn, inputs: int, job: Train, frames: Configurations) -> float:
    """Return the expected seconds of training one network on the share of the frames that a split leaves."""
    weights = counts.weights(model, inputs)
    learnt = counts.learnt(job, frames)
    through = (learnt / len(frames)) * float(frames.offsets[-1]) * weights
    rule, start = model.optimizer, _START + through / weights * inputs * _SCALED
    if isinstance(rule, Adam):
        return start + model.epochs * through * _SINGLE
    if isinstance(rule, KerasAdam):
        steps = math.ceil(learnt / model.batch)
        return _KERAS_START + model.epochs * (steps * _KERAS_STEP + through * _KERAS)
    through = through * _DOUBLE + through / weights * sum(model.hidden) * _NODE
    if isinstance(rule, Kalman):  # multiplies P twice for every block of configurations
        whole = weights + (inputs if model.skip else 0)
        return start + model.epochs * (through + 1.5 * whole**2 * learnt * _COVARIANCE)
    # Levenberg-Marquardt adds up JᵀJ and solves.
    return start + model.epochs * (through + weights**2 * (learnt / 2 + weights / 6) * _PRODUCT)


def _describing(functions: Sequence[Feature | Column], atoms: int) -> float:
    radial = sum(isinstance(function, G2) for function in functions)
    angular = len(functions) - radial
    return atoms * (_NEIGHBOURS + radial * _RADIAL + (_PAIRS if angular else 0.0) + angular * _ANGULAR)


def laying_out(job: Train, frames: Configurations) -> float:
    """Return the expected seconds in which a process reads and lays out the inputs of a cohort, once for all of it.

    Parameters
    ----------
    job : Train
        One of the cohort.
    frames : Configurations
        The frames it works on.
    """
    return memory.values(job, frames) * _GATHER

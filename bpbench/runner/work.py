"""The one place where a job meets physics: what each kind of job does.

Trainings on the same inputs form a cohort: :mod:`bpbench.runner.execute` sends them one after another, and a process
keeps the inputs of the last ones (:mod:`bpbench.runner.held`), read, gathered and laid out for the kernels, so that a
cohort pays for them once.
Every training still goes its own way, and gives the numbers that it gives alone.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import lru_cache
from typing import Any, Final, get_args, get_type_hints

import numpy as np

from bpbench import metrics
from bpbench.agreement.columns import agree, pairing, unnamed
from bpbench.data import foreign, readers, splits, tables
from bpbench.data.frames import Configurations, Frames, Ints
from bpbench.errors import DataError, DivergedError
from bpbench.features import G2, G5, Column, Feature
from bpbench.identity import address, digest
from bpbench.jobs import (
    OPTIMIZERS,
    Agree,
    Command,
    Describe,
    Distribute,
    ForceTerm,
    Foreign,
    Hdnn,
    Importance,
    Job,
    LightGbm,
    Linear,
    MakeFrames,
    ModelSpec,
    N2p2,
    Ping,
    RandomForest,
    ReadTable,
    Simulate,
    Stretch,
    TimeDescribe,
    Train,
    of_forces_alone,
)
from bpbench.models import constant, fit, importance
from bpbench.models.contract import Fit, Problem, from_arrays, to_arrays
from bpbench.potential import Structures
from bpbench.remembered import by_object
from bpbench.runner import command, imported, probing, scored, timing
from bpbench.runner.held import Held, Inputs
from bpbench.runner.store import Outcome

Load = Callable[[Job], Outcome]


def needs(job: Job) -> tuple[Job, ...]:
    """Return the jobs whose results a job reads."""
    if isinstance(job, Train):
        return _of_pool(job.pool, job.frames)
    if isinstance(job, Importance):
        return (job.training, *needs(job.training))
    if isinstance(job, Agree):
        return (job.table, *job.pool, job.pool[0].frames)
    if isinstance(job, Simulate | Stretch) and job.training is not None:
        return (job.training, *needs(job.training))
    if isinstance(job, Stretch | Distribute):
        return (job.frames,)
    return (job.frames,) if isinstance(job, Describe | TimeDescribe) else ()


@by_object
def _of_pool(pool: tuple[Describe | ReadTable, ...], frames: MakeFrames | ReadTable) -> tuple[Job, ...]:
    """Return what every training on a pool needs; all of them have the same tuple."""
    return tuple(dict.fromkeys((*pool, frames)))


def alone(job: Job) -> bool:
    """Return whether nothing else of ours may run beside a job: a clock runs in it."""
    return isinstance(job, TimeDescribe)


_LABELS: Final = {
    MakeFrames: "read frames",
    ReadTable: "read table",
    Describe: "describe",
    Agree: "compare values",
    TimeDescribe: "time descriptors",
    Stretch: "stretch",
    Simulate: "simulate",
    Distribute: "count g(r)",
    Ping: "ping",
}


def runs_a_program(job: Job) -> bool:
    """Return whether a job runs a program that a protocol names."""
    return isinstance(job, Train) and isinstance(job.model, Command)


def label(job: Job) -> str:
    """Return the kind of a job as the progress display and the cost estimate call it."""
    if isinstance(job, Importance):
        return f"weigh inputs ({job.by}, {job.training.model.kind})"
    if not isinstance(job, Train):
        return _LABELS[type(job)]
    if isinstance(job.model, Hdnn):
        return f"train hdnn ({job.model.optimizer.kind})"
    return f"score {job.model.kind}" if isinstance(job.model, N2p2) else f"train {job.model.kind}"


def kinds() -> list[str]:
    """Return what :func:`label` may call a job, and before these the words that several of them start with."""
    models = [str(get_type_hints(model)["kind"].__args__[0]) for model in get_args(ModelSpec) if model is not N2p2]
    asked = [f"{by}, {kind}" for by in get_args(get_type_hints(Importance)["by"]) for kind in models]
    trained = [f"train {kind}" for kind in models]
    optimized = [f"train hdnn ({kind})" for kind in OPTIMIZERS]
    weighed = [f"weigh inputs ({words})" for words in asked]
    return [*_LABELS.values(), "score n2p2", "weigh inputs", *trained, *optimized, *weighed]


def perform(job: Job, load: Load) -> Outcome:  # noqa: PLR0911 - one line per kind of job
    """Do a job.

    Parameters
    ----------
    job : Job
        What is asked.
    load : callable
        Gives the stored results of the jobs it needs.

    Returns
    -------
    Outcome
        A training that diverges is an outcome too (``status``: ``diverged``), and so is every question that is asked
        of it; every other failure is raised.
    """
    if isinstance(job, MakeFrames):
        return Outcome({"status": "done"}, readers.read(job.source).to_arrays())
    if isinstance(job, ReadTable):
        names, arrays = tables.stream(job.source, job.precision)
        return Outcome({"status": "done", "names": list(names)}, more=arrays)
    if isinstance(job, Describe):
        from bpbench.descriptors.symmetry import describe_frames

        frames = Frames.from_arrays(load(job.frames).arrays)
        values = describe_frames(job.functions, frames, job.first, job.last)
        return Outcome({"status": "done"}, {"values": values.astype(job.precision, copy=False)})
    if isinstance(job, TimeDescribe):
        return timing.measure(job, Frames.from_arrays(load(job.frames).arrays))
    if isinstance(job, Agree):
        return _agree(job, load)
    if isinstance(job, Importance):
        return _importance(job, load)
    if isinstance(job, Stretch | Simulate | Distribute):
        return _probe(job, load)
    if isinstance(job, Ping):
        time.sleep(job.wait_s)
        return Outcome({"status": "done"})
    return _train(job, load)


def _probe(job: Stretch | Simulate | Distribute, load: Load) -> Outcome:
    training = None if isinstance(job, Distribute) else job.training
    of = job.training.frames if isinstance(job, Simulate) else job.frames
    frames = Frames.from_arrays(load(of).arrays)
    if isinstance(job, Distribute):
        return probing.distribute(job, frames)
    trained = None if training is None else load(training)
    if isinstance(job, Stretch):
        return probing.stretch(job, frames, trained)
    assert trained is not None
    return probing.simulate(job, frames, trained)


def _agree(job: Agree, load: Load) -> Outcome:
    offsets = Configurations.from_arrays(load(job.pool[0].frames).arrays).offsets
    chosen = foreign.compared(offsets, max(len(job.columns), len(job.functions)))
    keep = np.repeat(np.isin(np.arange(len(offsets) - 1), chosen), np.diff(offsets))
    columns, functions = ([item.name for item in side] for side in (job.columns, job.functions))
    theirs, ours = (
        np.concatenate(list(_rows(pool, names, keep, load)), axis=1).T
        for pool, names in (((job.table,), columns), (job.pool, functions))
    )
    found = agree(theirs, columns, ours, functions, functions=job.functions)
    values: dict[str, Any] = {
        "status": "done",
        "pairing": pairing(columns, functions),
        "frames": len(offsets) - 1,
        "compared_frames": len(chosen),
        "compared_rows": len(ours),
        "counts": dict(Counter(item.kind for item in found)),
        "columns": [asdict(item) for item in found],
        "unnamed": list(unnamed(found, functions)),
    }
    return Outcome(values)


def _rows(
    pool: Sequence[Describe | ReadTable], names: Sequence[str], keep: foreign.Array, load: Load
) -> Iterator[foreign.Array]:
    """Yield the chosen atoms of each stored chunk, shape (names, atoms)."""
    row = 0
    for part in _chunks(pool, names, load):
        yield part[:, keep[row : row + part.shape[1]]]
        row += part.shape[1]


#: The inputs of the cohorts of which this process did the last trainings.
held: Final = Held()


def cohort(job: Job) -> Hashable | None:
    """Return what the trainings of a cohort, and the questions asked of them, have in common: their inputs.

    ``None`` for every other job.
    """
    if isinstance(job, Importance):
        return cohort(job.training)
    if not isinstance(job, Train):
        return None
    return _cohort(job.frames, job.pool, job.functions)


@by_object
def _cohort(*inputs: Hashable) -> str:
    return digest(inputs)


def forget() -> None:
    """Let go of the inputs that this process keeps."""
    held.clear()


#: The least model of each kind beside networks.
_LEAST: Final[dict[str, ModelSpec]] = {
    "linear": Linear("linear"),
    "random-forest": RandomForest("random-forest", trees=1),
    "lightgbm": LightGbm("lightgbm", rounds=1),
}


def warm(job: Job) -> None:
    """Have everything loaded and compiled that a job of this kind needs, so that its costs are its own."""
    if isinstance(job, Importance):
        warm(job.training)
    if isinstance(job, Describe):
        _describe_one(job.functions)
    if not isinstance(job, Train) or isinstance(job.model, Foreign):
        return
    kind = job.model.optimizer.kind if isinstance(job.model, Hdnn) else job.model.kind
    term = job.model.forces if isinstance(job.model, Hdnn | Linear) else None
    _compile(kind, job.pool[0].precision, term)
    if isinstance(job.model, Hdnn) and job.model.ensemble > 1:
        scored.spearman()
    if job.score_forces and not of_forces_alone(job.model):
        _adjoint()


@lru_cache(maxsize=4)
def _describe_one(functions: tuple[Feature, ...]) -> None:
    """Have the kernels of some functions compiled, on three atoms; those that tell elements apart need others."""
    from bpbench.descriptors.symmetry import describe

    with suppress(DataError):
        describe(functions, np.eye(3), np.eye(3), np.zeros(3, dtype=bool))


@lru_cache(maxsize=1)
def _adjoint() -> None:
    """Have the adjoint of descriptors compiled, on one pair and one triplet."""
    from bpbench.descriptors.symmetry import evaluate

    functions = (G2(1.0, 0.0, 6.0), G5(0.1, 1.0, 1, 6.0))
    seen = evaluate(functions, np.eye(3), np.eye(3), np.zeros(3, dtype=bool))
    seen.adjoint(np.ones((2, 3)))


@lru_cache(maxsize=16)
def _compile(kind: str, precision: str, term: ForceTerm | None) -> None:
    values = np.random.default_rng(1).normal(size=(2, 8)).astype(precision)
    few, energy = np.arange(4, dtype=np.int64), np.array([1.0, 2.0, 4.0, 8.0])
    problem = Problem(("a", "b"), values, np.arange(5, dtype=np.int64) * 2, energy, few[:2], few[2:], few[:0])
    model = _LEAST[kind] if kind in _LEAST else Hdnn("hdnn", (2,), epochs=1, optimizer=OPTIMIZERS[kind](kind))
    if term is not None:
        from bpbench.models import slope_kernels  # numba

        assert isinstance(model, Hdnn | Linear)  # others learn no forces
        model = replace(model, forces=term)
        problem = replace(problem, forces=np.resize([1.0, -1.0, 0.5], (8, 3)), geometry=slope_kernels.Pairs(2))
    with suppress(DivergedError):
        fit(model, problem, weights_seed=1, order_seed=1)


def lay_out(job: Job, load: Load) -> int:
    """Have the inputs of a training read, gathered and laid out, so that the first of a cohort costs what others do.

    Returns
    -------
    int
        Bytes of the inputs that the job reads, in all their layouts; 0 where it reads its own while it is performed.
    """
    if isinstance(job, Importance):
        return lay_out(job.training, load)
    if not isinstance(job, Train):
        return 0
    ours = _inputs(job, load)
    if _learns_forces(job.model) and (structures := _structures(job, ours)):
        structures.lay_out()
    if isinstance(job.model, Hdnn) and ours.table is None:
        from bpbench.models import replica

        ours.table = replica.table(ours.values, ours.frames.offsets, ours.kind, max(1, len(ours.elements)))
    held.settle()
    return ours.values.nbytes + (ours.laid_out if isinstance(job.model, Hdnn) else 0)


def _inputs(job: Train, load: Load) -> Inputs:
    wanted = cohort(job)
    found = held.get(wanted)
    if found is not None:
        return found
    made = Frames if isinstance(job.frames, MakeFrames) else Configurations
    frames = made.from_arrays(load(job.frames).arrays)
    atoms = int(frames.offsets[-1])
    # Before they are read: in two layouts, and never more at a time than there is room for.
    held.make_room(2 * len(job.functions) * atoms * 8 if job.pool else 0)
    return held.add(Inputs(wanted, frames, gather(job, load, atoms)))


def _problem(job: Train, load: Load) -> tuple[Problem, Ints]:
    """Return the problem of a training, and the numbers of the fresh configurations."""
    ours = _inputs(job, load)
    parts = splits.draw(ours.frames, job.split)
    train = parts.train
    if job.observations is not None:
        train = splits.fewer(ours.frames, train, job.observations, job.split.split_seed, job.split.by)
    problem = Problem(
        names=tuple(function.name for function in job.functions),
        values=ours.values,
        offsets=ours.frames.offsets,
        energy=ours.frames.energy,
        train=train,
        validation=parts.validation,
        test=parts.test,
        table=ours.table,
        elements=ours.elements,
        kind=ours.kind,
        centres=job.centres,
        forces=ours.frames.forces,
        geometry=_structures(job, ours),
    )
    return problem, parts.fresh


def _learns_forces(model: ModelSpec) -> bool:
    return isinstance(model, Hdnn | Linear) and model.forces is not None


def _structures(job: Train, ours: Inputs) -> Structures | None:
    """Return the frames behind the inputs where forces are asked for, with the neighbour lists of the cohort."""
    if of_forces_alone(job.model) or isinstance(job.model, Foreign):
        return None  # they answer with forces themselves
    if not (job.score_forces or _learns_forces(job.model)):
        return None
    if ours.structures is None:
        assert isinstance(ours.frames, Frames)  # the protocol was refused otherwise
        functions = [item for item in job.functions if not isinstance(item, Column)]
        assert len(functions) == len(job.functions)  # columns of a table have no derivatives and were refused
        ours.structures = Structures(ours.frames, functions)
    return ours.structures


def _importance(job: Importance, load: Load) -> Outcome:
    training, names = job.training, [function.name for function in job.training.functions]
    importance.check(training.model, job.by)
    trained = load(training)
    if trained.values["status"] != "done":
        return Outcome({"status": trained.values["status"], "message": trained.values["message"], "names": names})
    problem, _ = _problem(training, load)
    if job.by == "gain":
        share = importance.gain(training.model, problem, weights_seed=training.weights_seed)
        return Outcome({"status": "done", "names": names, "unit": "share"}, {"importance": share})
    mean, spread = importance.permutation(
        training.model,
        problem,
        from_arrays(trained.arrays),
        shuffles=job.shuffles,
        seed=job.seed,
        weights_seed=training.weights_seed,
    )
    values = {"status": "done", "names": names, "unit": "meV/atom"}
    return Outcome(values, {"importance": mean, "spread": spread})


def _train(job: Train, load: Load) -> Outcome:
    lay_out(job, load)
    problem, fresh = _problem(job, load)
    try:
        made = _fit(job, problem, load)
    except DivergedError as error:
        return Outcome({"status": "diverged", "message": str(error)})
    energy = made.energy
    if energy is not None and not np.all(np.isfinite(energy)):
        return Outcome({"status": "diverged", "message": "A predicted energy is not a finite number."})
    parts = {name: getattr(problem, name) for name in splits.PARTS} | ({splits.FRESH: fresh} if len(fresh) else {})
    values: dict[str, Any] = {
        "status": "done",
        "scores": {
            name: {} if energy is None else scored.energies(problem, energy, part) for name, part in parts.items()
        },
        "constant": {} if energy is None else scored.energies(problem, constant(problem), problem.test),
        "checkpoint": made.checkpoint,
        "stopped": made.stopped,
        "least_loss": scored.least(made),
        "converged": made.converged,
        "parameters": made.parameter_count,
        "train_configurations": len(problem.train),
        "ensemble": None if energy is None or made.members is None else scored.ensemble(problem, energy, made.members),
        "remarks": list(made.remarks),
        **({} if made.said is None else {"said": made.said}),
    }
    arrays = {} if energy is None else {"energy": energy}
    asked = job.score_forces or energy is None
    if asked and not scored.add_forces(job, problem, made, parts, values, arrays):
        return Outcome({"status": "diverged", "message": "A predicted force is not a finite number."})
    arrays |= {f"curve-{name}": array for name, array in made.curve.items()}
    arrays |= to_arrays(made.parameters)
    arrays |= {} if made.members is None else {"members": made.members}
    return Outcome(values, arrays)


def _fit(job: Train, problem: Problem, load: Load) -> Fit:
    """Fit a model, or have somebody else's trained, or ask one that is trained already."""
    if not isinstance(job.model, Foreign):
        return fit(job.model, problem, weights_seed=job.weights_seed, order_seed=job.order_seed)
    frames = _inputs(job, load).frames
    assert isinstance(frames, Frames)  # the protocol was refused otherwise
    if isinstance(job.model, Command):
        return command.fit(job.model, frames, problem, job.functions, seed=job.weights_seed)
    return imported.fit(job.model, frames, problem, key=address(job.frames), forces=job.score_forces)


def gather(job: Train, load: Load, atoms: int) -> metrics.Array:
    """Return the inputs of a training, shape (D, atoms), picked from the pool's chunks by name."""
    values, at = None, 0
    for part in _chunks(job.pool, [function.name for function in job.functions], load):
        if values is None:
            values = np.empty((len(part), atoms), part.dtype)
        values[:, at : at + part.shape[1]] = part
        at += part.shape[1]
    # What is trained elsewhere has no pool here.
    return np.empty((0, atoms)) if values is None else values


def _chunks(pool: Sequence[Describe | ReadTable], wanted: Sequence[str], load: Load) -> Iterator[foreign.Array]:
    """Yield the stored chunks of a pool in the order of their atoms, each with the inputs that are wanted by name."""
    for chunk in pool:
        made = load(chunk)
        names = made.values["names"] if isinstance(chunk, ReadTable) else [item.name for item in chunk.functions]
        row = {name: number for number, name in enumerate(names)}
        rows = [row[name] for name in wanted]
        # A table's chunks lie in one outcome, numbered in the order of their rows.
        parts = sorted(name for name in made.arrays if name == "values" or name.startswith(tables.CHUNK))
        yield from (np.asarray(made.arrays[name][rows]) for name in parts)

"""The one place where a job meets physics: what each kind of job does, and what it costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from bpbench import metrics
from bpbench.agreement.columns import agree, pairing, unnamed
from bpbench.data import foreign, readers, splits, tables
from bpbench.data.frames import Configurations, Frames
from bpbench.errors import DivergedError
from bpbench.jobs import Agree, Describe, Hdnn, Job, MakeFrames, ReadTable, TimeDescribe, Train
from bpbench.models import constant, fit
from bpbench.models.contract import Problem
from bpbench.runner import timing
from bpbench.runner.store import Outcome

Load = Callable[[Job], Outcome]


def needs(job: Job) -> tuple[Job, ...]:
    """Return the jobs whose results a job reads."""
    if isinstance(job, Train):
        return tuple(dict.fromkeys((*job.pool, job.frames)))
    if isinstance(job, Agree):
        return (job.table, *job.pool, job.pool[0].frames)
    return (job.frames,) if isinstance(job, Describe | TimeDescribe) else ()


def alone(job: Job) -> bool:
    """Return whether nothing else of ours may run beside a job: a clock runs in it."""
    return isinstance(job, TimeDescribe)


def label(job: Job) -> str:
    """Return the kind of a job as the progress display and the cost estimate call it."""
    if isinstance(job, MakeFrames):
        return "read frames"
    if isinstance(job, ReadTable):
        return "read table"
    if isinstance(job, Describe):
        return "describe"
    if isinstance(job, Agree):
        return "compare values"
    if isinstance(job, TimeDescribe):
        return "time descriptors"
    return f"train {job.model.kind}"


def perform(job: Job, load: Load) -> Outcome:
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
        A training that diverges is an outcome too (``status``: ``diverged``); every other failure is raised.
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
    return _train(job, load)


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


def _train(job: Train, load: Load) -> Outcome:
    frames = Configurations.from_arrays(load(job.frames).arrays)
    parts = splits.draw(frames, job.split)
    problem = Problem(
        names=tuple(function.name for function in job.functions),
        values=gather(job, load),
        offsets=frames.offsets,
        energy=frames.energy,
        train=parts.train,
        validation=parts.validation,
        test=parts.test,
    )
    try:
        made = fit(job.model, problem, weights_seed=job.weights_seed, order_seed=job.order_seed)
    except DivergedError as error:
        return Outcome({"status": "diverged", "message": str(error)})
    if not np.all(np.isfinite(made.energy)):
        return Outcome({"status": "diverged", "message": "A predicted energy is not a finite number."})
    mean = constant(problem)
    values: dict[str, Any] = {
        "status": "done",
        "scores": {name: _score(problem, made.energy, getattr(parts, name)) for name in splits.PARTS},
        "constant": _score(problem, mean, parts.test),
        "checkpoint": made.checkpoint,
        "epochs": job.model.epochs if isinstance(job.model, Hdnn) else None,
        "converged": made.converged,
        "parameters": made.parameter_count,
        "remarks": list(made.remarks),
    }
    arrays = {"energy": made.energy}
    arrays |= {f"curve-{name}": array for name, array in made.curve.items()}
    arrays |= {f"parameter-{name}": array for name, array in made.parameters.items()}
    return Outcome(values, arrays)


def _score(problem: Problem, energy: metrics.Array, part: Any) -> dict[str, float]:
    return metrics.score(problem.energy[part], energy[part], problem.atoms[part])


def gather(job: Train, load: Load) -> metrics.Array:
    """Return the inputs of a training, shape (D, A), picked from the pool's chunks by name."""
    return np.concatenate(list(_chunks(job.pool, [function.name for function in job.functions], load)), axis=1)


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

"""The one place where a job meets physics: what each kind of job does, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpbench import metrics
from bpbench.data import readers, splits, tables
from bpbench.data.frames import Configurations, Frames
from bpbench.errors import DivergedError
from bpbench.jobs import Describe, Hdnn, Job, MakeFrames, ReadTable, Train
from bpbench.models import constant, fit
from bpbench.models.contract import Problem
from bpbench.runner.store import Outcome

Load = Callable[[Job], Outcome]


def needs(job: Job) -> tuple[Job, ...]:
    """Return the jobs whose results a job reads."""
    if isinstance(job, Train):
        return tuple(dict.fromkeys((*job.pool, job.frames)))
    return (job.frames,) if isinstance(job, Describe) else ()


def label(job: Job) -> str:
    """Return the kind of a job as the progress display and the cost estimate call it."""
    if isinstance(job, MakeFrames):
        return "read frames"
    if isinstance(job, ReadTable):
        return "read table"
    if isinstance(job, Describe):
        return "describe"
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
    return _train(job, load)


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
    picked = []
    for chunk in job.pool:
        made = load(chunk)
        names = made.values["names"] if isinstance(chunk, ReadTable) else [item.name for item in chunk.functions]
        row = {name: number for number, name in enumerate(names)}
        rows = [row[function.name] for function in job.functions]
        # A table's chunks lie in one outcome, numbered in the order of their rows.
        parts = sorted(name for name in made.arrays if name == "values" or name.startswith(tables.CHUNK))
        picked += [np.asarray(made.arrays[name][rows]) for name in parts]
    return np.concatenate(picked, axis=1)

"""What a run would take of the machine: seconds, memory of a process, room on the disk; plain JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from bpbench.runner import cost, execute, graph, wall
from bpbench.runner.disk import room
from bpbench.runner.engine import Engine
from bpbench.runner.held import SHARE
from bpbench.runner.machine import memory_left

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bpbench.jobs import Job
    from bpbench.prepared import Prepared
    from bpbench.runner.cost import Estimator, Need, Needs
    from bpbench.runner.store import Store


def outlay(todo: Sequence[Job], estimate: Estimator, store: Store, engine: Engine) -> dict[str, Any]:
    """Say what some jobs take.

    Parameters
    ----------
    todo : sequence of Job
        What would run.
    estimate : Estimator
        From :func:`bpbench.runner.cost.estimator`.
    store : Store
        Where results go.
    engine : Engine
        Where jobs would run, and on how many processes at once.

    Returns
    -------
    dict
        ``wall_s``, ``longest_s`` and ``waiting`` as :class:`bpbench.runner.wall.Course` has them; ``cpu_s`` in all and
        ``between_s``, the two ends within which it may lie; ``seen``, by kind of job how many stored results that rests
        on, whether they are of other processors, and its factor; ``memory`` and ``disk``, bytes; ``largest``, the job
        that takes longest: its ``kind``, ``seconds``, and ``lasts_s``, how long a worker of a batch system stays.
    """
    at_once = execute.at_once(todo, engine.workers)
    course = wall.course(todo, estimate, at_once)
    by_kind: dict[str, float] = {}
    one: dict[str, Job] = {}
    shapes = _shapes(todo, estimate.need)
    for need, job, number in shapes:
        by_kind[need.kind] = by_kind.get(need.kind, 0.0) + number * estimate.of(need)
        one.setdefault(need.kind, job)
    needs = [need for need, _, _ in shapes]
    factors = {kind: estimate.factor(kind) for kind in by_kind}
    # Kinds are estimated apart, so what they lie off adds up as independent errors do.
    off = {
        sign: math.hypot(*(seconds * (factors[kind] ** sign - 1) for kind, seconds in by_kind.items()))
        for sign in (1, -1)
    }
    basis = {kind: estimate.basis(kind) for kind in by_kind}
    return {
        "wall_s": course.wall_s,
        "longest_s": course.longest_s,
        "waiting": course.waiting,
        "cpu_s": course.busy_s,
        "reading_s": course.reading_s,
        "between_s": [max(0.0, course.busy_s - off[-1]), course.busy_s + off[1]],
        "seen": {
            kind: {"results": results, "elsewhere": elsewhere, "factor": factors[kind]}
            for kind, (results, elsewhere) in basis.items()
        },
        "memory": _memory(needs, list(one.values()), course.inputs, at_once, _offered(engine)),
        "disk": disk(todo, estimate.need, store),
        "largest": _largest(needs, estimate, engine),
    }


def _largest(needs: Sequence[Need], estimate: Estimator, engine: Engine) -> dict[str, Any]:
    """Return which job takes longest, and how long it may."""
    largest = max(needs, key=estimate.of, default=None)
    return {
        "kind": None if largest is None else largest.kind,
        "seconds": 0.0 if largest is None else estimate.of(largest),
        "lasts_s": None if engine.cluster is None else engine.cluster.lasts_s,
    }


def _shapes(todo: Iterable[Job], need: Needs) -> list[tuple[Need, Job, int]]:
    """Return what jobs need, each need once, with the first job that has it and how many there are of it."""
    first: dict[int, tuple[Need, Job]] = {}
    counts: dict[int, int] = {}
    for job in todo:
        found = need(job)
        key = id(found)
        if key not in first:
            first[key], counts[key] = (found, job), 0
        counts[key] += 1
    return [(found, job, counts[key]) for key, (found, job) in first.items()]


def _memory(
    needs: Sequence[Need], one: list[Job], inputs: int, at_once: int, offered: dict[str, int | None]
) -> dict[str, Any]:
    """Return what one process holds at its peak: what it has loaded for all kinds of jobs, and the neediest of them.

    Inputs of other cohorts stay beside, within a share of its memory, and go where that is needed.
    """
    neediest = max(needs, key=lambda need: need.memory, default=None)
    least = 0 if neediest is None else neediest.memory
    each, free = offered["each"], offered["free"]
    own = each if each is not None or free is None else free // at_once
    stay = inputs if own is None else min(inputs, own // SHARE)
    most = max((need.memory + max(0, stay - need.inputs) for need in needs if need.inputs), default=0)
    return {
        "process": 0 if neediest is None else cost.base(one) + least,
        "kept": max(0, most - least),
        "kind": None if neediest is None else neediest.kind,
        "processes": at_once,
        **offered,
    }


def _offered(engine: Engine) -> dict[str, int | None]:
    """Return what there is of memory: free on this machine, or what a cluster file gives each process; else unknown."""
    if engine.cluster is not None:
        return {"free": None, "each": engine.cluster.offers.memory}
    return {"free": None if engine.elsewhere else memory_left(), "each": None}


def disk(todo: Iterable[Job], need: Needs, store: Store) -> dict[str, Any]:
    """Return the bytes that some results would add to a store, in all and by kind of job, and what is free there.

    Parameters
    ----------
    todo : iterable of Job
        What would run.
    need : Needs
        What each of them needs.
    store : Store
        Where results go.
    """
    kinds: dict[str, int] = {}
    for found, _, number in _shapes(todo, need):
        kinds[found.kind] = kinds.get(found.kind, 0) + number * found.disk
    return {"bytes": sum(kinds.values()), "kinds": kinds, "free": room(store.root), "folder": str(store.root)}


def room_for(prepared: Prepared, store: Store) -> dict[str, Any]:
    """Return what a study would still add to a store, and what is free there; see :func:`disk`."""
    return disk(graph.missing(prepared.jobs, store), cost.Needs(prepared.frames), store)

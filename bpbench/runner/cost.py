r"""What jobs cost: seconds by a count of their work and by what this store has seen, memory, and bytes on disk.

The count (:func:`expected`) rests on rates measured on another machine. Stored results correct it: with

.. math:: q = \frac{\text{CPU seconds taken}}{\text{seconds counted}}

for each of them, a job's estimate is its count times q, the median over stored results of its kind and size, or between
the medians of the two sizes next to its own. Results of the same kind of processor are used alone if there are any, and
of these such as ran beside as many others as are planned: two at once take 1.1 to 1.8 times the CPU seconds of one
(:mod:`bpbench.runner.meter`).

How far the total of many jobs may lie from its estimate is told by a factor for each kind (:meth:`Estimator.factor`):

==================================  ==================================================================================
stored results of the kind          factor
==================================  ==================================================================================
none                                2
of another kind of processor        1.5, or what follows if that is more
one                                 1.5
n with spread s of ln q             exp(t s √(1 + 1/n)), t Student's 95 % point for n-1 degrees of freedom; 1.1 to 2
==================================  ==================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from itertools import chain
from statistics import median
from typing import Any, Final

import numpy as np

from bpbench.data.frames import Configurations
from bpbench.jobs import Describe, Importance, Job, Train
from bpbench.runner import work
from bpbench.runner.disk import disk
from bpbench.runner.machine import machine
from bpbench.runner.memory import base, inputs, memory, needed
from bpbench.runner.seconds import expected, laying_out
from bpbench.runner.store import Store

__all__ = ["Estimator", "Need", "base", "disk", "estimator", "expected", "laying_out", "memory", "needed"]

#: Stored results that are looked at, of each shape and of each kind.
_OF_SHAPE: Final = 12
_OF_KIND: Final = 200
#: How far a total may lie from its estimate: with nothing stored; with one result, or those of another processor.
_BLIND: Final = 2.0
_ONE: Final = 1.5
#: What it lies off even where many results agree: runs differ that much between each other.
_LEAST: Final = 1.1
#: Student's t, 95 %, one-sided, for 1, 2, … degrees of freedom; the last for all more.
_T: Final = (6.31, 2.92, 2.35, 2.13, 2.02, 1.94, 1.89, 1.86, 1.83, 1.81, 1.7)


@dataclass(frozen=True, slots=True)
class Need:
    """What a job needs, counted from its shape; the same for all jobs of one shape.

    Attributes
    ----------
    kind : str
        As the progress display calls it.
    cohort : hashable or None
        What trainings on the same inputs, and the questions asked of them, have in common.
    counted_s : float
        Seconds on one core by the count alone.
    reading_s : float
        Seconds in which a process makes its inputs ready, once for a cohort.
    memory : int
        Bytes beside what its process holds.
    inputs : int
        Those of them that are its inputs in all their layouts, which stay for the next of its cohort.
    disk : int
        Bytes of its result in the store.
    """

    kind: str
    cohort: Hashable | None
    counted_s: float
    reading_s: float
    memory: int
    inputs: int
    disk: int


class Needs:
    """What jobs need, worked out once for each shape: a hundred thousand jobs have a dozen.

    Parameters
    ----------
    frames : Configurations
        The frames all of them work on.
    """

    def __init__(self, frames: Configurations) -> None:
        self._frames = frames
        # With the job itself, whose parts stay alive with it, so that their ids are theirs.
        self._of: dict[tuple[Any, ...], tuple[Job, Need]] = {}
        self._known: dict[int, tuple[Job, Need]] = {}

    def __call__(self, job: Job) -> Need:
        """Return what a job needs."""
        known = self._known.get(id(job))
        if known is None:
            key = self._shape(job)
            if key not in self._of:
                self._of[key] = (job, self._counted(job))
            known = self._known[id(job)] = (job, self._of[key][1])  # each is asked about many times
        return known[1]

    def _shape(self, job: Job) -> tuple[Any, ...]:
        """Return a key that jobs of one shape share; parts are told apart by the very object, which jobs share."""
        if isinstance(job, Train):
            split = job.split
            return (
                *self._cohort(job),
                id(job.model),
                job.observations,
                job.score_forces,
                split.reserve,
                split.validation,
                split.explore,
            )
        if isinstance(job, Importance):
            return ("asked", job.by, job.shuffles, *self._shape(job.training))
        if isinstance(job, Describe):
            offsets = self._frames.offsets
            return ("described", id(job.functions), int(offsets[job.last] - offsets[job.first]), job.precision)
        return (type(job).__name__, id(job))

    @staticmethod
    def _cohort(job: Train) -> tuple[int, ...]:
        return (id(job.functions), len(job.pool), id(job.pool[0]) if job.pool else 0)

    def _counted(self, job: Job) -> Need:
        frames = self._frames
        training = job.training if isinstance(job, Importance) else job
        return Need(
            work.label(job),
            self._cohort(training) if isinstance(training, Train) else None,
            expected(job, frames),
            laying_out(training, frames) if isinstance(training, Train) else 0.0,
            needed(job, frames),
            inputs(training, frames) if isinstance(training, Train) else 0,
            disk(job, frames),
        )


@dataclass(frozen=True, slots=True)
class _Seen:
    """A stored result: what it was counted for, what it took, and where."""

    counted_s: float
    taken_s: float
    cpu: str | None
    processes: int | None


@dataclass(slots=True)
class _Kind:
    """What stored results of one kind tell: the median of q by size, and how far single ones lie from it."""

    results: int = 0
    elsewhere: bool = False
    sizes: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    spread: float | None = None

    @classmethod
    def of(cls, seen: list[_Seen], workers: int | None) -> _Kind:
        cpu = machine()["cpu"]
        here = [one for one in seen if one.cpu == cpu]
        alike = [one for one in here if one.processes == workers]
        chosen = alike or here or seen
        by_size: dict[float, list[float]] = {}
        sizes: dict[float, float] = {}
        for one in chosen:
            size = math.log(one.counted_s)
            exact = sizes.setdefault(round(size, 2), size)  # what differs by less is of one size
            by_size.setdefault(exact, []).append(math.log(one.taken_s / one.counted_s))
        middle = {size: median(logs) for size, logs in sorted(by_size.items())}
        off = [log - middle[size] for size, logs in by_size.items() for log in logs]
        free = len(off) - len(middle)
        # Half of the results of a size lie nearer to their median than 0.67 spreads; one that compiled may lie far off.
        spread = 1.48 * median(map(abs, off)) * math.sqrt(len(off) / free) if free > 0 else None
        return cls(len(chosen), not here, list(middle), [math.exp(log) for log in middle.values()], spread)


class Estimator:
    """Gives the expected seconds that a job keeps a core busy; of a job that runs a program, those of its wall clock.

    Parameters
    ----------
    stored : iterable of Job
        Jobs whose results are in the store.
    frames : Configurations
        The frames all of them work on.
    store : Store
        Where their provenance lies.
    workers : int, optional
        Processes that would work at once.
    """

    def __init__(self, stored: Iterable[Job], frames: Configurations, store: Store, workers: int | None = None) -> None:
        self.need = Needs(frames)
        self._seconds: dict[int, float] = {}
        seen: dict[str, list[_Seen]] = {}
        for job in self._some(stored):
            need = self.need(job)
            if (one := _read(job, need, store)) is not None:
                seen.setdefault(need.kind, []).append(one)
        self._kinds = {kind: _Kind.of(results, workers) for kind, results in seen.items()}

    def __call__(self, job: Job) -> float:
        """Return the expected seconds of a job."""
        return self.of(self.need(job))

    def of(self, need: Need) -> float:
        """Return the expected seconds of a job that has such needs."""
        if id(need) not in self._seconds:
            self._seconds[id(need)] = need.counted_s * self._ratio(need)
        return self._seconds[id(need)]

    def factor(self, kind: str) -> float:
        """Return by what factor the total of many jobs of a kind may lie off its estimate, either way."""
        known = self._kinds.get(kind)
        if known is None:
            return _BLIND
        if known.spread is None:
            return _ONE
        t = _T[min(known.results - len(known.sizes), len(_T)) - 1]
        by_spread = math.exp(t * known.spread * math.sqrt(1 + 1 / known.results))
        return min(max(by_spread, _ONE if known.elsewhere else _LEAST), _BLIND)

    def basis(self, kind: str) -> tuple[int, bool]:
        """Return how many stored results the estimate of a kind rests on, and whether all are of other processors."""
        known = self._kinds.get(kind)
        return (0, False) if known is None else (known.results, known.elsewhere)

    def _ratio(self, need: Need) -> float:
        known = self._kinds.get(need.kind)
        if known is None:
            return 1.0
        return float(np.interp(math.log(need.counted_s), known.sizes, known.ratios))

    def _some(self, stored: Iterable[Job]) -> Iterable[Job]:
        """Return some of the stored jobs: a few of each shape say what all do."""
        of_shape: dict[int, list[Job]] = {}
        for job in stored:
            some = of_shape.setdefault(id(self.need(job)), [])
            if len(some) < _OF_SHAPE:
                some.append(job)
        of_kind: dict[str, list[Job]] = {}
        for some in of_shape.values():
            of_kind.setdefault(self.need(some[0]).kind, []).extend(some)
        # From the middle of each shape's and spread over all of a kind's: the first ones may have compiled something.
        return chain.from_iterable(jobs[:: -(-len(jobs) // _OF_KIND)] for jobs in of_kind.values())


def _read(job: Job, need: Need, store: Store) -> _Seen | None:
    """Return what a stored result took, ``None`` where it does not say."""
    told = store.provenance(job)
    keys = ("wall_s",) if work.runs_a_program(job) else ("cpu_s", "wall_s")
    taken = next((told[key] for key in keys if isinstance(told.get(key), float) and told[key] > 0), None)
    return None if taken is None else _Seen(need.counted_s, taken, told.get("cpu"), told.get("processes"))


def estimator(stored: Iterable[Job], frames: Configurations, store: Store, workers: int | None = None) -> Estimator:
    """Return a function that gives the expected seconds of a job, and what it needs beside.

    Parameters
    ----------
    stored : iterable of Job
        Jobs whose results are in the store; the times they took correct the estimate of their kind.
    frames : Configurations
        The frames all of them work on.
    store : Store
        Where their provenance lies.
    workers : int, optional
        Processes that would work at once.
    """
    return Estimator(stored, frames, store, workers)

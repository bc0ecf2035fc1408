"""The jobs of one call in line: what may start now, what waits for a result, and what a failure takes with it.

Jobs that need the same results wait together, so that a hundred thousand trainings on a pool of a hundred chunks are as
many entries, not ten million. Those that may start stand by cohort (:func:`bpbench.runner.work.cohort`): whoever has
done some of one goes on with it, and others begin another where there is one, so that inputs are read and laid out by
one process and not by all; the largest first, so that all end at about the same time. Jobs without a cohort come before
all others, which may wait for them.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from types import MappingProxyType
from typing import Final

from bpbench.jobs import Job, Train
from bpbench.runner import work

#: How many cohorts that others do are looked at, at most.
LOOKED: Final = 64
_NOBODY: Final[Mapping[Hashable, int]] = MappingProxyType({})


@dataclass(slots=True, eq=False)
class _Gate:
    """Jobs that wait for the same results."""

    needs: tuple[Job, ...]
    closed: int
    jobs: list[Job] = field(default_factory=list)


class Line:
    """Jobs in the order in which they are to start, as far as what they need is there.

    Parameters
    ----------
    todo : sequence of Job
        Every need before its user.
    failed : iterable of Job
        Jobs that have failed before: those that need them fail as well.

    Attributes
    ----------
    ready : int
        How many could start now.
    lost : list of (Job, Job)
        Jobs that failed with another, each with that one, until they are told of.
    """

    def __init__(self, todo: Sequence[Job], failed: Iterable[Job] = ()) -> None:
        self._place = {job: place for place, job in enumerate(todo)}
        self._failed = set(failed)
        self._unmade = dict.fromkeys(todo)
        self._ready: dict[Hashable, list[tuple[int, Job]]] = {}
        #: Cohorts by the number of their jobs (negative) and the place of the first; entries that are not true any more
        #: are passed over, and those of cohorts that have changed are still to come.
        self._largest: list[tuple[int, int, Hashable]] = []
        self._changed: dict[Hashable, None] = {}
        self.ready = 0
        self._gates: dict[tuple[int, int] | Job, _Gate] = {}
        self._behind: dict[Job, list[_Gate]] = {}
        self.lost: list[tuple[Job, Job]] = []
        for job in todo:
            self._stand(job)

    def __len__(self) -> int:
        """Return how many jobs have neither ended nor failed, running ones among them."""
        return len(self._unmade)

    def __contains__(self, job: object) -> bool:
        """Return whether a job has neither ended nor failed."""
        return job in self._unmade

    def next_cohort(self, own: Hashable = None, others: Mapping[Hashable, int] = _NOBODY) -> Hashable:
        """Return the cohort from which to take, where :attr:`ready` is not 0; ``None`` is that of jobs without one.

        Parameters
        ----------
        own : hashable
            Of which somebody who is free did some before: it goes on, while there are more.
        others : mapping of hashable to int
            How many do some of it now: such are passed over while there is another, of which the largest is begun, and
            then there is help where each has most before it.
        """
        if own is not None and own in self._ready:
            return own
        if None in self._ready:
            return None
        for cohort in self._changed:
            if cohort in self._ready:
                heapq.heappush(self._largest, self._entry(cohort))
        self._changed.clear()
        passed: list[tuple[int, int, Hashable]] = []
        while self._largest and len(passed) < LOOKED:
            *_, cohort = entry = self._largest[0]
            true = cohort in self._ready and self._entry(cohort) == entry
            if true and cohort not in others:
                break
            heapq.heappop(self._largest)
            if true:
                passed.append(entry)
        else:
            *_, cohort = max(passed, key=lambda entry: -entry[0] / others[entry[2]])
        for entry in passed:
            heapq.heappush(self._largest, entry)
        return cohort

    def first(self, cohort: Hashable) -> Job:
        """Return the job of a cohort that is to start next, without taking it."""
        return self._ready[cohort][0][1]

    def take_alike(self, cohort: Hashable, most: int, alike: Callable[[Job], object]) -> list[Job]:
        """Take the first job of a cohort, and those right behind it of which ``alike`` says the same."""
        waiting, taken = self._ready[cohort], list[Job]()
        key = alike(waiting[0][1])
        while waiting and len(taken) < most and alike(waiting[0][1]) == key:
            taken.append(heapq.heappop(waiting)[1])
        self.ready -= len(taken)
        self._changed[cohort] = None
        if not waiting:
            del self._ready[cohort]
        return taken

    def _entry(self, cohort: Hashable) -> tuple[int, int, Hashable]:
        waiting = self._ready[cohort]
        return -len(waiting), waiting[0][0], cohort

    def back(self, job: Job, lacking: Sequence[Job] = ()) -> None:
        """Put a job back that was taken, first behind jobs that are to be made anew (every need before its user)."""
        for need in lacking:
            if need not in self._unmade:
                self._unmade[need] = None
                self._place.setdefault(need, -len(self._place))
                self._stand(need)
        self._gates.clear()  # none of them counts what is lacking now; the jobs in them are let through as before
        self._stand(job)

    def made(self, job: Job) -> None:
        """Say that a job's result is there."""
        self._unmade.pop(job, None)
        for gate in self._behind.pop(job, ()):
            gate.closed -= 1
            if not gate.closed:
                for waiting in gate.jobs:
                    self._let(waiting)
                gate.jobs = []

    def fail(self, job: Job) -> None:
        """Say that a job failed; those that need its result come to :attr:`lost`, each with the need that failed."""
        self._failed.add(job)
        self._unmade.pop(job, None)
        for gate in self._behind.pop(job, ()):
            gone, gate.jobs = gate.jobs, []
            for waiting in gone:
                self.lost.append((waiting, job))
                self.fail(waiting)

    def leave(self) -> list[Job]:
        """Take everything that has not started out of the line and return it, in its order."""
        waiting = [job for gates in self._behind.values() for gate in gates for job in gate.jobs]
        ready = [job for jobs in self._ready.values() for _, job in jobs]
        left = sorted({*ready, *waiting}, key=lambda job: self._place[job])
        for job in left:
            self._unmade.pop(job, None)
        self._ready, self._largest, self._changed, self.ready, self._gates, self._behind = {}, [], {}, 0, {}, {}
        return left

    def _let(self, job: Job) -> None:
        cohort, place = work.cohort(job), self._place[job]
        heapq.heappush(self._ready.setdefault(cohort, []), (place, job))
        self._changed[cohort] = None
        self.ready += 1

    def _stand(self, job: Job) -> None:
        # Trainings on one pool share the very tuple, which lives as long as they do.
        key = (id(job.pool), id(job.frames)) if isinstance(job, Train) else job
        gate = self._gates.get(key)
        if gate is None:
            needs = work.needs(job)
            if not needs:
                self._let(job)
                return
            awaited = [need for need in needs if need in self._unmade]
            gate = self._gates[key] = _Gate(needs, len(awaited))
            for need in awaited:
                self._behind.setdefault(need, []).append(gate)
        bad = next((need for need in gate.needs if need in self._failed), None) if self._failed else None
        if bad is not None:
            self.lost.append((job, bad))
            self.fail(job)
        elif gate.closed:
            gate.jobs.append(job)
        else:
            self._let(job)


def loads(todo: Iterable[Job], size: int) -> dict[str, list[Job]]:
    """Return of each kind for which of its jobs workers may get ready: for one each, those who will do some.

    One does most of a cohort, or several share it where there are fewer of these than workers.

    Parameters
    ----------
    todo : iterable of Job
        All jobs of a call.
    size : int
        How many workers there are.
    """
    firsts: dict[str, dict[Hashable, Job]] = {}
    for job in todo:
        firsts.setdefault(work.label(job), {}).setdefault(work.cohort(job), job)
    among = min(size, len(set().union(*firsts.values()) - {None}))
    found = {}
    for kind, cohorts in firsts.items():
        doers = size if None in cohorts else min(size, math.ceil(len(cohorts) * size / among))
        found[kind] = list(islice(cycle(cohorts.values()), doers))
    return found

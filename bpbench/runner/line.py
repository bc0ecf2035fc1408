"""The jobs of one call in line: what may start now, what waits for a result, and what a failure takes with it.

Jobs that need the same results wait together, so that a hundred thousand trainings on a pool of a hundred chunks are as
many entries, not ten million.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from bpbench.jobs import Job, Train
from bpbench.runner import work


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
    """

    def __init__(self, todo: Sequence[Job], failed: Iterable[Job] = ()) -> None:
        self._place = {job: place for place, job in enumerate(todo)}
        self._failed = set(failed)
        self._unmade = dict.fromkeys(todo)
        self._ready: list[tuple[int, Job]] = []
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

    @property
    def ready(self) -> int:
        """How many could start now."""
        return len(self._ready)

    def first(self) -> Job:
        """Return the job that is to start next, without taking it."""
        return self._ready[0][1]

    def take(self) -> Job:
        """Take the job that is to start next."""
        return heapq.heappop(self._ready)[1]

    def take_alike(self, most: int, alike: Callable[[Job], object]) -> list[Job]:
        """Take the job that is to start next, and those right behind it of which ``alike`` says the same."""
        taken = [self.take()]
        key = alike(taken[0]) if most > 1 else None
        while len(taken) < most and self._ready and alike(self.first()) == key:
            taken.append(self.take())
        return taken

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
        left = sorted({*(job for _, job in self._ready), *waiting}, key=lambda job: self._place[job])
        for job in left:
            self._unmade.pop(job, None)
        self._ready, self._gates, self._behind = [], {}, {}
        return left

    def _let(self, job: Job) -> None:
        heapq.heappush(self._ready, (self._place[job], job))

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

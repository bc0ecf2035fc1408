"""How jobs went, and who is told of it: plain values that everything above the runner reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bpbench.jobs import Job


@dataclass(frozen=True, slots=True)
class Failure:
    """A job that raised, or one whose input failed.

    Attributes
    ----------
    message : str
        What went wrong, a sentence.
    """

    message: str


class Watcher(Protocol):
    """What the driver tells while it works."""

    def begin(self, jobs: Sequence[Job], workers: int) -> None:
        """Say which jobs are missing and how many run at once."""

    def started(self, job: Job) -> None:
        """Say that a job was handed out."""

    def finished(self, job: Job, seconds: float, failure: Failure | None) -> None:
        """Say that a job ended."""

    def note(self, text: str) -> None:
        """Say a sentence that the user should read."""

    def end(self) -> None:
        """Say that nothing is left."""


class Silent:
    """A watcher that says nothing."""

    def begin(self, jobs: Sequence[Job], workers: int) -> None:
        """Say nothing."""

    def started(self, job: Job) -> None:
        """Say nothing."""

    def finished(self, job: Job, seconds: float, failure: Failure | None) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def end(self) -> None:
        """Say nothing."""


@dataclass(frozen=True, slots=True)
class Executed:
    """How one or several calls of :func:`execute` went.

    Attributes
    ----------
    made, loaded : int
        Jobs run now, and jobs found in the store.
    seconds : dict of Job to float
        Wall time of each job run now.
    failures : dict of Job to Failure
        Jobs without a result.
    left : frozenset of Job
        Jobs that were not started, as the time was up.
    """

    made: int
    loaded: int
    seconds: dict[Job, float]
    failures: dict[Job, Failure]
    left: frozenset[Job] = frozenset()

    def __add__(self, other: Executed) -> Executed:
        """Return both together; what the first made, the second may have loaded."""
        loaded = max(self.loaded, other.loaded - self.made)
        kept = {job: failure for job, failure in self.failures.items() if job not in other.seconds}
        left = other.left.union(job for job in self.left if job not in other.seconds)
        seconds = {**self.seconds, **other.seconds}
        return Executed(self.made + other.made, loaded, seconds, {**kept, **other.failures}, left)

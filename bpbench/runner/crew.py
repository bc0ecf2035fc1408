"""Who does bundles of jobs, behind one small door; the plain one is this very process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bpbench.jobs import Job
from bpbench.runner.store import Store
from bpbench.runner.worker import Done, do

#: Is told a sentence for the user.
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ended:
    """A bundle that came back; without jobs: none did, but another may be submitted now, or it is time to end.

    Attributes
    ----------
    jobs : tuple of Job
        Its jobs.
    done : tuple of Done
        How each went; empty after a death.
    death : str or None
        What is known of the end of the process that was doing them.
    by : str
        Who did them, where there are several.
    now : tuple of Job
        What they do now, as it was sent ahead; without, they are free.
    loaded : Job or None
        What they got ready for, where that was all.
    """

    jobs: tuple[Job, ...]
    done: tuple[Done, ...] = ()
    death: str | None = None
    by: str = ""
    now: tuple[Job, ...] = ()
    loaded: Job | None = None


class Crew(Protocol):
    """Workers behind one small door.

    Attributes
    ----------
    size : int
        Bundles that are done at once.
    bundle : int
        The most jobs that go together.
    deaths : int
        How many processes may die of a job before it has failed, the last of them with nothing else to do.
    ahead : bool
        Whether a bundle can be sent to somebody who still does another.
    """

    size: int
    bundle: int
    deaths: int
    ahead: bool

    def free(self) -> bool:
        """Return whether somebody has nothing to do."""

    def submit(self, jobs: Sequence[Job], behind: str = "") -> None:
        """Start a bundle, or send it ahead.

        Parameters
        ----------
        jobs : sequence of Job
            Of one kind.
        behind : str
            Who still does another and begins this one right after it; each has one such at most. Without, it goes to
            somebody who has nothing to do.
        """

    def get_ready(self, job: Job) -> bool:
        """Have one who is free load what jobs of this kind need, and return whether one does.

        It comes back as a bundle without jobs.
        """

    def next(self, waiting: int = 0, until: float | None = None) -> Ended:
        """Wait for the next bundle that ends, or until another may be submitted.

        Parameters
        ----------
        waiting : int
            Jobs that could be submitted now if somebody were free.
        until : float, optional
            Moment of the monotonic clock after which nothing is submitted any more.
        """


@dataclass(slots=True)
class Here:
    """One worker: this process."""

    store: Store
    size: int = 1
    bundle: int = 1  # nothing is gained by more, and Ctrl-C comes between them
    deaths: int = 1
    ahead: bool = False
    jobs: tuple[Job, ...] = ()

    def free(self) -> bool:
        """Return whether it has nothing to do."""
        return not self.jobs

    def submit(self, jobs: Sequence[Job], behind: str = "") -> None:  # noqa: ARG002 - nothing is sent ahead here
        """Take a bundle; it is done when it is waited for."""
        self.jobs = tuple(jobs)

    def get_ready(self, job: Job) -> bool:  # noqa: ARG002 - as others are asked
        """Do nothing: jobs themselves load what they need, and there is nobody beside."""
        return False

    def next(self, waiting: int = 0, until: float | None = None) -> Ended:  # noqa: ARG002 - as others are asked
        """Do it."""
        jobs, self.jobs = self.jobs, ()
        return Ended(jobs, tuple(do(job, self.store, self.size) for job in jobs))

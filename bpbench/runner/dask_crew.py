"""Bundles of jobs handed to the processes of a Dask cluster, and what becomes of those whose process died."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bpbench.errors import EngineError, StoreError
from bpbench.identity import address
from bpbench.jobs import Job
from bpbench.runner import work
from bpbench.runner.crew import Ended
from bpbench.runner.machine import machine
from bpbench.runner.resources import Resources, of
from bpbench.runner.worker import Bundle, Order, do_all, get_ready, packed

#: Seconds in which what came of a bundle, a few words, must be here.
FETCHED_S: Final = 10


@dataclass(slots=True)
class DaskCrew:
    """Processes of a Dask cluster, on this machine or elsewhere.

    Attributes
    ----------
    hints : mapping of str to Resources
        What kinds of jobs need.
    trouble : callable
        Gives the reason why no workers may ever come, where there is one.
    hands : callable, optional
        Gives how many workers there are now, where they come and go; without, there are :attr:`size`.
    want : callable
        Is told how many bundles there would be work for.
    out : dict
        Bundles that have not ended, by their keys.
    behind : dict of str
        By worker, the key of the one of them that was sent ahead to it.
    loading : dict
        What those without jobs get ready for, by their keys.
    """

    client: Any
    order: Order
    size: int
    deaths: int
    who: str
    bundle: int = 1000
    ended: Any = None
    ahead: bool = False
    out: dict[Any, tuple[Job, ...]] = field(default_factory=dict)
    behind: dict[str, Any] = field(default_factory=dict)
    loading: dict[Any, Job] = field(default_factory=dict)
    sent: int = 0
    hints: Mapping[str, Resources] = field(default_factory=dict)
    trouble: Callable[[], str | None] = lambda: None
    hands: Callable[[], int] | None = None
    want: Callable[[int], None] = lambda _: None

    def free(self) -> bool:
        """Return whether there are workers without a bundle."""
        return len(self.out) - len(self.behind) < (self.size if self.hands is None else self.hands())

    def submit(self, jobs: Sequence[Job], behind: str = "") -> None:
        """Send a bundle to whoever is free, or ahead to a worker that still does another, see :class:`Crew`.

        Raises
        ------
        EngineError
            When the scheduler was lost since the last bundle ended.
        """
        where = {"workers": [behind], "allow_other_workers": True} if behind else {}
        key = f"{work.label(jobs[0])}-{address(jobs[0])}"
        sent = self._send(key, tuple(jobs), do_all, packed(jobs), self.order, resources=self._asked(jobs[0]), **where)
        if behind:
            self.behind[behind] = sent

    def get_ready(self, job: Job) -> bool:
        """Send what loads what a kind of jobs needs to whoever is free, see :class:`Crew`.

        Not for kinds that need more than a thread: who has that may be busy, and while this waited, another who is free
        would not be known to be.
        """
        if self._asked(job):
            return False
        self.loading[self._send(f"get ready to {work.label(job)}", (), get_ready, packed([job]))] = job
        return True

    def _asked(self, job: Job) -> dict[str, float] | None:
        return of(job, self.hints).asked() or None  # a bundle is of one kind

    def _send(self, key: str, jobs: tuple[Job, ...], do: Callable[..., Bundle], *what: Any, **how: Any) -> Any:
        if self.client.status != "running":
            raise self._lost()
        self.sent += 1
        future = self.client.submit(do, *what, key=f"{key}-{self.sent}", pure=False, **how)
        self.out[future.key] = jobs
        self._ended().add(future)
        return future.key

    def _ended(self) -> Any:
        if self.ended is None:
            from distributed import as_completed

            self.ended = as_completed(loop=self.client.loop)
        return self.ended

    def _lost(self) -> EngineError:
        return EngineError(f"{self.who} was lost. What was stored before is kept; the same command goes on from there.")

    def workers(self) -> list[dict[str, Any]]:
        """Return what is known of the processes that are there now, each with its address."""
        offered = self.client.scheduler_info(n_workers=-1)["workers"]
        shown = ("host", "cpu", "cores", "python", "bpbench")
        return [
            {
                "address": address,
                **{name: told[name] for name in shown},
                "memory": offered[address]["memory_limit"] or None,
            }
            for address, told in sorted(self.client.run(machine).items())
            if address in offered
        ]

    def next(self, waiting: int = 0, until: float | None = None) -> Ended:
        """Wait for the next bundle that ends, or until another may be submitted, see :class:`Crew`.

        Raises
        ------
        EngineError
            When no workers come, the scheduler is lost, or a worker is not fit.
        StoreError
            When a result cannot be kept.
        """
        self.want(len(self.out) + waiting)
        ended = self._ended()
        while not ended.has_ready():
            if self.client.status not in {"running", "connecting"}:
                raise self._lost()
            if (why := self.trouble()) is not None:
                raise EngineError(f"No workers come. {why}")
            if waiting and (self.free() or (until is not None and time.monotonic() > until)):
                return Ended(())
            with ended.thread_condition:
                if not ended.has_ready():  # looked at with the lock held: nothing can end unheard
                    ended.thread_condition.wait(timeout=0.1)
        future = next(ended)
        jobs, loaded = self.out.pop(future.key), self.loading.pop(future.key, None)
        self.want(len(self.out) + waiting)
        error, bundle = self._fetched(future)
        if future.cancelled() or self.client.status != "running":
            raise self._lost()
        if bundle is not None:
            future.release()
            now = self.out.get(self.behind.pop(bundle.by, None), ())
            return Ended(jobs, bundle.done, by=bundle.by, now=now, loaded=loaded)
        self.behind = {who: key for who, key in self.behind.items() if key in self.out}
        if isinstance(error, StoreError | EngineError):
            raise error
        return Ended(jobs, death=f"{type(error).__name__}: {_why(error)}", loaded=loaded)

    @staticmethod
    def _fetched(future: Any) -> tuple[BaseException | None, Bundle | None]:
        """Return what went wrong with a bundle, or what came of it.

        What came of it lies with its worker until it is fetched. One that dies before is as one that died at work; Dask
        would have the bundle done again, and say nothing until then.
        """
        try:
            error = future.exception(timeout=FETCHED_S)
            return error, None if error is not None else future.result(timeout=FETCHED_S)
        except Exception as error:  # noqa: BLE001 - whatever became of the worker
            return error, None


def _why(error: BaseException | None) -> str:
    """Return what is told of the end of a worker."""
    from distributed.scheduler import KilledWorker

    if isinstance(error, KilledWorker):
        return "killed, most often for want of memory"
    return "it was gone before what it had made was heard of" if isinstance(error, TimeoutError) else f"{error}"

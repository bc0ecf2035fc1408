"""Processes of a Dask cluster: of this machine, of a scheduler that runs already, or of a batch system.

Whatever listens on a port here does so with TLS and keys that are made for one run: whoever may send jobs to a Dask
scheduler may run any code as its user, and on a shared machine everybody reaches its ports.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from bpbench.errors import EngineError, RequestError, StoreError
from bpbench.identity import address
from bpbench.jobs import Job
from bpbench.runner import cluster, keys, work
from bpbench.runner.crew import Ended, Say
from bpbench.runner.engine import Engine
from bpbench.runner.machine import machine
from bpbench.runner.resources import Resources, of
from bpbench.runner.settings import SETTINGS
from bpbench.runner.shielded import shielded
from bpbench.runner.store import Store
from bpbench.runner.worker import Done, Order, do_all, installed, strange

#: Seconds in which a scheduler that runs already must answer, and have a worker.
ANSWERS_S: Final = 15
#: Seconds from one look whether there are workers to the next, and those in which a process can be replaced.
LOOK_S: Final = 5
REPLACED_S: Final = 300
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
    """

    client: Any
    order: Order
    size: int
    deaths: int
    who: str
    bundle: int = 1000
    ended: Any = None
    out: dict[Any, tuple[Job, ...]] = field(default_factory=dict)
    sent: int = 0
    hints: Mapping[str, Resources] = field(default_factory=dict)
    trouble: Callable[[], str | None] = lambda: None
    hands: Callable[[], int] | None = None
    want: Callable[[int], None] = lambda _: None

    def free(self) -> bool:
        """Return whether there are workers without a bundle."""
        return len(self.out) < (self.size if self.hands is None else self.hands())

    def submit(self, jobs: Sequence[Job]) -> None:
        """Send a bundle to whoever is free.

        Raises
        ------
        EngineError
            When the scheduler was lost since the last bundle ended.
        """
        if self.client.status != "running":
            raise self._lost()
        self.sent += 1
        key = f"{work.label(jobs[0])}-{address(jobs[0])}-{self.sent}"
        asked = of(jobs[0], self.hints).asked() or None  # a bundle is of one kind
        future = self.client.submit(do_all, tuple(jobs), self.order, key=key, pure=False, resources=asked)
        self.out[future.key] = tuple(jobs)
        self._ended().add(future)

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
        jobs = self.out.pop(future.key)
        self.want(len(self.out) + waiting)
        error, done = self._fetched(future)
        if future.cancelled() or self.client.status != "running":
            raise self._lost()
        if error is None:
            future.release()
            return Ended(jobs, done)
        if isinstance(error, StoreError | EngineError):
            raise error
        return Ended(jobs, death=f"{type(error).__name__}: {_why(error)}")

    @staticmethod
    def _fetched(future: Any) -> tuple[BaseException | None, tuple[Done, ...]]:
        """Return what went wrong with a bundle, or what came of it.

        What came of it lies with its worker until it is fetched. One that dies before is as one that died at work; Dask
        would have the bundle done again, and say nothing until then.
        """
        try:
            error = future.exception(timeout=FETCHED_S)
            return error, () if error is not None else tuple(future.result(timeout=FETCHED_S))
        except Exception as error:  # noqa: BLE001 - whatever became of the worker
            return error, ()


def _why(error: BaseException) -> str:
    """Return what is told of the end of a worker."""
    from distributed.scheduler import KilledWorker

    if isinstance(error, KilledWorker):
        return "killed, most often for want of memory"
    return "it was gone before what it had made was heard of" if isinstance(error, TimeoutError) else f"{error}"


@dataclass(slots=True)
class _Headcount:
    """Looks every few seconds how many workers there are."""

    count: Callable[[], int]
    last: int = 1
    looked: float = 0.0
    since: float | None = None
    told: bool = False

    def without(self) -> float:
        """Return for how many seconds there have been none."""
        now = time.monotonic()
        if now - self.looked > LOOK_S:
            self.looked = now
            if number := self.count():
                self.last, self.since, self.told = number, None, False
            elif self.since is None:
                self.since = now
        return 0.0 if self.since is None else now - self.since

    def given_up(self) -> str | None:
        """Return a sentence once there have been none for longer than it takes to start some."""
        if self.without() < REPLACED_S:
            return None
        return f"The last process ended {REPLACED_S} s ago, and none could be started in its place."

    def awaited(self, who: str, say: Say) -> None:
        """Say once that there are none; somebody may start others."""
        if self.without() > LOOK_S and not self.told:
            self.told = True
            say(f"{who} no workers any more; waiting for others. (Ctrl-C ends the run; what is done is stored.)")


def opened(engine: Engine, size: int, store: Store, say: Say) -> AbstractContextManager[DaskCrew]:
    """Return the processes of an engine, which come when this is entered and go when it is left.

    Parameters
    ----------
    engine : Engine
        Where they are.
    size : int
        How many are of use, on this machine.
    store : Store
        Where results go.
    say : callable
        Is told where the workers' dashboard is.
    """
    if engine.cluster is not None:
        return _batch(engine.cluster, store, say)
    return _local(size, store, say) if engine.scheduler is None else _running(engine, store, say)


@contextmanager
def _local(workers: int, store: Store, say: Say) -> Iterator[DaskCrew]:
    import dask
    from distributed import Client, LocalCluster

    with dask.config.set(SETTINGS):
        start = partial(
            LocalCluster,
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            protocol="tls://",
            security=keys.temporary(),
            dashboard_address="127.0.0.1:0",  # None would be port 8787, which another run may have
            silence_logs=logging.CRITICAL,
        )
        with shielded(start) as cluster, Client(cluster) as client:
            _tell_dashboard(client, say)
            order = Order(str(store.root.resolve()), workers)
            seen = _Headcount(lambda: len(cluster.scheduler.workers))
            yield DaskCrew(client, order, workers, deaths=3, who="The local scheduler", trouble=seen.given_up)


def available(engine: Engine) -> int:
    """Return how many processes an engine has; a scheduler that runs already is asked, and its workers looked at.

    Raises
    ------
    RequestError
        When it does not answer, has no workers, or one that is not fit.
    """
    if engine.scheduler is None:
        return engine.workers
    with _connected(engine) as client:
        return _fit_workers(client, engine)


@contextmanager
def _connected(engine: Engine) -> Iterator[Any]:
    """Connect to a scheduler that runs already."""
    import dask
    from distributed import Client
    from distributed.utils import silence_logging_cmgr

    # A scheduler that is lost is told of in a sentence; Dask adds two tracebacks.
    with (
        silence_logging_cmgr(logging.CRITICAL),
        dask.config.set({**SETTINGS, "distributed.comm.timeouts.connect": f"{ANSWERS_S}s"}),
    ):
        try:
            client = Client(engine.scheduler, timeout=f"{ANSWERS_S}s", set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise RequestError(
                f"--scheduler: no Dask scheduler answers at {engine.scheduler} ({error}); start one with "
                "`dask scheduler`, or look at its address."
            ) from None
        with client:
            yield client


@contextmanager
def _running(engine: Engine, store: Store, say: Say) -> Iterator[DaskCrew]:
    """Connect to a scheduler that runs already, and see that its workers can be trusted with the work."""
    with _connected(engine) as client, _marked(store) as mark:
        number = _fit_workers(client, engine)
        order = Order(str(store.root.resolve()), number, installed(), str(mark))
        _tell_dashboard(client, say)
        # The scheduler has tried elsewhere already, as often as it is set to.
        who = f"The scheduler at {engine.scheduler}"
        seen = _Headcount(lambda: _count(client), last=number)
        yield DaskCrew(
            client,
            order,
            number,
            deaths=1,
            who=who,
            trouble=lambda: seen.awaited(f"{who} has", say),
            hands=lambda: seen.last,
        )


@contextmanager
def _batch(wanted: cluster.Cluster, store: Store, say: Say) -> Iterator[DaskCrew]:
    """Have workers from a batch system; each looks for itself whether it is fit, as none is here yet."""
    import dask
    from distributed import Client

    with (
        dask.config.set(SETTINGS),
        cluster.start(wanted) as made,
        Client(made, set_as_default=False) as client,
        _marked(store) as mark,
    ):
        say(f"Workers come from {wanted.kind}, {wanted.maximum} processes at most.")
        _tell_dashboard(client, say)
        order = Order(str(store.root.resolve()), wanted.maximum, installed(), str(mark))
        yield DaskCrew(
            client,
            order,
            wanted.maximum,
            deaths=3,
            who="The scheduler",
            hints=wanted.hints,
            trouble=lambda: cluster.trouble(made),
            hands=lambda: len(made.scheduler.workers),
            want=made.want,
        )


def _count(client: Any) -> int:
    """Return how many workers a scheduler has; one that cannot be asked is told of otherwise."""
    try:
        return len(client.scheduler_info(n_workers=-1)["workers"])
    except (OSError, TimeoutError):
        return 1


def _tell_dashboard(client: Any, say: Say) -> None:
    if find_spec("bokeh") is not None:
        say(f"Dashboard of the workers: {client.dashboard_link}")


def _fit_workers(client: Any, engine: Engine) -> int:
    """Return how many workers there are, once all of them are found to be fit.

    Raises
    ------
    RequestError
        When there is none, or one has other versions, or several threads.
    """
    try:
        client.wait_for_workers(1, timeout=ANSWERS_S)
        found = client.run(installed)
    except TimeoutError:
        raise RequestError(
            f"--scheduler: {engine.scheduler} has no workers; start some with `dask worker {engine.scheduler} "
            "--nworkers N --nthreads 1`."
        ) from None
    except Exception as error:  # noqa: BLE001 - what a worker raises arrives as it is, or in words
        lacks = re.search(r"No module named '[^']*'", str(error))
        what = f"lacks a package ({lacks[0]})" if lacks else f"cannot say what it has ({error})"
        raise RequestError(
            f"--scheduler: a worker of {engine.scheduler} {what}; install there what is installed here."
        ) from None
    ours = installed()
    for name, theirs in found.items():
        if differs := strange(theirs, ours):
            raise RequestError(
                f"--scheduler: the worker at {name} has {differs}; install the same on both, so that a number does not "
                "depend on who made it."
            )
    threads = client.nthreads()
    for name, count in threads.items():
        if count != 1:
            raise RequestError(
                f"--scheduler: the worker at {name} has {count} threads, and a process does one job at a time; "
                "start workers with --nthreads 1, and as many as there are cores with --nworkers."
            )
    return len(threads)


@contextmanager
def _marked(store: Store) -> Iterator[Path]:
    """Put a file into the store by which workers elsewhere know that they see the same folder."""
    mark = store.root.resolve() / "tmp" / f"seen-{uuid.uuid4().hex}"
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    except OSError as error:
        raise StoreError(f"Nothing can be written to {store.root}: {error}.") from error
    try:
        yield mark
    finally:
        mark.unlink(missing_ok=True)

"""Processes of a Dask cluster: of this machine, of a scheduler that runs already, or of a batch system.

Whatever takes jobs on a port here does so with TLS and keys that are made for one run: whoever may send jobs to a Dask
scheduler may run any code as its user, and on a shared machine everybody reaches its ports.
"""

from __future__ import annotations

import gc
import logging
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from bpbench.errors import RequestError, StoreError
from bpbench.runner import cluster, keys, nursery
from bpbench.runner.crew import Say
from bpbench.runner.dask_crew import DaskCrew
from bpbench.runner.engine import Engine
from bpbench.runner.settings import SETTINGS
from bpbench.runner.shielded import shielded
from bpbench.runner.store import Store
from bpbench.runner.worker import Order, installed, strange

#: Seconds in which a scheduler that runs already must answer, and have a worker.
ANSWERS_S: Final = 15
#: Seconds from one look whether there are workers to the next, and those in which a process can be replaced.
LOOK_S: Final = 5
REPLACED_S: Final = 300


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
    nursery.begin()
    import dask
    from distributed import Client, LocalCluster

    from bpbench.runner import dashboard

    nursery.nothing_else()
    here = {
        "distributed.worker.multiprocessing-method": nursery.METHOD,
        "distributed.scheduler.work-stealing": False,  # who does what is ours to say
    }
    with dask.config.set({**SETTINGS, **here}):
        start = partial(
            LocalCluster,
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            protocol="tls://",
            security=keys.temporary(),
            dashboard_address="127.0.0.1:0",  # None would be port 8787, which another run may have
            scheduler_kwargs={"dashboard": False},  # not yet
            silence_logs=logging.CRITICAL,
        )
        with shielded(start) as cluster, Client(cluster) as client:
            dashboard.offer(cluster.scheduler)
            _tell_dashboard(client, say)
            client.loop.add_callback(_reach, client)
            gc.freeze()  # or Python looks through all that Dask has loaded, for 0.1 s in which its workers wait
            order = Order(str(store.root.resolve()), workers)
            seen = _Headcount(lambda: len(cluster.scheduler.workers))
            yield DaskCrew(
                client, order, workers, deaths=3, ahead=True, who="The local scheduler", trouble=seen.given_up
            )


async def _reach(client: Any) -> None:
    """Connect to all workers now, or the first result that is fetched from each would wait for it, 30 ms."""
    with suppress(Exception):  # who has gone meanwhile is told of otherwise
        await client.run(os.getpid, asynchronous=True)


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
    from bpbench.runner import dashboard

    if dashboard.can_be_shown():
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

"""Get the results of jobs: load what is stored, make what is not, in one process or several.

The driver hands out one job per free worker, dependencies first, so it always knows what runs. Workers write to the
store themselves; the driver hears only how it went. A job that raises becomes a :class:`Failure`, and with it the jobs
that need its result; everything else goes on. Jobs in which a clock runs come last: when all others have ended and the
workers are gone, one at a time, in this process and in the order in which they were asked for.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Protocol, Self

from bpbench.errors import BpbenchError, RequestError, StoreError
from bpbench.identity import address
from bpbench.jobs import Command, Job, Train, as_typed
from bpbench.runner import work
from bpbench.runner.graph import by_cohort, missing
from bpbench.runner.machine import machine
from bpbench.runner.meter import Meter
from bpbench.runner.store import Store


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
    """

    made: int
    loaded: int
    seconds: dict[Job, float]
    failures: dict[Job, Failure]

    def __add__(self, other: Executed) -> Executed:
        """Return both together; what the first made, the second may have loaded."""
        loaded = max(self.loaded, other.loaded - self.made)
        left = {job: failure for job, failure in self.failures.items() if job not in other.seconds}
        return Executed(self.made + other.made, loaded, {**self.seconds, **other.seconds}, {**left, **other.failures})


def programs(todo: Iterable[Job]) -> list[str]:
    """Return what some jobs would run, each step once, as a protocol has its words."""
    models = [job.model for job in todo if isinstance(job, Train) and isinstance(job.model, Command)]
    return list(dict.fromkeys(as_typed(step) for model in models for step in model.run))


def refuse_commands(todo: Iterable[Job]) -> None:
    """Refuse jobs that would run a program which a protocol names.

    Raises
    ------
    RequestError
        With the programs; nothing was started.
    """
    named = programs(todo)
    if named:
        raise RequestError(
            f"The protocol runs programs on this machine, and whoever wrote it may have named any: {'; '.join(named)}. "
            "Read what they do, and say --allow-commands if you trust them; nothing was started."
        )


def at_once(todo: Sequence[Job], workers: int) -> int:
    """Return how many of these jobs run at once, at most."""
    return max(1, min(workers, sum(not work.alone(job) for job in todo)))


def execute(
    jobs: Sequence[Job],
    store: Store,
    *,
    workers: int = 1,
    watcher: Watcher | None = None,
    staff: Staff | None = None,
    allow_commands: bool = False,
) -> Executed:
    """Make every job's result exist in the store, as far as they succeed.

    Parameters
    ----------
    jobs : sequence of Job
        What is wanted.
    store : Store
        Where results are and go.
    workers : int
        Processes that work at once; 1 works in this process.
    watcher : Watcher, optional
        Told about every start and end.
    staff : Staff, optional
        Processes that stay for the next call, as many as it says; by default they come and go with this call.
    allow_commands : bool
        Whether programs that a protocol names may be run.

    Returns
    -------
    Executed
        What was made, loaded and failed.

    Raises
    ------
    StoreError
        When results cannot be written: nothing could be kept, so nothing more is started.
    RequestError
        When a program would be run and that is not allowed; nothing was started.
    """
    if staff is None:
        with Staff(workers) as own:
            return execute(jobs, store, watcher=watcher, staff=own, allow_commands=allow_commands)
    watcher, workers = watcher or Silent(), staff.workers
    todo = missing(jobs, store)
    if not allow_commands:
        refuse_commands(todo)
    store.sweep()
    seconds: dict[Job, float] = {}
    failures: dict[Job, Failure] = {}
    together, alone = [[job for job in todo if work.alone(job) is kind] for kind in (False, True)]
    together = by_cohort(together)
    watcher.begin(todo, at_once(todo, workers))
    for jobs_here, size in ((together, at_once(todo, workers)), (alone, 1)):
        if not jobs_here:
            continue
        if jobs_here is alone:
            staff.dismiss()
        with _hearing() as heard:
            for job, wall, failure in _drive(jobs_here, store, staff.crew(size), watcher, set(failures)):
                seconds[job] = wall
                if failure is not None:
                    failures[job] = failure
                watcher.finished(job, wall, failure)
                if heard:
                    raise KeyboardInterrupt
    watcher.end()
    work.forget()
    return Executed(len(todo) - len(failures), len(set(jobs) - set(todo)), seconds, failures)


@contextmanager
def _hearing() -> Iterator[list[int]]:
    """Note every Ctrl-C in a list, beside raising it.

    Python drops an exception that is raised within a destructor or a callback of a C library; compilers run many of
    these, and an interrupt that fell into one would be lost.
    """
    heard: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # where no signal arrives
        yield heard
        return
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        if callable(before):
            before(number, frame)

    if callable(before):
        signal.signal(signal.SIGINT, note)
    try:
        yield heard
    finally:
        if callable(before):
            signal.signal(signal.SIGINT, before)


Ended = tuple[Job, float, Failure | None]


def _drive(todo: Sequence[Job], store: Store, crew: Crew, watcher: Watcher, failed: set[Job]) -> Iterator[Ended]:
    """Hand out jobs whose needs are met, as workers become free, and yield each that ended; some ``failed`` before."""
    waiting = deque(todo)
    unmade = set(todo)
    running: set[Job] = set()
    while waiting or running:
        blocked: deque[Job] = deque()
        while waiting and len(running) < crew.size:
            job = waiting.popleft()
            bad = next((need for need in work.needs(job) if need in failed), None)
            if bad is not None:
                failed.add(job)
                unmade.discard(job)
                yield job, 0.0, Failure(f"It needs the result of '{work.label(bad)}', which failed.")
            elif any(need in unmade for need in work.needs(job)):
                blocked.append(job)
            else:
                running.add(job)
                watcher.started(job)
                crew.submit(job, store)
        waiting.extendleft(reversed(blocked))
        if running:
            job, wall, failure = crew.next()
            running.discard(job)
            unmade.discard(job)
            if failure is not None:
                failed.add(job)
            yield job, wall, failure


def do(job: Job, root: str, processes: int) -> tuple[float, str | None]:
    """Perform one job and save its result; runs in a worker, of so many that work at once.

    Returns
    -------
    tuple
        Wall time in seconds, and the message if the job raised.
    """
    store = Store(root)
    start = time.perf_counter()

    def provenance() -> dict[str, Any]:
        wall, made = time.perf_counter() - start, datetime.now(UTC).isoformat(timespec="seconds")
        needed = meter.read() if outcome.more else costs
        if work.runs_a_program(job):
            needed["peak_mb"] = None  # that of another process, which nobody measured
        return {"wall_s": wall, **needed, "processes": processes, "made": made, **machine()}

    try:
        work.warm(job)
        inputs = work.lay_out(job, store.load)
        start, meter = time.perf_counter(), Meter.start(inputs)
        outcome = work.perform(job, store.load)
        costs = meter.read()  # without the saving, unless there is more to be made meanwhile, which may fail as well
        store.save(job, outcome, provenance)
    except StoreError:
        raise
    except BpbenchError as error:
        return time.perf_counter() - start, str(error)
    except Exception as error:  # noqa: BLE001 - whatever a job raises is its recorded failure
        return time.perf_counter() - start, f"{type(error).__name__}: {error}"
    return time.perf_counter() - start, None


class Crew(Protocol):
    """Workers behind one small door."""

    size: int

    def submit(self, job: Job, store: Store) -> None:
        """Start a job."""

    def next(self) -> Ended:
        """Wait for the next job that ends."""


class _Here:
    """One worker: this process."""

    size = 1

    def __init__(self) -> None:
        self.job: tuple[Job, Store] | None = None

    def submit(self, job: Job, store: Store) -> None:
        self.job = (job, store)

    def next(self) -> Ended:
        assert self.job is not None
        job, store = self.job
        wall, message = do(job, str(store.root), self.size)
        return job, wall, None if message is None else Failure(message)


class _Dask:
    """Several processes on this machine, or elsewhere, by dask.distributed."""

    def __init__(self, client: Any, size: int) -> None:
        from distributed import as_completed

        self.client = client
        self.size = size
        self.ended = as_completed()
        self.jobs: dict[Any, Job] = {}

    def submit(self, job: Job, store: Store) -> None:
        future = self.client.submit(
            do, job, str(store.root.resolve()), self.size, key=f"{work.label(job)}-{address(job)}"
        )
        self.jobs[future.key] = job
        self.ended.add(future)

    def next(self) -> Ended:
        future = next(self.ended)
        job = self.jobs.pop(future.key)
        error = future.exception()
        if isinstance(error, StoreError):
            raise error
        if error is not None:  # the worker itself died: memory, a crash in a library
            return job, 0.0, Failure(f"Its worker process died ({type(error).__name__}: {error}).")
        wall, message = future.result()
        future.release()
        return job, wall, None if message is None else Failure(message)


class Staff:
    """Processes that work for one call of :func:`execute` after another; they start with the first that needs them.

    Parameters
    ----------
    workers : int
        Processes at once; 1 works in this process.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._held: tuple[ExitStack, _Dask] | None = None

    def crew(self, size: int) -> Crew:
        """Return who does so many jobs at once: this process for one, else processes, as many or more."""
        if size == 1:
            return _Here()
        if self._held is None or self._held[1].size < size:
            self.dismiss()
            stack = ExitStack()
            self._held = (stack, stack.enter_context(_cluster(size)))
        return self._held[1]

    def dismiss(self) -> None:
        """End all processes; the next call that needs some starts them anew."""
        if self._held is not None:
            stack, self._held = self._held[0], None
            stack.close()

    def __enter__(self) -> Self:
        """Return itself; leaving ends all processes."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """End all processes."""
        self.dismiss()


@contextmanager
def _cluster(workers: int) -> Iterator[_Dask]:
    import dask
    from distributed import Client, LocalCluster

    quiet: dict[str, Any] = {
        "distributed.worker.multiprocessing-method": "spawn",  # compiled threads do not survive a fork
        "distributed.admin.log-format": "%(message)s",
        "distributed.comm.timeouts.connect": "60s",
        "distributed.scheduler.allowed-failures": 1,
    }
    with dask.config.set(quiet):
        with _shielded():
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address=":0",
                silence_logs=logging.CRITICAL,
            )
        with cluster, Client(cluster) as client:
            yield _Dask(client, workers)


@contextmanager
def _shielded() -> Iterator[None]:
    """Start processes that do not hear Ctrl-C: they inherit that SIGINT is ignored.

    A terminal sends it to the workers as well; now only the driver answers, and ends them, instead of each of them
    printing a traceback. (A blocked signal would not do: multiprocessing unblocks it.)
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def default_store() -> Path:
    """Return ``BPBENCH_STORE``, or ``.bpbench/store`` below the working folder."""
    return Path(os.environ.get("BPBENCH_STORE") or ".bpbench/store")

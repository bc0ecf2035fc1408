"""What a worker does: one bundle of jobs after another, each result saved before the next job begins.

A bundle is a few jobs on the same inputs. Whoever sends it need not be there when it ends: results go to the store, and
a job whose result is there already is not done again, so it does no harm to send a bundle twice.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from bpbench.errors import BpbenchError, DamagedError, EngineError, StoreError, bracketed
from bpbench.jobs import Job
from bpbench.runner import work
from bpbench.runner.machine import machine
from bpbench.runner.meter import Meter
from bpbench.runner.store import Store


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker must know beside its jobs.

    Attributes
    ----------
    root : str
        The store's folder.
    processes : int
        How many work at once.
    installed : dict or None
        What the driver has installed, from :func:`installed`: a worker with anything else does nothing. ``None`` where
        the worker is the driver.
    mark : str or None
        A file that the driver has put into the store; a worker that does not see it has another folder of that name.
    """

    root: str
    processes: int = 1
    installed: dict[str, str] | None = None
    mark: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """How one job went.

    Attributes
    ----------
    wall_s : float
        Seconds it took.
    message : str or None
        What went wrong, if it raised.
    lacking : str or None
        Address of a result that it needs and that is not there, or not whole: nothing was done.
    why : str
        What was wrong with that result.
    """

    wall_s: float
    message: str | None = None
    lacking: str | None = None
    why: str = ""


#: A process does one bundle at a time, whatever threads its Dask worker has: inputs are kept from job to job.
_ONE_AT_A_TIME: Final = threading.Lock()


#: Libraries that only pages depend on, which no worker makes.
_OF_PAGES: Final = frozenset({"matplotlib", "jinja2", "weasyprint", "pydantic", "statsmodels"})


def installed() -> dict[str, str]:
    """Return what decides numbers in this process: the versions of bpbench, Python and libraries, and our sources."""
    here = machine()
    versions = {name: version for name, version in here["versions"].items() if name not in _OF_PAGES}
    return {"bpbench": here["bpbench"], "sources": here["sources"], "Python": here["python"], **versions}


def strange(theirs: dict[str, str], ours: dict[str, str]) -> str:
    """Return in words how two installations differ, or nothing.

    Parameters
    ----------
    theirs, ours : dict of str to str
        Of a worker and of the driver, from :func:`installed`.
    """
    other = [name for name in {**ours, **theirs} if theirs.get(name) != ours.get(name)]
    return ", ".join(
        f"{name} {_short(name, theirs)} where the driver has {_short(name, ours)}"
        for name in sorted(other, key=lambda name: (name not in {"bpbench", "sources"}, name))
    )


def _short(name: str, versions: dict[str, str]) -> str:
    return versions.get(name, "none")[: 12 if name == "sources" else None]


@dataclass(frozen=True, slots=True)
class Bundle:
    """How a bundle of jobs went, and who did it.

    Attributes
    ----------
    done : tuple of Done
        How each went.
    by : str
        The worker's address.
    """

    done: tuple[Done, ...]
    by: str


def packed(jobs: Sequence[Job]) -> bytes:
    """Return jobs as what is sent to a worker.

    It is what Dask would make of them, who would unpack and pack them again in its scheduler while the worker waits.
    """
    from distributed.protocol import serialize_bytes

    return bytes(serialize_bytes(tuple(jobs)))


def _unpacked(sent: bytes) -> tuple[Job, ...]:
    from distributed.protocol import deserialize_bytes

    jobs: tuple[Job, ...] = deserialize_bytes(sent)
    return jobs


def do_all(sent: bytes, order: Order) -> Bundle:
    """Do a bundle of jobs, from :func:`packed`, one after another, as a worker of Dask.

    Raises
    ------
    EngineError
        When this process has other versions than the driver, or another store.
    StoreError
        When a result cannot be kept.
    """
    from distributed import get_worker

    store, here = Store(order.root), get_worker()
    with _ONE_AT_A_TIME:
        if order.installed is not None and (differs := strange(installed(), order.installed)):
            raise EngineError(
                f"The worker on {machine()['host']} has {differs}; install the same on both, so that a number does not "
                "depend on who made it."
            )
        if order.mark is not None and not Path(order.mark).exists():
            raise EngineError(
                f"The worker on {machine()['host']} does not see the driver's store in {order.root}; name with --store "
                "a folder that all machines share."
            )
        work.held.limit = here.memory_manager.memory_limit or None
        _keep_freed()
        return Bundle(tuple(do(job, store, order.processes) for job in _unpacked(sent)), here.address)


#: Seconds in which this process got ready for jobs to come, until the next one tells of them.
_beforehand: Final[list[float]] = []


def get_ready(sent: bytes) -> Bundle:
    """Load and compile what a kind of jobs needs, in a worker of Dask that has nothing else to do."""
    from distributed import get_worker

    with _ONE_AT_A_TIME:
        start = time.perf_counter()
        with suppress(Exception):  # the job itself will say it
            for job in _unpacked(sent):
                work.warm(job)
        _beforehand.append(time.perf_counter() - start)
    return Bundle((), get_worker().address)


#: mallopt(3): bytes of free memory at the end of a heap from which on they go back to the system, and bytes from which
#: on an array has pages of its own. Each is the most to which glibc itself raises it, where nothing sets it.
_MALLOPT: Final = ((-1, 64 * 2**20), (-3, 32 * 2**20))


@lru_cache(maxsize=1)
def _keep_freed() -> None:
    """Have this process keep for its next array what the last one left.

    Dask starts workers with ``MALLOC_TRIM_THRESHOLD_=65536``, by which glibc gives every larger array back as soon as
    it is free, and the system fills it with zeros anew for the next: a seventh of the CPU time of `57vars`. What a
    job leaves is given back when the next begins (:mod:`bpbench.runner.meter`).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another library of C
        return
    for name, most in _MALLOPT:
        mallopt(name, most)


def do(job: Job, store: Store, processes: int) -> Done:
    """Perform one job and save its result, unless it is there already."""
    if store.has(job):
        return Done(0.0)
    start = time.perf_counter()
    begun = start - sum(_beforehand)
    _beforehand.clear()

    def costs() -> tuple[float, dict[str, float | None]]:
        return time.perf_counter() - start, meter.read()

    def provenance() -> dict[str, Any]:
        """Say how long it took, and before that what it found to be loaded, compiled and laid out first."""
        wall, needed = costs() if outcome.more else unsaved
        made = datetime.now(UTC).isoformat(timespec="seconds")
        if work.runs_a_program(job):
            needed["peak_mb"] = None  # that of another process, which nobody measured
        return {"wall_s": wall, "ready_s": start - begun, **needed, "processes": processes, "made": made, **machine()}

    try:
        work.warm(job)
        inputs = work.lay_out(job, store.load)
        start, meter = time.perf_counter(), Meter.start(inputs)
        outcome = work.perform(job, store.load)
        unsaved = costs()  # unless there is more to be made while it is saved, which may fail as well
        store.save(job, outcome, provenance)
    except DamagedError as error:
        return Done(time.perf_counter() - start, lacking=error.address, why=error.why)
    except StoreError:
        raise
    except BpbenchError as error:
        return Done(time.perf_counter() - start, str(error))
    except MemoryError as error:
        work.forget()
        said = f"It needs more memory than this process could get{bracketed(error)}."
        return Done(time.perf_counter() - start, said)
    except Exception as error:  # noqa: BLE001 - whatever a job raises is its recorded failure
        return Done(time.perf_counter() - start, f"{type(error).__name__}: {error}")
    return Done(time.perf_counter() - start)

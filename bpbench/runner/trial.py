"""Try an engine before a night depends on it: its workers, what they have installed, the store, and jobs per second."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from bpbench.errors import EngineError
from bpbench.jobs import Job, Ping
from bpbench.runner.engine import Engine
from bpbench.runner.execute import execute
from bpbench.runner.staff import Staff
from bpbench.runner.store import Store

#: Jobs that do nothing and are timed.
PINGS: Final = 100


@dataclass(frozen=True, slots=True)
class Trial:
    """What a trial showed.

    Attributes
    ----------
    workers : tuple of dict
        By worker ``address``, ``host``, ``cpu``, ``cores``, ``memory`` (bytes, or ``None``), ``python``, ``bpbench``.
    first_s : float
        Seconds until each worker had done a first job: what it takes to start, or to be found.
    pings : int
        How many jobs were timed.
    per_second : float
        So many of these were done in a second, with each result in the store.
    """

    workers: tuple[dict[str, Any], ...]
    first_s: float
    pings: int
    per_second: float

    def plain(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "workers": list(self.workers),
            "first_s": self.first_s,
            "pings": self.pings,
            "per_second": self.per_second,
        }

    def sentence(self) -> str:
        """Return it as a sentence."""
        hosts: dict[str, list[dict[str, Any]]] = {}
        for worker in self.workers:
            hosts.setdefault(worker["host"], []).append(worker)
        where = ", ".join(f"{len(found)} on {host} ({found[0]['cpu']})" for host, found in sorted(hosts.items()))
        many = f"{len(self.workers)} worker{'' if len(self.workers) == 1 else 's'}"
        has = "has" if len(self.workers) == 1 else "all have"
        return (
            f"{many}: {where}; {has} the versions of this installation and see this store; "
            f"{self.per_second:.0f} jobs that do nothing per second."
        )


def attempt(engine: Engine, store: Store, say: Callable[[str], None]) -> Trial:
    """Have an engine do jobs that do nothing, in a folder of the store that is removed again.

    Parameters
    ----------
    engine : Engine
        Where jobs run.
    store : Store
        Where the results of studies go.
    say : callable
        Is told where the workers' dashboard is.

    Raises
    ------
    RequestError
        When nothing answers, or a worker is not fit.
    EngineError
        When the workers are lost, have other versions or another store, or a job fails.
    StoreError
        When results cannot be written.
    """
    apart = Store(store.scratch())
    try:
        with Staff(engine) as staff:
            start = time.perf_counter()
            crew = staff.crew(2, apart, say)
            _do([Ping(-number) for number in range(1, 2 * crew.size + 1)], apart, staff)
            timed = time.perf_counter()
            _do([Ping(number) for number in range(PINGS)], apart, staff)
            end = time.perf_counter()
            return Trial(tuple(staff.workers()), timed - start, PINGS, PINGS / (end - timed))
    finally:
        shutil.rmtree(apart.root, ignore_errors=True)


def _do(jobs: list[Job], store: Store, staff: Staff) -> None:
    went = execute(jobs, store, staff=staff)
    failed = next(iter(went.failures.values()), None)
    if failed is not None:
        raise EngineError(f"{len(went.failures)} of {len(jobs)} jobs that do nothing failed: {failed.message}")
    if unseen := len(jobs) - len(store.present(jobs)):
        raise EngineError(
            f"Workers say that they did {len(jobs)} jobs, and the results of {unseen} are not in {store.root}; name "
            "with --store a folder that all machines share."
        )

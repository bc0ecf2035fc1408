"""How Dask behaves wherever we start it."""

from __future__ import annotations

from typing import Any, Final

#: Of workers.
WORKERS: Final[dict[str, Any]] = {
    "distributed.worker.multiprocessing-method": "spawn",  # compiled threads do not survive a copy (a fork)
    # What a process maps of the store counts as its memory and can be let go at any time: pausing would wait for ever.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
    # What Dask watches beside, for pages that nobody opens here, took 3 % of each process all the time.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
}
#: Of the driver, its scheduler, and workers of this machine.
SETTINGS: Final[dict[str, Any]] = {
    **WORKERS,
    "distributed.admin.log-format": "%(message)s",
    "distributed.comm.timeouts.connect": "60s",
    # The driver counts deaths itself, job by job.
    "distributed.scheduler.allowed-failures": 0,
    # A node that is gone is noticed by its connection (TCP asks every few seconds). To give up whoever was silent for
    # five minutes by the clock, as Dask does, would end all workers when a driver that was stopped (Ctrl-Z, a laptop
    # that slept) goes on.
    "distributed.scheduler.worker-ttl": None,
    "distributed.scheduler.work-stealing-interval": "1s",
}


def exported(settings: dict[str, Any]) -> list[str]:
    """Return lines of shell by which a process that is started after them behaves so."""
    return [
        f"export DASK_{name.upper().replace('-', '_').replace('.', '__')}={value}" for name, value in settings.items()
    ]

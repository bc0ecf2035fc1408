"""Dask schedulers and workers as a user starts them, each a process of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ground import Ground, Running, ended, until


@dataclass(frozen=True, slots=True)
class Cluster:
    """A scheduler and its workers.

    Attributes
    ----------
    ground : Ground
        Where they were started.
    stack : ExitStack
        Ends them.
    scheduler : Running
        The scheduler's process.
    address : str
        Where it listens.
    workers : list of Running
        Those that were started with :meth:`add`.
    """

    ground: Ground
    stack: ExitStack
    scheduler: Running
    address: str
    workers: list[Running]

    def add(self, *words: str, before: tuple[str, ...] = (), **environment: str) -> Running:
        """Start a worker, and go on once the scheduler knows it."""
        known = self.known()
        command = [*before, sys.executable, "-m", "distributed.cli.dask_worker", self.address]
        if "--nthreads" not in words:
            command += ["--nthreads", "1"]
        number = str(self.ground.folder / f"worker-{len(self.workers)}")
        command += ["--no-dashboard", "--local-directory", number, *words]
        worker = self.stack.enter_context(ended(self.ground.launch(command, **environment)))
        self.workers.append(worker)
        until(lambda: self.known() > known or not worker.alive, 100, "a worker that the scheduler knows")
        assert worker.alive, worker.ends()
        return worker

    def known(self) -> int:
        """Return how many workers the scheduler has."""
        from distributed import Client

        with Client(self.address, timeout="60s", set_as_default=False) as client:
            return len(client.scheduler_info(n_workers=-1)["workers"])


@contextmanager
def cluster(ground: Ground, name: str = "scheduler") -> Iterator[Cluster]:
    """Start a scheduler without workers; leaving ends everything."""
    file = ground.folder / f"{name}.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    command += ["--no-dashboard", "--no-show", "--scheduler-file", str(file)]
    with ExitStack() as stack:
        scheduler = stack.enter_context(ended(ground.launch(command)))
        until(lambda: _address(file) or not scheduler.alive, 100, "a scheduler that listens")
        assert scheduler.alive, scheduler.ends()
        yield Cluster(ground, stack, scheduler, _address(file), [])


def _address(file: Path) -> str:
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))["address"])
    except (OSError, ValueError):
        return ""

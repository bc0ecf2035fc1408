"""Batch jobs that come, go and are lost: what dask-jobqueue's clusters lack for long-lived workers.

Imported by :mod:`bpbench.runner.cluster` alone, when a batch system is asked.
"""

from __future__ import annotations

import asyncio
import getpass
import time
from typing import Any, Final

from distributed.core import Status
from distributed.deploy.adaptive import Adaptive

from bpbench.runner.jobqueue import Job, JobQueueCluster

#: Seconds after which a worker that was heard of no more is given up, and its batch job asked for again.
LOST_S: Final = 15
#: Seconds between looks at how many workers are wanted, and for how long one must be idle before it is let go.
LOOK_S: Final = 1
IDLE_S: Final = 60
#: Seconds between questions to the batch system whether jobs that never came are still there, and after a refusal.
ASK_S: Final = 10
REFUSED_S: Final = 60
#: Batch jobs in a row that may end before their workers came; then something is wrong with all of them.
VANISHED: Final = 3


class OneThread(Job):  # type: ignore[misc]
    """A batch job whose worker processes have one thread each, whatever cores it holds; it knows when it ended."""

    worker_process_threads = 1

    async def start(self) -> None:
        """Submit it."""
        try:
            await super().start()
        except BaseException:
            self.status = Status.failed
            raise

    async def close(self) -> None:
        """Cancel it."""
        await super().close()
        self.status = Status.closed


class Growing(JobQueueCluster):  # type: ignore[misc]
    """A cluster that asks again for a lost batch job also where that held several processes.

    Dask looks a lost worker up by its own name, which is that of its batch job only where it is alone in it.
    """

    kind = ""
    processes = 1
    #: Why no workers may ever come.
    trouble: str | None = None
    #: Worker processes that there would be work for, beside what the scheduler has.
    wanted = 0

    def want(self, number: int) -> None:
        """Say how many worker processes there would be work for."""
        self.wanted = number

    @property
    def dashboard_link(self) -> str:
        """Where the dashboard is seen: on this machine alone, as it asks nobody who he is."""
        return f"http://127.0.0.1:{self.scheduler.services['dashboard'].port}/status"

    def _update_worker_status(self, op: str, msg: Any) -> None:
        name = self.scheduler_info["workers"].get(msg, {}).get("name") if op == "remove" else None
        super()._update_worker_status(op, msg)
        if name is not None and self.processes > 1:
            batch_job = str(name).rpartition("-")[0]
            asyncio.get_running_loop().call_later(LOST_S, self._give_up, batch_job)

    def _give_up(self, batch_job: str) -> None:
        if batch_job in self.workers and not self.present(batch_job):
            self._futures.add(asyncio.ensure_future(self.workers.pop(batch_job).close()))

    async def ask(self, number: int) -> None:
        """Ask for so many batch jobs in all; what the batch system says against it is raised."""
        while len(self.worker_spec) < number:
            self.worker_spec.update(self.new_worker_spec())
        await self._correct_state()

    def names(self, batch_job: str) -> list[str]:
        """Return what the workers of a batch job are called."""
        group = self.worker_spec.get(batch_job, {}).get("group", [""])
        return [f"{batch_job}{suffix}" for suffix in group]

    def present(self, batch_job: str) -> list[Any]:
        """Return the workers of a batch job that are here, as the scheduler knows them."""
        named = {str(state.name): state for state in self.scheduler.workers.values()}
        return [named[name] for name in self.names(batch_job) if name in named]

    def forget(self, batch_job: str) -> None:
        """Forget a batch job that there is no more, so that another is asked for in its place."""
        self.workers.pop(batch_job, None)
        self.worker_spec.pop(batch_job, None)


class ByTasks(Adaptive):  # type: ignore[misc]
    """How many batch jobs there are: one worker process for each task that has not ended, or would be handed out.

    The driver hands out no more than there are workers, and so the scheduler's own tasks ask for none beside.

    Dask's own rule wants to be done in five seconds, counts worker processes where whole batch jobs come and go, and
    says nothing when the batch system refuses one.
    """

    def __init__(self, *words: Any, **options: Any) -> None:
        super().__init__(*words, **options)
        self.asked = time.monotonic()
        self.refused: float | None = None
        self.idle: dict[str, int] = {}
        self.vanished = 0
        #: Batch jobs whose workers have been here.
        self.came: set[str] = set()

    async def target(self) -> int:
        """Return how many worker processes there is work for."""
        scheduler = self.cluster.scheduler
        processing = sum(len(state.processing) for state in scheduler.workers.values())
        return max(int(self.cluster.wanted), processing + len(scheduler.queued) + len(scheduler.unrunnable))

    async def adapt(self) -> None:
        """Do what the number of tasks asks for, and notice what the batch system does."""
        if self._adapting:
            return
        if self.cluster.scheduler.workers:
            self.vanished, self.cluster.trouble = 0, None
            self.came |= {job.job_id for name, job in self.cluster.workers.items() if self.cluster.present(name)}
        if self.refused is None or time.monotonic() - self.refused > REFUSED_S:
            try:
                await super().adapt()
                self.refused = None
            except (OSError, RuntimeError, ValueError) as error:
                self.refused = time.monotonic()
                self._forget_unsubmitted(error)
        if time.monotonic() - self.asked > ASK_S:
            self.asked = time.monotonic()
            await self._look_for_vanished()

    async def recommendations(self, target: int) -> dict[str, Any]:
        """Return how many batch jobs there should be, or which that were idle for long to let go; none that works."""
        cluster = self.cluster
        if set(cluster.worker_spec) != set(cluster.workers):
            await cluster
        wanted, have = -(-target // cluster.processes), len(cluster.worker_spec)
        if wanted > have:
            self.idle.clear()
            return {"status": "up", "n": wanted}
        idle = [name for name in cluster.worker_spec if not any(state.processing for state in cluster.present(name))]
        self.idle = {name: self.idle.get(name, 0) + 1 for name in idle} if wanted < have else {}
        long = [name for name, times in self.idle.items() if times >= self.wait_count]
        gone = sorted(long, key=lambda name: bool(cluster.present(name)))[: have - wanted]  # first those still waiting
        return {"status": "down", "workers": gone} if gone else {"status": "same"}

    async def scale_up(self, n: int) -> None:
        """Ask for more batch jobs, so many in all."""
        await self.cluster.ask(n)

    async def scale_down(self, workers: list[str]) -> None:
        """Let batch jobs go, their workers first."""
        names = [state.name for batch_job in workers for state in self.cluster.present(batch_job)]
        if names:
            await self.scheduler.retire_workers(names=names, remove=True, close_workers=True)
        await self.cluster.scale_down(workers)

    def _forget_unsubmitted(self, error: BaseException) -> None:
        cluster = self.cluster
        for name in [name for name, batch_job in cluster.workers.items() if not batch_job.job_id]:
            cluster.forget(name)
        if not cluster.scheduler.workers and not cluster.workers:
            cluster.trouble = f"The batch system refuses batch jobs for workers: {said(error)}"

    async def _look_for_vanished(self) -> None:
        """Ask again for batch jobs that are there no more; of Slurm alone, whose list is known.

        Those whose workers had come were cancelled, or their node was lost; the others may all have the same fault.
        """
        cluster = self.cluster
        waiting = {name: job for name, job in cluster.workers.items() if job.job_id and not cluster.present(name)}
        if not waiting or cluster.kind != "slurm":
            return
        try:
            listed = await cluster.job_cls._call(  # noqa: SLF001 - as its own commands are called
                ["squeue", "-h", "-u", getpass.getuser(), "-o", "%i"]
            )
        except (OSError, RuntimeError):
            return  # a controller that does not answer now
        for name, job in waiting.items():
            if job.job_id not in listed.split() and not cluster.present(name):
                self.vanished += job.job_id not in self.came
                cluster.forget(name)
        if self.vanished >= VANISHED and not cluster.scheduler.workers:
            cluster.trouble = (
                f"{self.vanished} batch jobs for workers ended before their workers came; what they printed lies in "
                f"{cluster.log_directory}."
            )


def said(error: BaseException) -> str:
    """Return the last line that a command of the batch system wrote, out of dask-jobqueue's account of it."""
    after = str(error).partition("stderr:")[2] or str(error)
    lines = [line.strip() for line in after.splitlines() if line.strip()]
    return f"{lines[-1].rstrip('.')}." if lines else "it did not say why."

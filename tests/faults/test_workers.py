"""Workers and schedulers die, are ended or come to grief over one job; the run goes on, or says what to do."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from functools import partial

import pytest
from clusters import cluster
from conftest import Trial
from ground import Ground, Running, busy, ended, gone, paced, same, slay, until

pytestmark = pytest.mark.xdist_group("faults-workers")

WORKER = "`kill -9` of a worker process"
BUSY_S = 120.0


def hit(whose: Sequence[Running], number: signal.Signals) -> None:
    """Send a signal to a process that does a job, of those that some have started, and see that it dies of it."""
    found: list[int] = []

    def seen() -> bool:
        found[:] = [pid for running in whose for pid in busy(running)]
        return bool(found)

    until(seen, BUSY_S, "a worker at somebody's program")
    slay(found[0], number)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_of_ours_is_killed(ground: Ground, undisturbed: Ground, tried: Trial, number: signal.Signals) -> None:
    """Its jobs are done by the next one, and the run ends as if nothing had been."""
    fault = WORKER if number == signal.SIGKILL else "SIGTERM of a worker process"
    with tried(fault, "`--jobs 2`, in a job"):
        with ended(ground.start("--jobs", "2", **paced(2))) as running:
            hit([running], number)
            ran = running.ends()
            assert ran.code == 0, ran.err
            gone(running)
        same(ground, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("kills", [1, 3])
def test_workers_of_ours_are_killed_again_and_again(
    ground: Ground, undisturbed: Ground, tried: Trial, kills: int
) -> None:
    """Any worker at any moment, also while its successor starts."""
    with tried(WORKER, f"`--jobs 2`, {kills} of them whatever they do"):
        with ended(ground.start("--jobs", "2", **paced(0.5))) as running:
            for _ in range(kills):
                aim = ground.stored() + 3
                running.until(partial(_there, ground, running, aim), BUSY_S, "results")
                slay(running.workers()[-1])
            ran = running.ends()
            assert ran.code == 0, ran.err
            gone(running)
        same(ground, undisturbed)


def _there(ground: Ground, running: Running, results: int) -> bool:
    return ground.stored() >= results and bool(running.workers())


@pytest.mark.slow
def test_a_job_that_kills_its_workers_fails_alone(ground: Ground, undisturbed: Ground, tried: Trial) -> None:
    """Three workers die of one repeat; it is recorded as failed, the rest is there, and the report says so."""
    with tried(WORKER, "`--jobs 2`, each that does one certain job"):
        fatal = ground.folder / "fatal"
        ran = ground.run("--jobs", "2", FAULT_FATAL=str(fatal))
        assert ran.code == 3, ran.err
        assert "Its worker process died 3 times (KilledWorker: killed, most often for want of memory)." in ran.err
        assert "1 of 32 trainings have no score; the report says which and why." in ran.err
        assert ground.stored() == undisturbed.stored() - 1
        assert "died 3 times" in ground.page()
        fatal.unlink()
        ran = ground.run("--jobs", "2")
        assert ran.code == 0, ran.err
        same(ground, undisturbed)


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_worker_of_a_scheduler_is_killed(
    ground: Ground, undisturbed: Ground, tried: Trial, number: signal.Signals
) -> None:
    """A `dask worker` of a cluster that runs already: the run ends as if nothing had been."""
    fault = WORKER if number == signal.SIGKILL else "SIGTERM of a worker process"
    with tried(fault, "of a running `dask scheduler`, in a job"), cluster(ground) as workers:
        both = [workers.add(**paced(2)) for _ in range(2)]
        with ended(ground.start("--scheduler", workers.address)) as running:
            hit(both, number)
            ran = running.ends()
            assert ran.code == 0, ran.err
            gone(running)
        same(ground, undisturbed)


@pytest.mark.slow
def test_a_whole_worker_of_a_scheduler_is_killed(ground: Ground, undisturbed: Ground, tried: Trial) -> None:
    """With the nanny that would have replaced it; the other worker does it all."""
    with tried(WORKER, "of a running `dask scheduler`, with its nanny"), cluster(ground) as workers:
        both = [workers.add(**paced(2)) for _ in range(2)]
        with ended(ground.start("--scheduler", workers.address)) as running:
            until(lambda: any(busy(each) for each in both), BUSY_S, "a worker at somebody's program")
            first = next((each for each in both if busy(each)), both[0])
            os.killpg(first.process.pid, signal.SIGKILL)
            assert first.process.wait(30) == -signal.SIGKILL
            ran = running.ends()
            assert ran.code == 0, ran.err
            gone(running)
        gone(first)
        same(ground, undisturbed)


def test_the_scheduler_is_killed(ground: Ground, undisturbed: Ground, tried: Trial) -> None:
    """3 with its sentence, what is stored is kept, and the same command goes on with a new one."""
    with tried("`kill -9` of the scheduler", "`dask scheduler`, with a job running"):
        with cluster(ground) as first:
            worker = first.add(**paced(3))
            with ended(ground.start("--scheduler", first.address)) as running:
                until(lambda: busy(worker), BUSY_S, "a worker at somebody's program")
                first.scheduler.kill()
                ran = running.ends(60)
                assert ran.code == 3, ran.err
                assert ran.err.endswith(
                    f"bpbench: The scheduler at {first.address} was lost. What was stored before is kept; the same "
                    "command goes on from there.\n"
                )
                assert "Traceback" not in ran.err
                gone(running)
        kept = ground.stored()
        assert kept > 0
        with cluster(ground, "second") as second:
            second.add()
            ran = ground.run("--scheduler", second.address)
            assert ran.code == 0, ran.err
        same(ground, undisturbed)

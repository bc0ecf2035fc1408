"""One job needs more memory than there is: it is recorded as failed, the rest goes on, and the report says so."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Final

import pytest
from clusters import cluster
from conftest import Trial
from ground import Ground, Ran, ended, gone, paced, same, until

pytestmark = pytest.mark.xdist_group("faults-memory")

FAULT: Final = "out of memory in one job"
MB: Final = 1024 * 1024
#: A network whose weights alone take 64 MB; what its training holds beside them is as large again, some times over.
WIDE: Final = {
    "sets": "  other: {functions: [{kind: G2, eta: 0.3, r_s: 0, r_c: 6.8}]}",
    "models": "  vast: {kind: hdnn, hidden: [4000, 4000], epochs: 1, batch: 64, optimizer: {kind: adam, "
    "learning_rate: 1e-3}}",
    "variants": "  - {name: vast, set: other, model: vast}",
}


@pytest.fixture
def hungry(tmp_path: Path) -> Ground:
    """Return a new folder with a study of which one contestant needs more memory than there will be."""
    made = Ground(tmp_path)
    made.write(repeats=2, **WIDE)
    return made


@pytest.fixture(scope="module")
def plenty(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Run that study where there is memory enough."""
    made = Ground(tmp_path_factory.mktemp("plenty"))
    made.write(repeats=2, **WIDE)
    with ended(made.start("--jobs", "1")) as running:
        ran = running.ends(600)
    assert ran.code == 0, ran.err
    return made


def failed(ran: Ran, ground: Ground, why: str) -> None:
    """Demand that the hungry jobs failed, and they alone, and that the report says why."""
    assert ran.code == 3, ran.err
    assert f"failed: train hdnn (adam): {why}" in ran.err, ran.err
    assert "2 of 10 trainings have no score; the report says which and why." in ran.err
    assert why.split(" (", maxsplit=1)[0] in ground.page()


def in_this_process(ground: Ground) -> None:
    """Take memory from the driver once its libraries are loaded, until both of the hungry jobs have failed.

    What it needs for the report differs between machines: the libraries for it are not loaded yet.
    """
    with ended(ground.start("--jobs", "1", **paced(2))) as running:
        until(lambda: ground.stored() > 4, 200, "some results")
        held = int(Path(f"/proc/{running.process.pid}/statm").read_text().split()[0]) * resource.getpagesize()
        _, most = resource.prlimit(running.process.pid, resource.RLIMIT_AS)
        resource.prlimit(running.process.pid, resource.RLIMIT_AS, (held + 150 * MB, most))
        running.until(lambda: running.said("err").count("failed: train hdnn") == 2, 200, "two failures")
        resource.prlimit(running.process.pid, resource.RLIMIT_AS, (most, most))
        ran = running.ends()
        failed(ran, ground, "It needs more memory than this process could get (Unable to allocate ")
        gone(running)


def _to_the_end(hungry: Ground, plenty: Ground) -> None:
    with ended(hungry.start("--jobs", "1")) as running:
        ran = running.ends(600)
    assert ran.code == 0, ran.err
    same(hungry, plenty)


def test_a_process_gets_no_more_memory(hungry: Ground, tried: Trial) -> None:
    """An allocation of the operating system fails: a MemoryError, and the next job is done all the same."""
    with tried(FAULT, "an allocation that the system refuses, `--jobs 1`"):
        in_this_process(hungry)


@pytest.mark.slow
def test_with_enough_memory_the_same_command_goes_on(hungry: Ground, plenty: Ground, tried: Trial) -> None:
    """What failed for want of memory is tried again by the next run."""
    with tried(FAULT, "an allocation that the system refuses, `--jobs 1`, then enough"):
        in_this_process(hungry)
        _to_the_end(hungry, plenty)


@pytest.mark.slow
def test_a_worker_of_ours_grows_beyond_its_limit(hungry: Ground, plenty: Ground, tried: Trial) -> None:
    """Dask ends it; after three workers the job has failed, and the rest goes on."""
    with tried(FAULT, "a worker ended at its limit, `--jobs 2`"):
        with ended(hungry.start("--jobs", "2")) as running:
            resource.prlimit(running.process.pid, resource.RLIMIT_RSS, (1000 * MB, 1000 * MB))
            ran = running.ends(400)
            failed(
                ran, hungry, "Its worker process died 3 times (KilledWorker: killed, most often for want of memory)."
            )
            gone(running)
        _to_the_end(hungry, plenty)


@pytest.mark.slow
def test_a_worker_of_a_scheduler_grows_beyond_its_limit(hungry: Ground, plenty: Ground, tried: Trial) -> None:
    """The same with workers that somebody has started with a limit."""
    with tried(FAULT, "a worker ended at its limit, of a running `dask scheduler`"):
        with cluster(hungry) as workers:
            workers.add("--memory-limit", "500MB")
            with ended(hungry.start("--scheduler", workers.address)) as running:
                ran = running.ends(400)
            failed(ran, hungry, "Its worker process died (KilledWorker: killed, most often for want of memory).")
        _to_the_end(hungry, plenty)

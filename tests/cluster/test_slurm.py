"""Studies through a real Slurm: the same findings as in one process, also when batch jobs are cancelled or refused."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from slurm import NoSlurmError, Slurm, running

from bpbench.errors import EngineError, RequestError
from bpbench.jobs.work import Ping
from bpbench.runner import batch, cluster
from bpbench.runner.engine import Engine
from bpbench.runner.execute import execute
from bpbench.runner.executed import Silent
from bpbench.runner.staff import Staff
from bpbench.runner.store import Store

pytestmark = [
    pytest.mark.xdist_group("slurm"),
    pytest.mark.skipif(
        importlib.util.find_spec("dask_jobqueue") is None, reason="dask-jobqueue is not installed (bpbench[cluster])"
    ),
]

STUDY = """
question: Is the second set better than the first?
data: {kind: aluminium, groups: [300 K solid]}
sets:
  poor: {functions: [{kind: G2, eta: 0.1, r_s: 0, r_c: 6.8}]}
  rich: {functions: [{kind: G2, eta: 0.1, r_s: 0, r_c: 6.8}, {kind: G2, eta: 1, r_s: 2.8, r_c: 6.8}]}
models: {forest: {kind: random-forest, trees: 200}, ridge: {kind: linear}}
variants:
  - {name: poor, set: poor, model: forest}
  - {name: rich, set: rich, model: forest}
  - {name: ridge, set: rich, model: ridge}
repeats: 6
report: {formats: [html]}
analysis: {baseline: poor, margin: 5 %}
"""
CLUSTER = """
kind: slurm
cores: {cores}
memory: 2 GB
walltime: 00:10:00
interface: lo
death_timeout: 10
workers: {{maximum: {workers}, minimum: {minimum}}}
{more}
"""
#: The command line, but what Slurm does is noticed within a second.
DRIVER = """
from bpbench.runner import batch
from bpbench.cli import console
batch.ASK_S = batch.LOST_S = 1
raise SystemExit(console())
"""


@pytest.fixture(scope="module")
def slurm() -> Iterator[Slurm]:
    """Give a running Slurm, or skip with the reason why there is none."""
    with pytest.MonkeyPatch.context() as patch:
        try:
            with running() as found:
                for name, value in found.environment.items():
                    patch.setenv(name, value)
                yield found
        except NoSlurmError as error:
            pytest.skip(f"Slurm cannot start here: {error}")


@pytest.fixture
def nothing_left(slurm: Slurm, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Slurm]:
    """Give Slurm to a test that works in a folder of its own, and see that no batch job of it stays."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.yaml").write_text(STUDY, encoding="utf-8")
    yield slurm
    until(lambda: not slurm.jobs(), 30)


def until(true: Callable[[], object], patience_s: float) -> None:
    """Wait until something is true."""
    end = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < end, f"not within {patience_s:.0f} s"
        time.sleep(0.1)


def read(workers: int, cores: int = 1, minimum: int = 0, more: str = "") -> cluster.Cluster:
    """Return a cluster file's content; the file is in the working folder."""
    path = Path("cluster.yaml")
    path.write_text(CLUSTER.format(workers=workers, cores=cores, minimum=minimum, more=more), encoding="utf-8")
    return cluster.read(path)


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Notice within a second what Slurm does."""
    for name in ("LOST_S", "ASK_S", "REFUSED_S"):
        monkeypatch.setattr(batch, name, 1)


def test_a_refused_batch_job_is_said(nothing_left: Slurm) -> None:
    """What sbatch says against the first batch job is said, and nothing starts."""
    with (
        pytest.raises(
            RequestError, match=r"^slurm refused a batch job for workers: sbatch: error: .*Invalid partition"
        ),
        cluster.start(read(2, more="queue: nowhere")),
    ):
        pass
    assert nothing_left.jobs() == []


def test_batch_jobs_that_end_before_their_workers_come_are_said(
    nothing_left: Slurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three batch jobs in a row without a worker are no accident; the driver need not wait for ever."""
    assert nothing_left.nodes
    quick(monkeypatch)
    with cluster.start(read(1, more="python: /nowhere/python")) as made:
        made.adapt(Adaptive=batch.ByTasks, minimum=1, maximum=1, interval="1s", wait_count=60)
        until(lambda: cluster.trouble(made), 30)
        assert str(cluster.trouble(made)).startswith("3 batch jobs for workers ended before their workers came; what")
        logs = list(Path(made.log_directory).glob("*.err"))
        assert any("/nowhere/python: No such file" in log.read_text("utf-8") for log in logs)


@pytest.mark.slow
def test_workers_that_lack_bpbench_are_no_want_of_memory(nothing_left: Slurm, monkeypatch: pytest.MonkeyPatch) -> None:
    """They could not understand a job; their batch jobs end before they come, and their logs say why."""
    quick(monkeypatch)
    Path("elsewhere/bpbench").mkdir(parents=True)
    Path("elsewhere/bpbench/__init__.py").touch()
    more = f'job_script_prologue: ["export PYTHONPATH={Path("elsewhere").resolve()}"]'
    with pytest.raises(EngineError, match=r"^No workers come\. 3 batch jobs for workers ended before their"):
        execute([Ping(1)], Store(Path("store")), engine=Engine(cluster=read(1, more=more)))
    logs = [log.read_text("utf-8") for log in Path(".bpbench/cluster/logs").glob("*.err")]
    assert any("No module named 'bpbench.runner'" in log for log in logs)
    assert nothing_left.nodes


def test_batch_jobs_are_asked_for_as_there_is_work_and_none_waits_in_dask(
    nothing_left: Slurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nodes for four workers, and files that ask for eight: what no worker could begin in time is left."""
    quick(monkeypatch)
    jobs = [Ping(number, wait_s=12.0) for number in range(8)]
    seen = list[int]()
    with Staff(Engine(cluster=read(8), until=time.monotonic() + 20.0)) as staff:
        watcher = Watched(lambda: seen.append(len(nothing_left.jobs())))
        executed = execute(jobs, Store(Path("store")), staff=staff, watcher=watcher)
    assert max(seen) == 8
    assert executed.made >= 1
    assert executed.made + len(executed.left) == 8
    assert len(executed.left) >= 4
    assert executed.failures == {}


class Watched(Silent):
    """A watcher that looks at something whenever a job ends."""

    def __init__(self, look: Callable[[], object]) -> None:
        self.look = look

    def finished(self, *_: object) -> None:
        """Look."""
        self.look()


@pytest.mark.slow
def test_workers_leave_before_their_wall_time(nothing_left: Slurm, monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute of work through batch jobs of a minute: Slurm ends none for its time, and no job fails."""
    quick(monkeypatch)
    path = Path("cluster.yaml")
    read(1)
    path.write_text(path.read_text("utf-8").replace("00:10:00", "00:01:00"), encoding="utf-8")
    jobs = [Ping(number, wait_s=3.0) for number in range(20)]
    before = len(nothing_left.jobs("COMPLETED,CANCELLED"))
    executed = execute(jobs, Store(Path("store")), engine=Engine(cluster=cluster.read(path)))
    assert (executed.made, executed.failures) == (20, {})
    until(lambda: len(nothing_left.jobs("COMPLETED,CANCELLED")) >= before + 2, 30)
    assert nothing_left.jobs("TIMEOUT") == []


@pytest.mark.slow
def test_a_batch_job_that_has_nothing_to_do_is_given_back(nothing_left: Slurm, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for again when there is work."""
    from distributed import Client

    quick(monkeypatch)
    monkeypatch.setattr(batch, "IDLE_S", 3)
    with cluster.start(read(1)) as made, Client(made, set_as_default=False) as client:
        for number in range(2):
            assert client.submit(lambda number: number + 5, number, pure=False).result(timeout=90) == number + 5
            until(lambda: not nothing_left.jobs(), 60)


#: Holds batch jobs, and says when their first worker is here.
HOLDER = """
import time
from bpbench.runner import cluster
if __name__ == "__main__":
    with cluster.start(cluster.read("cluster.yaml")) as made:
        while not made.scheduler.workers:
            time.sleep(0.1)
        print("here", flush=True)
        time.sleep(600)
"""


@pytest.mark.parametrize("batch_jobs", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_batch_jobs_end_when_their_driver_was_killed(nothing_left: Slurm, batch_jobs: int) -> None:
    """After kill -9 no worker stays: what ran ends at once, what waited for a node ends soon after its start."""
    read(2 * batch_jobs, cores=2, minimum=2 * batch_jobs)
    command = [sys.executable, "-c", HOLDER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        assert driver.stdout.readline() == "here\n"
        assert len(nothing_left.jobs()) == batch_jobs
        driver.send_signal(signal.SIGKILL)
    until(lambda: not nothing_left.jobs(), 90)


# ------------------------------------------------------------------------------------------------------ whole studies


def drive(*words: str) -> subprocess.Popen[str]:
    """Start the command line in another process."""
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def findings(folder: str) -> bytes:
    """Return the findings of the only report in a folder."""
    (path,) = Path(folder).glob("*/findings.json")
    return path.read_bytes()


def results(folder: str = "store") -> int:
    """Return how many results are stored."""
    return len(list(Path(folder).glob("??/*/values.json")))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the findings of the study made in one process."""
    folder = tmp_path_factory.mktemp("alone")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("study.yaml").write_text(STUDY, encoding="utf-8")
        ended(drive("run", "study.yaml", "--jobs", "1", "--store", "store", "--reports", "reports"))
        return findings("reports")


def through_slurm() -> subprocess.Popen[str]:
    """Start the study on one batch job of two worker processes."""
    read(2, cores=2)
    return drive("run", "study.yaml", "--cluster", "cluster.yaml", "--store", "store", "--reports", "reports")


def ended(driver: subprocess.Popen[str]) -> Any:
    """Return what the driver said, once it has ended well."""
    said, _ = driver.communicate(timeout=300)
    assert driver.returncode == 0, said
    return said


def test_a_study_through_slurm_is_as_in_one_process_though_its_batch_job_is_cancelled(
    nothing_left: Slurm, alone: bytes
) -> None:
    """The findings are the same to the bit when all workers are cancelled in the middle; others take their place."""
    before = len(nothing_left.jobs("CANCELLED"))
    driver = through_slurm()
    until(lambda: results() > 4, 120)
    nothing_left.ask("scancel", *nothing_left.jobs())
    said = ended(driver)
    assert "Workers come from slurm, 2 processes at most." in said
    assert findings("reports") == alone
    # The one in the middle, and at the end that in its place.
    until(lambda: len(nothing_left.jobs("CANCELLED")) == before + 2, 30)
    assert not list(Path(".bpbench/cluster").glob("keys-*"))


def test_ctrl_c_gives_all_batch_jobs_back(nothing_left: Slurm) -> None:
    """A run through Slurm ends as every other does: with exit code 130 and a sentence."""
    driver = through_slurm()
    until(lambda: results() > 0, 120)
    assert len(nothing_left.jobs()) == 1
    driver.send_signal(signal.SIGINT)
    said, _ = driver.communicate(timeout=60)
    assert driver.returncode == 130, said
    assert said.splitlines()[-1].startswith("Interrupted. What is done is stored")
    assert not list(Path(".bpbench/cluster").glob("keys-*"))


@pytest.mark.slow
def test_a_killed_driver_leaves_no_batch_jobs_and_loses_nothing(nothing_left: Slurm, alone: bytes) -> None:
    """After kill -9 workers see that nobody is there and end; what is stored is used, and the findings are the same."""
    driver = through_slurm()
    until(lambda: results() > 4, 120)
    assert len(nothing_left.jobs()) == 1
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    until(lambda: not nothing_left.jobs(), 60)
    assert not list(Path("reports").glob("*/findings.json"))
    kept = {path: path.stat().st_mtime_ns for path in Path("store").glob("??/*/values.json")}
    ended(drive("run", "study.yaml", "--jobs", "1", "--store", "store", "--reports", "reports"))
    assert findings("reports") == alone
    assert {path: path.stat().st_mtime_ns for path in kept} == kept

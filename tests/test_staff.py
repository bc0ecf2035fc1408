"""Processes behind one small door: what is said when there are none, and keys that every clock agrees with."""

from __future__ import annotations

import os
import platform
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import cloudpickle
import psutil
import pytest

from bpbench.cli import main
from bpbench.errors import EngineError, RequestError
from bpbench.jobs import Ping
from bpbench.runner import dashboard, dask_crew, keys, nursery, processes
from bpbench.runner.crew import Ended
from bpbench.runner.dask_crew import DaskCrew
from bpbench.runner.engine import Engine
from bpbench.runner.execute import _Drive, execute
from bpbench.runner.executed import Silent
from bpbench.runner.shielded import shielded
from bpbench.runner.store import Store
from bpbench.runner.worker import Order


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Set the clock."""
    time = [1000.0]
    monkeypatch.setattr(processes.time, "monotonic", lambda: time[0])
    return time


def test_no_processes_for_too_long_is_said_in_words(now: list[float]) -> None:
    """One that is replaced in time is none of the driver's business."""
    there = [1]
    seen = processes._Headcount(lambda: there[0])
    told = []
    for moment, count in ((0, 1), (10, 0), (290, 0), (300, 1), (310, 0), (600, 0), (620, 0)):
        now[0], there[0] = 1000.0 + moment, count
        told.append(seen.given_up())
    assert told == [None] * 6 + ["The last process ended 300 s ago, and none could be started in its place."]


def test_workers_elsewhere_are_waited_for_and_that_is_said_once(now: list[float]) -> None:
    """Once for each time that all of them have left."""
    there, said = [1], []
    seen = processes._Headcount(lambda: there[0])
    for moment, count in ((0, 1), (6, 0), (12, 0), (30, 0), (36, 1), (42, 0), (60, 0)):
        now[0], there[0] = 1000.0 + moment, count
        seen.awaited("The scheduler at x has", said.append)
    once = "no workers any more; waiting for others. (Ctrl-C ends the run; what is done is stored.)"
    assert said == [f"The scheduler at x has {once}"] * 2


class Going:
    """Bundles of which none has come back."""

    thread_condition = threading.Condition()

    def has_ready(self) -> bool:
        return False


def test_workers_that_join_later_get_work() -> None:
    """The driver comes back to hand out more, though nothing has ended, where there is more and somebody is free."""
    there, wanted = [2], list[int]()
    client: Any = SimpleNamespace(status="running")
    crew = DaskCrew(client, Order(""), 8, 1, "The scheduler", ended=Going(), hands=lambda: there.pop(0))
    crew.want = wanted.append
    crew.out = dict.fromkeys(range(2), ())
    there[:] = [2, 1, 2, 3]
    assert crew.next(waiting=5) == Ended(())
    assert there == []
    there[:] = [2, 2, 2]
    assert crew.next(5, time.monotonic() + 0.15) == Ended(())
    assert wanted == [7, 7]


def test_a_scheduler_that_is_lost_while_nothing_runs_is_said(tmp_path: Path) -> None:
    """As it is while something runs: a strategy may think for long before it asks for the next training."""
    from distributed import LocalCluster

    options = {"processes": False, "threads_per_worker": 1, "protocol": "tcp://", "dashboard_address": "127.0.0.1:0"}
    lost = "^The scheduler at tcp://.* was lost. What was stored before is kept; the same command goes on from there.$"
    with LocalCluster(n_workers=1, **options) as cluster:
        engine = Engine(workers=1, scheduler=cluster.scheduler_address)
        with processes._running(engine, Store(tmp_path), lambda _: None) as crew:
            crew.client.close()
            with pytest.raises(EngineError, match=lost):
                crew.submit([Ping(1)])
            with pytest.raises(EngineError, match=lost):
                crew.next(waiting=1)


def told_by_one() -> dict[str, Any]:
    """Return what a process can say of how it began."""
    import os
    import signal

    return {
        "parent": os.getppid(),
        "deaf": signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "threads": [os.environ.get(name) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")],
    }


@pytest.mark.parametrize("method", sorted({nursery.METHOD, "spawn"}))
def test_processes_of_this_machine_hear_no_ctrl_c_and_have_one_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Whether they are copies of one that has loaded everything or begin from nothing."""
    monkeypatch.setattr(nursery, "METHOD", method)
    with processes._local(2, Store(tmp_path), lambda _: None) as crew:
        cloudpickle.register_pickle_by_value(sys.modules[__name__])
        try:
            told = list(crew.client.run(told_by_one).values())
        finally:
            cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    assert len(told) == 2
    assert len({one["parent"] for one in told}) == 1
    assert (told[0]["parent"] == os.getpid()) == (method == "spawn")
    assert all(one["deaf"] for one in told)
    assert all(one["threads"] == ["1", "1", "1"] for one in told)


def loaded() -> dict[str, Any]:
    """Return what a process that did nothing yet has loaded, and how many threads one has that loads the same."""
    import subprocess

    listed = "import os, bpbench.runner.beforehand; print(len(os.listdir('/proc/self/task')))"
    counted = subprocess.run([sys.executable, "-c", listed], check=True, stdout=subprocess.PIPE)
    kernels, compiler = ("bpbench.descriptors.moments", "bpbench.models.kernels"), "numba.np.arrayobj"
    return {
        "kernels": all(name in sys.modules for name in kernels),
        "compiler": compiler in sys.modules,
        "threads": int(counted.stdout),
    }


@pytest.mark.skipif(nursery.METHOD != "forkserver", reason="no process is the copy of another here")
def test_copies_have_kernels_and_compiler_loaded_and_miss_no_thread(tmp_path: Path) -> None:
    """The compiler loads most of itself with the first function that it compiles."""
    with processes._local(1, Store(tmp_path), lambda _: None) as crew:
        cloudpickle.register_pickle_by_value(sys.modules[__name__])
        try:
            (told,) = crew.client.run(loaded).values()
        finally:
            cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    assert told == {"kernels": True, "compiler": True, "threads": 1}


def test_who_says_how_many_threads_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Dask hears it."""
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    before = dict(os.environ)
    with nursery._one_thread():
        assert os.environ["OMP_NUM_THREADS"] == "3"
        assert os.environ["MKL_NUM_THREADS"] == "1"
    assert dict(os.environ) == before


def faults() -> int:
    """Return how many pages the system had to hand out while a hundred arrays of a megabyte came and went."""
    import resource

    import numpy as np

    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(100):
        np.ones(2**17)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told what to keep")
def test_what_one_array_leaves_serves_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that Dask starts from nothing give every array back at once, each of 256 pages to be zeroed anew."""
    monkeypatch.setattr(nursery, "METHOD", "spawn")
    with processes._local(1, Store(tmp_path), lambda _: None) as crew:
        cloudpickle.register_pickle_by_value(sys.modules[__name__])
        try:
            at_first = crew.client.submit(faults, pure=False).result()
            crew.submit([Ping(1)])
            crew.next()
            crew.client.submit(faults, pure=False).result()  # the first array is new to it
            later = crew.client.submit(faults, pure=False).result()
        finally:
            cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    assert at_first > 100 * 256 * 0.9
    assert later < 100 * 256 * 0.1


def test_a_bundle_ahead_begins_when_the_one_before_it_ends_or_dies_with_it(tmp_path: Path) -> None:
    """The worker is not free between them; of both it is told when it dies."""
    with processes.opened(Engine(workers=1), 1, Store(tmp_path), lambda _: None) as crew:
        crew.submit([Ping(1)])
        who = crew.next().by
        crew.submit([Ping(2, 0.2)])
        crew.submit([Ping(3, 0.2)], behind=who)
        assert not crew.free()
        first = crew.next(waiting=1)
        assert (first.jobs, first.by, first.now) == ((Ping(2, 0.2),), who, (Ping(3, 0.2),))
        assert not crew.free()
        second = crew.next(waiting=1)
        assert (second.jobs, second.by, second.now) == ((Ping(3, 0.2),), who, ())
        assert crew.free()
        crew.submit([Ping(4, 600.0)])
        crew.submit([Ping(5)], behind=who)
        (pid,) = crew.client.run(os.getpid).values()
        while len(crew.client.processing()[who]) < 2:
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)
        died = [crew.next(), crew.next()]
        assert {each.jobs for each in died} == {(Ping(4, 600.0),), (Ping(5),)}
        assert {each.death for each in died} == {"KilledWorker: killed, most often for want of memory"}
        assert crew.free()
        crew.submit([Ping(5)])
        assert crew.next().done[0].message is None


def test_what_processes_are_copies_of_is_loaded_while_the_driver_reads_the_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there will be several on this machine, and only there."""
    order = list[str]()

    def stop(*_: object, **__: object) -> None:
        order.append("read")
        raise RequestError("No further.")

    monkeypatch.setattr(nursery, "begin", lambda: order.append("begun"))
    monkeypatch.setattr("bpbench.protocol.load", stop)
    command = ["run", "57vars", "--store", str(tmp_path), "--reports", str(tmp_path)]
    for where in (["--jobs", "2"], ["--jobs", "1"], ["--scheduler", "tcp://127.0.0.1:1"]):
        assert main([*command, *where]) == 2
    assert order == ["begun", *["read"] * 3]


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[tuple[DaskCrew, Any]]:
    """Give a crew of one worker where eight might be, and its cluster."""
    from distributed import LocalCluster

    options = {"processes": False, "threads_per_worker": 1, "protocol": "tcp://", "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(n_workers=1, **options) as cluster:
        engine = Engine(workers=1, scheduler=cluster.scheduler_address)
        with processes._running(engine, Store(tmp_path), lambda _: None) as crew:
            crew.size, crew.hands = 8, lambda: len(cluster.scheduler.workers)
            yield crew, cluster


def test_what_waits_for_workers_that_never_came_is_left_when_the_time_is_up(
    alone: tuple[DaskCrew, Any], tmp_path: Path
) -> None:
    """Nothing lies in a queue of Dask's, where it would begin after the end."""
    jobs = [Ping(number, 1.0) for number in range(8)]
    drive = _Drive(jobs, Store(tmp_path), alone[0], Silent(), set())
    done = [job for job, _, failure in drive.run(time.monotonic() + 0.5) if failure is None]
    assert (done, drive.left) == (jobs[:1], jobs[1:])


def test_without_workers_the_time_is_up_all_the_same(alone: tuple[DaskCrew, Any], tmp_path: Path) -> None:
    """A full batch system lets none come for hours."""
    crew, cluster = alone
    cluster.scale(0)
    while cluster.scheduler.workers:
        time.sleep(0.01)
    drive = _Drive([Ping(1)], Store(tmp_path), crew, Silent(), set())
    assert list(drive.run(time.monotonic() + 0.3)) == []
    assert drive.left == [Ping(1)]


def test_what_a_worker_took_with_it_is_not_waited_for(
    alone: tuple[DaskCrew, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dask would wait for another worker, and the driver with it, while others have nothing to do."""
    crew, cluster = alone
    monkeypatch.setattr(dask_crew, "FETCHED_S", 0.5)
    crew.submit([Ping(1)])
    while not crew.ended.has_ready():
        time.sleep(0.01)
    (worker,) = cluster.workers.values()
    cluster.sync(worker.close, executor_wait=False)
    ended = crew.next()
    assert ended.jobs == (Ping(1),)
    assert ended.death == "TimeoutError: it was gone before what it had made was heard of"


def test_a_scheduler_is_asked_how_many_workers_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a plan, and again and again in a run: one more has work to do while the first works."""
    from distributed import LocalCluster

    monkeypatch.setattr(processes, "LOOK_S", 0.1)
    store, said = Store(tmp_path), list[str]()
    options = {"processes": False, "threads_per_worker": 1, "protocol": "tcp://", "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(n_workers=1, **options) as cluster:
        engine = Engine(workers=7, scheduler=cluster.scheduler_address)
        assert (processes.available(Engine(workers=7)), processes.available(engine)) == (7, 1)
        with processes._running(engine, store, said.append) as crew:
            crew.submit([Ping(1, 5.0)])
            assert not crew.free()
            cluster.scale(2)
            assert crew.next(waiting=1) == Ended(())
            assert crew.free()
            assert crew.next().jobs == (Ping(1, 5.0),)


@pytest.mark.parametrize("lost", ["exception", "result"])
def test_a_worker_that_dies_before_what_it_made_was_fetched_died_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    """Dask lost the bundle after it had ended, and says so only when it is asked for; the store has it."""
    from distributed import Future
    from distributed.scheduler import KilledWorker

    asked, real = list[str](), getattr(Future, lost)
    killed = KilledWorker("ping", None, 0)

    def once_lost(future: Future, timeout: float) -> object:
        asked.append(future.key)
        if len(asked) > 1:
            return real(future, timeout)
        if lost == "exception":
            return killed
        raise killed

    monkeypatch.setattr(Future, lost, once_lost)
    executed = execute([Ping(1), Ping(2)], Store(tmp_path), engine=Engine(workers=2))
    assert (executed.made, executed.failures) == (2, {})
    assert len(asked) == 2


def test_how_many_workers_there_are_is_kept_while_there_are_none(now: list[float]) -> None:
    """So that what was handed out to those before stays in proportion."""
    there = [2]
    seen = processes._Headcount(lambda: there[0], last=1)
    counted = []
    for moment, count in ((0, 2), (6, 0), (12, 5)):
        now[0], there[0] = 1000.0 + moment, count
        seen.without()
        counted.append(seen.last)
    assert counted == [2, 2, 5]


@pytest.mark.parametrize("bokeh", [True, False])
def test_processes_of_this_machine_listen_to_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bokeh: bool
) -> None:
    """No port of the driver is open to others, with a dashboard or without."""
    if not bokeh:
        monkeypatch.setitem(sys.modules, "bokeh", None)
        monkeypatch.delitem(sys.modules, "distributed.dashboard.scheduler", raising=False)
        monkeypatch.setattr(dashboard, "find_spec", lambda _: None)
    before = listening()
    with processes.opened(Engine(workers=1), 1, Store(tmp_path), lambda _: None):
        opened = listening() - before
    assert len(opened) >= 2
    assert {address for address, _ in opened} == {"127.0.0.1"}


_LOOKED_AT: Final = """
import sys, urllib.request
from bpbench.runner import processes
from bpbench.runner.engine import Engine
from bpbench.runner.store import Store

def main():
    told = []
    with processes.opened(Engine(workers=1), 1, Store(sys.argv[1]), told.append) as crew:
        print(sorted({"bokeh", "pandas"} & set(sys.modules)))
        address = told[0].removeprefix("Dashboard of the workers: ")
        for page in (address, address, address.replace("status", "workers")):
            with urllib.request.urlopen(page) as answer:
                print(answer.status, answer.url == page, "bokeh" in answer.read().decode())
        from bokeh.client import pull_session
        with pull_session(url=address) as session:
            print(len(session.document.roots) > 0)

if __name__ == "__main__":
    main()
"""


def test_the_dashboard_is_loaded_by_who_looks_at_it(tmp_path: Path) -> None:
    """Not before; then it is there at the address that was said, with pages that live."""
    pytest.importorskip("bokeh")
    script = tmp_path / "script.py"
    script.write_text(_LOOKED_AT)
    command = [sys.executable, str(script), str(tmp_path / "store")]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert told.splitlines() == ["[]", *["200 True True"] * 3, "True"]


def listening() -> set[tuple[str, int]]:
    """Return where this process listens."""
    found = psutil.Process().net_connections("inet")
    return {(each.laddr.ip, each.laddr.port) for each in found if each.status == psutil.CONN_LISTEN}


class Small:
    """A cluster of one process, which says whether it was closed."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(["sleep", "60"])
        self.closed = False

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.closed = True


def blocked(pid: int | str) -> bool:
    """Return whether the first thread of a process has SIGINT blocked."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigBlk:"))
    return bool(int(line.split()[1], 16) >> (signal.SIGINT - 1) & 1)


def test_processes_do_not_hear_ctrl_c_and_this_one_does() -> None:
    """They have it blocked, and so have those that they start."""
    made = shielded(Small)
    try:
        assert blocked(made.process.pid)
        assert not blocked("self")
    finally:
        made.close()


def test_ctrl_c_while_processes_start_is_heard() -> None:
    """The run ends as soon as they are there, and they with it."""
    made: list[Small] = []

    def start() -> Small:
        made.append(Small())
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.5)
        return made[0]

    with pytest.raises(KeyboardInterrupt):
        shielded(start)
    assert made[0].closed


def test_what_is_said_against_a_cluster_is_raised() -> None:
    """In the thread that asked for it."""

    def start() -> None:
        raise OSError("no port")

    with pytest.raises(OSError, match="no port"):
        shielded(start)


def test_a_certificate_holds_for_every_clock() -> None:
    """Dask's own hold from the second in which they are made, and a clock that is behind refuses them."""
    from cryptography import x509

    made = keys.temporary()
    certificate = x509.load_pem_x509_certificate(made.tls_ca_file.encode())
    assert certificate.not_valid_before_utc < datetime(2000, 1, 1, tzinfo=UTC)
    assert certificate.not_valid_after_utc > datetime(2100, 1, 1, tzinfo=UTC)
    for role in ("client", "scheduler", "worker"):
        context = made.get_connection_args(role)["ssl_context"]
        assert context.verify_mode is ssl.CERT_REQUIRED
    assert keys.temporary().tls_client_key != made.tls_client_key

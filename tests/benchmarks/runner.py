"""What it costs to hand out jobs, beside joblib and plain Dask; what that is of a study; and resuming a finished one.

``python tests/benchmarks/runner.py [rates|share|resume ...]`` prints, one after another on the same machine,

- ``rates``: jobs that do nothing, per second, for several numbers of them; with the same saving of each result in a
  store, and without; CPU seconds of all processes, so that a machine that does something else beside says something
  too; and the most memory that the driver took;
- ``share``: of a protocol as ``bpbench run`` conducts it, by the number of processes, how much of their time was not
  spent in jobs, beside as many loops of a few lines over the same jobs, which save nothing, and joblib's processes,
  which save each result;
- ``resume``: seconds of ``bpbench run`` when everything is stored.

``--folder`` says where stores are made: creating a file on some disks takes longer than everything else together (on
ext4 without a journal it does where many files were deleted in the last minutes).
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Self

import psutil  # type: ignore[import-untyped]  # Dask brings it

from bpbench import cli, cli_opened  # all else is imported where it is used, as by the command line
from bpbench.runner.engine import Engine

CONSOLE: Final = "import sys; from bpbench.cli import console; sys.exit(console())"
WORKERS: Final = 2
#: Columns for who works.
_WHO: Final = 20
#: Jobs that are done before the clock starts, so that processes are there and have loaded what they need.
FIRST: Final = 20


def nothing(number: int) -> None:
    """Do a job that does nothing."""
    from bpbench.jobs import Ping

    Ping(number)


def saved(number: int, root: str) -> None:
    """Do a job that does nothing, and save its result as our workers do."""
    from bpbench.jobs import Ping

    kept(Ping(number), root)


def kept(job: Any, root: str) -> None:
    """Do a job, and save its result."""
    from bpbench.runner import work
    from bpbench.runner.machine import machine
    from bpbench.runner.store import Store

    start = time.perf_counter()
    Store(root).save(
        job, work.perform(job, Store(root).load), lambda: {"wall_s": time.perf_counter() - start, **machine()}
    )


# ----------------------------------------------------------------------------------------------------------- rates


@contextlib.contextmanager
def ours(root: str | None, workers: int) -> Iterator[Callable[[range], None]]:
    """Open our own driver."""
    from bpbench.jobs import Ping
    from bpbench.runner.execute import execute
    from bpbench.runner.staff import Staff
    from bpbench.runner.store import Store

    assert root is not None
    store = Store(root)
    with Staff(Engine(workers=workers)) as staff:
        yield lambda numbers: print(*execute([Ping(number) for number in numbers], store, staff=staff).failures, end="")


@contextlib.contextmanager
def joblib(root: str | None, workers: int) -> Iterator[Callable[[range], None]]:
    """Open joblib's processes."""
    from joblib import Parallel, delayed

    with Parallel(n_jobs=workers) as parallel:
        if root is None:
            yield lambda numbers: parallel(delayed(nothing)(number) for number in numbers)
        else:
            yield lambda numbers: parallel(delayed(saved)(number, root) for number in numbers)


@contextlib.contextmanager
def dask(root: str | None, workers: int, saturation: float | None = None) -> Iterator[Callable[[range], None]]:
    """Open a cluster of Dask: one task for each job."""
    import dask as configured
    from distributed import Client, LocalCluster, wait

    settings: dict[str, Any] = {"logging": {"distributed": "critical"}}
    settings |= {} if saturation is None else {"distributed.scheduler.worker-saturation": saturation}
    with (
        configured.config.set(settings),
        LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50
        ) as cluster,
        Client(cluster) as client,
    ):

        def do(numbers: range) -> None:
            if root is None:
                wait([client.submit(nothing, number, pure=False) for number in numbers])
            else:
                wait([client.submit(saved, number, root, pure=False) for number in numbers])

        yield do


WAYS: Final[dict[str, Callable[[str | None, int], Any]]] = {
    "bpbench, this process": lambda root, _: ours(root, 1),
    "bpbench --jobs 2": ours,
    "joblib (loky)": joblib,
    "Dask as it comes": dask,
    "Dask, worker-saturation 10": lambda root, workers: dask(root, workers, 10.0),
}


def rate(way: str, jobs: int, root: str | None) -> dict[str, float]:
    """Measure one way in this process."""
    with WAYS[way](root, WORKERS) as do:
        do(range(-FIRST, 0))
        start, cpu = time.perf_counter(), cpu_of_all()
        do(range(jobs))
        wall, cpu = time.perf_counter() - start, cpu_of_all() - cpu
    return {"wall": wall, "cpu": cpu, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def cpu_of_all() -> float:
    """Return the CPU seconds of this process and of those that it started and that live."""
    here = psutil.Process()
    return sum(sum(each.cpu_times()[:2]) for each in (here, *here.children(recursive=True)))


def used(before: dict[str, float] | None = None) -> dict[str, float]:
    """Return CPU seconds and page faults of this process and of all that came of it, living or ended."""
    here, ticks = psutil.Process(), os.sysconf("SC_CLK_TCK")
    now = {"cpu": 0.0, "system": 0.0, "faults": 0.0}
    for each in (here, *here.children(recursive=True)):
        # proc(5): from the third field on; of a process and of its children that have ended
        told = Path(f"/proc/{each.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        fault, ended_fault, user, system, ended_user, ended_system = (int(told[place - 3]) for place in _OF_STAT)
        now["faults"] += fault + ended_fault
        now["system"] += (system + ended_system) / ticks
        now["cpu"] += (user + system + ended_user + ended_system) / ticks
    return now if before is None else {name: value - before[name] for name, value in now.items()}


#: Fields of /proc/<process>/stat: faults without a disk, CPU time of the user and of the system.
_OF_STAT: Final = (10, 11, 14, 15, 16, 17)


def rates(sizes: list[int], folder: Path, skip: list[str]) -> None:
    """Print how many jobs a second each way does."""
    head = f"{'':42}{'jobs':>8}{'s':>9}{'jobs/s':>9}{'CPU ms/job':>12}{'driver, MB':>12}"
    print(f"\nJobs that do nothing, {WORKERS} processes\n{head}")
    with TemporaryDirectory(dir=folder) as stores:  # deleted when all is measured, not in between
        for jobs in sizes:
            for keep in (True, False):
                for way in WAYS:
                    if way in skip or (not keep and way.startswith("bpbench")):
                        continue
                    root = f"{stores}/{len(os.listdir(stores))}" if keep else None  # noqa: PTH208
                    found = child("--child", "rate", json.dumps([way, jobs, root]))
                    what = f"{way}{', saved' if keep else ''}"
                    print(
                        f"{what:42}{jobs:8}{found['wall']:9.2f}{jobs / found['wall']:9.0f}"
                        f"{1000 * found['cpu'] / jobs:12.3f}{found['peak']:12.0f}"
                    )
                    sys.stdout.flush()


# ----------------------------------------------------------------------------------------------------------- share


@dataclass
class Clocked:
    """The watcher of a command, which notes besides when processes were asked for and jobs began and ended."""

    watcher: Any = None
    asked: float | None = None
    began: float | None = None
    ended: float = 0.0
    jobs: list[Any] = field(default_factory=list)
    seconds: float = 0.0
    left: int = 0
    before: dict[str, float] = field(default_factory=used)
    used: dict[str, float] = field(default_factory=dict)

    def __enter__(self) -> Self:
        """Begin as the watcher does."""
        self.watcher.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        """End as the watcher does."""
        self.watcher.__exit__(*error)

    def __getattr__(self, name: str) -> Any:
        """Leave all else to the watcher."""
        return getattr(self.watcher, name)

    def begin(self, jobs: Any, workers: int) -> None:
        """Note the first time that jobs are wanted."""
        self.asked = self.asked or time.perf_counter()
        self.watcher.begin(jobs, workers)

    def started(self, job: Any) -> None:
        """Note the first, and each in its order."""
        self.began = self.began or time.perf_counter()
        self.jobs.append(job)
        self.left += 1
        self.watcher.started(job)

    def finished(self, job: Any, seconds: float, failure: Any) -> None:
        """Note the last, what all of them took with their saving, and what was used by then."""
        self.ended = time.perf_counter()
        self.seconds += seconds
        self.left -= 1
        if not self.left:
            self.used = used(self.before)
        self.watcher.finished(job, seconds, failure)


def share(protocol: str, workers: int, root: str) -> dict[str, float]:
    """Run a protocol as the command line does with so many processes, and return where the time went."""
    watching, clocked, start = cli_opened.watching, Clocked(), time.perf_counter()

    def watched(*of: Any) -> Any:
        clocked.watcher = watching(*of)
        return clocked

    cli_opened.watching = watched
    words = [
        "run",
        protocol,
        "--store",
        root,
        "--reports",
        f"{root}-reports",
        "--jobs",
        str(workers),
        "--format",
        "html",
    ]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        assert cli.main(words) == 0
    end = time.perf_counter()
    from bpbench.runner.store import Store

    told = [Store(root).provenance(job) for job in clocked.jobs]
    assert clocked.asked is not None
    assert clocked.began is not None
    return {
        "before": clocked.asked - start,
        "starting": clocked.began - clocked.asked,
        "working": clocked.ended - clocked.began,
        "after": end - clocked.ended,
        "jobs": len(told),
        "in jobs": sum(each["wall_s"] for each in told),
        "waited": sum(each["wall_s"] - each["cpu_s"] for each in told),
        "ready": sum(each["ready_s"] for each in told),
        "saving": clocked.seconds - sum(each["wall_s"] for each in told),
        **clocked.used,
    }


def in_joblib(protocol: str, workers: int, root: str) -> dict[str, float]:
    """Do the same jobs in joblib's processes, one kind after another, and save each result as our workers do."""
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor

    from bpbench import study
    from bpbench.protocol import load, locate
    from bpbench.runner import work
    from bpbench.runner.graph import missing
    from bpbench.runner.store import Store

    store = Store(root)
    todo = missing(study.prepare(load(locate(protocol)), store).jobs, store)
    todo.sort(key=lambda job: work.cohort(job) or "")  # those on the same inputs together
    start, before, done = time.perf_counter(), used(), set[Any]()
    with Parallel(n_jobs=workers) as parallel:
        while ready := [job for job in todo if job not in done and done.issuperset(work.needs(job))]:
            parallel(delayed(kept)(job, root) for job in ready)
            done.update(ready)
    assert len(done) == len(todo)
    wall = time.perf_counter() - start
    get_reusable_executor().shutdown()
    return {"working": wall, "jobs": len(done), **used(before)}


def plain(protocol: str, root: str) -> dict[str, float]:
    """Do the same jobs as a script without a driver would: a loop in one process, in memory, nothing saved."""
    from bpbench import study
    from bpbench.protocol import load, locate
    from bpbench.runner import work
    from bpbench.runner.store import Store

    jobs = study.prepare(load(locate(protocol)), Store(root)).jobs
    made: dict[Any, Any] = {}
    took = dict.fromkeys(("loading", "laying out", "in jobs"), 0.0)
    waited = 0.0

    def result(job: Any) -> Any:
        if job not in made:
            for need in work.needs(job):
                result(need)
            for what, do in zip(took, (work.warm, lambda each: work.lay_out(each, result), perform), strict=True):
                before = time.perf_counter()
                do(job)
                took[what] += time.perf_counter() - before
        return made[job]

    def perform(job: Any) -> None:
        nonlocal waited
        wall, cpu = time.perf_counter(), time.process_time()
        made[job] = work.perform(job, result)
        waited += time.perf_counter() - wall - (time.process_time() - cpu)

    start, before = time.perf_counter(), used()
    for job in jobs:
        result(job)
    return {"working": time.perf_counter() - start, "jobs": len(made), **took, "waited": waited, **used(before)}


def shares(protocol: str, folder: Path, times: int) -> None:
    """Print what orchestration is of the time in jobs, several times in turn."""
    print(
        f"\n{protocol}: seconds from where jobs are asked for to the last one's end (clock), of the CPU, those of the "
        "system in it, and page faults; seconds of all processes in jobs, and as shares of these: how long jobs had to "
        "wait, for a core or the disk; making ready (loading libraries and compiled code, reading and laying out "
        "inputs); saving results; being idle, for want of a job or of a result that one needs, which is everything "
        "else from the first job's start to the last one's end; the start of processes; these three (beside); waited, "
        "ready and beside, less what as many bare loops at once wait and take to be ready, which hold everything in "
        "memory, save nothing, and share all but the loading evenly (beyond); and seconds before jobs are asked for "
        "and after the last"
    )
    head = f"{'jobs':>6}{'clock':>8}{'CPU':>8}{'system':>8}{'faults':>9}{'in jobs':>9}{'waited':>8}{'ready':>8}"
    rest = f"{'saving':>8}{'idle':>8}{'starting':>10}{'beside':>8}{'beyond':>8}{'before':>10}{'after':>8}"
    print(f"{'':{_WHO}}{head}{rest}")
    with TemporaryDirectory(dir=folder) as stores:
        share(protocol, 1, f"{stores}/first")  # compiles
        for turn in range(times):
            for workers in (1, WORKERS):
                words = ["--child", "plain", json.dumps([protocol, f"{stores}/{turn}-plain"])]
                loop = _mean(children(*[words] * workers))
                _show_loops(loop, workers)
                if workers > 1:
                    found = child("--child", "joblib", json.dumps([protocol, workers, f"{stores}/{turn}-joblib"]))
                    print(f"{f'joblib, {workers} processes':{_WHO}}{_shown(found, found['working'])}")
                found = child("--child", "share", json.dumps([protocol, workers, f"{stores}/{turn}-{workers}"]))
                _show_share(found, workers, loop)
            sys.stdout.flush()


def _mean(loops: list[dict[str, float]]) -> dict[str, float]:
    return {name: sum(loop[name] for loop in loops) / len(loops) for name in loops[0]}


def _show_loops(loop: dict[str, float], workers: int) -> None:
    """Print what a loop took that was not alone; each loads for itself, and of all else has its share."""
    ready, busy = workers * loop["loading"] + loop["laying out"], loop["in jobs"]
    who = "a loop" if workers == 1 else f"{workers} loops, shared"
    print(
        f"{who:{_WHO}}{loop['jobs']:6.0f}{(ready + busy) / workers:8.2f}{'':25}{busy:9.2f}"
        f"{loop['waited'] / busy:8.1%}{ready / busy:8.1%}"
    )


def _shown(found: dict[str, float], clock: float) -> str:
    return f"{found['jobs']:6.0f}{clock:8.2f}{found['cpu']:8.2f}{found['system']:8.2f}{found['faults']:9.0f}"


def _show_share(found: dict[str, float], workers: int, loop: dict[str, float]) -> None:
    busy, wall, starting = found["in jobs"], found["working"], found["starting"]
    saving = found["saving"]
    idle = wall * workers - busy - found["ready"] - saving
    beside = saving + idle + starting * workers
    beyond = beside + found["ready"] - loop["loading"] * workers - loop["laying out"] + found["waited"] - loop["waited"]
    who = f"{workers} process{'es' if workers > 1 else ''}"
    print(
        f"{who:{_WHO}}{_shown(found, wall + starting)}{busy:9.2f}"
        f"{found['waited'] / busy:8.1%}{found['ready'] / busy:8.1%}{saving / busy:8.1%}{idle / busy:8.1%}"
        f"{starting * workers / busy:10.1%}{beside / busy:8.1%}{beyond / busy:8.1%}"
        f"{found['before']:10.2f}{found['after']:8.2f}"
    )


# ---------------------------------------------------------------------------------------------------------- resume


def resume(protocol: str, folder: Path, store: str | None) -> None:
    """Print how long ``bpbench run`` takes when everything is stored and the report is there."""
    with TemporaryDirectory(dir=folder) as place:
        words = ["run", protocol, "--store", store or f"{place}/store", "--jobs", str(WORKERS)]
        print(f"\nbpbench run {protocol}{'':20}{'s':>8}{'CPU s':>8}{'MB':>8}")
        for what in ("first run", "again", "again"):
            start = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, "-c", CONSOLE, *words], cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            _, status, used = os.wait4(process.pid, 0)
            assert status == 0
            wall, cpu = time.perf_counter() - start, used.ru_utime + used.ru_stime
            print(f"{what:{32 + len(protocol)}}{wall:8.2f}{cpu:8.2f}{used.ru_maxrss / 1024:8.0f}")
            sys.stdout.flush()


def child(*words: str) -> Any:
    """Run this file as a process of its own and return what it printed."""
    return children(words)[0]


def children(*each: Sequence[str]) -> list[Any]:
    """Run this file several times at once, each as a process of its own, and return what they printed."""
    ran = [subprocess.Popen([sys.executable, __file__, *words], stdout=subprocess.PIPE) for words in each]
    told = [process.communicate()[0] for process in ran]
    assert not any(process.returncode for process in ran)
    return [json.loads(text) for text in told]


CHILDREN: Final[dict[str, Callable[..., dict[str, float]]]] = {
    "rate": rate,
    "share": share,
    "plain": plain,
    "joblib": in_joblib,
}


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="rates, share, resume; by default all")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 20_000, 100_000])
    parser.add_argument("--skip", nargs="+", default=[], help="ways that are left out, by their names")
    parser.add_argument("--protocol", default="57vars")
    parser.add_argument("--folder", type=Path, help="where stores are made; by default that of temporary files")
    parser.add_argument("--times", type=int, default=1, help="how often share measures each way, in turn")
    parser.add_argument("--store", help="for resume, one that holds the study")
    parser.add_argument("--child", choices=list(CHILDREN))
    options = parser.parse_args()
    if options.child:
        print(json.dumps(CHILDREN[options.child](*json.loads(options.what[0]))))
        return
    for what in options.what or ("rates", "share", "resume"):
        if what == "rates":
            rates(options.sizes, options.folder, options.skip)
        elif what == "share":
            shares(options.protocol, options.folder, options.times)
        elif what == "resume":
            resume(options.protocol, options.folder, options.store)
        else:
            parser.error(f"expected rates, share or resume, found {what}")


if __name__ == "__main__":
    main()

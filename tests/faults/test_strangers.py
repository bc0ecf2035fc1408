"""Workers that cannot be trusted with the work are refused in words: another installation, another store, threads."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from clusters import cluster
from conftest import Trial
from ground import Ground, Ran, busy, ended, paced, same, until

import bpbench

pytestmark = pytest.mark.xdist_group("faults-strangers")

FAULT = "a worker with other versions of the code"


def refused(ran: Ran, sentence: str, code: int = 2) -> None:
    """Demand that a run ended with a sentence."""
    assert ran.code == code, ran.err
    assert sentence in ran.err, ran.err
    assert "Traceback" not in ran.err


def altered(folder: Path) -> str:
    """Return a folder of Python modules in which our package is another version."""
    root = Path(bpbench.__file__).parent
    shutil.copytree(root, folder / "bpbench", ignore=shutil.ignore_patterns("__pycache__"))
    file = folder / "bpbench/__init__.py"
    text = file.read_text(encoding="utf-8")
    assert f'"{bpbench.__version__}"' in text
    file.write_text(text.replace(f'"{bpbench.__version__}"', '"0.0.1"'), encoding="utf-8")
    return str(folder)


def without(folder: Path) -> str:
    """Return a folder of Python modules in which our package cannot be found."""
    (folder / "bpbench").mkdir(parents=True)
    text = "raise ModuleNotFoundError(\"No module named 'bpbench'\", name='bpbench')\n"
    (folder / "bpbench/__init__.py").write_text(text, encoding="utf-8")
    return str(folder)


def test_a_worker_with_other_versions_is_refused(
    ground: Ground, undisturbed: Ground, tried: Trial, tmp_path: Path
) -> None:
    """Both versions are named, nothing has started, and without that worker the run ends as ever."""
    with tried(FAULT, "`dask worker` with another bpbench, there from the start"), cluster(ground) as workers:
        stranger = workers.add(PYTHONPATH=altered(tmp_path / "other"))
        workers.add()
        ran = ground.run("--scheduler", workers.address)
        refused(ran, f"has bpbench 0.0.1 where the driver has {bpbench.__version__}, sources ")
        refused(ran, "install the same on both, so that a number does not depend on who made it.")
        assert ground.stored() == 0
        stranger.terminate()
        stranger.process.wait(60)
        until(lambda: workers.known() == 1, 60, "its leave")
        ran = ground.run("--scheduler", workers.address)
        assert ran.code == 0, ran.err
        same(ground, undisturbed)


@pytest.mark.slow
def test_a_worker_with_other_versions_that_joins_later_does_nothing(
    ground: Ground, undisturbed: Ground, tried: Trial, tmp_path: Path
) -> None:
    """It refuses its first job itself; the run ends with 3, and what the others have made is kept."""
    with tried(FAULT, "`dask worker` with another bpbench, joining a run"), cluster(ground) as workers:
        workers.add(**paced(3))
        workers.add(**paced(3))
        with ended(ground.start("--scheduler", workers.address)) as running:
            until(lambda: busy(workers.workers[0]), 120, "a worker at somebody's program")
            workers.workers[0].kill()
            stranger = workers.add(PYTHONPATH=altered(tmp_path / "other"))
            refused(running.ends(), f"has bpbench 0.0.1 where the driver has {bpbench.__version__}, sources ", 3)
        stranger.terminate()
        stranger.process.wait(60)
        ran = ground.run("--scheduler", workers.address)
        assert ran.code == 0, ran.err
        same(ground, undisturbed)


def test_a_worker_that_lacks_the_package_is_refused(ground: Ground, tried: Trial, tmp_path: Path) -> None:
    """It can be told what to install, which is better than a traceback of the unpickling."""
    with tried(FAULT, "`dask worker` without bpbench"), cluster(ground) as workers:
        workers.add(PYTHONPATH=without(tmp_path / "none"))
        ran = ground.run("--scheduler", workers.address)
        refused(ran, f"--scheduler: a worker of {workers.address} lacks a package (No module named 'bpbench'); install")
        assert ground.stored() == 0


def test_a_worker_with_threads_is_refused(ground: Ground, tried: Trial) -> None:
    """A process does one job at a time."""
    with tried("a cluster that does not fit", "`dask worker --nthreads 2`"), cluster(ground) as workers:
        workers.add("--nthreads", "2")
        refused(ground.run("--scheduler", workers.address), "has 2 threads, and a process does one job at a time;")
        assert ground.stored() == 0


@pytest.mark.slow
def test_a_scheduler_without_workers_is_refused(ground: Ground, tried: Trial) -> None:
    """As is an address at which nobody listens."""
    with tried("a cluster that does not fit", "no worker, and no scheduler"):
        with cluster(ground) as workers:
            ran = ground.run("--scheduler", workers.address)
            refused(ran, f"--scheduler: {workers.address} has no workers; start some with `dask worker ")
        refused(ground.run("--scheduler", workers.address), f"no Dask scheduler answers at {workers.address} (")
        assert ground.stored() == 0


@pytest.mark.slow
def test_a_worker_that_sees_another_store_does_nothing(ground: Ground, undisturbed: Ground, tried: Trial) -> None:
    """A folder of the same name on another machine, here in a mount namespace of the worker's own."""
    ground.store.mkdir(parents=True)
    private = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(ground.store))
    if subprocess.run([*private, "true"], capture_output=True, check=False).returncode:
        pytest.skip("mount namespaces are not permitted here")
    with tried("a cluster that does not fit", "a worker that sees another folder as the store"):
        with cluster(ground, "strange") as workers:
            workers.add(before=private)
            ran = ground.run("--scheduler", workers.address)
            refused(ran, f"does not see the driver's store in {ground.store}; name with --store a folder that all", 3)
            assert ground.stored() == 0
        with cluster(ground) as workers:
            workers.add()
            ran = ground.run("--scheduler", workers.address)
            assert ran.code == 0, ran.err
        same(ground, undisturbed)

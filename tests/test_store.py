"""The store: write-once, whole or not at all, several writers."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bpbench.errors import DamagedError, StoreError
from bpbench.identity import address
from bpbench.jobs import FrameSource, MakeFrames
from bpbench.runner import presence
from bpbench.runner.store import Outcome, Store

JOB = MakeFrames(FrameSource(path="a", sha256="00"))
OUTCOME = Outcome({"status": "done", "x": [1, 0.1]}, {"energy": np.arange(6.0).reshape(2, 3)})


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    """Values and arrays come back bit by bit, arrays memory-mapped and read-only."""
    store = Store(tmp_path / "store")
    assert not store.has(JOB)
    store.save(JOB, OUTCOME, lambda: {"wall_s": 1.5})
    loaded = store.load(JOB)
    assert loaded.values == OUTCOME.values
    assert isinstance(loaded.arrays["energy"], np.memmap)
    assert loaded.arrays["energy"].tobytes() == OUTCOME.arrays["energy"].tobytes()
    assert not loaded.arrays["energy"].flags.writeable
    assert store.provenance(JOB) == {"wall_s": 1.5}


def test_the_first_writer_wins(tmp_path: Path) -> None:
    """A second result for the same job is dropped without a trace and without an error."""
    store = Store(tmp_path)
    store.save(JOB, OUTCOME, dict)
    store.save(JOB, Outcome({"status": "other"}), dict)
    assert store.load(JOB).values["status"] == "done"
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_damaged_result_names_its_folder(tmp_path: Path) -> None:
    """A result with a file missing is moved aside, in a sentence that says where to and what next."""
    store = Store(tmp_path)
    store.save(JOB, OUTCOME, dict)
    (store.folder(JOB) / "energy.npy").unlink()
    what = rf"{address(JOB)} is not whole \(energy\.npy is missing\); it lies in .*/damaged/{address(JOB)}-\w+ now, and"
    with pytest.raises(DamagedError, match=rf"{what} a run of the study makes it again\.") as told:
        store.load(JOB)
    assert (told.value.address, told.value.why) == (address(JOB), "energy.npy is missing")
    assert not store.has(JOB)
    assert len(list((tmp_path / "damaged").glob(f"{address(JOB)}-*/values.json"))) == 1


def test_a_file_is_no_store(tmp_path: Path) -> None:
    """A file in the place of the store is refused."""
    (tmp_path / "x").touch()
    with pytest.raises(StoreError, match=r"The store must be a folder; .* is a file"):
        Store(tmp_path / "x")


def test_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    """What stands in the way of a folder becomes a sentence and leaves nothing behind."""
    store = Store(tmp_path)
    (tmp_path / address(JOB)[:2]).touch()
    with pytest.raises(StoreError, match="could not be written"):
        store.save(JOB, OUTCOME, dict)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_sweep_removes_what_the_dead_left(tmp_path: Path) -> None:
    """Unfinished folders of dead processes on this host go, whoever has their numbers now; all others stay."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as gone:
        pass
    host = socket.gethostname()
    names = {
        "dead": f"{presence.here()}-{gone.pid}-a",
        "alive": f"{presence.maker()}-b",
        "dead, its number used again": f"{presence.here()}-{os.getpid()}.1-b",
        "alive, by its number alone": f"{presence.here()}-{os.getpid()}-b",
        "elsewhere": f"another.host-pidns1-{gone.pid}-c",
        "another namespace": f"{host}-pidns1-{gone.pid}-d",
        "earlier version": f"{host}-{gone.pid}-e",
        "a host called alike": f"{host}-{gone.pid}-{os.getpid()}-f",
    }
    for name in names.values():
        (tmp_path / "tmp" / name).mkdir(parents=True)
    Store(tmp_path).sweep()
    assert {left.name for left in (tmp_path / "tmp").iterdir()} == {
        name for what, name in names.items() if not what.startswith("dead")
    }


def test_what_a_writer_in_a_container_makes_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its number may be that of nobody here; the names that a process gives say in which namespace it is."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as gone:
        pass
    store = Store(tmp_path)
    with monkeypatch.context() as there:
        there.setattr(os, "getpid", lambda: gone.pid)
        there.setattr(presence, "here", lambda: f"{socket.gethostname()}-pidns1")
        made = store.scratch()
    made.mkdir(parents=True)
    store.sweep()
    assert made.is_dir()


def test_a_declaration_keeps_its_first_note(tmp_path: Path) -> None:
    """The number of repeats noted when an analysis was declared first never changes; another analysis has its own."""
    store = Store(tmp_path)
    assert store.declare("what", "rule", 0) == 0
    assert store.declare("what", "rule", 10) == 0
    assert store.declare("what", "other", 10) == 10
    assert store.declare("what", "other", 20) == 10


def test_many_results_hold_no_files_open(tmp_path: Path) -> None:
    """A study holds thousands of results with a dozen arrays each, and a process may open a thousand files or fewer."""
    store = Store(tmp_path)
    jobs = [MakeFrames(FrameSource("f", str(number))) for number in range(40)]
    for job in jobs:
        store.save(job, Outcome({}, {name: np.arange(3.0) for name in "abc"}), dict)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 64
    resource.setrlimit(resource.RLIMIT_NOFILE, (held + 60, before[1]))
    try:
        outcomes = [store.load(job) for job in jobs]
        total = sum(float(outcome.arrays[name].sum()) for outcome in outcomes for name in outcome.arrays)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert total == 40 * 3 * 3.0
    assert len(outcomes[0].arrays) == 3
    with pytest.raises(KeyError):
        outcomes[0].arrays["d"]


def test_an_array_that_cannot_be_read_is_told_when_it_is_asked_for(tmp_path: Path) -> None:
    """A file that is too short is found out at once, one with other content when it is opened first."""
    store = Store(tmp_path)
    store.save(JOB, Outcome({}, {"a": np.arange(3.0)}), dict)
    path = store.folder(JOB) / "a.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    outcome = store.load(JOB)
    with pytest.raises(
        DamagedError, match=rf"{address(JOB)} is not whole \(a\.npy has other content than was written\)"
    ):
        outcome.arrays["a"]
    store.save(JOB, Outcome({}, {"a": np.arange(3.0)}), dict)
    path.write_bytes(b"")
    with pytest.raises(DamagedError, match=r"is not whole \(a\.npy has 0 bytes instead of 152\)"):
        store.load(JOB)

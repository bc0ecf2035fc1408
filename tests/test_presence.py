"""Who is at work in a store: notes of drivers, and numbers of processes that others have had before."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bpbench.errors import RequestError
from bpbench.runner import presence


def note(root: Path, where: str, pid: int, born: str) -> Path:
    """Write what a driver would."""
    path = root / "running" / f"{where}-{pid}"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"born": born, "since": "2026-01-01"}))
    return path


def test_drivers_are_seen_while_they_live(tmp_path: Path) -> None:
    """On this host by their process, whatever number it has again; elsewhere by when they were seen last."""
    assert presence.drivers(tmp_path) == []
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        here = presence.here()
        note(tmp_path, here, other.pid, presence.born(other.pid))
        assert [(driver.pid, driver.lives) for driver in presence.drivers(tmp_path)] == [(other.pid, True)]
        note(tmp_path, here, other.pid, "1")
        assert [driver.lives for driver in presence.drivers(tmp_path)] == [not presence.born(os.getpid())]
        note(tmp_path, here, other.pid, presence.born(other.pid))
        other.communicate(b"\n")
    assert [driver.lives for driver in presence.drivers(tmp_path)] == [False]
    far = note(tmp_path, "far-away.example-pidns1", 7, "1")
    assert next((each.host, each.lives) for each in presence.drivers(tmp_path)) == ("far-away.example", True)
    old = far.stat().st_mtime - presence.GONE_AFTER_S - 60
    os.utime(far, (old, old))
    assert not any(driver.lives for driver in presence.drivers(tmp_path))


def test_a_driver_says_that_it_is_there(tmp_path: Path) -> None:
    """Once, however often it begins anew within itself, and not after its end."""
    path = tmp_path / "running" / f"{presence.here()}-{os.getpid()}"
    with presence.driving(tmp_path):
        with presence.driving(tmp_path):
            assert json.loads(path.read_text())["born"] == presence.born(os.getpid())
        assert path.is_file()
        assert [driver.lives for driver in presence.drivers(tmp_path)] == [True]
        assert presence.drivers(tmp_path, but=path) == []
    assert not path.exists()


def test_a_driver_that_works_long_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its note is touched again and again."""
    monkeypatch.setattr(presence, "_SEEN_EVERY_S", 0.01)
    path = tmp_path / "running" / f"{presence.here()}-{os.getpid()}"
    with presence.driving(tmp_path):
        os.utime(path, (0, 0))
        for _ in range(1000):
            if path.stat().st_mtime > 1:
                break
            subprocess.run(["sleep", "0.01"], check=True)
        assert path.stat().st_mtime > 1


def dead() -> int:
    """Return the number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as gone:
        pass
    return gone.pid


@pytest.mark.parametrize("where", [f"{socket.gethostname()}-pidns1", socket.gethostname()], ids=["other", "unsaid"])
def test_of_another_namespace_numbers_say_nothing(tmp_path: Path, where: str) -> None:
    """A driver in a container, or of an earlier version that said no namespace, lives while it is seen."""
    path = note(tmp_path, where, dead(), "1")
    (found,) = presence.drivers(tmp_path)
    assert (found.host.split(" ")[0], found.lives, found.clears) == (socket.gethostname(), True, False)
    assert found.host.endswith(" in another PID namespace, as of a container") == where.endswith("pidns1")
    assert not presence.ended(path.name)
    old = path.stat().st_mtime - presence.GONE_AFTER_S - 60
    os.utime(path, (old, old))
    assert [driver.lives for driver in presence.drivers(tmp_path)] == [False]


def test_hosts_are_told_apart_whole() -> None:
    """A host may be called as another with a number behind; only a dead process of this very place has ended."""
    gone = dead()
    assert presence.ended(f"{presence.here()}-{gone}")
    assert not presence.ended(presence.maker())
    assert presence.ended(f"{presence.here()}-{os.getpid()}.1")
    assert not presence.ended(f"{presence.here()}-{os.getpid()}")
    assert not presence.ended(f"{socket.gethostname()}-{gone}-pidns1-{gone}")
    assert not presence.ended(f"{presence.here()}-{gone}-{gone}")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="The system does not say what state processes are in.")
def test_a_process_that_nobody_took_note_of_has_ended() -> None:
    """Who started it may never ask how it ended, as the first process of some containers; it keeps its number then."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as gone:
        while presence._told(gone.pid)[:1] != ["Z"]:
            time.sleep(0.01)
        assert presence.ended(f"{presence.here()}-{gone.pid}.{presence.born(gone.pid)}")


def test_a_note_that_nobody_may_read_counts(tmp_path: Path) -> None:
    """Its name says who works, and the file's time since when; what is no note is left out."""
    path = note(tmp_path, presence.here(), os.getpid(), "")
    path.write_bytes(b"\xff")
    (path.parent / ".clock-7").touch()
    (path.parent / "notes").touch()
    (found,) = presence.drivers(tmp_path)
    assert (found.pid, found.lives) == (os.getpid(), True)
    assert found.since.endswith("+00:00")


REFUSED = r"""
The store {root} is being cleared up by `bpbench data gc --delete`: process {pid} on {host}, since 2\S+\. Nothing was
started; wait for its end and give the same command again, or remove {path} if it is gone\.
"""


def refused(root: Path, path: Path, host: str, pid: int) -> str:
    """Return the sentence that a driver is refused with."""
    return " ".join(REFUSED.split()).format(root=root, path=path, host=host, pid=pid)


def test_no_driver_begins_while_somebody_clears_up(tmp_path: Path) -> None:
    """Here while that process lives, elsewhere while it was seen within a day; and its own note is taken back."""
    running = tmp_path / "running"
    with presence.clearing(tmp_path):
        path = running / f"{presence.here()}-clears-{os.getpid()}"
        what = refused(tmp_path, path, socket.gethostname(), os.getpid())
        with pytest.raises(RequestError, match=what), presence.driving(tmp_path):
            pytest.fail("It began.")
        assert list(running.iterdir()) == [path]
    assert list(running.iterdir()) == []
    note(tmp_path, f"{presence.here()}-clears", dead(), "1")
    far = note(tmp_path, "far-away.example-pidns1-clears", 7, "1")
    with (
        pytest.raises(RequestError, match=refused(tmp_path, far, r"far-away\.example", 7)),
        presence.driving(tmp_path),
    ):
        pytest.fail("It began.")
    old = far.stat().st_mtime - presence.GONE_AFTER_S - 60
    os.utime(far, (old, old))
    with presence.driving(tmp_path):
        assert len(list(running.iterdir())) == 3


def test_a_driver_that_works_is_not_disturbed(tmp_path: Path) -> None:
    """Whoever begins to clear up beside it sees its note and gives way, be it within the same moment."""
    with presence.driving(tmp_path), presence.clearing(tmp_path) as own, presence.driving(tmp_path):
        assert [driver.clears for driver in presence.drivers(tmp_path, but=own)] == [False]

"""Who uses a store: studies are enrolled, let go and found again; drivers are seen while they live."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bpbench.errors import RequestError
from bpbench.runner import registry
from bpbench.runner.registry import Enrolled

STUDY = Enrolled("d" * 64, "study", "study.yaml", quick=False, jobs=frozenset({"a", "b"}))


def test_a_study_is_enrolled_as_its_jobs_become_known(tmp_path: Path) -> None:
    """What strategies ask for is added; when all is known, the rest is what it needed before."""
    assert registry.enrol(tmp_path, STUDY)
    registry.enrol(tmp_path, replace(STUDY, jobs=frozenset({"c"})))
    (found,) = registry.studies(tmp_path)
    assert (found.jobs, found.former) == ({"a", "b", "c"}, frozenset())
    assert (found.name, found.file, found.quick, found.digest) == ("study", "study.yaml", False, "d" * 64)
    assert found.last_run.endswith("+00:00")
    registry.enrol(tmp_path, replace(STUDY, jobs=frozenset({"b", "c"})), whole=True)
    (found,) = registry.studies(tmp_path)
    assert (found.jobs, found.former) == ({"b", "c"}, {"a"})
    registry.enrol(tmp_path, replace(STUDY, jobs=frozenset({"a"})))
    (found,) = registry.studies(tmp_path)
    assert (found.jobs, found.former) == ({"a", "b", "c"}, frozenset())


def test_a_note_that_says_it_already_is_left_alone(tmp_path: Path) -> None:
    """Resuming a finished study does not write its addresses again and again."""
    registry.enrol(tmp_path, STUDY)
    path = tmp_path / "studies" / f"{STUDY.digest}.json"
    note = json.loads(path.read_text())
    before = path.stat().st_ino
    registry.enrol(tmp_path, replace(STUDY, jobs=frozenset({"a"})))
    now = json.loads(path.read_text())
    if now["last_run"][:16] == note["last_run"][:16]:  # else the minute was over
        assert path.stat().st_ino == before
    note["last_run"] = "2020-01-01T00:00:00+00:00"
    path.write_text(json.dumps(note))
    registry.enrol(tmp_path, replace(STUDY, jobs=frozenset({"a"})))
    assert json.loads(path.read_text())["last_run"] > "2026"


def test_a_note_that_is_damaged_is_told_and_made_anew(tmp_path: Path) -> None:
    """It is no study, and it is not overlooked."""
    registry.enrol(tmp_path, STUDY)
    path = tmp_path / "studies" / f"{STUDY.digest}.json"
    path.write_text("{")
    assert (registry.studies(tmp_path), registry.unreadable(tmp_path)) == ([], [path])
    registry.enrol(tmp_path, STUDY)
    assert (len(registry.studies(tmp_path)), registry.unreadable(tmp_path)) == (1, [])


def test_a_study_is_found_by_name_or_digest(tmp_path: Path) -> None:
    """Of several of one name the digest says which; a name that nobody has is refused with the nearest."""
    registry.enrol(tmp_path, STUDY)
    assert registry.find(tmp_path, "study").digest == STUDY.digest
    registry.enrol(tmp_path, replace(STUDY, digest="e" * 64, quick=True))
    assert registry.find(tmp_path, "eeeeee").digest == "e" * 64
    with pytest.raises(
        RequestError, match=r"2 studies are called 'study'; say which by its digest: d{10} \(2.*, e{10} \(quick"
    ):
        registry.find(tmp_path, "study")
    with pytest.raises(RequestError, match=r"no study 'stuby' uses the store .*; did you mean 'study'\?"):
        registry.find(tmp_path, "stuby")
    with pytest.raises(RequestError, match=r"no study 'any' uses the store [^;]*\."):
        registry.find(tmp_path / "none", "any")


def test_a_study_that_was_let_go_comes_back_when_it_is_run(tmp_path: Path) -> None:
    """Until its results are removed it is remembered what it needed."""
    registry.enrol(tmp_path, STUDY)
    registry.forget(tmp_path, STUDY)
    assert registry.studies(tmp_path) == []
    assert [study.jobs for study in registry.studies(tmp_path, forgotten=True)] == [{"a", "b"}]
    registry.enrol(tmp_path, replace(STUDY, jobs=frozenset({"c"})))
    assert [study.jobs for study in registry.studies(tmp_path)] == [{"a", "b", "c"}]
    assert registry.studies(tmp_path, forgotten=True) == []


def note(root: Path, where: str, pid: int, born: str) -> Path:
    """Write what a driver would."""
    path = root / "running" / f"{where}-{pid}"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"born": born, "since": "2026-01-01"}))
    return path


def test_drivers_are_seen_while_they_live(tmp_path: Path) -> None:
    """On this host by their process, whatever number it has again; elsewhere by when they were seen last."""
    assert registry.drivers(tmp_path) == []
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        here = registry.here()
        note(tmp_path, here, other.pid, registry.born(other.pid))
        assert [(driver.pid, driver.lives) for driver in registry.drivers(tmp_path)] == [(other.pid, True)]
        note(tmp_path, here, other.pid, "1")
        assert [driver.lives for driver in registry.drivers(tmp_path)] == [not registry.born(os.getpid())]
        note(tmp_path, here, other.pid, registry.born(other.pid))
        other.communicate(b"\n")
    assert [driver.lives for driver in registry.drivers(tmp_path)] == [False]
    far = note(tmp_path, "far-away.example-pidns1", 7, "1")
    assert next((each.host, each.lives) for each in registry.drivers(tmp_path)) == ("far-away.example", True)
    old = far.stat().st_mtime - registry.GONE_AFTER_S - 60
    os.utime(far, (old, old))
    assert not any(driver.lives for driver in registry.drivers(tmp_path))


def test_a_driver_says_that_it_is_there(tmp_path: Path) -> None:
    """Once, however often it begins anew within itself, and not after its end."""
    path = tmp_path / "running" / f"{registry.here()}-{os.getpid()}"
    with registry.driving(tmp_path):
        with registry.driving(tmp_path):
            assert json.loads(path.read_text())["born"] == registry.born(os.getpid())
        assert path.is_file()
        assert [driver.lives for driver in registry.drivers(tmp_path)] == [True]
        assert registry.drivers(tmp_path, but=path) == []
    assert not path.exists()


def test_a_driver_that_works_long_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its note is touched again and again."""
    monkeypatch.setattr(registry, "_SEEN_EVERY_S", 0.01)
    path = tmp_path / "running" / f"{registry.here()}-{os.getpid()}"
    with registry.driving(tmp_path):
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
    (found,) = registry.drivers(tmp_path)
    assert (found.host.split(" ")[0], found.lives, found.clears) == (socket.gethostname(), True, False)
    assert found.host.endswith(" in another PID namespace, as of a container") == where.endswith("pidns1")
    assert not registry.ended(path.name)
    old = path.stat().st_mtime - registry.GONE_AFTER_S - 60
    os.utime(path, (old, old))
    assert [driver.lives for driver in registry.drivers(tmp_path)] == [False]


def test_hosts_are_told_apart_whole() -> None:
    """A host may be called as another with a number behind; only a dead process of this very place has ended."""
    gone = dead()
    assert registry.ended(f"{registry.here()}-{gone}")
    assert not registry.ended(registry.maker())
    assert registry.ended(f"{registry.here()}-{os.getpid()}.1")
    assert not registry.ended(f"{registry.here()}-{os.getpid()}")
    assert not registry.ended(f"{socket.gethostname()}-{gone}-pidns1-{gone}")
    assert not registry.ended(f"{registry.here()}-{gone}-{gone}")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="The system does not say what state processes are in.")
def test_a_process_that_nobody_took_note_of_has_ended() -> None:
    """Who started it may never ask how it ended, as the first process of some containers; it keeps its number then."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as gone:
        while registry._told(gone.pid)[:1] != ["Z"]:
            time.sleep(0.01)
        assert registry.ended(f"{registry.here()}-{gone.pid}.{registry.born(gone.pid)}")


def test_a_note_that_nobody_may_read_counts(tmp_path: Path) -> None:
    """Its name says who works, and the file's time since when; what is no note is left out."""
    path = note(tmp_path, registry.here(), os.getpid(), "")
    path.write_bytes(b"\xff")
    (path.parent / ".clock-7").touch()
    (path.parent / "notes").touch()
    (found,) = registry.drivers(tmp_path)
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
    with registry.clearing(tmp_path):
        path = running / f"{registry.here()}-clears-{os.getpid()}"
        what = refused(tmp_path, path, socket.gethostname(), os.getpid())
        with pytest.raises(RequestError, match=what), registry.driving(tmp_path):
            pytest.fail("It began.")
        assert list(running.iterdir()) == [path]
    assert list(running.iterdir()) == []
    note(tmp_path, f"{registry.here()}-clears", dead(), "1")
    far = note(tmp_path, "far-away.example-pidns1-clears", 7, "1")
    with (
        pytest.raises(RequestError, match=refused(tmp_path, far, r"far-away\.example", 7)),
        registry.driving(tmp_path),
    ):
        pytest.fail("It began.")
    old = far.stat().st_mtime - registry.GONE_AFTER_S - 60
    os.utime(far, (old, old))
    with registry.driving(tmp_path):
        assert len(list(running.iterdir())) == 3


def test_a_driver_that_works_is_not_disturbed(tmp_path: Path) -> None:
    """Whoever begins to clear up beside it sees its note and gives way, be it within the same moment."""
    with registry.driving(tmp_path), registry.clearing(tmp_path) as own, registry.driving(tmp_path):
        assert [driver.clears for driver in registry.drivers(tmp_path, but=own)] == [False]

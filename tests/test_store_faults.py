"""The store on a full disk, on one that may only be read, and where one may not look."""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import small_study
from small_study import Here, here

from bpbench import study
from bpbench.errors import DamagedError, ReadOnlyError, RequestError, StoreError
from bpbench.jobs import FrameSource, MakeFrames
from bpbench.protocol import load
from bpbench.runner import integrity, presence
from bpbench.runner.registry import Enrolled
from bpbench.runner.store import Outcome, Store

__all__ = ["here"]

JOB = MakeFrames(FrameSource(path="a", sha256="00"))
NOBODY = 65534


def mount(*words: str) -> None:
    """Mount something, or skip the test with the reason."""
    done = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"Nothing can be mounted here: {done.stderr.strip()}")


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Have a folder for reading alone, as root too, who ignores permissions."""
    mount("--bind", str(folder), str(folder))
    try:
        mount("-o", "remount,ro,bind", str(folder))
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)  # arrays may still be mapped


@contextmanager
def nobody() -> Iterator[None]:
    """Be a user without privileges for a while."""
    if os.getuid():
        yield
        return
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Give a folder that everybody may reach and write, which those of tests are not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", ["arrays", "plain", "finish"])
def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, call: str) -> None:
    """Whatever was to be written: nothing is left of it, and the same command goes on."""

    def full(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(integrity.Writer, call, full)
    what = (
        rf"is full \({os.strerror(code)}\), and the result of a job could not be kept\. Make space \(`bpbench data gc`"
    )
    with pytest.raises(StoreError, match=rf"The disk of the store .* {what} .*, and the same command goes on\."):
        Store(tmp_path).save(JOB, Outcome({}, {"a": np.arange(3)}), dict)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_disk_that_is_full_indeed(tmp_path: Path) -> None:
    """An array that does not fit is told with the system's own reason; after space is made it is kept."""
    mount("-t", "tmpfs", "-o", "size=300k", "tmpfs", str(tmp_path))
    try:
        store = Store(tmp_path / "store")
        filler = tmp_path / "filler"
        filler.write_bytes(bytes(200_000))
        outcome = Outcome({"status": "done"}, {"a": np.zeros(20_000)})
        with pytest.raises(StoreError, match=r"is full \(No space left on device\)"):
            store.save(JOB, outcome, dict)
        assert list((tmp_path / "store" / "tmp").iterdir()) == []
        filler.unlink()
        store.save(JOB, outcome, dict)
        assert store.load(JOB).arrays["a"].sum() == 0.0
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_a_store_for_reading_alone(tmp_path: Path) -> None:
    """What is stored is loaded and what is noted is read; nothing is written, made or moved."""
    store = Store(tmp_path / "store")
    other = MakeFrames(FrameSource(path="a", sha256="01"))
    for job in (JOB, other):
        store.save(job, Outcome({"status": "done"}, {"a": np.arange(3)}), dict)
    (store.folder(other) / "values.json").write_text("?")
    assert store.declare("key", "rule", 3) == 3
    with read_only(store.root):
        assert store.load(JOB).arrays["a"].sum() == 3
        assert store.declare("key", "rule", 9) == 3
        store.sweep()
        store.require_writable(0)
        assert not store.enrol(Enrolled("d", "study", "file", quick=False))
        with store.driving():
            assert not (store.root / "running").exists()
        with pytest.raises(OSError, match="Read-only file system"), presence.clearing(store.root):
            pytest.fail("It began.")
        with pytest.raises(
            ReadOnlyError, match=r"may only be read, and 1 result is missing in it; nothing was started\."
        ):
            store.require_writable(1)
        with pytest.raises(ReadOnlyError, match=r"and 2 results are missing in it; .* Copy it, and name the copy with"):
            store.require_writable(2)
        with pytest.raises(
            ReadOnlyError, match=r"This analysis was not declared in the store .* may only be read; nothing"
        ):
            store.declare("key", "another", 9)
        with pytest.raises(
            StoreError, match=r"is not whole .*cannot be moved aside \(Read-only.*\); remove that folder"
        ) as told:
            store.load(other)
        assert not isinstance(told.value, DamagedError)
        with pytest.raises(
            StoreError, match=r"could not be written to .* \(Read-only file system\); name a store that you"
        ):
            store.save(MakeFrames(FrameSource(path="a", sha256="02")), Outcome({}), dict)


def test_a_store_for_reading_alone_that_somebody_clears_up(tmp_path: Path) -> None:
    """Whoever may write it somewhere else removes results just now, or did so long ago, or works there."""
    store = Store(tmp_path / "store")
    running = store.root / "running"
    running.mkdir(parents=True)
    (running / "far-pidns1-7").write_text("{}")
    with read_only(store.root), store.driving():
        pass
    note = running / "far-pidns1-clears-7"
    note.write_text("{}")
    with (
        read_only(store.root),
        pytest.raises(RequestError, match=r"is being cleared up .*: process 7 on far, since .*\. Nothing was started;"),
        store.driving(),
    ):
        pytest.fail("It began.")
    old = note.stat().st_mtime - presence.GONE_AFTER_S - 60
    os.utime(note, (old, old))
    with read_only(store.root), store.driving():
        pass
    running.chmod(0)
    with nobody(), store.driving():  # who may not even look
        pass
    running.chmod(0o755)


def test_who_clears_up_a_full_disk_is_seen(tmp_path: Path) -> None:
    """Its note has no room for a word, and its name says enough."""
    mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path))
    try:
        with suppress(OSError):
            (tmp_path / "filler").write_bytes(bytes(200_000))
        with presence.clearing(tmp_path) as own:
            assert own is not None
            assert own.read_text() == ""
            what = rf"is being cleared up .*: process {os.getpid()} on \S+, since 2\S+\. Nothing was started; wait"
            with pytest.raises(RequestError, match=what), presence.driving(tmp_path):
                pytest.fail("It began.")
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_permissions_without_privileges(open_folder: Path) -> None:
    """A store of somebody else's is read; a shelf that may not be looked into is named."""
    store = Store(open_folder / "store")
    store.save(JOB, Outcome({"status": "done"}), dict)
    shelf = store.folder(JOB).parent
    jobs = (MakeFrames(FrameSource(path="a", sha256=str(number))) for number in range(10_000))
    many = [job for job in jobs if store.folder(job).parent == shelf]
    store.root.chmod(0o555)
    try:
        with nobody():
            assert store.load(JOB).values == {"status": "done"}
            with pytest.raises(ReadOnlyError, match="may only be read, and 1 result is missing"):
                store.require_writable(1)
        shelf.chmod(0)
        with nobody():
            acts: tuple[Callable[[], object], ...] = (
                lambda: store.has(JOB),
                lambda: store.load(JOB),
                lambda: store.present([JOB]),
                lambda: store.present(many),
            )
            for act in acts:
                with pytest.raises(StoreError, match=r"may not be read \(Permission denied\); ask the store's owner"):
                    act()
    finally:
        shelf.chmod(0o755)
        store.root.chmod(0o755)


def test_a_file_where_a_folder_belongs_is_named(tmp_path: Path) -> None:
    """Neither the shelf of a result nor the folder of unfinished ones may be a file."""
    for name in ("tmp", Store(tmp_path).folder(JOB).parent.name):
        root = tmp_path / f"store-{name}"
        root.mkdir()
        (root / name).touch()
        with pytest.raises(
            StoreError, match=rf"store-{name}/{name} is a file and should be a folder; remove it, and the"
        ):
            Store(root).save(JOB, Outcome({}), dict)
        assert not Store(root).has(JOB)


def test_a_note_that_says_nothing_is_named(tmp_path: Path) -> None:
    """As after a power cut; the analysis is not taken for one that was declared before everything."""
    store = Store(tmp_path)
    store.declare("key", "rule", 3)
    (tmp_path / "declared" / "key" / "rule").write_text("")
    with pytest.raises(
        StoreError, match=r"The note .*/declared/key/rule should say how many .* does not; remove it, and"
    ):
        store.declare("key", "rule", 5)


def test_a_finished_study_is_reported_from_a_store_for_reading_alone(here: Here) -> None:
    """Nothing is written where nothing is missing; where something is, the study is refused before anything starts."""
    text = small_study.write(here.folder, trees=2, more="quick: {repeats: 2}").read_text()
    store = Store("store")
    study.conduct(study.prepare(load(Path("small.yaml")), store), store)
    run = ("run", "small.yaml", "--store", "store", "--jobs", "1")
    with read_only(here.folder / "store"):
        code, out, err = here(*run)
        assert (code, "Report: reports/small-" in out) == (3, True)  # 'wild' diverges, as it should
        assert "may only be read" not in err
        (here.folder / "small.yaml").write_text(text.replace("repeats: 8", "repeats: 9"))
        code, _, err = here(*run)
        assert code == 2
        assert "This analysis was not declared in the store" in err
        (here.folder / "small.yaml").write_text(text + "seed: 4\n")
        code, _, err = here(*run, "--quick")
        assert code == 2
        assert "results are missing in it; nothing was started" in err

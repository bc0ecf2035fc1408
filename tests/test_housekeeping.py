"""``bpbench data verify``, ``usage`` and ``gc``: what is damaged, what takes space, what goes and what stays."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_study
from small_study import Here, here
from test_integrity import older

from bpbench import study
from bpbench.cli_store import size
from bpbench.errors import RequestError, StoreError
from bpbench.identity import address
from bpbench.jobs import FrameSource, MakeFrames, Ping
from bpbench.protocol import load
from bpbench.runner import execute, housekeeping, presence, registry
from bpbench.runner.executed import Executed
from bpbench.runner.housekeeping import clearing
from bpbench.runner.registry import Enrolled
from bpbench.runner.store import Outcome, Store

__all__ = ["here"]

JOBS = tuple(MakeFrames(FrameSource(path="a", sha256=f"{number:02}")) for number in range(6))
EARLIER = (
    "Earlier versions kept no note of their studies: run those again that should be kept, which takes seconds, and "
    "delete the rest with --delete --unknown."
)
NAMES = tuple(address(job) for job in JOBS)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return a store of six results: two studies need 0 to 2 and 2 to 3, one needed 4 before, nobody knows of 5."""
    made = Store(tmp_path / "store")
    for number, job in enumerate(JOBS):
        made.save(job, Outcome({"status": "done"}, {"a": np.arange(100 * (number + 1))}), lambda: {"wall_s": 1.0})
    made.enrol(Enrolled("1" * 64, "first", "first.yaml", quick=False, jobs=frozenset([*NAMES[:3], NAMES[4]])))
    made.enrol(Enrolled("1" * 64, "first", "first.yaml", quick=False, jobs=frozenset(NAMES[:3])), whole=True)
    made.enrol(Enrolled("2" * 64, "second", "second.yaml", quick=True, jobs=frozenset([*NAMES[2:4], "f" * 64])))
    return made


def there(store: Store) -> list[int]:
    """Return the numbers of the jobs whose results are stored."""
    return [number for number, job in enumerate(JOBS) if store.has(job)]


def test_a_whole_store_is_sound(store: Store, here: Here) -> None:
    """Every result is counted, those of earlier versions besides."""
    older(store.folder(JOBS[0]))
    code, told = here.json("data", "verify", "--store", str(store.root))
    assert code == 0
    assert (told["results"], told["whole"], told["without_sums"], told["sound"]) == (6, 6, 1, True)
    code, out, _ = here("data", "verify", "--store", str(store.root))
    assert code == 0
    assert out.splitlines() == [
        f"{store.root}: 6 results, 6 whole.",
        "1 result of an earlier version, without sums: only the structure could be checked.",
    ]


def flip(path: Path) -> None:
    """Change the last byte of a file."""
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def other_job(folder: Path) -> None:
    """Give an older result the question of another job."""
    older(folder)
    asked = json.loads((folder / "job.json").read_text())
    (folder / "job.json").write_text(json.dumps({**asked, "version": 77}))


DAMAGES: tuple[tuple[Callable[[Path], Any], str], ...] = (
    (lambda folder: flip(folder / "a.npy"), "a.npy has other content than was written"),
    (lambda folder: flip(folder / "job.json"), "job.json has other content than was written"),
    (lambda folder: (folder / "values.json").unlink(), "values.json is missing"),
    (lambda folder: (folder / "sums.json").unlink(), "sums.json is missing"),
    (other_job, "job.json is that of the job "),
)


@pytest.mark.parametrize(("damage", "why"), DAMAGES, ids=[why for _, why in DAMAGES])
def test_damage_is_told_and_moved_aside(store: Store, here: Here, damage: Callable[[Path], Any], why: str) -> None:
    """Exit 3 and the folder with the reason; with --repair it is moved, and the store is sound."""
    folder = store.folder(JOBS[1])
    damage(folder)
    words = ("data", "verify", "--store", str(store.root))
    code, told = here.json(*words)
    assert code == 3
    ((path, found),) = [each.values() for each in told["damaged"]]
    assert path == str(folder)
    assert found.startswith(why)
    code, out, _ = here(*words)
    assert code == 3
    assert f"Damaged: {folder}: {why}" in out
    assert out.splitlines()[-1].startswith("Say --repair to move what is damaged aside; a study that needs it makes it")
    code, out, _ = here(*words, "--repair")
    assert code == 3
    assert f"1 damaged item moved to {store.root}/damaged; the studies that need" in out
    assert there(store) == [0, 2, 3, 4, 5]
    assert here(*words)[0] == 0


def test_a_damaged_provenance_costs_no_result(store: Store, here: Here) -> None:
    """It is told; to repair moves it alone."""
    folder = store.folder(JOBS[1])
    flip(folder / "provenance.json")
    words = ("data", "verify", "--store", str(store.root))
    code, out, _ = here(*words, "--repair")
    assert code == 3
    assert f"Damaged: where {folder} was made, of which nothing depends; the result is whole." in out
    assert here(*words)[0] == 0
    assert len(there(store)) == 6
    assert store.load(JOBS[1]).values == {"status": "done"}


def test_what_is_not_ours_is_named_and_left(store: Store, here: Here) -> None:
    """Foreign files and folders anywhere; what a network file system leaves is none, nor a run being recorded."""
    folder = store.folder(JOBS[1])
    foreign = [store.root / "notes.txt", store.root / "zz", folder.parent / "backup", folder / "copy.npy"]
    recording = store.root / "track" / "smoke-1-0123456789ab"
    for path in (*foreign[1:3], recording):
        path.mkdir(parents=True)
    for path in (foreign[0], foreign[3], folder / ".nfs0001", recording.with_suffix(".lock")):
        path.touch()
    code, told = here.json("data", "verify", "--store", str(store.root))
    assert code == 0
    assert sorted(each["path"] for each in told["not_ours"]) == sorted(map(str, foreign))
    _, out, _ = here("data", "verify", "--store", str(store.root))
    assert f"Not ours: {foreign[0]}." in out
    housekeeping.collect(store, delete=True, unknown=True)
    assert all(path.exists() for path in foreign)


def test_what_cannot_be_moved_is_a_sentence(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a store that may only be read."""
    flip(store.folder(JOBS[1]) / "a.npy")

    def refused(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Store, "set_aside", refused)
    with pytest.raises(
        StoreError, match=r"cannot be moved aside \(Read-only file system\); repair the store where it may"
    ):
        housekeeping.verify(store, repair=True)


def bytes_of(store: Store, *numbers: int) -> int:
    """Return the bytes of some results, counted by hand."""
    return sum(
        path.stat().st_size for number in numbers for path in store.folder(JOBS[number]).iterdir() if path.is_file()
    )


def test_usage_counts_shared_results_once(store: Store, here: Here) -> None:
    """Each study with all that it needs and what it needs alone; kinds and the total count every result once."""
    store.save(Ping(1), Outcome({}), dict)
    ping = sum(path.stat().st_size for path in store.folder(Ping(1)).iterdir())
    code, told = here.json("data", "usage", "--store", str(store.root))
    assert code == 0
    everything = bytes_of(store, *range(6))
    assert told["kinds"] == {
        "MakeFrames": {"results": 6, "bytes": everything},
        "Ping": {"results": 1, "bytes": ping},
    }
    assert told["total"] == {"results": 7, "bytes": everything + ping}
    first, second = told["studies"]
    assert (first["protocol"], first["quick"], first["missing"]) == ("first", False, 0)
    assert first["needed"] == {"results": 3, "bytes": bytes_of(store, 0, 1, 2)}
    assert first["alone"] == {"results": 2, "bytes": bytes_of(store, 0, 1)}
    assert (second["needed"]["results"], second["alone"]["bytes"], second["missing"]) == (2, bytes_of(store, 3), 1)
    assert told["shared"] == {"results": 1, "bytes": bytes_of(store, 2)}
    assert told["let_go"] == {"results": 1, "bytes": bytes_of(store, 4)}
    assert told["unknown"] == {"results": 2, "bytes": bytes_of(store, 5) + ping}
    _, out, _ = here("data", "usage", "--store", str(store.root))
    lines = out.splitlines()
    assert not any("tracking" in line for line in lines)
    recording = store.root / "track" / "smoke-1-0123456789ab" / "00"
    recording.mkdir(parents=True)
    (recording / "values.json").write_bytes(bytes(1234))
    code, after = here.json("data", "usage", "--store", str(store.root))
    assert (code, after) == (0, {**told, "recordings_bytes": 1234})
    _, out, _ = here("data", "usage", "--store", str(store.root))
    where = f"1.23 kB in {store.root}/track, which may go where nobody means to record them to their ends."
    assert out.splitlines()[-1] == f"Of runs that are recorded for tracking and have not ended: {where}"
    assert lines[2].split() == ["kind", "results", "size"]
    assert lines[3].split()[:2] == ["frames", "6"]
    assert any(line.startswith("second (quick)") for line in lines)
    assert f"Shared by several studies, and counted once here: 1 result, {size(bytes_of(store, 2))}." in lines


def test_nothing_is_deleted_unless_that_is_said(store: Store, here: Here) -> None:
    """What would go is told with its size, and what nobody knows of stays."""
    code, out, _ = here("data", "gc", "--store", str(store.root))
    assert code == 0
    assert out.splitlines() == [
        f"{store.root}: 4 results, {size(bytes_of(store, 0, 1, 2, 3))} needed by the studies that are kept.",
        f"Would go, as no kept study needs it: 1 result, {size(bytes_of(store, 4))}.",
        f"Stays, as nobody knows who needs it: 1 result, {size(bytes_of(store, 5))}. {EARLIER}",
        "Nothing was deleted; say --delete to do it.",
    ]
    assert there(store) == [0, 1, 2, 3, 4, 5]


def test_what_no_kept_study_needs_goes(store: Store, here: Here) -> None:
    """And nothing else, unless that is said too; unfinished and damaged things go as well."""
    flip(store.folder(JOBS[0]) / "a.npy")
    housekeeping.verify(store, repair=True)
    words = ("data", "gc", "--store", str(store.root), "--delete")
    code, told = here.json(*words)
    assert (code, told["deleted"], told["let_go"]["results"], told["unknown"]["results"]) == (0, "let go", 1, 1)
    assert there(store) == [1, 2, 3, 5]
    assert told["damaged_bytes"] > 0
    assert list((store.root / "damaged").iterdir()) == list((store.root / "tmp").iterdir()) == []
    assert [each.former for each in registry.studies(store.root)] == [frozenset(), frozenset()]
    code, out, _ = here(*words, "--unknown")
    assert code == 0
    assert "Deleted, although nobody knows who needs it: 1 result, " in out
    assert there(store) == [1, 2, 3]


def test_a_study_is_let_go(store: Store, here: Here) -> None:
    """What it alone needed goes with it; without --delete it stays enrolled."""
    words = ("data", "gc", "--store", str(store.root), "--forget", "first")
    code, out, _ = here(*words)
    assert code == 0
    assert "first (1111111111) is let go." in out
    assert f"Would go, as no kept study needs it: 3 results, {size(bytes_of(store, 0, 1, 4))}." in out
    assert len(registry.studies(store.root)) == 2
    code, out, _ = here(*words, "--delete")
    assert code == 0
    assert "first (1111111111) was let go." in out
    assert there(store) == [2, 3, 5]
    assert [each.name for each in registry.studies(store.root)] == ["second"]
    assert registry.studies(store.root, forgotten=True) == []
    code, _, err = here(*words)
    assert code == 2
    assert f"--forget: no study 'first' uses the store {store.root}" in err


def test_nothing_is_deleted_beside_a_driver(store: Store, here: Here) -> None:
    """One that lives on this host, or that another host was seen with; of those that are gone the note goes."""
    words = ("data", "gc", "--store", str(store.root), "--delete")
    running = store.root / "running"
    running.mkdir()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        path = running / f"{presence.here()}-{other.pid}"
        path.write_text(json.dumps({"born": presence.born(other.pid), "since": "2026-11-27T00:00:00+00:00"}))
        code, _, err = here(*words)
        assert code == 2
        assert (
            f"A driver works in the store {store.root}: process {other.pid} on {socket.gethostname()}, since 2026"
            in err
        )
        wait = f"wait for its end and give the same command again, or remove {path} if it is gone."
        assert f". Nothing was deleted; {wait}" in err
        other.communicate(b"\n")
    far = running / "far-pidns1-clears-7"
    far.write_text("{}")
    code, _, err = here(*words)
    assert code == 2
    assert f"The store {store.root} is being cleared up by `bpbench data gc --delete`: process 7 on far, since 2" in err
    assert ". Nothing was deleted; wait for its end and give the same" in err
    assert there(store) == [0, 1, 2, 3, 4, 5]
    old = far.stat().st_mtime - presence.GONE_AFTER_S - 60
    os.utime(far, (old, old))
    assert here(*words)[0] == 0
    assert list(running.iterdir()) == []


def run_small(store: Store, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the quick version of the small study in a process of its own."""
    command = [sys.executable, "-m", "bpbench.cli", "run", "small.yaml", "--quick", "--jobs", "1"]
    return subprocess.run([*command, "--store", str(store.root), *words], capture_output=True, text=True, check=False)


def test_no_study_begins_while_results_are_deleted(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its results would be among those that go; after the end it runs, and everything is made anew."""
    small_study.write(here.folder, trees=2, more="quick: {repeats: 2}")
    store = Store(here.folder / "store")
    study.conduct(study.prepare(load(Path("small.yaml"), quick=True), store), store)
    take_away, ran = clearing._take_away, []

    def beside(store: Store, path: Path) -> None:
        if not ran:
            ran.append(run_small(store))
        take_away(store, path)

    monkeypatch.setattr(clearing, "_take_away", beside)
    housekeeping.collect(store, forget="small", delete=True)
    (other,) = ran
    note = store.root / "running" / f"{presence.here()}-clears-{os.getpid()}"
    told = f"by `bpbench data gc --delete`: process {os.getpid()} on {socket.gethostname()}, since 2"
    assert other.returncode == 2
    assert f"bpbench: The store {store.root} is being cleared up {told}" in other.stderr
    wait = f"wait for its end and give the same command again, or remove {note} if it is gone."
    assert f". Nothing was started; {wait}" in other.stderr
    assert (list(housekeeping.results(store.root)), registry.studies(store.root)) == ([], [])
    assert run_small(store).returncode == 3  # 'wild' diverges, as it should
    (share,) = housekeeping.usage(store).shares
    assert share.missing == 0


def test_of_two_at_once_at_least_one_gives_way(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each says first that it is there and looks then, whatever the other does meanwhile."""
    drivers, running = presence.drivers, store.root / "running"

    def both(root: Path, *, but: Path | None = None) -> list[presence.Driver]:
        monkeypatch.setattr(presence, "drivers", drivers)
        (own,) = running.iterdir()
        if "-clears-" in own.name:
            with pytest.raises(RequestError, match="is being cleared up"), store.driving():
                pytest.fail("It began.")
        else:
            with pytest.raises(RequestError, match="A driver works in the store"):
                housekeeping.collect(store, delete=True)
        return drivers(root, but=but)

    monkeypatch.setattr(presence, "drivers", both)
    with store.driving():
        assert there(store) == [0, 1, 2, 3, 4, 5]
    monkeypatch.setattr(presence, "drivers", both)
    housekeeping.collect(store, delete=True)
    assert there(store) == [0, 1, 2, 3, 5]
    with presence.clearing(store.root) as own:  # both have said it, and neither has looked
        note = running / f"{presence.here()}-{os.getpid()}"
        note.write_text("{}")
        with pytest.raises(
            RequestError, match=r"Nothing was started; wait for its end and give the same command again"
        ):
            presence._refuse_beside_clearing(store.root)
        with pytest.raises(
            RequestError, match=r"Nothing was deleted; wait for its end and give the same command again"
        ):
            housekeeping.refuse_beside_drivers(store.root, own)


def test_what_a_study_notes_meanwhile_stays(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Earlier versions look at nobody's note before they begin; what they enrol is not overwritten."""
    studies, enrolled = registry.studies, list[str]()

    def noted(root: Path, *, forgotten: bool = False) -> list[Enrolled]:
        found = studies(root, forgotten=forgotten)
        enrolled.append(f"{len(enrolled):064}")
        store.enrol(Enrolled("1" * 64, "first", "first.yaml", quick=False, jobs=frozenset(enrolled)))
        return found

    monkeypatch.setattr(registry, "studies", noted)
    housekeeping.collect(store, delete=True)
    first, _ = studies(store.root)
    assert first.jobs == {*NAMES[:3], *enrolled}
    assert first.former == frozenset()


#: Says where it makes a result, as a driver, and waits; its number is one that nobody has outside.
WRITER = """
import sys
from bpbench.runner.store import Store
store = Store(sys.argv[1])
with store.driving():
    made = store.scratch()
    made.mkdir(parents=True)
    print(made, flush=True)
    input()
"""


def test_a_driver_in_another_pid_namespace_lives(store: Store) -> None:
    """Of a container that has the host's name: what it makes stays, and nothing is deleted beside it."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as gone:
        pass
    unshare = ["unshare", "--pid", "--fork", "--mount-proc", *(["--map-root-user"] if os.getuid() else [])]
    number = f"echo {gone.pid - 1} > /proc/sys/kernel/ns_last_pid"
    tried = subprocess.run([*unshare, "sh", "-c", number], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"No PID namespace can be made here: {tried.stderr.strip()}")
    inside = [*unshare, "sh", "-c", f'{number}; "$@"; exit', "sh", sys.executable, "-c", WRITER, str(store.root)]
    with subprocess.Popen(inside, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        made = Path(other.stdout.readline().strip())
        assert made.name.rsplit("-", 2)[1].partition(".")[0] == str(gone.pid)
        store.sweep()
        assert made.is_dir()
        with pytest.raises(
            RequestError, match=rf"process {gone.pid} on {socket.gethostname()} in another PID namespace, as of a con"
        ):
            housekeeping.collect(store, delete=True)
        other.communicate("\n")
    assert there(store) == [0, 1, 2, 3, 4, 5]


def test_nothing_is_deleted_when_a_note_cannot_be_read(store: Store) -> None:
    """Nobody knows what that study needs."""
    (store.root / "studies" / f"{'2' * 64}.json").write_text("{")
    with pytest.raises(
        RequestError, match=r"/2{64}\.json should say what a study needs and cannot be read; nothing was"
    ):
        housekeeping.collect(store, delete=True)
    assert len(there(store)) == 6


def test_what_other_hosts_left_goes_when_it_is_old(store: Store) -> None:
    """Unfinished results of writers elsewhere may still be written to for a day."""
    left, young = store.root / "tmp" / "far-1-a", store.root / "tmp" / "far-1-b"
    for folder in (left, young):
        folder.mkdir()
    mark = store.root / "tmp" / "seen-0a"  # of a driver that was killed
    mark.touch()
    old = young.stat().st_mtime - presence.GONE_AFTER_S - 60
    for path in (left, mark):
        os.utime(path, (old, old))
    housekeeping.collect(store, delete=True)
    assert list((store.root / "tmp").iterdir()) == [young]


def test_requests_that_say_nothing_are_refused(tmp_path: Path, here: Here) -> None:
    """No store, and --unknown without --delete."""
    code, _, err = here("data", "usage", "--store", str(tmp_path / "none"))
    assert code == 2
    assert f"There is no store in {tmp_path}/none; name one with --store." in err
    code, _, err = here("data", "gc", "--store", str(tmp_path), "--unknown")
    assert code == 2
    assert "--unknown says what --delete deletes besides; say both" in err


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.00 kB"),
        (12_345, "12.3 kB"),
        (999_600, "1.00 MB"),
        (123e9, "123 GB"),
    ],
)
def test_sizes_are_readable(count: float, text: str) -> None:
    """Three digits, powers of ten."""
    assert size(int(count)) == text


def test_a_study_enrols_everything_it_needs(here: Here) -> None:
    """What a conducted study needs is all kept; what turns out damaged while it is reported is made again."""
    small_study.write(here.folder, trees=2, more="quick: {repeats: 2}")
    store = Store("store")
    prepared = study.prepare(load(Path("small.yaml"), quick=True), store)
    first = study.conduct(prepared, store)
    used = housekeeping.usage(store)
    (share,) = used.shares
    assert (share.study.name, share.study.quick, share.study.digest) == ("small", True, prepared.digest)
    assert (share.needed, share.missing) == (used.total, 0)
    assert used.total.results == len(list(housekeeping.results(store.root))) > len(set(prepared.trainings.values()))
    assert list((store.root / "running").iterdir()) == []
    for job in (prepared.trainings["rich", 0], prepared.inputs.make):
        flip(store.folder(job) / "values.json")
        again = study.conduct(study.prepare(load(Path("small.yaml"), quick=True), store), store)
        assert {key: found.values for key, found in again.results.items()} == {
            key: found.values for key, found in first.results.items()
        }
        assert housekeeping.verify(store).sound
    assert len(list((store.root / "damaged").iterdir())) == 2
    flip(store.folder(prepared.inputs.make) / "values.json")
    flip(store.folder(prepared.trainings["rich", 0]) / "values.json")
    code, _, said = here("plan", "small.yaml", "--quick", "--store", "store", "--jobs", "1")
    assert code == 0
    assert said.count("is not whole (values.json has other content than was written)") == 2
    assert said.count("and a run of the study makes it again.") == 2


@pytest.mark.parametrize("again", [1, 1000], ids=["once", "always"])
def test_a_training_whose_result_vanished_is_no_gap(here: Here, monkeypatch: pytest.MonkeyPatch, again: int) -> None:
    """It is made again, and said; where it vanishes again and again the run ends with 3 and what is to be done."""
    small_study.write(here.folder, trees=2, more="quick: {repeats: 2}")
    store = Store("store")
    prepared = study.prepare(load(Path("small.yaml"), quick=True), store)
    training, real, left = prepared.trainings["rich", 0], execute.execute, [again]

    def vanishing(*args: Any, **options: Any) -> Executed:
        went = real(*args, **options)
        if store.has(training) and left[0]:
            left[0] -= 1
            shutil.rmtree(store.folder(training))
        return went

    monkeypatch.setattr(execute, "execute", vanishing)
    code, out, err = here("run", "small.yaml", "--quick", "--store", "store", "--jobs", "1", "--json")
    gone = f"The result {store.folder(training)} is needed and not there, as if it had been removed meanwhile; a run"
    assert f"{gone} of the study makes it again." in err
    assert code == 3  # 'wild' diverges, as it should
    if again == 1:
        variants = {variant["name"]: variant for variant in json.loads(out)["findings"]["variants"]}
        assert [result["status"] for result in variants["rich"]["results"]] == ["done", "done"]
    else:
        assert err.splitlines()[-1] == f"bpbench: {gone} of the study makes it again. What was stored before is kept."

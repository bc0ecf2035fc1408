"""Stored results and their sums: whatever is not what was written is found out, and said in a sentence."""

from __future__ import annotations

import errno
import json
import os
import pickle
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bpbench.errors import DamagedError, StoreError
from bpbench.identity import address
from bpbench.jobs import FrameSource, MakeFrames, Ping
from bpbench.runner import integrity, store
from bpbench.runner.store import Outcome, Store

JOB = MakeFrames(FrameSource(path="a", sha256="00"))
NAME = address(JOB)
OUTCOME = Outcome(
    {"status": "done", "x": [1, 0.1], "name": "η"},
    {"energy": np.arange(9000.0).reshape(2, -1), "empty": np.empty((1, 0)), "names": np.array(["a", "bc"])},
)
FILES = ("values.json", "job.json", "sums.json", "energy.npy", "arrays.npz")


def saved(root: Path) -> tuple[Store, Path]:
    """Return a store with one result, and that one's folder."""
    made = Store(root)
    made.save(JOB, OUTCOME, lambda: {"wall_s": 0.5})
    return made, made.folder(JOB)


def read(made: Store) -> None:
    """Load the result and open every array."""
    outcome = made.load(JOB)
    for name in outcome.arrays:
        assert outcome.arrays[name].tobytes() == OUTCOME.arrays[name].tobytes()
    assert outcome.values == OUTCOME.values


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(FILES), where=st.integers(0, 2**17), mask=st.integers(0, 255))
@example("sums.json", 0, 0)
@example("values.json", 10**6, 1)
def test_whatever_is_flipped_or_cut_off_is_found_out(
    tmp_path_factory: pytest.TempPathFactory, name: str, where: int, mask: int
) -> None:
    """One byte changed (``mask``), or all from there on lost (0): no file but the provenance may be otherwise."""
    made, folder = saved(tmp_path_factory.getbasetemp() / uuid.uuid4().hex)
    path = folder / name
    before = path.read_bytes()
    where %= len(before)
    path.write_bytes(before[:where] + (bytes([before[where] ^ mask]) + before[where + 1 :] if mask else b""))
    with pytest.raises(DamagedError, match=rf"{NAME} is not whole \({path.stem}.*\); it lies in .*{NAME}-\w+ now, and"):
        read(made)
    assert not made.has(JOB)


def test_the_reason_is_a_clause(tmp_path: Path) -> None:
    """Size, content, and a file that is gone are told apart, with both sizes."""
    reasons = []
    for change in (
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(b"?" + path.read_bytes()[1:]),
        lambda path: path.unlink(),
    ):
        made, folder = saved(tmp_path / uuid.uuid4().hex)
        size = (folder / "energy.npy").stat().st_size
        change(folder / "energy.npy")
        with pytest.raises(DamagedError) as told:
            read(made)
        assert told.value.address == NAME
        reasons.append(told.value.why)
    assert reasons == [
        f"energy.npy has {size - 1} bytes instead of {size}",
        "energy.npy has other content than was written",
        "energy.npy is missing",
    ]


def test_what_was_found_out_comes_back_from_another_process() -> None:
    """A worker's error arrives with its fields."""
    sent = DamagedError("ab", "it is not there", "A sentence.")
    back = pickle.loads(pickle.dumps(sent))  # noqa: S301 - made here
    assert (back.address, back.why, str(back)) == ("ab", "it is not there", "A sentence.")


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"{"])
def test_provenance_is_never_truth(tmp_path: Path, content: bytes) -> None:
    """Whatever stands there, or nothing: the result is loaded, and where it was made is unknown."""
    made, folder = saved(tmp_path)
    (folder / "provenance.json").write_bytes(content)
    read(made)
    assert made.provenance(JOB) == {}
    (folder / "provenance.json").unlink()
    read(made)


def older(folder: Path) -> None:
    """Make of a result one that was written before there were sums."""
    for path in folder.glob("arrays.npz"):
        with np.load(path) as together:
            for name in together:
                np.save(folder / f"{name}.npy", together[name])
        path.unlink()
    (folder / "sums.json").unlink()
    values = json.loads((folder / "values.json").read_bytes())
    del values["summed"]
    (folder / "values.json").write_text(json.dumps(values))


def test_small_arrays_lie_together(tmp_path: Path) -> None:
    """One large, two small: two files, and NumPy reads both; one small alone has a file of its own."""
    made, folder = saved(tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == sorted((*FILES, "provenance.json"))
    with np.load(folder / "arrays.npz") as together:
        assert {name: together[name].tolist() for name in together} == {"empty": [[]], "names": ["a", "bc"]}
    opened = made.load(JOB).arrays
    assert [opened[name].flags.writeable for name in opened] == [False] * 3
    single = Ping(1)
    made.save(single, Outcome({"status": "done"}, {"a": np.arange(3)}), dict)
    assert (made.folder(single) / "a.npy").is_file()


@pytest.mark.parametrize(
    "array",
    [
        np.arange(30_000.0).reshape(3, -1),
        np.arange(99_999.0),
        np.asfortranarray(np.arange(30_000, dtype=np.float32).reshape(3, -1)),
        np.arange(60_000)[::3],
        np.array(["Al", "Cu2S"] * 9000),
        np.array(1.5),
        np.empty((0, 3)),
    ],
    ids=["doubles", "several pieces", "Fortran's order", "strides", "words", "one number", "nothing"],
)
def test_an_array_is_the_file_that_numpy_writes(tmp_path: Path, array: np.ndarray) -> None:
    """To the byte, and in C's order."""
    writer = integrity.Writer(tmp_path)
    assert writer.arrays([("values", array)]) == ["values"]
    np.save(tmp_path / "theirs.npy", np.ascontiguousarray(array))
    assert (tmp_path / "values.npy").read_bytes() == (tmp_path / "theirs.npy").read_bytes()
    assert writer.files["values.npy"] == integrity.summed(tmp_path / "theirs.npy")


@pytest.mark.parametrize("many", [1, 20_000])
def test_objects_are_never_written(tmp_path: Path, many: int) -> None:
    """They would have to be pickled."""
    array = np.array([None, {}] * many)
    with pytest.raises((TypeError, ValueError), match=r"object|references"):
        integrity.Writer(tmp_path).arrays([("values", array)])


def test_results_from_before_there_were_sums_stay_readable(tmp_path: Path) -> None:
    """Their structure is checked: one that is cut short is found out when it is opened."""
    made, folder = saved(tmp_path)
    older(folder)
    read(made)
    (folder / "energy.npy").write_bytes((folder / "energy.npy").read_bytes()[:-1])
    with pytest.raises(DamagedError, match=r"is not whole \(energy\.npy cannot be read: mmap length is greater than"):
        read(made)


def test_sums_that_are_lost_are_missed(tmp_path: Path) -> None:
    """A newer result says that it has them."""
    made, folder = saved(tmp_path)
    (folder / "sums.json").unlink()
    with pytest.raises(DamagedError, match=r"is not whole \(sums\.json is missing\)"):
        made.load(JOB)


def test_a_result_under_another_address_is_found_out(tmp_path: Path) -> None:
    """A folder that was renamed, or copied over another, holds the result of another job."""
    made, folder = saved(tmp_path)
    other = MakeFrames(FrameSource(path="a", sha256="01"))
    made.folder(other).parent.mkdir(exist_ok=True)
    folder.rename(made.folder(other))
    with pytest.raises(DamagedError, match=rf"is not whole \(it is the result of the job {NAME}\)"):
        made.load(other)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ('{"values": {}, "arrays": ["../../secret"]}', "values.json is none of ours"),
        ('{"values": [], "arrays": []}', "values.json is none of ours"),
        ('{"values": {}}', "values.json cannot be read: KeyError: 'arrays'"),
        ("[" * 100_000, "values.json cannot be read: RecursionError"),
        ("7", "values.json cannot be read: AttributeError"),
    ],
)
def test_values_of_a_stranger_are_refused(tmp_path: Path, values: str, why: str) -> None:
    """Names that lead out of the folder, and whatever is not of our form."""
    np.save(tmp_path / "secret.npy", np.arange(3))
    made, folder = saved(tmp_path / "store")
    older(folder)
    (folder / "values.json").write_text(values)
    with pytest.raises(DamagedError) as told:
        made.load(JOB)
    assert told.value.why.startswith(why)


@pytest.mark.parametrize("header", [b"PK\x03\x04", b"\x93NUMPY\x01\x00\x05\x00{{{}}", b"", b"\x80\x04."])
def test_arrays_of_a_stranger_are_refused(tmp_path: Path, header: bytes) -> None:
    """Archives, headers that are no literal, pickles: none is opened as an array."""
    made, folder = saved(tmp_path)
    older(folder)
    (folder / "energy.npy").write_bytes(header)
    with pytest.raises(DamagedError, match=r"is not whole \(energy\.npy cannot be read: "):
        made.load(JOB).arrays["energy"]


def test_an_archive_is_no_array(tmp_path: Path) -> None:
    """NumPy itself opens a whole archive by its first bytes, whatever it is called."""
    made, folder = saved(tmp_path)
    older(folder)
    with (folder / "energy.npy").open("wb") as file:
        np.savez(file, a=np.arange(3))
    with pytest.raises(
        DamagedError, match=r"is not whole \(energy\.npy cannot be read: the magic string is not correct"
    ):
        made.load(JOB).arrays["energy"]


def test_objects_are_never_opened(tmp_path: Path) -> None:
    """An array of Python's objects is a pickle, which runs what a stranger wrote."""
    made, folder = saved(tmp_path)
    older(folder)
    np.save(folder / "energy.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(
        DamagedError, match=r"energy\.npy cannot be read: Array can't be memory-mapped: Python objects in"
    ):
        made.load(JOB).arrays["energy"]


def test_content_is_compared_once_in_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was compared is not read again, until it is touched."""
    made, folder = saved(tmp_path)
    compared: list[str] = []
    before: Callable[[Path], integrity.Sum] = integrity.summed

    def summed(path: Path) -> integrity.Sum:
        compared.append(path.name)
        return before(path)

    monkeypatch.setattr(integrity, "summed", summed)
    for _ in range(3):
        read(made)
    assert sorted(compared) == ["arrays.npz", "energy.npy"]
    os.utime(folder / "energy.npy")
    read(made)
    assert sorted(compared) == ["arrays.npz", "energy.npy", "energy.npy"]


def test_a_result_that_is_not_there_can_be_made_again(tmp_path: Path) -> None:
    """One that somebody swept meanwhile is no reason to stop, and nothing is moved."""
    made = Store(tmp_path)
    with pytest.raises(
        DamagedError, match=r"is needed and not there, as if it had been removed meanwhile; a run"
    ) as told:
        made.load(JOB)
    assert (told.value.address, told.value.why) == (NAME, "it is not there")
    assert list(tmp_path.iterdir()) == []


def test_a_network_file_system_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may remember that a name was not there; listing the folder above makes it look."""
    made, _ = saved(tmp_path)
    seen: list[Path] = []
    look = store._look_again
    whole = Store._read

    def late(self: Store, folder: Path) -> Outcome:
        if not seen:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(folder / "values.json"))
        return whole(self, folder)

    monkeypatch.setattr(store, "_look_again", lambda folder: (seen.append(folder), look(folder)))
    monkeypatch.setattr(Store, "_read", late)
    assert made.load(JOB).values == OUTCOME.values
    assert seen == [made.folder(JOB)]


def test_arrays_of_a_result_that_is_swept_meanwhile(tmp_path: Path) -> None:
    """It was loaded whole; what is opened later is not there, and can be made again."""
    made, folder = saved(tmp_path)
    outcome = made.load(JOB)
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(DamagedError, match="is needed and not there"):
        outcome.arrays["energy"]


def test_a_file_in_the_place_of_a_result_is_moved_aside(tmp_path: Path) -> None:
    """Asked for, it is damaged; in the way of a result, it gives way."""
    for act in ("load", "save"):
        made = Store(tmp_path / act)
        made.folder(JOB).parent.mkdir(parents=True)
        made.folder(JOB).write_text("?")
        assert not made.has(JOB)
        if act == "load":
            with pytest.raises(DamagedError, match=r"is not whole \(Not a directory: sums\.json\); it lies in"):
                made.load(JOB)
        made.save(JOB, OUTCOME, dict)
        assert made.has(JOB)
        assert len(list((tmp_path / act / "damaged").glob(f"{NAME}-*"))) == 1


def test_what_may_not_be_read_is_not_called_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Permissions, and too many open files, are none of the result's faults: it stays where it is."""
    made, folder = saved(tmp_path)

    def refused(_: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder / "sums.json"))

    monkeypatch.setattr(integrity.Sums, "read", refused)
    with pytest.raises(
        StoreError, match=rf"{NAME} may not be read \(Permission denied\); ask the store's owner"
    ) as told:
        made.load(JOB)
    assert not isinstance(told.value, DamagedError)
    assert folder.is_dir()


def test_found_or_nothing(tmp_path: Path) -> None:
    """Who can do without a result gets it whole or not at all."""
    made, folder = saved(tmp_path)
    found = made.find(JOB)
    assert found is not None
    assert found.values == OUTCOME.values
    (folder / "values.json").write_text("?")
    assert made.find(JOB) is None
    assert made.find(JOB) is None
    assert len(list((tmp_path / "damaged").iterdir())) == 1


def test_results_that_took_long_are_written_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file, the folder and the folder above, before anybody hears of it; quick ones are not."""
    synced: list[str] = []
    monkeypatch.setattr(integrity, "sync", lambda path: synced.append(path.name))
    made = Store(tmp_path)
    made.save(JOB, OUTCOME, lambda: {"wall_s": store.SYNC_FROM_S - 0.1})
    assert synced == []
    other = MakeFrames(FrameSource(path="a", sha256="01"))
    made.save(other, OUTCOME, lambda: {"wall_s": store.SYNC_FROM_S})
    assert {*FILES, "provenance.json", address(other)[:2]} < set(synced)
    assert len(synced) == len(FILES) + 3

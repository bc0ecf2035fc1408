"""Frames: ragged arrays, their own file, and blocks cut from consecutive frames."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bpbench.data import archive
from bpbench.data.blocks import cut_blocks
from bpbench.data.frames import Frames
from bpbench.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def ragged() -> Frames:
    """Three frames of 1, 3 and 2 atoms with every field distinct."""
    rng = np.random.default_rng(5)
    return Frames(
        positions=rng.normal(size=(6, 3)),
        cells=rng.normal(size=(3, 3, 3)) + 5 * np.eye(3),
        pbc=np.array([[True, True, True], [True, True, False], [False, False, False]]),
        species=np.full(6, 13),
        offsets=np.array([0, 1, 4, 6]),
        energy=np.array([-1.5, -4.25, -3.0]),
        forces=rng.normal(size=(6, 3)).astype(np.float32).astype(np.float64),
        id=np.array([0, 1, 2]),
        group=np.array(["a", "b", "a"]),
        block=np.array(["a/001", "b/001", "a/001"]),
        temperature=np.array([10.0, 20.0, 30.0]),
        blocks_declared=True,
    )


def _assert_equal(one: Frames, other: Frames) -> None:
    left, right = one.to_arrays(), other.to_arrays()
    assert left.keys() == right.keys()
    for name, array in left.items():
        np.testing.assert_array_equal(array, right[name], err_msg=name)
        assert array.dtype.kind == right[name].dtype.kind, name


def test_rows_and_atoms_follow_the_offsets(ragged: Frames) -> None:
    """The atoms of a frame are the rows between its offset and the next."""
    assert len(ragged) == 3
    np.testing.assert_array_equal(ragged.atoms, [1, 3, 2])
    assert ragged.rows(1) == slice(1, 4)


def test_take_moves_every_field_of_a_frame_together(ragged: Frames) -> None:
    """Chosen frames keep their own atoms, labels and numbers, in the order asked for."""
    taken = ragged.take(np.array([2, 0]))
    np.testing.assert_array_equal(taken.offsets, [0, 2, 3])
    np.testing.assert_array_equal(taken.positions, ragged.positions[[4, 5, 0]])
    np.testing.assert_array_equal(taken.forces, np.asarray(ragged.forces)[[4, 5, 0]])
    np.testing.assert_array_equal(taken.energy, [-3.0, -1.5])
    np.testing.assert_array_equal(taken.id, [2, 0])
    np.testing.assert_array_equal(taken.cells, ragged.cells[[2, 0]])
    _assert_equal(ragged.take(np.arange(3)), ragged)


def test_arrays_and_back_is_the_identity(ragged: Frames) -> None:
    """Nothing is lost on the way to plain arrays, with or without the optional fields."""
    _assert_equal(Frames.from_arrays(ragged.to_arrays()), ragged)
    bare = replace(ragged, forces=None, temperature=None)
    assert "forces" not in bare.to_arrays()
    _assert_equal(Frames.from_arrays(bare.to_arrays()), bare)


def test_the_file_gives_back_what_was_saved(ragged: Frames, tmp_path: Path) -> None:
    """Positions are kept exactly, both as whole steps of 1e-5 Å and as free floats."""
    rounded = replace(ragged, positions=np.rint(ragged.positions * 1e5) / 1e5)
    for number, frames in enumerate((ragged, rounded, replace(ragged, forces=None, temperature=None))):
        path = tmp_path / f"{number}.npz"
        archive.save(path, frames)
        _assert_equal(archive.load(path), frames)
    with np.load(tmp_path / "1.npz") as stored:
        assert stored["positions"].dtype == np.int32
    with np.load(tmp_path / "0.npz") as stored:
        assert stored["positions"].dtype == np.float64


def test_equal_frames_give_equal_bytes(ragged: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file holds no date and no order of writing, so its digest names its content."""
    digests = set()
    for year in (2001, 2030):
        monkeypatch.setattr("time.time", lambda year=year: (year - 1970) * 3.15e7)
        archive.save(tmp_path / "f.npz", ragged)
        digests.add(hashlib.sha256((tmp_path / "f.npz").read_bytes()).hexdigest())
    assert len(digests) == 1


def test_a_file_that_holds_no_frames_is_refused(ragged: Frames, tmp_path: Path) -> None:
    """A missing array, a wrong type, a wrong shape, wrong offsets and no archive at all each get their own sentence."""
    path = tmp_path / "f.npz"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(DataError, match=r"f\.npz: expected frames in an \.npz file, but it cannot be read"):
        archive.load(path)
    arrays = ragged.to_arrays()
    cases = [
        ({k: v for k, v in arrays.items() if k != "energy"}, r"'energy' is missing"),
        (arrays | {"energy": np.array(["a", "b", "c"])}, r"'energy' has the unexpected type <U1"),
        (arrays | {"forces": np.zeros((5, 3))}, r"'forces' has shape \(5, 3\), expected \(6, 3\) for 3 frames"),
        (arrays | {"offsets": np.array([0, 4, 1, 6])}, r"'offsets' must rise from 0 to 6"),
        (arrays | {"energy": np.array(1.0)}, r"for 1 frames with 6 atoms"),
    ]
    for wrong, sentence in cases:
        np.savez(path, **wrong)
        with pytest.raises(DataError, match=sentence):
            archive.load(path)


@pytest.mark.parametrize(
    ("count", "length", "sizes"),
    [
        (10, 5, [5, 5]),
        (12, 5, [5, 7]),  # 2 are fewer than half a block and join the one before
        (13, 5, [5, 5, 3]),
        (2, 5, [2]),
        (4, 1, [1, 1, 1, 1]),
        (6, 4, [4, 2]),  # exactly half stands alone
        (1, 100, [1]),
    ],
)
def test_blocks_are_cut_with_a_short_rest_joined(count: int, length: int, sizes: list[int]) -> None:
    """A rest below half a block joins the block before it; blocks are consecutive and numbered from 001."""
    blocks = cut_blocks(np.full(count, "Elastic"), length)
    names, counts = np.unique(blocks, return_counts=True)
    assert counts.tolist() == sizes
    assert names[0] == "Elastic/001"
    assert blocks.tolist() == sorted(blocks.tolist())


def test_blocks_never_hold_two_groups() -> None:
    """Interleaved groups are cut each for itself, in the order of the file."""
    group = np.array(["a", "b"] * 5)
    blocks = cut_blocks(group, 3)
    assert blocks[::2].tolist() == ["a/001"] * 3 + ["a/002"] * 2
    assert blocks[1::2].tolist() == ["b/001"] * 3 + ["b/002"] * 2

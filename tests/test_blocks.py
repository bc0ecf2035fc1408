"""Trajectories and their blocks: long enough by τ, apart by a guard, and what cannot be cut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pandas as pd
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from bpbench.data import archive, blocks, readers, splits, tables
from bpbench.data.blocks import cut_blocks, lay, trajectories
from bpbench.data.frames import Configurations, Frames
from bpbench.errors import DataError
from bpbench.jobs import Split


def series(phi: float, n: int, seed: int) -> np.ndarray:
    """Return energies per atom that forget themselves as AR(1) does, τ = (1+φ)/(1-φ)."""
    noise = np.random.default_rng(seed).standard_normal(n)
    return np.asarray(-3.5 + 0.01 * lfilter([1.0], [1.0, -phi], noise))


def kept(laid: dict[str, np.ndarray]) -> np.ndarray:
    guard = laid.get("guard")
    return np.ones(len(laid["block"]), dtype=bool) if guard is None else ~guard


# ------------------------------------------------------------------------------------------------------ the cut


def test_blocks_of_five_tau_with_a_guard_between_them() -> None:
    """Two trajectories of other memory, interleaved: each is cut by its own τ, evenly, with ⌈τ⌉ frames between."""
    group = np.array(["slow", "fast"] * 6000)
    energy = np.empty(12_000)
    energy[::2], energy[1::2] = series(0.8, 6000, 1), series(0.3, 6000, 2)
    laid = lay(energy, group, None, length="auto", guard="auto")
    told = {item.name: item for item in trajectories(energy, group)}
    for name, truth in (("slow", 9.0), ("fast", 1.3 / 0.7)):
        item = told[name]
        assert item.tau == pytest.approx(truth, abs=3 * item.error)
        assert (item.block_length, item.guard) == (int(np.ceil(5 * item.tau)), int(np.ceil(item.tau)))
        block, used = laid["block"][group == name], kept(laid)[group == name]
        _, sizes = np.unique(block[used], return_counts=True)
        assert sizes.min() >= item.block_length
        assert np.ptp(sizes) <= 1
        # As many blocks as there is room for.
        assert (len(sizes) + 1) * item.block_length + len(sizes) * item.guard > 6000
        borders = np.flatnonzero(block[1:] != block[:-1])
        assert len(borders) == len(sizes) - 1
        for border in borders:
            assert used[border - item.guard : border + 2].tolist() == [True] + [False] * item.guard + [True]


def test_frames_across_a_border_are_no_near_copies() -> None:
    """By definition of the guard: over many borders, neighbours across one correlate as frames ⌈τ⌉ + 1 apart do."""
    energy = series(0.9, 60_000, 3)
    laid = lay(energy, np.full(len(energy), "a"), None, length="auto", guard="auto")
    used = np.flatnonzero(kept(laid))
    away = energy - energy.mean()

    def correlation(pairs: np.ndarray) -> float:
        return float(np.mean(away[pairs] * away[pairs + distance]) / np.mean(away**2))

    (item,) = trajectories(energy, np.full(len(energy), "a"))
    assert item.guard is not None
    distance = item.guard + 1
    across = np.flatnonzero(np.diff(used) > 1)
    np.testing.assert_array_equal(used[across + 1] - used[across], distance)
    assert abs(correlation(used[across])) < 0.25  # 0.9²⁰ = 0.12; that of neighbours is 0.9


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 300), st.integers(1, 40), st.integers(0, 20))
def test_any_length_and_guard_leave_whole_blocks(count: int, length: int, guard: int) -> None:
    """No block is empty, all but the last have the length, the guards have theirs, and order is that of time."""
    group = np.full(count, "a")
    if guard and 1 < count < 1.5 * (length + guard):  # one block: no border for the guard to be at
        with pytest.raises(DataError, match="no group is long enough for two blocks"):
            lay(np.zeros(count), group, None, length=length, guard=guard)
        return
    laid = lay(np.zeros(count), group, None, length=length, guard=guard)
    used, block = kept(laid), laid["block"]
    assert block.tolist() == sorted(block.tolist())
    names, sizes = np.unique(block[used], return_counts=True)
    assert len(names) == len(set(block.tolist()))
    assert sizes[:-1].tolist() == [length] * (len(sizes) - 1)
    assert used[-1]
    assert (~used).sum() == guard * (len(sizes) - 1)
    if not guard:
        np.testing.assert_array_equal(block, cut_blocks(np.full(count, "a"), length))


def test_a_guard_beside_which_nothing_is_cut_is_refused() -> None:
    """A guard as long as the trajectories would make a split by block one by state, and leave nothing out."""
    group = np.repeat(["a", "b"], 40)
    energy = np.concatenate([series(0.0, 40, seed) for seed in (1, 2)])
    said = (
        r"f: with a guard of 100 frames no group is long enough for two blocks \(the longest has 40 frames\), so that "
        "whole groups would be split and no frame left out; ask for a shorter guard or shorter blocks, or leave the "
        "guard out."
    )
    for length in (5, "auto"):
        with pytest.raises(DataError, match=said):
            lay(energy, group, None, length=length, guard=100, path="f")  # type: ignore[arg-type]
    lay(np.zeros(2), np.array(["a", "b"]), None, guard=1)  # nothing to cut


def test_groups_too_short_for_two_blocks_are_told(tmp_path: Path) -> None:
    """A group of one block goes whole into one part, and that is said of it, beside others that are cut."""
    path = write(tmp_path / "t.extxyz", series(0.0, 52, 1), group=["long"] * 40 + ["short"] * 12)
    source = readers.open_source(path, block_length=5, guard=5)
    frames = readers.read(source)
    (told,) = (text for text in readers.remarks(frames, source) if "too short for two blocks" in text)
    assert told == (
        "1 of 2 groups is too short for two blocks and goes as a whole into one part of a split by block, as in a "
        "split by state: short."
    )
    source = readers.open_source(path, block_length=5)
    assert "too short" not in " ".join(readers.remarks(readers.read(source), source))


def test_declared_blocks_get_a_guard_too() -> None:
    """The last frames of each block that another one of its group follows are left out, and no other."""
    declared = np.array(["x", "x", "x", "y", "y", "y", "z", "z"])
    group = np.array(["a"] * 6 + ["b"] * 2)
    laid = lay(np.zeros(8), group, declared, guard=2)
    np.testing.assert_array_equal(laid["block"], declared)
    assert laid["guard"].tolist() == [False, True, True, False, False, False, False, False]
    assert "guard" not in lay(np.zeros(8), group, declared)
    with pytest.raises(DataError, match=r"f: a guard of 3 frames .* leaves nothing of the block 'x', which has 3;"):
        lay(np.zeros(8), group, declared, guard=3, path="f")


def test_a_short_trajectory_is_one_block_and_is_told() -> None:
    """Too short for three blocks of 5 τ, and for a reliable τ: two sentences that name it."""
    energy, group = np.linspace(-4.0, -3.0, 30), np.array(["short"] * 30)
    laid = lay(energy, group, None, length="auto", guard="auto")
    data = Configurations(
        offsets=np.arange(31), energy=energy, forces=None, id=np.arange(30), group=group, temperature=None,
        blocks_declared=False, **laid,
    )  # fmt: skip
    assert len(set(laid["block"].tolist())) < 3
    said = blocks.remarks(data, "auto", "auto")
    assert "Too short for 3 blocks of 5 τ: short; such a trajectory cannot be in all three parts of a split." in said
    unreliable = [text for text in said if "τ is unreliable" in text]
    assert len(unreliable) == 1
    assert unreliable[0].endswith("fewer than 50 τ frames, and is then more often too small than too large: short.")


def test_energies_that_never_change_cannot_be_cut_by_tau() -> None:
    """Without τ there is no automatic length; a number serves."""
    with pytest.raises(DataError, match=r"f: block_length: auto needs .* those of the group 'a' \(9 frames"):
        lay(np.zeros(9), np.full(9, "a"), None, length="auto", path="f")
    with pytest.raises(DataError, match=r"guard: auto needs .* are all equal; give a number of frames"):
        lay(np.zeros(9), np.full(9, "a"), None, guard="auto")
    assert len(set(lay(np.zeros(9), np.full(9, "a"), None, length=3)["block"].tolist())) == 3


def test_energies_that_are_not_known_have_no_tau() -> None:
    """Frames that are only described carry none."""
    (item,) = trajectories(np.array([1.0, np.nan, 2.0]), np.full(3, "a"))
    assert (item.tau, item.block_length, item.guard, item.reliable) == (None, None, None, False)


# ------------------------------------------------------------------------------------------------ from files


def write(path: Path, energies: np.ndarray, **info: Any) -> Path:
    images = []
    for number, energy in enumerate(energies):
        atoms = Atoms("Al", [[0, 0, 0.001 * number]], cell=[4, 4, 4], pbc=True)
        atoms.calc = SinglePointCalculator(atoms, energy=float(energy))
        atoms.info |= {key: values[number] for key, values in info.items()}
        images.append(atoms)
    ase.io.write(path, images, format="extxyz")
    return path


def test_a_file_is_cut_by_tau_and_says_so(tmp_path: Path) -> None:
    """An extended XYZ: blocks by τ, guards in no part of any split, and remarks with the numbers."""
    path = write(tmp_path / "a.extxyz", series(0.6, 400, 5))
    source = readers.open_source(path, block_length="auto", guard="auto")
    frames = readers.read(source)
    (item,) = trajectories(frames.energy, frames.group)
    assert frames.guard is not None
    assert item.guard is not None
    blocks_made = len(set(frames.block.tolist()))
    assert frames.guard.sum() == (blocks_made - 1) * item.guard
    for by in ("block", "frame"):
        parts = splits.draw(frames, Split(0.2, 0.2, 1, 2, by))
        everything = np.concatenate([parts.train, parts.validation, parts.test])
        np.testing.assert_array_equal(np.sort(everything), frames.used)
    said = " ".join(readers.remarks(frames, source))
    assert "Consecutive frames of each group were cut into" in said
    assert f"in frames: all {item.tau:.1f} of 400." in said
    assert f"{frames.guard.sum()} of 400 frames stand at the borders between blocks (⌈τ⌉ at each)" in said
    assert "near copies" not in said.split("stand at the borders")[0]


def test_frames_keep_their_guards_through_an_archive(tmp_path: Path) -> None:
    """Our own file holds them, some frames of others keep theirs, and auto cuts declared blocks anew."""
    path = write(tmp_path / "a.extxyz", series(0.6, 200, 6))
    frames = readers.read(readers.open_source(path, block_length=8, guard=2))
    archive.save(tmp_path / "a.npz", frames)
    again = archive.load(tmp_path / "a.npz")
    np.testing.assert_array_equal(again.guard, frames.guard)
    np.testing.assert_array_equal(frames.take(np.array([7, 8, 9, 10])).guard, [False, True, True, False])
    archive.save(tmp_path / "b.npz", replace(frames, guard=None, blocks_declared=True))
    declared = readers.read(readers.open_source(tmp_path / "b.npz"))
    assert declared.blocks_declared
    assert declared.guard is None
    anew = readers.read(readers.open_source(tmp_path / "b.npz", block_length="auto"))
    assert not anew.blocks_declared
    assert anew.block.tolist() != declared.block.tolist()


def test_a_table_is_cut_by_tau(tmp_path: Path) -> None:
    """A table's configurations are cut as the same frames are, and its remarks say so."""
    energies = series(0.5, 300, 7)
    pd.DataFrame({"conf": np.arange(300), "g": np.arange(300.0), "E": energies}).to_csv(tmp_path / "t.csv", index=False)
    source = tables.open_table(tmp_path / "t.csv", configuration="conf", energy="E", block_length="auto", guard="auto")
    data = tables.contents(source).configurations
    frames = readers.read(
        readers.open_source(write(tmp_path / "a.extxyz", energies), block_length="auto", guard="auto")
    )
    np.testing.assert_array_equal(data.block, frames.block)
    np.testing.assert_array_equal(data.guard, frames.guard)
    assert "(⌈τ⌉ at each)" in " ".join(tables.remarks(data, source))


def test_cuts_that_cannot_be_meant_are_refused(tmp_path: Path) -> None:
    """Declared blocks are not cut by τ, and a guard counts frames."""
    path = write(tmp_path / "a.extxyz", series(0.5, 8, 8), run=np.arange(8) // 4)
    with pytest.raises(DataError, match=r"blocks are those that 'run' names, and block_length: auto would cut others"):
        readers.open_source(path, block="run", block_length="auto")
    with pytest.raises(DataError, match=r"guard must be 0 frames or more, found -1"):
        readers.open_source(path, guard=-1)
    with pytest.raises(DataError, match=r"block_length must be 1 frame or more, found 0"):
        tables.open_table(path, block_length=0)
    assert isinstance(readers.read(readers.open_source(path, block="run", guard=1)), Frames)

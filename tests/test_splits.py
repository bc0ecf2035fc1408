"""Splits: whole blocks, disjoint parts, exact shares, and a reserve that only its own seed moves."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bpbench.data import readers, splits
from bpbench.data.frames import Frames
from bpbench.errors import DataError
from bpbench.jobs import Split, SplitBy

if TYPE_CHECKING:
    from collections.abc import Sequence

SPLIT = Split(reserve=0.2, validation=0.2, reserve_seed=11, split_seed=22)


def _frames(blocks: Sequence[tuple[str, int]]) -> Frames:
    """Make frames of one atom from (group, frames in the block) pairs."""
    group = np.repeat([name for name, _ in blocks], [count for _, count in blocks])
    block = np.repeat([f"block {number}" for number in range(len(blocks))], [count for _, count in blocks])
    F = len(group)
    return Frames(
        positions=np.zeros((F, 3)),
        cells=np.tile(3 * np.eye(3), (F, 1, 1)),
        pbc=np.ones((F, 3), dtype=bool),
        species=np.full(F, 13),
        offsets=np.arange(F + 1),
        energy=np.zeros(F),
        forces=None,
        id=np.arange(F),
        group=group,
        block=block,
        temperature=None,
        blocks_declared=True,
    )


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9)), min_size=3, max_size=30),
    st.floats(0.01, 0.6),
    st.floats(0.01, 0.39),
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**31 - 1),
)
def test_parts_are_whole_blocks_that_cover_everything_once(
    blocks: list[tuple[str, int]], reserve: float, validation: float, reserve_seed: int, split_seed: int
) -> None:
    """Whatever the blocks and shares: disjoint, complete, ascending, no block in two parts, no part empty."""
    frames = _frames(blocks)
    split = Split(reserve, validation, reserve_seed, split_seed)
    parts = splits.draw(frames, split)
    three = (parts.train, parts.validation, parts.test)
    assert sorted(np.concatenate(three).tolist()) == list(range(len(frames)))
    held = [set(frames.block[part].tolist()) for part in three]
    assert sum(map(len, held)) == len(blocks)
    assert tuple(map(len, held)) == (parts.train_blocks, parts.validation_blocks, parts.test_blocks)
    assert min(map(len, held)) >= 1
    for part in three:
        assert part.dtype == np.int64
        assert (np.diff(part) > 0).all()
    again = splits.draw(frames, split)
    assert all(
        np.array_equal(one, other)
        for one, other in zip(three, (again.train, again.validation, again.test), strict=True)
    )
    other = splits.draw(frames, replace(split, split_seed=split_seed + 1, validation=validation / 2))
    np.testing.assert_array_equal(other.test, parts.test)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9)), min_size=4, max_size=20),
    st.tuples(st.floats(0.01, 0.9), st.floats(0.01, 0.6), st.floats(0.01, 0.6)).filter(lambda all_: sum(all_) < 1),
    st.floats(0.01, 0.09),
    st.lists(st.integers(0, 2**31 - 1), min_size=3, max_size=3),
    st.sampled_from(["block", "frame", "state"]),
)
def test_who_explores_sees_no_frame_of_the_reserve(
    blocks: list[tuple[str, int]],
    shares: tuple[float, float, float],
    validation: float,
    seeds: list[int],
    by: SplitBy,
) -> None:
    """Whatever the shares and seeds: its three parts are just what the reserve of the confirmation leaves over."""
    frames = _frames(blocks)
    reserve, own, own_validation = shares
    confirm = Split(reserve, validation, seeds[0], seeds[1], by=by)
    explore = Split(reserve, own_validation, seeds[0], seeds[2], by=by, explore=own)
    try:
        parts = splits.draw(frames, explore)
    except DataError as error:
        assert re.search("needs at least [34]", str(error))  # noqa: PT017 - it may be refused, and then by its size
        return
    held = splits.draw(frames, confirm).test
    used = np.concatenate([parts.train, parts.validation, parts.test])
    assert sorted(used.tolist()) == sorted(set(range(len(frames))) - set(held.tolist()))
    assert min(map(len, (parts.train, parts.validation, parts.test))) >= 1
    unit = {"block": frames.block, "frame": np.arange(len(frames)), "state": frames.group}[by]
    whole = [set(unit[part].tolist()) for part in (parts.train, parts.validation, parts.test)]
    assert sum(map(len, whole)) == len(set.union(*whole))
    assert (parts.train_units, parts.test_units) == (len(whole[0]), len(whole[2]))


def test_a_reserve_that_leaves_too_little_to_explore_on_is_refused() -> None:
    """A reserve of three of five blocks stays as it is: two are left where three are needed."""
    frames = _frames([("a", 4)] * 5)
    assert splits.draw(frames, replace(SPLIT, reserve=0.6)).test_blocks == 3
    sentence = (
        r"^A split to explore on needs at least 3 blocks beside the reserve \(for training, validation and test\), and "
        r"a reserve of 0\.6 leaves 2 of 5; give more frames, or a smaller reserve\.$"
    )
    with pytest.raises(DataError, match=sentence):
        splits.draw(frames, replace(SPLIT, reserve=0.6, explore=0.1))


def test_fresh_groups_are_no_part_of_what_explores() -> None:
    """Groups that are kept fresh for the confirmation are neither trained on nor scored on before it."""
    frames = _frames([("a", 3)] * 8 + [("b", 3)] * 2)
    parts = splits.draw(frames, replace(SPLIT, fresh=("b",), explore=0.2))
    assert parts.fresh.size == 0
    used = np.concatenate([parts.train, parts.validation, parts.test])
    assert set(frames.group[used].tolist()) == {"a"}
    assert splits.draw(frames, replace(SPLIT, fresh=("b",))).fresh.tolist() == list(range(24, 30))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9)), min_size=8, max_size=40),
    st.floats(0.15, 0.45),
    st.integers(0, 2**31 - 1),
)
def test_the_reserve_meets_its_share_to_half_the_largest_block(
    blocks: list[tuple[str, int]], reserve: float, seed: int
) -> None:
    """The frames in the reserve miss their share by no more than half of the largest block."""
    frames = _frames(blocks)
    parts = splits.draw(frames, Split(reserve, 0.2, seed, 0))
    assert abs(len(parts.test) - reserve * len(frames)) <= max(count for _, count in blocks) / 2 + 1e-9


def test_equal_blocks_give_the_nearest_whole_number_of_blocks_from_every_group() -> None:
    """On the sample, 20 % of 88 blocks are 18, and each group of 8 gives one or two (8 · 18/88 = 1.6)."""
    frames = readers.read(readers.sample_source())
    for seed in range(50):
        parts = splits.draw(frames, replace(SPLIT, reserve_seed=seed, split_seed=seed))
        assert (parts.train_blocks, parts.validation_blocks, parts.test_blocks) == (52, 18, 18)
        assert (len(parts.train), len(parts.validation), len(parts.test)) == (260, 90, 90)
        _, counts = np.unique(frames.group[parts.test], return_counts=True)
        assert len(counts) == 11
        assert set(counts.tolist()) <= {5, 10}


def test_every_block_is_equally_likely_in_the_reserve() -> None:
    """Over 4000 seeds each of 10 equal blocks is drawn as often (to 4 sd), the lone block of a tiny group too."""
    frames = _frames([("large", 3)] * 7 + [("tiny", 3)] + [("small", 3)] * 2)
    hits = np.zeros(10)
    draws = 4000
    for seed in range(draws):
        test = splits.draw(frames, replace(SPLIT, reserve_seed=seed)).test
        hits[np.unique(test // 3)] += 1
    assert hits.sum() == 2 * draws
    spread = np.sqrt(draws * 0.2 * 0.8)
    assert np.abs(hits - 0.2 * draws).max() < 4 * spread


def test_validation_is_equally_likely_too() -> None:
    """Crossed with the reserve, each block is in validation in a fifth of all draws."""
    frames = _frames([("a", 2)] * 6 + [("b", 2)] * 4)
    hits = np.zeros(10)
    draws = 3000
    for seed in range(draws):
        validation = splits.draw(frames, replace(SPLIT, reserve_seed=seed, split_seed=seed)).validation
        hits[np.unique(validation // 2)] += 1
    assert np.abs(hits - 0.2 * draws).max() < 4 * np.sqrt(draws * 0.2 * 0.8)


def test_seeds_reach_the_draws() -> None:
    """Other seeds give other reserves and, with the same reserve, other validation sets."""
    frames = readers.read(readers.sample_source())
    reserves = {splits.draw(frames, replace(SPLIT, reserve_seed=seed)).test.tobytes() for seed in range(10)}
    validations = {splits.draw(frames, replace(SPLIT, split_seed=seed)).validation.tobytes() for seed in range(10)}
    assert len(reserves) == len(validations) == 10


def test_names_of_groups_and_blocks_do_not_move_the_draw() -> None:
    """Renaming labels changes no split."""
    frames = _frames([("a", 3)] * 5 + [("b", 2)] * 5)
    renamed = replace(
        frames,
        group=np.where(frames.group == "a", "zz", "y"),
        block=np.array([f"x{9 - int(name.split()[1])}" for name in frames.block.tolist()]),
    )
    for seed in range(5):
        split = replace(SPLIT, reserve_seed=seed)
        np.testing.assert_array_equal(splits.draw(frames, split).test, splits.draw(renamed, split).test)
        np.testing.assert_array_equal(splits.draw(frames, split).validation, splits.draw(renamed, split).validation)


@pytest.mark.parametrize(
    ("blocks", "change", "sentence"),
    [
        (2, {}, r"needs at least 3 blocks \(for training, validation and reserve\), found 2 in 8 frames"),
        (9, {"reserve": 0.0}, "The reserve share must lie between 0 and 1, found 0"),
        (9, {"reserve": float("nan")}, "The reserve share must lie between 0 and 1, found nan"),
        (9, {"validation": 1.5}, r"The validation share must lie between 0 and 1, found 1\.5"),
        (
            9,
            {"reserve": 0.6, "validation": 0.4},
            r"reserve of 0\.6 and a validation share of 0\.4 leave nothing to train",
        ),
    ],
)
def test_impossible_splits_are_refused(blocks: int, change: dict[str, float], sentence: str) -> None:
    """Too few blocks and shares that leave a part empty are refused in a sentence."""
    with pytest.raises(DataError, match=sentence):
        splits.draw(_frames([("a", 4)] * blocks), replace(SPLIT, **change))


def test_three_blocks_are_enough() -> None:
    """With three blocks each part gets one, whatever the shares say."""
    for reserve in (0.01, 0.3, 0.9):
        parts = splits.draw(_frames([("a", 4)] * 3), replace(SPLIT, reserve=reserve, validation=0.05))
        assert (parts.train_blocks, parts.validation_blocks, parts.test_blocks) == (1, 1, 1)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9)), min_size=6, max_size=30),
    st.integers(0, 2**31 - 1),
    st.data(),
)
def test_fewer_configurations_are_exact_and_among_those_of_more(
    blocks: list[tuple[str, int]], seed: int, data: st.DataObject
) -> None:
    """Any number gives just so many training configurations, ascending; a smaller number gives some of these."""
    frames = _frames(blocks)
    train = splits.draw(frames, SPLIT).train
    if len(train) < 2:
        return
    some = data.draw(st.integers(2, len(train)))
    more = data.draw(st.integers(some, len(train)))
    few, many = (splits.fewer(frames, train, count, seed) for count in (some, more))
    assert len(few) == some
    assert few.dtype == np.int64
    assert (np.diff(few) > 0).all()
    assert set(few.tolist()) <= set(many.tolist()) <= set(train.tolist())
    np.testing.assert_array_equal(few, splits.fewer(frames, train, some, seed))
    np.testing.assert_array_equal(splits.fewer(frames, train, len(train), seed), train)
    # Only one block is taken in part: the last.
    sizes = {name: int(np.sum(frames.block[train] == name)) for name in set(frames.block[few].tolist())}
    assert sum(int(np.sum(frames.block[few] == name)) < size for name, size in sizes.items()) <= 1


def test_fewer_configurations_come_evenly_from_the_groups() -> None:
    """On the sample, each of 11 groups gives its share of the training frames, to a block of 5 and the one cut."""
    frames = readers.read(readers.sample_source())
    train = splits.draw(frames, SPLIT).train
    for seed in range(10):
        for count in (55, 100, 130, 200):
            few = splits.fewer(frames, train, count, seed)
            for name in np.unique(frames.group):
                share = np.sum(frames.group[train] == name) * count / len(train)
                assert abs(np.sum(frames.group[few] == name) - share) <= 5


def test_the_seed_draws_which_configurations_are_kept() -> None:
    """Other seeds keep other blocks, and names of groups and blocks decide nothing."""
    frames = _frames([("a", 3)] * 8 + [("b", 2)] * 8)
    train = splits.draw(frames, SPLIT).train
    assert len({splits.fewer(frames, train, 10, seed).tobytes() for seed in range(10)}) > 5
    renamed = replace(
        frames,
        group=np.where(frames.group == "a", "zz", "y"),
        block=np.array([f"x{99 - int(name.split()[1])}" for name in frames.block.tolist()]),
    )
    np.testing.assert_array_equal(splits.fewer(frames, train, 10, 3), splits.fewer(renamed, train, 10, 3))


@pytest.mark.parametrize("count", [1, 21])
def test_fewer_than_two_or_more_than_there_are_is_refused(count: int) -> None:
    """The sentence names both ends of what is possible."""
    frames = _frames([("a", 4)] * 8)
    train = np.arange(20)
    with pytest.raises(DataError, match=f"learns from 2 to 20 configurations of this split, found {count}; ask"):
        splits.fewer(frames, train, count, 1)

"""Dividing frames into training, validation and reserve (test) by whole blocks, evenly over the groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from bpbench.errors import DataError

if TYPE_CHECKING:
    import numpy.typing as npt

    from bpbench.data.frames import Configurations, Ints
    from bpbench.jobs import Split

#: The three parts of a split, by the names of their fields.
PARTS: Final = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Parts:
    """The three parts of a split; together they hold every frame once, and no block is in two of them.

    Attributes
    ----------
    train, validation, test : ndarray of int
        Positions of the frames in their :class:`~bpbench.data.frames.Configurations`, ascending.
    train_blocks, validation_blocks, test_blocks : int
        Blocks in each.
    """

    train: Ints
    validation: Ints
    test: Ints
    train_blocks: int
    validation_blocks: int
    test_blocks: int


def draw(frames: Configurations, split: Split) -> Parts:
    """Divide frames as a split says.

    The reserve depends on ``reserve`` and ``reserve_seed`` alone; validation is drawn from the rest with
    ``split_seed``. Both shares are shares of all frames, met as closely as whole blocks allow: to half a block if they
    are equal. Within that, each group gives its share too: of b equal blocks, a share p takes ⌊p b⌋ or ⌈p b⌉, and every
    block is equally likely to be taken. A block that holds frames of several groups counts to that of its first.

    Parameters
    ----------
    frames : Configurations
        With their blocks.
    split : Split
        Shares and seeds.

    Returns
    -------
    Parts

    Raises
    ------
    DataError
        When there are fewer than three blocks, or when the shares leave nothing for one of the parts.
    """
    for name, share in (("reserve", split.reserve), ("validation", split.validation)):
        if not 0 < share < 1:
            raise DataError(f"The {name} share must lie between 0 and 1, found {share:g}.")
    if split.reserve + split.validation >= 1:
        raise DataError(
            f"A reserve of {split.reserve:g} and a validation share of {split.validation:g} leave nothing to train on; "
            "their sum must stay below 1."
        )
    names, first, block_of_frame, sizes = np.unique(
        frames.block, return_index=True, return_inverse=True, return_counts=True
    )
    if len(names) < 3:
        raise DataError(
            f"A split needs at least 3 blocks (for training, validation and reserve), found {len(names)} in "
            f"{len(frames)} frames; give more frames or a shorter block_length."
        )
    # In the order of the file, so that renaming a group or block changes no draw.
    blocks = np.argsort(first)
    group = frames.group[first]
    reserve_rng, split_rng = (
        np.random.default_rng((split.reserve_seed, 0)),
        np.random.default_rng((split.split_seed, 1)),
    )
    test = _systematic(blocks, sizes, group, split.reserve * len(frames), reserve_rng, most=len(blocks) - 2)
    rest = blocks[~np.isin(blocks, test)]
    validation = _systematic(rest, sizes, group, split.validation * len(frames), split_rng, most=len(rest) - 1)
    train = rest[~np.isin(rest, validation)]

    def members(chosen: Ints) -> Ints:
        return np.flatnonzero(np.isin(block_of_frame, chosen)).astype(np.int64)

    return Parts(
        train=members(train),
        validation=members(validation),
        test=members(test),
        train_blocks=len(train),
        validation_blocks=len(validation),
        test_blocks=len(test),
    )


def fewer(frames: Configurations, train: Ints, count: int, seed: int) -> Ints:
    """Return some of a split's training configurations, fewer always among those of more.

    The blocks of each group are put into a random order, and the groups take turns: next is the group of which the
    smaller share would be taken with half of its next block. The first ``count`` configurations of that order are
    returned; only the last block is cut, after its first configurations. A block that holds configurations of several
    groups counts to that of its first.

    Parameters
    ----------
    frames : Configurations
        With their blocks.
    train : ndarray of int
        Positions of the training configurations, ascending.
    count : int
        How many are wanted.
    seed : int
        Seed of the order.

    Returns
    -------
    ndarray of int, shape (count,)
        Positions, ascending.

    Raises
    ------
    DataError
        When there are not so many, or when two are not even asked for.
    """
    if not 2 <= count <= len(train):
        raise DataError(
            f"A training learns from 2 to {len(train)} configurations of this split, found {count}; ask for a number "
            "between them."
        )
    rng = np.random.default_rng((seed, 2))
    _, first, block_of_frame = np.unique(frames.block[train], return_index=True, return_inverse=True)
    group = frames.group[train][first]
    # In the order of the file, so that renaming a group or block changes no draw.
    names = list(dict.fromkeys(group[np.argsort(first)].tolist()))
    waiting = {
        name: [
            train[block_of_frame == block]
            for block in rng.permutation(sorted(np.flatnonzero(group == name), key=lambda block: int(first[block])))
        ]
        for name in (names[place] for place in rng.permutation(len(names)))
    }
    total = {name: sum(map(len, blocks)) for name, blocks in waiting.items()}
    taken = dict.fromkeys(waiting, 0)
    chosen: list[Ints] = []
    while sum(taken.values()) < count:
        name = min(
            (name for name in waiting if waiting[name]),
            key=lambda name: (taken[name] + len(waiting[name][0]) / 2) / total[name],
        )
        chosen.append(waiting[name].pop(0))
        taken[name] += len(chosen[-1])
    return np.sort(np.concatenate(chosen)[:count]).astype(np.int64)


def _systematic(
    blocks: Ints, sizes: Ints, group: npt.NDArray[np.str_], target: float, rng: np.random.Generator, *, most: int
) -> Ints:
    """Choose between 1 and ``most`` blocks that hold about ``target`` frames, evenly over the groups.

    This is systematic sampling: the blocks are laid on a circle, group after group, in random order within each group.
    From a random start, a block is taken whenever that brings the frames taken so far closer to their share of the
    frames passed so far.
    """
    names = list(dict.fromkeys(group[blocks].tolist()))
    circle = np.concatenate([rng.permutation(blocks[group[blocks] == name]) for name in names])
    circle = np.roll(circle, -int(rng.integers(len(circle))))
    size = sizes[circle]
    share = target / size.sum()
    if size.min() == size.max():
        # A whole number of blocks, so that the step is the same across the start of the circle as elsewhere.
        share = np.clip(np.rint(share * len(circle)), 1, most) / len(circle)
    chosen, taken, passed = [], 0, 0
    for block, frames in zip(circle.tolist(), size.tolist(), strict=True):
        passed += frames
        if taken + frames / 2 <= share * passed:
            chosen.append(block)
            taken += frames
    if not chosen:
        chosen = [int(circle[0])]
    return np.array(chosen[:most], dtype=np.int64)

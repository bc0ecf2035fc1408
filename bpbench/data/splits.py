"""Dividing frames into training, validation and reserve (test) by whole blocks, evenly over the groups.

To see what that is worth, a split may also go by single frames, whose neighbours are near copies and end up on the
other side, or by whole groups, so that models are tested on state points that they never met.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from bpbench.errors import DataError, nearest

if TYPE_CHECKING:
    import numpy.typing as npt

    from bpbench.data.frames import Configurations, Ints
    from bpbench.jobs import Split, SplitBy

#: The three parts of a split, by the names of their fields.
PARTS: Final = ("train", "validation", "test")
#: What the scores on fresh groups are called beside those of the parts.
FRESH: Final = "fresh"


@dataclass(frozen=True, slots=True)
class Parts:
    """The three parts of a split, and frames beside it.

    Together the parts hold once every frame that is neither guard nor fresh, nor in the reserve of a split to explore
    on; no block is in two of them, or no group where the split goes by state.

    Attributes
    ----------
    train, validation, test : ndarray of int
        Positions of the frames in their :class:`~bpbench.data.frames.Configurations`, ascending.
    train_blocks, validation_blocks, test_blocks : int
        Blocks that each has frames of.
    train_units, test_units : int
        Blocks in each, or single frames or groups: what the split draws.
    fresh : ndarray of int
        Positions of the frames of fresh groups, ascending.
    """

    train: Ints
    validation: Ints
    test: Ints
    train_blocks: int
    validation_blocks: int
    test_blocks: int
    train_units: int
    test_units: int
    fresh: Ints


def draw(frames: Configurations, split: Split) -> Parts:
    """Divide frames as a split says.

    The reserve depends on ``reserve`` and ``reserve_seed`` alone; validation is drawn from the rest with
    ``split_seed``. Both shares are shares of all frames, met as closely as whole blocks allow: to half a block if they
    are equal. Within that, each group gives its share too: of b equal blocks, a share p takes ⌊p b⌋ or ⌈p b⌉, and every
    block is equally likely to be taken. A block that holds frames of several groups counts to that of its first. A
    split by frame takes single frames in place of blocks, with the same shares of each group; one by state takes whole
    groups, each equally likely. Guards between blocks are in no part whatever is taken: all ways have the same frames.

    A split to explore on leaves the reserve out: its own test part is drawn from the rest with ``split_seed``, before
    validation.

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
        When there are fewer than three blocks, frames or groups, when the shares leave nothing for one of the parts, or
        when a fresh group is not there or no other is.
    """
    for name, share in (("reserve", split.reserve), ("validation", split.validation)):
        if not 0 < share < 1:
            raise DataError(f"The {name} share must lie between 0 and 1, found {share:g}.")
    own = split.explore or 0.0
    if split.reserve + split.validation + own >= 1:
        explored = f", a test share to explore on of {own:g}" if own else ""
        raise DataError(
            f"A reserve of {split.reserve:g}{explored} and a validation share of {split.validation:g} leave nothing to "
            "train on; their sum must stay below 1."
        )
    used = divided(frames, split.fresh)
    unit = {"block": frames.block, "frame": np.arange(len(frames)), "state": frames.group}[split.by][used]
    names, first, unit_of_frame, sizes = np.unique(unit, return_index=True, return_inverse=True, return_counts=True)
    parts_wanted = (
        "training, validation and reserve" if split.explore is None else "training, validation, test, reserve"
    )
    least = 3 if split.explore is None else 4
    if len(names) < least:
        raise DataError(
            f"A split by {split.by} needs at least {least} {_UNITS[split.by]} (for {parts_wanted}), found "
            f"{len(names)} in {len(used)} frames; give more frames"
            + (" or a shorter block_length." if split.by == "block" else " or split by block.")
        )
    # In the order of the file, so that renaming a group or block changes no draw.
    units = np.argsort(first)
    # Groups are drawn each as likely as any other: there is nothing that they should be spread over.
    group = np.full(len(first), "") if split.by == "state" else frames.group[used][first]
    reserve_rng, split_rng = (
        np.random.default_rng((split.reserve_seed, 0)),
        np.random.default_rng((split.split_seed, 1)),
    )
    # Drawn the same whether the split explores or not: it is one reserve.
    test = _systematic(units, sizes, group, split.reserve * len(used), reserve_rng, most=len(units) - 2)
    rest = units[~np.isin(units, test)]
    if split.explore is not None:
        if len(rest) < 3:
            raise DataError(
                f"A split to explore on needs at least 3 {_UNITS[split.by]} beside the reserve (for training, "
                f"validation and test), and a reserve of {split.reserve:g} leaves {len(rest)} of {len(units)}; give "
                "more frames, or a smaller reserve."
            )
        explore_rng = np.random.default_rng((split.split_seed, 3))
        test = _systematic(rest, sizes, group, split.explore * len(used), explore_rng, most=len(rest) - 2)
        rest = rest[~np.isin(rest, test)]
    validation = _systematic(rest, sizes, group, split.validation * len(used), split_rng, most=len(rest) - 1)
    train = rest[~np.isin(rest, validation)]

    parts = [used[np.isin(unit_of_frame, chosen)] for chosen in (train, validation, test)]
    blocks = [len(np.unique(frames.block[part])) for part in parts]
    return Parts(
        train=parts[0],
        validation=parts[1],
        test=parts[2],
        train_blocks=blocks[0],
        validation_blocks=blocks[1],
        test_blocks=blocks[2],
        train_units=len(train),
        test_units=len(test),
        # Who explores has not seen the fresh groups either.
        fresh=np.flatnonzero(np.isin(frames.group, split.fresh if split.explore is None else ())).astype(np.int64),
    )


_UNITS: Final = {"block": "blocks", "frame": "frames", "state": "groups"}


def divided(frames: Configurations, fresh: tuple[str, ...]) -> Ints:
    """Return the positions of the frames that are divided, ascending: all but guards and fresh groups.

    Parameters
    ----------
    frames : Configurations
        With their groups.
    fresh : tuple of str
        Groups that are kept fresh.

    Raises
    ------
    DataError
        When a fresh group is not there, or when all groups are fresh.
    """
    present = set(frames.group.tolist())
    for name in fresh:
        if name not in present:
            raise DataError(f"There is no group '{name}' to keep fresh{nearest(name, present)}")
    if present == set(fresh):
        raise DataError(
            f"To keep every group fresh ({len(present)} of {len(present)}) leaves no frames to divide into training, "
            "validation and test; name fewer groups."
        )
    used = frames.used
    return used[~np.isin(frames.group[used], fresh)]


def fewer(frames: Configurations, train: Ints, count: int, seed: int, by: SplitBy = "block") -> Ints:
    """Return some of a split's training configurations, fewer always among those of more.

    The blocks of each group are put into a random order, and the groups take turns: next is the group of which the
    smaller share would be taken with half of its next block. The first ``count`` configurations of that order are
    returned; only the last block is cut, after its first configurations. A block that holds configurations of several
    groups counts to that of its first. Of a split by frame single frames are taken in place of blocks.

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
    by : {'block', 'frame', 'state'}
        What the split never divides.

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
    unit = train if by == "frame" else frames.block[train]
    _, first, block_of_frame = np.unique(unit, return_index=True, return_inverse=True)
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

"""From what each contestant learns: configurations, blocks, the groups it never meets, and who learns the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np

from bpbench.data import splits
from bpbench.data.frames import Ints
from bpbench.jobs import SplitBy
from bpbench.study import Prepared, learned

#: Groups that are named in one sentence.
_NAMED: Final = 4


def configurations(prepared: Prepared, variant: str) -> list[int]:
    """Return from how many training configurations of each split a contestant learns."""
    return [learned(prepared.protocol.contestant(variant), part) for part in prepared.parts_of(variant)]


def blocks(prepared: Prepared, variant: str) -> list[int]:
    """Return of how many blocks of each split these configurations are; near copies lie within a block."""
    return [
        len(set(prepared.frames.block[_taken(prepared, by, number, count)].tolist()))
        for by in [prepared.protocol.contestant(variant).split_by]
        for number, count in enumerate(configurations(prepared, variant))
    ]


def twins(prepared: Prepared) -> dict[str, str]:
    """Return, of each contestant whose trainings are all those of an earlier one, the name of that one.

    These are the twins that the protocol knows (:attr:`bpbench.protocol.Protocol.twins`), and those that only the
    data show: asked for by a number of configurations that is all of them, or by the functions of two equal sets.
    """
    first: dict[tuple[object, ...], str] = {}
    found = {}
    for variant in prepared.protocol.variants:
        key = tuple(prepared.trainings[variant.name, repeat.number] for repeat in prepared.repeats)
        other = first.setdefault(key, variant.name)
        if other != variant.name:
            found[variant.name] = other
    return found


def unequal(prepared: Prepared) -> bool:
    """Return whether the pairs of the family learn from unequal numbers of configurations."""
    if not prepared.parts:
        return False
    size = {variant.name: configurations(prepared, variant.name) for variant in prepared.protocol.variants}
    least = {
        tuple(min(both) for both in zip(*(size[name] for name in pair), strict=True))
        for pair in prepared.protocol.family
        if size.keys() >= set(pair)  # a strategy may have found nothing so far
    }
    return len(least) > 1


def untrained(prepared: Prepared) -> list[str]:
    """Return sentences on groups that are tested and not trained on: what is scored there is extrapolation.

    First those that a split trains on nowhere, then those that whoever learns from fewer configurations never meets.
    Whoever is split by state is always tested so, and that is said once.
    """
    found = []
    apart = [variant.name for variant in prepared.protocol.variants if variant.split_by == "state"]
    if apart and prepared.parts:
        who = "Every contestant" if len(apart) == len(prepared.protocol.variants) else ", ".join(apart)
        found.append(f"{who}: tested on groups that were never trained on; what is scored there is extrapolation.")
    for by in prepared.parts:
        if by != "state":
            found += _untrained(prepared, by)
    return found


def _untrained(prepared: Prepared, by: SplitBy) -> list[str]:
    parts = prepared.parts[by]
    group, number = prepared.frames.group, len(parts)
    lacking = Counter(
        name for part in parts for name in sorted(set(group[part.test].tolist()) - set(group[part.train].tolist()))
    )
    found = [
        f"No frame of the group '{name}' was trained on{'' if number == 1 else f' in {count} of {number} splits'}, "
        "though some are in the reserve: what is scored there is extrapolation."
        for name, count in lacking.items()
    ]
    sizes = {
        tuple(configurations(prepared, variant.name))
        for variant in prepared.protocol.variants
        if variant.split_by == by
    }
    return found + [text for counts in sorted(sizes) if (text := _of_fewer(prepared, by, counts))]


def _taken(prepared: Prepared, by: SplitBy, number: int, count: int) -> Ints:
    """Return the configurations of a split that are learned from, as the runner draws them."""
    train = prepared.parts[by][number].train
    if count == len(train):
        return train
    split = next(repeat.split for repeat in prepared.repeats if repeat.split_number == number)
    return splits.fewer(prepared.frames, train, count, split.split_seed, by)


def _of_fewer(prepared: Prepared, by: SplitBy, counts: Sequence[int]) -> str:
    """Return which groups those who learn from so many configurations of each split miss though the split has them."""
    group = prepared.frames.group
    missing: list[set[str]] = []
    for number, (count, part) in enumerate(zip(counts, prepared.parts[by], strict=True)):
        tested = set(group[part.test].tolist()) & set(group[part.train].tolist())
        missing.append(tested - set(group[_taken(prepared, by, number, count)].tolist()))
    if not any(missing):
        return ""
    names = [name for name in dict.fromkeys(group.tolist()) if any(name in gone for gone in missing)]
    shown = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
    few = " to ".join(map(str, dict.fromkeys((min(counts), max(counts)))))
    some = " to ".join(map(str, dict.fromkeys((min(map(len, missing)), max(map(len, missing))))))
    of = f"{some} of the {len(np.unique(group))} groups"
    where = f"({shown})" if len(missing) == 1 else f"(by split, among {shown})"
    return (
        f"With {few} observations, no frame of {of} {where} is trained on, though some are in the reserve: what is "
        "scored there is extrapolation."
    )

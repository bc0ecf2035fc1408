"""Strategies whose candidates are known from the start: ranges of R_s, random subsets, evenly spaced groups.

Each tries all of its candidates and chooses the one of the best mean score.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from bpbench.cuts import within
from bpbench.errors import FeatureError, nearest
from bpbench.features import G2, evenly_spaced
from bpbench.identity import seed
from bpbench.selection.ground import Ground, Search, choice
from bpbench.selection.racing import race
from bpbench.selection.trace import Chosen, Labelled, Step, Trace
from bpbench.strategies import ByShift, EvenlySpacedGroups, Race, RandomSubsets


def choose(ground: Ground, candidates: Sequence[Labelled], rule: Race | None, what: str) -> Search[Trace]:
    """Try candidates and choose the best of them.

    Parameters
    ----------
    ground : Ground
        Where they are trained.
    candidates : sequence of (str, tuple of int)
        Labels and functions.
    rule : Race or None
        How hopeless ones are stopped.
    what : str
        What they are, in the plural.
    """
    sets = [chosen for _, chosen in candidates]
    raced = yield from race(ground, sets, rule)
    best = raced.best(ground)
    entries = raced.entries(ground, [label for label, _ in candidates], reference=best)
    if best is None:
        said = f"Every one of the {len(sets)} {what} diverged: nothing was chosen."
        return Trace((Step(said, entries),), None)
    label = candidates[best][0]
    said = f"Of {len(sets)} {what} the one of the best mean was chosen: {label}."
    return Trace((Step(said, entries, label, label),), choice(ground, sets[best], raced.of(best)))


# ------------------------------------------------------------------------------------------- what is to be tried


def shifts(spec: ByShift, ground: Ground) -> list[Labelled]:
    """Return the candidates of ranges of R_s.

    Parameters
    ----------
    spec : ByShift
        The ranges.
    ground : Ground
        With the pool.

    Raises
    ------
    FeatureError
        When ranges overlap or run backwards, when one holds no function, or when there are no angular functions to go
        with them.
    """
    for number, (low, high) in enumerate(spec.ranges):
        if low > high:
            raise FeatureError(f"A range of R_s runs from its lower to its upper end, found [{low:g}, {high:g}].")
        for other_low, other_high in spec.ranges[:number]:
            if low <= other_high and other_low <= high:
                raise FeatureError(
                    f"The ranges [{other_low:g}, {other_high:g}] and [{low:g}, {high:g}] of R_s overlap (both ends "
                    "belong to a range); give each function to one of them."
                )
    radial = {place: item.r_s for place, item in enumerate(ground.functions) if isinstance(item, G2)}
    angular = [place for place in ground.whole if place not in radial]
    if spec.angular != "without" and not angular:
        raise FeatureError("The set has no angular functions to go with a range of R_s; write angular: without.")
    made = []
    for low, high in spec.ranges:
        inside = [place for place, shift in radial.items() if within(shift, (low, high))]
        if not inside:
            known = sorted(set(radial.values()))
            have = f"its R_s run from {known[0]:g} to {known[-1]:g} Å" if known else "it has no radial functions"
            raise FeatureError(f"No radial function of the set has an R_s in [{low:g}, {high:g}]; {have}.")
        span = f"R_s = {low:g}" if low == high else f"R_s {low:g} to {high:g}"
        if spec.angular != "with":
            made.append((f"G2 of {span}", tuple(inside)))
        if spec.angular != "without":
            made.append((f"G2 of {span} and angular", tuple(sorted([*inside, *angular]))))
    return made


def subsets(spec: RandomSubsets, ground: Ground) -> list[Labelled]:
    """Return the random subsets, each of them once.

    Parameters
    ----------
    spec : RandomSubsets
        Sizes and draws.
    ground : Ground
        With the pool and the seed; the draws of one size depend on no other size.

    Raises
    ------
    FeatureError
        For a subset larger than the pool, a size given twice, or more draws than there are subsets of a size.
    """
    pool = len(ground.functions)
    made = []
    for number, size in enumerate(spec.sizes):
        if size > pool:
            raise FeatureError(
                f"A subset of {size} is larger than the set, which has {pool} functions; ask for at most {pool}."
            )
        if size in spec.sizes[:number]:
            raise FeatureError(f"The size {size} is given twice; keep one of them.")
        rng = np.random.default_rng(seed(ground.seed, "subsets", size))
        drawn: dict[Chosen, None] = {}
        for _ in range(1000 * spec.draws):
            drawn[tuple(sorted(rng.choice(pool, size, replace=False).tolist()))] = None
            if len(drawn) == spec.draws:
                break
        if len(drawn) < spec.draws:
            raise FeatureError(
                f"There are not {spec.draws} different subsets of {size} of {pool} functions; ask for fewer draws, or "
                "leave out this size."
            )
        made += [(f"{size} functions, draw {draw}", chosen) for draw, chosen in enumerate(drawn, 1)]
    return made


def groups(spec: EvenlySpacedGroups, ground: Ground) -> list[Labelled]:
    """Return the evenly spaced groups, every step with every start.

    Parameters
    ----------
    spec : EvenlySpacedGroups
        Steps and starts.
    ground : Ground
        With the pool, which must hold every function of every group.

    Raises
    ------
    FeatureError
        When a group holds a function that is not in the set, when the ranges of one group meet, or when two groups of
        one step overlap.
    """
    place = {function.name: number for number, function in enumerate(ground.functions)}
    made: list[tuple[tuple[int, int, int], str, Chosen]] = []
    for steps, starts in product(spec.steps, spec.starts):
        group = evenly_spaced(steps, starts)
        outside = [name for name in group.names if name not in place]
        if outside:
            raise FeatureError(
                f"The group of steps {steps} and starts {starts} holds {outside[0]}, which is not in the "
                f"set{nearest(outside[0], place)}"
            )
        label = f"steps {_spoken(steps)}, starts {_spoken(starts)}"
        made.append((steps, label, tuple(sorted(place[name] for name in group.names))))
    for number, (steps, label, chosen) in enumerate(made):
        for same_steps, other, before in made[:number]:
            same = set(chosen) & set(before)
            if same and steps == same_steps:
                raise FeatureError(
                    f"The groups of {other} and of {label} overlap in {len(same)} functions; groups of one step start "
                    "at different numbers within it."
                )
    return [(label, chosen) for _, label, chosen in made]


def _spoken(numbers: tuple[int, int, int]) -> str:
    return "/".join(map(str, numbers))

"""Strategies: ways to choose a model's inputs by exploring, each a generator.

A search yields lists of jobs, is sent their results and returns a :class:`~bpbench.selection.trace.Trace`. It knows
neither store nor reserve: :mod:`bpbench.exploration` drives it, and what it finds is confirmed elsewhere. Given the
same results it asks for the same jobs, so that a search that was killed goes on by being started again.

``ground`` is what all stand on; ``candidates`` try what is known from the start, ``drop`` leaves functions out,
``grow`` adds them and finds the smallest set, ``weights`` measures how much an input matters, ``racing`` stops what is
hopeless, and ``trace`` is what is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bpbench.errors import FeatureError
from bpbench.selection import candidates as known
from bpbench.selection import drop, grow, racing
from bpbench.selection.ground import Ground, Search
from bpbench.selection.trace import Labelled, Trace
from bpbench.strategies import (
    Backward,
    ByShift,
    ByWeight,
    DropOne,
    EvenlySpacedGroups,
    Forward,
    RandomSubsets,
    Strategy,
)

_WHAT: Final = {ByShift: "ranges of R_s", RandomSubsets: "random subsets", EvenlySpacedGroups: "evenly spaced groups"}


def search(spec: Strategy, ground: Ground, candidates: Sequence[Labelled] = ()) -> Search[Trace]:
    """Start a search.

    Parameters
    ----------
    spec : Strategy
        What the protocol says.
    ground : Ground
        Pool and trainings.
    candidates : sequence of (str, tuple of int)
        What :class:`~bpbench.strategies.Smallest` chooses from; the others make their own.
    """
    if isinstance(spec, ByShift | RandomSubsets | EvenlySpacedGroups):
        return known.choose(ground, _candidates(spec, ground), spec.race, _WHAT[type(spec)])
    if isinstance(spec, DropOne):
        return drop.drop_one(spec, ground)
    if isinstance(spec, Backward):
        return drop.backward(spec, ground)
    if isinstance(spec, Forward):
        return grow.forward(spec, ground)
    if isinstance(spec, ByWeight):
        return drop.by_weight(spec, ground)
    return grow.smallest(spec, ground, candidates)


def at_most(spec: Strategy, ground: Ground, candidates: int = 0) -> int:
    """Return how many trainings a search asks for at most, and refuse what could never work.

    Parameters
    ----------
    spec, ground
        As in :func:`search`.
    candidates : int
        How many :class:`~bpbench.strategies.Smallest` chooses from.

    Raises
    ------
    FeatureError
        Before anything has run: for subsets larger than the pool, overlapping ranges, a set that would be left empty.
    """
    pool, each = len(ground.functions), ground.repeats
    if isinstance(spec, ByShift | RandomSubsets | EvenlySpacedGroups):
        return racing.most(len(_candidates(spec, ground)), each, spec.race)
    if isinstance(spec, DropOne):
        _leaves(spec.remove, pool, "remove")
        return each * (1 + len(spec.remove)) + racing.most(pool, each, spec.race, max(spec.remove))
    if isinstance(spec, ByWeight):
        _leaves(spec.drop, pool, "drop")
        return each * (1 + len(spec.drop)) + (each if spec.of not in {None, spec.model} else 0)
    if isinstance(spec, Backward):
        if spec.least >= pool:
            more = f"s: nothing could be dropped; ask for at most {pool - 1}." if pool > 1 else "; name a larger set."
            raise FeatureError(f"'least' is {spec.least}, and the set has {pool} function{more}")
        if spec.step >= pool:
            raise FeatureError(f"'step' is {spec.step}, and the set has {pool} functions; ask for at most {pool - 1}.")
        ordering = racing.most(pool, each, spec.race, max(1, pool // 2)) if spec.order == "drop-one" else 0
        # Of a chunk of s functions at most 2s - 1 parts are tried.
        chunks = [min(spec.step, pool - at) for at in range(0, pool, spec.step)]
        return each + ordering + each * sum(2 * chunk - 1 for chunk in chunks)
    if isinstance(spec, Forward):
        if spec.most > pool:
            raise FeatureError(f"'most' is {spec.most}, more than the {pool} functions of the set; ask for fewer.")
        return each + sum(racing.most(pool - size, each, spec.race) for size in range(spec.most))
    return each * candidates


def importances(spec: Strategy, ground: Ground) -> int:
    """Return how many times a search asks how much inputs matter, beside its trainings."""
    return ground.repeats if isinstance(spec, ByWeight) and spec.by in {"permutation", "gain"} else 0


def _candidates(spec: ByShift | RandomSubsets | EvenlySpacedGroups, ground: Ground) -> list[Labelled]:
    if isinstance(spec, ByShift):
        return known.shifts(spec, ground)
    return known.subsets(spec, ground) if isinstance(spec, RandomSubsets) else known.groups(spec, ground)


def _leaves(counts: tuple[int, ...], pool: int, key: str) -> None:
    """Refuse to leave out everything, or one number twice."""
    for number, count in enumerate(counts):
        if count >= pool:
            raise FeatureError(
                f"To leave out {count} of {pool} functions would leave an empty set; expected '{key}' of at most "
                f"{pool - 1}."
            )
        if count in counts[:number]:
            raise FeatureError(f"The number {count} is given twice; keep one of them.")

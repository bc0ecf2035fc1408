"""What a protocol may say of its strategies: ways to choose the inputs of a model by exploring, and how they explore.

What each of them does stands in :mod:`bpbench.selection`; what it finds is confirmed on other seeds and on a reserve
that it never saw.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal

from annotated_types import Ge, Gt, Lt, MinLen
from pydantic import Discriminator

from bpbench.declared import Count, Margin, Name, Share
from bpbench.features import STRICT
from bpbench.jobs import LightGbm, ModelSpec, RandomForest

#: A range of R_s (Å), both ends included; a function of R_s = 0 lies in [0, 0].
ShiftRange = tuple[Annotated[float, Ge(0)], Annotated[float, Ge(0)]]
Step = Annotated[int, Ge(1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explore:
    """How candidates are tried before the winners are confirmed; no frame of the reserve takes part.

    Attributes
    ----------
    repeats : int
        Trainings of each candidate.
    design : {'resampled', 'fixed'}
        ``resampled``: each repeat divides the frames beside the reserve anew; ``fixed``: one division, seeds vary.
    test, validation : float
        Shares of all frames: on ``test`` candidates are scored, on ``validation`` their trainings choose when to stop.
    """

    __pydantic_config__: ClassVar = STRICT
    repeats: Annotated[int, Ge(2)] = 5
    design: Literal["resampled", "fixed"] = "resampled"
    test: Share = 0.2
    validation: Share = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """Candidates that fall behind get no further repeats; see :mod:`bpbench.selection.racing`.

    Attributes
    ----------
    rule : {'friedman', 'halving'}
        ``friedman``: those that Friedman's test and Conover's comparisons tell from the best (F-race); ``halving``: the
        worse half, at rungs that are known beforehand.
    first : int
        Repeats of every candidate before the first is stopped; at least 2 for ``friedman``, which ranks repeats.
    alpha : float
        Level of each test of ``friedman``.
    """

    __pydantic_config__: ClassVar = STRICT
    rule: Literal["friedman", "halving"] = "friedman"
    first: Count = 3
    alpha: Annotated[float, Gt(0), Lt(0.5)] = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfOneSet:
    """What strategies that choose from one set share.

    Attributes
    ----------
    set : str
        Key of ``sets``: the pool that is chosen from.
    model : str
        Key of ``models``: what is trained on each candidate.
    race : Race or None
        How hopeless candidates are stopped; ``None``: all get every repeat.
    outer : int
        Outer splits: how often the whole search is made, each time on other divisions of the frames, to see whether it
        chooses the same again. The first search gives the winner.
    """

    __pydantic_config__: ClassVar = STRICT
    set: Name
    model: Name
    race: Race | None = None
    outer: Count = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ByShift(_OfOneSet):
    """Radial functions by the range of their R_s, alone and with all angular functions of the set.

    Attributes
    ----------
    ranges : tuple of (float, float)
        Of R_s in Å, both ends included; no two overlap.
    angular : {'both', 'with', 'without'}
        Whether each range is tried with the angular functions of the set, without, or in both ways.
    """

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["by-shift"]
    ranges: Annotated[tuple[ShiftRange, ...], MinLen(1)]
    angular: Literal["both", "with", "without"] = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomSubsets(_OfOneSet):
    """Subsets drawn at random, of several sizes.

    Attributes
    ----------
    sizes : tuple of int
        Numbers of functions in a subset, each once.
    draws : int
        Subsets of each size.
    """

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["random-subsets"]
    sizes: Annotated[tuple[Count, ...], MinLen(1)]
    draws: Annotated[int, Ge(2)] = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class EvenlySpacedGroups(_OfOneSet):
    """Groups of the pool of 329, every step with every start; see :func:`bpbench.features.evenly_spaced`.

    Attributes
    ----------
    steps : tuple of (int, int, int)
        (a, b, c) of each.
    starts : tuple of (int, int, int)
        (x, y, z) of each.
    """

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["evenly-spaced"]
    steps: Annotated[tuple[tuple[Step, Step, Step], ...], MinLen(1)]
    starts: Annotated[tuple[tuple[Step, Annotated[int, Ge(202)], Step], ...], MinLen(1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DropOne(_OfOneSet):
    """Leave out each function alone; then leave out together those whose absence helps most, and train again.

    Attributes
    ----------
    remove : tuple of int
        How many are left out together, each number tried.
    """

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["drop-one"]
    remove: Annotated[tuple[Count, ...], MinLen(1)] = (1,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backward(_OfOneSet):
    """Backward elimination: a function goes if the smaller set is non-inferior to the whole within the margin.

    Attributes
    ----------
    order : {'drop-one', 'weight', 'listed', 'random'}
        In which order functions are tried: those first whose absence alone helps most or hurts least, those of the
        smallest weights, as the set lists them, or at random.
    step : int
        Functions that are tried together; where they may not go together, each half of them is tried.
    least : int
        Functions that are kept in any case.
    margin : float, str or None
        As in ``analysis``; ``None``: that one.
    """

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["backward"]
    order: Literal["drop-one", "weight", "listed", "random"] = "drop-one"
    step: Count = 1
    least: Count = 1
    margin: Margin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward(_OfOneSet):
    """Forward selection: add the function that helps most until the set is non-inferior to the whole within the margin.

    Attributes
    ----------
    most : int
        Functions at which it stops in any case.
    margin : float, str or None
        As in ``analysis``; ``None``: that one.
    """

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["forward"]
    most: Count
    margin: Margin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ByWeight(_OfOneSet):
    """Leave out the functions that matter least to a trained model.

    Attributes
    ----------
    by : {'absolute', 'sum', 'permutation', 'gain'}
        What tells how much an input matters: the sum of the absolute values of its first-layer weights, or their sum,
        the rise of the error when its values are shuffled, or the gain of the trees' splits on it.
    of : str or None
        Key of ``models``: the one to which inputs matter; ``None``: the one that is trained on each smaller set.
    drop : tuple of int
        How many of the lowest are left out, each number tried.
    """

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["by-weight"]
    by: Literal["absolute", "sum", "permutation", "gain"] = "absolute"
    of: Name | None = None
    drop: Annotated[tuple[Count, ...], MinLen(1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Smallest:
    """The smallest set that is as good as the best within the margin: explored among sets, and confirmed.

    Attributes
    ----------
    model : str
        Key of ``models``.
    sets : tuple of str
        Keys of ``sets``.
    strategies : tuple of str
        Strategies above this one whose winners stand among the candidates as well.
    by : {'functions', 'operations'}
        Whether the one of the fewest functions is looked for or that of the fewest operations
        (:func:`bpbench.descriptors.operations.operations`); the other decides between equals.
    margin : float, str or None
        As in ``analysis``; ``None``: that one.
    """

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["smallest"]
    model: Name
    sets: tuple[Name, ...] = ()
    strategies: tuple[Name, ...] = ()
    by: Literal["functions", "operations"] = "functions"
    margin: Margin | None = None


#: Strategies that choose from one set.
OfOneSet = ByShift | RandomSubsets | EvenlySpacedGroups | DropOne | Backward | Forward | ByWeight
Strategy = OfOneSet | Smallest
StrategySpec = Annotated[Strategy, Discriminator("kind")]


#: What tells how much an input matters, and what it looks at.
LOOKS_AT: Final = {
    "absolute": "the first-layer weights",
    "sum": "the first-layer weights",
    "permutation": "what the model answers to shuffled values",
    "gain": "the gain of the trees' splits",
}


def able(model: ModelSpec) -> tuple[str, ...]:
    """Return by what the inputs of a model can be weighed: keys of :data:`LOOKS_AT`."""
    return ("permutation", "gain") if isinstance(model, RandomForest | LightGbm) else ("absolute", "sum", "permutation")


def best_of(name: str) -> str:
    """Return how the best set is called with which the winner of a :class:`Smallest` is compared."""
    return f"{name}: the best"

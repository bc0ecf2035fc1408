"""Scores of random draws by their size: what a size gives, and between which sizes that changes.

Of each size several subsets are drawn independently; a draw is the unit, whatever repeats its score is a mean of. The
draws of two sizes have nothing in common that would pair them, so two sizes are compared by Welch's test, and the
comparisons are one family (:func:`bpbench.statistics.compare.judge`). All this holds of draws at random from this pool
and says nothing of the best subset of a size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt

from bpbench.errors import StatisticsError, nearest
from bpbench.statistics.compare import Comparison, judge
from bpbench.statistics.pairs import Pair
from bpbench.statistics.rules import Rules
from bpbench.statistics.samples import LARGEST, Sample, rounding
from bpbench.statistics.student import one_sample

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = npt.NDArray[np.float64]
Against = Literal["next", "largest"]

#: With what each size is compared: the next larger one, or the largest of all.
AGAINST: Final[tuple[Against, ...]] = ("next", "largest")


@dataclass(frozen=True, slots=True)
class SizeScores:
    """The scores of all draws of one size, in the unit of their metric.

    Attributes
    ----------
    size : int
        Members of a draw.
    draws : int
        Draws with a score, on which all numbers rest.
    failed : int
        Draws without one.
    mean, sd : float or None
        Mean and standard deviation (ddof = 1); ``None`` without a score, and the latter of a single one.
    low, high : float or None
        Student's interval of the mean over draws; ``None`` where there is no spread to make it of.
    minimum, lower_quartile, median, upper_quartile, maximum : float or None
        Of the draws (quartiles by linear interpolation, Hyndman and Fan's type 7); ``None`` without a score.
    """

    size: int
    draws: int
    failed: int
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    minimum: float | None
    lower_quartile: float | None
    median: float | None
    upper_quartile: float | None
    maximum: float | None


@dataclass(frozen=True, slots=True)
class BySize:
    """Scores by size, and what may be said of pairs of sizes.

    Attributes
    ----------
    sizes : tuple of SizeScores
        In rising order.
    comparisons : tuple of Comparison
        The smaller size as the candidate against the larger as the baseline, each by its number as a name; by rising
        size.
    """

    sizes: tuple[SizeScores, ...]
    comparisons: tuple[Comparison, ...]


def by_size(
    sizes: Sequence[int],
    scores: Array,
    *,
    against: str = "next",
    correction: str = "holm",
    alpha: float = 0.05,
    lower_is_better: bool = True,
) -> BySize:
    """Return what the draws of each size score, and a judged comparison of each size with a larger one.

    Parameters
    ----------
    sizes : sequence of int, length n
        Size of each draw, at least 1.
    scores : ndarray, shape (n,)
        One score for each independent draw; NaN, or infinitely bad, for one that failed. A size with failed draws is
        never called better than another.
    against : str
        ``next``: each size against the next larger one that was drawn; ``largest``: each against the largest.
    correction : str
        One of :data:`bpbench.statistics.corrections.CORRECTIONS` but ``max-t``, over all comparisons.
    alpha : float
        Error rate of the family; the intervals have the level 1 - alpha.
    lower_is_better : bool
        Direction of the metric.

    Raises
    ------
    StatisticsError
        When there is not one score for each size, none at all, or a size, score, correction or level that cannot be.
    """
    table = _scores(sizes, scores, lower_is_better=lower_is_better)
    if against not in AGAINST:
        raise StatisticsError(f"Sizes are not compared against '{against}'{nearest(against, AGAINST)}")
    rules = Rules("welch", "fixed", correction, alpha=alpha, lower_is_better=lower_is_better)
    every = np.array([int(size) for size in sizes])
    found = {int(size): table[every == size] for size in np.unique(every)}
    order = list(found)
    pairs = pairwise(order) if against == "next" else ((size, order[-1]) for size in order[:-1])
    family = [_pair(one, other, found[one], found[other]) for one, other in pairs]
    return BySize(
        sizes=tuple(_summary(size, values, 1 - alpha) for size, values in found.items()),
        comparisons=judge(family, rules),
    )


def _scores(sizes: Sequence[int], scores: Array, *, lower_is_better: bool) -> Array:
    """Return the scores, NaN where a draw failed, or refuse them."""
    table = np.array(scores, dtype=np.float64)
    if table.ndim != 1 or table.size != len(sizes) or not table.size:
        raise StatisticsError(
            f"Scores by size need one score for each draw and at least one draw, found {len(sizes)} sizes and scores "
            f"of shape {table.shape}."
        )
    wrong = next((size for size in sizes if size < 1), None)
    if wrong is not None:
        raise StatisticsError(f"The size of a draw is 1 or more, found {wrong}.")
    table[table == (math.inf if lower_is_better else -math.inf)] = math.nan
    beyond = np.flatnonzero(np.abs(table) > LARGEST)
    if beyond.size:
        place = int(beyond[0])
        raise StatisticsError(
            f"Scores are numbers of at most {LARGEST:g}, or NaN for failed draws; found {table[place]:g} in place "
            f"{place + 1} of {table.size}."
        )
    return table


def _pair(size: int, larger: int, values: Array, others: Array) -> Pair:
    lost, others_lost = (int(np.isnan(some).sum()) for some in (values, others))
    one, other = (_sample(some[~np.isnan(some)]) for some in (values, others))
    both = one is not None and other is not None
    return Pair(
        f"{size}",
        f"{larger}",
        one if both else None,
        other if both else None,
        diverged_candidate=lost,
        diverged_baseline=others_lost,
        paired=False,
    )


def _sample(values: Array) -> Sample | None:
    # all draws share the one split on which they are scored
    return Sample(values, np.zeros(values.size, dtype=np.int64)) if values.size else None


def _summary(size: int, values: Array, level: float) -> SizeScores:
    scored = values[~np.isnan(values)]
    n = int(scored.size)
    blank: tuple[None, ...] = (None,) * 5
    five = tuple(float(value) for value in np.quantile(scored, [0, 0.25, 0.5, 0.75, 1])) if n else blank
    sd = low = high = None
    mean = float(np.mean(scored)) if n else None
    if n > 1:
        evidence = one_sample(scored)
        sd = evidence.se * math.sqrt(n)
        if float(np.ptp(scored)) > rounding(scored):
            low, high = evidence.interval(level)
    return SizeScores(size, n, int(values.size) - n, mean, sd, low, high, *five)

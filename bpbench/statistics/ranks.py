r"""Wilcoxon's signed-rank test and the interval that belongs to it.

V = Σ_{i: d_i > 0} rank(|d_i|), as R's ``wilcox.test`` prints it. Declared once, for every n:

* differences of zero are dropped (Wilcoxon's own rule, R's and scipy's default);
* equal |d_i| share the mean of their ranks. What differs by no more than rounding (``slack``) is equal: 0.57 - 0.56 and
  0.23 - 0.22 are, though not to the last bit, and 0.1 + 0.2 - 0.3 is zero, so that p is the same in every unit;
* up to :data:`EXACT_UP_TO` differences the null distribution is exact, *given the ties*: all 2^n sign patterns of the
  observed ranks are counted (convolution over doubled ranks, which are whole numbers). ``scipy.stats.wilcoxon`` is
  exact only without ties and changes its method with n, so it is the check here and not the source;
* beyond that scipy's normal approximation with tie and continuity correction.

The interval is Hodges and Lehmann's: order the M = n(n+1)/2 Walsh averages (d_i + d_j)/2, i ≤ j; from the k-th to the
(M+1-k)-th lies the centre of a symmetric distribution, with k the largest number for which P(V ≤ k-1) ≤ (1-level)/2.
It estimates the centre that the test tests (the pseudo-median), which need not be the mean difference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable

EXACT_UP_TO: Final = 50
#: Up to here all Walsh averages are formed at once (two million numbers); beyond, they are counted.
_FORMED_UP_TO: Final = 2000

Array = npt.NDArray[np.float64]


def levels(values: Array, slack: float) -> npt.NDArray[np.int64]:
    """Return the place of each value in the order of those that differ, from 0 on.

    Parameters
    ----------
    values : ndarray, shape (..., n)
        Ordered along the last axis; infinite ones are equal.
    slack : float
        Neighbours that are no farther apart are equal.
    """
    order = np.argsort(values, axis=-1)
    ordered = np.take_along_axis(values, order, axis=-1)
    with np.errstate(invalid="ignore"):  # infinity less infinity is no gap
        gaps = np.diff(ordered, axis=-1, prepend=ordered[..., :1]) > slack
    found = np.empty(values.shape, dtype=np.int64)
    np.put_along_axis(found, order, np.cumsum(gaps, axis=-1), axis=-1)
    return found


def _null(doubled_ranks: npt.NDArray[np.int64]) -> Array:
    """Return the probabilities of 2V = 0, 1, 2, … when every sign is a fair coin."""
    mass = np.zeros(int(doubled_ranks.sum()) + 1)
    mass[0] = 1.0
    top = 0
    for rank in doubled_ranks.tolist():
        # the right-hand side is formed from the old mass before it is stored: each rank counts in or out
        mass[rank : top + rank + 1] += mass[: top + 1].copy()
        mass *= 0.5
        top += rank
    return mass


@lru_cache(maxsize=64)
def _untied_tail(n: int) -> tuple[float, ...]:
    """Return P(V ≤ v) for v = 0, 1, 2, … without ties."""
    return tuple(np.cumsum(_null(np.arange(1, n + 1))).tolist())


def _order(n: int, tail: float) -> int:
    """Return k, the place of the interval's lower end among the Walsh averages; 0 when no interval reaches."""
    if n <= EXACT_UP_TO:
        # a hair of slack for the rounding of the sums, so that P = tail counts as reached
        return int(np.searchsorted(_untied_tail(n), tail * (1 + 1e-12), side="right"))
    from scipy.special import ndtri

    mean, sd = n * (n + 1) / 4, math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    return max(0, math.floor(mean + 0.5 + sd * float(ndtri(tail))))


def _walsh(ordered: Array, place: int) -> float:
    """Return the Walsh average in that place (1-based) of sorted differences."""
    n = ordered.size
    if n <= _FORMED_UP_TO:
        rows, columns = np.triu_indices(n)
        averages = (ordered[rows] + ordered[columns]) / 2
        return float(np.partition(averages, place - 1)[place - 1])

    own = np.arange(n)

    def count(x: float) -> float:
        # pairs i ≤ j with (d_i + d_j)/2 ≤ x: the partners of each i from itself upwards
        partners = np.searchsorted(ordered, 2 * x - ordered, side="right") - own
        return float(np.sum(partners[partners > 0]))

    return placed(count, place, float(ordered[0]), float(ordered[-1]))


def placed(count: Callable[[float], float], place: int, low: float, high: float) -> float:
    """Return the number in a place of an order that is too long to be formed.

    Parameters
    ----------
    count : callable
        How many numbers of the order are at most its argument.
    place : int
        1 for the smallest.
    low, high : float
        The smallest and the largest.
    """
    from scipy.optimize import brentq

    gap = high - low

    def excess(x: float) -> float:
        return count(x) - place + 0.5

    return float(brentq(excess, low - gap, high + gap, xtol=max(1e-12 * gap, 1e-300), rtol=1e-15))


@dataclass(frozen=True, slots=True, eq=False)
class RankEvidence:
    """What the signed-rank test says of one pair.

    Attributes
    ----------
    differences : ndarray, shape (n,)
        Candidate minus baseline, sorted, not all zero.
    slack : float
        Differences as small as this, and differences of differences, are rounding.
    """

    differences: Array
    slack: float = 0.0

    @property
    def df(self) -> None:
        """A rank test has no degrees of freedom."""
        return

    @property
    def statistic(self) -> float:
        """V, the sum of the ranks of the positive differences."""
        return self._ranked()[0]

    @property
    def direction(self) -> int:
        """Side on which the candidate lies by its ranks: 1 above, -1 below, 0 neither."""
        positive, ranks = self._ranked()
        middle = float(ranks.sum()) / 2
        return (positive > middle) - (positive < middle)

    @property
    def zeros(self) -> int:
        """Differences of zero, which the test drops."""
        return int(np.count_nonzero(np.abs(self.differences) <= self.slack))

    @property
    def p_smallest(self) -> float:
        """Smallest two-sided p that this many non-zero differences could give."""
        return min(1.0, 2.0 ** (1 - (self.differences.size - self.zeros)))

    def _ranked(self) -> tuple[float, Array]:
        from scipy.stats import rankdata

        signed = self._signed(self.differences)
        ranks = np.asarray(rankdata(np.abs(signed)), dtype=np.float64)
        return float(ranks[signed > 0].sum()), ranks

    def _signed(self, shifted: Array) -> npt.NDArray[np.int64]:
        """Return whole numbers of the signs and the order of the differences that are not zero, equal if they are."""
        shifted = shifted[np.abs(shifted) > self.slack]
        return np.where(shifted > 0, 1, -1) * (levels(np.abs(shifted), self.slack) + 1)

    def p_greater(self, bound: float = 0.0) -> float:
        """Return the one-sided p of "the centre is at most ``bound``"."""
        return self._p(self.differences - bound)

    def p_less(self, bound: float = 0.0) -> float:
        """Return the one-sided p of "the centre is at least ``bound``"."""
        return self._p(bound - self.differences)

    def _p(self, shifted: Array) -> float:
        """Return P(V ≥ observed)."""
        from scipy.stats import rankdata, wilcoxon

        signed = self._signed(shifted)
        if signed.size == 0:
            return 1.0
        if signed.size > EXACT_UP_TO:
            return float(wilcoxon(signed, alternative="greater", method="asymptotic", correction=True).pvalue)
        doubled = np.rint(2 * rankdata(np.abs(signed))).astype(np.int64)
        observed = int(doubled[signed > 0].sum())
        return min(1.0, float(_null(doubled)[observed:].sum()))

    def interval(self, level: float) -> tuple[float, float] | None:
        """Return the Hodges-Lehmann interval, ``None`` when n is too small for that level."""
        n = self.differences.size
        k = _order(n, (1 - level) / 2)
        if k == 0:
            return None
        return _walsh(self.differences, k), _walsh(self.differences, n * (n + 1) // 2 + 1 - k)


def signed_rank(differences: Array, *, slack: float = 0.0) -> RankEvidence:
    """Return the signed-rank test of paired differences.

    Parameters
    ----------
    differences : ndarray, shape (n,)
        Candidate minus baseline of each repeat, not all zero.
    slack : float
        Differences as small as this, and differences of differences, are rounding.
    """
    return RankEvidence(np.sort(differences), slack)

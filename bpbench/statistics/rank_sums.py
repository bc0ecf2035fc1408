r"""The Mann-Whitney (Wilcoxon rank-sum) test of two independent samples and the interval that belongs to it.

W = #{(i, j): x_i > y_j} + #{(i, j): x_i = y_j} / 2, as R's ``wilcox.test`` prints it; (R_x - n(n + 1)/2 with R_x the
sum of the candidate's ranks). Declared once, for every size:

* equal values share the mean of their ranks; what differs by no more than rounding (``slack``) is equal;
* while k (n + m) ≤ :data:`EXACT_UP_TO`, with k the smaller of n and m (50 against 50, or 5 against 995), the null
  distribution is exact, *given the ties*: all C(n + m, k) choices of the observed ranks are counted.
  ``scipy.stats.mannwhitneyu`` is exact only without ties and changes its method with n, so it is the check here;
* beyond that scipy's normal approximation with tie and continuity correction.

The interval is Hodges and Lehmann's: of the M = n m differences x_i - y_j in order, from the K-th to the (M + 1 - K)-th
lies the shift between two distributions of one shape, with K the largest number for which P(W ≤ K - 1) ≤ (1 - level)/2.
It estimates the shift that the test tests (the median of the differences x - y), which need not be that of the means.

=========  ======================================================
symbol     meaning
=========  ======================================================
x_i, n     values of the candidate, and how many
y_j, m     those of the baseline
=========  ======================================================
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from bpbench.statistics.ranks import levels, placed

EXACT_UP_TO: Final = 5000
#: Up to here all differences are formed at once; beyond, they are counted.
_FORMED_UP_TO: Final = 4_000_000

Array = npt.NDArray[np.float64]


def _exact(n: int, m: int) -> bool:
    return min(n, m) * (n + m) <= EXACT_UP_TO


def _null(doubled_ranks: npt.NDArray[np.int64], k: int) -> Array:
    """Return the probabilities of twice the rank sum of k of them, drawn at random, being 0, 1, 2, …."""
    ordered = np.sort(doubled_ranks)
    total = ordered.size
    mass = np.zeros((k + 1, int(ordered[total - k :].sum()) + 1))
    mass[0, 0] = 1.0
    for seen, rank in enumerate(ordered.tolist(), start=1):
        # of the choices of j among `seen`, the share j/seen holds this one: probabilities instead of huge counts
        share = np.minimum(np.arange(k + 1), seen)[:, None] / seen
        held = mass[:-1, : mass.shape[1] - rank].copy()
        mass *= 1 - share
        mass[1:, rank:] += share[1:] * held
    return np.asarray(mass[k])


@lru_cache(maxsize=32)
def _untied_tail(n: int, m: int) -> tuple[float, ...]:
    """Return P(W ≤ w) for w = 0, 1, 2, … without ties; it is the same for either sample."""
    k = min(n, m)
    sums = _null(np.arange(1, n + m + 1), k)
    return tuple(np.cumsum(sums[k * (k + 1) // 2 :]).tolist())


def _order(n: int, m: int, tail: float) -> int:
    """Return K, the place of the interval's lower end among the differences; 0 when no interval reaches."""
    if _exact(n, m):
        # a hair of slack for the rounding of the sums, so that P = tail counts as reached
        return int(np.searchsorted(_untied_tail(n, m), tail * (1 + 1e-12), side="right"))
    from scipy.special import ndtri

    mean, sd = n * m / 2, math.sqrt(n * m * (n + m + 1) / 12)
    return max(0, math.floor(mean + 0.5 + sd * float(ndtri(tail))))


@dataclass(frozen=True, slots=True, eq=False)
class RankSumEvidence:
    """What the rank-sum test says of two independent samples.

    Attributes
    ----------
    candidate, baseline : ndarray, shapes (n,) and (m,)
        Sorted, not all equal.
    slack : float
        Differences as small as this are rounding.
    """

    candidate: Array
    baseline: Array
    slack: float = 0.0

    @property
    def df(self) -> None:
        """A rank test has no degrees of freedom."""
        return

    @property
    def statistic(self) -> float:
        """W, how often a value of the candidate exceeds one of the baseline; ties count half."""
        places = levels(np.concatenate([self.candidate, self.baseline]), self.slack)
        candidate, baseline = places[: self.candidate.size], places[self.candidate.size :]
        below, upto = (np.searchsorted(baseline, candidate, side=side) for side in ("left", "right"))
        return float(below.sum() + upto.sum()) / 2

    @property
    def direction(self) -> int:
        """Side on which the candidate lies by its ranks: 1 above, -1 below, 0 neither."""
        middle = self.candidate.size * self.baseline.size / 2
        return (self.statistic > middle) - (self.statistic < middle)

    @property
    def p_smallest(self) -> float:
        """Smallest two-sided p that so many values could give without ties."""
        return smallest(self.candidate.size, self.baseline.size)

    def p_greater(self, bound: float = 0.0) -> float:
        """Return the one-sided p of "the shift is at most ``bound``"."""
        return _p(self.candidate - bound, self.baseline, self.slack)

    def p_less(self, bound: float = 0.0) -> float:
        """Return the one-sided p of "the shift is at least ``bound``"."""
        return _p(self.baseline + bound, self.candidate, self.slack)

    def interval(self, level: float) -> tuple[float, float] | None:
        """Return the Hodges-Lehmann interval, ``None`` when the samples are too small for that level."""
        n, m = self.candidate.size, self.baseline.size
        k = _order(n, m, (1 - level) / 2)
        if k == 0:
            return None
        return self._difference(k), self._difference(n * m + 1 - k)

    def _difference(self, place: int) -> float:
        """Return the difference x_i - y_j in that place (1-based)."""
        x, y = self.candidate, self.baseline
        if x.size * y.size <= _FORMED_UP_TO:
            formed = np.subtract.outer(x, y).ravel()
            return float(np.partition(formed, place - 1)[place - 1])

        def count(shift: float) -> float:
            return float(y.size * x.size - np.searchsorted(y, x - shift, side="left").sum())

        return placed(count, place, float(x[0] - y[-1]), float(x[-1] - y[0]))


def _p(greater: Array, than: Array, slack: float) -> float:
    """Return P(W ≥ observed) for the first sample over the second."""
    from scipy.stats import mannwhitneyu, rankdata

    n, m = greater.size, than.size
    pooled = levels(np.concatenate([greater, than]), slack)
    if not _exact(n, m):
        found = mannwhitneyu(pooled[:n], pooled[n:], alternative="greater", method="asymptotic", use_continuity=True)
        return float(found.pvalue)
    if int(pooled.max()) == n + m - 1:
        # no ties: W and n m - W are equally likely
        return min(1.0, _untied_tail(n, m)[int(np.searchsorted(np.sort(pooled[:n]), pooled[n:]).sum())])
    doubled = np.rint(2 * rankdata(pooled)).astype(np.int64)
    # whichever is the smaller is counted: large sums of the one are small sums of the other
    if n <= m:
        return min(1.0, float(_null(doubled, n)[int(doubled[:n].sum()) :].sum()))
    return min(1.0, float(_null(doubled, m)[: int(doubled[n:].sum()) + 1].sum()))


def smallest(n: int, m: int) -> float:
    """Return the smallest two-sided p of n values against m: 2 of C(n + m, n) orders are the most extreme.

    Parameters
    ----------
    n, m : int
        Sizes of the samples, 1 or more.
    """
    k = min(n, m)
    # far below the smallest number where both are long, and the count itself would be
    return min(1.0, 2 / math.comb(n + m, k)) if k <= 1000 else 0.0


def rank_sum(candidate: Array, baseline: Array, *, slack: float = 0.0) -> RankSumEvidence:
    """Return the Mann-Whitney test of two independent samples.

    Parameters
    ----------
    candidate, baseline : ndarray, shapes (n,) and (m,)
        Not all equal.
    slack : float
        Differences as small as this are rounding.
    """
    return RankSumEvidence(np.sort(candidate), np.sort(baseline), slack)

r"""Best of n: the least loss that n repeats would be expected to show, and why it is no score.

Whoever trains n times and keeps the best reports the minimum of n draws, which falls with n although the model stays
the same. For ordered values v_(1) ≤ … ≤ v_(N), of a loss,

=======================  ==================================================================================
estimator                P(the least of n is v_(i))
=======================  ==================================================================================
with replacement         ((N-i+1)/N)^n - ((N-i)/N)^n  (Dodge et al. 2019)
without replacement      C(N-i, n-1) / C(N, n)
=======================  ==================================================================================

and E = Σ_i v_(i) P_i. Without replacement E is the mean over all subsets of n repeats, which is unbiased but varies the
most; with replacement it is what n draws from the observed values would show, biased towards a larger loss, and varies
less (Dodge et al. 2021). Neither knows anything of more than N repeats, so n never goes past N. The spread is the
standard deviation of the least of n draws with replacement, √(Σ_i (v_(i) - E)² P_i): how far one best of n may lie from
the expectation.

=========  =======================================
symbol     meaning
=========  =======================================
N          repeats that there are
n          repeats of which the best is kept
=========  =======================================
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from bpbench.errors import StatisticsError
from bpbench.statistics.samples import Sample

Array = npt.NDArray[np.float64]

#: Most sizes n that a curve has, if none are named.
_POINTS: Final = 50


@dataclass(frozen=True, slots=True)
class BestOf:
    """The expected best of n repeats, for several n.

    Attributes
    ----------
    repeats : int
        N.
    n : tuple of int
        Sizes, rising.
    with_replacement, without_replacement : tuple of float
        Expected best by both estimators, in the unit of the values.
    spread : tuple of float
        Standard deviation of one best of n, draws with replacement.
    """

    repeats: int
    n: tuple[int, ...]
    with_replacement: tuple[float, ...]
    without_replacement: tuple[float, ...]
    spread: tuple[float, ...]


def best_of(values: Array, n: Sequence[int] | None = None, *, lower_is_better: bool = True) -> BestOf:
    """Return the expected best of n repeats.

    Parameters
    ----------
    values : ndarray, shape (N,)
        One score per exchangeable repeat.
    n : sequence of int, optional
        Sizes between 1 and N; all of them, or 50 spread evenly over the logarithm where N is larger.
    lower_is_better : bool
        Whether the best is the least (a loss) or the largest.

    Returns
    -------
    BestOf
        In the order of rising n.

    Raises
    ------
    StatisticsError
        When a value is not finite, or an n lies outside 1 to N: what was not run is not foretold.
    """
    ordered = np.sort(Sample(values, np.zeros(np.shape(values), dtype=np.int64)).values)
    total = ordered.size
    sizes = _sizes(total) if n is None else sorted(set(n))
    for size in sizes:
        if not 1 <= size <= total:
            raise StatisticsError(
                f"The best of {size} repeats cannot be told from {total}; ask for 1 to {total}, or run more repeats."
            )
    if not lower_is_better:
        ordered = -ordered[::-1]
    sign = 1.0 if lower_is_better else -1.0
    # around the best, so that values of any size keep their digits
    above = ordered - ordered[0]
    drawn, chosen, spreads = [], [], []
    for size in sizes:
        p = with_replacement(total, size)
        near = above[: p.size]
        mean = float(near @ p)
        drawn.append(sign * (float(ordered[0]) + mean))
        spreads.append(float(np.sqrt(((near - mean) ** 2) @ p)))
        chosen.append(sign * (float(ordered[0]) + float(near @ without_replacement(total, size))))
    return BestOf(total, tuple(int(size) for size in sizes), tuple(drawn), tuple(chosen), tuple(spreads))


def _sizes(total: int) -> Sequence[int]:
    if total <= _POINTS:
        return range(1, total + 1)
    spaced = np.geomspace(1, total, _POINTS).round().astype(int)
    return sorted(set(spaced.tolist()))


def _told(total: int, n: int) -> int:
    """Return how many of the smallest values can be the least of n, but for a chance of 1e-20 by either estimator."""
    return min(total, math.ceil(-math.expm1(math.log(1e-20) / n) * total) + 1)


def with_replacement(total: int, n: int) -> Array:
    """Return P(the least of n draws with replacement is v_(i)) for i = 1, 2, … as far as it is not negligible."""
    left = (np.arange(total, total - _told(total, n) - 1, -1) / total) ** n  # P(none of the draws is among the first i)
    return np.asarray(left[:-1] - left[1:])


def without_replacement(total: int, n: int) -> Array:
    """Return P(the least of n different repeats is v_(i)), as far, without a binomial that could overflow."""
    # P_1 = n/N and P_(i+1)/P_i = (N-i-n+1)/(N-i), which is zero from i = N-n+1 on
    rest = np.arange(total - 1, total - _told(total, n), -1, dtype=np.float64)
    steps = np.clip((rest - (n - 1)) / rest, 0.0, None)
    return np.asarray(n / total * np.concatenate(([1.0], np.cumprod(steps))))

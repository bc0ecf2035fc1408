r"""Where a series of run means changed: E-divisive, by energy distances and a permutation test of the maximum.

For two neighbouring stretches, the first from s to τ and the second from τ to κ,

    Q(τ, κ) = (n m / (n + m)) (2 Ā - W̄_X - W̄_Y),

the largest of which, over all τ and κ of all segments found so far, is the next candidate (Matteson & James, J. Am.
Stat. Assoc. 109 (2014) 334, with exponent 1; R's ``ecp``). It splits its segment at τ if

    p = (b + 1) / (B + 1) ≤ α,  b = #{permutations whose own largest Q is at least as large},

where a permutation reorders the values within every segment found so far and the largest Q is sought anew. The first
candidate with p > α ends the search.

=========  ======================  ==========================================================================
symbol     name in code            meaning
=========  ======================  ==========================================================================
n, m                               values in the two stretches, each at least ``shortest``
Ā                                  mean of \|x - y\| over all pairs of a value of each
W̄_X, W̄_Y                           mean of \|x - x'\| over all pairs of two values of one stretch
B          ``permutations``        permutations that are drawn
α          ``alpha``               level of each step
=========  ======================  ==========================================================================

With D the matrix of all \|x_i - x_j\| and S its sums over the first i rows and j columns, every sum above is a
difference of four entries of S, so all Q of a segment cost O(n²).

**What is promised.** A series whose values are exchangeable, whatever their distribution, gives any change point at all
with probability α at most. This is for one look: a history that is searched again after every run is looked at often,
and the test of a newest run is :mod:`.regressions`. Values that follow each other more closely than chance (a machine
that warms up) are not exchangeable.

**The shortest stretch** has three values by default: a run or two that stray are no change. A clean step can then be
significant at 5 % from eight values on: with three values at one end of eight, 2 of the 56 places for the three give
the largest Q, p = 0.036. (Two values at one end of eight have 2 of 28, and would not be significant either.) A series
of fewer values than two shortest stretches is not searched and gives no change.

**Changes too small to matter** are joined up again: while any change is below ``least``, the smallest one is taken back
and its two segments become one, whose mean then stands beside the others. So a drift in small significant steps is
reported where its steps have added up. Changes of the spread alone are found as well, and show by their small share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import count, pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from bpbench.errors import StatisticsError
from bpbench.statistics.margins import Margin
from bpbench.statistics.permutation import generator
from bpbench.statistics.samples import LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Array = npt.NDArray[np.float64]

#: Runs in the shortest stretch, unless told otherwise.
SHORTEST: Final = 3
#: Numbers held at once.
_HELD: Final = 2**20
#: Share of a sum of distances that is rounding.
_ROUNDING: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Change:
    """One change point.

    Attributes
    ----------
    place : int
        Index, from 0, of the first value after the change.
    before, after : float
        Means of the two neighbouring segments, which reach to the next change or to the end.
    share : float or None
        after/before - 1; ``None`` unless ``before`` is positive.
    p : float
        Of the permutation test that found it.
    worse : bool
        Whether the mean moved to the worse side.
    """

    place: int
    before: float
    after: float
    share: float | None
    p: float
    worse: bool


def changes(
    values: Sequence[float] | Array,
    *,
    seed: int,
    alpha: float = 0.05,
    permutations: int = 999,
    least: float | Margin = 0.0,
    shortest: int = SHORTEST,
    lower_is_better: bool = True,
    worse_only: bool = False,
) -> tuple[Change, ...]:
    """Find where a series changed.

    Parameters
    ----------
    values : sequence of float, shape (n,)
        One finite value per run, in their order.
    seed : int
        Of the permutations; not negative.
    alpha : float
        Level of each step.
    permutations : int
        B; enough of them that p can reach alpha.
    least : float or Margin
        Smallest change of the mean that is told: a share of the mean before it, which above 0 needs positive values, or
        a margin, which may be in the unit of the values as well.
    shortest : int
        Values in the shortest stretch, at least 2.
    lower_is_better : bool
        Direction.
    worse_only : bool
        Report changes for the worse alone. The segments are found with all changes, so that an improvement between two
        of them does not blur their means.

    Returns
    -------
    tuple of Change
        In the order of the series; none where it is shorter than twice the shortest stretch.

    Raises
    ------
    StatisticsError
        For values that are not finite or a number that cannot be.
    """
    series = _checked(values, alpha, permutations, least, shortest)
    if series.size < 2 * shortest:
        return ()
    found: dict[int, float] = {}
    rng = generator(seed, "changes")
    while True:
        edges = [0, *sorted(found), series.size]
        place, q = _best(series, edges, shortest)
        if q <= _slack(series):  # nothing left to split, or all values of a segment are one
            break
        p = _permuted(series, edges, shortest, q, permutations, rng)
        if p > alpha:
            break
        found[place] = p
    kept = _joined(series, sorted(found), least)
    told = _told(series, kept, found, lower_is_better=lower_is_better)
    return tuple(change for change in told if change.worse or not worse_only)


def reach(alpha: float, shortest: int = SHORTEST) -> tuple[int, int]:
    """Return from how many values on a clean step can be found at all: in the middle of a series, and at its end.

    Of the C(n, k) places that the k values of one side may take, two give the largest Q, so p is 2/C(n, k) at least.

    Parameters
    ----------
    alpha : float
        Level of each step.
    shortest : int
        Values in the shortest stretch.

    Returns
    -------
    tuple of int
        The least n with k = n/2, and with k = ``shortest``.
    """

    def least(at_end: bool) -> int:
        return next(n for n in count(2 * shortest) if alpha * math.comb(n, shortest if at_end else n // 2) >= 2)

    return least(at_end=False), least(at_end=True)


def divergences(values: Array, shortest: int = SHORTEST) -> Array:
    r"""Return Q of every pair of stretches that begins with the series.

    Parameters
    ----------
    values : ndarray, shape (..., n)
        Finite values, any number of series of one length.
    shortest : int
        Values in the shortest stretch, at least 2.

    Returns
    -------
    ndarray, shape (..., n + 1, n + 1)
        Q(τ, κ) of ``values[:τ]`` and ``values[τ:κ]`` at [τ, κ]; -inf where one of them is too short.
    """
    n = values.shape[-1]
    sums = np.zeros((*values.shape[:-1], n + 1, n + 1))
    inner = sums[..., 1:, 1:]
    np.abs(values[..., :, None] - values[..., None, :], out=inner)
    for axis in (-1, -2):
        np.cumsum(inner, axis=axis, out=inner)
    # within the first i values, each pair twice
    whole = np.diagonal(sums, axis1=-2, axis2=-1).copy()
    of_sums, of_first, of_both, forbidden = _weights(n, shortest)
    sums *= of_sums
    sums -= of_first * whole[..., :, None]
    sums -= of_both * whole[..., None, :]
    sums += forbidden
    return sums


@lru_cache(maxsize=32)
def _weights(n: int, shortest: int) -> tuple[Array, Array, Array, Array]:
    """Return what S[τ, κ], S[τ, τ] and S[κ, κ] count in Q, and -inf where a stretch is too short.

    Across stand S[τ, κ] - S[τ, τ], within the first S[τ, τ], within the second S[κ, κ] - 2 S[τ, κ] + S[τ, τ].
    """
    tau, kappa = np.ogrid[: n + 1, : n + 1]
    left, right = tau, kappa - tau
    allowed = (left >= shortest) & (right >= shortest)
    with np.errstate(divide="ignore", invalid="ignore"):
        across, first, second = 2 / kappa, right / (left - 1) / kappa, left / (right - 1) / kappa
        weights = across + 2 * second, across + first + second, second
    of_sums, of_first, of_both = (np.where(allowed, weight, 0.0) for weight in weights)
    return of_sums, of_first, of_both, np.where(allowed, 0.0, -np.inf)


def _checked(
    values: Sequence[float] | Array, alpha: float, permutations: int, least: float | Margin, shortest: int
) -> Array:
    series = np.array(values, dtype=np.float64)
    if series.ndim != 1:
        raise StatisticsError(f"A series is one value per run, found an array of shape {series.shape}.")
    wrong = np.flatnonzero(~(np.abs(series) <= LARGEST))  # so that NaN is caught as well
    if wrong.size:
        raise StatisticsError(
            f"A series needs finite values of at most {LARGEST:g}, found {series[wrong[0]]:g} in place {wrong[0] + 1} "
            f"of {series.size}; leave out the runs that have no value."
        )
    if not 0 < alpha < 1:
        raise StatisticsError(f"alpha must lie between 0 and 1, found {alpha!r}.")
    if (permutations + 1) * alpha < 1 - _ROUNDING:
        raise StatisticsError(
            f"With {permutations} permutations no p is below 1/{permutations + 1}, and none could reach alpha = "
            f"{alpha:g}; draw at least {math.ceil(1 / alpha * (1 - _ROUNDING)) - 1}."
        )
    if shortest < 2:
        raise StatisticsError(f"The shortest stretch has at least 2 values, which have a distance, found {shortest}.")
    if isinstance(least, Margin):
        if least.kind == "absolute":
            return series
        least = least.value
    if not 0 <= least < math.inf:
        raise StatisticsError(f"The least change is a share that is not negative (0.05 for 5 %), found {least!r}.")
    low = np.flatnonzero(~(series > 0))
    if least > 0 and low.size:
        raise StatisticsError(
            f"The least change is a share of the mean before it and needs positive values, found {series[low[0]]:g} in "
            f"place {low[0] + 1} of {series.size}; search with least = 0."
        )
    return series


def _slack(series: Array) -> float:
    """Return how far apart two Q may be and still be one, but for the rounding of sums of so many distances."""
    return _ROUNDING * series.size * float(np.ptp(series))


def _segments(edges: list[int], shortest: int) -> Iterator[tuple[int, int]]:
    """Yield where each segment that can be split begins and ends."""
    for start, stop in pairwise(edges):
        if stop - start >= 2 * shortest:
            yield start, stop


def _best(series: Array, edges: list[int], shortest: int) -> tuple[int, float]:
    """Return the first place with the largest Q, and that Q; -inf where no segment can be split."""
    place, best = 0, -math.inf
    for start, stop in _segments(edges, shortest):
        q = divergences(series[start:stop], shortest).max(axis=-1)
        tau = int(np.argmax(q))
        if q[tau] > best:
            place, best = start + tau, float(q[tau])
    return place, best


def _permuted(
    series: Array, edges: list[int], shortest: int, seen: float, permutations: int, rng: np.random.Generator
) -> float:
    """Return the share of permutations within the segments whose largest Q is at least the one seen, itself counted."""
    most = np.full(permutations, -np.inf)
    for start, stop in _segments(edges, shortest):
        held = max(1, _HELD // (stop - start + 1) ** 2)
        for first in range(0, permutations, held):
            many = min(held, permutations - first)
            orders = rng.permuted(np.tile(series[start:stop], (many, 1)), axis=-1)
            q = divergences(orders, shortest).max(axis=(-2, -1))
            most[first : first + many] = np.maximum(most[first : first + many], q)
    extreme = int(np.count_nonzero(most >= seen - _slack(series)))
    return (extreme + 1) / (permutations + 1)


def _joined(series: Array, places: list[int], least: float | Margin) -> list[int]:
    """Return the places whose change is not below ``least``, after taking the smallest back one by one."""
    size = least.value if isinstance(least, Margin) else least
    in_unit = isinstance(least, Margin) and least.kind == "absolute"
    while places and size:
        sizes = np.abs([after - before if in_unit else after / before - 1 for before, after in _means(series, places)])
        smallest = int(np.argmin(sizes))
        if sizes[smallest] >= size:
            break
        places = places[:smallest] + places[smallest + 1 :]
    return places


def _means(series: Array, places: list[int]) -> list[tuple[float, float]]:
    """Return the means before and after each place."""
    means = [float(np.mean(part)) for part in np.split(series, places)]
    return list(pairwise(means))


def _told(series: Array, places: list[int], p: dict[int, float], *, lower_is_better: bool) -> list[Change]:
    return [
        Change(
            place=place,
            before=before,
            after=after,
            share=after / before - 1 if before > 0 else None,
            p=p[place],
            worse=after != before and (after > before) == lower_is_better,
        )
        for place, (before, after) in zip(places, _means(series, places), strict=True)
    ]

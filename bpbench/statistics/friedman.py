r"""Friedman's test: whether any of several variants ranks otherwise than the others.

Every repeat ranks the variants among themselves, 1 for the best; what a repeat does to all of them alike (an easy
split, a good day) drops out. With R_j the mean rank of variant j over n repeats of k variants:

========================  ==========================================================================================
quantity                  equation
========================  ==========================================================================================
χ² without ties           12n/(k(k+1)) (Σ_j R_j² - k(k+1)²/4)
χ² corrected for ties     χ² / (1 - Σ_ties (t³ - t)/(n(k³ - k)))
Iman and Davenport's F    (n-1)χ² / (n(k-1) - χ²), with k - 1 and (k-1)(n-1) degrees of freedom
========================  ==========================================================================================

=============  =====================================================================
symbol         meaning
=============  =====================================================================
n, k           repeats and variants
R_j            mean rank of variant j, equal scores sharing the mean of their ranks
t              how many variants of one repeat score alike
=============  =====================================================================

The tie-corrected χ² is the one that counts (scipy's, R's); the other is given because papers print it: Demšar's (J.
Mach. Learn. Res. 7, 2006) 9.28 is without the correction, with it the same table gives 10.23. F is made from the
corrected χ², which makes it the F of a two-way analysis of variance of the ranks (Conover).

χ² and F are limits for many repeats: of null tables of 5 repeats and 4 variants F rejects 7.5 % at a level of 5 %.
Beside them stands the p-value of the rank arrangements themselves, which is right for any n: if no variant differed,
every order within a repeat would be equally likely. It is counted exactly where that is cheap and else estimated from
seeded random orders by (b+1)/(B+1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import permutations
from typing import Final

import numpy as np
import numpy.typing as npt

from bpbench.errors import StatisticsError
from bpbench.statistics.ranks import levels
from bpbench.statistics.samples import LARGEST, rounding

Array = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

#: Random orders where the arrangements are too many to be counted.
PERMUTATIONS: Final = 9999
#: Sums of rank vectors that are formed, in all, before counting gives way to random orders.
_COUNTED: Final = 2_000_000
#: Ranks that random orders may shuffle in all; with more repeats than that, χ² and F are as good.
_SHUFFLED: Final = 50_000_000
#: Ranks that are shuffled at a time.
_AT_ONCE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class ImanDavenport:
    """Iman and Davenport's F.

    Attributes
    ----------
    f : float
        The statistic.
    df1, df2 : int
        k - 1 and (k-1)(n-1).
    p : float
        Upper tail.
    """

    f: float
    df1: int
    df2: int
    p: float


@dataclass(frozen=True, slots=True)
class Friedman:
    """What Friedman's test says of a table of scores.

    Attributes
    ----------
    n, k : int
        Repeats and variants.
    mean_ranks : tuple of float
        R_j in the order of the columns, 1 for always the best.
    chi2, chi2_uncorrected : float
        Corrected for ties, and without.
    df : int
        k - 1.
    p : float
        Upper tail of χ² for the corrected value.
    iman_davenport : ImanDavenport or None
        From the corrected χ²; ``None`` where all repeats agree wholly, as F has no value there.
    p_permutation : float or None
        Share of the equally likely arrangements with a χ² at least as large; ``None`` for more repeats than are
        shuffled, where χ² and F are as good.
    arrangements : int or None
        Random arrangements of ``p_permutation``; 0 where all were counted.
    p_smallest : float or None
        Smallest value that ``p_permutation`` could have had.
    """

    n: int
    k: int
    mean_ranks: tuple[float, ...]
    chi2: float
    chi2_uncorrected: float
    df: int
    p: float
    iman_davenport: ImanDavenport | None
    p_permutation: float | None
    arrangements: int | None
    p_smallest: float | None


def iman_davenport(chi2: float, n: int, k: int) -> ImanDavenport | None:
    """Return Iman and Davenport's F of a Friedman χ², ``None`` where all n repeats agree wholly.

    Parameters
    ----------
    chi2 : float
        Friedman's χ², corrected for ties or not.
    n, k : int
        Repeats and variants, both at least 2.
    """
    from scipy.special import fdtrc

    left = n * (k - 1) - chi2
    if left <= 1e-12 * chi2:
        return None
    f, df1, df2 = max(0.0, (n - 1) * chi2 / left), k - 1, (k - 1) * (n - 1)
    return ImanDavenport(f, df1, df2, float(fdtrc(df1, df2, f)))


def friedman(
    scores: Array, *, lower_is_better: bool = True, seed: int = 0, arrangements: int = PERMUTATIONS
) -> Friedman:
    """Test whether any of k ≥ 3 variants differs in rank.

    Parameters
    ----------
    scores : ndarray, shape (n, k)
        One row per independent repeat, one column per variant; infinite for a diverged repeat, which ranks last.
    lower_is_better : bool
        Direction of the metric.
    seed : int
        Of the random arrangements, where they are too many to be counted.
    arrangements : int
        How many random ones.

    Raises
    ------
    StatisticsError
        For fewer than two repeats or three variants, a missing or impossible score, or a table without any rank.
    """
    return of_ranks(ranks_of(losses_of(scores, lower_is_better=lower_is_better)), seed, arrangements)


def of_ranks(ranks: Array, seed: int, arrangements: int) -> Friedman:
    """Return Friedman's test of ranks that are made already.

    Parameters
    ----------
    ranks : ndarray, shape (n, k)
        From :func:`ranks_of`.
    seed, arrangements
        As for :func:`friedman`.

    Raises
    ------
    StatisticsError
        For a table without any rank.
    """
    from scipy.stats import friedmanchisquare

    n, k = ranks.shape
    if not np.ptp(ranks):
        raise StatisticsError(
            f"In each of the {n} repeats all {k} variants score alike, so there are no ranks to compare; "
            "compare variants that differ."
        )
    mean = ranks.mean(axis=0)
    plain = 12 * n / (k * (k + 1)) * float(np.sum((mean - (k + 1) / 2) ** 2))
    corrected = friedmanchisquare(*ranks.T)
    chi2 = max(0.0, float(corrected.statistic))
    p, drawn, floor = _by_arrangement(np.rint(2 * ranks).astype(np.int64), seed, arrangements)
    return Friedman(
        n=n,
        k=k,
        mean_ranks=tuple(mean.tolist()),
        chi2=chi2,
        chi2_uncorrected=plain,
        df=k - 1,
        p=float(corrected.pvalue),
        iman_davenport=iman_davenport(chi2, n, k),
        p_permutation=p,
        arrangements=drawn,
        p_smallest=floor,
    )


def losses_of(scores: Array, *, lower_is_better: bool) -> Array:
    """Return scores as losses, or refuse a table that has no ranks."""
    table = np.array(scores, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] < 2 or table.shape[1] < 3:
        raise StatisticsError(
            "A ranking needs a table of at least 2 repeats (rows) and 3 variants (columns), found shape "
            f"{table.shape}; compare two variants as a pair."
        )
    if not lower_is_better:
        table = -table
    # infinitely bad is a diverged repeat; `not >=` instead of `<` so that NaN is caught as well
    wrong = np.argwhere(~((table >= -LARGEST) & ((table <= LARGEST) | (table == math.inf))))
    if len(wrong):
        row, column = (int(place) for place in wrong[0])
        value = table[row, column] if lower_is_better else -table[row, column]
        raise StatisticsError(
            f"A ranking needs finite scores of at most {LARGEST:g}, or infinitely bad ones for diverged repeats; found "
            f"{value:g} in repeat {row + 1} of variant {column + 1}. Leave out what has a missing score."
        )
    return table


def ranks_of(losses: Array) -> Array:
    """Return the ranks within each repeat, 1 for the least; what differs by rounding alone shares its rank.

    Parameters
    ----------
    losses : ndarray, shape (n, k)
        From :func:`losses_of`.
    """
    from scipy.stats import rankdata

    # means over seeds may be equal but for rounding
    return np.asarray(rankdata(levels(losses, finite_rounding(losses)), axis=1), dtype=np.float64)


def finite_rounding(*losses: Array) -> float:
    """Return what is rounding beside the finite ones."""
    return rounding(*(np.where(np.isfinite(some), some, 0.0) for some in losses))


def differences_of(one: Array, other: Array) -> Array:
    """Return the finite differences of two columns of losses, of which failed repeats are the largest, and equal.

    Parameters
    ----------
    one, other : ndarray, shape (n,)
        Infinite for a failed repeat; where both failed, the difference is zero.
    """
    both = np.isinf(one) & np.isinf(other)
    differences = np.where(both, 0.0, one) - np.where(both, 0.0, other)
    lost = np.isinf(differences)
    # a repeat that one side lost is farther apart than any that both finished, and all such are equally far
    differences[lost] = np.sign(differences[lost]) * (2 * np.max(np.abs(differences[~lost]), initial=0.0) + 1)
    return differences


def _by_arrangement(doubled: Whole, seed: int, arrangements: int) -> tuple[float | None, int | None, float | None]:
    """Return the p-value of the arrangements of doubled ranks, how many were drawn, and the smallest possible p."""
    observed = int(np.sum(doubled.sum(axis=0) ** 2))
    counted = _all_arrangements(doubled)
    if counted is not None:
        squares, mass = counted
        return min(1.0, float(mass[squares >= observed].sum())), 0, float(mass[squares == squares.max()].sum())
    if doubled.size * arrangements > _SHUFFLED:
        return None, None, None
    rng, reached, left = np.random.default_rng(seed), 0, arrangements
    while left:
        batch = min(left, max(1, _AT_ONCE // doubled.size))
        shuffled = rng.permuted(np.broadcast_to(doubled, (batch, *doubled.shape)), axis=-1)
        reached += int(np.count_nonzero(np.sum(shuffled.sum(axis=1) ** 2, axis=-1) >= observed))
        left -= batch
    return (reached + 1) / (arrangements + 1), arrangements, 1 / (arrangements + 1)


def _all_arrangements(doubled: Whole) -> tuple[Whole, Array] | None:
    """Return every value of Σ_j (n R_j)² (in doubled ranks) with its probability, ``None`` where that is too much.

    Row by row, the possible vectors of rank sums are formed with their probabilities. Columns are exchangeable under
    the null hypothesis, so each vector is kept in ascending order: that makes them few.
    """
    n, k = doubled.shape
    base = 2 * n * k + 1  # beyond any sum of doubled ranks
    if math.factorial(k) > _COUNTED or base**k >= 2**63:
        return None
    place = np.array([base**power for power in range(k)], dtype=np.int64)
    orders: dict[tuple[int, ...], Whole] = {}
    mass: Array = np.ones(1)
    sums, work = np.sort(doubled[:1], axis=1), 0
    for row in np.sort(doubled[1:], axis=1).tolist():
        key = tuple(row)
        if key not in orders:
            orders[key] = np.array(sorted(set(permutations(key))), dtype=np.int64)
        own = orders[key]
        work += len(sums) * len(own)
        if work > _COUNTED:
            return None
        formed = np.sort((sums[:, None] + own).reshape(-1, k), axis=1)
        codes, which = np.unique(formed @ place, return_inverse=True)
        mass = np.bincount(which, weights=np.repeat(mass / len(own), len(own))).astype(np.float64)
        sums = codes[:, None] // place % base
    return np.sum(sums**2, axis=1), mass

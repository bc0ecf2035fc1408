r"""Ranks of all variants at once: Friedman's test, critical differences, and the groups that are not told apart.

Every repeat ranks the variants among themselves, 1 for the best; what a repeat does to all of them alike (an easy
split, a good day) drops out. With R_j the mean rank of variant j over n repeats of k variants:

========================  ==========================================================================================
quantity                  equation
========================  ==========================================================================================
χ² without ties           12n/(k(k+1)) (Σ_j R_j² - k(k+1)²/4)
χ² corrected for ties     χ² / (1 - Σ_ties (t³ - t)/(n(k³ - k)))
Iman and Davenport's F    (n-1)χ² / (n(k-1) - χ²), with k - 1 and (k-1)(n-1) degrees of freedom
Nemenyi's CD              q_α √(k(k+1)/(6n)), q_α the upper point of the studentised range of k, ∞ over √2
Bonferroni and Dunn's CD  z √(k(k+1)/(6n)), z the upper α/(2(k-1)) point of the normal distribution
========================  ==========================================================================================

=============  =====================================================================
symbol         meaning
=============  =====================================================================
n, k           repeats and variants
R_j            mean rank of variant j, equal scores sharing the mean of their ranks
t              how many variants of one repeat score alike
CD             critical difference: two mean ranks at least so far apart differ
=============  =====================================================================

The tie-corrected χ² is the one that counts (scipy's, R's); the other is given because papers print it: Demšar's (J.
Mach. Learn. Res. 7, 2006) 9.28 is without the correction, with it the same table gives 10.23. F is made from the
corrected χ², which makes it the F of a two-way analysis of variance of the ranks (Conover).

χ² and F are limits for many repeats: of null tables of 5 repeats and 4 variants F rejects 7.5 % at a level of 5 %.
Beside them stands the p-value of the rank arrangements themselves, which is right for any n: if no variant differed,
every order within a repeat would be equally likely. It is counted exactly where that is cheap and else estimated from
seeded random orders by (b+1)/(B+1).

None of this decides anything: mean ranks of a variant move with the company it is ranked in. Pairs are also told apart
without that company, by Wilcoxon's signed-rank test on each pair and Holm's correction over all pairs (Benavoli, Corani
and Mangili, J. Mach. Learn. Res. 17, 2016). That relation is not transitive, so the groups that it does not tell apart
are the maximal cliques of a graph and need not be neighbours in rank.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations, islice, permutations
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from bpbench.errors import StatisticsError, nearest
from bpbench.statistics.corrections import adjust
from bpbench.statistics.equivalence import two_sided_p
from bpbench.statistics.ranks import levels, signed_rank
from bpbench.statistics.rules import methods
from bpbench.statistics.samples import LARGEST, rounding

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

#: The tests of all variants at once; none of them makes a verdict.
OMNIBUS: Final = methods("all variants")

#: Random orders where the arrangements are too many to be counted.
PERMUTATIONS: Final = 9999
#: Sums of rank vectors that are formed, in all, before counting gives way to random orders.
_COUNTED: Final = 2_000_000
#: Ranks that random orders may shuffle in all; with more repeats than that, χ² and F are as good.
_SHUFFLED: Final = 50_000_000
#: Ranks that are shuffled at a time.
_AT_ONCE: Final = 1_000_000
#: Cliques beyond which a list of them tells nothing.
MOST_CLIQUES: Final = 1000


# ------------------------------------------------------------------------------------------------- Friedman's test


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
    return _friedman(_ranks(_checked(scores, lower_is_better=lower_is_better)), seed, arrangements)


def _friedman(ranks: Array, seed: int, arrangements: int) -> Friedman:
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


def _checked(scores: Array, *, lower_is_better: bool) -> Array:
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


def _ranks(losses: Array) -> Array:
    from scipy.stats import rankdata

    # means over seeds may be equal but for rounding
    return np.asarray(rankdata(levels(losses, _rounding(losses)), axis=1), dtype=np.float64)


def _rounding(*losses: Array) -> float:
    """Return what is rounding beside the finite ones."""
    return rounding(*(np.where(np.isfinite(some), some, 0.0) for some in losses))


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


# ------------------------------------------------------------------------------- critical differences and cliques


def nemenyi_difference(n: int, k: int, alpha: float) -> float:
    """Return the difference of mean ranks from which two of k variants differ, all pairs being compared.

    Parameters
    ----------
    n, k : int
        Repeats and variants.
    alpha : float
        Error rate of the family of all pairs.
    """
    from scipy.stats import studentized_range

    return float(studentized_range.ppf(1 - alpha, k, np.inf)) / math.sqrt(2) * _rank_error(n, k)


def bonferroni_dunn_difference(n: int, k: int, alpha: float) -> float:
    """Return the difference of mean ranks from which a variant differs from one baseline, k - 1 being compared.

    Parameters
    ----------
    n, k : int
        Repeats and variants, the baseline among them.
    alpha : float
        Error rate of the family of k - 1 comparisons.
    """
    from scipy.special import ndtri

    return -float(ndtri(alpha / (2 * (k - 1)))) * _rank_error(n, k)


def _rank_error(n: int, k: int) -> float:
    return math.sqrt(k * (k + 1) / (6 * n))


def cliques(apart: npt.NDArray[np.bool_]) -> tuple[tuple[int, ...], ...]:
    """Return the largest groups of variants of which no two are told apart.

    Parameters
    ----------
    apart : ndarray of bool, shape (k, k)
        Whether variants i and j are told apart; symmetric.

    Returns
    -------
    tuple of tuple of int
        The maximal cliques of two or more variants, in order; a variant may be in several, or in none.

    Raises
    ------
    StatisticsError
        For more than :data:`MOST_CLIQUES`.
    """
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from(range(len(apart)))
    graph.add_edges_from(np.argwhere(np.triu(~apart, 1)).tolist())
    found = list(islice(nx.find_cliques(graph), MOST_CLIQUES + 1))
    if len(found) > MOST_CLIQUES:
        raise StatisticsError(
            f"The {len(apart)} variants have more than {MOST_CLIQUES} largest groups that are not told apart, too many "
            "to be read; compare fewer variants, or more repeats of them."
        )
    return tuple(sorted(tuple(sorted(clique)) for clique in found if len(clique) > 1))


# ------------------------------------------------------------------------------------------------------ the ranking


@dataclass(frozen=True, slots=True)
class RankedPair:
    """Two variants, and whether they are told apart.

    Attributes
    ----------
    first, second : str
        Names, the one of lower (better) mean rank first.
    difference : float
        Of their mean ranks, not negative.
    nemenyi : bool
        Whether that reaches Nemenyi's critical difference.
    p, p_adjusted : float or None
        Of Wilcoxon's signed-rank test on the two, and by Holm over all pairs; ``None`` where their scores differ by
        the same amount in every repeat: n copies of one difference are no evidence of n.
    wilcoxon : bool
        Whether the adjusted p is at most alpha.
    """

    first: str
    second: str
    difference: float
    nemenyi: bool
    p: float | None
    p_adjusted: float | None
    wilcoxon: bool


@dataclass(frozen=True, slots=True)
class Ranking:
    """All variants ranked among themselves.

    Attributes
    ----------
    names : tuple of str
        The variants, by ascending mean rank.
    mean_ranks : tuple of float
        In that order.
    alpha : float
        Level of the critical differences and of the family of pairs.
    friedman : Friedman
        The test of all at once; its mean ranks are in the order of the columns.
    nemenyi_difference, bonferroni_dunn_difference : float
        Critical differences of mean ranks: of any two variants, and of one from the baseline.
    from_baseline : tuple of str
        Variants that differ from the baseline by Bonferroni and Dunn; empty without a baseline.
    pairs : tuple of RankedPair
        All of them.
    nemenyi_cliques : tuple of tuple of str
        Largest groups of which no two are told apart by Nemenyi's critical difference.
    wilcoxon_cliques : tuple of tuple of str or None
        The same by Wilcoxon's test and Holm's correction; ``None`` for too many to be read.
    p_smallest : float
        Smallest adjusted p that a pair could have had at this n: above alpha, none can be told apart.
    """

    names: tuple[str, ...]
    mean_ranks: tuple[float, ...]
    alpha: float
    friedman: Friedman
    nemenyi_difference: float
    bonferroni_dunn_difference: float
    from_baseline: tuple[str, ...]
    pairs: tuple[RankedPair, ...]
    nemenyi_cliques: tuple[tuple[str, ...], ...]
    wilcoxon_cliques: tuple[tuple[str, ...], ...] | None
    p_smallest: float


def rank(
    scores: Array,
    names: Sequence[str],
    *,
    lower_is_better: bool = True,
    alpha: float = 0.05,
    baseline: str | None = None,
    seed: int = 0,
) -> Ranking:
    """Rank k ≥ 3 variants among themselves over n ≥ 2 independent repeats.

    Parameters
    ----------
    scores : ndarray, shape (n, k)
        One row per repeat, one column per variant; infinite for a diverged repeat, which ranks last.
    names : sequence of str
        Of the columns, all different.
    lower_is_better : bool
        Direction of the metric.
    alpha : float
        Error rate of the family of all pairs, and of that against the baseline.
    baseline : str, optional
        The variant of Bonferroni and Dunn's comparisons.
    seed : int
        Of the random arrangements, where they are too many to be counted.

    Raises
    ------
    StatisticsError
        For names that do not fit, an impossible alpha, or a table that cannot be ranked.
    """
    losses = _checked(scores, lower_is_better=lower_is_better)
    n, k = losses.shape
    if len(names) != k or len(set(names)) != k:
        raise StatisticsError(f"A ranking needs a name of its own for each of the {k} variants, found {list(names)}.")
    if baseline is not None and baseline not in names:
        raise StatisticsError(f"The baseline '{baseline}' is none of the ranked variants{nearest(baseline, names)}")
    if not 0 < alpha < 1:
        raise StatisticsError(f"alpha must lie between 0 and 1, found {alpha!r}.")
    ranks = _ranks(losses)
    found = _friedman(ranks, seed, PERMUTATIONS)
    order = np.argsort(found.mean_ranks, kind="stable")
    mean, ordered, labels = np.array(found.mean_ranks)[order], losses[:, order], tuple(names[int(i)] for i in order)

    places = list(combinations(range(k), 2))
    raw = [_signed_rank_p(ordered[:, i], ordered[:, j]) for i, j in places]
    adjusted = adjust(raw, "holm")
    nemenyi, dunn = nemenyi_difference(n, k, alpha), bonferroni_dunn_difference(n, k, alpha)
    pairs = tuple(
        RankedPair(
            first=labels[i],
            second=labels[j],
            difference=float(mean[j] - mean[i]),
            nemenyi=bool(mean[j] - mean[i] >= nemenyi),
            p=p,
            p_adjusted=p_adjusted,
            wilcoxon=p_adjusted is not None and p_adjusted <= alpha,
        )
        for (i, j), p, p_adjusted in zip(places, raw, adjusted, strict=True)
    )
    own = None if baseline is None else mean[labels.index(baseline)]
    return Ranking(
        names=labels,
        mean_ranks=tuple(mean.tolist()),
        alpha=alpha,
        friedman=found,
        nemenyi_difference=nemenyi,
        bonferroni_dunn_difference=dunn,
        from_baseline=()
        if own is None
        else tuple(label for label, value in zip(labels, mean, strict=True) if abs(value - own) >= dunn),
        pairs=pairs,
        nemenyi_cliques=_named(labels, places, [pair.nemenyi for pair in pairs]) or (),
        wilcoxon_cliques=_named(labels, places, [pair.wilcoxon for pair in pairs]),
        p_smallest=min(1.0, len(places) * 2.0 ** (1 - n)),
    )


def _named(
    labels: tuple[str, ...], places: list[tuple[int, int]], apart: list[bool]
) -> tuple[tuple[str, ...], ...] | None:
    """Return the cliques by name, ``None`` for too many to be read."""
    table = np.zeros((len(labels), len(labels)), dtype=bool)
    for (i, j), told in zip(places, apart, strict=True):
        table[i, j] = table[j, i] = told
    try:
        return tuple(tuple(labels[i] for i in clique) for clique in cliques(table))
    except StatisticsError:
        return None


def _signed_rank_p(one: Array, other: Array) -> float | None:
    """Return the two-sided p of a pair of losses, or ``None`` where there is no noise to test against."""
    both = np.isinf(one) & np.isinf(other)
    differences = np.where(both, 0.0, one) - np.where(both, 0.0, other)
    lost = np.isinf(differences)
    # a repeat that one side lost is farther apart than any that both finished, and all such are equally far
    differences[lost] = np.sign(differences[lost]) * (2 * np.max(np.abs(differences[~lost]), initial=0.0) + 1)
    slack = _rounding(one, other)
    if not lost.any() and np.ptp(differences) <= slack:
        return None
    return two_sided_p(signed_rank(differences, slack=slack))

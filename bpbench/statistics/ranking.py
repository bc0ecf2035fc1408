r"""Ranks of all variants at once: mean ranks, critical differences, and the groups that are not told apart.

The mean ranks are those of Friedman's test (:mod:`bpbench.statistics.friedman`). Two of them differ beyond:

========================  ==========================================================================================
quantity                  equation
========================  ==========================================================================================
Nemenyi's CD              q_α √(k(k+1)/(6n)), q_α the upper point of the studentised range of k, ∞ over √2
Bonferroni and Dunn's CD  z √(k(k+1)/(6n)), z the upper α/(2(k-1)) point of the normal distribution
========================  ==========================================================================================

=============  =====================================================================
symbol         meaning
=============  =====================================================================
n, k           repeats and variants
CD             critical difference: two mean ranks at least so far apart differ
=============  =====================================================================

None of this decides anything: mean ranks of a variant move with the company it is ranked in. Pairs are also told apart
without that company, by Wilcoxon's signed-rank test on each pair and Holm's correction over all pairs (Benavoli, Corani
and Mangili, J. Mach. Learn. Res. 17, 2016). That relation is not transitive, so the groups that it does not tell apart
are the maximal cliques of a graph and need not be neighbours in rank.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations, islice
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from bpbench.errors import StatisticsError, nearest
from bpbench.statistics.corrections import adjust
from bpbench.statistics.designs import methods
from bpbench.statistics.equivalence import two_sided_p
from bpbench.statistics.friedman import (
    PERMUTATIONS,
    Friedman,
    differences_of,
    finite_rounding,
    losses_of,
    of_ranks,
    ranks_of,
)
from bpbench.statistics.ranks import signed_rank

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

#: The tests of all variants at once; none of them makes a verdict.
OMNIBUS: Final = methods("all variants")

#: Cliques beyond which a list of them tells nothing.
MOST_CLIQUES: Final = 1000


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
    losses = losses_of(scores, lower_is_better=lower_is_better)
    n, k = losses.shape
    if len(names) != k or len(set(names)) != k:
        raise StatisticsError(f"A ranking needs a name of its own for each of the {k} variants, found {list(names)}.")
    if baseline is not None and baseline not in names:
        raise StatisticsError(f"The baseline '{baseline}' is none of the ranked variants{nearest(baseline, names)}")
    if not 0 < alpha < 1:
        raise StatisticsError(f"alpha must lie between 0 and 1, found {alpha!r}.")
    ranks = ranks_of(losses)
    found = of_ranks(ranks, seed, PERMUTATIONS)
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
    differences, slack = differences_of(one, other), finite_rounding(one, other)
    lost = np.isinf(one) != np.isinf(other)
    if not lost.any() and np.ptp(differences) <= slack:
        return None
    return two_sided_p(signed_rank(differences, slack=slack))

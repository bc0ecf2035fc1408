"""Friedman's test, critical differences and cliques: against Demšar, R, NAG, old tables and brute force."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from itertools import combinations, permutations, product

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from bpbench.errors import StatisticsError
from bpbench.statistics import friedman as counting
from bpbench.statistics import ranking
from bpbench.statistics.designs import require_allowed
from bpbench.statistics.friedman import friedman, iman_davenport
from bpbench.statistics.ranking import (
    bonferroni_dunn_difference,
    cliques,
    nemenyi_difference,
    rank,
)

# Demšar, J. Mach. Learn. Res. 7 (2006) 1, table 6: AUC on 14 data sets. One cell is 0.9751 as in scipy's own test of
# friedmanchisquare, so that the ranks are those that the paper prints.
NAMES = ["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"]
DEMSAR = np.array(
    [
        [0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583, 0.775, 1.0, 0.94, 0.619, 0.972, 0.957],
        [0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583, 0.838, 1.0, 0.962, 0.666, 0.981, 0.978],
        [0.771, 0.590, 0.968, 0.654, 0.886, 0.916, 0.609, 0.563, 0.866, 1.0, 0.965, 0.614, 0.9751, 0.946],
        [0.798, 0.569, 0.967, 0.657, 0.898, 0.931, 0.685, 0.625, 0.875, 1.0, 0.962, 0.669, 0.975, 0.970],
    ]
).T
# R's ?friedman.test: Hollander & Wolfe (1973), p. 140ff, times of 22 runs by three ways of rounding first base
ROUNDING = np.array(
    [5.40, 5.50, 5.55, 5.85, 5.70, 5.75, 5.20, 5.60, 5.50, 5.55, 5.50, 5.40, 5.90, 5.85, 5.70, 5.45, 5.55, 5.60, 5.40,
     5.40, 5.35, 5.45, 5.50, 5.35, 5.25, 5.15, 5.00, 5.85, 5.80, 5.70, 5.25, 5.20, 5.10, 5.65, 5.55, 5.45, 5.60, 5.35,
     5.45, 5.05, 5.00, 4.95, 5.50, 5.50, 5.40, 5.45, 5.55, 5.50, 5.55, 5.55, 5.35, 5.45, 5.50, 5.55, 5.50, 5.45, 5.25,
     5.65, 5.60, 5.40, 5.70, 5.65, 5.55, 6.30, 6.30, 6.25]
).reshape(22, 3)  # fmt: skip
# NAG Library Manual, g08aec (nag_friedman_test), example program: ranks of 18 blocks, one of them tied
NAG = np.array(
    [1, 3, 2, 2, 3, 1, 1, 3, 2, 1, 2, 3, 3, 1, 2, 2, 3, 1, 3, 2, 1, 1, 3, 2, 3, 1, 2, 3, 1, 2, 2, 3, 1, 2, 3, 1, 3, 2,
     1, 2, 3, 1, 2.5, 2.5, 1, 3, 2, 1, 3, 2, 1, 2, 3, 1]
).reshape(18, 3)  # fmt: skip


# ------------------------------------------------------------------------------------------------ strangers' numbers


def test_the_table_of_demsar() -> None:
    """Mean ranks, χ² = 9.28 (uncorrected) and F_F = 3.69 of the paper; scipy's own fixture for the corrected χ²."""
    found = friedman(DEMSAR, lower_is_better=False)
    assert found.mean_ranks == pytest.approx((3.143, 2.000, 2.893, 1.964), abs=5e-4)
    assert found.chi2_uncorrected == pytest.approx(9.28, abs=0.005)
    assert (found.chi2, found.p) == pytest.approx((10.2283464566929, 0.0167215803284414), rel=1e-12)
    printed = iman_davenport(9.28, 14, 4)
    assert printed is not None
    assert (printed.f, printed.df1, printed.df2) == pytest.approx((3.69, 3, 39), abs=0.005)


def test_the_verdicts_of_demsar() -> None:
    """Nemenyi at 0.05 and 0.10 and Bonferroni-Dunn at 0.05 separate what section 3.2.2 of the paper says."""
    at = {alpha: rank(DEMSAR, NAMES, lower_is_better=False, alpha=alpha, baseline="C4.5") for alpha in (0.05, 0.1)}
    assert at[0.05].nemenyi_difference == pytest.approx(1.25, abs=0.005)
    assert at[0.05].nemenyi_cliques == (("C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"),)
    assert at[0.1].nemenyi_difference == pytest.approx(1.12, abs=0.005)
    # "pure C4.5 is significantly worse than C4.5+m and C4.5+m+cf. We cannot tell which group C4.5+cf belongs to"
    assert at[0.1].nemenyi_cliques == (("C4.5+m+cf", "C4.5+m", "C4.5+cf"), ("C4.5+cf", "C4.5"))
    # "C4.5+m+cf performs significantly better than C4.5 (…) C4.5+m is just below the critical difference"
    assert at[0.05].bonferroni_dunn_difference == pytest.approx(1.16, abs=0.01)
    assert at[0.05].from_baseline == ("C4.5+m+cf",)
    assert at[0.1].bonferroni_dunn_difference == pytest.approx(1.04, abs=0.005)


#: Demšar (2006), table 5, for k = 2 … 10. (Its 2.724 for Bonferroni-Dunn, α = 0.05 and k = 9 is a misprint of 2.734.)
CRITICAL = {
    (nemenyi_difference, 0.05): [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164],
    (nemenyi_difference, 0.10): [1.645, 2.052, 2.291, 2.459, 2.589, 2.693, 2.780, 2.855, 2.920],
    (bonferroni_dunn_difference, 0.05): [1.960, 2.241, 2.394, 2.498, 2.576, 2.638, 2.690, None, 2.773],
    (bonferroni_dunn_difference, 0.10): [1.645, 1.960, 2.128, 2.241, 2.326, 2.394, 2.450, 2.498, 2.539],
}


@pytest.mark.parametrize(("difference", "alpha"), CRITICAL)
def test_critical_values_of_demsar(difference: Callable[[int, int, float], float], alpha: float) -> None:
    """The critical values are those of the paper's table 5, to its three decimals."""
    for k, printed in enumerate(CRITICAL[difference, alpha], start=2):
        if printed is not None:
            q = difference(14, k, alpha) / math.sqrt(k * (k + 1) / (6 * 14))
            assert q == pytest.approx(printed, abs=1.1e-3)


def test_friedman_of_r() -> None:
    """R: friedman.test(RoundingTimes): Friedman chi-squared = 11.143, df = 2, p-value = 0.003805."""
    found = friedman(ROUNDING)
    assert (found.chi2, found.df, found.p) == pytest.approx((11.143, 2, 0.003805), abs=5e-4)
    assert found.p == pytest.approx(0.003805, abs=5e-7)


def test_friedman_without_the_correction_of_nag() -> None:
    """NAG's g08aec prints 8.583 and 0.014: it does not correct for its one tie, so here that is the other number."""
    found = friedman(NAG)
    assert found.chi2_uncorrected == pytest.approx(8.583, abs=5e-4)
    assert stats.chi2.sf(found.chi2_uncorrected, found.df) == pytest.approx(0.014, abs=5e-4)
    assert found.chi2 > found.chi2_uncorrected


@pytest.mark.parametrize(
    ("rows", "chi2", "p"),
    [
        (["123", "123", "123"], 6.0, 0.028),
        (["123", "123", "132"], 4.667, 0.194),
        (["123", "123", "123", "123"], 8.0, 0.0046),
        (["123", "123", "123", "132"], 6.5, 0.042),
        (["1234", "1234"], 6.0, 0.042),
        (["1234", "1234", "1234"], 9.0, 0.0017),
        (["1234", "1234", "1243"], 8.2, 0.017),
    ],
)
def test_exact_probabilities_of_friedman(rows: list[str], chi2: float, p: float) -> None:
    """Exact tail probabilities of χ_r² as in Siegel (1956), table N (after Friedman 1937)."""
    found = friedman(np.array([[int(rank) for rank in row] for row in rows], dtype=float))
    assert found.chi2 == pytest.approx(chi2, abs=5e-4)
    assert found.p_permutation == pytest.approx(p, abs=6e-4)
    assert found.arrangements == 0
    assert found.p_smallest == pytest.approx(math.factorial(len(rows[0])) ** (1 - len(rows)), rel=1e-12)


# --------------------------------------------------------------------------------------------- by their definitions


def _brute_force(ranks: np.ndarray) -> tuple[float, float]:
    """Return p and its least value by walking through every arrangement of every row."""
    sums = [np.sum(np.sum(rows, axis=0) ** 2) for rows in product(*(list(permutations(row)) for row in ranks.tolist()))]
    observed = np.sum(ranks.sum(axis=0) ** 2)
    return float(np.mean(np.array(sums) >= observed - 1e-9)), float(np.mean(np.array(sums) >= max(sums) - 1e-9))


@pytest.mark.parametrize("seed", range(6))
def test_counted_arrangements_are_all_arrangements(seed: int) -> None:
    """With and without ties, the counted p and its floor equal those over all (k!)^n arrangements."""
    rng = np.random.default_rng(seed)
    n, k = ((4, 3), (3, 4), (2, 4))[seed % 3]
    scores = rng.integers(0, 3 if seed < 3 else 100, (n, k)).astype(float)
    found = friedman(scores)
    p, floor = _brute_force(stats.rankdata(scores, axis=1))
    assert (found.p_permutation, found.p_smallest) == pytest.approx((p, floor), rel=1e-12)


def test_random_arrangements_agree_with_counted_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same table by 9999 random orders: within four standard errors, with the same bits for the same seed."""
    scores = np.random.default_rng(5).normal([0.0, 0.2, 0.4, 0.9], size=(8, 4))
    exact = friedman(scores)
    monkeypatch.setattr(counting, "_COUNTED", 0)
    drawn = friedman(scores, seed=1)
    assert exact.p_permutation is not None
    assert drawn.p_permutation == pytest.approx(exact.p_permutation, abs=4 * math.sqrt(exact.p_permutation / 9999))
    assert (drawn.arrangements, drawn.p_smallest) == (9999, pytest.approx(1e-4))
    assert friedman(scores, seed=1) == drawn
    assert friedman(scores, seed=2).p_permutation != drawn.p_permutation


def test_a_drawn_p_is_never_zero() -> None:
    """Where 50 repeats of six variants agree wholly, none of 9999 random orders does: p = (0 + 1)/(9999 + 1)."""
    found = friedman(np.tile(np.arange(6.0), (50, 1)))
    assert (found.p_permutation, found.p_smallest) == (1e-4, 1e-4)


def test_the_test_errs_at_the_level_it_can_reach() -> None:
    """Of 1500 tables of 6 repeats under the null, 2.9 % have p ≤ 0.05: the next p (Siegel, table N) is 0.052."""
    rng, runs = np.random.default_rng(11), 1500
    found = [friedman(rng.standard_t(3, (6, 3)) + 5 * rng.normal(size=(6, 1))).p_permutation for _ in range(runs)]
    rate = sum(p is not None and p <= 0.05 for p in found) / runs
    assert rate == pytest.approx(0.029, abs=3 * math.sqrt(0.029 * 0.971 / runs))
    next_rate = sum(p is not None and p <= 0.0525 for p in found) / runs
    assert next_rate == pytest.approx(0.052, abs=3 * math.sqrt(0.052 * 0.948 / runs))


def test_f_is_that_of_the_ranks() -> None:
    """From the tie-corrected χ², F is the two-way analysis of variance of the ranks."""
    scores = np.random.default_rng(3).integers(0, 4, (9, 5)).astype(float)
    ranks = stats.rankdata(scores, axis=1)
    left = ranks - ranks.mean(axis=0) - ranks.mean(axis=1, keepdims=True) + ranks.mean()
    f = 9 * np.sum((ranks.mean(axis=0) - 3) ** 2) / 4 / (np.sum(left**2) / 32)
    found = friedman(scores).iman_davenport
    assert found is not None
    assert (found.f, found.p) == pytest.approx((f, stats.f.sf(f, 4, 32)), rel=1e-10)


def _cliques_by_definition(apart: np.ndarray) -> set[tuple[int, ...]]:
    k = len(apart)
    groups = [
        group
        for size in range(2, k + 1)
        for group in combinations(range(k), size)
        if not any(apart[i, j] for i, j in combinations(group, 2))
    ]
    return {group for group in groups if not any(set(group) < set(other) for other in groups)}


@pytest.mark.parametrize("seed", range(8))
def test_cliques_are_maximal_groups(seed: int) -> None:
    """On random relations of 7 variants, the cliques are the groups that no larger group contains."""
    rng = np.random.default_rng(seed)
    apart = np.triu(rng.random((7, 7)) < (0.3, 0.6)[seed % 2], 1)
    apart |= apart.T
    found = cliques(apart)
    assert set(found) == _cliques_by_definition(apart)
    assert list(found) == sorted(found)


def test_cliques_need_not_be_neighbours_in_rank() -> None:
    """Where 0-2 and 1-3 alone are told apart, there are four groups, two of them with a gap in rank."""
    apart = np.zeros((4, 4), dtype=bool)
    for i, j in ((0, 2), (1, 3)):
        apart[i, j] = apart[j, i] = True
    assert cliques(apart) == ((0, 1), (0, 3), (1, 2), (2, 3))
    assert cliques(~np.eye(3, dtype=bool)) == ()


def test_more_cliques_than_can_be_read_are_refused() -> None:
    """Seven groups of three (Moon and Moser 1965) have 3^7 maximal cliques: a sentence, and None in a ranking."""
    apart = np.kron(np.eye(7), np.ones((3, 3))).astype(bool) & ~np.eye(21, dtype=bool)
    with pytest.raises(StatisticsError, match=r"The 21 variants have more than 1000 largest groups .* fewer variants"):
        cliques(apart)


def test_pairs_are_wilcoxon_and_holm() -> None:
    """All pairs by scipy's exact signed-rank test and statsmodels' Holm."""
    rng = np.random.default_rng(2)
    scores = rng.normal([0.0, 0.1, 3.0, 3.1], size=(12, 4))
    found = rank(scores, list("abcd"))
    raw = [
        stats.wilcoxon(scores[:, "abcd".index(pair.first)], scores[:, "abcd".index(pair.second)], method="exact").pvalue
        for pair in found.pairs
    ]
    assert [pair.p for pair in found.pairs] == pytest.approx(raw, rel=1e-9)
    adjusted = multipletests(raw, method="holm")[1]
    assert [pair.p_adjusted for pair in found.pairs] == pytest.approx(adjusted, rel=1e-9)
    assert [pair.wilcoxon for pair in found.pairs] == [p <= 0.05 for p in adjusted]
    assert found.wilcoxon_cliques is not None
    assert [set(clique) for clique in found.wilcoxon_cliques] == [{"a", "b"}, {"c", "d"}]
    assert found.p_smallest == pytest.approx(6 * 2 / 2**12)


def test_too_few_repeats_say_so() -> None:
    """Five repeats of four variants: however they fall, no pair reaches 0.05, and the smallest adjusted p says it."""
    found = rank(np.arange(20.0).reshape(5, 4) ** 2, list("abcd"))
    assert found.p_smallest == pytest.approx(6 / 16)
    assert found.wilcoxon_cliques == (tuple("abcd"),)
    assert found.friedman.iman_davenport is None
    assert found.friedman.p_permutation == pytest.approx(24.0**-4, rel=1e-9)


# --------------------------------------------------------------------------------------------- direction and bad input


def test_direction_and_names() -> None:
    """The best has rank 1 in either direction; names follow the mean ranks, and the value is JSON."""
    scores = np.array([[1.0, 3.0, 2.0], [1.1, 3.1, 2.2], [0.9, 3.0, 2.0]])
    assert rank(scores, ["a", "b", "c"]).names == ("a", "c", "b")
    upside_down = rank(scores, ["a", "b", "c"], lower_is_better=False)
    assert upside_down.names == ("b", "c", "a")
    assert upside_down.mean_ranks == (1.0, 2.0, 3.0)
    json.dumps(dataclasses.asdict(upside_down), allow_nan=False)


def test_a_diverged_repeat_ranks_last() -> None:
    """An infinite loss has the worst rank of its repeat, two share it, and pairs see it as farthest apart."""
    scores = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, math.inf], [math.inf, 2.0, math.inf], [1.2, 2.1, 3.3]])
    found = rank(scores, ["a", "b", "c"])
    assert found.friedman.mean_ranks == pytest.approx((1.375, 1.75, 2.875))
    (pair,) = (pair for pair in found.pairs if (pair.first, pair.second) == ("a", "c"))
    # the repeat that both lost is no difference; the one that c lost is the largest of three
    assert pair.p == pytest.approx(stats.wilcoxon([-2.0, -9.0, -2.1], method="exact").pvalue)
    best = rank(-scores, ["a", "b", "c"], lower_is_better=False)
    assert best.mean_ranks == found.mean_ranks


def test_copies_of_one_difference_are_no_evidence() -> None:
    """Two deterministic variants have no p, however many repeats; the family still counts the pair."""
    scores = np.column_stack([np.full(10, 1.0), np.full(10, 2.0), np.random.default_rng(0).normal(1.5, 0.1, 10)])
    found = rank(scores, ["a", "b", "c"])
    by_name = {(pair.first, pair.second): pair for pair in found.pairs}
    assert by_name["a", "b"].p is None
    assert not by_name["a", "b"].wilcoxon
    assert by_name["a", "c"].p_adjusted == pytest.approx(3 * by_name["a", "c"].p)  # type: ignore[operator]


def test_two_repeats_of_many_variants() -> None:
    """The smallest table and one of many columns give numbers, drawn at random where counting takes too long."""
    assert friedman(np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])).p_permutation == pytest.approx(1.0)
    wide = friedman(np.random.default_rng(1).normal(size=(3, 40)))
    assert wide.arrangements == 9999


def test_many_repeats() -> None:
    """20 000 repeats: χ² and F say it, nothing is shuffled."""
    found = friedman(np.random.default_rng(1).normal(size=(20_000, 3)))
    assert found.p_permutation is None
    assert found.p_smallest is None
    assert found.iman_davenport is not None
    assert found.iman_davenport.p == pytest.approx(found.p, abs=1e-3)


@pytest.mark.slow
def test_a_million_repeats() -> None:
    """A million repeats of four variants are ranked, pairs and all."""
    scores = np.random.default_rng(1).normal([0, 0, 0, 0.1], size=(1_000_000, 4))
    found = rank(scores, list("abcd"))
    assert found.nemenyi_cliques == (tuple(found.names[:3]),)
    assert found.p_smallest == 0.0


REFUSED = [
    (
        lambda: friedman(np.ones((1, 3))),
        r"at least 2 repeats \(rows\) and 3 variants \(columns\), found shape \(1, 3\)",
    ),
    (lambda: friedman(np.ones((5, 2))), r"found shape \(5, 2\); compare two variants as a pair"),
    (lambda: friedman(np.ones(5)), r"found shape \(5,\)"),
    (lambda: friedman(np.ones((4, 3))), "In each of the 4 repeats all 3 variants score alike"),
    (lambda: friedman(np.array([[1, 2, 3], [1, math.nan, 3]])), "found nan in repeat 2 of variant 2. Leave out"),
    (lambda: friedman(np.array([[1, 2, 3], [1, -math.inf, 3]])), "infinitely bad ones .* found -inf in repeat 2"),
    (
        lambda: friedman(np.array([[1, 2, math.inf], [1, 2, 3]]), lower_is_better=False),
        "found inf in repeat 1 of variant 3",
    ),
    (lambda: friedman(np.array([[1, 2, 1e200], [1, 2, 3]])), r"at most 1e\+150, .* found 1e\+200"),
    (lambda: rank(ROUNDING, ["a", "b"]), r"a name of its own for each of the 3 variants, found \['a', 'b'\]"),
    (lambda: rank(ROUNDING, ["a", "b", "b"]), "a name of its own"),
    (lambda: rank(ROUNDING, ["alpha", "b", "c"], baseline="alpah"), "'alpah' is none of .*; did you mean 'alpha'"),
    (lambda: rank(ROUNDING, ["a", "b", "c"], alpha=1.0), "alpha must lie between 0 and 1, found 1.0"),
    (
        lambda: require_allowed("friedman", "resampled", "all variants"),
        "'friedman' is not allowed in a resampled design: .* overlap",
    ),
    (lambda: require_allowed("repeated-measures", "resampled", "all variants"), "not allowed in a resampled design"),
    (
        lambda: require_allowed("freidman", "fixed", "all variants"),
        "no test of all variants 'freidman'; did you mean 'friedman'",
    ),
    (
        lambda: require_allowed("friedman", "crosed", "all variants"),
        "There is no design 'crosed'; did you mean 'crossed'",
    ),
]


@pytest.mark.parametrize(("call", "sentence"), REFUSED)
def test_what_cannot_be_ranked_is_refused(call: Callable[[], object], sentence: str) -> None:
    """Each refusal says what was expected, what was found and where."""
    with pytest.raises(StatisticsError, match=sentence):
        call()


def test_allowed_designs() -> None:
    """Fixed and crossed designs allow both tests."""
    for design in ("fixed", "crossed"):
        for test in ranking.OMNIBUS:
            require_allowed(test, design, "all variants")

"""Tests, intervals and verdicts: against R, scipy and hand computation; every refusal and remark by its wording."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from bpbench.errors import StatisticsError
from bpbench.statistics import evidence
from bpbench.statistics.compare import (
    DESIGNS,
    TESTS,
    Comparison,
    Pair,
    Rules,
    judge,
    require_allowed,
    require_reachable,
    smallest_p,
)
from bpbench.statistics.margins import Margin
from bpbench.statistics.ranks import signed_rank
from bpbench.statistics.samples import Sample

# R's data set `sleep` (Student 1908): extra hours of sleep under two drugs, the same ten patients
SLEEP_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SLEEP_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
# Hollander & Wolfe (1973), table 3.1, the example of R's ?wilcox.test: depression before and after a drug
BEFORE = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
AFTER = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]


def _sample(values: list[float] | np.ndarray, splits: list[int] | np.ndarray | None = None) -> Sample:
    return Sample(np.asarray(values, dtype=float), np.zeros(len(values), int) if splits is None else np.asarray(splits))


def _one(
    candidate: list[float] | np.ndarray, baseline: list[float] | np.ndarray, rules: Rules, **counts: int
) -> Comparison:
    splits = np.arange(len(candidate)) if rules.design == "resampled" else None
    pair = Pair("new", "old", _sample(candidate, splits), _sample(baseline, splits), **counts)
    return judge([pair], rules)[0]


PAIRED = Rules("paired-t", "fixed")


# ------------------------------------------------------------------------------------------------ strangers' numbers


def test_paired_t_of_r() -> None:
    """R: t.test(extra ~ group, data = sleep, paired = TRUE): t, df, p, difference and interval as printed."""
    found = _one(SLEEP_1, SLEEP_2, PAIRED)
    assert found.statistic == pytest.approx(-4.0621, abs=5e-5)
    assert found.df == 9
    assert found.p == pytest.approx(0.002833, abs=5e-7)
    assert (found.low, found.high) == pytest.approx((-2.4598858, -0.7001142), abs=5e-8)
    assert found.difference == pytest.approx(-1.58)
    assert found.p_adjusted == found.p
    assert (found.n, found.level, found.p_smallest) == (10, 0.95, None)


def test_welch_t_of_r() -> None:
    """R: t.test(extra ~ group, data = sleep): t, df, p and interval as printed."""
    found = _one(SLEEP_1, SLEEP_2, Rules("welch", "fixed"))
    assert found.statistic == pytest.approx(-1.8608, abs=5e-5)
    assert found.df == pytest.approx(17.776, abs=5e-4)
    assert found.p == pytest.approx(0.07939, abs=5e-6)
    assert (found.low, found.high) == pytest.approx((-3.3654832, 0.2054832), abs=5e-8)


def test_signed_rank_of_r_and_hollander_wolfe() -> None:
    """R: wilcox.test(x, y, paired = TRUE) gives V = 40; one-sided p 0.01953; interval 0.010 to 0.786 as in the book."""
    found = _one(BEFORE, AFTER, Rules("wilcoxon", "fixed"))
    assert found.statistic == 40
    assert found.df is None
    assert found.p == pytest.approx(2 * 0.01953, abs=1e-5)
    assert (found.low, found.high) == pytest.approx((0.010, 0.786), abs=5e-4)
    assert found.p_smallest == 2 / 2**9


def test_nadeau_bengio_by_hand() -> None:
    """For d = 1..5 and ρ = 1/4, t = 3/√1.125 = 2√2; the closed form of t with df = 4 gives p = 0.0474.

    Strangers' numbers of this test stand in test_bayes: the correlated t posterior that its authors' tutorial prints
    (BayesianTestsML, also behind baycomp) has the same t and df, and without a margin its probabilities are this p.
    """
    found = _one([1.0, 2, 3, 4, 5], [0.0] * 5, Rules("nadeau-bengio", "resampled", test_to_train=0.25))
    assert found.statistic == pytest.approx(2 * math.sqrt(2))
    u = found.statistic / math.sqrt(1 + found.statistic**2 / 4)
    assert found.p == pytest.approx(2 * (0.5 - 3 / 8 * u * (1 - u**2 / 12)), rel=1e-12)
    assert found.p == pytest.approx(0.0474, abs=5e-5)


def test_a_pair_may_have_its_own_ratio_of_test_to_training() -> None:
    """Variants that learn from fewer configurations get the wider interval of their own ratio."""
    one, other = (Sample(np.array(values), np.arange(5)) for values in ([1.0, 2, 3, 4, 5], [0.0] * 5))
    rules = Rules("nadeau-bengio", "resampled", test_to_train=0.25)
    own, given = judge([Pair("a", "b", one, other, test_to_train=0.8), Pair("c", "b", one, other)], rules)
    assert own.statistic == pytest.approx(3 / (math.sqrt(2.5) * math.sqrt(0.2 + 0.8)))
    assert given.statistic == pytest.approx(3 / (math.sqrt(2.5) * math.sqrt(0.2 + 0.25)))


@pytest.mark.parametrize("seed", range(4))
def test_t_tests_equal_scipy(seed: int) -> None:
    """Statistic, df, p and interval equal scipy's ttest_rel and ttest_ind(equal_var=False) on drawn samples."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(0, 1, 6 + seed), rng.normal(0.5, 3, 6 + seed)
    for test, stranger in (("paired-t", stats.ttest_rel(x, y)), ("welch", stats.ttest_ind(x, y, equal_var=False))):
        found = _one(x, y, Rules(test, "fixed", alpha=0.1))
        interval = stranger.confidence_interval(0.9)
        expected = (stranger.statistic, stranger.df, stranger.pvalue, interval.low, interval.high)
        assert (found.statistic, found.df, found.p, found.low, found.high) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("n", [3, 9, 30, 50, 51, 200])
def test_signed_rank_equals_scipy(n: int) -> None:
    """The p equals scipy's exact one up to n = 50 and its corrected normal approximation beyond."""
    d = np.random.default_rng(n).normal(0.3, 1, n)
    exact = "exact" if n <= 50 else "asymptotic"
    stranger = stats.wilcoxon(d, method=exact, correction=n > 50)
    assert _one(d, np.zeros(n), Rules("wilcoxon", "fixed")).p == pytest.approx(stranger.pvalue, rel=1e-9)


def test_signed_rank_with_ties_and_zeros_is_exact() -> None:
    """With ties and zeros the p equals scipy's permutation of all sign patterns of the non-zero differences."""
    d = np.array([1.0, 1.0, -1.0, 2.0, 0.0, 3.0, 3.0, -2.0, 0.0, 4.0])
    stranger = stats.wilcoxon(d[d != 0], method=stats.PermutationMethod())
    found = _one(d, np.zeros(d.size), Rules("wilcoxon", "fixed"))
    assert found.p == pytest.approx(stranger.pvalue, rel=1e-12)
    assert found.p_smallest == 2 / 2**8


@pytest.mark.parametrize("n", [2001, 3000])
def test_counted_walsh_averages_equal_the_formed_ones(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The interval found by counting (large n) equals the one from all n(n+1)/2 averages."""
    evidence = signed_rank(np.random.default_rng(n).standard_t(3, n))
    counted = evidence.interval(0.95)
    monkeypatch.setattr("bpbench.statistics.ranks._FORMED_UP_TO", n)
    assert counted == pytest.approx(evidence.interval(0.95), abs=1e-9)


def test_signed_rank_interval_inverts_the_test() -> None:
    """Just inside each end the shifted test does not reject, just outside it does."""
    evidence = signed_rank(np.random.default_rng(3).normal(size=12))
    low, high = evidence.interval(0.95) or (math.nan, math.nan)
    for end, outwards, p in ((low, -1e-9, evidence.p_greater), (high, 1e-9, evidence.p_less)):
        assert p(end + outwards) <= 0.025 < p(end - outwards)


def test_effect_sizes() -> None:
    """The d_z is mean over sd (ddof 1); Hedges' factor is the gamma form: 1/√π for df 2 and √(2/π) for df 4."""
    found = _one([1.0, 2, 3, 4, 5], [0.0] * 5, PAIRED)
    assert found.d_z == pytest.approx(3 / math.sqrt(2.5))
    assert found.hedges_g == pytest.approx(found.d_z * math.sqrt(2 / math.pi))
    found = _one([1.0, 2, 3], [0.0] * 3, PAIRED)
    assert found.hedges_g == pytest.approx(2 / math.sqrt(math.pi))
    assert _one([1.0, 2], [0.0] * 2, PAIRED).hedges_g is None


def test_detectable_is_reckoned_at_the_first_step() -> None:
    """In a family of seven, the detectable difference is SE times the noncentrality at α/7."""
    rng = np.random.default_rng(0)
    old = rng.normal(size=10)
    family = [Pair(f"v{i}", "old", _sample(rng.normal(size=10)), _sample(old)) for i in range(7)]
    found = judge(family, PAIRED)[0]
    assert found.d_z is not None
    assert found.difference is not None
    # 1.40507 is TTestPower().solve_power(nobs=10, alpha=0.05/7, power=0.8) of statsmodels
    assert found.detectable == pytest.approx(1.40507 * abs(found.difference / found.d_z), rel=1e-5)


# -------------------------------------------------------------------------------------------------------- verdicts

RNG = np.random.default_rng(11)
OLD = RNG.normal(10, 1, 10)
NOISE = RNG.normal(0, 0.1, 10)


@pytest.mark.parametrize(
    ("shift", "margin", "lower", "verdict", "significant"),
    [
        (-1.0, None, True, "better", True),
        (+1.0, None, True, "worse", True),
        (-1.0, None, False, "worse", True),
        (+1.0, None, False, "better", True),
        (-1.0, 0.5, True, "better", True),
        (0.0, None, True, "undecided", False),
        (0.0, 0.5, True, "equivalent", False),
        (-0.2, 0.5, True, "equivalent", True),
        (0.0, 0.01, True, "undecided", False),
    ],
)
@pytest.mark.parametrize("test", ["paired-t", "wilcoxon", "nadeau-bengio", "sign-flip"])
def test_verdict_rule(
    test: str, shift: float, margin: float | None, lower: bool, verdict: str, significant: bool
) -> None:
    """Equivalence goes first, then superiority by direction, else undecided; a mere non-rejection is never equal."""
    noise = NOISE - NOISE.mean()
    design = "resampled" if test == "nadeau-bengio" else "fixed"
    rules = Rules(test, design, margin=margin and Margin(margin), lower_is_better=lower, test_to_train=0.1)
    found = _one(OLD + shift + noise, OLD, rules)
    assert (found.verdict, found.significant) == (verdict, significant)
    resolved = any(remark.startswith("Resolved, below the margin") for remark in found.remarks)
    assert resolved == (verdict == "equivalent" and significant)
    assert (found.p_equivalence is None) == (margin is None)


def test_families_are_corrected_separately_over_their_declared_size() -> None:
    """Superiority and equivalence p-values are each multiplied by Holm's factor for all three declared members."""
    family = [
        Pair("a", "old", _sample(OLD - 0.06 + NOISE), _sample(OLD)),
        Pair("b", "old", _sample(OLD + NOISE[::-1]), _sample(OLD)),
        Pair("c", "old", None, None, missing=10),
    ]
    a, b, c = judge(family, Rules("paired-t", "fixed", margin=Margin(0.15)))
    for name in ("p", "p_equivalence"):
        raw = sorted((getattr(a, name), getattr(b, name)))
        adjusted = sorted((getattr(a, f"{name}_adjusted"), getattr(b, f"{name}_adjusted")))
        expected = min(1.0, 3 * raw[0])
        assert adjusted == pytest.approx([expected, max(expected, min(1.0, 2 * raw[1]))])
    assert (c.p_adjusted, c.p_equivalence_adjusted, c.verdict, c.n) == (None, None, "undecided", 0)


@pytest.mark.parametrize(
    ("shift", "margin", "diverged", "verdict"),
    [
        (-1.0, None, {"diverged_candidate": 2}, "undecided"),
        (+1.0, None, {"diverged_candidate": 2}, "worse"),
        (+1.0, None, {"diverged_baseline": 1}, "undecided"),
        (-1.0, None, {"diverged_baseline": 1}, "better"),
        (+1.0, None, {"diverged_candidate": 1, "diverged_baseline": 1}, "undecided"),
        (0.0, 0.5, {"diverged_candidate": 1}, "undecided"),
        (0.0, 0.5, {"diverged_baseline": 1}, "undecided"),
        (0.2, 0.5, {"diverged_candidate": 1}, "worse"),
        (-0.2, 0.5, {"diverged_candidate": 1}, "undecided"),
    ],
)
def test_a_diverged_repeat_never_flatters(
    shift: float, margin: float | None, diverged: dict[str, int], verdict: str
) -> None:
    """A variant with a diverged repeat is neither better nor equivalent, on either side, and it is said."""
    rules = Rules("paired-t", "fixed", margin=margin and Margin(margin))
    found = _one(OLD + shift + NOISE - NOISE.mean(), OLD, rules, **diverged)
    assert found.verdict == verdict
    text = " ".join(found.remarks)
    if "diverged_candidate" in diverged:
        count = "2 repeats" if diverged["diverged_candidate"] == 2 else "1 repeat"
        assert f"{count} of 'new' diverged: it cannot be called better or equivalent" in text
    if "diverged_baseline" in diverged:
        assert "1 repeat of 'old' diverged" in text
    assert found.p is not None


def test_ranks_and_mean_that_disagree_decide_nothing() -> None:
    """Nine repeats slightly lower, one far higher: ranks and mean point to opposite sides, and none is better."""
    d = [-0.1, -0.11, -0.12, -0.13, -0.14, -0.15, -0.16, -0.17, -0.18, 9.0]
    found = _one(d, [0.0] * 10, Rules("wilcoxon", "fixed", alpha=0.2))
    assert found.significant
    assert found.verdict == "undecided"
    assert "The ranks and the mean point to opposite sides" in found.remarks[0]


def test_crossed_designs_count_splits() -> None:
    """Four splits of three seeds are averaged first: n = 4, and the numbers equal those of the averages."""
    rng = np.random.default_rng(5)
    splits = np.repeat(np.arange(4), 3)
    new, old = rng.normal(size=12), rng.normal(size=12)
    found = judge([Pair("new", "old", _sample(new, splits), _sample(old, splits))], Rules("paired-t", "crossed"))[0]
    stranger = stats.ttest_rel(new.reshape(4, 3).mean(1), old.reshape(4, 3).mean(1))
    assert found.n == 4
    assert (found.p, found.statistic) == pytest.approx((stranger.pvalue, stranger.statistic))
    assert "the claim holds given these data and this test set, not beyond them" in found.remarks[0]
    with pytest.raises(StatisticsError, match="not allowed in a crossed design: the reserve is drawn once"):
        Rules("nadeau-bengio", "crossed", test_to_train=0.25)


# ------------------------------------------------------------------------------------------- nothing to test against

INFERRED = (
    "low",
    "high",
    "equivalence_low",
    "equivalence_high",
    "d_z",
    "hedges_g",
    "statistic",
    "df",
    "p",
    "p_smallest",
    "p_adjusted",
    "p_equivalence",
    "p_equivalence_adjusted",
    "detectable",
)


def _deterministic(n: int, size: str) -> str:
    return (
        f"Deterministic given this split: all {n} paired differences are {size}, so there is no noise to test against "
        "and no p."
    )


def _says_nothing(found: Comparison) -> bool:
    values = dataclasses.asdict(found)
    return all(values[name] is None for name in INFERRED) and found.verdict == "undecided" and not found.significant


@pytest.mark.parametrize("test", ["paired-t", "welch", "wilcoxon", "sign-flip", "permutation", "mann-whitney"])
@pytest.mark.parametrize(
    ("new", "old", "remark"),
    [
        ([2.0], [1.0], "A single repeat shows no spread: no p, no interval and no verdict without a second one."),
        (
            [2.0] * 5,
            [1.5] * 5,
            _deterministic(5, "0.5"),
        ),
        (
            [1.0, 2.0, 3.0],
            [1.0, 2.0, 3.0],
            _deterministic(3, "zero").replace("Deterministic given this split", "No spread between repeats"),
        ),
        (
            [0.3, 0.1 + 0.2, 0.3],
            [0.1, 0.1, 0.1],
            _deterministic(3, "0.2"),
        ),
    ],
)
def test_no_spread_no_p(test: str, new: list[float], old: list[float], remark: str) -> None:
    """One repeat, equal differences, all zero, or equal up to rounding: no p, no interval, and a sentence says why."""
    found = _one(new, old, Rules(test, "fixed", margin=Margin(1.0)))
    assert found.difference == pytest.approx(np.mean(new) - np.mean(old))
    if test in {"welch", "permutation", "mann-whitney"}:
        if np.ptp(old):  # the pairs are equal, and samples that count as independent have a spread all the same
            assert found.p is not None
            return
        remark = remark.replace(
            f"all {len(old)} paired differences are", "the values of each side are all equal and their difference is"
        )
    assert _says_nothing(found)
    assert found.remarks == (remark,)


def test_an_incomplete_study_shows_no_p() -> None:
    """With a repeat missing, means are described and nothing is inferred, whatever the numbers say."""
    found = _one(OLD - 5 + NOISE, OLD, Rules("paired-t", "fixed", margin=Margin(9.0)), missing=2)
    assert _says_nothing(found)
    assert found.remarks == ("2 declared repeats are missing: an incomplete study shows no p and no verdict.",)
    assert found.difference == pytest.approx(-5 + NOISE.mean())
    found = _one(OLD, OLD + NOISE, PAIRED, missing=1)
    assert found.remarks == ("1 declared repeat is missing: an incomplete study shows no p and no verdict.",)


def test_no_repeat_on_both_sides() -> None:
    """When every repeat of a variant diverged there is nothing to compare, and both facts are said."""
    found = judge([Pair("new", "old", None, None, diverged_candidate=10)], PAIRED)[0]
    assert _says_nothing(found)
    assert found.difference is None
    assert found.remarks[0] == "No repeat finished on both sides: there is nothing to compare."
    assert found.remarks[1].startswith("10 repeats of 'new' diverged")


def test_too_few_repeats_for_an_interval_by_ranks() -> None:
    """Five repeats cannot carry a 95 % signed-rank interval (its widest covers 93.75 %), so none is shown."""
    found = _one([1.0, 2, 3, 4, 5], [0.0] * 5, Rules("wilcoxon", "fixed"))
    assert (found.low, found.high) == (None, None)
    assert found.remarks == ("5 repeats are too few for a 95% interval by ranks.",)
    assert found.p == found.p_smallest == 0.0625
    assert found.detectable is None


def test_tiny_and_huge_values_do_not_underflow_or_overflow() -> None:
    """Scaling both samples by 1e-200 or 1e140 changes no p, t, d_z or verdict."""
    for test in ("paired-t", "welch", "sign-flip", "permutation"):
        rules = Rules(test, "fixed")
        plain = _one(SLEEP_1, SLEEP_2, rules)
        for scale in (1e-200, 1e140):
            scaled = _one(np.multiply(SLEEP_1, scale), np.multiply(SLEEP_2, scale), rules)
            for name in ("p", "statistic", "d_z"):
                assert getattr(scaled, name) == pytest.approx(getattr(plain, name), rel=1e-9)
            assert scaled.df == (plain.df and pytest.approx(plain.df, rel=1e-9))


def test_dropped_zeros_are_said() -> None:
    """The signed-rank test drops differences of zero, and the comparison says how many and what is left."""
    some = _one([0.0, 1, 2, 3, -1, 0, 4, 5], [0.0] * 8, Rules("wilcoxon", "fixed"))
    assert some.remarks == ("Of 8 paired differences 2 are zero and left out of the ranks: p rests on the other 6.",)
    assert some.p_smallest == 2 / 2**6
    one = _one(SLEEP_1, SLEEP_2, Rules("wilcoxon", "fixed"))
    assert one.remarks[0].startswith("Of 10 paired differences 1 is zero")
    assert not _one(BEFORE, AFTER, Rules("wilcoxon", "fixed")).remarks


REDRAWN = (
    [0.56, 0.26, 0.29, 0.26, 0.62, 0.53, 0.31, 0.26, 0.55],
    [0.57, 0.24, 0.28, 0.22, 0.59, 0.49, 0.33, 0.22, 0.53],
)


def test_ties_are_not_broken_by_rounding() -> None:
    """Scores of two decimals tie as their hundredths do, and 0.1 + 0.2 less 0.3 is a zero that is dropped and said."""
    rules = Rules("wilcoxon", "fixed")
    decimal, whole = _one(*REDRAWN, rules), _one(*(np.rint(np.multiply(side, 100)) for side in REDRAWN), rules)
    assert (decimal.p, decimal.statistic) == (whole.p, whole.statistic)
    assert whole.p == pytest.approx(0.0508, abs=1e-4)
    some = _one([0.1 + 0.2, 0.5, 0.6, 0.7, 0.8, 0.9], [0.3, 0.4, 0.4, 0.4, 0.4, 0.4], rules)
    assert some.p == some.p_smallest == 0.0625
    assert some.remarks[0].startswith("Of 6 paired differences 1 is zero and left out")


@pytest.mark.parametrize(
    ("test", "n"), [("wilcoxon", 7), ("wilcoxon", 60), ("mann-whitney", 7), ("sign-flip", 7), ("permutation", 5)]
)
def test_p_is_the_same_in_every_unit(test: str, n: int) -> None:
    """Of tables of two decimals, p and that of equivalence do not depend on the power of ten they are written in."""
    rng = np.random.default_rng(n)
    for _ in range(3 if test == "permutation" else 5):
        new, old = rng.integers(20, 40, (2, n))
        found = [
            _one(new / 100 * 10.0**k, old / 100 * 10.0**k, Rules(test, "fixed", margin=Margin(0.04 * 10.0**k)))
            for k in (0, 2, -3)
        ]
        assert len({(one.p, one.p_equivalence) for one in found}) == 1
        share = [
            _one(new / 100 * 10.0**k, old / 100 * 10.0**k, Rules(test, "fixed", margin=Margin(0.1, "relative")))
            for k in (0, 2)
        ]
        assert share[0].p_equivalence == share[1].p_equivalence


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (np.multiply(1.05, [1, 1.3, 0.9, 1.1, 1.2, 1.05, 1.4, 0.8]), [1, 1.3, 0.9, 1.1, 1.2, 1.05, 1.4, 0.8]),
        (np.multiply(0.95, [1, 1.3, 0.9, 1.1, 1.2, 1.05, 1.4, 0.8]), [1, 1.3, 0.9, 1.1, 1.2, 1.05, 1.4, 0.8]),
        (np.array([1.0, 2]), [2.0, 2.5]),
        (np.array([1.0, 3, 5]), [1.0, 2, 3]),
        (np.array([1.05, 2.1, 3.15]), [1.0, 2, 3]),
        (np.array([0.0, 0.5, 1.0]), [1.0, 1.5, 2.0]),
    ],
)
@pytest.mark.parametrize("test", ["sign-flip", "permutation", "wilcoxon", "mann-whitney", "paired-t", "welch"])
def test_contrasts_without_spread_are_judged(test: str, new: np.ndarray, old: list[float]) -> None:
    """A candidate that is the baseline times a limit of the margin, or beside a multiple of it, is no fault."""
    for correction in ("holm", "max-t") if test == "sign-flip" else ("holm",):
        found = _one(new, old, Rules(test, "fixed", correction, margin=Margin(0.05, "relative")))
        assert found.verdict != "equivalent"
        assert found.p_equivalence is None or found.p_equivalence > 0.05


@pytest.mark.parametrize("test", ["sign-flip", "permutation", "wilcoxon", "mann-whitney"])
def test_relative_margins_of_huge_scores(test: str) -> None:
    """No contrast is formed that a test does not need: scores near the largest allowed have a relative margin."""
    new, old = np.array([0.8, 0.82, 0.79, 0.81]) * 1e150, np.array([0.81, 0.8, 0.8, 0.82]) * 1e150
    scaled, plain = (
        _one(a, b, Rules(test, "fixed", margin=Margin(0.1, "relative")))
        for a, b in ((new, old), (new / 1e150, old / 1e150))
    )
    assert scaled.p_equivalence == plain.p_equivalence is not None


def test_flips_that_turn_zeros_are_not_counted() -> None:
    """Of 20 differences with 5 that are not zero p is that of 2^5 signs, and never below its smallest."""
    new = np.zeros(20)
    new[:5] = [1.0, 2.0, 3.0, 4.0, 5.0]
    for seed in range(5):
        for correction in ("holm", "max-t"):
            found = _one(new, np.zeros(20), Rules("sign-flip", "fixed", correction, seed=seed))
            assert found.p == found.p_smallest == 0.0625
            assert found.p_adjusted == 0.0625
    rng = np.random.default_rng(1)
    some = np.where(np.arange(40) < 12, rng.normal(0.6, 1, 40), 0.0)
    found = _one(some, np.zeros(40), Rules("sign-flip", "fixed"))
    assert found.p == _one(some[:12], np.zeros(12), Rules("sign-flip", "fixed")).p


def test_an_unpaired_test_has_no_paired_rule_of_spread() -> None:
    """Under a test of independent samples a constant paired difference is noise enough, whether pairs are known."""
    old = np.arange(1.0, 6.0)
    for test in ("welch", "permutation", "mann-whitney"):
        paired, apart = (
            judge([Pair("a", "b", _sample(old + 0.5), _sample(old), paired=pairs)], Rules(test, "fixed"))[0]
            for pairs in (True, False)
        )
        assert paired.p == apart.p is not None
        assert paired.d_z is None
        assert paired.remarks == apart.remarks
    assert _one(old + 0.5, old, Rules("welch", "fixed")).p == pytest.approx(0.63, abs=0.005)


@pytest.mark.parametrize("ratio", [-2.0, -0.1, 0.0, math.inf, math.nan])
def test_a_pair_has_a_possible_ratio(ratio: float) -> None:
    """The overlap of a pair is checked as that of the rules is."""
    with pytest.raises(StatisticsError, match="test_to_train must be a positive number, found"):
        Pair("a", "b", _sample(OLD), _sample(OLD), test_to_train=ratio)


def test_the_same_contrast_is_redrawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Superiority, interval and equivalence share the redrawings: one set, and with a relative margin two more."""
    calls: list[int] = []
    made = evidence.sign_flip
    monkeypatch.setattr(evidence, "sign_flip", lambda *given, **named: calls.append(1) or made(*given, **named))
    for margin, many in ((Margin(0.1), 1), (Margin(0.1, "relative"), 3)):
        calls.clear()
        _one(OLD + NOISE, OLD, Rules("sign-flip", "fixed", margin=margin))
        assert len(calls) == many


@pytest.mark.slow
@pytest.mark.parametrize("test", ["sign-flip", "permutation"])
def test_a_million_repeats_by_redrawing(test: str) -> None:
    """A million values are judged within a minute by redrawing, also against a relative margin."""
    rng = np.random.default_rng(0)
    new, old = rng.uniform(1.001, 2.001, 10**6), rng.uniform(1, 2, 10**6)
    found = _one(new, old, Rules(test, "fixed", margin=Margin(0.02, "relative")))
    assert found.verdict == "equivalent"


@pytest.mark.parametrize("test", ["sign-flip", "permutation"])
def test_long_samples_by_redrawing(test: str) -> None:
    """A hundred thousand values are judged by fewer redrawings, and rightly: the shift lies within the margin."""
    rng = np.random.default_rng(0)
    new, old = rng.normal(0.002, 1, 10**5), rng.normal(size=10**5)
    found = _one(new, old, Rules(test, "fixed", margin=Margin(0.03)))
    assert found.verdict == "equivalent"


@pytest.mark.parametrize("test", ["paired-t", "welch", "wilcoxon", "mann-whitney"])
def test_a_million_repeats(test: str) -> None:
    """A million values are judged, by t and by ranks, and rightly: the shift lies within the margin."""
    rng = np.random.default_rng(0)
    new, old = rng.normal(0.002, 1, 10**6), rng.normal(size=10**6)
    found = _one(new, old, Rules(test, "fixed", margin=Margin(0.02)))
    assert found.verdict == "equivalent"


def test_a_comparison_is_plain_json() -> None:
    """Judged, missing and deterministic comparisons are JSON without NaN, and every remark is a whole sentence."""
    family = [
        Pair("a", "old", _sample(OLD + NOISE), _sample(OLD), diverged_baseline=1),
        Pair("b", "old", None, None, missing=3),
        Pair("c", "old", _sample(OLD), _sample(OLD)),
    ]
    for found in judge(family, Rules("paired-t", "fixed", margin=Margin(0.5))):
        text = json.dumps(dataclasses.asdict(found), allow_nan=False)
        assert json.loads(text)["candidate"] == found.candidate
        assert all(remark.endswith(".") and remark[0] == remark[0].upper() for remark in found.remarks)


def test_judging_is_repeatable_and_an_empty_family_is_empty() -> None:
    """The same family gives the same values to the last bit, and no family gives no comparison."""
    family = [Pair("a", "old", _sample(OLD + NOISE), _sample(OLD))]
    assert judge(family, PAIRED) == judge(family, PAIRED)
    assert judge([], PAIRED) == ()


# -------------------------------------------------------------------------------------------------------- refusals


def test_which_design_allows_which_test() -> None:
    """The closed table: rank and plain tests are refused on resampled splits, the corrected one on a fixed split."""
    allowed = {key: info.designs for key, info in TESTS.items()}
    assert allowed == {
        "paired-t": ("fixed", "crossed"),
        "nadeau-bengio": ("resampled",),
        "welch": ("fixed", "crossed"),
        "wilcoxon": ("fixed", "crossed"),
        "sign-flip": ("fixed", "crossed"),
        "permutation": ("fixed", "crossed"),
        "mann-whitney": ("fixed", "crossed"),
    }
    assert {key for key, info in TESTS.items() if not info.paired} == {"welch", "permutation", "mann-whitney"}
    for key, designs in allowed.items():
        for design in set(DESIGNS) - set(designs):
            with pytest.raises(StatisticsError, match=f"'{key}' is not allowed in a {design} design: .*; use '"):
                require_allowed(key, design)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"test": "paired-T"}, "There is no test 'paired-T'; did you mean 'paired-t'"),
        ({"design": "resample"}, "There is no design 'resample'; did you mean 'resampled'"),
        ({"test": "wilcoxon", "design": "resampled"}, "training and test sets of resampled splits overlap"),
        ({"test": "nadeau-bengio"}, "the seeds are independent given it; use 'paired-t'"),
        ({"correction": "bonferoni"}, "There is no correction 'bonferoni'; did you mean 'bonferroni'"),
        ({"alpha": 0.5}, "alpha must lie between 0 and 0.5, found 0.5"),
        ({"alpha": math.nan}, "alpha must lie between 0 and 0.5, found nan"),
        ({"power": 0.01}, r"power must lie between alpha \(0.05\) and 1, found 0.01"),
        (
            {"test": "welch", "margin": Margin(0.3, "d_z")},
            "'welch' cannot judge a margin of 0.3 d_z: .* no spread of pa",
        ),
        ({"test": "nadeau-bengio", "design": "resampled"}, "needs test_to_train, .*; none was given"),
        ({"test_to_train": -1.0}, "test_to_train must be a positive number, found -1.0"),
        ({"seed": -1}, "A seed is a whole number that is not negative, found -1"),
        (
            {"correction": "max-t"},
            "'max-t' turns the signs of paired differences .* the test 'sign-flip' alone, found 'paired-t'; choose",
        ),
        ({"test": "sign-flip", "design": "resampled", "correction": "max-t"}, "resampled splits overlap"),
    ],
)
def test_impossible_rules_are_refused(arguments: dict[str, object], sentence: str) -> None:
    """Each wrong rule gets one sentence, with the nearest word or the reason."""
    with pytest.raises(StatisticsError, match=sentence):
        Rules(**{"test": "paired-t", "design": "fixed", **arguments})  # type: ignore[arg-type]


def test_impossible_pairs_are_refused() -> None:
    """Unpaired lengths or splits, lone samples, self-comparison and negative counts: each its sentence."""
    two, three = _sample([1.0, 2.0]), _sample([1.0, 2.0, 3.0])
    with pytest.raises(
        StatisticsError, match="same repeats, found 2 and 3 values in 'a' against 'b'; keep the repeats"
    ):
        Pair("a", "b", two, three)
    with pytest.raises(StatisticsError, match="value 2 is from split 0 and split 1; order both by repeat"):
        Pair("a", "b", two, _sample([1.0, 2.0], [0, 1]))
    with pytest.raises(StatisticsError, match="both samples or neither, found one alone in 'a' against 'b'"):
        Pair("a", "b", two, None)
    with pytest.raises(StatisticsError, match="needs two variants, found 'a' against 'a'"):
        Pair("a", "a", two, two)
    with pytest.raises(StatisticsError, match="cannot be negative, found one in 'a' against 'b'"):
        Pair("a", "b", two, two, missing=-1)
    with pytest.raises(StatisticsError, match="'a' against 'b' stands twice in the family; declare it once"):
        judge([Pair("a", "b", two, two)] * 2, PAIRED)


def test_splits_that_contradict_the_design_are_refused() -> None:
    """Resampled repeats declared as fixed, or seeds on one split declared as resampled, would falsify the test."""
    varied = _sample([1.0, 2.0, 4.0], [0, 1, 2])
    with pytest.raises(
        StatisticsError, match="fixed design has one split, found 3 among 3 repeats; declare 'resampled'"
    ):
        judge([Pair("a", "b", varied, varied)], PAIRED)
    shared = _sample([1.0, 2.0, 4.0], [0, 0, 1])
    with pytest.raises(
        StatisticsError, match="new split for every repeat, found 2 splits among 3 repeats; declare 'cros"
    ):
        judge([Pair("a", "b", shared, shared)], Rules("nadeau-bengio", "resampled", test_to_train=0.25))


@pytest.mark.parametrize(("family", "least"), [(1, 6), (3, 7), (6, 8), (10, 9), (15, 10), (28, 11), (56, 12)])
def test_least_repeats_of_the_signed_rank_test(family: int, least: int) -> None:
    """The first Holm step at 0.05 needs 6 repeats alone, 12 in a family of 56 (2/2^n against 0.05/m)."""
    require_reachable("wilcoxon", least, family, "holm", 0.05)
    with pytest.raises(StatisticsError, match=f"alpha = 0.05: .* at least {least} repeats are needed"):
        require_reachable("wilcoxon", least - 1, family, "holm", 0.05)


def test_reachability_says_why_and_does_not_refuse_too_much() -> None:
    """The sentence names the smallest p and the level; step-up methods are refused only where nothing could pass."""
    sentence = (
        "With 5 repeats the Wilcoxon signed-rank test could never reach alpha = 0.05: its smallest p is 0.0625, and "
        "the correction 'holm' over 7 comparisons asks for 0.00714; at least 9 repeats are needed."
    )
    with pytest.raises(StatisticsError) as caught:
        require_reachable("wilcoxon", 5, 7, "holm", 0.05)
    assert str(caught.value) == sentence
    # seven p-values of 0.03125 are all rejected by Benjamini-Hochberg and by Hommel
    require_reachable("wilcoxon", 6, 7, "bh", 0.05)
    require_reachable("wilcoxon", 6, 7, "hommel", 0.05)
    with pytest.raises(StatisticsError, match=r"at least 2 independent .*, found 1; 2 or more are needed"):
        require_reachable("paired-t", 1, 7, "holm", 0.05)
    require_reachable("paired-t", 2, 56, "by", 0.001)


def test_reachability_of_redrawings() -> None:
    """Sign flips need what signed ranks need, max-T no more for a family than for one, and drawn flips have a floor."""
    require_reachable("sign-flip", 6, 56, "max-t", 0.05)
    require_reachable("sign-flip", 12, 56, "holm", 0.05)
    with pytest.raises(StatisticsError, match=r"With 11 repeats the sign-flip test could never .* at least 12 repeats"):
        require_reachable("sign-flip", 11, 56, "holm", 0.05)
    with pytest.raises(StatisticsError, match=r"With 3 repeats the Mann-Whitney test .* is 0.1, .* at least 4 repeats"):
        require_reachable("mann-whitney", 3, 1, "holm", 0.05)
    with pytest.raises(
        StatisticsError, match=r"no number of repeats is enough, since it draws at most 99999 .* such as 'paired-t'"
    ):
        require_reachable("sign-flip", 30, 5000, "bonferroni", 0.05)
    with pytest.raises(StatisticsError, match="fewer, such as 14, could, of which more redrawings are made"):
        require_reachable("sign-flip", 10**6, 300, "bonferroni", 0.05)
    with pytest.raises(StatisticsError, match=r"at least 2 independent repeats .*, found 1; 4 or more are needed"):
        require_reachable("permutation", 1, 1, "holm", 0.05)


def test_smallest_p() -> None:
    """Ranks: 2/2^n; t tests have no floor; one repeat gives no p; unknown tests and negative n are refused."""
    assert [smallest_p("wilcoxon", n) for n in (1, 2, 5, 6)] == [1.0, 0.5, 0.0625, 0.03125]
    assert smallest_p("wilcoxon", 10**6) == 0.0
    assert [smallest_p("sign-flip", n) for n in (1, 2, 6, 16, 17, 10**6)] == [1, 0.5, 2**-5, 2**-15, 2e-5, 2 / 1001]
    assert [smallest_p("mann-whitney", n) for n in (1, 2, 4)] == pytest.approx([1, 1 / 3, 2 / 70])
    assert [smallest_p("permutation", n) for n in (2, 4, 50)] == pytest.approx([1 / 3, 2 / 70, 2e-5])
    assert smallest_p("mann-whitney", 3, 7) == smallest_p("permutation", 7, 3) == pytest.approx(2 / 120)
    assert smallest_p("welch", 3, 1) == 1.0
    with pytest.raises(StatisticsError, match="'wilcoxon' compares repeat by repeat, found 3 repeats against 4"):
        smallest_p("wilcoxon", 3, 4)
    assert [smallest_p("paired-t", n) for n in (0, 1, 2)] == [1.0, 1.0, 0.0]
    with pytest.raises(StatisticsError, match="cannot be negative, found -1"):
        smallest_p("welch", -1)
    with pytest.raises(StatisticsError, match="There is no test 'signs'"):
        smallest_p("signs", 5)


def test_importing_the_room_loads_neither_scipy_nor_statsmodels() -> None:
    """The package can be imported by the command line without paying for the libraries behind it."""
    code = (
        "import sys, bpbench.statistics.compare, bpbench.statistics.power; "
        "print([name for name in ('scipy', 'statsmodels', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

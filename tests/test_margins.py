"""Margins as written; equivalence within relative ones and ones in d_z, against strangers and by simulation."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq

from bpbench.errors import ProtocolError, StatisticsError
from bpbench.protocol import loads
from bpbench.statistics.compare import Pair, Rules, judge
from bpbench.statistics.equivalence import (
    Contrast,
    _p,
    equivalence,
    non_inferiority,
    ratio_interval,
    require_positive,
)
from bpbench.statistics.margins import Margin
from bpbench.statistics.ranks import signed_rank
from bpbench.statistics.samples import Sample
from bpbench.statistics.student import StudentEvidence, paired, welch
from bpbench.statistics.summaries import PairedSummary, WelchSummary
from bpbench.study import check_design

ZEROS = np.zeros(8, dtype=int)
# R: example of statpsych::ci.ratio.mean.ps, two forms of one questionnaire
Y1 = np.array([3.3, 3.6, 3.0, 3.1, 3.9, 4.2, 3.5, 3.3])
Y2 = np.array([3.0, 3.1, 2.7, 2.6, 3.2, 3.8, 3.2, 3.0])


def _contrast(one: np.ndarray, other: np.ndarray, kind: str = "paired") -> Contrast:
    splits = np.zeros(one.size, dtype=int)
    first = Sample(one, splits)

    def at(factor: float) -> StudentEvidence:
        second = Sample(factor * other, splits)
        return welch(first, second) if kind == "welch" else paired(first, second, test_to_train=_RATIO[kind])

    return at


_RATIO = {"paired": 0.0, "overlap": 0.25, "welch": 0.0}


# ------------------------------------------------------------------------------------------------------- as written


@pytest.mark.parametrize(
    ("written", "value", "kind", "plain"),
    [
        (0.1, 0.1, "absolute", 0.1),
        (1, 1.0, "absolute", 1.0),
        ("0.1", 0.1, "absolute", 0.1),
        ("5%", 0.05, "relative", "5 %"),
        (" 2.5  % ", 0.025, "relative", "2.5 %"),
        ("7%", 0.07, "relative", "7 %"),
        ("1e-1%", 0.001, "relative", "0.1 %"),
        ("0.3 d_z", 0.3, "d_z", "0.3 d_z"),
        (".5d_z", 0.5, "d_z", "0.5 d_z"),
    ],
)
def test_a_margin_is_read_and_written(written: float | str, value: float, kind: str, plain: float | str) -> None:
    """Numbers, percentages and numbers of d_z are read, and what is stored in findings is read back as the same."""
    margin = Margin.parse(written)
    assert margin.value == pytest.approx(value, rel=1e-15)
    assert margin.kind == kind
    assert margin.plain == plain
    assert Margin.parse(margin.plain) == margin


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("5 %%", r"a share of the baseline's mean \(5%\) or a number of standard deviations .*, found '5 %%'\."),
        ("much", "found 'much'"),
        ("", "found ''"),
        ("nan%", "found 'nan%'"),
        ("0.1 meV/atom", "found '0.1 meV/atom'"),
        ("-5%", "A margin is a positive share of the baseline's mean, found -5 %"),
        ("0%", "A margin is a positive share of the baseline's mean, found 0 %"),
        ("1e400 %", "positive share of the baseline's mean, found inf %"),
        ("100%", "A relative margin is a share of the baseline's mean below 100 %, found 100 %"),
        ("-0.3 d_z", "a positive number of standard deviations of the paired differences, found -0.3 d_z"),
        (0.0, "A margin is a positive number in the metric's unit, found 0.0"),
        (math.nan, "A margin is a positive number in the metric's unit, found nan"),
        (math.inf, "A margin is a positive number in the metric's unit, found inf"),
    ],
)
def test_nonsense_is_no_margin(written: float | str, sentence: str) -> None:
    """Each text that is no margin gets one sentence that says what one looks like."""
    with pytest.raises(StatisticsError, match=sentence):
        Margin.parse(written)


PROTOCOL = """\
question: q
data: {kind: aluminium}
sets: {a: thesis-12, b: thesis-22}
models: {m: {kind: linear}}
variants: [{name: a, set: a, model: m}, {name: b, set: b, model: m}]
repeats: 5
analysis: {baseline: a, test: TEST, margin: MARGIN}
"""


@pytest.mark.parametrize(
    ("written", "test", "sentence"),
    [
        ("5 %%", "paired-t", "line 7, analysis.margin: A margin is a number in the metric's unit"),
        ("-5%", "paired-t", "line 7, analysis.margin: A margin is a positive share .* found -5 %"),
        ("0", "paired-t", "line 7, analysis.margin: expected a margin greater than 0, found 0"),
        (
            "[5]",
            "paired-t",
            r"line 7, analysis.margin: expected a number, or a text such as 5% or 0.3 d_z, found \[5\]",
        ),
        ("true", "paired-t", "expected a number, or a text such as 5% or 0.3 d_z, found true"),
        ("0.3 d_z", "welch", "analysis.margin: The test 'welch' cannot judge a margin of 0.3 d_z: .* no spread of pai"),
    ],
)
def test_a_protocol_refuses_what_is_no_margin(written: str, test: str, sentence: str) -> None:
    """The line of the margin is named, and one sentence said."""
    text = PROTOCOL.replace("TEST", test).replace("MARGIN", written)
    with pytest.raises(ProtocolError, match=sentence) as caught:
        check_design(loads(text))
    assert "\n" not in str(caught.value)


def test_a_protocol_takes_all_three() -> None:
    """A number stays the number that it was; a text is written in one way, whatever its blanks."""
    found = {}
    for written in ("1", "0.5", '"5%"', "5 %", "0.3d_z"):
        protocol = loads(PROTOCOL.replace("TEST", "paired-t").replace("MARGIN", written))
        check_design(protocol)
        found[written] = protocol.analysis.margin
    assert found == {"1": 1.0, "0.5": 0.5, '"5%"': "5 %", "5 %": "5 %", "0.3d_z": "0.3 d_z"}


def test_a_rank_test_cannot_judge_d_z() -> None:
    """The reason is the shape of the noise, and what can be done instead is said."""
    with pytest.raises(StatisticsError, match=r"'wilcoxon' cannot judge a margin of 0.3 d_z: .* shape of the noise"):
        Rules("wilcoxon", "fixed", margin=Margin(0.3, "d_z"))
    Rules("wilcoxon", "fixed", margin=Margin(0.05, "relative"))


# -------------------------------------------------------------------------------------------------- relative margins


def _fieller(one: np.ndarray, other: np.ndarray, level: float, ratio: float) -> list[float]:
    """Return Fieller's limits by his own quadratic: (c̄ - k b̄)² = t² (1/n + ρ) (s_c² - 2 k s_cb + k² s_b²)."""
    n = one.size
    share = stats.t.ppf((1 + level) / 2, n - 1) ** 2 * (1 / n + ratio)
    (v_c, v_cb), (_, v_b) = np.cov(one, other)
    c, b = one.mean(), other.mean()
    return sorted(np.roots([b * b - share * v_b, -2 * (c * b - share * v_cb), c * c - share * v_c]).tolist())


@pytest.mark.parametrize("kind", ["paired", "overlap"])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_the_ratio_interval_is_fiellers(kind: str, level: float) -> None:
    """Found by search over factors, it equals the roots of Fieller's quadratic (Fieller 1954)."""
    low, high = ratio_interval(_contrast(Y1, Y2, kind), level)
    assert [low, high] == pytest.approx([root - 1 for root in _fieller(Y1, Y2, level, _RATIO[kind])], rel=1e-9)


def test_the_contrast_is_an_ordinary_t_test() -> None:
    """Both p-values equal scipy's one-sided ttest_1samp of c - (1 ± f) b, and by Welch ttest_ind of c and (1 ± f) b."""
    f, margin = 0.15, Margin(0.15, "relative")
    above = stats.ttest_1samp(Y1 - (1 + f) * Y2, 0, alternative="less").pvalue
    below = stats.ttest_1samp(Y1 - (1 - f) * Y2, 0, alternative="greater").pvalue
    found = equivalence(_contrast(Y1, Y2), margin, 0.05)
    assert found.p == pytest.approx(max(above, below), rel=1e-12)
    assert non_inferiority(_contrast(Y1, Y2), margin, 0.05).p == pytest.approx(above, rel=1e-12)
    stranger = stats.ttest_ind(Y1, (1 + f) * Y2, equal_var=False, alternative="less").pvalue
    assert equivalence(_contrast(Y1, Y2, "welch"), margin, 0.05).p == pytest.approx(stranger, rel=1e-12)


@pytest.mark.parametrize("kind", ["paired", "overlap", "welch"])
def test_a_relative_margin_rejects_exactly_when_its_interval_lies_within(kind: str) -> None:
    """That p ≤ α and that Fieller's interval of level 1 - 2α lies within (-f, f) are the same statement."""
    seen = set()
    for seed in range(40):
        rng = np.random.default_rng([7, seed])
        both = rng.normal(5, 0.3, (2, 6)) + rng.normal(0, 0.3, 6)
        found = equivalence(_contrast(*both, kind), Margin(0.08, "relative"), 0.05)
        assert found.low is not None
        assert found.high is not None
        inside = found.low > -0.08 and found.high < 0.08
        assert (found.p <= 0.05) == inside
        seen.add(inside)
    assert seen == {True, False}


def test_an_uncertain_baseline_has_no_interval_and_no_equivalence() -> None:
    """Where the baseline's mean is not clearly positive, Fieller's set has no end and nothing is concluded."""
    one, other = np.array([1.0, 2.0, 9.0]), np.array([0.1, 8.0, 1.0])
    for kind in ("paired", "welch"):
        found = equivalence(_contrast(one, other, kind), Margin(0.9, "relative"), 0.05)
        assert (found.low, found.high) == (None, None)
        assert found.p > 0.05


def test_scores_tied_by_the_very_factor_prove_nothing() -> None:
    """Where c = (1 + f) b in every repeat there is no noise on that side, and p is 1."""
    other = np.array([1.0, 2.0, 4.0, 8.0])
    assert equivalence(_contrast(1.5 * other, other), Margin(0.5, "relative"), 0.05).p == 1


def test_ranks_judge_the_same_contrast() -> None:
    """A relative margin works by ranks: p is that of the signed ranks of c - (1 ± f) b; no interval is given."""
    found = equivalence(lambda k: signed_rank(Y1 - k * Y2), Margin(0.2, "relative"), 0.05)
    above, below = signed_rank(Y1 - 1.2 * Y2).p_less(), signed_rank(Y1 - 0.8 * Y2).p_greater()
    assert (found.p, found.low, found.high) == (max(above, below), None, None)


def test_a_share_of_what_is_not_positive_is_refused() -> None:
    """Scores that are not positive have no share; in a study that stands beside the comparison as a remark."""
    with pytest.raises(StatisticsError, match=r"needs scores that are positive.* found -0.5 in value 2 of 3"):
        require_positive(np.array([1.0, -0.5, 2.0]))
    scores = Sample(np.array([1.0, -0.5, 2.0]), np.zeros(3, int))
    rules = Rules("paired-t", "fixed", margin=Margin(0.05, "relative"))
    (found,) = judge([Pair("a", "b", Sample(np.array([1.1, 0.2, 2.3]), np.zeros(3, int)), scores)], rules)
    assert found.p is not None
    assert (found.p_equivalence, found.verdict) == (None, "undecided")
    assert found.remarks[0].startswith("No equivalence test was made. A relative margin is a share of the ba")


def test_plugging_in_the_observed_mean_errs_and_the_contrast_does_not() -> None:
    """On the margin (μ_c = 1.3 μ_b) the contrast errs in 5 %, f times the observed mean of the baseline in more.

    n = 5, baseline with a spread of 20 % that the candidate follows, so that the differences hardly vary, but the mean
    of the baseline does. 2000 samples; ±0.016 is 3.2 standard errors.
    """
    rng, runs, margin = np.random.default_rng(20), 2000, Margin(0.3, "relative")
    base = rng.normal(1, 0.2, (runs, 5))
    candidate = 0.3 + base + rng.normal(0, 0.05, base.shape)
    exact = [_p(_contrast(*both), margin, 1, None) <= 0.05 for both in zip(candidate, base, strict=True)]
    plugged = stats.ttest_1samp(candidate - base - 0.3 * base.mean(1, keepdims=True), 0, axis=1, alternative="less")
    assert np.mean(exact) == pytest.approx(0.05, abs=0.016)
    assert np.mean(plugged.pvalue <= 0.05) > 0.1


# ------------------------------------------------------------------------------------------------------ margins in d_z


def test_the_dz_interval_of_mbess() -> None:
    """R: MBESS::conf.limits.nct(t.value = 2.83, df = 126) gives 0.8337502 and 4.815359 (Kelley 2007)."""
    evidence = StudentEvidence(2.83, 1.0, 126.0)
    found = equivalence(lambda _: evidence, Margin(9, "d_z"), 0.025, unit_se=1.0)
    assert (found.low, found.high) == pytest.approx((0.8337502, 4.815359), abs=2e-6)


def _t_at(t: float, n: int) -> Contrast:
    return lambda _: StudentEvidence(t / math.sqrt(n), 1 / math.sqrt(n), float(n - 1))


@pytest.mark.parametrize(("n", "margin"), [(10, 1.5), (20, 0.9), (50, 0.6)])
def test_the_dz_boundary_is_welleks(n: int, margin: float) -> None:
    """Its p is α where |t| is the root of the α-quantile of F(1, n - 1; n Δ_z²), Wellek's critical constant.

    His most powerful test (2010, section 5.3) counts both tails; here the far one is below 1e-6.
    """
    critical = math.sqrt(stats.ncf.ppf(0.05, 1, n - 1, n * margin**2))
    for t in (critical, -critical):
        found = equivalence(_t_at(t, n), Margin(margin, "d_z"), 0.05, unit_se=1 / math.sqrt(n))
        assert found.p == pytest.approx(0.05, abs=1e-5)
        assert max(abs(found.low or 0), abs(found.high or 0)) == pytest.approx(margin, rel=1e-4)


def _critical(margin: Margin, n: int, unit: float) -> float:
    """Return the t below which the one-sided p of "d_z is at least the margin" is at most 0.05."""
    evidence = [StudentEvidence(t, 1.0, n - 1.0) for t in np.linspace(-4, 40, 45)]
    p = [_p(lambda _, one=one: one, margin, 1, unit) for one in evidence]
    assert all(a <= b + 1e-12 for a, b in pairwise(p))

    def excess(t: float) -> float:
        return _p(lambda _: StudentEvidence(t, 1.0, n - 1.0), margin, 1, unit) - 0.05

    return float(brentq(excess, -4, 40))


@pytest.mark.parametrize(
    ("n", "margin", "wrong"), [(5, 1.0, 0.0163), (10, 2.0, 0.0900), (30, 0.5, 0.0453), (100, 1.2, 0.0873)]
)
def test_scaling_by_the_observed_spread_errs(n: int, margin: float, wrong: float) -> None:
    """On the margin (δ = Δ_z σ) the noncentral t errs in 5 %, Δ_z times the observed s in 1.6 to 9 %.

    It is too liberal for large margins, too strict for few repeats. 30000 samples of normal differences; ±0.004 is
    3.2 standard errors.
    """
    d = np.random.default_rng(n).normal(margin, 1, (30_000, n))
    t = d.mean(1) / (d.std(1, ddof=1) / math.sqrt(n))
    exact = np.mean(t <= _critical(Margin(margin, "d_z"), n, 1 / math.sqrt(n)))
    scaled = np.mean(t - margin * math.sqrt(n) <= stats.t.ppf(0.05, n - 1))
    assert exact == pytest.approx(0.05, abs=0.004)
    assert scaled == pytest.approx(wrong, abs=0.0055)


def test_dz_under_overlapping_splits() -> None:
    """With correlated repeats (n = 8, ρ = 1/4) the error on the margin is 5 %, and without the correction far from it.

    What all repeats share has variance ρ σ², σ being the spread among them. 30000 samples; ±0.004 is 3.2 sd.
    """
    rng, n, margin = np.random.default_rng(8), 8, Margin(1.0, "d_z")
    d = 1 + math.sqrt(0.25) * rng.normal(0, 1, (30_000, 1)) + rng.normal(0, 1, (30_000, n))
    ratio, unit = d.mean(1) / d.std(1, ddof=1), math.sqrt(1 / n + 0.25)
    assert np.mean(ratio / unit <= _critical(margin, n, unit)) == pytest.approx(0.05, abs=0.004)
    assert np.mean(ratio * math.sqrt(n) <= _critical(margin, n, 1 / math.sqrt(n))) > 0.12


def test_dz_needs_a_paired_t_test() -> None:
    """Ranks, or a missing √(1/n + ρ), are refused in one sentence."""
    with pytest.raises(StatisticsError, match="judged by the noncentral t distribution, which only the paired t tests"):
        equivalence(lambda k: signed_rank(Y1 - k * Y2), Margin(0.5, "d_z"), 0.05, unit_se=0.3)
    with pytest.raises(StatisticsError, match="judged by the noncentral t"):
        non_inferiority(_contrast(Y1, Y2), Margin(0.5, "d_z"), 0.05)


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e6, 1e9])
def test_dz_far_from_the_margin(size: float) -> None:
    """Effects of any size have finite, ordered limits around themselves and a p between 0 and 1."""
    d = size + np.linspace(-1, 1, 6)
    found = equivalence(_contrast(d, np.zeros(6)), Margin(0.5, "d_z"), 0.05, unit_se=1 / math.sqrt(6))
    assert 0 <= found.p <= 1
    assert found.low is not None
    assert found.high is not None
    assert found.low < size / d.std(ddof=1) < found.high


# --------------------------------------------------------------------------------------------- one side of the margin


@pytest.mark.parametrize("margin", [Margin(0.4), Margin(0.2, "relative"), Margin(1.0, "d_z")])
def test_non_inferiority_is_the_side_on_which_the_candidate_is_worse(margin: Margin) -> None:
    """For a loss it is the upper side, for a score the lower one; equivalence is the larger p of both."""
    unit = 1 / math.sqrt(8)
    loss = non_inferiority(_contrast(Y1, Y2), margin, 0.05, unit_se=unit)
    score = non_inferiority(_contrast(Y1, Y2), margin, 0.05, lower_is_better=False, unit_se=unit)
    both = equivalence(_contrast(Y1, Y2), margin, 0.05, unit_se=unit)
    assert both.p == max(loss.p, score.p)
    assert (score.bound, loss.bound) == (both.low, both.high)
    assert loss.p > score.p  # Y1 is the larger, so the worse loss
    assert (loss.p <= 0.05) == (both.high is not None and both.high < margin.value)


def test_non_inferiority_of_scipy() -> None:
    """The p is that of scipy's one-sided paired t test against Δ."""
    d = Y1 - Y2
    found = non_inferiority(_contrast(Y1, Y2), Margin(0.5), 0.05)
    assert found.p == pytest.approx(stats.ttest_1samp(d, 0.5, alternative="less").pvalue, rel=1e-12)
    assert found.bound == pytest.approx(d.mean() + stats.t.ppf(0.95, 7) * d.std(ddof=1) / math.sqrt(8))


# ------------------------------------------------------------------------------------------------- without any noise


@pytest.mark.parametrize("noise", [0.0, 1e-15, 1e-9])
@pytest.mark.parametrize(("shift", "p"), [(-0.625, 0.0), (0.0, 1.0), (0.625, 1.0)])
def test_variants_tied_by_the_very_factor_of_the_margin(noise: float, shift: float, p: float) -> None:
    """At c = 1.5 b + shift, +50 % has no noise: the difference is at the bound, within rounding, or on a side of it."""
    b = np.array([1, 1.25, 1.5, 2, 1.75, 1.125, 1.625, 1.875])
    c = 1.5 * b + shift + noise * np.array([1, -1, 1, -1, 1, 1, -1, -1])
    margin, upper = Margin(0.5, "relative"), _p(_contrast(c, b), Margin(0.5, "relative"), 1, None)
    if shift or noise < 1e-12:
        assert upper == pytest.approx(p, abs=1e-12)
    found = equivalence(_contrast(c, b), margin, 0.05)
    assert found.p == max(upper, _p(_contrast(c, b), margin, -1, None))
    if shift < 0:
        assert found.p == pytest.approx(1.08e-4, rel=0.1)  # of the side that has some noise
        assert (found.low, found.high) == pytest.approx((0.009, 0.145), abs=5e-4)


def test_a_difference_without_noise_is_inside_an_absolute_margin_or_not() -> None:
    """The same of a margin in the metric's unit; exactly at the bound nothing is shown."""
    still = [StudentEvidence(difference, 0.0, 4.0) for difference in (0.5, -0.5, 1.0, 2.0)]
    found = [equivalence(lambda _, one=one: one, Margin(1.0), 0.05).p for one in still]
    assert found == [0.0, 0.0, 1.0, 1.0]


# ----------------------------------------------------------------------------------------------------- from summaries


def test_paired_summary_of_toster() -> None:
    """R: TOSTER::TOSTpaired(n = 65, m1 = 5.83, m2 = 5.75, sd1 = 1.17, sd2 = 1.29, r12 = 0.75, ±0.4 dz), its tests.

    Bounds ±0.350782, t = 3.960381 and -2.489426, p = 0.00009531728 and 0.00770235, interval -0.1015433 to 0.2615433.
    """
    summary = PairedSummary(65, 5.83, 1.17, 5.75, 1.29, 0.75)
    evidence, margin = summary.contrast(), 0.350782
    assert evidence.df == 64
    assert (evidence.difference + margin) / evidence.se == pytest.approx(3.960381, rel=1e-4)
    assert (evidence.difference - margin) / evidence.se == pytest.approx(-2.489426, rel=1e-4)
    assert evidence.p_greater(-margin) == pytest.approx(0.00009531728, rel=1e-4)
    found = equivalence(summary.contrast, Margin(margin), 0.05)
    assert found.p == pytest.approx(0.00770235, rel=1e-4)
    assert (found.low, found.high) == pytest.approx((-0.1015433, 0.2615433), rel=1e-4)
    # there 0.4 d_z are scaled by the observed spread; by the noncentral t
    in_dz = equivalence(summary.contrast, Margin(0.4, "d_z"), 0.05, unit_se=summary.unit_se)
    assert in_dz.p == pytest.approx(stats.nct.cdf(0.08 / evidence.se, 64, 0.4 * math.sqrt(65)), rel=1e-9)


def test_welch_summary_of_toster() -> None:
    """R: TOSTER::TOSTtwo(m1 = 5.25, m2 = 5.22, sd1 = 0.95, sd2 = 0.83, n1 = 95, n2 = 89, ±0.43 d) in its own tests.

    Bounds ±0.3835687, t = 3.14973 and -2.692771, df = 181.1344, p = 0.0009560083 and 0.003875522 (Lakens 2017, ex. 1).
    """
    summary, margin = WelchSummary(95, 5.25, 0.95, 89, 5.22, 0.83), 0.3835687
    evidence = summary.contrast()
    assert evidence.df == pytest.approx(181.1344, rel=1e-6)
    assert (evidence.difference + margin) / evidence.se == pytest.approx(3.14973, rel=1e-4)
    assert evidence.p_greater(-margin) == pytest.approx(0.0009560083, rel=1e-4)
    assert equivalence(summary.contrast, Margin(margin), 0.05).p == pytest.approx(0.003875522, rel=1e-4)


def test_welch_of_ncss() -> None:
    """NCSS, chapter 198, bounds ±110, unequal variances: df = 19.169, SE = 53.618547, p 0.03628 and 0.02002."""
    a = np.array([452, 874, 554, 447, 356, 754, 558, 574, 664, 682, 547, 435, 245.0])
    b = np.array([546, 547, 774, 465, 459, 665, 467, 365, 589, 534, 456, 651, 654, 665, 546, 537.0])
    summary = WelchSummary(a.size, a.mean(), a.std(ddof=1), b.size, b.mean(), b.std(ddof=1))
    evidence = summary.contrast()
    assert evidence.df == pytest.approx(19.169, abs=5e-4)
    assert evidence.se == pytest.approx(53.618547, abs=5e-7)
    assert evidence.interval(0.95) == pytest.approx((-120.27336, 104.04259), abs=5e-6)
    assert evidence.p_greater(-110) == pytest.approx(0.03628, abs=5e-6)
    assert evidence.p_less(110) == pytest.approx(0.02002, abs=5e-6)


@pytest.mark.parametrize("factor", [1.0, 0.9, 1.3])
def test_summaries_equal_the_values_they_summarise(factor: float) -> None:
    """Evidence from a summary is that from the values, for every contrast; by r or by the spread of the differences."""
    one, other = (y + np.array([0.1, -0.2, 0.3, 0, 0, 0.2, -0.1, 0]) for y in (Y1, Y2[::-1]))
    moments = (one.mean(), one.std(ddof=1)), (other.mean(), other.std(ddof=1))
    r = float(np.corrcoef(one, other)[0, 1])
    direct = _contrast(one, other, "overlap")(factor)
    for summary in (
        PairedSummary(8, *moments[0], *moments[1], r, 0.25),
        PairedSummary.of_difference(8, *moments, float((one - other).std(ddof=1)), 0.25),
    ):
        found = summary.contrast(factor)
        assert (found.difference, found.se, found.df) == pytest.approx((direct.difference, direct.se, direct.df))
    found, direct = (
        WelchSummary(8, *moments[0], 8, *moments[1]).contrast(factor),
        _contrast(one, other, "welch")(factor),
    )
    assert (found.difference, found.se, found.df) == pytest.approx((direct.difference, direct.se, direct.df))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: PairedSummary(1, 1, 1, 1, 1, 0), "at least 2 values, found n = 1 for the candidate"),
        (lambda: PairedSummary(5, 1, 1, math.inf, 1, 0), r"mean is a finite number of at most 1e\+150, found inf for"),
        (lambda: PairedSummary(5, 1, 1e200, 1, 1e200, 0.5), r"from 0 to 1e\+150, found 1e\+200 for the candidate"),
        (lambda: WelchSummary(5, 1e151, 1, 5, 1, 1), r"at most 1e\+150, found 1e\+151 for the candidate"),
        (lambda: PairedSummary(5, 1, -1, 1, 1, 0), r"standard deviation is a number from 0 to 1e\+150, found -1 for t"),
        (lambda: PairedSummary(5, 1, 1, 1, 1, 1.2), "correlation lies between -1 and 1, found 1.2"),
        (lambda: PairedSummary(5, 1, 1, 1, 1, 1.0), "paired differences have no spread"),
        (
            lambda: PairedSummary(5, 1, 1, 1, 1, 0.0, -1),
            "test_to_train must be a number that is not negative, found -1",
        ),
        (lambda: PairedSummary.of_difference(5, (1, 1), (1, 2), 4), "a spread between 1 and 3, found 4"),
        (lambda: WelchSummary(5, 1, 0, 5, 1, 0), "Neither sample has any spread"),
        (lambda: WelchSummary(5, 1, 1, 1, 1, 0), "found n = 1 for the baseline"),
    ],
)
def test_impossible_summaries_are_refused(call: Callable[[], object], sentence: str) -> None:
    """Each impossible number gets one sentence."""
    with pytest.raises(StatisticsError, match=sentence):
        call()


# ------------------------------------------------------------------------------------------------------------ judged


@pytest.mark.parametrize(
    ("margin", "width"), [(Margin(0.5), 0.5), (Margin(0.15, "relative"), 0.15 * Y2.mean()), (Margin(2, "d_z"), None)]
)
def test_judging_with_each_kind_of_margin(margin: Margin, width: float | None) -> None:
    """The comparison holds the p, the interval in the margin's measure, and what the margin comes to in the unit."""
    pair = Pair("a", "b", Sample(Y1, ZEROS), Sample(Y2, ZEROS))
    (found,) = judge([pair], Rules("paired-t", "fixed", margin=margin))
    direct = equivalence(_contrast(Y1, Y2), margin, 0.05, unit_se=1 / math.sqrt(8))
    assert found.p_equivalence == pytest.approx(direct.p, rel=1e-12)
    assert (found.equivalence_low, found.equivalence_high) == pytest.approx((direct.low, direct.high), rel=1e-9)
    assert found.margin_width == pytest.approx(width or 2 * (Y1 - Y2).std(ddof=1))
    overlapping = Pair("a", "b", *(Sample(y, np.arange(8)) for y in (Y1, Y2)))
    (found,) = judge([overlapping], Rules("nadeau-bengio", "resampled", margin=margin, test_to_train=0.25))
    direct = equivalence(_contrast(Y1, Y2, "overlap"), margin, 0.05, unit_se=math.sqrt(1 / 8 + 0.25))
    assert found.p_equivalence == pytest.approx(direct.p, rel=1e-12)


def test_a_million_repeats_have_every_margin() -> None:
    """Relative margins and ones in d_z are judged at a million values, rightly: the truth is 0.2 % and 0.01 d_z."""
    rng = np.random.default_rng(1)
    old = rng.normal(5, 1, 10**6)
    new, splits = old + 0.01 + rng.normal(0, 1, 10**6), np.zeros(10**6, dtype=int)
    for margin in (Margin(0.005, "relative"), Margin(0.02, "d_z")):
        pair = Pair("new", "old", Sample(new, splits), Sample(old, splits))
        (found,) = judge([pair], Rules("paired-t", "fixed", margin=margin))
        assert found.verdict == "equivalent"
        assert found.significant

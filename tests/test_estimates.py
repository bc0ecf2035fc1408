"""Estimates and their intervals: against published values, scipy, and their definitions; every refusal and remark."""

from __future__ import annotations

import dataclasses
import itertools
import math
import tracemalloc

import numpy as np
import pytest
from scipy import stats

from bpbench.errors import StatisticsError
from bpbench.statistics import estimates, intervals
from bpbench.statistics.compare import Pair, Rules, judge
from bpbench.statistics.effects import dominance, hedges, interquartile_mean, rank_biserial
from bpbench.statistics.estimators import Estimate
from bpbench.statistics.intervals import Interval
from bpbench.statistics.permutation import generator
from bpbench.statistics.samples import Sample

Array = np.ndarray

# R's data set `sleep` (Student 1908): extra hours of sleep under two drugs, the same ten patients
SLEEP_1 = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
SLEEP_2 = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])
# Hollander & Wolfe (1973), table 3.1: depression before and after a drug
BEFORE = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
AFTER = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
# the example of R's effsize::cliff.delta, from Hogarty & Kromrey (1999), SUGI 24, paper 238
TREATMENT = np.array([10.0, 10, 20, 20, 20, 30, 30, 30, 40, 50])
CONTROL = np.array([10.0, 20, 30, 40, 40, 50])
# Brunner & Munzel (2000): pain scores under two treatments
PAIN_Y = np.array([1.0, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 1, 1])
PAIN_N = np.array([3.0, 3, 4, 3, 1, 2, 3, 1, 1, 5, 4])


def _by_name(found: tuple[Estimate, ...]) -> dict[str, Estimate]:
    return {estimate.name: estimate for estimate in found}


def _paired(c: Array, b: Array, **settings: float) -> dict[str, Estimate]:
    return _by_name(estimates.paired(np.asarray(c), np.asarray(b), **{"seed": 1, "resamples": 0, **settings}))


def _independent(c: Array, b: Array, **settings: float) -> dict[str, Estimate]:
    return _by_name(estimates.independent(np.asarray(c), np.asarray(b), **{"seed": 1, "resamples": 0, **settings}))


def _interval(estimate: Estimate, method: str) -> Interval:
    (found,) = (interval for interval in estimate.intervals if interval.method == method)
    return found


def _ends(estimate: Estimate, method: str) -> tuple[float, float]:
    found = _interval(estimate, method)
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


# ------------------------------------------------------------------------------------------------ strangers' numbers


def test_d_z_and_g_of_effectsize() -> None:
    """R effectsize, ?cohens_d: cohens_d and hedges_g of Pair(extra[group == 1], extra[group == 2]) in `sleep`."""
    found = _paired(SLEEP_1, SLEEP_2)
    assert found["d_z"].value == pytest.approx(-1.28, abs=5e-3)
    assert _ends(found["d_z"], "noncentral-t") == pytest.approx((-2.12, -0.41), abs=5e-3)
    assert found["hedges_g"].value == pytest.approx(-1.17, abs=5e-3)
    # both estimate the same effect; effectsize shrinks the interval as well, which then is no longer exact
    assert found["hedges_g"].intervals == found["d_z"].intervals


def test_noncentral_t_of_mbess() -> None:
    """R MBESS (Kelley 2007, J. Stat. Softw. 20/8): conf.limits.nct(ncp = 2.83, df = 126): 0.8337502 and 4.815359."""
    ends = intervals.noncentral(2.83, 126, 0.95)
    assert ends == pytest.approx((0.8337502, 4.815359), abs=5e-7)


def test_pooled_d_of_howell() -> None:
    """Howell, "Confidence intervals on effect size", in R effsize's tests: the interval of d is 0.117 to 1.126.

    Sizes 35 and 29, means 24 and 16.5, variances 148.87 and 139.16.
    """

    def made(n: int, mean: float, variance: float) -> Array:
        raw = stats.norm.ppf((np.arange(n) + 0.5) / n)
        return mean + (raw - raw.mean()) / raw.std(ddof=1) * math.sqrt(variance)

    found = _independent(made(35, 24, 148.87), made(29, 16.5, 139.16))
    assert _ends(found["pooled_d"], "noncentral-t") == pytest.approx((0.117, 1.126), abs=1e-3)


@pytest.mark.parametrize(("df", "t"), [(1, 0.3), (4, 0.0), (9, -4.06), (29, 37.0), (9, 29_000.0), (999_999, 3.0)])
def test_noncentral_t_gives_its_tails(df: float, t: float) -> None:
    """At its two ends the noncentral t leaves 2.5 % on either side of the observed value."""
    ends = intervals.noncentral(t, df, 0.95)
    tails = [float(stats.nct.cdf(t, df, end)) for end in ends]
    assert tails == pytest.approx([0.975, 0.025], abs=1e-7)


def test_cliffs_delta_of_effsize() -> None:
    """R effsize's tests/testCliff.Rout.save: cliff.delta(treatment, control, use.unbiased = FALSE, use.normal = TRUE).

    It prints -0.25 with -0.7125351 to 0.3639999, by the normal quantile; the Student-t one is used here.
    """
    found = dominance(TREATMENT, CONTROL)
    assert found.delta == -0.25
    delta, variance = intervals.cliff_variance(found, paired=False)
    ends = intervals.cliff(delta, variance, float(stats.norm.ppf(0.975)))
    assert ends == pytest.approx((-0.7125351, 0.3639999), abs=5e-8)
    wider = _ends(_independent(TREATMENT, CONTROL)["cliffs_delta"], "consistent")
    assert wider == pytest.approx(intervals.cliff(delta, variance, float(stats.t.ppf(0.975, 14))))


def test_cliffs_delta_with_an_outlier_of_effsize() -> None:
    """R effsize's tests: cliff.delta(c(10, 20, …, 100), c(10, …, 50)) is -0.06666."""
    outlying = np.array([10.0, 20, 20, 20, 30, 30, 30, 40, 50, 100])
    assert _independent(outlying, CONTROL)["cliffs_delta"].value == pytest.approx(-0.06666, abs=1e-5)


def test_probability_of_improvement_of_lawstat() -> None:
    """R lawstat: brunner.munzel.test(Y, N): P(X<Y)+.5*P(X=Y) = 0.788961, interval 0.5952169 to 0.9827052."""
    found = _independent(PAIN_Y, PAIN_N)["improvement"]
    assert found.value == pytest.approx(0.788961, abs=5e-7)
    assert _ends(found, "brunner-munzel") == pytest.approx((0.5952169, 0.9827052), abs=5e-8)
    other_way = _independent(PAIN_N, PAIN_Y, lower_is_better=False)["improvement"]
    assert other_way.value == pytest.approx(found.value)


def test_rank_biserial_of_effectsize() -> None:
    """R effectsize, ?rank_biserial: rank_biserial(x, y, paired = TRUE) of Hollander & Wolfe's data is 0.78."""
    value = _paired(BEFORE, AFTER)["rank_biserial"].value
    assert value == pytest.approx(0.78, abs=5e-3)
    # V = 40 of R's wilcox.test, of 45 in all
    assert value == pytest.approx((40 - 5) / 45)


def test_interquartile_mean_of_textbook_examples() -> None:
    """Wikipedia, "Interquartile mean": the IQM of twelve values is 6.5, of 1, 3, …, 17 it is 9."""
    assert interquartile_mean(np.array([5.0, 8, 4, 38, 8, 6, 9, 7, 7, 3, 1, 6])) == pytest.approx(6.5)
    assert interquartile_mean(np.arange(1.0, 18, 2)) == pytest.approx(9)


@pytest.mark.parametrize("n", range(1, 14))
def test_interquartile_mean_is_scipys_of_the_values_four_times(n: int) -> None:
    """Every value repeated four times leaves the quantiles alone and n divisible by 4, where trim_mean is the IQM."""
    values = np.random.default_rng(n).lognormal(size=n)
    assert interquartile_mean(values) == pytest.approx(stats.trim_mean(np.repeat(values, 4), 0.25))


def test_bootstrap_intervals_of_efron_and_tibshirani() -> None:
    """Efron & Tibshirani (1993), table 14.2: 90 % intervals of the variance (n in place of n - 1) of 26 spatial tests.

    Percentile 100.8 to 233.9 and BCa 115.8 to 259.6, of 2000 resamples: their own ends are off by some units.
    """
    a = np.array(
        [48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41.0]
    )
    assert a.var() == pytest.approx(171.5, abs=0.05)
    found = intervals.bootstrap(
        (a,), lambda x, axis: x.var(axis=axis), generator(0, "spatial"), of="", level=0.9, paired=True, resamples=20_000
    )
    ends = {interval.method: (interval.low, interval.high) for interval in found}
    assert ends["percentile"] == pytest.approx((100.8, 233.9), abs=4)
    assert ends["bca"] == pytest.approx((115.8, 259.6), abs=4)
    assert found[0].remark == "Bootstrap intervals of few values do not keep their level."


# The stratified bootstrap of the IQM has no published interval whose data are at hand (rliable prints plots); its value
# has Wikipedia's and scipy's above, its strata the test below.

# ------------------------------------------------------------------------------------------------ by their definitions


def test_t_intervals_equal_scipy() -> None:
    """The t intervals equal scipy's ttest_rel and ttest_ind(equal_var=False), of unequal sizes too."""
    rng = np.random.default_rng(0)
    c, b = rng.normal(10, 1, 7), rng.normal(11, 3, 7)
    pairs = stats.ttest_rel(c, b).confidence_interval(0.9)
    assert _ends(_paired(c, b, level=0.9)["difference"], "t") == pytest.approx((pairs.low, pairs.high))
    apart = stats.ttest_ind(c, b[:5], equal_var=False).confidence_interval(0.9)
    assert _ends(_independent(c, b[:5], level=0.9)["difference"], "t") == pytest.approx((apart.low, apart.high))


def test_fieller_inverts_the_paired_t_test() -> None:
    """At both ends θ of Fieller's interval scipy's t test of c - θ b gives p = 1 - level, and more in between."""
    rng = np.random.default_rng(1)
    b = rng.normal(3, 1, 9)
    c = 0.8 * b + rng.normal(0, 0.5, 9)
    found = _paired(c, b)["ratio"]
    assert found.value == pytest.approx(c.mean() / b.mean())
    low, high = _ends(found, "fieller")
    for theta in (low, high):
        assert stats.ttest_1samp(c - theta * b, 0).pvalue == pytest.approx(0.05, rel=1e-9)
    assert stats.ttest_1samp(c - (low + high) / 2 * b, 0).pvalue > 0.05
    assert low < 0.8 < high


def test_fieller_inverts_welchs_test_of_independent_samples() -> None:
    """At both ends the standardised contrast equals the quantile of t, with Welch's df at that very ratio."""
    rng = np.random.default_rng(2)
    c, b = rng.normal(5, 2, 12), rng.normal(4, 1, 8)
    v_c, v_b = c.var(ddof=1) / 12, b.var(ddof=1) / 8
    for theta in _ends(_independent(c, b)["ratio"], "fieller"):
        df = (v_c + theta**2 * v_b) ** 2 / (v_c**2 / 11 + (theta**2 * v_b) ** 2 / 7)
        t = (c.mean() - theta * b.mean()) / math.sqrt(v_c + theta**2 * v_b)
        assert abs(t) == pytest.approx(stats.t.ppf(0.975, df), rel=1e-9)


def test_ratio_beside_bonett_and_price() -> None:
    """R statpsych: ci.ratio.mean.ps gives 1.134146 and, by the logarithm, 1.09417 to 1.175583; Fieller's lies near."""
    y1 = np.array([3.3, 3.6, 3.0, 3.1, 3.9, 4.2, 3.5, 3.3])
    y2 = np.array([3.0, 3.1, 2.7, 2.6, 3.2, 3.8, 3.2, 3.0])
    found = _paired(y1, y2)["ratio"]
    assert found.value == pytest.approx(1.134146, abs=5e-7)
    assert _ends(found, "fieller") == pytest.approx((1.09417, 1.175583), abs=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_dominance_by_all_pairs(seed: int) -> None:
    """Rows, columns, δ and its consistent variance equal Cliff's definitions over the whole matrix, ties included."""
    rng = np.random.default_rng(seed)
    c, b = rng.integers(0, 6, 9).astype(float), rng.integers(0, 6, 7).astype(float)
    matrix = np.sign(c[:, None] - b[None, :])
    found = dominance(c, b)
    assert found.rows == pytest.approx(matrix.mean(axis=1))
    assert found.columns == pytest.approx(matrix.mean(axis=0))
    assert found.delta == pytest.approx(matrix.mean())
    assert found.untied == pytest.approx(np.mean(matrix != 0))
    delta, variance = intervals.cliff_variance(found, paired=False)
    d = matrix.mean()
    rows, columns = matrix.mean(axis=1).var(ddof=1), matrix.mean(axis=0).var(ddof=1)
    cells = ((matrix - d) ** 2).sum() / (8 * 6)
    assert delta == pytest.approx(d)
    assert variance == pytest.approx((6 * rows + 8 * columns + cells) / 63)


def test_variance_of_a_paired_delta_allows_for_the_pairing() -> None:
    """Over drawn data sets of correlated pairs the mean variance is that of δ itself; the other is too large."""
    rng = np.random.default_rng(3)
    shape = (600, 200)
    shared = 2 * rng.normal(size=shape)
    c, b = shared + rng.normal(size=shape), shared + rng.normal(size=shape)
    found = [dominance(one, other) for one, other in zip(c, b, strict=True)]
    true = float(np.var([item.delta for item in found]))
    of_pairs, of_samples = (
        float(np.mean([intervals.cliff_variance(item, paired=paired)[1] for item in found])) for paired in (True, False)
    )
    assert of_pairs == pytest.approx(true, rel=0.15)
    assert of_samples > 2 * true


def test_probability_of_improvement_inverts_brunner_and_munzels_test() -> None:
    """The interval excludes 1/2 exactly where scipy's Brunner-Munzel p is below 1 - level."""
    rng = np.random.default_rng(4)
    seen = set()
    for _ in range(60):
        c, b = rng.normal(0.7, 1, 9), rng.normal(0, 2, 8)
        p = float(stats.brunnermunzel(c, b).pvalue)
        low, high = _ends(_independent(c, b)["improvement"], "brunner-munzel")
        seen.add(p < 0.05)
        assert (p < 0.05) == (not low <= 0.5 <= high)
    assert seen == {True, False}


def test_share_of_better_repeats_and_its_exact_interval() -> None:
    """Wins and half the ties; the ends are Clopper and Pearson's of the wins, and of the wins and ties."""
    c, b = np.array([1.0, 1, 1, 1, 3, 2, 2]), np.full(7, 2.0)
    found = _paired(c, b)["improvement"]
    assert found.value == pytest.approx(5 / 7)
    low = stats.binomtest(4, 7).proportion_ci(0.95, method="exact").low
    high = stats.binomtest(6, 7).proportion_ci(0.95, method="exact").high
    assert _ends(found, "binomial") == pytest.approx((low, high))
    assert _paired(c, b, lower_is_better=False)["improvement"].value == pytest.approx(2 / 7)


@pytest.mark.parametrize("seed", range(4))
def test_rank_biserial_by_walsh_signs(seed: int) -> None:
    """Without ties R⁺ counts the positive Walsh averages, so the correlation is their mean sign; zeros are dropped."""
    d = np.random.default_rng(seed).normal(0.4, 1, 8)
    signs = [np.sign(d[i] + d[j]) for i, j in itertools.combinations_with_replacement(range(8), 2)]
    assert rank_biserial(d) == pytest.approx(np.mean(signs))
    assert rank_biserial(np.concatenate((d, [0.0, 0.0]))) == pytest.approx(np.mean(signs))
    stranger = stats.wilcoxon(d, alternative="greater", method="exact").statistic
    assert rank_biserial(d) == pytest.approx(2 * stranger / 36 - 1)


def test_hedges_factor_makes_d_unbiased() -> None:
    """E[d_z] = δ √(ν/2) Γ((ν-1)/2)/Γ(ν/2), the mean of the noncentral t; J takes it back to δ exactly."""
    for n in (3, 5, 10, 100_000):
        expected = float(stats.nct.mean(n - 1, 0.6 * math.sqrt(n))) / math.sqrt(n)
        assert hedges(expected, n - 1) == pytest.approx(0.6, rel=1e-6)
    assert hedges(1.0, 1) is None


def test_exact_bootstrap_of_five_values() -> None:
    """With all 5⁵ resamples of five values as the stranger, the percentile and basic ends are its quantiles."""
    d = np.array([0.3, -0.2, 1.1, 0.7, 0.4])
    every = np.array([np.mean(draw) for draw in itertools.product(d, repeat=5)])
    found = _paired(d, np.zeros(5), resamples=40_000)["difference"]
    low, high = np.quantile(every, [0.025, 0.975])
    assert _ends(found, "percentile") == pytest.approx((low, high), abs=0.02)
    assert _ends(found, "basic") == pytest.approx((2 * d.mean() - high, 2 * d.mean() - low), abs=0.02)


def test_bca_by_its_definition() -> None:
    """Efron (1987): levels Φ(z₀ + (z₀ + z)/(1 - a(z₀ + z))), with all resamples and the skewness of the mean as a."""
    d = np.array([0.1, 0.2, 0.35, 0.5, 2.4])
    every = np.array([np.mean(draw) for draw in itertools.product(d, repeat=5)])
    z_0 = stats.norm.ppf(np.mean(every < d.mean() - 1e-12) + np.mean(np.abs(every - d.mean()) <= 1e-12) / 2)
    centred = d - d.mean()
    a = np.sum(centred**3) / (6 * np.sum(centred**2) ** 1.5)
    levels = [stats.norm.cdf(z_0 + (z_0 + z) / (1 - a * (z_0 + z))) for z in stats.norm.ppf([0.025, 0.975])]
    found = _paired(d, np.zeros(5), resamples=40_000)["difference"]
    assert _ends(found, "bca") == pytest.approx(np.quantile(every, levels), abs=0.03)
    assert _ends(found, "bca")[1] > _ends(found, "percentile")[1] + 0.05


def test_strata_are_resampled_by_themselves() -> None:
    """Two strata far apart: the spread of the resampled mean is that within them, not that between them."""
    rng = np.random.default_rng(5)
    low, high = rng.normal(0, 1, 12), rng.normal(1000, 1, 12)
    found = estimates.iqm([low, high], seed=1, resamples=2000)
    assert found.value == pytest.approx(stats.trim_mean(np.concatenate((low, high)), 0.25))
    ends = _ends(found, "percentile")
    assert 498 < ends[0] < found.value < ends[1] < 502
    mixed = estimates.iqm([np.concatenate((low, high))], seed=1, resamples=2000)
    assert _ends(mixed, "percentile")[1] - _ends(mixed, "percentile")[0] > 300


# --------------------------------------------------------------------------------------------------- seeds and names


def test_same_seed_same_bits() -> None:
    """A seed decides every bit, and another seed gives other resamples."""
    rng = np.random.default_rng(6)
    c, b = rng.normal(10, 1, 8), rng.normal(11, 1, 8)
    one, again, other = (estimates.paired(c, b, seed=seed, resamples=200) for seed in (3, 3, 4))
    assert one == again
    assert [e.value for e in one] == [e.value for e in other]
    assert _by_name(one)["difference"].intervals[1:] != _by_name(other)["difference"].intervals[1:]


def test_each_estimate_has_its_own_generator() -> None:
    """Generators differ by name and not by order: leaving one estimate out changes no number of another."""
    rng = np.random.default_rng(7)
    c, b = rng.normal(10, 1, 8), rng.normal(10, 1, 8)
    with_ratio, without = (_paired(c - shift, b - shift, resamples=200) for shift in (0, 20))
    assert with_ratio["ratio"].value is not None
    assert without["ratio"].value is None
    ends = [_ends(found["rank_biserial"], "percentile") for found in (with_ratio, without)]
    assert ends[0] == ends[1]
    d = c - b
    (alone,) = intervals.bootstrap(
        (d,),
        lambda x, axis: rank_biserial(x) if axis == -1 else x,
        generator(1, "rank_biserial"),
        of="paired/rank_biserial",
        level=0.95,
        paired=True,
        methods=("percentile",),
        resamples=200,
    )
    assert (alone.low, alone.high) == ends[0]


# ----------------------------------------------------------------------------------------------------------- bad input


def _lacks(found: dict[str, Estimate]) -> set[str]:
    return {
        f"{name}/{interval.method}"
        for name, item in found.items()
        for interval in item.intervals
        if interval.low is None
    }


def test_a_single_value() -> None:
    """One repeat has values but no interval besides the binomial one, and each says why."""
    found = _paired([1.0], [2.0], resamples=99)
    assert (found["difference"].value, found["ratio"].value, found["cliffs_delta"].value) == (-1, 0.5, -1)
    assert found["d_z"].value is None
    assert found["d_z"].remark == "A single value shows no spread."
    assert {interval.method for item in found.values() for interval in item.intervals if interval.low is not None} == {
        "binomial"
    }
    assert _interval(found["difference"], "bca").remark == "A single value cannot be resampled."
    assert len(_lacks(_independent([1.0], [2.0], resamples=99))) == 12


def test_two_repeats() -> None:
    """Two repeats have every estimate, and the intervals that two values allow; no warning escapes."""
    for ask in (_paired, _independent):
        found = ask([1.0, 2.5], [2.0, 2.25], resamples=99)
        assert all(item.value is not None for name, item in found.items() if name != "hedges_g")
        assert _ends(found["difference"], "t")[0] < found["difference"].value
    assert estimates.iqm([np.array([1.0, 2.0])], seed=1, resamples=99).value == 1.5


@pytest.mark.parametrize("shift", [0.0, 0.25])
def test_differences_that_are_all_equal(shift: float) -> None:
    """Without spread in the differences there is no interval of the mean and no standardised difference."""
    b = np.array([1.0, 2.0, 4.0, 3.0])
    found = _paired(b + shift, b, resamples=99)
    assert found["difference"].value == shift
    assert _interval(found["difference"], "t").remark == "There is no spread to take an interval from."
    assert _interval(found["difference"], "percentile").remark.startswith("All resamples give the same value")
    assert found["d_z"].value is None
    assert found["rank_biserial"].value == (1 if shift else 0)
    assert found["improvement"].value == (0 if shift else 0.5)


def test_values_that_are_all_equal() -> None:
    """Two constants: no estimate pretends an interval, and no warning escapes."""
    for ask in (_paired, _independent):
        found = ask(np.full(4, 2.0), np.full(4, 2.0), resamples=99)
        kept = {method for item in found.values() for method in (i.method for i in item.intervals if i.low is not None)}
        assert kept <= {"binomial"}
        assert found["cliffs_delta"].value == 0
        assert found["pooled_d"].value is None


def test_samples_that_do_not_overlap() -> None:
    """With δ = ±1 the interval reaches the end, is moved as in R's effsize elsewhere, and says that it is rough."""
    c, b = np.arange(5.0), np.arange(10.0, 15)
    for ask in (_paired, _independent):
        low, high = ask(c, b)["cliffs_delta"], ask(b, c)["cliffs_delta"]
        assert (low.value, high.value) == (-1, 1)
        assert _ends(low, "consistent")[0] == -1
        assert -1 < _ends(low, "consistent")[1] < 0
        assert _ends(high, "consistent")[1] == 1
        assert _interval(low, "consistent").remark.startswith("No two values are out of order")
    better = _independent(c, b)["improvement"]
    assert better.value == 1
    assert _interval(better, "brunner-munzel").remark == "No two values are out of order, so no variance is to be seen."


def test_ratio_needs_positive_values() -> None:
    """A value of zero or less leaves the ratio out, with a sentence."""
    found = _paired([1.0, 2, 3], [1.0, 0, 2])["ratio"]
    assert found.value is None
    assert found.intervals == ()
    assert found.remark == "A ratio is given for positive values only, and the least of these is 0."


def test_a_ratio_of_positive_values_is_not_negative() -> None:
    """Where Fieller's set reaches below zero it is cut there."""
    low, high = _ends(_paired([1.0, 9.0, 2.0], [7.0, 8.0, 9.0])["ratio"], "fieller")
    assert low == 0
    assert high > 0.5


def test_fieller_may_be_unbounded() -> None:
    """Where the baseline's mean does not differ from zero significantly, no bounded interval is claimed."""
    found = _paired([1.0, 2.0], [1.0, 90.0])["ratio"]
    assert _interval(found, "fieller").low is None
    assert _interval(found, "fieller").remark.startswith("Fieller's interval is unbounded")


def test_resamples_that_are_all_equal() -> None:
    """A rank-biserial correlation of 1 is 1 in every resample and has no interval; no warning escapes."""
    found = _paired(np.array([2.0, 3, 4, 5, 6]), np.zeros(5), resamples=200)["rank_biserial"]
    assert found.value == 1
    assert all(interval.low is None for interval in found.intervals)


def test_an_undefined_bca_says_so() -> None:
    """For a statistic whose jackknife hardly varies scipy gives NaN and a warning: here a sentence."""
    d = np.array([0.0, 1.0, 1.0, 1.0, 1.0])
    found = intervals.bootstrap(
        (d,),
        lambda x, axis: np.median(x, axis=axis),
        generator(0, "median"),
        of="paired/median",
        level=0.95,
        paired=True,
        methods=("percentile", "bca"),
        resamples=999,
    )
    assert found[0].low is not None
    assert found[1].low is None
    assert found[1].remark.startswith("BCa is undefined here")


def test_few_values_carry_the_warning() -> None:
    """Bootstrap intervals of few values say how often they cover, each its own; those of many, and others, do not."""
    rng = np.random.default_rng(8)
    few = _paired(rng.normal(10, 1, 5), rng.normal(10, 1, 5), resamples=99)["difference"]
    many = _paired(rng.normal(10, 1, 40), rng.normal(10, 1, 40), resamples=99)["difference"]
    assert [bool(interval.remark) for interval in few.intervals] == [False, True, True, True]
    assert _interval(few, "percentile").remark == (
        "Bootstrap intervals of few values do not keep their level: simulated with normal values at 95 %, the "
        "percentile interval of the difference of paired values covers about 84 % for 5 values and 89 % for 10."
    )
    wide = _paired(rng.normal(10, 1, 5), rng.normal(10, 1, 5), resamples=99)["pooled_d"]
    assert "the basic interval of the pooled d of paired values covers about 98 %" in _interval(wide, "basic").remark
    two = _independent(rng.normal(10, 1, 5), rng.normal(10, 1, 5), resamples=99)["ratio"]
    assert "the BCa interval of the ratio of two samples covers about 87 %" in _interval(two, "bca").remark
    assert not any(interval.remark for interval in many.intervals)


def test_a_million_rows() -> None:
    """A million rows have every interval that needs no bootstrap, in bounded memory; the others say why not."""
    rng = np.random.default_rng(10)
    n = 1_000_000
    c, b = rng.normal(10, 1, n), rng.normal(10.01, 1, n)
    tracemalloc.start()
    found = _paired(c, b, resamples=999)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300e6
    assert _lacks(found) == {f"{name}/{method}" for name in ("difference", "ratio", "pooled_d", "rank_biserial")
                             for method in ("basic", "percentile", "bca")} - {"rank_biserial/basic"}  # fmt: skip
    assert _interval(found["difference"], "bca").remark == (
        "More than 1000 values are not resampled, which would take too long; Student's interval is as good for so many."
    )
    assert "; Fieller's interval is as good" in _interval(found["ratio"], "basic").remark
    for name in ("pooled_d", "rank_biserial"):
        assert "; this estimate has no other interval." in _interval(found[name], "percentile").remark
    low, high = _ends(found["cliffs_delta"], "consistent")
    assert low < 2 * stats.norm.cdf(-0.01 / math.sqrt(2)) - 1 < high
    assert high - low < 0.005


def test_effects_beyond_the_noncentral_t() -> None:
    """Beyond t = 30000 the interval is that of the limit, and joins what lies below; an effect of any size has one."""
    for df in (1.0, 4.0, 29.0):
        for t in (29_999.0, -29_999.0):
            near, far = (intervals.noncentral(size, df, 0.95) for size in (t, t * 1.001))
            assert [1.001 * end for end in near] == pytest.approx(far, rel=1e-6)
    found = _paired(np.array([1.0, 2, 3]) + 1e-9 * np.array([0, 1, 2]) - 9, np.array([1.0, 2, 3]))["d_z"]
    assert found.value is not None
    low, high = _ends(found, "noncentral-t")
    assert low < found.value < high < 0


def test_tiny_and_huge_values() -> None:
    """What has no unit is the same at 1e-150 and 1e+140 as at 1."""
    rng = np.random.default_rng(10)
    c, b = rng.normal(10, 1, 7), rng.normal(10, 1, 7)
    for ask in (_paired, _independent):
        plain = ask(c, b, resamples=99)
        for scale in (2.0**-498, 2.0**465):
            found = ask(c * scale, b * scale, resamples=99)
            for name in set(plain) - {"difference"}:
                assert found[name].value == pytest.approx(plain[name].value, rel=1e-9), name
                for one, other in zip(found[name].intervals, plain[name].intervals, strict=True):
                    assert other.low is not None, (name, one.method)
                    assert (one.low, one.high) == pytest.approx((other.low, other.high), rel=1e-9), (name, one.method)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: _paired([1.0, math.nan], [1.0, 2.0]), r"needs finite values of at most 1e\+150, found nan in place 2"),
        (lambda: _independent([1.0, 2.0], [math.inf, 2.0]), "found inf in place 1 of 2"),
        (lambda: _paired([], []), "needs at least one repeat, found none"),
        (lambda: _paired([1.0, 2.0], [1.0]), "one value of each variant per repeat, found 2 and 1"),
        (lambda: _paired([1.0], [1.0], level=1.0), r"level of an interval lies between 0 and 1, found 1\.0"),
        (lambda: _paired([1.0], [1.0], seed=-1), "seed is a whole number from 0 on, found -1"),
        (lambda: _paired([1.0], [1.0], resamples=-5), "number of resamples cannot be negative, found -5"),
        (lambda: estimates.iqm([], seed=1), "at least one stratum of values, found none"),
    ],
)
def test_refusals(ask: object, message: str) -> None:
    """What cannot be estimated is refused with a sentence that says what was found."""
    with pytest.raises(StatisticsError, match=message):
        ask()  # type: ignore[operator]


# ---------------------------------------------------------------------------------------------- of a judged comparison


def _judged(rules: Rules, c: Array, b: Array, splits: Array | None = None, **counts: int) -> estimates.Estimates | None:
    numbers = np.zeros(len(c), int) if splits is None else splits
    pair = Pair("new", "old", Sample(c, numbers), Sample(b, numbers), **counts)
    return estimates.of_pair(pair, judge([pair], rules)[0], rules)


def test_estimates_of_a_judged_pair() -> None:
    """They are those of the values on which the test was done: its t interval, its d_z, its g."""
    rng = np.random.default_rng(11)
    c, b = rng.normal(10, 1, 8), rng.normal(11, 1, 8)
    rules = Rules("paired-t", "fixed", alpha=0.1)
    found = _judged(rules, c, b)
    pair = Pair("new", "old", *(Sample(values, np.zeros(8, int)) for values in (c, b)))
    comparison = judge([pair], rules)[0]
    assert found is not None
    assert (found.n, found.n_baseline, found.paired, found.level, found.remark) == (8, 8, True, 0.9, "")
    named = _by_name(found.values)
    assert _ends(named["difference"], "t") == pytest.approx((comparison.low, comparison.high))
    assert named["d_z"].value == pytest.approx(comparison.d_z)
    assert named["hedges_g"].value == pytest.approx(comparison.hedges_g)
    assert dataclasses.asdict(found)["values"][0]["intervals"][0]["method"] == "t"


def test_welch_takes_the_samples_as_independent() -> None:
    """Under Welch's test the estimates ignore the pairing as the test does."""
    rng = np.random.default_rng(12)
    found = _judged(Rules("welch", "fixed"), rng.normal(10, 1, 8), rng.normal(11, 1, 8))
    assert found is not None
    assert not found.paired
    assert [item.name for item in found.values] == [
        "difference", "ratio", "pooled_d", "hedges_g", "cliffs_delta", "improvement",
    ]  # fmt: skip


def test_samples_that_are_not_paired_may_have_two_sizes() -> None:
    """Two independent samples of unlike size have the estimates of independent samples."""
    rng = np.random.default_rng(15)
    c, b = (Sample(rng.normal(10, 1, n), np.zeros(n, int)) for n in (6, 9))
    pair, rules = Pair("new", "old", c, b, paired=False), Rules("mann-whitney", "fixed")
    found = estimates.of_pair(pair, judge([pair], rules)[0], rules)
    assert found is not None
    assert (found.n, found.n_baseline, found.paired) == (6, 9, False)
    assert found.values[0].value == pytest.approx(c.values.mean() - b.values.mean())


def test_a_crossed_design_is_averaged_within_splits() -> None:
    """The repeats are the splits, and the estimates are those of their means."""
    rng = np.random.default_rng(13)
    c, b = rng.normal(10, 1, (5, 3)), rng.normal(11, 1, (5, 3))
    found = _judged(Rules("paired-t", "crossed"), c.ravel(), b.ravel(), np.repeat(np.arange(5), 3))
    assert found is not None
    assert found.n == 5
    assert found.values == estimates.paired(c.mean(axis=1), b.mean(axis=1), seed=0, names=("new", "old"))


def test_a_resampled_design_has_no_interval() -> None:
    """Overlapping splits leave the values and the reason."""
    rng = np.random.default_rng(14)
    rules = Rules("nadeau-bengio", "resampled", test_to_train=0.25)
    found = _judged(rules, rng.normal(10, 1, 8), rng.normal(11, 1, 8), np.arange(8))
    assert found is not None
    assert found.remark.startswith("The splits of the repeats overlap")
    assert all(item.intervals == () for item in found.values)
    assert all(item.value is not None for item in found.values)


def test_what_has_no_p_has_no_interval() -> None:
    """An incomplete study shows values without intervals, for the reason that the comparison gives."""
    found = _judged(Rules("paired-t", "fixed"), np.array([1.0, 2, 3]), np.array([2.0, 2, 5]), missing=1)
    assert found is not None
    assert found.remark == "1 declared repeat is missing: an incomplete study shows no p and no verdict."
    assert all(item.intervals == () for item in found.values)


def test_nothing_to_estimate_from() -> None:
    """Where no repeat finished on both sides there are no estimates."""
    pair, rules = Pair("new", "old", None, None, missing=3), Rules("paired-t", "fixed")
    assert estimates.of_pair(pair, judge([pair], rules)[0], rules) is None

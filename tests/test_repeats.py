"""How many repeats are enough: against R, PASS, PowerTOST and statsmodels, by simulation, and where none would do."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestIndPower, TTestPower

from bpbench.errors import StatisticsError
from bpbench.statistics.compare import Pair, Rules, judge
from bpbench.statistics.equivalence import equivalence, non_inferiority
from bpbench.statistics.margins import Margin
from bpbench.statistics.power import noncentral_t
from bpbench.statistics.repeats import (
    Noise,
    floor_of_difference,
    floor_of_equivalence,
    needed,
    noise_limit,
    power_of_difference,
    power_of_equivalence,
    power_of_non_inferiority,
    repeats_for_difference,
    repeats_for_equivalence,
    repeats_for_non_inferiority,
    spread_limit,
    spread_of,
    unpaired,
)
from bpbench.statistics.rules import smallest_p
from bpbench.statistics.samples import Sample
from bpbench.statistics.student import StudentEvidence

ONE = Noise(1.0)


# --------------------------------------------------------------------------------------------------- strangers' numbers


def test_sample_sizes_of_r() -> None:
    """R: pwr.t.test(d = 0.5, power = 0.8) gives n = 33.36713 paired and 63.76561 for each of two samples."""
    assert repeats_for_difference(0.5, ONE, alpha=0.05) == 34
    assert repeats_for_difference(0.5, unpaired(1, 1), alpha=0.05) == 64


@pytest.mark.parametrize("effect", [0.2, 0.8, 2.0])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 7])
def test_sample_sizes_of_statsmodels(effect: float, alpha: float) -> None:
    """TTestPower and TTestIndPower solve for the same n, rounded up."""
    for noise, stranger in ((ONE, TTestPower()), (unpaired(1, 1), TTestIndPower())):
        name = "nobs" if noise is ONE else "nobs1"
        size = repeats_for_difference(effect, noise, alpha=alpha)
        below, at = (
            stranger.power(**{"effect_size": effect, name: n, "alpha": alpha}) for n in (size - 1 if size else 0, size)
        )
        assert below < 0.8 <= at


@pytest.mark.parametrize(("n", "power"), [(3, 0.03856), (8, 0.28871), (15, 0.69339), (30, 0.94326), (50, 0.99458)])
def test_equivalence_power_of_pass_for_two_samples(n: int, power: float) -> None:
    """PASS, chapter 460, example 1 (as in the tests of R's TOSTER): δ = -4, σ = 18, ±19.2, n in each group."""
    assert power_of_equivalence(19.2, n, unpaired(18, 18), alpha=0.05, difference=-4) == pytest.approx(power, abs=6e-6)


@pytest.mark.parametrize(("n", "power"), [(5, 0.10599), (15, 0.66629), (30, 0.93855), (50, 0.99410)])
def test_equivalence_power_of_pass_for_pairs(n: int, power: float) -> None:
    """PASS, chapter 519, example 5 (as in the tests of R's TOSTER): δ = -4, σ_d = 25.4558, ±19.2."""
    assert power_of_equivalence(19.2, n, Noise(25.4558), alpha=0.05, difference=-4) == pytest.approx(power, abs=6e-6)


def test_equivalence_sizes_of_pass() -> None:
    """PASS, chapters 460 and 519: 2600 in each group; 36 pairs; 16, 20, 40 and 152 pairs for δ = 0, -5, -10, -15."""
    assert repeats_for_equivalence(10, unpaired(100, 100), alpha=0.025, power=0.9) == 2600
    assert repeats_for_equivalence(0.05, Noise(0.1), alpha=0.05) == 36
    found = [repeats_for_equivalence(20, Noise(28.284), alpha=0.05, power=0.7, difference=-d) for d in (0, 5, 10, 15)]
    assert found == [16, 20, 40, 152]


def test_equivalence_size_of_powertost() -> None:
    """R: PowerTOST::sampleN.TOST(CV = 0.2) gives n = 20, power 0.834680; (CV = 0.125, 0.975, 0.9 to 1.11) 32, 0.800218.

    A 2x2 crossover of n in all has SE = σ_w √(2/n) and n - 2 degrees of freedom, so it is two groups of n/2 with σ_w/√2
    each on the scale of the logarithm.
    """
    for cv, ratio, margin, n, power in ((0.2, 0.95, 1.25, 20, 0.834680), (0.125, 0.975, 1 / 0.9, 32, 0.800218)):
        sd = math.sqrt(math.log(1 + cv**2)) / math.sqrt(2)
        noise, true = unpaired(sd, sd), math.log(ratio)
        found = power_of_equivalence(math.log(margin), n // 2, noise, alpha=0.05, difference=true)
        assert found == pytest.approx(power, abs=1e-6)
        assert repeats_for_equivalence(math.log(margin), noise, alpha=0.05, difference=true) == n // 2


def test_the_spread_limit_is_the_chi_square_one() -> None:
    """NIST's gear data, s = 0.006278908 of 100: two-sided 95 % limits 0.00551 and 0.00729 (Boost's example); scipy."""
    assert spread_limit(0.006278908, 99, 0.975) == pytest.approx(0.00729, abs=5e-6)
    assert spread_limit(0.006278908, 99, 0.025) == pytest.approx(0.00551, abs=5e-6)
    assert spread_limit(2.0, 4) == pytest.approx(2 * math.sqrt(4 / stats.chi2.ppf(0.2, 4)), rel=1e-12)


def test_ranks_get_the_number_of_hodges_and_lehmann() -> None:
    """The t test's number divided by 108/125, and never fewer than the least at which the test could reject."""
    by_t, by_ranks = (needed(0.5, ONE, test=test, alpha=0.05, power=0.8) for test in ("paired-t", "wilcoxon"))
    assert (by_t.difference, by_t.equivalence) == (34, 36)
    assert (by_ranks.difference, by_ranks.equivalence) == (math.ceil(34 * 125 / 108), math.ceil(36 * 125 / 108))
    least = needed(50.0, ONE, test="wilcoxon", alpha=0.05 / 7, power=0.8)
    assert least.repeats == 9
    assert smallest_p("wilcoxon", 8) > 0.05 / 7 >= smallest_p("wilcoxon", 9)


# ------------------------------------------------------------------------------------------------- laws and simulation


def _simulated(shift: float, n: int, noise: Noise, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return differences and standard errors of 40000 studies; what all repeats of one share has variance ρ σ²."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(0, noise.sd * math.sqrt(noise.test_to_train), (40_000, 1))
    d = shift + shared + rng.normal(0, noise.sd, (40_000, n))
    return d.mean(1), d.std(1, ddof=1) * math.sqrt(1 / n + noise.test_to_train)


@pytest.mark.parametrize(("noise", "n"), [(ONE, 6), (Noise(2.0, 0.25), 6), (Noise(0.5, 0.1), 12)])
def test_power_is_what_happens(noise: Noise, n: int) -> None:
    """Significant, equivalent and not inferior come out as often as said, overlap or not; ±0.008 is 3.2 sd."""
    margin, t = 2.8 * noise.se(n), stats.t.ppf
    mean, se = _simulated(margin, n, noise, 1)
    found = np.mean(np.abs(mean / se) > t(0.975, n - 1))
    assert power_of_difference(margin, n, noise, alpha=0.05) == pytest.approx(found, abs=0.008)
    mean, se = _simulated(0.2 * margin, n, noise, 2)
    critical = t(0.95, n - 1) * se
    found = np.mean((mean + critical < margin) & (mean - critical > -margin))
    told = power_of_equivalence(margin, n, noise, alpha=0.05, difference=0.2 * margin)
    assert told == pytest.approx(found, abs=0.008)
    told = power_of_non_inferiority(margin, n, noise, alpha=0.05, difference=0.2 * margin)
    assert told == pytest.approx(np.mean(mean + critical < margin), abs=0.008)


def test_welch_power_is_what_happens() -> None:
    """Two samples of 10, σ = 1 and 4: the approximation holds within 1.5 % (20000 draws)."""
    rng, n, shift = np.random.default_rng(3), 10, 4.0
    one, other = rng.normal(shift, 1, (20_000, n)), rng.normal(0, 4, (20_000, n))
    found = np.mean(stats.ttest_ind(one, other, axis=1, equal_var=False).pvalue < 0.05)
    assert power_of_difference(shift, n, unpaired(1, 4), alpha=0.05) == pytest.approx(found, abs=0.015)


@pytest.mark.parametrize("find", [repeats_for_difference, repeats_for_equivalence, repeats_for_non_inferiority])
@pytest.mark.parametrize("ratio", [0.0, 0.01])
def test_the_least_number_is_the_least(find: Callable[..., int | None], ratio: float) -> None:
    """One repeat fewer misses the power, and a smaller margin needs more."""
    power = {
        repeats_for_difference: power_of_difference,
        repeats_for_equivalence: power_of_equivalence,
        repeats_for_non_inferiority: power_of_non_inferiority,
    }[find]
    before = 0
    for margin in (3.0, 1.0, 0.5, 0.33):
        n = find(margin, Noise(1.0, ratio), alpha=0.05, power=0.9)
        assert n is not None
        assert n > before
        assert power(margin, n, Noise(1.0, ratio), alpha=0.05) >= 0.9
        assert n == 2 or power(margin, n - 1, Noise(1.0, ratio), alpha=0.05) < 0.9
        before = n


def test_the_floor_is_that_of_the_normal_limit() -> None:
    """λ_∞ = z_{0.975} + z_{0.8} for a difference, z_{0.95} + z_{0.9} for equivalence; below it no number would do."""
    noise, z = Noise(2.0, 0.25), stats.norm.ppf
    for floor, find, size in (
        (floor_of_difference, repeats_for_difference, z(0.975) + z(0.8)),
        (floor_of_equivalence, repeats_for_equivalence, z(0.95) + z(0.9)),
    ):
        least = floor(noise, alpha=0.05)
        assert least == pytest.approx(size * 2.0 * 0.5, rel=1e-5)
        assert find(0.9999 * least, noise, alpha=0.05) is None
        many, more = (find(factor * least, noise, alpha=0.05) for factor in (1.01, 1.001))
        assert many is not None
        assert more is not None
        assert 100 < many < more / 5
    assert repeats_for_non_inferiority(0.5 * (z(0.95) + z(0.8)), Noise(1.0, 0.3), alpha=0.05) is None
    assert floor_of_difference(ONE, alpha=0.05) == floor_of_equivalence(ONE, alpha=0.05) == 0.0


def test_a_pilot_planned_with_its_limit_has_its_power() -> None:
    """Of 4000 pilots of five pairs 80 % plan a study of sufficient power; with s itself 41 % do (Browne 1995)."""
    s = np.sqrt(np.random.default_rng(4).chisquare(4, 4000) / 4)
    limit = s * spread_limit(1.0, 4)
    assert np.mean(limit >= 1) == pytest.approx(0.8, abs=0.02)
    assert np.mean(s >= 1) == pytest.approx(stats.chi2.sf(4, 4), abs=0.025)
    wide, narrow = (next(value for value in limit if side(value)) for side in (lambda v: v > 1.2, lambda v: v < 0.9))
    enough, few = (repeats_for_difference(0.8, Noise(float(sd)), alpha=0.05) for sd in (wide, narrow))
    assert enough is not None
    assert few is not None
    assert power_of_difference(0.8, enough, ONE, alpha=0.05) > 0.8 > power_of_difference(0.8, few, ONE, alpha=0.05)


@pytest.mark.parametrize(("margin", "n"), [(0.5, 36), (1.5, 7)])
def test_equivalence_in_dz_is_reached_where_said(margin: float, n: int) -> None:
    """At the n returned the test of d_z concludes with the power asked for if there is no difference; by simulation."""
    found = needed(margin, ONE, test="paired-t", alpha=0.05, power=0.8, in_dz=True)
    assert found.spread is None
    assert found.equivalence is not None
    assert found.equivalence <= n  # fewer than with the spread to be estimated beside a known margin
    for size, reached in ((found.equivalence, True), (found.equivalence - 1, False)):
        unit = 1 / math.sqrt(size)
        d = np.random.default_rng(size).normal(0, 1, (20_000, size))
        t = np.abs(d.mean(1) / (d.std(1, ddof=1) * unit))
        edge = stats.nct.ppf(0.05, size - 1, margin / unit)
        share = float(np.mean(t <= edge))
        assert (share >= 0.8 - 0.009) if reached else (share < 0.8 + 0.009)
        evidence = StudentEvidence(float(edge) * unit, unit, size - 1.0)
        at = equivalence(lambda _, one=evidence: one, Margin(margin, "d_z"), 0.05, unit_se=unit).p
        assert at == pytest.approx(0.05, abs=1e-6)


def test_the_noncentral_t_has_no_holes() -> None:
    """Where scipy has no number the integral takes over: complementary, monotone, and scipy's own where it has one."""
    for df in (1, 9, 199, 9999, 1e9):
        for t in (1e-3, 1.0, 100.0, 1e6):
            for size in (-1e6, -30.0, -3.0, 0.0, 3.0, 30.0, 1e6):
                p = noncentral_t(t, df, size)
                assert 0 <= p <= 1
                assert p + noncentral_t(-t, df, -size) == pytest.approx(1, abs=1e-8)
                assert noncentral_t(1.001 * t + 0.01, df, size) >= p - 1e-9
                known = stats.nct.cdf(t, df, size)
                if math.isfinite(known):
                    assert p == pytest.approx(known, abs=1e-12)
    # at such a noncentrality the numerator is a constant, and T ≤ λ where s ≥ σ
    for ratio in (0.5, 0.93, 1.0, 1.234):
        assert noncentral_t(1e6, 9, ratio * 1e6) == pytest.approx(stats.chi2.sf(9 * ratio**2, 9), abs=1e-11)


# ------------------------------------------------------------------------------------------------------------- judged


def _judged(d: np.ndarray, **more: object) -> object:
    splits = np.arange(d.size) if more.get("test") == "nadeau-bengio" else np.zeros(d.size, int)
    base = 5 + np.linspace(0, 0.3, d.size)
    rules = Rules(**{"test": "paired-t", "design": "fixed", "margin": Margin(0.1), **more})  # type: ignore[arg-type]
    return judge([Pair("a", "b", Sample(base + d, splits), Sample(base, splits))], rules)[0]


NOISY = np.array([0.3, -0.2, 0.25, -0.15, 0.1, 0.02])


def test_an_undecided_comparison_says_how_many_repeats_would_do() -> None:
    """From the margin and the 80 % limit of its spread; the difference observed does not enter."""
    one, other = _judged(NOISY), _judged(NOISY + 0.05)
    limit = NOISY.std(ddof=1) * math.sqrt(5 / stats.chi2.ppf(0.2, 5))
    for found in (one, other):
        assert found.verdict == "undecided"
        assert found.needed.spread == pytest.approx(limit)
        assert found.needed.difference == repeats_for_difference(0.1, Noise(limit), alpha=0.05)
        assert found.needed.equivalence == repeats_for_equivalence(0.1, Noise(limit), alpha=0.05)
        assert found.needed.repeats == max(found.needed.difference, found.needed.equivalence)
    assert one.needed.repeats == other.needed.repeats


def test_what_is_decided_or_cannot_be_needs_no_number() -> None:
    """Decided comparisons, those without a margin or without noise, and those with a diverged repeat have none."""
    assert _judged(NOISY + 9).needed is None
    assert _judged(NOISY / 100).needed is None
    assert _judged(NOISY, margin=None).needed is None
    assert _judged(np.full(6, 0.05)).needed is None
    one, other = (Sample(5 + shift + np.linspace(0, 0.3, 6), np.zeros(6, int)) for shift in (NOISY / 100, 0.0))
    pair = Pair("a", "b", one, other, diverged_candidate=1)
    (found,) = judge([pair], Rules("paired-t", "fixed", margin=Margin(0.1)))
    assert (found.verdict, found.needed) == ("undecided", None)


def test_under_overlapping_splits_none_may_do() -> None:
    """The floor is told in the metric's unit, or in d_z; a relative margin is taken at the baseline's mean."""
    shared = {"test": "nadeau-bengio", "design": "resampled", "test_to_train": 0.3}
    found = _judged(NOISY, **shared)
    assert (found.needed.repeats, found.needed.difference) == (None, None)
    noise = Noise(found.needed.spread, 0.3)
    assert found.needed.floor == max(floor(noise, alpha=0.05) for floor in (floor_of_difference, floor_of_equivalence))
    in_dz = _judged(NOISY, **shared, margin=Margin(0.5, "d_z"))
    assert (in_dz.needed.repeats, in_dz.needed.spread) == (None, None)
    assert in_dz.needed.floor == pytest.approx(found.needed.floor / found.needed.spread)
    relative = _judged(NOISY, margin=Margin(0.02, "relative"))
    mean = 5 + 0.15
    assert relative.needed.difference == repeats_for_difference(0.02 * mean, Noise(noise.sd), alpha=0.05)


def test_unpaired_tests_reckon_with_both_spreads() -> None:
    """Welch's number rests on √(s_c² + s_b²) and its own degrees of freedom."""
    rng = np.random.default_rng(5)
    one, other = (Sample(rng.normal(0, sd, 7), np.zeros(7, int)) for sd in (1.0, 3.0))
    noise = noise_limit(one, other, "welch")
    v_c, v_b = (sample.values.var(ddof=1) for sample in (one, other))
    df = (v_c + v_b) ** 2 / (v_c**2 + v_b**2) * 6
    assert noise.df_factor == pytest.approx(df / 6)
    assert noise.sd == pytest.approx(math.sqrt((v_c + v_b) * df / stats.chi2.ppf(0.2, df)))
    assert spread_of(one, other, "welch") == pytest.approx(math.sqrt(v_c + v_b))
    assert spread_of(one, other, "paired-t") == pytest.approx(np.std(one.values - other.values, ddof=1))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Noise(-1.0), "standard deviation is a number that is not negative, found -1.0"),
        (lambda: Noise(1.0, -0.1), "test_to_train must be a number that is not negative, found -0.1"),
        (lambda: Noise(1.0, 0.0, 3.0), "one to two times n - 1 degrees of freedom, found 3.0 times"),
        (lambda: unpaired(0.0, 0.0), "Neither sample has any spread: there is no noise to plan with"),
        (lambda: unpaired(1.0, -1.0), "standard deviation is a number that is not negative, found -1.0"),
        (lambda: power_of_difference(1.0, 1, ONE, alpha=0.05), "at least 2 independent repeats, found 1"),
        (lambda: power_of_difference(1.0, 5, Noise(0.0), alpha=0.05), "without any spread has no power to tell"),
        (lambda: repeats_for_equivalence(1.0, Noise(0.0), alpha=0.05), "without any spread has no power to tell"),
        (lambda: spread_limit(math.nan, 4), "not negative, found nan"),
        (lambda: spread_limit(1.0, 0), r"at least 2 values \(1 degree of freedom\), found 0"),
        (lambda: spread_limit(1.0, 4, 1.0), "confidence lies between 0 and 1, found 1.0"),
        (lambda: repeats_for_difference(0.0, ONE, alpha=0.05), "margin is a positive number, found 0.0"),
        (lambda: repeats_for_equivalence(1.0, ONE, alpha=0.6), "alpha must lie between 0 and 0.5, found 0.6"),
        (lambda: repeats_for_non_inferiority(1.0, ONE, alpha=0.1, power=0.05), r"power must lie between alpha \(0.1\)"),
        (lambda: non_inferiority(lambda _: StudentEvidence(1, 1, 5), Margin(1, "d_z"), 0.05), "noncentral t distribut"),
    ],
)
def test_impossible_questions_are_refused(call: Callable[[], object], sentence: str) -> None:
    """Each impossible number gets one sentence."""
    with pytest.raises(StatisticsError, match=sentence):
        call()


def test_extreme_questions_have_an_answer() -> None:
    """A margin a hundred thousand times smaller than the spread takes 10¹¹ repeats, no spread takes two."""
    n = repeats_for_difference(1e-5, ONE, alpha=0.05)
    assert n == pytest.approx((stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) ** 2 * 1e10, rel=1e-4)
    assert needed(0.1, Noise(0.0), test="paired-t", alpha=0.05, power=0.8).repeats == 2
    assert needed(1e9, ONE, test="paired-t", alpha=0.05, power=0.8).repeats == 2

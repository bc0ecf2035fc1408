"""Power and detectable effects, against R's pwr, power.t.test and PowerTOST, statsmodels, and each other."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from scipy.stats import norm
from statsmodels.stats.power import TTestPower

from bpbench.errors import StatisticsError
from bpbench.statistics.power import (
    detectable,
    detectable_dz,
    noncentral_t,
    power_at,
    power_equivalence,
    sd_for_equivalence,
)
from bpbench.statistics.repeats import Noise, power_of_difference


def test_two_sample_power_of_r() -> None:
    """R: power.t.test(n = 20, delta = 1, sd = 1) gives power = 0.8689528 (without the other tail, here below 1e-6)."""
    assert power_at(1 / math.sqrt(2 / 20), 38, 0.05) == pytest.approx(0.8689528, abs=5e-7)


def test_paired_power_of_r() -> None:
    """R: pwr.t.test(d = 0.5, power = 0.8, type = "paired") gives n = 33.36713: 33 pairs miss it and 34 reach it."""
    missed, reached = (power_of_difference(0.5, n, Noise(1.0), alpha=0.05) for n in (33, 34))
    assert missed < 0.8 < reached
    size = 0.5 * math.sqrt(33.36713)
    assert power_at(size, 32.36713, 0.05) == pytest.approx(0.8, abs=1e-6)


@pytest.mark.parametrize("n", [3, 5, 10, 30, 300])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 7])
def test_detectable_equals_statsmodels(n: int, alpha: float) -> None:
    """The smallest d_z equals TTestPower().solve_power(nobs=n, alpha=alpha, power=0.8), and has that power itself."""
    dz = detectable_dz(n, alpha=alpha)
    assert dz == pytest.approx(TTestPower().solve_power(nobs=n, alpha=alpha, power=0.8), rel=1e-4)
    assert power_at(dz * math.sqrt(n), n - 1, alpha) == pytest.approx(0.8, abs=1e-9)
    assert power_at(-dz * math.sqrt(n), n - 1, alpha) == pytest.approx(0.8, abs=1e-9)


def test_large_n_is_the_normal_limit() -> None:
    """At a million repeats d_z is (z_{0.975} + z_{0.8})/√n to six digits."""
    expected = (norm.ppf(0.975) + norm.ppf(0.8)) / 1000
    assert detectable_dz(10**6, alpha=0.05) == pytest.approx(expected, rel=3e-6)


def test_two_repeats_still_have_an_answer() -> None:
    """With n = 2 the search ends at a huge effect that does have the power asked for."""
    dz = detectable_dz(2, alpha=0.05 / 56)
    assert dz > 100
    assert power_at(dz * math.sqrt(2), 1, 0.05 / 56) == pytest.approx(0.8, abs=1e-6)


def test_overlapping_splits_have_a_floor() -> None:
    """With ρ = 1/4 the noncentrality is that of √(1/n + ρ), and no n brings d_z below λ √ρ."""
    plain = detectable_dz(10, alpha=0.05)
    assert detectable_dz(10, alpha=0.05, test_to_train=0.25) == pytest.approx(plain * math.sqrt(1 + 10 * 0.25))
    floor = (norm.ppf(0.975) + norm.ppf(0.8)) * 0.5
    assert floor < detectable_dz(10**5, alpha=0.05, test_to_train=0.25) < 1.001 * floor


def test_detectable_difference_scales_with_the_spread() -> None:
    """In the metric's unit it is σ times d_z, and nothing for no spread."""
    assert detectable(0.3, 10, alpha=0.05) == pytest.approx(0.3 * detectable_dz(10, alpha=0.05))
    assert detectable(0.0, 10, alpha=0.05) == 0


def test_equivalence_power_of_powertost() -> None:
    """R: PowerTOST::sampleN.TOST(CV = 0.3) gives n = 40, power = 0.815845 (2x2 crossover, θ0 = 0.95, 0.8 to 1.25)."""
    se = math.sqrt(math.log(1 + 0.3**2)) * math.sqrt(2 / 40)
    low, high = ((math.log(margin) - math.log(0.95)) / se for margin in (0.8, 1.25))
    assert power_equivalence(low, high, 38, alpha=0.05) == pytest.approx(0.815845, abs=1e-6)


def test_equivalence_power_is_alpha_on_the_margin() -> None:
    """With the other margin far away, the power on a margin is the level itself, at every df."""
    for df in (1, 4, 29, 5000):
        assert power_equivalence(0.0, 1e4, df, alpha=0.05) == pytest.approx(0.05, abs=1e-8)


@pytest.mark.parametrize("n", [2, 5, 10, 100, 10**6])
def test_largest_spread_for_equivalence_has_the_power(n: int) -> None:
    """At the spread returned the power is the one asked for; it grows with n and scales with the margin."""
    sd = sd_for_equivalence(n, 0.2, 0.05, 0.8)
    size = 0.2 / sd * math.sqrt(n)
    assert power_equivalence(-size, size, n - 1, alpha=0.05) == pytest.approx(0.8, abs=1e-7)
    assert sd_for_equivalence(n, 0.4, 0.05, 0.8) == pytest.approx(2 * sd)
    assert sd_for_equivalence(n + 1, 0.2, 0.05, 0.8) > sd
    assert sd_for_equivalence(n, 0.2, 0.05, 0.8, test_to_train=0.25) == pytest.approx(sd / math.sqrt(1 + n / 4))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: detectable_dz(1, alpha=0.05), "at least 2 independent repeats, found 1"),
        (lambda: detectable_dz(5, alpha=0.0), "alpha must lie between 0 and 1, found 0.0"),
        (lambda: detectable_dz(5, alpha=0.05, power=1.0), r"power must lie between alpha \(0.05\) and 1, found 1.0"),
        (lambda: detectable_dz(5, alpha=0.05, test_to_train=-1.0), "test_to_train .* not negative, found -1.0"),
        (lambda: detectable(-1.0, 5, alpha=0.05), "standard deviation .* not negative, found -1.0"),
        (lambda: detectable(math.nan, 5, alpha=0.05), "standard deviation .* not negative, found nan"),
        (lambda: power_at(math.nan, 4, 0.05), "difference in standard errors is a finite number, found nan"),
        (lambda: power_at(-math.inf, 4, 0.05), "difference in standard errors is a finite number, found inf|-inf"),
        (lambda: noncentral_t(math.nan, 4, 1.0), "finite number, found nan"),
        (lambda: noncentral_t(1.0, 4, math.nan), "finite number, found nan"),
        (lambda: power_equivalence(math.nan, 1.0, 4, alpha=0.05), "finite number, found nan"),
        (lambda: power_of_difference(math.nan, 5, Noise(1.0), alpha=0.05), "finite number, found nan"),
        (lambda: sd_for_equivalence(5, 0.0, 0.05), "margin is a positive number .* found 0.0"),
        (lambda: sd_for_equivalence(5, 1.0, 0.6, 0.8), "alpha must lie between 0 and 0.5, found 0.6"),
    ],
)
def test_impossible_designs_are_refused(call: Callable[[], object], sentence: str) -> None:
    """Each impossible number gets one sentence."""
    with pytest.raises(StatisticsError, match=sentence):
        call()

"""Autocorrelation times: against the theory of AR(1), emcee, pymbar, statsmodels and direct sums."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.signal import lfilter
from statsmodels.tsa.stattools import acf

from bpbench.errors import StatisticsError
from bpbench.statistics.autocorrelation import autocorrelation, correlation

Floats = npt.NDArray[np.float64]


def ar1(phi: float, n: int, seed: int) -> Floats:
    """Return x_i = φ x_(i-1) + e_i in its stationary state; τ is (1+φ)/(1-φ)."""
    noise = np.random.default_rng(seed).standard_normal(n)
    noise[0] /= np.sqrt(1 - phi**2)
    return np.asarray(lfilter([1.0], [1.0, -phi], noise))


def direct(series: Floats) -> Floats:
    """Return ρ by its definition."""
    away = series - series.mean()
    return np.array([away[: len(away) - t] @ away[t:] for t in range(len(away))]) / (away @ away)


# emcee 3.1.6: emcee.autocorr.integrated_time(x, c=5, tol=0, has_walkers=False)
@pytest.mark.parametrize(
    ("phi", "n", "seed", "tau"),
    [(0.9, 20_000, 1, 19.37684995), (0.5, 5_000, 2, 3.1426411), (0.98, 50_000, 3, 75.78456319)],
)
def test_tau_is_that_of_emcee(phi: float, n: int, seed: int, tau: float) -> None:
    """The window and the sum are those of emcee's integrated_time, to all the digits that it prints."""
    assert autocorrelation(ar1(phi, n, seed)).tau[0] == pytest.approx(tau, abs=1e-8)


def test_tau_meets_the_tests_of_emcee() -> None:
    """Its own test: x_i = 0.9 x_(i-1) + uniform noise, 250 000 values, τ within 20 % of 19 (test_autocorr.py, 1d)."""
    found = autocorrelation(lfilter([1.0], [1.0, -0.9], np.random.default_rng(1234).random(250_000)))
    assert found.tau[0] == pytest.approx(19.0, rel=0.2)
    assert found.reliable.all()


def test_tau_is_near_the_inefficiency_of_pymbar() -> None:
    """Pymbar 4.0.3, statistical_inefficiency of the first series above: 19.374705613943814, with another window.

    Its own test repeats each of 100 000 normal numbers three times: g is 3, to 0.05 in the logarithm.
    """
    assert autocorrelation(ar1(0.9, 20_000, 1)).tau[0] == pytest.approx(19.374705613943814, rel=0.01)
    thrice = np.repeat(np.random.default_rng(7).standard_normal(100_000), 3)
    assert np.log(autocorrelation(thrice).tau[0]) == pytest.approx(np.log(3.0), abs=0.05)


@pytest.mark.parametrize("n", [2, 3, 50, 777])
def test_rho_is_that_of_statsmodels_and_of_the_definition(n: int) -> None:
    """No wrap-around and the same divisor at all distances, for lengths that are no powers of two."""
    series = ar1(0.7, n, n) + 400.0
    rho = correlation(series)
    np.testing.assert_allclose(rho, direct(series), atol=1e-11)
    # Defaults differ between versions, so that all are named.
    twin = acf(series, adjusted=False, nlags=n - 1, qstat=False, fft=False, alpha=None, missing="none")
    np.testing.assert_allclose(rho, twin, atol=1e-11)


@pytest.mark.parametrize("phi", [0.5, 0.9])
def test_estimates_scatter_about_the_truth_as_their_error_says(phi: float) -> None:
    """Over 300 series of AR(1) the mean is (1+φ)/(1-φ) to 3 %, and the spread is the error of Madras and Sokal."""
    truth, n = (1 + phi) / (1 - phi), 20_000
    found = [autocorrelation(ar1(phi, n, seed)) for seed in range(300)]
    tau = np.array([item.tau[0] for item in found])
    assert tau.mean() == pytest.approx(truth, rel=0.03)
    assert tau.std(ddof=1) == pytest.approx(np.mean([item.error[0] for item in found]), rel=0.15)


def test_independent_numbers_have_a_tau_of_one() -> None:
    """White noise: τ is 1 and every frame counts."""
    found = autocorrelation(np.random.default_rng(3).standard_normal(100_000))
    assert found.tau[0] == pytest.approx(1.0, abs=4 * found.error[0])
    assert found.effective[0] == pytest.approx(100_000, rel=0.1)


def test_the_mean_of_frames_is_as_uncertain_as_that_of_the_effective_ones() -> None:
    """What N/τ is for: the variance of the mean of a series is its variance over N/τ."""
    n, phi = 4000, 0.8
    series = np.array([ar1(phi, n, seed) for seed in range(400)])
    counted = np.mean([autocorrelation(item).effective[0] for item in series])
    assert series.mean(axis=1).var(ddof=1) == pytest.approx(series.var() / counted, rel=0.2)


def test_columns_are_worked_on_one_by_one() -> None:
    """A matrix gives what its columns give, whatever their size, and a constant one has no τ."""
    one, other = ar1(0.9, 3000, 5), ar1(0.3, 3000, 6)
    found = autocorrelation(np.stack([1e-200 * one, 1e200 * other - 3e200, np.full(3000, -400.1)], axis=1))
    alone = [autocorrelation(series).tau[0] for series in (one, other)]
    np.testing.assert_allclose(found.tau[:2], alone, rtol=1e-9)
    assert np.isnan([found.tau[2], found.error[2], found.effective[2]]).all()
    assert found.reliable.tolist() == [True, True, False]


def test_a_constant_column_is_constant_in_spite_of_rounding() -> None:
    """Energies that differ by the last bit alone are equal: their τ would be that of rounding."""
    series = np.full(200, -420.3)
    series[::2] = np.nextafter(series[0], 0)
    for still in (series, np.zeros(5), np.array([4.0])):
        assert np.isnan(autocorrelation(still).tau[0])
        assert np.isnan(correlation(still)).all()


def test_fewer_than_fifty_tau_frames_are_unreliable() -> None:
    """The border lies at 50 τ; a drift through the whole series is never reliable."""
    assert autocorrelation(ar1(0.9, 2000, 1)).reliable.all()
    assert not autocorrelation(ar1(0.9, 400, 1)).reliable.any()
    drift = autocorrelation(np.arange(10_000.0))
    assert drift.tau[0] > 1000
    assert not drift.reliable.any()
    assert not autocorrelation(np.array([1.0, 2.0])).reliable.any()


def test_swinging_frames_are_never_worth_more_than_they_are() -> None:
    """Where neighbours lie on opposite sides the sum falls below 1; the effective number stays N."""
    found = autocorrelation(ar1(-0.8, 5000, 9))
    assert found.tau[0] < 1
    assert found.effective[0] == 5000


def test_a_million_frames() -> None:
    """The size of a long trajectory: the transform serves it, and the answer is right to its error."""
    found = autocorrelation(ar1(0.95, 1_000_000, 11))
    assert found.tau[0] == pytest.approx(39.0, abs=4 * found.error[0])
    assert found.error[0] < 1.5


@pytest.mark.parametrize(
    ("series", "sentence"),
    [
        (np.empty(0), r"needs at least one value in each .* found shape \(0,\)"),
        (np.empty((3, 0)), r"found shape \(3, 0\)"),
        (np.zeros((2, 2, 2)), r"shape \(N,\) or \(N, D\); found shape \(2, 2, 2\)"),
        (np.array([1.0, np.nan, 3.0]), r"needs finite values, found nan in place 2 of 3; leave out"),
        (np.array([1.0, 2.0, -np.inf]), r"found -inf in place 3 of 3"),
    ],
)
def test_what_has_no_autocorrelation_is_refused(series: Floats, sentence: str) -> None:
    """No values, too many axes and values that are not finite get a sentence."""
    with pytest.raises(StatisticsError, match=sentence):
        autocorrelation(series)


def test_one_function_belongs_to_one_column() -> None:
    """ρ of two columns at once is refused."""
    with pytest.raises(StatisticsError, match="belongs to one column, found 2; give them one at a time"):
        correlation(np.ones((5, 2)))

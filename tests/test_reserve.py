"""Reserves: formulas against simulated errors, the jackknife against scipy's bootstrap, Student and a slow twin."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from bpbench.errors import StatisticsError
from bpbench.statistics.reserve import blocks_for, observed_error, relative_error


def _squared(rng: np.random.Generator, runs: int, blocks: int, correlation: float) -> np.ndarray:
    """Return squared Gaussian errors of two contestants, shape (2, runs, blocks), of which the squares correlate."""
    # of two standard normal numbers with correlation c, the squares have the correlation c²
    shared, one, other = rng.normal(size=(3, runs, blocks))
    c = correlation**0.5
    return np.array([(math.sqrt(c) * shared + math.sqrt(1 - c) * own) ** 2 for own in (one, other)])


@pytest.mark.parametrize("blocks", [20, 80])
@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_gaussian_errors(blocks: int, correlation: float) -> None:
    """Over many reserves the RMSE scatters by 1/√(2B) of itself, and the log ratio of two by √((1 - r)/B)."""
    a, b = _squared(np.random.default_rng(blocks), 20_000, blocks, correlation)
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] == pytest.approx(correlation, abs=0.02)
    rmse = np.sqrt(np.array([a, b]).mean(axis=-1))
    assert np.std(rmse[0]) / np.mean(rmse[0]) == pytest.approx(relative_error(blocks), rel=0.04)
    spread = np.std(np.log(rmse[0] / rmse[1]))
    assert spread == pytest.approx(relative_error(blocks, correlation), rel=0.06)


def test_the_error_of_a_standard_deviation() -> None:
    """1/√(2B) is what textbooks give for a standard deviation from B Gaussian numbers: 7 % for 100."""
    assert relative_error(100) == pytest.approx(0.0707, abs=5e-5)
    assert relative_error(50, 1.0) == 0.0
    assert relative_error(50, 0.0) == pytest.approx(math.sqrt(2) * relative_error(50))


@pytest.mark.parametrize("margin", [0.02, 0.1, 0.5])
@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_enough_blocks(margin: float, correlation: float) -> None:
    """With so many blocks the interval just fits the margin, and with one fewer it does not."""
    found = blocks_for(margin, correlation, 0.9)
    z = stats.norm.ppf(0.95)
    assert z * relative_error(found, correlation) <= math.log(1 + margin)
    assert z * relative_error(found - 1, correlation) > math.log(1 + margin)


def test_enough_blocks_by_simulation() -> None:
    """Of two equal contestants on as many blocks as a margin of 20 % asks for, 95 % of all ratios lie within it."""
    blocks = blocks_for(0.2, 0.5)
    assert blocks == 58  # (1 - 0.5) (1.960/0.1823)²
    a, b = _squared(np.random.default_rng(3), 8000, blocks, 0.5)
    ratio = np.sqrt(a.mean(axis=-1) / b.mean(axis=-1))
    assert np.mean((ratio < 1.2) & (ratio > 1 / 1.2)) == pytest.approx(0.95, abs=0.015)
    assert blocks_for(0.2, 1.0) == 1


# ------------------------------------------------------------------------------------------------------- afterwards


def _twin(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> float:
    """Return the jackknife by its definition, leaving out block after block."""

    def difference(kept: list[int]) -> float:
        return math.sqrt(np.average(a[kept], weights=weights[kept])) - math.sqrt(
            np.average(b[kept], weights=weights[kept])
        )

    n = a.size
    left_out = [difference([j for j in range(n) if j != i]) for i in range(n)]
    mean = sum(left_out) / n
    return math.sqrt((n - 1) / n * sum((one - mean) ** 2 for one in left_out))


@pytest.mark.parametrize("seed", range(6))
def test_the_jackknife_by_its_definition(seed: int) -> None:
    """With and without weights, RMSEs, their difference and its standard error equal the twin's."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 30))
    a, b = rng.exponential(size=(2, n))
    weights = rng.uniform(0.1, 90, n) if seed % 2 else np.ones(n)
    found = observed_error(a, b, weights if seed % 2 else None)
    assert found.blocks == n
    assert found.rmse_a == pytest.approx(math.sqrt(np.average(a, weights=weights)))
    assert found.rmse_b == pytest.approx(math.sqrt(np.average(b, weights=weights)))
    assert found.difference == pytest.approx(found.rmse_a - found.rmse_b)
    assert found.se == pytest.approx(_twin(a, b, weights), rel=1e-9)
    # not changed by the unit of the weights
    assert observed_error(a, b, 7 * weights).se == pytest.approx(found.se, rel=1e-9)


def test_one_block_that_holds_nearly_all() -> None:
    """A block 10¹⁵ times the others leaves sums of the others that are still theirs."""
    a, b, weights = np.array([1.0, 4.0, 9.0, 2.0]), np.array([2.0, 2.0, 5.0, 1.0]), np.array([1.0, 1e15, 2.0, 1.0])
    assert observed_error(a, b, weights).se == pytest.approx(_twin(a, b, weights), rel=1e-6)


def test_scipys_bootstrap() -> None:
    """Over 60 blocks the standard error is that of scipy's paired bootstrap of the same difference, but for 8 %."""
    rng = np.random.default_rng(2)
    a, b = _squared(rng, 1, 60, 0.5)[:, 0]

    def difference(one: np.ndarray, other: np.ndarray, axis: int) -> np.ndarray:
        return np.sqrt(one.mean(axis=axis)) - np.sqrt(other.mean(axis=axis))

    drawn = stats.bootstrap((a, b), difference, paired=True, n_resamples=4000, method="percentile", rng=rng)
    assert observed_error(a, b).se == pytest.approx(float(drawn.standard_error), rel=0.08)


def test_what_the_jackknife_says_is_what_happens() -> None:
    """Over many reserves of 40 blocks of unequal weight, the mean of SE² is the variance of the differences."""
    rng = np.random.default_rng(9)
    a, b = _squared(rng, 3000, 40, 0.4)
    weights = rng.integers(1, 6, (3000, 40)).astype(float)
    found = [observed_error(*some) for some in zip(a, 1.5 * b, weights, strict=True)]
    assert np.mean([one.se**2 for one in found]) == pytest.approx(np.var([one.difference for one in found]), rel=0.12)


def test_contestants_that_err_alike() -> None:
    """The same errors differ by nothing, with nothing to spare; a perfect contestant is no division by zero."""
    errors = np.array([1.0, 2.0, 3.0])
    same = observed_error(errors, errors)
    assert (same.difference, same.se) == (0.0, 0.0)
    assert observed_error(np.zeros(3), errors).rmse_a == 0.0


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: relative_error(0), "at least 1 independent block, found 0"),
        (lambda: relative_error(5, 1.5), r"A correlation lies between -1 and 1, found 1\.5"),
        (lambda: blocks_for(0.0), r"A relative margin is a positive number, found 0\.0"),
        (lambda: blocks_for(math.nan), "A relative margin is a positive number, found nan"),
        (lambda: blocks_for(0.1, math.nan), "A correlation lies between -1 and 1, found nan"),
        (lambda: blocks_for(0.1, level=1.0), r"level of an interval lies between 0 and 1, found 1\.0"),
        (lambda: observed_error(np.ones(1), np.ones(1)), r"at least 2 blocks; found shapes \(1,\), \(1,\), \(1,\)"),
        (lambda: observed_error(np.ones(3), np.ones(2)), r"found shapes \(3,\), \(2,\), \(3,\)"),
        (lambda: observed_error(np.ones(3), np.ones(3), np.ones(4)), r"found shapes \(3,\), \(3,\), \(4,\)"),
        (
            lambda: observed_error(np.array([1, -1.0]), np.ones(2)),
            r"squared error is a number from 0 up to 1e\+150, found -1 in block 2 of 2",
        ),
        (lambda: observed_error(np.ones(2), np.array([math.nan, 1])), "found nan in block 1 of 2"),
        (
            lambda: observed_error(np.ones(2), np.ones(2), np.array([1, 0])),
            r"weight of a block is a positive number up to 1e\+150, found 0 in block 2 of 2",
        ),
    ],
)
def test_what_is_no_reserve_is_refused(call: Callable[[], object], sentence: str) -> None:
    """Each refusal says what was expected, what was found and where."""
    with pytest.raises(StatisticsError, match=sentence):
        call()

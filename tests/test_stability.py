"""Stability of choices: published examples, Fleiss's kappa, scipy's Jaccard, slow twins and choices at random."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import pdist
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

from bpbench.errors import StatisticsError
from bpbench.statistics.stability import jaccard, kuncheva, lustgarten, stability

# The demonstration beside Nogueira, Sechidis & Brown (github.com/nogueirs/JMLR2018, python/stabilityDemo.ipynb): Z3,
# 10 choices of 4 out of 10, with "Stability of Z3 is -0.037037037037" and "Variance … with M=10 is: 0.00516666666667"
Z3 = [
    "1111000000",
    "0001011100",
    "0100011100",
    "1100101000",
    "0110110000",
    "0111001000",
    "1001000011",
    "0001011100",
    "0011110000",
    "0000100111",
]


def _sets(rows: Sequence[str]) -> list[set[int]]:
    return [{place for place, sign in enumerate(row) if sign == "1"} for row in rows]


def _random(rng: np.random.Generator, choices: int, pool: int, sizes: Sequence[int]) -> list[frozenset[int]]:
    return [frozenset(rng.choice(pool, size=rng.choice(sizes), replace=False).tolist()) for _ in range(choices)]


# ------------------------------------------------------------------------------------------------ strangers' numbers


def test_the_demonstration_of_nogueira() -> None:
    """Φ and its variance are those that the authors' package printed; its two small examples give 1 and -0.5."""
    found = stability(_sets(Z3), 10)
    assert found.nogueira == pytest.approx(-0.037037037037, abs=5e-13)
    assert found.low is not None
    assert found.high is not None
    assert ((found.high - found.low) / 2 / stats.norm.ppf(0.975)) ** 2 == pytest.approx(0.00516666666667, abs=5e-15)
    assert (found.high + found.low) / 2 == pytest.approx(found.nogueira)
    same = stability(_sets(["110", "110", "110"]), 3)
    assert (same.nogueira, same.kuncheva, same.jaccard, same.low, same.high) == pytest.approx((1, 1, 1, 1, 1))
    assert stability(_sets(["110", "011", "101"]), 3).nogueira == pytest.approx(-0.5)


def test_the_bounds_of_kuncheva() -> None:
    """Kuncheva (2007): 1 for equal choices, and -1 for two of half the pool without a member in common."""
    assert kuncheva({0, 1}, {0, 1}, 4) == 1.0
    assert kuncheva({0, 1}, {2, 3}, 4) == -1.0
    # r = k²/d is what chance gives
    assert kuncheva({0, 1}, {1, 2}, 4) == 0.0
    assert kuncheva({0, 1, 2}, {0, 1}, 4) is None
    assert kuncheva({0, 1}, {0, 1}, 2) is None


def test_the_bounds_of_lustgarten() -> None:
    """Lustgarten et al. (2009): from -1 to 1, 0 by chance; of sizes 1 and 2 out of 4, ½ one way and -½ the other."""
    assert lustgarten({0}, {0, 1}, 4) == 0.5
    assert lustgarten({2}, {0, 1}, 4) == -0.5
    assert lustgarten({0, 1}, {1, 2}, 4) == 0.0
    assert lustgarten({0, 1, 2, 3}, {1, 2}, 4) is None


@pytest.mark.parametrize("seed", range(8))
def test_fleiss_and_jaccard(seed: int) -> None:
    """Φ is Fleiss's κ of statsmodels with the choices as raters; Jaccard's is scipy's distance from 1."""
    rng = np.random.default_rng(seed)
    pool = int(rng.integers(4, 60))
    chosen = _random(rng, int(rng.integers(2, 12)), pool, range(1, pool))
    table = np.array([[member in choice for member in range(pool)] for choice in chosen])
    found = stability(chosen, pool)
    assert found.nogueira == pytest.approx(fleiss_kappa(aggregate_raters(table.T.astype(int))[0]))
    assert found.jaccard == pytest.approx(1 - np.mean(pdist(table, "jaccard")))
    assert found.frequencies.tolist() == table.mean(axis=0).tolist()
    assert (found.choices, found.pool) == (len(chosen), pool)


# --------------------------------------------------------------------------------------------- by their definitions


def _variance(rows: list[list[int]]) -> float:
    """Return the asymptotic variance, by plain loops."""
    m, d = len(rows), len(rows[0])
    p = [sum(row[f] for row in rows) / m for f in range(d)]
    mean = sum(p)
    chance = mean / d * (1 - mean / d)
    phi = 1 - sum(m / (m - 1) * share * (1 - share) for share in p) / d / chance
    parts = []
    for row in rows:
        k = sum(row)
        agreement = sum(z * share for z, share in zip(row, p, strict=True)) / d
        parts.append((agreement - k * mean / d**2 + phi / 2 * (2 * k * mean / d**2 - k / d - mean / d + 1)) / chance)
    middle = sum(parts) / m
    return 4 / m**2 * sum((part - middle) ** 2 for part in parts)


@pytest.mark.parametrize("seed", range(8))
def test_slow_twins(seed: int) -> None:
    """Over unequal sizes, Lustgarten's and the interval equal their definitions."""
    rng = np.random.default_rng(seed)
    pool, level = int(rng.integers(4, 40)), float(rng.uniform(0.5, 0.99))
    chosen = _random(rng, int(rng.integers(3, 9)), pool, range(1, pool))
    found = stability(chosen, pool, level=level)
    rows = [[int(member in choice) for member in range(pool)] for choice in chosen]
    assert found.low is not None
    assert found.nogueira is not None
    half = stats.norm.ppf((1 + level) / 2) * math.sqrt(_variance(rows))
    assert found.nogueira - found.low == pytest.approx(half, abs=1e-12)
    pairs = []
    for i, one in enumerate(chosen):
        for other in chosen[:i]:
            k, m = len(one), len(other)
            least, most = max(0, k + m - pool), min(k, m)
            pairs.append((len(one & other) - k * m / pool) / (most - least))
    assert found.lustgarten == pytest.approx(sum(pairs) / len(pairs))
    assert found.kuncheva is None


def test_equal_sizes() -> None:
    """Of choices of one size, Φ is Kuncheva's index, as Nogueira et al. prove."""
    rng = np.random.default_rng(1)
    for size in (1, 5, 19):
        found = stability(_random(rng, 6, 20, [size]), 20)
        assert found.kuncheva == pytest.approx(found.nogueira)


# ------------------------------------------------------------------------------------------------ choices at random


@pytest.mark.parametrize("sizes", [[6], range(1, 20)])
def test_choices_at_random_agree_by_chance_alone(sizes: Sequence[int]) -> None:
    """Mean Φ, Kuncheva's and Lustgarten's over many sets of random choices are 0; Jaccard's is well above."""
    rng = np.random.default_rng(4)
    found = [stability(_random(rng, 5, 20, sizes), 20) for _ in range(600)]
    kinds = ["lustgarten"] + (["kuncheva", "nogueira"] if len(sizes) == 1 else [])
    for kind in kinds:
        values = np.array([getattr(one, kind) for one in found], dtype=float)
        assert abs(values.mean()) < 4 * values.std() / math.sqrt(values.size)
    assert np.mean([one.jaccard for one in found]) > 0.15


def test_sizes_that_differ_by_chance() -> None:
    """Given sizes, mean Φ of random choices is -s²/((M - 1) k̄ (d - k̄)), s² their variance: 0 only for many choices."""
    rng = np.random.default_rng(4)
    for times, tolerance in ((1, 0.01), (20, 0.002)):
        sizes = [2, 5, 9, 13] * times
        mean = np.mean(sizes)
        expected = -np.var(sizes) / ((len(sizes) - 1) * mean * (20 - mean))
        found = [
            stability([frozenset(rng.choice(20, size=k, replace=False).tolist()) for k in sizes], 20).nogueira
            for _ in range(600 // times)
        ]
        assert np.mean(np.array(found, dtype=float)) == pytest.approx(expected, abs=tolerance)


def test_how_often_the_interval_holds_the_truth() -> None:
    """Of members with known probabilities, 95 % intervals cover about 75 % for 5 and 93 % for 30 choices."""
    rng = np.random.default_rng(0)
    p = rng.uniform(0.02, 0.98, size=57)
    share = p.mean()
    truth = 1 - float(np.mean(p * (1 - p))) / (share * (1 - share))
    for choices, covered in ((5, 0.75), (30, 0.93)):
        hits = []
        for _ in range(400):
            drawn = rng.uniform(size=(choices, 57)) < p
            found = stability([set(np.flatnonzero(row).tolist()) for row in drawn], 57)
            assert found.low is not None
            assert found.high is not None
            hits.append(found.low <= truth <= found.high)
        assert np.mean(hits) == pytest.approx(covered, abs=0.07)


# --------------------------------------------------------------------------------------------------------- the edges


def test_what_has_no_value() -> None:
    """The whole pool leaves nothing to agree about, and two choices have no interval."""
    whole = stability([{0, 1}, {0, 1}, {0, 1}], 2)
    assert (whole.jaccard, whole.kuncheva, whole.lustgarten) == (1.0, None, None)
    assert (whole.nogueira, whole.low, whole.high) == (None, None, None)
    two = stability([{0, 1}, {1, 2}], 4)
    assert (two.nogueira, two.low, two.high, two.level) == (0.0, None, None, 0.95)
    one = stability([{0, 1, 2, 3}, {1, 2}, {1}], 4)
    assert one.lustgarten is None
    assert one.nogueira is not None
    assert jaccard(set(), set()) == 1.0
    assert stability([{0}, {1}], 2).jaccard == 0.0
    with pytest.raises(ValueError, match="read-only"):
        one.frequencies[0] = 1


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: stability([{0}], 4), "Stability is of at least 2 choices, found 1; choose again on other splits"),
        (lambda: stability([], 4), "at least 2 choices, found 0"),
        (lambda: stability([{0}, set()], 4), "holds at least one member, found choice 2 of 2 empty"),
        (lambda: stability([{0}, {1, 4}], 4), "a pool of 4 have the numbers 0 to 3, found 4 in choice 2 of 2"),
        (lambda: stability([{-1}, {1}], 4), "numbers 0 to 3, found -1 in choice 1 of 2"),
        (lambda: stability([{0}, {1}], 4, level=1.0), r"level of an interval lies between 0 and 1, found 1\.0"),
    ],
)
def test_what_is_no_choice_is_refused(call: Callable[[], object], sentence: str) -> None:
    """Each refusal says what was expected, what was found and where."""
    with pytest.raises(StatisticsError, match=sentence):
        call()

"""The Mann-Whitney test: against R, coin, scipy and enumeration by definition."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from bpbench.statistics.equivalence import two_sided_p
from bpbench.statistics.rank_sums import RankSumEvidence, rank_sum, smallest

Array = np.ndarray
# Hollander & Wolfe (1973), page 69, the two-sample example of R's ?wilcox.test: permeability of the human chorioamnion
AT_TERM = np.array([0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46])
EARLY = np.array([1.15, 0.88, 0.90, 0.74, 1.21])


def test_permeability_of_hollander_and_wolfe() -> None:
    """R: wilcox.test(x, y, alternative = "g"): W = 35, p = 0.1272; coin's exact wilcox_test: 0.2544, -0.15 to 0.76."""
    found = rank_sum(AT_TERM, EARLY)
    assert found.statistic == 35
    assert found.p_greater() == pytest.approx(0.1272, abs=5e-5)
    assert two_sided_p(found) == pytest.approx(0.2544, abs=5e-5)
    assert found.interval(0.95) == pytest.approx((-0.15, 0.76), abs=1e-12)
    assert found.direction == 1
    assert found.df is None


@pytest.mark.parametrize(("n", "m"), [(2, 2), (3, 9), (8, 8), (50, 50), (900, 5)])
def test_without_ties_it_equals_scipy(n: int, m: int) -> None:
    """W and the exact p of either side equal scipy's where nothing is tied, for equal and unequal sizes."""
    rng = np.random.default_rng([n, m])
    x, y = rng.normal(0.4, 1, n), rng.normal(0, 2, m)
    found = rank_sum(x, y)
    for alternative, p in (("greater", found.p_greater()), ("less", found.p_less())):
        stranger = stats.mannwhitneyu(x, y, alternative=alternative, method="exact")
        assert found.statistic == stranger.statistic
        assert p == pytest.approx(stranger.pvalue, rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(51, 50), (5, 1000)])
def test_beyond_it_equals_scipys_approximation(n: int, m: int) -> None:
    """With more values p is scipy's normal approximation with tie and continuity correction."""
    rng = np.random.default_rng([n, m])
    x, y = np.round(rng.normal(0.3, 1, n), 1), np.round(rng.normal(0, 1, m), 1)
    stranger = stats.mannwhitneyu(x, y, alternative="greater", method="asymptotic", use_continuity=True)
    assert rank_sum(x, y).p_greater() == pytest.approx(stranger.pvalue, rel=1e-12)


@pytest.mark.parametrize(("n", "m"), [(4, 6), (6, 4), (5, 5)])
@pytest.mark.parametrize("bound", [-1.0, 0.0, 2.0])
def test_with_ties_it_is_exact(n: int, m: int, bound: float) -> None:
    """With ties both p equal the count over all choices of the observed ranks, at any shift."""
    rng = np.random.default_rng([n, m])
    x, y = rng.integers(0, 5, n).astype(float), rng.integers(0, 4, m).astype(float)
    ranks = stats.rankdata(np.concatenate([x - bound, y]))
    sums = np.array([sum(ranks[list(chosen)]) for chosen in combinations(range(n + m), n)])
    found = rank_sum(x, y)
    assert found.p_greater(bound) == pytest.approx(float(np.mean(sums >= ranks[:n].sum())))
    assert found.p_less(bound) == pytest.approx(float(np.mean(sums <= ranks[:n].sum())))


@pytest.mark.parametrize(("n", "m"), [(6, 9), (30, 12), (80, 90)])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_interval_inverts_the_test(n: int, m: int, level: float) -> None:
    """Just outside each end the shifted test rejects, just inside it does not; exact and approximate."""
    rng = np.random.default_rng([n, m])
    found = rank_sum(rng.normal(0.5, 1, n), rng.normal(0, 1, m))
    low, high = found.interval(level) or (math.nan, math.nan)
    for end, outwards, p in ((low, -1e-9, found.p_greater), (high, 1e-9, found.p_less)):
        assert p(end + outwards) <= (1 - level) / 2 < p(end - outwards)


def test_counted_differences_equal_the_formed_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interval found by counting (large samples) equals the one from all n m differences."""
    rng = np.random.default_rng(1)
    found = rank_sum(rng.standard_t(3, 300), rng.normal(size=200))
    formed = found.interval(0.95)
    monkeypatch.setattr("bpbench.statistics.rank_sums._FORMED_UP_TO", 100)
    assert found.interval(0.95) == pytest.approx(formed, abs=1e-9)


def test_smallest_p_is_that_of_separated_samples() -> None:
    """Where every value of one exceeds every value of the other, p is the smallest there is: 2/C(n + m, n)."""
    for n, m in ((2, 2), (4, 4), (3, 7)):
        found = rank_sum(np.arange(n) + 10.0, np.arange(m) * 1.0)
        assert two_sided_p(found) == pytest.approx(found.p_smallest) == pytest.approx(2 / math.comb(n + m, n))
    assert smallest(1, 1) == 1.0
    assert smallest(10**6, 10**6) == 0.0
    assert smallest(2, 10**6) == pytest.approx(4 / (10**6 + 2) / (10**6 + 1))


def test_too_few_values_for_an_interval() -> None:
    """Three against three reach 1/20 on a side at best, four against four 1/70."""
    assert rank_sum(np.arange(3.0), np.arange(3.0) + 0.5).interval(0.95) is None
    assert rank_sum(np.arange(4.0), np.arange(4.0) + 0.5).interval(0.95) is not None


def _swapped(found: RankSumEvidence) -> RankSumEvidence:
    return RankSumEvidence(found.baseline, found.candidate)


@pytest.mark.parametrize("n", [10, 2000])
def test_swapping_the_samples_turns_everything(n: int) -> None:
    """Candidate and baseline exchanged: p changes sides, W and the interval their sign."""
    rng = np.random.default_rng(n)
    found = rank_sum(rng.normal(0.1, 1, n), rng.normal(size=n + 3))
    other = _swapped(found)
    assert other.p_greater() == pytest.approx(found.p_less())
    assert other.statistic == n * (n + 3) - found.statistic
    low, high = found.interval(0.9) or (math.nan, math.nan)
    assert other.interval(0.9) == pytest.approx((-high, -low), abs=1e-9)
    assert other.direction == -found.direction

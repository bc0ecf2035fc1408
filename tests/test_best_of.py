"""Expected best of n repeats: against all subsets and all draws, scipy's binomials, and known distributions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.special import comb

from bpbench.errors import StatisticsError
from bpbench.statistics.best_of import best_of, with_replacement, without_replacement


@pytest.mark.parametrize("ties", [False, True])
def test_brute_force_over_all_subsets_and_all_draws(ties: bool) -> None:
    """Both estimators and the spread equal their definitions, enumerated: C(6, n) subsets and 6ⁿ draws."""
    values = np.array([0.3, 1.2, 0.7, 0.7 if ties else 0.9, 2.5, 0.4])
    found = best_of(values)
    assert (found.repeats, found.n) == (6, (1, 2, 3, 4, 5, 6))
    for place, n in enumerate(found.n):
        least = [min(chosen) for chosen in itertools.combinations(values, n)]
        assert found.without_replacement[place] == pytest.approx(np.mean(least))
        drawn = [min(chosen) for chosen in itertools.product(values, repeat=n)]
        assert found.with_replacement[place] == pytest.approx(np.mean(drawn))
        assert found.spread[place] == pytest.approx(np.std(drawn))


def test_formulas_of_allentune() -> None:
    """The plot.py of allentune: F(i) = (i/N)ⁿ and C(i, n)/C(N, n) for the maximum of n, here of a score."""
    values = np.sort(np.random.default_rng(0).normal(size=11))
    found = best_of(values, lower_is_better=False)
    i = np.arange(12)
    for place, n in enumerate(found.n):
        assert found.with_replacement[place] == pytest.approx(values @ np.diff((i / 11) ** n))
        assert found.without_replacement[place] == pytest.approx(values @ np.diff(comb(i, n) / comb(11, n)))


def test_both_ends() -> None:
    """The best of one is the mean for both; the best of all without replacement is the least value."""
    values = np.random.default_rng(1).lognormal(size=9)
    found = best_of(values)
    assert found.with_replacement[0] == pytest.approx(values.mean())
    assert found.without_replacement[0] == pytest.approx(values.mean())
    assert found.spread[0] == pytest.approx(values.std())
    assert found.without_replacement[-1] == pytest.approx(values.min())
    assert found.with_replacement[-1] > values.min()


def test_without_replacement_is_unbiased() -> None:
    """For uniform draws E[least of n] = 1/(n+1); the mean over 4000 data sets of ten meets it, the other lies above."""
    rng = np.random.default_rng(2)
    found = [best_of(values, [4]) for values in rng.uniform(size=(4000, 10))]
    unbiased, biased = (
        np.array([getattr(item, name)[0] for item in found]) for name in ("without_replacement", "with_replacement")
    )
    error = 4 * unbiased.std() / math.sqrt(4000)
    assert unbiased.mean() == pytest.approx(1 / 5, abs=error)
    assert biased.mean() > 1 / 5 + error


@pytest.mark.parametrize("n", [1, 2, 700, 2999, 3000])
def test_thousands_of_repeats(n: int) -> None:
    """At N = 3000, where C(N, n) has hundreds of digits, the probabilities are those of exact whole numbers."""
    p = without_replacement(3000, n)
    assert p.sum() == pytest.approx(1)
    assert with_replacement(3000, n).sum() == pytest.approx(1)
    for i in (1, 2, 5, 40):
        exact = math.comb(3000 - i, n - 1) * 10**40 // math.comb(3000, n) / 1e40
        assert p[i - 1] == pytest.approx(exact, rel=1e-9, abs=1e-30)


def test_a_curve_of_many_repeats_is_thinned() -> None:
    """Of a hundred thousand repeats some fifty sizes are told, from 1 to all, each no worse than the one before."""
    found = best_of(np.random.default_rng(3).normal(size=100_000))
    assert (found.n[0], found.n[-1]) == (1, 100_000)
    assert 30 < len(found.n) <= 50
    for curve in (found.with_replacement, found.without_replacement):
        assert all(one >= other for one, other in itertools.pairwise(curve))


def test_large_values_keep_their_digits() -> None:
    """A constant added to all values is added to every expectation and leaves the spread alone."""
    values = np.array([0.0, 1, 2, 3])
    plain, far = best_of(values), best_of(values + 2.0**40)
    assert far.spread == plain.spread
    assert [x - 2.0**40 for x in far.without_replacement] == pytest.approx(plain.without_replacement, abs=1e-3)


def test_one_repeat_and_equal_repeats() -> None:
    """One repeat is its own best; equal repeats have no spread."""
    one = best_of(np.array([3.0]))
    assert (one.with_replacement, one.without_replacement, one.spread) == ((3.0,), (3.0,), (0.0,))
    assert set(best_of(np.full(4, 3.0)).with_replacement) == {3.0}


@pytest.mark.parametrize(
    ("values", "n", "message"),
    [
        ([1.0, 2, 3], [4], "best of 4 repeats cannot be told from 3; ask for 1 to 3, or run more repeats"),
        ([1.0, 2, 3], [0], "best of 0 repeats cannot be told from 3"),
        ([1.0, math.nan], None, "found nan in place 2 of 2"),
        ([1.0, math.inf], None, "found inf in place 2 of 2"),
        ([], None, "at least one repeat, found none"),
    ],
)
def test_refusals(values: list[float], n: list[int] | None, message: str) -> None:
    """Never past N, and never from a value that is not finite."""
    with pytest.raises(StatisticsError, match=message):
        best_of(np.array(values), n)

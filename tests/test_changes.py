"""Change points: Q by its definition, p by enumeration, places against R's ecp, Apache Otava and MongoDB's library."""

from __future__ import annotations

import warnings
from itertools import combinations, permutations, product

import numpy as np
import pytest
from scipy import stats
from statsmodels.datasets import nile

from bpbench.errors import StatisticsError
from bpbench.statistics.changes import SHORTEST, Change, _best, _permuted, changes, divergences

Array = np.ndarray
#: tests/change_point_divisive_test.py of apache/otava.
OTAVA = np.array([0.3, 2.4, 1.5, -0.9, -0.5, 99.7, 98.3, 99.1, 149.0, 149.7, 149.5, 149.1, 148.8, 150.0])
#: tests/test_detection.py (test_random_ish_data) of mongodb/signal-processing-algorithms.
MONGODB = np.array(
    [
        *(41, 18, 23, 3, 32, 11, 40, 13, 29, 48, 47, 35, 18, 21, 6, 2, 23, 3, 4, 7),
        *(120, 103, 102, 81, 71, 62, 115, 61, 108, 63, 70, 98, 65, 96, 64, 74, 70, 113, 90, 114),
        *(208, 196, 153, 150, 225, 179, 206, 165, 177, 151, 218, 217, 244, 245, 229, 195, 225, 229, 176, 250),
    ],
    dtype=float,
)


def _nile() -> Array:
    """Return the annual flow of the Nile at Aswan from 1871 to 1970, as in R's ``datasets::Nile``."""
    return nile.load_pandas().data["volume"].to_numpy()


def _mean_distance(pairs: list[tuple[float, float]]) -> float:
    return sum(abs(x - y) for x, y in pairs) / len(pairs)


def _q(one: Array, other: Array) -> float:
    """Return Q of two stretches by its definition."""
    n, m = len(one), len(other)
    across = _mean_distance(list(product(one, other)))
    within = _mean_distance(list(combinations(one, 2))) + _mean_distance(list(combinations(other, 2)))
    return n * m / (n + m) * (2 * across - within)


def _largest(values: Array, shortest: int) -> tuple[float, int]:
    """Return the largest Q of a segment and its τ, one pair of stretches after the other."""
    n = len(values)
    return max(
        (_q(values[:tau], values[tau:kappa]), tau)
        for tau in range(shortest, n - shortest + 1)
        for kappa in range(tau + shortest, n + 1)
    )


@pytest.mark.parametrize("shortest", [2, 3, 4])
def test_q_follows_its_definition(shortest: int) -> None:
    """All Q of random series and of series full of ties, in a batch, and -inf where a stretch is too short."""
    rng = np.random.default_rng(3)
    batch = np.stack([rng.lognormal(size=11), rng.integers(0, 3, 11).astype(float), 1e6 + rng.normal(size=11)])
    found = divergences(batch, shortest)
    for series, q in zip(batch, found, strict=True):
        for tau, kappa in product(range(12), repeat=2):
            if tau >= shortest and kappa - tau >= shortest:
                assert q[tau, kappa] == pytest.approx(_q(series[:tau], series[tau:kappa]), abs=1e-8)
            else:
                assert q[tau, kappa] == -np.inf
        place, largest = _best(series, [0, 11], shortest)
        assert largest == pytest.approx(_largest(series, shortest)[0], abs=1e-8)
        assert q[place].max() == largest


def test_q_and_scipys_energy_distance() -> None:
    """The squared energy distance of scipy takes each value's distance to itself into its means within; Q does not."""
    rng = np.random.default_rng(4)
    x, y = rng.gamma(2, size=7), rng.gamma(3, size=12)
    within = sum(np.abs(part[:, None] - part).mean() / (part.size - 1) for part in (x, y))
    expected = 7 * 12 / 19 * (stats.energy_distance(x, y) ** 2 - within)
    assert divergences(np.concatenate([x, y]))[7, 19] == pytest.approx(expected, rel=1e-12)


def test_q_of_published_series() -> None:
    """Values of Apache Otava 0.8.0 (``get_candidate_change_point``) and of MongoDB's tests (``qhat``)."""
    assert _best(_nile(), [0, 100], 2) == (28, pytest.approx(4916.590807675146, rel=1e-13))
    assert _best(OTAVA, [0, 14], 2) == (5, pytest.approx(761.2821428571428, rel=1e-13))
    assert divergences(MONGODB)[40, 60] == pytest.approx(2848.1169590643276, rel=1e-13)
    assert divergences(MONGODB[:40])[20, 40] == pytest.approx(893.578947368421, rel=1e-13)
    regression = np.full(30, 50.0)
    regression[2] = regression[15:] = 100  # test_finds_simple_regression2
    assert divergences(regression)[15, 30] == pytest.approx(649.9999999999999, rel=1e-13)


def test_places_of_published_series() -> None:
    """R: ``set.seed(1); ecp::e.divisive(matrix(as.numeric(Nile)), min.size = 2)$estimates`` is 1 29 101."""
    assert [change.place for change in changes(_nile(), seed=1, shortest=2)] == [29 - 1]
    # CHANGE_POINTS_INDS of Otava's test, and the two indices of MongoDB's
    assert [change.place for change in changes(OTAVA, seed=1)] == [5, 8]
    assert [change.place for change in changes(MONGODB, seed=1)] == [20, 40]
    # test_finds_ahead and test_finds_behind of MongoDB's
    for middle, place in ((74.0, 15), (76.0, 14)):
        series = [50.0] * 14 + [middle] + [100.0] * 15
        assert [change.place for change in changes(series, seed=1)] == [place]


def test_p_of_one_segment_by_enumeration() -> None:
    """All orders of six values, visited: the drawn ones agree to within their own error, ties counted as extreme."""
    for series in (np.array([1.0, 1.3, 1.1, 2.0, 1.9, 2.2]), np.array([1.0, 1.0, 1.0, 2.0, 2.0, 1.0])):
        seen = _largest(series, 2)[0]
        orders = [_largest(np.array(order), 2)[0] for order in permutations(series)]
        exact = float(np.mean([q >= seen - 1e-9 for q in orders]))
        drawn = 19_999
        found = _permuted(series, [0, 6], 2, seen, drawn, np.random.default_rng(5))
        assert found == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / drawn) + 1 / drawn)


def test_p_of_the_maximum_over_two_segments_by_enumeration() -> None:
    """Values are exchanged within segments alone, and the largest Q of all segments counts."""
    series = np.array([1.0, 1.2, 1.1, 1.9, 2.0, 7.0, 7.3, 7.2, 8.4, 8.2])
    parts = series[:5], series[5:]
    seen = max(_largest(part, 2)[0] for part in parts)
    each = [np.array([_largest(np.array(order), 2)[0] for order in permutations(part)]) for part in parts]
    exact = float(np.mean(np.maximum(each[0][:, None], each[1][None, :]) >= seen - 1e-9))
    found = _permuted(series, [0, 5, 10], 2, seen, 19_999, np.random.default_rng(6))
    assert 0.01 < exact < 0.5
    assert found == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 19_999) + 1e-4)


def test_the_seen_order_counts_among_the_permutations() -> None:
    """The p is (b + 1)/(B + 1) and never 0; with B = 19 a clean step of twenty values has p = 1/20."""
    (found,) = changes([1.0] * 10 + [2.0] * 10, seed=0, permutations=19)
    assert found == Change(10, 1.0, 2.0, 1.0, 0.05, worse=True)


def _noise(kind: str, rng: np.random.Generator, n: int) -> Array:
    """Return noise of one of several shapes; a permutation test need not know which."""
    return {
        "normal": lambda: rng.normal(size=n),
        "cauchy": lambda: rng.standard_cauchy(n),
        "coarse": lambda: rng.integers(0, 3, n).astype(float),
        "skewed": lambda: rng.lognormal(sigma=1.5, size=n),
    }[kind]()


def _false_alarms(kind: str, n: int, series: int) -> int:
    rng = np.random.default_rng(n)
    return sum(bool(changes(_noise(kind, rng, n), seed=seed, permutations=199)) for seed in range(series))


@pytest.mark.parametrize(("kind", "n"), [("normal", 20), ("normal", 40), ("cauchy", 20), ("coarse", 20)])
def test_pure_noise_gives_a_change_at_most_as_often_as_alpha(kind: str, n: int) -> None:
    """Of 300 series of noise no more than α give any change point, but for the error of counting (99.9 %)."""
    alarms = _false_alarms(kind, n, 300)
    assert alarms <= stats.binom.ppf(0.999, 300, 0.05)
    assert alarms > 0  # a test that never rejects would not be one


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "n"), [("normal", 20), ("normal", 40), ("cauchy", 40), ("coarse", 20), ("skewed", 8)])
def test_pure_noise_at_full_size(kind: str, n: int) -> None:
    """Of 3000 series of noise no more than α give any change point, but for the error of counting (99.9 %)."""
    alarms = _false_alarms(kind, n, 3000)
    assert alarms <= stats.binom.ppf(0.999, 3000, 0.05)
    # with eight values p is coarse, so less than α is used up
    assert alarms >= (stats.binom.ppf(0.001, 3000, 0.05) if n >= 20 and kind != "coarse" else 1)


@pytest.mark.parametrize("kind", ["normal", "t"])
def test_a_planted_step_is_found_where_it_is(kind: str) -> None:
    """Steps of three spreads after run 14 of 24, under normal and heavy-tailed noise (t with 3 degrees of freedom)."""
    rng = np.random.default_rng(8)
    near = 0
    for seed in range(60):
        noise = rng.normal(size=24) if kind == "normal" else rng.standard_t(3, 24)
        values = 100 + noise + np.where(np.arange(24) >= 14, 3.0 if kind == "normal" else 5.0, 0.0)
        found = changes(values, seed=seed, permutations=199)
        near += len(found) >= 1 and min(abs(change.place - 14) for change in found) <= 1
    assert near >= 54


def test_several_steps_come_in_the_order_of_the_series() -> None:
    """Two steps for the worse and one for the better, whichever of them is found first."""
    rng = np.random.default_rng(9)
    levels = np.repeat([1.0, 1.1, 1.5, 0.8], 10)
    values = levels * rng.lognormal(sigma=0.01, size=40)
    found = changes(values, seed=0)
    assert [change.place for change in found] == [10, 20, 30]
    assert [change.worse for change in found] == [True, True, False]
    for change, (start, stop) in zip(found, ((0, 20), (10, 30), (20, 40)), strict=True):
        assert change.before == pytest.approx(values[start : change.place].mean())
        assert change.after == pytest.approx(values[change.place : stop].mean())
        assert change.share == pytest.approx(change.after / change.before - 1)
        assert 0.001 <= change.p <= 0.05


def test_direction() -> None:
    """A rise is worse of a loss and better of a coefficient of determination; ``worse_only`` leaves the segments."""
    rng = np.random.default_rng(10)
    values = np.repeat([1.0, 2.0, 1.5], 8) + 0.01 * rng.normal(size=24)
    all_of_them = changes(values, seed=0)
    assert [(change.place, change.worse) for change in all_of_them] == [(8, True), (16, False)]
    assert [change.worse for change in changes(values, seed=0, lower_is_better=False)] == [False, True]
    assert changes(values, seed=0, worse_only=True) == all_of_them[:1]
    assert (
        changes(values, seed=0, worse_only=True, lower_is_better=False)
        == changes(values, seed=0, lower_is_better=False)[1:]
    )


def test_changes_below_the_least_are_joined_the_smallest_first() -> None:
    """Steps of 2 %, 30 % and 2 %: with least = 5 % only the middle one stays, between means of joined segments."""
    rng = np.random.default_rng(11)
    values = np.repeat([1.0, 1.02, 1.326, 1.3525], 10) * (1 + 0.001 * rng.normal(size=40))
    assert [change.place for change in changes(values, seed=0)] == [10, 20, 30]
    (found,) = changes(values, seed=0, least=0.05)
    assert found.place == 20
    assert found.before == pytest.approx(values[:20].mean())
    assert found.after == pytest.approx(values[20:].mean())
    assert changes(values, seed=0, least=0.5) == ()


def test_a_drift_in_small_steps_adds_up() -> None:
    """Four steps of 4 %, each below 10 %, are together a change of more than that, which is reported."""
    rng = np.random.default_rng(12)
    values = np.repeat(1.04 ** np.arange(5), 10) * (1 + 0.001 * rng.normal(size=50))
    assert [change.place for change in changes(values, seed=0, alpha=0.01)] == [10, 20, 30, 40]
    found = changes(values, seed=0, alpha=0.01, least=0.1)
    assert len(found) == 1
    assert found[0].share is not None
    assert found[0].share >= 0.1


def test_the_unit_and_the_origin_do_not_matter() -> None:
    """Q scales with the values and does not see their level, so places and p stay."""
    rng = np.random.default_rng(13)
    values = np.repeat([1.0, 1.4], 9) + 0.1 * rng.normal(size=18)
    first = changes(values, seed=3)
    assert len(first) == 1
    for other in (1024 * values, values * 2.0**-60, values + 64, -values):
        again = changes(other, seed=3)
        assert [(change.place, change.p) for change in again] == [(change.place, change.p) for change in first]
    (below,) = changes(-values, seed=3)
    assert below.share is None
    assert not below.worse


def test_a_change_of_spread_alone_is_found_and_barred_by_the_least() -> None:
    """E-divisive sees distributions, and ``least`` asks for a change of the mean."""
    rng = np.random.default_rng(14)
    values = 100 + np.concatenate([0.1 * rng.normal(size=40), 5 * rng.normal(size=40)])
    (found,) = changes(values, seed=0)
    assert abs(found.place - 40) <= 3
    assert changes(values, seed=0, least=0.05) == ()


def test_the_same_seed_gives_the_same_answer() -> None:
    """And another seed another p, as permutations are drawn."""
    rng = np.random.default_rng(15)
    values = np.repeat([1.0, 1.2], 8) + 0.1 * rng.normal(size=16)
    assert changes(values, seed=1) == changes(values, seed=1)
    assert len({changes(values, seed=seed)[0].p for seed in range(5)}) > 1


def test_what_cannot_be_searched_gives_nothing() -> None:
    """Constant series, series of fewer than two shortest stretches, and no values at all, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert changes([0.1 + 0.2] * 30, seed=0) == ()
        assert changes([0.0] * 8, seed=0) == ()
        assert changes([], seed=0) == ()
        assert changes([1.0], seed=0) == ()
        assert changes([1.0] * 3 + [9.0] * 2, seed=0) == ()
        assert changes([1.0] * 11 + [9.0] * 11, seed=0, shortest=12) == ()


def test_from_eight_values_on_a_clean_step_can_be_significant() -> None:
    """As the module says: 2 of the 56 places for three values give the largest Q, and at seven 2 of 35 are too many."""
    for n, found in ((6, False), (7, False), (8, True)):
        values = np.concatenate([1 + 0.001 * np.arange(n - 3), 2 + 0.001 * np.arange(3)])
        assert bool(changes(values, seed=0, permutations=9999)) is found
    (eight,) = changes([1.0] * 5 + [2.0] * 3, seed=0, permutations=9999)
    assert eight.p == pytest.approx(2 / 56, abs=4 * np.sqrt(2 / 56 / 9999))
    two = [1.0, 1.001, 1.002, 1.003, 1.004, 1.005, 2.0, 2.001]
    assert changes(two, seed=0, permutations=9999, shortest=2) == ()
    assert SHORTEST == 3


@pytest.mark.parametrize(
    ("values", "asked", "sentence"),
    [
        ([1.0, 2.0, float("nan"), 4.0], {}, r"finite values of at most 1e\+150, found nan in place 3 of 4; leave out"),
        ([1.0, float("inf")], {}, r"found inf in place 2 of 2; leave out the runs that have no value"),
        ([[1.0, 2.0]], {}, r"one value per run, found an array of shape \(1, 2\)"),
        ([1.0, 2.0], {"alpha": 0.0}, r"alpha must lie between 0 and 1, found 0\.0"),
        (
            [1.0, 2.0],
            {"permutations": 18},
            r"With 18 permutations no p is below 1/19, and none could reach alpha = 0\.05; draw at least 19",
        ),
        ([1.0, 2.0], {"shortest": 1}, r"at least 2 values, which have a distance, found 1"),
        ([1.0, 2.0], {"least": -0.1}, r"a share that is not negative \(0\.05 for 5 %\), found -0\.1"),
        ([1.0, 0.0], {"least": 0.1}, r"needs positive values, found 0 in place 2 of 2; search with least = 0"),
    ],
)
def test_refusals(values: list[float], asked: dict[str, float], sentence: str) -> None:
    with pytest.raises(StatisticsError, match=sentence):
        changes(values, seed=0, **asked)

"""Components of variance against published numbers, statsmodels and simulation, and what is refused."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bpbench.errors import StatisticsError
from bpbench.statistics.variance import Decomposition, MeanSquare, decompose, limits

#: Houf & Berman (1988), thermal performance of 10 modules, 3 operators, 3 measurements each, as printed in the SAS/STAT
#: user's guide, PROC VARCOMP, "Using the GRR Method".
HOUF = np.array(
    [
        37, 38, 37, 41, 41, 40, 41, 42, 41, 42, 41, 43, 42, 42, 42, 43, 42, 43, 30, 31, 31, 31, 31, 31, 29, 30, 28,
        42, 43, 42, 43, 43, 43, 42, 42, 42, 28, 30, 29, 29, 30, 29, 31, 29, 29, 42, 42, 43, 45, 45, 45, 44, 46, 45,
        25, 26, 27, 28, 28, 30, 29, 27, 27, 40, 40, 40, 43, 42, 42, 43, 43, 41, 25, 25, 25, 27, 29, 28, 26, 26, 26,
        35, 34, 34, 35, 35, 34, 35, 34, 35,
    ]
).reshape(10, 3, 3)  # fmt: skip
#: Davies & Goldsmith (1972), section 6.6, 24 plates × 6 samples: data(Penicillin, package = "lme4").
PENICILLIN = np.array(
    [
        list(map(int, row.split()))
        for row in (
            "27 23 26 23 23 21", "27 23 26 23 23 21", "25 21 25 24 24 20", "26 23 25 23 23 20", "25 22 26 22 23 20",
            "24 22 25 23 22 19", "24 20 23 21 22 19", "26 22 26 24 24 21", "24 21 24 22 22 20", "24 21 24 23 22 19",
            "26 23 26 24 24 21", "25 22 26 24 24 20", "26 24 26 24 25 22", "26 23 26 23 23 20", "26 23 25 24 24 22",
            "25 22 25 23 23 20", "25 21 24 23 23 20", "25 22 24 23 23 19", "24 21 23 21 21 19", "26 23 26 24 24 21",
            "25 21 24 22 22 18", "25 22 25 22 22 20", "24 21 24 22 24 19", "24 21 24 22 21 18",
        )
    ]
)  # fmt: skip
#: Davies & Goldsmith (1972), 6 batches of 5: data(Dyestuff, package = "lme4").
DYESTUFF = np.array(
    [
        [1545, 1440, 1440, 1520, 1580],
        [1540, 1555, 1490, 1560, 1495],
        [1595, 1550, 1605, 1510, 1560],
        [1445, 1440, 1595, 1465, 1545],
        [1595, 1630, 1515, 1635, 1625],
        [1520, 1455, 1450, 1480, 1445],
    ]
)

Sources = tuple[str, ...]


def by_source(found: Decomposition) -> dict[Sources, Any]:
    return {component.factors: component for component in found.components}


def drawn(shape: tuple[int, ...], variances: dict[Sources, float], random: np.random.Generator) -> np.ndarray:
    """Return values of the model, one axis per factor a, b, c and a last one for the values of a cell."""
    values = np.zeros(shape)
    for sources, variance in variances.items():
        size = tuple(count if name in sources else 1 for name, count in zip("abc", shape, strict=False))
        values = values + math.sqrt(variance) * random.standard_normal((*size, 1) if sources else shape)
    return values


# ------------------------------------------------------------------------------------------------- published numbers


def test_gauge_study_with_its_intervals() -> None:
    """Components and modified large-sample intervals as the R package gaugerr has them for Houf & Berman's data.

    ``conf_intervals(data1)`` in its tests/testthat/test-conf_intervals.R (github.com/SydneyBell14/gaugerr), after
    Burdick, Borror & Montgomery (2005), *Design and Analysis of Gauge R&R Studies*.
    """
    found = by_source(decompose(HOUF, ("part", "operator"), seed=1))
    published = {
        ("part",): (48.29259259, 22.694519080, 161.6391841517),
        ("operator",): (0.56460905, 0.072961525, 25.7507696003),
        ("part", "operator"): (0.72798354, 0.332725386, 1.7927201819),
        (): (0.51111111, 0.368157535, 0.7575430447),
    }
    assert found.keys() == published.keys()
    for sources, numbers in published.items():
        component = found[sources]
        assert (component.raw, component.low, component.high) == pytest.approx(numbers, rel=2e-8)


def test_reproducibility_has_two_positive_terms() -> None:
    """Two mean squares less a third: operator and interaction together, as in gaugerr (above)."""
    squares = {component.factors: component for component in decompose(HOUF, ("part", "operator"), seed=1).components}
    sources: list[tuple[float, Sources]] = [
        (1 / 30, ("operator",)),
        (9 / 30, ("part", "operator")),
        (-10 / 30, ()),
    ]
    parts = [(k, MeanSquare(squares[of].mean_square, squares[of].df)) for k, of in sources]
    assert sum(k * square.value for k, square in parts) == pytest.approx(1.29259259, rel=1e-8)
    assert limits(parts, 0.95) == pytest.approx((0.612491664, 26.4986365504), rel=1e-8)


def test_a_sum_of_mean_squares() -> None:
    """Graybill & Wang's interval of a sum: the gauge's variance in gaugerr (above)."""
    squares = by_source(decompose(HOUF, ("part", "operator"), seed=1))
    sources: list[tuple[float, Sources]] = [(1 / 30, ("operator",)), (9 / 30, ("part", "operator")), (20 / 30, ())]
    parts = [(k, MeanSquare(squares[of].mean_square, squares[of].df)) for k, of in sources]
    assert limits(parts, 0.95) == pytest.approx((1.206225574, 27.0172388372), rel=1e-8)


def test_penicillin_as_lme4_has_it() -> None:
    """lme4 ``lmer(diameter ~ (1|plate) + (1|sample), Penicillin)``: REML is the analysis of variance where balanced.

    Standard deviations 0.8467, 1.9316 and 0.5499.
    """
    found = by_source(decompose(PENICILLIN[..., None], ("plate", "sample"), seed=1))
    sources = [("plate",), ("sample",), ("plate", "sample")]
    assert [round(math.sqrt(found[of].raw), 4) for of in sources] == [0.8467, 1.9316, 0.5499]


def test_dyestuff_as_lme4_has_it() -> None:
    """lme4 ``lmer(Yield ~ 1 + (1|Batch), Dyestuff)``: variances 1764 and 2451."""
    found = by_source(decompose(DYESTUFF, ("batch",), seed=1))
    assert [round(found[of].raw) for of in [("batch",), ()]] == [1764, 2451]


# --------------------------------------------------------------------------------------------------- other programs


def test_sums_of_squares_as_statsmodels_has_them() -> None:
    """Degrees of freedom and mean squares of three crossed factors with two values a cell, all seven terms and rest."""
    import statsmodels.api as sm
    from statsmodels.formula.api import ols

    shape = (4, 3, 5, 2)
    values = np.random.default_rng(7).normal(size=shape) + np.arange(4).reshape(4, 1, 1, 1)
    frame = pd.DataFrame(np.indices(shape)[:3].reshape(3, -1).T, columns=list("abc")).assign(y=values.ravel())
    table = sm.stats.anova_lm(ols("y ~ C(a) * C(b) * C(c)", frame).fit(), typ=1)
    theirs = {
        tuple(name[2] for name in row.split(":")) if row != "Residual" else (): (int(entry.df), entry.mean_sq)
        for row, entry in table.iterrows()
    }
    ours = {key: (one.df, one.mean_square) for key, one in by_source(decompose(values, "abc", seed=1)).items()}
    assert ours.keys() == theirs.keys()
    for key, (df, square) in theirs.items():
        assert ours[key] == (df, pytest.approx(square, rel=1e-10))


def test_exact_interval_of_one_mean_square() -> None:
    """A single mean square has the chi-squared interval, here against scipy's quantiles by definition."""
    from scipy.stats import chi2

    low, high = limits([(0.25, MeanSquare(3.0, 12))], 0.9)
    assert (low, high) == pytest.approx((0.75 * 12 / chi2.ppf(0.95, 12), 0.75 * 12 / chi2.ppf(0.05, 12)), rel=1e-10)


# -------------------------------------------------------------------------------------------------------- simulation

TRUTH: dict[Sources, float] = {
    ("a",): 1.0,
    ("b",): 0.5,
    ("c",): 0.0,
    ("a", "b"): 0.4,
    ("a", "c"): 0.1,
    ("b", "c"): 0.0,
    ("a", "b", "c"): 0.5,
    (): 0.2,
}


def simulated(runs: int, seed: int) -> tuple[dict[Sources, float], dict[Sources, float], dict[Sources, float]]:
    """Return, by source, how far the mean estimate lies from the truth in standard errors, and both coverages."""
    random = np.random.default_rng(seed)
    total = sum(TRUTH.values())
    raw: dict[Sources, list[float]] = {of: [] for of in TRUTH}
    held: dict[Sources, list[bool]] = {of: [] for of in TRUTH}
    shared: dict[Sources, list[bool]] = {of: [] for of in TRUTH}
    for run in range(runs):
        for of, found in by_source(decompose(drawn((6, 5, 4, 2), TRUTH, random), "abc", seed=run)).items():
            raw[of].append(found.raw)
            held[of].append(found.low <= TRUTH[of] <= found.high)
            shared[of].append(found.share_low <= TRUTH[of] / total <= found.share_high)
    away = {of: (np.mean(raw[of]) - TRUTH[of]) / (np.std(raw[of]) / math.sqrt(runs)) for of in TRUTH}
    return away, *({of: float(np.mean(hits[of])) for of in TRUTH} for hits in (held, shared))


def check(runs: int, seed: int, error: float) -> None:
    away, held, shared = simulated(runs, seed)
    assert max(map(abs, away.values())) < 4, away
    for of, truth in TRUTH.items():
        # A variance of zero is held more often: the lower limit is cut there.
        assert 0.95 - error < held[of] <= (0.95 + error if truth else 1), (of, held)
        assert 0.93 - error < shared[of], (of, shared)


def test_expectation_and_coverage() -> None:
    """Components are unbiased, negative ones kept, and 95 % intervals hold the truth about that often (in small)."""
    check(150, 1, 0.06)


@pytest.mark.slow
def test_expectation_and_coverage_closely() -> None:
    """The same from 4000 designs of 6 × 5 × 4 × 2."""
    check(4000, 2, 0.012)


# --------------------------------------------------------------------------------------------------- equal and extreme


def test_equal_reruns_give_exactly_nothing() -> None:
    """What is equal to the last bit gives a component of exactly zero, whatever its size and number of values."""
    random = np.random.default_rng(3)
    cells = random.normal(1e3, 1 / 3, (5, 4, 3, 1))
    found = by_source(decompose(np.repeat(cells, 3, axis=-1), "abc", seed=1))
    machine = found[()]
    assert (machine.raw, machine.low, machine.high, machine.share, machine.share_high) == (0, 0, 0, 0, 0)
    assert found["a", "b", "c"].raw > 0
    nudged = np.repeat(cells, 3, axis=-1)
    nudged[0, 0, 0, 0] = np.nextafter(nudged[0, 0, 0, 0], np.inf)
    assert by_source(decompose(nudged, "abc", seed=1))[()].raw > 0


def test_a_factor_without_effect_gives_exactly_nothing() -> None:
    """Values that do not depend on a factor have no component of it, not one of rounding."""
    values = np.broadcast_to(np.random.default_rng(4).normal(0.1, 1, (5, 1, 3, 1)), (5, 7, 3, 1))
    found = by_source(decompose(values, "abc", seed=1))
    assert [found[of].mean_square for of in [("b",), ("a", "b"), ("b", "c"), ("a", "b", "c")]] == [0, 0, 0, 0]
    assert found["a", "c"].raw > 0


def test_nothing_varies() -> None:
    """All values equal: all components zero, and no shares of nothing."""
    found = decompose(np.full((3, 4, 2), 0.1), ("a", "b"), seed=1)
    assert (found.total, {component.share for component in found.components}) == (0, {None})
    assert {component.high for component in found.components} == {0}


def test_a_factor_of_one_level_drops_out() -> None:
    """It is as if it had never been named."""
    values = np.random.default_rng(5).normal(size=(4, 1, 3, 2))
    assert decompose(values, "abc", seed=1) == decompose(values[:, 0], "ac", seed=1)
    assert decompose(values, "abc", seed=1).levels == {"a": 4, "c": 3}


def test_the_draws_follow_the_seed() -> None:
    """One seed gives the same bits, another one other intervals of the shares and nothing else."""
    first, again, other = (decompose(HOUF, ("a", "b"), seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.components[0].share_low != other.components[0].share_low
    assert [one.high for one in first.components] == [one.high for one in other.components]


@pytest.mark.parametrize("scale", [1e-140, 1e-3, 1e140])
def test_units_scale(scale: float) -> None:
    """Another unit and another origin change nothing but the unit, even near the ends of double precision."""
    plain, scaled = (decompose(values, ("a", "b"), seed=1) for values in (HOUF, HOUF * scale))
    for one, other in zip(plain.components, scaled.components, strict=True):
        assert other.raw == pytest.approx(one.raw * scale**2, rel=1e-9)
        assert (other.share, other.share_low) == pytest.approx((one.share, one.share_low), rel=1e-9)
        assert other.high == pytest.approx(one.high * scale**2, rel=1e-9)


def test_a_million_values() -> None:
    """Each component of a design of 10⁶ values is near its truth."""
    random = np.random.default_rng(6)
    variances: dict[Sources, float] = {("a",): 1.0, ("a", "b"): 0.5, ("b", "c"): 0.25, (): 0.1}
    found = by_source(decompose(drawn((100, 100, 50, 2), variances, random), "abc", seed=1))
    for of in itertools.chain.from_iterable(itertools.combinations("abc", size) for size in (1, 2, 3)):
        assert found[of].raw == pytest.approx(variances.get(of, 0.0), rel=0.4, abs=2e-3)
    assert found[()].raw == pytest.approx(0.1, rel=0.01)


# ---------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("hole", [math.nan, math.inf, -1e160])
def test_cells_without_a_value_are_named(hole: float) -> None:
    """A design with a hole is not balanced: the cell is named, and what to do."""
    values = HOUF.astype(float)
    values[1, 2, 0] = hole
    with pytest.raises(StatisticsError, match=r"in 1 of 90 places \(part 2, operator 3, value 1\); make these values"):
        decompose(values, ("part", "operator"), seed=1)
    values[3:5, 0] = hole
    with pytest.raises(StatisticsError, match=r"in 7 of 90 places .*; and 4 more\)"):
        decompose(values, ("part", "operator"), seed=1)


@pytest.mark.parametrize(
    ("shape", "factors", "sentence"),
    [
        ((3, 4), ("a", "b"), r"one axis for each factor, all of other names.*shape \(3, 4\) for the factors \(a, b\)"),
        ((3, 4, 1), ("a", "a"), r"for the factors \(a, a\)"),
        ((3,), (), "one axis for each factor"),
        ((3, 0, 2), ("a", "b"), r"found an array of shape \(3, 0, 2\)"),
        ((1, 1, 5), ("a", "b"), r"needs a factor with at least 2 levels, found one level of each \(a, b\)"),
    ],
)
def test_arrays_that_are_no_design(shape: tuple[int, ...], factors: Sources, sentence: str) -> None:
    """Axes must match the factors, and something must vary."""
    with pytest.raises(StatisticsError, match=sentence):
        decompose(np.ones(shape), factors, seed=1)


def test_a_level_is_a_probability() -> None:
    """95 instead of 0.95 is refused."""
    with pytest.raises(StatisticsError, match="lies between 0 and 1, found 95"):
        decompose(HOUF, ("a", "b"), level=95, seed=1)

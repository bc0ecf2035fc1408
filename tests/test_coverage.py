"""How often intervals cover: what theory promises is bounded, everything else has a name and is reported.

Bounds are the promised level and three Monte-Carlo standard errors; seeds are fixed.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from bpbench.errors import StatisticsError
from bpbench.statistics.coverage import CONDITIONS, INTERVALS, Coverage, Data, coverage, truths
from bpbench.statistics.effects import dominance, interquartile_mean, pooled_d, rank_biserial
from bpbench.statistics.intervals import BOOTSTRAPS, COVERED


def _kept(found: dict[str, Coverage], condition: str, level: float = 0.95) -> int:
    """Check the bounded entries of a simulation, and return how many there are."""
    checked = 0
    for key, entry in found.items():
        info = INTERVALS[key]
        if condition in info.under:
            error = 3 * math.sqrt(level * (1 - level) / entry.intervals)
            assert entry.covered >= level - error, key
            assert info.promise == "at least" or entry.covered <= level + error, key
            assert entry.intervals == entry.runs
            checked += 1
    return checked


@pytest.mark.parametrize("n", [5, 30])
def test_what_theory_promises_is_kept(n: int) -> None:
    """Under normal values t, Fieller and the noncentral t cover at their level; the binomial interval at least so."""
    assert _kept(coverage("paired", "normal", n, runs=500, seed=1, resamples=0), "normal") == 5
    assert _kept(coverage("independent", "normal", n, runs=500, seed=2, resamples=0), "normal") == 2


@pytest.mark.parametrize("condition", ["skewed", "heavy"])
def test_the_binomial_interval_needs_no_distribution(condition: str) -> None:
    """It covers at least at its level whatever the values; nothing else is promised here."""
    assert _kept(coverage("paired", condition, 10, runs=400, seed=3, resamples=0), condition) == 1


def test_a_false_promise_would_be_noticed() -> None:
    """The bound fails for the percentile interval of five values, were it promised."""
    found = coverage("paired", "normal", 5, runs=300, seed=4, resamples=199)["paired/difference/percentile"]
    assert found.covered < 0.95 - 3 * math.sqrt(0.95 * 0.05 / 300)


@pytest.mark.parametrize(("data", "entries"), [("paired", 11), ("independent", 6), ("strata", 2)])
def test_what_is_said_beside_bootstrap_intervals_is_so(data: Data, entries: int) -> None:
    """How often each covers for five normal values is what stands beside it, and every one has its entry."""
    found = coverage(data, "normal", 5, runs=300, seed=11, resamples=499)
    known = {key: said for key, said in COVERED.items() if key.startswith(data)}
    assert len(known) == entries
    for key, (five, _) in known.items():
        # three standard errors, of the share said, and what 499 resamples lose beside 999
        assert found[key].covered == pytest.approx(five / 100, abs=0.015 + 3 * math.sqrt(five * (100 - five) / 3e6)), (
            key
        )


def test_every_bootstrap_interval_says_how_often_it_covers() -> None:
    """None is left out of the table, and nothing else stands in it."""
    assert set(COVERED) == {key for key, info in INTERVALS.items() if info.method in BOOTSTRAPS}


@pytest.mark.slow
@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("n", [5, 10, 30])
def test_what_theory_promises_is_kept_at_full_size(condition: str, n: int) -> None:
    """The same for n = 5, 10, 30 in every condition, 4000 data sets each."""
    checked = _kept(coverage("paired", condition, n, runs=4000, seed=5, resamples=0), condition)
    assert checked == (5 if condition == "normal" else 1)
    assert _kept(coverage("independent", condition, n, runs=4000, seed=6, resamples=0), condition) in {0, 2}


def test_every_interval_has_a_name() -> None:
    """The names of simulated intervals are those of the table, no more and no fewer."""
    found = {key for data in ("paired", "independent", "strata") for key in coverage(data, "heavy", 6, runs=6, seed=7)}
    assert found == set(INTERVALS)
    assert all(info.key == key == f"{info.data}/{info.estimate}/{info.method}" for key, info in INTERVALS.items())
    assert all(bool(info.promise) == bool(info.under) for info in INTERVALS.values())


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_truths_are_those_of_very_large_samples(condition: str) -> None:
    """Each integral equals its definition on two hundred thousand drawn values."""
    rng = np.random.default_rng(8)
    n = 200_000
    e, f = (
        {"normal": rng.normal(size=n), "skewed": rng.exponential(size=n) - 1,
         "heavy": rng.standard_t(3, size=n) / math.sqrt(3)}[condition]
        for _ in range(2)
    )  # fmt: skip
    b = 20 + rng.normal(size=n)
    c = b - 0.5 + e
    known = truths("paired", condition)
    drawn = {
        "difference": np.mean(c - b),
        "ratio": c.mean() / b.mean(),
        "d_z": np.mean(c - b) / np.std(c - b),
        "pooled_d": float(pooled_d(c, b)),
        "cliffs_delta": dominance(c, b).delta,
        "rank_biserial": float(rank_biserial(c - b)),
        "improvement": np.mean(c < b),
    }
    assert {name: known[name] for name in drawn} == pytest.approx(drawn, abs=0.02)
    apart = truths("independent", condition)
    assert apart["cliffs_delta"] == pytest.approx(dominance(19.5 + e, 20 + f).delta, abs=0.01)
    assert apart["improvement"] == pytest.approx((1 - apart["cliffs_delta"]) / 2)
    assert truths("strata", condition)["iqm"] == pytest.approx(float(interquartile_mean(20 + e)), abs=0.01)


def test_same_seed_same_rates() -> None:
    """A simulation is decided by its seed."""
    one, again, other = (coverage("strata", "skewed", 5, runs=20, seed=seed, resamples=99) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    for entry in one.values():
        assert entry.covered + entry.below + entry.above == pytest.approx(1)


@pytest.mark.parametrize(
    ("data", "condition", "message"),
    [("pairs", "normal", "no data 'pairs' to simulate; did you mean 'paired'"),
     ("paired", "lumpy", "no condition 'lumpy'; possible are heavy, normal, skewed")],
)  # fmt: skip
def test_unknown_names_are_refused(data: str, condition: str, message: str) -> None:
    """The nearest name is offered."""
    with pytest.raises(StatisticsError, match=message):
        coverage(data, condition, 5, runs=1, seed=1)  # type: ignore[arg-type]

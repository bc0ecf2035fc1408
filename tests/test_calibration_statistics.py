"""Calibration: error rates, power and coverage of the rules, measured on drawn data whose truth is known.

Each bound is the nominal rate plus three Monte-Carlo standard errors. Seeds are fixed, so a failure is a change of the
code and not of the luck; the slow versions repeat the same proofs at a size that would show a few tenths of a percent.
"""

from __future__ import annotations

import gc
import importlib
import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from bpbench.statistics.compare import Pair, Rules, judge
from bpbench.statistics.equivalence import Evidence, two_one_sided, two_sided_p
from bpbench.statistics.power import detectable_dz, sd_for_equivalence
from bpbench.statistics.ranks import signed_rank
from bpbench.statistics.samples import Sample
from bpbench.statistics.student import paired

Array = np.ndarray
ALPHA = 0.05


@pytest.fixture(autouse=True, scope="module")
def _few_objects_to_collect() -> Iterator[None]:
    """Keep thousands of corrections quick: statsmodels' multipletests collects all garbage at every call (50 ms)."""
    importlib.import_module("statsmodels.stats.multitest")  # its own objects are to be frozen too
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


# Scores (variants, n) of variants of one distribution: paired differences are then symmetric about zero.
NOISE: dict[str, Callable[[np.random.Generator, tuple[int, int]], Array]] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "heavy": lambda rng, shape: rng.standard_t(3, size=shape),
    "skewed": lambda rng, shape: rng.lognormal(size=shape),
}


def _error(rate: float, runs: int) -> float:
    """Three Monte-Carlo standard errors."""
    return 3 * math.sqrt(rate * (1 - rate) / runs)


def _family(scores: Array, splits: Array) -> list[Pair]:
    samples = [Sample(row, splits) for row in scores]
    return [Pair(f"v{i}", "v0", samples[i], samples[0]) for i in range(1, len(samples))]


def _family_wise(test: str, noise: str, n: int, runs: int, seed: int) -> float:
    """Share of null families of four against a common baseline in which any member is called better or worse."""
    rng, splits, rules = np.random.default_rng([seed, n]), np.zeros(n, dtype=int), Rules(test, "fixed")
    alarms = 0
    for _ in range(runs):
        shared = rng.normal(size=n)  # what a split or a batch order does to all variants alike
        found = judge(_family(NOISE[noise](rng, (5, n)) + shared, splits), rules)
        alarms += any(comparison.verdict in {"better", "worse"} for comparison in found)
        assert all(comparison.verdict != "equivalent" for comparison in found)
    return alarms / runs


@pytest.mark.parametrize("test", ["paired-t", "wilcoxon", "sign-flip", "mann-whitney"])
@pytest.mark.parametrize("noise", ["normal", "heavy"])
def test_family_wise_error(test: str, noise: str) -> None:
    """Through judge itself, Holm keeps the false alarms of a family of four within alpha (n = 10)."""
    assert _family_wise(test, noise, 10, 600, seed=1) <= ALPHA + _error(ALPHA, 600)


@pytest.mark.slow
@pytest.mark.parametrize("test", ["paired-t", "wilcoxon", "sign-flip", "mann-whitney", "permutation"])
@pytest.mark.parametrize("noise", list(NOISE))
@pytest.mark.parametrize("n", [5, 10, 30])
def test_family_wise_error_at_full_size(test: str, noise: str, n: int) -> None:
    """The same for n = 5, 10, 30 and for normal, heavy-tailed and skewed scores, 1000 families each."""
    assert _family_wise(test, noise, n, 1000, seed=2) <= ALPHA + _error(ALPHA, 1000)


def _rejections(make: Callable[[Array], Evidence], draw: Callable[[], Array], runs: int, level: float) -> float:
    return sum(two_sided_p(make(draw())) <= level for _ in range(runs)) / runs


def _t(differences: Array) -> Evidence:
    splits = np.zeros(differences.size, dtype=int)
    return paired(Sample(differences, splits), Sample(np.zeros(differences.size), splits))


@pytest.mark.parametrize("n", [5, 10, 30])
def test_single_test_error_is_alpha_on_both_sides(n: int) -> None:
    """A single paired t errs at alpha, neither more nor less; the signed-rank test at the largest attainable level."""
    rng, runs = np.random.default_rng(n), 1500
    rate = _rejections(_t, lambda: rng.normal(size=n), runs, ALPHA)
    assert rate == pytest.approx(ALPHA, abs=_error(ALPHA, runs))
    attainable = {5: 0.0, 10: 0.048828125, 30: 0.049}[n]  # P(V extreme) just below 0.05
    rate = _rejections(signed_rank, lambda: np.sort(rng.standard_t(3, size=n)), runs, ALPHA)
    assert rate == pytest.approx(attainable, abs=_error(0.05, runs) if attainable else 0)


def _overlapping(rng: np.random.Generator, repeats: int, points: int = 50, test: int = 10) -> Array:
    """Test errors (2, repeats) of two learners of exactly equal expected loss on redrawn splits of one data set.

    Each learner fits a slope through the origin on its own column of x; the columns are exchangeable.
    """
    x = rng.normal(size=(2, points))
    y = x.sum(0) + rng.normal(size=points)
    tested = rng.random((repeats, points)).argsort(-1).argsort(-1) < test
    scores = np.empty((2, repeats))
    for learner in (0, 1):
        slope = (~tested * (x[learner] * y)).sum(-1) / (~tested * x[learner] ** 2).sum(-1)
        scores[learner] = (tested * (y - slope[:, None] * x[learner]) ** 2).sum(-1) / test
    return scores


def _resampled_alarms(runs: int, repeats: int, seed: int) -> tuple[float, float]:
    """Return the false alarms of the Nadeau-Bengio test and of a plain t that was told the repeats share one split."""
    rng = np.random.default_rng([seed, repeats])
    corrected = Rules("nadeau-bengio", "resampled", test_to_train=10 / 40)
    plain = Rules("paired-t", "fixed")
    alarms = [0, 0]
    for _ in range(runs):
        scores = _overlapping(rng, repeats)
        alarms[0] += judge(_family(scores, np.arange(repeats)), corrected)[0].significant
        alarms[1] += judge(_family(scores, np.zeros(repeats, dtype=int)), plain)[0].significant
    return alarms[0] / runs, alarms[1] / runs


def test_overlapping_splits_need_the_corrected_test() -> None:
    """On 400 independent data sets with 10 redrawn splits each, Nadeau-Bengio stays near alpha, a plain t far above."""
    corrected, plain = _resampled_alarms(400, 10, seed=3)
    assert corrected <= ALPHA + _error(ALPHA, 400)
    assert plain > 0.2


@pytest.mark.slow
@pytest.mark.parametrize("repeats", [5, 10, 30])
def test_overlapping_splits_at_full_size(repeats: int) -> None:
    """The same for 5, 10 and 30 repeats on 3000 data sets each; the plain t grows worse with every repeat added."""
    corrected, plain = _resampled_alarms(3000, repeats, seed=4)
    # the correction is a heuristic: one percent is granted beyond the Monte-Carlo error
    assert corrected <= ALPHA + 0.01 + _error(ALPHA, 3000)
    assert plain > {5: 0.1, 10: 0.2, 30: 0.45}[repeats]


@pytest.mark.parametrize("n", [5, 10, 30])
def test_equivalence_at_the_margin_errs_at_most_at_alpha(n: int) -> None:
    """With the true difference on the margin, equivalence is concluded in at most alpha of 1500 samples."""
    rng, runs, margin = np.random.default_rng([7, n]), 1500, 0.8
    concluded = {"t": 0, "ranks": 0}
    for _ in range(runs):
        d = np.sort(rng.normal(margin, 0.4, n))
        concluded["t"] += two_one_sided(_t(d), margin, ALPHA).p <= ALPHA
        concluded["ranks"] += two_one_sided(signed_rank(d), margin, ALPHA).p <= ALPHA
    assert max(concluded.values()) / runs <= ALPHA + _error(ALPHA, runs)
    assert concluded["t"] / runs >= ALPHA - _error(ALPHA, runs)  # the far margin hardly matters: no power is given away


@pytest.mark.parametrize("n", [5, 10, 30])
def test_power_is_what_theory_says(n: int) -> None:
    """At the detectable d_z the t test rejects in 80 % of samples; at the largest spread TOST concludes in 80 %."""
    rng, runs = np.random.default_rng([8, n]), 1500
    dz = detectable_dz(n, alpha=ALPHA / 4, power=0.8)
    rate = _rejections(_t, lambda: rng.normal(dz, 1, n), runs, ALPHA / 4)
    assert rate == pytest.approx(0.8, abs=_error(0.8, runs))
    sd = sd_for_equivalence(n, 1.0, ALPHA, 0.8)
    rate = sum(two_one_sided(_t(rng.normal(0, sd, n)), 1.0, ALPHA).p <= ALPHA for _ in range(runs)) / runs
    assert rate == pytest.approx(0.8, abs=_error(0.8, runs))


@pytest.mark.parametrize("n", [6, 10, 30])
def test_intervals_cover_the_truth(n: int) -> None:
    """The 95 % t interval covers 95 % on normal data, the rank interval at least that on heavy-tailed data."""
    rng, runs = np.random.default_rng([9, n]), 1000
    covered = {"t": 0, "ranks": 0}
    for _ in range(runs):
        low, high = _t(rng.normal(0.3, 1, n)).interval(0.95) or (math.nan, math.nan)
        covered["t"] += low <= 0.3 <= high
        low, high = signed_rank(np.sort(0.3 + rng.standard_t(3, n))).interval(0.95) or (math.nan, math.nan)
        covered["ranks"] += low <= 0.3 <= high
    assert covered["t"] / runs == pytest.approx(0.95, abs=_error(0.95, runs))
    assert covered["ranks"] / runs >= 0.95 - _error(0.95, runs)

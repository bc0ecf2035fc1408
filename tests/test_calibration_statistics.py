"""Calibration: error rates, power and coverage of the rules, measured on drawn data whose truth is known.

Each bound is the nominal rate plus three Monte-Carlo standard errors. Seeds are fixed, so a failure is a change of the
code and not of the luck; the slow versions repeat the same proofs at a size that would show a few tenths of a percent.
The simulations are those of ``bpbench doctor --calibrate``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from bpbench.calibration import effects, nulls
from bpbench.calibration.effects import Truth
from bpbench.statistics.compare import Rules
from bpbench.statistics.equivalence import Evidence, two_sided_p
from bpbench.statistics.margins import Margin
from bpbench.statistics.permutation import permutation
from bpbench.statistics.power import detectable_dz, sd_for_equivalence
from bpbench.statistics.ranks import signed_rank
from bpbench.statistics.samples import Sample
from bpbench.statistics.student import paired

Array = np.ndarray
ALPHA = 0.05


def _error(rate: float, runs: int) -> float:
    """Three Monte-Carlo standard errors."""
    return 3 * math.sqrt(rate * (1 - rate) / runs)


def _family_wise(test: str, noise: str, n: int, runs: int, seed: int) -> float:
    """Share of null families of four against a common baseline in which any member is significant."""
    rules = (Rules(test, "fixed"),)
    rng = np.random.default_rng([seed, n])
    return nulls.alarms(rng, runs, rules=rules, noise=noise, n=n, rows=5, shape="common")[0] / runs


@pytest.mark.parametrize("test", ["paired-t", "wilcoxon", "sign-flip", "mann-whitney"])
@pytest.mark.parametrize("noise", ["normal", "heavy tails"])
def test_family_wise_error(test: str, noise: str) -> None:
    """Through judge itself, Holm keeps the false alarms of a family of four within alpha (n = 10)."""
    assert _family_wise(test, noise, 10, 400, seed=1) <= ALPHA + _error(ALPHA, 400)


@pytest.mark.slow
@pytest.mark.parametrize("test", ["paired-t", "wilcoxon", "sign-flip", "mann-whitney"])
@pytest.mark.parametrize("noise", list(nulls.NOISES))
@pytest.mark.parametrize("n", [5, 10, 30])
def test_family_wise_error_at_full_size(test: str, noise: str, n: int) -> None:
    """The same for n = 5, 10, 30 and for normal, heavy-tailed and skewed scores, 1000 families each."""
    assert _family_wise(test, noise, n, 1000, seed=2) <= ALPHA + _error(ALPHA, 1000)


def test_without_a_correction_a_family_errs_too_often() -> None:
    """The same simulation sees four tests at alpha each, as one big family at four times alpha would judge them."""
    rules = (Rules("paired-t", "fixed", "bonferroni", alpha=4 * ALPHA), Rules("paired-t", "fixed", "bonferroni"))
    rng = np.random.default_rng(5)
    uncorrected, corrected = nulls.alarms(rng, 600, rules=rules, noise="normal", n=10, rows=8, shape="separate")
    assert uncorrected / 600 == pytest.approx(1 - (1 - ALPHA) ** 4, abs=_error(0.185, 600))
    assert corrected / 600 == pytest.approx(1 - (1 - ALPHA / 4) ** 4, abs=_error(ALPHA, 600))


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


@pytest.mark.parametrize(("n", "m"), [(5, 5), (4, 8)])
@pytest.mark.parametrize("noise", list(nulls.NOISES))
def test_labels_of_exchangeable_samples(noise: str, n: int, m: int) -> None:
    """A label permutation test of two samples of one distribution errs in at most alpha, whatever its shape."""
    rng, runs = np.random.default_rng([n, m]), 1000
    alarms = 0
    for _ in range(runs):
        values = nulls.NOISES[noise](rng, (1, n + m))[0]
        alarms += two_sided_p(permutation(values[:n], values[n:], rng)) <= ALPHA
    assert alarms / runs <= ALPHA + _error(ALPHA, runs)


@pytest.mark.parametrize("test", ["wilcoxon", "sign-flip", "mann-whitney"])
def test_ties_cost_no_alarms(test: str) -> None:
    """Of rounded scores one difference in seven is zero; tests by ranks and by redrawing keep to alpha."""
    rng = np.random.default_rng(9)
    differences = np.diff(nulls.scores(rng, nulls.TIED, 2, 4000), axis=0)[0]
    assert np.mean(differences == 0) == pytest.approx(0.14, abs=0.03)
    assert np.unique(differences).size < 30
    count = nulls.alarms(rng, 400, rules=(Rules(test, "fixed"),), noise=nulls.TIED, n=10, rows=2, shape="common")[0]
    assert count / 400 <= ALPHA + _error(ALPHA, 400)


def test_asymmetric_differences_make_a_t_test_err() -> None:
    """On exponential differences of mean zero a paired t of few repeats errs at about 10 %, and nothing bounds it."""
    rules, rng = (Rules("paired-t", "fixed"),), np.random.default_rng(6)
    count = nulls.alarms(rng, 1500, rules=rules, noise=nulls.ASYMMETRIC, n=10, rows=2, shape="common")[0]
    assert 0.07 <= count / 1500 <= 0.12


def test_the_corrected_test_is_exact_on_what_it_supposes() -> None:
    """Where all differences are equally correlated, Nadeau-Bengio errs at alpha and a plain t far above it."""
    assert nulls.model_alarms(np.random.default_rng(7), 1500, repeats=10, ratio=1 / 3)[0] / 1500 == pytest.approx(
        ALPHA, abs=_error(ALPHA, 1500)
    )
    rng = np.random.default_rng(8)
    drawn = np.stack([np.diff(nulls.equal_correlation(rng, 10, ratio=1 / 3), axis=0)[0] for _ in range(4000)])
    correlation = np.corrcoef(drawn.T)[np.triu_indices(10, 1)]
    assert correlation.mean() == pytest.approx(0.25, abs=0.03)  # n_test/(n_test + n_train)


def _resampled_alarms(runs: int, repeats: int, seed: int) -> tuple[float, float]:
    """Return the false alarms of the Nadeau-Bengio test and of a plain t that was told the repeats share one split."""
    corrected, plain = nulls.overlap_alarms(np.random.default_rng([seed, repeats]), runs, repeats=repeats)
    return corrected / runs, plain / runs


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
    """With the true difference on the margin, equivalence is concluded in at most alpha of the samples."""
    truth = Truth(n, 0.8, 0.4)
    for test, runs in (("paired-t", 1000), ("wilcoxon", 300)):
        rules, rng = Rules(test, "fixed", margin=Margin(0.8)), np.random.default_rng([7, n])
        rate = effects.equivalent(rng, runs, rules=rules, truth=truth)[0] / runs
        assert rate <= ALPHA + _error(ALPHA, runs)
        if test == "paired-t":
            assert rate >= ALPHA - _error(ALPHA, runs)  # the far margin hardly matters: no power is given away


@pytest.mark.parametrize("test", ["paired-t", "nadeau-bengio"])
@pytest.mark.parametrize("n", [5, 10, 30])
def test_power_is_what_theory_says(test: str, n: int) -> None:
    """At the detectable d_z the t test rejects in 80 % of samples; at the largest spread TOST concludes in 80 %."""
    rng, runs, ratio = np.random.default_rng([8, n]), 800, None if test == "paired-t" else 0.25
    design = "fixed" if ratio is None else "resampled"
    dz = detectable_dz(n, alpha=ALPHA / 4, power=0.8, test_to_train=ratio)
    rules = Rules(test, design, alpha=ALPHA / 4, test_to_train=ratio)
    rate = effects.significant(rng, runs, rules=rules, truth=Truth(n, dz, 1.0))[0] / runs
    assert rate == pytest.approx(0.8, abs=_error(0.8, runs))
    sd = sd_for_equivalence(n, 1.0, ALPHA, 0.8, test_to_train=ratio)
    rules = Rules(test, design, margin=Margin(1.0), test_to_train=ratio)
    rate = effects.equivalent(rng, runs, rules=rules, truth=Truth(n, 0.0, sd))[0] / runs
    assert rate == pytest.approx(0.8, abs=_error(0.8, runs))


@pytest.mark.parametrize("n", [6, 10, 30])
def test_intervals_cover_the_truth(n: int) -> None:
    """The 95 % t interval covers 95 % on normal data, the rank interval at least that on heavy-tailed data."""
    rng, runs = np.random.default_rng([9, n]), 600
    rate = effects.covered(rng, runs, rules=Rules("paired-t", "fixed"), truth=Truth(n, 0.3, 1.0))[0] / runs
    assert rate == pytest.approx(0.95, abs=_error(0.95, runs))
    truth = Truth(n, 0.3, 1.0, "heavy tails")
    rate = effects.covered(rng, runs, rules=Rules("wilcoxon", "fixed"), truth=truth)[0] / runs
    assert rate >= 0.95 - _error(0.95, runs)

"""Posteriors of a pair: against baycomp, the tutorial of its authors, grids, brute force and p-values of tests."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from bpbench.errors import StatisticsError
from bpbench.statistics import bayes
from bpbench.statistics.bayes import Posterior, correlated_t, sign, signed_rank
from bpbench.statistics.designs import require_allowed
from bpbench.statistics.samples import Sample
from bpbench.statistics.student import paired

# Accuracies in per cent that ship with baycomp (docs/code/accuracies.txt, ten runs of ten folds): j48 minus nbc, the
# means over 100 folds of 54 data sets.
J48_NBC = np.array(
    [2.696, 5.826, -6.142, -0.488, 7.333, 0.072, 0.072, -1.66, 11.395, -2.87, 0.377, -10.463, -0.521, 0.0, -5.117,
     -3.844, 0.875, 0.713, 0.267, 11.646, -1.8, 0.0, -8.729, 1.428, 23.166, 2.528, 4.239, 6.882, -13.577, 3.23, -7.25,
     0.896, -0.937, 1.667, -6.19, 2.996, 3.361, 3.357, 4.027, -2.036, 0.439, 3.025, 1.84, -1.251, 4.467, 15.6, 0.462,
     17.748, -5.096, -3.976, -7.977, -2.16, -0.539, -1.373]
)  # fmt: skip
# From the same file, nbc minus aode on one data set: value and how many of the 100 folds have it.
ANNEAL = {
    -6.742: 1, -6.667: 2, -5.618: 1, -5.556: 1, -5.555: 1, -4.494: 2, -4.445: 3, -3.371: 2, -3.37: 1, -3.334: 2,
    -3.333: 6, -2.247: 6, -2.223: 5, -2.222: 15, -1.124: 3, -1.123: 1, -1.112: 2, -1.111: 30, 0.0: 16,
}  # fmt: skip
AUDIOLOGY = {-4.545: 2, -4.348: 7, 0.0: 88, 4.347: 1, 4.545: 2}


def _folds(counts: dict[float, int]) -> np.ndarray:
    return np.repeat(list(counts), list(counts.values())) / 100


def _three(found: Posterior) -> tuple[float, float | None, float]:
    return found.better, found.equal, found.worse


# ------------------------------------------------------------------------------------------------ strangers' numbers


@pytest.mark.parametrize(
    ("folds", "printed"),
    [
        (ANNEAL, (3.0353909763469744e-07, 0.04570306097263277, 0.9542966354882696)),
        (AUDIOLOGY, (0.009348057821063849, 0.9085092663989454, 0.08214267577999079)),
    ],
)
def test_the_correlated_t_of_the_tutorial(folds: dict[float, int], printed: tuple[float, float, float]) -> None:
    """BayesianTestsML/tutorial, notebook "Correlated t-test", rope 0.01, 10 x 10 folds, r = 1/10 and so ρ = 1/9.

    Their differences are nbc - aode or its negative; the accuracies here have three decimals of a per cent.
    """
    found = correlated_t(_folds(folds), margin=0.01, lower_is_better=False, test_to_train=1 / 9)
    assert _three(found) == pytest.approx(printed, abs=3e-4)
    assert found.better == pytest.approx(printed[0], rel=0.006)
    assert (found.draws, found.error) == (None, None)


def test_the_signed_rank_posterior_of_baycomp() -> None:
    """README of baycomp: SignedRankTest.probs(nbc, j48, rope=1) prints (0.23124, 0.00666, 0.7621), of 50 000 draws."""
    found = signed_rank(J48_NBC, margin=1.0, lower_is_better=False, seed=1)
    assert (found.worse, found.equal, found.better) == pytest.approx((0.23124, 0.00666, 0.7621), abs=0.008)
    assert found.equal == pytest.approx(0.00666, abs=0.0016)
    assert found.draws == 50_000
    assert found.error == pytest.approx(math.sqrt(0.7621 * 0.2379 / 50_000), rel=0.02)


def test_the_sign_posterior_of_baycomp() -> None:
    """Docs and README of baycomp print two results of SignTest.probs(nbc, j48, rope=1), both of draws."""
    found = sign(J48_NBC, margin=1.0, lower_is_better=False)
    for printed in ((0.26344, 0.13722, 0.59934), (0.26508, 0.13274, 0.60218)):
        assert (found.worse, found.equal, found.better) == pytest.approx(printed, abs=0.007)


# --------------------------------------------------------------------------------------------- by their definitions


@pytest.mark.parametrize("test_to_train", [0.0, 0.25])
def test_posterior_and_p_are_one_number(test_to_train: float) -> None:
    """Without a margin P(worse) is the one-sided p of "not better", plain (scipy) and Nadeau-Bengio."""
    rng = np.random.default_rng(1)
    for n in (2, 5, 30):
        d = rng.normal(-0.3, 1, n)
        found = correlated_t(d, margin=None, test_to_train=test_to_train)
        zeros = np.zeros(n, int)
        evidence = paired(Sample(d, zeros), Sample(np.zeros(n), zeros), test_to_train=test_to_train)
        assert found.worse == pytest.approx(evidence.p_less(), rel=1e-12)
        assert (found.equal, found.better) == (None, pytest.approx(1 - found.worse))
        if not test_to_train:
            assert found.worse == pytest.approx(stats.ttest_1samp(d, 0, alternative="less").pvalue, rel=1e-10)


def test_the_flat_prior_gives_the_t_posterior() -> None:
    """The probabilities by integrating the likelihood over μ and log σ on a grid, five differences."""
    d, margin = np.array([-0.9, -0.2, -0.4, 0.3, -0.6]), 0.25
    mu = np.linspace(-12, 12, 4001)[:, None]
    log_sigma = np.linspace(-5, 6, 1201)[None, :]
    squares = np.sum((d - d.mean()) ** 2) + d.size * (d.mean() - mu) ** 2
    weight = np.exp(-d.size * log_sigma - squares / (2 * np.exp(2 * log_sigma))).sum(axis=1)
    weight /= weight.sum()
    better, worse = (float(weight[mask[:, 0]].sum()) for mask in (mu < -margin, mu > margin))
    found = correlated_t(d, margin=margin)
    assert _three(found) == pytest.approx((better, 1 - better - worse, worse), abs=3e-3)


@pytest.mark.parametrize("counts", [(6, 3, 1), (0, 9, 1), (2, 0, 8), (40, 30, 30), (0, 0, 7)])
def test_the_sign_posterior_is_a_dirichlet_distribution(counts: tuple[int, int, int]) -> None:
    """The integrals equal 200 000 draws of Dirichlet(better, equal + 1, worse)."""
    d = np.repeat([-1.0, 0.05, 1.0], counts)
    alpha = np.add(counts, [0.0, 1.0, 0.0])
    draws = np.random.default_rng(0).dirichlet(alpha + 1e-9, 200_000)
    shares = np.bincount(draws.argmax(axis=1), minlength=3) / 200_000
    assert _three(sign(d, margin=0.1)) == pytest.approx(tuple(shares), abs=0.005)


def test_the_sign_posterior_without_a_margin() -> None:
    """Half of the prior on either side: P(Beta(n_better + 1/2, n_worse + 1/2) > 1/2), zeros half and half."""
    d = np.array([-1.0, -2.0, -0.5, 0.7, 0.0])
    found = sign(d, margin=None)
    assert found.better == pytest.approx(stats.beta.sf(0.5, 4.0, 2.0), rel=1e-12)
    assert found.better + found.worse == pytest.approx(1)
    assert found.equal is None


def _by_pairs(d: np.ndarray, margin: float, draws: int) -> tuple[float, float, float]:
    """Return the signed-rank posterior by its definition: every pair of every draw (for a loss)."""
    z = np.append(0.0, d)
    sums = z[:, None] + z
    weights = np.random.default_rng(9).dirichlet([0.5] + [1.0] * d.size, draws)
    half = [(sums < -2 * margin) + (sums == -2 * margin) / 2, (sums > 2 * margin) + (sums == 2 * margin) / 2]
    better, worse = (np.einsum("bi,ij,bj->b", weights, region, weights) for region in half)
    shares = np.stack([better, 1 - better - worse, worse], axis=1)
    won = np.bincount(shares.argmax(axis=1), minlength=3) / draws
    return tuple(won.tolist())


@pytest.mark.parametrize("margin", [0.1, 0.5, 1.0])
def test_the_signed_rank_posterior_by_all_pairs(margin: float) -> None:
    """Sorted weights and running sums give what all pairs give, also with sums exactly on the limit."""
    rng = np.random.default_rng(3)
    for d in (rng.normal(-0.3, 1, 9), rng.integers(-3, 3, 12) / 2):
        found = signed_rank(d, margin=margin, seed=4, draws=20_000)
        assert _three(found) == pytest.approx(_by_pairs(d, margin, 20_000), abs=0.02)


def test_signed_rank_without_a_margin() -> None:
    """A symmetric sample is as likely better as worse; a shifted one follows its pairs; the two sum to one."""
    even = signed_rank(np.array([-2.0, -1.0, 1.0, 2.0]), margin=None, seed=0)
    assert even.better == pytest.approx(0.5, abs=0.01)
    d = np.random.default_rng(0).normal(-0.4, 1, 10)
    found = signed_rank(d, margin=None, seed=0)
    better, _, worse = _by_pairs(d, 0.0, 20_000)
    assert (found.better, found.equal, found.worse) == (
        pytest.approx(better, abs=0.02),
        None,
        pytest.approx(worse, abs=0.02),
    )
    assert found.better + found.worse == 1


def test_same_seed_same_bits() -> None:
    """The draws depend on the seed alone, not on how many are made at once; more draws, less error."""
    found = signed_rank(J48_NBC, margin=1.0, seed=5, draws=5000)
    assert signed_rank(J48_NBC, margin=1.0, seed=5, draws=5000) == found
    assert signed_rank(J48_NBC, margin=1.0, seed=6, draws=5000) != found
    assert found.error is not None
    assert found.error > (signed_rank(J48_NBC, margin=1.0, seed=5).error or 0)
    json.dumps(dataclasses.asdict(found), allow_nan=False)


def test_a_flat_prior_is_calibrated() -> None:
    """Of 2000 pairs without a difference, P(better) > 95 % in 5 %, and is uniform (Kolmogorov-Smirnov)."""
    rng, runs = np.random.default_rng(8), 2000
    better = [correlated_t(rng.normal(size=6), margin=None).better for _ in range(runs)]
    assert np.mean(np.array(better) > 0.95) == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / runs))
    assert stats.kstest(better, "uniform").pvalue > 0.01


@pytest.mark.parametrize("model", [correlated_t, sign, lambda d, **keys: signed_rank(d, seed=1, **keys)])
def test_directions(model: Callable[..., Posterior]) -> None:
    """Turning the metric round, or exchanging the two variants, exchanges better and worse."""
    d = np.random.default_rng(2).normal(0.5, 1, 12)
    one = model(d, margin=0.2)
    for other in (model(d, margin=0.2, lower_is_better=False), model(-d, margin=0.2)):
        assert _three(other)[::-1] == pytest.approx(_three(one), abs=0.01)
    assert one.worse > one.better
    assert one.equal is not None
    assert one.better + one.equal + one.worse == pytest.approx(1)


# --------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("value", "margin", "expected"),
    [
        (-0.5, 0.2, (1, 0, 0)),
        (0.1, 0.2, (0, 1, 0)),
        (0.5, 0.2, (0, 0, 1)),
        (0.5, None, (0, None, 1)),
        (0.0, None, (0.5, None, 0.5)),
        (0.0, 0.2, (0, 1, 0)),
    ],
)
def test_differences_without_spread(value: float, margin: float | None, expected: tuple[float, ...]) -> None:
    """Where no difference varies, all probability lies where it lies (as in baycomp)."""
    assert _three(correlated_t(np.full(7, value), margin=margin)) == expected


def test_all_zero() -> None:
    """Differences of zero alone: even odds without a margin, practically equal with one."""
    zeros = np.zeros(6)
    assert _three(signed_rank(zeros, margin=None, seed=0)) == (0.5, None, 0.5)
    assert _three(signed_rank(zeros, margin=0.1, seed=0)) == (0, 1, 0)
    assert _three(sign(zeros, margin=None)) == (0.5, None, 0.5)
    assert _three(sign(zeros, margin=0.1)) == pytest.approx((0, 1, 0), abs=1e-9)


def test_many_differences_draw_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """20 000 differences: fewer draws, told with their error; the sign posterior is integrated all the same."""
    monkeypatch.setattr(bayes, "_WEIGHTS", 8_000_000)
    d = np.random.default_rng(0).normal(-0.01, 1, 20_000)
    found = signed_rank(d, margin=None, seed=0)
    assert found.draws == 8_000_000 // 20_001
    assert found.error is not None
    assert found.error <= 0.5 / math.sqrt(found.draws)
    assert sign(d, margin=0.5).worse < sign(d, margin=0.5).better < 1


@pytest.mark.slow
def test_a_million_differences() -> None:
    """A million differences of mean -0.005 are surely better by pairs, with 200 draws in bounded memory."""
    d = np.random.default_rng(0).normal(-0.005, 1, 1_000_000)
    found = signed_rank(d, margin=None, seed=0)
    assert (found.draws, found.better) == (200, 1.0)
    assert correlated_t(d, margin=None).better > 0.999


REFUSED = [
    (lambda: correlated_t(np.array([1.0]), margin=None), r"at least 2 differences, found shape \(1,\)"),
    (lambda: sign(np.ones((2, 2)), margin=None), r"found shape \(2, 2\)"),
    (lambda: sign(np.array([1.0, math.nan]), margin=None), "found nan in place 2 of 2; leave out repeats"),
    (lambda: signed_rank(np.array([-math.inf, 1.0]), margin=None, seed=0), "found -inf in place 1 of 2"),
    (lambda: correlated_t(np.array([0.0, 1.0]), margin=0.0), "A margin is a positive number .* found 0.0"),
    (lambda: correlated_t(np.array([0.0, 1.0]), margin=math.nan), "A margin is a positive number .* found nan"),
    (lambda: correlated_t(np.array([0.0, 1.0]), margin=None, test_to_train=-0.1), "not negative, found -0.1"),
    (lambda: signed_rank(np.array([0.0, 1.0]), margin=None, seed=0, draws=0), "at least one draw, found 0"),
    (
        lambda: require_allowed("sign", "resampled", "posterior"),
        "The posterior 'sign' is not allowed in a resampled design: .*'correlated-t'",
    ),
    (lambda: require_allowed("signed-rank", "resampled", "posterior"), "would be far too narrow"),
    (lambda: require_allowed("signed", "fixed", "posterior"), "There is no posterior 'signed'; did you mean 'sign'"),
    (lambda: require_allowed("sign", "fixd", "posterior"), "There is no design 'fixd'; did you mean 'fixed'"),
]


@pytest.mark.parametrize(("call", "sentence"), REFUSED)
def test_what_has_no_posterior_is_refused(call: Callable[[], object], sentence: str) -> None:
    """Each refusal says what was expected and what was found."""
    with pytest.raises(StatisticsError, match=sentence):
        call()


def test_allowed_designs() -> None:
    """The correlated t is allowed everywhere, the others where repeats are independent."""
    for model in bayes.POSTERIORS:
        for design in ("fixed", "crossed"):
            require_allowed(model, design, "posterior")
    require_allowed("correlated-t", "resampled", "posterior")

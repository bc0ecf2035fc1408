"""Scores of random draws by size: numpy's and scipy's numbers, and how often sizes that are alike are told apart."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from bpbench.errors import StatisticsError
from bpbench.statistics.by_size import by_size

RNG = np.random.default_rng(6)
DRAWN = {
    6: RNG.normal(5.0, 1.0, 12),
    2: RNG.normal(9.0, 2.0, 10),
    12: RNG.normal(4.9, 0.5, 15),
    22: RNG.normal(3, 1, 9),
}
SIZES = [size for size, values in DRAWN.items() for _ in values]
SCORES = np.concatenate(list(DRAWN.values()))


def test_what_a_size_gives() -> None:
    """Mean, spread, quartiles and Student's interval of the mean are numpy's and scipy's, by rising size."""
    found = by_size(SIZES, SCORES, alpha=0.1)
    assert [one.size for one in found.sizes] == [2, 6, 12, 22]
    for one in found.sizes:
        values = DRAWN[one.size]
        assert (one.draws, one.failed) == (values.size, 0)
        assert (one.mean, one.sd) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
        five = (one.minimum, one.lower_quartile, one.median, one.upper_quartile, one.maximum)
        assert five == pytest.approx(np.percentile(values, [0, 25, 50, 75, 100]))
        low, high = stats.t.interval(0.9, values.size - 1, np.mean(values), stats.sem(values))
        assert (one.low, one.high) == pytest.approx((low, high))


@pytest.mark.parametrize(("against", "others"), [("next", [6, 12, 22]), ("largest", [22, 22, 22])])
@pytest.mark.parametrize("correction", ["holm", "bonferroni"])
def test_which_sizes_differ(against: str, others: list[int], correction: str) -> None:
    """Each comparison is scipy's ttest_ind of unequal variances, corrected over all of them by statsmodels."""
    found = by_size(SIZES, SCORES, against=against, correction=correction).comparisons
    assert [(one.candidate, one.baseline) for one in found] == [
        (str(size), str(other)) for size, other in zip([2, 6, 12], others, strict=True)
    ]
    tests = [
        stats.ttest_ind(DRAWN[size], DRAWN[other], equal_var=False)
        for size, other in zip([2, 6, 12], others, strict=True)
    ]
    assert [one.p for one in found] == pytest.approx([test.pvalue for test in tests])
    adjusted = multipletests([test.pvalue for test in tests], method=correction)[1]
    assert [one.p_adjusted for one in found] == pytest.approx(adjusted)
    assert [one.difference for one in found] == pytest.approx(
        [DRAWN[size].mean() - DRAWN[other].mean() for size, other in zip([2, 6, 12], others, strict=True)]
    )
    for one, test, p in zip(found, tests, adjusted, strict=True):
        side = "worse" if test.statistic > 0 else "better"
        assert one.verdict == (side if p <= 0.05 else "undecided")


def test_directions() -> None:
    """Where higher is better, the same numbers turn the verdict."""
    down, up = (by_size(SIZES, SCORES, lower_is_better=lower).comparisons[0].verdict for lower in (True, False))
    assert (down, up) == ("worse", "better")


def test_failed_draws() -> None:
    """They are counted and left out; their size is never called better, and one without a score counts all the same."""
    sizes = [2] * 4 + [6] * 5 + [12] * 3 + [22]
    scores = [1.0, 1.1, 0.9, math.nan, 9.0, 9.1, 9.2, 8.9, 9.05, math.inf, math.nan, math.nan, 1.0]
    found = by_size(sizes, np.array(scores))
    first, _, third, last = found.sizes
    assert (first.draws, first.failed, first.mean) == (3, 1, pytest.approx(1.0))
    assert (third.draws, third.failed, third.mean, third.low, third.maximum) == (0, 3, None, None, None)
    assert (last.draws, last.sd, last.low, last.median) == (1, None, None, 1.0)
    one, two, _ = found.comparisons
    assert one.p is not None
    assert one.p_adjusted == pytest.approx(3 * one.p)
    assert one.significant
    assert one.verdict == "undecided"
    assert any("1 repeat of '2' diverged" in remark for remark in one.remarks)
    assert (two.p, two.verdict) == (None, "undecided")
    upward = by_size([1, 1, 2, 2], np.array([-math.inf, 1.0, 2.0, 3.0]), lower_is_better=False)
    assert upward.sizes[0].failed == 1


def test_draws_without_spread() -> None:
    """Draws that score alike have no interval, and a single size has no comparison."""
    found = by_size([3, 3, 3], np.full(3, 0.1))
    assert (found.sizes[0].sd, found.sizes[0].low, found.comparisons) == (pytest.approx(0, abs=1e-15), None, ())


def test_sizes_that_are_alike() -> None:
    """If size does not matter, any two are told apart in at most 5 % of all studies, whatever their spreads."""
    rng = np.random.default_rng(8)
    sizes = np.repeat([2, 6, 12, 22], [10, 8, 8, 6])
    spreads = np.repeat([3.0, 2.0, 1.0, 0.5], [10, 8, 8, 6])
    runs = 100
    wrong = sum(
        any(one.significant for one in by_size(sizes.tolist(), rng.normal(0, spreads), against="largest").comparisons)
        for _ in range(runs)
    )
    assert wrong / runs <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / runs)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: by_size([1, 2], np.ones(3)), r"one score for each draw .* found 2 sizes and scores of shape \(3,\)"),
        (lambda: by_size([], np.ones(0)), r"at least one draw, found 0 sizes and scores of shape \(0,\)"),
        (lambda: by_size([0, 1], np.ones(2)), "The size of a draw is 1 or more, found 0"),
        (lambda: by_size([1, 2], np.array([1, -math.inf])), "NaN for failed draws; found -inf in place 2 of 2"),
        (lambda: by_size([1, 2], np.array([1e200, 1])), r"at most 1e\+150, .* found 1e\+200 in place 1 of 2"),
        (
            lambda: by_size([1, 2], np.ones(2), against="largst"),
            "Sizes are not compared against 'largst'; did you mean 'largest'",
        ),
        (lambda: by_size([1, 2], np.ones(2), correction="max-t"), "goes with the test 'sign-flip' alone, found 'wel"),
        (lambda: by_size([1, 2], np.ones(2), alpha=0.7), r"alpha must lie between 0 and 0\.5, found 0\.7"),
    ],
)
def test_what_cannot_be_grouped_is_refused(call: Callable[[], object], sentence: str) -> None:
    """Each refusal says what was expected and what was found."""
    with pytest.raises(StatisticsError, match=sentence):
        call()

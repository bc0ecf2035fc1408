"""Races: Conover's own numbers, scipy, slow twins, and what races stop when nothing, or everything, differs."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from bpbench.errors import StatisticsError
from bpbench.statistics.racing import RULES, Rung, conover_difference, friedman_stop, halved, halving_stop, schedule

# Conover (1999), data of the book: 12 homeowners rank four grasses. R, agricolae, data(grass):
#   friedman(judge, trt, evaluation, console = TRUE)
#   Sum of the ranks 38.0 23.5 24.5 34.0; Adjusted for ties: Critical Value 8.097345, P.Value Chisq 0.04404214,
#   F Value 3.192198; Alpha 0.05, DF Error 33, t-Student 2.034515, LSD 11.48168; groups t1 a, t4 ab, t3 b, t2 b
GRASS = np.array(
    [[4, 3, 2, 1], [4, 2, 3, 1], [3, 1.5, 1.5, 4], [3, 1, 2, 4], [4, 2, 1, 3], [2, 2, 2, 4], [1, 3, 2, 4], [2, 4, 1, 3],
     [3.5, 1, 2, 3.5], [4, 1, 3, 2], [4, 2, 3, 1], [3.5, 1, 2, 3.5]]
)  # fmt: skip
NAN = math.nan


# -------------------------------------------------------------------------------------------------- Friedman's race


def test_the_grasses_of_conover() -> None:
    """χ², the critical difference and what lies beyond it from the best (t2 is not told from t3 and t4) are R's."""
    found = friedman_stop(GRASS, 0.05)
    assert found.chi2 == pytest.approx(8.097345, abs=5e-7)
    assert found.critical_difference == pytest.approx(11.48168, abs=5e-6)
    assert np.array(found.mean_ranks) * 12 == pytest.approx([38, 23.5, 24.5, 34])
    assert found.p == pytest.approx(0.0440, abs=0.006)
    assert found.stopped == (True, False, False, False)
    assert found.reasons[0].startswith(
        "After 12 repeats its rank sum of 38 is 14.5 above the best one's, more than Conover's critical difference of "
        "11.48 (Friedman's χ² = 8.097, p = 0.0"
    )
    assert found.reasons[0].endswith(", at a level of 0.05).")
    assert found.reasons[1:] == ("", "", "")
    # from the other side, t4 is not told from t1, and both others are
    assert friedman_stop(GRASS, 0.05, lower_is_better=False).stopped == (False, True, True, False)


def _twin(scores: np.ndarray, alpha: float) -> tuple[float, float]:
    """Return χ² by scipy and Conover's difference by the form that holds χ², with plain loops."""
    n, k = scores.shape
    ranks = [stats.rankdata(row) for row in scores]
    chi2 = float(stats.friedmanchisquare(*scores.T).statistic)
    squares = sum(rank**2 for row in ranks for rank in row)
    inner = 2 * n * (1 - chi2 / (n * (k - 1))) * (squares - n * k * (k + 1) ** 2 / 4) / ((k - 1) * (n - 1))
    return chi2, float(stats.t.ppf(1 - alpha / 2, (n - 1) * (k - 1))) * math.sqrt(max(0.0, inner))


@pytest.mark.parametrize("seed", range(12))
def test_the_formula_of_birattari(seed: int) -> None:
    """With and without ties, χ² and the critical difference are the twin's, and so is the set of the stopped."""
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(3, 12)), int(rng.integers(3, 9))
    scores = rng.normal(size=(n, k)) + 0.6 * np.arange(k)
    if seed % 2:
        scores = np.round(scores)
    alpha = (0.05, 0.2)[seed % 3 == 0]
    found = friedman_stop(scores, alpha)
    chi2, difference = _twin(scores, alpha)
    assert found.chi2 == pytest.approx(chi2, rel=1e-9)
    assert found.critical_difference == pytest.approx(difference, rel=1e-9)
    sums = np.sum([stats.rankdata(row) for row in scores], axis=0)
    assert found.p is not None
    expected = (sums - sums.min() > difference) & (found.p <= alpha)
    assert found.stopped == tuple(expected.tolist())
    assert [bool(reason) for reason in found.reasons] == expected.tolist()
    assert found.means == pytest.approx(tuple(scores.mean(axis=0)))


def test_repeats_that_agree_wholly() -> None:
    """Where each repeat ranks alike, the critical difference is zero and all but the best are stopped."""
    found = friedman_stop(np.arange(4.0) + np.arange(5.0)[:, None], 0.05)
    assert (found.critical_difference, found.chi2) == (0.0, pytest.approx(15.0))
    assert found.stopped == (False, True, True, True)
    assert found.p == pytest.approx(24.0**-4)
    # two repeats of three candidates agree by chance in one race of six, whatever F says
    few = friedman_stop(np.array([[1.0, 2, 3], [1, 2, 3]]), 0.05)
    assert few.p == pytest.approx(1 / 6)
    assert not any(few.stopped)


def test_two_candidates_are_told_apart_by_wilcoxon() -> None:
    """R: wilcox.test(depression, paired = TRUE) gives V = 40 and p = 0.03906 (Hollander & Wolfe 1973, p. 29)."""
    first = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
    second = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
    both = np.column_stack([first, second])
    found = friedman_stop(both, 0.05)
    assert found.p == pytest.approx(0.03906, abs=5e-6)
    assert (found.stopped, found.chi2, found.critical_difference) == ((True, False), None, None)
    assert found.reasons[0] == (
        "After 9 repeats it is the worse of two by Wilcoxon's signed-rank test: p = 0.0391, at a level of 0.05; its "
        "mean rank is 1.78."
    )
    assert friedman_stop(both, 0.05, lower_is_better=False).stopped == (False, True)
    assert friedman_stop(both[:, ::-1], 0.05).stopped == (False, True)
    assert not any(friedman_stop(both, 0.03).stopped)
    assert not any(friedman_stop(both, 0.05, keep=2).stopped)


def test_failed_repeats_rank_last() -> None:
    """NaN and infinitely bad are one: behind all others of the repeat, beside their like, in either direction."""
    scores = np.array([[1.0, NAN, 2.0, NAN]] * 6) + np.arange(6.0)[:, None] / 100
    found = friedman_stop(scores, 0.05)
    assert found.mean_ranks == (1.0, 3.5, 2.0, 3.5)
    assert found.stopped == (False, True, True, True)
    assert found.means == (pytest.approx(1.025), None, pytest.approx(2.025), None)
    assert friedman_stop(np.where(np.isnan(scores), math.inf, scores), 0.05) == found
    upward = friedman_stop(-scores, 0.05, lower_is_better=False)
    assert (upward.stopped, upward.mean_ranks) == (found.stopped, found.mean_ranks)
    assert upward.means == (pytest.approx(-1.025), None, pytest.approx(-2.025), None)
    # of two, one that fails in each of 6 repeats is the worse with p = 2/2⁶
    two = friedman_stop(scores[:, :2], 0.05)
    assert (two.p, two.stopped) == (pytest.approx(2**-5), (False, True))


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("value", [0.3, NAN])
def test_nothing_to_rank(k: int, value: float) -> None:
    """Where all score alike, or all failed, nothing is stopped and there is no p."""
    found = friedman_stop(np.full((5, k), value), 0.05)
    assert (found.p, found.stopped) == (None, (False,) * k)


def test_some_are_kept_in_any_case() -> None:
    """The best so many by rank sum are never stopped; of equal ones the first."""
    scores = np.array([0.0, 3, 1, 2, 2]) + np.arange(8.0)[:, None]
    assert friedman_stop(scores, 0.05).stopped == (False, True, True, True, True)
    assert friedman_stop(scores, 0.05, keep=3).stopped == (False, True, False, False, True)
    assert friedman_stop(scores, 0.05, keep=9).stopped == (False,) * 5


def test_so_many_ranks_that_none_are_shuffled() -> None:
    """Beyond what is shuffled p is that of F, scipy's analysis of the ranks by two ways."""
    scores = np.random.default_rng(3).normal([0, 0, 0.1], size=(1800, 3))
    found = friedman_stop(scores, 0.05)
    chi2 = float(stats.friedmanchisquare(*scores.T).statistic)
    assert found.p == pytest.approx(stats.f.sf(1799 * chi2 / (1800 * 2 - chi2), 2, 2 * 1799), rel=1e-9)
    assert found.stopped == (False, False, True)


# ------------------------------------------------------------------------------------------------- how often it errs


@pytest.mark.parametrize(("n", "k", "runs"), [(3, 4, 1500), (5, 4, 1500), (6, 2, 3000), (5, 12, 300)])
def test_equal_candidates_are_rarely_stopped(n: int, k: int, runs: int) -> None:
    """If all are equal, a look stops any of them in at most 5 % of all races, up to four standard errors."""
    rng = np.random.default_rng(n * k)
    stopped = sum(any(friedman_stop(rng.normal(size=(n, k)), 0.05).stopped) for _ in range(runs))
    assert stopped / runs <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / runs)
    # nor does it sleep: the level is nearly used (for 3 by 4 the arrangements reach 3.3 % and not 5 %)
    assert stopped / runs >= 0.015


def test_many_looks_err_more_often_than_one() -> None:
    """Raced from 3 to 10 repeats, 20 equal candidates lose one in about 23 % of races: the level is that of a look."""
    rng, runs = np.random.default_rng(7), 60
    lost = 0
    for _ in range(runs):
        scores = rng.normal(size=(10, 20))
        lost += any(any(friedman_stop(scores[:done], 0.05).stopped) for done in range(3, 11))
    assert lost / runs == pytest.approx(0.23, abs=0.16)


def test_chi2_and_f_do_not_keep_the_level() -> None:
    """The reason for the arrangements: after 2 repeats of 3, χ² stops none of equal candidates, F one race in six."""
    rng = np.random.default_rng(5)
    found = [friedman_stop(rng.normal(size=(2, 3)), 0.05) for _ in range(1500)]
    chi2 = np.array([one.chi2 for one in found])
    assert np.mean(stats.chi2.sf(chi2, 2) <= 0.05) == 0
    f = chi2 / np.maximum(4 - chi2, 1e-12)
    assert np.mean(stats.f.sf(f, 2, 2) <= 0.05) == pytest.approx(1 / 6, abs=0.04)
    assert not any(any(one.stopped) for one in found)


def test_the_hopeless_are_stopped_and_the_best_is_kept() -> None:
    """Of 12 candidates, 4 of them far worse, 10 repeats stop these 4 nearly always, and the best nearly never."""
    rng = np.random.default_rng(11)
    truth = np.array([0.0] + [1.0] * 7 + [4.0] * 4)
    looks = np.array([friedman_stop(rng.normal(truth, 1.0, size=(10, 12)), 0.05).stopped for _ in range(100)])
    assert looks[:, 8:].mean() > 0.98
    assert looks[:, 0].mean() < 0.02


def test_a_race_costs_a_fraction() -> None:
    """Raced to its end, drop-one over 20 with 10 repeats takes well below 200 trainings, and the best one survives."""
    rng = np.random.default_rng(2)
    truth = np.concatenate([[0.0], np.linspace(1, 6, 19)])
    kept = []
    cost = []
    for _ in range(20):
        scores = rng.normal(truth, 1.0, size=(10, 20))
        left, trainings = np.arange(20), 0
        for done in range(1, 11):
            trainings += len(left)
            if done >= 3 and len(left) > 1:
                left = left[~np.array(friedman_stop(scores[:done, left], 0.05).stopped)]
        kept.append(0 in left)
        cost.append(trainings)
    planned = schedule("friedman", 20, 10, 3)
    assert planned.fewest <= min(cost) <= max(cost) <= planned.most
    assert np.mean(cost) < 0.6 * planned.most
    assert np.mean(kept) > 0.9


# ------------------------------------------------------------------------------------------------ successive halving


def test_the_worse_half_is_stopped() -> None:
    """Of five by the mean the best three go on, in either direction, and a sentence says why not the others."""
    scores = np.array([[5.0, 1.0, 4.0, 2.0, 3.0], [5.0, 1.5, 4.0, 2.0, 3.0]])
    found = halving_stop(scores, 1)
    assert found.stopped == (True, False, True, False, False)
    assert found.reasons[0] == (
        "After 2 repeats it stands in place 5 of 5, by its mean score of 5, and the first 3 go on: successive halving "
        "stops the others."
    )
    assert (found.p, found.chi2, found.critical_difference) == (None, None, None)
    assert found.mean_ranks == (5.0, 1.0, 4.0, 2.0, 3.0)
    assert halving_stop(scores, 1, lower_is_better=False).stopped == (False, True, False, True, False)
    assert halving_stop(scores, 4).stopped == (True, False, False, False, False)
    assert halving_stop(scores, 9).stopped == (False,) * 5


@pytest.mark.parametrize("seed", range(8))
def test_halving_as_sorting_says(seed: int) -> None:
    """Against plain sorting, also with ties, which the order decides."""
    rng = np.random.default_rng(seed)
    k, keep = int(rng.integers(2, 12)), int(rng.integers(1, 5))
    scores = rng.integers(0, 4, (int(rng.integers(1, 5)), k)).astype(float)
    order = sorted(range(k), key=lambda j: (scores[:, j].sum(), j))
    expected = set(order[max(keep, -(-k // 2)) :])
    assert {j for j, gone in enumerate(halving_stop(scores, keep).stopped) if gone} == expected


def test_means_equal_but_for_rounding() -> None:
    """0.1 + 0.2 and 0.3 are one mean, and the first stands before."""
    assert halving_stop(np.array([[0.1, 0.3], [0.2, 0.0]]), 1).stopped == (False, True)
    assert halving_stop(np.array([[0.3, 0.1], [0.0, 0.2]]), 1).stopped == (False, True)


def test_failures_stand_behind() -> None:
    """Fewer failures stand before more, whatever the mean, and like failures are told apart by it."""
    scores = np.array([[NAN, 9.0, NAN, 0.2], [0.1, 9.0, NAN, NAN]])
    found = halving_stop(scores, 1)
    assert found.stopped == (False, False, True, True)
    assert found.reasons[2].startswith("After 2 repeats (2 failed) it stands in place 4 of 4, without a score, and")
    assert "(1 failed) it stands in place 3 of 4, by its mean score of 0.2, and the first 2" in found.reasons[3]
    assert halving_stop(scores[:1], 1).reasons[2].startswith("After 1 repeat (1 failed) it")


# ------------------------------------------------------------------------------------------------------ what it costs


def test_the_cost_of_halving_57() -> None:
    """Drop-one over 57 with 10 repeats: 570 trainings; halved after 1, 2, 4 and 8 repeats 57 + 29 + 30 + 32 + 8."""
    found = schedule("halving", 57, 10, 1)
    assert found.rungs == (Rung(1, 57), Rung(2, 29), Rung(4, 15), Rung(8, 8), Rung(10, 4))
    assert found.fewest == found.most == 57 + 29 + 2 * 15 + 4 * 8 + 2 * 4 == 156
    assert schedule("friedman", 57, 10, 5).most == 570
    assert schedule("friedman", 57, 10, 5).fewest == 57 * 5 + 5


@pytest.mark.parametrize("seed", range(12))
def test_the_schedule_is_what_happens(seed: int) -> None:
    """A race by halving that is really run, training by training, takes the planned number of them."""
    rng = np.random.default_rng(seed)
    k, repeats, keep = (int(rng.integers(low, high)) for low, high in ((2, 60), (1, 20), (1, 6)))
    first = int(rng.integers(1, repeats + 1))
    planned = schedule("halving", k, repeats, first, keep)
    scores = rng.normal(size=(repeats, k))
    left, trainings = list(range(k)), 0
    looks = {rung.repeats for rung in planned.rungs[:-1]}
    for done in range(1, repeats + 1):
        trainings += len(left)
        if done in looks:
            gone = halving_stop(scores[:done, left], keep).stopped
            left = [j for j, out in zip(left, gone, strict=True) if not out]
    assert trainings == planned.most == planned.fewest
    assert planned.rungs[-1] == Rung(repeats, len(left))
    assert len(left) >= min(k, keep)


def test_the_schedule_of_friedman() -> None:
    """It looks after every repeat from the first look on; fewest is a race that stops all it may at once."""
    found = schedule("friedman", 8, 5, 3, keep=2)
    assert found.rungs == (Rung(3, 8), Rung(4, 8), Rung(5, 8))
    assert (found.fewest, found.most) == (8 * 3 + 2 * 2, 40)
    assert schedule("friedman", 3, 5, 2, keep=9).fewest == 15
    assert [halved(k, 1) for k in (1, 2, 3, 57)] == [1, 1, 2, 29]


REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: friedman_stop(GRASS[:1], 0.05), r"at least 2 repeats \(rows\) and 2 candidates .* found shape \(1, 4\)"),
    (lambda: friedman_stop(GRASS[:, :1], 0.05), r"found shape \(12, 1\)"),
    (lambda: halving_stop(GRASS[0], 1), r"at least 1 repeat \(rows\) .* found shape \(4,\)"),
    (lambda: friedman_stop(GRASS, 1.0), r"alpha must lie between 0 and 1, found 1\.0"),
    (lambda: friedman_stop(GRASS, NAN), "alpha must lie between 0 and 1, found nan"),
    (lambda: friedman_stop(GRASS, 0.05, keep=0), "A race keeps at least 1 candidate, found keep = 0"),
    (lambda: halving_stop(GRASS, 0), "A race keeps at least 1 candidate, found keep = 0"),
    (
        lambda: friedman_stop(np.array([[1.0, 2], [3, -math.inf]]), 0.05),
        r"at most 1e\+150, or NaN for failed repeats; found -inf in repeat 2 of candidate 2",
    ),
    (lambda: halving_stop(np.array([[1.0, 1e200]]), 1), r"found 1e\+200 in repeat 1 of candidate 2"),
    (
        lambda: halving_stop(np.array([[1.0, math.inf]]), 1, lower_is_better=False),
        "found inf in repeat 1 of candidate 2",
    ),
    (lambda: schedule("freidman", 5, 10, 2), "There is no rule 'freidman' of racing; did you mean 'friedman'"),
    (lambda: schedule("halving", 1, 10, 2), "A race needs at least 2 candidates, found 1"),
    (lambda: schedule("halving", 5, 10, 2, 0), "A race keeps at least 1 candidate, found keep = 0"),
    (
        lambda: schedule("friedman", 5, 10, 1),
        "race by 'friedman' comes after 2 repeats or more, and no later than after the last; found first = 1 of 10",
    ),
    (lambda: schedule("halving", 5, 10, 11), "race by 'halving' comes after 1 .* found first = 11 of 10 repeats"),
]


@pytest.mark.parametrize(("call", "sentence"), REFUSED)
def test_what_cannot_be_raced_is_refused(call: Callable[[], object], sentence: str) -> None:
    """Each refusal says what was expected, what was found and where."""
    with pytest.raises(StatisticsError, match=sentence):
        call()


def test_the_difference_stands_alone_too() -> None:
    """Conover's difference of ready ranks is the one of the race; every declared rule has a schedule."""
    assert conover_difference(GRASS, 0.05) == pytest.approx(11.48168, abs=5e-6)
    assert all(schedule(rule, 4, 8, 2).most <= 32 for rule in RULES)

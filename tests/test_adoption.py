"""Adopt, keep or undecided: against strangers and a slow twin, by laws, by simulation under the null, and refused."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from bpbench.errors import StatisticsError
from bpbench.statistics import adoption, compare
from bpbench.statistics.adoption import CHEAPER, NON_INFERIOR, RULES, SUPERIOR, Adoption, decide, settled_before
from bpbench.statistics.compare import Pair, Rules
from bpbench.statistics.margins import Margin
from bpbench.statistics.repeats import Noise, repeats_to_show, spread_limit
from bpbench.statistics.rules import smallest_p
from bpbench.statistics.samples import Sample
from bpbench.statistics.spending import level

CHEAP = (1.0, 2.0)
_OPEN = "It is not shown that the candidate is better"
PLAIN = Rules("paired-t", "fixed", alpha=0.05, margin=Margin(0.5))
#: Every test in a design that allows it.
EVERY = (
    *(Rules(test, "fixed", alpha=0.05, margin=Margin(0.5)) for test in compare.TESTS if test != "nadeau-bengio"),
    Rules("nadeau-bengio", "resampled", alpha=0.05, margin=Margin(0.5), test_to_train=0.05),
    Rules("paired-t", "crossed", alpha=0.05, margin=Margin(0.5)),
)


def _pair(candidate: np.ndarray, incumbent: np.ndarray, design: str = "fixed", **more: Any) -> Pair:
    n = len(candidate)
    splits = {"fixed": np.zeros(n, dtype=int), "resampled": np.arange(n), "crossed": np.arange(n) // 2}[design]
    return Pair("new", "old", Sample(candidate, splits), Sample(incumbent, splits), **more)


def _decide(candidate: np.ndarray, incumbent: np.ndarray, rules: Rules, rule: str, **more: Any) -> Adoption:
    pair = _pair(candidate, incumbent, rules.design, **more)
    return decide(pair, rules, rule, next_alpha=rules.alpha / 2, costs=CHEAP)


def _drawn(seed: int, n: int = 12, shift: float = 0.0, sd: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    old = rng.normal(10, 1, n)
    return old + shift + rng.normal(0, sd, n), old


@contextmanager
def _unplanned() -> Iterator[None]:
    """Leave out how many repeats would be enough, which takes a hundred times as long as the decision."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare, "needed", lambda *_, **__: None)
        patch.setattr(adoption, "repeats_to_show", lambda *_, **__: 10**6)
        yield


# ------------------------------------------------------------------------------------------------- strangers' numbers


def test_a_superior_drug_of_r() -> None:
    """R: t.test(extra ~ group, sleep, paired = TRUE): t = -4.0621, p = 0.002833, 95 % -2.4598858 to -0.7001142."""
    one = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
    two = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])
    rules = Rules("paired-t", "fixed", alpha=0.05)
    found = _decide(one, two, rules, SUPERIOR)
    assert found.answer == "adopt"
    assert found.p == pytest.approx(0.002833, abs=5e-7)
    assert found.bound == pytest.approx(-0.7001142, abs=5e-8)
    more = _decide(two, one, replace(rules, lower_is_better=False), SUPERIOR)
    assert (more.answer, more.p, more.bound) == ("adopt", pytest.approx(found.p), pytest.approx(0.7001142, abs=5e-8))
    worse = _decide(two, one, rules, SUPERIOR)
    assert (worse.answer, worse.p) == ("keep", 1.0)
    assert worse.against == pytest.approx(0.002833 / 2, abs=5e-7)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("lower", [True, False])
def test_one_sided_tests_of_scipy_and_statsmodels(seed: int, *, lower: bool) -> None:
    """Claims and their opposites are ttest_1samp's of a shifted mean; equivalence is statsmodels' ttost_paired."""
    new, old = _drawn(seed)
    rules, d = replace(PLAIN, lower_is_better=lower), new - old
    worse, better, sign = ("greater", "less", 1) if lower else ("less", "greater", -1)

    def p(bound: float, side: str) -> float:
        return float(stats.ttest_1samp(d, bound, alternative=side).pvalue)

    superior, other, cheaper = (_decide(new, old, rules, rule) for rule in RULES)
    assert superior.p == pytest.approx(min(1, 2 * p(0, better)), rel=1e-9)
    assert superior.against == pytest.approx(p(-sign * 0.5, worse), rel=1e-9)
    assert other.p == pytest.approx(p(sign * 0.5, better), rel=1e-9)
    assert other.against == pytest.approx(min(1, 2 * p(0, worse)), rel=1e-9)
    tost = ttost_paired(new, old, -0.5, 0.5)[0]
    assert cheaper.p == pytest.approx(max(other.p, min(tost, 2 * p(0, better)) if tost > other.p else tost), rel=1e-9)
    limit = stats.ttest_1samp(d, 0, alternative=better).confidence_interval(0.95)
    assert other.bound == pytest.approx(limit.high if lower else limit.low, rel=1e-9)


def test_a_test_of_ranks_is_scipys() -> None:
    """Non-inferiority by ranks is scipy's exact signed-rank test of the differences less the margin."""
    new, old = _drawn(5)
    found = _decide(new, old, replace(PLAIN, test="wilcoxon"), NON_INFERIOR)
    stranger = stats.wilcoxon(new - old - 0.5, alternative="less", method="exact").pvalue
    assert found.p == pytest.approx(stranger, rel=1e-9)


# --------------------------------------------------------------------------------------------- the table of decisions


def _table(rule: str, loss: Any, se: Any, df: int, margin: float | None, alpha: float) -> Any:
    """Return 1 for adopt, -1 for keep, 0 for undecided, by confidence limits of the loss instead of p-values."""
    one, two = stats.t.ppf(1 - alpha, df) * se, stats.t.ppf(1 - alpha / 2, df) * se
    better, worse = loss + two < 0, loss - two > 0
    below, above = (loss + one < (margin or 0), loss - one > -(margin or 0))
    if rule == SUPERIOR:
        keep = above | worse
        return np.where(keep, -1, np.where(better, 1, 0))
    adopt = below if rule == NON_INFERIOR else (below & above) | better
    return np.where(adopt, 1, np.where(worse, -1, 0))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("lower", [True, False])
def test_the_table_by_limits(rule: str, *, lower: bool) -> None:
    """On a grid of difference, standard error, margin and level the answer is that of confidence limits."""
    n, seen = 8, set()
    shape = np.linspace(-1, 1, n) ** 3
    shape = (shape - shape.mean()) / shape.std(ddof=1) * math.sqrt(n)
    old = 20 + np.cos(np.arange(n))
    margins = [0.3, 1.0] + [None] * (rule == SUPERIOR)
    with _unplanned():
        for loss, se, margin, alpha in product(
            (-2.1, -0.9, -0.31, -0.05, 0.0, 0.05, 0.31, 0.9, 2.1), (0.03, 0.12, 0.5), margins, (0.03, 0.0076)
        ):
            rules = replace(PLAIN, alpha=alpha, margin=margin and Margin(margin), lower_is_better=lower)
            new = old + (loss if lower else -loss) + se * shape
            answer = {"adopt": 1, "keep": -1, "undecided": 0}[_decide(new, old, rules, rule).answer]
            assert answer == _table(rule, loss, se, n - 1, margin, alpha), (loss, se, margin, alpha)
            seen.add(answer)
    assert seen == {1, -1, 0}


@pytest.mark.parametrize("rules", EVERY, ids=lambda rules: f"{rules.test}, {rules.design}")
@pytest.mark.parametrize("margin", ["1.5", "15 %", "4 d_z"])
def test_every_test_answers_for_every_margin(rules: Rules, margin: str) -> None:
    """A candidate far better, the same, or far worse is answered as such by every test that takes the margin."""
    try:
        rules = replace(rules, margin=Margin.parse(margin))
    except StatisticsError as error:
        assert "cannot judge a margin of 4 d_z" in str(error)  # noqa: PT017 - which tests refuse is told elsewhere
        assert rules.test not in {"paired-t", "nadeau-bengio"}
        return
    with _unplanned():
        answers = {
            shift: tuple(_decide(*_drawn(2, 10, shift, 0.4), rules, rule).answer for rule in RULES)
            for shift in (-4.0, 0.1, 4.0)
        }
    assert answers[-4.0] == ("adopt", "adopt", "adopt")
    assert answers[0.1] == ("keep", "adopt", "adopt")
    assert answers[4.0] == ("keep", "keep", "keep")


def test_sentences() -> None:
    """Each outcome has a sentence of its own."""
    wide, bare = replace(PLAIN, margin=Margin(2.0)), replace(PLAIN, margin=None)
    with _unplanned():
        told = {
            because
            for shift, sd in product((-3.0, -1.2, 0.02, 1.2, 3.0), (0.4, 4.0))
            for rules, rule in (
                (PLAIN, SUPERIOR),
                (wide, SUPERIOR),
                (bare, SUPERIOR),
                (wide, NON_INFERIOR),
                (wide, CHEAPER),
            )
            for because in [_decide(*_drawn(3, 12, shift, sd), rules, rule).because]
        }
    assert {
        ("The candidate is better than the incumbent.",),
        ("The candidate is better than the incumbent.", "A gain as large as the margin is not excluded."),
        ("The candidate is better than the incumbent, but by less than the margin: too little to matter.",),
        ("A gain as large as the margin is excluded, by a one-sided test.",),
        (
            "A gain as large as the margin is excluded, by a one-sided test.",
            "The candidate is worse than the incumbent.",
        ),
        ("The candidate is not better than the incumbent.", "The candidate is worse than the incumbent."),
        ("The candidate is worse than the incumbent.",),
        ("The candidate is not worse than the incumbent by as much as the margin.",),
        (
            "The candidate is not worse than the incumbent by as much as the margin.",
            "It is worse all the same, by less than the margin.",
        ),
        ("The two differ by less than the margin.", "The candidate takes fewer operations on paper."),
        (
            "The two differ by less than the margin.",
            "Within it, the candidate is worse.",
            "The candidate takes fewer operations on paper.",
        ),
        ("The candidate is better than the incumbent.", "The candidate takes fewer operations on paper."),
        ("It is neither shown that the candidate is worse, nor that any loss is below the margin.",),
        ("It is neither shown that the two differ by less than the margin, nor which is better.",),
        (f"{_OPEN}, nor, by a one-sided test, that a gain as large as the margin is excluded.",),
        (
            f"{_OPEN}, nor that it is worse.",
            "Without a margin there is no gain to plan for: declare the smallest gain that is worth a change.",
        ),
    } <= told


def test_the_comparison_is_that_of_the_house() -> None:
    """One pair, judged at the level of this look, whatever correction is declared."""
    new, old = _drawn(1)
    rules = Rules("sign-flip", "fixed", "max-t", alpha=0.02, margin=Margin(0.5))
    found = _decide(new, old, rules, NON_INFERIOR)
    assert found.comparison == compare.judge([_pair(new, old)], replace(rules, correction="holm"))[0]
    assert found.comparison.level == 0.98


# ----------------------------------------------------------------------------------------- what settles it beforehand


def test_costs_settle_it_without_training() -> None:
    """Under the rule that asks for a cheaper candidate, one that is not is kept out whatever its scores."""
    pricey = settled_before(CHEAPER, (3.0, 2.0))
    assert pricey == Adoption(
        "keep", ("On paper the candidate takes more operations than the incumbent: it is not cheaper.",)
    )
    even = settled_before(CHEAPER, (2.0, 2.0))
    assert even is not None
    assert even.because == ("On paper the candidate takes as many operations as the incumbent: it is not cheaper.",)
    assert (
        settled_before(CHEAPER, CHEAP) is settled_before(SUPERIOR, None) is settled_before(NON_INFERIOR, (3, 2)) is None
    )
    new, old = _drawn(0, shift=-5)
    for more in ({}, {"missing": 3}, {"diverged_baseline": 1}):
        found = decide(_pair(new, old, **more), PLAIN, CHEAPER, next_alpha=0.01, costs=(3.0, 2.0))
        assert (found.answer, found.because) == ("keep", pricey.because)
        assert found.comparison is not None


@pytest.mark.parametrize("rule", RULES)
def test_what_is_missing_or_diverged(rule: str) -> None:
    """Nothing is decided before all repeats are there; a candidate that diverged is kept out."""
    new, old = _drawn(0, shift=-5)
    assert _decide(new, old, PLAIN, rule).answer == "adopt"
    missing = _decide(new, old, PLAIN, rule, missing=2, diverged_candidate=1)
    assert (missing.answer, missing.p, missing.needed) == ("undecided", None, None)
    assert missing.because == ("2 declared repeats are missing: an incomplete study shows no p and no verdict.",)
    lost = _decide(new, old, PLAIN, rule, diverged_candidate=1, diverged_baseline=1)
    assert lost.answer == "keep"
    assert lost.because == (
        "Repeats of the candidate diverged: it is not adopted, however good its other repeats are.",
    )
    for pair in (_pair(new, old, diverged_baseline=1), _pair(new + 10, old, diverged_baseline=1)):
        found = decide(pair, PLAIN, rule, next_alpha=0.01, costs=CHEAP)
        assert (found.answer, found.needed) == ("undecided", None)
        assert found.none_enough is not None
        assert "do not undo those that diverged" in found.none_enough
    nothing = decide(Pair("new", "old", None, None), PLAIN, rule, next_alpha=0.01, costs=CHEAP)
    assert (nothing.answer, nothing.none_enough) == ("undecided", None)
    assert nothing.because == ("No repeat finished on both sides: there is nothing to compare.",)
    gone = decide(Pair("new", "old", None, None, diverged_candidate=5), PLAIN, rule, next_alpha=0.01, costs=CHEAP)
    assert gone.answer == "keep"


@pytest.mark.parametrize("rule", RULES)
def test_without_noise_none_would_be_enough(rule: str) -> None:
    """Two deterministic contestants leave nothing to test; a single repeat only asks for a second."""
    found = _decide(np.full(4, 1.0), np.full(4, 2.0), PLAIN, rule)
    assert (found.answer, found.p, found.needed) == ("undecided", None, None)
    assert found.none_enough == (
        "As long as repeats show no spread, no number of them gives a test: none would be enough."
    )
    assert found.because[0].startswith("Deterministic given this split: all 4 paired differences are -1")
    single = _decide(np.array([1.0]), np.array([2.0]), PLAIN, rule)
    assert (single.answer, single.needed, single.none_enough) == ("undecided", None, None)
    assert "without a second one" in single.because[0]


@pytest.mark.parametrize("rule", RULES)
def test_a_share_of_scores_that_are_not_positive(rule: str) -> None:
    """A relative margin of scores about zero is told when the trainings are there, not judged."""
    new, old = _drawn(0, shift=-5)
    found = _decide(new - 10, old - 10, replace(PLAIN, margin=Margin(0.1, "relative")), rule)
    assert (found.answer, found.because) == ("undecided", ("The margin could not be tested.",))
    assert found.none_enough is not None
    assert found.none_enough.startswith("A relative margin is a share of the baseline's mean and needs scores that are")


def test_ranks_and_mean_that_disagree_are_no_gain() -> None:
    """Nine small gains and one huge loss: by ranks the candidate is better, by its mean worse, so it is not adopted."""
    d = np.array([-1.0, -1.1, -1.2, -1.3, -1.4, -1.5, -1.6, -1.7, -1.8, -1.9, -2.0, 60.0])
    rules = replace(PLAIN, test="wilcoxon", margin=None)
    found = _decide(100 + d, np.full(12, 100.0), rules, SUPERIOR)
    assert found.p is not None
    assert found.p <= rules.alpha
    assert found.answer == "undecided"
    assert "The test and the mean point to opposite sides." in found.because


# --------------------------------------------------------------------------------------------------------------- laws

_NUMBERS = st.lists(st.integers(-40, 40), min_size=6, max_size=6).map(lambda values: np.array(values) / 16)
_ORDER = {"keep": -1, "undecided": 0, "adopt": 1}


@settings(deadline=None, max_examples=60)
@given(
    _NUMBERS, _NUMBERS, st.sampled_from(RULES), st.sampled_from(["paired-t", "welch", "wilcoxon"]), st.floats(0.01, 3)
)
def test_a_better_candidate_is_never_refused_for_it(
    one: np.ndarray, other: np.ndarray, rule: str, test: str, gain: float
) -> None:
    """Lowering every loss of a candidate never turns *adopt* into *keep*, and lowers the p of the claim of a loss."""
    rules = replace(PLAIN, test=test, alpha=0.1)
    with _unplanned():
        before, after = (_decide(10 + one - less, 10 + other, rules, rule) for less in (0.0, gain))
    assert not (before.answer == "adopt" and after.answer == "keep")
    if rule != CHEAPER:
        assert _ORDER[before.answer] <= _ORDER[after.answer]


@settings(deadline=None, max_examples=60)
@given(
    _NUMBERS,
    _NUMBERS,
    st.sampled_from(RULES),
    st.sampled_from(["paired-t", "welch", "wilcoxon"]),
    st.booleans().map(lambda yes: "d_z" if yes else "absolute"),
)
def test_direction_and_unit_do_not_matter(one: np.ndarray, other: np.ndarray, rule: str, test: str, kind: str) -> None:
    """Negated scores of the other direction, and scores in another unit, give the same answer and the same p."""
    kind = kind if test == "paired-t" else "absolute"
    rules = replace(PLAIN, test=test, alpha=0.1, margin=Margin(0.5, kind))
    new, old = 10 + one, 10 + other
    with _unplanned():
        found = _decide(new, old, rules, rule)
        turned = _decide(-new, -old, replace(rules, lower_is_better=False), rule)
        larger = Margin(0.5 if kind == "d_z" else 4.0, kind)
        scaled = _decide(8 * new, 8 * old, replace(rules, margin=larger), rule)
    assert found.answer == turned.answer == scaled.answer
    if found.p is None:
        assert turned.p is scaled.p is None
        return
    assert found.because[0] == turned.because[0] == scaled.because[0]
    for left, right in ((found, turned), (found, scaled)):
        assert (left.p, left.against) == (pytest.approx(right.p, rel=1e-9), pytest.approx(right.against, rel=1e-9))
    if found.bound is not None:
        assert turned.bound == pytest.approx(-found.bound, rel=1e-6, abs=1e-9)
        assert scaled.bound == pytest.approx((1 if kind == "d_z" else 8) * found.bound, rel=1e-6, abs=1e-9)


# ------------------------------------------------------------------------------------------- how many would be enough


def _pilot(n: int = 5, mean: float = 0.0, sd: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    """Return scores whose differences have exactly that mean and spread."""
    shape = np.linspace(-1, 1, n) + 0.2 * np.cos(3 * np.arange(n))
    return 10 + mean + sd * (shape - shape.mean()) / shape.std(ddof=1), np.full(n, 10.0)


def _undecided(rules: Rules, rule: str) -> tuple[Adoption, float]:
    """Return an undecided answer of a pilot, with the upper limit of the spread of its differences."""
    new, old = _pilot()
    found = _decide(new, old, rules, rule)
    assert found.answer == "undecided"
    return found, spread_limit(float(np.std(new - old, ddof=1)), 4)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("ratio", [0.0, 0.01])
def test_enough_has_the_declared_power(rule: str, ratio: float) -> None:
    """With that many repeats a candidate that deserves it is adopted as often as declared, with fewer less often.

    Overlapping splits are drawn as Nadeau & Bengio model them: a common part of variance ρ σ² beside each one's σ².
    """
    margin, power, studies = 0.6, 0.8, 4000
    rules = Rules(
        "nadeau-bengio" if ratio else "paired-t",
        "resampled" if ratio else "fixed",
        alpha=0.03,
        margin=Margin(margin),
        power=power,
        test_to_train=ratio or None,
    )
    found, sigma = _undecided(rules, rule)
    assert found.needed is not None
    rng, shares = np.random.default_rng(3), []
    for n in (found.needed, int(0.8 * found.needed)):
        d = (-margin if rule == SUPERIOR else 0.0) + sigma * rng.normal(size=(studies, n))
        d += sigma * math.sqrt(ratio) * rng.normal(size=(studies, 1))
        se = d.std(axis=1, ddof=1) * math.sqrt(1 / n + ratio)
        shares.append(np.mean(_table(rule, d.mean(axis=1), se, n - 1, margin, rules.alpha / 2) == 1))
    error = math.sqrt(power * (1 - power) / studies)
    assert power - 4 * error < shares[0] < power + 0.06
    assert shares[1] < power - 4 * error


@pytest.mark.parametrize("rule", [NON_INFERIOR, CHEAPER])
def test_enough_in_dz_has_the_declared_power(rule: str) -> None:
    """A margin in d_z asks for no spread: the power is that of the noncentral t distribution, by scipy's quantiles."""
    rules = replace(PLAIN, margin=Margin(0.8, "d_z"), alpha=0.03)
    found, _ = _undecided(rules, rule)
    assert found.needed is not None
    for n, enough in ((found.needed, True), (found.needed - 1, False)):
        reach = stats.nct.ppf(0.015, n - 1, 0.8 * math.sqrt(n))
        power = stats.t.cdf(reach, n - 1) - (stats.t.cdf(-reach, n - 1) if rule == CHEAPER else 0)
        assert (power >= 0.8) == enough


def test_enough_of_a_share_counts_the_noise_of_the_baseline() -> None:
    """A relative margin is tested by c - (1 + f) b: with that many repeats it is shown as often as declared."""
    f, studies = 0.15, 4000
    rng = np.random.default_rng(8)
    old = rng.normal(10, 3, 200)
    new = old + rng.normal(0, 0.5, 200)
    rules = replace(PLAIN, margin=Margin(f, "relative"), alpha=1e-6)
    found = decide(_pair(new[:14], old[:14]), rules, NON_INFERIOR, next_alpha=1e-6)
    assert found.answer == "undecided"
    assert found.needed is not None
    sd = spread_limit(float(np.std((new - (1 + f) * old)[:14], ddof=1)), 13)
    sd = max(sd, spread_limit(float(np.std((new - old)[:14], ddof=1)), 13))
    contrast = -f * float(np.mean(old[:14])) + sd * rng.normal(size=(studies, found.needed))
    p = stats.ttest_1samp(contrast, 0, axis=1, alternative="less").pvalue
    assert 0.8 - 4 * 0.0064 < np.mean(p <= 1e-6) < 0.9


def test_enough_for_ranks_has_the_declared_power() -> None:
    """By ranks a tenth more than by t, of normal noise: the power is there."""
    rules = replace(PLAIN, test="wilcoxon", margin=Margin(0.6), alpha=0.03)
    found, sigma = _undecided(rules, NON_INFERIOR)
    assert found.needed is not None
    d = sigma * np.random.default_rng(4).normal(size=(2000, found.needed))
    p = stats.wilcoxon(d - 0.6, alternative="less", axis=1, method="asymptotic").pvalue
    assert 0.8 < np.mean(p <= 0.015) < 0.93


@pytest.mark.parametrize("rule", RULES)
def test_enough_grows_as_it_must(rule: str) -> None:
    """A narrower margin, a later look and a higher power need more repeats."""
    new, old = _pilot()

    def enough(margin: float = 0.5, next_alpha: float = 0.01, power: float = 0.8) -> int:
        rules = replace(PLAIN, alpha=0.02, margin=Margin(margin), power=power)
        needed = decide(_pair(new, old), rules, rule, next_alpha=next_alpha, costs=CHEAP).needed
        assert needed is not None
        return needed

    assert enough(0.3) > enough(0.4) > enough() > enough(0.6)
    assert enough(next_alpha=0.001) > enough(next_alpha=0.005) > enough(next_alpha=0.02)
    assert enough(power=0.95) > enough(power=0.9) > enough()


@pytest.mark.parametrize("test", ["wilcoxon", "sign-flip", "permutation", "mann-whitney"])
@pytest.mark.parametrize("k", [2, 6, 30])
def test_enough_is_never_below_what_could_reach_the_level(test: str, k: int) -> None:
    """Against a wide margin it is the smallest p of the test that counts."""
    rules = replace(PLAIN, test=test, alpha=level(0.05, k - 1), margin=Margin(50.0))
    found = decide(_pair(*_pilot(3)), rules, NON_INFERIOR, next_alpha=level(0.05, k))
    assert found.answer == "undecided"  # three repeats could not show anything at this level
    assert found.needed is not None
    assert smallest_p(test, found.needed) <= level(0.05, k) < smallest_p(test, found.needed - 1)


def test_where_no_number_would_be_enough() -> None:
    """Overlapping splits have a floor, drawn redrawings a smallest p, and a margin may be absurd; each is told."""
    new, old = _pilot()
    overlapping = Rules("nadeau-bengio", "resampled", alpha=0.03, margin=Margin(0.5), test_to_train=0.25)
    redrawn = replace(PLAIN, test="sign-flip", alpha=level(0.05, 40))
    absurd = replace(PLAIN, margin=Margin(1e-9), alpha=0.03)
    for rules, rule, text in (
        *((overlapping, rule, "splits of the same data overlap") for rule in RULES),
        (
            redrawn,
            NON_INFERIOR,
            "the sign-flip test draws too few redrawings for its p to fall to the level of a further",
        ),
        (absurd, CHEAPER, "that could be run would be enough: the margin is too small beside their spread"),
        (replace(absurd, margin=Margin(0.5), power=0.99), SUPERIOR, "more often than the declared power allows"),
    ):
        found = decide(_pair(new, old, rules.design), rules, rule, next_alpha=rules.alpha, costs=CHEAP)
        assert (found.answer, found.needed) == ("undecided", None)
        assert found.none_enough is not None
        assert text in found.none_enough
    # at the floor itself: more independent data, and there is a number
    wide = replace(overlapping, test_to_train=0.01)
    assert _decide(new, old, wide, NON_INFERIOR).needed is not None


def test_enough_repeats_that_left_it_open() -> None:
    """Where there are as many as it takes, the truth may lie near the boundary: it is said that more are no promise."""
    rules = replace(PLAIN, alpha=1e-9)
    found = decide(_pair(*_pilot(60, mean=0.25, sd=0.32)), rules, NON_INFERIOR, next_alpha=1e-9)
    assert found.answer == "undecided"
    assert found.needed is not None
    assert found.needed <= 60
    assert found.because[-1].endswith("near the boundary of the rule; more are no promise.")


def test_claims_are_shown_by_as_many_as_the_formulas_say() -> None:
    """R: pwr.t.test(d = 0.5, power = 0.8, type = "paired"): 34, with alternative = "greater" 27 (26.14)."""
    given = {"test": "paired-t", "alpha": 0.05, "power": 0.8}
    assert repeats_to_show("difference", 0.5, Noise(1.0), **given) == 34
    assert repeats_to_show("non-inferiority", 0.5, Noise(1.0), **given) == 27
    assert repeats_to_show("difference", 0.5, Noise(1.0), test="sign-flip", alpha=1e-6, power=0.8) is None


# -------------------------------------------------------------------------------------------------- under the null


def _most(alpha: float, studies: int) -> float:
    """Return what a rate of alpha reaches by chance in one of thirty thousand simulations."""
    return alpha + 4 * math.sqrt(alpha * (1 - alpha) / studies)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("margin", ["0.5", "5 %"])
def test_false_adoption_on_the_boundary(rule: str, margin: str) -> None:
    """A candidate on the boundary of its rule is adopted in at most α_k of studies: by `decide` itself."""
    studies, n, rng, size = 400, 10, np.random.default_rng(17), Margin.parse(margin)
    rules = replace(PLAIN, margin=size, alpha=0.1)
    loss = 0.0 if rule == SUPERIOR else 0.5  # 5 % of the incumbent's mean
    adopted = 0
    with _unplanned():
        for _ in range(studies):
            common = rng.normal(10, 0.3, n)
            new, old = common + loss + rng.normal(0, 0.3, n), common + rng.normal(0, 0.3, n)
            adopted += _decide(new, old, rules, rule).answer == "adopt"
    assert adopted / studies <= _most(0.1, studies)
    assert adopted > 0 or rule == SUPERIOR


@pytest.mark.slow
@pytest.mark.parametrize("rules", EVERY, ids=lambda rules: f"{rules.test}, {rules.design}")
@pytest.mark.parametrize("rule", RULES)
def test_false_adoption_of_every_test(rules: Rules, rule: str) -> None:
    """The same of every test, at the level of a first look in larger number."""
    studies, n, rng = 1000, 8, np.random.default_rng(18)
    rules = replace(rules, alpha=level(0.1, 1))
    adopted = 0
    ratio = rules.test_to_train or 0.0
    unpaired = not compare.TESTS[rules.test].paired
    n *= 2 if rules.design == "crossed" else 1
    with _unplanned():
        for _ in range(studies):
            common = 0.0 if unpaired else rng.normal(0, 0.3, n)
            d = (0.0 if rule == SUPERIOR else 0.5) + 0.3 * math.sqrt(2 * ratio) * rng.normal()
            new, old = 10 + common + d + rng.normal(0, 0.3, n), 10 + common + rng.normal(0, 0.3, n)
            adopted += _decide(new, old, rules, rule).answer == "adopt"
    assert adopted / studies <= _most(rules.alpha, studies)


@pytest.mark.parametrize("rule", RULES)
def test_twenty_candidates_against_one_incumbent(rule: str) -> None:
    """Of twenty candidates on the boundary, beside one sample of the incumbent, any is adopted in at most α."""
    lines, n, alpha = 4000, 10, 0.05
    rng = np.random.default_rng(19)
    old = rng.normal(size=(lines, n))
    spending, constant = np.zeros(lines, dtype=bool), np.zeros(lines, dtype=bool)
    for k in range(1, 21):
        d = (0.0 if rule == SUPERIOR else 0.8) + rng.normal(size=(lines, n)) - old
        loss, se = d.mean(axis=1), d.std(axis=1, ddof=1) / math.sqrt(n)
        spending |= _table(rule, loss, se, n - 1, 0.8, level(alpha, k)) == 1
        constant |= _table(rule, loss, se, n - 1, 0.8, alpha) == 1
    assert spending.mean() <= _most(alpha, lines)
    assert constant.mean() > 3 * alpha


@pytest.mark.parametrize("rule", RULES)
def test_peeking_after_every_five_repeats(rule: str) -> None:
    """A candidate on the boundary, looked at after every five more repeats, is ever adopted in at most α of lines."""
    lines, alpha = 4000, 0.05
    rng = np.random.default_rng(20)
    d = (0.0 if rule == SUPERIOR else 1.5) + rng.normal(size=(lines, 100))
    spending, constant = np.zeros(lines, dtype=bool), np.zeros(lines, dtype=bool)
    for k, n in enumerate(range(5, 101, 5), start=1):
        loss, se = d[:, :n].mean(axis=1), d[:, :n].std(axis=1, ddof=1) / math.sqrt(n)
        margin = None if rule == SUPERIOR else 1.5
        spending |= _table(rule, loss, se, n - 1, margin, level(alpha, k)) == 1
        constant |= _table(rule, loss, se, n - 1, margin, alpha) == 1
    assert spending.mean() <= _most(alpha, lines)
    assert constant.mean() > 2 * alpha


def test_the_best_of_those_that_a_report_has_shown() -> None:
    """Who picks the best of seven by their scores, all as bad as the incumbent, has looked seven times, not once."""
    lines, n, alpha, many = 4000, 10, 0.05, 7
    rng = np.random.default_rng(22)
    d = rng.normal(size=(many, lines, n)) - rng.normal(size=(lines, n))
    loss, se = d.mean(axis=-1), d.std(axis=-1, ddof=1) / math.sqrt(n)
    best = np.argmin(loss / se, axis=0), np.arange(lines)
    together = sum(level(alpha, k) for k in range(1, many + 1)) / many
    shared, alone = (
        float(np.mean(_table(SUPERIOR, loss[best], se[best], n - 1, None, each) == 1))
        for each in (together, level(alpha, 1))
    )
    assert shared <= _most(alpha, lines)
    assert alone > _most(alpha, lines)


@pytest.mark.slow
def test_twenty_candidates_by_the_decisions_themselves() -> None:
    """The line of candidates, each decided as a study is: at most α of lines adopt any, at a constant level more."""
    lines, n, alpha, rng = 300, 10, 0.1, np.random.default_rng(21)
    ever = {"spending": 0, "constant": 0}
    with _unplanned():
        for _ in range(lines):
            old = 10 + rng.normal(size=n)
            news = [10.8 + rng.normal(size=n) for _ in range(20)]
            for name in ever:
                levels = (level(alpha, k) if name == "spending" else alpha for k in range(1, 21))
                rules = (replace(PLAIN, margin=Margin(0.8), alpha=one) for one in levels)
                answers = (_decide(new, old, one, NON_INFERIOR).answer for new, one in zip(news, rules, strict=True))
                ever[name] += "adopt" in answers
    assert ever["spending"] / lines <= _most(alpha, lines)
    assert ever["constant"] / lines > 3 * alpha


# ----------------------------------------------------------------------------------------------------------- refusals


def test_refusals() -> None:
    """An unknown rule, one without what it needs, and impossible levels and costs."""
    new, old = _drawn(0)
    bare = replace(PLAIN, margin=None)
    for rules, rule, more, text in (
        (PLAIN, "superieur", {}, r"^There is no rule 'superieur'.*'superior'"),
        (
            bare,
            NON_INFERIOR,
            {},
            (
                r"^The rule 'non-inferior' asks whether a difference is too small to matter and needs a margin, found "
                r"none; declare the largest difference that does not matter, or use the rule 'superior', which needs "
                r"none\.$"
            ),
        ),
        (bare, CHEAPER, {}, r"^The rule 'cheaper-and-equivalent' asks .* needs a margin, found none; "),
        (
            PLAIN,
            CHEAPER,
            {"costs": None},
            (
                r"^The rule 'cheaper-and-equivalent' compares operations on paper, and they are not known of both "
                r"sides; use the rule 'non-inferior', which asks for scores alone\.$"
            ),
        ),
        (
            PLAIN,
            CHEAPER,
            {"costs": (-1.0, 2.0)},
            r"^Operations are counts that are not negative, found -1\.0 and 2\.0\.$",
        ),
        (
            PLAIN,
            CHEAPER,
            {"costs": (1.0, math.nan)},
            r"^Operations are counts that are not negative, found 1\.0 and nan",
        ),
        (
            PLAIN,
            SUPERIOR,
            {"next_alpha": 0.06},
            r"^The level of the next look lies above 0 and not above that of this one \(0\.05\), found 0\.06\.$",
        ),
        (PLAIN, SUPERIOR, {"next_alpha": 0.0}, r"^The level of the next look lies above 0 .* found 0\.0\.$"),
    ):
        with pytest.raises(StatisticsError, match=text):
            decide(_pair(new, old), rules, rule, **{"next_alpha": 0.01, "costs": CHEAP, **more})
    with pytest.raises(
        StatisticsError, match=r"^The test 'paired-t' compares repeat by repeat, and 'new' and 'old' have no"
    ):
        decide(replace(_pair(new, old), paired=False), PLAIN, SUPERIOR, next_alpha=0.01)

"""Searches on a fake ground: what each asks for, how it decides, what its trace says, and what is refused before."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fake_ground import Asked, Played, Scores, ground, noise, play, radial
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW, ttost_paired

from bpbench.errors import FeatureError
from bpbench.features import evenly_spaced, preset
from bpbench.selection import at_most, candidates, search
from bpbench.selection.ground import Ground, choice, compared, first, means
from bpbench.selection.racing import Raced
from bpbench.selection.trace import Chosen, Trace
from bpbench.statistics.margins import Margin
from bpbench.strategies import (
    Backward,
    ByShift,
    ByWeight,
    DropOne,
    EvenlySpacedGroups,
    Forward,
    Race,
    RandomSubsets,
    Smallest,
    Strategy,
)

OF: dict[str, Any] = {"set": "s", "model": "m"}
#: What the absence of each of eight functions adds to the error: 5 and 2 are of harm, the first three matter.
EFFECTS = (0.9, 0.7, -0.4, 0.5, 0.02, -0.6, 0.01, 0.03)
HALVING, FRIEDMAN = Race(rule="halving", first=2), Race(rule="friedman", first=3)


def planted(chosen: Chosen, repeat: int, spread: float = 0.01) -> float:
    """Return a score to which each function that is left out adds its effect, and chance a little."""
    left_out = sum(effect for place, effect in enumerate(EFFECTS) if place not in chosen)
    return 5 + left_out + spread * noise(1, chosen, repeat)


def searched(spec: Strategy, on: Ground, scores: Scores = planted, **beside: Any) -> Played:
    """Play a search of eight functions or whatever the ground holds."""
    return play(search(spec, on, **beside), scores)


def chosen_by(trace: Trace) -> Chosen:
    """Return what a trace chose."""
    assert trace.choice is not None
    return trace.choice.chosen


# ------------------------------------------------------------------------------------------------ one comparison


def _scores(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return 5 + rng.normal(0, 0.3, n), 5.1 + rng.normal(0, 0.3, n)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n", [2, 5, 12])
def test_intervals_are_those_of_scipy_and_statsmodels(seed: int, n: int) -> None:
    """Without overlap the interval of a difference is the plain paired t interval of two strangers."""
    ours, theirs = _scores(seed, n)
    found = compared(ground(3, alpha=0.1), ours, theirs)
    assert found is not None
    assert (found.n, found.difference) == (n, pytest.approx(np.mean(ours - theirs)))
    strange = stats.ttest_rel(ours, theirs).confidence_interval(0.9)
    assert (found.low, found.high) == pytest.approx((strange.low, strange.high), rel=1e-12)
    assert (found.low, found.high) == pytest.approx(DescrStatsW(ours - theirs).tconfint_mean(0.1), rel=1e-12)
    assert found.non_inferior is found.p_non_inferior is None


@pytest.mark.parametrize("ratio", [0.25, 1 / 3, 1.0])
def test_overlap_widens_intervals_as_nadeau_and_bengio_say(ratio: float) -> None:
    """By hand: d̄ ± t √((1/n + ρ) s²), with n - 1 degrees of freedom."""
    ours, theirs = _scores(3, 8)
    found = compared(ground(3, test_to_train=ratio), ours, theirs)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    differences = ours - theirs
    half = stats.t.ppf(0.975, 7) * math.sqrt((1 / 8 + ratio) * np.var(differences, ddof=1))
    assert (found.low, found.high) == pytest.approx((differences.mean() - half, differences.mean() + half), rel=1e-12)
    plain = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    assert found.high - found.low > plain.high - plain.low


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("margin", "ratio"), [("0.2", 0.0), ("3%", 0.0), ("0.5 d_z", 0.0), ("0.2", 0.4), ("3%", 0.4)])
@pytest.mark.parametrize("lower", [True, False])
def test_non_inferiority_is_that_of_strangers(seed: int, margin: str, ratio: float, *, lower: bool) -> None:
    """P is scipy's one-sided t at the margin, of c - (1 ± f) b for a share, the noncentral t's for d_z; by hand, ρ."""
    ours, theirs = _scores(seed, 7)
    asked = Margin.parse(margin)
    found = compared(ground(3, lower_is_better=lower, test_to_train=ratio), ours, theirs, asked)
    assert found is not None
    side, tail = (1, "less") if lower else (-1, "greater")
    unit = math.sqrt(1 / 7 + ratio)
    if asked.kind == "d_z":
        t = np.mean(ours - theirs) / (np.std(ours - theirs, ddof=1) * unit)
        strange = stats.nct.cdf(side * t, 6, asked.value / unit)
    else:
        values, bound = ours - theirs, side * asked.value
        if asked.kind == "relative":
            values, bound = ours - (1 + bound) * theirs, 0.0
        t = (np.mean(values) - bound) / (np.std(values, ddof=1) * unit)
        strange = stats.t.cdf(side * t, 6)
        if ratio == 0:
            assert strange == pytest.approx(stats.ttest_1samp(values, bound, alternative=tail).pvalue, rel=1e-9)
        if ratio == 0 and asked.kind == "absolute":
            both = ttost_paired(ours, theirs, -asked.value, asked.value)
            assert strange == pytest.approx(both[2 if lower else 1][1], rel=1e-9)
    assert found.p_non_inferior == pytest.approx(strange, rel=1e-9)
    assert found.non_inferior is bool(strange <= 0.05)


def test_who_diverged_where_the_other_did_not_is_not_non_inferior() -> None:
    """Comparisons use the repeats that both finished; a candidate that lost one is never as good, a reference may."""
    on, better = ground(3), np.array([1.0, 1.1, 0.9, 1.05])
    lost = np.array([np.nan, 1.1, 0.9, 1.05])
    found = compared(on, lost, better + 1, Margin(0.5))
    assert found is not None
    assert (found.n, found.non_inferior) == (3, False)
    swapped = compared(on, better, lost + 1.001 * better, Margin(0.5))
    assert swapped is not None
    assert (swapped.n, swapped.non_inferior) == (3, True)
    few = compared(on, better, np.array([np.nan, np.nan, np.nan, 5.0]), Margin(0.5))
    assert few is not None
    assert (few.n, few.non_inferior) == (1, False)  # one common repeat may be chance
    assert compared(on, np.full(4, np.nan), better, Margin(0.5)) is None
    assert compared(on, np.array([1, np.nan, 1, np.nan]), np.array([np.nan, 1, np.nan, 1])) is None


@pytest.mark.parametrize(
    ("margin", "worse", "within"),
    [("0.5", 0.4, True), ("0.5", 0.6, False), ("10%", 0.15, True), ("10%", 0.25, False), ("1 d_z", 0.0, True),
     ("1 d_z", 0.1, False)],
)  # fmt: skip
def test_without_any_spread_the_difference_itself_decides(margin: str, worse: float, *, within: bool) -> None:
    """Deterministic trainings have no interval and no p: within the margin or not, of a reference of 2."""
    reference = np.full(4, 2.0)
    for lower, ours in ((True, reference + worse), (False, reference - worse)):
        found = compared(ground(3, lower_is_better=lower), ours, reference, Margin.parse(margin))
        assert found is not None
        assert (found.low, found.high, found.p_non_inferior) == (None, None, None)
        assert found.non_inferior is within
    single = compared(ground(3), np.array([2.0]), np.array([2.1]))
    assert single is not None
    assert (single.n, single.low) == (1, None)


def test_diverged_candidates_rank_behind_all_others() -> None:
    """A single NaN makes a mean infinite, in both directions; equal means go to the cheaper, then to the earlier."""
    table = np.array([[1.0, np.nan], [3.0, 3.0], [2.0, 4.0]])
    sets: list[Chosen] = [(0,), (0, 1), (1,)]
    for lower in (True, False):
        on = ground(2, lower_is_better=lower)
        assert means(on, table)[0] == np.inf
        assert first(on, means(on, table), sets) == 2
    assert first(on, np.array([np.inf, np.inf]), sets[:2]) is None
    assert first(on, np.array([]), []) is None
    assert choice(on, (0,), table[0]).explored is None
    assert choice(on, (0,), table[2]) == replace(choice(on, (0,), table[2]), explored=3.0, least=4.0)


# ------------------------------------------------------------------------------------------------------- drop-one


@pytest.mark.parametrize("race", [None, HALVING, FRIEDMAN])
def test_drop_one_finds_what_is_of_harm(race: Race | None) -> None:
    """The two whose absence helps most come out first, and leaving out both together is best of all."""
    on = ground(8, repeats=8)
    trace = searched(DropOne(kind="drop-one", remove=(1, 2, 3), race=race, **OF), on).trace
    alone, together = trace.steps
    assert [entry.label for entry in alone.tried[:3]] == ["the whole set", "without g5", "without g2"]
    if race is None:
        order = np.argsort(EFFECTS, kind="stable")
        # with a spread of 0.01 over 8 repeats, effects that differ by 0.01 are told apart or not: g4, g6, g7
        assert {entry.label for entry in alone.tried[3:6]} == {f"without g{place}" for place in order[2:5]}
        assert [entry.label for entry in alone.tried[6:]] == ["without g3", "without g1", "without g0"]
    assert together.taken == "without the 2 whose absence helps most"
    assert [entry.label for entry in together.tried] == [
        "the whole set",
        "without g5",
        "without the 2 whose absence helps most",
        "without the 3 whose absence helps most",
    ]
    assert chosen_by(trace) == (0, 1, 3, 4, 6, 7)
    found = together.tried[2].compared
    assert found is not None
    assert found.difference == pytest.approx(-1.0, abs=0.02)


def test_drop_one_ranks_by_the_mean_over_repeats() -> None:
    """The order is that of a table's means, whatever single repeats say: a twin sorts the plain averages."""
    for root in range(5):

        def scores(chosen: Chosen, repeat: int, root: int = root) -> float:
            return planted(chosen, repeat, 0.5) + noise(root, repeat)

        trace = searched(DropOne(kind="drop-one", **OF), ground(8), scores).trace
        averages = {
            f"without g{gone}": sum(scores(tuple(p for p in range(8) if p != gone), r) for r in range(4)) / 4
            for gone in range(8)
        }
        assert [entry.label for entry in trace.steps[0].tried[1:]] == sorted(averages, key=lambda name: averages[name])


# ------------------------------------------------------------------------------------------------------- backward


def _non_inferior(ours: list[float], theirs: list[float], margin: float) -> bool:
    return bool(stats.ttest_1samp(np.subtract(ours, theirs), margin, alternative="less").pvalue <= 0.05)


def _backward(order: list[int], step: int, least: int, scores: Scores) -> list[tuple[Chosen, bool]]:
    """Return each trial of backward elimination and whether it went, by plain recursion; always against the whole."""
    pool = sorted(order)
    whole = [scores(tuple(pool), repeat) for repeat in range(4)]
    kept, trials = set(pool), []

    def attempt(chunk: list[int]) -> None:
        if len(kept) - len(chunk) >= least:
            smaller = tuple(sorted(kept - set(chunk)))
            goes = _non_inferior([scores(smaller, repeat) for repeat in range(4)], whole, 0.1)
            trials.append((smaller, goes))
            if goes:
                kept.difference_update(chunk)
                return
        if len(chunk) > 1:
            attempt(chunk[: len(chunk) // 2])
            attempt(chunk[len(chunk) // 2 :])

    for at in range(0, len(order), step):
        attempt(order[at : at + step])
    return trials


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 7), st.integers(1, 7), st.sampled_from([0.001, 0.05, 0.3]))
def test_backward_is_its_slow_obvious_twin(root: int, step: int, least: int, spread: float) -> None:
    """Chunks are halved where they may not go, each is judged against the whole set, and never more than allowed go."""

    def scores(chosen: Chosen, repeat: int) -> float:
        missing = sum(abs(noise(root, "effect", place)) for place in range(8) if place not in chosen and place % 3)
        return 5 + 0.1 * missing + spread * noise(root, chosen, repeat)

    spec = Backward(kind="backward", order="listed", step=step, least=least, **OF)
    on = ground(8)
    played = searched(spec, on, scores)
    wanted = _backward(list(range(8)), step, least, scores)
    found = [(entry.chosen, step.taken is not None) for step in played.trace.steps for entry in step.tried[1:]]
    assert found == wanted
    kept = [chosen for chosen, goes in wanted if goes]
    assert chosen_by(played.trace) == (kept[-1] if kept else tuple(range(8)))
    assert len(chosen_by(played.trace)) >= least
    assert len(played.trainings) <= at_most(spec, on)


def test_backward_compares_with_the_whole_set_and_not_with_the_last_one() -> None:
    """Eight losses of 0.03 would each pass a margin of 0.1 against the set before: against the whole, three do."""
    trace = searched(
        Backward(kind="backward", order="listed", **OF),
        ground(8),
        lambda chosen, repeat: 5 + 0.03 * (8 - len(chosen)) + 1e-4 * noise(1, chosen, repeat),
    ).trace
    assert chosen_by(trace) == (3, 4, 5, 6, 7)
    assert [step.taken is not None for step in trace.steps] == [True] * 3 + [False] * 5
    assert trace.steps[2].said == "g2: dropped, 5 left."
    assert trace.steps[3].said == "g3: kept, 5 left."


def test_backward_drops_first_what_hurts_least() -> None:
    """By drop-one the harmful go first; four that may not go are halved, and what would leave too few is not tried."""
    trace = searched(
        Backward(kind="backward", step=4, **OF), ground(8), lambda chosen, repeat: planted(chosen, repeat, 1e-3)
    ).trace
    assert trace.steps[0].said == "Each of 8 functions was left out alone, ranked by the mean score without it."
    assert [step.said for step in trace.steps[1:]] == [
        "g5 and 3 more: dropped, 4 left.",
        "g7 and 1 more: dropped, 2 left.",
        "g1: kept, 2 left.",
        "g0: kept, 2 left.",
    ]
    assert chosen_by(trace) == (0, 1)
    assert [entry.label for entry in trace.steps[3].tried] == ["the whole set", "without g1"]


def test_backward_in_random_order_depends_on_the_seed() -> None:
    """The order is drawn from the ground's seed: the same again, and another for another seed."""
    spec = Backward(kind="backward", order="random", **OF)
    tried = [[step.said for step in searched(spec, ground(8, seed=seed)).trace.steps] for seed in (1, 1, 2)]
    assert tried[0] == tried[1] != tried[2]


@pytest.mark.parametrize("by", ["absolute", "sum", "permutation", "gain"])
def test_by_weight_leaves_out_what_matters_least(by: Any) -> None:
    """The order is that of the means over the repeats that finished, sums by their absolute value in each of them."""
    absolute = (9.0, 7.0, 0.4, 5.0, 3.0, 0.2, 0.9, 4.0)

    def weights(place: int, repeat: int) -> tuple[float, float]:
        size = absolute[place] * (1 + 0.1 * noise(5, place, repeat))
        # the sign of a sum turns from repeat to repeat: an average with signs would be next to nothing for all
        return (1 - 2 * (repeat % 2)) * size / 2, size

    def scores(chosen: Chosen, repeat: int) -> float:
        return math.nan if len(chosen) == 8 and repeat == 2 else planted(chosen, repeat)

    spec = ByWeight(kind="by-weight", by=by, drop=(1, 2, 4), **OF)
    played = play(search(spec, ground(8)), scores, weights=weights)
    trace = played.trace
    weighed, together = trace.steps
    order = [5, 2, 6, 4, 7, 3, 1, 0]
    assert [entry.label for entry in weighed.tried] == ["the whole set", *(f"g{place}" for place in order)]
    for entry in weighed.tried[1:]:
        (place,) = entry.chosen
        told = [weights(place, repeat)[by != "sum"] for repeat in (0, 1, 3)]
        assert entry.value == pytest.approx(np.mean(np.abs(told)))
        assert (entry.scores, entry.stopped) == ((), None)
    assert weighed.said.endswith(", averaged over 3 repeats, from the least on.")
    assert together.taken == "without the 2 that matter least"
    assert [entry.chosen for entry in together.tried[1:]] == [
        tuple(place for place in range(8) if place not in order[:count]) for count in (1, 2, 4)
    ]
    assert chosen_by(trace) == (0, 1, 3, 4, 6, 7)
    questions = [len(asked) for asked in played.questions]
    assert questions == ([4, 12] if by in {"absolute", "sum"} else [4, 3, 12])
    seeds = {job.seed for asked in played.questions for job in asked if not isinstance(job, Asked)}
    assert len(seeds) == (0 if by in {"absolute", "sum"} else 3)


def test_backward_may_follow_the_weights() -> None:
    """By weight the least go first; the whole set that is weighed is trained once."""
    spec = Backward(kind="backward", order="weight", **OF)
    played = play(search(spec, ground(8)), planted, weights=lambda place, _: (0.0, 8.0 - place))
    said = [step.said for step in played.trace.steps]
    assert (
        said[0]
        == "The sum of the absolute first-layer weights of an input, averaged over 4 repeats, from the least on."
    )
    assert [text.split(":")[0] for text in said[1:]] == [f"g{place}" for place in range(7, -1, -1)]
    assert len([job for job in played.trainings if len(job.chosen) == 8]) == 4


# -------------------------------------------------------------------------------------------- forward and smallest


def test_forward_adds_what_helps_most_until_it_is_as_good() -> None:
    """What matters comes first; without the two harmful functions fewer of the others are as good as the whole."""
    trace = searched(Forward(kind="forward", most=8, **OF), ground(8)).trace
    assert [step.taken for step in trace.steps] == ["with g0", "with g1"]
    hard = searched(Forward(kind="forward", most=8, **OF), ground(8), _without_harm).trace
    assert [step.taken for step in hard.steps] == ["with g0", "with g1", "with g3"]
    assert hard.steps[0].said == "g0 was added: 1 now, not yet shown as good as the whole."
    assert hard.steps[2].said == "g3 was added: 3 now, non-inferior to the whole set within the margin."
    assert chosen_by(hard) == (0, 1, 3)
    short = searched(Forward(kind="forward", most=2, **OF), ground(8), _without_harm).trace
    assert chosen_by(short) == (0, 1)


def _without_harm(chosen: Chosen, repeat: int) -> float:
    left_out = sum(max(effect, 0) for place, effect in enumerate(EFFECTS) if place not in chosen)
    return 5 + left_out + 0.01 * noise(1, chosen, repeat)


def test_forward_takes_the_best_of_each_round() -> None:
    """A twin adds greedily by plain means."""
    for root in range(4):

        def scores(chosen: Chosen, repeat: int, root: int = root) -> float:
            return 5 - 0.01 * len(chosen) + noise(root, chosen, repeat)

        on = ground(6, margin=Margin(1e-9))
        trace = searched(Forward(kind="forward", most=4, **OF), on, scores).trace
        chosen: set[int] = set()
        for step in trace.steps:
            mean = {
                place: np.mean([scores(tuple(sorted(chosen | {place})), repeat) for repeat in range(4)])
                for place in range(6)
                if place not in chosen
            }
            best = min(mean, key=lambda place: mean[place])
            assert step.taken == f"with g{best}"
            chosen.add(best)


@pytest.mark.parametrize(
    ("by", "cost", "taken"), [("functions", len, "b"), ("operations", lambda chosen: sum(map(float, chosen)), "c")]
)
def test_the_smallest_that_is_as_good_as_the_best(by: Any, cost: Callable[[Chosen], float], taken: str) -> None:
    """Of those within the margin of the best the one of fewest functions, or of least cost; the best stands beside."""
    named: list[tuple[str, Chosen]] = [("a", (0, 1, 2, 3)), ("b", (6, 7)), ("c", (0, 1, 2)), ("d", (5,))]
    level = {"a": 5.0, "b": 5.05, "c": 5.04, "d": 7.0}
    values = {chosen: level[label] for label, chosen in named}
    trace = searched(
        Smallest(kind="smallest", model="m", by=by),
        ground(8, cost=cost),
        lambda chosen, repeat: values[chosen] + 1e-3 * noise(1, chosen, repeat),
        candidates=named,
    ).trace
    step = trace.steps[0]
    assert (step.reference, step.taken) == ("a", taken)
    assert trace.best is not None
    assert (trace.best.chosen, chosen_by(trace)) == ((0, 1, 2, 3), dict(named)[taken])
    what = "smallest" if by == "functions" else "cheapest"
    assert step.said == f"The best is a. {taken} is the {what} that is non-inferior to it within the margin."
    told = {entry.label: entry.compared for entry in step.tried}
    assert told["a"] is None
    assert [told[label].non_inferior for label in "bcd"] == [True, True, False]  # type: ignore[union-attr]


def test_a_best_that_none_equals_stays() -> None:
    """Where no smaller set is shown to be as good, the best is the choice."""
    named: list[tuple[str, Chosen]] = [("a", (0, 1)), ("b", (0,))]
    trace = searched(Smallest(kind="smallest", model="m"), ground(8), candidates=named).trace
    assert chosen_by(trace) == (0, 1)
    assert trace.steps[0].said == "The best is a, and no smaller one is shown to be as good within the margin."


# ---------------------------------------------------------------------------------- candidates known from the start


def test_ranges_of_shifts_alone_and_with_the_angular_functions() -> None:
    """Both ends belong to a range, the grid's last bits do not matter, and angular functions go with every range."""
    on = ground(radial([0.0, 0.05, 1.0, 2.0 + 1e-12, 3.0], angular=2))
    ranges = ((0.0, 0.0), (0.05, 2.0), (2.5, 6.0))
    made = candidates.shifts(ByShift(kind="by-shift", ranges=ranges, **OF), on)
    assert made == [
        ("G2 of R_s = 0", (0,)),
        ("G2 of R_s = 0 and angular", (0, 5, 6)),
        ("G2 of R_s 0.05 to 2", (1, 2, 3)),
        ("G2 of R_s 0.05 to 2 and angular", (1, 2, 3, 5, 6)),
        ("G2 of R_s 2.5 to 6", (4,)),
        ("G2 of R_s 2.5 to 6 and angular", (4, 5, 6)),
    ]
    alone = candidates.shifts(ByShift(kind="by-shift", ranges=ranges, angular="without", **OF), on)
    together = candidates.shifts(ByShift(kind="by-shift", ranges=ranges, angular="with", **OF), on)
    assert (alone, together) == (made[::2], made[1::2])


def test_all_shifts_of_the_pool_of_329_against_zero() -> None:
    """The study's question: 201 functions have R_s = 0, 68 have R_s > 0, and 60 are angular."""
    on = ground(preset("thesis-329").functions)
    spec = ByShift(kind="by-shift", ranges=((0.0, 0.0), (0.05, 6.8)), **OF)
    assert [len(chosen) for _, chosen in candidates.shifts(spec, on)] == [201, 261, 68, 128]


def test_random_subsets_are_different_and_of_their_size() -> None:
    """The draws of one size depend on the seed and on no other size."""
    spec = RandomSubsets(kind="random-subsets", sizes=(3, 5), draws=10, **OF)
    made = candidates.subsets(spec, ground(8))
    assert [label for label, _ in made[::10]] == ["3 functions, draw 1", "5 functions, draw 1"]
    assert [len(set(chosen)) for _, chosen in made] == [3] * 10 + [5] * 10
    assert len({chosen for _, chosen in made}) == 20
    assert all(list(chosen) == sorted(chosen) and set(chosen) <= set(range(8)) for _, chosen in made)
    assert candidates.subsets(replace(spec, sizes=(5,)), ground(8)) == made[10:]
    assert candidates.subsets(spec, ground(8, seed=2)) != made


def test_random_subsets_are_drawn_evenly() -> None:
    """Over 300 seeds every function is in as many subsets as any other, to 4 standard deviations."""
    spec = RandomSubsets(kind="random-subsets", sizes=(3,), draws=5, **OF)
    hits = np.zeros(8)
    for root in range(300):
        for _, chosen in candidates.subsets(spec, ground(8, seed=root)):
            hits[list(chosen)] += 1
    assert np.abs(hits - 1500 * 3 / 8).max() < 4 * math.sqrt(1500 * 3 / 8 * 5 / 8)


def test_all_subsets_of_a_size_can_be_drawn() -> None:
    """As many draws as there are subsets give every one of them."""
    made = candidates.subsets(RandomSubsets(kind="random-subsets", sizes=(2,), draws=10, **OF), ground(5))
    assert len({chosen for _, chosen in made}) == math.comb(5, 2)


def test_evenly_spaced_groups_are_a_to_d_of_the_study() -> None:
    """Step 8/4/4 and the four starts give the published groups; every step goes with every start."""
    pool = preset("thesis-329").functions
    on = ground(pool)
    starts = tuple((1 + at, 202 + at, 1 + at) for at in range(4))
    for step in ((8, 4, 4), (16, 8, 8)):
        spec = EvenlySpacedGroups(kind="evenly-spaced", steps=(step,), starts=starts, **OF)
        made = candidates.groups(spec, on)
        assert [label for label, _ in made[:1]] == [f"steps {step[0]}/{step[1]}/{step[2]}, starts 1/202/1"]
        for (_, chosen), start in zip(made, starts, strict=True):
            assert [pool[place] for place in chosen] == list(evenly_spaced(step, start).functions)
    both = EvenlySpacedGroups(kind="evenly-spaced", steps=((8, 4, 4), (16, 8, 8)), starts=starts, **OF)
    assert len(candidates.groups(both, on)) == 8
    assert [pool[place] for place in candidates.groups(both, on)[1][1]] == list(preset("thesis-57-B").functions)


@pytest.mark.parametrize("race", [None, HALVING, FRIEDMAN])
def test_the_best_of_known_candidates_is_chosen(race: Race | None) -> None:
    """Of all ranges the one of the best mean, in words, and every other is compared with it."""
    on = ground(radial([0.0, 1.0, 2.0, 3.0], angular=1), repeats=6)
    spec = ByShift(kind="by-shift", ranges=((0, 0), (1, 2), (3, 3)), race=race, **OF)
    level = {(0,): 5.0, (0, 4): 4.0, (1, 2): 3.0, (1, 2, 4): 2.0, (3,): 4.5, (3, 4): 2.5}
    trace = searched(spec, on, lambda chosen, repeat: level[chosen] + 0.05 * noise(3, chosen, repeat)).trace
    step = trace.steps[0]
    assert step.said == "Of 6 ranges of R_s the one of the best mean was chosen: G2 of R_s 1 to 2 and angular."
    assert chosen_by(trace) == (1, 2, 4)
    assert step.reference == step.taken == "G2 of R_s 1 to 2 and angular"
    for entry in step.tried:
        assert (entry.compared is None) == (entry.label == step.taken)
        if entry.compared is not None:
            expected = level[entry.chosen] - 2.0
            assert entry.compared.difference == pytest.approx(expected, abs=0.2)


# ------------------------------------------------------------------------------------ laws over all kinds of search


_RACES = st.sampled_from(
    [None, HALVING, FRIEDMAN, Race(rule="halving", first=1), Race(rule="friedman", first=2, alpha=0.3)]
)
POOL = radial([0.0, 0.0 + 0.5, 1.0, 2.0], angular=3)
NAMED: list[tuple[str, Chosen]] = [("a", (0, 1, 2)), ("b", (3, 4)), ("c", (5,)), ("d", (0, 1, 2, 3, 4))]


@st.composite
def specs(draw: st.DrawFn) -> Strategy:
    """Draw a strategy on a pool of seven functions."""
    race = draw(_RACES)
    counts = draw(st.lists(st.integers(1, 6), min_size=1, max_size=3, unique=True))
    of: dict[str, Any] = OF | {"race": race}
    return draw(
        st.sampled_from(
            [
                ByShift(kind="by-shift", ranges=((0, 0), (0.5, 1), (2, 3)), **of),
                RandomSubsets(kind="random-subsets", sizes=tuple(counts), draws=4, **of),
                DropOne(kind="drop-one", remove=tuple(counts), **of),
                Backward(kind="backward", step=counts[0], least=counts[-1], **of),
                Backward(kind="backward", order="random", step=counts[0], **of),
                Backward(kind="backward", order="listed", step=counts[0], **of),
                Forward(kind="forward", most=counts[0], **of),
                Backward(kind="backward", order="weight", step=counts[0], **of),
                ByWeight(
                    kind="by-weight",
                    by=draw(st.sampled_from(["absolute", "sum", "permutation", "gain"])),
                    drop=tuple(counts),
                    **of,
                ),
                Smallest(kind="smallest", model="m", by=draw(st.sampled_from(["functions", "operations"]))),
            ]
        )
    )


def _table(root: int, diverge: float) -> Scores:
    def scores(chosen: Chosen, repeat: int) -> float:
        rng = np.random.default_rng([root, repeat, *chosen])
        value = 5 + 0.3 * rng.standard_normal() + 0.2 * len(chosen) * np.random.default_rng(root).standard_normal()
        return math.nan if rng.random() < diverge else float(value)

    return scores


LAW = given(
    specs(), st.integers(0, 10**6), st.integers(2, 9), st.sampled_from([0.0, 0.05, 0.5, 1.0]), st.sampled_from([0, 0.3])
)


def _played(spec: Strategy, on: Ground, scores: Scores) -> Played:
    beside = {"candidates": NAMED} if isinstance(spec, Smallest) else {}
    return play(search(spec, on, **beside), scores, metric=on.metric, weights=lambda place, _: (0.0, place))


@settings(max_examples=40, deadline=None)
@LAW
def test_the_same_results_give_the_same_requests(
    spec: Strategy, root: int, repeats: int, diverge: float, ratio: float
) -> None:
    """A search that is started again asks for the same, in the same order, and ends in the same trace."""
    on = ground(POOL, repeats=repeats, test_to_train=ratio)
    one, other = (_played(spec, on, _table(root, diverge)) for _ in range(2))
    assert one.questions == other.questions
    assert one.trace == other.trace


@settings(max_examples=40, deadline=None)
@LAW
def test_no_search_asks_for_more_than_was_said_before(
    spec: Strategy, root: int, repeats: int, diverge: float, ratio: float
) -> None:
    """The number that a plan shows is a bound, whatever the scores; no training is of the empty set."""
    on = ground(POOL, repeats=repeats, test_to_train=ratio)
    played = _played(spec, on, _table(root, diverge))
    assert len(played.trainings) <= at_most(spec, on, len(NAMED))
    assert all(job.chosen and 0 <= job.repeat < repeats for job in played.trainings)
    assert all(list(job.chosen) == sorted(set(job.chosen)) for job in played.trainings)


@settings(max_examples=40, deadline=None)
@LAW
def test_a_trace_tells_every_training_and_every_stop(
    spec: Strategy, root: int, repeats: int, diverge: float, ratio: float
) -> None:
    """All scores stand in the trace, of each candidate from the first repeat on; whoever has fewer has a reason."""
    on = ground(POOL, repeats=repeats, test_to_train=ratio)
    scores = _table(root, diverge)
    played = _played(spec, on, scores)
    told: dict[Asked, float | None] = {}
    for step in played.trace.steps:
        labels = [entry.label for entry in step.tried]
        assert len(set(labels)) == len(labels)
        assert {step.reference, step.taken} - {None} <= set(labels)
        for entry in step.tried:
            told |= {Asked(entry.chosen, repeat): score for repeat, score in enumerate(entry.scores)}
            assert entry.value is not None or (entry.stopped is not None) == (len(entry.scores) < repeats)
            assert entry.stopped is None or (entry.stopped.startswith("After ") and entry.stopped.endswith("."))
            assert entry.mean is None or entry.mean == pytest.approx(np.mean(entry.scores))  # type: ignore[arg-type]
    assert told.keys() == set(played.trainings)
    for job, score in told.items():
        true = scores(job.chosen, job.repeat)
        assert score is None if math.isnan(true) else score == true
    if diverge == 1.0:
        assert played.trace.choice is None
        assert played.trace.best is None
        assert "diverged" in played.trace.steps[-1].said


@settings(max_examples=40, deadline=None)
@LAW
def test_a_metric_whose_larger_values_are_better_is_a_mirror(
    spec: Strategy, root: int, repeats: int, diverge: float, ratio: float
) -> None:
    """With every score's sign turned, and the direction too, the same is asked for and the same is chosen."""
    on = ground(POOL, repeats=repeats, test_to_train=ratio)
    scores = _table(root, diverge)
    one = _played(spec, on, scores)
    other = _played(spec, replace(on, lower_is_better=False), lambda chosen, repeat: -scores(chosen, repeat))
    assert one.questions == other.questions
    for ours, theirs in ((one.trace.choice, other.trace.choice), (one.trace.best, other.trace.best)):
        assert (ours is None) == (theirs is None)
        if ours is not None and theirs is not None:
            assert ours.chosen == theirs.chosen
            assert (ours.explored is None) == (theirs.explored is None)
            if ours.explored is not None and theirs.explored is not None:
                assert (theirs.explored, theirs.least) == (pytest.approx(-ours.explored), -(ours.least or 0))


@pytest.mark.parametrize("metric", ["rmse", "mae", "half_mse"])
def test_the_declared_metric_is_what_counts(metric: str) -> None:
    """The score is read under the metric's key."""
    played = play(search(DropOne(kind="drop-one", **OF), ground(8, metric=metric)), planted, metric=metric)
    assert chosen_by(played.trace) == (0, 1, 2, 3, 4, 6, 7)


# ----------------------------------------------------------------------------------------------------------- races


def test_halving_asks_for_just_what_was_planned() -> None:
    """57 candidates with 8 repeats, halved after 2 and 4: 57·2 + 29·2 + 15·4 = 232 trainings in place of 456."""
    on = ground(57, repeats=8)
    spec = DropOne(kind="drop-one", race=HALVING, **OF)
    played = searched(spec, on, lambda chosen, repeat: 5 + noise(2, chosen, repeat))
    alone = [job for job in played.trainings if len(job.chosen) == 56]
    assert len(alone) == 57 * 2 + 29 * 2 + 15 * 4
    assert at_most(spec, on) == len(alone) + 8 + 8
    assert played.trace.steps[0].said.endswith("were stopped before their last repeat: 232 trainings in place of 456.")
    assert [len(question) for question in played.questions] == [8, 114, 58, 60, 8]


def test_a_race_never_stops_as_many_as_are_removed() -> None:
    """Where six are to be left out together, the six best keep all their repeats."""
    on = ground(8, repeats=8)
    for rule in (HALVING, Race(rule="friedman", first=2, alpha=0.4)):
        spec = DropOne(kind="drop-one", remove=(6,), race=rule, **OF)
        played = searched(spec, on, lambda chosen, repeat: planted(chosen, repeat) * 5)
        full = [entry for entry in played.trace.steps[0].tried[1:] if entry.stopped is None]
        assert len(full) >= 6
        assert [entry.stopped for entry in played.trace.steps[0].tried[1:7]] == [None] * 6


@pytest.mark.parametrize("race", [HALVING, FRIEDMAN])
def test_races_stop_the_hopeless_and_spare_trainings(race: Race) -> None:
    """With clear differences fewer trainings are asked for, and the choice is that of a race without stops."""
    on = ground(8, repeats=10)
    plain, raced = (searched(DropOne(kind="drop-one", remove=(2,), race=rule, **OF), on) for rule in (None, race))
    assert len(raced.trainings) < len(plain.trainings)
    assert chosen_by(raced.trace) == chosen_by(plain.trace)


# ------------------------------------------------------------------------------------------- refused before it runs


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (
            RandomSubsets(kind="random-subsets", sizes=(3, 8), draws=2, **OF),
            r"^A subset of 8 is larger than the set, which has 7 functions; ask for at most 7\.$",
        ),
        (
            RandomSubsets(kind="random-subsets", sizes=(3, 3), draws=2, **OF),
            r"^The size 3 is given twice; keep one of them\.$",
        ),
        (
            RandomSubsets(kind="random-subsets", sizes=(7,), draws=2, **OF),
            r"^There are not 2 different subsets of 7 of 7 functions; ask for fewer draws, or leave out this size\.$",
        ),
        (
            RandomSubsets(kind="random-subsets", sizes=(6,), draws=8, **OF),
            r"^There are not 8 different subsets of 6 of 7 functions; ask for fewer draws, or leave out this size\.$",
        ),
        (
            ByShift(kind="by-shift", ranges=((0, 1), (1, 2)), **OF),
            (
                r"^The ranges \[0, 1\] and \[1, 2\] of R_s overlap \(both ends belong to a range\); give each "
                r"function to one of them\.$"
            ),
        ),
        (
            ByShift(kind="by-shift", ranges=((0.5, 3), (1, 2)), **OF),
            r"^The ranges \[0\.5, 3\] and \[1, 2\] of R_s overlap",
        ),
        (
            ByShift(kind="by-shift", ranges=((2, 1),), **OF),
            r"^A range of R_s runs from its lower to its upper end, found \[2, 1\]\.$",
        ),
        (
            ByShift(kind="by-shift", ranges=((0, 1), (5, 6)), **OF),
            r"^No radial function of the set has an R_s in \[5, 6\]; its R_s run from 0 to 2 Å\.$",
        ),
        (
            DropOne(kind="drop-one", remove=(1, 7), **OF),
            r"^To leave out 7 of 7 functions would leave an empty set; expected 'remove' of at most 6\.$",
        ),
        (
            ByWeight(kind="by-weight", drop=(7,), **OF),
            r"^To leave out 7 of 7 functions would leave an empty set; expected 'drop' of at most 6\.$",
        ),
        (DropOne(kind="drop-one", remove=(2, 2), **OF), r"^The number 2 is given twice; keep one of them\.$"),
        (
            Backward(kind="backward", step=7, **OF),
            r"^'step' is 7, and the set has 7 functions; ask for at most 6\.$",
        ),
        (
            Backward(kind="backward", least=7, **OF),
            r"^'least' is 7, and the set has 7 functions: nothing could be dropped; ask for at most 6\.$",
        ),
        (
            Forward(kind="forward", most=8, **OF),
            r"^'most' is 8, more than the 7 functions of the set; ask for fewer\.$",
        ),
        (
            EvenlySpacedGroups(kind="evenly-spaced", steps=((8, 4, 4),), starts=((1, 202, 1),), **OF),
            (
                r"^The group of steps \(8, 4, 4\) and starts \(1, 202, 1\) holds G2\(eta=0\.0013,rs=0,rc=6\.8\), which "
                r"is not in the set; did you mean 'G2\(eta=1\.85,rs=0,rc=6\.8\)'\?$"
            ),
        ),
    ],
)
def test_what_could_never_work_is_refused_before_anything_runs(spec: Strategy, sentence: str) -> None:
    """Each refusal is one sentence that says what was expected, what was found and what to do."""
    with pytest.raises(FeatureError, match=sentence):
        at_most(spec, ground(POOL))


def test_a_set_of_one_function_has_nothing_to_drop() -> None:
    """Backward elimination would have to train the empty set."""
    with pytest.raises(FeatureError, match=r"^'least' is 1, and the set has 1 function; name a larger set\.$"):
        at_most(Backward(kind="backward", **OF), ground(1))


def test_ranges_need_radial_and_angular_functions() -> None:
    """A set of one kind alone says which is lacking."""
    spec = ByShift(kind="by-shift", ranges=((0, 1),), **OF)
    without = r"^The set has no angular functions to go with a range of R_s; write angular: without\.$"
    with pytest.raises(FeatureError, match=without):
        at_most(spec, ground(radial([0.0, 1.0])))
    assert at_most(replace(spec, angular="without"), ground(radial([0.0, 1.0]))) == 4
    with pytest.raises(FeatureError, match=r"^No radial function of the set has an R_s in \[0, 1\]; it has no radial"):
        at_most(spec, ground(radial([], angular=2)))


def test_groups_that_overlap_are_refused() -> None:
    """Starts that are a step apart name the same functions again; a step of its own may."""
    on = ground(preset("thesis-329").functions)
    spec = EvenlySpacedGroups(kind="evenly-spaced", steps=((8, 4, 4),), starts=((1, 202, 1), (9, 206, 5)), **OF)
    sentence = (
        r"^The groups of steps 8/4/4, starts 1/202/1 and of steps 8/4/4, starts 9/206/5 overlap in 54 functions; "
        r"groups of one step start at different numbers within it\.$"
    )
    with pytest.raises(FeatureError, match=sentence):
        at_most(spec, on)
    nested = replace(spec, steps=((8, 4, 4), (16, 8, 8)), starts=((1, 202, 1),))
    assert at_most(nested, on) == 8


def test_who_diverged_stands_last_however_long_it_ran() -> None:
    """Of a race whose only survivor diverges in its last repeat the best of those that were stopped is chosen."""
    sets = ((0,), (1,), (2,))
    scores = np.array([[3.0, 3.0, np.nan], [1.0, 1.0, np.nan], [2.0, 2.0, np.nan]])
    raced = Raced(sets, scores, (2, 2, 3), ("behind", "behind", None))
    assert raced.order(ground(3)) == [1, 0, 2]
    assert raced.best(ground(3)) == 1
    assert Raced(sets[2:], scores[2:], (3,), (None,)).best(ground(3)) is None


def test_who_diverges_with_the_whole_is_not_as_good() -> None:
    """Where reference and candidate both diverge in a repeat the candidate is not called non-inferior."""
    ours, theirs = np.array([1.0, 1.01, np.nan, 1.0]), np.array([1.0, 1.0, np.nan, 1.02])
    found = compared(ground(2), ours, theirs, Margin(0.5))
    assert found is not None
    assert found.n == 3
    assert found.non_inferior is False

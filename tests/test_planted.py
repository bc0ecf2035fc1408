"""A planted truth: strategies find the functions that an energy depends on, more surely than chance does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from planted_data import POOL, SHELLS, Planted, crystals, explored, surroundings, table, trainings
from scipy import stats

from bpbench.exploration import Explored

TRUTH = (0, 7, 8, 13, 18)
OTHERS = len(POOL) - len(TRUTH)
STRATEGIES = {
    "drop-one": f"kind: drop-one, remove: [{OTHERS}]",
    "drop-one-halving": f"kind: drop-one, remove: [{OTHERS}], race: {{rule: halving, first: 2}}",
    "backward": "kind: backward",
    "backward-weight": "kind: backward, order: weight, step: 4",
    "forward": "kind: forward, most: 8",
    "by-weight": f"kind: by-weight, drop: [{OTHERS}]",
    "by-permutation": f"kind: by-weight, by: permutation, drop: [{OTHERS}]",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """Return real surroundings whose energy is linear in five of twenty functions."""
    return table(tmp_path_factory.mktemp("planted"), surroundings(), TRUTH, curved=False, seed=1)


@pytest.fixture(scope="module")
def found(data: Planted) -> Explored:
    """Return what all strategies found with the ridge."""
    return explored(data, "{kind: linear}", STRATEGIES)


@pytest.mark.parametrize("name", STRATEGIES)
def test_strategies_find_what_was_planted(data: Planted, found: Explored, name: str) -> None:
    """Everything planted is found, with a precision beyond the 95th percentile of random subsets of that size."""
    trace = found.traces[name, 0]
    assert trace.choice is not None
    precision, recall = data.found(trace.choice.chosen)
    mean, percentile = data.by_chance(len(trace.choice.chosen))
    assert recall == 1
    assert precision > percentile > mean


def test_races_find_the_same_for_fewer_trainings(found: Explored) -> None:
    """Halving twenty candidates spares a part of their repeats and chooses as the whole search does."""
    whole, raced = (found.traces[name, 0].choice for name in ("drop-one", "drop-one-halving"))
    assert whole is not None
    assert raced is not None
    assert whole.chosen == raced.chosen
    assert trainings(found, "drop-one-halving") < trainings(found, "drop-one") == 5 + 20 * 5 + 5


def test_the_best_of_random_subsets_hits_more_often_than_chance(tmp_path: Path) -> None:
    """Over ten truths the best of 20 draws holds more of it than the binomial of single draws would (p < 0.01)."""
    values, hits, rng = surroundings(), 0, np.random.default_rng(5)
    for seed in range(10):
        truth = rng.choice(len(POOL), 5, replace=False).tolist()
        data = table(tmp_path, values, truth, curved=False, seed=seed)
        choice = (
            explored(data, "{kind: linear}", {"r": "kind: random-subsets, sizes: [5], draws: 20"}).traces["r", 0].choice
        )
        assert choice is not None
        hits += len(set(choice.chosen) & set(truth))
    # the hypergeometric law of each is narrower than the binomial
    assert stats.binomtest(hits, 50, 5 / len(POOL), alternative="greater").pvalue < 0.01


def test_the_range_of_shifts_that_counts_is_chosen(tmp_path: Path) -> None:
    """Of four ranges of R_s the one whose shells were planted comes out, with nothing beside it."""
    truth = [place for place, item in enumerate(SHELLS) if 3.05 <= item.r_s <= 4.2]
    data = crystals(tmp_path, truth, seed=1)
    spec = "kind: by-shift, angular: without, ranges: [[2, 3], [3.05, 4.2], [4.3, 5], [5.3, 6.5]]"
    choice = explored(data, "{kind: linear}", {"ranges": spec}).traces["ranges", 0].choice
    assert choice is not None
    assert choice.chosen == tuple(truth)
    assert data.found(choice.chosen) == (1, 1)
    assert data.by_chance(3)[1] < 1


def test_chance_is_the_hypergeometric_law(data: Planted) -> None:
    """What strategies are held against, from 20000 random subsets."""
    rng = np.random.default_rng(2)
    drawn = np.array([data.found(tuple(rng.choice(20, 5, replace=False)))[0] for _ in range(20000)])
    mean, percentile = data.by_chance(5)
    assert mean == pytest.approx(5 / 20)
    assert drawn.mean() == pytest.approx(mean, abs=0.005)
    assert np.quantile(drawn, 0.95) == pytest.approx(percentile)

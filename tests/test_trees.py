"""Random forest and LightGBM: what they see, what they record, and that they keep silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from problems import changed, problem, ragged

from bpbench.jobs import LightGbm, RandomForest
from bpbench.models import fit
from bpbench.models.trees import pooled

if TYPE_CHECKING:
    from bpbench.models.contract import Fit, Floats, Ints, Problem


def run(spec: RandomForest | LightGbm, base: Problem, seed: int = 1) -> Fit:
    return fit(spec, base, weights_seed=seed, order_seed=0)


def rmse(base: Problem, energy: Floats, part: Ints) -> float:
    return 1000 * np.sqrt(np.mean(((energy - base.energy)[part] / base.atoms[part]) ** 2))


def test_pooled_columns_are_means_and_spreads() -> None:
    """Each frame is described by np.mean and np.std of its own atoms, one frame at a time."""
    base = ragged()
    ends = zip(base.offsets, base.offsets[1:], strict=False)
    frames = [base.values[:, first:last] for first, last in ends]
    expected = [np.concatenate([frame.mean(axis=1), frame.std(axis=1)]) for frame in frames]
    np.testing.assert_allclose(pooled(base.values, base.offsets), expected, rtol=1e-10, atol=1e-12)
    assert (pooled(base.values, base.offsets)[base.atoms == 1, 6:] == 0).all()


def test_forest_of_one_full_tree_on_all_columns_remembers_its_sample() -> None:
    """A forest answers with means of training targets: never outside their range, close on what it has seen."""
    base = problem([6] * 50)
    made = run(RandomForest("random-forest", trees=50), base)
    per_atom, seen = made.energy / base.atoms, base.energy[base.train] / base.atoms[base.train]
    assert seen.min() - 1e-12 <= per_atom.min()
    assert per_atom.max() <= seen.max() + 1e-12
    assert rmse(base, made.energy, base.train) < 0.6 * rmse(base, np.full(50, base.energy.mean()), base.train)
    assert (made.curve, made.checkpoint, made.converged, made.parameter_count) == ({}, None, None, None)


def test_forest_settings_reach_it() -> None:
    """Depth and leaf size change the answer; leaves as large as the training part leave nothing but a mean."""
    base = problem([6] * 50)
    whole = run(RandomForest("random-forest", trees=5), base).energy
    assert not np.array_equal(whole, run(RandomForest("random-forest", trees=5, max_depth=1), base).energy)
    flat = run(RandomForest("random-forest", trees=5, min_samples_leaf=30), base).energy
    assert np.ptp(flat) < 1e-9


@pytest.mark.parametrize("spec", [RandomForest("random-forest", trees=5), LightGbm("lightgbm", rounds=20)])
def test_seed_reaches_the_draw(spec: RandomForest | LightGbm) -> None:
    """The same seed gives the same bits, another seed other trees."""
    base = problem([6] * 50)
    first, again, other = (run(spec, base, seed).energy for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_lightgbm_keeps_the_best_round() -> None:
    """The energies are those of the round of least validation RMSE, and the curve shows both parts in meV/atom."""
    base = problem([6] * 80)
    made = run(LightGbm("lightgbm", rounds=400, patience=20), base)
    assert made.checkpoint == 1 + int(np.argmin(made.curve["validation"]))
    assert len(made.curve["epoch"]) == made.checkpoint + 20
    assert made.converged is True
    for name, part in (("train", base.train), ("validation", base.validation)):
        assert rmse(base, made.energy, part) == pytest.approx(made.curve[name][made.checkpoint - 1], rel=1e-6)


def test_lightgbm_that_runs_out_of_rounds_is_not_converged() -> None:
    """When the rounds end before patience does, validation had not stopped improving."""
    made = run(LightGbm("lightgbm", rounds=5), problem([6] * 80))
    assert made.converged is False
    assert len(made.curve["epoch"]) == 5


def test_lightgbm_that_cannot_split_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    """Eight training frames and leaves of at least five: an answer of one mean, and a sentence, but no output."""
    base = changed(problem([6] * 30), train=np.arange(8), validation=np.arange(8, 12), test=np.arange(12, 30))
    made = run(LightGbm("lightgbm"), base)
    assert np.ptp(made.energy) < 1e-9
    assert made.remarks[0].startswith("LightGBM could not split 8 training configurations into leaves of at least 5")
    assert capfd.readouterr() == ("", "")


def test_lightgbm_works_with_twenty_frames(capfd: pytest.CaptureFixture[str]) -> None:
    """Twenty training frames are enough for a split; nothing is written."""
    base = changed(problem([6] * 30), train=np.arange(20), validation=np.arange(20, 25), test=np.arange(25, 30))
    made = run(LightGbm("lightgbm"), base)
    assert np.ptp(made.energy) > 1e-3
    assert made.remarks == ()
    assert capfd.readouterr() == ("", "")

"""Trees on the components of forces: the same as their libraries called by hand, and blind to a rotation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from problems import changed, problem
from scipy.spatial.transform import Rotation

from bpbench.descriptors.symmetry import evaluate
from bpbench.errors import DataError
from bpbench.features import G2, G5
from bpbench.identity import digest, plain
from bpbench.jobs import LightGbm, RandomForest, of_forces_alone
from bpbench.models import Fit, Problem, fit

Floats = Any
FOREST = RandomForest("random-forest", trees=8, max_depth=6, target="forces")
BOOSTED = LightGbm("lightgbm", rounds=60, patience=5, max_depth=3, target="forces")


def run(spec: RandomForest | LightGbm, base: Problem, seed: int = 1) -> Fit:
    return fit(spec, base, weights_seed=seed, order_seed=0)


def with_forces(sizes: list[int] | None = None, seed: int = 0) -> Problem:
    """Return a problem whose first two force components follow from the descriptors, and whose third is noise."""
    base = problem(sizes or [6] * 50, seed=seed)
    noise = np.random.default_rng(seed + 7).standard_normal((base.values.shape[1], 3))
    forces = np.stack([base.values[0] - base.values[1], np.sin(3 * base.values[2]), 0 * base.values[0]], axis=1)
    return changed(base, forces=forces + noise * [0.1, 0.1, 1.0])


def rows(base: Problem, part: Any) -> Any:
    """Return the atoms of some frames, one frame after another."""
    return np.concatenate([np.arange(base.offsets[frame], base.offsets[frame + 1]) for frame in part])


def two_elements() -> Problem:
    """Return a problem whose atoms are of two elements in turn, each with functions of its own."""
    base = with_forces()
    kind = np.arange(base.values.shape[1]) % 2
    return changed(base, elements=("Cu", "Au"), kind=kind, centres=(("Cu", (0, 1, 2)), ("Au", (5, 2))))


def forest_by_hand(columns: Floats, forces: Floats, learned: Any, seed: int = 1) -> Floats:
    from sklearn.ensemble import RandomForestRegressor

    made = RandomForestRegressor(8, max_depth=6, max_features=1 / 3, random_state=seed)
    return made.fit(columns[learned], forces[learned]).predict(columns)


def boosted_by_hand(columns: Floats, forces: Floats, learned: Any, judged: Any) -> tuple[Floats, list[int]]:
    from lightgbm import LGBMRegressor, early_stopping

    answers, rounds = [], []
    for axis in range(3):
        made = LGBMRegressor(
            num_leaves=15, max_depth=3, learning_rate=0.05, n_estimators=60, min_child_samples=5, subsample=0.8,
            subsample_freq=1, colsample_bytree=0.8, random_state=1, n_jobs=1, deterministic=True, force_row_wise=True,
            verbosity=-1,
        )  # fmt: skip
        stop = early_stopping(5, verbose=False)
        judge = {"eval_X": columns[judged], "eval_y": forces[judged, axis]}
        made.fit(columns[learned], forces[learned, axis], **judge, eval_metric="rmse", callbacks=[stop])
        answers.append(made.predict(columns))
        rounds.append(made.best_iteration_)
    return np.stack(answers, axis=1), rounds


def test_a_forest_is_scikit_learns_on_atoms() -> None:
    """One forest of three targets on the training atoms alone; it has no energy and no parameters."""
    base = with_forces()
    made = run(FOREST, base)
    expected = forest_by_hand(base.values.T, base.forces, rows(base, base.train))
    np.testing.assert_array_equal(made.forces, expected)
    assert (made.energy, made.parameters, made.curve, made.converged, made.checkpoint) == (None, {}, {}, None, None)


def test_lightgbm_is_three_boosters_stopped_on_validation_atoms() -> None:
    """Each component is boosted by itself, and its rounds are kept."""
    base = with_forces()
    made = run(BOOSTED, base)
    assert base.forces is not None
    atoms = (rows(base, base.train), rows(base, base.validation))
    expected, rounds = boosted_by_hand(base.values.T, base.forces, *atoms)
    np.testing.assert_allclose(made.forces, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(made.parameters["rounds"], rounds)
    assert rounds[0] > 5 * rounds[2]  # the third component is noise
    assert made.converged is False  # the first used up its rounds
    assert run(LightGbm("lightgbm", rounds=2000, patience=5, target="forces"), base).converged is True


def test_forces_of_the_test_part_are_never_read() -> None:
    """What the forces of test atoms are changes nothing, not even where they are no numbers."""
    base = with_forces()
    assert base.forces is not None
    spoiled = base.forces.copy()
    spoiled[rows(base, base.test)] = np.nan
    for spec in (FOREST, BOOSTED):
        np.testing.assert_array_equal(run(spec, base).forces, run(spec, changed(base, forces=spoiled)).forces)


def test_a_cap_draws_training_atoms_with_the_seed() -> None:
    """So many training atoms are drawn without replacement, others with another seed; a cap above them is none."""
    base = with_forces()
    capped = RandomForest("random-forest", trees=8, max_depth=6, target="forces", atoms=40)
    learned = rows(base, base.train)
    for seed in (1, 2):
        drawn = np.sort(np.random.default_rng(seed).choice(learned, 40, replace=False))
        expected = forest_by_hand(base.values.T, base.forces, drawn, seed)
        np.testing.assert_array_equal(run(capped, base, seed).forces, expected)
    loose = RandomForest("random-forest", trees=8, max_depth=6, target="forces", atoms=len(learned))
    np.testing.assert_array_equal(run(loose, base).forces, run(FOREST, base).forces)


def test_each_element_has_trees_of_its_own() -> None:
    """Trees of an element learn from its atoms, on the functions of its centres in their order."""
    base = two_elements()
    assert base.forces is not None
    assert base.kind is not None
    made, boosted = run(FOREST, base), run(BOOSTED, base)
    assert made.forces is not None
    assert boosted.forces is not None
    for number, (element, functions) in enumerate(base.centres):
        own = np.flatnonzero(base.kind == number)
        learned, judged = (np.flatnonzero(np.isin(own, rows(base, part))) for part in (base.train, base.validation))
        columns = base.values[list(functions)][:, own].T
        np.testing.assert_array_equal(made.forces[own], forest_by_hand(columns, base.forces[own], learned))
        expected, rounds = boosted_by_hand(columns, base.forces[own], learned, judged)
        np.testing.assert_allclose(boosted.forces[own], expected, rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(boosted.parameters[f"{element}.rounds"], rounds)


def test_depth_reaches_both() -> None:
    """A depth of 1 leaves each tree two answers; LightGBM's other limits would allow more."""
    base = with_forces()
    shallow = LightGbm("lightgbm", rounds=1, max_depth=1, target="forces")
    for spec, most in ((RandomForest("random-forest", trees=1, max_depth=1, target="forces"), 2), (shallow, 2)):
        made = run(spec, base).forces
        assert made is not None
        assert len(np.unique(made[:, 0])) == most


def test_a_rotation_turns_forces_and_no_answer() -> None:
    """Forces of rotated frames are the rotated forces, and trees answer for both alike: they see no direction."""
    random = np.random.default_rng(3)
    functions = (G2(0.5, 0.0, 4.0), G2(1.5, 2.0, 4.0), G5(0.1, 2.0, 1, 4.0), G5(0.1, 4.0, -1, 4.0))
    count, each, cell = 12, 8, np.eye(3) * 6.0
    grid = np.stack(np.meshgrid(*[[0.0, 3.0]] * 3), axis=-1).reshape(-1, 3)
    moved = [grid + 0.4 * random.standard_normal((each, 3)) for _ in range(count)]
    rotation = Rotation.from_rotvec([0.4, -1.1, 0.7]).as_matrix()
    # Of every frame as it is, then of every one rotated: values, and the forces of the energy Σ G of its own geometry.
    seen = [
        evaluate(functions, positions @ turn.T, cell @ turn.T, [True] * 3, [13] * each)
        for turn in (np.eye(3), rotation)
        for positions in moved
    ]
    forces = np.concatenate([-item.adjoint(np.ones((len(functions), each))) for item in seen])
    first, second = forces[: count * each], forces[count * each :]
    np.testing.assert_allclose(second, first @ rotation.T, atol=1e-12)
    assert np.linalg.norm(second - first) > np.linalg.norm(first)
    part = np.arange(2 * count)
    base = Problem(
        names=tuple(function.name for function in functions),
        values=np.concatenate([item.values for item in seen], axis=1),
        offsets=np.arange(2 * count + 1) * each,
        energy=np.zeros(2 * count),
        train=part[:8],
        validation=part[8:count],
        test=part[count:],
        forces=forces,
    )
    for spec in (FOREST, BOOSTED):
        answer = run(spec, base).forces
        assert answer is not None
        assert np.ptp(answer, axis=0).min() > 0.0
        np.testing.assert_allclose(answer[count * each :], answer[: count * each], rtol=1e-12)


@pytest.mark.parametrize("lie", ["alike", "inverted by half", "in every orientation"])
def test_what_is_learned_of_a_direction_is_how_the_data_lie(lie: str) -> None:
    """Of frames along one axis a mean force is learned, and beats zero; with their inversions or turns nothing does."""
    random = np.random.default_rng(5)
    base = problem([6] * 200)
    axis = np.tile([0.0, 0.6, 0.8], (200, 1))
    if lie == "inverted by half":
        axis *= random.choice([-1, 1], (200, 1))
    elif lie == "in every orientation":
        axis = Rotation.random(200, random).apply(axis)
    forces = (1.0 + base.values[0])[:, None] * np.repeat(axis, 6, axis=0)
    for spec in (FOREST, BOOSTED):
        made = run(spec, changed(base, forces=forces)).forces
        assert made is not None
        test = rows(base, base.test)
        error, zero = (np.mean((some - forces)[test] ** 2) for some in (made, 0.0 * made))
        assert error < 0.05 * zero if lie == "alike" else error > 0.98 * zero


@pytest.mark.parametrize("spec", [FOREST, BOOSTED])
def test_what_cannot_be_learned_is_refused(spec: RandomForest | LightGbm) -> None:
    """Data without forces, forces that are no numbers, and a part without an element."""
    base = with_forces()
    told = (
        r"^Trees with 'target: forces' learn from forces, and these data have none; give data with forces, or leave the"
    )
    with pytest.raises(DataError, match=told):
        run(spec, changed(base, forces=None))
    assert base.forces is not None
    bad = base.forces.copy()
    frame = int(base.validation[1])
    bad[base.offsets[frame] + 2, 1] = np.inf
    told = (
        rf"finite forces, that of atom 2 of validation frame {frame} is \[.*inf.*\]; remove the frame or correct it\.$"
    )
    with pytest.raises(DataError, match=told):
        run(spec, changed(base, forces=bad))
    alloy = two_elements()
    kind = np.zeros(base.values.shape[1], dtype=np.int64)
    kind[rows(base, base.train)[0]] = 1
    with pytest.raises(DataError, match=r"^The validation part has no atom of Au, whose forces trees are to predict"):
        run(spec, changed(alloy, kind=kind))


def test_older_models_keep_their_digests() -> None:
    """A forest on energies is what it was before there were others."""
    assert digest(RandomForest("random-forest")) == digest(RandomForest("random-forest", target="energy", atoms=None))
    assert {"target", "atoms", "max_depth"}.isdisjoint(plain(LightGbm("lightgbm")))
    assert of_forces_alone(BOOSTED)
    assert not of_forces_alone(LightGbm("lightgbm"))
    assert not of_forces_alone(None)

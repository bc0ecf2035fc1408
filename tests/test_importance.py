"""How much inputs matter: against scikit-learn, LightGBM, a slow twin and exact answers, and as a job in the store."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from problems import changed, problem, ragged
from test_work import CHUNK, MAKE, content, copied, store, training

from bpbench.data import splits
from bpbench.data.frames import Configurations
from bpbench.errors import RequestError
from bpbench.identity import address, seed
from bpbench.jobs import Adam, Hdnn, Importance, Kalman, LightGbm, Linear, RandomForest
from bpbench.models import Problem, evaluate, fit, importance
from bpbench.models.contract import from_arrays, to_arrays
from bpbench.models.scaling import reference_energy
from bpbench.models.trees import pooled
from bpbench.runner import work
from bpbench.runner.execute import execute

if TYPE_CHECKING:
    from pathlib import Path

    from bpbench.jobs import ModelSpec
    from bpbench.models.contract import Fit, Floats
    from bpbench.runner.store import Store

__all__ = ["store"]

RIDGE = Linear("linear")
NETWORK = Hdnn("hdnn", (4, 3), epochs=5, optimizer=Kalman("kalman"))
FOREST = RandomForest("random-forest", trees=20)
BOOSTED = LightGbm("lightgbm", rounds=100)
#: Every kind of model, and what a network may have besides.
MODELS: dict[str, ModelSpec] = {
    "ridge": RIDGE,
    "network": NETWORK,
    "ensemble": replace(NETWORK, ensemble=3),
    "skip": replace(NETWORK, skip=True, scaling="min-max"),
    "forest": FOREST,
    "boosted": BOOSTED,
}


def fitted(model: ModelSpec, base: Problem) -> Fit:
    return fit(model, base, weights_seed=3, order_seed=4)


def permuted(model: ModelSpec, base: Problem, shuffles: int = 5, root: int = 0) -> tuple[Floats, Floats]:
    parameters = fitted(model, base).parameters
    return importance.permutation(model, base, parameters, shuffles=shuffles, seed=root, weights_seed=3)


def planted(frames: int = 120, atoms: int = 6, seed: int = 5) -> Problem:
    """Return a problem whose energy depends on inputs 1, 4 and 6 of 8, in this order of weight, and a little noise."""
    random = np.random.default_rng(seed)
    base = problem([atoms] * frames, functions=8)
    owner = np.repeat(np.arange(frames), atoms)
    # What the atoms of a configuration have in common varies too, or trees would see nothing in means and spreads.
    values = random.normal(size=(8, frames * atoms)) + 2 * random.normal(size=(8, frames))[:, owner]
    per_atom = 3.0 * values[1] - 2.2 * values[4] + 1.6 * values[6] + 0.1 * random.normal(size=values.shape[1])
    return changed(base, values=values, energy=np.add.reduceat(per_atom, base.offsets[:-1]))


# --------------------------------------------------------------------------------------------------- by permutation


def test_of_a_linear_problem_it_is_that_of_scikit_learn() -> None:
    """With one atom in each frame both shuffle the same, and agree within their Monte-Carlo errors.

    ``sklearn.inspection.permutation_importance`` of a linear regression with the weights of our ridge.
    """
    from sklearn.inspection import permutation_importance
    from sklearn.linear_model import LinearRegression

    random = np.random.default_rng(2)
    base = problem([1] * 300, functions=5)
    weights = np.array([0.5, -0.3, 0.1, 0.02, 0.0])
    values = random.normal(size=(5, 300))
    base = changed(base, values=values, energy=weights @ values + 0.05 * random.normal(size=300))
    made = fitted(RIDGE, base)
    theirs = LinearRegression().fit(base.values.T, made.energy)  # the ridge's own plane
    part = base.validation
    found = permutation_importance(
        theirs,
        base.values.T[part],
        base.energy[part],
        scoring="neg_root_mean_squared_error",
        n_repeats=400,
        random_state=1,
    )
    mean, spread = permuted(RIDGE, base, shuffles=400)
    error = 1000 * np.sqrt(found.importances_std**2 / 400 + (spread / 1000) ** 2 / 400)
    assert np.all(np.abs(mean - 1000 * found.importances_mean) < 4 * error + 1e-9)
    np.testing.assert_allclose(spread[:3], 1000 * found.importances_std[:3], rtol=0.2)  # sd of an sd of 400: 4 %


def test_of_a_linear_problem_without_error_it_is_the_exact_rise() -> None:
    """E = Σ w·G exactly: the RMSE after a shuffle is √2 |w| σ_d in the mean over shuffles, for frames of one atom.

    Over all permutations the mean of (x_π(i) - x_i)² is 2 σ², the atoms that stay in place included.
    """
    random = np.random.default_rng(4)
    base = problem([1] * 2000, functions=3)
    weights, values = np.array([0.5, -0.2, 0.0]), random.normal(size=(3, 2000))
    mean, _ = permuted(Linear("linear", (1e-12,)), changed(base, values=values, energy=weights @ values), shuffles=200)
    expected = 1000 * np.sqrt(2) * np.abs(weights) * values[:, base.validation].std(axis=1)
    np.testing.assert_allclose(mean, expected, rtol=5e-3, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_it_is_what_the_slow_obvious_way_gives(name: str, precision: str) -> None:
    """Shuffle in a copy of all values, answer anew, score: the same numbers, for every model and both precisions."""
    model, base = MODELS[name], ragged(frames=30, functions=4)
    base = changed(base, values=base.values.astype(precision))
    made = fitted(model, base)
    part = base.validation
    own = np.concatenate([np.arange(base.offsets[frame], base.offsets[frame + 1]) for frame in part])

    def error(values: Any) -> float:
        if isinstance(model, RandomForest | LightGbm):
            energy = _twin(model, base, values)
        else:
            energy = evaluate(model, made.parameters, values, base.offsets)
        return float(1000 * np.sqrt(np.mean(((energy - base.energy)[part] / base.atoms[part]) ** 2)))

    rises = np.empty((4, 3))
    for row, called in enumerate(base.names):
        random = np.random.default_rng(seed(7, "input", called))
        for number in range(3):
            values = base.values.copy()
            values[row, own] = random.permutation(base.values[row, own])
            rises[row, number] = error(values) - error(base.values)
    mean, spread = permuted(model, base, shuffles=3, root=7)
    np.testing.assert_allclose(mean, rises.mean(axis=1), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(spread, np.std(rises, axis=1, ddof=1), rtol=1e-5, atol=1e-7)


def _twin(model: RandomForest | LightGbm, base: Problem, values: Any) -> Floats:
    """Return energies of other values by trees grown on the problem, whose frames and theirs stand in one fit."""
    frames = len(base.energy)
    twice = changed(
        base,
        values=np.concatenate([base.values, values], axis=1),
        offsets=np.concatenate([base.offsets, base.offsets[-1] + base.offsets[1:]]),
        energy=np.concatenate([base.energy, base.energy]),
    )
    return fitted(model, twice).energy[frames:]


@pytest.mark.parametrize("name", MODELS)
def test_planted_inputs_come_first(name: str) -> None:
    """The three inputs that the energy depends on matter most, in the order of their weights, the others far less."""
    model = MODELS[name]
    if isinstance(model, Hdnn):
        model = replace(model, epochs=30)
    mean, _ = permuted(model, planted(frames=400))
    assert list(np.argsort(-mean)[:3]) == [1, 4, 6]
    assert np.abs(np.delete(mean, [1, 4, 6])).max() < 0.3 * mean[6]


def test_shuffles_follow_from_the_name_alone() -> None:
    """An input's shuffles are the same wherever it stands among the others, and the same bits come twice."""
    base = planted()
    turned = changed(base, names=base.names[::-1], values=base.values[::-1].copy())
    for model in (RIDGE, NETWORK):
        first, again = permuted(model, base), permuted(model, base)
        assert np.array_equal(first[0], again[0])
        assert np.array_equal(first[1], again[1])
    np.testing.assert_allclose(permuted(RIDGE, turned)[0][::-1], permuted(RIDGE, base)[0], rtol=1e-6, atol=1e-9)
    assert not np.array_equal(permuted(RIDGE, base, root=1)[0], permuted(RIDGE, base)[0])


@pytest.mark.parametrize("name", MODELS)
def test_a_dropped_input_matters_nothing(name: str) -> None:
    """An input that was constant over the training atoms rises by exactly 0, and nothing else is touched by it."""
    base = planted()
    values = base.values.copy()
    values[2] = 1.0
    unseen = np.repeat(base.validation, 6) * 6 + np.tile(np.arange(6), len(base.validation))
    values[2, unseen] = np.arange(len(unseen))
    held = values.copy()
    mean, spread = permuted(MODELS[name], changed(base, values=values))
    assert (mean[2], spread[2]) == (0.0, 0.0)
    assert np.array_equal(values, held)


def test_tables_too_large_to_be_copied_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond ``HELD`` bytes the kernels read values where they are; the numbers stay, the problem's values too."""
    base = ragged(frames=30, functions=4)
    held, before = base.values.copy(), permuted(NETWORK, base)
    monkeypatch.setattr("bpbench.models.replica.HELD", 0)
    after = permuted(NETWORK, base)
    assert np.array_equal(before[0], after[0])
    assert np.array_equal(base.values, held)


def test_one_shuffle_has_no_spread_and_none_is_refused() -> None:
    """The spread of a single number is none; without a shuffle there is no answer."""
    mean, spread = permuted(RIDGE, planted(), shuffles=1)
    assert np.isfinite(mean).all()
    assert np.isnan(spread).all()
    with pytest.raises(RequestError, match=r"needs at least 1 shuffle of each input, found 0\."):
        permuted(RIDGE, planted(), shuffles=0)


# ---------------------------------------------------------------------------------------------------------- by gain


def test_gain_is_lightgbms_own() -> None:
    """The shares of ``Booster.feature_importance("gain")`` of a booster that LightGBM trains on the pooled columns."""
    import lightgbm

    base = planted()
    inputs, target = pooled(base.values, base.offsets), base.energy / base.atoms - reference_energy(base)
    settings = {
        "objective": "regression", "metric": "rmse", "learning_rate": 0.05, "num_leaves": 15, "min_data_in_leaf": 5,
        "bagging_fraction": 0.8, "bagging_freq": 1, "feature_fraction": 0.8, "seed": 3, "deterministic": True,
        "force_row_wise": True, "num_threads": 1, "verbosity": -1,
    }  # fmt: skip
    data = lightgbm.Dataset(inputs[base.train], target[base.train], params=settings)
    unseen = data.create_valid(inputs[base.validation], target[base.validation])
    stop = lightgbm.early_stopping(2, verbose=False)
    booster = lightgbm.train(settings, data, 100, valid_sets=[unseen], callbacks=[stop])
    both = booster.feature_importance("gain", iteration=booster.best_iteration)
    expected = both[:8] + both[8:]
    found = importance.gain(replace(BOOSTED, patience=2), base, weights_seed=3)
    np.testing.assert_allclose(found, expected / expected.sum(), rtol=1e-9)
    assert found.sum() == pytest.approx(1)


def test_gain_of_a_forest_is_scikit_learns_own() -> None:
    """``feature_importances_`` of a forest that scikit-learn grows on the pooled columns."""
    from sklearn.ensemble import RandomForestRegressor

    base = planted()
    inputs, target = pooled(base.values, base.offsets), base.energy / base.atoms - reference_energy(base)
    forest = RandomForestRegressor(20, max_features=1 / 3, random_state=3).fit(inputs[base.train], target[base.train])
    both = forest.feature_importances_
    found = importance.gain(FOREST, base, weights_seed=3)
    np.testing.assert_allclose(found, both[:8] + both[8:], rtol=1e-9)
    assert found.sum() == pytest.approx(1)


@pytest.mark.parametrize("model", [FOREST, BOOSTED])
def test_gain_ranks_planted_inputs_first(model: RandomForest | LightGbm) -> None:
    """The three inputs that the energy depends on gain most, in the order of their weights."""
    assert list(np.argsort(-importance.gain(model, planted(frames=400), weights_seed=3))[:3]) == [1, 4, 6]


def test_trees_without_a_split_gain_nothing() -> None:
    """Leaves as large as the training part leave no split: zeros, and no division by zero."""
    base = planted(frames=30)
    for model in (
        LightGbm("lightgbm", rounds=5, min_samples_leaf=20),
        RandomForest("random-forest", 5, min_samples_leaf=20),
    ):
        assert np.array_equal(importance.gain(model, base, weights_seed=3), np.zeros(8))


@pytest.mark.parametrize("model", [RIDGE, NETWORK])
def test_gain_needs_trees(model: ModelSpec) -> None:
    """A model without trees is refused by one sentence that says what to ask instead."""
    with pytest.raises(RequestError, match=rf"^By gain needs a model of trees: .* found {model.kind}; ask it by perm"):
        importance.gain(model, planted(), weights_seed=3)


# -------------------------------------------------------------------------------------------------------- by weight


@pytest.mark.parametrize("name", ["network", "ensemble", "skip"])
def test_weights_of_the_first_layer(name: str) -> None:
    """Node by node, network by network; an input that was dropped has no weights and 0."""
    base = planted()
    values = base.values.copy()
    values[2] = 1.0
    parameters = fitted(MODELS[name], changed(base, values=values)).parameters
    signed, absolute = importance.first_layer(MODELS[name], parameters)
    networks = parameters["weights-1"]
    assert networks.shape[1] == 7
    for row, place in enumerate([0, 1, None, 2, 3, 4, 5, 6]):
        each = [[0.0] if place is None else list(weights[place]) for weights in networks]
        assert signed[row] == pytest.approx(sum(map(sum, each)) / len(each))
        assert absolute[row] == pytest.approx(sum(abs(w) for weights in each for w in weights) / len(each))


def test_weights_tell_a_slope() -> None:
    """An energy that falls with input 0 and rises twice as steeply with input 1 gives one hidden node such weights."""
    base = planted()
    energy = np.add.reduceat(-0.02 * base.values[0] + 0.04 * base.values[1], base.offsets[:-1])
    model = Hdnn("hdnn", (1,), epochs=60, optimizer=Kalman("kalman"))
    parameters = fitted(model, changed(base, energy=energy)).parameters
    signed, absolute = importance.first_layer(model, parameters)
    spread = parameters["scale"]
    assert signed[0] * signed[1] < 0
    assert (absolute[1] / spread[1]) / (absolute[0] / spread[0]) == pytest.approx(2.0, rel=0.02)
    assert absolute[2:].max() < 0.02 * absolute[0]


def test_weights_of_the_ridge() -> None:
    """One weight for each input, that of standardised inputs: for an exact plane w σ/s."""
    base = planted()
    weights = np.array([0.3, -0.1, 0, 0, 0, 0.2, 0, 0])
    base = changed(base, energy=np.add.reduceat(weights @ base.values, base.offsets[:-1]))
    model = Linear("linear", (1e-12,))
    made = fitted(model, base)
    signed, absolute = importance.first_layer(model, made.parameters)
    own = np.concatenate([np.arange(base.offsets[f], base.offsets[f + 1]) for f in base.train])
    expected = weights * base.values[:, own].std(axis=1) / made.parameters["width"]
    np.testing.assert_allclose(signed, expected, atol=1e-6)
    np.testing.assert_allclose(absolute, np.abs(expected), atol=1e-6)


@pytest.mark.parametrize("model", [FOREST, BOOSTED])
def test_by_weight_needs_weights(model: ModelSpec) -> None:
    """Trees are refused by one sentence that says what to ask instead."""
    with pytest.raises(RequestError, match=rf"^By weight needs a model with weights: .* found {model.kind}; ask it by"):
        importance.first_layer(model, {})


# --------------------------------------------------------------------------------------------------------- as a job


TREES = {"forest": RandomForest("random-forest", trees=10), "boosted": LightGbm("lightgbm", rounds=20)}


def test_parameters_come_back_from_the_store_by_their_names(store: Store) -> None:
    """What a training keeps is what the fit had, so a stored network can be asked for its weights."""
    job = training("filter")
    execute([job], store)
    kept = from_arrays(store.load(job).arrays)
    signed, absolute = importance.first_layer(job.model, kept)
    assert signed.shape == absolute.shape == (22,)
    assert absolute.sum() == pytest.approx(np.abs(store.load(job).arrays["parameter-weights-1"]).sum())
    made = {"weights-1": kept["weights-1"], "skip": kept["skip"]}
    back = from_arrays(to_arrays(made) | {"energy": np.zeros(3)})
    assert list(back) == ["weights-1", "skip"]


def asked(name: str, by: Any = "permutation", **changes: Any) -> Importance:
    base = training("ridge", inputs=12)
    model = TREES[name] if name in TREES else training(name).model
    return Importance(replace(base, model=model), by, **changes)


@pytest.mark.parametrize("name", ["ridge", "filter", "ensemble", "adam", "forest", "boosted"])
def test_a_job_gives_what_the_function_gives(store: Store, name: str) -> None:
    """Through the store and back: names, unit and the numbers of the training's own validation part."""
    job = asked(name, shuffles=3, seed=11)
    went = execute([job], store)
    assert not went.failures
    kept, trained = store.load(job), store.load(job.training)
    names = [function.name for function in job.training.functions]
    assert kept.values == {"status": "done", "names": names, "unit": "meV/atom"}
    whole = Configurations.from_arrays(store.load(MAKE).arrays)
    parts = splits.draw(whole, job.training.split)
    values = np.asarray(store.load(CHUNK).arrays["values"])[:12]
    base = Problem(tuple(names), values, whole.offsets, whole.energy, parts.train, parts.validation, parts.test)
    made = fit(job.training.model, base, weights_seed=1, order_seed=2)
    np.testing.assert_array_equal(made.energy, trained.arrays["energy"])
    mean, spread = importance.permutation(
        job.training.model, base, made.parameters, shuffles=3, seed=11, weights_seed=1
    )
    np.testing.assert_array_equal(kept.arrays["importance"], mean)
    np.testing.assert_array_equal(kept.arrays["spread"], spread)


@pytest.mark.parametrize("name", list(TREES))
def test_a_job_asks_for_gain(store: Store, name: str) -> None:
    """Shares of one, and no spread."""
    job = asked(name, "gain")
    assert not execute([job], store).failures
    kept = store.load(job)
    assert (kept.values["unit"], sorted(kept.arrays)) == ("share", ["importance"])
    assert kept.arrays["importance"].shape == (12,)
    assert kept.arrays["importance"].sum() == pytest.approx(1)


def test_a_training_that_diverged_is_told(store: Store) -> None:
    """Nothing can be asked of it; its own sentence is the answer, and no failure."""
    job = asked("bad")
    assert not execute([job], store).failures
    kept = store.load(job)
    assert kept.values["status"] == "diverged"
    assert kept.values["message"] == store.load(job.training).values["message"]
    assert kept.values["names"] == [function.name for function in job.training.functions]
    assert kept.arrays == {}


def test_a_wrong_question_fails_with_its_sentence(store: Store) -> None:
    """Gain of a network fails that job alone."""
    job = asked("filter", "gain")
    went = execute([job, asked("filter")], store)
    assert [failed.message for failed in went.failures.values()] == [
        (
            "By gain needs a model of trees: expected random-forest or lightgbm, found hdnn; ask it by permutation, "
            "which every model can answer."
        )
    ]


def test_questions_share_the_inputs_of_their_trainings(store: Store, tmp_path: Path) -> None:
    """Trainings and questions on the same inputs gather them once, and company changes no bit."""
    jobs = [asked(name, seed=number) for number, name in enumerate(["ridge", "filter", "forest"])]
    assert len({work.cohort(job) for job in (*jobs, *(job.training for job in jobs))}) == 1
    assert work.needs(jobs[0]) == (jobs[0].training, CHUNK, MAKE)
    assert len({work.label(job) for job in jobs}) == 3
    together = copied(store, tmp_path / "together")
    gathered = []
    gather = work.gather
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "gather", lambda *args: (gathered.append(1), gather(*args))[1])
        assert not execute(jobs, together).failures
    assert len(gathered) == 1
    for number, job in enumerate(jobs):
        apart = copied(store, tmp_path / f"alone-{number}")
        execute([job], apart)
        assert content(apart, job) == content(together, job)


def test_what_decides_an_answer_decides_its_address() -> None:
    """Another training, way, number of shuffles or seed is another job."""
    jobs = [
        asked("ridge"), asked("filter"), asked("forest"), asked("forest", "gain"), asked("ridge", shuffles=6),
        asked("ridge", seed=1),
    ]  # fmt: skip
    assert len({address(job) for job in jobs}) == len(jobs)


def test_a_question_is_compiled_before_its_clock_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A question loads and compiles what its training would."""
    compiled: list[str] = []
    monkeypatch.setattr(work, "_compile", lambda kind, *_: compiled.append(kind))
    for name in ("filter", "adam", "ridge"):
        work.warm(asked(name))
    assert compiled == ["kalman", Adam().kind, "linear"]

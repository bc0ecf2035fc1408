"""The estimators: scikit-learn's own checks, what frames give, and every refusal."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ase.calculators.emt import EMT
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.utils.estimator_checks import estimator_checks_generator

import bpbench
from bpbench import described, models
from bpbench.data import aluminium, ase_files
from bpbench.descriptors.symmetry import describe_frames
from bpbench.errors import DataError, FeatureError, ParameterError
from bpbench.features import G2, FeatureSet, preset
from bpbench.jobs import Adam, Hdnn, Kalman, Linear
from bpbench.models.contract import Problem
from bpbench.regressor import HDNNRegressor, LinearRegressor, _divided

if TYPE_CHECKING:
    from bpbench.data.frames import Frames

SMALL = FeatureSet((G2(0.1, 0, 6.8), G2(1, 2.8, 6.8), G2(1, 4, 6.8), *preset("thesis-22").functions[-3:]))


@pytest.fixture(scope="module")
def frames() -> Frames:
    """Return 40 strained and shaken crystals of 16 atoms."""
    return aluminium.crystals(np.random.default_rng(3), 40)


@pytest.fixture(scope="module")
def atoms(frames: Frames) -> list[Any]:
    return ase_files.to_atoms(frames)


@pytest.fixture(scope="module")
def net(atoms: list[Any]) -> HDNNRegressor:
    return HDNNRegressor(SMALL, hidden=(5,), epochs=300, patience=10, random_state=1).fit(atoms)


# ------------------------------------------------------------------------------------------------------ their manners


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize(
    "estimator", [HDNNRegressor(), LinearRegressor()], ids=lambda estimator: type(estimator).__name__
)
def test_scikit_learns_checks_pass(estimator: Any) -> None:
    """Every check that scikit-learn has for a regressor passes, on rows of numbers; none is expected to fail."""
    from unittest import SkipTest

    passed, skipped = 0, []
    for made, check in estimator_checks_generator(estimator):
        try:
            check(made)
            passed += 1
        except SkipTest as error:
            skipped.append(str(error))
    assert passed > 40
    # What other array libraries give is taken as NumPy arrays.
    assert all("SCIPY_ARRAY_API" in why for why in skipped)


def test_a_search_over_models_finds_the_better(atoms: list[Any], frames: Frames) -> None:
    """A grid over feature sets and layers, folds by group, chooses what distinguishes shells over one lone width."""
    poor = FeatureSet((G2(2, 0, 3.0),))
    search = GridSearchCV(
        HDNNRegressor(random_state=1, epochs=30),
        {"features": [poor, SMALL], "hidden": [(2,), (4, 3)]},
        cv=GroupKFold(2),
    )
    search.fit(atoms, frames.energy, groups=np.arange(40) // 4)
    assert search.best_params_["features"] is not poor
    assert search.best_estimator_.predict(atoms[:2]).shape == (2,)
    ridge = cross_val_score(LinearRegressor(SMALL, random_state=0), atoms, frames.energy, cv=3)
    assert ridge.min() > 0.9


def test_clones_and_pickles_answer_alike(net: HDNNRegressor, atoms: list[Any]) -> None:
    """A clone has the parameters and no fit; a fitted estimator comes back from a pickle; one state gives one fit."""
    again = clone(net)
    assert again.get_params() == net.get_params()
    with pytest.raises(NotFittedError):
        again.predict(atoms)
    np.testing.assert_array_equal(again.fit(atoms).predict(atoms), net.predict(atoms))
    back = pickle.loads(pickle.dumps(net))  # noqa: S301 - our own bytes
    np.testing.assert_array_equal(back.predict(atoms[:3]), net.predict(atoms[:3]))
    np.testing.assert_array_equal(back.calculator().get_forces(atoms[0]), net.predict_forces(atoms[:1])[0])
    other = clone(net).set_params(random_state=2).fit(atoms)
    assert not np.array_equal(other.predict(atoms), net.predict(atoms))


def test_nothing_heavy_comes_with_the_package() -> None:
    """Neither ASE nor scikit-learn is imported before an estimator is asked for, and then it is there."""
    asked = (
        "import sys, bpbench; print({'ase', 'sklearn', 'numba', 'numpy'} & set(sys.modules)); "
        "print(bpbench.HDNNRegressor.__name__, 'calculator' in dir(bpbench), bpbench.calculator.__module__)"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["set()", "HDNNRegressor True bpbench.ase_calculator"]
    with pytest.raises(AttributeError, match=r"^module 'bpbench' has no attribute 'HDNN'$"):
        _ = bpbench.HDNN


# ------------------------------------------------------------------------------------------------------------- frames


@pytest.mark.parametrize(
    ("estimator", "model"),
    [
        (
            HDNNRegressor(SMALL, hidden=(4,), random_state=5),
            Hdnn("hdnn", (4,), epochs=20, optimizer=Kalman("kalman"), skip=True),
        ),
        (
            HDNNRegressor(
                SMALL,
                hidden=(4,),
                random_state=5,
                epochs=30,
                optimizer={"kind": "adam", "learning_rate": 0.02},
                skip=False,
            ),
            Hdnn("hdnn", (4,), epochs=30, optimizer=Adam(learning_rate=0.02)),
        ),
        (LinearRegressor(SMALL, strengths=(1e-4,), random_state=5), Linear("linear", (1e-4,))),
    ],
    ids=["kalman", "adam", "linear"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fit_is_that_of_the_models(estimator: Any, model: Any, atoms: list[Any], frames: Frames) -> None:
    """The estimator's predictions are those of the model fitted by hand to the same split and seeds."""
    made = clone(estimator).fit(atoms, frames.energy)
    assert made.model_ == model
    share, weights, order = np.random.RandomState(5).randint(0, 2**31 - 1, size=3)
    train, validation = _divided(np.arange(40), 40, 0.2, int(share))
    assert len(validation) == 8
    values = describe_frames(SMALL.functions, frames, 0, 40)
    problem = Problem(SMALL.names, values, frames.offsets, frames.energy, train, validation, np.empty(0, np.int64))
    by_hand = models.fit(model, problem, weights_seed=int(weights), order_seed=int(order))
    np.testing.assert_array_equal(made.predict(atoms), by_hand.energy)
    assert made.remarks_ == by_hand.remarks


def test_frames_are_taken_in_every_form(net: HDNNRegressor, atoms: list[Any], frames: Frames) -> None:
    """Frames, a list of Atoms and an array of Atoms give the same; so do energies given, or held by the frames."""
    boxed = np.empty(40, dtype=object)
    boxed[:] = atoms
    expected = net.predict(atoms)
    np.testing.assert_array_equal(net.predict(frames), expected)
    np.testing.assert_array_equal(net.predict(boxed), expected)
    again = clone(net).fit(boxed, list(frames.energy))
    np.testing.assert_array_equal(again.predict(atoms), expected)
    assert net.n_features_in_ == len(SMALL)
    assert net.functions_ == SMALL.functions


def test_forces_are_those_of_the_calculator_and_like_the_datas(net: HDNNRegressor, atoms: list[Any]) -> None:
    forces = net.predict_forces(atoms[:4])
    assert [part.shape for part in forces] == [(16, 3)] * 4
    copy = atoms[2].copy()
    copy.calc = net.calculator()
    np.testing.assert_array_equal(copy.get_forces(), forces[2])
    told = []
    for one in atoms[:4]:
        copy = one.copy()
        copy.calc = EMT()
        told.append(copy.get_forces())
    assert np.corrcoef(np.ravel(forces), np.ravel(told))[0, 1] > 0.75


def test_the_score_is_that_of_energies_per_atom(net: HDNNRegressor, atoms: list[Any]) -> None:
    """Of frames of two sizes, the score is R² per atom by hand, far below that of the totals, which sizes explain."""
    mixed = [*atoms[:6], *(one.repeat((2, 1, 1)) for one in atoms[6:12])]
    wanted = np.array([one.get_potential_energy() for one in atoms[:12]]) * np.repeat([1, 2], 6)
    sizes = np.repeat([16, 32], 6)
    noisy = wanted + 0.5 * np.random.default_rng(1).normal(size=12) * sizes / 16
    error = (net.predict(mixed) - noisy) / sizes
    by_hand = 1 - np.sum(error**2) / np.sum((noisy / sizes - np.mean(noisy / sizes)) ** 2)
    assert net.score(mixed, noisy) == pytest.approx(by_hand)
    assert net.score(atoms) == net.score(atoms, [one.get_potential_energy() for one in atoms])


def test_an_atom_is_a_row(net: HDNNRegressor, atoms: list[Any], frames: Frames) -> None:
    """Energies of single atoms by their descriptors add up to that of their frame; other widths are refused."""
    values = describe_frames(SMALL.functions, frames, 0, 1)
    assert net.predict(values.T).sum() == pytest.approx(net.predict(atoms[:1])[0], rel=1e-12)
    with pytest.raises(ValueError, match=r"X has 5 features, but HDNNRegressor is expecting 6"):
        net.predict(values[:5].T)


def test_frames_are_described_once(atoms: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What was described before is not described again, until too much is held; nothing changes by it."""
    asked: list[int] = []
    whole = described.describe_frames

    def counted(functions: Any, frames: Any, first: int, last: int, **more: Any) -> Any:
        asked.append(last - first)
        return whole(functions, frames, first, last, **more)

    monkeypatch.setattr(described, "describe_frames", counted)
    monkeypatch.setattr(described, "_kept", type(described._kept)())
    given = ase_files.of_atoms(atoms[:6])
    first = described.described(SMALL.functions, given.take(np.arange(4)), 1)
    later = described.described(SMALL.functions, given, 2)
    np.testing.assert_array_equal(first, later[:, : first.shape[1]])
    assert asked == [4, 2]
    monkeypatch.setattr(described, "_HELD", 3 * 16 * len(SMALL) * 8)
    described.described(SMALL.functions, given, 1)
    np.testing.assert_array_equal(described.described(SMALL.functions, given, 1), later)
    assert asked == [4, 2, 3]


# ---------------------------------------------------------------------------------------------------------- validation


def test_groups_stay_whole() -> None:
    """No group is on both sides, the share is met to half a group, and names change no draw."""
    groups = np.repeat(["c", "a", "b", "d", "e"], [3, 5, 4, 4, 4])
    seen = set()
    for seed in range(40):
        train, validation = _divided(groups, 20, 0.2, seed)
        assert not set(groups[train]) & set(groups[validation])
        assert sorted([*train, *validation]) == list(range(20))
        assert len(validation) in {3, 4, 5}
        seen |= set(groups[validation])
        renamed = _divided(np.char.add("x", groups[::1]), 20, 0.2, seed)
        np.testing.assert_array_equal(renamed[1], validation)
    assert seen == set("abcde")
    assert len(_divided(np.arange(4), 4, 0.01, 1)[1]) == 2
    assert len(_divided(np.arange(4), 4, 0.99, 1)[0]) == 2


def test_blocks_of_frames_are_their_groups(frames: Frames) -> None:
    blocked = replace(frames, block=np.repeat(np.arange(10), 4).astype(str))
    one = LinearRegressor(SMALL, random_state=3).fit(blocked)
    other = LinearRegressor(SMALL, random_state=3).fit(frames, groups=np.repeat(np.arange(10), 4))
    np.testing.assert_array_equal(one.predict(frames), other.predict(frames))


# ------------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"hidden": (0,)}, r"^HDNNRegressor, hidden\.0: .*0"),
        ({"activation": "tan"}, r"^HDNNRegressor, activation: .*tanh"),
        ({"epochs": 2.5}, r"^HDNNRegressor, epochs: "),
        ({"optimizer": "newton"}, r"^HDNNRegressor, optimizer"),
        ({"optimizer": {"kind": "adam", "rate": 1}}, r"^HDNNRegressor, optimizer\.rate: "),
        ({"batch": 8}, r"^HDNNRegressor, batch: 'batch' is Adam's, and kalman has none"),
        ({"force_weight": -1}, r"^HDNNRegressor, forces\.weight: "),
        (
            {"validation_fraction": 1},
            r"^HDNNRegressor, validation_fraction: expected a share between 0 and 1, found 1\.$",
        ),
    ],
)
def test_wrong_parameters_are_told_when_it_is_fitted(parameters: dict[str, Any], told: str, atoms: list[Any]) -> None:
    estimator = HDNNRegressor(SMALL).set_params(**parameters)
    with pytest.raises(ParameterError, match=told) as caught:
        estimator.fit(atoms)
    assert isinstance(caught.value, ValueError)


def test_wrong_data_are_told(atoms: list[Any], frames: Frames, net: HDNNRegressor) -> None:
    ridge = LinearRegressor(SMALL)
    silent = [one.copy() for one in atoms]
    for wrong, told in (
        (
            lambda: ridge.fit(silent),
            r"^y: no energies were given, and frame 0 holds none; give one energy \(eV\) for each",
        ),
        (
            lambda: ridge.fit(atoms, frames.energy[:3]),
            r"^y: expected one energy \(eV\) for each of 40 frames, found .*\(3,\)",
        ),
        (
            lambda: ridge.fit(atoms, groups=[1, 2]),
            r"^groups: expected one for each of 40 configurations, found .*\(2,\)\.$",
        ),
        (
            lambda: ridge.fit(atoms, groups=np.ones(40)),
            r"^groups: 40 configurations in 1 groups leave fewer than 2 to learn",
        ),
        (
            lambda: ridge.fit(atoms, groups=[0, None] * 20),
            r"^groups: expected labels of one kind, which can be put in order, such as numbers or names; found several",
        ),
        (lambda: ridge.fit(atoms[0]), r"^Expected a list of frames, found one ase\.Atoms; put it into a list\.$"),
        (
            lambda: LinearRegressor().fit(atoms),
            r"^LinearRegressor, features: frames are described by symmetry functions; name",
        ),
        (
            lambda: net.predict_forces(np.ones((2, 6))),
            r"^Forces are those on the atoms of frames, found rows of numbers",
        ),
    ):
        with pytest.raises(ParameterError, match=told):
            wrong()
    with pytest.raises(FeatureError, match=r"did you mean 'thesis-57-A'"):
        LinearRegressor("thesis-57A").fit(atoms)
    with pytest.raises(DataError, match=r"^Frame 1 of the list is str, expected ase\.Atoms, as ase\.io\.read"):
        ridge.fit([atoms[0], "frame"])
    strange = atoms[0].copy()
    strange.symbols[3] = "Cu"
    with pytest.raises(DataError, match=r"trained on Al, and the frame holds Cu"):
        net.predict([strange])


def test_a_fit_to_rows_knows_no_frames(atoms: list[Any]) -> None:
    rng = np.random.default_rng(2)
    X = rng.normal(size=(30, 3))
    made = LinearRegressor(random_state=1).fit(X, X @ [1.0, 2, 3])
    np.testing.assert_allclose(made.predict(X), X @ [1.0, 2, 3], rtol=0, atol=1e-9)
    for wrong in (made.predict, made.predict_forces, lambda _: made.calculator()):
        with pytest.raises(
            ParameterError, match=r"^This LinearRegressor was fitted to rows of numbers, and frames cannot"
        ):
            wrong(atoms)
    with pytest.raises(
        ParameterError, match=r"^Forces are learned from frames, found rows of numbers; give ase\.Atoms\.$"
    ):
        LinearRegressor(force_weight=1).fit(X, X[:, 0])


def test_forces_that_are_not_there_cannot_be_learned(frames: Frames) -> None:
    with pytest.raises(ParameterError, match=r"^force_weight: forces are learned from, and not every frame holds some"):
        LinearRegressor(SMALL, force_weight=1).fit(replace(frames, forces=None))


def test_a_training_without_an_end_is_told(atoms: list[Any]) -> None:
    """Too few epochs warn; enough do not, nor does patience that ran out."""
    with pytest.warns(ConvergenceWarning, match=r"^Fewer than ten epochs do not tell whether the validation error had"):
        HDNNRegressor(SMALL, epochs=3, random_state=1).fit(atoms)
    slow: dict[str, Any] = {"optimizer": Adam(learning_rate=1e-3), "skip": False, "random_state": 1}
    with pytest.warns(
        ConvergenceWarning, match=r"^After 30 epochs the validation error was still falling, or had never"
    ):
        HDNNRegressor(SMALL, epochs=30, **slow).fit(atoms)
    stopped = HDNNRegressor(SMALL, epochs=500, patience=1, random_state=1).fit(atoms)
    assert stopped.n_iter_ < 500

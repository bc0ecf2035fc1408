"""Laws that every kind of model keeps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from problems import changed, ragged

from bpbench.errors import DataError, RequestError
from bpbench.jobs import Adam, Hdnn, Kalman, LightGbm, Linear, Marquardt, RandomForest
from bpbench.models import constant, evaluate, fit

if TYPE_CHECKING:
    from bpbench.jobs import ModelSpec
    from bpbench.models.contract import Fit, Floats, Problem

SPECS = [
    Hdnn("hdnn", hidden=(4,), epochs=20, batch=8),
    Hdnn("hdnn", hidden=(4,), epochs=10, skip=True, optimizer=Kalman("kalman", block=8)),
    Hdnn("hdnn", (4,), "softplus", "min-max", epochs=20, optimizer=Marquardt("marquardt", decay=1e-5)),
    Hdnn("hdnn", (4,), epochs=30, patience=2, ensemble=2, optimizer=Kalman("kalman", block=8)),
    Linear("linear"),
    RandomForest("random-forest", trees=10),
    LightGbm("lightgbm", rounds=30),
]
BASE = ragged(frames=60)


def run(spec: ModelSpec, base: Problem = BASE) -> Fit:
    return fit(spec, base, weights_seed=3, order_seed=4)


@pytest.fixture(params=SPECS, ids=str)
def spec(request: pytest.FixtureRequest) -> ModelSpec:
    return request.param


def test_test_energies_are_never_read(spec: ModelSpec) -> None:
    """Other energies of the test part, even NaN, leave every bit of the answer as it was."""
    energy = BASE.energy.copy()
    energy[BASE.test] = np.nan
    assert np.array_equal(run(spec, changed(BASE, energy=energy)).energy, run(spec).energy)


def test_deterministic_and_finite(spec: ModelSpec) -> None:
    """The same arguments give the same bits, all of them finite."""
    first, again = run(spec), run(spec)
    assert np.array_equal(first.energy, again.energy)
    assert first.curve.keys() == again.curve.keys()
    assert all(np.array_equal(first.curve[name], again.curve[name]) for name in first.curve)
    assert np.isfinite(first.energy).all()
    assert first.energy.dtype == np.float64


def test_atoms_may_be_renumbered(spec: ModelSpec) -> None:
    """The order of the atoms within a frame does not matter."""
    random = np.random.default_rng(0)
    order = np.concatenate(
        [random.permutation(np.arange(a, b)) for a, b in zip(BASE.offsets, BASE.offsets[1:], strict=False)]
    )
    np.testing.assert_allclose(
        run(spec, changed(BASE, values=BASE.values[:, order])).energy, run(spec).energy, rtol=1e-5
    )


def test_energy_zero_per_atom_is_free(spec: ModelSpec) -> None:
    """Adding c·n to every energy adds c·n to every answer."""
    shift = 8.0 * BASE.atoms
    np.testing.assert_allclose(
        run(spec, changed(BASE, energy=BASE.energy + shift)).energy, run(spec).energy + shift, rtol=1e-5
    )


def test_input_is_left_alone(spec: ModelSpec) -> None:
    """A fit writes into none of its arrays."""
    base = changed(BASE, **{name: getattr(BASE, name).copy() for name in ("values", "offsets", "energy", "train")})
    for name in ("values", "offsets", "energy", "train"):
        getattr(base, name).setflags(write=False)
    run(spec, base)
    assert np.array_equal(base.values, BASE.values)


def test_better_than_the_constant(spec: ModelSpec) -> None:
    """Each model beats the constant predictor on the test part of a learnable problem."""

    def error(energy: Floats) -> float:
        return np.sqrt(np.mean(((energy - BASE.energy)[BASE.test] / BASE.atoms[BASE.test]) ** 2))

    if isinstance(spec, Hdnn) and isinstance(spec.optimizer, Adam):
        spec = replace(spec, epochs=100, batch=4)  # twenty epochs of Adam are not enough
    assert error(run(spec).energy) < error(constant(BASE))


def test_parameters_alone_give_the_energies(spec: ModelSpec) -> None:
    """Where a model has parameters they reproduce its energies to the last bit; trees refuse with a sentence."""
    made = run(spec)
    if isinstance(spec, Hdnn | Linear):
        assert np.array_equal(evaluate(spec, made.parameters, BASE.values, BASE.offsets), made.energy)
        assert all(array.dtype == np.float64 for array in made.parameters.values())
    else:
        with pytest.raises(RequestError, match=f"Only hdnn and linear .* this one is {spec.kind}; fit it again"):
            evaluate(spec, made.parameters, BASE.values, BASE.offsets)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"train": BASE.train[:1]}, "at least 2 training configurations, this split has 1; use more frames"),
        ({"validation": BASE.validation[:1]}, "at least 2 validation configurations, this split has 1"),
        ({"train": BASE.train[:0]}, "at least 2 training configurations, this split has 0"),
        ({"energy": np.full(60, np.inf)}, rf"finite energies, that of training frame {BASE.train[0]} is inf"),
        ({"offsets": np.sort(np.append(BASE.offsets[:-1], 0))}, "at least one atom, frame 0 has none"),
    ],
)
def test_impossible_problems_are_refused(spec: ModelSpec, fields: dict[str, Any], sentence: str) -> None:
    """Too few configurations, energies that are no numbers and empty frames get a sentence, not a trace."""
    with pytest.raises(DataError, match=sentence):
        run(spec, changed(BASE, **fields))


def test_descriptors_must_be_finite(spec: ModelSpec) -> None:
    """A descriptor that is not a number is named with its function, frame and atom."""
    values = BASE.values.copy()
    values[1, BASE.offsets[7] + BASE.atoms.astype(int)[7] - 1] = np.nan
    last = int(BASE.atoms[7]) - 1
    with pytest.raises(DataError, match=f"finite descriptors, G1 is nan at atom {last} of frame 7; correct the frame"):
        run(spec, changed(BASE, values=values))


def test_two_configurations_are_enough(spec: ModelSpec) -> None:
    """The least that is allowed, two to train and two to validate on, works and keeps silent."""
    made = run(spec, changed(BASE, train=np.array([0, 1]), validation=np.array([2, 3]), test=np.arange(4, 60)))
    assert np.isfinite(made.energy).all()


def test_no_constant_predictor_beats_ours() -> None:
    """Among a thousand energies per atom, none has a lower RMSE per atom over the training part than the constant's."""
    per_atom = BASE.energy[BASE.train] / BASE.atoms[BASE.train]
    ours = constant(BASE) / BASE.atoms
    assert np.ptp(ours) < 1e-12
    others = ours[0] + np.linspace(-0.1, 0.1, 1001)
    errors = np.sqrt(np.mean((per_atom - others[:, None]) ** 2, axis=1))
    assert np.argmin(errors) == 500

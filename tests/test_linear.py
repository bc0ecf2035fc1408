"""The linear potential against scikit-learn, the normal equations and exact answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from problems import changed, problem, ragged

from bpbench.jobs import Linear
from bpbench.models import fit

if TYPE_CHECKING:
    from bpbench.models.contract import Fit, Floats, Problem


def run(base: Problem, *strengths: float) -> Fit:
    return fit(Linear("linear", strengths=strengths), base, weights_seed=0, order_seed=0)


def table(base: Problem) -> tuple[Floats, Floats, float]:
    """Standardised mean descriptors and targets per atom, frame by frame, worked out the slow way."""
    frames = [base.values[:, first:last] for first, last in zip(base.offsets, base.offsets[1:], strict=False)]
    atoms = np.concatenate([frames[number] for number in base.train], axis=1)
    mean, spread = atoms.mean(axis=1), atoms.std(axis=1)
    inputs = np.array([((frame - mean[:, None]) / spread[:, None]).sum(axis=1) / frame.shape[1] for frame in frames])
    energy, count = base.energy[base.train], base.atoms[base.train]
    reference = (energy * count).sum() / (count**2).sum()
    target = base.energy / base.atoms - reference
    return inputs, target, reference


@pytest.mark.parametrize("strength", [1e-12, 1e-6, 1e-3, 1.0, 100.0])
def test_energies_equal_scikit_learn(strength: float) -> None:
    """The energies are those of scikit-learn's Ridge(alpha = N·strength) on mean descriptors of ragged frames."""
    from sklearn.linear_model import Ridge

    base = ragged()
    inputs, target, reference = table(base)
    ridge = Ridge(alpha=len(base.train) * strength, solver="svd").fit(inputs[base.train], target[base.train])
    expected = base.atoms * (reference + ridge.predict(inputs))
    np.testing.assert_allclose(run(base, strength).energy, expected, rtol=1e-10)


def test_weights_solve_the_normal_equations() -> None:
    """(XᵀX + Nλ)w = Xᵀy of the centred data holds for the weights of the fit."""
    base, strength = ragged(), 1e-2
    inputs, target, _ = table(base)
    X, y = inputs[base.train], target[base.train]
    X, y = X - X.mean(axis=0), y - y.mean()
    expected = np.linalg.solve(X.T @ X + len(y) * strength * np.eye(X.shape[1]), X.T @ y)
    p = run(base, strength).parameters
    np.testing.assert_allclose(p["weights"] * p["width"], expected, rtol=1e-9)


def test_recovers_an_energy_that_is_linear_on_mixed_sizes() -> None:
    """E = Σ_i (w·G_i + b) on frames of 1 to 12 atoms comes back to rounding error at the weakest strength."""
    base = ragged(frames=60)
    weights = np.linspace(-0.2, 0.3, 6)
    energy = np.add.reduceat(weights @ base.values - 3.4, base.offsets[:-1])
    made = run(changed(base, energy=energy), 1e-12)
    np.testing.assert_allclose(made.energy, energy, rtol=1e-9)


def test_more_columns_than_frames() -> None:
    """With 329 columns and 29 training frames a weak strength gives the interpolation of least norm."""
    base = problem([4] * 49, functions=329)
    assert len(base.train) == 29
    inputs, target, _ = table(base)
    X, y = inputs[base.train], target[base.train]
    expected = np.linalg.lstsq(X - X.mean(axis=0), y - y.mean(), rcond=None)[0]
    made = run(base, 1e-12)
    np.testing.assert_allclose(made.parameters["weights"] * made.parameters["width"], expected, rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(made.energy[base.train], base.energy[base.train], rtol=1e-8)
    assert made.parameter_count == 330


def test_duplicate_functions_share_their_weight() -> None:
    """Two equal columns are no trouble at strength 1e-12: each carries half of the weight, energies stay."""
    base = ragged()
    twice = changed(base, values=np.concatenate([base.values, base.values[:1]]), names=(*base.names, "again"))
    one, two = run(base, 1e-12), run(twice, 1e-12)
    np.testing.assert_allclose(two.energy, one.energy, rtol=1e-9)
    assert two.parameters["weights"][6] == pytest.approx(two.parameters["weights"][0], rel=1e-6)


def test_strength_is_chosen_on_validation() -> None:
    """Of all strengths the one whose own fit has the least validation RMSE per atom is kept."""
    base, strengths = ragged(seed=5), (1e-6, 1e-4, 1e-2, 1.0)
    noise = np.random.default_rng(0).normal(0, 0.02, len(base.energy)) * base.atoms
    base = changed(base, energy=base.energy + noise)

    def error(made: Fit) -> float:
        part = base.validation
        return np.sqrt(np.mean(((made.energy - base.energy)[part] / base.atoms[part]) ** 2))

    errors = {strength: error(run(base, strength)) for strength in strengths}
    made = run(base, *strengths)
    best = min(errors, key=errors.__getitem__)
    assert float(made.parameters["strength"]) == best
    assert error(made) == pytest.approx(errors[best])
    assert len({round(value, 9) for value in errors.values()}) == 4
    assert (made.converged, made.checkpoint, made.curve) == (None, None, {})


def test_a_strength_at_the_border_is_said() -> None:
    """When the strongest or weakest penalty wins, a remark says that a better one may lie beyond."""
    base = ragged()
    assert "1e-12, is the weakest on offer" in run(base, 1e-12, 100.0).remarks[0]
    rough = changed(base, energy=np.random.default_rng(1).normal(size=40) * base.atoms)
    assert "1e+06, is the strongest on offer" in run(rough, 1e-12, 1e6).remarks[0]
    assert run(base, 1e-12).remarks == ()

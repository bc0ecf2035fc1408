"""Metrics against scikit-learn, NumPy and the study's own arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from bpbench import metrics
from bpbench.errors import RequestError
from bpbench.units import DISPLAY

RNG = np.random.default_rng(5)
ATOMS = np.array([4.0, 256.0, 1.0, 108.0, 12.0])
REFERENCE = RNG.normal(-3.5, 0.1, 5) * ATOMS
PREDICTED = REFERENCE + RNG.normal(0, 0.3, 5)


def test_metrics_agree_with_scikit_learn() -> None:
    """RMSE, MAE and MSE equal scikit-learn's on energies per atom (meV) and per configuration (eV)."""
    from sklearn.metrics import max_error, mean_absolute_error, mean_squared_error, root_mean_squared_error

    per_atom = REFERENCE / ATOMS * 1000, PREDICTED / ATOMS * 1000
    scores = metrics.score(REFERENCE, PREDICTED, ATOMS)
    assert scores["rmse"] == pytest.approx(root_mean_squared_error(*per_atom), rel=1e-9)
    assert scores["mae"] == pytest.approx(mean_absolute_error(*per_atom), rel=1e-9)
    assert scores["max"] == pytest.approx(max_error(*per_atom), rel=1e-9)
    assert scores["mse"] == pytest.approx(mean_squared_error(REFERENCE, PREDICTED), rel=1e-12)
    assert scores["half_mse"] == pytest.approx(scores["mse"] / 2, rel=1e-15)


def test_the_study_s_loss_in_both_units() -> None:
    """0.1508 eV² per 256-atom configuration is an RMSE of 1.52 meV/atom."""
    error = np.sqrt(0.1508) * np.array([1.0, -1.0])
    scores = metrics.score(np.zeros(2), error, np.full(2, 256.0))
    assert scores["mse"] == pytest.approx(0.1508)
    assert scores["rmse"] == pytest.approx(1.52, abs=0.005)


def test_force_metrics_agree_with_scikit_learn() -> None:
    """RMSE and MSE go over components, the others over the lengths of the errors."""
    from sklearn.metrics import max_error, mean_absolute_error, mean_squared_error, root_mean_squared_error

    reference, predicted = RNG.normal(0, 0.5, (2, 31, 3))
    scores = metrics.score_forces(reference, predicted)
    assert tuple(scores) == metrics.OF_FORCES
    assert scores["force_rmse"] == pytest.approx(1000 * root_mean_squared_error(reference.ravel(), predicted.ravel()))
    for axis, key in enumerate(("mse_x", "mse_y", "mse_z")):
        assert scores[key] == pytest.approx(mean_squared_error(reference[:, axis], predicted[:, axis]))
    lengths = [1000 * float(np.sqrt(x * x + y * y + z * z)) for x, y, z in predicted - reference]
    nothing = np.zeros(31)
    assert scores["force_mae"] == pytest.approx(mean_absolute_error(lengths, nothing))
    assert scores["force_max"] == pytest.approx(max_error(lengths, nothing))
    assert scores["force_p95"] == pytest.approx(np.quantile(lengths, 0.95))


def test_every_metric_has_a_unit_and_a_direction() -> None:
    """The table is closed: each key names itself, a known unit and its direction."""
    for key, metric in metrics.METRICS.items():
        assert metric.key == key
        assert metric.unit in DISPLAY
        assert metric.lower_is_better
        assert (metric.function is None) == metric.timed


def test_an_unknown_metric_offers_the_nearest() -> None:
    """A misspelt metric is refused with the nearest key."""
    with pytest.raises(RequestError, match=r"no metric 'rsme'; did you mean 'rmse'\?"):
        metrics.metric("rsme")

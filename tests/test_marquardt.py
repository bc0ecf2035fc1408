"""Levenberg-Marquardt against strangers: NumPy's least squares on a linear model, SciPy's on a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from problems import ragged

from bpbench.errors import DivergedError
from bpbench.jobs import Hdnn, Marquardt
from bpbench.models import fit, marquardt, network
from bpbench.models.scaling import Standardised, scaling

if TYPE_CHECKING:
    from bpbench.models.contract import Floats, Problem

RULE = Marquardt("marquardt")


def _parts(base: Problem) -> tuple[Standardised, Standardised]:
    scales = scaling(base)
    return Standardised.of(scales, base, base.train), Standardised.of(scales, base, base.validation)


def test_a_linear_model_is_solved_like_least_squares() -> None:
    """With a silent network only its last bias and the skip matter: the end is NumPy's least-squares solution."""
    base = ragged(frames=40, functions=4, seed=6)
    training, validation = _parts(base)
    layers = [(np.zeros((4, 2)), np.zeros(2)), (np.zeros((2, 1)), np.zeros(1))]
    start = network.Network(layers, np.zeros(4))
    course = marquardt.train(start, RULE, training, training, 40)
    rows, offsets = training.gather(np.arange(len(training.target)))
    means = np.add.reduceat(rows, offsets[:-1], axis=0) / np.diff(offsets)[:, None]
    theirs, *_ = np.linalg.lstsq(np.column_stack([means, np.ones(len(means))]), training.target)
    assert course.network.skip is not None
    np.testing.assert_allclose(course.network.skip, theirs[:4], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(course.network.layers[-1][1][0], theirs[4], rtol=1e-6, atol=1e-8)
    assert validation is not training


def test_it_reaches_the_minimum_that_scipy_reaches() -> None:
    """From the same weights our cost after many steps is that of SciPy's least_squares, and the gradient is gone."""
    from scipy.optimize import least_squares

    base = ragged(frames=60, functions=3, seed=9)
    training, validation = _parts(base)
    layers = [(w.astype(float), b.astype(float)) for w, b in network.initial(3, (2,), 4)]
    start = network.Network(layers)
    rows, offsets = training.gather(np.arange(len(training.target)))

    def error(w: Floats) -> Floats:
        return network.answers(start.filled(w), rows, offsets) - training.target

    theirs = least_squares(error, start.flat(), method="lm", max_nfev=5000)
    course = marquardt.train(start, RULE, training, validation, 300)
    assert course.train[-1] == pytest.approx(np.sqrt(2 * theirs.cost / len(training.target)), rel=1e-3)
    assert (np.diff(course.train) <= 1e-12).all()


def test_a_fit_repeats_itself_and_keeps_the_best_validation() -> None:
    """Two fits are the same bits; the checkpoint is the epoch of least validation error."""
    base = ragged(frames=60, functions=4, seed=3)
    spec = Hdnn("hdnn", (4,), epochs=20, optimizer=RULE)
    one, two = (fit(spec, base, weights_seed=1, order_seed=seed) for seed in (2, 3))
    np.testing.assert_array_equal(one.energy, two.energy)
    assert one.checkpoint == 1 + int(np.argmin(one.curve["validation"]))


def test_weights_out_of_range_are_refused() -> None:
    """An initial state without a finite error ends in a sentence."""
    base = ragged(frames=20, functions=3, seed=1)
    training, validation = _parts(base)
    layers = [(np.full((3, 1), np.nan), np.zeros(1))]
    with pytest.raises(DivergedError, match="error of the initial weights is not a finite number"):
        marquardt.train(network.Network(layers), RULE, training, validation, 3)

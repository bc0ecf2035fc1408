"""Levenberg-Marquardt against strangers: NumPy's least squares on a linear model, SciPy's on a network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from network_twin import answers, bound, inputs
from problems import changed, ragged

from bpbench.errors import DivergedError
from bpbench.jobs import Hdnn, Marquardt
from bpbench.models import fit, marquardt, network

if TYPE_CHECKING:
    from bpbench.models.contract import Floats

RULE = Marquardt("marquardt", damping=1e-3)


def test_a_linear_model_is_solved_like_least_squares() -> None:
    """With a silent network only its last bias and the skip matter: the end is NumPy's least-squares solution."""
    base = ragged(frames=40, functions=4, seed=6)
    base = changed(base, validation=base.train)
    layers = [(np.zeros((4, 2)), np.zeros(2)), (np.zeros((2, 1)), np.zeros(1))]
    one = bound(base, network.Network(layers, np.zeros(4)))
    course = marquardt.train(one, RULE, 40)
    rows, offsets = inputs(base, base.train)
    means = np.add.reduceat(rows, offsets[:-1], axis=0) / np.diff(offsets)[:, None]
    theirs, *_ = np.linalg.lstsq(np.column_stack([means, np.ones(len(means))]), one.target[base.train])
    assert course.network.skip is not None
    np.testing.assert_allclose(course.network.skip, theirs[:4], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(course.network.layers[-1][1][0], theirs[4], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("decay", [0.0, (1e-3, 1e-2)])
def test_it_reaches_the_minimum_that_scipy_reaches(
    decay: float | tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After many steps our cost is that of SciPy's least_squares, and it never grew.

    With weight decay there are several minima: there we start from about the one that SciPy has found.
    """
    from scipy.optimize import least_squares

    base = ragged(frames=60, functions=3, seed=9)
    layers = [(w.astype(float), b.astype(float)) for w, b in network.initial(3, (2,), 4)]
    start = network.Network(layers)
    rows, offsets = inputs(base, base.train)
    one = bound(base, start)
    by_layer = (decay, decay) if isinstance(decay, float) else decay
    pulled = np.repeat([by_layer[0], 0.0, by_layer[1], 0.0], [6, 2, 2, 1])

    def error(w: Floats) -> Floats:
        off = answers(start.filled(w), rows, offsets) - one.target[base.train]
        return np.concatenate([off / np.sqrt(len(off)), np.sqrt(pulled) * w])

    theirs = least_squares(error, start.flat(), method="lm", max_nfev=5000)
    if decay != 0.0:
        one = bound(base, start.filled(theirs.x + 0.05 * np.random.default_rng(1).normal(size=len(theirs.x))))
    visited: list[Floats] = []
    monkeypatch.setattr(network.Watch, "note", lambda _, w, *_errors, **_moved: visited.append(w) or True)
    monkeypatch.setattr(network.Watch, "course", lambda _: None)
    marquardt.train(one, replace(RULE, decay=decay), 300)
    costs = [0.5 * np.sum(error(w) ** 2) for w in visited]
    assert costs[-1] == pytest.approx(theirs.cost, rel=1e-3)
    assert (np.diff(costs) <= 1e-12).all()


def test_a_fit_repeats_itself_and_keeps_the_best_validation() -> None:
    """Two fits are the same bits; the checkpoint is the epoch of least validation error."""
    base = ragged(frames=60, functions=4, seed=3)
    spec = Hdnn("hdnn", (4,), epochs=20, optimizer=RULE)
    one, two = (fit(spec, base, weights_seed=1, order_seed=seed) for seed in (2, 3))
    np.testing.assert_array_equal(one.energy, two.energy)
    assert one.checkpoint == 1 + int(np.argmin(one.curve["validation"]))


def test_only_steps_that_were_taken_try_ones_patience() -> None:
    """Steps refused while the damping grows end nothing; as many taken ones without a better validation do."""
    start = network.Network(network.initial(3, (2,), 1))
    watch = network.Watch(start, patience=2)
    w = start.flat()
    assert watch.note(w, 1.0, 1.0)
    assert all(watch.note(w, 1.0, 1.0, moved=False) for _ in range(5))
    assert watch.note(w, 0.9, 1.1)
    assert not watch.note(w, 0.8, 1.2)
    assert watch.course().checkpoint == 1


def test_weights_out_of_range_are_refused() -> None:
    """An initial state without a finite error ends in a sentence."""
    base = ragged(frames=20, functions=3, seed=1)
    layers = [(np.full((3, 1), np.nan), np.zeros(1))]
    with pytest.raises(DivergedError, match="error of the initial weights is not a finite number"):
        marquardt.train(bound(base, network.Network(layers)), RULE, 3)

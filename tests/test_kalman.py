"""The Kalman filter against strangers: finite differences, textbook matrices, Bayesian linear regression."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from network_twin import answers, bound, inputs, slopes
from problems import changed, ragged

from bpbench.errors import DivergedError
from bpbench.jobs import Adam, Hdnn, Kalman, Linear
from bpbench.models import evaluate, fit, kalman, network, replica

if TYPE_CHECKING:
    from bpbench.models.contract import Floats, Problem

FILTER = Kalman("kalman", block=8, prior=100.0, noise=(1e-2, 1e-6), fall=0.37)


def _net(inputs: int, *, skip: bool, seed: int = 5) -> network.Network:
    layers = network.initial(inputs, (4, 3), seed)
    random = np.random.default_rng(seed)
    layers = [(w.astype(float), random.normal(size=b.shape)) for w, b in layers]
    return network.Network(layers, random.normal(size=inputs) if skip else None)


def test_a_filled_network_is_the_network() -> None:
    """Flattening and filling are inverse, with a skip and without; parameters come back too."""
    for skip in (False, True):
        net = _net(5, skip=skip)
        again = net.filled(net.flat())
        (named,) = network.from_parameters(network.to_parameters([net]), net.activation)
        for other in (again, named):
            np.testing.assert_array_equal(other.flat(), net.flat())


@pytest.mark.parametrize("prior", [100.0, (100.0, 1.0, 0.0)])
def test_two_epochs_equal_textbook_matrices(prior: float | tuple[float, ...]) -> None:
    """Weights after two epochs of four uneven blocks are those of P, H and K written out in full, to rounding.

    A layer without a prior, here the last, stays as it was.
    """
    base = ragged(frames=30, functions=3, seed=3)
    start, table = _net(3, skip=True), kalman.blocks(len(base.train), 5, 2, 1)
    assert [len(part) for part in table[0]] == [5, 5, 4, 4]
    one = bound(base, start)
    course = kalman.train(one, replace(FILTER, prior=prior), table)
    w, by_layer = start.flat(), (prior,) * 3 if isinstance(prior, float) else prior
    P = np.diag([*np.repeat(by_layer, [3 * 4 + 4, 4 * 3 + 3, 3 + 1]), *[1e-4] * 3])
    free, kept, seen = np.diag(P) > 0, [], []
    for k, order in enumerate(table):
        met = []
        for members in order:
            rows, offsets = inputs(base, base.train[members])
            H = slopes(start.filled(w), rows, offsets)
            R = np.eye(len(members)) / (0.01 * 10.0**k)
            K = P @ H.T @ np.linalg.inv(H @ P @ H.T + R)
            error = one.target[base.train[members]] - answers(start.filled(w), rows, offsets)
            w = w + K @ error
            P = P - K @ H @ P + 1e-2 * 0.37**k * np.diag(free)
            met.append(error)
        seen.append(replica.rms(np.concatenate(met)))
        error = answers(start.filled(w), *inputs(base, base.validation)) - one.target[base.validation]
        kept.append((replica.rms(error), w))
    np.testing.assert_allclose(course.train, seen, rtol=1e-5)
    np.testing.assert_allclose(course.validation, [error for error, _ in kept], rtol=1e-5)
    np.testing.assert_allclose(course.network.flat(), min(kept, key=lambda pair: pair[0])[1], rtol=1e-4, atol=1e-6)
    if isinstance(prior, tuple):
        np.testing.assert_array_equal(course.network.layers[-1][0], start.layers[-1][0])


def test_on_a_linear_model_it_is_bayesian_regression() -> None:
    """Where only the skip may move and nothing is added to P, one epoch gives the ridge solution around its start."""
    from sklearn.linear_model import Ridge

    base = ragged(frames=40, functions=4, seed=6)
    layers = [(np.zeros((4, 2)), np.zeros(2)), (np.zeros((2, 1)), np.zeros(1))]
    begin = np.array([0.3, -0.2, 0.1, 0.0])
    rule = Kalman("kalman", block=5, prior=0.0, skip_prior=0.5, trust=(20.0, 20.0), noise=(0.0, 0.0))
    one = bound(base, network.Network(layers, begin))
    course = kalman.train(one, rule, kalman.blocks(len(base.train), 5, 1, 3))
    rows, offsets = inputs(base, base.train)
    means = np.add.reduceat(rows, offsets[:-1], axis=0) / np.diff(offsets)[:, None]
    # min Σ η (y - x·a)² + |a - a₀|²/P₀
    theirs = Ridge(alpha=1 / (0.5 * 20.0), fit_intercept=False).fit(means, one.target[base.train] - means @ begin)
    assert course.network.skip is not None
    np.testing.assert_allclose(course.network.skip, begin + theirs.coef_, rtol=1e-9)


def _rmse(base: Problem, energy: Floats, part: Floats) -> float:
    return float(np.sqrt(np.mean(((energy - base.energy)[part] / base.atoms[part]) ** 2)))


def test_it_learns_what_adam_does_not_in_the_same_epochs() -> None:
    """On a smooth problem twenty epochs of the filter end far below twenty of Adam, on test configurations."""
    base = ragged(frames=150, functions=6, seed=2)
    by = {
        "filter": Hdnn("hdnn", (5, 5), epochs=20, optimizer=FILTER),
        "adam": Hdnn("hdnn", (5, 5), epochs=20, batch=8, optimizer=Adam(learning_rate=3e-3)),
    }
    errors = {}
    for name, spec in by.items():
        made = fit(spec, base, weights_seed=1, order_seed=2)
        errors[name] = _rmse(base, made.energy, base.test)
    assert errors["filter"] < 0.5 * errors["adam"]


@pytest.mark.parametrize("optimizer", [FILTER, Adam(learning_rate=1e-3)], ids=["kalman", "adam"])
def test_with_a_skip_validation_is_no_worse_than_the_ridge(optimizer: Kalman | Adam) -> None:
    """What starts from the ridge is kept only where it is better, and its parameters give the answer again."""
    base = ragged(frames=60, functions=4, seed=4)
    spec = Hdnn("hdnn", (4,), epochs=15, batch=8, optimizer=optimizer, skip=True)
    ridge = fit(Linear("linear"), base, weights_seed=0, order_seed=0)
    made = fit(spec, base, weights_seed=1, order_seed=2)
    assert _rmse(base, made.energy, base.validation) <= _rmse(base, ridge.energy, base.validation) * (1 + 1e-6)
    again = evaluate(spec, made.parameters, base.values, base.offsets)
    np.testing.assert_array_equal(again, made.energy)
    assert made.parameter_count == 4 * 4 + 4 + 4 + 1 + 4


def test_same_seeds_same_bits_other_seeds_others() -> None:
    """A fit is repeated to the last bit; another order of blocks or other weights give other numbers."""
    base = ragged(frames=40, functions=4, seed=7)
    spec = Hdnn("hdnn", (4,), epochs=5, optimizer=FILTER)
    one = fit(spec, base, weights_seed=1, order_seed=2).energy
    np.testing.assert_array_equal(one, fit(spec, base, weights_seed=1, order_seed=2).energy)
    assert not np.array_equal(one, fit(spec, base, weights_seed=3, order_seed=2).energy)
    assert not np.array_equal(one, fit(spec, base, weights_seed=1, order_seed=3).energy)


def test_patience_ends_it_after_so_many_epochs_and_keeps_the_best() -> None:
    """The curve ends as many epochs behind the checkpoint as patience says, and is the beginning of the long one."""
    base = ragged(frames=40, functions=4, seed=7)
    spec = Hdnn("hdnn", (4,), epochs=60, optimizer=FILTER)
    long, short = (fit(replace(spec, patience=p), base, weights_seed=1, order_seed=2) for p in (None, 4))
    assert (long.stopped, short.stopped, short.converged) == ("epochs", "patience", True)
    assert short.checkpoint is not None
    assert len(short.curve["validation"]) == short.checkpoint + 4 < 60
    np.testing.assert_array_equal(short.curve["validation"], long.curve["validation"][: short.checkpoint + 4])
    assert short.checkpoint == 1 + np.argmin(short.curve["validation"])


def test_a_covariance_that_is_no_longer_definite_is_heard_of() -> None:
    """A negative variance ends the training in its sentence, though every number is finite."""
    one = bound(ragged(frames=20, functions=3, seed=1), _net(3, skip=False))
    table = kalman.blocks(12, 4, 3, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kalman._State, "definite", property(lambda _: False))
        with pytest.raises(DivergedError, match=r"epoch 1 of 3 .* covariance of the weights not definite"):
            kalman.train(one, FILTER, table)
    state = kalman._State(one, FILTER, 4)
    assert state.definite
    state._diagonal[2] = -1e-12
    assert not state.definite


def test_blocks_are_even_parts_of_permutations() -> None:
    """Every epoch visits every configuration once, in another order; blocks differ by one at most."""
    table = kalman.blocks(70, 32, 3, 1)
    assert [sorted(len(part) for part in order) for order in table] == [[35, 35]] * 3
    for order in table:
        np.testing.assert_array_equal(np.sort(np.concatenate(order)), np.arange(70))
    assert not np.array_equal(table[0][0], table[1][0])
    assert [len(part) for part in kalman.blocks(5, 32, 1, 1)[0]] == [5]


def test_a_lost_training_says_so() -> None:
    """Numbers that leave the finite range end in one sentence with the epoch, not in a stack of NumPy's."""
    base = ragged(frames=20, functions=3, seed=1)
    spec = Hdnn("hdnn", (3,), epochs=6, optimizer=Kalman("kalman", prior=1e300, trust=(1e300, 1e300)))
    with pytest.raises(DivergedError, match=r"The training diverged: in epoch [12] of 6 .* a smaller last trust"):
        fit(spec, changed(base), weights_seed=1, order_seed=2)

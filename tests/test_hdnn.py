"""The network against strangers: Keras, finite differences, a slow twin; and what its training promises."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from problems import changed, problem, ragged

from bpbench.errors import DataError, DivergedError
from bpbench.jobs import Adam, Hdnn
from bpbench.models import adam, evaluate, fit, hdnn, network
from bpbench.models.scaling import scaling

if TYPE_CHECKING:
    import numpy.typing as npt

    from bpbench.models.contract import Floats, Problem
    from bpbench.models.network import Layers

pytestmark = pytest.mark.xdist_group("tensorflow")  # one process imports TensorFlow, not both


def parts(base: Problem) -> tuple[adam.Part, adam.Part]:
    scales = scaling(base)
    training, validation = (hdnn._part(scales, base, part) for part in (base.train, base.validation))
    assert training.inputs.dtype == np.float32
    return training, validation


def twin_cost(flat: Layers, training: adam.Part, frames: list[int]) -> float:
    """Γ of some configurations in float64, one atom after the other, nothing padded or packed."""
    total = 0.0
    first = np.concatenate([[0], np.cumsum(training.sizes)])
    for frame in frames:
        answer = 0.0
        for atom in range(first[frame], first[frame + 1]):
            state = training.inputs[atom].astype(float)
            for weights, biases in flat[:-1]:
                state = np.array([np.tanh(state @ weights[:, node] + biases[node]) for node in range(len(biases))])
            answer += float((state @ flat[-1][0] + flat[-1][1])[0])
        total += (answer / training.sizes[frame] - float(training.target[frame])) ** 2
    return total / (2 * len(frames))


def twin_slope(
    layers: Layers, training: adam.Part, frames: list[int], step: float = 1e-5
) -> list[tuple[Floats, Floats]]:
    """Central differences of :func:`twin_cost`, one weight at a time."""
    flat = [(weights.astype(float), biases.astype(float)) for weights, biases in layers]
    slopes = []
    for pair in flat:
        slope = []
        for array in pair:
            out = np.zeros_like(array)
            for place in np.ndindex(array.shape):
                kept = array[place]
                array[place] = kept + step
                above = twin_cost(flat, training, frames)
                array[place] = kept - step
                out[place] = (above - twin_cost(flat, training, frames)) / (2 * step)
                array[place] = kept
            slope.append(out)
        slopes.append(tuple(slope))
    return slopes


def real(batch: npt.NDArray[np.int32]) -> list[int]:
    return [frame for frame in batch if frame >= 0]


def test_gradient_equals_finite_differences_on_ragged_frames() -> None:
    """One step of the compiled training moves the weights along the finite-difference gradient of a slow twin."""
    base = ragged(frames=16, functions=3, seed=3)
    training, validation = parts(base)
    layers = network.initial(3, (4, 3), 5)
    # With β1 = β2 = 0 and an overwhelming ε, Adam is gradient descent of rate learning_rate/ε.
    plain = Adam(learning_rate=1e5, beta_1=0.0, beta_2=0.0, epsilon=1e6)
    table = adam.orders(len(training.sizes), 16, 1, 1)
    validation = adam.Part(validation.inputs, validation.sizes, validation.target)
    course = adam.train(network.Network(layers), plain, training, validation, table)
    for before, after, slope in zip(
        layers, course.network.layers, twin_slope(layers, training, real(table[0, 0])), strict=True
    ):
        for old, new, expected in zip(before, after, slope, strict=True):
            np.testing.assert_allclose((old - new) / 0.1, expected, rtol=2e-4, atol=2e-6)


def test_training_equals_a_slow_twin_with_short_last_batch() -> None:
    """Adam over ragged mini-batches, the short last one included, follows a float64 twin without any packing."""
    base = ragged(frames=12, functions=2, seed=8, largest=5)
    training, validation = parts(base)
    assert len(training.sizes) == 7
    layers, rule, epochs = network.initial(2, (3,), 2), Adam(learning_rate=0.02), 4
    table = adam.orders(7, 3, epochs, 4)
    course = adam.train(network.Network(layers), rule, training, validation, table)

    weights = [array.astype(float) for layer in layers for array in layer]
    first, second = [np.zeros_like(w) for w in weights], [np.zeros_like(w) for w in weights]
    t, seen, unseen = 0, [], []
    for epoch in table:
        for batch in epoch:
            t += 1
            pairs = list(zip(weights[::2], weights[1::2], strict=True))
            slope = [array for pair in twin_slope(pairs, training, real(batch)) for array in pair]
            first = [rule.beta_1 * m + (1 - rule.beta_1) * g for m, g in zip(first, slope, strict=True)]
            second = [rule.beta_2 * v + (1 - rule.beta_2) * g**2 for v, g in zip(second, slope, strict=True)]
            # Kingma & Ba, the efficient form of section 2
            rate = rule.learning_rate * np.sqrt(1 - rule.beta_2**t) / (1 - rule.beta_1**t)
            weights = [
                w - rate * m / (np.sqrt(v) + rule.epsilon) for w, m, v in zip(weights, first, second, strict=True)
            ]
        pairs = list(zip(weights[::2], weights[1::2], strict=True))
        for part, kept in ((training, seen), (validation, unseen)):
            kept.append(np.sqrt(2 * twin_cost(pairs, part, range(len(part.sizes)))))
    np.testing.assert_allclose(course.train, seen, rtol=1e-4)
    np.testing.assert_allclose(course.validation, unseen, rtol=1e-4)
    assert course.checkpoint == 1 + int(np.argmin(unseen))


def keras_model(layers: Layers) -> Any:
    import keras

    nodes = [len(biases) for _, biases in layers]
    model = keras.Sequential(
        [
            keras.Input((layers[0][0].shape[0],)),
            *(keras.layers.Dense(count, activation="tanh") for count in nodes[:-1]),
            keras.layers.Dense(1),
        ]
    )
    model.set_weights([array for layer in layers for array in layer])
    return model


def test_forward_pass_equals_keras() -> None:
    """Energies from the parameters equal the sum of a Keras model over the atoms."""
    base = ragged(frames=20, functions=4)
    spec = Hdnn("hdnn", hidden=(5, 4), epochs=2)
    made = fit(spec, base, weights_seed=1, order_seed=1)
    p = made.parameters
    model = keras_model([(p[f"weights-{n}"], p[f"biases-{n}"]) for n in (1, 2, 3)])
    inputs = ((base.values - p["mean"][:, None]) / p["spread"][:, None]).T
    answer = np.asarray(model(inputs.astype(np.float32)))[:, 0].astype(float)
    per_atom = p["reference"] + p["centre"] + p["width"] * answer
    np.testing.assert_allclose(made.energy, np.add.reduceat(per_atom, base.offsets[:-1]), rtol=1e-6)


def test_adam_steps_equal_keras() -> None:
    """Twelve updates, the same batches, give the weights of a Keras model under Keras's own Adam."""
    from bpbench.models.backend import quiet_tensorflow

    tf = quiet_tensorflow()
    import keras

    size = 5
    base = problem([size] * 20, functions=4, seed=2)
    training, validation = parts(base)
    layers, rule = network.initial(4, (6, 5), 3), Adam(learning_rate=0.01)
    table = adam.orders(12, 4, 4, 7)
    course = adam.train(network.Network(layers), rule, training, validation, table)
    assert course.checkpoint == 4  # so that the state kept is the state at the end

    model = keras_model(layers)
    theirs = keras.optimizers.Adam(
        learning_rate=rule.learning_rate, beta_1=rule.beta_1, beta_2=rule.beta_2, epsilon=rule.epsilon
    )
    atoms = training.inputs.reshape(12, size, 4)
    for batch in table.reshape(-1, 4):
        with tf.GradientTape() as tape:
            answer = tf.reduce_mean(tf.reshape(model(atoms[batch].reshape(-1, 4)), (4, size)), axis=1)
            cost = 0.5 * tf.reduce_mean((answer - training.target[batch]) ** 2)
        theirs.apply_gradients(
            zip(tape.gradient(cost, model.trainable_variables), model.trainable_variables, strict=True)
        )
    for ours, array in zip([a for layer in course.network.layers for a in layer], model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, array, rtol=1e-4, atol=2e-6)


def test_initial_weights_are_glorot_uniform() -> None:
    """Weights fill ±√(6/(inputs + nodes)) evenly, biases are zero, another seed gives other weights."""
    (weights, biases), *_ = network.initial(300, (200, 1), 1)
    limit = np.sqrt(6 / 500)
    assert weights.dtype == np.float32
    assert np.abs(weights).max() <= limit
    assert np.std(weights) == pytest.approx(limit / np.sqrt(3), rel=0.01)
    assert not biases.any()
    assert not np.array_equal(weights, network.initial(300, (200, 1), 2)[0][0])


def test_orders_are_permutations_that_differ_between_epochs() -> None:
    """Every epoch visits every frame once, in another order, and fills the last batch with -1."""
    table = adam.orders(10, 4, 3, 1)
    assert table.shape == (3, 3, 4)
    for epoch in table:
        assert sorted(epoch.ravel()) == [-1, -1, *range(10)]
        assert (epoch[-1, 2:] == -1).all()
    assert not np.array_equal(table[0], table[1])
    assert adam.orders(5, 32, 1, 1).shape == (1, 1, 5)


@pytest.mark.parametrize("length", [1, 2, 31, 32, 33, 8192, 67584, 10**6 + 1])
def test_buckets_waste_little(length: int) -> None:
    """A bucket holds its length and is longer by a sixteenth at most, a coarse one by a quarter."""
    assert length <= adam.bucket(length) <= length * (1 + 1 / 16)
    assert length <= adam.bucket(length, digits=3) <= length * (1 + 1 / 4)


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import hashlib
from problems import ragged
from bpbench.jobs import Hdnn
from bpbench.models import fit
made = fit(Hdnn("hdnn", hidden=(4,), epochs=25, batch=8), ragged(), weights_seed=1, order_seed=2)
print(hashlib.sha256(made.energy.tobytes() + made.curve["train"].tobytes()).hexdigest())
"""


def test_same_bits_twice_and_in_another_process_without_a_word() -> None:
    """The same fit gives the same bits again, and in a fresh process, which writes nothing but what it is asked."""
    spec = Hdnn("hdnn", hidden=(4,), epochs=25, batch=8)
    digests = []
    for _ in range(2):
        made = fit(spec, ragged(), weights_seed=1, order_seed=2)
        digests.append(hashlib.sha256(made.energy.tobytes() + made.curve["train"].tobytes()).hexdigest())
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "CUDA_"))}
    there = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, str(Path(__file__).parent)],
        capture_output=True, text=True, check=True, env=clean,
    )  # fmt: skip
    assert there.stderr == ""
    assert [*digests, there.stdout.strip()] == [digests[0]] * 3


def test_fewer_epochs_are_the_beginning_of_more() -> None:
    """A training of 15 epochs has the first 15 points of one of 45: calls of the compiled code join seamlessly."""
    short, long = (
        fit(Hdnn("hdnn", hidden=(4,), epochs=epochs, batch=8), ragged(), weights_seed=1, order_seed=2).curve["train"]
        for epochs in (15, 45)
    )
    assert np.array_equal(short, long[:15])
    assert len(long) == 45


def test_checkpoint_is_the_best_epoch_and_its_state() -> None:
    """The energies are those of the epoch of least validation RMSE, as its curve says."""
    base = ragged()
    made = fit(Hdnn("hdnn", hidden=(8,), epochs=60, batch=4, optimizer=Adam(learning_rate=0.05)), base,
               weights_seed=1, order_seed=1)  # fmt: skip
    assert made.checkpoint == 1 + int(np.argmin(made.curve["validation"]))
    assert made.checkpoint < 60
    for name, part in (("train", base.train), ("validation", base.validation)):
        error = (made.energy - base.energy)[part] / base.atoms[part] * 1000
        assert np.sqrt(np.mean(error**2)) == pytest.approx(made.curve[name][made.checkpoint - 1], rel=1e-4)
    assert made.parameter_count == 6 * 8 + 8 + 8 + 1


def test_training_learns() -> None:
    """A network fits a smooth energy to a small part of its spread."""
    base = problem([8] * 60, functions=6)
    made = fit(
        Hdnn("hdnn", epochs=300, batch=8, optimizer=Adam(learning_rate=0.01)), base, weights_seed=1, order_seed=1
    )
    spread = np.std(base.energy / base.atoms) * 1000
    assert made.curve["train"].min() < 0.1 * spread


def test_divergence_names_the_epoch() -> None:
    """A training that leaves the finite numbers is refused with the epoch and the learning rate."""
    spec = Hdnn("hdnn", epochs=30, optimizer=Adam(learning_rate=1e30))
    with pytest.raises(
        DivergedError, match=r"diverged: at the end of epoch 1 of 30 .*rate 1e\+30.*smaller learning rate"
    ):
        fit(spec, ragged(), weights_seed=1, order_seed=1)


def test_constant_function_is_dropped_by_name() -> None:
    """A function that does not vary over the training atoms gets no weights, and a remark with its name."""
    base = ragged()
    values = base.values.copy()
    values[2] = 0.7
    values[2, base.offsets[base.test[0]]] = 5.0  # outside training it may vary
    spec = Hdnn("hdnn", hidden=(3,), epochs=3)
    made = fit(spec, changed(base, values=values), weights_seed=1, order_seed=1)
    assert made.remarks == ("The function G2 is constant over the training atoms and was dropped.",)
    assert made.parameter_count == 5 * 3 + 3 + 3 + 1
    assert np.array_equal(evaluate(spec, made.parameters, values, base.offsets), made.energy)
    without = changed(base, values=np.delete(base.values, 2, 0), names=tuple(n for n in base.names if n != "G2"))
    assert np.array_equal(fit(spec, without, weights_seed=1, order_seed=1).energy, made.energy)


def test_only_constant_functions_are_refused() -> None:
    """Inputs that say nothing are an error, not a network of nothing."""
    base = ragged()
    with pytest.raises(DataError, match="needs a function that varies, all 6 are constant over the training atoms"):
        fit(Hdnn("hdnn"), changed(base, values=np.ones_like(base.values)), weights_seed=1, order_seed=1)


@pytest.mark.parametrize("epochs", [50, 100, 300])
def test_converged_seldom_doubts_a_level_curve(epochs: int) -> None:
    """At most 5 % of level noisy curves are called unfinished, and at least 95 % of those that fall as 1/epoch."""
    random = np.random.default_rng(epochs)
    level = 3.0 * random.lognormal(0.0, 0.1, (400, epochs))
    falling = level * (np.arange(1, epochs + 1) / epochs) ** -1.0
    doubted = [[not hdnn.converged(c, 1 + int(np.argmin(c))) for c in curves] for curves in (level, falling)]
    assert np.mean(doubted[0]) <= 0.05
    assert np.mean(doubted[1]) >= 0.95


def test_converged_is_told_by_the_last_fifth() -> None:
    """A falling curve is not converged; a level one, a rising one and one with a late lucky dip are."""
    epoch = np.arange(1, 101)
    falling, level = 100.0 / epoch, 3.0 + np.sin(epoch)
    rising, dip = np.abs(epoch - 30.0) + 1, level.copy()
    dip[95] = 0.1
    for curve, expected in ((falling, False), (level, True), (rising, True), (dip, True), (falling[:9], False)):
        assert hdnn.converged(curve, 1 + int(np.argmin(curve))) is expected


def test_one_huge_frame_costs_no_padding() -> None:
    """Rows of a batch follow the atoms in it, not the number of frames times the largest."""
    base = problem([1] * 30 + [400] * 2, functions=2)
    training, _ = parts(changed(base, train=np.arange(32), validation=np.arange(2), test=np.arange(0)))
    table = adam.orders(32, 8, 5, 1)
    rows = adam.packed_rows(training.sizes, table)
    assert 400 <= rows <= (2 * 400 + 8) * 1.25

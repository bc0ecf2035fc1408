"""The network against strangers: Keras, finite differences, a slow twin; and what its training promises."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
from network_twin import answers, bound, inputs, slopes
from problems import changed, problem, ragged

from bpbench.errors import DataError, DivergedError
from bpbench.jobs import Adam, Hdnn, Kalman, Linear, Marquardt
from bpbench.models import adam, evaluate, fit, hdnn, network, replica
from bpbench.models.scaling import scaling, targets

if TYPE_CHECKING:
    from bpbench.models.contract import Floats, Ints, Problem
    from bpbench.models.network import Layers

pytestmark = pytest.mark.xdist_group("tensorflow")  # one process imports TensorFlow, not both


def twin_cost(net: network.Network, base: Problem, target: Floats, frames: Ints) -> float:
    """Γ of some configurations in float64."""
    return float(np.mean((answers(net, *inputs(base, frames)) - target[frames]) ** 2) / 2)


def twin_slope(net: network.Network, base: Problem, target: Floats, frames: Ints) -> Floats:
    """Gradient of :func:`twin_cost`, from finite differences of the answers."""
    error = answers(net, *inputs(base, frames)) - target[frames]
    return error @ slopes(net, *inputs(base, frames)) / len(frames)


@pytest.mark.parametrize("decay", [0.0, (0.3, 0.0)])
def test_training_equals_a_slow_twin_with_short_last_batch(decay: float | tuple[float, ...]) -> None:
    """Adam over ragged mini-batches, the short last one included, follows a float64 twin; weight decay too."""
    base = ragged(frames=12, functions=2, seed=8, largest=5)
    assert len(base.train) == 7
    rule, epochs = Adam(learning_rate=0.02, decay=decay), 4
    start = network.Network(network.initial(2, (3,), 2))
    one = bound(base, start, np.float32)
    table = adam.orders(7, 3, epochs, 4)
    course = adam.train(one, rule, table)

    target = np.zeros(12)
    for part in (base.train, base.validation):
        target[part] = targets(scaling(base), base, part)
    w = start.flat()
    first, second, t, seen, unseen = np.zeros_like(w), np.zeros_like(w), 0, [], []
    pulled = np.repeat([0.0, 0.0, 0.0, 0.0] if decay == 0.0 else [0.3, 0.0, 0.0, 0.0], [6, 3, 3, 1])
    for epoch in table:
        met = 0.0
        for batch in epoch:
            t += 1
            frames = base.train[batch[batch >= 0]]
            met += 2 * len(frames) * twin_cost(start.filled(w), base, target, frames)
            slope = twin_slope(start.filled(w), base, target, frames)
            first = rule.beta_1 * first + (1 - rule.beta_1) * slope
            second = rule.beta_2 * second + (1 - rule.beta_2) * slope**2
            # Kingma & Ba, the efficient form of section 2
            rate = rule.learning_rate * np.sqrt(1 - rule.beta_2**t) / (1 - rule.beta_1**t)
            w = w - rule.learning_rate * pulled * w - rate * first / (np.sqrt(second) + rule.epsilon)
        seen.append(np.sqrt(met / 7))
        unseen.append(np.sqrt(2 * twin_cost(start.filled(w), base, target, base.validation)))
    np.testing.assert_allclose(course.train, seen, rtol=1e-4)
    np.testing.assert_allclose(course.validation, unseen, rtol=1e-4)
    assert course.checkpoint == 1 + int(np.argmin(unseen))


def keras_model(layers: Layers) -> Any:
    from bpbench.models.backend import quiet_tensorflow

    quiet_tensorflow()
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
    model = keras_model([(p[f"weights-{n}"][0], p[f"biases-{n}"][0]) for n in (1, 2, 3)])
    scaled = ((base.values - p["shift"][:, None]) / p["scale"][:, None]).T
    answer = np.asarray(model(scaled.astype(np.float32)))[:, 0].astype(float)
    per_atom = p["reference"] + p["centre"] + p["width"] * answer
    np.testing.assert_allclose(made.energy, np.add.reduceat(per_atom, base.offsets[:-1]), rtol=1e-6)


def test_adam_steps_equal_keras() -> None:
    """Twelve updates, the same batches, give the weights of a Keras model under Keras's own Adam."""
    from bpbench.models.backend import quiet_tensorflow

    tf = quiet_tensorflow()
    import keras

    size = 5
    base = problem([size] * 20, functions=4, seed=2)
    start, rule = network.Network(network.initial(4, (6, 5), 3)), Adam(learning_rate=0.01)
    table = adam.orders(12, 4, 4, 7)
    one = bound(base, start, np.float32)
    course = adam.train(one, rule, table)
    assert course.checkpoint == 4  # so that the state kept is the state at the end

    model = keras_model(start.layers)
    theirs = keras.optimizers.Adam(
        learning_rate=rule.learning_rate, beta_1=rule.beta_1, beta_2=rule.beta_2, epsilon=rule.epsilon
    )
    atoms = inputs(base, base.train)[0].astype(np.float32).reshape(12, size, 4)
    target = one.target[base.train]
    for batch in table.reshape(-1, 4):
        with tf.GradientTape() as tape:
            answer = tf.reduce_mean(tf.reshape(model(atoms[batch].reshape(-1, 4)), (4, size)), axis=1)
            cost = 0.5 * tf.reduce_mean((answer - target[batch]) ** 2)
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
    """A training of 15 epochs has the first 15 points of one of 45: nothing looks ahead."""
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
    error = ((made.energy - base.energy) / base.atoms)[base.validation] * 1000
    assert np.sqrt(np.mean(error**2)) == pytest.approx(made.curve["validation"][made.checkpoint - 1], rel=1e-4)
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
        DivergedError, match=r"diverged: at the end of epoch 2 of 30 .*rate 1e\+30.*smaller learning rate"
    ):
        fit(spec, ragged(), weights_seed=1, order_seed=1)


@pytest.mark.parametrize(
    ("activation", "rule"),
    [
        ("tanh", Adam(learning_rate=1e6)),
        ("tanh", Adam(learning_rate=1e3)),
        ("relu", Adam(learning_rate=1e2)),
        ("logistic", Adam(learning_rate=1e4)),
    ],
)
def test_a_training_that_ran_away_is_diverged_though_finite(activation: str, rule: Adam) -> None:
    """Saturated nodes answer with finite nonsense: it is told from its error, with what may help."""
    spec = Hdnn("hdnn", (4, 4), epochs=10, batch=4, activation=activation, optimizer=rule)  # type: ignore[arg-type]
    with pytest.raises(
        DivergedError,
        match=r"in none of 10 epochs was the validation error below [\d.e+]+ times .* smaller learning rate",
    ):
        fit(spec, ragged(), weights_seed=1, order_seed=1)


def test_a_training_that_comes_to_nothing_says_so_and_never_counts_as_converged() -> None:
    """Weights that may not move stay what they were drawn: a remark. With a skip, that is the ridge's answer."""
    frozen = Hdnn("hdnn", (4,), epochs=12, optimizer=Kalman("kalman", prior=0.0))
    made = fit(frozen, ragged(), weights_seed=1, order_seed=1)
    assert made.remarks[-1] == (
        "The training came to nothing: no epoch had a lower validation error than the initial weights; a smaller "
        "prior, or one above 0, or a smaller last trust may help."
    )
    assert made.converged is False
    wild = replace(frozen, skip=True, optimizer=Adam(learning_rate=1e6))
    kept, ridge = (fit(spec, ragged(), weights_seed=1, order_seed=1) for spec in (wild, Linear("linear")))
    assert kept.checkpoint == 0
    assert kept.remarks[-1].startswith("No epoch had a lower validation error than the ridge")
    course = network.Course(None, 1, np.ones(2), np.ones(2))  # type: ignore[arg-type]
    (some,) = hdnn._unmoved(replace(wild, ensemble=3), [course] * 3, [0.5, 0.5, 2.0])
    assert some.startswith(
        "In 2 of the 3 networks of the ensemble no epoch had a lower validation error than the ridge"
    )
    np.testing.assert_allclose(kept.energy, ridge.energy, rtol=1e-12)


#: The very first fit of a process, whose libraries are loaded on the way.
FIRST = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from problems import ragged
from bpbench.jobs import Hdnn, Kalman
from bpbench.models import fit
spec = Hdnn("hdnn", (12, 8), epochs=1, optimizer=Kalman("kalman"))
made = fit(spec, ragged(frames=100, functions=40, seed=3), weights_seed=1, order_seed=2)
print(hashlib.sha256(made.energy.tobytes()).hexdigest())
"""


def test_threads_beside_one_another_keep_bits_where_libraries_would_share_out() -> None:
    """A filter of 600 weights, alone in a fresh process first, and three at a time: one thread for the libraries."""
    from concurrent.futures import ThreadPoolExecutor

    from threadpoolctl import threadpool_info

    base = ragged(frames=100, functions=40, seed=3)
    specs = [Hdnn("hdnn", (12, 8), epochs=epochs, optimizer=Kalman("kalman")) for epochs in (1, 2, 3, 4)]

    def run(spec: Hdnn) -> bytes:
        return fit(spec, base, weights_seed=1, order_seed=2).energy.tobytes()

    alone = [run(spec) for spec in specs]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(run, specs * 3)) == alone * 3
    assert {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"} == {1}
    fresh = subprocess.run(
        [sys.executable, "-c", FIRST, str(Path(__file__).parent)], capture_output=True, text=True, check=True
    )
    assert fresh.stdout.strip() == hashlib.sha256(alone[0]).hexdigest()


def test_constant_function_is_dropped_by_name() -> None:
    """A function that does not vary over the training atoms gets no weights, and a remark with its name."""
    base = ragged()
    values = base.values.copy()
    values[2] = 0.7
    values[2, base.offsets[base.test[0]]] = 5.0  # outside training it may vary
    spec = Hdnn("hdnn", hidden=(3,), epochs=3)
    made = fit(spec, changed(base, values=values), weights_seed=1, order_seed=1)
    assert made.remarks[0] == "The function G2 is constant over the training atoms and was dropped."
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


def test_a_replica_does_not_depend_on_its_mates() -> None:
    """Whatever was trained before it, on the same inputs or others, alone or in threads: the same bits."""
    from concurrent.futures import ThreadPoolExecutor

    base, other = ragged(), ragged(frames=30, functions=3, seed=9)
    shared = changed(base, table=replica.table(base.values, base.offsets))

    def digest(spec: Hdnn, seed: int, where: Problem) -> bytes:
        made = fit(spec, where, weights_seed=seed, order_seed=seed + 1)
        return made.energy.tobytes() + made.curve["train"].tobytes() + made.curve["validation"].tobytes()

    specs = [Hdnn("hdnn", (4,), epochs=12, batch=8, optimizer=Adam(learning_rate=rate)) for rate in (1e-3, 1e-2)] + [
        Hdnn("hdnn", (4,), epochs=4, optimizer=Kalman("kalman")),
        Hdnn("hdnn", (4,), epochs=4, optimizer=Marquardt("marquardt")),
    ]
    alone = {(spec, seed): digest(spec, seed, base) for spec in specs for seed in (1, 2)}
    assert len(set(alone.values())) == len(alone)
    for order in (list(alone), list(alone)[::-1]):
        for spec, seed in order:
            digest(specs[0], 5, other)
            assert digest(spec, seed, shared) == alone[spec, seed]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda key: digest(*key, shared), list(alone) * 2))
    assert together == list(alone.values()) * 2


def test_one_bad_replica_harms_no_neighbour() -> None:
    """A training that diverges says so, and the next one on the same inputs gives the bits that it gives alone."""
    base = ragged()
    shared = changed(base, table=replica.table(base.values, base.offsets))
    good = Hdnn("hdnn", (4,), epochs=5, batch=8)
    alone = fit(good, base, weights_seed=1, order_seed=2).energy
    with pytest.raises(DivergedError):
        fit(replace(good, optimizer=Adam(learning_rate=1e30)), shared, weights_seed=1, order_seed=2)
    np.testing.assert_array_equal(fit(good, shared, weights_seed=1, order_seed=2).energy, alone)


def test_an_ensemble_is_the_mean_of_networks_and_begins_with_the_single_one() -> None:
    """Its energy is the mean of its members', the first of which is the network alone; parameters give it again."""
    base = ragged()
    spec = Hdnn("hdnn", (4,), epochs=6, batch=8, ensemble=3)
    made = fit(spec, base, weights_seed=1, order_seed=2)
    alone = fit(replace(spec, ensemble=1), base, weights_seed=1, order_seed=2)
    assert made.members is not None
    assert made.members.shape == (3, len(base.energy))
    np.testing.assert_array_equal(made.members[0], alone.energy)
    assert np.ptp(made.members, axis=0).min() > 0
    np.testing.assert_allclose(made.energy, made.members.mean(axis=0), rtol=1e-15)
    np.testing.assert_array_equal(evaluate(spec, made.parameters, base.values, base.offsets), made.energy)
    assert (made.checkpoint, made.parameter_count) == (None, 3 * (alone.parameter_count or 0))
    assert alone.members is None


@pytest.mark.parametrize("kind", ["min-max", "centred", "centred-min-max"])
def test_a_skip_starts_from_the_ridge_whatever_the_scaling(
    kind: Literal["min-max", "centred", "centred-min-max"],
) -> None:
    """However inputs are scaled, the network's first answer is the linear potential's."""
    base = ragged(frames=60, functions=4, seed=4)
    ridge = fit(Linear("linear"), base, weights_seed=0, order_seed=0)
    spec = Hdnn("hdnn", (4,), scaling=kind, skip=True)
    scales = scaling(base, kind)
    start = hdnn._start(spec, scales, network.initial(4, (4,), 1), ridge.parameters)
    one = bound(base, start, kind=kind)
    answer = one.answers(start.flat(), np.arange(60))
    energy = base.atoms * (scales.reference + scales.centre + scales.width * answer)
    np.testing.assert_allclose(energy, ridge.energy, rtol=1e-10)


def test_more_weights_than_data_and_twin_functions_are_remarked() -> None:
    """Both numbers are said; of two functions with the same values the second is named; neither stops the fit."""
    base = ragged()
    values = base.values.copy()
    values[4] = values[1]
    made = fit(Hdnn("hdnn", (4,), epochs=2), changed(base, values=values), weights_seed=1, order_seed=1)
    twin, weights = made.remarks
    assert twin == (
        "The functions G1 and G4 have the same values at all training atoms; the second tells a model nothing, leave "
        "it out."
    )
    assert weights == (
        "More weights than data: 33 weights learn from 24 energies, and may learn them by heart; a linear skip, "
        "patience, an ensemble or a tighter prior may help against that."
    )
    cured = Hdnn("hdnn", (4,), epochs=2, skip=True, patience=1, ensemble=2)
    weights = fit(cured, base, weights_seed=1, order_seed=1).remarks[0]
    assert weights == "More weights than data: 39 weights learn from 24 energies, and may learn them by heart."
    assert fit(Hdnn("hdnn", (1,), epochs=2), base, weights_seed=1, order_seed=1).remarks == ()

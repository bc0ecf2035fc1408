"""Keras's own ``fit`` against a float64 twin in NumPy, and what its training promises."""

from __future__ import annotations

import gc
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from problems import ragged

from bpbench.errors import BpbenchError, DivergedError
from bpbench.jobs import Adam, Hdnn, KerasAdam
from bpbench.models import fit, keras_fit, network
from bpbench.models.backend import quiet_tensorflow
from bpbench.models.keras_fit import Part

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from bpbench.models.contract import Floats

pytestmark = pytest.mark.xdist_group("tensorflow")  # one process imports TensorFlow, not both

FUNCTIONS: dict[str, Callable[[Floats], Floats]] = {
    "tanh": np.tanh,
    "logistic": lambda x: 1.0 / (1.0 + np.exp(-x)),
    "softplus": lambda x: np.log(1.0 + np.exp(x)),
    "relu": lambda x: np.maximum(x, 0.0),
    "gaussian": lambda x: np.exp(-(x**2)),
}


def part(frames: int, seed: int, functions: int = 3, largest: int = 5) -> Part:
    """Return configurations of 1 to ``largest`` atoms whose energy per atom is a smooth function of their atoms."""
    random = np.random.default_rng(seed)
    sizes = random.integers(1, largest + 1, frames)
    inputs = random.standard_normal((sizes.sum(), functions))
    target = np.add.reduceat(np.sin(inputs[:, 0]) + inputs[:, 1] ** 2, np.cumsum(sizes) - sizes) / sizes
    return Part(inputs.astype(np.float32), sizes, ((target - target.mean()) / target.std()).astype(np.float32))


def table(frames: int, batch: int, epochs: int, seed: int = 0) -> npt.NDArray[np.int64]:
    """Return batches that are permutations, the last one filled with -1."""
    random, batches = np.random.default_rng(seed), -(-frames // batch)
    rows = np.full((epochs, batches * batch), -1, np.int64)
    for row in rows:
        row[:frames] = random.permutation(frames)
    return rows.reshape(epochs, batches, batch)


def begin(hidden: tuple[int, ...] = (4,), activation: str = "tanh", seed: int = 2) -> network.Network:
    layers = network.initial(3, hidden, seed)
    random = np.random.default_rng(seed)
    moved = [(weights, random.uniform(-0.5, 0.5, biases.shape).astype(np.float32)) for weights, biases in layers]
    return network.Network(moved, activation=activation)


def gamma(net: network.Network, w: Floats, seen: Part, frames: list[int] | range) -> float:
    """Γ of some configurations in float64, one after the other, nothing padded."""
    total = 0.0
    first = np.cumsum(seen.sizes) - seen.sizes
    for frame in frames:
        state = seen.inputs[first[frame] : first[frame] + seen.sizes[frame]].astype(float)
        *inner, last = net.filled(w).layers
        for weights, biases in inner:
            state = FUNCTIONS[net.activation](state @ weights + biases)
        total += float((state @ last[0] + last[1]).mean() - seen.target[frame]) ** 2
    return total / (2 * len(frames))


def twin(
    net: network.Network, rule: KerasAdam, seen: Part, unseen: Part, batches: npt.NDArray[np.int64]
) -> tuple[list[Floats], Floats, Floats]:
    """Return the weights after each epoch and both curves: Adam in float64, slopes by central differences."""
    w, step = net.flat(), 1e-5
    first, second, t = np.zeros_like(w), np.zeros_like(w), 0
    states, running, measured = [], [], []
    for epoch in batches:
        met = 0.0
        for batch in epoch:
            members = [frame for frame in batch if frame >= 0]
            met += gamma(net, w, seen, members) * len(members)
            g = np.array(
                [
                    (gamma(net, w + d, seen, members) - gamma(net, w - d, seen, members)) / (2 * step)
                    for d in step * np.eye(len(w))
                ]
            )
            t += 1
            first = rule.beta_1 * first + (1 - rule.beta_1) * g
            second = rule.beta_2 * second + (1 - rule.beta_2) * g**2
            # Kingma & Ba, the efficient form of section 2
            rate = rule.learning_rate * np.sqrt(1 - rule.beta_2**t) / (1 - rule.beta_1**t)
            w = w - rate * first / (np.sqrt(second) + rule.epsilon)
        states.append(w)
        running.append(np.sqrt(2 * met / len(seen.target)))
        measured.append(np.sqrt(2 * gamma(net, w, unseen, range(len(unseen.target)))))
    return states, np.array(running), np.array(measured)


@pytest.mark.parametrize("activation", FUNCTIONS)
def test_training_equals_a_float64_twin(activation: str) -> None:
    """Every activation, over ragged mini-batches with a short last one, follows Adam as its formulas say.

    An ε that is not small beside √v also tells Γ from twice Γ.
    """
    seen, unseen, batches = part(7, seed=8), part(5, seed=9), table(7, 3, 3)
    net, rule = begin(activation=activation), KerasAdam("keras-adam", learning_rate=0.02, epsilon=0.01)
    course = keras_fit.train(net, rule, seen, unseen, batches)
    states, running, measured = twin(net, rule, seen, unseen, batches)
    np.testing.assert_allclose(course.train, running, rtol=1e-5)
    np.testing.assert_allclose(course.validation, measured, rtol=1e-5)
    assert course.checkpoint == 1 + int(np.argmin(measured))
    np.testing.assert_allclose(course.network.flat(), states[course.checkpoint - 1], rtol=1e-4, atol=1e-5)
    assert course.network.activation == activation
    assert course.network.skip is None


def test_checkpoint_is_kept_not_the_last_epoch_and_patience_ends_the_curve() -> None:
    """The weights kept are those of the least validation error, though later ones are worse.

    With patience the curve is the beginning of the one without, up to that many epochs after its least point.
    """
    seen, unseen, rule = part(8, seed=1), part(12, seed=5), KerasAdam("keras-adam", learning_rate=0.2)
    whole = keras_fit.train(begin((6, 5)), rule, seen, unseen, table(8, 4, 20))
    assert len(whole.train) == len(whole.validation) == 20
    assert whole.checkpoint == 1 + int(np.argmin(whole.validation)) < 20
    again = np.sqrt(2 * gamma(whole.network, whole.network.flat(), unseen, range(12)))
    assert again == pytest.approx(whole.validation[whole.checkpoint - 1], rel=1e-5)
    for patience in (1, 4):
        course = keras_fit.train(begin((6, 5)), rule, seen, unseen, table(8, 4, 20), patience=patience)
        least = np.minimum.accumulate(whole.validation)
        best = [1 + int(np.argmax(whole.validation == value)) for value in least]
        end = next(epoch for epoch in range(1, 21) if epoch - best[epoch - 1] >= patience)
        assert course.checkpoint == best[end - 1] == end - patience
        for short, long in ((course.train, whole.train), (course.validation, whole.validation)):
            assert np.array_equal(short, long[:end])


def test_divergence_names_the_epoch_and_the_rate() -> None:
    """A training that leaves the finite numbers is refused with a sentence, and harms none after it."""
    seen, unseen, batches = part(7, seed=8), part(5, seed=9), table(7, 3, 4)
    before = keras_fit.train(begin(), KerasAdam("keras-adam"), seen, unseen, batches)
    with pytest.raises(
        DivergedError, match=r"diverged: at the end of epoch 1 of 4 .*rate 1e\+30.*smaller learning rate"
    ):
        keras_fit.train(begin(), KerasAdam("keras-adam", learning_rate=1e30), seen, unseen, batches)
    after = keras_fit.train(begin(), KerasAdam("keras-adam"), seen, unseen, batches)
    assert np.array_equal(before.network.flat(), after.network.flat())


def test_smallest_training() -> None:
    """Two configurations, one batch, one epoch, in which patience cannot end."""
    course = keras_fit.train(
        begin(), KerasAdam("keras-adam"), part(2, seed=1), part(2, seed=2), table(2, 2, 1), patience=1
    )
    assert course.checkpoint == len(course.train) == len(course.validation) == 1


def test_nothing_of_a_training_stays_in_memory() -> None:
    """TensorFlow keeps no graph and no data of a training that is over."""

    def left() -> dict[str, int]:
        gc.collect()
        names = [type(thing).__name__ for thing in gc.get_objects()]
        return {name: names.count(name) for name in ("FuncGraph", "Batches", "Alone", "Functional")}

    seen, unseen, batches = part(7, seed=8), part(5, seed=9), table(7, 3, 1)
    before = left()
    for _ in range(2):
        keras_fit.train(begin(), KerasAdam("keras-adam"), seen, unseen, batches)
    assert left() == before


def digest(course: network.Course) -> str:
    kept: list[Any] = [course.network.flat(), course.train, course.validation]
    return hashlib.sha256(b"".join(array.tobytes() for array in kept)).hexdigest()


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from test_keras_fit import example
print(example())
"""


def example() -> str:
    rule = KerasAdam("keras-adam", learning_rate=0.01)
    return digest(keras_fit.train(begin((6, 5)), rule, part(20, seed=1), part(8, seed=2), table(20, 8, 5)))


def test_same_bits_twice_and_in_another_process_without_a_word(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Bits do not depend on earlier trainings, on the process or on Keras's settings; nothing is written anywhere."""
    digests = [example(), example()]
    assert capfd.readouterr() == ("", "")
    (tmp_path / "keras.json").write_text('{"floatx": "float64", "backend": "jax"}')
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "CUDA_", "KERAS_"))}
    there = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, str(Path(__file__).parent)],
        capture_output=True, text=True, check=True, env=clean | {"KERAS_BACKEND": "numpy", "KERAS_HOME": str(tmp_path)},
    )  # fmt: skip
    assert there.stderr == ""
    assert [*digests, there.stdout.strip()] == [digests[0]] * 3


def test_without_tensorflow_it_says_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extra is not installed, the contestant is refused in one sentence and nothing else is harmed."""
    quiet_tensorflow.cache_clear()
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    spec = Hdnn("hdnn", (3,), epochs=1, optimizer=KerasAdam("keras-adam"))
    with pytest.raises(BpbenchError, match=r"needs TensorFlow, which is not installed; `pip install bpbench\[keras\]`"):
        fit(spec, ragged(), weights_seed=1, order_seed=1)
    monkeypatch.undo()
    assert np.isfinite(fit(spec, ragged(), weights_seed=1, order_seed=1).energy).all()


def test_our_adam_takes_the_course_of_keras() -> None:
    """The same job by either: curves of many epochs agree to single precision, and the same epoch is kept."""
    base = ragged(frames=60, functions=4, seed=5)
    ours, theirs = (
        fit(Hdnn("hdnn", (5, 4), epochs=30, batch=8, optimizer=rule), base, weights_seed=3, order_seed=4)
        for rule in (Adam(learning_rate=3e-3), KerasAdam("keras-adam", learning_rate=3e-3))
    )
    for name in ("train", "validation"):
        np.testing.assert_allclose(ours.curve[name], theirs.curve[name], rtol=2e-4)
    assert ours.checkpoint == theirs.checkpoint
    np.testing.assert_allclose(ours.energy, theirs.energy, rtol=1e-6)

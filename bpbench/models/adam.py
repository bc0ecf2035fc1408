r"""Training of the atomic network by Adam: many epochs in one compiled TensorFlow call.

.. math::
    Γ = \frac{1}{2B} \sum_c (\hat y_c - y_c)^2, \qquad \hat y_c = \frac{1}{n_c} \sum_{i∈c} y_i, \qquad g = ∂Γ/∂w

    m_t = m_{t-1} + (1-β_1)(g - m_{t-1}), \quad v_t = v_{t-1} + (1-β_2)(g^2 - v_{t-1}), \quad
    w_t = w_{t-1} - α_t \frac{m_t}{\sqrt{v_t} + ε}, \quad α_t = α \frac{\sqrt{1-β_2^t}}{1-β_1^t}

==========  ===============  ===================================================================================
symbol      name in code     meaning
==========  ===============  ===================================================================================
B           ``orders`` row   configurations of the batch; a short last batch averages over its own
y_c, n_c    ``target``, …    standardised target per atom and number of atoms of configuration c
y_i         ``_outputs``     the network's output for atom i
α_t         ``rates``        bias-corrected step; ε is added to √v_t, as Keras does (Kingma & Ba 2015, end of section 2)
==========  ===============  ===================================================================================

Configurations differ in size, compiled code wants fixed shapes. All training atoms lie in one long axis; the atoms of a
batch are packed one configuration after another into a fixed number of rows, so that no configuration is padded to
the largest. Lengths are rounded up to the numbers of :func:`bucket`, so that trainings of almost equal size share
one compilation; the surplus rows belong to no configuration and add exactly zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from bpbench.errors import DivergedError
from bpbench.models.backend import quiet_tensorflow
from bpbench.models.network import Course, Network

if TYPE_CHECKING:
    from bpbench.jobs import Adam
    from bpbench.models.contract import Ints

#: Epochs per compiled call; between calls Python can answer an interrupt.
_EPOCHS_PER_CALL = 20


@dataclass(frozen=True, slots=True)
class Part:
    """Scaled configurations, atoms in one long axis.

    Attributes
    ----------
    inputs : ndarray of float32, shape (A, D)
        Scaled descriptors, frame after frame.
    sizes : ndarray of int, shape (F,)
        Atoms in each frame.
    target : ndarray of float32, shape (F,)
        Standardised energies per atom.
    """

    inputs: np.ndarray
    sizes: Ints
    target: np.ndarray


def bucket(length: int, digits: int = 5) -> int:
    """Return ``length`` rounded up to its first ``digits`` binary digits: five cost at most 1/16, three at most 1/4."""
    step = 1 << max(0, length.bit_length() - digits)
    return -(-length // step) * step


def orders(frames: int, batch: int, epochs: int, seed: int) -> np.ndarray:
    """Return which frames each batch holds, shape (epochs, batches, batch), int32; -1 fills the last batch.

    Every epoch is a new permutation from NumPy's generator.
    """
    random = np.random.default_rng(seed)
    batch = min(batch, frames)
    batches = -(-frames // batch)
    table = np.full((epochs, batches * batch), -1, dtype=np.int32)
    for row in table:
        row[:frames] = random.permutation(frames)
    return table.reshape(epochs, batches, batch)


def packed_rows(sizes: Ints, table: np.ndarray) -> int:
    """Return the rows that hold the atoms of every batch of a table from :func:`orders`.

    With mixed sizes the fullest batch differs from seed to seed, so the rounding is coarse: on small data a new
    compilation would cost more than the training.
    """
    with_empty = np.append(sizes, 0)  # frame -1 is the empty one
    fullest = int(with_empty[table].sum(axis=2).max())
    return fullest if sizes.min() == sizes.max() else bucket(fullest, digits=3)


def rates(adam: Adam, steps: int) -> np.ndarray:
    """Return α_t for t = 1 … steps, worked out in float64."""
    t = np.arange(1, steps + 1, dtype=np.float64)
    return adam.learning_rate * np.sqrt(1.0 - adam.beta_2**t) / (1.0 - adam.beta_1**t)


def train(start: Network, adam: Adam, training: Part, validation: Part, table: np.ndarray) -> Course:
    """Train a network.

    Parameters
    ----------
    start : Network
        Initial state; trained in float32.
    adam : Adam
        Constants of the optimiser.
    training, validation : Part
        Configurations to learn from and to choose the epoch by.
    table : ndarray
        From :func:`orders`.

    Returns
    -------
    Course
        The state of least validation error and the learning curve.

    Raises
    ------
    DivergedError
        When an error is no longer a finite number; the sentence names the epoch.
    """
    tf = quiet_tensorflow()
    epochs, batches, _ = table.shape
    rows = packed_rows(training.sizes, table)
    steps = rates(adam, epochs * batches).reshape(epochs, batches).astype(np.float32)
    flat = [tf.constant(array, tf.float32) for layer in start.layers for array in layer]
    flat += [] if start.skip is None else [tf.constant(start.skip, tf.float32)]
    zeros = [tf.zeros_like(array) for array in flat]
    state = (tf.constant(0), flat, zeros, zeros, flat, tf.constant(np.float32(np.inf)), tf.constant(0))
    constants = tf.constant([adam.beta_1, adam.beta_2, adam.epsilon], tf.float32)
    data = [tf.constant(array) for part in (training, validation) for array in _padded(part)]
    curves = []
    for first in range(0, epochs, _EPOCHS_PER_CALL):
        last = min(first + _EPOCHS_PER_CALL, epochs)
        call = [_extended(array[first:last]) for array in (table, steps)]
        state, curve = _compiled()(state, *data, *call, tf.constant(last), constants, rows)
        curves.append(np.sqrt(curve.numpy()[: last - first].astype(np.float64)))
        bad = np.flatnonzero(~np.isfinite(curves[-1]).all(axis=1))
        if len(bad):
            raise DivergedError(
                f"The training diverged: at the end of epoch {first + bad[0] + 1} of {epochs} the error was not a "
                f"finite number (learning rate {adam.learning_rate:g}); a smaller learning rate may help."
            )
    best = [array.numpy() for array in state[4]]
    whole = np.concatenate(curves)
    skip = None if start.skip is None else best.pop()
    net = Network(list(zip(best[::2], best[1::2], strict=True)), skip)
    return Course(net, int(state[6]), whole[:, 0], whole[:, 1])


def _extended(array: np.ndarray) -> np.ndarray:
    """Fill up to a whole call, so that any number of epochs runs the same compiled code."""
    return np.concatenate([array, np.repeat(array[-1:], _EPOCHS_PER_CALL - len(array), axis=0)])


def _padded(part: Part) -> tuple[np.ndarray, ...]:
    """Return inputs, first atoms, sizes, frame of each atom and targets, lengths from :func:`bucket`.

    One frame is always left over at the end: the empty one, to which surplus atoms and places in batches belong.
    """
    atoms, frames = bucket(len(part.inputs)), bucket(len(part.sizes) + 1)
    inputs = np.zeros((atoms, part.inputs.shape[1]), np.float32)
    inputs[: len(part.inputs)] = part.inputs
    sizes = np.zeros(frames, np.int32)
    sizes[: len(part.sizes)] = part.sizes
    owner = np.full(atoms, frames - 1, np.int32)
    owner[: len(part.inputs)] = np.repeat(np.arange(len(part.sizes)), part.sizes)
    target = np.zeros(frames, np.float32)
    target[: len(part.target)] = part.target
    return inputs, (np.cumsum(sizes) - sizes).astype(np.int32), sizes, owner, target


@lru_cache(maxsize=1)
def _compiled() -> Any:
    """Return the compiled training; TensorFlow keeps one machine code per set of shapes."""
    tf = quiet_tensorflow()

    def outputs(weights: list[Any], inputs: Any) -> Any:
        state = inputs
        # Two arrays for each layer, and one for a skip.
        *weights, skip = weights if len(weights) % 2 else (*weights, None)
        for number in range(0, len(weights) - 2, 2):
            state = tf.tanh(tf.matmul(state, weights[number]) + weights[number + 1])
        answer = (tf.matmul(state, weights[-2]) + weights[-1])[:, 0]
        return answer if skip is None else answer + tf.linalg.matvec(inputs, skip)

    def means(per_atom: Any, owner: Any, sizes: Any) -> Any:
        totals = tf.math.unsorted_segment_sum(per_atom, owner, sizes.shape[0])
        return totals / tf.cast(tf.maximum(sizes, 1), tf.float32)

    def error(weights: list[Any], part: tuple[Any, ...]) -> Any:
        inputs, _, sizes, owner, target = part
        real = tf.cast(sizes > 0, tf.float32)
        difference = (means(outputs(weights, inputs), owner, sizes) - target) * real
        return tf.reduce_sum(difference**2) / tf.reduce_sum(real)

    def gradient(weights: list[Any], part: tuple[Any, ...], members: Any, rows: int) -> list[Any]:
        inputs, first, sizes, _, target = part
        frames = tf.where(members < 0, sizes.shape[0] - 1, members)
        size, places = tf.gather(sizes, frames), frames.shape[0]
        end = tf.cumsum(size)
        row = tf.range(rows)
        # Row r of the batch belongs to the first configuration that ends after it; rows behind the last to none.
        owner = tf.searchsorted(end, row, side="right")
        shift = tf.concat([tf.gather(first, frames) - (end - size), [0]], 0)
        atom = tf.where(owner < places, row + tf.gather(shift, owner), 0)
        packed = tf.gather(inputs, atom)
        real = tf.cast(size > 0, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(weights)
            answer = means(outputs(weights, packed), owner, tf.concat([size, [0]], 0))[:places]
            difference = (answer - tf.gather(target, frames)) * real
            cost = 0.5 * tf.reduce_sum(difference**2) / tf.reduce_sum(real)
        return list(tape.gradient(cost, weights))

    def run(state: Any, *arguments: Any) -> Any:
        training, validation = arguments[:5], arguments[5:10]
        table, steps, last, constants, rows = arguments[10:]
        beta_1, beta_2, epsilon = constants[0], constants[1], constants[2]
        start = state[0]

        def update(batch: Any, row: Any, weights: Any, first: Any, second: Any) -> Any:
            # gather, not table[row, batch]: a slice's start counts as a constant, each value would compile anew.
            members, rate = tf.gather_nd(table, [row, batch]), tf.gather_nd(steps, [row, batch])
            slope = gradient(weights, training, members, rows)
            first = [m + (1.0 - beta_1) * (g - m) for m, g in zip(first, slope, strict=True)]
            second = [v + (1.0 - beta_2) * (g * g - v) for v, g in zip(second, slope, strict=True)]
            weights = [w - rate * m / (tf.sqrt(v) + epsilon) for w, m, v in zip(weights, first, second, strict=True)]
            return batch + 1, row, weights, first, second

        def epoch(
            number: Any, weights: Any, first: Any, second: Any, best: Any, least: Any, kept: Any, curve: Any
        ) -> Any:
            row = number - start
            _, _, weights, first, second = tf.while_loop(
                lambda batch, *_: batch < table.shape[1], update, (0, row, weights, first, second)
            )
            seen, unseen = error(weights, training), error(weights, validation)
            better = unseen < least
            best = [tf.where(better, w, b) for w, b in zip(weights, best, strict=True)]
            curve = curve.write(row, tf.stack([seen, unseen]))
            return (
                number + 1,
                weights,
                first,
                second,
                best,
                tf.where(better, unseen, least),
                tf.where(better, number + 1, kept),
                curve,
            )

        curve = tf.TensorArray(tf.float32, table.shape[0], element_shape=(2,))
        *after, curve = tf.while_loop(lambda number, *_: number < last, epoch, (*state, curve))
        return tuple(after), curve.stack()

    return tf.function(run, jit_compile=True, autograph=False)

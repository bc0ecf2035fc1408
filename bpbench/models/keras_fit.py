r"""Training of the atomic network by Keras's own ``fit`` and Adam, the way the aluminium study trained.

.. math::
    Γ = \frac{1}{2B} \sum_c (\hat y_c - y_c)^2, \qquad \hat y_c = \sum_{a} s_{ca} \, y_{ca}, \qquad
    s_{ca} = \begin{cases} 1/n_c & a ≤ n_c \\ 0 & \text{else} \end{cases}

======  ==============  ===========================================================================================
symbol  name in code    meaning
======  ==============  ===========================================================================================
B       ``table`` row   configurations of the batch; a short last batch averages over its own
y_c     ``target``      standardised energy per atom of configuration c, ŷ_c the network's answer
y_ca    ``answer``      the network's output for row a of configuration c, padded to the largest configuration
s_ca    ``share``       what row a adds to the mean over the n_c atoms; nothing, if it is padding
======  ==============  ===========================================================================================

Adam moves the same whatever constant multiplies the loss, but for ε beside √v. Keras's mean squared error is
therefore given the weight ½, an exact factor in binary numbers: gradients, ε and steps are those of
:mod:`bpbench.models.adam`, and since the batches are the same too, the two can be compared run by run.

Two things are as ``fit`` has them. The training curve is its running loss, the mean over the epoch's batches of the
error each met *before* its update; the validation curve is measured at the end of the epoch. And every batch passes
through Python and every training is traced anew, so a small network costs far more than its arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bpbench.errors import DivergedError
from bpbench.models.adam import lost
from bpbench.models.backend import quiet_tensorflow
from bpbench.models.network import Course, Network

if TYPE_CHECKING:
    import numpy.typing as npt

    from bpbench.jobs import KerasAdam
    from bpbench.models.contract import Ints

    Table = npt.NDArray[np.int64]

#: Activations that Keras knows by another name.
_NAMES = {"logistic": "sigmoid"}


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


def train(
    start: Network, rule: KerasAdam, training: Part, validation: Part, table: Table, *, patience: int | None = None
) -> Course:
    """Train a network.

    Parameters
    ----------
    start : Network
        Initial state, without a skip; trained in float32.
    rule : KerasAdam
        Constants of the optimiser.
    training, validation : Part
        Configurations to learn from and to choose the epoch by.
    table : ndarray of int, shape (epochs, batches, batch)
        Which training configurations each batch holds; -1 fills the last one.
    patience : int or None
        Epochs without a lower validation error after which the training ends; ``None``: it runs all epochs.

    Returns
    -------
    Course
        The state of least validation error and the learning curve up to the epoch at which the training ended. The
        training curve is Keras's running loss of each epoch.

    Raises
    ------
    DivergedError
        When an error is no longer a finite number; the sentence names the epoch.
    """
    assert start.skip is None, "Keras's fit has no linear skip; a protocol that asks for one is refused before"
    quiet_tensorflow()
    import keras

    # A file of the user's own may say otherwise, and bits with it.
    keras.config.set_floatx("float32")
    try:
        return _fitted(keras, start, rule, (training, validation), table, patience)
    finally:
        # Keras keeps every model it has built; hundreds of trainings may follow in this process.
        keras.utils.clear_session()


def _fitted(
    keras: Any, start: Network, rule: KerasAdam, parts: tuple[Part, Part], table: Table, patience: int | None
) -> Course:
    epochs, _, batch = table.shape
    model = _model(keras, start)
    adam = _alone(keras)(rule.learning_rate, beta_1=rule.beta_1, beta_2=rule.beta_2, epsilon=rule.epsilon)
    # XLA is what Keras chooses beside a GPU and leaves alone without one; bits must not depend on that.
    model.compile(optimizer=adam, loss="mean_squared_error", loss_weights=0.5, jit_compile=False)
    batches, unseen = _batches(keras, parts[0], table), _batches(keras, parts[1], _in_order(parts[1], batch))

    def turn(epoch: int, _: object) -> None:
        batches.epoch = epoch

    def check(epoch: int, errors: dict[str, float]) -> None:
        if not np.isfinite([errors["loss"], errors["val_loss"]]).all():
            raise DivergedError(lost(rule, epoch, epochs))

    watch = keras.callbacks.LambdaCallback(on_epoch_begin=turn, on_epoch_end=check)
    # It also keeps the best weights, so it is there without patience too: then it never comes to stopping.
    best = keras.callbacks.EarlyStopping("val_loss", patience=patience or epochs, restore_best_weights=True)
    told = model.fit(
        batches, validation_data=unseen, epochs=epochs, shuffle=False, verbose=0, callbacks=[watch, best]
    ).history
    arrays = model.get_weights()
    net = Network(list(zip(arrays[::2], arrays[1::2], strict=True)), activation=start.activation)
    train_error, validation_error = (np.sqrt(2.0 * np.array(told[name], np.float64)) for name in ("loss", "val_loss"))
    return Course(net, best.best_epoch + 1, train_error, validation_error)


def _model(keras: Any, start: Network) -> Any:
    """Return the Keras model of a network: one stack of dense layers for every atom, and the mean over the atoms."""
    function: Any = _NAMES.get(start.activation, start.activation)
    if function == "gaussian":
        function = _gaussian
    inputs = keras.Input((None, len(start.layers[0][0])))
    share = keras.Input((None, 1))
    answer = inputs
    for number, (_, biases) in enumerate(start.layers, 1):
        last = number == len(start.layers)
        # Zeros: the weights are set below, nothing need be drawn.
        layer = keras.layers.Dense(
            len(biases), activation=None if last else function, kernel_initializer="zeros", bias_initializer="zeros"
        )
        answer = layer(answer)
    model = keras.Model([inputs, share], keras.ops.sum(answer * share, axis=1))
    model.set_weights([array for layer in start.layers for array in layer])
    return model


def _alone(keras: Any) -> Any:
    """Return Keras's Adam without its sum over machines, of which there is one.

    TensorFlow registers that sum's gradient for good, and by it the graph of every training: 6 MB each.
    """

    class Alone(keras.optimizers.Adam):  # type: ignore[misc]
        def _all_reduce_sum_gradients(self, pairs: list[Any]) -> list[Any]:
            return pairs

    return Alone


def _gaussian(x: Any) -> Any:
    from keras import ops

    return ops.exp(-ops.square(x))


def _in_order(part: Part, batch: int) -> Table:
    """Return the table of one epoch that takes the configurations one after another."""
    frames = len(part.sizes)
    table = np.full(-(-frames // batch) * batch, -1, dtype=np.int64)
    table[:frames] = np.arange(frames)
    return table.reshape(1, -1, batch)


def _batches(keras: Any, part: Part, table: Table) -> Any:
    """Return the batches of a table in the form that ``fit`` asks for; padding is made batch by batch."""
    row, sizes = np.arange(part.sizes.max()), part.sizes[:, None]
    first = np.cumsum(part.sizes) - part.sizes
    # Padding repeats a configuration's last atom, and counts nothing.
    atom = first[:, None] + np.minimum(row, sizes - 1)
    share = np.where(row < sizes, 1.0 / sizes, 0.0).astype(np.float32)[:, :, None]

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        # Told from outside: Keras calls this class's own hooks of an epoch once more than there are epochs.
        epoch = 0

        def __len__(self) -> int:
            return int(table.shape[1])

        def __getitem__(self, number: int) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
            members = table[self.epoch, number]
            members = members[members >= 0]
            return (part.inputs[atom[members]], share[members]), part.target[members, None]

    return Batches()

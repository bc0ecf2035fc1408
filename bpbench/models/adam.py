r"""Training of the atomic network by Adam, in single precision.

.. math::
    Γ = \frac{1}{2B} \sum_c (\hat y_c - y_c)^2, \qquad g = ∂Γ/∂w

    m_t = m_{t-1} + (1-β_1)(g - m_{t-1}), \quad v_t = v_{t-1} + (1-β_2)(g^2 - v_{t-1}), \quad
    w_t = w_{t-1} - α λ w_{t-1} - α_t \frac{m_t}{\sqrt{v_t} + ε}, \quad α_t = α \frac{\sqrt{1-β_2^t}}{1-β_1^t}

==========  ===============  ===================================================================================
symbol      name in code     meaning
==========  ===============  ===================================================================================
B           ``orders`` row   configurations of the batch; a short last batch averages over its own
y_c, ŷ_c    ``target``       standardised target per atom of configuration c, and the network's mean answer
α_t         ``rates``        bias-corrected step; ε is added to √v_t, as Keras does (Kingma & Ba 2015, end of section 2)
λ           ``decay``        decoupled weight decay (Loshchilov & Hutter 2019), for weights alone
==========  ===============  ===================================================================================

The steps of an epoch are one compiled call (:func:`bpbench.models.kernels.adam_epoch`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bpbench.errors import DivergedError
from bpbench.models import kernels
from bpbench.models.network import Course, Watch

if TYPE_CHECKING:
    import numpy.typing as npt

    from bpbench.jobs import Adam, KerasAdam
    from bpbench.models.kernels import Reals
    from bpbench.models.replica import Replica


def orders(frames: int, batch: int, epochs: int, seed: int) -> npt.NDArray[np.int64]:
    """Return which frames each batch holds, shape (epochs, batches, batch); -1 fills the last batch.

    Every epoch is a new permutation from NumPy's generator.
    """
    random = np.random.default_rng(seed)
    batch = min(batch, frames)
    batches = -(-frames // batch)
    table = np.full((epochs, batches * batch), -1, dtype=np.int64)
    for row in table:
        row[:frames] = random.permutation(frames)
    return table.reshape(epochs, batches, batch)


def rates(adam: Adam, steps: int) -> npt.NDArray[np.float64]:
    """Return α_t for t = 1 … steps, worked out in float64."""
    t = np.arange(1, steps + 1, dtype=np.float64)
    return adam.learning_rate * np.sqrt(1.0 - adam.beta_2**t) / (1.0 - adam.beta_1**t)


def train(replica: Replica, rule: Adam, table: npt.NDArray[np.int64], *, patience: int | None = None) -> Course:
    """Train a network.

    Parameters
    ----------
    replica : Replica
        Network and problem, in single precision.
    rule : Adam
        Constants of the optimiser.
    table : ndarray
        From :func:`orders`.
    patience : int, optional
        Epochs without a lower validation error after which it ends.

    Returns
    -------
    Course
        The state of least validation error and the learning curve.

    Raises
    ------
    DivergedError
        When an error is no longer a finite number; the sentence names the epoch.
    """
    epochs, batches, _ = table.shape
    start, dtype = replica.start, replica.dtype
    w: Reals = start.flat().astype(dtype)
    kept = kernels.Moments(*(np.zeros(len(w), dtype) for _ in kernels.Moments._fields))
    steps: Reals = rates(rule, epochs * batches).reshape(epochs, batches).astype(dtype)
    constants: Reals = np.array([rule.beta_1, rule.beta_2, rule.epsilon], dtype)
    decay: Reals = (rule.learning_rate * start.spread(rule.decay, biases=False, skip=0.0)).astype(dtype)
    order = np.where(table < 0, -1, replica.train[table])
    watch = Watch(start, patience)
    for epoch in range(epochs):
        total = kernels.adam_epoch(
            replica.table,
            replica.joined,
            order[epoch],
            replica.target,
            w,
            kept,
            steps[epoch],
            constants,
            decay,
            replica.work,
        )
        seen, unseen = float(total) / len(replica.train), replica.unseen(w)
        if not np.isfinite([seen, unseen]).all():
            raise DivergedError(lost(rule, epoch, epochs))
        if not watch.note(w, float(np.sqrt(seen)), unseen):
            break
    return watch.course()


def lost(rule: Adam | KerasAdam, epoch: int, epochs: int) -> str:
    """Return the sentence that a training diverged in an epoch, from 0."""
    return (
        f"The training diverged: at the end of epoch {epoch + 1} of {epochs} the error was not a "
        f"finite number (learning rate {rule.learning_rate:g}); a smaller learning rate may help."
    )

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

With forces (:mod:`bpbench.models.forces`) an epoch takes those of a part of the configurations, drawn anew, where their
turn comes in the batches. A batch's cost is then

.. math::
    \frac{1}{B} \sum_c \Bigl[ \frac12 (\hat y_c - y_c)^2
    + κ \frac{N}{2M} \sum_{m∈c} \frac{(\hat F_m - F_m)^2}{σ_F^2} \Bigr]

with N training configurations and M force components in the epoch: its mean over the batches is the cost Γ of both,
however few of the configurations have their forces in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bpbench.errors import DivergedError
from bpbench.models import kernels
from bpbench.models.network import Course, Watch

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from bpbench.jobs import Adam, KerasAdam
    from bpbench.models.contract import Ints
    from bpbench.models.forces import Learned
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


def train(
    replica: Replica,
    rule: Adam,
    table: npt.NDArray[np.int64],
    *,
    patience: int | None = None,
    forces: tuple[Learned, Iterable[Ints]] | None = None,
) -> Course:
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
    forces : (Learned, iterable of ndarray), optional
        Forces in single precision, and the configurations whose forces each epoch takes.

    Returns
    -------
    Course
        The state of least validation error and the learning curve.

    Raises
    ------
    DivergedError
        When an error is no longer a finite number; the sentence names the epoch.
    """
    if forces is not None:
        return _train_with_forces(replica, rule, table, forces, patience)
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


def _train_with_forces(
    replica: Replica,
    rule: Adam,
    table: npt.NDArray[np.int64],
    forces: tuple[Learned, Iterable[Ints]],
    patience: int | None,
) -> Course:
    """Train a network on energies and forces, step by step outside the compiled loops: frames cost far more."""
    start, (learned, drawn) = replica.start, forces
    state = _State(replica, rule, learned, table.shape)
    watch = Watch(start, patience, learned.weight)
    for epoch, (order, chosen) in enumerate(zip(table, drawn, strict=True)):
        seen = state.epoch(order, chosen)
        errors = *seen, replica.unseen(state.w), learned.unseen(state.w)
        if not np.isfinite(errors).all():
            raise DivergedError(lost(rule, epoch, len(table)))
        if not watch.note(state.w, seen[0], errors[2], forces=(seen[1], errors[3])):
            break
    return watch.course()


class _State:
    """Weights and moments on the way, with what a step needs."""

    def __init__(self, replica: Replica, rule: Adam, learned: Learned, shape: tuple[int, ...]) -> None:
        epochs, batches, batch = shape
        start, dtype = replica.start, replica.dtype
        self.w: Reals = start.flat().astype(dtype)
        self._replica, self._rule, self._learned = replica, rule, learned
        self._rates = iter(rates(rule, epochs * batches).astype(dtype))
        self._decay: Reals = (rule.learning_rate * start.spread(rule.decay, biases=False, skip=0.0)).astype(dtype)
        self._first, self._second = np.zeros_like(self.w), np.zeros_like(self.w)
        self._slope: Reals = np.empty((batch, len(self.w)), dtype)

    def epoch(self, order: Ints, chosen: Ints) -> tuple[float, float]:
        """Take the steps of an epoch; return the errors of energies and forces as they were met."""
        train = self._replica.train
        components = self._learned.measured.components(chosen)
        share = self._learned.weight * len(train) / components
        energy = force = 0.0
        for batch in order:
            members = train[batch[batch >= 0]]
            gradient = np.zeros_like(self.w)
            energy += self._energies(members[~np.isin(members, chosen)], gradient)
            for frame in members[np.isin(members, chosen)]:
                target = float(self._replica.target[frame])
                met = self._learned.descend(self.w, int(frame), target, (1.0, share), gradient)
                energy, force = energy + met[0], force + met[1]
            self._step(gradient / self.w.dtype.type(len(members)))
        return float(np.sqrt(energy / len(train))), float(np.sqrt(force / components))

    def _energies(self, members: Ints, gradient: Reals) -> float:
        """Add the gradient of some configurations whose forces are not looked at; return the sum of their squares."""
        if not len(members):
            return 0.0
        slope = self._slope[: len(members)]
        error = self._replica.slopes(self.w, members, slope) - self._replica.target[members]
        gradient += error @ slope
        return float(np.sum(error.astype(np.float64) ** 2))

    def _step(self, gradient: Reals) -> None:
        rule, number = self._rule, self.w.dtype.type
        rate = next(self._rates)
        self._first += number(1.0 - rule.beta_1) * (gradient - self._first)
        self._second += number(1.0 - rule.beta_2) * (gradient * gradient - self._second)
        self.w = self.w - self._decay * self.w - rate * self._first / (np.sqrt(self._second) + number(rule.epsilon))


def lost(rule: Adam | KerasAdam, epoch: int, epochs: int) -> str:
    """Return the sentence that a training diverged in an epoch, from 0."""
    return (
        f"The training diverged: at the end of epoch {epoch + 1} of {epochs} the error was not a "
        f"finite number (learning rate {rule.learning_rate:g}); a smaller learning rate may help."
    )

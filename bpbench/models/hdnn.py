"""The high-dimensional neural-network potential: prepare, train, answer.

The energy of a configuration is the sum of one small network over its atoms (:mod:`bpbench.models.network`); the
network is trained on energies per atom, by Adam (:mod:`bpbench.models.adam`, in float32 after means, spreads and
reference energies were taken off in float64), or in float64 by a Kalman filter (:mod:`bpbench.models.kalman`) or
Levenberg-Marquardt (:mod:`bpbench.models.marquardt`); the answer is float64 throughout.

With a linear skip the network starts as the ridge of :mod:`bpbench.models.linear`, its last layer at zero, and learns
what is not linear.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bpbench.jobs import Adam, Linear, Marquardt
from bpbench.models import adam, kalman, linear, marquardt, network
from bpbench.models.contract import Fit
from bpbench.models.scaling import Scaling, Standardised, atoms_of, scaling, standardised, targets
from bpbench.units import MEV_PER_EV

if TYPE_CHECKING:
    from bpbench.jobs import Hdnn
    from bpbench.models.contract import Floats, Ints, Problem

#: A validation RMSE counts as lower than another if it is so by more than this share,
_FALL = 0.01
#: and as still falling if this share of the pairs compared are lower.
_MOST = 2 / 3


def fit(spec: Hdnn, problem: Problem, *, weights_seed: int, order_seed: int) -> Fit:
    """Train a network and keep its state of least validation RMSE per atom.

    Parameters
    ----------
    spec : Hdnn
        Layers, epochs, batch and optimiser. A batch larger than the training part means one batch per epoch.
    problem : Problem
        Ragged configurations with their split; see :func:`bpbench.models.fit` for what is refused.
    weights_seed, order_seed : int
        Seeds of the initial weights and of the order of the batches.

    Returns
    -------
    Fit
        With the learning curve, the checkpoint's epoch and whether it converged (:func:`converged`).

    Raises
    ------
    DivergedError
        When the training leaves the finite numbers.
    """
    scales = scaling(problem)
    start = _start(spec, problem, network.initial(int(scales.kept.sum()), spec.hidden, weights_seed))
    course = _trained(spec, scales, problem, start, order_seed)
    parameters = scales.parameters() | network.to_parameters(course.network)
    to_mev = scales.width * MEV_PER_EV
    return Fit(
        energy=network.evaluate(parameters, problem.values, problem.offsets),
        parameters=parameters,
        curve={
            "epoch": np.arange(1.0, spec.epochs + 1.0),
            "train": course.train * to_mev,
            "validation": course.validation * to_mev,
        },
        checkpoint=course.checkpoint,
        converged=converged(course.validation, course.checkpoint),
        parameter_count=network.count(course.network),
        remarks=scales.remarks,
    )


def _start(spec: Hdnn, problem: Problem, layers: network.Layers) -> network.Network:
    """Return the initial state: drawn weights alone, or the ridge's answer with a network that says nothing yet."""
    if not spec.skip:
        return network.Network(layers)
    ridge = linear.fit(Linear("linear"), problem).parameters
    weights, biases = layers[-1]
    silent = (np.zeros_like(weights), np.full_like(biases, ridge["intercept"]))
    return network.Network([*layers[:-1], silent], ridge["weights"])


def _trained(spec: Hdnn, scales: Scaling, problem: Problem, start: network.Network, order_seed: int) -> network.Course:
    rule, frames = spec.optimizer, len(problem.train)
    if not isinstance(rule, Adam):
        training, validation = (Standardised.of(scales, problem, part) for part in (problem.train, problem.validation))
        if isinstance(rule, Marquardt):
            return marquardt.train(start, rule, training, validation, spec.epochs)
        return kalman.train(
            start, rule, training, validation, kalman.blocks(frames, rule.block, spec.epochs, order_seed)
        )
    table = adam.orders(frames, spec.batch, spec.epochs, order_seed)
    return adam.train(
        start, rule, _part(scales, problem, problem.train), _part(scales, problem, problem.validation), table
    )


def _part(scales: Scaling, problem: Problem, frames: Ints) -> adam.Part:
    return adam.Part(
        inputs=standardised(scales, problem.values, atoms_of(problem.offsets, frames)).astype(np.float32),
        sizes=np.diff(problem.offsets)[frames],
        target=targets(scales, problem, frames).astype(np.float32),
    )


def converged(validation: Floats, checkpoint: int) -> bool:
    """Tell whether a training had stopped improving when it ended.

    It had *not* if both hold: the checkpoint lies in the last fifth of the epochs; and of all pairs of one epoch of
    that fifth and one of the fifth before, at least two thirds show a validation RMSE lower by more than 1 %. Comparing
    pairs looks through jumps from epoch to epoch: of level curves of independent noise (50 to 300 epochs) fewer than
    5 % are called unfinished. Fewer than ten epochs are too few to tell and never count as converged.

    Parameters
    ----------
    validation : ndarray, shape (epochs,)
        Validation RMSE at the end of each epoch.
    checkpoint : int
        Epoch of the least of them, from 1.
    """
    epochs = len(validation)
    if epochs < 10:
        return False
    stretch = epochs // 5
    last, before = validation[-stretch:], validation[-2 * stretch : -stretch]
    falling = np.mean(last[:, None] < (1.0 - _FALL) * before[None, :])
    return not (checkpoint > epochs - stretch and falling >= _MOST)

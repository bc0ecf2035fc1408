"""The high-dimensional neural-network potential: prepare, train, answer.

The energy of a configuration is the sum of one small network over its atoms (:mod:`bpbench.models.kernels`), of several
elements one for each; the network is trained on energies per atom: by Adam in float32, after means, spreads and
reference energies were taken off in float64 (:mod:`bpbench.models.adam`, or Keras's own in
:mod:`bpbench.models.keras_fit`); in float64 by a Kalman filter (:mod:`bpbench.models.kalman`) or Levenberg-Marquardt
(:mod:`bpbench.models.marquardt`). The answer is float64 throughout.

With a linear skip the network starts as the ridge of :mod:`bpbench.models.linear`, its last layer at zero, and learns
what is not linear. An ensemble is several networks whose mean answer is the answer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bpbench.errors import DataError, DivergedError
from bpbench.identity import seed
from bpbench.jobs import Adam, KerasAdam, Linear, Marquardt
from bpbench.models import adam, kalman, linear, marquardt, network, replica
from bpbench.models.contract import Fit, of_element
from bpbench.models.forces import Learned, Measured
from bpbench.models.replica import Replica
from bpbench.models.scaling import Scaling, Scalings, atoms_of, scalings, targets
from bpbench.units import MEV_PER_EV

if TYPE_CHECKING:
    from bpbench.jobs import Hdnn
    from bpbench.models import keras_fit
    from bpbench.models.contract import Floats, Ints, Problem

_Nets = network.Network | network.Networks

#: A validation RMSE counts as lower than another if it is so by more than this share,
_FALL: Final = 0.01
#: and as still falling if this share of the pairs compared are lower.
_MOST: Final = 2 / 3

#: So many times the error of weights that were drawn, and a training is lost.
_LOST: Final = 10.0
#: What may help where a training comes to nothing.
_ADVICE: Final = {
    "adam": "a smaller learning rate",
    "keras-adam": "a smaller learning rate",
    "kalman": "a smaller prior, or one above 0, or a smaller last trust",
    "marquardt": "another damping or less decay",
}


def fit(spec: Hdnn, problem: Problem, *, weights_seed: int, order_seed: int) -> Fit:
    """Train a network, or each of an ensemble, and keep its state of least validation RMSE per atom.

    Parameters
    ----------
    spec : Hdnn
        Layers, epochs, batch and optimiser. A batch larger than the training part means one batch per epoch.
    problem : Problem
        Ragged configurations with their split; see :func:`bpbench.models.fit` for what is refused.
    weights_seed, order_seed : int
        Seeds of the initial weights and of the order of the batches. The first network of an ensemble is the one that
        would be trained alone.

    Returns
    -------
    Fit
        With the learning curve, the checkpoint's epoch and whether it converged (:func:`converged`). Of an ensemble:
        the root mean square of its members' curves, as far as all of them go, no checkpoint, and converged if all are.
        Checkpoint 0 is the initial state with a skip, the ridge, where no epoch was better on validation.

    Raises
    ------
    DivergedError
        When a training leaves the finite numbers, or stays far above the error of weights that were drawn.
    """
    descriptors = problem.table or replica.laid_out(problem)
    problem = replace(problem, table=descriptors)  # laid out once, whatever is bound to it
    scales = scalings(problem, spec.scaling)
    linear_spec = Linear("linear", forces=spec.forces)
    ridge = linear.fit(linear_spec, problem, order_seed=order_seed).parameters if spec.skip else None
    measured = None if spec.forces is None else Measured.of(problem, spec.forces)
    seeds = [(weights_seed, order_seed)]
    seeds += [
        (seed(weights_seed, "member", member), seed(order_seed, "member", member)) for member in range(1, spec.ensemble)
    ]

    courses, firsts = [], []
    for weights, order in seeds:
        start = _begin(spec, scales, problem.elements, weights, ridge)
        bound = Replica.of(problem, scales, start, np.float64)
        firsts.append(_first(bound, measured, scales))
        courses.append(_kept(spec, start, _trained(spec, scales, problem, bound, measured, order), firsts[-1]))
    members = [course.network for course in courses]
    parameters = scales.parameters() | network.all_parameters(members, problem.elements)
    energies = replica.evaluate(parameters, spec.activation, descriptors, problem.elements, problem.centres)
    epochs = min(len(course.train) for course in courses)
    to_mev = scales.width * MEV_PER_EV
    count = network.count(members[0])
    early = [len(course.train) < spec.epochs for course in courses]
    return Fit(
        energy=energies.mean(axis=0),
        parameters=parameters,
        curve={
            "epoch": np.arange(1.0, epochs + 1.0),
            "train": to_mev * _root_mean_square([course.train[:epochs] for course in courses]),
            "validation": to_mev * _root_mean_square([course.validation[:epochs] for course in courses]),
            **_force_curves(courses, measured, epochs),
        },
        checkpoint=courses[0].checkpoint if spec.ensemble == 1 else None,
        converged=all(
            converged(course.judged, course.checkpoint) and (spec.skip or not _nowhere(course, first))
            for course, first in zip(courses, firsts, strict=True)
        ),
        parameter_count=count * spec.ensemble,
        remarks=(
            *scales.remarks,
            *_outnumbered(spec, count, len(problem.train)),
            *_unmoved(spec, courses, firsts),
        ),
        stopped="patience" if all(early) else "epochs",
        members=energies if spec.ensemble > 1 else None,
    )


def _first(bound: Replica, measured: Measured | None, scales: Scaling | Scalings) -> float:
    """Return the validation error of the initial state, as states are compared."""
    w = bound.start.flat()
    if measured is None:
        return bound.unseen(w)
    felt = Learned(measured, bound.shapes, bound.begins, scales.width, np.float64).unseen(w)
    return network.judged(bound.unseen(w), felt, measured.term.weight)


def _force_curves(courses: list[network.Course], measured: Measured | None, epochs: int) -> dict[str, Floats]:
    """Return the learning curves of forces, meV/Å, where they are learned."""
    if measured is None:
        return {}
    forces = [course.forces for course in courses if course.forces is not None]
    return {
        name: measured.sigma * MEV_PER_EV * _root_mean_square([both[place, :epochs] for both in forces])
        for place, name in enumerate(("train_forces", "validation_forces"))
    }


def _root_mean_square(curves: list[Floats]) -> Floats:
    if len(curves) == 1:
        return curves[0]
    mean: Floats = np.sqrt(np.mean(np.square(curves), axis=0))
    return mean


def _outnumbered(spec: Hdnn, weights: int, configurations: int) -> tuple[str, ...]:
    if weights <= configurations or spec.forces is not None:  # forces are many
        return ()
    absent = [] if spec.skip else ["a linear skip"]
    absent += [] if spec.patience else ["patience"]
    absent += [] if spec.ensemble > 1 else ["an ensemble"]
    advice = f"; {', '.join(absent)} or a tighter prior may help against that" if absent else ""
    return (
        (
            f"More weights than data: {weights} weights learn from {configurations} energies, and may learn them by "
            f"heart{advice}."
        ),
    )


def _unmoved(spec: Hdnn, courses: list[network.Course], firsts: list[float]) -> tuple[str, ...]:
    still = sum(map(_nowhere, courses, firsts))
    if not still:
        return ()
    some = f"In {still} of the {len(courses)} networks of the ensemble n" if still < len(courses) else ""
    if spec.skip:
        return (
            (
                f"{some or 'N'}o epoch had a lower validation error than the ridge, from which the network started "
                "with its skip: the answer kept is the linear potential's."
            ),
        )
    return (
        (
            f"{some or 'The training came to nothing: n'}o epoch had a lower validation error than the initial "
            f"weights; {_ADVICE[spec.optimizer.kind]} may help."
        ),
    )


def _nowhere(course: network.Course, first: float) -> bool:
    """Return whether no epoch had a lower validation error than the initial state had."""
    return float(course.judged.min()) >= first


def _kept(spec: Hdnn, start: _Nets, course: network.Course, first: float) -> network.Course:
    """Return a course; with its initial state, the ridge, if that had the least validation error.

    Raises
    ------
    DivergedError
        If even the best epoch was far worse than weights that were drawn: the outputs of saturated nodes stay finite
        however far a training runs away.
    """
    if spec.skip and _nowhere(course, first):
        return replace(course, network=start, checkpoint=0)
    least = float(course.judged.min())
    if least >= _LOST * first:
        raise DivergedError(
            f"The training diverged: in none of {len(course.validation)} epochs was the validation error below "
            f"{least / first:.3g} times that of the initial weights; {_ADVICE[spec.optimizer.kind]} may help."
        )
    return course


def _begin(
    spec: Hdnn, scales: Scaling | Scalings, elements: tuple[str, ...], weights: int, ridge: dict[str, Floats] | None
) -> _Nets:
    """Return the initial state of each element's network: the first element's is drawn as if it were the only one."""
    nets = []
    for place, own in enumerate(scales.each):
        drawn = weights if place == 0 else seed(weights, "element", elements[place])
        linear_part = ridge if ridge is None or len(elements) < 2 else of_element(ridge, elements[place])
        layers = network.initial(int(own.kept.sum()), spec.hidden, drawn)
        nets.append(_start(spec, own, layers, linear_part))
    return network.together(nets)


def _start(spec: Hdnn, scales: Scaling, layers: network.Layers, ridge: dict[str, Floats] | None) -> network.Network:
    """Return the initial state: drawn weights alone, or the ridge's answer with a network that says nothing yet."""
    if ridge is None:
        return network.Network(layers, activation=spec.activation)
    kept = scales.kept
    # The ridge's inputs are standardised, those of the network may be scaled otherwise: (G - a)/b against (G - μ)/σ.
    skip = ridge["weights"] * scales.scale[kept] / ridge["scale"][kept]
    moved = ridge["weights"] @ ((scales.shift[kept] - ridge["shift"][kept]) / ridge["scale"][kept])
    weights, biases = layers[-1]
    silent = (np.zeros_like(weights), np.full(len(biases), ridge["intercept"] + moved))
    return network.Network([*layers[:-1], silent], skip, spec.activation)


def _trained(
    spec: Hdnn,
    scales: Scaling | Scalings,
    problem: Problem,
    bound: Replica,
    measured: Measured | None,
    order_seed: int,
) -> network.Course:
    rule, frames = spec.optimizer, len(problem.train)
    limits: dict[str, Any] = {"patience": spec.patience}
    if measured is not None and isinstance(rule, KerasAdam | Marquardt):
        raise DataError(f"Forces are learned by adam and kalman, not by {rule.kind}; name one of these, or no forces.")
    if isinstance(rule, Adam | KerasAdam):
        table = adam.orders(frames, spec.batch, spec.epochs, order_seed)
        if isinstance(rule, Adam):
            single = Replica.of(problem, scales, bound.start, np.float32)
            if measured is not None:
                learned = Learned(measured, single.shapes, single.begins, scales.width, np.float32)
                limits["forces"] = learned, measured.configurations(order_seed, spec.epochs)
            return adam.train(single, rule, table, **limits)
        from bpbench.models import keras_fit

        if isinstance(scales, Scalings) or isinstance(bound.start, network.Networks):
            raise DataError(
                f"Keras's own fit trains one network, and these frames hold {', '.join(problem.elements)}; name "
                "another optimizer, or keep the frames of one element."
            )
        training, validation = (_part(scales, problem, part) for part in (problem.train, problem.validation))
        return keras_fit.train(bound.start, rule, training, validation, table, **limits)
    if isinstance(rule, Marquardt):
        return marquardt.train(bound, rule, spec.epochs, **limits)
    if measured is not None:
        learned = Learned(measured, bound.shapes, bound.begins, scales.width, np.float64)
        limits["forces"] = learned, measured.single(order_seed, spec.epochs)
    return kalman.train(bound, rule, kalman.blocks(frames, rule.block, spec.epochs, order_seed), **limits)


def _part(scales: Scaling, problem: Problem, frames: Ints) -> keras_fit.Part:
    from bpbench.models.keras_fit import Part

    atoms = atoms_of(problem.offsets, frames)
    columns = [
        (problem.values[row][atoms] - shift) / scale
        for row, shift, scale in zip(scales.inputs, scales.shift[scales.kept], scales.scale[scales.kept], strict=True)
    ]
    return Part(
        inputs=np.stack(columns, axis=1).astype(np.float32),
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

r"""Training of the atomic network by Levenberg-Marquardt: Gauss-Newton steps with damping, all configurations at once.

.. math::
    Γ(w) = \frac{1}{2N} \sum_c (y_c - \hat y_c)^2, \qquad
    \left(\frac{1}{N} J^T J + μ I\right) d = \frac{1}{N} J^T e, \qquad
    ρ = \frac{Γ(w) - Γ(w + d)}{\frac12 d^T (μ d + J^T e / N)}

A step with ρ > 0 is taken and μ falls by the factor max(⅓, 1 - (2ρ - 1)³); else μ grows by ν, which then doubles
(H. B. Nielsen, Damping parameter in Marquardt's method, IMM-REP-1999-05, DTU, 1999).

======  ===============  =========================================================================
symbol  name in code     meaning
======  ===============  =========================================================================
e       ``error``        y - ŷ of all N training configurations, standardised energies per atom
J       ``slope``        derivatives of ŷ by the weights
d       ``step``         the step tried
μ, ν    ``damping``, …   damping; at first ``damping`` times the largest diagonal element of JᵀJ/N
======  ===============  =========================================================================

JᵀJ is added up portion by portion, so memory is that of W² numbers, whatever the number of configurations. Nothing is
random but the initial weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bpbench.errors import DivergedError
from bpbench.models import network

if TYPE_CHECKING:
    from bpbench.jobs import Marquardt
    from bpbench.models.contract import Floats
    from bpbench.models.network import Network
    from bpbench.models.scaling import Standardised


def train(
    start: Network, rule: Marquardt, training: Standardised, validation: Standardised, epochs: int
) -> network.Course:
    """Train a network; an epoch is one step tried, taken or not.

    Parameters
    ----------
    start : Network
        Initial state.
    rule : Marquardt
        Constants of the method.
    training, validation : Standardised
        Configurations to learn from and to choose the epoch by.
    epochs : int
        Steps tried.

    Returns
    -------
    Course
        The state of least validation error and the learning curve.

    Raises
    ------
    DivergedError
        When the error of the initial state is not a finite number.
    """
    from scipy.linalg import cho_factor, cho_solve

    w = start.flat()
    matrix, pull, cost = _normal(start, w, training)
    if not np.isfinite(cost):
        raise DivergedError("The training diverged: the error of the initial weights is not a finite number.")
    damping, growth = rule.damping * float(np.diag(matrix).max()), 2.0
    unseen = network.error(start.filled(w), validation)
    best, checkpoint, least, curve = w, 1, np.inf, []
    for epoch in range(epochs):
        try:
            step = cho_solve(cho_factor(matrix + damping * np.eye(len(w)), lower=True), pull)
            reached = 0.5 * network.error(start.filled(w + step), training) ** 2
        except np.linalg.LinAlgError:
            reached = np.inf
        gain = (cost - reached) / (0.5 * step @ (damping * step + pull)) if np.isfinite(reached) else -1.0
        if gain > 0:
            w = w + step
            matrix, pull, cost = _normal(start, w, training)
            unseen = network.error(start.filled(w), validation)
            damping, growth = damping * max(1 / 3, 1 - (2 * gain - 1) ** 3), 2.0
        else:
            damping, growth = min(damping * growth, 1e300), min(2 * growth, 1e100)
        curve.append([np.sqrt(2 * cost), unseen])
        if unseen < least:
            best, checkpoint, least = w, epoch + 1, unseen
    whole = np.array(curve)
    return network.Course(start.filled(best), checkpoint, whole[:, 0], whole[:, 1])


def _normal(start: Network, w: Floats, training: Standardised) -> tuple[Floats, Floats, float]:
    """Return JᵀJ/N, Jᵀe/N and Γ."""
    matrix, pull, cost = np.zeros((len(w), len(w))), np.zeros(len(w)), 0.0
    for members in training.portions():
        answer, slope = network.slopes(start.filled(w), *training.gather(members))
        error = training.target[members] - answer
        matrix += slope.T @ slope
        pull += slope.T @ error
        cost += float(error @ error)
    count = len(training.target)
    return matrix / count, pull / count, 0.5 * cost / count

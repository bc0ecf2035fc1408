r"""Training of the atomic network by Levenberg-Marquardt: Gauss-Newton steps with damping, all configurations at once.

.. math::
    Γ(w) = \frac{1}{2N} \sum_c (y_c - \hat y_c)^2 + \frac12 w^T Λ w, \qquad
    A = \frac{1}{N} J^T J + Λ, \qquad p = \frac{1}{N} J^T e - Λ w

    (A + μ I) d = p, \qquad ρ = \frac{Γ(w) - Γ(w + d)}{\frac12 d^T (μ d + p)}

A step with ρ > 0 is taken and μ falls by the factor max(⅓, 1 - (2ρ - 1)³); else μ grows by ν, which then doubles
(H. B. Nielsen, Damping parameter in Marquardt's method, IMM-REP-1999-05, DTU, 1999).

======  ===============  =========================================================================
symbol  name in code     meaning
======  ===============  =========================================================================
e       ``error``        y - ŷ of all N training configurations, standardised energies per atom
J       ``slope``        derivatives of ŷ by the weights
A, p    ``A``, ``pull``  Gauss-Newton matrix and the downward gradient of Γ
Λ       ``decay``        diagonal; its numbers, one for each layer, pull the layer's weights to 0 (biases: none)
d       ``step``         the step tried
μ, ν    ``damping``, …   damping; at first ``damping`` times the largest diagonal element of A
======  ===============  =========================================================================

JᵀJ is added up portion by portion, so memory is that of four matrices of W² numbers, whatever the number of
configurations. Nothing is random but the initial weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from bpbench.errors import DivergedError
from bpbench.models.network import Course, Watch
from bpbench.models.replica import rms

if TYPE_CHECKING:
    from bpbench.jobs import Marquardt
    from bpbench.models.contract import Floats
    from bpbench.models.replica import Replica

#: Configurations whose derivatives are held at a time.
PORTION: Final = 64


def train(replica: Replica, rule: Marquardt, epochs: int, *, patience: int | None = None) -> Course:
    """Train a network; an epoch is one step tried, taken or not.

    Parameters
    ----------
    replica : Replica
        Network and problem, in double precision.
    rule : Marquardt
        Constants of the method.
    epochs : int
        Steps tried.
    patience : int, optional
        Steps taken without a lower validation error after which it ends; steps that were refused do not count.

    Returns
    -------
    Course
        The state of least validation error and the learning curve; its training error is that of the step's end.

    Raises
    ------
    DivergedError
        When the error of the initial state is not a finite number.
    """
    from scipy.linalg import cho_factor, cho_solve

    problem = _Cost(replica, rule)
    w = replica.start.flat()
    A, pull, seen = problem.normal(w)
    if not np.isfinite(seen):
        raise DivergedError("The training diverged: the error of the initial weights is not a finite number.")
    damping, growth = rule.damping * float(np.diag(A).max()), 2.0
    cost, unseen = problem.cost(w, seen), replica.unseen(w)
    watch = Watch(replica.start, patience)
    for _ in range(epochs):
        try:
            step = cho_solve(cho_factor(A + damping * np.eye(len(w)), lower=True, check_finite=False), pull)
            tried = problem.seen(w + step)
            reached = problem.cost(w + step, tried)
        except np.linalg.LinAlgError:
            reached = np.inf
        gain = float((cost - reached) / (0.5 * step @ (damping * step + pull))) if np.isfinite(reached) else -1.0
        if gain > 0:
            w = w + step
            A, pull, seen = problem.normal(w)
            cost, unseen = problem.cost(w, seen), replica.unseen(w)
            damping, growth = damping * max(1 / 3, 1 - (2 * gain - 1) ** 3), 2.0
        else:
            damping, growth = min(damping * growth, 1e300), min(2 * growth, 1e100)
        if not watch.note(w, seen, unseen, moved=gain > 0):
            break
    return watch.course()


class _Cost:
    """Γ and what its steps need, for the training configurations of a replica."""

    def __init__(self, replica: Replica, rule: Marquardt) -> None:
        self._replica = replica
        self._decay = replica.start.spread(rule.decay, biases=False, skip=0.0)
        self._slope = np.empty((PORTION, len(self._decay)))

    def seen(self, w: Floats) -> float:
        """Return the root mean square error of the training configurations."""
        return rms(self._replica.answers(w, self._replica.train) - self._replica.target[self._replica.train])

    def cost(self, w: Floats, seen: float) -> float:
        """Return Γ where the training error is known."""
        return 0.5 * (seen**2 + float(w @ (self._decay * w)))

    def normal(self, w: Floats) -> tuple[Floats, Floats, float]:
        """Return A, p and the training error."""
        from scipy.linalg import blas

        train, target = self._replica.train, self._replica.target
        A, pull, errors = np.zeros((len(w), len(w)), order="F"), np.zeros(len(w)), []
        for first in range(0, len(train), PORTION):
            members = train[first : first + PORTION]
            slope = self._slope[: len(members)]
            errors.append(target[members] - self._replica.slopes(w, members, slope))
            blas.dsyrk(1.0, slope.T, beta=1.0, c=A, lower=1, overwrite_c=1)
            pull += slope.T @ errors[-1]
        A = (A + np.tril(A, -1).T) / len(train)
        A[np.diag_indices(len(w))] += self._decay
        return A, pull / len(train) - self._decay * w, rms(np.concatenate(errors))

r"""A linear potential: ridge regression on the configuration's summed descriptors, in per-atom form.

.. math::
    \min_{w, b}\ \frac1N \sum_c (\hat y_c - y_c)^2 + λ |w|^2, \qquad
    \hat y_c = b + w·x_c, \qquad x_c = \frac{1}{n_c} \sum_{i∈c} \frac{G_i - μ}{σ}, \qquad
    E_c = n_c (E_{ref} + m + s\,\hat y_c)

Of several elements each has its own scales and weights: x_c is then one block of columns for each, the sum over its
atoms divided by n_c, w has a block for each, and b is shared.

======  ================  =================================================================================
symbol  name in code      meaning
======  ================  =================================================================================
x_c     ``inputs``        mean standardised descriptors of configuration c (the sum, divided by n_c)
y_c     ``target``        standardised target per atom, see :mod:`bpbench.models.scaling`
w, b    ``weights``, …    coefficients and intercept; the intercept is not penalised
λ       ``strength``      penalty, relative to the number N of training configurations
======  ================  =================================================================================

With the centred inputs' singular value decomposition X - x̄ = U S Vᵀ the solution is w = V S/(S² + Nλ) Uᵀ(y - ȳ),
b = ȳ - w·x̄ (Hastie, Tibshirani & Friedman 2009, section 3.4.1). One decomposition serves every λ, there may be more
columns than configurations, and no normal equations are formed, whose condition number would be squared.
Every configuration weighs the same, whatever its size, as in all scores per atom.

With forces (:mod:`bpbench.models.forces`) the objective is

.. math::
    \frac1N \sum_c (\hat y_c - y_c)^2 + \frac{κ}{M} \sum_m \frac{(\hat F_m - F_m)^2}{σ_F^2} + λ |w|^2,
    \qquad \frac{\hat F_m}{σ_F} = w·f_m

and the rows √(κN/M) f_m, which know no intercept, stand below those of the energies. They are many and the weights few,
so that they are folded one frame after another into the triangle of a QR decomposition, whose singular values and right
singular vectors are those of all rows; no normal equations here either. Forces are taken of a ``fraction`` of the
training configurations, drawn from the order's seed, and λ is chosen by the sum of the first two terms on validation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bpbench.models.contract import Fit, of_element, prefixed
from bpbench.models.scaling import Scaling, Scalings, atoms_like, counts, of_parameters, scalings, sums, targets

if TYPE_CHECKING:
    from bpbench.jobs import Linear
    from bpbench.models import forces
    from bpbench.models.contract import Centres, Floats, Ints, Problem


def fit(spec: Linear, problem: Problem, *, order_seed: int = 0) -> Fit:
    """Fit the ridge of every strength and keep the one with the least validation RMSE per atom.

    With forces: with the least sum of both errors on validation. Nothing is random here but the configurations whose
    forces are learned, if not all are. Of equal strengths the strongest is kept.

    Parameters
    ----------
    spec : Linear
        The strengths to choose from.
    problem : Problem
        Ragged configurations with their split; see :func:`bpbench.models.fit` for what is refused.
    order_seed : int
        Seed of the configurations whose forces are learned from.

    Returns
    -------
    Fit
        With the chosen ``strength`` among its parameters.
    """
    scales = scalings(problem)
    inputs = _inputs(scales, problem.values, problem.offsets, problem.kind)
    train, validation = problem.train, problem.validation
    target = targets(scales, problem, train)
    mean, middle = inputs[train].mean(axis=0), float(target.mean())
    measured = _measured(spec, problem)
    rows, wished = inputs[train] - mean, target - middle
    if measured is not None:
        rows, wished = _folded(measured, scales, rows, wished, order_seed)
    left, singular, right = np.linalg.svd(rows, full_matrices=False)
    # What lies below rounding error has no direction of its own; left in, 1e-12 would let its noise through.
    real = singular > singular[0] * max(left.shape[0], right.shape[1]) * np.finfo(np.float64).eps
    left, singular, right = left[:, real], singular[real], right[real]
    projected = left.T @ wished
    wanted = targets(scales, problem, validation)

    strengths = sorted(spec.strengths, reverse=True)
    candidates = [right.T @ (singular / (singular**2 + len(train) * strength) * projected) for strength in strengths]
    errors = [float(np.mean((middle + (inputs[validation] - mean) @ weights - wanted) ** 2)) for weights in candidates]
    if measured is not None:
        errors = [sum(both) for both in zip(errors, _force_errors(measured, scales, candidates), strict=True)]
    best = int(np.argmin(errors))
    weights = candidates[best]
    parameters = (
        scales.parameters()
        | _named(scales, weights)
        | {"intercept": np.array(middle - weights @ mean), "strength": np.array(strengths[best])}
    )
    return Fit(
        energy=evaluate(parameters, problem.values, problem.offsets, problem.kind, problem.elements, problem.centres),
        parameters=parameters,
        parameter_count=len(weights) + 1,
        remarks=(*scales.remarks, *_border(strengths, best)),
    )


def _measured(spec: Linear, problem: Problem) -> forces.Measured | None:
    if spec.forces is None:
        return None
    from bpbench.models.forces import Measured  # numba

    return Measured.of(problem, spec.forces)


def _folded(
    measured: forces.Measured, scales: Scaling | Scalings, rows: Floats, wished: Floats, order_seed: int
) -> tuple[Floats, Floats]:
    """Return a triangle, and what its rows shall give, with the least squares of energies and forces together."""
    from bpbench.models import forces  # numba

    chosen = next(measured.configurations(order_seed, 1))
    share = np.sqrt(measured.term.weight * len(rows) / measured.components(chosen))
    triangle = np.concatenate([rows, wished[:, None]], axis=1)
    for frame in chosen:
        felt = forces.rows(measured, scales.each, scales.width, int(frame))
        below = np.concatenate([felt, measured.wanted(int(frame)).T.reshape(-1, 1)], axis=1)
        triangle = np.asarray(np.linalg.qr(np.concatenate([triangle, share * below]), mode="r"))
    return triangle[:, :-1], triangle[:, -1]


def _force_errors(measured: forces.Measured, scales: Scaling | Scalings, candidates: list[Floats]) -> Floats:
    """Return κ times the mean square of the forces' errors on validation for each of some weights."""
    from bpbench.models import forces  # numba

    total, weights = np.zeros(len(candidates)), np.stack(candidates, axis=1)
    for frame in measured.validated:
        found = forces.rows(measured, scales.each, scales.width, int(frame)) @ weights
        total += np.sum((found - measured.wanted(int(frame)).T.reshape(-1, 1)) ** 2, axis=0)
    mean: Floats = measured.term.weight * total / measured.components(measured.validated)
    return mean


def _border(strengths: list[float], best: int) -> tuple[str, ...]:
    if len(strengths) == 1 or 0 < best < len(strengths) - 1:
        return ()
    which = "strongest" if best == 0 else "weakest"
    return (
        f"The penalty chosen on validation, {strengths[best]:g}, is the {which} on offer; a better one may lie beyond.",
    )


def _named(scales: Scaling | Scalings, weights: Floats) -> dict[str, Floats]:
    if isinstance(scales, Scaling):
        return {"weights": weights}
    found: dict[str, Floats] = {}
    parts = np.split(weights, np.cumsum([int(own.kept.sum()) for own in scales.each])[:-1])
    for element, part in zip(scales.elements, parts, strict=True):
        found |= prefixed({"weights": part}, element)
    return found


def _inputs(scales: Scaling | Scalings, values: Floats, offsets: Ints, kind: Ints | None) -> Floats:
    """Return the columns x_c, shape (F, kept functions of all elements)."""
    atoms, columns = np.diff(offsets), []
    for place, own in enumerate(scales.each):
        here = None if isinstance(scales, Scaling) else atoms_like(kind, place).astype(np.float64)
        share = 1.0 if here is None else sums(here, offsets) / atoms
        for row, shift, scale in zip(own.inputs, own.shift[own.kept], own.scale[own.kept], strict=True):
            seen = values[row].astype(np.float64)
            if here is not None:
                seen *= here
            columns.append((sums(seen, offsets) / atoms - shift * share) / scale)
    return np.stack(columns, axis=1)


def evaluate(
    parameters: dict[str, Floats],
    values: Floats,
    offsets: Ints,
    kind: Ints | None = None,
    elements: tuple[str, ...] = (),
    centres: Centres = (),
) -> Floats:
    """Return the energies, eV, shape (F,), that the parameters of a fit give for descriptors of shape (D, A).

    Elements, their places and what each sees are as for :func:`bpbench.models.evaluate`.
    """
    scales = of_parameters(parameters, elements, centres)
    weights = parameters["weights"] if isinstance(scales, Scaling) else weights_of(parameters, elements)
    answer = parameters["intercept"] + _inputs(scales, values, offsets, kind) @ weights
    base = scales.base(counts(offsets, kind, len(scales.each)))
    energy: Floats = np.diff(offsets) * (base + scales.centre + scales.width * answer)
    return energy


def weights_of(parameters: dict[str, Floats], elements: tuple[str, ...]) -> Floats:
    """Return the weights of all elements, one block after another."""
    return np.concatenate([of_element(parameters, element)["weights"] for element in elements])

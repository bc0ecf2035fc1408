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
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bpbench.models.contract import Fit, of_element, prefixed
from bpbench.models.scaling import Scaling, Scalings, atoms_like, counts, of_parameters, scalings, sums, targets

if TYPE_CHECKING:
    from bpbench.jobs import Linear
    from bpbench.models.contract import Centres, Floats, Ints, Problem


def fit(spec: Linear, problem: Problem) -> Fit:
    """Fit the ridge of every strength and keep the one with the least validation RMSE per atom.

    Nothing is random here. Of equal strengths the strongest is kept.

    Parameters
    ----------
    spec : Linear
        The strengths to choose from.
    problem : Problem
        Ragged configurations with their split; see :func:`bpbench.models.fit` for what is refused.

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
    left, singular, right = np.linalg.svd(inputs[train] - mean, full_matrices=False)
    # What lies below rounding error has no direction of its own; left in, 1e-12 would let its noise through.
    real = singular > singular[0] * max(left.shape[0], right.shape[1]) * np.finfo(np.float64).eps
    left, singular, right = left[:, real], singular[real], right[real]
    projected = left.T @ (target - middle)
    wanted = targets(scales, problem, validation)

    strengths = sorted(spec.strengths, reverse=True)
    candidates = [right.T @ (singular / (singular**2 + len(train) * strength) * projected) for strength in strengths]
    errors = [float(np.mean((middle + (inputs[validation] - mean) @ weights - wanted) ** 2)) for weights in candidates]
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

"""Models: one :func:`fit` in front of the network, the linear potential and the trees; all share Problem and Fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bpbench.errors import RequestError
from bpbench.jobs import Foreign, Hdnn, Linear, RandomForest
from bpbench.models.contract import Fit, Problem, of_element
from bpbench.models.scaling import atoms_like, check, constant, of_parameters
from bpbench.models.threads import keep_to_one_thread

if TYPE_CHECKING:
    from bpbench.jobs import ModelSpec
    from bpbench.models.contract import Centres, Floats, Ints

__all__ = ["Fit", "Problem", "constant", "evaluate", "fit", "gradient"]


def fit(model: ModelSpec, problem: Problem, *, weights_seed: int, order_seed: int) -> Fit:
    """Fit a model to the training part of a problem, choosing on validation what is to be chosen.

    The same arguments give the same bits, in this process or another, on one kind of CPU with the same libraries.
    Energies of the test part are never read.

    Parameters
    ----------
    model : Hdnn, Linear, RandomForest or LightGbm
        What is fitted.
    problem : Problem
        Descriptors, energies and split; left unmodified.
    weights_seed : int
        Seed, in [0, 2³¹), of initial weights, or of everything random in the trees.
    order_seed : int
        Seed of the order of the network's batches, and of what of the forces is learned from.

    Returns
    -------
    Fit
        Energies of all frames (of trees on forces, these), parameters, learning curve and remarks.

    Raises
    ------
    DataError
        When the problem has too few configurations, numbers that are not finite, or only constant functions.
    DivergedError
        When a training leaves the finite numbers.
    """
    check(problem)
    keep_to_one_thread()
    if isinstance(model, Hdnn):
        from bpbench.models import hdnn

        return hdnn.fit(model, problem, weights_seed=weights_seed, order_seed=order_seed)
    if isinstance(model, Linear):
        from bpbench.models import linear

        return linear.fit(model, problem, order_seed=order_seed)
    assert not isinstance(model, Foreign)  # what is trained elsewhere is not fitted here
    from bpbench.models import force_trees, trees

    if model.target == "forces":
        return force_trees.fit(model, problem, seed=weights_seed)
    if isinstance(model, RandomForest):
        return trees.fit_forest(model, problem, seed=weights_seed)
    return trees.fit_lightgbm(model, problem, seed=weights_seed)


def evaluate(
    model: ModelSpec,
    parameters: dict[str, Floats],
    values: Floats,
    offsets: Ints,
    *,
    kind: Ints | None = None,
    elements: tuple[str, ...] = (),
    centres: Centres = (),
) -> Floats:
    """Return energies from the parameters of a fit alone.

    Parameters
    ----------
    model : Hdnn or Linear
        What was fitted.
    parameters : dict of str to ndarray
        ``Fit.parameters``.
    values : ndarray, shape (D, A)
        Descriptors of A atoms, the functions in the order of the fit (dropped ones included).
    offsets : ndarray of int, shape (F + 1,)
        First atom of each frame, then A.
    kind : ndarray of int, shape (A,), optional
        Place of each atom's element in ``elements``; needed for more than one.
    elements : tuple of str
        Chemical symbols of what was fitted, in the order of the fit; may be left out for one.
    centres : tuple of (str, tuple of int)
        By element the rows of ``values`` that its network sees, as the fit had them; empty: all.

    Returns
    -------
    ndarray, shape (F,)
        Energies in eV per configuration.

    Raises
    ------
    RequestError
        For trees and for models that were trained elsewhere, of which no parameters are kept.
    """
    if not isinstance(model, Hdnn | Linear):
        raise RequestError(
            f"Only hdnn and linear models can be evaluated from their parameters, this one is {model.kind}; "
            f"fit it again instead."
        )
    keep_to_one_thread()
    if isinstance(model, Hdnn):
        from bpbench.models import replica

        held = replica.table(values, offsets, kind, max(1, len(elements)))
        mean: Floats = replica.evaluate(parameters, model.activation, held, elements, centres).mean(axis=0)
        return mean
    from bpbench.models import linear

    return linear.evaluate(parameters, values, offsets, kind, elements, centres)


def gradient(
    model: ModelSpec,
    parameters: dict[str, Floats],
    values: Floats,
    *,
    kind: Ints | None = None,
    elements: tuple[str, ...] = (),
    centres: Centres = (),
) -> Floats:
    """Return how the energy of one configuration changes with its descriptors, from the parameters of a fit alone.

    Parameters
    ----------
    model : Hdnn or Linear
        What was fitted.
    parameters : dict of str to ndarray
        ``Fit.parameters``.
    values : ndarray, shape (D, n)
        Descriptors of the n atoms of one configuration, as for :func:`evaluate`.
    kind, elements, centres
        As for :func:`evaluate`.

    Returns
    -------
    ndarray, shape (D, n)
        ∂E/∂G in eV; 0 for functions that were dropped, or that an atom's network does not see.

    Raises
    ------
    RequestError
        For trees, whose answers are steps.
    """
    from bpbench.models import sensitivity

    if not isinstance(model, Hdnn | Linear):
        raise RequestError(
            f"Only hdnn and linear models have forces, this one is {model.kind}: the answers of trees are steps, "
            "without a derivative."
        )
    found = np.zeros(np.shape(values))
    for place, scales in enumerate(of_parameters(parameters, elements, centres).each):
        several = len(elements) > 1
        here = np.flatnonzero(atoms_like(kind, place)) if several else np.arange(len(found[0]))
        own = of_element(parameters, elements[place]) if several else parameters
        if isinstance(model, Hdnn):
            found[:, here] = sensitivity.of_networks(own, model.activation, values[:, here], scales)
        else:
            found[:, here] = sensitivity.of_linear(own, values[:, here], scales)
    return found

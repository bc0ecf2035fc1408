r"""How much each input of a fitted model matters, asked in three ways.

*By permutation* (Breiman, Machine Learning 45, 5, 2001; Fisher, Rudin & Dominici, J. Mach. Learn. Res. 20, 177, 2019):

.. math::
    I_d = \frac1S \sum_{s=1}^S \mathrm{RMSE}(G^{(d,s)}) - \mathrm{RMSE}(G)

==========  ==============  ==================================================================================
symbol      name in code    meaning
==========  ==============  ==================================================================================
G           ``values``      inputs of all atoms of the validation configurations
G^(d,s)     ``columns``     the same, the values of input d shuffled among all these atoms
RMSE        ``_errors``     root mean square error of the energy per atom of these configurations, meV/atom
S           ``shuffles``    number of shuffles
==========  ==============  ==================================================================================

The model stays as it is. What inputs tell together counts for each of them, or, where one can stand for another, for
none: of two equal inputs each may look as if it mattered little.

*By gain*: what the splits on an input's two pooled columns gained in trees, as a share of all.

*By weight*: the first layer's weights (:func:`first_layer`), as the aluminium study dropped its variables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bpbench import identity
from bpbench.errors import RequestError
from bpbench.jobs import Foreign, Hdnn, LightGbm, Linear, RandomForest, of_forces_alone
from bpbench.models.scaling import atoms_of, from_parameters, sums
from bpbench.models.threads import keep_to_one_thread
from bpbench.units import MEV_PER_EV

if TYPE_CHECKING:
    from bpbench.jobs import ModelSpec
    from bpbench.models.contract import Floats, Ints, Problem

#: Energies, eV, shape (S, F), of the validation configurations for S columns of shape (S, A) in place of one input.
_Answers = Callable[[int, Any], Any]


def check(model: ModelSpec, by: Literal["permutation", "gain", "weight"]) -> None:
    """Refuse to ask a model for what it has not.

    Parameters
    ----------
    model : ModelSpec
        The model.
    by : {'permutation', 'gain', 'weight'}
        How it is asked; every model can be asked by permutation.

    Raises
    ------
    RequestError
        When ``gain`` is asked of a model without trees, or ``weight`` of one without weights, or anything of one that
        predicts no energies or is trained elsewhere.
    """
    if of_forces_alone(model):
        raise RequestError(
            f"Inputs are weighed by what they are worth to a model's energies, and this {model.kind} predicts forces "
            "alone; ask a model of energies."
        )
    if isinstance(model, Foreign):
        raise RequestError(f"Inputs are weighed of models that are trained here, and {model.kind} is not.")
    if by == "gain" and not isinstance(model, RandomForest | LightGbm):
        raise RequestError(
            f"By gain needs a model of trees: expected random-forest or lightgbm, found {model.kind}; ask it by "
            "permutation, which every model can answer."
        )
    if by == "weight" and not isinstance(model, Hdnn | Linear):
        raise RequestError(
            f"By weight needs a model with weights: expected hdnn or linear, found {model.kind}; ask it by permutation "
            "or by gain."
        )


def permutation(
    model: ModelSpec,
    problem: Problem,
    parameters: dict[str, Floats],
    *,
    shuffles: int,
    seed: int,
    weights_seed: int,
) -> tuple[Floats, Floats]:
    """Return the rise of the validation error when the values of one input are shuffled among atoms.

    The shuffles of an input follow from its name, so they do not depend on which others there are. Only validation
    configurations are looked at. An input that the fit dropped has 0.

    Parameters
    ----------
    model : ModelSpec
        What was fitted.
    problem : Problem
        What it was fitted to; left unmodified.
    parameters : dict of str to ndarray
        ``Fit.parameters`` of the network or the ridge; trees keep none and are grown again.
    shuffles : int
        Shuffles of each input, at least 1.
    seed : int
        Seed of the shuffles.
    weights_seed : int
        The seed that trees were grown with.

    Returns
    -------
    mean, spread : ndarray, shape (D,)
        Mean rise, and its standard deviation over the shuffles (ddof 1; not a number of a single one), meV/atom. A mean
        may be negative where an input tells the model nothing but noise.

    Raises
    ------
    RequestError
        Without any shuffle.
    """
    if shuffles < 1:
        raise RequestError(f"Importance by permutation needs at least 1 shuffle of each input, found {shuffles}.")
    keep_to_one_thread()
    values = np.ascontiguousarray(problem.values[:, atoms_of(problem.offsets, problem.validation)])
    atoms = np.diff(problem.offsets)[problem.validation]
    offsets = np.concatenate([[0], np.cumsum(atoms)]).astype(np.int64)
    energy = problem.energy[problem.validation]
    if isinstance(model, Hdnn):
        answers = _of_network(model, parameters, values, offsets)
    elif isinstance(model, Linear):
        answers = _of_ridge(parameters, values, offsets)
    else:
        assert isinstance(model, RandomForest | LightGbm)  # others were refused
        answers = _of_trees(model, problem, weights_seed, offsets)

    def errors(row: int, columns: Any) -> Floats:
        off = (answers(row, columns) - energy) / atoms
        error: Floats = np.sqrt(np.mean(off**2, axis=1)) * MEV_PER_EV
        return error

    before = errors(0, values[:1])[0]
    rises = np.empty((len(values), shuffles))
    for row, name in enumerate(problem.names):
        random = np.random.default_rng(identity.seed(seed, "input", name))
        columns = np.stack([random.permutation(values[row]) for _ in range(shuffles)])
        rises[row] = errors(row, columns) - before
    spread = rises.std(axis=1, ddof=1) if shuffles > 1 else np.full(len(rises), np.nan)
    return rises.mean(axis=1), spread


def _of_network(model: Hdnn, parameters: dict[str, Floats], values: Floats, offsets: Ints) -> _Answers:
    """Answer by the compiled network, each column laid in the place of its input for as long as it is asked."""
    from bpbench.models import replica

    held = replica.table(values, offsets)
    first = np.repeat(held.start - offsets[:-1], held.size) + np.arange(offsets[-1])
    step = np.repeat(held.stride, held.size)
    kept = from_parameters(parameters).kept

    def answers(row: int, columns: Floats) -> Floats:
        place = first + row * step
        before, energies = held.values[place], []
        for column in columns if kept[row] else columns[:1]:
            held.values[place] = column
            energies.append(replica.evaluate(parameters, model.activation, held).mean(axis=0))
        held.values[place] = before
        return np.broadcast_to(energies, (len(columns), len(offsets) - 1))

    return answers


def _of_ridge(parameters: dict[str, Floats], values: Floats, offsets: Ints) -> _Answers:
    """Answer by the ridge, whose energy moves by s w/b times the change of an input's sum over the atoms."""
    from bpbench.models import linear

    scales = from_parameters(parameters)
    slopes = scales.width * first_layer(Linear("linear"), parameters)[0] / scales.scale
    whole = linear.evaluate(parameters, values, offsets)

    def answers(row: int, columns: Floats) -> Floats:
        summed = sums(np.asarray(columns, dtype=np.float64), offsets)
        moved: Floats = whole + slopes[row] * (summed - sums(values[row].astype(np.float64), offsets))
        return moved

    return answers


def _of_trees(model: RandomForest | LightGbm, problem: Problem, weights_seed: int, offsets: Ints) -> _Answers:
    """Answer by trees grown again, whose columns of an input, mean and spread, follow from its shuffled values."""
    from bpbench.models import trees

    grown = trees.grow(model, problem, seed=weights_seed)
    rows, inputs, atoms = grown.inputs[problem.validation], len(problem.values), np.diff(offsets)

    def answers(row: int, columns: Floats) -> Floats:
        many = len(columns)
        moved = trees.pooled(columns, offsets)
        tables = np.repeat(rows[None], many, axis=0)
        tables[:, :, row], tables[:, :, inputs + row] = moved[:, :many].T, moved[:, many:].T
        per_atom = grown.per_atom(tables.reshape(-1, rows.shape[1])).reshape(many, len(rows))
        energy: Floats = atoms * per_atom
        return energy

    return answers


def gain(model: ModelSpec, problem: Problem, *, weights_seed: int) -> Floats:
    """Return what the splits on each input gained in trees, as shares of the whole.

    Trees keep no parameters and are grown again. Of LightGBM the gain is the total over all splits of the rounds that
    are kept, of the forest scikit-learn's mean decrease of impurity; the two columns of an input are added.

    Parameters
    ----------
    model : RandomForest or LightGbm
        What was fitted.
    problem : Problem
        What it was fitted to.
    weights_seed : int
        The seed that they were grown with.

    Returns
    -------
    ndarray, shape (D,)
        Shares of 1; zeros if no tree has a split.

    Raises
    ------
    RequestError
        For a model without trees.
    """
    check(model, "gain")
    assert isinstance(model, RandomForest | LightGbm)
    from bpbench.models import trees

    keep_to_one_thread()
    gained = trees.grow(model, problem, seed=weights_seed).gain().reshape(2, -1).sum(axis=0)
    total = gained.sum()
    share: Floats = gained / total if total > 0 else gained
    return share


def first_layer(model: ModelSpec, parameters: dict[str, Floats]) -> tuple[Floats, Floats]:
    """Return the sum and the absolute sum of the weights that leave each input.

    Of a network those to the nodes of its first hidden layer, of an ensemble the mean over its networks; a linear skip
    is no layer and does not count. Of the ridge there is one weight for each input. The weights are those of scaled
    inputs (G - a)/b: with ``standard`` scaling they stand for a change by one spread of the training atoms, with
    ``min-max`` and ``centred-min-max`` for one by the whole range, and with ``centred`` for one by 1, so that there an
    input of small values looks important or not by its unit.

    Parameters
    ----------
    model : Hdnn or Linear
        What was fitted.
    parameters : dict of str to ndarray
        ``Fit.parameters``.

    Returns
    -------
    signed, absolute : ndarray, shape (D,)
        Σ_k w_dk and Σ_k |w_dk|; 0 for an input that the fit dropped as constant. The first depends on the signs of
        hidden nodes, which are arbitrary where the activation is odd: the same network with one node turned round (its
        weights in and out negated) has other sums.

    Raises
    ------
    RequestError
        For trees: by weight needs a model with weights.
    """
    check(model, "weight")
    # A ridge is one node of one network: (networks, inputs, nodes) in both cases.
    weights = parameters["weights-1"] if isinstance(model, Hdnn) else parameters["weights"][None, :, None]
    kept = from_parameters(parameters).kept
    signed, absolute = np.zeros(len(kept)), np.zeros(len(kept))
    signed[kept] = weights.sum(axis=2).mean(axis=0)
    absolute[kept] = np.abs(weights).sum(axis=2).mean(axis=0)
    return signed, absolute

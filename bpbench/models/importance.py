r"""How much each input of a fitted model matters, asked in three ways.

*By permutation* (Breiman, Machine Learning 45, 5, 2001; Fisher, Rudin & Dominici, J. Mach. Learn. Res. 20, 177, 2019):

.. math::
    I_d = \frac1S \sum_{s=1}^S \mathrm{RMSE}(G^{(d,s)}) - \mathrm{RMSE}(G)

==========  ==============  ==================================================================================
symbol      name in code    meaning
==========  ==============  ==================================================================================
G           ``values``      inputs of all atoms of the validation configurations
G^(d,s)     ``columns``     the same, the values of input d shuffled among all these atoms of the same element
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
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bpbench import identity
from bpbench.errors import RequestError
from bpbench.jobs import Foreign, Hdnn, LightGbm, Linear, RandomForest, of_forces_alone
from bpbench.models.contract import elements_of, of_element
from bpbench.models.scaling import atoms_like, atoms_of, of_parameters, sums
from bpbench.models.threads import keep_to_one_thread
from bpbench.units import MEV_PER_EV

if TYPE_CHECKING:
    from bpbench.jobs import ModelSpec
    from bpbench.models.contract import Centres, Floats, Ints, Problem

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
    kind = problem.kind if problem.kind is None else problem.kind[atoms_of(problem.offsets, problem.validation)]
    asked = _Asked(values, offsets, kind, problem.elements, problem.centres)
    if isinstance(model, Hdnn):
        answers = _of_network(model, parameters, asked)
    elif isinstance(model, Linear):
        answers = _of_ridge(parameters, asked)
    else:
        assert isinstance(model, RandomForest | LightGbm)  # others were refused
        answers = _of_trees(model, problem, weights_seed, asked)

    def errors(row: int, columns: Any) -> Floats:
        off = (answers(row, columns) - energy) / atoms
        error: Floats = np.sqrt(np.mean(off**2, axis=1)) * MEV_PER_EV
        return error

    before = errors(0, values[:1])[0]
    rises = np.empty((len(values), shuffles))
    for row, name in enumerate(problem.names):
        random = np.random.default_rng(identity.seed(seed, "input", name))
        columns = np.stack([asked.shuffled(row, random) for _ in range(shuffles)])
        rises[row] = errors(row, columns) - before
    spread = rises.std(axis=1, ddof=1) if shuffles > 1 else np.full(len(rises), np.nan)
    return rises.mean(axis=1), spread


@dataclass(frozen=True, slots=True)
class _Asked:
    """The validation configurations that a model is asked about, as :class:`Problem` has them."""

    values: Floats
    offsets: Ints
    kind: Ints | None
    elements: tuple[str, ...]
    centres: Centres

    @property
    def count(self) -> int:
        return max(1, len(self.elements))

    def where(self) -> list[Floats]:
        """Return for each element 1 where its atoms are, else 0."""
        if self.count == 1:
            return [np.ones(int(self.offsets[-1]))]
        return [atoms_like(self.kind, place).astype(np.float64) for place in range(self.count)]

    def shuffled(self, row: int, random: np.random.Generator) -> Any:
        """Return the values of an input, shuffled among the atoms of the same element."""
        if self.count == 1:
            return random.permutation(self.values[row])
        moved = self.values[row].copy()
        for place in range(self.count):
            here = np.flatnonzero(atoms_like(self.kind, place))
            moved[here] = random.permutation(moved[here])
        return moved


def _of_network(model: Hdnn, parameters: dict[str, Floats], asked: _Asked) -> _Answers:
    """Answer by the compiled network, each column laid in the place of its input for as long as it is asked."""
    from bpbench.models import replica

    offsets, scales = asked.offsets, of_parameters(parameters, asked.elements, asked.centres)
    held = replica.table(asked.values, offsets, asked.kind, asked.count)
    order, _ = replica.sorted_atoms(offsets, asked.kind, asked.count)
    first, step = np.empty_like(order), np.empty_like(order)
    # Entry by entry the atoms lie in this order.
    first[order] = np.repeat(held.start - (np.cumsum(held.size) - held.size), held.size) + np.arange(len(order))
    step[order] = np.repeat(held.stride, held.size)
    seen = set(np.concatenate([own.inputs for own in scales.each]).tolist())

    def answers(row: int, columns: Floats) -> Floats:
        place = first + row * step
        before, energies = held.values[place], []
        for column in columns if row in seen else columns[:1]:
            held.values[place] = column
            found = replica.evaluate(parameters, model.activation, held, asked.elements, asked.centres)
            energies.append(found.mean(axis=0))
        held.values[place] = before
        return np.broadcast_to(energies, (len(columns), len(offsets) - 1))

    return answers


def _of_ridge(parameters: dict[str, Floats], asked: _Asked) -> _Answers:
    """Answer by the ridge, whose energy moves by s w/b times the change of an input's sum over an element's atoms."""
    from bpbench.models import linear

    values, offsets, where = asked.values, asked.offsets, asked.where()
    slopes = np.zeros((asked.count, len(values)))
    for place, own in enumerate(of_parameters(parameters, asked.elements, asked.centres).each):
        named = parameters if asked.count == 1 else of_element(parameters, asked.elements[place])
        slopes[place, own.inputs] = own.width * named["weights"] / own.scale[own.kept]
    whole = linear.evaluate(parameters, values, offsets, asked.kind, asked.elements, asked.centres)

    def answers(row: int, columns: Floats) -> Floats:
        moved, new, old = whole, np.asarray(columns, dtype=np.float64), values[row].astype(np.float64)
        for slope, here in zip(slopes[:, row], where, strict=True):
            moved = moved + slope * (sums(new * here, offsets) - sums(old * here, offsets))
        return moved

    return answers


def _of_trees(model: RandomForest | LightGbm, problem: Problem, weights_seed: int, asked: _Asked) -> _Answers:
    """Answer by trees grown again, whose columns of an input, means and spreads, follow from its shuffled values."""
    from bpbench.models import trees

    grown = trees.grow(model, problem, seed=weights_seed)
    rows, atoms, frames = grown.inputs[problem.validation], np.diff(asked.offsets), problem.validation
    pooling, sources = grown.pooling, grown.pooling.sources

    def answers(row: int, columns: Floats) -> Floats:
        many, moved = len(columns), np.flatnonzero(sources == row)
        tables = np.repeat(rows[None], many, axis=0)
        only = replace(pooling, rows=tuple(np.flatnonzero(own == row) * 0 for own in pooling.rows))
        for number, column in enumerate(columns):
            made = only.columns(np.asarray(column)[None], asked.offsets, asked.kind)
            tables[number][:, moved] = made[:, : len(moved)]
        per_atom = grown.per_atom(tables.reshape(-1, rows.shape[1]), np.tile(frames, many)).reshape(many, len(rows))
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
        Shares of 1; zeros if no tree has a split. Of several elements the rest is what their shares gained.

    Raises
    ------
    RequestError
        For a model without trees.
    """
    check(model, "gain")
    assert isinstance(model, RandomForest | LightGbm)
    from bpbench.models import trees

    keep_to_one_thread()
    grown = trees.grow(model, problem, seed=weights_seed)
    by_column, sources = grown.gain(), grown.pooling.sources
    # The shares of elements are no input: what they gained is part of the whole and of no input.
    inputs = sources >= 0
    gained: Floats = np.bincount(sources[inputs], by_column[inputs], minlength=len(problem.names)).astype(np.float64)
    total = by_column.sum()
    share: Floats = gained / total if total > 0 else gained
    return share


def first_layer(
    model: ModelSpec, parameters: dict[str, Floats], centres: Centres = (), inputs: int | None = None
) -> tuple[Floats, Floats]:
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
        ``Fit.parameters``; of several elements the sums go over the networks of all of them.
    centres : tuple of (str, tuple of int)
        By element the inputs that its network sees; empty: all.
    inputs : int, optional
        Number D of inputs; needed with ``centres``.

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
    elements = elements_of(parameters)
    each = of_parameters(parameters, elements, centres).each
    size = len(each[0].kept) if inputs is None else inputs
    signed, absolute = np.zeros(size), np.zeros(size)
    for place, scales in enumerate(each):
        own = of_element(parameters, elements[place]) if elements else parameters
        # A ridge is one node of one network: (networks, inputs, nodes) in both cases.
        weights = own["weights-1"] if isinstance(model, Hdnn) else own["weights"][None, :, None]
        signed[scales.inputs] += weights.sum(axis=2).mean(axis=0)
        absolute[scales.inputs] += np.abs(weights).sum(axis=2).mean(axis=0)
    return signed, absolute

r"""Trees on pooled descriptors: scikit-learn's random forest and LightGBM, each on one thread.

Trees on the components of forces see an atom's own descriptors: :mod:`bpbench.models.force_trees`.

A tree wants a fixed number of columns, so a configuration is described by the mean and the standard deviation
(ddof 0) of each symmetry function over its atoms: 2D columns. Of several elements these are taken over the atoms of
each, 0 where a configuration has none, and the share of each element among the atoms stands beside them. The target is
E_c/n_c - E_ref in eV per atom.

==========  ==============  ==================================================================================
symbol      name in code    meaning
==========  ==============  ==================================================================================
D           ``values``      number of symmetry functions
E_c, n_c    ``energy``, …   energy and number of atoms of configuration c
E_ref       ``reference``   least-squares energy per atom, see :mod:`bpbench.models.scaling`
==========  ==============  ==================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bpbench.jobs import RandomForest
from bpbench.models.contract import Fit
from bpbench.models.scaling import atoms_like, bases, counts, sums
from bpbench.units import MEV_PER_EV

if TYPE_CHECKING:
    import numpy.typing as npt

    from bpbench.jobs import LightGbm
    from bpbench.models.contract import Floats, Ints, Problem


def pooled(values: Floats, offsets: Ints) -> Floats:
    """Return mean and standard deviation of each function over each frame's atoms.

    Parameters
    ----------
    values : ndarray, shape (D, A)
        Descriptors of all atoms.
    offsets : ndarray of int, shape (F + 1,)
        First atom of each frame, then A.

    Returns
    -------
    ndarray, shape (F, 2D)
        D means, then D standard deviations (ddof 0; zero for a single atom).
    """
    atoms = np.diff(offsets)
    columns = np.empty((2 * len(values), len(atoms)))
    for number, row in enumerate(values):
        mean = sums(row.astype(np.float64), offsets) / atoms
        columns[number] = mean
        columns[len(values) + number] = np.sqrt(sums((row - np.repeat(mean, atoms)) ** 2, offsets) / atoms)
    return np.ascontiguousarray(columns.T)


@dataclass(frozen=True, slots=True)
class Pooling:
    """Which columns trees are given.

    Attributes
    ----------
    rows : tuple of ndarray of int
        By element, the functions whose mean and spread over its atoms are columns; of one element all of them.
    elements : int
        Number K of elements; of more than one, K shares stand behind all means and spreads.
    """

    rows: tuple[Ints, ...]
    elements: int

    @classmethod
    def of(cls, problem: Problem) -> Pooling:
        """Return the columns for a problem."""
        everything, seen = np.arange(len(problem.names)), dict(problem.centres)
        elements = problem.elements or ("",)
        return cls(tuple(np.array(seen.get(name, everything), dtype=np.int64) for name in elements), len(elements))

    @property
    def sources(self) -> Ints:
        """The function behind each column; -1 for the share of an element."""
        of_mean = np.concatenate(self.rows)
        shares = np.full(self.elements if self.elements > 1 else 0, -1)
        return np.concatenate([of_mean, of_mean, shares]).astype(np.int64)

    def columns(self, values: Floats, offsets: Ints, kind: Ints | None) -> Floats:
        """Return the columns, shape (F, columns): all means, all spreads, then the shares of elements."""
        if self.elements == 1:
            rows = self.rows[0]
            return pooled(values if np.array_equal(rows, np.arange(len(values))) else values[rows], offsets)
        amount = counts(offsets, kind, self.elements)
        halves = [pooled_over(values, rows, offsets, atoms_like(kind, place)) for place, rows in enumerate(self.rows)]
        shares = amount / amount.sum(axis=1, keepdims=True)
        return np.hstack([*(means for means, _ in halves), *(spreads for _, spreads in halves), shares])


def pooled_over(values: Floats, rows: Ints, offsets: Ints, here: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of some functions over some of each frame's atoms, each of shape (F, rows).

    Where a frame has none of these atoms, both are 0.

    Parameters
    ----------
    values : ndarray, shape (D, A)
        Descriptors of all atoms.
    rows : ndarray of int
        The functions.
    offsets : ndarray of int, shape (F + 1,)
        First atom of each frame, then A.
    here : ndarray of bool, shape (A,)
        The atoms that count.
    """
    atoms, many = np.diff(offsets), np.maximum(sums(here.astype(np.float64), offsets), 1.0)
    means, spreads = np.empty((len(atoms), len(rows))), np.empty((len(atoms), len(rows)))
    for number, row in enumerate(values[place] for place in rows):
        mean = sums(row.astype(np.float64) * here, offsets) / many
        means[:, number] = mean
        spreads[:, number] = np.sqrt(sums((row - np.repeat(mean, atoms)) ** 2 * here, offsets) / many)
    return means, spreads


@dataclass(frozen=True, slots=True)
class Grown:
    """Trees that learned, with what they learned from.

    Attributes
    ----------
    trees : RandomForestRegressor or Booster
        Of scikit-learn or LightGBM.
    inputs : ndarray, shape (F, columns)
        The pooled columns of all frames.
    base : ndarray, shape (F,)
        E_ref of each frame, eV per atom.
    pooling : Pooling
        What the columns are.
    rounds : int or None
        The boosting rounds that are kept; ``None`` for a forest, which is kept whole.
    record : dict of str to ndarray
        RMSE per atom (eV) of the training and the validation part after each round; empty for a forest.
    """

    trees: Any
    inputs: Floats
    base: Floats
    pooling: Pooling
    rounds: int | None
    record: dict[str, Floats]

    def per_atom(self, inputs: Floats, frames: Ints | None = None) -> Floats:
        """Return the energies per atom, eV, of rows of pooled columns: of all frames, or of those that are named."""
        choice = {} if self.rounds is None else {"num_iteration": self.rounds}
        base = self.base if frames is None else self.base[frames]
        return base + np.asarray(self.trees.predict(inputs, **choice), dtype=np.float64)

    def gain(self) -> Floats:
        """Return what the splits on each column gained, shape (columns,).

        Of LightGBM the sum over all splits of the rounds that are kept; of a forest the mean decrease of impurity over
        its trees, each tree's scaled to a sum of 1 (Breiman et al. 1984; scikit-learn's ``feature_importances_``).
        """
        if self.rounds is None:
            gained = self.trees.feature_importances_
        else:
            gained = self.trees.feature_importance("gain", iteration=self.rounds)
        return np.asarray(gained, dtype=np.float64)


def grow(spec: RandomForest | LightGbm, problem: Problem, *, seed: int) -> Grown:
    """Fit trees; :func:`fit_forest` and :func:`fit_lightgbm` answer with what this one grows.

    Parameters
    ----------
    spec : RandomForest or LightGbm
        Number and size of the trees.
    problem : Problem
        Ragged configurations with their split.
    seed : int
        Seed of everything drawn.
    """
    if isinstance(spec, RandomForest):
        return _forest(spec, problem, seed)
    return _boosted(spec, problem, seed)


def fit_forest(spec: RandomForest, problem: Problem, *, seed: int) -> Fit:
    """Fit scikit-learn's random forest (Breiman 2001); the validation part is not used.

    Parameters
    ----------
    spec : RandomForest
        Number and size of the trees.
    problem : Problem
        Ragged configurations with their split.
    seed : int
        Seed of the bootstrap samples and of the columns tried.
    """
    grown = grow(spec, problem, seed=seed)
    return Fit(energy=problem.atoms * grown.per_atom(grown.inputs))


def _forest(spec: RandomForest, problem: Problem, seed: int) -> Grown:
    inputs, target, base, pooling = _table(problem)
    return Grown(forest(spec, inputs[problem.train], target[problem.train], seed), inputs, base, pooling, None, {})


def forest(spec: RandomForest, inputs: Floats, target: Floats, seed: int) -> Any:
    """Return scikit-learn's forest, grown on rows of columns.

    Parameters
    ----------
    spec : RandomForest
        Number and size of the trees.
    inputs : ndarray, shape (n, columns)
        What the trees see.
    target : ndarray, shape (n,) or (n, 3)
        What they answer; of several columns, a split lowers the sum of their variances.
    seed : int
        Seed of the bootstrap samples and of the columns tried.
    """
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(
        n_estimators=spec.trees,
        max_depth=spec.max_depth,
        max_features=spec.max_features,
        min_samples_leaf=spec.min_samples_leaf,
        n_jobs=1,
        random_state=seed,
    ).fit(inputs, target)


def fit_lightgbm(spec: LightGbm, problem: Problem, *, seed: int) -> Fit:
    """Fit LightGBM (Ke et al. 2017) and keep the round of least validation RMSE per atom.

    ``converged`` is False if the validation RMSE had not stopped falling when the rounds were used up.

    Parameters
    ----------
    spec : LightGbm
        Number and size of the trees, shares drawn for each, and patience.
    problem : Problem
        Ragged configurations with their split.
    seed : int
        Seed of the rows and columns drawn for each tree.
    """
    grown = grow(spec, problem, seed=seed)
    rounds = grown.trees.current_iteration()
    curve = {part: errors * MEV_PER_EV for part, errors in grown.record.items()}
    return Fit(
        energy=problem.atoms * grown.per_atom(grown.inputs),
        curve={"epoch": np.arange(1.0, len(curve["train"]) + 1.0)} | curve,
        checkpoint=grown.rounds,
        converged=rounds < spec.rounds,
        remarks=_unsplit(grown.trees, spec, len(problem.train)),
    )


def _boosted(spec: LightGbm, problem: Problem, seed: int) -> Grown:
    inputs, target, base, pooling = _table(problem)
    learned, judged = ((inputs[part], target[part]) for part in (problem.train, problem.validation))
    booster, record = boost(spec, learned, judged, seed)
    rounds = booster.best_iteration or booster.current_iteration()
    return Grown(booster, inputs, base, pooling, rounds, record)


def boost(
    spec: LightGbm, learned: tuple[Floats, Floats], judged: tuple[Floats, Floats], seed: int
) -> tuple[Any, dict[str, Floats]]:
    """Return LightGBM's booster with the RMSE of both parts after each round.

    Parameters
    ----------
    spec : LightGbm
        Number and size of the trees, shares drawn for each, and patience.
    learned, judged : tuple of ndarray
        Columns, shape (n, columns), and target, shape (n,), that are learned from and that choose the round.
    seed : int
        Seed of the rows and columns drawn for each tree.
    """
    import lightgbm

    settings = {
        "objective": "regression",
        "metric": "rmse",
        "learning_rate": spec.learning_rate,
        "num_leaves": spec.leaves,
        "max_depth": -1 if spec.max_depth is None else spec.max_depth,
        "min_data_in_leaf": spec.min_samples_leaf,
        "bagging_fraction": spec.row_share,
        "bagging_freq": 1,
        "feature_fraction": spec.column_share,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,  # else the layout is chosen by a stopwatch, and with it the order of the sums
        "num_threads": 1,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(*learned, params=settings)
    record: dict[str, dict[str, list[float]]] = {}
    booster = lightgbm.train(
        settings,
        data,
        num_boost_round=spec.rounds,
        valid_sets=[data, data.create_valid(*judged)],
        valid_names=["training", "validation"],
        callbacks=[
            lightgbm.early_stopping(spec.patience, verbose=False),
            lightgbm.record_evaluation(record),
        ],
    )
    return booster, {
        name: np.array(record[part]["rmse"]) for name, part in (("train", "training"), ("validation",) * 2)
    }


def _table(problem: Problem) -> tuple[Floats, Floats, Floats, Pooling]:
    base, pooling = bases(problem), Pooling.of(problem)
    inputs = pooling.columns(problem.values, problem.offsets, problem.kind)
    return inputs, problem.energy / problem.atoms - base, base, pooling


def _unsplit(booster: Any, spec: LightGbm, frames: int) -> tuple[str, ...]:
    leaves = [tree["num_leaves"] for tree in booster.dump_model()["tree_info"]]
    if any(number > 1 for number in leaves):
        return ()
    sentence = (
        f"LightGBM could not split {frames} training configurations into leaves of at least {spec.min_samples_leaf} "
        f"and answers with their mean; give it more frames or a smaller min_samples_leaf."
    )
    return (sentence,)

r"""Trees on pooled descriptors: scikit-learn's random forest and LightGBM, each on one thread.

Trees on the components of forces see an atom's own descriptors: :mod:`bpbench.models.force_trees`.

A tree wants a fixed number of columns, so a configuration is described by the mean and the standard deviation
(ddof 0) of each symmetry function over its atoms: 2D columns. The target is E_c/n_c - E_ref in eV per atom.

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
from bpbench.models.scaling import reference_energy, sums
from bpbench.units import MEV_PER_EV

if TYPE_CHECKING:
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
class Grown:
    """Trees that learned, with what they learned from.

    Attributes
    ----------
    trees : RandomForestRegressor or Booster
        Of scikit-learn or LightGBM.
    inputs : ndarray, shape (F, 2D)
        The pooled columns of all frames.
    reference : float
        E_ref, eV per atom.
    rounds : int or None
        The boosting rounds that are kept; ``None`` for a forest, which is kept whole.
    record : dict of str to ndarray
        RMSE per atom (eV) of the training and the validation part after each round; empty for a forest.
    """

    trees: Any
    inputs: Floats
    reference: float
    rounds: int | None
    record: dict[str, Floats]

    def per_atom(self, inputs: Floats) -> Floats:
        """Return the energies per atom, eV, of rows of pooled columns."""
        choice = {} if self.rounds is None else {"num_iteration": self.rounds}
        return self.reference + np.asarray(self.trees.predict(inputs, **choice), dtype=np.float64)

    def gain(self) -> Floats:
        """Return what the splits on each column gained, shape (2D,).

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
    inputs, target, reference = _table(problem)
    return Grown(forest(spec, inputs[problem.train], target[problem.train], seed), inputs, reference, None, {})


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
    inputs, target, reference = _table(problem)
    learned, judged = ((inputs[part], target[part]) for part in (problem.train, problem.validation))
    booster, record = boost(spec, learned, judged, seed)
    return Grown(booster, inputs, reference, booster.best_iteration or booster.current_iteration(), record)


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


def _table(problem: Problem) -> tuple[Floats, Floats, float]:
    reference = reference_energy(problem)
    return pooled(problem.values, problem.offsets), problem.energy / problem.atoms - reference, reference


def _unsplit(booster: Any, spec: LightGbm, frames: int) -> tuple[str, ...]:
    leaves = [tree["num_leaves"] for tree in booster.dump_model()["tree_info"]]
    if any(number > 1 for number in leaves):
        return ()
    sentence = (
        f"LightGBM could not split {frames} training configurations into leaves of at least {spec.min_samples_leaf} "
        f"and answers with their mean; give it more frames or a smaller min_samples_leaf."
    )
    return (sentence,)

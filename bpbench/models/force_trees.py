r"""Trees on the components of forces, from an atom's own descriptors: what such descriptors can know of a direction.

One row is one atom: its D symmetry functions, and the three components of its force (eV/Å) as targets. Atoms of the
training configurations are learned from; of several elements each has trees of its own, on the functions that its
network would see. A random forest is one forest of three targets: a split lowers the sum of the three variances, which
does not change when all forces are rotated together, so neither do its trees; three forests would depend on the axes.
LightGBM has no such thing and is three boosters on the same rows, each with its own number of trees, chosen by the RMSE
of its component over the atoms of the validation part.

Symmetry functions are the same for a configuration and for the configuration rotated, and so is every answer here,
while a force rotates with its configuration:

.. math::
    \mathbf F(R x) = R\, \mathbf F(x), \qquad \hat{\mathbf F}(G(R x)) = \hat{\mathbf F}(G(x))

=============  ==============  =====================================================================
symbol         name in code    meaning
=============  ==============  =====================================================================
x, R           -               a configuration, and a rotation about any axis
G              ``values``      descriptors of its atoms
F              ``forces``      reference forces, eV/Å
F̂              -               what is answered
=============  ==============  =====================================================================

The same holds of an inversion. So the best answer is the mean force of all atoms that have such descriptors, and where
configurations are as likely as their images under turns that leave no direction alone, or under the inversion, that
mean is zero: then nothing beats zero. So it is of liquids, and of a crystal with a centre of inversion whose atoms move
about their sites, though it always lies along the same axes. Where it is not so (slabs along one axis, one relaxation)
the mean tells how these data lie, and that is what is learned: it beats zero on such data, and is wrong after a
rotation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bpbench.errors import DataError
from bpbench.jobs import RandomForest
from bpbench.models.contract import Fit
from bpbench.models.trees import boost, forest

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from bpbench.jobs import LightGbm
    from bpbench.models.contract import Floats, Ints, Problem


def fit(spec: RandomForest | LightGbm, problem: Problem, *, seed: int) -> Fit:
    """Fit trees to the components of forces; no energies are predicted.

    Parameters
    ----------
    spec : RandomForest or LightGbm
        With ``target: forces``.
    problem : Problem
        With forces; those of its test part are not read.
    seed : int
        Seed of everything drawn: the atoms that are learned from, and what the trees draw.

    Returns
    -------
    Fit
        Forces of all atoms. ``converged`` is False where a booster used up its rounds; a forest's is None.

    Raises
    ------
    DataError
        Without forces, with one that is not a finite number, or where a part has no atom of some element.
    """
    forces = _known(problem)
    draw = np.random.default_rng(seed)
    parts = [_atoms(problem, part) for part in (problem.train, problem.validation)]
    answers = np.empty((int(problem.offsets[-1]), 3))
    kept: dict[str, Floats] = {}
    ended = []
    for element, own, functions in _elements(problem):
        columns, target = np.ascontiguousarray(problem.values[functions][:, own].T), forces[own]
        learned, judged = (np.flatnonzero(part[own]) for part in parts)
        _check_atoms(element, learned, judged)
        if spec.atoms is not None and spec.atoms < len(learned):
            learned = np.sort(draw.choice(learned, spec.atoms, replace=False))
        if isinstance(spec, RandomForest):
            answers[own] = forest(spec, columns[learned], target[learned], seed).predict(columns)
            continue
        for axis in range(3):
            known = [(columns[rows], target[rows, axis]) for rows in (learned, judged)]
            booster, _ = boost(spec, known[0], known[1], seed)
            best = booster.best_iteration or booster.current_iteration()
            answers[own, axis] = booster.predict(columns, num_iteration=best)
            name = f"{element}.rounds" if element else "rounds"
            kept[name] = np.append(kept.get(name, []), float(best))
            ended.append(booster.current_iteration() < spec.rounds)
    return Fit(energy=None, parameters=kept, converged=all(ended) if ended else None, forces=answers)


def _known(problem: Problem) -> Floats:
    """Return the forces, or refuse them where they cannot be learned from."""
    if problem.forces is None:
        raise DataError(
            "Trees with 'target: forces' learn from forces, and these data have none; give data with forces, or leave "
            "the target at energy."
        )
    for name, part in (("training", problem.train), ("validation", problem.validation)):
        bad = np.flatnonzero(_atoms(problem, part) & ~np.isfinite(problem.forces).all(axis=1))
        if len(bad):
            frame = int(np.searchsorted(problem.offsets, bad[0], side="right")) - 1
            raise DataError(
                f"A fit needs finite forces, that of atom {bad[0] - problem.offsets[frame]} of {name} frame {frame} is "
                f"{problem.forces[bad[0]].tolist()}; remove the frame or correct it."
            )
    return problem.forces


def _atoms(problem: Problem, part: Ints) -> npt.NDArray[np.bool_]:
    """Return which atoms belong to the frames of a part, shape (A,)."""
    chosen = np.zeros(len(problem.offsets) - 1, dtype=np.bool_)
    chosen[part] = True
    return np.repeat(chosen, np.diff(problem.offsets))


def _elements(problem: Problem) -> Iterator[tuple[str, npt.NDArray[np.bool_], Ints]]:
    """Yield each element, its atoms, shape (A,), and the rows of the functions that it sees; of one element no name."""
    every = np.arange(len(problem.values))
    if problem.kind is None:
        yield "", np.ones(int(problem.offsets[-1]), dtype=np.bool_), every
        return
    seen = dict(problem.centres)
    for number, element in enumerate(problem.elements):
        yield element, problem.kind == number, np.array(seen[element], dtype=np.int64) if seen else every


def _check_atoms(element: str, learned: Ints, judged: Ints) -> None:
    for name, rows in (("training", learned), ("validation", judged)):
        if not len(rows):
            raise DataError(
                f"The {name} part has no atom of {element}, whose forces trees are to predict; use more frames or "
                "another share of them."
            )

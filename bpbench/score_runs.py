"""The repeats of each variant in a table of scores, in order, and which of them two variants have in common."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from bpbench.data.readers import counted
from bpbench.data.score_files import Roles, Scores
from bpbench.errors import RequestError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: Duplicates that are shown of many.
SHOWN: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """All repeats of one variant, in the order of their names.

    Attributes
    ----------
    name : str
        The variant.
    cell : ndarray of int, shape (n,)
        Which repeat each is: the same number is the same repeat in all variants, as far as repeats have names.
    unit, split, row : ndarray of int, shape (n,)
        Places in the names of units and splits; row of the table.
    score : ndarray, shape (n,)
        NaN where the run broke down.
    """

    name: str
    cell: Ints
    unit: Ints
    split: Ints
    row: Ints
    score: Floats

    @property
    def done(self) -> npt.NDArray[np.bool_]:
        """Which repeats have a score."""
        return np.isfinite(self.score)

    @property
    def diverged(self) -> int:
        """How many have none."""
        return int(np.count_nonzero(~self.done))


def name_of(scores: Scores, unit: int, split: int) -> str:
    """Return how a repeat is called: by its unit, by its split, or by both."""
    names = ([scores.splits[split]] if scores.splits else []) + ([scores.units[unit]] if scores.units else [])
    return "/".join(names)


def ordered(scores: Scores, roles: Roles) -> Scores:
    """Return a table whose units and splits, as far as asked for, are numbered in the order of their names.

    Parameters
    ----------
    scores : Scores
        From :mod:`bpbench.data.score_files`.
    roles : Roles
        Which column is what.
    """
    units, unit = _ranked(() if roles.unit is None else scores.units, scores.unit)
    splits, split = _ranked(() if roles.split is None else scores.splits, scores.split)
    return replace(scores, units=units, splits=splits, unit=unit, split=split)


def _ranked(names: tuple[str, ...], codes: Ints) -> tuple[tuple[str, ...], Ints]:
    """Return names in their natural order, numbers by size, and the codes that go with it."""
    if not names:
        return names, np.zeros_like(codes)
    try:
        keys = np.array(names, dtype=np.float64)
    except ValueError:
        keys = np.array(names)
    order = np.argsort(keys, kind="stable")
    rank = np.empty(len(names), dtype=np.int64)
    rank[order] = np.arange(len(names))
    return tuple(names[place] for place in order.tolist()), rank[codes]


def runs_of(scores: Scores, roles: Roles) -> tuple[Runs, ...]:
    """Return the repeats of each variant.

    Parameters
    ----------
    scores : Scores
        From :func:`ordered`.
    roles : Roles
        Which column is what.

    Raises
    ------
    RequestError
        When a repeat has two scores: the first few such are named.
    """
    # Of repeats without names only their split is known.
    cell = scores.split * max(1, len(scores.units)) + scores.unit
    order = np.lexsort((scores.row, cell, scores.variant))
    variant, cell = scores.variant[order], cell[order]
    if roles.unit is not None:
        _refuse_twice(scores, roles, order, variant, cell)
    score = np.where(np.isfinite(scores.score), scores.score, np.nan)[order]
    bounds = np.searchsorted(variant, np.arange(len(scores.variants) + 1))
    made = []
    for place, name in enumerate(scores.variants):
        part = slice(bounds[place], bounds[place + 1])
        rows = order[part]
        # Repeats without names are numbered; no number is then the same repeat as that of another variant.
        own = cell[part] if roles.unit is not None or roles.split is not None else np.arange(len(rows))
        made.append(Runs(name, own, scores.unit[rows], scores.split[rows], scores.row[rows], score[part]))
    return tuple(made)


def _refuse_twice(scores: Scores, roles: Roles, order: Ints, variant: Ints, cell: Ints) -> None:
    again = np.flatnonzero((variant[1:] == variant[:-1]) & (cell[1:] == cell[:-1]))
    if not again.size:
        return
    said: dict[tuple[str, str], str] = {}
    for place in again.tolist():
        first, second = order[place], order[place + 1]
        name = name_of(scores, int(scores.unit[first]), int(scores.split[first]))
        key = (scores.variants[int(variant[place])], name)
        said.setdefault(key, f"'{key[0]}' has repeat '{name}' on rows {scores.row[first]} and {scores.row[second]}")
        if len(said) > SHOWN:
            break
    shown = list(said.values())[:SHOWN]
    more = f"; {counted(again.size, 'row')} are too many in all" if len(said) > SHOWN else ""
    how = (
        "choose rows with --where, or average them first"
        if roles.split is not None
        else "name the column that tells them apart with --split (repeats are then averaged within each split), choose "
        "rows with --where, or average them first"
    )
    raise RequestError(f"{scores.label}: a repeat has one score, but {'; '.join(shown)}{more}; {how}.")


def matched(candidate: Runs, baseline: Runs, roles: Roles, design: str) -> tuple[Floats, Floats, Ints, Ints]:
    """Return the scores of the repeats that two variants have in common, with the split and the number of each.

    Parameters
    ----------
    candidate, baseline : Runs
        From :func:`runs_of`.
    roles : Roles
        Which column is what; a unit or a split is named.
    design : str
        One of :data:`bpbench.statistics.designs.DESIGNS`.

    Returns
    -------
    ndarray, ndarray
        Scores of the candidate and of the baseline.
    ndarray of int, ndarray of int
        Splits and numbers.
    """
    if roles.unit is None:
        averaged = (means(each.split[each.done], each.score[each.done]) for each in (candidate, baseline))
        (ours, one), (theirs, other) = averaged
        splits, mine, yours = np.intersect1d(ours, theirs, assume_unique=True, return_indices=True)
        return one[mine], other[yours], splits, splits
    cells, mine, yours = np.intersect1d(candidate.cell, baseline.cell, assume_unique=True, return_indices=True)
    both = candidate.done[mine] & baseline.done[yours]
    cells, mine, yours = cells[both], mine[both], yours[both]
    one, other = candidate.score[mine], baseline.score[yours]
    if roles.split is None:
        # Every repeat of a resampled design has a split of its own; those of a fixed one share theirs.
        return one, other, cells if design == "resampled" else np.zeros_like(cells), cells
    splits = candidate.split[mine]
    if design != "resampled":
        return one, other, splits, cells  # judge averages within splits
    (found, one), (_, other) = (means(splits, own) for own in (one, other))
    return one, other, found, found


def means(splits: Ints, scores: Floats) -> tuple[Ints, Floats]:
    """Return every split once, and the mean of its scores."""
    found, place, count = np.unique(splits, return_inverse=True, return_counts=True)
    return found, np.bincount(place, weights=scores, minlength=len(found)) / np.maximum(count, 1)

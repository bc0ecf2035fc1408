r"""Races: which candidates get no further repeats, and what a race costs.

Every repeat trains all candidates that are still in the race. After some repeats the race looks at all of them and
stops the hopeless ones, by one of two rules.

**Friedman's race** (F-race: Birattari, Stützle, Paquete & Varrentrapp, GECCO 2002) stops nothing unless Friedman's test
over the repeats rejects that all candidates are alike; then it stops whoever's rank sum is worse than the best one's by
more than Conover's critical difference (Conover 1999, Practical Nonparametric Statistics, 3rd ed., p. 369 to 371):

    CD = t √(2 (nA - Σ_j S_j²) / ((n-1)(k-1))) = t √(2n (1 - χ²/(n(k-1))) (A - nk(k+1)²/4) / ((n-1)(k-1)))

=============  ======================  ===========================================================================
symbol         name in code            meaning
=============  ======================  ===========================================================================
n, k                                   repeats so far, and candidates still in the race
S_j            ``sums``                sum of the ranks of candidate j, 1 for the best of a repeat
A                                      sum of all squared ranks
χ²             ``chi2``                Friedman's, corrected for ties
t                                      upper α/2 point of Student's t with (n-1)(k-1) degrees of freedom
=============  ======================  ===========================================================================

The p that counts is that of the rank arrangements (:mod:`bpbench.statistics.friedman`), not that of χ² or of F. Few
repeats are the whole point of a race, and there χ² is far too strict and F too lax: of equal candidates at a level of
5 %, χ² stops some in 0 %, F in 17 % of all races after 2 repeats of 3 candidates, in 2 and 8 % after 3 repeats of 4. (F
is as good for ten and more candidates, χ² is not.) Of two candidates it is Wilcoxon's signed-rank test, as in F-race.

Each look has the level α for itself: the more looks, the more often candidates that are in truth alike are told apart
by chance (raced to 10 repeats at 5 % from the third on, 5 equal candidates in 19 % of all races and 20 in 23 %,
simulated), and CD has no correction for how many are compared with the best. That is a price, not an error: what a race
stops is never a finding, and what it leaves is judged afterwards on repeats that it has not seen.

**Successive halving** (Karnin, Koren & Somekh, ICML 2013; Jamieson & Talwalkar, AISTATS 2016) tests nothing: at
repeats that are known beforehand it stops the worse half by the mean. Its cost is known too (:func:`schedule`). Repeats
are kept and their number doubles from look to look, as in Hyperband (Li et al., J. Mach. Learn. Res. 18, 2018).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt

from bpbench.errors import StatisticsError, nearest
from bpbench.statistics.equivalence import two_sided_p
from bpbench.statistics.friedman import PERMUTATIONS, differences_of, finite_rounding, of_ranks, ranks_of
from bpbench.statistics.ranks import levels, signed_rank
from bpbench.statistics.samples import LARGEST

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = npt.NDArray[np.float64]
Rule = Literal["friedman", "halving"]

#: The rules by which a race stops candidates.
RULES: Final[tuple[Rule, ...]] = ("friedman", "halving")


@dataclass(frozen=True, slots=True)
class Stopped:
    """What one look at a race says.

    Attributes
    ----------
    stopped : tuple of bool
        One for each candidate, in the order of the columns: whether it gets no further repeats.
    reasons : tuple of str
        For each candidate that is stopped a whole sentence that says why; empty for the others.
    mean_ranks : tuple of float
        Within the repeats, 1 for always the best.
    means : tuple of float or None
        Mean score over the repeats that did not fail, in the metric's unit; ``None`` where all failed.
    chi2 : float or None
        Friedman's χ², corrected for ties; ``None`` for two candidates, without any rank, and under halving.
    p : float or None
        Of the rank arrangements, or of the signed-rank test for two candidates; ``None`` under halving, and where all
        score alike.
    critical_difference : float or None
        Between rank sums; ``None`` where χ² is.
    """

    stopped: tuple[bool, ...]
    reasons: tuple[str, ...]
    mean_ranks: tuple[float, ...]
    means: tuple[float | None, ...]
    chi2: float | None
    p: float | None
    critical_difference: float | None


@dataclass(frozen=True, slots=True)
class Rung:
    """A stretch of a race between two looks.

    Attributes
    ----------
    repeats : int
        How many repeats each candidate has at its end.
    candidates : int
        How many candidates run it, at most.
    """

    repeats: int
    candidates: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a race will cost.

    Attributes
    ----------
    rungs : tuple of Rung
        In order; after each but the last, the race looks and stops candidates.
    fewest, most : int
        Trainings in all; the same number under halving, where chance has no say.
    """

    rungs: tuple[Rung, ...]
    fewest: int
    most: int


# ------------------------------------------------------------------------------------------------- the two rules


def friedman_stop(
    scores: Array, alpha: float, *, keep: int = 1, lower_is_better: bool = True, seed: int = 0
) -> Stopped:
    """Return which candidates Friedman's race stops after these repeats.

    Parameters
    ----------
    scores : ndarray, shape (n, k)
        One row for each of n ≥ 2 repeats, one column for each of k ≥ 2 candidates that are still in the race; NaN, or
        infinitely bad, for a failed repeat, which ranks behind all others of that repeat and beside its like.
    alpha : float
        Level of this look, between 0 and 1; 0.05 in the paper.
    keep : int
        So many are never stopped: the best by rank sum, of equal ones the first.
    lower_is_better : bool
        Direction of the metric.
    seed : int
        Of the random rank arrangements, where there are too many to be counted.

    Returns
    -------
    Stopped
        Nothing is stopped where the test does not reject.

    Raises
    ------
    StatisticsError
        For a table of another shape, an impossible score, level or number to keep.
    """
    losses = _losses(scores, 2, lower_is_better=lower_is_better)
    n, k = losses.shape
    _require_keep(keep)
    if not 0 < alpha < 1:
        raise StatisticsError(f"alpha must lie between 0 and 1, found {alpha!r}.")
    ranks = ranks_of(losses)
    sums = ranks.sum(axis=0)
    order = np.argsort(sums, kind="stable")
    chi2: float | None = None
    difference: float | None = None
    p: float | None = None
    if k == 2:
        p, order = _of_two(losses, order)
        worse = p is not None and p <= alpha
        chosen = [int(order[1])] if worse and keep < 2 else []
        sentences = [
            f"After {n} repeats it is the worse of two by Wilcoxon's signed-rank test: p = {p:.3g}, at a level of "
            f"{alpha:g}; its mean rank is {sums[j] / n:.3g}."
            for j in chosen
        ]
    elif not np.ptp(ranks):
        chosen, sentences = [], []
    else:
        found = of_ranks(ranks, seed, PERMUTATIONS)
        chi2, difference = found.chi2, conover_difference(ranks, alpha)
        # among so many ranks that they are not shuffled, F is as good
        p = found.p_permutation
        if p is None:
            p = 0.0 if found.iman_davenport is None else found.iman_davenport.p
        best = float(sums[order[0]])
        apart = [int(j) for j in order[keep:] if sums[j] - best > difference]
        chosen = apart if p <= alpha else []
        sentences = [
            f"After {n} repeats its rank sum of {sums[j]:g} is {sums[j] - best:g} above the best one's, more than "
            f"Conover's critical difference of {difference:.4g} (Friedman's χ² = {chi2:.4g}, p = {p:.3g}, at a level "
            f"of {alpha:g})."
            for j in chosen
        ]
    return _stopped(losses, ranks, dict(zip(chosen, sentences, strict=True)), (chi2, p, difference), lower_is_better)


def conover_difference(ranks: Array, alpha: float) -> float:
    """Return the difference of rank sums beyond which two candidates differ (Conover 1999), given that χ² rejects.

    Parameters
    ----------
    ranks : ndarray, shape (n, k)
        Within each of n ≥ 2 repeats, equal scores sharing the mean of their ranks.
    alpha : float
        Two-sided level of one pair; nothing is corrected for how many pairs there are.
    """
    from scipy.special import stdtrit

    n, k = ranks.shape
    df = (n - 1) * (k - 1)
    # ranks are multiples of a half, so that this difference is exact: zero where all repeats agree wholly
    left = n * float(np.sum(ranks**2)) - float(np.sum(ranks.sum(axis=0) ** 2))
    return float(stdtrit(df, 1 - alpha / 2)) * math.sqrt(2 * left / df)


def halving_stop(scores: Array, keep: int, *, lower_is_better: bool = True) -> Stopped:
    """Return which candidates successive halving stops after these repeats: the worse half by the mean.

    Parameters
    ----------
    scores : ndarray, shape (n, k)
        One row for each of n ≥ 1 repeats, one column for each of k ≥ 2 candidates that are still in the race; NaN, or
        infinitely bad, for a failed repeat. Candidates with failed repeats stand behind those with fewer, and among
        their like by the mean of the others; of equal ones the first stands before.
    keep : int
        So many are never stopped. Of k candidates max(keep, ⌈k/2⌉) go on.
    lower_is_better : bool
        Direction of the metric.

    Raises
    ------
    StatisticsError
        For a table of another shape, an impossible score or number to keep.
    """
    losses = _losses(scores, 1, lower_is_better=lower_is_better)
    n, k = losses.shape
    _require_keep(keep)
    failed = np.isinf(losses).sum(axis=0)
    means = np.array([0.0 if mean is None else mean for mean in _means(losses)])
    # what differs by rounding alone is equal, whatever the order in which it was summed
    order = np.lexsort((np.arange(k), levels(means, finite_rounding(losses)), failed))
    go_on = min(k, halved(k, keep))
    repeats = "1 repeat" if n == 1 else f"{n} repeats"
    reasons = {}
    for place, j in enumerate(order[go_on:].tolist(), start=go_on + 1):
        mean = means[j] if lower_is_better else -means[j]
        which = f" ({failed[j]} failed)" if failed[j] else ""
        by = "without a score" if failed[j] == n else f"by its mean score of {mean:.6g}"
        reasons[j] = (
            f"After {repeats}{which} it stands in place {place} of {k}, {by}, and the first {go_on} go on: successive "
            "halving stops the others."
        )
    return _stopped(losses, ranks_of(losses), reasons, (None, None, None), lower_is_better)


def halved(candidates: int, keep: int) -> int:
    """Return how many of so many candidates go on after a look by halving.

    Parameters
    ----------
    candidates : int
        At least 1.
    keep : int
        So many are never stopped.
    """
    return max(keep, math.ceil(candidates / 2))


# ------------------------------------------------------------------------------------------------------ what it costs


def schedule(rule: str, candidates: int, repeats: int, first: int, keep: int = 1) -> Schedule:
    """Return the looks of a race and how many trainings it takes.

    Under ``halving`` the race looks after ``first``, 2 ``first``, 4 ``first``, … repeats while more than ``keep`` are
    left, and these get all repeats. Under ``friedman`` it looks after every repeat from ``first`` on, and what it stops
    is known only then: its rungs are those of a race that stops nothing.

    Parameters
    ----------
    rule : str
        One of :data:`RULES`.
    candidates : int
        At the start; at least 2.
    repeats : int
        Of those that are never stopped.
    first : int
        Repeats before the first look; at most ``repeats``. ``friedman`` needs at least 2.
    keep : int
        So many are never stopped.

    Raises
    ------
    StatisticsError
        For an unknown rule or a number that cannot be.
    """
    if rule not in RULES:
        raise StatisticsError(f"There is no rule '{rule}' of racing{nearest(rule, RULES)}")
    if candidates < 2:
        raise StatisticsError(f"A race needs at least 2 candidates, found {candidates}.")
    _require_keep(keep)
    least = 2 if rule == "friedman" else 1
    if not least <= first <= repeats:
        raise StatisticsError(
            f"The first look of a race by '{rule}' comes after {least} repeats or more, and no later than after the "
            f"last; found first = {first} of {repeats} repeats."
        )
    keep = min(keep, candidates)
    if rule == "friedman":
        rungs = tuple(Rung(done, candidates) for done in range(first, repeats + 1))
        return Schedule(rungs, candidates * first + keep * (repeats - first), candidates * repeats)
    planned, left, done = [], candidates, first
    while done < repeats and left > keep:
        planned.append(Rung(done, left))
        left, done = halved(left, keep), 2 * done
    planned.append(Rung(repeats, left))
    cost = _trainings(planned)
    return Schedule(tuple(planned), cost, cost)


def _trainings(rungs: Sequence[Rung]) -> int:
    return sum((rung.repeats - before.repeats) * rung.candidates for before, rung in pairwise((Rung(0, 0), *rungs)))


# --------------------------------------------------------------------------------------------------------- their parts


def _require_keep(keep: int) -> None:
    if keep < 1:
        raise StatisticsError(f"A race keeps at least 1 candidate, found keep = {keep}.")


def _losses(scores: Array, least: int, *, lower_is_better: bool) -> Array:
    """Return scores as losses, infinite where a repeat failed, or refuse them."""
    table = np.array(scores, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] < least or table.shape[1] < 2:
        raise StatisticsError(
            f"A look at a race needs a table of at least {least} repeat{'s' if least > 1 else ''} (rows) and 2 "
            f"candidates (columns), found shape {table.shape}."
        )
    losses = table if lower_is_better else -table
    losses = np.where(np.isnan(losses), math.inf, losses)
    wrong = np.argwhere((losses < -LARGEST) | ((losses > LARGEST) & (losses != math.inf)))
    if len(wrong):
        row, column = (int(place) for place in wrong[0])
        raise StatisticsError(
            f"A race needs scores of at most {LARGEST:g}, or NaN for failed repeats; found {table[row, column]:g} in "
            f"repeat {row + 1} of candidate {column + 1}."
        )
    return losses


def _of_two(losses: Array, order: npt.NDArray[np.intp]) -> tuple[float | None, npt.NDArray[np.intp]]:
    """Return the two-sided p of two candidates, ``None`` where all is alike, and which is the better."""
    one, other = losses.T
    differences, slack = differences_of(one, other), finite_rounding(losses)
    if np.max(np.abs(differences)) <= slack:
        return None, order
    evidence = signed_rank(differences, slack=slack)
    # by the ranks of the differences, which may see it otherwise than how often one is the better
    return two_sided_p(evidence), np.array([1, 0] if evidence.direction > 0 else [0, 1])


def _means(losses: Array) -> tuple[float | None, ...]:
    """Return the mean loss of each candidate over the repeats that did not fail."""
    finished = [column[np.isfinite(column)] for column in losses.T]
    return tuple(float(np.mean(values)) if values.size else None for values in finished)


def _stopped(
    losses: Array,
    ranks: Array,
    reasons: dict[int, str],
    test: tuple[float | None, float | None, float | None],
    lower_is_better: bool,
) -> Stopped:
    k = losses.shape[1]
    chi2, p, difference = test
    return Stopped(
        stopped=tuple(j in reasons for j in range(k)),
        reasons=tuple(reasons.get(j, "") for j in range(k)),
        mean_ranks=tuple(ranks.mean(axis=0).tolist()),
        means=tuple(mean if mean is None or lower_is_better else -mean for mean in _means(losses)),
        chi2=chi2,
        p=p,
        critical_difference=difference,
    )

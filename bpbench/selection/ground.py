r"""What every strategy stands on: trainings to ask for, their scores, and comparisons of candidates while exploring.

Explored differences are judged by a t interval of the paired differences. Where every repeat divides the frames anew,
trainings overlap, and the standard error is Nadeau and Bengio's, s √(1/n + ρ), with ρ = n_test/n_train counted in
blocks (:mod:`bpbench.statistics.student`). These comparisons guide a search and decide nothing: they are not corrected
for their number, and what they find is confirmed elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from bpbench.features import Column, Feature
from bpbench.jobs import Job, Train
from bpbench.runner.store import Outcome
from bpbench.selection.trace import Choice, Chosen, Compared, Tried
from bpbench.statistics.equivalence import non_inferiority
from bpbench.statistics.margins import Margin
from bpbench.statistics.power import unit_se
from bpbench.statistics.samples import rounding
from bpbench.statistics.student import StudentEvidence, one_sample

Floats = npt.NDArray[np.float64]
Results = Mapping[Job, Outcome]
T = TypeVar("T")
#: A search in parts: it yields jobs, is sent their results, and returns what it found.
Search = Generator[list[Job], Results, T]


@dataclass(frozen=True, slots=True)
class Ground:
    """What a strategy explores on.

    Attributes
    ----------
    functions : tuple of Feature or Column
        The pool that is chosen from, in the order of its set.
    train : callable
        ``train(chosen, repeat)``: the training of a candidate in a repeat of *explore*.
    repeats : int
        Repeats of each candidate.
    metric : str
        Key of the score.
    lower_is_better : bool
        Its direction.
    test_to_train : float
        ρ; 0 where all repeats share one division of the frames.
    margin : Margin or None
        Largest difference that does not matter.
    alpha : float
        Level of single comparisons.
    seed : int
        Of everything that the strategy itself draws.
    cost : callable
        ``cost(chosen)``: what a candidate costs, a count that no clock can change.
    weigh : callable or None
        ``weigh(repeat)``: a training of the whole pool by another model, to which inputs are to matter.
    """

    functions: tuple[Feature | Column, ...]
    train: Callable[[Chosen, int], Train]
    repeats: int
    metric: str
    lower_is_better: bool
    test_to_train: float
    margin: Margin | None
    alpha: float
    seed: int
    cost: Callable[[Chosen], float] = field(default=len)
    weigh: Callable[[int], Train] | None = None

    @property
    def whole(self) -> Chosen:
        """The whole pool as a candidate."""
        return tuple(range(len(self.functions)))

    def name(self, place: int) -> str:
        """Return the readable name of a function of the pool."""
        return self.functions[place].name


def score(ground: Ground, outcome: Outcome) -> float:
    """Return the score of a training on the test part of *explore*, NaN if it diverged."""
    if outcome.values["status"] != "done":
        return np.nan
    return float(outcome.values["scores"]["test"][ground.metric])


def scored(ground: Ground, sets: Sequence[Chosen], repeats: Sequence[int] | None = None) -> Search[Floats]:
    """Train candidates and return their scores.

    Parameters
    ----------
    ground : Ground
        Where they are trained.
    sets : sequence of tuple of int
        C candidates.
    repeats : sequence of int, optional
        R repeats; all by default.

    Returns
    -------
    ndarray, shape (C, R)
        NaN where a training diverged.
    """
    numbers = range(ground.repeats) if repeats is None else repeats
    jobs = [[ground.train(chosen, number) for number in numbers] for chosen in sets]
    results = yield list(dict.fromkeys(job for row in jobs for job in row))
    return np.array([[score(ground, results[job]) for job in row] for row in jobs]).reshape(len(sets), len(numbers))


def compared(ground: Ground, ours: Floats, theirs: Floats, margin: Margin | None = None) -> Compared | None:
    """Compare a candidate with a reference, repeat by repeat.

    Parameters
    ----------
    ground : Ground
        With level, direction and ρ.
    ours, theirs : ndarray, shape (R,)
        Scores of candidate and reference in the same repeats; NaN where a training diverged.
    margin : Margin, optional
        Where given, whether the candidate is non-inferior to the reference within it. Who diverged is not, nor is
        anyone shown to be by a single common repeat: its difference may be chance.

    Returns
    -------
    Compared or None
        Nothing where they have no repeat in common.
    """
    both = np.isfinite(ours) & np.isfinite(theirs)
    if not both.any():
        return None
    one, other = ours[both], theirs[both]
    differences = one - other
    n, mean = len(differences), float(np.mean(differences))
    lost = not np.isfinite(ours).all()
    if n < 2 or float(np.ptp(differences)) <= rounding(one, other):
        within = None if margin is None else n > 1 and not lost and _within(ground, mean, other, margin)
        return Compared(n, mean, None, None, within)
    evidence = one_sample(differences, test_to_train=ground.test_to_train)
    low, high = evidence.interval(1 - ground.alpha)
    if margin is None:
        return Compared(n, mean, low, high)

    def contrast(factor: float) -> StudentEvidence:
        return one_sample(one - factor * other, test_to_train=ground.test_to_train)

    p = non_inferiority(
        contrast,
        margin,
        ground.alpha,
        lower_is_better=ground.lower_is_better,
        unit_se=unit_se(n, ground.test_to_train),
    ).p
    return Compared(n, mean, low, high, not lost and p <= ground.alpha, p)


def _within(ground: Ground, difference: float, reference: Floats, margin: Margin) -> bool:
    """Return whether a difference without any noise is within the margin."""
    worse = difference if ground.lower_is_better else -difference
    if margin.kind == "d_z":  # a share of a spread that is not there
        return worse <= 0
    return worse < margin.value * (float(np.mean(reference)) if margin.kind == "relative" else 1.0)


def means(ground: Ground, scores: Floats) -> Floats:
    """Return the mean of each candidate, such that the least is the best; infinite where a training diverged.

    Parameters
    ----------
    ground : Ground
        With the metric's direction.
    scores : ndarray, shape (C, R)
        From :func:`scored`.
    """
    found = scores.mean(axis=1) * (1.0 if ground.lower_is_better else -1.0)
    return np.where(np.isfinite(found), found, np.inf)


def first(ground: Ground, values: Floats, sets: Sequence[Chosen]) -> int | None:
    """Return which candidate has the least value, of equal ones the cheapest, then the earliest; ``None`` if none."""
    order = sorted(range(len(sets)), key=lambda number: (values[number], ground.cost(sets[number]), number))
    return order[0] if order and np.isfinite(values[order[0]]) else None


def tried(label: str, chosen: Chosen, scores: Floats, **beside: object) -> Tried:
    """Return a candidate with its scores as plain numbers."""
    plain = tuple(float(value) if np.isfinite(value) else None for value in scores)
    return Tried(label, chosen, plain, **beside)  # type: ignore[arg-type]


def choice(ground: Ground, chosen: Chosen, scores: Floats) -> Choice:
    """Return a choice with what exploring showed of it."""
    if not np.isfinite(scores).all():
        return Choice(chosen, None, None)
    best = scores.min() if ground.lower_is_better else scores.max()
    return Choice(chosen, float(scores.mean()), float(best))

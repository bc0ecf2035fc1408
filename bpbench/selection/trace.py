"""How a strategy came to its choice, step by step: enough to draw, and to argue about."""

from __future__ import annotations

from dataclasses import dataclass

#: A candidate: places in the pool that is chosen from, ascending.
Chosen = tuple[int, ...]
#: A candidate with what it is called.
Labelled = tuple[str, Chosen]


@dataclass(frozen=True, slots=True)
class Compared:
    """A candidate against the reference of its step, over the repeats that both have.

    Attributes
    ----------
    n : int
        Repeats.
    difference : float
        Mean difference, candidate minus reference, in the metric's unit.
    low, high : float or None
        Its interval of level 1 - α, for this pair alone; ``None`` where there is no spread or one repeat.
    non_inferior : bool or None
        Whether the candidate is worse by less than the margin, if at all; ``None`` where that was not asked.
    p_non_inferior : float or None
        One-sided p of "worse by the margin or more"; ``None`` where it was not asked or nothing varies.
    """

    n: int
    difference: float
    low: float | None
    high: float | None
    non_inferior: bool | None = None
    p_non_inferior: float | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """A candidate that was trained.

    Attributes
    ----------
    label : str
        What it is called in its step.
    chosen : tuple of int
        Its functions.
    scores : tuple of float or None
        Of each repeat on the test part of *explore*; ``None`` where the training diverged. A candidate that was stopped
        has fewer than the others.
    stopped : str or None
        Why it got no further repeats, a sentence.
    compared : Compared or None
        Against the reference of its step.
    value : float or None
        What it was ordered by where that is no score: a weight, an importance.
    """

    label: str
    chosen: Chosen
    scores: tuple[float | None, ...]
    stopped: str | None = None
    compared: Compared | None = None
    value: float | None = None

    @property
    def mean(self) -> float | None:
        """Mean score; ``None`` if a training diverged or there is none."""
        found = [score for score in self.scores if score is not None]
        return sum(found) / len(found) if found and len(found) == len(self.scores) else None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a strategy.

    Attributes
    ----------
    said : str
        What was asked and decided, a sentence.
    tried : tuple of Tried
        The candidates.
    reference : str or None
        Label of the candidate that the others are compared with.
    taken : str or None
        Label of the candidate that was taken.
    """

    said: str
    tried: tuple[Tried, ...]
    reference: str | None = None
    taken: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """What a strategy chose.

    Attributes
    ----------
    chosen : tuple of int
        Its functions.
    explored : float or None
        Its mean score while exploring: flattering, as it was chosen for it.
    least : float or None
        The best score of a single one of its trainings.
    """

    chosen: Chosen
    explored: float | None
    least: float | None


@dataclass(frozen=True, slots=True)
class Trace:
    """How a strategy came to its choice.

    Attributes
    ----------
    steps : tuple of Step
        In order.
    choice : Choice or None
        What it chose; ``None`` where every candidate diverged.
    best : Choice or None
        Where the choice is not the best of all but as good as the best: that best.
    """

    steps: tuple[Step, ...]
    choice: Choice | None
    best: Choice | None = None

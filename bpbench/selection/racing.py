"""Races: candidates get their repeats one after another, and who falls behind gets no more.

After the first few repeats every further one is given to those alone that a rule has not stopped; the rules are those
of :mod:`bpbench.statistics.racing`. Without a rule every candidate gets every repeat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bpbench.selection.ground import Floats, Ground, Search, compared, means, scored, tried
from bpbench.selection.trace import Chosen, Tried
from bpbench.statistics.racing import Stopped, friedman_stop, halving_stop, schedule
from bpbench.strategies import Race


@dataclass(frozen=True, slots=True, eq=False)
class Raced:
    """What came of a race.

    Attributes
    ----------
    sets : tuple of tuple of int
        C candidates.
    scores : ndarray, shape (C, R)
        NaN where a training diverged, and behind the last repeat of a stopped candidate.
    done : tuple of int
        Repeats that each candidate had.
    stopped : tuple of str or None
        Why it had no more.
    """

    sets: tuple[Chosen, ...]
    scores: Floats
    done: tuple[int, ...]
    stopped: tuple[str | None, ...]

    def of(self, number: int) -> Floats:
        """Return the scores of a candidate, as many as it had repeats."""
        return self.scores[number, : self.done[number]]

    def order(self, ground: Ground) -> list[int]:
        """Return the candidates from the best to the worst.

        Whoever diverged stands last. Of the others those of more repeats come first: who was stopped was behind them.
        Of as many repeats, the better mean decides, then the lower cost.
        """
        value = [float(means(ground, self.of(number)[None])[0]) for number in range(len(self.sets))]

        def place(number: int) -> tuple[float, ...]:
            lost = not np.isfinite(value[number])
            return (lost, -self.done[number], value[number], ground.cost(self.sets[number]), number)

        return sorted(range(len(self.sets)), key=place)

    def best(self, ground: Ground) -> int | None:
        """Return the first of :meth:`order`, who may have been stopped; ``None`` if every candidate diverged."""
        order = self.order(ground)
        return order[0] if order and np.isfinite(self.of(order[0])).all() else None

    def entries(
        self, ground: Ground, labels: Sequence[str], *, reference: int | None = None, against: Floats | None = None
    ) -> tuple[Tried, ...]:
        """Return all candidates as a trace tells them, compared with one of them or with other scores.

        Parameters
        ----------
        ground : Ground
            With level and ρ.
        labels : sequence of str
            What each is called.
        reference : int, optional
            The candidate that the others are compared with.
        against : ndarray, shape (R,), optional
            Scores that all are compared with instead.
        """
        made = []
        for number, (label, chosen) in enumerate(zip(labels, self.sets, strict=True)):
            rival = self.scores[reference] if reference is not None and number != reference else against
            own = self.of(number)
            beside = None if rival is None else compared(ground, own, rival[: len(own)])
            made.append(tried(label, chosen, own, stopped=self.stopped[number], compared=beside))
        return tuple(made)


def race(ground: Ground, sets: Sequence[Chosen], rule: Race | None, keep: int = 1) -> Search[Raced]:
    """Train candidates, as long as a rule lets them.

    Parameters
    ----------
    ground : Ground
        Where they are trained, and how often.
    sets : sequence of tuple of int
        Candidates.
    rule : Race or None
        ``None``: every candidate gets every repeat.
    keep : int
        So many are never stopped.
    """
    left = list(range(len(sets)))
    scores = np.full((len(sets), ground.repeats), np.nan)
    done = [0] * len(sets)
    stopped: list[str | None] = [None] * len(sets)
    before = 0
    for look in looks(len(sets), ground.repeats, rule, keep):
        columns = range(before, look)
        scores[np.ix_(left, columns)] = yield from scored(ground, [sets[candidate] for candidate in left], columns)
        for candidate in left:
            done[candidate] = look
        if rule is not None and look < ground.repeats and len(left) > keep:
            found = _look(ground, scores[left, :look].T, rule, keep)
            for candidate, gone, why in zip(left, found.stopped, found.reasons, strict=True):
                stopped[candidate] = why if gone else None
            left = [candidate for candidate in left if stopped[candidate] is None]
        before = look
    return Raced(tuple(sets), scores, tuple(done), tuple(stopped))


def _look(ground: Ground, scores: Floats, rule: Race, keep: int) -> Stopped:
    if rule.rule == "halving":
        return halving_stop(scores, keep, lower_is_better=ground.lower_is_better)
    return friedman_stop(scores, rule.alpha, keep=keep, lower_is_better=ground.lower_is_better, seed=ground.seed)


def looks(candidates: int, repeats: int, rule: Race | None, keep: int = 1) -> list[int]:
    """Return after how many repeats a race looks at its candidates, the last one included."""
    if rule is None or candidates < 2 or rule.first >= repeats:
        return [repeats]
    return [rung.repeats for rung in schedule(rule.rule, candidates, repeats, rule.first, keep).rungs]


def most(candidates: int, repeats: int, rule: Race | None, keep: int = 1) -> int:
    """Return how many trainings a race asks for at most: with halving just so many.

    Parameters
    ----------
    candidates, repeats : int
        Numbers of both.
    rule : Race or None
        How candidates are stopped.
    keep : int
        So many are never stopped.
    """
    if rule is None or candidates < 2 or rule.first >= repeats:
        return candidates * repeats
    return schedule(rule.rule, candidates, repeats, rule.first, keep).most

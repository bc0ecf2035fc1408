"""Strategies that leave functions out: drop-one, backward elimination, and leaving out by weight or importance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bpbench.identity import seed
from bpbench.selection.ground import Floats, Ground, Search, choice, compared, first, means, scored, tried
from bpbench.selection.racing import Raced, race
from bpbench.selection.trace import Chosen, Step, Trace, Tried
from bpbench.selection.weights import MEASURES, By, weighed
from bpbench.strategies import Backward, ByWeight, DropOne, Race

WHOLE = "the whole set"


def without(chosen: Chosen, gone: Chosen) -> Chosen:
    """Return a candidate without some functions."""
    return tuple(place for place in chosen if place not in gone)


def drop_one(spec: DropOne, ground: Ground) -> Search[Trace]:
    """Leave out each function alone, then together those whose absence helps most; see :class:`DropOne`."""
    whole = yield from scored(ground, [ground.whole])
    raced, step = yield from _each_alone(ground, spec.race, whole[0], max(spec.remove))
    order = raced.order(ground)
    last = yield from _together(ground, order, spec.remove, whole[0], "whose absence helps most")
    return _ended(ground, (step,), last)


@dataclass(frozen=True, slots=True, eq=False)
class _Smaller:
    """What came of leaving out several functions together: the step, and the best of the smaller sets, if any."""

    step: Step
    chosen: Chosen | None
    scores: Floats


def _together(ground: Ground, order: list[int], counts: tuple[int, ...], whole: Floats, which: str) -> Search[_Smaller]:
    """Leave out the first few functions of an order together, train again and take the best of the smaller sets."""
    sets = [without(ground.whole, tuple(order[:count])) for count in counts]
    scores = yield from scored(ground, sets)
    entries = [tried(WHOLE, ground.whole, whole)]
    for count, chosen, row in zip(counts, sets, scores, strict=True):
        label = f"without the {count} {which}" if count > 1 else f"without {ground.name(order[0])}"
        entries.append(tried(label, chosen, row, compared=compared(ground, row, whole)))
    best = first(ground, means(ground, scores), sets)
    if best is None:
        return _Smaller(Step("Every smaller set diverged: nothing was chosen.", tuple(entries), WHOLE), None, whole)
    taken = entries[best + 1].label
    of = "" if len(sets) == 1 else f" Of {len(sets)} smaller sets the best was chosen: {taken}."
    step = Step(f"Left out together.{of}", tuple(entries), WHOLE, taken)
    return _Smaller(step, sets[best], scores[best])


def _ended(ground: Ground, steps: tuple[Step, ...], last: _Smaller) -> Trace:
    chosen = None if last.chosen is None else choice(ground, last.chosen, last.scores)
    return Trace((*steps, last.step), chosen)


def by_weight(spec: ByWeight, ground: Ground) -> Search[Trace]:
    """Leave out the functions that matter least to models of the whole set; see :class:`ByWeight`."""
    importance, scores = yield from weighed(spec.by, ground)
    if not len(importance):
        said = "Every training of the whole set diverged: nothing can be weighed."
        return Trace((Step(said, (tried(WHOLE, ground.whole, scores),), WHOLE),), None)
    step = _ranked(spec.by, ground, importance, scores)
    last = yield from _together(ground, _ascending(importance), spec.drop, scores, "that matter least")
    return _ended(ground, (step,), last)


def _ascending(importance: Floats) -> list[int]:
    """Return the functions from the least important on, by the mean over repeats."""
    return [int(place) for place in np.argsort(importance.mean(axis=0), kind="stable")]


def _ranked(by: By, ground: Ground, importance: Floats, scores: Floats) -> Step:
    """Return the step in which functions were weighed: each with its mean importance over the repeats."""
    mean = importance.mean(axis=0)
    entries = [tried(WHOLE, ground.whole, scores)]
    entries += [Tried(ground.name(place), (place,), (), value=float(mean[place])) for place in _ascending(importance)]
    said = f"{MEASURES[by]}, averaged over {len(importance)} repeats, from the least on."
    return Step(said, tuple(entries), WHOLE)


def _each_alone(ground: Ground, rule: Race | None, whole: Floats, keep: int) -> Search[tuple[Raced, Step]]:
    """Try the pool without each of its functions: the candidates are in the order of the functions left out."""
    sets = [without(ground.whole, (place,)) for place in ground.whole]
    raced = yield from race(ground, sets, rule, keep)
    labels = [f"without {ground.name(place)}" for place in ground.whole]
    order = raced.order(ground)
    entries = raced.entries(ground, labels, against=whole)
    gone = sum(why is not None for why in raced.stopped)
    asked, full = sum(raced.done), len(sets) * ground.repeats
    fewer = f" {gone} were stopped before their last repeat: {asked} trainings in place of {full}." if gone else ""
    said = f"Each of {len(sets)} functions was left out alone, ranked by the mean score without it.{fewer}"
    ranked = (tried(WHOLE, ground.whole, whole), *(entries[number] for number in order))
    return raced, Step(said, ranked, WHOLE)


# ---------------------------------------------------------------------------------------------- backward elimination


def backward(spec: Backward, ground: Ground) -> Search[Trace]:
    """Drop functions as long as the smaller set is non-inferior to the whole; see :class:`Backward`.

    Every smaller set is compared with the *whole* one, and not with the last one that was kept: margins would add up.
    To ask whether the smaller set is better would keep nearly everything; to ask whether it is not significantly worse
    would let go of whatever too few repeats cannot judge.
    """
    assert ground.margin is not None  # the protocol was refused otherwise
    whole = (yield from scored(ground, [ground.whole]))[0]
    reference = tried(WHOLE, ground.whole, whole)
    if not np.isfinite(whole).any():
        said = "Every training of the whole set diverged: no smaller set can be shown as good."
        return Trace((Step(said, (reference,), WHOLE),), None)
    steps: list[Step] = []
    order = yield from _order(spec, ground, whole, steps)
    waiting = [tuple(order[at : at + spec.step]) for at in range(0, len(order), spec.step)]
    kept, scores = ground.whole, whole
    while waiting:
        chunk = waiting.pop(0)
        if len(kept) - len(chunk) < spec.least:
            waiting[:0] = _halves(chunk)
            continue
        smaller = without(kept, chunk)
        row = (yield from scored(ground, [smaller]))[0]
        found = compared(ground, row, whole, ground.margin)
        label = f"without {_named(ground, chunk)}"
        goes = found is not None and bool(found.non_inferior)
        if goes:
            kept, scores = smaller, row
        else:
            waiting[:0] = _halves(chunk)
        said = f"{_named(ground, chunk)}: {'dropped' if goes else 'kept'}, {len(kept)} left."
        entries = (reference, tried(label, smaller, row, compared=found))
        steps.append(Step(said, entries, WHOLE, label if goes else None))
    return Trace(tuple(steps), choice(ground, kept, scores))


def _halves(chunk: Chosen) -> list[Chosen]:
    """Return what is tried in place of functions that may not go together: nothing in place of a single one."""
    middle = len(chunk) // 2
    return [chunk[:middle], chunk[middle:]] if middle else []


def _named(ground: Ground, chunk: Chosen) -> str:
    names = [ground.name(place) for place in chunk]
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _order(spec: Backward, ground: Ground, whole: Floats, steps: list[Step]) -> Search[list[int]]:
    """Return in which order functions are tried; what had to be trained for it becomes a step."""
    if spec.order == "listed":
        return list(ground.whole)
    if spec.order == "random":
        rng = np.random.default_rng(seed(ground.seed, "order"))
        return [int(place) for place in rng.permutation(len(ground.whole))]
    if spec.order == "weight":
        importance, _ = yield from weighed("absolute", ground)
        steps.append(_ranked("absolute", ground, importance, whole))
        return _ascending(importance)
    # Who is dropped first matters, the order of the rest little.
    raced, step = yield from _each_alone(ground, spec.race, whole, max(1, len(ground.whole) // 2))
    steps.append(step)
    return raced.order(ground)

"""Forward selection, and the smallest set that is as good as the best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from bpbench.selection.drop import WHOLE
from bpbench.selection.ground import Ground, Search, choice, compared, first, means, scored, tried
from bpbench.selection.racing import race
from bpbench.selection.trace import Chosen, Labelled, Step, Trace
from bpbench.strategies import Forward, Smallest

_LEAST: Final = {"functions": "smallest", "operations": "cheapest"}
_LESS: Final = {"functions": "smaller", "operations": "cheaper"}


def forward(spec: Forward, ground: Ground) -> Search[Trace]:
    """Add the function that helps most until the set is non-inferior to the whole; see :class:`Forward`."""
    assert ground.margin is not None  # the protocol was refused otherwise
    whole = (yield from scored(ground, [ground.whole]))[0]
    chosen: Chosen = ()
    scores = np.full(ground.repeats, np.nan)
    steps: list[Step] = []
    while len(chosen) < spec.most:
        left = [place for place in ground.whole if place not in chosen]
        sets = [tuple(sorted([*chosen, place])) for place in left]
        raced = yield from race(ground, sets, spec.race)
        labels = [f"with {ground.name(place)}" for place in left]
        entries = (tried(WHOLE, ground.whole, whole), *raced.entries(ground, labels, against=whole))
        best = raced.best(ground)
        if best is None:
            steps.append(Step(f"Every set of {len(chosen) + 1} diverged: the search ends.", entries, WHOLE))
            break
        chosen, scores = sets[best], raced.of(best)
        found = compared(ground, scores, whole[: len(scores)], ground.margin)
        enough = found is not None and bool(found.non_inferior)
        said = f"{ground.name(left[best])} was added: {len(chosen)} now, "
        said += "non-inferior to the whole set within the margin." if enough else "not yet shown as good as the whole."
        steps.append(Step(said, entries, WHOLE, labels[best]))
        if enough:
            break
    return Trace(tuple(steps), choice(ground, chosen, scores) if chosen else None)


def smallest(spec: Smallest, ground: Ground, candidates: Sequence[Labelled]) -> Search[Trace]:
    """Find the smallest candidate that is non-inferior to the best within the margin; see :class:`Smallest`.

    Parameters
    ----------
    spec : Smallest
        What is asked.
    ground : Ground
        Its pool holds the functions of all candidates.
    candidates : sequence of (str, tuple of int)
        Names and functions.
    """
    assert ground.margin is not None  # the protocol was refused otherwise
    sets = [chosen for _, chosen in candidates]
    scores = yield from scored(ground, sets)
    best = first(ground, means(ground, scores), sets)
    if best is None:
        entries = [tried(label, chosen, row) for (label, chosen), row in zip(candidates, scores, strict=True)]
        return Trace((Step("Every candidate diverged: nothing was chosen.", tuple(entries)),), None)
    entries, fit = [], [best]
    for number, ((label, chosen), row) in enumerate(zip(candidates, scores, strict=True)):
        found = None if number == best else compared(ground, row, scores[best], ground.margin)
        entries.append(tried(label, chosen, row, compared=found))
        if found is not None and found.non_inferior:
            fit.append(number)

    def size(number: int) -> tuple[float, ...]:
        by_size = (len(sets[number]), ground.cost(sets[number]))
        return by_size if spec.by == "functions" else by_size[::-1]

    taken = min(fit, key=lambda number: (size(number), number))
    top, label = candidates[best][0], candidates[taken][0]
    said = f"The best is {top}. "
    said += f"{label} is the {_LEAST[spec.by]} that is non-inferior to it within the margin."
    if taken == best:
        said = f"The best is {top}, and no {_LESS[spec.by]} one is shown to be as good within the margin."
    return Trace(
        (Step(said, tuple(entries), top, label),),
        choice(ground, sets[taken], scores[taken]),
        choice(ground, sets[best], scores[best]),
    )

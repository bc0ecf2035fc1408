"""The front of error and cost: what no other beats in both."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bpbench.errors import StatisticsError

if TYPE_CHECKING:
    from collections.abc import Sequence


def pareto(errors: Sequence[float], costs: Sequence[float]) -> tuple[int, ...]:
    """Return which candidates are not dominated, by rising cost.

    A candidate is dominated where another is no worse in both and better in one. Two that are equal in both do not
    dominate each other: both stand on the front, or neither, so that the order in which they are given decides nothing.

    Parameters
    ----------
    errors, costs : sequence of float
        One of each for every candidate, lower is better; in any units, as each is compared with its like alone. Who has
        one that is not finite is never on the front and dominates nobody.

    Returns
    -------
    tuple of int
        Places in the input; of equal cost by rising place.

    Raises
    ------
    StatisticsError
        When there is not one cost for each error.
    """
    if len(errors) != len(costs):
        raise StatisticsError(
            f"A front needs one cost for each error, found {len(errors)} errors and {len(costs)} costs."
        )
    finite = [place for place in range(len(errors)) if math.isfinite(errors[place]) and math.isfinite(costs[place])]
    best, front = math.inf, list[int]()
    last: tuple[float, float] | None = None
    for place in sorted(finite, key=lambda one: (costs[one], errors[one], one)):
        point = (costs[place], errors[place])
        if point[1] < best or point == last:
            front.append(place)
            best, last = point[1], point
    return tuple(front)

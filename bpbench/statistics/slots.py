"""Families with adaptive members: a search finds what is compared, the number of comparisons is declared before it.

A strategy that looks at results to choose what to confirm would, left alone, choose the size of its family too. So its
members are declared as slots before anything is explored: a slot is (strategy, size), and one winner fills it; without
a size the strategy chooses that as well, and the slot is one comparison all the same. The winner is chosen on the data
of *explore*, and compared on repeats with other seeds, which it has never seen; each slot is therefore one comparison
like any other, however many candidates were tried for it. A slot that nothing fills still counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bpbench.errors import StatisticsError, nearest
from bpbench.statistics.pairs import Pair

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Slot:
    """A member of a family that a strategy will choose.

    Attributes
    ----------
    strategy : str
        Who chooses.
    size : int or None
        How many of what it chooses from: symmetry functions, for instance; at least 1. ``None``: the strategy chooses
        how many, and a winner of any size fits.

    Raises
    ------
    StatisticsError
        For a strategy without a name or a size below 1.
    """

    strategy: str
    size: int | None

    def __post_init__(self) -> None:
        if not self.strategy:
            raise StatisticsError("A slot names its strategy, found an empty name.")
        if self.size is not None and self.size < 1:
            raise StatisticsError(
                f"The size of a slot is 1 or more, or None where the strategy chooses it; found {self.size} of "
                f"'{self.strategy}'."
            )

    def __str__(self) -> str:
        """Return how it is called: ``backward of 22``, or ``backward`` without a size."""
        return self.strategy if self.size is None else f"{self.strategy} of {self.size}"


@dataclass(frozen=True, slots=True)
class Winner:
    """What a strategy chose for one of its slots.

    Attributes
    ----------
    slot : Slot
        Which slot it fills.
    name : str
        The variant.
    size : int
        How large the choice really is; at least 1.

    Raises
    ------
    StatisticsError
        For a size below 1.
    """

    slot: Slot
    name: str
    size: int

    def __post_init__(self) -> None:
        if self.size < 1:
            raise StatisticsError(
                f"A winner is of 1 or more, found '{self.name}' of {self.size}; leave its slot empty."
            )


def fill(slots: Sequence[Slot], winners: Iterable[Winner], baseline: str) -> tuple[Pair, ...]:
    """Return the family of declared slots: who fills each against the baseline, without samples so far.

    Parameters
    ----------
    slots : sequence of Slot
        As declared before anything was explored.
    winners : iterable of Winner
        As chosen; in any order.
    baseline : str
        What every one of them is compared with.

    Returns
    -------
    tuple of Pair
        In the order of the slots, and as many. A slot that nothing fills is a pair under the slot's own name, which
        never has samples. Those of the others are put in with :func:`dataclasses.replace`.

    Raises
    ------
    StatisticsError
        When a slot is declared twice, filled twice, filled by a choice of another size or was never declared, or one
        variant fills two slots.
    """
    for place, slot in enumerate(slots):
        if slot in slots[:place]:
            raise StatisticsError(
                f"The slot '{slot}' is declared twice; each stands for one comparison, declare it once."
            )
    filled: dict[Slot, str] = {}
    for winner in winners:
        slot = winner.slot
        if slot not in slots:
            known = [str(other) for other in slots]
            raise StatisticsError(
                f"No slot '{slot}' was declared before '{winner.name}' was chosen for it{nearest(str(slot), known)}"
            )
        if slot in filled:
            raise StatisticsError(
                f"The slot '{slot}' has one winner, '{filled[slot]}', and '{winner.name}' would be a second one; "
                "declare another slot for it before exploring."
            )
        if slot.size is not None and winner.size != slot.size:
            raise StatisticsError(
                f"The slot '{slot}' asks for a choice of {slot.size}, found '{winner.name}' of {winner.size}; "
                "choose as many as were declared."
            )
        if winner.name in filled.values():
            other = next(key for key, name in filled.items() if name == winner.name)
            raise StatisticsError(
                f"'{winner.name}' fills the slots '{other}' and '{slot}', and would be compared twice; leave the "
                "second one empty, it counts all the same."
            )
        filled[slot] = winner.name
    return tuple(Pair(filled.get(slot, str(slot)), baseline, None, None, slot=slot) for slot in slots)

"""The inputs that a process keeps from one training to the next: of as many cohorts as its memory has room for.

To read and lay out the inputs of a cohort takes longer than many a training on them. A search comes back to a cohort
again and again, and who works for it should read each once. What was used longest ago goes first.

A quarter of the memory that a process may use is for inputs: of the limit that its Dask worker has, or of what is free
when the next inputs are read. Inputs larger than that are kept alone, as a training needs them anyway.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from bpbench import metrics
from bpbench.data.frames import Configurations, Frames, Ints
from bpbench.potential import Structures
from bpbench.runner.machine import memory_left

#: One part in so many of the memory that a process may use is for inputs.
SHARE: Final = 4


@dataclass(slots=True)
class Inputs:
    """What the trainings of a cohort share.

    Attributes
    ----------
    cohort : hashable
        What tells them from other inputs.
    frames : Configurations
        The data; its arrays lie in the store.
    values : ndarray, shape (D, atoms)
        Gathered from the pool.
    table : object
        The same, laid out for the kernels of networks, from the first that asks for it on.
    structures : Structures or None
        The frames with what models of forces keep of them.
    """

    cohort: Hashable
    frames: Configurations
    values: metrics.Array
    table: Any = None
    structures: Structures | None = None

    @property
    def elements(self) -> tuple[str, ...]:
        """The elements, where they are known."""
        return tuple(self.frames.elements) if isinstance(self.frames, Frames) else ()

    @property
    def kind(self) -> Ints | None:
        """Place of each atom's element; ``None`` where there is at most one."""
        if not isinstance(self.frames, Frames) or len(self.elements) < 2:
            return None
        return np.unique(self.frames.species, return_inverse=True)[1].astype(np.int64)

    @property
    def laid_out(self) -> int:
        """Bytes of the table, beside those of the values."""
        if self.table is None or np.may_share_memory(self.table.values, self.values):
            return 0
        return int(self.table.values.nbytes)

    @property
    def bytes(self) -> int:
        """Bytes of everything that is kept."""
        return self.values.nbytes + self.laid_out + (0 if self.structures is None else self.structures.bytes)


class Held:
    """Inputs by cohort, the ones used last at the end.

    Attributes
    ----------
    limit : int or None
        Bytes of memory that the process may use; ``None`` where nobody says: what is free counts then.
    """

    def __init__(self) -> None:
        self.limit: int | None = None
        self._kept: OrderedDict[Hashable, Inputs] = OrderedDict()

    def __len__(self) -> int:
        """Return of how many cohorts there are inputs."""
        return len(self._kept)

    def get(self, cohort: Hashable) -> Inputs | None:
        """Return the inputs of a cohort if they are kept; they are the last used then."""
        found = self._kept.get(cohort)
        if found is not None:
            self._kept.move_to_end(cohort)
        return found

    def add(self, made: Inputs) -> Inputs:
        """Keep inputs, for which there was made room."""
        self._kept[made.cohort] = made
        return made

    def make_room(self, wanted: int) -> None:
        """Let go of inputs until so many bytes more are within the budget, or nothing is kept."""
        self._shrink(wanted, 0)

    def settle(self) -> None:
        """Let go of inputs until the others are within the budget, but keep the last used."""
        self._shrink(0, 1)

    def _shrink(self, wanted: int, least: int) -> None:
        if len(self._kept) <= least:
            return
        held = self.bytes
        budget = self._budget(held)
        while len(self._kept) > least and held + wanted > budget:
            held -= self._kept.popitem(last=False)[1].bytes

    def clear(self) -> None:
        """Let go of everything."""
        self._kept.clear()

    @property
    def bytes(self) -> int:
        """Bytes of everything that is kept."""
        return sum(each.bytes for each in self._kept.values())

    def _budget(self, held: int) -> float:
        if self.limit is not None:
            return self.limit / SHARE
        left = memory_left()
        return 0 if left is None else (left + held) / SHARE

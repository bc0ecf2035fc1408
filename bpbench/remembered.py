"""What was made of a value, kept for as long as that very value may be asked about again.

Thousands of jobs share a few large values: the functions of a set, the chunks of a pool. To find out whether two of
them are equal takes as long as to look at all that they hold; that they are one and the same object is seen at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class by_object(Generic[P, R]):  # noqa: N801 - a decorator
    """Keep what a function returned, by the very objects that it was called with, and not by what these are equal to.

    The objects must not change. They are held as long as what was made of them, so that no other can take their place;
    of more than ``most`` the older half is let go.

    Parameters
    ----------
    function : callable
        Takes positional arguments alone.
    most : int
        How many results are kept.
    """

    def __init__(self, function: Callable[P, R], most: int = 1024) -> None:
        self.function = function
        self.most = most
        self._held: dict[tuple[int, ...], tuple[tuple[object, ...], R]] = {}

    def __call__(self, *given: P.args, **named: P.kwargs) -> R:
        """Return what the function returns; what is given by name is not looked for."""
        if named:
            return self.function(*given, **named)
        key = tuple(map(id, given))
        found = self._held.get(key)
        if found is not None:
            return found[1]
        made = self.function(*given, **named)
        if len(self._held) >= self.most:
            for old in list(self._held)[: (self.most + 1) // 2]:
                self._held.pop(old, None)
        self._held[key] = (given, made)
        return made

"""Sets that are cut from other sets of a protocol: which inputs are left, and what remains true of them.

A pattern of names is one of a shell (``*``, ``?``, ``[…]``; :mod:`fnmatch`), in which parentheses mean themselves. What
is called exactly like a pattern is meant by it alone, so that a name with brackets can be written as it is.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final, TypeVar

from bpbench.declared import Cut, EvenlySpaced, Resolved, SetSpec
from bpbench.errors import FeatureError, nearest
from bpbench.features import G2, ColumnSet, FeatureSet

_Set = TypeVar("_Set", bound=FeatureSet | ColumnSet)

#: R_s on a grid, written out in decimals, may differ from it in the last bits (Å).
_ROUNDING: Final = 1e-9
#: Presets whose radial functions were never published either.
_UNPUBLISHED: Final = ("thesis-22", "thesis-12")


def chain(name: str, sets: Mapping[str, SetSpec]) -> tuple[str, ...]:
    """Return the names of the sets that a set is made by: one that is no cut, each cut from the one before, the set.

    Parameters
    ----------
    name : str
        The set.
    sets : mapping of str to SetSpec
        All sets of the protocol.

    Raises
    ------
    FeatureError
        When a set is cut from one that is not there, or from itself in the end.
    """
    names = [name]
    while isinstance(spec := sets[names[-1]], Cut):
        if spec.cut not in sets:
            raise FeatureError(f"there is no set '{spec.cut}'{nearest(spec.cut, set(sets) - {names[-1]})}")
        if spec.cut in names:
            circle = " from ".join(f"'{item}'" for item in (*names[names.index(spec.cut) :], spec.cut))
            raise FeatureError(
                f"sets are cut from each other in a circle, {circle}; cut one of them from a set that is no cut."
            )
        names.append(spec.cut)
    return tuple(reversed(names))


def cut(name: str, sets: Mapping[str, SetSpec], start: _Set) -> _Set:
    """Return a set as its cuts leave it; one that is no cut is returned as it is.

    A set with values that are ours stays a reconstruction, with one exception: of the pool of 329 and of its evenly
    spaced groups only the angular functions are ours, so radial functions cut from these alone are as published. In the
    sets of 12 and 22 it is not known which radial functions were meant, so these stay reconstructions.

    Parameters
    ----------
    name : str
        The set.
    sets : mapping of str to SetSpec
        All sets of the protocol.
    start : FeatureSet or ColumnSet
        What the first set of :func:`chain` holds.

    Raises
    ------
    FeatureError
        When a name or pattern matches nothing, with the nearest name, or when nothing is left.
    """
    first, *others = chain(name, sets)
    chosen = start
    for other in others:
        spec = sets[other]
        assert isinstance(spec, Cut)  # all of a chain but its first
        chosen = _left(spec, chosen)
    if others and isinstance(chosen, FeatureSet) and _radial_published(sets[first]):
        angular = any(not isinstance(function, G2) for function in chosen)
        return dataclasses.replace(chosen, reconstructed=chosen.reconstructed and angular)
    return chosen


def _radial_published(spec: SetSpec) -> bool:
    """Return whether the radial functions of a set that is no cut are those of the publication."""
    preset = spec.preset if isinstance(spec, Resolved) else spec
    return isinstance(spec, EvenlySpaced) or (isinstance(preset, str) and preset not in _UNPUBLISHED)


def _left(spec: Cut, chosen: _Set) -> _Set:
    kept = None if spec.names is None else _called("names", spec.names, spec.cut, chosen.names)
    dropped = () if spec.without is None else _called("without", spec.without, spec.cut, chosen.names)
    functions: Any = tuple(
        item
        for item in chosen.functions
        if (spec.kinds is None or getattr(item, "kind", None) in spec.kinds)
        and (spec.r_s is None or not isinstance(item, G2) or within(item.r_s, spec.r_s))
        and (kept is None or item.name in kept)
        and item.name not in dropped
    )
    if not functions:
        raise FeatureError(
            f"an empty set: expected at least 1 input of '{spec.cut}' {_asked(spec)}, found none among its "
            f"{_holds(chosen)}; keep more of it, or cut another set."
        )
    if spec.r_s is not None and (spec.kinds is None or "G2" in spec.kinds):
        _require_shift(spec, chosen)
    return (
        chosen.only(functions) if isinstance(chosen, FeatureSet) else dataclasses.replace(chosen, functions=functions)
    )


def _require_shift(spec: Cut, chosen: FeatureSet | ColumnSet) -> None:
    """Refuse centres that no radial function has: a mistake would leave the angular ones alone without a word."""
    known = sorted({item.r_s for item in chosen.functions if isinstance(item, G2)})
    if known and not any(within(r_s, spec.r_s) for r_s in known if spec.r_s is not None):
        raise FeatureError(
            f"r_s: no radial function of '{spec.cut}' has its centre {_asked_shift(spec)}; theirs run from "
            f"{known[0]:g} to {known[-1]:g} Å. To keep angular functions alone, write kinds: [G4, G5] without 'r_s'."
        )


def _asked_shift(spec: Cut) -> str:
    if isinstance(spec.r_s, tuple):
        return f"in [{spec.r_s[0]:g}, {spec.r_s[1]:g}]"
    return f"at {spec.r_s:g}"


def within(r_s: float, wanted: float | tuple[float, float]) -> bool:
    """Return whether an R_s (Å) is the wanted one, or lies between two, but for the rounding of a grid.

    Parameters
    ----------
    r_s : float
        Centre of a radial function.
    wanted : float or tuple of float
        One centre, or the ends of a range, both included.
    """
    low, high = wanted if isinstance(wanted, tuple) else (wanted, wanted)
    return low - _ROUNDING <= r_s <= high + _ROUNDING


def _called(key: str, patterns: Sequence[str], of: str, names: Sequence[str]) -> set[str]:
    """Return the names that patterns match, each at least one."""
    found: set[str] = set()
    for pattern in patterns:
        hits = {pattern} & set(names) or {name for name in names if fnmatchcase(name, pattern)}
        if not hits:
            (near,) = difflib.get_close_matches(pattern, names, n=1, cutoff=0.0)
            raise FeatureError(
                f"{key}: nothing in '{of}' is called '{pattern}', and no name there fits it as a pattern; the nearest "
                f"name is '{near}'."
            )
        found |= hits
    return found


def _asked(spec: Cut) -> str:
    """Return what a cut asks for, in words."""
    said = [] if spec.kinds is None else [f"of the kind {' or '.join(spec.kinds)}"]
    if isinstance(spec.r_s, tuple):
        said.append(f"with R_s from {spec.r_s[0]:g} to {spec.r_s[1]:g} Å")
    elif spec.r_s is not None:
        said.append(f"with R_s = {spec.r_s:g} Å")
    said += [] if spec.names is None else [f"called {' or '.join(spec.names)}"]
    said += [] if spec.without is None else [f"not called {' or '.join(spec.without)}"]
    return ", ".join(said)


def _holds(chosen: FeatureSet | ColumnSet) -> str:
    """Return what a set holds, in words."""
    if isinstance(chosen, ColumnSet):
        return f"columns ({len(chosen)})"
    centres = [function.r_s for function in chosen if isinstance(function, G2)]
    said = [f"{len(centres)} G2 with R_s from {min(centres):g} to {max(centres):g} Å"] if centres else []
    kinds = [function.kind for function in chosen]
    said += [f"{kinds.count(kind)} {kind}" for kind in ("G4", "G5") if kind in kinds]
    return f"functions ({', '.join(said)})"

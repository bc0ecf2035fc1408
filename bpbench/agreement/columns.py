"""Do two tables of descriptor values say the same, column by column? Arrays in, frozen values out.

The first relation of :mod:`bpbench.agreement.relations` that holds is the answer: equal, equal to another function of
ours, a factor, a factor and an offset, one of these to another function.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt

from bpbench.agreement import reasons
from bpbench.agreement.printing import last_decimal, resolution
from bpbench.agreement.relations import (
    ENOUGH,
    FLAT,
    ROUNDING,
    SINGLE,
    Kind,
    Known,
    Relation,
    almost,
    by_correlation,
    fitted,
    follows_another,
    same,
    two_points,
)
from bpbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bpbench.features import Feature

Floats = npt.NDArray[np.float64]
Pairing = Literal["name", "position", "likeness"]

#: Absolute correlation below which a column follows a function no closer than chance might.
FOLLOWS: Final = 0.5
#: Share of the columns that must follow nothing before the order of the rows is doubted.
NEARLY_ALL: Final = 0.9

#: What is said of columns of each kind, in this order.
KINDS: Final[dict[Kind, str]] = {
    "match": "match",
    "factor": "differ by a constant factor",
    "affine": "differ by a constant factor and offset",
    "moved": "hold the values of another function than the one in their place",
    "near": "nearly match",
    "undetermined": "cannot be told: too few different values",
    "other": "are something else",
}


@dataclass(frozen=True, slots=True)
class ColumnAgreement:
    """What one column of a table is to our functions.

    Attributes
    ----------
    column : str
        Its name in the table.
    function : str or None
        The function of ours that the answer is about; ``None`` when no function of ours was found for it.
    kind : str
        Key of :data:`KINDS`.
    factor, offset : float or None
        a and b of y = a x + b, for the kinds that have them (1 and 0 where the values are equal, or nearly so).
    deviation : float or None
        Largest difference between column and a x + b, as a share of the spread of a x; for ``other`` and
        ``undetermined``, which have neither a nor b, between column and function.
    correlation : float or None
        Pearson's, of the column with ``function`` or else with ``closest``, where both vary.
    expected : str or None
        For ``moved``: the function that should have stood there.
    closest : str or None
        For ``other``: the function of ours with the highest absolute correlation, if that is not ``function`` and the
        correlation is :data:`FOLLOWS` or more.
    reasons : tuple of str
        Likely reasons, each a clause.
    """

    column: str
    function: str | None
    kind: Kind
    factor: float | None = None
    offset: float | None = None
    deviation: float | None = None
    correlation: float | None = None
    expected: str | None = None
    closest: str | None = None
    reasons: tuple[str, ...] = ()


def agree(
    theirs: npt.ArrayLike,
    their_names: Sequence[str],
    ours: npt.ArrayLike,
    our_names: Sequence[str],
    *,
    functions: Sequence[Feature] | None = None,
) -> tuple[ColumnAgreement, ...]:
    """Compare a table of descriptor values with ours, column by column.

    Columns pair by name when any name is shared, else by position when there are as many columns as functions, else
    each with the function that explains it best.

    Parameters
    ----------
    theirs : array_like, shape (A, C)
        Values made elsewhere; float32 is noticed.
    their_names : sequence of str, length C
        How the columns are called.
    ours : array_like, shape (A, D)
        Our values of the same atoms in the same order; of float32, their rounding is allowed for.
    our_names : sequence of str, length D
        Names of our functions.
    functions : sequence of G2, G4 or G5, optional
        The functions themselves; with them, a factor is given its likely reason.

    Returns
    -------
    tuple of ColumnAgreement
        One for each column, in the table's order.

    Raises
    ------
    DataError
        When shapes and names do not fit each other, or there are no atoms.
    """
    given, mine = np.asarray(theirs), np.asarray(ours)
    for what, values, names in (("table", given, their_names), ("functions", mine, our_names)):
        if values.ndim != 2 or values.shape[1] != len(names):
            raise DataError(f"The {what}: expected one column for each of {len(names)} names, found {values.shape}.")
    if len(given) != len(mine) or not len(mine):
        raise DataError(
            f"Tables are compared row by row, at least one: found {len(given)} rows in the table and {len(mine)} atoms."
        )
    known = Known.of(
        mine.astype(np.float64, copy=False),
        our_names,
        functions,
        rounding=SINGLE if mine.dtype == np.float32 else ROUNDING,
    )
    partners = _partners(their_names, our_names)
    least = last_decimal(given)
    return tuple(
        _judge(str(name), given[:, number], partner, known, least)
        for number, (name, partner) in enumerate(zip(their_names, partners, strict=True))
    )


def unnamed(found: Sequence[ColumnAgreement], our_names: Sequence[str]) -> tuple[str, ...]:
    """Return the functions of ours that no column of the table stands for, nor was meant to."""
    told = {name for item in found for name in (item.function, item.expected)}
    return tuple(name for name in our_names if name not in told)


def unordered(found: Sequence[ColumnAgreement]) -> bool:
    """Return whether nearly every column, of two or more, follows no function at all, as rows in another order do.

    Parameters
    ----------
    found : sequence of ColumnAgreement
        From :func:`agree`.
    """
    # A constant or broken column is told by its reason and says nothing of the order.
    lost = sum(
        item.kind == "other" and item.closest is None and not item.reasons and abs(item.correlation or 0.0) < FOLLOWS
        for item in found
    )
    return lost >= 2 and lost >= NEARLY_ALL * len(found)


# -------------------------------------------------------------------------------------------------- which with which


def pairing(theirs: Sequence[str], ours: Sequence[str]) -> Pairing:
    """Return by what columns and functions pair: by name, by position, or by likeness alone; see :func:`agree`."""
    if set(theirs) & set(ours):
        return "name"
    return "position" if len(theirs) == len(ours) else "likeness"


def _partners(theirs: Sequence[str], ours: Sequence[str]) -> list[int | None]:
    how = pairing(theirs, ours)
    if how == "name":
        place = {name: number for number, name in enumerate(ours)}
        return [place.get(name) for name in theirs]
    return list(range(len(ours))) if how == "position" else [None] * len(theirs)


def _judge(
    name: str, given: npt.NDArray[np.generic], partner: int | None, known: Known, least: float
) -> ColumnAgreement:
    finite = np.isfinite(given)
    if not finite.all():
        lost = f"{np.count_nonzero(~finite)} of {len(given)} values are not finite"
        return ColumnAgreement(name, _name(known, partner), "other", reasons=(lost,))
    h, y = np.maximum(resolution(given), least), given.astype(np.float64)
    if partner is not None and h.max() > 0 and known.sizes[partner] <= 2 * h.max() and np.abs(y).max() <= 2 * h.max():
        reason = "every value lies below the digits that were printed"
        return ColumnAgreement(name, known.names[partner], "undetermined", reasons=(reason,))
    found = same(known, partner, y, h) or fitted(known, partner, y, h)
    if found is None and partner is not None and two_points(known, partner, y, h):
        say = "only one value" if known.different(partner) == 1 else "only two different values"
        reason = f"{say} among these atoms: any factor or offset would fit"
        return _differing(name, known, partner, y, "undetermined", (reason,))
    found = found or follows_another(known, y, h)
    if found is None:
        return _something_else(name, known, partner, y)
    return _answer(name, known, *found, y, h, partner)


def _name(known: Known, number: int | None) -> str | None:
    return None if number is None else known.names[number]


# ------------------------------------------------------------------------------------------------------------ answers


def _correlation(x: Floats, y: Floats) -> float | None:
    flat = [float(np.ptp(column)) <= FLAT * float(np.abs(column).max()) for column in (x, y)]
    return None if any(flat) else float(np.clip(np.corrcoef(x, y)[0, 1], -1.0, 1.0))


def _answer(
    name: str, known: Known, number: int, told: Relation, y: Floats, h: Floats, partner: int | None
) -> ColumnAgreement:
    moved = partner is not None and partner != number
    function = None if known.functions is None else known.functions[number]
    why: tuple[str, ...] = ()
    # What printing leaves unknown of the factor.
    slack = 1e-6 + 2 * float(h.max()) / (known.spread(number) or 1.0)
    if told.kind == "factor" and function is not None:
        why = tuple(reasons.of_factor(told.factor, function, slack))
    elif told.kind == "affine":
        why = tuple(reasons.of_scaling(told.factor, y, slack))
    return ColumnAgreement(
        name,
        known.names[number],
        "moved" if moved else told.kind,
        factor=told.factor,
        offset=told.offset,
        deviation=told.deviation,
        correlation=_correlation(known.values[:, number], y),
        expected=_name(known, partner) if moved else None,
        reasons=why,
    )


def _differing(
    name: str, known: Known, number: int, y: Floats, kind: Kind, reasons: tuple[str, ...] = ()
) -> ColumnAgreement:
    x = known.values[:, number]
    scale = known.spread(number) or float(np.abs(x).max()) or 1.0
    return ColumnAgreement(
        name,
        known.names[number],
        kind,
        deviation=float(np.abs(y - x).max()) / scale,
        correlation=_correlation(x, y),
        reasons=reasons,
    )


def _something_else(name: str, known: Known, partner: int | None, y: Floats) -> ColumnAgreement:
    closest = next(iter(by_correlation(known, y, 1)), None)
    number = closest if partner is None else partner
    reasons = ("the column is constant",) if not np.ptp(y) else ()
    if partner is None and (number is None or known.different(number) < ENOUGH):
        few = "too few different values among these atoms to look for its function"
        return ColumnAgreement(name, None, "undetermined", reasons=(*reasons, few))
    assert number is not None  # a partner, or the closest of all
    told = _differing(name, known, number, y, "other", reasons)
    near = almost(known, number, y)
    if near is not None:
        return replace(told, kind="near", factor=near.factor, offset=near.offset, deviation=near.deviation)
    if partner is None:
        follows = abs(told.correlation or 0.0) >= FOLLOWS
        name_, r = (told.function, told.correlation) if follows else (None, None)
        return replace(told, function=None, closest=name_, correlation=r, deviation=None)
    if closest in {None, number} or abs(_correlation(known.values[:, closest], y) or 0.0) < FOLLOWS:
        return told
    return replace(told, closest=_name(known, closest))

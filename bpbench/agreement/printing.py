"""How many digits of a number were written down, read off the numbers themselves."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Values of one column that are looked at.
SAMPLE: Final = 512
#: Digits beyond which a number counts as exact.
_MOST: Final = 12


def resolution(values: npt.ArrayLike) -> Floats:
    """Return how far each value may lie from the number that was written: half a unit of its last printed digit.

    The digits are read off the values: a column printed with d decimals, or with s significant digits, holds no value
    with more of them; whichever is coarser counts. float32 is recognised in the same way, and so are printed numbers
    that were stored in it. Values with more than 13 digits count as exact.

    Parameters
    ----------
    values : array_like, shape (A,)
        One column, finite.

    Returns
    -------
    ndarray, shape (A,)
    """
    given = np.asarray(values)
    column = given.astype(np.float64)
    size = np.abs(column)
    coarse = size * 2.0**-24 if _single(column) else np.zeros_like(column)
    digits, decimals = _printed(column) or (None, None)
    if digits is not None:
        power = np.floor(np.log10(size, where=size > 0, out=np.full_like(size, -300.0)))
        coarse = np.maximum(coarse, 0.5 * 10.0 ** (power - digits))
    return coarse if decimals is None else np.maximum(coarse, 0.5 * 10.0**-decimals)


def _single(column: Floats) -> bool:
    with np.errstate(over="ignore"):  # what does not fit into float32 becomes infinite, and is no float32
        return np.array_equal(column.astype(np.float32).astype(np.float64), column)


def _printed(column: Floats) -> tuple[int | None, int | None] | None:
    """Return digits after the first, and decimals, of a column, ``None`` each beyond 12; nothing if unclear."""
    some = np.unique(column[:: max(1, len(column) // SAMPLE)])
    some = some[(some != 0) & np.isfinite(some)]
    if _single(some):
        # Beyond seven digits in all, a number in single precision does not tell how it was printed.
        digits = _fewest(some.tolist(), "e", np.float32, 6)
        decimals = None if digits is None else _fewest(some.tolist(), "f", np.float32, _MOST)
    else:
        digits, decimals = _fewest(some.tolist(), "e", float, _MOST), _fewest(some.tolist(), "f", float, _MOST)
    # A few round numbers such as 0.5 and 2 are no proof of printing.
    unclear = digits is not None and digits < 3 and len(some) < 10
    return None if unclear else (digits, decimals)


def last_decimal(table: npt.NDArray[np.generic]) -> float:
    """Return half of the last decimal of a table in which every column has a last one, else 0.

    A column of zeros, or of few tiny numbers, does not tell how it was printed; its neighbours do.

    Parameters
    ----------
    table : ndarray, shape (A, C)
        All columns.
    """
    most = None
    for column in table.T:
        printed = _printed(column.astype(np.float64))
        if printed is not None:
            if printed[1] is None:
                return 0.0
            most = max(most or 0, printed[1])
    return 0.0 if most is None else 0.5 * 10.0**-most


def _fewest(values: list[float], form: str, read: type[float | np.float32], most: int) -> int | None:
    """Return how many digits after the point print all of these values so that they are read as they are."""
    digits = 0
    for value in values:
        while read(f"{value:.{digits}{form}}") != value:
            digits += 1
            if digits > most:
                return None
    return digits

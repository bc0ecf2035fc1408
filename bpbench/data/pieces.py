"""What every kind of table file gives: its columns, a stretch of rows at a time.

Rows count from 1 in every message, the header of a csv not counted.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from bpbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bpbench.data.frames import Floats, Ints

Array = npt.NDArray[Any]

#: Numbers, and rows, that are held at a time.
CELLS: Final = 2_000_000
ROWS: Final = 65_536


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of rows.

    Attributes
    ----------
    first : int
        Number of its first row, from 0.
    values : ndarray, shape (D, n)
        The columns asked for, feature-major.
    labels : dict of str to ndarray, shape (n,)
        The labels asked for: numbers as float64, words as text.
    """

    first: int
    values: Array
    labels: dict[str, Array]


class Columns(Protocol):
    """An opened table.

    Attributes
    ----------
    names : tuple of str
        All columns, in their order.
    labels : tuple of str
        What else may serve as a label: the arrays of an npz that hold one entry per frame.
    offsets : ndarray of int or None
        First row of each configuration, then the number of rows, where the file says so.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    offsets: Ints | None

    def pieces(self, values: Sequence[str], numbers: Sequence[str], words: Sequence[str]) -> Iterator[Piece]:
        """Yield the rows in order: descriptors, labels that are numbers, and labels that are words."""


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn whatever a library says of a broken file into one sentence."""
    try:
        yield
    except DataError:
        raise
    except UnicodeDecodeError:
        raise not_text(path) from None
    except Exception as error:
        text = " ".join(str(error).split()).rstrip(".") or "it ends too early"
        raise DataError(f"{path}: the table cannot be read ({type(error).__name__}: {text}).") from error


def not_text(path: Path) -> DataError:
    """Return the error for a file of bytes that are no text, which are not shown."""
    return DataError(f"{path}: expected a table as text (UTF-8), found bytes that are none.")


def unique(path: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of columns; two that are equal are refused."""
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise DataError(f"{path}: expected a name of its own for each column, found '{twice[0]}' twice.")
    return names


def not_numbers(path: Path, name: str, found: str, *, descriptor: bool) -> DataError:
    """Return the error for a column in which something else than numbers stands.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        The column.
    found : str
        What stands there, and where.
    descriptor : bool
        Whether the column was taken for a descriptor, which may be a mistake, or was named as a label.
    """
    hint = "; list the descriptors under 'columns' if it is none of them" if descriptor else ""
    return DataError(f"{path}: expected numbers in the column '{name}', found {found}{hint}.")


def text_of(path: Path, name: str, column: Array, first: int) -> Array:
    """Return labels as text; one that is missing is refused."""
    if column.dtype.kind == "O":
        missing = np.array([item is None or item != item for item in column])  # noqa: PLR0124 - NaN differs from itself
    else:
        missing = np.isnan(column) if column.dtype.kind == "f" else np.zeros(len(column), dtype=bool)
    if missing.any():
        raise DataError(f"{path}, row {first + int(np.argmax(missing)) + 1}: the label '{name}' is missing.")
    return column.astype(np.str_)


def rows_at_once(columns: int) -> int:
    """Return how many rows of that many columns are held at a time."""
    return max(1, min(ROWS, CELLS // max(1, columns)))


def finite(path: Path, piece: Piece, names: Sequence[str]) -> Floats:
    """Return the values of a piece; one that is no finite number is refused by row and column."""
    values = piece.values
    good = np.isfinite(values)
    if not good.all():
        row = int(np.argmin(good.all(axis=0)))
        name = names[int(np.argmin(good[:, row]))]
        raise DataError(
            f"{path}, row {piece.first + row + 1}: expected a finite number in the column '{name}', found it empty, "
            "NaN or infinite; has the row as many cells as the header?"
        )
    return values

"""Tables of descriptor values that were made elsewhere, row by row beside the atoms they belong to.

An ``.npz`` as ``bpbench describe --out`` writes it, or with one 2-D array; an ``.npy``; csv and parquet with named
columns; ``function.data`` and ``testing.data`` of n2p2 and RuNNer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bpbench.data import columns as tables
from bpbench.data import npz_columns
from bpbench.data.frames import Frames, Ints
from bpbench.data.labels import is_label
from bpbench.errors import DataError, RequestError, nearest
from bpbench.formats.n2p2 import read_values
from bpbench.formats.packed import PACKED

Array = npt.NDArray[Any]

#: Numbers that a comparison holds of either table; of larger ones it takes frames spread evenly.
COMPARED: Final = 40_000_000
_AT_ONCE: Final = 100_000


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is open.

    Attributes
    ----------
    path : Path
        Its file.
    names : tuple of str
        Its columns; numbers from 1 where it names none.
    left_out : tuple of str
        Columns that were taken for labels.
    offsets : ndarray of int or None
        First row of each frame, then the number of rows, where the file says so beforehand.
    by_frame : bool
        Whether each piece is one frame.
    pieces : callable
        Yields the rows in order, some at a time, shape (n, columns).
    """

    path: Path
    names: tuple[str, ...]
    left_out: tuple[str, ...]
    offsets: Ints | None
    by_frame: bool
    pieces: Callable[[], Iterator[Array]]


def open_table(path: Path, *, columns: Sequence[str] | None = None, element: str | None = None) -> Table:
    """Open a table by the ending of its name.

    Parameters
    ----------
    path : Path
        The file.
    columns : sequence of str, optional
        Names, patterns such as ``G*``, or numbers from 1 such as ``3`` and ``3-24``; without them all columns, or in a
        csv or parquet all that are no labels by their name.
    element : str, optional
        Element of the atoms; a ``function.data`` has rows of another width for each element.

    Raises
    ------
    RequestError, DataError
        For another ending, a file that cannot be read, or columns that are not there.
    """
    name = path.name.lower()
    bare = name
    for ending in PACKED:
        bare = bare.removesuffix(ending)
    if bare.endswith(".data"):
        return _from_values(path, columns, element)
    if name.endswith((*tables.CSV, *tables.PARQUET)):
        return _from_columns(path, columns)
    if name.endswith((".npz", ".npy")):
        return _from_array(path, columns)
    endings = ", ".join((".npz", ".npy", *tables.CSV, *tables.PARQUET))
    raise RequestError(f"{path}: expected a table whose name ends in {endings}, or n2p2's function.data.")


def compared(offsets: Ints, columns: int) -> Ints:
    """Return the frames whose rows are compared: all, or so many spread evenly that :data:`COMPARED` is kept to.

    Parameters
    ----------
    offsets : ndarray of int, shape (F + 1,)
        First atom of each frame, then the number of atoms.
    columns : int
        Columns of the wider of the two tables.
    """
    frames, total, most = len(offsets) - 1, int(offsets[-1]), max(1, COMPARED // columns)
    count = frames if total <= most else max(2, frames * most // total)
    return np.unique(np.linspace(0, frames - 1, min(count, frames)).round().astype(np.int64))


def rows_of(table: Table, frames: Frames, counted: npt.NDArray[np.bool_], chosen: Ints) -> Array:
    """Return the rows of a table that belong to the atoms of some frames.

    Parameters
    ----------
    table : Table
        With one row for each atom that counts.
    frames : Frames
        All the frames that the table is of, A atoms.
    counted : ndarray of bool, shape (A,)
        The atoms that have a row.
    chosen : ndarray of int
        Numbers of the frames whose rows are wanted, ascending.

    Returns
    -------
    ndarray, shape (rows, columns)

    Raises
    ------
    DataError
        When rows and atoms do not belong together; the first frame that differs is named where the table knows frames.
    """
    sizes = np.diff(np.concatenate([[0], np.cumsum(counted)])[frames.offsets])
    keep = np.isin(np.repeat(np.arange(len(frames)), sizes), chosen)
    if table.offsets is not None:
        _refuse_other_frames(table, frames, sizes, np.diff(table.offsets))
    found: list[Array] = []
    met, row = [], 0
    for part in table.pieces():
        if table.by_frame:
            met.append(len(part))
        inside = keep[row : row + len(part)]
        found.append(part[: len(inside)][inside])
        row += len(part)
    if table.by_frame:
        _refuse_other_frames(table, frames, sizes, np.array(met, dtype=np.int64))
    if row != len(keep):
        raise DataError(
            f"{table.path}: expected a row for each of the {len(keep)} atoms in {len(frames)} frames, found {row}. "
            "Are these the same frames?"
        )
    return np.concatenate(found)


def _refuse_other_frames(table: Table, frames: Frames, sizes: Ints, met: Ints) -> None:
    if np.array_equal(sizes, met):
        return
    both = min(len(sizes), len(met))
    differ = np.flatnonzero(sizes[:both] != met[:both])
    if len(differ):
        at = int(differ[0])
        what = f"frame {int(frames.id[at])} has {sizes[at]} atoms and {met[at]} rows in the table"
    else:
        what = f"the first {both} frames agree"
    raise DataError(
        f"{table.path}: expected the {int(sizes.sum())} atoms of {len(sizes)} frames, found {int(met.sum())} rows of "
        f"{len(met)} frames; {what}. Are these the same frames in the same order?"
    )


# ------------------------------------------------------------------------------------------------- kinds of files


def _from_columns(path: Path, wanted: Sequence[str] | None) -> Table:
    opened = tables.open_columns(path)
    labels = [name for name in opened.names if is_label(name)]
    names = tuple(name for name in opened.names if name not in labels)
    if wanted is not None:
        names, labels = _picked(path, opened.names, wanted), []
    if not names:
        raise DataError(f"{path}: all columns are labels by their name ({', '.join(labels)}); choose with --columns.")
    return Table(path, names, tuple(labels), opened.offsets, False, lambda: _transposed(opened, names))


def _transposed(opened: tables.Columns, names: tuple[str, ...]) -> Iterator[Array]:
    try:
        for piece in opened.pieces(names, (), ()):
            yield piece.values.T
    except DataError as error:
        # A protocol lists columns under a key, the command line by an option.
        raise DataError(str(error).replace("under 'columns'", "with --columns")) from error


def _from_array(path: Path, wanted: Sequence[str] | None) -> Table:
    """Open one array without names; an npz that names its columns is one of :func:`_from_columns`."""
    offsets: Ints | None = None
    single = path.suffix.lower() == ".npy"
    try:
        # Of either kind nothing but the header is read here.
        held: Any = np.load(path, mmap_mode="r", allow_pickle=False) if single else npz_columns.members(path)
        if not single:
            key = "values" if "values" in held else next(iter(held)) if len(held) == 1 else None
            if "names" in held or key is None or len(held[key].shape) == 1:
                return _from_columns(path, wanted)
            if "offsets" in held:
                with np.load(path, allow_pickle=False) as archive:
                    offsets = np.asarray(archive["offsets"], dtype=np.int64)
            held = held[key]
    except DataError:
        raise
    except Exception as error:
        text = " ".join(str(error).split()).rstrip(".")
        raise DataError(f"{path}: expected a table of numbers, but it cannot be read ({text}).") from error
    if len(held.shape) != 2 or held.dtype.kind not in "iuf":
        raise DataError(
            f"{path}: expected numbers in an array of 2 dimensions (atoms, features), found {held.dtype} in shape "
            f"{held.shape}."
        )
    everything = tuple(str(number + 1) for number in range(held.shape[1]))
    names = everything if wanted is None else _picked(path, everything, wanted)
    chosen = [everything.index(name) for name in names]

    def mapped() -> Iterator[Array]:
        for first in range(0, len(held), _AT_ONCE):
            yield np.asarray(held[first : first + _AT_ONCE])[:, chosen]

    return Table(
        path, names, (), offsets, False, mapped if single else lambda: npz_columns.stretches(path, held, chosen)
    )


def _from_values(path: Path, wanted: Sequence[str] | None, element: str | None) -> Table:
    if element is None:
        raise RequestError(f"{path}: its rows differ between elements; choose the atoms to compare with --element.")
    # The energies beside the values have units, the values have none.
    first = next((s for s in read_values(path, units="angstrom-ev") if len(s.of(element))), None)
    if first is None:
        raise DataError(f"{path}: no structure in it has an atom of {element}.")
    everything = tuple(str(number + 1) for number in range(first.of(element).shape[1]))
    names = everything if wanted is None else _picked(path, everything, wanted)
    chosen = [everything.index(name) for name in names]

    def pieces() -> Iterator[Array]:
        for structure in read_values(path, units="angstrom-ev"):
            rows = structure.of(element)
            yield rows[:, chosen] if len(rows) else np.empty((0, len(chosen)))

    return Table(path, names, (), None, True, pieces)


def _picked(path: Path, names: tuple[str, ...], wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that names, patterns and numbers choose, each once, in the order asked for."""
    found: dict[str, None] = {}
    for word in wanted:
        matching = [word] if word in names else [name for name in names if fnmatchcase(name, word)]
        low, _, high = word.partition("-")
        if not matching and low.isdecimal() and (high.isdecimal() or not high):
            first, last = int(low), int(high or low)
            if not 1 <= first <= last <= len(names):
                raise RequestError(f"--columns: {path} has columns 1 to {len(names)}, found {word}.")
            matching = list(names[first - 1 : last])
        if not matching:
            raise RequestError(f"--columns: {path} has no column '{word}'{_hint(word, names)}")
        found.update(dict.fromkeys(matching))
    return tuple(found)


def _hint(word: str, names: tuple[str, ...]) -> str:
    hint = nearest(word, names)
    return hint if len(names) <= 12 or "did you mean" in hint else f"; it has {', '.join(names[:8])}, …"

"""Tables in npz, read in place, so that they may be larger than the memory.

An npz holds either one 1-D array per column, or what ``bpbench describe --out`` writes: ``values`` (atoms, features),
``names`` (features,) and ``offsets`` (frames + 1,), with labels such as ``energy`` (frames,).
"""

from __future__ import annotations

import zipfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from bpbench.data.pieces import Array, Piece, readable, rows_at_once, text_of, unique
from bpbench.errors import DataError
from bpbench.formats.packed import check_zip

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Member:
    """One array of an npz: what its header says, and where its numbers begin.

    Attributes
    ----------
    name : str
        Its key.
    shape : tuple of int
        As numpy has it.
    fortran : bool
        Whether columns lie in one piece.
    dtype : dtype
        Of its numbers.
    begin, header : int
        Bytes before its numbers in the npz, and in the array's own file.
    stored : bool
        Whether it is not compressed.
    """

    name: str
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    begin: int
    header: int
    stored: bool


def members(path: Path) -> dict[str, Member]:
    """Return the arrays of an npz by name; nothing but their headers is read.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    DataError
        When an array holds Python objects.
    """
    found = {}
    check_zip(path)
    with zipfile.ZipFile(path) as archive, path.open("rb") as raw:
        for info in archive.infolist():
            with archive.open(info) as stream:
                version = np.lib.format.read_magic(stream)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, fortran, dtype = read(stream)
                header = stream.tell()
            raw.seek(info.header_offset + 26)  # the lengths of name and extra field in the local header of 30 bytes
            skipped = int.from_bytes(raw.read(2), "little") + int.from_bytes(raw.read(2), "little")
            begin = info.header_offset + 30 + skipped + header
            name = info.filename.removesuffix(".npy")
            if dtype.hasobject:
                raise DataError(f"{path}: the array '{name}' holds Python objects; save numbers and text as such.")
            found[name] = Member(name, shape, fortran, dtype, begin, header, info.compress_type == zipfile.ZIP_STORED)
    return found


def stretches(path: Path, member: Member, columns: list[int]) -> Iterator[Array]:
    """Yield rows of a 2-D array in order, some at a time, shape (n, columns).

    Parameters
    ----------
    path : Path
        The npz.
    member : Member
        One of :func:`members`.
    columns : list of int
        Numbers of the columns wanted.

    Raises
    ------
    DataError
        When the array ends too early.
    """
    rows, width = member.shape
    step = rows_at_once(width)
    with readable(path), ExitStack() as stack:
        opener = _Opener(path, stack)
        for first in range(0, rows, step):
            yield opener.rows(member, first, min(first + step, rows), columns).T


class Npz:
    """An opened npz; see :class:`~bpbench.data.pieces.Columns`.

    Parameters
    ----------
    path : Path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.members = found = members(path)
        with np.load(path, allow_pickle=False) as archive:
            self.offsets = np.asarray(archive["offsets"], dtype=np.int64) if "offsets" in found else None
            wide = "values" in found and "names" in found
            names = tuple(map(str, np.atleast_1d(archive["names"]))) if wide else ()
        arrays = {name: member for name, member in found.items() if name not in {"values", "names", "offsets"}}
        if wide:
            shape = found["values"].shape
            if len(shape) != 2 or shape[1] != len(names):
                raise DataError(
                    f"{path}: expected 'values' as (atoms, features) with one of 'names' per feature, found shape "
                    f"{shape} and {len(names)} names."
                )
            self.rows = shape[0]
        else:
            self.rows = self._length(arrays)
            names = tuple(name for name, member in arrays.items() if member.shape == (self.rows,))
        self.wide = wide
        self.names = unique(path, names)
        self._check_offsets()
        frames = None if self.offsets is None else len(self.offsets) - 1
        self.labels = tuple(
            name for name, member in arrays.items() if name not in names and member.shape in {(self.rows,), (frames,)}
        )

    def _length(self, arrays: dict[str, Member]) -> int:
        if self.offsets is not None:
            return int(self.offsets[-1]) if len(self.offsets) else 0
        lengths = {name: member.shape for name, member in arrays.items() if member.shape}
        first = next(iter(lengths), None)
        for name, shape in lengths.items():
            if len(shape) != 1 or shape != lengths[first or name]:
                raise DataError(
                    f"{self.path}: expected one 1-D array per column, all of one length, or 'values' with 'names'; "
                    f"found '{first}' with shape {lengths[first or name]} and '{name}' with shape {shape}."
                )
        return lengths[first][0] if first is not None else 0

    def _check_offsets(self) -> None:
        offsets = self.offsets
        if offsets is None:
            return
        if offsets.ndim != 1 or len(offsets) < 2 or offsets[0] != 0 or (np.diff(offsets) < 1).any():
            raise DataError(f"{self.path}: the array 'offsets' must rise from 0 to the number of rows.")
        if offsets[-1] != self.rows:
            raise DataError(
                f"{self.path}: the table has {self.rows} rows, its array 'offsets' declares {offsets[-1]} in "
                f"{len(offsets) - 1} configurations."
            )

    def pieces(self, values: Sequence[str], numbers: Sequence[str], words: Sequence[str]) -> Iterator[Piece]:
        """Yield the rows in order."""
        place = {name: number for number, name in enumerate(self.names)}
        for name in (*([] if self.wide else values), *numbers):
            if self.members[name].dtype.kind not in "iuf":
                raise DataError(
                    f"{self.path}: expected numbers in the column '{name}', found the type {self.members[name].dtype}; "
                    "list the descriptors under 'columns' if it is none of them."
                )
        if self.wide and self.members["values"].dtype.kind not in "iuf":
            raise DataError(
                f"{self.path}: expected numbers in 'values', found the type {self.members['values'].dtype}."
            )
        step = rows_at_once(len(self.names) if self.wide else len(values) + len(numbers) + len(words))
        with readable(self.path), ExitStack() as stack:
            open_member = _Opener(self.path, stack)
            for first in range(0, self.rows, step):
                last = min(first + step, self.rows)
                if self.wide and values:
                    made = open_member.rows(self.members["values"], first, last, [place[name] for name in values])
                else:
                    columns = [open_member.rows(self.members[name], first, last) for name in values]
                    made = np.array(columns) if columns else np.empty((0, last - first))
                labels = {name: self._label(open_member, name, first, last) for name in (*numbers, *words)}
                yield Piece(
                    first,
                    made,
                    {name: labels[name].astype(np.float64) for name in numbers}
                    | {name: text_of(self.path, name, labels[name], first) for name in words},
                )

    def _label(self, opener: _Opener, name: str, first: int, last: int) -> Array:
        member = self.members[name]
        if member.shape == (self.rows,):
            return opener.rows(member, first, last)
        assert self.offsets is not None  # only then has a label one entry per frame
        frame = np.searchsorted(self.offsets, np.arange(first, last), side="right") - 1
        return opener.rows(member, 0, member.shape[0])[frame]


class _Opener:
    """Reads stretches of the arrays of an npz: where they lie, or from a temporary file if they are compressed."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.path = path
        self.stack = stack
        self.found: dict[str, tuple[Any, int]] = {}

    def rows(self, member: Member, first: int, last: int, columns: list[int] | None = None) -> Array:
        """Return rows of a 1-D array, or chosen columns (D, n) of a 2-D one."""
        file, begin = self._file(member)
        size = member.dtype.itemsize
        if columns is None:
            return self._read(file, member, begin + first * size, last - first)
        total, width = member.shape
        if member.fortran:
            return np.array(
                [self._read(file, member, begin + (c * total + first) * size, last - first) for c in columns]
            )
        block = self._read(file, member, begin + first * width * size, (last - first) * width)
        return block.reshape(-1, width).T[columns]

    def _read(self, file: Any, member: Member, at: int, count: int) -> Array:
        file.seek(at)
        read = np.fromfile(file, member.dtype, count)
        if len(read) != count:
            raise DataError(f"{self.path}: the array '{member.name}' ends too early; is the file whole?")
        return read

    def _file(self, member: Member) -> tuple[Any, int]:
        if member.name not in self.found:
            if member.stored:
                self.found[member.name] = (self.stack.enter_context(self.path.open("rb")), member.begin)
            else:
                folder = Path(self.stack.enter_context(TemporaryDirectory()))
                with zipfile.ZipFile(self.path) as archive:
                    made = archive.extract(f"{member.name}.npy", folder)
                file = self.stack.enter_context((folder / made).open("rb"))
                self.found[member.name] = (file, member.header)
        return self.found[member.name]

"""Tables in csv (also .gz, .xz) and parquet, and the one door to every kind of table."""

from __future__ import annotations

import csv
import itertools
import unicodedata
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bpbench.data.npz_columns import Npz
from bpbench.data.pieces import Columns, Piece, not_numbers, not_text, readable, rows_at_once, text_of, unique
from bpbench.errors import DataError
from bpbench.formats.packed import OPENERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bpbench.data.frames import Ints

__all__ = ["CSV", "PARQUET", "Columns", "open_columns"]

CSV: Final = (".csv", ".csv.gz", ".csv.xz")
PARQUET: Final = (".parquet", ".pq")
#: What stands in a csv where a number or a word is missing.
_GAPS: Final = ["", "nan", "NaN"]
#: Rows that are named of many that are too long.
_TOLD: Final = 3


def open_columns(path: Path, *, gaps: tuple[str, ...] = (), whole: bool = False) -> Columns:
    """Open a table by the ending of its name.

    Parameters
    ----------
    path : Path
        The file.
    gaps : tuple of str
        What a csv may write for a number that is not there, beside nothing and NaN.
    whole : bool
        Whether every row of a csv is read with all its cells, so that one that is too long is always refused.

    Raises
    ------
    DataError
        When the kind of file is unknown or its header cannot be read.
    """
    name = path.name.lower()
    with readable(path):
        if name.endswith(CSV):
            return _Csv(path, gaps, whole=whole)
        if name.endswith(PARQUET):
            return _Parquet(path)
        if name.endswith(".npz"):
            return Npz(path)
    raise DataError(f"{path}: expected a table whose name ends in {', '.join((*CSV, *PARQUET))} or .npz.")


# --------------------------------------------------------------------------------------------------------- csv


class _Csv:
    offsets: Ints | None = None
    labels: tuple[str, ...] = ()

    def __init__(self, path: Path, gaps: tuple[str, ...], *, whole: bool) -> None:
        import pandas as pd

        self.path, self.gaps, self.whole = path, gaps, whole
        try:
            with self._stream() as stream:
                header = pd.read_csv(stream, header=None, nrows=1, dtype=str, keep_default_na=False)
        except pd.errors.EmptyDataError:
            raise DataError(f"{path}: the file is empty.") from None
        names = tuple(str(name).strip() for name in header.iloc[0])
        if any(unicodedata.category(letter) == "Cc" for name in names for letter in name if letter not in "\t\r\n"):
            raise not_text(path)
        if names[0].startswith("#") or (len(names) == 1 and any(mark in names[0] for mark in ";\t|")):
            found = names[0] if len(names[0]) <= 40 else f"{names[0][:40]}…"
            raise DataError(
                f"{path}: expected columns separated by commas, numbers with a decimal point, and the header in the "
                f"first line without any comment, found {found!r}."
            )
        self.names = unique(path, names)

    def pieces(self, values: Sequence[str], numbers: Sequence[str], words: Sequence[str]) -> Iterator[Piece]:
        import warnings

        import pandas as pd

        used = {*values, *numbers, *words} or {self.names[0]}  # without any, the rows are only counted
        first = 0
        # A first row with more cells than the header would lose the surplus with a mere warning, and any such row
        # without one if columns were chosen; so they are chosen only where neither values nor whole rows are wanted.
        with readable(self.path), warnings.catch_warnings(), self._stream() as stream:
            warnings.simplefilter("error", pd.errors.ParserWarning)
            reader = pd.read_csv(
                stream,
                header=0,
                names=list(self.names),
                usecols=None
                if values or self.whole
                else [place for place, name in enumerate(self.names) if name in used],
                index_col=False,
                dtype=dict.fromkeys(words, str),
                # "NA" is a group of sodium as likely as a gap.
                keep_default_na=False,
                na_values={name: [*_GAPS, *self.gaps] if name in numbers else _GAPS for name in self.names},
                low_memory=False,
                chunksize=rows_at_once(len(self.names)),
            )
            with reader:
                for frame in self._whole(reader):
                    if frame.empty:
                        continue
                    for name in (*values, *numbers):
                        if frame[name].dtype.kind not in "iuf":
                            raise self._refused(name, frame[name], first, descriptor=name in values)
                    yield Piece(
                        first,
                        frame[list(values)].to_numpy(np.float64).T,
                        {name: frame[name].to_numpy(np.float64) for name in numbers}
                        | {name: text_of(self.path, name, frame[name].to_numpy(object), first) for name in words},
                    )
                    first += len(frame)

    def _stream(self) -> Any:
        """Return the file open; what is packed is unpacked here, up to its limit, and not by pandas."""
        return OPENERS.get(self.path.suffix.lower(), open)(self.path, "rb")

    def _whole(self, reader: Any) -> Iterator[Any]:
        """Yield what pandas reads; of a row that is too long it says the line of the file or nothing at all."""
        import pandas as pd

        try:
            yield from reader
        except (pd.errors.ParserError, pd.errors.ParserWarning):
            with OPENERS.get(self.path.suffix.lower(), open)(self.path, "rt", encoding="utf-8", newline="") as stream:
                rows = (cells for cells in csv.reader(stream) if cells)  # pandas passes over empty lines too
                long = ((row, len(cells)) for row, cells in enumerate(rows) if len(cells) > len(self.names))
                found = list(itertools.islice(long, _TOLD + 1))
            if not found:
                raise
            (first, size), more = found[0], ", ".join(f"row {row}" for row, _ in found[1:_TOLD])
            raise DataError(
                f"{self.path}, row {first}: expected {len(self.names)} cells as in the header, found {size}"
                f"{more and f'; too long as well: {more}'}{', …' if len(found) > _TOLD else '.'}"
            ) from None

    def _refused(self, name: str, column: Any, first: int, *, descriptor: bool) -> DataError:
        import pandas as pd

        bad = pd.to_numeric(column.astype(object), errors="coerce").isna() & column.notna()
        row = int(np.argmax(bad)) if bad.any() else 0
        found = f"{str(column.iloc[row])!r:.60} in row {first + row + 1}"
        return not_numbers(self.path, name, found, descriptor=descriptor)


# ----------------------------------------------------------------------------------------------------- parquet


class _Parquet:
    offsets: Ints | None = None
    labels: tuple[str, ...] = ()

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow.parquet as pq
        except ImportError:
            raise DataError(
                f"{path}: reading parquet needs pyarrow, which is not installed; run `pip install 'bpbench[tables]'` "
                "or give the table as csv or npz."
            ) from None
        self.path = path
        self.names = unique(path, tuple(pq.read_schema(path).names))

    def pieces(self, values: Sequence[str], numbers: Sequence[str], words: Sequence[str]) -> Iterator[Piece]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        used = list(dict.fromkeys((*values, *numbers, *words))) or [self.names[0]]
        first = 0
        # A small buffer: else every column of a whole row group, often a million rows, would be held at once.
        with readable(self.path), pq.ParquetFile(self.path, buffer_size=1 << 16, pre_buffer=False) as file:
            kinds = {field.name: field.type for field in file.schema_arrow}
            for name in (*values, *numbers):
                if not (pa.types.is_floating(kinds[name]) or pa.types.is_integer(kinds[name])):
                    raise not_numbers(self.path, name, f"the type {kinds[name]}", descriptor=name in values)
            for batch in file.iter_batches(rows_at_once(len(used)), columns=used, use_threads=False):
                column = {name: batch.column(name) for name in used}
                made = np.empty((len(values), len(batch)))
                for place, name in enumerate(values):
                    made[place] = column[name].to_numpy(zero_copy_only=False)
                labels = {name: column[name].to_numpy(zero_copy_only=False).astype(np.float64) for name in numbers} | {
                    name: text_of(self.path, name, np.array(column[name].to_pylist(), object), first) for name in words
                }
                yield Piece(first, made, labels)
                first += len(batch)

"""Tables of one JSON object per line (``.jsonl``, ``.ndjson``), as logging tools write them, read in bounded memory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bpbench.data.pieces import Piece, not_numbers, readable, rows_at_once, text_of
from bpbench.errors import DataError
from bpbench.formats.learning_curves import real

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bpbench.data.frames import Ints

#: Endings of such tables.
JSON_LINES: Final = (".jsonl", ".ndjson")
#: Rows whose keys are taken for the columns; a later one may lack some, and may not have others that are wanted.
_LOOKED_AT: Final = 100


class JsonLines:
    """An opened table; a :class:`bpbench.data.pieces.Columns` without descriptors.

    Parameters
    ----------
    path : Path
        The file.
    """

    offsets: Ints | None = None
    labels: tuple[str, ...] = ()

    def __init__(self, path: Path) -> None:
        self.path = path
        names: dict[str, None] = {}
        for place, row in enumerate(self._rows()):
            names |= dict.fromkeys(row)
            if place >= _LOOKED_AT:
                break
        self.names = tuple(names)

    def pieces(self, values: Sequence[str], numbers: Sequence[str], words: Sequence[str]) -> Iterator[Piece]:
        """Yield labels, a stretch of rows at a time; a key that a row lacks is a label that is missing."""
        assert not values, "a table of JSON lines holds no descriptors"
        held: list[dict[str, Any]] = []
        first = 0
        for row in self._rows():
            held.append(row)
            if len(held) == rows_at_once(len(self.names)):
                yield self._piece(held, first, numbers, words)
                first, held = first + len(held), []
        if held:
            yield self._piece(held, first, numbers, words)

    def _rows(self) -> Iterator[dict[str, Any]]:
        with readable(self.path), self.path.open(encoding="utf-8") as stream:
            for line, text in enumerate(stream, 1):
                if not text.strip():
                    continue
                try:
                    row = json.loads(text)
                except ValueError as error:
                    raise DataError(
                        f"{self.path}, line {line}: expected a JSON object on each line ({error})."
                    ) from None
                if not isinstance(row, dict):
                    raise DataError(
                        f"{self.path}, line {line}: expected a JSON object on each line, found {text.strip()[:40]!r}."
                    )
                yield row

    def _piece(self, rows: list[dict[str, Any]], first: int, numbers: Sequence[str], words: Sequence[str]) -> Piece:
        labels = {}
        for name in numbers:
            column = [row.get(name) for row in rows]
            for place, item in enumerate(column):
                if item is not None and (isinstance(item, bool) or not isinstance(item, int | float)):
                    raise not_numbers(self.path, name, f"{item!r:.60} in row {first + place + 1}", descriptor=False)
            labels[name] = np.array([np.nan if item is None else real(item) for item in column], dtype=np.float64)
        for name in words:
            labels[name] = text_of(self.path, name, np.array([row.get(name) for row in rows], dtype=object), first)
        return Piece(first, np.empty((0, len(rows))), labels)

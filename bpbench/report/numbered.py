"""Numbers of tables, figures, equations, sections and works, and the places of running text that point at them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bpbench.report.document import CLOSE, OPEN, Equation, Figure, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bpbench.report.document import Document, Section

_POINTER: Final = re.compile(f"{OPEN}(table|figure|equation|section|cite):([^{OPEN}{CLOSE}]*){CLOSE}")
_MARKS: Final = re.compile(f"[{OPEN}{CLOSE}]")
#: Kind of a reference by the type of what it points at.
_KINDS: Final = {Table: "table", Figure: "figure", Equation: "equation"}


@dataclass(frozen=True, slots=True)
class Words:
    """A stretch of plain text."""

    text: str


@dataclass(frozen=True, slots=True)
class Pointer:
    """A place that points at a numbered block: its kind, key and number."""

    kind: str
    key: str
    number: int


@dataclass(frozen=True, slots=True)
class Citation:
    """A place that cites works: their keys and numbers."""

    works: tuple[tuple[str, int], ...]


class Numbers:
    """The numbers of one document.

    Parameters
    ----------
    document : Document
        Each kind of block is counted by itself, in the order of reading.
    """

    def __init__(self, document: Document) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        keys: dict[str, list[str]] = {
            "table": [block.key for block in document.tables],
            "figure": [block.key for block in document.figures],
            "equation": [block.key for block in document.equations],
            "section": [section.key for section in document.sections],
            "cite": [work.key for work in document.works],
        }
        for kind, found in keys.items():
            self._numbers |= {(kind, key): number for number, key in enumerate(found, 1)}

    def of(self, block: Table | Figure | Equation | Section) -> int:
        """Return the number of a block or section."""
        return self._numbers[_KINDS.get(type(block), "section"), block.key]

    def named(self, kind: str, key: str) -> int:
        """Return the number of the block or section of that kind and key."""
        return self._numbers[kind, key]

    def parts(self, text: str) -> Iterator[Words | Pointer | Citation]:
        """Iterate over a text's plain stretches, pointers and citations.

        Raises
        ------
        ValueError
            For one that points at nothing.
        """
        end = 0
        for found in _POINTER.finditer(text):
            if found.start() > end:
                yield Words(text[end : found.start()])
            kind, key = found.groups()
            keys = key.split(",") if kind == "cite" else [key]
            if missing := [each for each in keys if (kind, each) not in self._numbers]:
                raise ValueError(f"The text points at the {kind} {missing[0]!r}, which the document does not have.")
            if kind == "cite":
                yield Citation(tuple((each, self._numbers[kind, each]) for each in keys))
            else:
                yield Pointer(kind, key, self._numbers[kind, key])
            end = found.end()
        if end < len(text):
            yield Words(text[end:])


def cited(texts: Iterable[str]) -> list[str]:
    """Return the keys of the works that texts cite, in the order of first citation."""
    keys = (
        key for text in texts for kind, found in _POINTER.findall(text) if kind == "cite" for key in found.split(",")
    )
    return list(dict.fromkeys(keys))


def unmarked(value: Any) -> Any:
    """Return JSON from outside whose texts are free of the characters that pointers stand between."""
    if isinstance(value, str):
        return _MARKS.sub("", value) if OPEN in value or CLOSE in value else value
    if isinstance(value, dict):
        return {unmarked(key): unmarked(entry) for key, entry in value.items()}
    return [unmarked(entry) for entry in value] if isinstance(value, list | tuple) else value

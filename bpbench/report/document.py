"""A report as data: sections of paragraphs, tables, figures, equations. It computes nothing and knows no file format.

Running text may point at a numbered block (:func:`ref`) and at a published work (:func:`cite`). Both stand in it
between characters that no text has (:data:`OPEN`, :data:`CLOSE`); :mod:`bpbench.report.numbered` finds them again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Around a reference or citation in running text: of Unicode's private use, which text from outside is freed of.
OPEN: Final = "\ue000"
CLOSE: Final = "\ue001"
#: What a page must not hold, or what would turn round the text after a name: shown as what it is, no letter.
_UNSHOWN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def shown(text: str) -> str:
    """Return text with one sign for each character that no page or drawing can hold."""
    return _UNSHOWN.sub("\ufffd", text)


def ref(kind: Literal["table", "figure", "equation", "section"], key: str) -> str:
    """Return what stands in running text for ``Table 3``, ``Figure 2`` and the like; numbers come when all is told.

    Parameters
    ----------
    kind : {'table', 'figure', 'equation', 'section'}
        What is pointed at.
    key : str
        Its ``key``.
    """
    return f"{OPEN}{kind}:{key}{CLOSE}"


def cite(*keys: str) -> str:
    """Return what stands in running text for citations, with the space before them.

    Parameters
    ----------
    *keys : str
        Of :data:`bpbench.report.references.WORKS`.
    """
    return f"\u00a0{OPEN}cite:{','.join(keys)}{CLOSE}"


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph.

    Attributes
    ----------
    text : str
        Plain words; a renderer escapes them.
    role : {'prose', 'lead', 'warning', 'note'}
        ``lead``: part of the answer; ``warning``: must not be overlooked; ``note``: small print.
    """

    text: str
    role: Literal["prose", "lead", "warning", "note"] = "prose"


@dataclass(frozen=True, slots=True)
class Items:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and their values, in order."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Text to be shown letter by letter, such as a protocol file or a command."""

    text: str
    name: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One entry of a table.

    Attributes
    ----------
    text : str
        As shown.
    value : float, int, str, bool or None
        As written to the CSV file: unrounded.
    mark : str
        A word a renderer may colour by (``better``, ``worse``, ...); empty for most.
    """

    text: str
    value: float | str | None
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """Head of a table's column.

    Attributes
    ----------
    key : str
        Its name in the CSV file; made from fixed words, never from a user's text.
    label : str
        Its name as shown.
    unit : str
        As shown, empty if it has none.
    align : {'left', 'right'}
        Numbers stand to the right with equal decimals, so that their points meet.
    """

    key: str
    label: str
    unit: str = ""
    align: Literal["left", "right"] = "right"


@dataclass(frozen=True, slots=True)
class Table:
    """A numbered table; its caption stands above it.

    Attributes
    ----------
    key : str
        File name of its CSV without the ending; a fixed word.
    caption : str
        A sentence or two.
    columns : tuple of Column
        Heads.
    rows : tuple of tuple of Cell
        One cell per column.
    source : str
        What the numbers were made from; small print that ends the caption.
    size : {'normal', 'wide'}
        ``wide`` tables are set in smaller type.
    unit : str
        A unit that the caption names, so that heads of columns need not repeat it.

    Raises
    ------
    ValueError
        If a row has not as many cells as there are columns.
    """

    key: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    source: str = ""
    size: Literal["normal", "wide"] = "normal"
    unit: str = ""

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows, 1):
            if len(row) != len(self.columns):
                raise ValueError(
                    f"Table {self.key}, row {number}: expected a cell for each of {len(self.columns)} columns, found "
                    f"{len(row)}."
                )


@dataclass(frozen=True, slots=True)
class Figure:
    """A numbered drawing; its caption stands below it.

    Attributes
    ----------
    key : str
        File name of its SVG without the ending; a fixed word.
    caption : str
        A sentence or two.
    svg : str
        The drawing, one ``<svg>`` element.
    alt : str
        What a reader who cannot see it needs to know.
    source : str
        What the numbers were made from; small print that ends the caption.
    data : Table or None
        What is drawn, as numbers: shown behind the drawing where that is possible, and written to ``figures/KEY.csv``.
        It has no number of its own.
    """

    key: str
    caption: str
    svg: str
    alt: str
    source: str = ""
    data: Table | None = None


@dataclass(frozen=True, slots=True)
class Equation:
    """A numbered formula with the meaning of its symbols.

    Attributes
    ----------
    key : str
        A fixed word.
    formula : str
        In the part of LaTeX's mathematics that Matplotlib's mathtext knows too.
    alt : str
        The formula read aloud.
    symbols : tuple of (str, str)
        Symbol, as a formula, and its meaning with its unit.
    """

    key: str
    formula: str
    alt: str
    symbols: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Work:
    """A published work.

    Attributes
    ----------
    key : str
        As it is cited: first author and year.
    kind : {'article', 'book', 'inproceedings', 'phdthesis', 'misc'}
        As BibTeX calls it.
    authors : tuple of str
        ``Family, Given`` each.
    title, year : str
        As printed.
    where : tuple of (str, str)
        BibTeX's further fields in order: ``journal``, ``volume``, ``pages``, ``doi``, …
    """

    key: str
    kind: Literal["article", "book", "inproceedings", "phdthesis", "misc"]
    authors: tuple[str, ...]
    title: str
    year: str
    where: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Bibliography:
    """The works that a report cites, in the order of their numbers."""

    works: tuple[Work, ...]


Block = Text | Items | Facts | Verbatim | Table | Figure | Equation | Bibliography


@dataclass(frozen=True, slots=True)
class Section:
    """A headed part.

    Attributes
    ----------
    key : str
        Anchor; a fixed word.
    title : str
        Heading.
    blocks : tuple of Block
        Content in order.
    """

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """The whole report.

    Attributes
    ----------
    title, subtitle : str
        On top.
    running : str
        Short line for the head of every printed page.
    facts : tuple of (str, str)
        Name and value: what identifies the report (protocol, digest, version).
    sections : tuple of Section
        Content in order.
    watermark : str
        A few words to stand all over it, on every page; empty for none.
    language : str
        Code of the language it is written in.
    """

    title: str
    subtitle: str
    running: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    watermark: str = ""
    language: str = "en"

    def blocks(self) -> Iterator[Block]:
        """Iterate over the blocks of all sections."""
        for section in self.sections:
            yield from section.blocks

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables in the order of their numbers."""
        return tuple(block for block in self.blocks() if isinstance(block, Table))

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All figures in the order of their numbers."""
        return tuple(block for block in self.blocks() if isinstance(block, Figure))

    @property
    def equations(self) -> tuple[Equation, ...]:
        """All equations in the order of their numbers."""
        return tuple(block for block in self.blocks() if isinstance(block, Equation))

    @property
    def works(self) -> tuple[Work, ...]:
        """All works cited, in the order of their numbers."""
        return tuple(work for block in self.blocks() if isinstance(block, Bibliography) for work in block.works)

    def running_text(self) -> Iterator[str]:
        """Iterate over all text in which references and citations may stand, in the order of reading."""
        for block in self.blocks():
            if isinstance(block, Text):
                yield block.text
            elif isinstance(block, Items):
                yield from block.items
            elif isinstance(block, Table | Figure):
                yield block.caption
                yield block.source
            elif isinstance(block, Equation):
                yield from (meaning for _, meaning in block.symbols)

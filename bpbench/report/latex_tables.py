"""How a table is set in LaTeX: numbers aligned at the decimal sign, words wrapped, long tables over pages.

Widths are reckoned before LaTeX sees them: a letter is taken as half an em. That need not be exact: what comes out too
wide after all is scaled down to the width of the line.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bpbench.report.latex_text import Tex

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bpbench.report.document import Cell, Column, Table

#: Signs that part whole and fraction, by language; a full stop elsewhere.
POINTS: Final = {"fr": ","}
_RAISED: Final = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
_NUMBER: Final = re.compile(
    r"(?P<than>[<>])?(?P<sign>[+-])?(?:(?P<whole>[0-9]+)(?:\.(?P<part>[0-9]+))?(?P<times>×10(?P<power>[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?"
    r"|10(?P<alone>[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))"
)
_SPACES: Final = re.compile(r"[\s\u2007\u2008\u202f]+")
#: Points: the line that is reckoned with, that of a page on its side, half an em by size, beside each column by size.
_LINE: Final = 469.0
_TURNED: Final = 690.0
_LETTER: Final = {"small": 5.0, "footnotesize": 4.5}
_BESIDE: Final = {"small": 12.0, "footnotesize": 8.0}
#: A table this much wider than the line, wrapped already, is turned on its side; below, it is scaled down.
_TOO_WIDE: Final = 1.3
#: Lines on a page that a table may have and stay in one piece.
_TALL: Final = 44
#: Letters of a line in a head at least and, but for long heads, at most; where its words are cut; and letters of a
#: column that may be wrapped.
_HEAD: Final = 8
_BROAD: Final = 24
_CUT: Final = 20
_WRAPPED: Final = 12
_BOLD: Final = frozenset({"better", "worse", "equivalent"})


@dataclass(frozen=True, slots=True)
class Number:
    """A number as siunitx reads it, and the digits that it has."""

    text: str
    than: bool
    sign: bool
    whole: int
    part: int
    power: int


@dataclass(frozen=True, slots=True)
class Setting:
    """How a table is set.

    Attributes
    ----------
    columns : str
        LaTeX's columns.
    heads : tuple of Tex
        One for each.
    rows : tuple of tuple of Tex
        Cells.
    size : str
        Name of the size of type.
    gap : float
        Space on each side of a column in points.
    turned, long : bool
        Whether it stands on its side, and whether it may run over several pages.
    """

    columns: Tex
    heads: tuple[Tex, ...]
    rows: tuple[tuple[Tex, ...], ...]
    size: str
    gap: float
    turned: bool
    long: bool


@dataclass(frozen=True, slots=True)
class _Column:
    """A column before it is set: letters of its widest cell, its head whole and in lines, its numbers."""

    letters: int
    label: str
    head: tuple[str, ...]
    numbers: tuple[Number | None, ...] | None
    left: bool
    width: float | None = None

    @property
    def natural(self) -> int:
        return max(self.letters, *map(len, self.head))


def number(text: str, point: str = ".") -> Number | None:
    """Return a number that a cell shows, ``None`` if it shows something else.

    Parameters
    ----------
    text : str
        As shown: a true minus sign, narrow spaces between thousands, powers of ten raised.
    point : str
        What parts its whole from its fraction.
    """
    found = _NUMBER.fullmatch(_SPACES.sub("", text).replace("−", "-").replace(point, "."))
    if found is None or (point != "." and "." in text):
        return None
    whole, part = found["whole"] or "", found["part"] or ""
    power = (found["power"] or found["alone"] or "").translate(_RAISED)
    written = f"{'< ' if found['than'] == '<' else '> ' if found['than'] else ''}{found['sign'] or ''}{whole}"
    written += (f".{part}" if part else "") + (f"e{power}" if power else "")
    return Number(written, bool(found["than"]), bool(found["sign"]), len(whole), len(part), len(power.lstrip("-")))


def setting(table: Table, language: str, typeset: Callable[[str, int], Tex]) -> Setting:
    """Return how a table is set.

    Parameters
    ----------
    table : Table
        What to set.
    language : str
        Code of the language that its numbers are written in.
    typeset : callable
        ``typeset(text, long)``: text of a cell as LaTeX, words longer than ``long`` letters breakable.
    """
    point = POINTS.get(language, ".")
    cells = [[row[place] for row in table.rows] for place in range(len(table.columns))]
    columns = [_column(column, found, table.unit, point) for column, found in zip(table.columns, cells, strict=True)]
    size = "footnotesize" if table.size == "wide" else "small"
    line = _LINE
    fitted = _fitted(columns, size, line)
    if _width(fitted, size) > line and size == "small":
        size = "footnotesize"
        fitted = _fitted(columns, size, line)
    long = _lines(table, fitted, size) > _TALL
    turned = not long and _width(fitted, size) > _TOO_WIDE * line
    if turned:
        line = _TURNED
        fitted = _fitted(columns, size, line)
    return Setting(
        columns=Tex("".join(_specified(column, line) for column in fitted)),
        heads=tuple(_headed(column, typeset) for column in fitted),
        rows=tuple(
            tuple(_cell(cell, column, place, typeset) for cell, column in zip(row, fitted, strict=True))
            for place, row in enumerate(table.rows)
        ),
        size=size,
        gap=_BESIDE[size] / 2,
        turned=turned,
        long=long,
    )


def _column(column: Column, cells: Sequence[Cell], shared: str, point: str) -> _Column:
    numbers = tuple(number(cell.text, point) for cell in cells) if column.align == "right" else ()
    letters = max((len(cell.text) for cell in cells), default=0)
    label = f"{column.label} ({column.unit})" if column.unit and column.unit != shared else column.label
    return _Column(
        letters=letters,
        label=label,
        head=tuple(_in_lines(label, max(min(letters, _BROAD), _HEAD, math.ceil(len(label) / 3)))),
        numbers=numbers if any(numbers) else None,
        left=column.align == "left",
    )


def _in_lines(label: str, letters: int) -> list[str]:
    """Return a head in lines of about that many letters; words that no line holds are cut."""
    lines = [""]
    for word in label.split():
        for start in range(0, len(word), max(letters, _CUT)):
            piece = word[start : start + max(letters, _CUT)]
            loose = start == 0 and lines[-1]
            if lines[-1] and (not loose or len(lines[-1]) + 1 + len(piece) > letters):
                lines.append(piece)
            else:
                lines[-1] += f" {piece}" if lines[-1] else piece
    return lines


# ------------------------------------------------------------------------------------------------------- widths


def _width(columns: Sequence[_Column], size: str) -> float:
    """Return a table's width in points."""
    return sum((column.width or column.natural * _LETTER[size]) + _BESIDE[size] for column in columns)


def _fitted(columns: Sequence[_Column], size: str, line: float) -> list[_Column]:
    """Return columns of which those of words are as narrow as the line demands; their cells are wrapped."""
    fitted = list(columns)
    over = _width(columns, size) - line
    wordy = [place for place, column in enumerate(columns) if not column.numbers and column.letters > _WRAPPED]
    if over <= 0 or not wordy:
        return fitted
    least = _WRAPPED * _LETTER[size]
    room = line - _width([column for place, column in enumerate(columns) if place not in wordy], size)
    room -= len(wordy) * _BESIDE[size]
    # Narrow ones keep their width; the others share what is left.
    for done, place in enumerate(sorted(wordy, key=lambda each: columns[each].natural)):
        fair = room / (len(wordy) - done)
        width = max(least, min(fair, columns[place].natural * _LETTER[size]))
        head = tuple(_in_lines(columns[place].label, int(width / _LETTER[size])))
        fitted[place] = replace(columns[place], width=width, head=head)
        room -= width
    return fitted


def _lines(table: Table, columns: Sequence[_Column], size: str) -> int:
    """Return the lines that a table takes, wrapped ones counted."""
    heads = max(len(column.head) for column in columns)
    return heads + sum(
        max(
            math.ceil(len(cell.text) * _LETTER[size] / column.width) if column.width else 1
            for cell, column in zip(row, columns, strict=True)
        )
        for row in table.rows
    )


# ------------------------------------------------------------------------------------------------------ setting


def _specified(column: _Column, line: float) -> str:
    """Return LaTeX's letter for a column."""
    if column.numbers is not None:
        return f"S[table-format={_format([each for each in column.numbers if each])}]"
    if column.width is not None:
        return rf">{{\raggedright\arraybackslash}}p{{{column.width / line:.3f}\linewidth}}"
    return "l" if column.left else "r"


def _format(numbers: Sequence[Number]) -> str:
    """Return the digits, signs and powers that siunitx is to make room for."""
    power = max(each.power for each in numbers)
    sign = "-" if any("-" in each.text.partition("e")[0] for each in numbers) else "+"
    part = max(each.part for each in numbers)
    return (
        ("<" if any(each.than for each in numbers) else "")
        + (sign if any(each.sign for each in numbers) else "")
        + str(max([1, *(each.whole for each in numbers)]))
        + f".{part}"
        + (("e-" if any("e-" in each.text for each in numbers) else "e") + str(power) if power else "")
    )


def _headed(column: _Column, typeset: Callable[[str, int], Tex]) -> Tex:
    """Return a column's head, in lines if it has several."""
    lines = [typeset(line, 10**6) for line in column.head]
    side = "c" if column.numbers is not None else "l" if column.left else "r"
    if len(lines) == 1:
        return Tex(f"{{{lines[0]}}}")
    inside = r" \\ ".join(lines)
    return Tex(rf"{{\begin{{tabular}}[b]{{@{{}}{side}@{{}}}}{inside}\end{{tabular}}}}")


def _cell(cell: Cell, column: _Column, place: int, typeset: Callable[[str, int], Tex]) -> Tex:
    """Return a cell: a number for siunitx to align, or text, which it must not read."""
    found = column.numbers[place] if column.numbers is not None else None
    if found is not None:
        return Tex(found.text)
    text = typeset(_SPACES.sub(" ", cell.text).strip(), 10**6 if column.width is None else _WRAPPED)
    if cell.mark in _BOLD:
        text = Tex(rf"\textbf{{{text}}}")
    return Tex(f"{{{text}}}") if column.numbers is not None else text

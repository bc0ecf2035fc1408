"""The figure of all judged pairs: a cell for each, tinted and signed by its verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bpbench.report.canvas import COLOURS, FAINT, INK, WIDTH, Style, label, page, svg, told
from bpbench.report.numerals import NOTHING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Sign of each verdict, which says in grey what the tint says in colour.
SIGNS: Final = {"better": "▲", "equivalent": "=", "worse": "▼", "undecided": "?"}
_TINTS: Final = {"better": COLOURS[2], "equivalent": COLOURS[0], "worse": COLOURS[1], "undecided": FAINT}
_ALPHA: Final = {"better": 0.32, "equivalent": 0.22, "worse": 0.32, "undecided": 0.1}
#: Columns up to which a cell has room for its numbers.
_NUMBERED: Final = 8
#: Height of a cell with numbers and of one without, width of a letter of a name, room above for names and legend.
_TALL: Final = 0.42
_FLAT: Final = 0.2
_LETTER: Final = 0.058
_LEGEND: Final = 0.3
#: Widest cell, and letters of names at rows and at columns.
_WIDEST: Final = 1.1
_LETTERS: Final = 24
_ACROSS: Final = 16


@dataclass(frozen=True, slots=True)
class Cell:
    """A judged pair.

    Attributes
    ----------
    row, column : int
        Places of candidate and baseline.
    difference, p : str
        As shown; empty where there is none.
    verdict : str
        One of :data:`SIGNS`, or empty where there is none.
    said : str
        What it says when it is pointed at.
    """

    row: int
    column: int
    difference: str
    p: str
    verdict: str
    said: str


@dataclass(frozen=True, slots=True)
class Matrix:
    """All pairs: names of rows and of columns, the cells that there are, and the verdicts in words."""

    down: tuple[str, ...]
    across: tuple[str, ...]
    cells: tuple[Cell, ...]
    verdicts: Mapping[str, str]


def numbered(drawing: Matrix) -> bool:
    """Return whether cells have room for their numbers."""
    return len(drawing.across) <= _NUMBERED


def matrix(drawing: Matrix, looks: Mapping[str, Style], *, key: str = "pairs") -> str:
    """Draw rows against columns.

    Parameters
    ----------
    drawing : Matrix
        One column or more.
    looks : dict of str to Style
        By variant: its mark stands beside its name.
    key : str
        Name of the figure.
    """
    side = 0.3 + _LETTER * max(len(label(name, _LETTERS)) for name in drawing.down)
    tall = numbered(drawing)
    # Names of columns stand aslant where they are wider than a column, and then reach beyond the last.
    longest = _LETTER * max(len(label(name, _ACROSS)) for name in drawing.across)
    width = min(_WIDEST, (WIDTH - side - 0.3) / len(drawing.across))
    slant = longest > width - 0.05
    if slant:
        width = min(width, (WIDTH - side - 0.15 - 0.75 * longest) / len(drawing.across))
    head = _LEGEND + (0.25 + 0.75 * longest if slant else 0.36)
    height = _TALL if tall else _FLAT
    with page(key, head + height * len(drawing.down) + 0.05) as figure:
        figure.set_layout_engine("none")
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_axis_off()
        axes.set(xlim=(0, WIDTH), ylim=(height * len(drawing.down) + 0.05, -head))
        _legend(axes, drawing, side, head)
        for place, name in enumerate(drawing.down):
            _row(axes, name, looks[name], side, height * (place + 0.5))
        for place, name in enumerate(drawing.across):
            _column(axes, name, looks[name], side + width * (place + 0.5), slant=slant)
        for cell in drawing.cells:
            _cell(axes, cell, (side + width * cell.column, height * cell.row), (width, height), tall=tall)
        return svg(figure, key)


def _mark(axes: Any, look: Style, x: float, y: float) -> None:
    axes.plot(x, y, look.marker, color=look.colour, markersize=4.6, markeredgewidth=0)


def _row(axes: Any, name: str, look: Style, side: float, y: float) -> None:
    _mark(axes, look, side - 0.11, y)
    axes.text(side - 0.2, y, label(name, _LETTERS), ha="right", va="center", fontsize=7)


def _column(axes: Any, name: str, look: Style, x: float, *, slant: bool) -> None:
    _mark(axes, look, x, -0.1)
    turned: dict[str, Any] = {"rotation": 45, "rotation_mode": "anchor", "ha": "left"} if slant else {"ha": "center"}
    axes.text(x, -0.19, label(name, _ACROSS), va="bottom", fontsize=7, **turned)


def _cell(axes: Any, cell: Cell, corner: tuple[float, float], size: tuple[float, float], *, tall: bool) -> None:
    from matplotlib.patches import Rectangle

    (x, y), (width, height) = corner, size
    gap = 0.015
    patch = Rectangle((x + gap, y + gap), width - 2 * gap, height - 2 * gap, linewidth=0.5)
    patch.set_facecolor(_tint(cell.verdict))
    patch.set_edgecolor(_TINTS.get(cell.verdict, FAINT))
    axes.add_patch(patch)
    told(patch, [cell.said])
    sign = SIGNS.get(cell.verdict, NOTHING)
    if not tall:
        axes.text(x + width / 2, y + height / 2, sign, ha="center", va="center", fontsize=6.5)
        return
    first = f"{sign} {cell.difference}" if cell.difference else sign
    middle = y + height * (0.32 if cell.p else 0.5)
    axes.text(x + width / 2, middle, first, ha="center", va="center", fontsize=6.8)
    if cell.p:
        text = cell.p if cell.p.startswith("<") else f"= {cell.p}"
        axes.text(x + width / 2, y + height * 0.7, f"p {text}", ha="center", va="center", fontsize=6.2)


def _tint(verdict: str) -> tuple[float, float, float, float]:
    from matplotlib.colors import to_rgba

    return to_rgba(_TINTS.get(verdict, "#ffffff"), _ALPHA.get(verdict, 0.0))


def _legend(axes: Any, drawing: Matrix, side: float, head: float) -> None:
    """Name the signs that there are, above everything."""
    from matplotlib.patches import Rectangle

    used: Sequence[str] = [word for word in SIGNS if any(cell.verdict == word for cell in drawing.cells)]
    x = side
    for word in used:
        patch = Rectangle((x, 0.05 - head), 0.2, 0.17, linewidth=0.5)
        patch.set_facecolor(_tint(word))
        patch.set_edgecolor(_TINTS[word])
        axes.add_patch(patch)
        axes.text(x + 0.1, 0.135 - head, SIGNS[word], ha="center", va="center", fontsize=6.5)
        axes.text(x + 0.27, 0.135 - head, drawing.verdicts[word], va="center", fontsize=7, color=INK)
        x += 0.55 + 0.065 * len(drawing.verdicts[word])

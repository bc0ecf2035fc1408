"""The figure of where the noise comes from: of each contestant one bar, cut by the shares of its variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bpbench.report.canvas import COLOURS, Style, label, sheet, told
from bpbench.report.language import tell
from bpbench.report.numerals import percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Height in inches that all bars may take, and of one where there are few.
_ROWS: Final = 7.6
_ROW: Final = 0.36
#: Shares from which a part of a bar has room for its number.
_NUMBERED: Final = 0.07
#: Colour and hatch of each source, in the order of a bar; on grey paper the hatch alone tells them apart. Lines only:
#: a hatch of dots takes a hundred times the room in the file.
_LOOKS: Final = (
    (COLOURS[0], ""),
    (COLOURS[1], "////"),
    (COLOURS[2], "----"),
    (COLOURS[3], "\\\\\\\\"),
    (COLOURS[4], "xxxx"),
    (COLOURS[5], "||||"),
    (COLOURS[6], "++++"),
    (COLOURS[7], "//"),
)
#: How much of white is mixed to the colour of a part, so that its hatch is seen on it.
_WHITE: Final = 0.6


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar.

    Attributes
    ----------
    place : int
        Of its source among all that there are: what decides its look.
    share : float
        Of the variance, between 0 and 1.
    said : str
        What it says when it is pointed at.
    """

    place: int
    share: float
    said: str


@dataclass(frozen=True, slots=True)
class Row:
    """The bar of a contestant: its name and its parts from left to right."""

    name: str
    parts: tuple[Part, ...]


def bars(rows: Sequence[Row], looks: Mapping[str, Style], sources: Sequence[str], *, key: str = "noise") -> str:
    """Draw the bars.

    Parameters
    ----------
    rows : sequence of Row
        Top to bottom.
    looks : dict of str to Style
        By variant: its mark stands beside its name.
    sources : sequence of str
        Names of the sources, at most eight.
    key : str
        Name of the figure.
    """
    used = sorted({part.place for row in rows for part in row.parts})
    lines = -(-len(used) // 3)
    with sheet(key, 0.65 + 0.17 * lines + min(_ROW * len(rows), _ROWS)) as (figure, panels, drawn):
        axes = panels[0, 0]
        for place, row in enumerate(rows):
            _bar(axes, place, row)
            look = looks[row.name]
            axes.plot(-0.018, place, look.marker, color=look.colour, markersize=4.6, markeredgewidth=0, clip_on=False)
        axes.set_yticks(range(len(rows)), [label(row.name) for row in rows])
        axes.tick_params(axis="y", length=0, pad=13)
        axes.set(xlim=(0, 1), ylim=(len(rows) - 0.45, -0.55))
        axes.spines["left"].set_visible(False)
        marks = [place / 5 for place in range(6)]
        axes.set_xticks(marks, [percent(round(mark, 2)) for mark in marks])
        axes.set_xlabel(tell("share of the variance of a single training's score"))
        _legend(figure, [(sources[place], *_LOOKS[place]) for place in used])
    return drawn[0]


def _bar(axes: Any, place: int, row: Row) -> None:
    left = 0.0
    for part in row.parts:
        colour, hatch = _LOOKS[part.place]
        (patch,) = axes.barh(
            place,
            part.share,
            height=0.66,
            left=left,
            facecolor=_light(colour),
            hatch=hatch,
            edgecolor=colour,
            linewidth=0.8,
        )
        told(patch, [part.said])
        if part.share >= _NUMBERED:
            box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
            text = percent(round(part.share, 2))
            axes.text(
                left + part.share / 2, place, text, ha="center", va="center", fontsize=6.5, color="#1c2023", bbox=box
            )
        left += part.share


def _light(colour: str) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    red, green, blue = (part + (1 - part) * _WHITE for part in to_rgb(colour))
    return (red, green, blue)


def _legend(figure: Any, entries: Sequence[tuple[str, str, str]]) -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=_light(colour), edgecolor=colour, hatch=hatch, linewidth=0.8, label=label(name, 54))
        for name, colour, hatch in entries
    ]
    figure.legend(
        handles=handles, loc="outside upper center", ncols=min(3, len(entries)), handlelength=2.2, handleheight=1.1
    )

"""The critical-difference diagram of mean ranks (Demšar, J. Mach. Learn. Res. 7, 2006).

Where things stand is found first, in inches, and drawn afterwards: the first is plain numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bpbench.report.canvas import INK, WIDTH, Style, label, page, svg, told
from bpbench.report.language import listed, tell
from bpbench.report.numerals import fixed, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Bars of one kind beyond which they say less than their letters in the table.
MOST_BARS: Final = 12
#: Left and right of the line there is room for names: so much, and more for each letter, of which so many are shown.
_SIDE: Final = 0.75
_LETTER: Final = 0.06
_LETTERS: Final = 22
#: Least room there: the names of the ways of telling stand on the left.
_LEAST: Final = 1.2
#: From the end of the line to the marks beside names.
_GAP: Final = 0.14
#: Height of a line of names, and of a level of bars.
_LINE: Final = 0.17
_LEVEL: Final = 0.1
#: Height of what stands above the line: the critical difference, ranks; and room below it before bars begin.
_HEAD: Final = 0.62
_BELOW: Final = 0.16
#: Numbers of ranks that a line has room for.
_TICKS: Final = 12


@dataclass(frozen=True, slots=True)
class Groups:
    """Variants that one way of telling does not tell apart.

    Attributes
    ----------
    name : str
        What tells them apart, in two words.
    cliques : tuple of tuple of str
        The groups.
    joined : bool
        Whether a group is all that lies between its ends, as it is where mean ranks are compared.
    """

    name: str
    cliques: tuple[tuple[str, ...], ...]
    joined: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a variant stands, in inches from the left and below the line.

    Attributes
    ----------
    name : str
        The variant.
    rank : float
        Its mean rank.
    x : float
        Of its mean rank on the line.
    depth : float
        Of its name.
    left : bool
        On which side that is.
    """

    name: str
    rank: float
    x: float
    depth: float
    left: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar that joins a group: where its members lie and its depth, in inches, and their names."""

    at: tuple[float, ...]
    depth: float
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands.

    Attributes
    ----------
    places : tuple of Place
        By mean rank, the best first.
    bars : tuple of tuple of Bar
        For each kind of group.
    depth : float
        Of all that is below the line, in inches.
    side : float
        Where the line begins, in inches from the left, and ends, from the right.
    """

    places: tuple[Place, ...]
    bars: tuple[tuple[Bar, ...], ...]
    depth: float
    side: float

    def across(self, rank: float) -> float:
        """Return where a mean rank lies on the line, in inches from the left."""
        return _across(rank, len(self.places), self.side)


def _across(rank: float, k: int, side: float) -> float:
    return side + (WIDTH - 2 * side) * (rank - 1) / (k - 1)


def lay_out(ranks: Sequence[tuple[str, float]], groups: Sequence[Groups]) -> Layout:
    """Return where names and bars stand: the better half to the left, names deeper the nearer to the middle.

    Parameters
    ----------
    ranks : sequence of (str, float)
        Variants and their mean ranks, the best first; two or more.
    groups : sequence of Groups
        What the bars join, one kind below the other.
    """
    k = len(ranks)
    side = max(_LEAST, _SIDE + _LETTER * max(len(label(name, _LETTERS)) for name, _ in ranks))
    x = {name: _across(rank, k, side) for name, rank in ranks}
    bars, depth = [], _BELOW
    for kind in groups:
        made, levels = _levelled(kind, x, depth)
        bars.append(made)
        depth += _LEVEL * levels + (0.06 if levels else 0.0)
    half = math.ceil(k / 2)
    places = tuple(
        Place(name, rank, x[name], depth + _LINE * (number if number < half else k - 1 - number), number < half)
        for number, (name, rank) in enumerate(ranks)
    )
    return Layout(places, tuple(bars), depth + _LINE * (half - 1) + 0.12, side)


def _levelled(kind: Groups, x: Mapping[str, float], depth: float) -> tuple[tuple[Bar, ...], int]:
    """Return the bars of a kind, those that would meet on different levels, and the number of levels."""
    ends: list[float] = []
    made = []
    found = [(tuple(sorted(x[name] for name in clique)), clique) for clique in kind.cliques]
    for at, clique in sorted(found):
        level = next((place for place, end in enumerate(ends) if end + _GAP < at[0]), len(ends))
        ends[level : level + 1] = [at[-1]]
        made.append(Bar(at, depth + _LEVEL * level, clique))
    return tuple(made), len(ends)


def diagram(
    ranks: Sequence[tuple[str, float]],
    looks: Mapping[str, Style],
    *,
    difference: float,
    groups: Sequence[Groups],
    key: str = "ranks",
) -> str:
    """Draw mean ranks on a line, names at both sides, and bars that join what is not told apart.

    Parameters
    ----------
    ranks : sequence of (str, float)
        Variants and their mean ranks, the best first; two or more.
    looks : dict of str to Style
        By variant.
    difference : float
        Nemenyi's critical difference of mean ranks.
    groups : sequence of Groups
        What the bars join.
    key : str
        Name of the figure.
    """
    laid = lay_out(ranks, groups)
    with page(key, _HEAD + laid.depth) as figure:
        figure.set_layout_engine("none")
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_axis_off()
        axes.set(xlim=(0, WIDTH), ylim=(-laid.depth, _HEAD))
        _line(axes, laid, difference)
        for kind, bars in zip(groups, laid.bars, strict=True):
            _joined(axes, laid, kind, bars)
        for place in laid.places:
            _named(axes, laid, place, looks[place.name])
        return svg(figure, key)


def _line(axes: Any, laid: Layout, difference: float) -> None:
    """Draw the line of ranks with its numbers, and the critical difference above it."""
    k = len(laid.places)
    axes.plot([laid.across(1), laid.across(k)], [0, 0], color=INK, linewidth=0.8)
    for rank in range(1, k + 1, math.ceil(k / _TICKS)):
        axes.plot([laid.across(rank)] * 2, [0, 0.05], color=INK, linewidth=0.6)
        axes.text(laid.across(rank), 0.07, str(rank), ha="center", va="bottom", fontsize=7)
    axes.text(laid.side - _GAP, 0.07, tell("mean rank"), ha="right", va="bottom", fontsize=7)
    # Few repeats may have a critical difference that no two ranks can reach: the bar then leaves the line.
    whole = 1 + difference <= k
    low, high = laid.across(1), laid.across(1 + difference) if whole else laid.across(k) + _GAP
    text = tell("critical difference {difference}", difference=fixed(difference, 2))
    (bar,) = axes.plot([low, high], [0.36, 0.36], color=INK, linewidth=1.4)
    told(bar, [text])
    for end in (low, high) if whole else (low,):
        axes.plot([end, end], [0.32, 0.4], color=INK, linewidth=0.8)
    if not whole:
        axes.plot(high, 0.36, ">", color=INK, markersize=4, markeredgewidth=0)
    axes.text(low, 0.43, text, ha="left", va="bottom", fontsize=7)


def _joined(axes: Any, laid: Layout, kind: Groups, bars: Sequence[Bar]) -> None:
    """Draw the bars of a kind, its name beside them: thick from end to end, or thin with a dot at each member."""
    if not bars:
        return
    depths = [bar.depth for bar in bars]
    axes.text(laid.side - _GAP, -(min(depths) + max(depths)) / 2, kind.name, ha="right", va="center", fontsize=6.5)
    for bar in bars:
        if kind.joined:
            ends, width = (bar.at[0] - 0.03, bar.at[-1] + 0.03), 2.4
        else:
            ends, width = (bar.at[0], bar.at[-1]), 0.9
            dots: dict[str, Any] = {"color": INK, "markersize": 3.4, "markeredgewidth": 0}
            axes.plot(bar.at, [-bar.depth] * len(bar.at), "o", **dots)
        (drawn,) = axes.plot(ends, [-bar.depth] * 2, color=INK, linewidth=width, solid_capstyle="butt")
        told(drawn, [_said(kind, bar)])


def _said(kind: Groups, bar: Bar) -> str:
    names = listed([say(name) for name in bar.members])
    return tell("{how}: {variants} are not told apart", how=kind.name, variants=names)


def _named(axes: Any, laid: Layout, place: Place, look: Style) -> None:
    """Draw a variant's mark on the line, its name at a side, and what leads from one to the other."""
    side, away = (laid.side - _GAP, -1) if place.left else (WIDTH - laid.side + _GAP, 1)
    axes.plot([place.x, place.x, side], [0, -place.depth, -place.depth], color=look.colour, linewidth=0.8)
    (mark,) = axes.plot(
        [place.x, side], [0, -place.depth], look.marker, color=look.colour, markersize=4.6, markeredgewidth=0, zorder=3
    )
    rank = fixed(place.rank, 2)
    told(mark, [tell("{variant}: mean rank {rank}", variant=place.name, rank=rank)] * 2)
    parts = (label(place.name, _LETTERS), rank)
    axes.text(
        side + 0.07 * away,
        -place.depth,
        "  ".join(parts if place.left else parts[::-1]),
        ha="right" if place.left else "left",
        va="center",
        fontsize=7,
    )

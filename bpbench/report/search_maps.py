"""Figures of sets beside each other: error against size or cost, and which functions survive. SVG text out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bpbench.report.canvas import COLOURS, FAINT, INK, Style, label, log_axis, sheet, spread, told
from bpbench.report.language import tell
from bpbench.report.numerals import whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Ratio of largest to smallest value from which an axis is logarithmic.
_LOG_FROM: Final = 8.0
_CHOSEN: Final = COLOURS[0]
#: From here on counts have their thousands set apart.
_GROUPED: Final = 10_000
#: Fields that say something when they are pointed at; of more the page would grow too large.
_FIELDS: Final = 2000


@dataclass(frozen=True, slots=True)
class Point:
    """A set in a plot of error against size or cost.

    Attributes
    ----------
    name : str
        As shown.
    across, up : float
        Where it lies.
    marked : bool
        Whether it stands out.
    open : bool
        Whether it is drawn hollow.
    look : Style or None
        Colour and marker of a variant; ``None``: a blue diamond where it stands out, else a circle.
    said : str
        What it says when it is pointed at.
    label : str
        Its name as findings have it.
    """

    name: str
    across: float
    up: float
    marked: bool = False
    open: bool = False
    look: Style | None = None
    said: str = ""
    label: str = ""

    @property
    def style(self) -> Style:
        """Its colour and marker."""
        return self.look or (Style(_CHOSEN, "D") if self.marked else Style(INK, "o"))


def scatter(
    points: Sequence[Point], *, key: str, across: str, up: str, front: Sequence[tuple[float, float]] = (),
    band: tuple[float, float] | None = None, legend: Mapping[str, str] | None = None,
) -> str:  # fmt: skip
    """Draw sets by cost and error; their names stand in a column beside the axes, so that none touches another.

    Parameters
    ----------
    points : sequence of Point
        The sets; those that lie on each other share a name.
    key : str
        Name of the figure.
    across, up : str
        What the axes are, with units.
    front : sequence of (float, float)
        Corners of the front, from the cheapest on.
    band : (float, float), optional
        Ends of a band of errors.
    legend : dict of str to str, optional
        Words for ``marked`` and ``other`` points.
    """
    with sheet(key, max(3.0, 0.9 + 0.17 * len(points)), columns=2, width_ratios=[2.5, 1.0]) as (figure, grid, drawn):
        axes, beside = grid[0]
        beside.set_axis_off()
        beside.set(xlim=(0, 1), ylim=(0, 1))
        xs, ys = [point.across for point in points], [point.up for point in points]
        for values, scale, axis in ((xs, axes.set_xscale, axes.xaxis), (ys, axes.set_yscale, axes.yaxis)):
            if spread(values) > _LOG_FROM:
                scale("log")
                log_axis(axis, min(values), max(values))
        axes.margins(0.08, 0.1)
        if band is not None:
            told(axes.axhspan(*band, color=FAINT, alpha=0.22, linewidth=0), [tell("margin")])
        if len(front) > 1:
            corners = ([x for x, _ in front], [y for _, y in front])
            told(axes.step(*corners, where="post", color=_CHOSEN, linewidth=1.0)[0], [tell("the front")])
        for point in points:
            colour, face = point.style.colour, "none" if point.open else point.style.colour
            (dot,) = axes.plot(
                point.across, point.up, point.style.marker, color=colour, markersize=4.8, markerfacecolor=face
            )
            told(dot, [point.said])
        axes.set_xlabel(across)
        axes.set_ylabel(up)
        axes.grid(axis="x")  # lines across would be taken for those that lead to the names
        if all(float(x).is_integer() for x in xs) and spread(xs) <= _LOG_FROM:
            axes.xaxis.set_major_locator(_integers())
        if max(xs, default=0) >= _GROUPED and spread(xs) <= _LOG_FROM:
            axes.xaxis.set_major_formatter(_counts())
        if legend:
            _named(figure, legend)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # what follows is laid out by hand
        _column(figure, axes, beside, points)
    return drawn[0]


def _integers() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(10, integer=True)


def _counts() -> Any:
    from matplotlib.ticker import FuncFormatter

    return FuncFormatter(lambda value, _: whole(round(value)))


def _named(figure: Any, legend: Mapping[str, str]) -> None:
    from matplotlib.lines import Line2D

    faces = {"marked": INK, "other": "none"}
    handles = [
        Line2D(
            [], [], color=INK, marker="o", linestyle="none", markersize=4.5, markerfacecolor=faces[which], label=text
        )
        for which, text in legend.items()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))


def _column(figure: Any, axes: Any, beside: Any, points: Sequence[Point]) -> None:
    """Write the names in a column, each near the height of its point, and lead a thin line to it."""
    to_room = beside.transData.inverted()
    heights = [
        (float(to_room.transform(axes.transData.transform((p.across, p.up)))[1]), number)
        for number, p in enumerate(points)
    ]
    gap = 10.5 / 72 / (beside.get_window_extent().height / figure.dpi)
    placed = apart([height for height, _ in sorted(heights)], gap)
    for (_, number), height in zip(sorted(heights), placed, strict=True):
        point = points[number]
        beside.annotate(
            label(point.name, 30), (point.across, point.up), xycoords=axes.transData, xytext=(0.03, height),
            textcoords=beside.transData, fontsize=7, va="center", ha="left", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": FAINT, "linewidth": 0.5, "shrinkA": 1, "shrinkB": 3,
                        "relpos": (0, 0.5)},
            color=INK,
        )  # fmt: skip


def apart(wanted: Sequence[float], gap: float) -> list[float]:
    """Return heights between 0 and 1 in the same order that are at least a gap apart, near those wanted if they fit.

    Parameters
    ----------
    wanted : sequence of float
        Ascending.
    gap : float
        Least distance; less of it where there are too many.
    """
    if not wanted:
        return []
    gap = min(gap, 1.0 / len(wanted))
    found: list[float] = []
    for height in wanted:
        found.append(max(height, found[-1] + gap) if found else max(height, 0.0))
    ceiling = 1.0
    for place in reversed(range(len(found))):
        found[place] = min(found[place], ceiling)
        ceiling = found[place] - gap
    return found


def survival(
    rows: Sequence[str], columns: Sequence[str], shares: Sequence[Sequence[float | None]],
    *, key: str, strip: bool, said: Sequence[Sequence[str]] = (),
) -> str:  # fmt: skip
    """Draw which functions each strategy keeps: a field for each, darker the more often.

    Parameters
    ----------
    rows, columns : sequence of str
        Functions and strategies.
    shares : sequence of sequence of float or None
        Row by row the share of the searches that keep a function, ``None`` where it was not in the pool.
    key : str
        Name of the figure.
    strip : bool
        Whether functions lie from left to right by their number, without names, as for a large pool.
    said : sequence of sequence of str, optional
        What each field says when it is pointed at, as ``shares``.
    """
    import numpy as np

    table = np.array([[np.nan if value is None else value for value in row] for row in shares], dtype=float)
    tall = min(0.2, 8.0 / len(rows))
    height = 1.1 + 0.28 * len(columns) if strip else 0.9 + tall * len(rows)
    with sheet(key, height) as (figure, panels, drawn):
        axes = panels[0, 0]
        picture = table.T if strip else table
        edges = [np.arange(size + 1) - 0.5 for size in picture.shape]
        # one light line between fields, none where they are as thin as it
        shade = axes.pcolormesh(
            edges[1], edges[0], np.ma.masked_invalid(picture), cmap=_shades(), vmin=0, vmax=1, edgecolors=FAINT,
            linewidth=0 if strip else 0.3,
        )  # fmt: skip
        if said and table.size <= _FIELDS:
            # in the order of the drawing, row by row
            told(shade, [text for row in (zip(*said, strict=True) if strip else said) for text in row])
        axes.invert_yaxis()
        if strip:
            axes.set_yticks(range(len(columns)), [label(name) for name in columns])
            axes.set_xlabel(tell("number of the function"))
            step = max(1, round(len(rows) / 12 / 5) * 5)
            marks = [0, *range(step - 1, len(rows), step)]
            axes.set_xticks(marks, [whole(place + 1) for place in marks])
        else:
            axes.set_yticks(range(len(rows)), [label(name, 46) for name in rows], fontsize=max(4.6, min(7, 50 * tall)))
            axes.set_xticks(range(len(columns)), [label(name, 14) for name in columns])
            axes.tick_params(axis="x", labeltop=True, labelbottom=False)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        bar = figure.colorbar(shade, ax=axes, shrink=0.9 if strip else 0.3, aspect=8 if strip else 14, pad=0.02)
        bar.set_ticks([0, 0.5, 1], labels=[tell("never"), tell("half"), tell("always")])
        bar.outline.set_visible(False)
    return drawn[0]


def _shades() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("kept", ["#dfe5ea", "#7db4d8", "#0b5a8a"])

"""Figures of results: numbers and names in, SVG text out. Captions stand in the document, not in the drawing."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from bpbench.report.canvas import FAINT, INK, Style, drawable, label, log_axis, sheet, spread, told
from bpbench.report.language import tell
from bpbench.report.numerals import decimals, exact, significant, span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: Learning curves share their axis of epochs unless one is so many times longer than another.
_REACH: Final = 3
#: Ratio of largest to smallest value from which an axis is logarithmic.
_LOG_FROM: Final = 8.0
#: Ratio of largest to smallest size of a difference from which its axis is logarithmic beyond the smaller.
_SYMLOG_FROM: Final = 50.0
#: The same of the largest to a margin, which must be wide enough to see what lies within.
_SYMLOG_FROM_MARGIN: Final = 20.0
#: Points that labels of one axis must be apart.
_GAP: Final = 4.0
#: Height in inches that the rows of a figure may take in all: what a page leaves beside its caption.
_ROWS: Final = 8.2


@dataclass(frozen=True, slots=True)
class Repeats:
    """All repeats of one variant.

    Attributes
    ----------
    name : str
        The variant.
    values : tuple of float
        One score per successful repeat.
    mean, low, high : float or None
        Mean and its interval.
    said : tuple of str
        What each value says when it is pointed at; empty: name and value.
    mean_said, interval_said : str
        The same of the mean and of its interval; empty: name, mean and interval.
    """

    name: str
    values: tuple[float, ...]
    mean: float | None
    low: float | None
    high: float | None
    said: tuple[str, ...] = field(default=(), kw_only=True)
    mean_said: str = field(default="", kw_only=True)
    interval_said: str = field(default="", kw_only=True)


@dataclass(frozen=True, slots=True)
class Difference:
    """One row of a forest plot.

    Attributes
    ----------
    name : str
        The candidate.
    value, low, high : float or None
        Candidate minus baseline, and its interval.
    verdict, numbers : str
        Words and numbers beside the row.
    baseline : str or None
        Where the rows have different ones.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    verdict: str
    numbers: str
    baseline: str | None = None


def _rows(axes: Any, names: Sequence[str], limit: int = 24) -> None:
    axes.set_yticks(range(len(names)), [label(name, limit) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _legend(figure: Any, names: Sequence[str], looks: Mapping[str, Style]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=looks[name].colour, marker=looks[name].marker, linestyle="none", markersize=4.5)
        for name in names
    ]
    figure.legend(handles, [label(name, 18) for name in names], loc="outside upper center", ncols=min(8, len(names)))


def repeats(
    rows: Sequence[Repeats],
    looks: Mapping[str, Style],
    *,
    axis: str,
    constant: float | None,
    key: str = "repeats",
    limit: int = 24,
) -> str:
    """Draw every repeat as a point, with mean and interval of the mean below the points.

    Parameters
    ----------
    rows : sequence of Repeats
        One per variant, top to bottom.
    looks : dict of str to Style
        By variant.
    axis : str
        Name and unit of the score.
    constant : float or None
        Score of the constant predictor, drawn as a line where the axis is logarithmic or the line is near.
    key : str
        Name of the figure.
    limit : int
        Letters of a name that are shown.
    """
    values = [value for row in rows for value in row.values]
    everything = values + ([constant] if constant else [])
    logarithmic = spread(values) > _LOG_FROM
    near = bool(values) and constant is not None and (logarithmic or constant < 2 * max(values))
    with sheet(key, 0.75 + min(0.34 * len(rows), _ROWS)) as (_, panels, drawn):
        axes = panels[0, 0]
        if logarithmic:
            axes.set_xscale("log")
            log_axis(axes.xaxis, min(values), max(everything if near else values))
        for place, row in enumerate(rows):
            look = looks[row.name]
            steps = max(len(row.values) - 1, 1)
            # Points of one row are staggered by their number, so that equal scores stay visible.
            heights = [place - 0.24 + 0.22 * (number / steps) for number in range(len(row.values))]
            (dots,) = axes.plot(
                row.values, heights, look.marker, color=look.colour, markersize=3.6, alpha=0.75, markeredgewidth=0
            )
            told(dots, row.said or [f"{row.name}: {significant(value)}" for value in row.values])
            if row.low is not None and row.high is not None:
                low = max(row.low, min(values) / 10) if logarithmic else row.low
                (bar,) = axes.plot([low, row.high], [place + 0.22] * 2, color=look.colour, linewidth=1.6)
                told(bar, [row.interval_said or _mean_said(row)])
            if row.mean is not None:
                (stroke,) = axes.plot(row.mean, place + 0.22, "|", color=INK, markersize=7, markeredgewidth=1.1)
                told(stroke, [row.mean_said or _mean_said(row)])
        if near:
            line = axes.axvline(constant, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
            told(line, [tell("constant predictor: {value}", value=significant(constant))])
            axes.text(constant, -0.62, tell("constant") + " ", ha="right", va="bottom", fontsize=6.5)
        _rows(axes, [row.name for row in rows], limit)
        axes.set_xlabel(axis)
        axes.grid(axis="x")
    return drawn[0]


def _mean_said(row: Repeats) -> str:
    mean = tell("{name}, mean: {mean}", name=row.name, mean=significant(row.mean))
    if row.low is None or row.high is None:
        return mean
    return f"{mean} ({span(row.low, row.high, decimals((row.high - row.low) / 2))})"


def curves(
    panels: Sequence[tuple[str, Mapping[str, Any]]],
    looks: Mapping[str, Style],
    *,
    axis: str,
    key: str = "learning_curves",
) -> str:
    """Draw learning curves, one panel per variant: median over the repeats, with the range as a band.

    Parameters
    ----------
    panels : sequence of (str, dict)
        Variant, and its curve with ``epoch``, ``train`` and ``validation`` (each ``median``, ``low``, ``high``).
    looks : dict of str to Style
        By variant.
    axis : str
        Name and unit of the score.
    key : str
        Name of the figure.
    """
    columns = min(3, len(panels))
    rows = math.ceil(len(panels) / columns)
    everything = [value for _, curve in panels for part in ("train", "validation") for value in curve[part]["median"]]
    together = alike([curve for _, curve in panels])
    with sheet(key, 0.4 + 1.7 * rows, rows=rows, columns=columns, sharex=together, sharey=True) as (
        figure,
        grid,
        drawn,
    ):
        flat = list(grid.flat)
        for axes, (name, curve) in zip(flat, panels, strict=False):
            for part, line, shade in (("train", (0, (3, 2)), 0.1), ("validation", "-", 0.22)):
                band = curve[part]
                shaded = axes.fill_between(
                    curve["epoch"], band["low"], band["high"], color=looks[name].colour, alpha=shade, linewidth=0
                )
                colour = FAINT if part == "train" else looks[name].colour
                (median,) = axes.plot(curve["epoch"], band["median"], color=colour, linestyle=line)
                told(shaded, [_BANDS[part](name)])
                told(median, [_MEDIANS[part](name)])
            axes.set_title(label(name), loc="left")
            axes.grid(axis="y")
        if spread(everything) > _LOG_FROM:
            flat[0].set_yscale("log")
            log_axis(flat[0].yaxis, min(everything), max(everything))
        for axes in flat[len(panels) :]:
            axes.set_visible(False)
        for place in range(max(0, len(panels) - columns), len(panels)):
            flat[place].tick_params(labelbottom=True)
            flat[place].set_xlabel(tell("epoch or round"))
        figure.supylabel(axis, fontsize=7.5)
        _curve_legend(figure)
    return drawn[0]


_BANDS: Final[dict[str, Callable[[str], str]]] = {
    "train": lambda name: tell("{name}, training: least to largest of the repeats", name=name),
    "validation": lambda name: tell("{name}, validation: least to largest of the repeats", name=name),
}
_MEDIANS: Final[dict[str, Callable[[str], str]]] = {
    "train": lambda name: tell("{name}, training: median of the repeats", name=name),
    "validation": lambda name: tell("{name}, validation: median of the repeats", name=name),
}


def alike(curves: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether learning curves are of about equal length, so that one axis of epochs serves them all."""
    reach = [int(curve["epoch"][-1]) for curve in curves]
    return max(reach) <= _REACH * min(reach)


def _curve_legend(figure: Any) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Line2D([], [], color=FAINT, linestyle=(0, (3, 2)), label=tell("training")),
        Line2D([], [], color=INK, label=tell("validation (in the variant's colour)")),
        Patch(facecolor=FAINT, alpha=0.4, label=tell("from the least to the largest repeat")),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)


def states(
    groups: Sequence[str],
    panels: Sequence[tuple[str, Mapping[str, Sequence[float | None]]]],
    looks: Mapping[str, Style],
    *,
    key: str = "errors_by_state",
) -> str:
    """Draw errors by state point, one panel per kind of error, one row per state.

    Parameters
    ----------
    groups : sequence of str
        State points, top to bottom.
    panels : sequence of (str, dict)
        Name and unit of the error, and by variant one value per state (``None`` where there is none).
    looks : dict of str to Style
        By variant.
    key : str
        Name of the figure.
    """
    names = list(panels[0][1])
    with sheet(key, 1.0 + 0.27 * len(groups), columns=len(panels), sharey=True) as (figure, grid, drawn):
        for column, (axis, series) in enumerate(panels):
            axes = grid[0, column]
            values = [value for row in series.values() for value in row if value is not None]
            for place in range(0, len(groups), 2):
                axes.axhspan(place - 0.5, place + 0.5, color=FAINT, alpha=0.1, linewidth=0)
            for number, (name, row) in enumerate(series.items()):
                # A little height for each variant, so that no marker hides another.
                shift = 0.5 * (number / max(len(names) - 1, 1) - 0.5)
                found = [(value, place + shift) for place, value in enumerate(row) if value is not None]
                (dots,) = axes.plot(
                    [value for value, _ in found],
                    [height for _, height in found],
                    looks[name].marker,
                    color=looks[name].colour,
                    markersize=3.6,
                    markeredgewidth=0,
                    alpha=0.9,
                )
                said = [(group, value) for group, value in zip(groups, row, strict=True) if value is not None]
                told(dots, [f"{name}, {group}: {significant(value)}" for group, value in said])
            if spread(values) > _LOG_FROM:
                axes.set_xscale("log")
                # Three panels share the width, so each has room for few numbers.
                log_axis(axes.xaxis, min(values), max(values) * (1 if spread(values) < 40 else 100))
            axes.set_xlabel(axis)
            axes.grid(axis="x")
            axes.spines["left"].set_visible(False)
        _rows(grid[0, 0], groups, 28)
        for axes in grid[0, 1:]:
            axes.tick_params(axis="y", length=0)
        _legend(figure, names, looks)
    return drawn[0]


def forest(
    rows: Sequence[Difference],
    looks: Mapping[str, Style],
    *,
    axis: str,
    margin: float | None,
    sides: tuple[str, str],
    key: str = "forest",
) -> str:
    """Draw differences from the baseline with their intervals, zero and the margin.

    Parameters
    ----------
    rows : sequence of Difference
        Top to bottom.
    looks : dict of str to Style
        By variant.
    axis : str
        What the difference is, with its unit.
    margin : float or None
        Half the width of the band in which a difference does not matter.
    sides : tuple of str
        Words for the left and for the right of zero.
    key : str
        Name of the figure.
    """
    ends = [end for row in rows for end in (row.value, row.low, row.high) if end is not None] + [0.0]
    if margin is not None:
        ends += [-margin, margin]
    # Differences over several orders are drawn linear within about the margin and logarithmic beyond it. Without one
    # it is within what the nearest row reaches, not how near its middle happens to lie to zero.
    reach = max(map(abs, ends))
    threshold = _rounded(margin or min(filter(None, map(_reach, rows)), default=1.0))
    wide = reach > (_SYMLOG_FROM_MARGIN if margin else _SYMLOG_FROM) * threshold
    # Tiny differences have many decimals, beside which the verdict still needs its place.
    room = max(1.0, max(len(row.numbers) for row in rows) / 24)
    with sheet(key, 0.95 + min(0.3 * len(rows), _ROWS), columns=2, width_ratios=[1.7, room]) as (
        figure,
        grid,
        drawn,
    ):
        axes, beside = grid[0]
        beside.set_axis_off()
        beside.set(xlim=(0, 1), ylim=(len(rows) - 0.4, -0.6))
        if wide:
            axes.set_xscale("symlog", linthresh=threshold, linscale=1.0)
            axes.set_xlim(min(1.35 * min(ends), -1.2 * threshold), max(1.35 * max(ends), 1.2 * threshold))
        if margin is not None:
            axes.axvspan(-margin, margin, color=FAINT, alpha=0.18, linewidth=0)
        axes.axvline(0, color=INK, linewidth=0.7)
        for place, row in enumerate(rows):
            look = looks[row.name]
            if row.low is not None and row.high is not None:
                (bar,) = axes.plot([row.low, row.high], [place] * 2, color=look.colour, linewidth=1.5)
                told(bar, [_row_said(row)])
            if row.value is not None:
                (dot,) = axes.plot(row.value, place, look.marker, color=look.colour, markersize=5)
                told(dot, [_row_said(row)])
            beside.text(0.0, place, row.numbers, va="center", fontsize=7)
            beside.text(1.0, place, row.verdict, va="center", ha="right", fontsize=7, weight="bold")
        _rows(axes, [row.name if row.baseline is None else _pair(row.name, row.baseline) for row in rows])
        axes.set_xlabel(drawable(axis))
        axes.grid(axis="x")
        for place, (words, side) in enumerate(zip(sides, ("left", "right"), strict=True)):
            axes.text(place, 1.0, drawable(words), transform=axes.transAxes, ha=side, va="bottom", fontsize=6.5)
        _apart(figure, axes.xaxis, threshold if wide else None, reach)
    return drawn[0]


def _row_said(row: Difference) -> str:
    name = row.name if row.baseline is None else f"{row.name} − {row.baseline}"
    return f"{name}: {'; '.join(part for part in (row.numbers, row.verdict) if part)}"


def _pair(candidate: str, baseline: str) -> str:
    return f"{label(candidate, 11)} − {label(baseline, 11)}"


def _reach(row: Difference) -> float:
    return max(abs(end) for end in (row.value, row.low, row.high, 0.0) if end is not None)


def _rounded(size: float) -> float:
    """Return the largest of 1, 2 and 5 times a power of ten that is not above a size."""
    power = math.floor(math.log10(size))
    # a size that is such a number may lie below it by rounding
    return max(step for factor in (0.5, 1, 2, 5) if (step := float(f"{factor}e{power}")) <= size * (1 + 1e-12))


def _apart(figure: Any, axis: Any, threshold: float | None, reach: float) -> None:
    """Set as many marks on the axis of differences as leave their labels apart.

    Parameters
    ----------
    figure, axis : Figure, XAxis
        Finished but for its marks.
    threshold : float or None
        Where the axis turns logarithmic, ``None`` if it is linear.
    reach : float
        The largest size that is drawn.
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

    axis.set_minor_locator(NullLocator())
    if threshold is None:
        choices: list[Any] = [MaxNLocator(number, steps=[1, 2, 5, 10]) for number in range(8, 0, -1)]
    else:
        choices = [FixedLocator(marks) for marks in _symlog_marks(threshold, 1.3 * reach)]
        axis.set_major_formatter(FuncFormatter(lambda value, _: exact(value)))
    for choice in choices:
        axis.set_major_locator(choice)
        figure.draw_without_rendering()  # lays the figure out
        left, right = sorted(axis.axes.get_xlim())
        ticks = [tick for tick in axis.get_major_ticks() if left <= tick.get_loc() <= right]
        boxes = sorted((box.x0, box.x1) for tick in ticks for box in [tick.label1.get_window_extent()])
        if all(one[1] + _GAP <= other[0] for one, other in pairwise(boxes)):
            return


def _symlog_marks(threshold: float, reach: float) -> list[list[float]]:
    """Return marks from many to few: three a decade, one, then every second, third, … and zero alone."""
    first, last = math.ceil(math.log10(threshold * (1 - 1e-9))), math.floor(math.log10(reach))
    decades = [float(f"1e{power}") for power in range(first, last + 1)]
    fine = [
        step
        for power in range(first - 1, last + 1)
        for factor in (1, 2, 5)
        if threshold <= (step := float(f"{factor}e{power}")) <= reach
    ]
    found = [fine, *(decades[::-1][::every] for every in range(1, len(decades) + 1)), []]
    return [sorted({0.0, *marks, *(-mark for mark in marks)}) for marks in found]

"""The sheet of one axis of a sweep: learning curves on the left, the judged score over the axis on the right."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bpbench.report.canvas import COLOURS, FAINT, INK, label, log_axis, page, spread, styles, svg, told
from bpbench.report.language import tell
from bpbench.report.numerals import exact, fixed, whole
from bpbench.report.panels import ramp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Ratio of largest to smallest value from which an axis is logarithmic.
_LOG_FROM: Final = 8.0
#: Times the largest score up to which the constant predictor is drawn: from further away it would hide the rest.
_NEAR: Final = 3.0
#: Panels of learning curves on one sheet, and lines that a legend names.
PANELS: Final = 6
_NAMED: Final = 12
#: Entries of that legend side by side.
_ABREAST: Final = 4


@dataclass(frozen=True, slots=True)
class Spot:
    """What came of one contestant.

    Attributes
    ----------
    values : tuple of float
        One score per successful repeat.
    mean, low, high : float or None
        Mean and its interval.
    curve : dict or None
        Learning curve with ``epoch`` and ``validation`` (``median``, ``low``, ``high``).
    name : str
        The contestant, as its marks say when they are pointed at.
    places : int or None
        Decimals with which its scores are told.
    """

    values: tuple[float, ...]
    mean: float | None
    low: float | None
    high: float | None
    curve: Mapping[str, Any] | None
    name: str = ""
    places: int | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """Contestants that differ in the axis alone.

    Attributes
    ----------
    name : str
        What else they have in common, empty where there is one series only.
    spots : tuple of Spot or None
        One per value of the axis, ``None`` where there is no such contestant.
    """

    name: str
    spots: tuple[Spot | None, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """The axis of a sheet: its label, its values as text, and where they lie (``None``: they are categories)."""

    label: str
    values: tuple[str, ...]
    positions: tuple[float, ...] | None

    @property
    def logarithmic(self) -> bool:
        """Whether the values span orders of magnitude."""
        return self.positions is not None and spread(self.positions) > _LOG_FROM

    @property
    def places(self) -> list[float]:
        """Where the values are drawn: numbers, their logarithms, or the count of categories."""
        if self.positions is None:
            return [float(number) for number in range(len(self.values))]
        return [math.log10(at) if self.logarithmic else at for at in self.positions]


def sheet(
    axis: Axis,
    series: Sequence[Series],
    *,
    key: str,
    score: str,
    levels: Sequence[tuple[int | None, float]],
    constant: float | None,
) -> str:
    """Draw the sheet of an axis.

    Parameters
    ----------
    axis : Axis
        What is varied.
    series : sequence of Series
        One line each.
    key : str
        Name of the figure.
    score : str
        Name and unit of the judged score.
    levels : sequence of (int or None, float)
        Score of the linear potential on the same inputs, for one value of the axis or (``None``) for all.
    constant : float or None
        Score of the constant predictor, drawn where it is near.
    """
    learning = [one for one in series if any(spot is not None and spot.curve for spot in one.spots)][:PANELS]
    columns = 1 if len(learning) < 3 else 2
    rows = math.ceil(len(learning) / columns)
    with page(key, max(2.95, 0.9 + 1.35 * rows)) as figure:
        if learning:
            left, right = figure.add_gridspec(1, 2, width_ratios=[1.2, 1.0])
            named = _named(axis, learning)
            # A line of the legend needs about a sixth of an inch, and its title one more.
            head = (1 + math.ceil(len(named) / _ABREAST)) / 6 / max(1.35, 2.3 / rows)
            grid = left.subgridspec(rows + 1, columns, height_ratios=[head] + [1.0] * rows)
            _legend(figure.add_subplot(grid[0, :]), axis, named)
            _learning(figure, grid, axis, learning, titled=len(series) > 1)
        else:
            right = figure.add_gridspec(1, 1)[0, 0]
        _scores(figure.add_subplot(right), axis, series, score, levels, constant)
        return svg(figure, key)


def _colours(axis: Axis) -> list[Any]:
    """Return the colour of each value: a ramp where the values have an order, else colours told apart."""
    number = len(axis.values)
    return ramp(number) if axis.positions is not None or number > len(COLOURS) else list(COLOURS[:number])


def _named(axis: Axis, series: Sequence[Series]) -> list[tuple[str, Any]]:
    """Return the values that have a curve, with their colours; of very many every so manieth."""
    drawn = [
        (text, colour)
        for number, (text, colour) in enumerate(zip(axis.values, _colours(axis), strict=True))
        if any((spot := one.spots[number]) is not None and spot.curve for one in series)
    ]
    return drawn[:: -(-len(drawn) // _NAMED)]


def _legend(room: Any, axis: Axis, named: Sequence[tuple[str, Any]]) -> None:
    from matplotlib.lines import Line2D

    room.set_axis_off()
    handles = [Line2D([], [], color=colour, linewidth=1.6, label=label(text, 18)) for text, colour in named]
    options: dict[str, Any] = {
        "alignment": "left",
        "handlelength": 1.4,
        "columnspacing": 1.2,
        "borderpad": 0,
        "borderaxespad": 0,
    }
    title = label(axis.label, 30)
    room.legend(handles=handles, title=title, title_fontsize=7, loc="center left", ncols=_ABREAST, **options)


def _learning(figure: Any, grid: Any, axis: Axis, series: Sequence[Series], *, titled: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    colours, rows = _colours(axis), grid.nrows - 1  # the first row holds the legend
    medians: list[float] = []
    first: Any = None
    for place, one in enumerate(series):
        row, column = divmod(place, grid.ncols)
        axes = figure.add_subplot(grid[row + 1, column], sharex=first, sharey=first)
        first = first or axes
        for spot, colour in zip(one.spots, colours, strict=True):
            if spot is None or not spot.curve:
                continue
            epochs, band = spot.curve["epoch"], spot.curve["validation"]
            axes.fill_between(epochs, band["low"], band["high"], color=colour, alpha=0.15, linewidth=0)
            (line,) = axes.plot(epochs, band["median"], color=colour, linewidth=1.2)
            told(line, [tell("{variant}: validation RMSE, median", variant=spot.name)])
            medians += band["median"]
        if titled:
            # Where two panels stand side by side, a name of several parts needs several lines.
            apart = " ; " if " ; " in one.name else ", "
            axes.set_title(f"{apart.rstrip()}\n".join(label(part, 24) for part in one.name.split(apart)), loc="left")
        axes.grid(axis="y")
        if column == 0:
            axes.set_ylabel(tell("validation RMSE (meV/atom)") if rows < 2 else tell("RMSE"))
        else:
            axes.tick_params(labelleft=False)
        if row == rows - 1:
            axes.set_xlabel(tell("epoch or round"))
        elif place + grid.ncols < len(series):
            axes.tick_params(labelbottom=False)
    if spread(medians) > _LOG_FROM:
        first.set_yscale("log")
        log_axis(first.yaxis, min(medians), max(medians))
    first.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    first.set_xlim(left=0)


def _scores(
    axes: Any,
    axis: Axis,
    series: Sequence[Series],
    score: str,
    levels: Sequence[tuple[int | None, float]],
    constant: float | None,
) -> None:
    places, many = axis.places, len(series) > 1
    looks, colours = list(styles([str(place) for place in range(len(series))]).values()), _colours(axis)
    values = [value for one in series for spot in one.spots if spot is not None for value in spot.values]
    seen = values + [level for _, level in levels]
    if constant is not None and values and constant < _NEAR * max(values):
        seen.append(constant)
    else:
        constant = None
    gap = min((b - a for a, b in itertools.pairwise(sorted(places)) if b > a), default=1.0)
    # Side by side at each value, so that no series hides another; beside the dots of a series its mean.
    step = 0.7 * gap / len(series)
    wide, beside = min(0.05 * gap, 0.18 * step), min(0.11 * gap, 0.36 * step)
    for number, (one, look) in enumerate(zip(series, looks, strict=True)):
        middles = [place + step * (number - (len(series) - 1) / 2) - beside / 2 for place in places]
        found = [(middle, spot, at) for at, (middle, spot) in enumerate(zip(middles, one.spots, strict=True)) if spot]
        if axis.positions is not None:
            means = sorted((middle + beside, spot.mean) for middle, spot, _ in found if spot.mean is not None)
            line = {"color": look.colour if many else FAINT, "linewidth": 0.8, "alpha": 0.8}
            axes.plot([x for x, _ in means], [y for _, y in means], **line)
        for middle, spot, at in found:
            colour = look.colour if many else colours[at]
            last = max(len(spot.values) - 1, 1)
            steps = [middle + wide * (2 * n / last - 1) for n in range(len(spot.values))]
            look_of = {"color": colour, "markersize": 2.8, "alpha": 0.55, "markeredgewidth": 0}
            (dots,) = axes.plot(steps, spot.values, look.marker, **look_of)
            if spot.values:  # an empty line is not drawn at all
                told(dots, _said(spot))
            if spot.low is not None and spot.high is not None:
                axes.plot([middle + beside] * 2, [max(spot.low, min(seen) / 2), spot.high], color=colour, linewidth=1.6)
            if spot.mean is not None:
                axes.plot(middle + beside, spot.mean, "_", color=INK, markersize=6, markeredgewidth=1.1)
    _levels(axes, axis, levels, gap, constant)
    if spread(seen) > _LOG_FROM:
        axes.set_yscale("log")
        log_axis(axes.yaxis, min(seen), max(seen))
    _ticks(axes, axis, gap)
    axes.set_ylabel(score)
    axes.grid(axis="y")
    _names(axes, [one.name for one in series] if many else [], looks, lines=axis.positions is not None)


def _said(spot: Spot) -> list[str]:
    """Return what the marks of a contestant's repeats say."""
    return [
        tell("{variant}, repeat {n}: {value}", variant=spot.name, n=whole(n), value=fixed(value, spot.places))
        for n, value in enumerate(spot.values, 1)
    ]


_DASHED: Final[dict[str, Any]] = {"color": INK, "linewidth": 0.9, "linestyle": (0, (4, 2))}
_DOTTED: Final[dict[str, Any]] = {"color": FAINT, "linewidth": 1.1, "linestyle": (0, (1, 1.5))}


def _levels(
    axes: Any, axis: Axis, levels: Sequence[tuple[int | None, float]], gap: float, constant: float | None
) -> None:
    for number, (at, level) in enumerate(levels):
        named = {} if number else {"label": tell("linear potential")}
        if at is None:
            axes.axhline(level, **_DASHED, **named)
        else:
            axes.plot([axis.places[at] - 0.42 * gap, axis.places[at] + 0.42 * gap], [level] * 2, **_DASHED, **named)
    if constant is not None:
        axes.axhline(constant, **_DOTTED, label=tell("constant"))


def _ticks(axes: Any, axis: Axis, gap: float) -> None:
    from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator

    places = axis.places
    axes.set_xlim(min(places) - 0.6 * gap, max(places) + 0.6 * gap)
    axes.xaxis.set_minor_locator(NullLocator())
    reach = max(places) - min(places) or 1.0
    if axis.positions is None:
        names = [label(value, 18) for value in axis.values]
    elif axis.logarithmic or gap > 0.09 * reach:
        names = [exact(position, 4) for position in axis.positions]
    else:
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.set_xlabel(axis.label)
        return
    axes.xaxis.set_major_locator(FixedLocator(places))
    axes.xaxis.set_major_formatter(FixedFormatter(names))
    if sum(map(len, names)) > 36 or gap < 0.09 * reach:
        axes.tick_params(axis="x", labelrotation=35)
        for text in axes.get_xticklabels():
            text.set(ha="right", rotation_mode="anchor")
    axes.set_xlabel(axis.label)


def _names(axes: Any, names: Sequence[str], looks: Sequence[Any], *, lines: bool) -> None:
    """Name series and levels above the panel, where nothing is drawn."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D(
            [], [], color=look.colour, marker=look.marker, linewidth=0.8 if lines else 0, markersize=3.6,
            label=label(name, 30),
        )
        for name, look in zip(names, looks, strict=False)
    ]  # fmt: skip
    handles += axes.get_legend_handles_labels()[0]
    if handles:
        axes.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=1 if len(names) < 2 else 2)

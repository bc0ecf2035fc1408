"""The figure of the expected best of n repeats over n, by both estimators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bpbench.report.canvas import INK, Style, label, log_axis, sheet, spread, told
from bpbench.report.language import tell
from bpbench.report.numerals import fixed, whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Curves up to which each has a band; more bands would hide each other.
BANDS: Final = 8
#: Ratio of largest to smallest value from which an axis is logarithmic, and number of repeats from which n is.
_LOG_FROM: Final = 8.0
_LOG_N_FROM: Final = 30
#: Curves up to which each may have a panel of its own.
_PANELS: Final = 12
#: Names of the legend side by side.
_ABREAST: Final = 4


@dataclass(frozen=True, slots=True)
class Best:
    """The curve of a variant.

    Attributes
    ----------
    name : str
        The variant.
    n : tuple of int
        Sizes, rising.
    without, drawn : tuple of float
        The expected best of so many, without and with replacement.
    spread : tuple of float
        Standard deviation of one best of n that are drawn with replacement.
    places : int or None
        Decimals with which its values are told.
    """

    name: str
    n: tuple[int, ...]
    without: tuple[float, ...]
    drawn: tuple[float, ...]
    spread: tuple[float, ...]
    places: int | None


def apart(curves: Sequence[Best]) -> bool:
    """Return whether each curve has a panel of its own: where one scale for all would flatten them, if they are few."""
    values = [value for curve in curves for value in (*curve.without, *curve.drawn)]
    return spread(values) > _LOG_FROM and len(curves) <= _PANELS


def best_of(curves: Sequence[Best], looks: Mapping[str, Style], *, axis: str, key: str = "best_of") -> str:
    """Draw the curves.

    Parameters
    ----------
    curves : sequence of Best
        One or more.
    looks : dict of str to Style
        By variant.
    axis : str
        Name and unit of the score.
    key : str
        Name of the figure.
    """
    if apart(curves):
        return _panels(curves, looks, axis=axis, key=key)
    lines = -(-(len(curves) + 2) // _ABREAST)
    values = [value for curve in curves for value in (*curve.without, *curve.drawn)]
    floor = min(values) / 2 if spread(values) > _LOG_FROM else None
    with sheet(key, 2.9 + 0.16 * lines) as (figure, panels, drawn):
        axes = panels[0, 0]
        for curve in curves:
            _one(axes, curve, looks[curve.name], band=len(curves) <= BANDS, floor=floor)
        if floor is not None:
            axes.set_yscale("log")
            log_axis(axes.yaxis, min(values), max(values))
        _sizes(axes, max(curve.n[-1] for curve in curves), 12)
        axes.set_xlabel(tell("repeats of which the best is kept, n"))
        axes.set_ylabel(axis)
        axes.grid(axis="y")
        _legend(figure, curves, looks)
    return drawn[0]


def _panels(curves: Sequence[Best], looks: Mapping[str, Style], *, axis: str, key: str) -> str:
    columns = min(3, len(curves))
    rows = -(-len(curves) // columns)
    with sheet(key, 0.7 + 1.45 * rows, rows=rows, columns=columns) as (figure, grid, drawn):
        flat = list(grid.flat)
        for axes, curve in zip(flat, curves, strict=False):
            _one(axes, curve, looks[curve.name], band=True, floor=None)
            _sizes(axes, curve.n[-1], 6)
            axes.set_title(label(curve.name, 26), loc="left")
            axes.grid(axis="y")
        for axes in flat[len(curves) :]:
            axes.set_visible(False)
        figure.supxlabel(tell("repeats of which the best is kept, n"), fontsize=7.5)
        figure.supylabel(axis, fontsize=7.5)
        _legend(figure, (), looks)
    return drawn[0]


def _one(axes: Any, curve: Best, look: Style, *, band: bool, floor: float | None) -> None:
    if band:
        pairs = list(zip(curve.drawn, curve.spread, strict=True))
        low = [value - width if floor is None else max(value - width, floor) for value, width in pairs]
        axes.fill_between(
            curve.n, low, [value + width for value, width in pairs], color=look.colour, alpha=0.12, linewidth=0
        )
    axes.plot(curve.n, curve.drawn, color=look.colour, linewidth=1.0, linestyle=(0, (4, 2)))
    axes.plot(curve.n, curve.without, color=look.colour, linewidth=1.2)
    marks = axes.scatter(curve.n, curve.without, s=16, marker=look.marker, color=look.colour, linewidths=0, zorder=3)
    told(
        marks,
        [
            tell("{variant}, best of {n}: {value}", variant=curve.name, n=whole(n), value=fixed(value, curve.places))
            for n, value in zip(curve.n, curve.without, strict=True)
        ],
    )


def _sizes(axes: Any, most: int, marks: int) -> None:
    from matplotlib.ticker import MaxNLocator

    if most >= _LOG_N_FROM:
        axes.set_xscale("log")
        log_axis(axes.xaxis, 1, most)
        axes.set_xlim(0.9, 1.1 * most)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(marks, integer=True))
        axes.set_xlim(1 - 0.03 * most, 1.03 * most)


def _legend(figure: Any, curves: Sequence[Best], looks: Mapping[str, Style]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D(
            [], [], color=look.colour, marker=look.marker, markersize=4.2, linewidth=1.2, label=label(curve.name, 22)
        )
        for curve in curves
        for look in (looks[curve.name],)
    ]
    handles += [
        Line2D([], [], color=INK, linewidth=1.2, label=tell("without replacement")),
        Line2D([], [], color=INK, linewidth=1.0, linestyle=(0, (4, 2)), label=tell("with replacement")),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(_ABREAST, len(handles)))

"""Figures of strategies: what was tried, step by step, and what was kept. Numbers and names in, SVG text out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bpbench.report.canvas import COLOURS, FAINT, INK, label, log_axis, sheet, spread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Ratio of largest to smallest value from which an axis is logarithmic.
_LOG_FROM: Final = 8.0
#: Rows that a page can show with their names, and of more how many from each end.
ROWS: Final = 62
_ENDS: Final = 30
_CHOSEN, _OTHER, _STOPPED = COLOURS[0], COLOURS[7], COLOURS[1]
_SMALL: Final = 6.5


@dataclass(frozen=True, slots=True)
class Mark:
    """A candidate in a figure.

    Attributes
    ----------
    name : str
        As shown.
    value, low, high : float or None
        What is drawn, and its interval.
    chosen, stopped : bool
        Whether it was taken, and whether it had fewer repeats than the others.
    """

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    chosen: bool = False
    stopped: bool = False


def kept_rows(number: int) -> list[int | None]:
    """Return which rows of a long ranking are drawn, ``None`` for the gap between its two ends."""
    if number <= ROWS:
        return list(range(number))
    return [*range(_ENDS), None, *range(number - _ENDS, number)]


def _colour(mark: Mark) -> str:
    return _CHOSEN if mark.chosen else _STOPPED if mark.stopped else INK


def ranked(
    rows: Sequence[Mark], *, key: str, axis: str, band: float | None, legend: Mapping[str, str], bars: bool = False
) -> str:
    """Draw a ranking with a row for each function: differences with their intervals, or bars from zero.

    Parameters
    ----------
    rows : sequence of Mark
        Top to bottom; of very many the two ends.
    key : str
        Name of the figure.
    axis : str
        What is drawn, with its unit.
    band : float or None
        Half the width of the band in which a difference does not matter.
    legend : dict of str to str
        Words for ``chosen``, ``stopped`` and ``other`` rows, as far as they are told apart.
    bars : bool
        Whether values are bars from zero.
    """
    order = kept_rows(len(rows))
    tall = min(0.22, 8.1 / len(order))
    size = max(4.6, min(7.0, 72 * tall * 0.72))
    with sheet(key, 0.75 + tall * len(order)) as (figure, panels, drawn):
        axes = panels[0, 0]
        axes.axvline(0, color=INK, linewidth=0.7)
        if band is not None:
            axes.axvspan(-band, band, color=FAINT, alpha=0.18, linewidth=0)
        names = []
        for place, number in enumerate(order):
            if number is None:
                names.append(f"… {len(rows) - 2 * _ENDS} more …")
                continue
            row = rows[number]
            names.append(row.name)
            colour = _colour(row)
            if row.value is None:
                continue
            if bars:
                axes.barh(place, row.value, 0.72, color=colour if row.chosen else _OTHER, linewidth=0)
                continue
            if row.low is not None and row.high is not None:
                axes.plot([row.low, row.high], [place] * 2, color=colour, linewidth=1.0)
            face = "none" if row.stopped else colour
            axes.plot(row.value, place, "o", color=colour, markersize=3.2, markerfacecolor=face, markeredgewidth=0.8)
        axes.set_yticks(range(len(names)), [label(name, 46) for name in names], fontsize=size)
        axes.set_ylim(len(names) - 0.3, -0.7)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(axis)
        axes.grid(axis="x")
        _keys(figure, legend, bars=bars)
    return drawn[0]


def _keys(figure: Any, legend: Mapping[str, str], *, bars: bool = False) -> None:
    from matplotlib.lines import Line2D

    if not legend:
        return
    colours = {"chosen": _CHOSEN, "stopped": _STOPPED, "other": _OTHER if bars else INK}
    handles = [
        Line2D(
            [], [], color=colours[which], marker="s" if bars else "o", linestyle="none", markersize=4,
            markerfacecolor="none" if which == "stopped" else colours[which], label=text,
        )
        for which, text in legend.items()
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))


def by_size(
    sizes: Sequence[Mapping[str, Any]], draws: Sequence[tuple[int, float]], chosen: tuple[int, float] | None,
    *, key: str, score: str,
) -> str:  # fmt: skip
    """Draw scores of random subsets against their size: range, quartiles, mean, and every draw.

    Parameters
    ----------
    sizes : sequence of dict
        Per size ``size``, ``mean``, ``minimum``, ``lower_quartile``, ``upper_quartile`` and ``maximum``.
    draws : sequence of (int, float)
        Size and score of each draw.
    chosen : (int, float) or None
        The one that was chosen.
    key, score : str
        Name of the figure; name and unit of the score.
    """
    found = [entry for entry in sizes if entry["mean"] is not None]
    across = [entry["size"] for entry in found]
    with sheet(key, 3.1) as (figure, panels, drawn):
        axes = panels[0, 0]
        for low, high, shade in (
            () if not found else (("minimum", "maximum", 0.13), ("lower_quartile", "upper_quartile", 0.3))
        ):
            ends = [[entry[end] for entry in found] for end in (low, high)]
            axes.fill_between(across, *ends, color=_CHOSEN, alpha=shade, linewidth=0)
        axes.plot(across, [entry["mean"] for entry in found], color=_CHOSEN, linewidth=1.4)
        across = sorted({size for size, _ in draws})
        axes.plot([size for size, _ in draws], [value for _, value in draws], "o", color=INK, markersize=2.4,
                  alpha=0.55, markeredgewidth=0)  # fmt: skip
        if chosen is not None:
            axes.plot(*chosen, "o", color=_STOPPED, markersize=7, markerfacecolor="none", markeredgewidth=1.2)
        values = [value for _, value in draws]
        if spread(values) > _LOG_FROM:
            axes.set_yscale("log")
            log_axis(axes.yaxis, min(values), max(values))
        _counts(axes, across, log=spread(across) > _LOG_FROM)
        axes.set_xlabel("number of functions")
        axes.set_ylabel(score)
        axes.grid(axis="y")
        _bands(figure, bands=bool(found), chosen=chosen is not None)
    return drawn[0]


def _bands(figure: Any, *, bands: bool, chosen: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Line2D([], [], color=_CHOSEN, linewidth=1.4, label="mean over draws"),
        Patch(color=_CHOSEN, alpha=0.4, linewidth=0, label="middle half"),
        Patch(color=_CHOSEN, alpha=0.13, linewidth=0, label="least to largest"),
    ][: 3 if bands else 0]
    handles += [
        Line2D([], [], color=INK, marker="o", markersize=2.4, linestyle="none", alpha=0.55, label="a draw"),
    ]
    if chosen:
        handles.append(Line2D([], [], color=_STOPPED, marker="o", markersize=6, linestyle="none",
                              markerfacecolor="none", label="chosen"))  # fmt: skip
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))


def _counts(axes: Any, across: Sequence[int], *, log: bool) -> None:
    """Mark the sizes that there are, as many as do not touch, and no fractions."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator

    different = sorted(set(across))
    if log:
        axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    if log or len(different) <= 12:
        axes.xaxis.set_major_locator(FixedLocator(different))
        axes.xaxis.set_major_formatter(FixedFormatter([str(size) for size in different]))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))


def path(attempts: Sequence[tuple[Mark, int]], start: int, *, key: str, axis: str, band: float | None) -> str:
    """Draw how functions left one after another: differences from the whole above, functions left below.

    Parameters
    ----------
    attempts : sequence of (Mark, int)
        Each smaller set that was tried, ``chosen`` where it was kept as the next one, and how many functions were left.
    start : int
        Functions before the first.
    key, axis : str
        Name of the figure; what the difference is, with its unit.
    band : float or None
        The margin.
    """
    with sheet(key, 3.7, rows=2, sharex=True, height_ratios=[2.2, 1.0]) as (figure, panels, drawn):
        top, bottom = panels[0, 0], panels[1, 0]
        top.axhline(0, color=INK, linewidth=0.7)
        if band is not None:
            top.axhline(band, color=_STOPPED, linewidth=0.9, linestyle=(0, (4, 2)))
            top.annotate("margin", (0.0, band), xycoords=("axes fraction", "data"), xytext=(2, 1.5), va="bottom",
                         textcoords="offset points", fontsize=_SMALL)  # fmt: skip
        for place, (mark, _) in enumerate(attempts, 1):
            colour = _CHOSEN if mark.chosen else _STOPPED
            if mark.value is None:
                continue
            if mark.low is not None and mark.high is not None:
                top.plot([place] * 2, [mark.low, mark.high], color=colour, linewidth=1.0)
            face = colour if mark.chosen else "none"
            top.plot(place, mark.value, "o", color=colour, markersize=3.6, markerfacecolor=face, markeredgewidth=0.9)
        left = [start, *(number for _, number in attempts)]
        bottom.step(range(len(left)), left, where="post", color=INK, linewidth=1.1)
        bottom.set_ylim(0, start * 1.08)
        bottom.set_ylabel("functions left")
        top.set_ylabel(axis)
        bottom.set_xlabel("attempt")
        _whole_numbers(bottom)
        for axes in (top, bottom):
            axes.grid(axis="y")
        _kept(figure)
    return drawn[0]


def _whole_numbers(axes: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    for axis, number in ((axes.xaxis, 10), (axes.yaxis, 4)):
        axis.set_major_locator(MaxNLocator(number, integer=True))


def _kept(figure: Any) -> None:
    from matplotlib.lines import Line2D

    figure.legend(
        handles=[
            Line2D([], [], color=_CHOSEN, marker="o", markersize=4, label="left out for good"),
            Line2D([], [], color=_STOPPED, marker="o", markersize=4, markerfacecolor="none", label="taken back"),
        ],
        loc="outside upper center",
        ncols=2,
    )


def growth(
    steps: Sequence[tuple[int, float, Sequence[float]]], others: Sequence[tuple[int, float]],
    *, key: str, score: str, whole: float | None, margin: float | None,
) -> str:  # fmt: skip
    """Draw the score of a growing set against its size, with what else was tried, the whole set and the margin.

    Parameters
    ----------
    steps : sequence of (int, float, sequence of float)
        Functions, mean and score of each repeat of the set that was taken.
    others : sequence of (int, float)
        Functions and mean of every candidate that was not.
    key, score : str
        Name of the figure; name and unit of the score.
    whole : float or None
        Mean score of the whole set.
    margin : float or None
        Its margin on the worse side, in the same unit; negative where more is better.
    """
    with sheet(key, 3.1) as (figure, panels, drawn):
        axes = panels[0, 0]
        sizes = [size for size, _, _ in steps]
        axes.plot([size for size, _ in others], [value for _, value in others], "_", color=FAINT, markersize=9,
                  markeredgewidth=0.7, label="other candidates")  # fmt: skip
        axes.plot(sizes, [mean for _, mean, _ in steps], "-o", color=_CHOSEN, markersize=4.5, label="taken, mean")
        for number, (size, _, scores) in enumerate(steps):
            name = {} if number else {"label": "taken, every repeat"}
            axes.plot([size] * len(scores), scores, "o", color=_CHOSEN, markersize=2.2, alpha=0.5,
                      markeredgewidth=0, **name)  # fmt: skip
        if whole is not None:
            axes.axhline(whole, color=INK, linewidth=0.9, linestyle=(0, (4, 3)), label="the whole set")
            if margin is not None:
                axes.axhspan(whole, whole + margin, color=FAINT, alpha=0.25, linewidth=0, label="margin")
        values = [value for _, _, scores in steps for value in scores] + [value for _, value in others]
        values += [] if whole is None else [whole]
        if spread(values) > _LOG_FROM:
            axes.set_yscale("log")
            log_axis(axes.yaxis, min(values), max(values))
        _counts(axes, sizes, log=False)
        axes.set_xlabel("number of functions")
        axes.set_ylabel(score)
        axes.grid(axis="y")
        figure.legend(loc="outside upper center", ncols=5)
    return drawn[0]

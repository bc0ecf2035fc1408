"""Figures of strategies: what was tried, step by step, and what was kept. Numbers and names in, SVG text out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from bpbench.report.canvas import COLOURS, FAINT, INK, label, log_axis, sheet, spread, told
from bpbench.report.language import tell, tell_as
from bpbench.report.numerals import whole as whole_number

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
    said : str
        What it says when it is pointed at.
    label : str
        Its name as findings have it.
    """

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    chosen: bool = False
    stopped: bool = False
    said: str = ""
    label: str = ""

    @property
    def which(self) -> Literal["chosen", "stopped", "other"]:
        """Which of the words of a legend is its."""
        return "chosen" if self.chosen else "stopped" if self.stopped else "other"


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to leave functions out: the smaller set, ``chosen`` where it was kept, and how many are left then."""

    mark: Mark
    left: int


@dataclass(frozen=True, slots=True)
class Draw:
    """A set by its number of functions and its mean score, and how it is called, shown, by findings, and pointed at."""

    size: int
    value: float
    name: str = ""
    label: str = ""
    said: str = ""
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A set that grew: as a :class:`Draw`, with the score of each repeat and what each says."""

    size: int
    mean: float
    scores: tuple[float, ...]
    name: str = ""
    label: str = ""
    said: str = ""
    repeats: tuple[str, ...] = ()


def kept_rows(number: int) -> list[int | None]:
    """Return which rows of a long ranking are drawn, ``None`` for the gap between its two ends."""
    if number <= ROWS:
        return list(range(number))
    return [*range(_ENDS), None, *range(number - _ENDS, number)]


#: Colour, marker and whether it is filled, so that none is told by its colour alone.
_LOOKS: Final = {"chosen": (_CHOSEN, "D", True), "stopped": (_STOPPED, "o", False), "other": (INK, "o", True)}


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
                names.append(tell("… {n} more …", n=len(rows) - 2 * _ENDS))
                continue
            names.append(rows[number].name)
            if rows[number].value is not None:
                (_bar if bars else _point)(axes, place, rows[number])
        axes.set_yticks(range(len(names)), [label(name, 46) for name in names], fontsize=size)
        axes.set_ylim(len(names) - 0.3, -0.7)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(axis)
        axes.grid(axis="x")
        _keys(figure, legend, bars=bars)
    return drawn[0]


def _bar(axes: Any, place: int, row: Mark) -> None:
    drawn = axes.barh(place, row.value, 0.72, **_bar_look(row.which))
    told(drawn.patches[0], [row.said])


def _bar_look(which: str) -> dict[str, Any]:
    """Return how a bar is drawn: full where it stands out, else hollow, which colour alone would not tell in grey."""
    return {
        "facecolor": _CHOSEN if which == "chosen" else "none",
        "edgecolor": _CHOSEN if which == "chosen" else _OTHER,
        "linewidth": 0.6,
    }


def _point(axes: Any, place: int, row: Mark) -> None:
    colour, marker, full = _LOOKS[row.which]
    if row.low is not None and row.high is not None:
        axes.plot([row.low, row.high], [place] * 2, color=colour, linewidth=1.0)
    # A candidate that was stopped is hollow although it was taken.
    face = colour if full and not row.stopped else "none"
    (drawn,) = axes.plot(
        row.value, place, marker, color=colour, markersize=3.2, markerfacecolor=face, markeredgewidth=0.8
    )
    told(drawn, [row.said])


def _keys(figure: Any, legend: Mapping[str, str], *, bars: bool = False) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    if not legend:
        return
    handles: list[Any] = []
    for which, text in legend.items():
        if bars:
            handles.append(Patch(label=text, **_bar_look(which)))
            continue
        colour, marker, full = _LOOKS[which]
        handles.append(
            Line2D(
                [], [], color=colour, marker=marker, linestyle="none", markersize=4,
                markerfacecolor=colour if full else "none", label=text,
            )
        )  # fmt: skip
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))


def by_size(sizes: Sequence[Mapping[str, Any]], draws: Sequence[Draw], *, key: str, score: str) -> str:
    """Draw scores of random subsets against their size: range, quartiles, mean, and every draw.

    Parameters
    ----------
    sizes : sequence of dict
        Per size ``size``, ``mean``, ``minimum``, ``lower_quartile``, ``upper_quartile`` and ``maximum``.
    draws : sequence of Draw
        Each draw; the one that was chosen has a ring.
    key, score : str
        Name of the figure; name and unit of the score.
    """
    found = [entry for entry in sizes if entry["mean"] is not None]
    with sheet(key, 3.1) as (figure, panels, drawn):
        axes = panels[0, 0]
        _spreads(axes, found)
        across = sorted({draw.size for draw in draws})
        (dots,) = axes.plot([draw.size for draw in draws], [draw.value for draw in draws], "o", color=INK,
                            markersize=2.4, alpha=0.55, markeredgewidth=0)  # fmt: skip
        told(dots, [draw.said for draw in draws])
        for draw in draws:
            if draw.chosen:
                axes.plot(draw.size, draw.value, "o", color=_STOPPED, markersize=7, markerfacecolor="none",
                          markeredgewidth=1.2)  # fmt: skip
        values = [draw.value for draw in draws]
        if spread(values) > _LOG_FROM:
            axes.set_yscale("log")
            log_axis(axes.yaxis, min(values), max(values))
        _counts(axes, across, log=spread(across) > _LOG_FROM)
        axes.set_xlabel(tell("number of functions"))
        axes.set_ylabel(score)
        axes.grid(axis="y")
        _bands(figure, bands=bool(found), chosen=any(draw.chosen for draw in draws))
    return drawn[0]


def _spreads(axes: Any, found: Sequence[Mapping[str, Any]]) -> None:
    """Draw range, middle half and mean of each size, nothing where there are none."""
    if not found:
        return
    across = [entry["size"] for entry in found]
    for low, high, shade, said in (
        ("minimum", "maximum", 0.13, tell("least to largest")),
        ("lower_quartile", "upper_quartile", 0.3, tell("middle half")),
    ):
        ends = [[entry[end] for entry in found] for end in (low, high)]
        told(axes.fill_between(across, *ends, color=_CHOSEN, alpha=shade, linewidth=0), [said])
    (mean,) = axes.plot(across, [entry["mean"] for entry in found], color=_CHOSEN, linewidth=1.4)
    told(mean, [tell("mean over draws")])


def _bands(figure: Any, *, bands: bool, chosen: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Line2D([], [], color=_CHOSEN, linewidth=1.4, label=tell("mean over draws")),
        Patch(color=_CHOSEN, alpha=0.4, linewidth=0, label=tell("middle half")),
        Patch(color=_CHOSEN, alpha=0.13, linewidth=0, label=tell("least to largest")),
    ][: 3 if bands else 0]
    handles += [
        Line2D([], [], color=INK, marker="o", markersize=2.4, linestyle="none", alpha=0.55, label=tell("a draw")),
    ]
    if chosen:
        handles.append(Line2D([], [], color=_STOPPED, marker="o", markersize=6, linestyle="none",
                              markerfacecolor="none", label=tell_as("candidate", "chosen")))  # fmt: skip
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
        axes.xaxis.set_major_formatter(FixedFormatter([whole_number(size) for size in different]))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))


def path(attempts: Sequence[Attempt], start: int, *, key: str, axis: str, band: float | None) -> str:
    """Draw how functions left one after another: differences from the whole above, functions left below.

    Parameters
    ----------
    attempts : sequence of Attempt
        Each smaller set that was tried.
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
            top.annotate(tell("margin"), (0.0, band), xycoords=("axes fraction", "data"), xytext=(2, 1.5), va="bottom",
                         textcoords="offset points", fontsize=_SMALL)  # fmt: skip
        for place, attempt in enumerate(attempts, 1):
            if attempt.mark.value is not None:
                _attempted(top, place, attempt.mark)
        left = [start, *(attempt.left for attempt in attempts)]
        (steps,) = bottom.step(range(len(left)), left, where="post", color=INK, linewidth=1.1)
        told(steps, [tell("functions left")])
        bottom.set_ylim(0, start * 1.08)
        bottom.set_ylabel(tell("functions left"))
        top.set_ylabel(axis)
        bottom.set_xlabel(tell("attempt"))
        _whole_numbers(bottom)
        for axes in (top, bottom):
            axes.grid(axis="y")
        _kept(figure)
    return drawn[0]


def _attempted(axes: Any, place: int, mark: Mark) -> None:
    colour = _CHOSEN if mark.chosen else _STOPPED
    if mark.low is not None and mark.high is not None:
        axes.plot([place] * 2, [mark.low, mark.high], color=colour, linewidth=1.0)
    face = colour if mark.chosen else "none"
    (drawn,) = axes.plot(place, mark.value, "o", color=colour, markersize=3.6, markerfacecolor=face,
                         markeredgewidth=0.9)  # fmt: skip
    told(drawn, [mark.said])


def _whole_numbers(axes: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    for axis, number in ((axes.xaxis, 10), (axes.yaxis, 4)):
        axis.set_major_locator(MaxNLocator(number, integer=True))


def _kept(figure: Any) -> None:
    from matplotlib.lines import Line2D

    figure.legend(
        handles=[
            Line2D([], [], color=_CHOSEN, marker="o", markersize=4, label=tell("left out for good")),
            Line2D([], [], color=_STOPPED, marker="o", markersize=4, markerfacecolor="none",
                   label=tell_as("attempt", "taken back")),
        ],
        loc="outside upper center",
        ncols=2,
    )  # fmt: skip


def growth(
    steps: Sequence[Step], others: Sequence[Draw], *, key: str, score: str, whole: float | None, margin: float | None
) -> str:
    """Draw the score of a growing set against its size, with what else was tried, the whole set and the margin.

    Parameters
    ----------
    steps : sequence of Step
        The sets that were taken.
    others : sequence of Draw
        Every candidate that was not.
    key, score : str
        Name of the figure; name and unit of the score.
    whole : float or None
        Mean score of the whole set.
    margin : float or None
        Its margin on the worse side, in the same unit; negative where more is better.
    """
    with sheet(key, 3.1) as (figure, panels, drawn):
        axes = panels[0, 0]
        _beside(axes, others)
        _taken(axes, steps)
        if whole is not None:
            line = axes.axhline(whole, color=INK, linewidth=0.9, linestyle=(0, (4, 3)), label=tell("the whole set"))
            told(line, [tell("the whole set")])
            if margin is not None:
                band = axes.axhspan(whole, whole + margin, color=FAINT, alpha=0.25, linewidth=0, label=tell("margin"))
                told(band, [tell("margin")])
        values = [value for step in steps for value in step.scores] + [other.value for other in others]
        values += [] if whole is None else [whole]
        if spread(values) > _LOG_FROM:
            axes.set_yscale("log")
            log_axis(axes.yaxis, min(values), max(values))
        _counts(axes, [step.size for step in steps], log=False)
        axes.set_xlabel(tell("number of functions"))
        axes.set_ylabel(score)
        axes.grid(axis="y")
        figure.legend(loc="outside upper center", ncols=5)
    return drawn[0]


def _beside(axes: Any, others: Sequence[Draw]) -> None:
    """Draw the candidates that were not taken."""
    (drawn,) = axes.plot([other.size for other in others], [other.value for other in others], "_", color=FAINT,
                         markersize=9, markeredgewidth=0.7, label=tell("other candidates"))  # fmt: skip
    if others:
        told(drawn, [other.said for other in others])


def _taken(axes: Any, steps: Sequence[Step]) -> None:
    """Draw the sets that were taken: their means as a line, and every repeat."""
    (means,) = axes.plot([step.size for step in steps], [step.mean for step in steps], "-o", color=_CHOSEN,
                         markersize=4.5, label=tell("taken, mean"))  # fmt: skip
    told(means, [step.said for step in steps])
    for number, step in enumerate(steps):
        name = {} if number else {"label": tell("taken, every repeat")}
        (repeats,) = axes.plot([step.size] * len(step.scores), step.scores, "o", color=_CHOSEN, markersize=2.2,
                               alpha=0.5, markeredgewidth=0, **name)  # fmt: skip
        if step.repeats:
            told(repeats, step.repeats)

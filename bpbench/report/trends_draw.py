"""Figures of a history: what each run was made of, and how each measure of a variant went from run to run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from statistics import geometric_mean
from typing import TYPE_CHECKING, Any, Final

from bpbench.report.canvas import COLOURS, FAINT, INK, label, log_axis, sheet, spread

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Height (inches) of a panel, of a line of the overview, of an axis with its numbers, of a level of marks.
_PANEL: Final = 1.15
_LINE: Final = 0.2
_AXIS: Final = 0.55
#: A range so many times the smallest value is drawn logarithmic.
_WIDE: Final = 30.0
#: Numbered runs at most, and letters that fit side by side over the width of a panel.
_NUMBERED: Final = 9
_LETTERS: Final = 110
#: Share of a panel's height that each level of change points' words takes.
_LEVEL: Final = 0.17
_RUN_BLUE: Final = COLOURS[0]


@dataclass(frozen=True, slots=True)
class Mark:
    """A change point: between which places, whether it is worse, and its size in words."""

    before: float
    after: float
    worse: bool
    size: str

    @property
    def place(self) -> float:
        """Where it stands on the axis of runs."""
        return (self.before + self.after) / 2


@dataclass(frozen=True, slots=True)
class Panel:
    """One measure of one variant.

    Attributes
    ----------
    title : str
        The measure with its unit.
    points : tuple of (int, tuple of float)
        Place of a run among all, from 0, and the values of its repeats; runs without any are left out.
    breaks : tuple of (float, float)
        Runs between which the kind of host changes, where that breaks the line.
    marks : tuple of Mark
        Change points.
    """

    title: str
    points: tuple[tuple[int, tuple[float, ...]], ...]
    breaks: tuple[tuple[int, int], ...] = ()
    marks: tuple[Mark, ...] = ()


def trends(key: str, panels: Sequence[Panel], names: Sequence[str], baseline: Sequence[int]) -> str:
    """Draw the measures of one variant below each other, over the same runs.

    Parameters
    ----------
    key : str
        Name of the figure.
    panels : sequence of Panel
        Each with at least one point.
    names : sequence of str
        Number and day of each run, in the order in which they were made.
    baseline : sequence of int
        Places of runs that are a baseline, or part of one.

    Returns
    -------
    str
        One ``<svg>`` element.
    """
    low, high = _reach(len(names), panels)
    levels = [_levels(panel.marks, high - low) for panel in panels]
    heights = [_PANEL * (1 + _LEVEL * max(levels_of, default=-1)) for levels_of in levels]
    with sheet(key, sum(heights) + _AXIS, rows=len(panels), sharex=True, height_ratios=heights) as (
        figure,
        grid,
        drawn,
    ):
        for axes, panel, levels_of in zip(grid[:, 0], panels, levels, strict=True):
            for place in baseline:
                axes.axvspan(place - 0.5, place + 0.5, color=FAINT, alpha=0.2, linewidth=0)
            _points(axes, panel)
            _marks(axes, panel, levels_of)
            axes.set_title(label(panel.title, 80), loc="left", pad=3)
            axes.grid(axis="y")
        _numbers(grid[-1, 0], names, low, high)
        figure.align_ylabels()
    return drawn[0]


def _reach(runs: int, panels: Sequence[Panel] = ()) -> tuple[float, float]:
    """Return the ends of the axis of runs, far enough to the right for the words of the last change points."""
    low, high = -0.7, runs - 0.3
    for mark in (mark for panel in panels for mark in panel.marks):
        high = max(high, low + (mark.place - low) / (1 - _share(mark)))
    return low, high


def _points(axes: Any, panel: Panel) -> None:
    """Draw each repeat as a ring, each geometric mean as a dot, and lines between means that may be compared."""
    each = [(number, value) for number, values in panel.points for value in values]
    axes.plot(
        [number for number, _ in each], [value for _, value in each], "o",
        markersize=2.6, markerfacecolor="none", markeredgecolor=FAINT, markeredgewidth=0.5,
    )  # fmt: skip
    means = [(number, geometric_mean(values)) for number, values in panel.points if min(values) > 0]
    stretch: list[tuple[int, float]] = []
    broken = {last for last, _ in panel.breaks}
    for point in means:
        stretch.append(point)
        if point[0] in broken or point is means[-1]:
            axes.plot(*zip(*stretch, strict=True), "-o", color=_RUN_BLUE, markersize=3.2)
            stretch = []
    for last, first in panel.breaks:
        axes.axvline((last + first) / 2, color=INK, linewidth=0.7, linestyle=(0, (1, 2)))
    values = [value for _, value in each]
    if spread(values) > _WIDE:
        axes.set_yscale("log")
        log_axis(axes.yaxis, min(values), max(values))


def _marks(axes: Any, panel: Panel, levels: Sequence[int]) -> None:
    """Draw change points: a line through the panel and, in the room above the values, the words for it."""
    from matplotlib.transforms import blended_transform_factory

    rows = max(levels, default=-1) + 1
    bottom, top = axes.get_ylim()
    if rows:
        # room above the values for the words, whatever the scale
        forward = axes.yaxis.get_transform().transform
        back = axes.yaxis.get_transform().inverted().transform
        ends = forward([bottom, top])
        axes.set_ylim(bottom, float(back([ends[0] + (ends[1] - ends[0]) / (1 - _LEVEL * rows)])[0]))
    across = blended_transform_factory(axes.transData, axes.transAxes)
    for mark, level in zip(panel.marks, levels, strict=True):
        height = 1 - _LEVEL * (level + 0.5)
        axes.plot(
            [mark.place, mark.place], [0, height], transform=across, color=INK, linewidth=0.9,
            linestyle="-" if mark.worse else (0, (4, 2)),
        )  # fmt: skip
        axes.text(
            mark.place, height, f" {_words(mark)}", transform=across, fontsize=6.5, va="center",
            weight="bold" if mark.worse else "normal",
        )  # fmt: skip


def _words(mark: Mark) -> str:
    """Return what stands beside the line of a change point."""
    return f"{'worse' if mark.worse else 'better'} {mark.size}"


def _share(mark: Mark) -> float:
    """Return the share of a panel's width that the words of a change point take, right of its line."""
    return (len(_words(mark)) + 2) / _LETTERS


def _levels(marks: Sequence[Mark], width: float) -> list[int]:
    """Return at which height, from 0 at the top, the words of each change point stand, so that nothing meets.

    Lines end at their words, which stand right of them. So the words of one must not reach those of another at the same
    height, nor the line of a later one that ends above them; the lowest height is always free.
    """
    found: list[int] = []
    for number, mark in enumerate(marks):
        reached = [
            level
            for level, other in zip(found, marks[:number], strict=True)
            if mark.place <= other.place + _share(other) * width
        ]
        # all heights down to the lowest words that reach this line are crossed by it
        found.append(max(reached, default=-1) + 1)
    return found


def _numbers(axes: Any, names: Sequence[str], low: float, high: float) -> None:
    """Put the numbers of runs below the lowest panel, and their days, as many as there is room for."""
    chosen = spaced(len(names))
    axes.set_xlim(low, high)
    axes.set_xticks(chosen, [names[place] for place in chosen])
    axes.set_xlabel("run and day on which it was made")


def spaced(runs: int) -> list[int]:
    """Return at most :data:`_NUMBERED` places of so many runs, evenly apart but for the last; it is always there."""
    step = max(1, math.ceil((runs - 1) / (_NUMBERED - 1)))
    last = runs - 1
    return [*(place for place in range(0, runs, step) if last - place >= step), last]


# ----------------------------------------------------------------------------------------------------- all the runs


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the overview: a name, the places of its runs; ``change``: whether something is new in these."""

    name: str
    runs: tuple[int, ...]
    change: bool = False


def overview(lines: Sequence[Line], names: Sequence[str]) -> str:
    """Draw which runs belong to which baseline and host, and in which something they are made of is new.

    Parameters
    ----------
    lines : sequence of Line
        From top to bottom, at least one.
    names : sequence of str
        As for :func:`trends`.

    Returns
    -------
    str
        One ``<svg>`` element.
    """
    with sheet("runs", _LINE * len(lines) + _AXIS) as (_, grid, drawn):
        axes = grid[0, 0]
        for place, line in enumerate(lines):
            if line.change:
                axes.plot(line.runs, [place] * len(line.runs), "D", color=INK, markersize=3.5)
            else:
                for first, last in _stretches(line.runs):
                    axes.barh(place, last - first + 0.8, left=first - 0.4, height=0.5, color=_RUN_BLUE)
        axes.set(
            ylim=(len(lines) - 0.4, -0.6), yticks=range(len(lines)), yticklabels=[label(one.name) for one in lines]
        )
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        _numbers(axes, names, *_reach(len(names)))
    return drawn[0]


def _stretches(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Return the first and the last of each row of successive numbers."""
    if not numbers:
        return []
    ordered = sorted(numbers)
    cuts = [(one, other) for one, other in pairwise(ordered) if other != one + 1]
    return list(zip([ordered[0], *(cut[1] for cut in cuts)], [*(cut[0] for cut in cuts), ordered[-1]], strict=True))

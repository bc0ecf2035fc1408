"""The figures of a potential at work: energies over volumes, and g(r), each beside the data's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bpbench.report.canvas import COLOURS, FAINT, INK, MARKERS, Style, label, sheet, told
from bpbench.report.language import tell
from bpbench.report.numerals import count, percent, significant
from bpbench.report.panels import ramp
from bpbench.report.vocabulary import unit_label
from bpbench.units import MEV_PER_EV

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: States that a legend names; the tones of the others lie between.
_NAMED: Final = 12
_DASHED: Final = (0, (4, 2))


@dataclass(frozen=True, slots=True)
class States:
    """Frames of one state: volumes (Å³ per atom) and energies (eV per atom)."""

    name: str
    volumes: Sequence[float]
    energies: Sequence[float]


@dataclass(frozen=True, slots=True)
class Volumes:
    """Energies over volumes.

    Attributes
    ----------
    name : str
        The contestant.
    volumes : sequence of float
        Å³ per atom.
    mean, low, high : sequence of float
        Over the trainings, eV per atom.
    beyond : sequence of float
        Share of descriptors out of their ranges, mean over the trainings.
    truth : sequence of float or None
        The same of the method that made the data.
    method : str
        What that is called.
    states : tuple of States
        The data's own frames.
    """

    name: str
    volumes: Sequence[float]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    beyond: Sequence[float]
    truth: Sequence[float] | None
    method: str
    states: tuple[States, ...]


def volumes(drawing: Volumes, look: Style, *, key: str = "volumes") -> str:
    """Draw the curve among the data's frames, and below it how far it lies from the truth where that is known.

    Parameters
    ----------
    drawing : Volumes
        What is drawn.
    look : Style
        Of the contestant.
    key : str
        Name of the figure.
    """
    rows = 1 if drawing.truth is None else 2
    options: dict[str, Any] = {"sharex": True, "height_ratios": [2.3, 1]} if rows == 2 else {}
    head = 0.17 * (-(-(min(len(drawing.states), _NAMED) + 2 + rows) // 4))
    with sheet(key, head + (2.9 if rows == 1 else 4.1), rows=rows, **options) as (figure, grid, drawn):
        top = grid[0, 0]
        marks = _tones(drawing.states)
        for state in drawing.states:
            _state(top, state, marks[state.name])
        _curve(top, drawing, look, [0.0] * len(drawing.volumes), "eV/atom")
        if drawing.truth is not None:
            (line,) = top.plot(drawing.volumes, drawing.truth, color=INK, linewidth=0.9, linestyle=_DASHED, zorder=4)
            told(line, tell("{method}, the method that made the data", method=drawing.method))
            below = grid[1, 0]
            below.axhline(0, color=INK, linewidth=0.9, linestyle=_DASHED)
            _curve(below, drawing, look, drawing.truth, "meV/atom")
            shown = {"method": drawing.method, "unit": unit_label("meV/atom")}
            below.set_ylabel(tell("less {method} ({unit})", **shown))
            below.grid(axis="y")
        top.set_ylabel(tell("energy ({unit})", unit=unit_label("eV/atom")))
        top.grid(axis="y")
        grid[rows - 1, 0].set_xlabel(tell("volume ({unit})", unit=unit_label("Å³/atom")))
        _legend(figure, drawing, look, marks)
    return drawn[0]


def _curve(axes: Any, drawing: Volumes, look: Style, off: Sequence[float], unit: str) -> None:
    """Draw mean and band of the trainings, less something: filled marks where nothing is extrapolated."""
    times = MEV_PER_EV if unit == "meV/atom" else 1.0
    mean, low, high = (
        [times * (value - less) for value, less in zip(values, off, strict=True)]
        for values in (drawing.mean, drawing.low, drawing.high)
    )
    axes.fill_between(drawing.volumes, low, high, color=look.colour, alpha=0.22, linewidth=0, zorder=2)
    axes.plot(drawing.volumes, mean, color=look.colour, linewidth=1.1, zorder=5)
    for beyond in (False, True):
        chosen = [place for place, share in enumerate(drawing.beyond) if (share > 0) is beyond]
        if not chosen:
            continue
        (dots,) = axes.plot(
            [drawing.volumes[place] for place in chosen],
            [mean[place] for place in chosen],
            look.marker,
            markersize=3.8,
            markerfacecolor="white" if beyond else look.colour,
            markeredgecolor=look.colour,
            markeredgewidth=0.8,
            zorder=6,
        )
        told(
            dots,
            [
                tell(
                    "{name} at {volume}: {energy}, {share} of descriptors out of range",
                    name=drawing.name,
                    volume=f"{significant(drawing.volumes[place], 4)} {unit_label('Å³/atom')}",
                    energy=f"{significant(mean[place], 4)} {unit_label(unit)}",
                    share=percent(float(f"{drawing.beyond[place]:.2g}")),
                )
                for place in chosen
            ],
        )


def _tones(states: Sequence[States]) -> dict[str, Style]:
    """Return how the frames of each state look: tones in the order of the states, which grey paper keeps."""
    tones = ["#" + "".join(f"{round(255 * part):02x}" for part in tone) for tone in ramp(len(states))]
    return {
        state.name: Style(tone, MARKERS[place % len(MARKERS)])
        for place, (state, tone) in enumerate(zip(states, tones, strict=True))
    }


def _state(axes: Any, state: States, look: Style) -> None:
    (dots,) = axes.plot(
        state.volumes,
        state.energies,
        look.marker,
        color=look.colour,
        markersize=2.6,
        alpha=0.6,
        markeredgewidth=0,
        zorder=1,
    )
    told(dots, tell("{state}: {frames}", state=state.name, frames=count(len(state.volumes), "frame")))


def _legend(figure: Any, drawing: Volumes, look: Style, marks: Mapping[str, Style]) -> None:
    from matplotlib.lines import Line2D

    plain: dict[str, Any] = {"color": look.colour, "marker": look.marker, "markersize": 3.8}
    handles = [Line2D([], [], label=label(drawing.name, 28), **plain)]
    if any(share > 0 for share in drawing.beyond):
        handles.append(Line2D([], [], label=tell("extrapolated"), markerfacecolor="white", **plain))
    if drawing.truth is not None:
        handles.append(Line2D([], [], color=INK, linestyle=_DASHED, linewidth=0.9, label=drawing.method))
    names = list(marks)
    if len(names) > _NAMED:
        names = [names[round(place * (len(names) - 1) / (_NAMED - 1))] for place in range(_NAMED)]
    handles += [
        Line2D([], [], color=marks[name].colour, marker=marks[name].marker, linestyle="none", markersize=3.4,
               label=label(name, 24))
        for name in names
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside upper center", ncols=min(4, len(handles)))


# ------------------------------------------------------------------------------------------------------------- g(r)


@dataclass(frozen=True, slots=True)
class Line:
    """One g(r) and what it is called."""

    name: str
    g: Sequence[float]


def distribution(r: Sequence[float], data: Line | None, runs: Sequence[Line], *, key: str = "distribution") -> str:
    """Draw g(r) of the data and of the runs, and below how far these lie from the data's.

    Parameters
    ----------
    r : sequence of float
        Å.
    data : Line or None
        Of the data's frames.
    runs : sequence of Line
        One or two.
    key : str
        Name of the figure.
    """
    rows = 1 if data is None or not runs else 2
    options: dict[str, Any] = {"sharex": True, "height_ratios": [2.3, 1]} if rows == 2 else {}
    with sheet(key, 2.7 if rows == 1 else 3.8, rows=rows, **options) as (_, grid, drawn):
        top = grid[0, 0]
        if data is not None:
            top.fill_between(r, 0, data.g, color=FAINT, alpha=0.28, linewidth=0)
            (line,) = top.plot(r, data.g, color=INK, linewidth=1.0, label=label(data.name, 40))
            told(line, data.name)
        for place, entry in enumerate(runs):
            look: dict[str, Any] = {"color": COLOURS[place], "linestyle": ("-", (0, (3, 1.2)))[place % 2]}
            (line,) = top.plot(r, entry.g, linewidth=1.2, label=label(entry.name, 40), **look)
            told(line, entry.name)
            if rows == 2 and data is not None:
                apart = [ours - theirs for ours, theirs in zip(entry.g, data.g, strict=True)]
                (line,) = grid[1, 0].plot(r, apart, linewidth=1.0, **look)
                told(line, tell("{name}, less the data's g(r)", name=entry.name))
        top.axhline(1, color=FAINT, linewidth=0.6, zorder=0)
        top.set_ylim(bottom=0)
        top.set_ylabel("g(r)")
        top.legend(loc="upper right")
        if rows == 2:
            grid[1, 0].axhline(0, color=INK, linewidth=0.7)
            grid[1, 0].set_ylabel(tell("less the data's"))
            grid[1, 0].grid(axis="y")
        grid[rows - 1, 0].set_xlabel("r (Å)")
        grid[rows - 1, 0].set_xlim(0, r[-1])
    return drawn[0]

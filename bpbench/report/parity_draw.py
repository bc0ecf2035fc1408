"""The figure of predicted against reference energies or forces: each point of a state looks as that state does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from bpbench.report.canvas import MARKERS, Style, label, sheet, told
from bpbench.report.language import marked, tell
from bpbench.report.numerals import count, significant
from bpbench.report.panels import ramp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: States that a legend names, and how many of more of them; the colours of the others lie between.
_STATES: Final = 12
_NAMED: Final = 8


@dataclass(frozen=True, slots=True)
class Parity:
    """Energies of one variant's configurations (eV per atom) and the state that each of them belongs to.

    Or components of forces (eV/Å), and the axis of each.
    """

    name: str
    reference: Sequence[float]
    predicted: Sequence[float]
    states: Sequence[str]

    @property
    def errors(self) -> list[float]:
        """Predicted less reference values, in thousandths of their unit."""
        return [1000 * (p - r) for r, p in zip(self.reference, self.predicted, strict=True)]


def parity(
    panels: Sequence[Parity], looks: Mapping[str, Style], *, of: Literal["energies", "forces"] = "energies"
) -> str:
    """Draw predicted against reference energies by state and, below, the errors on a scale of their own.

    The lines of no error are in the colour of the variant; colour and marker of a point tell its state.

    Parameters
    ----------
    panels : sequence of Parity
        One per variant.
    looks : dict of str to Style
        By variant.
    of : {'energies', 'forces'}
        What is drawn.
    """
    columns = min(4, len(panels))
    rows = math.ceil(len(panels) / columns)
    energies = [value for panel in panels for value in (*panel.reference, *panel.predicted)]
    room = 0.03 * (max(energies) - min(energies)) or 0.001
    limits = (min(energies) - room, max(energies) + room)
    marks = _by_state(panels)
    head = 0.17 * math.ceil(len(_named(marks)) / 4) if len(marks) > 1 else 0.0
    options = {"height_ratios": [2.2, 1] * rows, "sharex": True}
    with sheet(
        "parity" if of == "energies" else "force_parity", head + 2.55 * rows, rows=2 * rows, columns=columns, **options
    ) as (figure, grid, drawn):
        for place in range(rows * columns):
            row, column = divmod(place, columns)
            top, bottom = grid[2 * row, column], grid[2 * row + 1, column]
            if place >= len(panels):
                top.set_visible(False)
                bottom.set_visible(False)
                continue
            panel = panels[place]
            look = looks[panel.name]
            top.plot(limits, limits, color=look.colour, linewidth=0.9)
            bottom.axhline(0, color=look.colour, linewidth=0.9)
            said = _SAID[of]
            _points(top, bottom, panel, marks if len(marks) > 1 else dict.fromkeys(marks, look), said)
            top.set(xlim=limits, ylim=limits)
            top.set_title(label(panel.name, 20), loc="left")
            reach = 1.15 * max(map(abs, panel.errors)) or 1.0
            bottom.set_ylim(-reach, reach)
            _ticks(top, bottom)
            if column == 0:
                top.set_ylabel(tell("predicted"))
                bottom.set_ylabel(tell("error"))
            if place + columns >= len(panels):
                bottom.tick_params(labelbottom=True)
        figure.supxlabel(tell(_BELOW[of]), fontsize=7.5)
        if len(marks) > 1:
            _state_legend(figure, _named(marks))
    return drawn[0]


_BELOW: Final = {
    "energies": marked("reference energy (eV/atom); predicted in eV/atom, error in meV/atom"),
    "forces": marked("reference component (eV/Å); predicted in eV/Å, error in meV/Å"),
}


def _of_energies(panel: Parity, state: str, points: int, error: str) -> str:
    return tell(
        "{name}, {state}: {configurations}, error at most {error} meV/atom",
        name=panel.name,
        state=state,
        configurations=count(points, "configuration"),
        error=error,
    )


def _of_forces(panel: Parity, state: str, points: int, error: str) -> str:
    return tell(
        "{name}, {axis}: {components}, error at most {error} meV/Å",
        name=panel.name,
        axis=state,
        components=count(points, "component"),
        error=error,
    )


_SAID: Final = {"energies": _of_energies, "forces": _of_forces}


def _by_state(panels: Sequence[Parity]) -> dict[str, Style]:
    """Return how the points of each state look: tones in the order of the states, which grey paper keeps."""
    names = list(dict.fromkeys(state for panel in panels for state in panel.states))
    tones = ["#" + "".join(f"{round(255 * part):02x}" for part in tone) for tone in ramp(len(names))]
    return {
        name: Style(tone, MARKERS[place % len(MARKERS)])
        for place, (name, tone) in enumerate(zip(names, tones, strict=True))
    }


def _named(marks: Mapping[str, Style]) -> dict[str, Style]:
    """Return the states that a legend names: all of a few, of many some that lie evenly."""
    names = list(marks)
    if len(names) > _STATES:
        names = [names[round(place * (len(names) - 1) / (_NAMED - 1))] for place in range(_NAMED)]
    return {name: marks[name] for name in names}


def _points(top: Any, bottom: Any, panel: Parity, marks: Mapping[str, Style], say: Callable[..., str]) -> None:
    """Draw the points of one variant, state by state, so that a state has one label for all of them."""
    errors = panel.errors
    for state, look in marks.items():
        mine = [place for place, of in enumerate(panel.states) if of == state]
        if not mine:
            continue
        dots: dict[str, Any] = {"color": look.colour, "markersize": 2.6, "alpha": 0.7, "markeredgewidth": 0}
        reference = [panel.reference[place] for place in mine]
        largest = max((abs(errors[place]) for place in mine), default=0.0)
        said = say(panel, state, len(mine), significant(largest))
        for axes, values in ((top, panel.predicted), (bottom, errors)):
            (line,) = axes.plot(reference, [values[place] for place in mine], look.marker, **dots)
            told(line, said)


def _state_legend(figure: Any, marks: Mapping[str, Style]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=look.colour, marker=look.marker, linestyle="none", markersize=3.6, label=label(name, 28))
        for name, look in marks.items()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(4, len(handles)))


def _ticks(*panels: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    for axes in panels:
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.yaxis.set_major_locator(MaxNLocator(3))

"""The panels of a feature set's sheet: curves over r and θ, bars that show widths, fields that show combinations."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bpbench.descriptors.curves import angular_curve, cutoff_of, pair_curve, radial_curve
from bpbench.report.canvas import COLOURS, FAINT, INK, told
from bpbench.report.language import tell
from bpbench.report.numerals import exact, fixed, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bpbench.features import G2, G4, G5, Feature

#: From dark to light, so that grey paper keeps the order; every stop is seen on white and on a dark screen.
_RAMP: Final = ("#5b3fa8", "#1f7fc4", "#2bb07f", "#e69f00")
#: Entries of a legend at most; further values lie evenly between them.
_NAMED: Final = 5
#: Up to so many, numbers stand on a linear axis.
_FEW: Final = 10
_PALE: Final = 0.4
#: Up to so many, numbers below a field stand side by side.
_ACROSS: Final = 7
_SMALL: Final = 6.5
#: Line style by λ.
_SIGNS: Final[dict[int, Any]] = {1: "-", -1: (0, (3, 1.2))}


@dataclass(frozen=True, slots=True)
class Shapes:
    """What a sheet draws: functions without their elements, each once.

    Attributes
    ----------
    near, shifted : tuple of G2
        Those with R_s = 0, by η, and the others, by R_s.
    angular : tuple of G4 or G5
        By kind, η, ζ and λ.
    partial : frozenset
        Those that some of the elements, or pairs of elements, do not have; drawn paler.
    """

    near: tuple[G2, ...]
    shifted: tuple[G2, ...]
    angular: tuple[G4 | G5, ...]
    partial: frozenset[Feature]

    @property
    def reach(self) -> float:
        """The largest R_c (Å)."""
        return max(function.r_c for function in (*self.near, *self.shifted, *self.angular))


@dataclass(frozen=True, slots=True)
class Room:
    """A part of a sheet: inches from the lower left corner of its figure, and how many."""

    figure: Any
    left: float
    bottom: float
    width: float
    height: float

    def axes(self) -> Any:
        """Return axes that fill it."""
        width, height = self.figure.get_size_inches()
        return self.figure.add_axes((self.left / width, self.bottom / height, self.width / width, self.height / height))


def ramp(number: int) -> list[tuple[float, float, float]]:
    """Return that many colours (red, green, blue within 0..1), from dark to light."""
    stops = np.array([[int(colour[place : place + 2], 16) for place in (1, 3, 5)] for colour in _RAMP]) / 255
    at = np.array([1.0]) if number == 1 else np.linspace(0, len(_RAMP) - 1, number)
    parts = [np.interp(at, range(len(_RAMP)), stops[:, channel]) for channel in range(3)]
    return [(float(red), float(green), float(blue)) for red, green, blue in zip(*parts, strict=True)]


def _axes(room: Room, title: str, *, below: float = 0.37, above: float = 0.22, beside: float = 0.34) -> Any:
    """Return axes that leave some inches below for marks and a label, above for a title, and on the left."""
    axes = replace(
        room,
        left=room.left + beside,
        bottom=room.bottom + below,
        width=room.width - beside - 0.12,
        height=room.height - below - above,
    ).axes()
    axes.set_title(title, loc="left")
    return axes


def _legend(axes: Any, title: str, entries: Sequence[tuple[str, dict[str, Any]]], **where: Any) -> None:
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], label=text, **look) for text, look in entries]
    axes.legend(
        handles=lines, title=title, fontsize=_SMALL, title_fontsize=_SMALL, handlelength=1.6, labelspacing=0.25,
        borderpad=0.1, borderaxespad=0.2, **where,
    )  # fmt: skip


def _named(values: Sequence[float], colours: Sequence[Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return legend entries of evenly chosen values, first and last included."""
    return [(exact(values[pick], 4), {"color": colours[pick], "linewidth": 1.4}) for pick in _picked(len(values))]


def _picked(number: int) -> list[int]:
    """Return the places of at most :data:`_NAMED` of so many curves, spread evenly, first and last included."""
    return sorted({round(place) for place in np.linspace(0, number - 1, min(_NAMED, number))})


def _grid(reach: float) -> Any:
    return np.linspace(0, reach, 241)


def _width(number: int) -> float:
    """Return a line width (points) at which that many curves stay apart."""
    return max(0.35, min(1.2, 16 / number))


def _strength(shapes: Shapes, functions: Sequence[Feature]) -> float:
    """Return the opacity of what stands for these functions: paler if all are for some of the elements only."""
    return _PALE if shapes.partial.issuperset(functions) else 0.9


def _over_r(axes: Any, reach: float) -> None:
    axes.set(xlim=(0, reach), ylim=(0, 1.04), yticks=[0, 0.5, 1])
    axes.set_xlabel(tell("distance r (Å)"), labelpad=1)


def _radials(axes: Any, chosen: Sequence[G2], colours: Sequence[Any], shapes: Shapes) -> None:
    r = _grid(shapes.reach)
    for function, colour in zip(chosen, colours, strict=True):
        look = {"color": colour, "linewidth": _width(len(chosen)), "alpha": _strength(shapes, [function])}
        (curve,) = axes.plot(r, radial_curve(function, r), **look)
        told(curve, function.name)
    for first in {(f.cutoff, f.alpha, f.r_c): f for f in chosen}.values():
        axes.plot(r, cutoff_of(first, r), color=INK, linewidth=0.8, linestyle=(0, (4, 2)))
    _over_r(axes, shapes.reach)


def _tones(values: Sequence[float]) -> tuple[list[float], list[Any]]:
    """Return the distinct values, ascending, and the colour of each given value by its rank."""
    distinct = sorted(set(values))
    colours = dict(zip(distinct, ramp(len(distinct)), strict=True))
    return distinct, [colours[value] for value in values]


_CUT: Final = ("f_c", {"color": INK, "linewidth": 0.8, "linestyle": (0, (4, 2))})


def near(room: Room, shapes: Shapes) -> None:
    """Draw the G2 around the central atom over r, shaded by η."""
    axes = _axes(room, tell("G2 with R_s = 0 over r: {n}", n=whole(len(shapes.near))))
    etas, colours = _tones([function.eta for function in shapes.near])
    _radials(axes, shapes.near, colours, shapes)
    _legend(axes, "η (Å⁻²)", [_CUT, *_named(etas, ramp(len(etas)))], loc="upper right")


def shifted(room: Room, shapes: Shapes) -> None:
    """Draw the G2 around a distance over r, shaded by R_s."""
    axes = _axes(room, tell("G2 with R_s > 0 over r: {n}", n=whole(len(shapes.shifted))))
    centres, colours = _tones([function.r_s for function in shapes.shifted])
    _radials(axes, shapes.shifted, colours, shapes)
    etas = sorted({function.eta for function in shapes.shifted})
    said = exact(etas[0], 4)
    if len(etas) > 1:
        said = tell("{low} to {high}", low=said, high=exact(etas[-1], 4))
    entries = [_CUT, *_named(centres, ramp(len(centres)))]
    _legend(axes, f"η = {said} Å⁻², R_s (Å)", entries, loc="upper right")


@lru_cache(maxsize=4096)
def half_height(function: G2) -> tuple[float, float]:
    """Return from where to where (Å) a neighbour brings at least half of the most that it can bring anywhere.

    That is where exp(-η(r-R_s)²) f_c(r) is half of its greatest value over r or more: one stretch, as the logarithms of
    both factors are concave in r.
    """

    def logarithm(r: Any) -> Any:
        with np.errstate(divide="ignore"):
            return np.log(cutoff_of(function, r)) - function.eta * (r - function.r_s) ** 2

    def closer(low: float, high: float, place: Callable[[Any], int]) -> tuple[float, float]:
        """Narrow an interval to the neighbours of a chosen place, five times."""
        for _ in range(5):
            r = np.linspace(low, high, 129)
            at = place(logarithm(r))
            low, high = float(r[max(at - 1, 0)]), float(r[min(at + 1, 128)])
        return low, high

    # f_c never rises, so that the greatest value lies at R_s or before it.
    low, high = closer(0.0, min(function.r_s, function.r_c), lambda values: int(np.argmax(values)))
    top = 0.0 if not function.eta else (low + high) / 2
    half = float(logarithm(np.array([top]))[0]) - np.log(2)
    left = closer(0.0, top, lambda values: int(np.argmax(values >= half)))
    right = closer(top, function.r_c, lambda values: len(values) - 1 - int(np.argmax(values[::-1] >= half)))
    return sum(left) / 2, sum(right) / 2


def _bars(shapes: Shapes) -> list[tuple[G2, float, float, Any]]:
    """Return each G2 with the ends of its bar (Å) and its colour, sorted by R_s, then from wide to narrow."""
    tones = [_tones([f.eta for f in shapes.near])[1], _tones([f.r_s for f in shapes.shifted])[1]]
    rows = [*zip(shapes.near, tones[0], strict=True), *zip(shapes.shifted, tones[1], strict=True)]
    rows.sort(key=lambda row: (row[0].r_s, row[0].eta))
    return [(function, *half_height(function), tone) for function, tone in rows]


def covered(shapes: Shapes) -> tuple[list[float], list[int]]:
    """Return where bars of G2 begin or end (Å, with 0 and the largest R_c), and how many cover each piece between."""
    ends = [(low, high) for _, low, high, _ in _bars(shapes)]
    edges = sorted({0.0, shapes.reach, *(end for pair in ends for end in pair)})
    middles = [(left + right) / 2 for left, right in itertools.pairwise(edges)]
    return edges, [sum(low <= middle <= high for low, high in ends) for middle in middles]


def counts(room: Room, shapes: Shapes) -> None:
    """Draw how many bars of :func:`bars` cover each r: 0 is a gap, much is a crowd; logarithmic for a crowd only."""
    edges, many = covered(shapes)
    axes = _axes(room, tell("coverage: G2 at half of their greatest value or more"), below=0.04)
    steps = axes.stairs(many, edges, fill=True, color=FAINT, alpha=0.6, linewidth=0)
    told(steps, tell("at most {n} G2 at one distance", n=whole(max(many))))
    if max(many) > _FEW:
        # Linear from 0 to 1, so that a gap is seen, and logarithmic beyond, so that a crowd does not hide the rest.
        axes.set_yscale("symlog", linthresh=1, linscale=0.9)
        marks = [0, *(mark for mark in (1, 10, 100, 1000) if mark <= max(many))]
    else:
        marks = list(range(0, max(many) + 1, -(-max(many) // 3)))
    axes.set_yticks(marks, [str(mark) for mark in marks])
    axes.yaxis.minorticks_off()
    axes.set(xlim=(0, shapes.reach), ylim=(0, 1.2 * max(many)))
    axes.tick_params(labelbottom=False, axis="x", length=0)


def bars(room: Room, shapes: Shapes) -> None:
    """Draw one bar per G2 over the distances of :func:`half_height`, and a dot at its R_s."""
    rows = _bars(shapes)
    axes = _axes(room, "", above=0.04)
    places = range(len(rows))
    thick = min(3.2, 0.72 * 1.45 * 72 / len(rows))
    colours = [(*tone, _strength(shapes, [function])) for function, _, _, tone in rows]
    spans = axes.hlines(places, [row[1] for row in rows], [row[2] for row in rows], colors=colours, linewidth=thick)
    told(spans, [_bar_said(function, low, high) for function, low, high, _ in rows])
    dots = [function.r_s for function, _, _, _ in rows]
    axes.plot(dots, places, "o", color=INK, markersize=min(2.2, 0.9 * thick), markeredgewidth=0)
    axes.set(xlim=(0, shapes.reach), ylim=(len(rows) - 0.4, -0.6), yticks=[])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(tell("r (Å) at half of its greatest value or more; dot: R_s"), labelpad=1)
    axes.grid(axis="x")


def _bar_said(function: G2, low: float, high: float) -> str:
    return tell("{function}: {low} to {high} Å", function=function.name, low=fixed(low, 2), high=fixed(high, 2))


def angular(room: Room, shapes: Shapes) -> None:
    """Draw the distinct angular parts over θ: shaded by ζ, dashed for λ = -1."""
    alike: dict[tuple[float, int], list[Feature]] = {}
    for function in shapes.angular:
        alike.setdefault((function.zeta, function.lam), []).append(function)
    chosen = sorted(alike)
    axes = _axes(room, tell("angular part over θ: {n} distinct (ζ, λ)", n=whole(len(chosen))))
    theta = np.linspace(0, 180, 181)
    zetas, colours = _tones([zeta for zeta, _ in chosen])
    for (zeta, lam), colour in zip(chosen, colours, strict=True):
        look = {"color": colour, "linewidth": _width(len(chosen)), "linestyle": _SIGNS[lam]}
        strength = _strength(shapes, alike[zeta, lam])
        (curve,) = axes.plot(theta, angular_curve(zeta, lam, theta), alpha=strength, **look)
        told(curve, f"λ = {'−' if lam < 0 else '+'}1, ζ = {exact(zeta, 4)}")
    # The curves end at 2; what lies above is room for the legend.
    axes.set(xlim=(0, 180), ylim=(0, 2.85), xticks=[0, 30, 60, 90, 120, 150, 180], yticks=[0, 1, 2])
    axes.set_xlabel(tell("angle θ (degrees)"), labelpad=1)
    named = [(f"ζ = {text}", look) for text, look in _named(zetas, ramp(len(zetas)))]
    signs = [
        (f"λ = {'−' if lam < 0 else '+'}1", {"color": FAINT, "linewidth": 1.2, "linestyle": _SIGNS[lam]})
        for lam in sorted({lam for _, lam in chosen})
    ]
    _legend(axes, "", [*named, *signs], loc="upper center", ncols=4, columnspacing=1.2)


def pairs(room: Room, shapes: Shapes) -> None:
    """Draw the radial factor of the angular functions for two neighbours at one distance, shaded in the order of η."""
    alike: dict[tuple[float, float, str, float, float], list[G4 | G5]] = {}
    for function in shapes.angular:
        key = (function.eta, function.r_s, function.cutoff, function.alpha, function.r_c)
        alike.setdefault(key, []).append(function)
    chosen = [alike[key] for key in sorted(alike)]
    firsts = [functions[0] for functions in chosen]
    title, texts = _apart(firsts)
    colours = ramp(len(chosen))
    shift = "(r − R_s)" if any(function.r_s for function in shapes.angular) else "r"
    axes = _axes(
        room, tell("{factor}, both neighbours at r: {n}", factor=f"exp(−2η{shift}²) f_c²", n=whole(len(chosen)))
    )
    r = _grid(shapes.reach)
    for functions, colour, text in zip(chosen, colours, texts, strict=True):
        look = {"color": colour, "linewidth": _width(len(chosen)), "alpha": _strength(shapes, functions)}
        (curve,) = axes.plot(r, pair_curve(functions[0], r), **look)
        told(curve, f"{title}: {text}")
    _over_r(axes, shapes.reach)
    picks = _picked(len(chosen))
    _legend(axes, title, [(texts[n], {"color": colours[n], "linewidth": 1.4}) for n in picks], loc="upper right")


def _apart(functions: Sequence[G4 | G5]) -> tuple[str, list[str]]:
    """Return what tells radial factors apart, η first, and how each is called by it."""
    apart = [("η (Å⁻²)", [exact(f.eta, 4) for f in functions])]
    for head, words in (
        ("R_s (Å)", [exact(f.r_s, 4) for f in functions]),
        ("R_c (Å)", [exact(f.r_c, 4) for f in functions]),
        ("f_c", [f.cutoff + (f" α={exact(f.alpha, 4)}" if f.alpha else "") for f in functions]),
    ):
        if len(set(words)) > 1:
            apart.append((head, words))
    heads = ", ".join(head for head, _ in apart)
    return heads, [", ".join(parts) for parts in zip(*(words for _, words in apart), strict=True)]


def field_height(shapes: Shapes, kind: str) -> float:
    """Return the height (inches) that the combinations of a kind need."""
    return 0.75 + 0.2 * min(len({f.zeta for f in shapes.angular if f.kind == kind}), 12)


def fields(room: Room, shapes: Shapes, kind: str) -> None:
    """Draw which combinations of η (across), ζ (up) and λ (left and right half) the functions of a kind have."""
    chosen = [function for function in shapes.angular if function.kind == kind]
    etas, zetas = (sorted({getattr(function, name) for function in chosen}) for name in ("eta", "zeta"))
    filled = len({(function.eta, function.zeta, function.lam) for function in chosen})
    every = whole(2 * len(etas) * len(zetas))
    # Many numbers stand upright, and need as much room below as they are long.
    below = 0.3 + 0.06 * max(len(exact(eta, 4)) for eta in etas) if len(etas) > _ACROSS else 0.37
    title = tell("{kind}: {some} of {all} fields", kind=kind, some=whole(filled), all=every)
    axes = _axes(room, title, below=below, beside=0.42)
    boxes: list[list[tuple[float, float]]] = []
    colours: list[Any] = []
    for column, eta in enumerate(etas):
        for row, zeta in enumerate(zetas):
            for lam in (-1, 1):
                found = [f for f in chosen if (f.eta, f.zeta, f.lam) == (eta, zeta, lam)]
                left = column - 0.42 if lam < 0 else column
                box = [(left + x, row + y) for x, y in ((0, -0.38), (0.42, -0.38), (0.42, 0.38), (0, 0.38))]
                boxes.append([*box, box[0]])
                colours.append((COLOURS[0 if lam < 0 else 1], _strength(shapes, found)) if found else "none")
                if len(found) > 1:
                    at = (column + 0.21 * lam, row)
                    axes.text(*at, str(len(found)), ha="center", va="center", fontsize=6, color="white")
    _boxes(axes, boxes, colours)
    _marks(axes, etas, zetas)
    squares = [
        (f"λ = {sign}1", {"color": colour, "marker": "s", "linestyle": "none", "markersize": 4.5})
        for sign, colour in (("−", COLOURS[0]), ("+", COLOURS[1]))
    ]
    _legend(axes, "", squares, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, columnspacing=1.0)


def _boxes(axes: Any, boxes: Sequence[Any], colours: Sequence[Any]) -> None:
    """Draw boxes, empty ones as outlines: two artists in place of a hundred."""
    from matplotlib.collections import PolyCollection

    full = [place for place, colour in enumerate(colours) if colour != "none"]
    empty = [place for place, colour in enumerate(colours) if colour == "none"]
    filled = [boxes[place] for place in full]
    if full:
        axes.add_collection(PolyCollection(filled, facecolors=[colours[place] for place in full], linewidths=0))
    # One broken line.
    edges = [end for place in empty for end in (*boxes[place], (np.nan, np.nan))]
    axes.plot([x for x, _ in edges], [y for _, y in edges], color=FAINT, linewidth=0.4)


def _marks(axes: Any, etas: Sequence[float], zetas: Sequence[float]) -> None:
    for axis, values, most in ((axes.xaxis, etas, 20), (axes.yaxis, zetas, 12)):
        step = -(-len(values) // most)
        axis.set_ticks(range(0, len(values), step), [exact(value, 4) for value in values[::step]])
    if len(etas) > _ACROSS:
        axes.tick_params(axis="x", rotation=90)
    axes.tick_params(length=0)
    axes.set(xlim=(-0.5, max(len(etas), 6) - 0.5), ylim=(-0.5, len(zetas) - 0.5))
    axes.set_xlabel("η (Å⁻²)", labelpad=1, loc="left")
    axes.set_ylabel("ζ", rotation=0, va="center", labelpad=7)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)

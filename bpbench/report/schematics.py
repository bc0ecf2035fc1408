"""Drawings of what is compared: the shape of a network, and what the functions of a set see."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bpbench.descriptors.curves import angular_curve, radial_curve
from bpbench.features import G2
from bpbench.report.canvas import COLOURS, FAINT, INK, label, sheet, told
from bpbench.report.language import listed, tell
from bpbench.report.numerals import count, exact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bpbench.features import G4, G5, FeatureSet

#: Nodes of a layer that are drawn; of more, the first and last ones and dots.
_SHOWN: Final = 8


def _heights(size: int) -> tuple[list[float], float | None]:
    """Return the heights of the drawn nodes of a layer, centred on zero, and of the dots between them."""
    if size <= _SHOWN:
        return [place - (size - 1) / 2 for place in range(size)], None
    top = [3.5 - place for place in range(5)]
    return [*top, -2.5, -3.5], -1.5


def networks(shapes: Sequence[str]) -> str:
    """Draw networks side by side: inputs, hidden tanh layers, linear output and the sum over the atoms.

    Parameters
    ----------
    shapes : sequence of str
        Such as ``57-10-10-1``: nodes of each layer.
    """
    columns = min(2, len(shapes))
    rows = -(-len(shapes) // columns)
    with sheet("networks", 2.3 * rows, rows=rows, columns=columns) as (_, grid, drawn):
        for axes in grid.flat:
            axes.set_axis_off()
        for axes, shape in zip(grid.flat, shapes, strict=False):
            _network(axes, shape)
    return drawn[0]


def _network(axes: Any, shape: str) -> None:
    layers = [int(size) for size in shape.split("-")]
    placed = [_heights(size) for size in layers]
    for left, ((here, _), (there, _)) in enumerate(itertools.pairwise(placed)):
        # One broken line instead of a hundred: a tenth of the file.
        ends = [(one, other, None) for one in here for other in there]
        across: list[float | None] = [left + 0.07, left + 0.93, None] * len(ends)
        axes.plot(across, list(itertools.chain(*ends)), color=FAINT, linewidth=0.3, alpha=0.6, zorder=1)
    for place, (size, (nodes, dots)) in enumerate(zip(layers, placed, strict=True)):
        last = place == len(layers) - 1
        colour = COLOURS[0] if place == 0 else COLOURS[1] if last else COLOURS[2]
        (circles,) = axes.plot([place] * len(nodes), nodes, "o", color=colour, markersize=5.5, zorder=2)
        words = tell("functions G") if place == 0 else tell("linear") if last else tell("tanh")
        told(circles, f"{count(size, 'node')}, {words}")
        if dots is not None:
            axes.plot([place] * 3, [dots - 0.28, dots, dots + 0.28], ".", color=INK, markersize=2)
        axes.text(place, 4.35, str(size), ha="center", va="bottom", fontsize=8, weight="bold")
        axes.text(place, -4.4, words, ha="center", va="top", fontsize=7)
    end = len(layers) - 1
    axes.annotate(
        "",
        (end + 0.62, 0),
        (end + 0.1, 0),
        arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 0.8, "mutation_scale": 7},
    )
    axes.text(end + 0.36, 0.3, tell("Σ over atoms"), ha="center", va="bottom", fontsize=6.5)
    axes.text(end + 0.68, 0, "E", ha="left", va="center", fontsize=9, style="italic")
    axes.set_xlim(-0.45, end + 0.9)
    axes.set_ylim(-5.2, 5.2)


def seen(sets: Sequence[tuple[str, FeatureSet]]) -> str:
    r"""Draw what each function of each set sees: a neighbour's share in G2 over r, the angular part over θ.

    Left exp(-η(r-R_s)²) f_c(r), right 2^(1-ζ)(1+λ cos θ)^ζ; functions that differ in their elements alone once.

    Parameters
    ----------
    sets : sequence of (str, FeatureSet)
        Name and functions of each set.
    """
    with sheet("feature_sets", 0.45 + 0.85 * len(sets), rows=len(sets), columns=2, sharex="col") as (_, grid, drawn):
        for (left, right), (name, functions) in zip(grid, sets, strict=True):
            _radial(left, [function for function in functions if isinstance(function, G2)])
            _angular(right, [function for function in functions if not isinstance(function, G2)])
            left.set_title(label(name, 30), loc="left")
        grid[-1, 0].set_xlabel(tell("distance r (Å)"))
        grid[-1, 1].set_xlabel(tell("angle θ (degrees)"))
    return drawn[0]


def _shade(axes: Any, x: Any, lines: Sequence[tuple[str, Any]]) -> None:
    """Draw curves in order, in four colours by turns, so that neighbours can be told apart, each with its name."""
    for place, (name, line) in enumerate(lines):
        (curve,) = axes.plot(x, line, color=COLOURS[place % 4], linewidth=0.55, alpha=0.85)
        told(curve, name)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _radial(axes: Any, functions: Sequence[G2]) -> None:
    once = dict.fromkeys(replace(function, of=None) for function in functions)
    r = np.linspace(0, max((function.r_c for function in once), default=1.0), 241)
    _shade(axes, r, [(function.name, radial_curve(function, r)) for function in once])
    axes.set_title(f"{len(functions)} G2", loc="right")


def _angular(axes: Any, functions: Sequence[G4 | G5]) -> None:
    theta = np.linspace(0, 180, 181)
    shapes = sorted({(function.lam, function.zeta) for function in functions})
    _shade(axes, theta, [(_shape(lam, zeta), angular_curve(zeta, lam, theta)) for lam, zeta in shapes])
    kinds = sorted({function.kind for function in functions})
    axes.set_title(f"{len(functions)} {listed(kinds) if kinds else tell('angular')}", loc="right")
    axes.set_xticks([0, 60, 120, 180])


def _shape(lam: int, zeta: float) -> str:
    return f"λ = {'−' if lam < 0 else '+'}1, ζ = {exact(zeta)}"

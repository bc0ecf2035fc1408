"""One sheet per feature set: what its functions see, where they crowd, and where nothing looks."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from bpbench.errors import RequestError
from bpbench.features import CUTOFFS, G2, G4, G5, FeatureSet
from bpbench.report import panels
from bpbench.report.canvas import FAINT, WIDTH, label, page, printed, svg
from bpbench.report.language import listed, tell, tell_n
from bpbench.report.numerals import count, exact
from bpbench.report.panels import Room

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from bpbench.features import Feature

    #: Height in inches, and what fills the room.
    Panel = tuple[float, Callable[[Room], None]]

_KINDS: Final = {"G2": G2, "G4": G4, "G5": G5}
#: Height of the head and of each block of the table of elements, in inches.
_HEAD: Final = 0.42
#: Inches that stay empty along the edges.
_EDGE: Final = 0.04
#: Cutoff functions that the head names.
_FORMS: Final = 3
#: Elements and pairs beside each other in that table.
_ABREAST: Final = 14


def sheet(functions: FeatureSet, title: str = "", *, key: str = "sheet") -> str:
    """Draw a feature set as one sheet of the width of a page.

    Parameters
    ----------
    functions : FeatureSet
        Functions that differ only in the elements they name are drawn once; a table tells the elements.
    title : str
        On top; without one, the number of functions stands there.
    key : str
        Prefix of all identifiers inside the drawing, different for two sheets on one page.

    Returns
    -------
    str
        One ``<svg>`` element, the same bytes from the same set.
    """
    with _drawn(functions, title, key) as figure:
        return svg(figure, key)


def write_sheet(functions: FeatureSet, path: Path, title: str = "") -> Path:
    """Draw a feature set as one sheet into a file.

    Parameters
    ----------
    functions : FeatureSet
        As for :func:`sheet`.
    path : Path
        Its ending says the format: ``.svg``, ``.pdf`` or ``.png`` (200 dots per inch).
    title : str
        As for :func:`sheet`.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    RequestError
        For another ending, or a file that cannot be written.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in {"svg", "pdf", "png"}:
        raise RequestError(f"A sheet is drawn as .svg, .pdf or .png, found '{path.name}'; give one of these endings.")
    with _drawn(functions, title, "sheet") as figure:
        if kind == "svg":
            made = f'<?xml version="1.0" encoding="utf-8"?>\n{svg(figure, "sheet")}\n'.encode()
        else:
            made = printed(figure, kind)
    try:
        path.write_bytes(made)
    except OSError as error:
        raise RequestError(
            f"The sheet cannot be written to {path}: {error.strerror or error}; name a file in a folder that exists "
            "and may be written to."
        ) from error
    return path


def reading(functions: FeatureSet) -> str:
    """Return, in a sentence or two, how the sheet of a set is read."""
    kinds = {function.kind for function in functions}
    parts = []
    if "G2" in kinds:
        parts.append(
            tell(
                "Curves over r show what one neighbour adds to each G2 (the cutoff function f_c is dashed), and each "
                "bar spans the distances at which one of them, exp(−η(r − R_s)²) f_c, has at least half of its own "
                "greatest value: bars that lie close look at nearly the same, and where the coverage is 0 none is at "
                "half of its greatest value."
            )
        )
    if kinds != {"G2"}:
        parts.append(
            tell(
                "Curves over θ are the distinct angular parts, beside the factor that two neighbours at the same r "
                "bring, and fields show which η, ζ and λ the set combines (left half λ = −1, right half λ = +1, empty: "
                "none)."
            )
        )
    return " ".join(parts)


def told(entry: Mapping[str, Any]) -> FeatureSet | None:
    """Return a feature set as an entry of the findings tells it; ``None`` for one that is not of symmetry functions."""
    if any(function.get("kind") not in _KINDS for function in entry["functions"]):
        return None
    functions = [
        _KINDS[function["kind"]](**{key: value for key, value in function.items() if key not in {"name", "kind"}})
        for function in entry["functions"]
    ]
    return FeatureSet(tuple(functions), reconstructed=entry["reconstructed"])


@contextmanager
def _drawn(functions: FeatureSet, title: str, key: str) -> Iterator[Any]:
    shapes = _shapes(functions)
    left, right = _columns(shapes)
    table = _table_height(functions)
    tall = max(sum(height for height, _ in side) for side in (left, right))
    with page(key, _HEAD + tall + table) as figure:
        # Places are known beforehand, and to find them anew takes a third of the time.
        figure.set_layout_engine(None)
        inside = WIDTH - 2 * _EDGE
        _head(Room(figure, _EDGE, tall + table + 0.06, inside, _HEAD - 0.06 - _EDGE).axes(), functions, shapes, title)
        for place, side in enumerate((left, right)):
            top, stretch = tall + table, tall / sum(height for height, _ in side)
            for height, fill in side:
                top -= stretch * height
                fill(Room(figure, place * WIDTH / 2, top, WIDTH / 2, stretch * height))
        if table:
            _elements(Room(figure, _EDGE, _EDGE, inside, table - 2 * _EDGE).axes(), functions)
        yield figure


def _shapes(functions: FeatureSet) -> panels.Shapes:
    """Gather what is drawn: each curve once, whatever elements it is for."""
    of: dict[Feature, set[tuple[str, ...]]] = {}
    for function in functions:
        of.setdefault(replace(function, of=None), set()).add(function.elements)
    sides = [{f: named for f, named in of.items() if isinstance(f, G2) is radial} for radial in (True, False)]
    # What all functions of one side name together; a function that names less is drawn paler.
    partial = {f for side in sides for f, named in side.items() if named != set().union(*side.values())}
    radial = sorted((f for f in of if isinstance(f, G2)), key=lambda f: (f.r_s, f.eta, f.name))
    angular = sorted((f for f in of if not isinstance(f, G2)), key=lambda f: (f.kind, f.eta, f.zeta, f.lam, f.name))
    return panels.Shapes(
        near=tuple(f for f in radial if not f.r_s),
        shifted=tuple(f for f in radial if f.r_s),
        angular=tuple(angular),
        partial=frozenset(partial),
    )


def _columns(shapes: panels.Shapes) -> tuple[list[Panel], list[Panel]]:
    """Return the panels of the left and of the right column: radial and angular, or whichever there is."""
    curves: list[Panel] = []
    if shapes.near:
        curves.append((1.55, lambda room: panels.near(room, shapes)))
    if shapes.shifted:
        curves.append((1.55, lambda room: panels.shifted(room, shapes)))
    cover: list[Panel] = [
        (0.6, lambda room: panels.counts(room, shapes)),
        (1.85, lambda room: panels.bars(room, shapes)),
    ]
    over: list[Panel] = [
        (1.9, lambda room: panels.angular(room, shapes)),
        (1.55, lambda room: panels.pairs(room, shapes)),
    ]
    fields: list[Panel] = [
        (panels.field_height(shapes, kind), lambda room, kind=kind: panels.fields(room, shapes, kind))  # type: ignore[misc]
        for kind in sorted({function.kind for function in shapes.angular})
    ]
    if not shapes.angular:
        return curves, cover
    if curves:
        return curves + cover, over + fields
    # Fields beside tall curves keep their height; what is left below them stays empty.
    left = sum(height for height, _ in over) - sum(height for height, _ in fields)
    return over, fields + ([(left, lambda _: None)] if left > 0 else [])


def _head(axes: Any, functions: FeatureSet, shapes: panels.Shapes, title: str) -> None:
    axes.set_axis_off()
    size = count(len(functions), "symmetry function")
    kinds = [function.kind for function in functions]
    every = (*shapes.near, *shapes.shifted, *shapes.angular)
    reach = sorted({function.r_c for function in every})
    forms = sorted({(list(CUTOFFS).index(f.cutoff), f.cutoff, f.alpha) for f in every})
    by_kind = ", ".join(f"{kinds.count(kind)} {kind}" for kind in _KINDS if kind in kinds)
    shown = [form + (f" (α = {exact(alpha)})" if alpha else "") for _, form, alpha in forms[:_FORMS]]
    if len(forms) > _FORMS:
        shown.append(tell_n("{n} more", "{n} more", len(forms) - _FORMS))
    facts = [
        tell("{size}: {kinds}", size=size, kinds=by_kind) if title.strip() else by_kind,
        f"R_c {_span(reach)} Å",
        f"f_c {listed(shown)}",
        *([tell("reconstruction")] if functions.reconstructed else []),
    ]
    axes.text(
        0,
        1,
        label(title, 60) if title.strip() else size,
        fontsize=9.5,
        weight="bold",
        va="top",
        transform=axes.transAxes,
    )
    axes.text(0, 0, "  ·  ".join(facts), fontsize=7.5, va="bottom", transform=axes.transAxes)


def _span(values: Sequence[float]) -> str:
    if len(values) == 1:
        return exact(values[0])
    return tell("{low} to {high}", low=exact(values[0]), high=exact(values[-1]))


# --------------------------------------------------------------------------------------------- the table of elements


def _named(functions: FeatureSet) -> list[tuple[str, ...]]:
    """Return the neighbours that functions name, one element or two, in the order of the set's elements."""
    place = {element: number for number, element in enumerate(functions.elements)}
    found = {function.elements for function in functions if function.elements}
    return sorted(found, key=lambda named: (len(named), [place[element] for element in named]))


def _blocks(functions: FeatureSet) -> list[list[tuple[str, ...]]]:
    named = _named(functions)
    return [named[first : first + _ABREAST] for first in range(0, len(named), _ABREAST)]


def _kinds(functions: FeatureSet) -> list[str]:
    return [kind for kind in _KINDS if any(function.kind == kind for function in functions)]


def _table_height(functions: FeatureSet) -> float:
    lines = len(_blocks(functions)) * (1 + len(_kinds(functions)))
    return 0.3 + 0.15 * lines if lines else 0.0


def _elements(axes: Any, functions: FeatureSet) -> None:
    """Tell how many functions of each kind each neighbour, or pair of neighbours, has."""
    blocks, kinds = _blocks(functions), _kinds(functions)
    lines = len(blocks) * (1 + len(kinds))
    axes.set_axis_off()
    axes.set(xlim=(0, _ABREAST + 2), ylim=(lines - 0.4, -1.6))
    shapes = _shapes(functions)
    words = (
        tell("Paler curves, bars and fields are for some of the neighbours only.")
        if shapes.partial
        else tell("All neighbours have the same functions, each drawn once.")
    )
    head = tell("Functions by the elements of the neighbours.")
    axes.text(0, -1, f"{head} {words}", va="center", fontsize=7.5)
    for number, block in enumerate(blocks):
        top = number * (1 + len(kinds))
        axes.axhline(top + 0.5, color=FAINT, linewidth=0.4)
        for place, named in enumerate(block):
            axes.text(place + 2, top, "-".join(named), ha="right", va="center", fontsize=7, weight="bold")
            for line, kind in enumerate(kinds, 1):
                many = sum(f.kind == kind and f.elements == named for f in functions)
                # G2 stands under single elements and the others under pairs; elsewhere there is nothing to count.
                if many or (kind == "G2") == (len(named) == 1):
                    axes.text(place + 2, top + line, str(many), ha="right", va="center", fontsize=7)
        for line, kind in enumerate(kinds, 1):
            axes.text(0, top + line, kind, va="center", fontsize=7)

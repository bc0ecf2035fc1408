"""The numbers behind drawings of what is compared: functions with their parameters, networks with their layers."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from bpbench.report.document import Cell, Column, Table
from bpbench.report.language import tell, tell_as
from bpbench.report.numerals import NOTHING, whole
from bpbench.report.tables import align, counted, given, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Rows behind one figure: more are left to the file of all functions.
_ROWS: Final = 500
#: Parameters of functions with their units, in the order of columns.
_PARAMETERS: Final = {
    "eta": ("η", "Å⁻²"),
    "r_s": ("R_s", "Å"),
    "zeta": ("ζ", ""),
    "lam": ("λ", ""),
    "r_c": ("R_c", "Å"),
    "alpha": ("α", ""),
}


def functions(key: str, entries: Sequence[Mapping[str, Any]]) -> Table:
    """Return the functions that a figure draws, one per row, with the parameters that any of them has.

    Parameters
    ----------
    key : str
        That of the figure.
    entries : sequence of dict
        Sets, as ``findings["sets"]`` holds them.
    """
    several = len(entries) > 1
    every = [(entry, function) for entry in entries for function in entry["functions"]]
    used = [name for name in _PARAMETERS if any(function.get(name) is not None for _, function in every)]
    elements = any(function.get("of") for _, function in every)
    columns = (
        *([Column("set", tell_as("column", "set"), align="left")] if several else []),
        Column("function", tell_as("column", "function"), align="left"),
        Column("kind", tell_as("column", "kind"), align="left"),
        *(Column("lambda" if name == "lam" else name, *_PARAMETERS[name]) for name in used),
        Column("cutoff", "f_c", align="left"),
        *([Column("elements", tell_as("column", "elements"), align="left")] if elements else []),
    )
    rows = tuple(
        (
            *([words(entry["name"])] if several else []),
            words(function["name"]),
            words(function["kind"]),
            *(given(function.get(name)) for name in used),
            words(function.get("cutoff")),
            *([_elements(function.get("of"))] if elements else []),
        )
        for entry, function in every[:_ROWS]
    )
    caption = tell("All functions that are drawn.")
    if len(every) > _ROWS:
        caption = tell(
            "The first {some} of {all} functions that are drawn; the file tables/functions.csv has all.",
            some=whole(_ROWS),
            all=whole(len(every)),
        )
    return Table(key, caption, columns, rows)


def _elements(of: str | Sequence[str] | None) -> Cell:
    text = NOTHING if of is None else of if isinstance(of, str) else "-".join(of)
    return Cell(text, None if of is None else text)


def layers(key: str, shapes: Sequence[str]) -> Table:
    """Return the layers of networks, each with its nodes and with the weights and biases that lead to it.

    Parameters
    ----------
    key : str
        That of the figure.
    shapes : sequence of str
        Such as ``57-10-10-1``: nodes of each layer.
    """
    columns = (
        Column("network", tell_as("column", "network"), align="left"),
        Column("layer", tell_as("column", "layer")),
        Column("nodes", tell_as("column", "nodes")),
        Column("weights", tell_as("column", "weights")),
        Column("biases", tell_as("column", "biases")),
    )
    rows = []
    for shape in shapes:
        sizes = [int(size) for size in shape.split("-")]
        rows.append((words(shape), counted(0), counted(sizes[0]), counted(None), counted(None)))
        rows += [
            (words(shape), counted(place), counted(there), counted(here * there), counted(there))
            for place, (here, there) in enumerate(pairwise(sizes), 1)
        ]
    caption = tell("Layer 0 is the input; weights and biases are those of one atomic network that lead to a layer.")
    return Table(key, caption, columns, align(rows, columns))

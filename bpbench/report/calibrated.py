"""The calibration's table as lines for the terminal and as Markdown: plain JSON in, text out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bpbench.report.comment import aligned
from bpbench.report.numerals import NOTHING, count

#: How rates of one rule and condition at several n are joined, as are the n above them.
_JOINED = " / "


@dataclass(frozen=True, slots=True)
class _Matrix:
    """One part of the table: a row per rule, a column per condition."""

    title: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def lines(told: dict[str, Any]) -> list[str]:
    """Return the lines of ``bpbench doctor --calibrate``.

    Parameters
    ----------
    told : dict
        From :func:`bpbench.calibration.table.told`.
    """
    printed = [told["reading"], "A rate outside its bound is marked with '!'."]
    for matrix in (_matrix(part) for part in told["parts"] if part["rates"]):
        printed += ["", matrix.title, matrix.caption, *aligned(matrix.head, matrix.rows)]
    return [*printed, "", answer(told)]


def markdown(told: dict[str, Any]) -> str:
    """Return the same as Markdown.

    Parameters
    ----------
    told : dict
        From :func:`bpbench.calibration.table.told`.
    """
    blocks = [f"{told['reading']} {answer(told)} Made by `{told['command']}`."]
    for matrix in (_matrix(part) for part in told["parts"] if part["rates"]):
        table = [f"| {' | '.join(row)} |" for row in (matrix.head, ("---",) * len(matrix.head), *matrix.rows)]
        blocks += [f"**{matrix.title}.** {matrix.caption}", "\n".join(table)]
    return "\n\n".join(blocks) + "\n"


def answer(told: dict[str, Any]) -> str:
    """Return the sentence that says whether everything is within its bound."""
    bounded, outside = told["bounded"], told["outside"]
    if outside:
        return f"{outside} of {bounded} bounded rates lie outside their bounds."
    return f"All {bounded} bounded rates lie within their bounds."


def _matrix(part: dict[str, Any]) -> _Matrix:
    rates = part["rates"]
    conditions = list(dict.fromkeys(rate["condition"] for rate in rates))
    repeats = sorted({rate["n"] for rate in rates})
    runs = sorted({rate["runs"] for rate in rates})
    error = max(rate["error"] for rate in rates if rate["runs"] == runs[-1])
    rows, several = [], False
    for rule in dict.fromkeys(rate["rule"] for rate in rates):
        own = [rate for rate in rates if rate["rule"] == rule]
        by_condition = [[rate for rate in own if rate["condition"] == name] for name in conditions]
        several = several or any(len(found) > 1 for found in by_condition)
        rows.append((rule, own, by_condition))
    fewer = f", fewer ({runs[0]}) where each takes long" if len(runs) > 1 else ""
    many = f"{count(runs[-1], 'run')} each{fewer} (standard error {100 * error:.1f})"
    # where each rule has but one number of repeats, it names it itself unless all have the same
    shown = f"; n = {_JOINED.join(map(str, repeats))}" if several or len(repeats) == 1 else ""
    return _Matrix(
        part["title"],
        f"{part['counts']} Rates in %, {many}{shown}.",
        ("rule", *conditions, "bound", ""),
        tuple(
            (rule, *(_cell(found, repeats if several else None) for found in cells), _bounds(own), _verdict(own))
            for rule, own, cells in rows
        ),
    )


def _cell(rates: list[dict[str, Any]], repeats: list[int] | None) -> str:
    """Return the rates of one rule and condition, at every n if they are given."""
    if not rates:
        return NOTHING
    at = {rate["n"]: rate for rate in rates}
    text = _JOINED.join(_rate(at[n]) if n in at else NOTHING for n in (sorted(at) if repeats is None else repeats))
    return f"({text})" if all(rate["within"] is None for rate in rates) else text


def _rate(rate: dict[str, Any]) -> str:
    return f"{100 * rate['rate']:.1f}" + ("!" if rate["within"] is False else "")


def _bounds(rates: list[dict[str, Any]]) -> str:
    """Return the bounds of a rule's rates, each once."""
    return ", ".join(dict.fromkeys(_bound(rate) for rate in rates if rate["within"] is not None)) or NOTHING


def _bound(rate: dict[str, Any]) -> str:
    low, high = (None if rate[side] is None else f"{100 * rate[side]:.1f}" for side in ("low", "high"))
    if low is None:
        return f"≤ {high}"
    return f"≥ {low}" if high is None else f"{low} to {high}"


def _verdict(rates: list[dict[str, Any]]) -> str:
    bounded = [rate["within"] for rate in rates if rate["within"] is not None]
    return "reported" if not bounded else "within" if all(bounded) else "outside"

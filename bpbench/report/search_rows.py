"""What tables and figures of strategies share: names of candidates, their differences, decimals, rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bpbench.report.chosen import compact
from bpbench.report.document import Cell, Column
from bpbench.report.numerals import (
    common_decimals,
    half_width,
    middle,
    p_text,
    percent,
)
from bpbench.report.search_draw import Mark
from bpbench.report.tables import align, counted, number
from bpbench.report.vocabulary import quick, unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def level(findings: Mapping[str, Any]) -> str:
    """Return the level of intervals while exploring, as a percentage."""
    return percent(1 - findings["analysis"]["alpha"])


def heads(findings: Mapping[str, Any]) -> tuple[Column, ...]:
    """Return the columns of a difference; in a quick run, which judges nothing, it has no interval."""
    shown = unit(findings["metric"])
    difference = Column("difference", "difference", shown)
    if quick(findings):
        return (difference,)
    return (difference, Column("low", f"{level(findings)} from", shown), Column("high", "to", shown))


def interval(findings: Mapping[str, Any], more: str = "") -> str:
    """Return that a difference is drawn with its interval, nothing in a quick run."""
    return "" if quick(findings) else f" with its {level(findings)} interval{more}"


def p_cell(value: float | None) -> Cell:
    """Return a cell of a p-value."""
    return Cell(p_text(value), value)


def called(strategy: Mapping[str, Any], label: str) -> str:
    """Return what a candidate is called where what it is compared with is known."""
    text = compact(label, strategy["pool"])
    for before in ("without ", "with "):
        if text.startswith(f"{before}G"):
            return text.removeprefix(before)
    return text


def rest(step: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the candidates of a step without the one that they are compared with."""
    return [one for one in step["tried"] if one["label"] != step["reference"]]


def digits(entries: Sequence[Mapping[str, Any]]) -> int | None:
    """Return the decimals of a table of candidates, one number for all of its rows."""
    beside = [one["compared"] or {} for one in entries]
    widths = middle([half_width(found.get("low"), found.get("high")) for found in beside])
    return common_decimals([one["mean"] for one in entries]) if widths is None else widths


def gap_digits(entries: Sequence[Mapping[str, Any]]) -> int | None:
    """Return the decimals of the differences of a table; without intervals these are smaller than means and need more.

    The middle one of them has two significant digits, so that one tiny difference does not blow up all.
    """
    beside = [one["compared"] or {} for one in entries]
    widths = middle([half_width(found.get("low"), found.get("high")) for found in beside])
    if widths is not None:
        return widths
    return middle([None if (gap := found.get("difference")) is None else abs(gap) for found in beside])


def fewer(entries: Sequence[Mapping[str, Any]]) -> str:
    """Return how means over fewer repeats are to be read, nothing where all have as many."""
    if not any(one["stopped"] and one["mean"] is not None for one in entries):
        return ""
    return (
        " The mean of a candidate that was stopped is over fewer repeats (n) and is not to be compared with the other "
        "means; its difference is over the repeats that both have."
    )


def mark(strategy: Mapping[str, Any], one: Mapping[str, Any], *, chosen: bool = False) -> Mark:
    """Return a candidate as a figure shows it, by its difference from what it is compared with."""
    beside = one["compared"] or {}
    stopped = one["stopped"] is not None
    value, low, high = (beside.get(key) for key in ("difference", "low", "high"))
    return Mark(called(strategy, one["label"]), value, low, high, chosen=chosen, stopped=stopped)


def taken_of(step: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the candidate that a step took, if any."""
    return next((one for one in step["tried"] if one["label"] == step["taken"]), None)


def candidates(
    findings: Mapping[str, Any], strategy: Mapping[str, Any], step: Mapping[str, Any], *, differences: bool
) -> tuple[tuple[Column, ...], tuple[tuple[Cell, ...], ...]]:
    """Return columns and rows of all candidates of a step, that which was taken marked."""
    shown = unit(findings["metric"])
    columns = (
        Column("candidate", "candidate", align="left"),
        Column("functions", "functions"),
        Column("n", "n"),
        Column("mean", "mean", shown),
        *(heads(findings) if differences else ()),
        Column("taken", "", align="left"),
    )
    rows = []
    places, gaps = digits(step["tried"]), gap_digits(step["tried"])
    for one in step["tried"]:
        beside = one["compared"] or {}
        said = "chosen" if one["label"] == step["taken"] else "stopped" if one["stopped"] else ""
        rows.append(
            (
                Cell(compact(one["label"], strategy["pool"]), one["label"]),
                counted(len(one["chosen"])),
                counted(len(one["scores"])),
                number(one["mean"], places),
                *(number(beside.get(column.key), gaps) for column in (heads(findings) if differences else ())),
                Cell(said, said or None, "better" if said == "chosen" else ""),
            )
        )
    return columns, align(rows, columns)

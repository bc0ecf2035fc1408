"""What tables and figures of strategies share: names of candidates, their differences, decimals, rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from bpbench.report.chosen import compact
from bpbench.report.document import Cell, Column
from bpbench.report.kinds import quick
from bpbench.report.language import marked, numeral, tell, tell_as
from bpbench.report.numerals import (
    common_decimals,
    half_width,
    middle,
    p_text,
    percent,
)
from bpbench.report.search_data import pointed
from bpbench.report.search_draw import Mark
from bpbench.report.tables import align, counted, number
from bpbench.report.vocabulary import unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: What traces call candidates, and how that is told; a name in them stays as it is.
_LABELS: Final = tuple(
    (re.compile(pattern), message)
    for pattern, message in (
        (r"the whole set", marked("the whole set")),
        (r"without the (?P<n>\d+) whose absence helps most", marked("without the {n} whose absence helps most")),
        (r"without the (?P<n>\d+) that matter least", marked("without the {n} that matter least")),
        (r"without (?P<name>.+) and (?P<n>\d+) more", marked("without {name} and {n} more")),
        (r"without (?P<name>.+)", marked("without {name}")),
        (r"with (?P<name>.+)", marked("with {name}")),
        (r"(?P<name>G.+\)) and (?P<n>\d+) more", marked("{name} and {n} more")),
        (r"(?P<n>\d+) functions, draw (?P<draw>\d+)", marked("{n} functions, draw {draw}")),
        (r"steps (?P<steps>[\d/]+), starts (?P<starts>[\d/]+)", marked("steps {steps}, starts {starts}")),
        (r"G2 of R_s = (?P<low>\S+) and angular", marked("G2 of R_s = {low} and angular")),
        (r"G2 of R_s = (?P<low>\S+)", marked("G2 of R_s = {low}")),
        (
            r"G2 of R_s (?P<low>\S+) to (?P<high>\S+) and angular",
            marked("G2 of R_s {low} to {high} and angular"),
        ),
        (r"G2 of R_s (?P<low>\S+) to (?P<high>\S+)", marked("G2 of R_s {low} to {high}")),
    )
)


def titled(strategy: Mapping[str, Any], label: str) -> str:
    """Return what a candidate is called, its functions in symbols; sets of a user keep their names."""
    if strategy["kind"] != "smallest":
        for pattern, message in _LABELS:
            if found := pattern.fullmatch(label):
                fields = {
                    key: numeral(text) if key in {"low", "high"} else text for key, text in found.groupdict().items()
                }
                return compact(tell(message, **fields), strategy["pool"])
    return compact(label, strategy["pool"])


def called(strategy: Mapping[str, Any], label: str) -> str:
    """Return what a candidate is called where what it is compared with is known."""
    for before in ("without ", "with "):
        if label.startswith(f"{before}G"):
            return titled(strategy, label.removeprefix(before))
    return titled(strategy, label)


def level(findings: Mapping[str, Any]) -> str:
    """Return the level of intervals while exploring, as a percentage."""
    return percent(1 - findings["analysis"]["alpha"])


def in_unit(text: str, shown: str) -> str:
    """Return what an axis shows, with its unit in brackets where it has one."""
    return f"{text} ({shown})" if shown else text


def heads(findings: Mapping[str, Any]) -> tuple[Column, ...]:
    """Return the columns of a difference; in a quick run, which judges nothing, it has no interval."""
    shown = unit(findings["metric"])
    difference = Column("difference", tell("difference"), shown)
    if quick(findings):
        return (difference,)
    return (
        difference,
        Column("low", tell("{level} from", level=level(findings)), shown),
        Column("high", tell_as("column", "to"), shown),
    )


def p_cell(value: float | None) -> Cell:
    """Return a cell of a p-value."""
    return Cell(p_text(value), value)


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
    return " " + tell(
        "The mean of a candidate that was stopped is over fewer repeats (n) and is not to be compared with the other "
        "means; its difference is over the repeats that both have."
    )


def mark(
    strategy: Mapping[str, Any], one: Mapping[str, Any], *, chosen: bool = False, places: int | None, shown: str
) -> Mark:
    """Return a candidate as a figure shows it, by its difference from what it is compared with."""
    beside = one["compared"] or {}
    stopped = one["stopped"] is not None
    value, low, high = (beside.get(key) for key in ("difference", "low", "high"))
    name = called(strategy, one["label"])
    said = pointed(name, value, places, shown, low, high)
    return Mark(name, value, low, high, chosen=chosen, stopped=stopped, said=said, label=one["label"])


def taken_of(step: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the candidate that a step took, if any."""
    return next((one for one in step["tried"] if one["label"] == step["taken"]), None)


def candidates(
    findings: Mapping[str, Any], strategy: Mapping[str, Any], step: Mapping[str, Any], *, differences: bool
) -> tuple[tuple[Column, ...], tuple[tuple[Cell, ...], ...]]:
    """Return columns and rows of all candidates of a step, that which was taken marked."""
    shown = unit(findings["metric"])
    columns = (
        Column("candidate", tell("candidate"), align="left"),
        Column("functions", tell("functions")),
        Column("n", "n"),
        Column("mean", tell("mean"), shown),
        *(heads(findings) if differences else ()),
        Column("taken", "", align="left"),
    )
    rows = []
    places, gaps = digits(step["tried"]), gap_digits(step["tried"])
    words = {"chosen": tell_as("candidate", "chosen"), "stopped": tell_as("candidate", "stopped"), "": ""}
    for one in step["tried"]:
        beside = one["compared"] or {}
        said = "chosen" if one["label"] == step["taken"] else "stopped" if one["stopped"] else ""
        rows.append(
            (
                Cell(titled(strategy, one["label"]), one["label"]),
                counted(len(one["chosen"])),
                counted(len(one["scores"])),
                number(one["mean"], places),
                *(number(beside.get(column.key), gaps) for column in (heads(findings) if differences else ())),
                Cell(words[said], said or None, "better" if said == "chosen" else ""),
            )
        )
    return columns, align(rows, columns)

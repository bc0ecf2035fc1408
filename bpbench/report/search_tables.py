"""Tables of strategies that are written as CSV: every candidate, every chosen function, what survives where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bpbench.report.chosen import searches
from bpbench.report.document import Cell, Column, Table
from bpbench.report.kinds import quick
from bpbench.report.language import tell
from bpbench.report.numerals import exact
from bpbench.report.tables import counted, given, words

if TYPE_CHECKING:
    from collections.abc import Mapping


def tables(findings: Mapping[str, Any]) -> tuple[Table, ...]:
    """Return the tables that are too long to be shown, none for a study without strategies."""
    if not searches(findings):
        return ()
    return tried(findings), winners(findings), survival(findings)


def tried(findings: Mapping[str, Any]) -> Table:
    """Return every candidate of every step, with its scores while exploring."""
    keys = ("strategy", "step", "candidate", "functions", "cost", "mean", "value", "difference", "low", "high")
    repeats = findings["exploration"]["repeats"]
    columns = (
        *(Column(key, key) for key in keys),
        Column("non_inferior", "non-inferior"),
        Column("taken", "taken"),
        Column("stopped", "stopped"),
        *(Column(f"repeat_{number}", f"repeat {number}") for number in range(1, repeats + 1)),
    )
    rows = []
    for strategy in searches(findings):
        for number, step in enumerate(strategy["steps"], 1):
            for one in step["tried"]:
                beside = one["compared"] or {}
                scores = [*one["scores"], *[None] * (repeats - len(one["scores"]))]
                rows.append(
                    (
                        words(strategy["name"]),
                        counted(number),
                        words(one["label"]),
                        counted(len(one["chosen"])),
                        *(given(one[key]) for key in ("cost", "mean", "value")),
                        *(given(beside.get(key)) for key in ("difference", "low", "high")),
                        words({True: "yes", False: "no", None: None}[beside.get("non_inferior")]),
                        words("yes" if one["label"] == step["taken"] else None),
                        words("stopped by the race" if one["stopped"] and quick(findings) else one["stopped"]),
                        *(given(score) for score in scores),
                    )
                )
    return Table("explored", tell("Every candidate of every step."), columns, tuple(rows))


def winners(findings: Mapping[str, Any]) -> Table:
    """Return the functions that each strategy chose, one per row."""
    columns = tuple(Column(key, key) for key in ("strategy", "set", "number_in_pool", "function"))
    rows = tuple(
        (words(strategy["name"]), words(strategy["choice"]["set"]), counted(place + 1), words(strategy["pool"][place]))
        for strategy in searches(findings)
        if strategy["choice"] is not None
        for place in strategy["choice"]["chosen"]
    )
    return Table("chosen_functions", tell("The functions that strategies chose."), columns, rows)


def survival(findings: Mapping[str, Any]) -> Table:
    """Return the share of its searches in which each strategy kept each function of its pool."""
    columns = tuple(Column(key, key) for key in ("strategy", "number_in_pool", "function", "kept"))
    rows = tuple(
        (words(strategy["name"]), counted(place), words(name), Cell(exact(share), share))
        for strategy in searches(findings)
        if strategy["kept"] is not None
        for place, (name, share) in enumerate(zip(strategy["pool"], strategy["kept"], strict=True), 1)
    )
    return Table("survival", tell("Which functions survive where."), columns, rows)

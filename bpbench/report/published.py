"""Published numbers beside ours, where the question is the same: what was printed elsewhere, and what we found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bpbench.report.document import Column, Section, Table, Text
from bpbench.report.language import marked, tell, tell_n
from bpbench.report.numerals import decimals, exact, half_width, percent, say, span
from bpbench.report.tables import align, counted, given, number, words
from bpbench.report.vocabulary import metric_label, unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bpbench.report.document import Block, Cell

_PARTS = {"test": marked("test"), "validation": marked("validation"), "train": marked("training")}


def section(findings: Mapping[str, Any]) -> list[Section]:
    """Return the section on published numbers, none where the protocol names none.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    """
    entries = findings.get("published") or []
    if not entries:
        return []
    text = tell_n(
        "The protocol names {n} published number whose question is that of a variant here. A number of one training on "
        "other data is no sample: it stands beside ours and is not tested against them.",
        "The protocol names {n} published numbers whose questions are those of variants here. A number of one training "
        "on other data is no sample: it stands beside ours and is not tested against them.",
        len(entries),
    )
    blocks: list[Block] = [Text(text), _table(findings, entries)]
    blocks += [Text(_beside(findings, entry)) for entry in entries]
    return [Section("published", tell("Published numbers"), tuple(blocks))]


def _ours(findings: Mapping[str, Any], entry: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return our summary of the score that a published number is of, ``None`` if no training succeeded."""
    (variant,) = (variant for variant in findings["variants"] if variant["name"] == entry["variant"])
    found: Mapping[str, Any] | None = ((variant["summary"] or {}).get(entry["part"]) or {}).get(entry["metric"]["key"])
    return found


def _table(findings: Mapping[str, Any], entries: list[Mapping[str, Any]]) -> Table:
    level = percent(findings["mean_level"])
    columns = (
        Column("variant", tell("variant"), align="left"),
        Column("score", tell("score"), align="left"),
        Column("unit", tell("unit"), align="left"),
        Column("part", tell("part"), align="left"),
        Column("published", tell("published")),
        Column("ours", tell("our mean")),
        Column("interval", tell("{level} interval", level=level)),
        Column("repeats", tell("repeats")),
        Column("source", tell("source"), align="left"),
    )
    rows = []
    for entry in entries:
        ours, count = _ours(findings, entry), _done(findings, entry)
        places = None if ours is None else decimals(half_width(ours["low"], ours["high"]))
        cells: tuple[Cell, ...] = (
            words(entry["variant"]),
            words(metric_label(entry["metric"])),
            words(unit(entry["metric"])),
            words(tell(_PARTS[entry["part"]])),
            given(entry["value"]),
            number(None if ours is None else ours["mean"], places),
            words(None if ours is None else span(ours["low"], ours["high"], places)),
            counted(count),
            words(entry["source"]),
        )
        rows.append(cells)
    caption = tell("Published numbers and ours.")
    return Table("published", caption, columns, align(rows, columns), size="wide")


def _done(findings: Mapping[str, Any], entry: Mapping[str, Any]) -> int:
    (variant,) = (variant for variant in findings["variants"] if variant["name"] == entry["variant"])
    return sum(result["status"] == "done" for result in variant["results"])


def _beside(findings: Mapping[str, Any], entry: Mapping[str, Any]) -> str:
    """Return where a published number lies among our repeats, and what its note says of it."""
    ours = _ours(findings, entry)
    fields = {
        "variant": say(entry["variant"]),
        "score": metric_label(entry["metric"]),
        "value": f"{exact(entry['value'])} {unit(entry['metric'])}".rstrip(),
    }
    if ours is None:
        text = tell("{variant}: the published {score} of {value} has nothing of ours beside it.", **fields)
    elif entry["value"] < ours["min"]:
        text = tell("{variant}: the published {score} of {value} lies below every repeat of ours.", **fields)
    elif entry["value"] > ours["max"]:
        text = tell("{variant}: the published {score} of {value} lies above every repeat of ours.", **fields)
    else:
        text = tell("{variant}: the published {score} of {value} lies among our repeats.", **fields)
    return f"{text} {entry['note']}".rstrip()

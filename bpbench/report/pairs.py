"""All judged pairs at a glance: rows against columns, each with its difference, its p and what it was judged to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report import pairs_draw
from bpbench.report.canvas import styles
from bpbench.report.chosen import untested
from bpbench.report.document import Cell, Column, Figure, Table, Text, ref
from bpbench.report.labels import source_note
from bpbench.report.language import tell
from bpbench.report.numerals import count, decimals, half_width, p_equals, p_text, short, signed, whole
from bpbench.report.results import axis
from bpbench.report.tables import align, number, words
from bpbench.report.vocabulary import (
    adjusted_p,
    all_pairs,
    metric_label,
    on_part,
    several_baselines,
    unit,
    verdict_word,
    with_unit,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bpbench.report.document import Block

#: Columns beyond which a page cannot show them, and judged pairs that are listed behind the drawing.
_MOST: Final = 30
_LISTED: Final = 500


def matrix(findings: Mapping[str, Any]) -> list[Block]:
    """Return the figure of all pairs, nothing where there is one baseline: then the differences stand in one column."""
    analysis = findings["analysis"]
    names = {variant["name"] for variant in findings["variants"]}
    entries = [entry for entry in analysis["comparisons"] if entry["candidate"] in names]
    if not several_baselines(analysis) or not any(entry["difference"] is not None for entry in entries):
        return []
    down, across = (list(dict.fromkeys(entry[side] for entry in entries)) for side in ("candidate", "baseline"))
    if len(across) > _MOST or len(entries) > _LISTED:
        many = count(len(entries), "pair")
        text = tell("{pairs} are too many for a figure of rows and columns; they stand in {table}.",
                    pairs=many, table=ref("table", "comparisons"))  # fmt: skip
        return [Text(text, "note")]
    cells = tuple(
        _cell(findings, entry, down.index(entry["candidate"]), across.index(entry["baseline"])) for entry in entries
    )
    drawing = pairs_draw.Matrix(
        tuple(down),
        tuple(across),
        cells,
        {word: verdict_word(word, findings["metric"]) for word in pairs_draw.SIGNS},
    )
    return [
        Figure(
            "pairs",
            _caption(findings, drawing, pairs_draw.numbered(drawing)),
            pairs_draw.matrix(drawing, styles([variant["name"] for variant in findings["variants"]])),
            tell(
                "Rows and columns of variants; each of {pairs} is tinted and signed by its verdict.",
                pairs=count(len(cells), "judged pair"),
            ),
            source_note(findings),
            _data(findings, entries),
        )
    ]


def _cell(findings: Mapping[str, Any], entry: Mapping[str, Any], row: int, column: int) -> pairs_draw.Cell:
    metric = findings["metric"]
    places = decimals(half_width(entry["low"], entry["high"]))
    judged = entry["p"] is not None
    gap = "" if entry["difference"] is None else signed(entry["difference"], places)
    verdict = entry["verdict"] if judged else ""
    said = verdict_word(verdict, metric) if judged else untested(findings, entry["candidate"])
    fields = {"candidate": entry["candidate"], "baseline": entry["baseline"], "verdict": said}
    if judged:
        told = tell(
            "{candidate} − {baseline}: {difference}, adjusted p {p}, {verdict}",
            difference=with_unit(gap, metric),
            p=p_equals(entry["p_adjusted"]),
            **fields,
        )
    elif gap:
        told = tell("{candidate} − {baseline}: {difference}, {verdict}", difference=with_unit(gap, metric), **fields)
    else:
        told = tell("{candidate} − {baseline}: {verdict}", **fields)
    return pairs_draw.Cell(row, column, gap, p_text(entry["p_adjusted"]) if judged else "", verdict, told)


def _caption(findings: Mapping[str, Any], drawing: pairs_draw.Matrix, numbered: bool) -> str:
    analysis, metric = findings["analysis"], findings["metric"]
    what = f"{metric_label(metric)} ({unit(metric)})" if unit(metric) else metric_label(metric)
    said = [
        tell(
            "Judged pairs, row against column, by {metric}{part}. Tint and sign of a cell are its verdict: what the "
            "row is, compared with the column.",
            metric=metric_label(metric),
            part=on_part(findings),
        )
    ]
    if numbered:
        said.append(
            tell(
                "Numbers: the difference of {what}, row minus column, and below it the {p}.",
                what=what,
                p=adjusted_p(analysis),
            )
        )
    else:
        said.append(
            tell("Differences and p, for which there is no room, stand in {table}.", table=ref("table", "comparisons"))
        )
    if len(drawing.cells) < len(drawing.down) * len(drawing.across):
        said.append(
            tell("Each pair is judged once, so that a half of the cells stays empty.")
            if all_pairs(analysis)
            else tell("Empty cells are pairs that the protocol does not compare.")
        )
    if any(not cell.verdict for cell in drawing.cells):
        said.append(tell("A dash is a pair without a test."))
    return " ".join(said)


def _data(findings: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> Table:
    metric = findings["metric"]
    columns = (
        Column("candidate", tell("candidate"), align="left"),
        Column("baseline", tell("baseline"), align="left"),
        Column("difference", tell("difference"), unit(metric)),
        Column("p_adjusted", adjusted_p(findings["analysis"])),
        Column("verdict", tell("verdict"), align="left"),
    )
    rows = []
    for entry in entries:
        judged = entry["p"] is not None
        verdict = entry["verdict"] if judged else "no test"
        shown = verdict_word(verdict, metric) if judged else untested(findings, entry["candidate"])
        rows.append(
            (
                words(short(entry["candidate"])),
                words(short(entry["baseline"])),
                number(entry["difference"], decimals(half_width(entry["low"], entry["high"]))),
                Cell(p_text(entry["p_adjusted"]), entry["p_adjusted"]),
                Cell(shown, verdict, verdict.replace(" ", "-")),
            )
        )
    caption = tell("The {n} judged pairs by {axis}.", n=whole(len(rows)), axis=axis(findings))
    return Table("pairs", caption, columns, align(rows, columns), unit=unit(metric))

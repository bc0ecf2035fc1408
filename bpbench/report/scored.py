"""The report on scores that other programs made: the same statistics, and a table in place of data, sets and models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report import draw, judged, magnitudes, methods, results, standing
from bpbench.report.canvas import styles
from bpbench.report.document import Block, Cell, Column, Figure, Items, Section, Table, Text, Verbatim
from bpbench.report.numerals import count, say, short, whole
from bpbench.report.tables import align, counted, given, words
from bpbench.report.vocabulary import compared_with, source_note, tally, unit
from bpbench.report.words import comparison_sentence, sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bpbench.report.canvas import Style


def size(findings: Mapping[str, Any]) -> str:
    """Return how large the table is."""
    data = findings["data"]
    return f"{count(data['rows'], 'row')}, {count(data['columns'], 'column')}"


def sections(findings: Mapping[str, Any], answer: Section, environment: Section) -> tuple[Section, ...]:
    """Return all sections of the report, of which two are those of every report."""
    looks = styles([variant["name"] for variant in findings["variants"]])
    return (
        answer,
        _question(findings),
        _table(findings),
        Section("methods", "Methods", tuple(Text(text) for text in methods.statistics(findings))),
        *_results(findings, looks),
        Section("failures", "What failed or is missing", tuple(_lost(findings))),
        Section("limits", "Limits", (Items(tuple(methods.limits(findings, tally(findings)))),)),
        environment,
        _reproduce(findings),
    )


def _question(findings: Mapping[str, Any]) -> Section:
    metric, analysis = findings["metric"], findings["analysis"]
    text = (
        f"{count(len(findings['variants']), 'variant')} are compared by {metric['label']}"
        f"{f' ({unit(metric)})' if unit(metric) else ''}; {compared_with(analysis)}."
    )
    return Section(
        "question",
        "The question",
        (Text(findings["protocol"]["question"]), Text(text), Text(methods.decided(findings))),
    )


def _table(findings: Mapping[str, Any]) -> Section:
    data = findings["data"]
    roles = data["roles"]
    parts = [f"variants are the values of {say(roles['variant'])}", f"the score is {say(roles['score'])}"]
    if roles["described"]:
        parts[-1] += f" ({roles['described']})"
    if roles["unit"]:
        parts.append(f"repeats are the values of {say(roles['unit'])}")
    if roles["split"]:
        parts.append(f"splits are the values of {say(roles['split'])}")
    text = (
        f"{data['label']}: {size(findings)}, SHA-256 {data['sha256']}. Of its columns, {'; '.join(parts)}. How its "
        "scores were made is not known here."
    )
    remarks = tuple(sentence(remark) for remark in data["remarks"])
    blocks: list[Block] = [Text(text), _cells(findings)]
    return Section("data", "The table", (*blocks, *((Items(remarks),) if remarks else ())))


def _cells(findings: Mapping[str, Any]) -> Table:
    paired = findings["data"]["roles"]["unit"] is not None
    columns = (
        Column("variant", "variant", align="left"),
        Column("n", "scores"),
        Column("diverged", "without a finite score"),
        *((Column("missing", "absent"),) if paired else ()),
    )
    rows = tuple(
        (
            words(short(variant["name"])),
            counted(variant["n"]),
            counted(variant["diverged"]),
            *((counted(variant["missing"]),) if paired else ()),
        )
        for variant in findings["variants"]
    )
    return Table(
        "variants",
        "The variants and their repeats"
        + (". Absent: repeats that another variant has and this one has no row for." if paired else "."),
        columns,
        rows,
        source_note(findings),
    )


def _results(findings: Mapping[str, Any], looks: Mapping[str, Style]) -> list[Section]:
    if not findings["jobs"]["done"]:
        none = Text("There are no results: no row has a finite score.", "warning")
        return [Section("results", "Results", (none, *judged.comparisons(findings, looks)))]
    return [
        Section("repeats", "Every repeat", (_points(findings, looks), _means(findings), *magnitudes.best_of(findings))),
        Section("comparisons", "The comparisons", (*judged.comparisons(findings, looks), *_in_words(findings))),
        *standing.ranks(findings),
    ]


#: Comparisons that are told one by one in words; of more, those with something to remark.
_TOLD: Final = 12


def _in_words(findings: Mapping[str, Any]) -> list[Block]:
    """Return the comparisons as sentences, with what must stand beside each verdict."""
    analysis = findings["analysis"]
    entries = analysis["comparisons"]
    if len(entries) > _TOLD:
        entries = [entry for entry in entries if entry["remarks"]][:_TOLD]
    told = [comparison_sentence(entry, findings["metric"], analysis, repeats=analysis["units"]) for entry in entries]
    return [Items(tuple(told))] if told else []


def _summary(variant: Mapping[str, Any], findings: Mapping[str, Any]) -> dict[str, Any]:
    return results.summary_of(variant, findings["analysis"]["part"], findings["metric"]["key"])


def _value(result: Mapping[str, Any], findings: Mapping[str, Any]) -> float | None:
    scores = (result["scores"] or {}).get(findings["analysis"]["part"]) or {}
    value: float | None = scores.get(findings["metric"]["key"])
    return value


def _points(findings: Mapping[str, Any], looks: Mapping[str, Style]) -> Figure:
    rows, shown = [], 0
    for variant in findings["variants"]:
        values = tuple(value for result in variant["results"] if (value := _value(result, findings)) is not None)
        shown += len(values)
        summary = _summary(variant, findings)
        rows.append(draw.Repeats(variant["name"], values, *(summary.get(key) for key in ("mean", "low", "high"))))
    done = findings["jobs"]["done"]
    which = (
        "Every score as a point."
        if shown == done
        else f"{whole(shown)} of {whole(done)} scores as points, evenly picked."
    )
    return Figure(
        "repeats",
        f"{which} {results.below(findings)}",
        draw.repeats(rows, looks, axis=results.axis(findings), constant=None),
        f"Dot plot of the scores of {count(len(rows), 'variant')}.",
        source_note(findings),
    )


def _means(findings: Mapping[str, Any]) -> Table:
    bars = findings["split"]["design"] not in results.NO_BAR
    columns = results.mean_columns(findings)
    rows = [results.mean_cells(findings, variant, _summary(variant, findings)) for variant in findings["variants"]]
    return Table(
        "scores",
        f"{results.axis(findings)} over all repeats of each variant that have a score."
        + ("" if bars else " The means have no interval, since the repeats are not independent."),
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        unit(findings["metric"]),
    )


def _lost(findings: Mapping[str, Any]) -> list[Block]:
    jobs = findings["jobs"]
    if not findings["failures"]:
        return [Text("Nothing is missing: every repeat of every variant has a finite score.")]
    columns = (
        Column("variant", "variant", align="left"),
        Column("repeat", "repeat", align="left"),
        Column("status", "status", align="left"),
        Column("message", "what the table holds", align="left"),
    )
    rows = tuple(
        (
            words(short(entry["variant"])),
            words(short(entry["repeat"])),
            words({"diverged": "broke down", "missing": "absent"}[entry["status"]], mark="worse"),
            words(entry["message"]),
        )
        for entry in findings["failures"]
    )
    lost = jobs["diverged"] + jobs["missing"]
    more = "" if lost <= len(rows) else f" The first {len(rows)} are listed."
    text = (
        f"Of {count(jobs['total'], 'score')}, {_are(jobs['done'])} there, {_are(jobs['diverged'])} not finite and "
        f"{_are(jobs['missing'])} absent.{more}"
    )
    return [Text(text, "warning"), Table("failures", "What failed or is missing.", columns, rows)]


def _are(number: int) -> str:
    return f"{whole(number)} {'is' if number == 1 else 'are'}"


def _reproduce(findings: Mapping[str, Any]) -> Section:
    text = (
        f"With bpbench {findings['bpbench']} and the table of SHA-256 {findings['data']['sha256']}, the command below, "
        "run where the table lies, gives these findings again. findings.json holds every number of this report "
        "unrounded, tables/ the tables as CSV, figures/ the drawings as SVG."
    )
    return Section(
        "reproduce", "How to reproduce this", (Text(text), Verbatim(findings["protocol"]["command"], "command"))
    )


def repeats(findings: Mapping[str, Any]) -> Table:
    """Return every listed repeat with its score: written as CSV, not shown."""
    roles = findings["data"]["roles"]
    columns = tuple(Column(key, key) for key in ("variant", "repeat", *(("split",) if roles["split"] else ()), "score"))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            words(variant["name"]),
            words(result["repeat"]),
            *((words(result["split"]),) if roles["split"] else ()),
            given(_value(result, findings)),
        )
        for variant in findings["variants"]
        for result in variant["results"]
    )
    return Table("repeats", "All repeats.", columns, rows)

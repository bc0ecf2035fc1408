"""The report on scores that other programs made: the same statistics, and a table in place of data, sets and models."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any, Final

from bpbench.report import dots, draw, judged, magnitudes, methods, results, standing
from bpbench.report.canvas import styles
from bpbench.report.document import Block, Cell, Column, Figure, Items, Section, Table, Text, Verbatim
from bpbench.report.labels import source_note
from bpbench.report.language import marked, tell, tell_n
from bpbench.report.numerals import count, say, short, whole
from bpbench.report.retold import retold
from bpbench.report.tables import align, counted, given, words
from bpbench.report.tallies import tally
from bpbench.report.vocabulary import compared_with, metric_label, unit
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
        Section("methods", tell("Methods"), tuple(Text(text) for text in methods.statistics(findings))),
        *_results(findings, looks),
        Section("failures", tell("What failed or is missing"), tuple(_lost(findings))),
        Section("limits", tell("Limits"), (Items(tuple(methods.limits(findings, tally(findings)))),)),
        environment,
        _reproduce(findings),
    )


def _question(findings: Mapping[str, Any]) -> Section:
    metric = findings["metric"]
    message = marked("{variants} are compared by {metric}; {baseline}.")
    if unit(metric):
        message = marked("{variants} are compared by {metric} ({unit}); {baseline}.")
    text = tell(
        message,
        variants=count(len(findings["variants"]), "variant"),
        metric=metric_label(metric),
        unit=unit(metric),
        baseline=compared_with(findings["analysis"]),
    )
    return Section(
        "question",
        tell("The question"),
        (Text(findings["protocol"]["question"]), Text(text), Text(methods.decided(findings))),
    )


def _table(findings: Mapping[str, Any]) -> Section:
    data = findings["data"]
    text = tell(
        "{table}: {size}, SHA-256 {digest}. Of its columns, {roles}. How its scores were made is not known here.",
        table=data["label"],
        size=size(findings),
        digest=data["sha256"],
        roles=reduce(
            lambda first, second: tell("{first}; {second}", first=first, second=second), _roles(data["roles"])
        ),
    )
    remarks = tuple(sentence(retold(remark)) for remark in data["remarks"])
    blocks: list[Block] = [Text(text), _cells(findings)]
    return Section("data", tell("The table"), (*blocks, *((Items(remarks),) if remarks else ())))


def _roles(roles: Mapping[str, Any]) -> list[str]:
    """Return what each column is taken for."""
    score = say(roles["score"])
    found = [
        tell("variants are the values of {column}", column=say(roles["variant"])),
        tell("the score is {column} ({described})", column=score, described=retold(roles["described"]))
        if roles["described"]
        else tell("the score is {column}", column=score),
    ]
    if roles["unit"]:
        found.append(tell("repeats are the values of {column}", column=say(roles["unit"])))
    if roles["split"]:
        found.append(tell("splits are the values of {column}", column=say(roles["split"])))
    return found


def _cells(findings: Mapping[str, Any]) -> Table:
    paired = findings["data"]["roles"]["unit"] is not None
    columns = (
        Column("variant", tell("variant"), align="left"),
        Column("n", tell("scores")),
        Column("diverged", tell("without a finite score")),
        *((Column("missing", tell("absent")),) if paired else ()),
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
    caption = tell("The variants and their repeats.")
    if paired:
        caption = tell(
            "The variants and their repeats. Absent: repeats that another variant has and this one has no row for."
        )
    return Table("variants", caption, columns, rows, source_note(findings))


def _results(findings: Mapping[str, Any], looks: Mapping[str, Style]) -> list[Section]:
    if not findings["jobs"]["done"]:
        none = Text(tell("There are no results: no row has a finite score."), "warning")
        return [Section("results", tell("Results"), (none, *judged.comparisons(findings, looks)))]
    return [
        Section(
            "repeats",
            tell("Every repeat"),
            (_points(findings, looks), _means(findings), *magnitudes.best_of(findings)),
        ),
        Section("comparisons", tell("The comparisons"), (*judged.comparisons(findings, looks), *_in_words(findings))),
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
    variants = findings["variants"]
    points = [
        [(result["repeat"], value) for result in variant["results"] if (value := _value(result, findings)) is not None]
        for variant in variants
    ]
    rows = [
        dots.row(variant, found, _summary(variant, findings), findings, lambda name: tell("repeat {name}", name=name))
        for variant, found in zip(variants, points, strict=True)
    ]
    shown, done = sum(map(len, points)), findings["jobs"]["done"]
    which = (
        tell("Every score as a point.")
        if shown == done
        else tell("{some} of {all} scores as points, evenly picked.", some=whole(shown), all=whole(done))
    )
    return Figure(
        "repeats",
        f"{which} {results.below(findings)}",
        draw.repeats(rows, looks, axis=results.axis(findings), constant=None),
        tell("Dot plot of the scores of {variants}.", variants=count(len(rows), "variant")),
        source_note(findings),
        dots.behind(list(zip(variants, points, strict=True)), findings, label=tell("repeat")),
    )


def _means(findings: Mapping[str, Any]) -> Table:
    columns = results.mean_columns(findings)
    rows = [results.mean_cells(findings, variant, _summary(variant, findings)) for variant in findings["variants"]]
    message = marked("{axis} over all repeats of each variant that have a score.")
    if findings["split"]["design"] in results.NO_BAR:
        message = marked(
            "{axis} over all repeats of each variant that have a score. The means have no interval, since the repeats "
            "are not independent."
        )
    return Table(
        "scores",
        tell(message, axis=results.axis(findings)),
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        unit(findings["metric"]),
    )


#: What became of a row that has no score to be judged.
_STATUS: Final = {"diverged": marked("broke down"), "missing": marked("absent")}


def _lost(findings: Mapping[str, Any]) -> list[Block]:
    jobs = findings["jobs"]
    if not findings["failures"]:
        return [Text(tell("Nothing is missing: every repeat of every variant has a finite score."))]
    columns = (
        Column("variant", tell("variant"), align="left"),
        Column("repeat", tell("repeat"), align="left"),
        Column("status", tell("status"), align="left"),
        Column("message", tell("what the table holds"), align="left"),
    )
    rows = tuple(
        (
            words(short(entry["variant"])),
            words(short(entry["repeat"])),
            Cell(tell(_STATUS[entry["status"]]), _STATUS[entry["status"]], "worse"),
            Cell(retold(entry["message"]), entry["message"]),
        )
        for entry in findings["failures"]
    )
    text = tell(
        "Of {scores}, {there}, {broken} and {absent}.",
        scores=count(jobs["total"], "score"),
        there=tell_n("{n} is there", "{n} are there", jobs["done"]),
        broken=tell_n("{n} is not finite", "{n} are not finite", jobs["diverged"]),
        absent=tell_n("{n} is absent", "{n} are absent", jobs["missing"]),
    )
    if jobs["diverged"] + jobs["missing"] > len(rows):
        text += " " + tell("The first {number} are listed.", number=whole(len(rows)))
    return [Text(text, "warning"), Table("failures", tell("What failed or is missing."), columns, rows)]


def _reproduce(findings: Mapping[str, Any]) -> Section:
    text = tell(
        "With bpbench {version} and the table of SHA-256 {digest}, the command below, run where the table lies, gives "
        "these findings again. findings.json holds every number of this report unrounded, tables/ the tables as CSV, "
        "figures/ the drawings as SVG.",
        version=findings["bpbench"],
        digest=findings["data"]["sha256"],
    )
    command = Verbatim(findings["protocol"]["command"], "command")
    return Section("reproduce", tell("How to reproduce this"), (Text(text), command))


#: Heads of the columns of the file of repeats.
_HEADS: Final = {
    "variant": marked("variant"),
    "repeat": marked("repeat"),
    "split": marked("split"),
    "score": marked("score"),
}


def repeats(findings: Mapping[str, Any]) -> Table:
    """Return every listed repeat with its score: written as CSV, not shown."""
    roles = findings["data"]["roles"]
    columns = tuple(
        Column(key, tell(_HEADS[key]))
        for key in ("variant", "repeat", *(("split",) if roles["split"] else ()), "score")
    )
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
    return Table("repeats", tell("All repeats."), columns, rows)

"""From findings to a document: what is told, and in which order. It formats numbers and makes none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bpbench.report import (
    agreement,
    around,
    courses,
    divided,
    equations,
    forces,
    forces_told,
    joint,
    judged,
    learned,
    learners,
    magnitudes,
    methods,
    noise,
    probed,
    published,
    remarks,
    results,
    scored,
    search_results,
    search_tables,
    searches,
    standing,
    subject,
    swept,
    tables,
    timing,
    unjudged,
)
from bpbench.report.answer import answer
from bpbench.report.canvas import styles
from bpbench.report.document import Block, Document, Items, Section, Text
from bpbench.report.kinds import SCORED, WATERMARK, quick, study_kind, timed
from bpbench.report.labels import data_label, source_note
from bpbench.report.language import language, tell
from bpbench.report.numbered import unmarked
from bpbench.report.numerals import short
from bpbench.report.references import bibliography
from bpbench.report.tallies import tally

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bpbench.report.document import Table


def compose(findings: Mapping[str, Any], environment: Mapping[str, Any]) -> Document:
    """Return the whole report as data.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    environment : dict
        Host, versions, times; shown in its own section and, where descriptors were timed, with how that was done.

    Returns
    -------
    Document
        Every number outside the environment section stands in the findings or is one of
        :func:`bpbench.report.tallies.tally`.
    """
    findings, environment = unmarked(findings), unmarked(environment)
    protocol, of_others = findings["protocol"], study_kind(findings) is SCORED
    title = protocol["title"] or protocol["name"]
    mark = tell(WATERMARK) if quick(findings) else ""
    running = f"{short(title, 60)} · {data_label(findings, 40)}"
    name = tell("table") if of_others else tell("protocol")
    document = Document(
        title=f"{title} ({tell(unjudged.KIND)})" if mark else title,
        subtitle=protocol["question"],
        running=f"{mark} · {running}" if mark else running,
        facts=(
            *(((tell("run"), tell(unjudged.FIRST)),) if mark else ()),
            (name, tell("{name}, digest {digest}", name=protocol["name"], digest=protocol["digest"])),
            (tell("data"), f"{data_label(findings)}, {subject.size(findings)}"),
            (tell("made by"), f"bpbench {findings['bpbench']}"),
        ),
        sections=scored.sections(findings, _answer(findings), around.environment(findings, environment))
        if of_others
        else _sections(findings, environment),
        watermark=mark,
        language=language(),
    )
    works = bibliography(document.running_text())
    if not works.works:
        return document
    return replace(document, sections=(*document.sections, Section("references", tell("References"), (works,))))


def _sections(findings: Mapping[str, Any], environment: Mapping[str, Any]) -> tuple[Section, ...]:
    return (
        _answer(findings),
        subject.question(findings),
        subject.data(findings),
        timing.measured(findings, environment) if timed(findings) else subject.split(findings),
        subject.sets(findings),
        *agreement.section(findings),
        *(() if timed(findings) else subject.networks(findings)),
        _methods(findings),
        *_results(findings, environment),
        Section("failures", tell("What failed or is missing"), tuple(results.failures(findings))),
        Section("limits", tell("Limits"), (Items(tuple(methods.limits(findings, tally(findings)))),)),
        around.environment(findings, environment),
        around.protocol(findings),
        around.reproduce(findings),
        *around.appendix(findings),
    )


def csv_tables(findings: Mapping[str, Any], document: Document) -> tuple[Table, ...]:
    """Return all tables to be written as CSV: those of the document and those too long to be shown."""
    if study_kind(findings) is SCORED:
        return (*document.tables, scored.repeats(findings))
    return (
        *document.tables,
        *agreement.columns(findings),
        *search_tables.tables(findings),
        tables.functions(findings),
        tables.repeats(findings),
    )


def _answer(findings: Mapping[str, Any]) -> Section:
    return Section(
        "answer",
        tell("The answer"),
        (*(Text(text, "lead") for text in answer(findings)), Text(source_note(findings), "note")),
    )


def _methods(findings: Mapping[str, Any]) -> Section:
    models = [Text(text) for text in learners.models(findings)]
    judging = [Text(text) for text in (*methods.statistics(findings), *joint.methods(findings))]
    return Section(
        "methods",
        tell("Methods"),
        (
            *models,
            *(() if timed(findings) else (tables.models(findings),)),
            *(Text(text) for text in forces_told.methods(findings)),
            *equations.forces(findings),
            *equations.score(findings),
            *judging,
            *equations.tests(findings),
        ),
    )


def _results(findings: Mapping[str, Any], environment: Mapping[str, Any]) -> list[Section]:
    looks = styles([variant["name"] for variant in findings["variants"]])
    if not tally(findings)["done"]:
        none = tell("There are no results: no training succeeded.")
        if timed(findings):
            none = tell("There are no results: no measurement succeeded.")
        return [Section("results", tell("Results"), (Text(none, "warning"), *judged.comparisons(findings, looks)))]
    if timed(findings):
        return [
            Section("repeats", tell("Every round"), tuple(timing.results(findings, looks))),
            Section("comparisons", tell("The comparisons"), tuple(judged.comparisons(findings, looks))),
            *standing.ranks(findings),
            *remarks.section(findings),
        ]
    course = (
        *learned.learning(findings, looks),
        *learned.force_curves(findings, looks),
        *courses.stopping(findings),
    )
    return [
        Section(
            "repeats",
            tell("Every repeat"),
            (*results.scores(findings, looks), *courses.ensembles(findings)),
        ),
        *_unless_empty("curves", tell("Learning curves"), course),
        *_unless_empty("parity", tell("Parity"), learned.parity(findings, looks)),
        *_unless_empty("states", tell("Errors by state"), learned.by_state(findings, looks)),
        *forces.section(findings, looks),
        Section("comparisons", tell("The comparisons"), tuple(judged.comparisons(findings, looks))),
        *joint.section(findings, looks),
        *standing.ranks(findings),
        *search_results.front(findings, environment),
        *_unless_empty("best", tell("Best of n"), magnitudes.best_of(findings)),
        *searches.sections(findings),
        *search_results.survival(findings),
        *noise.sections(findings),
        *divided.fresh(findings),
        *swept.sections(findings),
        *probed.sections(findings),
        *published.section(findings),
        *remarks.section(findings),
    ]


def _unless_empty(key: str, title: str, blocks: Sequence[Block]) -> list[Section]:
    return [Section(key, title, tuple(blocks))] if blocks else []

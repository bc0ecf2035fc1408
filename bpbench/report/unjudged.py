"""What a report says of a quick run, which proves the path and judges nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report import agreement
from bpbench.report.document import Block, Column, Table, Text
from bpbench.report.kinds import quick
from bpbench.report.labels import source_note
from bpbench.report.language import listed, marked, tell, tell_n
from bpbench.report.numerals import count, say, short, significant
from bpbench.report.results import axis, summary_of
from bpbench.report.tables import align, counted, number, told, words
from bpbench.report.vocabulary import job_count, metric_label, on_part, repeat_count, several_baselines, unit

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Added to the title; a message that is yet to be told.
KIND: Final = marked("quick run, no verdict")
#: The verdict of every comparison; a message that is yet to be told.
NONE: Final = marked("none (quick run)")
#: Said first wherever the results are summed up; a message that is yet to be told. It begins with the watermark.
FIRST: Final = marked(
    "QUICK RUN · NO VERDICT: this run proves the path from protocol to report and decides nothing; run it without "
    "--quick for a verdict."
)
#: What was not shown; a message that is yet to be told.
LIMIT: Final = marked(
    "This is a quick run: nothing in it is evidence for or against a variant, whatever the means look like, and "
    "nothing about the full study follows from it."
)
#: Variants whose means are told in one sentence.
_TOLD: Final = 8


def answer(findings: Mapping[str, Any], counts: Mapping[str, int], troubles: str) -> list[str]:
    """Return what a quick run has for an answer: that it has none, the means, and what failed.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    counts : dict
        From :func:`bpbench.report.tallies.tally`.
    troubles : str
        How many trainings failed and how, in brackets.
    """
    found = [tell(FIRST)]
    if counts["done"]:
        found += [text for text in (means(findings), *agreement.answers(findings)) if text]
    if counts["done"] < counts["trainings"]:
        found.append(
            tell_n(
                "Of {jobs}, {n} succeeded{troubles}.",
                "Of {jobs}, {n} succeeded{troubles}.",
                counts["done"],
                jobs=job_count(counts["trainings"], findings),
                troubles=troubles,
            )
        )
    return found


def means(findings: Mapping[str, Any]) -> str:
    """Return the means in the order of the protocol, nothing where they are too many to be read.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    """
    metric, part = findings["metric"], findings["analysis"]["part"]
    variants = findings["variants"]
    if len(variants) > _TOLD:
        return tell("The tables have the means of the {variants}.", variants=count(len(variants), "variant"))
    # contestants that are one and the same have one mean, told once
    same: dict[str, list[str]] = {}
    for variant in variants:
        same.setdefault(variant["twin"] or variant["name"], []).append(say(variant["name"]))
    means = {variant["name"]: summary_of(variant, part, metric["key"]).get("mean") for variant in variants}
    said = [_mean(significant(mean), names) for name, names in same.items() if (mean := means[name]) is not None]
    return tell(
        "Means over {repeats} by {metric}{part}: {means}.",
        repeats=repeat_count(findings["split"]["repeats"], metric),
        metric=f"{metric_label(metric)} ({unit(metric)})" if unit(metric) else metric_label(metric),
        part=on_part(findings),
        means=listed(said),
    )


def _mean(mean: str, names: list[str]) -> str:
    """Return a mean and whose it is, first of all those that are the same contestant."""
    name, *others = names
    if not others:
        return tell("{mean} for {name}", mean=mean, name=name)
    return tell("{mean} for {name} (the same as {others})", mean=mean, name=name, others=listed(others))


def comparisons(findings: Mapping[str, Any]) -> list[Block]:
    """Return the table of differences, with no interval, p or verdict."""
    metric, analysis = findings["metric"], findings["analysis"]
    shown, several = unit(metric), several_baselines(analysis)
    columns = (
        Column("candidate", tell("candidate"), align="left"),
        *((Column("baseline", tell("baseline"), align="left"),) if several else ()),
        Column("n", "n"),
        Column("candidate_mean", tell("mean of candidate"), shown),
        Column("baseline_mean", tell("mean of baseline"), shown),
        Column("difference", tell("difference"), shown),
        Column("verdict", tell("verdict"), align="left"),
    )
    rows = [
        (
            words(short(entry["candidate"])),
            *((words(short(entry["baseline"])),) if several else ()),
            counted(entry["n"]),
            *(number(entry[key], None) for key in ("candidate_mean", "baseline_mean", "difference")),
            told(NONE, mark="undecided"),
        )
        for entry in analysis["comparisons"]
    ]
    fields = {"axis": axis(findings), "part": on_part(findings)}
    table = Table(
        "comparisons",
        tell(
            "The declared comparisons in pairs by {axis}{part}, not judged: means and difference (candidate minus "
            "baseline).",
            **fields,
        )
        if several
        else tell(
            "The declared comparisons with {baseline} by {axis}{part}, not judged: means and difference (candidate "
            "minus baseline).",
            baseline=say(analysis["baseline"]),
            **fields,
        ),
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )
    return [Text(tell(FIRST), "warning"), table]


def statistics(findings: Mapping[str, Any], test: str, unit_of_all: str) -> list[str]:
    """Return the paragraph on statistics: what would be done, and that it was not.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    test : str
        The declared test in words.
    unit_of_all : str
        What the statistics count, one sentence or several.
    """
    none = tell(
        "The protocol names the {test} for {comparisons}. A quick run makes no test: it has no p-values, no intervals "
        "of differences, no ranks and no verdicts, and it declares no analysis.",
        test=test,
        comparisons=count(len(findings["analysis"]["family"]), "comparison"),
    )
    return [unit_of_all, none]


def protocol(findings: Mapping[str, Any]) -> list[Block]:
    """Return how the file below is to be read, nothing where it was not a quick run."""
    if not quick(findings):
        return []
    return [Text(tell("What stands under its key “quick” was laid over the rest of this file for this run."), "note")]


def decided(stated: str) -> str:
    """Return what the protocol states and the quick run does not use."""
    return tell("The protocol states {stated}. This is a quick run: it tests nothing of that.", stated=stated)

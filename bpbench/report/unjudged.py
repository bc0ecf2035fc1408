"""What a report says of a quick run, which proves the path and judges nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.counting import listed
from bpbench.report import agreement
from bpbench.report.document import Block, Cell, Column, Table, Text
from bpbench.report.numerals import count, say, short, significant
from bpbench.report.results import axis, summary_of
from bpbench.report.tables import align, counted, number, words
from bpbench.report.vocabulary import (
    WATERMARK,
    job_word,
    on_part,
    quick,
    repeat_word,
    several_baselines,
    source_note,
    unit,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Added to the title.
KIND: Final = "quick run, no verdict"
#: The verdict of every comparison.
NONE: Final = "none (quick run)"
#: Said first wherever the results are summed up.
FIRST: Final = (
    f"{WATERMARK}: this run proves the path from protocol to report and decides nothing; run it without --quick for a "
    "verdict."
)
#: What was not shown.
LIMIT: Final = (
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
        From :func:`bpbench.report.vocabulary.tally`.
    troubles : str
        How many trainings failed and how, in brackets.
    """
    found = [FIRST]
    if counts["done"]:
        found += [text for text in (_means(findings), *agreement.answers(findings)) if text]
    if counts["done"] < counts["trainings"]:
        asked = count(counts["trainings"], job_word(findings))
        found.append(f"Of {asked}, {counts['done']} succeeded{troubles}.")
    return found


def _means(findings: Mapping[str, Any]) -> str:
    """Return the means in the order of the protocol, nothing where they are too many to be read."""
    metric, part = findings["metric"], findings["analysis"]["part"]
    variants = findings["variants"]
    if len(variants) > _TOLD:
        return f"The tables have the means of the {count(len(variants), 'variant')}."
    # contestants that are one and the same have one mean, told once
    same: dict[str, list[str]] = {}
    for variant in variants:
        same.setdefault(variant["twin"] or variant["name"], []).append(say(variant["name"]))
    means = {variant["name"]: summary_of(variant, part, metric["key"]).get("mean") for variant in variants}
    told = [
        f"{significant(mean)} for {first}{f' (the same as {listed(others)})' if others else ''}"
        for name, (first, *others) in same.items()
        if (mean := means[name]) is not None
    ]
    label = f"{metric['label']}{f' ({unit(metric)})' if unit(metric) else ''}"
    repeats = count(findings["split"]["repeats"], repeat_word(metric))
    return f"Means over {repeats} by {label}{on_part(findings)}: {listed(told)}."


def comparisons(findings: Mapping[str, Any]) -> list[Block]:
    """Return the table of differences, with no interval, p or verdict."""
    metric, analysis = findings["metric"], findings["analysis"]
    shown, several = unit(metric), several_baselines(analysis)
    columns = (
        Column("candidate", "candidate", align="left"),
        *((Column("baseline", "baseline", align="left"),) if several else ()),
        Column("n", "n"),
        Column("candidate_mean", "mean of candidate", shown),
        Column("baseline_mean", "mean of baseline", shown),
        Column("difference", "difference", shown),
        Column("verdict", "verdict", align="left"),
    )
    rows = [
        (
            words(short(entry["candidate"])),
            *((words(short(entry["baseline"])),) if several else ()),
            counted(entry["n"]),
            *(number(entry[key], None) for key in ("candidate_mean", "baseline_mean", "difference")),
            Cell(NONE, NONE, "undecided"),
        )
        for entry in analysis["comparisons"]
    ]
    against = "in pairs" if several else f"with {say(analysis['baseline'])}"
    table = Table(
        "comparisons",
        f"The declared comparisons {against} by {axis(findings)}{on_part(findings)}, not judged: means and difference "
        "(candidate minus baseline).",
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )
    return [Text(FIRST, "warning"), table]


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
    many = count(len(findings["analysis"]["family"]), "comparison")
    none = (
        f"The protocol names the {test} for {many}. A quick run makes no test: it has no p-values, no intervals of "
        "differences, no ranks and no verdicts, and it declares no analysis."
    )
    return [unit_of_all, none]


def protocol(findings: Mapping[str, Any]) -> list[Block]:
    """Return how the file below is to be read, nothing where it was not a quick run."""
    if not quick(findings):
        return []
    return [Text("What stands under its key “quick” was laid over the rest of this file for this run.", "note")]


def decided(stated: str) -> str:
    """Return what the protocol states and the quick run does not use."""
    return f"The protocol states {stated}. This is a quick run: it tests nothing of that."

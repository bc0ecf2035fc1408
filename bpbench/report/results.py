"""Tables and figures of what came out: scores of every repeat, means, and what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.metrics import METRICS, OF_FORCES
from bpbench.report import draw
from bpbench.report.document import Block, Cell, Column, Figure, Table, Text, ref
from bpbench.report.kinds import by_role, mixed, quick, timed
from bpbench.report.labels import source_note
from bpbench.report.language import marked, tell, tell_as, tell_n
from bpbench.report.numerals import (
    NOTHING,
    count,
    decimals,
    half_width,
    percent,
    short,
    significant,
    whole,
)
from bpbench.report.retold import retold
from bpbench.report.tables import align, counted, given, number, words
from bpbench.report.tallies import distinct_note, ends
from bpbench.report.vocabulary import job_count, mean_level, metric_label, unit, with_unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bpbench.report.canvas import Style

_BY_MEAN: Final = marked(
    "{score} on the test set over the repeats; beside it the constant predictor, which gives every "
    "configuration the mean energy per atom of the training configurations."
)
_BY_COMPOSITION: Final = marked(
    "{score} on the test set over the repeats; beside it the constant predictor, which knows a configuration's "
    "composition alone: it gives every atom its element's reference energy and the mean of what these leave."
)
_OF_FORCES: Final = marked(
    "{score} on the test set over the repeats; beside it the constant predictor, which gives every atom a force of "
    "zero."
)
#: Rows of the table behind one figure.
_ROWS: Final = 500


def axis(findings: Mapping[str, Any], words_before: str = "") -> str:
    """Return the judged metric with its unit, for an axis."""
    metric = findings["metric"]
    name = metric_label(metric)
    return f"{words_before}{name} ({unit(metric)})" if unit(metric) else f"{words_before}{name}"


def summary_of(variant: Mapping[str, Any], part: str, key: str) -> dict[str, Any]:
    """Return mean, spread, ends and interval of a variant's scores, empty if no repeat succeeded."""
    return ((variant["summary"] or {}).get(part) or {}).get(key) or {}


# ---------------------------------------------------------------------------------------------------- scores


def scores(findings: Mapping[str, Any], looks: Mapping[str, Style]) -> list[Block]:
    """Return every repeat as a point, the table of means and that of all metrics."""
    part, metric = findings["analysis"]["part"], findings["metric"]
    constant = (findings["constant"].get(part) or {}).get(metric["key"])
    rows = [_repeats(findings, variant) for variant in findings["variants"]]
    name = metric_label(metric)
    caption = f"{tell('Every repeat as a point ({metric} on the test set).', metric=name)} {below(findings)}"
    figure = Figure(
        "repeats",
        caption,
        draw.repeats(rows, looks, axis=tell("test {score}", score=axis(findings)), constant=constant),
        tell(
            "Dot plot of the test {metric} of every repeat of {variants}.",
            metric=name,
            variants=count(len(rows), "variant"),
        ),
        source_note(findings),
        _drawn_repeats(findings),
    )
    return [figure, _means(findings, constant), *_all_metrics(findings)]


def _scores(findings: Mapping[str, Any], variant: Mapping[str, Any]) -> list[tuple[int, float]]:
    """Return the number and the judged score of each repeat of a variant that succeeded."""
    part, key = findings["analysis"]["part"], findings["metric"]["key"]
    return [
        (result["repeat"], result["scores"][part][key]) for result in variant["results"] if result["status"] == "done"
    ]


def _repeats(findings: Mapping[str, Any], variant: Mapping[str, Any]) -> draw.Repeats:
    metric, found = findings["metric"], _scores(findings, variant)
    summary = summary_of(variant, findings["analysis"]["part"], metric["key"])
    said = tuple(
        tell(
            "{name}, repeat {repeat}: {value}",
            name=variant["name"],
            repeat=whole(repeat),
            value=with_unit(significant(value, 4), metric),
        )
        for repeat, value in found
    )
    ends = (summary.get(key) for key in ("mean", "low", "high"))
    return draw.Repeats(variant["name"], tuple(value for _, value in found), *ends, said=said)


def _drawn_repeats(findings: Mapping[str, Any]) -> Table:
    """Return the score of every repeat, of very many those of the first."""
    every = [(variant["name"], *row) for variant in findings["variants"] for row in _scores(findings, variant)]
    columns = (
        Column("variant", tell_as("column", "variant"), align="left"),
        Column("repeat", tell_as("column", "repeat")),
        Column("value", metric_label(findings["metric"]), unit(findings["metric"])),
    )
    rows = [(words(name), counted(repeat), given(value)) for name, repeat, value in every[:_ROWS]]
    caption = tell("The score of every repeat.")
    if len(every) > _ROWS:
        caption = tell(
            "The first {some} of {all} scores; the file tables/repeats.csv has all.",
            some=whole(_ROWS),
            all=whole(len(every)),
        )
    return Table("repeats", caption, columns, tuple(rows))


#: Designs whose repeats are not independent, and why.
NO_BAR: Final = {
    "resampled": marked(
        "The stroke below the points is the mean. It has no interval: the splits of the repeats overlap, so the "
        "repeats are not independent."
    ),
    "crossed": marked(
        "The stroke below the points is the mean. It has no interval: the seeds within a split share its frames, so "
        "the repeats are not independent."
    ),
}


def below(findings: Mapping[str, Any]) -> str:
    """Return what is drawn below the points; an interval of the mean is owed to independent repeats alone."""
    split = findings["split"]
    if split["design"] == "crossed" and split["repeats"] == split["splits"]:
        return tell(
            "The stroke below the points is the mean. It has no interval: the splits divide the same data, so they are "
            "not independent of each other."
        )
    if split["design"] in NO_BAR:
        return tell(NO_BAR[split["design"]])
    return tell(
        "The bar below the points is the {level} interval of the mean, the stroke on it the mean; a variant that gives "
        "the same number at every repeat has no interval.",
        level=mean_level(findings),
    )


def level_text(findings: Mapping[str, Any]) -> str:
    """Return the level of the comparisons' intervals as a percentage."""
    comparisons = findings["analysis"]["comparisons"]
    return percent(comparisons[0]["level"]) if comparisons else percent(1 - findings["analysis"]["alpha"])


def _constant_name(findings: Mapping[str, Any]) -> str:
    """Return what the constant predictor is called; with several ways of splitting it belongs to one of them."""
    if mixed(findings):
        return tell("constant, split by {way}", way=tell(_WAYS.get(way := findings["constant"]["split_by"], way)))
    return tell("constant")


#: What goes to one part of a split as a whole.
_WAYS: Final = {"block": marked("block"), "frame": marked("frame"), "state": marked("state")}


def mean_columns(findings: Mapping[str, Any]) -> tuple[Column, ...]:
    """Return the columns of a table of mean scores; an interval is owed to independent repeats alone."""
    shown = unit(findings["metric"])
    return (
        Column("variant", tell_as("column", "variant"), align="left"),
        Column("n", "n"),
        Column("mean", tell_as("column", "mean"), shown),
        *_interval_columns(findings, shown),
        Column("sd", tell_as("column", "spread (sd)"), shown),
        Column("min", tell_as("column", "least"), shown),
        Column("max", tell_as("column", "largest"), shown),
    )


def _interval_columns(findings: Mapping[str, Any], shown: str) -> tuple[Column, ...]:
    if findings["split"]["design"] in NO_BAR:
        return ()
    low = tell_as("column", "{level} from", level=mean_level(findings))
    return (Column("low", low, shown), Column("high", tell_as("column", "to"), shown))


def mean_places(findings: Mapping[str, Any], summary: Mapping[str, Any]) -> int | None:
    """Return the decimals of a variant's mean scores, by its interval or its spread."""
    bars = findings["split"]["design"] not in NO_BAR
    return decimals(half_width(summary.get("low"), summary.get("high")) if bars else summary.get("sd"))


def mean_cells(findings: Mapping[str, Any], variant: Mapping[str, Any], summary: Mapping[str, Any]) -> tuple[Cell, ...]:
    """Return a variant's cells of :func:`mean_columns`."""
    places = mean_places(findings, summary)
    keys = (column.key for column in mean_columns(findings)[2:])
    return (
        words(short(variant["name"])),
        counted(variant["n"]),
        *(number(summary.get(key), places) for key in keys),
    )


def _beside(findings: Mapping[str, Any]) -> str:
    """Return the message that names the constant predictor."""
    if findings["metric"]["key"] in OF_FORCES:
        return _OF_FORCES
    return _BY_COMPOSITION if len(findings["data"].get("elements") or ()) > 1 else _BY_MEAN


def _means(findings: Mapping[str, Any], constant: float | None) -> Table:
    part, metric = findings["analysis"]["part"], findings["metric"]
    shown = unit(metric)
    bars = findings["split"]["design"] not in NO_BAR
    columns = (
        *mean_columns(findings),
        Column("train_mean", tell_as("column", "train mean"), shown),
        Column("validation_mean", tell_as("column", "validation mean"), shown),
        Column("not_converged", tell_as("column", "not converged")),
    )
    rows = []
    for variant in findings["variants"]:
        summary = summary_of(variant, part, metric["key"])
        places = mean_places(findings, summary)
        others = (summary_of(variant, other, metric["key"]).get("mean") for other in ("train", "validation"))
        rows.append(
            (
                *mean_cells(findings, variant, summary),
                *(number(value, places) for value in others),
                counted(variant["not_converged"] if ends(variant) else None),
            )
        )
    empty = tuple(counted(None) for _ in columns[3:])
    rows.append((words(_constant_name(findings)), counted(None), number(constant, None), *empty))
    name = metric_label(metric)
    said = [
        tell(
            _beside(findings),
            score=f"{name} ({shown})" if shown else name,
        ),
        "" if bars else tell("The means have no interval, since the repeats are not independent."),
        _copies(findings),
        tell(
            "Not converged: trainings still improving at their limit of epochs or rounds (see {methods}); – for models "
            "without such a limit.",
            methods=ref("section", "methods"),
        ),
    ]
    caption = " ".join(sentence for sentence in said if sentence)
    return Table("scores", caption, columns, align(rows, columns), source_note(findings), "wide", shown)


def _copies(findings: Mapping[str, Any]) -> str:
    """Return that n counts copies of one training, nothing where there are none."""
    if not findings["jobs"]["repeated"]:
        return ""
    said = [
        tell("n and spread are those of all results, copies of one training among them."),
        distinct_note(findings),
    ]
    if by_role(findings) and not quick(findings):
        noise = ref("section", "noise")
        said.append(tell("{section}, on where the noise comes from, counts each training once.", section=noise))
    return " ".join(said)


def _all_metrics(findings: Mapping[str, Any]) -> list[Block]:
    """Return the table of all metrics of energies; those of forces have a section of their own."""
    part = findings["analysis"]["part"]
    keys = [
        key
        for key, metric in METRICS.items()
        if metric.of != "forces"
        and (
            any(summary_of(variant, part, key) for variant in findings["variants"])
            or key in (findings["constant"].get(part) or {})
        )
    ]
    if not keys:
        return []
    columns = (
        Column("variant", tell_as("column", "variant"), align="left"),
        *(Column(key, _metric_head(key), unit({"unit": METRICS[key].unit})) for key in keys),
    )
    rows = [
        (
            words(short(variant["name"])),
            *(
                number(summary.get("mean"), decimals(half_width(summary.get("low"), summary.get("high"))))
                for summary in (summary_of(variant, part, key) for key in keys)
            ),
        )
        for variant in findings["variants"]
    ]
    constant = findings["constant"].get(part) or {}
    rows.append((words(_constant_name(findings)), *(number(constant.get(key), None) for key in keys)))
    caption = tell("All metrics on the test set, means over the repeats.")
    return [Table("metrics", caption, columns, align(rows, columns), source_note(findings), "wide")]


def _metric_head(key: str) -> str:
    if key in _HEADS:
        return tell(_HEADS[key])
    return metric_label({"key": key, "label": METRICS[key].label})


#: Heads of columns that are not the labels of the metrics.
_HEADS: Final = {"p95": marked("95th percentile of absolute error"), "max": marked("largest absolute error")}


# --------------------------------------------------------------------------------------------------- failures


def failures(findings: Mapping[str, Any]) -> list[Block]:
    """Return the table of failures, or a sentence that there are none."""
    jobs = findings["jobs"]
    if not findings["failures"]:
        total = job_count(jobs["total"], findings)
        text = tell("Nothing failed and nothing is missing: all {jobs} succeeded.", jobs=total)
        return [Text(f"{text} {distinct_note(findings)}".rstrip())]
    columns = (
        Column("variant", tell_as("column", "variant"), align="left"),
        Column("repeat", tell_as("column", "repeat")),
        Column("status", tell_as("column", "status"), align="left"),
        Column("message", tell_as("column", "message"), align="left"),
    )
    rows = tuple(
        (
            words(short(entry["variant"])),
            counted(entry["repeat"]),
            Cell(tell(_STATUS.get(entry["status"], entry["status"])), entry["status"], "worse"),
            Cell(retold(entry["message"]) if entry["message"] else NOTHING, entry["message"]),
        )
        for entry in findings["failures"]
    )
    lost = (
        tell("With a round missing there is no verdict.")
        if timed(findings)
        else tell(
            "Failures are not missing at random: a variant of which a repeat diverged cannot be called better or "
            "equivalent, and with a repeat missing there is no verdict."
        )
    )
    many = tell_n(
        "Of {jobs}, {done} succeeded, {failed} failed or diverged and {n} is missing.",
        "Of {jobs}, {done} succeeded, {failed} failed or diverged and {n} are missing.",
        jobs["missing"],
        jobs=job_count(jobs["total"], findings),
        done=whole(jobs["done"]),
        failed=whole(jobs["failed"]),
    )
    text = f"{many} {lost} {distinct_note(findings)}".rstrip()
    return [Text(text, "warning"), Table("failures", tell("What failed or is missing."), columns, rows)]


#: What became of a repeat.
_STATUS: Final = {"failed": marked("failed"), "diverged": marked("diverged"), "missing": marked("missing")}

"""Tables and figures of what came out: scores, curves, parity, errors by state, comparisons, failures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.counting import listed
from bpbench.metrics import METRICS
from bpbench.report import draw
from bpbench.report.document import Block, Cell, Column, Figure, Table, Text
from bpbench.report.numerals import common_decimals, count, decimals, half_width, percent, say, short, whole
from bpbench.report.tables import align, counted, number, spanned, words
from bpbench.report.vocabulary import (
    by_role,
    distinct_note,
    drawn,
    ends,
    initial_note,
    job_word,
    mean_level,
    mixed,
    quick,
    source_note,
    timed,
    undrawn_note,
    unit,
)
from bpbench.units import DISPLAY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bpbench.report.canvas import Style

_STATE_ERRORS: Final = (
    ("rmse", "RMSE", "errors_rmse"),
    ("p95", "95th percentile of the absolute error", "errors_p95"),
    ("max", "Largest absolute error", "errors_max"),
)


def axis(findings: Mapping[str, Any], words_before: str = "") -> str:
    """Return the judged metric with its unit, for an axis."""
    metric = findings["metric"]
    return f"{words_before}{metric['label']} ({unit(metric)})" if unit(metric) else f"{words_before}{metric['label']}"


def summary_of(variant: Mapping[str, Any], part: str, key: str) -> dict[str, Any]:
    """Return mean, spread, ends and interval of a variant's scores, empty if no repeat succeeded."""
    return ((variant["summary"] or {}).get(part) or {}).get(key) or {}


# ---------------------------------------------------------------------------------------------------- scores


def scores(findings: Mapping[str, Any], looks: Mapping[str, Style]) -> list[Block]:
    """Return every repeat as a point, the table of means and that of all metrics."""
    part, metric = findings["analysis"]["part"], findings["metric"]
    constant = (findings["constant"].get(part) or {}).get(metric["key"])
    rows = []
    for variant in findings["variants"]:
        summary = summary_of(variant, part, metric["key"])
        values = tuple(
            result["scores"][part][metric["key"]] for result in variant["results"] if result["status"] == "done"
        )
        rows.append(draw.Repeats(variant["name"], values, *(summary.get(key) for key in ("mean", "low", "high"))))
    caption = f"Every repeat as a point ({metric['label']} on the {part} set). {below(findings)}"
    figure = Figure(
        "repeats",
        caption,
        draw.repeats(rows, looks, axis=axis(findings, f"{part} "), constant=constant),
        f"Dot plot of the {part} {metric['label']} of every repeat of {count(len(rows), 'variant')}.",
        source_note(findings),
    )
    return [figure, _means(findings, constant), _all_metrics(findings)]


#: Designs whose repeats are not independent, and why.
NO_BAR: Final = {
    "resampled": "the splits of the repeats overlap, so the repeats are not independent",
    "crossed": "the seeds within a split share its frames, so the repeats are not independent",
}


def below(findings: Mapping[str, Any]) -> str:
    """Return what is drawn below the points; an interval of the mean is owed to independent repeats alone."""
    split = findings["split"]
    why = NO_BAR.get(split["design"])
    if split["design"] == "crossed" and split["repeats"] == split["splits"]:
        why = "the splits divide the same data, so they are not independent of each other"
    if why is not None:
        return f"The stroke below the points is the mean. It has no interval: {why}."
    return (
        f"The bar below the points is the {mean_level(findings)} interval of the mean, the stroke on it the mean; a "
        "variant that gives the same number at every repeat has no interval."
    )


def level_text(findings: Mapping[str, Any]) -> str:
    """Return the level of the comparisons' intervals as a percentage."""
    comparisons = findings["analysis"]["comparisons"]
    return percent(comparisons[0]["level"]) if comparisons else percent(1 - findings["analysis"]["alpha"])


def _constant_name(findings: Mapping[str, Any]) -> str:
    """Return what the constant predictor is called; with several ways of splitting it belongs to one of them."""
    return f"constant, split by {findings['constant']['split_by']}" if mixed(findings) else "constant"


def mean_columns(findings: Mapping[str, Any]) -> tuple[Column, ...]:
    """Return the columns of a table of mean scores; an interval is owed to independent repeats alone."""
    shown = unit(findings["metric"])
    bars = findings["split"]["design"] not in NO_BAR
    return (
        Column("variant", "variant", align="left"),
        Column("n", "n"),
        Column("mean", "mean", shown),
        *((Column("low", f"{mean_level(findings)} from", shown), Column("high", "to", shown)) if bars else ()),
        Column("sd", "spread (sd)", shown),
        Column("min", "least", shown),
        Column("max", "largest", shown),
    )


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


def _means(findings: Mapping[str, Any], constant: float | None) -> Table:
    part, metric = findings["analysis"]["part"], findings["metric"]
    shown = unit(metric)
    bars = findings["split"]["design"] not in NO_BAR
    columns = (
        *mean_columns(findings),
        Column("train_mean", "train mean", shown),
        Column("validation_mean", "validation mean", shown),
        Column("not_converged", "not converged"),
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
    return Table(
        "scores",
        f"{metric['label']}{f' ({shown})' if shown else ''} on the {part} set over the repeats, beside the constant "
        "predictor, which gives every configuration the mean energy per atom of the training configurations."
        + ("" if bars else " The means have no interval, since the repeats are not independent.")
        + _copies(findings)
        + " Not converged: trainings still improving at their limit of epochs or rounds (see Methods); – for models "
        "without such a limit.",
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )


def _copies(findings: Mapping[str, Any]) -> str:
    """Return that n counts copies of one training, nothing where there are none."""
    if not findings["jobs"]["repeated"]:
        return ""
    told = by_role(findings) and not quick(findings)
    once = " The section on where the noise comes from counts each training once." if told else ""
    return f" n and spread are those of all results, copies of one training among them. {distinct_note(findings)}{once}"


def _all_metrics(findings: Mapping[str, Any]) -> Table:
    part = findings["analysis"]["part"]
    keys = [
        key
        for key in METRICS
        if any(summary_of(variant, part, key) for variant in findings["variants"])
        or key in (findings["constant"].get(part) or {})
    ]
    columns = (
        Column("variant", "variant", align="left"),
        *(
            Column(
                key,
                METRICS[key].label.replace("|error|", "absolute error"),
                DISPLAY.get(METRICS[key].unit, METRICS[key].unit),
            )
            for key in keys
        ),
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
    return Table(
        "metrics",
        f"All metrics on the {part} set, means over the repeats.",
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
    )


# ------------------------------------------------------------------------------------------ curves and parity


def learning(findings: Mapping[str, Any], looks: Mapping[str, Style]) -> list[Block]:
    """Return the learning curves, or words where only those that are not drawn have any; nothing without any."""
    panels = [(variant["name"], variant["curve"]) for variant in drawn(findings) if variant["curve"]]
    if not panels:
        return [Text(note.strip(), "note")] if (note := undrawn_note(findings)) else []
    return [
        Figure(
            "learning_curves",
            "Learning curves: median RMSE over the repeats of a variant, in the band from its least to its largest "
            f"value. {_when(findings)}"
            f"{'' if draw.alike([curve for _, curve in panels]) else 'Each panel has its own axis of epochs. '}"
            f"{curve_end([curve for _, curve in panels])}{_kept(findings)}{undrawn_note(findings)}",
            draw.curves(panels, looks, axis="RMSE (meV/atom)"),
            f"Training and validation RMSE over epochs for {listed([say(name) for name, _ in panels])}.",
            source_note(findings),
        )
    ]


def _when(findings: Mapping[str, Any]) -> str:
    """Return when the errors of the curves that are drawn were taken."""
    models = {model["name"]: model for model in findings["models"]}
    used = [models[variant["model"]] for variant in drawn(findings) if variant["curve"]]
    rules = dict.fromkeys(model["values"]["optimizer"]["kind"] for model in used if model["kind"] == "hdnn")
    rounds = [model["label"] for model in used if model["kind"] != "hdnn"][:1]
    met = [_WHO[rule] for rule in rules if rule != "marquardt"]
    taken = []
    if met:
        taken.append(("those of each configuration as it was met, before it moved the weights", listed(met)))
    if "marquardt" in rules:
        taken.append(("those at the end of the step", "Levenberg-Marquardt"))
    taken += [("those at the end of the round", label) for label in rounds]
    ends = listed([*(["an epoch"] if rules else []), *(["a round"] if rounds else [])]).replace(" and ", " or ")
    how = " or ".join(when if len(taken) == 1 else f"{when} ({who})" for when, who in taken)
    return f"Validation errors are those at the end of {ends}; training errors {how}. "


_WHO: Final = {"adam": "Adam", "keras-adam": "Keras", "kalman": "Kalman filter"}


def ensemble_note(variants: Sequence[Mapping[str, Any]]) -> str:
    """Return what the curve of an ensemble is, or nothing where none is drawn."""
    if not any(variant["curve"] and variant["ensemble"] for variant in variants):
        return ""
    return "The curve of an ensemble is the root mean square of its networks' curves, as far as all of them go. "


def _kept(findings: Mapping[str, Any]) -> str:
    """Return which state is kept of the trainings that are drawn."""
    found = [variant for variant in drawn(findings) if variant["curve"]]
    many = [variant for variant in found if variant["ensemble"]]
    each = ", of an ensemble that of each of its networks" if many and len(many) < len(found) else ""
    whose = "of each network " if many and not each else ""
    return (
        f"{ensemble_note(found)}The state kept {whose}is the one with the least validation error, not the last "
        f"one{each}.{initial_note(found)}"
    )


def curve_end(curves: Sequence[Mapping[str, Any] | None]) -> str:
    """Return how curves of unequal length are to be read, or nothing where all repeats run equally long."""
    if all(curve is None or curve["running"][-1] == curve["repeats"] for curve in curves):
        return ""
    return (
        "Trainings end at different epochs: a curve is that of the repeats still running, which may be the slower "
        "ones, and it is drawn as long as at least half of them do. "
    )


def _drawn(found: Sequence[Mapping[str, Any]]) -> str:
    """Return which test configurations the parity plots show; variants may differ in the repeat and so in the test."""
    groups: dict[tuple[int, int], list[str]] = {}
    for variant in found:
        points = variant["parity"]
        groups.setdefault((len(points["reference_ev_per_atom"]), points["total"]), []).append(say(variant["name"]))
    if all(shown == total for shown, total in groups):
        return "every test configuration"
    if len(groups) == 1:
        ((shown, total),) = groups
        return f"{whole(shown)} of {whole(total)} test configurations, evenly picked,"
    parts = [f"{whole(shown)} of {whole(total)} for {listed(names)}" for (shown, total), names in groups.items()]
    return f"evenly picked test configurations ({'; '.join(parts)})"


def parity(findings: Mapping[str, Any], looks: Mapping[str, Style]) -> list[Block]:
    """Return predicted against reference energies of one repeat per variant."""
    found = [variant for variant in drawn(findings) if variant["parity"]]
    panels = [
        (entry["name"], entry["parity"]["reference_ev_per_atom"], entry["parity"]["predicted_ev_per_atom"])
        for entry in found
    ]
    if not panels:
        return []
    return [
        Figure(
            "parity",
            f"Predicted against reference energy of {_drawn(found)} of one repeat (the first that "
            "succeeded), and below each its error. The scales of the errors differ from variant to variant."
            f"{undrawn_note(findings)}",
            draw.parity(panels, looks),
            f"Parity plots of {count(len(panels), 'variant')}.",
            source_note(findings),
        )
    ]


# ----------------------------------------------------------------------------------------------------- states


def by_state(findings: Mapping[str, Any], looks: Mapping[str, Style]) -> list[Block]:
    """Return errors by state point: a figure and one table per kind of error."""
    found = [variant for variant in drawn(findings) if variant["groups"]]
    by_name = {variant["name"]: {group["name"]: group for group in variant["groups"]} for variant in found}
    scored = {name for groups in by_name.values() for name in groups}
    states = [group["name"] for group in findings["data"]["groups"] if group["name"] in scored]
    if not states:
        return [Text("No state has test frames of a successful training.", "note")]
    panels = [
        (f"{label} (meV/atom)", {v: [groups.get(s, {}).get(key) for s in states] for v, groups in by_name.items()})
        for key, label, _ in (("rmse", "RMSE", ""), ("p95", "95th percentile", ""), ("max", "largest", ""))
    ]
    blocks: list[Block] = [
        Figure(
            "errors_by_state",
            "Errors by state, means over the repeats: RMSE, 95th percentile and largest absolute error of the test "
            f"configurations of that state.{undrawn_note(findings)}",
            draw.states(states, panels, looks),
            f"Dot plot of three kinds of error by state for {count(len(found), 'variant')}.",
            source_note(findings),
        )
    ]
    columns = (
        Column("state", "state", align="left"),
        Column("frames", "frames"),
        # Variants are named by users; the file's columns go by their place.
        *(Column(f"variant_{place}", short(name, 16), "meV/atom") for place, name in enumerate(by_name, start=1)),
    )
    for key, label, file in _STATE_ERRORS:
        values = [group.get(key) for groups in by_name.values() for group in groups.values()]
        places = min(3, common_decimals(values) or 0)
        rows = [
            (
                words(short(state)),
                _frames([groups[state]["frames"] for groups in by_name.values() if state in groups]),
                *(number(groups.get(state, {}).get(key), places) for groups in by_name.values()),
            )
            for state in states
        ]
        caption = (
            f"{label} by state (meV/atom), mean over the repeats; frames: test configurations of the state in one "
            "repeat."
        )
        blocks.append(Table(file, caption, columns, align(rows, columns), source_note(findings), "wide", "meV/atom"))
    without = [group["name"] for group in findings["data"]["groups"] if group["name"] not in scored]
    if without:
        blocks.append(Text(f"Without test frames: {listed([say(name) for name in without])}.", "note"))
    return blocks


def _frames(counts: Sequence[int]) -> Cell:
    """Return how many test frames there are; contestants that are split in other ways have others."""
    ends = (min(counts), max(counts))
    return counted(counts[0]) if ends[0] == ends[1] else words(spanned(ends))


# --------------------------------------------------------------------------------------------------- failures


def failures(findings: Mapping[str, Any]) -> list[Block]:
    """Return the table of failures, or a sentence that there are none."""
    jobs = findings["jobs"]
    if not findings["failures"]:
        text = f"Nothing failed and nothing is missing: all {count(jobs['total'], job_word(findings))} succeeded."
        return [Text(f"{text} {distinct_note(findings)}".rstrip())]
    columns = (
        Column("variant", "variant", align="left"),
        Column("repeat", "repeat"),
        Column("status", "status", align="left"),
        Column("message", "message", align="left"),
    )
    rows = tuple(
        (
            words(short(entry["variant"])),
            counted(entry["repeat"]),
            words(entry["status"], mark="worse"),
            words(entry["message"]),
        )
        for entry in findings["failures"]
    )
    lost = (
        "With a round missing there is no verdict."
        if timed(findings)
        else "Failures are not missing at random: a variant of which a repeat diverged cannot be called better or "
        "equivalent, and with a repeat missing there is no verdict."
    )
    text = (
        f"Of {count(jobs['total'], job_word(findings))}, {jobs['done']} succeeded, {jobs['failed']} failed or diverged "
        f"and {jobs['missing']} are missing. {lost} {distinct_note(findings)}"
    ).rstrip()
    return [Text(text, "warning"), Table("failures", "What failed or is missing.", columns, rows)]

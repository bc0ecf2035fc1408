"""Tables and figures of what came out: scores, curves, parity, errors by state, comparisons, failures."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any, Final

from bpbench.metrics import METRICS
from bpbench.report import draw
from bpbench.report.document import Block, Cell, Column, Figure, Table, Text, ref
from bpbench.report.language import listed, marked, tell, tell_as, tell_n
from bpbench.report.numerals import (
    NOTHING,
    common_decimals,
    count,
    decimals,
    exact,
    half_width,
    percent,
    say,
    short,
    significant,
    whole,
)
from bpbench.report.retold import retold
from bpbench.report.tables import align, counted, given, number, spanned, words
from bpbench.report.vocabulary import (
    by_role,
    distinct_note,
    drawn,
    ends,
    initial_note,
    job_count,
    mean_level,
    metric_label,
    mixed,
    quick,
    source_note,
    timed,
    undrawn_note,
    unit,
    with_unit,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bpbench.report.canvas import Style

#: Kinds of error by state: key, label, file.
_STATE_ERRORS: Final = (
    ("rmse", marked("RMSE"), "errors_rmse"),
    ("p95", marked("95th percentile of the absolute error"), "errors_p95"),
    ("max", marked("Largest absolute error"), "errors_max"),
)
#: The same as axes.
_STATE_AXES: Final = {
    "rmse": marked("RMSE (meV/atom)"),
    "p95": marked("95th percentile (meV/atom)"),
    "max": marked("largest (meV/atom)"),
}
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
    return [figure, _means(findings, constant), _all_metrics(findings)]


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
            "{score} on the test set over the repeats, beside the constant predictor, which gives every configuration "
            "the mean energy per atom of the training configurations.",
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


def _all_metrics(findings: Mapping[str, Any]) -> Table:
    part = findings["analysis"]["part"]
    keys = [
        key
        for key in METRICS
        if any(summary_of(variant, part, key) for variant in findings["variants"])
        or key in (findings["constant"].get(part) or {})
    ]
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
    return Table(
        "metrics",
        tell("All metrics on the test set, means over the repeats."),
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
    )


def _metric_head(key: str) -> str:
    if key in _HEADS:
        return tell(_HEADS[key])
    return metric_label({"key": key, "label": METRICS[key].label})


#: Heads of columns that are not the labels of the metrics.
_HEADS: Final = {"p95": marked("95th percentile of absolute error"), "max": marked("largest absolute error")}

# ------------------------------------------------------------------------------------------ curves and parity


def learning(findings: Mapping[str, Any], looks: Mapping[str, Style]) -> list[Block]:
    """Return the learning curves, or words where only those that are not drawn have any; nothing without any."""
    panels = [(variant["name"], variant["curve"]) for variant in drawn(findings) if variant["curve"]]
    if not panels:
        return [Text(note.strip(), "note")] if (note := undrawn_note(findings)) else []
    curves = [curve for _, curve in panels]
    said = [
        tell(
            "Learning curves: median RMSE over the repeats of a variant, in the band from its least to its largest "
            "value."
        ),
        _when(findings),
        "" if draw.alike(curves) else tell("Each panel has its own axis of epochs."),
        curve_end(curves).strip(),
        _kept(findings),
    ]
    return [
        Figure(
            "learning_curves",
            " ".join(sentence for sentence in said if sentence) + undrawn_note(findings),
            draw.curves(panels, looks, axis=tell("RMSE (meV/atom)")),
            tell(
                "Training and validation RMSE over epochs for {variants}.",
                variants=listed([say(name) for name, _ in panels]),
            ),
            source_note(findings),
            _drawn_curves(panels),
        )
    ]


def _drawn_curves(panels: Sequence[tuple[str, Mapping[str, Any]]]) -> Table:
    """Return the curves that are drawn, of long ones evenly picked epochs, the last one always."""
    room = max(2, _ROWS // len(panels))
    kinds = [(part, key) for part in ("train", "validation") for key in ("median", "low", "high")]
    columns = (
        Column("variant", tell_as("column", "variant"), align="left"),
        Column("epoch", tell_as("column", "epoch")),
        Column("running", tell_as("column", "running")),
        *(
            Column(f"{part}_{key}", tell(_HEADS_OF_CURVES[part, key]), unit({"unit": "meV/atom"}))
            for part, key in kinds
        ),
    )
    rows = [
        (
            words(name),
            counted(curve["epoch"][place]),
            counted(curve["running"][place]),
            *(given(curve[part][key][place]) for part, key in kinds),
        )
        for name, curve in panels
        for place in _picked(len(curve["epoch"]), room)
    ]
    caption = tell("The curves: RMSE by epoch, and the repeats that were still running.")
    if any(len(curve["epoch"]) > room for _, curve in panels):
        caption = tell(
            "The curves: RMSE by epoch, and the repeats that were still running. Of each variant {n} epochs are picked "
            "evenly; findings.json has all.",
            n=whole(room),
        )
    return Table("learning_curves", caption, columns, tuple(rows))


_HEADS_OF_CURVES: Final = {
    ("train", "median"): marked("training, median"),
    ("train", "low"): marked("training, least"),
    ("train", "high"): marked("training, largest"),
    ("validation", "median"): marked("validation, median"),
    ("validation", "low"): marked("validation, least"),
    ("validation", "high"): marked("validation, largest"),
}


def _picked(number: int, room: int) -> list[int]:
    """Return the places of at most so many of a number of things, spread evenly, first and last included."""
    if number <= room:
        return list(range(number))
    return [round(place * (number - 1) / (room - 1)) for place in range(room)]


def _when(findings: Mapping[str, Any]) -> str:
    """Return when the errors of the curves that are drawn were taken."""
    models = {model["name"]: model for model in findings["models"]}
    used = [models[variant["model"]] for variant in drawn(findings) if variant["curve"]]
    rules = dict.fromkeys(model["values"]["optimizer"]["kind"] for model in used if model["kind"] == "hdnn")
    rounds = [model["label"] for model in used if model["kind"] != "hdnn"][:1]
    met = [tell(_WHO[rule]) for rule in rules if rule != "marquardt"]
    taken = []
    if met:
        taken.append((tell("those of each configuration as it was met, before it moved the weights"), listed(met)))
    if "marquardt" in rules:
        taken.append((tell("those at the end of the step"), "Levenberg-Marquardt"))
    taken += [(tell("those at the end of the round"), label) for label in rounds]
    which = [when if len(taken) == 1 else f"{when} ({who})" for when, who in taken]
    how = reduce(lambda some, last: tell("{some} or {last}", some=some, last=last), which)
    if rules and rounds:
        return tell("Validation errors are those at the end of an epoch or a round; training errors {how}.", how=how)
    if rules:
        return tell("Validation errors are those at the end of an epoch; training errors {how}.", how=how)
    return tell("Validation errors are those at the end of a round; training errors {how}.", how=how)


_WHO: Final = {"adam": "Adam", "keras-adam": "Keras", "kalman": marked("Kalman filter")}


def ensemble_note(variants: Sequence[Mapping[str, Any]]) -> str:
    """Return what the curve of an ensemble is and a space, or nothing where none is drawn."""
    if not any(variant["curve"] and variant["ensemble"] for variant in variants):
        return ""
    note = tell("The curve of an ensemble is the root mean square of its networks' curves, as far as all of them go.")
    return f"{note} "


def _kept(findings: Mapping[str, Any]) -> str:
    """Return which state is kept of the trainings that are drawn."""
    found = [variant for variant in drawn(findings) if variant["curve"]]
    many = [variant for variant in found if variant["ensemble"]]
    kept = tell("The state kept is the one with the least validation error, not the last one.")
    if many and len(many) < len(found):
        kept = tell(
            "The state kept is the one with the least validation error, not the last one, of an ensemble that of each "
            "of its networks."
        )
    elif many:
        kept = tell("The state kept of each network is the one with the least validation error, not the last one.")
    return f"{ensemble_note(found)}{kept}{initial_note(found)}"


def curve_end(curves: Sequence[Mapping[str, Any] | None]) -> str:
    """Return how curves of unequal length are to be read, or nothing where all repeats run equally long."""
    if all(curve is None or curve["running"][-1] == curve["repeats"] for curve in curves):
        return ""
    note = tell(
        "Trainings end at different epochs: a curve is that of the repeats still running, which may be the slower "
        "ones, and it is drawn as long as at least half of them do."
    )
    return f"{note} "


def _drawn(found: Sequence[Mapping[str, Any]]) -> str:
    """Return which test configurations the parity plots show; variants may differ in the repeat and so in the test."""
    groups: dict[tuple[int, int], list[str]] = {}
    for variant in found:
        points = variant["parity"]
        groups.setdefault((len(points["reference_ev_per_atom"]), points["total"]), []).append(say(variant["name"]))
    if all(shown == total for shown, total in groups):
        return tell("every test configuration")
    if len(groups) == 1:
        ((shown, total),) = groups
        return tell("{some} of {all} test configurations, evenly picked,", some=whole(shown), all=whole(total))
    parts = [
        tell("{some} of {all} for {variants}", some=whole(shown), all=whole(total), variants=listed(names))
        for (shown, total), names in groups.items()
    ]
    return tell("evenly picked test configurations ({parts})", parts="; ".join(parts))


def parity(findings: Mapping[str, Any], looks: Mapping[str, Style]) -> list[Block]:
    """Return predicted against reference energies of one repeat per variant."""
    found = [variant for variant in drawn(findings) if variant["parity"]]
    panels = [
        draw.Parity(
            entry["name"],
            entry["parity"]["reference_ev_per_atom"],
            entry["parity"]["predicted_ev_per_atom"],
            entry["parity"]["group"],
        )
        for entry in found
    ]
    if not panels:
        return []
    caption = tell(
        "Predicted against reference energy of {which} of one repeat (the first that succeeded), and below each its "
        "error. The scales of the errors differ from variant to variant.",
        which=_drawn(found),
    )
    if len({state for panel in panels for state in panel.states}) > 1:
        caption += " " + tell("Colour and marker tell the state, the lines have the variant's colour.")
    return [
        Figure(
            "parity",
            f"{caption}{undrawn_note(findings)}",
            draw.parity(panels, looks),
            tell("Parity plots of {variants}.", variants=count(len(panels), "variant")),
            source_note(findings),
            _drawn_parity(panels),
        )
    ]


def _drawn_parity(panels: Sequence[draw.Parity]) -> Table:
    """Return the energies that are drawn, of very many evenly picked ones."""
    room = max(2, _ROWS // len(panels))
    columns = (
        Column("variant", tell_as("column", "variant"), align="left"),
        Column("state", tell_as("column", "state"), align="left"),
        Column("reference", tell_as("column", "reference"), unit({"unit": "eV/atom"})),
        Column("predicted", tell_as("column", "predicted"), unit({"unit": "eV/atom"})),
        Column("error", tell_as("column", "error"), unit({"unit": "meV/atom"})),
    )
    rows = [
        (
            words(panel.name),
            words(panel.states[place]),
            Cell(exact(panel.reference[place]), panel.reference[place]),
            Cell(exact(panel.predicted[place]), panel.predicted[place]),
            Cell(exact(panel.errors[place], 4), panel.errors[place]),
        )
        for panel in panels
        for place in _picked(len(panel.states), room)
    ]
    caption = tell("The energies that are drawn.")
    if any(len(panel.states) > room for panel in panels):
        caption = tell(
            "Of the energies that are drawn {n} of each variant, picked evenly; findings.json has all.", n=whole(room)
        )
    return Table("parity", caption, columns, tuple(rows))


# ----------------------------------------------------------------------------------------------------- states


def by_state(findings: Mapping[str, Any], looks: Mapping[str, Style]) -> list[Block]:
    """Return errors by state point: a figure and one table per kind of error."""
    found = [variant for variant in drawn(findings) if variant["groups"]]
    by_name = {variant["name"]: {group["name"]: group for group in variant["groups"]} for variant in found}
    scored = {name for groups in by_name.values() for name in groups}
    states = [group["name"] for group in findings["data"]["groups"] if group["name"] in scored]
    if not states:
        return [Text(tell("No state has test frames of a successful training."), "note")]
    panels = [
        (tell(label), {v: [groups.get(s, {}).get(key) for s in states] for v, groups in by_name.items()})
        for key, label in _STATE_AXES.items()
    ]
    caption = tell(
        "Errors by state, means over the repeats: RMSE, 95th percentile and largest absolute error of the test "
        "configurations of that state."
    )
    blocks: list[Block] = [
        Figure(
            "errors_by_state",
            f"{caption}{undrawn_note(findings)}",
            draw.states(states, panels, looks),
            tell("Dot plot of three kinds of error by state for {variants}.", variants=count(len(found), "variant")),
            source_note(findings),
            _drawn_states(states, by_name),
        )
    ]
    shown = unit({"unit": "meV/atom"})
    columns = (
        Column("state", tell_as("column", "state"), align="left"),
        Column("frames", tell_as("column", "frames")),
        # Variants are named by users; the file's columns go by their place.
        *(Column(f"variant_{place}", short(name, 16), shown) for place, name in enumerate(by_name, start=1)),
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
        caption = tell(
            "{error} by state (meV/atom), mean over the repeats; frames: test configurations of the state in one "
            "repeat.",
            error=tell(label),
        )
        blocks.append(Table(file, caption, columns, align(rows, columns), source_note(findings), "wide", shown))
    without = [group["name"] for group in findings["data"]["groups"] if group["name"] not in scored]
    if without:
        names = listed([say(name) for name in without])
        blocks.append(Text(tell("Without test frames: {states}.", states=names), "note"))
    return blocks


def _drawn_states(states: Sequence[str], by_name: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Table:
    """Return the three errors of each state and variant, of very many those of the first."""
    shown = unit({"unit": "meV/atom"})
    columns = (
        Column("state", tell_as("column", "state"), align="left"),
        Column("variant", tell_as("column", "variant"), align="left"),
        Column("rmse", "RMSE", shown),
        Column("p95", tell_as("column", "95th percentile"), shown),
        Column("max", tell_as("column", "largest"), shown),
    )
    every = [
        (words(state), words(name), *(given(groups[state].get(key)) for key in _STATE_AXES))
        for state in states
        for name, groups in by_name.items()
        if state in groups
    ]
    caption = tell("The errors that are drawn.")
    if len(every) > _ROWS:
        caption = tell("The first {some} of {all} errors that are drawn.", some=whole(_ROWS), all=whole(len(every)))
    return Table("errors_by_state", caption, columns, tuple(every[:_ROWS]))


def _frames(counts: Sequence[int]) -> Cell:
    """Return how many test frames there are; contestants that are split in other ways have others."""
    ends = (min(counts), max(counts))
    return counted(counts[0]) if ends[0] == ends[1] else words(spanned(ends))


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

"""How models learned, and where they err: learning curves, parity, errors by state, and the numbers of each figure."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

from bpbench.report import draw, parity_draw
from bpbench.report.document import Block, Cell, Column, Figure, Table, Text
from bpbench.report.labels import source_note
from bpbench.report.language import listed, marked, tell, tell_as
from bpbench.report.numerals import (
    common_decimals,
    count,
    exact,
    say,
    short,
    whole,
)
from bpbench.report.results import summary_of
from bpbench.report.tables import align, counted, given, number, spanned, words
from bpbench.report.tallies import drawn, undrawn_note
from bpbench.report.vocabulary import initial_note, unit

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


# ------------------------------------------------------------------------------------------ curves and parity


def learning(findings: Mapping[str, Any], looks: Mapping[str, Style]) -> list[Block]:
    """Return the learning curves, or words where only those that are not drawn have any; nothing without any."""
    panels = [(variant["name"], variant["curve"]) for variant in drawn(findings) if variant["curve"]]
    if not panels:
        hidden = any(variant["curve"] for variant in findings["variants"])
        return [Text(undrawn_note(findings).strip(), "note")] if hidden else []
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


def force_curves(findings: Mapping[str, Any], looks: Mapping[str, Style]) -> list[Block]:
    """Return the learning curves of forces, nothing where none of what is drawn learns them."""
    panels = [
        (variant["name"], {**variant["curve"], **variant["curve"]["forces"]})
        for variant in drawn(findings)
        if variant["curve"] and "forces" in variant["curve"]
    ]
    if not panels:
        return []
    shown = unit({"unit": "meV/A"})
    return [
        Figure(
            "force_curves",
            tell(
                "Learning curves of forces, of the components that were learned from: median RMSE over the repeats of "
                "a variant, in the band from its least to its largest value."
            )
            + undrawn_note(findings),
            draw.curves(panels, looks, axis=tell("force RMSE ({unit})", unit=shown), key="force_curves"),
            tell(
                "Training and validation RMSE of forces over epochs for {variants}.",
                variants=listed([say(name) for name, _ in panels]),
            ),
            source_note(findings),
            replace(_drawn_curves(panels, shown), key="force_curves"),
        )
    ]


def _drawn_curves(panels: Sequence[tuple[str, Mapping[str, Any]]], shown: str = "") -> Table:
    """Return the curves that are drawn, of long ones evenly picked epochs, the last one always."""
    room = max(2, _ROWS // len(panels))
    kinds = [(part, key) for part in ("train", "validation") for key in ("median", "low", "high")]
    columns = (
        Column("variant", tell_as("column", "variant"), align="left"),
        Column("epoch", tell_as("column", "epoch")),
        Column("running", tell_as("column", "running")),
        *(
            Column(f"{part}_{key}", tell(_HEADS_OF_CURVES[part, key]), shown or unit({"unit": "meV/atom"}))
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
        parity_draw.Parity(
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
        "Predicted against reference energy: {which} of one repeat (the first that succeeded), and below each its "
        "error. The scales of the errors differ from variant to variant.",
        which=_drawn(found),
    )
    if len({state for panel in panels for state in panel.states}) > 1:
        caption += " " + tell("Colour and marker tell the state, the lines have the variant's colour.")
    return [
        Figure(
            "parity",
            f"{caption}{undrawn_note(findings)}",
            parity_draw.parity(panels, looks),
            tell("Parity plots of {variants}.", variants=count(len(panels), "variant")),
            source_note(findings),
            _drawn_parity(panels),
        )
    ]


def _drawn_parity(panels: Sequence[parity_draw.Parity]) -> Table:
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
    """Return errors of energies by state point: a figure and one table per kind of error.

    Nothing where no contestant predicts energies.
    """
    part = findings["analysis"]["part"]
    energies = any(summary_of(variant, part, "rmse") for variant in findings["variants"])
    if findings.get("forces") and not energies:
        return []
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
    silent = [variant["name"] for variant in drawn(findings) if variant["n"] and not variant["groups"]]
    if silent:
        names = listed([say(name) for name in silent])
        blocks.append(Text(tell("Without energies, as only forces are predicted: {variants}.", variants=names), "note"))
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

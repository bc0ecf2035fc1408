"""How trainings ended, and what ensembles say of their own errors: tables and the words that go with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report.document import Cell, Column, Table, Text
from bpbench.report.labels import source_note
from bpbench.report.language import tell, tell_n
from bpbench.report.numerals import decimals, half_width, percent, say, short, significant
from bpbench.report.results import summary_of
from bpbench.report.tables import align, counted, given, number, words
from bpbench.report.tallies import model_kinds
from bpbench.report.vocabulary import initial_note, unit_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bpbench.report.document import Block

#: Share of normal errors within two standard deviations.
_NORMAL: Final = 0.954
#: All of these are RMSE per atom, whatever metric is judged.
_UNIT: Final = "meV/atom"


def stopping(findings: Mapping[str, Any]) -> list[Block]:
    """Return the rule by which networks stop, and the table of where they did; nothing where there is no network."""
    kinds = model_kinds(findings)
    values = {model["name"]: model["values"] for model in findings["models"]}
    networks = [variant for variant in findings["variants"] if kinds[variant["model"]] == "hdnn" and variant["n"]]
    if not networks:
        return []
    shown = unit_label(_UNIT)
    columns = (
        Column("variant", tell("variant"), align="left"),
        Column("epochs", tell("epochs at most")),
        Column("patience", tell("patience")),
        Column("stopped_patience", tell("ended by patience")),
        Column("checkpoint", tell("checkpoint, median epoch")),
        Column("test_rmse", tell("test RMSE, mean"), shown),
        Column(
            "least_validation_rmse",
            tell("least validation RMSE over epochs (optimistic, not a score), mean"),
            shown,
        ),
    )
    rows = []
    for variant in networks:
        model, scores = values[variant["model"]], summary_of(variant, "test", "rmse")
        places = decimals(half_width(scores.get("low"), scores.get("high")) or scores.get("sd"))
        rows.append(
            (
                words(short(variant["name"])),
                counted(model["epochs"]),
                counted(model["patience"]),
                counted(variant["stopped"]["patience"] if model["patience"] is not None else None),
                given(variant["checkpoint"]),
                number(scores.get("mean"), places),
                number((variant["least_loss"] or {}).get("mean"), places),
            )
        )
    caption = tell(
        "Where the trainings of networks ended. The last column is the least validation RMSE over epochs - optimistic, "
        "not a score; shown because it is often quoted. An ensemble has none, since each of its networks has its own."
    )
    return [
        Text(
            tell(
                "When a network stops is fixed in the protocol: after its epochs, or sooner where it names a patience. "
                "The score that is reported and compared is the test score of the state with the least validation "
                "RMSE, the checkpoint. The least validation RMSE over epochs is optimistic, since the checkpoint was "
                "chosen by it: it is not a score, and stands in the table because it is often quoted."
            )
        ),
        Table(
            "stopping",
            f"{caption}{_together(networks, values)}{initial_note(networks)}",
            columns,
            align(rows, columns),
            source_note(findings),
            "wide",
            shown,
        ),
    ]


def _together(networks: Sequence[Mapping[str, Any]], values: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what it takes that patience ended an ensemble, or nothing where none has a patience."""
    models = [values[variant["model"]] for variant in networks]
    if not any(model["ensemble"] > 1 and model["patience"] is not None for model in models):
        return ""
    return " " + tell("An ensemble counts as ended by patience where all of its networks were.")


def ensembles(findings: Mapping[str, Any]) -> list[Block]:
    """Return the table of ensembles and a sentence for each, nothing where there is none."""
    found = [variant for variant in findings["variants"] if variant["ensemble"] is not None]
    if not found:
        return []
    shown = unit_label(_UNIT)
    columns = (
        Column("variant", tell("variant"), align="left"),
        Column("size", tell("networks")),
        Column("n", "n"),
        Column("mean", tell("RMSE of the ensemble"), shown),
        Column("members", tell("RMSE of one of its networks"), shown),
        Column("spread", tell("spread"), shown),
        Column("correlation", tell("rank correlation of spread and error")),
        Column("within", tell("errors within two spreads")),
    )
    rows, texts = [], []
    for variant in found:
        entry, scores = variant["ensemble"], summary_of(variant, "test", "rmse")
        places = decimals(half_width(scores.get("low"), scores.get("high")) or scores.get("sd"))
        within = percent(round(entry["within"], 3))
        rows.append(
            (
                words(short(variant["name"])),
                counted(entry["size"]),
                counted(entry["n"]),
                number(scores.get("mean"), places),
                number(entry["members"], places),
                number(entry["spread"], places),
                number(entry["correlation"], 2),
                Cell(within, entry["within"]),
            )
        )
        texts.append(Text(_calibration(variant["name"], entry, scores.get("mean"))))
    table = Table(
        "ensembles",
        tell(
            "Ensembles on the test set, means over the repeats. The spread is the standard deviation between the "
            "networks of an ensemble, the mean over the test configurations; the rank correlation (Spearman) tells "
            "whether it is larger where the error is."
        ),
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )
    return [*texts, table]


def _calibration(name: str, entry: Mapping[str, Any], mean: float | None) -> str:
    """Return how large the error of an ensemble is, and whether its spread tells it."""
    return tell_n(
        "{name}, the mean of {n} network, has a test RMSE of {mean}, where one of its networks has {member} on the "
        "mean. Two of its spreads hold {within} of its test errors. Of normal errors {normal} lie within two standard "
        "deviations, and fewer, {nominal}, within two spreads of only {n} network, as such a spread is uncertain "
        "itself; so as an uncertainty it is {reading}.",
        "{name}, the mean of {n} networks, has a test RMSE of {mean}, where one of its networks has {member} on the "
        "mean. Two of its spreads hold {within} of its test errors. Of normal errors {normal} lie within two standard "
        "deviations, and fewer, {nominal}, within two spreads of only {n} networks, as such a spread is uncertain "
        "itself; so as an uncertainty it is {reading}.",
        entry["size"],
        name=say(name),
        mean=f"{significant(mean)} {unit_label(_UNIT)}",
        member=significant(entry["members"]),
        within=percent(round(entry["within"], 3)),
        normal=percent(_NORMAL),
        nominal=percent(round(entry["nominal"], 3)),
        reading=_uncertainty(entry["within"], entry["nominal"]),
    )


def _uncertainty(within: float, expected: float) -> str:
    """Return how a spread compares with what it would have to be, to a twentieth."""
    if abs(within - expected) < 0.05:
        return tell("about right")
    return tell("too small") if within < expected else tell("too large")

"""The section on sweeps: for each a table of its contestants, and a sheet for each axis that has several values."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from bpbench.counting import listed
from bpbench.report import axis_sheet
from bpbench.report.document import Cell, Column, Figure, Section, Table, Text
from bpbench.report.numerals import count, decimals, half_width, percent, say
from bpbench.report.results import NO_BAR, axis, curve_end, ensemble_note, summary_of
from bpbench.report.tables import align, counted, ends_of, given, number, spanned, words
from bpbench.report.vocabulary import initial_note, mean_level, source_note, unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bpbench.report.document import Block


def sections(findings: Mapping[str, Any]) -> list[Section]:
    """Return the section on sweeps, none where the protocol has no sweep."""
    blocks = [
        block
        for place, sweep in enumerate(findings["sweeps"], 1)
        for block in _sweep(findings, sweep, f"sweep_{place}")
    ]
    return [Section("sweeps", "The sweeps", tuple(blocks))] if blocks else []


def _sweep(findings: Mapping[str, Any], sweep: Mapping[str, Any], key: str) -> Iterator[Block]:
    varied = [entry for entry in sweep["axes"] if len(entry["values"]) > 1]
    what = [f"{entry['label']} ({', '.join(entry['values'])})" for entry in sweep["axes"] if entry["key"] != "points"]
    many = count(len(sweep["points"]), "contestant")
    yield Text(
        f"Sweep {say(sweep['name'])} combines {listed(what)}: {many}."
        if what
        else f"Sweep {say(sweep['name'])} lists {many}."
    )
    yield _table(findings, sweep, key)
    for place, entry in enumerate(varied, 1):
        yield _sheet(findings, sweep, entry, f"{key}_axis_{place}")


def _by_name(findings: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {variant["name"]: variant for variant in findings["variants"]}


def _table(findings: Mapping[str, Any], sweep: Mapping[str, Any], key: str) -> Table:
    part, metric = findings["analysis"]["part"], findings["metric"]
    shown, variants = unit(metric), _by_name(findings)
    columns = (
        *(Column(f"axis_{place}", entry["label"], align="left") for place, entry in enumerate(sweep["axes"], 1)),
        Column("n", "n"),
        Column("mean", "mean", shown),
        Column("sd", "spread (sd)", shown),
        Column("checkpoint", "checkpoint, median epoch"),
        Column("parameters", "weights"),
        Column("configurations", "training configurations"),
        Column("blocks", "their blocks"),
        Column("share", "share of them"),
    )
    rows = []
    for point in sweep["points"]:
        variant = variants[point["variant"]]
        found = summary_of(variant, part, metric["key"])
        places = decimals(half_width(found.get("low"), found.get("high")) or found.get("sd"))
        rows.append(
            (
                *(words(entry["values"][at]) for entry, at in zip(sweep["axes"], point["at"], strict=True)),
                counted(variant["n"]),
                number(found.get("mean"), places),
                number(found.get("sd"), places),
                given(variant["checkpoint"]),
                counted(variant["parameters"]),
                *(words(spanned(ends_of(variant[key]))) for key in ("configurations", "blocks")),
                Cell(percent(round(variant["share"], 3)), variant["share"]),
            )
        )
    return Table(
        key,
        f"Sweep {say(sweep['name'])}: {axis(findings)} on the {part} set over the repeats, at the checkpoint that "
        "validation chose; the training configurations that were learned from, of how many blocks they are, and their "
        f"share of the split's.{initial_note([variants[point['variant']] for point in sweep['points']])}",
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )


def _sheet(findings: Mapping[str, Any], sweep: Mapping[str, Any], chosen: Mapping[str, Any], key: str) -> Figure:
    variants = _by_name(findings)
    series, left = _series(findings, sweep, chosen)
    drawn = axis_sheet.Axis(
        chosen["label"],
        tuple(chosen["values"]),
        None if chosen["positions"] is None else tuple(chosen["positions"]),
    )
    levels = _levels(findings, sweep, chosen)
    part = findings["analysis"]["part"]
    constant = (findings["constant"].get(part) or {}).get(findings["metric"]["key"])
    mine = [variants[point["variant"]] for point in sweep["points"]]
    figure = axis_sheet.sheet(
        drawn, series, key=key, score=axis(findings, f"{part} "), levels=levels, constant=constant
    )
    return Figure(
        key,
        f"Sweep {say(sweep['name'])} over {chosen['label']}. {_left(mine, series, left)}"
        + _right(findings, chosen, series)
        + (" Dashed: the linear potential on the same inputs, mean over its repeats." if levels else ""),
        figure,
        f"Learning curves and scores of {count(len(sweep['points']), 'contestant')} over {chosen['label']}.",
        source_note(findings),
    )


def _left(mine: Sequence[Mapping[str, Any]], series: Sequence[axis_sheet.Series], left: int) -> str:
    """Return the caption of the learning curves, nothing where there are none."""
    curves = [variant["curve"] for variant in mine]
    if not any(curves):
        return ""
    panels = "; one panel for each combination of the other axes" if len(series) > 1 else ""
    if left:
        panels += f" (the first {axis_sheet.PANELS}; {left} more are not drawn)"
    return (
        "Left: validation RMSE, the median over the repeats in the band from the least to the largest, one line for "
        f"each value{panels}. {ensemble_note(mine)}{curve_end(curves)}Right: "
    )


def _right(findings: Mapping[str, Any], chosen: Mapping[str, Any], series: Sequence[axis_sheet.Series]) -> str:
    part, metric = findings["analysis"]["part"], findings["metric"]
    bar = "" if findings["split"]["design"] in NO_BAR else f", in its {mean_level(findings)} interval"
    look = "marker" if chosen["positions"] is None else "line"
    each = f", one {look} for each combination of the other axes" if len(series) > 1 else ""
    return f"{metric['label']} on the {part} set; each repeat is a dot, the stroke beside them the mean{bar}{each}."


def _series(
    findings: Mapping[str, Any], sweep: Mapping[str, Any], chosen: Mapping[str, Any]
) -> tuple[list[axis_sheet.Series], int]:
    """Return one series for each combination of the other axes, and how many have curves that find no panel."""
    part, key, variants = findings["analysis"]["part"], findings["metric"]["key"], _by_name(findings)
    place = sweep["axes"].index(chosen)
    others = [entry for entry in sweep["axes"] if entry is not chosen]
    at = {tuple(point["at"]): variants[point["variant"]] for point in sweep["points"]}
    made = []
    for combination in itertools.product(*(range(len(entry["values"])) for entry in others)):
        name = ", ".join(
            f"{entry['key'].replace('_', ' ')} {entry['values'][value]}"
            for entry, value in zip(others, combination, strict=True)
            if len(entry["values"]) > 1
        )
        spots = []
        for value in range(len(chosen["values"])):
            variant = at.get((*combination[:place], value, *combination[place:]))
            spots.append(None if variant is None else _spot(variant, part, key))
        made.append(axis_sheet.Series(name, tuple(spots)))
    with_curves = sum(any(spot is not None and spot.curve for spot in one.spots) for one in made)
    return made, max(0, with_curves - axis_sheet.PANELS)


def _spot(variant: Mapping[str, Any], part: str, key: str) -> axis_sheet.Spot:
    found = summary_of(variant, part, key)
    values = tuple(result["scores"][part][key] for result in variant["results"] if result["status"] == "done")
    return axis_sheet.Spot(values, found.get("mean"), found.get("low"), found.get("high"), variant["curve"])


def _levels(
    findings: Mapping[str, Any], sweep: Mapping[str, Any], chosen: Mapping[str, Any]
) -> list[tuple[int | None, float]]:
    """Return the linear potential's level, by the value of the axis or for all values alike.

    One that is a contestant of the sweep is drawn as such and needs no level.
    """
    variants, mine = _by_name(findings), {point["variant"] for point in sweep["points"]}
    place = sweep["axes"].index(chosen)
    found = {
        (point["at"][place], rival["mean"])
        for point in sweep["points"]
        if (rival := variants[point["variant"]]["linear"]) is not None and rival["variant"] not in mine
    }
    everywhere = {level for _, level in found}
    if len(everywhere) == 1 and {at for at, _ in found} == set(range(len(chosen["values"]))):
        return [(None, everywhere.pop())]
    return sorted(found)

"""The section on sweeps: for each a table of its contestants, and a sheet for each axis that has several values."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

from bpbench.report import axis_sheet
from bpbench.report.document import Cell, Column, Figure, Section, Table, Text, ref
from bpbench.report.labels import source_note
from bpbench.report.language import language, listed, marked, numeral, tell, tell_as, tell_n
from bpbench.report.learned import curve_end, ensemble_note
from bpbench.report.numerals import count, decimals, half_width, percent, say, short, whole
from bpbench.report.results import NO_BAR, axis, summary_of
from bpbench.report.tables import align, counted, ends_of, given, number, spanned, words
from bpbench.report.vocabulary import initial_note, mean_level, metric_label, on_part, part_word, unit

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
    return [Section("sweeps", tell("The sweeps"), tuple(blocks))] if blocks else []


def _sweep(findings: Mapping[str, Any], sweep: Mapping[str, Any], key: str) -> Iterator[Block]:
    varied = [entry for entry in sweep["axes"] if len(entry["values"]) > 1]
    what = [
        tell(
            "{axis} ({values})",
            axis=_label(entry),
            values=_apart().join(_value(entry, place) for place in range(len(entry["values"]))),
        )
        for entry in sweep["axes"]
        if entry["key"] != "points"
    ]
    fields = {"sweep": say(sweep["name"]), "contestants": count(len(sweep["points"]), "contestant")}
    text = (
        tell("Sweep {sweep} combines {axes}: {contestants}.", axes=listed(what), **fields)
        if what
        else tell("Sweep {sweep} lists {contestants}.", **fields)
    )
    table = tell("{table} has what came of each.", table=ref("table", key))
    yield Text(f"{text} {table}")
    yield _table(findings, sweep, key)
    for place, entry in enumerate(varied, 1):
        yield _sheet(findings, sweep, entry, f"{key}_axis_{place}")


#: Names of axes: settings of models and of variants, and what findings call some of them.
_AXES: Final = (
    marked("activation"),
    marked("batch"),
    marked("column share"),
    marked("contestant"),
    marked("ensemble"),
    marked("epochs"),
    marked("feature set"),
    marked("hidden"),
    marked("hidden layers"),
    marked("learning rate"),
    marked("leaves"),
    marked("max depth"),
    marked("max features"),
    marked("min samples leaf"),
    marked("model"),
    marked("observations"),
    marked("optimizer"),
    marked("patience"),
    marked("rounds"),
    marked("row share"),
    marked("scaling"),
    marked("skip"),
    marked("strengths"),
    marked("train share"),
    marked("training configurations"),
    marked("trees"),
)


def _axis_word(text: str) -> str:
    """Return the name of an axis as it is told."""
    if text == "set":
        return tell_as("axis", "set")
    return tell(text) if text in _AXES else text


def _label(entry: Mapping[str, Any]) -> str:
    """Return what an axis is called."""
    return _axis_word(entry["label"])


def _apart() -> str:
    """Return what parts values: where a comma is decimal, none can part numbers."""
    return " ; " if language() == "fr" else ", "


def _value(entry: Mapping[str, Any], place: int) -> str:
    """Return a value of an axis as it is told: numbers and our own words; names are left as they are."""
    text: str = entry["values"][place]
    if entry["key"] in _SIZES and text == "all":
        return tell_as("configurations", "all")
    if text in _WORDS and entry["key"] not in _NAMED:
        return tell(text)
    return text if entry["positions"] is None else numeral(text)


_WORDS: Final = (marked("yes"), marked("no"), marked("none"))
#: Axes whose values are sizes of what is learned from, and such whose values are names.
_SIZES: Final = ("observations", "train_share")
_NAMED: Final = ("set", "model", "points")


def _by_name(findings: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {variant["name"]: variant for variant in findings["variants"]}


def _table(findings: Mapping[str, Any], sweep: Mapping[str, Any], key: str) -> Table:
    part, metric = findings["analysis"]["part"], findings["metric"]
    shown, variants = unit(metric), _by_name(findings)
    columns = (
        *(Column(f"axis_{place}", _label(entry), align="left") for place, entry in enumerate(sweep["axes"], 1)),
        Column("n", "n"),
        Column("mean", tell("mean"), shown),
        Column("sd", tell("spread (sd)"), shown),
        Column("checkpoint", tell("checkpoint, median epoch")),
        Column("parameters", tell("weights")),
        Column("configurations", tell("training configurations")),
        Column("blocks", tell("their blocks")),
        Column("share", tell("share of them")),
    )
    rows = []
    for point in sweep["points"]:
        variant = variants[point["variant"]]
        found = summary_of(variant, part, metric["key"])
        places = decimals(half_width(found.get("low"), found.get("high")) or found.get("sd"))
        rows.append(
            (
                *(
                    Cell(_value(entry, at), entry["values"][at])
                    for entry, at in zip(sweep["axes"], point["at"], strict=True)
                ),
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
        tell(
            "Sweep {sweep}: {axis}{part} over the repeats, at the checkpoint that validation chose; the training "
            "configurations that were learned from, of how many blocks they are, and their share of the split's.",
            sweep=say(sweep["name"]),
            axis=axis(findings),
            part=on_part(findings),
        )
        + initial_note([variants[point["variant"]] for point in sweep["points"]]),
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
        _label(chosen),
        tuple(_value(chosen, at) for at in range(len(chosen["values"]))),
        None if chosen["positions"] is None else tuple(chosen["positions"]),
    )
    levels = _levels(findings, sweep, chosen)
    part = findings["analysis"]["part"]
    constant = (findings["constant"].get(part) or {}).get(findings["metric"]["key"])
    mine = [variants[point["variant"]] for point in sweep["points"]]
    score = tell("{part} {score}", part=part_word(part), score=axis(findings))
    figure = axis_sheet.sheet(drawn, series, key=key, score=score, levels=levels, constant=constant)
    caption = [
        tell("Sweep {sweep} over {axis}.", sweep=say(sweep["name"]), axis=drawn.label),
        *_left(mine, series, left),
        _right(findings, chosen, series, beside=any(variant["curve"] for variant in mine)),
    ]
    if levels:
        caption.append(tell("Dashed: the linear potential on the same inputs, mean over its repeats."))
    return Figure(
        key,
        " ".join(caption),
        figure,
        tell(
            "Learning curves and scores of {contestants} over {axis}.",
            contestants=count(len(sweep["points"]), "contestant"),
            axis=drawn.label,
        ),
        source_note(findings),
        _data(findings, sweep, chosen, key),
    )


#: Repeats that are listed behind a sheet one by one; of more there are means alone.
_LISTED: Final = 500


def _data(findings: Mapping[str, Any], sweep: Mapping[str, Any], chosen: Mapping[str, Any], key: str) -> Table:
    """Return the scores that a sheet shows on its right: every repeat, or means alone where these are very many."""
    part, metric, variants = findings["analysis"]["part"], findings["metric"], _by_name(findings)
    place, shown = sweep["axes"].index(chosen), unit(metric)
    spots = [
        (point, variants[point["variant"]], _spot(variants[point["variant"]], part, metric["key"]))
        for point in sweep["points"]
    ]
    each = sum(len(spot.values) for _, _, spot in spots) <= _LISTED
    columns = (
        Column("axis", _label(chosen), align="left"),
        Column("variant", tell("variant"), align="left"),
        *((Column("number", tell("repeat, in order")), Column("score", tell("score"), shown)) if each else ()),
        Column("mean", tell("mean"), shown),
        Column("low", tell("{level} from", level=mean_level(findings)), shown),
        Column("high", tell_as("column", "to"), shown),
    )
    rows = []
    for point, variant, spot in spots:
        places = decimals(half_width(spot.low, spot.high)) or _places(variant, part, metric["key"])
        at = point["at"][place]
        head = (Cell(_value(chosen, at), chosen["values"][at]), words(short(variant["name"])))
        tail = tuple(number(value, places) for value in (spot.mean, spot.low, spot.high))
        if each:
            rows += [(*head, counted(n), number(value, places), *tail) for n, value in enumerate(spot.values, 1)]
        else:
            rows.append((*head, *tail))
    caption = (
        tell("Scores over {axis}; learning curves are not listed.", axis=_label(chosen))
        if each
        else tell("Mean scores over {axis}; single repeats and learning curves are not listed.", axis=_label(chosen))
    )
    return Table(key, caption, columns, align(rows, columns), unit=shown)


def _places(variant: Mapping[str, Any], part: str, key: str) -> int | None:
    return decimals(summary_of(variant, part, key).get("sd"))


def _left(mine: Sequence[Mapping[str, Any]], series: Sequence[axis_sheet.Series], left: int) -> list[str]:
    """Return the caption of the learning curves, nothing where there are none."""
    curves = [variant["curve"] for variant in mine]
    if not any(curves):
        return []
    first = tell(
        "Left: validation RMSE, the median over the repeats in the band from the least to the largest, one line for "
        "each value{panels}.",
        panels=_panels(len(series), left),
    )
    return [first, *(text for text in (ensemble_note(mine).strip(), curve_end(curves).strip()) if text)]


def _panels(number: int, left: int) -> str:
    """Return of what the panels of learning curves are, and how many find none."""
    told = tell("; one panel for each combination of the other axes") if number > 1 else ""
    if left:
        told += " " + tell_n(
            "(the first {panels}; {n} more is not drawn)",
            "(the first {panels}; {n} more are not drawn)",
            left,
            panels=whole(axis_sheet.PANELS),
        )
    return told


def _right(
    findings: Mapping[str, Any], chosen: Mapping[str, Any], series: Sequence[axis_sheet.Series], *, beside: bool
) -> str:
    """Return the caption of the scores, which stand to the right of learning curves where there are any."""
    bar = "" if findings["split"]["design"] in NO_BAR else tell(", in its {level} interval", level=mean_level(findings))
    each = ""
    if len(series) > 1:
        each = (
            tell(", one marker for each combination of the other axes")
            if chosen["positions"] is None
            else tell(", one line for each combination of the other axes")
        )
    fields = {"metric": metric_label(findings["metric"]), "part": on_part(findings), "bar": bar, "each": each}
    if beside:
        return tell(
            "Right: {metric}{part}; each repeat is a dot, the stroke beside them the mean{bar}{each}.", **fields
        )
    return tell("{metric}{part}; each repeat is a dot, the stroke beside them the mean{bar}{each}.", **fields)


def _series(
    findings: Mapping[str, Any], sweep: Mapping[str, Any], chosen: Mapping[str, Any]
) -> tuple[list[axis_sheet.Series], int]:
    """Return one series for each combination of the other axes, and how many have curves that find no panel."""
    part, key, variants = findings["analysis"]["part"], findings["metric"]["key"], _by_name(findings)
    place = sweep["axes"].index(chosen)
    others = [entry for entry in sweep["axes"] if entry is not chosen]
    settings = {entry["key"]: _axis_word(entry["key"].replace("_", " ")) for entry in others}
    at = {tuple(point["at"]): variants[point["variant"]] for point in sweep["points"]}
    made = []
    for combination in itertools.product(*(range(len(entry["values"])) for entry in others)):
        name = _apart().join(
            f"{settings[entry['key']]} {_value(entry, value)}"
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
    return axis_sheet.Spot(
        values,
        found.get("mean"),
        found.get("low"),
        found.get("high"),
        variant["curve"],
        variant["name"],
        decimals(found.get("sd")),
    )


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

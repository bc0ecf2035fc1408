"""What a report says where descriptors were timed and nothing was trained: how, on what, and what came out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bpbench.report import dots, draw
from bpbench.report.document import Block, Cell, Column, Figure, Section, Table, Text
from bpbench.report.kinds import scope
from bpbench.report.labels import source_note
from bpbench.report.language import listed, marked, tell, tell_as
from bpbench.report.numerals import count, decimals, half_width, say, short, significant, span, whole
from bpbench.report.retold import retold
from bpbench.report.tables import align, counted, number, words
from bpbench.report.vocabulary import mean_level, metric_label, repeat_count, unit, with_unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bpbench.report.canvas import Style


def _judged(variant: Mapping[str, Any], findings: Mapping[str, Any]) -> dict[str, Any]:
    """Return mean, spread and interval of a variant's times; empty where none was measured."""
    return ((variant["summary"] or {}).get(findings["analysis"]["part"]) or {}).get(findings["metric"]["key"]) or {}


def _times(cost: Mapping[str, Any], *, ends: bool = True) -> str:
    """Return a ratio with its interval, such as ``0.31 (0.30 to 0.32)``."""
    places = decimals(half_width(cost["ratio_low"], cost["ratio_high"]))
    text = number(cost["ratio"], places).text
    return text + (f" ({span(cost['ratio_low'], cost['ratio_high'], places)})" if ends and places is not None else "")


def costs(findings: Mapping[str, Any]) -> str:
    """Return one sentence of the baseline's time and of the others as multiples of it, or nothing."""
    base = findings["analysis"]["baseline"]
    by_name = {variant["name"]: variant for variant in findings["variants"]}
    mean = _judged(by_name[base], findings)
    others = [v for v in findings["variants"] if v["name"] != base and v["cost"]["ratio"] is not None]
    if not mean or not others:
        return ""
    places = decimals(half_width(mean["low"], mean["high"]))
    first, *rest = ({"name": say(variant["name"]), "times": _times(variant["cost"])} for variant in others)
    return tell(
        "As multiples of the time of {base} (mean {mean}), {sets}.",
        base=say(base),
        mean=with_unit(number(mean["mean"], places).text, findings["metric"]),
        sets=listed([tell("{name} takes {times}", **first), *(f"{each['name']} {each['times']}" for each in rest)]),
    )


def measured(findings: Mapping[str, Any], environment: Mapping[str, Any]) -> Section:
    """Return how time was measured, and on which kind of machine."""
    measure, split = findings["measure"], findings["split"]
    how = tell(
        "A measurement describes {frames} ({atoms}), spread evenly over the data, in one thread: once unmeasured, so "
        "that the code is loaded and the caches are filled, then {times} against the clock. The fastest pass counts, "
        "since whatever else a machine does can only add time; divided by the atoms it is the time per atom. It holds "
        "all that describing takes, the search for neighbours included, and no forces. No other job of the study runs "
        "meanwhile; of what other programs do, only what takes the processor away from a measurement is seen, and "
        "remarked on.",
        frames=count(measure["frames"], "frame"),
        atoms=count(measure["atoms"], "atom"),
        times=count(measure["passes"], "time"),
    )
    rounds = tell("There are {rounds}.", rounds=repeat_count(split["repeats"], findings["metric"]))
    return Section(
        "measured",
        tell("How time was measured"),
        (Text(how), Text(f"{rounds} {retold(split['sentence'])}"), Text(_machine(environment))),
    )


def _machine(environment: Mapping[str, Any]) -> str:
    if not environment.get("cpu"):
        return tell("On which kind of machine is not recorded here.")
    versions = environment.get("versions") or {}
    compiled = [f"{name} {versions[key]}" for key, name in _COMPILED.items() if key in versions]
    message = marked(
        "The kind of machine: {cpu}, {cores}. Stored times are used again on this kind of machine and for this code "
        "only."
    )
    if compiled:
        message = marked(
            "The kind of machine: {cpu}, {cores}; the code rests on {libraries}. Stored times are used again on this "
            "kind of machine and for this code only."
        )
    cores = count(environment["cores"], "core")
    return tell(message, cpu=environment["cpu"], cores=cores, libraries=listed(compiled))


_COMPILED = {"numba": "Numba", "numpy": "NumPy", "vesin": "vesin"}


# ------------------------------------------------------------------------------------------------------- what came out


def results(findings: Mapping[str, Any], looks: Mapping[str, Style]) -> list[Block]:
    """Return every round as a point, the table of times, and that of multiples and operations on paper."""
    metric, variants = findings["metric"], findings["variants"]
    points = [_points(variant, findings) for variant in variants]
    rows = [
        dots.row(variant, found, _judged(variant, findings), findings, lambda name: tell("round {name}", name=name))
        for variant, found in zip(variants, points, strict=True)
    ]
    axis = tell("{metric} ({unit})", metric=metric_label(metric), unit=unit(metric))
    figure = Figure(
        "repeats",
        tell(
            "Every round as a point. The bar below the points is the {level} interval of the mean, the stroke on it "
            "the mean. What slows a whole round widens these bars and not the intervals of the differences, which are "
            "taken within rounds.",
            level=mean_level(findings),
        ),
        draw.repeats(rows, looks, axis=axis, constant=None),
        tell(
            "Dot plot of the {metric} of every round for {sets}.",
            metric=metric_label(metric),
            sets=count(len(rows), "set"),
        ),
        source_note(findings),
        dots.behind(list(zip(variants, points, strict=True)), findings, label=tell("round")),
    )
    return [figure, _means(findings), _multiples(findings)]


def _points(variant: Mapping[str, Any], findings: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Return each measured round of a set with its time."""
    part, key = findings["analysis"]["part"], findings["metric"]["key"]
    return [
        (str(result["repeat"]), result["scores"][part][key])
        for result in variant["results"]
        if result["status"] == "done"
    ]


def _means(findings: Mapping[str, Any]) -> Table:
    metric = findings["metric"]
    shown = unit(metric)
    columns = (
        Column("variant", tell("variant"), align="left"),
        Column("functions", tell("functions")),
        Column("n", tell("rounds")),
        Column("mean", tell("mean"), shown),
        Column("low", tell("{level} from", level=mean_level(findings)), shown),
        Column("high", tell_as("column", "to"), shown),
        Column("sd", tell("spread (sd)"), shown),
        Column("min", tell("least"), shown),
        Column("max", tell("largest"), shown),
    )
    rows = []
    for variant in findings["variants"]:
        mean = _judged(variant, findings)
        places = decimals(half_width(mean.get("low"), mean.get("high")))
        head = (words(short(variant["name"])), counted(variant["inputs"]), counted(variant["n"]))
        rows.append((*head, *(number(mean.get(column.key), places) for column in columns[3:])))
    label = metric_label(metric)
    return Table(
        "times",
        tell("{metric} ({unit}) over the rounds.", metric=f"{label[:1].upper()}{label[1:]}", unit=shown),
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )


def _multiples(findings: Mapping[str, Any]) -> Table:
    base = say(findings["analysis"]["baseline"])
    columns = (
        Column("variant", tell("variant"), align="left"),
        Column("ratio", tell("time / {name}", name=base)),
        Column("ratio_low", tell("{level} from", level=mean_level(findings))),
        Column("ratio_high", tell_as("column", "to")),
        Column("operations_per_atom", tell("operations per atom")),
        Column("operations_ratio", tell("operations / {name}", name=base)),
    )
    rows = []
    for variant in findings["variants"]:
        cost = variant["cost"]
        places, paper = decimals(half_width(cost["ratio_low"], cost["ratio_high"])), cost["operations_per_atom"]
        rounded = None if paper is None else int(round(paper, -2 if paper >= 10_000 else 0))
        rows.append(
            (
                words(short(variant["name"])),
                *(number(cost[key], places) for key in ("ratio", "ratio_low", "ratio_high")),
                Cell(whole(rounded), paper),
                number(cost["operations_ratio"], 2),
            )
        )
    return Table(
        "multiples",
        tell(
            "Times as multiples of that of {name} (the geometric mean of the ratios within rounds, with its interval), "
            "beside what the sets cost on paper: floating-point operations, counted from the functions and the number "
            "of neighbours. Where the two ratios part, time goes elsewhere than into arithmetic, such as into the "
            "search for neighbours, which is not counted.",
            name=base,
        ),
        columns,
        align(rows, columns),
        source_note(findings),
    )


def limits(findings: Mapping[str, Any]) -> list[str]:
    """Return what was not shown, one sentence each."""
    crowd = [near for variant in findings["variants"] if (near := variant["cost"]["neighbours_per_atom"]) is not None]
    found = [
        tell(
            "Every claim holds {scope} and for this code; on another processor even the order may be another.",
            scope=scope(findings),
        )
    ]
    if crowd:
        low, high = significant(min(crowd)), significant(max(crowd))
        found.append(
            tell(
                "An atom has {number} neighbours here; the time of every set grows with them, and not at the same "
                "rate.",
                number=low if low == high else tell("{low} to {high}", low=low, high=high),
            )
        )
    return [
        *found,
        tell("One thread was measured; with more, sets may gain unequally."),
        tell("Descriptors alone are timed: neither their derivatives, which forces need, nor a model on top."),
        tell("Nothing is said about which set predicts better."),
    ]


def sets(findings: Mapping[str, Any], labels: list[str]) -> str:
    """Return what the sets are and that each is computed by itself."""
    return tell(
        "Each of {sets} of symmetry functions ({names}; {sizes} functions) is computed by itself: what its own "
        "functions share is computed once, nothing is shared between sets. G2 counts the neighbours around a distance, "
        "G4 and G5 the pairs of neighbours around an angle; each unordered pair counts once.",
        sets=count(len(labels), "set"),
        names=listed(labels),
        sizes=listed([whole(entry["size"]) for entry in findings["sets"]]),
    )

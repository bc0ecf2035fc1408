"""What a report says where descriptors were timed and nothing was trained: how, on what, and what came out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bpbench.counting import listed
from bpbench.report import draw
from bpbench.report.document import Block, Cell, Column, Figure, Section, Table, Text
from bpbench.report.numerals import count, decimals, half_width, say, short, significant, span, whole
from bpbench.report.tables import align, counted, number, words
from bpbench.report.vocabulary import mean_level, scope, source_note, unit, with_unit

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
    size = with_unit(number(mean["mean"], places).text, findings["metric"])
    parts = [
        f"{say(variant['name'])} {'takes ' if variant is others[0] else ''}{_times(variant['cost'])}"
        for variant in others
    ]
    return f"As multiples of the time of {say(base)} (mean {size}), {listed(parts)}."


def measured(findings: Mapping[str, Any], environment: Mapping[str, Any]) -> Section:
    """Return how time was measured, and on which kind of machine."""
    measure, split = findings["measure"], findings["split"]
    frames = f"{count(measure['frames'], 'frame')} ({count(measure['atoms'], 'atom')})"
    how = (
        f"A measurement describes {frames}, spread evenly over the data, in one thread: once unmeasured, so that "
        f"the code is loaded and the caches are filled, then {count(measure['passes'], 'time')} against the clock. The "
        "fastest pass counts, since whatever else a machine does can only add time; divided by the atoms it is the "
        "time per atom. It holds all that describing takes, the search for neighbours included, and no forces. No "
        "other job of the study runs meanwhile; of what other programs do, only what takes the processor away from a "
        "measurement is seen, and remarked on."
    )
    rounds = f"There are {count(split['repeats'], 'round')}. {split['sentence']}"
    return Section("measured", "How time was measured", (Text(how), Text(rounds), Text(_machine(environment))))


def _machine(environment: Mapping[str, Any]) -> str:
    if not environment.get("cpu"):
        return "On which kind of machine is not recorded here."
    versions = environment.get("versions") or {}
    with_what = listed([f"{name} {versions[key]}" for key, name in _COMPILED.items() if key in versions])
    return (
        f"The kind of machine: {environment['cpu']}, {count(environment['cores'], 'core')}"
        + (f"; the code rests on {with_what}" if with_what != "none" else "")
        + ". Stored times are used again on this kind of machine and for this code only."
    )


_COMPILED = {"numba": "Numba", "numpy": "NumPy", "vesin": "vesin"}


# ------------------------------------------------------------------------------------------------------- what came out


def results(findings: Mapping[str, Any], looks: Mapping[str, Style]) -> list[Block]:
    """Return every round as a point, the table of times, and that of multiples and operations on paper."""
    metric = findings["metric"]
    rows = []
    for variant in findings["variants"]:
        mean, part = _judged(variant, findings), findings["analysis"]["part"]
        values = tuple(
            result["scores"][part][metric["key"]] for result in variant["results"] if result["status"] == "done"
        )
        rows.append(draw.Repeats(variant["name"], values, *(mean.get(key) for key in ("mean", "low", "high"))))
    figure = Figure(
        "repeats",
        f"Every round as a point. The bar below the points is the {mean_level(findings)} interval of the mean, the "
        "stroke on it the mean. What slows a whole round widens these bars and not the intervals of the differences, "
        "which are taken within rounds.",
        draw.repeats(rows, looks, axis=f"{metric['label']} ({unit(metric)})", constant=None),
        f"Dot plot of the {metric['label']} of every round for {count(len(rows), 'set')}.",
        source_note(findings),
    )
    return [figure, _means(findings), _multiples(findings)]


def _means(findings: Mapping[str, Any]) -> Table:
    shown = unit(findings["metric"])
    keys = ("mean", "low", "high", "sd", "min", "max")
    labels = ("mean", f"{mean_level(findings)} from", "to", "spread (sd)", "least", "largest")
    columns = (
        Column("variant", "variant", align="left"),
        Column("functions", "functions"),
        Column("n", "rounds"),
        *(Column(key, label, shown) for key, label in zip(keys, labels, strict=True)),
    )
    rows = []
    for variant in findings["variants"]:
        mean = _judged(variant, findings)
        places = decimals(half_width(mean.get("low"), mean.get("high")))
        head = (words(short(variant["name"])), counted(variant["inputs"]), counted(variant["n"]))
        rows.append((*head, *(number(mean.get(key), places) for key in keys)))
    return Table(
        "times",
        f"{findings['metric']['label'].capitalize()} ({shown}) over the rounds.",
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )


def _multiples(findings: Mapping[str, Any]) -> Table:
    base, level = say(findings["analysis"]["baseline"]), mean_level(findings)
    columns = (
        Column("variant", "variant", align="left"),
        Column("ratio", f"time / {base}"),
        Column("ratio_low", f"{level} from"),
        Column("ratio_high", "to"),
        Column("operations_per_atom", "operations per atom"),
        Column("operations_ratio", f"operations / {base}"),
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
        f"Times as multiples of that of {base} (the geometric mean of the ratios within rounds, with its interval), "
        "beside what the sets cost on paper: floating-point operations, counted from the functions and the number of "
        "neighbours. Where the two ratios part, time goes elsewhere than into arithmetic, such as into the search for "
        "neighbours, which is not counted.",
        columns,
        align(rows, columns),
        source_note(findings),
    )


def limits(findings: Mapping[str, Any]) -> list[str]:
    """Return what was not shown, one sentence each."""
    crowd = [near for variant in findings["variants"] if (near := variant["cost"]["neighbours_per_atom"]) is not None]
    found = [
        f"Every claim holds {scope(findings)} and for this code; on another processor even the order may be another."
    ]
    if crowd:
        low, high = significant(min(crowd)), significant(max(crowd))
        found.append(
            f"An atom has {low if low == high else f'{low} to {high}'} neighbours here; the time of every set grows "
            "with them, and not at the same rate."
        )
    one, alone, other = (
        "One thread was measured; with more, sets may gain unequally.",
        "Descriptors alone are timed: neither their derivatives, which forces need, nor a model on top.",
        "Nothing is said about which set predicts better.",
    )
    return [*found, one, alone, other]


def sets(findings: Mapping[str, Any], labels: list[str]) -> str:
    """Return what the sets are and that each is computed by itself."""
    sizes = listed([whole(entry["size"]) for entry in findings["sets"]])
    return (
        f"Each of {count(len(labels), 'set')} of symmetry functions ({listed(labels)}; {sizes} functions) is computed "
        "by itself: what its own functions share is computed once, nothing is shared between sets. G2 counts the "
        "neighbours around a distance, G4 and G5 the pairs of neighbours around an angle; each unordered pair counts "
        "once."
    )

"""The section on where the noise comes from: a paragraph for each contestant, and the table of components."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.counting import listed
from bpbench.report.document import Block, Cell, Column, Section, Table, Text
from bpbench.report.numerals import common_decimals, count, percent, say, short, significant
from bpbench.report.tables import align, counted, number, words
from bpbench.report.vocabulary import by_role, model_kinds, source_note, unit, with_unit

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMES: Final = {"split": "split", "weights": "initial weights", "order": "batch order"}
#: What stands for initial weights in a model that is no network.
_DRAWS: Final = "random draws of the model"
#: Shares below this are not told one by one.
_LITTLE: Final = 0.005

_INTRODUCTION: Final = (
    "The score of a single training depends on the split into frames that train and frames that validate (the reserve "
    "is one for all), on the initial weights, on the order of the batches, and, perhaps, on the machine. As every "
    "split was combined with all weights and orders, the variance of a training's {metric}{part} can be divided among "
    "them; {level} intervals of the shares stand in brackets. The part of an interaction is what two of them do "
    "together and neither alone, such as weights that suit one split and not another."
)
_METHOD: Final = (
    "Components by the analysis of variance of the balanced crossed design, all effects random; an estimate below zero "
    "counts as zero, and the shares are those of the sum. Intervals ({level}) of the standard deviations are modified "
    "large-sample intervals (Ting, Burdick, Graybill, Jeyaratnam and Lu 1990), exact where one mean square is the "
    "estimate; those of the shares are generalised intervals (Weerahandi 1993). They take the effects as normal, and a "
    "source of few draws (few degrees of freedom, df) has a wide one. The part of the machine is what the machines of "
    "this study do; another kind of processor may round otherwise."
)


def sections(findings: Mapping[str, Any]) -> list[Section]:
    """Return the section on components of variance, none where repeats are not given by role, and for a quick run."""
    metric, variants = findings["metric"], findings["variants"]
    if not by_role(findings) or variants[0]["noise"] is None:
        return []
    part = f" on the {findings['analysis']['part']} set"
    level = percent(variants[0]["noise"]["level"])
    blocks: list[Block] = [Text(_INTRODUCTION.format(metric=metric["label"], part=part, level=level))]
    blocks += [Text(_told(findings, variant)) for variant in variants]
    if any(variant["noise"]["components"] for variant in variants):
        blocks += [_table(findings, level), Text(_METHOD.format(level=level), "note")]
    return [Section("noise", "Where the noise comes from", tuple(blocks))]


def _told(findings: Mapping[str, Any], variant: Mapping[str, Any]) -> str:
    """Return the paragraph on one contestant."""
    noise, metric = variant["noise"], findings["metric"]
    name = say(variant["name"])
    if noise["refused"] is not None:
        return f"{name} has no decomposition. {noise['refused']}"
    mean = f"a mean of {with_unit(significant(noise['mean']), metric)}"
    many = count(noise["n"], "training")
    if not noise["sd"]:
        return f"{name}: all {many} gave the same score, {mean}: nothing varies. {_aside(findings, variant)}".rstrip()
    # What the machine adds is said by itself where it is nothing at all.
    parts = [part for part in noise["components"] if part["sources"] or not noise["same_bits"]]
    large = sorted((part for part in parts if part["share"] >= _LITTLE), key=lambda part: -part["share"])
    told = [
        f"{_percent(part['share'])} ({round(100 * part['share_low'])} to {_percent(part['share_high'])}) "
        f"{'' if place else 'comes '}from {_source(findings, variant, part)}"
        for place, part in enumerate(large)
    ]
    rest = len(parts) - len(large)
    if rest:
        told.append(f"less than 1 % from {'the other source' if rest == 1 else f'each of the {rest} others'}")
    return (
        f"{name}: the score of a single training has a standard deviation of "
        f"{with_unit(significant(noise['sd']), metric)} around {mean} ({many}). Of its variance, {listed(told)}. "
        f"{_aside(findings, variant)}"
    ).rstrip()


def _aside(findings: Mapping[str, Any], variant: Mapping[str, Any]) -> str:
    """Return what the design or the model leaves out, and what the machine did."""
    noise, said = variant["noise"], []
    if noise["reruns"] > 1:
        said.append(
            "The machine adds nothing: every rerun gave the same score to the last bit."
            if noise["same_bits"]
            else "The same training, run again, did not give the same score to the last bit."
        )
    else:
        said.append("Nothing was run twice, so the part of the machine is not told apart.")
    if noise["not_drawn"]:
        names = [_NAMES[role] for role in noise["not_drawn"]]
        said.append(
            f"This model does not draw {' or '.join(names)}: {'its' if len(names) == 1 else 'their'} part is 0."
        )
    if noise["single"]:
        names = [_named(findings, variant, role) for role in noise["single"]]
        said.append(f"All had the same {listed(names)}, so that part is not seen.")
    return " ".join(said)


def _named(findings: Mapping[str, Any], variant: Mapping[str, Any], role: str) -> str:
    if role == "weights" and model_kinds(findings)[variant["model"]] != "hdnn":
        return _DRAWS
    return _NAMES[role]


def _source(findings: Mapping[str, Any], variant: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    """Return a source in the words of a sentence."""
    if not part["sources"]:
        return "the machine"
    names = [_named(findings, variant, role) for role in part["sources"]]
    told = f"the {names[0]}" if len(names) == 1 else f"the interaction of {listed(names)}"
    return f"{told} (with the machine)" if _last(variant, part) else told


def _last(variant: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
    """Return whether a component also holds what the machine does, as nothing was run twice."""
    noise = variant["noise"]
    return noise["reruns"] == 1 and len(part["sources"]) == len(noise["levels"])


def _percent(share: float) -> str:
    return percent(round(share, 2))


def _table(findings: Mapping[str, Any], level: str) -> Table:
    metric = findings["metric"]
    shown = unit(metric)
    columns = (
        Column("variant", "variant", align="left"),
        Column("source", "source", align="left"),
        Column("df", "df"),
        Column("sd", "standard deviation", shown),
        Column("sd_low", f"{level} from", shown),
        Column("sd_high", "to", shown),
        Column("share", "share of the variance"),
        Column("share_low", f"{level} from"),
        Column("share_high", "to"),
    )
    rows = []
    for variant in findings["variants"]:
        noise = variant["noise"]
        places = common_decimals([noise["sd"]], digits=3) if noise["components"] else None
        for part in noise["components"]:
            names = [_named(findings, variant, role) for role in part["sources"]] or ["machine"]
            source = " × ".join(names) + (" (with the machine)" if _last(variant, part) else "")
            rows.append(
                (
                    words(short(variant["name"])),
                    words(source),
                    counted(part["df"]),
                    *(number(part[key], places) for key in ("sd", "sd_low", "sd_high")),
                    *(_share(part[key]) for key in ("share", "share_low", "share_high")),
                )
            )
    return Table(
        "noise",
        f"Where the variance of a single training's {metric['label']}{f' ({shown})' if shown else ''} on the "
        f"{findings['analysis']['part']} set comes from: the standard deviation that each source alone would give, and "
        "its share of the variance.",
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )


def _share(share: float | None) -> Cell:
    return number(None, None) if share is None else Cell(_percent(share), share)

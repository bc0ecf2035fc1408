"""The section on where the noise comes from: a paragraph for each contestant, a figure and the table of components."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report import noise_draw
from bpbench.report.canvas import styles
from bpbench.report.document import Block, Cell, Column, Figure, Section, Table, Text, cite, ref
from bpbench.report.kinds import by_role
from bpbench.report.labels import source_note
from bpbench.report.language import listed, marked, tell, tell_as, tell_n
from bpbench.report.numerals import common_decimals, count, fixed, percent, say, short, significant
from bpbench.report.retold import retold
from bpbench.report.tables import align, counted, number, words
from bpbench.report.tallies import model_kinds
from bpbench.report.vocabulary import metric_label, on_part, unit, with_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: What a training draws; the last is that of models that are no networks.
_NAMES: Final = {
    "split": marked("split"),
    "weights": marked("initial weights"),
    "order": marked("batch order"),
    "draws": marked("random draws of the model"),
}
#: Shares below this are not told one by one.
_LITTLE: Final = 0.005
#: All sources that there may be, in the order of a bar; those of models that are no networks share a look.
_SOURCES: Final = (
    ("split",),
    ("weights",),
    ("order",),
    ("split", "weights"),
    ("split", "order"),
    ("weights", "order"),
    ("split", "weights", "order"),
    (),
)


def sections(findings: Mapping[str, Any]) -> list[Section]:
    """Return the section on components of variance, none where repeats are not given by role, and for a quick run."""
    variants = findings["variants"]
    if not by_role(findings) or variants[0]["noise"] is None:
        return []
    level = percent(variants[0]["noise"]["level"])
    blocks: list[Block] = [Text(_introduction(findings, level))]
    blocks += [Text(_told(findings, variant)) for variant in variants]
    if any(variant["noise"]["components"] for variant in variants):
        blocks += [*_figure(findings), _table(findings, level), Text(_method(level), "note")]
    return [Section("noise", tell("Where the noise comes from"), tuple(blocks))]


def _introduction(findings: Mapping[str, Any], level: str) -> str:
    return tell(
        "The score of a single training depends on the split into frames that train and frames that validate (the "
        "reserve is one for all), on the initial weights, on the order of the batches, and, perhaps, on the machine"
        "{cited}. As every split was combined with all weights and orders, the variance of a training's {metric}{part} "
        "can be divided among them; {level} intervals of the shares stand in brackets. The part of an interaction is "
        "what two of them do together and neither alone, such as weights that suit one split and not another.",
        cited=cite("bouthillier2021"),
        metric=metric_label(findings["metric"]),
        part=on_part(findings),
        level=level,
    )


def _method(level: str) -> str:
    return tell(
        "Components by the analysis of variance of the balanced crossed design, all effects random{cited}; an estimate "
        "below zero counts as zero, and the shares are those of the sum. Intervals ({level}) of the standard "
        "deviations are modified large-sample intervals (Ting, Burdick, Graybill, Jeyaratnam and Lu 1990), exact where "
        "one mean square is the estimate; those of the shares are generalised intervals (Weerahandi 1993). They take "
        "the effects as normal, and a source of few draws (few degrees of freedom, df) has a wide one. The part of the "
        "machine is what the machines of this study do; another kind of processor may round otherwise.",
        cited=cite("searle1992"),
        level=level,
    )


def _told(findings: Mapping[str, Any], variant: Mapping[str, Any]) -> str:
    """Return the paragraph on one contestant."""
    noise, metric = variant["noise"], findings["metric"]
    name = say(variant["name"])
    if noise["refused"] is not None:
        return tell("{variant} has no decomposition. {why}", variant=name, why=retold(noise["refused"]))
    mean = with_unit(significant(noise["mean"]), metric)
    if not noise["sd"]:
        first = tell(
            "{variant}: all {trainings} gave the same score, a mean of {mean}: nothing varies.",
            variant=name,
            trainings=count(noise["n"], "training"),
            mean=mean,
        )
        return " ".join([first, *_aside(findings, variant)])
    first = tell(
        "{variant}: the score of a single training has a standard deviation of {sd} around a mean of {mean} "
        "({trainings}). Of its variance, {parts}.",
        variant=name,
        sd=with_unit(significant(noise["sd"]), metric),
        mean=mean,
        trainings=count(noise["n"], "training"),
        parts=listed(_parts(findings, variant)),
    )
    return " ".join([first, *_aside(findings, variant)])


def _parts(findings: Mapping[str, Any], variant: Mapping[str, Any]) -> list[str]:
    """Return the parts of the variance in words, the largest first, the little ones together."""
    noise = variant["noise"]
    # What the machine adds is said by itself where it is nothing at all.
    parts = [part for part in noise["components"] if part["sources"] or not noise["same_bits"]]
    large = sorted((part for part in parts if part["share"] >= _LITTLE), key=lambda part: -part["share"])
    told = []
    for place, part in enumerate(large):
        fields = {
            "share": _percent(part["share"]),
            "low": fixed(100 * part["share_low"], 0),
            "high": _percent(part["share_high"]),
            "source": _source(findings, variant, part),
        }
        told.append(
            tell("{share} ({low} to {high}) from {source}", **fields)
            if place
            else tell("{share} ({low} to {high}) comes from {source}", **fields)
        )
    rest = len(parts) - len(large)
    if rest:
        told.append(tell_n("less than 1 % from the other source", "less than 1 % from each of the {n} others", rest))
    return told


def _aside(findings: Mapping[str, Any], variant: Mapping[str, Any]) -> list[str]:
    """Return what the design or the model leaves out, and what the machine did."""
    noise, said = variant["noise"], []
    if noise["reruns"] > 1:
        said.append(
            tell("The machine adds nothing: every rerun gave the same score to the last bit.")
            if noise["same_bits"]
            else tell("The same training, run again, did not give the same score to the last bit.")
        )
    else:
        said.append(tell("Nothing was run twice, so the part of the machine is not told apart."))
    match [tell(_NAMES[role]) for role in noise["not_drawn"]]:
        case [role]:
            said.append(tell("This model does not draw {role}: its part is 0.", role=role))
        case [one, other]:
            said.append(tell("This model does not draw {one} or {other}: their part is 0.", one=one, other=other))
    if noise["single"]:
        names = [tell(_NAMES[_role(findings, variant, role)]) for role in noise["single"]]
        said.append(tell("All had the same {sources}, so that part is not seen.", sources=listed(names)))
    return said


def _role(findings: Mapping[str, Any], variant: Mapping[str, Any], role: str) -> str:
    """Return the key of a role's name."""
    return "draws" if role == "weights" and model_kinds(findings)[variant["model"]] != "hdnn" else role


def _source(findings: Mapping[str, Any], variant: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    """Return a source in the words of a sentence, to stand behind ``from``."""
    roles = [_role(findings, variant, role) for role in part["sources"]]
    if not roles:
        return tell_as("from", "the machine")
    if len(roles) == 1:
        told = _FROM[roles[0]]()
    else:
        names = listed([tell(_NAMES[role]) for role in roles])
        told = tell_as("from", "the interaction of {sources}", sources=names)
    return tell("{source} (with the machine)", source=told) if _last(variant, part) else told


_FROM: Final[dict[str, Callable[[], str]]] = {
    "split": lambda: tell_as("from", "the split"),
    "weights": lambda: tell_as("from", "the initial weights"),
    "order": lambda: tell_as("from", "the batch order"),
    "draws": lambda: tell_as("from", "the random draws of the model"),
}


def _head(findings: Mapping[str, Any], variant: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    """Return a source as a table names it."""
    roles = [_role(findings, variant, role) for role in part["sources"]]
    told = " × ".join(tell(_NAMES[role]) for role in roles) or tell("machine")
    return tell("{source} (with the machine)", source=told) if _last(variant, part) else told


def _last(variant: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
    """Return whether a component also holds what the machine does, as nothing was run twice."""
    noise = variant["noise"]
    return noise["reruns"] == 1 and len(part["sources"]) == len(noise["levels"])


def _percent(share: float) -> str:
    return percent(round(share, 2))


# ------------------------------------------------------------------------------------------------ figure and table


def _figure(findings: Mapping[str, Any]) -> list[Figure]:
    """Return the bars of all contestants whose score varies, nothing where none does."""
    found = [variant for variant in findings["variants"] if variant["noise"]["components"] and variant["noise"]["sd"]]
    if not found:
        return []
    rows = [noise_draw.Row(variant["name"], tuple(_pieces(findings, variant))) for variant in found]
    networks = any(model_kinds(findings)[variant["model"]] == "hdnn" for variant in found)
    others = any(model_kinds(findings)[variant["model"]] != "hdnn" for variant in found)
    still = [say(variant["name"]) for variant in findings["variants"] if variant not in found]
    caption = [
        tell(
            "Shares of the variance of a single training's {metric}{part}, by source. {table} gives their intervals.",
            metric=metric_label(findings["metric"]),
            part=on_part(findings),
            table=ref("table", "noise"),
        )
    ]
    if (
        networks
        and others
        and any("weights" in part["sources"] for row in found for part in row["noise"]["components"])
    ):
        caption.append(tell("Of a model that is no network, the initial weights stand for its random draws."))
    if any(_last(variant, part) for variant in found for part in variant["noise"]["components"]):
        caption.append(tell("Where nothing was run twice, the last part holds what the machine does as well."))
    if still:
        caption.append(tell("Without a bar, as there is nothing to divide: {variants}.", variants=listed(still)))
    looks = styles([variant["name"] for variant in findings["variants"]])
    return [
        Figure(
            "noise",
            " ".join(caption),
            noise_draw.bars(rows, looks, _legend(networks=networks)),
            tell(
                "Bars of the shares of variance of {variants}, cut by source.",
                variants=count(len(rows), "variant"),
            ),
            source_note(findings),
            _data(findings, found),
        )
    ]


def _legend(*, networks: bool) -> list[str]:
    """Return the names of all sources; without any network its weights are the draws of a model."""
    names = _NAMES if networks else {**_NAMES, "weights": _NAMES["draws"]}
    return [" × ".join(tell(names[role]) for role in roles) or tell("machine") for roles in _SOURCES]


def _pieces(findings: Mapping[str, Any], variant: Mapping[str, Any]) -> list[noise_draw.Part]:
    """Return the parts of a contestant's bar, those of no width left out."""
    parts = sorted(variant["noise"]["components"], key=lambda part: _SOURCES.index(tuple(part["sources"])))
    return [
        noise_draw.Part(
            _SOURCES.index(tuple(part["sources"])),
            part["share"],
            tell(
                "{variant}, {source}: {share} ({low} to {high})",
                variant=variant["name"],
                source=_head(findings, variant, part),
                share=_percent(part["share"]),
                low=_percent(part["share_low"]),
                high=_percent(part["share_high"]),
            ),
        )
        for part in parts
        if part["share"] > 0
    ]


def _data(findings: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("variant", tell("variant"), align="left"),
        Column("source", tell("source"), align="left"),
        Column("share", tell("share of the variance")),
    )
    rows = [
        (words(short(variant["name"])), _named(findings, variant, part), _share(part["share"]))
        for variant in found
        for part in variant["noise"]["components"]
    ]
    return Table("noise", tell("Shares of the variance by source."), columns, align(rows, columns))


def _named(findings: Mapping[str, Any], variant: Mapping[str, Any], part: Mapping[str, Any]) -> Cell:
    """Return the cell of a source, whose value is the same in every language."""
    roles = [_NAMES[_role(findings, variant, role)] for role in part["sources"]]
    value = (" × ".join(roles) or "machine") + (" (with the machine)" if _last(variant, part) else "")
    return Cell(_head(findings, variant, part), value)


def _table(findings: Mapping[str, Any], level: str) -> Table:
    metric = findings["metric"]
    shown = unit(metric)
    columns = (
        Column("variant", tell("variant"), align="left"),
        Column("source", tell("source"), align="left"),
        Column("df", tell("df")),
        Column("sd", tell("standard deviation"), shown),
        Column("sd_low", tell("{level} from", level=level), shown),
        Column("sd_high", tell_as("column", "to"), shown),
        Column("share", tell("share of the variance")),
        Column("share_low", tell("{level} from", level=level)),
        Column("share_high", tell_as("column", "to")),
    )
    rows = []
    for variant in findings["variants"]:
        noise = variant["noise"]
        places = common_decimals([noise["sd"]], digits=3) if noise["components"] else None
        rows += [
            (
                words(short(variant["name"])),
                _named(findings, variant, part),
                counted(part["df"]),
                *(number(part[key], places) for key in ("sd", "sd_low", "sd_high")),
                *(_share(part[key]) for key in ("share", "share_low", "share_high")),
            )
            for part in noise["components"]
        ]
    return Table(
        "noise",
        tell(
            "Where the variance of a single training's {metric}{part} comes from: the standard deviation that each "
            "source alone would give, and its share of the variance.",
            metric=f"{metric_label(metric)} ({shown})" if shown else metric_label(metric),
            part=on_part(findings),
        ),
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )


def _share(share: float | None) -> Cell:
    return number(None, None) if share is None else Cell(_percent(share), share)

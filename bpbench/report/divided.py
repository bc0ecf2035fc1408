"""How the data were divided, where contestants may be split in different ways, and what fresh trajectories say."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any, Final

from bpbench.report import tables
from bpbench.report.document import Block, Cell, Column, Section, Table, Text, cite
from bpbench.report.kinds import mixed, timed
from bpbench.report.labels import source_note
from bpbench.report.language import listed, marked, tell
from bpbench.report.numerals import count, decimals, percent, say, short, significant, whole
from bpbench.report.tables import align, counted, number, words
from bpbench.report.vocabulary import metric_label, unit, unpaired

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Rows of the split table from which it is left to its CSV file.
_MANY: Final = 20
#: Contestants that are named one by one.
_NAMED: Final = 6

#: What goes to one part as a whole, and what that means, where all contestants are split alike.
_WAYS: Final = {
    "block": marked(
        "Whole blocks go to the reserve ({reserve} of the frames, the test set), to validation ({validation}) or to "
        "training, because neighbouring frames of one trajectory are near copies{cited}."
    ),
    "frame": marked(
        "Single frames go to the reserve ({reserve} of the frames, the test set), to validation ({validation}) or to "
        "training, so that frames of the test set may have near copies, their neighbours in time, among those trained "
        "on{cited}."
    ),
    "state": marked(
        "Whole states go to the reserve ({reserve} of the frames, the test set), to validation ({validation}) or to "
        "training, so that a model is tested on states of which it has seen no frame: that is extrapolation."
    ),
}
#: The same as one of several ways.
_EACH: Final = {
    "block": marked("whole blocks for {names}, because neighbouring frames of one trajectory are near copies{cited}"),
    "frame": marked(
        "single frames for {names}, so that frames of the test set may have near copies, their neighbours in time, "
        "among those trained on{cited}"
    ),
    "state": marked(
        "whole states for {names}, so that a model is tested on states of which it has seen no frame: that is "
        "extrapolation"
    ),
}
#: Works on data whose neighbours resemble each other.
_DEPENDENT: Final = ("racine2000", "roberts2017")
#: Ways of splitting as they stand in a table.
_UNITS: Final = {"block": marked("block"), "frame": marked("frame"), "state": marked("state")}


def section(findings: Mapping[str, Any], first: str) -> Section:
    """Return the section on the split.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    first : str
        The sentence on the design.
    """
    blocks: list[Block] = [Text(f"{first} {_parts(findings)}")]
    if findings["split"].get("fresh"):
        blocks.append(Text(_kept(findings["split"]["fresh"])))
    table = tables.split(findings)
    if len(table.rows) > _MANY:
        blocks.append(Text(tell("The sizes of all splits stand in the tables."), "note"))
    else:
        blocks.append(table)
    return Section("split", tell("The split"), tuple(blocks))


def _parts(findings: Mapping[str, Any]) -> str:
    """Return what goes to which part as a whole, and why."""
    split = findings["split"]
    ways = split.get("ways") or ["block"]
    shares = {"reserve": percent(split["reserve"]), "validation": percent(split["validation"])}
    cited = cite(*_DEPENDENT)
    if len(ways) == 1:
        return tell(_WAYS[ways[0]], cited=cited, **shares)
    return tell(
        "What goes as a whole to the reserve ({reserve} of the frames, the test set), to validation ({validation}) or "
        "to training differs: {each}. Contestants of one way share their splits; those of different ways have "
        "different test sets, and what is compared is what these say of a model.",
        each=reduce(
            lambda first, second: tell("{first}; {second}", first=first, second=second),
            (
                tell(_EACH[way], names=_whose(findings, way), cited="" if number else cited)
                for number, way in enumerate(ways)
            ),
        ),
        **shares,
    )


def _kept(fresh: Mapping[str, Any]) -> str:
    return tell(
        "The {frames} of {groups} are kept fresh: they are in no part of any split and no share counts them, and every "
        "model is scored on them besides.",
        frames=count(fresh["frames"], "frame"),
        groups=listed([say(name) for name in fresh["groups"]]),
    )


def _whose(findings: Mapping[str, Any], way: str) -> str:
    names = [say(variant["name"]) for variant in findings["variants"] if variant["split_by"] == way]
    if len(names) <= _NAMED:
        return listed(names)
    return tell(
        "{contestants}, among them {names}",
        contestants=count(len(names), "contestant"),
        names=listed(names[: _NAMED // 2]),
    )


#: What the variants of one repeat share, by whether they are split in different ways and compared in pairs.
_SHARED: Final = {
    (False, False): marked("All variants of one repeat share the split and the seeds."),
    (False, True): marked(
        "All variants of one repeat share the split and the seeds, so that they are compared in pairs."
    ),
    (True, False): marked(
        "All variants of one repeat share the seeds, and those that are split in one way share the split."
    ),
    (True, True): marked(
        "All variants of one repeat share the seeds, and those that are split in one way share the split; they are "
        "compared in pairs, also across ways, where a pair has little in common."
    ),
}


def paired(findings: Mapping[str, Any]) -> str:
    """Return what the variants of one repeat have in common."""
    text = tell(_SHARED[mixed(findings), not unpaired(findings["analysis"])])
    if not set(findings["split"].get("ways") or ()) - {"block"}:
        return text
    counted_instead = tell("Where single frames or whole states are split, these are counted in place of blocks.")
    return f"{text} {counted_instead}"


def limits(findings: Mapping[str, Any]) -> list[str]:
    """Return what the ways of splitting leave unsaid, one sentence each."""
    ways = findings["split"].get("ways") or ["block"]
    found = []
    if mixed(findings):
        found.append(
            tell(
                "Variants that are split in different ways are scored on different frames: a difference between them "
                "is one between two estimates, and no model is better for it."
            )
        )
    if "frame" in ways:
        found.append(tell("Where single frames are split, scores are not those of frames that are new to the model."))
    if "state" in ways:
        found.append(
            tell(
                "Where whole states are split, few different splits of the {states} exist, so that repeats have much "
                "in common.",
                states=count(len(findings["data"]["groups"]), "state"),
            )
        )
    return found


# ---------------------------------------------------------------------------------------------------- fresh frames


def _promises(findings: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    return [(variant, variant["fresh"]) for variant in findings["variants"] if variant.get("fresh")]


def answers(findings: Mapping[str, Any]) -> list[str]:
    """Return the sentence on what fresh trajectories say of the test sets, none where there are none."""
    found = [] if timed(findings) else _promises(findings)
    if not found:
        return []
    message = marked("On fresh trajectories the {metric} is {ratios}.")
    if len(found) > _NAMED:
        message = marked(
            "On fresh trajectories the {metric} is {ratios}; the table of fresh trajectories has the others."
        )
    ratios = [
        tell(
            "{ratio} times that of the test set for {name}",
            ratio=significant(fresh["ratio"], 3),
            name=say(variant["name"]),
        )
        for variant, fresh in found[:_NAMED]
    ]
    return [tell(message, metric=metric_label(findings["metric"]), ratios=listed(ratios))]


def fresh(findings: Mapping[str, Any]) -> Sequence[Section]:
    """Return the section on fresh trajectories, none where there are none."""
    found = _promises(findings)
    if not found:
        return ()
    texts = [
        tell(
            "The {frames} fresh frames are from trajectories of their own, which no part of any split has met. A ratio "
            "above 1 says that the test set promised a smaller error than the model then has: it flattered the model. "
            "A ratio below 1 says that it was too strict.",
            frames=whole(findings["split"]["fresh"]["frames"]),
        )
    ]
    if any(variant["split_by"] == "state" for variant, _ in found):
        texts.append(
            tell(
                "Where whole states are split, the test set holds states that the model never met and the fresh frames "
                "hold those it was trained on as well, so that a ratio below 1 is to be expected."
            )
        )
    return (Section("fresh", tell("Fresh trajectories"), (Text(" ".join(texts)), _ratios(findings))),)


def _ratios(findings: Mapping[str, Any]) -> Table:
    shown = unit(findings["metric"])
    columns = (
        Column("variant", tell("variant"), align="left"),
        Column("split_by", tell("split by"), align="left"),
        Column("n", "n"),
        Column("test", tell("test mean"), shown),
        Column("fresh", tell("fresh mean"), shown),
        Column("ratio", tell("fresh/test")),
        Column("low", tell("least")),
        Column("high", tell("largest")),
    )
    rows = [
        (
            words(short(variant["name"])),
            Cell(tell(_UNITS[variant["split_by"]]), variant["split_by"]),
            counted(told["n"]),
            *(number(told[key], decimals(told[f"{key}_sd"])) for key in ("test", "fresh")),
            *(number(told[key], 2) for key in ("ratio", "low", "high")),
        )
        for variant, told in _promises(findings)
    ]
    return Table(
        "fresh",
        tell(
            "{metric} on the test set and on fresh trajectories: means over the repeats, the geometric mean of their "
            "ratio within each repeat, and its least and largest value.",
            metric=metric_label(findings["metric"]),
        ),
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )

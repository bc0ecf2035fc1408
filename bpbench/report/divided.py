"""How the data were divided, where contestants may be split in different ways, and what fresh trajectories say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.counting import listed
from bpbench.report import tables
from bpbench.report.document import Block, Column, Section, Table, Text
from bpbench.report.numerals import count, decimals, percent, say, short, significant, whole
from bpbench.report.tables import align, counted, number, words
from bpbench.report.vocabulary import mixed, source_note, timed, unit, unpaired

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Rows of the split table from which it is left to its CSV file.
_MANY: Final = 20
#: Contestants that are named one by one.
_NAMED: Final = 6

#: What goes to one part as a whole, and what that means.
_WAYS: Final = {
    "block": ("Whole blocks", "because neighbouring frames of one trajectory are near copies"),
    "frame": (
        "Single frames",
        "so that frames of the test set may have near copies, their neighbours in time, among those trained on",
    ),
    "state": (
        "Whole states",
        "so that a model is tested on states of which it has seen no frame: that is extrapolation",
    ),
}


def section(findings: Mapping[str, Any], first: str) -> Section:
    """Return the section on the split.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    first : str
        The sentence on the design.
    """
    split = findings["split"]
    ways, table = split.get("ways") or ["block"], tables.split(findings)
    shares = f"{percent(split['reserve'])} of the frames, the test set"
    if len(ways) == 1:
        what, why = _WAYS[ways[0]]
        text = (
            f"{first} {what} go to the reserve ({shares}), to validation ({percent(split['validation'])}) or to "
            f"training, {why}."
        )
    else:
        each = "; ".join(f"{_WAYS[way][0].lower()} for {_whose(findings, way)}, {_WAYS[way][1]}" for way in ways)
        text = (
            f"{first} What goes as a whole to the reserve ({shares}), to validation ({percent(split['validation'])}) "
            f"or to training differs: {each}. Contestants of one way share their splits; those of different ways have "
            "different test sets, and what is compared is what these say of a model."
        )
    blocks: list[Block] = [Text(text)]
    if split.get("fresh"):
        blocks.append(Text(_kept(split["fresh"])))
    if len(table.rows) > _MANY:
        return Section("split", "The split", (*blocks, Text("The sizes of all splits stand in the tables.", "note")))
    return Section("split", "The split", (*blocks, table))


def _kept(fresh: Mapping[str, Any]) -> str:
    return (
        f"The {count(fresh['frames'], 'frame')} of {listed([say(name) for name in fresh['groups']])} are kept fresh: "
        "they are in no part of any split and no share counts them, and every model is scored on them besides."
    )


def _whose(findings: Mapping[str, Any], way: str) -> str:
    names = [say(variant["name"]) for variant in findings["variants"] if variant["split_by"] == way]
    if len(names) <= _NAMED:
        return listed(names)
    return f"{len(names)} contestants, among them {listed(names[: _NAMED // 2])}"


def paired(findings: Mapping[str, Any]) -> str:
    """Return what the variants of one repeat have in common."""
    independent = unpaired(findings["analysis"])
    text = "All variants of one repeat share the split and the seeds"
    so = ", so that they are compared in pairs"
    if mixed(findings):
        text = "All variants of one repeat share the seeds, and those that are split in one way share the split"
        so = "; they are compared in pairs, also across ways, where a pair has little in common"
    text += "." if independent else f"{so}."
    if set(findings["split"].get("ways") or ()) - {"block"}:
        text += " Where single frames or whole states are split, these are counted in place of blocks."
    return text


def limits(findings: Mapping[str, Any]) -> list[str]:
    """Return what the ways of splitting leave unsaid, one sentence each."""
    ways = findings["split"].get("ways") or ["block"]
    found = []
    if mixed(findings):
        found.append(
            "Variants that are split in different ways are scored on different frames: a difference between them is "
            "one between two estimates, and no model is better for it."
        )
    if "frame" in ways:
        found.append("Where single frames are split, scores are not those of frames that are new to the model.")
    if "state" in ways:
        states = count(len(findings["data"]["groups"]), "state")
        found.append(
            f"Where whole states are split, few different splits of the {states} exist, so that repeats have much in "
            "common."
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
    label = findings["metric"]["label"]
    said = [
        f"{significant(fresh['ratio'], 3)} times that of the test set for {say(variant['name'])}"
        for variant, fresh in found[:_NAMED]
    ]
    more = "; the table of fresh trajectories has the others" if len(found) > _NAMED else ""
    return [f"On fresh trajectories the {label} is {listed(said)}{more}."]


def fresh(findings: Mapping[str, Any]) -> Sequence[Section]:
    """Return the section on fresh trajectories, none where there are none."""
    found = _promises(findings)
    if not found:
        return ()
    metric, shown = findings["metric"], unit(findings["metric"])
    columns = (
        Column("variant", "variant", align="left"),
        Column("split_by", "split by", align="left"),
        Column("n", "n"),
        Column("test", "test mean", shown),
        Column("fresh", "fresh mean", shown),
        Column("ratio", "fresh/test"),
        Column("low", "least"),
        Column("high", "largest"),
    )
    rows = [
        (
            words(short(variant["name"])),
            words(variant["split_by"]),
            counted(told["n"]),
            *(number(told[key], decimals(told[f"{key}_sd"])) for key in ("test", "fresh")),
            *(number(told[key], 2) for key in ("ratio", "low", "high")),
        )
        for variant, told in found
    ]
    text = (
        f"The {whole(findings['split']['fresh']['frames'])} fresh frames are from trajectories of their own, which no "
        "part of any split has met. A ratio above 1 says that the test set promised a smaller error than the model "
        "then has: it flattered the model. A ratio below 1 says that it was too strict."
    )
    if any(variant["split_by"] == "state" for variant, _ in found):
        text += (
            " Where whole states are split, the test set holds states that the model never met and the fresh frames "
            "hold those it was trained on as well, so that a ratio below 1 is to be expected."
        )
    table = Table(
        "fresh",
        f"{metric['label']} on the test set and on fresh trajectories: means over the repeats, the geometric mean of "
        "their ratio within each repeat, and its least and largest value.",
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )
    return (Section("fresh", "Fresh trajectories", (Text(text), table)),)

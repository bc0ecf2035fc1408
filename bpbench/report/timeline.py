"""The split drawn on a time line: which stretches of each state's frames go to training, validation and test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report.canvas import FAINT, INK, label, sheet, told
from bpbench.report.document import Cell, Column, Figure, Table
from bpbench.report.language import marked, tell, tell_n
from bpbench.report.numerals import count, say, whole
from bpbench.report.tables import counted, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Name, colour and hatching of each part, light to dark so that grey print tells them apart, in the order of a legend.
_PARTS: Final = {
    "train": (marked("training"), "#9ecae1", ""),
    "validation": (marked("validation"), "#e69f00", "////"),
    "test": (marked("test"), "#08519c", ""),
    "fresh": (marked("kept fresh"), "#009e73", "...."),
    "unused": (marked("in no part"), "none", ""),
}
#: Groups that fit on a page.
_MOST: Final = 30
#: Inches per group, and around all of them.
_ROW: Final = 0.24
_AROUND: Final = 0.75


def figures(findings: Mapping[str, Any]) -> list[Figure]:
    """Return a drawing of the first split of each way of dividing the data, none where that is not known.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    """
    known = findings["split"].get("timeline") or []
    ways = list(dict.fromkeys(entry["split_by"] for entry in known))
    return [
        _figure([entry for entry in known if entry["split_by"] == way], way, findings, alone=len(ways) == 1)
        for way in ways
    ]


def _figure(entries: Sequence[Mapping[str, Any]], way: str, findings: Mapping[str, Any], *, alone: bool) -> Figure:
    shown, key = entries[:_MOST], "timeline" if alone else f"timeline_{way}"
    splits = findings["split"]["splits"]
    caption = [
        _WAYS[way](),
        tell("Each bar is one state, its frames in the order of the file; lines mark where a block ends.")
        if way == "block"
        else tell("Each bar is one state, its frames in the order of the file."),
    ]
    if splits > 1:
        caption.append(
            tell("Shown is the first of {splits}; the others are drawn in the same way.", splits=whole(splits))
        )
    if left := len(entries) - len(shown):
        caption.append(tell_n("{n} further state is not drawn.", "{n} further states are not drawn.", left))
    alt = tell(
        "Bars of {states}, divided into stretches of training, validation and test.",
        states=count(len(shown), "state"),
    )
    return Figure(key, " ".join(caption), _drawn(shown, key), alt, data=_table(entries, key))


def _whole_blocks() -> str:
    return tell("Where training, validation and test lie in time: whole blocks of consecutive frames.")


def _single_frames() -> str:
    return tell("Where training, validation and test lie in time: single frames, each between near copies of itself.")


def _whole_states() -> str:
    return tell("Which states are for training, for validation and for the test: each as a whole.")


_WAYS: Final = {"block": _whole_blocks, "frame": _single_frames, "state": _whole_states}


def _table(entries: Sequence[Mapping[str, Any]], key: str) -> Table:
    """Return the stretches as numbers."""
    columns = (
        Column("group", tell("state"), align="left"),
        Column("first_frame", tell("first frame")),
        Column("frames", tell("frames")),
        Column("part", tell("part"), align="left"),
    )
    rows = []
    for entry in entries:
        first = 1
        for part, frames in entry["runs"]:
            name = Cell(tell(_PARTS[part][0]), part)
            rows.append((words(entry["group"]), counted(first), counted(frames), name))
            first += frames
    return Table(key, tell("The stretches of frames and the parts that they are in."), columns, tuple(rows))


def _drawn(entries: Sequence[Mapping[str, Any]], key: str) -> str:
    """Return the bars."""
    from matplotlib.patches import Patch

    seen = [part for part in _PARTS if any(part == run[0] for entry in entries for run in entry["runs"])]
    with sheet(key, _AROUND + _ROW * len(entries)) as (figure, ((axes,),), drawn):
        for place, entry in enumerate(entries):
            first = 0
            for part, frames in entry["runs"]:
                name, colour, hatch = _PARTS[part]
                bar = axes.barh(
                    place,
                    frames,
                    left=first,
                    height=0.68,
                    color=colour,
                    hatch=hatch,
                    edgecolor=INK if part != "unused" else FAINT,
                    linewidth=0.3,
                )
                last = first + frames
                told(
                    bar.patches[0],
                    [
                        tell(
                            "{state}, frames {first} to {last}: {part}",
                            state=say(entry["group"]),
                            first=whole(first + 1),
                            last=whole(last),
                            part=tell(name),
                        )
                    ],
                )
                first = last
        axes.set_yticks(range(len(entries)), [label(entry["group"]) for entry in entries])
        axes.set_ylim(len(entries) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlim(0, max(sum(frames for _, frames in entry["runs"]) for entry in entries))
        axes.set_xlabel(tell("frame, in the order of the file"))
        handles = [
            Patch(
                facecolor=_PARTS[part][1],
                hatch=_PARTS[part][2],
                edgecolor=INK,
                linewidth=0.3,
                label=tell(_PARTS[part][0]),
            )
            for part in seen
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), handlelength=1.6)
    return drawn[0]

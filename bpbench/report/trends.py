"""The page of a history: how every measure went from run to run, and where it changed. Plain JSON in, HTML out."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from bpbench.counting import listed
from bpbench.report.document import Cell, Column, Document, Facts, Figure, Items, Section, Table, Text
from bpbench.report.html import render_html
from bpbench.report.kept import digest, headed, moment, ranges
from bpbench.report.numerals import count, decimals, exact, fixed, p_text, percent, say, short, signed, whole
from bpbench.report.tables import align, counted, words
from bpbench.report.tracked import change_text, few
from bpbench.report.trends_draw import Line, Mark, Panel, overview, trends
from bpbench.report.words import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Json = dict[str, Any]

#: Measures that are compared within one kind of host only.
_OF_HOST: Final = ("time", "memory")
#: Words of ``changed`` that have a line of their own in the overview; all others are versions.
_OWN: Final = ("sources", "data", "protocol", "host")
#: Change points that are told in the answer.
_NAMED: Final = 5


def page(told: Mapping[str, Any]) -> str:
    """Return the history of a study as one HTML page that needs neither scripts nor other files.

    Parameters
    ----------
    told : dict
        ``study``; ``made_with``, a version of bpbench; ``runs`` by number, with what ``changed`` in each;
        ``baselines``; ``series``, one per variant and measure, with points, kinds of host and change points; ``rules``
        of these.

    Raises
    ------
    ReportError
        For a mistake in a template.
    """
    return render_html(document(told), scripted=False)


def document(told: Mapping[str, Any]) -> Document:
    """Return the page as data.

    Parameters
    ----------
    told : dict
        As :func:`page` takes it.
    """
    study, runs = told["study"], told["runs"]
    sections = [Section("answer", "What changed", tuple(_answer(told)))]
    if runs:
        sections += [
            Section("changes", "Change points", tuple(_changes(told))),
            Section("trends", "From run to run", tuple(_trends(told))),
            Section("runs", "The runs", tuple(_runs(told))),
        ]
    sections.append(Section("method", "How changes are found", tuple(_method(told))))
    when = [moment(run["made"])[:10] for run in runs]
    facts = [("Study", short(study)), ("Runs", whole(len(runs)))]
    if when:
        facts.append(("Made", when[0] if when[0] == when[-1] else f"{when[0]} to {when[-1]}"))
    facts += [(f"Baseline {short(base['name'])}", f"runs {ranges(base['runs'])}") for base in told["baselines"]]
    facts.append(("bpbench", told["made_with"]))
    return Document(
        title=f"Trends of {short(study)}",
        subtitle="How scores, time and memory went from run to run",
        running=f"bpbench · trends of {short(study)}",
        facts=tuple(facts),
        sections=tuple(sections),
    )


# -------------------------------------------------------------------------------------------------------- the answer


def _answer(told: Mapping[str, Any]) -> list[Text]:
    runs, found = told["runs"], _found(told)
    looked = sum(series["looked"] for series in told["series"])
    if not runs:
        return [Text(f"No run of {say(told['study'])} is recorded, so there is nothing to show.", "lead")]
    where = f"{count(looked, 'series', 'series')} of {count(len(runs), 'run')}"
    if not looked:
        return [Text(f"Nothing in {count(len(runs), 'run')} was looked at for changes; why stands at the end.", "lead")]
    if not found:
        return [Text(f"No change was found in {where}.", "lead")]
    worse = sum(change["worse"] for _, change in found)
    sides = [
        f"{whole(number)} for the {side}"
        for number, side in ((worse, "worse"), (len(found) - worse, "better"))
        if number
    ]
    blocks = [Text(f"{count(len(found), 'change')} found in {where}: {listed(sides)}.", "lead")]
    places = _places(told)
    latest = sorted(found, key=lambda pair: -places[pair[1]["run"]])
    blocks += [Text(_told(series, change, told), "lead") for series, change in latest[:_NAMED]]
    if len(latest) > _NAMED:
        blocks.append(Text(f"The {_NAMED} latest are told here, the table below has all.", "note"))
    return blocks


def _found(told: Mapping[str, Any]) -> list[tuple[Json, Json]]:
    """Return all change points with their series, by run in time and then as the series stand."""
    places = _places(told)
    found = [(series, change) for series in told["series"] for change in series["changes"]]
    return sorted(found, key=lambda pair: places[pair[1]["run"]])


def _told(series: Json, change: Json, told: Mapping[str, Any]) -> str:
    """Return one change point in words."""
    before, after = _pair(change)
    why = _what(told, change["run"])
    return (
        f"From run {change['run']} on the {series['label']} of {say(series['variant'])} is "
        f"{'worse' if change['worse'] else 'better'}: {after} after {before} {_unit(series)}".rstrip()
        + f" ({size(change)}, p {_p(change)}). "
        + (f"New in that run: {why}." if why else "Nothing that is recorded is new in that run.")
    )


def _p(change: Json) -> str:
    text = p_text(change["p"])
    return text if text.startswith("<") else f"= {text}"


def _unit(series: Json) -> str:
    return headed("", series).strip(" ()")


def size(change: Json) -> str:
    """Return the size of a change point: as a share, or as a difference where what it began from has none."""
    if change["share"] is None:
        return signed(change["after"] - change["before"], None)
    return change_text(change["share"])


def _pair(change: Json) -> tuple[str, str]:
    """Return means before and after with digits enough to see that they differ."""
    before, after = change["before"], change["after"]
    places = decimals(abs(after - before))
    return fixed(before, places), fixed(after, places)


def _what(told: Mapping[str, Any], number: int) -> str:
    changed = next(run["changed"] for run in told["runs"] if run["number"] == number)
    return listed(changed) if changed else ""


# --------------------------------------------------------------------------------------------------- tables and figures


def _changes(told: Mapping[str, Any]) -> list[Text | Table | Items]:
    found = _found(told)
    if not found:
        looked = any(series["looked"] for series in told["series"])
        return [Text("There are none." if looked else "Nothing was looked at for changes.")]
    columns = (
        Column("run", "first run after"),
        Column("variant", "variant", align="left"),
        Column("measure", "measure", align="left"),
        Column("before", "before"),
        Column("after", "after"),
        Column("change", "change"),
        Column("p", "p"),
        Column("direction", "direction", align="left"),
        Column("new", "new in that run", align="left"),
    )
    rows = []
    for series, change in found:
        before, after = _pair(change)
        direction = "worse" if change["worse"] else "better"
        rows.append(
            (
                counted(change["run"]),
                words(short(series["variant"])),
                words(headed(series["label"], series)),
                Cell(before, change["before"]),
                Cell(after, change["after"]),
                Cell(size(change), change["share"]),
                Cell(p_text(change["p"]), change["p"]),
                words(direction, mark=direction),
                words(_what(told, change["run"])),
            )
        )
    return [
        Table(
            "changes",
            f"Change points of {short(told['study'])}, by run. Before and after: means of the runs between one change "
            "point and the next. What is new in a run need not be why.",
            columns,
            tuple(rows),
            size="wide",
        )
    ]


def _trends(told: Mapping[str, Any]) -> list[Text | Figure]:
    """Return one figure per variant, with a panel for each of its measures that has values."""
    places = _places(told)
    marked = sorted({number for base in told["baselines"] for number in base["runs"]} & places.keys())
    blocks: list[Text | Figure] = []
    variants = dict.fromkeys(series["variant"] for series in told["series"])
    for place, name in enumerate(variants, 1):
        own = [series for series in told["series"] if series["variant"] == name]
        panels = [_panel(series, places) for series in own if any(point["values"] for point in series["points"])]
        empty = [series["label"] for series in own if not any(point["values"] for point in series["points"])]
        if panels:
            key = f"trend-{place}"
            blocks.append(
                Figure(
                    key,
                    _legend(name, panels, marked),
                    trends(key, panels, _names(told), [places[number] for number in marked]),
                    _alt(name, own, told),
                )
            )
        if empty:
            blocks.append(Text(f"{say(name)} has no value of {listed(empty)} in any run.", "note"))
    return blocks


def _places(told: Mapping[str, Any]) -> dict[int, int]:
    """Return the place of each run in time; numbers need not follow it, as histories can be brought together."""
    return {run["number"]: place for place, run in enumerate(told["runs"])}


def _names(told: Mapping[str, Any]) -> list[str]:
    return [f"{run['number']}\n{moment(run['made'])[:10]}" for run in told["runs"]]


def _panel(series: Json, places: Mapping[int, int]) -> Panel:
    held = [point for point in series["points"] if point["values"]]
    points = tuple((places[point["run"]], tuple(point["values"])) for point in held)
    present = [place for place, _ in points]
    marks = []
    for change in series["changes"]:
        after = places[change["run"]]
        marks.append(Mark(max(place for place in present if place < after), after, change["worse"], size(change)))
    title = f"{short(series['variant'], 24)}: {headed(series['label'], series)}"
    return Panel(title, points, _breaks(series, held, present), tuple(marks))


def _breaks(series: Json, held: Sequence[Json], present: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return between which runs the kind of host changes, for measures that depend on it."""
    if series["kind"] not in _OF_HOST:
        return ()
    # numbers are names in JSON
    hosts = [series["hosts"][str(point["run"])] for point in held]
    steps = zip(pairwise(present), pairwise(hosts), strict=True)
    return tuple(step for step, (before, after) in steps if before != after)


def _legend(name: str, panels: Sequence[Panel], marked: Sequence[int]) -> str:
    parts = [f"{say(name)} from run to run. Rings: repeats; dots and line: geometric mean of a run"]
    if marked:
        parts.append(f"; grey: runs of a baseline ({ranges(marked)})")
    marks = [mark for panel in panels for mark in panel.marks]
    if any(mark.worse for mark in marks):
        parts.append("; solid upright: a change for the worse")
    if any(not mark.worse for mark in marks):
        parts.append("; dashed upright: a change for the better")
    if any(panel.breaks for panel in panels):
        parts.append("; dotted upright: another kind of host, over which time and memory are not compared")
    return "".join(parts) + "."


def _alt(name: str, own: Sequence[Json], told: Mapping[str, Any]) -> str:
    """Return what the figure of a variant shows, for those who cannot see it."""
    changes = [
        f"{series['label']} {'worse' if change['worse'] else 'better'} from run {change['run']} on ({size(change)})"
        for series in own
        for change in series["changes"]
    ]
    labels = listed([series["label"] for series in own])
    return (
        f"Plot of {labels} of {say(name)} over {count(len(told['runs']), 'run')}: "
        f"{'; '.join(changes) if changes else 'no change points'}."
    )


def _runs(told: Mapping[str, Any]) -> list[Figure | Table]:
    """Return what every run was made of: a figure over all, and a table."""
    runs, places = told["runs"], _places(told)
    lines = [
        Line(
            f"baseline {short(base['name'], 15)}", tuple(places[number] for number in base["runs"] if number in places)
        )
        for base in told["baselines"]
    ]
    lines += [
        Line(f"host {host}", tuple(places[run["number"]] for run in runs if run["host"] == host))
        for host in dict.fromkeys(run["host"] for run in runs)
    ]
    lines += [
        Line(f"new {word}", changed, change=True)
        for word in (*_OWN, "versions")
        if (changed := tuple(places[run["number"]] for run in runs if word in map(_kind, run["changed"])))
    ]
    new = listed([line.name.removeprefix("new ") for line in lines if line.change])
    columns = (
        Column("run", "run"),
        Column("draw", "draw"),
        Column("made", "made (UTC)", align="left"),
        Column("sources", "sources", align="left"),
        Column("host", "kind of host", align="left"),
        Column("new", "new since the run before", align="left"),
    )
    rows = [
        (
            counted(run["number"]),
            counted(run["draw"]),
            words(moment(run["made"])),
            words(digest(run["sources"])),
            words(short(run["host"])),
            words("; ".join(run["changed"])),
        )
        for run in runs
    ]
    return [
        Figure(
            "runs",
            "Bars: the runs of each baseline and of each kind of host"
            + (f"; diamonds: runs in which something is new since the run before ({new})." if new != "none" else "."),
            overview(lines, _names(told)),
            f"Overview of {count(len(runs), 'run')}: baselines, kinds of host, what is new; the table has it all.",
        ),
        Table("runs", "The runs and what is new in each.", columns, align(rows, columns), size="wide"),
    ]


def _kind(word: str) -> str:
    """Return which line of the overview something new belongs to."""
    own = word.partition(":")[0]
    return own if own in _OWN else "versions"


# --------------------------------------------------------------------------------------------------------- the method


def _method(told: Mapping[str, Any]) -> list[Text | Items | Facts]:
    rules = told["rules"]
    looked = rules["looked"]
    blocks: list[Text | Items | Facts] = [
        Text(
            "Change points are those of E-divisive (Matteson and James 2014): a series of the runs' geometric means is "
            "divided where the values before and after differ most by their energy distance, and each part again, as "
            f"long as a permutation test of that maximum finds p ≤ {exact(rules['each'], 3)}; p = (b + 1)/(B + 1), "
            f"where b of B = {whole(rules['permutations'])} random orders of the runs within their parts give as large "
            f"a maximum. Every part has at least {count(rules['shortest'], 'run')}. Where a measure "
            "has a margin, a change below it is not reported. At this level a step in the middle of a history can be "
            f"found from {count(rules['middle'], 'run')} on, and one in its last {whole(rules['shortest'])} from "
            f"{whole(rules['end'])} on."
        ),
        Text(
            f"{count(looked, 'series was', 'series were')} looked at, each at this level, so that a page on which "
            f"nothing changed shows any change point with a probability of at most {percent(rules['alpha'])}. This is "
            "for one look: who looks again after every run looks often. Whether the newest run became worse is the "
            "question of a gate."
        ),
    ]
    if any(series["kind"] in _OF_HOST for series in told["series"]):
        blocks.append(
            Text(
                "Time and memory are looked at over the runs on the newest run's kind of host only; the line of means "
                "is broken where the kind of host changes."
            )
        )
    reasons: dict[str, list[str]] = {}
    for series in told["series"]:
        if series["why_not"] is not None:
            reasons.setdefault(series["why_not"], []).append(f"{series['label']} of {say(series['variant'])}")
    if reasons:
        blocks += [
            Text("Not looked at, or not wholly:"),
            Items(tuple(f"{few(whom)}: {sentence(why)}" for why, whom in reasons.items())),
        ]
    return blocks

"""What strategies agree about, and what accuracy costs: stability, survival of functions, error against operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.counting import listed
from bpbench.report import search_maps
from bpbench.report.chosen import compact, searches
from bpbench.report.document import Block, Cell, Column, Figure, Section, Table, Text
from bpbench.report.numerals import common_decimals, count, percent, say, short, whole
from bpbench.report.results import axis
from bpbench.report.tables import align, counted, number, words
from bpbench.report.vocabulary import on_part, quick, source_note, unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Functions of a pool up to which each has its own row.
_NAMED: Final = 60
#: Rows of the table of functions that every strategy keeps, or none does.
_TOLD: Final = 12


def survival(findings: Mapping[str, Any]) -> list[Section]:
    """Return the section on what survives, none where no strategy chose anything."""
    told = [strategy for strategy in searches(findings) if strategy["kept"] is not None]
    if not told:
        return []
    blocks: list[Block] = [*_stability(findings, told), *_fields(findings, told)]
    return [Section("survival", "Which functions survive", tuple(blocks))]


def _stability(findings: Mapping[str, Any], told: Sequence[Mapping[str, Any]]) -> list[Block]:
    """Return how far repeated searches agree, nothing where each was made once."""
    found = [strategy for strategy in told if strategy["stability"] is not None]
    if not found:
        return [Text("Each strategy searched once, so that nothing can be said of how steady its choice is.", "note")]
    measures = {"jaccard": "Jaccard", "kuncheva": "Kuncheva", "lustgarten": "Lustgarten", "nogueira": "Nogueira"}
    level = percent(found[0]["stability"]["level"])
    columns = (
        Column("strategy", "strategy", align="left"),
        Column("searches", "searches"),
        Column("sizes", "sizes chosen", align="left"),
        *(Column(key, name) for key, name in measures.items()),
        Column("low", f"{level} from"),
        Column("high", "to"),
    )
    rows = [
        (
            words(short(strategy["name"])),
            counted(strategy["stability"]["choices"]),
            words(", ".join(map(str, strategy["stability"]["sizes"]))),
            *(number(strategy["stability"][key], 2) for key in (*measures, "low", "high")),
        )
        for strategy in found
    ]
    caption = (
        "How far the choices agree when a search is made again on other divisions of the frames beside the reserve. "
        "Jaccard: what two choices have in common of what they hold together, which is large for large sets even by "
        "chance. Kuncheva (equal sizes alone), Lustgarten and Nogueira: 0 for choices at random. For one and the "
        "same choice Kuncheva and Nogueira are 1, and Lustgarten is less: the share of the pool that is left out or "
        "that is kept, whichever is more. The interval is Nogueira's; it is one for many searches, and of few it is "
        "too narrow."
    )
    return [Table("stability", caption, columns, align(rows, columns), source_note(findings), "wide")]


def _fields(findings: Mapping[str, Any], told: Sequence[Mapping[str, Any]]) -> list[Block]:
    """Return the drawing of which functions survive in which strategy, by pools that are alike."""
    names = list(dict.fromkeys(name for strategy in told for name in strategy["pool"]))
    places = [{name: number for number, name in enumerate(strategy["pool"])} for strategy in told]
    shares = {
        name: [
            strategy["kept"][place[name]] if name in place else None
            for strategy, place in zip(told, places, strict=True)
        ]
        for name in names
    }
    strip = len(names) > _NAMED
    order = names if strip else sorted(names, key=lambda name: -_often(shares[name]))
    again = any(strategy["outer"] > 1 for strategy in told)
    what = "the share of its searches in which a strategy keeps a function" if again else "what each strategy keeps"
    how = (
        "functions from left to right in the order of their pools"
        if strip
        else "one row for each function, those that are kept most often on top"
    )
    figure = Figure(
        "survival",
        f"Which functions survive: {what}; {how}. Darker is more often; white: the function was not there to be "
        "chosen. The table survival.csv holds all.",
        search_maps.survival(
            [compact(name, names) for name in order],
            [strategy["name"] for strategy in told],
            [shares[name] for name in order],
            key="survival",
            strip=strip,
        ),
        f"Fields of {count(len(names), 'function')} by {count(len(told), 'strategy', 'strategies')}.",
        source_note(findings),
    )
    return [figure, *_everywhere(names, shares, told)]


def _often(shares: Sequence[float | None]) -> float:
    """Return how often a function is kept where it could be, for their order."""
    found = [share for share in shares if share is not None]
    return sum(found) / len(found)


def _everywhere(
    names: Sequence[str], shares: Mapping[str, Sequence[float | None]], told: Sequence[Mapping[str, Any]]
) -> list[Block]:
    """Return which functions all strategies keep in all their searches, and which none ever keeps."""
    if len(told) < 2:
        return []
    found = []
    for share, all_of in ((1.0, "Kept by every strategy in every search"), (0.0, "Kept by none in any search")):
        same = [compact(name, names) for name in names if {s for s in shares[name] if s is not None} == {share}]
        if same and len(same) <= _TOLD:
            found.append(f"{all_of} that had it to choose from: {listed(same)}.")
        elif same:
            found.append(f"{all_of} that had it to choose from: {', '.join(same[:_TOLD])} and others.")
    return [Text(" ".join(found))] if found else []


# -------------------------------------------------------------------------------------------------------- costs


_FRONT: Final = (
    "Blue: on the front, where no other set is both cheaper and better; the line is that front. Means without their "
    "spread: the verdicts are those of the comparisons."
)
_NO_FRONT: Final = "Means without their spread; a quick run does not say which of them no other set surpasses."


def front(findings: Mapping[str, Any], environment: Mapping[str, Any]) -> list[Section]:
    """Return the section on error against cost, none where fewer than two contestants have both.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    environment : dict
        With measured times of descriptors, where there are any.
    """
    entries = [entry for entry in findings.get("costs") or [] if entry["mean"] is not None]
    if len({(entry["set"], entry["model"]) for entry in entries}) < 2:
        return []
    metric, shown = findings["metric"], unit(findings["metric"])
    points, told = _points(entries), not quick(findings)
    corners = sorted({(entry["operations_per_atom"], entry["mean"]) for entry in entries if entry["on_front"]})
    figure = Figure(
        "front",
        f"{metric['label']}{on_part(findings)}, mean over the repeats, against the operations that the descriptors of "
        f"an atom take on paper. {_FRONT if told else _NO_FRONT}",
        search_maps.scatter(
            points,
            key="front",
            across="operations per atom",
            up=axis(findings),
            front=corners,
            legend={"marked": "on the front", "other": "behind it"} if told else None,
        ),
        f"Plot of error against operations per atom of {count(len(entries), 'variant')}.",
        source_note(findings),
    )
    return [Section("front", "Error against cost", (figure, _costs(findings, environment, entries, shown)))]


def _points(entries: Sequence[Mapping[str, Any]]) -> list[search_maps.Point]:
    """Return the points to draw; contestants that are the same lie on each other and share one."""
    found: dict[tuple[float, float], list[Mapping[str, Any]]] = {}
    for entry in entries:
        found.setdefault((entry["operations_per_atom"], entry["mean"]), []).append(entry)
    return [
        search_maps.Point(", ".join(entry["variant"] for entry in same), *at, marked=same[0]["on_front"])
        for at, same in found.items()
    ]


def _costs(
    findings: Mapping[str, Any], environment: Mapping[str, Any], entries: Sequence[Mapping[str, Any]], shown: str
) -> Table:
    times = environment.get("descriptor_time") or {}
    measured = any(entry["set"] in times for entry in entries)
    compared, told = any(entry["of_baseline"] is not None for entry in entries), not quick(findings)
    base = findings["analysis"]["baseline"]
    columns = (
        Column("variant", "variant", align="left"),
        Column("set", "set", align="left"),
        Column("functions", "functions"),
        Column("operations", "operations per atom"),
        *((Column("of_baseline", f"relative to {say(base)}"),) if compared else ()),
        *((Column("time", "descriptors, measured", "µs per atom"),) if measured else ()),
        Column("mean", "mean", shown),
        *((Column("front", "", align="left"),) if told else ()),
    )
    places = min(6, common_decimals([entry["mean"] for entry in entries], digits=3) or 3)
    rows = [
        (
            words(short(entry["variant"])),
            words(short(entry["set"])),
            counted(entry["functions"]),
            Cell(whole(round(entry["operations_per_atom"])), entry["operations_per_atom"]),
            *((number(entry["of_baseline"], 3),) if compared else ()),
            *((number((times.get(entry["set"]) or {}).get("us_per_atom"), 1),) if measured else ()),
            number(entry["mean"], places),
            *((words("front" if entry["on_front"] else "", mark="better" if entry["on_front"] else ""),) * told),
        )
        for entry in sorted(entries, key=lambda entry: entry["operations_per_atom"])
    ]
    note = (
        " The measured times are of one machine (environment.json); they decide nothing, and the count of operations "
        "is the same everywhere."
        if measured
        else ""
    )
    return Table(
        "costs",
        f"What the inputs cost, from the cheapest on: operations per atom, a count of the arithmetic of the "
        f"descriptors on paper{f', relative to those of {say(base)}' if compared else ''}, and "
        f"{findings['metric']['label']}"
        f"{on_part(findings)}.{note}",
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
    )

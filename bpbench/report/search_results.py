"""What strategies agree about, and what accuracy costs: stability, survival of functions, error against operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report import search_data, search_maps
from bpbench.report.canvas import styles
from bpbench.report.chosen import compact, searches
from bpbench.report.document import Block, Cell, Column, Figure, Section, Table, Text, cite
from bpbench.report.kinds import quick
from bpbench.report.labels import source_note
from bpbench.report.language import listed, marked, tell, tell_as
from bpbench.report.numerals import common_decimals, count, percent, say, short, whole
from bpbench.report.results import axis
from bpbench.report.search_data import pointed
from bpbench.report.tables import align, counted, number, words
from bpbench.report.vocabulary import metric_label, on_part, unit

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
    return [Section("survival", tell("Which functions survive"), tuple(blocks))]


def _stability(findings: Mapping[str, Any], told: Sequence[Mapping[str, Any]]) -> list[Block]:
    """Return how far repeated searches agree, nothing where each was made once."""
    found = [strategy for strategy in told if strategy["stability"] is not None]
    if not found:
        once = tell("Each strategy searched once, so that nothing can be said of how steady its choice is.")
        return [Text(once, "note")]
    measures = {"jaccard": "Jaccard", "kuncheva": "Kuncheva", "lustgarten": "Lustgarten", "nogueira": "Nogueira"}
    level = percent(found[0]["stability"]["level"])
    columns = (
        Column("strategy", tell("strategy"), align="left"),
        Column("searches", tell("searches")),
        Column("sizes", tell("sizes chosen"), align="left"),
        *(Column(key, name) for key, name in measures.items()),
        Column("low", tell("{level} from", level=level)),
        Column("high", tell_as("column", "to")),
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
    caption = tell(
        "How far the choices agree when a search is made again{again} on other divisions of the frames beside the "
        "reserve. Jaccard: what two choices have in common of what they hold together, which is large for large sets "
        "even by chance. Kuncheva{kuncheva} (equal sizes alone), Lustgarten and Nogueira{nogueira}: 0 for choices at "
        "random. For one and the same choice Kuncheva and Nogueira are 1, and Lustgarten is less: the share of the "
        "pool that is left out or that is kept, whichever is more. The interval is Nogueira's; it is one for many "
        "searches, and of few it is too narrow.",
        again=cite("meinshausen2010"),
        kuncheva=cite("kuncheva2007"),
        nogueira=cite("nogueira2018"),
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
    labels, fields = [compact(name, names) for name in order], [shares[name] for name in order]
    searched, caption = [strategy["name"] for strategy in told], tell(_SHARES[again, strip])
    figure = Figure(
        "survival",
        caption,
        search_maps.survival(
            labels, searched, fields, key="survival", strip=strip, said=_said_of_fields(labels, searched, fields)
        ),
        tell(
            "Fields of {functions} by {strategies}.",
            functions=count(len(names), "function"),
            strategies=count(len(told), "strategy", "strategies"),
        ),
        source_note(findings),
        data=search_data.of_shares(
            "survival",
            tell("Share of its searches in which each strategy keeps each function."),
            list(zip(labels, order, strict=True)),
            searched,
            fields,
        ),
    )
    return [figure, *_everywhere(names, shares, told)]


#: Captions by whether a search was made again, and whether functions lie from left to right.
_SHARES: Final = {
    (True, True): marked(
        "Which functions survive: the share of its searches in which a strategy keeps a function; functions from left "
        "to right in the order of their pools. Darker is more often; white: the function was not there to be chosen. "
        "The table survival.csv holds all."
    ),
    (True, False): marked(
        "Which functions survive: the share of its searches in which a strategy keeps a function; one row for each "
        "function, those that are kept most often on top. Darker is more often; white: the function was not there to "
        "be chosen. The table survival.csv holds all."
    ),
    (False, True): marked(
        "Which functions survive: what each strategy keeps; functions from left to right in the order of their pools. "
        "Darker is more often; white: the function was not there to be chosen. The table survival.csv holds all."
    ),
    (False, False): marked(
        "Which functions survive: what each strategy keeps; one row for each function, those that are kept most often "
        "on top. Darker is more often; white: the function was not there to be chosen. The table survival.csv holds "
        "all."
    ),
}


def _said_of_fields(
    rows: Sequence[str], columns: Sequence[str], shares: Sequence[Sequence[float | None]]
) -> list[list[str]]:
    """Return what each field says: function, strategy and how often it is kept."""
    return [
        [
            tell("{function}, {strategy}: not there to be chosen", function=row, strategy=column)
            if share is None
            else tell(
                "{function}, {strategy}: kept in {share} of the searches",
                function=row,
                strategy=column,
                share=percent(round(share, 3)),
            )
            for column, share in zip(columns, found, strict=True)
        ]
        for row, found in zip(rows, shares, strict=True)
    ]


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
    for share, all_of, some_of in (
        (
            1.0,
            marked("Kept by every strategy in every search that had it to choose from: {functions}."),
            marked("Kept by every strategy in every search that had it to choose from: {functions} and others."),
        ),
        (
            0.0,
            marked("Kept by none in any search that had it to choose from: {functions}."),
            marked("Kept by none in any search that had it to choose from: {functions} and others."),
        ),
    ):
        same = [compact(name, names) for name in names if {s for s in shares[name] if s is not None} == {share}]
        if same and len(same) <= _TOLD:
            found.append(tell(all_of, functions=listed(same)))
        elif same:
            found.append(tell(some_of, functions=", ".join(same[:_TOLD])))
    return [Text(" ".join(found))] if found else []


# -------------------------------------------------------------------------------------------------------- costs


_FRONT: Final = marked(
    "Error against cost: {metric}{on_part}, mean over the repeats, against the operations that the descriptors of an "
    "atom take on paper. "
    "Filled: on the front, where no other set is both cheaper and better; the line is that front. Means without their "
    "spread: the verdicts are those of the comparisons."
)
_NO_FRONT: Final = marked(
    "Error against cost: {metric}{on_part}, mean over the repeats, against the operations that the descriptors of an "
    "atom take on paper. "
    "Means without their spread; a quick run does not say which of them no other set surpasses."
)


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
    told, places = not quick(findings), _digits(entries)
    points = _points(findings, entries, places)
    corners = sorted({(entry["operations_per_atom"], entry["mean"]) for entry in entries if entry["on_front"]})
    across = tell("operations per atom")
    figure = Figure(
        "front",
        tell(_FRONT if told else _NO_FRONT, metric=metric_label(metric), on_part=on_part(findings)),
        search_maps.scatter(
            points,
            key="front",
            across=across,
            up=axis(findings),
            front=corners,
            legend={"marked": tell("on the front"), "other": tell("behind it")} if told else None,
        ),
        tell("Plot of error against operations per atom of {variants}.", variants=count(len(entries), "variant")),
        source_note(findings),
        data=search_data.of_points(
            "front",
            tell("Error and operations of every variant."),
            sorted(points, key=lambda point: point.across),
            across=Column("operations", across),
            name=tell("variant"),
            mark=("front", tell_as("cost", "front")) if told else None,
            places=places,
            shown=shown,
        ),
    )
    costs = _costs(findings, environment, entries, shown)
    return [Section("front", tell("Error against cost"), (figure, costs))]


def _digits(entries: Sequence[Mapping[str, Any]]) -> int:
    return min(6, common_decimals([entry["mean"] for entry in entries], digits=3) or 3)


def _points(findings: Mapping[str, Any], entries: Sequence[Mapping[str, Any]], places: int) -> list[search_maps.Point]:
    """Return the points to draw; contestants that are the same lie on each other and share one."""
    looks = styles([variant["name"] for variant in findings["variants"]])
    found: dict[tuple[float, float], list[Mapping[str, Any]]] = {}
    for entry in entries:
        found.setdefault((entry["operations_per_atom"], entry["mean"]), []).append(entry)
    points = []
    for (across, up), same in found.items():
        name, on_front = ", ".join(entry["variant"] for entry in same), same[0]["on_front"]
        points.append(
            search_maps.Point(
                name,
                across,
                up,
                marked=on_front,
                open=not on_front and not quick(findings),
                look=looks.get(same[0]["variant"]),
                said=pointed(name, up, places, unit(findings["metric"])),
            )
        )
    return points


def _costs(
    findings: Mapping[str, Any], environment: Mapping[str, Any], entries: Sequence[Mapping[str, Any]], shown: str
) -> Table:
    times = environment.get("descriptor_time") or {}
    measured = any(entry["set"] in times for entry in entries)
    compared, told = any(entry["of_baseline"] is not None for entry in entries), not quick(findings)
    base = findings["analysis"]["baseline"]
    columns = (
        Column("variant", tell("variant"), align="left"),
        Column("set", tell_as("column", "set"), align="left"),
        Column("functions", tell("functions")),
        Column("operations", tell("operations per atom")),
        *((Column("of_baseline", tell("relative to {name}", name=say(base))),) if compared else ()),
        *((Column("time", tell("descriptors, measured"), tell("µs per atom")),) if measured else ()),
        Column("mean", tell("mean"), shown),
        *((Column("front", "", align="left"),) if told else ()),
    )
    places = _digits(entries)
    rows = [
        (
            words(short(entry["variant"])),
            words(short(entry["set"])),
            counted(entry["functions"]),
            Cell(whole(round(entry["operations_per_atom"])), entry["operations_per_atom"]),
            *((number(entry["of_baseline"], 3),) if compared else ()),
            *((number((times.get(entry["set"]) or {}).get("us_per_atom"), 1),) if measured else ()),
            number(entry["mean"], places),
            *((_on_front(entry),) if told else ()),
        )
        for entry in sorted(entries, key=lambda entry: entry["operations_per_atom"])
    ]
    fields = {"base": say(base), "metric": metric_label(findings["metric"]), "on_part": on_part(findings)}
    if not compared:
        fields.pop("base")
    caption = tell(_RELATIVE if compared else _COUNTED, **fields)
    if measured:
        caption += " " + tell(
            "The measured times are of one machine (environment.json); they decide nothing, and the count of "
            "operations is the same everywhere."
        )
    return Table("costs", caption, columns, align(rows, columns), source_note(findings), "wide")


_RELATIVE: Final = marked(
    "What the inputs cost, from the cheapest on: operations per atom, a count of the arithmetic of the descriptors on "
    "paper, relative to those of {base}, and {metric}{on_part}."
)
_COUNTED: Final = marked(
    "What the inputs cost, from the cheapest on: operations per atom, a count of the arithmetic of the descriptors on "
    "paper, and {metric}{on_part}."
)


def _on_front(entry: Mapping[str, Any]) -> Cell:
    """Return a cell that says whether a set is on the front."""
    return Cell(tell_as("cost", "front"), "front", "better") if entry["on_front"] else words("")

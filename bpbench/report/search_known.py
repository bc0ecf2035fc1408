"""Strategies whose candidates are known from the start: random subsets, ranges and groups, and the smallest set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report import draw, search_data, search_draw, search_maps, search_rows
from bpbench.report.canvas import COLOURS, Style
from bpbench.report.chosen import direction
from bpbench.report.document import Block, Cell, Column, Figure, Table, cite, ref
from bpbench.report.kinds import quick
from bpbench.report.labels import source_note
from bpbench.report.language import marked, tell, tell_as
from bpbench.report.numerals import common_decimals, count, half_width, middle, percent, say, whole
from bpbench.report.results import axis
from bpbench.report.search_data import pointed
from bpbench.report.search_draw import Draw
from bpbench.report.search_maps import Point
from bpbench.report.tables import align, counted, number
from bpbench.report.tallies import lower_is_better
from bpbench.report.vocabulary import CORRECTIONS, metric_label, unit, verdict_word

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Letters of a candidate's label in a figure.
_LABEL: Final = 46


def subsets(findings: Mapping[str, Any], strategy: Mapping[str, Any], key: str) -> list[Block]:
    """Return scores of random subsets against their size, and the tests between sizes; nothing without a score.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    strategy : dict
        One of ``findings["exploration"]["strategies"]``.
    key : str
        Prefix of the names of its figures and tables.
    """
    draws = _draws(findings, strategy)
    if not draws:
        return []
    sizes, name = strategy["sizes"], say(strategy["name"])
    figure = Figure(
        f"{key}_sizes",
        _drawn(findings, strategy, f"{key}_scores"),
        search_draw.by_size([] if sizes is None else sizes["sizes"], draws, key=f"{key}_sizes", score=axis(findings)),
        tell("Scores of {subsets} by their size.", subsets=count(len(draws), "random subset")),
        source_note(findings),
        data=search_data.of_draws(
            f"{key}_sizes",
            tell("Strategy {name}: every draw.", name=name),
            draws,
            places=common_decimals([draw.value for draw in draws], digits=3),
            shown=unit(findings["metric"]),
        ),
    )
    if sizes is None:
        return [figure]
    return [figure, _sizes(findings, strategy, f"{key}_scores"), *_pairs(findings, strategy, f"{key}_tests")]


def _draws(findings: Mapping[str, Any], strategy: Mapping[str, Any]) -> list[Draw]:
    """Return the draws that have a score."""
    step, sizes, shown = strategy["steps"][0], strategy["sizes"], unit(findings["metric"])
    scores = [one["mean"] for one in step["tried"]] if sizes is None else sizes["scores"]
    places = common_decimals(scores, digits=3)
    found = []
    for one, score in zip(step["tried"], scores, strict=True):
        if score is None:
            continue
        name = search_rows.called(strategy, one["label"])
        said = pointed(name, score, places, shown)
        taken = one["label"] == step["taken"]
        found.append(Draw(len(one["chosen"]), score, name, one["label"], said, chosen=taken))
    return found


def _drawn(findings: Mapping[str, Any], strategy: Mapping[str, Any], scores: str) -> str:
    """Return the caption of random subsets: what dots and bands are, and of which repeats."""
    sizes, told = strategy["sizes"], {"name": say(strategy["name"]), "metric": metric_label(findings["metric"])}
    if sizes is None:
        text = tell(
            "Strategy {name}: {metric} while exploring against the number of functions, which are drawn at random. "
            "Every draw is a dot, the mean of its repeats.",
            **told,
        )
    else:
        text = tell(
            "Strategy {name}: {metric} while exploring against the number of functions, which are drawn at random. "
            "Every draw is a dot, the mean of its repeats; the light band runs from the least to the largest draw, the "
            "darker one holds the middle half ({scores}).",
            scores=ref("table", scores),
            **told,
        )
    if sizes is not None and any(one["stopped"] for one in strategy["steps"][0]["tried"]):
        text += " " + tell(
            "Draws that the race stopped lack the later repeats: dots, band and tests are of the first {repeats}, "
            "which all had.",
            repeats=count(sizes["repeats"], "repeat"),
        )
    return f"{text} {tell('A quick run makes no tests between sizes.')}" if quick(findings) else text


def _sizes(findings: Mapping[str, Any], strategy: Mapping[str, Any], key: str) -> Table:
    shown = unit(findings["metric"])
    heads = {
        "mean": tell("mean"),
        "sd": tell("spread (sd)"),
        "minimum": tell("least"),
        "lower_quartile": tell("lower quartile"),
        "median": tell("median"),
        "upper_quartile": tell("upper quartile"),
        "maximum": tell("largest"),
    }
    columns = (
        Column("size", tell("functions")),
        Column("draws", tell("draws")),
        *(Column(name, head, shown) for name, head in heads.items()),
    )
    places = middle([entry["sd"] for entry in strategy["sizes"]["sizes"]])
    rows = [
        (
            counted(entry["size"]),
            counted(entry["draws"]),
            *(number(entry[name], places) for name in heads),
        )
        for entry in strategy["sizes"]["sizes"]
    ]
    return Table(
        key,
        tell("Strategy {name}: scores of the draws of each size while exploring.", name=say(strategy["name"])),
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )


def _pairs(findings: Mapping[str, Any], strategy: Mapping[str, Any], key: str) -> list[Block]:
    """Return the tests between neighbouring sizes, nothing where there is one size."""
    found = strategy["sizes"]
    if not found["comparisons"]:
        return []
    metric, shown = findings["metric"], unit(findings["metric"])
    correction = tell(CORRECTIONS.get(found["correction"], found["correction"]))
    columns = (
        Column("candidate", tell("functions")),
        Column("baseline", tell("against")),
        Column("n", tell("draws"), align="left"),
        Column("difference", tell("difference"), shown),
        Column("low", tell("{level} from", level=percent(1 - found["alpha"])), shown),
        Column("high", tell_as("column", "to"), shown),
        Column("p", "p"),
        Column("p_adjusted", tell("p, {correction}", correction=correction)),
        Column("verdict", tell("the smaller is"), align="left"),
    )
    rows = []
    places = middle([half_width(entry["low"], entry["high"]) for entry in found["comparisons"]])
    for entry in found["comparisons"]:
        verdict = entry["verdict"] if entry["p"] is not None else "no test"
        n, other = entry["n"], entry["n_baseline"]
        rows.append(
            (
                Cell(entry["candidate"], entry["candidate"]),
                Cell(entry["baseline"], entry["baseline"]),
                Cell(tell("{some} and {last}", some=whole(n), last=whole(other)), f"{n} and {other}"),
                *(number(entry[end], places) for end in ("difference", "low", "high")),
                search_rows.p_cell(entry["p"]),
                search_rows.p_cell(entry["p_adjusted"]),
                _verdict(verdict, metric),
            )
        )
    return [
        Table(
            key,
            tell(
                "Strategy {name}: does the number of functions matter? Each size against the next larger one, by the "
                "Welch t test{source} with the draw as the unit (the mean of its repeats), p adjusted over all rows. "
                "All draws share the frames on which they are scored: this holds given these data, while exploring.",
                name=say(strategy["name"]),
                source=cite("welch1947"),
            ),
            columns,
            align(rows, columns),
            source_note(findings),
            "wide",
            shown,
        )
    ]


def _verdict(verdict: str, metric: Mapping[str, Any]) -> Cell:
    mark = verdict.replace(" ", "-")
    return Cell(tell("no test") if verdict == "no test" else verdict_word(verdict, metric), verdict, mark)


def known(findings: Mapping[str, Any], strategy: Mapping[str, Any], key: str) -> list[Block]:
    """Return every repeat of every candidate, and their table.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    strategy : dict
        One of ``findings["exploration"]["strategies"]``.
    key : str
        Prefix of the names of its figures and tables.
    """
    step, name = strategy["steps"][0], say(strategy["name"])
    stopped = any(one["stopped"] for one in step["tried"])
    entries = [(search_rows.called(strategy, one["label"]), one) for one in step["tried"]]
    rows = [
        draw.Repeats(called, tuple(score for score in one["scores"] if score is not None), one["mean"], None, None)
        for called, one in entries
    ]
    looks = {called: _LOOKS[_which(one, step)] for called, one in entries}
    figure = Figure(
        f"{key}_candidates",
        tell(_STOPPED if stopped else _CANDIDATES, name=name),
        draw.repeats(rows, looks, axis=axis(findings), constant=None, key=f"{key}_candidates", limit=_LABEL),
        tell("Dot plot of the scores of {candidates}.", candidates=count(len(rows), "candidate")),
        source_note(findings),
        data=search_data.of_repeats(
            f"{key}_candidates",
            tell("Strategy {name}: every repeat of every candidate.", name=name),
            entries,
            step["taken"],
            places=search_rows.digits(step["tried"]),
            shown=unit(findings["metric"]),
        ),
    )
    columns, cells = search_rows.candidates(findings, strategy, step, differences=step["reference"] is not None)
    caption = (
        tell(
            "Strategy {name}: the candidates; differences are those from the chosen one ({direction}).",
            name=name,
            direction=direction(findings),
        )
        if step["reference"]
        else tell("Strategy {name}: the candidates.", name=name)
    )
    table = Table(
        f"{key}_tried",
        caption + search_rows.fewer(step["tried"]),
        columns,
        cells,
        source_note(findings),
        "wide",
        unit(findings["metric"]),
    )
    return [figure, table]


_CANDIDATES: Final = marked(
    "Strategy {name}: every candidate while exploring, each repeat as a point, the stroke below the points the mean. "
    "Blue diamonds: the one that was chosen."
)
_STOPPED: Final = marked(
    "Strategy {name}: every candidate while exploring, each repeat as a point, the stroke below the points the mean. "
    "Blue diamonds: the one that was chosen; orange triangles: stopped by the race."
)
#: Colour and marker by what came of a candidate.
_LOOKS: Final = {"chosen": Style(COLOURS[0], "D"), "stopped": Style(COLOURS[1], "v"), "other": Style(COLOURS[7], "o")}


def _which(one: Mapping[str, Any], step: Mapping[str, Any]) -> str:
    return "chosen" if one["label"] == step["taken"] else "stopped" if one["stopped"] else "other"


def smallest(findings: Mapping[str, Any], strategy: Mapping[str, Any], key: str) -> list[Block]:
    """Return the candidates against what they cost, with the margin from the best on, and their table.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    strategy : dict
        One of ``findings["exploration"]["strategies"]``.
    key : str
        Prefix of the names of its figures and tables.
    """
    step = strategy["steps"][0]
    found = [one for one in step["tried"] if one["mean"] is not None]
    by_cost = strategy["settings"]["by"] == "operations"
    best = next((one for one in found if one["label"] == step["reference"]), None)
    width = strategy["margin_width"]
    band = None
    if best is not None and width is not None:
        end = best["mean"] + (width if lower_is_better(findings["metric"]) else -width)
        band = (min(best["mean"], end), max(best["mean"], end))
    points = _sets(findings, strategy)
    name = say(strategy["name"])
    across = tell("operations per atom") if by_cost else tell("number of functions")
    figure = Figure(
        f"{key}_candidates",
        tell(_BY_COST if by_cost else _BY_SIZE, name=name, metric=metric_label(findings["metric"])),
        search_maps.scatter(points, key=f"{key}_candidates", across=across, up=axis(findings), band=band),
        tell("Scores of {candidates} against what they cost.", candidates=count(len(points), "candidate")),
        source_note(findings),
        data=search_data.of_points(
            f"{key}_candidates",
            tell("Strategy {name}: the candidates and what they cost.", name=name),
            points,
            across=Column("operations" if by_cost else "functions", across),
            name=tell("candidate"),
            mark=("chosen", tell_as("candidate", "chosen")),
            places=search_rows.digits(step["tried"]),
            shown=unit(findings["metric"]),
        ),
    )
    columns, cells = search_rows.candidates(findings, strategy, step, differences=True)
    return [
        figure,
        Table(
            f"{key}_tried",
            tell(
                "Strategy {name}: the candidates; differences are those from the best one ({direction}).",
                name=name,
                direction=direction(findings),
            ),
            columns,
            cells,
            source_note(findings),
            "wide",
            unit(findings["metric"]),
        ),
    ]


_BY_COST: Final = marked(
    "Strategy {name}: {metric} of every candidate while exploring against its operations per atom; filled: chosen. "
    "Grey: the margin from the best on. A set is as good as the best where that is shown by a test, not where its mean "
    "lies in the band."
)
_BY_SIZE: Final = marked(
    "Strategy {name}: {metric} of every candidate while exploring against its number of functions; filled: chosen. "
    "Grey: the margin from the best on. A set is as good as the best where that is shown by a test, not where its mean "
    "lies in the band."
)


def _sets(findings: Mapping[str, Any], strategy: Mapping[str, Any]) -> list[Point]:
    """Return the candidates that have a mean, as points by what they cost."""
    step, by_cost = strategy["steps"][0], strategy["settings"]["by"] == "operations"
    places, shown = search_rows.digits(step["tried"]), unit(findings["metric"])
    found = []
    for one in step["tried"]:
        if one["mean"] is None:
            continue
        name, taken = search_rows.titled(strategy, one["label"]), one["label"] == step["taken"]
        cost = one["cost"] if by_cost else len(one["chosen"])
        said = pointed(name, one["mean"], places, shown)
        found.append(Point(name, cost, one["mean"], marked=taken, open=not taken, said=said, label=one["label"]))
    return found

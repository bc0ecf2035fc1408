"""What each kind of strategy tried, step by step: one figure and one table or two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report import draw, search_draw
from bpbench.report.canvas import COLOURS, Style
from bpbench.report.chosen import compact, direction
from bpbench.report.document import Block, Cell, Column, Figure, Table, Text
from bpbench.report.numerals import (
    common_decimals,
    count,
    decimals,
    half_width,
    p_text,
    percent,
    say,
)
from bpbench.report.results import axis
from bpbench.report.search_draw import Mark, Point
from bpbench.report.tables import align, counted, number, words
from bpbench.report.vocabulary import CORRECTIONS, lower_is_better, quick, source_note, unit, verdict_word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: Rows of a long ranking that its table shows from each end.
_ENDS: Final = 10
#: Letters of a candidate's label in a figure.
_LABEL: Final = 46


def blocks(findings: Mapping[str, Any], strategy: Mapping[str, Any], key: str) -> list[Block]:
    """Return figure and tables of one strategy, nothing where no candidate has a score.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    strategy : dict
        One of ``findings["exploration"]["strategies"]``.
    key : str
        Prefix of the names of its figures and tables.
    """
    scores = [score for step in strategy["steps"] for one in step["tried"] for score in one["scores"]]
    if all(score is None for score in scores):
        return []
    return _KINDS[strategy["kind"]](findings, strategy, key)


def _level(findings: Mapping[str, Any]) -> str:
    return percent(1 - findings["analysis"]["alpha"])


def _heads(findings: Mapping[str, Any]) -> tuple[Column, ...]:
    """Return the columns of a difference; in a quick run, which judges nothing, it has no interval."""
    shown = unit(findings["metric"])
    difference = Column("difference", "difference", shown)
    if quick(findings):
        return (difference,)
    return (difference, Column("low", f"{_level(findings)} from", shown), Column("high", "to", shown))


def _interval(findings: Mapping[str, Any], more: str = "") -> str:
    """Return that a difference is drawn with its interval, nothing in a quick run."""
    return "" if quick(findings) else f" with its {_level(findings)} interval{more}"


def _p(value: float | None) -> Cell:
    return Cell(p_text(value), value)


def _short(strategy: Mapping[str, Any], label: str) -> str:
    """Return what a candidate is called where what it is compared with is known."""
    text = compact(label, strategy["pool"])
    for before in ("without ", "with "):
        if text.startswith(f"{before}G"):
            return text.removeprefix(before)
    return text


def _rest(step: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the candidates of a step without the one that they are compared with."""
    return [one for one in step["tried"] if one["label"] != step["reference"]]


def _places(entries: Sequence[Mapping[str, Any]]) -> int | None:
    """Return the decimals of a table of candidates, one number for all of its rows."""
    beside = [one["compared"] or {} for one in entries]
    widths = _middle([half_width(found.get("low"), found.get("high")) for found in beside])
    return common_decimals([one["mean"] for one in entries]) if widths is None else widths


def _middle(sizes: Sequence[float | None]) -> int | None:
    """Return the decimals that show the middle one of some uncertainties with two digits."""
    found = sorted(size for size in sizes if size)
    return decimals(found[len(found) // 2]) if found else None


def _mark(strategy: Mapping[str, Any], one: Mapping[str, Any], *, chosen: bool = False) -> Mark:
    beside = one["compared"] or {}
    stopped = one["stopped"] is not None
    value, low, high = (beside.get(key) for key in ("difference", "low", "high"))
    return Mark(_short(strategy, one["label"]), value, low, high, chosen=chosen, stopped=stopped)


def _taken(step: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return next((one for one in step["tried"] if one["label"] == step["taken"]), None)


# --------------------------------------------------------------------------------------------------- drop-one


def _drop_one(findings: Mapping[str, Any], strategy: Mapping[str, Any], key: str) -> list[Block]:
    alone, *later = strategy["steps"]
    return [*_alone(findings, strategy, alone, key), *_together(findings, strategy, later, key)]


def _alone(findings: Mapping[str, Any], strategy: Mapping[str, Any], step: Mapping[str, Any], key: str) -> list[Block]:
    """Return the forest plot of all functions left out alone, and the two ends of their ranking."""
    rest = _rest(step)
    gone = set(strategy["pool"]) - {
        strategy["pool"][place] for place in (strategy["choice"] or {"chosen": []})["chosen"]
    }
    dropped = {f"without {name}" for name in gone} if strategy["choice"] else set()
    rows = [_mark(strategy, one, chosen=one["label"] in dropped) for one in rest]
    legend = {"other": "every repeat"}
    if any(row.chosen for row in rows):
        legend = {"chosen": "left out in the end", "other": "kept"}
    if any(row.stopped and not row.chosen for row in rows):
        legend["stopped"] = "stopped before its last repeat"
    shown, many = unit(findings["metric"]), count(len(rest), "function")
    left = len(rest) - len([row for row in search_draw.kept_rows(len(rest)) if row is not None])
    raced = any(row.stopped for row in rows)
    race = " Hollow: stopped by the race, and ranked behind those with more repeats." if raced else ""
    ends = " The two ends of the ranking; the table explored.csv holds all." if left else ""
    figure = Figure(
        f"{key}_alone",
        f"Strategy {say(strategy['name'])}: difference of {findings['metric']['label']} to the whole set when one "
        f"function is left out ({direction(findings)}, so that those at the top are missed least), mean over the "
        f"repeats of exploring{_interval(findings, ', which is not corrected for the number of functions')}."
        f"{race}{ends}",
        search_draw.ranked(
            rows,
            key=f"{key}_alone",
            axis=f"without the function − whole set{f' ({shown})' if shown else ''}",
            band=None,
            legend=legend if len(legend) > 1 else {},
        ),
        f"Forest plot of the differences that leaving out each of {many} makes.",
        source_note(findings),
    )
    return [figure, _ranking(findings, strategy, rest, f"{key}_ranking")]


def _ranking(
    findings: Mapping[str, Any], strategy: Mapping[str, Any], rest: Sequence[Mapping[str, Any]], key: str
) -> Table:
    whole = len(rest) <= 2 * _ENDS
    picked = list(enumerate(rest, 1))
    if not whole:
        picked = [*picked[:_ENDS], *picked[-_ENDS:]]
    columns, rows = _differences(findings, strategy, picked)
    what = "all functions" if whole else f"the first and the last {_ENDS} functions"
    return Table(
        key,
        f"Strategy {say(strategy['name'])}: {what} by what their absence does; difference to the whole set "
        f"({direction(findings)}).",
        columns,
        rows,
        source_note(findings),
        "wide",
        unit(findings["metric"]),
    )


def _differences(
    findings: Mapping[str, Any], strategy: Mapping[str, Any], picked: Sequence[tuple[int, Mapping[str, Any]]]
) -> tuple[tuple[Column, ...], tuple[tuple[Cell, ...], ...]]:
    """Return columns and rows of candidates by their difference from the reference of their step."""
    shown = unit(findings["metric"])
    columns = (
        Column("place", "place"),
        Column("candidate", "left out", align="left"),
        Column("n", "n"),
        Column("mean", "mean", shown),
        *_heads(findings),
    )
    rows = []
    places = _places([one for _, one in picked])
    for place, one in picked:
        beside = one["compared"] or {}
        rows.append(
            (
                counted(place),
                Cell(_short(strategy, one["label"]), one["label"]),
                counted(len(one["scores"])),
                number(one["mean"], places),
                *(number(beside.get(column.key), places) for column in _heads(findings)),
            )
        )
    return columns, align(rows, columns)


def _together(
    findings: Mapping[str, Any], strategy: Mapping[str, Any], steps: Sequence[Mapping[str, Any]], key: str
) -> list[Block]:
    """Return the table of what was left out together, nothing where that was not tried."""
    if not steps or not _rest(steps[-1]):
        return []
    step = steps[-1]
    columns, rows = _candidates(findings, strategy, step, differences=True)
    return [
        Table(
            f"{key}_together",
            f"Strategy {say(strategy['name'])}: left out together and trained again; difference to the whole set "
            f"({direction(findings)}).",
            columns,
            rows,
            source_note(findings),
            "wide",
            unit(findings["metric"]),
        )
    ]


def _candidates(
    findings: Mapping[str, Any], strategy: Mapping[str, Any], step: Mapping[str, Any], *, differences: bool
) -> tuple[tuple[Column, ...], tuple[tuple[Cell, ...], ...]]:
    """Return columns and rows of all candidates of a step, that which was taken marked."""
    shown = unit(findings["metric"])
    columns = (
        Column("candidate", "candidate", align="left"),
        Column("functions", "functions"),
        Column("n", "n"),
        Column("mean", "mean", shown),
        *(_heads(findings) if differences else ()),
        Column("taken", "", align="left"),
    )
    rows = []
    places = _places(step["tried"])
    for one in step["tried"]:
        beside = one["compared"] or {}
        said = "chosen" if one["label"] == step["taken"] else "stopped" if one["stopped"] else ""
        rows.append(
            (
                Cell(compact(one["label"], strategy["pool"]), one["label"]),
                counted(len(one["chosen"])),
                counted(len(one["scores"])),
                number(one["mean"], places),
                *((number(beside.get(end), places) for end in ("difference", "low", "high")) if differences else ()),
                Cell(said, said or None, "better" if said == "chosen" else ""),
            )
        )
    return columns, align(rows, columns)


# -------------------------------------------------------------------------------------------------- by weight


def _by_weight(findings: Mapping[str, Any], strategy: Mapping[str, Any], key: str) -> list[Block]:
    weighed, *later = strategy["steps"]
    return [*_bars(findings, strategy, weighed, key), *_together(findings, strategy, later, key)]


def _bars(findings: Mapping[str, Any], strategy: Mapping[str, Any], step: Mapping[str, Any], key: str) -> list[Block]:
    """Return the bar chart of importances, from the largest on."""
    kept = {strategy["pool"][place] for place in (strategy["choice"] or {"chosen": []})["chosen"]}
    entries = [one for one in step["tried"] if one["value"] is not None][::-1]
    if not entries:
        return []
    rows = [
        Mark(_short(strategy, one["label"]), one["value"], chosen=bool(kept) and one["label"] in kept)
        for one in entries
    ]
    return [
        Figure(
            f"{key}_importance",
            f"Strategy {say(strategy['name'])}: {step['said'].rstrip('.').removesuffix(', from the least on')}; "
            "the largest on top.",
            search_draw.ranked(
                rows,
                key=f"{key}_importance",
                axis="importance",
                band=None,
                legend={"chosen": "kept", "other": "left out"} if kept else {},
                bars=True,
            ),
            f"Bar chart of the importance of {count(len(rows), 'function')}.",
            source_note(findings),
        )
    ]


# ------------------------------------------------------------------------------------------------ step by step


def _backward(findings: Mapping[str, Any], strategy: Mapping[str, Any], key: str) -> list[Block]:
    steps = list(strategy["steps"])
    found: list[Block] = []
    if steps and len(_rest(steps[0])) > 1:
        first = steps.pop(0)
        weighed = any(one["value"] is not None for one in first["tried"])
        found = _bars(findings, strategy, first, key) if weighed else _alone(findings, strategy, first, key)
    if not steps:
        return found
    attempts, left = [], len(strategy["pool"])
    for step in steps:
        (one,) = _rest(step)
        goes = step["taken"] is not None
        left = len(one["chosen"]) if goes else left
        attempts.append((_mark(strategy, one, chosen=goes), left))
    shown, width = unit(findings["metric"]), strategy["margin_width"]
    worse = width if width is None or lower_is_better(findings["metric"]) else -width
    figure = Figure(
        f"{key}_path",
        f"Strategy {say(strategy['name'])}: every attempt in its order. Above, the difference of the smaller set to "
        f"the whole one{_interval(findings)} ({direction(findings)}); a function goes for good where "
        "the smaller set is shown to be worse by less than the margin, if at all. Below, how many functions were left.",
        search_draw.path(
            attempts,
            len(strategy["pool"]),
            key=f"{key}_path",
            axis=f"difference to whole{f' ({shown})' if shown else ''}",
            band=worse,
        ),
        f"Path of {count(len(attempts), 'attempt')} to leave functions out.",
        source_note(findings),
    )
    return [*found, figure, _attempts(findings, strategy, steps, f"{key}_attempts")]


def _attempts(
    findings: Mapping[str, Any], strategy: Mapping[str, Any], steps: Sequence[Mapping[str, Any]], key: str
) -> Table:
    shown = unit(findings["metric"])
    columns = (
        Column("attempt", "attempt"),
        Column("candidate", "left out", align="left"),
        Column("functions", "functions"),
        *_heads(findings),
        *(() if quick(findings) else (Column("p", "p of non-inferiority"),)),
        Column("taken", "", align="left"),
    )
    rows = []
    places = _places([one for step in steps for one in _rest(step)])
    for place, step in enumerate(steps, 1):
        (one,) = _rest(step)
        beside = one["compared"] or {}
        rows.append(
            (
                counted(place),
                Cell(_short(strategy, one["label"]), one["label"]),
                counted(len(one["chosen"])),
                *(number(beside.get(column.key), places) for column in _heads(findings)),
                *(() if quick(findings) else (_p(beside.get("p_non_inferior")),)),
                words("left out" if step["taken"] else "taken back"),
            )
        )
    return Table(
        key,
        f"Strategy {say(strategy['name'])}: every attempt; functions: those of the smaller set that was tried. "
        "Differences are those to the whole set, not to the set before, as margins would add up.",
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )


def _forward(findings: Mapping[str, Any], strategy: Mapping[str, Any], key: str) -> list[Block]:
    taken = [(one, step) for step in strategy["steps"] if (one := _taken(step)) is not None and one["mean"] is not None]
    if not taken:
        return []
    whole = next(
        (one for step in strategy["steps"] for one in step["tried"] if one["label"] == step["reference"]), None
    )
    others = [
        (len(one["chosen"]), one["mean"])
        for step in strategy["steps"]
        for one in _rest(step)
        if one["label"] != step["taken"] and one["mean"] is not None
    ]
    lower, width = lower_is_better(findings["metric"]), strategy["margin_width"]
    figure = Figure(
        f"{key}_growth",
        f"Strategy {say(strategy['name'])}: {findings['metric']['label']} while exploring against the number of "
        "functions; the one that helps most is added each time. Dashed: the whole set; grey: the margin beside it. The "
        "search ends when the set is shown to be worse than the whole by less than the margin, not when its mean "
        "crosses a line.",
        search_draw.growth(
            [(len(one["chosen"]), one["mean"], [s for s in one["scores"] if s is not None]) for one, _ in taken],
            others,
            key=f"{key}_growth",
            score=axis(findings),
            whole=None if whole is None else whole["mean"],
            margin=None if width is None else width if lower else -width,
        ),
        f"Growth of the set over {count(len(taken), 'step')}.",
        source_note(findings),
    )
    shown = unit(findings["metric"])
    columns = (
        Column("functions", "functions"),
        Column("added", "added", align="left"),
        Column("mean", "mean", shown),
        *_heads(findings),
    )
    rows = []
    places = _places([one for one, _ in taken])
    for one, _ in taken:
        beside = one["compared"] or {}
        rows.append(
            (
                counted(len(one["chosen"])),
                Cell(_short(strategy, one["label"]), one["label"]),
                number(one["mean"], places),
                *(number(beside.get(column.key), places) for column in _heads(findings)),
            )
        )
    caption = f"Strategy {say(strategy['name'])}: what was added in which order; difference to the whole set."
    said = compact(strategy["steps"][-1]["said"], strategy["pool"])
    return [
        figure,
        Table(f"{key}_added", caption, columns, align(rows, columns), source_note(findings), "wide", shown),
        Text(f"The last step: {said}"),
    ]


# ------------------------------------------------------------------------------------------- known candidates


def _subsets(findings: Mapping[str, Any], strategy: Mapping[str, Any], key: str) -> list[Block]:
    sizes, step = strategy["sizes"], strategy["steps"][0]
    draws = [(len(one["chosen"]), one["mean"]) for one in step["tried"] if one["mean"] is not None]
    if not draws:
        return []
    taken = _taken(step)
    chosen = None if taken is None or taken["mean"] is None else (len(taken["chosen"]), taken["mean"])
    stopped = any(one["stopped"] for one in step["tried"])
    race = " Draws that the race stopped had fewer repeats." if stopped else ""
    band = (
        "; the light band runs from the least to the largest draw, the darker one holds the middle half"
        if sizes is not None
        else ""
    )
    figure = Figure(
        f"{key}_sizes",
        f"Strategy {say(strategy['name'])}: {findings['metric']['label']} while exploring against the number of "
        f"functions, which are drawn at random. Every draw is a dot, the mean of its repeats{band}.{race}",
        search_draw.by_size(
            [] if sizes is None else sizes["sizes"], draws, chosen, key=f"{key}_sizes", score=axis(findings)
        ),
        f"Scores of {count(len(draws), 'random subset')} by their size.",
        source_note(findings),
    )
    if sizes is None:
        return [figure]
    return [figure, _sizes(findings, strategy, f"{key}_scores"), *_pairs(findings, strategy, f"{key}_tests")]


def _sizes(findings: Mapping[str, Any], strategy: Mapping[str, Any], key: str) -> Table:
    shown = unit(findings["metric"])
    heads = {"mean": "mean", "sd": "spread (sd)", "minimum": "least", "lower_quartile": "lower quartile",
             "median": "median", "upper_quartile": "upper quartile", "maximum": "largest"}  # fmt: skip
    columns = (
        Column("size", "functions"),
        Column("draws", "draws"),
        *(Column(name, head, shown) for name, head in heads.items()),
    )
    places = _middle([entry["sd"] for entry in strategy["sizes"]["sizes"]])
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
        f"Strategy {say(strategy['name'])}: scores of the draws of each size while exploring.",
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
    correction = CORRECTIONS.get(found["correction"], found["correction"])
    columns = (
        Column("candidate", "functions"),
        Column("baseline", "against"),
        Column("n", "draws", align="left"),
        Column("difference", "difference", shown),
        Column("low", f"{percent(1 - found['alpha'])} from", shown),
        Column("high", "to", shown),
        Column("p", "p"),
        Column("p_adjusted", f"p, {correction}"),
        Column("verdict", "the smaller is", align="left"),
    )
    rows = []
    places = _middle([half_width(entry["low"], entry["high"]) for entry in found["comparisons"]])
    for entry in found["comparisons"]:
        verdict = entry["verdict"] if entry["p"] is not None else "no test"
        n, other = entry["n"], entry["n_baseline"]
        rows.append(
            (
                Cell(entry["candidate"], entry["candidate"]),
                Cell(entry["baseline"], entry["baseline"]),
                words(f"{n} and {other}"),
                *(number(entry[end], places) for end in ("difference", "low", "high")),
                _p(entry["p"]),
                _p(entry["p_adjusted"]),
                words(verdict_word(verdict, metric), mark=verdict.replace(" ", "-")),
            )
        )
    return [
        Table(
            key,
            f"Strategy {say(strategy['name'])}: does the number of functions matter? Each size against the next larger "
            "one, by the Welch t test with the draw as the unit (the mean of its repeats), p adjusted over all rows. "
            "All draws share the frames on which they are scored: this holds given these data, while exploring.",
            columns,
            align(rows, columns),
            source_note(findings),
            "wide",
            shown,
        )
    ]


def _known(findings: Mapping[str, Any], strategy: Mapping[str, Any], key: str) -> list[Block]:
    step = strategy["steps"][0]
    rows, looks = [], {}
    for one in step["tried"]:
        name = _short(strategy, one["label"])
        values = tuple(score for score in one["scores"] if score is not None)
        rows.append(draw.Repeats(name, values, one["mean"], None, None))
        taken = one["label"] == step["taken"]
        looks[name] = Style(COLOURS[0] if taken else COLOURS[1] if one["stopped"] else COLOURS[7], "o")
    stopped = any(one["stopped"] for one in step["tried"])
    red = "; orange: stopped by the race" if stopped else ""
    figure = Figure(
        f"{key}_candidates",
        f"Strategy {say(strategy['name'])}: every candidate while exploring, each repeat as a point, the stroke below "
        f"the points the mean. Blue: the one that was chosen{red}.",
        draw.repeats(rows, looks, axis=axis(findings), constant=None, key=f"{key}_candidates", limit=_LABEL),
        f"Dot plot of the scores of {count(len(rows), 'candidate')}.",
        source_note(findings),
    )
    columns, cells = _candidates(findings, strategy, step, differences=step["reference"] is not None)
    beside = f"; differences are those from the chosen one ({direction(findings)})" if step["reference"] else ""
    table = Table(
        f"{key}_tried",
        f"Strategy {say(strategy['name'])}: the candidates{beside}.",
        columns,
        cells,
        source_note(findings),
        "wide",
        unit(findings["metric"]),
    )
    return [figure, table]


def _smallest(findings: Mapping[str, Any], strategy: Mapping[str, Any], key: str) -> list[Block]:
    step = strategy["steps"][0]
    found = [one for one in step["tried"] if one["mean"] is not None]
    by_cost = strategy["settings"]["by"] == "operations"
    best = next((one for one in found if one["label"] == step["reference"]), None)
    width = strategy["margin_width"]
    band = None
    if best is not None and width is not None:
        end = best["mean"] + (width if lower_is_better(findings["metric"]) else -width)
        band = (min(best["mean"], end), max(best["mean"], end))
    points = [
        Point(one["label"], one["cost"] if by_cost else len(one["chosen"]), one["mean"], one["label"] == step["taken"])
        for one in found
    ]
    figure = Figure(
        f"{key}_candidates",
        f"Strategy {say(strategy['name'])}: {findings['metric']['label']} of every candidate while exploring against "
        f"{'its operations per atom' if by_cost else 'its number of functions'}; blue: chosen. Grey: the margin from "
        "the best on. A set is as good as the best where that is shown by a test, not where its mean lies in the band.",
        search_draw.scatter(
            points,
            key=f"{key}_candidates",
            across="operations per atom" if by_cost else "number of functions",
            up=axis(findings),
            band=band,
        ),
        f"Scores of {count(len(points), 'candidate')} against what they cost.",
        source_note(findings),
    )
    columns, cells = _candidates(findings, strategy, step, differences=True)
    return [
        figure,
        Table(
            f"{key}_tried",
            f"Strategy {say(strategy['name'])}: the candidates; differences are those from the best one "
            f"({direction(findings)}).",
            columns,
            cells,
            source_note(findings),
            "wide",
            unit(findings["metric"]),
        ),
    ]


_KINDS: Final[dict[str, Callable[[Any, Any, str], list[Block]]]] = {
    "by-shift": _known,
    "evenly-spaced": _known,
    "random-subsets": _subsets,
    "drop-one": _drop_one,
    "backward": _backward,
    "forward": _forward,
    "by-weight": _by_weight,
    "smallest": _smallest,
}

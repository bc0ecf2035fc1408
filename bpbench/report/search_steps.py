"""What each kind of strategy tried, step by step: one figure and one table or two; eliminations are told here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report import search_draw, search_known, search_rows
from bpbench.report.chosen import compact, direction
from bpbench.report.document import Block, Cell, Column, Figure, Table, Text
from bpbench.report.numerals import (
    count,
    exact,
    say,
)
from bpbench.report.results import axis
from bpbench.report.search_draw import Mark
from bpbench.report.search_kinds import weighing
from bpbench.report.tables import align, counted, number, words
from bpbench.report.vocabulary import lower_is_better, quick, source_note, unit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: Rows of a long ranking that its table shows from each end.
_ENDS: Final = 10


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


# ------------------------------------------------------------------------------------------- leaving out, adding


def _drop_one(findings: Mapping[str, Any], strategy: Mapping[str, Any], key: str) -> list[Block]:
    alone, *later = strategy["steps"]
    return [*_alone(findings, strategy, alone, key), *_together(findings, strategy, later, key)]


def _alone(findings: Mapping[str, Any], strategy: Mapping[str, Any], step: Mapping[str, Any], key: str) -> list[Block]:
    """Return the forest plot of all functions left out alone, and the two ends of their ranking."""
    rest = search_rows.rest(step)
    gone = set(strategy["pool"]) - {
        strategy["pool"][place] for place in (strategy["choice"] or {"chosen": []})["chosen"]
    }
    dropped = {f"without {name}" for name in gone} if strategy["choice"] else set()
    rows = [search_rows.mark(strategy, one, chosen=one["label"] in dropped) for one in rest]
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
        f"repeats of exploring{search_rows.interval(findings, ', which is not corrected for the number of functions')}."
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
        f"({direction(findings)}).{search_rows.fewer([one for _, one in picked])}",
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
        *search_rows.heads(findings),
    )
    rows = []
    tried = [one for _, one in picked]
    places, gaps = search_rows.digits(tried), search_rows.gap_digits(tried)
    for place, one in picked:
        beside = one["compared"] or {}
        rows.append(
            (
                counted(place),
                Cell(search_rows.called(strategy, one["label"]), one["label"]),
                counted(len(one["scores"])),
                number(one["mean"], places),
                *(number(beside.get(column.key), gaps) for column in search_rows.heads(findings)),
            )
        )
    return columns, align(rows, columns)


def _together(
    findings: Mapping[str, Any], strategy: Mapping[str, Any], steps: Sequence[Mapping[str, Any]], key: str
) -> list[Block]:
    """Return the table of what was left out together, nothing where that was not tried."""
    if not steps or not search_rows.rest(steps[-1]):
        return []
    step = steps[-1]
    columns, rows = search_rows.candidates(findings, strategy, step, differences=True)
    return [
        Table(
            f"{key}_together",
            f"Strategy {say(strategy['name'])}: left out together; difference to the whole set on the same repeats "
            f"({direction(findings)}).",
            columns,
            rows,
            source_note(findings),
            "wide",
            unit(findings["metric"]),
        )
    ]


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
        Mark(search_rows.called(strategy, one["label"]), one["value"], chosen=bool(kept) and one["label"] in kept)
        for one in entries
    ]
    return [
        Figure(
            f"{key}_importance",
            f"Strategy {say(strategy['name'])}: {step['said'].rstrip('.').removesuffix(', from the least on')}"
            f"{weighing(strategy['settings'])}; the largest on top.",
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
    if steps and len(search_rows.rest(steps[0])) > 1:
        first = steps.pop(0)
        weighed = any(one["value"] is not None for one in first["tried"])
        found = _bars(findings, strategy, first, key) if weighed else _alone(findings, strategy, first, key)
    if not steps:
        return found
    attempts, left = [], len(strategy["pool"])
    for step in steps:
        (one,) = search_rows.rest(step)
        goes = step["taken"] is not None
        left = len(one["chosen"]) if goes else left
        attempts.append((search_rows.mark(strategy, one, chosen=goes), left))
    shown, width = unit(findings["metric"]), strategy["margin_width"]
    worse = width if width is None or lower_is_better(findings["metric"]) else -width
    figure = Figure(
        f"{key}_path",
        f"Strategy {say(strategy['name'])}: every attempt in its order. Above, the difference of the smaller set to "
        f"the whole one{search_rows.interval(findings)} ({direction(findings)}); a function goes for good where "
        f"the smaller set is shown to be worse by less than the margin, if at all.{_one_sided(findings)} Below, how "
        "many functions were left.",
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
        *search_rows.heads(findings),
        *(() if quick(findings) else (Column("p", "p of non-inferiority"),)),
        Column("taken", "", align="left"),
    )
    rows = []
    places = search_rows.gap_digits([one for step in steps for one in search_rows.rest(step)])
    for place, step in enumerate(steps, 1):
        (one,) = search_rows.rest(step)
        beside = one["compared"] or {}
        rows.append(
            (
                counted(place),
                Cell(search_rows.called(strategy, one["label"]), one["label"]),
                counted(len(one["chosen"])),
                *(number(beside.get(column.key), places) for column in search_rows.heads(findings)),
                *(() if quick(findings) else (search_rows.p_cell(beside.get("p_non_inferior")),)),
                words("left out" if step["taken"] else "taken back"),
            )
        )
    return Table(
        key,
        f"Strategy {say(strategy['name'])}: every attempt; functions: those of the smaller set that was tried. "
        f"Differences are those to the whole set, not to the set before, as margins would add up.{_refused(findings)}",
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )


def _one_sided(findings: Mapping[str, Any]) -> str:
    """Return why an interval may cross the margin although its set was accepted."""
    if quick(findings):
        return ""
    alpha = exact(findings["analysis"]["alpha"])
    return f" That test has one side and α = {alpha}, so that an interval may cross the margin a little all the same."


def _refused(findings: Mapping[str, Any]) -> str:
    """Return what decided where no interval and no p is shown, which is not the difference alone."""
    if not quick(findings):
        return ""
    many = count(findings["exploration"]["repeats"], "repeat")
    return (
        f" What is left out is shown by a test to be worse by less than the margin; with {many} it may "
        "refuse a small difference that scatters and pass a larger one that does not. A quick run shows "
        "neither its p nor an interval."
    )


def _forward(findings: Mapping[str, Any], strategy: Mapping[str, Any], key: str) -> list[Block]:
    found = [search_rows.taken_of(step) for step in strategy["steps"]]
    taken = [one for one in found if one is not None and one["mean"] is not None]
    if not taken:
        return []
    whole = next(
        (one for step in strategy["steps"] for one in step["tried"] if one["label"] == step["reference"]), None
    )
    others = [
        (len(one["chosen"]), one["mean"])
        for step in strategy["steps"]
        for one in search_rows.rest(step)
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
            [(len(one["chosen"]), one["mean"], [s for s in one["scores"] if s is not None]) for one in taken],
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
        *search_rows.heads(findings),
    )
    rows = []
    places, gaps = search_rows.digits(taken), search_rows.gap_digits(taken)
    for one in taken:
        beside = one["compared"] or {}
        rows.append(
            (
                counted(len(one["chosen"])),
                Cell(search_rows.called(strategy, one["label"]), one["label"]),
                number(one["mean"], places),
                *(number(beside.get(column.key), gaps) for column in search_rows.heads(findings)),
            )
        )
    caption = f"Strategy {say(strategy['name'])}: what was added in which order; difference to the whole set."
    said = compact(strategy["steps"][-1]["said"], strategy["pool"])
    return [
        figure,
        Table(f"{key}_added", caption, columns, align(rows, columns), source_note(findings), "wide", shown),
        *(() if quick(findings) else (Text(f"The last step: {said}"),)),
    ]


_KINDS: Final[dict[str, Callable[[Any, Any, str], list[Block]]]] = {
    "by-shift": search_known.known,
    "evenly-spaced": search_known.known,
    "random-subsets": search_known.subsets,
    "drop-one": _drop_one,
    "backward": _backward,
    "forward": _forward,
    "by-weight": _by_weight,
    "smallest": search_known.smallest,
}

"""What each kind of strategy tried, step by step: one figure and one table or two; eliminations are told here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report import search_data, search_draw, search_grown, search_known, search_rows
from bpbench.report.chosen import direction
from bpbench.report.document import Block, Cell, Column, Figure, Table
from bpbench.report.kinds import quick
from bpbench.report.labels import source_note
from bpbench.report.language import marked, tell, tell_as
from bpbench.report.numerals import common_decimals, count, exact, say
from bpbench.report.search_data import pointed
from bpbench.report.search_draw import Attempt, Mark
from bpbench.report.search_kinds import measured
from bpbench.report.tables import align, counted, number
from bpbench.report.tallies import lower_is_better
from bpbench.report.vocabulary import metric_label, unit

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
    rest, shown = search_rows.rest(step), unit(findings["metric"])
    rows, places = _left_out(strategy, rest, shown), search_rows.gap_digits(rest)
    legend = _legend(rows)
    figure = Figure(
        f"{key}_alone",
        _alone_caption(findings, strategy, rows),
        search_draw.ranked(
            rows,
            key=f"{key}_alone",
            axis=search_rows.in_unit(tell("without the function − whole set"), shown),
            band=None,
            legend=legend,
        ),
        tell(
            "Forest plot of the differences that leaving out each of {functions} makes.",
            functions=count(len(rest), "function"),
        ),
        source_note(findings),
        data=search_data.of_marks(
            f"{key}_alone",
            tell("Strategy {name}: each function left out alone.", name=say(strategy["name"])),
            rows,
            value=Column("difference", tell("difference"), shown),
            places=places,
            legend=legend,
        ),
    )
    return [figure, _ranking(findings, strategy, rest, f"{key}_ranking")]


def _left_out(strategy: Mapping[str, Any], rest: Sequence[Mapping[str, Any]], shown: str) -> list[Mark]:
    """Return the functions that were left out alone, those marked that are left out in the end."""
    choice, places = strategy["choice"], search_rows.gap_digits(rest)
    kept = {strategy["pool"][place] for place in choice["chosen"]} if choice else set(strategy["pool"])
    dropped = {f"without {name}" for name in set(strategy["pool"]) - kept}
    return [search_rows.mark(strategy, one, chosen=one["label"] in dropped, places=places, shown=shown) for one in rest]


def _legend(rows: Sequence[Mark]) -> dict[str, str]:
    """Return the words for marks that are told apart, none where all are alike."""
    legend = {"other": tell("every repeat")}
    if any(row.chosen for row in rows):
        legend = {"chosen": tell("left out in the end"), "other": tell("kept")}
    if any(row.stopped and not row.chosen for row in rows):
        legend["stopped"] = tell("stopped before its last repeat")
    return legend if len(legend) > 1 else {}


def _alone_caption(findings: Mapping[str, Any], strategy: Mapping[str, Any], rows: Sequence[Mark]) -> str:
    told = {
        "name": say(strategy["name"]),
        "metric": metric_label(findings["metric"]),
        "direction": direction(findings),
    }
    found = [tell(_ALONE_QUICK, **told) if quick(findings) else tell(_ALONE, level=search_rows.level(findings), **told)]
    if any(row.stopped for row in rows):
        found.append(tell("Hollow: stopped by the race, and ranked behind those with more repeats."))
    if None in search_draw.kept_rows(len(rows)):
        found.append(tell("The two ends of the ranking; the table explored.csv holds all."))
    return " ".join(found)


_ALONE: Final = marked(
    "Strategy {name}: difference of {metric} to the whole set when one function is left out ({direction}, so that "
    "those at the top are missed least), mean over the repeats of exploring with its {level} interval, which is not "
    "corrected for the number of functions."
)
_ALONE_QUICK: Final = marked(
    "Strategy {name}: difference of {metric} to the whole set when one function is left out ({direction}, so that "
    "those at the top are missed least), mean over the repeats of exploring."
)


def _ranking(
    findings: Mapping[str, Any], strategy: Mapping[str, Any], rest: Sequence[Mapping[str, Any]], key: str
) -> Table:
    whole = len(rest) <= 2 * _ENDS
    picked = list(enumerate(rest, 1))
    if not whole:
        picked = [*picked[:_ENDS], *picked[-_ENDS:]]
    columns, rows = _differences(findings, strategy, picked)
    told = {"name": say(strategy["name"]), "direction": direction(findings)}
    if whole:
        caption = tell(
            "Strategy {name}: all functions by what their absence does; difference to the whole set ({direction}).",
            **told,
        )
    else:
        caption = tell(
            "Strategy {name}: the first and the last {ends} functions by what their absence does; difference to the "
            "whole set ({direction}).",
            ends=_ENDS,
            **told,
        )
    return Table(
        key,
        caption + search_rows.fewer([one for _, one in picked]),
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
        Column("place", tell("place")),
        Column("candidate", tell_as("column", "left out"), align="left"),
        Column("n", "n"),
        Column("mean", tell("mean"), shown),
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
            tell(
                "Strategy {name}: left out together; difference to the whole set on the same repeats ({direction}).",
                name=say(strategy["name"]),
                direction=direction(findings),
            ),
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
    rows = []
    places = common_decimals([one["value"] for one in entries], digits=3)
    places = None if places is None else min(places, 6)
    for one in entries:
        name = search_rows.called(strategy, one["label"])
        said = pointed(name, one["value"], places, "")
        rows.append(Mark(name, one["value"], chosen=one["label"] in kept, said=said, label=one["label"]))
    legend = {"chosen": tell("kept"), "other": tell("left out")} if kept else {}
    return [
        Figure(
            f"{key}_importance",
            tell(
                "Strategy {name}: {measure}; the largest on top.",
                name=say(strategy["name"]),
                measure=measured(strategy, step),
            ),
            search_draw.ranked(
                rows, key=f"{key}_importance", axis=tell("importance"), band=None, legend=legend, bars=True
            ),
            tell("Bar chart of the importance of {functions}.", functions=count(len(rows), "function")),
            source_note(findings),
            data=search_data.of_marks(
                f"{key}_importance",
                tell("Strategy {name}: importance of each function.", name=say(strategy["name"])),
                rows,
                value=Column("importance", tell("importance")),
                places=places,
                legend=legend,
            ),
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
    attempts, shown, width = _tries(findings, strategy, steps), unit(findings["metric"]), strategy["margin_width"]
    worse = width if width is None or lower_is_better(findings["metric"]) else -width
    figure = Figure(
        f"{key}_path",
        _path_caption(findings, strategy),
        search_draw.path(
            attempts,
            len(strategy["pool"]),
            key=f"{key}_path",
            axis=search_rows.in_unit(tell("difference to whole"), shown),
            band=worse,
        ),
        tell("Path of {attempts} to leave functions out.", attempts=count(len(attempts), "attempt")),
        source_note(findings),
        data=search_data.of_attempts(
            f"{key}_path",
            tell("Strategy {name}: the attempts in their order.", name=say(strategy["name"])),
            attempts,
            places=_step_digits(steps),
            shown=shown,
        ),
    )
    return [*found, figure, _attempts(findings, strategy, steps, f"{key}_attempts")]


def _step_digits(steps: Sequence[Mapping[str, Any]]) -> int | None:
    return search_rows.gap_digits([one for step in steps for one in search_rows.rest(step)])


def _tries(
    findings: Mapping[str, Any], strategy: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]
) -> list[Attempt]:
    """Return the attempts to leave functions out, with how many were left after each."""
    found, left, places = [], len(strategy["pool"]), _step_digits(steps)
    for step in steps:
        (one,) = search_rows.rest(step)
        goes = step["taken"] is not None
        left = len(one["chosen"]) if goes else left
        shown = unit(findings["metric"])
        found.append(Attempt(search_rows.mark(strategy, one, chosen=goes, places=places, shown=shown), left))
    return found


def _path_caption(findings: Mapping[str, Any], strategy: Mapping[str, Any]) -> str:
    told = {"name": say(strategy["name"]), "direction": direction(findings)}
    if quick(findings):
        return tell(
            "Strategy {name}: every attempt in its order. Above, the difference of the smaller set to the whole one "
            "({direction}); a function goes for good where the smaller set is shown to be worse by less than the "
            "margin, if at all. Below, how many functions were left.",
            **told,
        )
    return tell(
        "Strategy {name}: every attempt in its order. Above, the difference of the smaller set to the whole one with "
        "its {level} interval ({direction}); a function goes for good where the smaller set is shown to be worse by "
        "less than the margin, if at all. That test has one side and α = {alpha}, so that an interval may cross the "
        "margin a little all the same. Below, how many functions were left.",
        level=search_rows.level(findings),
        alpha=exact(findings["analysis"]["alpha"]),
        **told,
    )


def _attempts(
    findings: Mapping[str, Any], strategy: Mapping[str, Any], steps: Sequence[Mapping[str, Any]], key: str
) -> Table:
    shown = unit(findings["metric"])
    columns = (
        Column("attempt", tell("attempt")),
        Column("candidate", tell_as("column", "left out"), align="left"),
        Column("functions", tell("functions")),
        *search_rows.heads(findings),
        *(() if quick(findings) else (Column("p", tell("p of non-inferiority")),)),
        Column("taken", "", align="left"),
    )
    rows = []
    places = _step_digits(steps)
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
                search_data.taken_cell(goes=step["taken"] is not None),
            )
        )
    return Table(
        key,
        tell(
            "Strategy {name}: every attempt; functions: those of the smaller set that was tried. Differences are those "
            "to the whole set, not to the set before, as margins would add up.",
            name=say(strategy["name"]),
        )
        + _refused(findings),
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )


def _refused(findings: Mapping[str, Any]) -> str:
    """Return what decided where no interval and no p is shown, which is not the difference alone."""
    if not quick(findings):
        return ""
    return " " + tell(
        "What is left out is shown by a test to be worse by less than the margin; with {repeats} it may refuse a small "
        "difference that scatters and pass a larger one that does not. A quick run shows neither its p nor an "
        "interval.",
        repeats=count(findings["exploration"]["repeats"], "repeat"),
    )


_KINDS: Final[dict[str, Callable[[Any, Any, str], list[Block]]]] = {
    "by-shift": search_known.known,
    "evenly-spaced": search_known.known,
    "random-subsets": search_known.subsets,
    "drop-one": _drop_one,
    "backward": _backward,
    "forward": search_grown.forward,
    "by-weight": _by_weight,
    "smallest": search_known.smallest,
}

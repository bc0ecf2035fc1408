"""Forward selection step by step: how the score of the set went, and what was added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bpbench.report import search_data, search_draw, search_rows
from bpbench.report.chosen import compact
from bpbench.report.document import Block, Cell, Column, Figure, Table, Text
from bpbench.report.kinds import quick
from bpbench.report.labels import source_note
from bpbench.report.language import tell
from bpbench.report.numerals import count, say
from bpbench.report.results import axis
from bpbench.report.retold import retold
from bpbench.report.search_data import pointed
from bpbench.report.search_draw import Draw, Step
from bpbench.report.tables import align, counted, number
from bpbench.report.tallies import lower_is_better
from bpbench.report.vocabulary import metric_label, unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def forward(findings: Mapping[str, Any], strategy: Mapping[str, Any], key: str) -> list[Block]:
    """Return how the set grew, and what was added in which order; nothing where no set has a score.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    strategy : dict
        One of ``findings["exploration"]["strategies"]``.
    key : str
        Prefix of the names of its figures and tables.
    """
    found = [search_rows.taken_of(step) for step in strategy["steps"]]
    taken = [one for one in found if one is not None and one["mean"] is not None]
    if not taken:
        return []
    whole = next(
        (one for step in strategy["steps"] for one in step["tried"] if one["label"] == step["reference"]), None
    )
    figure = _growth(findings, strategy, taken, None if whole is None else whole["mean"], f"{key}_growth")
    shown = unit(findings["metric"])
    columns = (
        Column("functions", tell("functions")),
        Column("added", tell("added"), align="left"),
        Column("mean", tell("mean"), shown),
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
    caption = tell(
        "Strategy {name}: what was added in which order; difference to the whole set.", name=say(strategy["name"])
    )
    said = compact(retold(strategy["steps"][-1]["said"]), strategy["pool"])
    return [
        figure,
        Table(f"{key}_added", caption, columns, align(rows, columns), source_note(findings), "wide", shown),
        *(() if quick(findings) else (Text(tell("The last step: {what}", what=said)),)),
    ]


def _growth(
    findings: Mapping[str, Any], strategy: Mapping[str, Any], taken: Sequence[Mapping[str, Any]], whole: float | None,
    key: str,
) -> Figure:  # fmt: skip
    """Return the figure of how a set grew, and what else was tried."""
    lower, width, shown = lower_is_better(findings["metric"]), strategy["margin_width"], unit(findings["metric"])
    others, places = _others(strategy, shown), search_rows.digits(taken)
    steps = [_grown(strategy, one, places, shown) for one in taken]
    return Figure(
        key,
        tell(
            "Strategy {name}: {metric} while exploring against the number of functions; the one that helps most is "
            "added each time. Dashed: the whole set; grey: the margin beside it. The search ends when the set is shown "
            "to be worse than the whole by less than the margin, not when its mean crosses a line.",
            name=say(strategy["name"]),
            metric=metric_label(findings["metric"]),
        ),
        search_draw.growth(
            steps,
            others,
            key=key,
            score=axis(findings),
            whole=whole,
            margin=None if width is None else width if lower else -width,
        ),
        tell("Growth of the set over {steps}.", steps=count(len(taken), "step")),
        source_note(findings),
        data=search_data.of_growth(
            key,
            tell("Strategy {name}: the sets that were taken, then the others.", name=say(strategy["name"])),
            steps,
            others,
            whole,
            places=places,
            shown=shown,
        ),
    )


def _others(strategy: Mapping[str, Any], shown: str) -> list[Draw]:
    """Return the candidates that were not added."""
    found = []
    for step in strategy["steps"]:
        rest = search_rows.rest(step)
        places = search_rows.digits(rest)
        for one in rest:
            if one["label"] != step["taken"] and one["mean"] is not None:
                name = search_rows.called(strategy, one["label"])
                said = pointed(name, one["mean"], places, shown)
                found.append(Draw(len(one["chosen"]), one["mean"], name, one["label"], said))
    return found


def _grown(strategy: Mapping[str, Any], one: Mapping[str, Any], places: int | None, shown: str) -> Step:
    name = search_rows.called(strategy, one["label"])
    scores = [(place, score) for place, score in enumerate(one["scores"], 1) if score is not None]
    return Step(
        len(one["chosen"]),
        one["mean"],
        tuple(score for _, score in scores),
        name,
        one["label"],
        pointed(name, one["mean"], places, shown),
        tuple(
            pointed(tell("{name}, repeat {number}", name=name, number=place), score, places, shown)
            for place, score in scores
        ),
    )

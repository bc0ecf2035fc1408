"""Rows of points with their mean: what is drawn, what each point says, and the numbers behind the drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report import draw
from bpbench.report.document import Cell, Column, Table
from bpbench.report.language import tell
from bpbench.report.numerals import decimals, exact, fixed, half_width, percent, short, whole
from bpbench.report.tables import align, words
from bpbench.report.vocabulary import unit, with_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: Points whose numbers stand behind a drawing; of more, so many are picked evenly.
_BEHIND: Final = 500


def row(
    variant: Mapping[str, Any],
    points: Sequence[tuple[str, float]],
    summary: Mapping[str, Any],
    findings: Mapping[str, Any],
    called: Callable[[str], str],
) -> draw.Repeats:
    """Return a variant's row.

    Parameters
    ----------
    variant : dict
        Of findings.
    points : sequence of (str, float)
        Repeat and score.
    summary : dict
        Mean and its interval, empty for none.
    findings : dict
        Findings of schema 1.
    called : callable
        From a repeat to what it is called within a sentence.
    """
    name, mean, low, high = short(variant["name"]), *(summary.get(key) for key in ("mean", "low", "high"))
    places, fine = decimals(summary.get("sd"), digits=3), decimals(half_width(low, high))

    def shown(value: float | None, decimals: int | None) -> str:
        return with_unit(fixed(value, decimals), findings["metric"])

    return draw.Repeats(
        variant["name"],
        tuple(value for _, value in points),
        mean,
        low,
        high,
        said=tuple(
            tell("{name}, {repeat}: {value}", name=name, repeat=called(repeat), value=shown(value, places))
            for repeat, value in points
        ),
        mean_said=tell("{name}, mean: {value}", name=name, value=shown(mean, places if fine is None else fine)),
        interval_said=tell(
            "{name}, {level} interval of the mean: {low} to {high}",
            name=name,
            level=percent(findings["mean_level"]),
            low=fixed(low, fine),
            high=shown(high, fine),
        ),
    )


def behind(
    rows: Sequence[tuple[Mapping[str, Any], Sequence[tuple[str, float]]]], findings: Mapping[str, Any], *, label: str
) -> Table:
    """Return the numbers of all points.

    Parameters
    ----------
    rows : sequence of (dict, sequence of (str, float))
        Variant of findings, and its points as in :func:`row`.
    findings : dict
        Findings of schema 1.
    label : str
        What a repeat is called at the head of its column.
    """
    points = [(variant["name"], *point) for variant, found in rows for point in found]
    kept = points
    caption = tell("Every point that is drawn.")
    if len(points) > _BEHIND:
        kept = [points[place * len(points) // _BEHIND] for place in range(_BEHIND)]
        caption = tell(
            "{some} of the {all} points that are drawn, evenly picked.", some=whole(_BEHIND), all=whole(len(points))
        )
    shown = unit(findings["metric"])
    columns = (
        Column("variant", tell("variant"), align="left"),
        Column("repeat", label, align="left"),
        Column("score", tell("score"), shown),
    )
    cells = [(words(short(name)), words(repeat), Cell(exact(value), value)) for name, repeat, value in kept]
    return Table("repeats", caption, columns, align(cells, columns))

"""The numbers behind figures of strategies: what each mark says when it is pointed at, and the table of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report.document import Cell, Column, Table
from bpbench.report.language import tell, tell_as
from bpbench.report.numerals import fixed
from bpbench.report.tables import counted, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bpbench.report.search_draw import Attempt, Draw, Mark, Step
    from bpbench.report.search_maps import Point

#: Rows of a table behind a figure; of more the first ones are kept.
LIMIT: Final = 500


def pointed(
    name: str, value: float | None, places: int | None, shown: str, low: float | None = None, high: float | None = None
) -> str:
    """Return what a mark of a figure says: its name, its value and its interval.

    Parameters
    ----------
    name : str
        As shown.
    value, low, high : float or None
        What is drawn, and its interval.
    places : int or None
        Decimals.
    shown : str
        Unit.
    """
    text = f"{fixed(value, places)} {shown}".rstrip()
    if low is None or high is None:
        return tell("{name}: {value}", name=name, value=text)
    return tell(
        "{name}: {value} ({low} to {high})", name=name, value=text, low=fixed(low, places), high=fixed(high, places)
    )


def behind(
    key: str, caption: str, columns: Sequence[Column], rows: Sequence[tuple[Cell, ...]], unit: str = ""
) -> Table:
    """Return the table behind a figure, cut where it is too long, which its caption then says."""
    if len(rows) > LIMIT:
        more = tell("The first {limit} of {total} rows.", limit=counted(LIMIT).text, total=counted(len(rows)).text)
        caption = f"{caption} {more}"
    return Table(key, caption, tuple(columns), tuple(rows[:LIMIT]), unit=unit)


def named(name: str, label: str) -> Cell:
    """Return a cell of a name that is told, whose value is the name as findings have it."""
    return Cell(name, label or name)


def of_marks(
    key: str, caption: str, rows: Sequence[Mark], *, value: Column, places: int | None, legend: Mapping[str, str]
) -> Table:
    """Return the table behind a ranking.

    Parameters
    ----------
    key, caption : str
        Name of the figure; what its numbers are.
    rows : sequence of Mark
        Top to bottom.
    value : Column
        Head of the values.
    places : int or None
        Their decimals.
    legend : dict of str to str
        Words for ``chosen``, ``stopped`` and ``other`` rows, empty where they are not told apart.
    """
    ends = any(row.low is not None for row in rows)
    columns = [Column("place", tell("place")), Column("candidate", tell("function"), align="left"), value]
    if ends:
        columns += [
            Column("low", tell_as("column", "from"), value.unit),
            Column("high", tell_as("column", "to"), value.unit),
        ]
    if legend:
        columns.append(Column("drawn", tell("drawn as"), align="left"))
    made = [
        (
            counted(place),
            named(row.name, row.label),
            number(row.value, places),
            *((number(row.low, places), number(row.high, places)) if ends else ()),
            *((Cell(legend.get(row.which, ""), row.which),) if legend else ()),
        )
        for place, row in enumerate(rows, 1)
    ]
    return behind(key, caption, columns, made, value.unit)


def of_attempts(key: str, caption: str, attempts: Sequence[Attempt], *, places: int | None, shown: str) -> Table:
    """Return the table behind the path of an elimination."""
    ends = any(attempt.mark.low is not None for attempt in attempts)
    columns = [
        Column("attempt", tell("attempt")),
        Column("candidate", tell_as("column", "left out"), align="left"),
        Column("difference", tell("difference"), shown),
        *(
            (Column("low", tell_as("column", "from"), shown), Column("high", tell_as("column", "to"), shown))
            if ends
            else ()
        ),
        Column("left", tell("functions left")),
        Column("taken", "", align="left"),
    ]
    rows = [
        (
            counted(place),
            named(attempt.mark.name, attempt.mark.label),
            *(number(getattr(attempt.mark, end), places) for end in ("value", "low", "high")[: 3 if ends else 1]),
            counted(attempt.left),
            taken_cell(goes=attempt.mark.chosen),
        )
        for place, attempt in enumerate(attempts, 1)
    ]
    return behind(key, caption, columns, rows, shown)


def taken_cell(*, goes: bool) -> Cell:
    """Return a cell that says what came of an attempt to leave functions out."""
    if goes:
        return Cell(tell_as("attempt", "left out"), "left out")
    return Cell(tell_as("attempt", "taken back"), "taken back")


def of_growth(
    key: str, caption: str, steps: Sequence[Step], others: Sequence[Draw], whole: float | None,
    *, places: int | None, shown: str,
) -> Table:  # fmt: skip
    """Return the table behind the growth of a set: first what was taken, with its repeats, then what was not."""
    many = max((len(step.scores) for step in steps), default=0)
    columns = [
        Column("functions", tell("functions")),
        Column("candidate", tell("added"), align="left"),
        Column("drawn", tell("drawn as"), align="left"),
        Column("mean", tell("mean"), shown),
        *(Column(f"repeat_{at}", tell("repeat {number}", number=at), shown) for at in range(1, many + 1)),
    ]
    blank = number(None, None)
    rows: list[tuple[Cell, ...]] = [
        (
            counted(step.size),
            named(step.name, step.label),
            Cell(tell_as("candidate", "taken"), "taken"),
            number(step.mean, places),
            *(number(score, places) for score in step.scores),
            *[blank] * (many - len(step.scores)),
        )
        for step in steps
    ]
    if whole is not None:
        whole_set = Cell(tell("the whole set"), "the whole set")
        rows.append((blank, whole_set, Cell(tell("line"), "line"), number(whole, places), *[blank] * many))
    rows += [
        (
            counted(other.size),
            named(other.name, other.label),
            Cell(tell_as("candidate", "other"), "other"),
            number(other.value, places),
            *[blank] * many,
        )
        for other in others
    ]
    return behind(key, caption, columns, rows, shown)


def of_draws(key: str, caption: str, draws: Sequence[Draw], *, places: int | None, shown: str) -> Table:
    """Return the table behind scores of random subsets."""
    columns = (
        Column("functions", tell("functions")),
        Column("candidate", tell("draw"), align="left"),
        Column("mean", tell("mean"), shown),
        Column("taken", "", align="left"),
    )
    rows = [
        (
            counted(draw.size),
            named(draw.name, draw.label),
            number(draw.value, places),
            _chosen(draw.chosen),
        )
        for draw in draws
    ]
    return behind(key, caption, columns, rows, shown)


def _chosen(chosen: bool) -> Cell:
    return Cell(tell_as("candidate", "chosen"), "chosen") if chosen else Cell("", None)


def of_repeats(
    key: str, caption: str, entries: Sequence[tuple[str, Mapping[str, Any]]], taken: str | None,
    *, places: int | None, shown: str,
) -> Table:  # fmt: skip
    """Return the table behind every repeat of every candidate, a column for each repeat."""
    many = max((len(one["scores"]) for _, one in entries), default=0)
    columns = [
        Column("candidate", tell("candidate"), align="left"),
        Column("mean", tell("mean"), shown),
        *(Column(f"repeat_{at}", tell("repeat {number}", number=at), shown) for at in range(1, many + 1)),
        Column("taken", "", align="left"),
    ]
    rows = [
        (
            named(name, one["label"]),
            number(one["mean"], places),
            *(number(score, places) for score in one["scores"]),
            *[number(None, None)] * (many - len(one["scores"])),
            _chosen(one["label"] == taken),
        )
        for name, one in entries
    ]
    return behind(key, caption, columns, rows, shown)


def of_points(
    key: str, caption: str, points: Sequence[Point], *, across: Column, name: str, mark: tuple[str, str] | None,
    places: int | None, shown: str,
) -> Table:  # fmt: skip
    """Return the table behind sets by cost and error.

    Parameters
    ----------
    key, caption : str
        Name of the figure; what its numbers are.
    points : sequence of Point
        The sets.
    across : Column
        Head of what they cost.
    name : str
        Head of their names.
    mark : (str, str) or None
        Word, as a value and as shown, for those that stand out.
    places : int or None
        Decimals of the errors.
    shown : str
        Their unit.
    """
    columns = [
        Column("name", name, align="left"),
        across,
        Column("mean", tell("mean"), shown),
        *([Column("marked", "", align="left")] if mark else []),
    ]
    rows = [
        (
            named(point.name, point.label),
            Cell(counted(round(point.across)).text, point.across),
            number(point.up, places),
            *((Cell(mark[1], mark[0]) if point.marked else Cell("", None),) if mark else ()),
        )
        for point in points
    ]
    return behind(key, caption, columns, rows, shown)


def of_shares(
    key: str, caption: str, rows: Sequence[tuple[str, str]], columns: Sequence[str],
    shares: Sequence[Sequence[float | None]],
) -> Table:  # fmt: skip
    """Return the table behind which functions survive: a row for each function, a column for each strategy."""
    heads = [
        Column("place", tell("row")),
        Column("function", tell("function"), align="left"),
        *(Column(f"strategy_{at}", name) for at, name in enumerate(columns, 1)),
    ]
    made = [
        (counted(place), named(*row), *(number(share, 2) for share in found))
        for place, (row, found) in enumerate(zip(rows, shares, strict=True), 1)
    ]
    return behind(key, caption, heads, made)

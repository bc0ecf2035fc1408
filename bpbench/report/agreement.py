"""Are the values made elsewhere those of our functions? The answer in a sentence, and the columns that are not."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any, Final

from bpbench.report.document import Block, Cell, Column, Section, Table, Text
from bpbench.report.language import listed, marked, numeral, tell, tell_as, tell_n
from bpbench.report.numerals import MINUS, count, exact, fixed, say, short, significant, whole
from bpbench.report.retold import retold
from bpbench.report.tables import align, counted, number, words
from bpbench.report.vocabulary import metric_label, unit, with_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bpbench.agreement.relations import Kind

#: Rows shown of the columns that do not match; the file of the table has all columns.
_ROWS: Final = 40
#: Differences that agree to this share are the same in every repeat.
_SAME: Final = 1e-6

#: What is said of one column of a kind, and of several; ``{why}`` is the likely reasons, or nothing.
_SAID: Final[dict[Kind, Callable[[int, str], str]]] = {
    "match": lambda n, why: tell_n("{n} matches{why}", "{n} match{why}", n, why=why),
    "factor": lambda n, why: tell_n(
        "{n} differs by a constant factor{why}", "{n} differ by a constant factor{why}", n, why=why
    ),
    "affine": lambda n, why: tell_n(
        "{n} differs by a constant factor and offset{why}",
        "{n} differ by a constant factor and offset{why}",
        n,
        why=why,
    ),
    "moved": lambda n, why: tell_n(
        "{n} holds the values of another function than the one in its place{why}",
        "{n} hold the values of another function than the one in their place{why}",
        n,
        why=why,
    ),
    "near": lambda n, why: tell_n("{n} nearly matches{why}", "{n} nearly match{why}", n, why=why),
    "undetermined": lambda n, why: tell_n(
        "{n} cannot be told: too few different values{why}",
        "{n} cannot be told: too few different values{why}",
        n,
        why=why,
    ),
    "other": lambda n, why: tell_n("{n} is something else{why}", "{n} are something else{why}", n, why=why),
}


def _scaled(number: int, why: str) -> str:
    """Return the same of columns that nearly match but for a factor or an offset."""
    return tell_n(
        "{n} nearly follows by a constant factor or offset{why}",
        "{n} nearly follow, some by a constant factor or offset{why}",
        number,
        why=why,
    )


_PAIRING: Final = {
    "name": marked("Column and function pair by their name."),
    "position": marked("Column and function pair by their position, as no name of a column is that of a function."),
    "likeness": marked(
        "There are more or fewer columns than functions and no name is shared, so each column is set beside the "
        "function that explains it best."
    ),
}


# -------------------------------------------------------------------------------------------------------- one column


def relation(item: Mapping[str, Any]) -> str:
    """Return what one column is, such as ``= 2 × G2(…)`` or ``not G2(…) (off by up to 0.1 of its spread)``.

    Parameters
    ----------
    item : dict
        The fields of :class:`bpbench.agreement.columns.ColumnAgreement`.
    """
    name, kind, close = item["function"], item["kind"], _close(item["correlation"])
    if kind == "other":
        nearest = tell("closest is {function}", function=item["closest"]) if item["closest"] else ""
        if name is None:
            like = tell("like none of ours")
            return "; ".join(part for part in (like, nearest) if part) + _within(close)
        about = ", ".join(part for part in (_off(item["deviation"]), close) if part)
        different = tell("not {function}", function=name) + _within(about)
        return "; ".join(part for part in (different, nearest) if part)
    if kind == "undetermined":
        return name or tell("unknown")
    factor = "" if item["factor"] == 1 else f"{exact(item['factor'])} × "
    offset = "" if item["offset"] == 0 else f" {MINUS if item['offset'] < 0 else '+'} {exact(abs(item['offset']))}"
    said = f"= {factor}{name}{offset}"
    if kind == "near":
        said = tell("{relation} to {share} of its spread", relation=said, share=significant(item["deviation"], 1))
    if kind == "moved":
        said = tell("{relation} (in the place of {function})", relation=said, function=item["expected"])
    return said


def _close(r: float | None) -> str:
    """Return a correlation with digits enough never to show a 1 that is none."""
    if r is None:
        return ""
    if abs(r) < 0.9999:
        return tell("correlation {r}", r=fixed(r, 4))
    return tell("1 − |correlation| = {rest}", rest=numeral(f"{1 - abs(r):.1g}".replace("-", MINUS)))


def _off(deviation: float | None) -> str:
    return "" if deviation is None else tell("off by up to {share} of its spread", share=significant(deviation, 2))


def _within(text: str) -> str:
    return f" ({text})" if text else ""


def why(item: Mapping[str, Any]) -> str:
    """Return the likely reasons of what a column is, or nothing."""
    return _reasons(item["reasons"])


def _reasons(reasons: Sequence[str]) -> str:
    told = [retold(reason) for reason in reasons]
    return reduce(lambda some, last: tell("{some}, or {last}", some=some, last=last), told) if told else ""


# ---------------------------------------------------------------------------------------------------------- one set


def answer(entry: Mapping[str, Any]) -> str:
    """Return whether the values of a set are those of the set that it should be, in a sentence.

    Parameters
    ----------
    entry : dict
        One of ``findings["agreement"]``.
    """
    sets = {"old": say(entry["set"]), "new": say(entry["like"])}
    if entry["message"] is not None:
        return tell(
            "Whether the values of set {old} are those of set {new} is not known: {why}",
            why=retold(entry["message"]),
            **sets,
        )
    total, lack = len(entry["columns"]), _lack(entry)
    if entry["counts"].get("match", 0) == total:
        by = tell("they do not differ")
        if entry["deviation"]:
            by = tell("they differ by at most {share} of a function's spread", share=significant(entry["deviation"], 1))
        return tell_n(
            "The only column of set {old} is the values of set {new} to the digits stored ({by}){lack}.",
            "All {n} columns of set {old} are the values of set {new} to the digits stored ({by}){lack}.",
            total,
            by=by,
            lack=lack,
            **sets,
        )
    found = []
    for kind, said in _SAID.items():
        alike = [item for item in entry["columns"] if item["kind"] == kind]
        scaled = kind == "near" and any((item["factor"], item["offset"]) != (1, 0) for item in alike)
        if alike:
            found.append((_scaled if scaled else said)(len(alike), _shared(alike)))
    return tell_n(
        "Of the only column of set {old}, {found}{lack}.",
        "Of the {n} columns of set {old}, compared with set {new}, {found}{lack}.",
        total,
        found=listed(found),
        lack=lack,
        **sets,
    )


def _lack(entry: Mapping[str, Any]) -> str:
    """Return how many functions have no column, nothing where all have one."""
    missing = len(entry["unnamed"])
    if not missing:
        return ""
    lack = tell_n(
        "{n} function of set {new} has no column",
        "{n} functions of set {new} have no column",
        missing,
        new=say(entry["like"]),
    )
    return f"; {lack}"


def _shared(alike: Sequence[Mapping[str, Any]]) -> str:
    """Return the likely reasons that all of some columns share."""
    return _within(
        _reasons([reason for reason in alike[0]["reasons"] if all(reason in item["reasons"] for item in alike)])
    )


def answers(findings: Mapping[str, Any]) -> list[str]:
    """Return what is said first of each set that was compared; nothing in findings that know of no such comparison.

    The losses of both are added where no comparison judges them.
    """
    judged = {tuple(pair) for pair in findings["analysis"]["family"]}
    return [
        " ".join(
            [
                answer(entry),
                *(
                    _loss(loss, findings["metric"])
                    for loss in entry["losses"]
                    if loss["n"] and not judged & {(loss["variant"], loss["like"]), (loss["like"], loss["variant"])}
                ),
            ]
        )
        for entry in findings.get("agreement") or ()
    ]


def section(findings: Mapping[str, Any]) -> list[Section]:
    """Return the section on old values and new ones, or nothing where none were compared."""
    entries: Sequence[Mapping[str, Any]] = findings.get("agreement") or ()
    if not entries:
        return []
    told = [entry for entry in entries if entry["message"] is None]
    blocks: list[Block] = [
        *(Text(answer(entry), "warning" if entry["message"] else "prose") for entry in entries),
        *_different(told),
        *(Text(_how(entry)) for entry in told),
        *([Text(_meaning(told[0]), "note")] if told else []),
        *_losses(findings, entries),
    ]
    return [Section("agreement", tell("Do the old values equal the new?"), tuple(blocks))]


def _how(entry: Mapping[str, Any]) -> str:
    rows, frames = entry["compared_rows"], entry["compared_frames"]
    if frames == entry["frames"]:
        which = tell_n("the only row", "all {n} rows", rows)
    else:
        which = tell(
            "{some} of {rows}, those of {frames} spread evenly over the data",
            some=whole(rows),
            rows=count(entry["rows"], "row"),
            frames=count(frames, "frame"),
        )
    how = tell(
        "Set {old} is the table {file}, compared column by column with the {functions} of {new} in {which}.",
        old=say(entry["set"]),
        file=entry["file"],
        functions=count(entry["functions"], "function"),
        new=say(entry["like"]),
        which=which,
    )
    return f"{how} {tell(_PAIRING[entry['pairing']])}"


def _meaning(entry: Mapping[str, Any]) -> str:
    return tell(
        "A column matches if in every row it differs from the function by no more than half a unit of the last digit "
        "that its numbers hold (read off the numbers; single precision is recognised), plus {tolerance} of the "
        "function's spread, its range over these rows; it nearly matches if it differs by no more than {near} of that "
        "spread. A likely reason is a guess from the numbers alone. No training depends on any of this.",
        tolerance=exact(entry["tolerance"]),
        near=exact(entry["near"]),
    )


# ----------------------------------------------------------------------------------------------------------- tables


def _different(entries: Sequence[Mapping[str, Any]]) -> list[Block]:
    """Return the table of the columns that do not match."""
    rows = [(entry, item) for entry in entries for item in entry["columns"] if item["kind"] != "match"]
    if not rows:
        return []
    several = len(entries) > 1
    columns = (
        *([Column("set", tell_as("column", "set"), align="left")] if several else []),
        Column("column", tell_as("column", "column"), align="left"),
        Column("relation", tell_as("column", "what it is"), align="left"),
        Column("reasons", tell_as("column", "likely reason"), align="left"),
    )
    cells = tuple(
        (
            *([words(short(entry["set"]))] if several else []),
            Cell(short(item["column"]), item["column"]),
            words(relation(item)),
            words(why(item)),
        )
        for entry, item in rows[:_ROWS]
    )
    left = len(rows) - _ROWS
    caption = tell("The columns that do not match.")
    if left > 0:
        caption += " " + tell_n(
            "{n} further one and all that match stand in the file tables/agreement.csv.",
            "{n} further ones and all that match stand in the file tables/agreement.csv.",
            left,
        )
    return [Table("agreement_different", caption, columns, cells, size="wide")]


def _losses(findings: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> list[Block]:
    rows = [loss for entry in entries for loss in entry["losses"] if loss["n"]]
    if not rows:
        return []
    metric = findings["metric"]
    shown = unit(metric)
    columns = (
        Column("variant", tell_as("column", "on old values"), align="left"),
        Column("like", tell_as("column", "on new values"), align="left"),
        Column("n", "n"),
        Column("mean", tell_as("column", "mean, old"), shown),
        Column("like_mean", tell_as("column", "mean, new"), shown),
        Column("difference", tell_as("column", "old − new"), shown),
        Column("low", tell_as("column", "least"), shown),
        Column("high", tell_as("column", "largest"), shown),
    )
    cells = [
        (
            words(short(row["variant"])),
            words(short(row["like"])),
            counted(row["n"]),
            *(number(row[key], None) for key in ("mean", "like_mean", "difference", "low", "high")),
        )
        for row in rows
    ]
    told = [_loss(row, metric) for row in rows]
    return [
        Text(" ".join(told)),
        Table(
            "agreement_losses",
            tell(
                "The losses of both: {score} on the test set of each model on old values and on new ones, mean over "
                "the repeats that succeeded on both, and mean, least and largest difference of a repeat. Described, "
                "not judged; the verdicts are those of the comparisons.",
                score=f"{metric_label(metric)} ({shown})",
            ),
            columns,
            align(cells, columns),
            size="wide",
            unit=shown,
        ),
    ]


def _loss(row: Mapping[str, Any], metric: Mapping[str, Any]) -> str:
    both = {"old": say(row["variant"]), "new": say(row["like"])}
    if row["low"] == row["high"] == 0:
        return tell_n(
            "Variants {old} and {new} score the same in the one repeat.",
            "Variants {old} and {new} score the same in each of {n} repeats.",
            row["n"],
            **both,
        )
    largest = max(row["low"], row["high"], key=abs)
    most = with_unit(significant(abs(largest), 2), metric)
    if row["n"] > 1 and row["high"] - row["low"] <= _SAME * abs(largest):
        return tell("Variants {old} and {new} differ by {value} in every repeat.", value=most, **both)
    return tell(
        "Variants {old} and {new} differ by at most {value} in a repeat, {mean} on average (the former less the "
        "latter).",
        value=most,
        mean=with_unit(significant(row["difference"], 2), metric),
        **both,
    )


def columns(findings: Mapping[str, Any]) -> list[Table]:
    """Return every column that was compared, one per row: written as CSV, not shown."""
    entries = [entry for entry in findings.get("agreement") or () if entry["message"] is None]
    if not entries:
        return []
    texts = ("column", "kind", "function", "expected", "closest")
    numbers = ("factor", "offset", "deviation", "correlation")
    # A file only: its heads are its keys.
    heads = tuple(Column(key, key) for key in ("set", "like", *texts, *numbers, "reasons"))
    rows = tuple(
        (
            words(entry["set"]),
            words(entry["like"]),
            *(words(item[key]) for key in texts),
            *(Cell(exact(item[key]), item[key]) for key in numbers),
            words(why(item)),
        )
        for entry in entries
        for item in entry["columns"]
    )
    return [Table("agreement", tell("All columns that were compared."), heads, rows)]

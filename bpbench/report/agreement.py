"""Are the values made elsewhere those of our functions? The answer in a sentence, and the columns that are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.counting import listed
from bpbench.report.document import Block, Cell, Column, Section, Table, Text
from bpbench.report.numerals import MINUS, count, exact, say, short, significant, whole
from bpbench.report.tables import align, counted, number, words
from bpbench.report.vocabulary import unit, with_unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bpbench.agreement.relations import Kind

#: Rows shown of the columns that do not match; the file of the table has all columns.
_ROWS: Final = 40
#: Differences that agree to this share are the same in every repeat.
_SAME: Final = 1e-6

#: What is said of one column of a kind, and of several.
_SAID: Final[dict[Kind, tuple[str, str]]] = {
    "match": ("matches", "match"),
    "factor": ("differs by a constant factor", "differ by a constant factor"),
    "affine": ("differs by a constant factor and offset", "differ by a constant factor and offset"),
    "moved": (
        "holds the values of another function than the one in its place",
        "hold the values of another function than the one in their place",
    ),
    "near": ("nearly matches", "nearly match"),
    "undetermined": ("cannot be told: too few different values", "cannot be told: too few different values"),
    "other": ("is something else", "are something else"),
}

#: The same of columns that nearly match but for a factor or an offset.
_SCALED: Final = ("nearly follows by a constant factor or offset", "nearly follow, some by a constant factor or offset")

_PAIRING: Final = {
    "name": "Column and function pair by their name",
    "position": "Column and function pair by their position, as no name of a column is that of a function",
    "likeness": (
        "There are more or fewer columns than functions and no name is shared, so each column is set beside the "
        "function that explains it best"
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
    name, kind, r = item["function"], item["kind"], item["correlation"]
    # Digits enough never to show a 1 that is none.
    close = "" if r is None else f"correlation {r:.4f}" if abs(r) < 0.9999 else f"1 - |correlation| = {1 - abs(r):.1g}"
    close = close.replace("-", MINUS)
    if kind == "other":
        nearest = f"; closest is {item['closest']}" if item["closest"] else ""
        if name is None:
            return f"like none of ours{nearest}{close and f' ({close})'}"
        off = f"off by up to {significant(item['deviation'], 2)} of its spread" if item["deviation"] is not None else ""
        about = ", ".join(words for words in (off, close) if words)
        return f"not {name}{about and f' ({about})'}{nearest}"
    if kind == "undetermined":
        return name or "unknown"
    factor = "" if item["factor"] == 1 else f"{exact(item['factor'])} × "
    offset = "" if item["offset"] == 0 else f" {MINUS if item['offset'] < 0 else '+'} {exact(abs(item['offset']))}"
    nearly = f" to {significant(item['deviation'], 1)} of its spread" if kind == "near" else ""
    place = f" (in the place of {item['expected']})" if kind == "moved" else ""
    return f"= {factor}{name}{offset}{nearly}{place}"


def why(item: Mapping[str, Any]) -> str:
    """Return the likely reasons of what a column is, or nothing."""
    return ", or ".join(item["reasons"])


# ---------------------------------------------------------------------------------------------------------- one set


def answer(entry: Mapping[str, Any]) -> str:
    """Return whether the values of a set are those of the set that it should be, in a sentence.

    Parameters
    ----------
    entry : dict
        One of ``findings["agreement"]``.
    """
    old, new = f"set {say(entry['set'])}", f"set {say(entry['like'])}"
    if entry["message"] is not None:
        return f"Whether the values of {old} are those of {new} is not known: {entry['message']}"
    counts, total = entry["counts"], len(entry["columns"])
    matching = counts.get("match", 0)
    missing = len(entry["unnamed"])
    lack = f"; {count(missing, 'function')} of {new} {'has' if missing == 1 else 'have'} no column" if missing else ""
    if matching == total:
        all_ = f"All {total} columns of {old} are" if total > 1 else f"The only column of {old} is"
        off = significant(entry["deviation"], 1)
        by = f"they differ by at most {off} of a function's spread" if entry["deviation"] else "they do not differ"
        return f"{all_} the values of {new} to the digits stored ({by}){lack}."
    found = []
    for kind, said in _SAID.items():
        alike = [item for item in entry["columns"] if item["kind"] == kind]
        scaled = kind == "near" and any((item["factor"], item["offset"]) != (1, 0) for item in alike)
        if alike:
            verb = (_SCALED if scaled else said)[len(alike) != 1]
            found.append(f"{len(alike)} {verb}{_shared(alike)}")
    head = f"Of the {total} columns of {old}, compared with {new}," if total > 1 else f"Of the only column of {old},"
    return f"{head} {listed(found)}{lack}."


def _shared(alike: Sequence[Mapping[str, Any]]) -> str:
    """Return the likely reasons that all of some columns share."""
    reasons = [reason for reason in alike[0]["reasons"] if all(reason in item["reasons"] for item in alike)]
    return f" ({', or '.join(reasons)})" if reasons else ""


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
    return [Section("agreement", "Do the old values equal the new?", tuple(blocks))]


def _how(entry: Mapping[str, Any]) -> str:
    rows, frames = entry["compared_rows"], entry["compared_frames"]
    which = (
        f"all {whole(rows)} rows"
        if frames == entry["frames"]
        else f"{whole(rows)} of {whole(entry['rows'])} rows, those of {frames} frames spread evenly over the data"
    )
    return (
        f"Set {say(entry['set'])} is the table {entry['file']}, compared column by column with the "
        f"{count(entry['functions'], 'function')} of {say(entry['like'])} in {which}. {_PAIRING[entry['pairing']]}."
    )


def _meaning(entry: Mapping[str, Any]) -> str:
    return (
        "A column matches if in every row it differs from the function by no more than half a unit of the last digit "
        "that its numbers hold (read off the numbers; single precision is recognised), plus "
        f"{exact(entry['tolerance'])} of the function's spread, its range over these rows; it nearly matches if it "
        f"differs by no more than {exact(entry['near'])} of that spread. A likely reason is a guess from the "
        "numbers alone. No training depends on any of this."
    )


# ----------------------------------------------------------------------------------------------------------- tables


def _different(entries: Sequence[Mapping[str, Any]]) -> list[Block]:
    """Return the table of the columns that do not match."""
    rows = [(entry, item) for entry in entries for item in entry["columns"] if item["kind"] != "match"]
    if not rows:
        return []
    several = len(entries) > 1
    columns = (
        *([Column("set", "set", align="left")] if several else []),
        Column("column", "column", align="left"),
        Column("relation", "what it is", align="left"),
        Column("reasons", "likely reason", align="left"),
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
    more = f" {count(left, 'further one')} and all that match stand in the table agreement." if left > 0 else ""
    return [Table("agreement_different", f"The columns that do not match.{more}", columns, cells, size="wide")]


def _losses(findings: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> list[Block]:
    rows = [loss for entry in entries for loss in entry["losses"] if loss["n"]]
    if not rows:
        return []
    metric = findings["metric"]
    shown = unit(metric)
    columns = (
        Column("variant", "on old values", align="left"),
        Column("like", "on new values", align="left"),
        Column("n", "n"),
        Column("mean", "mean, old", shown),
        Column("like_mean", "mean, new", shown),
        Column("difference", "old − new", shown),
        Column("low", "least", shown),
        Column("high", "largest", shown),
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
            f"The losses of both: {metric['label']} ({shown}) on the {findings['analysis']['part']} set of each model "
            "on old values and on new ones, mean over the repeats that succeeded on both, and mean, least and largest "
            "difference of a repeat. Described, not judged; the verdicts are those of the comparisons.",
            columns,
            align(cells, columns),
            size="wide",
            unit=shown,
        ),
    ]


def _loss(row: Mapping[str, Any], metric: Mapping[str, Any]) -> str:
    both = f"Variants {say(row['variant'])} and {say(row['like'])}"
    if row["low"] == row["high"] == 0:
        each = "the one repeat" if row["n"] == 1 else f"each of {row['n']} repeats"
        return f"{both} score the same in {each}."
    largest = max(row["low"], row["high"], key=abs)
    if row["n"] > 1 and row["high"] - row["low"] <= _SAME * abs(largest):
        return f"{both} differ by {with_unit(significant(abs(largest), 2), metric)} in every repeat."
    return (
        f"{both} differ by at most {with_unit(significant(abs(largest), 2), metric)} in a repeat, "
        f"{with_unit(significant(row['difference'], 2), metric)} on average (the former less the latter)."
    )


def columns(findings: Mapping[str, Any]) -> list[Table]:
    """Return every column that was compared, one per row: written as CSV, not shown."""
    entries = [entry for entry in findings.get("agreement") or () if entry["message"] is None]
    if not entries:
        return []
    texts = ("column", "kind", "function", "expected", "closest")
    numbers = ("factor", "offset", "deviation", "correlation")
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
    return [Table("agreement", "All columns that were compared.", heads, rows)]

"""The history as text: one record a line, in JSON, in an order that lets git join what two people added.

Two people who recorded apart have changed neighbouring lines, which git calls a conflict, though all lines of both are
wanted. With ``history.jsonl merge=union`` in the file ``.gitattributes`` it keeps them by itself, and reading in gives
clashing numbers out anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bpbench.errors import BpbenchError, RequestError, StoreError, nearest
from bpbench.history.file import History
from bpbench.history.records import KINDS, Baseline, Decision, Json, Record
from bpbench.history.union import ReadIn
from bpbench.whole import put, sent

#: What a line may say; a line of a higher number is of a newer bpbench.
SCHEMA: Final = 1
#: What git leaves at the edges of lines that it could not join.
_MARKS: Final = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")


def export(history: History, path: str | Path) -> int:
    """Write everything a history holds as lines of JSON, sorted by kind, study, time and id.

    Parameters
    ----------
    history : History
        What is written.
    path : path-like
        The file; one that is there is replaced in one go, or not at all.

    Returns
    -------
    int
        Lines written. The same records give the same bytes.

    Raises
    ------
    StoreError
        When the history cannot be read or the file not be written.
    """
    lines = sorted((_order(record), _line(record)) for record in history.records())
    _put(Path(path), "".join(f"{line}\n" for _, line in lines).encode())
    return len(lines)


def read_in(history: History, path: str | Path) -> ReadIn:
    """Take what a file of lines holds and the history does not: all of it or, if one line is wrong, nothing.

    Parameters
    ----------
    history : History
        What is added to.
    path : path-like
        A file that :func:`export` wrote, or git joined from two of them.

    Returns
    -------
    ReadIn
        How many records were new, and what has another number now.

    Raises
    ------
    RequestError
        For a file that cannot be read, or a line that is no record; file and line are named.
    StoreError
        When the history cannot be written.
    """
    file = Path(path)
    records: list[Record] = []
    baselines: list[tuple[str, Baseline]] = []
    for number, line in enumerate(_lines(file), start=1):
        if line.strip():
            where = f"{file}, line {number}"
            records.append(record := _record(line, where))
            if isinstance(record, Baseline):
                baselines.append((where, record))
    _whole(baselines, {record.id for record in records}, history)
    return history.unite(records)


def _order(record: Record) -> tuple[str, str, str, str]:
    return _kind(record), record.line if isinstance(record, Decision) else record.study, record.made, record.id


def _kind(record: Record) -> str:
    return type(record).__name__.lower()


def _line(record: Record) -> str:
    told = {"kind": _kind(record), "schema": SCHEMA, "id": record.id, **record.plain}
    return json.dumps(told, sort_keys=True, ensure_ascii=False, allow_nan=False)


def _lines(path: Path) -> list[str]:
    try:
        # not splitlines(), which also cuts at marks that JSON allows inside a text
        return sent(path).read_bytes().decode("utf-8-sig").split("\n")
    except OSError as error:
        raise RequestError(f"{path} cannot be read ({error.strerror}); name a file of exported lines.") from error
    except UnicodeDecodeError as error:
        raise RequestError(f"{path} is not text in UTF-8; name a file of exported lines.") from error


def _record(line: str, where: str) -> Record:
    """Return the record that a line is."""
    if line.startswith(_MARKS):
        raise RequestError(
            f"{where}: git has left its marks of a conflict here; keep the lines of both sides, remove the marks, and "
            "read the file in again (`merge=union` in .gitattributes does so by itself)."
        )
    try:
        found = json.loads(line, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"{where}: this is not JSON ({error}); export the history again.") from error
    if not isinstance(found, dict) or not {"kind", "schema", "id"} <= set(found):
        raise RequestError(f"{where}: expected a record with 'kind', 'schema' and 'id'; name a file of exported lines.")
    return _checked(
        {field: value for field, value in found.items() if field not in {"kind", "schema", "id"}}, found, where
    )


def _checked(fields: Json, head: Mapping[str, Any], where: str) -> Record:
    """Return the record of these fields if it is what its head says."""
    schema, kind = head["schema"], head["kind"]
    if type(schema) is not int or schema < 1:
        raise RequestError(f"{where}: expected a whole number from 1 as 'schema', found {schema!r}.")
    if schema > SCHEMA:
        raise RequestError(
            f"{where}: made by a newer bpbench (schema {schema}, this one reads up to {SCHEMA}); update bpbench."
        )
    if not isinstance(kind, str) or kind not in KINDS:
        raise RequestError(f"{where}: there is no kind of record '{kind}'{nearest(str(kind), KINDS)}")
    try:
        record: Record = KINDS[kind].of_plain(fields)
        name = record.id
    except BpbenchError as error:
        raise RequestError(f"{where}: {error}") from error
    if name != head["id"]:
        raise RequestError(
            f"{where}: this {kind} is not what its id was given to, so the line was changed after the export; take "
            "the line as it was."
        )
    if not isinstance(record, Baseline) and record.number < 1:
        raise RequestError(f"{where}: expected a number from 1 on, found {record.number}.")
    return record


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _whole(baselines: Sequence[tuple[str, Baseline]], coming: set[str], history: History) -> None:
    """Refuse a baseline of runs that are neither in the file nor in the history."""
    lacking = [(where, each) for where, each in baselines if not coming.issuperset(each.runs)]
    held = {run.id for run in history.runs()} if lacking else set()
    for where, baseline in lacking:
        if not held.issuperset(set(baseline.runs) - coming):
            raise RequestError(
                f"{where}: baseline '{baseline.name}' of study '{baseline.study}' names a run that is neither in this "
                "file nor in the history; export both again from where it was made."
            )


def _put(path: Path, content: bytes) -> None:
    """Write the lines whole, or refuse where they cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        put(path, content)
    except OSError as error:
        raise StoreError(
            f"The lines of the history cannot be written to {path} ({error.strerror}); name another file."
        ) from error

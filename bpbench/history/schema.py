"""How the history's file is laid out, and how an older layout is brought up to the present one.

The body of a record is its JSON, and the only place where anything is kept; columns and views are read off it. A step
is one transaction: a file that was being brought up when the power went is of the older layout, whole.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from bpbench.errors import StoreError

#: ``PRAGMA application_id`` of every history: the bytes "BPBh". It stands in the file's header, for `file` to read.
APPLICATION_ID: Final = int.from_bytes(b"BPBh", "big")

#: What leads from each layout to the next; the number of the layout is the ``PRAGMA user_version``. Steps are only ever
#: added at the end: files of every layout are about.
STEPS: Final[tuple[tuple[str, ...], ...]] = (
    (
        """
        CREATE TABLE runs (
            id TEXT NOT NULL PRIMARY KEY,
            body TEXT NOT NULL CHECK (json_valid(body)),
            study TEXT NOT NULL AS (json_extract(body, '$.study')),
            number INTEGER NOT NULL AS (json_extract(body, '$.number')),
            draw INTEGER NOT NULL AS (json_extract(body, '$.draw')),
            made TEXT NOT NULL AS (json_extract(body, '$.made')),
            protocol TEXT NOT NULL AS (json_extract(body, '$.protocol')),
            data TEXT NOT NULL AS (json_extract(body, '$.data')),
            sources TEXT NOT NULL AS (json_extract(body, '$.sources')),
            host TEXT NOT NULL AS (json_extract(body, '$.host')),
            UNIQUE (study, number)
        )
        """,
        """
        CREATE TABLE baselines (
            id TEXT NOT NULL PRIMARY KEY,
            body TEXT NOT NULL CHECK (json_valid(body)),
            study TEXT NOT NULL AS (json_extract(body, '$.study')),
            name TEXT NOT NULL AS (json_extract(body, '$.name')),
            made TEXT NOT NULL AS (json_extract(body, '$.made'))
        )
        """,
        "CREATE INDEX baselines_by_name ON baselines (study, name)",
        """
        CREATE VIEW scores (study, run, variant, repeat, metric, value) AS
        SELECT runs.study, runs.number, variant.key, json_extract(result.value, '$.repeat'), score.key, score.value
        FROM runs, json_each(runs.body, '$.variants') AS variant, json_each(variant.value, '$.results') AS result,
            json_each(result.value, '$.scores') AS score
        """,
        """
        CREATE VIEW costs (study, run, variant, cost, training, value) AS
        SELECT runs.study, runs.number, variant.key, 'cpu_s', training.key, training.value
        FROM runs, json_each(runs.body, '$.variants') AS variant, json_each(variant.value, '$.cpu_s') AS training
        UNION ALL
        SELECT runs.study, runs.number, variant.key, 'peak_mb', training.key, training.value
        FROM runs, json_each(runs.body, '$.variants') AS variant, json_each(variant.value, '$.peak_mb') AS training
        UNION ALL
        SELECT runs.study, runs.number, variant.key, 'operations', NULL, json_extract(variant.value, '$.operations')
        FROM runs, json_each(runs.body, '$.variants') AS variant
        WHERE json_extract(variant.value, '$.operations') IS NOT NULL
        """,
    ),
    (
        """
        CREATE TABLE decisions (
            id TEXT NOT NULL PRIMARY KEY,
            body TEXT NOT NULL CHECK (json_valid(body)),
            line TEXT NOT NULL AS (json_extract(body, '$.line')),
            number INTEGER NOT NULL AS (json_extract(body, '$.number')),
            question TEXT NOT NULL AS (json_extract(body, '$.question')),
            evidence TEXT NOT NULL AS (json_extract(body, '$.evidence')),
            made TEXT NOT NULL AS (json_extract(body, '$.made')),
            UNIQUE (line, number)
        )
        """,
        "CREATE INDEX decisions_by_question ON decisions (question)",
    ),
)


def standing(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Return application number, layout and number of tables of a file, all of one moment."""
    connection.execute("BEGIN")
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return application, _layout(connection), tables
    finally:
        connection.execute("ROLLBACK")


def refuse_strangers(application: int, layout: int, tables: int, path: object) -> None:
    """Refuse a database of another program, or of a newer bpbench.

    Parameters
    ----------
    application, layout, tables : int
        What :func:`standing` found.
    path : path-like
        For the sentence.

    Raises
    ------
    StoreError
        If it is not a history that this bpbench reads, nor an empty file.
    """
    if application != APPLICATION_ID and (application or layout or tables):
        raise StoreError(
            f"{path} is a SQLite database of another program, not a history of bpbench; name another file with "
            "BPBENCH_HISTORY."
        )
    if layout > len(STEPS):
        raise StoreError(
            f"The history {path} was made by a newer bpbench (schema {layout}, this one reads up to {len(STEPS)}); "
            "update bpbench."
        )


def refuse_additions(connection: sqlite3.Connection, path: object) -> None:
    """Refuse a history that would do more than keep what is written: by triggers, or by other tables and indexes.

    Parameters
    ----------
    connection : Connection
        A file of the present layout.
    path : path-like
        For the sentence.

    Raises
    ------
    StoreError
        When there is a trigger, a table or index that is not ours, or one of ours is laid out otherwise.
    """
    ours = {words[2]: words for step in STEPS for words in map(str.split, step)}
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
    held = {str(name): (str(kind), str(text).split()) for kind, name, text in rows}
    # Other views than those in the place of a table are never asked here.
    other = [
        f"{kind} '{name}'"
        for name, (kind, words) in held.items()
        if words != ours.get(name) and (kind != "view" or name in ours)
    ]
    other += [f"{words[1].lower()} '{name}'" for name, words in ours.items() if name not in held]
    if other:
        raise StoreError(
            f"The history {path} has another {other[0]} than bpbench makes, and may do more than keep records; have "
            "its lines exported by whoever sent it, and read those in."
        )


def bring_up(connection: sqlite3.Connection) -> None:
    """Apply the steps that a file lacks, each in one transaction; of two processes at it, one finds them done."""
    for number, statements in enumerate(STEPS, start=1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            if _layout(connection) < number:
                for statement in statements:
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _layout(connection: sqlite3.Connection) -> int:
    (layout,) = connection.execute("PRAGMA user_version").fetchone()
    return int(layout)

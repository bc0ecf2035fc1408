"""Opening the history's file, and a sentence for everything that SQLite may say against it.

The file keeps SQLite's rollback journal. The other kind (write-ahead log) lets readers go on beside a writer, but its
readers and writers must share the memory of one machine, and a history may lie on a file system that several share.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bpbench.errors import StoreError
from bpbench.history import schema

_CORRUPT: Final = ("SQLITE_CORRUPT",)
_NOT_ONE: Final = ("SQLITE_NOTADB",)
#: The smallest page, and so the smallest database, in bytes.
_LEAST: Final = 512
#: The first SQLite with columns that are read off others.
_OLDEST: Final = (3, 31, 0)

#: How the name of SQLite's error begins → the sentence; the first that fits.
_SENTENCES: Final = {
    ("SQLITE_BUSY", "SQLITE_LOCKED"): (
        "The history {path} was in use by another process for longer than {wait_s:g} s, and nothing was changed; run "
        "again when that one is done."
    ),
    ("SQLITE_FULL",): ("The disk of the history {path} is full, and nothing was changed; make room and run again."),
    ("SQLITE_READONLY", "SQLITE_PERM"): (
        "The history {path} cannot be written (it or its folder is read-only), and nothing was changed; allow it, or "
        "name another with BPBENCH_HISTORY."
    ),
    ("SQLITE_CANTOPEN",): (
        "The history {path} cannot be opened or made there; see that you may read and write it and its folder, or name "
        "another with BPBENCH_HISTORY."
    ),
    _NOT_ONE: ("{path} is not a SQLite database, thus no history of bpbench; name another file with BPBENCH_HISTORY."),
    _CORRUPT: (
        "The history {path} is malformed ({error}): it was cut short or written over by something else. Put a copy in "
        "its place, or move it away and read in the lines that were exported of it."
    ),
}


def malformed(path: Path, error: object) -> StoreError:
    """Return the refusal of a file whose inside is not what was written."""
    return StoreError(_SENTENCES[_CORRUPT].format(path=path, error=str(error).removesuffix(".")))


@contextmanager
def told(path: Path, wait_s: float) -> Iterator[None]:
    """Turn what SQLite raises inside into one sentence.

    Parameters
    ----------
    path : Path
        The history.
    wait_s : float
        How long another writer was waited for, in seconds.

    Raises
    ------
    StoreError
        In place of any error of SQLite.
    """
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        for beginnings, sentence in _SENTENCES.items():
            if name.startswith(beginnings):
                raise StoreError(sentence.format(path=path, wait_s=wait_s, error=error)) from error
        if "malformed" in str(error) or "decode" in str(error):  # the text of a body, which has no error of its own
            raise malformed(path, error) from error
        raise StoreError(f"The history {path} cannot be read or written: {error}.") from error


def opened(path: Path, *, create: bool, wait_s: float) -> sqlite3.Connection:
    """Open a history, whole and of the present layout.

    Parameters
    ----------
    path : Path
        The file.
    create : bool
        Whether a missing file is made, with its folder.
    wait_s : float
        How long to wait for another writer, in seconds.

    Returns
    -------
    sqlite3.Connection
        Without transactions of its own.

    Raises
    ------
    StoreError
        When there is none, it is not a history, is of a newer bpbench, damaged, or may not be read.
    """
    if sqlite3.sqlite_version_info < _OLDEST:
        raise StoreError(
            f"The history needs SQLite {'.'.join(map(str, _OLDEST))} or newer, and this Python comes with "
            f"{sqlite3.sqlite_version}; use a newer Python."
        )
    _look(path, create=create)
    with told(path, wait_s):
        address = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
        connection = sqlite3.connect(address, uri=True, timeout=wait_s, isolation_level=None)
        try:
            # A file that somebody sent may be made to mislead. (``trusted_schema = OFF`` would refuse our own columns,
            # which are read off by json_extract; what others a file could have is refused instead.)
            connection.execute("PRAGMA cell_size_check = ON")
            application, layout, tables = schema.standing(connection)
            schema.refuse_strangers(application, layout, tables, path)
            if layout < len(schema.STEPS):
                schema.bring_up(connection)
            schema.refuse_additions(connection, path)
            _refuse_damaged(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def _look(path: Path, *, create: bool) -> None:
    """Refuse what is no file, and make the folder of one that is to be made."""
    try:
        if path.is_dir():
            raise StoreError(
                f"The history is one file, and {path} is a folder; name the file, as in {path}/history.sqlite."
            )
        size = path.stat().st_size if path.exists() else 0
        if 0 < size < _LEAST:  # SQLite itself writes over a file of one byte
            raise StoreError(_SENTENCES[_NOT_ONE].format(path=path))
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
        elif not size:
            raise StoreError(
                f"There is no history at {path}; `bpbench track record PROTOCOL` makes one, and BPBENCH_HISTORY names "
                "one elsewhere."
            )
    except OSError as error:
        raise StoreError(
            f"The history {path} cannot be opened or made there ({error.strerror}); name another file with "
            "BPBENCH_HISTORY."
        ) from error


def _refuse_damaged(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a damaged file before anything is added to it, which would be lost together with what is there."""
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise malformed(path, " ".join(str(verdict).split()))

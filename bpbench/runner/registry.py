"""Which studies need which results of a store.

``<store>/studies/<digest>.json`` holds of each study that ran on the store its name, its protocol's file and the
addresses of all jobs that it is known to need; ``former`` are those that it needed before and does not need now, as
after a new version of a kind of job. A study that was let go lies in ``<store>/studies/forgotten`` until its results
are removed.

Nothing of this decides a result: what is lost or damaged of it costs no more than that housekeeping knows less.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bpbench.errors import RequestError, nearest

STUDIES: Final = "studies"
FORGOTTEN: Final = "forgotten"
#: Characters of a time that say it to the minute.
_MINUTE: Final = 16


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A study that uses a store.

    Attributes
    ----------
    digest : str
        Of the protocol and the data.
    name : str
        Of the protocol.
    file : str
        Where the protocol was read.
    quick : bool
        Whether it is the protocol's quick version.
    last_run : str
        When it was run last, ISO 8601.
    jobs : frozenset of str
        Addresses of what it needs.
    former : frozenset of str
        Addresses of what it needed before.
    """

    digest: str
    name: str
    file: str
    quick: bool
    last_run: str = ""
    jobs: frozenset[str] = field(default=frozenset(), repr=False)
    former: frozenset[str] = field(default=frozenset(), repr=False)


def enrol(root: Path, study: Enrolled, *, whole: bool = False) -> bool:
    """Note that a study needs some results, beside those that it is known to need.

    Parameters
    ----------
    root : Path
        Of the store.
    study : Enrolled
        The study, and the jobs that are known by now.
    whole : bool
        Whether these are all: what was noted before and is not among them is not needed any more.

    Returns
    -------
    bool
        Whether it could be noted; a store that may only be read keeps no notes.
    """
    path = root / STUDIES / f"{study.digest}.json"
    before = _read(path)
    if before is not None and _says(before, study, whole=whole):
        return True
    before = before or _read(root / STUDIES / FORGOTTEN / path.name)
    known = frozenset() if before is None else before.jobs
    former = frozenset() if before is None else before.former
    jobs = study.jobs if whole else study.jobs | known
    made = replace(study, last_run=_now(), jobs=jobs, former=(former | known) - jobs)
    try:
        _write(path, made)
        (root / STUDIES / FORGOTTEN / path.name).unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _says(before: Enrolled, study: Enrolled, *, whole: bool) -> bool:
    """Return whether a note says already what would be noted, to the minute."""
    same = (before.name, before.file, before.quick) == (study.name, study.file, study.quick)
    if not same or before.last_run[:_MINUTE] != _now()[:_MINUTE]:
        return False
    return before.jobs == study.jobs if whole else before.jobs >= study.jobs


def studies(root: Path, *, forgotten: bool = False) -> list[Enrolled]:
    """Return the studies that use a store, or those that were let go, by name; notes that cannot be read are left out.

    Parameters
    ----------
    root : Path
        Of the store.
    forgotten : bool
        Whether those that were let go are meant.
    """
    folder = root / STUDIES / FORGOTTEN if forgotten else root / STUDIES
    found = [study for path in sorted(folder.glob("*.json")) if (study := _read(path)) is not None]
    return sorted(found, key=lambda study: (study.name, study.quick, study.digest))


def unreadable(root: Path) -> list[Path]:
    """Return the notes of studies that cannot be read: nobody knows what these need."""
    return [path for path in sorted((root / STUDIES).glob("*.json")) if _read(path) is None]


def find(root: Path, asked: str) -> Enrolled:
    """Return the study that a name, or the beginning of a digest, stands for.

    Raises
    ------
    RequestError
        When there is none, or there are several.
    """
    known = studies(root)
    found = [study for study in known if study.name == asked]
    found = found or [study for study in known if len(asked) >= 6 and study.digest.startswith(asked)]
    if len(found) == 1:
        return found[0]
    if found:
        which = ", ".join(
            f"{study.digest[:10]} ({'quick, ' if study.quick else ''}{study.last_run})" for study in found
        )
        raise RequestError(f"--forget: {len(found)} studies are called '{asked}'; say which by its digest: {which}.")
    hint = nearest(asked, {study.name for study in known})
    raise RequestError(f"--forget: no study '{asked}' uses the store {root}{hint or '.'}")


def forget(root: Path, study: Enrolled) -> None:
    """Let a study go: its note stays among the forgotten until its results are removed."""
    path = root / STUDIES / f"{study.digest}.json"
    (root / STUDIES / FORGOTTEN).mkdir(exist_ok=True)
    path.rename(root / STUDIES / FORGOTTEN / path.name)


def settle(root: Path, noted: Iterable[Enrolled], forgotten: Iterable[Enrolled]) -> None:
    """Drop what is noted of results that were removed: studies that were let go, and what others needed before.

    Parameters
    ----------
    root : Path
        Of the store.
    noted, forgotten : iterable of Enrolled
        What :func:`studies` said when it was decided which results go. What a note says beside that stays.
    """
    for study in forgotten:
        (root / STUDIES / FORGOTTEN / f"{study.digest}.json").unlink(missing_ok=True)
    for study in noted:
        path = root / STUDIES / f"{study.digest}.json"
        if (now_noted := _read(path)) is not None and now_noted.former & study.former:
            _write(path, replace(now_noted, former=now_noted.former - study.former))


def _read(path: Path) -> Enrolled | None:
    try:
        told = path.stat()
        here = (told.st_ino, told.st_size, told.st_mtime_ns)
        if (last := _last.get(path)) is None or last[0] != here:
            last = _last[path] = here, _parsed(path)
    except OSError:
        return None
    return last[1]


#: By the note of a study: its identity when it was last read in this process, and what it said. A study asks again and
#: again while strategies search, and may need a hundred thousand results.
_last: dict[Path, tuple[tuple[int, ...], Enrolled | None]] = {}


def _parsed(path: Path) -> Enrolled | None:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return Enrolled(
            digest=path.stem,
            name=str(told["name"]),
            file=str(told["file"]),
            quick=bool(told["quick"]),
            last_run=str(told["last_run"]),
            jobs=_addresses(told["jobs"]),
            former=_addresses(told["former"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _addresses(told: Any) -> frozenset[str]:
    found = frozenset(told)
    if not all(isinstance(each, str) for each in found):
        raise TypeError
    return found


def _write(path: Path, study: Enrolled) -> None:
    told = {
        "name": study.name,
        "file": study.file,
        "quick": study.quick,
        "last_run": study.last_run,
        "jobs": sorted(study.jobs),
        "former": sorted(study.former),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    try:
        fresh.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

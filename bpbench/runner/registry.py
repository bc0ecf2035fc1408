"""Who uses a store: which studies need which results, and which drivers are at work in it now.

``<store>/studies/<digest>.json`` holds of each study that ran on the store its name, its protocol's file and the
addresses of all jobs that it is known to need; ``former`` are those that it needed before and does not need now, as
after a new version of a kind of job. A study that was let go lies in ``<store>/studies/forgotten`` until its results
are removed. ``<store>/running/<host>-<process>`` stands while a driver works, and is touched every ten minutes.

Nothing of this decides a result: what is lost or damaged of it costs no more than that housekeeping knows less.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bpbench.errors import RequestError, nearest

STUDIES: Final = "studies"
FORGOTTEN: Final = "forgotten"
RUNNING: Final = "running"
#: A driver on another host that was not seen for so long is taken for gone.
GONE_AFTER_S: Final = 24 * 3600.0
_SEEN_EVERY_S: Final = 600.0
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


def settle(root: Path) -> None:
    """Drop what is noted of results that were removed: studies that were let go, and what others needed before."""
    for study in studies(root, forgotten=True):
        (root / STUDIES / FORGOTTEN / f"{study.digest}.json").unlink(missing_ok=True)
    for study in studies(root):
        if study.former:
            _write(root / STUDIES / f"{study.digest}.json", replace(study, former=frozenset()))


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


# --------------------------------------------------------------------------------------------------------- drivers

#: How many drivers work in a store, in this process, by its folder.
_here: dict[Path, int] = {}


@contextmanager
def driving(root: Path) -> Iterator[None]:
    """Say in the store that a driver works in it, as long as this lasts; where nothing may be written, say nothing.

    Parameters
    ----------
    root : Path
        Of the store.
    """
    where = root.absolute()
    _here[where] = _here.get(where, 0) + 1
    path = where / RUNNING / f"{socket.gethostname()}-{os.getpid()}"
    over = threading.Event()
    try:
        if _here[where] == 1:
            with suppress(OSError):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps({"born": born(os.getpid()), "since": _now()}), encoding="utf-8")
                threading.Thread(target=_keep_seen, args=(path, over), daemon=True).start()
        yield
    finally:
        over.set()
        _here[where] -= 1
        if not _here[where]:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _keep_seen(path: Path, over: threading.Event) -> None:
    while not over.wait(_SEEN_EVERY_S):
        with suppress(OSError):
            os.utime(path)


def alive(pid: int) -> bool:
    """Return whether a process of this number lives on this host."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def born(pid: int) -> str:
    """Return when a process of this host began, in the system's own count; nothing where it does not say.

    Numbers of processes are used again; a number and this are not.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError, ValueError):
        return ""


@dataclass(frozen=True, slots=True)
class Driver:
    """A driver that works in a store, or did.

    Attributes
    ----------
    path : Path
        Its note.
    host : str
        Where it runs.
    pid : int
        Its process there.
    since : str
        When it began, ISO 8601.
    lives : bool
        Whether it is there: on this host its process is, on another it was seen less than a day ago.
    """

    path: Path
    host: str
    pid: int
    since: str
    lives: bool


def drivers(root: Path) -> list[Driver]:
    """Return the drivers that said they work in a store, this process left out.

    Parameters
    ----------
    root : Path
        Of the store; something is written there, as the clock of its file system counts.
    """
    folder = root / RUNNING
    if not folder.is_dir():
        return []
    moment = now(folder)
    found = []
    for path in sorted(folder.iterdir()):
        host, _, pid = path.name.rpartition("-")
        if pid.isdigit() and (host, int(pid)) != (socket.gethostname(), os.getpid()):
            found.append(_driver(path, host, int(pid), moment))
    return [driver for driver in found if driver is not None]


def now(folder: Path) -> float:
    """Return what time it is by the clock that dates the files of a folder, s."""
    clock = folder / f".clock-{uuid.uuid4().hex}"
    clock.touch()
    try:
        return clock.stat().st_mtime
    finally:
        clock.unlink()


def _driver(path: Path, host: str, pid: int, moment: float) -> Driver | None:
    try:
        seen, told = path.stat().st_mtime, path.read_text(encoding="utf-8")
    except OSError:  # it has ended
        return None
    try:
        note = dict(json.loads(told))
    except (ValueError, TypeError):
        note = {}
    if host == socket.gethostname():
        lives = alive(pid) and note.get("born", "") in {"", born(pid)}
    else:
        lives = moment - seen < GONE_AFTER_S
    return Driver(path, host, pid, str(note.get("since", "")), lives)

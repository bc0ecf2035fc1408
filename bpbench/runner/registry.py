"""Who uses a store: which studies need which results, and which drivers are at work in it now.

``<store>/studies/<digest>.json`` holds of each study that ran on the store its name, its protocol's file and the
addresses of all jobs that it is known to need; ``former`` are those that it needed before and does not need now, as
after a new version of a kind of job. A study that was let go lies in ``<store>/studies/forgotten`` until its results
are removed.

``<store>/running/<host>-pidns<namespace>-<process>`` stands while a driver works, one with ``-clears-`` before the
process while somebody removes results; either is touched every ten minutes. Both sides write their own note first and
then look for the other's, so that of two that begin at the same moment at least one sees the other and does not begin.
(A network file system asks its server anew about a folder in which one has just made a file.) That both see each other
is harmless: nothing was started and nothing deleted.

Nothing of this decides a result: what is lost or damaged of it costs no more than that housekeeping knows less.
"""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bpbench.errors import RequestError, nearest

STUDIES: Final = "studies"
FORGOTTEN: Final = "forgotten"
RUNNING: Final = "running"
#: Who works on another host, or in another PID namespace, and was not seen for so long is taken for gone.
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


# --------------------------------------------------------------------------------------------------------- drivers

#: How often this process says by a note that it works in a store, or clears it up, by the note.
_said: dict[Path, int] = {}
#: Stands in the name of the note of who clears up: where the disk is full, a file can be made and hold no word.
_CLEARS: Final = "-clears"
_NOTE: Final = re.compile(rf"(?P<host>[^.].*?)(?:(?P<space>-pidns[0-9]+)(?P<clears>{_CLEARS})?)?-(?P<pid>[0-9]+)")


def here() -> str:
    """Return where this process runs, as names in a store say it: its host and its PID namespace.

    A number of a process means something within one namespace alone: containers may share the host's name, and none
    of them sees the processes of another.
    """
    try:
        space = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:  # a system that has none
        space = 0
    return f"{socket.gethostname()}-pidns{space}"


@contextmanager
def driving(root: Path) -> Iterator[None]:
    """Say in the store that a driver works in it, as long as this lasts; where nothing may be written, say nothing.

    Parameters
    ----------
    root : Path
        Of the store.

    Raises
    ------
    RequestError
        When somebody clears up the store.
    """
    with _noted(root, "") as (_, first):
        if first:  # later, whoever begins to clear up sees this one
            _refuse_beside_clearing(root)
        yield


@contextmanager
def clearing(root: Path) -> Iterator[Path | None]:
    """Say in the store that it is cleared up, as long as this lasts, so that no driver begins.

    Parameters
    ----------
    root : Path
        Of the store.

    Yields
    ------
    Path or None
        The note, which is to be left out where one looks for others; ``None`` when this process has one already.

    Raises
    ------
    OSError
        When that cannot be said.
    """
    with _noted(root, _CLEARS) as (path, first):
        yield path if first else None


@contextmanager
def _noted(root: Path, kind: str) -> Iterator[tuple[Path, bool]]:
    """Have a note in the store as long as this lasts, and also say whether it is the first of these in this process."""
    path = root.absolute() / RUNNING / f"{here()}{kind}-{os.getpid()}"
    _said[path] = _said.get(path, 0) + 1
    first = _said[path] == 1
    over = threading.Event()
    try:
        if first and _written(path, must=bool(kind)):
            threading.Thread(target=_keep_seen, args=(path, over), daemon=True).start()
        yield path, first
    finally:
        over.set()
        _said[path] -= 1
        if not _said[path]:
            del _said[path]
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _written(path: Path, *, must: bool) -> bool:
    """Write the note of this process, and return whether it is there, be it without words on a full disk."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"born": born(os.getpid()), "since": _now()}), encoding="utf-8")
    except OSError:
        if must and not os.path.lexists(path):
            raise
    return os.path.lexists(path)


def _refuse_beside_clearing(root: Path) -> None:
    """Refuse to begin while somebody clears up a store, be it one that may only be read from here."""
    with suppress(OSError):  # who may not look at the notes may not write one either, and works as with none
        for each in drivers(root):
            if each.clears and each.lives:
                raise RequestError(f"{each.clearing(root)} Nothing was started; {each.wait}")


def _keep_seen(path: Path, over: threading.Event) -> None:
    while not over.wait(_SEEN_EVERY_S):
        with suppress(OSError):
            os.utime(path)


def maker() -> str:
    """Return who this process is, as names of what it has not finished say it; see :func:`ended`."""
    return f"{here()}-{os.getpid()}.{born(os.getpid())}"


def born(pid: int) -> str:
    """Return when a process of this host began, in the system's own count; nothing where it does not say.

    Numbers of processes are used again, those of threads are of the same kind, and a busy machine has gone through all
    of them in an hour; a number and this are not.
    """
    told = _told(pid)
    return told[19] if len(told) > 19 else ""


def _told(pid: int) -> list[str]:
    """Return what the system says of a process, from its state on; nothing where it says nothing."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (OSError, ValueError):
        return []


def _lives(pid: int, since: str) -> bool:
    """Return whether a process of this number that began then is on this host; one that nobody took note of is not."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return since in {"", born(pid)} and _told(pid)[:1] not in (["Z"], ["X"])


def ended(maker: str) -> bool:
    """Return whether a process of this host and PID namespace is gone; of any other it cannot be said from here.

    Parameters
    ----------
    maker : str
        As :func:`maker` says it. Names of earlier versions say no namespace, and a process of another one must not be
        taken for dead: they count as of elsewhere.
    """
    where, _, who = maker.rpartition("-")
    pid, _, since = who.partition(".")
    return where == here() and pid.isdigit() and not _lives(int(pid), since)


@dataclass(frozen=True, slots=True)
class Driver:
    """A driver that works in a store or clears it up, or did.

    Attributes
    ----------
    path : Path
        Its note.
    host : str
        Where it runs, with a word where that is another PID namespace on a host of this name.
    pid : int
        Its process there.
    since : str
        When it began, ISO 8601.
    lives : bool
        Whether it is there: on this host and in this PID namespace its process is, elsewhere it was seen less than a
        day ago.
    clears : bool
        Whether it removes results, and does not make them.
    """

    path: Path
    host: str
    pid: int
    since: str
    lives: bool
    clears: bool = False

    def clearing(self, root: Path) -> str:
        """Return a sentence that says who clears up a store."""
        return (
            f"The store {root} is being cleared up by `bpbench data gc --delete`: process {self.pid} on {self.host}, "
            f"since {self.since}."
        )

    @property
    def wait(self) -> str:
        """The end of a sentence that says what to do next."""
        return f"wait for its end and give the same command again, or remove {self.path} if it is gone."


def drivers(root: Path, *, but: Path | None = None) -> list[Driver]:
    """Return who said to work in a store, or to clear it up.

    Parameters
    ----------
    root : Path
        Of the store; something is written there where that is possible, as the clock of its file system counts.
    but : Path, optional
        A note that is left out.
    """
    folder = root.absolute() / RUNNING
    if not folder.is_dir():
        return []
    found = [
        _driver(path, name)
        for path in sorted(folder.iterdir())
        if path != but and (name := _NOTE.fullmatch(path.name)) is not None
    ]
    return [driver for driver in found if driver is not None]


def now(folder: Path) -> float:
    """Return what time it is by the clock that dates the files of a folder, s."""
    clock = folder / f".clock-{uuid.uuid4().hex}"
    clock.touch()
    try:
        return clock.stat().st_mtime
    finally:
        clock.unlink()


def _driver(path: Path, name: re.Match[str]) -> Driver | None:
    try:
        seen = path.stat().st_mtime
    except FileNotFoundError:  # it has ended
        return None
    try:
        note = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # of somebody who lets nobody read, or without words on a full disk
        note = {}
    host, pid = name["host"], int(name["pid"])
    # the note of an earlier version says no namespace, and counts as one of elsewhere: it may be of another one
    if f"{host}{name['space'] or ''}" == here():
        lives = _lives(pid, str(note.get("born", "")))
    else:
        lives = _moment(path.parent) - seen < GONE_AFTER_S
        if name["space"] and host == socket.gethostname():  # whoever looks for its number here must not miss it
            host = f"{host} in another PID namespace, as of a container"
    since = str(note.get("since", "")) or datetime.fromtimestamp(seen, UTC).isoformat(timespec="seconds")
    return Driver(path, host, pid, since, lives, name["clears"] is not None)


def _moment(folder: Path) -> float:
    """Return what time it is by the clock of a folder, or by our own where nothing may be written."""
    try:
        return now(folder)
    except OSError:
        return time.time()

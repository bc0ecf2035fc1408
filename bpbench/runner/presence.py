"""Who is at work in a store now: drivers, and whoever clears it up; and whose the unfinished things are.

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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bpbench.errors import RequestError

RUNNING: Final = "running"
#: Who works on another host, or in another PID namespace, and was not seen for so long is taken for gone.
GONE_AFTER_S: Final = 24 * 3600.0
_SEEN_EVERY_S: Final = 600.0
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
        since = datetime.now(UTC).isoformat(timespec="seconds")
        path.write_text(json.dumps({"born": born(os.getpid()), "since": since}), encoding="utf-8")
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

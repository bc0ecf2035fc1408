"""The store: write-once folders by address, safe for several writers on a shared file system.

Each result is a folder ``<store>/<first two digits>/<address>`` holding ``values.json`` (scores and other plain data),
arrays (a ``.npy`` file each, small ones together in ``arrays.npz``), ``job.json`` (what was asked), ``provenance.json``
(where and how long it ran; never compared) and ``sums.json`` (see :mod:`bpbench.runner.integrity`). It is made beside
the store's results and renamed into place whole, so a reader sees all of it or nothing, and of two writers one wins
with the same content. A result that is not what was written is moved to ``<store>/damaged`` when it is found out, and
made again by whoever needs it.

**After a power cut.** A file system may keep the renaming and lose what the files held. Writing a result through to
the disk first costs 20 ms (six files of 5 kB and their folder on a virtual disk with ext4: 6 ms without, 26 ms with),
which is nothing beside a training of a minute and would be most of a job of a millisecond. So results that took 2 s or
longer are written through, at a cost of 1 % or less; of quicker ones those of the last seconds before the cut may be
lost, and then the sums tell, and they are made again.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy.typing as npt

from bpbench.errors import DamagedError, ReadOnlyError, StoreError
from bpbench.identity import address, plain
from bpbench.jobs import Job
from bpbench.runner import integrity, presence, registry
from bpbench.runner.registry import Enrolled

#: Results that took so many seconds are written through to the disk.
SYNC_FROM_S: Final = 2.0
DAMAGED: Final = "damaged"
TMP: Final = "tmp"
#: Holds the stores of runs that are recorded for tracking, each until it is recorded.
RECORDINGS: Final = "track"
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_NOT_OURS_TO_WRITE: Final = {errno.EROFS, errno.EACCES, errno.EPERM}
_AGAIN: Final = "a run of the study makes it again"


#: Results in one folder below which each is asked for by itself, and the folder is not listed.
_FEW: Final = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job gave: plain values and arrays.

    Attributes
    ----------
    values : dict
        JSON types; ``status`` is ``done`` or ``diverged``.
    arrays : dict of str to ndarray
        Everything large.
    more : iterable of (str, ndarray)
        Arrays too large to be held together: made and saved one at a time, once. In a loaded outcome they stand among
        ``arrays``.
    """

    values: dict[str, Any]
    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    more: Iterable[tuple[str, npt.NDArray[Any]]] = ()


class _Arrays(Mapping[str, npt.NDArray[Any]]):
    """The arrays of a stored result, each opened when it is asked for and let go with it.

    A mapped array holds an open file. A study or a search looks at thousands of results with a dozen arrays each, and a
    process may have a thousand files open, or fewer.
    """

    def __init__(self, store: Store, folder: Path, names: tuple[str, ...], sums: integrity.Sums | None) -> None:
        self._store, self._folder, self._names, self._sums = store, folder, names, sums

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        if name not in self._names:
            raise KeyError(name)
        try:
            return integrity.opened(self._folder, name, self._sums)
        except integrity.UNWHOLE as error:
            raise self._store.unusable(self._folder, error) from None

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Store:
    """Results by the address of their job.

    Parameters
    ----------
    root : path-like
        Folder; made when something is first saved.

    Attributes
    ----------
    flaws : list of DamagedError
        What turned out damaged where something else could be taken in its place, for whoever tells the user.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.flaws: list[DamagedError] = []
        if self.root.exists() and not self.root.is_dir():
            raise StoreError(f"The store must be a folder; {self.root} is a file. Name another with --store.")

    def folder(self, job: Job) -> Path:
        """Return where the result of a job lies, or would lie."""
        name = address(job)
        return Path(f"{self.root}/{name[:2]}/{name}")

    def has(self, job: Job) -> bool:
        """Return whether the result of a job is stored.

        Raises
        ------
        StoreError
            When one may not look.
        """
        return _is_folder(self.folder(job))

    def present(self, jobs: Iterable[Job]) -> set[Job]:
        """Return those of some jobs whose results are stored.

        Of many jobs each folder of the store is listed once; to ask for every one of them would be a question to the
        file server each.
        """
        wanted: dict[str, dict[str, list[Job]]] = {}
        for job in jobs:
            name = address(job)
            wanted.setdefault(name[:2], {}).setdefault(name, []).append(job)
        found: set[Job] = set()
        for digits, named in wanted.items():
            folder = self.root / digits
            if len(named) < _FEW:
                there = [name for name in named if _is_folder(folder / name)]
            else:
                there = [name for name in _folders(folder) if name in named]
            found.update(*(named[name] for name in there))
        return found

    def load(self, job: Job) -> Outcome:
        """Return a stored result; its arrays are memory-mapped and read-only, each from when it is asked for.

        Raises
        ------
        DamagedError
            When it is not there, or not what was written; then it was moved aside. An array that is not what was
            written is told when it is asked for.
        StoreError
            When it may not be read, or not be moved aside.
        """
        folder = self.folder(job)
        try:
            try:
                return self._read(folder)
            except FileNotFoundError:
                _look_again(folder)
                return self._read(folder)
        except integrity.UNWHOLE as error:
            raise self.unusable(folder, error) from None

    def find(self, job: Job) -> Outcome | None:
        """Return a stored result; ``None`` where there is none, or none any more as it was damaged and moved aside.

        Raises
        ------
        StoreError
            When it may not be read, or not be moved aside.
        """
        try:
            return self.load(job) if self.has(job) else None
        except DamagedError as error:
            self.flaws.append(error)
            return None

    def _read(self, folder: Path) -> Outcome:
        sums = integrity.Sums.read(folder)
        if sums is not None and sums.address != folder.name:
            raise integrity.FlawError(f"it is the result of the job {sums.address}")
        values, names = integrity.values(folder, sums)
        if sums is not None:
            integrity.content(folder, integrity.JOB, sums)
        integrity.check_sizes(folder, names, sums)
        return Outcome(values, _Arrays(self, folder, names, sums))

    def unusable(self, folder: Path, error: BaseException) -> StoreError:
        """Return what to raise for a result that could not be read; if it is damaged, it is moved aside first.

        Parameters
        ----------
        folder : Path
            Of the result.
        error : BaseException
            What reading it raised, one of :data:`bpbench.runner.integrity.UNWHOLE`.
        """
        if not integrity.of_the_result(error):
            return _unseen(folder, error)
        name, why = folder.name, integrity.told(error)
        if not os.path.lexists(folder):
            gone = f"The result {folder} is needed and not there, as if it had been removed meanwhile; {_AGAIN}."
            return DamagedError(name, "it is not there", gone)
        try:
            aside = self.set_aside(folder)
        except FileNotFoundError:  # somebody else has found it out and moved it
            aside = self.root / DAMAGED
        except OSError as hindered:
            return StoreError(
                f"The stored result {folder} is not whole ({why}), and it cannot be moved aside ({hindered.strerror}); "
                "remove that folder where the store may be written, or name another with --store."
            )
        moved = f"The stored result {folder} is not whole ({why}); it lies in {aside} now, and {_AGAIN}."
        return DamagedError(name, why, moved)

    def set_aside(self, path: Path) -> Path:
        """Move something that is not whole, or not ours, among the store's damaged results, and return where it lies.

        Raises
        ------
        OSError
            When it cannot be moved, or is not there any more.
        """
        aside = self.root / DAMAGED / f"{path.name}-{uuid.uuid4().hex}"
        aside.parent.mkdir(exist_ok=True)
        path.rename(aside)
        return aside

    def require_writable(self, missing: int) -> None:
        """Refuse to make results for a store that may only be read.

        Parameters
        ----------
        missing : int
            How many results would be made; with none of them nothing is refused.

        Raises
        ------
        ReadOnlyError
            When something is missing and nothing may be written.
        """
        if missing and self.root.exists() and not os.access(self.root, os.W_OK):
            many = "1 result is" if missing == 1 else f"{missing} results are"
            raise ReadOnlyError(
                f"The store {self.root} may only be read, and {many} missing in it; nothing was started. Copy it, and "
                "name the copy with --store."
            )

    def save(self, job: Job, outcome: Outcome, provenance: Callable[[], Mapping[str, Any]]) -> None:
        """Write a result and rename it into place; if another writer was first, its result stays.

        Parameters
        ----------
        job : Job
            What was asked.
        outcome : Outcome
            What came of it; arrays that are still to be made may raise, and then nothing is kept.
        provenance : callable
            Says where and how long it ran; asked when every array is made.

        Raises
        ------
        StoreError
            When it cannot be written (full disk, no permission).
        """
        final = self.folder(job)
        made = self.scratch()
        try:
            _folder(made)
            ran = self._write(made, job, outcome, provenance)
            self._put(made, final)
            if ran >= SYNC_FROM_S:
                integrity.sync(final.parent)
        except OSError as error:
            shutil.rmtree(made, ignore_errors=True)
            if error.errno in {errno.ENOTEMPTY, errno.EEXIST} and final.is_dir():
                return
            raise self._unwritten(error, final) from error
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise

    def _write(self, made: Path, job: Job, outcome: Outcome, provenance: Callable[[], Mapping[str, Any]]) -> float:
        """Write the files of a result, and return how many seconds it took to make."""
        writer = integrity.Writer(made)
        names = writer.arrays(chain(outcome.arrays.items(), outcome.more))
        writer.plain(integrity.VALUES, {"values": outcome.values, "arrays": sorted(names), "summed": True})
        writer.plain(integrity.JOB, plain(job))
        how = dict(provenance())
        writer.plain(integrity.PROVENANCE, how)
        writer.finish(address(job), type(job).__name__)
        ran = how.get("wall_s")
        seconds = float(ran) if isinstance(ran, int | float) else 0.0
        if seconds >= SYNC_FROM_S:
            writer.sync()
        return seconds

    def _put(self, made: Path, final: Path) -> None:
        try:
            made.rename(final)
        except FileNotFoundError:  # the first result of that folder
            final.parent.mkdir(parents=True, exist_ok=True)
            made.rename(final)
        except NotADirectoryError:  # a file stands where the folder belongs
            if final.is_dir():
                raise
            self.set_aside(final)
            made.rename(final)

    def _unwritten(self, error: OSError, final: Path) -> StoreError:
        why = error.strerror or str(error)
        if error.errno in _FULL:
            return StoreError(
                f"The disk of the store {self.root} is full ({why}), and the result of a job could not be kept. Make "
                "space (`bpbench data gc` says what may go), and the same command goes on."
            )
        stray = next((path for path in (self.root / TMP, final.parent) if path.exists() and not path.is_dir()), None)
        if stray is not None:
            return StoreError(
                f"The result of a job could not be written to {self.root}: {stray} is a file and should be a folder; "
                "remove it, and the same command goes on."
            )
        what = "name a store that you may write with --store" if error.errno in _NOT_OURS_TO_WRITE else "see to that"
        return StoreError(
            f"The result of a job could not be written to {self.root} ({why}); {what}, and give the same command again."
        )

    def scratch(self) -> Path:
        """Return a new name for something unfinished of this process, or to be removed; :meth:`sweep` clears it up."""
        return Path(f"{self.root}/{TMP}/{presence.maker()}-{uuid.uuid4().hex}")

    def provenance(self, job: Job) -> dict[str, Any]:
        """Return where and how long a stored job ran, or an empty dictionary."""
        try:
            found = json.loads((self.folder(job) / "provenance.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def declare(self, key: str, rule: str, existing: int) -> int:
        """Note that an analysis was declared while ``existing`` repeats existed; return the first such note.

        Parameters
        ----------
        key : str
            Digest of what is compared.
        rule : str
            Digest of how it is judged.
        existing : int
            Repeats in the store now.

        Returns
        -------
        int
            The number of repeats that existed when this analysis was declared first.
        """
        note = self.root / "declared" / key / rule
        try:
            if not note.exists():
                self._note(note, existing)
            return int(note.read_text(encoding="ascii"))
        except OSError as error:
            if error.errno in _NOT_OURS_TO_WRITE:
                raise ReadOnlyError(
                    f"This analysis was not declared in the store {self.root} before, and the store may only be read; "
                    "nothing was started. Copy it, and name the copy with --store."
                ) from None
            raise StoreError(f"The declaration of the analysis could not be kept in {note.parent}: {error}.") from error
        except ValueError:
            raise StoreError(
                f"The note {note} should say how many repeats existed when this analysis was declared first, and does "
                "not; remove it, and the analysis counts as declared when you run again."
            ) from None

    def _note(self, note: Path, existing: int) -> None:
        note.parent.mkdir(parents=True, exist_ok=True)
        fresh = note.with_name(f".{note.name}-{uuid.uuid4().hex}")
        try:
            fresh.write_text(str(existing), encoding="ascii")
            integrity.sync(fresh)
            os.link(fresh, note)  # atomic, and never over an older note
        except FileExistsError:
            pass
        finally:
            fresh.unlink(missing_ok=True)

    def declarations(self, key: str) -> int:
        """Return how many different analyses were declared of what has this key."""
        folder = self.root / "declared" / key
        return sum(not note.name.startswith(".") for note in folder.iterdir()) if folder.is_dir() else 0

    def enrol(self, study: Enrolled, *, whole: bool = False) -> bool:
        """Note that a study needs some results; see :func:`bpbench.runner.registry.enrol`."""
        return registry.enrol(self.root, study, whole=whole)

    def driving(self) -> AbstractContextManager[None]:
        """Return what says, while it lasts, that a driver works here; see :func:`bpbench.runner.presence.driving`."""
        return presence.driving(self.root)

    def sweep(self) -> None:
        """Remove what writers on this host, and in this PID namespace, left behind when they were killed."""
        for left in (self.root / TMP).glob("*"):
            if presence.ended(left.name.rpartition("-")[0]):
                shutil.rmtree(left, ignore_errors=True)


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise _unseen(path, error) from None


def _folder(made: Path) -> None:
    """Make a folder, and what is above it where that is not there yet."""
    try:
        made.mkdir()
    except FileNotFoundError:
        made.mkdir(parents=True)


def _folders(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, none where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _unseen(folder, error) from None


def _unseen(folder: Path, error: BaseException) -> StoreError:
    why = error.strerror if isinstance(error, OSError) else error
    return StoreError(
        f"The stored result {folder} may not be read ({why}); ask the store's owner, or name another with --store."
    )


def _look_again(folder: Path) -> None:
    """Have a network file system ask its server: it may remember for a while that a name was not there."""
    for above in (folder.parent.parent, folder.parent):
        try:
            list(above.iterdir())
        except OSError:
            return


def default_store() -> Path:
    """Return ``BPBENCH_STORE``, or ``.bpbench/store`` below the working folder."""
    return Path(os.environ.get("BPBENCH_STORE") or ".bpbench/store")

"""The store: write-once folders by address, safe for several writers on a shared file system.

Each result is a folder ``<store>/<first two digits>/<address>`` holding ``values.json`` (scores and other plain data),
one ``.npy`` file per array, ``job.json`` (what was asked) and ``provenance.json`` (where and how long it ran; never
compared). It is made beside the store's results and renamed into place whole, so a reader sees all of it or nothing,
and of two writers one wins with the same content.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bpbench.errors import StoreError
from bpbench.identity import address, plain
from bpbench.jobs import Job


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

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        self._folder, self._names = folder, names
        for name in names:
            if not self._file(name).is_file():
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._file(name)))

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        if name not in self._names:
            raise KeyError(name)
        try:
            array: npt.NDArray[Any] = np.load(self._file(name), mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise _broken(self._folder, error) from None
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.npy"


def _broken(folder: Path, error: Exception) -> StoreError:
    return StoreError(f"The stored result {folder} is not whole ({error}); remove that folder and run again.")


class Store:
    """Results by the address of their job.

    Parameters
    ----------
    root : path-like
        Folder; made when something is first saved.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        if self.root.exists() and not self.root.is_dir():
            raise StoreError(f"The store must be a folder; {self.root} is a file. Name another with --store.")

    def folder(self, job: Job) -> Path:
        """Return where the result of a job lies, or would lie."""
        name = address(job)
        return self.root / name[:2] / name

    def has(self, job: Job) -> bool:
        """Return whether the result of a job is stored."""
        return self.folder(job).is_dir()

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
                there = [name for name in named if (folder / name).is_dir()]
            else:
                there = [name for name in _folders(folder) if name in named]
            found.update(*(named[name] for name in there))
        return found

    def load(self, job: Job) -> Outcome:
        """Return a stored result; its arrays are memory-mapped and read-only, each from when it is asked for.

        Raises
        ------
        StoreError
            When it is not there or not whole; the folder to remove is named. An array that cannot be read is told when
            it is asked for.
        """
        folder = self.folder(job)
        try:
            values = json.loads((folder / "values.json").read_text(encoding="utf-8"))
            arrays = _Arrays(folder, tuple(values["arrays"]))
        except (OSError, ValueError, KeyError) as error:
            raise _broken(folder, error) from None
        return Outcome(values["values"], arrays)

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
        made = self.root / "tmp" / f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex}"
        try:
            made.mkdir(parents=True)
            names = []
            for name, array in chain(outcome.arrays.items(), outcome.more):
                np.save(made / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)
                names.append(name)
            _write(made / "values.json", {"values": outcome.values, "arrays": sorted(names)})
            _write(made / "job.json", plain(job))
            _write(made / "provenance.json", dict(provenance()))
            final.parent.mkdir(parents=True, exist_ok=True)
            made.rename(final)
        except OSError as error:
            shutil.rmtree(made, ignore_errors=True)
            if error.errno in {errno.ENOTEMPTY, errno.EEXIST} and final.is_dir():
                return
            raise StoreError(f"The result of a job could not be written to {self.root}: {error}.") from error
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise

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
            note.parent.mkdir(parents=True, exist_ok=True)
            fresh = note.with_name(f".{rule}-{uuid.uuid4().hex}")
            fresh.write_text(str(existing), encoding="ascii")
            try:
                os.link(fresh, note)  # atomic, and never over an older note
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
            return int(note.read_text(encoding="ascii"))
        except (OSError, ValueError) as error:
            raise StoreError(f"The declaration of the analysis could not be kept in {note.parent}: {error}.") from error

    def declarations(self, key: str) -> int:
        """Return how many different analyses were declared of what has this key."""
        folder = self.root / "declared" / key
        return sum(not note.name.startswith(".") for note in folder.iterdir()) if folder.is_dir() else 0

    def sweep(self) -> None:
        """Remove what writers on this host left behind when they were killed."""
        for left in (self.root / "tmp").glob(f"{socket.gethostname()}-*"):
            pid = left.name.removeprefix(f"{socket.gethostname()}-").split("-")[0]
            if pid.isdigit() and not _alive(int(pid)):
                shutil.rmtree(left, ignore_errors=True)


def _folders(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, none where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _write(path: Path, value: Any) -> None:
    text = json.dumps(value, sort_keys=True, allow_nan=False, ensure_ascii=False)
    path.write_text(text, encoding="utf-8")

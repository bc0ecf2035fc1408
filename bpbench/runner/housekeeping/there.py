"""What lies in a store: results, what is none of them, and which results no kept study needs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bpbench.runner import registry
from bpbench.runner.presence import RUNNING
from bpbench.runner.registry import STUDIES, Enrolled
from bpbench.runner.store import DAMAGED, RECORDINGS, TMP

_ADDRESS: Final = re.compile(r"[0-9a-f]{64}")
_SHELF: Final = re.compile(r"[0-9a-f]{2}")
_OURS: Final = {DAMAGED, TMP, STUDIES, RUNNING, RECORDINGS, "declared"}
#: Why something in a store is none of its results.
FOREIGN: Final = "not ours"


def results(root: Path, strays: list[Stray] | None = None) -> Iterator[Path]:
    """Yield the folders of all results, in the order of their addresses.

    Parameters
    ----------
    root : Path
        Of the store.
    strays : list of Stray, optional
        Filled with what lies there and is no result.
    """
    aside = [] if strays is None else strays
    for shelf in listed(root, aside):
        if shelf.name in _OURS:
            continue
        if not _SHELF.fullmatch(shelf.name) or not shelf.is_dir():
            aside.append(Stray(shelf, FOREIGN))
            continue
        for folder in listed(shelf, aside):
            if _ADDRESS.fullmatch(folder.name) and folder.name.startswith(shelf.name) and folder.is_dir():
                yield folder
            else:
                aside.append(Stray(folder, FOREIGN))


@dataclass(frozen=True, slots=True)
class Stray:
    """Something in a store that is none of its results.

    Attributes
    ----------
    path : Path
        Where it lies.
    why : str
        What it is, a clause.
    """

    path: Path
    why: str


def listed(folder: Path, strays: list[Stray]) -> list[Path]:
    """Return what lies in a folder, in order; one that may not be looked into comes to the strays."""
    try:
        # what a network file system keeps of a file that is removed and still open goes by itself
        return sorted(path for path in folder.iterdir() if not path.name.startswith(".nfs"))
    except FileNotFoundError:
        return []
    except OSError as error:
        strays.append(Stray(folder, f"it may not be looked into ({error.strerror})"))
        return []


def bytes_of(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder."""
    try:
        if not path.is_dir() or path.is_symlink():
            return path.lstat().st_size
        with os.scandir(path) as entries:
            return sum(
                bytes_of(Path(entry.path))
                if entry.is_dir(follow_symlinks=False)
                else entry.stat(follow_symlinks=False).st_size
                for entry in entries
            )
    except OSError:
        return 0


@dataclass(frozen=True, slots=True)
class Held:
    """Some results and what they take.

    Attributes
    ----------
    results : int
        How many.
    bytes : int
        Of all their files.
    """

    results: int = 0
    bytes: int = 0


def held(addresses: Iterable[str], sizes: dict[str, int]) -> Held:
    """Return how many of some results there are and what they take, by the sizes of all that are stored."""
    there = [sizes[address] for address in addresses if address in sizes]
    return Held(len(there), sum(there))


def unneeded(root: Path, stored: Iterable[str], leaving: Enrolled | None = None) -> tuple[list[str], list[str]]:
    """Return the stored results that no kept study needs: those that are let go, and those that nobody knows of."""
    needed: set[str] = set()
    gone: set[str] = set()
    for study in registry.studies(root):
        left = leaving is not None and study.digest == leaving.digest
        (gone if left else needed).update(study.jobs)
        gone |= study.former
    for study in registry.studies(root, forgotten=True):
        gone |= study.jobs | study.former
    rest = [address for address in stored if address not in needed]
    return [address for address in rest if address in gone], [address for address in rest if address not in gone]

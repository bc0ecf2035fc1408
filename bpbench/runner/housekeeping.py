"""A store kept in order: every result checked, what each study takes, and what no kept study needs removed.

A result is *needed* when a study that is kept is known to need it (:mod:`bpbench.runner.registry`), *let go* when only
studies need it that were let go, or a study needed it before and does not now, and *unknown* otherwise: such were made
by versions that kept no note of their studies, or by a program that used the store without a study. Unknown results
are only removed when that is asked for by itself.

What is removed is first renamed into the folder of unfinished things and then taken apart, so that a result is never
seen in half; what a crash leaves there is cleared up by the next driver.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from bpbench.errors import RequestError, StoreError
from bpbench.identity import digest
from bpbench.runner import integrity, registry
from bpbench.runner.registry import RUNNING, STUDIES, Enrolled
from bpbench.runner.store import DAMAGED, RECORDINGS, TMP, Store

_ADDRESS: Final = re.compile(r"[0-9a-f]{64}")
_SHELF: Final = re.compile(r"[0-9a-f]{2}")
_OURS: Final = {DAMAGED, TMP, STUDIES, RUNNING, RECORDINGS, "declared"}
#: Why something in a store is none of its results.
_FOREIGN: Final = "not ours"

# ------------------------------------------------------------------------------------------------------- what is there


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
    for shelf in _listed(root, aside):
        if shelf.name in _OURS:
            continue
        if not _SHELF.fullmatch(shelf.name) or not shelf.is_dir():
            aside.append(Stray(shelf, _FOREIGN))
            continue
        for folder in _listed(shelf, aside):
            if _ADDRESS.fullmatch(folder.name) and folder.name.startswith(shelf.name) and folder.is_dir():
                yield folder
            else:
                aside.append(Stray(folder, _FOREIGN))


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


def _listed(folder: Path, strays: list[Stray]) -> list[Path]:
    try:
        # what a network file system keeps of a file that is removed and still open goes by itself
        return sorted(path for path in folder.iterdir() if not path.name.startswith(".nfs"))
    except FileNotFoundError:
        return []
    except OSError as error:
        strays.append(Stray(folder, f"it may not be looked into ({error.strerror})"))
        return []


def _bytes(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder."""
    try:
        if not path.is_dir() or path.is_symlink():
            return path.lstat().st_size
        with os.scandir(path) as entries:
            return sum(
                _bytes(Path(entry.path))
                if entry.is_dir(follow_symlinks=False)
                else entry.stat(follow_symlinks=False).st_size
                for entry in entries
            )
    except OSError:
        return 0


# ------------------------------------------------------------------------------------------------------------ verify


@dataclass(slots=True)
class Verified:
    """What became of a check of every result.

    Attributes
    ----------
    whole : int
        Results that are what was written, by their sums or, of older ones, by their structure.
    older : int
        How many of them have no sums.
    damaged : list of Stray
        Results that are not what was written.
    provenance : list of Path
        Whole results of which nobody can say any more where they were made.
    unread : list of Stray
        What may not be read.
    strays : list of Stray
        What lies in the store and is none of its results.
    moved : list of Path
        Where damaged ones lie now.
    """

    whole: int = 0
    older: int = 0
    damaged: list[Stray] = field(default_factory=list)
    provenance: list[Path] = field(default_factory=list)
    unread: list[Stray] = field(default_factory=list)
    strays: list[Stray] = field(default_factory=list)
    moved: list[Path] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing is damaged, and everything could be read."""
        return not (self.damaged or self.provenance or self.unread)


def verify(store: Store, *, repair: bool = False) -> Verified:
    """Check every file of every result.

    Parameters
    ----------
    store : Store
        What is checked.
    repair : bool
        Whether damaged results are moved aside, so that whoever needs them makes them again; of whole results a
        damaged provenance alone is moved.

    Raises
    ------
    StoreError
        When something cannot be moved aside.
    """
    found = Verified()
    for folder in results(store.root, found.strays):
        _check(folder, found)
    may_not = [stray for stray in found.strays if stray.why != _FOREIGN]
    found.unread += may_not
    found.strays = [stray for stray in found.strays if stray.why == _FOREIGN]
    if repair:
        for path in [
            *(each.path for each in found.damaged),
            *(each / integrity.PROVENANCE for each in found.provenance),
        ]:
            found.moved.append(_aside(store, path))
    return found


def _check(folder: Path, found: Verified) -> None:
    try:
        sums = integrity.Sums.read(folder)
        _check_content(folder, sums)
    except integrity.UNWHOLE as error:
        if not folder.is_dir():
            return  # removed meanwhile
        clause = Stray(folder, integrity.told(error))
        (found.damaged if integrity.of_the_result(error) else found.unread).append(clause)
        return
    found.whole += 1
    found.older += sums is None
    if not _told_where(folder, sums):
        found.provenance.append(folder)
    known = set(integrity.files_of(integrity.values(folder, sums)[1], sums))
    known |= {integrity.SUMS, integrity.VALUES, integrity.JOB, integrity.PROVENANCE}
    found.strays += [Stray(path, _FOREIGN) for path in _listed(folder, found.unread) if path.name not in known]


def _check_content(folder: Path, sums: integrity.Sums | None) -> None:
    if sums is not None and sums.address != folder.name:
        raise integrity.FlawError(f"it is the result of the job {sums.address}")
    _, names = integrity.values(folder, sums)
    integrity.check_contents(folder, names, sums)
    asked = json.loads(integrity.content(folder, integrity.JOB, sums))
    if digest(asked) != folder.name:
        raise integrity.FlawError(f"{integrity.JOB} is that of the job {digest(asked)}")


def _told_where(folder: Path, sums: integrity.Sums | None) -> bool:
    """Return whether a result says where it was made, or was relieved of a damaged word on it."""
    try:
        return isinstance(json.loads(integrity.content(folder, integrity.PROVENANCE, sums)), dict)
    except FileNotFoundError:
        return True
    except integrity.UNWHOLE:
        return False


def _aside(store: Store, path: Path) -> Path:
    try:
        return store.set_aside(path)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be moved aside ({error.strerror}); repair the store where it may be written."
        ) from None


# ------------------------------------------------------------------------------------------------------------- usage


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


@dataclass(frozen=True, slots=True)
class Share:
    """What a study takes of a store.

    Attributes
    ----------
    study : Enrolled
        The study.
    needed : Held
        All that it needs, as far as it is stored.
    alone : Held
        What no other study needs.
    missing : int
        Results that it needs and that are not stored.
    """

    study: Enrolled
    needed: Held
    alone: Held
    missing: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What lies in a store.

    Attributes
    ----------
    total : Held
        All results.
    kinds : dict of str to Held
        By the class of the job.
    shares : tuple of Share
        Study by study.
    shared : Held
        What several studies need, counted once.
    let_go, unknown : Held
        Results that no kept study needs, and those of which nobody knows who needed them.
    damaged, unfinished : int
        Bytes of what was moved aside, and of what is being made or removed.
    recordings : int
        Bytes of the stores within this one of runs that are being recorded for tracking.
    """

    total: Held
    kinds: dict[str, Held]
    shares: tuple[Share, ...]
    shared: Held
    let_go: Held
    unknown: Held
    damaged: int
    unfinished: int
    recordings: int


def usage(store: Store) -> Usage:
    """Say what each study and each kind of result takes.

    Parameters
    ----------
    store : Store
        What is looked at.
    """
    sizes: dict[str, int] = {}
    kinds: dict[str, list[int]] = {}
    for folder in results(store.root):
        sizes[folder.name] = _bytes(folder)
        kinds.setdefault(_kind(folder), []).append(sizes[folder.name])
    studies = registry.studies(store.root)
    users = Counter(address for study in studies for address in study.jobs)
    go, unknown = _unneeded(store.root, sizes)
    return Usage(
        total=_held(sizes, sizes),
        kinds={kind: Held(len(each), sum(each)) for kind, each in sorted(kinds.items())},
        shares=tuple(_share(study, sizes, users) for study in studies),
        shared=_held((address for address, many in users.items() if many > 1), sizes),
        let_go=_held(go, sizes),
        unknown=_held(unknown, sizes),
        damaged=_bytes(store.root / DAMAGED),
        unfinished=_bytes(store.root / TMP),
        recordings=_bytes(store.root / RECORDINGS),
    )


def _share(study: Enrolled, sizes: dict[str, int], users: Counter[str]) -> Share:
    own = [address for address in study.jobs if users[address] == 1]
    return Share(study, _held(study.jobs, sizes), _held(own, sizes), len(study.jobs - sizes.keys()))


def _held(addresses: Iterable[str], sizes: dict[str, int]) -> Held:
    there = [sizes[address] for address in addresses if address in sizes]
    return Held(len(there), sum(there))


def _kind(folder: Path) -> str:
    try:
        sums = integrity.Sums.read(folder)
        return sums.kind if sums is not None else str(json.loads(integrity.content(folder, integrity.JOB, None))["is"])
    except integrity.UNWHOLE:
        return "unreadable"


def _unneeded(root: Path, stored: Iterable[str], leaving: Enrolled | None = None) -> tuple[list[str], list[str]]:
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


# ---------------------------------------------------------------------------------------------------------------- gc


@dataclass(frozen=True, slots=True)
class Collected:
    """What no kept study needs.

    Attributes
    ----------
    let_go, unknown : Held
        Results that no kept study needs, and those of which nobody knows who needed them.
    kept : Held
        Results that stay in any case.
    damaged, unfinished : int
        Bytes of what was moved aside, and of what killed writers left.
    forgotten : tuple of Enrolled
        Studies that are let go.
    deleted : {'nothing', 'let go', 'all'}
        What was removed: nothing; all but unknown results; these as well.
    """

    let_go: Held
    unknown: Held
    kept: Held
    damaged: int
    unfinished: int
    forgotten: tuple[Enrolled, ...]
    deleted: Literal["nothing", "let go", "all"]


def collect(store: Store, *, forget: str | None = None, delete: bool = False, unknown: bool = False) -> Collected:
    """Find what no kept study needs, and remove it if that is asked for.

    Parameters
    ----------
    store : Store
        What is cleared up.
    forget : str, optional
        Name, or beginning of the digest, of a study that is let go first; for good only with ``delete``.
    delete : bool
        Whether anything is removed.
    unknown : bool
        Whether results go as well of which nobody knows who needed them.

    Raises
    ------
    RequestError
        When a driver works in the store, when what a study needs cannot be read, or there is no such study to forget.
    StoreError
        When something cannot be removed.
    """
    study = None if forget is None else registry.find(store.root, forget)
    if not delete:
        return _collected(store, study, "nothing")
    if not store.root.is_dir():
        raise RequestError(f"There is no store in {store.root}, and nothing to delete.")
    try:
        with store.driving():  # whoever else begins to clear up is refused
            refuse_beside_drivers(store.root)
            return _remove(store, study, unknown=unknown)
    except OSError as error:
        raise StoreError(f"The store {store.root} could not be cleared up: {error}.") from error


def refuse_beside_drivers(root: Path) -> None:
    """Refuse to remove anything while somebody works in a store.

    Raises
    ------
    RequestError
        With the drivers that live, or with notes that cannot be read.
    """
    for driver in registry.drivers(root):
        if driver.lives:
            raise RequestError(
                f"A driver works in the store {root}: process {driver.pid} on {driver.host}, since {driver.since}. "
                f"Nothing was deleted; wait for it, or remove {driver.path} if it is gone."
            )
        driver.path.unlink(missing_ok=True)
    if lost := registry.unreadable(root):
        raise RequestError(
            f"{lost[0]} should say what a study needs and cannot be read; nothing was deleted. Run that study again, "
            "or remove the file to let it go."
        )


def _collected(store: Store, study: Enrolled | None, deleted: Literal["nothing", "let go", "all"]) -> Collected:
    sizes = {folder.name: _bytes(folder) for folder in results(store.root)}
    go, nobody = _unneeded(store.root, sizes, study)
    gone = registry.studies(store.root, forgotten=True)
    return Collected(
        let_go=_held(go, sizes),
        unknown=_held(nobody, sizes),
        kept=_held(sizes.keys() - {*go, *nobody}, sizes),
        damaged=_bytes(store.root / DAMAGED),
        unfinished=_bytes(store.root / TMP),
        forgotten=tuple(gone if study is None else [*gone, study]),
        deleted=deleted,
    )


def _remove(store: Store, study: Enrolled | None, *, unknown: bool) -> Collected:
    found = _collected(store, study, "all" if unknown else "let go")
    if study is not None:
        registry.forget(store.root, study)
    names = [folder.name for folder in results(store.root)]
    go, nobody = _unneeded(store.root, names)
    for address in [*go, *(nobody if unknown else ())]:
        _take_away(store, store.root / address[:2] / address)
    for path in _listed(store.root / DAMAGED, []):
        _take_away(store, path)
    store.sweep()
    _sweep_elsewhere(store.root / TMP)
    registry.settle(store.root)
    return found


def _take_away(store: Store, path: Path) -> None:
    aside = store.scratch()
    aside.parent.mkdir(exist_ok=True)
    with suppress(FileNotFoundError):
        path.rename(aside)
    _clear(aside)


def _clear(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)  # what is left of it waits for the next to clear up
    else:
        path.unlink(missing_ok=True)


def _sweep_elsewhere(folder: Path) -> None:
    """Remove what writers on other hosts left, when it has not been touched for so long that they are gone."""
    if not folder.is_dir():
        return
    now = registry.now(folder)
    for left in _listed(folder, []):
        with suppress(OSError):
            if now - left.stat().st_mtime > registry.GONE_AFTER_S:
                _clear(left)

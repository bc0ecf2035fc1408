"""What no kept study needs, found and removed."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bpbench.errors import RequestError, StoreError
from bpbench.runner import presence, registry
from bpbench.runner.housekeeping.there import Held, bytes_of, held, listed, results, unneeded
from bpbench.runner.registry import Enrolled
from bpbench.runner.store import DAMAGED, TMP, Store


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
        When a driver works in the store or somebody else clears it up, when what a study needs cannot be read, or there
        is no such study to forget.
    StoreError
        When something cannot be removed.
    """
    study = None if forget is None else registry.find(store.root, forget)
    if not delete:
        return _collected(store, study, "nothing")
    if not store.root.is_dir():
        raise RequestError(f"There is no store in {store.root}, and nothing to delete.")
    try:
        with presence.clearing(store.root) as own:
            refuse_beside_drivers(store.root, own)
            return _remove(store, study, unknown=unknown)
    except OSError as error:
        raise StoreError(f"The store {store.root} could not be cleared up: {error}.") from error


def refuse_beside_drivers(root: Path, own: Path | None = None) -> None:
    """Refuse to remove anything while somebody works in a store.

    Parameters
    ----------
    root : Path
        Of the store.
    own : Path, optional
        The note of whoever asks.

    Raises
    ------
    RequestError
        With the drivers that live, or with notes that cannot be read.
    """
    for driver in presence.drivers(root, but=own):
        if driver.lives:
            works = f"A driver works in the store {root}: process {driver.pid} on {driver.host}, since {driver.since}."
            raise RequestError(
                f"{driver.clearing(root) if driver.clears else works} Nothing was deleted; {driver.wait}"
            )
        driver.path.unlink(missing_ok=True)
    if lost := registry.unreadable(root):
        raise RequestError(
            f"{lost[0]} should say what a study needs and cannot be read; nothing was deleted. Run that study again, "
            "or remove the file to let it go."
        )


def _collected(store: Store, study: Enrolled | None, deleted: Literal["nothing", "let go", "all"]) -> Collected:
    sizes = {folder.name: bytes_of(folder) for folder in results(store.root)}
    go, nobody = unneeded(store.root, sizes, study)
    gone = registry.studies(store.root, forgotten=True)
    return Collected(
        let_go=held(go, sizes),
        unknown=held(nobody, sizes),
        kept=held(sizes.keys() - {*go, *nobody}, sizes),
        damaged=bytes_of(store.root / DAMAGED),
        unfinished=bytes_of(store.root / TMP),
        forgotten=tuple(gone if study is None else [*gone, study]),
        deleted=deleted,
    )


def _remove(store: Store, study: Enrolled | None, *, unknown: bool) -> Collected:
    found = _collected(store, study, "all" if unknown else "let go")
    if study is not None:
        registry.forget(store.root, study)
    noted, forgotten = registry.studies(store.root), registry.studies(store.root, forgotten=True)
    names = [folder.name for folder in results(store.root)]
    go, nobody = unneeded(store.root, names)
    for address in [*go, *(nobody if unknown else ())]:
        _take_away(store, store.root / address[:2] / address)
    for path in listed(store.root / DAMAGED, []):
        _take_away(store, path)
    store.sweep()
    _sweep_elsewhere(store.root / TMP)
    registry.settle(store.root, noted, forgotten)
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
    """Remove what writers elsewhere left, when it has not been touched for so long that they are gone."""
    if not folder.is_dir():
        return
    now = presence.now(folder)
    for left in listed(folder, []):
        with suppress(OSError):
            if now - left.stat().st_mtime > presence.GONE_AFTER_S:
                _clear(left)

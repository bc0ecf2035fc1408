"""Every file of every result checked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from bpbench.errors import StoreError
from bpbench.identity import digest
from bpbench.runner import integrity
from bpbench.runner.housekeeping.there import FOREIGN, Stray, listed, results
from bpbench.runner.store import Store


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
    may_not = [stray for stray in found.strays if stray.why != FOREIGN]
    found.unread += may_not
    found.strays = [stray for stray in found.strays if stray.why == FOREIGN]
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
    found.strays += [Stray(path, FOREIGN) for path in listed(folder, found.unread) if path.name not in known]


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

"""What each study and each kind of result takes of the disk."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bpbench.runner import integrity, registry
from bpbench.runner.housekeeping.there import Held, bytes_of, held, results, unneeded
from bpbench.runner.registry import Enrolled
from bpbench.runner.store import DAMAGED, RECORDINGS, TMP, Store


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
        sizes[folder.name] = bytes_of(folder)
        kinds.setdefault(_kind(folder), []).append(sizes[folder.name])
    studies = registry.studies(store.root)
    users = Counter(address for study in studies for address in study.jobs)
    go, unknown = unneeded(store.root, sizes)
    return Usage(
        total=held(sizes, sizes),
        kinds={kind: Held(len(each), sum(each)) for kind, each in sorted(kinds.items())},
        shares=tuple(_share(study, sizes, users) for study in studies),
        shared=held((address for address, many in users.items() if many > 1), sizes),
        let_go=held(go, sizes),
        unknown=held(unknown, sizes),
        damaged=bytes_of(store.root / DAMAGED),
        unfinished=bytes_of(store.root / TMP),
        recordings=bytes_of(store.root / RECORDINGS),
    )


def _share(study: Enrolled, sizes: dict[str, int], users: Counter[str]) -> Share:
    own = [address for address in study.jobs if users[address] == 1]
    return Share(study, held(study.jobs, sizes), held(own, sizes), len(study.jobs - sizes.keys()))


def _kind(folder: Path) -> str:
    try:
        sums = integrity.Sums.read(folder)
        return sums.kind if sums is not None else str(json.loads(integrity.content(folder, integrity.JOB, None))["is"])
    except integrity.UNWHOLE:
        return "unreadable"

"""``bpbench data verify``, ``usage`` and ``gc``: the store checked, counted and cleared up."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from bpbench.errors import RequestError

if TYPE_CHECKING:
    from bpbench.runner.housekeeping import Collected, Held, Usage, Verified
    from bpbench.runner.registry import Enrolled
    from bpbench.runner.store import Store

#: What a verb gives: its JSON, its lines, and whether all is well.
Told = tuple[dict[str, Any], list[str], bool]
#: Classes of jobs, as users call them.
_KINDS: Final = {
    "MakeFrames": "frames",
    "ReadTable": "tables",
    "Describe": "descriptors",
    "TimeDescribe": "times of descriptors",
    "Agree": "comparisons of values",
    "Train": "trainings",
    "Importance": "weights of inputs",
    "Stretch": "stretched cells",
    "Simulate": "runs of dynamics",
    "Distribute": "g(r) of the data",
    "Ping": "pings",
}
_TEXTS: Final = {
    "verify": "Check every stored result: all files against their sums.",
    "usage": "Say what each study and each kind of result takes of the disk.",
    "gc": "Say what no kept study needs, and delete it with --delete.",
}


def verbs(
    parts: Any,
    verb: Callable[[Any, str, Any, str], argparse.ArgumentParser],
    run: Callable[[argparse.Namespace], int],
) -> None:
    """Add the verbs below ``data`` that look after the store.

    Parameters
    ----------
    parts : subparsers
        Of ``data``.
    verb : callable
        Adds one.
    run : callable
        What the command line calls for each.
    """
    made = {name: verb(parts, name, run, text) for name, text in _TEXTS.items()}
    for name, each in made.items():
        each.set_defaults(look=name)
        each.add_argument("--store", metavar="DIR", help="where results are kept (default .bpbench/store)")
    made["verify"].add_argument("--repair", action="store_true", help="move damaged results aside, to be made again")
    add = made["gc"].add_argument
    add("--delete", action="store_true", help="delete it; without, it is only told")
    add("--forget", metavar="STUDY", help="let a study go first: its name, or the beginning of its digest")
    add("--unknown", action="store_true", help="with --delete, results as well of which nobody knows who needs them")


def look_after(asked: argparse.Namespace, store: Store) -> Told:
    """Do what was asked of the store.

    Parameters
    ----------
    asked : argparse.Namespace
        Of :func:`verbs`.
    store : Store
        That was asked for.

    Raises
    ------
    RequestError
        When there is no such store, or nothing may be deleted now.
    """
    from bpbench.runner import housekeeping

    if not store.root.is_dir():
        raise RequestError(f"There is no store in {store.root}; name one with --store.")
    if asked.look == "verify":
        return _verified(store, housekeeping.verify(store, repair=asked.repair))
    if asked.look == "usage":
        return _used(store, housekeeping.usage(store))
    if asked.unknown and not asked.delete:
        raise RequestError(
            "--unknown says what --delete deletes besides; say both, or leave it out to see what is there."
        )
    return _collected(
        store,
        housekeeping.collect(store, forget=asked.forget, delete=asked.delete, unknown=asked.unknown),
    )


# ------------------------------------------------------------------------------------------------------------ verify


def _verified(store: Store, found: Verified) -> Told:
    def listed(strays: Sequence[Any]) -> list[dict[str, str]]:
        return [{"path": str(stray.path), "why": stray.why} for stray in strays]

    told = {
        "store": str(store.root),
        "results": found.whole + len(found.damaged),
        "whole": found.whole,
        "without_sums": found.older,
        "damaged": listed(found.damaged),
        "damaged_provenance": [str(folder) for folder in found.provenance],
        "unreadable": listed(found.unread),
        "not_ours": listed(found.strays),
        "moved": [str(path) for path in found.moved],
        "sound": found.sound,
    }
    lines = [f"{store.root}: {_many(found.whole + len(found.damaged), 'result')}, {found.whole} whole."]
    if found.older:
        lines.append(
            f"{_many(found.older, 'result')} of an earlier version, without sums: only the structure could be checked."
        )
    lines += [f"Damaged: {stray.path}: {stray.why}." for stray in found.damaged]
    lines += [
        f"Damaged: where {folder} was made, of which nothing depends; the result is whole."
        for folder in found.provenance
    ]
    lines += [f"Not read: {stray.path}: {stray.why}." for stray in found.unread]
    lines += [f"Not ours: {stray.path}." for stray in found.strays]
    if found.moved:
        what = f"{_many(len(found.moved), 'damaged item')} moved to {store.root / 'damaged'}"
        lines.append(f"{what}; the studies that need the results make them again.")
    elif found.damaged or found.provenance:
        lines.append("Say --repair to move what is damaged aside; a study that needs it makes it again.")
    return told, lines, found.sound


# ------------------------------------------------------------------------------------------------------------- usage


def _used(store: Store, found: Usage) -> Told:
    from bpbench.runner.store import RECORDINGS

    told = {
        "store": str(store.root),
        "total": _held(found.total),
        "kinds": {kind: _held(held) for kind, held in found.kinds.items()},
        "studies": [
            {
                **_study(share.study),
                "needed": _held(share.needed),
                "alone": _held(share.alone),
                "missing": share.missing,
            }
            for share in found.shares
        ],
        "shared": _held(found.shared),
        "let_go": _held(found.let_go),
        "unknown": _held(found.unknown),
        "damaged_bytes": found.damaged,
        "unfinished_bytes": found.unfinished,
        "recordings_bytes": found.recordings,
    }
    rows = [("kind", "results", "size")]
    rows += [(_KINDS.get(kind, kind), str(held.results), size(held.bytes)) for kind, held in found.kinds.items()]
    rows += [("all", str(found.total.results), size(found.total.bytes))]
    lines = [f"{store.root}", "", *_table(rows)]
    if found.shares:
        studies = [("study", "last run", "results", "size", "of it alone", "not made")]
        studies += [
            (
                _name(share.study),
                share.study.last_run[:10],
                str(share.needed.results),
                size(share.needed.bytes),
                size(share.alone.bytes),
                str(share.missing),
            )
            for share in found.shares
        ]
        lines += ["", *_table(studies)]
    lines.append("")
    if found.shared.results:
        lines.append(f"Shared by several studies, and counted once here: {_told(found.shared)}.")
    if found.let_go.results:
        lines.append(f"Needed by no kept study: {_told(found.let_go)}; `bpbench data gc --delete` deletes it.")
    if found.unknown.results:
        lines.append(f"Of unknown use, as no study that is noted here needs it: {_told(found.unknown)}.")
    if found.damaged:
        lines.append(f"Damaged, moved aside: {size(found.damaged)}.")
    if found.unfinished:
        lines.append(f"Being made, or left by killed writers: {size(found.unfinished)}.")
    if found.recordings:
        lines.append(
            f"Of runs that are recorded for tracking and have not ended: {size(found.recordings)} in "
            f"{store.root / RECORDINGS}, which may go where nobody means to record them to their ends."
        )
    return told, lines, True


# ---------------------------------------------------------------------------------------------------------------- gc


def _collected(store: Store, found: Collected) -> Told:
    told = {
        "store": str(store.root),
        "let_go": _held(found.let_go),
        "unknown": _held(found.unknown),
        "kept": _held(found.kept),
        "damaged_bytes": found.damaged,
        "unfinished_bytes": found.unfinished,
        "forgotten": [_study(study) for study in found.forgotten],
        "deleted": found.deleted,
    }
    gone = found.deleted != "nothing"
    lines = [f"{store.root}: {_told(found.kept)} needed by the studies that are kept."]
    lines += [f"{_name(study)} ({study.digest[:10]}) {'was' if gone else 'is'} let go." for study in found.forgotten]
    lines.append(f"{'Deleted' if gone else 'Would go'}, as no kept study needs it: {_told(found.let_go)}.")
    if found.damaged:
        lines.append(f"{'Deleted' if gone else 'Would go'}, as it is damaged: {size(found.damaged)}.")
    if found.unknown.results and found.deleted == "all":
        lines.append(f"Deleted, although nobody knows who needs it: {_told(found.unknown)}.")
    elif found.unknown.results:
        lines.append(
            f"Stays, as nobody knows who needs it: {_told(found.unknown)}. Earlier versions kept no note of their "
            "studies: run those again that should be kept, which takes seconds, and delete the rest with --delete "
            "--unknown."
        )
    if not gone:
        lines.append("Nothing was deleted; say --delete to do it.")
    return told, lines, True


# ------------------------------------------------------------------------------------------------------------- words


def size(count: int) -> str:
    """Return a number of bytes as a user reads it: ``980 bytes``, ``12.3 kB``, ``4.56 GB`` (powers of ten)."""
    if count < 1000:
        return _many(count, "byte")
    value, unit = float(count), 0
    while value >= 999.5:
        value, unit = value / 1000, unit + 1
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} {['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'][unit]}"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _told(held: Held) -> str:
    return f"{_many(held.results, 'result')}, {size(held.bytes)}" if held.results else "nothing"


def _held(held: Held) -> dict[str, int]:
    return {"results": held.results, "bytes": held.bytes}


def _study(study: Enrolled) -> dict[str, Any]:
    return {
        "protocol": study.name,
        "digest": study.digest,
        "file": study.file,
        "quick": study.quick,
        "last_run": study.last_run,
    }


def _name(study: Enrolled) -> str:
    return f"{study.name} (quick)" if study.quick else study.name


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay rows out in columns, the first to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return lines

"""What the command line prints of what a run would take: seconds, memory, room on the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.counting import listed
from bpbench.report.numerals import count, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Units of bytes, the largest first, and kinds of jobs that are named in one line.
_UNITS: Final = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))
_NAMED: Final = 3


def size(number: float) -> str:
    """Return bytes as ``3.2 GB``: with three digits below ten of a unit, else without a decimal."""
    for unit, name in _UNITS:
        if number >= unit:
            return f"{number / unit:.{1 if number < 10 * unit else 0}f} {name}"
    return f"{number:.0f} B"


def duration(seconds: float) -> str:
    """Return seconds as ``40 s``, ``12 min`` or ``5.1 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def lines(outlay: Mapping[str, Any]) -> list[str]:
    """Return what a run takes, in sentences; nothing where nothing is missing.

    Parameters
    ----------
    outlay : dict
        From :func:`bpbench.outlay.outlay`.
    """
    if not outlay["seen"]:
        return []
    seconds = [_seconds(outlay), *_course(outlay), *_too_long(outlay["largest"])]
    return [*seconds, _memory(outlay["memory"]) + _kept(outlay["memory"]), _disk(outlay["disk"])]


def _seconds(outlay: Mapping[str, Any]) -> str:
    low, high = (duration(seconds) for seconds in outlay["between_s"])
    return f"CPU time: {duration(outlay['cpu_s'])} (between {low} and {high}), {_basis(outlay['seen'])}."


def _basis(seen: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what the estimate of seconds rests on."""
    results = sum(entry["results"] for entry in seen.values())
    if not results:
        return "by counts and by rates of another machine, as no result is stored yet; a few would tell it better"
    known = f"by {count(results, 'stored result')}"
    blind = [kind for kind, entry in seen.items() if not entry["results"]]
    elsewhere = [kind for kind, entry in seen.items() if entry["elsewhere"]]
    if blind:
        known += f", and by counts alone for {_some(blind)}"
    if elsewhere:
        known += f"; those of {_some(elsewhere)} ran on another kind of processor"
    return known


def _some(kinds: list[str]) -> str:
    more = [f"{len(kinds) - _NAMED} more"] if len(kinds) > _NAMED else []
    return listed([*kinds[:_NAMED], *more])


def _course(outlay: Mapping[str, Any]) -> list[str]:
    processes = outlay["memory"]["processes"]
    if processes < 2:
        return []
    return [
        (
            f"No number of processes takes less than the longest chain of jobs that wait for each other, "
            f"{duration(outlay['longest_s'])}; {whole(processes)} processes have nothing to do in "
            f"{100 * outlay['waiting']:.0f} % of their time."
        )
    ]


def _too_long(largest: Mapping[str, Any]) -> list[str]:
    """Return a warning where no worker stays for as long as a job takes."""
    lasts_s = largest["lasts_s"]
    if lasts_s is None or largest["seconds"] < lasts_s:
        return []
    return [
        (
            f"The longest job, {largest['kind']}, takes {duration(largest['seconds'])}, and a worker of the cluster "
            f"file leaves after {duration(lasts_s)}: it would be begun for ever; give batch jobs a longer walltime."
        )
    ]


def _memory(memory: Mapping[str, Any]) -> str:
    process, processes, free = memory["process"], memory["processes"], memory["free"]
    own = f"Memory: {size(process)} for a process at its peak, in {memory['kind']}"
    together = own if processes < 2 else f"{own}; {size(process * processes)} for {whole(processes)} of them"
    if (each := memory["each"]) is not None:
        short = "; give it more, or run fewer processes in a batch job" if process > each else ""
        return f"{together}. The cluster file gives a process {size(each)}{short}."
    if free is None:
        return f"{together}."
    if process * processes <= free:
        return f"{together}; {size(free)} are free on this machine."
    fit = int(free // process)
    advice = f"run with --jobs {fit}" if fit else "run it where there is more"
    return f"{together}, and only {size(free)} are free on this machine: {advice}."


def _kept(memory: Mapping[str, Any]) -> str:
    """Return what a process keeps for the next trainings on the same sets, and lets go where there is too little."""
    if not memory["kept"]:
        return ""
    return f" A process has up to {size(memory['kept'])} more while there is room: inputs of sets it comes back to."


def _disk(disk: Mapping[str, Any]) -> str:
    if (short := too_little_room(disk)) is not None:
        return short
    kinds = sorted(disk["kinds"].items(), key=lambda entry: -entry[1])
    most = listed([f"{size(many)} by {kind}" for kind, many in kinds[:_NAMED] if many])
    free = "" if disk["free"] is None else f"; {size(disk['free'])} are free"
    return f"Disk: {size(disk['bytes'])} are added to the store, {most}{free}."


def too_little_room(disk: Mapping[str, Any]) -> str | None:
    """Return a sentence where a store would not find room, ``None`` where it would, or nobody knows.

    Parameters
    ----------
    disk : dict
        From :func:`bpbench.outlay.disk`.
    """
    if disk["free"] is None or disk["bytes"] <= disk["free"]:
        return None
    return (
        f"Disk: the results take {size(disk['bytes'])}, and only {size(disk['free'])} are free where {disk['folder']} "
        "is; free some, or name another folder with --store. What is stored before the disk is full is kept."
    )

"""A study recorded: its scores by repeat, what it cost, and what made it.

A store by content hands back what it has: asked for the same trainings with changed sources, it would return the old
numbers and hide every regression. So a recorded run conducts the study anew, in a store of its own, with repeats of its
own: their seeds come from the protocol's seed and the number of the draw. What the repeats do not redraw (the reserve,
the split of a fixed design) stays: it belongs to the question, and two runs that differed by it could not be compared.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bpbench import metrics, study
from bpbench.environment import environment
from bpbench.errors import ProtocolError, RequestError
from bpbench.findings import findings
from bpbench.history import History, Run
from bpbench.identity import digest
from bpbench.prepared import Prepared
from bpbench.protocol import Protocol, track_in
from bpbench.protocol.uses import Track
from bpbench.runner.engine import HERE, Engine
from bpbench.runner.executed import Watcher
from bpbench.runner.machine import machine
from bpbench.runner.store import Store
from bpbench.statistics.margins import Margin
from bpbench.study import Study

Json = dict[str, Any]
#: Makes a watcher for a study about to be conducted.
Watching = Callable[[Prepared, Store], AbstractContextManager[Watcher]]


def record(
    protocol: Protocol,
    history: History,
    root: Path,
    watching: Watching,
    *,
    engine: Engine = HERE,
    allow_commands: bool = False,
) -> Run:
    """Conduct a study anew and record it.

    Parameters
    ----------
    protocol : Protocol
        What is tracked; its ``track.repeats`` take the place of its repeats.
    history : History
        Where it is recorded.
    root : Path
        Folder under which this run has a store of its own. It is removed when the run is recorded; before, whoever
        asks again goes on where the last attempt was killed.
    watching : callable
        Makes the watcher.
    engine : Engine
        Where jobs run.
    allow_commands : bool
        Whether the programs that the protocol names may be run.

    Returns
    -------
    Run
        With the number that the history gave it.

    Raises
    ------
    RequestError
        When the protocol or its data cannot be used, or nothing could be scored.
    StoreError
        When results or the history cannot be written; what was trained is kept for the next attempt.
    """
    if protocol.roles is not None and protocol.track.repeats is None:
        raise RequestError(
            f"{protocol.origin.where('repeats')}: repeats by role share their weights and orders among all splits of a "
            "run, so two runs would differ by these; say `track: {repeats: n}`, seeds of their own within each split."
        )
    history.require_writable()
    draw = history.next_draw(protocol.name)
    repeats = protocol.track.repeats or protocol.repeats
    asked = replace(protocol, draw=draw, repeats=repeats)
    # Never the store of another draw, nor one that other sources filled.
    what = digest([asked.origin.text, asked.origin.data_option, draw, machine()["sources"], machine()["versions"]])
    store = Store(root / f"{protocol.name}-{draw}-{what[:12]}")
    with _alone(store.root, f"draw {draw} of '{protocol.name}'"):
        prepared = study.prepare(asked, store, allow_commands=allow_commands)
        study.require_allowed(prepared, store)
        with watching(prepared, store) as watcher:
            conducted = study.conduct(prepared, store, engine=engine, watcher=watcher)
        run = _kept(protocol, conducted, store, history, draw)
        shutil.rmtree(store.root, ignore_errors=True)
    return run


@contextmanager
def _alone(folder: Path, what: str) -> Iterator[None]:
    """Hold a lock beside a folder, which the system lets go of when this process ends, however it ends."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = folder.with_name(f"{folder.name}.lock")
    with lock.open("w", encoding="ascii") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RequestError(
                f"Another process is recording {what}; wait until it is done, and record again for the next draw."
            ) from None
        yield
        lock.unlink(missing_ok=True)


def _kept(protocol: Protocol, conducted: Study, store: Store, history: History, draw: int) -> Run:
    """Record a conducted study, or refuse one of which nothing can be said."""
    prepared = conducted.prepared
    searched = {name for name, outer in prepared.explored.traces if outer == 0}
    if not prepared.explored.laid.keys() <= searched:
        raise RequestError(
            f"A search of '{protocol.name}' could not end, so the run has no contestants to record; what succeeded is "
            "kept, the same command tries again."
        )
    if not any(study.status(result) == "done" for result in conducted.results.values()):
        raise RequestError(f"Every training of '{protocol.name}' failed; there is nothing to record.")
    beside = environment(conducted, store, command="", wall_s=0.0)
    return history.add(_run(findings(conducted), beside, protocol.track, draw=draw))


def of_report(folder: Path, history: History) -> Run:
    """Record a finished study from its report's folder, as it stands.

    Parameters
    ----------
    folder : Path
        Holds ``findings.json`` and ``environment.json``.
    history : History
        Where it is recorded.

    Raises
    ------
    RequestError
        For a folder that holds no finished study, a quick run, or one of whose results some were made by other
        sources, versions or hosts than its environment says.
    """
    found, beside = (_read(folder / name) for name in ("findings.json", "environment.json"))
    try:
        protocol, name = found["protocol"], found["protocol"]["name"]
        quick, elsewhere, jobs = protocol["quick"], beside["made_elsewhere"], found["jobs"]
        text = protocol["text"]
    except KeyError as error:
        raise RequestError(
            f"{folder} holds no study of trainings ({error} is missing in its files); name the folder of a report that "
            "`bpbench run` made."
        ) from None
    if quick:
        raise RequestError(
            f"{folder} is of a quick run, which decides nothing and is not recorded; run '{name}' whole."
        )
    if jobs["done"] == 0:
        raise RequestError(f"{folder} has no result at all; there is nothing to record.")
    if elsewhere:
        raise RequestError(
            f"{folder}: {elsewhere} of its results were made by other sources, versions or hosts than the report, so "
            "nobody could say what a change comes from; `bpbench track record` with its protocol trains anew."
        )
    try:
        track = track_in(text, str(folder / "findings.json"))
    except ProtocolError as error:
        raise RequestError(f"The protocol in {folder / 'findings.json'} cannot be read: {error}") from None
    return history.add(_run(found, beside, track, draw=0))


def _read(path: Path) -> Json:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RequestError(
            f"{path} does not exist; `bpbench track record` takes a protocol, or the folder of a report."
        ) from None
    except (OSError, ValueError) as error:
        raise RequestError(f"{path} cannot be read: {error}.") from None
    if not isinstance(value, dict):
        raise RequestError(f"{path} holds no findings, found a {type(value).__name__}.")
    return value


def _host(beside: Json) -> str:
    """Return the words that a measured time belongs to; trainings side by side take each other's time."""
    cores = f"{beside['cores']} core{'' if beside['cores'] == 1 else 's'}"
    at_once = beside["processes"]
    many = " or ".join(map(str, at_once)) or "an unknown number"
    return f"{beside['cpu']}, {cores}, {many} at once"


def _run(found: Json, beside: Json, track: Track, *, draw: int) -> Run:
    """Return a run from findings and environment, without a number so far."""
    analysis = found["analysis"]
    keys = list(track.metrics or (analysis["metric"],))
    operations = {entry["variant"]: entry["operations_per_atom"] for entry in found["costs"]}
    costs = beside["costs_by_variant"]
    return Run(
        study=found["protocol"]["name"],
        number=0,
        draw=draw,
        made=beside["made"],
        protocol=digest(found["protocol"]["text"]),
        data=found["data"]["sha256"],
        sources=beside["sources"],
        host=_host(beside),
        made_by={key: beside[key] for key in ("host", "cpu", "cores", "python", "platform", "versions", "bpbench")},
        metrics=[_metric(key) for key in keys],
        variants={
            variant["name"]: {
                "results": [_scored(result, analysis["part"], keys) for result in variant["results"]],
                "cpu_s": costs.get(variant["name"], {}).get("cpu_s", []),
                "peak_mb": costs.get(variant["name"], {}).get("peak_mb", []),
                "operations": operations.get(variant["name"]),
            }
            for variant in found["variants"]
        },
        rules=_rules(found, track, keys),
    )


def _metric(key: str) -> Json:
    known = metrics.metric(key)
    return {name: getattr(known, name) for name in ("key", "label", "unit", "lower_is_better", "timed")}


def _scored(result: Json, part: str, keys: list[str]) -> Json:
    scores = result["scores"]
    return {
        "repeat": result["repeat"],
        "split": result["split"],
        "status": result["status"],
        "scores": {} if scores is None else {key: scores[part][key] for key in keys},
    }


def _division(found: Json) -> str:
    """Return the digest of what repeats do not redraw: the data, and how they are divided from which seed."""
    split, data = found["split"], found["data"]
    groups = [[group[key] for key in ("name", "frames", "blocks")] for group in data["groups"]]
    shares = [split[key] for key in ("design", "reserve", "validation", "fresh")]
    return digest([data["sha256"], groups, shares, found["protocol"]["seed"]])


def _rules(found: Json, track: Track, keys: list[str]) -> Json:
    """Return what a gate goes by."""
    analysis = found["analysis"]
    return {
        "design": analysis["design"],
        "given": found["split"]["sentence"],
        "division": _division(found),
        "margins": {key: _margin(analysis, track, key) for key in keys},
        "time_margin": track.time,
        "memory_margin": track.memory,
        **{key: value for key, value in asdict(track).items() if key in {"alpha", "correction", "power"}},
    }


def _margin(analysis: Json, track: Track, key: str) -> float | str | None:
    """Return the margin of a score: the tracked one, or the analysis's where it can be judged of this score."""
    if track.margin is not None:
        return track.margin
    declared = analysis["margin"]
    if declared is None:
        return None
    kind = Margin.parse(declared).kind
    if kind == "relative" or (kind == "absolute" and key == analysis["metric"]):
        return str(declared) if isinstance(declared, str) else float(declared)
    return None

"""Where, when and how long a study ran: everything that may differ between two runs with the same findings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from bpbench.runner import timing, work
from bpbench.runner.machine import machine
from bpbench.runner.store import Store
from bpbench.study import Study

Json = dict[str, Any]


def environment(study: Study, store: Store, *, command: str, wall_s: float) -> Json:
    """Return where, when and how long: everything that may differ between two runs of the same findings.

    Parameters
    ----------
    study : Study
        What was conducted.
    store : Store
        Where times of stored results lie.
    command : str
        The command line as given.
    wall_s : float
        Seconds from start to findings.
    """
    trainings = study.prepared.trainings
    seconds: dict[str, list[float]] = {}
    kinds: dict[str, float] = {}
    for job in (*study.prepared.jobs, *study.probed):
        wall = store.provenance(job).get("wall_s")
        if isinstance(wall, float):
            kinds[work.label(job)] = kinds.get(work.label(job), 0.0) + wall
    for (name, _), job in trainings.items():
        wall = store.provenance(job).get("wall_s")
        if isinstance(wall, float):
            seconds.setdefault(name, []).append(wall)
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "wall_s": wall_s,
        "jobs_run": study.executed.made,
        "jobs_loaded": study.executed.loaded,
        "seconds_by_kind": kinds,
        "seconds_by_variant": {
            name: {"mean": float(np.mean(walls)), "n": len(walls)} for name, walls in seconds.items()
        },
        "costs_by_variant": costs_by_variant(study, store),
        "descriptor_time": _descriptor_time(study, store),
        "store": str(store.root),
        "processes": sorted({told for job in trainings.values() if (told := store.provenance(job).get("processes"))}),
        "made_elsewhere": _elsewhere(study, store),
        **machine(),
    }


def costs_by_variant(study: Study, store: Store) -> dict[str, dict[str, list[float]]]:
    """Return CPU seconds and peak memory of the trainings of each variant.

    Parameters
    ----------
    study : Study
        What was conducted.
    store : Store
        Where the costs of stored results lie.

    Returns
    -------
    dict
        By the name of each variant ``cpu_s`` (seconds) and ``peak_mb`` (10⁶ bytes), see :mod:`bpbench.runner.meter`:
        lists in the order of the repeats. A training that several repeats share stands once. One that has no result,
        that diverged (it ended early), or whose cost was not measured (by an older version, on another system) is left
        out, so the two lists may differ in length, and an index is not a repeat.
    """
    costs: dict[str, dict[str, list[float]]] = {}
    by_repeat = sorted(study.prepared.trainings.items(), key=lambda item: item[0][1])
    for name, job in dict.fromkeys((name, job) for (name, _), job in by_repeat):
        lists = costs.setdefault(name, {"cpu_s": [], "peak_mb": []})
        if store.has(job) and store.load(job).values["status"] == "done":
            told = store.provenance(job)
            for key, values in lists.items():
                if isinstance(told.get(key), float):
                    values.append(told[key])
    return costs


def _descriptor_time(study: Study, store: Store) -> dict[str, Json]:
    """Return what each set of symmetry functions took to compute, where that was measured besides."""
    key = "descriptor_time"
    found: dict[str, list[float]] = {}
    for (name, _), job in study.prepared.clocks.items():
        if store.has(job):
            found.setdefault(name, []).append(float(store.load(job).values["scores"][timing.PART][key]))
    return {
        name: {"us_per_atom": float(np.mean(times)), "least": min(times), "most": max(times), "n": len(times)}
        for name, times in found.items()
    }


def _elsewhere(study: Study, store: Store) -> int:
    """Return how many results were made by other versions, sources or hosts than the ones named here."""
    here = machine()
    keys = ("host", "python", "versions", "sources")
    jobs = [job for job in (*study.prepared.jobs, *study.probed) if store.has(job)]
    return sum(any(store.provenance(job).get(key) != here[key] for key in keys) for job in jobs)

"""What a study would cost and what it could show, said before anything runs."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpbench import metrics, shares
from bpbench.features import ColumnSet
from bpbench.runner import cost, execute, work
from bpbench.runner.store import Store
from bpbench.statistics import compare, power
from bpbench.statistics.samples import average_within_splits
from bpbench.study import Prepared, pairs


def plan(prepared: Prepared, store: Store, workers: int) -> dict[str, Any]:
    """Say what is stored, what is new, what it is expected to cost and what the design could show; plain JSON.

    Parameters
    ----------
    prepared : Prepared
        From :func:`bpbench.study.prepare`.
    store : Store
        Where results may be already.
    workers : int
        Processes that would work at once.
    """
    todo = execute.missing(prepared.jobs, store)
    new = set(todo)
    stored = [job for job in prepared.jobs if job not in new]
    estimate = cost.estimator(stored, prepared.frames, store)
    kinds: dict[str, dict[str, Any]] = {}
    for job in prepared.jobs:
        entry = kinds.setdefault(work.label(job), {"stored": 0, "new": 0, "expected_s": 0.0})
        entry["new" if job in new else "stored"] += 1
        entry["expected_s"] += estimate(job) if job in new else 0.0
    rules, protocol = prepared.rules, prepared.protocol
    units, alpha, dz = protocol.units, prepared.hardest_alpha, prepared.detectable_dz
    spread = _pilot_spread(prepared, store)
    return {
        "protocol": protocol.name,
        "digest": prepared.digest,
        "frames": len(prepared.frames),
        "atoms": int(prepared.frames.offsets[-1]),
        "columns": {
            name: {"file": chosen.file, "names": list(chosen.names)}
            for name, chosen in prepared.inputs.sets.items()
            if isinstance(chosen, ColumnSet)
        },
        "repeats": protocol.repeat_count,
        "units": units,
        "jobs": kinds,
        "expected_s": sum(entry["expected_s"] for entry in kinds.values()) / execute.at_once(todo, workers),
        "workers": workers if protocol.measure is None else 1,
        "family": [list(pair) for pair in protocol.family],
        "test": rules.test,
        "correction": rules.correction,
        "alpha": rules.alpha,
        "first_step_alpha": alpha,
        "smallest_p": compare.smallest_p(rules.test, units),
        "power": rules.power,
        "margin": None if rules.margin is None else rules.margin.plain,
        "metric": protocol.analysis.metric,
        "unit": metrics.metric(protocol.analysis.metric).unit,
        "unequal": rules.test == "nadeau-bengio" and shares.unequal(prepared),
        "detectable_dz": dz,
        "detectable_dz_t": power.detectable_dz(
            units, alpha=alpha, power=rules.power, test_to_train=rules.test_to_train
        ),
        "pilot_spread": spread,
        "detectable": None
        if spread is None or dz is None
        else power.detectable(spread, units, alpha=alpha, power=rules.power, test_to_train=rules.test_to_train),
        "spread_for_equivalence": None
        if rules.margin is None or dz is None or rules.margin.kind != "absolute"
        else power.sd_for_equivalence(
            units, margin=rules.margin.value, alpha=alpha, power=rules.power, test_to_train=rules.test_to_train
        ),
    }


def _pilot_spread(prepared: Prepared, store: Store) -> float | None:
    """Return the largest spread (sd) of paired differences among stored repeats, at least three pairs each."""
    results = {key: store.load(job) for key, job in prepared.trainings.items() if store.has(job)}
    crossed = prepared.protocol.split.design == "crossed"
    spreads = []
    for pair in pairs(prepared, results):
        if pair.candidate_sample is not None and pair.baseline_sample is not None:
            both = [pair.candidate_sample, pair.baseline_sample]
            ours, theirs = (average_within_splits(sample) if crossed else sample for sample in both)
            differences = ours.values - theirs.values
            if len(differences) >= 3:
                spreads.append(float(np.std(differences, ddof=1)))
    return max(spreads, default=None)

"""Everything a report may use, as plain JSON: the findings of a conducted study, and the environment beside them.

Findings hold no time, date, host or place, so two runs of one protocol on one kind of machine give the same bytes.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bpbench import __version__, courses, metrics
from bpbench.agreements import agreements
from bpbench.data import readers, tables
from bpbench.data.frames import Configurations, Frames
from bpbench.data.splits import PARTS
from bpbench.descriptors.operations import operations
from bpbench.features import ColumnSet, FeatureSet
from bpbench.jobs import FrameSource, Hdnn, TableSource, TimeDescribe
from bpbench.protocol import Protocol, SampleData, Variant
from bpbench.runner import timing, work
from bpbench.runner.execute import Failure
from bpbench.runner.machine import machine
from bpbench.runner.store import Outcome, Store
from bpbench.statistics.student import StudentEvidence
from bpbench.study import Prepared, Study, status
from bpbench.swept import configurations, derived, sweeps

#: Most configurations of a parity plot that are kept.
PARITY_POINTS: Final = 400
#: How each kind of model is called in text.
LABELS: Final = {
    "hdnn": "HDNN",
    "linear": "linear potential (ridge)",
    "random-forest": "random forest",
    "lightgbm": "LightGBM",
}
SCHEMA: Final = 1
#: Level of the interval of a variant's mean score.
MEAN_LEVEL: Final = 0.95
#: Scores that agree to this share of their mean differ by rounding, not by noise.
ROUNDING: Final = 1e-12

Json = dict[str, Any]
Floats = npt.NDArray[np.float64]


def findings(study: Study) -> Json:
    """Return the findings of a study.

    Parameters
    ----------
    study : Study
        From :func:`bpbench.study.conduct`.

    Returns
    -------
    dict
        JSON types; floats are finite.
    """
    prepared = study.prepared
    protocol = prepared.protocol
    metric = metrics.metric(protocol.analysis.metric)
    say = _variant if protocol.measure is None else _timed
    variants = _beside_linear([say(study, variant) for variant in protocol.variants], protocol)
    failures = [
        {
            "variant": variant["name"],
            "repeat": result["repeat"],
            "status": result["status"],
            "message": result["message"],
        }
        for variant in variants
        for result in variant["results"]
        if result["status"] != "done"
    ]
    return {
        "schema": SCHEMA,
        "bpbench": __version__,
        "protocol": {
            "name": protocol.name,
            "digest": prepared.digest,
            "title": protocol.title or protocol.name,
            "question": protocol.question.strip(),
            "text": protocol.origin.text,
            "seed": protocol.seed,
            "command": _command(protocol),
            "formats": list(protocol.report.formats),
        },
        "data": _data(prepared),
        "split": _split(prepared),
        "measure": _measure(study),
        "pool": {
            "name": protocol.pool,
            "size": 0 if prepared.pool is None else len(prepared.pool),
            "reconstructed": prepared.pool is not None and prepared.pool.reconstructed,
        },
        "sets": [_set(prepared, name) for name in protocol.sets],
        "agreement": agreements(study),
        "models": _models(prepared),
        "mean_level": MEAN_LEVEL,
        "metric": {"key": metric.key, "label": metric.label, "unit": metric.unit},
        "variants": variants,
        "sweeps": sweeps(prepared),
        "constant": _constant(study),
        "analysis": _analysis(study),
        "failures": failures,
        "jobs": _counts(study),
    }


def _models(prepared: Prepared) -> list[Json]:
    """Return every model with its settings; of those that a sweep derived, from which and by which changes."""
    origins = derived(prepared)
    return [
        {
            "name": name,
            "kind": model.kind,
            "label": LABELS[model.kind],
            "values": dataclasses.asdict(model),
            "base": origins.get(name, (None, None))[0],
            "changes": origins.get(name, (None, None))[1],
        }
        for name, model in prepared.protocol.models.items()
    ]


def _beside_linear(variants: list[Json], protocol: Protocol) -> list[Json]:
    """Return variants, each of another model with the best linear potential on the very same inputs, if there is one.

    The same inputs are the same set and the same training configurations: fewer of them are a harder task.
    """
    key = protocol.analysis.metric
    sign = 1 if metrics.metric(key).lower_is_better else -1
    linear = [
        variant
        for variant in variants
        if variant["model"] is not None and protocol.models[variant["model"]].kind == "linear" and variant["n"]
    ]
    for variant in variants:
        rivals = [
            (sign * mean, other["name"], mean)
            for other in linear
            if other["set"] == variant["set"] and other["configurations"] == variant["configurations"]
            for mean in [other["summary"]["test"][key]["mean"]]
        ]
        same = variant["model"] is None or protocol.models[variant["model"]].kind == "linear"
        best = None if same or not rivals else min(rivals)
        variant["linear"] = None if best is None else {"variant": best[1], "mean": best[2]}
    return variants


def _counts(study: Study) -> dict[str, int]:
    """Return how many trainings were asked for, and what became of them."""
    kinds = [status(result) for result in study.results.values()]
    return {
        "total": len(kinds),
        "done": kinds.count("done"),
        "failed": kinds.count("failed") + kinds.count("diverged"),
        "missing": kinds.count("missing"),
        "distinct": len(set(study.prepared.trainings.values())),
    }


def _command(protocol: Protocol) -> str:
    """Return the command that makes these findings again, without the folders of one machine."""
    command = f"bpbench run {Path(protocol.origin.file).name}"
    if protocol.origin.data_option is not None:
        command += f" --data {Path(protocol.origin.data_option).name}"
    return command


# ------------------------------------------------------------------------------------------- data, splits and sets


def _data(prepared: Prepared) -> Json:
    frames, source = prepared.frames, prepared.source
    per_atom = frames.energy / frames.atoms
    groups = []
    for name in dict.fromkeys(str(group) for group in frames.group):
        chosen = np.flatnonzero(frames.group == name)
        temperature = None if frames.temperature is None else frames.temperature[chosen]
        force = None
        if frames.forces is not None:
            force = max(float(np.linalg.norm(frames.forces[frames.rows(int(f))], axis=1).max()) for f in chosen)
        groups.append(
            {
                "name": name,
                "frames": len(chosen),
                "blocks": len(set(frames.block[chosen].tolist())),
                "atoms_per_frame": _ends(frames.atoms[chosen], int),
                "temperature_k": None if temperature is None else _ends(temperature, float),
                "energy_ev_per_atom": [float(f(per_atom[chosen])) for f in (np.min, np.mean, np.max)],
                "force_max_ev_per_a": force,
            }
        )
    embedded = isinstance(prepared.protocol.data, SampleData)
    return {
        "label": readers.SAMPLE_LABEL if embedded else Path(source.path).name,
        "method": readers.method(source) if isinstance(source, FrameSource) else None,
        "kind": prepared.protocol.data.kind,
        "file": Path(source.path).name,
        "sha256": source.sha256,
        "frames": len(frames),
        "atoms": int(frames.offsets[-1]),
        "atoms_per_frame": _ends(frames.atoms, int),
        "elements": frames.elements if isinstance(frames, Frames) else [],
        "columns": None if prepared.inputs.columns is None else len(prepared.inputs.columns),
        "groups": groups,
        "blocks": len(set(frames.block.tolist())),
        "blocks_declared": frames.blocks_declared,
        "remarks": [*_labelled(frames, source, prepared.inputs.columns or ()), *_untrained(prepared)],
    }


def _labelled(data: Configurations, source: FrameSource | TableSource, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return where the labels of the data come from, and which columns of a table are its descriptors."""
    if isinstance(source, TableSource):
        return tables.remarks(data, source, columns)
    assert isinstance(data, Frames)
    return readers.remarks(data, source)


def _untrained(prepared: Prepared) -> list[str]:
    """Return a sentence for each group that some split tests and does not train on: its errors are extrapolation."""
    group = prepared.frames.group
    lacking = Counter(
        name
        for part in prepared.parts
        for name in sorted(set(group[part.test].tolist()) - set(group[part.train].tolist()))
    )
    splits = len(prepared.parts)
    return [
        f"No frame of the group '{name}' was trained on{'' if splits == 1 else f' in {count} of {splits} splits'}, "
        "though some are in the reserve: what is scored there is extrapolation."
        for name, count in lacking.items()
    ]


def _ends(values: npt.NDArray[Any], kind: type) -> list[Any]:
    return [kind(values.min()), kind(values.max())]


_SENTENCES: Final = {
    "fixed": "One split for all repeats; a repeat redraws everything else that is random (initial weights, batch "
    "order, trees). What is claimed holds given this split.",
    "resampled": "Every repeat redraws the reserve, the training and the validation frames by whole blocks. The "
    "reserves of two repeats overlap, which the Nadeau-Bengio test allows for.",
    "crossed": "The reserve is drawn once; each split redraws training and validation by whole blocks, and several "
    "seeds are averaged within each split first. What is claimed holds given these data and this reserve.",
}

_ROUNDS: Final = (
    "A round measures every set once, in an order drawn for that round, so that whatever slows the machine for a while "
    "slows all sets of the round. What is claimed holds for machines of this kind."
)


def _split(prepared: Prepared) -> Json:
    spec = prepared.protocol.split
    counts = [
        {
            "split": number,
            "train": len(part.train),
            "validation": len(part.validation),
            "test": len(part.test),
            "train_blocks": part.train_blocks,
            "validation_blocks": part.validation_blocks,
            "test_blocks": part.test_blocks,
        }
        for number, part in enumerate(prepared.parts)
    ]
    return {
        "design": spec.design,
        "reserve": spec.reserve,
        "validation": spec.validation,
        "repeats": len(prepared.repeats),
        "splits": len(prepared.parts),
        "counts": counts,
        "sentence": _SENTENCES[spec.design] if prepared.protocol.measure is None else _ROUNDS,
    }


def _measure(study: Study) -> Json | None:
    """Return what was timed and how, ``None`` where models were trained."""
    asked = study.prepared.protocol.measure
    if asked is None:
        return None
    (chosen,) = {job.chosen for job in study.prepared.trainings.values() if isinstance(job, TimeDescribe)}
    return {
        "kind": asked.kind,
        "frames": len(chosen),
        "atoms": int(study.prepared.frames.atoms[list(chosen)].sum()),
        "passes": timing.PASSES,
        "threads": 1,
    }


def _set(prepared: Prepared, name: str) -> Json:
    spec, chosen = prepared.protocol.sets[name], prepared.inputs.sets[name]
    entry = {
        "name": name,
        "preset": spec if isinstance(spec, str) else None,
        "size": len(chosen),
        "reconstructed": chosen.reconstructed,
        "table": None,
    }
    if isinstance(chosen, ColumnSet):
        own = prepared.inputs.tables.get(name)
        source = prepared.source if own is None else own.source
        return entry | {
            "table": {"file": Path(source.path).name, "sha256": source.sha256},
            "functions": [{"name": column.name, "kind": "column"} for column in chosen],
        }
    return entry | {
        "functions": [
            {"name": f.name, **{item.name: getattr(f, item.name) for item in dataclasses.fields(f)}} for f in chosen
        ],
    }


# ----------------------------------------------------------------------------------------------------- the variants


def _variant(study: Study, variant: Variant) -> Json:
    prepared = study.prepared
    assert variant.model is not None  # nothing is trained without one
    model = prepared.protocol.models[variant.model]
    inputs = len(prepared.inputs.sets[variant.set])
    results = [_result(study, variant, number) for number in range(len(prepared.repeats))]
    done = _done(study, variant.name)
    return {
        "name": variant.name,
        "set": variant.set,
        "model": variant.model,
        "inputs": inputs,
        "shape": "-".join(map(str, (inputs, *model.hidden, 1))) if isinstance(model, Hdnn) else None,
        "parameters": done[0][1].values["parameters"] if done else None,
        "results": results,
        "n": len(done),
        "configurations": configurations(prepared, variant.name),
        "share": float(
            np.mean(
                [
                    count / len(part.train)
                    for count, part in zip(configurations(prepared, variant.name), prepared.parts, strict=True)
                ]
            )
        ),
        "not_converged": sum(result["converged"] is False for result in results),
        "checkpoint": courses.median([result["checkpoint"] for result in results]),
        "stopped": {
            reason: sum(result["stopped"] == reason for result in results) for reason in ("epochs", "patience")
        },
        "least_loss": courses.least_loss([result["least_loss"] for result in results]),
        "ensemble": courses.ensemble(
            [outcome.values["ensemble"] for _, outcome in done if outcome.values.get("ensemble")]
        ),
        "summary": _summary([outcome.values["scores"] for _, outcome in done], prepared),
        "curve": courses.curve([outcome for _, outcome in done]),
        "groups": _by_group(prepared, done),
        "parity": _parity(prepared, *done[0]) if done else None,
    }


def _done(study: Study, name: str) -> list[tuple[int, Outcome]]:
    """Return the repeats of a variant that succeeded, with their outcomes."""
    return [
        (number, outcome)
        for number in range(len(study.prepared.repeats))
        if isinstance(outcome := study.results[name, number], Outcome) and outcome.values["status"] == "done"
    ]


def _timed(study: Study, variant: Variant) -> Json:
    """Return what was measured of a set: the entries of a trained variant without a model, and its cost."""
    done = _done(study, variant.name)
    return {
        "name": variant.name,
        "set": variant.set,
        "model": None,
        "inputs": len(study.prepared.inputs.sets[variant.set]),
        "shape": None,
        "parameters": None,
        "results": [_result(study, variant, number) for number in range(len(study.prepared.repeats))],
        "n": len(done),
        "configurations": [],
        "share": None,
        "not_converged": 0,
        "checkpoint": None,
        "stopped": {"epochs": 0, "patience": 0},
        "least_loss": None,
        "ensemble": None,
        "summary": _summary([outcome.values["scores"] for _, outcome in done], study.prepared),
        "curve": None,
        "groups": [],
        "parity": None,
        "cost": _cost(study, variant.name),
    }


def _cost(study: Study, name: str) -> Json:
    """Return operations on paper, and time and operations as multiples of the baseline's.

    The multiple is the geometric mean of the ratios within rounds; its interval is the t interval of their logarithms.
    """
    base = study.prepared.protocol.analysis.baseline
    paper, reference = _on_paper(study, name), _on_paper(study, base)
    made: Json = {
        "neighbours_per_atom": paper[0] if paper else None,
        "operations_per_atom": paper[1] if paper else None,
        "operations_ratio": paper[1] / reference[1] if paper and reference else None,
        "ratio": None,
        "ratio_low": None,
        "ratio_high": None,
    }
    key = study.prepared.protocol.analysis.metric
    ours, theirs = (
        {number: outcome.values["scores"][timing.PART][key] for number, outcome in _done(study, variant)}
        for variant in (name, base)
    )
    logs = np.array([math.log(ours[number] / theirs[number]) for number in sorted(ours.keys() & theirs.keys())])
    if not len(logs):
        return made
    made["ratio"] = math.exp(logs.mean())
    if name != base and len(logs) > 1 and logs.std() > ROUNDING:
        evidence = StudentEvidence(float(logs.mean()), float(logs.std(ddof=1)) / math.sqrt(len(logs)), len(logs) - 1.0)
        made["ratio_low"], made["ratio_high"] = (math.exp(end) for end in evidence.interval(MEAN_LEVEL))
    return made


def _on_paper(study: Study, name: str) -> tuple[float, float] | None:
    """Return neighbours and operations per atom of a set, ``None`` where nothing of it was measured."""
    done = _done(study, name)
    if not done:
        return None
    (wanted,) = (variant.set for variant in study.prepared.protocol.variants if variant.name == name)
    chosen = study.prepared.inputs.sets[wanted]
    assert isinstance(chosen, FeatureSet)
    near = float(done[0][1].values["neighbours_per_atom"])
    return near, operations(chosen.functions, near)


def _result(study: Study, variant: Variant, number: int) -> Json:
    result = study.results[variant.name, number]
    empty: Json = {
        **dict.fromkeys(("scores", "converged", "checkpoint", "epochs", "stopped", "least_loss")),
        "remarks": [],
    }
    made: Json = {"repeat": number, "split": study.prepared.repeats[number].split_number, "message": None, **empty}
    if isinstance(result, Failure):
        return made | {"status": "failed", "message": result.message}
    values = result.values
    if values["status"] != "done":
        return made | {"status": values["status"], "message": values["message"]}
    return made | {"status": "done"} | {key: values.get(key, nothing) for key, nothing in empty.items()}


def _summary(scores: list[Json], prepared: Prepared) -> Json:
    """Return mean, spread, ends and the t interval of the mean over repeats, for each part and metric.

    A design with overlapping splits gets no interval: its repeats are not independent.
    """
    made: Json = {}
    timed = prepared.protocol.measure is not None
    for part in (prepared.part,) if timed else PARTS:
        made[part] = {}
        for key in (prepared.protocol.analysis.metric,) if timed else metrics.OF_ENERGIES:
            values = np.array([score[part][key] for score in scores])
            if not len(values):
                made[part][key] = None
                continue
            spread = float(values.std(ddof=1)) if len(values) > 1 else None
            low, high = (None, None)
            if prepared.protocol.split.design == "fixed" and spread and spread > ROUNDING * abs(values.mean()):
                evidence = StudentEvidence(float(values.mean()), spread / math.sqrt(len(values)), len(values) - 1.0)
                low, high = evidence.interval(MEAN_LEVEL)
            made[part][key] = {
                "mean": float(values.mean()),
                "sd": spread,
                "min": float(values.min()),
                "max": float(values.max()),
                "low": low,
                "high": high,
            }
    return made


def _by_group(prepared: Prepared, done: list[tuple[int, Outcome]]) -> list[Json]:
    """Return test errors by group, averaged over repeats; ``frames`` is the mean number of test frames of the group."""
    frames = prepared.frames
    made = []
    for name in dict.fromkeys(str(group) for group in frames.group):
        scores, counts = [], []
        for number, outcome in done:
            test = prepared.parts[prepared.repeats[number].split_number].test
            chosen = test[frames.group[test] == name]
            if len(chosen):
                counts.append(len(chosen))
                energy = np.asarray(outcome.arrays["energy"])
                scores.append(metrics.score(frames.energy[chosen], energy[chosen], frames.atoms[chosen].astype(float)))
        if scores:
            means = {key: float(np.mean([score[key] for score in scores])) for key in ("rmse", "mae", "p95", "max")}
            made.append({"name": name, "frames": round(float(np.mean(counts))), "repeats": len(scores), **means})
    return made


def _parity(prepared: Prepared, number: int, outcome: Outcome) -> Json:
    frames = prepared.frames
    test = prepared.parts[prepared.repeats[number].split_number].test
    total = len(test)
    if total > PARITY_POINTS:
        test = test[np.linspace(0, len(test) - 1, PARITY_POINTS).round().astype(int)]
    atoms = frames.atoms[test]
    predicted = np.asarray(outcome.arrays["energy"])[test]
    return {
        "reference_ev_per_atom": (frames.energy[test] / atoms).tolist(),
        "predicted_ev_per_atom": (predicted / atoms).tolist(),
        "group": [str(group) for group in frames.group[test]],
        "repeat": number,
        "total": total,
    }


def _constant(study: Study) -> Json | None:
    """Return the scores of the constant predictor on the test frames, averaged over the splits.

    It is the mean over the training configurations: over all of them, where some contestant learned from all.
    """
    prepared = study.prepared
    if prepared.protocol.measure is not None:
        return None
    size = {variant.name: configurations(prepared, variant.name) for variant in prepared.protocol.variants}
    by_split: dict[int, tuple[int, Json]] = {}
    for (name, number), result in study.results.items():
        if isinstance(result, Outcome) and result.values["status"] == "done":
            split = prepared.repeats[number].split_number
            found = (size[name][split], result.values["constant"])
            if split not in by_split or found[0] > by_split[split][0]:
                by_split[split] = found
    if not by_split:
        return None
    return {
        "test": {key: float(np.mean([score[key] for _, score in by_split.values()])) for key in metrics.OF_ENERGIES}
    }


def _analysis(study: Study) -> Json:
    prepared = study.prepared
    analysis, rules = prepared.protocol.analysis, prepared.rules
    return {
        "metric": analysis.metric,
        "part": prepared.part,
        "test": rules.test,
        "design": rules.design,
        "correction": rules.correction,
        "alpha": rules.alpha,
        "margin": rules.margin,
        "baseline": analysis.baseline,
        "family": [list(pair) for pair in prepared.protocol.family],
        "power": rules.power,
        "units": prepared.protocol.units,
        "test_to_train": rules.test_to_train,
        "chosen_after": study.chosen_after or None,
        "first_step_alpha": prepared.hardest_alpha,
        "detectable_dz": prepared.detectable_dz,
        "comparisons": [dataclasses.asdict(comparison) for comparison in study.comparisons],
    }


# -------------------------------------------------------------------------------------------------- the environment


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
    for job in study.prepared.jobs:
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
        "store": str(store.root),
        "made_elsewhere": _elsewhere(study, store),
        **machine(),
    }


def _elsewhere(study: Study, store: Store) -> int:
    """Return how many results were made by other versions, sources or hosts than the ones named here."""
    here = machine()
    keys = ("host", "python", "versions", "sources")
    jobs = [job for job in study.prepared.jobs if store.has(job)]
    return sum(any(store.provenance(job).get(key) != here[key] for key in keys) for job in jobs)

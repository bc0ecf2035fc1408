"""What came of each contestant, as plain JSON: scores, curves, errors by group, or what was measured of its set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from bpbench import courses, magnitudes, metrics, shares
from bpbench.data.splits import FRESH, PARTS, Parts
from bpbench.descriptors.operations import operations
from bpbench.features import ColumnSet, FeatureSet
from bpbench.jobs import Hdnn, ModelSpec
from bpbench.noise import noise
from bpbench.protocol import Protocol, Variant
from bpbench.runner import timing
from bpbench.runner.executed import Failure
from bpbench.runner.store import Outcome
from bpbench.statistics.student import StudentEvidence
from bpbench.study import Prepared, Study

#: Most configurations of a parity plot that are kept.
PARITY_POINTS: Final = 400
#: Level of the interval of a variant's mean score.
MEAN_LEVEL: Final = 0.95
#: Scores that agree to this share of their mean differ by rounding, not by noise.
ROUNDING: Final = 1e-12

Json = dict[str, Any]


def contestants(study: Study) -> list[Json]:
    """Return every contestant in the order of the protocol.

    Parameters
    ----------
    study : Study
        From :func:`bpbench.study.conduct`.

    Returns
    -------
    list of dict
        JSON types; the same keys for all that are trained, and for all that are timed those and their cost.
    """
    protocol = study.prepared.protocol
    say = _variant if protocol.measure is None else _timed
    same = shares.twins(study.prepared)
    found = [say(study, variant) | {"twin": same.get(variant.name)} for variant in protocol.variants]
    return _beside_linear(found, protocol)


def _beside_linear(variants: list[Json], protocol: Protocol) -> list[Json]:
    """Return variants, each of another model with the best linear potential on the very same inputs, if there is one.

    The same inputs are the same set and the same training configurations: fewer of them are a harder task, and other
    splits another test.
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
            if all(other[same] == variant[same] for same in ("set", "split_by", "configurations"))
            for mean in [other["summary"]["test"][key]["mean"]]
        ]
        same = variant["model"] is None or protocol.models[variant["model"]].kind == "linear"
        best = None if same or not rivals else min(rivals)
        variant["linear"] = None if best is None else {"variant": best[1], "mean": best[2]}
    return variants


def _variant(study: Study, variant: Variant) -> Json:
    prepared = study.prepared
    assert variant.model is not None  # nothing is trained without one
    model = prepared.protocol.models[variant.model]
    chosen = prepared.inputs.sets[variant.set]
    inputs, elements = len(chosen), prepared.inputs.elements
    shapes = _shapes(model, chosen, elements)
    results = [_result(study, variant, number) for number in range(len(prepared.repeats))]
    done = _done(study, variant.name)
    size, parts = shares.configurations(prepared, variant.name), prepared.parts_of(variant.name)
    return {
        "name": variant.name,
        "set": variant.set,
        "model": variant.model,
        "split_by": variant.split_by,
        "inputs": inputs,
        "inputs_of": by_centre(chosen),
        "shape": next(iter(shapes.values())) if len(set(shapes.values())) == 1 else None,
        "shapes": shapes if len(elements) > 1 else {},
        "parameters": done[0][1].values["parameters"] if done else None,
        "results": results,
        "n": len(done),
        "configurations": size,
        "blocks": shares.blocks(prepared, variant.name),
        "share": float(np.mean([count / len(part.train) for count, part in zip(size, parts, strict=True)])),
        "not_converged": sum(result["converged"] is False for result in results),
        "checkpoint": courses.median([result["checkpoint"] for result in results]),
        "stopped": {
            reason: sum(result["stopped"] == reason for result in results) for reason in ("epochs", "patience")
        },
        "least_loss": courses.least_loss([result["least_loss"] for result in results]),
        "best_of": magnitudes.best_of(study, variant.name),
        "ensemble": courses.ensemble(
            [outcome.values["ensemble"] for _, outcome in done if outcome.values.get("ensemble")]
        ),
        "summary": _summary([outcome.values["scores"] for _, outcome in done], prepared),
        "fresh": _fresh([outcome.values["scores"] for _, outcome in done], prepared),
        "curve": courses.curve([outcome for _, outcome in done]),
        "groups": _by_group(prepared, parts, done),
        "parity": _parity(prepared, parts, *done[0]) if done else None,
        "noise": noise(study, variant),
    }


def by_centre(chosen: FeatureSet | ColumnSet) -> dict[str, int]:
    """Return how many functions describe each element of the centre; empty where all describe every atom."""
    if not isinstance(chosen, FeatureSet):
        return {}
    return {element: len(seen) for element, seen in chosen.centres}


def _shapes(model: ModelSpec, chosen: FeatureSet | ColumnSet, elements: Sequence[str]) -> dict[str, str]:
    """Return the nodes of the layers of each element's network; none of other models."""
    if not isinstance(model, Hdnn):
        return {}
    own = by_centre(chosen)
    return {
        element: "-".join(map(str, (own.get(element, len(chosen)), *model.hidden, 1))) for element in elements or ("",)
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
        "split_by": None,
        "inputs": len(study.prepared.inputs.sets[variant.set]),
        "inputs_of": by_centre(study.prepared.inputs.sets[variant.set]),
        "shape": None,
        "shapes": {},
        "parameters": None,
        "results": [_result(study, variant, number) for number in range(len(study.prepared.repeats))],
        "n": len(done),
        "configurations": [],
        "blocks": [],
        "share": None,
        "not_converged": 0,
        "checkpoint": None,
        "stopped": {"epochs": 0, "patience": 0},
        "least_loss": None,
        "best_of": None,
        "ensemble": None,
        "summary": _summary([outcome.values["scores"] for _, outcome in done], study.prepared),
        "fresh": None,
        "curve": None,
        "groups": [],
        "parity": None,
        "noise": None,
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
    told = name != base and not study.prepared.protocol.quick  # an interval beside 1 is a verdict
    if told and len(logs) > 1 and logs.std() > ROUNDING:
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
        **dict.fromkeys(("scores", "converged", "checkpoint", "stopped", "least_loss")),
        "remarks": [],
    }
    repeat = study.prepared.repeats[number]
    made: Json = {"repeat": number, "split": repeat.split_number, "message": None, **empty}
    if study.prepared.protocol.roles is not None:
        made |= {role: getattr(repeat, role) for role in ("weights", "order", "rerun")}
    made["ran"] = None
    if isinstance(result, Failure):
        return made | {"status": "failed", "message": result.message}
    values = result.values
    if values["status"] != "done":
        return made | {"status": values["status"], "message": values["message"]}
    if "curve-epoch" in result.arrays:
        made["ran"] = int(result.arrays["curve-epoch"][-1])
    return made | {"status": "done"} | {key: values.get(key, nothing) for key, nothing in empty.items()}


def _summary(scores: list[Json], prepared: Prepared) -> Json:
    """Return mean, spread, ends and the t interval of the mean over repeats, for each part and metric.

    A design with overlapping splits gets no interval: its repeats are not independent.
    """
    made: Json = {}
    timed = prepared.protocol.measure is not None
    fresh = (FRESH,) if prepared.protocol.split.fresh else ()
    for part in (prepared.part,) if timed else (*PARTS, *fresh):
        made[part] = {}
        for key in (prepared.protocol.analysis.metric,) if timed else prepared.protocol.scored:
            values = np.array([score[part][key] for score in scores if key in score[part]])
            if not len(values):
                if key in metrics.OF_FORCES:  # not of training configurations, nor of models without forces
                    continue
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


def _fresh(scores: list[Json], prepared: Prepared) -> Json | None:
    """Return the error on the test set beside that on fresh groups; ``None`` where there are none.

    The ratio is the geometric mean over the repeats of the fresh error over the test error, beside its ends.
    """
    if not scores or not prepared.protocol.split.fresh:
        return None
    key = prepared.protocol.analysis.metric
    test, fresh = (np.array([score[part][key] for score in scores]) for part in (prepared.part, FRESH))
    if not (test > 0).all() or not (fresh > 0).all():
        return None  # a model without error has no ratio
    ratio = fresh / test
    spread = {"test_sd": test, "fresh_sd": fresh}
    return {
        "n": len(scores),
        "test": float(test.mean()),
        "fresh": float(fresh.mean()),
        **{name: float(values.std(ddof=1)) if len(values) > 1 else None for name, values in spread.items()},
        "ratio": float(np.exp(np.log(ratio).mean())),
        "low": float(ratio.min()),
        "high": float(ratio.max()),
    }


def _by_group(prepared: Prepared, parts: Sequence[Parts], done: list[tuple[int, Outcome]]) -> list[Json]:
    """Return test errors by group, averaged over repeats; ``frames`` is the mean number of test frames of the group.

    Where a model predicts forces alone there are none.
    """
    frames = prepared.frames
    made = []
    for name in dict.fromkeys(str(group) for group in frames.group):
        scores, counts = [], []
        for number, outcome in done:
            test = parts[prepared.repeats[number].split_number].test
            chosen = test[frames.group[test] == name]
            if len(chosen) and "energy" in outcome.arrays:
                counts.append(len(chosen))
                energy = np.asarray(outcome.arrays["energy"])
                scores.append(metrics.score(frames.energy[chosen], energy[chosen], frames.atoms[chosen].astype(float)))
        if scores:
            means = {key: float(np.mean([score[key] for score in scores])) for key in ("rmse", "mae", "p95", "max")}
            made.append({"name": name, "frames": round(float(np.mean(counts))), "repeats": len(scores), **means})
    return made


def _parity(prepared: Prepared, parts: Sequence[Parts], number: int, outcome: Outcome) -> Json | None:
    if "energy" not in outcome.arrays:  # a model that predicts forces alone
        return None
    frames = prepared.frames
    test = parts[prepared.repeats[number].split_number].test
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

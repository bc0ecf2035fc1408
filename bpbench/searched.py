"""What strategies searched and found, as plain JSON: every step, the choice, how steady it is, and what it costs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from bpbench.exploration import Laid, cost, crowd
from bpbench.features import Column
from bpbench.identity import plain
from bpbench.jobs import Train
from bpbench.metrics import metric
from bpbench.protocol import Protocol
from bpbench.runner.store import Outcome
from bpbench.selection.trace import Choice, Chosen, Step, Trace, Tried
from bpbench.statistics.by_size import by_size
from bpbench.statistics.front import pareto
from bpbench.statistics.stability import stability
from bpbench.strategies import RandomSubsets, Smallest, best_of
from bpbench.study import Study

Json = dict[str, Any]

#: In place of what a quick run's search decided by a test.
_UNSAID: Final = "A quick run has too few repeats to say what is as good as what."
#: Fields of a strategy that stand elsewhere than in its settings.
_ELSEWHERE: Final = {"kind", "set", "model", "outer"}


def exploration(study: Study) -> Json | None:
    """Return what came of every strategy; ``None`` for a study without any.

    Parameters
    ----------
    study : Study
        From :func:`bpbench.study.conduct`.

    Returns
    -------
    dict or None
        ``strategies`` in the order of the protocol, and how they explored. Places in a pool count from 0.
    """
    prepared, protocol = study.prepared, study.prepared.protocol
    explored = prepared.explored
    if not explored.laid:
        return None
    explore = protocol.explore
    return {
        "repeats": explore.repeats,
        "design": explore.design,
        "test": explore.test,
        "validation": explore.validation,
        "trainings": sum(isinstance(job, Train) for job in explored.jobs),
        "searched_before": study.searched_before,
        "strategies": [_strategy(study, name, laid) for name, laid in explored.laid.items()],
    }


def costs(study: Study) -> list[Json]:
    """Return what the inputs of each contestant cost on paper, beside its mean error, and who is on the front of both.

    Parameters
    ----------
    study : Study
        From :func:`bpbench.study.conduct`.

    Returns
    -------
    list of dict
        For each trained contestant whose inputs are computed here; empty where none are. ``of_baseline`` is the ratio
        of its operations to the baseline's, ``None`` where that one's inputs are read from a table.
    """
    prepared = study.prepared
    if prepared.protocol.measure is not None or prepared.inputs.pool is None:
        return []
    near = crowd(prepared.inputs)
    scale = metric(prepared.protocol.analysis.metric)
    base = prepared.inputs.sets[prepared.protocol.contestant(prepared.protocol.analysis.baseline).set].functions
    whole = None if any(isinstance(function, Column) for function in base) else cost(base, near)
    made: list[Json] = []
    for variant in prepared.protocol.variants:
        functions = prepared.inputs.sets[variant.set].functions
        if any(isinstance(function, Column) for function in functions):
            continue
        made.append(
            {
                "variant": variant.name,
                "set": variant.set,
                "model": variant.model,
                "functions": len(functions),
                "operations_per_atom": cost(functions, near),
                "of_baseline": cost(functions, near) / whole if whole else None,
                "mean": _confirmed(study, variant.name),
            }
        )
    sign = 1 if scale.lower_is_better else -1
    errors = [np.nan if entry["mean"] is None else sign * entry["mean"] for entry in made]
    quick = prepared.protocol.quick  # to be on the front is a verdict on all that are not
    front = set() if quick else set(pareto(errors, [entry["operations_per_atom"] for entry in made]))
    return [entry | {"on_front": place in front} for place, entry in enumerate(made)]


def _confirmed(study: Study, name: str) -> float | None:
    """Return the mean score of a contestant on the reserve, ``None`` if it has none or a repeat diverged."""
    prepared, found = study.prepared, []
    for repeat in prepared.repeats:
        result = study.results.get((name, repeat.number))
        if not isinstance(result, Outcome) or result.values["status"] != "done":
            return None
        found.append(float(result.values["scores"][prepared.part][prepared.protocol.analysis.metric]))
    return float(np.mean(found)) if found else None


def _strategy(study: Study, name: str, laid: Laid) -> Json:
    prepared, explored = study.prepared, study.prepared.explored
    quick = prepared.protocol.quick
    spec, trace = laid.spec, explored.traces.get((name, 0))
    searches = [explored.traces[name, outer] for outer in range(len(laid.grounds)) if (name, outer) in explored.traces]
    settings = {
        key: value for key, value in plain(spec).items() if key not in {*_ELSEWHERE, "is"} and value is not None
    }
    return {
        "name": name,
        "kind": spec.kind,
        "set": None if isinstance(spec, Smallest) else spec.set,
        "model": spec.model,
        "settings": settings,
        "margin": None if laid.grounds[0].margin is None else laid.grounds[0].margin.plain,
        "margin_width": _width(laid, trace),
        "pool": [function.name for function in laid.functions],
        "outer": len(laid.grounds),
        "by_operations": not any(isinstance(function, Column) for function in laid.functions),
        "asked": explored.trainings((name, 0)),
        "at_most": laid.at_most,
        **_raced(laid, trace),
        "broken": explored.broken.get((name, 0)),
        "rival": prepared.protocol.slots[name],
        "ended": trace is not None,
        "steps": [] if trace is None else [_step(laid, step, judged=not quick) for step in trace.steps],
        "choice": _choice(
            study, (name, prepared.protocol.slots[name]), laid, trace, None if trace is None else trace.choice
        ),
        "best": _choice(study, (best_of(name), None), laid, trace, None if trace is None else trace.best),
        "sizes": _sizes(prepared.protocol, trace)
        if trace is not None and isinstance(spec, RandomSubsets) and not quick
        else None,
        "stability": _stability(laid, searches),
        "kept": _kept(laid, searches),
    }


def _width(laid: Laid, trace: Trace | None) -> float | None:
    """Return the margin in the metric's unit, a relative one at the mean of the set that others are compared with."""
    margin = laid.grounds[0].margin
    if margin is None or margin.kind == "absolute":
        return None if margin is None else margin.value
    if margin.kind != "relative" or trace is None:
        return None
    known = [one.mean for step in trace.steps for one in step.tried if one.label == step.reference]
    return next((margin.value * mean for mean in known if mean is not None), None)


def _raced(laid: Laid, trace: Trace | None) -> Json:
    """Return how many different candidates the first search tried and stopped, and what it saved by stopping them."""
    had: dict[Chosen, tuple[int, bool]] = {}
    for one in (one for step in ([] if trace is None else trace.steps) for one in step.tried if one.scores):
        # A candidate may be tried in several steps; its trainings are made once.
        before, never = had.get(one.chosen, (0, True))
        had[one.chosen] = max(before, len(one.scores)), never and one.stopped is not None
    gone = [laid.grounds[0].repeats - repeats for repeats, stopped in had.values() if stopped]
    return {"candidates": len(had), "stopped": len(gone), "spared": sum(gone)}


def _kept(laid: Laid, searches: Sequence[Trace]) -> list[float] | None:
    """Return the share of the searches that chose each function of the pool; ``None`` where none chose anything."""
    choices = [set(trace.choice.chosen) for trace in searches if trace.choice is not None]
    if not choices:
        return None
    return [sum(place in chosen for chosen in choices) / len(choices) for place in range(len(laid.functions))]


def _step(laid: Laid, step: Step, *, judged: bool) -> Json:
    by_margin = any(one.compared is not None and one.compared.non_inferior is not None for one in step.tried)
    return {
        "said": step.said if judged or not by_margin else _UNSAID,
        "reference": step.reference,
        "taken": step.taken,
        "left": _left(laid, step),
        "tried": [_tried(laid, one, judged=judged) for one in step.tried],
    }


def _left(laid: Laid, step: Step) -> list[int] | None:
    """Return how many candidates had each repeat, ``None`` where all had all."""
    raced = [len(one.scores) for one in step.tried if one.scores and one.label != step.reference]
    if all(one.stopped is None for one in step.tried):
        return None
    return [sum(repeats > number for repeats in raced) for number in range(laid.grounds[0].repeats)]


def _tried(laid: Laid, one: Tried, *, judged: bool) -> Json:
    """Return a candidate; of a quick run without what judges it, though the search went by that."""
    compared = None if one.compared is None else dataclasses.asdict(one.compared)
    if compared is not None and not judged:
        compared |= dict.fromkeys(("low", "high", "non_inferior", "p_non_inferior"))
    return {
        "label": one.label,
        "chosen": list(one.chosen),
        "cost": laid.grounds[0].cost(one.chosen),
        "scores": list(one.scores),
        "mean": one.mean,
        "stopped": one.stopped if judged or one.stopped is None else f"Stopped after {len(one.scores)} repeats.",
        "compared": compared,
        "value": one.value,
    }


def _choice(
    study: Study, names: tuple[str, str | None], laid: Laid, trace: Trace | None, found: Choice | None
) -> Json | None:
    """Return what was chosen: its scores while exploring, and what was left of them on the reserve.

    ``names`` are those of the contestant and of that which it is compared with, if it is.
    """
    name, rival = names
    if trace is None or found is None:
        return None
    protocol, inputs = study.prepared.protocol, study.prepared.inputs
    variant = protocol.contestant(name)
    explored, whole = found.explored, _whole(trace, len(laid.functions))
    confirmed = _confirmed(study, name)
    # The whole set has a score on the reserve only where it is a contestant of its own.
    beside = next(
        (
            other.name
            for other in protocol.variants
            if other.model == variant.model and inputs.sets[other.set].functions == laid.functions
        ),
        None,
    )
    return {
        "variant": name,
        "set": variant.set,
        "size": len(found.chosen),
        "chosen": list(found.chosen),
        "cost": laid.grounds[0].cost(found.chosen),
        "explored": explored,
        "explored_whole": whole,
        "explored_difference": _minus(explored, whole),
        "least": found.least,
        "confirmed": confirmed,
        "whole": beside,
        "confirmed_difference": None if beside is None else _minus(confirmed, _confirmed(study, beside)),
        "against": None if rival is None else _against(study, rival, laid, found),
    }


def _minus(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _against(study: Study, name: str, laid: Laid, found: Choice) -> Json | None:
    """Return what the set is like with which a choice is compared, ``None`` where that one is missing."""
    protocol, inputs = study.prepared.protocol, study.prepared.inputs
    rival = next((other for other in protocol.variants if other.name == name), None)
    if rival is None:
        return None
    functions, chosen = inputs.sets[rival.set].functions, tuple(laid.functions[place] for place in found.chosen)
    computed = not any(isinstance(function, Column) for function in (*functions, *chosen))
    near = crowd(inputs)
    return {
        "variant": rival.name,
        "set": rival.set,
        "functions": len(functions),
        "same": set(functions) == set(chosen) and rival.model == laid.spec.model,
        "operations": cost(chosen, near) / cost(functions, near) if computed else None,
    }


def _whole(trace: Trace, pool: int) -> float | None:
    """Return the mean score of the whole pool while exploring, where it was trained."""
    found = [one.mean for step in trace.steps for one in step.tried if len(one.chosen) == pool and one.scores]
    return found[0] if found else None


def _sizes(protocol: Protocol, trace: Trace) -> Json:
    """Return the scores of random subsets by their size, each draw with the mean of its repeats as the unit.

    A race gives some draws fewer repeats than others, those that fell behind, and repeats differ. Sizes are therefore
    compared over the first repeats, which every draw had before any of them was stopped.
    """
    tried = [one for step in trace.steps for one in step.tried]
    sizes = [len(one.chosen) for one in tried]
    repeats = min(len(one.scores) for one in tried)
    first = [[np.nan if score is None else score for score in one.scores[:repeats]] for one in tried]
    scores = np.mean(first, axis=1)
    analysis = protocol.analysis
    alone = "holm" if analysis.correction == "max-t" else analysis.correction
    found = by_size(
        sizes,
        scores,
        correction=alone,
        alpha=analysis.alpha,
        lower_is_better=metric(analysis.metric).lower_is_better,
    )
    draws = [None if np.isnan(score) else float(score) for score in scores]
    plain_sizes = dataclasses.asdict(found)
    return {"correction": alone, "alpha": analysis.alpha, "repeats": repeats, "scores": draws, **plain_sizes}


def _stability(laid: Laid, searches: Sequence[Trace]) -> Json | None:
    """Return how far the choices of the outer splits agree; ``None`` for a single search."""
    choices = [set(trace.choice.chosen) for trace in searches if trace.choice is not None]
    if len(laid.grounds) < 2 or len(choices) < 2:
        return None
    found = stability(choices, len(laid.functions))
    return {
        **{key: getattr(found, key) for key in ("choices", "jaccard", "kuncheva", "lustgarten", "nogueira")},
        "low": found.low,
        "high": found.high,
        "level": found.level,
        "frequencies": found.frequencies.tolist(),
        "sizes": [len(chosen) for chosen in choices],
    }

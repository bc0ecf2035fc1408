"""The course of a study over its recorded runs: a series for each contestant and measure, and where it changed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import geometric_mean
from typing import Any, Final

import numpy as np

from bpbench import __version__
from bpbench.history import Run
from bpbench.identity import seed
from bpbench.statistics.changes import SHORTEST, changes
from bpbench.statistics.margins import Margin
from bpbench.tracking.gate import COSTS, LEAST, changed, header, scores

Json = dict[str, Any]

#: Level of all series of a page together.
ALPHA: Final = 0.05
#: Rearrangements of each series; more where the level of one series asks for them.
PERMUTATIONS: Final = 999
#: Runs from which on changes are looked for.
FEWEST: Final = 2 * SHORTEST


def trends(runs: Sequence[Run], baselines: Sequence[Json], *, variant: str | None = None) -> Json:
    """Return every series of a study with its change points, as plain JSON.

    A change point is looked for in the geometric means of runs. The level is divided by the number of series that are
    looked at, so that it holds for the page. Scores go over all runs; times and memory over those on the host of the
    newest.

    Parameters
    ----------
    runs : sequence of Run
        Of one study, in order.
    baselines : sequence of dict
        ``name`` and ``runs`` (numbers) of each.
    variant : str, optional
        Only this contestant.
    """
    made = [
        one
        for name in dict.fromkeys(name for run in runs for name in run.variants)
        if variant in {None, name}
        for one in _of_variant(runs, name)
    ]
    looked = [one for one in made if one["looked"]]
    alpha = ALPHA / max(1, len(looked))
    permutations = max(PERMUTATIONS, math.ceil(5 / alpha) - 1)
    for one in looked:
        _mark(one, alpha, permutations)
    return {
        "study": runs[-1].study,
        "made_with": __version__,
        "runs": [
            header(run) | {"changed": changed(run, runs[place - 1 : place]) if place else []}
            for place, run in enumerate(runs)
        ],
        "baselines": list(baselines),
        "series": [{key: value for key, value in one.items() if key != "least"} for one in made],
        "rules": {
            "alpha": ALPHA,
            "each": alpha,
            "looked": len(looked),
            "permutations": permutations,
            "shortest": SHORTEST,
        },
    }


def _of_variant(runs: Sequence[Run], name: str) -> list[Json]:
    """Return the series of one contestant: its scores, then its costs."""
    having = [run for run in runs if name in run.variants]
    newest, host = having[-1], having[-1].host
    made = []
    for metric in newest.metrics:
        points = [(run, scores([run], name, metric["key"]).tolist()) for run in having]
        kind = "time" if metric["timed"] else "loss"
        margin = newest.rules["time_margin"] if metric["timed"] else newest.rules["margins"][metric["key"]]
        made.append(_one(name, {**metric, "kind": kind}, points, host, margin))
    for key, kind, label, unit, rule in COSTS:
        points = [(run, list(run.variants[name][key])) for run in having]
        measure = {"key": key, "label": label, "unit": unit, "kind": kind, "lower_is_better": True}
        made.append(_one(name, measure, points, host, newest.rules[rule]))
    return made


def _one(
    name: str, measure: Json, points: Sequence[tuple[Run, list[float]]], host: str, margin: float | str | None
) -> Json:
    """Return a series that nobody has looked at; ``least`` is the smallest change of the mean that counts."""
    held = [(run, values) for run, values in points if values and min(values) > 0]
    near = [run for run, _ in held if measure["kind"] == "loss" or run.host == host]
    why = None
    if len(near) < FEWEST:
        where = "" if measure["kind"] == "loss" else " on the newest run's kind of host"
        many = "1 run has" if len(near) == 1 else f"{len(near)} runs have"
        why = f"{many} values{where}; changes are looked for from {FEWEST} on."
    means = [geometric_mean(values) for _, values in held]
    least = LEAST.get(measure["key"], 0.0)
    if means and max(means) < least:
        why = f"Below {least:g} {measure['unit']} in every run: too small to tell anything."
    return {
        "variant": name,
        "metric": measure["key"],
        **{key: measure[key] for key in ("label", "unit", "kind", "lower_is_better")},
        "points": [{"run": run.number, "values": values} for run, values in held],
        "hosts": {str(run.number): run.host for run, _ in held},
        "near": [run.number for run in near],
        "changes": [],
        "looked": why is None,
        "why_not": why,
        "least": _least(margin, means),
    }


def _least(margin: float | str | None, means: Sequence[float]) -> float:
    """Return a margin as a share of the mean level of a series, 0 without one."""
    if margin is None or not means:
        return 0.0
    parsed = Margin.parse(margin) if isinstance(margin, str) else Margin(margin)
    if parsed.kind == "relative":
        return parsed.value
    return parsed.value / geometric_mean(means)


def _mark(one: Json, alpha: float, permutations: int) -> None:
    """Look for the change points of a series."""
    near = set(one["near"])
    points = [point for point in one["points"] if point["run"] in near]
    found = changes(
        np.array([geometric_mean(point["values"]) for point in points]),
        alpha=alpha,
        permutations=permutations,
        least=one["least"],
        lower_is_better=one["lower_is_better"],
        seed=seed(1, "changes", one["variant"], one["metric"]),
    )
    one["changes"] = [
        {
            "run": points[change.place]["run"],
            **{key: getattr(change, key) for key in ("before", "after", "share", "p", "worse")},
        }
        for change in found
    ]

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
from bpbench.statistics.changes import SHORTEST, changes, reach
from bpbench.tracking.gate import changed, header
from bpbench.tracking.measures import LEAST, measures, values

Json = dict[str, Any]

#: Level of all series of a page together.
ALPHA: Final = 0.05
#: Rearrangements of each series; more where the level of one series asks for them.
PERMUTATIONS: Final = 999


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
    alpha, (middle, end) = _level(made)
    permutations = max(PERMUTATIONS, math.ceil(5 / alpha) - 1)
    looked = [one for one in made if one["why_not"] is None and len(one["near"]) >= middle]
    for one in made:
        if one in looked:
            one["looked"] = True
            _mark(one, alpha, permutations)
        elif one["why_not"] is None:
            one["why_not"] = _too_few(one, middle)
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
            "middle": middle,
            "end": end,
        },
    }


def _level(made: Sequence[Json]) -> tuple[float, tuple[int, int]]:
    """Return the level of one series, and from how many runs on it can find a step in the middle, and at the end.

    The level is divided by the number of series that are looked at, which in turn are those that can reach it.
    """
    lengths = [len(one["near"]) for one in made if one["why_not"] is None]
    for many in range(len(lengths), 0, -1):
        found = reach(ALPHA / many)
        if sum(length >= found[0] for length in lengths) >= many:
            return ALPHA / many, found
    return ALPHA, reach(ALPHA)


def _too_few(one: Json, middle: int) -> str:
    where = "" if one["kind"] == "loss" else " on the newest run's kind of host"
    many = "1 run has" if len(one["near"]) == 1 else f"{len(one['near'])} runs have"
    return f"{many} values{where}; with as many series, changes are looked for from {middle} on."


def _of_variant(runs: Sequence[Run], name: str) -> list[Json]:
    """Return the series of one contestant, at which nobody has looked: its scores, then its costs."""
    having = [run for run in runs if name in run.variants]
    host, made = having[-1].host, []
    for measure in measures(having[-1]):
        points = [(run, values([run], name, measure["metric"]).tolist()) for run in having]
        held = [(run, found) for run, found in points if found and min(found) > 0]
        least, why = LEAST.get(measure["metric"], 0.0), None
        if held and max(geometric_mean(found) for _, found in held) < least:
            why = f"Below {least:g} {measure['unit']} in every run: too small to tell anything."
        made.append(
            {
                "variant": name,
                **{key: measure[key] for key in ("metric", "label", "unit", "kind", "lower_is_better")},
                "points": [{"run": run.number, "values": found} for run, found in held],
                "hosts": {str(run.number): run.host for run, _ in held},
                "near": [run.number for run, _ in held if measure["kind"] == "loss" or run.host == host],
                "changes": [],
                "looked": False,
                "why_not": why,
                "least": measure["margin"] or 0.0,
            }
        )
    return made


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

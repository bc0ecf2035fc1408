"""How the trainings of a contestant went, as plain JSON: curves, stops, and what ensembles say of themselves."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from bpbench.runner.store import Outcome

#: Most points of a learning curve that are kept.
CURVE_POINTS: Final = 200

#: Learning curves of forces (meV/Å), where they are learned: training and validation.
_OF_FORCES: Final = ("train_forces", "validation_forces")

Json = dict[str, Any]


def median(values: list[int | None]) -> float | None:
    """Return the median of the numbers that there are, ``None`` where there is none."""
    found = [value for value in values if value is not None]
    return float(np.median(found)) if found else None


def least_loss(found: list[Json | None]) -> Json | None:
    """Return the least validation RMSE over epochs (meV/atom) and its epoch, over the repeats that have one."""
    losses = [loss for loss in found if loss is not None]
    if not losses:
        return None
    rmse = [loss["rmse"] for loss in losses]
    return {
        "mean": float(np.mean(rmse)),
        "min": float(np.min(rmse)),
        "epoch": float(np.median([loss["epoch"] for loss in losses])),
        "n": len(losses),
    }


def ensemble(found: list[Json]) -> Json | None:
    """Return what the repeats of an ensemble say of its spread, means over them; energies in meV/atom.

    ``within`` is the share of errors within two spreads; ``nominal`` is what it would be of normal errors whose
    standard deviation the spread of so few networks estimates: P(|t| ≤ 2), t of one degree fewer than networks.
    """
    from scipy.stats import t

    if not found:
        return None
    correlations = [entry["correlation"] for entry in found if entry["correlation"] is not None]
    return {
        "size": found[0]["size"],
        "n": len(found),
        **{key: float(np.mean([entry[key] for entry in found])) for key in ("spread", "within", "members")},
        "nominal": float(1 - 2 * t.sf(2, found[0]["size"] - 1)),
        "correlation": float(np.mean(correlations)) if correlations else None,
    }


def curve(outcomes: list[Outcome]) -> Json | None:
    """Return median and extremes over repeats at each epoch, thinned, as far as half of the repeats run.

    Where trainings end at different epochs, ``running`` tells how many of the ``repeats`` the numbers of an epoch are
    made of; the few that run longest are left out, since a median of them would be that of another sample. Where forces
    are learned, ``forces`` holds the same of them.
    """
    names = ("train", "validation")
    curves = [
        {
            name: outcome.arrays[f"curve-{name}"]
            for name in ("epoch", *names, *_OF_FORCES)
            if f"curve-{name}" in outcome.arrays
        }
        for outcome in outcomes
        if "curve-epoch" in outcome.arrays
    ]
    if not curves:
        return None
    curves.sort(key=lambda curve: -len(curve["epoch"]))
    length = len(curves[(len(curves) - 1) // 2]["epoch"])
    keep = np.unique(np.linspace(0, length - 1, min(length, CURVE_POINTS)).round().astype(int))
    running = [[curve for curve in curves if len(curve["epoch"]) > place] for place in keep]
    made: Json = {
        "epoch": [int(epoch) for epoch in curves[0]["epoch"][keep]],
        "repeats": len(curves),
        "running": [len(found) for found in running],
        "longest": int(curves[0]["epoch"][-1]),
    }

    def over_repeats(name: str) -> Json:
        columns = [
            np.array([curve[name][place] for curve in found]) for place, found in zip(keep, running, strict=True)
        ]
        return {
            "median": [float(np.median(column)) for column in columns],
            "low": [float(column.min()) for column in columns],
            "high": [float(column.max()) for column in columns],
        }

    made |= {name: over_repeats(name) for name in names}
    if all(name in curve for curve in curves for name in _OF_FORCES):
        made["forces"] = {name: over_repeats(key) for name, key in zip(names, _OF_FORCES, strict=True)}
    return made

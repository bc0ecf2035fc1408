"""Where the noise of each contestant comes from, as plain JSON: the components of variance of its scores."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from bpbench.errors import StatisticsError
from bpbench.identity import seed
from bpbench.protocol import Variant
from bpbench.roles import drawn
from bpbench.runner.store import Outcome
from bpbench.statistics.variance import Component, decompose
from bpbench.study import Study

#: Level of the intervals.
LEVEL: Final = 0.95
#: What a training draws, in the order of the axes; the last axis is that of reruns.
ROLES: Final = ("split", "weights", "order")

Json = dict[str, Any]


def noise(study: Study, variant: Variant) -> Json | None:
    """Return how the variance of a contestant's judged score is made up.

    Parameters
    ----------
    study : Study
        From :func:`bpbench.study.conduct`.
    variant : Variant
        The contestant.

    Returns
    -------
    dict or None
        ``None`` where repeats are not given by role, and of a quick run, whose draws are too few. ``refused`` is the
        sentence that says why there are no components, or ``None``. Variances are in the square of the metric's unit,
        standard deviations in its unit; ``raw`` may be negative. A component without sources is the machine's.
    """
    prepared = study.prepared
    roles, splits = prepared.protocol.roles, prepared.protocol.split.splits
    if roles is None or splits is None or variant.model is None or prepared.protocol.quick:
        return None
    values = np.array([_score(study, variant.name, repeat.number) for repeat in prepared.repeats])
    values = values.reshape(splits, roles.weights, roles.order, roles.rerun)
    draws = drawn(prepared.protocol.models[variant.model])
    still = [role for role in ROLES[1:] if role not in draws]
    for axis, role in enumerate(ROLES):
        if role in still:  # one training stands in all its places
            values = values.take([0], axis=axis)
    made: Json = {"level": LEVEL, "not_drawn": still, "single": [], "refused": None, "components": []}
    made["single"] = [role for role in ROLES[1:] if role not in still and getattr(roles, role) == 1]
    try:
        found = decompose(values, ROLES, level=LEVEL, seed=seed(prepared.protocol.seed, "noise", variant.name))
    except StatisticsError as error:
        return made | {"refused": str(error)}
    return made | {
        "n": int(values.size),
        "mean": found.mean,
        "sd": math.sqrt(found.total),
        "levels": found.levels,
        "reruns": found.replicates,
        "same_bits": found.replicates > 1 and found.components[-1].mean_square == 0,
        "components": [_component(component) for component in found.components],
    }


def _score(study: Study, name: str, number: int) -> float:
    """Return a judged score, NaN where there is none."""
    result = study.results[name, number]
    if not isinstance(result, Outcome) or result.values["status"] != "done":
        return math.nan
    return float(result.values["scores"][study.prepared.part][study.prepared.protocol.analysis.metric])


def _component(component: Component) -> Json:
    return {
        "sources": list(component.factors),
        "df": component.df,
        "mean_square": component.mean_square,
        "raw": component.raw,
        "sd": math.sqrt(component.variance),
        "sd_low": math.sqrt(component.low),
        "sd_high": math.sqrt(component.high),
        "share": component.share,
        "share_low": component.share_low,
        "share_high": component.share_high,
    }

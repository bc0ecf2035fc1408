"""How large differences are and what the best of several trainings would show, as plain JSON: beside the verdicts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bpbench import metrics
from bpbench.runner.store import Outcome
from bpbench.statistics import best_of as best
from bpbench.statistics import estimates
from bpbench.statistics.compare import Comparison, Pair, Rules
from bpbench.statistics.estimates import Estimates
from bpbench.statistics.intervals import RESAMPLES
from bpbench.study import Study, pairs, status

Json = dict[str, Any]

#: Comparisons beyond which each is resampled less often: all pairs of many variants would take minutes.
_MANY: Final = 100
_FEWER: Final = 999


def of_comparisons(study: Study) -> list[Json | None]:
    """Return the estimates of every comparison, in order, ``None`` where no repeat finished on both sides."""
    prepared = study.prepared
    return of_family(pairs(prepared, study.results), study.comparisons, prepared.rules)


def of_family(family: Sequence[Pair], comparisons: Sequence[Comparison], rules: Rules) -> list[Json | None]:
    """Return the estimates of every judged pair of a family, in order."""
    resamples = RESAMPLES if len(family) <= _MANY else _FEWER
    return [
        told(estimates.of_pair(pair, comparison, rules, resamples=resamples))
        for pair, comparison in zip(family, comparisons, strict=True)
    ]


def told(found: Estimates | None) -> Json | None:
    """Return estimates as plain JSON: by their names, and the intervals of each by their methods."""
    if found is None:
        return None
    return {
        "n": found.n,
        "n_baseline": found.n_baseline,
        "paired": found.paired,
        "level": found.level,
        "remark": found.remark,
        "values": {
            estimate.name: {
                "value": estimate.value,
                "remark": estimate.remark,
                "intervals": {
                    interval.method: {"low": interval.low, "high": interval.high, "remark": interval.remark}
                    for interval in estimate.intervals
                },
            }
            for estimate in found.values
        },
    }


def best_of(study: Study, name: str) -> Json | None:
    """Return what the best of n trainings of a contestant would be expected to score, for n up to those that finished.

    ``None`` where nothing is kept of several: where descriptors are timed, where seeds share splits (the trainings of
    a crossed design are not exchangeable), where all repeats are one training, and where a training diverged, which
    would be the worst of any n.
    """
    prepared = study.prepared
    protocol = prepared.protocol
    jobs = {prepared.trainings[name, repeat.number] for repeat in prepared.repeats}
    results = [study.results[name, repeat.number] for repeat in prepared.repeats]
    diverged = any(status(result) == "diverged" for result in results)
    if protocol.measure is not None or protocol.split.design == "crossed" or len(jobs) == 1 or diverged:
        return None
    key = protocol.analysis.metric
    scores = [
        result.values["scores"][prepared.part][key]
        for result in results
        if isinstance(result, Outcome) and status(result) == "done"
    ]
    return curve(np.array(scores), lower_is_better=metrics.metric(key).lower_is_better) if scores else None


def curve(scores: npt.NDArray[np.float64], *, lower_is_better: bool) -> Json:
    """Return the expected best of n scores as plain JSON."""
    found = dataclasses.asdict(best.best_of(scores, lower_is_better=lower_is_better))
    return {key: list(value) if isinstance(value, tuple) else value for key, value in found.items()}

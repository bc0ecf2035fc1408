"""What is measured of each contestant of a recorded run: its scores, and what its trainings cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bpbench.history import Run
from bpbench.statistics.margins import Margin

Json = dict[str, Any]
Floats = npt.NDArray[np.float64]

#: What is measured of every training: the key of a run's variants, what it is called, its unit, the margin's rule.
COSTS: Final = (
    ("cpu_s", "time", "processor time of a training", "s", "time_margin"),
    ("peak_mb", "memory", "most memory of a training", "MB", "memory_margin"),
)
#: What is below this on both sides is not compared. Two runs of one code differ by a factor of up to two in the time of
#: trainings of some hundredths of a second (caches, clocks), and by whole pages in a memory of less than a megabyte.
LEAST: Final = {"cpu_s": 0.1, "peak_mb": 1.0}


def measures(run: Run) -> list[Json]:
    """Return everything that is compared of each contestant of a run: its scores, and what its trainings cost.

    Parameters
    ----------
    run : Run
        Its rules count.

    Returns
    -------
    list of dict
        ``metric``, ``label``, ``unit``, ``kind``, ``lower_is_better`` and ``margin``, as a series has them.
    """
    rules = run.rules
    made = []
    for metric in run.metrics:
        written = rules["margins"][metric["key"]]
        margin = None if written is None else Margin.parse(written)
        made.append(
            {
                "metric": metric["key"],
                "kind": "time" if metric["timed"] else "loss",
                "margin": Margin(rules["time_margin"], "relative") if metric["timed"] else margin,
                **{key: metric[key] for key in ("label", "unit", "lower_is_better")},
            }
        )
    if all(metric["timed"] for metric in run.metrics):
        return made  # nothing was trained
    return made + [
        {
            "metric": key,
            "kind": kind,
            "margin": Margin(rules[rule], "relative"),
            "label": label,
            "unit": unit,
            "lower_is_better": True,
        }
        for key, kind, label, unit, rule in COSTS
    ]


def values(runs: Sequence[Run], variant: str, key: str) -> Floats:
    """Return what a measure of :func:`measures` came to in some runs, taken together.

    Of scores one value for each finished repeat, and in a crossed design for each split, the mean of its seeds.

    Parameters
    ----------
    runs : sequence of Run
        Taken together.
    variant, key : str
        Which contestant, and which measure.

    Returns
    -------
    ndarray, shape (n,)
        In the measure's unit.
    """
    if key in LEAST:
        return np.array([value for run in runs for value in run.variants[variant][key]], dtype=np.float64)
    found: list[float] = []
    for run in runs:
        done = [
            result
            for result in run.variants[variant]["results"]
            if result["status"] == "done" and key in result["scores"]
        ]
        if run.rules["design"] != "crossed":
            found += [result["scores"][key] for result in done]
            continue
        splits = dict.fromkeys(result["split"] for result in done)
        found += [
            float(np.mean([result["scores"][key] for result in done if result["split"] == split])) for split in splits
        ]
    return np.array(found, dtype=np.float64)

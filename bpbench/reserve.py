"""What the reserve can tell: how well its blocks determine the difference of two contestants.

A study on one reserve says what holds given this reserve. Its blocks show how far that may be from what another reserve
would have shown: leaving out one block at a time gives the standard error of the difference of two RMSEs
(:mod:`bpbench.statistics.reserve`). A margin below what the blocks can resolve is decided for this reserve alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, Final

import numpy as np

from bpbench.metrics import Array
from bpbench.runner.executed import Failure
from bpbench.runner.store import Outcome
from bpbench.statistics.pairs import Comparison
from bpbench.statistics.reserve import ObservedError, blocks_for, observed_error, relative_error
from bpbench.study import Prepared, Study
from bpbench.units import MEV_PER_EV

Json = dict[str, Any]
Results = Mapping[tuple[str, int], Outcome | Failure]

#: Level of the interval that a reserve gives a difference.
LEVEL: Final = 0.95
#: Blocks below which a reserve says next to nothing of another one.
_FEWEST: Final = 3


def told(prepared: Prepared, results: Results) -> Json | None:
    """Return the blocks of the reserve and what they make of each compared pair.

    Parameters
    ----------
    prepared : Prepared
        The study.
    results : mapping of (str, int) to Outcome or Failure
        Results by contestant and repeat, as far as there are any.

    Returns
    -------
    dict or None
        ``None`` where there is not one reserve for all: nothing is trained, or every repeat draws its own. ``pairs``
        holds those that are stored on both sides, where errors are compared by their RMSE. Of contestants whose blocks
        err independently, ``blocks_for_margin`` would carry a relative margin, and ``rmse_for_margin`` is the largest
        error at which these blocks carry an absolute one: z RMSE/√B is the margin there.
    """
    from scipy.special import ndtri

    if not prepared.parts or prepared.protocol.split.design == "resampled":
        return None
    (part, *_) = prepared.parts_of(prepared.protocol.analysis.baseline)
    blocks, margin = part.test_blocks, prepared.rules.margin
    z, pairs = float(ndtri((1 + LEVEL) / 2)), []
    errors = cache(partial(_errors, prepared, results))  # the baseline's are asked for again and again
    for candidate, rival in prepared.protocol.family:
        found = _observed(prepared, errors, candidate, rival)
        if found is not None:
            width = math.inf
            if margin is not None and margin.kind == "absolute":
                width = margin.value
            elif margin is not None and margin.kind == "relative":
                width = margin.value * found.rmse_b
            half = z * found.se
            pairs.append(
                {
                    "candidate": candidate,
                    "baseline": rival,
                    "difference": found.difference,
                    "se": found.se,
                    "half_width": half,
                    "resolved": half <= width,
                    "blocks_needed": None if math.isinf(width) else math.ceil(blocks * (half / width) ** 2),
                }
            )
    relative = margin is not None and margin.kind == "relative"
    absolute = margin is not None and margin.kind == "absolute" and prepared.protocol.analysis.metric == "rmse"
    return {
        "few": blocks < _FEWEST,
        "frames": len(part.test),
        "blocks": blocks,
        "level": LEVEL,
        "relative_error": relative_error(blocks),
        "blocks_for_margin": blocks_for(margin.value, level=LEVEL) if margin is not None and relative else None,
        "rmse_for_margin": margin.value * math.sqrt(blocks) / z if margin is not None and absolute else None,
        "pairs": pairs,
    }


def of_study(study: Study) -> Json | None:
    """Return the same of a conducted study, and which of its verdicts another reserve could turn.

    A quick run has no verdicts, and nothing is said of its pairs.

    Parameters
    ----------
    study : Study
        From :func:`bpbench.study.conduct`.
    """
    prepared = study.prepared
    found = told(prepared, {} if prepared.protocol.quick else study.results)
    if found is not None:
        judged = {(comparison.candidate, comparison.baseline): comparison for comparison in study.comparisons}
        for pair in found["pairs"]:
            pair["turns"] = _turns(judged[pair["candidate"], pair["baseline"]], pair["half_width"])
    return found


def _turns(comparison: Comparison, half: float) -> bool:
    """Return whether a difference that moves by so much could cross the bound that its verdict rests on."""
    if comparison.difference is None or comparison.p is None or comparison.verdict == "undecided":
        return False
    size = abs(comparison.difference)
    if comparison.verdict == "equivalent":
        return comparison.margin_width is not None and size + half > comparison.margin_width
    return half >= size


def _observed(
    prepared: Prepared, errors: Callable[[str], Array | None], candidate: str, rival: str
) -> ObservedError | None:
    """Return the difference of two contestants on the reserve's blocks, from squared errors averaged over repeats."""
    if prepared.protocol.analysis.metric != "rmse":
        return None
    (part, *_) = prepared.parts_of(prepared.protocol.analysis.baseline)
    _, block, count = np.unique(prepared.frames.block[part.test], return_inverse=True, return_counts=True)
    sides = [side for name in (candidate, rival) if (side := errors(name)) is not None]
    if len(sides) < 2 or len(count) < 2:
        return None
    ours, theirs = (np.bincount(block, weights=side) / count for side in sides)
    return observed_error(ours, theirs, count.astype(np.float64))


def _errors(prepared: Prepared, results: Results, name: str) -> Array | None:
    """Return the squared errors of a contestant on the reserve's frames, averaged over repeats, if there are any."""
    (part, *_) = prepared.parts_of(prepared.protocol.analysis.baseline)
    frames = prepared.frames
    outcomes = [results.get((name, repeat.number)) for repeat in prepared.repeats]
    energies = [
        np.asarray(outcome.arrays["energy"])[part.test]
        for outcome in outcomes
        if isinstance(outcome, Outcome) and outcome.values["status"] == "done"
    ]
    if not energies:
        return None
    errors = (np.array(energies) - frames.energy[part.test]) / frames.atoms[part.test] * MEV_PER_EV
    squared: Array = np.mean(errors**2, axis=0)
    return squared

"""Data with a known difference: equivalence at its margin, power against theory, coverage of intervals.

Every simulation of a rule goes through :func:`bpbench.statistics.compare.judge` with one comparison of a candidate with
a baseline whose true difference is known. The intervals of estimates are simulated by
:mod:`bpbench.statistics.coverage`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bpbench.calibration.nulls import ASYMMETRIC, NOISES, equal_correlation, family, scores
from bpbench.statistics.compare import Comparison, Rules, judge
from bpbench.statistics.coverage import INTERVALS, Data, IntervalInfo, coverage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bpbench.calibration.nulls import Array


@dataclass(frozen=True, slots=True)
class Truth:
    """How the paired scores of one comparison are drawn.

    Attributes
    ----------
    n : int
        Repeats.
    difference : float
        True difference, candidate minus baseline.
    sd : float
        Scale of the differences: their standard deviation, where they are normal.
    noise : str
        A key of :data:`~bpbench.calibration.nulls.NOISES` for both scores, or
        :data:`~bpbench.calibration.nulls.ASYMMETRIC` for exponential differences.
    level : float
        True mean of the baseline, where its noise has none.
    """

    n: int
    difference: float
    sd: float
    noise: str = "normal"
    level: float = 0.0


def judged(rng: np.random.Generator, runs: int, rules: Rules, truth: Truth) -> Iterator[Comparison]:
    """Yield judged comparisons of which the truth is known.

    Parameters
    ----------
    rng : Generator
        Source of chance.
    runs : int
        How many.
    rules : Rules
        How they are judged; under ``nadeau-bengio`` the differences are correlated as that test supposes.
    truth : Truth
        What is true of them.
    """
    resampled = rules.design == "resampled"
    splits = np.arange(truth.n) if resampled else np.zeros(truth.n, dtype=np.int64)
    for _ in range(runs):
        if resampled:
            ratio = rules.test_to_train or 0.0
            drawn = equal_correlation(rng, truth.n, ratio=ratio, difference=truth.difference, sd=truth.sd)
        else:
            drawn = _drawn(rng, truth)
        drawn += truth.level
        # where a rule redraws, no two comparisons see the same redrawings
        yield judge(family(drawn, splits), replace(rules, seed=int(rng.integers(2**31))))[0]


def _drawn(rng: np.random.Generator, truth: Truth) -> Array:
    if truth.noise == ASYMMETRIC:
        own = scores(rng, truth.noise, 2, truth.n)
    else:
        # independent scores, so that a test that ignores the pairing is not made conservative by it
        own = NOISES[truth.noise](rng, (2, truth.n)) / math.sqrt(2)
    own *= truth.sd
    own[1] += truth.difference
    return own


def equivalent(rng: np.random.Generator, runs: int, *, rules: Rules, truth: Truth) -> tuple[int]:
    """Count the comparisons called equivalent; for the parameters see :func:`judged`."""
    return (sum(found.verdict == "equivalent" for found in judged(rng, runs, rules, truth)),)


def significant(rng: np.random.Generator, runs: int, *, rules: Rules, truth: Truth) -> tuple[int]:
    """Count the significant comparisons; for the parameters see :func:`judged`."""
    return (sum(found.significant for found in judged(rng, runs, rules, truth)),)


def covered(rng: np.random.Generator, runs: int, *, rules: Rules, truth: Truth) -> tuple[int]:
    """Count the intervals that hold the true difference; for the parameters see :func:`judged`."""
    return (sum(_holds(found, truth.difference) for found in judged(rng, runs, rules, truth)),)


def _holds(found: Comparison, difference: float) -> bool:
    return found.low is not None and found.high is not None and found.low <= difference <= found.high


def of_estimates(data: Data) -> list[IntervalInfo]:
    """Return the intervals of estimates that are made from one kind of data, in the order of their table."""
    return [info for info in INTERVALS.values() if info.data == data]


def held(rng: np.random.Generator, runs: int, *, data: Data, condition: str, n: int) -> tuple[int, ...]:
    """Count, for each interval of :func:`of_estimates`, the runs in which it holds the truth; one without does not.

    Parameters
    ----------
    rng : Generator
        Source of chance.
    runs : int
        Data sets.
    data, condition, n
        As for :func:`bpbench.statistics.coverage.coverage`.
    """
    found = coverage(data, condition, n, runs=runs, seed=int(rng.integers(2**31)))
    return tuple(
        round(found[info.key].covered * found[info.key].intervals) if info.key in found else 0
        for info in of_estimates(data)
    )

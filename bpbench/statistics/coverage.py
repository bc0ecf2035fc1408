"""How often each interval of :mod:`.estimates` covers the truth, simulated where the truth is known.

==============  =======================================================================
condition       E, of mean 0 and standard deviation 1
==============  =======================================================================
``normal``      normal
``skewed``      exponential, shifted
``heavy``       Student's t with 3 degrees of freedom, scaled
==============  =======================================================================

==================  =====================================================================================
data                values
==================  =====================================================================================
``paired``          baseline 20 + Z with Z normal, candidate the same minus 1/2 plus E
``independent``     baseline 20 + E, candidate 19.5 + E', as many of each
``strata``          three strata of 20 + E
==================  =====================================================================================

The truths are integrals over E. What theory promises is marked in :data:`INTERVALS` and may be bounded; everything else
is an approximation, of which the coverage is only reported.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from bpbench.errors import StatisticsError, nearest
from bpbench.statistics.effects import Array
from bpbench.statistics.estimates import independent, iqm, paired
from bpbench.statistics.estimators import Estimate

CONDITIONS: Final = ("normal", "skewed", "heavy")
_BASE: Final = 20.0
_SHIFT: Final = -0.5
_STRATA: Final = 3

Data = Literal["paired", "independent", "strata"]


@dataclass(frozen=True, slots=True)
class IntervalInfo:
    """One interval: of what, by which method, and what theory promises of it.

    Attributes
    ----------
    key : str
        ``data/estimate/method``.
    data : {'paired', 'independent', 'strata'}
        What it is made from.
    estimate, method : str
        As in :mod:`.estimates`.
    promise : {'exact', 'at least', ''}
        Whether its coverage is the level, or no less than it, at every n.
    under : tuple of str
        Conditions in which the promise holds.
    """

    key: str
    data: Data
    estimate: str
    method: str
    promise: Literal["exact", "at least", ""] = ""
    under: tuple[str, ...] = ()


def _all() -> dict[str, IntervalInfo]:
    bootstraps = ("basic", "percentile", "bca")
    methods: dict[tuple[Data, str], tuple[str, ...]] = {
        ("paired", "difference"): ("t", *bootstraps),
        ("paired", "ratio"): ("fieller", *bootstraps),
        ("paired", "d_z"): ("noncentral-t",),
        ("paired", "hedges_g"): ("noncentral-t",),
        ("paired", "pooled_d"): bootstraps,
        ("paired", "cliffs_delta"): ("consistent",),
        ("paired", "rank_biserial"): ("percentile", "bca"),
        ("paired", "improvement"): ("binomial",),
        ("independent", "difference"): ("t", *bootstraps),
        ("independent", "ratio"): ("fieller", *bootstraps),
        ("independent", "pooled_d"): ("noncentral-t",),
        ("independent", "hedges_g"): ("noncentral-t",),
        ("independent", "cliffs_delta"): ("consistent",),
        ("independent", "improvement"): ("brunner-munzel",),
        ("strata", "iqm"): ("percentile", "bca"),
    }
    exact = {
        "paired/difference/t",
        "paired/ratio/fieller",
        "paired/d_z/noncentral-t",
        "paired/hedges_g/noncentral-t",
        "independent/pooled_d/noncentral-t",
        "independent/hedges_g/noncentral-t",
    }
    made = {}
    for (data, estimate), names in methods.items():
        for method in names:
            key = f"{data}/{estimate}/{method}"
            made[key] = IntervalInfo(key, data, estimate, method)
            if key in exact:
                made[key] = IntervalInfo(key, data, estimate, method, "exact", ("normal",))
            elif method == "binomial":
                made[key] = IntervalInfo(key, data, estimate, method, "at least", CONDITIONS)
    return made


#: Every interval that :mod:`.estimates` gives, by name.
INTERVALS: Final[Mapping[str, IntervalInfo]] = MappingProxyType(_all())


@dataclass(frozen=True, slots=True)
class Coverage:
    """What became of one interval in simulated runs.

    Attributes
    ----------
    covered : float
        Share of the intervals that hold the truth.
    below, above : float
        Share of those that lie wholly below it, and above it.
    intervals, runs : int
        How many exist, of how many runs.
    """

    covered: float
    below: float
    above: float
    intervals: int
    runs: int

    @property
    def error(self) -> float:
        """Standard error of ``covered``."""
        return math.sqrt(self.covered * (1 - self.covered) / self.intervals)


def coverage(
    data: Data, condition: str, n: int, *, runs: int, seed: int, level: float = 0.95, resamples: int = 999
) -> dict[str, Coverage]:
    """Simulate every interval of one kind of data.

    Parameters
    ----------
    data : {'paired', 'independent', 'strata'}
        As in the table of this module.
    condition : str
        One of :data:`CONDITIONS`.
    n : int
        Values of each sample or stratum.
    runs : int
        Data sets that are drawn.
    seed : int
        Root of their generator.
    level : float
        Nominal level.
    resamples : int
        Of every bootstrap; 0 leaves those out.

    Returns
    -------
    dict of str to Coverage
        By the keys of :data:`INTERVALS`; an interval that never existed is left out.

    Raises
    ------
    StatisticsError
        For an unknown kind of data or condition.
    """
    kinds = ("paired", "independent", "strata")
    if data not in kinds:
        raise StatisticsError(f"There is no data '{data}' to simulate{nearest(data, kinds)}")
    if condition not in CONDITIONS:
        raise StatisticsError(f"There is no condition '{condition}'{nearest(condition, CONDITIONS)}")
    rng = np.random.default_rng([seed, n])
    truth = truths(data, condition)
    counts: dict[str, npt.NDArray[np.int64]] = {}  # that hold it, lie above it, lie below it
    for run in range(runs):
        for estimate in _estimated(data, condition, n, rng, level=level, seed=run, resamples=resamples):
            for interval in estimate.intervals:
                if interval.low is not None and interval.high is not None:
                    side = (interval.low > truth[estimate.name]) - (interval.high < truth[estimate.name])
                    key = f"{data}/{estimate.name}/{interval.method}"
                    counts.setdefault(key, np.zeros(3, dtype=np.int64))[side] += 1
    return {key: _coverage(found, runs) for key, found in counts.items()}


def _coverage(found: npt.NDArray[np.int64], runs: int) -> Coverage:
    held, above, below = (float(share) for share in found / found.sum())
    return Coverage(held, below, above, int(found.sum()), runs)


def _estimated(
    data: Data, condition: str, n: int, rng: np.random.Generator, *, level: float, seed: int, resamples: int
) -> tuple[Estimate, ...]:
    noise = _NOISE[condition]
    if data == "strata":
        strata = [_BASE + noise(rng, n) for _ in range(_STRATA)]
        return (iqm(strata, level=level, seed=seed, resamples=resamples),)
    if data == "paired":
        baseline = _BASE + rng.normal(size=n)
        candidate = baseline + _SHIFT + noise(rng, n)
        return paired(candidate, baseline, level=level, seed=seed, resamples=resamples)
    candidate, baseline = _BASE + _SHIFT + noise(rng, n), _BASE + noise(rng, n)
    return independent(candidate, baseline, level=level, seed=seed, resamples=resamples)


_NOISE: Final[Mapping[str, Callable[[np.random.Generator, int], Array]]] = MappingProxyType(
    {
        "normal": lambda rng, n: rng.normal(size=n),
        "skewed": lambda rng, n: rng.exponential(size=n) - 1,
        "heavy": lambda rng, n: rng.standard_t(3, size=n) / math.sqrt(3),
    }
)


def _distribution(condition: str) -> Any:
    from scipy import stats

    return {
        "normal": stats.norm(),
        "skewed": stats.expon(loc=-1),
        "heavy": stats.t(3, scale=1 / math.sqrt(3)),
    }[condition]


@cache
def truths(data: Data, condition: str) -> Mapping[str, float]:
    """Return what each estimate of simulated data estimates.

    Parameters
    ----------
    data, condition : str
        As for :func:`coverage`.

    Returns
    -------
    mapping of str to float
        By the names of the estimates. The rank-biserial correlation is that of infinitely many values,
        P(D + D' > 0) - P(D + D' < 0).
    """
    from scipy.integrate import quad
    from scipy.stats import norm

    e = _distribution(condition)

    def mean(of: Callable[[float], float], low: float = 0.0, high: float = 1.0) -> float:
        """Return E[of(E)] over the quantiles from low to high."""
        return float(quad(lambda u: of(e.ppf(u)), low, high, epsabs=1e-9, limit=200)[0])

    if data == "strata":
        return {"iqm": _BASE + 2 * mean(lambda x: x, 0.25, 0.75)}
    both = {"difference": _SHIFT, "ratio": (_BASE + _SHIFT) / _BASE}
    if data == "independent":
        delta = 2 * mean(lambda x: float(e.cdf(x + _SHIFT))) - 1
        return {
            **both,
            "pooled_d": _SHIFT,
            "hedges_g": _SHIFT,
            "cliffs_delta": delta,
            "improvement": (1 - delta) / 2,
        }
    # a candidate's value against another repeat's baseline: two normal shifts of variance 1 besides E
    delta = 2 * mean(lambda x: float(norm.cdf((x + _SHIFT) / math.sqrt(2)))) - 1
    return {
        **both,
        "d_z": _SHIFT,
        "hedges_g": _SHIFT,
        "pooled_d": _SHIFT / math.sqrt(1.5),
        "cliffs_delta": delta,
        "rank_biserial": 2 * mean(lambda x: float(e.sf(-2 * _SHIFT - x))) - 1,
        "improvement": float(e.cdf(-_SHIFT)),
    }

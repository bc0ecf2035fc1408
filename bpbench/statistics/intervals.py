r"""Intervals of estimates: by Fieller, by the noncentral t, by counting, by ranks, and by the bootstrap.

=================  ==========================================================================================
method             interval
=================  ==========================================================================================
fieller            all θ = μ_c/μ_b that a t test of the contrast c - θ b does not reject (Fieller 1954), from
                   :func:`bpbench.statistics.equivalence.ratio_interval`
noncentral-t       all effects whose noncentral t gives the observed t neither tail (Steiger & Fouladi 1997)
binomial           Clopper and Pearson's for a share, ties counted for whichever side makes it wider
brunner-munzel     p ± t_q SE(p) by the placements of both samples (Brunner & Munzel 2000)
consistent         Cliff's δ by its consistent variance S², bent to stay within ±1 (Cliff 1996, Feng & Cliff 2004):
                   (δ - δ³ ± t_q S √((1-δ²)² + t_q² S²)) / (1 - δ² + t_q² S²)
basic              2θ̂ - the quantiles of the resampled θ*, in reverse (Davison & Hinkley 1997, eq. 5.6)
percentile         the quantiles of θ*
bca                the same, at levels corrected for bias and acceleration (Efron 1987)
=================  ==========================================================================================

The three of the bootstrap are ``scipy.stats.bootstrap``'s, of one set of resamples. None of them is to be trusted for
a handful of values: most are too narrow, some too wide, and beside each is said how often it covers (:data:`COVERED`).
The noncentral t belongs to normal differences alone: of exponential ones its 95 % interval of d_z covers 81 to 86 %,
and more repeats do not mend it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from bpbench.statistics.effects import Array, Dominance

#: Of the bootstrap, in the order in which they are given.
BOOTSTRAPS: Final = ("basic", "percentile", "bca")
#: How often values are resampled, unless said otherwise.
RESAMPLES: Final = 9999
#: Beyond so many values there is no bootstrap: its time grows with n times the resamples, BCa's with n².
MOST_RESAMPLED: Final = 1_000
#: Numbers that one batch of resamples may hold (32 MB).
_BATCH: Final = 4_000_000
#: Below so many values the bootstrap's intervals say how often they cover.
_FEW: Final = 30
#: Beyond this scipy's noncentral t is not to be had, and its limit is right to seven digits.
_LARGEST_T: Final = 30_000.0
#: Resamples that agree to this share are equal: what is left is rounding.
_ROUNDING: Final = 1e-12

#: How often 95 % intervals of 5 and of 10 normal values cover, in per cent: :func:`.coverage.coverage`, 2000 runs.
COVERED: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {
        "paired/difference/basic": (84, 89),
        "paired/difference/percentile": (84, 89),
        "paired/difference/bca": (83, 89),
        "paired/ratio/basic": (84, 89),
        "paired/ratio/percentile": (84, 89),
        "paired/ratio/bca": (84, 89),
        "paired/pooled_d/basic": (98, 97),
        "paired/pooled_d/percentile": (84, 89),
        "paired/pooled_d/bca": (89, 93),
        "paired/rank_biserial/percentile": (98, 92),
        "paired/rank_biserial/bca": (99, 97),
        "independent/difference/basic": (87, 90),
        "independent/difference/percentile": (87, 91),
        "independent/difference/bca": (87, 90),
        "independent/ratio/basic": (87, 90),
        "independent/ratio/percentile": (87, 90),
        "independent/ratio/bca": (87, 90),
        "strata/iqm/percentile": (91, 93),
        "strata/iqm/bca": (91, 93),
    }
)
_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "paired/difference": "the difference of paired values",
        "paired/ratio": "the ratio of paired values",
        "paired/pooled_d": "the pooled d of paired values",
        "paired/rank_biserial": "the rank-biserial correlation",
        "independent/difference": "the difference of two samples",
        "independent/ratio": "the ratio of two samples",
        "strata/iqm": "the interquartile mean of three strata",
        "bca": "BCa",
    }
)
#: Of estimates that have an interval without a bootstrap, which is as good for many values.
_INSTEAD: Final[Mapping[str, str]] = MappingProxyType({"difference": "Student's", "ratio": "Fieller's"})


def _few(of: str, method: str) -> str:
    """Return what must stand beside a bootstrap interval of few values."""
    covered = COVERED.get(f"{of}/{method}")
    if covered is None:
        return "Bootstrap intervals of few values do not keep their level."
    return (
        f"Bootstrap intervals of few values do not keep their level: simulated with normal values at 95 %, the "
        f"{_WORDS.get(method, method)} interval of {_WORDS[of]} covers about {covered[0]} % for 5 values and "
        f"{covered[1]} % for 10."
    )


def _many(of: str) -> str:
    """Return why so many values are not resampled, and what there is instead."""
    instead = _INSTEAD.get(of.rpartition("/")[2])
    rest = "this estimate has no other interval" if instead is None else f"{instead} interval is as good for so many"
    return f"More than {MOST_RESAMPLED} values are not resampled, which would take too long; {rest}."


@dataclass(frozen=True, slots=True)
class Interval:
    """One interval of an estimate.

    Attributes
    ----------
    method : str
        As in the table of this module, or ``t``, Student's.
    low, high : float or None
        Its ends, in the unit of the estimate; ``None`` where it does not exist.
    remark : str
        Why it does not exist, or what must stand beside it; a sentence, or nothing.
    """

    method: str
    low: float | None
    high: float | None
    remark: str = ""


def missing(methods: Sequence[str], why: str) -> tuple[Interval, ...]:
    """Return intervals that do not exist, with the reason."""
    return tuple(Interval(method, None, None, why) for method in methods)


def bootstrap(
    data: Sequence[Array],
    statistic: Callable[..., Array],
    rng: np.random.Generator,
    *,
    of: str,
    level: float,
    paired: bool,
    methods: Sequence[str] = BOOTSTRAPS,
    resamples: int = RESAMPLES,
) -> tuple[Interval, ...]:
    """Return bootstrap intervals of a statistic, all from the same resamples.

    Parameters
    ----------
    data : sequence of ndarray
        One or more samples of finite values, shape (n,) each.
    statistic : callable
        Takes the samples, shapes (..., n), and ``axis=-1``; returns shape (...).
    rng : Generator
        Where the resamples come from.
    of : str
        ``data/estimate``, as in :data:`.coverage.INTERVALS`.
    level : float
        Nominal level.
    paired : bool
        Whether value i of all samples is drawn together; otherwise each sample is resampled by itself (a stratum).
    methods : sequence of str
        Of :data:`BOOTSTRAPS`.
    resamples : int
        How many.

    Returns
    -------
    tuple of Interval
        One per method, in order; those that do not exist say why.
    """
    from scipy.stats import DegenerateDataWarning
    from scipy.stats import bootstrap as resample

    least, most = min(sample.size for sample in data), sum(sample.size for sample in data)
    if least < 2:
        return missing(methods, "A single value cannot be resampled.")
    if most > MOST_RESAMPLED:
        return missing(methods, _many(of))
    found, made = None, []
    # scipy warns of what is told here by a remark, and divides by zero on the way
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", DegenerateDataWarning)
        for method in methods:
            found = resample(
                data,
                statistic,
                n_resamples=0 if found else resamples,
                batch=max(1, _BATCH // most),
                vectorized=True,
                paired=paired,
                axis=-1,
                confidence_level=level,
                alternative="two-sided",
                method=method,
                bootstrap_result=found,
                rng=rng,
            )
            made.append((method, float(found.confidence_interval.low), float(found.confidence_interval.high)))
    assert found is not None
    drawn = found.bootstrap_distribution[np.isfinite(found.bootstrap_distribution)]
    if not drawn.size or float(np.ptp(drawn)) <= _ROUNDING * float(np.max(np.abs(drawn))):
        return missing(methods, "All resamples give the same value: there is no spread to take an interval from.")
    return tuple(
        Interval(method, low, high, _few(of, method) if least < _FEW else "")
        if math.isfinite(low) and math.isfinite(high)
        else Interval(method, None, None, _UNDEFINED[method == "bca"])
        for method, low, high in made
    )


_UNDEFINED: Final = (
    "The resamples reach values that are not finite, and so does this interval.",
    "BCa is undefined here: it needs resamples on both sides of the estimate and a jackknife that varies.",
)


def noncentral(t: float, df: float, level: float) -> tuple[float, float]:
    r"""Return the interval of the noncentrality behind an observed t: those under which t lies in neither tail.

    Parameters
    ----------
    t : float
        Observed statistic.
    df : float
        Its degrees of freedom, at least 1.
    level : float
        Nominal level.

    Returns
    -------
    tuple of float
        Both ends; beyond \|t\| = 30000 those of the limit, in which λ/t follows χ_ν/√ν.
    """
    from scipy.optimize import brentq
    from scipy.special import chdtri, nctdtr, nctdtrinc

    tails = ((1 + level) / 2, (1 - level) / 2)
    if abs(t) > _LARGEST_T:
        low, high = (abs(t) * math.sqrt(float(chdtri(df, tail)) / df) for tail in tails)  # of the upper tail
        return (low, high) if t > 0 else (-high, -low)
    ends = []
    for tail in tails:
        # scipy's own inverse stops early; it is where the search begins
        near = float(nctdtrinc(df, tail, t))
        reach = 1e-3 * (1 + abs(near))

        def excess(nc: float, tail: float = tail) -> float:
            return float(nctdtr(df, nc, t)) - tail

        while excess(near - reach) < 0 or excess(near + reach) > 0:
            reach *= 2
        ends.append(float(brentq(excess, near - reach, near + reach, xtol=1e-12, rtol=1e-12)))
    return ends[0], ends[1]


def binomial(wins: int, ties: int, n: int, level: float) -> tuple[float, float]:
    """Return an interval of P(win) + ½ P(tie) that covers at least at its level, whatever the distribution.

    The share lies between P(win) and P(win or tie): the lower end is Clopper and Pearson's of the wins, the upper end
    that of the wins and ties.

    Parameters
    ----------
    wins, ties, n : int
        Counts, and of how many independent repeats.
    level : float
        Nominal level.
    """
    from scipy.special import betaincinv

    # scipy.stats.binomtest searches for what the beta distribution gives at once
    tail, most = (1 - level) / 2, wins + ties
    low = float(betaincinv(wins, n - wins + 1, tail)) if wins else 0.0
    return low, float(betaincinv(most + 1, n - most, 1 - tail)) if most < n else 1.0


def brunner_munzel(found: Dominance, level: float) -> tuple[float, float] | None:
    """Return the interval of P(c < b) + ½ P(c = b) of two independent samples, cut at 0 and 1.

    Parameters
    ----------
    found : Dominance
        Of the candidate over the baseline, two values each at least.
    level : float
        Nominal level.

    Returns
    -------
    tuple of float or None
        Both ends; ``None`` where the placements do not vary.
    """
    from scipy.special import stdtrit

    shares = [float(part.var(ddof=1)) / 4 / part.size for part in (found.rows, found.columns)]
    variance = sum(shares)
    if variance == 0:
        return None
    df = 1 / sum(
        (share / variance) ** 2 / (part.size - 1)
        for share, part in zip(shares, (found.rows, found.columns), strict=True)
    )
    half = float(stdtrit(df, (1 + level) / 2)) * math.sqrt(variance)
    centre = (1 - found.delta) / 2
    return max(0.0, centre - half), min(1.0, centre + half)


def cliff_variance(found: Dominance, *, paired: bool) -> tuple[float, float]:
    """Return Cliff's δ as it enters its interval, and the variance of its estimate.

    Independent samples: S² = ((n_b - 1) s²_i· + (n_c - 1) s²_·j + s²_ij) / (n_c n_b), Cliff's consistent estimate.
    Paired samples: the variance of δ_i· + δ_·i over n, which allows for the pairing (Munzel 1999). Where no pair of
    values is out of order, δ = ±1 and no variance is to be seen; as in R's ``effsize``, δ is then moved inwards by
    1/(n_c n_b).

    Parameters
    ----------
    found : Dominance
        Two values of each at least.
    paired : bool
        Whether value i of both belongs to repeat i.
    """
    n_c, n_b = found.rows.size, found.columns.size
    delta, apart = found.delta, abs(found.delta) == 1
    if apart:
        delta *= 1 - 1 / (n_c * n_b)
    if paired and not apart:
        return delta, float((found.rows + found.columns).var(ddof=1)) / n_c
    rows = float(np.sum((found.rows - delta) ** 2)) / (n_c - 1)
    columns = float(np.sum((found.columns - delta) ** 2)) / (n_b - 1)
    # Σ_ij (sign - δ)² = Σ sign² - 2 δ Σ sign + N δ²
    cells = n_c * n_b * (found.untied - 2 * delta * found.delta + delta**2) / ((n_c - 1) * (n_b - 1))
    return delta, ((n_b - 1) * rows + (n_c - 1) * columns + cells) / (n_c * n_b)


def cliff(delta: float, variance: float, quantile: float) -> tuple[float, float]:
    """Return the interval of Cliff's δ, which stays within ±1.

    Parameters
    ----------
    delta, variance : float
        As from :func:`cliff_variance`, the variance positive.
    quantile : float
        t_q of Student's t.
    """
    t2 = quantile**2 * variance
    inner = 1 - delta**2
    half = math.sqrt(t2 * (inner**2 + t2))
    return (delta * inner - half) / (inner + t2), (delta * inner + half) / (inner + t2)

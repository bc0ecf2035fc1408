"""One function per estimate: its value and every interval that the data allow; :mod:`.estimates` asks them all.

Candidate and baseline come as arrays of finite values, of equal size where they are paired.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bpbench.statistics import intervals
from bpbench.statistics.effects import Array, dominance, hedges, interquartile_mean, pooled_d, rank_biserial
from bpbench.statistics.equivalence import ratio_interval
from bpbench.statistics.intervals import BOOTSTRAPS, Interval, missing
from bpbench.statistics.permutation import generator
from bpbench.statistics.power import unit_se
from bpbench.statistics.samples import Sample
from bpbench.statistics.student import StudentEvidence, one_sample, welch

_SINGLE: Final = "A single value shows no spread."
_STILL: Final = "There is no spread to take an interval from."
_APART: Final = "No two values are out of order, so no variance is to be seen"
#: Values that agree to this share differ by rounding.
_ROUNDING: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Estimate:
    """One estimate with its intervals.

    Attributes
    ----------
    name : str
        As in the table of :mod:`.estimates`.
    value : float or None
        In the unit of the metric (``difference``, ``iqm``) or without one.
    intervals : tuple of Interval
        All that the data allow; those that do not exist say why.
    remark : str
        Why there is no value; a sentence, or nothing.
    """

    name: str
    value: float | None
    intervals: tuple[Interval, ...]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """How estimates are wanted.

    Attributes
    ----------
    paired : bool
        Whether value i of both sides is repeat i.
    level : float
        Nominal level of every interval, for itself alone.
    seed, resamples : int
        Root of the generators, and resamples of every bootstrap; 0 leaves them out.
    names : tuple of str
        Of what is compared; they go into the generators beside the name of the estimate.
    lower_is_better : bool
        Direction of the metric.
    """

    paired: bool
    level: float
    seed: int
    resamples: int
    names: tuple[str, ...] = ()
    lower_is_better: bool = True

    def quantile(self, df: float) -> float:
        """Return Student's t of the level."""
        from scipy.special import stdtrit

        return float(stdtrit(df, (1 + self.level) / 2))

    def resampled(
        self, name: str, data: Sequence[Array], statistic: Callable[..., Array], methods: Sequence[str] = BOOTSTRAPS
    ) -> tuple[Interval, ...]:
        """Return the bootstrap intervals of a statistic, drawn by a generator of that name."""
        if self.resamples == 0:
            return ()
        return intervals.bootstrap(
            data,
            statistic,
            generator(self.seed, *self.names, name),
            of=f"{'strata' if name == 'iqm' else 'paired' if self.paired else 'independent'}/{name}",
            level=self.level,
            paired=self.paired,
            methods=methods,
            resamples=self.resamples,
        )


def _is_still(values: Array, *scale: Array) -> bool:
    """Return whether values differ by rounding alone, beside the size of others."""
    return float(np.ptp(values)) <= _ROUNDING * max(float(np.max(np.abs(item))) for item in scale)


def _no_spread(c: Array, b: Array, *, paired: bool) -> str:
    """Return why a difference has no standard error, or nothing."""
    if min(c.size, b.size) == 1:
        return _SINGLE
    still = _is_still(c - b, c, b) if paired else _is_still(c, c) and _is_still(b, b)
    return _STILL if still else ""


def _evidence(c: Array, b: Array, *, paired: bool) -> StudentEvidence:
    """Return the paired t, or Welch's of samples of any two sizes."""
    if paired:
        return one_sample(c - b)
    one, other = (Sample(values, np.zeros(values.size, dtype=np.int64)) for values in (c, b))
    return welch(one, other)


# --------------------------------------------------------------------------------------------- means and their ratio


def difference(c: Array, b: Array, asked: Asked) -> Estimate:
    """Return the difference of the means."""
    why = _no_spread(c, b, paired=asked.paired)
    if why:
        student = Interval("t", None, None, why)
    else:
        student = Interval("t", *_evidence(c, b, paired=asked.paired).interval(asked.level))
    return Estimate(
        "difference", float(c.mean() - b.mean()), (student, *asked.resampled("difference", (c, b), _difference))
    )


def _difference(c: Array, b: Array, axis: int) -> Array:
    return np.asarray(c.mean(axis=axis) - b.mean(axis=axis))


def ratio(c: Array, b: Array, asked: Asked) -> Estimate:
    """Return the ratio of the means, of positive values."""
    least = min(float(c.min()), float(b.min()))
    if least <= 0:
        why = f"A ratio is given for positive values only, and the least of these is {least:.6g}."
        return Estimate("ratio", None, (), why)
    return Estimate(
        "ratio", float(c.mean() / b.mean()), (_fieller(c, b, asked), *asked.resampled("ratio", (c, b), _quotient))
    )


def _quotient(c: Array, b: Array, axis: int) -> Array:
    return np.asarray(c.mean(axis=axis) / b.mean(axis=axis))


def _fieller(c: Array, b: Array, asked: Asked) -> Interval:
    if min(c.size, b.size) == 1:
        return Interval("fieller", None, None, _SINGLE)
    # both of the size of one: the baseline's mean is the unit, and the candidate's that of the factor
    mean, own = float(b.mean()), float(c.mean())
    c, b = c / own, b / mean
    if _is_still(c - b, c) if asked.paired else _is_still(c, c) and _is_still(b, b):
        return Interval("fieller", None, None, _STILL)
    low, high = ratio_interval(lambda factor: _evidence(c, factor * b, paired=asked.paired), asked.level)
    if low is None or high is None:
        why = "Fieller's interval is unbounded: the baseline's mean does not differ from zero significantly."
        return Interval("fieller", None, None, why)
    # the means of positive values are positive
    return Interval("fieller", max(0.0, 1 + low) * (own / mean), (1 + high) * (own / mean))


# ------------------------------------------------------------------------------------------ standardised differences


def d_z(c: Array, b: Array, asked: Asked) -> tuple[Estimate, Estimate]:
    """Return d_z of paired samples, and Hedges' g of it."""
    why = _no_spread(c, b, paired=True)
    return _standardised("d_z", None if why else _evidence(c, b, paired=True), unit_se(c.size, None), why, asked)


def pooled(c: Array, b: Array, asked: Asked) -> tuple[Estimate, Estimate]:
    """Return the pooled d of independent samples, and Hedges' g of it."""
    why = _no_spread(c, b, paired=False)
    scale = math.sqrt(1 / c.size + 1 / b.size)
    evidence = None if why else StudentEvidence(float(pooled_d(*_of_one(c, b))), scale, c.size + b.size - 2.0)
    return _standardised("pooled_d", evidence, scale, why, asked)


def _standardised(
    name: str, evidence: StudentEvidence | None, scale: float, why: str, asked: Asked
) -> tuple[Estimate, Estimate]:
    """Return d = t · scale and Hedges' g, with the exact interval of what both estimate."""
    if evidence is None:
        none = missing(("noncentral-t",), why)
        return Estimate(name, None, none, why), Estimate("hedges_g", None, none, why)
    d = evidence.statistic * scale
    low, high = intervals.noncentral(evidence.statistic, evidence.df, asked.level)
    interval = Interval("noncentral-t", low * scale, high * scale)
    g = hedges(d, evidence.df)
    remark = "" if g is not None else "With one degree of freedom the expectation of d does not exist."
    return Estimate(name, d, (interval,)), Estimate("hedges_g", g, (interval,), remark)


def pooled_of_pairs(c: Array, b: Array, asked: Asked) -> Estimate:
    """Return the pooled d of paired samples, whose noncentral t would take them as independent."""
    why = _no_spread(c, b, paired=False)
    if why:
        return Estimate("pooled_d", None, missing(BOOTSTRAPS, why), why)
    data = _of_one(c, b)
    return Estimate("pooled_d", float(pooled_d(*data)), asked.resampled("pooled_d", data, _pooled_d))


def _of_one(c: Array, b: Array) -> tuple[Array, Array]:
    """Return both in a unit in which they spread by about one, so that no square can leave the numbers."""
    middle, scale = float(b.mean()), max(float(np.ptp(c)), float(np.ptp(b)))
    return (c - middle) / scale, (b - middle) / scale


def _pooled_d(c: Array, b: Array, axis: int) -> Array:
    assert axis == -1
    return pooled_d(c, b)


# ------------------------------------------------------------------------------------------------------ by their order


def cliffs_delta(c: Array, b: Array, asked: Asked) -> Estimate:
    """Return Cliff's δ, positive where the candidate's values are the larger ones."""
    found = dominance(c, b)
    if min(c.size, b.size) == 1:
        return Estimate("cliffs_delta", found.delta, missing(("consistent",), _SINGLE))
    delta, variance = intervals.cliff_variance(found, paired=asked.paired)
    if variance <= 0:
        return Estimate("cliffs_delta", found.delta, missing(("consistent",), _STILL))
    df = c.size - 1 if asked.paired else c.size + b.size - 2
    low, high = intervals.cliff(delta, variance, asked.quantile(df))
    remark = ""
    if abs(found.delta) == 1:
        low, high = (low, 1.0) if found.delta > 0 else (-1.0, high)
        remark = f"{_APART}: the interval of Cliff's δ is a rough one."
    return Estimate("cliffs_delta", found.delta, (Interval("consistent", low, high, remark),))


def rank_biserial_of_pairs(c: Array, b: Array, asked: Asked) -> Estimate:
    """Return the matched-pairs rank-biserial correlation; basic intervals would leave -1 to 1."""
    d = c - b
    found = asked.resampled("rank_biserial", (d,), _rank_biserial, BOOTSTRAPS[1:])
    return Estimate("rank_biserial", float(rank_biserial(d)), found)


def _rank_biserial(d: Array, axis: int) -> Array:
    assert axis == -1
    return rank_biserial(d)


def improvement(c: Array, b: Array, asked: Asked) -> Estimate:
    """Return how often the candidate is better: of the repeats, or of all pairs of values; ties count half."""
    if asked.paired:
        d = c - b if asked.lower_is_better else b - c
        wins, ties = int(np.sum(d < 0)), int(np.sum(d == 0))
        exact = Interval("binomial", *intervals.binomial(wins, ties, d.size, asked.level))
        return Estimate("improvement", (wins + ties / 2) / d.size, (exact,))
    found = dominance(c, b) if asked.lower_is_better else dominance(b, c)
    value = (1 - found.delta) / 2
    if min(c.size, b.size) == 1:
        return Estimate("improvement", value, missing(("brunner-munzel",), _SINGLE))
    ends = intervals.brunner_munzel(found, asked.level)
    if ends is None:
        return Estimate("improvement", value, missing(("brunner-munzel",), f"{_APART}."))
    return Estimate("improvement", value, (Interval("brunner-munzel", *ends),))


def iqm(strata: Sequence[Array], asked: Asked) -> Estimate:
    """Return the interquartile mean of all values, each stratum resampled by itself."""
    value = float(interquartile_mean(np.concatenate(strata)))
    return Estimate("iqm", value, asked.resampled("iqm", strata, _iqm, BOOTSTRAPS[1:]))


def _iqm(*strata: Array, axis: int) -> Array:
    return interquartile_mean(np.concatenate(strata, axis=axis))

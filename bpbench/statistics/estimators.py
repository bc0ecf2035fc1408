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
from bpbench.statistics.intervals import BOOTSTRAPS, Interval, missing
from bpbench.statistics.permutation import generator
from bpbench.statistics.student import StudentEvidence, spread

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
        d = c - b
        return StudentEvidence(float(d.mean()), spread(d) / math.sqrt(d.size), d.size - 1.0)
    errors = spread(c) / math.sqrt(c.size), spread(b) / math.sqrt(b.size)
    return StudentEvidence(float(c.mean() - b.mean()), *_added(errors, (c.size, b.size)))


def _added(errors: tuple[float, float], sizes: tuple[int, int]) -> tuple[float, float]:
    """Return the standard error of a sum of two means, and Welch's degrees of freedom."""
    se = math.hypot(*errors)
    # shares, so that no fourth power can leave the numbers
    return se, 1 / sum((error / se) ** 4 / (n - 1) for error, n in zip(errors, sizes, strict=True))


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
    mean = float(b.mean())
    c, b = c / mean, b / mean
    r = float(c.mean())
    v_bb = spread(b) ** 2 / b.size
    if asked.paired:
        e = c - r * b
        still = _is_still(e, c)
        v_ee = spread(e) ** 2 / e.size
        v_eb = float(np.sum((e - e.mean()) * (b - b.mean()))) / (e.size - 1) / e.size
        df = c.size - 1.0
    else:
        still = _is_still(c, c) and _is_still(b, b)
        errors = spread(c) / math.sqrt(c.size), r * math.sqrt(v_bb)
        se, df = (0.0, 1.0) if still else _added(errors, (c.size, b.size))  # at the observed ratio
        v_ee, v_eb = se * se, -r * v_bb
    if still:
        return Interval("fieller", None, None, _STILL)
    ends = intervals.fieller(r, v_ee, v_eb, v_bb, asked.quantile(df))
    if ends is None:
        why = "Fieller's interval is unbounded: the baseline's mean does not differ from zero significantly."
        return Interval("fieller", None, None, why)
    return Interval("fieller", max(0.0, ends[0]), ends[1])  # the means of positive values are positive


# ------------------------------------------------------------------------------------------ standardised differences


def d_z(c: Array, b: Array, asked: Asked) -> tuple[Estimate, Estimate]:
    """Return d_z of paired samples, and Hedges' g of it."""
    why = _no_spread(c, b, paired=True)
    return _standardised("d_z", None if why else _evidence(c, b, paired=True), math.sqrt(1 / c.size), why, asked)


def pooled(c: Array, b: Array, asked: Asked) -> tuple[Estimate, Estimate]:
    """Return the pooled d of independent samples, and Hedges' g of it."""
    why = _no_spread(c, b, paired=False)
    scale = math.sqrt(1 / c.size + 1 / b.size)
    evidence = None
    if not why:
        df = c.size + b.size - 2.0
        sd = math.hypot(*(math.sqrt((part.size - 1) / df) * spread(part) for part in (c, b)))
        evidence = StudentEvidence(float(c.mean() - b.mean()), sd * scale, df)
    return _standardised("pooled_d", evidence, scale, why, asked)


def _standardised(
    name: str, evidence: StudentEvidence | None, scale: float, why: str, asked: Asked
) -> tuple[Estimate, Estimate]:
    """Return d = t · scale and Hedges' g, with the exact interval of what both estimate."""
    if evidence is None:
        none = missing(("noncentral-t",), why)
        return Estimate(name, None, none, why), Estimate("hedges_g", None, none, why)
    d = evidence.statistic * scale
    ends = intervals.noncentral(evidence.statistic, evidence.df, asked.level)
    interval = (
        Interval("noncentral-t", None, None, "The effect is so large that the noncentral t is not to be had precisely.")
        if ends is None
        else Interval("noncentral-t", ends[0] * scale, ends[1] * scale)
    )
    g = hedges(d, evidence.df)
    remark = "" if g is not None else "With one degree of freedom the expectation of d does not exist."
    return Estimate(name, d, (interval,)), Estimate("hedges_g", g, (interval,), remark)


def pooled_of_pairs(c: Array, b: Array, asked: Asked) -> Estimate:
    """Return the pooled d of paired samples, whose noncentral t would take them as independent."""
    why = _no_spread(c, b, paired=False)
    if why:
        return Estimate("pooled_d", None, missing(BOOTSTRAPS, why), why)
    middle, scale = float(b.mean()), max(float(np.ptp(c)), float(np.ptp(b)))
    # of the size of one, so that no square can leave the numbers
    data = ((c - middle) / scale, (b - middle) / scale)
    return Estimate("pooled_d", float(pooled_d(*data)), asked.resampled("pooled_d", data, _pooled_d))


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
        remark = f"{_APART}: the interval is a rough one."
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

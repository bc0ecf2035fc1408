"""Estimates with intervals: how large a difference is, in several currencies.

=====================  =============================================  =============================================
estimate               paired                                         independent samples
=====================  =============================================  =============================================
``difference``         t, basic, percentile, bca                      t (Welch), basic, percentile, bca
``ratio``              fieller, basic, percentile, bca                fieller (Welch), basic, percentile, bca
``d_z``                noncentral-t
``pooled_d``           basic, percentile, bca                         noncentral-t
``hedges_g``           noncentral-t, as d_z                           noncentral-t, as the pooled d
``cliffs_delta``       consistent                                     consistent
``rank_biserial``      percentile, bca
``improvement``        binomial (share of the repeats)                brunner-munzel (share of all pairs of values)
=====================  =============================================  =============================================

and ``iqm`` (percentile, bca) of several strata, each resampled by itself (Agarwal et al. 2021). The methods stand in
:mod:`.intervals`, the definitions in :mod:`.effects`. Differences are candidate minus baseline, ratios candidate over
baseline; ``improvement`` is the probability that the candidate is the better one, ties counting half.

The ratio is that of the means, with Fieller's interval: c - θ b is a linear contrast, so the interval is exact for
normal values. An interval of the mean logarithm would be that of another quantity, the ratio of the geometric means.
Hedges' g and the d that it corrects estimate one and the same effect, so they share its exact interval.

Every bootstrap draws from a generator of its own, made of the seed and the name of what is estimated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bpbench.errors import StatisticsError
from bpbench.statistics import estimators
from bpbench.statistics.designs import TESTS
from bpbench.statistics.effects import Array
from bpbench.statistics.estimators import Asked, Estimate
from bpbench.statistics.intervals import RESAMPLES
from bpbench.statistics.samples import Sample, average_within_splits

if TYPE_CHECKING:
    from bpbench.statistics.compare import Comparison, Pair, Rules


@dataclass(frozen=True, slots=True)
class Estimates:
    """All estimates of one pair.

    Attributes
    ----------
    n, n_baseline : int
        Repeats of each on which they rest (splits, in a crossed design).
    paired : bool
        Whether the pairing was used.
    level : float
        Nominal level of each interval, for itself alone.
    values : tuple of Estimate
        In the order of the table of this module.
    remark : str
        Why none of them has an interval; a sentence, or nothing.
    """

    n: int
    n_baseline: int
    paired: bool
    level: float
    values: tuple[Estimate, ...]
    remark: str = ""


def paired(
    candidate: Array,
    baseline: Array,
    *,
    level: float = 0.95,
    seed: int,
    names: tuple[str, ...] = (),
    resamples: int = RESAMPLES,
    lower_is_better: bool = True,
) -> tuple[Estimate, ...]:
    """Return all estimates of a candidate against a baseline, from independent repeats of both.

    Parameters
    ----------
    candidate, baseline : ndarray, shape (n,)
        Value i of both is repeat i.
    level : float
        Nominal level of every interval, for itself alone.
    seed : int
        Root of the generators.
    names : tuple of str
        Of what is compared, by which the generators differ beside the name of the estimate.
    resamples : int
        Of every bootstrap; 0 leaves its intervals out.
    lower_is_better : bool
        Direction of the metric, for ``improvement``.

    Returns
    -------
    tuple of Estimate
        In the order of the table of this module.

    Raises
    ------
    StatisticsError
        When values are missing, not finite or not paired, or a setting cannot be.
    """
    asked = _asked(Asked(True, level, seed, resamples, names, lower_is_better))
    c, b = _values(candidate), _values(baseline)
    if c.size != b.size:
        raise StatisticsError(
            f"Paired estimates need one value of each variant per repeat, found {c.size} and {b.size}; keep the "
            "repeats that both have, or ask for independent estimates."
        )
    return (
        estimators.difference(c, b, asked),
        estimators.ratio(c, b, asked),
        *estimators.d_z(c, b, asked),
        estimators.pooled_of_pairs(c, b, asked),
        estimators.cliffs_delta(c, b, asked),
        estimators.rank_biserial_of_pairs(c, b, asked),
        estimators.improvement(c, b, asked),
    )


def independent(
    candidate: Array,
    baseline: Array,
    *,
    level: float = 0.95,
    seed: int,
    names: tuple[str, ...] = (),
    resamples: int = RESAMPLES,
    lower_is_better: bool = True,
) -> tuple[Estimate, ...]:
    """Return all estimates of a candidate against a baseline, from two independent samples.

    Parameters
    ----------
    candidate, baseline : ndarray, shapes (n_c,) and (n_b,)
        Independent values.
    level, seed, names, resamples, lower_is_better
        As for :func:`paired`.

    Returns
    -------
    tuple of Estimate
        In the order of the table of this module.

    Raises
    ------
    StatisticsError
        When values are missing or not finite, or a setting cannot be.
    """
    asked = _asked(Asked(False, level, seed, resamples, names, lower_is_better))
    c, b = _values(candidate), _values(baseline)
    return (
        estimators.difference(c, b, asked),
        estimators.ratio(c, b, asked),
        *estimators.pooled(c, b, asked),
        estimators.cliffs_delta(c, b, asked),
        estimators.improvement(c, b, asked),
    )


def iqm(
    strata: Sequence[Array],
    *,
    level: float = 0.95,
    seed: int,
    names: tuple[str, ...] = (),
    resamples: int = RESAMPLES,
) -> Estimate:
    """Return the interquartile mean of all values, with the stratified bootstrap.

    Parameters
    ----------
    strata : sequence of ndarray
        The independent repeats of each task; each is resampled by itself.
    level, seed, names, resamples
        As for :func:`paired`.

    Returns
    -------
    Estimate
        ``iqm``, with percentile and BCa intervals.

    Raises
    ------
    StatisticsError
        When there is no stratum, values are missing or not finite, or a setting cannot be.
    """
    asked = _asked(Asked(False, level, seed, resamples, names))
    if not strata:
        raise StatisticsError("An interquartile mean needs at least one stratum of values, found none.")
    return estimators.iqm([_values(stratum) for stratum in strata], asked)


def of_pair(pair: Pair, comparison: Comparison, rules: Rules, *, resamples: int = RESAMPLES) -> Estimates | None:
    """Return the estimates that belong to a judged comparison, from the very values that it was judged on.

    A crossed design is averaged within splits first. Repeats on splits that overlap are not independent, and a
    comparison without a p lacks repeats or spread: both get values without intervals.

    Parameters
    ----------
    pair : Pair
        The two variants.
    comparison : Comparison
        What was said of them.
    rules : Rules
        By which rules; their seed and the names of the two are the root of the generators.
    resamples : int
        Of every bootstrap.

    Returns
    -------
    Estimates or None
        ``None`` where no repeat finished on both sides.
    """
    one, other = pair.candidate_sample, pair.baseline_sample
    if one is None or other is None:
        return None
    if rules.design == "crossed":
        one, other = average_within_splits(one), average_within_splits(other)
    why = ""
    if rules.design == "resampled":
        why = (
            "The splits of the repeats overlap, so the repeats are not independent and none of these intervals would "
            "be right; the Nadeau-Bengio interval of the difference allows for it."
        )
    elif comparison.p is None:
        why = next(iter(comparison.remarks), "")
    ask = paired if pair.paired and TESTS[rules.test].paired else independent
    level = 1 - rules.alpha
    found = ask(
        one.values,
        other.values,
        level=level,
        seed=rules.seed,
        names=(pair.candidate, pair.baseline),
        resamples=0 if why else resamples,
        lower_is_better=rules.lower_is_better,
    )
    if why:
        found = tuple(replace(estimate, intervals=()) for estimate in found)
    return Estimates(one.n, other.n, ask is paired, level, found, why)


def _asked(asked: Asked) -> Asked:
    if not 0 < asked.level < 1:
        raise StatisticsError(f"The level of an interval lies between 0 and 1, found {asked.level!r}.")
    if asked.seed < 0:
        raise StatisticsError(f"A seed is a whole number from 0 on, found {asked.seed!r}.")
    if asked.resamples < 0:
        raise StatisticsError(f"A number of resamples cannot be negative, found {asked.resamples!r}.")
    return asked


def _values(values: Array) -> Array:
    """Return values of which each is finite, or refuse them."""
    flat = np.asarray(values, dtype=np.float64)
    return Sample(flat, np.zeros(flat.shape, dtype=np.int64)).values

r"""Effect sizes by their definitions, without intervals; those of the bootstrap work along the last axis.

==================  ===========================================================================================
effect              definition
==================  ===========================================================================================
d_z                 d̄ / s
pooled d            (c̄ - b̄) / √(((n_c - 1) s_c² + (n_b - 1) s_b²) / (n_c + n_b - 2))
g                   J(ν) d, Hedges' correction of d_z (ν = n - 1) or of the pooled d (ν = n_c + n_b - 2)
J(ν)                Γ(ν/2) / (√(ν/2) Γ((ν-1)/2)), the exact factor (Hedges 1981), not its approximation 1 - 3/(4ν-1)
Cliff's δ           P(c > b) - P(c < b), over all n_c n_b pairs of a candidate's and a baseline's value
r_rb                (R⁺ - R⁻) / (m(m+1)/2), from the ranks of the m differences that are not zero
IQM                 mean of the middle half: x_(i) counts as far as [i-1, i] lies within [n/4, 3n/4]
==================  ===========================================================================================

=============  ====================================================================
symbol         meaning
=============  ====================================================================
c, b           values of the candidate and of the baseline
d̄, s           mean and standard deviation (ddof = 1) of the paired differences c - b
R⁺, R⁻         sums of the ranks of \|c - b\| where c - b is positive, negative
=============  ====================================================================

``scipy.stats.trim_mean(x, 0.25)`` drops whole values and is the IQM only where n is a multiple of 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def hedges(d: float, df: float) -> float | None:
    """Return J(ν) d, the effect corrected for small samples.

    Parameters
    ----------
    d : float
        Standardised difference.
    df : float
        ν, degrees of freedom of the standard deviation in it.

    Returns
    -------
    float or None
        ``None`` below two degrees of freedom, where the expectation of d does not exist.
    """
    if df < 2:
        return None
    return math.exp(math.lgamma(df / 2) - math.lgamma((df - 1) / 2)) / math.sqrt(df / 2) * d


def pooled_d(candidate: Array, baseline: Array) -> Array:
    """Return the difference of the means over the pooled standard deviation; without spread ±inf, or 0 for 0/0.

    Parameters
    ----------
    candidate, baseline : ndarray, shapes (..., n_c) and (..., n_b)
        Finite values.
    """
    n_c, n_b = candidate.shape[-1], baseline.shape[-1]
    gap = np.asarray(candidate.mean(axis=-1) - baseline.mean(axis=-1))
    squares = n_c * candidate.var(axis=-1) + n_b * baseline.var(axis=-1)  # (n - 1) s², also of single values
    with np.errstate(divide="ignore", invalid="ignore"):
        d = gap / np.sqrt(squares / max(1, n_c + n_b - 2))
    return np.where(gap == 0, 0.0, d)


def rank_biserial(differences: Array) -> Array:
    """Return the matched-pairs rank-biserial correlation (Kerby 2014); 0 where all differences are zero.

    Parameters
    ----------
    differences : ndarray, shape (..., n)
        Candidate minus baseline. Zeros are dropped, as in the signed-rank test here.
    """
    from scipy.stats import rankdata

    zeros = np.sum(differences == 0, axis=-1, keepdims=True)
    ranks = np.asarray(rankdata(np.abs(differences), axis=-1)) - zeros  # zeros have the lowest ranks
    m = differences.shape[-1] - zeros[..., 0].astype(np.float64)
    signed = np.sum(np.sign(differences) * ranks, axis=-1)
    return np.asarray(signed / np.where(m > 0, m * (m + 1) / 2, 1.0), dtype=np.float64)


def interquartile_mean(values: Array) -> Array:
    """Return the mean of the middle half, with fractional weights where n is no multiple of 4.

    Parameters
    ----------
    values : ndarray, shape (..., n)
        Finite values.
    """
    n = values.shape[-1]
    upper = np.arange(1, n + 1, dtype=np.float64)
    weights = np.clip(np.minimum(upper, 0.75 * n) - np.maximum(upper - 1, 0.25 * n), 0.0, None)
    return np.asarray(np.sort(values, axis=-1) @ (weights / weights.sum()), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Dominance:
    """How often a candidate's values lie above a baseline's, from all n_c n_b pairs, in O(n log n).

    Attributes
    ----------
    rows : ndarray, shape (n_c,)
        δ_i·: for each candidate's value, the share of the baseline's below it minus the share above it.
    columns : ndarray, shape (n_b,)
        δ_·j: for each baseline's value, the share of the candidate's above it minus the share below it.
    delta : float
        Cliff's δ, the mean of either.
    untied : float
        Share of the pairs that are not ties.
    """

    rows: Array
    columns: Array
    delta: float
    untied: float


def dominance(candidate: Array, baseline: Array) -> Dominance:
    """Return the dominance of a candidate's values over a baseline's.

    Parameters
    ----------
    candidate, baseline : ndarray, shapes (n_c,) and (n_b,)
        Finite values, paired or not.
    """
    below, above = _places(candidate, baseline)
    over, under = _places(baseline, candidate)
    pairs = candidate.size * baseline.size
    return Dominance(
        rows=(below - above) / baseline.size,
        columns=(under - over) / candidate.size,
        # whole numbers, so that ±1 is met exactly
        delta=(int(below.sum()) - int(above.sum())) / pairs,
        untied=(int(below.sum()) + int(above.sum())) / pairs,
    )


def _places(values: Array, others: Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return how many of the others lie below, and how many above, each value."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, values, side="left")
    above = ordered.size - np.searchsorted(ordered, values, side="right")
    return below.astype(np.int64), above.astype(np.int64)

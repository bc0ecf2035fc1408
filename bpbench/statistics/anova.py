r"""Repeated-measures analysis of variance of one factor: k variants, each scored in the same n repeats.

====================  ======================================================================================
quantity              equation
====================  ======================================================================================
F                     (SS_A/(k-1)) / (SS_e/((k-1)(n-1))), with k - 1 and (k-1)(n-1) degrees of freedom
ε̂ (Greenhouse)        (Σ λ)² / ((k-1) Σ λ²)
ε̃ (Huynh)             min(1, (n(k-1)ε̂ - 2) / ((k-1)(n - 1 - (k-1)ε̂)))
W (Mauchly)           Π λ / (Σ λ/(k-1))^(k-1)
partial η²            SS_A / (SS_A + SS_e)
generalised η²        SS_A / (SS_A + SS_n + SS_e)
====================  ======================================================================================

==================  ==========================================================================================
symbol              meaning
==================  ==========================================================================================
n, k                repeats and variants
SS_A, SS_n, SS_e    sums of squares of the variants' means, of the repeats' means, and of what is left
λ                   eigenvalues of the covariance (ddof = 1) of the scores in k - 1 orthonormal contrasts
==================  ==========================================================================================

F is right where all differences of two variants vary alike (sphericity, all λ equal). Elsewhere its degrees of freedom
are multiplied by ε: Geisser and Greenhouse's (Ann. Math. Stat. 29, 1958) errs to the safe side, Huynh and Feldt's (J.
Educ. Stat. 1, 1976) is nearer to nominal. Both are always reported. Mauchly's test of sphericity (Ann. Math. Stat. 11,
1940) is reported too and decides nothing: in small samples it sees little. Its p has Box's second-order term with k - 1
in all places; R's ``mauchly.test`` has k in one of them, which changes the fourth decimal. Generalised η² (Olejnik and
Algina, Psychol. Methods 8, 2003) can be compared with studies of other designs.

statsmodels' ``AnovaRM`` gives F and its p, without ε, W and η². It forms a design matrix of (nk)² entries, so the three
sums of squares are taken here directly, and it is the check and not the source.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from bpbench.errors import StatisticsError
from bpbench.statistics.samples import LARGEST

Array = npt.NDArray[np.float64]

#: Deviations within this share of the scores are rounding, not noise.
_ROUNDING: Final = 1e-12


@dataclass(frozen=True, slots=True)
class RepeatedMeasures:
    """What the analysis of variance says of a table of scores.

    Attributes
    ----------
    n, k : int
        Repeats and variants.
    f : float
        F.
    df1, df2 : int
        k - 1 and (k-1)(n-1), to be multiplied by an ε for its p.
    p : float
        Upper tail, if sphericity held.
    greenhouse_geisser, huynh_feldt : float
        ε̂ and ε̃, between 1/(k-1) and 1.
    p_greenhouse_geisser, p_huynh_feldt : float
        Upper tails with these corrections.
    mauchly : float or None
        W, between 0 and 1; ``None`` where two variants leave nothing to test, or k - 1 contrasts have fewer repeats.
    p_mauchly : float or None
        Of sphericity.
    partial_eta2, generalised_eta2 : float
        Effect sizes, between 0 and 1.
    """

    n: int
    k: int
    f: float
    df1: int
    df2: int
    p: float
    greenhouse_geisser: float
    huynh_feldt: float
    p_greenhouse_geisser: float
    p_huynh_feldt: float
    mauchly: float | None
    p_mauchly: float | None
    partial_eta2: float
    generalised_eta2: float


def repeated_measures(scores: Array) -> RepeatedMeasures:
    """Test whether the means of k ≥ 2 variants differ, each scored in the same n ≥ 2 independent repeats.

    Parameters
    ----------
    scores : ndarray, shape (n, k)
        One row per repeat, one column per variant, nothing missing.

    Raises
    ------
    StatisticsError
        For fewer than two repeats or variants, a score that is not finite, or a table without noise.
    """
    from scipy.special import fdtrc

    table = _checked(scores)
    n, k = table.shape
    size = float(np.max(np.abs(table)))
    # all quantities are free of scale: neither tiny nor huge scores leave the numbers when squared
    table = table - table.mean()
    scale = float(np.max(np.abs(table))) or 1.0
    table = table / scale
    columns, rows = table.mean(axis=0), table.mean(axis=1)
    left = table - columns - rows[:, None]
    of_variants, of_repeats, of_noise = n * float(columns @ columns), k * float(rows @ rows), float(np.sum(left**2))
    if of_noise <= n * k * (_ROUNDING * size / scale) ** 2:
        raise StatisticsError(
            f"In all {n} repeats the {k} variants differ from each other by the same amounts, so there is no noise to "
            "test against; an analysis of variance needs scores that vary."
        )
    df1, df2 = k - 1, (k - 1) * (n - 1)
    f = of_variants / df1 / (of_noise / df2)
    eigenvalues = _spread_in_contrasts(left)
    geisser = min(1.0, float(np.sum(eigenvalues)) ** 2 / (df1 * float(np.sum(eigenvalues**2))))
    feldt = _huynh_feldt(geisser, n, df1)
    mauchly = _mauchly(eigenvalues, n)
    return RepeatedMeasures(
        n=n,
        k=k,
        f=f,
        df1=df1,
        df2=df2,
        p=float(fdtrc(df1, df2, f)),
        greenhouse_geisser=geisser,
        huynh_feldt=feldt,
        p_greenhouse_geisser=float(fdtrc(geisser * df1, geisser * df2, f)),
        p_huynh_feldt=float(fdtrc(feldt * df1, feldt * df2, f)),
        mauchly=None if mauchly is None else mauchly[0],
        p_mauchly=None if mauchly is None else mauchly[1],
        partial_eta2=of_variants / (of_variants + of_noise),
        generalised_eta2=of_variants / (of_variants + of_repeats + of_noise),
    )


def _checked(scores: Array) -> Array:
    table = np.array(scores, dtype=np.float64)
    if table.ndim != 2 or min(table.shape) < 2:
        raise StatisticsError(
            "An analysis of variance needs a table of at least 2 repeats (rows) and 2 variants (columns), found shape "
            f"{table.shape}."
        )
    wrong = np.argwhere(~(np.abs(table) <= LARGEST))
    if len(wrong):
        row, column = (int(place) for place in wrong[0])
        raise StatisticsError(
            f"An analysis of variance needs finite scores of at most {LARGEST:g}, found {table[row, column]:g} in "
            f"repeat {row + 1} of variant {column + 1}; leave out what has a missing or diverged repeat."
        )
    return table


def _spread_in_contrasts(left: Array) -> Array:
    """Return the k - 1 eigenvalues of the covariance in orthonormal contrasts, in descending order.

    The residuals of a repeat sum to zero, so their k eigenvalues are those and one zero.
    """
    covariance = left.T @ left / (len(left) - 1)
    eigenvalues = np.asarray(np.linalg.eigvalsh(covariance), dtype=np.float64)
    return np.maximum(eigenvalues[:0:-1], 0.0)


def _huynh_feldt(geisser: float, n: int, df1: int) -> float:
    """Return ε̃, kept between ε̂ and 1."""
    below = df1 * (n - 1 - df1 * geisser)
    if below <= 0:  # so few repeats that the estimate has no bound
        return 1.0
    return min(1.0, max(geisser, (n * df1 * geisser - 2) / below))


def _mauchly(eigenvalues: Array, n: int) -> tuple[float, float] | None:
    """Return W and its p, ``None`` where there is nothing to test or the covariance has no full rank."""
    from scipy.special import chdtrc

    size, df = eigenvalues.size, n - 1
    if size < 2 or df < size or eigenvalues[-1] <= _ROUNDING * eigenvalues[0]:
        return None
    log_w = float(np.sum(np.log(eigenvalues))) - size * math.log(float(np.mean(eigenvalues)))
    rho = 1 - (2 * size**2 + size + 2) / (6 * size * df)
    second = (size + 2) * (size - 1) * (size - 2) * (2 * size**3 + 6 * size**2 + 3 * size + 2)
    weight = second / (288 * (df * size * rho) ** 2)
    z, dof = -df * rho * log_w, size * (size + 1) / 2 - 1
    first = float(chdtrc(dof, z))
    return math.exp(log_w), min(1.0, max(0.0, first + weight * (float(chdtrc(dof + 4, z)) - first)))

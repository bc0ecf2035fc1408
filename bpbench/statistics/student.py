r"""The t family: one-sample, paired, Welch and Nadeau-Bengio differ only in standard error and degrees of freedom.

All follow from t = (d̄ - δ) / SE with ν degrees of freedom:

==================  =========================================  =====================================
test                SE                                         ν
==================  =========================================  =====================================
one-sample, paired  s √(1/n)                                   n - 1
Nadeau-Bengio       s √(1/n + ρ)                               n - 1
Welch               √(w_c + w_b)                               (w_c + w_b)² / (w_c²/ν_c + w_b²/ν_b)
==================  =========================================  =====================================

=============  ======================  ==========================================================================
symbol         name in code            meaning
=============  ======================  ==========================================================================
d_i, d̄         ``difference``          candidate minus baseline in repeat i, and the mean over the n repeats; for one
                                       sample its values minus a given one, for independent samples the difference of
                                       the means
δ              ``bound``               difference under the null hypothesis
s                                      standard deviation of the d_i (ddof = 1); s_c, s_b of the two samples
w_c, w_b                               s_c²/n_c and s_b²/n_b, of samples of n_c and n_b values
ν_c, ν_b                               n_c - 1 and n_b - 1
ρ              ``test_to_train``       n_test/n_train of one split (Nadeau & Bengio 2003; for k-fold 1/(k-1))
=============  ======================  ==========================================================================

scipy and statsmodels hold all but Nadeau and Bengio's; written once here, they share their intervals and equivalence
tests, and are checked against both libraries.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bpbench.statistics.power import unit_se

if TYPE_CHECKING:
    from bpbench.statistics.samples import Sample


@dataclass(frozen=True, slots=True)
class StudentEvidence:
    """What a t test says of one pair.

    Attributes
    ----------
    difference : float
        d̄, in the metric's unit.
    se : float
        Its standard error, same unit, positive.
    df : float
        Degrees of freedom.
    """

    difference: float
    se: float
    df: float

    @property
    def statistic(self) -> float:
        """Value of t for δ = 0."""
        return self.difference / self.se

    @property
    def direction(self) -> int:
        """Side on which the candidate lies: 1 above, -1 below, 0 neither."""
        return (self.difference > 0) - (self.difference < 0)

    @property
    def p_smallest(self) -> None:
        """A t test has no smallest p."""
        return

    def p_greater(self, bound: float = 0.0) -> float:
        """Return the one-sided p of "the true difference is at most ``bound``"."""
        return self._below((bound - self.difference) / self.se)

    def p_less(self, bound: float = 0.0) -> float:
        """Return the one-sided p of "the true difference is at least ``bound``"."""
        return self._below((self.difference - bound) / self.se)

    def _below(self, t: float) -> float:
        from scipy.special import stdtr

        return float(stdtr(self.df, t))

    def interval(self, level: float) -> tuple[float, float]:
        """Return the two-sided confidence interval of that level."""
        from scipy.special import stdtrit

        half = float(stdtrit(self.df, (1 + level) / 2)) * self.se
        return self.difference - half, self.difference + half


def spread(values: npt.NDArray[np.float64]) -> float:
    """Return the standard deviation (ddof = 1) of two or more values, safe where their squares would underflow.

    Parameters
    ----------
    values : ndarray, shape (n,)
        n ≥ 2 finite values.
    """
    centred = values - np.mean(values)
    scale = float(np.max(np.abs(centred)))
    if scale == 0:
        return 0.0
    return scale * float(np.sqrt(np.sum((centred / scale) ** 2) / (values.size - 1)))


def satterthwaite(spreads: tuple[float, float], sizes: tuple[int, int]) -> tuple[float, float]:
    """Return the spread of a sum of two independent parts, and the degrees of freedom of its square.

    Parameters
    ----------
    spreads : tuple of float
        Of the two parts, not both zero; standard errors give that of the sum.
    sizes : tuple of int
        2 or more values on which each rests.
    """
    total = math.hypot(*spreads)
    # shares of the variance, so that no fourth power can overflow
    return total, 1 / math.fsum((part / total) ** 4 / (n - 1) for part, n in zip(spreads, sizes, strict=True))


def one_sample(values: npt.NDArray[np.float64], value: float = 0.0, *, test_to_train: float = 0.0) -> StudentEvidence:
    """Return the t test of whether the mean of one sample is a given value.

    Parameters
    ----------
    values : ndarray, shape (n,)
        n ≥ 2 finite values, not all equal.
    value : float
        What the mean is compared with, in their unit.
    test_to_train : float
        ρ; 0 for independent values.
    """
    se = spread(values) * unit_se(values.size, test_to_train)
    return StudentEvidence(float(np.mean(values)) - value, se, float(values.size - 1))


def paired(candidate: Sample, baseline: Sample, *, test_to_train: float = 0.0) -> StudentEvidence:
    """Return the paired t test, with the Nadeau-Bengio correction when ``test_to_train`` is positive.

    Parameters
    ----------
    candidate, baseline : Sample
        n ≥ 2 repeats each, in the same order, whose differences are not all equal.
    test_to_train : float
        ρ; 0 for independent repeats.
    """
    return one_sample(candidate.values - baseline.values, test_to_train=test_to_train)


def welch(candidate: Sample, baseline: Sample) -> StudentEvidence:
    """Return Welch's t test of two samples that need share neither variance nor size.

    Parameters
    ----------
    candidate, baseline : Sample
        2 or more values each, at least one of the samples with some spread.
    """
    one, other = (spread(sample.values) / math.sqrt(sample.n) for sample in (candidate, baseline))
    difference = float(np.mean(candidate.values) - np.mean(baseline.values))
    return StudentEvidence(difference, *satterthwaite((one, other), (candidate.n, baseline.n)))


def pooled(candidate: Sample, baseline: Sample) -> StudentEvidence:
    """Return Student's t test of two independent samples with one spread for both.

    It is exact for normal samples of one spread, however few values meet however many, also one against two or more.
    Welch's is not in its far tails: 3 values against 30 reject at a level of 0.0023 five times too often.

    Parameters
    ----------
    candidate, baseline : Sample
        3 or more values in all, not all of a side equal on both sides.

    Returns
    -------
    StudentEvidence
        With n + m - 2 degrees of freedom.
    """
    n, m = candidate.n, baseline.n
    squares = sum(float(np.sum((one.values - np.mean(one.values)) ** 2)) for one in (candidate, baseline))
    difference = float(np.mean(candidate.values) - np.mean(baseline.values))
    return StudentEvidence(difference, math.sqrt(squares / (n + m - 2) * (1 / n + 1 / m)), n + m - 2.0)

r"""Equivalence and non-inferiority: one-sided tests of whether a difference is too small to matter.

=========  ======================  ==========================================================================
symbol     name in code            meaning
=========  ======================  ==========================================================================
μ_c, μ_b                           true means of candidate and baseline
δ                                  true difference, μ_c - μ_b
Δ          ``margin``              the largest \|δ\| that does not matter
f                                  a relative margin: Δ = f μ_b
Δ_z                                a margin in d_z: Δ = Δ_z σ, σ the true spread of the paired differences
k          ``factor``              of the contrast c - k b
ρ                                  n_test/n_train of overlapping splits, 0 for independent repeats
=========  ======================  ==========================================================================

**Two one-sided tests** (TOST; Schuirmann 1987). H0: \|δ\| ≥ Δ against H1: \|δ\| < Δ; p = max(p of "δ ≤ -Δ", p of "δ ≥
Δ"). Under the t tests it is at most α exactly when the interval of level 1 - 2α lies within (-Δ, Δ), which is why that
interval is shown; a rank test counts p given the ties and its interval without them, so where there are ties (in 33 of
300 small tied tables) one may reach the margin and the other not. p decides. A test that merely fails to reject a
difference says nothing of the kind. Of the two, **non-inferiority** needs the one on the side where the candidate is
worse.

**A relative margin** is a claim about two means, and the baseline's is not known: with f times its *observed* mean in
place of Δ the test errs by the noise of that mean. As μ_b > 0, \|δ\| < f μ_b is the same as μ_c - (1 + f) μ_b < 0 and
μ_c - (1 - f) μ_b > 0, and each is an ordinary one-sided test of the contrast c - k b against zero, exact wherever the
test is (Sasabuchi 1988; Hauschke, Kieser, Diletti & Burke 1999). Its interval, that of μ_c/μ_b - 1, is Fieller's, under
the t tests alone.

**A margin in d_z** is one in units of σ, and σ is not known: with Δ_z times the *observed* spread the test errs on the
margin by the noise of s, for α = 0.05 in 9 % if Δ_z = 2 and n = 10, in 1.6 % if Δ_z = 1 and n = 5. The statistic
t = d̄/(s √(1/n + ρ)) follows the noncentral t distribution with n - 1 degrees of freedom and noncentrality
(δ/σ)/√(1/n + ρ), so the two p-values are P(T ≤ t) at Δ_z/√(1/n + ρ) and P(T ≥ t) at its negative: exact under normal
differences (Wellek 2010, section 5.3, whose most powerful test has the same boundaries but for the far margin). Under
ρ > 0, σ is the spread that s estimates, that among the repeats of one data set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from bpbench.errors import StatisticsError
from bpbench.statistics.intervals import noncentral
from bpbench.statistics.power import noncentral_t
from bpbench.statistics.student import StudentEvidence

if TYPE_CHECKING:
    import numpy.typing as npt

    from bpbench.statistics.margins import Margin


class Evidence(Protocol):
    """What any test says of one pair of samples: `student`, `ranks`, `rank_sums` and `permutation` make it."""

    @property
    def statistic(self) -> float:
        """Value of the test statistic under "no difference"."""

    @property
    def df(self) -> float | None:
        """Degrees of freedom, if it has any."""

    @property
    def direction(self) -> int:
        """Side on which the candidate lies by this test: 1 above, -1 below, 0 neither."""

    @property
    def p_smallest(self) -> float | None:
        """Smallest two-sided p it could give at this n, ``None`` when it has no floor."""

    def p_greater(self, bound: float = 0.0) -> float:
        """Return the one-sided p of "the difference is at most ``bound``"."""

    def p_less(self, bound: float = 0.0) -> float:
        """Return the one-sided p of "the difference is at least ``bound``"."""

    def interval(self, level: float) -> tuple[float, float] | None:
        """Return the two-sided interval of that level, ``None`` when n is too small for it."""


#: What is as small as this share of the means is rounding.
_ROUNDING: Final = 1e-12
#: A ratio whose interval reaches so far has, for every purpose, no end.
_FAR: Final = 1e6

#: Gives the test of the contrast c - k b for a factor k; k = 1 is the difference itself.
Contrast = Callable[[float], Evidence]


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Outcome of two one-sided tests.

    Attributes
    ----------
    p : float
        The larger of the two one-sided p-values.
    low, high : float or None
        Interval of level 1 - 2α in the measure of the margin: of the difference in the metric's unit, of μ_c/μ_b - 1,
        or of d_z; ``None`` when the test or n gives none.
    """

    p: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class OneSided:
    """Outcome of a test of non-inferiority.

    Attributes
    ----------
    p : float
        One-sided.
    bound : float or None
        One-sided limit of level 1 - α in the measure of the margin (as in :class:`Equivalence`): the candidate is
        worse than the baseline by at most this, where ``lower_is_better``; else it is at least this (with its sign).
    lower_is_better : bool
        Direction of the metric.
    """

    p: float
    bound: float | None
    lower_is_better: bool


def two_sided_p(evidence: Evidence) -> float:
    """Return the p of "no difference" against a difference on either side: twice the smaller one-sided p."""
    return min(1.0, 2 * min(evidence.p_greater(), evidence.p_less()))


def equivalence(contrast: Contrast, margin: Margin, alpha: float, *, unit_se: float | None = None) -> Equivalence:
    """Test whether the difference lies within a margin of any kind.

    Parameters
    ----------
    contrast : callable
        ``contrast(k)`` is the evidence on c - k b.
    margin : Margin
        What does not matter.
    alpha : float
        Error rate of each one-sided test, below 0.5.
    unit_se : float, optional
        √(1/n + ρ), which a margin in d_z needs: standard error over spread of the paired differences.

    Returns
    -------
    Equivalence
        p and the interval of level 1 - 2 alpha.

    Raises
    ------
    StatisticsError
        For a margin in d_z and a test that is no paired t test.
    """
    low, high = _limits(contrast, margin, 1 - 2 * alpha, unit_se)
    below, above = (_p(contrast, margin, side, unit_se) for side in (-1, 1))
    return Equivalence(max(below, above), low, high)


def non_inferiority(
    contrast: Contrast, margin: Margin, alpha: float, *, lower_is_better: bool = True, unit_se: float | None = None
) -> OneSided:
    """Test whether the candidate is worse than the baseline by less than the margin, if at all.

    Parameters
    ----------
    contrast, margin, alpha, unit_se
        As in :func:`equivalence`.
    lower_is_better : bool
        Direction of the metric: with True, H0 is δ ≥ Δ, else δ ≤ -Δ.

    Raises
    ------
    StatisticsError
        For a margin in d_z and a test that is no paired t test.
    """
    low, high = _limits(contrast, margin, 1 - 2 * alpha, unit_se)
    p = _p(contrast, margin, 1 if lower_is_better else -1, unit_se)
    return OneSided(p, high if lower_is_better else low, lower_is_better)


def require_positive(baseline: npt.NDArray[np.float64]) -> None:
    """Refuse scores of which no share can be taken.

    Parameters
    ----------
    baseline : ndarray, shape (n,)
        Scores of the baseline.

    Raises
    ------
    StatisticsError
        When one of them is not positive: the test rests on a positive true mean, as that of a loss is.
    """
    wrong = np.flatnonzero(~(baseline > 0))
    if wrong.size:
        raise StatisticsError(
            "A relative margin is a share of the baseline's mean and needs scores that are positive, as losses are; "
            f"found {baseline[wrong[0]]:g} in value {wrong[0] + 1} of {baseline.size}; declare the margin in the "
            "metric's unit."
        )


# ---------------------------------------------------------------------------------------------- one side of a margin


def _p(contrast: Contrast, margin: Margin, side: int, unit_se: float | None) -> float:
    """Return the p of "beyond that side of the margin"."""
    end, less = side * margin.value, side > 0
    if margin.kind == "d_z":
        return _noncentral_p(_student(contrast(1.0), margin, unit_se), end / _needed(unit_se), less=less)
    if margin.kind == "absolute":
        evidence, bound = contrast(1.0), end
        scale = abs(bound)
    else:
        evidence, bound = contrast(1 + end), 0.0
        scale = _mean(contrast, evidence, end)
    if isinstance(evidence, StudentEvidence) and evidence.se <= _ROUNDING * scale:
        # the two are tied by that very factor: without noise a difference is at the bound, or on one side of it
        gap = evidence.difference - bound
        return 1.0 if abs(gap) <= _ROUNDING * scale else float((gap > 0) is less)
    return evidence.p_less(bound) if less else evidence.p_greater(bound)


def _mean(contrast: Contrast, evidence: Evidence, end: float) -> float:
    """Return the size of the baseline's mean, which the contrasts with 1 and 1 + end tell."""
    whole = contrast(1.0)
    if not isinstance(whole, StudentEvidence) or not isinstance(evidence, StudentEvidence):
        return 0.0
    return abs((whole.difference - evidence.difference) / end)


def _limits(
    contrast: Contrast, margin: Margin, level: float, unit_se: float | None
) -> tuple[float, float] | tuple[None, None]:
    """Return the two-sided interval in the measure of the margin."""
    if margin.kind == "absolute":
        return contrast(1.0).interval(level) or (None, None)
    if margin.kind == "d_z":
        evidence = _student(contrast(1.0), margin, unit_se)
        ends = noncentral(evidence.statistic, evidence.df, level)
        return ends[0] * _needed(unit_se), ends[1] * _needed(unit_se)
    return ratio_interval(contrast, level)


def _needed(unit_se: float | None) -> float:
    assert unit_se is not None  # `_student` has refused
    return unit_se


def _student(evidence: Evidence, margin: Margin, unit_se: float | None) -> StudentEvidence:
    if unit_se is None or not isinstance(evidence, StudentEvidence):
        raise StatisticsError(
            f"A margin of {margin} is judged by the noncentral t distribution, which only the paired t tests follow; "
            "declare the margin in the metric's unit."
        )
    return evidence


def _noncentral_p(evidence: StudentEvidence, noncentrality: float, *, less: bool) -> float:
    """Return P(T ≤ t), or P(T ≥ t), of the noncentral t distribution."""
    # P(T ≥ t; λ) = P(T ≤ -t; -λ)
    sign = 1 if less else -1
    return noncentral_t(sign * evidence.statistic, evidence.df, sign * noncentrality)


def ratio_interval(contrast: Contrast, level: float) -> tuple[float, float] | tuple[None, None]:
    """Return Fieller's interval of μ_c/μ_b - 1: the factors at which the t test of c - k b does not reject, less one.

    Parameters
    ----------
    contrast : callable
        ``contrast(k)`` is the evidence on c - k b, the baseline positive.
    level : float
        Two-sided.

    Returns
    -------
    tuple
        Both ``None`` for tests that are no t tests, and where the baseline's mean is so uncertain that the interval
        has no end on one side.
    """
    from scipy.optimize import brentq
    from scipy.special import stdtrit

    def excess(factor: float, side: int) -> float:
        found = contrast(factor)
        assert isinstance(found, StudentEvidence)
        critical = float(stdtrit(found.df, (1 + level) / 2)) * found.se
        return side * found.difference - critical

    first = contrast(1.0)
    if not isinstance(first, StudentEvidence):
        return None, None
    second = contrast(2.0)
    assert isinstance(second, StudentEvidence)
    # c̄ - k b̄ = 0 at k = c̄/b̄, and two contrasts tell both means
    centre = 1 + first.difference / (first.difference - second.difference)
    ends = []
    for side in (1, -1):  # below the centre the contrast is positive
        step = 1e-3 * (abs(centre) + 1)
        while excess(centre - side * step, side) < 0:
            step *= 2
            if step > _FAR:
                return None, None
        ends.append(float(brentq(excess, centre - side * step, centre, args=(side,), xtol=1e-14, rtol=1e-13)) - 1)
    return ends[0], ends[1]

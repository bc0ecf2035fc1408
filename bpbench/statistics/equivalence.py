r"""Equivalence: two one-sided tests (TOST) of whether a difference is too small to matter.

=========  ===============================================================
symbol     meaning
=========  ===============================================================
δ          true difference, candidate minus baseline
Δ          the margin: the largest \|δ\| that does not matter
=========  ===============================================================

H0: \|δ\| ≥ Δ against H1: \|δ\| < Δ; p = max(p of "δ ≤ -Δ", p of "δ ≥ Δ") (Schuirmann 1987). It is at most α exactly
when the interval of level 1 - 2α lies within (-Δ, Δ), which is why that interval is shown. A test that merely fails
to reject a difference says nothing of the kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Evidence(Protocol):
    """What any of the tests says of one pair of samples; :mod:`.student` and :mod:`.ranks` make it."""

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


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Outcome of two one-sided tests.

    Attributes
    ----------
    p : float
        The larger of the two one-sided p-values.
    low, high : float or None
        Interval of level 1 - 2α, in the metric's unit; ``None`` when n is too small for it.
    """

    p: float
    low: float | None
    high: float | None


def two_sided_p(evidence: Evidence) -> float:
    """Return the p of "no difference" against a difference on either side: twice the smaller one-sided p."""
    return min(1.0, 2 * min(evidence.p_greater(), evidence.p_less()))


def two_one_sided(evidence: Evidence, margin: float, alpha: float) -> Equivalence:
    """Test whether the difference lies within ±margin.

    Parameters
    ----------
    evidence : Evidence
        Any of the tests.
    margin : float
        Δ, positive, in the metric's unit.
    alpha : float
        Error rate of each one-sided test, below 0.5.

    Returns
    -------
    Equivalence
        p and the interval of level 1 - 2 alpha.
    """
    low, high = evidence.interval(1 - 2 * alpha) or (None, None)
    return Equivalence(max(evidence.p_greater(-margin), evidence.p_less(margin)), low, high)

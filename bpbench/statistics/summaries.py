r"""Tests from published summaries: means, standard deviations and numbers in place of the values.

==============  ======================  =====================================================================
symbol          name in code            meaning
==============  ======================  =====================================================================
x̄_c, x̄_b        ``mean_*``              means of candidate and baseline
s_c, s_b        ``sd_*``                their standard deviations (ddof = 1)
r               ``correlation``         of the paired values
s_d             ``sd_difference``       standard deviation of the paired differences
k               ``factor``              of the contrast c - k b; 1 for the difference itself
==============  ======================  =====================================================================

    s_d² = s_c² + s_b² - 2 r s_c s_b,        var(c - k b) = s_c² + k² s_b² - 2 k r s_c s_b

Given s_d in place of r, r follows from the first. Both summaries give the evidence on any contrast, which is what
:func:`bpbench.statistics.equivalence.equivalence` and :func:`~bpbench.statistics.equivalence.non_inferiority` ask for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from bpbench.errors import StatisticsError
from bpbench.statistics.power import unit_se
from bpbench.statistics.samples import LARGEST
from bpbench.statistics.student import StudentEvidence, satterthwaite


def _check(n: int, mean: float, sd: float, what: str) -> None:
    if n < 2:
        raise StatisticsError(f"A summary needs at least 2 values, found n = {n} for the {what}.")
    if not abs(mean) <= LARGEST:
        raise StatisticsError(f"A mean is a finite number of at most {LARGEST:g}, found {mean!r} for the {what}.")
    if not 0 <= sd <= LARGEST:
        raise StatisticsError(f"A standard deviation is a number from 0 to {LARGEST:g}, found {sd!r} for the {what}.")


@dataclass(frozen=True, slots=True)
class PairedSummary:
    """Two paired samples.

    Attributes
    ----------
    n : int
        Pairs.
    mean_candidate, sd_candidate, mean_baseline, sd_baseline : float
        In the metric's unit.
    correlation : float
        r, from -1 to 1.
    test_to_train : float
        ρ of the Nadeau-Bengio test, 0 for independent repeats.

    Raises
    ------
    StatisticsError
        For a number that cannot be, or where the differences have no spread.
    """

    n: int
    mean_candidate: float
    sd_candidate: float
    mean_baseline: float
    sd_baseline: float
    correlation: float
    test_to_train: float = 0.0

    def __post_init__(self) -> None:
        _check(self.n, self.mean_candidate, self.sd_candidate, "candidate")
        _check(self.n, self.mean_baseline, self.sd_baseline, "baseline")
        if not -1 <= self.correlation <= 1:
            raise StatisticsError(f"A correlation lies between -1 and 1, found {self.correlation!r}.")
        if not 0 <= self.test_to_train < math.inf:
            raise StatisticsError(f"test_to_train must be a number that is not negative, found {self.test_to_train!r}.")
        if self._sd(1.0) == 0:
            raise StatisticsError("The paired differences have no spread: there is no noise to test against.")

    @classmethod
    def of_difference(
        cls,
        n: int,
        candidate: tuple[float, float],
        baseline: tuple[float, float],
        sd_difference: float,
        test_to_train: float = 0.0,
    ) -> PairedSummary:
        """Return the summary in which the spread of the differences stands for the correlation.

        Parameters
        ----------
        n : int
            Pairs.
        candidate, baseline : tuple of float
            Mean and standard deviation of each; the latter positive.
        sd_difference : float
            s_d, in the same unit.
        test_to_train : float
            ρ.

        Raises
        ------
        StatisticsError
            For a number that cannot be, or an s_d that no correlation gives.
        """
        for (mean, sd), what in ((candidate, "candidate"), (baseline, "baseline")):
            _check(n, mean, sd, what)
        one, other = candidate[1], baseline[1]
        if not abs(one - other) <= sd_difference <= one + other:
            raise StatisticsError(
                f"Differences of samples with spreads {one:g} and {other:g} have a spread between {abs(one - other):g} "
                f"and {one + other:g}, found {sd_difference!r}."
            )
        product = 2 * one * other
        correlation = (one**2 + other**2 - sd_difference**2) / product if product else 0.0
        return cls(n, candidate[0], one, baseline[0], other, min(1.0, max(-1.0, correlation)), test_to_train)

    @property
    def unit_se(self) -> float:
        """√(1/n + ρ): standard error over spread of the differences, which a margin in d_z needs."""
        return unit_se(self.n, self.test_to_train)

    def _sd(self, factor: float) -> float:
        one, other = self.sd_candidate, factor * self.sd_baseline
        return math.sqrt(max(0.0, one**2 + other**2 - 2 * self.correlation * one * other))

    def contrast(self, factor: float = 1.0) -> StudentEvidence:
        """Return the paired t test of c - k b."""
        mean = self.mean_candidate - factor * self.mean_baseline
        return StudentEvidence(mean, self._sd(factor) * self.unit_se, float(self.n - 1))


@dataclass(frozen=True, slots=True)
class WelchSummary:
    """Two unpaired samples, of any two sizes and variances.

    Attributes
    ----------
    n_candidate, n_baseline : int
        Values of each.
    mean_candidate, sd_candidate, mean_baseline, sd_baseline : float
        In the metric's unit.

    Raises
    ------
    StatisticsError
        For a number that cannot be, or where neither sample has any spread.
    """

    n_candidate: int
    mean_candidate: float
    sd_candidate: float
    n_baseline: int
    mean_baseline: float
    sd_baseline: float

    def __post_init__(self) -> None:
        _check(self.n_candidate, self.mean_candidate, self.sd_candidate, "candidate")
        _check(self.n_baseline, self.mean_baseline, self.sd_baseline, "baseline")
        if self.sd_candidate == 0 == self.sd_baseline:
            raise StatisticsError("Neither sample has any spread: there is no noise to test against.")

    def contrast(self, factor: float = 1.0) -> StudentEvidence:
        """Return the Welch t test of c - k b, with Satterthwaite's degrees of freedom."""
        one = self.sd_candidate / math.sqrt(self.n_candidate)
        other = factor * self.sd_baseline / math.sqrt(self.n_baseline)
        mean = self.mean_candidate - factor * self.mean_baseline
        return StudentEvidence(mean, *satterthwaite((one, other), (self.n_candidate, self.n_baseline)))

"""Two variants to compare, and what is said of them: plain values of :mod:`bpbench.statistics.compare`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from bpbench.errors import StatisticsError
from bpbench.statistics.rules import require_ratio

if TYPE_CHECKING:
    from bpbench.statistics.repeats import Needed
    from bpbench.statistics.samples import Sample
    from bpbench.statistics.slots import Slot

Verdict = Literal["better", "worse", "equivalent", "undecided"]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two variants to compare, with the repeats that finished on both sides, or with independent samples of each.

    Attributes
    ----------
    candidate, baseline : str
        Names of the variants.
    candidate_sample, baseline_sample : Sample or None
        Matched by repeat: value i of both is one repeat, on the same split; ``None`` when no repeat finished on both.
        Without ``paired`` two independent samples of any sizes.
    missing : int
        Declared repeats that failed or have not been run on one side or the other.
    diverged_candidate, diverged_baseline : int
        Repeats of each that left the finite numbers; these are results, not missing.
    test_to_train : float or None
        Test over training size for this pair, under ``nadeau-bengio``, where its variants learn from fewer
        configurations than the rules say; ``None``: that of the rules.
    paired : bool
        Whether the samples match repeat by repeat. Without, only tests of two independent samples are allowed.
    numbers : tuple of int or None
        Which repeats these are, for ``max-t``, which turns the signs of a repeat in all comparisons at once; ``None``:
        the same in every pair of the family.
    slot : Slot or None
        The slot that the candidate fills or, without samples, that nothing has filled; ``None``: none was declared.

    Raises
    ------
    StatisticsError
        When the two are one variant, one sample alone is given, paired samples do not match repeat by repeat, there is
        not one number for each repeat, a count is negative, or the ratio is not positive.
    """

    candidate: str
    baseline: str
    candidate_sample: Sample | None
    baseline_sample: Sample | None
    missing: int = 0
    diverged_candidate: int = 0
    diverged_baseline: int = 0
    test_to_train: float | None = None
    paired: bool = True
    numbers: tuple[int, ...] | None = None
    slot: Slot | None = None

    def __post_init__(self) -> None:
        one, other = self.candidate_sample, self.baseline_sample
        names = f"'{self.candidate}' against '{self.baseline}'"
        if self.candidate == self.baseline:
            raise StatisticsError(f"A comparison needs two variants, found {names}.")
        if min(self.missing, self.diverged_candidate, self.diverged_baseline) < 0:
            raise StatisticsError(f"Counts of missing and diverged repeats cannot be negative, found one in {names}.")
        require_ratio(self.test_to_train)
        if (one is None) != (other is None):
            raise StatisticsError(f"A comparison needs both samples or neither, found one alone in {names}.")
        if one is not None and other is not None and self.paired:
            if one.n != other.n:
                raise StatisticsError(
                    f"Paired samples need the same repeats, found {one.n} and {other.n} values in {names}; "
                    "keep the repeats that finished on both sides."
                )
            if self.numbers is not None and len(set(self.numbers)) != one.n:
                raise StatisticsError(
                    f"Each repeat has its own number, found {len(set(self.numbers))} different ones of {one.n} repeats "
                    f"in {names}."
                )
            if not np.array_equal(one.splits, other.splits):
                place = int(np.flatnonzero(one.splits != other.splits)[0])
                raise StatisticsError(
                    f"Paired samples share the split of each repeat, but in {names} value {place + 1} is from split "
                    f"{one.splits[place]} and split {other.splits[place]}; order both by repeat."
                )


@dataclass(frozen=True, slots=True)
class Comparison:
    """One judged pair. Differences are candidate minus baseline, in the metric's unit.

    Attributes
    ----------
    candidate, baseline : str
        Names of the variants.
    n : int
        Independent repeats on which the numbers rest (splits, in a crossed design).
    n_baseline : int
        The same of the baseline: another number only where the samples are not paired.
    candidate_mean, baseline_mean, difference : float or None
        Means over those repeats, and their difference.
    low, high : float or None
        Interval of ``level`` that belongs to the test, for this pair alone (not widened for the family): t interval,
        that of the redrawings, or Hodges-Lehmann under ``wilcoxon`` and ``mann-whitney``, which estimates the centre of
        the differences or the shift and not the difference of the means.
    level : float
        1 - alpha.
    equivalence_low, equivalence_high : float or None
        Interval of level 1 - 2 alpha in the measure of the margin (the metric's unit, a share of the baseline's mean,
        d_z): within the margins exactly when the unadjusted equivalence test rejects, under the t tests; under those by
        ranks and by redrawing nearly so, as ties, and limits on the margin itself, may have the two differ. These
        have none for a relative margin.
    d_z, hedges_g : float or None
        Mean over standard deviation of the paired differences, and the same corrected for small n; ``None`` where the
        samples are not paired.
    statistic, df : float or None
        t with its degrees of freedom; without: V (the sum of the positive ranks), W (how often the candidate is above
        the baseline), or the t that redrawings are compared by.
    p, p_smallest, p_adjusted : float or None
        Two-sided; the smallest that the test could give at this n (``None`` for a t test, which has no floor);
        corrected over the family.
    p_equivalence, p_equivalence_adjusted : float or None
        Of the two one-sided tests; ``None`` without a margin.
    margin_width : float or None
        What the margin comes to in these data, in the metric's unit: itself, a share of the baseline's observed mean,
        or a number of observed spreads. For display and for planning: the test takes neither mean nor spread as known.
    significant : bool
        Whether the adjusted superiority test rejects.
    needed : Needed or None
        How many repeats would be enough to decide at the margin, by an upper limit of the spread seen here and not by
        the difference; of an undecided comparison with a margin alone.
    detectable : float or None
        Absolute difference that the test finds with the declared power, given the spread seen here, at the level of
        the correction's first step; ``None`` under the tests by ranks and by redrawing, whose power depends on the
        shape of the noise.
    verdict : {'better', 'worse', 'equivalent', 'undecided'}
        Of the candidate.
    remarks : tuple of str
        Whole sentences that must stand beside the verdict.
    """

    candidate: str
    baseline: str
    n: int
    n_baseline: int
    candidate_mean: float | None
    baseline_mean: float | None
    difference: float | None
    low: float | None
    high: float | None
    level: float
    equivalence_low: float | None
    equivalence_high: float | None
    d_z: float | None
    hedges_g: float | None
    statistic: float | None
    df: float | None
    p: float | None
    p_smallest: float | None
    p_adjusted: float | None
    p_equivalence: float | None
    p_equivalence_adjusted: float | None
    margin_width: float | None
    significant: bool
    detectable: float | None
    needed: Needed | None
    verdict: Verdict
    remarks: tuple[str, ...]

r"""From paired samples to verdicts, in one pass: differences, then tests, then corrections, then the verdict.

The verdict on a pair, by the adjusted p-values of its family:

* *equivalent* if the two one-sided tests reject (with a remark when the difference is significant as well);
* else *better* or *worse* if the superiority test rejects, by the side of the difference and the metric's direction;
* else *undecided*. A test that fails to reject never makes two variants equal.

Superiority and equivalence are two families, each corrected over its declared size. Failures are not missing at
random: a variant with a diverged repeat is never called better than another, nor equivalent to it.

Everywhere ``None`` means "has no value". It is given, with a remark that says why, where a number would pretend: an
incomplete study, a single repeat, or differences without any spread.

=============  =======================================================================
symbol         meaning
=============  =======================================================================
d̄, s           mean and standard deviation (ddof = 1) of the paired differences
d_z            d̄ / s
g              J(n - 1) d_z, Hedges' correction with the exact factor (:mod:`.effects`)
=============  =======================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from bpbench.errors import StatisticsError
from bpbench.statistics.corrections import adjust, first_step_alpha
from bpbench.statistics.effects import hedges
from bpbench.statistics.equivalence import two_one_sided, two_sided_p
from bpbench.statistics.power import detectable_noncentrality
from bpbench.statistics.ranks import signed_rank
from bpbench.statistics.rules import DESIGNS, TESTS, Rules, TestInfo, require_allowed, require_reachable, smallest_p
from bpbench.statistics.samples import Sample, average_within_splits
from bpbench.statistics.student import StudentEvidence, paired, spread, welch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bpbench.statistics.equivalence import Evidence

__all__ = [
    "DESIGNS",
    "TESTS",
    "Comparison",
    "Pair",
    "Rules",
    "TestInfo",
    "Verdict",
    "judge",
    "require_allowed",
    "require_reachable",
    "smallest_p",
]

Verdict = Literal["better", "worse", "equivalent", "undecided"]

#: Differences that agree to this share of the values are equal: what is left is rounding, not noise.
_ROUNDING: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Pair:
    """Two variants to compare, with the repeats that finished on both sides.

    Attributes
    ----------
    candidate, baseline : str
        Names of the variants.
    candidate_sample, baseline_sample : Sample or None
        Matched by repeat: value i of both is repeat i, on the same split; ``None`` when no repeat finished on both.
    missing : int
        Declared repeats that failed or have not been run on one side or the other.
    diverged_candidate, diverged_baseline : int
        Repeats of each that left the finite numbers; these are results, not missing.
    test_to_train : float or None
        Test over training size for this pair, under ``nadeau-bengio``, where its variants learn from fewer
        configurations than the rules say; ``None``: that of the rules.

    Raises
    ------
    StatisticsError
        When the two are one variant, one sample alone is given, the samples do not match repeat by repeat, or a
        count is negative.
    """

    candidate: str
    baseline: str
    candidate_sample: Sample | None
    baseline_sample: Sample | None
    missing: int = 0
    diverged_candidate: int = 0
    diverged_baseline: int = 0
    test_to_train: float | None = None

    def __post_init__(self) -> None:
        one, other = self.candidate_sample, self.baseline_sample
        names = f"'{self.candidate}' against '{self.baseline}'"
        if self.candidate == self.baseline:
            raise StatisticsError(f"A comparison needs two variants, found {names}.")
        if min(self.missing, self.diverged_candidate, self.diverged_baseline) < 0:
            raise StatisticsError(f"Counts of missing and diverged repeats cannot be negative, found one in {names}.")
        if (one is None) != (other is None):
            raise StatisticsError(f"A comparison needs both samples or neither, found one alone in {names}.")
        if one is not None and other is not None:
            if one.n != other.n:
                raise StatisticsError(
                    f"Paired samples need the same repeats, found {one.n} and {other.n} values in {names}; "
                    "keep the repeats that finished on both sides."
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
    candidate_mean, baseline_mean, difference : float or None
        Means over those repeats, and their difference.
    low, high : float or None
        Interval of ``level`` that belongs to the test, for this pair alone (not widened for the family): t interval,
        or Hodges-Lehmann under ``wilcoxon``, which estimates the centre of the differences and not their mean.
    level : float
        1 - alpha.
    equivalence_low, equivalence_high : float or None
        Interval of level 1 - 2 alpha: within the margins exactly when the unadjusted equivalence test rejects.
    d_z, hedges_g : float or None
        Mean over standard deviation of the paired differences, and the same corrected for small n.
    statistic, df : float or None
        t with its degrees of freedom, or V (the sum of the positive ranks) without.
    p, p_smallest, p_adjusted : float or None
        Two-sided; the smallest that the test could give at this n (``None`` for a t test, which has no floor);
        corrected over the family.
    p_equivalence, p_equivalence_adjusted : float or None
        Of the two one-sided tests; ``None`` without a margin.
    significant : bool
        Whether the adjusted superiority test rejects.
    detectable : float or None
        Absolute difference that the test finds with the declared power, given the spread seen here, at the level of
        the correction's first step; ``None`` under ``wilcoxon``, whose power depends on the shape of the noise.
    verdict : {'better', 'worse', 'equivalent', 'undecided'}
        Of the candidate.
    remarks : tuple of str
        Whole sentences that must stand beside the verdict.
    """

    candidate: str
    baseline: str
    n: int
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
    significant: bool
    detectable: float | None
    verdict: Verdict
    remarks: tuple[str, ...]


def judge(family: Sequence[Pair], rules: Rules) -> tuple[Comparison, ...]:
    """Compare every pair of a declared family and say what may be said of it.

    Parameters
    ----------
    family : sequence of Pair
        All declared comparisons, also those without results: its length is the size that the correction counts.
    rules : Rules
        The declared test, design, correction, levels and margin.

    Returns
    -------
    tuple of Comparison
        One per pair, in order.

    Raises
    ------
    StatisticsError
        When a pair stands twice in the family, or the splits of a sample contradict the design.
    """
    names = [(pair.candidate, pair.baseline) for pair in family]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise StatisticsError(f"'{name[0]}' against '{name[1]}' stands twice in the family; declare it once.")
    if not family:
        return ()
    # the same level for all: how much a single member of this family must show on its own
    level = first_step_alpha(rules.correction, len(family), rules.alpha)
    found = [_find(pair, rules, level) for pair in family]
    superiority = adjust([finding.comparison.p for finding in found], rules.correction)
    equivalence = adjust([finding.comparison.p_equivalence for finding in found], rules.correction)
    return tuple(
        _decide(pair, finding, rules, p, p_equivalence)
        for pair, finding, p, p_equivalence in zip(family, found, superiority, equivalence, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Finding:
    """An unjudged comparison, and the side on which its test sees the candidate."""

    comparison: Comparison
    direction: int = 0


def _find(pair: Pair, rules: Rules, level: float) -> _Finding:
    """Return everything that one pair tells by itself."""
    blank = _blank(pair, rules)
    one, other = pair.candidate_sample, pair.baseline_sample
    if one is None or other is None:
        text = "No repeat finished on both sides: there is nothing to compare."
        return _Finding(replace(blank, remarks=(*_missing(pair), text)))
    _require_splits(one, rules.design)
    if rules.design == "crossed":
        one, other = average_within_splits(one), average_within_splits(other)

    differences = one.values - other.values
    described = replace(
        blank,
        n=one.n,
        candidate_mean=float(np.mean(one.values)),
        baseline_mean=float(np.mean(other.values)),
        difference=float(np.mean(differences)),
    )
    reason = _missing(pair) or _no_noise(one, other, rules.design)
    if reason:
        return _Finding(replace(described, remarks=reason))

    own = pair.test_to_train
    evidence = _evidence(one, other, rules if own is None else replace(rules, test_to_train=own))
    interval = evidence.interval(1 - rules.alpha)
    low, high = interval or (None, None)
    same = None if rules.margin is None else two_one_sided(evidence, rules.margin, rules.alpha)
    d_z = float(np.mean(differences)) / spread(differences)
    tested = replace(
        described,
        low=low,
        high=high,
        equivalence_low=None if same is None else same.low,
        equivalence_high=None if same is None else same.high,
        d_z=d_z,
        hedges_g=hedges(d_z, one.n - 1),
        statistic=evidence.statistic,
        df=evidence.df,
        p=two_sided_p(evidence),
        p_smallest=evidence.p_smallest,
        p_equivalence=None if same is None else same.p,
        detectable=_detectable(evidence, rules, level),
        remarks=_cautions(one.n, rules, has_interval=interval is not None),
    )
    return _Finding(tested, evidence.direction)


def _blank(pair: Pair, rules: Rules) -> Comparison:
    return Comparison(
        candidate=pair.candidate,
        baseline=pair.baseline,
        n=0,
        candidate_mean=None,
        baseline_mean=None,
        difference=None,
        low=None,
        high=None,
        level=1 - rules.alpha,
        equivalence_low=None,
        equivalence_high=None,
        d_z=None,
        hedges_g=None,
        statistic=None,
        df=None,
        p=None,
        p_smallest=None,
        p_adjusted=None,
        p_equivalence=None,
        p_equivalence_adjusted=None,
        significant=False,
        detectable=None,
        verdict="undecided",
        remarks=(),
    )


def _require_splits(sample: Sample, design: str) -> None:
    """Refuse repeats whose splits are not what the design says: a plain test would then be badly wrong."""
    splits = int(np.unique(sample.splits).size)
    if design == "fixed" and splits > 1:
        raise StatisticsError(
            f"A fixed design has one split, found {splits} among {sample.n} repeats; declare 'resampled' or 'crossed'."
        )
    if design == "resampled" and splits < sample.n:
        raise StatisticsError(
            f"A resampled design draws a new split for every repeat, found {splits} splits among {sample.n} repeats; "
            "declare 'crossed', which averages within splits first."
        )


def _missing(pair: Pair) -> tuple[str, ...]:
    if pair.missing == 0:
        return ()
    repeats = "1 declared repeat is" if pair.missing == 1 else f"{pair.missing} declared repeats are"
    return (f"{repeats} missing: an incomplete study shows no p and no verdict.",)


def _no_noise(one: Sample, other: Sample, design: str) -> tuple[str, ...]:
    """Return why there is no spread to test against, or nothing."""
    if one.n == 1:
        what = "split" if design == "crossed" else "repeat"
        return (f"A single {what} shows no spread: no p, no interval and no verdict without a second one.",)
    differences = one.values - other.values
    low, high = float(np.min(differences)), float(np.max(differences))
    largest = max(float(np.max(np.abs(one.values))), float(np.max(np.abs(other.values))))
    if high - low > _ROUNDING * largest:
        return ()
    # Models that draw their seeds and score alike in every repeat are not deterministic, only equal.
    still = all(float(np.ptp(sample.values)) <= _ROUNDING * largest for sample in (one, other))
    given = "Deterministic given this split" if design == "fixed" and still else "No spread between repeats"
    size = "zero" if max(abs(low), abs(high)) <= _ROUNDING * largest else f"{(low + high) / 2:.6g}"
    return (f"{given}: all {one.n} paired differences are {size}, so there is no noise to test against and no p.",)


def _cautions(n: int, rules: Rules, *, has_interval: bool) -> tuple[str, ...]:
    cautions = []
    if not has_interval:
        cautions.append(f"{n} repeats are too few for a {1 - rules.alpha:.0%} interval by ranks.")
    if rules.design == "crossed":
        cautions.append(
            f"The {n} splits come from one data set and are counted as independent: the claim holds given these data "
            "and this reserve, not beyond them."
        )
    return tuple(cautions)


def _evidence(one: Sample, other: Sample, rules: Rules) -> Evidence:
    if rules.test == "wilcoxon":
        return signed_rank(one.values - other.values)
    if rules.test == "welch":
        return welch(one, other)
    return paired(one, other, test_to_train=rules.test_to_train or 0.0 if rules.test == "nadeau-bengio" else 0.0)


def _detectable(evidence: Evidence, rules: Rules, level: float) -> float | None:
    if not isinstance(evidence, StudentEvidence) or rules.power <= level:
        return None
    return detectable_noncentrality(evidence.df, alpha=level, power=rules.power) * evidence.se


def _decide(
    pair: Pair, finding: _Finding, rules: Rules, p_adjusted: float | None, p_equivalence_adjusted: float | None
) -> Comparison:
    """Return the comparison with its verdict, by the rule at the head of this module."""
    comparison, remarks = finding.comparison, list(finding.comparison.remarks)
    significant = p_adjusted is not None and p_adjusted <= rules.alpha
    wanted: list[Verdict] = []
    if p_equivalence_adjusted is not None and p_equivalence_adjusted <= rules.alpha:
        wanted.append("equivalent")
        if significant:
            remarks.append("Resolved, below the margin: the difference is significant but too small to matter.")
    if significant and comparison.difference is not None:
        if finding.direction * comparison.difference > 0:
            wanted.append("better" if (finding.direction < 0) == rules.lower_is_better else "worse")
        else:  # an outlier can do this to a rank test
            remarks.append("The ranks and the mean point to opposite sides, so neither variant is called better.")
    return replace(
        comparison,
        p_adjusted=p_adjusted,
        p_equivalence_adjusted=p_equivalence_adjusted,
        significant=significant,
        verdict=next((verdict for verdict in wanted if verdict not in _barred(pair)), "undecided"),
        remarks=(*remarks, *_diverged(pair)),
    )


def _barred(pair: Pair) -> set[Verdict]:
    """Return the verdicts that would flatter a variant with a diverged repeat."""
    barred: set[Verdict] = set()
    if pair.diverged_candidate:
        barred |= {"better", "equivalent"}
    if pair.diverged_baseline:
        barred |= {"worse", "equivalent"}  # a worse candidate is a better baseline
    return barred


def _diverged(pair: Pair) -> tuple[str, ...]:
    counts = ((pair.candidate, pair.diverged_candidate), (pair.baseline, pair.diverged_baseline))
    return tuple(
        f"{'1 repeat' if count == 1 else f'{count} repeats'} of '{name}' diverged: it cannot be called better or "
        "equivalent, and the numbers describe only the repeats that finished on both sides."
        for name, count in counts
        if count
    )

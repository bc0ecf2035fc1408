r"""From samples to verdicts, in one pass: differences, then tests, then corrections, then the verdict.

The verdict on a pair, by the adjusted p-values of its family:

* *equivalent* if the two one-sided tests reject (with a remark when the difference is significant as well);
* else *better* or *worse* if the superiority test rejects, by the side of the difference and the metric's direction;
* else *undecided*. A test that fails to reject never makes two variants equal.

Superiority and equivalence are two families, each corrected over its declared size; under ``max-t``, which has no form
for two one-sided tests, equivalence is corrected by Holm's method. Failures are not missing at random: a variant with a
diverged repeat is never called better than another, nor equivalent to it.

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
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bpbench.counting import grouped
from bpbench.errors import StatisticsError
from bpbench.statistics.corrections import MAX_T, adjust, first_step_alpha
from bpbench.statistics.designs import DESIGNS, TESTS, TestInfo, require_allowed
from bpbench.statistics.effects import hedges
from bpbench.statistics.equivalence import Equivalence, equivalence, require_positive, two_sided_p
from bpbench.statistics.evidence import contrasts, independent, overlap
from bpbench.statistics.maxt import step_down
from bpbench.statistics.pairs import Comparison, Pair, Verdict
from bpbench.statistics.permutation import generator
from bpbench.statistics.power import detectable_noncentrality, unit_se
from bpbench.statistics.ranks import RankEvidence
from bpbench.statistics.repeats import Needed, Noise, needed, noise_limit
from bpbench.statistics.rules import Rules, require_reachable, require_together, smallest_p
from bpbench.statistics.samples import Sample, rounding
from bpbench.statistics.student import StudentEvidence, spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bpbench.statistics.equivalence import Contrast, Evidence
    from bpbench.statistics.margins import Margin

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
    "require_together",
    "smallest_p",
]


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
        When a pair stands twice in the family, the splits of a sample contradict the design, a pair without common
        repeats meets a test that needs them, or it is unknown which repeats ``max-t`` is to turn together.
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
    alone = "holm" if rules.correction == MAX_T else rules.correction
    superiority = (
        _together(found, rules)
        if rules.correction == MAX_T
        else adjust([finding.comparison.p for finding in found], alone, alpha=rules.alpha)
    )
    equivalence = adjust([finding.comparison.p_equivalence for finding in found], alone, alpha=rules.alpha)
    return tuple(
        _decide(pair, finding, rules, p, p_equivalence, level)
        for pair, finding, p, p_equivalence in zip(family, found, superiority, equivalence, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Finding:
    """An unjudged comparison, the side on which its test sees the candidate, its noise, its differences by repeat."""

    comparison: Comparison
    direction: int = 0
    noise: Noise | None = None
    differences: npt.NDArray[np.float64] | None = None
    numbers: npt.NDArray[np.int64] | None = None


def _together(found: Sequence[_Finding], rules: Rules) -> tuple[float | None, ...]:
    """Return the p-values of a family adjusted by one set of sign flips, ``None`` for members without a p.

    Of m declared members those without a p cannot be flipped. The others are adjusted among themselves and multiplied
    by m over their number, which is what the missing ones would have added on average if they were like them.
    """
    chosen = [finding for finding in found if finding.comparison.p is not None]
    if not chosen:
        return (None,) * len(found)
    own = [np.arange(finding.comparison.n) if finding.numbers is None else finding.numbers for finding in chosen]
    if len({len(numbers) for numbers in own}) > 1 and any(finding.numbers is None for finding in chosen):
        raise StatisticsError(
            f"The correction '{MAX_T}' turns the signs of a repeat in all comparisons at once, and these have "
            f"different repeats, {min(map(len, own))} to {max(map(len, own))} of them; give the numbers of each pair."
        )
    every = np.unique(np.concatenate(own))
    rows = np.full((len(chosen), every.size), np.nan)
    for row, finding, numbers in zip(rows, chosen, own, strict=True):
        row[np.searchsorted(every, numbers)] = finding.differences
    adjusted = iter(step_down(rows, generator(rules.seed, MAX_T)))
    more = len(found) / len(chosen)
    # other flips were drawn for each p alone: an adjusted one is never below it
    return tuple(
        None if finding.comparison.p is None else min(1.0, max(finding.comparison.p, more * next(adjusted)))
        for finding in found
    )


def _find(pair: Pair, rules: Rules, level: float) -> _Finding:
    """Return everything that one pair tells by itself."""
    blank = _blank(pair, rules)
    one, other = pair.candidate_sample, pair.baseline_sample
    if one is None or other is None:
        text = (
            "No repeat finished on both sides: there is nothing to compare."
            if pair.slot is None
            else f"Nothing has filled the slot '{pair.slot}', which counts among the comparisons all the same."
        )
        return _Finding(replace(blank, remarks=(*_missing(pair), text)))
    if not pair.paired and TESTS[rules.test].paired:
        free = ", ".join(f"'{key}'" for key, info in TESTS.items() if not info.paired and rules.design in info.designs)
        raise StatisticsError(
            f"The test '{rules.test}' compares repeat by repeat, and '{pair.candidate}' and '{pair.baseline}' have no "
            f"repeats in common; {f'use one of {free}' if free else f'no other is allowed in a {rules.design} design'}."
        )
    for sample in (one, other):
        _require_splits(sample, rules.design)
    numbers = None if pair.numbers is None else np.array(pair.numbers)
    one, other = independent(one, other, rules.design)
    if rules.design == "crossed":
        numbers = one.splits

    described = replace(
        blank,
        n=one.n,
        n_baseline=other.n,
        candidate_mean=float(np.mean(one.values)),
        baseline_mean=float(np.mean(other.values)),
        difference=float(
            np.mean(one.values - other.values) if pair.paired else np.mean(one.values) - np.mean(other.values)
        ),
    )
    reason = _missing(pair) or _no_noise(one, other, rules.design, paired=TESTS[rules.test].paired)
    if reason:
        return _Finding(replace(described, remarks=reason))

    contrast, ratio = contrasts(one, other, pair, rules), overlap(pair, rules)
    evidence = contrast(1.0)
    interval = evidence.interval(1 - rules.alpha)
    low, high = interval or (None, None)
    same, hindered = _equivalence(contrast, other, rules, ratio)
    differences = one.values - other.values if pair.paired else None
    # under a test of independent samples all differences may be one
    varied = differences is not None and float(np.ptp(differences)) > rounding(one.values, other.values)
    sd = spread(differences) if differences is not None and varied else None
    d_z = None if differences is None or sd is None else float(np.mean(differences)) / sd
    tested = replace(
        described,
        low=low,
        high=high,
        equivalence_low=None if same is None else same.low,
        equivalence_high=None if same is None else same.high,
        d_z=d_z,
        hedges_g=None if d_z is None else hedges(d_z, one.n - 1),
        statistic=evidence.statistic,
        df=evidence.df,
        p=two_sided_p(evidence),
        p_smallest=evidence.p_smallest,
        p_equivalence=None if same is None else same.p,
        margin_width=None if hindered else _width(rules.margin, float(np.mean(other.values)), sd),
        detectable=_detectable(evidence, rules, level),
        remarks=(*hindered, *_dropped(evidence), *_cautions(one.n, other.n, rules, has_interval=interval is not None)),
    )
    noise = noise_limit(one, other, rules.test, ratio)
    return _Finding(tested, evidence.direction, noise, differences, numbers)


def _blank(pair: Pair, rules: Rules) -> Comparison:
    return Comparison(
        candidate=pair.candidate,
        baseline=pair.baseline,
        n=0,
        n_baseline=0,
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
        margin_width=None,
        significant=False,
        detectable=None,
        needed=None,
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


def _no_noise(one: Sample, other: Sample, design: str, *, paired: bool) -> tuple[str, ...]:
    """Return why there is no spread to test against, or nothing."""
    if min(one.n, other.n) == 1:
        what = "split" if design == "crossed" else "repeat"
        return (f"A single {what} shows no spread: no p, no interval and no verdict without a second one.",)
    slack = rounding(one.values, other.values)
    still = all(float(np.ptp(sample.values)) <= slack for sample in (one, other))
    if paired:
        differences = one.values - other.values
        low, high = float(np.min(differences)), float(np.max(differences))
        calm, what = high - low <= slack, f"all {grouped(one.n)} paired differences are"
    else:
        low = high = float(np.mean(one.values) - np.mean(other.values))
        calm, what = still, "the values of each side are all equal and their difference is"
    if not calm:
        return ()
    # Models that draw their seeds and score alike in every repeat are not deterministic, only equal.
    given = "Deterministic given this split" if design == "fixed" and still else "No spread between repeats"
    size = "zero" if max(abs(low), abs(high)) <= slack else f"{(low + high) / 2:.6g}"
    return (f"{given}: {what} {size}, so there is no noise to test against and no p.",)


def _dropped(evidence: Evidence) -> tuple[str, ...]:
    """Return how many differences a test leaves out, or nothing."""
    if not isinstance(evidence, RankEvidence) or not evidence.zeros:
        return ()
    n, zeros = evidence.differences.size, evidence.zeros
    which = "1 is" if zeros == 1 else f"{grouped(zeros)} are"
    left = f"Of {grouped(n)} paired differences {which} zero and left out of the ranks"
    return (f"{left}: p rests on the other {grouped(n - zeros)}.",)


def _cautions(n: int, m: int, rules: Rules, *, has_interval: bool) -> tuple[str, ...]:
    cautions = []
    if not has_interval:
        how = "by ranks" if rules.test in {"wilcoxon", "mann-whitney"} else "by redrawing"
        many = f"{n}" if n == m else f"{n} and {m}"
        cautions.append(f"{many} repeats are too few for a {1 - rules.alpha:.0%} interval {how}.")
    if rules.design == "crossed":
        cautions.append(
            f"The {grouped(n)} splits come from one data set and are counted as independent: the claim holds given "
            "these data and this test set, not beyond them."
        )
    return tuple(cautions)


def _width(margin: Margin | None, baseline_mean: float, sd: float | None) -> float | None:
    """Return what a margin comes to in the metric's unit, ``None`` without a margin, a positive mean or a spread."""
    if margin is None:
        return None
    one = {"absolute": 1.0, "relative": baseline_mean, "d_z": sd}[margin.kind]
    return margin.value * one if one is not None and one > 0 else None


def _equivalence(
    contrast: Contrast, baseline: Sample, rules: Rules, ratio: float | None
) -> tuple[Equivalence | None, tuple[str, ...]]:
    """Return the outcome of the two one-sided tests, or why there is none."""
    margin = rules.margin
    if margin is None:
        return None, ()
    if margin.kind == "relative":
        try:
            require_positive(baseline.values)
        except StatisticsError as error:  # known only now, when the trainings are paid for
            return None, (f"No equivalence test was made. {error}",)
    return equivalence(contrast, margin, rules.alpha, unit_se=unit_se(baseline.n, ratio)), ()


def _needed(finding: _Finding, rules: Rules, level: float) -> Needed | None:
    """Return how many repeats would decide at the margin, ``None`` without a margin or without noise."""
    margin, width = rules.margin, finding.comparison.margin_width
    if margin is None or width is None or finding.noise is None:
        return None
    in_dz = margin.kind == "d_z"
    size = margin.value if in_dz else width
    return needed(size, finding.noise, test=rules.test, alpha=level, power=rules.power, in_dz=in_dz)


def _detectable(evidence: Evidence, rules: Rules, level: float) -> float | None:
    if not isinstance(evidence, StudentEvidence) or rules.power <= level:
        return None
    return detectable_noncentrality(evidence.df, alpha=level, power=rules.power) * evidence.se


def _decide(
    pair: Pair,
    finding: _Finding,
    rules: Rules,
    p_adjusted: float | None,
    p_equivalence_adjusted: float | None,
    level: float,
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
        needed=None if wanted else _needed(finding, rules, level),
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
        f"{'1 repeat' if count == 1 else f'{grouped(count)} repeats'} of '{name}' diverged: it cannot be called better "
        "or equivalent, and the numbers describe only the repeats that finished on both sides."
        for name, count in counts
        if count
    )

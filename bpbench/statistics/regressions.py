r"""What got worse: every loss, time and memory of a newest run against a baseline, and the failures, as one family.

The repeats of the two are independent samples (their seeds differ), and everything compared is positive: errors, times,
memory. Their noise is a share of their size (a training that goes ten times worse scatters ten times wider), so that
logarithms are compared: a ratio of geometric means, which a change multiplies. Where nothing changed, the two are
samples of one distribution, so Student's t test with one spread for both is exact. Welch's, which allows for two
spreads, is not: where few repeats meet many, as those of a run meet those of several, it rejects up to five times too
often in the far tails that the correction of a family asks for.

==================  ==============================================  ==========================================
kind                H0                                              verdict
==================  ==============================================  ==========================================
``loss``            ϱ = 1, two-sided                                *equivalent* if shown to lie within the
                                                                    margin, else *worse* or *better*
``time``,           ϱ ≤ 1 + f, one-sided                            *worse*, or *equivalent* if shown to lie
``memory``                                                          within the margin
``failures``        units fail no more often, one-sided             *worse*
==================  ==============================================  ==========================================

and *undecided* wherever nothing is shown. Two runs on one machine differ by more than their repeats do (other load,
other temperature, another build of a library), so a time or a memory is not tested against "no change" but against
"more than the margin": what no repeat of a run can show, the margin has to hold.

=============  =====================================================================================================
symbol         meaning
=============  =====================================================================================================
ϱ              exp(μ_c - μ_b), the ratio of the geometric means of newest run and baseline
μ_c, μ_b       true means of the logarithms
f              a margin as a share: within it lies 1 - f < ϱ < 1 + f. A margin in the unit is taken as a share of the
               baseline's observed geometric mean
m              size of the family: all series and one more member for the failures, whether or not they have a p
α              probability that a newest run in which nothing got worse is called *worse* anywhere
=============  =====================================================================================================

The p-values of the table are one family, and the equivalence tests are another of the same size, both under the
declared correction. Holm's, Bonferroni's, Hochberg's and the like keep α for the whole family; ``bh``, ``by`` and
``tsbh`` bound the share of false alarms among the alarms, which is α only where nothing got worse at all.

**Failures** (diverged or failed trainings) are counted over all variants together: of a single variant a handful of
repeats could not show anything after correction. The trainings of one repeat share its seeds and its division of the
data, and may fail together, so the unit is the repeat (in a crossed design the split): the numbers of failures of the
newest run's units are compared with those of the baseline's by a permutation test of the labels, which holds whatever
binds the trainings of one unit. The values of the trainings that finished describe these alone, so a variant of which
a repeat diverged is called neither *better* nor *equivalent*; one of which two or more repeats and all of them failed,
and that had values before, is *worse* by itself.

**No spread.** A contestant without randomness gives one value on each side. There is no noise, and p is 0 or 1 by the
difference itself: 0 where it is there at all (``loss``), or is beyond the margin (``time``, ``memory``), but for what
other compilers and libraries make of the last digits (one part in a million).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from bpbench.counting import grouped
from bpbench.errors import StatisticsError
from bpbench.statistics.corrections import adjust, first_step_alpha
from bpbench.statistics.equivalence import two_sided_p
from bpbench.statistics.permutation import generator, permutation
from bpbench.statistics.power import detectable_noncentrality
from bpbench.statistics.samples import rounding
from bpbench.statistics.states import ALL_VARIANTS, Failures, Judged, Kind, Series, sample
from bpbench.statistics.student import pooled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bpbench.statistics.margins import Margin
    from bpbench.statistics.pairs import Verdict

__all__ = ["ALL_VARIANTS", "Failures", "Judged", "Kind", "Series", "judge"]

Array = npt.NDArray[np.float64]

#: What other compilers, processors and libraries make of a number that is drawn from nothing, as a share of it.
_ELSEWHERE: Final = 1e-6


def judge(
    series: Sequence[Series], failures: Failures, *, alpha: float = 0.05, correction: str = "holm", power: float = 0.8
) -> tuple[Judged, ...]:
    """Say of everything compared whether it got worse.

    Parameters
    ----------
    series : sequence of Series
        Everything compared; all of it counts, also what turns out to have no p.
    failures : Failures
        One further member of the family.
    alpha : float
        Error rate of the family, below 0.5.
    correction : str
        A key of :data:`bpbench.statistics.corrections.METHODS`.
    power : float
        With which ``detectable`` would be found; none is reckoned for one that a test has without any effect.

    Returns
    -------
    tuple of Judged
        One per series, in order, and the failures last.

    Raises
    ------
    StatisticsError
        For a series that stands twice in the family, an unknown correction or ``max-t``, which needs paired repeats,
        or an impossible alpha or power.
    """
    for name, value, most in (("alpha", alpha, 0.5), ("power", power, 1)):
        if not 0 < value < most:
            raise StatisticsError(f"{name} must lie between 0 and {most}, found {value!r}.")
    names = [(one.variant, one.metric) for one in series]
    for place, (variant, metric) in enumerate(names):
        if (variant, metric) in names[:place]:
            raise StatisticsError(f"'{variant}', {metric} stands twice in the family; give it once.")
    level = first_step_alpha(correction, len(series) + 1, alpha)
    found = [*(_compare(one, alpha, level, power) for one in series), _count(failures)]
    adjusted = adjust([one.outcome.p for one in found], correction, alpha=alpha)
    within = adjust([one.outcome.p_equivalence for one in found], correction, alpha=alpha)
    return tuple(_decide(*each, alpha) for each in zip(found, adjusted, within, strict=True))


# ---------------------------------------------------------------------------------------------- one member by itself


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a test says of one member, without its verdict."""

    p: float | None
    p_equivalence: float | None = None
    low: float | None = None
    high: float | None = None
    detectable: float | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Finding:
    """A member before correction: its description, what its test says, and whether a repeat of it diverged."""

    described: Judged
    outcome: _Outcome
    lower_is_better: bool = True
    diverged: int = 0


def _compare(series: Series, alpha: float, level: float, power: float) -> _Finding:
    positive = all((values > 0).all() for values in (series.newest, series.baseline))
    means = [_mean(values) if positive else None for values in (series.newest, series.baseline)]
    described = Judged(
        variant=series.variant,
        metric=series.metric,
        label=series.label,
        unit=series.unit,
        kind=series.kind,
        margin=None if series.margin is None else series.margin.plain,
        n=series.newest.size,
        n_baseline=series.baseline.size,
        mean=means[0],
        baseline_mean=means[1],
        change=_change(*means),
    )
    if series.newest.size == 0 and series.diverged > 1 and series.baseline.size:
        gone = f"All {grouped(series.diverged)} trainings of the newest run diverged or failed: worse by itself."
        return _Finding(described, _Outcome(0.0, remarks=(gone,)), series.lower_is_better)
    reason = _too_few(series) or ("" if positive else _not_positive(series))
    if reason:
        return _Finding(described, _Outcome(None, remarks=(reason,)), series.lower_is_better, series.diverged)
    slack = rounding(series.newest, series.baseline)
    still = [float(np.ptp(values)) <= slack for values in (series.newest, series.baseline)]
    share = _share(series.margin, means[1])
    outcome = (
        _without_noise(series, share, slack, described.change)
        if all(still)
        else _by_student(series, share, alpha, level, power)
    )
    remarks = (*outcome.remarks, *_one_side(still, (series.newest.size, series.baseline.size)))
    return _Finding(described, replace(outcome, remarks=remarks), series.lower_is_better, series.diverged)


def _mean(values: Array) -> float | None:
    """Return the geometric mean of positive values; of equal ones this very value."""
    if not values.size:
        return None
    return float(values[0]) if np.ptp(values) == 0 else float(np.exp(np.mean(np.log(values))))


def _not_positive(series: Series) -> str:
    least = min(float(values.min()) for values in (series.newest, series.baseline))
    return f"Ratios are compared, which need positive values; found {least:g}, so there is no p and no verdict."


def _share(margin: Margin | None, baseline: float | None) -> float | None:
    """Return a margin as a share of the baseline's mean."""
    if margin is None or baseline is None:
        return None
    return margin.value if margin.kind == "relative" else margin.value / baseline


def _change(mean: float | None, baseline: float | None) -> float | None:
    return None if mean is None or baseline is None or baseline <= 0 else mean / baseline - 1


def _too_few(series: Series) -> str:
    for side, values in (("newest run", series.newest), ("baseline", series.baseline)):
        if values.size == 0:
            return f"No training of the {side} has a value: there is nothing to compare."
    if series.newest.size == series.baseline.size == 1:
        return "A single repeat on each side shows no spread: no p, no interval and no verdict without a second one."
    return ""


def _one_side(still: list[bool], sizes: tuple[int, int]) -> tuple[str, ...]:
    if still[0] == still[1] or 1 in sizes:  # one value has no spread of its own
        return ()
    return (f"Only the {'baseline' if still[0] else 'newest run'} has any spread, which is taken for both.",)


def _without_noise(series: Series, share: float | None, slack: float, change: float | None) -> _Outcome:
    """Return p = 0 or 1 by the difference itself, of values that do not vary."""
    baseline = float(series.baseline[0])
    slack = max(slack, _ELSEWHERE * baseline)
    worse = (float(series.newest[0]) - baseline) * _sign(series)
    width = None if share is None else share * baseline
    p = float(abs(worse) <= slack) if width is None or series.kind == "loss" else float(worse <= width + slack)
    return _Outcome(
        p=p,
        p_equivalence=None if width is None else float(abs(worse) >= width - slack),
        low=change,
        high=change,
        remarks=("No spread on either side: there is no noise to test against, and p is 0 or 1 by the difference.",),
    )


def _sign(series: Series) -> int:
    return 1 if series.lower_is_better else -1


def _by_student(series: Series, share: float | None, alpha: float, level: float, power: float) -> _Outcome:
    evidence = pooled(sample(np.log(series.newest)), sample(np.log(series.baseline)))
    # where the margin ends on each side, in logarithms; a loss of all of it or more has no end
    below, above = (
        (None, None) if share is None else (math.log1p(-share) if share < 1 else -math.inf, math.log1p(share))
    )
    worse = above if series.lower_is_better else below
    if series.kind == "loss":
        p, allowed, level_of_two = two_sided_p(evidence), 0.0, level
    else:
        # a one-sided test is half of a two-sided one at twice its level; the far tail is nothing at any power asked for
        assert worse is not None
        level_of_two, allowed = 2 * level, abs(worse)
        p = evidence.p_greater(worse) if series.lower_is_better else evidence.p_less(worse)
    detectable = None
    if power > level_of_two:
        size = allowed + detectable_noncentrality(evidence.df, alpha=level_of_two, power=power) * evidence.se
        detectable = math.expm1(size) if series.lower_is_better else -math.expm1(-size)
    within = None if below is None or above is None else max(evidence.p_less(above), evidence.p_greater(below))
    low, high = (math.expm1(end) for end in evidence.interval(1 - alpha))
    return _Outcome(p, within, low, high, detectable)


def _count(failures: Failures) -> _Finding:
    """Return the test of whether the units of the newest run fail more often, one-sided."""
    sides = failures.newest, failures.baseline
    shares = [float(side.mean()) if side.size else None for side in sides]
    remarks = () if all(side.size for side in sides) else ("One side has no training at all to compare with.",)
    described = Judged(
        variant=ALL_VARIANTS,
        metric="failures",
        label="diverged or failed trainings",
        unit="",
        kind="failures",
        margin=None,
        n=failures.newest.size,
        n_baseline=failures.baseline.size,
        mean=shares[0],
        baseline_mean=shares[1],
        change=_change(*shares),
    )
    return _Finding(described, _Outcome(None if remarks else _p_of(failures), remarks=remarks))


def _p_of(failures: Failures) -> float:
    """Return the share of labellings under which the newest run's units fail at least as often, itself among them."""
    newest, baseline = failures.newest, failures.baseline
    if np.ptp(np.concatenate((newest, baseline))) == 0:
        return 1.0  # all units alike: every labelling is this one
    if min(newest.size, baseline.size) < 2:
        return 1.0  # one unit against others shows no spread to studentise by
    return permutation(newest, baseline, generator(failures.seed, "failures"), slack=1e-12).p_greater()


# ---------------------------------------------------------------------------------------------------------- together


def _decide(finding: _Finding, p_adjusted: float | None, p_within: float | None, alpha: float) -> Judged:
    """Return the member with its verdict, by the table at the head of this module."""
    described, outcome = finding.described, finding.outcome
    significant = p_adjusted is not None and p_adjusted <= alpha
    wanted: list[Verdict] = []
    remarks = list(outcome.remarks)
    if p_within is not None and p_within <= alpha:
        wanted.append("equivalent")
        if significant:
            remarks.append("Resolved, below the margin: the difference is significant but too small to matter.")
    if significant:
        wanted.append("worse" if described.kind != "loss" or _is_worse(finding) else "better")
    if finding.diverged:
        trainings = "1 training" if finding.diverged == 1 else f"{grouped(finding.diverged)} trainings"
        remarks.append(
            f"{trainings} of '{described.variant}' diverged or failed: it cannot be called better or equivalent, and "
            "the numbers describe only the trainings that finished."
        )
    barred = {"better", "equivalent"} if finding.diverged else set()
    return replace(
        described,
        low=outcome.low,
        high=outcome.high,
        p=outcome.p,
        p_adjusted=p_adjusted,
        p_equivalence_adjusted=p_within,
        detectable=outcome.detectable,
        verdict=next((verdict for verdict in wanted if verdict not in barred), "undecided"),
        remarks=tuple(remarks),
    )


def _is_worse(finding: _Finding) -> bool:
    mean, baseline = finding.described.mean, finding.described.baseline_mean
    if mean is None or baseline is None:
        return True  # nothing is left of it
    return (mean > baseline) == finding.lower_is_better

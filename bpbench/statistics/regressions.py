r"""What got worse: every loss, time and memory of a newest run against a baseline, and the failures, as one family.

The repeats of the two are independent samples (their seeds differ), so everything rests on Welch's t test:

==================  ==============================================  ==========================================
kind                H0                                              verdict
==================  ==============================================  ==========================================
``loss``            μ_c = μ_b, two-sided                            *equivalent* if shown to lie within the
                                                                    margin, else *worse* or *better*
``time``,           worse by at most the margin, one-sided: for a   *worse*, or *equivalent* if shown to lie
``memory``          share f, μ_c - (1 + f) μ_b ≤ 0                  within the margin
``failures``        trainings fail no more often, one-sided       *worse*
==================  ==============================================  ==========================================

and *undecided* wherever nothing is shown. Two runs on one machine differ by more than their repeats do (other load,
other temperature, another build of a library), so a time or a memory is not tested against "no change" but against
"more than the margin": what no repeat of a run can show, the margin has to hold.

=============  =====================================================================================================
symbol         meaning
=============  =====================================================================================================
μ_c, μ_b       true means of the newest run and of the baseline
f              a margin as a share of μ_b (:mod:`.equivalence`: the observed mean in its place would add its noise)
m              size of the family: all series and one more member for the failures, whether or not they have a p
α              probability that a newest run in which nothing got worse is called *worse* anywhere
=============  =====================================================================================================

The p-values of the table are one family, and the equivalence tests are another of the same size, both under the
declared correction. Holm's, Bonferroni's, Hochberg's and the like keep α for the whole family; ``bh``, ``by`` and
``tsbh`` bound the share of false alarms among the alarms, which is α only where nothing got worse at all.

**Failures** (diverged or failed trainings) are counted over all variants together and compared by Fisher's exact test:
of a single variant a handful of repeats could not show anything after correction. The values of the trainings that
finished describe these alone, so a variant of which a repeat diverged is called neither *better* nor *equivalent*.

**No spread.** A contestant without randomness gives one value on each side. There is no noise, and p is 0 or 1 by the
difference itself: 0 where it is there at all (``loss``), or is beyond the margin (``time``, ``memory``), but for
rounding.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from bpbench.counting import grouped
from bpbench.errors import StatisticsError
from bpbench.statistics.corrections import adjust, first_step_alpha
from bpbench.statistics.equivalence import equivalence, ratio_interval, require_positive, two_sided_p
from bpbench.statistics.margins import require_measurable
from bpbench.statistics.power import detectable_noncentrality
from bpbench.statistics.samples import Sample, rounding
from bpbench.statistics.student import welch_contrast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bpbench.statistics.margins import Margin
    from bpbench.statistics.pairs import Verdict

Kind = Literal["loss", "time", "memory", "failures"]
Array = npt.NDArray[np.float64]

#: How the member of the family that counts failures is named.
ALL_VARIANTS: Final = "all variants"


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One quantity of one variant, on both sides.

    Attributes
    ----------
    variant, metric : str
        Names; no two series of a family share both.
    label, unit : str
        How the metric is written.
    kind : {'loss', 'time', 'memory'}
        How it is judged.
    lower_is_better : bool
        Direction.
    margin : Margin or None
        What does not matter, in the unit or as a share of the baseline's mean; times and memories need one.
    newest, baseline : ndarray, shapes (n,) and (m,)
        One finite value per training that finished, of any number, none included; copied and made read-only.
    diverged : int
        Trainings of this variant in the newest run that diverged or failed, and have no value.

    Raises
    ------
    StatisticsError
        For values that are not finite, a kind that has no values, a time or memory without a margin, a margin in d_z
        (the samples are not paired), or a negative count.
    """

    variant: str
    metric: str
    label: str
    unit: str
    kind: Kind
    lower_is_better: bool
    margin: Margin | None
    newest: Array
    baseline: Array
    diverged: int = 0

    def __post_init__(self) -> None:
        name = f"'{self.variant}', {self.metric}"
        if self.kind == "failures" or self.kind not in get_args(Kind):
            raise StatisticsError(
                f"A series is a 'loss', a 'time' or a 'memory', found '{self.kind}' in {name}; failures are counted "
                "over all variants and given apart."
            )
        if self.margin is not None:
            require_measurable(self.margin, "welch")
        elif self.kind != "loss":
            raise StatisticsError(
                f"A {self.kind} needs a margin, found none in {name}: two runs on one machine differ by more than "
                "their repeats do; declare what does not matter, such as 25%."
            )
        if self.diverged < 0:
            raise StatisticsError(
                f"A number of diverged trainings cannot be negative, found {self.diverged} in {name}."
            )
        for side in ("newest", "baseline"):
            values = np.array(getattr(self, side), dtype=np.float64)
            if values.size:
                try:
                    _sample(values)
                except StatisticsError as error:
                    raise StatisticsError(f"The {side} values of {name}: {error}") from error
            values.flags.writeable = False
            object.__setattr__(self, side, values)


@dataclass(frozen=True, slots=True)
class Failures:
    """Trainings that diverged or failed, over all variants together.

    Attributes
    ----------
    newest, newest_total : int
        How many in the newest run, and of how many trainings.
    baseline, baseline_total : int
        The same of the baseline.

    Raises
    ------
    StatisticsError
        When there are more failures than trainings, or a count is negative.
    """

    newest: int
    newest_total: int
    baseline: int
    baseline_total: int

    def __post_init__(self) -> None:
        for side, failed, total in (
            ("newest run", self.newest, self.newest_total),
            ("baseline", self.baseline, self.baseline_total),
        ):
            if not 0 <= failed <= total:
                raise StatisticsError(
                    f"Failures are counted from 0 to the number of trainings, found {failed} of {total} in the {side}."
                )


@dataclass(frozen=True, slots=True)
class Judged:
    """One judged member of the family. ``None`` means "has no value", and a remark says why where it matters.

    Attributes
    ----------
    variant, metric, label, unit : str
        As in :class:`Series`; :data:`ALL_VARIANTS` and ``failures`` for the failures.
    kind : {'loss', 'time', 'memory', 'failures'}
        How it was judged.
    margin : float or str or None
        As :meth:`.Margin.parse` reads it back.
    n, n_baseline : int
        Values on each side; trainings in all, for the failures.
    mean, baseline_mean : float or None
        Their means; the share of failed trainings, for the failures.
    change : float or None
        Ratio of the means less one; ``None`` unless the baseline's is positive.
    low, high : float or None
        Interval of level 1 - α of the ratio of the true means less one (Fieller), of this member alone.
    p, p_adjusted : float or None
        Of the H0 of its kind, alone and corrected over the family.
    p_equivalence_adjusted : float or None
        Of the two one-sided tests within the margin, corrected over their family.
    detectable : float or None
        True change for the worse (as a share of the baseline's mean) that the correction's first step finds with the
        declared power, given the spread seen here; of a time or memory it lies above the margin.
    verdict : {'worse', 'better', 'equivalent', 'undecided'}
        By the table at the head of this module.
    remarks : tuple of str
        Sentences.
    """

    variant: str
    metric: str
    label: str
    unit: str
    kind: Kind
    margin: float | str | None
    n: int
    n_baseline: int
    mean: float | None
    baseline_mean: float | None
    change: float | None
    low: float | None
    high: float | None
    p: float | None
    p_adjusted: float | None
    p_equivalence_adjusted: float | None
    detectable: float | None
    verdict: Verdict
    remarks: tuple[str, ...]


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


def _sample(values: Array) -> Sample:
    return Sample(values, np.zeros(values.shape, dtype=np.int64))


def _compare(series: Series, alpha: float, level: float, power: float) -> _Finding:
    means = [float(np.mean(values)) if values.size else None for values in (series.newest, series.baseline)]
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
        low=None,
        high=None,
        p=None,
        p_adjusted=None,
        p_equivalence_adjusted=None,
        detectable=None,
        verdict="undecided",
        remarks=(),
    )
    reason = _too_few(series)
    if reason:
        return _Finding(described, _Outcome(None, remarks=(reason,)), series.lower_is_better, series.diverged)
    margin, hindered = series.margin, list[str]()
    if margin is not None and margin.kind == "relative":
        try:
            require_positive(series.baseline)
        except StatisticsError as error:  # known only now, when the trainings are paid for
            margin, hindered = None, [f"No test against the margin was made. {error}"]
    slack = rounding(series.newest, series.baseline)
    still = [float(np.ptp(values)) <= slack for values in (series.newest, series.baseline)]
    outcome = (
        _without_noise(series, margin, slack, described.change)
        if all(still)
        else _by_welch(series, margin, alpha, level, power)
    )
    remarks = (*hindered, *outcome.remarks, *_one_side(still))
    return _Finding(described, replace(outcome, remarks=remarks), series.lower_is_better, series.diverged)


def _change(mean: float | None, baseline: float | None) -> float | None:
    return None if mean is None or baseline is None or baseline <= 0 else mean / baseline - 1


def _too_few(series: Series) -> str:
    for side, values in (("newest run", series.newest), ("baseline", series.baseline)):
        if values.size == 0:
            return f"No training of the {side} has a value: there is nothing to compare."
    if min(series.newest.size, series.baseline.size) == 1:
        return "A single repeat shows no spread: no p, no interval and no verdict without a second one."
    return ""


def _one_side(still: list[bool]) -> tuple[str, ...]:
    if still[0] == still[1]:
        return ()
    moves, rests = ("baseline", "newest run") if still[0] else ("newest run", "baseline")
    return (f"Only the {moves} has any spread; the mean of the {rests} is taken as exact.",)


def _without_noise(series: Series, margin: Margin | None, slack: float, change: float | None) -> _Outcome:
    """Return p = 0 or 1 by the difference itself, of values that do not vary."""
    mean, baseline = float(np.mean(series.newest)), float(np.mean(series.baseline))
    worse = (mean - baseline) * _sign(series)
    width = None if margin is None else margin.value * (baseline if margin.kind == "relative" else 1.0)
    p: float | None
    if series.kind == "loss":
        p = float(abs(worse) <= slack)
    else:
        p = None if width is None else float(worse <= width + slack)
    return _Outcome(
        p=p,
        p_equivalence=None if width is None else float(abs(worse) >= width - slack),
        low=change,
        high=change,
        remarks=("No spread on either side: there is no noise to test against, and p is 0 or 1 by the difference.",),
    )


def _sign(series: Series) -> int:
    return 1 if series.lower_is_better else -1


def _by_welch(series: Series, margin: Margin | None, alpha: float, level: float, power: float) -> _Outcome:
    contrast = welch_contrast(_sample(series.newest), _sample(series.baseline))
    baseline, sign = float(np.mean(series.baseline)), _sign(series)
    low, high = ratio_interval(contrast, 1 - alpha) if baseline > 0 else (None, None)
    p: float | None
    if series.kind == "loss":
        evidence, allowed, level_of_two = contrast(1.0), 0.0, level
        p = two_sided_p(evidence)
    elif margin is None:
        return _Outcome(None, low=low, high=high)
    else:
        # a one-sided test is half of a two-sided one at twice its level; the far tail is nothing at any power asked for
        level_of_two = 2 * level
        relative = margin.kind == "relative"
        evidence, bound = contrast(1 + sign * margin.value if relative else 1.0), 0.0 if relative else margin.value
        allowed = margin.value * (baseline if relative else 1.0)
        p = evidence.p_greater(bound) if sign > 0 else evidence.p_less(-bound)
    detectable = None
    if baseline > 0 and power > level_of_two:
        size = detectable_noncentrality(evidence.df, alpha=level_of_two, power=power) * evidence.se
        detectable = (allowed + size) / baseline
    within = None if margin is None else equivalence(contrast, margin, alpha).p
    return _Outcome(p, within, low, high, detectable)


def _count(failures: Failures) -> _Finding:
    """Return Fisher's exact test of whether trainings of the newest run fail more often, one-sided."""
    from scipy.stats import hypergeom

    totals = failures.newest_total, failures.baseline_total
    shares = [
        failed / total if total else None
        for failed, total in zip((failures.newest, failures.baseline), totals, strict=True)
    ]
    # given both margins of the table, failures of the newest run are drawn without replacement from all failures
    both = failures.newest + failures.baseline
    p = float(hypergeom.sf(failures.newest - 1, sum(totals), both, failures.newest_total)) if all(totals) else None
    remarks = () if all(totals) else ("One side has no training at all: failures have nothing to be compared with.",)
    described = Judged(
        variant=ALL_VARIANTS,
        metric="failures",
        label="diverged or failed trainings",
        unit="",
        kind="failures",
        margin=None,
        n=totals[0],
        n_baseline=totals[1],
        mean=shares[0],
        baseline_mean=shares[1],
        change=_change(*shares),
        low=None,
        high=None,
        p=None,
        p_adjusted=None,
        p_equivalence_adjusted=None,
        detectable=None,
        verdict="undecided",
        remarks=(),
    )
    return _Finding(described, _Outcome(p, remarks=remarks))


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
    assert mean is not None
    assert baseline is not None
    return (mean > baseline) == finding.lower_is_better

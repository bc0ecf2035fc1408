"""Two states of one study, and what is said of them: plain values of :mod:`.regressions`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from bpbench.errors import StatisticsError
from bpbench.statistics.margins import require_measurable
from bpbench.statistics.samples import Sample

if TYPE_CHECKING:
    from bpbench.statistics.margins import Margin
    from bpbench.statistics.pairs import Verdict

Kind = Literal["loss", "time", "memory", "failures"]
Array = npt.NDArray[np.float64]

#: How the member of the family that counts failures is named.
ALL_VARIANTS: Final = "all variants"


def sample(values: Array) -> Sample:
    """Return repeats that all belong to one state, refused unless they are finite numbers.

    Parameters
    ----------
    values : ndarray, shape (n,)
        One or more.
    """
    return Sample(values, np.zeros(values.shape, dtype=np.int64))


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
        One finite value per training that finished, of any number, none included; copied and made read-only. Only
        positive ones are compared.
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
                    sample(values)
                except StatisticsError as error:
                    raise StatisticsError(f"The {side} values of {name}: {error}") from error
            values.flags.writeable = False
            object.__setattr__(self, side, values)


@dataclass(frozen=True, slots=True, eq=False)
class Failures:
    """Trainings that diverged or failed, over all variants together, by unit: repeat, or split in a crossed design.

    Attributes
    ----------
    newest, baseline : ndarray, shapes (n,) and (m,)
        Share of each unit's trainings that have no value, from 0 to 1; copied and made read-only.
    seed : int
        Of the redrawn labels, where there are too many to visit all.

    Raises
    ------
    StatisticsError
        For what is no share.
    """

    newest: Array
    baseline: Array
    seed: int = 0

    def __post_init__(self) -> None:
        for name, side in (("newest", "newest run"), ("baseline", "baseline")):
            values = np.array(getattr(self, name), dtype=np.float64)
            if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
                raise StatisticsError(
                    f"Failures are shares of the trainings of each repeat, from 0 to 1; found {values.tolist()!r} in "
                    f"the {side}."
                )
            values.flags.writeable = False
            object.__setattr__(self, name, values)


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
        Their geometric means; the share of failed trainings, for the failures.
    change : float or None
        Ratio of the two less one; ``None`` unless the baseline's is positive.
    low, high : float or None
        Interval of level 1 - α of ϱ - 1, of this member alone.
    p, p_adjusted : float or None
        Of the H0 of its kind, alone and corrected over the family.
    p_equivalence_adjusted : float or None
        Of the two one-sided tests within the margin, corrected over their family.
    detectable : float or None
        True change for the worse (ϱ - 1, without its sign) that the correction's first step finds with the
        declared power, given the spread seen here; of a time or memory it lies above the margin.
    verdict : {'worse', 'better', 'equivalent', 'undecided'}
        By the table at the head of :mod:`.regressions`.
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
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    p_equivalence_adjusted: float | None = None
    detectable: float | None = None
    verdict: Verdict = "undecided"
    remarks: tuple[str, ...] = ()

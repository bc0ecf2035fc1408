r"""Margins: the largest difference that does not matter, in one of three measures.

==============  =====================================================================  ==========================
kind            what counts as too small to matter                                     written
==============  =====================================================================  ==========================
``absolute``    \|μ_c - μ_b\| < Δ, in the metric's unit                                ``0.1``
``relative``    \|μ_c - μ_b\| < f μ_b, a share of the baseline's true mean             ``5%``
``d_z``         \|μ_c - μ_b\| < Δ_z σ, in true spreads of the paired differences       ``0.3 d_z``
==============  =====================================================================  ==========================

The last two are no absolute margins in disguise: f times the *observed* mean of the baseline, or Δ_z times the
*observed* spread, move with the data, and a test that takes them for constants errs (:mod:`.equivalence`).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final, Literal

from bpbench.errors import StatisticsError

Kind = Literal["absolute", "relative", "d_z"]

_WRITTEN: Final = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(%|d_z)?")

#: Tests whose p follows from the true d_z: the only ones for which a margin in d_z has an answer.
_OF_DZ: Final = ("paired-t", "nadeau-bengio")
_UNPAIRED: Final = ("welch", "permutation", "mann-whitney")


@dataclass(frozen=True, slots=True)
class Margin:
    """The largest difference that does not matter.

    Attributes
    ----------
    value : float
        Δ in the metric's unit; f as a share (0.05 for 5 %), below 1; or Δ_z, a number of true standard deviations of
        the paired differences. Positive.
    kind : {'absolute', 'relative', 'd_z'}
        Which of them.

    Raises
    ------
    StatisticsError
        For a value that is not positive and finite, or a share of all.
    """

    value: float
    kind: Kind = "absolute"

    def __post_init__(self) -> None:
        if not 0 < self.value < math.inf:
            what = {
                "absolute": "a positive number in the metric's unit",
                "relative": "a positive share of the baseline's mean",
                "d_z": "a positive number of standard deviations of the paired differences",
            }[self.kind]
            found = repr(self.value) if self.kind == "absolute" else str(self)
            raise StatisticsError(f"A margin is {what}, found {found}.")
        if self.kind == "relative" and self.value >= 1:
            raise StatisticsError(f"A relative margin is a share of the baseline's mean below 100 %, found {self}.")

    @classmethod
    def parse(cls, written: float | str) -> Margin:
        """Return the margin that a protocol or a command line means.

        Parameters
        ----------
        written : float or str
            ``0.1`` or ``"0.1"``: in the metric's unit; ``"5%"``: a share of the baseline's mean; ``"0.3 d_z"``: in
            standard deviations of the paired differences.

        Raises
        ------
        StatisticsError
            For a text that is none of these, or a value that is not positive.
        """
        if not isinstance(written, str):
            return cls(float(written))
        found = _WRITTEN.fullmatch(written.strip())
        if found is None:
            raise StatisticsError(
                "A margin is a number in the metric's unit (0.1), a share of the baseline's mean (5%) or a number of "
                f"standard deviations of the paired differences (0.3 d_z), found '{written}'."
            )
        number, unit = float(found[1]), found[2]
        if unit == "%":
            return cls(number / 100, "relative")
        return cls(number, "absolute" if unit is None else "d_z")

    @property
    def plain(self) -> float | str:
        """The margin as JSON, which :meth:`parse` reads back: a number if absolute, else a text."""
        return self.value if self.kind == "absolute" else str(self)

    def __str__(self) -> str:
        if self.kind == "relative":
            return f"{100 * self.value:.15g} %"
        return f"{self.value:.15g}" + (" d_z" if self.kind == "d_z" else "")


def require_measurable(margin: Margin, test: str) -> None:
    """Refuse a margin that a test cannot judge.

    Parameters
    ----------
    margin : Margin
        The declared margin.
    test : str
        A key of :data:`bpbench.statistics.designs.TESTS`.

    Raises
    ------
    StatisticsError
        For a margin in d_z and a test other than the paired t tests.
    """
    if margin.kind == "d_z" and test not in _OF_DZ:
        reason = (
            "it takes the two samples as unpaired, and they have no spread of paired differences"
            if test in _UNPAIRED
            else "what it gives at a true d_z depends on the shape of the noise, which nobody knows"
        )
        raise StatisticsError(
            f"The test '{test}' cannot judge a margin of {margin}: {reason}; declare the margin in the metric's unit "
            f"or as a share of the baseline's mean, or the test {' or '.join(repr(name) for name in _OF_DZ)}."
        )

"""Which test a design allows and what it could ever show: decided before any result exists.

======================  =====================================================================================
design                  what varies from repeat to repeat
======================  =====================================================================================
``fixed``               the seeds alone, on one split: repeats are independent given that split
``resampled``           the split, redrawn from the same data: training and test sets of the repeats overlap
``crossed``             s splits times m seeds: averaged within each split first, so n = s
======================  =====================================================================================
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from bpbench.errors import StatisticsError, nearest
from bpbench.statistics.corrections import METHODS, reachable_alpha
from bpbench.statistics.margins import Margin, require_measurable

if TYPE_CHECKING:
    from collections.abc import Mapping

DESIGNS: Final = ("fixed", "resampled", "crossed")

_OVERLAP = (
    "the training and test sets of resampled splits overlap, so the repeats are not independent and this test "
    "would give far more false alarms than alpha; use 'nadeau-bengio', whose standard error counts the overlap"
)


@dataclass(frozen=True, slots=True)
class TestInfo:
    """One test: its names, what it assumes, and where it may not be used.

    Attributes
    ----------
    key, label : str
        Its name in protocols and in tables.
    assumes : str
        What must hold for its error rate to be true, and what it compares; a whole sentence.
    refused : mapping of str to str
        The designs in which it may not be used, each with the reason (a clause).
    """

    __test__ = False  # the name begins with "Test", but this is no test case

    key: str
    label: str
    assumes: str
    refused: Mapping[str, str]

    @property
    def designs(self) -> tuple[str, ...]:
        """Designs in which the test is allowed."""
        return tuple(design for design in DESIGNS if design not in self.refused)


TESTS: Final[Mapping[str, TestInfo]] = MappingProxyType(
    {
        info.key: info
        for info in (
            TestInfo(
                "paired-t",
                "paired t",
                "The paired differences are independent and nearly normal; it compares means.",
                MappingProxyType({"resampled": _OVERLAP}),
            ),
            TestInfo(
                "nadeau-bengio",
                "Nadeau-Bengio corrected t",
                "The splits are redrawn from one data set, and their overlap correlates the paired differences by "
                "about n_test/(n_test + n_train); it compares means.",
                MappingProxyType(
                    {
                        "fixed": "it corrects for splits that overlap, but here there is one split and the seeds "
                        "are independent given it; use 'paired-t'",
                        "crossed": "the reserve is drawn once, so the ratio of its size to the training set's does not "
                        "describe how the repeats overlap; use 'paired-t' on the means of the splits",
                    }
                ),
            ),
            TestInfo(
                "welch",
                "Welch t",
                "The two samples are independent and nearly normal, with any two variances; it compares means and "
                "ignores that the repeats are paired, which costs power.",
                MappingProxyType({"resampled": _OVERLAP}),
            ),
            TestInfo(
                "wilcoxon",
                "Wilcoxon signed-rank",
                "The paired differences are independent and symmetric about one centre; it compares that centre.",
                MappingProxyType({"resampled": _OVERLAP}),
            ),
        )
    }
)


def _known_test(test: str) -> TestInfo:
    try:
        return TESTS[test]
    except KeyError:
        raise StatisticsError(f"There is no test '{test}'{nearest(test, TESTS)}") from None


def require_allowed(test: str, design: str) -> None:
    """Refuse a test that has no right answer in a design.

    Parameters
    ----------
    test : str
        A key of :data:`TESTS`.
    design : str
        One of :data:`DESIGNS`.

    Raises
    ------
    StatisticsError
        For an unknown name (the nearest is offered) or a refused pair (with the reason).
    """
    info = _known_test(test)
    if design not in DESIGNS:
        raise StatisticsError(f"There is no design '{design}'{nearest(design, DESIGNS)}")
    if design in info.refused:
        raise StatisticsError(f"The test '{test}' is not allowed in a {design} design: {info.refused[design]}.")


@dataclass(frozen=True, slots=True)
class Rules:
    """How a family of comparisons is judged, as declared before its results exist.

    Attributes
    ----------
    test : str
        A key of :data:`TESTS` that the design allows.
    design : str
        One of :data:`DESIGNS`.
    correction : str
        A key of :data:`bpbench.statistics.corrections.METHODS`.
    alpha : float
        Error rate of the family, for superiority and (separately) for equivalence; between 0 and 0.5.
    margin : Margin or None
        Largest difference that does not matter, which the test can judge; ``None``: nothing is ever equivalent.
    power : float
        Probability with which the detectable difference is found.
    lower_is_better : bool
        Direction of the metric.
    test_to_train : float or None
        n_test/n_train of one split (without validation), which the Nadeau-Bengio test needs and no other reads.

    Raises
    ------
    StatisticsError
        For any value that cannot be.
    """

    test: str
    design: str
    correction: str = "holm"
    alpha: float = 0.05
    margin: Margin | None = None
    power: float = 0.8
    lower_is_better: bool = True
    test_to_train: float | None = None

    def __post_init__(self) -> None:
        require_allowed(self.test, self.design)
        if self.correction not in METHODS:
            raise StatisticsError(f"There is no correction '{self.correction}'{nearest(self.correction, METHODS)}")
        if not 0 < self.alpha < 0.5:
            raise StatisticsError(f"alpha must lie between 0 and 0.5, found {self.alpha!r}.")
        if not self.alpha < self.power < 1:
            raise StatisticsError(f"power must lie between alpha ({self.alpha:g}) and 1, found {self.power!r}.")
        if self.margin is not None:
            require_measurable(self.margin, self.test)
        if self.test == "nadeau-bengio" and self.test_to_train is None:
            raise StatisticsError(
                "The test 'nadeau-bengio' needs test_to_train, the size of a test set divided by that of its "
                "training set; none was given."
            )
        if self.test_to_train is not None and not 0 < self.test_to_train < math.inf:
            raise StatisticsError(f"test_to_train must be a positive number, found {self.test_to_train!r}.")


def smallest_p(test: str, n: int) -> float:
    """Return the smallest two-sided p that a test could give with n repeats.

    The signed-rank test knows 2^n equally likely sign patterns, of which the two most extreme give p = 2/2^n. A t
    test has no such floor: 0 is returned for n ≥ 2.

    Parameters
    ----------
    test : str
        A key of :data:`TESTS`.
    n : int
        Independent repeats (splits, in a crossed design).

    Returns
    -------
    float
        1 when the test gives no p at all.

    Raises
    ------
    StatisticsError
        For an unknown test or a negative n.
    """
    _known_test(test)
    if n < 0:
        raise StatisticsError(f"A number of repeats cannot be negative, found {n}.")
    if n < 2:
        return 1.0
    return 2.0 ** (1 - n) if test == "wilcoxon" else 0.0


def require_reachable(test: str, n: int, family_size: int, correction: str, alpha: float) -> None:
    """Refuse a design in which no result whatever could reach alpha after the correction.

    Parameters
    ----------
    test : str
        A key of :data:`TESTS`.
    n : int
        Independent repeats per variant (splits, in a crossed design).
    family_size : int
        Comparisons in the family.
    correction : str
        A key of :data:`bpbench.statistics.corrections.METHODS`.
    alpha : float
        Error rate of the family.

    Raises
    ------
    StatisticsError
        With the smallest p, the level that it misses and the least n that could reach it.
    """
    info = _known_test(test)
    level = reachable_alpha(correction, family_size, alpha)
    if smallest_p(test, n) <= level:
        return
    least = n + 1
    while smallest_p(test, least) > level:
        least += 1
    if n < 2:
        raise StatisticsError(
            f"The {info.label} test needs at least 2 independent repeats to see any spread, found {n}; "
            f"declare {least} or more."
        )
    family = "1 comparison" if family_size == 1 else f"{family_size} comparisons"
    raise StatisticsError(
        f"With {n} repeats the {info.label} test could never reach alpha = {alpha:g}: its smallest p is "
        f"{smallest_p(test, n):.3g}, and the correction '{correction}' over {family} asks for "
        f"{level:.3g}; declare at least {least} repeats."
    )

"""How a family is judged, and what that could ever show: decided before any result exists."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from bpbench.errors import StatisticsError
from bpbench.statistics.corrections import MAX_T, reachable_alpha, require_correction
from bpbench.statistics.designs import known, require_allowed
from bpbench.statistics.margins import Margin, require_measurable
from bpbench.statistics.permutation import DRAWS, flips, labellings
from bpbench.statistics.rank_sums import smallest


def require_together(test: str, correction: str) -> None:
    """Refuse a correction that has no meaning with a test.

    Parameters
    ----------
    test : str
        A key of :data:`bpbench.statistics.designs.TESTS`.
    correction : str
        One of :data:`bpbench.statistics.corrections.CORRECTIONS`.

    Raises
    ------
    StatisticsError
        For an unknown correction, or ``max-t`` with another test than ``sign-flip``.
    """
    require_correction(correction)
    if correction == MAX_T and test != "sign-flip":
        raise StatisticsError(
            f"The correction '{MAX_T}' turns the signs of paired differences for all comparisons at once and goes with "
            f"the test 'sign-flip' alone, found '{test}'; choose that test, or 'holm', which goes with all."
        )


def require_ratio(test_to_train: float | None) -> None:
    """Refuse an impossible ratio of test to training size; none at all is possible.

    Parameters
    ----------
    test_to_train : float or None
        n_test/n_train of one split.

    Raises
    ------
    StatisticsError
        When it is not positive and finite.
    """
    if test_to_train is not None and not 0 < test_to_train < math.inf:
        raise StatisticsError(f"test_to_train must be a positive number, found {test_to_train!r}.")


@dataclass(frozen=True, slots=True)
class Rules:
    """How a family of comparisons is judged, as declared before its results exist.

    Attributes
    ----------
    test : str
        A key of :data:`bpbench.statistics.designs.TESTS` that the design allows.
    design : str
        One of :data:`bpbench.statistics.designs.DESIGNS`.
    correction : str
        One of :data:`bpbench.statistics.corrections.CORRECTIONS`; ``max-t`` with the test ``sign-flip`` alone.
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
    seed : int
        Of the random redrawings of ``sign-flip``, ``permutation`` and ``max-t``, where there are too many to visit all.

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
    seed: int = 0

    def __post_init__(self) -> None:
        require_allowed(self.test, self.design)
        require_together(self.test, self.correction)
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
        require_ratio(self.test_to_train)
        if self.seed < 0:
            raise StatisticsError(f"A seed is a whole number that is not negative, found {self.seed!r}.")


def smallest_p(test: str, n: int, baseline_n: int | None = None) -> float:
    """Return the smallest two-sided p that a test could give with n repeats.

    The signed-rank and the sign-flip test know 2ⁿ equally likely sign patterns, of which the two most extreme give
    p = 2/2ⁿ; the tests of two independent samples know C(n + m, n) labellings and give 2/C(n + m, n). Where not all
    are visited but B drawn, the smallest p is 2/(B + 1). A t test has no such floor: 0 is returned for n ≥ 2.

    Parameters
    ----------
    test : str
        A key of :data:`bpbench.statistics.designs.TESTS`.
    n : int
        Independent repeats (splits, in a crossed design).
    baseline_n : int or None
        Those of the baseline, where a test without pairs is given another number; ``None``: as many.

    Returns
    -------
    float
        1 when the test gives no p at all.

    Raises
    ------
    StatisticsError
        For an unknown test, a negative n, or two numbers for a paired test.
    """
    info = known(test)
    m = n if baseline_n is None else baseline_n
    if min(n, m) < 0:
        raise StatisticsError(f"A number of repeats cannot be negative, found {min(n, m)}.")
    if info.paired and n != m:
        raise StatisticsError(f"The test '{test}' compares repeat by repeat, found {n} repeats against {m}.")
    if min(n, m) < 2:
        return 1.0
    floors = {
        "wilcoxon": lambda: 2.0 ** (1 - n),
        "mann-whitney": lambda: smallest(n, m),
    }
    if (redrawn := redrawings(test, n, m)) is not None:
        return 2 / redrawn[0]
    return floors[test]() if test in floors else 0.0


def redrawings(test: str, n: int, baseline_n: int | None = None) -> tuple[int, bool] | None:
    """Return how many arrangements a test visits, the one that was seen among them, and whether these are all.

    Parameters
    ----------
    test : str
        A key of :data:`bpbench.statistics.designs.TESTS`.
    n : int
        Independent repeats (splits, in a crossed design).
    baseline_n : int or None
        Those of the baseline, where a test without pairs is given another number; ``None``: as many.

    Returns
    -------
    (int, bool) or None
        ``None`` where nothing is redrawn.
    """
    if test == "sign-flip":
        return flips(n)
    return labellings(n, n if baseline_n is None else baseline_n) if test == "permutation" else None


#: No test has a smallest p that is still falling beyond.
_ENOUGH: Final = 1100


def require_reachable(test: str, n: int, family_size: int, correction: str, alpha: float) -> None:
    """Refuse a design in which no result whatever could reach alpha after the correction.

    Parameters
    ----------
    test : str
        A key of :data:`bpbench.statistics.designs.TESTS`.
    n : int
        Independent repeats per variant (splits, in a crossed design).
    family_size : int
        Comparisons in the family.
    correction : str
        One of :data:`bpbench.statistics.corrections.CORRECTIONS`.
    alpha : float
        Error rate of the family.

    Raises
    ------
    StatisticsError
        With the smallest p, the level that it misses and the least n that could reach it, if any could.
    """
    info = known(test)
    level = reachable_alpha(correction, family_size, alpha)
    if smallest_p(test, n) <= level:
        return
    least = next((more for more in range(2, max(n, _ENOUGH)) if smallest_p(test, more) <= level), None)
    if n < 2 and least is not None:
        raise StatisticsError(
            f"The {info.label} test needs at least 2 independent repeats to see any spread, found {n}; "
            f"{least} or more are needed."
        )
    family = "1 comparison" if family_size == 1 else f"{family_size} comparisons"
    advice = (
        f"no number of repeats is enough, since it draws at most {DRAWS} redrawings; choose a test without a smallest "
        "p, such as 'paired-t' or 'welch'"
        if least is None
        else f"at least {least} repeats are needed"
        if least > n
        else f"fewer, such as {least}, could, of which more redrawings are made"
    )
    raise StatisticsError(
        f"With {n} repeats the {info.label} test could never reach alpha = {alpha:g}: its smallest p is "
        f"{smallest_p(test, n):.3g}, and the correction '{correction}' over {family} asks for {level:.3g}; {advice}."
    )

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
from typing import TYPE_CHECKING, Final, Literal

from bpbench.errors import StatisticsError, nearest
from bpbench.statistics.corrections import MAX_T, reachable_alpha, require_correction
from bpbench.statistics.margins import Margin, require_measurable
from bpbench.statistics.permutation import ALL_FLIPS, ALL_LABELLINGS, DRAWS, FEWEST, flips, labellings
from bpbench.statistics.rank_sums import smallest

if TYPE_CHECKING:
    from collections.abc import Mapping

DESIGNS: Final = ("fixed", "resampled", "crossed")

#: What a method looks at and says: a test of one pair, which makes verdicts; a test of all variants at once, or a
#: posterior of one pair, which stand beside them.
Kind = Literal["test", "all variants", "posterior"]
_KINDS: Final[Mapping[Kind, str]] = MappingProxyType(
    {"test": "test", "all variants": "test of all variants", "posterior": "posterior"}
)

_SHARED: Final = "the training and test sets of resampled splits overlap, so the repeats are not independent and {}; {}"
#: Why resampled splits are refused, with what each kind of method would do and what to use instead.
_OVERLAP: Final[Mapping[Kind, Mapping[str, str]]] = MappingProxyType(
    {
        "test": MappingProxyType(
            {
                "resampled": _SHARED.format(
                    "this test would give far more false alarms than alpha",
                    "use 'nadeau-bengio', whose standard error counts the overlap",
                )
            }
        ),
        "all variants": MappingProxyType(
            {
                "resampled": _SHARED.format(
                    "no test of all variants at once is known that counts the overlap",
                    "compare pairs by 'nadeau-bengio'",
                )
            }
        ),
        "posterior": MappingProxyType(
            {
                "resampled": _SHARED.format(
                    "this posterior would be far too narrow", "use 'correlated-t', which counts the overlap"
                )
            }
        ),
    }
)


@dataclass(frozen=True, slots=True)
class TestInfo:
    """One test, or one posterior: its names, what it assumes, and where it may not be used.

    Attributes
    ----------
    key, label : str
        Its name in protocols and in tables.
    assumes : str
        What must hold for its error rate to be true, and what it compares; a whole sentence.
    refused : mapping of str to str
        The designs in which it may not be used, each with the reason (a clause).
    paired : bool
        Whether it compares repeat by repeat; if not, the two samples may have any sizes.
    least : str
        Its smallest two-sided p with n repeats on each side, in words; a dash without a two-sided p.
    kind : {'test', 'all variants', 'posterior'}
        What it looks at and says.
    """

    __test__ = False  # the name begins with "Test", but this is no test case

    key: str
    label: str
    assumes: str
    refused: Mapping[str, str]
    paired: bool = True
    least: str = "none"
    kind: Kind = "test"

    @property
    def designs(self) -> tuple[str, ...]:
        """Designs in which the test is allowed."""
        return tuple(design for design in DESIGNS if design not in self.refused)


#: Which design allows which method: the one table of code and documentation.
TABLE: Final = (
    TestInfo(
        "paired-t",
        "paired t",
        "The paired differences are independent and nearly normal; it compares means.",
        _OVERLAP["test"],
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
        _OVERLAP["test"],
        paired=False,
    ),
    TestInfo(
        "wilcoxon",
        "Wilcoxon signed-rank",
        "The paired differences are independent and symmetric about one centre; it compares that centre.",
        _OVERLAP["test"],
        least="2/2ⁿ",
    ),
    TestInfo(
        "sign-flip",
        "sign-flip",
        "The paired differences are independent and symmetric, all about one mean, which it compares.",
        _OVERLAP["test"],
        least=f"2/2ⁿ, to n = {ALL_FLIPS}; beyond 2/{DRAWS + 1}, of very long samples 2/{FEWEST[0] + 1}",
    ),
    TestInfo(
        "permutation",
        "label permutation",
        "The two samples are independent and exchangeable but for a shift, so of equal variance; it compares "
        "means and ignores that the repeats are paired, which costs power.",
        _OVERLAP["test"],
        paired=False,
        least=f"2/C(2n, n), to n = {ALL_LABELLINGS}; beyond 2/{DRAWS + 1}, of very long samples 2/{FEWEST[1] + 1}",
    ),
    TestInfo(
        "mann-whitney",
        "Mann-Whitney",
        "The two samples are independent and of one shape but for a shift; it compares that shift and ignores "
        "that the repeats are paired, which costs power.",
        _OVERLAP["test"],
        paired=False,
        least="2/C(2n, n)",
    ),
    TestInfo(
        "friedman",
        "Friedman",
        "The repeats are independent of each other; it asks whether every order of the variants is equally "
        "likely within a repeat.",
        _OVERLAP["all variants"],
        least="–",
        kind="all variants",
    ),
    TestInfo(
        "repeated-measures",
        "repeated-measures analysis of variance",
        "The repeats are independent and the scores nearly normal; it compares the means of all variants.",
        _OVERLAP["all variants"],
        least="–",
        kind="all variants",
    ),
    TestInfo(
        "correlated-t",
        "correlated t posterior",
        "The paired differences are nearly normal and correlated only by the overlap of their splits; it "
        "speaks of the mean difference.",
        MappingProxyType({}),
        least="–",
        kind="posterior",
    ),
    TestInfo(
        "sign",
        "sign posterior",
        "The paired differences are independent; it speaks of how often one variant is better.",
        _OVERLAP["posterior"],
        least="–",
        kind="posterior",
    ),
    TestInfo(
        "signed-rank",
        "signed-rank posterior",
        "The paired differences are independent; it speaks of the means of pairs of differences.",
        _OVERLAP["posterior"],
        least="–",
        kind="posterior",
    ),
)


def methods(kind: Kind) -> Mapping[str, TestInfo]:
    """Return the rows of one kind by their keys.

    Parameters
    ----------
    kind : {'test', 'all variants', 'posterior'}
        Which of them.
    """
    return MappingProxyType({info.key: info for info in TABLE if info.kind == kind})


#: The tests of pairs, which make verdicts.
TESTS: Final = methods("test")


def _known(test: str, kind: Kind = "test") -> TestInfo:
    known = methods(kind)
    try:
        return known[test]
    except KeyError:
        raise StatisticsError(f"There is no {_KINDS[kind]} '{test}'{nearest(test, known)}") from None


def require_allowed(test: str, design: str, kind: Kind = "test") -> None:
    """Refuse a test, or a posterior, that has no right answer in a design.

    Parameters
    ----------
    test : str
        A key of that kind in :data:`TABLE`.
    design : str
        One of :data:`DESIGNS`.
    kind : {'test', 'all variants', 'posterior'}
        What it is.

    Raises
    ------
    StatisticsError
        For an unknown name (the nearest is offered) or a refused pair (with the reason).
    """
    info = _known(test, kind)
    if design not in DESIGNS:
        raise StatisticsError(f"There is no design '{design}'{nearest(design, DESIGNS)}")
    if design in info.refused:
        raise StatisticsError(
            f"The {_KINDS[kind]} '{test}' is not allowed in a {design} design: {info.refused[design]}."
        )


def require_together(test: str, correction: str) -> None:
    """Refuse a correction that has no meaning with a test.

    Parameters
    ----------
    test : str
        A key of :data:`TESTS`.
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


def table() -> str:
    """Return which design allows which test, as a Markdown table: one row for each test and each posterior."""
    head = (
        "method",
        "of",
        "paired",
        *(f"`{design}`" for design in DESIGNS),
        "smallest two-sided p",
        "what it assumes and compares",
    )
    rows = [
        (
            f"`{info.key}`",
            {"test": "pairs", "all variants": "all variants", "posterior": "pairs, posterior"}[info.kind],
            "yes" if info.paired else "no",
            *("yes" if design in info.designs else "refused" for design in DESIGNS),
            info.least,
            info.assumes.rstrip("."),
        )
        for info in TABLE
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))


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
        A key of :data:`TESTS`.
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
    info = _known(test)
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
        A key of :data:`TESTS`.
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
        A key of :data:`TESTS`.
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
    info = _known(test)
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

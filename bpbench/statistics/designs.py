"""Which test, and which posterior, a design allows: one table, for code and docs.

======================  =====================================================================================
design                  what varies from repeat to repeat
======================  =====================================================================================
``fixed``               the seeds alone, on one split: repeats are independent given that split
``resampled``           the split, redrawn from the same data: training and test sets of the repeats overlap
``crossed``             s splits times m seeds: averaged within each split first, so n = s
======================  =====================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from bpbench.errors import StatisticsError, nearest
from bpbench.statistics.permutation import ALL_FLIPS, ALL_LABELLINGS, DRAWS, FEWEST

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


def known(test: str, kind: Kind = "test") -> TestInfo:
    """Return what is known of a test or a posterior.

    Parameters
    ----------
    test : str
        A key of that kind in :data:`TABLE`.
    kind : {'test', 'all variants', 'posterior'}
        What it is.

    Raises
    ------
    StatisticsError
        For an unknown name (the nearest is offered).
    """
    among = methods(kind)
    try:
        return among[test]
    except KeyError:
        raise StatisticsError(f"There is no {_KINDS[kind]} '{test}'{nearest(test, among)}") from None


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
    info = known(test, kind)
    if design not in DESIGNS:
        raise StatisticsError(f"There is no design '{design}'{nearest(design, DESIGNS)}")
    if design in info.refused:
        raise StatisticsError(
            f"The {_KINDS[kind]} '{test}' is not allowed in a {design} design: {info.refused[design]}."
        )


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

"""What the declared test says of a pair's samples: for every test one object with one-sided p-values and intervals."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from bpbench.statistics.permutation import generator, permutation, sign_flip
from bpbench.statistics.rank_sums import rank_sum
from bpbench.statistics.ranks import signed_rank
from bpbench.statistics.samples import Sample, average_within_splits, rounding
from bpbench.statistics.student import paired, welch

if TYPE_CHECKING:
    from collections.abc import Callable

    from bpbench.statistics.equivalence import Contrast, Evidence
    from bpbench.statistics.pairs import Pair
    from bpbench.statistics.rules import Rules


def overlap(pair: Pair, rules: Rules) -> float | None:
    """Return ρ, test over training size, of a pair where the test reads it.

    Parameters
    ----------
    pair : Pair
        Whose own ratio goes before that of the rules.
    rules : Rules
        The declared test and ratio.
    """
    if rules.test != "nadeau-bengio":
        return None
    return rules.test_to_train if pair.test_to_train is None else pair.test_to_train


def independent(one: Sample, other: Sample, design: str) -> tuple[Sample, Sample]:
    """Return samples whose values count as independent of each other: one per split, in a crossed design.

    Parameters
    ----------
    one, other : Sample
        Of the candidate and of the baseline.
    design : str
        One of :data:`bpbench.statistics.designs.DESIGNS`.
    """
    if design != "crossed":
        return one, other
    return average_within_splits(one), average_within_splits(other)


def contrasts(one: Sample, other: Sample, pair: Pair, rules: Rules) -> Contrast:
    """Return what the declared test says of c - k b, for any factor k; k = 1 is the difference itself.

    Parameters
    ----------
    one, other : Sample
        c and b: independent values of the candidate and of the baseline (:func:`independent`), with some spread.
    pair : Pair
        Their names and their ratio.
    rules : Rules
        The declared test.
    """

    @cache  # what is asked twice is redrawn once
    def contrast(factor: float) -> Evidence:
        times = other if factor == 1 else Sample(factor * other.values, other.splits)
        return _evidence(one, times, pair, rules)

    return contrast


def _evidence(one: Sample, other: Sample, pair: Pair, rules: Rules) -> Evidence:
    # another comparison more changes no old number
    rng, slack = generator(rules.seed, pair.candidate, pair.baseline), rounding(one.values, other.values)
    ratio = overlap(pair, rules)
    tests: dict[str, Callable[[], Evidence]] = {
        "paired-t": lambda: paired(one, other),
        "nadeau-bengio": lambda: paired(one, other, test_to_train=ratio or 0.0),
        "wilcoxon": lambda: signed_rank(one.values - other.values, slack=slack),
        "sign-flip": lambda: sign_flip(one.values - other.values, rng, slack=slack),
        "welch": lambda: welch(one, other),
        "permutation": lambda: permutation(one.values, other.values, rng, slack=slack),
        "mann-whitney": lambda: rank_sum(one.values, other.values, slack=slack),
    }
    return tests[rules.test]()

"""Corrections of families, against closed testing, a published table and hand computation."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest

from bpbench.errors import StatisticsError
from bpbench.statistics.corrections import METHODS, adjust, first_step_alpha, reachable_alpha


def _closed(p: list[float], method: str) -> list[float]:
    """Return p-values by closed testing, the slow obvious twin: the largest p of all intersections with member i.

    The Bonferroni test of every intersection gives Holm, Simes's gives Hommel (Marcus, Peritz and Gabriel 1976).
    """
    m = len(p)
    adjusted = [0.0] * m
    for size in range(1, m + 1):
        for members in combinations(range(m), size):
            ordered = sorted(p[i] for i in members)
            if method == "holm":
                local = min(1.0, size * ordered[0])
            else:
                local = min(size * value / (place + 1) for place, value in enumerate(ordered))
            for i in members:
                adjusted[i] = max(adjusted[i], local)
    return adjusted


def _step_up(p: list[float], factor: float) -> list[float]:
    """Benjamini-Hochberg by its definition: the least level at which member i is among the rejected."""
    m = len(p)
    at_most = [sum(other <= value for other in p) for value in p]
    levels = [factor * m * value / count for value, count in zip(p, at_most, strict=True)]
    return [min(1.0, *(level for level, other in zip(levels, p, strict=True) if other >= value)) for value in p]


@pytest.mark.parametrize("seed", range(5))
def test_family_wise_methods_are_closed_tests(seed: int) -> None:
    """Holm and Hommel equal the closed testing procedure over all 2^7 intersections, in the order given."""
    p = (np.random.default_rng(seed).uniform(size=7) ** 3).tolist()
    for method in ("holm", "hommel"):
        assert adjust(p, method) == pytest.approx(_closed(p, method), rel=1e-12)
    assert adjust(p, "bonferroni") == pytest.approx([min(1.0, 7 * value) for value in p], rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_false_discovery_methods_equal_their_definition(seed: int) -> None:
    """BH and BY equal a direct search for the least rejecting level."""
    p = (np.random.default_rng(100 + seed).uniform(size=9) ** 2).tolist()
    assert adjust(p, "bh") == pytest.approx(_step_up(p, 1.0), rel=1e-12)
    assert adjust(p, "by") == pytest.approx(_step_up(p, sum(1 / i for i in range(1, 10))), rel=1e-12)


def test_published_example_of_benjamini_and_hochberg() -> None:
    """Of the 15 p-values of J. R. Statist. Soc. B 57 (1995) 289, section 3.2, Bonferroni rejects 3 and BH rejects 4."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
    p += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.000]

    def rejected(method: str) -> int:
        return sum(value is not None and value <= 0.05 for value in adjust(p, method))

    assert rejected("bonferroni") == 3
    assert rejected("bh") == 4


def test_holm_is_holm_and_not_holm_sidak() -> None:
    """The hand-computed Holm values come out in the order given; statsmodels' default would give 0.0149."""
    assert adjust([0.03, 0.005, 0.01], "holm") == pytest.approx((0.03, 0.015, 0.02), rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_a_member_without_p_still_counts(method: str) -> None:
    """None stays None in its place, and the others are corrected as if it had p = 1, never more leniently."""
    with_gap = adjust([0.01, None, 0.02], method)
    assert with_gap[1] is None
    full = adjust([0.01, 1.0, 0.02], method)
    assert (with_gap[0], with_gap[2]) == (full[0], full[2])
    alone = adjust([0.01, 0.02], method)
    assert with_gap[0] is not None
    assert alone[0] is not None
    assert with_gap[0] > alone[0]
    assert adjust([None, None], method) == (None, None)
    assert adjust([], method) == ()
    assert adjust([0.04], method) == pytest.approx((0.04,))


def test_levels_a_family_asks_for() -> None:
    """First-step and best-case levels are those at which the adjusted p just reaches alpha."""
    harmonic = 1 + 1 / 2 + 1 / 3 + 1 / 4
    assert first_step_alpha("by", 4, 0.05) == pytest.approx(0.05 / 4 / harmonic)
    for method in METHODS:
        lone = first_step_alpha(method, 4, 0.05)
        assert adjust([lone, 1.0, 1.0, 1.0], method)[0] == pytest.approx(0.05)
        shared = reachable_alpha(method, 4, 0.05)
        assert adjust([shared] * 4, method)[0] == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: adjust([0.1], "Holm"), "There is no correction 'Holm'; did you mean 'holm'"),
        (lambda: adjust([0.1, float("inf")], "holm"), "between 0 and 1, found inf in place 2 of 2; use None"),
        (lambda: adjust([0.1], "tsbh", alpha=0.0), "alpha must lie between 0 and 1, found 0.0"),
        (
            lambda: adjust([0.1], "max-t"),
            "'max-t' is made from the repeats .*; expected one of holm, bonferroni, .*tsbh",
        ),
        (lambda: adjust([1.5], "bh"), "found 1.5 in place 1 of 1"),
        (lambda: first_step_alpha("holm", 0, 0.05), "at least one comparison, found 0"),
        (lambda: first_step_alpha("holm", 1, 1.0), "alpha must lie between 0 and 1, found 1.0"),
        (lambda: first_step_alpha("dunn", 1, 0.05), "There is no correction 'dunn'; possible are bh, bonferroni"),
    ],
)
def test_impossible_families_are_refused(call: Callable[[], object], sentence: str) -> None:
    """Unknown methods and impossible numbers get one sentence each."""
    with pytest.raises(StatisticsError, match=sentence):
        call()

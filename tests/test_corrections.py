"""Corrections of families, against closed testing, a published table and hand computation."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest

from bpbench.errors import StatisticsError
from bpbench.statistics.corrections import METHODS, adjust, first_step_alpha, reachable_alpha


def _rejected(p: list[float | None], method: str) -> set[int]:
    return {place for place, value in enumerate(adjust(p, method)) if value is not None and value <= 0.05}


def test_two_stages_reject_no_more_for_a_member_without_p() -> None:
    """In 300 drawn families a member without a p never adds a rejection."""
    rng = np.random.default_rng(6)
    for _ in range(300):
        p: list[float | None] = (rng.uniform(size=6) ** 3).tolist()
        assert _rejected([*p, None], "tsbh") <= _rejected(p, "tsbh")


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


# R's multtest, mt.rawp2adjp(p, c("Hochberg", "SidakSD", …, "TSBH"), alpha = 0.05), as quoted in statsmodels' tests
MULTTEST_P = [0.001, 0.002, 0.003, 0.004, 0.005, 0.05, 0.06, 0.07, 0.08, 0.09]
MULTTEST = {
    "bonferroni": [0.01, 0.02, 0.03, 0.04, 0.05, 0.5, 0.6, 0.7, 0.8, 0.9],
    "holm": [0.01, 0.018, 0.024, 0.028, 0.03, 0.25, 0.25, 0.25, 0.25, 0.25],
    "hochberg": [0.01, 0.018, 0.024, 0.028, 0.03, 0.09, 0.09, 0.09, 0.09, 0.09],
    "sidak": [
        0.00995511979025177, 0.01982095664805061, 0.02959822305108317, 0.03928762649718986, 0.04888986953422814,
        0.4012630607616213, 0.4613848859051006, 0.5160176928207072, 0.5656115457763677, 0.6105838818818925,
    ],
    "holm-sidak": [
        0.00995511979025177, 0.0178566699880266, 0.02374950634358763, 0.02766623106147537, 0.02962749064373438,
        0.2262190625000001, 0.2262190625000001, 0.2262190625000001, 0.2262190625000001, 0.2262190625000001,
    ],
    "bh": [0.01] * 5 + [0.08333333333333334, 0.0857142857142857, 0.0875, 0.0888888888888889, 0.09],
    "by": [0.02928968253968254] * 5
    + [0.2440806878306878, 0.2510544217687075, 0.2562847222222222, 0.2603527336860670, 0.2636071428571428],
    "tsbh": [0.005] * 5 + [0.04166666666666667, 0.04285714285714286, 0.04375, 0.04444444444444445, 0.045],
}  # fmt: skip


@pytest.mark.parametrize("method", MULTTEST)
def test_they_equal_multtest_of_r(method: str) -> None:
    """Eight methods equal R's multtest to all its digits, in whatever order the p-values come."""
    order = np.random.default_rng(1).permutation(10)
    found = adjust([MULTTEST_P[place] for place in order], method, alpha=0.05)
    assert found == pytest.approx([MULTTEST[method][place] for place in order], rel=1e-12)


def test_the_example_of_proc_multtest() -> None:
    """SAS/STAT, PROC MULTTEST, "Inputting Raw p-Values" (holm hoc fdr): 1.0000, 0.9437 and 0.9243 for test 1."""
    p = [
        0.28282, 0.30688, 0.71022, 0.77175, 0.78180, 0.88581, 0.54685, 0.84978, 0.24228, 0.58977, 0.03498, 0.41607,
        0.31631, 0.05254, 0.45061, 0.75758, 0.12496, 0.49485, 0.21572, 0.50505, 0.94372, 0.81260, 0.77596, 0.36889,
    ]  # fmt: skip
    for method, expected in (("holm", 1.0), ("hochberg", 0.9437), ("bh", 0.9243)):
        found = adjust(p, method)
        assert [round(value or 0.0, 4) for value in found[:8]] == [expected] * 8


def test_two_stage_values_belong_to_one_alpha() -> None:
    """With α = 0.1 the first stage finds more than with 0.001, so the adjusted p-values differ: alpha is passed on."""
    generous, strict = (adjust(MULTTEST_P, "tsbh", alpha=alpha) for alpha in (0.1, 0.001))
    assert generous[5] == pytest.approx(0.08333333333333334)  # all ten are found: they are those of one stage
    assert strict == pytest.approx(adjust(MULTTEST_P, "bh"))  # none is found: the same
    assert adjust(MULTTEST_P, "tsbh", alpha=0.05)[5] == pytest.approx(0.04166666666666667)
    for method in set(METHODS) - {"tsbh"}:
        assert adjust(MULTTEST_P, method, alpha=0.1) == adjust(MULTTEST_P, method, alpha=0.01)


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
    with_nan = adjust([0.01, float("nan"), 0.02], method)
    assert with_nan[1] is not None
    assert np.isnan(with_nan[1])
    assert (with_nan[0], with_nan[2]) == (with_gap[0], with_gap[2])
    full = adjust([0.01, 1.0, 0.02], method)
    assert (with_gap[0], with_gap[2]) == (full[0], full[2])
    alone = adjust([0.01, 0.02], method)
    assert with_gap[0] is not None
    assert alone[0] is not None
    if method != "tsbh":  # whose adjusted numbers may be smaller, while its decisions are not more
        assert with_gap[0] > alone[0]
    assert adjust([None, None], method) == (None, None)
    assert adjust([], method) == ()
    assert adjust([0.04], method) == pytest.approx((0.04,))


def test_levels_a_family_asks_for() -> None:
    """First-step and best-case levels are those at which the adjusted p just reaches alpha."""
    harmonic = 1 + 1 / 2 + 1 / 3 + 1 / 4
    assert first_step_alpha("by", 4, 0.05) == pytest.approx(0.05 / 4 / harmonic)
    assert first_step_alpha("sidak", 4, 0.05) == pytest.approx(1 - 0.95**0.25)
    for method in METHODS:
        lone = first_step_alpha(method, 4, 0.05)
        shared = reachable_alpha(method, 4, 0.05)
        for level, others in ((lone, 1.0), (shared, None)):
            below, above = (
                adjust([level * factor, *[level * factor if others is None else others] * 3], method)[0]
                for factor in (1 - 1e-9, 1 + 1e-9)
            )
            assert below is not None
            assert above is not None
            assert below <= 0.05 < above
            assert method == "tsbh" or below == pytest.approx(0.05)
    assert first_step_alpha("max-t", 4, 0.05) == 0.05 / 4
    assert reachable_alpha("max-t", 4, 0.05) == 0.05


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

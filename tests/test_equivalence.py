"""Equivalence: two one-sided tests against statsmodels, their intervals, and the rank form against enumeration."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import rankdata
from statsmodels.stats.weightstats import ttost_ind, ttost_paired

from bpbench.statistics.equivalence import Equivalence, Evidence, equivalence
from bpbench.statistics.margins import Margin
from bpbench.statistics.ranks import signed_rank
from bpbench.statistics.samples import Sample
from bpbench.statistics.student import paired, welch


def _samples(seed: int, n: int = 12) -> tuple[Sample, Sample]:
    rng = np.random.default_rng(seed)
    splits = np.zeros(n, dtype=int)
    return Sample(rng.normal(3, 1, n), splits), Sample(rng.normal(3.2, 2, n), splits)


def _within(evidence: Evidence, margin: float, alpha: float) -> Equivalence:
    return equivalence(lambda _: evidence, Margin(margin), alpha)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("margin", [0.3, 1.0, 3.0])
def test_paired_and_welch_equal_statsmodels(seed: int, margin: float) -> None:
    """The p-values are those of statsmodels' ttost_paired(x, y, -m, m) and ttost_ind(…, usevar="unequal")."""
    x, y = _samples(seed)
    stranger = ttost_paired(x.values, y.values, -margin, margin)[0]
    assert _within(paired(x, y), margin, 0.05).p == pytest.approx(stranger, rel=1e-9)
    stranger = ttost_ind(x.values, y.values, -margin, margin, usevar="unequal")[0]
    assert _within(welch(x, y), margin, 0.05).p == pytest.approx(stranger, rel=1e-9)


def test_nadeau_bengio_by_hand() -> None:
    """For d = 1..5, ρ = 1/4 and Δ = 3 + 2·√1.125 the upper t is exactly -2, of which df = 4 gives p = 0.0580583."""
    zeros = np.zeros(5, dtype=int)
    x, y = Sample(np.arange(1.0, 6.0), zeros), Sample(np.zeros(5), zeros)
    evidence = paired(x, y, test_to_train=0.25)  # d̄ = 3, s² = 5/2, SE² = (1/5 + 1/4)·5/2 = 1.125
    # closed form of the t distribution with 4 degrees of freedom at t = -2
    u = 2 / np.sqrt(1 + 4 / 4)
    expected = 0.5 - 3 / 8 * u * (1 - u**2 / 12)
    assert expected == pytest.approx(0.0580583, abs=1e-7)
    assert _within(evidence, 3 + 2 * np.sqrt(1.125), 0.05).p == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", ["paired", "overlap", "welch", "ranks"])
def test_it_rejects_exactly_when_its_interval_lies_within_the_margin(kind: str) -> None:
    """Rejecting (p ≤ α) and the interval of level 1 - 2α inside (-Δ, Δ) are the same statement, for every form."""
    seen = set()
    for seed in range(20):
        x, y = _samples(seed)
        evidence = {
            "paired": lambda x=x, y=y: paired(x, y),
            "overlap": lambda x=x, y=y: paired(x, y, test_to_train=0.2),
            "welch": lambda x=x, y=y: welch(x, y),
            "ranks": lambda x=x, y=y: signed_rank(x.values - y.values),
        }[kind]()
        for margin in (0.5, 1.5, 2.5):
            result = _within(evidence, margin, 0.1)
            assert result.low is not None
            assert result.high is not None
            inside = -margin < result.low and result.high < margin
            assert (result.p <= 0.1) == inside
            seen.add(inside)
    assert seen == {True, False}  # both answers occurred


@pytest.mark.parametrize("differences", [[0.2, -0.1, 0.4, 0.05, -0.3, 0.15], [1.0, 1.0, -1.0, 2.0, 0.0, 3.0]])
def test_rank_form_equals_enumeration_of_all_signs(differences: list[float]) -> None:
    """Both one-sided p-values equal the share of the 2^n sign patterns at least as extreme, ties and zeros included."""
    margin = 1.0

    def enumerated(shifted: np.ndarray) -> float:
        shifted = shifted[shifted != 0]
        ranks = rankdata(np.abs(shifted))
        observed = ranks[shifted > 0].sum()
        patterns = [ranks[list(signs)].sum() for signs in product([False, True], repeat=shifted.size)]
        return float(np.mean(np.array(patterns) >= observed))

    d = np.array(differences)
    evidence = signed_rank(d)
    assert evidence.p_greater(-margin) == enumerated(d + margin)
    assert evidence.p_less(margin) == enumerated(margin - d)
    assert _within(evidence, margin, 0.05).p == max(enumerated(d + margin), enumerated(margin - d))

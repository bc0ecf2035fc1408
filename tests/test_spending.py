"""Levels of an endless list of looks: Euler's sum, another program's formula, and what is refused."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from bpbench.errors import StatisticsError
from bpbench.statistics.spending import level, spent


def test_all_looks_together_spend_alpha() -> None:
    """Euler 1735: Σ 1/k² = π²/6, so a million levels sum to α less a remainder between 1/(K + 1) and 1/K of 6/π²."""
    last = 10**6
    total = math.fsum(level(0.05, k) for k in range(1, last + 1))
    share = 6 / math.pi**2
    assert 0.05 * (1 - share / last) < total < 0.05 * (1 - share / (last + 1))


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("k", [1, 2, 3, 17, 1000])
def test_what_is_spent_is_the_sum_of_the_levels(alpha: float, k: int) -> None:
    """The closed form by the zeta function equals the sum, term by term."""
    assert spent(alpha, k) == pytest.approx(math.fsum(level(alpha, j) for j in range(1, k + 1)), rel=1e-12)


@pytest.mark.parametrize("k", [1, 2, 5, 40])
def test_levels_of_another_program(k: int) -> None:
    """R, package MRPC: SeqFDR(m, FDR, a = 2, R) returns (6*FDR/pi^2)/m^2 while R, what was rejected before, is zero."""
    assert level(0.05, k) == pytest.approx((6 * 0.05 / np.pi**2) / k**2, rel=1e-15)


def test_levels_in_figures() -> None:
    """Of α = 5 % the first look has 3.04 %, the second 0.76 %, the tenth 0.03 %; ten have spent 4.71 %."""
    assert [round(100 * level(0.05, k), 2) for k in (1, 2, 10)] == [3.04, 0.76, 0.03]
    assert round(100 * spent(0.05, 10), 2) == 4.71


def test_levels_fall_and_never_spend_it_all() -> None:
    """Every look has a positive level below that of the one before, and α is never reached."""
    levels = [level(0.05, k) for k in range(1, 200)]
    assert all(0 < later < earlier for earlier, later in pairwise(levels))
    assert spent(0.05, 10**9) < 0.05


@pytest.mark.parametrize("of", [level, spent])
def test_refusals(of: object) -> None:
    """Looks are counted from 1 on, and a level lies between 0 and 0.5."""
    assert callable(of)
    for k in (0, -3, 1.5, math.inf, math.nan):
        with pytest.raises(
            StatisticsError, match=r"^Looks are counted from 1 on in whole numbers, found (0|-3|1\.5|inf|nan)\.$"
        ):
            of(0.05, k)
    for alpha in (0.0, -0.1, 0.5, 1.0, math.nan):
        with pytest.raises(StatisticsError, match=r"^alpha must lie between 0 and 0\.5, found "):
            of(alpha, 1)

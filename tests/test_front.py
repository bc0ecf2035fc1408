"""The front of error and cost, against every pair."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bpbench.errors import StatisticsError
from bpbench.statistics.front import pareto


def test_a_front() -> None:
    """Two ends and a middle; equal ones stand side by side, and what costs as much with a larger error does not."""
    errors = [1.0, 3.0, 2.0, 2.0, 4.0, 3.0, 2.5]
    costs = [9.0, 1.0, 4.0, 4.0, 1.0, 2.0, 4.0]
    assert pareto(errors, costs) == (1, 2, 3, 0)
    assert pareto([], []) == ()
    assert pareto([5.0], [5.0]) == (0,)


@pytest.mark.parametrize("seed", range(20))
def test_every_pair(seed: int) -> None:
    """On random tables, tied or not and with values missing, the front is who no other dominates."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40))
    table = rng.integers(0, 6, (n, 2)).astype(float) if seed % 2 else rng.normal(size=(n, 2))
    if seed % 3 == 0:
        table[rng.uniform(size=(n, 2)) < 0.15] = math.nan
        table[rng.uniform(size=(n, 2)) < 0.05] = math.inf
        table[rng.uniform(size=(n, 2)) < 0.05] = -math.inf
    usable = [i for i in range(n) if np.all(np.isfinite(table[i]))]
    expected = {
        i for i in usable if not any(np.all(table[j] <= table[i]) and np.any(table[j] < table[i]) for j in usable)
    }
    found = pareto(table[:, 0].tolist(), table[:, 1].tolist())
    assert set(found) == expected
    assert len(found) == len(expected)
    assert list(found) == sorted(found, key=lambda i: (table[i, 1], i))


def test_no_cost_for_an_error_is_refused() -> None:
    """One cost for each error."""
    with pytest.raises(StatisticsError, match="one cost for each error, found 2 errors and 1 costs"):
        pareto([1.0, 2.0], [1.0])

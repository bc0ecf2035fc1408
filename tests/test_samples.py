"""Samples: what they accept, what they refuse, and averaging within splits."""

from __future__ import annotations

import numpy as np
import pytest

from bpbench.errors import StatisticsError
from bpbench.statistics.samples import Sample, average_within_splits


def test_a_sample_is_a_read_only_copy() -> None:
    """Changing the caller's arrays afterwards, or the sample's own, cannot change a judged value."""
    values, splits = np.array([1.0, 2.0]), np.array([0, 0])
    sample = Sample(values, splits)
    values[0] = 9.0
    assert sample.values.tolist() == [1.0, 2.0]
    assert sample.n == 2
    with pytest.raises(ValueError, match="read-only"):
        sample.values[0] = 9.0


@pytest.mark.parametrize(
    ("values", "splits", "sentence"),
    [
        ([], [], "needs at least one repeat, found none"),
        ([1.0, np.nan], [0, 0], r"finite values .* found nan in place 2 of 2; record a diverged repeat as diverged"),
        ([np.inf, 1.0], [0, 0], "found inf in place 1 of 2"),
        ([1.0, -np.inf], [0, 0], "found -inf in place 2 of 2"),
        ([1e200], [0], r"at most 1e\+150, found 1e\+200"),
        ([1.0, 2.0], [0], r"one value and one split per repeat.*found shapes \(2,\) and \(1,\)"),
        ([[1.0, 2.0]], [[0, 0]], r"found shapes \(1, 2\)"),
        ([1.0], [0.5], "splits of a sample are whole numbers, found float64"),
    ],
)
def test_what_is_no_sample_is_refused(values: list[float], splits: list[float], sentence: str) -> None:
    """Each impossible sample is refused with a sentence that names what came and where."""
    with pytest.raises(StatisticsError, match=sentence):
        Sample(np.array(values, dtype=float), np.array(splits, dtype=None if splits else int))


def test_averaging_gives_one_mean_per_split() -> None:
    """Seeds are averaged within their split, in the order of the splits, also when a split lost a seed."""
    sample = Sample(np.array([5.0, 1.0, 7.0, 3.0, 10.0]), np.array([4, 2, 4, 2, 9]))
    averaged = average_within_splits(sample)
    assert averaged.values.tolist() == [2.0, 6.0, 10.0]
    assert averaged.splits.tolist() == [2, 4, 9]

"""Samples: one value per independent repeat, with the split it used.

A repeat is a (split, seed). Frames and atoms are not repeats: neighbouring frames of one trajectory are near copies,
and counting them would make every difference significant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from bpbench.errors import StatisticsError

#: Beyond this a square leaves the double-precision numbers.
LARGEST: Final = 1e150
#: Values that agree to this share of the largest are equal: what is left is rounding, not noise.
_ROUNDING: Final = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One value per independent repeat, in the order of the repeats.

    Attributes
    ----------
    values : ndarray of float64, shape (n,)
        Score of each repeat, in the unit of its metric; copied and made read-only.
    splits : ndarray of int64, shape (n,)
        Number of the split that each repeat used; copied and made read-only.

    Raises
    ------
    StatisticsError
        When there is no value, a value is not finite or beyond 1e150, or the two arrays do not match.
    """

    values: npt.NDArray[np.float64]
    splits: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=np.float64)
        splits = np.array(self.splits)
        if values.ndim != 1 or values.shape != splits.shape:
            raise StatisticsError(
                "A sample needs one value and one split per repeat, two arrays of the same length; "
                f"found shapes {values.shape} and {splits.shape}."
            )
        if values.size == 0:
            raise StatisticsError("A sample needs at least one repeat, found none; run the repeats first.")
        if splits.dtype.kind not in "iu":
            raise StatisticsError(f"The splits of a sample are whole numbers, found {splits.dtype}.")
        # `not <=` instead of `>` so that NaN is caught as well
        wrong = np.flatnonzero(~(np.abs(values) <= LARGEST))
        if wrong.size:
            first = int(wrong[0])
            raise StatisticsError(
                f"A sample needs finite values of at most {LARGEST:g}, found {values[first]:g} in place {first + 1} "
                f"of {values.size}; record a diverged repeat as diverged instead of giving it a score."
            )
        splits = splits.astype(np.int64)
        values.flags.writeable = False
        splits.flags.writeable = False
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "splits", splits)

    @property
    def n(self) -> int:
        """Number of repeats."""
        return int(self.values.size)


def rounding(*values: npt.NDArray[np.float64]) -> float:
    """Return how far apart two values, or two differences of them, may be and still be one, but for rounding.

    Parameters
    ----------
    *values : ndarray
        One or more finite values each, in one unit.
    """
    return _ROUNDING * max(float(np.max(np.abs(some))) for some in values)


def average_within_splits(sample: Sample) -> Sample:
    """Return one value per split: the mean over the repeats (seeds) that used it.

    The seeds of one split share its data, so they are not independent of each other; after averaging, n is the
    number of splits.

    Parameters
    ----------
    sample : Sample
        Repeats of a crossed design, s splits times m seeds.

    Returns
    -------
    Sample
        s values, ordered by the number of the split.
    """
    splits, place, count = np.unique(sample.splits, return_inverse=True, return_counts=True)
    return Sample(np.bincount(place, weights=sample.values) / count, splits)

r"""Permutation tests of a mean difference: signs of paired differences, or labels of two independent samples, redrawn.

Both ask the same question of every redrawing, whether it makes the mean difference at least as extreme, and in both the
answer for a hypothetical difference δ depends on one number x of that redrawing:

=================  ==========================================  ===================================================
test               a redrawing                                 is as extreme as what was seen, against "at most δ"
=================  ==========================================  ===================================================
sign-flip          turns the signs of d_i - δ, i in S          x = mean(d_i, i in S) ≤ δ
permutation        swaps A of the candidate with C of the      x = mean(A) - mean(C) ≤ δ
                   baseline, \|A\| = \|C\| = k
=================  ==========================================  ===================================================

(Turning the signs in S lowers Σ(d_i - δ) by 2 Σ_S (d_i - δ); swapping lowers the difference of the means by
k (1/n + 1/m) (mean(A) - mean(C) - δ).) So one set of numbers x gives every p and the interval:

    p of "at most δ" = (b + 1) / (B + 1),  b = #{x ≤ δ},

and "at least δ" with ≥. The interval of a level reaches from the K-th smallest x to the K-th largest, K the largest
whole number with K / (B + 1) ≤ (1 - level)/2: Hartigan's typical values (J. Am. Stat. Assoc. 64 (1969) 1303).

=========  ==========================================================================================================
symbol     meaning
=========  ==========================================================================================================
d_i        paired difference, candidate minus baseline
n, m       numbers of values of the candidate and of the baseline
B          redrawings beside the one that was seen: all 2ⁿ - 1, or all C(n + m, n) - 1, while these are no more than
           :data:`EXACT`; else :data:`DRAWS` random ones, fewer of very long samples (:data:`WORK`, :data:`FEWEST`)
=========  ==========================================================================================================

The one that was seen counts among the redrawings, so no p is 0 (Phipson & Smyth 2010); random redrawings may repeat it,
and then count as extreme on both sides. Ties within the rounding of the values count as extreme, which is conservative.

What is assumed: under "no difference", turning signs asks that each d_i is symmetric about zero, and swapping labels
that the two samples are exchangeable, equal variances included; where the variances differ, and even more so where the
sizes differ as well, it is that which may be found, and Welch's test is the one for the means.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, islice
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from bpbench.statistics.student import one_sample, spread

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Arrangements up to which all of them are visited.
EXACT: Final = 2**16
#: Random redrawings beyond. One more than these is more than EXACT, so that more repeats never raise the smallest p.
DRAWS: Final = 99_999
#: Values that are redrawn at most, in all redrawings together, for signs and for labels.
WORK: Final = (10**9, 10**8)
#: However long the samples, so many redrawings there are at least. Of a million differences 999 signs were measured to
#: take 1.4 s, of a million values a side 99 labellings 3.6 s; no two-sided p of these is then below 0.02.
FEWEST: Final = (999, 99)
#: Values beyond which labels are shuffled one labelling at a time, which is faster for so many.
_LONG: Final = 500_000
#: Numbers held at once.
_HELD: Final = 2**20

Array = npt.NDArray[np.float64]

_BITS: Final = ((np.arange(256)[None, :] >> np.arange(8)[:, None]) & 1).astype(np.float64)


def generator(seed: int, *names: str) -> np.random.Generator:
    """Return the generator that belongs to a seed and to names: another comparison more changes no old number.

    Parameters
    ----------
    seed : int
        Not negative.
    *names : str
        Of the two variants, for instance.
    """
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:16])])


def _sampled(values: int, work: int, fewest: int) -> int:
    return min(DRAWS, max(fewest, work // max(1, values)))


def flips(n: int) -> tuple[int, bool]:
    """Return how many sign vectors of n differences are visited, the one that was seen among them, and whether all."""
    if n <= EXACT.bit_length() - 1:
        return 2**n, True
    return _sampled(n, WORK[0], FEWEST[0]) + 1, False


def labellings(n: int, m: int) -> tuple[int, bool]:
    """Return how many labellings of n + m values are visited, the one that was seen among them, and whether all."""
    # beyond 64 values on the shorter side there are far more than EXACT, and the number itself would be long
    if (every := math.comb(n + m, min(n, m, 64))) <= EXACT:
        return every, True
    return _sampled(n + m, WORK[1], FEWEST[1]) + 1, False


#: Repeats (on each side) up to which all sign vectors, and all labellings, are visited.
ALL_FLIPS: Final = max(n for n in range(2, 64) if flips(n)[1])
ALL_LABELLINGS: Final = max(n for n in range(2, 64) if labellings(n, n)[1])


@lru_cache(maxsize=8)
def _by_size(width: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the subsets of so many columns ordered by size, where each size begins, and how many it has."""
    subsets = np.arange(2**width)
    sizes = np.bitwise_count(subsets)
    many = np.bincount(sizes, minlength=width + 1)
    return subsets[np.argsort(sizes, kind="stable")].astype(np.uint8), np.cumsum(many) - many, many


def subset_sums(
    rows: Array, count: int, rng: np.random.Generator | None, *, size: int | None = None
) -> Iterator[Array]:
    """Yield sums over subsets of columns, the same subsets for every row.

    Eight columns at a time are looked up in the table of their 256 sums, so memory does not grow with the columns.

    Parameters
    ----------
    rows : ndarray, shape (m, n)
        Finite numbers.
    count : int
        Subsets in all.
    rng : Generator or None
        Draws subsets, all equally likely; ``None``: subsets 0, 1, 2, … by the bits of their number, the empty one
        first.
    size : int or None
        Columns in each subset that is drawn; ``None``: any number.

    Yields
    ------
    ndarray, shape (m, c)
        Sums over c subsets.
    """
    members, columns = rows.shape
    held = max(1, _HELD // members)
    for start in range(0, count, held):
        many = min(held, count - start)
        sums = np.zeros((members, many))
        left = np.full(many, size or 0)
        for first in range(0, columns, 8):
            eight = rows[:, first : first + 8]
            width = eight.shape[1]
            if rng is None:
                chosen = ((np.arange(start, start + many) >> first) & (2**width - 1)).astype(np.uint8)
            elif size is None:
                chosen = rng.integers(0, 2**width, size=many, dtype=np.uint8)
            else:
                here = rng.hypergeometric(left, columns - first - left, width)
                left -= here
                ordered, begin, among = _by_size(width)
                chosen = ordered[begin[here] + (rng.random(many) * among[here]).astype(np.int64)]
            sums += (eight @ _BITS[:width]).take(chosen, axis=1)
        yield sums


@dataclass(frozen=True, slots=True, eq=False)
class PermutationEvidence:
    """What a permutation test says of one pair.

    Attributes
    ----------
    difference : float
        Mean of the candidate minus mean of the baseline, in the metric's unit.
    statistic : float
        t of that difference, the paired or the pooled one: redrawings order it as they order the difference.
    typical : ndarray, shape (b,)
        The x of every redrawing that changes something, in no order.
    same : int
        Redrawings that change nothing, the one that was seen among them; at least 1.
    slack : float
        Differences as small as this are rounding.
    floor : float
        Smallest two-sided p that these values could give.
    nonzero : PermutationEvidence or None
        The same of the differences that are not zero, which alone have signs to turn: it tells the p of "no difference"
        where all of their signs are visited and those of all differences are drawn.
    """

    difference: float
    statistic: float
    typical: Array
    same: int
    slack: float
    floor: float
    nonzero: PermutationEvidence | None = None

    @property
    def df(self) -> None:
        """A permutation test has no degrees of freedom."""
        return

    @property
    def direction(self) -> int:
        """Side on which the candidate lies: 1 above, -1 below, 0 neither."""
        return (self.difference > 0) - (self.difference < 0)

    @property
    def p_smallest(self) -> float:
        """Smallest two-sided p that these values could give."""
        return self.floor

    @property
    def _count(self) -> int:
        return self.same + self.typical.size

    def p_greater(self, bound: float = 0.0) -> float:
        """Return the one-sided p of "the true difference is at most ``bound``"."""
        if self.nonzero is not None and abs(bound) <= self.slack:
            return self.nonzero.p_greater(bound)
        return (self.same + int(np.count_nonzero(self.typical <= bound + self.slack))) / self._count

    def p_less(self, bound: float = 0.0) -> float:
        """Return the one-sided p of "the true difference is at least ``bound``"."""
        if self.nonzero is not None and abs(bound) <= self.slack:
            return self.nonzero.p_less(bound)
        return (self.same + int(np.count_nonzero(self.typical >= bound - self.slack))) / self._count

    def interval(self, level: float) -> tuple[float, float] | None:
        """Return the interval between typical values, ``None`` when there are too few for that level."""
        # a hair of slack for the rounding of the level, so that K / (B + 1) = tail counts as reached
        place = math.floor(self._count * (1 - level) / 2 * (1 + 1e-12)) + 1 - self.same
        if place < 1 or place > self.typical.size:
            return None
        low, high = place - 1, self.typical.size - place
        ordered = np.partition(self.typical, (low, high))
        return float(ordered[low]), float(ordered[high])


def sign_flip(differences: Array, rng: np.random.Generator, *, slack: float = 0.0) -> PermutationEvidence:
    """Return the sign-flip test of paired differences.

    Parameters
    ----------
    differences : ndarray, shape (n,)
        Candidate minus baseline of each repeat, n ≥ 2, not all equal.
    rng : Generator
        Draws the flips where there are too many to visit all.
    slack : float
        Differences as small as this are rounding.
    """
    count, every = flips(differences.size)
    rows = np.stack([differences, np.ones(differences.size)])
    found = subset_sums(rows, count, None) if every else subset_sums(rows, count - 1, rng)
    typical, same = _means(((sums[0], sums[1]) for sums in found), seen=not every)
    # a difference of zero has no sign to turn
    moving = differences[np.abs(differences) > slack]
    t = one_sample(differences)
    return PermutationEvidence(
        t.difference,
        _studentised(t.difference, t.se),
        typical,
        same,
        slack,
        min(1.0, max(2 / count, 2.0 ** (1 - min(moving.size, 1000)))),
        # where these are so few, all of their signs are visited although those of all differences are not
        sign_flip(moving, rng, slack=slack) if not every and moving.size and flips(moving.size)[1] else None,
    )


def permutation(
    candidate: Array, baseline: Array, rng: np.random.Generator, *, slack: float = 0.0
) -> PermutationEvidence:
    """Return the label permutation test of two independent samples.

    Parameters
    ----------
    candidate, baseline : ndarray, shapes (n,) and (m,)
        2 or more values each, not all equal.
    rng : Generator
        Draws the labellings where there are too many to visit all.
    slack : float
        Differences as small as this are rounding.
    """
    n, m = candidate.size, baseline.size
    count, every = labellings(n, m)
    pooled = np.concatenate([candidate, baseline])
    centre = float(np.mean(pooled))
    pooled -= centre  # labels may be exchanged whatever the common level, and small sums keep their digits
    ours = np.arange(n + m) < n
    rows = np.stack([pooled * ours, pooled * ~ours, ~ours])
    total = float(rows[0].sum())
    found = (
        _every_labelling(rows, n)
        if every
        else _shuffled(rows, count - 1, rng, n)
        if n + m > _LONG
        else subset_sums(rows, count - 1, rng, size=n)
    )
    # those that bear the candidate's label now: k values of the baseline came, k of its own went
    typical, same = _means(((total - stayed - came, k) for stayed, came, k in found), seen=not every)
    difference = float(np.mean(candidate) - np.mean(baseline))
    shares = (math.sqrt((size - 1) / (n + m - 2)) for size in (n, m))
    pooled_sd = math.hypot(*(share * spread(side) for share, side in zip(shares, (candidate, baseline), strict=True)))
    statistic = _studentised(difference, pooled_sd * math.sqrt(1 / n + 1 / m))
    return PermutationEvidence(difference, statistic, typical, same, slack, min(1.0, 2 / count))


def _studentised(difference: float, se: float) -> float:
    """Return t, infinite where values are far apart and have no spread within."""
    if se:
        return difference / se
    return math.copysign(math.inf, difference) if difference else 0.0


def _means(found: Iterable[tuple[Array, Array]], *, seen: bool) -> tuple[Array, int]:
    """Return sums divided by sizes, and how many have no size: redrawings that change nothing; ``seen`` adds one."""
    typical, same = [], int(seen)
    for sums, sizes in found:
        some = sizes > 0
        typical.append(sums[some] / sizes[some])
        same += int(np.count_nonzero(~some))
    return np.concatenate(typical), same


def _shuffled(rows: Array, count: int, rng: np.random.Generator, size: int) -> Iterator[Array]:
    """Yield the sums over so many columns drawn at random, one set at a time."""
    labels = np.arange(rows.shape[1]) < size
    for _ in range(count):
        rng.shuffle(labels)
        yield (rows @ labels)[:, None]


def _every_labelling(rows: Array, n: int) -> Iterator[Array]:
    """Yield the sums over all sets of n columns, some at a time."""
    places = combinations(range(rows.shape[1]), n)
    held = max(1, _HELD // n)
    while some := list(islice(places, held)):
        yield rows.take(np.array(some), axis=1).sum(axis=-1)

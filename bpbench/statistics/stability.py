r"""Stability: how far repeated choices from one pool agree.

M choices Z_i of k_i members each, out of a pool of d. Over two of them, with r = \|Z_i ∩ Z_j\| in common:

==============  ===============================================  =====================================================
measure         of two choices                                   source
==============  ===============================================  =====================================================
Jaccard         r / \|Z_i ∪ Z_j\|                                Jaccard 1901; not corrected for chance
Kuncheva        (r d - k²) / (k (d - k)), equal sizes alone      Kuncheva, IASTED AIA 2007
Lustgarten      (r - k_i k_j/d) / (min(k_i, k_j)                 Lustgarten, Gopalakrishnan & Visweswaran, AMIA 2009
                - max(0, k_i + k_j - d))
==============  ===============================================  =====================================================

each averaged over all pairs. Over all M at once (Nogueira, Sechidis & Brown, J. Mach. Learn. Res. 18, 2018):

    Φ = 1 - (M/(M-1)) (1/d) Σ_f p_f (1 - p_f) / ((k̄/d)(1 - k̄/d))

=============  ======================  ===========================================================================
symbol         name in code            meaning
=============  ======================  ===========================================================================
p_f            ``frequencies``         share of the choices that hold member f
k̄                                      mean size of a choice
=============  ======================  ===========================================================================

Kuncheva's and Lustgarten's have the expectation 0 for choices at random, and so has Φ for equal sizes, where it is
Kuncheva's; of random choices whose sizes have the variance s² its expectation is -s²/((M-1) k̄ (d-k̄)), which is 0 for
many choices alone. Φ is Fleiss's κ of the M choices as raters. Its variance is estimated by

    v = (4/M²) Σ_i (Φ_i - Φ̄)²,    Φ_i = (Σ_f z_if p_f/d - k_i k̄/d² + Φ/2 (2 k_i k̄/d² - k_i/d - k̄/d + 1))
                                         / ((k̄/d)(1 - k̄/d)),

which is a limit for many choices: of members that are chosen independently, each with a probability of its own, the
95 % interval Φ ± z √v (their corollary 9) covers about 55 % for 3 choices, 75 % for 5, 86 % for 10 and 93 % for 30
(simulated). Two choices of one size give v = 0 by construction, so two choices have no interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from bpbench.errors import StatisticsError

Array = npt.NDArray[np.float64]
Choice = AbstractSet[int]


@dataclass(frozen=True, slots=True, eq=False)
class Stability:
    """How far repeated choices from one pool agree; 1 where all are one and the same.

    Attributes
    ----------
    choices, pool : int
        M and d.
    frequencies : ndarray, shape (d,)
        p_f: share of the choices that hold each member of the pool; read-only.
    jaccard : float
        Mean over all pairs, from 0 to 1.
    kuncheva : float or None
        Mean over all pairs; ``None`` where the sizes differ, or all choices are the whole pool.
    lustgarten : float or None
        Mean over all pairs; ``None`` where a choice is the whole pool, which leaves nothing to agree about.
    nogueira : float or None
        Φ; ``None`` where all choices are the whole pool.
    low, high : float or None
        Asymptotic interval of Φ, which is not cut off at 1; ``None`` for two choices and without Φ.
    level : float
        Of that interval.
    """

    choices: int
    pool: int
    frequencies: Array
    jaccard: float
    kuncheva: float | None
    lustgarten: float | None
    nogueira: float | None
    low: float | None
    high: float | None
    level: float


def stability(chosen: Sequence[Choice], pool: int, *, level: float = 0.95) -> Stability:
    """Return how far repeated choices agree.

    Parameters
    ----------
    chosen : sequence of set of int
        M ≥ 2 choices, each of at least one member by its number from 0 to d - 1.
    pool : int
        d: how many there are to choose from.
    level : float
        Of the interval.

    Raises
    ------
    StatisticsError
        For fewer than two choices, an empty one, a number that is not in the pool, or an impossible level.
    """
    table = _table(chosen, pool)
    if not 0 < level < 1:
        raise StatisticsError(f"The level of an interval lies between 0 and 1, found {level!r}.")
    frequencies = table.mean(axis=0)
    frequencies.flags.writeable = False
    phi, error = _nogueira(table)
    low = high = None
    if phi is not None and error is not None:
        from scipy.special import ndtri

        half = float(ndtri((1 + level) / 2)) * error
        low, high = phi - half, phi + half
    return Stability(
        choices=len(chosen),
        pool=pool,
        frequencies=frequencies,
        jaccard=_over_pairs(chosen, jaccard) or 0.0,
        kuncheva=_over_pairs(chosen, lambda one, other: kuncheva(one, other, pool)),
        lustgarten=_over_pairs(chosen, lambda one, other: lustgarten(one, other, pool)),
        nogueira=phi,
        low=low,
        high=high,
        level=level,
    )


def jaccard(one: Choice, other: Choice) -> float:
    """Return the share of what two choices have in common; 1 for two empty ones.

    Parameters
    ----------
    one, other : set of int
        Two choices.
    """
    either = len(one | other)
    return len(one & other) / either if either else 1.0


def kuncheva(one: Choice, other: Choice, pool: int) -> float | None:
    """Return Kuncheva's index of two choices, ``None`` where their sizes differ or leave no choice (k = 0, k = d).

    Parameters
    ----------
    one, other : set of int
        Two choices.
    pool : int
        d.
    """
    k = len(one)
    if k != len(other) or not 0 < k < pool:
        return None
    return (len(one & other) * pool - k * k) / (k * (pool - k))


def lustgarten(one: Choice, other: Choice, pool: int) -> float | None:
    """Return Lustgarten's measure of two choices of any sizes, ``None`` where one of them is empty or the whole pool.

    Parameters
    ----------
    one, other : set of int
        Two choices.
    pool : int
        d.
    """
    k, m = len(one), len(other)
    room = min(k, m) - max(0, k + m - pool)
    return (len(one & other) - k * m / pool) / room if room else None


def _table(chosen: Sequence[Choice], pool: int) -> Array:
    """Return a row of zeros and ones for each choice, or refuse them."""
    if len(chosen) < 2:
        raise StatisticsError(f"Stability is of at least 2 choices, found {len(chosen)}; choose again on other splits.")
    table = np.zeros((len(chosen), max(0, pool)))
    for place, choice in enumerate(chosen, start=1):
        if not choice:
            raise StatisticsError(f"A choice holds at least one member, found choice {place} of {len(chosen)} empty.")
        for member in sorted(choice):
            if not 0 <= member < pool:
                raise StatisticsError(
                    f"The members of a pool of {pool} have the numbers 0 to {pool - 1}, found {member} in choice "
                    f"{place} of {len(chosen)}."
                )
        table[place - 1, sorted(choice)] = 1.0
    return table


def _over_pairs(chosen: Sequence[Choice], measure: Callable[[Choice, Choice], float | None]) -> float | None:
    """Return the mean of a measure over all pairs, ``None`` where one has no value."""
    found = []
    for one, other in combinations(chosen, 2):
        value = measure(one, other)
        if value is None:
            return None
        found.append(value)
    return math.fsum(found) / len(found)


def _nogueira(table: Array) -> tuple[float | None, float | None]:
    """Return Φ and its standard error, ``None`` where they do not exist."""
    m, d = table.shape
    frequencies = table.mean(axis=0)
    share = float(frequencies.sum()) / d  # k̄/d
    chance = share * (1 - share)
    if np.all(table == 1):
        return None, None
    phi = 1 - m / (m - 1) * float(np.mean(frequencies * (1 - frequencies))) / chance
    if m == 2:
        return phi, None
    own = table.mean(axis=1)  # k_i/d
    parts = (table @ frequencies / d - own * share + phi / 2 * (2 * own * share - own - share + 1)) / chance
    return phi, 2 / m * math.sqrt(float(np.sum((parts - parts.mean()) ** 2)))

r"""Families judged together by step-down max-T sign flips: one sign per repeat, the same for every member.

=========  ======================  ==================================================================================
symbol     name in code            meaning
=========  ======================  ==================================================================================
d_jr       ``differences``         candidate minus baseline of member j in repeat r
n_j                                repeats that member j has
s_r                                a sign per repeat: +1 or -1
z_j        ``z``                   Σ_r s_r d_jr / √(Σ_r d_jr²)
t_j                                paired t (ddof = 1): t² = (n_j - 1) z²/(n_j - z²)
B                                  sign vectors beside the one that was seen (see :mod:`bpbench.statistics.permutation`)
=========  ======================  ==================================================================================

Every sign vector turns whole repeats, so that members keep their dependence: a baseline that all share, a hard split,
a member that is nearly the twin of another. \|z_j\| orders sign vectors, and members of equal n_j among each other, as
the studentised \|t_j\| does, without its loss of digits where t is large. With the members ordered by what was seen,
\|z_1\| ≥ \|z_2\| ≥ …, the adjusted p of the j-th is (Westfall & Young 1993, algorithm 2.8; Romano & Wolf 2005)

    p_j = max_{i ≤ j} (b_i + 1)/(B + 1),   b_i = #{sign vectors with max_{l ≥ i} \|z_l\| ≥ \|z_i\| seen},

exact when all 2ⁿ sign vectors are visited. Only the signs matter, so 2ⁿ⁻¹ of them are.

What is assumed: the vector (d_jr) of a repeat, over the members whose null hypothesis is true, has the distribution of
its negative. Each statistic is made of its own differences alone, so the p of the true null hypotheses does not depend
on which others are false (subset pivotality), and the family-wise error is bounded strongly: whichever are true. Joint
symmetry is more than symmetry of each member: scores that are exchangeable within a repeat make every single difference
symmetric, but with a common baseline their vector is so only if the scores themselves are symmetric about a centre that
the repeat may choose (normal, heavy tails). Of skewed scores the test is approximate: the signs keep the covariances
right, but not the skewness that the common baseline brings. Lognormal scores, 5 variants, n = 6, 10 and 15, 2000
families each, erred in 2.7 to 4.6 % against one baseline and in 2.6 to 5.6 % of all pairs.

All pairs: the differences of all pairs of a repeat change sign together when the repeat's scores, centred on their
mean, change sign, so the same flips serve, under the same assumption for the variants that do not differ. Permuting the
labels within a repeat would ask only for exchangeability but only if *no* variant differs: with one that does, its
difference enters the reference distribution of pairs that it is not part of, and their p is that of another question.
Unequal noise is enough: of 3000 drawn families of four variants of one mean and spreads 3, 1, 0.1 and 0.1 (n = 10)
permuted labels found a difference in 7.6 % at α = 5 %, signs in 4.8 % (of 12000).

Dunnett's and Tukey's tests of the libraries (scipy, statsmodels) take the groups as independent, which paired repeats
are not; Nemenyi's works on ranks across all variants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bpbench.errors import StatisticsError
from bpbench.statistics.permutation import flips, subset_sums

if TYPE_CHECKING:
    from bpbench.statistics.permutation import Array

#: Statistics that agree to this share are equal: what is left is rounding.
_ROUNDING = 1e-11


def step_down(differences: Array, rng: np.random.Generator) -> tuple[float, ...]:
    """Return the adjusted two-sided p-values of a family of paired differences.

    Parameters
    ----------
    differences : ndarray, shape (m, n)
        d_jr of m members in n repeats, the same repeats in every row; NaN where a member lacks a repeat.
    rng : Generator
        Draws the sign vectors where there are too many to visit all.

    Returns
    -------
    tuple of float
        One for each member, in order; reject where it is at most the error rate of the family.

    Raises
    ------
    StatisticsError
        When there is no member, or one of them has no difference that is not zero.
    """
    if differences.ndim != 2 or 0 in differences.shape:
        raise StatisticsError(
            "A family needs one row for each comparison and one column for each repeat, at least one of both; found "
            f"shape {differences.shape}."
        )
    # A repeat that a member lacks adds nothing to any of its sums. Scaled, so that no square leaves the numbers.
    known = np.where(np.isnan(differences), 0.0, differences)
    largest = np.max(np.abs(known), axis=1, keepdims=True)
    if not np.all((largest > 0) & np.isfinite(largest)):
        place = int(np.flatnonzero(~((largest > 0) & np.isfinite(largest)))[0])
        raise StatisticsError(
            f"Sign flips need finite differences that are not all zero, found none in row {place + 1} of "
            f"{len(differences)}; leave a comparison without any spread out and count it in the family."
        )
    # a repeat in which no member differs has no sign to turn, and the others' signs may then all be visited
    rows = (known / largest)[:, np.any(known != 0, axis=0)]
    rows /= np.sqrt(np.sum(rows**2, axis=1, keepdims=True))
    seen = np.abs(rows.sum(axis=1))
    order = np.argsort(-seen, kind="stable")
    rows, seen = rows[order], seen[order]

    count, every = flips(rows.shape[1])
    # All sign vectors: the first sign may stay, since z and -z are one. The empty set, nothing turned, is among them.
    found = subset_sums(rows[:, 1:], count // 2, None) if every else subset_sums(rows, count - 1, rng)
    total, least = rows.sum(axis=1, keepdims=True), (seen * (1 - _ROUNDING))[:, None]
    extreme = np.zeros(seen.size, dtype=np.int64)
    for sums in found:
        z = np.abs(total - 2 * sums)
        # the largest among the members from here down
        among = np.maximum.accumulate(z[::-1], axis=0)[::-1]
        extreme += np.count_nonzero(among >= least, axis=1)
    raw = extreme / (count // 2) if every else (extreme + 1) / count
    adjusted = np.empty(seen.size)
    adjusted[order] = np.maximum.accumulate(raw)
    return tuple(adjusted.tolist())

r"""Compiled sums over neighbours: G2, its adjoint and its tangent.

.. math::

    G^2 = \sum_j e_j f_j,\quad e_j = e^{-\eta (r_j-R_s)^2},\qquad
    \frac{\partial G^2}{\partial r_j} = e_j f_j' - 2\eta (r_j-R_s) e_j f_j

In a ladder η₀, η₀ + Δ, η₀ + 2Δ, … each exponential is the one before it times exp(-Δ(r - R_s)²): two exponentials
serve them all, and the rounding of n products is below that of the largest exponent.

========  ==========  ==================================
symbol    name        meaning
========  ==========  ==================================
r_j       ``r``       distance of neighbour j (Å)
f_j       ``f``       cutoff function there
e_j       ``e``       exponential
Δ         ``step``    spacing of η in a ladder (Å⁻²)
========  ==========  ==================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bpbench.compiled import Floats, Ints, exp, kernel
from bpbench.descriptors.elementary import LANES, Cut, Motion, Near, Pull, cutoffs, slopes

if TYPE_CHECKING:
    from bpbench.descriptors.plan import Radial


@kernel
def widest(border: Ints, first: int, last: int) -> int:
    """Return the length of scratch rows that hold the neighbours of any centre ``first`` to ``last`` (excluded)."""
    most = 0
    for i in range(first, last):
        most = max(most, border[i, -1] - border[i, 0])
    return int((most + LANES - 1) // LANES * LANES)


@kernel
def load(near: Near, i: int, kind: int, r_c: float, r: Floats) -> int:
    """Copy the distances of one centre's neighbours of one kind into scratch, filled up with R_c, where f_c is 0.

    Parameters
    ----------
    near : Near
        Neighbours.
    i, kind : int
        Centre and kind.
    r_c : float
        Å.
    r : ndarray
        Written in place.

    Returns
    -------
    int
        How many were written, a multiple of :data:`LANES`.
    """
    begin, end = near.border[i, kind], near.border[i, kind + 1]
    for j in range(end - begin):
        r[j] = near.distance[begin + j]
    count = (end - begin + LANES - 1) // LANES * LANES
    for j in range(end - begin, count):
        r[j] = r_c
    return int(count)


@kernel
def radial(near: Near, kind: int, cut: Cut, asked: Radial, first: int, last: int, out: Floats) -> None:
    """Add up G2 of centres ``first`` to ``last`` (excluded) into ``out[asked.rows]``.

    Parameters
    ----------
    near : Near
        Neighbours.
    kind : int
        Kind of neighbour.
    cut : Cut
        Cutoff function.
    asked : Radial
        f functions.
    first, last : int
        Centres.
    out : ndarray, shape (D, n)
        Written in place.
    """
    size = widest(near.border, first, last)
    r, f, e, q = np.empty(size), np.empty(size), np.empty(size), np.empty(size)
    for i in range(first, last):
        count = load(near, i, kind, cut.r_c, r)
        cutoffs(cut, r, count, f)
        for g in range(len(asked.r_s)):
            eta, step = asked.eta[asked.first[g]], asked.step[g]
            for j in range(count):
                off = r[j] - asked.r_s[g]
                e[j] = exp(-eta * off * off) * f[j]
            if asked.first[g + 1] - asked.first[g] > 1:
                for j in range(count):
                    off = r[j] - asked.r_s[g]
                    q[j] = exp(-step * off * off)
            for row in range(asked.first[g], asked.first[g + 1]):
                total = 0.0
                for j in range(count):
                    total += e[j]
                out[asked.rows[row], i] = total
                if row + 1 < asked.first[g + 1]:
                    for j in range(count):
                        e[j] *= q[j]


@kernel
def radial_adjoint(
    near: Near,
    kind: int,
    cut: Cut,
    asked: Radial,
    first: int,
    last: int,
    weights: Floats,
    pull: Pull,
) -> None:
    """Add Σ_f w_f ∂G2_f/∂r_j of each neighbour to ``pull``.

    Parameters
    ----------
    near, kind, cut, asked, first, last
        As for :func:`radial`.
    weights : ndarray, shape (D, n)
        w, one for each function and centre.
    pull : Pull
        Added to in place.
    """
    size = widest(near.border, first, last)
    r, f, slope, e, q = np.empty(size), np.empty(size), np.empty(size), np.empty(size), np.empty(size)
    plain, wide, total = np.empty(size), np.empty(size), np.empty(size)
    for i in range(first, last):
        count = load(near, i, kind, cut.r_c, r)
        cutoffs(cut, r, count, f)
        slopes(cut, r, count, f, slope)
        total[:count] = 0.0
        for g in range(len(asked.r_s)):
            eta, step = asked.eta[asked.first[g]], asked.step[g]
            for j in range(count):
                off = r[j] - asked.r_s[g]
                e[j] = exp(-eta * off * off)
                plain[j] = 0.0
                wide[j] = 0.0
            if asked.first[g + 1] - asked.first[g] > 1:
                for j in range(count):
                    off = r[j] - asked.r_s[g]
                    q[j] = exp(-step * off * off)
            for row in range(asked.first[g], asked.first[g + 1]):
                w = weights[asked.rows[row], i]
                w_eta = w * asked.eta[row]
                for j in range(count):
                    plain[j] += w * e[j]
                    wide[j] += w_eta * e[j]
                if row + 1 < asked.first[g + 1]:
                    for j in range(count):
                        e[j] *= q[j]
            for j in range(count):
                total[j] += plain[j] * slope[j] - 2.0 * (r[j] - asked.r_s[g]) * f[j] * wide[j]
        begin = near.border[i, kind]
        for j in range(near.border[i, kind + 1] - begin):
            pull.along[begin + j] += total[j]


@kernel
def radial_tangent(
    near: Near,
    kind: int,
    cut: Cut,
    asked: Radial,
    first: int,
    last: int,
    motion: Motion,
    out: Floats,
) -> None:
    """Write Σ_j ∂G2/∂r_j ṙ_j of each centre into ``out[asked.rows]``.

    Parameters
    ----------
    near, kind, cut, asked, first, last
        As for :func:`radial`.
    motion : Motion
        ṙ is its rate.
    out : ndarray, shape (D, n)
        Written in place.
    """
    size = widest(near.border, first, last)
    r, f, slope, q = np.empty(size), np.empty(size), np.empty(size), np.empty(size)
    fast, wide, change = np.empty(size), np.empty(size), np.zeros(size)
    for i in range(first, last):
        count = load(near, i, kind, cut.r_c, r)
        cutoffs(cut, r, count, f)
        slopes(cut, r, count, f, slope)
        begin = near.border[i, kind]
        neighbours = near.border[i, kind + 1] - begin
        for j in range(neighbours):
            change[j] = motion.rate[begin + j]
        change[neighbours:count] = 0.0
        for g in range(len(asked.r_s)):
            eta, step = asked.eta[asked.first[g]], asked.step[g]
            for j in range(count):
                off = r[j] - asked.r_s[g]
                e = exp(-eta * off * off) * change[j]
                fast[j] = e * slope[j]
                wide[j] = 2.0 * e * off * f[j]
            if asked.first[g + 1] - asked.first[g] > 1:
                for j in range(count):
                    off = r[j] - asked.r_s[g]
                    q[j] = exp(-step * off * off)
            for row in range(asked.first[g], asked.first[g + 1]):
                total, broad = 0.0, 0.0
                for j in range(count):
                    total += fast[j]
                    broad += wide[j]
                out[asked.rows[row], i] = total - asked.eta[row] * broad
                if row + 1 < asked.first[g + 1]:
                    for j in range(count):
                        fast[j] *= q[j]
                        wide[j] *= q[j]

r"""Compiled sums over pairs of neighbours: G4, G5 with any ζ, and G5 where moments would lose digits.

With unit vectors **u** the angular part is written without its cancelling difference:

.. math::

    x = \frac{1+\lambda\cos\theta_{ijk}}{2} = \tfrac14 |\mathbf u_{ij} + \lambda\,\mathbf u_{ik}|^2,\qquad
    2^{1-\zeta}(1+\lambda\cos\theta)^\zeta = 2 x^\zeta

A sum of squares is never negative, so nothing need be clamped before a broken power is taken of it, and it keeps its
digits where 1 - cosθ has lost them (neighbours almost behind each other).

=========  ==================  =======================================================
symbol     name                meaning
=========  ==================  =======================================================
g_j        ``g[e, j]``         exp(-η(r_j-R_s)²) f_c(r_j) for width number e
h          ``h[e, p]``         the same of the third side R_jk of pair p, for G4; else 1
x          ``power[0:s, p]``   (1 + λcosθ)/2 of pair p, then its powers
=========  ==================  =======================================================

Pairs are worked on in blocks: one neighbour j with up to :data:`BLOCK` neighbours k, so that all loops are over
neighbours that stand side by side in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bpbench.compiled import Floats, Ints, exp, kernel
from bpbench.descriptors.elementary import Cut, Motion, Near, Pull, cutoffs, slopes

if TYPE_CHECKING:
    from bpbench.descriptors.plan import Triplets

#: Pairs worked on at a time: a few dozen rows of them stay in the second-level cache.
BLOCK: int = 256


@kernel
def _factors(asked: Triplets, r: Floats, f: Floats, begin: int, end: int, g: Floats) -> None:
    for e in range(len(asked.eta)):
        for j in range(end - begin):
            off = r[begin + j] - asked.r_s[e]
            g[e, j] = exp(-asked.eta[e] * off * off) * f[j]


@kernel
def _factor_slopes(asked: Triplets, r: Floats, begin: int, end: int, g: Floats, slope: Floats, dg: Floats) -> None:
    for e in range(len(asked.eta)):
        for j in range(end - begin):
            off = r[begin + j] - asked.r_s[e]
            dg[e, j] = exp(-asked.eta[e] * off * off) * slope[j] - 2.0 * asked.eta[e] * off * g[e, j]


class Sides(NamedTuple):
    """Radial factors and their slopes on either side of the pairs of one centre.

    Attributes
    ----------
    g, dg : ndarray, shape (e, size)
        Of the neighbours of the first kind.
    other, d_other : ndarray, shape (e, size)
        Of those of the second.
    f, slope : ndarray, shape (size,)
        Cutoff function and its slope, of either in turn.
    """

    g: Floats
    dg: Floats
    other: Floats
    d_other: Floats
    f: Floats
    slope: Floats


@kernel
def _sides(widths: int, size: int) -> Sides:
    return Sides(
        np.empty((widths, size)),
        np.empty((widths, size)),
        np.empty((widths, size)),
        np.empty((widths, size)),
        np.empty(size),
        np.empty(size),
    )


@kernel
def _fill_sides(near: Near, cut: Cut, asked: Triplets, i: int, sides: Sides) -> None:
    g, dg, other, d_other, f, slope = sides
    r = near.distance
    begin, end = near.border[i, asked.kinds[0]], near.border[i, asked.kinds[0] + 1]
    cutoffs(cut, r[begin:end], end - begin, f)
    slopes(cut, r[begin:end], end - begin, f, slope)
    _factors(asked, r, f, begin, end, g)
    _factor_slopes(asked, r, begin, end, g, slope, dg)
    begin, end = near.border[i, asked.kinds[1]], near.border[i, asked.kinds[1] + 1]
    cutoffs(cut, r[begin:end], end - begin, f)
    slopes(cut, r[begin:end], end - begin, f, slope)
    _factors(asked, r, f, begin, end, other)
    _factor_slopes(asked, r, begin, end, other, slope, d_other)


@kernel
def _bases(asked: Triplets, unit: Floats, j: int, k: int, count: int, power: Floats) -> None:
    """Write x of neighbour j with neighbours k, k + 1, … into the first rows of ``power``."""
    for s in range(len(asked.signs)):
        sign = asked.signs[s]
        for p in range(count):
            x = unit[0, j] + sign * unit[0, k + p]
            y = unit[1, j] + sign * unit[1, k + p]
            z = unit[2, j] + sign * unit[2, k + p]
            power[s, p] = 0.25 * (x * x + y * y + z * z)


@kernel
def _powers(asked: Triplets, count: int, power: Floats) -> None:
    signs = len(asked.signs)
    for o in range(len(asked.products)):
        made, left = power[signs + o], power[asked.products[o, 0]]
        if asked.products[o, 1] >= 0:
            right = power[asked.products[o, 1]]
            for p in range(count):
                made[p] = left[p] * right[p]
        else:
            for p in range(count):
                made[p] = left[p] ** asked.exponents[o]


@kernel
def _power_slopes(asked: Triplets, count: int, power: Floats, slope: Floats) -> None:
    """Write the derivative of every column by its x."""
    signs = len(asked.signs)
    for s in range(signs):
        slope[s, :count] = 1.0
    for o in range(len(asked.products)):
        made, left, d_left = slope[signs + o], power[asked.products[o, 0]], slope[asked.products[o, 0]]
        if asked.products[o, 1] >= 0:
            right, d_right = power[asked.products[o, 1]], slope[asked.products[o, 1]]
            for p in range(count):
                made[p] = d_left[p] * right[p] + left[p] * d_right[p]
        else:
            for p in range(count):
                made[p] = asked.exponents[o] * left[p] ** (asked.exponents[o] - 1.0)


@kernel
def _third_sides(vector: Floats, j: int, k: int, count: int, side: Floats) -> None:
    for p in range(count):
        # The difference of the vectors keeps its digits where the law of cosines would lose them.
        x = vector[0, j] - vector[0, k + p]
        y = vector[1, j] - vector[1, k + p]
        z = vector[2, j] - vector[2, k + p]
        side[p] = np.sqrt(x * x + y * y + z * z)


@kernel
def triplets(
    near: Near,
    cut: Cut,
    asked: Triplets,
    centres: Ints,
    out: Floats,
) -> None:
    """Add up functions of some centres into ``out[asked.rows]``; each unordered pair of neighbours counts once.

    Parameters
    ----------
    near : Near
        Neighbours.
    cut : Cut
        Cutoff function.
    asked : Triplets
        f functions.
    centres : ndarray of int
        Which atoms.
    out : ndarray, shape (D, n)
        Written in place.
    """
    widths, size = len(asked.eta), _longest(near.border, centres)
    f, g, other = np.empty(size), np.empty((widths, size)), np.empty((widths, size))
    power, weight = np.empty((len(asked.base), BLOCK)), np.empty((widths, BLOCK))
    side, inside, total = np.empty(BLOCK), np.empty(BLOCK), np.empty(len(asked.rows))
    one, two = asked.kinds
    for i in centres:
        cutoffs(
            cut,
            near.distance[near.border[i, one] : near.border[i, one + 1]],
            near.border[i, one + 1] - near.border[i, one],
            f,
        )
        _factors(asked, near.distance, f, near.border[i, one], near.border[i, one + 1], g)
        cutoffs(
            cut,
            near.distance[near.border[i, two] : near.border[i, two + 1]],
            near.border[i, two + 1] - near.border[i, two],
            f,
        )
        _factors(asked, near.distance, f, near.border[i, two], near.border[i, two + 1], other)
        total[:] = 0.0
        for j in range(near.border[i, one], near.border[i, one + 1]):
            k = j + 1 if one == two else near.border[i, two]
            while k < near.border[i, two + 1]:
                count = min(near.border[i, two + 1] - k, BLOCK)
                _bases(asked, near.unit, j, k, count, power)
                _powers(asked, count, power)
                if asked.closed:
                    _third_sides(near.vector, j, k, count, side)
                    cutoffs(cut, side, count, inside)
                for e in range(widths):
                    own, far = g[e, j - near.border[i, one]], other[e, k - near.border[i, two] :]
                    for p in range(count):
                        weight[e, p] = own * far[p]
                    if asked.closed:
                        for p in range(count):
                            off = side[p] - asked.r_s[e]
                            weight[e, p] *= exp(-asked.eta[e] * off * off) * inside[p]
                for row in range(len(asked.rows)):
                    chosen, raised = weight[asked.width[row]], power[asked.column[row]]
                    part = 0.0
                    for p in range(count):
                        part += chosen[p] * raised[p]
                    total[row] += part
                k += count
        for row in range(len(asked.rows)):
            out[asked.rows[row], i] = 2.0 * total[row]


@kernel
def _longest(border: Ints, centres: Ints) -> int:
    most = 1
    for i in centres:
        most = max(most, border[i, -1] - border[i, 0])
    return int(most)


@kernel
def triplets_adjoint(
    near: Near,
    cut: Cut,
    asked: Triplets,
    centres: Ints,
    weights: Floats,
    pull: Pull,
) -> None:
    """Add the derivatives of Σ_f w_f G_f by each neighbour's distance and direction to ``pull``.

    Parameters
    ----------
    near, cut, asked, centres
        As for :func:`triplets`.
    weights : ndarray, shape (D, n)
        w.
    pull : Pull
        Added to in place.
    """
    widths, size = len(asked.eta), _longest(near.border, centres)
    sides = _sides(widths, size)
    g, dg, other, d_other, _, _ = sides
    columns = len(asked.base)
    power, rise = np.empty((columns, BLOCK)), np.empty((columns, BLOCK))
    side, inside, d_inside = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    h, dh, product, by_weight = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    by_x, by_side = np.empty((len(asked.signs), BLOCK)), np.empty(BLOCK)
    one, two = asked.kinds
    for i in centres:
        begin, start = near.border[i, one], near.border[i, two]
        end, stop = near.border[i, one + 1], near.border[i, two + 1]
        _fill_sides(near, cut, asked, i, sides)
        for j in range(begin, end):
            k = j + 1 if one == two else start
            while k < stop:
                count = min(stop - k, BLOCK)
                _bases(asked, near.unit, j, k, count, power)
                _powers(asked, count, power)
                _power_slopes(asked, count, power, rise)
                by_x[:, :count] = 0.0
                by_side[:count] = 0.0
                h[:count] = 1.0
                dh[:count] = 0.0
                if asked.closed:
                    _third_sides(near.vector, j, k, count, side)
                    cutoffs(cut, side, count, inside)
                    slopes(cut, side, count, inside, d_inside)
                own = 0.0
                for e in range(widths):
                    own_g, d_own = g[e, j - begin], dg[e, j - begin]
                    far, d_far = other[e, k - start :], d_other[e, k - start :]
                    if asked.closed:
                        for p in range(count):
                            off = side[p] - asked.r_s[e]
                            fall = exp(-asked.eta[e] * off * off)
                            h[p] = fall * inside[p]
                            dh[p] = fall * (d_inside[p] - 2.0 * asked.eta[e] * off * inside[p])
                    for p in range(count):
                        product[p] = own_g * far[p] * h[p]
                        by_weight[p] = 0.0
                    for row in range(len(asked.rows)):
                        if asked.width[row] == e:
                            w = 2.0 * weights[asked.rows[row], i]
                            raised, risen = power[asked.column[row]], rise[asked.column[row]]
                            into = by_x[asked.base[asked.column[row]]]
                            for p in range(count):
                                by_weight[p] += w * raised[p]
                                into[p] += w * product[p] * risen[p]
                    for p in range(count):
                        pull.along[k + p] += by_weight[p] * own_g * d_far[p] * h[p]
                        own += by_weight[p] * d_own * far[p] * h[p]
                        by_side[p] += by_weight[p] * own_g * far[p] * dh[p]
                pull.along[j] += own
                for s in range(len(asked.signs)):
                    sign = asked.signs[s]
                    x, y, z = 0.0, 0.0, 0.0
                    for p in range(count):
                        part = 0.5 * sign * by_x[s, p]
                        x += part * near.unit[0, k + p]
                        y += part * near.unit[1, k + p]
                        z += part * near.unit[2, k + p]
                        pull.across[0, k + p] += part * near.unit[0, j]
                        pull.across[1, k + p] += part * near.unit[1, j]
                        pull.across[2, k + p] += part * near.unit[2, j]
                    pull.across[0, j] += x
                    pull.across[1, j] += y
                    pull.across[2, j] += z
                if asked.closed:
                    for p in range(count):
                        _pull_third(near, j, k + p, by_side[p] / side[p], pull)
                k += count


@kernel
def _pull_third(near: Near, j: int, k: int, pull_of_side: float, pull: Pull) -> None:
    """Split a pull along the third side, over its length, into parts along and across the directions to j and k."""
    for axis in range(3):
        part = pull_of_side * (near.vector[axis, j] - near.vector[axis, k])
        pull.along[j] += part * near.unit[axis, j]
        pull.along[k] -= part * near.unit[axis, k]
        pull.across[axis, j] += part * near.distance[j]
        pull.across[axis, k] -= part * near.distance[k]


@kernel
def triplets_tangent(
    near: Near,
    cut: Cut,
    asked: Triplets,
    centres: Ints,
    motion: Motion,
    out: Floats,
) -> None:
    """Write the change of functions under a change of all distances and directions into ``out[asked.rows]``.

    Parameters
    ----------
    near, cut, asked, centres
        As for :func:`triplets`.
    motion : Motion
        The change.
    out : ndarray, shape (D, n)
        Written in place.
    """
    widths, size = len(asked.eta), _longest(near.border, centres)
    sides = _sides(widths, size)
    g, dg, other, d_other, _, _ = sides
    columns = len(asked.base)
    power, rise = np.empty((columns, BLOCK)), np.empty((columns, BLOCK))
    side, inside, d_inside, d_side = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK), np.zeros(BLOCK)
    h, dh = np.empty(BLOCK), np.empty(BLOCK)
    weight, d_weight = np.empty((widths, BLOCK)), np.empty((widths, BLOCK))
    dx, total = np.empty((len(asked.signs), BLOCK)), np.empty(len(asked.rows))
    one, two = asked.kinds
    for i in centres:
        begin, start = near.border[i, one], near.border[i, two]
        end, stop = near.border[i, one + 1], near.border[i, two + 1]
        _fill_sides(near, cut, asked, i, sides)
        total[:] = 0.0
        for j in range(begin, end):
            k = j + 1 if one == two else start
            while k < stop:
                count = min(stop - k, BLOCK)
                _bases(asked, near.unit, j, k, count, power)
                _powers(asked, count, power)
                _power_slopes(asked, count, power, rise)
                for s in range(len(asked.signs)):
                    for p in range(count):
                        # |u|² does not change, so only the mixed products are left of d|u_j + λu_k|².
                        mixed = (
                            near.unit[0, j] * motion.turn[0, k + p]
                            + near.unit[1, j] * motion.turn[1, k + p]
                            + near.unit[2, j] * motion.turn[2, k + p]
                            + near.unit[0, k + p] * motion.turn[0, j]
                            + near.unit[1, k + p] * motion.turn[1, j]
                            + near.unit[2, k + p] * motion.turn[2, j]
                        )
                        dx[s, p] = 0.5 * asked.signs[s] * mixed
                h[:count] = 1.0
                dh[:count] = 0.0
                if asked.closed:
                    _third_sides(near.vector, j, k, count, side)
                    cutoffs(cut, side, count, inside)
                    slopes(cut, side, count, inside, d_inside)
                    for p in range(count):
                        change = 0.0
                        for axis in range(3):
                            change += (near.vector[axis, j] - near.vector[axis, k + p]) * (
                                motion.push[axis, j] - motion.push[axis, k + p]
                            )
                        d_side[p] = change / side[p]
                for e in range(widths):
                    own_g, d_own = g[e, j - begin], dg[e, j - begin] * motion.rate[j]
                    far, d_far = other[e, k - start :], d_other[e, k - start :]
                    if asked.closed:
                        for p in range(count):
                            off = side[p] - asked.r_s[e]
                            fall = exp(-asked.eta[e] * off * off)
                            h[p] = fall * inside[p]
                            dh[p] = fall * (d_inside[p] - 2.0 * asked.eta[e] * off * inside[p]) * d_side[p]
                    for p in range(count):
                        change = own_g * d_far[p] * motion.rate[k + p]
                        weight[e, p] = own_g * far[p] * h[p]
                        d_weight[e, p] = (d_own * far[p] + change) * h[p] + own_g * far[p] * dh[p]
                for row in range(len(asked.rows)):
                    column = asked.column[row]
                    chosen, changed = weight[asked.width[row]], d_weight[asked.width[row]]
                    raised, risen, moved = power[column], rise[column], dx[asked.base[column]]
                    part = 0.0
                    for p in range(count):
                        part += changed[p] * raised[p] + chosen[p] * risen[p] * moved[p]
                    total[row] += part
                k += count
        for row in range(len(asked.rows)):
            out[asked.rows[row], i] = 2.0 * total[row]

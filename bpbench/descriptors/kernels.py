r"""Compiled loops over neighbours and over pairs of neighbours; :mod:`bpbench.descriptors.symmetry` is their door.

With unit vectors **u** = **R**/R the angular part is written without its cancelling difference:

.. math::

    \frac{1+\lambda\cos\theta_{ijk}}{2} = \tfrac14 |\mathbf u_{ij} + \lambda\,\mathbf u_{ik}|^2,\qquad
    2^{1-\zeta}(1+\lambda\cos\theta)^\zeta = 2\left(\frac{1+\lambda\cos\theta}{2}\right)^\zeta

A sum of squares is never negative, so nothing need be clamped before a broken power is taken of it, and it keeps its
digits where 1 - cosθ has lost them (neighbours almost behind each other).

=========  ==================  =======================================================
symbol     name                meaning
=========  ==================  =======================================================
R_ij       ``distance``        distance to neighbour (Å)
f_c        ``cutoff``          cutoff function at R_ij
g_j        ``share[e, j]``     exp(-η R_ij²) f_c(R_ij) for width number e
x          ``power[0:s, p]``   (1 + λcosθ)/2 of pair p, then its powers
w          ``weight[e, p]``    g_j g_k, for G4 also exp(-η R_jk²) f_c(R_jk)
=========  ==================  =======================================================

Everything runs in one thread, centre by centre, so that neither threads nor chunks can change a bit. Of the fast-math
freedoms only two are given, reordering of sums and fused products: the compiler uses them the same way every time on
one kind of CPU, and sums run on vector units.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable

    from bpbench.descriptors.plan import Angular, Radial

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Function = TypeVar("Function", bound="Callable[..., object]")

#: Pairs worked on at a time: a few dozen rows of them stay in the second-level cache.
BLOCK = 512


def _kernel(function: Function) -> Function:
    compiled = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})(function)
    return cast("Function", compiled)


@_kernel
def cutoff(r: float, r_c: float) -> float:
    """Return f_c(r) = ½[cos(πr/R_c) + 1] for r < R_c, else 0."""
    if r >= r_c:
        return 0.0
    # The same as cos²(πr/2R_c), whose last digits survive near R_c.
    root = np.cos(0.5 * np.pi * r / r_c)
    return float(root * root)


@_kernel
def radial(start: Ints, distance: Floats, r_c: float, asked: Radial, out: Floats) -> None:
    """Add up G2 of every centre into ``out[asked.rows]``.

    Parameters
    ----------
    start : ndarray of int, shape (n + 1,)
        First neighbour of each centre, then P.
    distance : ndarray, shape (P,)
        Å.
    r_c : float
        Å.
    asked : Radial
        f functions.
    out : ndarray, shape (D, n)
        Written in place.
    """
    share = np.empty(len(distance))
    for j in range(len(distance)):
        share[j] = cutoff(distance[j], r_c)
    for i in range(len(start) - 1):
        for f in range(len(asked.rows)):
            total = 0.0
            for j in range(start[i], start[i + 1]):
                off = distance[j] - asked.r_s[f]
                total += np.exp(-asked.eta[f] * off * off) * share[j]
            out[asked.rows[f], i] = total


@_kernel
def _shares(distance: Floats, r_c: float, eta: Floats) -> Floats:
    share = np.empty((len(eta), len(distance)))
    for j in range(len(distance)):
        inside = cutoff(distance[j], r_c)
        for e in range(len(eta)):
            share[e, j] = np.exp(-eta[e] * distance[j] * distance[j]) * inside
    return share


@_kernel
def _add(count: int, asked: Angular, power: Floats, weight: Floats, total: Floats) -> None:
    """Make the powers of the pairs gathered so far, and add weight times power to each function's total."""
    for o in range(len(asked.products)):
        made, left = power[len(asked.signs) + o], power[asked.products[o, 0]]
        if asked.products[o, 1] >= 0:
            right = power[asked.products[o, 1]]
            for p in range(count):
                made[p] = left[p] * right[p]
        else:
            for p in range(count):
                made[p] = left[p] ** asked.exponents[o]
    for f in range(len(asked.rows)):
        chosen, raised = weight[asked.width[f]], power[asked.column[f]]
        part = 0.0
        for p in range(count):
            part += chosen[p] * raised[p]
        total[f] += part


@_kernel
def opened(start: Ints, distance: Floats, vector: Floats, r_c: float, asked: Angular, out: Floats) -> None:
    """Add up G5 of every centre into ``out[asked.rows]``; each unordered pair of neighbours counts once.

    Parameters
    ----------
    start : ndarray of int, shape (n + 1,)
        First neighbour of each centre, then P.
    distance : ndarray, shape (P,)
        Å.
    vector : ndarray, shape (3, P)
        From centre to neighbour, Å.
    r_c : float
        Å.
    asked : Angular
        f functions.
    out : ndarray, shape (D, n)
        Written in place.
    """
    share = _shares(distance, r_c, asked.eta)
    unit = vector / distance
    power = np.empty((len(asked.signs) + len(asked.products), BLOCK))
    weight = np.empty((len(asked.eta), BLOCK))
    for i in range(len(start) - 1):
        total = np.zeros(len(asked.rows))
        count = 0
        for j in range(start[i], start[i + 1]):
            k = j + 1
            while k < start[i + 1]:
                more = min(start[i + 1] - k, BLOCK - count)
                for s in range(len(asked.signs)):
                    sign = asked.signs[s]
                    for m in range(more):
                        x = unit[0, j] + sign * unit[0, k + m]
                        y = unit[1, j] + sign * unit[1, k + m]
                        z = unit[2, j] + sign * unit[2, k + m]
                        power[s, count + m] = 0.25 * (x * x + y * y + z * z)
                for e in range(len(asked.eta)):
                    own = share[e, j]
                    for m in range(more):
                        weight[e, count + m] = own * share[e, k + m]
                count += more
                k += more
                if count == BLOCK:
                    _add(count, asked, power, weight, total)
                    count = 0
        _add(count, asked, power, weight, total)
        for f in range(len(asked.rows)):
            out[asked.rows[f], i] = 2.0 * total[f]


@_kernel
def closed(start: Ints, distance: Floats, vector: Floats, r_c: float, asked: Angular, out: Floats) -> None:
    """Add up G4 of every centre into ``out[asked.rows]``: G5 with R_jk in the exponent and in a third cutoff.

    Parameters
    ----------
    start, distance, vector, r_c, asked, out
        As for :func:`opened`.
    """
    share = _shares(distance, r_c, asked.eta)
    unit = vector / distance
    power = np.empty((len(asked.signs) + len(asked.products), BLOCK))
    weight = np.empty((len(asked.eta), BLOCK))
    for i in range(len(start) - 1):
        total = np.zeros(len(asked.rows))
        count = 0
        for j in range(start[i], start[i + 1]):
            for k in range(j + 1, start[i + 1]):
                # The difference of the vectors keeps its digits where the law of cosines would lose them.
                x, y, z = vector[0, j] - vector[0, k], vector[1, j] - vector[1, k], vector[2, j] - vector[2, k]
                third = x * x + y * y + z * z
                if third >= r_c * r_c:
                    continue
                inside = cutoff(np.sqrt(third), r_c)
                for e in range(len(asked.eta)):
                    weight[e, count] = share[e, j] * share[e, k] * np.exp(-asked.eta[e] * third) * inside
                for s in range(len(asked.signs)):
                    sign = asked.signs[s]
                    x = unit[0, j] + sign * unit[0, k]
                    y = unit[1, j] + sign * unit[1, k]
                    z = unit[2, j] + sign * unit[2, k]
                    power[s, count] = 0.25 * (x * x + y * y + z * z)
                count += 1
                if count == BLOCK:
                    _add(count, asked, power, weight, total)
                    count = 0
        _add(count, asked, power, weight, total)
        for f in range(len(asked.rows)):
            out[asked.rows[f], i] = 2.0 * total[f]

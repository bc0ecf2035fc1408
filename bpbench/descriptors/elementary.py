r"""What every kernel is made of: cutoff functions that run on vector units, and the values that kernels share.

.. math::

    y = \frac{R_c - r}{R_c - \alpha R_c}\ \text{held within}\ 0 \ldots 1

=============  ========================================  ====================================
name           :math:`f_c`                               :math:`\mathrm df_c/\mathrm dy`
=============  ========================================  ====================================
``cos``        sin²(πy/2)                                π sin(πy/2) cos(πy/2)
``tanh3``      tanh³y, α = 0                             3 tanh²y (1 - tanh²y)
``tanh3-one``  the same over tanh³1                      the same over tanh³1
``exp``        exp(1 - 1/(y(2 - y)))                     f_c (2 - 2y) / (y(2 - y))²
``poly1``      y²(3 - 2y)                                6 y(1 - y)
``poly2``      y³(10 - 15y + 6y²)                        30 y²(1 - y)²
``poly3``      y⁴(35 - 84y + 70y² - 20y³)                140 y³(1 - y)³
``poly4``      y⁵(126 - 420y + 540y² - 315y³ + 70y⁴)     630 y⁴(1 - y)⁴
=============  ========================================  ====================================

These are the functions of :data:`bpbench.features.CUTOFFS`, written in y = 1 - x so that their last digits survive
where they vanish. Types 1 to 8 of n2p2 (A. Singraber, CutoffFunction).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bpbench.compiled import Floats, Ints, exp, kernel, literal

#: Scratch rows are filled up to a multiple of this many numbers, so that no loop over them leaves the vector units.
LANES: int = 8


@literal
def _sine(y: float) -> float:
    """Return sin(πy/2) for 0 ≤ y ≤ 1: Taylor's series to t²³, whose rest is below (π/2)²⁵/25! = 5·10⁻²¹."""
    t = 0.5 * np.pi * y
    s = t * t
    p = -1 / 25852016738884976640000.0
    p = p * s + 1 / 51090942171709440000.0
    p = p * s - 1 / 121645100408832000.0
    p = p * s + 1 / 355687428096000.0
    p = p * s - 1 / 1307674368000.0
    p = p * s + 1 / 6227020800.0
    p = p * s - 1 / 39916800.0
    p = p * s + 1 / 362880.0
    p = p * s - 1 / 5040.0
    p = p * s + 1 / 120.0
    p = p * s - 1 / 6.0
    return float(t + t * s * p)


class Cut(NamedTuple):
    """A cutoff function.

    Attributes
    ----------
    code : int
        Place of its name in :data:`bpbench.features.CUTOFFS`.
    r_c : float
        R_c (Å).
    inner : float
        αR_c (Å).
    """

    code: int
    r_c: float
    inner: float


class Near(NamedTuple):
    """Neighbours as kernels take them.

    Attributes
    ----------
    border : ndarray of int, shape (n, K + 1)
        As in :class:`bpbench.descriptors.neighbours.Neighbours`.
    distance : ndarray, shape (P,)
        R_ij (Å), all within R_c.
    unit : ndarray, shape (3, P)
        Directions.
    vector : ndarray, shape (3, P)
        Å.
    """

    border: Ints
    distance: Floats
    unit: Floats
    vector: Floats


class Pull(NamedTuple):
    """Derivatives that adjoints add to.

    Attributes
    ----------
    along : ndarray, shape (P,)
        By the distance of each neighbour.
    across : ndarray, shape (3, P)
        By its direction; the part along the direction has no meaning.
    """

    along: Floats
    across: Floats


class Motion(NamedTuple):
    """Changes that tangents carry on.

    Attributes
    ----------
    rate : ndarray, shape (P,)
        Of each distance.
    turn : ndarray, shape (3, P)
        Of each direction, at right angles to it.
    push : ndarray, shape (3, P)
        Of each vector.
    """

    rate: Floats
    turn: Floats
    push: Floats


@kernel
def _depth(r: float, cut: Cut) -> float:
    return float(min(max((cut.r_c - r) / (cut.r_c - cut.inner), 0.0), 1.0))


@kernel
def cutoffs(cut: Cut, r: Floats, count: int, f: Floats) -> None:
    """Write f_c of the first ``count`` distances into ``f``.

    Parameters
    ----------
    cut : Cut
        Which function.
    r : ndarray
        Å.
    count : int
        How many.
    f : ndarray
        Written in place.
    """
    if cut.code == 0:
        for j in range(count):
            s = _sine(_depth(r[j], cut))
            f[j] = s * s
    elif cut.code <= 2:
        scale = 1.0 if cut.code == 1 else np.tanh(1.0) ** -3
        for j in range(count):
            t = np.tanh(_depth(r[j], cut))
            f[j] = scale * t * t * t
    elif cut.code == 3:
        for j in range(count):
            y = _depth(r[j], cut)
            # Nearer to R_c than that it is below 10⁻²¹⁶, and its slope would be 0/0.
            f[j] = exp(1.0 - 1.0 / (y * (2.0 - y))) if y > 1e-3 else 0.0
    elif cut.code == 4:
        for j in range(count):
            y = _depth(r[j], cut)
            f[j] = y * y * (3 - 2 * y)
    elif cut.code == 5:
        for j in range(count):
            y = _depth(r[j], cut)
            f[j] = y * y * y * (10 + y * (6 * y - 15))
    elif cut.code == 6:
        for j in range(count):
            y = _depth(r[j], cut)
            f[j] = (y * y) * (y * y) * (35 + y * (y * (70 - 20 * y) - 84))
    else:
        for j in range(count):
            y = _depth(r[j], cut)
            f[j] = (y * y) * (y * y) * y * (126 + y * (y * (540 + y * (70 * y - 315)) - 420))


@kernel
def slopes(cut: Cut, r: Floats, count: int, f: Floats, slope: Floats) -> None:
    """Write df_c/dr (Å⁻¹) of the first ``count`` distances into ``slope``; ``f`` holds f_c of them.

    Parameters
    ----------
    cut : Cut
        Which function.
    r : ndarray
        Å.
    count : int
        How many.
    f : ndarray
        From :func:`cutoffs`.
    slope : ndarray
        Written in place.
    """
    scale = -1.0 / (cut.r_c - cut.inner)
    if cut.code == 0:
        for j in range(count):
            y = _depth(r[j], cut)
            slope[j] = scale * np.pi * _sine(y) * _sine(1.0 - y)
    elif cut.code <= 2:
        factor = 3 * scale * (1.0 if cut.code == 1 else np.tanh(1.0) ** -3)
        for j in range(count):
            t = np.tanh(_depth(r[j], cut))
            slope[j] = factor * t * t * (1 - t * t)
    elif cut.code == 3:
        for j in range(count):
            y = _depth(r[j], cut)
            inside = y * (2 - y)
            slope[j] = scale * f[j] * (2 - 2 * y) / (inside * inside) if y > 1e-3 else 0.0
    else:
        for j in range(count):
            y = _depth(r[j], cut)
            both = y * (1 - y)
            if cut.code == 4:
                slope[j] = scale * 6 * both
            elif cut.code == 5:
                slope[j] = scale * 30 * both * both
            elif cut.code == 6:
                slope[j] = scale * 140 * both * both * both
            else:
                slope[j] = scale * 630 * both * both * both * both

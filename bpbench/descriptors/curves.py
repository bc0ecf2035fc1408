r"""What one neighbour, or one pair of them, adds to a symmetry function: plain curves, to be drawn and looked at.

.. math::

    g(r) = e^{-\eta (r-R_s)^2} f_c(r),\qquad
    a(\theta) = 2^{1-\zeta}(1+\lambda\cos\theta)^\zeta,\qquad
    h(r) = e^{-2\eta (r-R_s)^2} f_c(r)^2

A G2 is the sum of g over the neighbours. A G5 is the sum over the pairs of a(θ) times the two neighbours' g; where both
are at the distance r, that factor is h. A G4 has a further factor of their mutual distance.

======  =====================================================
symbol  meaning
======  =====================================================
r       distance of a neighbour (Å)
θ       angle between two neighbours at the central atom
f_c     cutoff function; other symbols in :mod:`bpbench.features`
======  =====================================================

The compiled kernels write the same functions in other forms and are tested against these.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from bpbench.features import G2, G4, G5, Feature

Floats = npt.NDArray[np.float64]


def _bump(x: Floats) -> Floats:
    # At x = 1 the formula divides by zero; its limit there is 0.
    inside = x < 1
    return np.where(inside, np.exp(1 - 1 / np.where(inside, 1 - x * x, 1.0)), 0.0)


def _smooth(n: int) -> Callable[[Floats], Floats]:
    """Return the polynomial of degree 2n - 1 that falls from 1 to 0 with n - 1 flat derivatives at both ends."""
    # (1-x)^n Σ_{i<n} C(n-1+i, i) x^i: all terms are positive, so it keeps its digits where it is nearly 0.
    return lambda x: (1 - x) ** n * sum(math.comb(n - 1 + i, i) * x**i for i in range(n))


#: f_c of x = (r - αR_c)/(R_c - αR_c) within 0..1, for each name of :data:`bpbench.features.CUTOFFS`.
_FORMS: Final[dict[str, Callable[[Floats], Floats]]] = {
    "cos": lambda x: 0.5 * (np.cos(np.pi * x) + 1),
    "tanh3": lambda x: np.tanh(1 - x) ** 3,
    "tanh3-one": lambda x: (np.tanh(1 - x) / math.tanh(1)) ** 3,
    "exp": _bump,
    "poly1": _smooth(2),
    "poly2": _smooth(3),
    "poly3": _smooth(4),
    "poly4": _smooth(5),
}


def cutoff_curve(name: str, alpha: float, r_c: float, r: npt.ArrayLike) -> Floats:
    """Return f_c at the distances r: 1 within the inner cutoff (where the form knows one), 0 from R_c on.

    Parameters
    ----------
    name : str
        Key of :data:`bpbench.features.CUTOFFS`.
    alpha : float
        Inner cutoff as a share of R_c; 0 for the forms that know none.
    r_c : float
        Å.
    r : array_like, any shape
        Å.

    Returns
    -------
    ndarray, shape of r
        Between 0 and 1.
    """
    distance = np.asarray(r, dtype=np.float64)
    x = np.clip((distance - alpha * r_c) / (r_c - alpha * r_c), 0.0, 1.0)
    return np.where(distance < r_c, _FORMS[name](x), 0.0)


def cutoff_of(function: Feature, r: npt.ArrayLike) -> Floats:
    """Return the cutoff function of a symmetry function at the distances r (Å), in the shape of r."""
    return cutoff_curve(function.cutoff, function.alpha, function.r_c, r)


def radial_curve(function: G2, r: npt.ArrayLike) -> Floats:
    """Return what a neighbour at the distance r (Å) adds to a G2: exp(-η(r-R_s)²) f_c(r), in the shape of r."""
    off = np.asarray(r, dtype=np.float64) - function.r_s
    return np.asarray(np.exp(-function.eta * off * off) * cutoff_of(function, r))


def pair_curve(function: G4 | G5, r: npt.ArrayLike) -> Floats:
    """Return the radial factor of a G5 for two neighbours at r (Å): exp(-2η(r-R_s)²) f_c(r)², in the shape of r.

    A G4 has further factors of the distance between the two, which depends on the angle and is not in this curve.
    """
    off = np.asarray(r, dtype=np.float64) - function.r_s
    return np.asarray(np.exp(-2 * function.eta * off * off) * cutoff_of(function, r) ** 2)


def angular_curve(zeta: float, lam: int, theta: npt.ArrayLike) -> Floats:
    """Return the angular part 2^(1-ζ)(1+λcosθ)^ζ, between 0 and 2.

    Parameters
    ----------
    zeta : float
        ζ, at least 1.
    lam : int
        λ, -1 or 1.
    theta : array_like, any shape
        Degrees.
    """
    cosine = np.cos(np.radians(np.asarray(theta, dtype=np.float64)))
    # Twice a power of something within 0..1, so that a large ζ neither overflows nor loses its digits.
    return np.asarray(2 * np.clip((1 + lam * cosine) / 2, 0.0, 1.0) ** zeta)

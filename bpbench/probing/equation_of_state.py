r"""The equation of state of Birch and Murnaghan, fitted by linear least squares.

.. math::
    E(V) = E_0 + \frac{9 V_0 B_0}{16} \left[2 u^2 + (B_0' - 4)\, u^3\right], \qquad
    u = \left(\frac{V_0}{V}\right)^{2/3} - 1

=======  ==============  =====================================
symbol   name            meaning
=======  ==============  =====================================
V        ``volumes``     volume (Å³ per atom)
E        ``energies``    energy (eV per atom)
V_0      ``volume``      volume of the least energy
E_0      ``energy``      that energy
B_0      ``modulus``     bulk modulus there (GPa)
B_0'     ``derivative``  its derivative by the pressure
=======  ==============  =====================================

It is of third order in u, and so a cubic in :math:`V^{-2/3}` whatever V_0 is: the four coefficients of that cubic
follow by linear least squares, and V_0 from where its derivative vanishes. No start has to be guessed, and equal points
give equal bits. (F. Birch, Phys. Rev. 71, 809 (1947).)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from bpbench.errors import DataError

if TYPE_CHECKING:
    import numpy.typing as npt

#: GPa of 1 eV/Å³ (CODATA 2018, exact).
GPA: Final = 160.2176634
#: Points that a fit of four numbers needs.
LEAST: Final = 5


@dataclass(frozen=True, slots=True)
class Equilibrium:
    """Where a curve has its minimum, and how steep it is there.

    Attributes
    ----------
    volume : float
        V₀, Å³ per atom.
    energy : float
        E₀, eV per atom.
    modulus : float
        B₀, GPa.
    derivative : float
        B₀′, a number.
    """

    volume: float
    energy: float
    modulus: float
    derivative: float


def equilibrium(volumes: npt.ArrayLike, energies: npt.ArrayLike, *, within: float) -> Equilibrium | None:
    """Fit the points around the least one.

    Parameters
    ----------
    volumes, energies : array_like, shape (n,)
        Å³ and eV per atom.
    within : float
        Share of the volume of the least point up to which others count; the two at each side of it always do.

    Returns
    -------
    Equilibrium or None
        Nothing where the least point is the first or last by volume, where a number is not finite, or where the fitted
        cubic has no minimum among the points that it was fitted to.

    Raises
    ------
    DataError
        For fewer than five points, or volumes that are not positive and distinct.
    """
    order = np.argsort(np.asarray(volumes, dtype=np.float64), kind="stable")
    v, e = (np.asarray(values, dtype=np.float64)[order] for values in (volumes, energies))
    if len(v) < LEAST or v[0] <= 0 or (np.diff(v) <= 0).any():
        raise DataError(
            f"An equation of state is fitted to {LEAST} or more distinct positive volumes, found {len(v)} of which the "
            f"least is {v.min(initial=np.inf):g} Å³; give more points."
        )
    if not np.isfinite(e).all():
        return None
    least = int(np.argmin(e))
    if least in {0, len(v) - 1}:
        return None
    near = np.abs(v / v[least] - 1) <= within
    first = max(0, min(least - 2, len(v) - LEAST))
    near[first : first + LEAST] = True
    return _minimum(v[near], e[near], float(v[least]))


def _minimum(v: npt.NDArray[np.float64], e: npt.NDArray[np.float64], unit: float) -> Equilibrium | None:
    """Return the minimum of the cubic in t = (``unit``/V)^⅔ - 1 through the points."""
    t = (unit / v) ** (2 / 3) - 1
    shift = float(e.min())
    a, b, c, d = np.linalg.lstsq(np.vander(t, 4, increasing=True), e - shift, rcond=None)[0]
    square = c * c - 3 * b * d
    if square <= 0 or c + np.sqrt(square) <= 0:
        return None
    bend = np.sqrt(square)  # half of the second derivative at the minimum
    at = -b / (c + bend)
    if not t.min() <= at <= t.max():
        return None
    volume = unit * (1 + at) ** -1.5
    modulus = 8 * bend * (1 + at) ** 2 / (9 * volume)
    return Equilibrium(
        volume=float(volume),
        energy=float(shift + a + at * (b + at * (c + at * d))),
        modulus=float(modulus * GPA),
        derivative=float(4 + 16 * d * (1 + at) ** 3 / (9 * volume * modulus)),
    )

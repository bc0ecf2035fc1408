r"""How atoms lie around each other: the radial distribution function g(r) of periodic frames.

.. math::
    g(r) = \frac{V}{N^2} \frac{\big\langle n(r, r + Δ) \big\rangle}{\frac{4π}{3} \left[(r + Δ)^3 - r^3\right]}

with n the ordered pairs of different atoms whose distance, along the shortest periodic way, lies between r and r + Δ, N
the atoms and V the volume of a frame. Up to half the least distance between opposite faces of the cell the shortest way
is the only one of its length or less, and there every pair is counted once; beyond, nothing is said. For atoms without
any order g is 1 - 1/N, as an atom is no neighbour of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bpbench.errors import DataError

if TYPE_CHECKING:
    from bpbench.data.frames import Floats


def reach(cell: Floats) -> float:
    """Return half the least distance between opposite faces of a cell (Å), rows of ``cell`` being its vectors."""
    return float(0.5 / np.linalg.norm(np.linalg.inv(cell), axis=0).max())


def edges(furthest: float, width: float) -> Floats:
    """Return borders of equal bins, about ``width`` wide, from 0 to ``furthest`` (Å)."""
    return np.linspace(0.0, furthest, max(1, round(furthest / width)) + 1)


def radial_distribution(positions: Floats, cell: Floats, borders: Floats) -> Floats:
    """Return g(r) of one frame that is periodic in all three directions.

    Parameters
    ----------
    positions : ndarray, shape (N, 3)
        Å; inside the cell or not.
    cell : ndarray, shape (3, 3)
        Cell vectors as rows, Å.
    borders : ndarray, shape (bins + 1,)
        Of the bins of r, Å, ascending, up to :func:`reach` of the cell.

    Returns
    -------
    ndarray, shape (bins,)
        A number without a unit.

    Raises
    ------
    DataError
        For bins beyond half the shortest height of the cell.
    """
    if borders[-1] > reach(cell) * (1 + 1e-9):
        raise DataError(
            f"g(r) is known up to half the shortest height of the cell, {reach(cell):.4g} Å, and was asked for up to "
            f"{borders[-1]:.4g} Å; ask for less, or take a larger cell."
        )
    scaled = positions @ np.linalg.inv(cell)
    counts = np.zeros(len(borders) - 1, dtype=np.int64)
    for atom in range(len(positions) - 1):
        apart = scaled[atom + 1 :] - scaled[atom]
        apart -= np.rint(apart)
        distance = np.sqrt(((apart @ cell) ** 2).sum(axis=1))
        counts += np.histogram(distance, borders)[0]
    shells = 4 / 3 * np.pi * np.diff(borders**3)
    volume, atoms = abs(np.linalg.det(cell)), len(positions)
    found: Floats = 2 * counts * volume / (atoms**2 * shells)
    return found


def first_peak(g: Floats, borders: Floats) -> tuple[float, float] | None:
    """Return where g is largest (Å) and how large, by the parabola through the highest bin and those beside it.

    Nothing where g is 0 throughout, or largest in its last bin.
    """
    at = int(np.argmax(g))
    if g[at] <= 0 or at == len(g) - 1:
        return None
    middle, width = (borders[at] + borders[at + 1]) / 2, borders[1] - borders[0]
    left, top, right = g[at - 1] if at else 0.0, g[at], g[at + 1]
    bend = left - 2 * top + right
    shift = 0.0 if bend >= 0 else 0.5 * (left - right) / bend
    return float(middle + shift * width), float(top - 0.25 * (left - right) * shift)

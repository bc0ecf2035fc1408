"""What can be said of a periodic configuration without a cutoff: nearest neighbours, cell widths, equal geometries."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from bpbench.data.frames import Floats, Frames

#: Two geometries are equal if no coordinate differs by more (Å).
SAME: Final = 1e-6


def completed(cell: Floats, pbc: npt.NDArray[np.bool_]) -> Floats:
    """Return the cell with unit vectors, orthogonal to the rest, in place of its non-periodic ones.

    Parameters
    ----------
    cell : ndarray, shape (3, 3)
        Cell vectors as rows, Å.
    pbc : ndarray of bool, shape (3,)
        Periodic along each vector; the periodic ones must be independent.
    """
    from ase.geometry import complete_cell

    return np.asarray(complete_cell(np.where(pbc[:, None], cell, 0.0)), dtype=np.float64)


def widths(frames: Frames) -> Floats:
    """Return the least distance between opposite faces of each cell along its periodic directions, Å.

    Parameters
    ----------
    frames : Frames
        Any.

    Returns
    -------
    ndarray, shape (F,)
        Infinite where nothing is periodic.
    """
    found = np.full(len(frames), np.inf)
    for frame, (cell, pbc) in enumerate(zip(frames.cells, frames.pbc, strict=True)):
        if pbc.any():
            found[frame] = (1 / np.linalg.norm(np.linalg.inv(completed(cell, pbc)), axis=0))[pbc].min()
    return found


def nearest_distances(frames: Frames, frame: int) -> Floats:
    """Return the distance of each atom of a frame to its nearest neighbour, periodic images (its own too) included.

    Parameters
    ----------
    frames : Frames
        Any.
    frame : int
        Which one of them.

    Returns
    -------
    ndarray, shape (atoms of the frame,)
        Å; infinite for a lone atom without periodic images.
    """
    from scipy.spatial import KDTree

    positions, pbc = frames.positions[frames.rows(frame)], frames.pbc[frame]
    if not pbc.any():
        return np.asarray(KDTree(positions).query(positions, k=[2])[0][:, 0], dtype=np.float64)
    cell = completed(frames.cells[frame], pbc)
    inverse = np.linalg.inv(cell)
    width = 1 / np.linalg.norm(inverse, axis=0)
    scaled = positions @ inverse
    scaled[:, pbc] -= np.floor(scaled[:, pbc])
    # About the spacing of atoms at this density; doubled below until everybody has met a neighbour.
    radius = 1.5 * (abs(np.linalg.det(cell)) / len(positions)) ** (1 / 3)
    while True:
        reach = radius / width
        furthest = np.where(pbc, np.ceil(reach), 0).astype(int)
        steps = list(product(*(range(-step, step + 1) for step in furthest)))
        images = (np.array(steps)[:, None, :] + scaled).reshape(-1, 3)
        near = ~pbc | ((images >= -reach) & (images <= 1 + reach))
        found = KDTree(images[near.all(axis=1)] @ cell).query(scaled @ cell, k=[2])[0][:, 0]
        if found.max() <= radius:
            return np.asarray(found, dtype=np.float64)
        radius *= 2


def displacements(frames: Frames, one: int, other: int) -> Floats | None:
    """Return how each atom moved from one frame to another, along the shortest periodic way.

    Parameters
    ----------
    frames : Frames
        Any.
    one, other : int
        The two frames.

    Returns
    -------
    ndarray, shape (atoms of each frame, 3), or None
        Å; nothing if the frames differ in atoms, cell or periodicity.
    """
    here, there, pbc = frames.rows(one), frames.rows(other), frames.pbc[one]
    if (
        not np.array_equal(frames.species[here], frames.species[there])
        or (pbc != frames.pbc[other]).any()
        or np.abs(frames.cells[one] - frames.cells[other]).max() > SAME
    ):
        return None
    return _shortest(frames.positions[there] - frames.positions[here], frames.cells[one], pbc)


def _shortest(difference: Floats, cell: Floats, pbc: npt.NDArray[np.bool_]) -> Floats:
    """Take off whole cell vectors; shortest for moves below half the width of the cell."""
    if not pbc.any():
        return difference
    cell = completed(cell, pbc)
    return difference - (np.rint(difference @ np.linalg.inv(cell)) * pbc) @ cell


def duplicates(frames: Frames, nearest: list[Floats]) -> list[tuple[int, int]]:
    """Find frames that hold one geometry: equal cells, and atoms in equal places up to their order and periodic images.

    Rotated or shifted copies do not count as equal.

    Parameters
    ----------
    frames : Frames
        Any.
    nearest : list of ndarray
        :func:`nearest_distances` of each frame, which tells most of them apart at once.

    Returns
    -------
    list of (int, int)
        The first frame of each geometry with each later one, ascending.
    """
    means = np.array([np.mean(distances) for distances in nearest])
    order = np.argsort(means, kind="stable")
    pairs: list[tuple[int, int]] = []
    firsts: list[int] = []  # one frame of each geometry with a mean distance close to the present one's
    for frame in order.tolist():
        firsts = [first for first in firsts if not means[frame] - means[first] > 10 * SAME]
        first = next((other for other in firsts if _same(frames, other, frame)), None)
        if first is None:
            firsts.append(frame)
        else:
            pairs.append((first, frame))
    # Members of one geometry come in the order of rounding errors; name the earliest frame first.
    leaders: dict[int, list[int]] = {}
    for first, other in pairs:
        leaders.setdefault(first, [first]).append(other)
    return sorted(
        (min(members), member) for members in leaders.values() for member in members if member != min(members)
    )


def _same(frames: Frames, one: int, other: int) -> bool:
    here, there, pbc = frames.rows(one), frames.rows(other), frames.pbc[one]
    if (
        frames.atoms[one] != frames.atoms[other]
        or (pbc != frames.pbc[other]).any()
        or np.abs(frames.cells[one] - frames.cells[other]).max() > SAME
    ):
        return False
    first, second = frames.positions[here], frames.positions[there]
    apart = np.abs(_shortest(second - first, frames.cells[one], pbc)).max(axis=-1)
    if apart.max() <= SAME:
        return bool((frames.species[here] == frames.species[there]).all())
    apart = np.abs(_shortest(second[None, :, :] - first[:, None, :], frames.cells[one], pbc)).max(axis=-1)
    partner = apart.argmin(axis=1)
    matched = apart[np.arange(len(partner)), partner].max() <= SAME and len(set(partner.tolist())) == len(partner)
    return bool(matched and (frames.species[here] == frames.species[there][partner]).all())

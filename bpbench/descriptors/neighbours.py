r"""Who is near whom: the one door to vesin's neighbour list.

.. math::

    \mathbf R_{ij} = \mathbf r_j - \mathbf r_i + \mathbf S\,\mathbf C,\qquad R_{ij} = |\mathbf R_{ij}| < R_c

======  ============  ======================================================
symbol  name          meaning
======  ============  ======================================================
R_ij    ``distance``  distance from centre i to neighbour j (Å)
**R**   ``vector``    vector from centre i to neighbour j (Å)
**C**   ``cell``      cell vectors as rows, as in ASE (Å)
**S**                 whole numbers of cell vectors, 0 where not periodic
R_c     ``r_c``       cutoff (Å)
======  ============  ======================================================

Every image of every atom is a neighbour of its own, an atom's own images included, so a cell may be far smaller than
the cutoff.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bpbench.errors import DataError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Atoms nearer than this (Å) are taken for one atom written twice: cosθ would have no meaning there.
COINCIDENT: float = 1e-6
#: Volume of the periodic vectors' unit directions below which the cell counts as flat: about the rounding of its input.
FLAT: float = 1e-9
#: More neighbours per atom than this is no condensed matter but a wrong unit or cutoff: diamond has 6000 within 20 Å.
CROWDED: float = 10_000.0
#: Lengths of this many cutoffs have lost their digits, and overflow the whole numbers of a cell list unnoticed.
FAR: float = 10_000.0


@dataclass(frozen=True, slots=True)
class Neighbours:
    """A full list (j is near i and i is near j), sorted by centre and by the kind of the neighbour.

    Attributes
    ----------
    border : ndarray of int, shape (n, K + 1)
        Centre i owns entries ``border[i, 0]:border[i, K]``, its neighbours of kind k ``border[i, k]:border[i, k + 1]``.
    index : ndarray of int, shape (P,)
        Atom whose image the neighbour is. Within centre and kind ascending, then by the image's cell: an order of whole
        numbers, which no rounding and no number of threads can change.
    distance : ndarray, shape (P,)
        R_ij (Å).
    vector : ndarray, shape (3, P)
        From the centre to the neighbour (Å).
    """

    border: Ints
    index: Ints
    distance: Floats
    vector: Floats

    @property
    def centre(self) -> Ints:
        """The centre of each entry, shape (P,)."""
        return np.repeat(np.arange(len(self.border)), self.border[:, -1] - self.border[:, 0])

    def within(self, r_c: float) -> Neighbours:
        """Return the neighbours nearer than ``r_c`` (Å), for a cutoff no larger than that of this list."""
        keep = self.distance < r_c
        if keep.all():
            return self
        border = np.concatenate([[0], np.cumsum(keep)])[self.border]
        return Neighbours(border, self.index[keep], self.distance[keep], np.ascontiguousarray(self.vector[:, keep]))


def neighbours(
    positions: npt.ArrayLike,
    cell: npt.ArrayLike,
    pbc: npt.ArrayLike,
    r_c: float,
    kind: npt.ArrayLike | None = None,
) -> Neighbours:
    """Find every neighbour within a cutoff, periodic images included.

    Parameters
    ----------
    positions : array_like, shape (n, 3)
        Å; inside the cell or not.
    cell : array_like, shape (3, 3)
        Cell vectors as rows, Å. Vectors along which the frame is not periodic are ignored and may be zero.
    pbc : array_like of bool, shape (3,)
        Periodic along each cell vector.
    r_c : float
        Cutoff, Å, positive.
    kind : array_like of int, shape (n,), optional
        Kind of each atom, 0 to K - 1 (its element, say); without it all are of kind 0.

    Returns
    -------
    Neighbours
        Full list, sorted by centre and kind.

    Raises
    ------
    DataError
        For no atoms, a wrong shape, a number that is not finite or absurdly large, a flat periodic cell, atoms on top
        of each other, or a cell so small that its length unit must be wrong.
    """
    from vesin import NeighborList

    where, box, periodic = _checked(positions, cell, pbc, r_c)
    _refuse_crowd(where, box, periodic, r_c)
    kinds = np.zeros(len(where), dtype=np.int64) if kind is None else np.asarray(kind, dtype=np.int64)
    # vesin is told one thread: centres and frames already keep the cores busy, and a list is a fifth of the work.
    finder = NeighborList(cutoff=r_c, full_list=False, n_threads=1)
    centre, index, shift, distance, vector = finder.compute(where, box, periodic, "ijSdD")
    near = Neighbours(*_sorted_both_ways(centre, index, shift, distance, vector, kinds))
    _refuse_coincidence(near)
    return near


def _checked(
    positions: npt.ArrayLike, cell: npt.ArrayLike, pbc: npt.ArrayLike, r_c: float
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    where = np.array(positions, dtype=np.float64)
    box = np.array(cell, dtype=np.float64)
    periodic = np.array(pbc, dtype=np.bool_)
    if where.ndim != 2 or where.shape[1] != 3 or not len(where):
        raise DataError(f"Positions must have the shape (atoms, 3) with at least one atom, found {where.shape}.")
    if box.shape != (3, 3) or periodic.shape != (3,):
        raise DataError(f"A cell must be 3 by 3 and its pbc 3 flags, found shapes {box.shape} and {periodic.shape}.")
    wrong = np.flatnonzero(~np.isfinite(where).all(axis=1))
    if len(wrong):
        raise DataError(
            f"Positions must be finite, found {where[wrong[0]].tolist()} for atom {wrong[0]}; mend or drop this frame."
        )
    wrong = np.flatnonzero((np.abs(where) > FAR * r_c).any(axis=1))
    if len(wrong):
        raise DataError(
            f"Positions must lie within {FAR:g} cutoffs of the origin, found {where[wrong[0]].tolist()} Å for atom "
            f"{wrong[0]}; put the atoms back into their cell, or check the unit."
        )
    whole = _completed(box, periodic)
    if np.abs(box[periodic]).max(initial=0.0) > FAR * r_c:
        raise DataError(
            f"Cell vectors must be shorter than {FAR:g} cutoffs, found {box.tolist()} Å; check the unit, or set pbc to "
            "false where the frame is not periodic."
        )
    return where, whole, periodic


def _completed(box: Floats, periodic: npt.NDArray[np.bool_]) -> Floats:
    """Put unit vectors, orthogonal to the periodic ones, where the frame is not periodic: nothing depends on those."""
    rows = box[periodic]
    if not np.isfinite(rows).all():
        raise DataError(f"The cell must be finite where it is periodic, found {box.tolist()}; mend or drop this frame.")
    length = np.linalg.norm(rows, axis=1)
    directions = rows / np.where(length > 0, length, 1.0)[:, None]
    spans = np.linalg.svd(directions, compute_uv=False)
    if len(rows) and float(np.prod(spans)) < FLAT:
        raise DataError(
            f"The periodic cell vectors must span a volume, found {rows.tolist()} Å; give the frame its cell, "
            "or set pbc to false where it is not periodic."
        )
    whole = box.copy()
    # The last right singular vectors are an orthonormal basis of everything orthogonal to the rows.
    whole[~periodic] = np.linalg.svd(directions, full_matrices=True)[2][len(rows) :] if len(rows) else np.eye(3)
    return whole


def _refuse_crowd(where: Floats, box: Floats, periodic: npt.NDArray[np.bool_], r_c: float) -> None:
    if not periodic.any():
        return
    # Along what is not periodic the frame is as thick as its atoms, and at least a cutoff.
    size = box.copy()
    size[~periodic] *= max(float(np.ptp(where, axis=0).max()), r_c)
    expected = len(where) * 4 / 3 * np.pi * r_c**3 / abs(np.linalg.det(size))
    if expected > CROWDED:
        raise DataError(
            f"A cutoff of {r_c:g} Å would hold about {expected:.2g} neighbours per atom, more than {CROWDED:g}; "
            "lengths must be in Å: check the unit of the cell, and the cutoff."
        )


def _refuse_coincidence(near: Neighbours) -> None:
    if near.distance.min(initial=np.inf) < COINCIDENT:
        close = int(np.argmin(near.distance))
        i, j = sorted((int(near.centre[close]), int(near.index[close])))
        raise DataError(
            f"Atoms must lie apart, found atoms {i} and {j} (or their images) {near.distance[close]:.2g} Å from each "
            "other; drop one of them or mend the cell."
        )


def _sorted_both_ways(
    centre: npt.NDArray[np.uint64],
    index: npt.NDArray[np.uint64],
    shift: npt.NDArray[np.int32],
    distance: Floats,
    vector: Floats,
    kind: Ints,
) -> tuple[Ints, Ints, Floats, Floats]:
    """Turn a list that holds each pair once into one that holds it both ways, in the order of :class:`Neighbours`.

    Two counting sorts, by neighbour and then by centre, leave only the images of one neighbour to be put in order; a
    comparison sort of the whole list would take longer than finding it.
    """
    from bpbench.descriptors.sorting import both_ways

    kinds = int(kind.max(initial=0)) + 1
    # The place of each atom among all, sorted by kind and then by its number.
    place = np.empty(len(kind), dtype=np.int64)
    place[np.argsort(kind, kind="stable")] = np.arange(len(kind))
    made: tuple[Ints, Ints, Floats, Floats] = both_ways(centre, index, shift, distance, vector, kind, kinds, place)
    return made

"""The compiled sort of a neighbour list; :mod:`bpbench.descriptors.neighbours` is its door."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bpbench.compiled import Floats, Ints, kernel


@kernel
def both_ways(
    centre: npt.NDArray[np.uint64],
    index: npt.NDArray[np.uint64],
    shift: npt.NDArray[np.int32],
    distance: Floats,
    vector: Floats,
    kind: Ints,
    kinds: int,
    place: Ints,
) -> tuple[Ints, Ints, Floats, Floats]:
    """Return border, index, distance and vector of :class:`bpbench.descriptors.neighbours.Neighbours`.

    Parameters
    ----------
    centre, index : ndarray of int, shape (H,)
        The two atoms of each pair; each pair once.
    shift : ndarray of int, shape (H, 3)
        Cell of the second atom's image.
    distance : ndarray, shape (H,)
        Å.
    vector : ndarray, shape (H, 3)
        From the first to the second, Å.
    kind : ndarray of int, shape (n,)
        Kind of each atom.
    kinds : int
        K.
    place : ndarray of int, shape (n,)
        Place of each atom when sorted by kind, then by number.
    """
    half, n = len(centre), len(kind)
    # Entry e < H is the pair as given, e ≥ H the same pair seen from its second atom.
    by_neighbour = np.zeros(n + 1, dtype=np.int64)
    by_centre = np.zeros(n + 1, dtype=np.int64)
    for e in range(half):
        i, j = int(centre[e]), int(index[e])
        by_neighbour[place[j] + 1] += 1
        by_neighbour[place[i] + 1] += 1
        by_centre[i + 1] += 1
        by_centre[j + 1] += 1
    for i in range(n):
        by_neighbour[i + 1] += by_neighbour[i]
        by_centre[i + 1] += by_centre[i]
    first = np.empty(2 * half, dtype=np.int64)
    for e in range(half):
        slot = place[int(index[e])]
        first[by_neighbour[slot]] = e
        by_neighbour[slot] += 1
    for e in range(half):
        slot = place[int(centre[e])]
        first[by_neighbour[slot]] = e + half
        by_neighbour[slot] += 1
    second = np.empty(2 * half, dtype=np.int64)
    filled = by_centre.copy()
    for at in range(2 * half):
        e = int(first[at])
        i = int(centre[e]) if e < half else int(index[e - half])
        second[filled[i]] = e
        filled[i] += 1

    neighbour = np.empty(2 * half, dtype=np.int64)
    for row in range(2 * half):
        e = int(second[row])
        neighbour[row] = index[e] if e < half else centre[e - half]
    for i in range(n):
        for row in range(by_centre[i] + 1, by_centre[i + 1]):
            # Images of one atom stand together; few, unless the cell is far smaller than the cutoff.
            at, e = row, int(second[row])
            while at > by_centre[i] and neighbour[at - 1] == neighbour[row] and _before(e, second[at - 1], shift, half):
                second[at] = second[at - 1]
                at -= 1
            second[at] = e

    border = np.empty((n, kinds + 1), dtype=np.int64)
    r = np.empty(2 * half)
    v = np.empty((3, 2 * half))
    for i in range(n):
        for k in range(kinds + 1):
            border[i, k] = by_centre[i]
        for row in range(by_centre[i], by_centre[i + 1]):
            e = int(second[row])
            sign = 1.0 if e < half else -1.0
            e = e if e < half else e - half
            r[row] = distance[e]
            for axis in range(3):
                v[axis, row] = sign * vector[e, axis]
            for k in range(kind[neighbour[row]], kinds):
                border[i, k + 1] += 1
    return border, neighbour, r, v


@kernel
def _before(one: int, other: int, shift: npt.NDArray[np.int32], half: int) -> bool:
    """Return whether the image cell of one entry comes before that of another."""
    for axis in range(3):
        a = shift[one, axis] if one < half else -shift[one - half, axis]
        b = shift[other, axis] if other < half else -shift[other - half, axis]
        if a != b:
            return bool(a < b)
    return False

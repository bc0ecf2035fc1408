"""The slow obvious twin of the descriptors, and a zoo of frames that neighbour lists get wrong."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bpbench.features import G2, G4, G5

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bpbench.features import Feature

Floats = npt.NDArray[np.float64]
EYE = np.eye(3)


@dataclass(frozen=True)
class Animal:
    """One frame: positions (n, 3), cell (3, 3), pbc (3,)."""

    positions: Floats
    cell: Floats
    pbc: npt.NDArray[np.bool_]

    def __iter__(self) -> Iterator[npt.NDArray[Any]]:
        return iter((self.positions, self.cell, self.pbc))


def _animal(positions: npt.ArrayLike, cell: npt.ArrayLike, pbc: tuple[bool, bool, bool] = (True, True, True)) -> Animal:
    return Animal(np.array(positions, dtype=float), np.array(cell, dtype=float), np.array(pbc))


def _drawn(seed: int, atoms: int, cell: npt.ArrayLike, least: float = 1.6) -> Floats:
    """Draw atoms in a cell, none nearer than ``least`` to another or to an image in the cells around."""
    rng = np.random.default_rng(seed)
    cell = np.array(cell, dtype=float)
    shifts = np.array(list(itertools.product((-1, 0, 1), repeat=3))) @ cell
    found = []
    while len(found) < atoms:
        new = rng.random(3) @ cell
        if all(np.linalg.norm(new - old + shift) > least for old in found for shift in shifts):
            found.append(new)
    return np.array(found)


_TRICLINIC = [[4.9, 0, 0], [1.3, 5.2, 0], [-0.9, 1.7, 4.6]]
_SKEWED = [[4.0, 0, 0], [11.0, 4.0, 0], [-9.0, 14.0, 5.0]]
_LEFT_HANDED = [[0, 4.4, 0], [4.6, 1.0, 0], [-1.5, 1.0, 5.0]]

#: Frames by name; the cutoff of 4.5 Å used on them is longer than several of these cells.
ZOO = {
    "fcc-one-atom": _animal([[0.1, 0.2, 0.3]], [[0, 2.025, 2.025], [2.025, 0, 2.025], [2.025, 2.025, 0]]),
    "simple-cubic-one-atom": _animal([[0, 0, 0]], 2.86 * EYE),
    "triclinic": _animal(_drawn(1, 4, _TRICLINIC), _TRICLINIC),
    "very-skewed": _animal(_drawn(2, 3, _SKEWED), _SKEWED),
    "left-handed": _animal(_drawn(3, 4, _LEFT_HANDED), _LEFT_HANDED),
    "slab": _animal(_drawn(4, 6, np.diag([4.4, 4.8, 9.0])) - 3.0, np.diag([4.4, 4.8, 0.0]), (True, True, False)),
    "wire": _animal(_drawn(5, 5, np.diag([5.0, 6.0, 4.2])), np.diag([1.0, 1.0, 4.2]), (False, False, True)),
    "cluster": _animal(_drawn(6, 8, 6.0 * EYE), np.zeros((3, 3)), (False, False, False)),
    "outside-the-cell": _animal(
        _drawn(7, 4, _TRICLINIC) + np.array([[3, 0, 0], [0, -2, 0], [0, 0, 5], [-1, 1, 0]]) @ np.array(_TRICLINIC),
        _TRICLINIC,
    ),
}


def images(animal: Animal, r_c: float) -> list[tuple[int, int, Floats]]:
    """Every (centre, neighbour, vector) with a distance below ``r_c``, by counting through all images that could be."""
    positions, cell, pbc = animal
    rows = cell[pbc]
    spread = max(np.linalg.norm(a - b) for a in positions for b in positions)
    # S = (S·C)·C⁺, so a vector no longer than L has counts of at most L times the length of a column of C⁺.
    reach = np.zeros(3, dtype=int)
    if len(rows):
        reach[pbc] = np.ceil((r_c + spread) * np.linalg.norm(np.linalg.pinv(rows), axis=0))
    counts = itertools.product(*[range(-most, most + 1) for most in reach])
    whole = np.where(pbc[:, None], cell, 0.0)
    shifts = [np.array(count) @ whole for count in counts]
    shifts = [shift for shift in shifts if np.linalg.norm(shift) < r_c + spread + 1e-9]
    found = []
    for i, here in enumerate(positions):
        for j, there in enumerate(positions):
            for shift in shifts:
                vector = there - here + shift
                distance = np.linalg.norm(vector)
                if 0 < distance < r_c:
                    found.append((i, j, vector))
    return found


def _f_c(r: float, r_c: float) -> float:
    return 0.5 * (math.cos(math.pi * r / r_c) + 1) if r <= r_c else 0.0


def twin(functions: Sequence[Feature], animal: Animal) -> Floats:
    """Evaluate symmetry functions as their definitions read, in plain loops."""
    r_max = max(function.r_c for function in functions)
    around = [[] for _ in animal.positions]
    for i, _, vector in images(animal, r_max):
        around[i].append(vector)
    return np.array([[_one(function, vectors) for vectors in around] for function in functions])


def _one(function: Feature, vectors: Sequence[Floats]) -> float:
    r_c = function.r_c
    if isinstance(function, G2):
        return math.fsum(
            math.exp(-function.eta * (np.linalg.norm(v) - function.r_s) ** 2) * _f_c(np.linalg.norm(v), r_c)
            for v in vectors
        )
    terms = []
    for a, b in itertools.combinations(vectors, 2):
        r_j, r_k, r_jk = np.linalg.norm(a), np.linalg.norm(b), np.linalg.norm(a - b)
        cosine = float(a @ b) / (r_j * r_k)
        angular = max(1 + function.lam * cosine, 0.0) ** function.zeta
        term = 2 ** (1 - function.zeta) * angular * math.exp(-function.eta * (r_j**2 + r_k**2))
        term *= _f_c(r_j, r_c) * _f_c(r_k, r_c)
        if isinstance(function, G4):
            term *= math.exp(-function.eta * r_jk**2) * _f_c(r_jk, r_c)
        terms.append(term)
    return math.fsum(terms)


def scale(values: Floats) -> Floats:
    """Return the scale of each function over the atoms, shape (D, 1); a function that sees nothing has 1e-9."""
    assert np.isfinite(values).all()
    return np.maximum(np.abs(values).max(axis=1, keepdims=True), 1e-9)


#: A mixture of kinds, widths, powers (whole, odd, broken) and cutoffs, in no order.
MIXTURE = (
    G5(0.01, 4.0, -1, 4.5),
    G2(0.3, 1.2, 4.5),
    G4(0.02, 3.0, 1, 4.5),
    G2(0.0, 0.0, 3.1),
    G5(0.0, 1.0, 1, 3.1),
    G5(0.1, 2.5, 1, 4.5),
    G4(0.0, 1.0, -1, 3.1),
    G5(0.01, 16.0, 1, 4.5),
    G4(0.02, 1.7, -1, 4.5),
    G5(0.1, 7.0, -1, 4.5),
    G2(2.0, 4.5, 4.5),
)

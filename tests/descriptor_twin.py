"""The slow obvious twin of the descriptors, and a zoo of frames that neighbour lists get wrong."""

from __future__ import annotations

import itertools
import math
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bpbench.descriptors import plan as plans
from bpbench.elements import symbol
from bpbench.features import G2, G4, G5, FeatureSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bpbench.features import Feature

Floats = npt.NDArray[np.float64]
EYE = np.eye(3)


@dataclass(frozen=True)
class Animal:
    """One frame: positions (n, 3), cell (3, 3), pbc (3,), and the elements that :func:`alloyed` gives its atoms."""

    positions: Floats
    cell: Floats
    pbc: npt.NDArray[np.bool_]

    @property
    def species(self) -> npt.NDArray[np.int64]:
        return alloyed(len(self.positions))

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


def alloyed(atoms: int) -> npt.NDArray[np.int64]:
    """Return atomic numbers of an alloy: S, Cu, Cu, Zn over and over."""
    return np.array([16, 29, 29, 30])[np.arange(atoms) % 4]


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


def _f_c(r: float, function: Feature) -> float:
    """Return the cutoff function as :data:`bpbench.features.CUTOFFS` writes it."""
    if r >= function.r_c:
        return 0.0
    inner = function.alpha * function.r_c
    # Polynomials written like this lose digits near R_c in floating point, so x is a fraction.
    x = max((Fraction(r) - Fraction(inner)) / (Fraction(function.r_c) - Fraction(inner)), Fraction(0))
    return float(
        {
            "cos": lambda: 0.5 * (math.cos(math.pi * x) + 1),
            "tanh3": lambda: math.tanh(1 - x) ** 3,
            "tanh3-one": lambda: math.tanh(1 - x) ** 3 / math.tanh(1) ** 3,
            "exp": lambda: math.exp(1 - 1 / (1 - x * x)),
            "poly1": lambda: 1 + x**2 * (2 * x - 3),
            "poly2": lambda: 1 + x**3 * ((15 - 6 * x) * x - 10),
            "poly3": lambda: 1 + x**4 * (x * (x * (20 * x - 70) + 84) - 35),
            "poly4": lambda: 1 + x**5 * (x * (x * ((315 - 70 * x) * x - 540) + 420) - 126),
        }[function.cutoff]()
    )


def twin(functions: Sequence[Feature], animal: Animal, *, alloy: bool = False) -> Floats:
    """Evaluate symmetry functions as their definitions read, in plain loops; as an alloy or as one element."""
    r_max = max(function.r_c for function in functions)
    around: list[list[tuple[str, Floats]]] = [[] for _ in animal.positions]
    for i, j, vector in images(animal, r_max):
        around[i].append((symbol(int(animal.species[j])) if alloy else "", vector))
    return np.array([[_one(function, near) for near in around] for function in functions])


def _one(function: Feature, near: Sequence[tuple[str, Floats]]) -> float:
    eta, r_s = function.eta, function.r_s

    def g(r: float) -> float:
        return math.exp(-eta * (r - r_s) ** 2) * _f_c(r, function)

    if isinstance(function, G2):
        return math.fsum(g(float(np.linalg.norm(v))) for element, v in near if function.of in {None, element})
    terms = []
    for (one, a), (other, b) in itertools.combinations(near, 2):
        if function.of is not None and sorted((one, other)) != sorted(function.of):
            continue
        r_j, r_k, r_jk = (float(np.linalg.norm(v)) for v in (a, b, a - b))
        cosine = float(a @ b) / (r_j * r_k)
        angular = 2 * (max(1 + function.lam * cosine, 0.0) / 2) ** function.zeta
        term = angular * g(r_j) * g(r_k)
        terms.append(term * g(r_jk) if isinstance(function, G4) else term)
    return math.fsum(terms)


#: Least number of pairs from which on G5 goes by moments, where digits allow: always, or never.
WAYS = {"moments": 0, "triplets": 10**9}


@contextmanager
def going_by(way: str) -> Iterator[None]:
    """Let G5 go by moments as far as digits allow, or by triplets."""
    kept = plans._few
    plans._few = lambda *_: WAYS[way]
    plans.plan.cache_clear()
    try:
        yield
    finally:
        plans._few = kept
        plans.plan.cache_clear()


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
    # A ladder of widths on either side of an uneven one.
    G2(0.013, 0.0, 4.5),
    *(G2(round(0.1 * n, 12), 0.0, 4.5) for n in range(1, 9)),
    *(G2(0.5 + 0.25 * n, 1.1, 4.5) for n in range(4)),
    # Other cutoff functions, inner cutoffs and shifted exponents.
    G2(0.2, 0.7, 4.5, cutoff="tanh3"),
    G5(0.05, 3.0, 1, 4.5, cutoff="tanh3", r_s=0.8),
    G4(0.05, 2.0, -1, 4.5, cutoff="tanh3-one", r_s=0.8),
    G2(0.2, 0.0, 4.4, cutoff="exp", alpha=0.2),
    G5(0.2, 5.0, -1, 4.4, cutoff="exp", alpha=0.2),
    G5(0.1, 2.0, -1, 4.4, cutoff="poly1", alpha=0.3, r_s=1.5),
    G4(0.03, 1.0, 1, 4.3, cutoff="poly2"),
    G5(0.03, 32.0, 1, 4.3, cutoff="poly3", alpha=0.1),
    G5(0.03, 33.0, -1, 4.3, cutoff="poly4", alpha=0.5),
    G5(0.03, 1024.0, 1, 4.3, cutoff="poly2"),
    G4(0.03, 1025.0, 1, 4.3, cutoff="poly2"),
    G2(0.3, 2.0, 4.3, cutoff="poly4", alpha=0.5),
)

#: The same for each element and each pair of the alloy, but for a few that name one element or pair alone.
ALLOYED = (
    *FeatureSet(MIXTURE[:14]).resolved(["S", "Cu", "Zn"]),
    G2(0.4, 0.0, 4.2, of="Cu"),
    G5(0.02, 2.0, 1, 4.2, of=("Zn", "S"), cutoff="poly2"),
    G5(0.02, 2.0, -1, 4.2, of=("Cu", "Cu"), cutoff="poly2"),
)

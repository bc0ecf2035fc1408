"""What the kernels are to evaluate: functions sorted by cutoff and kind, everything shared written once.

Angular functions of one cutoff share, for every pair of neighbours, the two numbers (1 ± cosθ)/2, their powers, and one
weight for each width η. A plan lists each distinct one; a function is then a width and a column of powers. What a
kernel takes is a named tuple rather than a dataclass because numba compiles those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from bpbench.errors import FeatureError
from bpbench.features import G2, G4, G5, Feature

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Whole ζ up to here come from repeated multiplication (at most 2·log₂ζ rounded products), others from ``pow``.
LARGEST_MULTIPLIED: int = 1024


class Radial(NamedTuple):
    """G2 of one cutoff.

    Attributes
    ----------
    rows : ndarray of int, shape (f,)
        Where each function's values go.
    eta : ndarray, shape (f,)
        η (Å⁻²).
    r_s : ndarray, shape (f,)
        R_s (Å).
    """

    rows: Ints
    eta: Floats
    r_s: Floats


class Angular(NamedTuple):
    """G5 or G4 of one cutoff.

    Columns of powers: the first are x = (1 + λcosθ)/2, one for each of ``signs``; each line of ``products`` makes the
    next column, from two earlier ones, or, where the second is -1, as the first to the power in ``exponents``.

    Attributes
    ----------
    rows : ndarray of int, shape (f,)
        Where each function's values go.
    eta : ndarray, shape (e,)
        The distinct widths η (Å⁻²).
    signs : ndarray, shape (s,)
        The distinct λ.
    products : ndarray of int, shape (p, 2)
        How the further columns are made.
    exponents : ndarray, shape (p,)
        ζ where ``pow`` makes the column, else 0.
    width, column : ndarray of int, shape (f,)
        The width and the column of each function.
    """

    rows: Ints
    eta: Floats
    signs: Floats
    products: Ints
    exponents: Floats
    width: Ints
    column: Ints


@dataclass(frozen=True, slots=True)
class Shell:
    """All functions of one cutoff.

    Attributes
    ----------
    r_c : float
        R_c (Å).
    radial : Radial
        G2.
    opened, closed : Angular
        G5, which leaves the side R_jk of the triangle open, and G4, which closes it.
    """

    r_c: float
    radial: Radial
    opened: Angular
    closed: Angular


def plan(functions: Sequence[Feature]) -> tuple[Shell, ...]:
    """Sort functions by cutoff and kind; the largest cutoff comes first.

    Parameters
    ----------
    functions : sequence of G2, G4 or G5
        In the order of the rows of the result.

    Returns
    -------
    tuple of Shell
        One for each distinct cutoff.

    Raises
    ------
    FeatureError
        When there is no function.
    """
    if not functions:
        raise FeatureError("There must be at least one symmetry function to evaluate, found none.")
    numbered = list(enumerate(functions))
    shells = []
    for r_c in sorted({function.r_c for function in functions}, reverse=True):
        inside = [(row, function) for row, function in numbered if function.r_c == r_c]
        radial = [(row, function) for row, function in inside if isinstance(function, G2)]
        opened = [(row, function) for row, function in inside if isinstance(function, G5)]
        closed = [(row, function) for row, function in inside if isinstance(function, G4)]
        shells.append(Shell(r_c, _radial(radial), _angular(opened), _angular(closed)))
    return tuple(shells)


def _radial(numbered: Sequence[tuple[int, G2]]) -> Radial:
    return Radial(
        np.array([row for row, _ in numbered], dtype=np.int64),
        np.array([function.eta for _, function in numbered], dtype=np.float64),
        np.array([function.r_s for _, function in numbered], dtype=np.float64),
    )


def _angular(numbered: Sequence[tuple[int, G4 | G5]]) -> Angular:
    etas = sorted({function.eta for _, function in numbered})
    signs = sorted({function.lam for _, function in numbered})
    powers = _Powers(signs)
    return Angular(
        np.array([row for row, _ in numbered], dtype=np.int64),
        np.array(etas, dtype=np.float64),
        np.array(signs, dtype=np.float64),
        width=np.array([etas.index(function.eta) for _, function in numbered], dtype=np.int64),
        column=np.array([powers.column(function.lam, function.zeta) for _, function in numbered], dtype=np.int64),
        products=np.array(powers.products, dtype=np.int64).reshape(-1, 2),
        exponents=np.array(powers.exponents, dtype=np.float64),
    )


class _Powers:
    """The columns made so far; a power is asked for once and made by squaring and multiplying."""

    def __init__(self, signs: Sequence[int]) -> None:
        self.columns: dict[tuple[int, float], int] = {(lam, 1.0): place for place, lam in enumerate(signs)}
        self.products: list[tuple[int, int]] = []
        self.exponents: list[float] = []

    def column(self, lam: int, zeta: float) -> int:
        known = self.columns.get((lam, float(zeta)))
        if known is not None:
            return known
        if zeta == int(zeta) and zeta <= LARGEST_MULTIPLIED:
            # Odd: one factor more than the even power below it. Even: the square of half.
            first, second = (zeta - 1, 1.0) if zeta % 2 else (zeta / 2, zeta / 2)
            return self._make(lam, zeta, (self.column(lam, first), self.column(lam, second)), 0.0)
        return self._make(lam, zeta, (self.column(lam, 1.0), -1), float(zeta))

    def _make(self, lam: int, zeta: float, product: tuple[int, int], exponent: float) -> int:
        self.products.append(product)
        self.exponents.append(exponent)
        place = len(self.columns)
        self.columns[lam, float(zeta)] = place
        return place

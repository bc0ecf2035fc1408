r"""What the kernels are to evaluate: functions sorted by cutoff, kind and element, everything shared written once.

A *shell* holds the functions of one cutoff function. Within it radial functions of one R_s whose widths η are evenly
spaced form a *ladder* (each exponential is the one before it times the same factor), and an angular function is a pair
of *channels*: the radial factors g(r) of its two neighbours, each a kind of neighbour with a width.

Angular functions with a whole ζ and no R_jk go by moments (:mod:`bpbench.descriptors.moments`), the others by triplets.
With Legendre polynomials P_l,

.. math::

    2^{1-\zeta}(1+\lambda x)^\zeta = \sum_{l=0}^{\zeta} c_l \lambda^l P_l(x),\qquad
    c_l = \frac{2(2l+1)\,\zeta!^2}{(\zeta-l)!\,(\zeta+l+1)!}

(from the integral of :math:`(1+x)^\zeta P_l` over -1 … 1). What a kernel takes is a named tuple rather than a
dataclass because numba compiles those.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from bpbench.elements import NUMBERS, symbol
from bpbench.errors import DataError, FeatureError
from bpbench.features import CUTOFFS, G2, G4, G5, Feature

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bpbench.descriptors.elementary import Cut

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Whole ζ up to here go by moments; their number grows as (ζ + 1)², that of pairs of neighbours does not.
LARGEST_BY_MOMENTS: int = 32
#: Whole ζ up to here come from repeated multiplication (at most 2·log₂ζ rounded products), others from ``pow``.
LARGEST_MULTIPLIED: int = 1024
#: Widths count as evenly spaced when they are to the rounding of decimal numbers.
EVEN: float = 4 * float(np.finfo(np.float64).eps)


class Radial(NamedTuple):
    """G2 of one cutoff function and one kind of neighbour, in ladders.

    Attributes
    ----------
    rows : ndarray of int, shape (f,)
        Where each function's values go.
    eta : ndarray, shape (f,)
        η (Å⁻²).
    first : ndarray of int, shape (g + 1,)
        First function of each ladder, then f.
    r_s : ndarray, shape (g,)
        R_s (Å) of each ladder.
    step : ndarray, shape (g,)
        Spacing of its η (Å⁻²).
    """

    rows: Ints
    eta: Floats
    first: Ints
    r_s: Floats
    step: Floats


class Moments(NamedTuple):
    """G5 of one cutoff function that go by moments, of all kinds of neighbours.

    Attributes
    ----------
    rows : ndarray of int, shape (f,)
        Where each function's values go.
    own : ndarray of int, shape (K + 1,)
        First channel of each kind, then c.
    eta, r_s : ndarray, shape (c,)
        η (Å⁻²) and R_s (Å) of each channel.
    left, right : ndarray of int, shape (q,)
        The channels of each pair.
    pair : ndarray of int, shape (f,)
        The pair of each function.
    series : ndarray, shape (f, L + 1)
        c_l λˡ, halved where both channels are one and each pair of neighbours is met twice.
    same : ndarray, shape (f,)
        What j = k adds to such a sum: 1 for λ = +1 and one channel, else 0.
    rise, fall : ndarray, shape (L + 1, L + 1)
        Factors of the recurrence of the Legendre functions, at (l, m).
    corner : ndarray, shape (L + 1,)
        The Legendre functions with l = m.
    few : int
        With fewer pairs of neighbours than this, an atom goes by triplets.
    """

    rows: Ints
    own: Ints
    eta: Floats
    r_s: Floats
    left: Ints
    right: Ints
    pair: Ints
    series: Floats
    same: Floats
    rise: Floats
    fall: Floats
    corner: Floats
    few: int


class Triplets(NamedTuple):
    """G5 or G4 of one cutoff function and one pair of kinds, evaluated pair by pair of neighbours.

    Columns of powers: the first are x = (1 + λcosθ)/2, one for each of ``signs``; each line of ``products`` makes the
    next column, from two earlier ones, or, where the second is -1, as the first to the power in ``exponents``.

    Attributes
    ----------
    rows : ndarray of int, shape (f,)
        Where each function's values go.
    kinds : ndarray of int, shape (2,)
        The kinds of the two neighbours.
    eta, r_s : ndarray, shape (e,)
        The distinct widths η (Å⁻²) with their R_s (Å).
    signs : ndarray, shape (s,)
        The distinct λ.
    products : ndarray of int, shape (p, 2)
        How the further columns are made.
    exponents : ndarray, shape (p,)
        ζ where ``pow`` makes the column, else 0.
    base : ndarray of int, shape (s + p,)
        The sign from which each column descends.
    width, column : ndarray of int, shape (f,)
        The width and the column of each function.
    closed : bool
        Whether the third side R_jk counts (G4) or not (G5).
    """

    rows: Ints
    kinds: Ints
    eta: Floats
    r_s: Floats
    signs: Floats
    products: Ints
    exponents: Floats
    base: Ints
    width: Ints
    column: Ints
    closed: bool


@dataclass(frozen=True, slots=True)
class Shell:
    """All functions of one cutoff function.

    Attributes
    ----------
    cut : Cut
        The cutoff function.
    radial : tuple of (int, Radial)
        G2 by kind of neighbour.
    moments : Moments or None
        G5 that go by moments.
    instead : tuple of Triplets
        The same functions by triplets, for atoms where moments would lose digits.
    triplets : tuple of Triplets
        G4, and G5 with other ζ.
    """

    cut: Cut
    radial: tuple[tuple[int, Radial], ...]
    moments: Moments | None
    instead: tuple[Triplets, ...]
    triplets: tuple[Triplets, ...]


@lru_cache(maxsize=64)
def plan(functions: tuple[Feature, ...], present: tuple[int, ...] = ()) -> tuple[Shell, ...]:
    """Sort functions by cutoff function and kind; the largest cutoff comes first.

    Parameters
    ----------
    functions : tuple of G2, G4 or G5
        In the order of the rows of the result.
    present : tuple of int
        Atomic numbers in the frame, ascending: kind k is the k-th of them. Empty: one nameless element.

    Returns
    -------
    tuple of Shell
        One for each distinct cutoff function. A function that names an element which is not present is in none.

    Raises
    ------
    FeatureError
        When there is no function.
    DataError
        When functions do not tell elements apart that are present, or none names one of them.
    """
    if not functions:
        raise FeatureError("There must be at least one symmetry function to evaluate, found none.")
    _refuse_confusion(functions, present)
    return _sorted(functions, present)


@lru_cache(maxsize=64)
def singly(functions: tuple[Feature, ...], present: tuple[int, ...] = ()) -> tuple[tuple[Shell, ...], ...]:
    """Return for each function what :func:`plan` would for it alone, without a look at what the set as a whole names.

    A function that names an element which is not present has no shell.
    """
    return tuple(_sorted((function,), present) for function in functions)


def _sorted(functions: tuple[Feature, ...], present: tuple[int, ...]) -> tuple[Shell, ...]:
    kind = {number: place for place, number in enumerate(present)}
    inside: dict[Cut, list[tuple[int, Feature, tuple[int, ...]]]] = defaultdict(list)
    for row, function in enumerate(functions):
        named = [NUMBERS[element] for element in function.elements]
        if not named:
            inside[_cut(function)].append((row, function, (0,) if isinstance(function, G2) else (0, 0)))
        elif all(number in kind for number in named):
            inside[_cut(function)].append((row, function, tuple(kind[number] for number in named)))
    # Of equal radii any fixed order does; lists of neighbours shrink from one shell to the next.
    ordered = sorted(inside, key=lambda cut: (-cut.r_c, cut.code, cut.inner))
    return tuple(_shell(cut, inside[cut], max(len(present), 1)) for cut in ordered)


def _cut(function: Feature) -> Cut:
    from bpbench.descriptors.elementary import Cut  # numba

    return Cut(list(CUTOFFS).index(function.cutoff), function.r_c, function.alpha * function.r_c)


def _refuse_confusion(functions: Sequence[Feature], present: Sequence[int]) -> None:
    named = {NUMBERS[element] for function in functions for element in function.elements}
    if not present:
        if named:
            raise DataError(
                f"Functions that name elements ({', '.join(map(symbol, sorted(named)))}) need the atomic number of "
                "every atom, found none; give species."
            )
        return
    found = ", ".join(symbol(number) for number in present)
    blind = next((function for function in functions if not function.elements), None)
    if blind is not None and len(present) > 1:
        raise DataError(
            f"Symmetry functions that do not tell elements apart need frames of one element, found {found} and "
            f"{blind.name}; give each function its elements (`of`), or resolve the set by elements."
        )
    unknown = [number for number in present if number not in named]
    if unknown and blind is None:
        raise DataError(
            f"Every element of the frames must be named by a symmetry function, found {symbol(unknown[0])} in the "
            f"frames and functions of {', '.join(map(symbol, sorted(named)))}; add functions of {symbol(unknown[0])} "
            "or drop those frames."
        )


Numbered = tuple[int, Feature, tuple[int, ...]]


def _shell(cut: Cut, inside: list[Numbered], kinds: int) -> Shell:
    radial: dict[int, list[tuple[int, G2]]] = defaultdict(list)
    smooth: list[tuple[int, G5, tuple[int, ...]]] = []
    rest: list[tuple[int, G4 | G5, tuple[int, ...]]] = []
    for row, function, kind in inside:
        if isinstance(function, G2):
            radial[kind[0]].append((row, function))
        elif isinstance(function, G5) and function.zeta == int(function.zeta) <= LARGEST_BY_MOMENTS:
            smooth.append((row, function, kind))
        else:
            rest.append((row, function, kind))
    instead = _by_triplets(smooth)
    return Shell(
        cut,
        tuple((kind, _ladders(radial[kind])) for kind in sorted(radial)),
        _moments(smooth, kinds, instead) if smooth else None,
        instead,
        _by_triplets(rest),
    )


# ---------------------------------------------------------------------------------------------------------- radial


def _ladders(numbered: Sequence[tuple[int, G2]]) -> Radial:
    rows: list[int] = []
    eta: list[float] = []
    first, shifts, steps = [0], [], []
    for r_s in sorted({function.r_s for _, function in numbered}):
        alike = sorted((function.eta, row) for row, function in numbered if function.r_s == r_s)
        widths = [width for width, _ in alike]
        at = 0
        while at < len(alike):
            count, step = _even(widths[at:])
            rows += [row for _, row in alike[at : at + count]]
            eta += widths[at : at + count]
            first.append(len(rows))
            shifts.append(r_s)
            steps.append(step)
            at += count
    return Radial(
        np.array(rows, dtype=np.int64),
        np.array(eta, dtype=np.float64),
        np.array(first, dtype=np.int64),
        np.array(shifts, dtype=np.float64),
        np.array(steps, dtype=np.float64),
    )


def _even(widths: Sequence[float]) -> tuple[int, float]:
    """Return how many of the ascending widths are evenly spaced from the first on, and their spacing.

    Fewer than three would gain nothing. The first steps are taken as a guess, the last as the measure: the error of
    the spacing must not grow with the ladder.
    """
    if len(widths) < 3:
        return 1, 0.0
    guess = widths[1] - widths[0]
    count = 2
    while count < len(widths) and abs(widths[0] + count * guess - widths[count]) <= 1e-9 * widths[count]:
        count += 1
    while count >= 3:
        step = (widths[count - 1] - widths[0]) / (count - 1)
        if all(abs(widths[0] + k * step - widths[k]) <= EVEN * widths[count - 1] for k in range(count)):
            return count, step
        count -= 1
    return 1, 0.0


# ---------------------------------------------------------------------------------------------------------- angular


def legendre_series(zeta: int, lam: int) -> Floats:
    """Return c_l λˡ for l = 0 … ζ, each rounded once, see the module's equation.

    Parameters
    ----------
    zeta : int
        ζ ≥ 1.
    lam : int
        λ, -1 or 1.
    """
    square = math.factorial(zeta) ** 2
    return np.array(
        [
            lam**l * float(Fraction(2 * (2 * l + 1) * square, math.factorial(zeta - l) * math.factorial(zeta + l + 1)))
            for l in range(zeta + 1)
        ]
    )


def _moments(numbered: Sequence[tuple[int, G5, tuple[int, ...]]], kinds: int, instead: tuple[Triplets, ...]) -> Moments:
    top = int(max(function.zeta for _, function, _ in numbered))
    channels = sorted({(kind, function.eta, function.r_s) for _, function, both in numbered for kind in both})
    place = {channel: number for number, channel in enumerate(channels)}
    of_each = [[place[kind, function.eta, function.r_s] for kind in both] for _, function, both in numbered]
    pairs = sorted({tuple(both) for both in of_each})
    series = np.zeros((len(numbered), top + 1))
    same = np.zeros(len(numbered))
    for number, ((_, function, _), (one, other)) in enumerate(zip(numbered, of_each, strict=True)):
        whole = legendre_series(int(function.zeta), function.lam)
        series[number, : len(whole)] = whole / 2 if one == other else whole
        same[number] = float(one == other and function.lam == 1)
    rise, fall, corner = _recurrence(top)
    return Moments(
        np.array([row for row, _, _ in numbered], dtype=np.int64),
        np.searchsorted([kind for kind, _, _ in channels], np.arange(kinds + 1)).astype(np.int64),
        np.array([eta for _, eta, _ in channels], dtype=np.float64),
        np.array([r_s for _, _, r_s in channels], dtype=np.float64),
        np.array([one for one, _ in pairs], dtype=np.int64),
        np.array([other for _, other in pairs], dtype=np.int64),
        np.array([pairs.index(tuple(both)) for both in of_each], dtype=np.int64),
        series,
        same,
        rise,
        fall,
        corner,
        _few(top, len(channels), instead),
    )


def _few(top: int, channels: int, instead: tuple[Triplets, ...]) -> int:
    """Return the number of pairs of neighbours below which triplets are the faster way.

    Measured with 12 to 200 neighbours: an atom's moments cost about as much as this many of its pairs. Both ways give
    the same numbers to rounding, so only speed hangs on it.
    """
    per_pair = sum(len(asked.rows) + 2 * len(asked.eta) + 4 * len(asked.signs) for asked in instead)
    return int(22 * (top + 1) ** 2 * (channels + 2) / per_pair)


def _recurrence(top: int) -> tuple[Floats, Floats, Floats]:
    rise, fall = np.zeros((top + 1, top + 1)), np.zeros((top + 1, top + 1))
    corner = np.ones(top + 1)
    for m in range(top + 1):
        if m > 1:
            corner[m] = corner[m - 1] * math.sqrt((2 * m - 1) / (2 * m))
        for l in range(m + 1, top + 1):
            rise[l, m] = (2 * l - 1) / math.sqrt(l * l - m * m)
            fall[l, m] = math.sqrt(((l - 1) ** 2 - m * m) / (l * l - m * m))
    return rise, fall, corner


def _by_triplets(numbered: Sequence[tuple[int, G4 | G5, tuple[int, ...]]]) -> tuple[Triplets, ...]:
    teams: dict[tuple[bool, tuple[int, ...]], list[tuple[int, G4 | G5]]] = defaultdict(list)
    for row, function, kinds in numbered:
        teams[isinstance(function, G4), kinds].append((row, function))
    return tuple(_team(closed, kinds, teams[closed, kinds]) for closed, kinds in sorted(teams))


def _team(closed: bool, kinds: tuple[int, ...], numbered: Sequence[tuple[int, G4 | G5]]) -> Triplets:
    widths = sorted({(function.eta, function.r_s) for _, function in numbered})
    signs = sorted({function.lam for _, function in numbered})
    powers = _Powers(signs)
    column = [powers.column(function.lam, function.zeta) for _, function in numbered]
    return Triplets(
        np.array([row for row, _ in numbered], dtype=np.int64),
        np.array(kinds, dtype=np.int64),
        np.array([eta for eta, _ in widths], dtype=np.float64),
        np.array([r_s for _, r_s in widths], dtype=np.float64),
        np.array(signs, dtype=np.float64),
        np.array(powers.products, dtype=np.int64).reshape(-1, 2),
        np.array(powers.exponents, dtype=np.float64),
        np.array([signs.index(lam) for lam, _ in powers.columns], dtype=np.int64),
        np.array([widths.index((function.eta, function.r_s)) for _, function in numbered], dtype=np.int64),
        np.array(column, dtype=np.int64),
        closed,
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

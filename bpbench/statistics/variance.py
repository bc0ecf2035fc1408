r"""Where the variance of a score comes from: components of a balanced, fully crossed random-effects design.

Each value of the design was made with one level of every factor; a cell, one combination of levels, may be repeated:

y = μ + Σ_T u_T + e,  u_T ~ N(0, σ²_T), one draw for each combination of the levels of the factors in T,  e ~ N(0, σ²_e)

over all non-empty sets T of factors: main effects, pairwise interactions, and so on to that of all factors. Sums of
squares and their expectations (Searle, Casella & McCulloch 1992, *Variance Components*, chapter 4) are

SS_T = Σ (P_T y)²,  ν_T = Π_{f∈T} (l_f - 1),  E[MS_T] = σ²_e + Σ_{U⊇T} c_U σ²_U,  c_U = N / Π_{f∈U} l_f

and solving these for the components gives, without a matrix,

σ̂²_T = (1/c_T) Σ_{U⊇T} (-1)^(\|U\|-\|T\|) MS_U for T ≠ all factors,  σ̂²_all = (MS_all - MS_e)/r,  σ̂²_e = MS_e

With one value per cell, e cannot be told from the interaction of all factors; the two are one component.

=========  ============================================================================================
symbol     meaning
=========  ============================================================================================
l_f        levels of factor f
N          number of values, r of them in each cell
P_T        centring over every factor in T, averaging over all others (and over the r values of a cell)
MS, ν      mean square SS/ν, and its degrees of freedom
k_q        coefficient of a mean square in an estimate, γ̂ = Σ k_q MS_q
=========  ============================================================================================

An estimate is a difference of mean squares, so it may be negative; it is given as it is (``raw``) and as a variance,
which is at least zero. ν MS / E[MS] is χ² with ν degrees of freedom, which gives an exact interval where one mean
square is the estimate. The others have the modified large-sample interval of Graybill & Wang (1980) for sums and of
Ting, Burdick, Graybill, Jeyaratnam & Lu (1990) for differences; both stand in Burdick & Graybill (1992), *Confidence
Intervals on Variance Components*. With F_α the quantile above which α lies, G = 1 - 1/F_α(ν, ∞),
H = 1/F_(1-α)(ν, ∞) - 1, positive terms q and t (n of them), negative terms r:

L = γ̂ - √(Σ_q G_q² k_q² MS_q² + Σ_r H_r² k_r² MS_r² + Σ_qr G_qr k_q \|k_r\| MS_q MS_r + Σ_q<t G*_qt k_q k_t MS_q MS_t)

G_qr = ((F - 1)² - G_q² F² - H_r²) / F,  F = F_α(ν_q, ν_r)

G*_qt = ((1 - 1/F_α(ν_q + ν_t, ∞))² (ν_q + ν_t)²/(ν_q ν_t) - G_q² ν_q/ν_t - G_t² ν_t/ν_q) / (n - 1)

and the upper limit of γ is minus the lower limit of -γ. Shares of the total are ratios of such estimates; their
intervals are generalised ones (Weerahandi 1993; Hamada & Weerahandi 2000): every E[MS] is drawn as ν MS / χ²_ν and the
share computed from the draws, cut to lie between 0 and 1.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from bpbench.errors import StatisticsError
from bpbench.statistics.samples import LARGEST

Floats = npt.NDArray[np.float64]

#: Draws behind the intervals of shares.
DRAWS: Final = 10_000
#: Cells without a value that are named one by one.
_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Component:
    """One source of variance.

    Attributes
    ----------
    factors : tuple of str
        The factors whose joint effect it is; none for what differs between the values of one cell.
    df : int
        Degrees of freedom ν of its mean square.
    mean_square : float
        MS, in the square of the score's unit.
    raw : float
        σ̂², same unit; negative where chance made it so.
    low, high : float
        Limits of σ², at least 0. They need not hold ``raw`` where that is negative.
    share, share_low, share_high : float or None
        Part of the total, and its limits; ``None`` where nothing varies.
    """

    factors: tuple[str, ...]
    df: int
    mean_square: float
    raw: float
    low: float
    high: float
    share: float | None
    share_low: float | None
    share_high: float | None

    @property
    def variance(self) -> float:
        """σ̂², at least 0."""
        return max(0.0, self.raw)


@dataclass(frozen=True, slots=True)
class Decomposition:
    """What the values of a crossed design say of their variance.

    Attributes
    ----------
    mean : float
        Mean of all values.
    levels : dict of str to int
        Levels of each factor that has at least two.
    replicates : int
        Values of each cell, r; with 1 the last component holds both the interaction of all factors and what differs
        between the values of a cell.
    components : tuple of Component
        Main effects first, then interactions; the values of a cell last, if there are several.
    total : float
        Sum of the variances: that of one value made with new levels of everything.
    level : float
        Level of the intervals.
    """

    mean: float
    levels: dict[str, int]
    replicates: int
    components: tuple[Component, ...]
    total: float
    level: float


@dataclass(frozen=True, slots=True)
class MeanSquare:
    """A mean square.

    Attributes
    ----------
    value : float
        MS, at least 0.
    df : int
        ν, at least 1.
    """

    value: float
    df: int


def decompose(values: npt.ArrayLike, factors: Sequence[str], *, level: float = 0.95, seed: int) -> Decomposition:
    """Decompose the variance of the values of a fully crossed design.

    Parameters
    ----------
    values : array_like, shape (l_1, …, l_k, r)
        One axis for each factor, and a last one for the r values of each cell, each made anew.
    factors : sequence of str
        Names of the k factors. Those with a single level drop out: nothing is known of them.
    level : float
        Level of the intervals.
    seed : int
        Of the draws behind the intervals of shares.

    Returns
    -------
    Decomposition
        Components with intervals.

    Raises
    ------
    StatisticsError
        When a cell has no finite value (the design is then no longer balanced), when the axes do not match the
        factors, or when no factor has two levels.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != len(factors) + 1 or len(set(factors)) < max(1, len(factors)) or not array.size:
        raise StatisticsError(
            "A decomposition needs one axis for each factor, all of other names, and a last one for the values of a "
            f"cell; found an array of shape {array.shape} for the factors ({', '.join(factors)})."
        )
    _require_all(array, factors)
    if not 0 < level < 1:
        raise StatisticsError(f"The level of an interval lies between 0 and 1, found {level:g}.")
    levels = {name: size for name, size in zip(factors, array.shape, strict=False) if size > 1}
    if not levels:
        raise StatisticsError(
            f"A decomposition needs a factor with at least 2 levels, found one level of each ({', '.join(factors)})."
        )
    array = array.reshape(*levels.values(), array.shape[-1])
    squares = _mean_squares(array)
    estimates = {term: _coefficients(term, array.shape) for term in squares}
    raw = {term: math.fsum(k * squares[other].value for other, k in of.items()) for term, of in estimates.items()}
    total = math.fsum(max(0.0, value) for value in raw.values())
    shares = _shares(squares, estimates, level, seed) if total > 0 else {}
    names = tuple(levels)
    made = []
    for term, square in squares.items():
        low, high = limits([(k, squares[other]) for other, k in estimates[term].items()], level)
        share = (max(0.0, raw[term]) / total, *shares[term]) if shares else (None, None, None)
        named = tuple(names[axis] for axis in term if axis < len(names))
        made.append(Component(named, square.df, square.value, raw[term], max(0.0, low), max(0.0, high), *share))
    return Decomposition(float(np.mean(array)), levels, array.shape[-1], tuple(made), total, level)


def _require_all(array: Floats, factors: Sequence[str]) -> None:
    # `not <=` instead of `>` so that NaN is caught as well
    wrong = np.argwhere(~(np.abs(array) <= LARGEST))
    if not len(wrong):
        return
    several = array.shape[-1] > 1
    cells = [
        ", ".join(f"{name} {index + 1}" for name, index in zip(factors, place, strict=False))
        + (f", value {place[-1] + 1}" if several else "")
        for place in wrong[:_NAMED].tolist()
    ]
    more = f"; and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
    raise StatisticsError(
        f"A decomposition needs a finite value of at most {LARGEST:g} in every cell of the design, found none in "
        f"{len(wrong)} of {array.size} places ({'; '.join(cells)}{more}); make these values, or leave out the levels "
        "that lack them."
    )


#: A set of axes: those of factors, and, for what differs between the values of a cell, the last one.
Term = tuple[int, ...]


def _mean_squares(array: Floats) -> dict[Term, MeanSquare]:
    *sizes, replicates = array.shape
    # Differences from one value are exact where values agree, so equal values give exactly zero.
    first = array[..., :1]
    within = array - first
    cells = first[..., 0] + within.mean(axis=-1)
    found: dict[Term, MeanSquare] = {}
    for size in range(1, len(sizes) + 1):
        for term in itertools.combinations(range(len(sizes)), size):
            effect, df = cells, 1
            for axis, count in enumerate(sizes):
                inside = axis in term
                effect = _centred(effect, axis) if inside else effect.mean(axis=axis, keepdims=True)
                df *= count - 1 if inside else 1
            found[term] = MeanSquare(float(np.sum(effect**2)) * (array.size / effect.size) / df, df)
    if replicates > 1:
        df = cells.size * (replicates - 1)
        found[len(sizes),] = MeanSquare(float(np.sum(_centred(within, -1) ** 2)) / df, df)
    return found


def _centred(array: Floats, axis: int) -> Floats:
    shifted = array - np.take(array, [0], axis=axis)
    centred: Floats = shifted - shifted.mean(axis=axis, keepdims=True)
    return centred


def _coefficients(term: Term, shape: tuple[int, ...]) -> dict[Term, float]:
    """Return the coefficients of the mean squares in the estimate of a component."""
    *sizes, replicates = shape
    values_of_a_cell: Term = (len(sizes),)
    if term == values_of_a_cell:
        return {term: 1.0}
    others = [axis for axis in range(len(sizes)) if axis not in term]
    each = replicates * math.prod(sizes[axis] for axis in others)
    found = {
        tuple(sorted((*term, *more))): (-1) ** size / each
        for size in range(len(others) + 1)
        for more in itertools.combinations(others, size)
    }
    return found | ({values_of_a_cell: -1 / each} if not others and replicates > 1 else {})


def limits(parts: Sequence[tuple[float, MeanSquare]], level: float) -> tuple[float, float]:
    """Return the interval of a sum of mean squares with coefficients of either sign.

    Parameters
    ----------
    parts : sequence of (float, MeanSquare)
        Independent mean squares, each with its coefficient, which is not 0.
    level : float
        Level of the two-sided interval.

    Returns
    -------
    tuple of float
        Exact for one mean square, else the modified large-sample interval; not cut at zero.
    """
    alpha = (1 - level) / 2
    scale = max(abs(k) * square.value for k, square in parts)
    if scale == 0:
        return 0.0, 0.0
    terms = [(k * (square.value / scale), square.df, k > 0) for k, square in parts]
    estimate = math.fsum(weight for weight, _, _ in terms)
    mirrored = [(-weight, df, not positive) for weight, df, positive in terms]
    return scale * (estimate - _below(terms, alpha)), scale * (estimate + _below(mirrored, alpha))


def _below(terms: Sequence[tuple[float, int, bool]], alpha: float) -> float:
    """Return how far below an estimate its lower limit lies; formulas in the module's head.

    A positive term may be smaller than it seems (G), a negative one larger (H).
    """
    from scipy.special import chdtri, fdtri

    def shrinks(df: int) -> float:
        return 1 - float(df / chdtri(df, alpha))

    def grows(df: int) -> float:
        return float(df / chdtri(df, 1 - alpha)) - 1

    reach = [shrinks(df) if positive else grows(df) for _, df, positive in terms]
    square = math.fsum((each * weight) ** 2 for each, (weight, _, _) in zip(reach, terms, strict=True))
    count = sum(positive for _, _, positive in terms)
    for (one, first), (other, second) in itertools.combinations(enumerate(terms), 2):
        pair = abs(first[0] * second[0])
        if first[2] != second[2]:
            plus, minus = (one, other) if first[2] else (other, one)
            f = float(fdtri(terms[plus][1], terms[minus][1], 1 - alpha))
            square += pair * ((f - 1) ** 2 - (reach[plus] * f) ** 2 - reach[minus] ** 2) / f
        elif first[2] and count < len(terms):
            ours, theirs = first[1], second[1]
            both = (shrinks(ours + theirs) * (ours + theirs)) ** 2 / (ours * theirs)
            each = reach[one] ** 2 * ours / theirs + reach[other] ** 2 * theirs / ours
            square += pair * (both - each) / (count - 1)
    return math.sqrt(max(0.0, square))


def _shares(
    squares: dict[Term, MeanSquare], estimates: dict[Term, dict[Term, float]], level: float, seed: int
) -> dict[Term, tuple[float, float]]:
    """Return the generalised interval of each component's share of the total."""
    random = np.random.default_rng(seed)
    largest = max(square.value for square in squares.values())
    drawn = {
        term: square.df * (square.value / largest) / random.chisquare(square.df, DRAWS)
        for term, square in squares.items()
    }
    made = np.array([sum(k * drawn[other] for other, k in of.items()) for of in estimates.values()])
    total = made.sum(axis=0)
    shares = np.divide(made, total, out=np.zeros_like(made), where=total > 0)
    shares = np.clip(shares, 0, 1)
    lows, highs = np.quantile(shares, ((1 - level) / 2, (1 + level) / 2), axis=1)
    return {term: (float(low), float(high)) for term, low, high in zip(estimates, lows, highs, strict=True)}

r"""Which relation holds between a column of values made elsewhere and a function of ours.

With x our values of a function and y the values of a column made elsewhere, a relation y = a x + b holds when

.. math:: |y_i - (a x_i + b)| \le h_i + \tau\,|a|\,(\max x - \min x) + \epsilon\,(|a| \max|x| + |b|)

for every atom i.

======  ==============  ==============================================================================
symbol  name            meaning
======  ==============  ==============================================================================
h_i     ``resolution``  what printing (or storing in float32) may have changed, see :mod:`bpbench.agreement.printing`
τ       ``TOLERANCE``   share of the function's spread that other programs' rounding may take
ε       ``rounding``    rounding of our values: of double precision, or of single where they were stored so
======  ==============  ==============================================================================

A relation with fitted a counts only where the function has two different values or more, with fitted a and b three or
more: through fewer points it would hold for any column.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt

from bpbench.agreement.printing import SAMPLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bpbench.features import Feature

Floats = npt.NDArray[np.float64]
Kind = Literal["match", "near", "factor", "affine", "moved", "undetermined", "other"]

TOLERANCE: Final = 1e-8
ROUNDING: Final = 1e-12
SINGLE: Final = 2.0**-24
#: Below this share of the spread a difference is called near: another value of the Bohr, a shorter cutoff list.
NEAR: Final = 1e-3
#: A function whose spread is below this share of its values does not vary at all.
FLAT: Final = 1e-9
#: Atoms by which a column is ranked with all functions.
_CORRELATED: Final = 2048
#: Different values that a function needs before it is taken for the origin of a column it does not stand beside.
ENOUGH: Final = 5


@dataclass(frozen=True, slots=True)
class Known:
    """Our values of D functions with what is asked of them again and again.

    Attributes
    ----------
    values : ndarray, shape (A, D)
        Ours.
    ranges, sizes : ndarray, shape (D,)
        Range, and largest absolute value, of each function.
    sample : ndarray, shape (a, D)
        Some rows, each column with mean 0 and length 1.
    names : tuple of str
        Of the functions.
    functions : tuple of Feature or None
        The functions themselves.
    rounding : float
        Share of its size by which a value of ours may be rounded.
    """

    values: Floats
    ranges: Floats
    sizes: Floats
    sample: Floats
    names: tuple[str, ...]
    functions: tuple[Feature, ...] | None
    rounding: float = ROUNDING

    @classmethod
    def of(
        cls,
        values: Floats,
        names: Sequence[str],
        functions: Sequence[Feature] | None,
        *,
        rounding: float = ROUNDING,
    ) -> Known:
        """Gather what will be asked of our values, shape (A, D)."""
        return cls(
            values=values,
            ranges=np.ptp(values, axis=0),
            sizes=np.abs(values).max(axis=0),
            sample=_standardised(values[:: max(1, len(values) // _CORRELATED)]),
            names=tuple(names),
            functions=None if functions is None else tuple(functions),
            rounding=rounding,
        )

    def spread(self, number: int) -> float:
        """Return the range of a function; 0 where it does not vary."""
        wide = float(self.ranges[number])
        return wide if wide > FLAT * float(self.sizes[number]) else 0.0

    def different(self, number: int) -> int:
        """Return how many different values a function has, at most :data:`ENOUGH`."""
        wide = self.spread(number)
        if not wide:
            return 1
        # A few hundred atoms nearly always have enough; only where they have not, all are sorted.
        for step in (max(1, len(self.values) // SAMPLE), 1):
            steps = np.diff(np.sort(self.values[::step, number])) > 1e-6 * wide
            found = 1 + int(np.count_nonzero(steps))
            if found >= ENOUGH:
                return ENOUGH
        return found


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation y = a x + b that holds.

    Attributes
    ----------
    kind : str
        ``match``, ``factor``, ``affine`` or ``near``.
    factor, offset : float
        a and b.
    deviation : float
        Largest deviation as a share of the spread of a x.
    """

    kind: Kind
    factor: float
    offset: float
    deviation: float


Found = tuple[int, Relation]  # the function that explains a column, and how


def same(known: Known, partner: int | None, y: Floats, h: Floats) -> Found | None:
    """Return the function that a column equals: its partner, or else another.

    Parameters
    ----------
    known : Known
        Our values.
    partner : int or None
        Number of the function that should stand there.
    y, h : ndarray, shape (A,)
        The column, and how far printing may have moved each value.
    """
    own = None if partner is None else _equal(known, partner, y, h)
    return _same_as_another(known, y, h) if own is None else own


def _holds(known: Known, number: int, y: Floats, h: Floats, a: float, b: float) -> float | None:
    """Return the largest deviation from y = a x + b as a share of a's spread, or ``None`` where it does not hold."""
    x = known.values[:, number]
    spread, size = known.spread(number), float(known.sizes[number])
    digits = 1.02 if (a, b) == (1.0, 0.0) else 2.04  # a fit through rounded values may lie half a digit off itself
    allowed = digits * h + TOLERANCE * abs(a) * spread + known.rounding * (abs(a) * size + abs(b))
    off = np.abs(y - (a * x + b))
    return float(off.max()) / (abs(a) * (spread or size or 1.0)) if (off <= allowed).all() else None


def _equal(known: Known, number: int, y: Floats, h: Floats) -> Found | None:
    off = _holds(known, number, y, h, 1.0, 0.0)
    return None if off is None else (number, Relation("match", 1.0, 0.0, off))


def fitted(known: Known, number: int | None, y: Floats, h: Floats) -> Found | None:
    """Return the factor, or else the factor and offset, that lead from a function to a column.

    Parameters
    ----------
    known : Known
        Our values.
    number : int or None
        Of the function.
    y, h : ndarray, shape (A,)
        The column, and how far printing may have moved each value.
    """
    if number is None or known.different(number) < 2:
        return None
    x = known.values[:, number]
    a = float(x @ y) / float(x @ x)
    off = _holds(known, number, y, h, a, 0.0) if a else None
    if off is not None:
        return number, Relation("factor", a, 0.0, off)
    centred = x - x.mean()
    a = float(centred @ (y - y.mean())) / float(centred @ centred)
    b = float(y.mean()) - a * float(x.mean())
    # A table that hardly varies beside its own rounding follows anything.
    varies = known.different(number) >= 3 and float(np.ptp(y)) > 10 * float(h.max())
    off = _holds(known, number, y, h, a, b) if a and varies else None
    return None if off is None else (number, Relation("affine", a, b, off))


def two_points(known: Known, number: int, y: Floats, h: Floats) -> bool:
    """Return whether a factor and an offset fit only because there are no more than two different values.

    Parameters
    ----------
    known : Known
        Our values.
    number : int
        Of the function.
    y, h : ndarray, shape (A,)
        The column, and how far printing may have moved each value.
    """
    different = known.different(number)
    if different > 2:
        return False
    x = known.values[:, number]
    high = x > x.min() + known.spread(number) / 2
    near = 2 * float(h.max()) + known.rounding * float(np.abs(y).max()) + TOLERANCE * float(np.ptp(y))
    return all(float(np.ptp(y[part])) <= near for part in (high, ~high) if part.any())


# --------------------------------------------------------------------------------------------------- another function


def _same_as_another(known: Known, y: Floats, h: Floats) -> Found | None:
    if np.abs(y).max() <= 2 * h.max():
        return None
    rows = slice(None, None, max(1, len(y) // 64))
    x = known.values[rows]
    # A quick look at few rows; what passes is looked at in full.
    allowed = 1.02 * h[rows, None] + 1.1 * TOLERANCE * known.ranges + 1.1 * known.rounding * known.sizes
    likely = np.flatnonzero((np.abs(x - y[rows, None]) <= allowed).all(axis=0))
    found = [told for number in likely if (told := _equal(known, int(number), y, h)) is not None]
    return min(found, key=lambda item: item[1].deviation, default=None)


def follows_another(known: Known, y: Floats, h: Floats) -> Found | None:
    """Return the function of which a column is a factor, or else a factor and an offset, away.

    Parameters
    ----------
    known : Known
        Our values.
    y, h : ndarray, shape (A,)
        The column, and how far printing may have moved each value.
    """
    likely = [number for number in by_correlation(known, y) if known.different(number) >= ENOUGH]
    found = [told for number in likely if (told := fitted(known, number, y, h)) is not None]
    return min(found, key=lambda item: (item[1].kind != "factor", item[1].deviation), default=None)


def by_correlation(known: Known, y: Floats, most: int = 5) -> list[int]:
    """Return the functions that follow a column most closely, the closest first, by a sample of the atoms.

    Parameters
    ----------
    known : Known
        Our values.
    y : ndarray, shape (A,)
        The column.
    most : int
        How many to return at most.
    """
    column = _standardised(y[:: max(1, len(y) // _CORRELATED), None])[:, 0]
    strength = np.abs(column @ known.sample)
    ranked = np.argsort(-strength, kind="stable")[:most]
    return [int(number) for number in ranked if strength[number] > 0]


def _standardised(values: Floats) -> Floats:
    """Return columns of mean 0 and length 1, so that products are correlations; 0 where they do not vary."""
    centred = values - values.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    varies = (np.ptp(values, axis=0) > FLAT * np.abs(values).max(axis=0)) & (length > 0)
    made: Floats = centred * np.where(varies, 1.0 / np.where(varies, length, 1.0), 0.0)
    return made


def almost(known: Known, number: int, y: Floats) -> Relation | None:
    """Return the relation that holds but for :data:`NEAR` of the spread, the plainest first.

    Parameters
    ----------
    known : Known
        Our values.
    number : int
        Of the function.
    y : ndarray, shape (A,)
        The column.
    """
    x, spread = known.values[:, number], known.spread(number)
    if known.different(number) < ENOUGH:
        return None
    centred = x - x.mean()
    slope = float(centred @ (y - y.mean())) / float(centred @ centred)
    through = float(x @ y) / float(x @ x)
    for a, b in ((1.0, 0.0), (through, 0.0), (slope, float(y.mean()) - slope * float(x.mean()))):
        off = float(np.abs(y - (a * x + b)).max()) / (abs(a) * spread) if a else math.inf
        if off <= NEAR:
            return Relation("near", a, b, off)
    return None

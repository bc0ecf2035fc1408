r"""What a design could detect, before it is run.

=========  ======================  ==========================================================================
symbol     name in code            meaning
=========  ======================  ==========================================================================
n                                  independent repeats
σ          ``sd_difference``       standard deviation of the paired differences
ρ          ``test_to_train``       n_test/n_train of overlapping splits, 0 for independent repeats
d_z        ``dz``                  true mean difference / σ
λ          ``noncentrality``       d_z / √(1/n + ρ)
ν          ``df``                  degrees of freedom, n - 1
=========  ======================  ==========================================================================

Under normal differences t follows the noncentral t distribution t'(ν, λ), so a two-sided test at α has power
P(t' > t_{1-α/2}) + P(t' < -t_{1-α/2}). For a family, α is the level of the correction's first step
(:func:`bpbench.statistics.corrections.first_step_alpha`). Under ρ > 0, d_z never falls below about λ √ρ, however many
repeats are added: overlapping splits run out of new information.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from bpbench.errors import StatisticsError

if TYPE_CHECKING:
    from collections.abc import Callable


#: Beyond so many degrees of freedom the t distribution is the normal one.
_NORMAL: Final = 1e7


def _check(n: int, alpha: float, power: float | None = None, test_to_train: float | None = None) -> None:
    if n < 2:
        raise StatisticsError(f"Power needs at least 2 independent repeats, found {n}; one repeat shows no spread.")
    if not 0 < alpha < 1:
        raise StatisticsError(f"alpha must lie between 0 and 1, found {alpha!r}.")
    if power is not None and not alpha < power < 1:
        raise StatisticsError(f"power must lie between alpha ({alpha:g}) and 1, found {power!r}.")
    if test_to_train is not None and not 0 <= test_to_train < math.inf:
        raise StatisticsError(f"test_to_train must be a number that is not negative, found {test_to_train!r}.")


def _require_finite(*sizes: float) -> None:
    """Refuse what is no number: ``min(1.0, nan)`` is 1.0, which would be told as certainty."""
    for size in sizes:
        if not math.isfinite(size):
            raise StatisticsError(f"A difference in standard errors is a finite number, found {size!r}.")


def unit_se(n: int, test_to_train: float | None) -> float:
    """Return SE/σ = √(1/n + ρ) of n repeats; ρ is ``None`` or 0 for independent ones."""
    return math.sqrt(1 / n + (test_to_train or 0.0))


def power_at(noncentrality: float, df: float, alpha: float) -> float:
    """Return the power of a two-sided t test.

    Parameters
    ----------
    noncentrality : float
        λ, the true difference divided by its standard error.
    df : float
        ν.
    alpha : float
        Level of the test.

    Raises
    ------
    StatisticsError
        For a noncentrality that is no finite number.
    """
    from scipy.special import stdtrit

    _require_finite(noncentrality)
    size, critical = abs(noncentrality), float(stdtrit(df, 1 - alpha / 2))
    # P(T ≥ t; λ) = P(T ≤ -t; -λ)
    return min(1.0, noncentral_t(-critical, df, -size) + noncentral_t(-critical, df, size))


def root(function: Callable[[float], float], start: float) -> float:
    """Return where a rising function of a positive number is zero.

    Parameters
    ----------
    function : callable
        Of one positive number; negative near zero, positive far from it.
    start : float
        A guess.
    """
    from scipy.optimize import brentq

    high = start
    while function(high) < 0:
        high *= 2
    low = min(start, high / 2)
    while function(low) > 0:
        low /= 2
    return float(brentq(function, low, high, xtol=1e-12, rtol=1e-12))


@lru_cache(maxsize=256)
def detectable_noncentrality(df: float, *, alpha: float, power: float) -> float:
    """Return λ, the true difference in standard errors, that a two-sided t test finds with that power.

    Parameters
    ----------
    df : float
        ν.
    alpha : float
        Level of the test.
    power : float
        Above alpha, below 1.
    """
    return root(lambda size: power_at(size, df, alpha) - power, 3.0)


def detectable_dz(n: int, *, alpha: float, power: float = 0.8, test_to_train: float | None = None) -> float:
    """Return the smallest |d_z| that the two-sided t test finds with that power.

    Parameters
    ----------
    n : int
        Independent repeats, at least 2.
    alpha : float
        Level of the test; in a family, that of the correction's first step.
    power : float
        Above alpha, below 1.
    test_to_train : float, optional
        ρ of the Nadeau-Bengio test.

    Raises
    ------
    StatisticsError
        For an n below 2 or an impossible level.
    """
    _check(n, alpha, power, test_to_train)
    return detectable_noncentrality(n - 1, alpha=alpha, power=power) * unit_se(n, test_to_train)


def detectable(
    sd_difference: float, n: int, *, alpha: float, power: float = 0.8, test_to_train: float | None = None
) -> float:
    """Return the smallest |difference| that the two-sided t test finds with that power, in the metric's unit.

    Parameters
    ----------
    sd_difference : float
        σ, from a pilot or an upper limit; not negative.
    n, alpha, power, test_to_train
        As in :func:`detectable_dz`.

    Raises
    ------
    StatisticsError
        For a negative spread, an n below 2 or an impossible level.
    """
    if not 0 <= sd_difference < math.inf:
        raise StatisticsError(f"A standard deviation is a number that is not negative, found {sd_difference!r}.")
    return sd_difference * detectable_dz(n, alpha=alpha, power=power, test_to_train=test_to_train)


def power_equivalence(low: float, high: float, df: float, *, alpha: float) -> float:
    r"""Return the exact power of two one-sided t tests.

    With x = s/σ, which follows χ_ν/√ν with density f, and c = t_{1-α}(ν):

        power = ∫ max(0, Φ(high - c x) - Φ(low + c x)) f(x) dx,   0 < x < (high - low)/(2c)

    Parameters
    ----------
    low, high : float
        Distances from the true difference to the lower and upper margin, in *true* standard errors of the
        difference; ``low`` is negative inside the margins, zero on the lower one.
    df : float
        ν.
    alpha : float
        Level of each one-sided test.

    Raises
    ------
    StatisticsError
        For a distance that is no finite number.

    Notes
    -----
    Owen's bivariate form as one integral; checked against PowerTOST (R) in the tests.
    """
    from scipy.special import ndtr, stdtrit

    _require_finite(low, high)
    critical = float(stdtrit(df, 1 - alpha))
    if df > _NORMAL:
        return max(0.0, float(ndtr(high - critical) - ndtr(low + critical)))
    edge = (high - low) / (2 * critical)
    return _over_spread(lambda x: float(ndtr(high - critical * x) - ndtr(low + critical * x)), df, edge)


def _over_spread(function: Callable[[float], float], df: float, edge: float = math.inf) -> float:
    """Return the mean of a function of x = s/σ, which follows χ_ν/√ν.

    Parameters
    ----------
    function : callable
        Of x.
    df : float
        ν, at most :data:`_NORMAL`: beyond, the constant of the density has too few digits.
    edge : float
        Where the function ends: beyond, it is taken to be zero.
    """
    from scipy.integrate import quad
    from scipy.special import gammaln

    constant = math.log(2) + df / 2 * math.log(df / 2) - float(gammaln(df / 2))

    def integrand(x: float) -> float:
        return function(x) * math.exp(constant + (df - 1) * math.log(x) - df * x * x / 2) if x > 0 else 0.0

    # f is narrow (about 1/√(2ν)) around 1; splitting there keeps the quadrature from missing it
    width = 1 / math.sqrt(2 * df)
    end = min(edge, 1 + 12 * width)
    places = (1 - 8 * width, 1 - 2 * width, 1.0, 1 + 2 * width)
    corners = [0.0, *(place for place in places if 0 < place < end), end]
    return math.fsum(quad(integrand, a, b, epsabs=1e-12)[0] for a, b in pairwise(corners))


def noncentral_t(t: float, df: float, noncentrality: float) -> float:
    """Return P(T ≤ t) of the noncentral t distribution.

    Parameters
    ----------
    t : float
        Any finite number.
    df : float
        ν.
    noncentrality : float
        λ.

    Raises
    ------
    StatisticsError
        For a t or λ that is no finite number.

    Notes
    -----
    scipy's, which is not a number far from the middle; there P = ∫ Φ(t x - λ) f(x) dx, with f as in
    :func:`power_equivalence`.
    """
    from scipy.special import ndtr
    from scipy.stats import nct

    _require_finite(t, noncentrality)
    found = float(nct.cdf(t, df, noncentrality))
    if math.isfinite(found):
        return found
    if df > _NORMAL:
        return float(ndtr((t - noncentrality) / math.hypot(1, t / math.sqrt(2 * df))))
    return min(1.0, _over_spread(lambda x: float(ndtr(t * x - noncentrality)), df))


def sd_for_equivalence(
    n: int, margin: float, alpha: float, power: float = 0.8, *, test_to_train: float | None = None
) -> float:
    """Return the largest σ with which equivalence would be concluded at a true difference of zero.

    Parameters
    ----------
    n : int
        Independent repeats, at least 2.
    margin : float
        Largest absolute difference that does not matter, in the metric's unit.
    alpha : float
        Level of each one-sided test; in a family, that of the correction's first step; below 0.5.
    power : float
        Probability with which equivalence is concluded.
    test_to_train : float, optional
        ρ of the Nadeau-Bengio test.

    Returns
    -------
    float
        In the metric's unit: compare it with the spread of a pilot.

    Raises
    ------
    StatisticsError
        For an n below 2, an impossible level or a margin that is not positive.
    """
    _check(n, alpha, power, test_to_train)
    if alpha >= 0.5:
        raise StatisticsError(f"alpha must lie between 0 and 0.5, found {alpha!r}.")
    if not 0 < margin < math.inf:
        raise StatisticsError(f"A margin is a positive number in the metric's unit, found {margin!r}.")
    reach = root(lambda size: power_equivalence(-size, size, n - 1, alpha=alpha) - power, 3.0)
    return margin / (reach * unit_se(n, test_to_train))

r"""Reserves: how well a held-out set can tell two contestants apart, before and after they are scored on it.

A reserve of B independent blocks (stretches of a trajectory, structures of their own) gives one mean squared error m_b
of each contestant in each block; the atoms and frames of one block err together. Where the error of a block is one
Gaussian number e_b of variance σ², m_b = e_b² has the mean σ² and the variance 2σ⁴. So has

======================================  ====================  ======================================================
quantity                                standard error        since
======================================  ====================  ======================================================
MSE = Σ_b m_b/B, as a share of itself   √(2/B)                var(Σ m_b/B) = 2σ⁴/B
RMSE, as a share of itself              1/√(2B)               d ln RMSE = ½ d ln MSE
ln(RMSE_a/RMSE_b)                       √((1 - r)/B)          ¼ (2/B + 2/B - 2r 2/B), r the correlation of m_a and m_b
======================================  ====================  ======================================================

Errors that vary within a block make a reserve better than that, blocks that differ from each other (a hot one, a
defect) worse: this is for planning. Afterwards, the blocks themselves say it (:func:`observed_error`), by the jackknife
that leaves out one block at a time (Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 11):

    SE² = (B-1)/B Σ_b (θ_(b) - θ̄)²,    θ = RMSE_a - RMSE_b,    RMSE = √(Σ_b w_b m_b / Σ_b w_b)

=============  ======================  ===========================================================================
symbol         name in code            meaning
=============  ======================  ===========================================================================
w_b            ``weights``             how much block b holds: atoms, frames or force components
θ_(b), θ̄                               θ without block b, and the mean of these
=============  ======================  ===========================================================================
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bpbench.errors import StatisticsError
from bpbench.statistics.samples import LARGEST

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ObservedError:
    """Two contestants on one reserve, in the unit of their errors.

    Attributes
    ----------
    blocks : int
        B.
    rmse_a, rmse_b, difference : float
        Over the whole reserve, and a minus b.
    se : float
        Standard error of the difference by the jackknife over blocks.
    """

    blocks: int
    rmse_a: float
    rmse_b: float
    difference: float
    se: float


def relative_error(blocks: int, correlation: float | None = None) -> float:
    """Return how well a reserve tells an RMSE, or the ratio of two, as a share of it.

    Parameters
    ----------
    blocks : int
        B, at least 1.
    correlation : float, optional
        r of the squared errors of two contestants, from -1 to 1: then that of the logarithm of their ratio.

    Returns
    -------
    float
        1/√(2B) without a correlation, √((1 - r)/B) with one.

    Raises
    ------
    StatisticsError
        For a number that cannot be.
    """
    if blocks < 1:
        raise StatisticsError(f"A reserve has at least 1 independent block, found {blocks}.")
    if correlation is None:
        return 1 / math.sqrt(2 * blocks)
    _require_correlation(correlation)
    return math.sqrt((1 - correlation) / blocks)


def blocks_for(margin_relative: float, correlation: float = 0.0, level: float = 0.95) -> int:
    """Return how many independent blocks tell two RMSEs apart that differ by a margin.

    So many that the interval of ln(RMSE_a/RMSE_b) reaches no farther than ln(1 + margin) to either side:
    z² (1 - r) / ln²(1 + margin).

    Parameters
    ----------
    margin_relative : float
        Largest difference that does not matter, as a share of the RMSE; positive.
    correlation : float
        r of the squared errors of the two; 0 is cautious, as contestants tend to fail on the same blocks.
    level : float
        Two-sided, of the interval; z is its normal quantile.

    Raises
    ------
    StatisticsError
        For a number that cannot be.
    """
    from scipy.special import ndtri

    if not 0 < margin_relative < math.inf:
        raise StatisticsError(f"A relative margin is a positive number, found {margin_relative!r}.")
    _require_correlation(correlation)
    if not 0 < level < 1:
        raise StatisticsError(f"The level of an interval lies between 0 and 1, found {level!r}.")
    z = float(ndtri((1 + level) / 2))
    return max(1, math.ceil((1 - correlation) * (z / math.log1p(margin_relative)) ** 2))


def observed_error(sq_errors_a: Array, sq_errors_b: Array, weights: Array | None = None) -> ObservedError:
    """Return the difference of two RMSEs on one reserve, and how well its blocks determine it.

    Parameters
    ----------
    sq_errors_a, sq_errors_b : ndarray, shape (B,)
        m_b of both contestants: mean squared error in each of B ≥ 2 blocks, in the same order.
    weights : ndarray, shape (B,), optional
        w_b, positive; all alike if left out.

    Raises
    ------
    StatisticsError
        For arrays that do not match, fewer than two blocks, or an error or weight that cannot be.
    """
    errors = [np.array(some, dtype=np.float64) for some in (sq_errors_a, sq_errors_b)]
    blocks = errors[0].size
    given = np.ones(blocks) if weights is None else np.array(weights, dtype=np.float64)
    shapes = [some.shape for some in (*errors, given)]
    if any(shape != (blocks,) for shape in shapes) or blocks < 2:
        raise StatisticsError(
            "The error of a reserve needs one squared error of each contestant, and one weight, in each of at least 2 "
            f"blocks; found shapes {', '.join(map(str, shapes))}."
        )
    for values, what, fits in (
        (errors[0], "A mean squared error is a number from 0", errors[0] >= 0),
        (errors[1], "A mean squared error is a number from 0", errors[1] >= 0),
        (given, "The weight of a block is a positive number", given > 0),
    ):
        wrong = np.flatnonzero(~(fits & (values <= LARGEST)))
        if wrong.size:
            place = int(wrong[0])
            raise StatisticsError(
                f"{what} up to {LARGEST:g}, found {values[place]:g} in block {place + 1} of {blocks}."
            )
    given /= given.sum()
    rmse_a, rmse_b = (math.sqrt(float(given @ some)) for some in errors)
    left_out = _without_each(errors[0], given) - _without_each(errors[1], given)
    se = math.sqrt((blocks - 1) / blocks * float(np.sum((left_out - left_out.mean()) ** 2)))
    return ObservedError(blocks, rmse_a, rmse_b, rmse_a - rmse_b, se)


def _without_each(squared: Array, weights: Array) -> Array:
    """Return the RMSE without each block in turn."""
    weighted = weights * squared
    # sums of what stands before and behind, as the whole less a block that holds nearly all of it would be rounding
    rest, mass = (_sum_of_others(some) for some in (weighted, weights))
    return np.asarray(np.sqrt(rest / mass), dtype=np.float64)


def _sum_of_others(values: Array) -> Array:
    before = np.concatenate(([0.0], np.cumsum(values)[:-1]))
    behind = np.concatenate((np.cumsum(values[::-1])[::-1][1:], [0.0]))
    return np.asarray(before + behind, dtype=np.float64)


def _require_correlation(correlation: float) -> None:
    if not -1 <= correlation <= 1:
        raise StatisticsError(f"A correlation lies between -1 and 1, found {correlation!r}.")

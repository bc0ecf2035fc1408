"""Why a column of values differs from ours by a factor or an offset: conventions of counting, cutoffs and scaling."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bpbench.features import G2, G4

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bpbench.features import Feature

Floats = npt.NDArray[np.float64]


def of_factor(factor: float, function: Feature, slack: float) -> Iterator[str]:
    """Yield what is known to bring such a factor; several may.

    Parameters
    ----------
    factor : float
        Their values divided by ours.
    function : G2, G4 or G5
        Ours.
    slack : float
        Share of the factor by which it may be off.
    """
    known: list[tuple[float, str]] = [(-1.0, "the sign is turned")]
    cutoffs = 1 if isinstance(function, G2) else 3 if isinstance(function, G4) else 2
    if isinstance(function, G2):
        known.append((2.0, "every neighbour is counted twice"))
    else:
        zeta, missing = function.zeta, "the prefactor 2^(1-ζ) is missing"
        known += [(2.0, "every pair of neighbours is counted twice"), (0.5, "the prefactor is 2^-ζ, not 2^(1-ζ)")]
        if zeta > 1:
            known.append((2 ** (zeta - 1), f"{missing} (ζ = {zeta:g})"))
            known.append((2**zeta, f"{missing} and every pair counted twice (ζ = {zeta:g})"))
    one = math.tanh(1.0) ** (3 * cutoffs)
    other = {"cos": 2.0**cutoffs, "tanh3": 1 / one, "tanh3-one": one}.get(function.cutoff)
    if other is not None:
        half = function.cutoff == "cos"
        known.append((other, "the ½ of the cutoff function is missing" if half else "the other tanh³ cutoff is used"))
    yield from (reason for value, reason in known if math.isclose(factor, value, rel_tol=slack))


def of_scaling(factor: float, y: Floats, slack: float) -> Iterator[str]:
    """Yield which scaling of a column would leave such values.

    Parameters
    ----------
    factor : float
        Of the relation between their values and ours.
    y : ndarray, shape (A,)
        Their values.
    slack : float
        Share of the factor by which it may be off.
    """
    low, high, mean, wide = float(y.min()), float(y.max()), float(y.mean()), float(np.ptp(y))
    sds = (float(y.std()), float(y.std(ddof=1)))

    def is_(value: float, wanted: float) -> bool:
        return abs(value - wanted) <= 1e-5 * max(wide, 1.0)

    centred = is_(mean, 0.0)
    if math.isclose(factor, 1.0, rel_tol=slack):
        yield "the mean of these atoms is subtracted" if centred else "a constant is added"
    elif is_(low, 0.0) and is_(high, 1.0):
        yield "scaled to 0 … 1 by the least and largest value of these atoms"
    elif is_(low, -1.0) and is_(high, 1.0):
        yield "scaled to -1 … 1 by the least and largest value of these atoms"
    elif centred and any(is_(sd, 1.0) for sd in sds):
        yield "standardised with mean and standard deviation of these atoms"
    elif centred and is_(wide, 1.0):
        yield "centred and divided by the range of these atoms (n2p2's scale and center)"
    else:
        yield "scaled with constants that are not those of these atoms, perhaps of a training set"

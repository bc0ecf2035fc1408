r"""At which level each further look at new evidence is judged, so that all looks together err no more often than one.

    α_k = α γ_k,   γ_k = 6/(π² k²),   Σ_{k ≥ 1} γ_k = 1

=========  ============  ==========================================================================================
symbol     name          meaning
=========  ============  ==========================================================================================
α          ``alpha``     probability that any look at all wrongly adopts
k          ``k``         number of a look, from 1 on
α_k        ``level``     level of look k
γ_k                      its share of α
ζ(2, a)                  Hurwitz zeta function, Σ_{j ≥ 0} 1/(j + a)²
=========  ============  ==========================================================================================

A look is a test of new evidence: another candidate, more repeats of the same one, another question to the same repeats.
The probability that any of them wrongly adopts is at most the sum of theirs, whatever they have in common, so it is at
most α however many follow, and nobody need say beforehand how many there will be. It is Bonferroni's correction of a
list without an end: *alpha-spending* of Foster & Stine (J. R. Stat. Soc. B 70 (2008) 429), *online Bonferroni* of
Tian & Ramdas (Stat. Methods Med. Res. 30 (2021) 976). The shares sum to 1 as Σ 1/k² = π²/6 (Euler 1735); what k looks
have spent is α (1 - (6/π²) ζ(2, k + 1)). Shares that fall more slowly would leave more to late looks and less to the
first.
"""

from __future__ import annotations

import math
from typing import Final

from bpbench.errors import StatisticsError

#: 1/Σ 1/k².
_SHARE: Final = 6 / math.pi**2


def _require_look(alpha: float, k: int) -> None:
    if not 0 < alpha < 0.5:
        raise StatisticsError(f"alpha must lie between 0 and 0.5, found {alpha!r}.")
    if not 1 <= k < math.inf or k != int(k):
        raise StatisticsError(f"Looks are counted from 1 on in whole numbers, found {k!r}.")


def level(alpha: float, k: int) -> float:
    """Return the level at which a look is judged.

    Parameters
    ----------
    alpha : float
        α, between 0 and 0.5.
    k : int
        Number of the look, 1 for the first.

    Returns
    -------
    float
        α_k.

    Raises
    ------
    StatisticsError
        For a k below 1 or an impossible alpha.
    """
    _require_look(alpha, k)
    return alpha * _SHARE / k**2


def spent(alpha: float, k: int) -> float:
    """Return what the first looks have spent together.

    Parameters
    ----------
    alpha, k
        As in :func:`level`.

    Returns
    -------
    float
        α_1 + … + α_k, below alpha.

    Raises
    ------
    StatisticsError
        For a k below 1 or an impossible alpha.
    """
    from scipy.special import zeta

    _require_look(alpha, k)
    return alpha * (1 - _SHARE * float(zeta(2, k + 1)))

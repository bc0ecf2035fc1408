"""Corrections of a family's p-values, and the level that a family's smallest p must meet.

Every method is statsmodels' ``multipletests``, always called with the method's name: its own default is Holm-Šidák,
which nobody here means.
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from bpbench.errors import StatisticsError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Our names, and those of statsmodels.
METHODS: Final[Mapping[str, str]] = MappingProxyType(
    {"holm": "holm", "bonferroni": "bonferroni", "hommel": "hommel", "bh": "fdr_bh", "by": "fdr_by"}
)


def _known_method(method: str) -> str:
    try:
        return METHODS[method]
    except KeyError:
        raise StatisticsError(f"There is no correction '{method}'{nearest(method, METHODS)}") from None


def _known_family(m: int, alpha: float) -> None:
    if m < 1:
        raise StatisticsError(f"A family holds at least one comparison, found {m}.")
    if not 0 < alpha < 1:
        raise StatisticsError(f"alpha must lie between 0 and 1, found {alpha!r}.")


def adjust(p: Sequence[float | None], method: str) -> tuple[float | None, ...]:
    """Return the adjusted p-values of a family, in its order.

    A member without a p (``None``) gets none, but it still counts: the family keeps its declared size, as if that
    member had p = 1. A comparison that failed therefore never makes its neighbours look better (conservative).

    Parameters
    ----------
    p : sequence of float or None
        Two-sided or one-sided p-values between 0 and 1, one per member of the declared family.
    method : str
        ``holm``, ``bonferroni``, ``hommel`` (family-wise error rate), ``bh`` or ``by`` (false discovery rate).

    Returns
    -------
    tuple of float or None
        Adjusted p-values: reject where they are at most alpha.

    Raises
    ------
    StatisticsError
        For an unknown method, or a p that is not between 0 and 1.
    """
    name = _known_method(method)
    for place, value in enumerate(p):
        if value is not None and not 0 <= value <= 1:
            raise StatisticsError(
                f"A p-value lies between 0 and 1, found {value!r} in place {place + 1} of {len(p)}; "
                "use None where a comparison has no p."
            )
    if all(value is None for value in p):
        return (None,) * len(p)

    from statsmodels.stats.multitest import multipletests

    adjusted = multipletests([1.0 if value is None else value for value in p], method=name)[1]
    return tuple(None if value is None else float(new) for value, new in zip(p, adjusted, strict=True))


def _harmonic(m: int) -> float:
    return math.fsum(1 / i for i in range(1, m + 1))


def first_step_alpha(method: str, m: int, alpha: float) -> float:
    """Return the level that the smallest p must meet when no other member of the family shows anything.

    α/m, and for Benjamini-Yekutieli α/(m Σ_{i≤m} 1/i). Power is reckoned at this level.

    Parameters
    ----------
    method : str
        A key of :data:`METHODS`.
    m : int
        Size of the family.
    alpha : float
        Its error rate.

    Raises
    ------
    StatisticsError
        For an unknown method, an empty family or an impossible alpha.
    """
    _known_method(method)
    _known_family(m, alpha)
    return alpha / (m * _harmonic(m)) if method == "by" else alpha / m


def reachable_alpha(method: str, m: int, alpha: float) -> float:
    """Return the level that the smallest p must meet in the most favourable case, when all members share it.

    Step-down methods (Holm, Bonferroni) still ask for α/m. Step-up methods need less when several members are small
    together: Hommel and Benjamini-Hochberg α, Benjamini-Yekutieli α/Σ_{i≤m} 1/i.

    Parameters
    ----------
    method : str
        A key of :data:`METHODS`.
    m : int
        Size of the family.
    alpha : float
        Its error rate.

    Raises
    ------
    StatisticsError
        For an unknown method, an empty family or an impossible alpha.
    """
    level = first_step_alpha(method, m, alpha)
    return level if method in {"holm", "bonferroni"} else level * m

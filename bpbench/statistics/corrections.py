r"""Corrections of a family's p-values, and the level that a family's smallest p must meet.

Every method but ``max-t`` is statsmodels' ``multipletests``, always called with the method's name (its own default is
Holm-Šidák), one iteration and the family's alpha (the adjusted p-values of ``tsbh`` belong to one alpha, and to no
other):

==============  ====================  =================================================================  =========
method          bounds                where it holds                                                     steps
==============  ====================  =================================================================  =========
``bonferroni``  family-wise error     always                                                             one
``holm``        family-wise error     always                                                             down
``sidak``       family-wise error     independent or positively dependent (two-sided normal: always)     one
``holm-sidak``  family-wise error     the same                                                           down
``hochberg``    family-wise error     independent or positively dependent                                up
``hommel``      family-wise error     the same                                                           closed
``max-t``       family-wise error     jointly symmetric differences, see :mod:`bpbench.statistics.maxt`  down
``bh``          false discovery rate  independent or positively dependent                                up
``by``          false discovery rate  always                                                             up
``tsbh``        false discovery rate  independent: at most α/(1 - α)                                     up, twice
==============  ====================  =================================================================  =========

``tsbh`` estimates the number of true null hypotheses by a first Benjamini-Hochberg step at α itself, as statsmodels
does; Benjamini, Krieger and Yekutieli (2006) prove the rate q for a first step at q/(1 + q), which is α for q = α/(1 -
α). ``max-t`` is no function of p-values: it needs the repeats.
"""

from __future__ import annotations

import gc
import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from bpbench.errors import StatisticsError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Our names, and those of statsmodels.
METHODS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "holm": "holm",
        "bonferroni": "bonferroni",
        "hochberg": "simes-hochberg",
        "hommel": "hommel",
        "sidak": "sidak",
        "holm-sidak": "holm-sidak",
        "bh": "fdr_bh",
        "by": "fdr_by",
        "tsbh": "fdr_tsbh",
    }
)
#: The correction that is made from the repeats and not from their p-values.
MAX_T: Final = "max-t"
#: Every correction that a family may declare.
CORRECTIONS: Final = (*METHODS, MAX_T)


def require_correction(method: str) -> None:
    """Refuse a correction that does not exist, with the nearest that does.

    Parameters
    ----------
    method : str
        One of :data:`CORRECTIONS`.

    Raises
    ------
    StatisticsError
        For an unknown name.
    """
    if method not in CORRECTIONS:
        raise StatisticsError(f"There is no correction '{method}'{nearest(method, CORRECTIONS)}")


def _known_family(m: int, alpha: float) -> None:
    if m < 1:
        raise StatisticsError(f"A family holds at least one comparison, found {m}.")
    if not 0 < alpha < 1:
        raise StatisticsError(f"alpha must lie between 0 and 1, found {alpha!r}.")


def adjust(p: Sequence[float | None], method: str, *, alpha: float = 0.05) -> tuple[float | None, ...]:
    """Return the adjusted p-values of a family, in its order.

    A member without a p (``None`` or NaN) gets the same back, but it still counts: the family keeps its declared size,
    as if that member had p = 1. A comparison that failed therefore never makes its neighbours look better
    (conservative).

    Parameters
    ----------
    p : sequence of float or None
        Two-sided or one-sided p-values between 0 and 1, one per member of the declared family.
    method : str
        A key of :data:`METHODS`.
    alpha : float
        Error rate of the family; the adjusted p-values of ``tsbh`` may be compared with this one alone, those of the
        other methods do not depend on it.

    Returns
    -------
    tuple of float or None
        Adjusted p-values: reject where they are at most alpha.

    Raises
    ------
    StatisticsError
        For an unknown method, an alpha or a p that is not between 0 and 1, or for ``max-t``, which needs the repeats.
    """
    require_correction(method)
    if method == MAX_T:
        raise StatisticsError(
            "The correction 'max-t' is made from the repeats and not from their p-values; expected one of "
            f"{', '.join(METHODS)}, or call bpbench.statistics.maxt.step_down."
        )
    if not 0 < alpha < 1:
        raise StatisticsError(f"alpha must lie between 0 and 1, found {alpha!r}.")
    known = [value is not None and not math.isnan(value) for value in p]
    for place, value in enumerate(p):
        if known[place] and not 0 <= float(value or 0.0) <= 1:
            raise StatisticsError(
                f"A p-value lies between 0 and 1, found {value!r} in place {place + 1} of {len(p)}; "
                "use None where a comparison has no p."
            )
    if not any(known):
        return tuple(p)

    from statsmodels.stats.multitest import multipletests

    filled = [1.0 if value is None or math.isnan(value) else value for value in p]
    gc.freeze()  # it looks through all garbage at every call, half a second among all that a report has drawn
    try:
        with np.errstate(divide="ignore"):  # Šidák's logarithm of 1 - p at p = 1
            adjusted = multipletests(filled, alpha=alpha, method=METHODS[method], maxiter=1, is_sorted=False)[1]
    finally:
        gc.unfreeze()
    return tuple(float(new) if has else value for value, new, has in zip(p, adjusted, known, strict=True))


def _harmonic(m: int) -> float:
    return math.fsum(1 / i for i in range(1, m + 1))


def first_step_alpha(method: str, m: int, alpha: float) -> float:
    """Return the level that the smallest p must meet when no other member of the family shows anything.

    α/m; for Benjamini-Yekutieli α/(m Σ_{i≤m} 1/i), for the two of Šidák 1 - (1 - α)^{1/m}. For ``max-t`` it depends on
    how the members go together, and α/m is what it asks for at most. Power is reckoned at this level.

    Parameters
    ----------
    method : str
        One of :data:`CORRECTIONS`.
    m : int
        Size of the family.
    alpha : float
        Its error rate.

    Raises
    ------
    StatisticsError
        For an unknown method, an empty family or an impossible alpha.
    """
    require_correction(method)
    _known_family(m, alpha)
    if method in {"sidak", "holm-sidak"}:
        return -math.expm1(math.log1p(-alpha) / m)
    return alpha / (m * _harmonic(m)) if method == "by" else alpha / m


#: Methods whose smallest p must meet the level of the first step, however small the others are.
_ALONE: Final = frozenset({"bonferroni", "holm", "sidak", "holm-sidak"})


def reachable_alpha(method: str, m: int, alpha: float) -> float:
    """Return the level that the smallest p must meet in the most favourable case, when all members share it.

    One-step and step-down methods still ask for the level of their first step. Step-up methods need less when several
    members are small together: Hochberg, Hommel, Benjamini-Hochberg and its two-stage form α, Benjamini-Yekutieli
    α/Σ_{i≤m} 1/i. So does ``max-t``, whose members share their sign flips: α.

    Parameters
    ----------
    method : str
        One of :data:`CORRECTIONS`.
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
    return level if method in _ALONE else level * m

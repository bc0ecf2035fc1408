"""A comparison without its judgement: what was seen stays, everything from which a verdict could be read goes."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Final

from bpbench.statistics.pairs import Comparison

if TYPE_CHECKING:
    from typing import Any

#: What describes and does not judge. An interval judges: it holds zero or it does not.
_KEPT: Final = (
    *("candidate", "baseline", "n", "n_baseline"),
    *("candidate_mean", "baseline_mean", "difference", "level"),
)


def unjudged(comparison: Comparison, remark: str) -> Comparison:
    """Return a comparison with its means and their difference alone, undecided.

    Parameters
    ----------
    comparison : Comparison
        As it was judged.
    remark : str
        A whole sentence that says why there is no verdict; the remarks of the judgement go with it.

    Returns
    -------
    Comparison
        Without p, intervals, effect sizes and numbers of repeats; not significant.
    """
    kept: dict[str, Any] = {
        field.name: getattr(comparison, field.name) if field.name in _KEPT else None for field in fields(Comparison)
    }
    return Comparison(**{**kept, "significant": False, "verdict": "undecided", "remarks": (remark,)})

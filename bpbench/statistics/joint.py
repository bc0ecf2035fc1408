r"""Several primary metrics at once: what may be claimed of a pair by all of them together.

To be *better in all* metrics is one claim, an intersection of several. Its test is an intersection-union test (Berger
1982): the claim is made where the test of every metric rejects, each at the full level α, and its p is the greatest of
theirs; nothing is divided among the metrics, as each must speak. Over the family of pairs these p are then corrected
like any others. (To correct within each metric alone would not do: of two pairs that are each even by one of two
metrics, the first by one and the second by the other, either would be given the whole of α.)

.. math::
    p_i = \max_k p_{ik}, \qquad \tilde p = \text{correction}(p_1, …, p_m)

==========  ====================  =============================================================================
symbol      name in code          meaning
==========  ====================  =============================================================================
i, m        ``families[k][i]``    pair of the family, and their number
k           ``families``          metric
p_ik        ``p``                 p of pair i by metric k, of superiority or of equivalence
==========  ====================  =============================================================================

A pair is *better* or *worse* where it is so by every metric and the corrected joint p is at most α, and *equivalent* in
the same way by the p of equivalence. The other words are no joint claims: *divided* (better by one metric, worse by
another), *mixed* (a verdict by each, better or worse by some and equivalent by the others), else *undecided*. The p of
superiority is 1 where the metrics point to different sides.

Berger, Technometrics 24, 295 (1982); on co-primary endpoints in trials ICH E9 (1998), section 2.2.5, and the FDA's
guidance on multiple endpoints (2022).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bpbench.errors import StatisticsError
from bpbench.statistics.corrections import MAX_T, adjust

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bpbench.statistics.pairs import Comparison

Claim = Literal["better", "worse", "equivalent", "divided", "mixed", "undecided"]


@dataclass(frozen=True, slots=True)
class Joint:
    """What may be said of a pair by all primary metrics.

    Attributes
    ----------
    candidate, baseline : str
        The pair.
    verdict : {'better', 'worse', 'equivalent', 'divided', 'mixed', 'undecided'}
        See the head of this module.
    p, p_adjusted : float or None
        Of the claim that one of them is better by all metrics: the greatest p, and corrected over the family.
    p_equivalence, p_equivalence_adjusted : float or None
        The same of the claim that both are equivalent by all.
    """

    candidate: str
    baseline: str
    verdict: Claim
    p: float | None
    p_adjusted: float | None
    p_equivalence: float | None
    p_equivalence_adjusted: float | None


def together(families: Sequence[Sequence[Comparison]], correction: str, alpha: float) -> tuple[Joint, ...]:
    """Judge every pair of a family by all its metrics together.

    Parameters
    ----------
    families : sequence of sequence of Comparison
        For each metric the comparisons of the same pairs in the same order, as
        :func:`bpbench.statistics.compare.judge` returns them.
    correction : str
        Over the family; for ``max-t``, which has no form for the greatest of several p, Holm's stands.
    alpha : float
        Level of the family.

    Returns
    -------
    tuple of Joint
        One per pair, in order.

    Raises
    ------
    StatisticsError
        When there is no metric, or the metrics have different pairs.
    """
    pairs = [[(entry.candidate, entry.baseline) for entry in family] for family in families]
    if not pairs or any(other != pairs[0] for other in pairs):
        raise StatisticsError(
            f"A joint claim needs the same pairs by every metric, found families of {[len(one) for one in pairs]} "
            "comparisons; judge the same family by each."
        )
    rows = list(zip(*families, strict=True))
    how = "holm" if correction == MAX_T else correction
    p, same = [_one_sided(row) for row in rows], [_greatest([entry.p_equivalence for entry in row]) for row in rows]
    columns = (p, adjust(p, how, alpha=alpha), same, adjust(same, how, alpha=alpha))
    return tuple(
        Joint(row[0].candidate, row[0].baseline, _claim(row, alpha, numbers[1], numbers[3]), *numbers)
        for row, numbers in zip(rows, zip(*columns, strict=True), strict=True)
    )


def _greatest(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return max(known) if len(known) == len(values) else None


def _one_sided(row: Sequence[Comparison]) -> float | None:
    """Return the p of being better, or worse, by every metric."""
    greatest = _greatest([entry.p for entry in row])
    if greatest is None:
        return None
    # all metrics are errors: the smaller one is the better one
    sides = {(entry.difference or 0.0) > 0 for entry in row}
    return greatest if len(sides) == 1 else 1.0


def _claim(row: Sequence[Comparison], alpha: float, p: float | None, p_equivalence: float | None) -> Claim:
    found = {entry.verdict for entry in row}
    if len(found) == 1:
        (verdict,) = found
        decides = p_equivalence if verdict == "equivalent" else p
        return verdict if decides is not None and decides <= alpha else "undecided"
    if {"better", "worse"} <= found:
        return "divided"
    return "undecided" if "undecided" in found else "mixed"

"""Claims by several metrics together: what they need, and how often they are false."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from bpbench.errors import StatisticsError
from bpbench.statistics.compare import Pair, Rules, judge
from bpbench.statistics.corrections import adjust
from bpbench.statistics.joint import together
from bpbench.statistics.pairs import Comparison, Verdict
from bpbench.statistics.samples import Sample

if TYPE_CHECKING:
    from collections.abc import Sequence

BLANK = judge([Pair("A", "B", None, None)], Rules(test="paired-t", design="fixed"))[0]


def comparison(verdict: Verdict, p: float | None, difference: float, p_equivalence: float | None = 0.5) -> Comparison:
    return replace(BLANK, verdict=verdict, p=p, difference=difference, p_equivalence=p_equivalence)


@pytest.mark.parametrize(
    ("one", "other", "claim"),
    [
        (("better", 0.01, -1.0), ("better", 0.04, -2.0), "better"),
        (("worse", 0.01, 1.0), ("worse", 0.04, 2.0), "worse"),
        (("better", 0.01, -1.0), ("undecided", 0.2, -2.0), "undecided"),
        (("better", 0.01, -1.0), ("worse", 0.01, 2.0), "divided"),
        (("better", 0.01, -1.0), ("equivalent", 0.3, 0.1, 0.01), "mixed"),
        (("equivalent", 0.3, 0.2, 0.02), ("equivalent", 0.3, -0.1, 0.04), "equivalent"),
        (("better", 0.01, -1.0), ("undecided", None, -2.0, None), "undecided"),
    ],
)
def test_what_a_claim_by_all_needs(one: tuple[Any, ...], other: tuple[Any, ...], claim: str) -> None:
    """The same verdict by each metric; its p is the greater one."""
    (found,) = together([[comparison(*one)], [comparison(*other)]], "holm", 0.05)
    assert found.verdict == claim
    if claim in {"better", "worse"}:
        assert found.p == found.p_adjusted == 0.04
    if claim == "divided":
        assert found.p == 1.0
    if claim == "equivalent":
        assert found.p_equivalence == 0.04


def test_the_joint_p_is_corrected_over_the_family() -> None:
    """Each metric alone may reject by Holm's steps where the greatest p, corrected as one family, does not."""
    names = [{"candidate": name} for name in "CDE"]
    one = [replace(comparison("better", p, -1.0), **name) for p, name in zip((0.03, 1e-6, 1e-6), names, strict=True)]
    other = [replace(comparison("better", p, -1.0), **name) for p, name in zip((1e-6, 0.03, 0.04), names, strict=True)]
    found = together([one, other], "holm", 0.05)
    assert [entry.p for entry in found] == [0.03, 0.03, 0.04]
    assert [entry.p_adjusted for entry in found] == list(adjust([0.03, 0.03, 0.04], "holm"))
    assert [entry.verdict for entry in found] == ["undecided"] * 3


def test_max_t_has_holm_in_its_place() -> None:
    """There are no sign flips of the greatest of several p."""
    families = [[comparison("better", 0.01, -1.0)], [comparison("better", 0.02, -1.0)]]
    assert together(families, "max-t", 0.05) == together(families, "holm", 0.05)


def test_different_families_are_refused() -> None:
    """Claims are made of pairs that every metric judges."""
    with pytest.raises(StatisticsError, match=r"same pairs by every metric, found families of \[1, 0\] comparisons"):
        together([[comparison("better", 0.01, -1.0)], []], "holm", 0.05)


def holm(p: Sequence[float | None], method: str = "holm", *, alpha: float = 0.05) -> tuple[float, ...]:
    """Return Holm's adjusted p, in the manner of ``adjust`` and many times faster."""
    values = [1.0 if value is None else value for value in p]
    found, largest = [0.0] * len(values), 0.0
    for step, place in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        largest = max(largest, min(1.0, (len(values) - step) * values[place]))
        found[place] = largest
    assert (method, alpha) == ("holm", 0.05)
    return tuple(found)


def test_holm_here_is_that_of_the_statistics() -> None:
    """So that simulations may use it."""
    values = [0.03, 0.001, 0.2, 0.012]
    np.testing.assert_allclose(holm(values), [value or 0.0 for value in adjust(values, "holm")], rtol=1e-14)


def judged(noise: np.ndarray[Any, Any], shifts: Sequence[float], margin: float | None) -> list[Comparison]:
    """Return one metric's family by the paired t test and Holm, from differences of shape (pairs, n)."""
    values = noise + np.asarray(shifts)[:, None]
    n = values.shape[1]
    mean, se = values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(n)
    p = 2 * stats.t.sf(abs(mean / se), n - 1)
    p_equivalence = np.ones_like(p)
    if margin is not None:
        p_equivalence = stats.t.sf((margin - abs(mean)) / se, n - 1)  # the larger of the two one-sided p
    superior, same = (holm(list(map(float, column))) for column in (p, p_equivalence))
    found = []
    for place in range(len(values)):
        verdict: Verdict = "undecided"
        if same[place] <= 0.05:
            verdict = "equivalent"
        elif superior[place] <= 0.05:
            verdict = "better" if mean[place] < 0 else "worse"
        each = comparison(verdict, float(p[place]), float(mean[place]), float(p_equivalence[place]))
        found.append(replace(each, candidate=f"C{place}"))
    return found


@pytest.mark.parametrize(
    ("metrics", "between", "margin", "claim"),
    [(2, 1.0, 1.0, "equivalent"), (3, 0.0, None, "better")],
    ids=["equivalent but for one metric", "better but for one metric"],
)
def test_claims_by_all_are_false_as_rarely_as_one_is(
    metrics: int, between: float, margin: float | None, claim: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of as many pairs as metrics, each just fails by another one: the worst there is.

    The greatest p, corrected over the family, keeps the level; verdicts by each metric alone, put together, do not.
    """
    monkeypatch.setattr("bpbench.statistics.joint.adjust", holm)
    rng, studies, n = np.random.default_rng(8), 1500, 8
    easy = 0.0 if claim == "equivalent" else -9.0
    false = {"joint": 0, "apart": 0}
    for _ in range(studies):
        common = rng.normal(size=(metrics, n))
        families = []
        for metric in range(metrics):
            noise = 0.3 * (0.8 * common + 0.6 * rng.normal(size=(metrics, n)))  # metrics of one repeat are correlated
            families.append(judged(noise, [between if pair == metric else easy for pair in range(metrics)], margin))
        false["joint"] += any(entry.verdict == claim for entry in together(families, "holm", 0.05))
        false["apart"] += any(all(family[pair].verdict == claim for family in families) for pair in range(metrics))
    error = np.sqrt(0.05 * 0.95 / studies)
    assert false["joint"] / studies <= 0.05 + 2 * error
    assert false["apart"] / studies > 0.05 + 2 * error


def test_families_of_the_statistics_go_in_as_they_are() -> None:
    """Comparisons of real samples: better by both metrics, and by both together."""
    rng = np.random.default_rng(3)
    base, noise = rng.normal(10, 1, 10), rng.normal(0, 0.1, (2, 10))
    rules, splits = Rules(test="paired-t", design="fixed"), np.zeros(10, dtype=np.int64)
    families = [
        judge([Pair("A", "B", Sample(scale * base - 1 + part, splits), Sample(scale * base, splits))], rules)
        for scale, part in zip((1.0, 3.0), noise, strict=True)
    ]
    (found,) = together(families, "holm", 0.05)
    assert found.verdict == "better"
    assert found.p == max(family[0].p or 0.0 for family in families)

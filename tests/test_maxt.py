"""Step-down max-T: against its definition with studentised statistics, closed testing, and simulation."""

from __future__ import annotations

import math
from itertools import combinations, product

import numpy as np
import pytest

from bpbench.errors import StatisticsError
from bpbench.statistics.equivalence import two_sided_p
from bpbench.statistics.maxt import step_down
from bpbench.statistics.permutation import DRAWS, generator, sign_flip

Array = np.ndarray


def _rng() -> np.random.Generator:
    return generator(0, "max-t")


def _studentised(differences: Array) -> Array:
    """Return |t| of every row (ddof = 1) under every sign vector, the one seen first: shape (m, 2^n)."""
    signs = np.array(list(product((1, -1), repeat=differences.shape[1])))
    found = []
    for row in differences:
        flipped = signs * row
        found.append(np.abs(flipped.mean(1)) / (flipped.std(1, ddof=1) / math.sqrt(row.size)))
    return np.array(found)


def _by_definition(differences: Array) -> list[float]:
    """Westfall and Young's algorithm 2.8, written out."""
    t = _studentised(differences)
    order = sorted(range(len(t)), key=lambda j: -t[j, 0])
    adjusted, most = [0.0] * len(t), 0.0
    for place, j in enumerate(order):
        largest = np.max(t[order[place:]], axis=0)
        most = max(most, float(np.mean(largest >= t[j, 0] * (1 - 1e-9))))
        adjusted[j] = most
    return adjusted


def _closed(differences: Array) -> list[float]:
    """Return p-values by closed testing with the max-T test of every intersection, which step-down shortens."""
    t, m = _studentised(differences), len(differences)
    adjusted = [0.0] * m
    for size in range(1, m + 1):
        for members in combinations(range(m), size):
            largest = np.max(t[list(members)], axis=0)
            local = float(np.mean(largest >= largest[0] * (1 - 1e-9)))
            for j in members:
                adjusted[j] = max(adjusted[j], local)
    return adjusted


@pytest.mark.parametrize("seed", range(4))
def test_it_equals_its_definition_and_closed_testing(seed: int) -> None:
    """Five members against one baseline in eight repeats: all p equal both slow twins, in the order given."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(6, 8)) + rng.normal(size=8)
    d = scores[1:] - scores[0] + rng.normal(0, 0.8, 5)[:, None]
    found = step_down(d, _rng())
    assert found == pytest.approx(_by_definition(d), rel=1e-12)
    assert found == pytest.approx(_closed(d), rel=1e-12)


def test_a_family_of_one_is_the_sign_flip_test() -> None:
    """One member's p is the two-sided p of the sign-flip test, exact and (nearly) drawn."""
    d = np.random.default_rng(2).normal(0.4, 1, 12)
    assert step_down(d[None, :], _rng()) == (two_sided_p(sign_flip(d, _rng())),)
    long = np.random.default_rng(2).normal(0.3, 1, 40)
    alone = two_sided_p(sign_flip(long, _rng()))
    assert step_down(long[None, :], _rng())[0] == pytest.approx(alone, abs=8 * math.sqrt(alone / DRAWS))


def test_twins_cost_nothing() -> None:
    """Members that are one and the same, or its negative, share their p: asking twice is free, unlike with Holm."""
    d = np.random.default_rng(5).normal(0.5, 1, 10)
    alone = step_down(d[None, :], _rng())[0]
    assert step_down(np.array([d, d, -d, 3 * d]), _rng()) == (alone,) * 4


def test_the_smallest_p_and_tiny_spreads() -> None:
    """All members far from zero: p is 2/2^n for each, also where t is huge and its square would lose every digit."""
    base = np.array([1.0, 2, 3, 4, 5, 6])
    assert step_down(np.array([base, base[::-1], -base]), _rng()) == (2 / 2**6,) * 3
    near = 1 + 1e-13 * base
    assert step_down(np.array([near, near[::-1], 1e-200 * base, 1e150 * base]), _rng()) == (2 / 2**6,) * 4


def test_members_may_lack_repeats() -> None:
    """A member without some repeats is judged by its own: alone it equals the sign-flip test of what it has."""
    d = np.random.default_rng(1).normal(0.7, 1, (2, 9))
    d[0, [2, 5]] = np.nan
    alone = step_down(d[:1], _rng())[0]
    assert alone == two_sided_p(sign_flip(d[0, ~np.isnan(d[0])], _rng()))
    both = step_down(d, _rng())
    assert min(both) >= min(alone, step_down(d[1:], _rng())[0])


def test_drawn_signs_are_seeded_and_close_to_exact() -> None:
    """With 18 repeats all signs would be 2^18: drawn ones give the same bits again, near the exact p."""
    rng = np.random.default_rng(9)
    d = rng.normal(0.45, 1, (3, 18))
    found = step_down(d, _rng())
    assert found == step_down(d, _rng())
    assert found != step_down(d, generator(1, "max-t"))
    # what was seen counts among the drawn: no p is 0
    assert step_down(np.abs(rng.normal(size=(2, 60))) + 5, _rng()) == (1 / (DRAWS + 1),) * 2
    exact = _by_definition(d)
    for p, stranger in zip(found, exact, strict=True):
        assert p == pytest.approx(stranger, abs=5 * math.sqrt(stranger / DRAWS))


@pytest.mark.parametrize(
    ("differences", "sentence"),
    [
        (np.zeros((0, 3)), r"one row for each comparison .*; found shape \(0, 3\)"),
        (np.zeros(3), r"found shape \(3,\)"),
        (np.array([[1.0, 2.0], [0.0, np.nan]]), "finite differences that are not all zero, found none in row 2 of 2"),
        (np.array([[1.0, np.inf]]), "found none in row 1 of 1; leave a comparison without any spread out"),
    ],
)
def test_what_cannot_be_flipped_is_refused(differences: Array, sentence: str) -> None:
    """No members, no repeats, nothing but zeros or infinite differences: a sentence."""
    with pytest.raises(StatisticsError, match=sentence):
        step_down(differences, _rng())


# -------------------------------------------------------------------------------- family-wise error, simulated

NOISE = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "heavy": lambda rng, shape: rng.standard_t(3, size=shape),
    "skewed": lambda rng, shape: rng.lognormal(size=shape),
}


def _alarms(noise: str, n: int, runs: int, *, pairs: bool, partial: bool, variants: int = 5) -> float:
    """Return the share of families in which a true null hypothesis is rejected at 5 %.

    ``partial``: the last two variants are far from the others, which are alike.
    """
    rng = np.random.default_rng([n, runs, pairs, partial])
    names = list(combinations(range(variants), 2)) if pairs else [(0, j) for j in range(1, variants)]
    shift = np.zeros(variants)
    if partial:
        shift[-2:] = 1.5, 4.0
    true = np.array([shift[a] == shift[b] for a, b in names])
    alarms = 0
    for _ in range(runs):
        scores = NOISE[noise](rng, (variants, n)) + shift[:, None] + rng.normal(size=n)
        d = np.array([scores[b] - scores[a] for a, b in names])
        alarms += bool(np.any(np.array(step_down(d, rng))[true] <= 0.05))
    return alarms / runs


def _bound(runs: int) -> float:
    return 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("partial", [False, True])
def test_family_wise_error(pairs: bool, partial: bool) -> None:
    """Many against one and all pairs, none or two of five different: false alarms within α (normal, n = 10)."""
    assert _alarms("normal", 10, 800, pairs=pairs, partial=partial) <= _bound(800)


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["normal", "heavy"])
@pytest.mark.parametrize("n", [6, 10, 15])
@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("partial", [False, True])
def test_family_wise_error_at_full_size(noise: str, n: int, pairs: bool, partial: bool) -> None:
    """The same for n = 6, 10, 15, normal and heavy-tailed scores, 2000 families each."""
    assert _alarms(noise, n, 2000, pairs=pairs, partial=partial) <= _bound(2000)


@pytest.mark.slow
@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("n", [6, 10, 15])
def test_skewed_scores_are_near_the_level(n: int, pairs: bool) -> None:
    """Lognormal scores break joint symmetry, which is assumed, and yet stay within the bound."""
    assert _alarms("skewed", n, 2000, pairs=pairs, partial=False) <= _bound(2000)

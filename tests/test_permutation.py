"""Sign flips and label permutations: against Fisher, scipy and enumeration by definition."""

from __future__ import annotations

import math
from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from bpbench.statistics.equivalence import Evidence, two_sided_p
from bpbench.statistics.permutation import (
    ALL_FLIPS,
    ALL_LABELLINGS,
    DRAWS,
    FEWEST,
    PermutationEvidence,
    flips,
    generator,
    labellings,
    permutation,
    sign_flip,
    subset_sums,
)

Array = np.ndarray
# Darwin's maize (1876), heights of crossed minus self-fertilised plants in eighths of an inch: Fisher (1935), table 3
MAIZE = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48], dtype=float)
LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)


def _rng(*names: str) -> np.random.Generator:
    return generator(0, *names)


def _flip_p(d: Array, bound: float) -> float:
    """Return the share of all sign vectors whose sum is at least the one seen, by definition and in whole numbers."""
    seen = d - bound
    sums = [
        sum(sign * value for sign, value in zip(signs, seen, strict=True)) for signs in product((1, -1), repeat=d.size)
    ]
    return sum(value >= seen.sum() - 1e-9 for value in sums) / len(sums)


def _label_p(x: Array, y: Array, bound: float) -> float:
    """Return the share of all labellings whose difference of means is at least the one seen, by definition."""
    pooled = np.array([*(x - bound), *y])
    seen = pooled[: x.size].mean() - pooled[x.size :].mean()
    found = []
    for chosen in combinations(range(pooled.size), x.size):
        mine = np.isin(np.arange(pooled.size), chosen)
        found.append(pooled[mine].mean() - pooled[~mine].mean() >= seen - 1e-9)
    return float(np.mean(found))


def test_fishers_maize() -> None:
    """Fisher (The Design of Experiments, section 21) counts 863 of 32768 sums as large as 314, 1726 on both sides."""
    found = sign_flip(MAIZE, _rng())
    assert found.p_greater() * 2**15 == 863
    assert two_sided_p(found) == 1726 / 32768
    assert found.difference == pytest.approx(20.93333, abs=1e-5)
    # his t of the same differences, section 16: 2.148 with 14 degrees of freedom
    assert found.statistic == pytest.approx(2.148, abs=5e-4)
    assert found.p_smallest == 2 / 2**15


@pytest.mark.parametrize("n", [2, 5, 9])
def test_sign_flips_equal_scipy(n: int) -> None:
    """Both one-sided p and the two-sided one equal scipy's exact permutation_test of kind "samples"."""
    x, y = np.random.default_rng(n).normal(size=(2, n))
    x += 0.5
    found = sign_flip(x - y, _rng())

    def stranger(alternative: str) -> float:
        test = stats.permutation_test(
            (x, y),
            lambda a, b, axis: np.mean(a - b, axis=axis),
            permutation_type="samples",
            vectorized=True,
            n_resamples=np.inf,
            alternative=alternative,
        )
        return float(test.pvalue)

    assert found.p_greater() == pytest.approx(stranger("greater"), rel=1e-12)
    assert found.p_less() == pytest.approx(stranger("less"), rel=1e-12)
    assert two_sided_p(found) == pytest.approx(stranger("two-sided"), rel=1e-12)


@pytest.mark.parametrize(("n", "m"), [(2, 2), (5, 4), (3, 8), (7, 7)])
def test_labellings_equal_scipy(n: int, m: int) -> None:
    """Both one-sided p and the two-sided one equal scipy's exact permutation_test of kind "independent"."""
    rng = np.random.default_rng([n, m])
    x, y = rng.normal(0.5, 1, n), rng.normal(0, 1, m)
    found = permutation(x, y, _rng())

    def stranger(alternative: str) -> float:
        test = stats.permutation_test(
            (x, y),
            lambda a, b, axis: np.mean(a, axis=axis) - np.mean(b, axis=axis),
            permutation_type="independent",
            vectorized=True,
            n_resamples=np.inf,
            alternative=alternative,
        )
        return float(test.pvalue)

    assert found.p_greater() == pytest.approx(stranger("greater"), rel=1e-12)
    assert found.p_less() == pytest.approx(stranger("less"), rel=1e-12)
    assert two_sided_p(found) == pytest.approx(stranger("two-sided"), rel=1e-12)
    assert found.statistic == pytest.approx(float(stats.ttest_ind(x, y).statistic))
    assert found.p_smallest == pytest.approx(min(1.0, 2 / math.comb(n + m, n)))


@pytest.mark.parametrize("bound", [-1.3, 0.0, 0.4, 1.0])
def test_a_shifted_test_is_the_test_of_shifted_values(bound: float) -> None:
    """At any hypothetical difference both p equal enumeration by definition: the formulas at the head are right."""
    rng = np.random.default_rng(3)
    d = rng.normal(0.4, 1, 7)
    found = sign_flip(d, _rng())
    assert found.p_greater(bound) == pytest.approx(_flip_p(d, bound))
    assert found.p_less(bound) == pytest.approx(_flip_p(-d, -bound))
    x, y = rng.normal(0.4, 1, 4), rng.normal(0, 2, 6)
    labels = permutation(x, y, _rng())
    assert labels.p_greater(bound) == pytest.approx(_label_p(x, y, bound))
    assert labels.p_less(bound) == pytest.approx(_label_p(y, x, -bound))


def test_ties_count_as_extreme() -> None:
    """Whole numbers with ties and zeros give the same p as tenths of them, whose sums are rounded."""
    d = np.array([3.0, -1, 2, 0, 1, -3, 2, 5])
    whole = sign_flip(d, _rng())
    assert whole.p_greater() == pytest.approx(_flip_p(d, 0.0))
    for scale in (0.1, 1e-9, 1e9):
        tenths = sign_flip(d * scale, _rng(), slack=1e-12 * scale)
        assert (tenths.p_greater(), tenths.p_less()) == (whole.p_greater(), whole.p_less())
    # a zero has no sign: seven of eight differences can be turned
    assert whole.p_smallest == 2 / 2**7
    x, y = np.array([3.0, 1, 2, 2]), np.array([1.0, 1, 2, 0])
    assert permutation(x, y, _rng()).p_greater() == pytest.approx(_label_p(x, y, 0.0))
    assert permutation(x / 10, y / 10, _rng(), slack=1e-13).p_greater() == pytest.approx(_label_p(x, y, 0.0))


def _cases() -> list[PermutationEvidence]:
    rng = np.random.default_rng(8)
    return [
        sign_flip(rng.normal(size=9), rng),
        sign_flip(rng.standard_t(2, size=40), rng),
        permutation(rng.normal(size=6), rng.normal(size=5), rng),
        permutation(rng.normal(size=30), rng.normal(size=12), rng),
    ]


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("level", LEVELS)
def test_the_interval_inverts_the_test(place: int, level: float) -> None:
    """Just outside each end the shifted test rejects, on it and inside it does not: of all and of drawn redrawings."""
    found: Evidence = _cases()[place]
    low, high = found.interval(level) or (math.nan, math.nan)
    tail = (1 - level) / 2
    for end, outwards, p in ((low, -1e-9, found.p_greater), (high, 1e-9, found.p_less)):
        assert p(end + outwards) <= tail * (1 + 1e-9)
        assert p(end) > tail
        assert p(end - outwards) > tail


def test_too_few_repeats_for_an_interval() -> None:
    """Five sign flips give 1/32 on a side at best, more than 2.5 %; six do, from the smallest to the largest x."""
    d = np.array([1.0, 2, 4, 8, 16, 32])
    assert sign_flip(d[:5], _rng()).interval(0.95) is None
    # K = 1: of all means over subsets the smallest is the least difference, the largest the greatest
    assert sign_flip(d, _rng()).interval(0.95) == (1.0, 32.0)
    assert permutation(d[:3], d[3:], _rng()).interval(0.95) is None


def test_all_are_visited_or_many_drawn() -> None:
    """Up to 2^16 arrangements all are visited; the number of drawn ones never raises the smallest p, but for length."""
    assert (ALL_FLIPS, ALL_LABELLINGS) == (16, 9)
    assert flips(16) == (2**16, True)
    assert flips(17) == (DRAWS + 1, False)
    assert labellings(9, 9) == (math.comb(18, 9), True)
    assert labellings(10, 10) == (DRAWS + 1, False)
    assert labellings(2, 300) == (math.comb(302, 2), True)
    assert DRAWS + 1 > 2**16
    assert (flips(10**7), labellings(10**6, 10**6)) == tuple((fewest + 1, False) for fewest in FEWEST)


@pytest.mark.parametrize("n", [17, 40])
def test_drawn_flips_are_close_to_exact_ones(n: int) -> None:
    """With 17 and 40 whole differences p lies within five Monte-Carlo errors of the exact one, found by convolution."""
    d = np.rint(np.random.default_rng(n).normal(2.0, 5, n))
    mass = {0: 1.0}
    for value in np.abs(d).astype(int).tolist():
        split: dict[int, float] = {}
        for total, share in mass.items():
            for sign in (1, -1):
                split[total + sign * value] = split.get(total + sign * value, 0.0) + share / 2
        mass = split
    exact = sum(share for total, share in mass.items() if total >= d.sum())
    found = sign_flip(d, _rng()).p_greater()
    assert found == pytest.approx(exact, abs=5 * math.sqrt(exact * (1 - exact) / DRAWS))
    assert round(found * (DRAWS + 1)) >= 1


def test_drawn_labellings_are_close_to_exact_ones() -> None:
    """For 12 against 10 whole values p lies within five Monte-Carlo errors of the exact one, found by convolution."""
    rng = np.random.default_rng(4)
    x, y = np.rint(rng.normal(2, 4, 12)), np.rint(rng.normal(0, 4, 10))
    counts: dict[tuple[int, int], int] = {(0, 0): 1}
    for value in np.concatenate([x, y]).astype(int).tolist():
        for (k, total), many in list(counts.items()):
            counts[k + 1, total + value] = counts.get((k + 1, total + value), 0) + many
    sums = {total: many for (k, total), many in counts.items() if k == 12}
    exact = sum(many for total, many in sums.items() if total >= x.sum()) / math.comb(22, 12)
    found = permutation(x, y, _rng()).p_greater()
    assert found == pytest.approx(exact, abs=5 * math.sqrt(exact * (1 - exact) / DRAWS))


def test_drawn_subsets_are_all_equally_likely() -> None:
    """Of 12 columns every subset, and every subset of five, comes up as often as another (χ² at 0.1 %)."""
    rows = 2.0 ** np.arange(12)[None, :]
    for size, many in ((None, 2**12), (5, math.comb(12, 5))):
        sums = np.concatenate(list(subset_sums(rows, 200_000, _rng("subsets"), size=size)), axis=1)[0]
        seen = np.unique(sums, return_counts=True)[1]
        assert seen.size == many
        assert stats.chisquare(seen).pvalue > 0.001


def test_same_seed_same_bits_and_names_matter() -> None:
    """The same seed and names give the same p to the last bit, other names other flips."""
    d = np.random.default_rng(1).normal(size=30)
    one, again, other = (sign_flip(d, generator(7, *names)) for names in (("a", "b"), ("a", "b"), ("ab", "")))
    assert np.array_equal(one.typical, again.typical)
    assert not np.array_equal(one.typical, other.typical)


def test_flips_that_repeat_what_was_seen_count_on_both_sides() -> None:
    """Of 17 repeats some drawn flips turn nothing; they are extreme on either side, p is never below their share."""
    d = np.arange(1.0, 18.0)
    tried = (sign_flip(d, np.random.default_rng(seed)) for seed in range(20))
    found = next(evidence for evidence in tried if evidence.same > 1)
    assert found.p_greater(-1e9) == found.same / (DRAWS + 1)
    assert found.p_less(1e9) == found.same / (DRAWS + 1)


def test_long_samples_need_little_memory_and_are_right() -> None:
    """Twenty thousand repeats: fewer redrawings, and the p of a t test within five Monte-Carlo errors."""
    rng = np.random.default_rng(2)
    x, y = rng.normal(0.01, 1, 20_000), rng.normal(0, 1, 20_000)
    for found, stranger in (
        (sign_flip(x - y, _rng()), stats.ttest_rel(x, y, alternative="greater")),
        (permutation(x[:5000], y[:5000], _rng()), stats.ttest_ind(x[:5000], y[:5000], alternative="greater")),
    ):
        many = found.typical.size + found.same
        assert many < DRAWS
        exact = float(stranger.pvalue)
        assert found.p_greater() == pytest.approx(exact, abs=5 * math.sqrt(exact * (1 - exact) / many))


@pytest.mark.slow
def test_a_million_values_by_redrawing() -> None:
    """A million repeats by signs and a million against a million by labels, with a normal p."""
    rng = np.random.default_rng(2)
    x, y = rng.normal(0.002, 1, 10**6), rng.normal(0, 1, 10**6)
    for found, stranger, fewest in (
        (sign_flip(x - y, _rng()), stats.ttest_rel(x, y, alternative="greater"), FEWEST[0]),
        (permutation(x, y, _rng()), stats.ttest_ind(x, y, alternative="greater"), FEWEST[1]),
    ):
        exact = float(stranger.pvalue)
        assert found.p_greater() == pytest.approx(exact, abs=5 * math.sqrt(exact * (1 - exact) / fewest))

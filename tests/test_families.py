"""Families through judge: max-T, all pairs, seeds, samples without common repeats, and the table of tests."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from bpbench.errors import StatisticsError
from bpbench.statistics.compare import DESIGNS, TESTS, Pair, Rules, judge
from bpbench.statistics.corrections import CORRECTIONS, METHODS
from bpbench.statistics.designs import TABLE, table
from bpbench.statistics.margins import Margin
from bpbench.statistics.maxt import step_down
from bpbench.statistics.permutation import generator
from bpbench.statistics.samples import Sample

Array = np.ndarray
MAX_T = Rules("sign-flip", "fixed", "max-t")


def _sample(values: Array, splits: Array | None = None) -> Sample:
    return Sample(np.asarray(values, dtype=float), np.zeros(len(values), dtype=int) if splits is None else splits)


def _scores(seed: int = 0, variants: int = 4, n: int = 10) -> Array:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(variants, n)) + rng.normal(size=n) + np.array([0.0, 1.5, 0.2, 3.0])[:variants, None]


def _many_to_one(scores: Array, splits: Array | None = None) -> list[Pair]:
    samples = [_sample(row, splits) for row in scores]
    return [Pair(f"v{j}", "v0", samples[j], samples[0]) for j in range(1, len(samples))]


# ------------------------------------------------------------------------------------------------------------ max-T


def test_judge_gives_the_p_of_step_down() -> None:
    """Adjusted p are those of the differences of all members together, never below the members' own."""
    scores = _scores()
    found = judge(_many_to_one(scores), MAX_T)
    together = step_down(scores[1:] - scores[0], generator(0, "max-t"))
    assert [entry.p_adjusted for entry in found] == pytest.approx(list(together))
    holm = judge(_many_to_one(scores), replace(MAX_T, correction="holm"))
    for mine, other in zip(found, holm, strict=True):
        assert mine.p == other.p
        assert mine.p is not None
        assert mine.p_adjusted is not None
        assert other.p_adjusted is not None
        assert mine.p <= mine.p_adjusted <= other.p_adjusted
    assert [entry.verdict for entry in found] == ["undecided", "undecided", "worse"]


def test_all_pairs_are_a_family() -> None:
    """Six pairs of four variants: p equal those of the six rows of differences, whichever is called the baseline."""
    scores = _scores(3)
    samples = [_sample(row) for row in scores]
    names = list(combinations(range(4), 2))
    found = judge([Pair(f"v{b}", f"v{a}", samples[b], samples[a]) for a, b in names], MAX_T)
    rows = np.array([scores[b] - scores[a] for a, b in names])
    expected = step_down(rows, generator(0, "max-t"))
    assert [entry.p_adjusted for entry in found] == pytest.approx(list(expected))
    turned = judge([Pair(f"v{a}", f"v{b}", samples[a], samples[b]) for a, b in names], MAX_T)
    assert [entry.p_adjusted for entry in turned] == [entry.p_adjusted for entry in found]
    assert [entry.difference for entry in turned] == pytest.approx([-(entry.difference or 0.0) for entry in found])


def test_a_member_without_p_makes_the_others_no_better() -> None:
    """Of three declared members one has no results: the others' p are multiplied by 3/2."""
    scores = _scores()
    family = _many_to_one(scores)
    family[1] = Pair("v2", "v0", None, None, missing=10)
    found = judge(family, MAX_T)
    two = step_down(scores[[1, 3]] - scores[0], generator(0, "max-t"))
    assert found[1].p_adjusted is None
    assert (found[0].p_adjusted, found[2].p_adjusted) == pytest.approx(tuple(min(1.0, 1.5 * p) for p in two))
    alone = judge([family[1]], MAX_T)[0]
    assert (alone.p, alone.p_adjusted, alone.verdict) == (None, None, "undecided")


def test_repeats_are_matched_by_number() -> None:
    """A diverged repeat of one member: with numbers its signs are turned with the others' of the same repeat."""
    scores = _scores()
    family = [replace(pair, numbers=tuple(range(10))) for pair in _many_to_one(scores)]
    left = np.delete(np.arange(10), 3)
    short = [_sample(row[left]) for row in scores]
    family[0] = Pair("v1", "v0", short[1], short[0], diverged_candidate=1, numbers=tuple(left.tolist()))
    rows = scores[1:] - scores[0]
    rows[0, 3] = np.nan
    found = judge(family, MAX_T)
    assert [entry.p_adjusted for entry in found] == pytest.approx(list(step_down(rows, generator(0, "max-t"))))
    family[0] = replace(family[0], numbers=None)
    with pytest.raises(StatisticsError, match=r"these have different repeats, 9 to 10 of them; give the nu"):
        judge(family, MAX_T)
    with pytest.raises(StatisticsError, match="Each repeat has its own number, found 2 different ones of 9 repeats in"):
        replace(family[0], numbers=(1, 2))


def test_crossed_designs_turn_splits() -> None:
    """Six splits of two seeds: the signs of six means are turned, not of twelve scores."""
    scores, splits = _scores(n=12), np.repeat(np.arange(6), 2)
    found = judge(_many_to_one(scores, splits), Rules("sign-flip", "crossed", "max-t"))
    means = scores.reshape(4, 6, 2).mean(-1)
    assert [entry.p_adjusted for entry in found] == pytest.approx(
        list(step_down(means[1:] - means[0], generator(0, "max-t")))
    )
    assert {entry.n for entry in found} == {6}


def test_equivalence_under_max_t_is_corrected_by_holm() -> None:
    """The two one-sided tests of a family under max-T are adjusted as Holm's method would."""
    base = np.random.default_rng(4).normal(size=12)
    rows = np.array([base, *(base + np.random.default_rng(j).normal(0, 0.1, 12) for j in range(3))])
    margin = Margin(0.5)
    found, holm = (
        judge(_many_to_one(rows), replace(MAX_T, correction=key, margin=margin)) for key in ("max-t", "holm")
    )
    assert [entry.p_equivalence_adjusted for entry in found] == [entry.p_equivalence_adjusted for entry in holm]
    assert {entry.verdict for entry in found} == {"equivalent"}


# ------------------------------------------------------------------------------------------------------------ seeds


@pytest.mark.parametrize("test", ["sign-flip", "permutation"])
def test_another_member_changes_no_old_number(test: str) -> None:
    """Flips are drawn from the seed and the two names: the same in any family and place, others for another seed."""
    scores = _scores(n=20)
    rules = Rules(test, "fixed", "bonferroni", seed=5)
    family = _many_to_one(scores)
    few, many = judge(family[:2], rules), judge([family[2], family[1], family[0]], rules)
    assert [entry.p for entry in few] == [many[2].p, many[1].p]
    assert judge(family, rules) == judge(family, rules)
    assert judge(family[1:2], replace(rules, seed=6))[0].p != few[1].p
    assert judge([replace(family[1], candidate="another")], rules)[0].p != few[1].p


# ------------------------------------------------------------------------------------- samples without common repeats


def _apart(n: int = 9, m: int = 12) -> Pair:
    rng = np.random.default_rng([n, m])
    return Pair("new", "old", _sample(rng.normal(0, 1, n)), _sample(rng.normal(1.8, 2, m)), paired=False)


@pytest.mark.parametrize("test", ["welch", "permutation", "mann-whitney"])
def test_unpaired_samples_may_have_any_sizes(test: str) -> None:
    """Nine values against twelve: p is scipy's, both sizes are told, and there is no effect of paired differences."""
    pair = _apart()
    assert pair.candidate_sample is not None
    assert pair.baseline_sample is not None
    x, y = pair.candidate_sample.values, pair.baseline_sample.values
    found = judge([pair], Rules(test, "fixed", margin=Margin(5.0)))[0]
    stranger = {
        "welch": stats.ttest_ind(x, y, equal_var=False).pvalue,
        "mann-whitney": stats.mannwhitneyu(x, y, method="exact").pvalue,
        "permutation": found.p,
    }[test]
    assert found.p == pytest.approx(stranger, rel=1e-9)
    assert (found.n, found.n_baseline) == (9, 12)
    assert found.difference == pytest.approx(x.mean() - y.mean())
    assert (found.d_z, found.hedges_g) == (None, None)
    assert found.verdict == "equivalent"
    assert json.loads(json.dumps(asdict(found), allow_nan=False))["n_baseline"] == 12


def test_welch_of_unequal_sizes_equals_scipy() -> None:
    """Statistic, degrees of freedom and interval of nine against twelve values equal ttest_ind(equal_var=False)."""
    pair = _apart()
    assert pair.candidate_sample is not None
    assert pair.baseline_sample is not None
    stranger = stats.ttest_ind(pair.candidate_sample.values, pair.baseline_sample.values, equal_var=False)
    found = judge([pair], Rules("welch", "fixed"))[0]
    interval = stranger.confidence_interval(0.95)
    assert (found.statistic, found.df, found.low, found.high) == pytest.approx(
        (stranger.statistic, stranger.df, interval.low, interval.high)
    )


def test_unpaired_samples_have_their_own_splits() -> None:
    """In a crossed design each side is averaged over its own splits, which need not be the same."""
    rng = np.random.default_rng(1)
    one = Sample(rng.normal(size=6), np.repeat([0, 1, 2], 2))
    other = Sample(rng.normal(size=8), np.repeat([7, 8, 9, 10], 2))
    found = judge([Pair("a", "b", one, other, paired=False)], Rules("welch", "crossed"))[0]
    assert (found.n, found.n_baseline) == (3, 4)
    stranger = stats.ttest_ind(
        one.values.reshape(3, 2).mean(1), other.values.reshape(4, 2).mean(1), equal_var=False
    ).pvalue
    assert found.p == pytest.approx(stranger)


@pytest.mark.parametrize(
    ("one", "other", "remark"),
    [
        ([1.0], [1.0, 2.0, 3.0], "A single repeat shows no spread"),
        (
            [1.0, 1.0],
            [3.0, 3.0, 3.0],
            "Deterministic given this split: the values of each side are all equal and their difference is -2, so",
        ),
    ],
)
def test_unpaired_samples_without_spread(one: list[float], other: list[float], remark: str) -> None:
    """One value on a side, or no spread on either: no p and a sentence; spread on one side is enough for p."""
    pair = Pair("a", "b", _sample(np.array(one)), _sample(np.array(other)), paired=False)
    found = judge([pair], Rules("welch", "fixed"))[0]
    assert found.p is None
    assert found.remarks[0].startswith(remark)
    some = Pair("a", "b", _sample(np.array([1.0, 1.0])), _sample(np.array([3.0, 3.5, 4.0])), paired=False)
    for test in ("welch", "permutation", "mann-whitney"):
        assert judge([some], Rules(test, "fixed"))[0].p is not None


def test_paired_tests_refuse_unpaired_samples() -> None:
    """A test that compares repeat by repeat names those that do not; a resampled design has none."""
    with pytest.raises(
        StatisticsError,
        match="'wilcoxon' compares repeat by repeat, and 'new' and 'old' have no repeats in common; use one of 'welch',"
        " 'permutation', 'mann-whitney'",
    ):
        judge([_apart()], Rules("wilcoxon", "fixed"))
    pair = Pair("a", "b", _sample(np.arange(3.0), np.arange(3)), _sample(np.arange(4.0), np.arange(4)), paired=False)
    with pytest.raises(StatisticsError, match="no repeats in common; no other is allowed in a resampled design"):
        judge([pair], Rules("nadeau-bengio", "resampled", test_to_train=0.3))


def test_intervals_of_too_few_values_are_missing() -> None:
    """Two against three values carry no 95 % interval by ranks or by redrawing, and it is said how."""
    pair = Pair("a", "b", _sample(np.array([1.0, 2])), _sample(np.array([3.0, 5, 4])), paired=False)
    for test, how in (("mann-whitney", "by ranks"), ("permutation", "by redrawing")):
        found = judge([pair], Rules(test, "fixed"))[0]
        assert found.low is None
        assert found.remarks == (f"2 and 3 repeats are too few for a 95% interval {how}.",)


# --------------------------------------------------------------------------------------------------- the one table


def test_every_declared_word_has_its_place() -> None:
    """Protocols may say every test and every correction, and no other."""
    from typing import get_args, get_type_hints

    from bpbench.protocol import Analysis
    from bpbench.report import vocabulary

    hints = get_type_hints(Analysis)
    assert set(get_args(hints["test"])) == set(TESTS) == set(vocabulary.TESTS)
    assert set(get_args(hints["correction"])) == set(CORRECTIONS) == set(vocabulary.CORRECTIONS)
    assert set(CORRECTIONS) - set(METHODS) == {"max-t"}


def test_the_table_names_every_test_and_design() -> None:
    """One row for each method, with *yes* exactly where its design is allowed; the README's table is this one."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table().splitlines()]
    assert [row[0] for row in rows[2:]] == [f"`{info.key}`" for info in TABLE]
    for row, info in zip(rows[2:], TABLE, strict=True):
        assert tuple(design for design, cell in zip(DESIGNS, row[3:6], strict=True) if cell == "yes") == info.designs
        assert (row[2] == "yes") == info.paired
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    assert f"\n\n{table()}\n\n" in readme
    assert len({info.key for info in TABLE}) == len(TABLE)

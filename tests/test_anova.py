"""Repeated-measures analysis of variance: against R, JASP (Field's textbook), statsmodels and simulation."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.anova import AnovaRM

from bpbench.errors import StatisticsError
from bpbench.statistics.anova import repeated_measures

# R's ?SSD, ?mauchly.test and ?anova.mlm: reaction times of Maxwell & Delaney, p. 497, ten subjects, six conditions
REACTION = np.array(
    [420, 420, 480, 480, 600, 780, 420, 480, 480, 360, 480, 600, 480, 480, 540, 660, 780, 780, 420, 540, 540, 480, 780,
     900, 540, 660, 540, 480, 660, 720, 360, 420, 360, 360, 480, 540, 480, 480, 600, 540, 720, 840, 480, 600, 660, 540,
     720, 900, 540, 600, 540, 480, 720, 780, 480, 420, 540, 540, 660, 780], dtype=float,
).reshape(10, 6)  # fmt: skip
# Field, Discovering Statistics, "Bushtucker": seconds to retching of eight celebrities by four dishes
BUSHTUCKER = np.array(
    [[8, 7, 1, 6], [9, 5, 2, 5], [6, 2, 3, 8], [5, 3, 1, 9], [8, 4, 5, 8], [7, 5, 6, 7], [10, 2, 7, 2], [12, 6, 8, 1]],
    dtype=float,
)  # fmt: skip


def test_the_reaction_times_of_r() -> None:
    """R: anova(mlmfit, mlmfit0, X = ~1, test = "Spherical") and mauchly.test(mlmfit, X = ~1), as R prints them.

    R's p of Mauchly's test (0.04765) has k instead of k - 1 in one place of its second-order term.
    """
    found = repeated_measures(REACTION)
    assert (found.df1, found.df2) == (5, 45)
    assert found.f == pytest.approx(38.028, abs=5e-4)
    assert found.p == pytest.approx(4.4711e-15, rel=2e-5)
    assert found.greenhouse_geisser == pytest.approx(0.4855, abs=5e-5)
    assert found.huynh_feldt == pytest.approx(0.6778, abs=5e-5)
    assert found.p_greenhouse_geisser == pytest.approx(2.532e-08, rel=2e-4)
    assert found.p_huynh_feldt == pytest.approx(7.393e-11, rel=2e-4)
    assert found.mauchly == pytest.approx(0.031084, abs=5e-7)
    assert found.p_mauchly == pytest.approx(0.04765, abs=1e-4)


def test_the_textbook_example_in_jasp() -> None:
    """JASP's test of its AnovaRepeatedMeasures, "Fields Book - Chapter 8", with all digits printed there."""
    found = repeated_measures(BUSHTUCKER)
    assert found.f == pytest.approx(3.793806, abs=5e-7)
    assert found.p == pytest.approx(0.0255703, abs=5e-8)
    assert (found.df1, found.df2) == (3, 21)
    assert found.greenhouse_geisser == pytest.approx(0.5328456, abs=5e-8)
    assert found.huynh_feldt == pytest.approx(0.6657636, abs=5e-8)
    assert found.p_greenhouse_geisser == pytest.approx(0.06258412, abs=5e-9)
    assert found.p_huynh_feldt == pytest.approx(0.04833061, abs=5e-9)
    assert found.mauchly == pytest.approx(0.136248, abs=5e-7)
    assert found.p_mauchly == pytest.approx(0.04684581, abs=1e-4)
    # its sums of squares: 83.125 between dishes, 153.375 left
    assert found.partial_eta2 == pytest.approx(83.125 / (83.125 + 153.375), rel=1e-12)
    total = float(np.sum((BUSHTUCKER - BUSHTUCKER.mean()) ** 2))
    assert found.generalised_eta2 == pytest.approx(83.125 / total, rel=1e-12)


@pytest.mark.parametrize(("columns", "f", "p"), [((0, 1), 22.80339, 0.002023283), ((1, 2), 0.01081917, 0.9200747)])
def test_two_dishes_in_jasp(columns: tuple[int, int], f: float, p: float) -> None:
    """Two variants alone, from the same file: no correction applies, and F is the square of the paired t."""
    table = BUSHTUCKER[:, columns]
    found = repeated_measures(table)
    assert (found.f, found.p) == pytest.approx((f, p), rel=1e-6)
    assert (found.greenhouse_geisser, found.huynh_feldt) == (1.0, 1.0)
    assert (found.mauchly, found.p_mauchly) == (None, None)
    assert found.f == pytest.approx(stats.ttest_rel(*table.T).statistic ** 2, rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_f_is_that_of_statsmodels(seed: int) -> None:
    """F and its p equal AnovaRM's on random tables with effects of variants and repeats."""
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(3, 9)), int(rng.integers(3, 6))
    table = rng.normal(size=(n, k)) + 3 * rng.normal(size=(n, 1)) + 0.5 * rng.normal(size=k)
    rows, columns = np.indices(table.shape)
    frame = pd.DataFrame({"score": table.ravel(), "repeat": rows.ravel(), "variant": columns.ravel()})
    theirs = AnovaRM(frame, "score", "repeat", within=["variant"]).fit().anova_table.loc["variant"]
    found = repeated_measures(table)
    assert found.f == pytest.approx(theirs["F Value"], rel=1e-9)
    assert found.p == pytest.approx(theirs["Pr > F"], rel=1e-9)
    assert (found.df1, found.df2) == (theirs["Num DF"], theirs["Den DF"])


def test_corrections_are_between_their_bounds() -> None:
    """1/(k-1) ≤ ε̂ ≤ ε̃ ≤ 1 and p ≤ p_HF ≤ p_GG where p < 0.1, on 200 tables of unequal noise."""
    rng = np.random.default_rng(4)
    for _ in range(200):
        table = rng.normal(size=(int(rng.integers(2, 12)), 5)) * rng.uniform(0.1, 3, 5) + 2 * rng.normal(size=5)
        found = repeated_measures(table)
        assert 0.25 - 1e-12 <= found.greenhouse_geisser <= found.huynh_feldt <= 1
        if found.p < 0.1:
            assert found.p <= found.p_huynh_feldt * (1 + 1e-9) <= found.p_greenhouse_geisser * (1 + 1e-8)


def test_what_a_repeat_does_to_all_drops_out() -> None:
    """Neither a shift of every repeat nor the unit changes F, its corrections or W, down to 1e-140 and up to 1e140."""
    before = dataclasses.asdict(repeated_measures(BUSHTUCKER))
    shifted = dataclasses.asdict(repeated_measures(BUSHTUCKER + 100 * np.arange(8.0)[:, None]))
    assert shifted.pop("generalised_eta2") < before["generalised_eta2"]
    assert shifted == pytest.approx({key: value for key, value in before.items() if key != "generalised_eta2"})
    for unit in (1e-140, 1e140):
        assert dataclasses.asdict(repeated_measures(unit * BUSHTUCKER)) == pytest.approx(before)
    json.dumps(before, allow_nan=False)


def test_corrected_f_keeps_its_level_without_sphericity() -> None:
    """One very noisy variant of five: of 2000 tables, plain F errs in 13 %, the corrected ones in at most 5 %."""
    rng, runs = np.random.default_rng(6), 2000
    noise = np.array([0.2, 0.2, 0.2, 0.2, 3.0])
    found = [repeated_measures(noise * rng.normal(size=(10, 5))) for _ in range(runs)]
    error = 3 * math.sqrt(0.05 * 0.95 / runs)
    assert np.mean([one.p <= 0.05 for one in found]) > 0.1
    assert np.mean([one.p_greenhouse_geisser <= 0.05 for one in found]) <= 0.05 + error
    assert np.mean([one.p_huynh_feldt <= 0.05 for one in found]) <= 0.05 + error


def test_levels_under_sphericity() -> None:
    """With equal noise F errs at 5 % and Mauchly's p is uniform (Kolmogorov-Smirnov), on 1500 tables."""
    rng, runs = np.random.default_rng(7), 1500
    found = [repeated_measures(rng.normal(size=(10, 4)) + 5 * rng.normal(size=(10, 1))) for _ in range(runs)]
    error = 3 * math.sqrt(0.05 * 0.95 / runs)
    assert np.mean([one.p <= 0.05 for one in found]) == pytest.approx(0.05, abs=error)
    assert np.mean([one.p_greenhouse_geisser <= 0.05 for one in found]) <= 0.05 + error
    assert stats.kstest([one.p_mauchly for one in found], "uniform").pvalue > 0.01


def test_fewer_repeats_than_contrasts() -> None:
    """Three repeats of eight variants: F and ε̂ stand, Mauchly's W has no value."""
    found = repeated_measures(np.random.default_rng(0).normal(size=(3, 8)))
    assert (found.mauchly, found.p_mauchly) == (None, None)
    assert found.greenhouse_geisser <= 2 / 7 + 1e-12


def test_a_hundred_thousand_repeats() -> None:
    """Size is no matter: nothing of (nk)² is formed."""
    found = repeated_measures(np.random.default_rng(0).normal(size=(100_000, 6)))
    assert found.greenhouse_geisser == pytest.approx(1, abs=1e-3)
    assert found.df2 == 5 * 99_999


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (np.ones(4), r"at least 2 repeats \(rows\) and 2 variants \(columns\), found shape \(4,\)"),
        (np.ones((1, 4)), r"found shape \(1, 4\)"),
        (np.ones((4, 3)), "In all 4 repeats the 3 variants differ from each other by the same amounts"),
        (np.zeros((4, 3)), "no noise to test against"),
        (0.1 * np.arange(5)[:, None] + np.array([1e6, 0.3, 7.7]), "In all 5 repeats the 3 variants differ"),
        (np.array([[1, 2], [math.nan, 1]]), "found nan in repeat 2 of variant 1; leave out"),
        (np.array([[1, math.inf], [0, 1]]), "found inf in repeat 1 of variant 2"),
        (np.array([[1, 2], [1, -1e151]]), r"at most 1e\+150, found -1e\+151"),
    ],
)
def test_tables_that_cannot_be_analysed(table: np.ndarray, sentence: str) -> None:
    """Each refusal says what was expected, what was found and where."""
    with pytest.raises(StatisticsError, match=sentence):
        repeated_measures(table)

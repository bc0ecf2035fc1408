"""Scores of other programs: how a table becomes pairs and verdicts, and what is said where it does not."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bpbench.data.score_files import Roles, Scores, read_table
from bpbench.errors import BpbenchError
from bpbench.report.answer import answer
from bpbench.score_findings import KEY, LISTED, PART, findings, folder
from bpbench.scores import MOST_VARIANTS, Asked, Judged, judge
from bpbench.statistics.margins import Margin

#: R's sleep data (Cushny & Peebles 1905): extra hours of sleep of ten patients under two drugs.
SLEEP = {
    "1": (0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0),
    "2": (1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4),
}
PAIRED = Roles("model", "loss", "seed")


def table(folder: Path, rows: list[tuple[Any, ...]], names: str = "model,seed,loss") -> Path:
    """Write a csv of these rows."""
    file = folder / "scores.csv"
    file.write_text("\n".join([names, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")
    return file


def judged(file: Path, roles: Roles = PAIRED, **asked: Any) -> Judged:
    """Read and judge a table."""
    return judge(read_table(file, roles), roles, Asked(**asked))


def three(repeats: int = 6, seed: int = 1) -> list[tuple[Any, ...]]:
    """Return the rows of three models over paired repeats: B lower than A, C like A."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=repeats)
    return [
        (model, number + 1, float(1 + 0.1 * shared[number] + shift + 0.02 * rng.normal()))
        for model, shift in (("A", 0.0), ("B", -0.1), ("C", 0.005))
        for number in range(repeats)
    ]


def found(one: Judged, **options: Any) -> dict[str, Any]:
    """Return the findings of a judged table."""
    given = {"name": "scores", "command": "bpbench compare", "metric": None, "unit": "", "formats": ("html",)}
    return findings(one, **(given | options))


# ---------------------------------------------------------------------------------------------------- strangers


def sleep(folder: Path) -> Path:
    rows = [(group, number, value) for group, values in SLEEP.items() for number, value in enumerate(values, 1)]
    return table(folder, rows, "group,ID,extra")


def test_paired_sleep_gives_the_numbers_of_r(tmp_path: Path) -> None:
    """R: with(sleep, t.test(extra[group == 2], extra[group == 1], paired = TRUE)): t = 4.0621, df = 9, p = 0.002833."""
    (entry,) = judged(sleep(tmp_path), Roles("group", "extra", "ID"), lower_is_better=False).comparisons
    assert (entry.candidate, entry.baseline, entry.n, entry.verdict) == ("2", "1", 10, "better")
    assert entry.statistic == pytest.approx(4.0621, abs=5e-5)
    assert entry.df == 9
    assert entry.p == pytest.approx(0.002833, abs=5e-7)
    assert (entry.low, entry.high) == (pytest.approx(0.7001142, abs=5e-8), pytest.approx(2.4598858, abs=5e-8))


def test_unpaired_sleep_gives_the_numbers_of_r(tmp_path: Path) -> None:
    """R: t.test(extra ~ group, data = sleep): t = -1.8608, df = 17.776, p = 0.07939."""
    one = judged(sleep(tmp_path), Roles("group", "extra"), lower_is_better=False)
    (entry,) = one.comparisons
    assert one.rules.test == "welch"
    assert not one.paired
    assert entry.statistic == pytest.approx(1.8608, abs=5e-5)
    assert entry.df == pytest.approx(17.776, abs=5e-4)
    assert entry.p == pytest.approx(0.07939, abs=5e-6)


@pytest.mark.parametrize("test", ["welch", "mann-whitney", "permutation"])
def test_samples_without_pairs_may_have_any_sizes(tmp_path: Path, test: str) -> None:
    """Seven runs against nine: scipy's own p for each test of independent samples, and no effect of pairs."""
    rng = np.random.default_rng(3)
    values = {"A": rng.normal(size=7), "B": rng.normal(1.0, size=9)}
    rows = [(model, value) for model, own in values.items() for value in own.tolist()]
    one = judged(table(tmp_path, rows, "model,loss"), Roles("model", "loss"), test=test)
    (entry,) = one.comparisons
    expected = {
        "welch": lambda: stats.ttest_ind(values["B"], values["A"], equal_var=False),
        "mann-whitney": lambda: stats.mannwhitneyu(values["B"], values["A"], method="exact"),
        "permutation": lambda: stats.permutation_test(
            (values["B"], values["A"]), lambda a, b: a.mean() - b.mean(), n_resamples=np.inf, vectorized=False
        ),
    }[test]()
    assert (entry.n, entry.n_baseline, one.units, entry.d_z) == (9, 7, 7, None)
    assert entry.p == pytest.approx(expected.pvalue, rel=1e-9)


def test_a_rank_test_of_unequal_samples_is_refused_by_what_it_could_reach(tmp_path: Path) -> None:
    """2 against 3 runs reach p = 0.2 at best, 2 against 40 do reach 0.05."""
    rows = [("A", 1.0), ("A", 2.0), *(("B", 3.0 + number) for number in range(3))]
    with pytest.raises(BpbenchError, match=r"could never reach alpha = 0\.05"):
        judged(table(tmp_path, rows, "model,loss"), Roles("model", "loss"), test="mann-whitney")
    rows += [("B", 7.0 + number) for number in range(37)]
    one = judged(table(tmp_path, rows, "model,loss"), Roles("model", "loss"), test="mann-whitney")
    assert one.comparisons[0].p == pytest.approx(2 / (42 * 41 / 2))


def test_max_t_turns_the_signs_of_a_repeat_in_all_pairs_that_have_it(tmp_path: Path) -> None:
    """With an absent row the pairs hold different repeats, and they are told apart by name."""
    rows = [row for row in three(8) if row[:2] != ("B", 2)]
    one = judged(table(tmp_path, rows), test="sign-flip", correction="max-t")
    assert [entry.n for entry in one.comparisons] == [7, 8]
    assert one.comparisons[0].p_adjusted == pytest.approx(2 / 2**7, abs=0.01)


def test_a_resampled_design_widens_the_error_by_the_overlap(tmp_path: Path) -> None:
    """The Nadeau-Bengio t by its definition, with n_test/n_train = 1/4."""
    rows = three()
    one = judged(table(tmp_path, rows), design="resampled", test_to_train=0.25)
    values = {name: np.array([value for model, _, value in rows if model == name]) for name in "AB"}
    gap = values["B"] - values["A"]
    t = gap.mean() / np.sqrt((1 / 6 + 0.25) * gap.var(ddof=1))
    assert one.rules.test == "nadeau-bengio"
    assert one.comparisons[0].statistic == pytest.approx(t, rel=1e-12)
    assert one.comparisons[0].p == pytest.approx(2 * stats.t.sf(abs(t), 5), rel=1e-9)


def test_a_margin_may_be_a_share_of_the_mean_of_the_baseline(tmp_path: Path) -> None:
    """``5%``: scipy's one-sided t tests of the contrasts c - 1.05 b and c - 0.95 b."""
    rows = three(10)
    entry = judged(table(tmp_path, rows), margin=Margin.parse("5%")).comparisons[1]
    c, b = (np.array([value for model, _, value in rows if model == name]) for name in "CA")
    below = stats.ttest_1samp(c - 1.05 * b, 0, alternative="less").pvalue
    above = stats.ttest_1samp(c - 0.95 * b, 0, alternative="greater").pvalue
    assert entry.p_equivalence == pytest.approx(max(below, above), rel=1e-9)
    assert entry.verdict == "equivalent"


@pytest.mark.parametrize("unit", [None, "seed"])
def test_repeats_are_averaged_within_splits_first(tmp_path: Path, unit: str | None) -> None:
    """With --split the test is scipy's paired t on the means of the splits, whether or not seeds have names."""
    rng = np.random.default_rng(4)
    rows = [(model, split, seed, rng.normal()) for model in "AB" for split in range(4) for seed in range(3)]
    one = judged(table(tmp_path, rows, "model,split,seed,loss"), Roles("model", "loss", unit, "split"))
    means = pd.DataFrame(rows, columns=["model", "split", "seed", "loss"]).groupby(["model", "split"]).loss.mean()
    assert (one.rules.design, one.units) == ("crossed", 4)
    assert one.comparisons[0].p == pytest.approx(stats.ttest_rel(means["B"], means["A"]).pvalue, rel=1e-9)


@pytest.mark.parametrize("unit", [None, "seed"])
def test_folds_with_several_seeds_count_once_each(tmp_path: Path, unit: str | None) -> None:
    """Resampled splits of several runs: the Nadeau-Bengio t by its definition, on the means of the splits."""
    rng = np.random.default_rng(5)
    rows = [(model, split, seed, rng.normal()) for model in "AB" for split in range(5) for seed in range(3)]
    roles = Roles("model", "loss", unit, "split")
    one = judged(table(tmp_path, rows, "model,split,seed,loss"), roles, design="resampled", test_to_train=0.25)
    means = pd.DataFrame(rows, columns=["model", "split", "seed", "loss"]).groupby(["model", "split"]).loss.mean()
    gap = (means["B"] - means["A"]).to_numpy()
    t = gap.mean() / np.sqrt((1 / 5 + 0.25) * gap.var(ddof=1))
    assert (one.units, one.comparisons[0].n) == (5, 5)
    assert one.comparisons[0].statistic == pytest.approx(t, rel=1e-12)


def test_repeats_that_sound_like_folds_are_warned_of(tmp_path: Path) -> None:
    """A plain test on a column called fold is remarked on; a seed is not, nor is what was declared resampled."""
    file = table(tmp_path, three(), "model,cv_fold,loss")
    said = found(judged(file, Roles("model", "loss", "cv_fold"), baseline="A"))["data"]["remarks"]
    assert said[0].startswith("The column 'cv_fold' sounds as if every repeat redraws the split of one data set.")
    resampled = judged(file, Roles("model", "loss", "cv_fold"), baseline="A", design="resampled", test_to_train=0.25)
    assert found(resampled)["data"]["remarks"] == []
    crossed = judged(file, Roles("model", "loss", None, "cv_fold"), baseline="A")
    (said,) = found(crossed)["data"]["remarks"]
    assert said.startswith("The column 'cv_fold' sounds as if every split had test data of its own, as the folds of a")
    repeated = Roles("model", "loss", "cv_fold", "draw")
    file = table(tmp_path, [(*row[:2], draw, row[2]) for row in three() for draw in (1, 2)], "model,cv_fold,draw,loss")
    assert "sounds as if every repeat redraws" in found(judged(file, repeated, baseline="A"))["data"]["remarks"][0]


@pytest.mark.parametrize("column", ["split", "folder"])
def test_a_split_that_may_well_share_its_test_data_is_not_warned_of(tmp_path: Path, column: str) -> None:
    """The plain word says nothing of what splits have in common, and a folder is no fold."""
    file = table(tmp_path, three(), f"model,{column},loss")
    assert found(judged(file, Roles("model", "loss", None, column), baseline="A"))["data"]["remarks"] == []


#: Each decides the findings, or what is said of them.
OTHERWISE: tuple[dict[str, Any], ...] = (
    {"pairs": "all"}, {"baseline": "B"}, {"baseline": None}, {"test": "welch"}, {"correction": "bh"},
    {"alpha": 0.1}, {"power": 0.9}, {"margin": Margin(0.1)}, {"lower_is_better": False}, {"seed": 1},
    {"design": "resampled", "test_to_train": 0.25},
)  # fmt: skip


def test_another_question_has_another_digest(tmp_path: Path) -> None:
    """No report lands in the folder of another: by what was asked, which rows count, and how curves were read."""
    file = table(tmp_path, [(*row, "a") for row in three()], "model,seed,loss,kind")
    usual, held = {"baseline": "A"}, read_table(file, PAIRED)
    chosen = Roles("model", "loss", "seed", where=(("kind", "a"),))
    ways = [
        *(judged(file, **(usual | other)) for other in ({}, *OTHERWISE)),
        judged(file, chosen, **usual),
        judge(replace(held, pattern="{variant}/{repeat}/*"), PAIRED, Asked(**usual)),
        judge(replace(held, remarks=("The score is that of the last epoch.",)), PAIRED, Asked(**usual)),
    ]
    places = [folder(found(one)) for one in ways]
    assert len(set(places)) == len(places)
    assert folder(found(ways[0])) == folder(found(judged(file, **usual)))


def test_a_baseline_that_nobody_named_is_the_first_of_the_table(tmp_path: Path) -> None:
    """It is said, and never chosen by a score."""
    one = judged(table(tmp_path, three()))
    assert one.baseline == "A"
    assert found(one)["data"]["remarks"] == ["No baseline was named, so it is the first variant of the table, 'A'."]


def test_all_pairs_may_be_compared(tmp_path: Path) -> None:
    """Each with each, the later in the table as the candidate; a great many are refused."""
    one = judged(table(tmp_path, three()), pairs="all")
    assert one.family == (("B", "A"), ("C", "A"), ("C", "B"))
    assert [entry.verdict for entry in one.comparisons] == ["better", "undecided", "worse"]
    rows = [(number, seed, number + seed) for number in range(21) for seed in (1, 2)]
    with pytest.raises(
        BpbenchError, match=r"--pairs all: 21 variants make 210 comparisons; choose at most 20 variants"
    ):
        judged(table(tmp_path, rows), pairs="all")


def test_the_family_is_corrected_as_declared(tmp_path: Path) -> None:
    """Two comparisons under Holm: the smaller p doubles."""
    one = judged(table(tmp_path, three()))
    small, large = sorted(one.comparisons, key=lambda entry: entry.p or 0)
    assert small.p_adjusted == pytest.approx(2 * small.p)
    assert large.p_adjusted == pytest.approx(max(large.p, small.p_adjusted))


# ------------------------------------------------------------------------------- what is missing, doubled or broken


def test_the_order_of_rows_decides_nothing(tmp_path: Path) -> None:
    """Rows in any order give the same comparisons, to the bit."""
    rows = three()
    mixed = [rows[place] for place in np.random.default_rng(2).permutation(len(rows))]
    one = judged(table(tmp_path, rows), baseline="A").comparisons
    other = judged(table(tmp_path, mixed), baseline="A").comparisons
    assert {entry.candidate: entry for entry in one} == {entry.candidate: entry for entry in other}


def test_an_absent_row_is_left_out_pair_by_pair_and_said(tmp_path: Path) -> None:
    """A repeat that one side has no row for is dropped from that pair alone, and named."""
    rows = [row for row in three() if row[:2] != ("B", 2)]
    one = judged(table(tmp_path, rows), baseline="A")
    with_b, with_c = one.comparisons
    assert (with_b.n, with_c.n) == (5, 6)
    assert with_b.remarks == (
        (
            "Left out, since the other side has no row for it: 1 repeat ('2') of 'A'; the comparison rests on what "
            "both "
            "have."
        ),
    )
    assert with_b.verdict == "better"
    assert with_c.remarks == ()
    data = found(one)
    assert data["failures"] == [{"variant": "B", "repeat": "2", "status": "missing", "message": "there is no row"}]
    assert data["jobs"]["missing"] == 1
    assert "1 of 'B' (2)" in data["data"]["remarks"][0]


@pytest.mark.parametrize("written", ["", "NaN", "NA", "inf", "-inf"])
def test_a_score_that_is_no_number_counts_as_a_run_that_broke_down(tmp_path: Path, written: str) -> None:
    """Without a finite score on one row, B cannot be better any more; the same without that row can."""
    rows = [(*row[:2], written) if row[:2] == ("B", 2) else row for row in three()]
    entry = judged(table(tmp_path, rows)).comparisons[0]
    assert entry.significant
    assert entry.verdict == "undecided"
    assert "1 repeat of 'B' diverged" in entry.remarks[-1]
    data = found(judged(table(tmp_path, rows)))
    assert data["failures"][0]["message"] == "row 8: the score is empty, NaN or infinite"
    assert data["jobs"]["diverged"] == 1


def test_a_baseline_that_broke_down_cannot_make_others_worse(tmp_path: Path) -> None:
    """What failed counts against its own variant, also where that is the baseline."""
    rows = [(*row[:2], "") if row[:2] == ("B", 2) else row for row in three()]
    one = judged(table(tmp_path, rows), baseline="B")
    assert {entry.verdict for entry in one.comparisons} == {"undecided"}


def test_duplicates_are_refused_by_name(tmp_path: Path) -> None:
    """A repeat with two scores is named with its rows, and what can be done is said."""
    rows = [*three(), ("A", 3, 1.0), ("C", 1, 2.0)]
    expected = (
        r"scores.csv: a repeat has one score, but 'A' has repeat '3' on rows 3 and 19; 'C' has repeat '1' on rows 13 "
        r"and 20; name the column that tells them apart with --split .*, choose rows with --where, or average them"
    )
    with pytest.raises(BpbenchError, match=expected):
        judged(table(tmp_path, rows))


def test_of_many_duplicates_the_first_are_named(tmp_path: Path) -> None:
    """A table of frames instead of repeats does not fill the screen."""
    rows = [row for row in three() for _ in range(4)]
    with pytest.raises(BpbenchError, match=r"rows 1 and 2; .*rows 9 and 10; 54 rows are too many in all; name"):
        judged(table(tmp_path, rows))


def test_duplicates_within_a_split_ask_for_no_further_split(tmp_path: Path) -> None:
    """Where a split is named already, --split is not offered again."""
    rows = [(model, 1, 1, 0.5) for model in "AAB"]
    with pytest.raises(BpbenchError, match=r"has repeat '1/1' on rows 1 and 2; choose rows with --where, or average"):
        judged(table(tmp_path, rows, "model,split,seed,loss"), Roles("model", "loss", "seed", "split"))


def test_where_chooses_rows(tmp_path: Path) -> None:
    """Rows of another part of the data do not count, and the report says so."""
    rows = [(part, *row[:2], row[2] + shift) for part, shift in (("train", -9), ("test", 0)) for row in three()]
    roles = Roles("model", "loss", "seed", where=(("part", "test"),))
    one = judged(table(tmp_path, rows, "part,model,seed,loss"), roles, baseline="A")
    (tmp_path / "plain").mkdir()
    plain = judged(table(tmp_path / "plain", three()))
    assert one.comparisons == plain.comparisons
    assert found(one)["data"]["remarks"] == ["Only the 18 rows with part = test count, of 36."]
    with pytest.raises(BpbenchError, match=r"scores.csv: no row has part=validation\."):
        judged(
            table(tmp_path, rows, "part,model,seed,loss"),
            Roles("model", "loss", "seed", where=(("part", "validation"),)),
        )


def test_a_share_of_scores_that_are_not_positive_has_no_equivalence_test(tmp_path: Path) -> None:
    """It is said first, and no number of repeats is promised to decide what is not tested."""
    rows = [(model, seed, loss - 1) for model, seed, loss in three()]
    one = judged(table(tmp_path, rows), margin=Margin(0.05, "relative"))
    for entry in one.comparisons:
        assert (entry.p_equivalence, entry.margin_width, entry.needed) == (None, None, None)
        assert entry.remarks[0].startswith("No equivalence test was made. A relative margin is a share of")
    assert " No equivalence test was made. A relative margin" in " ".join(answer(found(one)))


def test_counts_are_written_in_one_way(tmp_path: Path) -> None:
    """Thousands are set apart in remarks as in verdicts."""
    rng = np.random.default_rng(4)
    rows = [
        (model, seed, "" if model == "B" and seed < 12_000 else 1 + rng.normal())
        for model in ("A", "B")
        for seed in range(28_000)
    ]
    file = table(tmp_path, [*(("x", *row) for row in rows), ("y", "A", 1, 0)], "part,model,seed,loss")
    one = judged(file, Roles("model", "loss", "seed", where=(("part", "x"),)))
    said = "\n".join([*answer(found(one)), *found(one)["data"]["remarks"]])
    for text in ("n = 16 000,", "Only the 56 000 rows", "of 56 001.", "12 000 scores of 'B'", "12 000 repeats of"):
        assert text.replace(" 00", "\u202f00") in said
    assert not re.search(r"\d{5}", said)


# ------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("roles", "asked", "expected"),
    [
        (Roles("modl", "loss", "seed"), {}, r"there is no column 'modl' for --variant; did you mean 'model'\?"),
        (Roles("model", "lose", "seed"), {}, r"there is no column 'lose' for --score; did you mean 'loss'\?"),
        (Roles("model", "loss", "sed"), {}, r"there is no column 'sed' for --unit; did you mean 'seed'\?"),
        (Roles("model", "loss", "model"), {}, r"'model' is named as --variant and as --unit; each needs its own\."),
        (Roles("model", "loss", where=(("x", "1"),)), {}, r"there is no column 'x' for --where; possible are loss,"),
        (PAIRED, {"baseline": "zz"}, r"there is no variant 'zz' for --baseline; possible are A, B, C\.$"),
        (PAIRED, {"test": "paired"}, r"There is no test 'paired'; did you mean 'paired-t'\?"),
        (PAIRED, {"correction": "hom"}, r"There is no correction 'hom'; did you mean"),
        (PAIRED, {"design": "fix"}, r"There is no design 'fix'; did you mean 'fixed'\?"),
        (PAIRED, {"design": "crossed"}, r"--design crossed averages within splits; name their column with --split\."),
        (PAIRED, {"design": "resampled"}, r"needs to know how far the splits overlap: add --test-fraction"),
        (PAIRED, {"test_to_train": 0.2}, r"say how far redrawn splits overlap; with them, --design resampled"),
        (PAIRED, {"design": "resampled", "test_to_train": 0.2, "test": "wilcoxon"}, r"not allowed in a resampled"),
        (Roles("model", "loss"), {"margin": Margin(0.3, "d_z")}, r"'welch' cannot judge a margin of 0.3 d_z"),
        (Roles("model", "loss"), {"test": "paired-t"}, r"nothing says which rows belong together: name the column"),
        (Roles("model", "loss"), {"design": "resampled", "test_to_train": 1.0}, r"name their column with --unit, or"),
        (Roles("model", "loss", None, "seed"), {"design": "fixed"}, r"--design fixed has one split; leave --split out"),
        (PAIRED, {"test": "wilcoxon", "alpha": 0.01}, r"scores.csv: with 6 repeats .*; at least 9 repeats are"),
    ],
)  # fmt: skip
def test_requests_that_cannot_be_answered_say_why(
    tmp_path: Path, roles: Roles, asked: dict[str, Any], expected: str
) -> None:
    """Every refusal names what was asked, what there is, and what to do."""
    with pytest.raises(BpbenchError, match=expected):
        judged(table(tmp_path, three()), roles, **asked)


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (b"", r"scores.csv: the file is empty\.$"),
        (
            b"model\x01\x02,seed\x03\n1,2\n",
            r"scores.csv: expected a table as text \(UTF-8\), found bytes that are none\.$",
        ),
        (b"\x01\x02\xc8,\x07\x00\n", r"scores.csv: expected a table as text \(UTF-8\), found bytes that are none\.$"),
        (
            b"model,seed,loss\nA,1,2\n\xff\xfe,2,3\n",
            r"scores.csv: expected a table as text \(UTF-8\), found bytes that",
        ),
    ],
)
def test_files_that_hold_no_table_say_so(tmp_path: Path, held: bytes, expected: str) -> None:
    """Nothing of what is no text is printed."""
    (tmp_path / "scores.csv").write_bytes(held)
    with pytest.raises(BpbenchError, match=expected) as caught:
        judged(tmp_path / "scores.csv")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], r"scores.csv: the table has no rows\."),
        (
            [("A", 1, 1.0), ("A", 2, 1.0)],
            r"'model': expected at least two variants to compare, found only 'A'; name the",
        ),
        ([("A", 1, 1.0), ("B", 1, "bad")], r"expected numbers in the column 'loss', found 'bad' in row 2\."),
        ([("A", 1, 1.0), ("", 1, 2.0)], r"row 2: the label 'model' is missing\."),
        ([("A", 1, 1.0), ("B", "", 2.0)], r"row 2: the label 'seed' is missing\."),
        (
            [("A", "a1", 1.0), ("A", "a2", 1.0), ("B", "b1", 1.0), ("B", "b2", 1.0)],
            r"there are no pairs \('seed': 'A' has a1, a2; 'B' has b1, b2\); where repeats do not belong together,",
        ),
        (
            [("A", 1, 1.0), ("B", 1, 2.0), ("B", 2, 2.0)],
            (
                r"^scores.csv: a test needs at least 2 independent repeats .*, and even 'B' against 'A' has a "
                r"single repeat in common by 'seed' \(rows with a score: 2 of 'B' and 1 of 'A'\); add rows of further"
            ),
        ),
        (
            [("A", 1, 1.0), ("B", 1, 2.0, 3), ("B", 2, 2.0), ("B", 3, 2.0, 3)],
            r"scores.csv, row 2: expected 3 cells as in the header, found 4; too long as well: row 4\.$",
        ),
        (
            [("A", 1, 1.0), *(("B", row, 2.0, 3) for row in range(9))],
            r"row 2: expected 3 cells as in the header, found 4; too long as well: row 3, row 4, …$",
        ),
        (
            [(number, 1, 1.0) for number in range(MOST_VARIANTS + 1)],
            r"expected at most 200 variants, found 201 \('0', '1'",
        ),
    ],
)
def test_tables_that_cannot_be_compared_say_why(tmp_path: Path, rows: list[tuple[Any, ...]], expected: str) -> None:
    """What is wrong in a table is told with its row or its names."""
    with pytest.raises(BpbenchError, match=expected):
        judged(table(tmp_path, rows))


@pytest.mark.parametrize(("gap", "said"), [(0.0, "zero"), (0.5, "0.5")])
def test_scores_without_any_spread_give_no_p(tmp_path: Path, gap: float, said: str) -> None:
    """Two deterministic variants are described and not tested."""
    rows = [(model, seed, 1 + (model == "B") * gap) for model in "AB" for seed in range(4)]
    (entry,) = judged(table(tmp_path, rows)).comparisons
    assert (entry.p, entry.verdict, entry.difference) == (None, "undecided", gap)
    assert entry.remarks[0].startswith(f"Deterministic given this split: all 4 paired differences are {said},")


def test_no_score_at_all_is_an_answer_without_numbers(tmp_path: Path) -> None:
    """A table of broken runs alone shows no p and says so."""
    one = judged(table(tmp_path, [(model, seed, "") for model in "AB" for seed in range(3)]))
    assert one.units == 0
    assert one.comparisons[0].p is None
    assert found(one)["jobs"] == {
        "total": 6, "done": 0, "failed": 6, "diverged": 6, "missing": 0, "distinct": 6, "repeated": 0, "shared": 0,
    }  # fmt: skip


# ------------------------------------------------------------------------------------------ forms and sizes of tables


def same(one: Scores, other: Scores) -> bool:
    names = all(getattr(one, key) == getattr(other, key) for key in ("variants", "units", "splits", "rows"))
    return names and all(
        np.array_equal(getattr(one, key), getattr(other, key), equal_nan=True)
        for key in ("variant", "unit", "split", "row", "score")
    )


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv.gz"])
def test_every_form_of_a_table_reads_alike(tmp_path: Path, ending: str) -> None:
    """Parquet, JSON lines and packed csv hold the same scores as a csv, the missing one included."""
    rows = [(*row[:2], None) if row[:2] == ("B", 2) else row for row in three()]
    frame = pd.DataFrame(rows, columns=["model", "seed", "loss"])
    plain, other = tmp_path / "scores.csv", tmp_path / f"scores.{ending}"
    frame.to_csv(plain, index=False)
    if ending == "parquet":
        frame.to_parquet(other)
    elif ending == "jsonl":
        lines = [json.dumps(dict(zip(frame.columns, row, strict=True))) for row in rows]
        other.write_text("\n".join(lines), encoding="utf-8")
    else:
        frame.to_csv(other, index=False)
    assert same(read_table(plain, PAIRED), read_table(other, PAIRED))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"model": "A", "seed": 1, "loss": "x"}', r"expected numbers in the column 'loss', found 'x' in row 1\."),
        ('{"model": "A", "loss": 1}\n{"model": "A", "seed": 1, "loss": 1}', r"row 1: the label 'seed' is missing\."),
        ("[1]", r"line 1: expected a JSON object on each line, found '\[1\]'\."),
        ("{", r"line 1: expected a JSON object on each line \("),
    ],
)
def test_json_lines_that_are_wrong_are_named(tmp_path: Path, text: str, expected: str) -> None:
    """A broken line of a log is told by its number."""
    file = tmp_path / "scores.jsonl"
    file.write_text(text + "\n", encoding="utf-8")
    with pytest.raises(BpbenchError, match=expected):
        read_table(file, PAIRED)


def big(folder: Path, rows: int) -> tuple[Path, pd.DataFrame]:
    """Write a table of two models over as many repeats."""
    rng = np.random.default_rng(7)
    half = rows // 2
    frame = pd.DataFrame(
        {
            "model": np.repeat(["A", "B"], half),
            "seed": np.tile(np.arange(half), 2),
            "loss": rng.normal(size=2 * half),
        }
    )
    file = folder / "big.csv"
    frame.to_csv(file, index=False)
    return file, frame


def check_big(folder: Path, rows: int) -> None:
    file, frame = big(folder, rows)
    one = judged(file)
    data = found(one)
    values = [frame.loss[frame.model == name].to_numpy() for name in "BA"]
    assert one.comparisons[0].p == pytest.approx(stats.ttest_rel(*values).pvalue, rel=1e-6)
    assert data["jobs"]["done"] == rows
    assert sum(len(variant["results"]) for variant in data["variants"]) <= LISTED
    assert data["variants"][0]["summary"][PART][KEY]["mean"] == pytest.approx(values[1].mean(), abs=1e-12)


def test_a_long_table_is_judged_whole_and_listed_in_part(tmp_path: Path) -> None:
    """Beyond some number of repeats the findings list evenly picked ones; the statistics use all."""
    check_big(tmp_path, 40_000)


@pytest.mark.slow
def test_a_million_rows(tmp_path: Path) -> None:
    """The same at 10^6 rows."""
    check_big(tmp_path, 1_000_000)


def test_variants_are_ranked_beside_the_verdicts(tmp_path: Path) -> None:
    """Friedman's statistic of scipy over the common repeats; a broken run ranks last, an absent one leaves out."""
    rows = [*three(), *(("D", seed, 0.5) if seed != 3 else ("D", seed, "") for seed in range(1, 7))]
    one = found(judged(table(tmp_path, rows)))["analysis"]["ranking"]
    values = [[float(value or "inf") for model, _, value in rows if model == name] for name in "ABCD"]
    assert one["friedman"]["chi2"] == pytest.approx(stats.friedmanchisquare(*values).statistic)
    assert {entry["name"]: entry["mean_rank"] for entry in one["variants"]}["D"] == pytest.approx((5 * 1 + 4) / 6)
    gone = found(judged(table(tmp_path, rows[:-1])))["analysis"]["ranking"]
    assert gone["left_out"] == [{"variant": "D", "why": "1 of its 6 scores is missing"}]
    loose = found(judged(table(tmp_path, three()), Roles("model", "loss")))["analysis"]
    assert (loose["ranking"], loose["unranked"]) == (None, "which repeats belong together was not told.")


def test_findings_name_no_place(tmp_path: Path) -> None:
    """Findings hold no folder of this machine, and are the same wherever the table lies."""
    other = tmp_path / "elsewhere"
    other.mkdir()
    one, two = (found(judged(table(folder, three()))) for folder in (tmp_path, other))
    assert one == two
    assert str(tmp_path) not in str(one)

"""What stands beside the verdicts: who is ranked and who is left out, which posterior, and how a report tells it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from findings_factory import findings, ranked, resampled, small
from scipy import stats

from bpbench.findings import findings as findings_of
from bpbench.protocol import loads
from bpbench.report import standing as told
from bpbench.report.document import Items, Table, Text
from bpbench.runner.store import Store
from bpbench.standing import MOST_RANKED, posterior
from bpbench.standing import ranked as rank_all
from bpbench.statistics.anova import repeated_measures
from bpbench.statistics.bayes import Posterior, correlated_t, of_pair, signed_rank
from bpbench.statistics.compare import Comparison, Pair, Rules, judge
from bpbench.statistics.friedman import friedman
from bpbench.statistics.margins import Margin
from bpbench.statistics.samples import Sample
from bpbench.study import conduct, prepare

RULES = Rules("paired-t", "fixed", margin=Margin(0.2))
CROSSED = Rules("paired-t", "crossed")
RESAMPLED = Rules("nadeau-bengio", "resampled", test_to_train=0.25, margin=Margin(0.2))


def _scores(n: int = 8, names: str = "abcd") -> dict[str, list[float]]:
    rng = np.random.default_rng(1)
    return {name: rng.normal(1 + 0.2 * place, 0.1, n).tolist() for place, name in enumerate(names)}


def _ranking(
    scores: Mapping[str, list[float]], rules: Rules = RULES, splits: list[int] | None = None, **twins: str
) -> tuple[dict[str, Any] | None, str | None]:
    n = len(next(iter(scores.values())))
    return rank_all(scores, splits or [0] * n, rules, baseline="a", twins=twins, root=1)


# --------------------------------------------------------------------------------------------------------------- ranks


def test_all_contestants_are_ranked() -> None:
    """Names by mean rank, the tests of the statistics room, and JSON that has no infinite number."""
    scores = _scores()
    found, reason = _ranking(scores)
    assert found is not None
    assert reason is None
    table = np.column_stack(list(scores.values()))
    assert [entry["name"] for entry in found["variants"]] == list("abcd")
    assert [entry["mean_rank"] for entry in found["variants"]] == pytest.approx(friedman(table).mean_ranks)
    assert found["friedman"]["chi2"] == pytest.approx(stats.friedmanchisquare(*table.T).statistic)
    assert found["anova"]["f"] == pytest.approx(repeated_measures(table).f)
    assert found["left_out"] == []
    assert [entry["from_baseline"] for entry in found["variants"]] == [False, False, True, True]
    assert found["wilcoxon"]["p_smallest"] == pytest.approx(6 * 2 / 2**8)
    json.dumps(found, allow_nan=False)
    assert _ranking(scores) == (found, reason)


def test_who_cannot_be_ranked_is_left_out_and_told() -> None:
    """A twin, one with missing repeats and a deterministic one are left out; the others are ranked without them."""
    scores = _scores(names="abcdef")
    scores["d"] = [0.7] * 8
    scores["e"][3] = math.nan
    found, _ = _ranking(scores, f="it is the same contestant as 'a'")
    assert found is not None
    assert [entry["name"] for entry in found["variants"]] == ["a", "b", "c"]
    assert found["left_out"] == [
        {
            "variant": "d",
            "why": "it is deterministic on the one split, so that its repeats are copies of one result",
        },
        {"variant": "e", "why": "1 of its 8 scores is missing"},
        {"variant": "f", "why": "it is the same contestant as 'a'"},
    ]
    scores["c"] = [0.8] * 8
    found, reason = _ranking(scores, f="it is the same contestant as 'a'")
    assert found is None
    assert reason is not None
    assert reason.startswith("ranks are given for 3 to 60 contestants, and 2 of 6 can be ranked; 'f' cannot, as it is")


def test_a_baseline_that_is_left_out() -> None:
    """Without the baseline among the ranked there is no comparison with it."""
    scores = _scores()
    scores["a"] = [1.0] * 8
    found, _ = _ranking(scores)
    assert found is not None
    assert found["baseline"] is None
    assert not any(entry["from_baseline"] for entry in found["variants"])


def test_splits_are_averaged_first() -> None:
    """In a crossed design a split counts once, and a contestant without a seed is ranked: splits do differ."""
    scores = _scores()
    scores["d"] = [1.1, 1.1, 1.3, 1.3, 1.2, 1.2, 1.0, 1.0]
    found, _ = _ranking(scores, CROSSED, [0, 0, 1, 1, 2, 2, 3, 3])
    assert found is not None
    means = np.column_stack([np.reshape(values, (4, 2)).mean(axis=1) for values in scores.values()])
    assert found["n"] == 4
    assert found["friedman"]["chi2"] == pytest.approx(friedman(means).chi2)
    assert found["left_out"] == []


def test_a_diverged_repeat_ranks_last_and_has_no_mean() -> None:
    """Ranks take a diverged repeat as the worst, the analysis of variance says why there is none."""
    scores = _scores()
    scores["a"][0] = math.inf
    found, _ = _ranking(scores)
    assert found is not None
    assert found["anova"] is None
    assert found["no_anova"] == "A repeat diverged, and a mean over it has no value."
    assert found["variants"][0]["mean_rank"] > 1
    json.dumps(found, allow_nan=False)


def test_no_ranks_where_there_is_no_right_answer() -> None:
    """Overlapping splits, a single repeat, identical scores, too many contestants: a reason for each."""
    assert "'friedman' is not allowed in a resampled design" in str(_ranking(_scores(), RESAMPLED)[1])
    assert "at least 2 repeats" in str(_ranking(_scores(1))[1])
    same = [1.0, 2.0, 3.0]
    assert "all 3 variants score alike" in str(_ranking({"a": same, "b": same, "c": same})[1])
    many = {f"v{i}": [float(i), i + 0.5] for i in range(MOST_RANKED + 1)}
    assert "61 of 61 can be ranked" in str(_ranking(many)[1])


# ---------------------------------------------------------------------------------------------------------- posteriors


def _pair(n: int = 6, splits: list[int] | None = None, **counts: Any) -> Pair:
    rng = np.random.default_rng(2)
    own = np.zeros(n, int) if splits is None else np.array(splits)
    return Pair("a", "b", Sample(rng.normal(1, 0.1, n), own), Sample(rng.normal(1.2, 0.1, n), own), **counts)


def _judged(pair: Pair, rules: Rules) -> tuple[dict[str, Any] | None, Comparison, np.ndarray]:
    (comparison,) = judge([pair], rules)
    assert pair.candidate_sample is not None
    assert pair.baseline_sample is not None
    found = posterior(pair, comparison, rules, root=1)
    return found, comparison, pair.candidate_sample.values - pair.baseline_sample.values


def test_the_posterior_is_that_of_the_declared_test() -> None:
    """Tests of means have the correlated t, with the pair's own overlap; those of ranks the signed-rank posterior."""
    found, _, d = _judged(_pair(), RULES)
    assert found is not None
    assert found["better"] == correlated_t(d, margin=0.2).better
    found, _, d = _judged(_pair(splits=list(range(6)), test_to_train=0.5), RESAMPLED)
    assert found is not None
    assert found["better"] == correlated_t(d, margin=0.2, test_to_train=0.5).better
    found, _, d = _judged(_pair(), Rules("wilcoxon", "fixed"))
    assert found is not None
    assert found["model"] == "signed-rank"
    assert found["better"] == pytest.approx(signed_rank(d, margin=None, seed=0).better, abs=0.01)
    assert found == _judged(_pair(), Rules("wilcoxon", "fixed"))[0]
    found, _, d = _judged(_pair(splits=[0, 0, 1, 1, 2, 2]), CROSSED)
    assert found is not None
    assert found["better"] == pytest.approx(correlated_t(d.reshape(3, 2).mean(axis=1), margin=None).better)


def test_margins_in_other_measures() -> None:
    """Both limits by simulation of the flat-prior posterior of means and spread; ranks take the observed mean."""
    rng, draws = np.random.default_rng(0), 200_000
    pair, n = _pair(), 6
    assert pair.candidate_sample is not None
    assert pair.baseline_sample is not None
    c, b = pair.candidate_sample.values, pair.baseline_sample.values
    sigma = np.sqrt((n - 1) * np.var(c - b, ddof=1) / rng.chisquare(n - 1, draws))
    dz = (np.mean(c - b) + sigma * rng.normal(size=draws) / math.sqrt(n)) / sigma
    found = posterior(
        pair, *judge([pair], rules := Rules("paired-t", "fixed", margin=Margin(1.5, "d_z"))), rules, root=1
    )
    assert found is not None
    assert (found["better"], found["worse"]) == pytest.approx((np.mean(dz < -1.5), np.mean(dz > 1.5)), abs=0.005)

    rules = Rules("paired-t", "fixed", margin=Margin(0.15, "relative"))
    found = posterior(pair, *judge([pair], rules), rules, root=1)
    assert found is not None
    assert found["test_pairs"]
    ends = [(np.mean(c - k * b), stats.sem(c - k * b)) for k in (0.85, 1.15)]
    below, above = (mean + error * rng.standard_t(n - 1, draws) for mean, error in ends)
    assert (found["better"], found["worse"]) == pytest.approx((np.mean(below < 0), np.mean(above > 0)), abs=0.005)
    assert found["better"] + found["equal"] + found["worse"] == pytest.approx(1)

    rules = Rules("wilcoxon", "fixed", margin=Margin(0.15, "relative"))
    found = posterior(pair, *judge([pair], rules), rules, root=1)
    assert found is not None
    assert found["equal"] == pytest.approx(signed_rank(c - b, margin=0.15 * b.mean(), seed=3).equal, abs=0.01)


def _of(c: np.ndarray, b: np.ndarray, rules: Rules) -> Posterior:
    own = np.zeros(c.size, int)
    return of_pair(Sample(c, own), Sample(b, own), rules, seed=1)


@pytest.mark.parametrize("lower", [True, False])
def test_three_probabilities_sum_to_one(lower: bool) -> None:
    """Also where the baseline's mean is hardly known, which tests of two contrasts do not share out between them."""
    rng = np.random.default_rng(3)
    for _ in range(150):
        n = int(rng.integers(2, 8))
        b = rng.exponential(size=n) + rng.choice([1e-3, 0.1, 10])
        c = b * rng.normal(1, 0.1, n) + rng.normal(size=n) * rng.choice([1e-9, 0.1, 1])
        margin = Margin(float(rng.uniform(0.01, 0.95)), "relative")
        found = _of(c, b, Rules("paired-t", "fixed", margin=margin, lower_is_better=lower))
        assert min(found.better, found.equal or 0.0, found.worse) >= 0
        assert found.better + (found.equal or 0.0) + found.worse == pytest.approx(1, abs=1e-12)


def test_a_share_of_an_uncertain_mean() -> None:
    """The three by drawing both means of the joint posterior, of which the baseline's is positive."""
    c, b = np.array([0.6, 1.5, 0.9, 1.0, 3.8]), np.array([0.5, 2.0, 0.3, 1.4, 3.0])
    found = _of(c, b, Rules("paired-t", "fixed", margin=Margin(0.3, "relative")))
    rng, draws, pair = np.random.default_rng(4), 400_000, np.stack([c, b])
    scales = np.sqrt(rng.chisquare(4, draws) / 4)
    half = np.linalg.cholesky(np.cov(pair) / 5)
    own, base = pair.mean(1)[:, None] + half @ rng.normal(size=(2, draws)) / scales
    kept = base > 0
    assert 0.005 < 1 - kept.mean() < 0.1
    expected = [np.mean(own[kept] < 0.7 * base[kept]), np.mean(own[kept] > 1.3 * base[kept])]
    assert [found.better, found.worse] == pytest.approx(expected, abs=0.003)


def test_a_certain_baseline_and_one_that_ties() -> None:
    """Of a baseline without noise it is the p; tied by the very factor, all probability lies on one side, or half."""
    rng = np.random.default_rng(5)
    rules = Rules("paired-t", "fixed", margin=Margin(0.5, "relative"))
    c, b = rng.normal(2.2, 0.3, 6), np.full(6, 2.0)
    assert _of(c, b, rules).better == pytest.approx(stats.ttest_1samp(c, 1.0, alternative="greater").pvalue)
    b = rng.uniform(1, 2, 6)
    assert [_of(1.5 * b + shift, b, rules).worse for shift in (-0.1, 0.0, 0.1)] == pytest.approx([0, 0.5, 1])


def test_two_repeats_have_no_joint_posterior_of_two_means() -> None:
    """Of two repeats nothing is practically equal at a share of the mean; at a margin in the unit something is."""
    c, b = np.array([0.4419, 0.0366]), np.array([0.2179, 0.0068])
    assert _of(c, b, Rules("paired-t", "fixed", margin=Margin(0.9, "relative"))).equal is None
    assert _of(c, b, Rules("paired-t", "fixed", margin=Margin(0.2))).equal is not None
    assert _of(c, b, Rules("wilcoxon", "fixed", margin=Margin(0.9, "relative"))).equal is not None


@pytest.mark.parametrize(("test", "pairs"), [("welch", False), ("mann-whitney", False), ("wilcoxon", True)])
def test_a_posterior_tells_whether_the_test_pairs(test: str, pairs: bool) -> None:
    """Every posterior is of the paired differences; beside tests that are not, that is told."""
    found, _, _ = _judged(_pair(), Rules(test, "fixed"))
    assert found is not None
    assert found["test_pairs"] is pairs


def test_no_share_of_scores_that_are_not_positive() -> None:
    """A relative margin of a mean around zero says nothing, so two probabilities are left."""
    own = np.zeros(4, int)
    pair = Pair("a", "b", Sample(np.array([1.0, 2, 3, 5]), own), Sample(np.array([-1.0, 1, 2, 3]), own))
    rules = Rules("paired-t", "fixed", margin=Margin(0.1, "relative"))
    found = posterior(pair, *judge([pair], rules), rules, root=1)
    assert found is not None
    assert found["equal"] is None


def test_without_a_margin_it_is_the_test_again() -> None:
    """P(worse) is half the two-sided p of a candidate that looks better."""
    found, comparison, _ = _judged(_pair(), Rules("paired-t", "fixed"))
    assert found is not None
    assert comparison.p is not None
    assert found["worse"] == pytest.approx(comparison.p / 2)
    assert found["equal"] is None


def test_no_posterior_where_there_is_no_p() -> None:
    """Missing or diverged repeats, a single one, no noise, nothing at all: no probabilities."""
    still = Sample(np.full(4, 1.0), np.zeros(4, int))
    pairs = [
        _pair(missing=1),
        _pair(diverged_candidate=1),
        _pair(diverged_baseline=2),
        _pair(1),
        Pair("a", "b", still, Sample(np.full(4, 2.0), np.zeros(4, int))),
        Pair("a", "b", None, None),
    ]
    for pair in pairs:
        (comparison,) = judge([pair], RULES)
        assert posterior(pair, comparison, RULES, root=1) is None


# ------------------------------------------------------------------------------------------------- study and report


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the findings of four repeats of two forests, a boosting, a twin and a linear potential."""
    text = """question: q
data: {kind: aluminium, groups: [300 K solid, 1000 K liquid]}
sets: {12: thesis-12, other: thesis-12}
models:
  forest: {kind: random-forest, trees: 3}
  larger: {kind: random-forest, trees: 30}
  boosting: {kind: lightgbm, rounds: 5}
  linear: {kind: linear}
variants:
  - {name: forest, set: 12, model: forest}
  - {name: larger, set: 12, model: larger}
  - {name: again, set: other, model: larger}
  - {name: boosting, set: 12, model: boosting}
  - {name: linear, set: 12, model: linear}
repeats: 4
analysis: {baseline: forest, margin: 5}
"""
    store = Store(tmp_path_factory.mktemp("standing"))
    found = findings_of(conduct(prepare(loads(text), store), store))
    return json.loads(json.dumps(found, allow_nan=False))  # type: ignore[no-any-return]


def test_a_study_has_both(study: dict[str, Any]) -> None:
    """Ranks leave out the twin and the linear potential; every comparison with a p has three probabilities."""
    analysis = study["analysis"]
    assert analysis["unranked"] is None
    assert {entry["name"] for entry in analysis["ranking"]["variants"]} == {"forest", "larger", "boosting"}
    left = {entry["variant"]: entry["why"] for entry in analysis["ranking"]["left_out"]}
    assert left["again"] == "it is the same contestant as 'larger'"
    assert "deterministic" in left["linear"]
    for entry in analysis["comparisons"]:
        chances = entry["bayes"]
        assert chances["model"] == "correlated-t"
        assert chances["better"] + chances["equal"] + chances["worse"] == pytest.approx(1)


def _words(blocks: tuple[Any, ...]) -> str:
    texts = [block.text for block in blocks if isinstance(block, Text)]
    return " ".join([*texts, *(item for block in blocks if isinstance(block, Items) for item in block.items)])


def test_the_report_tells_the_ranks() -> None:
    """Text, letters and who is left out; nothing is called a verdict, and too few repeats for pairs are told."""
    data = findings()
    (section,) = told.ranks(data)
    said = _words(section.blocks)
    assert "No verdict rests on these tests" in said
    assert "linear is left out: it is deterministic" in said
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    assert table.rows[0][0].text == "A"
    assert [cell.text for cell in table.rows[1][2:4]] == ["a b", "a"]
    (section,) = told.ranks(findings(repeats=4))
    assert "4 repeats are too few for Wilcoxon's test and Holm's correction to tell any of the 21" in _words(
        section.blocks
    )


def test_the_report_says_why_there_are_no_ranks() -> None:
    """A resampled study and one of two networks have a reason; findings that know of no ranks have no section."""
    (section,) = told.ranks(resampled())
    assert _words(section.blocks).startswith("The variants are not ranked: the training and test sets")
    assert "not allowed" not in _words(section.blocks)
    assert "no test of all variants at once is known that counts the overlap." in _words(section.blocks)
    (section,) = told.ranks(small())
    assert "2 of 3 can be ranked; 'linear' cannot, as it is deterministic" in _words(section.blocks)
    data = small()
    del data["analysis"]["ranking"]
    assert told.ranks(data) == []


def test_more_groups_than_can_be_read() -> None:
    """Without cliques by pairs the column is left out and a sentence says so; many groups are numbered."""
    data = findings()
    data["analysis"]["ranking"]["wilcoxon"]["cliques"] = None
    data["analysis"]["ranking"]["nemenyi"]["cliques"] = [["A", "B"]] * 27
    data["failures"] = [{"variant": "A", "repeat": 0, "status": "diverged", "message": "m"}]
    (section,) = told.ranks(data)
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    assert [column.key for column in table.columns] == ["variant", "mean_rank", "nemenyi", "from_baseline"]
    assert table.rows[0][2].text.startswith("1 2 3")
    said = _words(section.blocks)
    assert "there are more groups than can be read" in said
    assert "A diverged repeat ranks last." in said


def test_probabilities_are_never_shown_as_certain() -> None:
    """Tiny and nearly certain ones are bounds, also where no draw showed any; missing ones a dash."""
    data = ranked()
    entries = data["analysis"]["comparisons"]
    entries[0]["bayes"].update(better=1.0, equal=0.0, worse=0.0)
    entries[1]["bayes"] = None
    (table,) = told.posteriors(data)
    assert [cell.text.strip() for cell in table.rows[0][1:]] == ["> 0.999", "< 0.001", "< 0.001"]
    assert [cell.value for cell in table.rows[1][1:]] == [None, None, None]
    assert "From 50 000 random draws, with a standard error of at most" in table.caption.replace("\u202f", " ")
    entries[0]["bayes"] |= {"model": "correlated-t", "draws": None, "error": None}
    (table,) = told.posteriors(data)
    assert [cell.text.strip() for cell in table.rows[0][1:]] == ["1.000", "0.000", "0.000"]
    assert "one-sided p-values of the paired t test read as probabilities" in table.caption
    entries[0]["bayes"] = None
    assert told.posteriors(data) == []


def test_a_study_without_a_margin_has_two_probabilities() -> None:
    """Without a margin nothing is practically equal."""
    data = small()
    for entry in data["analysis"]["comparisons"]:
        entry["bayes"]["equal"] = None
    (table,) = told.posteriors(data)
    assert [column.key for column in table.columns] == ["candidate", "p_better", "p_worse"]
    assert "practically equal" not in table.caption


def test_a_study_is_told(study: dict[str, Any]) -> None:
    """What a study found can be told as it is, read back from JSON."""
    (section,) = told.ranks(study)
    assert "again is left out: it is the same contestant as 'larger'" in _words(section.blocks)
    (table,) = told.posteriors(study)
    assert len(table.rows) == len(study["analysis"]["comparisons"])

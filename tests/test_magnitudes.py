"""Estimates and the best of n in findings and report: from the values judged, and said with what they cannot tell."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from findings_factory import comparison, environment, findings, resampled, small, without_results
from test_compose import strangers

from bpbench import magnitudes
from bpbench.findings import findings as findings_of
from bpbench.protocol import loads
from bpbench.report.compose import compose
from bpbench.report.document import Table, Text
from bpbench.report.html import render_html
from bpbench.report.magnitudes import best_of, estimates
from bpbench.report.render import canonical
from bpbench.runner.store import Outcome, Store
from bpbench.statistics.estimates import paired
from bpbench.study import Study, conduct, prepare

PROTOCOL = """\
question: q
data: {kind: aluminium, groups: [300 K solid, 1000 K liquid]}
sets: {12: thesis-12}
models:
  f: {kind: random-forest, trees: 2}
  g: {kind: random-forest, trees: 4}
  r: {kind: linear}
variants:
  - {name: two trees, set: 12, model: f}
  - {name: four trees, set: 12, model: g}
  - {name: ridge, set: 12, model: r}
SPLIT
analysis: {baseline: two trees, test: TEST, alpha: 0.3}
"""


def _study(folder: Path, split: str, test: str = "paired-t") -> Study:
    store = Store(folder)
    return conduct(prepare(loads(PROTOCOL.replace("SPLIT", split).replace("TEST", test)), store), store)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return _study(tmp_path_factory.mktemp("store"), "repeats: 4")


def _scores(study: Study, name: str) -> np.ndarray:
    outcomes = [study.results[name, repeat.number] for repeat in study.prepared.repeats]
    return np.array([outcome.values["scores"]["test"]["rmse"] for outcome in outcomes if isinstance(outcome, Outcome)])


def test_estimates_are_of_the_scores_that_were_judged(study: Study) -> None:
    """The findings hold, by name and method, what the statistics say of the very scores of the repeats."""
    found = json.loads(canonical(findings_of(study)))
    entry = found["analysis"]["comparisons"][0]["estimates"]
    assert (entry["n"], entry["n_baseline"], entry["paired"], entry["level"], entry["remark"]) == (4, 4, True, 0.7, "")
    c, b = _scores(study, "four trees"), _scores(study, "two trees")
    known = paired(c, b, level=0.7, seed=study.prepared.rules.seed, names=("four trees", "two trees"))
    assert set(entry["values"]) == {item.name for item in known}
    for item in known:
        told = entry["values"][item.name]
        assert told["value"] == item.value
        for interval in item.intervals:
            assert told["intervals"][interval.method] == {
                "low": interval.low, "high": interval.high, "remark": interval.remark,
            }  # fmt: skip
    judged = found["analysis"]["comparisons"][0]
    assert entry["values"]["difference"]["intervals"]["t"]["low"] == pytest.approx(judged["low"])


def test_the_best_of_n_is_of_the_scores_on_the_test_set(study: Study) -> None:
    """The best of one is the mean, that of all is the least; a model of one training for all repeats has none."""
    variants = {variant["name"]: variant for variant in findings_of(study)["variants"]}
    entry, scores = variants["four trees"]["best_of"], _scores(study, "four trees")
    assert (entry["repeats"], entry["n"]) == (4, [1, 2, 3, 4])
    assert entry["without_replacement"][0] == pytest.approx(scores.mean())
    assert entry["without_replacement"][-1] == pytest.approx(scores.min())
    assert entry["with_replacement"][-1] > scores.min()
    assert variants["ridge"]["best_of"] is None


def test_a_diverged_training_leaves_no_best_of_n(study: Study) -> None:
    """It would be the worst of any n, and leaving it out would flatter the contestant."""
    diverged = dict(study.results)
    diverged["four trees", 1] = Outcome({"status": "diverged", "message": "left the finite numbers"}, {})
    assert magnitudes.best_of(replace(study, results=diverged), "four trees") is None
    assert magnitudes.best_of(replace(study, results=diverged), "two trees") is not None


def test_designs_of_several_splits(tmp_path: Path) -> None:
    """Crossed: from the means of the splits, and no best of n; resampled: values, the reason, and a best of n."""
    crossed = findings_of(_study(tmp_path, "repeats: 2\nsplit: {design: crossed, splits: 3}"))
    entry = crossed["analysis"]["comparisons"][0]["estimates"]
    assert entry["n"] == 3
    assert entry["values"]["improvement"]["intervals"]["binomial"]["low"] is not None
    assert all(variant["best_of"] is None for variant in crossed["variants"])
    redrawn = findings_of(_study(tmp_path, "repeats: 3\nsplit: {design: resampled}", "nadeau-bengio"))
    entry = redrawn["analysis"]["comparisons"][0]["estimates"]
    assert entry["remark"].startswith("The splits of the repeats overlap")
    assert entry["values"]["ratio"] == {"value": entry["values"]["ratio"]["value"], "remark": "", "intervals": {}}
    assert redrawn["variants"][0]["best_of"]["repeats"] == 3


# ------------------------------------------------------------------------------------------------------------- report


def _table(data: dict[str, Any], key: str) -> Table:
    (table, *_) = estimates(data) if key == "estimates" else best_of(data)
    assert isinstance(table, Table)
    assert table.key == key
    return table


def test_both_tables_stand_in_the_report() -> None:
    """The document has them beside the scores and beside the comparisons."""
    sections = {section.key: section for section in compose(small(), environment()).sections}
    keys = {name: [block.key for block in sections[name].blocks if isinstance(block, Table)]
            for name in ("best", "comparisons")}  # fmt: skip
    assert "best_of" in keys["best"]
    assert keys["comparisons"][:3] == ["comparisons", "effects", "estimates"]


def test_the_table_of_estimates() -> None:
    """Ratio, δ, correlation, probability and BCa interval stand beside each other with their warning."""
    data = findings()
    table = _table(data, "estimates")
    assert [column.key for column in table.columns] == [
        "candidate", "ratio", "ratio_low", "ratio_high", "cliffs_delta", "cliffs_delta_low", "cliffs_delta_high",
        "rank_biserial", "improvement", "improvement_low", "improvement_high", "difference_low", "difference_high",
    ]  # fmt: skip
    assert [column.label for column in table.columns][-3:] == ["to", "difference, BCa 95 % from", "to"]
    values = data["analysis"]["comparisons"][0]["estimates"]["values"]
    row = table.rows[0]
    assert row[1].value == values["ratio"]["value"]
    assert row[-1].value == values["difference"]["intervals"]["bca"]["high"]
    assert "no verdict rests on any of them" in table.caption
    notes = [block.text for block in estimates(data)[1:] if isinstance(block, Text)]
    assert any(note.startswith("Bootstrap intervals of few values do not keep their level") for note in notes)
    assert len(notes) == len(set(notes))


def test_an_overlapping_design_shows_values_and_the_reason() -> None:
    """Without intervals their columns are gone, and the note says why."""
    data = resampled()
    reason = "The splits of the repeats overlap."
    for entry in data["analysis"]["comparisons"]:
        entry["estimates"]["remark"] = reason
        for item in entry["estimates"]["values"].values():
            item["intervals"] = {}
    keys = [column.key for column in _table(data, "estimates").columns]
    assert keys == ["candidate", "ratio", "cliffs_delta", "rank_biserial", "improvement"]
    assert [block.text for block in estimates(data)[1:] if isinstance(block, Text)] == [reason]
    assert strangers(render_html(compose(data, environment())), data) == []


def test_a_remark_of_one_comparison_names_it() -> None:
    """A sentence that is not true of all says of which candidates it is."""
    data = small()
    data["analysis"]["comparisons"][0]["estimates"]["values"]["ratio"] = {
        "value": None, "remark": "A ratio is given for positive values only, and the least of these is 0.",
        "intervals": {},
    }  # fmt: skip
    notes = [block.text for block in estimates(data)[1:] if isinstance(block, Text)]
    assert any(note.endswith("is 0. (Of A.)") for note in notes)


def test_samples_that_are_not_paired_are_read_otherwise() -> None:
    """Independent samples have no rank-biserial correlation, and their probability is one over pairs of repeats."""
    data = small()
    entry = comparison(candidate="A")
    entry["estimates"]["paired"] = False
    del entry["estimates"]["values"]["rank_biserial"]
    data["analysis"].update(comparisons=[entry])
    table = _table(data, "estimates")
    assert "rank_biserial" not in {column.key for column in table.columns}
    assert "share of all pairs of a candidate's and a baseline's repeat" in table.caption


def test_the_table_of_the_best_of_n() -> None:
    """Two rows for each contestant, sizes below N and N itself; it says that it is no score."""
    data = findings()
    table = _table(data, "best_of")
    assert [column.key for column in table.columns] == [
        "variant", "estimator", "repeats", "best_of_1", "best_of_2", "best_of_3", "best_of_5", "best_of_all",
    ]  # fmt: skip
    assert table.caption.startswith("No score of a model")
    entry = data["variants"][0]["best_of"]
    assert [cell.value for cell in table.rows[0]][2:] == [
        10, *(entry["without_replacement"][n - 1] for n in (1, 2, 3, 5, 10)),
    ]  # fmt: skip
    assert [cell.value for cell in table.rows[1]][3:] == [entry["with_replacement"][n - 1] for n in (1, 2, 3, 5, 10)]
    assert "linear" not in {row[0].text for row in table.rows}


def test_a_contestant_of_fewer_trainings_has_no_number_beyond_them() -> None:
    """Where N is smaller than a size, the cell is empty: the best of more is not told."""
    data = findings()
    data["variants"][0]["best_of"] = magnitudes.curve(np.array([1.0, 2.0, 3.0]), lower_is_better=True)
    row = _table(data, "best_of").rows[0]
    assert [cell.value for cell in row][2:] == [3, 2.0, pytest.approx(4 / 3), 1.0, None, 1.0]


def test_nothing_to_tell() -> None:
    """Without results there is neither table; a single training has no best of several."""
    data = without_results()
    assert estimates(data) == best_of(data) == []
    data = findings()
    for variant in data["variants"]:
        variant["best_of"] = magnitudes.curve(np.array([1.0]), lower_is_better=True)
    assert best_of(data) == []

"""Sweeps, ensembles and stopping in findings and reports: what is said, drawn and left out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from findings_factory import comparison, deep_copy, environment, small, swept
from findings_factory import findings as findings_of
from test_compose import strangers, visible

from bpbench import courses
from bpbench.findings import findings
from bpbench.jobs import Hdnn
from bpbench.protocol import loads
from bpbench.report import axis_sheet, learners
from bpbench.report.answer import answer
from bpbench.report.compose import compose
from bpbench.report.document import Document, Figure, Table, cite, ref
from bpbench.report.html import render_html
from bpbench.report.learned import _when
from bpbench.report.render import canonical
from bpbench.report.tallies import distinct_note
from bpbench.runner.store import Outcome, Store
from bpbench.study import conduct, prepare
from bpbench.swept import derived, sweeps

TEXT = """\
question: q
data: {kind: aluminium, groups: [300 K solid, 1000 K liquid]}
sets: {22: thesis-22, 12: thesis-12}
models:
  n: {kind: hdnn}
  r: {kind: linear}
sweeps:
  rates: {model: n, set: 22, axes: {learning_rate: [1e-2, 1e-3], hidden: [[5], [10, 10]]}}
  sizes: {set: 12, axes: {model: [n, r], observations: [null, 20]}}
  list: {model: n, set: 22, points: [{epochs: 5}, {epochs: 7, batch: 4}]}
repeats: 5
analysis: {baseline: "model r, observations all"}
"""


def test_findings_of_a_sweep_say_where_each_contestant_lies(tmp_path: Path) -> None:
    """Numbers have positions, categories have none; observations lie where their number is; a list is one axis."""
    rates, sizes, listed = sweeps(prepare(loads(TEXT), Store(tmp_path)))
    assert rates["axes"] == [
        {"key": "learning_rate", "label": "learning rate", "values": ["0.01", "0.001"], "positions": [0.01, 0.001]},
        {"key": "hidden", "label": "hidden layers", "values": ["5", "10-10"], "positions": None},
    ]
    assert [point["at"] for point in rates["points"]] == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert rates["points"][2]["variant"] == "learning_rate 0.001, hidden 5"
    assert sizes["axes"][1] == {
        "key": "observations", "label": "training configurations", "values": ["all", "20"], "positions": [50.0, 20.0],
    }  # fmt: skip
    assert listed["axes"][0]["values"] == ["epochs 5", "epochs 7, batch 4"]
    assert [point["at"] for point in listed["points"]] == [[0], [1]]


def test_derived_models_know_where_they_come_from(tmp_path: Path) -> None:
    """Of each derived model its origin and changes are told, of others nothing."""
    found = derived(prepare(loads(TEXT), Store(tmp_path)))
    assert found["n, epochs 7, batch 4"] == ("n", "epochs 7, batch 4")
    assert "n" not in found
    assert len(found) == 6


STUDY = """\
question: q
data: {kind: aluminium, groups: [300 K solid, 1000 K liquid]}
sets: {12: thesis-12}
models:
  f: {kind: random-forest, trees: 3}
  r: {kind: linear}
variants:
  - {name: ridge, set: 12, model: r}
  - {name: poor ridge, set: 12, model: r, train_share: 0.5}
sweeps:
  sizes: {model: f, set: 12, axes: {observations: [20, 25, null]}}
repeats: 2
analysis: {baseline: observations all, candidates: [ridge], test: paired-t, alpha: 0.3}
"""


def test_a_conducted_sweep_stands_beside_the_linear_potential_on_the_same_inputs(tmp_path: Path) -> None:
    """The same inputs are the same set and number of configurations, however the number was asked for."""
    store = Store(tmp_path)
    study = conduct(prepare(loads(STUDY), store), store)
    found = findings(study)
    shown = {variant["name"]: variant for variant in found["variants"]}
    assert {name: variant["configurations"] for name, variant in shown.items()} == {
        "ridge": [50], "poor ridge": [25], "observations 20": [20], "observations 25": [25], "observations all": [50],
    }  # fmt: skip
    assert shown["observations 20"]["share"] == pytest.approx(0.4)
    rivals = {name: variant["linear"] and variant["linear"]["variant"] for name, variant in shown.items()}
    assert rivals == {
        "ridge": None, "poor ridge": None, "observations 20": None, "observations 25": "poor ridge",
        "observations all": "ridge",
    }  # fmt: skip
    assert shown["observations all"]["linear"]["mean"] == shown["ridge"]["summary"]["test"]["rmse"]["mean"]
    whole = study.results["ridge", 0]
    assert isinstance(whole, Outcome)
    assert found["constant"]["test"]["rmse"] == whole.values["constant"]["rmse"]
    assert render_html(compose(json.loads(canonical(found)), environment())).count("<svg") > 5


# ---------------------------------------------------------------------------------------------- courses of trainings


def outcome(*validation: float) -> Outcome:
    epochs = np.arange(1.0, len(validation) + 1)
    curve = {"epoch": epochs, "train": np.array(validation) / 2, "validation": np.array(validation)}
    return Outcome({"status": "done"}, {f"curve-{name}": array for name, array in curve.items()})


def test_curves_go_on_while_half_of_the_repeats_run() -> None:
    """Each epoch has the median and the extremes of the repeats that ran it, and says how many these are."""
    made = courses.curve([outcome(9, 8, 7, 6, 5), outcome(3, 2), outcome(6, 5, 4)])
    assert made is not None
    assert made["epoch"] == [1, 2, 3]
    assert made["running"] == [3, 3, 2]
    assert (made["repeats"], made["longest"]) == (3, 5)
    assert made["validation"]["median"] == [6.0, 5.0, 5.5]
    assert made["validation"]["low"] == [3.0, 2.0, 4.0]
    assert made["train"]["high"] == [4.5, 4.0, 3.5]
    two = courses.curve([outcome(9, 8, 7), outcome(3)])
    assert two is not None
    assert two["running"] == [2, 1, 1]
    assert courses.curve([Outcome({"status": "done"}, {})]) is None


def test_ensembles_and_least_losses_are_means_over_repeats() -> None:
    """A correlation that a repeat could not give is left out of the mean; without any there is none."""
    entry = {"size": 5, "spread": 0.4, "within": 0.8, "members": 1.0, "correlation": None}
    told = courses.ensemble([entry, entry | {"spread": 0.6, "correlation": 0.3}])
    assert told == {
        "size": 5, "n": 2, "spread": pytest.approx(0.5), "within": pytest.approx(0.8), "members": pytest.approx(1.0),
        "correlation": pytest.approx(0.3), "nominal": pytest.approx(0.8839, abs=1e-4),
    }  # fmt: skip
    (alone,) = (courses.ensemble([entry]),)
    assert alone is not None
    assert alone["correlation"] is None
    assert courses.ensemble([]) is None
    least = courses.least_loss([None, {"rmse": 2.0, "epoch": 4}, {"rmse": 1.0, "epoch": 9}])
    assert least == {"mean": 1.5, "min": 1.0, "epoch": 6.5, "n": 2}
    assert courses.least_loss([None]) is None
    assert courses.median([None, 3, 8]) == 5.5
    assert courses.median([None]) is None


# ----------------------------------------------------------------------------------------------------- the report


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    return swept()


@pytest.fixture(scope="module")
def document(data: dict[str, Any]) -> Document:
    return compose(data, environment())


def figure(document: Document, key: str) -> Figure:
    return next(figure for figure in document.figures if figure.key == key)


def table(document: Document, key: str) -> Table:
    return next(table for table in document.tables if table.key == key)


def test_no_number_is_made_in_a_report_of_sweeps(data: dict[str, Any], document: Document) -> None:
    """Every number of a report with sweeps and an ensemble is one of the findings."""
    assert strangers(render_html(document), data) == []


def test_each_axis_has_a_sheet_and_each_sweep_a_table(document: Document) -> None:
    """Two axes give two sheets after one table; a contestant without a result is a row of dashes."""
    section = next(section for section in document.sections if section.key == "sweeps")
    keys = [block.key for block in section.blocks if isinstance(block, Table | Figure)]
    assert keys == ["sweep_1", "sweep_1_axis_1", "sweep_1_axis_2"]
    rows = table(document, "sweep_1").rows
    assert [row[0].text for row in rows] == ["5", "5", "10-10", "10-10"]
    shares = [row[-1].text for row in rows]
    assert shares == ["50 %", "100 %", "50 %", "100 %"]
    assert [row[-2].text for row in rows] == ["28", "56", "28", "56"]
    assert rows[2][2].value == 0
    assert rows[2][3].value is None


def test_captions_of_sheets_say_what_is_drawn(document: Document) -> None:
    """Curves, dots, mean and interval, one line for each combination, and the linear potential."""
    caption = figure(document, "sweep_1_axis_2").caption
    assert caption.startswith("Sweep layers over training configurations. Left: validation RMSE, the median over the")
    assert "one panel for each combination of the other axes" in caption
    assert "each repeat is a dot, the stroke beside them the mean, in its 95 % interval, one line for each" in caption
    assert caption.endswith("Dashed: the linear potential on the same inputs, mean over its repeats.")
    assert "Trainings end at different epochs" not in caption


def test_curves_of_unequal_length_are_explained() -> None:
    """Where patience ends trainings the captions of all curves say what is shown."""
    data = swept()
    data["variants"][-1]["curve"]["running"][-1] = 2
    words = "Trainings end at different epochs: a curve is that of the repeats still running"
    document = compose(data, environment())
    assert words in figure(document, "sweep_1_axis_1").caption
    assert words not in figure(document, "learning_curves").caption


def test_dependent_repeats_have_no_interval_on_a_sheet() -> None:
    """In a resampled design the caption names no interval of the mean."""
    data = swept()
    data["split"]["design"] = "resampled"
    assert "interval" not in figure(compose(data, environment()), "sweep_1_axis_1").caption


def test_single_figures_leave_out_what_sheets_show(document: Document) -> None:
    """Curves and parity show the contestants written out and the baseline, and say so."""
    for key in ("learning_curves", "parity", "errors_by_state"):
        assert figure(document, key).caption.endswith("their sheets show the others.")
    assert [column.label for column in table(document, "errors_rmse").columns][2:] == ["A", "D", "linear"]
    plain = compose(small(), environment())
    assert "sheets show" not in figure(plain, "parity").caption


def test_a_study_of_sweeps_alone_shows_its_baseline() -> None:
    """Where nothing is written out, single figures hold the baseline, and a linear one has no curve."""
    data = swept()
    data["variants"] = [entry for entry in data["variants"] if entry["name"] not in {"A", "D"}]
    data["analysis"].update(family=[], comparisons=[], baseline="linear")
    page = visible(render_html(compose(data, environment())))
    assert "No variant has a learning curve." not in page
    assert "Of the contestants of sweeps only the baseline is shown; their sheets show the others." in page


def test_the_number_of_configurations_is_shown_where_it_differs(document: Document) -> None:
    """The table of variants has the column only where some contestant learns from fewer."""
    assert "configurations" in {column.key for column in table(document, "variants").columns}
    assert "configurations" not in {column.key for column in table(compose(small(), environment()), "variants").columns}


def test_contestants_of_the_baselines_model_are_spelt_out_first(data: dict[str, Any]) -> None:
    """Of several better candidates the answer spells out one whose model is derived from the baseline's."""
    changed = deep_copy(data)
    better = {"difference": -0.2, "low": -0.3, "high": -0.1, "p": 0.001, "p_adjusted": 0.001, "verdict": "better"}
    changed["analysis"]["comparisons"] = [
        comparison(candidate="linear", **better | {"difference": -0.9, "low": -1.0, "high": -0.8}),
        comparison(candidate="hidden 5, observations all", **better),
    ]
    assert answer(changed)[1].startswith(
        "Of what is better, the largest difference with the model of the baseline: “hidden 5, observations all” is "
        "better than D by 0.20 meV/atom"
    )


def test_the_methods_name_each_model_once(data: dict[str, Any]) -> None:
    """Models that sweeps derive are one sentence in their origin's paragraph; fewer configurations have their own."""
    told = learners.models(data)
    assert len(told) == 3
    assert told[0].endswith(
        "Sweeps derive other models from it, with “hidden 5” and “hidden 10-10”; what a change does not name stays as "
        "told above."
    )
    assert told[-1].startswith("Contestants that learn from fewer configurations take the first ones of an order")
    rows = {row[0].value: row[2].text for row in table(compose(data, environment()), "models").rows}
    assert rows["network, hidden 5"] == "as network, with hidden 5"


def test_a_large_sweep_is_counted_and_fits_on_pages(data: dict[str, Any]) -> None:
    """Dozens of derived models, networks and rows are counted where naming or drawing all would fill pages."""
    changed = deep_copy(data)
    model, variant = changed["models"][-1], changed["variants"][-1]
    for number in range(40):
        changed["models"].append(model | {"name": f"network, {number}", "changes": str(number)})
        more = {"name": str(number), "model": f"network, {number}", "shape": f"57-{number + 1}-1"}
        changed["variants"].append(variant | more)
    document = compose(changed, environment())
    assert (
        f"Sweeps derive 42 other models from it, which {ref('table', 'models')} lists;" in learners.models(changed)[0]
    )
    # The forty and the network that is written out, less the eight drawn.
    assert "33 further networks are not drawn." in visible(render_html(document))
    height = re.search(r'height="([\d.]+)pt"', figure(document, "repeats").svg)
    assert height is not None
    assert float(height[1]) < 9 * 72


ADAM = {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}


def varied(data: dict[str, Any], base: dict[str, Any], *changes: dict[str, Any]) -> str:
    """Return the words on a model of these settings from which sweeps derive others by these changes."""
    changed = deep_copy(data)
    origin, *rest = changed["models"]
    origin["values"] |= base
    derived = next(model for model in rest if model["base"] is not None)
    rest = [derived | {"values": origin["values"] | one, "changes": str(place)} for place, one in enumerate(changes)]
    changed["models"] = [origin, *(model | {"name": f"network, {place}"} for place, model in enumerate(rest))]
    return learners.models(changed)[0].partition("Sweeps derive")[2]


KALMAN = {
    "kind": "kalman", "block": 32, "prior": 10.0, "skip_prior": 1e-4, "trust": [0.01, 1e4], "growth": 10.0,
    "noise": [0.1, 1e-7], "fall": 0.6,
}  # fmt: skip


def test_parts_that_a_sweep_brings_are_told(data: dict[str, Any]) -> None:
    """Another optimizer, a skip, a patience or an ensemble has its sentence, under its condition, once for all."""
    told = varied(
        data, {}, {"skip": True, "ensemble": 5}, {"ensemble": 3, "patience": 7}, {"patience": 9},
        {"optimizer": {**ADAM, "kind": "keras-adam"}}, {"optimizer": {**ADAM, "kind": "adam", "decay": 0.1}},
    )  # fmt: skip
    assert "With a skip, the inputs also enter the answer directly" in told
    assert "An ensemble is 3 or 5 such networks with other initial weights" in told
    assert "The model is" not in told
    assert "With a patience, a training ends once the validation RMSE has not fallen for so many epochs." in told
    assert "With optimizer keras-adam, it is Keras's own fit with its own Adam" in told
    assert "With a decay, each step also takes so large a share of the learning rate off every weight" in told
    assert "ensemble" not in varied(data, {"ensemble": 3}, {"ensemble": 5})
    assert "Without a patience, it runs all its epochs." in varied(data, {"patience": 5}, {"patience": None})


def test_a_skip_that_a_sweep_brings_has_its_prior(data: dict[str, Any]) -> None:
    """Under the filter the prior variance of the direct weights is told once, be the filter new or not."""
    told = varied(data, {"optimizer": KALMAN}, {"skip": True}, {"skip": True, "optimizer": KALMAN | {"skip_prior": 1}})
    assert "The filter gives these direct weights a prior variance P₀ of 0.0001 and 1." in told
    told = varied(data, {}, {"skip": True, "optimizer": KALMAN}, {"skip": True, "optimizer": KALMAN | {"block": 8}})
    assert told.count("direct weights") == 1
    assert "With optimizer kalman, it is but for what the changes name a block extended Kalman filter" in told
    assert "(0.0001 for the direct weights)" in told
    told = varied(data, {}, {"skip": True, "optimizer": KALMAN}, {"optimizer": {"kind": "marquardt", "damping": 1e-5}})
    assert "With optimizer marquardt, it is Levenberg-Marquardt" + cite("levenberg1944", "marquardt1963") in told


def test_scalings_of_an_axis_have_their_formula(data: dict[str, Any]) -> None:
    """Each scaling that the origin has not is told with its formula; a decay of Marquardt's with its penalty."""
    told = varied(data, {}, {"scaling": "standard"}, {"scaling": "min-max"}, {"scaling": "centred"})
    assert "With scaling min-max, each descriptor is scaled to its range, (G−min)/(max−min), over the training" in told
    assert "With scaling centred, each descriptor is centred, G−μ, by its mean over the training atoms." in told
    assert "(G−μ)/σ" not in told
    rule = {"kind": "marquardt", "damping": 1e-5, "decay": 0.0}
    told = varied(data, {"optimizer": rule}, {"optimizer": rule | {"decay": 0.1}}, {"patience": 3})
    assert "With a decay λ, the cost has a penalty λ/2 on the squared weights." in told
    assert "has not fallen for so many steps taken, where steps that were tried and not taken do not count." in told


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"activation": "relu"}, "nodes with ReLU, and a linear output"),
        ({"scaling": "standard"}, "Each descriptor is standardised, (G−μ)/σ, by its mean and spread"),
        ({"scaling": "min-max"}, "Each descriptor is scaled to its range, (G−min)/(max−min), over the training atoms"),
        ({"scaling": "centred"}, "Each descriptor is centred, G−μ, by its mean over the training atoms"),
        ({"scaling": "centred-min-max"}, "centred and divided by its range, (G−μ)/(max−min), over the training atoms"),
        (
            {"patience": 20},
            "It runs for at most 100 epochs and ends sooner once the validation RMSE has not fallen for 20",
        ),
        (
            {"patience": 1, "optimizer": {"kind": "marquardt", "damping": 1e-3}},
            "has not fallen for 1 step taken, where steps that were tried and not taken do not count; the weights kept",
        ),
        (
            {"skip": False},
            "A training of which no epoch has a lower validation RMSE than its initial weights counts as",
        ),
        ({"skip": True}, "than the initial state, that state: the ridge's answer, checkpoint 0. A training is marked"),
        ({"optimizer": KALMAN | {"growth": 1}}, "a measurement's weight η is 0.01 throughout, and process noise falls"),
        (
            {"optimizer": KALMAN | {"trust": [5, 5]}},
            "a measurement's weight η is 5 throughout, and process noise falls",
        ),
        ({"optimizer": KALMAN | {"fall": 1}}, "an epoch to at most 10000, and process noise is 0.1 throughout."),
        ({"optimizer": KALMAN | {"noise": [2, 2]}}, "and process noise is 2 throughout."),
        ({"optimizer": KALMAN | {"noise": [2, 0]}}, "falls from 2 by a factor of 0.6 an epoch."),
        ({"optimizer": KALMAN}, "falls from 0.1 by a factor of 0.6 an epoch to no less than 10⁻⁷."),
        ({"optimizer": {**ADAM, "kind": "adam", "decay": 0.01}}, "takes a share of 0.01 times the learning rate off"),
        ({"optimizer": {**ADAM, "kind": "adam", "decay": [0.0, 0.0, 0.1]}}, "0, 0 and 0.1 (by layer, the output last)"),
        ({"optimizer": {"kind": "marquardt", "damping": 1e-3, "decay": 0.5}}, "squared weights, λ = 0.5; the damping"),
        ({"ensemble": 3}, "an ensemble of 3 such networks with other initial weights and batch orders"),
    ],
)
def test_a_network_is_told_as_it_is(changes: dict[str, Any], words: str) -> None:
    """Activation, scaling, patience, decay and ensembles follow the model."""
    data = small()
    data["models"][0]["values"] |= changes
    told = learners.models(data)[0]
    assert words in told
    assert ",;" not in told
    assert ("tanh" in told) is ("activation" not in changes)
    assert ("decoupled weight decay" in told) is ("decay" in str(changes) and "adam" in str(changes))
    assert ("ends sooner" in told) is ("patience" in changes)


def test_ensembles_are_told_with_what_their_spread_is_worth(document: Document, data: dict[str, Any]) -> None:
    """The sentence compares the ensemble with one network, and the share of errors in two spreads with the nominal."""
    page = re.sub(r"\s+", " ", visible(render_html(document)))
    assert "the mean of 5 networks, has a test RMSE of" in page
    assert "where one of its networks has 1.61 on the mean. Two of its spreads hold 71 % of its test errors" in page
    assert "Of normal errors 95.4 % lie within two standard deviations, and fewer, 88.4 %, within two spreads" in page
    assert "so as an uncertainty it is too small." in page
    row = table(document, "ensembles").rows[0]
    assert [cell.value for cell in row[1:3]] == [5, 3]
    for within, words in ((0.92, "about right"), (1.0, "too large")):
        changed = deep_copy(data)
        changed["variants"][-1]["ensemble"]["within"] = within
        assert f"as an uncertainty it is {words}" in visible(render_html(compose(changed, environment())))
    assert "ensembles" not in {table.key for table in compose(small(), environment()).tables}


def test_the_least_loss_is_labelled_as_no_score(document: Document) -> None:
    """It is one column, which says what it is; the rule of stopping stands above it."""
    stopping = table(document, "stopping")
    assert stopping.columns[-1].label == "least validation RMSE over epochs (optimistic, not a score), mean"
    assert "optimistic, not a score; shown because it is often quoted" in stopping.caption
    assert {row[0].value for row in stopping.rows} >= {"A", "D"}
    assert "linear" not in {row[0].value for row in stopping.rows}
    assert "When a network stops is fixed in the protocol" in visible(render_html(document))


def test_a_checkpoint_of_nought_is_explained() -> None:
    """Where the initial state was kept the captions say what 0 is, and elsewhere they do not."""
    data = swept()
    words = "Checkpoint 0 is the initial state, which no epoch bettered."
    before = compose(data, environment())
    assert words not in visible(render_html(before))
    for variant in data["variants"]:
        for result in variant["results"]:
            result["checkpoint"] = 0
        variant["checkpoint"] = 0.0
    made = compose(data, environment())
    for key in ("stopping", "sweep_1"):
        assert table(made, key).caption.endswith(words)
    assert words in figure(made, "learning_curves").caption
    assert {row[4].text for row in table(made, "stopping").rows} == {"0"}
    assert strangers(render_html(made), data) == []


def test_an_ensemble_ends_by_patience_together(data: dict[str, Any]) -> None:
    """It is said where an ensemble has a patience, and nowhere else."""
    words = "An ensemble counts as ended by patience where all of its networks were."
    assert words not in table(compose(data, environment()), "stopping").caption
    changed = deep_copy(data)
    changed["models"][-1]["values"] |= {"ensemble": 5, "patience": 5}
    assert words in table(compose(changed, environment()), "stopping").caption


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (
            ["adam", "kalman"],
            "training errors those of each configuration as it was met, before it moved the weights.",
        ),
        (["marquardt", "marquardt"], "end of an epoch; training errors those at the end of the step."),
        (
            ["keras-adam", "marquardt"],
            "before it moved the weights (Keras) or those at the end of the step (Levenberg-Marquardt).",
        ),
    ],
)
def test_curves_say_when_their_errors_were_taken(rules: list[str], words: str) -> None:
    """Only of the trainers whose curves are drawn."""
    data = small()
    model = data["models"][0]
    data["models"] = [
        model | {"name": name, "values": model["values"] | {"optimizer": {**ADAM, "kind": kind, "damping": 1}}}
        for name, kind in zip(("one", "two"), rules, strict=True)
    ] + data["models"][1:]
    for variant, name in zip(data["variants"], ("one", "two"), strict=False):
        variant["model"] = name
    caption = _when(data)
    assert words in caption
    assert "LightGBM" not in caption


def test_curves_of_rounds_and_ensembles_are_told(data: dict[str, Any]) -> None:
    """Boosting has rounds; the curve of an ensemble is a mean, and each of its networks keeps its own epoch."""
    boosted = findings_of(repeats=3, names=("A", "D", "lightgbm"), states=1)
    caption = _when(boosted)
    assert "at the end of an epoch or a round; training errors those of each configuration" in caption
    assert caption.endswith("(Adam) or those at the end of the round (LightGBM).")
    boosted["variants"] = [variant for variant in boosted["variants"] if variant["name"] == "lightgbm"]
    assert (
        _when(boosted)
        == "Validation errors are those at the end of a round; training errors those at the end of the round."
    )
    words = "The curve of an ensemble is the root mean square of its networks' curves, as far as all of them go. "
    changed = deep_copy(data)
    assert words in figure(compose(changed, environment()), "sweep_1_axis_1").caption
    assert words not in figure(compose(changed, environment()), "learning_curves").caption
    changed["variants"][0]["ensemble"] = changed["variants"][-1]["ensemble"]
    caption = figure(compose(changed, environment()), "learning_curves").caption
    assert (
        f"{words}The state kept is the one with the least validation error, not the last one, of an ensemble that"
        in caption
    )


def test_twins_are_told_where_variants_are_listed(data: dict[str, Any]) -> None:
    """The note names both, says why one is in no comparison, and stands beside the count of different trainings."""
    changed = deep_copy(data)
    assert "is the same contestant as" not in visible(render_html(compose(changed, environment())))
    changed["variants"][-1]["twin"] = "D"
    changed["jobs"] |= {"shared": 3, "distinct": changed["jobs"]["distinct"] - 3}
    page = visible(render_html(compose(changed, environment())))
    assert (
        "“hidden 10-10, observations all” is the same contestant as D. It would ask the same question twice, and"
        in page
    )
    both = "so there are 4 different trainings for 9 results."
    assert (
        "A model that is deterministic on a split is trained once on it and counts for every repeat of it, and "
        f"contestants that are the same share their trainings, {both}"
    ) in page
    changed["jobs"]["repeated"] = 0
    assert distinct_note(changed) == f"Contestants that are the same share their trainings, {both}"


def test_settings_that_a_model_does_not_use_are_left_out() -> None:
    """The filter and Levenberg-Marquardt have no batch, and without a skip there is no prior of direct weights."""
    data = small()
    values = data["models"][0]["values"]

    def shown() -> str:
        return table(compose(data, environment()), "models").rows[0][2].text

    assert "batch 32" in shown()
    values["optimizer"] = KALMAN
    assert "batch" not in shown()
    assert "skip prior" not in shown()
    values["skip"] = True
    assert "skip prior 0.0001" in shown()
    values["optimizer"] = {"kind": "marquardt", "damping": 1e-5, "decay": 0.0}
    assert "batch" not in shown()


def test_patience_counts_what_it_ended() -> None:
    """With a patience the table counts the trainings that it ended; without, there is a dash."""
    data = small()
    assert Hdnn("hdnn").patience is None
    shown = {row[0].value: row[3].value for row in table(compose(data, environment()), "stopping").rows}
    assert shown["D"] is None
    data["models"][0]["values"]["patience"] = 9
    data["variants"][1]["stopped"] = {"epochs": 1, "patience": 2}
    shown = {row[0].value: row[3].value for row in table(compose(data, environment()), "stopping").rows}
    assert shown["D"] == 2


# ------------------------------------------------------------------------------------------------------ the sheet

BAND = {"median": [9.0, 1.0], "low": [8.0, 0.9], "high": [10.0, 2.0]}
CURVE = {"epoch": [1, 2], "validation": BAND}


def spot(*values: float, curve: Any = CURVE) -> axis_sheet.Spot:
    mean = sum(values) / len(values) if values else None
    low, high = (mean - 0.1, mean + 0.1) if mean is not None and len(values) > 1 else (None, None)
    return axis_sheet.Spot(values, mean, low, high, curve)


def draw(axis: axis_sheet.Axis, series: list[axis_sheet.Series], **changes: Any) -> str:
    options: dict[str, Any] = {"key": "s", "score": "RMSE", "levels": [], "constant": None}
    return axis_sheet.sheet(axis, series, **options | changes)


NUMBERS = axis_sheet.Axis("learning rate", ("0.001", "0.01", "0.1"), (0.001, 0.01, 0.1))
WORDS = axis_sheet.Axis("hidden layers", ("5", "10-10", "$<b>"), None)
ONE = [axis_sheet.Series("", (spot(1.0, 1.2), spot(0.9, 1.1), spot(2.0)))]


def test_an_axis_of_numbers_over_decades_is_logarithmic() -> None:
    """Numbers within a factor of eight are linear, and words are counted."""
    assert NUMBERS.places == pytest.approx([-3, -2, -1])
    assert axis_sheet.Axis("n", ("1", "2"), (1.0, 2.0)).places == [1.0, 2.0]
    assert axis_sheet.Axis("n", ("0", "2"), (0.0, 2.0)).places == [0.0, 2.0]
    assert WORDS.places == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("axis", [NUMBERS, WORDS], ids=["numbers", "words"])
def test_sheets_are_reproducible_and_show_every_repeat(axis: axis_sheet.Axis) -> None:
    """The same bytes twice, every identifier its own, one marker for each repeat."""
    svg = draw(axis, ONE)
    assert svg == draw(axis, ONE)
    assert "<b>" not in svg
    # Dots are half transparent, nothing else is.
    assert len(re.findall(r"<use [^>]*opacity: 0.55", svg)) == 5
    assert set(re.findall(r' id="([^"]{2})', svg)) == {"s-"}


def test_levels_are_drawn_and_a_far_constant_is_not() -> None:
    """The linear potential is dashed for all values or for each; the constant is dotted where it is near."""
    bare = draw(WORDS, ONE)
    assert "stroke-dasharray" not in bare
    across = draw(WORDS, ONE, levels=[(None, 0.5)])
    each = draw(WORDS, ONE, levels=[(0, 0.5), (1, 0.6), (2, 0.7)])
    # One more than are drawn, for the legend.
    assert [svg.count("stroke-dasharray") for svg in (across, each)] == [2, 4]
    assert draw(WORDS, ONE, constant=3.0).count("stroke-dasharray") == 2
    assert "stroke-dasharray" not in draw(WORDS, ONE, constant=200.0)


def test_sheets_without_curves_or_results_are_drawn() -> None:
    """Models without learning curves, absent contestants and contestants without results break nothing."""
    empty = axis_sheet.Spot((), None, None, None, None)
    series = [
        axis_sheet.Series("a, b", (spot(1.0, curve=None), None, empty)),
        axis_sheet.Series("c", (empty, empty, empty)),
    ]
    for axis in (NUMBERS, WORDS):
        assert draw(axis, series).startswith("<svg")
    none = [axis_sheet.Series("", (empty, empty, empty))]
    assert draw(WORDS, none, constant=5.0).startswith("<svg")


def test_many_values_and_combinations_fit_on_a_sheet() -> None:
    """Fifteen values and eight combinations draw: panels are limited, and names of values thinned."""
    values = tuple(str(number) for number in range(1, 16))
    axis = axis_sheet.Axis("epochs", values, tuple(map(float, values)))
    series = [
        axis_sheet.Series(f"combination {number}", tuple(spot(1.0 + number, 9.0) for _ in values))
        for number in range(8)
    ]
    assert draw(axis, series).startswith("<svg")

"""Repeats by role: how they are declared, laid out and run, and what the findings and the report say of the noise."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bpbench.environment import environment
from bpbench.errors import ProtocolError
from bpbench.findings import findings
from bpbench.identity import seed
from bpbench.jobs import Marquardt, Train
from bpbench.noise import noise
from bpbench.planning import plan
from bpbench.protocol import Protocol, Roles, load, loads
from bpbench.report.compose import compose, csv_tables
from bpbench.report.document import Document, Section, Text
from bpbench.report.plans import plan as told
from bpbench.roles import drawn, lay_out
from bpbench.runner import work
from bpbench.runner.executed import Executed
from bpbench.runner.store import Outcome, Store
from bpbench.study import Prepared, Study, conduct, prepare

TEXT = """\
question: q
data: {kind: table, path: atoms.csv, configuration: conf, energy: E, block: stretch}
sets: {all: {columns: all}}
models:
  network: {kind: hdnn, hidden: [2], epochs: 2, batch: 8, optimizer: {kind: adam, learning_rate: 1e-2}}
  forest: {kind: random-forest, trees: 2}
  linear: {kind: linear}
variants:
  - {name: network, set: all, model: network}
  - {name: forest, set: all, model: forest}
  - {name: linear, set: all, model: linear}
split: {design: crossed, splits: 3}
repeats: {weights: 2, order: 2, rerun: 2}
analysis: {baseline: linear}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a table of 60 configurations of 3 atoms, in blocks of 4."""
    made = tmp_path_factory.mktemp("table")
    random = np.random.default_rng(1)
    conf = np.repeat(np.arange(60), 3)
    g = random.normal(size=(180, 2))
    energy = np.bincount(conf, g[:, 0] + np.sin(2 * g[:, 1])) + 0.1 * random.normal(size=60)
    table = {"conf": conf, "E": energy[conf], "stretch": conf // 4, "g0": g[:, 0], "g1": g[:, 1]}
    pd.DataFrame(table).to_csv(made / "atoms.csv", index=False)
    return made


def protocol(folder: Path, text: str = TEXT) -> Protocol:
    return loads(text, file=str(folder / "p.yaml"))


@pytest.fixture(scope="module")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Store, list[Train]]:
    """Return the study, conducted, its store, and the trainings in the order in which they were performed."""
    store, performed = Store(tmp_path_factory.mktemp("store")), []
    real = work.perform

    def perform(job: Any, give: Any) -> Outcome:
        if isinstance(job, Train):
            performed.append(job)
        return real(job, give)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "perform", perform)
        study = conduct(prepare(protocol(folder), store), store)
    return study, store, performed


def entry(told: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(variant for variant in told["variants"] if variant["name"] == name)
    return found


# ---------------------------------------------------------------------------------------------------- declaration


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("split: {design: crossed, splits: 3}", "", r"p.yaml, line \d+, repeats: repeats by role share .* 'fixed'\."),
        ("crossed, splits: 3", "resampled", r"they are not independent of each other .*, found design 'resampled'\."),
        ("{weights: 2, order: 2, rerun: 2}", "{weights: 1}", "found one draw of each. Write repeats: 1 for"),
        ("{weights: 2, order: 2, rerun: 2}", "{}", "draw at least one of weights, order and rerun more than once"),
        ("order: 2", "orders: 2", r"repeats.orders: unknown key 'orders'; did you mean 'order'\?"),
        ("order: 2", "order: 0", r"repeats.order: expected to be greater than or equal to 1, found 0\."),
        ("{weights: 2, order: 2, rerun: 2}", "0", r"repeats: expected to be greater than or equal to 1, found 0\."),
        ("{weights: 2, order: 2, rerun: 2}", "[2]", r"repeats: expected a whole number, found \[2\]\."),
        ("splits: 3", "splits: 1", r"split.splits: expected to be greater than or equal to 2, found 1\."),
    ],
)
def test_roles_that_make_no_design(folder: Path, old: str, new: str, sentence: str) -> None:
    """Repeats by role need a crossed design and something drawn twice; each mistake gets one sentence."""
    with pytest.raises(ProtocolError, match=sentence) as caught:
        protocol(folder, TEXT.replace(old, new))
    assert "\n" not in str(caught.value)


def test_measurements_have_no_roles() -> None:
    """Where descriptors are timed there are rounds."""
    text = """\
question: q
data: {kind: aluminium}
sets: {12: thesis-12, 22: thesis-22}
measure: {kind: descriptor-time}
variants: [{name: 12, set: 12}, {name: 22, set: 22}]
repeats: {rerun: 3}
analysis: {baseline: 12, metric: descriptor_time}
"""
    with pytest.raises(ProtocolError, match="repeats: with 'measure' nothing is trained and has no roles; give the nu"):
        loads(text)


def test_counts(folder: Path) -> None:
    """Roles not named are drawn once; the units of the statistics are the splits."""
    found = protocol(folder, TEXT.replace("{weights: 2, order: 2, rerun: 2}", "{order: 5}"))
    assert found.roles == Roles(order=5)
    assert (found.per_split, found.repeat_count, found.units) == (5, 15, 3)
    plain = protocol(folder, TEXT.replace("{weights: 2, order: 2, rerun: 2}", "5"))
    assert (plain.roles, plain.per_split, plain.repeat_count, plain.units) == (None, 5, 15, 3)


# --------------------------------------------------------------------------------------------------------- layout


def test_every_role_has_its_own_index(folder: Path) -> None:
    """Every split meets every draw of weights and every order; seeds go by role and index, the reserve by neither."""
    laid = lay_out(
        protocol(folder, TEXT.replace("{weights: 2, order: 2, rerun: 2}", "{weights: 2, order: 4, rerun: 3}"))
    )
    assert [repeat.number for repeat in laid] == list(range(72))
    places = [(repeat.split_number, repeat.weights, repeat.order, repeat.rerun) for repeat in laid]
    assert places == list(itertools.product(range(3), range(2), range(4), range(3)))
    for repeat in laid:
        assert repeat.weights_seed == seed(1, "confirm", "weights", repeat.weights)
        assert repeat.order_seed == seed(1, "confirm", "order", repeat.order)
        assert repeat.split.split_seed == seed(1, "confirm", "split", repeat.split_number)
        assert repeat.split.reserve_seed == seed(1, "reserve")


@pytest.mark.parametrize("design", ["{design: fixed}", "{design: resampled}", "{design: crossed, splits: 3}"])
def test_plain_repeats_keep_their_seeds(folder: Path, design: str) -> None:
    """A plain number draws weights and order anew for every repeat of every split, as it always has."""
    text = TEXT.replace("{weights: 2, order: 2, rerun: 2}", "2").replace("{design: crossed, splits: 3}", design)
    text = text.replace(
        "{baseline: linear}", "{baseline: linear, test: nadeau-bengio}" if "resam" in design else "{baseline: linear}"
    )
    laid = lay_out(protocol(folder, text))
    assert len(laid) == (6 if "crossed" in design else 2)
    for number, repeat in enumerate(laid):
        index = {"{design: fixed}": 0, "{design: resampled}": number}.get(design, number // 2)
        assert (repeat.number, repeat.split_number, repeat.rerun) == (number, index, 0)
        assert repeat.weights_seed == seed(1, "confirm", "weights", number)
        assert repeat.order_seed == seed(1, "confirm", "order", number)
        assert repeat.split.split_seed == seed(1, "confirm", "split", index)
        redrawn = seed(1, "confirm", "reserve", number)
        assert repeat.split.reserve_seed == (redrawn if "resampled" in design else seed(1, "reserve"))


def test_what_models_draw(folder: Path) -> None:
    """Ridge draws nothing, trees no order, Levenberg-Marquardt takes all configurations at once."""
    text = TEXT.replace("epochs: 2, batch: 8", "epochs: 2").replace("adam, learning_rate: 1e-2", "marquardt")
    models = protocol(folder).models | {"squares": protocol(folder, text).models["network"]}
    assert isinstance(models["squares"].optimizer, Marquardt)  # type: ignore[union-attr]
    assert {name: drawn(model) for name, model in models.items()} == {
        "network": ("weights", "order"),
        "forest": ("weights",),
        "linear": (),
        "squares": ("weights",),
    }


# ------------------------------------------------------------------------------------------------------------ run


def test_reruns_are_trained_again(run: tuple[Study, Store, list[Train]]) -> None:
    """Each training is performed as often as the protocol says, and those that a model does not draw for once."""
    study, _, performed = run
    counts = {kind: sum(job.model.kind == kind for job in performed) for kind in ("hdnn", "random-forest", "linear")}
    assert counts == {"hdnn": 24, "random-forest": 12, "linear": 6}
    assert {job.rerun for job in performed} == {0, 1}
    assert len(set(performed)) == len(performed) == 42
    told = findings(study)
    assert told["jobs"] | {"done": 72, "total": 72, "distinct": 42, "repeated": 30, "shared": 0} == told["jobs"]


def test_the_store_does_not_give_back_another_rerun(run: tuple[Study, Store, list[Train]]) -> None:
    """A third rerun is new although the first two are stored; nothing else is."""
    study, store, _ = run
    more = TEXT.replace("rerun: 2", "rerun: 3")
    planned = plan(prepare(protocol(Path(study.prepared.protocol.origin.file).parent, more), store), store)
    assert planned["jobs"]["train hdnn (adam)"] | {"stored": 24, "new": 12} == planned["jobs"]["train hdnn (adam)"]
    assert planned["roles"] == {"split": 3, "weights": 2, "order": 2, "rerun": 3}
    assert planned["repeats"] == 36
    lines = told(planned | {"report": "r"})
    assert "36 repeats (3 splits × 2 initial weights × 2 batch orders × 3 runs) of 3 variants" in lines[0]


def test_findings_of_a_study(run: tuple[Study, Store, list[Train]]) -> None:
    """Each contestant has the components that it can have; a program that always gives the same bits adds nothing."""
    told = json.loads(json.dumps(findings(run[0]), allow_nan=False))
    assert told["split"]["roles"] == {"weights": 2, "order": 2, "rerun": 2}
    assert (
        "is trained from each of 2 initial weights and in each of 2 batch orders, 2 times over."
        in told["split"]["sentence"]
    )
    network, forest, linear = (entry(told, name)["noise"] for name in ("network", "forest", "linear"))
    assert (network["n"], forest["n"], linear["n"]) == (24, 12, 6)
    assert [len(one["components"]) for one in (network, forest, linear)] == [8, 4, 2]
    assert (network["not_drawn"], forest["not_drawn"], linear["not_drawn"]) == ([], ["order"], ["weights", "order"])
    for one in (network, forest, linear):
        assert one["same_bits"]
        assert one["components"][-1] | {"sources": [], "raw": 0, "sd_high": 0} == one["components"][-1]
        assert sum(part["share"] for part in one["components"]) == pytest.approx(1)
    assert linear["components"][0] | {"sources": ["split"], "share": 1} == linear["components"][0]
    scores = [result["scores"]["test"]["rmse"] for result in entry(told, "network")["results"]]
    assert network["mean"] == pytest.approx(np.mean(scores))
    assert len(set(scores)) == 12
    assert [result["rerun"] for result in entry(told, "network")["results"][:3]] == [0, 1, 0]


def test_verdicts_say_what_they_are_given(run: tuple[Study, Store, list[Train]]) -> None:
    """The units are splits, and beside each verdict stands that the splits share weights and orders."""
    comparisons = findings(run[0])["analysis"]["comparisons"]
    assert [comparison["n"] for comparison in comparisons] == [3, 3]
    for comparison in comparisons:
        assert comparison["remarks"][-1].startswith("Every split is trained from the same initial weights and in the")


def whole(document: Document) -> str:
    return " ".join(block.text for section in document.sections for block in section.blocks if isinstance(block, Text))


def section(document: Document) -> Section:
    (found,) = (section for section in document.sections if section.key == "noise")
    return found


def test_the_report_tells_where_the_noise_comes_from(run: tuple[Study, Store, list[Train]]) -> None:
    """One paragraph for each contestant, one table, and every claim with what it is given."""
    study, store, _ = run
    told = findings(study)
    document = compose(told, environment(study, store, command="c", wall_s=1.0))
    blocks = section(document).blocks
    texts = [block.text for block in blocks if isinstance(block, Text)]
    assert "Of its variance, 100 % (100 to 100 %) comes from the split. The machine adds nothing: every" in texts[3]
    assert texts[3].endswith("This model does not draw initial weights or batch order: their part is 0.")
    assert "the random draws of the model" in texts[2]
    network = entry(told, "network")["noise"]
    largest = max(network["components"], key=lambda part: part["share"])
    assert f"{round(100 * largest['share'])} % (" in texts[1]
    (table,) = (table for table in csv_tables(told, document) if table.key == "noise")
    assert len(table.rows) == 8 + 4 + 2
    assert [row[1].value for row in table.rows[-2:]] == ["split", "machine"]
    assert "A model that does not draw initial weights or a batch order is trained once in place of all of" in whole(
        document
    )
    assert "Given these data, this reserve, these initial weights and these batch orders" in whole(document)
    (repeats,) = (table for table in csv_tables(told, document) if table.key == "repeats")
    assert [column.key for column in repeats.columns[:6]] == ["variant", "repeat", "split", "weights", "order", "rerun"]
    assert [cell.value for cell in repeats.rows[7][1:6]] == [7, 0, 1, 1, 1]


def test_no_section_without_roles(run: tuple[Study, Store, list[Train]], folder: Path) -> None:
    """A plain number of repeats has neither the section nor the columns of roles."""
    store = run[1]
    study = conduct(prepare(protocol(folder, TEXT.replace("{weights: 2, order: 2, rerun: 2}", "2")), store), store)
    told = findings(study)
    assert {variant["noise"] for variant in told["variants"]} == {None}
    assert told["split"]["roles"] is None
    assert "weights" not in told["variants"][0]["results"][0]
    document = compose(told, environment(study, store, command="c", wall_s=1.0))
    assert [one for one in document.sections if one.key == "noise"] == []
    assert "Given these data and this reserve" in whole(document)


# ----------------------------------------------------------------------------------------------- scores of any kind


def imagined(prepared: Prepared, score: Any) -> Study:
    """Return a study whose scores are those of a function of the repeat, ``None`` for one that diverged."""
    results = {}
    for name, number in prepared.trainings:
        value = score(prepared.repeats[number])
        values = {"status": "done", "scores": {"test": {"rmse": value}}}
        results[name, number] = Outcome({"status": "diverged", "message": "m"} if value is None else values)
    return Study(prepared, results, (), 0, Executed(0, 0, {}, {}), {})


def test_each_role_is_an_axis(folder: Path, tmp_path: Path) -> None:
    """Additive effects of known spread: each component is the variance of its own effects, no other has any."""
    text = TEXT.replace("{weights: 2, order: 2, rerun: 2}", "{weights: 2, order: 4, rerun: 3}")
    prepared = prepare(protocol(folder, text), Store(tmp_path))
    split, weights, order, rerun = [0.0, 4, 8], [0.0, 1], [0.0, 0.25, 0.5, 0.75], [0.0, 0.0625, 0.125]

    def score(repeat: Any) -> float:
        return 50 + split[repeat.split_number] + weights[repeat.weights] + order[repeat.order] + rerun[repeat.rerun]

    found = noise(imagined(prepared, score), prepared.protocol.variants[0])
    assert found is not None
    raw = {tuple(part["sources"]): part["raw"] for part in found["components"]}
    machine = np.var(rerun, ddof=1)
    assert raw == {
        ("split",): pytest.approx(16),
        ("weights",): pytest.approx(0.5),
        ("order",): pytest.approx(np.var(order, ddof=1)),
        ("split", "weights"): 0,
        ("split", "order"): 0,
        ("weights", "order"): 0,
        ("split", "weights", "order"): pytest.approx(-machine / 3),
        (): pytest.approx(machine),
    }
    assert found["levels"] == {"split": 3, "weights": 2, "order": 4}
    assert not found["same_bits"]
    assert found["components"][6]["sd"] == 0


def test_a_hole_is_told(folder: Path, tmp_path: Path) -> None:
    """With a diverged training there is no decomposition, and the report says which one it was."""
    prepared = prepare(protocol(folder), Store(tmp_path))
    study = imagined(prepared, lambda repeat: None if repeat.number == 7 else 1.0 + repeat.number)
    found = noise(study, prepared.protocol.variants[0])
    assert found is not None
    assert "in 1 of 24 places (split 1, weights 2, order 2, value 2)" in found["refused"]
    assert found["components"] == []


@pytest.mark.parametrize(
    ("repeats", "said"),
    [
        ("{weights: 2, order: 2}", "Nothing was run twice, so the part of the machine is not told apart."),
        ("{weights: 2}", "All had the same batch order, so that part is not seen."),
        ("{rerun: 2}", "All had the same initial weights and batch order, so that part is not seen."),
    ],
)
def test_what_was_not_varied_is_said(folder: Path, tmp_path: Path, repeats: str, said: str) -> None:
    """A role drawn once is named as unseen, and without reruns the last component holds the machine's part."""
    from bpbench.report import noise as report

    prepared = prepare(protocol(folder, TEXT.replace("{weights: 2, order: 2, rerun: 2}", repeats)), Store(tmp_path))
    random = np.random.default_rng(1)
    study = imagined(prepared, lambda _: float(random.normal(5, 1)))
    variants = [{"name": v.name, "model": v.model, "noise": noise(study, v)} for v in prepared.protocol.variants]
    (made,) = report.sections(
        {
            "split": {"roles": {"weights": 1}},
            "metric": {"key": "rmse", "label": "RMSE", "unit": "meV/atom"},
            "analysis": {"part": "test"},
            "variants": variants,
            "models": [{"name": name, "kind": model.kind} for name, model in prepared.protocol.models.items()],
            "data": {"kind": "table", "label": "x", "method": None},
            "sets": [],
        }
    )
    texts = [block.text for block in made.blocks if isinstance(block, Text)]
    assert said in texts[1]
    assert ("(with the machine)" in texts[1]) == ("rerun" not in repeats)


def test_the_shipped_protocol_counts_right() -> None:
    """``noise.yaml``: 6 splits × 5 weights × 4 orders × 2 runs of each contestant, judged by the six splits."""
    from bpbench import shipped

    found = load(shipped("protocols") / "noise.yaml")
    assert (found.repeat_count, found.units, len(found.family)) == (240, 6, 3)

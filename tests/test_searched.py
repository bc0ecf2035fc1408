"""Findings of strategies: what is counted, subtracted and related, against the trainings that it is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpbench.findings import findings
from bpbench.jobs import Train
from bpbench.protocol import loads
from bpbench.report.answer import answer
from bpbench.report.compose import compose, csv_tables
from bpbench.runner.engine import Engine
from bpbench.runner.store import Store
from bpbench.searched import _sizes
from bpbench.selection.trace import Step, Trace, Tried
from bpbench.study import Study, conduct, prepare

COLUMNS = ("a", "b", "c", "g1", "g2", "g3")
TEXT = """\
question: Which columns?
data: {kind: table, path: data.npz, block_length: 2}
sets:
  all: {columns: all}
  few: {columns: [a, b, c]}
models: {linear: {kind: linear}}
variants: [{name: whole, set: all, model: linear}]
explore: {repeats: 4}
strategies:
  drop: {kind: drop-one, set: all, model: linear, remove: [2], race: {rule: halving, first: 2}, outer: 2}
  back: {kind: backward, set: all, model: linear, order: listed, margin: 10 %}
  least: {kind: smallest, model: linear, sets: [all, few], strategies: [back]}
split: {design: crossed, splits: 4}
repeats: 1
analysis: {baseline: whole, margin: 5.0}
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Return a study on energies that are made of a, b and c alone."""
    folder: Path = tmp_path_factory.mktemp("searched")
    rng = np.random.default_rng(5)
    atoms, frames = 4, 60
    values = rng.normal(size=(frames * atoms, len(COLUMNS)))
    energy = (values[:, :3] @ [0.3, -0.2, 0.1]).reshape(frames, atoms).sum(axis=1) + 0.02 * rng.normal(size=frames)
    offsets = np.arange(frames + 1) * atoms
    np.savez(folder / "data.npz", values=values, names=np.array(COLUMNS), offsets=offsets, energy=energy)
    store = Store(folder / "store")
    return conduct(prepare(loads(TEXT, file=str(folder / "p.yaml"), name="p"), store), store, engine=Engine(1))


@pytest.fixture(scope="module")
def found(study: Study) -> dict[str, Any]:
    return findings(study)


def strategies(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in found["exploration"]["strategies"]}


def test_a_race_is_counted_by_its_trainings(study: Study, found: dict[str, Any]) -> None:
    """What was trained and what was spared are together what there would have been without a race."""
    drop = strategies(found)["drop"]
    trained = {job for job in study.prepared.explored.asked["drop", 0] if isinstance(job, Train)}
    assert drop["asked"] == len(trained)
    assert drop["candidates"] == len({job.functions for job in trained}) == 1 + 6 + 1
    assert drop["stopped"] > 0
    assert drop["asked"] + drop["spared"] == 4 * drop["candidates"]
    left = drop["steps"][0]["left"]
    assert left[0] == 6
    assert sum(left) == drop["asked"] - 8  # beside the whole set and the one without two
    assert left[-1] == 6 - drop["stopped"]
    assert drop["steps"][1]["left"] is None
    assert strategies(found)["back"]["stopped"] == strategies(found)["back"]["spared"] == 0


def test_differences_are_those_to_the_whole_set(found: dict[str, Any]) -> None:
    """Explored against the whole set while exploring, confirmed against the whole set on the reserve."""
    means = {variant["name"]: variant["summary"]["test"]["rmse"]["mean"] for variant in found["variants"]}
    for name, one in strategies(found).items():
        choice = one["choice"]
        assert choice["whole"] == "whole"
        assert choice["confirmed"] == pytest.approx(means[name])
        assert choice["confirmed_difference"] == pytest.approx(means[name] - means["whole"], abs=1e-12)
        assert choice["explored_difference"] == pytest.approx(choice["explored"] - choice["explored_whole"])
        assert choice["size"] == len(choice["chosen"])


def test_a_choice_is_related_to_what_it_is_compared_with(found: dict[str, Any]) -> None:
    """The size of the rival's set, whether it is the same one; columns that are read have no operations."""
    told = strategies(found)
    assert told["back"]["choice"]["against"] == {
        "variant": "whole", "set": "all", "functions": 6, "same": False, "operations": None,
    }  # fmt: skip
    against = told["least"]["choice"]["against"]
    assert against["variant"] == "least: the best"
    assert against["same"] is (told["least"]["choice"]["chosen"] == told["least"]["best"]["chosen"])
    assert told["least"]["best"]["against"] is None
    assert not told["back"]["by_operations"]
    assert told["back"]["ended"]


def test_a_relative_margin_has_a_width(found: dict[str, Any]) -> None:
    """A tenth of the mean of the whole set while exploring; an absolute one is its own."""
    told = strategies(found)
    assert told["back"]["margin"] == "10 %"
    assert told["back"]["margin_width"] == pytest.approx(0.1 * told["back"]["choice"]["explored_whole"])
    assert told["drop"]["margin_width"] == 5.0


def test_what_is_kept_is_a_share_of_the_searches(study: Study, found: dict[str, Any]) -> None:
    """Two searches of drop, one of the others."""
    choices = [study.prepared.explored.traces["drop", outer].choice for outer in range(2)]
    held = [[place in one.chosen for place in range(6)] for one in choices if one is not None]
    assert strategies(found)["drop"]["kept"] == np.mean(held, axis=0).tolist()
    assert strategies(found)["drop"]["kept"] == strategies(found)["drop"]["stability"]["frequencies"]
    chosen = strategies(found)["back"]["choice"]["chosen"]
    assert strategies(found)["back"]["kept"] == [float(place in chosen) for place in range(6)]


def test_a_study_of_columns_has_a_report(found: dict[str, Any]) -> None:
    """Columns that are read have no cost on paper: no front, and inputs in place of functions."""
    document = compose(found, {})
    assert "front" not in [section.key for section in document.sections]
    assert any("place of 6 inputs" in text for text in answer(found))
    assert "explored" in {table.key for table in csv_tables(found, document)}


@pytest.mark.parametrize("stopped", [False, True])
def test_a_race_turns_no_comparison_of_sizes(stopped: bool) -> None:
    """Draws that were stopped lack the later repeats, which are harder: sizes are compared over those that all had."""
    rng = np.random.default_rng(3)
    harder = np.array([0.0, 0.0, 0.0, 3.0, 3.0, 3.0])
    tried = []
    for size, level in ((2, 1.5), (4, 1.0)):
        for draw in range(8):
            scores = level + harder + 0.05 * rng.normal(size=6)
            behind = stopped and size == 2
            kept = scores[:3] if behind else scores
            chosen = tuple(range(draw, draw + size))
            tried.append(Tried(f"{size}, {draw}", chosen, tuple(kept.tolist()), "behind" if behind else None))
    found = _sizes(loads(TEXT), Trace((Step("s", tuple(tried)),), None))
    (pair,) = found["comparisons"]
    assert found["repeats"] == (3 if stopped else 6)
    assert (pair["candidate"], pair["baseline"], pair["verdict"]) == ("2", "4", "worse")
    assert pair["difference"] == pytest.approx(0.5, abs=0.1)

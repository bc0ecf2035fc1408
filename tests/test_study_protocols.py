"""The protocols of the aluminium study's steps: shipped, laid out in full and quick, and run from file to report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_cli import bpbench

from bpbench import shipped, study
from bpbench.protocol import load
from bpbench.runner.store import Store
from bpbench.strategies import (
    Backward,
    ByShift,
    ByWeight,
    DropOne,
    EvenlySpacedGroups,
    Forward,
    RandomSubsets,
    Smallest,
    Strategy,
)

FOLDER = shipped("protocols")
#: One for each step of the study, and the kinds of strategies that it is there to show.
STEPS: dict[str, set[type[Strategy]]] = {
    "12-radial": set(),
    "22vars": set(),
    "architectures": set(),
    "329-by-shift": set(),
    "57-by-shift": set(),
    "ranges-of-shift": {ByShift},
    "random-subsets": {RandomSubsets, EvenlySpacedGroups},
    "57vars": set(),
    "drop-one": {DropOne, RandomSubsets},
    "backward": {Backward, Forward},
    "by-weight": {ByWeight, RandomSubsets},
    "forest-energy": {ByWeight},
    "forest-forces": set(),
    "smallest": {Backward, Smallest},
}


@pytest.mark.parametrize("name", STEPS)
def test_every_step_says_what_it_answers(name: str) -> None:
    """Each begins with a comment of sentences, and asks one question, which its report is headed by."""
    text = (FOLDER / f"{name}.yaml").read_text()
    head = [line.removeprefix("# ") for line in text[: text.index("title:")].splitlines()]
    assert head
    assert all(line and not line.startswith("#") for line in head)
    protocol = load(FOLDER / f"{name}.yaml")
    assert protocol.question.strip().endswith("?")
    assert protocol.title not in {"", name}
    assert {type(spec) for spec in protocol.strategies.values()} == STEPS[name]


@pytest.mark.parametrize("quick", [False, True], ids=["full", "quick"])
@pytest.mark.parametrize("name", STEPS)
def test_every_step_can_be_laid_out_on_the_embedded_sample(name: str, quick: bool, tmp_path: Path) -> None:
    """Data, sets, splits, tests and every strategy's ground are there, in full and quick, before anything runs."""
    protocol = load(FOLDER / f"{name}.yaml", quick=quick)
    prepared = study.prepare(protocol, Store(tmp_path / "store"))
    assert len(prepared.frames) == (80 if quick else 440)
    assert prepared.explored.laid.keys() == protocol.strategies.keys()
    assert prepared.explored.open.keys() == {
        (name, number) for name, laid in prepared.explored.laid.items() for number in range(len(laid.grounds))
    }
    assert len(prepared.trainings) == len(protocol.variants) * protocol.repeat_count
    assert not list(tmp_path.iterdir())


TINY = """
# The whole path of strategies in seconds.
title: Tiny
question: Which of the twelve will do?
data: {kind: aluminium}
sets:
  22: thesis-22
  12: {cut: 22, kinds: [G2]}
  few: {cut: 12, names: ["G2(eta=0.0*"]}
models: {linear: {kind: linear, strengths: [1e-6]}}
variants: [{name: base, set: 12, model: linear}]
strategies:
  down: {kind: backward, set: 12, model: linear, order: weight, step: 4}
  drawn: {kind: random-subsets, set: 22, model: linear, sizes: [4, 8], draws: 2, outer: 2}
  light: {kind: by-weight, set: 12, model: linear, by: permutation, drop: [2]}
  alone: {kind: drop-one, set: few, model: linear, remove: [1]}
  least: {kind: smallest, model: linear, sets: [12, 22], strategies: [down]}
explore: {repeats: 3}
split: {design: crossed, splits: 4, reserve: 0.2, validation: 0.2}
repeats: 1
analysis: {baseline: base, margin: 0.5}
report: {formats: [html]}
quick:
  data: {groups: [300 K solid, 1000 K liquid]}
  strategies: {drawn: {draws: 3}}
"""


@pytest.mark.parametrize("quick", [False, True], ids=["full", "quick"])
def test_a_study_of_strategies_goes_from_its_file_to_its_report(tmp_path: Path, quick: bool) -> None:
    """The command line searches, confirms and reports; with ``--quick`` it says so and judges nothing."""
    (tmp_path / "tiny.yaml").write_text(TINY)
    option = ["--quick"] if quick else []
    code, out, err = bpbench(tmp_path, "run", "tiny.yaml", "--json", *option)
    assert code == 0, err
    (folder,) = (tmp_path / "reports").iterdir()
    found = json.loads(out)["findings"]
    assert found == json.loads((folder / "findings.json").read_text())
    assert found["protocol"]["quick"] is quick
    told = {one["name"]: one for one in found["exploration"]["strategies"]}
    assert list(told) == ["down", "drawn", "light", "alone", "least"]
    assert all(one["steps"] and one["choice"]["confirmed"] is not None for one in told.values())
    assert len(told["drawn"]["steps"][0]["tried"]) == (6 if quick else 4)
    judged = {(one["candidate"], one["verdict"] is None) for one in found["analysis"]["comparisons"]}
    assert {name for name, _ in judged} <= set(told)
    text = (folder / "report.html").read_text()
    assert "Which of the twelve will do?" in text
    assert all(name in text for name in told)


@pytest.mark.slow
@pytest.mark.parametrize("name", STEPS)
def test_every_step_runs_quickly_and_gives_no_verdict(tmp_path: Path, name: str) -> None:
    """``--quick`` goes from each shipped protocol to a whole report, in which every strategy chose something."""
    code, out, err = bpbench(tmp_path, "run", name, "--quick", "--jobs", "2", "--json")
    assert code == 0, err
    found = json.loads(out)["findings"]
    assert found["protocol"]["quick"] is True
    assert found["jobs"]["done"] == found["jobs"]["total"]
    for one in (found["exploration"] or {"strategies": []})["strategies"]:
        assert one["broken"] is None
        assert one["choice"]["confirmed"] is not None
    (folder,) = (tmp_path / "reports").iterdir()
    assert (folder / "report.html").is_file()

"""Searches that are killed: every strategy goes on where it was and ends with the bits of an undisturbed run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from test_cli import SMOKE, findings, start, stored

#: One strategy of every kind, on models that are fitted in a moment, and one that asks networks.
PROTOCOL = """
question: Does a search that was killed go on?
data: {kind: aluminium, groups: [300 K solid, 1000 K liquid]}
pool: thesis-329
sets: {329: thesis-329, 22: thesis-22, few: {cut: 22, kinds: [G2], names: ["G2(eta=0.0*"]}}
models:
  linear: {kind: linear, strengths: [1e-6]}
  forest: {kind: random-forest, trees: 5}
  network: {kind: hdnn, hidden: [2], epochs: 2, batch: 64, optimizer: {kind: adam, learning_rate: 1e-2}}
variants: [{name: base, set: 22, model: linear}]
strategies:
  shift: {kind: by-shift, set: 329, model: linear, ranges: [[0, 0], [0.05, 3], [3.01, 6.8]], angular: without}
  random: {kind: random-subsets, set: 329, model: linear, sizes: [5, 9], draws: 2, outer: 2}
  groups: {kind: evenly-spaced, set: 329, model: linear, steps: [[40, 20, 20]], starts: [[1, 202, 1], [2, 203, 2]]}
  one: {kind: drop-one, set: few, model: forest, remove: [1, 2], race: {rule: friedman, first: 2}}
  down: {kind: backward, set: few, model: linear, order: drop-one, step: 3, race: {rule: halving, first: 2}}
  up: {kind: forward, set: few, model: linear, most: 2}
  weight: {kind: by-weight, set: few, model: linear, by: gain, of: forest, drop: [1, 3]}
  shuffled: {kind: by-weight, set: few, model: network, by: permutation, drop: [2]}
  least: {kind: smallest, model: linear, sets: [few, 22], strategies: [down, up]}
explore: {repeats: 3}
split: {design: crossed, splits: 3, reserve: 0.2, validation: 0.2}
repeats: 1
analysis: {baseline: base, margin: 0.5}
report: {formats: [html]}
"""


#: Every protocol that answers a step of the study.
PROTOCOLS = (
    "12-radial", "22vars", "architectures", "329-by-shift", "random-subsets", "57-by-shift", "57vars", "drop-one",
    "backward", "by-weight", "forest-energy",
)  # fmt: skip


def to_its_end(folder: Path, *arguments: str) -> None:
    """Run the command line to its end, however long it takes."""
    process = start(folder, *arguments)
    _, err = process.communicate(timeout=3600)
    assert process.returncode == 0, err


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the searches once without trouble, in a folder of its own."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "search.yaml").write_text(PROTOCOL)
    to_its_end(folder, "run", "search.yaml", "--jobs", "1")
    return folder


def killed(
    folder: Path, undisturbed: Path, draw: np.random.Generator, kills: int, arguments: tuple[str, ...], jobs: str
) -> None:
    """Kill a run again and again, each time with ever more stored, and at last let it end.

    Aims lie in what is stored at the start of a run, at 0, or in the first nine tenths of all: how quickly a machine
    works then decides where precisely a run dies, and not whether it is still alive. One that ended all the same, as
    the last tenth was quicker than a glance at the store, is begun anew from nothing, at an aim of half as much.
    """
    total = stored(undisturbed)
    for drawn in sorted(int(number) for number in draw.integers(0, 9 * total // 10, kills)):
        aim = drawn
        while not _killed_at(folder, aim, draw, arguments, jobs):
            shutil.rmtree(folder / ".bpbench")
            shutil.rmtree(folder / "reports")
            assert aim, "a run of all of it ended before its first glance"
            aim //= 2
        assert stored(folder) <= total
    to_its_end(folder, "run", *arguments, "--jobs", jobs)
    assert findings(folder) == findings(undisturbed)
    assert stored(folder) == total
    assert list((folder / ".bpbench/store/tmp").iterdir()) == []


def _killed_at(folder: Path, aim: int, draw: np.random.Generator, arguments: tuple[str, ...], jobs: str) -> bool:
    """Kill a run when so much is stored; return whether it was still running."""
    process = start(folder, "run", *arguments, "--jobs", jobs)
    deadline = time.monotonic() + 1200
    while stored(folder) < aim and process.poll() is None:
        assert time.monotonic() < deadline, f"{stored(folder)} of {aim} results in 20 minutes"
        time.sleep(0.002)
    time.sleep(draw.uniform(0, 0.02) if aim else draw.uniform(0.2, 2))
    alive = process.poll() is None
    if jobs == "2" and draw.integers(2) and alive:
        os.kill(process.pid, signal.SIGKILL)  # the driver alone: its workers must not outlive it
    elif alive:
        os.killpg(process.pid, signal.SIGKILL)
    _, err = process.communicate()
    # alive a moment ago, it may have ended before the signal came
    assert process.returncode in {0, -signal.SIGKILL}, err
    return process.returncode != 0


def test_every_kind_of_strategy_has_its_say(undisturbed: Path) -> None:
    """What is killed here is a study of all eight kinds, one of them twice; each of them chose and was confirmed."""
    found = json.loads(findings(undisturbed))
    told = found["exploration"]["strategies"]
    assert len({one["kind"] for one in told}) == len(told) - 1 == 8
    assert all(one["choice"]["confirmed"] is not None for one in told)


@pytest.mark.parametrize("jobs", [pytest.param("1", marks=pytest.mark.slow), "2"])
def test_killed_twice_a_search_ends_with_the_same_bits(undisturbed: Path, tmp_path: Path, jobs: str) -> None:
    """``kill -9`` at two random moments of exploring and confirming, then a run: the bits of an undisturbed one."""
    (tmp_path / "search.yaml").write_text(PROTOCOL)
    killed(tmp_path, undisturbed, np.random.default_rng([20261126, int(jobs)]), 2, ("search.yaml",), jobs)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("number", range(4))
def test_killed_ten_times_a_search_ends_with_the_same_bits(
    undisturbed: Path, tmp_path: Path, number: int, jobs: str
) -> None:
    """The same with ten kills, four times over."""
    (tmp_path / "search.yaml").write_text(PROTOCOL)
    killed(tmp_path, undisturbed, np.random.default_rng([20261127, int(jobs), number]), 10, ("search.yaml",), jobs)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_killed_quick_run_of_every_protocol_ends_with_the_same_bits(tmp_path: Path, name: str) -> None:
    """``run --quick`` of every protocol of the study's steps, killed at a random moment and begun again."""
    draw = np.random.default_rng([20261128, PROTOCOLS.index(name)])
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        folder.mkdir()
        shutil.copy(SMOKE.with_name(f"{name}.yaml"), folder)
    arguments = (f"{name}.yaml", "--quick")
    to_its_end(whole, "run", *arguments, "--jobs", "2")
    killed(broken, whole, draw, 1, arguments, "2")

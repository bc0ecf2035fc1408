"""Searches that are killed: every strategy goes on where it was and ends with the bits of an undisturbed run."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from test_cli import bpbench, findings, start, stored

pytestmark = pytest.mark.xdist_group("cli")

#: One strategy of every kind, on models that are fitted in a moment.
PROTOCOL = """
question: Does a search that was killed go on?
data: {kind: aluminium, groups: [300 K solid, 1000 K liquid]}
pool: thesis-329
sets: {329: thesis-329, 22: thesis-22, few: {cut: 22, kinds: [G2], names: ["G2(eta=0.0*"]}}
models: {linear: {kind: linear, strengths: [1e-6]}, forest: {kind: random-forest, trees: 5}}
variants: [{name: base, set: 22, model: linear}]
strategies:
  shift: {kind: by-shift, set: 329, model: linear, ranges: [[0, 0], [0.05, 3], [3.01, 6.8]], angular: without}
  random: {kind: random-subsets, set: 329, model: linear, sizes: [5, 9], draws: 2, outer: 2}
  groups: {kind: evenly-spaced, set: 329, model: linear, steps: [[40, 20, 20]], starts: [[1, 202, 1], [2, 203, 2]]}
  one: {kind: drop-one, set: few, model: forest, remove: [1, 2], race: {rule: friedman, first: 2}}
  down: {kind: backward, set: few, model: linear, order: drop-one, step: 3, race: {rule: halving, first: 2}}
  up: {kind: forward, set: few, model: linear, most: 2}
  weight: {kind: by-weight, set: few, model: linear, by: gain, of: forest, drop: [1, 3]}
  least: {kind: smallest, model: linear, sets: [few, 22], strategies: [down, up]}
explore: {repeats: 3}
split: {design: crossed, splits: 3, reserve: 0.2, validation: 0.2}
repeats: 1
analysis: {baseline: base, margin: 0.5}
report: {formats: [html]}
"""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the searches once without trouble, in a folder of its own."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "search.yaml").write_text(PROTOCOL)
    code, _, err = bpbench(folder, "run", "search.yaml", "--jobs", "1")
    assert code == 0, err
    return folder


def killed(folder: Path, undisturbed: Path, draw: np.random.Generator, kills: int, jobs: str) -> None:
    """Kill a run again and again, each time with ever more stored, and at last let it end."""
    (folder / "search.yaml").write_text(PROTOCOL)
    total = stored(undisturbed)
    for aim in sorted(int(number) for number in draw.integers(0, total - 5, kills)):
        process = start(folder, "run", "search.yaml", "--jobs", jobs)
        deadline = time.monotonic() + 120
        while stored(folder) < aim and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(draw.uniform(0, 0.02) if aim else draw.uniform(0.2, 2))
        assert process.poll() is None, "it ended before it could be killed"
        if jobs == "2" and draw.integers(2):
            os.kill(process.pid, signal.SIGKILL)  # the driver alone: its workers must not outlive it
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert stored(folder) < total
    code, _, err = bpbench(folder, "run", "search.yaml", "--jobs", jobs)
    assert code == 0, err
    assert findings(folder) == findings(undisturbed)
    assert stored(folder) == total
    assert list((folder / ".bpbench/store/tmp").iterdir()) == []


def test_every_kind_of_strategy_has_its_say(undisturbed: Path) -> None:
    """What is killed here is a study of all eight kinds, and each of them chose and was confirmed."""
    found = json.loads(findings(undisturbed))
    told = found["exploration"]["strategies"]
    assert len({one["kind"] for one in told}) == len(told) == 8
    assert all(one["choice"]["confirmed"] is not None for one in told)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_killed_twice_a_search_ends_with_the_same_bits(undisturbed: Path, tmp_path: Path, jobs: str) -> None:
    """``kill -9`` at two random moments of exploring and confirming, then a run: the bits of an undisturbed one."""
    killed(tmp_path, undisturbed, np.random.default_rng([20261126, int(jobs)]), 2, jobs)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("number", range(4))
def test_killed_ten_times_a_search_ends_with_the_same_bits(
    undisturbed: Path, tmp_path: Path, number: int, jobs: str
) -> None:
    """The same with ten kills, four times over."""
    killed(tmp_path, undisturbed, np.random.default_rng([20261127, int(jobs), number]), 10, jobs)

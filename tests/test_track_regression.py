"""On real trainings: runs of unchanged code pass the gate, and a learning rate made worse in the code is caught."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import bpbench
from bpbench import shipped

_SOURCES = Path(bpbench.__file__).parent
#: The one line that trains, and the same line after somebody had an idea.
_BEFORE = "        return fit(job.model, problem, weights_seed=job.weights_seed, order_seed=job.order_seed)\n"
_AFTER = """\
        import dataclasses
        model = job.model
        if isinstance(model, Hdnn) and model.optimizer.kind == "adam":
            slow = dataclasses.replace(model.optimizer, learning_rate=model.optimizer.learning_rate / 100)
            model = dataclasses.replace(model, optimizer=slow)
        return fit(model, problem, weights_seed=job.weights_seed, order_seed=job.order_seed)
"""


class _Elsewhere:
    """The command line of one tree of sources, in one folder.

    Parameters
    ----------
    folder : Path
        Where the history is.
    sources : Path
        The folder that holds the package.
    """

    def __init__(self, folder: Path, sources: Path) -> None:
        self.folder, self.sources = folder, sources

    def __call__(self, *words: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "bpbench.cli", "track", *words],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.sources), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def told(self, *words: str) -> tuple[int, Any]:
        """Return the exit code and what ``--json`` tells."""
        code, out, err = self(*words, "--json")
        assert out, err
        return code, json.loads(out)


def _changed(folder: Path) -> Path:
    """Return a copy of the sources whose training is worse, compiled kernels included, which did not change."""
    tree = folder / "changed"
    shutil.copytree(_SOURCES, tree / "bpbench")
    # An installed package brings protocols and templates with it, one that runs from its sources has them beside it.
    for kind in ("protocols", "templates"):
        if not (tree / "bpbench" / "_shipped" / kind).is_dir():
            shutil.copytree(shipped(kind), tree / kind)
    path = tree / "bpbench" / "runner" / "work.py"
    text = path.read_text()
    assert text.count(_BEFORE) == 1
    path.write_text(text.replace(_BEFORE, _AFTER))
    return tree


@pytest.mark.parametrize("runs", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_a_worse_learning_rate_is_caught_and_unchanged_code_is_not(tmp_path: Path, runs: int) -> None:
    """Records of the smoke protocol, all by one code, then one by a code that trains a hundred times slower."""
    ours, theirs = _Elsewhere(tmp_path, _SOURCES.parent), _Elsewhere(tmp_path, _changed(tmp_path))
    for number in range(1, runs + 1):
        code, _, err = ours("record", "smoke", "--jobs", "1")
        assert code == 0, err
        if number == 1:
            assert ours("baseline", "smoke", "main")[0] == 0
            continue
        code, told = ours.told("gate", "smoke")
        assert (code, told["answer"], told["changed"]) == (0, "no regression", [])

    every = [str(number) for number in range(1, runs + 1)]
    assert ours("baseline", "smoke", "all", *every)[0] == 0
    code, _, err = theirs("record", "smoke", "--jobs", "1")
    assert code == 0, err
    code, told = theirs.told("gate", "smoke", "--baseline", "all")
    assert (code, told["answer"], told["changed"]) == (1, "regression", ["sources"])
    worse = {(one["variant"], one["metric"]) for one in told["comparisons"] if one["verdict"] == "worse"}
    assert worse == {("12", "rmse"), ("22", "rmse")}, "the two networks that Adam trains, and nothing else"
    code, _, err = ours("gate", "smoke", "--baseline", "all")
    assert code == 2
    assert (
        "was made by other sources or libraries than those here (the sources of bpbench), so it says nothing of these"
        in err
    )

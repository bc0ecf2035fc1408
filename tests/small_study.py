"""A study of trees and ridge on one state point, whose trainings take a tenth of a second."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bpbench.cli import main

TEXT = """
question: Is the second set better than the first?
data: {{kind: aluminium, groups: [300 K solid]}}
sets:
  poor: {{functions: [{{kind: G2, eta: 0.1, r_s: 0, r_c: 6.8}}]}}
  same: {{functions: [{{kind: G2, eta: 0.1, r_s: 0, r_c: 6.8}}, {{kind: G2, eta: 0.1001, r_s: 0, r_c: 6.8}}]}}
  rich:
    functions:
      - {{kind: G2, eta: 0.1, r_s: 0, r_c: 6.8}}
      - {{kind: G2, eta: 1, r_s: 2.8, r_c: 6.8}}
      - {{kind: G2, eta: 1, r_s: 4, r_c: 6.8}}
models:
  forest: {{kind: random-forest, trees: {trees}}}
  ridge: {{kind: linear}}
  wild: {{kind: hdnn, hidden: [5], epochs: 5, optimizer: {{kind: adam, learning_rate: 1e30}}}}
variants:
  - {{name: poor, set: poor, model: forest}}
  - {{name: same, set: same, model: forest}}
  - {{name: rich, set: rich, model: forest}}
  - {{name: ridge, set: rich, model: ridge}}
  - {{name: ridge on poor, set: poor, model: ridge}}
  - {{name: wild, set: rich, model: wild}}
{split}
repeats: {repeats}
report: {{formats: [html]}}
analysis: {{baseline: poor, margin: {margin}, candidates: [{candidates}]}}
{more}
"""


def write(
    folder: Path,
    *,
    repeats: int = 8,
    margin: str = "5 %",
    more: str = "",
    split: str = "",
    trees: int = 5,
    candidates: str = "same, rich, ridge",
) -> Path:
    """Write the protocol into a folder."""
    path = folder / "small.yaml"
    text = TEXT.format(repeats=repeats, margin=margin, more=more, split=split, trees=trees, candidates=candidates)
    path.write_text(text, encoding="utf-8")
    return path


class Here:
    """The command line in a folder of its own.

    Parameters
    ----------
    folder : Path
        Where it works.
    capture : pytest fixture
        Reads what is printed.
    """

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capture = folder, capture

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """Return exit code, stdout and stderr."""
        code = main(list(words))
        said = self.capture.readouterr()
        return code, said.out, said.err

    def json(self, *words: str) -> tuple[int, Any]:
        """Return exit code and the JSON document."""
        code, out, err = self(*words, "--json")
        assert out, err
        return code, json.loads(out)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """Return the command line in a new folder that holds the study."""
    monkeypatch.chdir(tmp_path)
    for name in ("BPBENCH_STORE", "BPBENCH_HISTORY"):
        monkeypatch.delenv(name, raising=False)
    write(tmp_path)
    return Here(tmp_path, capsys)

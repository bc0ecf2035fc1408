"""The README's notebook does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import bpbench

README = Path(__file__).parent.parent / "README.md"


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_notebook_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The example is executed as it stands; its score is high, its forces and calculator are there."""
    examples = re.findall(r"```python\n(import bpbench\n.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 1
    made: dict[str, object] = {}
    exec(examples[0], made)  # noqa: S102 - our own README
    score, *_ = capsys.readouterr().out.split()
    assert float(score) > 0.999
    assert made["forces"].shape == (256, 3)  # type: ignore[attr-defined]
    assert isinstance(made["atoms"].calc, bpbench.Calculator)  # type: ignore[attr-defined]

"""Every test and every correction in a protocol, from the file to the report, on a small study of linear potentials."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bpbench.environment import environment
from bpbench.errors import ProtocolError
from bpbench.findings import findings
from bpbench.planning import plan
from bpbench.protocol import loads
from bpbench.report.compose import compose
from bpbench.report.vocabulary import CORRECTIONS, TESTS
from bpbench.runner.store import Store
from bpbench.statistics import compare, designs
from bpbench.study import Study, conduct, prepare

PROTOCOL = """question: q
data: {{kind: table, path: data.csv, configuration: conf, energy: E, block_length: 1}}
sets: {{all: {{columns: all}}, two: {{columns: [a, b]}}, one: {{columns: [a]}}}}
models: {{linear: {{kind: linear}}}}
variants:
  - {{name: all, set: all, model: linear}}
  - {{name: two, set: two, model: linear}}
  - {{name: one, set: one, model: linear}}
split: {{design: {design}{splits}}}
repeats: {repeats}
analysis: {{baseline: all, margin: 1.0, {analysis}}}
"""
CROSSED = [key for key, info in designs.TESTS.items() if "crossed" in info.designs]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a table of 60 configurations of two atoms, and room for a store."""
    made = tmp_path_factory.mktemp("study")
    rng = np.random.default_rng(0)
    values = rng.normal(size=(60, 2, 3))
    energy = values.sum(axis=1) @ [0.02, 0.01, 0.0] + rng.normal(0, 0.01, 60)
    table = pd.DataFrame(values.reshape(-1, 3), columns=["a", "b", "c"])
    table.insert(0, "conf", np.repeat(np.arange(60), 2))
    table.insert(1, "E", np.repeat(energy, 2))
    table.to_csv(made / "data.csv", index=False)
    return made


def _text(analysis: str, design: str = "crossed", repeats: int = 1, splits: int = 8) -> str:
    crossed = f", splits: {splits}" if design == "crossed" else ""
    return PROTOCOL.format(analysis=analysis, design=design, repeats=repeats, splits=crossed)


def _study(folder: Path, analysis: str, **options: int) -> Study:
    store = Store(folder / "store")
    return conduct(prepare(loads(_text(analysis, **options), file=str(folder / "p.yaml")), store), store)  # type: ignore[arg-type]


@pytest.mark.parametrize("test", CROSSED)
@pytest.mark.parametrize("pairs", ["baseline", "all"])
def test_every_test_reaches_the_report(folder: Path, test: str, pairs: str) -> None:
    """The declared test judges, plans, and is named in the report; with pairs or without."""
    study = _study(folder, f"test: {test}, pairs: {pairs}")
    assert len(study.comparisons) == {"baseline": 2, "all": 3}[pairs]
    assert all(entry.p is not None for entry in study.comparisons)
    assert study.comparisons[1].verdict == "worse"
    found = findings(study)
    assert found["analysis"]["redrawings"] == {
        "sign-flip": {"count": 2**8, "all": True},
        "permutation": {"count": 12870, "all": True},
    }.get(test)
    store = Store(folder / "store")
    document = compose(found, environment(study, store, command="c", wall_s=1.0))
    assert TESTS[test] in str(document)
    planned = plan(study.prepared, store)
    assert planned["smallest_p"] == compare.smallest_p(test, 8)
    assert len(planned["family"]) == len(study.comparisons)


@pytest.mark.parametrize("correction", list(CORRECTIONS))
def test_every_correction_reaches_the_report(folder: Path, correction: str) -> None:
    """The declared correction adjusts, never below the raw p, and is named in the report."""
    study = _study(folder, f"test: sign-flip, correction: {correction}, pairs: all")
    for entry in study.comparisons:
        assert entry.p is not None
        assert entry.p_adjusted is not None
        assert correction == "tsbh" or entry.p_adjusted >= entry.p * (1 - 1e-12)
    document = compose(findings(study), environment(study, Store(folder / "store"), command="c", wall_s=1.0))
    assert CORRECTIONS[correction] in str(document)


def test_drawn_flips_follow_the_protocols_seed(folder: Path) -> None:
    """With 20 splits flips are drawn: the same twice, and the findings say how many."""
    one, again = (_study(folder, "test: sign-flip, correction: max-t", splits=20) for _ in range(2))
    assert one.comparisons == again.comparisons
    assert findings(one)["analysis"]["redrawings"] == {"count": 100_000, "all": False}


@pytest.mark.parametrize(
    ("analysis", "design", "sentence"),
    [
        ("test: sign-flip", "resampled", r"line 11, analysis.test: The test 'sign-flip' is not allowed in a resampled"),
        (
            "correction: max-t",
            "fixed",
            r"line 11, analysis.correction: The correction 'max-t' turns .*, found 'paired-t'",
        ),
        (
            "test: permutation",
            "fixed",
            r"line 11, analysis.test: With 3 repeats the label permutation test could never",
        ),
    ],
)
def test_what_cannot_be_judged_is_refused_before_anything_runs(
    folder: Path, analysis: str, design: str, sentence: str
) -> None:
    """A test the design refuses, a correction the test refuses, too few repeats: file, line and reason."""
    text = _text(analysis, design, 3)
    with pytest.raises(ProtocolError, match=sentence):
        prepare(loads(text, file=str(folder / "p.yaml")), Store("/nowhere"))

"""The split on a time line: what findings hold of it against the split itself, and what is drawn of it."""

from __future__ import annotations

from pathlib import Path

import findings_factory
import numpy as np
import pytest

from bpbench import study, timeline
from bpbench.protocol import loads
from bpbench.report import timeline as drawn
from bpbench.runner.store import Store

_TEXT = """
question: Where does the time go?
data: {{kind: aluminium, groups: [300 K solid, 1000 K liquid]}}
sets:
  a: {{functions: [{{kind: G2, eta: 1, r_s: 2.8, r_c: 6.8}}]}}
  b: {{functions: [{{kind: G2, eta: 1, r_s: 4, r_c: 6.8}}]}}
models: {{ridge: {{kind: linear}}}}
variants:
  - {{name: a, set: a, model: ridge}}
  - {{name: b, set: b, model: ridge{by}}}
split: {split}
repeats: 3
analysis: {{baseline: a{analysis}}}
"""


def _prepared(folder: Path, *, split: str = "{}", by: str = "", analysis: str = "") -> study.Prepared:
    return study.prepare(loads(_TEXT.format(split=split, by=by, analysis=analysis)), Store(folder))


@pytest.mark.parametrize("split", ["{}", "{fresh: [1000 K liquid]}"])
def test_the_stretches_are_those_of_the_split(tmp_path: Path, split: str) -> None:
    """Laid end to end, group by group, they give every frame the part that it is in, and borders where blocks end."""
    if "fresh" in split:
        split = "{design: fixed, reserve: 0.3, validation: 0.3, fresh: [1000 K liquid]}"
    prepared = _prepared(tmp_path, split=split)
    told = timeline.timeline(prepared)
    assert told is not None
    frames, parts = prepared.frames, prepared.parts["block"][0]
    for entry in told:
        chosen = np.flatnonzero(frames.group == entry["group"])
        laid = [part for part, many in entry["runs"] for _ in range(many)]
        assert len(laid) == len(chosen)
        for frame, part in zip(chosen.tolist(), laid, strict=True):
            where = [name for name in ("train", "validation", "test", "fresh") if frame in getattr(parts, name)]
            assert where == [part]
        borders = np.cumsum([many for _, many in entry["runs"]])[:-1]
        changes = np.flatnonzero(frames.block[chosen][1:] != frames.block[chosen][:-1]) + 1
        assert borders.tolist() == changes.tolist()


def test_each_way_of_dividing_has_a_line(tmp_path: Path) -> None:
    """A contestant that is split by frame has other stretches than one that is split by block."""
    prepared = _prepared(
        tmp_path, split="{design: resampled}", by=", split_by: frame", analysis=", test: nadeau-bengio"
    )
    told = timeline.timeline(prepared)
    assert told is not None
    assert {entry["split_by"] for entry in told} == {"block", "frame"}
    runs = {way: sum(len(entry["runs"]) for entry in told if entry["split_by"] == way) for way in ("block", "frame")}
    assert runs["frame"] > runs["block"] == 16


def test_too_many_stretches_are_not_laid_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No drawing could show them apart."""
    monkeypatch.setattr(timeline, "MOST", 10)
    assert timeline.timeline(_prepared(tmp_path)) is None


def test_the_figure_has_a_bar_for_each_stretch_that_says_what_it_is() -> None:
    """Titles of bars, and the numbers behind them, are those of the findings."""
    found = findings_factory.findings()
    (figure,) = drawn.figures(found)
    runs = [run for entry in found["split"]["timeline"] for run in entry["runs"]]
    assert figure.svg.count("<title>") == len(runs)
    assert figure.data is not None
    assert [(row[2].value, row[3].value) for row in figure.data.rows] == [(many, part) for part, many in runs]
    assert "frames 1 to 5: training</title>" in figure.svg
    assert figure == drawn.figures(found)[0]


def test_many_states_are_cut_and_said() -> None:
    """A page has room for thirty."""
    found = findings_factory.findings()
    entry = found["split"]["timeline"][0]
    found["split"] |= {"timeline": [{**entry, "group": f"state {number}"} for number in range(45)], "splits": 7}
    (figure,) = drawn.figures(found)
    assert "15 further states are not drawn." in figure.caption
    assert "the first of 7" in figure.caption
    assert drawn.figures({**found, "split": {**found["split"], "timeline": None}}) == []

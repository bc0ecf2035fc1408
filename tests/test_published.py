"""Published numbers beside ours: what a protocol may name, and what the report says of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import findings_factory
import pytest

from bpbench.cli import main
from bpbench.errors import ProtocolError
from bpbench.identity import digest
from bpbench.protocol import Protocol, loads
from bpbench.report import published
from bpbench.report.document import Table, Text

if TYPE_CHECKING:
    from pathlib import Path

_TEXT = """
question: Does it matter?
data: {{kind: aluminium, groups: [300 K solid]}}
sets:
  a: {{functions: [{{kind: G2, eta: 1, r_s: 2.8, r_c: 6.8}}]}}
  b: {{functions: [{{kind: G2, eta: 1, r_s: 4, r_c: 6.8}}]}}
models: {{ridge: {{kind: linear}}}}
variants:
  - {{name: a, set: a, model: ridge}}
  - {{name: b, set: b, model: ridge}}
repeats: 2
analysis: {{baseline: a}}
report: {{formats: [html], published: [{published}]}}
"""
_ONE = "{variant: b, metric: mse, value: 0.1508, source: 'A thesis, 2021', note: Other data.}"


def _protocol(published: str) -> Protocol:
    return loads(_TEXT.format(published=published))


def test_a_published_number_is_no_part_of_the_study() -> None:
    """It changes what is shown, and so no digest."""
    assert digest(_protocol(_ONE)) == digest(_protocol(""))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{variant: c, metric: mse, value: 1, source: x}", r"report\.published\.0\.variant: there is no variant 'c'"),
        (
            "{variant: b, metric: rmsd, value: 1, source: x}",
            r"expected one of rmse, .*found 'rmsd'; did you mean 'rmse'\?",
        ),
        ("{variant: b, metric: mse, value: -1, source: x}", r"greater than 0"),
        ("{variant: b, metric: mse, value: 1}", r"source"),
        ("{variant: b, metric: mse, value: 1, source: x, part: all}", r"'test', 'validation' or 'train'"),
    ],
)
def test_mistakes_are_told_with_their_place(entry: str, said: str) -> None:
    """A number of nothing here, or without a source, is refused."""
    with pytest.raises(ProtocolError, match=said):
        _protocol(entry)


@pytest.mark.parametrize(
    ("value", "said"), [(0.001, "below every repeat"), (1e6, "above every repeat"), (None, "lies among our repeats")]
)
def test_it_is_said_where_a_number_lies(value: float | None, said: str) -> None:
    """Beside the least and the largest of our repeats, and with our own mean and interval in the table."""
    found = findings_factory.findings()
    (ours,) = (variant["summary"]["test"]["mse"] for variant in found["variants"] if variant["name"] == "D")
    entry = {
        "variant": "D", "metric": {"key": "mse", "label": "MSE", "unit": "ev2_per_configuration"}, "part": "test",
        "value": ours["mean"] if value is None else value, "source": "A thesis, 2021", "note": "Other data.",
    }  # fmt: skip
    (section,) = published.section({**found, "published": [entry]})
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    texts = [block.text for block in section.blocks if isinstance(block, Text)]
    assert "is no sample" in texts[0]
    assert said in texts[1]
    assert texts[1].endswith("Other data.")
    assert [cell.value for cell in table.rows[0]][4:6] == [entry["value"], ours["mean"]]


def test_nothing_published_is_no_section() -> None:
    """A report without published numbers does not speak of them; findings of before know of none."""
    assert published.section({**findings_factory.findings(), "published": []}) == []
    assert published.section(findings_factory.findings()) == []


def test_a_study_shows_what_its_protocol_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the protocol through the findings to the page."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(_TEXT.format(published=_ONE), encoding="utf-8")
    assert main(["run", "p.yaml", "--jobs", "1"]) == 0
    (folder,) = (tmp_path / "reports").iterdir()
    held = json.loads((folder / "findings.json").read_text())["published"]
    assert held[0]["value"] == 0.1508
    assert "A thesis, 2021" in (folder / "report.html").read_text()
    assert "published" in (folder / "tables" / "published.csv").read_text()

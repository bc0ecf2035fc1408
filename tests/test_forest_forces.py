"""Studies with trees on forces: refused where energies are asked of them, and told from protocol to report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpbench.cli import main
from bpbench.errors import ProtocolError
from bpbench.protocol import loads

TEXT = """
question: Do trees know a direction?
data: {{kind: aluminium, groups: [300 K solid, 1000 K liquid]}}
sets:
  few:
    functions:
      - {{kind: G2, eta: 0.1, r_s: 0, r_c: 4.0}}
      - {{kind: G2, eta: 1, r_s: 2.8, r_c: 4.0}}
      - {{kind: G5, eta: 0.01, zeta: 2, lam: 1, r_c: 4.0}}
models:
  ridge: {{kind: linear}}
  forest: {{kind: random-forest, trees: 4, {target}atoms: 300}}
  boosted: {{kind: lightgbm, rounds: 20, max_depth: 3, target: forces, atoms: 2000}}
variants:
  - {{name: boosted, set: few, model: boosted}}
{variants}
sweeps: {{depth: {{set: few, model: forest, axes: {{max_depth: [2, null]}}}}}}
repeats: 2
report: {{formats: [html, latex]}}
analysis: {{baseline: boosted, metric: {metric}}}
{more}
"""


def text(
    *,
    target: str = "target: forces, ",
    metric: str = "force_rmse",
    variants: str = "  - {name: ridge, set: few, model: ridge}",
    more: str = "",
) -> str:
    """Return a protocol of trees on forces, and of ridge beside them."""
    return TEXT.format(target=target, metric=metric, variants=variants, more=more)


ALONE = r"the contestant 'boosted' predicts forces alone \(target: forces\), and '{}' is a score of energies; expected "
ENERGY = ALONE + r"one of forces, such as force_rmse, or a model of energies in its place\.$"
CAP = (
    r"'atoms' is how many atoms forces are learned from, and this model learns energies; leave it out, or write "
    r"target: forces\.$"
)
WEIGHED = (
    r"inputs are weighed by what they are worth to a model's energies, and the model 'forest' predicts forces alone; "
    r"name another model, or a strategy that trains without them, such as 'drop-one'\.$"
)
WEIGHING = "strategies: {chosen: {kind: by-weight, set: few, model: forest, by: gain, drop: [1]}}"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"metric": "rmse"}, r"^p\.yaml, line 20, analysis\.metric: " + ENERGY.format("rmse")),
        (
            {"metric": "force_rmse, co_primary: [{metric: mae}]"},
            r"line 20, analysis\.co_primary\.0\.metric: " + ENERGY.format("mae"),
        ),
        ({"target": ""}, r"line 12, models\.forest\.atoms: " + CAP),
        ({"more": WEIGHING}, r"line 21, strategies\.chosen: " + WEIGHED),
    ],
)
def test_what_trees_on_forces_cannot_say_is_refused(changes: dict[str, str], sentence: str) -> None:
    """Energies as a metric or one of several, a cap without forces, weighing."""
    with pytest.raises(ProtocolError, match=sentence):
        loads(text(**changes), file="p.yaml")


def test_a_published_energy_beside_forces_is_refused() -> None:
    """A published number of energies has nothing to stand beside."""
    published = "report: {formats: [html], published: [{variant: boosted, metric: rmse, value: 1, source: S}]}"
    given = text().replace("report: {formats: [html, latex]}", published)
    told = r"report\.published\.0\.metric: " + ALONE.format("rmse") + r"one of forces, such as mse_x\.$"
    with pytest.raises(ProtocolError, match=told):
        loads(given, file="p.yaml")


def conducted(folder: Path, protocol: str, *options: str) -> tuple[dict[str, Any], str]:
    """Run a study and return its findings and the words of its report."""
    (folder / "trees.yaml").write_text(protocol, encoding="utf-8")
    where = ["--store", str(folder / "store"), "--reports", str(folder / "reports"), "--jobs", "1"]
    assert main(["run", str(folder / "trees.yaml"), *where, *options]) == 0
    (made,) = (folder / "reports").iterdir()
    assert (made / "report.tex").exists() or list(made.glob("**/*.tex"))
    html = re.sub(r"<(svg|style|script)\b.*?</\1>", "", (made / "report.html").read_text("utf-8"), flags=re.DOTALL)
    return json.loads((made / "findings.json").read_text("utf-8")), " ".join(re.sub(r"<[^>]+>", " ", html).split())


def variant(findings: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the entry of a contestant."""
    found: dict[str, Any] = next(entry for entry in findings["variants"] if entry["name"] == name)
    return found


def test_a_study_tells_trees_on_forces_beside_a_potential(tmp_path: Path) -> None:
    """Trees have scores of forces and no others, ridge has both; no tree beats zero, and ridge does by far."""
    findings, words = conducted(tmp_path, text())
    zero = findings["constant"]["test"]
    for name in ("boosted", "max_depth 2", "max_depth none"):
        entry = variant(findings, name)
        assert (entry["parity"], entry["groups"], entry["curve"]) == (None, [], None)
        assert entry["summary"]["test"]["rmse"] is None
        scores = [result["scores"]["test"] for result in entry["results"]]
        assert all("rmse" not in one and one["force_rmse"] > 0.97 * zero["force_rmse"] for one in scores)
        assert all(one[f"mse_{axis}"] > 0.95 * zero[f"mse_{axis}"] for one in scores for axis in "xyz")
        assert scores[0] != scores[1]  # other atoms and trees at every repeat
    ridge = variant(findings, "ridge")
    assert ridge["summary"]["test"]["rmse"]["mean"] > 0
    assert ridge["summary"]["test"]["force_rmse"]["mean"] < 0.9 * zero["force_rmse"]
    assert "three boosters, one for each component" in words
    assert "one forest of three targets" in words
    assert "boosted, “max_depth 2” and “max_depth none” predict the components of forces no better" in words
    assert "Without energies, as only forces are predicted: boosted" in words
    assert "do not fix their slopes" not in words  # not of ridge


def test_a_study_of_trees_on_forces_alone(tmp_path: Path) -> None:
    """Without any model of energies there are no energies in scores and constants, and a report all the same."""
    findings, words = conducted(tmp_path, text(variants=""))
    assert "rmse" not in findings["constant"]["test"]
    assert findings["jobs"]["failed"] == 0
    assert all(entry["summary"]["test"]["rmse"] is None for entry in findings["variants"])
    assert all(title not in words for title in ("Parity", "Errors by state", "Learning curves", "Energies alone"))
    assert "beside it the constant predictor, which gives every atom a force of zero" in words


TABLE = """
question: Do columns that turn with the frame know a direction?
data: {kind: table, path: atoms.csv, configuration: c, energy: E, block: b, forces: [fx, fy, fz]}
sets: {all: {columns: all}}
models:
  forest: {kind: random-forest, trees: 10, target: forces}
  boosted: {kind: lightgbm, rounds: 40, target: forces}
variants:
  - {name: forest, set: all, model: forest}
  - {name: boosted, set: all, model: boosted}
repeats: 2
report: {formats: [latex]}
analysis: {baseline: forest, metric: mse_x}
"""


def table(folder: Path, *, known: bool) -> None:
    """Write 60 configurations of four atoms: columns of two components of the forces, or of nothing."""
    random = np.random.default_rng(4)
    forces = random.standard_normal((240, 3))
    columns = (forces if known else random.standard_normal((240, 3)))[:, :2]
    rows = [
        ",".join(map(str, (atom // 4, -3.0 * (1 + atom // 4 % 3), atom // 20, *force, *seen)))
        for atom, (force, seen) in enumerate(zip(forces, columns, strict=True))
    ]
    (folder / "atoms.csv").write_text("\n".join(["c,E,b,fx,fy,fz,one,two", *rows]) + "\n", encoding="utf-8")


@pytest.mark.parametrize("known", [True, False])
def test_columns_of_a_table_may_know_a_direction(tmp_path: Path, known: bool) -> None:
    """Trees learn forces from any columns; what these hold is not known, and nothing is said of symmetry functions."""
    table(tmp_path, known=known)
    findings, words = conducted(tmp_path, TABLE)
    zero = findings["constant"]["test"]
    for entry in findings["variants"]:
        told = entry["summary"]["test"]
        assert (told["mse_x"]["mean"] < 0.5 * zero["mse_x"]) is known
        assert told["mse_z"]["mean"] > 0.9 * zero["mse_z"]  # of this component no column knows
    assert ("If the columns of their tables are invariant" in words) is not known
    assert "Their inputs are invariant descriptors" not in words


def test_a_table_without_forces_is_refused() -> None:
    """There must be forces to learn from, and models that need no derivatives of the columns."""
    told = (
        r"^p\.yaml, line 13, analysis\.metric: forces are slopes of the energy along the positions of atoms, which a "
    )
    slopes = TABLE.replace("lightgbm, rounds: 40, target: forces", "linear")
    for wrong in (TABLE.replace(", forces: [fx, fy, fz]", ""), slopes):
        with pytest.raises(ProtocolError, match=told):
            loads(wrong, file="p.yaml")

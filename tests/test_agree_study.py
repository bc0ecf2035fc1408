"""Do my old features equal the new ones? The check as a study: jobs, findings, report, and the protocols that ship."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bpbench import cli, shipped
from bpbench.data import foreign
from bpbench.data.frames import Frames
from bpbench.descriptors.symmetry import describe_frames
from bpbench.environment import environment
from bpbench.errors import ProtocolError
from bpbench.features import G2, G5, FeatureSet, preset
from bpbench.findings import findings
from bpbench.identity import address
from bpbench.protocol import functions_in, load, loads
from bpbench.report import agreement
from bpbench.report.answer import answer
from bpbench.report.compose import compose, csv_tables
from bpbench.report.document import Text
from bpbench.runner.store import Store
from bpbench.study import Study, conduct, prepare

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
import features_old

if TYPE_CHECKING:
    from collections.abc import Callable

    from descriptor_twin import Floats

FUNCTIONS = (G2(0.05, 0.0, 6.0), G2(0.4, 0.0, 6.0), G5(0.02, 1.0, -1, 6.0), G5(0.02, 4.0, 1, 6.0))
TEXT = """question: q
data: {kind: aluminium, groups: [300 K solid]}
sets:
  new:
    functions:
      - {kind: G2, eta: 0.05, r_s: 0, r_c: 6}
      - {kind: G2, eta: 0.4, r_s: 0, r_c: 6}
      - {kind: G5, eta: 0.02, zeta: 1, lam: -1, r_c: 6}
      - {kind: G5, eta: 0.02, zeta: 4, lam: 1, r_c: 6}
  old: {table: old.npz, like: new}
models:
  forest: {kind: random-forest, trees: 5}
  linear: {kind: linear}
variants:
  - {name: new forest, set: new, model: forest}
  - {name: old forest, set: old, model: forest}
  - {name: new linear, set: new, model: linear}
  - {name: old linear, set: old, model: linear}
repeats: 3
analysis: {baseline: new forest, candidates: [old forest], margin: 0.1}
"""


@pytest.fixture(scope="module")
def frames() -> Frames:
    """Return the group of the embedded sample that the study is made of."""
    text = TEXT.replace("  old: {table: old.npz, like: new}\n", "").replace("set: old", "set: new")
    text = text.replace("[old forest]", "[new linear]")  # the others are now the same contestants
    found = prepare(loads(text), Store("/nowhere")).frames
    assert isinstance(found, Frames)
    return found


@pytest.fixture(scope="module")
def values(frames: Frames) -> Floats:
    """Return our values, shape (A, D)."""
    return describe_frames(FUNCTIONS, frames, 0, len(frames)).T


def studied(folder: Path, table: Any, text: str = TEXT, **arrays: Any) -> Study:
    """Write protocol and table, and conduct the study; stores are shared by what lies in one folder."""
    names = [f"G{number}" for number in range(table.shape[1])]
    np.savez(folder / "old.npz", **({"values": table, "names": np.array(names)} | arrays))
    (folder / "p.yaml").write_text(text, encoding="utf-8")
    store = Store(folder / "store")
    return conduct(prepare(load(folder / "p.yaml"), store), store)


def told(study: Study, folder: Path) -> tuple[dict[str, Any], str]:
    """Return what was found of the old values, and the text of the report's section."""
    found = findings(study)
    json.dumps(found, allow_nan=False)
    report = compose(found, environment(study, Store(folder / "store"), command="c", wall_s=1.0))
    keys = [section.key for section in report.sections]
    assert keys.index("agreement") == keys.index("sets") + 1
    (section,) = [section for section in report.sections if section.key == "agreement"]
    (entry,) = found["agreement"]
    table = next(table for table in csv_tables(found, report) if table.key == "agreement")
    assert [row[2].value for row in table.rows] == [item["column"] for item in entry["columns"]]
    assert entry["message"] is None
    return entry, plain(" ".join(block.text if isinstance(block, Text) else str(block) for block in section.blocks))


def plain(text: str) -> str:
    """Return a text without the thin spaces in its numbers."""
    return text.replace("\u202f", "").replace("\u2009", "").replace("\u00a0", "")


def doubled(values: Floats) -> Floats:
    return values * [1, 1, 2, 2]


def exchanged(values: Floats) -> Floats:
    return values[:, [1, 0, 2, 3]]


def same(values: Floats) -> Floats:
    return values


@pytest.mark.parametrize(
    ("change", "kinds", "sentence"),
    [
        (
            same,
            ["match"] * 4,
            "All 4 columns of set old are the values of set new to the digits stored (they d",
        ),
        (
            doubled,
            ["match", "match", "factor", "factor"],
            "2 match and 2 differ by a constant factor (every pair of neighbours is counted twice).",
        ),
        (
            exchanged,
            ["moved", "moved", "match", "match"],
            "2 match and 2 hold the values of another function than the one in their place.",
        ),
    ],
)
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_what_old_values_are(
    change: Callable[[Floats], Floats], kinds: list[str], sentence: str, precision: str, tmp_path: Path, values: Floats
) -> None:
    """Equal values, a factor of 2 and exchanged columns are told, from a table and a pool in either precision."""
    text = f"precision: {precision}\n{TEXT}"
    entry, text = told(studied(tmp_path, change(values).astype(np.float32), text), tmp_path)
    assert [item["kind"] for item in entry["columns"]] == kinds
    assert (entry["pairing"], entry["agree"]) == ("position", kinds == ["match"] * 4)
    assert (entry["compared_rows"], entry["rows"], entry["compared_frames"]) == (len(values), len(values), 40)
    assert sentence in text
    assert "Column and function pair by their position, as no name of a column is that of a function." in text
    assert ("The columns that do not match." in text) is not entry["agree"]


def test_another_width_is_something_else(tmp_path: Path, frames: Frames, values: Floats) -> None:
    """A column of another η is not the function, and the report has it in its table; digits are counted as printed."""
    other = values.round(6)
    other[:, 1] = describe_frames((G2(0.7, 0.0, 6.0),), frames, 0, len(frames))[0].round(6)
    entry, text = told(studied(tmp_path, other, offsets=frames.offsets), tmp_path)
    assert [item["kind"] for item in entry["columns"]] == ["match", "other", "match", "match"]
    assert "3 match and 1 is something else." in text
    assert f"not {FUNCTIONS[1].name} (off by up to " in text
    assert 1e-9 < entry["deviation"] < 1e-5


def test_fewer_columns_and_names_in_common(tmp_path: Path, values: Floats) -> None:
    """Columns of a shared name pair by it; a function without a column is counted."""
    names = np.array([FUNCTIONS[3].name, FUNCTIONS[0].name, FUNCTIONS[2].name])
    entry, text = told(studied(tmp_path, values[:, [3, 0, 2]], names=names), tmp_path)
    assert (entry["pairing"], entry["counts"], entry["unnamed"]) == ("name", {"match": 3}, [FUNCTIONS[1].name])
    assert not entry["agree"]
    assert "All 3 columns of set old are the values of set new" in text
    assert "; 1 function of set new has no column." in text
    assert "Column and function pair by their name." in text


def test_large_tables_are_compared_on_frames_spread_evenly(
    tmp_path: Path, values: Floats, monkeypatch: pytest.MonkeyPatch, frames: Frames
) -> None:
    """Where not all numbers would be held, the rows of some frames are compared, the others are not looked at."""
    monkeypatch.setattr(foreign, "COMPARED", 4 * 256 * 4)
    table = np.full_like(values, 7.0)
    for frame in (0, 13, 26, 39):
        table[frames.rows(frame)] = values[frames.rows(frame)]
    entry, text = told(studied(tmp_path, table), tmp_path)
    assert (entry["agree"], entry["compared_frames"], entry["compared_rows"]) == (True, 4, 1024)
    assert f"in 1024 of {len(values)} rows, those of 4 frames spread evenly over the data." in text


def test_the_losses_of_both(tmp_path: Path, values: Floats) -> None:
    """Each model on both sets stands side by side; equal values give equal scores, and no test is invented for them."""
    study = studied(tmp_path, values)
    found = findings(study)
    forest, linear = found["agreement"][0]["losses"]
    assert (forest["variant"], forest["like"], forest["n"]) == ("old forest", "new forest", 3)
    assert (forest["difference"], forest["low"], forest["high"]) == (0.0, 0.0, 0.0)
    scores = {
        variant["name"]: [result["scores"]["test"]["rmse"] for result in variant["results"]]
        for variant in found["variants"]
    }
    assert linear["mean"] == np.mean(scores["old linear"])
    sentences = answer(found)
    assert (
        "No test for “old forest” and “new forest”: they score the same in each of 3 paired repeats, so there is no "
        "noise to test against." in sentences[0]
    )
    assert sentences[1] == (
        "All 4 columns of set old are the values of set new to the digits stored (they do not differ). Variants “old "
        "linear” and “new linear” score the same in each of 3 repeats."
    )
    off = [linear | {"low": 0.25, "high": 0.25, "difference": 0.25}, linear | {"low": -0.5, "high": 0.1, "n": 2}]
    entry = found["agreement"][0]
    said = [agreement.answers(found | {"agreement": [entry | {"losses": [loss]}]})[0] for loss in off]
    assert said[0].endswith("“new linear” differ by 0.25 meV/atom in every repeat.")
    assert "differ by at most 0.50 meV/atom in a repeat, " in said[1]


def test_nothing_of_it_decides_a_training(tmp_path: Path, values: Floats) -> None:
    """Without the key the trainings are the same ones, and nothing is compared."""
    study = studied(tmp_path, values)
    bare = studied(tmp_path, values, TEXT.replace(", like: new", ""))
    assert bare.executed.made == 0
    for key, job in study.prepared.trainings.items():
        assert address(job) == address(bare.prepared.trainings[key])
    assert findings(bare)["agreement"] == []
    report = compose(findings(bare), environment(bare, Store(tmp_path / "store"), command="c", wall_s=1.0))
    assert "agreement" not in [section.key for section in report.sections]


def test_findings_from_before_still_give_a_report(tmp_path: Path, values: Floats) -> None:
    """Findings that know of no comparison of values are rendered as they were."""
    study = studied(tmp_path, values, TEXT.replace(", like: new", ""))
    found = findings(study)
    del found["agreement"]
    report = compose(found, environment(study, Store(tmp_path / "store"), command="c", wall_s=1.0))
    assert "agreement" not in {table.key for table in csv_tables(found, report)}


def test_a_comparison_that_fails_is_told(tmp_path: Path, values: Floats, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trainings go on, and the report says that the question is open."""

    def refuse(*_: Any, **__: Any) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr("bpbench.runner.work.agree", refuse)
    study = studied(tmp_path, values)
    assert study.complete
    found = findings(study)
    why = "It needs more memory than this process could get (no room)."
    sentence = f"Whether the values of set old are those of set new is not known: {why}"
    assert answer(found)[1].startswith(sentence)
    report = compose(found, environment(study, Store(tmp_path / "store"), command="c", wall_s=1.0))
    assert sentence in str(report.sections)
    assert "agreement" not in {table.key for table in csv_tables(found, report)}


# ----------------------------------------------------------------------------------------- what a protocol may say


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("like: new", "like: nwe", "sets.old.like: there is no set 'nwe'; did you mean 'new'?"),
        (
            "like: new",
            "like: old",
            "sets.old.like: expected a set of symmetry functions, which are computed here; 'old' ",
        ),
        (
            "table: old.npz, like: new",
            "columns: all, like: new",
            "sets.old: the data are frames and have no columns; name the file of values under 'table'.",
        ),
        ("like: new", "liek: new", "unknown key 'liek'; did you mean 'like'?"),
    ],
)
def test_mistakes(old: str, new: str, sentence: str) -> None:
    """Each is told with file, line and path."""
    with pytest.raises(ProtocolError, match=r"p\.yaml, line \d+, sets\.old") as caught:
        loads(TEXT.replace(old, new), file="p.yaml")
    assert sentence in str(caught.value)


def test_columns_of_the_data_are_like_nothing() -> None:
    """Where the data are a table, a set without a table of its own has nothing to be compared."""
    text = TEXT.replace("{kind: aluminium, groups: [300 K solid]}", "{kind: table, path: t.csv, configuration: c}")
    start, end = text.index("  new:"), text.index("models:")
    text = text[:start] + "  new: {columns: all}\n  old: {columns: all, like: new}\n" + text[end:]
    with pytest.raises(ProtocolError) as caught:
        loads(text, file="p.yaml")
    assert str(caught.value) == (
        "p.yaml, line 5, sets.old.like: only values made elsewhere are compared with ours, and this set names no "
        "'table' of them; name the file, or leave 'like' out."
    )


def test_functions_in_a_text() -> None:
    """A mapping with functions becomes a set; what is wrong is told as in a protocol."""
    text = "functions:\n  - {kind: G2, eta: 0.4, r_s: 0, r_c: 6}\n  - {kind: G5, eta: 0.02, zeta: 1, lam: -1, r_c: 6}\n"
    assert functions_in(text, "f.yaml") == FeatureSet((FUNCTIONS[1], FUNCTIONS[2]))
    for wrong, sentence in {
        "- 1": "f.yaml: a set of functions is a mapping with the key 'functions'.",
        text.replace("eta: 0.4", "eta: -1"): "f.yaml, line 2, functions.0: ",
        text.replace("r_c: 6}\n  - ", "rc: 6}\n  - "): "f.yaml, line 2, functions.0.rc: unknown key 'rc'; did you mean",
        "function: []": "the key 'functions' is missing.",
        text + text.splitlines()[1]: "f.yaml, line 1, functions: ",
    }.items():
        with pytest.raises(ProtocolError) as caught:
            functions_in(wrong, "f.yaml")
        assert sentence in str(caught.value), wrong


# -------------------------------------------------------------------------------------------------- what is shipped


@pytest.mark.parametrize("name", ["features-agree", "22-old-and-new"])
def test_the_shipped_table_belongs_to_its_protocols(name: str, tmp_path: Path) -> None:
    """Rows and frames of the table are those that the protocols read, and its set is compared with the preset."""
    prepared = prepare(load(shipped("protocols") / f"{name}.yaml"), Store(tmp_path / "store"))
    (job,) = prepared.inputs.agreements.values()
    assert job.functions == preset("thesis-22").functions
    assert [column.name for column in job.columns] == features_old.names()
    with np.load(shipped("protocols") / "features-old.npz") as table:
        assert table["offsets"].tolist() == prepared.frames.offsets.tolist()
        assert table["values"].dtype == np.float32


def test_the_shipped_table_is_what_dscribe_gives(tmp_path: Path) -> None:
    """Some frames, made again, have the values that are stored, to the last bit or its neighbour; so are the bytes."""
    frames = features_old.sample()
    chosen = np.array([0, 41])
    some = frames.take(chosen)
    features_old.write(tmp_path / "a.npz", some)
    with np.load(shipped("protocols") / "features-old.npz") as table, np.load(tmp_path / "a.npz") as made:
        stored = np.concatenate([table["values"][frames.rows(int(frame))] for frame in chosen])
        np.testing.assert_allclose(made["values"], stored, rtol=2e-7, atol=0)
        assert made["names"].tolist() == table["names"].tolist()
    with zipfile.ZipFile(shipped("protocols") / "features-old.npz") as archive:
        assert {item.date_time for item in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_shipped_protocol_runs_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The quick one says in one sentence that all values are the same, and has a report with both losses."""
    monkeypatch.chdir(tmp_path)
    assert cli.main(["run", "features-agree", "--jobs", "1"]) == 0
    out = capsys.readouterr().out
    assert "All 22 columns of set old are the values of set new to the digits stored (they differ by at most " in out
    assert "“old linear” and “new linear” differ by " in out
    (report,) = (tmp_path / "reports").glob("features-agree-*")
    found = json.loads((report / "findings.json").read_text(encoding="utf-8"))
    (entry,) = found["agreement"]
    assert entry["counts"] == {"match": 22}
    assert entry["deviation"] < 1e-6
    assert [loss["n"] for loss in entry["losses"]] == [10, 10]
    assert "Do the old values equal the new?" in (report / "report.html").read_text(encoding="utf-8")
    assert len((report / "tables" / "agreement.csv").read_text(encoding="utf-8").splitlines()) == 23

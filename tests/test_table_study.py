"""A study on a table: the same scores as on the frames that the table was made from, and what is refused before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bpbench import cli
from bpbench.data.frames import Frames
from bpbench.descriptors.symmetry import describe_frames
from bpbench.environment import environment
from bpbench.errors import DataError, ProtocolError
from bpbench.features import G2, G5, FeatureSet, preset
from bpbench.findings import findings
from bpbench.planning import plan
from bpbench.protocol import Explicit, load, loads, schema
from bpbench.report.compose import compose, csv_tables
from bpbench.runner.store import Outcome, Store
from bpbench.study import Study, conduct, prepare

CHOSEN = FeatureSet((*preset("thesis-12").functions[::3], G5(0.01, 4.0, -1, 6.8), G2(1.0, 2.0, 6.0)))
FUNCTIONS = "\n".join(
    f"      - {{kind: {f.kind}, eta: {f.eta!r}, r_c: {f.r_c!r}, "
    + (f"r_s: {f.r_s!r}}}" if isinstance(f, G2) else f"zeta: {f.zeta!r}, lam: {f.lam}}}")
    for f in CHOSEN
)
REST = """
models:
  network: {kind: hdnn, hidden: [4], epochs: 4, batch: 8}
  forest: {kind: random-forest, trees: 5}
  boosting: {kind: lightgbm, rounds: 10}
  linear: {kind: linear}
variants:
  - {name: all, set: all, model: network}
  - {name: some, set: some, model: network}
  - {name: forest, set: all, model: forest}
  - {name: boosting, set: all, model: boosting}
  - {name: linear, set: all, model: linear}
repeats: 2
analysis: {baseline: all}
"""
ON_FRAMES = f"""question: q
data: {{kind: aluminium, groups: [300 K solid, 1000 K liquid]}}
sets:
  all:
    functions:
{FUNCTIONS}
  some:
    functions:
{chr(10).join(FUNCTIONS.splitlines()[i] for i in (3, 0))}
{REST}"""
SOME = [CHOSEN.names[3], CHOSEN.names[0]]
ROLES = "configuration: conf, energy: E, group: state, block: stretch, forces: [fx, fy, fz], atoms: n, temperature: T"


def on_table(file: str, roles: str = ROLES) -> str:
    return f"""question: q
data: {{kind: table, path: {file}, {roles}}}
sets:
  all: {{columns: all}}
  some: {{columns: {json.dumps(SOME)}}}
{REST}"""


@pytest.fixture(scope="module")
def frames() -> Frames:
    """Return the groups of the embedded sample that the study is made of."""
    return prepare(loads(ON_FRAMES), Store("/nowhere")).frames


@pytest.fixture(scope="module")
def values(frames: Frames) -> np.ndarray:
    """Return our values, shape (D, A)."""
    return describe_frames(CHOSEN.functions, frames, 0, len(frames))


@pytest.fixture(scope="module")
def table(frames: Frames, values: np.ndarray) -> pd.DataFrame:
    """Return the study's form: one row per atom."""
    owner = np.repeat(np.arange(len(frames)), frames.atoms)
    forces = np.zeros((len(owner), 3)) if frames.forces is None else frames.forces
    temperature = np.zeros(len(frames)) if frames.temperature is None else frames.temperature
    made = {"conf": owner + 100, "n": frames.atoms[owner]}
    made |= dict(zip(CHOSEN.names, values, strict=True))
    made |= dict(zip(("fx", "fy", "fz"), forces.T, strict=True))
    made |= {"E": frames.energy[owner], "state": frames.group[owner], "stretch": frames.block[owner]}
    return pd.DataFrame(made | {"T": temperature[owner]})


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Conduct the study on the frames."""
    return run(loads(ON_FRAMES), tmp_path_factory.mktemp("frames"))


def run(protocol: Any, folder: Path) -> Study:
    store = Store(folder / "store")
    return conduct(prepare(protocol, store), store)


def scores(study: Study) -> dict[Any, Any]:
    assert not study.executed.failures, study.executed.failures
    assert study.complete
    outcomes = {key: result for key, result in study.results.items() if isinstance(result, Outcome)}
    return {key: outcome.values["scores"] for key, outcome in outcomes.items()}  # noqa: PD011 - not of pandas


def written(folder: Path, name: str, table: pd.DataFrame, frames: Frames, values: np.ndarray) -> tuple[str, str]:
    """Write the table in one of its forms; return its file name and roles."""
    path = folder / name
    if ".csv" in name:
        table.to_csv(path, index=False)
    elif name.endswith(".parquet"):
        table.to_parquet(path, index=False)
    elif name == "columns.npz":
        np.savez(
            path,
            **{str(key): column.to_numpy() for key, column in table.items() if column.dtype != "str"},
            state=table["state"].to_numpy().astype(np.str_),
            stretch=table["stretch"].to_numpy().astype(np.str_),
        )
    else:
        save = np.savez_compressed if "packed" in name else np.savez
        order = np.asfortranarray if "fortran" in name else np.ascontiguousarray
        save(
            path,
            values=order(values.T),
            names=np.array(CHOSEN.names),
            offsets=frames.offsets,
            energy=frames.energy,
            group=frames.group,
            stretch=frames.block,
        )
        return name, "block: stretch"
    return name, ROLES


@pytest.mark.parametrize(
    "name",
    ["t.csv", "t.csv.gz", "t.csv.xz", "t.parquet", "columns.npz", "wide.npz", "fortran.npz", "packed-fortran.npz"],
)
def test_a_table_gives_the_scores_of_its_frames_to_the_last_digit(
    name: str, tmp_path: Path, table: pd.DataFrame, frames: Frames, values: np.ndarray, reference: Study
) -> None:
    """Every form of the table, with all four models and a subset of columns in another order, gives equal scores."""
    file, roles = written(tmp_path, name, table, frames, values)
    (tmp_path / "p.yaml").write_text(on_table(file, roles), encoding="utf-8")
    assert scores(run(load(tmp_path / "p.yaml"), tmp_path)) == scores(reference)


@pytest.fixture
def csv(tmp_path: Path, table: pd.DataFrame) -> Path:
    """Write a protocol on a csv beside that csv."""
    table.to_csv(tmp_path / "t.csv", index=False)
    path = tmp_path / "p.yaml"
    path.write_text(on_table("t.csv"), encoding="utf-8")
    return path


def test_the_report_tells_of_a_table_and_not_of_structures(csv: Path, tmp_path: Path, frames: Frames) -> None:
    """Rows and columns are told; there is no element, no cutoff, no drawing of what the functions see."""
    study = run(load(csv), tmp_path)
    found = findings(study)
    data = found["data"]
    assert (data["kind"], data["file"], data["elements"], data["columns"]) == ("table", "t.csv", [], len(CHOSEN))
    assert (data["frames"], data["atoms"]) == (len(frames), frames.offsets[-1])
    assert data["groups"][0]["force_max_ev_per_a"] > 0
    assert found["sets"][1]["functions"][0] == {"name": SOME[0], "kind": "column"}
    assert found["sets"][1]["table"]["file"] == "t.csv"
    store = Store(tmp_path / "store")
    report = compose(found, environment(study, store, command="c", wall_s=1.0))
    (section,) = [part for part in report.sections if part.key == "data"]
    text = section.blocks[0].text  # type: ignore[union-attr]
    assert f"t.csv: a table of {frames.offsets[-1]} rows, one per atom, and 6 columns of descriptors; 80 con" in plain(
        text
    )
    # titles of works are others' words
    told = plain(str([part for part in report.sections if part.key != "references"]))
    for word in ("cell", "symmetry function", "R_c", "elements"):
        assert word not in told.replace(plain(study.prepared.protocol.origin.text), "")
    assert {made.key for made in csv_tables(found, report)} >= {"functions", "feature_sets"}


def plain(text: str) -> str:
    """Return a text without the thin spaces in its numbers."""
    return text.replace("\u202f", "").replace("\u2009", "").replace("\u00a0", "")


def test_plan_and_run_by_the_command_line(
    csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], table: pd.DataFrame
) -> None:
    """A table is planned, run, run again from the store, and replaced by another one that keeps the columns' roles."""
    monkeypatch.chdir(tmp_path)
    assert cli.main(["plan", str(csv), "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert planned["jobs"]["read table"]["new"] == 1
    assert "describe" not in planned["jobs"]
    assert planned["atoms"] == len(table)
    text = csv.read_text(encoding="utf-8")
    csv.write_text(text + "report: {formats: [html]}\n", encoding="utf-8")
    assert cli.main(["run", str(csv), "--json"]) == 0
    capsys.readouterr()
    store = Store(tmp_path / ".bpbench" / "store")
    assert plan(prepare(load(csv), store), store)["jobs"]["read table"] == {
        "stored": 1, "new": 0, "expected_s": 0.0,
    }  # fmt: skip
    table.assign(E=table["E"] + 1).to_csv(tmp_path / "other.csv", index=False)
    assert cli.main(["plan", str(csv), "--json", "--data", "other.csv"]) == 0
    assert json.loads(capsys.readouterr().out)["jobs"]["read table"]["new"] == 1


# ------------------------------------------------------------------------- values made elsewhere for known frames


def old_and_new(tail: str = "") -> str:
    return ON_FRAMES.replace("\nmodels:", f"\n  old: {{table: old.npz, columns: all{tail}}}\nmodels:").replace(
        "repeats: 2",
        "  - {name: old, set: old, model: network}\n  - {name: old linear, set: old, model: linear}\nrepeats: 2",
    )


def test_old_values_against_new_ones(tmp_path: Path, frames: Frames, values: np.ndarray, reference: Study) -> None:
    """Values from a table score as ours do if they are ours, and the old trainings are those of the plain study."""
    np.savez(tmp_path / "old.npz", values=values.T, names=np.array(CHOSEN.names), offsets=frames.offsets,
             energy=frames.energy)  # fmt: skip
    (tmp_path / "p.yaml").write_text(old_and_new(), encoding="utf-8")
    study = run(load(tmp_path / "p.yaml"), tmp_path)
    found = scores(study)
    for number in range(2):
        assert found["old", number] == found["all", number]
        assert found["old linear", number] == found["linear", number]
        assert study.prepared.trainings["all", number] == reference.prepared.trainings["all", number]
    assert [type(job).__name__ for job in study.prepared.inputs.jobs].count("ReadTable") == 1
    told = findings(study)
    assert (told["data"]["kind"], told["data"]["columns"], told["pool"]["size"]) == ("aluminium", None, len(CHOSEN))
    report = compose(told, environment(study, Store(tmp_path / "store"), command="c", wall_s=1.0))
    assert "Other values were computed elsewhere and are read from a table (old.npz, SHA-256" in str(report.sections)
    before = study.prepared.digest
    np.savez(tmp_path / "old.npz", values=2 * values.T, names=np.array(CHOSEN.names), offsets=frames.offsets)
    assert prepare(load(tmp_path / "p.yaml"), Store(tmp_path / "store")).digest != before


def test_values_of_other_frames_are_refused(tmp_path: Path, frames: Frames, values: np.ndarray) -> None:
    """Rows, configurations, their sizes and their energies must be those of the frames; columns must be there."""
    named = {"values": values.T, "names": np.array(CHOSEN.names)}
    total, count = frames.offsets[-1], len(frames)
    shifted = frames.offsets.copy()
    shifted[1] -= 1
    other = frames.energy.copy()
    other[[3, 4]] = other[[4, 3]]
    cases: list[tuple[dict[str, np.ndarray], str, str]] = [
        ({"values": values.T[:-1]}, "", f"needs one row per atom, {total} in all, found {total - 1}."),
        ({"offsets": np.array([0, total])}, "", f"the table has 1 configurations, there are {count} frames."),
        ({"offsets": shifted}, "", "the table's rows per configuration differ from the frames: its configuration 0"),
        ({"offsets": frames.offsets, "energy": other}, "", "other frames or another order: the energy of its configur"),
        ({}, ", configuration: conf", "there is no column 'conf' for 'configuration'"),
    ]
    for arrays, tail, sentence in cases:
        np.savez(tmp_path / "old.npz", **(named | arrays))  # type: ignore[arg-type]
        (tmp_path / "p.yaml").write_text(old_and_new(tail), encoding="utf-8")
        with pytest.raises(DataError, match=r"p\.yaml, line \d+, sets\.old: .*old\.npz: ") as caught:
            prepare(load(tmp_path / "p.yaml"), Store(tmp_path / "store"))
        assert sentence in str(caught.value)
    text = old_and_new().replace("columns: all}", f"columns: ['{CHOSEN.names[0][:-2]})']}}")
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"sets\.old: .*there is no column '.*'; did you mean 'G2"):
        prepare(load(tmp_path / "p.yaml"), Store(tmp_path / "store"))
    (tmp_path / "old.npz").unlink()
    with pytest.raises(DataError, match=r"sets\.old: .*old\.npz: there is no such file"):
        prepare(load(tmp_path / "p.yaml"), Store(tmp_path / "store"))


def test_columns_that_the_data_lack_are_refused(csv: Path, tmp_path: Path) -> None:
    """A set's column is looked for before anything runs."""
    csv.write_text(on_table("t.csv").replace(SOME[0], SOME[0].replace("G2", "G3")), encoding="utf-8")
    with pytest.raises(DataError, match=r"line 5, sets\.some: t\.csv: there is no column 'G3.*did you mean 'G2"):
        prepare(load(csv), Store(tmp_path / "store"))


# ------------------------------------------------------------------------------------------- what a protocol may say


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("all: {columns: all}", "all: thesis-12", "sets.all: symmetry functions are computed from structures, and the"),
        (
            "repeats: 2",
            "repeats: 2\npool: thesis-12",
            "pool: a pool is computed from structures, and the data are a tab",
        ),
        ("all: {columns: all}", "all: {columns: [a, a]}", "sets.all: a set names each column once, found 'a' twice."),
        ("all: {columns: all}", "all: {columns: any}", "expected to be 'all', found \"any\"."),
        ("all: {columns: all}", "all: {columns: []}", "expected at least 1, found 0."),
        ("all: {columns: all}", "all: {colums: all}", "sets.all"),
        ("all: {columns: all}", "all: {columns: all, tabel: t}", "unknown key 'tabel'; did you mean 'table'?"),
        ("all: {columns: all}", "all: {columns: all, configuration: c}", "only a set with a 'table' of its own names"),
        ("configuration: conf", "configuraton: conf", "unknown key 'configuraton'; did you mean 'configuration'?"),
        ("forces: [fx, fy, fz]", "forces: [fx, fy]", "data.forces"),
        ("kind: table", "kind: tabel", "expected 'kind' to be one of 'aluminium', 'file', 'table', found 'tabel'."),
        (f"kind: table, path: t.csv, {ROLES}", "kind: aluminium", "the data are frames and have no columns; name the"),
    ],
)
def test_mistakes_in_a_protocol_on_a_table(old: str, new: str, sentence: str) -> None:
    """Each is told with file, line and path."""
    with pytest.raises(ProtocolError) as caught:
        loads(on_table("t.csv").replace(old, new), file="p.yaml")
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("p.yaml, line ")


def test_sets_by_element_and_from_an_input_nn(tmp_path: Path) -> None:
    """A preset told apart by elements, and the functions of one element of an input.nn, in Å and eV."""
    (tmp_path / "input.nn").write_text(
        "number_of_elements 1\nelements Cu\ncutoff_type 1\n"
        "symfunction_short Cu 2 Cu 0.1 0.0 12.0\nsymfunction_short Cu 9 Cu Cu 0.01 1.0 4.0 12.0\n",
        encoding="utf-8",
    )
    text = ON_FRAMES.replace(
        "\nmodels:",
        "\n  both: {preset: thesis-22, elements: [S, Cu]}"
        "\n  theirs: {input_nn: input.nn, element: Cu, units: bohr-hartree}\nmodels:",
    )
    path = tmp_path / "p.yaml"
    path.write_text(text, encoding="utf-8")
    protocol = load(path)
    assert protocol.feature_set("both") == preset("thesis-22").resolved(["Cu", "S"])
    theirs = protocol.feature_set("theirs").functions
    assert isinstance(protocol.sets["theirs"], Explicit)
    assert [function.r_c for function in theirs] == pytest.approx([12 * 0.529177210903] * 2)
    assert [function.of for function in theirs] == ["Cu", ("Cu", "Cu")]
    line = len(text.split("theirs")[0].splitlines())
    for old, new, sentence in (
        (
            "input_nn: input.nn",
            "input_nn: no.nn",
            f"p.yaml, line {line}, sets.theirs: There is no file {tmp_path}/no.nn.",
        ),
        ("element: Cu", "element: Au", "has no functions of the element 'Au'; possible are Cu"),
        (", units: bohr-hartree", "", "sets.theirs.units: the key 'units' is missing."),
        ("elements: [S, Cu]", "elements: [S, Cx]", "sets.both: G2: there is no element 'Cx'"),
        (
            "preset: thesis-22",
            "preset: thesis-23",
            "sets.both: There is no feature set called 'thesis-23'; did you mean",
        ),
    ):
        path.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(ProtocolError) as caught:
            load(path)
        assert sentence in str(caught.value)


def test_the_schema_knows_tables() -> None:
    """Editors are told of the new words."""
    known = schema()
    assert {"TableData", "Columns", "Resolved", "FromInputNn"} <= set(known["$defs"])
    json.dumps(known)

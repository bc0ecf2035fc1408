"""Files that somebody may have sent in bad faith: nothing in them is run, followed or believed without end."""

from __future__ import annotations

import ast
import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from findings_factory import deep_copy, small

import bpbench
from bpbench import shipped, whole
from bpbench.cli import main
from bpbench.data import ase_files, foreign, handed, readers, score_files, tables
from bpbench.errors import DamagedError, DataError, FeatureError, ProtocolError, RequestError, StoreError
from bpbench.formats import packed, yaml
from bpbench.formats.n2p2_folder import read_folder
from bpbench.formats.n2p2_weights import read_weights
from bpbench.history.file import History
from bpbench.jobs import Ping
from bpbench.prepared import prepare
from bpbench.protocol import load, loads
from bpbench.runner import cluster_file, integrity
from bpbench.runner.store import Outcome, Store

#: Modules whose readers run what a file says.
UNSAFE = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml", "tarfile", "code", "runpy", "imp"}


class Evil:
    """What leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def evil(tmp_path: Path) -> np.ndarray[Any, Any]:
    """Return an array whose pickle leaves the mark ``run`` in the test's folder."""
    return np.array([Evil(tmp_path / "run")], dtype=object)


def test_a_pickle_would_leave_its_mark(tmp_path: Path, evil: np.ndarray[Any, Any]) -> None:
    """The other tests could not fail else."""
    pickle.loads(pickle.dumps(evil))  # noqa: S301 - ours
    assert (tmp_path / "run").is_dir()


def calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("path", sorted(Path(bpbench.__file__).parent.rglob("*.py")), ids=lambda path: path.stem)
def test_no_module_can_unpickle_or_evaluate(path: Path) -> None:
    """No import of what unpickles, no eval, and every np.load refuses objects."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        name.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }
    imported |= {
        (node.module or "").split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        if not node.level
    }
    assert not imported & UNSAFE
    for call in calls(tree):
        match call.func:
            case ast.Name(id=name):
                assert name not in {"eval", "exec", "compile", "__import__"}
            case ast.Attribute(value=ast.Name(id="np"), attr="load"):
                assert {"allow_pickle"} <= {word.arg for word in call.keywords}
                assert all(ast.unparse(word.value) == "False" for word in call.keywords if word.arg == "allow_pickle")
            case ast.Attribute(attr=name):
                assert name not in {"read_pickle", "to_pickle", "import_module", "literal_eval"}


def test_arrays_of_objects_are_refused(tmp_path: Path, evil: np.ndarray[Any, Any]) -> None:
    """In frames, tables, tables to compare with and predictions; nothing of them is unpickled."""
    np.savez(tmp_path / "a.npz", positions=evil, values=evil, names=evil, energy=evil, offsets=evil, method=evil)
    np.save(tmp_path / "a.npy", evil, allow_pickle=True)
    frames = readers.read(readers.sample_source())
    readings: list[tuple[Callable[[], object], str]] = [
        (lambda: readers.read(readers.open_source(tmp_path / "a.npz")), r"cannot be read \(Object arrays cannot be"),
        (
            lambda: readers.method(readers.open_source(tmp_path / "a.npz")),
            r"the array 'method' cannot be read \(Object arrays cannot be",
        ),
        (
            lambda: tables.contents(tables.open_table(tmp_path / "a.npz")),
            r"holds Python objects; save numbers and text",
        ),
        (lambda: foreign.open_table(tmp_path / "a.npz"), r"holds Python objects"),
        (
            lambda: foreign.open_table(tmp_path / "a.npy"),
            r"cannot be read \(Array can't be memory-mapped: Python objects",
        ),
        (
            lambda: handed.read(tmp_path / "a.npz", frames, units="angstrom-ev", forces=False),
            r"a\.npz cannot be read as an npz of numbers \(ValueError\)",
        ),
    ]
    for read, sentence in readings:
        with pytest.raises(DataError, match=sentence):
            read()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a.npy", r"Array can't be memory-mapped: Python objects in dtype\."),
        (integrity.TOGETHER, r"Object arrays cannot be loaded when allow_pickle=False"),
    ],
)
@pytest.mark.parametrize("summed", [True, False])
def test_a_stored_array_of_objects_is_refused(
    tmp_path: Path, evil: np.ndarray[Any, Any], name: str, reason: str, *, summed: bool
) -> None:
    """A store may be shared, or have come with a study; who means harm writes sums that fit, or none as once."""
    store, job = Store(tmp_path / "store"), Ping(1)
    alone = name == "a.npy"
    honest = {"a": np.zeros(1)} if alone else {"a": np.zeros(1), "b": np.zeros(1)}
    store.save(job, Outcome({"status": "done"}, honest), dict)
    folder = store.folder(job)
    if alone:
        np.save(folder / name, evil, allow_pickle=True)
    else:
        np.savez(folder / name, a=evil, b=evil)
    sums = integrity.Sums.read(folder)
    assert sums is not None
    assert name in sums.files
    if summed:
        fitting = replace(sums, files={**sums.files, name: integrity.summed(folder / name)})
        (folder / integrity.SUMS).write_bytes(fitting.content())
    else:
        (folder / integrity.SUMS).unlink()
        (folder / integrity.VALUES).write_text(json.dumps({"values": {"status": "done"}, "arrays": ["a"]}))
        reason = reason if alone else r"a\.npy is missing"  # results without sums have a file for each array
    with pytest.raises(DamagedError, match=rf"is not whole \(.*{reason}"):
        np.asarray(store.load(job).arrays["a"])
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.db", "db"),
        ("a.json", "json"),
        ("a.gpw", "gpw"),
        ("a.cell", "castep-cell"),
        ("a.dat", "onetep-in"),
        ("a.nc", "nc"),
    ],
)
def test_kinds_that_may_do_more_than_be_read_are_refused(
    tmp_path: Path, evil: np.ndarray[Any, Any], name: str, kind: str
) -> None:
    """Databases, files that name other files, and whatever ASE learns to read later, by a plug-in or by itself."""
    (tmp_path / name).write_bytes(b"lock species " if kind == "onetep-in" else pickle.dumps(evil))
    with pytest.raises(
        DataError, match=rf"cannot be read as '{kind}', which ASE takes it for: .* make an extended XYZ"
    ):
        readers.read(readers.open_source(tmp_path / name))
    assert not (tmp_path / "run").exists()


def test_no_plug_in_of_ase_is_asked() -> None:
    """Kinds are named one by one; those that are known to open more than their own file are none of them."""
    assert not ase_files.KINDS & {
        *("db", "json", "mysql", "postgresql", "gpw", "bundletrajectory", "netcdftrajectory", "py", "onetep-in"),
        *("siesta-in", "dftb", "struct", "elk-in", "octopus-in", "gaussian-in", "eps", "html", "castep-cell"),
    }


def test_a_trajectory_with_objects_is_refused(tmp_path: Path, evil: np.ndarray[Any, Any]) -> None:
    """ASE's own binary files say the type of their arrays in JSON; one of objects is not unpickled."""
    atoms = bulk("Al")
    atoms.calc = SinglePointCalculator(atoms, energy=-1.0)
    write(tmp_path / "a.traj", [atoms])
    content = (tmp_path / "a.traj").read_bytes()
    (tmp_path / "a.traj").write_bytes(content.replace(b'"float64"', b'"object" ') + pickle.dumps(evil))
    with pytest.raises(DataError, match=r"ASE cannot read this file \(ValueError: Cannot read into object array\)"):
        readers.read(readers.open_source(tmp_path / "a.traj"))
    assert not (tmp_path / "run").exists()


# ------------------------------------------------------------------------------------------------------- without end


def xyz(count: str = "1", keys: str = "", atom: str = "Al 0 0 0") -> str:
    return f'{count}\nProperties=species:S:1:pos:R:3 energy=1 pbc="F F F" {keys}\n{atom}\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (xyz("1" + "0" * 18), r"\(EOFError: it ends before its last frame does\)"),
        (xyz().replace("pos:R:3", "pos:R:3:x:R:999999999"), r"\(ValueError: Properties names more than 4096 columns\)"),
        (xyz().replace("pos:R:3", "pos:R:3:x:R:4000:y:R:4000"), r"Properties names more than 4096 columns"),
        (xyz(keys="x=" + "y" * (1 << 20)), r"the line of keys has 1048\d+ letters, expected at most 1048576"),
        (xyz(keys='x="_JSON ' + "[" * 100_000 + '"'), r"ASE cannot read this file \(RecursionError"),
        (xyz("9" * 5000), r"ASE cannot read this file"),
    ],
    ids=["atoms", "columns", "columns in two", "keys", "brackets", "digits"],
)
def test_an_extended_xyz_promises_what_it_holds(tmp_path: Path, text: str, sentence: str) -> None:
    """No room is made, and nothing waited for, that a file merely announces."""
    (tmp_path / "a.extxyz").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=sentence):
        readers.read(readers.open_source(tmp_path / "a.extxyz"))


@pytest.mark.parametrize(("end", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress), (".bz2", bz2.compress)])
def test_what_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, pack: Callable[[bytes], bytes]
) -> None:
    """Reading ends at the limit, whatever is read: frames, structures, values or a table."""
    monkeypatch.setattr(packed, "FREE", 100_000)
    bomb = pack(b"begin\n" + b" " * 5_000_000)
    assert len(bomb) * packed.TIMES < 5_000_000
    limit = r"unpacks to more than \d+ MiB, 200 times its size; unpack it yourself if that is meant"
    for name in ("a.extxyz", "input.data", "function.data"):
        (tmp_path / f"{name}{end}").write_bytes(bomb if name == "input.data" else pack(b" " * 5_000_000))
    with pytest.raises(DataError, match=limit):
        readers.read(readers.open_source(tmp_path / f"a.extxyz{end}"))
    with pytest.raises(DataError, match=limit):
        readers.read(readers.open_source(tmp_path / f"input.data{end}"))
    with pytest.raises(DataError, match=limit):
        foreign.open_table(tmp_path / f"function.data{end}", element="Al")
    if end != ".bz2":
        (tmp_path / f"a.csv{end}").write_bytes(pack(b"a," * 2_500_000))
        with pytest.raises(DataError, match=limit):
            foreign.open_table(tmp_path / f"a.csv{end}")


def test_an_npz_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what its directory declares, before anything is unpacked."""
    monkeypatch.setattr(packed, "FREE", 100_000)
    path = tmp_path / "a.npz"
    np.savez_compressed(path, values=np.zeros((1000, 1000)), names=np.arange(1000).astype(np.str_))
    for read in (
        lambda: readers.read(readers.open_source(path)),
        lambda: tables.contents(tables.open_table(path)),
        lambda: foreign.open_table(path),
    ):
        with pytest.raises(DataError, match=r"unpacks to more than \d+ MiB, 200 times its size"):
            read()


def test_honest_files_are_below_the_limit() -> None:
    """The embedded samples, which are packed as tightly as they can be."""
    for path in readers.SAMPLES.values():
        packed.check_zip(path)


def test_members_of_an_archive_stay_in_it(tmp_path: Path) -> None:
    """A name with a way up is the name of a column, and of no file."""
    stream = io.BytesIO()
    np.savez_compressed(stream, **{"../../up": np.arange(3.0), "G": np.arange(3.0)})
    (tmp_path / "a.npz").write_bytes(stream.getvalue())
    before = set(tmp_path.parent.rglob("*"))
    assert np.concatenate(list(foreign.open_table(tmp_path / "a.npz", columns=["*up", "G"]).pieces())).shape == (3, 2)
    assert set(tmp_path.parent.rglob("*")) == before


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """A protocol may name any path as its data."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match=r"pipe: expected a file of frames or a table, found a pipe or a device\."):
        readers.open_source(tmp_path / "pipe")


def test_no_protocol_is_a_pipe_or_a_device(tmp_path: Path) -> None:
    """A file that was sent may be a link to one; so may one of a cluster, or the lines of a history."""
    os.mkfifo(tmp_path / "p.yaml")
    (tmp_path / "q.yaml").symlink_to("/dev/zero")
    for name in ("p.yaml", "q.yaml"):
        with pytest.raises(ProtocolError, match=r"cannot be read as a protocol: .* it is a pipe or a device"):
            load(tmp_path / name)
        with pytest.raises(RequestError, match=r"cannot be read as a cluster file: it is a pipe or a device"):
            cluster_file.read(tmp_path / name)


def test_no_learning_curve_is_a_pipe(tmp_path: Path) -> None:
    """A folder of runs is looked through without a look at what its files are."""
    os.mkfifo(tmp_path / "learning-curve.out")
    with pytest.raises(DataError, match=r"learning-curve\.out: the file cannot be read \(it is a pipe or a device\)"):
        score_files.read_curves([tmp_path / "learning-curve.out"], score="RMSE")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read whole has to have room in memory."""
    monkeypatch.setattr(whole, "MOST", 10)
    (tmp_path / "p.yaml").write_text("question: q\n", encoding="utf-8")
    with pytest.raises(ProtocolError, match=r"it has 12 bytes, expected at most 10"):
        load(tmp_path / "p.yaml")


def test_a_network_larger_than_its_file_needs_no_room() -> None:
    """A settings file may ask for 10¹⁸ nodes."""
    with pytest.raises(
        FeatureError, match=r"a network 3-1000000000-1000000000-1 has 1000000006000000001 weights and biases, found 1"
    ):
        read_weights("0.5\n", (3, 10**9, 10**9, 1))


def test_whole_numbers_have_a_length(tmp_path: Path) -> None:
    """Python refuses to read thousands of digits in words of its own."""
    (tmp_path / "input.nn").write_text(f"elements Al\nnumber_of_elements {'9' * 5000}\n", encoding="utf-8")
    (tmp_path / "scaling.data").touch()
    with pytest.raises(FeatureError, match=r"input\.nn, line 2: expected a whole number, found '999"):
        read_folder(tmp_path, units="angstrom-ev")


# --------------------------------------------------------------------------------------------------------- protocols


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("question: !!python/object/apply:os.mkdir [run]", r"line 1, question: expected text, found \[\"run\"\]"),
        ("a: !!python/name:os.system ''", r"line 1: '' \(tag:yaml\.org,2002:python/name:os\.system\) is neither text"),
        (
            "a: &a [1,2]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
            + "".join(f"{chr(c + 1)}: &{chr(c + 1)} [{','.join(['*' + chr(c)] * 9)}]\n" for c in range(98, 106)),
            r"unfolds into more than 20000 values or 40 levels",
        ),
        ("a: " + "[" * 50 + "]" * 50, r"unfolds into more than 20000 values or 40 levels"),
        ("a: " + "[" * 1000, r"this is not YAML"),
        ("&a a: *a\nb: &b {c: *b}", r"unfolds into more than 20000 values or 40 levels"),
        (
            "a: " + "9" * 100_000,
            r"line 1: '9{60}…' \(tag:yaml\.org,2002:int\) is neither text, a finite number below 2⁶⁴",
        ),
        ("a: 18446744073709551616", r"'18446744073709551616' .* is neither text, a finite number below 2⁶⁴"),
        ("a: 1e999999999", r"'1e999999999' .* is neither text, a finite number"),
        ('question: "\\e]0;owned\\a"', r"line 1: the text holds the control character '\\x1b'; leave it out\."),
        ('"\\0": 1', r"line 1: the text holds the control character '\\x00'"),
        ("#" * 4_000_001, r"expected at most 4000000 letters, found 4000001; put what is long into files"),
    ],
    ids=["apply", "name", "bomb", "nested", "deep", "itself", "digits", "65 bits", "infinite", "escape", "nul", "long"],
)
def test_hostile_yaml_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, sentence: str) -> None:
    """Tags make nothing, aliases and brackets have an end, numbers are numbers."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProtocolError, match=sentence):
        loads(text)
    assert not (tmp_path / "run").exists()


def test_the_largest_seed_is_read() -> None:
    """What has 64 bits goes on to be a number."""
    assert yaml.parse("a: 18446744073709551615", "f")[0] == {"a": 2**64 - 1}


COMMAND = """
question: q
data: {{kind: aluminium, groups: [300 K solid]}}
sets: {{a: {{functions: [{{kind: G2, eta: 0.1, r_s: 0, r_c: 6}}]}}}}
models:
  ours: {{kind: linear}}
  theirs: {{kind: command, run: [[{python}, -c, "import os; os.mkdir('{mark}')"]], gives: p.csv}}
variants: [{{name: ours, set: a, model: ours}}, {{name: theirs, set: a, model: theirs}}]
repeats: 2
analysis: {{metric: rmse, baseline: ours, margin: 1}}
report: {{formats: [html]}}
"""
REFUSED = "Read what they do, and say --allow-commands if you trust them; nothing was started."
VERBS = {
    "validate": (["validate", "p.yaml"], 0, "p.yaml is a valid protocol"),
    "plan": (["plan", "p.yaml"], 0, "It runs programs that the protocol names, and only with --allow-commands"),
    "run": (["run", "p.yaml", "--jobs", "1"], 2, REFUSED),
    "check": (["check", "p.yaml", "--candidate", "theirs", "--incumbent", "ours", "--jobs", "1"], 2, REFUSED),
    "track": (["track", "record", "p.yaml", "--jobs", "1"], 2, REFUSED),
    "export": (["export", "p.yaml", "--variant", "theirs", "out"], 2, "whose weights only that program knows"),
    "describe": (["describe", "aluminium", "--features", "p.yaml", "--set", "a"], 0, "G2"),
    "compare": (["compare", "p.yaml", "--score", "rmse"], 2, "p.yaml: expected a table"),
    "report": (["report", "sent", "--formats", "html"], 0, "report.html"),
}


def named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder with a protocol that names a stranger's program, and return the mark that it would leave."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("BPBENCH_HISTORY", str(folder / "h.sqlite"))
    text = COMMAND.format(python=sys.executable, mark=folder / "run")
    (folder / "p.yaml").write_text(text, encoding="utf-8")
    findings = deep_copy(small())
    findings["protocol"]["text"] = text
    (folder / "sent").mkdir()
    (folder / "sent/findings.json").write_text(json.dumps(findings), encoding="utf-8")
    (folder / "sent/environment.json").write_text("{}", encoding="utf-8")
    return folder / "run"


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_runs_what_a_protocol_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    """A stranger's program leaves no mark, whatever is asked, without leave."""
    mark = named(tmp_path, monkeypatch)
    words, code, sentence = VERBS[verb]
    assert main(words) == code
    said = capsys.readouterr()
    assert sentence in said.out + said.err
    assert not mark.exists()


def test_with_leave_the_program_leaves_its_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The test before could not fail else."""
    mark = named(tmp_path, monkeypatch)
    main(["run", "p.yaml", "--jobs", "1", "--allow-commands"])
    capsys.readouterr()
    assert mark.is_dir()


def test_a_report_stays_in_the_reports_folder(tmp_path: Path) -> None:
    """Its folder is called by the protocol's file, whose name has no way up; what a file calls itself is refused."""
    text = (shipped("protocols") / "smoke.yaml").read_text(encoding="utf-8")
    with pytest.raises(ProtocolError, match=r"unknown key 'name'; remove it"):
        loads(f"{text}\nname: ../../x\n")
    (tmp_path / "...yaml").write_text(text, encoding="utf-8")
    prepared = prepare(load(tmp_path / "...yaml"), Store(tmp_path / "store"))
    assert (tmp_path / "reports" / prepared.folder).resolve().parent == tmp_path / "reports"


# ----------------------------------------------------------------------------------------------------------- history


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM baselines; END", "trigger 't'"),
        ("CREATE TABLE extra (x)", "table 'extra'"),
        ("CREATE INDEX i ON runs (upper(host))", "index 'i'"),
        ("DROP TABLE decisions; CREATE VIEW decisions AS SELECT * FROM runs", "view 'decisions'"),
        ("DROP TABLE runs; CREATE TABLE runs (id, body, study, number, draw, made)", "table 'runs'"),
    ],
)
def test_a_history_that_does_more_than_keep_is_refused(tmp_path: Path, statement: str, what: str) -> None:
    """Triggers, and tables and indexes that are not ours; views are never asked."""
    path = tmp_path / "h.sqlite"
    History(path).close()
    connection = sqlite3.connect(path)
    connection.executescript(f"CREATE VIEW own AS SELECT 1; {statement}")
    connection.close()
    with pytest.raises(
        StoreError, match=rf"has another {what} than bpbench makes, .* lines exported .* read those in\."
    ):
        History(path)


def test_views_of_ones_own_are_no_harm(tmp_path: Path) -> None:
    """Somebody may look at a history with tools of his own."""
    path = tmp_path / "h.sqlite"
    History(path).close()
    connection = sqlite3.connect(path)
    connection.execute("CREATE VIEW own AS SELECT host FROM runs")
    connection.close()
    with History(path) as history:
        assert history.studies() == []

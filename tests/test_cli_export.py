"""``bpbench export``: a stored network of the embedded aluminium leaves as files that answer for it alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import n2p2_evaluator as evaluator
import numpy as np
import pytest
from small_study import Here

from bpbench.cli import main
from bpbench.prepared import prepare
from bpbench.protocol import load
from bpbench.runner.store import Store
from bpbench.stored import training
from bpbench.study import conduct

TEXT = """
question: Which of them leaves?
data: {kind: aluminium, groups: [300 K solid]}
sets:
  D: thesis-57-D
  few: {functions: [{kind: G2, eta: 0.1, r_s: 0, r_c: 6.8}, {kind: G2, eta: 0.1, r_s: 0, r_c: 1.0}]}
  cuts: {functions: [{kind: G2, eta: 0.1, r_s: 0, r_c: 6.8}, {kind: G2, eta: 1, r_s: 3, r_c: 6, cutoff: poly2}]}
models:
  network: {kind: hdnn, hidden: [10, 10], epochs: 3, optimizer: {kind: kalman}}
  skipped: {kind: hdnn, hidden: [2], epochs: 1, skip: true}
  several: {kind: hdnn, hidden: [2], epochs: 1, ensemble: 2}
  wild: {kind: hdnn, hidden: [2], epochs: 5, optimizer: {kind: adam, learning_rate: 1e30}}
  forest: {kind: random-forest, trees: 2}
  ridge: {kind: linear}
variants:
  - {name: D, set: D, model: network}
  - {name: skip, set: few, model: skipped}
  - {name: several, set: few, model: several}
  - {name: wild, set: few, model: wild}
  - {name: forest, set: few, model: forest}
  - {name: ridge, set: few, model: ridge}
  - {name: cuts, set: cuts, model: ridge}
  - {name: "two\\nshell date", set: few, model: ridge}
split: {design: crossed, splits: 3}
repeats: 1
report: {formats: [html]}
analysis: {baseline: D, candidates: [ridge]}
"""
FILES = ["README.md", "in.lammps", "input.data", "input.nn", "scaling.data", "structure.data", "weights.013.data"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the study, run."""
    made = tmp_path_factory.mktemp("export")
    (made / "study.yaml").write_text(TEXT)
    store = Store(made / "store")
    conduct(prepare(load(made / "study.yaml"), store), store)
    return made


@pytest.fixture
def at(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """Return the command line in a new folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BPBENCH_STORE", str(folder / "store"))
    capsys.readouterr()
    return Here(tmp_path, capsys)


def test_a_network_of_57_leaves_and_answers_as_ours(folder: Path, at: Here) -> None:
    """57-10-10-1 of the embedded aluminium, 256 atoms: energy and every force from files alone, to 1e-8."""
    study = str(folder / "study.yaml")
    code, told = at.json("export", study, "--variant", "D", "--repeat", "best-on-validation", "--format", "n2p2", "out")
    assert code == 0
    assert sorted(path.name for path in Path("out").iterdir()) == told["files"] == FILES
    files = evaluator.read(Path("out"))
    assert [weights.shape for weights, _ in files.layers["Al"]] == [(57, 10), (10, 10), (10, 1)]
    (structure,) = evaluator.read_structures(Path("out/input.data"))
    energy, forces = evaluator.energy_and_forces(files, structure["symbols"], structure["positions"], structure["cell"])
    ours = training(study, "D", told["repeat"], store=folder / "store")
    rows = ours.frames.rows(told["frame"])
    np.testing.assert_allclose(structure["positions"], ours.frames.positions[rows], rtol=0, atol=1e-12)
    np.testing.assert_array_equal(structure["forces"], ours.frames.forces[rows])  # type: ignore[index]
    assert structure["energy"] == ours.frames.energy[told["frame"]]
    answer = ours.potential.answer(
        ours.frames.positions[rows],
        ours.frames.cells[told["frame"]],
        ours.frames.pbc[told["frame"]],
        ours.frames.species[rows],
    )
    assert energy == pytest.approx(ours.outcome.arrays["energy"][told["frame"]], rel=0, abs=1e-8)
    assert energy == pytest.approx(answer.energy, rel=0, abs=1e-8)
    assert np.abs(answer.forces).max() > 0.1
    np.testing.assert_allclose(forces, answer.forces, rtol=0, atol=1e-8)


def test_the_readme_says_what_it_is(folder: Path, at: Here) -> None:
    """Which repeat of how many, its scores with the study's mean beside, units, what was dropped, a frame's energy."""
    code, told = at.json("export", str(folder / "study.yaml"), "--variant", "ridge", "out")
    text = Path("out/README.md").read_text(encoding="utf-8")
    store = Store(folder / "store")
    prepared = prepare(load(folder / "study.yaml"), store)
    scores = [store.load(prepared.trainings["ridge", repeat]).values["scores"] for repeat in range(3)]
    best = int(np.argmin([one["validation"]["rmse"] for one in scores]))
    assert (code, told["repeat"], told["repeats"]) == (0, best, 3)
    mine, every = scores[best], [one["test"]["rmse"] for one in scores]
    row = (
        f"| RMSE (meV/atom) | {mine['validation']['rmse']:.4g} | {mine['test']['rmse']:.4g} | "
        f"{np.mean(every):.4g} ± {np.std(every, ddof=1):.4g} |\n"
    )
    assert row in text
    assert "| | " not in text.replace("|  | ", "")
    assert f"| repeat | {best}, the best of 3 by RMSE on its own validation part |\n" in text
    assert "| test, mean ± SD of 3 repeats |\n" in text
    assert "| largest \\|error\\| (meV/atom) |" in text
    assert "| model | linear potential, with one linear hidden node: Al 1-1-1 |\n" in text
    assert "| widths η | Å⁻² |\n" in text
    assert "| of the groups | 300 K solid |\n" in text
    assert "- Constant over the training atoms of Al, and not among its inputs: G2(eta=0.1,rs=0,rc=1).\n" in text
    assert f"| energy | {told['energy']:.10f} eV |\n" in text
    assert told["dropped"] == {"Al": ["G2(eta=0.1,rs=0,rc=1)"]}
    style = next(line for line in Path("out/in.lammps").read_text().splitlines() if line.startswith("pair_style"))
    assert f"    {style}\n" in text
    structure = Path("out/structure.data").read_text().splitlines()
    assert "1 26.9815385 # Al" in structure
    assert structure[2:4] == ["256 atoms", "1 atom types"]


def test_a_repeat_goes_by_its_number_and_is_told_in_words(folder: Path, at: Here) -> None:
    code, out, err = at("export", str(folder / "study.yaml"), "--variant", "ridge", "--repeat", "1", "made/out")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "made/out: repeat 1 of 'ridge', for n2p2 and LAMMPS: 1 function of Al."
    assert lines[1].startswith("Test RMSE of this one repeat: ")
    assert lines[2] == "Left out, as constant over the training atoms: 1 of Al."
    assert "| repeat | 1, asked for by its number |\n" in Path("made/out/README.md").read_text(encoding="utf-8")


def test_a_name_of_two_lines_is_no_command(folder: Path, at: Here) -> None:
    """LAMMPS runs what stands in its input, ``shell`` among it: a comment must not end within a name."""
    code, _ = at.json("export", str(folder / "study.yaml"), "--variant", "two\nshell date", "out")
    assert code == 0
    for name in ("in.lammps", "input.nn", "structure.data"):
        lines = Path("out", name).read_text().splitlines()
        assert lines[0].startswith("#")
        assert not [line for line in lines if line.startswith("shell")]
    assert Path("out/in.lammps").read_text().startswith("# two shell date, repeat ")


def _refused(at: Here, *words: str) -> str:
    code, out, err = at("export", *words)
    assert (code, out) == (2, "")
    assert not Path("out").exists()
    assert list(Path().glob(".out*")) == []
    return err


@pytest.mark.parametrize(
    ("variant", "told"),
    [
        ("skip", "n2p2's files cannot say a linear skip, which the network of 'skip' has; train it with skip: false"),
        ("several", "n2p2's files hold one network for each element, and 'several' is an ensemble of 2; train it with"),
        ("forest", "n2p2's files hold networks, and the model of 'forest' is a random-forest, which they cannot say;"),
        (
            "cuts",
            "'cuts' cannot be said in n2p2's files: An input.nn has one cutoff function for all its functions, fou",
        ),
        ("wild", "No repeat of 'wild' ended with finite numbers; choose another variant."),
        (
            "E",
            "The protocol study has no trained variant 'E'; possible are D, cuts, forest, ridge, several, skip, two",
        ),
    ],
)
def test_what_cannot_leave_is_refused_and_nothing_written(folder: Path, at: Here, variant: str, told: str) -> None:
    assert _refused(at, str(folder / "study.yaml"), "--variant", variant, "out").startswith(f"bpbench: {told}")


def test_a_model_that_cannot_leave_is_refused_before_it_is_run(folder: Path, at: Here) -> None:
    """Nobody trains for hours to be told then; what can leave is told to be run first."""
    words = (str(folder / "study.yaml"), "--store", "empty", "out", "--variant")
    assert "cannot say a linear skip" in _refused(at, *words, "skip")
    told = "bpbench: No repeat of 'ridge' is stored in empty; run the protocol first.\n"
    assert _refused(at, *words, "ridge") == told


def test_a_report_is_no_study(at: Here) -> None:
    """Its folder and its findings hold no weights; where these are is told."""
    report = Path("reports/study-0123456789")
    report.mkdir(parents=True)
    (report / "findings.json").write_text("{}")
    for path in (report, report / "findings.json"):
        assert _refused(at, str(path), "--variant", "D", "out") == (
            f"bpbench: {path} is a report, which holds scores and no weights; name the protocol that was run: its "
            "trainings are in the store.\n"
        )


def test_a_folder_of_other_files_is_left_alone(folder: Path, at: Here) -> None:
    """An empty folder is filled; one that export wrote is renewed, with what lies beside; others are refused."""
    words = ("export", str(folder / "study.yaml"), "--variant", "ridge", "out")
    Path("out").mkdir()
    assert at(*words)[0] == 0
    first = {path.name: path.read_bytes() for path in Path("out").iterdir()}
    Path("out/log.lammps").write_text("of a run")
    Path("out/weights.029.data").write_text("of a potential before")
    Path("out/README.md").write_text("changed")
    assert at(*words)[0] == 0
    assert {path.name: path.read_bytes() for path in Path("out").iterdir()} == {**first, "log.lammps": b"of a run"}
    Path("out/input.nn").write_text("elements Al\n")
    code, _, err = at(*words)
    assert code == 2
    assert err == (
        "bpbench: out holds files that bpbench export did not write (README.md, in.lammps, input.data, …); name a new "
        "or an empty folder.\n"
    )
    assert Path("out/input.nn").read_text() == "elements Al\n"
    code, _, err = at(*words[:-1], "out/README.md")
    assert (code, err) == (2, "bpbench: out/README.md is a file; name a folder to write into.\n")


def test_nothing_is_half_written(folder: Path, at: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full at the third file leaves no folder, and is told."""
    wrote, write = [], Path.write_text

    def full(path: Path, *given: Any, **named: Any) -> int:
        wrote.append(path.name)
        if len(wrote) == 3:
            raise OSError(28, "No space left on device")
        return write(path, *given, **named)

    monkeypatch.setattr(Path, "write_text", full)
    told = _refused(at, str(folder / "study.yaml"), "--variant", "ridge", "out")
    assert told == "bpbench: out cannot be written (No space left on device); name a folder you may write.\n"
    assert len(wrote) == 3


def test_other_formats_are_refused(at: Here) -> None:
    with pytest.raises(SystemExit):
        main(["export", "57vars", "--variant", "D", "--format", "aenet", "out"])
    assert "argument --format: invalid choice: 'aenet' (choose from 'n2p2')" in at.capture.readouterr().err


def test_what_is_told_is_plain_json(folder: Path, at: Here) -> None:
    _, told = at.json("export", str(folder / "study.yaml"), "--variant", "D", "out")
    assert json.loads(json.dumps(told)) == told
    assert (told["format"], told["functions"], told["cutoff"]) == ("n2p2", {"Al": 57}, 6.8)

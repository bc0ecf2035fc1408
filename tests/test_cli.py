"""The command line as a user meets it: exit codes, sentences, and runs that are killed, interrupted or doubled."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import findings_factory
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from prompt import within

from bpbench import shipped
from bpbench.report.pdf import pdf_available

SMOKE = shipped("protocols") / "smoke.yaml"
#: The same without the PDF, a third of its time; the study of copper below makes that, too.
PAGE = f"{SMOKE.read_text(encoding='utf-8')}report: {{formats: [html]}}\n"


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the command line in a folder, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "bpbench.cli", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def bpbench(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Run the command line; return exit code, stdout and stderr."""
    process = start(folder, *arguments)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def smoke(folder: Path) -> None:
    """Write the smoke protocol without its PDF into a folder."""
    (folder / "smoke.yaml").write_text(PAGE, encoding="utf-8")


def findings(folder: Path) -> bytes:
    """Return the bytes of the one findings.json below a folder."""
    (path,) = (folder / "reports").glob("*/findings.json")
    return path.read_bytes()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the smoke protocol once without trouble, in a folder of its own."""
    folder = tmp_path_factory.mktemp("undisturbed")
    smoke(folder)
    code, out, err = bpbench(folder, "run", "smoke.yaml", "--jobs", "1")
    assert code == 0, err
    assert "Report: reports/smoke-" in out
    return folder


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    """``bpbench --help`` works without importing any heavy library."""
    heavy = ["tensorflow", "sklearn", "lightgbm", "numpy", "scipy", "ase", "numba", "distributed", "matplotlib"]
    code = (
        "import sys\nfrom bpbench.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"


def test_a_run_leaves_a_whole_report(undisturbed: Path) -> None:
    """A run writes HTML, findings, environment, tables and figures, and every repeat has a score."""
    (folder,) = (undisturbed / "reports").iterdir()
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {"report.html", "findings.json", "environment.json"} <= names
    assert any(name.startswith("tables/") for name in names)
    assert any(name.startswith("figures/") for name in names)
    found = json.loads((folder / "findings.json").read_text())
    assert found["jobs"] == {
        "total": 21, "distinct": 19, "repeated": 2, "shared": 0, "done": 21, "failed": 0, "missing": 0,
    }  # fmt: skip
    assert len(found["analysis"]["comparisons"]) == 6


def _shape(value: Any) -> Any:
    """Return the keys of nested dictionaries, looking at the first item of each list."""
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    return [_shape(value[0])] if isinstance(value, list) and value and isinstance(value[0], dict) else None


def _lacking(wanted: Any, found: Any, place: str = "") -> list[str]:
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [
            name
            for key, item in wanted.items()
            for name in (_lacking(item, found[key], f"{place}.{key}") if key in found else [f"{place}.{key}"])
        ]
    return _lacking(wanted[0], found[0], f"{place}[]") if isinstance(wanted, list) and isinstance(found, list) else []


def test_real_findings_have_what_the_report_tests_assume(undisturbed: Path) -> None:
    """Every key of the synthetic findings with which the report is tested stands in the findings of a real run."""
    assert _lacking(_shape(findings_factory.findings()), _shape(json.loads(findings(undisturbed)))) == []


def test_a_report_is_rendered_again_from_its_findings(undisturbed: Path, tmp_path: Path) -> None:
    """``report`` makes the same HTML from findings.json alone, and refuses another schema and a folder without any."""
    (made,) = (undisturbed / "reports").iterdir()
    for name in ("findings.json", "environment.json"):
        shutil.copy(made / name, tmp_path)
    assert within(tmp_path, "report", ".")[0] == 0
    assert (tmp_path / "report.html").read_bytes() == (made / "report.html").read_bytes()
    assert "(unchanged)" in within(tmp_path, "report", "findings.json")[1]
    (tmp_path / "findings.json").write_text('{"schema": 99}')
    code, _, err = within(tmp_path, "report", ".")
    assert (code, "has schema 99" in err) == (2, True)
    (tmp_path / "findings.json").unlink()
    code, _, err = within(tmp_path, "report", ".")
    assert (code, "cannot be read as JSON" in err) == (2, True)


def test_a_second_run_changes_nothing_and_renders_nothing(undisturbed: Path) -> None:
    """When everything is stored, nothing is trained, the findings are the same bytes and the report is not remade."""
    before = findings(undisturbed)
    code, out, _ = within(undisturbed, "run", "smoke.yaml", "--json")
    assert code == 0
    assert json.loads(out)["findings"] == json.loads(before)
    assert findings(undisturbed) == before
    _, out, _ = within(undisturbed, "run", "smoke.yaml")
    assert "(unchanged)" in out


def test_plan_knows_what_is_stored(undisturbed: Path, tmp_path: Path) -> None:
    """``plan`` counts stored and new jobs, states the smallest effect, and writes nothing."""
    stored = json.loads(within(undisturbed, "plan", "smoke.yaml", "--json")[1])
    assert {kind: entry["new"] for kind, entry in stored["jobs"].items()} == dict.fromkeys(stored["jobs"], 0)
    assert stored["detectable"] is not None
    smoke(tmp_path)
    fresh = json.loads(within(tmp_path, "plan", "smoke.yaml", "--json")[1])
    assert sum(entry["stored"] for entry in fresh["jobs"].values()) == 0
    assert fresh["detectable"] is None
    assert fresh["detectable_dz"] > 1
    assert [path.name for path in tmp_path.iterdir()] == ["smoke.yaml"]
    assert "Smallest effect this design detects" in within(tmp_path, "plan", "smoke.yaml")[1]


def test_two_processes_give_the_bits_of_one(undisturbed: Path, tmp_path: Path) -> None:
    """``--jobs 2`` ends with the findings of ``--jobs 1``, bit by bit."""
    smoke(tmp_path)
    code, _, err = bpbench(tmp_path, "run", "smoke.yaml", "--jobs", "2")
    assert code == 0, err
    assert findings(tmp_path) == findings(undisturbed)


def stored(folder: Path) -> int:
    """Return how many results lie in a folder's store."""
    return len(list(folder.glob(".bpbench/store/??/*")))


@pytest.mark.parametrize("jobs", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_killed_five_times_a_run_ends_with_the_same_bits(undisturbed: Path, tmp_path: Path, jobs: str) -> None:
    """``kill -9`` at five random moments, each with jobs left to do, then a run: the findings of an undisturbed run."""
    smoke(tmp_path)
    draw = np.random.default_rng([20261122, int(jobs)])
    for moment in range(5):
        process = start(tmp_path, "run", "smoke.yaml", "--jobs", jobs)
        before = stored(tmp_path)
        aim = before + int(draw.integers(0, 3) > 0)  # a third of the kills come before anything new is stored
        deadline = time.monotonic() + 120
        while stored(tmp_path) < aim and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 0.1) if aim > before else draw.uniform(0.2, 2))
        assert process.poll() is None, "it ended before it could be killed"
        if jobs == "2" and moment % 2:
            os.kill(process.pid, signal.SIGKILL)  # the driver alone: its workers must not outlive it
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert stored(tmp_path) < 22
    code, _, err = bpbench(tmp_path, "run", "smoke.yaml", "--jobs", jobs)
    assert code == 0, err
    assert findings(tmp_path) == findings(undisturbed)
    assert list((tmp_path / ".bpbench/store/tmp").iterdir()) == []


def test_two_runs_on_one_store_end_alike(undisturbed: Path, tmp_path: Path) -> None:
    """Two runs at once on one store both end well, with the findings of an undisturbed run."""
    smoke(tmp_path)
    both = [start(tmp_path, "run", "smoke.yaml", "--jobs", "1", "--json", "--reports", f"reports-{k}") for k in (1, 2)]
    for process in both:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        assert json.loads(out)["findings"] == json.loads(findings(undisturbed))


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_interrupted_a_run_goes_on(undisturbed: Path, tmp_path: Path, jobs: str) -> None:
    """Ctrl-C ends with code 130, one sentence and no traceback; the next run goes on to the same findings."""
    smoke(tmp_path)
    process = start(tmp_path, "run", "smoke.yaml", "--jobs", jobs)
    deadline = time.monotonic() + 300
    while not list(tmp_path.glob(".bpbench/store/??/*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the whole group
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert err.splitlines()[-1].startswith("Interrupted. What is done is stored")
    assert "Traceback" not in err
    assert bpbench(tmp_path, "run", "smoke.yaml", "--jobs", jobs)[0] == 0
    assert findings(tmp_path) == findings(undisturbed)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("repeats: 3", "repeets: 3", "smoke.yaml, line 28, repeets: unknown key 'repeets'; did you mean 'repeats'?"),
        ("repeats: 3", "repeats: 0", "line 28, repeats: expected to be greater than or equal to 1, found 0."),
        ("margin: 1", "margin: 1, metric: rsme", "line 29, analysis.metric: There is no metric 'rsme'; did you mean"),
        ("margin: 1", "margin: 1, test: wilcoxon", "line 29, analysis.test:"),
        ("margin: 1", "margin: 1, test: nadeau-bengio", "line 29, analysis.test:"),
        ("name: 12,", "name: 22,", "two variants are called '22'; give each its own name."),
        ("300 K solid", "300 K gas", "smoke.yaml, line 5, data: "),
        (
            "kind: aluminium, groups: [300 K solid, 1000 K liquid]",
            "kind: file, path: nowhere.xyz",
            "smoke.yaml, line 5, data: nowhere.xyz: there is no such file",
        ),
        (
            "margin: 1}",
            (
                "margin: 1}\na: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\n"
                "c: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d]"
            ),
            "unfolds into more than 20000 values",
        ),
    ],
)
def test_bad_requests_start_nothing(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    """A wrong request gets a sentence and exit code 2, and writes nothing."""
    text = PAGE
    assert old in text
    (tmp_path / "smoke.yaml").write_text(text.replace(old, new))
    code, out, err = within(tmp_path, "run", "smoke.yaml")
    assert code == 2
    assert out == ""
    assert sentence in err
    assert "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["smoke.yaml"]


FILE_PROTOCOL = PAGE.replace(
    "{kind: aluminium, groups: [300 K solid, 1000 K liquid]}", "{kind: file, path: frames.xyz, block_length: 1}"
)


def test_a_process_says_what_is_refused(tmp_path: Path) -> None:
    """What is asked within this process elsewhere is what a process of its own says, with its exit code."""
    (tmp_path / "smoke.yaml").write_text(PAGE.replace("repeats: 3", "repeets: 3"))
    for words in (("run", "smoke.yaml"), ("run", "smoke", "--jobs", "0"), ("report", ".")):
        found = bpbench(tmp_path, *words)
        assert found == within(tmp_path, *words)
        assert (found[0], found[1]) == (2, "")


def write_frames(path: Path, spoil: Callable[[list[Atoms]], None]) -> None:
    """Write twelve small rattled aluminium cells with EMT energies and forces, spoilt on purpose."""
    frames = []
    for number in range(12):
        atoms = bulk("Al", "fcc", a=4.0, cubic=True)
        atoms.rattle(0.1, seed=number)
        atoms.calc = EMT()
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
        atoms.info["group"] = "even" if number % 2 == 0 else "odd"
        frames.append(atoms)
    spoil(frames)
    write(path, frames, format="extxyz")


def nothing(_: list[Atoms]) -> None:
    """Leave the frames as they are."""


def without_energy(frames: list[Atoms]) -> None:
    """Take the calculator of one frame away."""
    frames[7].calc = None


def nan_force(frames: list[Atoms]) -> None:
    """Put a NaN among the forces of one frame."""
    frames[3].calc.results["forces"][2, 1] = np.nan


@pytest.mark.parametrize(
    ("spoil", "data", "sentence"),
    [
        (without_energy, "", "smoke.yaml, line 5, data: frames.xyz, frame 7"),
        (nan_force, "", "smoke.yaml, line 5, data: frames.xyz, frame 3"),
        (nothing, ", groups: [even, strange]", "strange"),
        (nothing, ", group: phase", "phase"),
        (nothing, ", block: run", "run"),
        (nothing, ", temperature: T", "T"),
    ],
)
def test_frames_that_cannot_be_used_start_nothing(
    tmp_path: Path, spoil: Callable[[list[Atoms]], None], data: str, sentence: str
) -> None:
    """No energy, NaN forces, an empty group, missing labels: one sentence, exit code 2, nothing written."""
    (tmp_path / "smoke.yaml").write_text(FILE_PROTOCOL.replace("block_length: 1", "block_length: 1" + data))
    write_frames(tmp_path / "frames.xyz", spoil)
    code, out, err = within(tmp_path, "run", "smoke.yaml")
    assert (code, out) == (2, ""), err
    assert sentence in err
    assert len(err.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["frames.xyz", "smoke.yaml"]


def test_too_few_frames_start_nothing(tmp_path: Path) -> None:
    """Three frames leave one to train on: a sentence before anything runs."""
    (tmp_path / "smoke.yaml").write_text(FILE_PROTOCOL)
    write_frames(tmp_path / "frames.xyz", lambda frames: frames.__delitem__(slice(3, None)))
    code, out, err = within(tmp_path, "run", "smoke.yaml")
    assert (code, out) == (2, ""), err
    assert "smoke.yaml, line 5, data: a model needs at least 2 configurations to train on" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["frames.xyz", "smoke.yaml"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("run", "smok"),
            "Expected a protocol (shipped ones go by their name), smok is no file; did you mean 'smoke'?",
        ),
        (("run", "there"), "Expected a protocol (shipped ones go by their name), there is a folder"),
        (("run", "nowhere.yaml"), "There is no protocol file nowhere.yaml"),
        (("run", "smoke", "--data", "there"), "--data: expected a file of frames, there is a folder."),
        (("run", "smoke", "--data", "none.xyz"), "--data: expected a file of frames, none.xyz does not exist."),
        (("run", "smoke", "--jobs", "0"), "expected a whole number of 1 or more, found '0'"),
        (("run", "smoke", "--jobs", "x"), "expected a whole number of 1 or more, found 'x'"),
        (("run", "smoke", "--store", "file"), "The store must be a folder; file is a file."),
        (("run", "smoke", "--reports", "file/x"), "--reports: file/x/smoke-"),
        (("report", "there"), "cannot be read as JSON"),
        (("report", "nothing"), "Expected the folder of a report or its findings.json, found nothing."),
        (("data", "inspect", "none.xyz"), "none.xyz: there is no such file"),
        (("data", "make", "frames.xyz"), ".npz"),
    ],
)
def test_mistakes_on_the_command_line(tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    """Every mistake a user makes at the prompt gets a sentence and exit code 2, before anything has run."""
    (tmp_path / "there").mkdir()
    (tmp_path / "file").touch()
    code, out, err = within(tmp_path, *arguments)
    assert (code, out) == (2, ""), err
    assert sentence in err
    assert "Traceback" not in err
    assert stored(tmp_path) == 0


def test_where_a_file_lies_is_no_part_of_a_study(tmp_path: Path) -> None:
    """The same bytes given by ``--data`` from two folders are one study with one report folder."""
    (tmp_path / "smoke.yaml").write_text(FILE_PROTOCOL.replace("frames.xyz", "elsewhere.xyz"))
    plans = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_frames(tmp_path / name / "frames.xyz", nothing)
        code, out, err = within(tmp_path, "plan", "smoke.yaml", "--data", f"{name}/frames.xyz", "--json")
        assert code == 0, err
        plans.append(json.loads(out))
    assert plans[0]["digest"] == plans[1]["digest"]
    assert plans[0]["report"] == plans[1]["report"]


def test_a_cell_smaller_than_the_cutoff_is_no_mistake(tmp_path: Path) -> None:
    """Cells of 4 atoms, 4 Å wide, run through with R_c = 6.8 Å: periodic images serve the cutoff."""
    (tmp_path / "smoke.yaml").write_text(FILE_PROTOCOL)
    write_frames(tmp_path / "frames.xyz", nothing)
    code, _, err = bpbench(tmp_path, "run", "smoke.yaml", "--jobs", "1")
    assert code == 0, err
    found = json.loads(findings(tmp_path))
    assert found["data"]["atoms_per_frame"] == [4, 4]
    assert [group["name"] for group in found["data"]["groups"]] == ["even", "odd"]


def test_dft_frames_of_copper(tmp_path: Path, reference_data: Path) -> None:
    """Every fourth of real DFT frames, 6 to 108 atoms, through the whole path: plausible numbers, true words."""
    frames = read(reference_data / "dft/cu_snap_aimd_elastic_surface.extxyz.xz", "::4")
    write(tmp_path / "cu.xyz", frames, format="extxyz")
    code, out, err = bpbench(tmp_path, "run", str(SMOKE), "--data", "cu.xyz", "--jobs", "2")
    assert code == 0, err
    found = json.loads(findings(tmp_path))
    data = found["data"]
    assert (data["elements"], data["frames"], data["atoms_per_frame"][1]) == (["Cu"], 64, 108)
    assert {group["name"] for group in data["groups"]} == {"AIMD", "Elastic", "Surface"}
    assert any("consecutive frames" in remark and "cut" in remark for remark in data["remarks"])
    means = {variant["name"]: variant["summary"]["test"]["rmse"]["mean"] for variant in found["variants"]}
    assert 1 < means["22 linear"] < found["constant"]["test"]["rmse"] / 4
    assert all(mean < found["constant"]["test"]["rmse"] for mean in means.values())
    assert "given this split" in out.lower()
    (html,) = (tmp_path / "reports").glob("*/report.html")
    assert html.with_name("report.pdf").is_file() == pdf_available()[0]
    assert "EMT" not in html.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("split", "test", "splits", "n"),
    [
        ("{design: resampled}", "nadeau-bengio", 4, 4),
        ("{design: crossed, splits: 3}", "paired-t", 3, 3),
        ("{design: crossed, splits: 3}", "welch", 3, 3),
    ],
)
def test_other_designs_run_through(tmp_path: Path, split: str, test: str, splits: int, n: int) -> None:
    """Resampled and crossed designs end in judged findings whose n counts splits, drawn as the design says."""
    text = PAGE.replace("repeats: 3", f"repeats: 4\nsplit: {split}")
    text = text.replace("{baseline: 22, margin: 1}", f"{{baseline: 22, margin: 1, test: {test}}}")
    text = text.replace("  - {name: 12, set: 12, model: network}\n", "").replace("model: network", "model: forest")
    text = text.replace("  - {name: 22 forest, set: 22, model: forest}\n", "")
    (tmp_path / "smoke.yaml").write_text(text)
    code, out, err = within(tmp_path, "run", "smoke.yaml", "--jobs", "1")
    assert code == 0, err
    found = json.loads(findings(tmp_path))
    assert (found["split"]["splits"], found["analysis"]["units"]) == (splits, n)
    assert [comparison["n"] for comparison in found["analysis"]["comparisons"]] == [n] * 4
    assert all(0 <= comparison["p"] <= 1 for comparison in found["analysis"]["comparisons"])
    errors = [
        [r["scores"]["test"]["rmse"] for r in v["results"]] for v in found["variants"] if v["name"] == "22 linear"
    ]
    assert len(set(errors[0])) == splits
    assert "given this split" not in out.lower()


def test_a_failed_training_is_exit_code_3(tmp_path: Path) -> None:
    """A rate at which the network diverges: its repeats are recorded failures, the others go on, exit code 3."""
    text = PAGE.replace("learning_rate: 1e-2", "learning_rate: 1e30")
    (tmp_path / "smoke.yaml").write_text(text)
    code, out, err = bpbench(tmp_path, "run", "smoke.yaml", "--jobs", "1")
    assert code == 3, err
    assert "6 of 21 trainings have no score" in err
    found = json.loads(findings(tmp_path))
    assert {failure["status"] for failure in found["failures"]} == {"diverged"}
    assert {failure["variant"] for failure in found["failures"]} == {"12", "22"}
    assert all(comparison["verdict"] == "undecided" for comparison in found["analysis"]["comparisons"])
    assert "better" not in out.replace("be better", "")


def test_a_margin_given_afterwards_is_stamped(undisturbed: Path, tmp_path: Path) -> None:
    """Another margin after results exist is stamped with the number of repeats that existed."""
    shutil.copytree(undisturbed, tmp_path / "copy")
    path = tmp_path / "copy/smoke.yaml"
    assert json.loads(findings(undisturbed))["analysis"]["chosen_after"] is None
    path.write_text(path.read_text().replace("margin: 1", "margin: 50"))
    _, out, _ = within(path.parent, "run", "smoke.yaml", "--json")
    assert json.loads(out)["findings"]["analysis"]["chosen_after"] == 3


def test_doctor_says_what_is_here(tmp_path: Path) -> None:
    """``doctor`` names versions, the PDF library and the store, as text and as JSON, and writes nothing."""
    code, out, _ = bpbench(tmp_path, "doctor", "--json")
    told = json.loads(out)
    assert code == 0
    assert set(told["checks"]) >= {"pdf", "store", "keras", "templates"}
    assert "tensorflow" in told["versions"]
    assert "numpy" in bpbench(tmp_path, "doctor")[1]
    assert list(tmp_path.iterdir()) == []


def test_a_fault_of_ours_is_exit_code_70(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unexpected exception ends in one sentence that names the saved traceback."""
    from bpbench import cli, protocol

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(protocol, "schema", lambda: 1 / 0)
    assert cli.main(["schema"]) == 70
    err = capsys.readouterr().err
    assert "this is a fault of ours (ZeroDivisionError: division by zero)" in err
    (saved,) = tmp_path.iterdir()
    assert str(saved) in err
    assert "Traceback" in saved.read_text()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        MemoryError("Unable to allocate 122. MiB"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        ImportError("x.so: failed to map segment from shared object"),
    ],
)
def test_no_more_memory_is_said_in_a_sentence(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Outside jobs, as Python, the system or what loads libraries says it: no fault of ours."""
    from bpbench import cli, cli_opened, protocol

    def schema() -> None:
        raise error

    monkeypatch.setattr(protocol, "schema", schema)
    assert cli.main(["schema"]) == cli_opened.INCOMPLETE == 3
    why = f" ({error})" if str(error) else ""
    assert capsys.readouterr().err == (
        f"bpbench: This process got no more memory{why}. What was stored is kept; try it where more is free.\n"
    )


def test_a_report_that_finds_no_memory_is_not_blamed_on_its_findings(
    undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An array that no machine has room for, asked for in the middle of a page."""
    from bpbench import cli
    from bpbench.report import render

    folder = shutil.copytree(next((undisturbed / "reports").iterdir()), tmp_path / "report")
    monkeypatch.setattr(render, "write_report", lambda *_, **__: np.ones(2**55))
    assert cli.main(["report", str(folder)]) == 3
    err = capsys.readouterr().err
    assert f"The report in {folder} needs more memory than this process could get (Unable to allocate 256. PiB" in err
    assert err.endswith("; render it where more is free.\n")


#: The command line with a verb of its own, which says something on both streams and has something to answer.
TORN = """
import os, sys
from bpbench import cli, cli_opened, protocol
from bpbench.errors import EngineError
def torn():
    reader, writer = os.pipe()
    os.close(reader)
    return open(writer, "w")
{tear}
def schema():
    from bpbench.runner.progress import Progress
    cli_opened.say("said")
    Progress(lambda job: 1.0).note("noted")
    print("printed" * 10_000)
    {how}
    return {{}}
protocol.schema = schema
cli.DONE = 4
sys.exit(cli.main(["schema"]))
"""


@pytest.mark.parametrize("tear", ["sys.stdout", "sys.stderr", "sys.stdout = sys.stderr"])
@pytest.mark.parametrize(
    ("how", "code"), [("pass", 4), ("raise EngineError('Lost.')", 3), ("raise BrokenPipeError(32, 'Broken pipe')", 70)]
)
def test_who_reads_to_the_end_changes_no_exit_code(tmp_path: Path, tear: str, how: str, code: int) -> None:
    """After ``| head`` the verb goes on to its own answer; another pipe that broke is a fault like others."""
    ended = subprocess.run(
        [sys.executable, "-c", TORN.format(tear=f"{tear} = torn()", how=how)],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr

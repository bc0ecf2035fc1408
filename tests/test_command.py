"""Somebody else's program as a contestant: what it is given, what is read back, how it fails, and that it is ended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpbench import shipped
from bpbench.cli import main
from bpbench.data import readers, splits
from bpbench.data.frames import Frames
from bpbench.errors import CommandError, RequestError
from bpbench.features import preset
from bpbench.formats.n2p2 import read_settings, read_structures
from bpbench.identity import address
from bpbench.jobs import Command, MakeFrames, Split, Train, as_typed
from bpbench.models.contract import Fit, Problem
from bpbench.report import foreign_told
from bpbench.report.language import spoken
from bpbench.runner import command
from bpbench.runner.execute import execute
from bpbench.runner.executed import Failure
from bpbench.runner.store import Store

TRAINER = Path(__file__).with_name("trainer.py")
SOURCE = replace(readers.sample_source(), groups=("300 K solid",))
FUNCTIONS = preset("thesis-12").functions
SPLIT = Split(0.2, 0.2, 1, 1)


@pytest.fixture(scope="module")
def frames() -> Frames:
    """Of each frame of one state the first six atoms: whole frames would only take longer."""
    whole = readers.read(SOURCE)
    rows = np.concatenate([np.arange(first, first + 6) for first in whole.offsets[:-1]])
    assert whole.forces is not None
    cut = {"positions": whole.positions[rows], "species": whole.species[rows], "forces": whole.forces[rows]}
    return replace(whole, **cut, offsets=np.arange(len(whole) + 1) * 6)


@pytest.fixture
def problem(frames: Frames) -> Problem:
    parts = splits.draw(frames, SPLIT)
    values = np.empty((0, len(frames.positions)))
    return Problem((), values, frames.offsets, frames.energy, parts.train, parts.validation, parts.test)


def step(how: str) -> tuple[str, ...]:
    return (sys.executable, "trainer.py", how, "{train}", "{structures}", "{out}", "{seed}")


def model(how: str = "well", **changes: Any) -> Command:
    made = Command("command", run=(step(how),), files=(str(TRAINER),), limit=60.0)
    return replace(made, **changes)


def run(chosen: Command, frames: Frames, problem: Problem, seed: int = 5) -> Fit:
    return command.fit(chosen, frames, problem, FUNCTIONS, seed=seed)


def test_a_program_learns_and_predicts(frames: Frames, problem: Problem) -> None:
    """Its energies come back by their ids, the seed changes them, and the same seed gives the same."""
    made = run(model(), frames, problem)
    atoms = frames.atoms
    each = (frames.energy[problem.train] @ atoms[problem.train]) / (atoms[problem.train] @ atoms[problem.train])
    assert made.energy is not None
    np.testing.assert_allclose(made.energy / atoms, each, atol=5e-3)
    assert np.ptp(made.energy) == pytest.approx(0.0, abs=1e-9)
    assert made.forces is None
    assert made.said == "seed 5, threads 1"
    np.testing.assert_array_equal(run(model(), frames, problem).energy, made.energy)
    other = run(model(), frames, problem, seed=6).energy
    assert other is not None
    assert not np.array_equal(other, made.energy)
    forces = run(model(gives="p.npz", forces=True), frames, problem).forces
    np.testing.assert_array_equal(forces, np.full((len(frames.positions), 3), 0.25))


def kept(folder: Path) -> Command:
    """Return a program that copies all that it was given, and answers with zeros."""
    answer = f"import numpy, os; numpy.savez('p.npz', energy=numpy.zeros({40}))"
    return Command(
        "command",
        run=(("sh", "-c", f"cp -r . {folder}"), (sys.executable, "-c", answer)),
        gives="p.npz",
        limit=60.0,
    )


@pytest.mark.parametrize("kind", ["extxyz", "input.data"])
def test_no_energy_or_force_of_a_test_configuration_is_told(
    tmp_path: Path, frames: Frames, problem: Problem, kind: Any
) -> None:
    """The files of training and validation are those of the split; of all others there are the atoms alone."""
    chosen = replace(kept(tmp_path / "seen"), reads=kind)
    run(chosen, frames, problem)
    end = {"extxyz": ".extxyz", "input.data": ".data"}[kind]
    seen = {path.name: path for path in (tmp_path / "seen").iterdir()}
    assert set(seen) == {f"train{end}", f"validation{end}", f"structures{end}"}
    for name, part in (("train", problem.train), ("validation", problem.validation)):
        told = readers.read(readers.open_source(seen[name + end]))
        np.testing.assert_array_equal(told.energy, frames.energy[part])
        np.testing.assert_array_equal(told.positions, frames.take(part).positions)
        np.testing.assert_array_equal(told.forces, frames.take(part).forces)
        np.testing.assert_array_equal(told.cells, frames.cells[part])
    text = "".join(path.read_text() for path in seen.values())
    assert frames.forces is not None
    for frame in problem.test:
        numbers = [frames.energy[frame], *frames.forces[frames.rows(int(frame))].ravel()]
        assert not any(word in text for number in numbers for word in (repr(float(number)), f"{number:24.16E}"))
    if kind == "extxyz":
        assert "energy" not in seen[f"structures{end}"].read_text()
    else:
        bare = list(read_structures(seen[f"structures{end}"], units="angstrom-ev"))
        assert len(bare) == 40
        assert not any(structure.energy or structure.forces.any() for structure in bare)


def test_structures_are_read_back_in_their_order(frames: Frames, problem: Problem) -> None:
    """An input.data or an extended XYZ with predictions, as n2p2's tools write them; other structures are refused."""
    for kind, end in (("input.data", ".data"), ("extxyz", ".extxyz")):
        back = f"cp train{end} answer{end}"  # has as many structures as the training part, and not all
        chosen = Command("command", run=(("sh", "-c", back),), reads=kind, gives=f"answer{end}")  # type: ignore[arg-type]
        with pytest.raises(CommandError, match=rf"answer{end} should hold 40 structures, found {len(problem.train)}\."):
            run(chosen, frames, problem)
        everything = replace(problem, train=np.arange(40))
        made = run(replace(chosen, forces=True), frames, everything)
        np.testing.assert_array_equal(made.energy, frames.energy)
        np.testing.assert_array_equal(made.forces, frames.forces)
        backwards = replace(problem, train=np.arange(40)[::-1].copy())
        with pytest.raises(CommandError, match=r"structure 0: its atoms are not those of the structure 0 that was giv"):
            run(chosen, frames, backwards)


def test_templates_are_filled_in(tmp_path: Path, frames: Frames, problem: Problem) -> None:
    """The set, its cutoff and the seed, as an input.nn needs them; braces of others stay."""
    template = tmp_path / "input.nn"
    template.write_text("{functions}\nrandom_seed {seed} # {cutoff} {elements} {other} {}\n")
    run(replace(kept(tmp_path / "seen"), templates=(str(template),)), frames, problem, seed=11)
    text = (tmp_path / "seen" / "input.nn").read_text()
    assert text.splitlines()[-1] == "random_seed 11 # 6.8 Al {other} {}"
    read = read_settings(tmp_path / "seen" / "input.nn", units="angstrom-ev")
    assert len(read.functions["Al"]) == len(FUNCTIONS)
    assert {function.eta for function in read.functions["Al"]} == {function.eta for function in FUNCTIONS}


WORDS = r"'\S+ trainer\.py {} \{{train\}} \{{structures\}} \{{out\}} \{{seed\}}'"


@pytest.mark.parametrize(
    ("how", "changes", "message"),
    [
        (
            "fail",
            {},
            rf"^The program ended with the exit code 3 in step 1 of 1, {WORDS.format('fail')}\. The last it said: .*",
        ),
        (
            "die",
            {},
            rf"^The program was ended by SIGKILL in step 1 of 1, {WORDS.format('die')}\. The last it said: seed",
        ),
        ("silent", {}, r"^The program's predictions cannot be used: it left no file predictions\.csv in its folder\. "),
        (
            "short",
            {},
            r"cannot be used: predictions\.csv should have 40 predictions, found 38; id 38 has none\. The last",
        ),
        ("words", {}, r"predictions\.csv, line \d+: expected a number, found 'plenty'\. The last it said: seed 5, th"),
        (
            "short",
            {"gives": "p.npz"},
            r"used: p\.npz should hold 'energy' of shape \(40,\), found shape \(38,\)\. The last it said",
        ),
        (
            "forces",
            {"gives": "p.npz", "forces": True},
            r"p\.npz should hold the forces of all 240 atoms, shape \(240, 3\), found an array of shape \(239, 3\)",
        ),
        ("well", {"gives": "p.extxyz"}, r"cannot be used: p\.extxyz: ASE cannot read this file .*ASE knows\?"),
        ("well", {"gives": "p.data"}, r"cannot be used: p\.data, line 1: expected 'begin', found 'id,energy'\. The la"),
        (
            "well",
            {"run": (("no-such-program", "{seed}"),)},
            r"^The program cannot be started in step 1 of 1, 'no-such-program \{seed\}': there is no such prog",
        ),
        (
            "well",
            {"sha256": "0" * 64},
            r"^The program's files have changed since the protocol was read; start again\.$",
        ),
    ],
)
def test_failures_are_told(frames: Frames, problem: Problem, how: str, changes: Any, message: str) -> None:
    """An exit code, a signal, predictions that are missing, too few, no numbers or of another kind."""
    with pytest.raises(CommandError, match=message) as caught:
        run(model(how, **changes), frames, problem)
    assert "bpbench-command-" not in str(caught.value)  # folders are others each time


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("energy\n1", r"predictions\.csv should have the columns id and energy, found energy"),
        ("", r"predictions\.csv should have the columns id and energy, found none"),
        ("id,energy\n0,1\n0,2", r"predictions\.csv, line 3: expected each id from 0 to 39 once, found 0 again"),
        ("id,energy\n40,1", r"line 2: expected each id from 0 to 39 once, found '40'"),
        ("id,energy\n-1,1", r"line 2: expected each id from 0 to 39 once, found '-1'"),
        ("id,energy\n0", r"line 2: expected 2 values, found 1"),
        ("id,energy\n" + "1" * 5000 + ",1", r"line 2: expected each id from 0 to 39 once, found '1{40}'"),
    ],
)
def test_tables_of_predictions_are_checked(frames: Frames, problem: Problem, rows: str, message: str) -> None:
    """Each id once, each with a number."""
    writes = (sys.executable, "-c", f"open('predictions.csv', 'w').write({rows!r})")
    with pytest.raises(CommandError, match=message):
        run(Command("command", run=(writes,)), frames, problem)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.data", b"", r"used: p\.data should hold 40 structures, found none\. It said nothing\.$"),
        ("p.data", b" \n\n", r"used: p\.data should hold 40 structures, found none\. It said nothing\.$"),
        ("p.extxyz", b"", r"used: p\.extxyz should hold 40 structures, found none\. It said nothing\.$"),
        ("p.npz", b"", r"used: p\.npz cannot be read as an npz of numbers \(BadZipFile\)\. It said nothing\.$"),
        (
            "p.data",
            b"\x1b[2J\0" * 900,
            r"used: p\.data, line 1: expected 'begin', found '[\x20-\x7e]{100,260} …\. It sa",
        ),
    ],
)
def test_nonsense_is_no_prediction(frames: Frames, problem: Problem, name: str, content: bytes, message: str) -> None:
    """Empty files and noise are told in a sentence that a terminal can show."""
    writes = (sys.executable, "-c", f"open({name!r}, 'wb').write({content!r})")
    with pytest.raises(CommandError, match=message):
        run(Command("command", run=(writes,), gives=name), frames, problem)


def test_a_table_may_hold_anything(frames: Frames, problem: Problem) -> None:
    """A field longer than the reader of tables takes."""
    writes = (sys.executable, "-c", "open('predictions.csv', 'w').write('id,energy\\n0,' + 200_000 * '1')")
    with pytest.raises(
        CommandError, match=r"predictions\.csv cannot be read as a table \(field larger than field limit"
    ):
        run(Command("command", run=(writes,)), frames, problem)


def test_complex_numbers_are_no_energies(frames: Frames, problem: Problem) -> None:
    """Their imaginary part is not passed over."""
    writes = (sys.executable, "-c", "import numpy; numpy.savez('p.npz', energy=numpy.ones(40) + 1j)")
    with pytest.raises(CommandError, match=r"p\.npz cannot be read as an npz of numbers \(TypeError\)"):
        run(Command("command", run=(writes,), gives="p.npz"), frames, problem)


@pytest.mark.parametrize("name", ["SIGINT", "SIGPIPE", "SIGTERM"])
def test_a_signal_is_named(frames: Frames, problem: Problem, name: str) -> None:
    """Those too that Python would hear and go on."""
    code = f"import os, signal; signal.signal(signal.{name}, signal.SIG_DFL); os.kill(os.getpid(), signal.{name})"
    dies = (sys.executable, "-c", code)
    with pytest.raises(CommandError, match=rf"^The program was ended by {name} in step 1 of 1, "):
        run(Command("command", run=(dies,)), frames, problem)


def test_a_script_that_says_no_interpreter_is_told(frames: Frames, problem: Problem) -> None:
    """It is a program by its name and its mode, and the system cannot start it."""
    made = ("sh", "-c", "echo true > train; chmod +x train")
    message = (
        r"exit code 1 in step 2 of 2, '\./train'\. The last it said: \./train cannot be executed: Exec format error$"
    )
    with pytest.raises(CommandError, match=message):
        run(Command("command", run=(made, ("./train",))), frames, problem)


@pytest.mark.parametrize("held", [None, "8"])
def test_a_program_is_told_its_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: str | None) -> None:
    """One thread, or as many as the worker of a batch system holds for it, whatever that worker itself may use."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", command.THREADS):
        monkeypatch.delenv(name, raising=False)
    if held is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        monkeypatch.setenv(command.THREADS, held)
    asked = "import os; print(*(os.environ[f'{name}_NUM_THREADS'] for name in ('OMP', 'OPENBLAS', 'MKL')))"
    assert command._step([sys.executable, "-c", asked], tmp_path, tmp_path / "log", 60.0) == 0
    assert (tmp_path / "log").read_text("utf-8").split() == [held or "1"] * 3


def test_colours_are_no_words(frames: Frames, problem: Problem) -> None:
    """What is kept of what a program says goes into reports."""
    says = (sys.executable, "-c", r"print('\033[31mepoch 1\033[0m\a'); raise SystemExit(2)")
    with pytest.raises(CommandError, match=r" The last it said: epoch 1$"):
        run(Command("command", run=(says,)), frames, problem)


def test_what_is_asked_leave_for_is_seen() -> None:
    """A word that would hide itself or others on a terminal is spelt out; what bash would read is the same word."""
    words = ["rm\x1b[2K\recho", "it's a\\b\n", "\u202eli", "two words", "{seed}"]
    told = as_typed(words)
    assert told == r"$'rm\x1b[2K\recho' $'it\'s a\\b\n' $'\u202eli' 'two words' {seed}"
    bash = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {told}"], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"}
    )
    assert bash.stdout.decode().split("\0")[:-1] == words


def _gone(number: int) -> bool:
    """Return whether a process is gone, or waits as a zombie for whoever takes its exit code."""
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in "ZX"


def _await(met: Any) -> bool:
    until = time.monotonic() + 20
    while not met():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def test_a_program_that_hangs_is_ended(
    tmp_path: Path, frames: Frames, problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its limit, with all that it started, and its folder is gone."""
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with pytest.raises(CommandError, match=r"^The program was stopped at its limit of 2 s in step 1 of 1, '.* hang "):
        run(model("hang", limit=2.0), frames, problem)
    numbers = json.loads((tmp_path / "told").read_text())
    assert _await(lambda: all(map(_gone, numbers)))
    assert [path.name for path in tmp_path.iterdir()] == ["told"]


RUNS = """
import sys
from pathlib import Path
sys.path[:0] = [{tests!r}]
import test_command as t
frames = t.readers.read(t.SOURCE)
parts = t.splits.draw(frames, t.SPLIT)
problem = t.Problem((), t.np.empty((0, 0)), frames.offsets, frames.energy, parts.train, parts.validation, parts.test)
t.run(t.model("hang"), frames, problem)
"""


def test_a_program_does_not_outlive_a_worker(tmp_path: Path) -> None:
    """A worker that is killed without a chance to say anything leaves nothing behind that runs."""
    code = RUNS.format(tests=str(Path(__file__).parent))
    environment = {**os.environ, "TOLD": str(tmp_path / "told"), "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment) as worker:
        assert _await((tmp_path / "told").exists)
        assert _await(lambda: (tmp_path / "told").read_text().endswith("]"))
        worker.send_signal(signal.SIGKILL)
    assert _await(lambda: all(map(_gone, json.loads((tmp_path / "told").read_text()))))


# ---------------------------------------------------------------------------------------------- as jobs, and allowed


def job(chosen: Command, seed: int = 1) -> Train:
    return Train(MakeFrames(SOURCE), (), FUNCTIONS, chosen, SPLIT, seed, 0)


def test_nothing_runs_that_was_not_allowed(tmp_path: Path) -> None:
    """The driver refuses before anything starts; what is stored already needs no leave."""
    store = Store(tmp_path / "store")
    marker = tmp_path / "ran"
    chosen = model(run=(("touch", str(marker)), step("well")))
    asked = job(chosen)
    message = (
        r"^The protocol runs programs on this machine, and whoever wrote it may have named any: touch .*; .* Read "
    )
    with pytest.raises(RequestError, match=message):
        execute([asked], store)
    assert not marker.exists()
    assert not store.has(asked.frames)
    executed = execute([asked], store, allow_commands=True)
    assert marker.exists()
    assert not executed.failures
    marker.unlink()
    assert execute([asked], store).loaded == 1
    outcome, cost = store.load(asked), store.provenance(asked)
    assert set(outcome.values["scores"]) == {"train", "validation", "test"}
    assert outcome.values["said"] == "seed 1, threads 1"
    assert cost["peak_mb"] is None
    assert cost["cpu_s"] > 0
    assert 0 < cost["wall_s"] < 60


def test_a_failed_repeat_leaves_the_others(tmp_path: Path) -> None:
    """Numbers that are none are a diverged training, everything else is a failure with its sentence."""
    store = Store(tmp_path / "store")
    made = {how: job(model(how)) for how in ("well", "nan", "fail")}
    executed = execute(list(made.values()), store, allow_commands=True)
    assert list(executed.failures) == [made["fail"]]
    assert isinstance(executed.failures[made["fail"]], Failure)
    assert executed.failures[made["fail"]].message.startswith("The program ended with the exit code 3 in step 1 of 1")
    assert store.load(made["nan"]).values["message"] == "A predicted energy is not a finite number."
    assert store.load(made["well"]).values["status"] == "done"


def test_what_decides_a_result_is_its_address() -> None:
    """The words, the files' content and the release do; where files lie and how long it may take do not."""
    first = model(sha256="1" * 64)
    for other in (
        replace(first, sha256="2" * 64),
        replace(first, release="n2p2 2.2.0"),
        replace(first, run=(step("other"),)),
        replace(first, gives="other.csv"),
    ):
        assert address(job(other)) != address(job(first))
    assert address(job(replace(first, files=("elsewhere/trainer.py",), limit=1.0))) == address(job(first))
    assert address(job(first, seed=2)) != address(job(first))


PROTOCOL = """
question: Is a stranger's trainer worse than a ridge?
data: {kind: aluminium, groups: [300 K solid]}
sets: {a: {functions: [{kind: G2, eta: 0.1, r_s: 0, r_c: 6.8}]}}
models:
  ridge: {kind: linear}
  theirs:
    kind: command
    run: [[PYTHON, trainer.py, HOW, "{train}", "{structures}", "{out}", "{seed}"]]
    files: [trainer.py]
    limit: 60
variants: [{name: ours, set: a, model: ridge}, {name: theirs, set: a, model: theirs}]
repeats: 3
report: {formats: [html]}
analysis: {baseline: ours}
"""


def write(folder: Path, how: str = "well") -> Path:
    shutil.copy(TRAINER, folder)
    (folder / "p.yaml").write_text(PROTOCOL.replace("HOW", how).replace("PYTHON", sys.executable))
    return folder / "p.yaml"


@pytest.mark.parametrize(
    "words",
    [
        ["run"],
        ["check", "--candidate", "theirs", "--incumbent", "ours", "--history", "h.sqlite"],
        ["track", "record", "--history", "h.sqlite"],
    ],
)
def test_no_verb_runs_a_program_without_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """Neither run nor check nor track, and no variable of the environment allows it."""
    path = write(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BPBENCH_ALLOW_COMMANDS", "1")
    monkeypatch.setattr(command, "fit", lambda *_, **__: pytest.fail("a program was run"))
    assert main([*words, str(path), "--store", "store", "--jobs", "1"]) == 2
    said = capsys.readouterr()
    assert "may have named any" in said.err
    assert "say --allow-commands if you trust them; nothing was started." in said.err
    assert not list((tmp_path / "store").rglob("*.npz")) if (tmp_path / "store").exists() else True
    assert not (tmp_path / "reports").exists()


def test_a_check_of_others_needs_no_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program that neither the candidate nor the incumbent is trained by is not run, and nobody is asked for it."""
    path = write(tmp_path)
    more = "b: {functions: [{kind: G2, eta: 1, r_s: 0, r_c: 6.8}]}"
    text = path.read_text().replace("sets: {a:", f"sets: {{{more}, a:")
    path.write_text(text.replace("variants: [", "variants: [{name: other, set: b, model: ridge}, "))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "fit", lambda *_, **__: pytest.fail("a program was run"))
    words = ["check", "p.yaml", "--incumbent", "ours", "--margin", "5 %", "--history", "h.sqlite", "--store", "store"]
    assert main([*words, "--candidate", "other", "--jobs", "1"]) in {0, 1, 4}
    assert "other" in capsys.readouterr().out
    assert main([*words, "--candidate", "theirs", "--jobs", "1"]) == 2
    assert "may have named any" in capsys.readouterr().err


def test_a_study_of_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Planned, run where it is allowed, judged and told like ours; the report says the command and the program."""
    path = write(tmp_path)
    monkeypatch.chdir(tmp_path)
    words = [str(path), "--store", "store", "--jobs", "1"]
    assert main(["plan", *words]) == 0
    assert "It runs programs that the protocol names, and only with --allow-commands: " in capsys.readouterr().out
    assert main(["plan", *words, "--allow-commands"]) == 0
    assert "It runs programs that the protocol names: " in capsys.readouterr().out
    assert main(["run", *words, "--allow-commands", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    found = told["findings"]
    assert found["protocol"]["command"].endswith("--allow-commands")
    assert [variant["n"] for variant in found["variants"]] == [3, 3]
    assert found["analysis"]["comparisons"][0]["n"] == 3
    values = found["models"][1]["values"]
    assert values["files"] == ["trainer.py"]
    page = next((tmp_path / "reports").rglob("report.html")).read_text()
    assert "is trained by a program that is not ours, in 1 step" in page


def test_a_study_whose_program_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its repeats have no score, and the findings say why."""
    path = write(tmp_path, "fail")
    monkeypatch.chdir(tmp_path)
    assert main(["run", str(path), "--store", "store", "--jobs", "1", "--allow-commands", "--json"]) == 3
    found = json.loads(capsys.readouterr().out)["findings"]
    assert len(found["failures"]) == 3
    assert "The program ended with the exit code 3" in found["failures"][0]["message"]


def test_methods_tell_the_program_in_both_languages() -> None:
    """Its steps, its files and what it is given; without files and release nothing is said of them."""
    values = {**asdict(model(release="trainer 1")), "files": ["trainer.py"], "sha256": "ab" * 32}
    text = foreign_told.program("theirs", values)
    assert "is trained by a program that is not ours, trainer 1, in 1 step: " in text
    assert "trainer.py well {train} {structures} {out} {seed}." in text
    assert "Its own files are trainer.py (digest ababababab)." in text
    assert "takes longer than 60 s" in text
    bare = foreign_told.program("theirs", {**values, "files": [], "release": ""})
    assert "digest" not in bare
    with spoken("fr", [shipped("templates")]):
        assert "est entraîné par un programme qui n'est pas le nôtre, trainer 1, en 1 étape" in foreign_told.program(
            "theirs", values
        )

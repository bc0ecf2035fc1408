"""A potential of n2p2 as a contestant: scored on the splits as ours are, its units tried, its zero told."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from foreign_potential import settings, write

from bpbench import metrics
from bpbench.cli import main
from bpbench.data import readers, splits
from bpbench.errors import DataError, ProtocolError
from bpbench.formats.n2p2 import read_structures, write_structures
from bpbench.formats.n2p2_folder import read_folder
from bpbench.jobs import MakeFrames, N2p2, Split, Train
from bpbench.models.contract import Problem
from bpbench.n2p2_potential import N2p2Potential
from bpbench.prepared import prepare
from bpbench.protocol import load
from bpbench.runner import imported
from bpbench.runner.execute import execute
from bpbench.runner.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from bpbench.data.frames import Frames

#: Every asking is of other frames.
KEYS = count()
SPLIT = Split(0.25, 0.25, 1, 1, by="frame")


@pytest.fixture(scope="module")
def frames() -> Frames:
    """Sixteen clusters of ten atoms, cut from frames of all states."""
    whole = readers.read(readers.open_source(readers.SAMPLES["spaced"]))
    some = whole.take(np.linspace(0, len(whole) - 1, 16).astype(np.int64))
    rows = np.concatenate([np.arange(first, first + 10) for first in some.offsets[:-1]])
    assert some.forces is not None
    cut = {"positions": some.positions[rows], "species": some.species[rows], "forces": some.forces[rows]}
    return replace(some, **cut, offsets=np.arange(17) * 10, pbc=np.zeros_like(some.pbc))


@pytest.fixture
def potential(tmp_path: Path, frames: Frames) -> Path:
    return write(tmp_path / "pot", frames, settings())


def model(folder: Path, **changes: Any) -> N2p2:
    return replace(N2p2("n2p2", str(folder), "angstrom-ev"), **changes)


def fitted(chosen: N2p2, frames: Frames, energy: Any = None, *, forces: bool = False) -> Any:
    parts = splits.draw(frames, SPLIT)
    known = frames.energy if energy is None else energy
    problem = Problem((), np.empty((0, 160)), frames.offsets, known, parts.train, parts.validation, parts.test)
    return imported.fit(chosen, frames, problem, key=next(KEYS), forces=forces)


def test_energies_and_forces_are_those_of_the_potential(potential: Path, frames: Frames) -> None:
    """Frame after frame, whatever the split; without a shift its numbers are its own."""
    made = fitted(model(potential), frames, forces=True)
    asked = N2p2Potential(read_folder(potential, units="angstrom-ev"))
    for frame in range(16):
        rows = frames.rows(frame)
        answer = asked.answer(frames.positions[rows], frames.cells[frame], frames.pbc[frame], frames.species[rows])
        assert made.energy[frame] == answer.energy
        np.testing.assert_array_equal(made.forces[rows], answer.forces)
    assert made.parameter_count == (4 * 3 + 3) + (3 * 2 + 2) + (2 + 1)
    assert fitted(model(potential), frames).forces is None


def test_another_zero_is_told_and_taken_away(potential: Path, frames: Frames) -> None:
    """Data that differ by a constant for each atom, and a little more: by least squares over training frames alone."""
    own = fitted(model(potential), frames).energy
    rng = np.random.default_rng(1)
    data = own + 10 * 1.25 + rng.normal(0, 1e-3, 16)
    plain = fitted(model(potential), frames, data)
    (remark,) = plain.remarks
    assert remark.startswith("The potential's energies are 1250 meV per atom off, and 0.")
    assert remark.endswith(
        "with an energy added for each atom (Al +1.25001 eV); if the data have another zero, say shift: fitted."
    )
    train = splits.draw(frames, SPLIT).train
    shift = np.mean(data[train] - own[train])
    made = fitted(model(potential, shift="fitted"), frames, data)
    np.testing.assert_allclose(made.energy, own + shift, rtol=1e-12)
    assert made.parameters["shift"] == pytest.approx([shift / 10], rel=1e-12)
    told = f"for each atom: Al {shift / 10:+.6g} eV, by least squares over training frames."
    assert made.remarks == (f"To the potential's energies are added, {told}",)
    others = np.setdiff1d(np.arange(16), train)
    data[others] += 100.0  # what no fit may look at
    np.testing.assert_array_equal(fitted(model(potential, shift="fitted"), frames, data).energy, made.energy)
    assert fitted(model(potential), frames, own).remarks == ()


def test_wrong_units_are_refused(tmp_path: Path, frames: Frames) -> None:
    """A potential in Bohr and Hartree that is declared in Å and eV: nearly everything lies beyond its ranges."""
    folder = write(tmp_path / "bohr", frames, settings(), units="bohr-hartree")
    message = (
        r"bohr: read in angstrom-ev, \d+ % of the atoms of 8 frames lie beyond the ranges of scaling\.data, read in "
        r"bohr-hartree 0 %; write units: bohr-hartree\.$"
    )
    with pytest.raises(DataError, match=message):
        fitted(model(folder), frames)
    fitted(model(folder, units="bohr-hartree"), frames)


def test_a_scaling_of_other_data_is_told(potential: Path, frames: Frames) -> None:
    """Atoms beyond the ranges are counted; most of them is a reason to ask for units and files."""
    wide = replace(frames, positions=frames.positions * 0.5)
    (first, *_) = fitted(model(potential), wide).remarks
    assert first.startswith("Of all atoms a share of ")
    assert first.endswith(
        "beyond the ranges that the potential was trained in; are its units right, and is scaling.data its own?"
    )
    one = frames.positions.copy()
    one[:10] *= 0.8
    (first, *_) = fitted(model(potential), replace(frames, positions=one)).remarks
    assert first.startswith("Of all atoms a share of 0.0")
    assert first.endswith(" lies beyond the ranges that the potential was trained in: it extrapolates.")


def test_changed_files_are_refused(potential: Path, frames: Frames) -> None:
    """Their digest was taken when the protocol was read."""
    with pytest.raises(DataError, match=r"pot: the potential has changed since the protocol was read; start again\.$"):
        fitted(model(potential, sha256="0" * 64), frames)


PROTOCOL = """
question: Is an imported potential better than a ridge?
data: {kind: file, path: input.data}
sets: {a: {functions: [{kind: G2, eta: 0.1, r_s: 0, r_c: 6.8}, {kind: G2, eta: 1, r_s: 3, r_c: 6.8}]}}
models:
  ridge: {kind: linear}
  theirs: {kind: n2p2, folder: pot, units: angstrom-ev}
variants: [{name: ours, set: a, model: ridge}, {name: theirs, model: theirs}]
repeats: 3
forces: true
split: {reserve: 0.25, validation: 0.25}
report: {formats: [html]}
analysis: {baseline: ours}
"""


def _frames_in(folder: Path, frames: Frames, *, element: int = 13) -> None:
    from bpbench.data import handed

    data = replace(frames, species=np.full(160, element))
    handed.write(folder / "input.data", data, np.arange(16), kind="input.data", units="angstrom-ev", labelled=True)


def test_a_study_of_an_imported_potential(
    tmp_path: Path, potential: Path, frames: Frames, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scored on the same splits by energies and forces; it draws nothing, so that all repeats share one result."""
    _frames_in(tmp_path, frames)
    (tmp_path / "p.yaml").write_text(PROTOCOL.replace("block_length", ""))
    monkeypatch.chdir(tmp_path)
    assert main(["run", "p.yaml", "--store", "store", "--jobs", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["findings"]
    theirs = found["variants"][1]
    assert theirs["set"] == "theirs: its own functions"
    assert theirs["inputs"] == 4
    assert found["pool"]["size"] == 2  # nobody described its functions
    assert found["jobs"]["distinct"] == 2
    assert found["models"][1]["values"]["folder"] == "pot"
    prepared = prepare(load(tmp_path / "p.yaml"), Store(tmp_path / "store"))
    (part,) = prepared.parts_of("theirs")
    made = imported.fit(
        model(potential),
        frames,
        Problem((), np.empty((0, 160)), frames.offsets, frames.energy, part.train, part.validation, part.test),
        key="study",
        forces=True,
    )
    test = part.test
    energy = metrics.score(frames.energy[test], made.energy[test], frames.atoms[test].astype(float))
    rows = np.concatenate([np.arange(10 * frame, 10 * frame + 10) for frame in test])
    assert frames.forces is not None
    forces = metrics.score_forces(frames.forces[rows], made.forces[rows])
    for key, value in {**energy, **forces}.items():
        assert theirs["summary"]["test"][key]["mean"] == pytest.approx(value, rel=1e-9), key
    page = next((tmp_path / "reports").rglob("report.html")).read_text()
    assert "is a potential that was trained elsewhere, by n2p2 or RuNNer" in page


def test_strange_elements_are_refused_before_anything_runs(tmp_path: Path, potential: Path, frames: Frames) -> None:
    """The potential knows aluminium and the data are copper."""
    assert potential.is_dir()
    _frames_in(tmp_path, frames, element=29)
    (tmp_path / "p.yaml").write_text(PROTOCOL)
    message = (
        r"p\.yaml, line 7, models\.theirs: the potential knows Al, and the data hold Cu; give it frames of its own el"
    )
    with pytest.raises(ProtocolError, match=message):
        prepare(load(tmp_path / "p.yaml"), Store(tmp_path / "store"))


def test_copper_sulphide_is_scored_as_a_job(tmp_path: Path, reference_data: Path) -> None:
    """Two elements, by the published potential itself: data that it made leave no error in energies or forces."""
    folder = reference_data / "reference" / "n2p2" / "predict" / "Cu2S_PBE"
    told = json.loads((folder / "expected.json").read_text())
    (structure,) = read_structures(folder / "input.data", units="angstrom-ev")
    published = replace(structure, energy=told["energy"], forces=np.array(told["forces"]))
    path = tmp_path / "input.data"
    write_structures(path, [published] * 8, units="angstrom-ev")
    chosen = N2p2("n2p2", str(folder), "angstrom-ev")
    source = readers.open_source(path, block_length=1)
    job = Train(MakeFrames(source), (), (), chosen, replace(SPLIT), 0, 0, score_forces=True)
    store = Store(tmp_path / "store")
    assert not execute([job], store).failures
    scores = store.load(job).values["scores"]["test"]
    assert scores["max"] < 1e-9
    assert scores["force_max"] < 1e-8


def test_a_study_of_copper_sulphide(
    tmp_path: Path, reference_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A protocol names the published potential, and a ridge with functions of its own for two elements beside it."""
    folder = reference_data / "reference" / "n2p2" / "predict" / "Cu2S_PBE"
    (structure,) = read_structures(folder / "input.data", units="angstrom-ev")
    potential = N2p2Potential(read_folder(folder, units="angstrom-ev"))
    rng = np.random.default_rng(1)
    frames = []
    for _ in range(12):
        moved = structure.positions + rng.normal(0, 0.02, structure.positions.shape)
        assert structure.cell is not None
        answer = potential.answer(moved, structure.cell, [True] * 3, structure.species)
        frames.append(replace(structure, positions=moved, energy=answer.energy, forces=answer.forces))
    write_structures(tmp_path / "input.data", frames, units="angstrom-ev")
    text = PROTOCOL.replace("folder: pot", f"folder: {folder}").replace("input.data}", "input.data, block_length: 1}")
    (tmp_path / "p.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert main(["run", "p.yaml", "--store", "store", "--jobs", "1", "--json"]) == 0
    ours, theirs = json.loads(capsys.readouterr().out)["findings"]["variants"]
    assert theirs["summary"]["test"]["max"]["max"] < 1e-9
    assert theirs["summary"]["test"]["force_max"]["max"] < 1e-8
    assert ours["summary"]["test"]["force_rmse"]["mean"] > 1.0

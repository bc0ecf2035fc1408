"""What a protocol says of potentials of n2p2 and of programs: their sets, their digests, and what is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from foreign_potential import settings, write

from bpbench.data import readers
from bpbench.errors import ProtocolError
from bpbench.formats.n2p2 import read_settings
from bpbench.inputs import lay_out
from bpbench.jobs import Command, N2p2
from bpbench.protocol import Protocol, load
from bpbench.roles import drawn
from bpbench.runner.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from bpbench.data.frames import Frames

TEXT = """question: Which is better?
data: {data}
sets: {{a: {{functions: [{{kind: G2, eta: 0.1, r_s: 0, r_c: 6.8}}]}}}}
models:
  ridge: {{kind: linear}}
  theirs: {model}
variants:
  - {{name: ours, set: a, model: ridge}}
  - {{name: theirs, {set}model: theirs{more}}}
repeats: 3
{end}
analysis: {{baseline: ours}}
"""
POTENTIAL = "{kind: n2p2, folder: pot, units: angstrom-ev}"


@pytest.fixture(scope="module")
def frames() -> Frames:
    whole = readers.read(readers.open_source(readers.SAMPLES["spaced"]))
    return whole.take(np.array([0, 200], dtype=np.int64))


@pytest.fixture(scope="module")
def potential(tmp_path_factory: pytest.TempPathFactory, frames: Frames) -> Path:
    return write(tmp_path_factory.mktemp("potential") / "pot", frames, settings())


@pytest.fixture
def folder(tmp_path: Path, potential: Path) -> Path:
    shutil.copytree(potential, tmp_path / "pot")
    (tmp_path / "train.py").write_text("pass")
    return tmp_path


def read(folder: Path, model: str = POTENTIAL, **changes: str) -> Protocol:
    path = folder / "p.yaml"
    said = {"data": "{kind: aluminium}", "set": "", "more": "", "end": "", **changes}
    path.write_text(TEXT.format(model=model, **said))
    return load(path)


def command(more: str = "", run: str = '[["./train.py", "{out}"]]') -> str:
    return f"{{kind: command, run: {run}{more}}}"


def test_a_potential_brings_its_own_set(folder: Path, tmp_path: Path) -> None:
    """No set is named; its functions become one, which nobody describes, and it draws nothing."""
    protocol = read(folder)
    theirs = protocol.contestant("theirs")
    assert theirs.set == "theirs: its own functions"
    assert protocol.feature_set(theirs.set).functions == settings().functions["Al"].functions
    assert protocol.undescribed == {theirs.set}
    model = protocol.models["theirs"]
    assert isinstance(model, N2p2)
    assert drawn(model) == ()
    assert len(model.sha256) == 64
    inputs = lay_out(protocol, Store(tmp_path / "store"))
    assert inputs.pool is not None
    assert len(inputs.pool) == 1
    assert len(inputs.sets[theirs.set]) == 4


def test_two_potentials_with_the_same_functions_see_one_set(folder: Path) -> None:
    """The set is called like the first of them."""
    two = f"{POTENTIAL}\n  again: {POTENTIAL[:-1]}, shift: fitted}}"
    protocol = read(folder, two, more="}\n  - {name: again, model: again")
    assert {protocol.contestant(name).set for name in ("theirs", "again")} == {"theirs: its own functions"}


def test_files_decide_and_not_where_they_lie(folder: Path, tmp_path: Path, potential: Path) -> None:
    """A changed weight is another model, another folder is not; a digest that is given is compared."""
    model = read(folder).models["theirs"]
    assert isinstance(model, N2p2)
    other = tmp_path / "other"
    shutil.copytree(potential, other / "pot")
    moved = read(other).models["theirs"]
    assert isinstance(moved, N2p2)
    assert moved.sha256 == model.sha256
    assert moved.folder != model.folder
    pinned = f"{POTENTIAL[:-1]}, sha256: {model.sha256}}}"
    assert read(folder, pinned).models["theirs"] == model
    weights = folder / "pot" / "weights.013.data"
    before = weights.read_text()
    weights.write_text(before.replace(" a         1 ", "1 a         1 ", 1))
    assert weights.read_text() != before
    message = r"line 6, models\.theirs\.sha256: the files in .*pot have the digest \w+, expected \w+\.$"
    with pytest.raises(ProtocolError, match=message):
        read(folder, pinned)


@pytest.mark.parametrize(
    ("model", "changes", "message"),
    [
        (
            "{kind: n2p2, folder: pot}",
            {},
            r"line 6, models\.theirs: the key 'units' is missing\.|theirs\.units: the key",
        ),
        (
            "{kind: n2p2, folder: pot, units: angstrom-hartree}",
            {},
            r"models\.theirs\.units: .*angstrom-ev.*bohr-hartree",
        ),
        (
            "{kind: n2p2, folder: gone, units: angstrom-ev}",
            {},
            r"models\.theirs\.folder: There is no folder .*gone; exp",
        ),
        (
            POTENTIAL,
            {"set": "set: a, "},
            r"variants\.1\.set: the potential 'theirs' has functions of its own; leave 'se",
        ),
        (
            POTENTIAL,
            {"data": "{kind: table, path: t.csv}"},
            r"needs structures, and the data are a table\.|the data are a",
        ),
        (
            POTENTIAL,
            {"end": "strategies: {s: {kind: backward, order: drop-one, set: a, model: theirs, margin: 1}}"},
            r"strategies\.s\.model: a strategy trains its model on set after set and weighs its inputs here, and 'thei",
        ),
        (command(), {}, r"line 9, variants\.1\.set: the key 'set' is missing\."),
        (
            command(run='["./train.py"]'),
            {"set": "set: a, "},
            r"models\.theirs\.run\.0: expected a list, found \"\./train\.py\"\.",
        ),
        (
            command(run=r'[["./train.py", "a\0b"]]'),
            {"set": "set: a, "},
            r"line 6: the text holds the control character '\\x00'; leave it out\.$",
        ),
        (command(run="[]"), {"set": "set: a, "}, r"models\.theirs\.run: expected at least 1, found 0\."),
        (
            command(run='[["./train.py", "{sed}"]]'),
            {"set": "set: a, "},
            r"models\.theirs\.run\.0: there is no placeholder '\{sed\}' for words; did you mean 'seed'\?$",
        ),
        (
            command(run='[["./train.py", "{functions}"]]'),
            {"set": "set: a, "},
            r"models\.theirs\.run\.0: there is no placeholder '\{functions\}' for words;",
        ),
        (
            command(", files: [gone.py]"),
            {"set": "set: a, "},
            r"models\.theirs\.files\.0: there is no file .*gone\.py\.$",
        ),
        (
            command(", files: [train.py], templates: [train.py]"),
            {"set": "set: a, "},
            r"models\.theirs\.templates\.0: in the program's folder there is a file 'train\.py' already; give this one",
        ),
        (
            command(", gives: energies.txt"),
            {"set": "set: a, "},
            r"models\.theirs\.gives: expected the name of a file that ends in \.csv, \.npz, .*, found 'energies\.txt'",
        ),
        (
            command(", gives: .csv"),
            {"set": "set: a, "},
            r"models\.theirs\.gives: expected the name of a file that ends in \.csv, \.npz, .*, found '\.csv'",
        ),
        (
            command(", gives: structures.data, reads: input.data"),
            {"set": "set: a, "},
            r"models\.theirs\.gives: 'structures\.data' lies in the program's folder before it runs, and would be read",
        ),
        (command(", gives: ../p.csv"), {"set": "set: a, "}, r"models\.theirs\.gives: expected the name of a file that"),
        (
            command(", forces: true"),
            {"set": "set: a, "},
            r"models\.theirs\.gives: a csv holds energies alone; with 'forces: true' expected a file that ends in \.np",
        ),
        (
            command(", files: [train.py], sha256: abc"),
            {"set": "set: a, "},
            r"models\.theirs\.sha256: the program's files have the digest \w+, expected abc\.$",
        ),
        (command(", limit: 0"), {"set": "set: a, "}, r"models\.theirs\.limit: .* greater than 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(folder: Path, model: str, changes: Any, message: str) -> None:
    """Each in a sentence that names file, line and path."""
    with pytest.raises(ProtocolError, match=message):
        read(folder, model, **changes)


def test_a_file_of_ours_is_not_overwritten(folder: Path) -> None:
    """A program's own file may not be called as those of structures are."""
    (folder / "train.extxyz").write_text("")
    with pytest.raises(
        ProtocolError, match=r"files\.0: in the program's folder there is a file 'train\.extxyz' already"
    ):
        read(folder, command(", files: [train.extxyz]"), set="set: a, ")


def test_no_file_of_a_program_stands_for_its_predictions(folder: Path) -> None:
    """What lies in its folder before it runs would be read as predicted, if it predicted nothing."""
    (folder / "p.csv").write_text("id,energy\n")
    message = r"models\.theirs\.gives: 'p\.csv' lies in the program's folder before it runs, .* another name\.$"
    with pytest.raises(ProtocolError, match=message):
        read(folder, command(", files: [p.csv], gives: p.csv"), set="set: a, ")


def test_a_template_is_text(folder: Path) -> None:
    """Placeholders are looked for in letters."""
    (folder / "input.nn").write_bytes(b"\xff\xfe{seed}")
    message = (
        r"models\.theirs\.templates\.0: a template is text in UTF-8, and .*input\.nn is none; name it under 'files'"
    )
    with pytest.raises(ProtocolError, match=message):
        read(folder, command(", templates: [input.nn]"), set="set: a, ")


def test_a_program_is_a_model_with_a_seed(folder: Path) -> None:
    """Its set is one of the protocol's, its paths count from the protocol's folder."""
    protocol = read(folder, command(", files: [train.py], forces: true, gives: p.npz"), set="set: a, ")
    model = protocol.models["theirs"]
    assert isinstance(model, Command)
    assert model.files == (str(folder / "train.py"),)
    assert drawn(model) == ("weights",)
    assert protocol.scores_forces
    assert protocol.undescribed == set()
    assert replace(model, files=()).sha256 == model.sha256 != ""


def test_a_potential_of_two_elements_brings_a_set_by_element(tmp_path: Path, reference_data: Path) -> None:
    """The published Cu2S potential: each element has functions of its own."""
    given = reference_data / "reference" / "n2p2" / "predict" / "Cu2S_PBE"
    protocol = read(tmp_path, f"{{kind: n2p2, folder: {given}, units: angstrom-ev}}")
    chosen = protocol.feature_set(protocol.contestant("theirs").set)
    told = read_settings(given / "input.nn", units="angstrom-ev").functions
    for element, seen in chosen.centres:
        assert [chosen.functions[place] for place in seen] == list(told[element].functions)
    assert [element for element, _ in chosen.centres] == ["S", "Cu"]

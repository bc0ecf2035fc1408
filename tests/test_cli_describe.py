"""``bpbench describe`` as a user meets it: files, tables made by strangers, mistakes, and runs that are cut short."""

from __future__ import annotations

import dataclasses
import json
import lzma
import signal
import subprocess
import sys
import time
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write

from bpbench import cli, cli_describe
from bpbench.data import foreign, pieces, readers
from bpbench.descriptors import values
from bpbench.descriptors.symmetry import describe_frames
from bpbench.features import G2, preset
from bpbench.formats.n2p2 import Structure, write_structures
from bpbench.units import ANGSTROM_PER_BOHR

Verb = Callable[..., tuple[int, str, str]]
TWENTY_TWO = preset("thesis-22")


@pytest.fixture
def bpbench(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Verb:
    """Return the command line within this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(["describe", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Three frames of 32, 31 and 4 Al atoms, cut out of a liquid, in a file of its own."""
    sample = readers.read(readers.sample_source())
    images = []
    for frame, atoms in ((300, 32), (301, 31), (10, 4)):
        where = sample.positions[sample.rows(frame)][:atoms]
        image = Atoms(f"Al{atoms}", positions=where, cell=sample.cells[frame], pbc=True, info={"group": f"g{atoms}"})
        image.calc = SinglePointCalculator(image, energy=-1.5 * atoms)
        images.append(image)
    write(tmp_path / "al.extxyz", images)
    return tmp_path / "al.extxyz"


def ours(path: Path, names: str = "thesis-22") -> Any:
    """Return our values of the frames of a file, shape (atoms, features)."""
    made = readers.read(readers.open_source(path))
    return describe_frames(preset(names).functions, made, 0, len(made)).T


# ------------------------------------------------------------------------------------------------------ values


def test_values_go_into_a_file(bpbench: Verb, frames: Path) -> None:
    """The file holds values, names, offsets and labels; single precision is that of the same values."""
    code, out, _ = bpbench("al.extxyz", "--features", "thesis-22", "--out", "x.npz")
    assert code == 0
    assert "Values: x.npz (67 × 22, float64)" in out
    with np.load("x.npz") as made:
        assert set(made.files) == {"values", "names", "offsets", "energy", "group", "id", "species"}
        np.testing.assert_array_equal(made["values"], ours(frames))
        assert made["values"].flags.c_contiguous
        assert made["names"].tolist() == list(TWENTY_TWO.names)
        assert made["offsets"].tolist() == [0, 32, 63, 67]
        assert made["energy"].tolist() == [-48.0, -46.5, -6.0]
        assert made["group"].tolist() == ["g32", "g31", "g4"]
        assert made["id"].tolist() == [0, 1, 2]
        assert set(made["species"].tolist()) == {13}
        assert len(made["species"]) == 67
    assert bpbench("al.extxyz", "--features", "thesis-22", "--out", "y.npz", "--precision", "float32")[0] == 0
    with np.load("y.npz") as made:
        np.testing.assert_array_equal(made["values"], ours(frames).astype(np.float32))


def test_portions_make_the_same_file(bpbench: Verb, frames: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Described a frame at a time, the file has the same bytes; progress is told on stderr."""
    bpbench(str(frames), "--features", "thesis-22", "--out", "x.npz")
    monkeypatch.setattr(values, "PORTION", 22 * 8 * 33)
    monkeypatch.setattr(cli_describe, "PATIENCE", -1.0)
    code, _, err = bpbench(str(frames), "--features", "thesis-22", "--out", "y.npz", "--threads", "1")
    assert code == 0
    assert err.splitlines() == ["1 of 3 frames are described.", "2 of 3 frames are described."]
    assert Path("x.npz").read_bytes() == Path("y.npz").read_bytes()


def test_progress_is_told_of_few_functions_too(bpbench: Verb, frames: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However little room the values take, no more than so many frames go by without a word."""
    assert values.AT_ONCE == 32
    sample = readers.read(readers.sample_source())
    assert max(last - first for first, last in values.portions(sample, 1)) == 32
    monkeypatch.setattr(values, "AT_ONCE", 2)
    monkeypatch.setattr(cli_describe, "PATIENCE", -1.0)
    assert bpbench(str(frames), "--features", "thesis-12", "--threads", "1")[2] == "2 of 3 frames are described.\n"


def test_without_a_file_there_is_a_table(bpbench: Verb, frames: Path) -> None:
    """Least, mean and greatest value of each function; of a long set some, and all of them as JSON."""
    code, out, _ = bpbench(str(frames), "--features", "thesis-22")
    assert code == 0
    assert out.splitlines()[0].startswith("al.extxyz: 3 frames, 67 atoms, ")
    row = next(line for line in out.splitlines() if line.startswith("G2(eta=0.2,rs=0,rc=6.8)"))
    column = ours(frames)[:, 6]
    assert row.split()[1:] == [f"{value:.5g}" for value in (column.min(), column.mean(), column.max())]
    _, out, _ = bpbench(str(frames), "--features", "thesis-329")
    assert "… 305 more (--json gives all) …" in out
    assert len(out.splitlines()) == 2 + 2 + 18 + 1 + 6
    told = json.loads(bpbench(str(frames), "--features", "thesis-329", "--json")[1])
    assert len(told["functions"]) == 329
    np.testing.assert_allclose([item["max"] for item in told["functions"]], ours(frames, "thesis-329").max(0))


def test_json_tells_the_cost(bpbench: Verb, frames: Path) -> None:
    """Counts, neighbours and the cost of one function, atom and neighbour, consistent with each other."""
    code, out, _ = bpbench(str(frames), "--features", "thesis-12", "--threads", "2", "--json", "--out", "x.npz")
    told = json.loads(out)
    assert code == 0
    assert {key: told[key] for key in ("frames", "atoms", "features", "threads", "out")} == {
        "frames": 3,
        "atoms": 67,
        "features": 12,
        "threads": 2,
        "out": "x.npz",
    }
    near = 0
    for image in read(frames, ":"):
        near += (image.get_all_distances(mic=True) < 6.8).sum() - len(image)  # the cell is wider than two cutoffs
    assert told["neighbours_per_atom"] == pytest.approx(near / 67)
    assert told["seconds"] > 0
    assert told["seconds_first"] > 0
    terms = 12 * 67 * told["neighbours_per_atom"]
    assert told["ns_per_function_atom_neighbour"] == pytest.approx(told["seconds"] * 1e9 / terms)
    assert told["names"] == list(preset("thesis-12").names)


# --------------------------------------------------------------------------------------------------- functions


def test_functions_come_from_files(bpbench: Verb, frames: Path) -> None:
    """A YAML file of functions, a set of a protocol in a file and of a shipped one, the embedded sample by its word."""
    Path("f.yaml").write_text("functions:\n- {kind: G2, eta: 1, r_s: 2.5, r_c: 5}\n")
    assert bpbench(str(frames), "--features", "f.yaml", "--out", "x.npz")[0] == 0
    with np.load("x.npz") as made:
        assert made["names"].tolist() == [G2(1, 2.5, 5).name]
    told = json.loads(bpbench(str(frames), "--features", "57vars", "--set", "D", "--json")[1])
    assert told["names"] == list(preset("thesis-57-D").names)
    assert told["set"] == "57vars.yaml, D"
    assert json.loads(bpbench("aluminium", "--features", "f.yaml", "--json")[1])["atoms"] == 112640


def test_elements_are_told_apart(bpbench: Verb, frames: Path) -> None:
    """--elements repeats each function for each neighbour; those that are not there give 0."""
    Path("f.yaml").write_text("functions:\n- {kind: G2, eta: 1, r_s: 2.5, r_c: 5}\n")
    code, out, _ = bpbench(str(frames), "--features", "f.yaml", "--elements", "Al,Cu", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["names"] == [G2(1, 2.5, 5, "Al").name, G2(1, 2.5, 5, "Cu").name]
    assert told["functions"][0]["max"] > 0
    assert told["functions"][1]["max"] == 0


def test_an_input_nn_says_its_functions(bpbench: Verb, frames: Path) -> None:
    """The functions of an element, in n2p2's order and in Å; units must be said; only its atoms are described."""
    lines = "symfunction_short Al 2 Al 0.1 0.0 10.0\nsymfunction_short Al 2 Al 0.05 0.0 10.0\n"
    Path("input.nn").write_text(f"number_of_elements 1\nelements Al\ncutoff_type 1\n{lines}")
    code, _, err = bpbench(str(frames), "--features", "input.nn")
    assert code == 2
    assert "input.nn does not say its units; add --units angstrom-ev or --units bohr-hartree." in err
    code, out, err = bpbench(str(frames), "--features", "input.nn", "--units", "bohr-hartree", "--json")
    assert code == 0, err
    eta, r_c = 0.05 / ANGSTROM_PER_BOHR**2, 10 * ANGSTROM_PER_BOHR
    made = readers.read(readers.open_source(frames))
    expected = describe_frames([G2(eta, 0, r_c)], made, 0, 3)[0]
    assert json.loads(out)["functions"][0]["mean"] == pytest.approx(expected.mean(), rel=1e-12)
    assert json.loads(out)["element"] == "Al"
    code, _, err = bpbench(str(frames), "--features", "input.nn", "--units", "angstrom-ev", "--element", "Cu")
    assert (code, "input.nn has functions for Al, not for Cu." in err) == (2, True)


def test_alloys_say_whose_neighbours_count(bpbench: Verb, frames: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In frames of two elements functions must tell them apart, and --element keeps the rows of one of them."""
    plain = readers.read(readers.open_source(frames))
    species = np.where(np.arange(67) % 3 == 0, 29, 13)
    alloy = dataclasses.replace(plain, species=species)
    monkeypatch.setattr(cli_describe, "_frames", lambda _: alloy)
    code, _, err = bpbench("alloy", "--features", "thesis-12")
    assert code == 2
    assert "The frames hold Al,Cu, and G2(eta=0.0013,rs=0,rc=6.8) does not say which neighbours count; tell" in err
    ask = ("alloy", "--features", "thesis-12", "--elements", "Al,Cu")
    assert bpbench(*ask, "--out", "all.npz")[0] == 0
    assert bpbench(*ask, "--element", "Cu", "--out", "cu.npz")[0] == 0
    with np.load("all.npz") as whole, np.load("cu.npz") as part:
        np.testing.assert_array_equal(whole["values"][species == 29], part["values"])
        assert part["offsets"].tolist() == [0, 11, 21, 23]
        assert part["species"].tolist() == [29] * 23
        # Both kinds of neighbours together are what a function that tells nothing apart sees.
        both = whole["values"].reshape(67, 12, 2).sum(axis=2)
        np.testing.assert_allclose(both, describe_frames(preset("thesis-12").functions, plain, 0, 3).T, rtol=1e-12)
    out = bpbench(*ask, "--element", "Cu", "--against", "cu.npz")[1]
    assert "All columns match (24 of 24)." in out
    code, _, err = bpbench(*ask, "--element", "Cu", "--against", "all.npz")
    assert (code, "expected the 23 atoms of 3 frames, found 67 rows of 3 frames; frame 0 has 11 atoms" in err) == (
        2,
        True,
    )


def test_a_sheet_is_drawn(bpbench: Verb, frames: Path) -> None:
    """--draw leaves a drawing beside whatever else was asked."""
    code, out, _ = bpbench(str(frames), "--features", "thesis-12", "--draw", "s.svg")
    assert code == 0
    assert "Sheet: s.svg" in out
    assert "<svg" in Path("s.svg").read_text(encoding="utf-8")


# ----------------------------------------------------------------------------------------------------- against


def dscribe(path: Path) -> Any:
    """Return DScribe's values of the 22 functions, with its own G1 left out."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*invalid escape sequence")
        from dscribe.descriptors import ACSF
    radial = [[g.eta, g.r_s] for g in TWENTY_TWO if isinstance(g, G2)]
    angular = [[g.eta, g.zeta, g.lam] for g in TWENTY_TWO if not isinstance(g, G2)]
    made = ACSF(species=["Al"], r_cut=6.8, g2_params=radial, g5_params=angular, periodic=True)
    images = read(path, ":")
    for image in images:
        image.wrap()
    return np.concatenate([made.create(image)[:, 1:] for image in images])


def test_dscribe_agrees(bpbench: Verb, frames: Path) -> None:
    """A table by DScribe matches in every column: as .npy, in single precision, and with six digits in a csv."""
    table = dscribe(frames)
    np.save("t.npy", table)
    np.save("single.npy", table.astype(np.float32))
    np.savez_compressed("t.npz", table)
    np.savetxt("t.csv", table, "%.6g", ",", header=",".join(f"G{n}" for n in range(22)), comments="")
    for name in ("t.npy", "single.npy", "t.npz", "t.csv"):
        code, out, err = bpbench(str(frames), "--features", "thesis-22", "--against", name)
        assert (code, err) == (0, "")
        assert "All columns match (22 of 22)." in out, name


def test_parquet_is_a_table(bpbench: Verb, frames: Path) -> None:
    """Columns of a parquet file in single precision match by position, its label left out."""
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = ours(frames).astype(np.float32)
    columns = {"frame": np.repeat([0, 1, 2], [32, 31, 4])} | {f"G{n}": table[:, n] for n in range(22)}
    parquet.write_table(pa.table(columns), "t.parquet")
    out = bpbench(str(frames), "--features", "thesis-22", "--against", "t.parquet")[1]
    assert "All columns match (22 of 22)." in out
    assert "Taken for labels: frame" in out


def test_every_kind_of_difference_is_told(bpbench: Verb, frames: Path) -> None:
    """One table with a factor, a scaling, two columns exchanged, another function, and the rest right."""
    table = ours(frames)
    table[:, 14] *= 2
    table[:, 3] = (table[:, 3] - table[:, 3].mean()) / table[:, 3].std()
    table[:, [5, 6]] = table[:, [6, 5]]
    table[:, 8] = np.sqrt(table[:, 8])
    frame = np.repeat([0, 1, 2], [32, 31, 4])
    header = ",".join(["frame", *(f"G{n + 1}" for n in range(22))])
    np.savetxt("t.csv", np.column_stack([frame, table]), "%.8f", ",", header=header, comments="")
    code, out, _ = bpbench(str(frames), "--features", "thesis-22", "--against", "t.csv")
    assert code == 0
    assert "   17  match" in out
    lines = {line.split()[0]: line for line in out.splitlines() if line.startswith("G")}
    assert set(lines) == {"G4", "G6", "G7", "G9", "G15"}
    assert f"= 2 × {TWENTY_TWO.names[14]}: every pair of neighbours is counted twice" in lines["G15"]
    assert "standardised with mean and standard deviation of these atoms" in lines["G4"]
    assert f"= {TWENTY_TWO.names[6]} (in the place of {TWENTY_TWO.names[5]})" in lines["G6"]
    assert lines["G9"].split("  ", 1)[1].strip().startswith(f"not {TWENTY_TWO.names[8]} (off by up to ")
    assert "Taken for labels: frame (--columns says otherwise)." in out
    told = json.loads(bpbench(str(frames), "--features", "thesis-22", "--against", "t.csv", "--json")[1])
    assert told["agree"] is False
    assert told["counts"] == {"match": 17, "factor": 1, "affine": 1, "moved": 2, "other": 1}
    assert [item["kind"] for item in told["columns"]][13:16] == ["match", "factor", "match"]
    assert told["left_out"] == ["frame"]


def test_columns_are_chosen(bpbench: Verb, frames: Path) -> None:
    """By name, by pattern, by number from 1; a column that is not there is refused with what is."""
    np.savetxt("t.csv", ours(frames), "%.9f", ",", header=",".join(f"G{n + 1}" for n in range(22)), comments="")
    ask = (str(frames), "--features", "thesis-22", "--against", "t.csv", "--columns")
    for words, count in ((["G3", "G7"], 2), (["G1*"], 11), (["2-4", "9"], 4), (["G1", "1"], 1)):
        code, out, _ = bpbench(*ask, *words)
        assert code == 0
        assert f"All columns match ({count} of {count})." in out
        assert f"No column for {22 - count} functions of ours" in out
    code, _, err = bpbench(*ask, "H")
    assert (code, "--columns: t.csv has no column 'H'; it has G1, G2, G3, G4, G5, G6, G7, G8, …" in err) == (2, True)
    code, _, err = bpbench(*ask, "20-23")
    assert (code, "--columns: t.csv has columns 1 to 22, found 20-23." in err) == (2, True)


@pytest.mark.parametrize("form", ["stored", "packed", "fortran", "rows of frames"])
def test_an_npz_is_read_some_rows_at_a_time(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One array without names is never held whole: 8 MB pass in stretches of 80 kB, column by column or row by row."""
    monkeypatch.setattr(pieces, "CELLS", 10_000)
    table = np.random.default_rng(5).random((100_000, 10))
    made: Any = np.asfortranarray(table) if form == "fortran" else table
    offsets = {"offsets": np.array([0, 40_000, 100_000])} if form == "rows of frames" else {}
    (np.savez_compressed if form == "packed" else np.savez)(tmp_path / "t.npz", values=made, **offsets)
    tracemalloc.start()
    opened = foreign.open_table(tmp_path / "t.npz", columns=["2-3", "10"])
    row = 0
    for part in opened.pieces():
        np.testing.assert_array_equal(part, table[row : row + len(part)][:, [1, 2, 9]])
        row += len(part)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert row == 100_000
    assert peak < 1_500_000
    assert opened.offsets is None or opened.offsets.tolist() == [0, 40_000, 100_000]


def test_our_own_file_is_a_table(bpbench: Verb, frames: Path) -> None:
    """What --out wrote matches by name, against any set that shares names with it."""
    bpbench(str(frames), "--features", "thesis-22", "--out", "x.npz", "--precision", "float32")
    assert "All columns match (22 of 22)." in bpbench(str(frames), "--features", "thesis-22", "--against", "x.npz")[1]
    out = bpbench(str(frames), "--features", "thesis-12", "--against", "x.npz")[1]
    assert "   12  match" in out
    assert "like none of ours; closest is G2(" in out


def test_rows_that_are_not_the_atoms_are_refused(bpbench: Verb, frames: Path) -> None:
    """Too few rows; frames of other sizes; an array of one dimension; text; an ending nobody knows."""
    ask = (str(frames), "--features", "thesis-22", "--against")
    table = ours(frames)
    np.save("short.npy", table[:-1])
    np.savez("other.npz", values=table, names=np.array(TWENTY_TWO.names), offsets=np.array([0, 31, 63, 67]))
    np.savez("fewer.npz", values=table[:63], names=np.array(TWENTY_TWO.names), offsets=np.array([0, 32, 63]))
    np.save("flat.npy", table[:, 0])
    np.save("words.npy", np.array([["a", "b"]]))
    Path("broken.npz").write_text("no")
    Path("t.txt").write_text("1 2 3")
    Path("text.csv").write_text("G1,phase\n0.5,solid\n")
    Path("labels.csv").write_text("frame,energy\n0,1\n")
    expected = {
        "short.npy": "short.npy: expected a row for each of the 67 atoms in 3 frames, found 66. Are these the same",
        "other.npz": "found 67 rows of 3 frames; frame 0 has 32 atoms and 31 rows in the table. Are these",
        "fewer.npz": "expected the 67 atoms of 3 frames, found 63 rows of 2 frames; the first 2 frames agree. Are",
        "flat.npy": "expected numbers in an array of 2 dimensions (atoms, features), found float64 in shape (67,).",
        "words.npy": "expected numbers in an array of 2 dimensions (atoms, features), found <U1 in shape (1, 2).",
        "broken.npz": "broken.npz: expected a table of numbers, but it cannot be read",
        "t.txt": "t.txt: expected a table whose name ends in .npz, .npy, .csv",
        "labels.csv": "labels.csv: all columns are labels by their name (frame, energy); choose with --columns.",
        "text.csv": "found 'solid' in row 1; list the descriptors with --columns if it is none of them.",
        "no.csv": "--against: there is no file no.csv.",
        "labels.cvs": "--against: there is no file labels.cvs; did you mean 'labels.csv'?",
        ".": "--against: expected a table, . is a folder.",
    }
    for name, sentence in expected.items():
        code, _, err = bpbench(*ask, name)
        assert code == 2, name
        assert sentence in err, (name, err)


def test_a_large_table_is_compared_on_frames_spread_evenly(
    bpbench: Verb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When all values would not fit, frames spread evenly are compared, with their rows, and it is said."""
    sample = readers.read(readers.sample_source())
    monkeypatch.setattr(foreign, "COMPARED", 12 * 256 * 4)
    functions = preset("thesis-12").functions
    table = np.zeros((len(sample.species), 12), dtype=np.float32)
    for frame in (0, 146, 293, 439):
        table[sample.rows(frame)] = describe_frames(functions, sample, frame, frame + 1).T
    np.save(tmp_path / "t.npy", table)
    out = bpbench("aluminium", "--features", "thesis-12", "--against", "t.npy")[1]
    assert "4 frames, 1024 atoms (spread evenly over 440 frames, as all would not fit into memory)" in out
    assert "All columns match (12 of 12)." in out


def test_values_of_runner_agree(bpbench: Verb, reference_data: Path, tmp_path: Path) -> None:
    """RuNNer's own testing.data of 814 Cu structures matches its input.nn to the last printed digit."""
    folder = reference_data / "reference" / "runner_cu"
    cells: list[list[list[float]]] = []
    atoms: list[list[list[float]]] = []
    with lzma.open(folder / "teststruct.data.xz", "rt") as lines:
        for words in map(str.split, lines):
            if len(words) == 2:
                cells.append([])
                atoms.append([])
            elif len(words) == 3:
                cells[-1].append([float(word) * ANGSTROM_PER_BOHR for word in words])
            else:
                atoms[-1].append([float(word) * ANGSTROM_PER_BOHR for word in words[1:4]])
    structures = [
        Structure(
            np.array(where),
            np.full(len(where), 29),
            0.0,
            np.zeros((len(where), 3)),
            np.array(cell),
            np.zeros(len(where)),
        )
        for cell, where in zip(cells, atoms, strict=True)
    ]
    write_structures(tmp_path / "input.data", structures, units="bohr-hartree")
    ask = ("input.data", "--features", str(folder / "input.nn"), "--units", "bohr-hartree", "--against")
    told = json.loads(bpbench(*ask, str(folder / "testing.data.xz"), "--json")[1])
    assert (told["frames"], told["atoms"], told["counts"]) == (814, 7250, {"match": 13})
    # The wrong number of structures, and a file without this element.
    write_structures(tmp_path / "input.data", structures[1:], units="bohr-hartree")
    err = bpbench(*ask, str(folder / "testing.data.xz"))[2]
    assert "expected the 7249 atoms of 813 frames, found 7250 rows of 814 frames; frame " in err
    Path("function.data").write_text("1\n13 1.0 2.0\n0.0 0.0 0.0 0.0\n")
    assert "function.data: no structure in it has an atom of Cu." in bpbench(*ask, "function.data")[2]


def test_a_table_of_two_elements_needs_one(tmp_path: Path) -> None:
    """A function.data has rows of another width for each element, so one must be chosen."""
    (tmp_path / "function.data").write_text("2\n13 1.0 2.0\n29 1.0\n0.0 0.0 0.0 0.0\n")
    with pytest.raises(foreign.RequestError, match="its rows differ between elements; choose the atoms to compare"):
        foreign.open_table(tmp_path / "function.data")
    table = foreign.open_table(tmp_path / "function.data", element="Al")
    assert (table.names, [part.tolist() for part in table.pieces()]) == (("1", "2"), [[[1.0, 2.0]]])


# -------------------------------------------------------------------------------------------------- wrong requests

WRONG = {
    "aluminum --features thesis-12": "There is no file aluminum; did you mean 'aluminium', the embedded sample?",
    "no.xyz --features thesis-12": "no.xyz: there is no such file.",
    "aluminium --features thesis-13": "there is neither a file nor a set called 'thesis-13'; did you mean 'thesis-12'?",
    "aluminium --features thesis-57-a": "--features: there is no set called 'thesis-57-a'; did you mean 'thesis-57-A'?",
    "aluminium --features no.yaml": "--features: there is no file no.yaml; did you mean 'one.yaml'?",
    "aluminium --features .": "--features: expected a file of functions, . is a folder.",
    "aluminium --features 57vars": "--features: 57vars is a protocol; choose one of its sets with --set.",
    "aluminium --features 57vars --set E": "57vars.yaml has no set 'E'; possible are 22, A, B, C, D",
    "aluminium --features 57var --set D": "--features: there is no protocol '57var'; did you mean '57vars'?",
    "aluminium --features thesis-12 --set D": "--set chooses among the sets of a protocol, and thesis-12 is none",
    "aluminium --features one.yaml --set D": "--set belongs to a protocol, and one.yaml has no 'sets'; leave it out.",
    "aluminium --features empty.yaml": "--features: empty.yaml holds no text; expected YAML with 'functions'",
    "aluminium --features list.yaml": "list.yaml: expected a mapping with the key 'functions', such as functions:",
    "aluminium --features typo.yaml": "typo.yaml, line 2, functions.0.etta: unknown key 'etta'; did you mean 'eta'?",
    "aluminium --features below.yaml": "below.yaml, line 2, functions.0: G2: the cutoff r_c must be positive (Å)",
    "aluminium --features twice.yaml": "twice.yaml, line 1, functions: A feature set names each symmetry function once",
    "aluminium --features thesis-12 --units bohr-hartree": "--units says those of an input.data or an input.nn, and",
    "aluminium --features thesis-12 --element Aluminium": "--element: expected a chemical symbol such as Al, found",
    "aluminium --features thesis-12 --elements Al,cu": "--elements: expected a chemical symbol such as Al, found 'cu'.",
    "aluminium --features thesis-12 --element Cu": "The functions are for atoms of Cu; the frames hold Al and none of",
    "aluminium --features thesis-12 --columns G1": "--columns names columns of a table; give the table with --against.",
    "aluminium --features thesis-12 --out x.npz --against one.yaml": "--against compares and writes nothing; leave out",
    "aluminium --features thesis-12 --out no/x.npz": "--out: there is no folder no; make it first.",
    "aluminium --features thesis-12 --out x.csv": "--out: expected a file ending in .npz, found x.csv.",
    "aluminium --features thesis-12 --out there.npz": "--out: there.npz exists; name another file, or replace it with",
    "aluminium --features thesis-12 --out folder.npz": "--out: folder.npz is a folder; name a file.",
    "aluminium --features thesis-12 --draw x.jpeg": "--draw: expected a file ending in .svg or .pdf or .png, found",
    "input.data --features thesis-12": "input.data does not say its units; add --units angstrom-ev or --units bohr",
}


@pytest.mark.parametrize("request_", WRONG)
def test_a_wrong_request_is_one_sentence(
    bpbench: Verb, request_: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each mistake ends with exit code 2 and its sentence before anything is described."""
    monkeypatch.setattr(values, "describe_frames", lambda *_, **__: pytest.fail("described before it refused"))
    for name, text in {
        "one": "functions:\n- {kind: G2, eta: 1, r_s: 0, r_c: 6}\n",
        "empty": "",
        "list": "- 1\n",
        "typo": "functions:\n- {kind: G2, etta: 1, r_s: 0, r_c: 6}\n",
        "below": "functions:\n- {kind: G2, eta: 1, r_s: 0, r_c: -1}\n",
        "twice": "functions:\n- {kind: G2, eta: 1, r_s: 0, r_c: 6}\n- {kind: G2, eta: 1, r_s: 0, r_c: 6}\n",
    }.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    (tmp_path / "there.npz").write_text("kept")
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "input.data").write_text("begin\n")
    before = sorted(tmp_path.iterdir())
    code, out, err = bpbench(*request_.split())
    assert (code, out) == (2, "")
    assert WRONG[request_] in err
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "there.npz").read_text() == "kept"
    code, out, _ = bpbench(*request_.split(), "--json")
    assert code == 2
    assert WRONG[request_] in json.loads(out)["error"]


def test_force_replaces(bpbench: Verb, frames: Path) -> None:
    """With --force the file that is there gives way, in one step: whoever has it open reads on in the old one."""
    Path("x.npz").write_text("old")
    with Path("x.npz").open() as old:
        assert bpbench(str(frames), "--features", "thesis-12", "--out", "x.npz", "--force")[0] == 0
        assert old.read() == "old"
    assert zipfile.is_zipfile("x.npz")


# ------------------------------------------------------------------------------------------------- cut short


@pytest.mark.parametrize(("blow", "code"), [(KeyboardInterrupt(), 130), (OSError(28, "No space left on device"), 2)])
def test_a_run_cut_short_leaves_what_was_there(
    bpbench: Verb, frames: Path, monkeypatch: pytest.MonkeyPatch, blow: BaseException, code: int
) -> None:
    """Ctrl-C or a full disk in the middle: no half file, no temporary one, and the old one untouched."""
    Path("x.npz").write_text("old")
    monkeypatch.setattr(values, "PORTION", 12 * 8 * 33)
    asked = []

    def described(*arguments: Any, **options: Any) -> Any:
        asked.append(arguments[2])
        if len(asked) > 2:
            raise blow
        return describe_frames(*arguments, **options)

    monkeypatch.setattr(values, "describe_frames", described)
    found, _, err = bpbench(str(frames), "--features", "thesis-12", "--out", "x.npz", "--force")
    assert found == code
    assert asked == [0, 0, 1]
    assert (
        "Interrupted. Nothing was written." if code == 130 else "cannot be written (No space left on device)"
    ) in err
    assert sorted(path.name for path in Path().iterdir()) == ["al.extxyz", "x.npz"]
    assert Path("x.npz").read_text() == "old"


def test_a_disk_without_room_is_refused(bpbench: Verb, frames: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is described, the room for the values is looked for."""
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 100})())
    code, _, err = bpbench(str(frames), "--features", "thesis-12", "--out", "x.npz")
    assert code == 2
    assert "x.npz: the values take 0.0 GiB and its disk has 0.0 GiB left; make room, or store them as float32." in err


def test_a_killed_run_leaves_no_half_file(tmp_path: Path) -> None:
    """Killed while it writes, the command line leaves nothing under the name that was asked for."""
    command = [
        sys.executable,
        "-m",
        "bpbench.cli",
        "describe",
        "aluminium",
        "--features",
        "thesis-329",
        "--out",
        "x.npz",
    ]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        until = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < until and not list(tmp_path.glob(".x.npz.*.part")):
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "x.npz").exists()
    assert len(list(tmp_path.glob(".x.npz.*.part"))) == 1

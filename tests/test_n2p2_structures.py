"""input.data and function.data: units, round trips and every refusal."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpbench import shipped
from bpbench.errors import DataError, ProtocolError, RequestError
from bpbench.formats.n2p2 import Structure, StructureValues, read_structures, read_values, write_structures
from bpbench.protocol import FileData, loads
from bpbench.units import ANGSTROM_PER_BOHR, EV_PER_HARTREE

GOOD = """\
begin set=test
comment two atoms,   and
comment a second line
lattice 4.0 0.0 0.0
lattice 0.5 5.0 0.0
lattice 0.0 0.0 6.0
atom 0.0 0.5 1.0 S -0.25 0.0 0.1 0.2 0.3
atom 1.0 1.5 2.0 Cu 0.25 0.0 -0.1 -0.2 -0.3
energy -7.5
charge 0.0
end

begin
atom\t0 0 0 Cu 1 0 1E-1 .5 3.
energy -2
comment after
end
"""


def _path(folder: Path, text: str, name: str = "input.data") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_structures_are_read(tmp_path: Path) -> None:
    """Cell or none, positions, elements, charges, forces, energy, comments and the sample."""
    first, second = read_structures(_path(tmp_path, GOOD), units="angstrom-ev")
    assert first.cell is not None
    np.testing.assert_array_equal(first.cell, [[4, 0, 0], [0.5, 5, 0], [0, 0, 6]])
    np.testing.assert_array_equal(first.positions, [[0, 0.5, 1], [1, 1.5, 2]])
    np.testing.assert_array_equal(first.forces, [[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]])
    assert first.species.tolist() == [16, 29]
    assert first.charges.tolist() == [-0.25, 0.25]
    assert (first.energy, first.charge, first.sample) == (-7.5, 0.0, "test")
    assert first.comment == "two atoms,   and\na second line"
    assert second.cell is None
    np.testing.assert_array_equal(second.forces, [[0.1, 0.5, 3.0]])
    assert (second.energy, second.charge, second.sample, second.comment) == (-2.0, 0.0, None, "after")


def test_structures_in_bohr_become_angstrom(tmp_path: Path) -> None:
    """Lengths, energies and forces change by their factors; charges do not."""
    path = _path(tmp_path, GOOD)
    for ours, theirs in zip(
        read_structures(path, units="angstrom-ev"), read_structures(path, units="bohr-hartree"), strict=True
    ):
        np.testing.assert_allclose(theirs.positions, ours.positions * ANGSTROM_PER_BOHR, rtol=1e-15)
        np.testing.assert_allclose(theirs.forces, ours.forces * EV_PER_HARTREE / ANGSTROM_PER_BOHR, rtol=1e-15)
        assert theirs.energy == pytest.approx(ours.energy * EV_PER_HARTREE, rel=1e-15)
        np.testing.assert_array_equal(theirs.charges, ours.charges)
        if ours.cell is not None:
            np.testing.assert_allclose(theirs.cell, ours.cell * ANGSTROM_PER_BOHR, rtol=1e-15)


def test_structures_come_one_at_a_time(tmp_path: Path) -> None:
    """What stands before a mistake is given before it is met."""
    structures = read_structures(_path(tmp_path, GOOD + "nonsense\n"), units="angstrom-ev")
    assert [next(structures).energy, next(structures).energy] == [-7.5, -2.0]
    with pytest.raises(DataError, match="line 18: expected 'begin', found 'nonsense'"):
        next(structures)


_NUMBERS = st.just(0.0) | st.floats(1e-200, 1e6) | st.floats(-1e6, -1e-200)
_COMMENTS = st.text(st.characters(categories=["L", "N", "P"]), max_size=20)


@st.composite
def _structures(draw: st.DrawFn) -> Structure:
    n = draw(st.integers(1, 4))

    def drawn(*shape: int) -> Any:
        count = int(np.prod(shape))
        return np.array(draw(st.lists(_NUMBERS, min_size=count, max_size=count))).reshape(shape)

    return Structure(
        positions=drawn(n, 3),
        species=np.array(draw(st.lists(st.integers(1, 118), min_size=n, max_size=n))),
        energy=draw(_NUMBERS),
        forces=drawn(n, 3),
        cell=drawn(3, 3) if draw(st.booleans()) else None,
        charges=drawn(n),
        charge=draw(_NUMBERS),
        comment=draw(_COMMENTS),
        sample=draw(st.sampled_from([None, "train", "test"])),
    )


@given(structures=st.lists(_structures(), max_size=3), units=st.sampled_from(["angstrom-ev", "bohr-hartree"]))
def test_written_structures_are_read_back(structures: list[Structure], units: Any) -> None:
    """To the last bit in Å and eV; in Bohr and Hartree to the rounding of two products."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "input.data.xz"
        write_structures(path, structures, units=units)
        found = list(read_structures(path, units=units))
    off = {"rtol": 0.0 if units == "angstrom-ev" else 2e-15, "atol": 0.0}
    assert len(found) == len(structures)
    for one, other in zip(found, structures, strict=True):
        for name in ("positions", "species", "energy", "forces", "charges", "charge"):
            np.testing.assert_allclose(getattr(one, name), getattr(other, name), **off)
        assert (one.cell is None) == (other.cell is None)
        if one.cell is not None:
            np.testing.assert_allclose(one.cell, other.cell, **off)
        assert (one.comment, one.sample) == (other.comment, other.sample)


@pytest.mark.parametrize(("suffix", "packer"), [(".xz", lzma.compress), (".gz", gzip.compress), (".bz2", bz2.compress)])
def test_packed_structures(tmp_path: Path, suffix: str, packer: Any) -> None:
    """A packed file holds what the plain one holds."""
    path = tmp_path / f"input.data{suffix}"
    path.write_bytes(packer(GOOD.encode()))
    assert [structure.energy for structure in read_structures(path, units="angstrom-ev")] == [-7.5, -2.0]


def _refused(path: Path, sentence: str, read: Any = read_structures) -> None:
    with pytest.raises(DataError, match=sentence) as caught:
        list(read(path, units="angstrom-ev"))
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("energy -7.5\n", "", r"line 10: the structure that begins in line 1 has no energy\.$"),
        ("lattice 0.5 5.0 0.0\n", "", r"line 10: the structure that begins in line 1 takes no or three .*, found 2\.$"),
        (
            "lattice 0.5",
            "lattice 1 0 0\nlattice 0.5",
            r"line 7: the structure of line 1 has three lattice lines already\.$",
        ),
        ("lattice 0.5 5.0 0.0", "lattice 0.5 5.0", r"line 5: 'lattice' takes 3 numbers, found 2\.$"),
        ("1.0 S -0.25", "1.0 Sx -0.25", r"line 7: there is no element 'Sx'\.$"),
        ("2.0 Cu", "2.0 CU", r"line 8: there is no element 'CU'; did you mean 'Cu'\?$"),
        (
            "-0.1 -0.2 -0.3",
            "-0.1 -0.2",
            r"line 8: 'atom' takes x y z element charge 0 fx fy fz \(9 values\), found 8\.$",
        ),
        ("-0.1 -0.2 -0.3", "-0.1 -0.2 ****", r"line 8: expected a number, found '\*\*\*\*'\.$"),
        ("-0.1 -0.2 -0.3", "-0.1 -0.2 nan", r"line 8: expected a number, found 'nan'\.$"),
        ("1.0 1.5", "1.0 1_5", r"line 8: expected a number, found '1_5'\.$"),
        ("energy -7.5", "energy", r"line 9: 'energy' takes 1 number, found 0\.$"),
        ("energy -7.5", "energy 1e999", r"line 9: expected a number, found '1e999'\.$"),
        ("charge 0.0", "energy 0.0", r"line 10: the structure of line 1 has a line 'energy' already\.$"),
        ("charge 0.0", "charg 0.0", r"line 10: there is no keyword 'charg'; did you mean 'charge'\?$"),
        ("end\n\n", "", r"line 11: 'begin' stands inside the structure of line 1, whose 'end' is missing\.$"),
        ("after\nend", "after", r": the structure that begins in line 13 has no 'end'; is the file whole\?$"),
        ("set=test", "set=exam", r"line 1: expected 'set=train', 'set=test' or nothing, found 'set=exam'\.$"),
        ("begin set=test\n", "", r"line 1: expected 'begin', found 'comment'\.$"),
        (
            "begin\natom\t0 0 0 Cu 1 0 1E-1 .5 3.",
            "begin",
            r"line 16: the structure that begins in line 13 has no atoms\.$",
        ),
    ],
)
def test_structures_that_are_refused(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    """One sentence with file and line for each way in which a structure is not whole."""
    assert old in GOOD
    _refused(_path(tmp_path, GOOD.replace(old, new, 1)), sentence)


def test_a_protocol_says_the_units_of_its_file() -> None:
    """Å and eV if it does not; other words are refused with the key."""
    protocol = (shipped("protocols") / "smoke.yaml").read_text(encoding="utf-8")
    sample = "{kind: aluminium, groups: [300 K solid, 1000 K liquid]}"
    assert sample in protocol
    for said, units in (("", "angstrom-ev"), (", units: bohr-hartree", "bohr-hartree")):
        data = loads(protocol.replace(sample, f"{{kind: file, path: input.data{said}}}")).data
        assert isinstance(data, FileData)
        assert data.units == units
    with pytest.raises(
        ProtocolError, match=r"data\.units: expected to be 'angstrom-ev' or 'bohr-hartree', found .bohr."
    ):
        loads(protocol.replace(sample, "{kind: file, path: input.data, units: bohr}"))


def test_files_and_units_that_are_refused(tmp_path: Path) -> None:
    """Missing and broken files; units that do not exist, even for an empty file."""
    _refused(tmp_path / "none.data", r"there is no such file or folder\.$")
    _refused(tmp_path, r"the file cannot be read \(Is a directory\)\.$")
    path = tmp_path / "short.data.gz"
    path.write_bytes(gzip.compress(GOOD.encode())[:-20])
    _refused(path, r"the file cannot be read \(.*end-of-stream.*\)\.$")
    with pytest.raises(RequestError, match="no units called 'eV'"):
        list(read_structures(_path(tmp_path, ""), units="eV"))  # type: ignore[arg-type]  # that is the point
    structures = read_structures(_path(tmp_path, GOOD), units="angstrom-ev")
    with pytest.raises(DataError, match=r"nowhere/input\.data: there is no such file or folder\.$"):
        write_structures(tmp_path / "nowhere" / "input.data", structures, units="angstrom-ev")


# ------------------------------------------------------------------------------------------------ function.data

VALUES = """\
     2
 16    0.5   1.5
 29    0.1   0.2   0.3
    0.0   -3.5  -3.0 -0.5
     1
 Cu    0.4   0.5   0.6
    1.0   -2.5  -2.5 0.0
"""


def test_values_are_read(tmp_path: Path) -> None:
    """Atoms by number or symbol, as many values as their element has, charge and energies per atom."""
    first, second = read_values(_path(tmp_path, VALUES), units="angstrom-ev")
    assert first.species.tolist() == [16, 29]
    assert [row.tolist() for row in first.values] == [[0.5, 1.5], [0.1, 0.2, 0.3]]
    assert (first.charge, first.energy, first.short_energy, first.electrostatic_energy) == (0.0, -3.5, -3.0, -0.5)
    assert first.of("Cu").tolist() == [[0.1, 0.2, 0.3]]
    assert first.of("Ni").shape == (0, 0)
    assert (second.species.tolist(), second.charge, second.energy) == ([29], 1.0, -2.5)
    hartree: StructureValues = next(read_values(tmp_path / "input.data", units="bohr-hartree"))
    assert hartree.energy == pytest.approx(-3.5 * EV_PER_HARTREE, rel=1e-15)
    assert hartree.short_energy == pytest.approx(-3.0 * EV_PER_HARTREE, rel=1e-15)
    assert hartree.electrostatic_energy == pytest.approx(-0.5 * EV_PER_HARTREE, rel=1e-15)
    assert hartree.of("S").tolist() == [[0.5, 1.5]]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "     2\n",
            "     3\n",
            r"line 4: expected atom 3 of the 3 atoms declared in line 1, found '0\.0 -3\.5 -3\.0 …'\.$",
        ),
        (
            "     2\n",
            "     1\n",
            r"line 3: expected charge, energy, .* after the 1 atom declared in line 1, found '29 0\.1",
        ),
        ("     2\n", "", r"line 1: expected the number of atoms of a structure, found '16 0\.5 1\.5'\.$"),
        ("     2\n", "     0\n", r"line 1: expected the number of atoms of a structure, found '0'\.$"),
        ("     2\n", "     two\n", r"line 1: expected the number of atoms of a structure, found 'two'\.$"),
        ("0.4   0.5   0.6", "0.4 0.5", r"line 6: expected 3 values for Cu, as in the lines before, found 2\.$"),
        ("0.4   0.5   0.6", "0.4 0.5 ***", r"line 6: expected a number, found '\*\*\*'\.$"),
        ("29    0.1   0.2   0.3", "29", r"line 3: expected atom 2 of the 2 atoms declared in line 1, found '29'\.$"),
        ("29 ", "290", r"line 3: expected atom 2 of the 2 atoms declared in line 1, found '290 0\.1 0\.2 …'\.$"),
        (
            "-2.5 0.0",
            "-2.5",
            r"line 7: expected charge, energy, .* after the 1 atom declared in line 5, found '1\.0 -2\.5",
        ),
        (
            "    1.0   -2.5  -2.5 0.0\n",
            "",
            r": expected charge, energy, .* declared in line 5, found the end of the file\.$",
        ),
        ("    1.0   -2.5  -2.5 0.0\n", "    1.0  -2.5  x 0.0\n", r"line 7: expected a number, found 'x'\.$"),
        (
            " Cu    0.4   0.5   0.6\n    1.0   -2.5  -2.5 0.0\n",
            "",
            r": expected atom 1 of the 1 atom declared in line 5, found the end of the file\.$",
        ),
    ],
)
def test_values_that_are_refused(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    """Rows that do not match what was declared, and numbers that are none, each with its line."""
    assert old in VALUES
    _refused(_path(tmp_path, VALUES.replace(old, new, 1), "function.data"), sentence, read_values)

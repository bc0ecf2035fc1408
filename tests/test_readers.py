"""Readers: labels, units and every refusal of a file that cannot be used."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms

from bpbench.data import archive, readers
from bpbench.errors import DataError


def _atoms(number: int = 0, *, symbols: str = "Al2", forces: bool = True, **info: Any) -> Atoms:
    rng = np.random.default_rng(number)
    atoms = Atoms(symbols, positions=[[0, 0, 0], [2, 2, 0.1 * number]], cell=[4.0, 4.1, 4.2], pbc=True)
    results: dict[str, Any] = {"energy": -3.0 - 0.25 * number}
    if forces:
        results["forces"] = rng.normal(size=(2, 3))
    atoms.calc = SinglePointCalculator(atoms, **results)
    atoms.info.update(info)
    return atoms


def _write(path: Path, images: list[Atoms]) -> Path:
    ase.io.write(path, images, format="extxyz")
    return path


def _replaced(path: Path, old: str, new: str, count: int = 1) -> Path:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, count), encoding="utf-8")
    return path


def test_a_written_file_is_read_back(tmp_path: Path) -> None:
    """Positions, cells, energies, forces, species and frame numbers are those that were written, in eV and Å."""
    images = [_atoms(number) for number in range(7)]
    frames = readers.read(readers.open_source(_write(tmp_path / "a.extxyz", images)))
    assert len(frames) == 7
    np.testing.assert_allclose(frames.positions, np.concatenate([a.positions for a in images]), atol=1e-8)
    np.testing.assert_allclose(frames.cells[3], np.diag([4.0, 4.1, 4.2]), atol=1e-8)
    np.testing.assert_allclose(frames.energy, [-3.0 - 0.25 * number for number in range(7)])
    np.testing.assert_allclose(frames.forces, np.concatenate([a.get_forces() for a in images]), atol=1e-8)
    assert set(frames.species.tolist()) == {13}
    assert frames.pbc.all()
    assert frames.id.tolist() == list(range(7))
    assert frames.energy.dtype == frames.positions.dtype == np.float64


@pytest.mark.parametrize(("suffix", "packer"), [(".xz", lzma.compress), (".gz", gzip.compress), (".bz2", bz2.compress)])
def test_packed_files_are_read_as_what_they_hold(tmp_path: Path, suffix: str, packer: Any) -> None:
    """Compression changes the digest and nothing else."""
    plain = _write(tmp_path / "a.extxyz", [_atoms(number, group="g") for number in range(3)])
    packed = tmp_path / f"a.extxyz{suffix}"
    packed.write_bytes(packer(plain.read_bytes()))
    one, other = (readers.read(readers.open_source(path)).to_arrays() for path in (plain, packed))
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name])


def test_a_vasp_outcar_is_read(tmp_path: Path) -> None:
    """A file of VASP's own kind passes: its energy is the one extrapolated to zero electronic temperature."""
    path = tmp_path / "OUTCAR"
    path.write_text(OUTCAR, encoding="utf-8")
    frames = readers.read(readers.open_source(path))
    assert frames.energy.tolist() == [-7.25]
    np.testing.assert_allclose(frames.positions, [[0, 0, 0], [2.025, 2.025, 0]])
    np.testing.assert_allclose(frames.forces, [[0.1, 0, 0], [-0.1, 0, 0]])


#: The lines of an OUTCAR that a reader needs, for two aluminium atoms.
OUTCAR = """\
 vasp.5.4.4 18Apr17
 POTCAR:    PAW_PBE Al 04Jan2001
   ions per type =               2
 ISPIN  =      1
 --------------------------------------- Iteration      1(   1)  ---------------------------------------
      direct lattice vectors                 reciprocal lattice vectors
     4.050000000  0.000000000  0.000000000     0.246913580  0.000000000  0.000000000
     0.000000000  4.050000000  0.000000000     0.000000000  0.246913580  0.000000000
     0.000000000  0.000000000  4.050000000     0.000000000  0.000000000  0.246913580

 POSITION                                       TOTAL-FORCE (eV/Angst)
 -----------------------------------------------------------------------------------
      0.00000      0.00000      0.00000         0.100000      0.000000      0.000000
      2.02500      2.02500      0.00000        -0.100000      0.000000      0.000000
 -----------------------------------------------------------------------------------

  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)
  ---------------------------------------------------
  free  energy   TOTEN  =        -7.26000000 eV

  energy  without entropy=       -7.24000000  energy(sigma->0) =       -7.25000000
"""


def test_forces_on_fixed_atoms_are_kept(tmp_path: Path) -> None:
    """Atoms that a program held fixed keep their computed forces; ASE's get_forces would show zeros."""
    atoms = _atoms(1)
    atoms.set_constraint(FixAtoms([0]))
    ase.io.write(tmp_path / "a.traj", [atoms])
    frames = readers.read(readers.open_source(tmp_path / "a.traj"))
    np.testing.assert_allclose(frames.forces, atoms.calc.results["forces"])


def test_groups_come_from_the_named_key_the_key_group_or_nowhere(tmp_path: Path) -> None:
    """Named key first, then `group` if every frame has it, else one group called 'all'."""
    images = [_atoms(number, group="gh"[number % 2], phase=300.0) for number in range(4)]
    path = _write(tmp_path / "a.extxyz", images)
    assert readers.read(readers.open_source(path)).group.tolist() == ["g", "h", "g", "h"]
    assert readers.read(readers.open_source(path, group="phase")).group.tolist() == ["300"] * 4
    del images[2].info["group"]
    assert readers.read(readers.open_source(_write(path, images))).group.tolist() == ["all"] * 4


def test_groups_can_be_chosen_and_frames_keep_their_numbers(tmp_path: Path) -> None:
    """Only the asked-for groups remain, numbered as in the file, and their blocks do not depend on the choice."""
    path = _write(tmp_path / "a.extxyz", [_atoms(number, group="gh"[number % 2]) for number in range(6)])
    frames = readers.read(readers.open_source(path, groups=("h",), block_length=2))
    assert frames.id.tolist() == [1, 3, 5]
    assert frames.block.tolist() == ["h/001", "h/001", "h/002"]
    np.testing.assert_allclose(frames.energy, [-3.25, -3.75, -4.25])


def test_blocks_are_read_or_cut_and_the_difference_is_kept(tmp_path: Path) -> None:
    """Named blocks are declared, cut ones are not, and the remarks say which."""
    path = _write(tmp_path / "a.extxyz", [_atoms(number, run=number // 4) for number in range(8)])
    named = readers.open_source(path, block="run")
    frames = readers.read(named)
    assert frames.blocks_declared
    assert frames.block.tolist() == ["0"] * 4 + ["1"] * 4
    assert "Blocks are read from the info key 'run' of each frame (2 blocks of 4 frames)." in readers.remarks(
        frames, named
    )
    cut = readers.open_source(path, block_length=2)
    frames = readers.read(cut)
    assert not frames.blocks_declared
    assert len(set(frames.block.tolist())) == 4
    said = " ".join(readers.remarks(frames, cut))
    assert "name no group, so all 8 form one, 'all'" in said
    assert "cut into 4 blocks of 2 frames (asked for: 2)" in said


def test_remarks_name_shared_blocks_groups_and_missing_forces(tmp_path: Path) -> None:
    """What a reader of the report could not guess is said in whole sentences."""
    images = [_atoms(number, forces=number != 2, run="x", kind="ab"[number % 2]) for number in range(4)]
    source = readers.open_source(_write(tmp_path / "a.extxyz", images), block="run", group="kind", groups=("a", "b"))
    frames = readers.read(source)
    assert frames.forces is None
    said = readers.remarks(frames, source)
    assert "Groups are read from the info key 'kind' of each frame (2 groups)." in said
    assert "Only these groups of the file are used: a, b." in said
    assert "Frames of more than one group share a block in 1 block, which no split cuts." in said
    assert "Not every frame carries forces, so none are used." in said
    assert all(sentence.endswith(".") for sentence in said)


def test_temperatures_are_read_where_their_key_is_named(tmp_path: Path) -> None:
    """Temperatures come in K from the named key, and only then."""
    path = _write(tmp_path / "a.extxyz", [_atoms(number, temp=100 * number) for number in range(3)])
    assert readers.read(readers.open_source(path)).temperature is None
    np.testing.assert_array_equal(
        readers.read(readers.open_source(path, temperature="temp")).temperature, [0, 100, 200]
    )


def test_the_embedded_sample_is_labelled_emt() -> None:
    """Whoever shows the sample is told that it is not density-functional theory."""
    source = readers.sample_source()
    said = readers.remarks(readers.read(source), source)
    assert "EMT" in readers.SAMPLE_LABEL
    assert "effective-medium theory (EMT), not of density-functional theory" in said[0]
    assert "The file declares 88 blocks of 5 frames." in said


def test_a_path_with_an_at_sign_is_a_path(tmp_path: Path) -> None:
    """ASE would take what follows an @ for a frame number."""
    path = _write(tmp_path / "run@2.extxyz", [_atoms(number) for number in range(4)])
    assert len(readers.read(readers.open_source(path))) == 4


# ------------------------------------------------------------------------------------------------------ refusals


def _refused(path: Path, sentence: str, **options: Any) -> None:
    with pytest.raises(DataError, match=sentence) as caught:
        readers.read(readers.open_source(path, **options))
    text = str(caught.value)
    assert text.startswith(str(path))
    assert text[-1] in ".?" or "possible are" in text or "did you mean" in text
    assert "\n" not in text


def test_missing_and_unreadable_files_are_refused(tmp_path: Path) -> None:
    """No file, a folder, no frames, nonsense, and a stream that ends too early."""
    good = _write(tmp_path / "good.extxyz", [_atoms(number) for number in range(3)])
    _refused(tmp_path / "god.extxyz", r"there is no such file; did you mean 'good\.extxyz'\?")
    _refused(tmp_path / "nowhere" / "x.xyz", r"there is no such file\.")
    _refused(tmp_path, "expected a file of frames, found a folder")
    for name, content in (
        ("empty.extxyz", b""),
        ("empty.npz", b""),
        ("binary.dat", bytes(range(256))),
        ("text.xyz", b"to be or\nnot to be\n"),
        ("short.extxyz", good.read_bytes()[:-30]),
        ("short.extxyz.xz", lzma.compress(good.read_bytes())[:-20]),
        ("short.extxyz.gz", gzip.compress(good.read_bytes())[:-20]),
        ("not.xz", b"not packed at all"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        _refused(path, r"cannot be read|ASE cannot read this file|holds no frames")
    (tmp_path / "README.md").write_text("# Title\n\nSome words.\n", encoding="utf-8")
    sentence = r"holds no frames; expected extended XYZ, an OUTCAR .*'begin'\), or bpbench's own \.npz\.$"
    _refused(tmp_path / "README.md", sentence)


def test_a_block_length_below_one_is_refused(tmp_path: Path) -> None:
    """Blocks of no frames cannot be cut."""
    path = _write(tmp_path / "a.extxyz", [_atoms()])
    _refused(path, "block_length must be 1 frame or more, found 0", block_length=0)


def test_a_file_that_changed_after_its_digest_is_refused(tmp_path: Path) -> None:
    """A result must not be filed under the digest of other data."""
    path = _write(tmp_path / "a.extxyz", [_atoms()])
    source = readers.open_source(path)
    _write(path, [_atoms(1)])
    with pytest.raises(DataError, match="the file has changed since it was opened"):
        readers.read(source)


def test_frames_without_energy_are_refused_by_number(tmp_path: Path) -> None:
    """The frame is named, and a key that looks like an energy is offered."""
    bare = Atoms("Al", cell=[3, 3, 3], pbc=True)
    path = _write(tmp_path / "a.extxyz", [_atoms(), _atoms(), Atoms("Al2", cell=[3, 3, 3], pbc=True)])
    _refused(path, r"frame 2: the frame carries no energy \(expected under 'energy', in eV; it has nothing like it\)")
    bare.info["dft_energy"] = -3.0
    _refused(_write(path, [bare]), r"frame 0: .*it has dft_energy, which ASE does not take for it")


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_numbers_that_are_not_finite_are_refused(tmp_path: Path, value: str) -> None:
    """NaN and infinity in energies, positions, forces and cells are found and named by frame."""
    path = tmp_path / "a.extxyz"
    images = [_atoms(0), _atoms(0), _atoms(0)]
    images[1].calc.results["energy"] = float(value)
    images[2].calc.results["energy"] = float(value)
    _refused(
        _write(path, images), r"frame 1: expected finite numbers, found a NaN or infinite energy \(and in 1 more\)"
    )
    images = [_atoms(0), _atoms(0)]
    images[1].calc.results["forces"][1, 2] = float(value)
    _refused(_write(path, images), r"frame 1: .* NaN or infinite force\.")
    images = [_atoms(0), _atoms(0)]
    images[0].positions[1, 2] = float(value)
    _refused(_write(path, images), r"frame 0: .* NaN or infinite position\.")
    _replaced(_write(path, [_atoms(0)]), "4.2", value)
    _refused(path, r"frame 0: .* NaN or infinite cell\.")


def test_missing_and_empty_labels_are_refused(tmp_path: Path) -> None:
    """A key that some frame lacks is named with that frame and the keys there are; values must make sense."""
    images = [_atoms(number, phase="x", temp=300, many=[1, 2]) for number in range(3)]
    del images[1].info["phase"]
    path = _write(tmp_path / "a.extxyz", images)
    _refused(path, "frame 1: there is no info key 'phase' for the group; possible are", group="phase")
    _refused(path, "frame 0: there is no info key 'phse' for the block; did you mean 'phase'", block="phse")
    _refused(path, "frame 0: there is no info key 'T' for the temperature; possible are", temperature="T")
    _refused(
        path, r"frame 0: the info key 'many' for the group must be one word or number, found '.1 2.'", group="many"
    )
    _refused(path, "frame 0: the info key 'many' must be a temperature in K, found", temperature="many")
    images[2].info["temp"] = -5
    _refused(_write(path, images), "frame 2: .*must be a temperature in K, found '-5'", temperature="temp")
    for image in images:
        image.info["empty"] = " "
    ase.io.write(tmp_path / "a.traj", images)
    _refused(
        tmp_path / "a.traj", "frame 0: the info key 'empty' for the block must be one word or number", block="empty"
    )


def test_an_empty_group_is_refused(tmp_path: Path) -> None:
    """A group that no frame belongs to is a mistake; the nearest is offered."""
    path = _write(tmp_path / "a.extxyz", [_atoms(0, group="Elastic"), _atoms(1, group="Surface")])
    _refused(path, "the group 'Elastik' is empty; did you mean 'Elastic'", groups=("Surface", "Elastik"))
    _refused(path, "no groups were asked for; possible are Elastic, Surface", groups=())


def test_several_elements_are_read(tmp_path: Path) -> None:
    """Alloys are frames like any other, to be described if not trained on; an atom without element is refused."""
    path = _write(tmp_path / "a.extxyz", [_atoms(0), _atoms(1, symbols="CuNi")])
    assert readers.read(readers.open_source(path)).elements == ["Al", "Ni", "Cu"]
    _refused(_write(path, [_atoms(0, symbols="AlX")]), "frame 0: an atom has no element")


def test_frames_without_energies_are_read_to_be_described_alone(tmp_path: Path) -> None:
    """Who only describes needs no energies; a frame without one has NaN, and whoever learns is refused."""
    bare = _atoms(1)
    bare.calc = None
    path = _write(tmp_path / "a.extxyz", [_atoms(0), bare])
    _refused(path, "frame 1: the frame carries no energy")
    frames = readers.read(readers.open_source(path), energies=False)
    assert np.isfinite(frames.energy).tolist() == [True, False]


def test_a_periodic_cell_without_volume_is_refused(tmp_path: Path) -> None:
    """Periodic directions need independent vectors; free directions need none."""
    atoms = _atoms()
    atoms.set_cell([[4, 0, 0], [4, 0, 0], [0, 0, 4]])
    path = _write(tmp_path / "a.extxyz", [_atoms(), atoms])
    _refused(path, "frame 1: the periodic cell has zero volume")
    atoms.pbc = [True, False, True]
    slab = readers.read(readers.open_source(_write(path, [atoms])))
    assert slab.pbc.tolist() == [[True, False, True]]
    molecule = Atoms("Al2", [[0, 0, 0], [0, 0, 2]])
    molecule.calc = SinglePointCalculator(molecule, energy=1.0)
    assert len(readers.read(readers.open_source(_write(path, [molecule])))) == 1


def test_an_n2p2_file_is_known_by_its_first_word(tmp_path: Path) -> None:
    """Whatever it is called, packed or not; lengths in the units said, no periods without a lattice, one group."""
    text = "\n \nbegin\nlattice 8 0 0\nlattice 0 8 0\nlattice 0 0 8\natom 0 0 2 Al 0 0 .1 .2 .3\nenergy -2\nend\n"
    text += "begin\natom 0 0 0 Al 0 0 0 0 0\natom 0 0 5 Al 0 0 0 0 0\nenergy -4\nend\n"
    path = tmp_path / "frames.xyz"
    path.write_text(text, encoding="utf-8")
    packed = tmp_path / "input.data.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    for file in (path, packed):
        source = readers.open_source(file)
        frames = readers.read(source)
        assert frames.pbc.tolist() == [[True] * 3, [False] * 3]
        assert frames.offsets.tolist() == [0, 1, 3]
        assert frames.energy.tolist() == [-2.0, -4.0]
        assert frames.group.tolist() == ["all", "all"]
        assert frames.block.tolist() == ["all/001", "all/001"]
        assert not frames.blocks_declared
        assert frames.temperature is None
        np.testing.assert_array_equal(frames.cells, [8 * np.eye(3), np.zeros((3, 3))])
        np.testing.assert_array_equal(frames.positions, [[0, 0, 2], [0, 0, 0], [0, 0, 5]])
        np.testing.assert_array_equal(frames.forces, [[0.1, 0.2, 0.3], [0, 0, 0], [0, 0, 0]])
        said = readers.remarks(frames, source)
        assert said[0] == "The file is an input.data of n2p2, which names no units; it was read as Å and eV."
        assert said[1] == "The frames name no group, so all 2 form one, 'all'."
    source = readers.open_source(packed, units="bohr-hartree")
    frames = readers.read(source)
    np.testing.assert_allclose(frames.positions[2], [0, 0, 5 * 0.529177210903], rtol=1e-15)
    np.testing.assert_allclose(frames.energy, [-2 * 27.211386245988, -4 * 27.211386245988], rtol=1e-15)
    np.testing.assert_allclose(frames.forces[0], np.array([0.1, 0.2, 0.3]) * 27.211386245988 / 0.529177210903)
    assert "it was read as Bohr and Hartree." in readers.remarks(frames, source)[0]


def test_an_n2p2_file_carries_no_labels_and_others_no_units(tmp_path: Path) -> None:
    """Keys that cannot mean anything are refused, and so is what is broken in it, with its line."""
    path = tmp_path / "input.data"
    path.write_text("begin\natom 0 0 0 Al 0 0 0 0 0\nenergy -4\nend\n", encoding="utf-8")
    for name in ("group", "block", "temperature"):
        _refused(path, f"an n2p2 file carries no labels; leave the key '{name}' out", **{name: "x"})
    _refused(path, "there are no units called 'bohr-hartre'; did you mean 'bohr-hartree'", units="bohr-hartre")
    other = _write(tmp_path / "a.extxyz", [_atoms()])
    _refused(other, r"units are said of an input\.data of n2p2 only, and this file is none", units="bohr-hartree")
    _refused(readers.SAMPLE, r"units are said of an input\.data of n2p2 only", units="bohr-hartree")
    path.write_text("begin\natom 0 0 0 Al 0 0 0 0 0\nend\n", encoding="utf-8")
    _refused(path, r"line 3: the structure that begins in line 1 has no energy\.")
    path.write_text("begin\natom 0 0 0 Al 0 0 0 0 0\n", encoding="utf-8")
    _refused(path, "the structure that begins in line 1 has no 'end'; is the file whole")


def test_our_own_file_has_labels_of_its_own(tmp_path: Path) -> None:
    """An .npz carries its groups and blocks; other keys cannot be asked of it."""
    assert readers.read(readers.open_source(readers.SAMPLE, group="group")).blocks_declared
    _refused(readers.SAMPLE, "holds its group under 'group', it has no key 'phase'", group="phase")
    one = readers.read(readers.sample_source()).take(np.arange(2))
    arrays = {name: array for name, array in one.to_arrays().items() if name != "temperature"}
    archive.save(tmp_path / "cold.npz", type(one).from_arrays(arrays))
    _refused(tmp_path / "cold.npz", "holds no temperatures", temperature="temperature")
    archive.save(tmp_path / "none.npz", one.take(np.arange(0)))
    _refused(tmp_path / "none.npz", "the file holds no frames")


# ----------------------------------------------------------------------------------------------------- real data


def test_copper_dft_frames_are_read_as_their_description_says(reference_data: Path) -> None:
    """254 copper frames of 6 to 108 atoms, with the energies and groups their README lists."""
    source = readers.open_source(reference_data / "dft" / "cu_snap_aimd_elastic_surface.extxyz.xz")
    frames = readers.read(source)
    assert len(frames) == 254
    assert int(frames.atoms.sum()) == 26422
    assert (frames.atoms.min(), frames.atoms.max()) == (6, 108)
    names, counts = np.unique(frames.group, return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == {"AIMD": 120, "Elastic": 122, "Surface": 12}
    per_atom = frames.energy / frames.atoms
    assert (round(per_atom.min(), 4), round(per_atom.max(), 4)) == (-4.1012, -3.5155)
    assert round(float(np.abs(frames.forces).max()), 1) == 10.3
    assert not frames.blocks_declared


def test_aluminium_dft_frames_from_1_to_48_atoms_are_read(reference_data: Path) -> None:
    """171 aluminium frames of very different sizes keep their atoms apart."""
    frames = readers.read(readers.open_source(reference_data / "dft" / "al_dftk_pbe_cells.extxyz.xz"))
    assert len(frames) == 171
    assert int(frames.atoms.sum()) == 2574
    assert (frames.atoms.min(), frames.atoms.max()) == (1, 48)
    assert {f"n{count}" for count in frames.atoms.tolist()} == {name.split("_")[1] for name in frames.group.tolist()}
    per_atom = frames.energy / frames.atoms
    assert (round(per_atom.min(), 4), round(per_atom.max(), 4)) == (-63.0723, -62.7179)

"""Symmetry functions against numbers that other programs printed (DScribe, aenet, RuNNer, n2p2)."""

from __future__ import annotations

import io
import json
import lzma
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bpbench.descriptors.symmetry import describe
from bpbench.elements import NUMBERS
from bpbench.features import G2, G4, G5
from bpbench.units import ANGSTROM_PER_BOHR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from descriptor_twin import Floats

    from bpbench.features import Feature

PERIODIC, OPEN = [True] * 3, [False] * 3


def _atoms(path: Path, index: int = 0) -> Any:
    from ase.io import read

    opened = lzma.open if path.suffix == ".xz" else open
    with opened(path, "rt") as lines:
        # ASE seeks to and fro, which is a hundred times slower in a compressed file than in its text.
        return read(io.StringIO(lines.read()), index, format="extxyz")


def _named(column: str, r_c: float) -> Feature | None:
    """Read a column title such as ``G5 eta=0.001 zeta=1 lambda=-1``; ``None`` for G1 and G3."""
    words = {key: float(number) for key, number in re.findall(r"(\w+)=(\S+)", column)}
    if column.startswith("G2"):
        return G2(words["eta"], words["Rs"], r_c)
    if column.startswith(("G4", "G5")):
        kind = G4 if column.startswith("G4") else G5
        return kind(words["eta"], words["zeta"], int(words["lambda"]), r_c)
    # G1, the sum of the cutoff functions, is G2 of no width.
    return G2(0.0, 0.0, r_c) if column.startswith("G1") else None


def test_dscribe_values_of_eleven_dft_frames(reference_data: Path) -> None:
    """All 27 columns that DScribe 2.1.2 gave for Al and Cu frames of 1 to 108 atoms agree to 1e-10 of their scale."""
    folder = reference_data / "dft"
    told = json.loads((folder / "dscribe_acsf_reference.json").read_text())
    functions = [_named(column, told["r_cut_A"]) for column in told["columns"]]
    values = np.load(folder / "dscribe_acsf_reference.npz")
    assert len(told["frames"]) == 11
    for frame in told["frames"]:
        atoms = _atoms(folder / frame["file"], frame["index"])
        expected = values[frame["key"]].T
        ours = describe(functions, atoms.positions, atoms.cell[:], atoms.pbc)
        scale = np.abs(expected).max(axis=1, keepdims=True)
        np.testing.assert_allclose(ours / scale, expected / scale, rtol=0, atol=1e-10, err_msg=frame["key"])


def test_aenet_values_of_eight_silicon_atoms(reference_data: Path) -> None:
    """G1, G2, G4 and G5 that kliff's tests take from aenet come out to the nine digits printed."""
    folder = reference_data / "reference" / "kliff_aenet_si"
    told = json.loads((folder / "expected.json").read_text())
    atoms = _atoms(folder / "Si.xyz")
    columns = {n: g for n, title in enumerate(told["columns"]) if (g := _named(title, told["r_cut"])) is not None}
    assert {type(g) for g in columns.values()} == {G2, G4, G5}
    ours = describe(list(columns.values()), atoms.positions, atoms.cell[:], atoms.pbc)
    np.testing.assert_allclose(ours, np.array(told["values"]).T[list(columns)], rtol=5e-9, atol=0)


def _runner_function(words: Sequence[str]) -> Feature:
    """Read the words of a ``symfunction_short`` line in Bohr into a function in Å."""
    kind = int(words[2])
    if kind == 2:
        eta, r_s, r_c = map(float, words[4:7])
        return G2(eta / ANGSTROM_PER_BOHR**2, r_s * ANGSTROM_PER_BOHR, r_c * ANGSTROM_PER_BOHR)
    eta, lam, zeta, r_c = map(float, words[5:9])
    return {3: G4, 9: G5}[kind](eta / ANGSTROM_PER_BOHR**2, zeta, int(lam), r_c * ANGSTROM_PER_BOHR)


def _runner_structures(path: Path) -> Iterator[tuple[Floats, Floats]]:
    """Yield (cell, positions) in Bohr; a structure is a line with its number, three of the cell, one for each atom."""
    with lzma.open(path, "rt") as lines:
        cell: list[list[str]] = []
        atoms: list[list[str]] = []
        for words in map(str.split, lines):
            if len(words) == 2:
                if atoms:
                    yield np.array(cell, dtype=float), np.array(atoms, dtype=float)
                cell, atoms = [], []
            elif len(words) == 3:
                cell.append(words)
            else:
                atoms.append(words[1:4])
        yield np.array(cell, dtype=float), np.array(atoms, dtype=float)


def _runner_values(path: Path) -> Iterator[Floats]:
    """Yield the table (atoms, functions) of each structure: a line with its count, one per atom, one of energies."""
    with lzma.open(path, "rt") as lines:
        for line in lines:
            yield np.array([next(lines).split()[1:] for _ in range(int(line))], dtype=float)
            next(lines)


def test_runner_values_of_copper(reference_data: Path) -> None:
    """RuNNer's raw G of every atom of 40 Cu structures, 12 Bohr wide, come out to the ten decimals printed."""
    folder = reference_data / "reference" / "runner_cu"
    lines = [line.split() for line in (folder / "input.nn").read_text().splitlines()]
    functions = [_runner_function(words) for words in lines if words and words[0] == "symfunction_short"]
    # RuNNer writes its functions sorted, not as they stand in input.nn.
    functions.sort(key=lambda g: (isinstance(g, G4), g.eta, getattr(g, "zeta", 0), getattr(g, "lam", 0)))
    assert [type(g) for g in functions] == [G2] * 5 + [G4] * 8
    pairs = zip(
        _runner_structures(folder / "teststruct.data.xz"), _runner_values(folder / "testing.data.xz"), strict=False
    )
    atoms = set()
    for (cell, positions), expected in islice(pairs, 0, 800, 20):
        atoms.add(len(expected))
        ours = describe(functions, positions * ANGSTROM_PER_BOHR, cell * ANGSTROM_PER_BOHR, PERIODIC)
        # Half a unit of the tenth decimal, and a little for our own rounding and the value of the Bohr.
        np.testing.assert_allclose(ours.T, expected, rtol=0, atol=5.1e-11)
    assert min(atoms) == 1
    assert max(atoms) > 40


def _n2p2_function(line: str) -> Feature:
    """Read ``El type El (El) …`` as n2p2 does, for its unit tests' cutoff tanh³(1 - r/R_c)."""
    words = line.split()
    if words[1] == "2":
        eta, r_s, r_c = map(float, words[3:6])
        return G2(eta, r_s, r_c, of=words[2], cutoff="tanh3")
    eta, lam, zeta, r_c, r_s = map(float, words[4:9])
    kind = {"3": G4, "9": G5}[words[1]]
    return kind(eta, zeta, int(lam), r_c, of=(words[2], words[3]), r_s=r_s, cutoff="tanh3")


def test_n2p2_unit_values(reference_data: Path) -> None:
    """n2p2's own unit tests of types 2, 3 and 9: with shifts, with tanh³, for one element and for three."""
    told = json.loads((reference_data / "reference" / "n2p2" / "expected_unit_values.json").read_text())
    told = told["symmetry_functions"]
    checked = 0
    for name in ("mono", "mixed"):
        structure = told["structures"][name]
        species = [NUMBERS[element] for element in structure["elements"]]
        for value in told[name]:
            if value["type"] in {2, 3, 9}:
                function = _n2p2_function(value["symfunction_short"])
                # Beside it one function for each element present, which n2p2 does not ask for.
                others = [G2(0.1, 0.0, 10.0, of=element) for element in dict.fromkeys(structure["elements"])]
                ours = describe([function, *others], structure["positions"], np.zeros((3, 3)), OPEN, species)
                assert ours[0, 0] == pytest.approx(value["value_atom0"], rel=0, abs=told["tolerance_abs"])
                checked += 1
    assert checked == 11

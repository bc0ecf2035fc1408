"""ASE's ``Atoms`` from frames and back, without a file between."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms

import bpbench
from bpbench.data import ase_files, readers
from bpbench.errors import DataError


def test_the_sample_comes_as_atoms(tmp_path: Path) -> None:
    """State points come by name with labels; what ASE writes of them is read back as the frames they were."""
    atoms = bpbench.sample_atoms("300 K solid", "1700 K liquid")
    assert len(atoms) == 80
    assert {one.info["group"] for one in atoms} == {"300 K solid", "1700 K liquid"}
    ase.io.write(tmp_path / "few.xyz", atoms[38:42])
    again = readers.read(readers.open_source(tmp_path / "few.xyz", block="block"))
    for frames in (again, ase_files.of_atoms(atoms[38:42])):
        for number, one in enumerate(atoms[38:42]):
            rows = frames.rows(number)
            # eight digits stand in the file
            np.testing.assert_allclose(frames.positions[rows], one.positions, atol=1e-7)
            np.testing.assert_allclose(frames.forces[rows], one.get_forces(), atol=1e-7)  # type: ignore[index]
            assert frames.energy[number] == pytest.approx(one.get_potential_energy(), rel=1e-9)
    assert list(again.group) == [one.info["group"] for one in atoms[38:42]]
    assert list(again.block) == [one.info["block"] for one in atoms[38:42]]


def test_frames_survive_the_way_there_and_back() -> None:
    """Everything but the labels, which become those of single frames, is as it was; also without forces."""
    whole = readers.read(readers.sample_source()).take(np.array([3, 100, 420]))
    back = ase_files.of_atoms(ase_files.to_atoms(whole))
    for item in fields(whole):
        if item.name in {"id", "group", "block", "temperature", "blocks_declared", "guard"}:
            continue
        np.testing.assert_array_equal(getattr(back, item.name), getattr(whole, item.name), err_msg=item.name)
    assert list(back.block) == ["0", "1", "2"]


def test_only_what_calculators_hold_is_taken() -> None:
    """Nothing is calculated, forces on fixed atoms are those that were computed, and one frame without has none."""
    held = Atoms("Al2", positions=[[0, 0, 0], [0, 0, 2.5]], constraint=FixAtoms([0]))
    held.calc = SinglePointCalculator(held, energy=1.5, forces=[[0, 0, -1.0], [0, 0, 1.0]])
    lazy = Atoms("Al2", positions=[[0, 0, 0], [0, 0, 2.5]], calculator=EMT())
    one = ase_files.of_atoms([held])
    assert one.energy[0] == 1.5
    np.testing.assert_array_equal(one.forces, [[0, 0, -1.0], [0, 0, 1.0]])
    both = ase_files.of_atoms([held, lazy])
    assert both.forces is None
    assert np.isnan(both.energy[1])
    assert not lazy.calc.results


@pytest.mark.parametrize(
    ("images", "told"),
    [
        ([], r"^There are no frames in the list; expected one ase\.Atoms or more\.$"),
        ([Atoms("Al"), Atoms()], r"^Frame 1 of the list holds no atoms; leave it out\.$"),
        ([3], r"^Frame 0 of the list is int, expected ase\.Atoms, as ase\.io\.read\(file, ':'\) returns them\.$"),
    ],
)
def test_what_is_no_frame_is_told(images: list[Any], told: str) -> None:
    with pytest.raises(DataError, match=told):
        ase_files.of_atoms(images)

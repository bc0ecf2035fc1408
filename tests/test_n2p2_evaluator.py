"""The tests' own evaluator of n2p2's files gives what n2p2 published, and its forces are slopes of its energies."""

from __future__ import annotations

import json
from pathlib import Path

import n2p2_evaluator as evaluator
import numpy as np
import pytest


def test_a_published_potential_gives_its_published_energy_and_forces(reference_data: Path) -> None:
    """144 atoms of Cu2S, types 2 and 3, softplus, sigma scaling, normalisation: n2p2's numbers to rounding."""
    folder = reference_data / "reference" / "n2p2" / "predict" / "Cu2S_PBE"
    told = json.loads((folder / "expected.json").read_text())
    potential = evaluator.read(folder)
    (structure,) = evaluator.read_structures(folder / "input.data")
    where = (structure["symbols"], structure["positions"], structure["cell"])
    energy, forces = evaluator.energy_and_forces(potential, *where)
    assert energy == pytest.approx(told["energy"], rel=0, abs=1e-11)
    np.testing.assert_allclose(forces, told["forces"], rtol=0, atol=1e-12)


def test_published_values_of_functions(reference_data: Path) -> None:
    """Types 2, 3 and 9 on clusters of 3 and 4 atoms, with shifts and tanh³, are those of n2p2's own tests."""
    told = json.loads((reference_data / "reference" / "n2p2" / "expected_unit_values.json").read_text())
    told, checked = told["symmetry_functions"], []
    for name in ("mono", "mixed"):
        structure = told["structures"][name]
        symbols, positions = np.array(structure["elements"]), np.array(structure["positions"], dtype=float)
        atoms, vectors = evaluator.neighbours(positions, None, 10.0)[0]
        centre = evaluator.Centre(atoms, vectors, symbols, (2, 0.0))
        for case in (case for case in told[name] if case["type"] in {2, 3, 9}):
            value = centre.value(evaluator.parsed(case["symfunction_short"].split()))
            assert value == pytest.approx(case["value_atom0"], rel=0, abs=told["tolerance_abs"]), case
            checked.append(case["type"])
    assert sorted(checked) == [2] * 4 + [3] * 5 + [9] * 2


@pytest.mark.parametrize("line", ["S 2 Cu 0.3 1.0 5.0", "S 3 S Cu 0.02 -1 4 5.0 0.5", "S 9 Cu Cu 0.05 1 2.5 5.0 0.5"])
@pytest.mark.parametrize("cutoff", [(1, 0.2), (2, 0.0), (3, 0.0), (4, 0.1), (5, 0.0), (6, 0.2), (7, 0.0), (8, 0.0)])
def test_slopes_are_those_of_values(line: str, cutoff: tuple[int, float]) -> None:
    """Every type with every cutoff function: the gradient by neighbours is the difference quotient."""
    rng = np.random.default_rng(8)
    vectors, symbols = rng.uniform(-2.5, 2.5, (6, 3)), np.array(["Cu", "S", "Cu", "Cu", "S", "Cu"])
    function = evaluator.parsed(line.split())

    def value(moved: np.ndarray) -> float:
        return evaluator.Centre(np.arange(6), moved, symbols, cutoff).value(function)

    centre, gradient = evaluator.Centre(np.arange(6), vectors, symbols, cutoff), np.zeros((6, 3))
    centre.pull(function, 1.0, gradient)
    centre.finish(gradient)
    for place in np.ndindex(6, 3):
        step = np.zeros((6, 3))
        step[place] = 1e-5
        assert gradient[place] == pytest.approx((value(vectors + step) - value(vectors - step)) / 2e-5, abs=2e-9)

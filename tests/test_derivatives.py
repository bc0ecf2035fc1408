"""Adjoint and tangent of the symmetry functions: finite differences, the law that binds them, and printed gradients."""

from __future__ import annotations

import itertools
import json
import math
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

import numpy as np
import pytest
from descriptor_twin import ALLOYED, MIXTURE, WAYS, ZOO, Animal, going_by, scale

from bpbench.descriptors import plan as plans
from bpbench.descriptors.symmetry import Evaluation, describe, evaluate
from bpbench.errors import DataError
from bpbench.features import CUTOFFS, G2, G4, G5, preset

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from descriptor_twin import Floats

    from bpbench.features import Feature


def _rattled(cells: int = 2) -> Animal:
    """Return rattled fcc aluminium, whose atoms have some 78 neighbours within 6.8 Å."""
    from ase.build import bulk

    atoms = bulk("Al", "fcc", a=4.05, cubic=True) * (cells, cells, cells)
    rattled = atoms.positions + np.random.default_rng(8).normal(0, 0.1, (len(atoms), 3))
    return Animal(rattled, np.array(atoms.cell), np.array(atoms.pbc))


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Iterator[None]:
    with going_by(request.param):
        yield


def _request(name: str, functions: Sequence[Feature]) -> Evaluation:
    animal = ZOO[name]
    return evaluate(functions, *animal, animal.species if functions is ALLOYED else None)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("functions", [MIXTURE, ALLOYED], ids=["one element", "alloy"])
@pytest.mark.parametrize("name", ZOO)
def test_the_tangent_is_the_slope_of_the_values(name: str, functions: tuple[Feature, ...]) -> None:
    """Moving all atoms a little changes every function as the tangent says, on skewed, tiny and open frames."""
    positions, cell, pbc = ZOO[name]
    species = ZOO[name].species if functions is ALLOYED else None
    v = np.random.default_rng(3).normal(size=positions.shape)
    told = _request(name, functions).tangent(v)

    def slope(h: float) -> Floats:
        ahead, behind = (describe(functions, positions + s * h * v, cell, pbc, species) for s in (1, -1))
        return (ahead - behind) / (2 * h)

    # Central differences of two steps, their h² errors taken out (Richardson).
    h = 2e-4
    measured = (4 * slope(h / 2) - slope(h)) / 3
    size = np.maximum(scale(describe(functions, positions, cell, pbc, species)), np.abs(told).max(axis=1)[:, None])
    np.testing.assert_allclose(told / size, measured / size, rtol=0, atol=2e-9)
    if len(positions) > 1:
        assert (np.abs(told).max(axis=1) > 0).mean() > 0.5


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("functions", [MIXTURE, ALLOYED], ids=["one element", "alloy"])
@pytest.mark.parametrize("name", ZOO)
def test_the_adjoint_is_the_transpose_of_the_tangent(name: str, functions: tuple[Feature, ...]) -> None:
    """Σ w·(J v) = Σ (Jᵀ w)·v to rounding for drawn w and v: one Jacobian, from both sides."""
    made = _request(name, functions)
    rng = np.random.default_rng(4)
    size = scale(made.values)
    w, v = rng.normal(size=made.values.shape) / size, rng.normal(size=(made.values.shape[1], 3))
    tangent, gradient = made.tangent(v), made.adjoint(w)
    whole = np.abs(w * tangent).sum() + np.abs(gradient * v).sum() + 1e-300
    assert abs((w * tangent).sum() - (gradient * v).sum()) / whole < 1e-13
    # Moving all atoms alike changes nothing, so the parts of a gradient add up to nothing.
    np.testing.assert_allclose(gradient.sum(axis=0), 0, atol=1e-12 * max(np.abs(gradient).max(), 1))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("functions", [MIXTURE, ALLOYED], ids=["one element", "alloy"])
@pytest.mark.parametrize("name", ZOO)
def test_slopes_by_strain_are_those_of_strained_frames(name: str, functions: tuple[Feature, ...]) -> None:
    """Positions and cell strained together change Σ w·G as told, on skewed, tiny and open frames."""
    rng = np.random.default_rng(9)
    # A pair of a perfect crystal may lie on the kink of a cutoff function, where one-sided curvatures differ.
    off = np.eye(3) + rng.normal(0, 0.01, (3, 3))
    positions, cell, pbc = ZOO[name].positions @ off, ZOO[name].cell @ off, ZOO[name].pbc
    species = ZOO[name].species if functions is ALLOYED else None
    made = evaluate(functions, positions, cell, pbc, species)
    w = rng.normal(size=made.values.shape) / scale(made.values)
    gradient, told = made.slopes(w)
    np.testing.assert_array_equal(gradient, made.adjoint(w))
    size = max(np.abs(told).max(), 1.0)
    np.testing.assert_allclose(told, told.T, rtol=0, atol=1e-12 * size)

    def slope(h: float, ways: Floats) -> float:
        strained = [np.eye(3) + s * h * ways for s in (1, -1)]
        ahead, behind = ((w * describe(functions, positions @ s, cell @ s, pbc, species)).sum() for s in strained)
        return float(ahead - behind) / (2 * h)

    for _ in range(3):
        ways, h = rng.normal(size=(3, 3)), 5e-5
        measured = (4 * slope(h / 2, ways) - slope(h, ways)) / 3
        assert (told * ways).sum() == pytest.approx(measured, rel=0, abs=2e-8 * size)


def test_moments_and_triplets_are_one_function() -> None:
    """Values, adjoint and tangent of the 60 angular functions agree both ways in the bulk, each to its rounding."""
    frame, functions = _rattled(), preset("thesis-329").functions[269:]
    rng = np.random.default_rng(5)
    w, v = rng.normal(size=(60, 32)), rng.normal(size=(32, 3))
    made = {}
    for way in WAYS:
        with going_by(way):
            one = evaluate(functions, *frame)
            made[way] = (one.values, one.adjoint(w / scale(one.values)), one.tangent(v))
    for by_moments, by_triplets in zip(made["moments"], made["triplets"], strict=True):
        size = scale(by_triplets)
        np.testing.assert_allclose(by_moments / size, by_triplets / size, rtol=0, atol=2e-13)
    np.testing.assert_allclose(made["moments"][0], made["triplets"][0], rtol=1e-12)


def _cone(neighbours: int, width: float, seed: int) -> Floats:
    """Draw one atom and its neighbours, all within a cone of some width (radian)."""
    rng = np.random.default_rng(seed)
    tilt, turn, r = width / 2 * np.sqrt(rng.random(neighbours)), 2 * np.pi * rng.random(neighbours), None
    r = np.linspace(2.0, 6.0, neighbours)
    around = np.stack([np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), np.cos(tilt)], axis=1)
    return np.vstack([np.zeros(3), r[:, None] * around])


@pytest.mark.parametrize(("neighbours", "width"), [(3, 0.5), (3, 0.1), (90, 0.5), (90, 0.1)])
def test_nearly_parallel_neighbours_keep_their_digits(neighbours: int, width: float) -> None:
    """λ = -1, ζ = 16 in a narrow cone: moments alone have lost the value, what is returned has nine digits of it."""
    from bpbench.descriptors import moments
    from bpbench.descriptors.elementary import Near
    from bpbench.descriptors.neighbours import neighbours as find

    where, function = _cone(neighbours, width, 6), G5(0.01, 16.0, -1, 6.8)
    value = describe([function], where, np.zeros((3, 3)), [False] * 3)[0, 0]
    r = np.linalg.norm(where[1:], axis=1)
    g = np.exp(-0.01 * r**2) * np.cos(0.5 * np.pi * r / 6.8) ** 2
    with localcontext(prec=60):
        vectors = [[Decimal(float(x)) for x in row] for row in where[1:]]
        lengths = [sum(x * x for x in v).sqrt() for v in vectors]
        units = [[x / length for x in v] for v, length in zip(vectors, lengths, strict=True)]
        terms = []
        for j, k in itertools.combinations(range(neighbours), 2):
            cosine = sum(a * b for a, b in zip(units[j], units[k], strict=True))
            terms.append(2 * g[j] * g[k] * float(((1 - cosine) / 2) ** 16))
    expected = math.fsum(terms)
    assert value == pytest.approx(expected, rel=1e-9, abs=0)
    near = find(where, np.zeros((3, 3)), [False] * 3, 6.8)
    (shell,) = plans.plan((function,))
    raw, doubtful = np.zeros((1, len(where))), np.zeros(len(where), dtype=bool)
    seen = Near(near.border, near.distance, near.vector / near.distance, near.vector)
    assert shell.moments is not None
    moments.moments(seen, shell.cut, shell.moments._replace(few=0), 0, len(where), raw, doubtful)
    # The case is real: without the fallback this is what would have been said.
    assert abs(raw[0, 0] / expected - 1) > 1e-3
    assert doubtful[0]


def test_neighbours_in_one_line_are_exact() -> None:
    """Neighbours exactly behind each other give 0 for λ = -1, those exactly opposite 0 for λ = +1."""
    line = [[0.0, 0, 0], [0, 0, 2.0], [0, 0, 4.0], [0, 0, 6.0]]
    opposite = [[0.0, 0, 0], [0, 0, 2.0], [0, 0, -2.5]]
    for where, lam in ((line, -1), (opposite, 1)):
        assert describe([G5(0.01, 16.0, lam, 6.8)], where, np.zeros((3, 3)), [False] * 3)[0, 0] == 0.0


@pytest.mark.parametrize("threads", [2, 3])
def test_no_number_depends_on_threads(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values, adjoint and tangent of 108 atoms are the same bits with one thread and with several."""
    monkeypatch.setattr("bpbench.descriptors.symmetry.TERMS", 1000)
    frame, functions = _rattled(3), (*MIXTURE, *preset("thesis-22"))
    rng = np.random.default_rng(7)
    w, v = rng.normal(size=(len(functions), 108)), rng.normal(size=(108, 3))
    one, several = evaluate(functions, *frame), evaluate(functions, *frame, threads=threads)
    np.testing.assert_array_equal(one.values, several.values)
    np.testing.assert_array_equal(one.adjoint(w), several.adjoint(w))
    np.testing.assert_array_equal(one.tangent(v), several.tangent(v))


@pytest.mark.parametrize("cutoff", CUTOFFS)
def test_forces_vanish_smoothly_at_the_cutoff(cutoff: str) -> None:
    """The derivative of every kind goes to 0 where an atom reaches R_c: no jump in a force."""
    functions = [G2(0.1, 0.5, 4.0, cutoff=cutoff), G5(0.05, 2, 1, 4.0, cutoff=cutoff), G4(0, 1, -1, 4.0, cutoff=cutoff)]

    def pull(r: float) -> Floats:
        where = np.array([[0.0, 0, 0], [1.9, 0.4, -0.3], [0, 0, r]])
        return evaluate(functions, where, np.zeros((3, 3)), [False] * 3).adjoint(np.ones((3, 3)))[2]

    near, nearer, beyond = (np.abs(pull(4.0 - step)).max() for step in (1e-2, 1e-3, -1e-3))
    assert nearer < 0.2 * near
    assert beyond == 0.0


def test_weights_and_velocities_of_another_shape_are_refused() -> None:
    """Adjoint and tangent say which shape they need."""
    made = evaluate([G2(0.1, 0, 4.5)], *ZOO["cluster"])
    with pytest.raises(DataError, match=r"Weights of the adjoint must have the shape \(1, 8\), found \(8,\)\."):
        made.adjoint(np.ones(8))
    with pytest.raises(DataError, match=r"Velocities of the tangent must have the shape \(8, 3\), found \(3, 8\)\."):
        made.tangent(np.ones((3, 8)))


def test_n2p2_cutoff_functions_and_their_slopes(reference_data: Path) -> None:
    """Eight of n2p2's cutoff functions and their derivatives at r = 2.4 and 0.3 of [0.6, 3.0] are ours."""
    told = json.loads((reference_data / "reference" / "n2p2" / "expected_unit_values.json").read_text())["cutoff"]
    types = dict(zip(CUTOFFS, ("COS", "TANHU", "TANH", "EXP", "POLY1", "POLY2", "POLY3", "POLY4"), strict=True))
    inside = {
        "TANHU": (3.6752000144553820e-01, -2.4982884456067705e-01),
        "TANH": (8.3197479809356334e-01, -5.6555099503099682e-01),
    }
    for cutoff, name in types.items():
        alpha = 0.0 if name.startswith("TANH") else told["alpha"]
        (value,) = (value for value in told["values"] if value["name"] == name)
        for r, f, df in ((told["r"], value["f"], value["df"]), (0.3, *inside.get(name, (1.0, 0.0)))):
            dimer = [[0.0, 0.0, 0.0], [0.0, 0.0, r]]
            made = evaluate(
                [G2(0.0, 0.0, told["r_c"], cutoff=cutoff, alpha=alpha)], dimer, np.zeros((3, 3)), [False] * 3
            )
            assert made.values[0, 0] == pytest.approx(f, rel=0, abs=told["tolerance_abs"]), (name, r)
            assert made.adjoint([[1.0, 0.0]])[1, 2] == pytest.approx(df, rel=0, abs=told["tolerance_abs"]), (name, r)


def test_aenet_gradients_of_silicon(reference_data: Path) -> None:
    """Gradients of G1, G2, G4 and G5 of one Si atom by all positions are those in kliff's tests, to their digits."""
    from ase.io import read

    folder = reference_data / "reference" / "kliff_aenet_si"
    told = json.loads((folder / "expected.json").read_text())
    functions = {
        "G1": G2(0.0, 0.0, told["r_cut"]),
        "G2 eta=0.01 Rs=0": G2(0.01, 0.0, told["r_cut"]),
        "G4 zeta=2 lambda=1 eta=0.003": G4(0.003, 2.0, 1, told["r_cut"]),
        "G5 zeta=2 lambda=1 eta=0.003": G5(0.003, 2.0, 1, told["r_cut"]),
    }
    assert set(functions) == set(told["grad_atom0"])
    atoms = read(folder / "Si.xyz")
    for name, function in functions.items():
        made = evaluate([function], atoms.positions, atoms.cell[:], atoms.pbc)
        weights = np.zeros((1, len(atoms)))
        weights[0, 0] = 1.0
        np.testing.assert_allclose(made.adjoint(weights), told["grad_atom0"][name], rtol=1e-5, atol=1e-8)


def test_forces_of_a_two_element_potential_are_n2p2s(reference_data: Path) -> None:
    """144 atoms of Cu2S: energy and all forces through n2p2's weights agree with n2p2's to 1e-11 and 1e-12."""
    from potential import energy_and_forces, read

    from bpbench.formats.n2p2 import read_structures

    folder = reference_data / "reference" / "n2p2" / "predict" / "Cu2S_PBE"
    told = json.loads((folder / "expected.json").read_text())
    potential = read(folder, "angstrom-ev")
    (structure,) = read_structures(folder / "input.data", units="angstrom-ev")
    energy, forces = energy_and_forces(potential, structure.positions, structure.cell, [True] * 3, structure.species)
    units = potential.settings.normalisation
    assert units is not None
    total = energy / units.conv_energy + len(structure.species) * units.mean_energy
    assert total == pytest.approx(told["energy"], rel=0, abs=1e-11)
    np.testing.assert_allclose(forces / units.conv_energy, told["forces"], rtol=0, atol=1e-12)


def test_forces_of_a_copper_potential_are_runners(reference_data: Path) -> None:
    """Forces of 20 Cu structures of 1 to 60 atoms, G2 and G4 of 12 Bohr, agree with RuNNer's to its eight decimals."""
    import lzma

    from potential import energy_and_forces, read
    from test_n2p2_reference import copper_frames

    from bpbench.units import ANGSTROM_PER_BOHR

    folder = reference_data / "reference" / "runner_cu"
    potential = read(folder, "bohr-hartree", "optweights.{:03d}.out")
    with lzma.open(folder / "testforces.000007.out.xz", "rt") as lines:
        told = np.array([line.split() for line in list(lines)[1:]], dtype=float)
    checked = 0
    for number, (cell, positions) in enumerate(copper_frames(folder / "teststruct.data.xz"), start=1):
        if number % 40 != 4:
            continue
        expected = told[told[:, 0] == number][:, 5:8]
        _, forces = energy_and_forces(potential, positions, cell, [True] * 3, np.full(len(positions), 29))
        # eV/Å of a network in Hartree, back to Hartree/Bohr
        np.testing.assert_allclose(forces * ANGSTROM_PER_BOHR, expected, rtol=0, atol=6e-9)
        checked += len(positions)
    assert checked > 150

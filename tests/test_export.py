"""Potentials said in n2p2's words: an evaluator that knows nothing of ours gives our energies and forces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import n2p2_evaluator as evaluator
import numpy as np
import pytest

from bpbench.data.frames import Frames
from bpbench.descriptors.symmetry import describe_frames
from bpbench.errors import RequestError
from bpbench.exchange import lammps
from bpbench.exchange.translation import require, translate
from bpbench.features import G2, G4, G5, Feature, FeatureSet
from bpbench.formats.n2p2 import order, read_scaling, read_settings
from bpbench.formats.n2p2_folder import read_folder
from bpbench.jobs import Command, Hdnn, LightGbm, Linear, N2p2, RandomForest
from bpbench.models import fit
from bpbench.models.contract import Problem
from bpbench.models.network import Network, initial, to_parameters
from bpbench.models.scaling import scaling
from bpbench.n2p2_potential import N2p2Potential
from bpbench.potential import Potential

#: Not in n2p2's order; the third is constant (nothing is so near), shifted and unshifted.
FUNCTIONS: tuple[Feature, ...] = (
    G5(0.03, 4, -1, 4.5),
    G2(0.4, 1.5, 4.5),
    G2(0.1, 0.0, 1.2),
    G4(0.01, 2, 1, 4.0, r_s=0.4),
    G2(0.05, 0.0, 4.5),
    G5(0.03, 1, 1, 4.5, r_s=0.7),
)
ACTIVATIONS = ("tanh", "logistic", "softplus", "relu", "gaussian")
SCALINGS = ("standard", "min-max", "centred", "centred-min-max")
#: Cells of 8 to 9 Å³ an atom: cubic, triclinic and left-handed, periodic in two directions, in one, in none.
CELLS = {
    "cube": (np.diag([5.0, 5.1, 5.2]), (True, True, True)),
    "triclinic": (np.array([[5.0, 0.4, -0.3], [3.9, 5.2, 0.2], [-0.6, 4.9, 5.4]]), (True, True, True)),
    "left-handed": (np.array([[0.3, 5.0, 0.1], [5.2, 0.4, 0.2], [1.0, 0.3, 5.1]]), (True, True, True)),
    "slab": (np.array([[5.0, 0.3, 0.0], [2.9, 5.1, 0.4], [0.0, 0.0, 30.0]]), (True, True, False)),
    "standing slab": (np.array([[0.0, 0.0, 0.0], [0.2, 5.1, 0.4], [0.1, 2.0, 6.0]]), (False, True, True)),
    "wire": (np.array([[0.0, 0.0, 0.0], [0.2, 5.1, 0.4], [0.0, 0.0, 0.0]]), (False, True, False)),
    "cluster": (np.zeros((3, 3)), (False, False, False)),
}


def frames(cell: str, *, count: int = 6, seed: int = 5) -> Frames:
    """Return rattled frames of a coarse grid of 8 atoms in one kind of cell."""
    rng = np.random.default_rng(seed)
    vectors, pbc = CELLS[cell]
    grid = np.array(list(np.ndindex(2, 2, 2))) * 2.5
    positions = np.concatenate([grid + rng.normal(0, 0.15, grid.shape) + rng.normal(0, 4) for _ in range(count)])
    return Frames(
        positions=positions,
        cells=np.repeat(vectors[None], count, axis=0),
        pbc=np.repeat(np.array(pbc)[None], count, axis=0),
        species=np.full(8 * count, 13),
        offsets=np.arange(count + 1) * 8,
        energy=rng.normal(-25.0, 1.0, count),
        forces=None,
        id=np.arange(count),
        group=np.array(["all"] * count),
        block=np.array([str(number) for number in range(count)]),
        temperature=None,
        blocks_declared=True,
    )


def problem(made: Frames, functions: tuple[Feature, ...] = FUNCTIONS) -> Problem:
    """Return the problem of learning their energies."""
    parts = np.array_split(np.arange(len(made)), 3)
    return Problem(
        names=tuple(function.name for function in functions),
        values=describe_frames(functions, made, 0, len(made)),
        offsets=made.offsets,
        energy=made.energy,
        train=np.concatenate(parts[:2]),
        validation=parts[2],
        test=parts[2][:0],
        elements=("Al",),
    )


def drawn(made: Frames, model: Hdnn, functions: tuple[Feature, ...] = FUNCTIONS) -> Potential:
    """Return a network with random weights and biases, scaled by the frames."""
    scales = scaling(problem(made, functions), model.scaling)
    rng = np.random.default_rng(3)
    layers = [
        (w.astype(np.float64), rng.normal(0, 0.4, len(b))) for w, b in initial(scales.kept.sum(), model.hidden, 7)
    ]
    network = Network(layers, activation=model.activation)
    return Potential(model, functions, scales.parameters() | to_parameters([network]), ("Al",))


def written(potential: Potential, folder: Path) -> evaluator.Potential:
    """Return the potential as the evaluator reads it from files."""
    for name, text in translate(potential, "D").files("a test").items():
        (folder / name).write_text(text)
    return evaluator.read(folder)


def differences(potential: Potential, files: evaluator.Potential, made: Frames, frame: int = 0) -> tuple[float, float]:
    """Return by how much energy and forces of a frame differ at most, eV and eV/Å."""
    rows, pbc = made.rows(frame), made.pbc[frame]
    ours = potential.answer(made.positions[rows], made.cells[frame], pbc, made.species[rows])
    assert np.abs(ours.forces).max() > 0.01
    cell = made.cells[frame] if pbc.all() else None
    energy, forces = evaluator.energy_and_forces(files, ["Al"] * 8, made.positions[rows], cell)
    return abs(energy - ours.energy), float(np.abs(forces - ours.forces).max())


@pytest.mark.parametrize(
    ("activation", "kind"),
    [*((activation, "standard") for activation in ACTIVATIONS), *(("gaussian", kind) for kind in SCALINGS[1:])],
)
def test_energies_and_forces_come_back_from_files_alone(activation: Any, kind: Any, tmp_path: Path) -> None:
    """Every activation and every scaling, functions out of order, shifted, one of them constant: to 1e-11."""
    made = frames("cube")
    potential = drawn(made, Hdnn("hdnn", (4, 3), activation=activation, scaling=kind))
    for number in range(2):
        energy, force = differences(potential, written(potential, tmp_path), made, number)
        assert energy < 1e-11
        assert force < 1e-11


def test_what_a_training_gives_comes_back(tmp_path: Path) -> None:
    """A network of one layer as trained, and ridge, which n2p2 has as a network of one linear node."""
    made = frames("triclinic")
    for model in (Hdnn("hdnn", (5,), epochs=3, scaling="min-max"), Linear("linear", strengths=(1e-8,))):
        fitted = fit(model, problem(made), weights_seed=1, order_seed=2)
        potential = Potential(model, FUNCTIONS, fitted.parameters, ("Al",))
        files = written(potential, tmp_path)
        energy, force = differences(potential, files, made, 5)
        assert energy < 1e-11
        assert force < 1e-11
        rows = made.rows(5)
        answer, _ = evaluator.energy_and_forces(files, ["Al"] * 8, made.positions[rows], made.cells[5])
        assert answer == pytest.approx(fitted.energy[5], rel=0, abs=1e-10)
    assert files.activations == ["l", "l"]
    assert [weights.shape for weights, _ in files.layers["Al"]] == [(5, 1), (1, 1)]


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize(
    "model", [Hdnn("hdnn", (4, 3), epochs=2, activation="gaussian"), Linear("linear", strengths=(1e-8,))]
)
def test_two_elements_come_back_from_files_alone(model: Any, own: bool, tmp_path: Path) -> None:
    """A copper-silver alloy as trained, with one set for both or with sets of their own: to 1e-11, every frame."""
    made = frames("triclinic", count=9)
    species = np.random.default_rng(2).choice([29, 47], len(made.species))
    made = replace(made, species=species, energy=made.energy - np.add.reduceat(species == 29, made.offsets[:-1]))
    functions = FeatureSet(FUNCTIONS).resolved(("Cu", "Ag")).functions
    count = len(functions)
    centres = (("Cu", (3, 7, 0, 9, 11)), ("Ag", (*range(5, count), 0, 1))) if own else ()
    asked = replace(
        problem(made, functions), elements=("Cu", "Ag"), kind=(species == 47).astype(np.int64), centres=centres
    )
    fitted = fit(model, asked, weights_seed=1, order_seed=2)
    potential = Potential(model, functions, fitted.parameters, ("Cu", "Ag"), centres)
    files = written(potential, tmp_path)
    assert sorted(path.name for path in tmp_path.glob("weights*")) == ["weights.029.data", "weights.047.data"]
    assert list(files.atom_energy) == ["Cu", "Ag"]
    assert abs(files.atom_energy["Cu"] - files.atom_energy["Ag"]) > 0.1
    still = tuple(function.name for function in functions if function.r_c == 1.2)
    assert translate(potential, "D").dropped == {"Cu": () if own else still, "Ag": still}
    for number in range(len(made)):
        rows = made.rows(number)
        where = (made.positions[rows], made.cells[number])
        ours = potential.answer(*where, made.pbc[number], made.species[rows])
        symbols = np.where(made.species[rows] == 29, "Cu", "Ag").tolist()
        energy, forces = evaluator.energy_and_forces(files, symbols, *where)
        assert energy == pytest.approx(fitted.energy[number], rel=0, abs=1e-10)
        assert energy == pytest.approx(ours.energy, rel=0, abs=1e-11)
        assert np.abs(ours.forces).max() > 0.003
        np.testing.assert_allclose(forces, ours.forces, rtol=0, atol=1e-11)
    # and it comes home: what left is a potential of n2p2's like any other
    back = N2p2Potential(read_folder(tmp_path, units="angstrom-ev"))
    again = back.answer(*where, made.pbc[-1], made.species[rows])
    assert again.energy == pytest.approx(ours.energy, rel=0, abs=1e-11)
    np.testing.assert_allclose(again.forces, ours.forces, rtol=0, atol=1e-11)
    for element, layers in translate(potential, "D").layers.items():
        for ours_of, theirs in zip(layers, back.trained.weights[element], strict=True):
            for one, other in zip(ours_of, theirs, strict=True):
                np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("cutoff", ["tanh3", "exp", "poly2"])
def test_other_cutoff_functions_are_said(cutoff: str, tmp_path: Path) -> None:
    """One cutoff function for all, with an inner radius where it knows one."""
    made = frames("cube")
    alpha = 0.0 if cutoff == "tanh3" else 0.3
    functions = tuple(replace(function, cutoff=cutoff, alpha=alpha) for function in FUNCTIONS)
    potential = drawn(made, Hdnn("hdnn", (4,)), functions)
    assert max(differences(potential, written(potential, tmp_path), made)) < 1e-11


@pytest.mark.parametrize("kind", SCALINGS)
def test_ranges_are_those_of_the_training_atoms(kind: Any, tmp_path: Path) -> None:
    """Whatever the scaling, scaling.data holds least, most, mean and sigma over the training atoms, in n2p2's order."""
    made = frames("cube")
    asked = problem(made)
    written(drawn(made, Hdnn("hdnn", (2,), scaling=kind)), tmp_path)
    settings = read_settings(tmp_path / "input.nn", units="angstrom-ev")
    told = read_scaling(tmp_path / "scaling.data", settings, units="angstrom-ev").elements["Al"]
    kept = [number for number in range(len(FUNCTIONS)) if number != 2]
    places = [kept[at] for at in order([FUNCTIONS[number] for number in kept])]
    seen = asked.values[places][:, : 8 * len(asked.train)]
    np.testing.assert_allclose(told.minimum, seen.min(axis=1), rtol=0)
    np.testing.assert_allclose(told.maximum, seen.max(axis=1), rtol=0)
    np.testing.assert_allclose(told.mean, seen.mean(axis=1), rtol=1e-14)
    np.testing.assert_allclose(told.sigma, seen.std(axis=1, ddof=1), rtol=1e-13)
    wanted = {"standard": "sigma", "min-max": "scale", "centred": "center", "centred-min-max": "scale-center"}
    assert settings.scaling == wanted[kind]
    assert [function.elements for function in settings.functions["Al"]] == [("Al",)] * 2 + [("Al", "Al")] * 3


def test_extrapolation_is_told_alike(tmp_path: Path) -> None:
    """Values outside the training ranges, where atoms lie closer, are as many to the evaluator as to us."""
    made = frames("cube")
    potential = drawn(made, Hdnn("hdnn", (2,)))
    files, rows = written(potential, tmp_path), made.rows(0)
    narrow = (0.995 * made.positions[rows], 0.995 * made.cells[0])
    ours = potential.answer(*narrow, made.pbc[0], made.species[rows]).beyond
    assert 0 < evaluator.beyond(files, ["Al"] * 8, *narrow) == int(ours.sum()) < 40
    assert translate(potential, "D").rows == {"Al": (4, 1, 3, 0, 5)}


def test_constant_functions_are_named() -> None:
    """What was dropped is in no file, and is told."""
    said = translate(drawn(frames("cube"), Hdnn("hdnn", (2,))), "D")
    assert said.dropped == {"Al": ("G2(eta=0.1,rs=0,rc=1.2)",)}
    assert len(said.settings.functions["Al"]) == 5


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (
            RandomForest("random-forest"),
            r"the model of 'D' is a random-forest, which they cannot say; export a variant",
        ),
        (LightGbm("lightgbm"), r"the model of 'D' is a lightgbm, which they cannot say; export a variant whose model"),
        (
            N2p2("n2p2", "Cu2S", "angstrom-ev"),
            r"^'D' is a potential of n2p2's own: its files are in Cu2S already, there",
        ),
        (
            Command("command", (("train",),)),
            r"^'D' is trained by a program of its own, whose weights only that program",
        ),
        (
            Hdnn("hdnn", skip=True),
            r"^n2p2's files cannot say a linear skip, which the network of 'D' has; train it with",
        ),
        (Hdnn("hdnn", ensemble=4), r"for each element, and 'D' is an ensemble of 4; train it with ensemble: 1 and"),
    ],
)
def test_what_n2p2_cannot_say_is_refused_by_name(model: Any, told: str) -> None:
    with pytest.raises(RequestError, match=told):
        require(model, "D")


def test_several_cutoff_functions_are_refused_by_name() -> None:
    made = frames("cube")
    functions = (*FUNCTIONS[:2], G2(0.2, 0.0, 4.5, cutoff="poly2", alpha=0.1))
    told = (
        r"^'D' cannot be said in n2p2's files: An input\.nn has one cutoff function for all its functions, found cos"
        r" with alpha=0, poly2 with alpha=0\.1\.$"
    )
    with pytest.raises(RequestError, match=told):
        translate(drawn(made, Hdnn("hdnn", (2,)), functions), "D")


def test_a_function_that_is_there_twice_is_refused_by_name() -> None:
    """With and without its element it is one function to n2p2."""
    functions = (G2(0.2, 0.0, 4.5), G2(0.2, 0.0, 4.5, of="Al"))
    with pytest.raises(RequestError, match=r"^'D' cannot be said in n2p2's files: A feature set names each symmetry"):
        translate(drawn(frames("cube"), Hdnn("hdnn", (2,)), functions), "D")


def test_an_element_without_a_function_that_varies_is_refused() -> None:
    potential = drawn(frames("cube"), Hdnn("hdnn", (2,)))
    still = replace(potential, parameters=potential.parameters | {"kept": np.zeros(6)})
    with pytest.raises(
        RequestError, match=r"^'D' cannot be said in n2p2's files: all functions of Al are constant over"
    ):
        translate(still, "D")


def read_data(text: str) -> tuple[Any, Any, list[str]]:
    """Return cell, positions and symbols of a data file of LAMMPS of one element."""
    lines = [line.split("#")[0].split() for line in text.splitlines()[1:]]
    ends = {line[-1]: float(line[1]) - float(line[0]) for line in lines if len(line) == 4 and line[-1].endswith("hi")}
    xy, xz, yz = next((map(float, line[:3]) for line in lines if line[-1:] == ["yz"]), (0.0, 0.0, 0.0))
    cell = np.array([[ends["xhi"], 0, 0], [xy, ends["yhi"], 0], [xz, yz, ends["zhi"]]])
    atoms = np.array([line for line in lines[lines.index(["Atoms"]) + 1 :] if line], dtype=float)
    assert atoms[:, 0].tolist() == list(range(1, len(atoms) + 1))
    assert set(atoms[:, 1]) == {1}
    assert ["1", "26.98"] in lines
    return cell, atoms[:, 2:], ["Al"] * len(atoms)


@pytest.mark.parametrize("name", CELLS)
def test_a_frame_for_lammps_has_the_energy_of_the_frame(name: str, tmp_path: Path) -> None:
    """However the cell lies, turned, handed or open, its form for LAMMPS gives our energy and forces of our size."""
    made = frames(name)
    potential = drawn(made, Hdnn("hdnn", (4, 3)))
    files, rows = written(potential, tmp_path), made.rows(2)
    ours = potential.answer(made.positions[rows], made.cells[2], made.pbc[2], made.species[rows])
    structure = lammps.structure(made, 2, 4.5)
    text = lammps.data(structure, ("Al",), (26.98,), "a frame")
    cell, positions, symbols = read_data(text)
    assert ("xy xz yz" in text) is (name in {"triclinic", "left-handed", "slab", "standing slab"})
    assert np.all(np.diag(cell) > 0)
    # LAMMPS takes tilts up to half an edge, and none along a direction without periods.
    for row, along in ((1, 0), (2, 0), (2, 1)):
        assert abs(cell[row, along]) <= cell[along, along] / 2 * (1 + 1e-12)
        assert made.pbc[2][along] or cell[row, along] == 0.0
    places = positions @ np.linalg.inv(cell)
    assert ((places >= 0) & (places < 1)).all()
    for where in ((positions, cell), (structure.positions, structure.cell)):
        energy, forces = evaluator.energy_and_forces(files, symbols, *where)
        assert energy == pytest.approx(ours.energy, rel=0, abs=1e-10)
        np.testing.assert_allclose(np.linalg.norm(forces, axis=1), np.linalg.norm(ours.forces, axis=1), atol=1e-10)
    np.testing.assert_allclose(forces, ours.forces, rtol=0, atol=1e-10)  # of input.data: in the axes of the data
    boundary = " ".join("p" if periodic else "f" for periodic in CELLS[name][1])
    assert f"boundary        {boundary}\n" in lammps.script(structure, ("Al",), 4.5, "a frame")


def test_the_script_is_in_the_words_of_lammps() -> None:
    """A cutoff not below the functions' and within 1 %, extrapolation settings, one pair_coeff, no unit factors."""
    script = lammps.script(lammps.structure(frames("cube"), 0, 6.8), ("Al", "Cu"), 6.8, "what it is")
    commands = {line.split()[0]: line.split()[1:] for line in script.splitlines() if line and not line.startswith("#")}
    style, cutoff, *pairs = commands["pair_style"]
    assert style == "hdnnp"
    assert 6.8 < float(cutoff) < 6.8 * 1.01
    said = dict(zip(pairs[::2], pairs[1::2], strict=True))
    assert said == {"dir": '"./"', "showew": "no", "showewsum": "100", "resetew": "yes", "maxew": "100"}
    assert commands["pair_coeff"] == ["*", "*", "Al", "Cu"]
    assert commands["units"] == ["metal"]
    assert commands["read_data"] == ["structure.data"]
    assert script.startswith("# what it is\n")
    order_of = [line.split()[0] for line in script.splitlines() if line and not line.startswith("#")]
    assert order_of.index("atom_style") < order_of.index("read_data") < order_of.index("pair_style")
    assert lammps.warnings(256) == 256

"""Potentials of n2p2 and RuNNer give the energies and forces that these programs published."""

from __future__ import annotations

import json
import lzma
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from foreign_potential import PLAIN, settings, slow, write
from test_n2p2_reference import copper_frames

from bpbench.data import readers
from bpbench.errors import DataError, FeatureError
from bpbench.formats.n2p2 import Normalisation, Settings, read_structures
from bpbench.formats.n2p2_folder import read_folder
from bpbench.n2p2_potential import FUNCTIONS, N2p2Potential, propagate
from bpbench.units import ANGSTROM_PER_BOHR, EV_PER_HARTREE

if TYPE_CHECKING:
    from pathlib import Path

    from bpbench.data.frames import Frames


@pytest.fixture(scope="module")
def frames() -> Frames:
    whole = readers.read(readers.open_source(readers.SAMPLES["spaced"]))
    made = whole.take(np.array([0, 200], dtype=np.int64))
    # A few atoms without periods are enough of a structure, and quick.
    return _cut(made, 12)


def _cut(frames: Frames, atoms: int) -> Frames:
    from dataclasses import replace

    rows = np.concatenate([np.arange(first, first + atoms) for first in frames.offsets[:-1]])
    return replace(
        frames,
        positions=frames.positions[rows],
        species=frames.species[rows],
        forces=None,
        offsets=np.arange(len(frames) + 1) * atoms,
        pbc=np.zeros_like(frames.pbc),
    )


def _answer(potential: N2p2Potential, frames: Frames, frame: int, positions: Any = None, **options: Any) -> Any:
    rows = frames.rows(frame)
    where = frames.positions[rows] if positions is None else positions
    return potential.answer(where, frames.cells[frame], frames.pbc[frame], frames.species[rows], **options)


def test_copper_sulphide_gives_its_published_energy_and_forces(reference_data: Path) -> None:
    """144 atoms, two elements, types 2 and 3, softplus, sigma scaling and normalisation: equal to rounding."""
    folder = reference_data / "reference" / "n2p2" / "predict" / "Cu2S_PBE"
    potential = N2p2Potential(read_folder(folder, units="angstrom-ev"))
    (structure,) = read_structures(folder / "input.data", units="angstrom-ev")
    told = json.loads((folder / "expected.json").read_text())
    assert potential.elements == ("S", "Cu")
    assert structure.cell is not None
    answer = potential.answer(structure.positions, structure.cell, [True] * 3, structure.species)
    assert answer.energy == pytest.approx(told["energy"], rel=1e-14)
    np.testing.assert_allclose(answer.forces, told["forces"], rtol=0, atol=1e-12)
    assert not answer.beyond.any()
    only = np.flatnonzero(structure.species == 29)
    copper = potential.answer(structure.positions[only], structure.cell, [True] * 3, structure.species[only])
    assert copper.beyond.any()  # no sulphur at all: far from what it learned
    assert np.isfinite(copper.energy)


@pytest.mark.parametrize("name", [".", "potentials/df4"])
def test_copper_gives_what_runner_printed(reference_data: Path, name: str) -> None:
    """Of 814 structures every 20th: total energies in Hartree and forces in Hartree/Bohr to the digits printed."""
    folder = reference_data / "reference" / "runner_cu"
    potential = N2p2Potential(read_folder(folder / name, units="bohr-hartree"))
    points = np.array([line.split() for line in (folder / "testpoints.000007.out").read_text().splitlines()[1:]], float)
    with lzma.open(folder / "testforces.000007.out.xz", "rt") as lines:
        told = np.array([line.split() for line in list(lines)[1:]], dtype=float)
    seen = 0
    every = enumerate(copper_frames(folder / "teststruct.data.xz"), start=1)
    for number, (cell, positions) in islice(every, 3, None, 20):
        answer = potential.answer(positions, cell, [True] * 3, np.full(len(positions), 29))
        assert answer.energy / EV_PER_HARTREE == pytest.approx(points[number - 1, 3], abs=5e-8)
        ours = answer.forces * ANGSTROM_PER_BOHR / EV_PER_HARTREE
        np.testing.assert_allclose(ours, told[told[:, 0] == number][:, 5:8], rtol=0, atol=1e-8)
        assert not answer.beyond.any()  # these are the structures that scaling.data was made from
        seen += len(positions)
    assert seen > 300


@pytest.mark.parametrize("letter", sorted(PLAIN))
@pytest.mark.parametrize("normalize", [False, True])
def test_every_activation_is_that_of_n2p2(letter: str, normalize: bool) -> None:
    """Values against a slow evaluation node by node, slopes against differences, in each layer."""
    assert set(FUNCTIONS) == set(PLAIN)
    rng = np.random.default_rng(3)
    layers = tuple((rng.normal(size=shape), rng.normal(size=shape[1])) for shape in ((4, 3), (3, 2), (2, 1)))
    letters = (letter, "t", letter)
    inputs = rng.normal(size=(4, 5))
    answer, slopes = propagate(layers, letters, inputs, normalize=normalize)
    twin = [slow(layers, letters, column.tolist(), normalize=normalize) for column in inputs.T]
    np.testing.assert_allclose(answer, twin, rtol=1e-13)
    for row in range(4):
        step = np.zeros((4, 1))
        step[row] = 1e-6
        up, down = (propagate(layers, letters, inputs + sign * step, normalize=normalize)[0] for sign in (1, -1))
        np.testing.assert_allclose(slopes[row], (up - down) / 2e-6, rtol=1e-6, atol=1e-8)


SCALINGS = {
    "none": lambda g, low, high, mean, sigma: g,  # noqa: ARG005 - one signature for all
    "scale": lambda g, low, high, mean, sigma: -1 + 3 * (g - low) / (high - low),  # noqa: ARG005
    "center": lambda g, low, high, mean, sigma: g - mean,  # noqa: ARG005
    "scale-center": lambda g, low, high, mean, sigma: -1 + 3 * (g - mean) / (high - low),  # noqa: ARG005
    "sigma": lambda g, low, high, mean, sigma: -1 + 3 * (g - mean) / sigma,  # noqa: ARG005
}


@pytest.mark.parametrize("scaling", sorted(SCALINGS))
def test_every_scaling_is_that_of_n2p2(tmp_path: Path, frames: Frames, scaling: Any) -> None:
    """From -1 to 2, with atom energies and a normalisation: energies by a slow evaluation, forces by differences."""
    chosen = settings(
        scaling=scaling,
        scale_min=-1.0,
        scale_max=2.0,
        atom_energy={"Al": -2.5},
        normalisation=Normalisation(0.75, 4.0, 2.0),
        normalize_nodes=True,
    )
    folder = write(tmp_path / "p", frames, chosen)
    potential = N2p2Potential(read_folder(folder, units="angstrom-ev"))
    (told,) = potential.trained.scaling.elements.values()
    assert told.sigma is not None
    from bpbench.descriptors.symmetry import describe

    rows = frames.rows(1)
    values = describe(
        chosen.functions["Al"].functions, frames.positions[rows], frames.cells[1], frames.pbc[1], frames.species[rows]
    )
    scaled = [
        [
            SCALINGS[scaling](g, *ends)
            for g, *ends in zip(atom, told.minimum, told.maximum, told.mean, told.sigma, strict=True)
        ]
        for atom in values.T.tolist()
    ]
    layers, letters = potential.trained.weights["Al"], chosen.activations
    each = [slow(layers, letters, atom, normalize=True) / 4.0 + 0.75 - 2.5 for atom in scaled]
    answer = _answer(potential, frames, 1)
    assert answer.energy == pytest.approx(sum(each), rel=1e-12)
    assert not _answer(potential, frames, 1, forces=False).forces.any()
    for atom, axis in ((0, 0), (5, 2)):
        step = np.zeros((12, 3))
        step[atom, axis] = 1e-5
        up, down = (_answer(potential, frames, 1, frames.positions[rows] + sign * step).energy for sign in (1, -1))
        assert answer.forces[atom, axis] == pytest.approx((down - up) / 2e-5, rel=1e-5, abs=1e-8)


def test_units_are_those_that_it_was_trained_in(tmp_path: Path, frames: Frames) -> None:
    """The same potential written in Bohr and Hartree: the numbers of its network are then Hartree."""
    answers = []
    for units in ("angstrom-ev", "bohr-hartree"):
        folder = write(tmp_path / units, frames, settings(atom_energy={"Al": -2.5}), units=units)
        answers.append(_answer(N2p2Potential(read_folder(folder, units=units)), frames, 0))  # type: ignore[arg-type]
    own, theirs = (answer.energy + 2.5 * 12 for answer in answers)
    assert theirs == pytest.approx(own * EV_PER_HARTREE, rel=1e-12)
    np.testing.assert_allclose(answers[1].forces, answers[0].forces * EV_PER_HARTREE, rtol=1e-10, atol=1e-12)


def test_extrapolation_is_seen(tmp_path: Path, frames: Frames) -> None:
    """Atoms pushed together lie beyond the ranges of scaling.data; those that it was made from do not."""
    potential = N2p2Potential(read_folder(write(tmp_path / "p", frames, settings()), units="angstrom-ev"))
    assert not _answer(potential, frames, 0).beyond.any()
    assert _answer(potential, frames, 0, frames.positions[frames.rows(0)] * 0.9).beyond.any()


def test_strange_elements_are_refused(tmp_path: Path, frames: Frames) -> None:
    """A frame with an element that the potential does not know."""
    potential = N2p2Potential(read_folder(write(tmp_path / "p", frames, settings()), units="angstrom-ev"))
    with pytest.raises(DataError, match=r"^The potential knows Al, and the frame holds Cu; give it frames of its own"):
        potential.answer(np.zeros((1, 3)), np.eye(3), [False] * 3, [29])


def _broken(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))


def test_broken_folders_are_refused(tmp_path: Path, frames: Frames) -> None:
    """What is missing, what cannot be evaluated and what would divide by nothing, each by file and line."""

    def refused(message: str, *broken: tuple[str, str, str], chosen: Settings | None = None, gone: str = "") -> None:
        folder = write(tmp_path / "p", frames, chosen or settings())
        for each in broken:
            _broken(folder, *each)
        if gone:
            (folder / gone).unlink()
        with pytest.raises(FeatureError, match=message):
            read_folder(folder, units="angstrom-ev")

    with pytest.raises(FeatureError, match=r"^There is no folder .*nowhere; expected one with input\.nn, scaling"):
        read_folder(tmp_path / "nowhere", units="angstrom-ev")
    for name in ("input.nn", "scaling.data"):
        refused(rf"p has no file {name}; expected a trained potential: input\.nn, scaling\.data, weights\.$", gone=name)
    refused(r"p has no weights of Al; expected the file weights\.013\.data\.$", gone="weights.013.data")
    refused(
        r"input\.nn: it describes no network; expected 'global_hidden_layers_short' and its kin\.$",
        chosen=settings(hidden=(), activations=()),
    )
    # A type that is not evaluated here, by its name and line.
    for kind in (12, 13, 20, 21, 22, 23, 24, 25):
        refused(
            rf"input\.nn, line \d+: symmetry functions of type {kind} are not offered; possible are 2, 3 and 9\.$",
            ("input.nn", "symfunction_short Al 9 Al Al", f"symfunction_short Al {kind} Al Al"),
        )
    # A scaling of another set, and weights of another network.
    refused(
        r"scaling\.data: expected 4 functions, found 3; the line of element 1, function 4 is missing",
        ("scaling.data", (tmp_path / "p" / "scaling.data").read_text().splitlines()[-1] + "\n", ""),
    )
    refused(
        r"weights\.013\.data, line 4: expected the columns 'a 3 0 2 1 1' behind .*, found 'a 3 0 1 1 3'; lines must",
        ("input.nn", "global_nodes_short 3 2", "global_nodes_short 2 2"),
    )


@pytest.mark.parametrize(
    ("scaling", "what", "column"), [("scale", "range", 3), ("scale-center", "range", 3), ("sigma", "sigma", 5)]
)
def test_scalings_that_divide_by_nothing_are_refused(
    tmp_path: Path, frames: Frames, scaling: Any, what: str, column: int
) -> None:
    """A function that was constant in training: n2p2 would go on with numbers that are none."""
    folder = write(tmp_path / "p", frames, settings(scaling=scaling))
    lines = (folder / "scaling.data").read_text().splitlines()
    words = lines[1].split()
    words[column] = "0.0" if what == "sigma" else words[2]
    (folder / "scaling.data").write_text("\n".join([lines[0], " ".join(words), *lines[2:]]))
    with pytest.raises(
        FeatureError, match=rf"the {what} of function 2 of Al \(G2.*\) is 0, and input\.nn scales by it"
    ):
        read_folder(folder, units="angstrom-ev")
    if what == "sigma":
        (folder / "scaling.data").write_text("\n".join(" ".join(line.split()[:5]) for line in lines))
        with pytest.raises(FeatureError, match=r"input\.nn scales by sigma, and there is no column of it"):
            read_folder(folder, units="angstrom-ev")


def test_weights_as_a_fit_of_runner_leaves_them(tmp_path: Path, frames: Frames) -> None:
    """``optweights.013.out`` with values alone is taken where there is no file of n2p2's name."""
    folder = write(tmp_path / "p", frames, settings())
    before = _answer(N2p2Potential(read_folder(folder, units="angstrom-ev")), frames, 0)
    lines = (folder / "weights.013.data").read_text().splitlines()[1:]
    (folder / "weights.013.data").unlink()
    (folder / "optweights.013.out").write_text("\n".join(line.split()[0] for line in lines))
    assert _answer(N2p2Potential(read_folder(folder, units="angstrom-ev")), frames, 0).energy == before.energy

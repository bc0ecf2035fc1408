"""The calculator of ASE: energies, forces and stresses against finite differences, its warning, and dynamics."""

from __future__ import annotations

import pickle
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ase import units
from ase.build import bulk
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.emt import EMT
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress
from ase.calculators.singlepoint import SinglePointCalculator
from ase.filters import FrechetCellFilter
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS
from small_study import write

import bpbench
from bpbench import stored
from bpbench.ase_calculator import Calculator, ExtrapolationWarning
from bpbench.data import aluminium
from bpbench.errors import DataError, ParameterError, RequestError
from bpbench.features import G2, G5
from bpbench.prepared import prepare
from bpbench.protocol import load
from bpbench.regressor import HDNNRegressor, LinearRegressor
from bpbench.runner.store import Store
from bpbench.study import conduct

#: What a run of 2 ps at a step of 1 fs may change its total energy by, meV/atom per ps, and at any time, meV/atom.
DRIFT, EXCURSION = 0.001, 0.05


@pytest.fixture(scope="module")
def frames() -> list[Any]:
    """Return 40 frames of the embedded sample, crystals and liquids."""
    return bpbench.sample_atoms("300 K solid", "1000 K liquid")[::2]


@pytest.fixture(scope="module")
def net(frames: list[Any]) -> HDNNRegressor:
    """Return a network that is no ridge: without a skip, of 12 functions."""
    blocks = [atoms.info["block"] for atoms in frames]
    return HDNNRegressor("thesis-12", skip=False, random_state=0).fit(frames, groups=blocks)


def crystal(cells: int = 2) -> Any:
    """Return a hot crystal of 4 · cells³ atoms, with velocities of 600 K that heat and vibration will share."""
    atoms = bulk("Al", "fcc", a=4.02, cubic=True).repeat((cells, cells, cells))
    velocities = np.random.default_rng(1).normal(size=(len(atoms), 3)) * np.sqrt(600 * units.kB / atoms.get_masses()[0])
    atoms.set_velocities(velocities - velocities.mean(axis=0))
    return atoms


def shaken() -> Any:
    """Return a crystal of 32 atoms, shaken and sheared."""
    atoms = crystal()
    rng = np.random.default_rng(2)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.normal(scale=0.01, size=(3, 3))), scale_atoms=True)
    atoms.positions += rng.normal(scale=0.05, size=atoms.positions.shape)
    return atoms


# ------------------------------------------------------------------------------------------------------- what it says


def test_forces_and_stress_are_those_that_ase_measures(net: HDNNRegressor) -> None:
    """Forces and stress of a sheared crystal are ASE's finite differences of the energy, in ASE's order and sign."""
    atoms = shaken()
    atoms.calc = net.calculator()
    forces, stress = atoms.get_forces(), atoms.get_stress()
    assert np.abs(stress).min() > 1e-5
    np.testing.assert_allclose(stress, calculate_numerical_stress(atoms, eps=1e-5), rtol=0, atol=2e-8)
    measured = calculate_numerical_forces(atoms, eps=1e-4, iatoms=[0, 17])
    np.testing.assert_allclose(forces[[0, 17]], measured, rtol=0, atol=2e-6)
    assert atoms.get_potential_energy(force_consistent=True) == atoms.get_potential_energy()


@pytest.fixture(scope="module")
def elastic() -> LinearRegressor:
    """Return a ridge that has seen crystals of many shapes and volumes: one volume alone tells nothing of stress."""
    return LinearRegressor("thesis-12", random_state=0).fit(aluminium.crystals(np.random.default_rng(4), 80))


@pytest.mark.filterwarnings("ignore::bpbench.ase_calculator.ExtrapolationWarning")
def test_a_stretched_crystal_pulls(elastic: LinearRegressor) -> None:
    """Stress of pressed and stretched crystals has ASE's sign, and is EMT's to a quarter."""
    for scale, sign in ((0.99, -1), (1.015, 1)):
        atoms = bulk("Al", "fcc", a=scale * aluminium.LATTICE, cubic=True)
        stress = []
        for calc in (elastic.calculator(), EMT()):
            atoms.calc = calc
            stress.append(atoms.get_stress())
        assert np.all(sign * stress[0][:3] > 0)
        np.testing.assert_allclose(stress[0][:3], stress[1][:3], rtol=0.25)


@pytest.mark.filterwarnings("ignore::bpbench.ase_calculator.ExtrapolationWarning")
def test_ase_relaxes_cell_and_atoms(elastic: LinearRegressor) -> None:
    """ASE's optimiser takes a sheared, shaken crystal back to a cube with EMT's lattice constant to half a per cent."""
    atoms = shaken()
    atoms.calc = elastic.calculator()
    assert BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=0.005, steps=100)
    np.testing.assert_allclose(atoms.cell.angles(), 90, atol=0.2)
    np.testing.assert_allclose(atoms.cell.lengths() / 2, aluminium.LATTICE, atol=0.02)


def test_a_cluster_has_forces_and_no_stress(net: HDNNRegressor) -> None:
    atoms = crystal()
    atoms.pbc, atoms.cell = False, None
    atoms.calc = net.calculator()
    with pytest.warns(ExtrapolationWarning):
        assert atoms.get_forces().shape == (32, 3)
    with pytest.raises(
        PropertyNotImplementedError, match=r"^A stress is energy by volume, and this frame's cell has none"
    ):
        atoms.get_stress()


def test_strange_elements_are_refused(net: HDNNRegressor) -> None:
    atoms = crystal()
    atoms.symbols[3] = "Cu"
    atoms.calc = net.calculator()
    with pytest.raises(DataError, match=r"trained on Al, and the frame holds Cu"):
        atoms.get_potential_energy()


# ------------------------------------------------------------------------------------------- several elements, forces


@pytest.fixture(scope="module")
def alloy() -> list[Any]:
    """Return 40 shaken, strained cells of 8 atoms of Al and Cu in any mixture, with EMT's energies and forces."""
    rng, made = np.random.default_rng(6), []
    for _ in range(40):
        atoms = bulk("Al", "fcc", a=3.9, cubic=True).repeat((2, 1, 1))
        atoms.symbols = rng.choice(["Al", "Cu"], size=8)
        atoms.symbols[:2] = ["Al", "Cu"]
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.normal(scale=0.02, size=(3, 3))), scale_atoms=True)
        atoms.positions += rng.normal(scale=0.08, size=(8, 3))
        atoms.calc = EMT()
        held = SinglePointCalculator(atoms, energy=atoms.get_potential_energy(), forces=atoms.get_forces())
        atoms.calc = held
        made.append(atoms)
    return made


WIDE = (G2(0.05, 0, 6.0), G2(1, 2.5, 6.0), G2(1, 3.5, 6.0))


@pytest.mark.parametrize(
    "features", [WIDE, {"Al": WIDE, "Cu": (G2(0.1, 0, 6.0), G5(0.02, 2, 1, 6.0))}], ids=["one set", "by element"]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_alloy_has_forces_and_stress(alloy: list[Any], features: Any) -> None:
    """Every element has its network; forces and stress are finite differences, and a third element is refused."""
    net = HDNNRegressor(features, hidden=(3,), skip=False, epochs=30, random_state=1).fit(alloy[:30])
    assert net.elements_ == ("Al", "Cu")
    atoms = alloy[35].copy()
    atoms.calc = Calculator(net.potential_)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExtrapolationWarning)
        assert atoms.get_potential_energy() == pytest.approx(net.predict([atoms])[0], rel=1e-12)
        forces, stress = atoms.get_forces(), atoms.get_stress()
        measured = calculate_numerical_forces(atoms, eps=1e-4)
        np.testing.assert_allclose(forces, measured, rtol=0, atol=2e-6)
        np.testing.assert_allclose(stress, calculate_numerical_stress(atoms, eps=1e-5), rtol=0, atol=1e-7)
        atoms.set_cell(0.85 * atoms.cell, scale_atoms=True)
    atoms.calc = net.calculator()
    with pytest.warns(ExtrapolationWarning, match=r"^The potential extrapolates: at 8 of 8 atoms of this frame"):
        atoms.get_potential_energy()
    strange = alloy[35].copy()
    strange.symbols[2] = "Ni"
    with pytest.raises(DataError, match=r"trained on Al, Cu, and the frame holds Ni"):
        net.predict([strange])


def test_an_element_without_functions_is_told(alloy: list[Any]) -> None:
    with pytest.raises(
        ParameterError,
        match=r"^LinearRegressor, features: there are functions for Al, and the frames hold Cu",
    ):
        LinearRegressor({"Al": WIDE}).fit(alloy)


@pytest.mark.parametrize("kind", [LinearRegressor, HDNNRegressor])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_forces_are_learned_where_they_are_weighed(alloy: list[Any], kind: Any) -> None:
    """Ten frames alone teach too little by their energies; with their forces, those of other frames come out better."""
    error = []
    for weight in (0.0, 3.0):
        made = kind("thesis-12", force_weight=weight, random_state=1).fit(alloy[:12])
        told = [atoms.get_forces() for atoms in alloy[12:]]
        error.append(float(np.sqrt(np.mean((np.array(made.predict_forces(alloy[12:])) - told) ** 2))))
    assert error[1] < 0.5 * error[0]


# ------------------------------------------------------------------------------------------------------ extrapolation


def test_extrapolation_is_warned_of_once_and_counted(frames: list[Any]) -> None:
    """The first frame outside the training's ranges is told with function and range; further ones are counted."""
    ridge = LinearRegressor("thesis-12", random_state=0).fit(frames[:20])
    learned = frames[0].copy()
    learned.calc = calc = ridge.calculator()
    trained = [
        one
        for one in frames[:20]
        if not calc.potential.answer(one.positions, one.cell.array, one.pbc, one.numbers).beyond.any()
    ]
    assert len(trained) >= 16  # all that were learned from
    for one in trained:
        learned.positions, learned.cell = one.positions, one.cell
        learned.get_forces()  # a warning would be an error
    assert (calc.extrapolation.frames, calc.extrapolation.beyond) == (len(trained), 0)

    atoms = crystal()
    atoms.calc = calc
    atoms.set_cell(0.9 * atoms.cell, scale_atoms=True)
    with pytest.warns(ExtrapolationWarning) as told:
        atoms.get_potential_energy()
    (said,) = (str(one.message) for one in told)
    found = re.fullmatch(
        r"The potential extrapolates: at 32 of 32 atoms of this frame symmetry functions lie outside their ranges "
        r"over the training atoms; the farthest is (G2\(.*\)) = (\S+) at atom (\d+), where the training saw (\S+) to "
        r"(\S+)\. Further frames of this calculator are counted in its `extrapolation` and not told\.",
        said,
    )
    assert found, said
    name, value, atom, least, most = found.groups()
    answer = calc.potential.answer(atoms.positions, atoms.cell.array, atoms.pbc, atoms.numbers)
    row = [function.name for function in calc.potential.functions].index(name)
    assert float(value) == pytest.approx(answer.values[row, int(atom)], rel=1e-5)
    seen = calc.potential.parameters
    assert (float(least), float(most)) == pytest.approx((seen["least"][row], seen["most"][row]), rel=1e-5)
    excess = np.maximum(seen["least"][:, None] - answer.values, answer.values - seen["most"][:, None])
    assert int(np.argmax(excess.max(axis=1) / (seen["most"] - seen["least"]))) == row

    atoms.rattle(0.01)
    atoms.get_forces()
    assert calc.extrapolation.beyond == 2
    assert calc.extrapolation.functions[name] == 2
    assert ridge.calculator().extrapolation.frames == 0


def test_rounding_is_no_extrapolation(frames: list[Any]) -> None:
    """Ranges that were kept in single precision do not put the training's own atoms outside."""
    ridge = LinearRegressor("thesis-12", random_state=0).fit(frames[:6])
    potential = ridge.potential_
    for end in ("least", "most"):
        potential.parameters[end] = potential.parameters[end].astype(np.float32).astype(np.float64)
    beyond = [potential.answer(one.positions, one.cell.array, one.pbc, one.numbers).beyond for one in frames[:6]]
    assert sum(not part.any() for part in beyond) >= 4


# ------------------------------------------------------------------------------------------------- from a stored result


def test_a_stored_training_is_a_calculator(tmp_path: Path) -> None:
    """A calculator of a protocol's contestant gives the energies that its training stored."""
    path = write(tmp_path, repeats=1, split="split: {design: crossed, splits: 2}", trees=1)
    store = Store(tmp_path / "store")
    conduct(prepare(load(path), store), store)
    best = stored.training(path, "ridge", store=store.root).repeat
    sample = bpbench.sample_atoms("300 K solid")
    for repeat, number in ((stored.BEST, best), (0, 0), (1, 1)):
        calc = bpbench.calculator(path, "ridge", repeat, store=store.root)
        kept = store.load(prepare(load(path), store).trainings["ridge", number]).arrays["energy"]
        atoms = sample[3].copy()
        atoms.calc = calc
        assert atoms.get_potential_energy() == pytest.approx(kept[3], rel=1e-12)
    with pytest.raises(RequestError, match=r"^A potential is made of an hdnn or linear model, that of 'rich'"):
        bpbench.calculator(path, "rich", store=store.root)


def test_a_calculator_comes_back_from_a_pickle(net: HDNNRegressor) -> None:
    """Other processes, as ASE's and Dask's, get it whole."""
    atoms = crystal()
    back: Calculator = pickle.loads(pickle.dumps(net.calculator()))  # noqa: S301 - our own bytes
    np.testing.assert_array_equal(back.get_forces(atoms), net.calculator().get_forces(atoms))


# ------------------------------------------------------------------------------------------------------------- dynamics


def dynamics(atoms: Any, step: float, time: float) -> npt.NDArray[np.float64]:
    """Return the total energy, meV/atom against the first, at every step (fs) of a run (ps) at constant energy."""
    found = []
    run = VelocityVerlet(atoms, step * units.fs)
    run.attach(lambda: found.append(atoms.get_total_energy() / len(atoms) * 1000))
    run.run(round(1000 * time / step))
    return np.array(found) - found[0]


def conserves(energy: npt.NDArray[np.float64], step: float) -> bool:
    """Return whether a run keeps within the stated bounds."""
    drift = np.polyfit(np.arange(len(energy)) * step / 1000, energy, 1)[0]
    return bool(abs(drift) < DRIFT and np.abs(energy).max() < EXCURSION)


def test_energy_is_conserved(net: HDNNRegressor) -> None:
    """2 ps of 32 atoms at a step of 1 fs drift by less than 0.001 meV/atom per ps and stay within 0.05 meV/atom."""
    assert net.checkpoint_ > 0
    atoms = crystal()
    atoms.calc = net.calculator()
    energy = dynamics(atoms, 1, 2)
    assert atoms.get_temperature() > 150
    assert conserves(energy, 1)
    np.testing.assert_allclose(atoms.get_momenta().sum(axis=0), 0, atol=1e-9)
    assert atoms.calc.extrapolation.frames == 2001


def test_what_is_left_is_the_integrators(net: HDNNRegressor) -> None:
    """Velocity Verlet's own fluctuation grows with the square of the step, four times from 1 to 2 fs."""
    spread = []
    for step in (1, 2):
        atoms = crystal()
        atoms.calc = net.calculator()
        spread.append(dynamics(atoms, step, 0.2).std())
    assert spread[1] / spread[0] == pytest.approx(4, rel=0.05)


def test_forces_of_another_energy_do_not_conserve_it(net: HDNNRegressor) -> None:
    """Forces that are wrong by two per cent break the bound in a tenth of the time: the test above can fail."""

    class Wrong(Calculator):
        def calculate(self, *asked: Any, **more: Any) -> None:
            super().calculate(*asked, **more)
            self.results["forces"] = 1.02 * self.results["forces"]

    atoms = crystal()
    atoms.calc = Wrong(net.potential_)
    assert not conserves(dynamics(atoms, 1, 0.2), 1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::bpbench.ase_calculator.ExtrapolationWarning")
def test_energy_is_conserved_at_full_size(frames: list[Any]) -> None:
    """108 atoms through 22 functions, angular ones among them, keep the same bounds over 2 ps."""
    blocks = [atoms.info["block"] for atoms in frames]
    net = HDNNRegressor("thesis-22", skip=False, random_state=0).fit(frames, groups=blocks)
    atoms = crystal(3)
    atoms.calc = net.calculator()
    assert conserves(dynamics(atoms, 1, 2), 1)

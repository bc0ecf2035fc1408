r"""The embedded aluminium sample and its generator: ASE's effective-medium theory (EMT) and Langevin dynamics.

Energies and forces are those of EMT, a classical potential, not of density-functional theory; whatever shows them says
so. Each state point is one trajectory in a cubic periodic box of n × n × n conventional fcc cells, whose lattice
parameter is

.. math:: a(T) = a_0 (1 + \alpha T)

=========  ==================  ===============================================================================
symbol     name                meaning
=========  ==================  ===============================================================================
a_0        ``LATTICE``         lattice parameter of EMT aluminium at 0 K, 3.994 Å (that of the metal is 4.03 Å)
α          ``EXPANSION``       linear expansion per K: 2.8e-5 for solids, 5.7e-5 for liquids
T          ``temperature``     temperature of the thermostat (K)
=========  ==================  ===============================================================================

Two samples are embedded: the *spaced* one, eleven state points of 256 atoms whose frames lie 100 fs apart, and the
*dense* one, four state points of 108 atoms saved every 10 fs, about a tenth of the time in which their energies forget
themselves, and of each state a second, independent run saved every 200 fs (:func:`make_dense`).

Both α are chosen so that the mean pressure stays within about 1 GPa of zero for EMT. A liquid is melted at 3000 K first
and then cooled to its temperature at its own density; a solid starts from the perfect crystal. Positions are kept
*unwrapped* (an atom that leaves through a face goes on outside), so that displacements can be read off directly.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bpbench.data import archive
from bpbench.data.blocks import cut_blocks
from bpbench.data.frames import Floats, Frames
from bpbench.errors import DataError
from bpbench.identity import seed as named_seed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

METHOD: Final = "EMT"
LATTICE: Final = 3.994
EXPANSION: Final = {"solid": 2.8e-5, "liquid": 5.7e-5}
MELTING_TEMPERATURE: Final = 3000.0
TIME_STEP_FS: Final = 5.0
#: Friction of the thermostat per fs: velocities forget themselves in 100 fs, 20 steps.
FRICTION_PER_FS: Final = 0.01
BLOCK_LENGTH: Final = 5
#: Steps between two saved frames of the embedded sample: 100 fs, one relaxation time of the thermostat.
SPACING: Final = 20
#: Steps in which a crystal comes to its temperature; melting takes as many, and cooling a liquid twice as many.
SETTLE: Final = 300
#: Standard deviation of the entries of a drawn crystal's strain, and least and largest one of its atoms' shifts (Å).
STRAIN: Final = 0.02
SHAKE: Final = (0.05, 0.25)


@dataclass(frozen=True, slots=True)
class State:
    """One state point: a temperature, a phase, and which run of it.

    Attributes
    ----------
    temperature : float
        K.
    phase : str
        ``solid`` or ``liquid``.
    run : int
        1, or 2 for an independent second trajectory.
    """

    temperature: float
    phase: str
    run: int = 1

    @property
    def name(self) -> str:
        """The group label, such as ``300 K solid`` or ``1500 K liquid (run 2)``."""
        label = f"{self.temperature:g} K {self.phase}"
        return label if self.run == 1 else f"{label} (run {self.run})"

    @property
    def lattice(self) -> float:
        """Edge of the conventional fcc cell in Å, to 10⁻⁵ Å."""
        return round(LATTICE * (1 + EXPANSION[self.phase] * self.temperature), 5)


#: The eleven state points of the aluminium study.
STATES: Final = (
    *(State(temperature, "solid") for temperature in (10.0, 300.0, 500.0, 800.0)),
    *(State(temperature, "liquid") for temperature in (1000.0, 1250.0, 1350.0, 1500.0, 1600.0, 1700.0)),
    State(1500.0, "liquid", run=2),
)


def make(
    path: Path,
    *,
    seed: int = 1,
    frames: int = 40,
    spacing: int = SPACING,
    states: tuple[State, ...] = STATES,
    cells: int = 4,
    settle: int = SETTLE,
    processes: int = 1,
) -> Frames:
    """Simulate the states and write their frames to a file.

    The result depends on the settings alone, not on the number of processes, and each state on its own name, not on the
    other states. Equal settings give equal bytes on one machine; another processor may round otherwise, and two
    trajectories that differ in a last bit part within picoseconds.

    Parameters
    ----------
    path : Path
        The ``.npz`` to write.
    seed : int
        Root of the seeds of all states.
    frames : int
        Frames to save of each state.
    spacing : int
        Steps of 5 fs between saved frames: 1 saves densely (neighbouring frames are near copies), 20 is well spaced.
    states : tuple of State
        What to simulate.
    cells : int
        Conventional cells along each edge; 4 gives 256 atoms.
    settle : int
        Steps before the first frame: once for a solid; once to melt and twice to cool a liquid.
    processes : int
        States simulated at once.

    Returns
    -------
    Frames
        What reading the file gives: energies in eV at exactly the stored positions (multiples of 10⁻⁵ Å), forces in
        eV/Å at float32 precision.

    Raises
    ------
    DataError
        For a setting below its least value, a state without a temperature or phase, or a file that cannot be written.
    """
    _check(
        path,
        ("frames", frames, 1),
        ("spacing", spacing, 1),
        ("states", len(states), 1),
        ("cells", cells, 1),
        ("settle", settle, 0),
        ("processes", processes, 1),
    )
    for state in states:
        if state.phase not in EXPANSION or not state.temperature > 0:
            raise DataError(f"A state point is solid or liquid at a positive temperature in K, found '{state.name}'.")
    parts = _simulated(states, processes, seed=seed, frames=frames, spacing=spacing, cells=cells, settle=settle)
    archive.save(path, _gather(states, parts, cells), method=METHOD)
    return archive.load(path)


#: The state points of the dense sample, its cells along an edge, frames and steps between them; and of the second runs.
DENSE: Final = (
    *(State(temperature, "solid") for temperature in (300.0, 800.0)),
    *(State(temperature, "liquid") for temperature in (1000.0, 1500.0)),
)
DENSE_CELLS: Final = 3
DENSE_FRAMES, DENSE_SPACING = 500, 2
FRESH_FRAMES, FRESH_SPACING = 40, 40


def make_dense(path: Path, *, seed: int = 1, processes: int = 1) -> Frames:
    """Simulate the dense sample and write it to a file: densely saved trajectories, and fresh ones to judge by.

    Its blocks are not declared: how long they should be is what it is there to show. It holds no forces.

    Parameters
    ----------
    path : Path
        The ``.npz`` to write.
    seed : int
        Root of the seeds of all states.
    processes : int
        States simulated at once.

    Returns
    -------
    Frames
        What reading the file gives.

    Raises
    ------
    DataError
        As :func:`make`.
    """
    fresh = tuple(State(state.temperature, state.phase, run=2) for state in DENSE)
    _check(path, ("processes", processes, 1))
    states: list[State] = []
    parts: list[_Part] = []
    for some, frames, spacing in ((DENSE, DENSE_FRAMES, DENSE_SPACING), (fresh, FRESH_FRAMES, FRESH_SPACING)):
        states += some
        parts += _simulated(
            some, processes, seed=seed, frames=frames, spacing=spacing, cells=DENSE_CELLS, settle=SETTLE
        )
    gathered = _gather(tuple(states), parts, DENSE_CELLS)
    archive.save(path, replace(gathered, forces=None, blocks_declared=False), method=METHOD)
    return archive.load(path)


_Part = tuple[Floats, Floats, Floats]  # positions (f, n, 3), energies (f,), forces (f, n, 3) of one state


def _check(path: Path, *settings: tuple[str, int, int]) -> None:
    """Refuse a file that cannot be written, or a setting below its least value."""
    if path.suffix != ".npz" or not path.parent.is_dir():
        raise DataError(f"{path}: frames are written to a file whose name ends in .npz, in a folder that exists.")
    for name, value, least in settings:
        if value < least:
            raise DataError(f"The aluminium sample needs {name} of at least {least}, found {value}.")


def _simulated(states: tuple[State, ...], processes: int, **settings: Any) -> list[_Part]:
    simulate: Callable[[State], _Part] = partial(_simulate, **settings)
    if processes == 1:
        return [simulate(state) for state in states]
    # Started afresh rather than forked: a fork would copy locks held by the parent's threads.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return list(pool.map(simulate, states))


def _gather(states: tuple[State, ...], parts: list[_Part], cells: int) -> Frames:
    frames = [len(part[1]) for part in parts]
    count, atoms = sum(frames), 4 * cells**3
    group = np.repeat([state.name for state in states], frames)
    edges = np.repeat([cells * state.lattice for state in states], frames)
    return Frames(
        positions=np.concatenate([part[0].reshape(-1, 3) for part in parts]),
        cells=edges[:, None, None] * np.eye(3),
        pbc=np.ones((count, 3), dtype=np.bool_),
        species=np.full(count * atoms, 13, dtype=np.int64),
        offsets=np.arange(count + 1, dtype=np.int64) * atoms,
        energy=np.concatenate([part[1] for part in parts]),
        forces=np.concatenate([part[2].reshape(-1, 3) for part in parts]),
        id=np.arange(count, dtype=np.int64),
        group=group,
        block=cut_blocks(group, BLOCK_LENGTH),
        temperature=np.repeat([state.temperature for state in states], frames).astype(np.float64),
        blocks_declared=True,
    )


def _simulate(state: State, *, seed: int, frames: int, spacing: int, cells: int, settle: int) -> _Part:
    """Run one state: settle (or melt and cool), then save ``frames`` frames, ``spacing`` steps apart."""
    from ase import units
    from ase.build import bulk
    from ase.calculators.emt import EMT
    from ase.constraints import FixCom
    from ase.md.langevin import Langevin

    rng = np.random.default_rng(named_seed(seed, "aluminium", state.name))
    atoms = bulk("Al", "fcc", a=state.lattice, cubic=True) * (cells, cells, cells)
    atoms.calc = EMT()
    atoms.set_constraint(FixCom())  # otherwise the crystal as a whole would drift

    def run(temperature: float, steps: int) -> None:
        dynamics = Langevin(
            atoms,
            TIME_STEP_FS * units.fs,
            temperature_K=temperature,
            friction=FRICTION_PER_FS / units.fs,
            fixcm=False,  # FixCom does it exactly
            rng=rng,
        )
        dynamics.run(steps)

    # Twice the temperature, because half of it goes into the springs of a crystal that starts at rest.
    start = MELTING_TEMPERATURE if state.phase == "liquid" else state.temperature
    spread = np.sqrt(atoms.get_masses() * units.kB * 2 * start)
    atoms.set_momenta(spread[:, None] * rng.standard_normal((len(atoms), 3)))
    run(start, settle)
    if state.phase == "liquid":
        run(state.temperature, 2 * settle)
    saved = []
    for _ in range(frames):
        run(state.temperature, spacing)
        saved.append(_measured(atoms))
    positions, energies, forces = zip(*saved, strict=True)
    return np.array(positions), np.array(energies), np.array(forces)


def crystals(rng: np.random.Generator, count: int, *, cells: tuple[int, int, int] = (2, 2, 1)) -> Frames:
    """Draw independent small crystals, each strained and shaken on its own; energies are those of EMT.

    No dynamics are run and no two configurations have anything in common, so that many data sets which are
    independent of each other can be had in little time.

    Parameters
    ----------
    rng : Generator
        Source of chance.
    count : int
        Configurations, each a block of its own.
    cells : tuple of int
        Conventional cells along each edge; (2, 2, 1) gives 16 atoms.

    Returns
    -------
    Frames
        Without forces, of one group.
    """
    from ase.build import bulk
    from ase.calculators.emt import EMT

    crystal = bulk("Al", "fcc", a=LATTICE, cubic=True) * cells
    size, energies = len(crystal), np.empty(count)
    positions, edges = np.empty((count, size, 3)), np.empty((count, 3, 3))
    for place in range(count):
        atoms = crystal.copy()
        strain = rng.normal(scale=STRAIN, size=(3, 3))
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + (strain + strain.T) / 2), scale_atoms=True)
        atoms.positions += rng.normal(scale=rng.uniform(*SHAKE), size=(size, 3))
        atoms.calc = EMT()
        positions[place], edges[place], energies[place] = (
            atoms.positions,
            atoms.cell.array,
            atoms.get_potential_energy(),
        )
    group = np.full(count, "crystal")
    return Frames(
        positions=positions.reshape(-1, 3),
        cells=edges,
        pbc=np.ones((count, 3), dtype=np.bool_),
        species=np.full(count * size, 13, dtype=np.int64),
        offsets=np.arange(count + 1, dtype=np.int64) * size,
        energy=energies,
        forces=None,
        id=np.arange(count, dtype=np.int64),
        group=group,
        block=cut_blocks(group, 1),
        temperature=None,
        blocks_declared=True,
    )


def _measured(atoms: Any) -> tuple[Floats, float, Floats]:
    """Round the positions to what the file can hold and compute energy and forces there, by a fresh calculator."""
    from ase import Atoms
    from ase.calculators.emt import EMT

    positions = np.rint(atoms.positions * archive.STEPS_PER_ANGSTROM) / archive.STEPS_PER_ANGSTROM
    still = Atoms(atoms.numbers, positions, cell=atoms.cell, pbc=True, calculator=EMT())
    return positions, float(still.get_potential_energy()), np.array(still.get_forces())

r"""A ready input for LAMMPS: a frame in its own form, and the script that runs the potential on it.

LAMMPS wants the first cell vector along x and the second in the plane of x and y, and takes tilts up to half an edge
without a remark. With the cell vectors as rows of H, the lattice of

.. math::
    H = L\,Q, \qquad Q^T Q = 1, \quad L \text{ lower triangular with a positive diagonal}

is that of L seen in other axes: energies stay, forces turn with Q. A left-handed cell is turned by writing -c for c; a
tilt is shortened by whole cell vectors. Along a direction without periodicity the cell vector has no meaning; it is
replaced by a vector at right angles to the others, long enough that no image is seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from bpbench.elements import NUMBERS

if TYPE_CHECKING:
    from bpbench.data.frames import Floats, Frames

#: How much longer LAMMPS's cutoff is than that of the functions: shorter is an error, 1 % longer a warning.
LONGER: Final = 1e-3
#: Least number of extrapolation warnings in one step at which LAMMPS stops.
LEAST_WARNINGS: Final = 100
#: Share of an edge below which a tilt is rounding.
_ROUNDING: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Structure:
    """One frame of the data.

    Attributes
    ----------
    positions : ndarray, shape (n, 3)
        Å.
    cell : ndarray, shape (3, 3)
        Cell vectors as rows, Å; of directions without periodicity those that take their place.
    pbc : tuple of bool
        Periodic along each cell vector.
    species : ndarray of int, shape (n,)
        Atomic numbers.
    """

    positions: Floats
    cell: Floats
    pbc: tuple[bool, bool, bool]
    species: np.ndarray


def structure(frames: Frames, frame: int, reach: float) -> Structure:
    """Return a frame with a whole cell.

    Parameters
    ----------
    frames : Frames
        The data.
    frame : int
        Its number.
    reach : float
        Cutoff (Å): images along directions without periodicity are farther away.
    """
    rows = frames.rows(frame)
    positions, pbc = frames.positions[rows].astype(np.float64), frames.pbc[frame]
    cell = np.where(pbc[:, None], frames.cells[frame], 0.0)
    for at in np.flatnonzero(~pbc):
        # at right angles to the vectors that are there
        direction = np.linalg.svd(np.vstack([cell[np.any(cell != 0.0, axis=1)], np.zeros(3)]))[2][-1]
        cell[at] = direction * (np.ptp(positions @ direction) + 2 * reach)
    # The atoms in the middle of what was put in place; where a cell is periodic they may lie anywhere.
    places = np.linalg.solve(cell.T, positions.T).T
    places = np.where(pbc, places, places - (places.min(axis=0) + places.max(axis=0)) / 2 + 0.5)
    one, two, three = pbc.tolist()
    return Structure(np.asarray(places @ cell, np.float64), cell, (one, two, three), frames.species[rows])


def triangular(given: Structure) -> tuple[Floats, Floats]:
    """Return L and the positions in its axes (Å), the atoms within the cell along periodic directions."""
    cell = given.cell.copy()
    places = np.linalg.solve(cell.T, given.positions.T).T
    if np.linalg.det(cell) < 0:
        cell[2], places[:, 2] = -cell[2], (-places[:, 2] if given.pbc[2] else 1 - places[:, 2])
    upper = np.asarray(np.linalg.qr(cell.T, mode="r"), np.float64)
    lower = (upper * np.sign(np.diag(upper))[:, None]).T
    positions = places @ lower
    # The tilts yz, xz and xy, in this order: each step leaves those before it alone.
    for row, along in ((2, 1), (2, 0), (1, 0)):
        lower[row] -= np.round(lower[row, along] / lower[along, along]) * lower[along]
    # Rounding is no tilt: LAMMPS allows none along directions without periodicity.
    lower = np.where(np.abs(lower) > _ROUNDING * lower.max(), np.tril(lower), 0.0)
    places = np.linalg.solve(lower.T, positions.T).T
    places = np.where(given.pbc, places - np.floor(places), places)
    return lower, np.asarray(places @ lower, np.float64)


def data(given: Structure, elements: tuple[str, ...], masses: tuple[float, ...], head: str) -> str:
    """Return the frame as a data file of LAMMPS for ``atom_style atomic``; types go by the order of ``elements``.

    Parameters
    ----------
    given : Structure
        The frame.
    elements : tuple of str
        Of the potential, by atomic number.
    masses : tuple of float
        Of the elements, in u.
    head : str
        The first line, a comment.
    """
    lower, positions = triangular(given)
    types = {NUMBERS[element]: number for number, element in enumerate(elements, start=1)}
    (xx, _, _), (xy, yy, _), (xz, yz, zz) = lower.tolist()
    lines = [
        f"# {head}",
        "",
        f"{len(positions)} atoms",
        f"{len(elements)} atom types",
        "",
        *(f"0.0 {edge:.16g} {axis}lo {axis}hi" for axis, edge in zip("xyz", (xx, yy, zz), strict=True)),
        *([f"{xy:.16g} {xz:.16g} {yz:.16g} xy xz yz"] if xy or xz or yz else []),
        "",
        "Masses",
        "",
        *(
            f"{number} {mass:.10g} # {e}"
            for number, (e, mass) in enumerate(zip(elements, masses, strict=True), start=1)
        ),
        "",
        "Atoms # atomic",
        "",
        *(
            f"{number} {types[z]} " + " ".join(f"{x:.16g}" for x in row)
            for number, (z, row) in enumerate(zip(given.species.tolist(), positions.tolist(), strict=True), start=1)
        ),
    ]
    return "\n".join(lines) + "\n"


def cutoff(reach: float) -> float:
    """Return the cutoff (Å) that LAMMPS is given for functions that reach so far."""
    return float(f"{reach * (1 + LONGER):.6g}")


def warnings(atoms: int) -> int:
    """Return at how many extrapolation warnings in one step LAMMPS stops: one for each atom, or more in small cells."""
    return max(LEAST_WARNINGS, atoms)


def pair_style(reach: float, atoms: int) -> str:
    """Return the command that loads the potential, with the settings of extrapolation.

    Parameters
    ----------
    reach : float
        Greatest cutoff of its functions, Å.
    atoms : int
        In the system.
    """
    ends = f"showew no showewsum 100 resetew yes maxew {warnings(atoms)}"
    return f'pair_style      hdnnp {cutoff(reach):.6g} dir "./" {ends}'


def script(given: Structure, elements: tuple[str, ...], reach: float, head: str) -> str:
    """Return the input script: the energy of the frame, then 0.1 ps of molecular dynamics.

    Parameters
    ----------
    given : Structure
        The frame.
    elements : tuple of str
        Of the potential, by atomic number.
    reach : float
        Greatest cutoff of its functions, Å.
    head : str
        The first line, a comment.
    """
    lines = [
        f"# {head}",
        "units           metal",
        "atom_style      atomic",
        f"boundary        {' '.join('p' if periodic else 'f' for periodic in given.pbc)}",
        "read_data       structure.data",
        "",
        "# Extrapolation: a summary every 100 steps; stop where one step has more warnings than maxew.",
        pair_style(reach, len(given.positions)),
        f"pair_coeff      * * {' '.join(elements)}",
        "",
        "thermo_style    custom step temp pe ke etotal press",
        "thermo_modify   format float %.10f",
        "thermo          10",
        "",
        "# PotEng must be the energy that README.md tells.",
        "run             0",
        "",
        "# Change from here on.",
        "velocity        all create 300.0 12345",
        "timestep        0.001",
        "fix             moves all nve",
        "run             100",
    ]
    return "\n".join(lines) + "\n"

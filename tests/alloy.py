"""A random alloy of two metals of ASE's effective medium theory, made from the embedded aluminium's positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bpbench.data import readers

if TYPE_CHECKING:
    from pathlib import Path

#: Lattice constants, Å.
ALUMINIUM, COPPER = 4.05, 3.61


def write(path: Path, frames: int = 90, seed: int = 3) -> Path:
    """Write random Al-Cu mixtures with energies and forces of EMT, in the extended XYZ format.

    Positions are those of the sample's solid states, scaled to the mixture's lattice constant by Vegard's rule; the
    share of copper is drawn anew for every frame. Of each 256 atoms a corner of 32 is kept, a cluster without a period.
    """
    import ase
    import ase.io
    from ase.calculators.emt import EMT
    from ase.calculators.singlepoint import SinglePointCalculator

    random = np.random.default_rng(seed)
    sample = readers.read(readers.open_source(readers.SAMPLES["spaced"], groups=("300 K solid", "500 K solid")))
    made = []
    for number in np.linspace(0, len(sample) - 1, frames).astype(int):
        rows = sample.rows(number)
        share = random.uniform(0.15, 0.85)
        scale = 1 + share * (COPPER / ALUMINIUM - 1)
        positions = sample.positions[rows]
        corner = np.argsort(positions.sum(axis=1))[:32]
        symbols = np.where(random.random(32) < share, "Cu", "Al")
        atoms = ase.Atoms(list(symbols), scale * positions[corner])
        atoms.calc = EMT()
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
        made.append(atoms)
    ase.io.write(path, made, format="extxyz")
    return path

"""What made the data, asked again: EMT."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bpbench.data.frames import Floats, Ints


def emt(positions: Floats, cell: Floats, species: Ints) -> float:
    """Return the energy (eV) of a periodic frame by ASE's effective-medium theory.

    Parameters
    ----------
    positions, cell, species
        Å, Å (vectors as rows) and atomic numbers.
    """
    from ase import Atoms
    from ase.calculators.emt import EMT

    return float(Atoms(species, positions, cell=cell, pbc=True, calculator=EMT()).get_potential_energy())

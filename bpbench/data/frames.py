"""Configurations: ragged, with energies and labels, in one set of long arrays; frames are those with a structure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from bpbench.elements import symbol

if TYPE_CHECKING:
    from collections.abc import Mapping

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Configurations:
    """F configurations with A atoms in all, as a training sees them; rows of f are ``offsets[f]:offsets[f+1]``.

    Attributes
    ----------
    offsets : ndarray of int, shape (F + 1,)
        First atom row of each configuration, then A.
    energy : ndarray, shape (F,)
        Total potential energy, eV.
    forces : ndarray, shape (A, 3), or None
        eV/Å.
    id : ndarray of int, shape (F,)
        Number of the configuration in its source, from 0.
    group : ndarray of str, shape (F,)
        State point or kind of configuration.
    block : ndarray of str, shape (F,)
        Stretch of one trajectory: the unit that may be split, because neighbouring frames are near copies.
    temperature : ndarray, shape (F,), or None
        K.
    blocks_declared : bool
        Whether the blocks came with the data (else they were cut from consecutive configurations).
    guard : ndarray of bool, shape (F,), or None
        Configurations at the borders between blocks, which no split uses; ``None`` where there are none.
    """

    offsets: Ints
    energy: Floats
    forces: Floats | None
    id: Ints
    group: npt.NDArray[np.str_]
    block: npt.NDArray[np.str_]
    temperature: Floats | None
    blocks_declared: bool
    guard: npt.NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        """Return the number of configurations F."""
        return len(self.energy)

    @property
    def atoms(self) -> Ints:
        """Atoms in each configuration, shape (F,)."""
        return np.diff(self.offsets)

    @property
    def used(self) -> Ints:
        """Numbers of the configurations that a split may use: all but the guards between blocks."""
        everything = np.arange(len(self), dtype=np.int64)
        return everything if self.guard is None else everything[~self.guard]

    def rows(self, frame: int) -> slice:
        """Return the atom rows of one configuration."""
        return slice(int(self.offsets[frame]), int(self.offsets[frame + 1]))

    def to_arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return the arrays by field name, leaving out those that are ``None``."""
        named = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: np.asarray(value) for name, value in named.items() if value is not None}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> Self:
        """Build the value back from :meth:`to_arrays`; arrays of other names are left aside."""
        values: dict[str, Any] = {item.name: arrays.get(item.name) for item in fields(cls)}
        values["blocks_declared"] = bool(arrays["blocks_declared"])
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames(Configurations):
    """Configurations with their structure: what descriptors are computed from.

    Attributes
    ----------
    positions : ndarray, shape (A, 3)
        Å.
    cells : ndarray, shape (F, 3, 3)
        Cell vectors as rows (as in ASE), Å.
    pbc : ndarray of bool, shape (F, 3)
        Periodic along each cell vector.
    species : ndarray of int, shape (A,)
        Atomic numbers.
    """

    positions: Floats
    cells: Floats
    pbc: npt.NDArray[np.bool_]
    species: Ints

    @property
    def elements(self) -> list[str]:
        """Chemical symbols present, by atomic number."""
        return [symbol(int(number)) for number in np.unique(self.species)]

    def take(self, chosen: Ints) -> Frames:
        """Return some of the frames, in the order of their numbers in ``chosen``; ``id`` keeps the source's numbers."""
        chosen = np.asarray(chosen, dtype=np.int64)
        parts = [np.arange(self.offsets[frame], self.offsets[frame + 1]) for frame in chosen]
        rows = np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
        return Frames(
            positions=self.positions[rows],
            cells=self.cells[chosen],
            pbc=self.pbc[chosen],
            species=self.species[rows],
            offsets=np.concatenate([[0], np.cumsum(self.atoms[chosen])]).astype(np.int64),
            energy=self.energy[chosen],
            forces=None if self.forces is None else self.forces[rows],
            id=self.id[chosen],
            group=self.group[chosen],
            block=self.block[chosen],
            temperature=None if self.temperature is None else self.temperature[chosen],
            blocks_declared=self.blocks_declared,
            guard=None if self.guard is None else self.guard[chosen],
        )

"""Frames: ragged periodic configurations with energies, in one set of long arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Frames:
    """F configurations with A atoms in all; atom rows of frame f are ``offsets[f]:offsets[f+1]``.

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
    offsets : ndarray of int, shape (F + 1,)
        First atom row of each frame, then A.
    energy : ndarray, shape (F,)
        Total potential energy, eV.
    forces : ndarray, shape (A, 3), or None
        eV/Å.
    id : ndarray of int, shape (F,)
        Number of the frame in its source, from 0.
    group : ndarray of str, shape (F,)
        State point or kind of configuration.
    block : ndarray of str, shape (F,)
        Stretch of one trajectory: the unit that may be split, because neighbouring frames are near copies.
    temperature : ndarray, shape (F,), or None
        K.
    blocks_declared : bool
        Whether the blocks came with the data (else they were cut from consecutive frames).
    """

    positions: Floats
    cells: Floats
    pbc: npt.NDArray[np.bool_]
    species: Ints
    offsets: Ints
    energy: Floats
    forces: Floats | None
    id: Ints
    group: npt.NDArray[np.str_]
    block: npt.NDArray[np.str_]
    temperature: Floats | None
    blocks_declared: bool

    def __len__(self) -> int:
        """Return the number of frames F."""
        return len(self.energy)

    @property
    def atoms(self) -> Ints:
        """Atoms in each frame, shape (F,)."""
        return np.diff(self.offsets)

    def rows(self, frame: int) -> slice:
        """Return the atom rows of one frame."""
        return slice(int(self.offsets[frame]), int(self.offsets[frame + 1]))

    def to_arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return the arrays by field name, leaving out those that are ``None``."""
        named = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: np.asarray(value) for name, value in named.items() if value is not None}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> Frames:
        """Build frames back from :meth:`to_arrays`."""
        values = {item.name: arrays.get(item.name) for item in fields(cls)}
        values["blocks_declared"] = bool(arrays["blocks_declared"])  # type: ignore[assignment]
        return cls(**values)  # type: ignore[arg-type]

"""Small problems with forces: rattled cells of EMT metals, and the geometry behind their descriptors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from bpbench.descriptors.slopes import slopes
from bpbench.descriptors.symmetry import evaluate
from bpbench.features import G2, G5
from bpbench.models.contract import Problem, Slopes

if TYPE_CHECKING:
    from bpbench.features import Feature
    from bpbench.models.contract import Floats

ALONE: tuple[Feature, ...] = (
    *(G2(eta, 0.0, 5.0) for eta in (0.02, 0.2, 0.6)),
    *(G2(2.0, shift, 5.0) for shift in (2.6, 3.6)),
    G5(0.05, 1, 1, 5.0),
    G5(0.05, 4, -1, 5.0),
)
ALLOYED: tuple[Feature, ...] = (
    *(G2(eta, 0.0, 5.0, of=symbol) for symbol in ("Al", "Cu") for eta in (0.02, 0.4)),
    G5(0.05, 1, 1, 5.0, of=("Al", "Cu")),
    G5(0.05, 4, -1, 5.0, of=("Cu", "Cu")),
)


@dataclass(frozen=True)
class Geometry:
    """Frames, straight from the descriptors; Jacobians in single precision, as they are kept."""

    functions: tuple[Feature, ...]
    frames: tuple[Any, ...]

    def _of(self, frame: int) -> tuple[Any, ...]:
        atoms = self.frames[frame]
        return self.functions, atoms.positions, np.array(atoms.cell), atoms.pbc, atoms.numbers

    def values(self, frame: int) -> Floats:
        return evaluate(*self._of(frame)).values

    def adjoint(self, frame: int, weights: Floats) -> Floats:
        return evaluate(*self._of(frame)).adjoint(weights)

    def tangent(self, frame: int, velocities: Floats) -> Floats:
        return evaluate(*self._of(frame)).tangent(velocities)

    def slopes(self, frame: int) -> Slopes:
        border, index, found = slopes(*self._of(frame))
        return Slopes(border, index, found.astype(np.float32))


@lru_cache(maxsize=2)
def with_forces(elements: int, frames: int = 14) -> Problem:
    """Return a problem of aluminium, or of an alloy with copper whose frames differ in composition and size."""
    from ase.build import bulk
    from ase.calculators.emt import EMT

    random, made = np.random.default_rng(elements), []
    for number in range(frames):
        atoms = bulk("Al", "fcc", a=4.0 + 0.02 * (number % 4), cubic=True) * (2 if number % 3 else 1, 1, 1)
        atoms.positions += random.normal(0, 0.12, (len(atoms), 3))
        if elements > 1:
            atoms.numbers[random.permutation(len(atoms))[: 1 + number % (len(atoms) - 1)]] = 29
        atoms.calc = EMT()
        made.append(atoms)
    geometry = Geometry(ALONE if elements == 1 else ALLOYED, tuple(made))
    numbers = np.concatenate([atoms.numbers for atoms in made])
    return Problem(
        names=tuple(function.name for function in geometry.functions),
        values=np.concatenate([geometry.values(frame) for frame in range(frames)], axis=1),
        offsets=np.concatenate([[0], np.cumsum([len(atoms) for atoms in made])]),
        energy=np.array([atoms.get_potential_energy() for atoms in made]),
        train=np.arange(0, frames - 6),
        validation=np.arange(frames - 6, frames - 3),
        test=np.arange(frames - 3, frames),
        elements=("Al",) if elements == 1 else ("Al", "Cu"),
        kind=None if elements == 1 else (numbers == 29).astype(np.int64),
        # copper's network does not see the last but one function
        centres=() if elements == 1 else (("Al", (0, 1, 2, 3, 4, 5)), ("Cu", (0, 1, 2, 3, 5))),
        forces=np.concatenate([atoms.get_forces() for atoms in made]),
        geometry=geometry,
    )

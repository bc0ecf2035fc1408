"""A potential of n2p2 or RuNNer as a contestant: it is read, asked for the energies of all frames, and scored.

Nothing is learned but, where it is asked for, an energy for each element (``shift: fitted``).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from bpbench.elements import NUMBERS
from bpbench.errors import DataError
from bpbench.formats.n2p2_folder import read_folder
from bpbench.models.contract import Fit
from bpbench.n2p2_potential import N2p2Potential

if TYPE_CHECKING:
    from collections.abc import Hashable

    from bpbench.data.frames import Floats, Frames, Ints
    from bpbench.formats.n2p2_text import Units
    from bpbench.jobs import N2p2
    from bpbench.models.contract import Problem

#: Frames by which the declared units are tried.
TRIED: Final = 8
#: Units are wrong with at least the first share of atoms beyond the ranges as declared, and the second in the others.
OUTSIDE, INSIDE = 0.5, 0.1
#: Answers that are kept.
_KEPT: Final = 4
#: From this share of the atoms on, the potential is asked for what it does not know.
MANY: Final = 0.5
#: Share of an error that is left without an energy for each element, below which the data have another zero.
LEFT: Final = 0.2
_OTHER: Final[dict[Units, Units]] = {"angstrom-ev": "bohr-hartree", "bohr-hartree": "angstrom-ev"}


@dataclass(frozen=True, slots=True)
class _Answers:
    """What a potential says of all frames: energies (F,), forces (A, 3), and which of the A atoms lie beyond ranges."""

    energy: Floats
    forces: Floats
    beyond: Floats
    parameters: int


#: The answers last given in this process: a potential says the same whatever the split.
_given: OrderedDict[Hashable, _Answers] = OrderedDict()


def fit(model: N2p2, frames: Frames, problem: Problem, *, key: Hashable, forces: bool) -> Fit:
    """Return a potential's energies of all frames.

    Parameters
    ----------
    model : N2p2
        Where it lies and what is added to it.
    frames : Frames
        The data.
    problem : Problem
        The same with their split; energies of training configurations alone are looked at.
    key : hashable
        What tells these frames from others.
    forces : bool
        Whether forces are wanted.

    Raises
    ------
    DataError
        When the files have changed, the frames hold an element that the potential does not know, or its units are
        wrong.
    """
    asked = (key, model, forces)
    if asked not in _given:
        _given[asked] = _ask(model, frames, forces=forces)
        while len(_given) > _KEPT:
            _given.popitem(last=False)
    told = _given[asked]
    counts = np.array([_counts(frames, frame) for frame in range(len(frames))])
    shift, left = _shift(counts, problem, told.energy)
    remarks = [*_extrapolating(float(told.beyond.mean())), *_of_shift(model, frames, shift, left)]
    added = counts @ shift if model.shift == "fitted" else 0.0
    return Fit(
        told.energy + added,
        parameters={"shift": shift} if model.shift == "fitted" else {},
        parameter_count=told.parameters,
        remarks=tuple(remarks),
        forces=told.forces if forces else None,
    )


def read(model: N2p2) -> N2p2Potential:
    """Return the potential of a model, if its files are those of which the digest was taken."""
    trained = read_folder(Path(model.folder), units=model.units)
    if model.sha256 not in {"", trained.sha256}:
        raise DataError(f"{model.folder}: the potential has changed since the protocol was read; start again.")
    return N2p2Potential(trained)


def _ask(model: N2p2, frames: Frames, *, forces: bool) -> _Answers:
    potential = read(model)
    _try_units(model, potential, frames)
    energy, moved, beyond = np.empty(len(frames)), np.zeros((len(frames.positions), 3)), np.empty(len(frames.positions))
    for frame in range(len(frames)):
        rows = frames.rows(frame)
        try:
            answer = potential.answer(
                frames.positions[rows], frames.cells[frame], frames.pbc[frame], frames.species[rows], forces=forces
            )
        except DataError as error:
            raise DataError(f"Frame {int(frames.id[frame])}: {error}") from error
        energy[frame], moved[rows], beyond[rows] = answer.energy, answer.forces, answer.beyond.any(axis=0)
    return _Answers(energy, moved, beyond, potential.parameter_count)


def _try_units(model: N2p2, potential: N2p2Potential, frames: Frames) -> None:
    """Refuse units in which nearly all atoms lie beyond the training ranges, when nearly none do in the others."""
    chosen = np.unique(np.linspace(0, len(frames) - 1, TRIED).round().astype(np.int64))
    here = _share_beyond(potential, frames, chosen)
    if here < OUTSIDE:
        return
    other = _OTHER[model.units]
    there = _share_beyond(N2p2Potential(read_folder(Path(model.folder), units=other)), frames, chosen)
    if there <= INSIDE:
        raise DataError(
            f"{model.folder}: read in {model.units}, {100 * here:.0f} % of the atoms of {len(chosen)} frames lie "
            f"beyond the ranges of scaling.data, read in {other} {100 * there:.0f} %; write units: {other}."
        )


def _share_beyond(potential: N2p2Potential, frames: Frames, chosen: Ints) -> float:
    seen = []
    for frame in chosen.tolist():
        rows = frames.rows(frame)
        answer = potential.answer(
            frames.positions[rows], frames.cells[frame], frames.pbc[frame], frames.species[rows], forces=False
        )
        seen.append(answer.beyond.any(axis=0))
    return float(np.concatenate(seen).mean())


def _counts(frames: Frames, frame: int) -> Floats:
    species = frames.species[frames.rows(frame)]
    return np.array([float((species == NUMBERS[element]).sum()) for element in frames.elements])


def _shift(counts: Floats, problem: Problem, energy: Floats) -> tuple[Floats, tuple[float, float]]:
    """Return the energy for each element (eV), and the error per atom (eV) over training frames without and with it."""
    train = problem.train
    missed, atoms = problem.energy[train] - energy[train], problem.atoms[train]
    shift = np.asarray(np.linalg.lstsq(counts[train], missed, rcond=None)[0], dtype=np.float64)
    before, after = (
        float(np.sqrt(np.mean((error / atoms) ** 2))) for error in (missed, missed - counts[train] @ shift)
    )
    return shift, (before, after)


def _extrapolating(share: float) -> list[str]:
    if not share:
        return []
    told = f"Of all atoms a share of {share:.2g} lies beyond the ranges that the potential was trained in"
    return [
        f"{told}; are its units right, and is scaling.data its own?" if share > MANY else f"{told}: it extrapolates."
    ]


def _of_shift(model: N2p2, frames: Frames, shift: Floats, left: tuple[float, float]) -> list[str]:
    told = ", ".join(f"{element} {value:+.6g} eV" for element, value in zip(frames.elements, shift, strict=True))
    if model.shift == "fitted":
        return [f"To the potential's energies are added, for each atom: {told}, by least squares over training frames."]
    before, after = left
    if before > 0 and after < LEFT * before:
        off = (
            f"The potential's energies are {1000 * before:.4g} meV per atom off, and {1000 * after:.4g} with an energy"
        )
        return [f"{off} added for each atom ({told}); if the data have another zero, say shift: fitted."]
    return []

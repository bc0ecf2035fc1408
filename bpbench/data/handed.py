"""What goes to somebody else's program and what comes back: files of structures, and a file of predictions.

==================  =================================================================================================
predictions         what is read of them
==================  =================================================================================================
``.csv``            columns ``id`` and ``energy``, the lines in any order
``.npz``            ``energy`` (F,) in the order of the structures; ``forces`` (A, 3) where they are predicted
``.extxyz``         the structures with energies, and forces, in their order, as ASE reads them
``.data``           the same as an ``input.data`` of n2p2
==================  =================================================================================================

Structures are numbered from 0 in the file that the program was given; an extended XYZ says the number as ``id``. What
is to be predicted is written without energies and forces; an ``input.data`` cannot leave them out and says 0.
"""

from __future__ import annotations

import csv
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bpbench.data import ase_files, n2p2_files, readers
from bpbench.data.frames import Frames
from bpbench.elements import symbol
from bpbench.errors import DataError
from bpbench.formats.n2p2 import Structure, write_structures
from bpbench.formats.packed import check_zip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bpbench.data.frames import Floats, Ints
    from bpbench.formats.n2p2_text import Units

#: Digits of the longest id that is read.
_DIGITS: Final = 18
#: Characters of a reason that are told: it may quote a file that holds anything.
_LONGEST: Final = 300
#: Å by which an atom may have moved in a structure that comes back.
MOVED: Final = 1e-3


def write(path: Path, frames: Frames, chosen: Ints, *, kind: str, units: Units, labelled: bool) -> None:
    """Write some frames for a program to read.

    Parameters
    ----------
    path : Path
        The file.
    frames : Frames
        The data.
    chosen : ndarray of int
        Which of the frames, in the order in which they are written.
    kind : {'extxyz', 'input.data'}
        Its format.
    units : str
        Of an ``input.data``.
    labelled : bool
        Whether energies, and forces where the data have them, are told.
    """
    if kind == "input.data":
        write_structures(path, (_structure(frames, int(frame), labelled) for frame in chosen), units=units)
        return
    with path.open("w", encoding="utf-8") as stream:
        for frame in chosen:
            stream.writelines(_extxyz(frames, int(frame), labelled))


def _structure(frames: Frames, frame: int, labelled: bool) -> Structure:
    rows = frames.rows(frame)
    periodic = frames.pbc[frame]
    if periodic.any() and not periodic.all():
        raise DataError(
            f"Frame {frame} is periodic along some of its axes, which an input.data cannot say; expected reads: extxyz."
        )
    told = labelled and frames.forces is not None
    return Structure(
        positions=frames.positions[rows],
        species=frames.species[rows],
        energy=float(frames.energy[frame]) if labelled else 0.0,
        forces=frames.forces[rows] if told and frames.forces is not None else np.zeros((rows.stop - rows.start, 3)),
        cell=frames.cells[frame] if periodic.all() else None,
        charges=np.zeros(rows.stop - rows.start),
        comment=f"id {frame}",
    )


def _extxyz(frames: Frames, frame: int, labelled: bool) -> Iterator[str]:
    rows = frames.rows(frame)
    forces = frames.forces[rows] if labelled and frames.forces is not None else None
    cell = " ".join(map(repr, frames.cells[frame].ravel().tolist()))
    periodic = " ".join("T" if along else "F" for along in frames.pbc[frame])
    columns = "species:S:1:pos:R:3" + ("" if forces is None else ":forces:R:3")
    energy = f" energy={float(frames.energy[frame])!r}" if labelled else ""
    yield f"{rows.stop - rows.start}\n"
    yield f'Lattice="{cell}" Properties={columns} pbc="{periodic}" id={frame}{energy}\n'
    numbers = frames.positions[rows] if forces is None else np.hstack([frames.positions[rows], forces])
    for number, row in zip(frames.species[rows].tolist(), numbers.tolist(), strict=True):
        yield f"{symbol(number)} {' '.join(map(repr, row))}\n"


def read(path: Path, frames: Frames, *, units: Units, forces: bool) -> tuple[Floats, Floats | None]:
    """Read the predictions of a program for all frames.

    Parameters
    ----------
    path : Path
        The file; the end of its name says its format.
    frames : Frames
        What was to be predicted.
    units : str
        Of an ``input.data``.
    forces : bool
        Whether forces are predicted.

    Returns
    -------
    tuple of ndarray
        Energies (F,) in eV; forces (A, 3) in eV/Å, or ``None``. They need not be finite.

    Raises
    ------
    DataError
        When there is no such file, or it does not hold one prediction for each frame.
    """
    if not path.is_file():
        raise DataError(f"it left no file {path.name} in its folder")
    readers_by_end = {".csv": _read_csv, ".npz": _read_npz}
    try:
        if path.suffix in readers_by_end:
            energy, predicted = readers_by_end[path.suffix](path, len(frames))
        else:
            energy, predicted = _read_frames(path, frames, units)
    except DataError as error:
        why = "".join(filter(str.isprintable, str(error).replace(f"{path.parent}/", "")))
        raise DataError(why.rstrip(".") if len(why) <= _LONGEST else f"{why[:_LONGEST]} …") from error
    if not forces:
        return energy, None
    shape = (len(frames.positions), 3)
    if predicted is None or predicted.shape != shape:
        found = "none" if predicted is None else f"an array of shape {predicted.shape}"
        raise DataError(f"{path.name} should hold the forces of all {shape[0]} atoms, shape {shape}, found {found}")
    return energy, predicted


def _number(path: Path, words: list[str], line: int) -> float:
    try:
        return float(words[-1])
    except ValueError:
        raise DataError(f"{path.name}, line {line}: expected a number, found '{words[-1][:40]}'") from None


def _read_csv(path: Path, count: int) -> tuple[Floats, None]:
    with path.open(encoding="utf-8", errors="replace", newline="") as stream:
        try:
            rows = list(csv.reader(stream))
        except csv.Error as error:
            raise DataError(f"{path.name} cannot be read as a table ({error})") from error
    head = [name.strip() for name in rows[0]] if rows else []
    if not {"id", "energy"} <= set(head):
        raise DataError(f"{path.name} should have the columns id and energy, found {', '.join(head)[:80] or 'none'}")
    places = head.index("id"), head.index("energy")
    energy: dict[int, float] = {}
    for line, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        if len(row) != len(head):
            raise DataError(f"{path.name}, line {line}: expected {len(head)} values, found {len(row)}")
        number = row[places[0]].strip()
        known = number.isdecimal() and len(number) <= _DIGITS and int(number) < count
        if not known or int(number) in energy:
            again = known and int(number) in energy
            found = f"{number} again" if again else f"'{number[:40]}'"
            raise DataError(f"{path.name}, line {line}: expected each id from 0 to {count - 1} once, found {found}")
        energy[int(number)] = _number(path, [row[places[1]].strip()], line)
    if len(energy) < count:
        missing = next(number for number in range(count) if number not in energy)
        raise DataError(f"{path.name} should have {count} predictions, found {len(energy)}; id {missing} has none")
    return np.array([energy[number] for number in range(count)]), None


def _read_npz(path: Path, count: int) -> tuple[Floats, Floats | None]:
    held: dict[str, Any] = {}
    try:
        check_zip(path)
        with np.load(path, allow_pickle=False) as file:
            for name in {"energy", "forces"} & set(file):
                held[name] = file[name].astype(np.float64, casting="same_kind")
    except (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path.name} cannot be read as an npz of numbers ({type(error).__name__})") from error
    energy = held.get("energy")
    if energy is None or energy.shape != (count,):
        found = "none" if energy is None else f"shape {energy.shape}"
        raise DataError(f"{path.name} should hold 'energy' of shape ({count},), found {found}")
    return energy, held.get("forces")


def _read_frames(path: Path, frames: Frames, units: Units) -> tuple[Floats, Floats | None]:
    # Read without the checks of data to learn from: a number that is none is an answer too, and a bad one.
    if not path.read_bytes().strip():
        raise DataError(f"{path.name} should hold {len(frames)} structures, found none")
    found = (n2p2_files if path.suffix == ".data" else ase_files).read(path, readers.open_source(path, units=units))
    if len(found) != len(frames):
        raise DataError(f"{path.name} should hold {len(frames)} structures, found {len(found)}")
    for frame in range(len(frames)):
        ours, theirs = frames.rows(frame), found.rows(frame)
        same = np.array_equal(frames.species[ours], found.species[theirs])
        if not same or _distance(frames, found, frame) > MOVED:
            raise DataError(
                f"{path.name}, structure {frame}: its atoms are not those of the structure {frame} that was given; "
                "expected all of them in their order"
            )
    return found.energy, found.forces


def _distance(frames: Frames, found: Frames, frame: int) -> float:
    """Return by how far (Å) an atom is elsewhere at most, where whole periods do not count."""
    moved = found.positions[found.rows(frame)] - frames.positions[frames.rows(frame)]
    if frames.pbc[frame].all():
        share = moved @ np.linalg.inv(frames.cells[frame])
        moved = (share - np.round(share)) @ frames.cells[frame]
    return float(np.abs(moved).max())

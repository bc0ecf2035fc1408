"""Our own file of frames: the arrays of :class:`~bpbench.data.frames.Frames` in one compressed ``.npz``."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Final

import numpy as np

from bpbench.data.frames import Frames
from bpbench.errors import DataError, nearest
from bpbench.formats.packed import check_zip

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

#: Stored positions are whole numbers of 1/STEPS_PER_ANGSTROM Å where they are given to that precision.
STEPS_PER_ANGSTROM: Final = 100_000
#: Every member of the archive carries this date, so that equal frames give equal bytes.
_DATE: Final = (1980, 1, 1, 0, 0, 0)
_OPTIONAL: Final = ("forces", "temperature", "guard")
_KIND: Final = {
    "positions": "fi",
    "cells": "fi",
    "pbc": "b",
    "species": "i",
    "offsets": "i",
    "energy": "f",
    "forces": "f",
    "id": "i",
    "group": "U",
    "block": "U",
    "temperature": "f",
    "blocks_declared": "b",
    "guard": "b",
}


def save(path: Path, frames: Frames, *, method: str | None = None) -> None:
    """Write frames to a compressed ``.npz``; equal frames give equal bytes.

    Positions that are whole multiples of 10⁻⁵ Å are stored as such numbers, which is exact and takes a third of the
    space; others as float64. Forces are stored as float32, energies and cells as float64.

    Parameters
    ----------
    path : Path
        The file to write.
    frames : Frames
        What it shall hold.
    method : str, optional
        How the energies were computed, such as ``EMT``; reports show it beside the data.
    """
    arrays = frames.to_arrays()
    if method is not None:
        arrays["method"] = np.asarray(method)
    steps = np.rint(frames.positions * STEPS_PER_ANGSTROM)
    if np.array_equal(steps / STEPS_PER_ANGSTROM, frames.positions) and np.abs(steps).max(initial=0) < 2**31:
        arrays["positions"] = steps.astype(np.int32)
    if frames.forces is not None:
        arrays["forces"] = frames.forces.astype(np.float32)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(arrays):
            member = zipfile.ZipInfo(f"{name}.npy", date_time=_DATE)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            with archive.open(member, "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.asarray(arrays[name]), allow_pickle=False)


def method(path: Path) -> str | None:
    """Return how the energies of a file written by :func:`save` were computed, if it says so."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return str(archive["method"]) if "method" in archive.files else None
    except Exception as error:
        raise DataError(f"{path}: the array 'method' cannot be read ({error}).") from error


def load(path: Path) -> Frames:
    """Read frames back from :func:`save`: floats as float64, whole numbers as int64.

    Parameters
    ----------
    path : Path
        A file written by :func:`save`.

    Returns
    -------
    Frames
        With positions in Å, whichever way they were stored.

    Raises
    ------
    DataError
        When the file is no archive of frames: a member is missing, unknown, of the wrong kind or of the wrong length.
    """
    try:
        check_zip(path)
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except Exception as error:
        raise DataError(f"{path}: expected frames in an .npz file, but it cannot be read ({error}).") from error
    missing = [name for name in _KIND if name not in arrays and name not in _OPTIONAL]
    if missing:
        hint = nearest(missing[0], arrays)
        raise DataError(
            f"{path}: expected the arrays of frames as `bpbench data make` writes them, but '{missing[0]}' is "
            f"missing{hint}"
        )
    for name, kinds in _KIND.items():
        if name in arrays and arrays[name].dtype.kind not in kinds:
            raise DataError(f"{path}: the array '{name}' has the unexpected type {arrays[name].dtype}.")
    if arrays["positions"].dtype.kind == "i":
        arrays["positions"] = arrays["positions"] / STEPS_PER_ANGSTROM
    arrays = {name: _widened(array) for name, array in arrays.items() if name in _KIND}
    _check_shapes(path, arrays)
    return Frames.from_arrays(arrays)


def _widened(array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    if array.dtype.kind == "f":
        return array.astype(np.float64)
    return array.astype(np.int64) if array.dtype.kind == "i" else array


def _check_shapes(path: Path, arrays: dict[str, npt.NDArray[np.generic]]) -> None:
    F, A = len(np.atleast_1d(arrays["energy"])), len(np.atleast_1d(arrays["species"]))
    expected: dict[str, tuple[int, ...]] = {
        "positions": (A, 3),
        "cells": (F, 3, 3),
        "pbc": (F, 3),
        "species": (A,),
        "offsets": (F + 1,),
        "energy": (F,),
        "forces": (A, 3),
        "id": (F,),
        "group": (F,),
        "block": (F,),
        "temperature": (F,),
        "blocks_declared": (),
        "guard": (F,),
    }
    for name, shape in expected.items():
        if name in arrays and arrays[name].shape != shape:
            raise DataError(
                f"{path}: the array '{name}' has shape {arrays[name].shape}, expected {shape} for {F} frames with "
                f"{A} atoms in all."
            )
    offsets = np.asarray(arrays["offsets"], dtype=np.int64)
    if offsets[0] != 0 or offsets[-1] != A or (np.diff(offsets) < 1).any():
        raise DataError(f"{path}: the array 'offsets' must rise from 0 to {A}, the number of atoms.")

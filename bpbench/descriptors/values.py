"""Values of many frames, some of them at a time: what they cost, how they spread, and a file that holds them.

The file is an ``.npz`` with ``values`` (atoms, features), ``names`` (features,), ``offsets`` (frames + 1,), ``energy``
(where every frame carries one), ``group`` and ``id`` (frames,) and ``species`` (atoms,). It is written under another
name beside its place and renamed when it is whole, so that nobody ever meets half of one.
"""

from __future__ import annotations

import os
import shutil
import time
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt

from bpbench.descriptors.neighbours import neighbours
from bpbench.descriptors.symmetry import describe_frames
from bpbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from bpbench.data.frames import Frames
    from bpbench.features import Feature

Floats = npt.NDArray[np.float64]
Precision = Literal["float64", "float32"]

#: Values computed at a time, in bytes.
PORTION: Final = 64 * 2**20
#: Frames described at a time, so that a few functions with many neighbours say how far they are too.
AT_ONCE: Final = 32
#: Frames in which neighbours are counted.
COUNTED: Final = 64


@dataclass(frozen=True, slots=True)
class Survey:
    """What came out of describing all frames.

    Attributes
    ----------
    atoms : int
        Atoms described.
    seconds : float
        Wall time of the descriptors alone, neighbour lists included, reading and writing not.
    seconds_first : float
        Wall time of the first frame, which was described once before: it includes loading compiled code.
    least, mean, greatest : ndarray, shape (D,)
        Of each function over all atoms.
    """

    atoms: int
    seconds: float
    seconds_first: float
    least: Floats
    mean: Floats
    greatest: Floats


def survey(
    functions: Sequence[Feature],
    frames: Frames,
    *,
    threads: int = 1,
    centres: npt.NDArray[np.bool_] | None = None,
    keep: Callable[[Floats], None] | None = None,
    watch: Callable[[int], None] | None = None,
) -> Survey:
    """Describe all frames, some at a time.

    Parameters
    ----------
    functions : sequence of G2, G4 or G5
        D of them.
    frames : Frames
        With A atoms.
    threads : int
        Threads at once.
    centres : ndarray of bool, shape (A,), optional
        The atoms whose values count; all without it.
    keep : callable, optional
        Is given the values of each portion, shape (atoms, D), in order.
    watch : callable, optional
        Is told how many frames are described.

    Raises
    ------
    FeatureError, DataError
        See :func:`bpbench.descriptors.symmetry.describe_frames`; also when no atom counts.
    """
    if centres is not None and not centres.any():
        raise DataError("None of the atoms counts; there is nothing to describe.")
    start = time.perf_counter()
    describe_frames(functions, frames, 0, 1, threads=threads)
    first_s = time.perf_counter() - start
    atoms, seconds = 0, 0.0
    least, greatest = np.full(len(functions), np.inf), np.full(len(functions), -np.inf)
    total = np.zeros(len(functions))
    for first, last in portions(frames, len(functions)):
        start = time.perf_counter()
        part = describe_frames(functions, frames, first, last, threads=threads)
        seconds += time.perf_counter() - start
        if centres is not None:
            part = part[:, centres[frames.offsets[first] : frames.offsets[last]]]
        atoms += part.shape[1]
        total += part.sum(axis=1)
        least = np.minimum(least, part.min(axis=1, initial=np.inf))
        greatest = np.maximum(greatest, part.max(axis=1, initial=-np.inf))
        if keep is not None:
            keep(part.T)
        if watch is not None:
            watch(last)
    return Survey(atoms, seconds, first_s, least, total / atoms, greatest)


def collect(functions: Sequence[Feature], frames: Frames, *, threads: int = 1) -> Floats:
    """Return the values of all frames at once, shape (A, D); see :func:`survey`."""
    # Feature-major inside: whoever asks for all values at once looks at them function by function.
    values = np.empty((len(functions), len(frames.species)))
    for first, last in portions(frames, len(functions)):
        rows = slice(frames.offsets[first], frames.offsets[last])
        values[:, rows] = describe_frames(functions, frames, first, last, threads=threads)
    return values.T


def portions(frames: Frames, functions: int) -> Iterator[tuple[int, int]]:
    """Yield ranges (first, last) of frames: about :data:`PORTION` bytes of values, at most :data:`AT_ONCE` frames."""
    limit = max(1, PORTION // (8 * functions))
    first = 0
    while first < len(frames):
        reach = int(np.searchsorted(frames.offsets, frames.offsets[first] + limit, side="right")) - 1
        last = min(max(first + 1, min(reach, first + AT_ONCE)), len(frames))
        yield first, last
        first = last


def neighbours_per_atom(frames: Frames, r_c: float) -> float:
    """Return the mean number of neighbours within ``r_c`` (Å), counted in at most 64 frames spread evenly.

    Parameters
    ----------
    frames : Frames
        Any.
    r_c : float
        Cutoff, Å.
    """
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), COUNTED)).round().astype(int))
    found = [
        len(neighbours(frames.positions[frames.rows(n)], frames.cells[n], frames.pbc[n], r_c).distance)
        for n in chosen.tolist()
    ]
    return sum(found) / int(frames.atoms[chosen].sum())


def means(functions: Sequence[Feature], frames: Frames, *, threads: int = 1) -> Floats:
    """Return each function averaged over the atoms of each frame, shape (frames, functions).

    Parameters
    ----------
    functions : sequence of G2, G4 or G5
        D of them.
    frames : Frames
        What to describe.
    threads : int
        Threads at once.
    """
    made = np.empty((len(frames), len(functions)))
    for first, last in portions(frames, len(functions)):
        part = describe_frames(functions, frames, first, last, threads=threads)
        starts = frames.offsets[first:last] - frames.offsets[first]
        made[first:last] = (np.add.reduceat(part, starts, axis=1) / frames.atoms[first:last]).T
    return made


def write(
    path: Path,
    functions: Sequence[Feature],
    frames: Frames,
    *,
    precision: Precision = "float64",
    threads: int = 1,
    centres: npt.NDArray[np.bool_] | None = None,
    watch: Callable[[int], None] | None = None,
) -> Survey:
    """Describe all frames into an ``.npz``, holding some of the values at a time; see the module for its arrays.

    Parameters
    ----------
    path : Path
        The file; one that exists is replaced once the new one is whole.
    functions : sequence of G2, G4 or G5
        D of them.
    frames : Frames
        What to describe.
    precision : {'float64', 'float32'}
        How the values are stored; they are computed in float64.
    threads : int
        Threads at once.
    centres : ndarray of bool, shape (A,), optional
        The atoms whose values are written; ``offsets`` and ``species`` are theirs alone.
    watch : callable, optional
        Is told how many frames are described.

    Raises
    ------
    FeatureError, DataError
        See :func:`survey`; also when the file cannot be written or its disk has not enough room.
    """
    dtype = np.dtype(precision).newbyteorder("<")
    counted = np.ones(len(frames.species), dtype=np.bool_) if centres is None else centres
    offsets = np.concatenate([[0], np.cumsum(counted)])[frames.offsets]
    shape = (int(offsets[-1]), len(functions))
    arrays = {
        "names": np.array([function.name for function in functions]),
        "offsets": offsets.astype(np.int64),
        **({} if np.isnan(frames.energy).any() else {"energy": frames.energy}),
        "group": frames.group,
        "id": frames.id,
        "species": frames.species[counted],
    }
    with _whole(path, shape[0] * shape[1] * dtype.itemsize) as archive:
        with _member(archive, "values") as stream:
            head = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(stream, head)

            def keep(part: Floats) -> None:
                stream.write(np.ascontiguousarray(part, dtype=dtype).data.cast("B"))

            told = survey(functions, frames, threads=threads, centres=centres, keep=keep, watch=watch)
        for name, array in arrays.items():
            with _member(archive, name) as stream:
                np.lib.format.write_array(stream, array, allow_pickle=False)
    return told


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    # One date for all, so that equal values give equal bytes.
    member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
    member.external_attr = 0o644 << 16
    return archive.open(member, "w", force_zip64=True)


@contextmanager
def _whole(path: Path, size: int) -> Iterator[zipfile.ZipFile]:
    """Open an archive that takes its place only when nothing went wrong."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        free = shutil.disk_usage(path.parent).free
        if free < size:
            raise DataError(
                f"{path}: the values take {size / 2**30:.1f} GiB and its disk has {free / 2**30:.1f} GiB left; make "
                "room, or store them as float32."
            )
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            yield archive
        beside.replace(path)
    except OSError as error:
        raise DataError(f"{path}: the file cannot be written ({error.strerror or error}).") from error
    finally:
        beside.unlink(missing_ok=True)

"""Frames given from Python, and their descriptors, which are kept so that a search over models computes them once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bpbench.data.ase_files import is_atoms, of_atoms
from bpbench.data.frames import Frames
from bpbench.descriptors.symmetry import describe_frames
from bpbench.errors import ParameterError
from bpbench.features import FeatureSet, preset

if TYPE_CHECKING:
    import numpy.typing as npt

    from bpbench.data.frames import Floats
    from bpbench.features import Feature

#: Bytes of descriptors that are kept.
_HELD: Final = 2**30


def frames_of(X: Any) -> Frames | None:
    """Return frames; ``None`` for what is to be an array."""
    if isinstance(X, Frames):
        return X
    if is_atoms(X):
        raise ParameterError("Expected a list of frames, found one ase.Atoms; put it into a list.")
    if isinstance(X, Sequence) and len(X) and is_atoms(X[0]):
        return of_atoms(X)
    if isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1 and len(X) and is_atoms(X[0]):
        return of_atoms(list(X))
    return None


def energies_of(frames: Frames, y: npt.ArrayLike | None) -> Floats:
    """Return the energies to learn from: those given, or those that the frames hold."""
    if y is None:
        missing = np.flatnonzero(np.isnan(frames.energy))
        if len(missing):
            raise ParameterError(
                f"y: no energies were given, and frame {missing[0]} holds none; give one energy (eV) for each frame."
            )
        return frames.energy
    energy = np.asarray(y, dtype=np.float64)
    if energy.shape != (len(frames),):
        raise ParameterError(
            f"y: expected one energy (eV) for each of {len(frames)} frames, found an array of shape {energy.shape}."
        )
    return energy


def functions_of(
    features: str | FeatureSet | Sequence[Feature] | None, elements: list[str], name: str
) -> tuple[Feature, ...]:
    """Return the symmetry functions for frames of these elements."""
    if features is None:
        raise ParameterError(
            f"{name}, features: frames are described by symmetry functions; name a set, such as "
            f"{name}('thesis-57-A'), or give the functions."
        )
    if isinstance(features, str):
        chosen = preset(features)
    else:
        chosen = features if isinstance(features, FeatureSet) else FeatureSet(tuple(features))
    return chosen.functions if len(elements) < 2 else chosen.resolved(elements).functions


# ----------------------------------------------------------------------------------------------------------- describing


#: Descriptors of the frames last described, by functions and frame.
_kept: OrderedDict[tuple[Any, ...], Floats] = OrderedDict()


def described(functions: tuple[Feature, ...], frames: Frames, threads: int) -> Floats:
    """Return the descriptors of frames, shape (D, A); those kept from before are not computed again."""
    keys = [(functions, *_bytes_of(frames, number)) for number in range(len(frames))]
    found = {key: _kept[key] for key in keys if key in _kept}
    fresh = [number for number, key in enumerate(keys) if key not in found]
    if fresh:
        chosen = frames.take(np.array(fresh))
        values = describe_frames(functions, chosen, 0, len(chosen), threads=threads)
        found |= {keys[number]: values[:, chosen.rows(place)].copy() for place, number in enumerate(fresh)}
    _kept.update((key, found[key]) for key in keys)
    for key in keys:
        _kept.move_to_end(key)
    held = sum(part.nbytes for part in _kept.values())
    while held > _HELD:
        held -= _kept.popitem(last=False)[1].nbytes
    return np.concatenate([found[key] for key in keys], axis=1)


def _bytes_of(frames: Frames, number: int) -> tuple[bytes, ...]:
    rows = frames.rows(number)
    parts = (frames.positions[rows], frames.cells[number], frames.pbc[number], frames.species[rows])
    return tuple(part.tobytes() for part in parts)

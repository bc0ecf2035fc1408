"""Frames given from Python, and their descriptors, which are kept so that a search over models computes them once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bpbench.data.ase_files import is_atoms, of_atoms
from bpbench.data.frames import Frames
from bpbench.descriptors.symmetry import describe_frames
from bpbench.errors import ParameterError
from bpbench.features import Feature, FeatureSet, preset

if TYPE_CHECKING:
    import numpy.typing as npt

    from bpbench.data.frames import Floats

#: How a set of symmetry functions is given: by the name of a preset, or as what it holds.
Features = str | FeatureSet | Sequence[Feature]

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


def features_of(features: Features | Mapping[str, Features] | None, elements: Sequence[str], name: str) -> FeatureSet:
    """Return the symmetry functions for frames of these elements, told apart by element where there are several.

    Parameters
    ----------
    features : str, FeatureSet, sequence of Feature, or mapping of these by element
        What an estimator was given.
    elements : sequence of str
        Chemical symbols, by atomic number.
    name : str
        The estimator, in what is said.
    """
    if features is None:
        raise ParameterError(
            f"{name}, features: frames are described by symmetry functions; name a set, such as "
            f"{name}('thesis-57-A'), or give the functions."
        )
    if isinstance(features, Mapping):
        if missing := [element for element in elements if element not in features]:
            raise ParameterError(
                f"{name}, features: there are functions for {', '.join(features) or 'no element'}, and the frames hold "
                f"{', '.join(missing)}; give every element its functions."
            )
        chosen = FeatureSet.by_element({element: _set(features[element]) for element in elements})
    else:
        chosen = _set(features)
    return chosen if len(elements) < 2 else chosen.resolved(elements)


def _set(features: Features) -> FeatureSet:
    if isinstance(features, str):
        return preset(features)
    return features if isinstance(features, FeatureSet) else FeatureSet(tuple(features))


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

"""What goes into a fit and what comes out of it; every model shares these two shapes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from bpbench.elements import NUMBERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bpbench.models.kernels import Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
#: By element of the central atom, the rows of the descriptors that its network sees; empty: all.
Centres = tuple[tuple[str, tuple[int, ...]], ...]


#: Bytes of slopes that are kept, and up to which they serve as adjoint and tangent.
MOST_SLOPES: Final = 2**31
#: Bytes of descriptors up to which they are laid out anew, configuration by configuration.
HELD: Final = 2**31


class Slopes(NamedTuple):
    """How every function of every atom of a frame changes with its neighbours; :mod:`bpbench.descriptors.slopes`.

    Attributes
    ----------
    border : ndarray of int, shape (n + 1,)
        Centre i owns the entries ``border[i]:border[i + 1]``.
    other : ndarray of int, shape (P,)
        The atom j of each entry, ascending within a centre; where (i, j) is an entry, so is (j, i).
    values : ndarray, shape (D, 3, P)
        J, per Å, in single precision where it is kept: 10⁻⁷ of a force is nothing beside its error.
    """

    border: Ints
    other: Ints
    values: npt.NDArray[np.floating]

    @property
    def bytes(self) -> int:
        """What they take."""
        return int(self.values.nbytes + self.other.nbytes)


class Geometry(Protocol):
    """What a model may ask of the frames behind descriptors: how these change when atoms move.

    Models know no positions. :class:`bpbench.potential.Structures` answers from a set of symmetry functions; the D rows
    are those of :attr:`Problem.values`, in their order.
    """

    def adjoint(self, frame: int, weights: Floats) -> Floats:
        """Return Σ_fi w_fi ∂G_fi/∂R for the n atoms of a frame, shape (n, 3), of weights of shape (D, n), per Å."""

    def tangent(self, frame: int, velocities: Floats) -> Floats:
        """Return the change of every function, shape (D, n), when atoms move by velocities of shape (n, 3), Å."""

    def slopes(self, frame: int) -> Slopes:
        """Return the whole Jacobian, for whom asks for adjoint, tangent or single rows again and again."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One learning problem: ragged configurations with descriptors, energies and a split.

    Attributes
    ----------
    names : tuple of str
        Names of the D inputs.
    values : ndarray, shape (D, A)
        Descriptor values, feature-major, of all A atoms.
    offsets : ndarray of int, shape (F + 1,)
        First atom of each of the F frames, then A.
    energy : ndarray, shape (F,)
        Reference energies, eV per configuration.
    train, validation, test : ndarray of int
        Frame numbers of each part, ascending and disjoint. A fit may look at ``energy[test]`` never.
    table : Table or None
        The same descriptors as :func:`bpbench.models.replica.table` lays them out, where many networks share them.
    elements : tuple of str
        Chemical symbols of the K elements, by atomic number; empty where nothing is known of them (tables).
    kind : ndarray of int, shape (A,), or None
        Place of each atom's element in ``elements``; ``None`` where there is at most one.
    centres : tuple of (str, tuple of int)
        By element, the rows of ``values`` that its network sees; empty: all.
    forces : ndarray, shape (A, 3), or None
        Reference forces, eV/Å. A fit may look at those of test configurations never.
    geometry : Geometry or None
        The frames behind the descriptors, where forces are learned.
    """

    names: tuple[str, ...]
    values: Floats
    offsets: Ints
    energy: Floats
    train: Ints
    validation: Ints
    test: Ints
    table: Table | None = None
    elements: tuple[str, ...] = ()
    kind: Ints | None = None
    centres: Centres = ()
    forces: Floats | None = None
    geometry: Geometry | None = None

    @property
    def atoms(self) -> Floats:
        """Atoms in each frame, shape (F,)."""
        return np.diff(self.offsets).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Fit:
    """What a fit gives back.

    Attributes
    ----------
    energy : ndarray, shape (F,), or None
        Predicted energies of all frames, eV per configuration; ``None`` where a model predicts forces alone.
    parameters : dict of str to ndarray
        Everything needed to evaluate the model again: weights, scaling, reference energies. Trees: empty, but that of
        boosters on forces ``rounds`` is what each of the three kept.
    curve : dict of str to ndarray
        Learning curve: ``epoch``, and RMSE per atom in meV as ``train`` and ``validation``; empty if there is none.
    checkpoint : int or None
        Epoch (or round) whose state was kept by validation, from 1; 0 for the ridge that a skip started from. None for
        an ensemble, whose networks have one each.
    converged : bool or None
        False if validation still improved at the end; None where the word has no meaning.
    parameter_count : int or None
        Number of fitted weights; None for trees.
    remarks : tuple of str
        Whole sentences worth telling the user (a constant feature that was dropped, ...).
    stopped : str or None
        ``patience`` or ``epochs``: what ended the training of a network.
    members : ndarray, shape (k, F), or None
        Energies by each network of an ensemble.
    forces : ndarray, shape (A, 3), or None
        Predicted forces of all atoms, eV/Å, of a model that predicts forces alone, or was trained elsewhere and says
        them; the forces of every other one are minus the derivative of its energy, see :mod:`bpbench.potential`.
    said : str or None
        The last lines that somebody else's program said.
    """

    energy: Floats | None
    parameters: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    curve: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    checkpoint: int | None = None
    converged: bool | None = None
    parameter_count: int | None = None
    remarks: tuple[str, ...] = ()
    stopped: str | None = None
    members: Floats | None = None
    forces: Floats | None = None
    said: str | None = None


#: Parameters that the elements of a fit share; all others of several elements begin with the symbol and a dot.
SHARED: Final = ("centre", "width", "intercept", "strength")

#: What the names of parameters begin with among the arrays that a training keeps.
_PARAMETER: Final = "parameter-"


def prefixed(parameters: Mapping[str, Floats], element: str) -> dict[str, Floats]:
    """Return parameters of one element by the names that they have among those of several."""
    return {name if name in SHARED else f"{element}.{name}": array for name, array in parameters.items()}


def of_element(parameters: Mapping[str, Floats], element: str) -> dict[str, Floats]:
    """Return the parameters of one element, named as if it were the only one, with those that all share."""
    begin = f"{element}."
    own = {name.removeprefix(begin): array for name, array in parameters.items() if name.startswith(begin)}
    return own | {name: array for name, array in parameters.items() if name in SHARED}


def elements_of(parameters: Mapping[str, Floats]) -> tuple[str, ...]:
    """Return the elements that the names of parameters begin with, by atomic number; none for those of one element."""
    found = {name.split(".")[0] for name in parameters if "." in name}
    return tuple(sorted(found, key=NUMBERS.__getitem__))


def to_arrays(parameters: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return the parameters of a fit by the names under which a training's result keeps them."""
    return {_PARAMETER + name: array for name, array in parameters.items()}


def from_arrays(arrays: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, Floats]:
    """Return the parameters among the arrays of a training's result, as :attr:`Fit.parameters` names them."""
    return {
        name.removeprefix(_PARAMETER): np.asarray(array, dtype=np.float64)
        for name, array in arrays.items()
        if name.startswith(_PARAMETER)
    }

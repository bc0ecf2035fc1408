r"""A fitted potential on frames: where a model's parameters and symmetry functions meet to give energies and forces.

.. math::
    E = \sum_i E_{e(i)}(G_i), \qquad \mathbf F_k = -\sum_i \frac{∂E}{∂G_i} · \frac{∂G_i}{∂\mathbf R_k}

with ∂E/∂G of the model (:func:`bpbench.models.gradient`) and the sum over i by the descriptors' adjoint
(:meth:`bpbench.descriptors.symmetry.Evaluation.adjoint`): neither room knows the other.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bpbench import models
from bpbench.descriptors.slopes import slopes
from bpbench.descriptors.symmetry import Evaluation, evaluate
from bpbench.elements import NUMBERS
from bpbench.errors import DataError
from bpbench.features import Column
from bpbench.jobs import Hdnn, Linear
from bpbench.models.contract import MOST_SLOPES, Slopes, from_arrays
from bpbench.models.scaling import of_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from bpbench.data.frames import Floats, Frames, Ints
    from bpbench.features import Feature
    from bpbench.jobs import Train
    from bpbench.models.contract import Centres

#: What a descriptor may lie beyond its range as a share of its size: pools may be stored in single precision.
_ROUNDING = 1e-6
#: Bytes of neighbour lists that :class:`Structures` keeps, about.
_HELD = 2**30
#: Bytes that one entry of a neighbour list takes, about.
_ENTRY = 120


@dataclass(frozen=True, slots=True)
class Answer:
    """What a potential says of one frame.

    Attributes
    ----------
    energy : float
        eV.
    forces : ndarray, shape (n, 3)
        eV/Å.
    beyond : ndarray of bool, shape (D, n)
        Where a descriptor lies outside its range over the training atoms of the atom's element: there a model
        extrapolates. Functions that an element's network does not see are never beyond.
    strain : ndarray, shape (3, 3)
        ∂E/∂ε of a strain that takes every vector r, of positions and of the cell, to r (1 + ε); eV. The stress is this
        by the cell's volume.
    values : ndarray, shape (D, n)
        The descriptors.
    """

    energy: float
    forces: Floats
    beyond: npt.NDArray[np.bool_]
    strain: Floats
    values: Floats


@dataclass(frozen=True, slots=True)
class Potential:
    """A fitted model with the functions that it is fed with.

    Attributes
    ----------
    model : Hdnn or Linear
        What was fitted.
    functions : tuple of Feature
        Its inputs, D of them, dropped ones included.
    parameters : dict of str to ndarray
        :attr:`bpbench.models.contract.Fit.parameters`.
    elements : tuple of str
        Chemical symbols of the elements it was trained on, by atomic number.
    centres : tuple of (str, tuple of int)
        By element of the central atom, the places in ``functions`` that its network sees; empty: all.
    """

    model: Hdnn | Linear
    functions: tuple[Feature, ...]
    parameters: dict[str, Floats]
    elements: tuple[str, ...]
    centres: Centres = ()

    @classmethod
    def of(cls, training: Train, arrays: Mapping[str, npt.NDArray[Any]], elements: Sequence[str]) -> Potential:
        """Return the potential of a network or linear model that was trained on symmetry functions.

        Parameters
        ----------
        training : Train
            What was asked.
        arrays : mapping of str to ndarray
            Of its stored result.
        elements : sequence of str
            Chemical symbols of its data, by atomic number.
        """
        functions = tuple(item for item in training.functions if not isinstance(item, Column))
        model = training.model
        assert isinstance(model, Hdnn | Linear)  # whoever asks refuses others, each in words of its own
        assert len(functions) == len(training.functions)
        return cls(model, functions, from_arrays(arrays), tuple(elements), training.centres)

    def answer(
        self, positions: npt.ArrayLike, cell: npt.ArrayLike, pbc: npt.ArrayLike, species: npt.ArrayLike
    ) -> Answer:
        """Return energy and forces of one frame.

        Parameters
        ----------
        positions, cell, pbc, species
            As for :func:`bpbench.descriptors.symmetry.evaluate`.

        Raises
        ------
        DataError
            For a frame that cannot be described, or that holds an element the potential was not trained on.
        """
        numbers = np.asarray(species, dtype=np.int64)
        self.check(numbers)
        seen = evaluate(self.functions, positions, cell, pbc, numbers)
        size = np.array([0, seen.values.shape[1]], dtype=np.int64)
        how: dict[str, Any] = {"kind": self._kind(numbers), "elements": self.elements, "centres": self.centres}
        energy = models.evaluate(self.model, self.parameters, seen.values, size, **how)
        slopes = models.gradient(self.model, self.parameters, seen.values, **how)
        gradient, strain = seen.slopes(slopes)
        return Answer(float(energy[0]), -gradient, self._beyond(seen.values, numbers), strain, seen.values)

    def energies(self, values: Floats, offsets: Ints, species: Ints) -> Floats:
        """Return energies in eV of frames that are described already, shape (F,).

        Parameters
        ----------
        values : ndarray, shape (D, A)
            The functions' values at the A atoms.
        offsets : ndarray of int, shape (F + 1,)
            First atom of each frame, then A.
        species : ndarray of int, shape (A,)
            Atomic numbers.

        Raises
        ------
        DataError
            For an element the potential was not trained on.
        """
        self.check(species)
        how: dict[str, Any] = {"kind": self._kind(species), "elements": self.elements, "centres": self.centres}
        return models.evaluate(self.model, self.parameters, values, offsets, **how)

    def _kind(self, numbers: Ints) -> Ints:
        """Return the place of each atom's element."""
        places = {NUMBERS[element]: place for place, element in enumerate(self.elements)}
        return np.array([places[number] for number in numbers.tolist()], dtype=np.int64)

    def check(self, numbers: Ints) -> None:
        """Refuse elements the potential was not trained on.

        Parameters
        ----------
        numbers : ndarray of int
            Atomic numbers.

        Raises
        ------
        DataError
            Naming them.
        """
        strange = sorted(set(numbers.tolist()) - {NUMBERS[element] for element in self.elements})
        if strange:
            names = [element for element, number in NUMBERS.items() if number in strange]
            raise DataError(
                f"The potential was trained on {', '.join(self.elements)}, and the frame holds {', '.join(names)}; "
                "give it frames of its own elements."
            )

    def ranges(self, species: Ints) -> tuple[Floats, Floats]:
        """Return the ends of the training's range of every descriptor, for atoms of these elements.

        Parameters
        ----------
        species : ndarray of int, shape (n,)
            Atomic numbers.

        Returns
        -------
        ndarray, shape (D, n)
            The least value of each function over the training atoms of the element; -∞ where its network does not see
            the function.
        ndarray, shape (D, n)
            The largest, or ∞.
        """
        kind = self._kind(species)
        least = np.full((len(self.functions), len(kind)), -np.inf)
        most = -least
        for place, scales in enumerate(of_parameters(self.parameters, self.elements, self.centres).each):
            rows = np.arange(len(self.functions)) if scales.rows is None else scales.rows
            where = np.ix_(rows, np.flatnonzero(kind == place))
            least[where], most[where] = scales.least[:, None], scales.most[:, None]
        return least, most

    def _beyond(self, values: Floats, numbers: Ints) -> npt.NDArray[np.bool_]:
        least, most = self.ranges(numbers)
        size = np.maximum(np.abs(least), np.abs(most))
        rounding = _ROUNDING * np.where(np.isfinite(size), size, 0.0)
        found: npt.NDArray[np.bool_] = (values < least - rounding) | (values > most + rounding)
        return found


class Structures:
    """The frames behind descriptors, as models ask for them (:class:`bpbench.models.contract.Geometry`).

    Neighbour lists of the frames last asked for are kept, up to a gigabyte; slopes of those first asked for, up to two.

    Parameters
    ----------
    frames : Frames
        The frames.
    functions : sequence of Feature
        The D functions.
    """

    def __init__(self, frames: Frames, functions: Sequence[Feature]) -> None:
        self._frames = frames
        self._functions = tuple(functions)
        self._kept: OrderedDict[int, Evaluation] = OrderedDict()
        self._bytes = 0
        self._slopes: dict[int, Slopes] = {}
        self._of_slopes = 0

    @property
    def bytes(self) -> int:
        """Bytes of what is kept."""
        return self._bytes + self._of_slopes

    def evaluation(self, frame: int) -> Evaluation:
        """Return the evaluation of one frame, kept or made anew."""
        if frame in self._kept:
            self._kept.move_to_end(frame)
            return self._kept[frame]
        made = evaluate(*self._asked(frame))
        self._kept[frame] = made
        self._bytes += _size(made)
        while self._bytes > _HELD and len(self._kept) > 1:
            self._bytes -= _size(self._kept.popitem(last=False)[1])
        return made

    def _asked(self, frame: int) -> tuple[tuple[Feature, ...], Floats, Floats, npt.NDArray[np.bool_], Ints]:
        frames, rows = self._frames, self._frames.rows(frame)
        return self._functions, frames.positions[rows], frames.cells[frame], frames.pbc[frame], frames.species[rows]

    def lay_out(self) -> None:
        """Have the slopes of all frames made, if all can be kept, so that who asks first pays no more than others."""
        sizes = np.diff(self._frames.offsets)
        largest = int(np.argmax(sizes))
        if self.slopes(largest).bytes / sizes[largest] * sizes.sum() <= MOST_SLOPES:
            for frame in range(len(self._frames)):
                self.slopes(frame)

    def slopes(self, frame: int) -> Slopes:
        """Return the whole Jacobian of a frame; see :class:`bpbench.models.contract.Slopes`.

        What is kept stays: whoever goes through more frames than fit would else find none of them the next time.
        """
        if frame in self._slopes:
            return self._slopes[frame]
        border, other, found = slopes(*self._asked(frame))
        made = Slopes(border, other, found.astype(np.float32))
        if self._of_slopes + made.bytes <= MOST_SLOPES:
            self._slopes[frame] = made
            self._of_slopes += made.bytes
        return made

    def adjoint(self, frame: int, weights: Floats) -> Floats:
        """Return Σ_fi w_fi ∂G_fi/∂R of a frame, shape (n, 3); see :class:`bpbench.models.contract.Geometry`."""
        return self.evaluation(frame).adjoint(weights)

    def tangent(self, frame: int, velocities: Floats) -> Floats:
        """Return the change of every function, shape (D, n), of a frame whose atoms move."""
        return self.evaluation(frame).tangent(velocities)


def _size(made: Evaluation) -> int:
    return int(made.values.nbytes + _ENTRY * made.neighbours_per_atom * made.values.shape[1])

"""Networks on one problem: what every trainer asks for, answers and their derivatives, out of the kernels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from bpbench.models import kernels, scaling
from bpbench.models.contract import HELD
from bpbench.models.kernels import ACTIVATIONS, Scratch, Shape, Shapes, Table
from bpbench.models.network import members_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from bpbench.models.contract import Centres, Floats, Ints, Problem
    from bpbench.models.network import Network, Networks
    from bpbench.models.scaling import Scaling, Scalings


def table(values: npt.NDArray[np.floating], offsets: Ints, kind: Ints | None = None, elements: int = 1) -> Table:
    """Return descriptors of shape (D, A) as the kernels read them.

    Up to :data:`~bpbench.models.contract.HELD` bytes they are copied so that a configuration's values lie together,
    which memory serves about 1.5 times faster; beyond that they are read where they are. The numbers that come of them
    are the same. Of several elements they are always copied: the atoms of each must lie beside one another.

    Parameters
    ----------
    values : ndarray, shape (D, A)
        Descriptors, feature-major.
    offsets : ndarray of int, shape (F + 1,)
        First atom of each configuration, then A.
    kind : ndarray of int, shape (A,), optional
        Place of each atom's element; needed for more than one.
    elements : int
        Number K of elements, whether all of them occur or not.
    """
    size = np.diff(offsets).astype(np.int64)
    functions, atoms = values.shape
    if elements == 1 and values.nbytes > HELD:
        whole = np.ascontiguousarray(values).reshape(-1)
        return Table(whole, offsets[:-1].astype(np.int64), np.full(len(size), atoms, np.int64), size)
    order, counts = sorted_atoms(offsets, kind, elements)
    packed = np.empty(values.size, values.dtype)
    for c, (begin, end) in enumerate(pairwise(offsets)):
        chosen = slice(begin, end) if elements == 1 else order[begin:end]
        packed[functions * begin : functions * end].reshape(functions, size[c])[:] = values[:, chosen]
    start = functions * offsets[:-1, None].astype(np.int64) + counts.cumsum(axis=1) - counts
    return Table(packed, start.reshape(-1), np.repeat(size, elements), counts.reshape(-1))


def sorted_atoms(offsets: Ints, kind: Ints | None, elements: int) -> tuple[Ints, Ints]:
    """Return the atoms of each configuration element after element, and how many of each there are.

    Parameters
    ----------
    offsets, kind, elements
        As for :func:`table`.

    Returns
    -------
    order : ndarray of int, shape (A,)
        Numbers of the atoms: configuration after configuration, in each by element, else as they were.
    counts : ndarray of int, shape (F, K)
        Atoms of each element in each configuration.
    """
    size = np.diff(offsets).astype(np.int64)
    if elements == 1:
        return np.arange(offsets[-1], dtype=np.int64), size[:, None]
    assert kind is not None  # several elements are told apart
    counts = scaling.counts(offsets, kind, elements)
    return np.lexsort((kind, np.repeat(np.arange(len(size)), size))).astype(np.int64), counts


@dataclass(frozen=True, slots=True)
class Replica:
    """A network, or one for each of K elements, bound to a problem.

    Attributes
    ----------
    start : Network or Networks
        Its shape and first weights.
    table : Table
        Descriptors of all configurations: entry c·K + e holds the atoms of element e in configuration c.
    shapes : tuple of Shape
        Inputs, scales, nodes of each element's network.
    joined : Shapes
        The same as the kernels take them.
    target : ndarray, shape (F,)
        Standardised energies per atom; those of the test part are never looked at, and stand as zeros.
    train, validation : ndarray of int
        The configurations of each part.
    dtype : type
        Precision of everything that is worked out.
    work : Scratch
        Work space.
    """

    start: Network | Networks
    table: Table
    shapes: tuple[Shape, ...]
    joined: Shapes
    target: npt.NDArray[np.floating]
    train: Ints
    validation: Ints
    dtype: type
    work: Scratch

    @classmethod
    def of(cls, problem: Problem, scales: Scaling | Scalings, start: Network | Networks, dtype: type) -> Replica:
        """Bind networks to a problem."""
        target = np.zeros(len(problem.energy))
        for part in (problem.train, problem.validation):
            target[part] = scaling.targets(scales, problem, part)
        shapes = _shapes(scales, start)
        return cls(
            start=start,
            table=problem.table or laid_out(problem),
            shapes=shapes,
            joined=kernels.join(shapes),
            target=target.astype(dtype),
            train=problem.train,
            validation=problem.validation,
            dtype=dtype,
            work=kernels.scratch(shapes, dtype),
        )

    @property
    def begins(self) -> Ints:
        """Where the weights of each element's network begin in ``w``, then their number; shape (K + 1,)."""
        return self.joined.begins

    def answers(self, w: npt.NDArray[np.floating], members: Ints) -> npt.NDArray[np.floating]:
        """Return ŷ of some configurations for the weights ``w``."""
        out: npt.NDArray[np.floating] = np.empty(len(members), self.dtype)
        kernels.answers(self.table, self.joined, members, w.astype(self.dtype, copy=False), self.work, out)
        return out

    def slopes(self, w: Floats, members: Ints, g: Floats) -> Floats:
        """Return ŷ of some configurations and write its derivatives by all weights into the first rows of ``g``."""
        out: Floats = np.empty(len(members), self.dtype)
        kernels.slopes(self.table, self.joined, members, w, self.work, out, g)
        return out

    def unseen(self, w: npt.NDArray[np.floating]) -> float:
        """Return the validation error: root mean square over the configurations of the standardised energy per atom."""
        return rms(self.answers(w, self.validation) - self.target[self.validation])


def rms(error: npt.NDArray[np.floating]) -> float:
    """Return the root mean square; not a number, and silent, where an error is none or its square too large."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.sqrt(np.mean(error.astype(np.float64) ** 2)))


def laid_out(problem: Problem) -> Table:
    """Return the descriptors of a problem as the kernels read them."""
    return table(problem.values, problem.offsets, problem.kind, max(1, len(problem.elements)))


def _shapes(scales: Scaling | Scalings, nets: Network | Networks) -> tuple[Shape, ...]:
    return tuple(_shape(own, net) for own, net in zip(scales.each, nets.each, strict=True))


def _shape(scales: Scaling, net: Network) -> Shape:
    kept = scales.kept
    nodes = [int(kept.sum()), *(len(biases) for _, biases in net.layers)]
    return Shape(
        rows=scales.inputs.astype(np.int64),
        shift=scales.shift[kept],
        scale=1.0 / scales.scale[kept],
        nodes=np.array(nodes, np.int64),
        activation=ACTIVATIONS.index(net.activation),
        skip=net.skip is not None,
    )


def evaluate(
    parameters: dict[str, Floats],
    activation: str,
    descriptors: Table,
    elements: tuple[str, ...] = (),
    centres: Centres = (),
) -> Floats:
    """Return the energies, eV, shape (k, F), that each of the k networks of a fit gives, in double precision.

    Parameters
    ----------
    parameters : dict of str to ndarray
        Of a fit: scales and weights.
    activation : str
        Function of the hidden nodes.
    descriptors : Table
        All the functions of the fit, dropped ones included, laid out for these elements.
    elements : tuple of str
        Chemical symbols of the elements in the order of the table's.
    centres : tuple of (str, tuple of int)
        As in :class:`bpbench.models.contract.Problem`.
    """
    scales = scaling.of_parameters(parameters, elements, centres)
    counts = descriptors.size.reshape(-1, len(scales.each))
    size, base, energies = counts.sum(axis=1), scales.base(counts), []
    for nets in members_of(parameters, activation, elements):
        shapes, out = _shapes(scales, nets), np.empty(len(size))
        work = kernels.scratch(shapes, np.float64)
        kernels.answers(descriptors, kernels.join(shapes), np.arange(len(size)), nets.flat(), work, out)
        energies.append(size * (base + scales.centre + scales.width * out))
    return np.array(energies)

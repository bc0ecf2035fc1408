"""One network on one problem: what every trainer asks for, answers and their derivatives, out of the kernels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from bpbench.models import kernels, scaling
from bpbench.models.kernels import ACTIVATIONS, Scratch, Shape, Table
from bpbench.models.network import from_parameters

if TYPE_CHECKING:
    import numpy.typing as npt

    from bpbench.models.contract import Floats, Ints, Problem
    from bpbench.models.network import Network

#: Bytes of descriptors up to which they are laid out anew, configuration by configuration.
HELD: Final = 2**31


def table(values: npt.NDArray[np.floating], offsets: Ints) -> Table:
    """Return descriptors of shape (D, A) as the kernels read them.

    Up to :data:`HELD` bytes they are copied so that a configuration's values lie together, which memory serves about
    1.5 times faster; beyond that they are read where they are. The numbers that come of them are the same.

    Parameters
    ----------
    values : ndarray, shape (D, A)
        Descriptors, feature-major.
    offsets : ndarray of int, shape (F + 1,)
        First atom of each configuration, then A.
    """
    size = np.diff(offsets)
    functions, atoms = values.shape
    if values.nbytes > HELD:
        whole = np.ascontiguousarray(values).reshape(-1)
        return Table(whole, offsets[:-1].astype(np.int64), np.full(len(size), atoms, np.int64), size.astype(np.int64))
    packed = np.empty(values.size, values.dtype)
    for c, (begin, end) in enumerate(pairwise(offsets)):
        packed[functions * begin : functions * end].reshape(functions, size[c])[:] = values[:, begin:end]
    return Table(packed, functions * offsets[:-1].astype(np.int64), size.astype(np.int64), size.astype(np.int64))


@dataclass(frozen=True, slots=True)
class Replica:
    """A network bound to a problem.

    Attributes
    ----------
    start : Network
        Its shape and first weights.
    table : Table
        Descriptors of all configurations.
    shape : Shape
        Inputs, scales, nodes.
    target : ndarray, shape (F,)
        Standardised energies per atom; those of the test part are never looked at, and stand as zeros.
    train, validation : ndarray of int
        The configurations of each part.
    dtype : type
        Precision of everything that is worked out.
    work : Scratch
        Work space.
    """

    start: Network
    table: Table
    shape: Shape
    target: npt.NDArray[np.floating]
    train: Ints
    validation: Ints
    dtype: type
    work: Scratch

    @classmethod
    def of(cls, problem: Problem, scales: scaling.Scaling, start: Network, dtype: type) -> Replica:
        """Bind a network to a problem."""
        target = np.zeros(len(problem.energy))
        for part in (problem.train, problem.validation):
            target[part] = scaling.targets(scales, problem, part)
        shape = _shape(scales, start)
        descriptors = problem.table or table(problem.values, problem.offsets)
        work = kernels.scratch(shape, dtype)
        return cls(start, descriptors, shape, target.astype(dtype), problem.train, problem.validation, dtype, work)

    def answers(self, w: npt.NDArray[np.floating], members: Ints) -> npt.NDArray[np.floating]:
        """Return ŷ of some configurations for the weights ``w``."""
        out: npt.NDArray[np.floating] = np.empty(len(members), self.dtype)
        kernels.answers(self.table, self.shape, members, w.astype(self.dtype, copy=False), self.work, out)
        return out

    def slopes(self, w: Floats, members: Ints, g: Floats) -> Floats:
        """Return ŷ of some configurations and write its derivatives by all weights into the first rows of ``g``."""
        out: Floats = np.empty(len(members), self.dtype)
        kernels.slopes(self.table, self.shape, members, w, self.work, out, g)
        return out

    def unseen(self, w: npt.NDArray[np.floating]) -> float:
        """Return the validation error: root mean square over the configurations of the standardised energy per atom."""
        return rms(self.answers(w, self.validation) - self.target[self.validation])


def rms(error: npt.NDArray[np.floating]) -> float:
    """Return the root mean square; not a number, and silent, where an error is none or its square too large."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.sqrt(np.mean(error.astype(np.float64) ** 2)))


def _shape(scales: scaling.Scaling, net: Network) -> Shape:
    rows = np.flatnonzero(scales.kept)
    nodes = [len(rows), *(len(biases) for _, biases in net.layers)]
    return Shape(
        rows=rows.astype(np.int64),
        shift=scales.shift[rows].copy(),
        scale=1.0 / scales.scale[rows],
        nodes=np.array(nodes, np.int64),
        activation=ACTIVATIONS.index(net.activation),
        skip=net.skip is not None,
    )


def evaluate(parameters: dict[str, Floats], activation: str, descriptors: Table) -> Floats:
    """Return the energies, eV, shape (k, F), that each of the k networks of a fit gives, in double precision.

    Parameters
    ----------
    parameters : dict of str to ndarray
        Of a fit: scales and weights.
    activation : str
        Function of the hidden nodes.
    descriptors : Table
        All the functions of the fit, dropped ones included.
    """
    scales, size = scaling.from_parameters(parameters), descriptors.size
    energies = []
    for net in from_parameters(parameters, activation):
        shape, out = _shape(scales, net), np.empty(len(size))
        work = kernels.scratch(shape, np.float64)
        kernels.answers(descriptors, shape, np.arange(len(size)), net.flat(), work, out)
        energies.append(size * (scales.reference + scales.centre + scales.width * out))
    return np.array(energies)

r"""The atomic network: its shape, its weights, and what a training leaves of them.

The equations of ŷ stand in :mod:`bpbench.models.kernels`, which works them out; the energy is

.. math::
    E_c = n_c (E_{ref} + m + s\,\hat y_c)

========  ===================  ============================================================================
symbol    name in code         meaning
========  ===================  ============================================================================
W^l, b^l  ``layers[l - 1]``    weights (inputs, nodes), as Keras keeps a kernel, and biases (nodes,) of layer l
a         ``skip``             weights of the linear skip (inputs,)
ŷ_c       ``answers``          mean output of the atoms of configuration c
m, s, …   ``scales``           see :mod:`bpbench.models.scaling`
========  ===================  ============================================================================

Behler & Parrinello, Phys. Rev. Lett. 98, 146401 (2007). There Σ_i NN(G_i) is the whole energy; here NN is y scaled by s
and shifted by E_ref + m, which is the same network with other last weights.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from bpbench.models.contract import of_element, prefixed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bpbench.models.contract import Floats

Layers = list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, slots=True)
class Network:
    """The weights of an atomic network.

    Attributes
    ----------
    layers : list of (weights, biases)
        From the inputs to the answer.
    skip : ndarray, shape (inputs,), or None
        Weights of the linear skip.
    activation : str
        Function of the hidden nodes, one of :data:`bpbench.models.kernels.ACTIVATIONS`.
    """

    layers: Layers
    skip: np.ndarray | None = None
    activation: str = "tanh"

    @property
    def each(self) -> tuple[Network, ...]:
        """The networks by element: this one alone."""
        return (self,)

    def flat(self) -> Floats:
        """Return all weights in one axis: layer by layer the weights, then the biases; the skip at the end."""
        arrays = [array for layer in self.layers for array in layer]
        arrays += [] if self.skip is None else [self.skip]
        return np.concatenate([np.ravel(array) for array in arrays]).astype(np.float64)

    def filled(self, w: Floats) -> Network:
        """Return the network of the same shape with the weights ``w`` of :meth:`flat`."""
        layers, at = [], 0
        for weights, biases in self.layers:
            middle, end = at + weights.size, at + weights.size + biases.size
            layers.append((w[at:middle].reshape(weights.shape), w[middle:end]))
            at = end
        return replace(self, layers=layers, skip=None if self.skip is None else w[at:])

    def spread(self, by_layer: float | Sequence[float], *, biases: bool, skip: float) -> Floats:
        """Return a number for every weight, in the order of :meth:`flat`.

        Parameters
        ----------
        by_layer : float or sequence of float
            For the weights of all layers, or of each.
        biases : bool
            Whether it holds for the biases as well, which else have 0.
        skip : float
            For the weights of a skip.
        """
        each = [by_layer] * len(self.layers) if isinstance(by_layer, float | int) else by_layer
        parts = []
        for (weights, own), number in zip(self.layers, each, strict=True):
            parts += [np.full(weights.size, float(number)), np.full(own.size, float(number) if biases else 0.0)]
        parts += [] if self.skip is None else [np.full(len(self.skip), skip)]
        return np.concatenate(parts)


@dataclass(frozen=True, slots=True)
class Networks:
    """One atomic network for each of several elements, in their order; it is used as a :class:`Network` is.

    Attributes
    ----------
    each : tuple of Network
        The networks; they share activation and whether there is a skip.
    """

    each: tuple[Network, ...]

    def flat(self) -> Floats:
        """Return all weights in one axis, network by network."""
        return np.concatenate([net.flat() for net in self.each])

    def filled(self, w: Floats) -> Networks:
        """Return networks of the same shapes with the weights ``w`` of :meth:`flat`."""
        ends = np.cumsum([count(net) for net in self.each])
        parts = np.split(w, ends[:-1])
        return Networks(tuple(net.filled(part) for net, part in zip(self.each, parts, strict=True)))

    def spread(self, by_layer: float | Sequence[float], *, biases: bool, skip: float) -> Floats:
        """Return a number for every weight; see :meth:`Network.spread`."""
        return np.concatenate([net.spread(by_layer, biases=biases, skip=skip) for net in self.each])


def together(nets: Sequence[Network]) -> Network | Networks:
    """Return the networks of some elements as one value: of a single element its network."""
    return nets[0] if len(nets) == 1 else Networks(tuple(nets))


@dataclass(frozen=True, slots=True)
class Course:
    """What a training leaves behind.

    Attributes
    ----------
    network : Network or Networks
        The state of least validation error.
    checkpoint : int
        Its epoch, from 1; 0 for the initial state.
    train, validation : ndarray, shape (epochs,)
        Root mean square error of the standardised energy per atom in each epoch: on training configurations as each was
        met, before it moved the weights; on validation configurations at the end.
    forces : ndarray, shape (2, epochs), or None
        The same two of the forces in their spread σ_F, where they are learned.
    weight : float
        What the forces' squares count for beside those of the energies.
    """

    network: Network | Networks
    checkpoint: int
    train: Floats
    validation: Floats
    forces: Floats | None = None
    weight: float = 0.0

    @property
    def judged(self) -> Floats:
        """The validation error by which the state was kept, shape (epochs,); see :func:`judged`."""
        if self.forces is None:
            return self.validation
        return np.array([judged(*pair, self.weight) for pair in zip(self.validation, self.forces[1], strict=True)])


def judged(energy: float, force: float | None, weight: float) -> float:
    """Return the error by which states are compared: of energies alone, or √(energy² + weight · force²)."""
    return energy if force is None else float(np.sqrt(energy**2 + weight * force**2))


class Watch:
    """Keeps the best state of a training and tells when it is over.

    Parameters
    ----------
    start : Network or Networks
        The shape of the weights.
    patience : int or None
        Epochs without a lower validation error after which it ends.
    weight : float
        What the squares of forces' errors count for beside those of energies.
    """

    def __init__(self, start: Network | Networks, patience: int | None, weight: float = 0.0) -> None:
        self._start = start
        self._patience = patience
        self._weight = weight
        self._curve: list[tuple[float, float]] = []
        self._forces: list[tuple[float, float]] = []
        self._best = start.flat()
        self._checkpoint = 0
        self._least = np.inf
        self._waited = 0

    def note(
        self,
        w: np.ndarray,
        train: float,
        validation: float,
        *,
        moved: bool = True,
        forces: tuple[float, float] | None = None,
    ) -> bool:
        """Note the end of an epoch; return whether to go on.

        An epoch in which the weights were not ``moved`` tries nobody's patience. An error that is no number ends
        nothing here. Errors of ``forces``, training and validation, are noted where they are learned.
        """
        self._curve.append((train, validation))
        if forces is not None:
            self._forces.append(forces)
            validation = judged(validation, forces[1], self._weight)
        self._waited += moved
        if validation < self._least:
            self._best, self._checkpoint, self._least = w.astype(np.float64), len(self._curve), validation
            self._waited = 0
        return self._patience is None or self._waited < self._patience

    def course(self) -> Course:
        """Return what was noted."""
        whole = np.array(self._curve, dtype=np.float64)
        forces = np.array(self._forces, dtype=np.float64).T if self._forces else None
        return Course(self._start.filled(self._best), self._checkpoint, whole[:, 0], whole[:, 1], forces, self._weight)


def initial(inputs: int, hidden: tuple[int, ...], seed: int) -> Layers:
    """Return Glorot uniform weights and zero biases as float32.

    Each weight is drawn from ±√(6/(inputs + nodes)) of its layer (Glorot & Bengio 2010, equation 16), by NumPy's
    generator, so that they do not depend on the version of the training library.

    Parameters
    ----------
    inputs : int
        Functions fed to the network.
    hidden : tuple of int
        Nodes of the hidden layers.
    seed : int
        Seed of the draw.
    """
    random = np.random.default_rng(seed)
    layers = []
    for wide, narrow in pairwise((inputs, *hidden, 1)):
        limit = np.sqrt(6.0 / (wide + narrow))
        layers.append((random.uniform(-limit, limit, (wide, narrow)).astype(np.float32), np.zeros(narrow, np.float32)))
    return layers


def count(net: Network | Networks) -> int:
    """Return the number of weights and biases."""
    return len(net.flat())


def all_parameters(members: Sequence[Network | Networks], elements: tuple[str, ...]) -> dict[str, Floats]:
    """Return networks of one shape as parameters; of several elements the names begin with their symbols."""
    if len(elements) < 2:
        return to_parameters([net for nets in members for net in nets.each])
    found: dict[str, Floats] = {}
    for place, element in enumerate(elements):
        found |= prefixed(to_parameters([nets.each[place] for nets in members]), element)
    return found


def members_of(
    parameters: dict[str, Floats], activation: str, elements: tuple[str, ...]
) -> Sequence[Network | Networks]:
    """Return the networks that :func:`all_parameters` wrote."""
    if len(elements) < 2:
        return from_parameters(parameters, activation)
    own = [from_parameters(of_element(parameters, element), activation) for element in elements]
    return [Networks(nets) for nets in zip(*own, strict=True)]


def to_parameters(members: Sequence[Network]) -> dict[str, Floats]:
    """Return networks of one shape as ``weights-1``, ``biases-1``, … and ``skip``, float64, one after another."""
    arrays: dict[str, list[np.ndarray]] = {}
    for net in members:
        for number, (weights, biases) in enumerate(net.layers, 1):
            arrays.setdefault(f"weights-{number}", []).append(weights)
            arrays.setdefault(f"biases-{number}", []).append(biases)
        if net.skip is not None:
            arrays.setdefault("skip", []).append(net.skip)
    return {name: np.stack(parts).astype(np.float64) for name, parts in arrays.items()}


def from_parameters(parameters: dict[str, Floats], activation: str) -> list[Network]:
    """Return the networks that :func:`to_parameters` wrote."""
    depth = sum(name.startswith("weights-") for name in parameters)
    members = []
    for member in range(len(parameters["weights-1"])):
        layers = [
            (parameters[f"weights-{number}"][member], parameters[f"biases-{number}"][member])
            for number in range(1, depth + 1)
        ]
        members.append(Network(layers, parameters["skip"][member] if "skip" in parameters else None, activation))
    return members

r"""The atomic network in NumPy: its shape, its initial weights, its energies and their derivatives by the weights.

.. math::
    y^0 = (G - μ)/σ, \qquad y^l = \tanh(y^{l-1} W^l + b^l), \qquad
    y = y^{L-1} W^L + b^L \;[\,+\, a·y^0\,], \qquad E_c = n_c (E_{ref} + m) + s \sum_{i∈c} y_i

The term in brackets is the optional linear skip. Derivatives of the mean answer of a configuration, by backward
propagation:

.. math::
    δ^L = \frac{1}{n_c}, \qquad δ^{l-1} = (δ^l {W^l}^T) (1 - {y^{l-1}}^2), \qquad
    \frac{∂\hat y_c}{∂W^l} = \sum_{i∈c} {y^{l-1}_i}^T δ^l_i, \qquad \frac{∂\hat y_c}{∂b^l} = \sum_{i∈c} δ^l_i,
    \qquad \frac{∂\hat y_c}{∂a} = \frac{1}{n_c} \sum_{i∈c} y^0_i

========  ===================  ============================================================================
symbol    name in code         meaning
========  ===================  ============================================================================
G         ``values``           descriptors of one atom
W^l, b^l  ``layers[l - 1]``    weights (inputs, nodes), as Keras keeps a kernel, and biases (nodes,) of layer l
a         ``skip``             weights of the linear skip (inputs,)
y_i       ``answer``           the network's output for atom i
μ, σ, …   ``scales``           see :mod:`bpbench.models.scaling`
========  ===================  ============================================================================

Behler & Parrinello, Phys. Rev. Lett. 98, 146401 (2007). There Σ_i NN(G_i) is the whole energy; here NN is y scaled by s
and shifted by E_ref + m, which is the same network with other last weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from bpbench.models import scaling
from bpbench.models.scaling import sums

if TYPE_CHECKING:
    import numpy.typing as npt

    from bpbench.models.contract import Floats, Ints

Layers = list[tuple[np.ndarray, np.ndarray]]

#: Atoms evaluated at once: the work space stays small for any number of frames.
_CHUNK = 16384


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
        Function of the hidden layers: ``tanh``, ``logistic``, ``softplus``, ``relu`` or ``gaussian``, exp(-x²).
    """

    layers: Layers
    skip: np.ndarray | None = None
    activation: str = "tanh"

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
        return Network(layers, None if self.skip is None else w[at:], self.activation)


@dataclass(frozen=True, slots=True)
class Course:
    """What a training leaves behind.

    Attributes
    ----------
    network : Network
        The state of least validation error.
    checkpoint : int
        Its epoch, from 1.
    train, validation : ndarray, shape (epochs,)
        Root mean square error of the standardised energy per atom at the end of each epoch.
    """

    network: Network
    checkpoint: int
    train: Floats
    validation: Floats


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


def _states(net: Network, inputs: npt.NDArray[np.floating]) -> list[np.ndarray]:
    """Return the inputs and what each hidden layer makes of them."""
    states: list[np.ndarray] = [inputs]
    for weights, biases in net.layers[:-1]:
        states.append(np.tanh(states[-1] @ weights + biases))
    return states


def _answer(net: Network, states: list[np.ndarray]) -> np.ndarray:
    weights, biases = net.layers[-1]
    answer: np.ndarray = (states[-1] @ weights + biases)[:, 0]
    return answer if net.skip is None else answer + states[0] @ net.skip


def forward(net: Network, inputs: npt.NDArray[np.floating]) -> np.ndarray:
    """Return the network's output, shape (atoms,), for scaled inputs of shape (atoms, inputs)."""
    return _answer(net, _states(net, inputs))


def answers(net: Network, inputs: Floats, offsets: Ints) -> Floats:
    """Return the mean answer of each configuration, shape (F,).

    Parameters
    ----------
    net : Network
        Its weights.
    inputs : ndarray, shape (A, inputs)
        Scaled descriptors, frame after frame.
    offsets : ndarray of int, shape (F + 1,)
        First atom of each frame, then A.
    """
    mean: Floats = sums(forward(net, inputs), offsets) / np.diff(offsets)
    return mean


def error(net: Network, part: scaling.Standardised) -> float:
    """Return the root mean square error of the standardised energy per atom over some configurations."""
    total = 0.0
    for members in part.portions():
        total += float(np.sum((answers(net, *part.gather(members)) - part.target[members]) ** 2))
    return float(np.sqrt(total / len(part.target)))


def slopes(net: Network, inputs: Floats, offsets: Ints) -> tuple[Floats, Floats]:
    """Return the mean answer of each configuration and its derivatives by all weights.

    Parameters
    ----------
    net, inputs, offsets
        As for :func:`answers`.

    Returns
    -------
    tuple of (ndarray, shape (F,), ndarray, shape (F, W))
        Columns in the order of :meth:`Network.flat`.
    """
    states, sizes = _states(net, inputs), np.diff(offsets)
    mean = sums(_answer(net, states), offsets) / sizes
    delta = np.repeat(1.0 / sizes, sizes)[:, None]
    columns = [] if net.skip is None else [_summed(states[0], offsets) / sizes[:, None]]
    for number in range(len(net.layers) - 1, -1, -1):
        weights, _ = net.layers[number]
        state = states[number]
        columns.append(_summed(delta, offsets))
        columns.append(_products(state, delta, offsets))
        if number:
            delta = (delta @ weights.T) * (1.0 - state * state)
    return mean, np.concatenate(columns[::-1] if net.skip is None else [*columns[:0:-1], columns[0]], axis=1)


def _products(state: Floats, delta: Floats, offsets: Ints) -> Floats:
    """Return Σ_i state_i ⊗ delta_i of each configuration, flattened, shape (F, inputs × nodes)."""
    each = np.empty((len(offsets) - 1, state.shape[1], delta.shape[1]))
    for number, (begin, end) in enumerate(pairwise(offsets.tolist())):
        np.matmul(state[begin:end].T, delta[begin:end], out=each[number])
    return each.reshape(len(each), -1)


def _summed(per_atom: Floats, offsets: Ints) -> Floats:
    return np.add.reduceat(per_atom, offsets[:-1], axis=0)


def count(net: Network) -> int:
    """Return the number of weights and biases."""
    return len(net.flat())


def to_parameters(net: Network) -> dict[str, Floats]:
    """Return the layers as ``weights-1``, ``biases-1``, … and the skip as ``skip``, in float64."""
    named = {} if net.skip is None else {"skip": net.skip.astype(np.float64)}
    for number, (weights, biases) in enumerate(net.layers, 1):
        named[f"weights-{number}"] = weights.astype(np.float64)
        named[f"biases-{number}"] = biases.astype(np.float64)
    return named


def from_parameters(parameters: dict[str, Floats]) -> Network:
    """Return the network that :func:`to_parameters` wrote."""
    depth = sum(name.startswith("weights-") for name in parameters)
    layers = [(parameters[f"weights-{number}"], parameters[f"biases-{number}"]) for number in range(1, depth + 1)]
    return Network(layers, parameters.get("skip"))


def evaluate(parameters: dict[str, Floats], values: Floats, offsets: Ints) -> Floats:
    """Return the energies, eV, shape (F,), that the parameters of a fit give for descriptors of shape (D, A)."""
    scales, net = scaling.from_parameters(parameters), from_parameters(parameters)
    total = int(offsets[-1])
    answer = np.empty(total)
    for first in range(0, total, _CHUNK):
        part = slice(first, min(first + _CHUNK, total))
        answer[part] = forward(net, scaling.standardised(scales, values, part))
    energy: Floats = np.diff(offsets) * (scales.reference + scales.centre) + scales.width * sums(answer, offsets)
    return energy

r"""The atomic network in NumPy: its shape, its initial weights, its energies.

.. math::
    y^0 = (G - μ)/σ, \qquad y^l = \tanh(y^{l-1} W^l + b^l), \qquad
    y = y^{L-1} W^L + b^L, \qquad E_c = n_c (E_{ref} + m) + s \sum_{i∈c} y_i

========  ===================  ============================================================================
symbol    name in code         meaning
========  ===================  ============================================================================
G         ``values``           descriptors of one atom
W^l, b^l  ``layers[l - 1]``    weights (inputs, nodes), as Keras keeps a kernel, and biases (nodes,) of layer l
y_i       ``answer``           the network's output for atom i
μ, σ, …   ``scales``           see :mod:`bpbench.models.scaling`
========  ===================  ============================================================================

Behler & Parrinello, Phys. Rev. Lett. 98, 146401 (2007). There Σ_i NN(G_i) is the whole energy; here NN is y scaled by s
and shifted by E_ref + m, which is the same network with other last weights.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from bpbench.models.scaling import from_parameters, standardised, sums

if TYPE_CHECKING:
    import numpy.typing as npt

    from bpbench.models.contract import Floats, Ints

Layers = list[tuple[np.ndarray, np.ndarray]]

#: Atoms evaluated at once: the work space stays small for any number of frames.
_CHUNK = 16384


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


def forward(layers: Layers, inputs: npt.NDArray[np.floating]) -> np.ndarray:
    """Return the network's output, shape (atoms,), for scaled inputs of shape (atoms, inputs)."""
    state = inputs
    for weights, biases in layers[:-1]:
        state = np.tanh(state @ weights + biases)
    weights, biases = layers[-1]
    return (state @ weights + biases)[:, 0]


def count(layers: Layers) -> int:
    """Return the number of weights and biases."""
    return sum(weights.size + biases.size for weights, biases in layers)


def to_parameters(layers: Layers) -> dict[str, Floats]:
    """Return the layers as ``weights-1``, ``biases-1``, … in float64."""
    named = {}
    for number, (weights, biases) in enumerate(layers, 1):
        named[f"weights-{number}"] = weights.astype(np.float64)
        named[f"biases-{number}"] = biases.astype(np.float64)
    return named


def layers_from(parameters: dict[str, Floats]) -> Layers:
    """Return the layers that :func:`to_parameters` wrote."""
    depth = sum(name.startswith("weights-") for name in parameters)
    return [(parameters[f"weights-{number}"], parameters[f"biases-{number}"]) for number in range(1, depth + 1)]


def evaluate(parameters: dict[str, Floats], values: Floats, offsets: Ints) -> Floats:
    """Return the energies, eV, shape (F,), that the parameters of a fit give for descriptors of shape (D, A)."""
    scales, layers = from_parameters(parameters), layers_from(parameters)
    total = int(offsets[-1])
    answer = np.empty(total)
    for first in range(0, total, _CHUNK):
        part = slice(first, min(first + _CHUNK, total))
        answer[part] = forward(layers, standardised(scales, values, part))
    energy: Floats = np.diff(offsets) * (scales.reference + scales.centre) + scales.width * sums(answer, offsets)
    return energy

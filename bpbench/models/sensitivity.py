r"""How the energy of one configuration changes with the descriptors of its atoms: what forces are made of.

.. math::
    \frac{∂E}{∂G_{i}} = s\,\frac{1}{b}\,\frac{∂y}{∂y^0}\Big|_{G_i}, \qquad
    \mathbf F_k = -\sum_i \frac{∂E}{∂G_i} · \frac{∂G_i}{∂\mathbf R_k}

=========  ===================  ==============================================================================
symbol     name in code         meaning
=========  ===================  ==============================================================================
G_i        ``values[:, i]``     descriptors of atom i
y          ``answer``           output of the atomic network, or the linear potential's w·y⁰ + b
y⁰, b      ``inputs``, …        scaled inputs and what each G was divided by, see :mod:`bpbench.models.scaling`
s          ``scales.width``     spread of the standardised energies (eV per atom)
=========  ===================  ==============================================================================

The factor n_c of the energy and the 1/n_c of the mean output cancel. The sum over i is the descriptors' adjoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bpbench.models.network import Network, from_parameters

if TYPE_CHECKING:
    from bpbench.models.contract import Floats
    from bpbench.models.scaling import Scaling


def of_networks(parameters: dict[str, Floats], activation: str, values: Floats, scales: Scaling) -> Floats:
    """Return ∂E/∂G of atoms of one element, eV, shape (D, n): the mean over the networks of an ensemble.

    Functions that were dropped, and rows that the element's network does not see, have 0.

    Parameters
    ----------
    parameters : dict of str to ndarray
        Those of this element, named as if it were the only one.
    activation : str
        Function of the hidden nodes.
    values : ndarray, shape (D, n)
        Descriptors.
    scales : Scaling
        Of this element.
    """
    kept = scales.kept
    inputs = (values[scales.inputs] - scales.shift[kept, None]) / scales.scale[kept, None]
    members = from_parameters(parameters, activation)
    slopes = np.mean([_slope(net, inputs) for net in members], axis=0)
    found = np.zeros(values.shape)
    found[scales.inputs] = scales.width * slopes / scales.scale[kept, None]
    return found


def of_linear(parameters: dict[str, Floats], values: Floats, scales: Scaling) -> Floats:
    """Return ∂E/∂G of atoms of one element, eV, shape (D, n): the same for every atom; see :func:`of_networks`."""
    found = np.zeros(len(values))
    found[scales.inputs] = scales.width * parameters["weights"] / scales.scale[scales.kept]
    return np.repeat(found[:, None], values.shape[1], axis=1)


def _slope(net: Network, inputs: Floats) -> Floats:
    """Return ∂y/∂y⁰, shape (D, n)."""
    y, slopes = inputs, []
    for weights, biases in net.layers[:-1]:
        y, slope = activated(net.activation, weights.T @ y + biases[:, None])
        slopes.append(slope)
    delta = np.repeat(net.layers[-1][0], inputs.shape[1], axis=1)
    for (weights, _), slope in zip(reversed(net.layers[:-1]), reversed(slopes), strict=True):
        delta = weights @ (delta * slope)
    return delta if net.skip is None else delta + net.skip[:, None]


def activated(kind: str, x: Floats) -> tuple[Floats, Floats]:
    """Return f(x) and f'(x); the table of :mod:`bpbench.models.kernels`."""
    if kind == "tanh":
        y = np.tanh(x)
        return y, 1.0 - y * y
    if kind == "relu":
        return np.maximum(x, 0.0), (x > 0).astype(np.float64)
    if kind == "gaussian":
        y = np.exp(-x * x)
        return y, -2.0 * x * y
    small = np.exp(-np.abs(x))
    logistic = np.where(x >= 0, 1.0, small) / (1.0 + small)
    if kind == "logistic":
        return logistic, logistic * (1.0 - logistic)
    return np.maximum(x, 0.0) + np.log1p(small), logistic

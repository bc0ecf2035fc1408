"""A slow, obvious twin of the atomic network: plain NumPy, all atoms of a problem at once, configuration by its sum."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from bpbench.models.replica import Replica
from bpbench.models.scaling import scaling

if TYPE_CHECKING:
    from bpbench.models.contract import Floats, Ints, Problem
    from bpbench.models.network import Network

ACTIVATIONS = {
    "tanh": np.tanh,
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "relu": lambda x: np.maximum(0, x),
    "gaussian": lambda x: np.exp(-(x**2)),
}


def bound(base: Problem, net: Network, dtype: type = np.float64, kind: str = "standard") -> Replica:
    """Return a network bound to a problem."""
    return Replica.of(base, scaling(base, kind), net, dtype)


def inputs(base: Problem, members: Ints, kind: str = "standard") -> tuple[Floats, Ints]:
    """Return the scaled descriptors, atoms first, of some configurations, and their offsets."""
    scales = scaling(base, kind)
    rows = np.concatenate([base.values[:, base.offsets[c] : base.offsets[c + 1]] for c in members], axis=1)
    scaled = ((rows - scales.shift[:, None]) / scales.scale[:, None])[scales.kept].T
    return scaled.astype(float), np.concatenate([[0], np.cumsum(np.diff(base.offsets)[members])])


def answers(net: Network, rows: Floats, offsets: Ints) -> Floats:
    """Return the mean output of each configuration."""
    state = rows
    for weights, biases in net.layers[:-1]:
        state = ACTIVATIONS[net.activation](state @ weights + biases)
    weights, biases = net.layers[-1]
    out = (state @ weights + biases)[:, 0] + (0 if net.skip is None else rows @ net.skip)
    return np.array([out[a:b].mean() for a, b in pairwise(offsets)])


def slopes(net: Network, rows: Floats, offsets: Ints, h: float = 1e-6) -> Floats:
    """Return central differences of :func:`answers` by every weight, shape (F, W)."""
    w, columns = net.flat(), []
    for number in range(len(w)):
        step = h * (np.arange(len(w)) == number)
        ahead, behind = (answers(net.filled(w + s * step), rows, offsets) for s in (1, -1))
        columns.append((ahead - behind) / (2 * h))
    return np.array(columns).T

"""Weights files of n2p2 (``weights.ZZZ.data``, ZZZ the atomic number of the element), one for each element.

The numbers stand layer by layer: for each node before the layer, for each node of the layer, the weight from the one to
the other; then the biases of the layer. n2p2 reads the first column alone; the others say what each number is: ``a`` (a
weight) with its number, the layer (from 0) and node (from 1) that it comes from and those that it goes to, or ``b`` (a
bias) with its number, layer and node.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

#: Name of the file of the element of an atomic number.
NAME: Final = "weights.{:03d}.data"


def write_weights(layers: Sequence[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]) -> str:
    """Return the text of a weights file, every number with all its digits.

    Parameters
    ----------
    layers : sequence of (ndarray, ndarray)
        Weights, shape (nodes before, nodes), and biases, shape (nodes,), from the first hidden layer to the output.
    """
    number = count(1)
    lines = ["# value, kind (a weight, b bias), number, layer and node it comes from, layer and node it goes to"]
    for layer, (weights, biases) in enumerate(layers, start=1):
        lines += [
            f"{value:24.16E} a {next(number):9d} {layer - 1:5d} {before:5d} {layer:5d} {node:5d}"
            for before, row in enumerate(weights.tolist(), start=1)
            for node, value in enumerate(row, start=1)
        ]
        lines += [
            f"{value:24.16E} b {next(number):9d} {layer:5d} {node:5d}"
            for node, value in enumerate(biases.tolist(), start=1)
        ]
    return "\n".join(lines) + "\n"

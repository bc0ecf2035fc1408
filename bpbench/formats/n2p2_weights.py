"""The ``weights.ZZZ.data`` of n2p2 and RuNNer, ZZZ the atomic number: the network of one element, read and written.

==========================================  ==========================================================================
line                                        what it is
==========================================  ==========================================================================
``w a index l-1 j l k``                     weight from node j of layer l-1 to node k of layer l
``b b index l k``                           bias of node k of layer l
``w``                                       either of them, in files that hold values alone (RuNNer's)
==========================================  ==========================================================================

Layer by layer stand the weights, all of the first node before it, then all of the second …, and then the biases of the
layer. Both programs read the first column alone, in this order; what the others say is checked here.
"""

from __future__ import annotations

from itertools import count, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import numpy as np
import numpy.typing as npt

from bpbench.errors import FeatureError
from bpbench.formats.n2p2_text import number, numbered, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Floats = npt.NDArray[np.float64]
#: Weights (nodes before, nodes) and biases (nodes,) of each layer, from the inputs to the output.
Layers = tuple[tuple[Floats, Floats], ...]
#: Name of the file of the element of an atomic number.
NAME: Final = "weights.{:03d}.data"
_Place = tuple[str, tuple[int, ...]]


def read_weights(source: Path | str, nodes: Sequence[int]) -> Layers:
    """Read the weights of one network.

    Parameters
    ----------
    source : Path or str
        The file; a ``str`` is the text itself. Blank lines and what follows a ``#`` are passed over.
    nodes : sequence of int
        Nodes of every layer, such as ``(22, 10, 10, 1)``: inputs, hidden layers, output.

    Returns
    -------
    tuple of (ndarray, ndarray)
        For each layer the weights, shape (nodes before, nodes), and the biases, shape (nodes,).

    Raises
    ------
    FeatureError
        With file and line: when a value is missing, too many or no number, when a line has neither the columns of
        n2p2 nor a value alone, or when its columns name another weight than the one whose turn it is.
    """
    file = "weights" if isinstance(source, str) else str(source)
    shape = "-".join(map(str, nodes))
    count = sum((before + 1) * here for before, here in pairwise(nodes))
    # Made as they are needed: a settings file may ask for more nodes than there is room for.
    places = _places(nodes)
    values: list[float] = []
    width = 0
    for line, text in list(numbered(source, FeatureError)):
        words = text.split("#")[0].split()
        if not words:
            continue
        where = f"{file}, line {line}"
        if len(values) == count:
            raise FeatureError(
                f"{where}: expected the end after the {count} values of a network {shape}, found "
                f"'{' '.join(words)}'; is it the file of another network?"
            )
        width = width or len(words)
        values.append(_value(where, words, len(values) + 1, next(places), alone=width == 1))
    if len(values) < count:
        raise FeatureError(
            f"{file}: a network {shape} has {count} weights and biases, found {len(values)}; is the file whole, "
            "and does it belong to this input.nn?"
        )
    return _layers(np.array(values), nodes)


def _places(nodes: Sequence[int]) -> Iterator[_Place]:
    """Yield what the columns of each line say, in their order."""
    for layer, (before, here) in enumerate(pairwise(nodes), start=1):
        for j in range(1, before + 1):
            yield from (("a", (layer - 1, j, layer, k)) for k in range(1, here + 1))
        yield from (("b", (layer, k)) for k in range(1, here + 1))


def _value(where: str, words: list[str], index: int, place: _Place, *, alone: bool) -> float:
    value = number(words[0])
    if value is None:
        raise FeatureError(f"{where}: expected a number, found '{words[0]}'.")
    if alone and len(words) == 1:
        return value
    letter, numbers = place
    if alone or len(words) != 3 + len(numbers):
        _refuse(where, words, index, place)
    if words[1] != letter or tuple(map(whole, words[2:])) != (index, *numbers):
        _refuse(where, words, index, place)
    return value


def _refuse(where: str, words: list[str], index: int, place: _Place) -> NoReturn:
    letter, numbers = place
    columns = " ".join(map(str, (letter, index, *numbers)))
    found = f"'{' '.join(words[1:])}'" if len(words) > 1 else "nothing"
    raise FeatureError(
        f"{where}: expected the columns '{columns}' behind the value, as on the lines before or none on any, found "
        f"{found}; lines must be complete and in order."
    )


def _layers(values: Floats, nodes: Sequence[int]) -> Layers:
    layers, at = [], 0
    for before, here in pairwise(nodes):
        middle, end = at + before * here, at + (before + 1) * here
        layers.append((values[at:middle].reshape(before, here).copy(), values[middle:end].copy()))
        at = end
    return tuple(layers)


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

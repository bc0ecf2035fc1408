"""Potentials of n2p2 for tests, with random weights, and a slow evaluation of their networks in plain Python."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from bpbench.descriptors.symmetry import describe_frames
from bpbench.features import G2, G5, FeatureSet
from bpbench.formats.n2p2 import ScalingData, Settings, Statistics, order, write_scaling, write_settings
from bpbench.formats.n2p2_weights import NAME, write_weights

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bpbench.data.frames import Frames

FUNCTIONS = FeatureSet(
    (
        G5(0.02, 2.0, -1, 6.0, ("Al", "Al")),
        G2(0.5, 2.8, 6.0, "Al"),
        G2(0.05, 0.0, 6.0, "Al"),
        G2(0.5, 4.0, 6.0, "Al"),
    )
)
#: Each activation function as n2p2 defines it, by its letter.
PLAIN: dict[str, Any] = {
    "l": lambda x: x,
    "t": math.tanh,
    "s": lambda x: 1 / (1 + math.exp(-x)),
    "p": lambda x: math.log(1 + math.exp(x)),
    "r": lambda x: max(0.0, x),
    "g": lambda x: math.exp(-x * x / 2),
    "c": math.cos,
    "S": lambda x: 1 - 1 / (1 + math.exp(-x)),
    "e": lambda x: math.exp(-x),
    "h": lambda x: x * x,
}


def settings(**changes: Any) -> Settings:
    """Return settings of a small potential of aluminium."""
    functions = FeatureSet(tuple(FUNCTIONS.functions[place] for place in order(FUNCTIONS)))
    made = Settings(("Al",), {"Al": functions}, scaling="scale-center", hidden=(3, 2), activations=("t", "t", "l"))
    return replace(made, **changes)


def write(folder: Path, frames: Frames, chosen: Settings, *, units: Any = "angstrom-ev") -> Path:
    """Write a potential with the training ranges of these frames and random weights."""
    folder.mkdir(exist_ok=True)
    functions = chosen.functions["Al"].functions
    values = describe_frames(functions, frames, 0, len(frames))
    columns = (values.min(axis=1), values.max(axis=1), values.mean(axis=1), values.std(axis=1, ddof=1))
    told = Statistics(*(tuple(column.tolist()) for column in columns))
    rng = np.random.default_rng(7)
    nodes = (len(functions), *chosen.hidden, 1)
    layers = [(rng.normal(size=(before, here)), rng.normal(size=here)) for before, here in pairwise(nodes)]
    (folder / "input.nn").write_text(write_settings(chosen, units=units))
    (folder / "scaling.data").write_text(write_scaling(ScalingData({"Al": told}), units=units))
    (folder / NAME.format(13)).write_text(write_weights(layers))
    return folder


def slow(layers: Sequence[Any], letters: Sequence[str], inputs: Sequence[float], *, normalize: bool) -> float:
    """Return the answer of a network for one atom, node after node."""
    nodes = list(inputs)
    for (weights, biases), letter in zip(layers, letters, strict=True):
        sums = [sum(weights[j][k] * node for j, node in enumerate(nodes)) + biases[k] for k in range(len(biases))]
        nodes = [PLAIN[letter](total / len(nodes) if normalize else total) for total in sums]
    (answer,) = nodes
    return float(answer)

"""A network potential evaluated from n2p2's own files and our descriptors, with its forces; nothing of the models."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bpbench.descriptors.symmetry import evaluate
from bpbench.elements import NUMBERS
from bpbench.formats.n2p2 import ScalingData, Settings, read_scaling, read_settings

if TYPE_CHECKING:
    from pathlib import Path

Floats = npt.NDArray[np.float64]
#: Letter of an activation → function and derivative by its argument.
ACTIVATIONS: dict[str, Any] = {
    "t": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "p": (lambda x: np.logaddexp(0.0, x), lambda x: 1 / (1 + np.exp(-x))),
    "l": (lambda x: x, np.ones_like),
}


@dataclass(frozen=True)
class Potential:
    """Settings, scaling and the layers (weights, biases) of each element."""

    settings: Settings
    scaling: ScalingData
    layers: dict[str, list[tuple[Floats, Floats]]]


def read(folder: Path, units: Any, weights: str = "weights.{:03d}.data") -> Potential:
    """Read a potential's folder."""
    settings = read_settings(folder / "input.nn", units=units)
    layers = {}
    for element in settings.elements:
        text = (folder / weights.format(NUMBERS[element])).read_text()
        numbers = iter(float(line.split()[0]) for line in text.splitlines() if line.strip() and line[0] != "#")
        sizes = (len(settings.functions[element]), *settings.hidden, 1)
        layers[element] = [
            (
                np.array([next(numbers) for _ in range(before * after)]).reshape(before, after),
                np.array([next(numbers) for _ in range(after)]),
            )
            for before, after in pairwise(sizes)
        ]
        assert next(numbers, None) is None
    return Potential(settings, read_scaling(folder / "scaling.data", settings, units=units), layers)


def _scaled(potential: Potential, element: str, raw: Floats) -> tuple[Floats, Floats]:
    """Return the network's inputs, shape (functions, atoms), and their derivative by the raw values."""
    told, settings = potential.scaling.elements[element], potential.settings
    low, high, mean = (np.array(numbers)[:, None] for numbers in (told.minimum, told.maximum, told.mean))
    if settings.scaling == "sigma":
        assert told.sigma is not None
        slope = (settings.scale_max - settings.scale_min) / np.array(told.sigma)[:, None]
    else:
        assert settings.scaling == "scale-center"
        slope = (settings.scale_max - settings.scale_min) / (high - low)
    return settings.scale_min + slope * (raw - mean), slope


def energy_and_forces(
    potential: Potential, positions: Floats, cell: Floats, pbc: Any, species: npt.ArrayLike
) -> tuple[float, Floats]:
    """Return the network's energy, in its own unit, and the negative of its gradient by the adjoint."""
    species = np.asarray(species)
    functions, place = [], {}
    for element, chosen in potential.settings.functions.items():
        place[element] = slice(len(functions), len(functions) + len(chosen))
        functions += chosen.functions
    # A function that serves two elements is described twice; the rows of other centres get no weight.
    made = evaluate(functions, positions, cell, pbc, species)
    weights = np.zeros_like(made.values)
    energy = 0.0
    for element, rows in place.items():
        atoms = np.flatnonzero(species == NUMBERS[element])
        x, slope = _scaled(potential, element, made.values[rows][:, atoms])
        chain = []
        for (w, b), letter in zip(potential.layers[element], potential.settings.activations, strict=True):
            z = w.T @ x + b[:, None]
            function, derivative = ACTIVATIONS[letter]
            chain.append((w, derivative(z)))
            x = function(z)
        energy += float(x.sum())
        back = np.ones_like(x)
        for w, derived in reversed(chain):
            back = w @ (back * derived)
        weights[rows.start : rows.stop, atoms] = back * slope
    return energy, -made.adjoint(weights)

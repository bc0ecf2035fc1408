r"""A potential of n2p2's evaluated from its files alone, slowly and plainly; nothing of bpbench is imported here.

It reads ``input.nn``, ``scaling.data`` and ``weights.ZZZ.data``, lists neighbours by going through all periodic images,
and works out symmetry functions of types 2, 3 and 9, the networks, and forces by the chain rule in distances and
cosines:

.. math::
    \mathbf F = -\frac{∂E}{∂\mathbf R}, \qquad
    \frac{∂\cosθ}{∂\mathbf d_a} = \frac{\mathbf u_b - \cosθ\,\mathbf u_a}{r_a}

with d_a the vector from the centre to neighbour a, u_a = d_a/r_a. Lengths and energies are those of the files.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

NUMBERS = {
    "H": 1,
    "C": 6,
    "O": 8,
    "Ne": 10,
    "Al": 13,
    "S": 16,
    "Ni": 28,
    "Cu": 29,
    "Pd": 46,
    "Ag": 47,
    "Au": 79,
    "U": 92,
}

#: Function and derivative of an activation by its letter.
ACTIVATIONS: dict[str, Any] = {
    "l": (lambda x: x, np.ones_like),
    "t": (np.tanh, lambda x: 1 / np.cosh(x) ** 2),
    "s": (lambda x: 1 / (1 + np.exp(-x)), lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2),
    "p": (lambda x: np.logaddexp(0.0, x), lambda x: 1 / (1 + np.exp(-x))),
    "r": (lambda x: np.where(x > 0, x, 0.0), lambda x: np.where(x > 0, 1.0, 0.0)),
    "g": (lambda x: np.exp(-x * x / 2), lambda x: -x * np.exp(-x * x / 2)),
}

#: Coefficients of the polynomial cutoff functions by number, highest power first.
POLYNOMIALS = {
    5: [2, -3, 0, 1],
    6: [-6, 15, -10, 0, 0, 1],
    7: [20, -70, 84, -35, 0, 0, 0, 1],
    8: [-70, 315, -540, 420, -126, 0, 0, 0, 0, 1],
}


def cutoff(number: int, alpha: float, r_c: float, r: Any) -> tuple[Any, Any]:
    """Return a cutoff function and its derivative at distances r."""
    if number in {2, 3}:
        t = np.tanh(1 - r / r_c)
        norm = math.tanh(1.0) ** 3 if number == 3 else 1.0
        value, slope = t**3 / norm, -3 * t**2 * (1 - t**2) / r_c / norm
        return np.where(r < r_c, value, 0.0), np.where(r < r_c, slope, 0.0)
    inner = alpha * r_c
    x = np.clip((r - inner) / (r_c - inner), 0.0, 1.0)
    if number == 1:
        value, slope = (np.cos(np.pi * x) + 1) / 2, -np.pi / 2 * np.sin(np.pi * x)
    elif number == 4:
        safe = np.where(x < 1, x, 0.0)
        value = np.where(x < 1, np.exp(1 - 1 / (1 - safe**2)), 0.0)
        slope = np.where(x < 1, -2 * safe / (1 - safe**2) ** 2, 0.0) * value
    else:
        value = np.polyval(POLYNOMIALS[number], x)
        slope = np.polyval(np.polyder(np.array(POLYNOMIALS[number])), x)
    return np.where(r < r_c, value, 0.0), np.where((r > inner) & (r < r_c), slope / (r_c - inner), 0.0)


@dataclass(frozen=True)
class Function:
    """One line ``symfunction_short``."""

    kind: int
    neighbours: tuple[str, ...]
    eta: float
    r_s: float
    r_c: float
    zeta: float = 1.0
    lam: float = 1.0

    @property
    def key(self) -> tuple[Any, ...]:
        """What n2p2 sorts by."""
        angular = () if self.kind == 2 else (self.zeta, self.lam)
        return (self.kind, self.r_c, self.eta, self.r_s, *angular, *(NUMBERS[name] for name in self.neighbours))


@dataclass(frozen=True)
class Potential:
    """What the files say."""

    elements: list[str]
    functions: dict[str, list[Function]]
    cutoff: tuple[int, float]
    words: dict[str, list[str]]
    scaling: dict[str, Any]
    layers: dict[str, list[tuple[Any, Any]]]
    activations: list[str]
    atom_energy: dict[str, float]

    def number(self, key: str, otherwise: float) -> float:
        """Return the number of a keyword."""
        return float(self.words[key][0]) if key in self.words else otherwise


def parsed(words: list[str]) -> Function:
    """Return the function of a line, without its keyword."""
    kind = int(words[1])
    if kind == 2:
        eta, r_s, r_c = map(float, words[3:6])
        return Function(2, (words[2],), eta, r_s, r_c)
    assert kind in {3, 9}
    eta, lam, zeta, r_c, *rest = map(float, words[4:])
    pair = tuple(sorted(words[2:4], key=NUMBERS.__getitem__))
    return Function(kind, pair, eta, rest[0] if rest else 0.0, r_c, zeta, lam)


def read(folder: Path) -> Potential:
    """Read a folder of n2p2's."""
    words: dict[str, list[str]] = {}
    functions: dict[str, list[Function]] = {}
    atom_energy: dict[str, float] = {}
    for line in (folder / "input.nn").read_text().splitlines():
        said = line.split("#")[0].split()
        if not said:
            continue
        key, *rest = said
        if key == "symfunction_short":
            functions.setdefault(rest[0], []).append(parsed(rest))
        elif key == "atom_energy":
            atom_energy[rest[0]] = float(rest[1])
        else:
            assert key not in words, key
            words[key] = rest
    elements = sorted(words["elements"], key=NUMBERS.__getitem__)
    assert int(words["number_of_elements"][0]) == len(elements)
    for listed in functions.values():
        listed.sort(key=lambda function: function.key)
    hidden = [int(word) for word in words["global_nodes_short"]]
    assert int(words["global_hidden_layers_short"][0]) == len(hidden) > 0
    rows = [line.split() for line in (folder / "scaling.data").read_text().splitlines() if line and line[0] != "#"]
    scaling, layers = {}, {}
    for index, element in enumerate(elements, start=1):
        count = len(functions[element])
        mine, rows = rows[:count], rows[count:]
        assert [row[:2] for row in mine] == [[str(index), str(place)] for place in range(1, count + 1)]
        scaling[element] = np.array([row[2:] for row in mine], dtype=float)
        text = (folder / f"weights.{NUMBERS[element]:03d}.data").read_text()
        numbers = iter([float(line.split()[0]) for line in text.splitlines() if not line.startswith("#")])
        layers[element] = [
            (
                np.array([next(numbers) for _ in range(before * after)]).reshape(before, after),
                np.array([next(numbers) for _ in range(after)]),
            )
            for before, after in pairwise((count, *hidden, 1))
        ]
        assert next(numbers, None) is None
    assert rows == []
    kind, *alpha = words["cutoff_type"]
    return Potential(
        elements,
        functions,
        (int(kind), float(alpha[0]) if alpha else 0.0),
        words,
        scaling,
        layers,
        words["global_activation_short"],
        atom_energy,
    )


def read_structures(path: Path) -> list[dict[str, Any]]:
    """Read an ``input.data``: symbols, positions, cell (or None), energy and forces of each structure."""
    found: list[dict[str, Any]] = []
    for line in path.read_text().splitlines():
        key, *words = line.split()
        if key == "begin":
            found.append({"symbols": [], "positions": [], "cell": [], "forces": []})
        elif key == "lattice":
            found[-1]["cell"].append([float(word) for word in words])
        elif key == "atom":
            found[-1]["symbols"].append(words[3])
            found[-1]["positions"].append([float(word) for word in words[:3]])
            found[-1]["forces"].append([float(word) for word in words[6:9]])
        elif key == "energy":
            found[-1]["energy"] = float(words[0])
    for one in found:
        one["positions"], one["forces"] = np.array(one["positions"]), np.array(one["forces"])
        one["cell"] = np.array(one["cell"]) if one["cell"] else None
    return found


def neighbours(positions: Any, cell: Any, reach: float) -> list[tuple[Any, Any]]:
    """Return for each atom the numbers of its neighbours, images included, and the vectors to them."""
    if cell is None:
        shifts = np.zeros((1, 3))
    else:
        places = np.linalg.solve(cell.T, positions.T)
        # so many cells away that no nearer one is missed, wherever the atoms lie
        across = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
        most = [math.ceil(reach / width + np.ptp(row)) for width, row in zip(across, places, strict=True)]
        shifts = np.array(list(product(*(range(-n, n + 1) for n in most)))) @ cell
    found = []
    for i, centre in enumerate(positions):
        away = positions[None, :, :] - centre + shifts[:, None, :]
        distance = np.sqrt((away**2).sum(axis=-1))
        same = np.zeros_like(distance, dtype=bool)
        same[:, i] = np.abs(shifts).max(axis=1) == 0
        image, atom = np.nonzero((distance < reach) & ~same)
        found.append((atom, away[image, atom]))
    return found


class Centre:
    """The surroundings of one atom.

    Parameters
    ----------
    numbers, vectors : ndarray
        Of its neighbours: numbers of the atoms, vectors to them.
    symbols : ndarray
        Of all atoms.
    cutoff_type : tuple
        Number and α.
    """

    def __init__(self, numbers: Any, vectors: Any, symbols: Any, cutoff_type: tuple[int, float]) -> None:
        self.atoms, self.d, self.type = numbers, vectors, cutoff_type
        self.symbols = symbols[numbers]
        self.r = np.sqrt((vectors**2).sum(axis=1))
        self.u = vectors / self.r[:, None]
        self._pairs: dict[Any, Any] = {}
        self._bells: dict[Any, Any] = {}

    def pairs(self, function: Function) -> Any:
        """Return the pairs of neighbours that a function counts, each once, with all that does not change with η and ζ.

        Numbers a and b, cosine, distances of a, of b and between them, each with its cutoff function and slope, and the
        sums that :meth:`pull` adds to: derivatives by the three distances and the cosine.
        """
        key = (function.kind, function.neighbours, function.r_c)
        if key not in self._pairs:
            a, b = np.triu_indices(len(self.atoms), 1)
            one, other = self.symbols[a], self.symbols[b]
            first, second = function.neighbours
            right = ((one == first) & (other == second)) | ((one == second) & (other == first))
            right &= (self.r[a] < function.r_c) & (self.r[b] < function.r_c)
            a, b = a[right], b[right]
            apart = np.sqrt(((self.d[a] - self.d[b]) ** 2).sum(axis=1))
            if function.kind == 3:
                near = apart < function.r_c
                a, b, apart = a[near], b[near], apart[near]
            distances = (self.r[a], self.r[b], apart)
            cuts = [cutoff(*self.type, function.r_c, r) for r in distances]
            if function.kind == 9:
                cuts[2] = (np.ones_like(apart), np.zeros_like(apart))
            cosine = (self.u[a] * self.u[b]).sum(axis=1)
            self._pairs[key] = (a, b, cosine, distances, cuts, np.zeros((4, len(a))))
        return self._pairs[key]

    def value(self, function: Function) -> float:
        """Return a symmetry function."""
        return self._worked(function, None)

    def pull(self, function: Function, weight: float, gradient: Any) -> None:
        """Add weight ∂G/∂d of every neighbour to ``gradient``, shape (neighbours, 3), of an angular one to the sums."""
        self._worked(function, (weight, gradient))

    def _worked(self, function: Function, wanted: Any) -> float:
        return (self._radial if function.kind == 2 else self._angular)(function, wanted)

    def _radial(self, function: Function, wanted: Any) -> float:
        mine = (self.symbols == function.neighbours[0]) & (self.r < function.r_c)
        r = self.r[mine]
        cut, slope = cutoff(*self.type, function.r_c, r)
        bell = np.exp(-function.eta * (r - function.r_s) ** 2)
        if wanted is not None:
            weight, gradient = wanted
            by_r = bell * (slope - 2 * function.eta * (r - function.r_s) * cut)
            gradient[mine] += weight * by_r[:, None] * self.u[mine]
        return float((bell * cut).sum())

    def _angular(self, function: Function, wanted: Any) -> float:
        _, _, cosine, distances, cuts, sums = self.pairs(function)
        zeta, lam, eta, r_s = function.zeta, function.lam, function.eta, function.r_s
        of_bell = distances if function.kind == 3 else distances[:2]
        key = (function.kind, function.neighbours, function.r_c, eta, r_s)
        if key not in self._bells:
            self._bells[key] = np.exp(-eta * sum((r - r_s) ** 2 for r in of_bell))
        bell = self._bells[key]
        base, front = np.maximum(1 + lam * cosine, 0.0), 2 ** (1 - zeta)
        (f_a, df_a), (f_b, df_b), (f_ab, df_ab) = cuts
        angular = front * base**zeta
        if wanted is not None:
            weight = wanted[0]
            pulls = [0.0 if len(of_bell) < 3 and i == 2 else -2 * eta * (r - r_s) for i, r in enumerate(distances)]
            sums[0] += weight * angular * bell * f_b * f_ab * (df_a + pulls[0] * f_a)
            sums[1] += weight * angular * bell * f_a * f_ab * (df_b + pulls[1] * f_b)
            sums[2] += weight * angular * bell * f_a * f_b * (df_ab + pulls[2] * f_ab)
            sums[3] += weight * front * zeta * lam * base ** (zeta - 1) * bell * f_a * f_b * f_ab
        return float((angular * bell * f_a * f_b * f_ab).sum())

    def finish(self, gradient: Any) -> None:
        """Add to ``gradient`` what the sums over angular functions come to."""
        for a, b, cosine, (r_a, r_b, apart), _, (by_a, by_b, by_ab, by_cosine) in self._pairs.values():
            u_a, u_b = self.u[a], self.u[b]
            along = (by_ab / apart)[:, None] * (self.d[a] - self.d[b])
            pull_a = by_a[:, None] * u_a + (by_cosine / r_a)[:, None] * (u_b - cosine[:, None] * u_a) + along
            pull_b = by_b[:, None] * u_b + (by_cosine / r_b)[:, None] * (u_a - cosine[:, None] * u_b) - along
            np.add.at(gradient, a, pull_a)
            np.add.at(gradient, b, pull_b)


def _scaled(potential: Potential, element: str, raw: Any) -> tuple[Any, Any]:
    """Return the inputs of a network and their derivatives by the raw values."""
    least, most, mean = (potential.scaling[element][:, column] for column in range(3))
    low, high = potential.number("scale_min_short", 0.0), potential.number("scale_max_short", 1.0)
    said = {word for word in potential.words if word.endswith(("symmetry_functions", "functions_sigma"))}
    if said == {"scale_symmetry_functions_sigma"}:
        slope = (high - low) / potential.scaling[element][:, 3]
        return low + slope * (raw - mean), slope
    if said == {"scale_symmetry_functions"}:
        slope = (high - low) / (most - least)
        return low + slope * (raw - least), slope
    if said == {"scale_symmetry_functions", "center_symmetry_functions"}:
        slope = (high - low) / (most - least)
        return low + slope * (raw - mean), slope
    if said == {"center_symmetry_functions"}:
        return raw - mean, np.ones_like(raw)
    assert not said
    return raw, np.ones_like(raw)


def _network(potential: Potential, element: str, inputs: Any) -> tuple[float, Any]:
    """Return the output of a network and its derivatives by its inputs."""
    y, jacobian = inputs, np.eye(len(inputs))
    for (weights, biases), letter in zip(potential.layers[element], potential.activations, strict=True):
        function, derivative = ACTIVATIONS[letter]
        x = y @ weights + biases
        y, jacobian = function(x), (jacobian @ weights) * derivative(x)
    return float(y[0]), jacobian[:, 0]


def energy_and_forces(potential: Potential, symbols: Any, positions: Any, cell: Any = None) -> tuple[float, Any]:
    """Return energy and forces of one structure, in the units of ``input.data``, with the energies of atoms."""
    symbols = np.array(symbols)
    reach = max(function.r_c for functions in potential.functions.values() for function in functions)
    energy, forces = 0.0, np.zeros((len(symbols), 3))
    for i, (atoms, vectors) in enumerate(neighbours(np.asarray(positions), cell, reach)):
        centre, element = Centre(atoms, vectors, symbols, potential.cutoff), str(symbols[i])
        functions = potential.functions[element]
        raw = np.array([centre.value(function) for function in functions])
        inputs, slope = _scaled(potential, element, raw)
        answer, by_input = _network(potential, element, inputs)
        energy += answer
        gradient = np.zeros_like(vectors)
        for function, weight in zip(functions, by_input * slope, strict=True):
            centre.pull(function, float(weight), gradient)
        centre.finish(gradient)
        np.add.at(forces, atoms, -gradient)
        forces[i] += gradient.sum(axis=0)
    unit = potential.number("conv_energy", 1.0)
    total = energy / unit + len(symbols) * potential.number("mean_energy", 0.0)
    # positions and parameters are both in the unit of the files, whatever conv_length says
    return total + sum(potential.atom_energy.get(symbol, 0.0) for symbol in symbols.tolist()), forces / unit


def beyond(potential: Potential, symbols: Any, positions: Any, cell: Any = None) -> int:
    """Return how many values lie outside their range in ``scaling.data``: n2p2's extrapolation warnings."""
    symbols, found = np.array(symbols), 0
    reach = max(function.r_c for functions in potential.functions.values() for function in functions)
    for i, (atoms, vectors) in enumerate(neighbours(np.asarray(positions), cell, reach)):
        centre, element = Centre(atoms, vectors, symbols, potential.cutoff), str(symbols[i])
        raw = np.array([centre.value(function) for function in potential.functions[element]])
        least, most = potential.scaling[element][:, 0], potential.scaling[element][:, 1]
        found += int(((raw < least) | (raw > most)).sum())
    return found

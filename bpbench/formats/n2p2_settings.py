"""What an ``input.nn`` of n2p2 or RuNNer says, as plain values in Å and eV.

Lengths in an ``input.nn`` are in the unit of its ``input.data``, also when ``conv_length`` is given: n2p2 multiplies
positions and parameters of functions by it alike, so that the values of the functions do not change.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, get_args

from bpbench.elements import NUMBERS
from bpbench.errors import FeatureError, nearest
from bpbench.features import G2, G4, Feature, FeatureSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: How values become inputs: with min, max, mean, sigma of ``scaling.data`` and S0 = ``scale_min``, S1 = ``scale_max``.
SCALINGS: Final = {
    "none": "G",
    "scale": "S0 + (S1 - S0) (G - min) / (max - min)",
    "center": "G - mean",
    "scale-center": "S0 + (S1 - S0) (G - mean) / (max - min)",
    "sigma": "S0 + (S1 - S0) (G - mean) / sigma",
}
Scaling = Literal["none", "scale", "center", "scale-center", "sigma"]
#: Activation functions by their letter.
ACTIVATIONS: Final = {
    "l": "identity",
    "t": "tanh",
    "s": "logistic",
    "p": "softplus",
    "r": "relu",
    "g": "gaussian",
    "c": "cosine",
    "S": "1 - logistic",
    "e": "exp(-x)",
    "h": "x²",
}
#: Number of each cutoff function.
CUTOFF_TYPES: Final = {
    "cos": 1,
    "tanh3": 2,
    "tanh3-one": 3,
    "exp": 4,
    "poly1": 5,
    "poly2": 6,
    "poly3": 7,
    "poly4": 8,
}


def type_of(function: Feature) -> int:
    """Return n2p2's type of a function: 2, 3 or 9."""
    return 2 if isinstance(function, G2) else 3 if isinstance(function, G4) else 9


def _key(function: Feature) -> tuple[float, ...]:
    angular = () if isinstance(function, G2) else (function.zeta, function.lam)
    neighbours = (NUMBERS[element] for element in function.elements)
    cutoff = (CUTOFF_TYPES[function.cutoff], function.alpha)
    return (type_of(function), *cutoff, function.r_c, function.eta, function.r_s, *angular, *neighbours)


def order(functions: Iterable[Feature]) -> tuple[int, ...]:
    """Return the numbers (from 0) of functions in the order of n2p2's inputs, ``scaling.data`` and ``function.data``.

    Both programs sort the functions of an element, whatever the order of their lines: by type, cutoff function, α,
    R_c, η, R_s, then (for types 3 and 9) ζ, λ, then the neighbours' atomic numbers.

    Parameters
    ----------
    functions : iterable of G2, G4 or G5
        Of one element of the centre.

    Returns
    -------
    tuple of int
        ``order(f)[i]`` is the number in ``f`` of the function that comes at place ``i``.
    """
    listed = list(functions)
    return tuple(sorted(range(len(listed)), key=lambda number: _key(listed[number])))


@dataclass(frozen=True, slots=True)
class Normalisation:
    """n2p2's normalisation of energies and lengths.

    The total energy of N atoms is E = E_net / ``conv_energy`` + N · ``mean_energy`` (plus the atoms' own energies).

    Attributes
    ----------
    mean_energy : float
        eV per atom.
    conv_energy : float
        1/eV.
    conv_length : float
        1/Å; it changes no value of a symmetry function.
    """

    mean_energy: float
    conv_energy: float
    conv_length: float


@dataclass(frozen=True, slots=True)
class Settings:
    """What an ``input.nn`` says of functions, scaling and network.

    Attributes
    ----------
    elements : tuple of str
        By atomic number.
    functions : mapping of str to FeatureSet
        For each element of the centre, in the order of the network's inputs (see :func:`order`); every function names
        the elements of its neighbours.
    scaling : str
        Key of :data:`SCALINGS`.
    scale_min, scale_max : float
        S0 and S1 of the scaling.
    atom_energy : mapping of str to float
        Energy of a free atom (eV), for the elements that state one. RuNNer subtracts it only under
        ``remove_atom_energies``, n2p2 always.
    normalisation : Normalisation or None
        n2p2's normalisation.
    hidden : tuple of int
        Nodes of the hidden layers, the same for all elements.
    activations : tuple of str
        A letter of :data:`ACTIVATIONS` for each hidden layer and for the output; none where no network is described.
    normalize_nodes : bool
        Whether the sum that enters a node is divided by the number of nodes before it.
    file_order : mapping of str to tuple of int
        For each element: the number (from 0) of the line, among its lines in the file, of the function at each place;
        if left out, the lines stand in order.
    """

    elements: tuple[str, ...]
    functions: Mapping[str, FeatureSet]
    scaling: Scaling = "none"
    scale_min: float = 0.0
    scale_max: float = 1.0
    atom_energy: Mapping[str, float] = field(default_factory=dict)
    normalisation: Normalisation | None = None
    hidden: tuple[int, ...] = ()
    activations: tuple[str, ...] = ()
    normalize_nodes: bool = False
    file_order: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_elements(self)
        for element in self.elements:
            _check_functions(element, self.functions[element].functions, self.elements)
        if self.scaling not in get_args(Scaling):
            raise FeatureError(f"There is no scaling called '{self.scaling}'{nearest(self.scaling, SCALINGS)}")
        if not self.scale_min < self.scale_max:
            raise FeatureError(f"scale_min must be less than scale_max, found {self.scale_min} and {self.scale_max}.")
        check_network(self.hidden, self.activations)
        places = {e: self.file_order.get(e, tuple(range(len(self.functions[e])))) for e in self.elements}
        for element, lines in places.items():
            if sorted(lines) != list(range(len(self.functions[element]))):
                raise FeatureError(
                    f"{element}: file_order must name each of its {len(self.functions[element])} lines once, found "
                    f"{list(lines)}."
                )
        # A mapping that was left out and one that says the same are equal.
        object.__setattr__(self, "file_order", places)


def _check_elements(settings: Settings) -> None:
    elements = settings.elements
    if not elements or list(elements) != sorted(set(elements), key=lambda element: NUMBERS.get(element, 0)):
        raise FeatureError(f"Elements must be named once, by atomic number; found {', '.join(elements) or 'none'}.")
    if set(settings.functions) != set(elements):
        raise FeatureError(
            f"Functions must be given for the elements {', '.join(elements)}, found {', '.join(settings.functions)}."
        )
    strange = sorted(set(settings.atom_energy) - set(elements))
    if strange:
        raise FeatureError(f"Atom energies belong to the elements {', '.join(elements)}, found {', '.join(strange)}.")


def _check_functions(element: str, functions: Sequence[Feature], elements: Sequence[str]) -> None:
    for function in functions:
        if not function.elements:
            raise FeatureError(
                f"{element}, {function.name}: a function in an input.nn names its neighbours; use FeatureSet.resolved."
            )
        if not set(function.elements) <= set(elements):
            raise FeatureError(f"{element}, {function.name}: its neighbours must be among {', '.join(elements)}.")
    if order(functions) != tuple(range(len(functions))):
        raise FeatureError(f"{element}: the functions do not stand in n2p2's order; sort them by order(functions).")


def check_network(hidden: tuple[int, ...], activations: tuple[str, ...]) -> None:
    """Refuse a network whose layers and activation functions do not belong together.

    Parameters
    ----------
    hidden : tuple of int
        Nodes of the hidden layers.
    activations : tuple of str
        Letters for the hidden layers and the output, or none at all.

    Raises
    ------
    FeatureError
        For a layer without nodes, an unknown letter or another number of letters.
    """
    if any(nodes < 1 for nodes in hidden):
        raise FeatureError(f"A hidden layer has 1 node or more, found {', '.join(map(str, hidden))}.")
    for letter in activations:
        if letter not in ACTIVATIONS:
            raise FeatureError(f"There is no activation function '{letter}'; possible are {', '.join(ACTIVATIONS)}.")
    if (hidden or activations) and len(activations) != len(hidden) + 1:
        raise FeatureError(
            f"{len(hidden)} hidden layers and the output take {len(hidden) + 1} activation functions, found "
            f"{len(activations)}."
        )

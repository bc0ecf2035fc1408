r"""A potential that n2p2 or RuNNer trained, evaluated with our symmetry functions in double precision.

.. math::
    E = \sum_i \Bigl[\frac{y_{e(i)}(G_i)}{c_E} + \bar E + E_{e(i)}\Bigr], \qquad
    y = f_L(W_L f_{L-1}(\dots f_1(W_1 x + b_1) \dots) + b_L)

==========  ===========================  ===============================================================================
symbol      in ``input.nn``              meaning
==========  ===========================  ===============================================================================
e(i), G_i   ``symfunction_short``        element of atom i, values of the functions of that element, sorted
x           ``scale_…``, ``center_…``    G scaled by ``scaling.data``, see bpbench.formats.n2p2_settings.SCALINGS
W_l, b_l    ``weights.ZZZ.data``         weights and biases of layer l; with ``normalize_nodes`` the sum that enters a
                                         node, bias included, is divided by the number of nodes before it
f_l         ``global_activation_short``  see bpbench.formats.n2p2_settings.ACTIVATIONS
c_E, Ē      ``conv_energy``,             normalisation, 1/eV and eV per atom; without it y is in the unit of energy of
            ``mean_energy``              the training data, and Ē is 0
E_e         ``atom_energy``              energy of a free atom of element e (eV)
==========  ===========================  ===============================================================================

``conv_length`` changes nothing here: n2p2 multiplies positions and parameters of functions by it alike. Forces are the
negative derivative by the descriptors' adjoint. A. Singraber, J. Behler, C. Dellago, J. Chem. Theory Comput. 15, 1827
(2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from bpbench.descriptors.symmetry import evaluate
from bpbench.elements import NUMBERS, symbol
from bpbench.errors import DataError
from bpbench.formats.n2p2_text import factor
from bpbench.potential import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from bpbench.data.frames import Floats, Ints
    from bpbench.features import Feature
    from bpbench.formats.n2p2_folder import Trained
    from bpbench.formats.n2p2_weights import Layers

#: A value is beyond a range when it lies outside by more than this and this share of the range: files are rounded.
ROUNDING: Final = 1e-8

Function = tuple["Callable[[Floats], Floats]", "Callable[[Floats, Floats], Floats]"]


def _logistic(x: Floats) -> Floats:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


#: By letter: the function f, and f′ from x and f(x).
FUNCTIONS: Final[dict[str, Function]] = {
    "l": (lambda x: x, lambda x, _: np.ones_like(x)),
    "t": (np.tanh, lambda _, y: 1.0 - y * y),
    "s": (_logistic, lambda _, y: y * (1.0 - y)),
    "p": (lambda x: np.logaddexp(0.0, x), lambda x, _: _logistic(x)),
    "r": (lambda x: np.maximum(x, 0.0), lambda x, _: (x > 0).astype(np.float64)),
    "g": (lambda x: np.exp(-0.5 * x * x), lambda x, y: -x * y),
    "c": (np.cos, lambda x, _: -np.sin(x)),
    "S": (lambda x: _logistic(-x), lambda _, y: -y * (1.0 - y)),
    "e": (lambda x: np.exp(-x), lambda _, y: -y),
    "h": (lambda x: x * x, lambda x, _: 2.0 * x),
}


@dataclass(frozen=True)
class N2p2Potential:
    """A trained potential, ready to be asked.

    Attributes
    ----------
    trained : Trained
        What its files say.
    """

    trained: Trained

    @property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbols of its elements, by atomic number."""
        return self.trained.settings.elements

    @cached_property
    def functions(self) -> tuple[Feature, ...]:
        """The functions of all its elements, each once."""
        return tuple(dict.fromkeys(f for element in self.elements for f in self.trained.settings.functions[element]))

    @cached_property
    def centres(self) -> dict[str, Ints]:
        """For each element the places in :attr:`functions` of those that its network sees, in the network's order."""
        place = {function: number for number, function in enumerate(self.functions)}
        seen = self.trained.settings.functions
        return {e: np.array([place[function] for function in seen[e]], dtype=np.int64) for e in self.elements}

    @property
    def parameter_count(self) -> int:
        """Weights and biases of all networks."""
        return sum(array.size for layers in self.trained.weights.values() for layer in layers for array in layer)

    def answer(
        self,
        positions: npt.ArrayLike,
        cell: npt.ArrayLike,
        pbc: npt.ArrayLike,
        species: npt.ArrayLike,
        *,
        forces: bool = True,
    ) -> Answer:
        """Return energy and forces of one frame.

        Parameters
        ----------
        positions, cell, pbc, species
            As for :func:`bpbench.descriptors.symmetry.evaluate`: Å.
        forces : bool
            Whether forces are wanted; else they are zeros, and cost nothing.

        Returns
        -------
        Answer
            In eV and eV/Å; ``beyond`` has the rows of :attr:`functions` and compares with ``scaling.data``.

        Raises
        ------
        DataError
            For a frame that cannot be described, or that holds an element the potential does not know.
        """
        numbers = np.asarray(species, dtype=np.int64)
        self._known(numbers)
        seen = evaluate(self.functions, positions, cell, pbc, numbers)
        slopes = np.zeros_like(seen.values)
        beyond = np.zeros(seen.values.shape, dtype=np.bool_)
        energy = 0.0
        for element in self.elements:
            atoms = np.flatnonzero(numbers == NUMBERS[element])
            if not len(atoms):
                continue
            here = np.ix_(self.centres[element], atoms)
            values = seen.values[here]
            each, slopes[here] = self._network(element, values)
            energy += float(each.sum())
            beyond[here] = self._beyond(element, values)
        none = np.zeros((len(numbers), 3)), np.zeros((3, 3))
        gradient, strain = seen.slopes(slopes) if forces else none
        return Answer(energy, -gradient, beyond, strain, seen.values)

    def ranges(self, species: Ints) -> tuple[Floats, Floats]:
        """Return the ends of each function's range in ``scaling.data``, for atoms of these elements.

        Parameters
        ----------
        species : ndarray of int, shape (n,)
            Atomic numbers.

        Returns
        -------
        ndarray, shape (D, n)
            The least value of each of :attr:`functions`; -∞ where the element's network does not see the function.
        ndarray, shape (D, n)
            The largest, or ∞.
        """
        least = np.full((len(self.functions), len(species)), -np.inf)
        most = -least
        for element in self.elements:
            here = np.ix_(self.centres[element], np.flatnonzero(species == NUMBERS[element]))
            told = self.trained.scaling.elements[element]
            least[here], most[here] = np.array(told.minimum)[:, None], np.array(told.maximum)[:, None]
        return least, most

    def _known(self, numbers: Ints) -> None:
        strange = sorted(set(numbers.tolist()) - {NUMBERS[element] for element in self.elements})
        if strange:
            raise DataError(
                f"The potential knows {', '.join(self.elements)}, and the frame holds "
                f"{', '.join(map(symbol, strange))}; give it frames of its own elements."
            )

    def _network(self, element: str, values: Floats) -> tuple[Floats, Floats]:
        """Return the energy (eV) of each of n atoms of an element, and its derivatives by the values, shape (D, n)."""
        settings = self.trained.settings
        shift, scale, low = _scales(self.trained, element)
        inputs = (values - shift[:, None]) * scale[:, None] + low
        answer, slopes = propagate(
            self.trained.weights[element], settings.activations, inputs, normalize=settings.normalize_nodes
        )
        given = settings.normalisation
        if given is None:
            unit, mean = float(factor(self.trained.units, energy=1)), 0.0
        else:
            unit, mean = 1.0 / given.conv_energy, given.mean_energy
        return answer * unit + mean + settings.atom_energy.get(element, 0.0), slopes * scale[:, None] * unit

    def _beyond(self, element: str, values: Floats) -> npt.NDArray[np.bool_]:
        told = self.trained.scaling.elements[element]
        low, high = np.array(told.minimum)[:, None], np.array(told.maximum)[:, None]
        slack = ROUNDING * (1.0 + high - low)
        found: npt.NDArray[np.bool_] = (values < low - slack) | (values > high + slack)
        return found


def propagate(
    layers: Layers, letters: tuple[str, ...], inputs: Floats, *, normalize: bool = False
) -> tuple[Floats, Floats]:
    """Return the answers (n,) of a network, and their derivatives by its inputs, shape (D, n).

    Parameters
    ----------
    layers : tuple of (ndarray, ndarray)
        Weights (nodes before, nodes) and biases of each layer; the last has one node.
    letters : tuple of str
        Activation function of each layer.
    inputs : ndarray, shape (D, n)
        Scaled values of n atoms.
    normalize : bool
        Whether the sum that enters a node is divided by the number of nodes before it.
    """
    y, slopes = inputs, []
    for (weights, biases), letter in zip(layers, letters, strict=True):
        f, derivative = FUNCTIONS[letter]
        x = weights.T @ y + biases[:, None]
        by = float(len(weights)) if normalize else 1.0
        y = f(x / by)
        slopes.append(derivative(x / by, y) / by)
    back = np.ones_like(y)
    for (weights, _), slope in zip(reversed(layers), reversed(slopes), strict=True):
        back = weights @ (back * slope)
    return y[0], back


def _scales(trained: Trained, element: str) -> tuple[Floats, Floats, float]:
    """Return a, b and S0 of the inputs (G - a) b + S0."""
    settings, told = trained.settings, trained.scaling.elements[element]
    low, high, mean = (np.array(column) for column in (told.minimum, told.maximum, told.mean))
    span = settings.scale_max - settings.scale_min
    if settings.scaling == "none":
        return np.zeros_like(mean), np.ones_like(mean), 0.0
    if settings.scaling == "center":
        return mean, np.ones_like(mean), 0.0
    if settings.scaling == "sigma":
        return mean, span / np.array(told.sigma), settings.scale_min
    return low if settings.scaling == "scale" else mean, span / (high - low), settings.scale_min

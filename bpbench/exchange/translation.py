r"""A trained potential in n2p2's words: other weights, the same energy.

Ours and n2p2's inputs, and what a hidden node does with them, differ in ways that the weights take up:

.. math::
    \frac{G - a}{b} = \frac{b'}{b}\,\frac{G - a'}{b'} + \frac{a' - a}{b}, \qquad
    e^{-x^2} = e^{-(\sqrt 2\,x)^2/2}, \qquad
    E = \sum_i E_{e(i)} + m + s\,y(G_i)

==========  ==================  ====================================================================================
symbol      name in code        meaning
==========  ==================  ====================================================================================
a, b        ``shift, scale``    our scaling of a function G (:mod:`bpbench.models.scaling`)
a', b'      ``_theirs``         n2p2's: the mean or the least value, and sigma (with n - 1), the range, or 1
y           ``layers``          output of the atomic network
E_e, m, s   ``reference``, …    reference energy of the element, centre and width of the energies per atom (eV)
==========  ==================  ====================================================================================

The first layer takes up the scaling, every hidden layer the √2 of a Gaussian, the last one s; E_e + m is n2p2's
``atom_energy``. ``scaling.data`` holds least, greatest and mean value and sigma over the training atoms, whatever the
scaling: n2p2 and LAMMPS warn beyond the first two. Functions that are constant over the training atoms were dropped
from the network, and n2p2 would divide by their range: they are left out.

n2p2 knows no network without a hidden layer; a linear potential is written with one hidden node that passes on what it
gets.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

from bpbench.elements import NUMBERS
from bpbench.errors import FeatureError, RequestError
from bpbench.features import FeatureSet
from bpbench.formats.n2p2 import ScalingData, Settings, Statistics, order, write_scaling, write_settings
from bpbench.formats.n2p2_settings import Scaling
from bpbench.formats.n2p2_weights import NAME, write_weights
from bpbench.jobs import Command, Hdnn, Linear, N2p2
from bpbench.models.contract import of_element
from bpbench.models.network import Layers, from_parameters

if TYPE_CHECKING:
    from bpbench.features import Feature
    from bpbench.jobs import ModelSpec
    from bpbench.models.contract import Floats
    from bpbench.potential import Potential

#: n2p2's letter of each activation.
_LETTERS: Final = {"tanh": "t", "logistic": "s", "softplus": "p", "relu": "r", "gaussian": "g"}
#: n2p2's name of each of our scalings, by :data:`bpbench.formats.n2p2.SCALINGS`.
_SCALINGS: Final[dict[str, Scaling]] = {
    "standard": "sigma",
    "min-max": "scale",
    "centred": "center",
    "centred-min-max": "scale-center",
}


@dataclass(frozen=True, slots=True)
class Said:
    """A potential in n2p2's words.

    Attributes
    ----------
    settings : Settings
        What its ``input.nn`` says.
    scaling : ScalingData
        What its ``scaling.data`` says.
    layers : dict of str to list of (weights, biases)
        By element, from the first hidden layer to the output.
    rows : dict of str to tuple of int
        By element, the places of its functions among those of the potential.
    dropped : dict of str to tuple of str
        By element, names of the functions that were left out because they are constant over the training atoms.
    """

    settings: Settings
    scaling: ScalingData
    layers: dict[str, Layers]
    rows: dict[str, tuple[int, ...]]
    dropped: dict[str, tuple[str, ...]]

    def files(self, head: str) -> dict[str, str]:
        """Return the files by name, in Å and eV; ``head`` is a comment at the top of ``input.nn``."""
        made = {
            "input.nn": f"# {head}\n" + write_settings(self.settings, units="angstrom-ev"),
            "scaling.data": write_scaling(self.scaling, units="angstrom-ev"),
        }
        return made | {NAME.format(NUMBERS[element]): write_weights(layers) for element, layers in self.layers.items()}


def require(model: ModelSpec, name: str) -> None:
    """Refuse a model that n2p2's files cannot hold.

    Parameters
    ----------
    model : ModelSpec
        What was trained.
    name : str
        The contestant, for the message.

    Raises
    ------
    RequestError
        For trees, a linear skip or an ensemble, and for what others trained.
    """
    if isinstance(model, N2p2):
        raise RequestError(
            f"'{name}' is a potential of n2p2's own: its files are in {model.folder} already, there is nothing "
            "to export."
        )
    if isinstance(model, Command):
        raise RequestError(
            f"'{name}' is trained by a program of its own, whose weights only that program knows; export it with that."
        )
    if not isinstance(model, Hdnn | Linear):
        raise RequestError(
            f"n2p2's files hold networks, and the model of '{name}' is a {model.kind}, which they cannot say; export a "
            "variant whose model is hdnn or linear."
        )
    if isinstance(model, Hdnn) and model.skip:
        raise RequestError(
            f"n2p2's files cannot say a linear skip, which the network of '{name}' has; train it with skip: false and "
            "export that."
        )
    if isinstance(model, Hdnn) and model.ensemble > 1:
        raise RequestError(
            f"n2p2's files hold one network for each element, and '{name}' is an ensemble of {model.ensemble}; train "
            "it with ensemble: 1 and export that."
        )


def translate(potential: Potential, name: str) -> Said:
    """Return a potential in n2p2's words.

    Parameters
    ----------
    potential : Potential
        What was trained.
    name : str
        The contestant, for messages.

    Raises
    ------
    RequestError
        For what n2p2's files cannot say: a model (see :func:`require`), functions with several cutoff functions, or an
        element of which every function is constant.
    """
    model = potential.model
    require(model, name)
    try:
        made = {element: _element(potential, element, name) for element in potential.elements}
        settings = _settings(model, made)
        write_settings(settings, units="angstrom-ev")
    except FeatureError as error:
        raise RequestError(f"'{name}' cannot be said in n2p2's files: {error}") from None
    return Said(
        settings=settings,
        scaling=ScalingData({element: one.statistics for element, one in made.items()}),
        layers={element: one.layers for element, one in made.items()},
        rows={element: one.rows for element, one in made.items()},
        dropped={element: one.dropped for element, one in made.items()},
    )


@dataclass(frozen=True, slots=True)
class _Element:
    functions: FeatureSet
    statistics: Statistics
    layers: Layers
    atom_energy: float
    rows: tuple[int, ...]
    dropped: tuple[str, ...]


def _settings(model: Hdnn | Linear, made: dict[str, _Element]) -> Settings:
    hidden = tuple(len(biases) for _, biases in next(iter(made.values())).layers[:-1])
    letter = _LETTERS[model.activation] if isinstance(model, Hdnn) else "l"
    return Settings(
        elements=tuple(made),
        functions={element: one.functions for element, one in made.items()},
        scaling=_SCALINGS[_scaling(model)],
        atom_energy={element: one.atom_energy for element, one in made.items()},
        hidden=hidden,
        activations=(*[letter] * len(hidden), "l"),
    )


def _scaling(model: Hdnn | Linear) -> str:
    return model.scaling if isinstance(model, Hdnn) else "standard"


def _element(potential: Potential, element: str, name: str) -> _Element:
    seen = dict(potential.centres).get(element, tuple(range(len(potential.functions))))
    functions = tuple(potential.functions[row] for row in seen)
    several = len(potential.elements) > 1
    own = of_element(potential.parameters, element) if several else potential.parameters
    kept = np.flatnonzero(own["kept"] > 0.5)
    if not len(kept):
        raise RequestError(
            f"'{name}' cannot be said in n2p2's files: all functions of {element} are constant over the training "
            "atoms, and an element needs one that varies."
        )
    # What a function leaves unsaid where there is one element only, n2p2 wants said.
    told = [_named(functions[row], potential.elements) for row in kept]
    place = list(order(told))
    rows = kept[place]
    least, most, mean, sigma = (own[key][rows] for key in ("least", "most", "mean", "sigma"))
    theirs = _theirs(_scaling(potential.model), least, most, mean, sigma)
    layers = _layers(potential.model, own)
    layers = _rescaled(layers, place, (own["shift"][rows], own["scale"][rows]), theirs)
    if isinstance(potential.model, Hdnn) and potential.model.activation == "gaussian":
        layers = [*[(w * sqrt(2), b * sqrt(2)) for w, b in layers[:-1]], layers[-1]]
    width = own["width"].item()
    layers[-1] = (layers[-1][0] * width, layers[-1][1] * width)
    return _Element(
        functions=FeatureSet(tuple(told[at] for at in place)),
        statistics=Statistics(*(tuple(column.tolist()) for column in (least, most, mean, sigma))),
        layers=layers,
        atom_energy=own["reference"].item() + own["centre"].item(),
        rows=tuple(seen[row] for row in rows.tolist()),
        dropped=tuple(one.name for row, one in enumerate(functions) if row not in set(kept.tolist())),
    )


def _named(function: Feature, elements: tuple[str, ...]) -> Feature:
    """Return the function with its neighbours named; in an alloy they are named already."""
    (found,) = FeatureSet((function,)).resolved(elements)
    return found


def _layers(model: Hdnn | Linear, own: dict[str, Floats]) -> Layers:
    if isinstance(model, Hdnn):
        (network,) = from_parameters(own, model.activation)
        return network.layers
    passed = (own["weights"][:, None], np.reshape(own["intercept"], 1))
    return [passed, (np.ones((1, 1)), np.zeros(1))]


def _theirs(kind: str, least: Floats, most: Floats, mean: Floats, sigma: Floats) -> tuple[Floats, Floats]:
    """Return what n2p2 shifts and divides the functions by."""
    scale = {"standard": sigma, "centred": np.ones_like(sigma)}.get(kind, most - least)
    return least if kind == "min-max" else mean, scale


def _rescaled(layers: Layers, place: list[int], ours: tuple[Floats, Floats], theirs: tuple[Floats, Floats]) -> Layers:
    """Return layers whose first one takes the functions in n2p2's order and scaling."""
    (shift, scale), (their_shift, their_scale) = ours, theirs
    weights, biases = layers[0][0][place], layers[0][1]
    first = (weights * (their_scale / scale)[:, None], biases + ((their_shift - shift) / scale) @ weights)
    return [first, *layers[1:]]

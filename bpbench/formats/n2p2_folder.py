"""A trained potential of n2p2 or RuNNer as it lies in a folder: ``input.nn``, ``scaling.data`` and the weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bpbench.elements import NUMBERS
from bpbench.errors import FeatureError
from bpbench.formats.n2p2_input import read_settings
from bpbench.formats.n2p2_scaling import ScalingData, Statistics, read_scaling
from bpbench.formats.n2p2_weights import Layers, read_weights
from bpbench.identity import digest_of_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bpbench.formats.n2p2_settings import Scaling, Settings
    from bpbench.formats.n2p2_text import Units

#: Names of the file with the weights of an element: of a potential that is ready, and as RuNNer's fit leaves them.
_WEIGHTS: Final = ("weights.{:03d}.data", "optweights.{:03d}.out", "weights.{:03d}.out")


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained potential.

    Attributes
    ----------
    settings : Settings
        Functions, scaling, network.
    scaling : ScalingData
        Range, mean and spread of each function over the training atoms.
    weights : mapping of str to tuple
        For each element what :func:`~bpbench.formats.n2p2_weights.read_weights` gives.
    sha256 : str
        Digest of the files.
    units : str
        What it was trained in: settings are in Å and eV, the numbers of a network are not.
    """

    settings: Settings
    scaling: ScalingData
    weights: Mapping[str, Layers]
    sha256: str
    units: Units


def read_folder(folder: Path | str, *, units: Units) -> Trained:
    """Read the potential in a folder.

    Parameters
    ----------
    folder : path-like
        With ``input.nn``, ``scaling.data`` and for each element ``weights.ZZZ.data``, or the ``optweights.ZZZ.out`` of
        RuNNer.
    units : str
        ``angstrom-ev`` or ``bohr-hartree``: what the potential was trained in; no file says it.

    Raises
    ------
    FeatureError
        When a file is missing or says what cannot be used, with file and line; and when the scaling divides by a range
        or a spread that is zero or not there.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FeatureError(f"There is no folder {folder}; expected one with input.nn, scaling.data and weights.")
    chosen = [_file(folder, "input.nn"), _file(folder, "scaling.data")]
    settings = read_settings(chosen[0], units=units)
    if not settings.activations:
        raise FeatureError(f"{chosen[0]}: it describes no network; expected 'global_hidden_layers_short' and its kin.")
    scaling = read_scaling(chosen[1], settings, units=units)
    weights = {}
    for element in settings.elements:
        _check(chosen[1], settings, element, scaling.elements[element])
        path = _weights(folder, element)
        weights[element] = read_weights(path, (len(settings.functions[element]), *settings.hidden, 1))
        chosen.append(path)
    return Trained(settings, scaling, weights, digest_of_files(chosen), units)


def _file(folder: Path, name: str) -> Path:
    if not (folder / name).is_file():
        raise FeatureError(
            f"{folder} has no file {name}; expected a trained potential: input.nn, scaling.data, weights."
        )
    return folder / name


def _weights(folder: Path, element: str) -> Path:
    names = [name.format(NUMBERS[element]) for name in _WEIGHTS]
    found = [folder / name for name in names if (folder / name).is_file()]
    if not found:
        raise FeatureError(f"{folder} has no weights of {element}; expected the file {names[0]}.")
    return found[0]


#: By what each scaling divides.
_DIVISORS: Final[dict[Scaling, str]] = {"scale": "range", "scale-center": "range", "sigma": "sigma"}


def _check(file: Path, settings: Settings, element: str, told: Statistics) -> None:
    """Refuse a scaling that divides by nothing; n2p2 would go on with numbers that are none."""
    divisor = _DIVISORS.get(settings.scaling)
    if divisor == "sigma" and told.sigma is None:
        raise FeatureError(f"{file}: input.nn scales by sigma, and there is no column of it; expected n2p2's columns.")
    spreads = (
        told.sigma if divisor == "sigma" else tuple(b - a for a, b in zip(told.minimum, told.maximum, strict=True))
    )
    for number, (function, spread) in enumerate(zip(settings.functions[element], spreads or (), strict=True), start=1):
        if divisor and spread == 0:
            raise FeatureError(
                f"{file}: the {divisor} of function {number} of {element} ({function.name}) is 0, and input.nn scales "
                f"by it; take the function out of the potential."
            )

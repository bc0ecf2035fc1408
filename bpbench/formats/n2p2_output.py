"""Writing ``input.nn``, the settings file of n2p2 and RuNNer."""

from __future__ import annotations

from itertools import chain

from bpbench.errors import FeatureError
from bpbench.features import G2, Feature
from bpbench.formats.n2p2_settings import CUTOFF_TYPES, Settings, type_of
from bpbench.formats.n2p2_text import Units, factor, written


def write_settings(settings: Settings, *, units: Units) -> str:
    """Return the text of an ``input.nn`` that n2p2 reads and :func:`~bpbench.formats.n2p2.read_settings` reads back.

    What is read back is equal, but for the mark that functions are reconstructed, which a file has no word for.

    Parameters
    ----------
    settings : Settings
        What it is to say.
    units : str
        ``angstrom-ev`` or ``bohr-hartree``.

    Raises
    ------
    FeatureError
        When the functions do not share one cutoff function and one inner cutoff, of which a file has one.
    """
    every = list(chain.from_iterable(settings.functions.values()))
    cutoffs = sorted({(CUTOFF_TYPES[function.cutoff], function.alpha) for function in every})
    if len(cutoffs) > 1:
        names = {number: name for name, number in CUTOFF_TYPES.items()}
        said = ", ".join(f"{names[kind]} with alpha={alpha:g}" for kind, alpha in cutoffs)
        raise FeatureError(f"An input.nn has one cutoff function for all its functions, found {said}.")
    kind, alpha = cutoffs[0]
    lines = [
        f"number_of_elements {len(settings.elements)}",
        f"elements {' '.join(settings.elements)}",
        *(f"atom_energy {e} {_out(v, units, energy=1)}" for e, v in settings.atom_energy.items()),
        f"cutoff_type {kind} {written(alpha)}",
        *(["scale_symmetry_functions"] if settings.scaling in {"scale", "scale-center"} else []),
        *(["center_symmetry_functions"] if settings.scaling in {"center", "scale-center"} else []),
        *(["scale_symmetry_functions_sigma"] if settings.scaling == "sigma" else []),
        f"scale_min_short {written(settings.scale_min)}",
        f"scale_max_short {written(settings.scale_max)}",
    ]
    if settings.normalisation is not None:
        given = settings.normalisation
        lines += [
            f"mean_energy {_out(given.mean_energy, units, energy=1)}",
            f"conv_energy {_out(given.conv_energy, units, energy=-1)}",
            f"conv_length {_out(given.conv_length, units, length=-1)}",
        ]
    if settings.activations:
        lines.append(f"global_hidden_layers_short {len(settings.hidden)}")
        lines += [f"global_nodes_short {' '.join(map(str, settings.hidden))}"] if settings.hidden else []
        lines.append(f"global_activation_short {' '.join(settings.activations)}")
    lines += ["normalize_nodes"] if settings.normalize_nodes else []
    for element in settings.elements:
        stood = zip(settings.file_order[element], settings.functions[element], strict=True)
        lines += [_written(element, function, units) for _, function in sorted(stood, key=lambda pair: pair[0])]
    return "\n".join(lines) + "\n"


def _out(value: float, units: Units, *, length: int = 0, energy: int = 0) -> str:
    return written(value, factor(units, length=length, energy=energy))


def _written(element: str, function: Feature, units: Units) -> str:
    start = f"symfunction_short {element} {type_of(function)} {' '.join(function.elements)}"
    eta, r_c = _out(function.eta, units, length=-2), _out(function.r_c, units, length=1)
    r_s = _out(function.r_s, units, length=1)
    if isinstance(function, G2):
        return f"{start} {eta} {r_s} {r_c}"
    return f"{start} {eta} {function.lam} {written(function.zeta)} {r_c}" + (f" {r_s}" if function.r_s else "")

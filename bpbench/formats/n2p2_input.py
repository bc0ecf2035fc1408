"""Reading ``input.nn``, the settings file of n2p2 and RuNNer.

Of RuNNer's own keywords, ``element_symfunction_short`` and ``global_symfunction_short`` are read too: a function of one
element, or of every element, for all neighbours. Keywords that do not concern functions, scaling or network are passed
over, as both programs have hundreds of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from bpbench.elements import NUMBERS
from bpbench.errors import FeatureError
from bpbench.features import G2, G4, G5, WITHOUT_ALPHA, Feature, FeatureSet
from bpbench.formats.n2p2_settings import (
    CUTOFF_TYPES,
    Normalisation,
    Scaling,
    Settings,
    check_network,
    order,
)
from bpbench.formats.n2p2_text import Units, factor, known, number, numbered, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

_FUNCTIONS: Final = (
    "symfunction_short",
    "symfunction",
    "element_symfunction_short",
    "global_symfunction_short",
)
_NORMALISATION: Final = ("mean_energy", "conv_energy", "conv_length")
_ONCE: Final = (
    *("number_of_elements", "elements", "cutoff_type", "normalize_nodes"),
    *("scale_symmetry_functions", "center_symmetry_functions", "scale_symmetry_functions_sigma"),
    *("scale_min_short", "scale_max_short"),
    *("global_hidden_layers_short", "global_nodes_short", "global_activation_short"),
    *_NORMALISATION,
)
#: Keywords that change what the others mean, in ways that are not offered here.
_REFUSED: Final = {
    "element_hidden_layers_short": "one network for all elements; say it with 'global_hidden_layers_short'",
    "element_nodes_short": "one network for all elements; say it with 'global_nodes_short'",
    "element_activation_short": "one network for all elements; say it with 'global_activation_short'",
    "cutoff_alpha": "the inner cutoff as the second value of 'cutoff_type'",
}
_GENERATION: Final = ("nnp_type", "nnp_generation", "nnp_type_gen", "nnp_gen")
_CUTOFFS: Final = {number: name for name, number in CUTOFF_TYPES.items()}


@dataclass(frozen=True, slots=True)
class _Line:
    file: str
    number: int
    key: str
    words: tuple[str, ...]

    def refuse(self, sentence: str) -> NoReturn:
        raise FeatureError(f"{self.file}, line {self.number}: {sentence}")

    def values(self, what: str, *counts: int) -> tuple[str, ...]:
        if len(self.words) not in counts:
            wanted = " or ".join(map(str, counts))
            self.refuse(
                f"'{self.key}' takes {wanted} value{'s' if counts != (1,) else ''} ({what}), found {len(self.words)}."
            )
        return self.words

    def number_of(self, word: str, *, units: Units = "angstrom-ev", length: int = 0, energy: int = 0) -> float:
        value = number(word, factor(units, length=length, energy=energy))
        if value is None:
            self.refuse(f"expected a number, found '{word}'.")
        return value

    def whole_of(self, word: str) -> int:
        value = whole(word)
        if value is None:
            self.refuse(f"expected a whole number, found '{word}'.")
        return value


def read_settings(source: Path | str, *, units: Units) -> Settings:
    """Read an ``input.nn``.

    Parameters
    ----------
    source : Path or str
        The file; a ``str`` is the text itself.
    units : str
        ``angstrom-ev`` or ``bohr-hartree``: units of the ``input.data`` that belongs to it.

    Returns
    -------
    Settings
        In Å and eV, the functions in the order of the network's inputs. Where the file gives both
        ``scale_symmetry_functions_sigma`` and one of the other two scalings, the others count, as in n2p2. The inner
        cutoff of cutoff types 2 and 3 is ignored, as there.

    Raises
    ------
    FeatureError
        With file and line, for whatever n2p2 could not use or would understand otherwise than it stands.
    """
    file = "input.nn" if isinstance(source, str) else str(source)
    lines = list(_lines(source, file))
    once = _once(lines)
    elements = _elements(file, once)
    found = _functions(file, lines, once, elements, units)
    places = {element: order(functions) for element, functions in found.items()}
    hidden, activations = _network(file, once)
    low, high = (
        line.number_of(line.values("one number", 1)[0]) if line else default
        for line, default in ((once.get("scale_min_short"), 0.0), (once.get("scale_max_short"), 1.0))
    )
    if not low < high:
        at = once.get("scale_max_short") or once["scale_min_short"]
        at.refuse(f"scale_min_short must be less than scale_max_short, found {low:g} and {high:g}.")
    return Settings(
        elements=elements,
        functions={e: FeatureSet(tuple(found[e][place] for place in places[e])) for e in elements},
        scaling=_scaling(once),
        scale_min=low,
        scale_max=high,
        atom_energy=_atom_energies(lines, elements, units),
        normalisation=_normalisation(file, once, units),
        hidden=hidden,
        activations=activations,
        normalize_nodes="normalize_nodes" in once,
        file_order=places,
    )


def _lines(source: Path | str, file: str) -> Iterator[_Line]:
    for place, text in numbered(source, FeatureError):
        words = text.split("#")[0].split("!")[0].split()
        if words:
            yield _Line(file, place, words[0], tuple(words[1:]))


def _once(lines: list[_Line]) -> dict[str, _Line]:
    once: dict[str, _Line] = {}
    for line in lines:
        if line.key in _REFUSED:
            line.refuse(f"'{line.key}' is not read; expected {_REFUSED[line.key]}.")
        if line.key in _GENERATION and line.words[:1] not in {("2",), ("2G-HDNNP",)}:
            line.refuse(f"expected a short-range potential (2G-HDNNP), found {line.key} {' '.join(line.words)}.")
        if line.key in _ONCE:
            if line.key in once:
                line.refuse(f"'{line.key}' stands in line {once[line.key].number} already; expected it once.")
            once[line.key] = line
    return once


def _need(file: str, once: dict[str, _Line], key: str, hint: str) -> _Line:
    if key not in once:
        raise FeatureError(f"{file}: there is no line '{key}'; expected one such as '{key} {hint}'.")
    return once[key]


def _elements(file: str, once: dict[str, _Line]) -> tuple[str, ...]:
    line = _need(file, once, "elements", "Cu S")
    for word in line.words:
        strange = known(word)
        if strange:
            line.refuse(strange)
    if not line.words or len(set(line.words)) < len(line.words):
        line.refuse(f"expected elements, each named once, found {' '.join(line.words) or 'none'}.")
    counted = once.get("number_of_elements")
    if counted:
        count = counted.whole_of(counted.values("how many elements", 1)[0])
        if count != len(line.words):
            line.refuse(f"expected {count} elements as said in line {counted.number}, found {len(line.words)}.")
    return tuple(sorted(line.words, key=NUMBERS.__getitem__))


# -------------------------------------------------------------------------------------------------- the functions


def _cutoff(file: str, once: dict[str, _Line]) -> tuple[str, float]:
    line = _need(file, once, "cutoff_type", "1")
    words = line.values("type, and the inner cutoff as a share of the cutoff", 1, 2)
    kind = line.whole_of(words[0])
    if kind not in _CUTOFFS:
        line.refuse(f"cutoff type {kind} is not offered; possible are {', '.join(map(str, _CUTOFFS))}.")
    alpha = line.number_of(words[1]) if len(words) > 1 else 0.0
    if not 0 <= alpha < 1:
        line.refuse(f"the inner cutoff must lie in 0 ≤ alpha < 1, found {words[1]}.")
    return _CUTOFFS[kind], 0.0 if _CUTOFFS[kind] in WITHOUT_ALPHA else alpha


def _functions(
    file: str, lines: list[_Line], once: dict[str, _Line], elements: tuple[str, ...], units: Units
) -> dict[str, list[Feature]]:
    cutoff, alpha = _cutoff(file, once)
    found: dict[str, dict[str, tuple[int, Feature]]] = {element: {} for element in elements}
    for line in lines:
        if line.key not in _FUNCTIONS:
            if "symfunction_short" in line.key:
                line.refuse(f"'{line.key}' is not read; possible are {', '.join(_FUNCTIONS)}.")
            continue
        for centre, function in _line(line, elements, units, cutoff, alpha):
            if function.name in found[centre]:
                line.refuse(f"line {found[centre][function.name][0]} holds the same function of {centre} already.")
            found[centre][function.name] = (line.number, function)
    for element, functions in found.items():
        if not functions:
            raise FeatureError(
                f"{file}: there is no symmetry function of {element}; expected 'symfunction_short' lines."
            )
    return {element: [function for _, function in functions.values()] for element, functions in found.items()}


def _line(
    line: _Line, elements: tuple[str, ...], units: Units, cutoff: str, alpha: float
) -> Iterator[tuple[str, Feature]]:
    words = list(line.words)
    centres = elements if line.key.startswith("global") else (_element(line, words[:1], elements),)
    words = words[not line.key.startswith("global") :]
    kind = line.whole_of(words[0]) if words else 0
    if kind not in {2, 3, 9}:
        line.refuse(f"symmetry functions of type {kind} are not offered; possible are 2, 3 and 9.")
    count = 0 if "_symfunction" in line.key else 1 if kind == 2 else 2
    before = len(line.words) - len(words) + 1 + count
    said = "eta rs rc" if kind == 2 else "eta lambda zeta rc [rs]"
    line.values(
        f"type {kind}: {'elements, ' if before > 1 else ''}{said}",
        *((before + 3,) if kind == 2 else (before + 4, before + 5)),
    )
    of = [_element(line, [word], elements) for word in words[1 : 1 + count]]
    numbers = words[1 + count :]
    eta = line.number_of(numbers[0], units=units, length=-2)
    if kind == 2:
        lengths = [line.number_of(word, units=units, length=1) for word in numbers[1:]]
    else:
        lam, zeta = (line.number_of(word) for word in numbers[1:3])
        lengths = [line.number_of(word, units=units, length=1) for word in numbers[3:]]
    try:
        if kind == 2:
            made: Feature = G2(eta, lengths[0], lengths[1], of[0] if of else None, cutoff, alpha)
        else:
            pair = (of[0], of[1]) if of else None
            angular = G4 if kind == 3 else G5
            r_s = lengths[1] if len(lengths) > 1 else 0.0
            made = angular(eta, zeta, lam, lengths[0], pair, r_s, cutoff, alpha)  # type: ignore[arg-type]  # G4 checks λ
    except FeatureError as error:
        line.refuse(str(error))
    for centre in centres:
        for function in FeatureSet((made,)).resolved(elements):
            yield centre, function


def _element(line: _Line, words: list[str], elements: tuple[str, ...]) -> str:
    if not words or words[0] not in elements:
        found = f"'{words[0]}'" if words else "nothing"
        line.refuse(f"expected one of the file's elements ({', '.join(elements)}), found {found}.")
    return words[0]


# ------------------------------------------------------------------------------------ scaling, energies, the network


def _scaling(once: dict[str, _Line]) -> Scaling:
    scale, center = "scale_symmetry_functions" in once, "center_symmetry_functions" in once
    if scale:
        return "scale-center" if center else "scale"
    if center:
        return "center"
    return "sigma" if "scale_symmetry_functions_sigma" in once else "none"


def _atom_energies(lines: list[_Line], elements: tuple[str, ...], units: Units) -> dict[str, float]:
    energies: dict[str, float] = {}
    for line in lines:
        if line.key == "atom_energy":
            words = line.values("element and energy", 2)
            element = _element(line, [words[0]], elements)
            if element in energies:
                line.refuse(f"the energy of {element} is given already; expected it once.")
            energies[element] = line.number_of(words[1], units=units, energy=1)
    return energies


def _normalisation(file: str, once: dict[str, _Line], units: Units) -> Normalisation | None:
    given = [key for key in _NORMALISATION if key in once]
    if not given:
        return None
    if len(given) < len(_NORMALISATION):
        raise FeatureError(
            f"{file}, line {once[given[0]].number}: mean_energy, conv_energy and conv_length belong together; found "
            f"only {' and '.join(given)}."
        )
    powers = ({"energy": 1}, {"energy": -1}, {"length": -1})
    mean, energy, length = (
        once[key].number_of(once[key].values("one number", 1)[0], units=units, **power)
        for key, power in zip(_NORMALISATION, powers, strict=True)
    )
    for key, value in (("conv_energy", energy), ("conv_length", length)):
        if value <= 0:
            once[key].refuse(f"'{key}' must be positive, found {once[key].words[0]}.")
    return Normalisation(mean, energy, length)


def _network(file: str, once: dict[str, _Line]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    keys = ("global_hidden_layers_short", "global_nodes_short", "global_activation_short")
    layers, nodes, letters = (once.get(key) for key in keys)
    if not (layers or nodes or letters):
        return (), ()
    if not (layers and letters):
        raise FeatureError(f"{file}: a network takes {keys[0]} and {keys[2]}, found only one of them.")
    count = layers.whole_of(layers.values("how many hidden layers", 1)[0])
    given = nodes.words if nodes else ()
    if len(given) != count:
        (nodes or layers).refuse(
            f"expected the nodes of {count} hidden layers (line {layers.number}), found {len(given)}."
        )
    hidden = tuple(nodes.whole_of(word) for word in given) if nodes else ()
    try:
        check_network(hidden, letters.words)
    except FeatureError as error:
        letters.refuse(str(error))
    return hidden, letters.words

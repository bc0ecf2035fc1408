"""Which symmetry functions the command line was asked for: a preset, a YAML file, a protocol's set, or an input.nn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bpbench import shipped
from bpbench.elements import NUMBERS
from bpbench.errors import FeatureError, ProtocolError, RequestError, nearest
from bpbench.formats.packed import PACKED

if TYPE_CHECKING:
    from bpbench.features import FeatureSet
    from bpbench.formats.n2p2 import Units

UNITS: Final[tuple[Units, ...]] = ("angstrom-ev", "bohr-hartree")


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen.

    Attributes
    ----------
    functions : FeatureSet
        The functions.
    label : str
        What they are called.
    centre : str or None
        Element of the atoms they are for; ``None`` for all atoms.
    """

    functions: FeatureSet
    label: str
    centre: str | None


def choose(word: str, *, name: str | None = None, units: Units | None = None, element: str | None = None) -> Chosen:
    """Return the feature set that words of the command line mean.

    Parameters
    ----------
    word : str
        ``--features``: a preset, a file, or a shipped protocol if ``name`` is given.
    name : str, optional
        ``--set``: which set of a protocol.
    units : str, optional
        ``--units`` of an ``input.nn``.
    element : str, optional
        ``--element``: of the atoms to describe.

    Raises
    ------
    RequestError
        When there is no such file, set or element, when an option says something about another kind of file, or for
        whatever the file says wrongly, with file, line and path.
    """
    path, known = Path(word), {file.stem: file for file in shipped("protocols").glob("*.yaml")}
    centre = None if element is None else known_element(element, "--element")
    bare = path.name
    for ending in PACKED:
        bare = bare.removesuffix(ending)
    if name is not None and not path.is_file() and word in known:
        path = known[word]
    elif path.suffix in {".yaml", ".yml"} or bare.endswith(".nn") or len(path.parts) > 1 or path.is_dir():
        existing(word, "--features", "a file of functions")
    if name is not None and (bare.endswith(".nn") or not path.is_file()):
        from bpbench.features import PRESETS

        if word in PRESETS or path.is_file():
            raise RequestError(f"--set chooses among the sets of a protocol, and {word} is none; leave it out.")
        raise RequestError(f"--features: there is no protocol '{word}'{nearest(word, known)}")
    if not path.is_file():
        if word in known:
            raise RequestError(f"--features: {word} is a protocol; choose one of its sets with --set.")
        return Chosen(_preset(word), word, centre)
    if bare.endswith(".nn"):
        return _from_n2p2(path, units, centre)
    functions, found = _from_yaml(path, name)
    return Chosen(functions, f"{path.name}, {found}" if found else path.name, centre)


def existing(word: str, option: str, what: str) -> Path:
    """Return the path of a file that is there; else say what is near.

    Parameters
    ----------
    word : str
        The path.
    option : str
        Which option named it.
    what : str
        What was expected there, such as ``a table``.
    """
    path = Path(word)
    if path.is_file():
        return path
    if path.is_dir():
        raise RequestError(f"{option}: expected {what}, {path} is a folder.")
    beside = [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else []
    hint = nearest(path.name, beside)
    raise RequestError(f"{option}: there is no file {path}{hint if 'did you mean' in hint else '.'}")


def _preset(word: str) -> FeatureSet:
    from bpbench.features import PRESETS, preset

    alike = {name.casefold(): name for name in PRESETS}.get(word.casefold(), word)
    if word != alike:
        raise RequestError(f"--features: there is no set called '{word}'; did you mean '{alike}'?")
    if word not in PRESETS:
        raise RequestError(f"--features: there is neither a file nor a set called '{word}'{nearest(word, PRESETS)}")
    return preset(word)


def known_element(word: str, option: str) -> str:
    """Return a chemical symbol that exists.

    Parameters
    ----------
    word : str
        As written.
    option : str
        Which option named it.
    """
    if word not in NUMBERS:
        raise RequestError(f"{option}: expected a chemical symbol such as Al, found '{word}'.")
    return word


def _from_n2p2(path: Path, units: Units | None, centre: str | None) -> Chosen:
    from bpbench.formats.n2p2 import read_settings

    if units is None:
        raise RequestError(f"{path} does not say its units; add --units {UNITS[0]} or --units {UNITS[1]}.")
    settings = read_settings(path, units=units)
    if centre is None and len(settings.elements) > 1:
        raise RequestError(
            f"{path} has functions for {', '.join(settings.elements)}; choose the atoms to describe, such as --element "
            f"{settings.elements[0]}."
        )
    centre = centre or settings.elements[0]
    if centre not in settings.functions:
        raise RequestError(f"--element: {path} has functions for {', '.join(settings.elements)}, not for {centre}.")
    return Chosen(settings.functions[centre], f"{path.name}, {centre}", centre)


def _from_yaml(path: Path, name: str | None) -> tuple[FeatureSet, str | None]:
    """Return the functions of a YAML file, and the set's name if the file is a protocol."""
    from bpbench import protocol
    from bpbench.formats.yaml import parse

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    if not text.strip():
        raise RequestError(
            f"--features: {path} holds no text; expected YAML with 'functions', a protocol, or an input.nn."
        )
    data, _ = parse(text, str(path))
    if isinstance(data, dict) and "sets" in data:
        return _from_protocol(path, name)
    if name is not None:
        raise RequestError(f"--set belongs to a protocol, and {path} has no 'sets'; leave it out.")
    if not isinstance(data, dict) or "functions" not in data:
        raise ProtocolError(
            f"{path}: expected a mapping with the key 'functions', such as functions: [{{kind: G2, eta: 1.0, r_s: 0.0, "
            "r_c: 6.8}], a protocol, or an input.nn."
        )
    return protocol.functions_in(text, str(path)), None


def _from_protocol(path: Path, name: str | None) -> tuple[FeatureSet, str]:
    from bpbench import protocol

    loaded = protocol.load(path)
    if name is None and len(loaded.sets) > 1:
        raise RequestError(f"{path} has the sets {', '.join(loaded.sets)}; choose one with --set.")
    name = name or next(iter(loaded.sets))
    if name not in loaded.sets:
        raise RequestError(f"--set: {path} has no set '{name}'{nearest(name, loaded.sets)}")
    try:
        return loaded.feature_set(name), name
    except FeatureError as error:
        raise RequestError(f"--set: {path}: {error}") from None

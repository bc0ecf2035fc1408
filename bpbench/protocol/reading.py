"""Reading a protocol file: from text to a checked value, with file, line and path of every mistake."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from bpbench import shipped, sweeps
from bpbench.declared import Explicit, FromInputNn, SetSpec, written_out
from bpbench.errors import FeatureError, ProtocolError, RequestError, nearest
from bpbench.features import FeatureSet
from bpbench.formats.mistakes import sentences
from bpbench.formats.yaml import Place, parse
from bpbench.jobs import Hdnn, Linear
from bpbench.protocol.checks import check_names
from bpbench.protocol.foreign import check_foreign, with_files
from bpbench.protocol.quick import KEY, REFUSED, merged, parted
from bpbench.protocol.uses import Track
from bpbench.protocol.vocabulary import Origin, Protocol
from bpbench.whole import sent

_Part = TypeVar("_Part")


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Protocol]:
    return TypeAdapter(Protocol)


#: Fields of Protocol that a file may not set.
_INTERNAL = ("name", "origin", "points", "draw")


def locate(word: str | Path) -> Path:
    """Return the file of a protocol: that of this path, or a shipped one by its name.

    Parameters
    ----------
    word : path-like
        A path; a bare name means a shipped protocol where there is no such file.

    Raises
    ------
    RequestError
        When there is neither; the nearest shipped protocol is offered.
    """
    path, known = Path(word), {path.stem: path for path in shipped("protocols").glob("*.yaml")}
    if path.is_file():
        return path
    if path.parent == Path() and path.name.removesuffix(".yaml") in known:
        return known[path.name.removesuffix(".yaml")]
    if path.is_dir() or path.suffix not in {".yaml", ".yml"}:
        what = "a folder" if path.is_dir() else "no file"
        raise RequestError(
            f"Expected a protocol (shipped ones go by their name), {path} is {what}{nearest(path.name, known)}"
        )
    return path


def load(path: str | Path, *, quick: bool = False) -> Protocol:
    """Read and check a protocol file, and its quick version where it has one.

    Parameters
    ----------
    path : path-like
        A YAML file.
    quick : bool
        Whether to return the quick version: the file with its block ``quick`` laid over the rest.

    Returns
    -------
    Protocol
        Frozen, with every name in it resolved.

    Raises
    ------
    ProtocolError
        One sentence per mistake, with file, line and path; also where the quick version alone has mistakes, or is
        asked for and there is none.
    """
    path = Path(path)
    try:
        text = sent(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        near = (
            nearest(path.name, [other.name for other in path.parent.glob("[!.]*.yaml")]) if path.parent.is_dir() else ""
        )
        raise ProtocolError(f"There is no protocol file {path}{near or '.'}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ProtocolError(f"{path} cannot be read as a protocol: {error}.") from None
    return loads(text, file=str(path), name=path.stem, quick=quick)


def loads(text: str, *, file: str = "protocol", name: str = "protocol", quick: bool = False) -> Protocol:
    """Check the text of a protocol; see :func:`load`."""
    data, lines = parse(text, file)
    origin = Origin(file, text, lines)
    if not isinstance(data, dict):
        raise ProtocolError(f"{file}: a protocol is a mapping with keys such as question, data and variants.")
    data, block = parted(data, origin)
    protocol = dataclasses.replace(_checked(data, origin), name=name)
    if block is None:
        if quick:
            raise ProtocolError(
                f"{file}: this protocol has no quick version; give it the key '{KEY}' with what a quick run has "
                "otherwise, such as quick: {repeats: 2}, or leave out --quick."
            )
        return protocol
    data, replaced = merged(data, block)
    try:
        shorter = _checked(data, dataclasses.replace(origin, replaced=replaced))
    except ProtocolError as error:
        raise ProtocolError("\n".join(f"{REFUSED} {line}" for line in str(error).splitlines())) from None
    return dataclasses.replace(shorter, name=name, quick=True) if quick else protocol


def quick_version(protocol: Protocol) -> Protocol | None:
    """Return the quick version of a protocol as it was read, ``None`` where it has none or is one itself."""
    origin = protocol.origin
    if protocol.quick or (KEY,) not in origin.lines:
        return None
    return loads(origin.text, file=origin.file, name=protocol.name, quick=True)


def _checked(data: dict[str, Any], origin: Origin) -> Protocol:
    """Return the protocol of plain data, with every name in it resolved."""
    for key in (*_INTERNAL, KEY):
        if key in data:
            raise ProtocolError(f"{origin.where(key)}: unknown key '{key}'; remove it.")
    wrong: list[Any] = _missing(data)
    try:
        protocol = _adapter().validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        wrong += error.errors()
    if wrong:
        raise ProtocolError("\n".join(sentences(wrong, data, Protocol, origin.where, _INTERNAL)))
    protocol = _swept(dataclasses.replace(protocol, origin=origin), data)
    protocol = with_files(protocol)
    check_names(protocol)
    check_foreign(protocol)
    # The functions decide, not the file that they were read from.
    settled: dict[str, SetSpec] = {
        key: written_out(protocol.feature_set(key)) if isinstance(spec, FromInputNn) else spec
        for key, spec in protocol.sets.items()
    }
    return dataclasses.replace(protocol, sets=settled)


def _swept(protocol: Protocol, data: Mapping[str, Any]) -> Protocol:
    """Return a protocol with the contestants of its sweeps beside those written out."""
    where = protocol.origin.where
    _check_models(protocol)
    if protocol.measure is not None and protocol.sweeps:
        raise ProtocolError(f"{where('sweeps')}: with 'measure' nothing is trained; leave out 'sweeps'.")
    written = [variant.name for variant in protocol.variants]
    points = sweeps.expand(protocol.sweeps, data.get("models") or {}, protocol.sets, written, where)
    made = [point for found in points.values() for point in found]
    variants = (*protocol.variants, *(point.variant for point in made))
    if not protocol.strategies and len(variants) < 2:
        raise ProtocolError(
            f"{where('variants')}: a comparison needs at least 2 contestants, written out, by sweeps or by strategies; "
            f"found {len(variants)}."
        )
    models = protocol.models | {str(point.variant.model): point.model for point in made}
    return dataclasses.replace(protocol, models=models, variants=variants, points=points)


def _check_models(protocol: Protocol) -> None:
    for name, model in protocol.models.items():
        for place, _, sentence in sweeps.misfits(model):
            raise ProtocolError(f"{protocol.origin.where('models', name, *place)}: {sentence}")


def functions_in(text: str, file: str) -> FeatureSet:
    """Return the symmetry functions of a text with the key ``functions``, as a set of a protocol has it.

    Parameters
    ----------
    text : str
        YAML.
    file : str
        What the text is called in what is said of its mistakes.

    Raises
    ------
    ProtocolError
        One sentence per mistake, with file, line and path, in the words of :func:`load`.
    """
    data, lines = parse(text, file)
    where = Origin(file, text, lines).where
    if not isinstance(data, dict):
        raise ProtocolError(f"{file}: a set of functions is a mapping with the key 'functions'.")
    explicit = _part(Explicit, data, where)
    try:
        return FeatureSet(explicit.functions)
    except FeatureError as error:
        raise ProtocolError(f"{where('functions')}: {error}") from None


def model_of(data: Mapping[str, Any], where: Callable[..., str]) -> Hdnn | Linear:
    """Return a model of plain data, checked as in a protocol's ``models``.

    Parameters
    ----------
    data : mapping
        JSON types, with ``kind`` of hdnn or linear.
    where : callable
        ``where(*place)`` names a place in what is said of mistakes.

    Raises
    ------
    ProtocolError
        One sentence per mistake, in the words of :func:`load`.
    """
    given = dict(data)
    made = _part(Linear, given, where) if given["kind"] == "linear" else _part(Hdnn, given, where)
    for place, _, sentence in sweeps.misfits(made):
        raise ProtocolError(f"{where(*place)}: {sentence}")
    return made


def track_in(text: str, file: str) -> Track:
    """Return what the text of a protocol says of tracking, without reading anything else of it.

    Parameters
    ----------
    text, file
        As for :func:`functions_in`, which refuses mistakes in the same words.
    """
    data, lines = parse(text, file)
    block = data.get("track") if isinstance(data, dict) else None
    return Track() if block is None else _part(Track, block, Origin(file, text, lines).where)


def read_as(kind: type[_Part], path: str | Path, what: str) -> tuple[_Part, Origin]:
    """Return the content of another YAML file than a protocol, checked in the same way, and where it came from.

    Parameters
    ----------
    kind : type
        The frozen dataclass that says what the file may say.
    path : path-like
        The file.
    what : str
        What such a file is, for what is said of mistakes: "a cluster file".

    Raises
    ------
    RequestError
        Where it cannot be read.
    ProtocolError
        One sentence per mistake, with file, line and path.
    """
    path = Path(path)
    try:
        text = sent(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise RequestError(f"{path} cannot be read as {what}: {reason}.") from None
    data, lines = parse(text, str(path), what)
    origin = Origin(str(path), text, lines)
    if not isinstance(data, dict):
        keys = ", ".join(item.name for item in dataclasses.fields(cast("Any", kind)))
        raise ProtocolError(f"{path}: {what} is a mapping with some of the keys {keys}.")
    return _part(kind, data, origin.where), origin


def _part(kind: type[_Part], data: Any, where: Callable[..., str]) -> _Part:
    """Return a part of a protocol, checked by itself."""
    try:
        return TypeAdapter(kind).validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        raise ProtocolError("\n".join(sentences(error.errors(), data, kind, where, ()))) from None


def schema() -> dict[str, Any]:
    """Return the JSON schema of protocol files, for editors."""
    made = _adapter().json_schema()
    for key in _INTERNAL:
        del made["properties"][key]
    made["properties"][KEY] = {
        "type": "object",
        "minProperties": 1,
        "description": "What --quick puts over the rest of the file: mappings key by key, everything else whole.",
    }
    for name in ("Origin", "Point"):
        del made["$defs"][name]
    sweeps.complete(made)
    # Models are trained, or something is measured; contestants are written out, or made by sweeps.
    made["allOf"] = [
        {"anyOf": [{"required": [key]} for key in keys]} for keys in (("models", "measure"), ("variants", "sweeps"))
    ]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "bpbench protocol", **made}


def _missing(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return which contestants, and which models of theirs, are missing, as pydantic would say it of required keys."""
    places: list[Place] = [] if {"variants", "sweeps"} & set(data) else [("variants",)]
    if data.get("measure") is None:
        places += [] if "models" in data else [("models",)]
        variants, kinds = data.get("variants"), _kinds(data)
        for number, variant in enumerate(variants if isinstance(variants, list) else ()):
            if isinstance(variant, dict) and variant.get("model") is None:
                places.append(("variants", number, "model"))
    else:
        variants, kinds = data.get("variants"), {}
    for number, variant in enumerate(variants if isinstance(variants, list) else ()):
        # A potential brings the functions that it was trained with.
        if isinstance(variant, dict) and "set" not in variant and kinds.get(str(variant.get("model"))) != "n2p2":
            places.append(("variants", number, "set"))
    return [{"type": "missing", "loc": place, "input": data} for place in places]


def _kinds(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what kind each model says it is."""
    models = data.get("models")
    named = models if isinstance(models, dict) else {}
    return {name: model.get("kind") for name, model in named.items() if isinstance(model, dict)}

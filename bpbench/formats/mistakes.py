"""What pydantic found wrong in a document, in sentences that name the place and the nearest right word."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from bpbench.errors import FeatureError, nearest
from bpbench.formats.yaml import Place

_PLAIN_WORDS: Final = {
    "string_type": "expected text",
    "int_type": "expected a whole number",
    "float_type": "expected a number",
    "bool_type": "expected true or false",
    "dict_type": "expected a mapping",
    "tuple_type": "expected a list",
    "dataclass_type": "expected a mapping",
    "int_from_float": "expected a whole number",
}
#: What a list of fixed length holds.
_ENTRIES: Final = {"of": "elements", "forces": "columns"}
_UNKNOWN: Final = {"unexpected_keyword_argument", "extra_forbidden"}


def sentences(
    errors: Iterable[Mapping[str, Any]], data: Any, vocabulary: Any, where: Callable[..., str], hidden: Iterable[str]
) -> list[str]:
    """Return one sentence per mistake, in the order of the document's vocabulary.

    Parameters
    ----------
    errors : iterable of mapping
        ``ValidationError.errors()``.
    data : object
        The document as plain data.
    vocabulary : type or union of types
        The dataclass that the document should have filled.
    where : callable
        ``where(*place)`` names file, line and path of a place.
    hidden : iterable of str
        Fields of the vocabulary that a document may not name, never offered.
    """
    said: dict[str, None] = {}
    items = [
        (_real_place(item, data), item)
        for item in errors
        if not _of_another(item, data, vocabulary) and not _of_another_shape(item, data)
    ]
    for place, item in items:
        # An item that failed makes its list too short as well; only the item is worth a sentence.
        echo = item["type"] == "too_short" and any(
            len(other) > len(place) and other[: len(place)] == place for other, _ in items
        )
        if not echo:
            said[f"{where(*place)}: {_words(item, place, data, vocabulary, set(hidden))}"] = None
    return list(said)


def _real_place(item: Mapping[str, Any], data: Any) -> Place:
    """Drop the parts of pydantic's location that name alternatives of a union and not keys of the file."""
    about_a_key = item["type"] == "missing" or item["type"] in _UNKNOWN
    place: list[str | int] = []
    for number, part in enumerate(item["loc"]):
        inside = (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and part < len(data)
        )
        if inside:
            data = data[part]
            place.append(part)
        elif about_a_key and number == len(item["loc"]) - 1 and isinstance(part, str):
            place.append(part)
    return tuple(place)


def _of_another(item: Mapping[str, Any], data: Any, vocabulary: Any) -> bool:
    """Return whether a mistake is one of an alternative that the data does not mean.

    Of a union without a tag pydantic tells the mistakes of every alternative, each under the alternative's name; the
    key ``kind`` says which is meant. If it says none of them, its own mistake is kept.
    """
    place: list[str | int] = []
    here = data
    for number, part in enumerate(item["loc"]):
        if isinstance(here, dict) and part not in here and "kind" in here:
            union = _type_at(vocabulary, tuple(place), data, settled=False)
            names = {
                getattr(choice, "__name__", "") for choice in typing.get_args(union) if dataclasses.is_dataclass(choice)
            }
            if part in names:
                meant = _settled(union, here)
                stray = item["loc"][number + 1 :] != ("kind",)
                return stray if meant is union else bool(part != getattr(meant, "__name__", ""))
        elif (isinstance(here, dict) and part in here) or (
            isinstance(here, list) and isinstance(part, int) and part < len(here)
        ):
            here = here[part]
            place.append(part)
    return False


def _of_another_shape(item: Mapping[str, Any], data: Any) -> bool:
    """Return whether a mistake is that of a list where the data have one number, or of a number where they have a list.

    Where both may stand, pydantic tells the mistakes of both.
    """
    for part in item["loc"]:
        if (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and part < len(data)
        ):
            data = data[part]
        elif isinstance(part, str) and part.startswith("tuple["):
            return not isinstance(data, list)
        elif part == "constrained-float":
            return isinstance(data, list)
    return False


def _words(item: Mapping[str, Any], place: Place, data: Any, vocabulary: Any, hidden: set[str]) -> str:
    kind, found = item["type"], item["input"]
    if kind in _UNKNOWN:
        known = _keys(_type_at(vocabulary, place[:-1], data)) - hidden
        return f"unknown key '{place[-1]}'{nearest(str(place[-1]), known)}"
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        expected = ", ".join(f"'{tag}'" for tag in _kinds(_type_at(vocabulary, place, data, settled=False)))
        tag = found.get("kind") if isinstance(found, dict) else found
        return f"expected 'kind' to be one of {expected}, found " + ("none." if tag is None else f"'{tag}'.")
    if kind == "literal_error" and place[-1:] == ("kind",):
        expected = ", ".join(f"'{tag}'" for tag in _kinds(_type_at(vocabulary, place[:-1], data, settled=False)))
        return f"expected 'kind' to be one of {expected}, found '{found}'."
    if kind == "too_short":
        return f"expected at least {item['ctx']['min_length']}, found {item['ctx']['actual_length']}."
    if kind in {"missing", "too_long"}:
        return _number_or_key(item, place, data, vocabulary)
    words = _PLAIN_WORDS.get(kind) or item["msg"].removeprefix("Value error, ").replace("Input should", "expected to")
    return words if kind == "value_error" else f"{words}, found {json.dumps(found, ensure_ascii=False)[:60]}."


def _number_or_key(item: Mapping[str, Any], place: Place, data: Any, vocabulary: Any) -> str:
    """Say which key is missing, or how many entries there should be."""
    found = item["input"]
    if item["type"] == "too_long" or isinstance(item["loc"][-1], int):
        return _wrong_number(place, found, _type_at(vocabulary, place, data))
    if place[-1] == "elements" and isinstance(found, dict) and "preset" in found:
        return _plain_preset(str(found["preset"]), str(place[-2]))
    return f"the key '{place[-1]}' is missing."


def _wrong_number(place: Place, found: Any, kind: Any) -> str:
    """Say how many entries a list of fixed length needs."""
    choices = (kind, *typing.get_args(kind))
    size = next((len(typing.get_args(choice)) for choice in choices if typing.get_origin(choice) is tuple), None)
    noun = _ENTRIES.get(str(place[-1]), "entries")
    return f"expected {size or 'another number of'} {noun}, found {len(found)}."


def _plain_preset(name: str, key: str) -> str:
    """Say what is wrong with a mapping that names a preset and no elements."""
    from bpbench.features import preset

    try:
        preset(name)
    except FeatureError as error:
        return str(error)
    return f"the key 'elements' is missing; a preset that tells no elements apart needs no mapping: {key}: {name}."


# ------------------------------------------------------------------------------ walking a vocabulary beside the data


def _type_at(vocabulary: Any, place: Place, data: Any, *, settled: bool = True) -> Any:
    """Return the type that the vocabulary has for a place; of a union, the member that the data there means."""
    kind = vocabulary
    for part in place:
        kind = _settled(kind, data)
        if dataclasses.is_dataclass(kind):
            kind = typing.get_type_hints(kind).get(str(part))
        else:
            arguments = typing.get_args(kind)
            kind = arguments[1] if typing.get_origin(kind) is dict else arguments[0]
        data = data[part]
    return _settled(kind, data) if settled else kind


def _settled(kind: Any, data: Any) -> Any:
    """Return the member of a union that the data's ``kind``, or else its keys, choose."""
    if not (isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union):
        return kind
    for choice in typing.get_args(kind):
        if dataclasses.is_dataclass(choice) and isinstance(data, dict):
            tags = _kinds(choice)
            if (data.get("kind") in tags) if tags else bool(_keys(choice) & set(data)):
                return choice
    return kind


def _keys(kind: Any) -> set[str]:
    return {item.name for item in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else set()


def _kinds(kind: Any) -> tuple[str, ...]:
    """Return the values of ``kind`` that a dataclass, or a union of them, answers to."""
    if dataclasses.is_dataclass(kind):
        return typing.get_args(typing.get_type_hints(kind).get("kind"))
    return tuple(tag for choice in typing.get_args(kind) for tag in _kinds(choice))

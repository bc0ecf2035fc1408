"""What a value is, as plain data, and the digests and seeds that follow from it.

A job's address is the digest of its plain value; a seed is the digest of a root and of names. Both are therefore
the same on every machine and in every order of work.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Hashable, Iterable
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any, cast

from bpbench.errors import BpbenchError

#: Field metadata for what does not decide a result (a path, when the content's digest stands beside it).
NOT_IDENTITY = {"identity": False}
#: Field metadata for what was added later: it counts unless it has its default, so that older digests stay as they are.
IF_SET = {"identity": "if set"}


def plain(value: Any) -> Any:
    """Turn a value into JSON types: dictionaries, lists, strings, finite numbers, booleans and ``None``.

    A dataclass becomes a dictionary with its class name under ``is``; fields whose metadata is
    :data:`NOT_IDENTITY` are left out, and those of :data:`IF_SET` at their default. A nested *job* (any dataclass
    with a ``version``) becomes its address, so that a graph of jobs stays as small as its nodes.

    Parameters
    ----------
    value : object
        Dataclasses, mappings with string keys, sequences, strings, numbers, booleans, ``None``, NumPy scalars.

    Returns
    -------
    object
        The same as JSON types.

    Raises
    ------
    BpbenchError
        For a number that is not finite or a type that has no plain form.
    """
    return _plain(value, top=True)


def _plain(value: Any, *, top: bool) -> Any:  # noqa: PLR0911 - one line per kind of value
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise BpbenchError(f"A value that decides a result must be finite, found {value!r}.")
        return float(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        if not top and hasattr(value, "version"):
            return {"job": address(cast("Hashable", value))}
        fields = {
            field.name: _plain(getattr(value, field.name), top=False)
            for field in dataclasses.fields(value)
            if _counts(field, value)
        }
        return {"is": type(value).__name__, **fields}
    if isinstance(value, dict):
        return {str(key): _plain(item, top=False) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, top=False) for item in value]
    if isinstance(value, PurePath):
        return value.as_posix()
    if hasattr(value, "item"):  # NumPy scalars
        return _plain(value.item(), top=top)
    raise BpbenchError(f"A {type(value).__name__} has no plain form: {value!r}.")


def _counts(field: dataclasses.Field[Any], value: Any) -> bool:
    """Return whether a field of a dataclass belongs to what it is."""
    wanted = field.metadata.get("identity", True)
    if wanted != IF_SET["identity"]:
        return bool(wanted)
    made = field.default_factory
    return bool(getattr(value, field.name) != (field.default if made is dataclasses.MISSING else made()))


def settings(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass as :func:`dataclasses.asdict` does, without those that nothing set.

    Fields of :data:`IF_SET` that have their default are left out, so that what was written before they came stays as it
    was.
    """
    counted = {item.name for item in dataclasses.fields(value) if _counts(item, value)}
    return {name: part for name, part in dataclasses.asdict(value).items() if name in counted}


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of ``plain(value)``, as 64 hexadecimal digits."""
    text = json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def digest_of_files(paths: Iterable[Path]) -> str:
    """Return the SHA-256 of the names and contents of files in their order, as 64 hexadecimal digits."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(hashlib.sha256(path.name.encode()).digest() + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


@lru_cache(maxsize=100_000)
def address(job: Hashable) -> str:
    """Return the address of a (hashable, frozen) job in the store: the digest of its plain value."""
    return digest(job)


def seed(root: int, *names: str | int) -> int:
    """Return the seed that belongs to a root and to names, such as ``seed(1, "confirm", "weights", 3)``.

    Parameters
    ----------
    root : int
        The protocol's root seed.
    *names : str or int
        Phase, role and index.

    Returns
    -------
    int
        A number in [0, 2³¹), which every library accepts.
    """
    return int(digest([root, *names])[:16], 16) % 2**31

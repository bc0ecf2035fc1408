"""What a value is, as plain data, and the digests and seeds that follow from it.

A job's address is the digest of its plain value; a seed is the digest of a root and of names. Both are therefore
the same on every machine and in every order of work.

A digest is that of canonical JSON: keys in order, no spaces, ASCII. Jobs by the hundred thousand share functions,
models, splits and pools, so the text of whatever cannot change is written once and kept by the very object it is of
(:func:`_fragment`); it is the text that :func:`plain` and :mod:`json` give.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache
from operator import attrgetter
from pathlib import Path, PurePath
from typing import Any, Final, NamedTuple, cast

from bpbench.errors import BpbenchError
from bpbench.remembered import by_object

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


class Kept:
    """Base of the jobs that are many: what has its address and its hash once, keeps them beside its fields.

    Neither is a field, so neither is compared. The address goes along to another process, as it takes longer to find
    than to send; hashes of two processes differ. A frozen dataclass takes part with ``__hash__ = Kept.__hash__`` in its
    body, and says under :meth:`_hashed` what its hash is made of.
    """

    __slots__ = ("_address", "_hash")
    _address: str
    _hash: int

    def __hash__(self) -> int:
        """Return the hash of what :meth:`_hashed` gives."""
        try:
            return self._hash
        except AttributeError:
            made = hash(self._hashed())
            object.__setattr__(self, "_hash", made)
            return made

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Return how it is made anew from its fields and its address."""
        cls: Any = type(self)
        values = tuple(getattr(self, field.name) for field in dataclasses.fields(cls))
        return _received, (cls, values, address(self))

    def _hashed(self) -> tuple[Hashable, ...]:
        """Return what decides the hash; unequal jobs may have it in common."""
        raise NotImplementedError


def _received(cls: Any, values: tuple[Any, ...], found: str) -> Any:
    made = cls.__new__(cls)
    for field, value in zip(dataclasses.fields(cls), values, strict=True):
        object.__setattr__(made, field.name, value)
    object.__setattr__(made, "_address", found)
    return made


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of ``plain(value)``, as 64 hexadecimal digits."""
    if isinstance(value, Kept):
        return _of_job(value)
    if dataclasses.is_dataclass(value):
        text = _of_fields(value)
    elif type(value) in {list, tuple}:
        text = f"[{','.join(map(_fragment, value))}]"
    else:
        text = _dumps(plain(value))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _dumps(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _number(value: float) -> str:
    return float.__repr__(_plain(value, top=False))


#: The text of what is written without looking further.
_WRITTEN: Final[dict[type, Callable[[Any], str]]] = {
    str: json.encoder.encode_basestring_ascii,
    int: int.__repr__,
    float: _number,
    bool: lambda value: "true" if value else "false",
    type(None): lambda _: "null",
}
#: How many characters of text are kept.
_MOST: Final = 2**24


class _Texts:
    """The text of values that cannot change, each held with its text, so that no other takes its place."""

    def __init__(self) -> None:
        self.held: dict[int, tuple[object, str]] = {}
        self.size = 0

    def keep(self, value: object, text: str) -> None:
        """Hold a value and its text; beyond so many characters the older half is let go."""
        if self.size > _MOST:
            for old in list(self.held)[: (len(self.held) + 1) // 2]:
                self.size -= len(self.held.pop(old, (None, ""))[1])
        self.held[id(value)] = (value, text)
        self.size += len(text)

    def lasting(self, values: Iterable[object]) -> bool:
        """Return whether none of some values, whose text was just written, can change."""
        return all(type(value) in _WRITTEN or id(value) in self.held or isinstance(value, Kept) for value in values)


_texts = _Texts()


def _fragment(value: Any) -> str:  # noqa: PLR0911 - one line per kind of value
    """Return the canonical JSON of a value within another: what :func:`plain` gives of it there, written out."""
    kind: Any = type(value)
    written = _WRITTEN.get(kind)
    if written is not None:
        return written(value)
    found = _texts.held.get(id(value))
    if found is not None:
        return found[1]
    if kind is tuple:
        text = f"[{','.join(map(_fragment, value))}]"
        if _texts.lasting(value):
            _texts.keep(value, text)
        return text
    if kind is dict:
        named = {str(key): item for key, item in value.items()}
        return f"{{{','.join(f'{_dumps(key)}:{_fragment(named[key])}' for key in sorted(named))}}}"
    if not _is_dataclass(kind):
        return _dumps(_plain(value, top=False))
    if hasattr(value, "version"):
        return f'{{"job":"{address(value)}"}}'
    text = _of_fields(value)
    if kind.__dataclass_params__.frozen and _texts.lasting(_shape(kind).read(value)):
        _texts.keep(value, text)
    return text


@lru_cache(maxsize=1024)
def _is_dataclass(kind: type) -> bool:
    return dataclasses.is_dataclass(kind)


class _Shape(NamedTuple):
    """How a dataclass is written: how its fields are read, in the order of their names, and how each begins.

    ``defaults`` holds the value at which a field is left out, or ``MISSING``; ``named`` is the place of the class's
    name among the fields.
    """

    read: Callable[[Any], tuple[Any, ...]]
    begins: tuple[str, ...]
    defaults: tuple[Any, ...]
    named: int


@lru_cache(maxsize=1024)
def _shape(kind: type) -> _Shape:
    counted = {field.name: field for field in dataclasses.fields(kind) if field.metadata.get("identity", True)}
    names = sorted({*counted, "is"})
    read = attrgetter(*("__class__.__name__" if name == "is" else name for name in names))
    defaults = tuple(_left_out(counted[name]) if name in counted else dataclasses.MISSING for name in names)
    made = read if len(names) > 1 else lambda value: (read(value),)
    return _Shape(made, tuple(f"{_dumps(name)}:" for name in names), defaults, names.index("is"))


def _left_out(field: dataclasses.Field[Any]) -> Any:
    """Return the value at which a field does not count, ``MISSING`` where it always does."""
    if field.metadata.get("identity") != IF_SET["identity"]:
        return dataclasses.MISSING
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _fields(begins: Iterable[str], defaults: Iterable[Any], values: Iterable[Any]) -> str:
    """Return the canonical JSON of some fields, a comma behind each."""
    return "".join(
        f"{begin}{_fragment(value)},"
        for begin, default, value in zip(begins, defaults, values, strict=True)
        if default is dataclasses.MISSING or value != default
    )


def _of_fields(value: Any) -> str:
    """Return the canonical JSON of a dataclass by its fields."""
    kind: Any = type(value)
    shape = _shape(kind)
    return f"{{{_fields(shape.begins, shape.defaults, shape.read(value))[:-1]}}}"


def _of_job(job: Kept) -> str:
    """Return the digest of a job whose first fields are those of many: what is common is digested once."""
    kind: Any = type(job)
    shape = _shape(kind)
    values = shape.read(job)
    common = 0
    while type(values[common]) not in _WRITTEN or common == shape.named:
        common += 1
    begun = _begun(kind, *values[:common]).copy()
    rest = _fields(shape.begins[common:], shape.defaults[common:], values[common:])
    begun.update(f"{rest[:-1]}}}".encode("ascii"))  # of the version at least
    return str(begun.hexdigest())


@by_object
def _begun(kind: type, *values: Any) -> Any:
    """Return the digest of the beginning of a job."""
    shape, many = _shape(kind), len(values)
    return hashlib.sha256(f"{{{_fields(shape.begins[:many], shape.defaults[:many], values)}".encode("ascii"))


def digest_of_files(paths: Iterable[Path]) -> str:
    """Return the SHA-256 of the names and contents of files in their order, as 64 hexadecimal digits."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(hashlib.sha256(path.name.encode()).digest() + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def address(job: Hashable) -> str:
    """Return the address of a (hashable, frozen) job in the store: the digest of its plain value."""
    if not isinstance(job, Kept):
        return _address(job)
    try:
        return job._address  # noqa: SLF001 - kept there for this function alone
    except AttributeError:
        made = digest(job)
        object.__setattr__(job, "_address", made)
        return made


@lru_cache(maxsize=1024)
def _address(job: Hashable) -> str:
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

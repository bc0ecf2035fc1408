"""What a history keeps: runs, decisions and baselines, each a plain value with an id of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from bpbench.errors import RequestError, nearest
from bpbench.identity import digest, plain

Json = dict[str, Any]


def now() -> str:
    """Return the present moment in UTC, to the microsecond, so that what was made later also sorts later."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


class Kept:
    """A record: fields to JSON types and back, and an id that its number has no part in."""

    __slots__ = ()

    @property
    def plain(self) -> Json:
        """The fields as JSON types."""
        return {field: plain(getattr(self, field)) for field in _fields(type(self))}

    @property
    def id(self) -> str:
        """Digest of everything but the number: two histories may number one record differently."""
        return digest({field: value for field, value in self.plain.items() if field != "number"})

    @classmethod
    def of_plain(cls, found: Mapping[str, Any]) -> Self:
        """Return the record that ``plain`` was taken of.

        Parameters
        ----------
        found : mapping
            Every field of the record, and nothing else.

        Returns
        -------
        Run, Decision or Baseline
            Equal to the one before.

        Raises
        ------
        RequestError
            For a field that is missing, unknown or of another type; the text is a clause to follow the place.
        """
        name, fields = cls.__name__.lower(), _fields(cls)
        for field in found:
            if field not in fields:
                raise RequestError(f"a {name} has no field '{field}'{nearest(field, fields)}")
        for field, hint in fields.items():
            if field not in found:
                raise RequestError(f"a {name} needs the field '{field}', and it is missing.")
            kind, item, expected = _JSON_TYPES[hint]
            if not _is(found[field], kind, item):
                raise RequestError(f"expected {expected} as '{field}' of a {name}, found {found[field]!r}.")
        if not _is_utc(found["made"]):
            raise RequestError(f"expected a time in UTC as 'made' of a {name}, found {found['made']!r}.")
        if name == "run":
            _require_shape(found["variants"])
        return cls(
            **{
                field: tuple(found[field]) if hint.startswith("tuple") else found[field]
                for field, hint in fields.items()
            }
        )


def _require_shape(variants: Mapping[str, Any]) -> None:
    """Refuse contestants that are not what a run records of each: results by repeat, and what they cost."""
    for name, one in variants.items():
        parts = one if isinstance(one, dict) else {}
        results, costs = parts.get("results"), [parts.get("cpu_s"), parts.get("peak_mb")]
        whole = isinstance(results, list) and all(
            isinstance(each, dict) and isinstance(each.get("scores"), dict) and "status" in each for each in results
        )
        if not whole or not all(
            isinstance(cost, list) and all(isinstance(value, int | float) for value in cost) for cost in costs
        ):
            raise RequestError(
                f"expected results with scores and costs of the contestant '{name}' of a run, found {one!r:.60}."
            )


#: Type of a field → its type in JSON, that of its items, and how a sentence calls it.
_JSON_TYPES: Final[dict[str, tuple[type, type, str]]] = {
    "str": (str, str, "a text"),
    "int": (int, int, "a whole number"),
    "Json": (dict, str, "an object"),
    "list[Json]": (list, dict, "a list of objects"),
    "tuple[str, ...]": (list, str, "a list of texts"),
}


def _is(value: Any, kind: type, item: type) -> bool:
    if not isinstance(value, kind) or isinstance(value, bool):
        return False
    return not isinstance(value, list) or all(isinstance(each, item) for each in value)


def _fields(cls: type) -> dict[str, str]:
    return {field.name: str(field.type) for field in dataclasses.fields(cls)}


def _is_utc(made: str) -> bool:
    try:
        return datetime.fromisoformat(made).utcoffset() == timedelta(0)
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Run(Kept):
    """One recorded run of a study, trained anew.

    Attributes
    ----------
    study : str
        Whose run it is.
    number : int
        Counts the runs of a study from 1; given by the history.
    draw : int
        Which draw of seeds its repeats had, from 1.
    made : str
        When it was finished: ISO 8601, UTC.
    protocol, data, sources : str
        Digests of what was asked, of the frames, and of the sources that made the numbers.
    host : str
        Kind of host: times are compared within one only.
    made_by : dict
        Host, CPU, cores, Python, platform and versions of the libraries.
    metrics : list of dict
        ``key``, ``label``, ``unit`` and ``lower_is_better`` of every score.
    variants : dict of str to dict
        By name: ``results`` (``repeat``, ``status`` and ``scores`` of each), ``cpu_s`` and ``peak_mb`` of each
        training, and ``operations`` (or nothing).
    rules : dict
        What the gate goes by: metrics, margins, alpha, correction, power.
    """

    study: str
    number: int
    draw: int
    made: str
    protocol: str
    data: str
    sources: str
    host: str
    made_by: Json
    metrics: list[Json]
    variants: Json
    rules: Json


@dataclass(frozen=True, slots=True)
class Decision(Kept):
    """One look at evidence, and what was answered.

    Attributes
    ----------
    line : str
        The sequence of looks that spend from one level.
    number : int
        Counts the looks of a line from 1. After two histories were brought together it may be larger than the number
        that ``body`` was judged at; never smaller, so that no spending is forgotten.
    question, evidence : str
        Digests of what was asked, and of the results it was answered by.
    made : str
        ISO 8601, UTC.
    body : dict
        The answer.
    """

    line: str
    number: int
    question: str
    evidence: str
    made: str
    body: Json


@dataclass(frozen=True, slots=True)
class Baseline(Kept):
    """A name for the runs that later ones are compared with.

    Attributes
    ----------
    study, name : str
        Whose runs, and what they are called; a name given again means the newest.
    runs : tuple of str
        Ids of the runs, which stay when numbers change.
    made : str
        ISO 8601, UTC.
    """

    study: str
    name: str
    runs: tuple[str, ...]
    made: str


Record = Run | Decision | Baseline
#: What a line of text calls them.
KINDS: Final[dict[str, type[Run | Decision | Baseline]]] = {
    "baseline": Baseline,
    "decision": Decision,
    "run": Run,
}

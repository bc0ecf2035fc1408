"""Contestants that a sweep of settings makes, each as if it had been written out.

Every combination of the values of ``axes``, or every entry of ``points``, becomes one
:class:`~bpbench.declared.Variant` whose name says what it sets: ``hidden 10-10, activation relu``. An axis is a field
of the model or of its optimizer, or one of :data:`OF_THE_STUDY`. Where fields of the model are set, the contestant gets
a model of its own, derived from the named one.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from bpbench.declared import Model, Sweep, Variant
from bpbench.errors import ProtocolError, nearest
from bpbench.formats.mistakes import sentences
from bpbench.formats.yaml import Place
from bpbench.jobs import OPTIMIZERS, Adam, Hdnn, Kalman, KerasAdam, LightGbm, Linear, ModelSpec, RandomForest

#: Axes that are no field of a model.
OF_THE_STUDY: Final = ("set", "model", "train_share", "observations")
#: Most contestants of one sweep.
MOST: Final = 1000
_MODELS: Final = {"hdnn": Hdnn, "linear": Linear, "random-forest": RandomForest, "lightgbm": LightGbm}

Where = Callable[..., str]


@dataclass(frozen=True, slots=True)
class Point:
    """One contestant of a sweep.

    Attributes
    ----------
    variant : Variant
        As if it had been written out.
    model : Hdnn, Linear, RandomForest or LightGbm
        What it trains.
    base : str
        Name of the model that this one is, or is derived from.
    values : dict
        What it sets, by axis, in the order of the axes.
    places : dict
        Where in the protocol each of these stands.
    """

    variant: Variant
    model: ModelSpec
    base: str
    values: Mapping[str, Any]
    places: Mapping[str, Place]


def expand(
    sweeps: Mapping[str, Sweep],
    models: Mapping[str, Any],
    sets: Iterable[str],
    taken: Iterable[str],
    where: Where,
) -> dict[str, tuple[Point, ...]]:
    """Return the contestants of every sweep.

    Parameters
    ----------
    sweeps : dict of str to Sweep
        By name.
    models : dict of str to dict
        The models as plain data, each of them known to be right.
    sets : iterable of str
        Names of the feature sets.
    taken : iterable of str
        Names of the contestants that were written out.
    where : callable
        ``where(*place)`` names file, line and path of a place in the protocol.

    Raises
    ------
    ProtocolError
        One sentence per mistake.
    """
    known = {"model": dict(models), "set": dict.fromkeys(sets)}
    wrong: dict[str, None] = {}
    made: dict[str, tuple[Point, ...]] = {}
    for name, sweep in sweeps.items():
        before = len(wrong)
        wrong |= dict.fromkeys(_wrong_shape(name, sweep, known, where))
        points = []
        for values, places in _settings(name, sweep) if len(wrong) == before else ():
            point = _point(sweep, known, values, places, where)
            if isinstance(point, Point):
                points.append(point)
            else:
                wrong |= dict.fromkeys(point)
        made[name] = tuple(points)
    wrong |= dict.fromkeys(_wrong_names(made, set(taken), models, where))
    if wrong:
        raise ProtocolError("\n".join(wrong))
    return made


def misfits(model: ModelSpec) -> Iterator[tuple[Place, tuple[str, ...], str]]:
    """Yield what does not fit together in a model: its place there, the fields that may bring it, and a sentence.

    Parameters
    ----------
    model : Hdnn, Linear, RandomForest or LightGbm
        Each of its fields is right by itself.
    """
    if isinstance(model, RandomForest | LightGbm) and model.atoms is not None and model.target == "energy":
        sentence = (
            "'atoms' is how many atoms forces are learned from, and this model learns energies; leave it out, or write "
            "target: forces."
        )
        yield ("atoms",), ("atoms", "target"), sentence
    if not isinstance(model, Hdnn):
        return
    layers = len(model.hidden) + 1
    for key in ("decay", "prior"):
        value = getattr(model.optimizer, key, None)
        if isinstance(value, tuple) and len(value) != layers:
            sentence = (
                f"'{key}' needs {layers} numbers, one for each hidden layer and one for the output, or one number for "
                f"all; found {len(value)}."
            )
            yield ("optimizer", key), (key, "hidden", "optimizer"), sentence
    rule = model.optimizer
    if isinstance(rule, Kalman):
        for key, first, last, way in (("trust", *rule.trust, "rise"), ("noise", *rule.noise, "fall")):
            if (first > last) if way == "rise" else (first < last):
                yield (
                    ("optimizer", key),
                    (key, "optimizer"),
                    f"'{key}' {way}s from its first value to its last, found [{first:g}, {last:g}]; exchange them.",
                )
    if not isinstance(rule, Adam | KerasAdam) and model.batch != Hdnn("hdnn").batch:
        own = "the filter's blocks are set by 'block' of the optimizer" if isinstance(rule, Kalman) else "it takes all"
        yield ("batch",), ("batch", "optimizer"), f"'batch' is Adam's, and {rule.kind} has none: {own}; leave it out."
    if model.skip and isinstance(rule, KerasAdam):
        yield (
            ("skip",),
            ("skip", "optimizer"),
            "Keras's own fit trains plain layers only; leave out 'skip', or name the optimizer adam.",
        )


def spoken(value: Any, key: str = "") -> str:
    """Return a value as it stands in the name of a contestant: layers are joined by dashes, other lists by strokes."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, float):
        return format(value, ".12g")
    if isinstance(value, list | tuple):
        return ("-" if key == "hidden" else "/").join(map(spoken, value))
    if isinstance(value, Mapping):
        rest = ", ".join(f"{name} {spoken(item, name)}" for name, item in value.items() if name != "kind")
        return f"{value.get('kind', '')}{f' ({rest})' if rest else ''}".strip()
    return str(value)


def name_of(values: Mapping[str, Any]) -> str:
    """Return the name of the contestant that has these settings."""
    return ", ".join(
        f"{key} {'all' if key in {'observations', 'train_share'} and value is None else spoken(value, key)}"
        for key, value in values.items()
    )


# --------------------------------------------------------------------------------------------------- the parts


def _wrong_shape(name: str, sweep: Sweep, known: Mapping[str, Mapping[str, Any]], where: Where) -> Iterator[str]:
    """Yield what keeps a sweep from being laid out at all."""
    if (sweep.axes is None) == (sweep.points is None):
        yield (
            f"{where('sweeps', name)}: a sweep has either 'axes', all of whose values are combined, or a list of "
            f"'points'; found {'neither' if sweep.axes is None else 'both'}."
        )
        return
    for key, names in known.items():
        fixed = getattr(sweep, key)
        varied = key in sweep.axes if sweep.axes is not None else all(key in point for point in sweep.points or ())
        if fixed is None and not varied:
            yield f"{where('sweeps', name)}: the key '{key}' is missing; name one, or make it an axis."
        elif fixed is not None and (key in (sweep.axes or {}) or any(key in point for point in sweep.points or ())):
            yield f"{where('sweeps', name, key)}: the {key} is both given and an axis; keep one of them."
        elif fixed is not None and fixed not in names:
            yield f"{where('sweeps', name, key)}: there is no {key} '{fixed}'{nearest(fixed, names)}"
    for axis, values in (sweep.axes or {}).items():
        for number, value in enumerate(values):
            if value in values[:number]:
                yield (
                    f"{where('sweeps', name, 'axes', axis, number)}: the value {spoken(value, axis)} stands twice; "
                    "keep one of them."
                )
    size = math.prod(len(values) for values in (sweep.axes or {}).values())
    if size > MOST:
        yield (
            f"{where('sweeps', name, 'axes')}: these axes make {size} contestants, expected at most {MOST}; leave out "
            "values, or name the combinations that matter under 'points'."
        )


def _settings(name: str, sweep: Sweep) -> Iterator[tuple[dict[str, Any], dict[str, Place]]]:
    """Yield the settings of each contestant and where they stand."""
    if sweep.axes is None:
        for number, point in enumerate(sweep.points or ()):
            yield point, {key: ("sweeps", name, "points", number, key) for key in point}
        return
    for chosen in itertools.product(*(enumerate(values) for values in sweep.axes.values())):
        values = {axis: value for axis, (_, value) in zip(sweep.axes, chosen, strict=True)}
        places: dict[str, Place] = {
            axis: ("sweeps", name, "axes", axis, number) for axis, (number, _) in zip(sweep.axes, chosen, strict=True)
        }
        yield values, places


def _point(
    sweep: Sweep,
    known: Mapping[str, Mapping[str, Any]],
    values: dict[str, Any],
    places: dict[str, Place],
    where: Where,
) -> Point | list[str]:
    """Return one contestant, or what is wrong with it."""
    # A name may be written as a number, as anywhere.
    named = {key: str(values.get(key, getattr(sweep, key))) for key in known}
    strange = [key for key, names in known.items() if named[key] not in names]
    if strange:
        return [
            f"{where(*places[key])}: there is no {key} '{named[key]}'{nearest(named[key], known[key])}"
            for key in strange
        ]
    changes = {key: value for key, value in values.items() if key not in OF_THE_STUDY}
    asked = {"name": name_of(values), "set": named["set"], "model": _own_name(named["model"], changes)}
    asked |= {key: values[key] for key in ("train_share", "observations") if key in values}
    try:
        variant = _variants().validate_json(json.dumps(asked), strict=True)
    except ValidationError as error:
        return sentences(error.errors(), asked, Variant, lambda *place: where(*places[str(place[0])], *place[1:]), ())
    model = _model(named["model"], known["model"][named["model"]], changes, places, where)
    return model if isinstance(model, list) else Point(variant, model, named["model"], values, places)


def _model(
    name: str, base: Mapping[str, Any], changes: Mapping[str, Any], places: Mapping[str, Place], where: Where
) -> ModelSpec | list[str]:
    """Return the model that changed settings make of another one, or what is wrong with them."""
    derived = _derived(base, changes)
    if isinstance(derived, str):
        possible = {*_fields(base), *_fields(_optimizer(base)), *OF_THE_STUDY}
        return [f"{where(*places[derived])}: the model '{name}' has no setting '{derived}'{nearest(derived, possible)}"]

    def within(*place: str | int) -> str:
        """Name the place in the sweep that a place in the derived model came from."""
        for depth in (1, 0):
            if len(place) > depth and place[depth] in changes:
                return where(*places[str(place[depth])], *place[depth + 1 :])
        return where("models", name, *place)

    try:
        model = _adapter().validate_json(json.dumps(derived), strict=True)
    except ValidationError as error:
        return sentences(error.errors(), derived, ModelSpec, within, ())
    wrong = []
    for place, fields, sentence in misfits(model):
        brought = next((places[field] for field in fields if field in changes), ("models", name, *place))
        wrong.append(f"{where(*brought)}: {sentence}")
    return wrong or model


def _own_name(model: str, changes: Mapping[str, Any]) -> str:
    return f"{model}, {name_of(changes)}" if changes else model


def _wrong_names(
    made: Mapping[str, tuple[Point, ...]], taken: set[str], models: Mapping[str, Any], where: Where
) -> Iterator[str]:
    for name, points in made.items():
        for number, point in enumerate(points):
            called, model = point.variant.name, str(point.variant.model)
            if called in taken:
                in_list = next(iter(point.places.values()))[2] == "points"
                place = ("sweeps", name, "points", number) if in_list else ("sweeps", name)
                yield (
                    f"{where(*place)}: two contestants are called '{called}'; an axis of one value tells them apart, "
                    f"such as set: [{point.variant.set}]."
                )
            if model in models and any(key not in OF_THE_STUDY for key in point.values):
                yield f"{where('models', model)}: a sweep derives a model of this name; give this one another name."
            taken.add(called)


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[ModelSpec]:
    return TypeAdapter(Model)


@lru_cache(maxsize=1)
def _variants() -> TypeAdapter[Variant]:
    return TypeAdapter(Variant)


def _optimizer(model: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the optimizer of a model in plain data: the default one where none is named."""
    named = model.get("optimizer", {"kind": "adam"}) if model.get("kind") == "hdnn" else {}
    return {"kind": "adam", **named} if isinstance(named, dict) and model.get("kind") == "hdnn" else {}


def _fields(plain: Mapping[str, Any]) -> tuple[str, ...]:
    kind = {**_MODELS, **OPTIMIZERS}.get(str(plain.get("kind")))
    return () if kind is None else tuple(field.name for field in dataclasses.fields(kind) if field.name != "kind")


def _derived(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any] | str:
    """Return a model in plain data with some settings changed, or the first setting that it does not have."""
    made = {**base, **{key: value for key, value in changes.items() if key in _fields(base)}}
    rule = _optimizer(made)
    for key, value in changes.items():
        if key in _fields(base):
            continue
        if key not in _fields(rule):
            return key
        rule = {**rule, key: value}
        made["optimizer"] = rule
    return made


# -------------------------------------------------------------------------------------------------- for editors


def complete(schema: dict[str, Any]) -> None:
    """Write into a JSON schema of protocols which axes a sweep may have and what their values are.

    Parameters
    ----------
    schema : dict
        With the definitions of all models, optimizers and of :class:`~bpbench.declared.Sweep`; changed in place.
    """
    definitions = schema["$defs"]
    values: dict[str, list[Any]] = {key: [{"type": ["string", "integer"]}] for key in ("set", "model")}
    holders = [(kind.__name__, None) for kind in (*_MODELS.values(), *OPTIMIZERS.values())]
    for holder, chosen in [*holders, ("Variant", ("train_share", "observations"))]:
        for key, value in definitions[holder]["properties"].items():
            item = {name: part for name, part in value.items() if name not in {"default", "title"}}
            kinds = values.setdefault(key, []) if key != "kind" and (chosen is None or key in chosen) else [item]
            if item not in kinds:
                kinds.append(item)
    one = {key: kinds[0] if len(kinds) == 1 else {"anyOf": kinds} for key, kinds in values.items()}
    many = {
        key: {"type": "array", "minItems": 1, "uniqueItems": True, "items": item} for key, item in sorted(one.items())
    }
    settings = {"type": "object", "additionalProperties": False, "minProperties": 1}
    sweep = definitions["Sweep"]
    sweep["properties"]["axes"] = {**settings, "properties": many}
    sweep["properties"]["points"] = {
        "type": "array",
        "minItems": 1,
        "items": {**settings, "properties": dict(sorted(one.items()))},
    }
    sweep["oneOf"] = [{"required": ["axes"]}, {"required": ["points"]}]

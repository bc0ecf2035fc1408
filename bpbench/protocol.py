"""The whole vocabulary of a protocol file, and the one door through which such a file comes in.

A protocol is YAML 1.2 (``1e-3`` is a number, ``no`` is a word, a key twice is an error). :func:`load` returns a frozen
:class:`Protocol` or raises a :class:`~bpbench.errors.ProtocolError` that names file, line and path.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

from annotated_types import Ge, Gt, Lt, MinLen
from pydantic import BeforeValidator, TypeAdapter, ValidationError

from bpbench import features, metrics, sweeps
from bpbench.declared import (
    Columns,
    Data,
    DescriptorTime,
    Explicit,
    FileData,
    FromInputNn,
    Model,
    Name,
    Repeats,
    Roles,
    SampleData,
    SetSpec,
    Share,
    Sweep,
    TableData,
    Variant,
    functions_of,
)
from bpbench.errors import FeatureError, ProtocolError, RequestError, nearest
from bpbench.features import STRICT, FeatureSet
from bpbench.formats.mistakes import sentences
from bpbench.formats.yaml import Place, parse
from bpbench.identity import NOT_IDENTITY
from bpbench.jobs import SplitBy
from bpbench.sweeps import Point

__all__ = [
    "Analysis",
    "Columns",
    "DescriptorTime",
    "Explicit",
    "FileData",
    "Origin",
    "Protocol",
    "ReportSpec",
    "Roles",
    "SampleData",
    "SplitSpec",
    "Sweep",
    "TableData",
    "Variant",
    "functions_in",
    "load",
    "loads",
    "schema",
]


@dataclass(frozen=True, slots=True)
class SplitSpec:
    """How frames are divided and what a repeat redraws.

    Attributes
    ----------
    design : {'fixed', 'resampled', 'crossed'}
        ``fixed``: one split, seeds vary. ``resampled``: reserve, train and validation redrawn at every repeat.
        ``crossed``: ``splits`` redraws of train and validation, ``repeats`` seeds within each.
    reserve, validation : float
        Shares of the frames in the reserve (the test set) and in validation.
    splits : int or None
        Number of splits of a crossed design.
    fresh : tuple of str or None
        Groups that go to no part: independent trajectories on which every contestant is scored besides.
    """

    __pydantic_config__: ClassVar = STRICT
    design: Literal["fixed", "resampled", "crossed"] = "fixed"
    reserve: Share = 0.2
    validation: Share = 0.2
    splits: Annotated[int, Ge(2)] | None = None
    fresh: Annotated[tuple[Name, ...], MinLen(1)] | None = None


def _margin(value: Any) -> Any:
    """Refuse what can be no margin, and write a text as it is written everywhere: a changed blank is no new margin.

    What the text means, the statistics say (:func:`bpbench.study.check_design`).
    """
    if isinstance(value, bool) or not isinstance(value, float | int | str):
        raise ValueError(  # noqa: TRY004 - pydantic turns it into a sentence
            f"expected a number, or a text such as 5% or 0.3 d_z, found {json.dumps(value, ensure_ascii=False)[:60]}."
        )
    if not isinstance(value, str) and value <= 0:
        raise ValueError(f"expected a margin greater than 0, found {value:g}.")
    return " ".join(value.replace("%", " %").replace("d_z", " d_z").split()) if isinstance(value, str) else value


#: Checked as one value, so that a mistake gives one sentence and not one of each alternative.
Margin = Annotated[Annotated[float, Gt(0)] | str, BeforeValidator(_margin)]


@dataclass(frozen=True, slots=True)
class Analysis:
    """How the repeats are judged; declared before any of them exists.

    Attributes
    ----------
    baseline : str
        Variant that every other one is compared with; with ``pairs: all`` the one that figures refer to.
    metric : str
        Key of :data:`bpbench.metrics.METRICS`, scored on the reserve; a time where descriptors are timed.
    test : {'paired-t', 'nadeau-bengio', 'welch', 'wilcoxon', 'sign-flip', 'permutation', 'mann-whitney'}
        See the README's table of which design allows which.
    correction : str
        Over the family of comparisons: one of :data:`bpbench.statistics.corrections.CORRECTIONS`; ``max-t`` with the
        test ``sign-flip`` alone.
    alpha : float
        Level of the family.
    margin : float, str or None
        Largest difference that does not matter: a number in the metric's unit, a share of the baseline's mean
        (``"5%"``), or a number of standard deviations of the paired differences (``"0.3 d_z"``); needed to call
        anything equivalent.
    power : float
        Power at which the smallest detectable difference is stated.
    candidates : tuple of str or None
        The family: these against the baseline; ``None`` for all other variants, of twins the first.
    pairs : {'baseline', 'all'}
        ``all``: each of them and the baseline against each other, the later in the protocol minus the earlier.
    """

    __pydantic_config__: ClassVar = STRICT
    baseline: Name
    metric: str = "rmse"
    test: Literal["paired-t", "nadeau-bengio", "welch", "wilcoxon", "sign-flip", "permutation", "mann-whitney"] = (
        "paired-t"
    )
    correction: Literal[
        "holm", "bonferroni", "hochberg", "hommel", "sidak", "holm-sidak", "bh", "by", "tsbh", "max-t"
    ] = "holm"
    alpha: Annotated[float, Gt(0), Lt(0.5)] = 0.05
    margin: Margin | None = None
    power: Annotated[float, Gt(0.5), Lt(1)] = 0.8
    candidates: Annotated[tuple[Name, ...], MinLen(1)] | None = None
    pairs: Literal["baseline", "all"] = "baseline"


@dataclass(frozen=True, slots=True)
class ReportSpec:
    """What is rendered."""

    __pydantic_config__: ClassVar = STRICT
    formats: Annotated[tuple[Literal["html", "pdf"], ...], MinLen(1)] = ("html", "pdf")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a protocol came from: enough to name the file, line and path of anything in it.

    ``data_option`` is the file that the command line gave in place of the protocol's data.
    """

    file: str
    text: str
    lines: Mapping[Place, int]
    data_option: str | None = None

    def where(self, *place: str | int) -> str:
        """Return ``file, line n, a.b.c`` of a place in the protocol."""
        if self.data_option is not None and place[:1] == ("data",):
            return f"--data {self.data_option}"
        known = place
        while known and known not in self.lines:
            known = known[:-1]
        line = self.lines.get(known, 1)
        path = ".".join(str(part) for part in place)
        return f"{self.file}, line {line}" + (f", {path}" if path else "")


_NOWHERE = Origin("protocol", "", {})


@dataclass(frozen=True, slots=True)
class Protocol:
    """A declared comparison.

    Attributes
    ----------
    title, question : str
        What the report is called and what it answers.
    data : SampleData, FileData or TableData
        The frames, or a table of their atoms.
    pool : str or None
        Preset whose functions are all computed; ``None``: just those the sets name.
    precision : {'float64', 'float32'}
        How the pool's values are stored; they are computed in float64 always.
    sets : dict
        Feature sets by name.
    models : dict
        Models by name, those that sweeps derive among them; none where descriptors are timed.
    variants : tuple of Variant
        The contestants: those written out, then those of the sweeps.
    sweeps : dict of str to Sweep
        Settings whose contestants are not written out one by one.
    split : SplitSpec
        The design.
    repeats : int or Roles
        Repeats (within each split of a crossed design), or, of a crossed design, how often each role is drawn; rounds
        where descriptors are timed.
    seed : int
        Root of all seeds.
    analysis : Analysis
        Tests, correction, margin.
    measure : DescriptorTime or None
        What is timed; ``None``: models are trained.
    report : ReportSpec
        What is rendered.
    name : str
        The file's stem.
    origin : Origin
        File, text and lines.
    points : dict of str to tuple of Point
        The contestants of each sweep.
    """

    __pydantic_config__: ClassVar = STRICT
    question: str
    data: Data
    sets: Annotated[dict[str, SetSpec], MinLen(1)]
    repeats: Repeats
    analysis: Analysis
    models: Annotated[dict[str, Model], MinLen(1)] = field(default_factory=dict)
    variants: tuple[Variant, ...] = ()
    sweeps: Annotated[dict[str, Sweep], MinLen(1)] = field(default_factory=dict)
    measure: DescriptorTime | None = None
    title: str = ""
    pool: str | None = None
    precision: Literal["float64", "float32"] = "float64"
    split: SplitSpec = SplitSpec()
    seed: Annotated[int, Ge(0)] = 1
    report: ReportSpec = ReportSpec()
    name: str = field(default="protocol", metadata=NOT_IDENTITY)
    origin: Origin = field(default=_NOWHERE, metadata=NOT_IDENTITY)
    points: dict[str, tuple[Point, ...]] = field(default_factory=dict, metadata=NOT_IDENTITY)

    def where_of(self, variant: str, key: str) -> str:
        """Return file, line and path of what a contestant says under ``key``, be it written out or of a sweep."""
        for point in (point for points in self.points.values() for point in points):
            if point.variant.name == variant:
                return self.origin.where(*point.places[key])
        number = [other.name for other in self.variants].index(variant)
        return self.origin.where("variants", number, key)

    def feature_set(self, name: str) -> FeatureSet:
        """Return the symmetry functions of that name; a set of columns has none and is refused."""
        spec = self.sets[name]
        if isinstance(spec, Columns):
            raise FeatureError(f"The set '{name}' names columns of a table, not symmetry functions.")
        return functions_of(spec, Path(self.origin.file).parent)

    def contestant(self, name: str) -> Variant:
        """Return the variant of that name."""
        return next(variant for variant in self.variants if variant.name == name)

    @property
    def ways(self) -> tuple[SplitBy, ...]:
        """What the contestants' splits never divide, each way once: that of the baseline, then the others."""
        base = self.contestant(self.analysis.baseline)
        return tuple(dict.fromkeys(variant.split_by for variant in (base, *self.variants)))

    @property
    def twins(self) -> dict[str, str]:
        """Contestants that are the same as an earlier one, by name: equal set, model, configurations and splits.

        To compare both with the baseline would ask one question twice.
        """
        first: dict[Any, str] = {}
        found = {}
        for variant in self.variants:
            model = None if variant.model is None else self.models[variant.model]
            kind = (self.sets[variant.set], model, variant.train_share, variant.observations, variant.split_by)
            other = first.setdefault(kind, variant.name)
            if other != variant.name:
                found[variant.name] = other
        return found

    @property
    def family(self) -> tuple[tuple[str, str], ...]:
        """The declared comparisons: pairs (candidate, baseline), of twins the first alone.

        Of all pairs the later in the protocol is the candidate.
        """
        base, twins = self.analysis.baseline, self.twins
        known = {base, twins.get(base, base), *twins}
        names = self.analysis.candidates or tuple(v.name for v in self.variants if v.name not in known)
        if self.analysis.pairs == "baseline":
            return tuple((name, base) for name in names)
        chosen = {base, *names}
        return tuple((b, a) for a, b in combinations((v.name for v in self.variants if v.name in chosen), 2))

    @property
    def units(self) -> int:
        """Independent units that the statistics count: splits in a crossed design, else repeats."""
        return self.split.splits or self.per_split

    @property
    def roles(self) -> Roles | None:
        """Repeats by role, ``None`` for a plain number of them."""
        return self.repeats if isinstance(self.repeats, Roles) else None

    @property
    def per_split(self) -> int:
        """Trainings per variant in each split."""
        return self.repeats.count if isinstance(self.repeats, Roles) else self.repeats

    @property
    def repeat_count(self) -> int:
        """Trainings per variant: those in each split, times the splits of a crossed design."""
        return self.per_split * (self.split.splits or 1)


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Protocol]:
    return TypeAdapter(Protocol)


#: Fields of Protocol that a file may not set.
_INTERNAL = ("name", "origin", "points")


def load(path: str | Path) -> Protocol:
    """Read and check a protocol file.

    Parameters
    ----------
    path : path-like
        A YAML file.

    Returns
    -------
    Protocol
        Frozen, with every name in it resolved.

    Raises
    ------
    ProtocolError
        One sentence per mistake, with file, line and path.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        near = nearest(path.name, [other.name for other in path.parent.glob("*.yaml")]) if path.parent.is_dir() else ""
        raise ProtocolError(f"There is no protocol file {path}{near or '.'}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ProtocolError(f"{path} cannot be read as a protocol: {error}.") from None
    return loads(text, file=str(path), name=path.stem)


def loads(text: str, *, file: str = "protocol", name: str = "protocol") -> Protocol:
    """Check the text of a protocol; see :func:`load`."""
    data, lines = parse(text, file)
    origin = Origin(file, text, lines)
    if not isinstance(data, dict):
        raise ProtocolError(f"{file}: a protocol is a mapping with keys such as question, data and variants.")
    for key in _INTERNAL:
        if key in data:
            raise ProtocolError(f"{origin.where(key)}: unknown key '{key}'; remove it.")
    wrong: list[Any] = _missing(data)
    try:
        protocol = _adapter().validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        wrong += error.errors()
    if wrong:
        raise ProtocolError("\n".join(sentences(wrong, data, Protocol, origin.where, _INTERNAL)))
    protocol = _swept(dataclasses.replace(protocol, name=name, origin=origin), data)
    _check_names(protocol)
    # The functions decide, not the file that they were read from.
    settled: dict[str, SetSpec] = {
        key: Explicit(protocol.feature_set(key).functions) if isinstance(spec, FromInputNn) else spec
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
    if len(variants) < 2:
        raise ProtocolError(
            f"{where('variants')}: a comparison needs at least 2 contestants, written out or by sweeps; found "
            f"{len(variants)}."
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
    try:
        explicit = TypeAdapter(Explicit).validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        raise ProtocolError("\n".join(sentences(error.errors(), data, Explicit, where, ()))) from None
    try:
        return FeatureSet(explicit.functions)
    except FeatureError as error:
        raise ProtocolError(f"{where('functions')}: {error}") from None


def schema() -> dict[str, Any]:
    """Return the JSON schema of protocol files, for editors."""
    made = _adapter().json_schema()
    for key in _INTERNAL:
        del made["properties"][key]
    for name in ("Origin", "Point"):
        del made["$defs"][name]
    sweeps.complete(made)
    # Models are trained, or something is measured; contestants are written out, or made by sweeps.
    made["allOf"] = [
        {"anyOf": [{"required": [key]} for key in keys]} for keys in (("models", "measure"), ("variants", "sweeps"))
    ]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "bpbench protocol", **made}


# ------------------------------------------------------------------------------------------ names that must exist


def _check_names(protocol: Protocol) -> None:
    where = protocol.origin.where
    names = [variant.name for variant in protocol.variants]
    _check_variants(protocol)
    _check_sets(protocol)
    analysis = protocol.analysis
    try:
        metric = metrics.metric(analysis.metric)
    except RequestError as error:
        raise ProtocolError(f"{where('analysis', 'metric')}: {error}") from None
    _check_measure(protocol, timed=metric.timed)
    if analysis.baseline not in names:
        raise ProtocolError(
            f"{where('analysis', 'baseline')}: there is no variant '{analysis.baseline}'"
            f"{nearest(analysis.baseline, names)}"
        )
    chosen = analysis.candidates or ()
    for number, name in enumerate(chosen):
        if name not in names or name == analysis.baseline or name in chosen[:number]:
            raise ProtocolError(
                f"{where('analysis', 'candidates', number)}: a candidate is a variant other than the baseline, named "
                f"once; found '{name}'{nearest(name, set(names) - {analysis.baseline})}"
            )
    _check_twins(protocol)
    _check_split(protocol)


def _check_twins(protocol: Protocol) -> None:
    """Refuse a candidate that is another contestant under a second name, and a study of one contestant."""
    where, twins, base = protocol.origin.where, protocol.twins, protocol.analysis.baseline
    for number, name in enumerate(protocol.analysis.candidates or ()):
        same = twins.get(name, name)
        if same == twins.get(base, base):
            raise ProtocolError(
                f"{where('analysis', 'candidates', number)}: '{name}' is the same contestant as the baseline "
                f"'{base}'; leave it out."
            )
        if name in twins:
            raise ProtocolError(
                f"{where('analysis', 'candidates', number)}: '{name}' is the same contestant as '{same}'; name that "
                "one, and each once."
            )
    if not protocol.family:
        raise ProtocolError(
            f"{where('variants')}: a comparison needs at least 2 different contestants; all of these are the same as "
            f"'{base}'."
        )


def _check_variants(protocol: Protocol) -> None:
    where = protocol.origin.where
    names = [variant.name for variant in protocol.variants]
    for number, variant in enumerate(protocol.variants):
        if variant.train_share is not None and variant.observations is not None:
            raise ProtocolError(
                f"{protocol.where_of(variant.name, 'observations')}: a contestant learns from a share of the training "
                "configurations or from a number of them; keep one of 'train_share' and 'observations'."
            )
        if variant.name in names[:number]:
            place = where("variants", number, "name")
            raise ProtocolError(f"{place}: two variants are called '{variant.name}'; give each its own name.")
        known_by_key: dict[str, Mapping[str, Any]] = {"set": protocol.sets}
        if protocol.measure is None:
            known_by_key["model"] = protocol.models
        for key, known in known_by_key.items():
            wanted = getattr(variant, key)
            if wanted not in known:
                raise ProtocolError(
                    f"{where('variants', number, key)}: there is no {key} '{wanted}'{nearest(wanted, known)}"
                )


#: What a protocol says of training, and why it has no meaning where nothing is trained.
_OF_TRAINING: Final = {
    "models": "nothing is trained",
    "split": "nothing is trained, so no frames are divided",
    "pool": "each set is described by itself",
    "precision": "no values are stored",
}


def _check_measure(protocol: Protocol, *, timed: bool) -> None:
    where, analysis = protocol.origin.where, protocol.analysis
    if protocol.measure is None:
        if timed:
            raise ProtocolError(
                f"{where('analysis', 'metric')}: '{analysis.metric}' is a measured time and needs the key 'measure', "
                "such as measure: {kind: descriptor-time}."
            )
        return
    for key, why in _OF_TRAINING.items():
        if (key,) in protocol.origin.lines:
            raise ProtocolError(f"{where(key)}: with 'measure' {why}; leave out '{key}'.")
    if protocol.roles is not None:
        raise ProtocolError(
            f"{where('repeats')}: with 'measure' nothing is trained and has no roles; give the number of rounds, such "
            "as repeats: 10."
        )
    if not timed:
        times = ", ".join(f"'{key}'" for key, metric in metrics.METRICS.items() if metric.timed)
        raise ProtocolError(
            f"{where('analysis', 'metric')}: with 'measure' times are compared; expected the metric {times}, found "
            f"'{analysis.metric}'."
        )
    _check_timed_sets(protocol)


def _check_timed_sets(protocol: Protocol) -> None:
    where = protocol.origin.where
    for name, spec in protocol.sets.items():
        if isinstance(spec, Columns):
            raise ProtocolError(
                f"{where('sets', name)}: with 'measure' sets are computed against the clock, and '{name}' names "
                "columns of a table; name symmetry functions."
            )
    seen: dict[tuple[features.Feature, ...], str] = {}
    for number, variant in enumerate(protocol.variants):
        for key, nothing in (("model", None), ("train_share", None), ("observations", None), ("split_by", "block")):
            if getattr(variant, key) != nothing:
                raise ProtocolError(
                    f"{where('variants', number, key)}: with 'measure' nothing is trained; a variant is {{name, set}} "
                    f"and has no '{key}'."
                )
        place = where("variants", number, "set")
        functions = protocol.feature_set(variant.set).functions
        if functions in seen:
            raise ProtocolError(
                f"{place}: '{variant.name}' has the functions of '{seen[functions]}', and a set is measured once in a "
                "round; leave one of them out."
            )
        seen[functions] = variant.name


def _missing(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return which contestants, and which models of theirs, are missing, as pydantic would say it of required keys."""
    places: list[Place] = [] if {"variants", "sweeps"} & set(data) else [("variants",)]
    if data.get("measure") is None:
        places += [] if "models" in data else [("models",)]
        variants = data.get("variants")
        for number, variant in enumerate(variants if isinstance(variants, list) else ()):
            if isinstance(variant, dict) and variant.get("model") is None:
                places.append(("variants", number, "model"))
    return [{"type": "missing", "loc": place, "input": data} for place in places]


def _check_split(protocol: Protocol) -> None:
    where = protocol.origin.where
    split = protocol.split
    if split.splits is None and split.design == "crossed":
        raise ProtocolError(
            f"{where('split', 'design')}: a crossed design names its number of splits, and splits is missing; write "
            "splits: 6, or as many as you want."
        )
    if split.splits is not None and split.design != "crossed":
        raise ProtocolError(
            f"{where('split', 'splits')}: only a crossed design names its number of splits, found design "
            f"'{split.design}' with splits: {split.splits}; leave splits out, or write design: crossed."
        )
    _check_roles(protocol)
    if split.reserve + split.validation >= 1:
        raise ProtocolError(
            f"{where('split')}: reserve and validation must leave frames to train on; "
            f"found shares {split.reserve} + {split.validation}."
        )
    if len(protocol.ways) > 1 and split.design != "resampled":
        raise ProtocolError(
            f"{where('split', 'design')}: contestants that are split in different ways "
            f"({', '.join(protocol.ways)}) have different test sets, and with one reserve of each way the difference "
            f"would be that of two draws; expected the design 'resampled', found '{split.design}'."
        )


def _check_roles(protocol: Protocol) -> None:
    if protocol.roles is None:
        return
    place, design = protocol.origin.where("repeats"), protocol.split.design
    if design != "crossed":
        raise ProtocolError(
            f"{place}: repeats by role share initial weights and batch orders, so they are not independent of each "
            "other and only splits can be compared; expected split: {design: crossed, splits: …} with at least 2 "
            f"splits, found design '{design}'."
        )
    if protocol.roles.count == 1:
        raise ProtocolError(
            f"{place}: repeats by role draw at least one of weights, order and rerun more than once, such as "
            "{weights: 4, order: 4}; found one draw of each. Write repeats: 1 for a single training in each split."
        )


def _check_sets(protocol: Protocol) -> None:
    where = protocol.origin.where
    pool: set[str] | None = None
    if protocol.pool is not None:
        try:
            pool = set(features.preset(protocol.pool).names)
        except FeatureError as error:
            raise ProtocolError(f"{where('pool')}: {error}") from None
        if isinstance(protocol.data, TableData):
            raise ProtocolError(
                f"{where('pool')}: a pool is computed from structures, and the data are a table; leave it out and "
                "choose columns."
            )
    for name, spec in protocol.sets.items():
        if isinstance(spec, Columns):
            _check_columns(protocol, name, spec)
            continue
        if isinstance(protocol.data, TableData):
            raise ProtocolError(
                f"{where('sets', name)}: symmetry functions are computed from structures, and the data are a table; "
                "choose its columns, such as {columns: all}."
            )
        try:
            chosen = protocol.feature_set(name)
        except FeatureError as error:
            raise ProtocolError(f"{where('sets', name)}: {error}") from None
        outside = [] if pool is None else [item for item in chosen.names if item not in pool]
        if outside:
            raise ProtocolError(
                f"{where('sets', name)}: every function of a set must be in the pool '{protocol.pool}'; "
                f"{outside[0]} is not. Leave out 'pool' to compute just what the sets name."
            )


def _check_columns(protocol: Protocol, name: str, spec: Columns) -> None:
    where = protocol.origin.where
    if spec.table is None and not isinstance(protocol.data, TableData):
        raise ProtocolError(
            f"{where('sets', name)}: the data are frames and have no columns; name the file of values under 'table'."
        )
    if spec.table is None and spec.configuration is not None:
        raise ProtocolError(
            f"{where('sets', name, 'configuration')}: only a set with a 'table' of its own names this column; "
            "the data's stands under 'data'."
        )
    if spec.like is not None:
        _check_like(protocol, name, spec)
    chosen = () if spec.columns == "all" else spec.columns
    twice = [column for number, column in enumerate(chosen) if column in chosen[:number]]
    if twice:
        raise ProtocolError(f"{where('sets', name)}: a set names each column once, found '{twice[0]}' twice.")


def _check_like(protocol: Protocol, name: str, spec: Columns) -> None:
    where, wanted = protocol.origin.where("sets", name, "like"), spec.like
    described = [other for other, chosen in protocol.sets.items() if not isinstance(chosen, Columns)]
    if protocol.measure is not None:
        raise ProtocolError(f"{where}: with 'measure' no values are compared; leave 'like' out.")
    if spec.table is None:
        raise ProtocolError(
            f"{where}: only values made elsewhere are compared with ours, and this set names no 'table' of them; name "
            "the file, or leave 'like' out."
        )
    if wanted not in protocol.sets:
        raise ProtocolError(f"{where}: there is no set '{wanted}'{nearest(str(wanted), described)}")
    if wanted not in described:
        raise ProtocolError(
            f"{where}: expected a set of symmetry functions, which are computed here; '{wanted}' is read from a table "
            f"itself{nearest(str(wanted), described)}"
        )

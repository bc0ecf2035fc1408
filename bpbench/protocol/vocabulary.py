"""What a protocol file may say: frozen values, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Lt, MinLen

from bpbench import cuts
from bpbench.declared import (
    Columns,
    Cut,
    Data,
    DescriptorClock,
    DescriptorTime,
    Margin,
    Model,
    Name,
    Repeats,
    Roles,
    SetSpec,
    Share,
    Sweep,
    Variant,
    functions_of,
)
from bpbench.errors import FeatureError
from bpbench.features import STRICT, FeatureSet
from bpbench.formats.yaml import Place
from bpbench.identity import IF_SET, NOT_IDENTITY
from bpbench.jobs import Foreign, SplitBy, of_forces_alone, predicts_forces
from bpbench.metrics import METRICS, OF_ENERGIES, OF_FORCES
from bpbench.protocol.uses import Check, Probe, Published, Track
from bpbench.strategies import Explore, Smallest, StrategySpec, best_of
from bpbench.sweeps import Point


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


@dataclass(frozen=True, slots=True)
class CoPrimary:
    """A further metric that every comparison is judged by; see :mod:`bpbench.statistics.joint`.

    Attributes
    ----------
    metric : str
        Key of :data:`bpbench.metrics.METRICS`.
    margin : float, str or None
        As for the metric of the analysis, in this one's unit.
    """

    __pydantic_config__: ClassVar = STRICT
    metric: str
    margin: Margin | None = None


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
    co_primary : tuple of CoPrimary
        Further metrics: a contestant is called better in all where it is so by each of them.
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
    co_primary: tuple[CoPrimary, ...] = field(default=(), metadata=IF_SET)


@dataclass(frozen=True, slots=True)
class ReportSpec:
    """What is rendered; it decides no result.

    Attributes
    ----------
    formats : tuple of {'html', 'pdf', 'latex'}
        The HTML is always written.
    language : {'en', 'fr'}
        What the report speaks.
    """

    __pydantic_config__: ClassVar = STRICT
    formats: Annotated[tuple[Literal["html", "pdf", "latex"], ...], MinLen(1)] = ("html", "pdf")
    language: Literal["en", "fr"] = field(default="en", metadata=NOT_IDENTITY)
    published: tuple[Published, ...] = field(default=(), metadata=NOT_IDENTITY)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a protocol came from: enough to name the file, line and path of anything in it.

    Attributes
    ----------
    file, text : str
        Name and content of the file.
    lines : dict
        Line (from 1) of every place in it.
    data_option : str or None
        The file that the command line gave in place of the protocol's data.
    replaced : frozenset of tuple or None
        Of a quick version, the places whose values stand in the file's block ``quick``; ``None``: it is none.
    """

    file: str
    text: str
    lines: Mapping[Place, int]
    data_option: str | None = None
    replaced: frozenset[Place] | None = None

    def where(self, *place: str | int) -> str:
        """Return ``file, line n, a.b.c`` of a place in the protocol.

        In a quick version it is the place in the quick block, where that put the value; elsewhere the block is named
        besides.
        """
        if self.data_option is not None and place[:1] == ("data",):
            return f"--data {self.data_option}"
        known = written = self._written(place)
        while known and known not in self.lines:
            known = known[:-1]
        line = self.lines.get(known, 1)
        path = ".".join(str(part) for part in written)
        found = f"{self.file}, line {line}" + (f", {path}" if path else "")
        if self.replaced is None or written != place:
            return found
        return f"{found} (with the quick block of line {self.lines['quick',]})"

    def names(self, key: str) -> bool:
        """Return whether the protocol says anything under a key, itself or in its quick version."""
        return self._written((key,)) in self.lines

    def _written(self, place: Place) -> Place:
        """Return where in the file a place of the protocol stands."""
        inside = any(place[:end] in (self.replaced or ()) for end in range(1, len(place) + 1))
        return ("quick", *place) if inside else place


_NOWHERE = Origin("protocol", "", {})


_EXPLORE = Explore()
_CHECK = Check()
_TRACK = Track()


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
    strategies : dict of str to Strategy
        Ways to choose inputs by exploring; each names one more contestant, called like the strategy.
    explore : Explore
        How they explore.
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
    clock : DescriptorClock or None
        How the sets of trained contestants are timed besides; decisions go by operations, which no clock can change.
    forces : bool
        Whether predicted forces are scored besides; ``True`` goes without saying where a metric is one of forces or a
        model learns them.
    probe : Probe or None
        What the contestant with the best mean is asked besides: its energies over volumes, its dynamics.
    report : ReportSpec
        What is rendered.
    check : Check
        How a candidate is adopted.
    track : Track
        What is recorded over time, and when it got worse.
    draw : int
        Which draw of the repeats this is: 0 for the study itself, from 1 on for the runs that are recorded over time.
        The reserve, and the one split of a fixed design, are the same in all of them.
    quick : bool
        Whether this is the quick version of a protocol: it proves the path and gives no verdict.
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
    strategies: Annotated[dict[str, StrategySpec], MinLen(1)] = field(default_factory=dict, metadata=IF_SET)
    explore: Explore = field(default=_EXPLORE, metadata=IF_SET)
    measure: DescriptorTime | None = None
    clock: DescriptorClock | None = field(default=None, metadata=IF_SET)
    probe: Probe | None = field(default=None, metadata=IF_SET)
    title: str = ""
    pool: str | None = None
    precision: Literal["float64", "float32"] = "float64"
    split: SplitSpec = SplitSpec()
    seed: Annotated[int, Ge(0)] = 1
    forces: bool = field(default=False, metadata=IF_SET)
    report: ReportSpec = ReportSpec()
    check: Check = field(default=_CHECK, metadata=NOT_IDENTITY)
    track: Track = field(default=_TRACK, metadata=NOT_IDENTITY)
    draw: Annotated[int, Ge(0)] = field(default=0, metadata=IF_SET)
    quick: bool = field(default=False, metadata=IF_SET)
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
        spec = self.sets[cuts.chain(name, self.sets)[0]]
        if isinstance(spec, Columns):
            raise FeatureError(f"The set '{name}' names columns of a table, not symmetry functions.")
        assert not isinstance(spec, Cut)  # a chain starts at a set that is none
        return cuts.cut(name, self.sets, functions_of(spec, Path(self.origin.file).parent))

    def of_columns(self, name: str) -> bool:
        """Return whether a set names columns of a table, or is cut from one that does."""
        return isinstance(self.sets[cuts.chain(name, self.sets)[0]], Columns)

    def contestant(self, name: str) -> Variant:
        """Return the variant of that name."""
        return next(variant for variant in self.variants if variant.name == name)

    @property
    def undescribed(self) -> set[str]:
        """Sets whose values nobody here asks for: those of contestants that are trained elsewhere alone."""
        if self.strategies:
            return set()
        foreign = {v.set for v in self.variants if isinstance(self.models.get(v.model or ""), Foreign)}
        others = {v.set for v in self.variants if not isinstance(self.models.get(v.model or ""), Foreign)}
        like = {spec.like for spec in self.sets.values() if isinstance(spec, Columns)}
        return foreign - others - like

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
        """The declared comparisons: pairs (candidate, baseline), of twins the first alone; then one for each strategy.

        Of all pairs the later in the protocol is the candidate. What a strategy will choose is not known before, that
        it chooses is: its comparison counts whatever it finds.
        """
        base, twins = self.analysis.baseline, self.twins
        known = {base, twins.get(base, base), *twins, *self.found}
        names = self.analysis.candidates or tuple(v.name for v in self.variants if v.name not in known)
        if self.analysis.pairs == "baseline":
            return (*((name, base) for name in names), *self.slots.items())
        chosen = {base, *names}
        return tuple((b, a) for a, b in combinations((v.name for v in self.variants if v.name in chosen), 2))

    @property
    def slots(self) -> dict[str, str]:
        """With what the choice of each strategy is compared: the baseline, or the best set of its own search."""
        base = self.analysis.baseline
        return {name: best_of(name) if isinstance(spec, Smallest) else base for name, spec in self.strategies.items()}

    @property
    def found(self) -> set[str]:
        """Names of all contestants that strategies bring."""
        return {name for pair in self.slots.items() for name in pair} - {self.analysis.baseline}

    @property
    def scores_forces(self) -> bool:
        """Whether predicted forces are scored: asked for, or needed by a metric, or learned by a model."""
        learned = any(getattr(model, "forces", None) for model in self.models.values())
        return self.forces or learned or any(METRICS[key].of == "forces" for key in self.metrics if key in METRICS)

    @property
    def scored(self) -> tuple[str, ...]:
        """Keys of the metrics that every training is scored by, of forces those that can say them."""
        return (*OF_ENERGIES, *OF_FORCES) if self.scores_forces else OF_ENERGIES

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that are judged, the first of them first."""
        return (self.analysis.metric, *(entry.metric for entry in self.analysis.co_primary))

    def has_forces(self, variant: Variant) -> bool:
        """Return whether a contestant says what the forces are: itself, or by inputs whose derivatives are known."""
        model = None if variant.model is None else self.models[variant.model]
        slope = model is not None and predicts_forces(model) and not self.of_columns(variant.set)
        return slope or of_forces_alone(model)

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

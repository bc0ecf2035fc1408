"""What is known before a study runs: its data, its splits, every job that can be known, and how it will be judged.

:func:`prepare` refuses what could not work; nothing is written. Strategies ask for their trainings as they go, so a
protocol that has some is laid out again with what they found (:func:`laid_out`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec

import numpy as np

from bpbench import exploration, metrics, probes, roles
from bpbench.data import splits
from bpbench.data.frames import Configurations, Frames
from bpbench.errors import ProtocolError, StatisticsError
from bpbench.exploration import Explored
from bpbench.features import FeatureSet
from bpbench.identity import digest, seed
from bpbench.inputs import Inputs, lay_out
from bpbench.jobs import (
    Foreign,
    FrameSource,
    Hdnn,
    Job,
    KerasAdam,
    MakeFrames,
    N2p2,
    SplitBy,
    TableSource,
    TimeDescribe,
    Train,
)
from bpbench.models.scaling import LEAST
from bpbench.protocol import Protocol, Variant, quick_version
from bpbench.protocol.quick import REFUSED
from bpbench.roles import Repeat
from bpbench.runner import imported, timing
from bpbench.runner.executed import Failure
from bpbench.runner.store import Outcome, Store
from bpbench.statistics import compare, power
from bpbench.statistics.compare import Rules
from bpbench.statistics.corrections import first_step_alpha
from bpbench.statistics.margins import Margin, require_measurable


@dataclass(frozen=True, slots=True)
class Prepared:
    """A protocol with its data read and its jobs laid out; nothing has run.

    Attributes
    ----------
    protocol : Protocol
        What is compared.
    inputs : Inputs
        Data and sets.
    repeats : tuple of Repeat
        Every repeat, or every round of measurements.
    parts : dict of str to tuple of Parts
        The splits by what they never divide (blocks, frames or states); none where nothing is trained.
    trainings : dict
        The repeated jobs by variant and repeat, in the order in which they are asked for: trainings, or measurements.
    rules : Rules
        How they are judged.
    declared : Protocol
        As it was written; ``protocol`` has the contestants that strategies found beside its own.
    explored : Explored
        What strategies have found so far.
    allow_commands : bool
        Whether the programs that the protocol names may be run.
    """

    protocol: Protocol
    inputs: Inputs
    repeats: tuple[Repeat, ...]
    parts: Mapping[SplitBy, tuple[splits.Parts, ...]]
    trainings: Mapping[tuple[str, int], Train | TimeDescribe]
    rules: Rules
    declared: Protocol
    explored: Explored
    allow_commands: bool = False

    @property
    def jobs(self) -> list[Job]:
        """Everything the study asks for, each once, as far as it is known: strategies ask as they go."""
        asked = [*self.inputs.jobs, *self.explored.jobs, *self.trainings.values(), *self.clocks.values()]
        return list(dict.fromkeys(asked))

    @property
    def clocks(self) -> dict[tuple[str, int], TimeDescribe]:
        """The measurements of what each set of the contestants takes to compute, by set and round."""
        asked, make = self.declared.clock, self.inputs.make
        if asked is None or not isinstance(make, MakeFrames):
            return {}
        names = dict.fromkeys(variant.set for variant in self.protocol.variants)
        sets = {name: chosen for name in names if isinstance(chosen := self.inputs.sets[name], FeatureSet)}
        frames = len(self.inputs.configurations)
        return timing.lay_out(make, sets, frames=asked.frames, of=frames, rounds=asked.rounds, root=self.declared.seed)

    @property
    def frames(self) -> Configurations:
        """The configurations: frames, or those of a table."""
        return self.inputs.configurations

    @property
    def part(self) -> str:
        """The part of the data whose scores are compared."""
        return "test" if self.protocol.measure is None else timing.PART

    def parts_of(self, variant: str) -> tuple[splits.Parts, ...]:
        """Return the splits of a contestant; none where nothing is trained."""
        return self.parts.get(self.protocol.contestant(variant).split_by, ())

    @property
    def source(self) -> FrameSource | TableSource:
        """The file of the data."""
        return self.inputs.make.source

    @property
    def pool(self) -> FeatureSet | None:
        """Every symmetry function that is computed, if any."""
        return self.inputs.pool

    @property
    def co_primary(self) -> dict[str, Rules]:
        """By which rules every comparison is judged by a further metric, by its key."""
        return {
            entry.metric: replace(
                self.rules,
                margin=None if entry.margin is None else Margin.parse(entry.margin),
                lower_is_better=metrics.metric(entry.metric).lower_is_better,
            )
            for entry in self.protocol.analysis.co_primary
        }

    @property
    def hardest_alpha(self) -> float:
        """Level of the correction's first step: a design that detects an effect there detects it anywhere."""
        return first_step_alpha(self.rules.correction, len(self.protocol.family), self.rules.alpha)

    @property
    def detectable_dz(self) -> float | None:
        """Smallest effect d_z that the declared test detects, for the tests of paired means.

        The power of tests by ranks and by redrawing depends on the shape of the noise, that of Welch's on the spreads
        of both samples: for them there is no such number before the results.
        """
        if self.rules.test not in {"paired-t", "nadeau-bengio"}:
            return None
        return power.detectable_dz(
            self.protocol.units,
            alpha=self.hardest_alpha,
            power=self.rules.power,
            test_to_train=self.rules.test_to_train,
        )

    @property
    def digest(self) -> str:
        """Digest of the protocol and the data: the study's identity."""
        tables = [table.source for name, table in self.inputs.tables.items() if name in self.declared.sets]
        return digest([self.declared, self.source, *tables])

    @property
    def folder(self) -> str:
        """Name of the report's folder."""
        return f"{self.protocol.name}-{self.digest[:10]}"


def prepare(protocol: Protocol, store: Store, *, allow_commands: bool = False) -> Prepared:
    """Read and check the data, draw the splits and lay out the jobs; nothing is written.

    Parameters
    ----------
    protocol : Protocol
        What is compared.
    store : Store
        Looked into for frames already read.
    allow_commands : bool
        Whether the programs that the protocol names may be run; else whoever conducts the study is refused.

    Raises
    ------
    RequestError
        When the data, the design or the analysis cannot work, before anything has run.
    """
    check_design(protocol)
    _check_installed(protocol)
    inputs = lay_out(protocol, store)
    _check_elements(protocol, inputs)
    probes.check(protocol, inputs.configurations)
    laid = exploration.lay_out(protocol, inputs)
    made = laid_out(protocol, inputs, exploration.explore(laid, partial(_stored, store)))
    return replace(made, allow_commands=allow_commands)


def _stored(store: Store, jobs: list[Job]) -> dict[Job, Outcome | Failure]:
    """Return the results that are stored."""
    return {job: found for job in jobs if (found := store.find(job)) is not None}


def laid_out(declared: Protocol, inputs: Inputs, explored: Explored) -> Prepared:
    """Return a protocol laid out, with the contestants that its strategies have found so far.

    Parameters
    ----------
    declared : Protocol
        As it was written.
    inputs : Inputs
        Of that protocol.
    explored : Explored
        What strategies have found.
    """
    protocol, inputs = exploration.confirmed(declared, inputs, explored)
    laid = roles.lay_out(protocol)
    if protocol.measure is not None:
        trainings = _measurements(protocol, inputs)
        return Prepared(protocol, inputs, laid, {}, trainings, _rules(protocol, {}), declared, explored)
    drawn = {repeat.split_number: repeat.split for repeat in laid}
    parts = {
        by: tuple(roles.draw(protocol, inputs.configurations, replace(split, by=by)) for split in drawn.values())
        for by in protocol.ways
    }
    _check_observations(protocol, parts)
    return Prepared(
        protocol=protocol,
        inputs=inputs,
        repeats=laid,
        parts=parts,
        trainings=_trainings(protocol, laid, inputs, parts),
        rules=_rules(protocol, parts),
        declared=declared,
        explored=explored,
    )


def learned(variant: Variant, part: splits.Parts) -> int:
    """Return how many training configurations of a split a contestant learns from."""
    if variant.train_share is not None:
        return round(variant.train_share * len(part.train))
    return len(part.train) if variant.observations is None else variant.observations


def _check_observations(protocol: Protocol, parts: Mapping[SplitBy, tuple[splits.Parts, ...]]) -> None:
    """Refuse a contestant that would learn from more configurations than a split trains on, or from next to none."""
    for variant in protocol.variants:
        for part in parts[variant.split_by]:
            count, key = learned(variant, part), "observations" if variant.train_share is None else "train_share"
            if not LEAST <= count <= len(part.train):
                raise ProtocolError(
                    f"{protocol.where_of(variant.name, key)}: '{variant.name}' would learn from {count} "
                    f"configurations, and a split of these data trains on {len(part.train)}; expected {LEAST} to "
                    f"{len(part.train)}."
                )


def check_design(protocol: Protocol) -> None:
    """Refuse a test that the design or the correction does not allow, or that could never reject at so many repeats.

    A margin that says nothing, or that the test cannot judge, is refused as well. So is what the protocol's
    quick version has of this; that rejects nothing, so that it may have any number of repeats.

    Raises
    ------
    ProtocolError
        With the protocol's line.
    """
    _check_design(protocol)
    if (shorter := quick_version(protocol)) is not None:
        try:
            _check_design(shorter)
        except ProtocolError as error:
            raise ProtocolError(f"{REFUSED} {error}") from None


def _check_design(protocol: Protocol) -> None:
    analysis, design = protocol.analysis, protocol.split.design
    try:
        compare.require_allowed(analysis.test, design)
        if not protocol.quick:
            compare.require_reachable(
                analysis.test, protocol.units, len(protocol.family), analysis.correction, analysis.alpha
            )
    except StatisticsError as error:
        raise ProtocolError(f"{protocol.origin.where('analysis', 'test')}: {error}") from None
    try:
        compare.require_together(analysis.test, analysis.correction)
    except StatisticsError as error:
        raise ProtocolError(f"{protocol.origin.where('analysis', 'correction')}: {error}") from None
    _check_margin(analysis.margin, analysis.test, protocol.origin.where("analysis", "margin"))
    for number, entry in enumerate(analysis.co_primary):
        place = protocol.origin.where("analysis", "co_primary", number, "margin")
        _check_margin(entry.margin, analysis.test, place)


def _check_margin(written: float | str | None, test: str, place: str) -> None:
    try:
        if written is not None:
            require_measurable(Margin.parse(written), test)
    except StatisticsError as error:
        raise ProtocolError(f"{place}: {error}") from None


def _margin(protocol: Protocol) -> Margin | None:
    written = protocol.analysis.margin
    return None if written is None else Margin.parse(written)


def test_to_train(
    protocol: Protocol, parts: Mapping[SplitBy, tuple[splits.Parts, ...]], pair: tuple[str, ...]
) -> float:
    """Return n_test/n_train for the Nadeau-Bengio test of a pair, counted in blocks, the mean over its splits.

    Blocks are what a split draws, and the frames of one block are near copies: a hundred of them are hardly more than
    one independent configuration. Where all blocks are of one size, this is the ratio of the frames. A split by frame
    or by state draws frames or groups, and these are counted.

    Where the two learn from different numbers of configurations, or are split in different ways, it is the larger one
    of the two ratios: it stands for how much of the noise is common to all splits, a learner of fewer configurations
    depends more on those it was given, and the larger ratio gives the wider interval. Fewer configurations count as
    blocks in proportion.
    """

    def ratio(variant: Variant, part: splits.Parts) -> float:
        return part.test_units / (part.train_units * learned(variant, part) / len(part.train))

    both = [protocol.contestant(name) for name in pair]
    ratios = [[ratio(variant, part) for part in parts[variant.split_by]] for variant in both]
    return float(np.mean(np.max(ratios, axis=0)))


def _check_installed(protocol: Protocol) -> None:
    """Refuse a model whose library only an extra brings, where it is not installed."""
    for variant in protocol.variants:
        model = None if variant.model is None else protocol.models[variant.model]
        if isinstance(model, Hdnn) and isinstance(model.optimizer, KerasAdam) and find_spec("tensorflow") is None:
            where = protocol.origin.where("models", str(variant.model), "optimizer")
            raise ProtocolError(
                f"{where}: keras-adam is Keras's own and needs TensorFlow, which is not installed; "
                "`pip install bpbench[keras]` brings it, or name the optimizer adam."
            )


def _check_elements(protocol: Protocol, inputs: Inputs) -> None:
    """Refuse a potential that does not know an element of the data, and Keras where there are several."""
    if not isinstance(inputs.configurations, Frames):
        return
    present = inputs.configurations.elements
    for name in dict.fromkeys(variant.model for variant in protocol.variants):
        model = None if name is None else protocol.models[name]
        if isinstance(model, Hdnn) and isinstance(model.optimizer, KerasAdam) and len(present) > 1:
            raise ProtocolError(
                f"{protocol.origin.where('models', str(name), 'optimizer')}: keras-adam trains one element, and the "
                f"data hold {', '.join(present)}; name the optimizer adam or kalman."
            )
        if isinstance(model, N2p2):
            known = imported.read(model).elements
            if strange := [element for element in present if element not in known]:
                raise ProtocolError(
                    f"{protocol.origin.where('models', str(name))}: the potential knows {', '.join(known)}, and the "
                    f"data hold {', '.join(strange)}; give it frames of its own elements."
                )


def _rules(protocol: Protocol, parts: Mapping[SplitBy, tuple[splits.Parts, ...]]) -> Rules:
    analysis = protocol.analysis
    # What the design detects anywhere is what its hardest pair shows.
    overlapping = parts and analysis.test == "nadeau-bengio"
    ratios = [test_to_train(protocol, parts, pair) for pair in protocol.family] if overlapping else []
    return Rules(
        test=analysis.test,
        design=protocol.split.design,
        correction=analysis.correction,
        alpha=analysis.alpha,
        margin=_margin(protocol),
        power=analysis.power,
        lower_is_better=metrics.metric(analysis.metric).lower_is_better,
        test_to_train=max(ratios, default=None),
        seed=seed(protocol.seed, "analysis"),
    )


def _measurements(protocol: Protocol, inputs: Inputs) -> dict[tuple[str, int], TimeDescribe]:
    assert protocol.measure is not None
    assert isinstance(inputs.make, MakeFrames)
    sets = {variant.name: inputs.sets[variant.set] for variant in protocol.variants}
    return timing.lay_out(
        inputs.make,
        {name: chosen for name, chosen in sets.items() if isinstance(chosen, FeatureSet)},
        frames=protocol.measure.frames,
        of=len(inputs.configurations),
        rounds=protocol.repeat_count,
        root=protocol.seed,
    )


def _trainings(
    protocol: Protocol,
    repeats: tuple[Repeat, ...],
    inputs: Inputs,
    parts: Mapping[SplitBy, tuple[splits.Parts, ...]],
) -> dict[tuple[str, int], Train]:
    """Return the training of every repeat of each contestant; what several have in common is one object."""
    ways = {by: [replace(repeat.split, by=by) for repeat in repeats] for by in parts}
    scored, made = protocol.scores_forces, {}
    for variant in protocol.variants:
        assert variant.model is not None  # the protocol was refused otherwise
        model, chosen = protocol.models[variant.model], inputs.sets[variant.set]
        random = roles.drawn(model)
        # All of them, however they were asked for, are one training.
        counts = [(learned(variant, part), len(part.train)) for part in parts[variant.split_by]]
        observations = [None if count == every else count for count, every in counts]
        alike = partial(
            Train,
            frames=inputs.make,
            pool=() if isinstance(model, Foreign) else inputs.pool_of(variant.set),
            functions=chosen.functions,
            model=model,
            score_forces=scored and protocol.has_forces(variant),
            centres=chosen.centres if isinstance(chosen, FeatureSet) else (),
        )
        for repeat, split in zip(repeats, ways[variant.split_by], strict=True):
            made[variant.name, repeat.number] = alike(
                split=split,
                weights_seed=repeat.weights_seed if "weights" in random else 0,
                order_seed=repeat.order_seed if "order" in random else 0,
                observations=observations[repeat.split_number],
                rerun=repeat.rerun,
            )
    return made

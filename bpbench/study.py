"""The story of one run, read top to bottom: a protocol becomes jobs, results, judgements and findings.

:func:`prepare` reads the frames and lays out every job, :func:`conduct` runs them and judges. :mod:`bpbench.planning`
says before what that would cost and could show. :mod:`bpbench.findings` then says everything a report may use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from bpbench import exploration, metrics, roles
from bpbench.data import splits
from bpbench.data.frames import Configurations
from bpbench.errors import ProtocolError, StatisticsError
from bpbench.exploration import Explored
from bpbench.features import FeatureSet
from bpbench.identity import address, digest, plain, seed
from bpbench.inputs import Inputs, lay_out
from bpbench.jobs import (
    FrameSource,
    Hdnn,
    Job,
    KerasAdam,
    MakeFrames,
    SplitBy,
    TableSource,
    TimeDescribe,
    Train,
)
from bpbench.models.scaling import LEAST
from bpbench.protocol import Protocol, Variant
from bpbench.roles import Repeat
from bpbench.runner import execute, timing
from bpbench.runner.execute import Executed, Failure, Watcher
from bpbench.runner.store import Outcome, Store
from bpbench.statistics import compare, power
from bpbench.statistics.compare import Comparison, Pair, Rules
from bpbench.statistics.corrections import first_step_alpha
from bpbench.statistics.margins import Margin, require_measurable
from bpbench.statistics.samples import Sample
from bpbench.statistics.slots import Slot


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
    """

    protocol: Protocol
    inputs: Inputs
    repeats: tuple[Repeat, ...]
    parts: Mapping[SplitBy, tuple[splits.Parts, ...]]
    trainings: Mapping[tuple[str, int], Train | TimeDescribe]
    rules: Rules
    declared: Protocol
    explored: Explored

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
        tables = [plain(table.source) for name, table in self.inputs.tables.items() if name in self.declared.sets]
        return digest([plain(self.declared), plain(self.source), *tables])

    @property
    def folder(self) -> str:
        """Name of the report's folder."""
        return f"{self.protocol.name}-{self.digest[:10]}"


@dataclass(frozen=True, slots=True)
class Study:
    """A conducted study: what was prepared, what came of it."""

    prepared: Prepared
    results: dict[tuple[str, int], Outcome | Failure]
    comparisons: tuple[Comparison, ...]
    chosen_after: int
    executed: Executed
    agreements: dict[str, Outcome | Failure]

    @property
    def complete(self) -> bool:
        """Whether every training has a score, and every search came to its end."""
        return self.prepared.explored.complete and all(_scores(result) is not None for result in self.results.values())


# ------------------------------------------------------------------------------------------------- before it runs


def prepare(protocol: Protocol, store: Store) -> Prepared:
    """Read and check the data, draw the splits and lay out the jobs; nothing is written.

    Parameters
    ----------
    protocol : Protocol
        What is compared.
    store : Store
        Looked into for frames already read.

    Raises
    ------
    RequestError
        When the data, the design or the analysis cannot work, before anything has run.
    """
    check_design(protocol)
    _check_installed(protocol)
    inputs = lay_out(protocol, store)
    laid = exploration.lay_out(protocol, inputs)
    return _prepared(protocol, protocol, inputs, exploration.explore(laid, partial(_stored, store)))


def _stored(store: Store, jobs: list[Job]) -> dict[Job, Outcome | Failure]:
    """Return the results that are stored."""
    return {job: store.load(job) for job in jobs if store.has(job)}


def _prepared(declared: Protocol, protocol: Protocol, inputs: Inputs, explored: Explored) -> Prepared:
    """Return a protocol laid out, with the contestants that its strategies have found so far."""
    protocol, inputs = exploration.confirmed(protocol, inputs, explored)
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
        trainings={
            (variant.name, repeat.number): _training(
                protocol, variant, repeat, inputs, parts[variant.split_by][repeat.split_number]
            )
            for variant in protocol.variants
            for repeat in laid
        },
        rules=_rules(protocol, parts),
        declared=declared,
        explored=explored,
    )


def _explore(prepared: Prepared, run: Callable[[list[Job]], Executed], store: Store) -> Prepared:
    """Let strategies search to their ends, and return the study with the contestants that they found."""

    def answer(jobs: list[Job]) -> dict[Job, Outcome | Failure]:
        executed = run(jobs)
        return {job: executed.failures[job] if job in executed.failures else store.load(job) for job in jobs}

    explored = exploration.explore(prepared.explored.laid, answer)
    declared = {name: chosen for name, chosen in prepared.inputs.sets.items() if name in prepared.declared.sets}
    tables = {name: table for name, table in prepared.inputs.tables.items() if name in prepared.declared.sets}
    inputs = replace(prepared.inputs, sets=declared, tables=tables)
    return _prepared(prepared.declared, prepared.declared, inputs, explored)


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

    A margin that says nothing, or that the test cannot judge, is refused as well.

    Raises
    ------
    ProtocolError
        With the protocol's line.
    """
    analysis, design = protocol.analysis, protocol.split.design
    try:
        compare.require_allowed(analysis.test, design)
        compare.require_reachable(
            analysis.test, protocol.units, len(protocol.family), analysis.correction, analysis.alpha
        )
    except StatisticsError as error:
        raise ProtocolError(f"{protocol.origin.where('analysis', 'test')}: {error}") from None
    try:
        compare.require_together(analysis.test, analysis.correction)
    except StatisticsError as error:
        raise ProtocolError(f"{protocol.origin.where('analysis', 'correction')}: {error}") from None
    try:
        if (margin := _margin(protocol)) is not None:
            require_measurable(margin, analysis.test)
    except StatisticsError as error:
        raise ProtocolError(f"{protocol.origin.where('analysis', 'margin')}: {error}") from None


def _margin(protocol: Protocol) -> Margin | None:
    written = protocol.analysis.margin
    return None if written is None else Margin.parse(written)


def _test_to_train(
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


def _rules(protocol: Protocol, parts: Mapping[SplitBy, tuple[splits.Parts, ...]]) -> Rules:
    analysis = protocol.analysis
    # What the design detects anywhere is what its hardest pair shows.
    overlapping = parts and analysis.test == "nadeau-bengio"
    ratios = [_test_to_train(protocol, parts, pair) for pair in protocol.family] if overlapping else []
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


def _training(protocol: Protocol, variant: Variant, repeat: Repeat, inputs: Inputs, part: splits.Parts) -> Train:
    assert variant.model is not None  # the protocol was refused otherwise
    model = protocol.models[variant.model]
    count = learned(variant, part)
    random = roles.drawn(model)
    return Train(
        frames=inputs.make,
        pool=inputs.pool_of(variant.set),
        functions=inputs.sets[variant.set].functions,
        model=model,
        split=replace(repeat.split, by=variant.split_by),
        weights_seed=repeat.weights_seed if "weights" in random else 0,
        order_seed=repeat.order_seed if "order" in random else 0,
        # All of them, however they were asked for, are one training.
        observations=None if count == len(part.train) else count,
        rerun=repeat.rerun,
    )


# --------------------------------------------------------------------------------------------------------- the run


def conduct(prepared: Prepared, store: Store, *, workers: int = 1, watcher: Watcher | None = None) -> Study:
    """Run what is missing, load what is stored, and judge.

    Parameters
    ----------
    prepared : Prepared
        From :func:`prepare`.
    store : Store
        Where results are and go.
    workers : int
        Processes that work at once.
    watcher : Watcher, optional
        Told how it goes.
    """
    executed = Executed(0, 0, {}, {})
    with execute.Staff(workers) as staff:

        def run(jobs: list[Job]) -> Executed:
            nonlocal executed
            went = execute.execute(jobs, store, watcher=watcher, staff=staff)
            executed += went
            return went

        if not prepared.explored.complete:
            prepared = _explore(prepared, run, store)
        existing = max(_seen(prepared, store, pair) for pair in prepared.protocol.family)
        chosen_after = store.declare(*_declaration(prepared), existing)
        run(prepared.jobs)
    results: dict[tuple[str, int], Outcome | Failure] = {
        key: executed.failures[job] if job in executed.failures else store.load(job)
        for key, job in prepared.trainings.items()
    }
    comparisons = _given_roles(prepared, compare.judge(pairs(prepared, results), prepared.rules))
    agreements = {
        name: executed.failures[job] if job in executed.failures else store.load(job)
        for name, job in prepared.inputs.agreements.items()
    }
    return Study(prepared, results, comparisons, chosen_after, executed, agreements)


def _seen(prepared: Prepared, store: Store, pair: tuple[str, str]) -> int:
    """Return how many different results of a comparison are stored on both its sides; copies count once."""
    if any((name, 0) not in prepared.trainings for name in pair):
        return 0  # a strategy that has found nothing
    both = {tuple(prepared.trainings[name, repeat.number] for name in pair) for repeat in prepared.repeats}
    return sum(all(map(store.has, jobs)) for jobs in both)


def _given_roles(prepared: Prepared, comparisons: tuple[Comparison, ...]) -> tuple[Comparison, ...]:
    """Say beside each comparison that all splits share their seeds, where repeats are given by role."""
    if prepared.protocol.roles is None:
        return comparisons
    shared = (
        "Every split is trained from the same initial weights and in the same batch orders, so the claim holds given "
        "these as well: others may shift all splits together."
    )
    return tuple(
        comparison if comparison.p is None else replace(comparison, remarks=(*comparison.remarks, shared))
        for comparison in comparisons
    )


def _declaration(prepared: Prepared) -> tuple[str, str]:
    """Return the keys under which the analysis was declared: what is compared, and how it is judged."""
    protocol = prepared.protocol
    rule = [plain(protocol.analysis), [list(pair) for pair in protocol.family], protocol.repeats]
    names = sorted({name for pair in protocol.family for name in pair})
    what = [address(prepared.trainings[name, 0]) for name in names if (name, 0) in prepared.trainings]
    return digest(what), digest(rule)


def _scores(result: Outcome | Failure | None) -> dict[str, Any] | None:
    if isinstance(result, Outcome) and result.values["status"] == "done":
        scores: dict[str, Any] = result.values["scores"]
        return scores
    return None


def status(result: Outcome | Failure | None) -> str:
    """Return what became of a training: ``done``, ``diverged``, ``failed`` or ``missing``."""
    if result is None:
        return "missing"
    return "failed" if isinstance(result, Failure) else str(result.values["status"])


def _empty(prepared: Prepared, candidate: str, rival: str) -> bool:
    """Return whether a strategy's comparison says nothing of its own.

    That is so where it found nothing, found the very contestant that it is compared with, or one that another member
    of the family compares already.
    """
    if not {(candidate, 0), (rival, 0)} <= prepared.trainings.keys():
        return True
    twins, family = prepared.protocol.twins, prepared.protocol.family
    same = {name for name, other in twins.items() if other == twins.get(candidate, candidate)}
    same = (same | {twins.get(candidate, candidate)}) - {candidate}
    earlier = family[: family.index((candidate, rival))]
    return rival in same or any((name, rival) in earlier for name in same)


def pairs(prepared: Prepared, results: Any) -> list[Pair]:
    """Match the repeats of each comparison by number; only those finished on both sides count, the others are told."""
    key, part = prepared.protocol.analysis.metric, prepared.part
    slots = prepared.protocol.slots
    pairs = []
    for candidate, baseline in prepared.protocol.family:
        if candidate in slots and _empty(prepared, candidate, baseline):
            pairs.append(Pair(candidate, baseline, None, None, slot=Slot(candidate, None)))
            continue
        both: list[tuple[float, float, int]] = []
        finished = []
        gone = {"missing": 0, "candidate": 0, "baseline": 0}
        for repeat in prepared.repeats:
            ours, theirs = (results.get((name, repeat.number)) for name in (candidate, baseline))
            our_scores, their_scores = _scores(ours), _scores(theirs)
            if our_scores is not None and their_scores is not None:
                both.append((our_scores[part][key], their_scores[part][key], repeat.split_number))
                finished.append(repeat.number)
            gone["candidate"] += status(ours) == "diverged"
            gone["baseline"] += status(theirs) == "diverged"
            gone["missing"] += bool({status(ours), status(theirs)} & {"missing", "failed"})
        sides: tuple[Sample | None, Sample | None] = (None, None)
        if both:
            columns = np.array(both)
            numbers = columns[:, 2].astype(np.int64)
            sides = (Sample(columns[:, 0].copy(), numbers), Sample(columns[:, 1].copy(), numbers))
        pairs.append(
            Pair(
                candidate=candidate,
                baseline=baseline,
                candidate_sample=sides[0],
                baseline_sample=sides[1],
                missing=gone["missing"],
                diverged_candidate=gone["candidate"],
                diverged_baseline=gone["baseline"],
                test_to_train=_test_to_train(prepared.protocol, prepared.parts, (candidate, baseline))
                if prepared.rules.test == "nadeau-bengio"
                else None,
                numbers=tuple(finished),
            )
        )
    return pairs

"""The story of one run, read top to bottom: a protocol becomes jobs, results, judgements and findings.

:func:`~bpbench.prepared.prepare` reads the frames and lays out every job. :func:`conduct` lets strategies search, runs
what they found beside what was declared, and judges. :mod:`bpbench.planning` says before what that would cost and could
show. :mod:`bpbench.findings` then says everything a report may use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from bpbench import declarations, exploration
from bpbench.errors import DamagedError, EngineError
from bpbench.jobs import Job
from bpbench.prepared import Prepared, check_design, laid_out, learned, prepare, test_to_train
from bpbench.runner import execute, graph
from bpbench.runner.engine import HERE, Engine
from bpbench.runner.executed import Executed, Failure, Silent, Watcher
from bpbench.runner.registry import Enrolled
from bpbench.runner.staff import Staff
from bpbench.runner.store import Outcome, Store
from bpbench.statistics import compare
from bpbench.statistics.compare import Comparison, Pair, Rules
from bpbench.statistics.samples import Sample
from bpbench.statistics.slots import Slot
from bpbench.statistics.unjudged import unjudged
from bpbench.winner import Winner, choose

__all__ = [
    "QUICK",
    "Carried",
    "Prepared",
    "Study",
    "carry_out",
    "check_design",
    "conduct",
    "damaged",
    "learned",
    "matched",
    "pairs",
    "prepare",
    "require_allowed",
    "status",
]

#: Why the quick version of a protocol has no verdict.
QUICK: Final = (
    "A quick run proves the path from protocol to report and decides nothing; run it without --quick for a verdict."
)


#: Has jobs made as far as they are missing.
Run = Callable[[list[Job]], Executed]
#: Why a job has no result when the time that a run may take is over.
LATE: Final = "It was not started, as the time was up."


@dataclass(frozen=True, slots=True)
class Study:
    """A conducted study: what was prepared, what came of it.

    Attributes
    ----------
    prepared : Prepared
        With the contestants that strategies found.
    results : dict
        By contestant and repeat.
    comparisons : tuple of Comparison
        In the order of the family.
    chosen_after : int
        Repeats that existed when this analysis was declared first.
    executed : Executed
        How the jobs went.
    agreements : dict
        By the name of a table's set.
    searched_before : int
        Other searches whose winners this reserve had confirmed when this one was declared first.
    co_primary : dict of str to tuple of Comparison
        The same comparisons by each further metric, by its key.
    winner : Winner or None
        Whose potentials were probed, where the protocol asks for it.
    probed : dict
        By the job that asked.
    """

    prepared: Prepared
    results: dict[tuple[str, int], Outcome | Failure]
    comparisons: tuple[Comparison, ...]
    chosen_after: int
    executed: Executed
    agreements: dict[str, Outcome | Failure]
    searched_before: int = 0
    co_primary: dict[str, tuple[Comparison, ...]] = field(default_factory=dict)
    winner: Winner | None = None
    probed: Mapping[Job, Outcome | Failure] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every training has a score, and every search came to its end."""
        return self.prepared.explored.complete and all(
            _scores(self.results.get(key)) is not None for key in self.prepared.trainings
        )

    @property
    def unanswered(self) -> int:
        """How many questions to the winner's potentials failed; a run that flies off is an answer."""
        return sum(isinstance(answer, Failure) for answer in self.probed.values())


# --------------------------------------------------------------------------------------------------------- the run


@dataclass(frozen=True, slots=True)
class Carried:
    """What came of the trainings of some contestants, or of all.

    Attributes
    ----------
    prepared : Prepared
        With the contestants that strategies found.
    results : dict
        By contestant and repeat.
    executed : Executed
        How the jobs went.
    """

    prepared: Prepared
    results: dict[tuple[str, int], Outcome | Failure]
    executed: Executed


def carry_out(
    prepared: Prepared,
    store: Store,
    wanted: Callable[[Prepared], list[Job]],
    *,
    engine: Engine = HERE,
    watcher: Watcher | None = None,
    among: list[Job] | None = None,
) -> Carried:
    """Let strategies search to their ends, then run what is missing of what is wanted; nothing is judged.

    Parameters
    ----------
    prepared : Prepared
        From :func:`prepare`.
    store : Store
        Where results are and go.
    wanted : callable
        Gives the jobs, once it is known what strategies found and before any of them runs.
    among : list of Job, optional
        Jobs of which none may need leave that was not given, where that is known beforehand; by default all.
    engine : Engine
        Where jobs run.
    watcher : Watcher, optional
        Told how it goes.
    """
    executed = Executed(0, 0, {}, {})
    require_allowed(prepared, store, among)
    with store.driving(), Staff(engine) as staff:

        def run(jobs: list[Job]) -> Executed:
            nonlocal executed
            went = execute.execute(jobs, store, watcher=watcher, staff=staff, allow_commands=prepared.allow_commands)
            executed += went
            return went

        def ask(jobs: list[Job]) -> Executed:
            enrol(prepared, store, jobs)
            return run(jobs)

        enrol(prepared, store, prepared.jobs)
        if not prepared.explored.complete:
            prepared = _explore(prepared, ask, store, watcher)
            enrol(prepared, store, prepared.jobs)
        asked = wanted(prepared)
        run([job for job in asked if job not in executed.failures])  # what failed is not tried twice
        # of what was asked nothing is left out, even where its result has vanished since: it is made again
        answered = {*asked, *executed.failures, *executed.left}
        results = {
            key: _answer(job, executed, store, run, watcher)
            for key, job in prepared.trainings.items()
            if job in answered or store.has(job)
        }
    return Carried(prepared, results, executed)


def enrol(prepared: Prepared, store: Store, jobs: Sequence[Job], *, whole: bool = False) -> None:
    """Note in a store that a study needs the results of some jobs, and of those that they need in turn.

    Parameters
    ----------
    prepared : Prepared
        The study.
    store : Store
        Where the results are and go.
    jobs : sequence of Job
        What it is known to need by now.
    whole : bool
        Whether that is all.
    """
    protocol = prepared.protocol
    needed = frozenset(graph.needed(jobs))
    study = Enrolled(prepared.digest, protocol.name, str(protocol.origin.file), protocol.quick, jobs=needed)
    store.enrol(study, whole=whole)


def damaged(prepared: Prepared, store: Store) -> Iterator[DamagedError]:
    """Look through all stored results of a study, and yield what is wrong with each that turns out damaged.

    Parameters
    ----------
    prepared : Prepared
        From :func:`prepare`.
    store : Store
        Where results are; what is damaged is moved aside there.
    """
    for job in prepared.jobs:
        try:
            if store.has(job):
                arrays = store.load(job).arrays
                for name in arrays:
                    arrays[name]
        except DamagedError as error:
            yield error


def require_allowed(prepared: Prepared, store: Store, among: list[Job] | None = None) -> None:
    """Refuse a study that would run a program which its protocol names, if that was not allowed.

    Parameters
    ----------
    prepared, store, among
        As in :func:`carry_out`.

    Raises
    ------
    RequestError
        With the programs; nothing was started.
    """
    if not prepared.allow_commands:
        execute.refuse_commands(graph.missing(prepared.jobs if among is None else among, store))


def conduct(prepared: Prepared, store: Store, *, engine: Engine = HERE, watcher: Watcher | None = None) -> Study:
    """Run what is missing, load what is stored, and judge; a quick version is not judged, and declares nothing.

    What the winner's potential is asked besides comes last, as nobody knows before who that is.

    Parameters
    ----------
    prepared, store, engine, watcher
        As in :func:`carry_out`.
    """
    with store.driving():
        study = _conduct(prepared, store, engine, watcher)
        enrol(study.prepared, store, [*study.prepared.jobs, *study.probed], whole=study.complete)
    return study


def _conduct(prepared: Prepared, store: Store, engine: Engine, watcher: Watcher | None) -> Study:
    chosen_after = searched_before = 0

    def everything(found: Prepared) -> list[Job]:
        nonlocal chosen_after, searched_before
        if not found.protocol.quick:
            chosen_after = declarations.analysis(found, store)
            searched_before = declarations.searches(found, store)
        return found.jobs

    carried = carry_out(prepared, store, everything, engine=engine, watcher=watcher)
    prepared, results, executed = carried.prepared, carried.results, carried.executed
    comparisons = _judged(prepared, results, prepared.protocol.analysis.metric, prepared.rules)
    co_primary = {key: _judged(prepared, results, key, rules) for key, rules in prepared.co_primary.items()}

    def run(jobs: list[Job]) -> Executed:
        return execute.execute(jobs, store, engine=engine, watcher=watcher, allow_commands=prepared.allow_commands)

    agreements = {name: _answer(job, executed, store, run, watcher) for name, job in prepared.inputs.agreements.items()}
    winner = choose(prepared, results)
    asked: list[Job] = [] if winner is None else list(winner.jobs)
    if asked:
        enrol(prepared, store, asked)
        before = [job for job in prepared.jobs if job not in executed.failures]  # counted as loaded, or as made before
        executed += run([*before, *asked])
    probed = {job: _answer(job, executed, store, run, watcher) for job in asked}
    return Study(
        prepared,
        results,
        comparisons,
        chosen_after,
        executed,
        agreements,
        searched_before,
        co_primary,
        winner,
        probed,
    )


def _answer(job: Job, executed: Executed, store: Store, run: Run, watcher: Watcher | None) -> Outcome | Failure:
    """Return what came of a job, be it that it was not started; what turns out damaged now is made again."""
    for _ in range(execute.REMADE):
        if job in executed.failures:
            return executed.failures[job]
        if job in executed.left:
            return Failure(LATE)
        try:
            return store.load(job)
        except DamagedError as error:
            (watcher or Silent()).note(str(error))
            executed = run([job])
    return executed.failures[job] if job in executed.failures else store.load(job)


def _judged(prepared: Prepared, results: Any, metric: str, rules: Rules) -> tuple[Comparison, ...]:
    comparisons = _given_roles(prepared, compare.judge(pairs(prepared, results, metric), rules))
    if prepared.protocol.quick:
        return tuple(unjudged(comparison, QUICK) for comparison in comparisons)
    return comparisons


def _explore(prepared: Prepared, run: Run, store: Store, watcher: Watcher | None) -> Prepared:
    """Let strategies search to their ends, and return the study with the contestants that they found."""

    def answer(jobs: list[Job]) -> dict[Job, Outcome | Failure]:
        executed = run(jobs)
        if executed.left:
            raise EngineError(
                "The time was up before every search had ended. What is done is stored; the same command goes on from "
                "there."
            )
        return {job: _answer(job, executed, store, run, watcher) for job in jobs}

    explored = exploration.explore(prepared.explored.laid, answer)
    declared = {name: chosen for name, chosen in prepared.inputs.sets.items() if name in prepared.declared.sets}
    tables = {name: table for name, table in prepared.inputs.tables.items() if name in prepared.declared.sets}
    inputs = replace(prepared.inputs, sets=declared, tables=tables)
    return replace(laid_out(prepared.declared, inputs, explored), allow_commands=prepared.allow_commands)


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


def pairs(prepared: Prepared, results: Any, metric: str | None = None) -> list[Pair]:
    """Match the repeats of each comparison by number; only those finished on both sides count, the others are told.

    Parameters
    ----------
    prepared, results
        As for :func:`matched`.
    metric : str, optional
        Key of a score; that of the analysis by default.
    """
    made = []
    for candidate, baseline in prepared.protocol.family:
        if candidate in prepared.protocol.slots and _empty(prepared, candidate, baseline):
            made.append(Pair(candidate, baseline, None, None, slot=Slot(candidate, None)))
        else:
            made.append(matched(prepared, results, candidate, baseline, metric))
    return made


def matched(prepared: Prepared, results: Any, candidate: str, baseline: str, metric: str | None = None) -> Pair:
    """Return two contestants as a pair, matched by repeat.

    Parameters
    ----------
    prepared : Prepared
        The study.
    results : dict
        By contestant and repeat, as far as there are any.
    candidate, baseline : str
        Names of contestants, of the family or not.
    metric : str, optional
        Key of a score; that of the analysis by default.
    """
    key, part = metric or prepared.protocol.analysis.metric, prepared.part
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
    overlap = prepared.rules.test == "nadeau-bengio"
    return Pair(
        candidate=candidate,
        baseline=baseline,
        candidate_sample=sides[0],
        baseline_sample=sides[1],
        missing=gone["missing"],
        diverged_candidate=gone["candidate"],
        diverged_baseline=gone["baseline"],
        test_to_train=test_to_train(prepared.protocol, prepared.parts, (candidate, baseline)) if overlap else None,
        numbers=tuple(finished),
    )

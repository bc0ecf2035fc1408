"""Phase *explore*: strategies search, each on its own ground, and what they find becomes a contestant like any other.

A search asks for trainings and is sent their results (:mod:`bpbench.selection`). All searches of a study ask at the
same time, so that many trainings are at hand for every process. Their results are stored like any others: to explore
again is to ask again and to be answered from the store, which is how a study that was killed goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

from bpbench import roles
from bpbench.cuts import chain, cut
from bpbench.data.frames import Frames
from bpbench.declared import Cut, Variant
from bpbench.descriptors.operations import operations
from bpbench.descriptors.values import neighbours_per_atom
from bpbench.errors import FeatureError, ProtocolError, StatisticsError
from bpbench.features import Column, Feature
from bpbench.identity import seed
from bpbench.inputs import Inputs
from bpbench.jobs import Describe, Job, ModelSpec, ReadTable, Train, predicts_forces
from bpbench.metrics import metric
from bpbench.protocol import Protocol
from bpbench.runner.executed import Failure
from bpbench.runner.store import Outcome
from bpbench.selection import at_most, importances, search
from bpbench.selection.ground import Ground, Search
from bpbench.selection.trace import Chosen, Labelled, Trace
from bpbench.statistics.margins import Margin
from bpbench.strategies import ByWeight, Smallest, Strategy, best_of

#: A strategy and the number of an outer split.
Key = tuple[str, int]
#: Gives the results of jobs, as far as there are any.
Answer = Callable[[list[Job]], Mapping[Job, Outcome | Failure]]


@dataclass(frozen=True, slots=True)
class Laid:
    """A strategy laid out.

    Attributes
    ----------
    spec : Strategy
        What the protocol says.
    grounds : tuple of Ground
        One for each outer split; the winner comes from the first.
    at_most : int
        Trainings that one of these searches asks for at most.
    importances : int
        How many times it asks besides how much inputs matter.
    candidates : tuple of (str, tuple of int)
        The declared sets among which the smallest is looked for.
    """

    spec: Strategy
    grounds: tuple[Ground, ...]
    at_most: int
    importances: int = 0
    candidates: tuple[Labelled, ...] = ()

    @property
    def functions(self) -> tuple[Feature | Column, ...]:
        """The pool that is chosen from."""
        return self.grounds[0].functions


@dataclass(frozen=True, slots=True)
class Explored:
    """What came of all searches, so far.

    Attributes
    ----------
    laid : dict of str to Laid
        The strategies by name.
    traces : dict of (str, int) to Trace
        Searches that ended, by strategy and outer split.
    asked : dict of (str, int) to tuple of Job
        What each search has asked for, each job once.
    open : dict of (str, int) to tuple of Job
        What searches wait for that have not ended.
    broken : dict of (str, int) to str
        Why searches could not go on: a training failed.
    """

    laid: Mapping[str, Laid]
    traces: Mapping[tuple[str, int], Trace] = field(default_factory=dict)
    asked: Mapping[tuple[str, int], tuple[Job, ...]] = field(default_factory=dict)
    open: Mapping[tuple[str, int], tuple[Job, ...]] = field(default_factory=dict)
    broken: Mapping[tuple[str, int], str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every search has ended."""
        return not self.open and not self.broken

    @property
    def jobs(self) -> list[Job]:
        """Everything that was asked for, each once."""
        return list(dict.fromkeys(job for jobs in self.asked.values() for job in jobs))

    def trainings(self, key: Key) -> int:
        """Return how many trainings a search has asked for so far; other questions are asked of their results."""
        return sum(isinstance(job, Train) for job in self.asked.get(key, ()))

    def left_at_most(self, key: Key) -> int:
        """Return how many trainings a search may still ask for, at most, beside those that it has asked for."""
        if key in self.traces or key in self.broken:
            return 0
        return max(0, self.laid[key[0]].at_most - self.trainings(key))


# --------------------------------------------------------------------------------------------- before it runs


def lay_out(protocol: Protocol, inputs: Inputs) -> dict[str, Laid]:
    """Return every strategy with the ground it stands on; nothing runs.

    Parameters
    ----------
    protocol : Protocol
        With its strategies.
    inputs : Inputs
        Data and sets.

    Raises
    ------
    ProtocolError
        When a strategy could never work on its set.
    DataError
        When the data are too few to explore beside the reserve.
    """
    made: dict[str, Laid] = {}
    near = crowd(inputs) if protocol.strategies else 0.0
    for name, spec in protocol.strategies.items():
        where = protocol.origin.where("strategies", name)
        try:
            functions, pool = _pool(spec, inputs, made)
            outer = 1 if isinstance(spec, Smallest) else spec.outer
            base = (functions, pool, _counted(functions, near))
            grounds = tuple(_ground(protocol, name, base, inputs, number) for number in range(outer))
            place = {function: number for number, function in enumerate(functions)}
            named = spec.sets if isinstance(spec, Smallest) else ()
            candidates = tuple(
                (key, tuple(sorted(place[function] for function in inputs.sets[key].functions))) for key in named
            )
            many = len(candidates) + len(spec.strategies) if isinstance(spec, Smallest) else 0
            asks = at_most(spec, grounds[0], many), importances(spec, grounds[0])
            made[name] = Laid(spec, grounds, *asks, candidates)
        except (FeatureError, StatisticsError) as error:
            raise ProtocolError(f"{where}: {error}") from None
    return made


Pool = tuple[Describe | ReadTable, ...]


def _pool(spec: Strategy, inputs: Inputs, above: Mapping[str, Laid]) -> tuple[tuple[Feature | Column, ...], Pool]:
    """Return the functions that a strategy chooses from, and where their values come from."""
    of_sets = spec.sets if isinstance(spec, Smallest) else (spec.set,)
    for name in of_sets:
        if getattr(inputs.sets[name], "centres", ()):
            raise FeatureError(
                f"A strategy chooses among functions that describe every atom, and '{name}' has some of its own for "
                "each element; name a set without by_element, such as a preset."
            )
    if not isinstance(spec, Smallest):
        return inputs.sets[spec.set].functions, inputs.pool_of(spec.set)
    names = [*spec.sets, *(_set_of(above[name].spec) for name in spec.strategies)]
    pools = dict.fromkeys(inputs.pool_of(name) for name in names)
    if len(pools) > 1:
        raise FeatureError(
            "The smallest of sets is looked for among sets of one origin, and these are computed from frames or read "
            "from different tables; name sets of one kind."
        )
    functions = dict.fromkeys(function for name in names for function in inputs.sets[name].functions)
    return tuple(functions), next(iter(pools))


def _set_of(spec: Strategy) -> str:
    assert not isinstance(spec, Smallest)  # the protocol was refused otherwise
    return spec.set


def _ground(
    protocol: Protocol,
    name: str,
    base: tuple[tuple[Feature | Column, ...], Pool, Callable[[Chosen], float]],
    inputs: Inputs,
    outer: int,
) -> Ground:
    functions, pool, counted = base
    spec, explore = protocol.strategies[name], protocol.explore
    repeats = roles.exploring(protocol, outer)
    ratio = 0.0
    drawn = [roles.draw(protocol, inputs.configurations, repeat.split) for repeat in repeats]
    if explore.design == "resampled":
        ratio = float(np.mean([parts.test_units / parts.train_units for parts in drawn]))
    model = protocol.models[spec.model]
    of = spec.of if isinstance(spec, ByWeight) else None
    scale = metric(protocol.analysis.metric)

    @lru_cache(maxsize=1024)
    def taken(chosen: Chosen) -> tuple[Feature | Column, ...]:
        """Return the functions of a set: the repeats of one set share them."""
        return tuple(functions[place] for place in chosen)

    def train(chosen: Chosen, number: int, model: ModelSpec = model) -> Train:
        repeat, random = repeats[number], roles.drawn(model)
        return Train(
            frames=inputs.make,
            pool=pool,
            functions=taken(chosen),
            model=model,
            split=repeat.split,
            weights_seed=repeat.weights_seed if "weights" in random else 0,
            order_seed=repeat.order_seed if "order" in random else 0,
            score_forces=scale.of == "forces" and predicts_forces(model),
        )

    written = getattr(spec, "margin", None) or protocol.analysis.margin
    return Ground(
        functions=functions,
        train=train,
        repeats=explore.repeats,
        metric=scale.key,
        lower_is_better=scale.lower_is_better,
        test_to_train=ratio,
        margin=None if written is None else Margin.parse(written),
        alpha=protocol.analysis.alpha,
        seed=seed(protocol.seed, "explore", "strategy", name, outer),
        cost=counted,
        weigh=None if of is None else lambda number: train(tuple(range(len(functions))), number, protocol.models[of]),
    )


def _counted(functions: tuple[Feature | Column, ...], near: float) -> Callable[[Chosen], float]:
    """Return what gives the cost of a candidate: each is counted once for all outer splits, and whenever it ties."""

    @lru_cache(maxsize=4096)
    def count(chosen: Chosen) -> float:
        return cost([functions[place] for place in chosen], near)

    return count


def crowd(inputs: Inputs) -> float:
    """Return the mean number of neighbours of an atom within the largest cutoff of any set, for counting operations.

    Parameters
    ----------
    inputs : Inputs
        Frames and sets; of columns nothing is computed, and there are no neighbours.
    """
    cutoffs = [item.r_c for chosen in inputs.sets.values() for item in chosen if not isinstance(item, Column)]
    if not cutoffs or not isinstance(inputs.configurations, Frames):
        return 0.0
    return neighbours_per_atom(inputs.configurations, max(cutoffs))


def cost(functions: Iterable[Feature | Column], near: float) -> float:
    """Return the operations per atom of a set, or the number of its columns, which are computed elsewhere.

    Parameters
    ----------
    functions : iterable of Feature or Column
        The set.
    near : float
        From :func:`crowd`.
    """
    chosen = list(functions)
    computed = [function for function in chosen if not isinstance(function, Column)]
    return operations(computed, near) if len(computed) == len(chosen) else float(len(chosen))


# ---------------------------------------------------------------------------------------------------- the search


def explore(laid: Mapping[str, Laid], answer: Answer) -> Explored:
    """Let every strategy search, as far as its questions are answered.

    Parameters
    ----------
    laid : dict of str to Laid
        From :func:`lay_out`.
    answer : callable
        Gives the results of jobs. A job without an answer leaves its search open, a failure breaks it off.

    Returns
    -------
    Explored
    """
    driver = _Driver(answer)
    for name, each in laid.items():
        if not isinstance(each.spec, Smallest):
            for outer, ground in enumerate(each.grounds):
                driver.start((name, outer), search(each.spec, ground))
    driver.run()
    for name, each in laid.items():
        if isinstance(each.spec, Smallest):
            _start_smallest(name, each.spec, laid, driver)
    driver.run()
    return Explored(
        laid, driver.traces, {key: tuple(jobs) for key, jobs in driver.asked.items()}, driver.open, driver.broken
    )


def _start_smallest(name: str, spec: Smallest, laid: Mapping[str, Laid], driver: _Driver) -> None:
    """Start a search among sets and winners, once the strategies that give these have ended."""
    each, candidates = laid[name], list(laid[name].candidates)
    place = {function: number for number, function in enumerate(each.functions)}
    for other in spec.strategies:
        if (other, 0) in driver.broken:
            driver.broken[name, 0] = f"It waits for '{other}', which could not go on."
            return
        if (other, 0) not in driver.traces:
            driver.open[name, 0] = ()
            return
        found = driver.traces[other, 0].choice
        if found is not None:
            functions = laid[other].functions
            candidates.append((other, tuple(sorted(place[functions[at]] for at in found.chosen))))
    driver.start((name, 0), search(spec, each.grounds[0], candidates))


class _Driver:
    """Searches that are on their way, and what they wait for."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.traces: dict[Key, Trace] = {}
        self.asked: dict[Key, dict[Job, None]] = {}
        self.open: dict[Key, tuple[Job, ...]] = {}
        self.broken: dict[Key, str] = {}
        self._going: dict[Key, tuple[Search[Trace], list[Job]]] = {}

    def start(self, key: Key, asking: Search[Trace]) -> None:
        """Hear the first question of a search."""
        self.asked[key] = {}
        self._step(key, asking, None)

    def run(self) -> None:
        """Answer questions, those of all searches together, until every search has ended or waits."""
        while self._going:
            going, self._going = self._going, {}
            answers = self.answer(list(dict.fromkeys(job for _, jobs in going.values() for job in jobs)))
            for key, (asking, jobs) in going.items():
                waiting = tuple(job for job in jobs if job not in answers)
                results = {job: answers[job] for job in jobs if job in answers}
                failed = [result.message for result in results.values() if isinstance(result, Failure)]
                if failed:
                    self.broken[key] = f"{len(failed)} of {len(jobs)} trainings failed: {failed[0]}"
                elif waiting:
                    self.open[key] = waiting
                else:
                    self._step(key, asking, results)

    def _step(self, key: Key, asking: Search[Trace], results: Mapping[Job, Any] | None) -> None:
        try:
            jobs = next(asking) if results is None else asking.send(results)
        except StopIteration as end:
            self.traces[key] = end.value
        else:
            self.asked[key] |= dict.fromkeys(jobs)
            self._going[key] = (asking, jobs)


# ------------------------------------------------------------------------------------------------- what was found


def confirmed(protocol: Protocol, inputs: Inputs, explored: Explored) -> tuple[Protocol, Inputs]:
    """Return the protocol and its inputs with the winners of all searches as contestants.

    A winner whose functions are those of an earlier set stands on that set, so that contestants that are the same are
    told.

    Parameters
    ----------
    protocol, inputs : Protocol, Inputs
        As declared.
    explored : Explored
        With the winners.
    """
    sets, specs, variants = dict(inputs.sets), dict(protocol.sets), list(protocol.variants)
    tables = dict(inputs.tables)
    for name, laid in explored.laid.items():
        trace = explored.traces.get((name, 0))
        for called, found in () if trace is None else ((name, trace.choice), (best_of(name), trace.best)):
            if found is None:
                continue
            functions = tuple(laid.functions[place] for place in found.chosen)
            # The smallest of sets is looked for in a pool of its own order: what a set holds makes it the same.
            known = next(
                (
                    key
                    for key, chosen in sets.items()
                    if set(chosen.functions) == set(functions) and not getattr(chosen, "centres", ())
                ),
                None,
            )
            if known is None:
                known = called
                assert not isinstance(laid.spec, Smallest)  # it chooses from sets that are there
                specs[called] = Cut(cut=laid.spec.set, names=tuple(function.name for function in functions))
                sets[called] = cut(called, specs, sets[chain(called, specs)[0]])
                if laid.spec.set in tables:
                    tables[called] = tables[laid.spec.set]
            variants.append(Variant(called, known, laid.spec.model))
    return (
        replace(protocol, sets=specs, variants=tuple(variants)),
        replace(inputs, sets=sets, tables=tables),
    )

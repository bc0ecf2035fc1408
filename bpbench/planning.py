"""What a study would cost and what it could show, said before anything runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np

from bpbench import metrics, reserve, roles, shares, winner
from bpbench.exploration import Laid
from bpbench.features import ColumnSet
from bpbench.jobs import Importance, Job
from bpbench.outlay import outlay
from bpbench.roles import Repeat
from bpbench.runner import cost, execute, graph
from bpbench.runner.cost import Estimator
from bpbench.runner.engine import HERE, Engine
from bpbench.runner.executed import Failure
from bpbench.runner.store import Outcome, Store
from bpbench.statistics import compare, power
from bpbench.statistics.compare import Rules
from bpbench.statistics.designs import TESTS
from bpbench.statistics.repeats import (
    CONFIDENCE,
    Needed,
    Noise,
    floor_of_difference,
    floor_of_equivalence,
    needed,
    noise_limit,
    spread_of,
)
from bpbench.statistics.samples import average_within_splits
from bpbench.strategies import Smallest, best_of
from bpbench.study import Prepared, pairs

Results = Mapping[tuple[str, int], Outcome | Failure]


def plan(prepared: Prepared, store: Store, engine: Engine = HERE) -> dict[str, Any]:
    """Say what is stored, what is new, what it is expected to cost and what the design could show; plain JSON.

    Parameters
    ----------
    prepared : Prepared
        From :func:`bpbench.study.prepare`.
    store : Store
        Where results may be already.
    engine : Engine
        Where jobs would run, and on how many processes at once; by default in this one.
    """
    jobs, workers = prepared.jobs, engine.workers
    todo = graph.missing(jobs, store)
    new = set(todo)
    stored = [job for job in jobs if job not in new]
    estimate = cost.estimator(stored, prepared.frames, store, workers)
    kinds: dict[str, dict[str, Any]] = {}
    probe, asked = _probe(prepared, store, estimate, new)
    new.update(job for job in asked if not store.has(job))
    taken = outlay([*todo, *(job for job in asked if job in new)], estimate, store, engine)
    for job in (*jobs, *asked):
        need = estimate.need(job)
        entry = kinds.setdefault(need.kind, {"stored": 0, "new": 0, "expected_s": 0.0})
        entry["new" if job in new else "stored"] += 1
        entry["expected_s"] += estimate.of(need) if job in new else 0.0
    rules, protocol = prepared.rules, prepared.protocol
    units, alpha, dz = protocol.units, prepared.hardest_alpha, prepared.detectable_dz
    told = _told(prepared, new)
    results = {key: store.load(job) for key, job in told.trainings.items() if job not in new}
    pilots = _pilots(told, results) if results else []
    pilot = pilots[0] if pilots else None
    return {
        "protocol": protocol.name,
        "digest": prepared.digest,
        "quick": protocol.quick,
        "frames": len(prepared.frames),
        "atoms": int(prepared.frames.offsets[-1]),
        "columns": {
            name: {"file": chosen.file, "names": list(chosen.names)}
            for name, chosen in prepared.inputs.sets.items()
            if isinstance(chosen, ColumnSet)
        },
        "repeats": protocol.repeat_count,
        "roles": None if protocol.roles is None else {"split": protocol.split.splits, **asdict(protocol.roles)},
        "units": units,
        "design": protocol.split.design,
        "jobs": kinds,
        "expected_s": taken["wall_s"],
        "outlay": taken,
        "probe": probe,
        "exploration": _exploration(prepared, estimate, workers),
        "reserve": reserve.told(told, _with_energies(told, results)),
        "programs": execute.programs(todo),
        "commands_allowed": prepared.allow_commands,
        "workers": workers if protocol.measure is None else 1,
        "family": [list(pair) for pair in protocol.family],
        "deterministic": [list(pair) for pair in roles.deterministic(protocol)],
        "test": rules.test,
        "paired": TESTS[rules.test].paired,
        "correction": rules.correction,
        "alpha": rules.alpha,
        "first_step_alpha": alpha,
        "smallest_p": compare.smallest_p(rules.test, units),
        "power": rules.power,
        "margin": None if rules.margin is None else rules.margin.plain,
        "metric": protocol.analysis.metric,
        "unit": metrics.metric(protocol.analysis.metric).unit,
        "unequal": rules.test == "nadeau-bengio" and shares.unequal(prepared),
        "detectable_dz": dz,
        "detectable_dz_t": power.detectable_dz(
            units, alpha=alpha, power=rules.power, test_to_train=rules.test_to_train
        ),
        "pilots": [
            {
                "pair": list(known.pair),
                "pairs": known.pairs,
                "spread": known.spread,
                "limit": known.noise.sd,
                "confidence": CONFIDENCE,
            }
            for known in pilots
        ],
        "detectable": None
        if pilot is None or dz is None
        else power.detectable(pilot.noise.sd, units, alpha=alpha, power=rules.power, test_to_train=rules.test_to_train),
        "needed": _enough(prepared, pilots),
        "decided_dz": _decided(units, rules, alpha),
        "floor_dz": _floor(rules, alpha),
    }


#: Results that are read to tell the noise of a study: beyond so many only some repeats of each contestant are,
_READ: Final = 3_000
#: but at least so many, or of so many splits.
_LEAST: Final = 5
#: Results whose energies are read.
_ENERGIES: Final = 2_000


def _told(prepared: Prepared, new: AbstractSet[Job]) -> Prepared:
    """Return the study with those of its repeats that are read to tell its noise: all of them, unless it is very large.

    A spread is known well enough from some repeats, and its upper limit counts them. A crossed design keeps whole
    splits; those repeats of which most is stored are read first.
    """
    stored = Counter(number for (_, number), job in prepared.trainings.items() if job not in new)
    if stored.total() <= _READ:
        return prepared
    crossed = prepared.protocol.split.design == "crossed"
    units: dict[int, list[Repeat]] = {}
    for repeat in prepared.repeats:
        units.setdefault(repeat.split_number if crossed else repeat.number, []).append(repeat)
    best = sorted(units.values(), key=lambda unit: -sum(stored[repeat.number] for repeat in unit))
    each = sum(stored[repeat.number] for repeat in best[0])
    kept = {repeat.number for unit in best[: max(_LEAST, _READ // each)] for repeat in unit}
    return replace(
        prepared,
        repeats=tuple(repeat for repeat in prepared.repeats if repeat.number in kept),
        trainings={key: job for key, job in prepared.trainings.items() if key[1] in kept},
    )


def _with_energies(told: Prepared, results: Results) -> Results:
    """Return those results whose predicted energies are read: a mean over some repeats tells a reserve's blocks."""
    if len(results) <= _ENERGIES:
        return results
    each = max(1, _ENERGIES // len({name for name, _ in results}))
    first = {repeat.number for repeat in told.repeats[:each]}
    return {key: result for key, result in results.items() if key[1] in first}


def _probe(
    prepared: Prepared, store: Store, estimate: Callable[[Job], float], new: AbstractSet[Job]
) -> tuple[dict[str, Any] | None, list[Job]]:
    """Return whose potential will be probed, and the jobs; until all results are there, those that cost the most."""
    if prepared.protocol.probe is None:
        return None, []
    settled = prepared.explored.complete and new.isdisjoint(prepared.trainings.values())
    results = {key: store.load(job) for key, job in prepared.trainings.items()} if settled else {}
    known = winner.choose(prepared, results) if settled else None
    if known is not None:
        return {"variant": known.variant, "settled": True}, list(known.jobs)
    priced = [(sum(map(estimate, each.jobs)), each.variant, list(each.jobs)) for each in winner.possible(prepared)]
    if not priced:
        return {"variant": None, "settled": False}, []
    _, name, jobs = max(priced, key=lambda each: each[0])
    return {"variant": name, "settled": False}, list[Job](jobs)


def _exploration(prepared: Prepared, estimate: Estimator, workers: int) -> dict[str, Any] | None:
    """Return what strategies have asked for so far and may still ask for, ``None`` where there are none."""
    explored, repeats = prepared.explored, prepared.protocol.repeat_count
    if not explored.laid:
        return None
    entries, seconds, room = [], 0.0, 0
    contestants = {name for name, _ in prepared.trainings}
    for name, laid in explored.laid.items():
        keys = [(name, outer) for outer in range(len(laid.grounds))]
        open_ = [key for key in keys if key not in explored.traces]
        asked = sum(explored.trainings(key) for key in keys)
        more = sum(explored.left_at_most(key) for key in keys)
        # The smallest of sets is compared with the best of them, which is trained as well.
        brought = {name, best_of(name)} if isinstance(laid.spec, Smallest) else {name}
        confirm = 0 if name in contestants else repeats * len(brought)
        seconds += (more + confirm) * max(map(estimate, _dearest(laid)))
        room += (more + confirm) * max(estimate.need(job).disk for job in _dearest(laid))
        if laid.importances:
            questions = len(open_) * laid.importances
            asked_of = [Importance(laid.grounds[0].train(laid.grounds[0].whole, 0), "permutation"), *_dearest(laid)]
            seconds += questions * max(map(estimate, asked_of))
            room += questions * max(estimate.need(job).disk for job in asked_of)
        entries.append(
            {
                "name": name,
                "kind": laid.spec.kind,
                "pool": len(laid.functions),
                "searches": len(keys),
                "ended": len(keys) - len(open_),
                "asked": asked,
                "more_at_most": more,
                "confirm": confirm,
            }
        )
    return {"strategies": entries, "more_s": seconds / workers, "more_bytes": room}


def _dearest(laid: Laid) -> list[Job]:
    """Return the dearest trainings that a search asks for: those of its whole pool."""
    ground = laid.grounds[0]
    return [ground.train(ground.whole, 0), *(() if ground.weigh is None else (ground.weigh(0),))]


def _decided(units: int, rules: Rules, alpha: float) -> float:
    """Return the least margin, in standard deviations of the differences, at which the t tests of so many decide."""
    least = power.detectable_dz(units, alpha=alpha, power=rules.power, test_to_train=rules.test_to_train)
    widest = power.sd_for_equivalence(units, 1.0, alpha, rules.power, test_to_train=rules.test_to_train)
    return max(least, 1 / widest)


def _floor(rules: Rules, alpha: float) -> float:
    """Return the same for any number of repeats: nothing, but under overlapping splits."""
    noise = Noise(1.0, rules.test_to_train or 0.0)
    return max(floor(noise, alpha=alpha, power=rules.power) for floor in (floor_of_difference, floor_of_equivalence))


#: Pairs of repeats below which stored repeats are no pilot.
_FEWEST: Final = 3
#: Compared pairs whose number of repeats is told at most.
_PAIRS: Final = 50


@dataclass(frozen=True, slots=True)
class _Pilot:
    """What the stored repeats of a pair tell of its noise: the spread that the test sees, and its upper limit."""

    pair: tuple[str, str]
    pairs: int
    spread: float
    noise: Noise
    baseline_mean: float


def _pilots(prepared: Prepared, results: Results) -> list[_Pilot]:
    """Return what is known from stored repeats of the spread that the test sees, the noisiest pair first.

    A pilot has at least three pairs of repeats, and some spread: that of copies of one result is rounding.
    """
    still = roles.deterministic(prepared.protocol)
    crossed, rules = prepared.protocol.split.design == "crossed", prepared.rules
    found = []
    for pair in pairs(prepared, results):
        if (
            pair.candidate_sample is not None
            and pair.baseline_sample is not None
            and (pair.candidate, pair.baseline) not in still
        ):
            both = [pair.candidate_sample, pair.baseline_sample]
            ours, theirs = (average_within_splits(sample) if crossed else sample for sample in both)
            if ours.n >= _FEWEST and (spread := spread_of(ours, theirs, rules.test)) > 0:
                noise = noise_limit(ours, theirs, rules.test, pair.test_to_train)
                names = (pair.candidate, pair.baseline)
                found.append(_Pilot(names, ours.n, spread, noise, float(np.mean(theirs.values))))
    return sorted(found, key=lambda pilot: -pilot.noise.sd)


def _enough(prepared: Prepared, pilots: list[_Pilot]) -> list[dict[str, Any]]:
    """Return how many repeats decide each pair at the margin, but for pairs whose noise is not known in its unit.

    Of very many pairs these are the hardest.
    """
    rules, margin = prepared.rules, prepared.rules.margin
    if margin is None:
        return []
    alpha = prepared.hardest_alpha
    enough = partial(needed, test=rules.test, alpha=alpha, power=rules.power)
    if margin.kind == "d_z":  # needs no pilot, and is one number for all pairs
        noise = Noise(1.0, rules.test_to_train or 0.0)
        return [{"pair": None, **asdict(enough(margin.value, noise, in_dz=True))}]
    sized = [
        (pilot, size)
        for pilot in pilots
        if (size := margin.value * (pilot.baseline_mean if margin.kind == "relative" else 1.0)) > 0
    ]
    hardest = sorted(sized, key=lambda each: each[1] / each[0].noise.sd)[:_PAIRS]
    found: dict[tuple[str, str], Needed] = {}
    for ratio in dict.fromkeys(pilot.noise.test_to_train for pilot, _ in hardest):
        alike = [each for each in hardest if each[0].noise.test_to_train == ratio]
        for (pilot, _), least in zip(alike, _between(alike, enough), strict=True):
            floors = (floor_of_difference, floor_of_equivalence)
            floor = max(floor(pilot.noise, alpha=alpha, power=rules.power) for floor in floors)
            found[pilot.pair] = replace(least, spread=pilot.noise.sd, floor=floor)
    return [{"pair": list(pilot.pair), **asdict(found[pilot.pair])} for pilot in pilots if pilot.pair in found]


def _between(pairs: list[tuple[_Pilot, float]], enough: Callable[[float, Noise], Needed]) -> list[Needed]:
    """Return what each of some pairs needs, the hardest first: a pair between two that need the same needs that too."""
    ends = [enough(size, pilot.noise) for pilot, size in (pairs[0], pairs[-1])]
    known = {0: ends[0], len(pairs) - 1: ends[1]}
    stretches = [(0, len(pairs) - 1)]
    while stretches:
        first, last = stretches.pop()
        low, high = known[first], known[last]
        if (low.difference, low.equivalence) == (high.difference, high.equivalence):
            known |= dict.fromkeys(range(first, last), low)
        elif last - first > 1:
            middle = (first + last) // 2
            pilot, size = pairs[middle]
            known[middle] = enough(size, pilot.noise)
            stretches += [(first, middle), (middle, last)]
    return [known[place] for place in range(len(pairs))]

"""Simulated studies whose candidates all carry the same information: how often a confirmed winner looks better.

There are three nulls, and each sees something else:

:func:`studies`
    The searches and the judge are the real ones, the scores are drawn: of every candidate, in every repeat, from one
    normal distribution, beside what a repeat has in common for all. What explores and what confirms are independent
    draws. It sees a rule that calls chance *better*; it cannot see a leak, as no split and no seed takes part.
:func:`whole_studies`
    From table to verdict, with real trainings. Candidates are equal whatever the data and their division, so that
    initial weights alone tell them apart. It sees verdicts that come too often; exploring on the reserve would change
    nothing that it counts, as no candidate is better on any frames.
:func:`studies_of_data`
    From table to verdict, with real trainings. Candidates are equal over data sets, but on every data set one of them
    fits the reserve better than another. A search that saw the reserve finds that one: this null sees the leak. It
    counts which side the mean difference lies on, and no verdicts, which truly differ on each reserve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from fake_ground import Scores, ground, play, radial

from bpbench import study
from bpbench.features import Feature, preset
from bpbench.protocol import loads
from bpbench.runner.store import Store
from bpbench.selection import search
from bpbench.selection.trace import Choice, Chosen
from bpbench.statistics.compare import Pair, Rules, judge
from bpbench.statistics.margins import Margin
from bpbench.statistics.samples import Sample
from bpbench.statistics.slots import Slot
from bpbench.strategies import (
    Backward,
    ByShift,
    ByWeight,
    DropOne,
    EvenlySpacedGroups,
    Forward,
    Race,
    RandomSubsets,
    Smallest,
    Strategy,
)

ALPHA: Final = 0.05
EXPLORED, CONFIRMED = 6, 10
_OF: Final[dict[str, Any]] = {"set": "s", "model": "m"}
_POOL: Final = radial([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5], angular=2)
_HALVING, _FRIEDMAN = Race(rule="halving", first=2), Race(rule="friedman", first=3)
_RANGES: Final = ((0.0, 0.0), (0.5, 1.0), (1.5, 2.0), (2.5, 3.5))
_STARTS: Final = tuple((1 + at, 202 + at, 1 + at) for at in range(4))
#: Sets among which the smallest is looked for.
_NAMED: Final[list[tuple[str, Chosen]]] = [(str(size), tuple(range(size))) for size in (10, 8, 6, 4, 2)]

STRATEGIES: Final[dict[str, Strategy]] = {
    "by-shift": ByShift(kind="by-shift", ranges=_RANGES, **_OF),
    "random-subsets": RandomSubsets(kind="random-subsets", sizes=(3, 5, 7), draws=8, **_OF),
    "random-subsets, halving": RandomSubsets(kind="random-subsets", sizes=(3, 5, 7), draws=8, race=_HALVING, **_OF),
    "evenly-spaced": EvenlySpacedGroups(kind="evenly-spaced", steps=((8, 4, 4), (16, 8, 8)), starts=_STARTS, **_OF),
    "drop-one": DropOne(kind="drop-one", remove=(1, 2, 4), **_OF),
    "drop-one, halving": DropOne(kind="drop-one", remove=(1, 2, 4), race=_HALVING, **_OF),
    "drop-one, friedman": DropOne(kind="drop-one", remove=(1, 2, 4), race=_FRIEDMAN, **_OF),
    "backward": Backward(kind="backward", **_OF),
    "forward": Forward(kind="forward", most=4, **_OF),
    "by-weight": ByWeight(kind="by-weight", drop=(1, 3, 5), **_OF),
    "smallest": Smallest(kind="smallest", model="m"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """What studies said.

    Attributes
    ----------
    studies : int
        How many there were.
    confirmed, naive : dict of str to int
        In how many of them the winner of each strategy was called better, on its other draws, and on those that it was
        chosen by.
    family : int
        In how many of them any winner was, all strategies in one family with Holm's correction.
    filled : dict of str to int
        In how many of them each strategy found something else than what it is compared with.
    """

    studies: int
    confirmed: dict[str, int]
    naive: dict[str, int]
    family: int
    filled: dict[str, int]


def drawn(rng: np.random.Generator) -> Scores:
    """Return scores of equals: each drawn when it is first asked for, correlated within a repeat."""
    common, held = rng.normal(size=max(EXPLORED, CONFIRMED)), dict[tuple[Any, int], float]()

    def scores(chosen: Any, repeat: int) -> float:
        if (chosen, repeat) not in held:
            held[chosen, repeat] = 10 + common[repeat] + rng.normal()
        return held[chosen, repeat]

    return scores


def studies(count: int, names: Sequence[str] = tuple(STRATEGIES), seed: int = 1) -> Told:
    """Simulate studies, each with all of the named strategies."""
    rng = np.random.default_rng(seed)
    zero = dict.fromkeys(names, 0)
    confirmed, naive, filled, family = dict(zero), dict(zero), dict(zero), 0
    rules = Rules("paired-t", "fixed", "holm", alpha=ALPHA)
    for _ in range(count):
        explore, confirm = drawn(rng), drawn(rng)
        found = {name: _searched(name, explore, rng) for name in names}
        pairs = [_pair(name, found[name], confirm, CONFIRMED) for name in names]
        for name, pair in zip(names, pairs, strict=True):
            filled[name] += pair.candidate_sample is not None
            confirmed[name] += _better([pair], rules)
            naive[name] += _better([_pair(name, found[name], explore, EXPLORED)], rules)
        family += _better(pairs, rules)
    return Told(count, confirmed, naive, family, filled)


def _searched(name: str, scores: Scores, rng: np.random.Generator) -> tuple[Choice, Chosen]:
    """Return what a strategy chose, and with what it is compared: the whole pool, or the best of its search."""
    spec = STRATEGIES[name]
    pool: Sequence[Feature] = preset("thesis-329").functions if isinstance(spec, EvenlySpacedGroups) else _POOL
    on = ground(pool, repeats=EXPLORED, margin=Margin(1.0), seed=int(rng.integers(2**31)))
    named = {"candidates": _NAMED} if isinstance(spec, Smallest) else {}
    importance = rng.exponential(size=(len(_POOL), EXPLORED))

    def weights(place: int, repeat: int) -> tuple[float, float]:
        return 0.0, float(importance[place, repeat])

    trace = play(search(spec, on, **named), scores, weights=weights if isinstance(spec, ByWeight) else None).trace
    assert trace.choice is not None
    return trace.choice, on.whole if trace.best is None else trace.best.chosen


def _pair(name: str, found: tuple[Choice, Chosen], scores: Scores, repeats: int) -> Pair:
    choice, rival = found
    if choice.chosen == rival:
        return Pair(name, "baseline", None, None, slot=Slot(name, None))
    splits = np.zeros(repeats, dtype=np.int64)
    ours, theirs = (
        Sample(np.array([scores(side, repeat) for repeat in range(repeats)]), splits) for side in (choice.chosen, rival)
    )
    return Pair(name, "baseline", ours, theirs, slot=Slot(name, None))


def _better(pairs: list[Pair], rules: Rules) -> bool:
    return any(comparison.verdict == "better" for comparison in judge(pairs, rules))


# ------------------------------------------------------------------------------------------------- whole studies

#: Columns of the table of a whole study: the same numbers, some with the opposite sign.
_SIGNS: Final = {"p": 1, "q": 1, "r": -1, "s": -1, "t": 1, "u": -1}
_WHOLE: Final = """
question: Does a strategy find a better set among sets that carry the same information?
data: {kind: table, path: table.npz, block_length: 1}
sets:
  all: {columns: [p, q, r, s, t, u]}
  base: {columns: [p, q, t]}
  mixed: {columns: [p, r, s]}
  other: {columns: [q, r, t]}
models:
  network: {kind: hdnn, hidden: [3], epochs: 3, batch: 4, optimizer: {kind: adam, learning_rate: 1e-2}}
variants:
  - {name: base, set: base, model: network}
strategies:
  random-subsets: {kind: random-subsets, set: all, model: network, sizes: [3], draws: 5}
  random-subsets, halving:
    {kind: random-subsets, set: all, model: network, sizes: [3], draws: 6, race: {rule: halving, first: 2}}
  drop-one: {kind: drop-one, set: all, model: network, remove: [3]}
  backward: {kind: backward, set: all, model: network, order: listed, least: 3, margin: 1e6}
  by-weight: {kind: by-weight, set: all, model: network, drop: [3]}
  by-weight, permutation: {kind: by-weight, by: permutation, set: all, model: network, drop: [3]}
  smallest: {kind: smallest, model: network, sets: [base, mixed, other], strategies: [drop-one], margin: 1e6}
explore: {repeats: 3}
split: {design: fixed}
repeats: 10
seed: SEED
analysis: {baseline: base, test: sign-flip, margin: 1e-9}
"""


def whole_studies(count: int, seed: int = 1) -> Told:
    """Conduct whole studies, from table to verdict, whose candidates carry the same information given the data.

    Every column of a table is one and the same variable, or its negative, and every choice is of three columns. The
    weights of a network start symmetric about zero and independent of each other, so that turning the sign of an input
    and of its first weights changes no answer: over initial weights, any two sets of three columns have one law of
    scores, whatever the configurations, the split and the order, and the difference of two of them is symmetric about
    zero. Which one a strategy prefers is therefore chance alone, and seeds are all that the confirmation draws anew.
    Sets of different sizes are no equals: a network of more inputs learns otherwise, though they tell it nothing new.
    The margin of the analysis, which the smallest set needs, is next to nothing: *equivalent* goes before *better*, so
    that within a wide one nobody could ever be called better.

    Parameters
    ----------
    count : int
        Independent studies, each with a table and seeds of its own.
    seed : int
        Root of all of them.
    """
    rng = np.random.default_rng(seed)
    confirmed: dict[str, int] = {}
    filled: dict[str, int] = {}
    family = 0
    for _ in range(count):
        with TemporaryDirectory(prefix="bpbench-") as folder:
            file, store = Path(folder) / "table.npz", Store(Path(folder) / "store")
            _write(file, rng)
            text = _WHOLE.replace("SEED", str(int(rng.integers(2**31))))
            made = study.conduct(study.prepare(loads(text, file=str(Path(folder) / "null.yaml")), store), store)
        assert made.complete
        for comparison in made.comparisons:
            name = comparison.candidate
            filled[name] = filled.get(name, 0) + (comparison.p is not None)
            alone = comparison.p is not None and comparison.p <= ALPHA and (comparison.difference or 0) < 0
            confirmed[name] = confirmed.get(name, 0) + alone
        family += any(comparison.verdict == "better" for comparison in made.comparisons)
    return Told(count, confirmed, {}, family, filled)


# ------------------------------------------------------------------------------- whole studies of ever other data

#: Columns from which strategies choose one; the one that it is compared with stands beside them.
EQUALS: Final = 12
#: Standard deviation of their noise, in that of the truth: so much that leaving out one column costs what it tells.
_NOISE: Final = 2.0
_DATA: Final = f"""
question: Is a column that a strategy chose better than one that nobody chose?
data: {{kind: table, path: table.npz, block_length: 1}}
sets:
  base: {{columns: [base]}}
  pool: {{columns: [{", ".join(f"c{number}" for number in range(EQUALS))}]}}
models:
  linear: {{kind: linear, strengths: [1e-6]}}
variants:
  - {{name: base, set: base, model: linear}}
strategies:
  STRATEGIES
explore: {{repeats: 2}}
split: {{design: crossed, splits: 2, reserve: 0.2, validation: 0.1}}
repeats: 1
seed: SEED
analysis: {{baseline: base, margin: 1e-9}}
"""
#: What each strategy of these studies says beside its set and model.
OF_DATA: Final = {
    "random-subsets": f"kind: random-subsets, sizes: [1], draws: {EQUALS}",
    "random-subsets, halving": f"kind: random-subsets, sizes: [1], draws: {EQUALS}, race: {{rule: halving, first: 1}}",
    "forward": "kind: forward, most: 1, margin: 1e-9",
    "drop-one": f"kind: drop-one, remove: [{EQUALS - 1}]",
    "backward": "kind: backward, least: 1, margin: 1e6",
    "by-weight": f"kind: by-weight, drop: [{EQUALS - 1}]",
    "by-weight, permutation": f"kind: by-weight, by: permutation, drop: [{EQUALS - 1}]",
}
#: Those that choose by scores on the test part of *explore*. The others look at what a training learnt, which no leak
#: of the reserve into that part could change.
BY_SCORES: Final = tuple(name for name in OF_DATA if "by-weight" not in name)


def studies_of_data(count: int, names: Sequence[str] = tuple(OF_DATA), seed: int = 1) -> dict[str, int]:
    """Conduct whole studies, each of data drawn anew, and count those whose winner has the lower mean error.

    Every column is the truth and noise of its own, of one ratio of signal to noise, the baseline's as well; strategies
    choose one column. On the frames beside the reserve one column is by chance nearer to the truth, and so it is on the
    reserve, but which one it is there is independent of which one it is elsewhere. Whoever never saw the reserve
    therefore chooses a column that lies there as near to the truth as the baseline's: over data sets the sign of the
    difference of their errors is + or - with probability 1/2. Only the slope that is fitted tells them apart, on the
    same frames that the winner was chosen by: the chosen one's is a little too steep, which can but harm it, and less
    the more frames there are. So the count of lower errors is at most binomial (count, 1/2). The best of k columns on
    the reserve itself, in contrast, has a lower error than one more in k of k + 1 studies.

    On one data set the columns truly differ given the reserve, so that verdicts, which hold given the reserve, are
    right to call the winner better in some and worse in others: they have no rate to keep here, and each data set
    counts once.

    Parameters
    ----------
    count : int
        Independent studies, each with data and seeds of its own.
    names : sequence of str
        Which strategies they have: keys of :data:`OF_DATA`.
    seed : int
        Root of all of them.

    Returns
    -------
    dict of str to int
        By strategy.
    """
    rng, lower = np.random.default_rng(seed), dict.fromkeys(names, 0)
    lines = "\n  ".join(f"{name}: {{{OF_DATA[name]}, set: pool, model: linear}}" for name in names)
    for _ in range(count):
        with TemporaryDirectory(prefix="bpbench-") as folder:
            _write_equals(Path(folder) / "table.npz", rng)
            for name, difference in _differences(_DATA.replace("STRATEGIES", lines), Path(folder), rng).items():
                lower[name] += difference < 0
    return lower


def _differences(text: str, folder: Path, rng: np.random.Generator) -> dict[str, float]:
    store, text = Store(folder / "store"), text.replace("SEED", str(int(rng.integers(2**31))))
    made = study.conduct(study.prepare(loads(text, file=str(folder / "null.yaml")), store), store)
    assert made.complete
    scores: dict[str, list[float]] = {}
    for (name, _), result in made.results.items():
        scores.setdefault(name, []).append(result.values["scores"][made.prepared.part]["rmse"])
    # a winner that an earlier strategy found as well has scores, if no comparison of its own
    return {name: float(np.mean(scores[name]) - np.mean(scores["base"])) for name in made.prepared.protocol.strategies}


def _write_equals(file: Path, rng: np.random.Generator, configurations: int = 100) -> None:
    truth = rng.normal(size=configurations)
    np.savez(
        file,
        values=truth[:, None] + _NOISE * rng.normal(size=(configurations, 1 + EQUALS)),
        names=np.array(["base", *(f"c{number}" for number in range(EQUALS))]),
        offsets=np.arange(configurations + 1),
        energy=truth,
    )


def _write(file: Path, rng: np.random.Generator, configurations: int = 20, atoms: int = 2) -> None:
    variable = rng.normal(size=configurations * atoms)
    energy = np.tanh(2 * variable).reshape(-1, atoms).sum(axis=1) + 0.1 * rng.normal(size=configurations)
    np.savez(
        file,
        values=np.stack([sign * variable for sign in _SIGNS.values()], axis=1),
        names=np.array(list(_SIGNS)),
        offsets=np.arange(0, configurations * atoms + 1, atoms),
        energy=energy,
    )

r"""What is claimed of a rule, and the measurement of it: simulations in, rates with their bounds out.

A rate is a count k of m independent runs. A rule that errs at exactly its nominal rate p gives a binomial k, so the
rate may stray from p by chance: the Monte-Carlo error. Every bound grants it by exact binomial tails,

    at most:   k ≤ K with P(K' > K) ≤ r,    K' ~ Binomial(m, p)
    at least:  k ≥ K with P(K' < K) ≤ r
    equal:     both, with r/2 each

=========  ===================================================================================================
symbol     meaning
=========  ===================================================================================================
m, k       runs, and how many of them showed the event that is counted
p          the nominal rate: α, a power, a coverage
r          :data:`RISK` divided by the number of bounded rates in the table
=========  ===================================================================================================

A table of hundreds of rates is itself a family: with a bound of three standard errors each, one of them would lie
outside by luck now and then. Dividing the risk keeps the probability that a table of faultless rules shows any rate
outside its bound below :data:`RISK`, whatever the seed.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import active_children, get_context, parent_process
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from bpbench.identity import seed

if TYPE_CHECKING:
    from collections.abc import Generator

Bound = Literal["at most", "at least", "equal", "reported"]
#: Takes a generator and a number of runs, and returns for each claim how many runs showed its event.
Simulation = Callable[[np.random.Generator, int], Sequence[int]]

#: Probability that a table of rules that keep exactly to their nominal rates shows any rate outside its bound.
RISK: Final = 0.01


@dataclass(frozen=True, slots=True)
class Claim:
    """One rate to be measured.

    Attributes
    ----------
    table : str
        Key of the part of the table in which it stands.
    rule, condition : str
        Its row and column: which rule, on which data.
    n : int
        Repeats.
    nominal : float
        The rate that the rule promises.
    bound : {'at most', 'at least', 'equal', 'reported'}
        How the measured rate must lie to it, where theory says so; ``reported`` where it does not.
    """

    table: str
    rule: str
    condition: str
    n: int
    nominal: float
    bound: Bound


@dataclass(frozen=True, slots=True)
class Experiment:
    """One simulation, which may serve several claims on the same drawn data.

    Attributes
    ----------
    name : str
        Names its seeds, so that every experiment draws the same whatever else is measured.
    runs : int
        How many independent runs are simulated.
    simulate : callable
        Counts the events; can be pickled.
    claims : tuple of Claim
        What is claimed, in the order of the counts.
    share : int
        Runs that are simulated in one go, by one process and from one seed.
    """

    name: str
    runs: int
    simulate: Simulation
    claims: tuple[Claim, ...]
    share: int = 500


@dataclass(frozen=True, slots=True)
class Rate:
    """A measured claim.

    Attributes
    ----------
    claim : Claim
        What was claimed.
    runs, count : int
        How many runs were simulated, and how many of them showed the event.
    low, high : int or None
        Least and largest count within the bound; ``None`` where there is no bound on that side.
    """

    claim: Claim
    runs: int
    count: int
    low: int | None
    high: int | None

    @property
    def value(self) -> float:
        """The measured rate."""
        return self.count / self.runs

    @property
    def error(self) -> float:
        """Its standard error by simulation, at the nominal rate."""
        return math.sqrt(self.claim.nominal * (1 - self.claim.nominal) / self.runs)

    @property
    def within(self) -> bool | None:
        """Whether it lies within its bound; ``None`` when it has none."""
        if self.claim.bound == "reported":
            return None
        return (self.low is None or self.low <= self.count) and (self.high is None or self.count <= self.high)


def limits(claim: Claim, runs: int, risk: float) -> tuple[int | None, int | None]:
    """Return the least and the largest count that lie within the bound of a claim.

    Parameters
    ----------
    claim : Claim
        With its nominal rate p.
    runs : int
        m.
    risk : float
        r, the probability of a count outside although the rule keeps exactly to p.
    """
    from scipy.stats import binom

    if claim.bound == "reported":
        return None, None
    side = risk / 2 if claim.bound == "equal" else risk
    low = None if claim.bound == "at most" else int(binom.ppf(side, runs, claim.nominal))
    high = None if claim.bound == "at least" else int(binom.isf(side, runs, claim.nominal))
    return low, high


def measure(
    experiments: Sequence[Experiment], *, root: int, jobs: int = 1, told: Callable[[int, int], None] | None = None
) -> tuple[Rate, ...]:
    """Simulate every experiment; the same root gives the same counts, whatever the number of processes.

    Parameters
    ----------
    experiments : sequence of Experiment
        What is simulated.
    root : int
        Root of all seeds.
    jobs : int
        Processes at once; 1 works in this process.
    told : callable, optional
        Called with the number of runs done and of all runs.

    Returns
    -------
    tuple of Rate
        One per claim, in the order of the experiments and of their claims.
    """
    tasks = [
        (place, first, min(experiment.share, experiment.runs - first))
        for place, experiment in enumerate(experiments)
        for first in range(0, experiment.runs, experiment.share)
    ]
    total, done = sum(runs for _, _, runs in tasks), 0
    counts = [np.zeros(len(experiment.claims), dtype=np.int64) for experiment in experiments]
    with closing(_simulated(experiments, tasks, root, jobs)) as pieces:
        for (place, _, runs), found in pieces:
            counts[place] += found
            done += runs
            if told is not None:
                told(done, total)
    bounded = sum(claim.bound != "reported" for experiment in experiments for claim in experiment.claims)
    return tuple(
        Rate(claim, experiment.runs, count, *limits(claim, experiment.runs, RISK / max(1, bounded)))
        for experiment, counted in zip(experiments, counts, strict=True)
        for claim, count in zip(experiment.claims, counted.tolist(), strict=True)
    )


_Task = tuple[int, int, int]  # place of the experiment, number of its first run, runs


def _simulated(
    experiments: Sequence[Experiment], tasks: list[_Task], root: int, jobs: int
) -> Generator[tuple[_Task, Sequence[int]]]:
    """Yield each task with its counts, in any order."""
    if jobs == 1:
        for task in tasks:
            yield task, _simulate(experiments[task[0]], root, task)
        return
    before = set(active_children())
    # Started afresh rather than forked: a fork would copy locks held by the threads of libraries.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_begin) as pool:
        waiting = {pool.submit(_simulate, experiments[task[0]], root, task): task for task in tasks}
        try:
            for ended in as_completed(waiting):
                yield waiting[ended], ended.result()
        except BaseException:
            for child in set(active_children()) - before:  # what they work at is of no use any more
                child.terminate()
                child.join()
            raise


def _simulate(experiment: Experiment, root: int, task: _Task) -> Sequence[int]:
    _, first, runs = task
    rng = np.random.default_rng(seed(root, "calibration", experiment.name, first))
    return experiment.simulate(rng, runs)


def _begin() -> None:
    """Prepare a process of ours: only the parent answers to Ctrl-C, and none outlives it."""
    import signal
    from threading import Thread

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)  # killed without a word to us

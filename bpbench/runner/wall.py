"""How long jobs take by the wall clock on so many processes: not their sum by this number, but a course played through.

Jobs are handed out as the driver does it, each to the process that becomes free first: it goes on with its cohort, or
begins another, whose inputs it reads and lays out first. Jobs that need the results of others wait for all of these.
What comes out beside the time is how it would be with any number of processes (the longest chain), and how much of the
processes' time is waiting, at the ends of stages where fewer jobs are left than processes.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from bpbench.jobs import (
    Agree,
    Describe,
    Distribute,
    Importance,
    Job,
    MakeFrames,
    ReadTable,
    Simulate,
    Stretch,
    TimeDescribe,
    Train,
)
from bpbench.runner.line import LOOKED

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence, Sized

    from bpbench.runner.cost import Estimator, Need

#: Seconds in which a process starts and loads what it needs.
START_S: Final = 3.0
#: By kind of job, how many others stand before it: each stage waits for those before.
_STAGES: Final[dict[type, int]] = {
    MakeFrames: 0,
    ReadTable: 0,
    Describe: 1,
    Distribute: 1,
    Agree: 2,
    Train: 2,
    Importance: 3,
    Stretch: 3,
    Simulate: 3,
}


@dataclass(frozen=True, slots=True)
class Course:
    """How a run goes.

    Attributes
    ----------
    wall_s : float
        From its start to its end.
    busy_s : float
        Seconds in which cores are busy, in all.
    reading_s : float
        Those of them in which inputs are read and laid out.
    longest_s : float
        The longest chain of jobs that wait for each other: less it is with no number of processes.
    waiting : float
        Share of the processes' time, once they have started, in which they have nothing to do.
    inputs : int
        The most bytes of inputs that a process has read, of all cohorts of which it does some.
    """

    wall_s: float
    busy_s: float
    reading_s: float
    longest_s: float
    waiting: float
    inputs: int = 0


def course(todo: Sequence[Job], estimate: Estimator, workers: int) -> Course:
    """Play through how jobs would run.

    Parameters
    ----------
    todo : sequence of Job
        What is missing, in the order in which it was asked for.
    estimate : Estimator
        Expected seconds and inputs of each.
    workers : int
        Processes at once.
    """
    stages: dict[int, list[Need]] = {}
    timed = 0.0
    for job in todo:
        need = estimate.need(job)
        if isinstance(job, TimeDescribe):  # one at a time, when all others have ended
            timed += estimate.of(need)
        else:
            stages.setdefault(_STAGES[type(job)], []).append(need)
    at_once = max(1, min(workers, sum(map(len, stages.values()))))
    wall = busy = reading = longest = 0.0
    inputs = 0
    for stage in sorted(stages):
        played = _play(stages[stage], estimate, min(at_once, len(stages[stage])))
        inputs = max(inputs, played.inputs)
        wall, busy, reading = wall + played.wall_s, busy + played.busy_s, reading + played.reading_s
        longest += played.longest_s
    waiting = 1 - busy / (at_once * wall) if wall > 0 else 0.0
    start = START_S if at_once > 1 else 0.0
    return Course(start + wall + timed, busy + timed, reading, longest + timed, max(0.0, waiting), inputs)


def _play(needs: Sequence[Need], estimate: Estimator, workers: int) -> Course:
    """Play through jobs that wait for nothing but a process."""
    free: list[tuple[float, int]] = [(0.0, worker) for worker in range(workers)]
    held: list[Hashable] = [None] * workers
    cohorts: dict[Hashable, deque[Need]] = {}
    for need in needs:
        cohorts.setdefault(need.cohort, deque()).append(need)
    unbegun = deque(cohort for cohort in cohorts if cohort is not None)
    hands: Counter[Hashable] = Counter()
    inputs: list[dict[Hashable, int]] = [{} for _ in range(workers)]
    reading = longest = 0.0
    while cohorts:
        since, worker = free[0]
        # As the driver hands them out: what has no cohort first; then its own, one that nobody has, or that of others.
        cohort = None if None in cohorts else held[worker]
        if cohort not in cohorts:
            cohort = unbegun.popleft() if unbegun else _most(cohorts, hands)
        need = cohorts[cohort].popleft()
        if not cohorts[cohort]:
            del cohorts[cohort]
        seconds = estimate.of(need)
        longest = max(longest, seconds + need.reading_s)
        if cohort is not None:
            if held[worker] != cohort:
                hands.update({held[worker]: -1, cohort: 1})
                held[worker] = cohort
                reading, seconds = reading + need.reading_s, seconds + need.reading_s
            inputs[worker][cohort] = max(need.inputs, inputs[worker].get(cohort, 0))
        heapq.heapreplace(free, (since + seconds, worker))
    ends = [end for end, _ in free]
    return Course(max(ends), sum(ends), reading, longest, 0.0, max(sum(read.values()) for read in inputs))


def _most(cohorts: Mapping[Hashable, Sized], hands: Mapping[Hashable, int]) -> Hashable:
    """Return the cohort of which each of those who do it has most before it."""
    return max(islice(cohorts, LOOKED), key=lambda cohort: len(cohorts[cohort]) / max(1, hands[cohort]))

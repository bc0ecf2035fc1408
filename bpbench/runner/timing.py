"""What describing costs, measured: the rounds of a study of times, and what one measurement does.

A round measures every set once, each alone on the machine as far as we can see to that (see
:mod:`bpbench.runner.execute`), in an order drawn for that round. What slows the machine for a while therefore slows all
sets of a round, and comparisons within rounds do not see it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Final

import numpy as np

from bpbench.identity import digest, seed
from bpbench.jobs import MakeFrames, TimeDescribe
from bpbench.metrics import METRICS
from bpbench.runner import machine
from bpbench.runner.store import Outcome

if TYPE_CHECKING:
    from bpbench.data.frames import Frames
    from bpbench.features import FeatureSet

#: The part of the data that the score of a measurement belongs to; a training has train, validation and test.
PART: Final = "measured"
#: Timed passes of a measurement, of which the fastest counts; one more before them is not timed.
PASSES: Final = 3
#: Share of the wall time that this process should have had a processor.
UNDISTURBED: Final = 0.9
REMARK: Final = (
    "In some rounds other programs took the processor for more than a tenth of the time; measure again on a quiet "
    "machine before you rely on small differences"
)

Clock = Callable[[], float]


def lay_out(
    make: MakeFrames, sets: Mapping[str, FeatureSet], *, frames: int, of: int, rounds: int, root: int
) -> dict[tuple[str, int], TimeDescribe]:
    """Return the measurements of every round, in the order in which they are to be made.

    Parameters
    ----------
    make : MakeFrames
        The job that brings the data into the store.
    sets : mapping of str to FeatureSet
        What is measured, by the name of the variant.
    frames, of : int
        How many of the data's frames are described; they lie evenly over all.
    rounds : int
        Number of rounds.
    root : int
        Root seed, from which the order within each round is drawn.

    Returns
    -------
    dict
        By variant and round.
    """
    chosen = tuple(np.unique(np.linspace(0, of - 1, min(frames, of)).round().astype(int)).tolist())
    host, code, names = machine.kind_of_host(), timed_code(), list(sets)
    laid = {}
    for number in range(rounds):
        order = np.random.default_rng(seed(root, "measure", "order", number)).permutation(len(names))
        for place in order:
            name = names[place]
            laid[name, number] = TimeDescribe(make, sets[name].functions, chosen, number, host, code)
    return laid


def timed_code() -> str:
    """Return a digest of what is timed: our descriptors' sources and the versions of what compiles and feeds them."""
    versions = {name: metadata.version(name) for name in ("numba", "numpy", "vesin")}
    return digest([machine.sources("descriptors"), machine.sources("compiled.py"), versions])


def measure(
    job: TimeDescribe,
    frames: Frames,
    *,
    clock: Clock = time.perf_counter,
    processor: Clock = time.thread_time,
) -> Outcome:
    """Describe the chosen frames once to warm up and :data:`PASSES` times against the clock, in one thread.

    The first pass loads or compiles the kernels and fills the caches. Of the timed ones the fastest counts, since what
    else goes on in a machine can only add time. The neighbour list is part of the time.

    Parameters
    ----------
    job : TimeDescribe
        What is measured.
    frames : Frames
        The data.
    clock, processor : callable
        Wall time and time on a processor (s).

    Returns
    -------
    Outcome
        The score is µs per atom.
    """
    from bpbench.descriptors.symmetry import describe_frames
    from bpbench.descriptors.values import neighbours_per_atom

    taken = frames.take(np.array(job.chosen))
    atoms = len(taken.species)
    describe_frames(job.functions, taken, 0, len(taken))
    passes, busy = [], []
    for _ in range(PASSES):
        wall, used = clock(), processor()
        describe_frames(job.functions, taken, 0, len(taken))
        passes.append(clock() - wall)
        busy.append(processor() - used)
    quiet = sum(busy) >= UNDISTURBED * sum(passes)
    return Outcome(
        {
            "status": "done",
            "scores": {PART: {METRICS["descriptor_time"].key: min(passes) / atoms * 1e6}},
            "passes_s": passes,
            "processor_s": busy,
            "atoms": atoms,
            "neighbours_per_atom": neighbours_per_atom(taken, max(function.r_c for function in job.functions)),
            "remarks": [] if quiet else [REMARK],
        }
    )

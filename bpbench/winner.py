"""Whose potential is put to work when all trainings have ended, and the jobs that do it.

The winner is the contestant with the best mean of the judged score over the repeats that succeeded; one of which every
repeat succeeded stands before all others. Where it has no potential (trees answer in steps, columns of a table belong
to no structure), the best that has one is probed in its place, and both are named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from bpbench import metrics, probes
from bpbench.data import aluminium, readers
from bpbench.data.frames import Frames
from bpbench.features import FeatureSet
from bpbench.jobs import (
    Distribute,
    Foreign,
    Hdnn,
    Linear,
    MakeFrames,
    Simulate,
    Stretch,
    Train,
    of_forces_alone,
)
from bpbench.runner.store import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bpbench.prepared import Prepared
    from bpbench.runner.executed import Failure

#: Why a contestant has no potential that could be probed: it is made of trees, it says forces without an energy, it was
#: trained by another program and is scored here alone, or its inputs are columns of a table.
Without = Literal["trees", "forces", "foreign", "columns"]


@dataclass(frozen=True, slots=True)
class Winner:
    """Whose potentials are probed, and by which jobs.

    Attributes
    ----------
    best : str
        Contestant with the best mean.
    without : str or None
        Why that one is not probed; ``None``: it is.
    variant : str or None
        Contestant that is probed; ``None`` where no contestant has a potential.
    stretches : dict of int to Stretch
        By repeat; those that share a training share the job.
    truth : Stretch or None
        The same asked of the method that made the data, where that is known to us.
    runs : dict of int to Simulate
        By repeat: of the one whose validation score is the best, and of the one whose it is the worst.
    data : Distribute or None
        g(r) of the data beside them.
    """

    best: str
    without: Without | None
    variant: str | None
    stretches: Mapping[int, Stretch]
    truth: Stretch | None
    runs: Mapping[int, Simulate]
    data: Distribute | None

    @property
    def jobs(self) -> list[Stretch | Simulate | Distribute]:
        """Everything that is asked, each once."""
        asked = [*self.stretches.values(), self.truth, *self.runs.values(), self.data]
        return list(dict.fromkeys(job for job in asked if job is not None))


def without(prepared: Prepared, name: str) -> Without | None:
    """Return why a contestant has no potential, ``None`` where it has one."""
    variant = prepared.protocol.contestant(name)
    model = prepared.protocol.models[str(variant.model)]
    if not isinstance(model, Hdnn | Linear):
        return "foreign" if isinstance(model, Foreign) else "forces" if of_forces_alone(model) else "trees"
    return None if isinstance(prepared.inputs.sets[variant.set], FeatureSet) else "columns"


def ranked(prepared: Prepared, results: Mapping[tuple[str, int], Outcome | Failure]) -> list[str]:
    """Return the contestants with a score, the best mean first; those of which a repeat is lost come last."""
    key = prepared.protocol.analysis.metric
    sign = 1 if metrics.metric(key).lower_is_better else -1
    found = []
    for place, variant in enumerate(prepared.protocol.variants):
        done = [outcome.values["scores"][prepared.part] for _, outcome in _done(prepared, results, variant.name)]
        scores = [score[key] for score in done if key in score]  # of forces alone, of energies alone
        if scores:
            found.append((len(scores) < len(prepared.repeats), sign * float(np.mean(scores)), place, variant.name))
    return [name for *_, name in sorted(found)]


def choose(prepared: Prepared, results: Mapping[tuple[str, int], Outcome | Failure]) -> Winner | None:
    """Return whose potentials are probed; nothing where the protocol asks for none, or nothing has a score.

    Runs that are recorded over time are not probed.

    Parameters
    ----------
    prepared : Prepared
        The study.
    results : dict
        By contestant and repeat.
    """
    if prepared.protocol.probe is None or prepared.protocol.draw or prepared.protocol.measure is not None:
        return None
    names = ranked(prepared, results)
    if not names:
        return None
    able = [name for name in names if without(prepared, name) is None]
    why = without(prepared, names[0])
    if not able:
        return Winner(names[0], why, None, {}, None, {}, None)
    done = _done(prepared, results, able[0])
    trainings = {
        number: training for number, _ in done if isinstance(training := prepared.trainings[able[0], number], Train)
    }
    return _asked(prepared, Winner(names[0], why, able[0], {}, None, {}, None), trainings, _extremes(prepared, done))


def possible(prepared: Prepared) -> list[Winner]:
    """Return, of each contestant with a potential, what would be asked were it the winner and every repeat succeeded.

    Strategies may still bring others.
    """
    if prepared.protocol.probe is None or prepared.protocol.measure is not None:
        return []
    found = []
    for variant in prepared.protocol.variants:
        trainings = {
            number: job
            for (name, number), job in prepared.trainings.items()
            if name == variant.name and isinstance(job, Train)
        }
        if trainings and without(prepared, variant.name) is None:
            winner = Winner(variant.name, None, variant.name, {}, None, {}, None)
            found.append(_asked(prepared, winner, trainings, list(trainings)[:2]))
    return found


def _asked(prepared: Prepared, winner: Winner, trainings: Mapping[int, Train], chosen: list[int]) -> Winner:
    """Return a winner with the jobs that ask its potentials: all of them for energies, the chosen ones for dynamics."""
    protocol, make, frames = prepared.protocol, prepared.inputs.make, prepared.frames
    assert protocol.probe is not None
    assert isinstance(make, MakeFrames)
    assert isinstance(frames, Frames)
    known = readers.method(make.source) == aluminium.METHOD
    moved = protocol.probe.md is not None
    return Winner(
        winner.best,
        winner.without,
        winner.variant,
        stretches={number: probes.stretch(protocol, make, frames, job) for number, job in trainings.items()},
        truth=probes.stretch(protocol, make, frames, None) if known else None,
        runs={number: probes.simulate(protocol, frames, trainings[number]) for number in chosen} if moved else {},
        data=probes.distribute(protocol, make, frames) if moved else None,
    )


def _extremes(prepared: Prepared, done: list[tuple[int, Outcome]]) -> list[int]:
    """Return the repeats with the best and the worst validation score, a single one where all scores are equal."""
    key = prepared.protocol.analysis.metric
    sign = 1 if metrics.metric(key).lower_is_better else -1
    order = sorted((sign * outcome.values["scores"]["validation"][key], number) for number, outcome in done)
    best, worst = order[0][1], order[-1][1]
    return [best] if order[0][0] == order[-1][0] else [best, worst]


def _done(
    prepared: Prepared, results: Mapping[tuple[str, int], Outcome | Failure], name: str
) -> list[tuple[int, Outcome]]:
    """Return the repeats of a contestant that succeeded."""
    return [
        (repeat.number, outcome)
        for repeat in prepared.repeats
        if isinstance(outcome := results.get((name, repeat.number)), Outcome) and outcome.values["status"] == "done"
    ]

"""The stored training of a contestant, and the potential that came of it.

What leaves bpbench (files for other programs, an ASE calculator) is one training of a study: a contestant, and one of
its repeats. Nothing is trained here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bpbench import metrics
from bpbench.data.frames import Frames
from bpbench.errors import RequestError, nearest
from bpbench.features import Column
from bpbench.jobs import Hdnn, Linear, N2p2, Train
from bpbench.potential import Potential
from bpbench.prepared import Prepared, prepare
from bpbench.protocol import load, locate
from bpbench.runner.store import Outcome, Store, default_store

#: Of all repeats, the one with the best score on its own validation part: the test part decides nothing.
BEST: Final = "best-on-validation"


@dataclass(frozen=True, slots=True)
class Stored:
    """One training of a study as it is stored.

    Attributes
    ----------
    variant : str
        The contestant.
    repeat : int
        Number of the repeat, from 0, as reports count.
    job : Train
        What was asked.
    outcome : Outcome
        What came of it; ``status`` is ``done``.
    frames : Frames
        The data of the study.
    """

    variant: str
    repeat: int
    job: Train
    outcome: Outcome
    frames: Frames

    @property
    def potential(self) -> Potential:
        """The fitted potential.

        Raises
        ------
        RequestError
            For a model without a derivative, and for inputs that are columns of a table.
        """
        model = self.job.model
        if isinstance(model, N2p2):
            raise RequestError(
                f"'{self.variant}' is a potential of n2p2's own, of which nothing is stored but scores; read it from "
                f"its files: N2p2Potential(read_folder({model.folder!r}, units={model.units!r}))."
            )
        if not isinstance(model, Hdnn | Linear):
            raise RequestError(
                f"A potential is made of an hdnn or linear model, that of '{self.variant}' is {model.kind}; choose "
                "another variant."
            )
        if any(isinstance(item, Column) for item in self.job.functions):
            raise RequestError(
                f"A potential is made of symmetry functions, '{self.variant}' was trained on columns of a table, which "
                "cannot be computed for other frames; choose another variant."
            )
        return Potential.of(self.job, self.outcome.arrays, self.frames.elements)


def training(
    protocol: str | Path, variant: str, repeat: int | str = BEST, *, store: str | Path | None = None
) -> Stored:
    """Return the stored training of a contestant of a protocol.

    Parameters
    ----------
    protocol : path-like
        A protocol's file, or the name of a shipped one.
    variant : str
        Name of the contestant.
    repeat : int or 'best-on-validation'
        Number of the repeat, from 0; see :data:`BEST`.
    store : path-like, optional
        Where results lie; by default ``BPBENCH_STORE``, or ``.bpbench/store`` below the working folder.
    """
    held = Store(default_store() if store is None else store)
    return find(prepare(load(locate(protocol)), held), held, variant, repeat)


def find(prepared: Prepared, store: Store, variant: str, repeat: int | str = BEST) -> Stored:
    """Return the stored training of a contestant.

    Parameters
    ----------
    prepared : Prepared
        The study.
    store : Store
        Where its results are.
    variant : str
        Name of the contestant.
    repeat : int or 'best-on-validation'
        Number of the repeat, from 0; see :data:`BEST`.

    Raises
    ------
    RequestError
        When there is no such contestant or repeat, or no stored result that was not diverged.
    """
    jobs = {
        number: job for (name, number), job in prepared.trainings.items() if name == variant and isinstance(job, Train)
    }
    if not jobs:
        names = list(dict.fromkeys(name for name, _ in prepared.trainings)) if prepared.protocol.measure is None else []
        hint = nearest(variant, names) or "; it trains nothing."
        raise RequestError(f"The protocol {prepared.protocol.name} has no trained variant '{variant}'{hint}")
    if repeat != BEST:
        number = _numbered(repeat, len(jobs))
        jobs = {number: jobs[number]}
    stored = {number: store.load(job) for number, job in jobs.items() if store.has(job)}
    done = {number: found for number, found in stored.items() if found.values["status"] == "done"}
    if not done:
        which = "No repeat" if repeat == BEST else f"Repeat {repeat}"
        why = f"{'is' if repeat == BEST else 'is not'} stored in {store.root}; run the protocol first."
        if stored:
            why = "ended with finite numbers" if repeat == BEST else "diverged"
            why += "; choose another variant." if repeat == BEST else "; choose another repeat."
        raise RequestError(f"{which} of '{variant}' {why}")
    number = min(done) if len(done) == 1 else min(done, key=lambda at: _on_validation(prepared, variant, done[at]))
    frames = prepared.frames
    if not isinstance(frames, Frames):
        raise RequestError(
            f"'{variant}' was trained on a table, which has no positions: no potential can be made of it; train on "
            "frames."
        )
    return Stored(variant, number, jobs[number], done[number], frames)


def _numbered(repeat: object, repeats: int) -> int:
    try:
        number = int(repeat) if isinstance(repeat, int | str) else -1
    except ValueError:
        number = -1
    if not 0 <= number < repeats:
        raise RequestError(
            f"A repeat is {BEST} or a number from 0 to {repeats - 1}, found '{repeat}'; the report numbers them."
        )
    return number


def _on_validation(prepared: Prepared, variant: str, outcome: Outcome) -> float:
    """Return the score on the validation part, lower being better."""
    metric = metrics.metric(prepared.protocol.analysis.metric)
    score = outcome.values["scores"]["validation"].get(metric.key)
    if score is None:
        raise RequestError(
            f"The trainings of '{variant}' have no {metric.label} on validation, by which the protocol judges; name a "
            "repeat by its number."
        )
    return float(score) if metric.lower_is_better else -float(score)

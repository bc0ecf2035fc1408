"""A ground to explore on without any training: scores come from a function of candidate and repeat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bpbench.features import G2, G5, Column, Feature
from bpbench.jobs import Hdnn
from bpbench.models.contract import to_arrays
from bpbench.models.scaling import SEEN
from bpbench.runner.store import Outcome
from bpbench.selection.ground import Ground, Search
from bpbench.selection.trace import Chosen, Trace
from bpbench.statistics.margins import Margin

#: Score of a candidate in a repeat; NaN for a training that diverges.
Scores = Callable[[Chosen, int], float]
#: By what an input is weighed in a repeat: the sum of its weights, which may be negative, and their absolute sum.
Weights = Callable[[int, int], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What stands for a training: which candidate, in which repeat."""

    chosen: Chosen
    repeat: int

    @property
    def model(self) -> Hdnn:
        """What is trained: a network, whose first layer can be looked at."""
        return Hdnn("hdnn")


def radial(shifts: Sequence[float], *, angular: int = 0) -> tuple[Feature, ...]:
    """Return radial functions of these R_s (Å), and some angular ones."""
    made = [G2(1.85, shift, 6.8) for shift in shifts]
    return (*made, *(G5(0.01, float(2**number), -1, 6.8) for number in range(angular)))


def ground(functions: int | Sequence[Feature | Column], **changed: Any) -> Ground:
    """Return a ground of so many columns, or of these functions, with 4 repeats and a margin of 0.1."""
    pool = [Column(f"g{number}") for number in range(functions)] if isinstance(functions, int) else functions
    settings: dict[str, Any] = {
        "functions": tuple(pool),
        "train": Asked,
        "repeats": 4,
        "metric": "rmse",
        "lower_is_better": True,
        "test_to_train": 0.0,
        "margin": Margin(0.1),
        "alpha": 0.05,
        "seed": 1,
    }
    return Ground(**(settings | changed))


def noise(root: int, *names: object) -> float:
    """Return a standard normal number that its names alone decide."""
    text = repr((root, *names)).encode()
    return float(np.random.default_rng(list(text)).standard_normal())


@dataclass(slots=True)
class Played:
    """What came of a search: its trace, and everything that it asked for."""

    trace: Trace
    questions: list[list[Any]] = field(default_factory=list)

    @property
    def trainings(self) -> list[Any]:
        """Every training that was asked for, each once."""
        return list(dict.fromkeys(job for asked in self.questions for job in asked if isinstance(job, Asked)))


def play(search: Search[Trace], scores: Scores, *, metric: str = "rmse", weights: Weights | None = None) -> Played:
    """Answer a search until it ends; by permutation and by gain an input is given its absolute sum of weights."""

    def answer(job: Any) -> Outcome:
        if isinstance(job, Asked):
            told = outcome(scores(job.chosen, job.repeat), metric)
            if weights is None:
                return told
            return replace(told, arrays=_first_layer([weights(place, job.repeat) for place in job.chosen]))
        assert weights is not None
        importance = [weights(place, job.training.repeat)[1] for place in job.training.chosen]
        return Outcome({"status": "done"}, {"importance": np.array(importance, dtype=np.float64)})

    questions = []
    try:
        jobs = next(search)
        while True:
            assert len(set(jobs)) == len(jobs), "a job is asked for once in a question"
            questions.append(list(jobs))
            jobs = search.send({job: answer(job) for job in jobs})
    except StopIteration as end:
        return Played(end.value, questions)


def _first_layer(weights: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Return the stored parameters of a network of two nodes whose weights have these sums and absolute sums."""
    signed, absolute = np.array(weights, dtype=np.float64).T
    nodes = np.stack([(absolute + signed) / 2, (signed - absolute) / 2], axis=1)
    one = np.ones(len(signed))
    named = {"weights-1": nodes[None], **dict.fromkeys(("kept", "shift", "scale", *SEEN), one)}
    return to_arrays(named | {name: np.ones(1) for name in ("reference", "centre", "width")})


def outcome(score: float, metric: str = "rmse") -> Outcome:
    """Return what a training of that score on the test part leaves behind."""
    if np.isnan(score):
        return Outcome({"status": "diverged", "message": "It left the finite numbers."})
    return Outcome({"status": "done", "scores": {"test": {metric: score}}})

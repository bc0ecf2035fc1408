"""How much each input matters to trained models: by their first-layer weights, by shuffling, by the gain of splits."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np

from bpbench.identity import seed
from bpbench.selection.ground import Floats, Ground, Search, score
from bpbench.statistics.student import spread

By = Literal["absolute", "sum", "permutation", "gain"]
#: What tells how much an input matters, as text.
MEASURES: Final = {
    "absolute": "The sum of the absolute first-layer weights of an input",
    "sum": "The absolute value of the sum of the first-layer weights of an input",
    "permutation": "The rise of the validation error when the values of an input are shuffled",
    "gain": "The gain of the trees' splits on an input",
}


def weighed(by: By, ground: Ground) -> Search[tuple[Floats, Floats]]:
    """Train the whole pool and return how much each input matters.

    Parameters
    ----------
    by : {'absolute', 'sum', 'permutation', 'gain'}
        The measure. The sign of a hidden node's weights is arbitrary (tanh is odd), so that sums are taken by their
        absolute value in every repeat, before they are averaged.
    ground : Ground
        Pool, trainings and repeats.

    Returns
    -------
    ndarray, shape (R, D)
        Importance in each repeat that did not diverge.
    ndarray, shape (repeats,)
        Scores of the trainings; NaN where one diverged.
    """
    from bpbench.jobs import Importance
    from bpbench.models.importance import first_layer

    trainings = [ground.train(ground.whole, number) for number in range(ground.repeats)]
    results = yield list(trainings)
    scores = np.array([score(ground, results[job]) for job in trainings])
    left = [job for job, value in zip(trainings, scores, strict=True) if np.isfinite(value)]
    if by in {"absolute", "sum"}:
        rows = []
        for job in left:
            signed, absolute = first_layer(job.model, results[job].arrays, len(ground.functions))
            rows.append(absolute if by == "absolute" else np.abs(signed))
        return np.array(rows).reshape(len(left), len(ground.functions)), scores
    kind: Literal["permutation", "gain"] = "permutation" if by == "permutation" else "gain"
    asked = [Importance(job, kind, seed=seed(ground.seed, "shuffle", number)) for number, job in enumerate(left)]
    found = yield list(asked)
    rows = [np.asarray(found[job].arrays["importance"]) for job in asked]
    return np.array(rows).reshape(len(left), len(ground.functions)), scores


def standard_error(importance: Floats) -> Floats:
    """Return the standard error of each mean importance over repeats, shape (D,); NaN for fewer than two of them."""
    if len(importance) < 2:
        return np.full(importance.shape[1], np.nan)
    return np.array([spread(column) for column in importance.T]) / np.sqrt(len(importance))

"""How much each input matters to trained models: by their first-layer weights, by shuffling, by the gain of splits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from bpbench.identity import seed
from bpbench.jobs import Importance
from bpbench.models.contract import from_arrays
from bpbench.models.importance import first_layer
from bpbench.selection.ground import Floats, Ground, Search, score

By = Literal["absolute", "sum", "permutation", "gain"]
#: What tells how much an input matters, as text.
MEASURES: Final = {
    "absolute": "The sum of the absolute first-layer weights of an input",
    "sum": "The absolute value of the sum of the first-layer weights of an input",
    "permutation": "The rise of the validation error when the values of an input are shuffled",
    "gain": "The gain of the trees' splits on an input",
}


def weighed(by: By, ground: Ground) -> Search[tuple[Floats, Floats]]:
    """Train the whole pool and return how much each input matters, to the model of all candidates or to another one.

    Parameters
    ----------
    by : {'absolute', 'sum', 'permutation', 'gain'}
        The measure; the weights of a linear skip are none of the first layer's. ``sum`` is what the aluminium study
        looked at, and is here for comparison: it depends on the signs of hidden nodes, which are arbitrary (tanh is
        odd), so that it says less than ``absolute``.
    ground : Ground
        Pool, trainings and repeats.

    Returns
    -------
    ndarray, shape (R, D)
        Importance in each repeat that did not diverge.
    ndarray, shape (repeats,)
        Scores of the whole pool with the model of all candidates; NaN where a training diverged.
    """
    trainings = [ground.train(ground.whole, number) for number in range(ground.repeats)]
    weighing = trainings if ground.weigh is None else [ground.weigh(number) for number in range(ground.repeats)]
    results = yield list(dict.fromkeys([*trainings, *weighing]))
    scores = np.array([score(ground, results[job]) for job in trainings])
    left = [job for job in weighing if np.isfinite(score(ground, results[job]))]
    if by in {"absolute", "sum"}:
        both = [first_layer(job.model, from_arrays(results[job].arrays)) for job in left]
        return _rows([absolute if by == "absolute" else np.abs(signed) for signed, absolute in both], ground), scores
    kind: Literal["permutation", "gain"] = "permutation" if by == "permutation" else "gain"
    asked = [Importance(job, kind, seed=seed(ground.seed, "shuffle", number)) for number, job in enumerate(left)]
    found = yield list(asked)
    return _rows([found[job].arrays["importance"] for job in asked], ground), scores


def _rows(rows: Sequence[npt.NDArray[np.generic]], ground: Ground) -> Floats:
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(ground.functions))

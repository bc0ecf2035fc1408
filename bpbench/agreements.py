"""What was found where tables of values made elsewhere stand beside the functions that they should be: plain JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bpbench.agreement.relations import NEAR, TOLERANCE
from bpbench.protocol import Columns
from bpbench.runner.executed import Failure
from bpbench.runner.store import Outcome

if TYPE_CHECKING:
    from bpbench.study import Study

Json = dict[str, Any]


def agreements(study: Study) -> list[Json]:
    """Return what each set with the key ``like`` is to the set that it names.

    Parameters
    ----------
    study : Study
        From :func:`bpbench.study.conduct`.

    Returns
    -------
    list of dict
        For each: the two sets; ``columns`` as :class:`~bpbench.agreement.columns.ColumnAgreement` has them; how many
        are of each kind; the largest deviation of those that match, as a share of a function's spread; how many rows
        were compared; ``losses``, one entry for each model that was trained on both sets.
    """
    return [_agreement(study, name, found) for name, found in study.agreements.items()]


def _agreement(study: Study, name: str, found: Outcome | Failure) -> Json:
    inputs = study.prepared.inputs
    spec = study.prepared.protocol.sets[name]
    assert isinstance(spec, Columns)  # the protocol was refused otherwise
    like = str(spec.like)
    told: Json = {
        "set": name,
        "like": like,
        "file": Path(inputs.tables[name].source.path).name,
        "functions": len(inputs.sets[like]),
        "rows": int(study.prepared.frames.offsets[-1]),
        "tolerance": TOLERANCE,
        "near": NEAR,
        "losses": _losses(study, name, like),
        "message": found.message if isinstance(found, Failure) else None,
    }
    if isinstance(found, Failure):
        return told
    values = found.values
    columns = values["columns"]
    keys = ("pairing", "frames", "compared_frames", "compared_rows", "counts", "columns", "unnamed")
    return (
        told
        | {key: values[key] for key in keys}
        | {
            "agree": set(values["counts"]) == {"match"} and not values["unnamed"],
            "deviation": max((item["deviation"] for item in columns if item["kind"] == "match"), default=None),
        }
    )


def _losses(study: Study, name: str, like: str) -> list[Json]:
    """Return the judged score of each model on both sets, over the repeats that succeeded on both."""
    protocol = study.prepared.protocol
    made = []
    for old in protocol.variants:
        for new in protocol.variants:
            if old.set != name or new.set != like or old.model != new.model:
                continue
            both = [
                scores
                for repeat in study.prepared.repeats
                if None not in (scores := [_score(study, side.name, repeat.number) for side in (old, new)])
            ]
            table = np.array(both, dtype=np.float64).reshape(-1, 2)
            off = table[:, 0] - table[:, 1]
            made.append(
                {
                    "model": old.model,
                    "variant": old.name,
                    "like": new.name,
                    "n": len(table),
                    "mean": float(table[:, 0].mean()) if len(table) else None,
                    "like_mean": float(table[:, 1].mean()) if len(table) else None,
                    "difference": float(off.mean()) if len(table) else None,
                    "low": float(off.min()) if len(table) else None,
                    "high": float(off.max()) if len(table) else None,
                }
            )
    return made


def _score(study: Study, variant: str, number: int) -> float | None:
    result = study.results[variant, number]
    if not isinstance(result, Outcome) or result.values["status"] != "done":
        return None
    score: float = result.values["scores"]["test"][study.prepared.protocol.analysis.metric]
    return score

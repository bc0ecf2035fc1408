"""Everything a report may use of a judged table of scores, as plain JSON of the same schema as a study's findings.

What a study has and a table has not (sets, models, splits with frames, curves) is there and empty.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from bpbench import SCHEMA, __version__, magnitudes, standing
from bpbench.contestants import MEAN_LEVEL, ROUNDING
from bpbench.counting import grouped
from bpbench.data.readers import counted
from bpbench.findings import margin_width
from bpbench.identity import digest
from bpbench.runner.machine import machine
from bpbench.score_runs import Runs, means, name_of
from bpbench.scores import Judged
from bpbench.statistics.rules import redrawings
from bpbench.statistics.student import StudentEvidence

Json = dict[str, Any]

#: The part of the data and the metric under which scores stand: the table does not say more.
PART: Final = "table"
KEY: Final = "score"
#: Repeats that are listed one by one, over all variants; of more, evenly picked ones.
LISTED: Final = 5_000
#: Repeats beyond which variants are not ranked in each.
MOST_RANKED: Final = 100_000
#: Repeats without a score that are listed one by one.
LOST: Final = 200

_SENTENCES: Final = {
    "fixed": "Repeats are taken as independent of each other, given everything that all of them share, such as one "
    "split of one data set.",
    "resampled": "Every repeat is taken to have redrawn its training and test data from one data set. The test sets of "
    "two repeats overlap, which the Nadeau-Bengio test allows for.",
    "crossed": "Each split is taken to have redrawn its training data, with test data that all splits have in common, "
    "and "
    "the repeats within a split are averaged first.",
}
#: Names of columns that sound as if repeats redraw the split, and as if splits have no test data in common.
_REDRAWN: Final = re.compile(r"fold(?!er)|split|resampl|boot|cv", re.IGNORECASE)
_APART: Final = re.compile(r"fold(?!er)|resampl|boot|cv", re.IGNORECASE)


def findings(
    judged: Judged,
    *,
    name: str,
    command: str,
    metric: str | None,
    unit: str,
    formats: Sequence[str],
    language: str = "en",
) -> Json:
    """Return the findings of a judged table.

    Parameters
    ----------
    judged : Judged
        From :func:`bpbench.scores.judge`.
    name : str
        What the comparison is called.
    command : str
        The command that makes these findings again, without the folders of one machine.
    metric, unit : str
        The score in words (``None``: its column) and its unit, for labels.
    formats : sequence of str
        Of the report.
    language : str
        Of the report.

    Returns
    -------
    dict
        JSON types; floats are finite.
    """
    scores, rules, roles = judged.scores, judged.rules, judged.roles
    label = metric or roles.score
    asked = [
        *(dataclasses.asdict(each) for each in (roles, rules)),
        *(judged.baseline, judged.chosen, judged.family, label, unit),
        # How paths were read and which epoch counts are told there.
        *(scores.pattern, scores.remarks),
    ]
    lists = [_listed(judged, runs) for runs in judged.runs]
    variants = [_variant(judged, runs, listed) for runs, listed in zip(judged.runs, lists, strict=True)]
    done = sum(entry["n"] for entry in variants)
    diverged = sum(runs.diverged for runs in judged.runs)
    missing = 0 if roles.unit is None else sum(map(len, judged.missing.values()))
    total = done + diverged + missing
    return {
        "schema": SCHEMA,
        "bpbench": __version__,
        "protocol": {
            "name": name,
            "digest": digest([scores.sha256, asked]),
            "title": f"Scores compared: {name}",
            "question": f"Which of {len(variants)} variants has the {'lower' if rules.lower_is_better else 'higher'} "
            f"{label} over repeated runs?",
            "quick": False,
            "text": "",
            "seed": None,
            "command": command,
            "formats": list(formats),
            "language": language,
        },
        "data": _data(judged),
        "split": _split(judged),
        "measure": None,
        "pool": {"name": None, "size": 0, "reconstructed": False},
        "sets": [],
        "agreement": [],
        "models": [],
        "mean_level": MEAN_LEVEL,
        "metric": {"key": KEY, "label": label, "unit": unit, "lower_is_better": rules.lower_is_better},
        "variants": variants,
        "sweeps": [],
        "constant": None,
        "analysis": _analysis(judged),
        "failures": _failures(judged),
        "jobs": {
            "total": total,
            "done": done,
            "failed": diverged,
            "diverged": diverged,
            "missing": missing,
            "distinct": total,
            "repeated": 0,
            "shared": 0,
        },
    }


def _data(judged: Judged) -> Json:
    scores, roles = judged.scores, judged.roles
    return {
        "label": scores.label,
        "kind": "scores",
        "method": None,
        "file": scores.label,
        "sha256": scores.sha256,
        "rows": scores.rows,
        "counted": len(scores.row),
        "columns": scores.columns,
        "roles": {
            "variant": roles.variant,
            "score": roles.score,
            "unit": roles.unit,
            "split": roles.split,
            "where": [list(pair) for pair in roles.where],
            "described": scores.described or None,
        },
        "units": len(scores.units) or None,
        "listed": sum(len(_listed(judged, runs)) for runs in judged.runs),
        "groups": [],
        "remarks": [*scores.remarks, *_remarks(judged)],
    }


def _remarks(judged: Judged) -> list[str]:
    roles, runs = judged.roles, judged.runs
    said = []
    if not judged.chosen and {baseline for _, baseline in judged.family} == {judged.baseline}:
        said.append(f"No baseline was named, so it is the first variant of the table, '{judged.baseline}'.")
    design, split = judged.rules.design, roles.split
    if design == "crossed" and split is not None and _APART.search(split):
        said.append(
            f"The column '{split}' sounds as if every split had test data of its own, as the folds of a "
            "cross-validation have. Such splits are not independent, and a plain test on them errs far more often than "
            "α: --design resampled --test-fraction F allows for what they have in common."
        )
    if design != "resampled" and roles.unit is not None and _REDRAWN.search(roles.unit):
        said.append(
            f"The column '{roles.unit}' sounds as if every repeat redraws the split of one data set. Such repeats are "
            "not "
            "independent, and a plain test on them errs far more often than α: --design resampled --test-fraction F "
            "allows for their overlap."
        )
    if roles.unit is None and roles.split is None:
        said.append(
            "Nothing was named that tells which repeats of two variants belong together (--unit), so they are compared "
            "as independent samples; pairs, where there are any, would tell more."
        )
    broken = [runs_.name for runs_ in runs if runs_.diverged]
    if broken:
        number = sum(each.diverged for each in runs)
        named = ", ".join(f"'{name}'" for name in broken[:6]) + (", …" if len(broken) > 6 else "")
        said.append(
            f"{counted(number, 'score')} of {named} {'is' if number == 1 else 'are'} empty, NaN or infinite: each "
            "counts as a run that broke down, and since failures are not missing at random its variant cannot come "
            "out as better or equivalent."
        )
    gone = judged.missing
    if gone:
        parts = [
            f"{grouped(len(cells))} of '{name}' ({', '.join(judged.called(cell) for cell in cells[:6])}"
            f"{', …' if len(cells) > 6 else ''})"
            for name, cells in list(gone.items())[:6]
        ]
        what = "Repeats" if roles.unit is not None else "Splits"
        said.append(
            f"{what} that some variants have and others have not: {'; '.join(parts)}{'; …' if len(gone) > 6 else ''}. "
            "Each comparison rests on those that both of its sides have. Where a row is absent because its run broke "
            "down, give it with an empty score, so that it counts."
        )
    return said


def _split(judged: Judged) -> Json:
    rules, roles = judged.rules, judged.roles
    sentence = _SENTENCES[rules.design]
    if rules.test_to_train is not None:
        sentence += f" Given is a ratio of test to training data of {rules.test_to_train:.4g}."
    return {
        "design": rules.design,
        "repeats": max(len(runs.score) for runs in judged.runs),
        "splits": len(judged.scores.splits)
        if roles.split is not None
        else judged.units
        if rules.design == "resampled"
        else 1,
        "counts": [],
        "sentence": sentence,
    }


def _listed(judged: Judged, runs: Runs) -> Sequence[int]:
    """Return the places of the repeats that are listed one by one: all, or the same share of every variant, evenly."""
    total, mine = len(judged.scores.row), len(runs.score)
    if total <= LISTED:
        return range(mine)
    places: list[int] = np.unique(np.linspace(0, mine - 1, max(1, mine * LISTED // total)).round().astype(int)).tolist()
    return places


def _variant(judged: Judged, runs: Runs, listed: Sequence[int]) -> Json:
    scores = judged.scores
    values = runs.score[runs.done]
    results: list[Json] = []
    for place in listed:
        value = float(runs.score[place])
        done = math.isfinite(value)
        results.append(
            {
                "repeat": name_of(scores, int(runs.unit[place]), int(runs.split[place]))
                if judged.roles.unit is not None
                else str(place + 1),
                "split": scores.splits[int(runs.split[place])] if scores.splits else None,
                "status": "done" if done else "diverged",
                "message": None if done else "no finite score",
                "scores": {PART: {KEY: value}} if done else None,
                "converged": None,
                "checkpoint": None,
                "stopped": None,
                "ran": None,
                "least_loss": None,
                "remarks": [],
            }
        )
    return {
        "name": runs.name,
        "set": None,
        "model": None,
        "inputs": None,
        "inputs_of": {},
        "shape": None,
        "shapes": {},
        "parameters": None,
        "results": results,
        "n": len(values),
        "diverged": runs.diverged,
        "missing": len(judged.missing.get(runs.name, ())),
        "configurations": [],
        "blocks": [],
        "share": None,
        "not_converged": 0,
        "checkpoint": None,
        "stopped": {"epochs": 0, "patience": 0},
        "least_loss": None,
        "best_of": _best_of(judged, runs),
        "ensemble": None,
        "linear": None,
        "twin": None,
        "summary": {PART: {KEY: _summary(judged, runs)}},
        "curve": None,
        "groups": [],
        "parity": None,
    }


def _best_of(judged: Judged, runs: Runs) -> Json | None:
    """Return the expected best of n runs, ``None`` where they are not exchangeable or one broke down, the worst of all.

    What is missing altogether is taken as not run.
    """
    if judged.rules.design == "crossed" or runs.diverged or not runs.done.any():
        return None
    return magnitudes.curve(runs.score, lower_is_better=judged.rules.lower_is_better)


def _summary(judged: Judged, runs: Runs) -> Json | None:
    """Return mean, spread, ends and, where repeats are independent, the t interval of the mean."""
    values = runs.score[runs.done]
    if not values.size:
        return None
    mean = float(values.mean())
    spread = float(values.std(ddof=1)) if values.size > 1 else None
    low, high = (None, None)
    if judged.rules.design == "fixed" and spread and spread > ROUNDING * abs(mean):
        evidence = StudentEvidence(mean, spread / math.sqrt(values.size), values.size - 1.0)
        low, high = evidence.interval(MEAN_LEVEL)
    return {
        "mean": mean,
        "sd": spread,
        "min": float(values.min()),
        "max": float(values.max()),
        "low": low,
        "high": high,
    }


def _analysis(judged: Judged) -> Json:
    rules = judged.rules
    ranking, unranked = _ranking(judged)
    redrawn = redrawings(rules.test, judged.units)
    return {
        "metric": KEY,
        "part": PART,
        "test": rules.test,
        "redrawings": None if redrawn is None else {"count": redrawn[0], "all": redrawn[1]},
        "design": rules.design,
        "correction": rules.correction,
        "alpha": rules.alpha,
        "margin": None if rules.margin is None else rules.margin.plain,
        "margin_width": margin_width(rules.margin, judged.comparisons),
        "baseline": judged.baseline,
        "family": [list(pair) for pair in judged.family],
        "power": rules.power,
        "units": judged.units,
        "paired": judged.paired,
        "test_to_train": rules.test_to_train,
        "chosen_after": judged.units or None,
        "first_step_alpha": judged.first_step_alpha,
        "detectable_dz": judged.detectable_dz if judged.units > 1 else None,
        "unequal": False,
        "comparisons": [
            dataclasses.asdict(comparison)
            | {"estimates": estimates, "bayes": standing.posterior(pair, comparison, rules, root=rules.seed)}
            for pair, comparison, estimates in zip(
                judged.pairs,
                judged.comparisons,
                magnitudes.of_family(judged.pairs, judged.comparisons, rules),
                strict=True,
            )
        ],
        "ranking": ranking,
        "unranked": unranked,
    }


def _ranking(judged: Judged) -> tuple[Json | None, str | None]:
    """Return the ranks of all variants over the repeats that they have in common by name, or why there are none."""
    roles, rules = judged.roles, judged.rules
    if not judged.paired:
        return None, "which repeats belong together was not told."
    every = np.unique(np.concatenate([runs.cell for runs in judged.runs]))
    if every.size > MOST_RANKED:
        return None, f"ranks are given for at most {grouped(MOST_RANKED)} repeats, and there are {grouped(every.size)}."
    lost = math.inf if rules.lower_is_better else -math.inf
    columns: dict[str, list[float]] = {}
    for runs in judged.runs:
        score = np.where(runs.done, runs.score, lost)
        cells, score = (runs.cell, score) if roles.unit is not None else means(runs.split, score)
        column = np.full(every.size, np.nan)
        column[np.searchsorted(every, cells)] = score
        columns[runs.name] = column.tolist()
    splits = every // max(1, len(judged.scores.units)) if roles.split is not None else np.zeros_like(every)
    return standing.ranked(columns, splits.tolist(), rules, baseline=judged.baseline, twins={}, root=rules.seed)


def _failures(judged: Judged) -> list[Json]:
    """Return the repeats without a score, those that broke down first, as many as are listed one by one."""
    scores, found = judged.scores, []
    for runs in judged.runs:
        for place in np.flatnonzero(~runs.done)[:LOST].tolist():
            name = name_of(scores, int(runs.unit[place]), int(runs.split[place])) or str(place + 1)
            message = f"row {runs.row[place]}: the score is empty, NaN or infinite"
            found.append({"variant": runs.name, "repeat": name, "status": "diverged", "message": message})
    for name, cells in judged.missing.items():
        found += [
            {"variant": name, "repeat": judged.called(cell), "status": "missing", "message": "there is no row"}
            for cell in cells[:LOST]
        ]
    return found[:LOST]


def environment(*, command: str, wall_s: float) -> Json:
    """Return where, when and how long: what may differ between two runs of the same findings.

    Parameters
    ----------
    command : str
        The command line as given.
    wall_s : float
        Seconds from start to findings.
    """
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "wall_s": wall_s,
        **machine(),
    }


def folder(found: Json) -> Path:
    """Return the name of the report's folder."""
    return Path(f"{found['protocol']['name']}-{found['protocol']['digest'][:10]}")

"""What a report counts of what findings list, and which variants stand beside which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bpbench.metrics import METRICS
from bpbench.report.kinds import by_role, scored
from bpbench.report.language import listed, tell, tell_n
from bpbench.report.numerals import count, say


def tally(findings: Mapping[str, Any]) -> dict[str, int]:
    """Return the only numbers a report makes itself: counts of things that the findings list.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.

    Returns
    -------
    dict of str to int
        ``variants``, ``comparisons`` (size of the declared family), ``states``, ``sets``; ``trainings`` asked for and
        ``done``; those that run in epochs or rounds (``limited``) and those of them ``not_converged``, both in all
        and by kind of model (``limited_hdnn``, …); the ``networks`` that have a mean, each once, those of them that
        have a linear potential on the same inputs (``network_variants``), and those ``beaten`` by it;
        ``failed``, ``diverged`` and ``missing`` trainings.
    """
    variants, kinds = findings["variants"], model_kinds(findings)
    status = [result["status"] for variant in variants for result in variant["results"]]
    # Of very many scores not all are listed; one without a number says no more than that.
    told = (
        {**findings["jobs"], "failed": 0}
        if scored(findings)
        else {"total": len(status), **{word: status.count(word) for word in ("done", "failed", "diverged", "missing")}}
    )
    limited: dict[str, list[bool]] = {}
    for variant in variants:
        if variant["model"] is not None:
            limited.setdefault(kinds[variant["model"]], []).extend(ends(variant))
    rivals = beside_linear(findings)
    return {
        "variants": len(variants),
        "comparisons": len(findings["analysis"]["family"]),
        "states": len(findings["data"]["groups"]),
        "sets": len(findings["sets"]),
        "trainings": told["total"],
        "done": told["done"],
        "limited": sum(len(found) for found in limited.values()),
        "not_converged": sum(found.count(False) for found in limited.values()),
        **{f"limited_{kind}": len(found) for kind, found in limited.items()},
        **{f"not_converged_{kind}": found.count(False) for kind, found in limited.items()},
        "networks": len(networks(findings)),
        "network_variants": len(rivals),
        "beaten": sum(rival.beaten for rival in rivals),
        **{word: told[word] for word in ("failed", "diverged", "missing")},
    }


def ends(variant: Mapping[str, Any]) -> list[bool]:
    """Return, for each training that runs in epochs or rounds, whether it had converged; empty for other models."""
    return [result["converged"] for result in variant["results"] if result["converged"] is not None]


def judged_mean(variant: Mapping[str, Any], findings: Mapping[str, Any]) -> float | None:
    """Return a variant's mean of the judged metric over its repeats, ``None`` if none succeeded."""
    scores = (variant["summary"] or {}).get(findings["analysis"]["part"]) or {}
    mean: float | None = (scores.get(findings["metric"]["key"]) or {}).get("mean")
    return mean


def drawn(findings: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the variants that figures of single variants show: of those that sweeps made, only the baseline.

    The others have the sheets of their sweeps.
    """
    made = {point["variant"] for sweep in findings["sweeps"] for point in sweep["points"]}
    made.discard(findings["analysis"]["baseline"])
    return [variant for variant in findings["variants"] if variant["name"] not in made]


def undrawn_note(findings: Mapping[str, Any]) -> str:
    """Return that the contestants of sweeps are left out of a figure, or nothing where none are."""
    if len(drawn(findings)) == len(findings["variants"]):
        return ""
    return " " + tell("Of the contestants of sweeps only the baseline is shown; their sheets show the others.")


def model_kinds(findings: Mapping[str, Any]) -> dict[str, str]:
    """Return the kind of each model by its name."""
    return {model["name"]: model["kind"] for model in findings["models"]}


def lower_is_better(metric: Mapping[str, Any]) -> bool:
    """Return the direction of a metric; that of a score of others stands beside it."""
    known = METRICS.get(metric["key"])
    said: bool = metric.get("lower_is_better", known is None or known.lower_is_better)
    return said


@dataclass(frozen=True, slots=True)
class Rivals:
    """A network and the linear potential on the same inputs: names, means, and whether the network is beaten."""

    network: str
    linear: str
    network_mean: float
    linear_mean: float
    beaten: bool


def networks(findings: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], float]]:
    """Return the networks that have a mean, and that; of those that are the same contestant the first alone."""
    kinds = model_kinds(findings)
    return [
        (variant, mean)
        for variant in findings["variants"]
        if kinds.get(variant["model"]) == "hdnn"
        and variant["twin"] is None
        and (mean := judged_mean(variant, findings)) is not None
    ]


def beside_linear(findings: Mapping[str, Any]) -> list[Rivals]:
    """Return the networks that have a linear potential on the same inputs, the best first."""
    lower = lower_is_better(findings["metric"])
    found = [
        Rivals(variant["name"], rival["variant"], mean, rival["mean"], (rival["mean"] < mean) is lower)
        for variant, mean in networks(findings)
        if (rival := variant["linear"]) is not None
    ]
    return sorted(found, key=lambda rivals: rivals.network_mean if lower else -rivals.network_mean)


def distinct_note(findings: Mapping[str, Any]) -> str:
    """Return why there are fewer different trainings than results, or nothing where each result has its own."""
    jobs = findings["jobs"]
    why = []
    if jobs["repeated"]:
        why.append(
            tell("a model that does not draw initial weights or a batch order is trained once in place of all of them")
            if by_role(findings)
            else tell(
                "a model that is deterministic on a split is trained once on it and counts for every repeat of it"
            )
        )
    if jobs["shared"]:
        why.append(tell("contestants that are the same share their trainings"))
    if not why:
        return ""
    text = tell(
        "{why}, so there are {distinct} for {results}.",
        why=tell("{one}, and {other}", one=why[0], other=why[1]) if len(why) > 1 else why[0],
        distinct=count(jobs["distinct"], "different training"),
        results=count(jobs["total"], "result"),
    )
    return text[0].upper() + text[1:]


def twins_note(findings: Mapping[str, Any]) -> str:
    """Return which variants are the same contestant as another one, or nothing where all are different."""
    same = {variant["name"]: variant["twin"] for variant in findings["variants"] if variant["twin"] is not None}
    if not same:
        return ""
    told = [
        tell("{name} is the same contestant as {other}", name=say(name), other=say(other))
        for name, other in same.items()
    ]
    judged = {name for pair in findings["analysis"]["family"] for name in pair}
    if judged & same.keys():
        return f"{listed(told)}."
    spared = tell_n(
        "It would ask the same question twice, and is in no comparison.",
        "They would ask the same question twice, and are in no comparison.",
        len(same),
    )
    return f"{listed(told)}. {spared}"

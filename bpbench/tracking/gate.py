"""Two recorded states compared: the newest run with a named baseline, every variant, score and cost in one family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from bpbench.counting import listed
from bpbench.errors import RequestError
from bpbench.history import Run
from bpbench.runner.machine import machine
from bpbench.statistics.margins import Margin
from bpbench.statistics.regressions import Failures, Series, judge
from bpbench.tracking.measures import COSTS, LEAST, measures, values

Json = dict[str, Any]
Floats = npt.NDArray[np.float64]


def require_present(run: Run) -> None:
    """Refuse a run that other sources or libraries made than those that are here: it says nothing of these.

    Parameters
    ----------
    run : Run
        The newest of a study.

    Raises
    ------
    RequestError
        With what differs.
    """
    here = machine()
    different = ["the sources of bpbench"] if run.sources != here["sources"] else []
    different += _versions(run.made_by, here)
    if different:
        raise RequestError(
            f"Run {run.number} of '{run.study}', the newest, was made by other sources or libraries than those here "
            f"({listed(different)}), so it says nothing of these; `bpbench track record` makes a run of what is here."
        )


def require_one_division(newest: Run, baseline: Sequence[Run]) -> None:
    """Refuse runs that were scored on other test sets than the newest: they would differ by these.

    Parameters
    ----------
    newest : Run
        What is compared.
    baseline : sequence of Run
        With what.

    Raises
    ------
    RequestError
        With what to do.
    """
    other = [run for run in baseline if run.rules["division"] != newest.rules["division"]]
    if other:
        data = any(run.data != newest.data for run in other)
        raise RequestError(
            f"Run {newest.number} of '{newest.study}' and run {other[0].number} were scored on different test sets "
            f"({'their data' if data else 'the seed or the shares of their division'} differ), and would differ by "
            "these alone; name a newer run as the baseline, or see `bpbench track compare`, which says so beside it."
        )


def compare(newest: Run, baseline: Sequence[Run], *, name: str | None = None) -> Json:
    """Judge a run against one or several earlier ones.

    Parameters
    ----------
    newest : Run
        Its rules count.
    baseline : sequence of Run
        Taken together, as repeats of one state.
    name : str, optional
        How the baseline is called.

    Returns
    -------
    dict
        Plain JSON, as the report's rooms take it.

    Raises
    ------
    RequestError
        When the run is part of its own baseline, or the two have nothing in common.
    """
    if newest.id in {run.id for run in baseline}:
        raise RequestError(
            f"Run {newest.number} of '{newest.study}' is itself what it would be compared with; record another run "
            "first, or name another baseline."
        )
    _require_own_seeds(baseline)
    if len(baseline) > 1:
        require_one_division(baseline[-1], baseline[:-1])
    rules = newest.rules
    common = [variant for variant in newest.variants if all(variant in run.variants for run in baseline)]
    if not common:
        raise RequestError(
            f"Run {newest.number} of '{newest.study}' and what it is compared with have no contestant in common; "
            "record a new baseline."
        )
    series, why = _series(newest, baseline, common)
    if newest.rules["division"] != baseline[0].rules["division"]:
        why.append("The two sides were scored on different test sets, and what differs may be these.")
    same = [run.number for run in baseline if run.draw == newest.draw]
    if same:
        why.append(
            f"Run {same[0]} was trained from the same seeds (draw {newest.draw}): the two are no independent samples."
        )
    alone = [variant for variant in newest.variants if variant not in common]
    why += [f"'{variant}' is new: the baseline has no such contestant." for variant in alone]
    gone = dict.fromkeys(variant for run in baseline for variant in run.variants if variant not in newest.variants)
    why += [f"'{variant}' is gone: the newest run has no such contestant." for variant in gone]
    counts = Failures(_failures([newest], common), _failures(baseline, common))
    judged = judge(series, counts, alpha=rules["alpha"], correction=rules["correction"], power=rules["power"])
    worse = any(one.verdict == "worse" for one in judged)
    return {
        "study": newest.study,
        "answer": "regression" if worse else "no regression",
        "newest": header(newest),
        "baseline": {"name": name, "runs": [header(run) for run in baseline]},
        "changed": changed(newest, baseline),
        "alpha": rules["alpha"],
        "correction": rules["correction"],
        "power": rules["power"],
        "family": len(judged),
        "given": rules["given"],
        "margins": [
            {key: measure[key] for key in ("label", "unit", "kind")} | {"margin": _plain(measure["margin"])}
            for measure in measures(newest)
        ],
        "comparisons": [{**asdict(one), "remarks": list(one.remarks)} for one in judged],
        "not_compared": why,
    }


def _require_own_seeds(baseline: Sequence[Run]) -> None:
    """Refuse to count one draw of seeds twice."""
    seen: dict[int, Run] = {}
    for run in baseline:
        other = seen.setdefault(run.draw, run)
        if other is not run:
            raise RequestError(
                f"Runs {other.number} and {run.number} of '{run.study}' were trained from the same seeds (draw "
                f"{run.draw}), and to take them together would count these twice; name one of them."
            )


def _plain(margin: Margin | None) -> float | str | None:
    return None if margin is None else margin.plain


def header(run: Run) -> Json:
    """Return what tells a run from others."""
    return {key: getattr(run, key) for key in ("number", "made", "draw", "sources", "host", "made_by")}


def changed(newest: Run, before: Sequence[Run]) -> list[str]:
    """Return in words what made a run otherwise than those before it."""
    found = []
    for key, word in (("sources", "sources"), ("protocol", "protocol"), ("data", "data")):
        if any(getattr(run, key) != getattr(newest, key) for run in before):
            found.append(word)
    others = dict.fromkeys(run.host for run in before if run.host != newest.host)
    found += [f"host: {host} → {newest.host}" for host in others]
    return list(dict.fromkeys([*found, *(text for run in before for text in _versions(run.made_by, newest.made_by))]))


def _versions(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return which of Python and the libraries are of another version, each as ``name old → new``."""
    old = {"Python": before["python"], **before["versions"]}
    new = {"Python": now["python"], **now["versions"]}
    return [
        f"{name} {old.get(name, 'none')} → {new.get(name, 'none')}"
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]


def _series(newest: Run, baseline: Sequence[Run], common: Sequence[str]) -> tuple[list[Series], list[str]]:
    """Return everything that is compared, and why something is not."""
    why = []
    near = [run for run in baseline if run.host == newest.host]
    if not near:
        hosts = listed(list(dict.fromkeys(run.host for run in baseline)))
        why.append(
            f"Times and memory: the baseline was measured on {hosts}, this run on {newest.host}, and they compare on "
            "one kind of host alone."
        )
    made: list[Series] = []
    small: dict[str, list[str]] = {}
    for variant in common:
        for measure in measures(newest):
            pooled = baseline if measure["kind"] == "loss" else near
            one = _of(newest, pooled, variant, measure)
            if one is not None and _small(one):
                small.setdefault(measure["metric"], []).append(variant)
            elif one is not None:
                made.append(one)
            elif pooled:
                why.append(f"'{variant}', {measure['label']}: it has no value on one side or on both.")
    for key, _, label, unit, _ in COSTS:
        if key in small:
            names = listed([f"'{variant}'" for variant in small[key]])
            why.append(f"{label} of {names}: below {LEAST[key]:g} {unit} on both sides, too small to be compared.")
    return made, why


def _small(one: Series) -> bool:
    """Return whether a cost is too small on both sides to tell anything."""
    return one.newest.size > 0 and max(float(one.newest.mean()), float(one.baseline.mean())) < LEAST.get(
        one.metric, 0.0
    )


def _of(newest: Run, baseline: Sequence[Run], variant: str, measure: Json) -> Series | None:
    """Return what is compared, ``None`` without values; one that is gone from the newest run is compared as well."""
    ours, theirs = (values(runs, variant, measure["metric"]) for runs in ([newest], baseline))
    diverged = sum(result["status"] != "done" for result in newest.variants[variant]["results"])
    gone = measure["kind"] == "loss" and diverged > 1
    if not theirs.size or not (ours.size or gone):
        return None
    return Series(variant=variant, newest=ours, baseline=theirs, diverged=diverged, **measure)


def _failures(runs: Sequence[Run], common: Sequence[str]) -> Floats:
    """Return the share of trainings without a score, for each repeat of each run, or each split of a crossed design."""
    shares = []
    for run in runs:
        key = "split" if run.rules["design"] == "crossed" else "repeat"
        units: dict[int, list[bool]] = {}
        for variant in common:
            for result in run.variants[variant]["results"]:
                units.setdefault(result[key], []).append(result["status"] != "done")
        shares += [float(np.mean(failed)) for failed in units.values()]
    return np.array(shares, dtype=np.float64)

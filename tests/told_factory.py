"""What the texts of checks and of tracking are made from: clearly synthetic values in the shape that they get."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

Json = dict[str, Any]

RMSE = {"key": "rmse", "label": "RMSE", "unit": "meV/atom", "lower_is_better": True}
MAE = {"key": "mae", "label": "MAE", "unit": "meV/atom", "lower_is_better": True}
HOST = "x86_64, 8 cores"
OTHER_HOST = "aarch64, 64 cores"
#: Names that a text has to survive: markup, a table's edge, no plain letters, far too long.
HOSTILE = ("a|b", "<script>alert(1)</script>", "`x` *y* [z](http://a.b)", "漢字 $x^2$", "new\nline", "z" * 300)


def digest(letter: str) -> str:
    return letter * 64


# -------------------------------------------------------------------------------------------------------- the check


def comparison(**changes: Any) -> Json:
    """Return a comparison in which D has the lower RMSE than A."""
    return {
        "candidate": "D", "baseline": "A", "n": 10, "n_baseline": 10, "candidate_mean": 1.02, "baseline_mean": 1.26,
        "difference": -0.24, "low": -0.38, "high": -0.10, "level": 0.99240091, "equivalence_low": None,
        "equivalence_high": None, "d_z": -1.4, "hedges_g": -1.3, "statistic": -4.9, "df": 9.0, "p": 0.0008,
        "p_smallest": None, "p_adjusted": 0.0008, "p_equivalence": None, "p_equivalence_adjusted": None,
        "margin_width": None, "significant": True, "detectable": 0.2, "needed": None, "verdict": "better",
        "remarks": [],
    } | changes  # fmt: skip


def decision(**changes: Any) -> Json:
    """Return the body of a decision: the second look against A, in which D is adopted as superior."""
    return {
        "schema": 1,
        "study": "smoke",
        "protocol": digest("a"),
        "data": {"label": "Aluminium, 256 atoms", "sha256": digest("b")},
        "candidate": "D",
        "incumbent": "A",
        "rule": "superior",
        "margin": None,
        "metric": RMSE,
        "test": "paired-t",
        "design": "fixed",
        "given": "the claim holds given this split",
        "answer": "adopt",
        "because": ["D is significantly better than A, and a gain is not excluded"],
        "comparison": comparison(),
        "claim": {"p": 0.0008, "against": 0.9996, "bound": -0.12},
        "cost": {"candidate": 12000.0, "incumbent": 57000.0},
        "needed": None,
        "sequence": {
            "first": 2, "of": 1, "members": [], "seen": 10, "batch": "b",
            "alpha": 0.05, "level": 0.007599088, "spent": 0.03799544, "next": 0.003377373, "candidates": 2,
        },
        "chosen_after": None,
        "sources": [digest("c")],
        "elsewhere": 0, "again": False,
    } | changes  # fmt: skip


# ------------------------------------------------------------------------------------------------------------- runs


def header(number: int, **changes: Any) -> Json:
    """Return the head of a run: the day of the year follows its number."""
    day = np.datetime64("2025-01-01") + 7 * number
    return {
        "number": number,
        "made": f"{day}T09:30:12+00:00",
        "draw": number,
        "sources": digest("c"),
        "host": HOST,
        "made_by": {
            "host": "node7", "cpu": "EPYC 7543", "cores": 8, "python": "3.11.9", "platform": "Linux-6.1",
            "versions": {"numpy": "2.2.0", "scipy": "1.15.1"}, "bpbench": "0.1.0",
        },
    } | changes  # fmt: skip


def run(number: int, **changes: Any) -> Json:
    """Return a run of two variants with ten repeats each, one of which diverged in D."""
    results = [
        {"repeat": place, "status": "done", "scores": {"rmse": 1.0 + 0.1 * place, "mae": 0.8 + 0.01 * place}}
        for place in range(10)
    ]
    bad = [*results[:9], {"repeat": 9, "status": "diverged", "scores": {}}]
    costs = {"cpu_s": [10.0 + place for place in range(10)], "peak_mb": [500.0] * 10}
    return header(number) | {
        "study": "smoke",
        "protocol": digest("a"),
        "data": digest("b"),
        "metrics": [RMSE, MAE],
        "variants": {
            "A": {"results": results, **costs, "operations": 57000.0},
            "D": {"results": bad, **costs, "operations": None},
        },
        "rules": {},
    } | changes  # fmt: skip


def judged(variant: str = "A", metric: Json = RMSE, **changes: Any) -> Json:
    """Return a judged loss of which nothing is known to have changed."""
    return {
        "variant": variant, "metric": metric["key"], "label": metric["label"], "unit": metric["unit"], "kind": "loss",
        "margin": None, "n": 10, "n_baseline": 50, "mean": 1.25, "baseline_mean": 1.24, "change": 0.00806,
        "low": -0.021, "high": 0.037, "p": 0.55, "p_adjusted": 1.0, "p_equivalence_adjusted": None,
        "detectable": 0.052, "verdict": "undecided", "remarks": [],
    } | changes  # fmt: skip


def timed(variant: str = "A", **changes: Any) -> Json:
    """Return a judged time that is shown to be within its margin."""
    own = {"key": "cpu_s", "label": "CPU time", "unit": "s"}
    looks = {"kind": "time", "margin": "25%", "mean": 14.6, "baseline_mean": 14.5, "change": 0.0069, "p": 1.0}
    return judged(variant, own, **(looks | {"verdict": "equivalent", "p_equivalence_adjusted": 0.001} | changes))


def failed(**changes: Any) -> Json:
    """Return the member that counts failures."""
    own = {"key": "failures", "label": "failures", "unit": ""}
    looks: Json = {"kind": "failures", "n": 20, "n_baseline": 100, "mean": 0.05, "baseline_mean": 0.04, "change": 0.25}
    looks |= {"low": None, "high": None, "p": 0.6, "detectable": None}
    return judged("all variants", own, **(looks | changes))


def worse(variant: str = "D", metric: Json = RMSE, **changes: Any) -> Json:
    """Return a judged loss that became worse."""
    looks = {"mean": 1.31, "baseline_mean": 1.245, "change": 0.0522, "low": 0.031, "high": 0.074, "p": 1e-6}
    return judged(variant, metric, **(looks | {"p_adjusted": 6e-6, "verdict": "worse"} | changes))


def gated(*comparisons: Json, **changes: Any) -> Json:
    """Return what a gate tells: run 14 against the baseline 'main', runs 8 to 12."""
    found = list(comparisons)
    red = any(one["verdict"] == "worse" for one in found)
    return {
        "study": "smoke",
        "answer": "regression" if red else "no regression",
        "newest": header(14, sources=digest("d")),
        "baseline": {"name": "main", "runs": [header(number) for number in range(8, 13)]},
        "changed": ["sources", "numpy 2.2.0 → 2.3.1"],
        "alpha": 0.05,
        "correction": "holm",
        "power": 0.8,
        "family": len(found),
        "comparisons": found,
        "not_compared": [],
        "given": "One split for all repeats. What is claimed holds given this split.",
        "margins": [
            {"label": "RMSE", "unit": "meV/atom", "kind": "loss", "margin": "5 %"},
            {"label": "CPU time", "unit": "s", "kind": "time", "margin": "50 %"},
        ],
    } | changes


# ----------------------------------------------------------------------------------------------------------- trends


def history(runs: int = 24, variants: tuple[str, ...] = ("A", "D"), *, later: str | None = None) -> Json:
    """Return a history in which D gets worse by 6 % at run 13, then better at run 19, and the host changes at run 10.

    Parameters
    ----------
    runs, variants
        How many, and which.
    later
        A variant that is there from run 8 on only.
    """
    random = np.random.default_rng(7)
    heads = []
    for number in range(1, runs + 1):
        head = header(number, host=HOST if number < 10 else OTHER_HOST, changed=[])
        del head["made_by"]
        if number in {7, 13}:
            head["changed"] = ["sources"]
        if number == 10:
            head["changed"] = [f"host: {HOST} → {OTHER_HOST}", "numpy 2.2.0 → 2.3.1"]
        heads.append(head)
    series = []
    for variant in variants:
        for label, unit, kind, mean, sd in (
            ("RMSE", "meV/atom", "loss", 1.24, 0.06),
            ("95th percentile of |error|", "meV/atom", "loss", 2.6, 0.12),
            ("CPU time", "s", "time", 14.5, 0.3),
            ("peak memory", "MB", "memory", 512.0, 1.0),
        ):
            points = []
            for number in range(8 if variant == later else 1, runs + 1):
                level = mean * (1.06 if variant == "D" and 13 <= number < 19 and kind == "loss" else 1.0)
                level *= 0.8 if number >= 10 and kind == "time" else 1.0
                points.append({"run": number, "values": [float(value) for value in random.normal(level, sd, 10)]})
            found = []
            if variant == "D" and kind == "loss" and runs >= 20:
                after = 1.06 * mean
                found = [
                    {"run": 13, "before": mean, "after": after, "share": 0.06, "p": 0.001, "worse": True},
                    {"run": 19, "before": after, "after": mean, "share": -0.0566, "p": 0.004, "worse": False},
                ]
            few = len(points) < 6
            series.append(
                {
                    "variant": variant, "metric": label, "label": label, "unit": unit, "kind": kind,
                    "lower_is_better": True, "points": points,
                    "hosts": {str(head["number"]): head["host"] for head in heads}, "changes": found,
                    "looked": not few, "why_not": f"{len(points)} of at least 6 runs" if few else None,
                }
            )  # fmt: skip
    return {
        "study": "smoke",
        "made_with": "0.1.0",
        "runs": heads,
        "baselines": [{"name": "main", "runs": [number for number in range(3, 7) if number <= runs]}]
        if runs > 2
        else [],
        "series": series if runs else [],
        "rules": {
            "alpha": 0.05,
            "each": 0.00625,
            "looked": sum(one["looked"] for one in series) if runs else 0,
            "permutations": 999,
            "least": "margin",
            "shortest": 3,
            "middle": 11,
            "end": 14,
        },
    }


def renamed(told: Any, names: dict[str, str]) -> Any:
    """Return a value of plain JSON in which every text that is one of these names, keys too, has another."""
    if isinstance(told, dict):
        return {names.get(key, key): renamed(value, names) for key, value in told.items()}
    if isinstance(told, list):
        return [renamed(value, names) for value in told]
    return names.get(told, told) if isinstance(told, str) else copy.deepcopy(told)

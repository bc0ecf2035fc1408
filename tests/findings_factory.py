"""Findings of a study that never took place: clearly synthetic numbers in the shape that a report gets."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from bpbench.features import FeatureSet, preset
from bpbench.identity import settings
from bpbench.jobs import Hdnn
from bpbench.magnitudes import curve, told
from bpbench.standing import ranked as rank_all
from bpbench.statistics.bayes import correlated_t, signed_rank
from bpbench.statistics.by_size import by_size
from bpbench.statistics.estimates import Estimates, paired
from bpbench.statistics.rules import Rules

if TYPE_CHECKING:
    from bpbench.report.document import Document

GROUPS = (
    ("10 K solid", 10.0),
    ("300 K solid", 300.0),
    ("500 K solid", 500.0),
    ("800 K", 800.0),
    ("1000 K liquid", 1000.0),
    ("1250 K liquid", 1250.0),
    ("1350 K liquid", 1350.0),
    ("1500 K liquid", 1500.0),
    ("1600 K liquid", 1600.0),
    ("1700 K liquid", 1700.0),
    ("1500 K liquid, second run", 1500.0),
)
#: name, set, model, mean and spread of the synthetic RMSE in meV/atom
VARIANTS = (
    ("A", "A", "network", 1.02, 0.12),
    ("B", "B", "network", 1.31, 0.15),
    ("C", "C", "network", 1.22, 0.16),
    ("D", "D", "network", 1.25, 0.14),
    ("22", "22", "network", 1.62, 0.22),
    ("forest", "D", "forest", 4.83, 0.09),
    ("lightgbm", "D", "lightgbm", 3.91, 0.11),
    ("linear", "D", "linear", 0.231, 0.0),
)
SHAPE = {"A": "57-10-10-1", "B": "57-10-10-1", "C": "57-10-10-1", "D": "57-10-10-1", "22": "22-10-10-1"}
METRICS = ("rmse", "mae", "p95", "max", "mse", "half_mse")
PROTOCOL = """\
# A protocol that was never run: its numbers are drawn, not trained.
title: Which 57?
question: Does it matter which 57 of the 329 symmetry functions feed the network?
data: {kind: aluminium}
repeats: 10
"""


def _functions(chosen: FeatureSet) -> list[dict[str, Any]]:
    found = []
    for item in chosen:
        keys = ("eta", "r_s", "r_c") if item.kind == "G2" else ("eta", "zeta", "lam", "r_c")
        found.append({"name": item.name, "kind": item.kind, **{key: getattr(item, key) for key in keys}})
    return found


def _scores(rmse: float) -> dict[str, float]:
    mse = (rmse / 1000 * 256) ** 2
    return dict(zip(METRICS, (rmse, 0.8 * rmse, 1.96 * rmse, 3.1 * rmse, mse, mse / 2), strict=True))


def _summary(values: list[float]) -> dict[str, float | None]:
    n, mean, sd = len(values), float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None
    half = None if not sd else float(stats.t.ppf(0.975, n - 1)) * sd / math.sqrt(n)
    return {
        "mean": mean,
        "sd": sd,
        "min": min(values),
        "max": max(values),
        "low": None if half is None else mean - half,
        "high": None if half is None else mean + half,
    }


def comparison(**changes: Any) -> dict[str, Any]:
    """Return one judged comparison of A with D in which A is better by 0.31 meV/atom; ``changes`` replace entries."""
    entries: dict[str, Any] = {
        "candidate": "A", "baseline": "D", "n": 10, "candidate_mean": 0.94, "baseline_mean": 1.25, "difference": -0.31,
        "low": -0.5, "high": -0.12, "level": 0.95, "equivalence_low": -0.464, "equivalence_high": -0.156,
        "d_z": -1.17, "hedges_g": -1.1, "statistic": -3.69, "df": 9, "p": 0.001, "p_smallest": None,
        "p_adjusted": 0.003, "p_equivalence": 0.9, "p_equivalence_adjusted": 0.9, "significant": True,
        "detectable": 0.27, "verdict": "better", "remarks": [],
        "bayes": {"model": "correlated-t", "better": 0.891, "equal": 0.1086, "worse": 0.0004, "draws": None,
                  "error": None},
        "estimates": _estimates([0.91, 1.02, 0.97, 0.86, 0.94], [1.31, 1.22, 1.18, 1.35, 1.19]),
    }  # fmt: skip
    entries |= changes
    return {"n_baseline": entries["n"], **entries}


def _estimates(mine: list[float], base: list[float]) -> dict[str, Any] | None:
    found = paired(np.array(mine), np.array(base), seed=1, resamples=199)
    return told(Estimates(len(mine), len(base), paired=True, level=0.95, values=found))


def _compare(candidate: str, mine: list[float], base: list[float], size: int, margin: float) -> dict[str, Any]:
    gap = np.subtract(mine, base)
    n, mean, sd = len(gap), float(gap.mean()), float(gap.std(ddof=1))
    error = sd / math.sqrt(n)
    half, narrow = (float(stats.t.ppf(q, n - 1)) * error for q in (0.975, 0.95))
    p = float(2 * stats.t.sf(abs(mean / error), n - 1))
    tost = float(max(stats.t.sf((mean + margin) / error, n - 1), stats.t.cdf((mean - margin) / error, n - 1)))
    adjusted, tost_adjusted = min(1.0, p * size), min(1.0, tost * size)
    verdict = "equivalent" if tost_adjusted < 0.05 else "undecided"
    if verdict == "undecided" and adjusted < 0.05:
        verdict = "better" if mean < 0 else "worse"
    return comparison(
        candidate=candidate, n=n, candidate_mean=float(np.mean(mine)), baseline_mean=float(np.mean(base)),
        difference=mean, low=mean - half, high=mean + half, equivalence_low=mean - narrow,
        equivalence_high=mean + narrow, d_z=mean / sd, hedges_g=0.91 * mean / sd, statistic=mean / error, df=n - 1,
        p=p, p_adjusted=adjusted, p_equivalence=tost, p_equivalence_adjusted=tost_adjusted, significant=adjusted < 0.05,
        detectable=1.5 * sd, verdict=verdict,
        bayes=dataclasses.asdict(correlated_t(gap, margin=margin)),
        estimates=_estimates(mine, base),
    )  # fmt: skip


def _curve(rng: np.random.Generator, floor: float, repeats: int) -> dict[str, Any]:
    epoch = np.arange(1, 101)
    train = floor * 0.9 + 60 * np.exp(-epoch / 6) + 8 * np.exp(-epoch / 30)
    noise = 1 + 0.04 * rng.standard_normal(epoch.size)
    parts = {"train": train, "validation": train * 1.1 * noise}
    curve: dict[str, Any] = {"epoch": epoch.tolist(), "repeats": repeats, "running": [repeats] * 100, "longest": 100}
    for part, middle in parts.items():
        bands = {"median": middle, "low": middle * 0.85, "high": middle * 1.25}
        curve[part] = {key: band.round(6).tolist() for key, band in bands.items()}
    return curve


def _variant(row: tuple[str, str, str, float, float], repeats: int, states: int) -> dict[str, Any]:
    name, chosen, model, mean, spread = row
    rng = np.random.default_rng(sum(map(ord, name + "synthetic")))
    tests = [float(value) for value in mean + spread * rng.standard_normal(repeats)]
    network, stepwise = model == "network", model in {"network", "lightgbm"}
    late = [stepwise and repeat % 4 == 3 for repeat in range(repeats)]
    parts = {"train": 0.85, "validation": 1.05, "test": 1.0}
    results = [
        {
            "repeat": repeat,
            "split": 0,
            "status": "done",
            "message": None,
            "scores": {part: _scores(value * factor) for part, factor in parts.items()},
            "converged": (not late[repeat]) if stepwise else None,
            "checkpoint": 93 if stepwise else None,
            "stopped": "epochs" if network else None,
            "ran": 100 if stepwise else None,
            "least_loss": {"rmse": 1.05 * value, "epoch": 93} if stepwise else None,
            "remarks": [],
        }
        for repeat, value in enumerate(tests)
    ]
    inputs = 22 if chosen == "22" else 57
    reference = [
        -3.4 + 0.0004 * kelvin + 0.004 * rng.standard_normal() for _, kelvin in GROUPS[:states] for _ in range(8)
    ]
    return {
        "name": name,
        "set": chosen,
        "model": model,
        "inputs": inputs,
        "shape": SHAPE.get(name),
        "parameters": {"network": inputs * 10 + 10 + 110 + 11, "linear": inputs + 1}.get(model),
        "results": results,
        "n": repeats,
        "configurations": [280],
        "blocks": [56],
        "share": 1.0,
        "not_converged": sum(late),
        "checkpoint": 93.0 if stepwise else None,
        "stopped": {"epochs": repeats if network else 0, "patience": 0},
        "least_loss": (
            {"mean": 1.05 * float(np.mean(tests)), "min": 1.05 * min(tests), "epoch": 93.0, "n": repeats}
            if stepwise
            else None
        ),
        "best_of": None if model == "linear" else curve(np.array(tests), lower_is_better=True),
        "ensemble": None,
        "linear": None,
        "twin": None,
        "summary": {
            part: {key: _summary([entry["scores"][part][key] for entry in results]) for key in METRICS}
            for part in parts
        },
        "curve": _curve(rng, mean, repeats) if stepwise else None,
        "groups": [
            {"name": group, "frames": 8, "rmse": size, "p95": 1.9 * size, "max": 2.7 * size}
            for group, kelvin in GROUPS[:states]
            for size in [mean * (0.35 + 0.0008 * kelvin) * float(rng.uniform(0.8, 1.2))]
        ],
        "parity": {
            "reference_ev_per_atom": reference,
            "predicted_ev_per_atom": [value + mean / 1000 * float(rng.standard_normal()) for value in reference],
            "group": [group for group, _ in GROUPS[:states] for _ in range(8)],
            "repeat": 0,
            "total": len(reference),
        },
    }


def _jobs(variants: list[dict[str, Any]], repeats: int) -> dict[str, int]:
    total = repeats * len(variants)
    # A linear potential has no seed: on the one split it is trained once for all repeats.
    once = sum(variant["model"] == "linear" for variant in variants)
    repeated = once * (repeats - 1)
    return {
        "total": total, "distinct": total - repeated, "repeated": repeated, "shared": 0, "done": total, "failed": 0,
        "missing": 0,
    }  # fmt: skip


def findings(
    *,
    repeats: int = 10,
    margin: float = 0.2,
    names: tuple[str, ...] = tuple(row[0] for row in VARIANTS),
    states: int = 11,
) -> dict[str, Any]:
    """Return the findings of eight variants, five of them networks, over eleven state points, or of fewer."""
    sets = [
        {
            "name": name,
            "preset": key,
            "size": len(preset(key)),
            "reconstructed": True,
            "functions": _functions(preset(key)),
        }
        for name, key in (*((letter, f"thesis-57-{letter}") for letter in "ABCD"), ("22", "thesis-22"))
    ]
    variants = [_variant(row, repeats, states) for row in VARIANTS if row[0] in names]
    rulers = [variant for variant in variants if variant["model"] == "linear"]
    for variant in variants:
        for ruler in rulers:
            if variant["set"] == ruler["set"] and variant is not ruler:
                variant["linear"] = {"variant": ruler["name"], "mean": ruler["summary"]["test"]["rmse"]["mean"]}
    tests = {v["name"]: [r["scores"]["test"]["rmse"] for r in v["results"]] for v in variants}
    family = [[name, "D"] for name in tests if name != "D"]
    ranking, unranked = rank_all(tests, [0] * repeats, Rules("paired-t", "fixed"), baseline="D", twins={}, root=1)
    groups = [
        {
            "name": name,
            "frames": 40,
            "blocks": 8,
            "atoms_per_frame": [256, 256],
            "temperature_k": [kelvin, kelvin],
            "energy_ev_per_atom": [-3.41 + 4e-4 * kelvin, -3.4 + 4e-4 * kelvin, -3.39 + 4e-4 * kelvin],
            "force_max_ev_per_a": 0.2 + 0.002 * kelvin,
            "tau_frames": 0.5 + 0.001 * kelvin,
            "effective_frames": 40 / max(1.0, 0.5 + 0.001 * kelvin),
            "tau_reliable": kelvin < 100,
        }
        for name, kelvin in GROUPS[:states]
    ]
    return {
        "schema": 1,
        "bpbench": "0.1.0",
        "protocol": {
            "name": "synthetic",
            "digest": hashlib.sha256(PROTOCOL.encode()).hexdigest(),
            "quick": False,
            "title": "Which 57? (synthetic numbers)",
            "question": "Does it matter which 57 of the 329 symmetry functions feed the network?",
            "text": PROTOCOL,
            "command": "bpbench run protocols/synthetic.yaml",
            "seed": 1,
            "formats": ["html", "pdf"],
        },
        "data": {
            "label": "EMT aluminium, embedded sample",
            "kind": "aluminium",
            "method": "EMT",
            "file": "aluminium_sample.npz",
            "sha256": hashlib.sha256(b"synthetic").hexdigest(),
            "frames": 440,
            "atoms": 112640,
            "atoms_per_frame": [256, 256],
            "elements": ["Al"],
            "groups": groups,
            "blocks": 88,
            "blocks_declared": False,
            "remarks": ["Blocks of 5 consecutive frames were cut."],
        },
        "split": {
            "design": "fixed",
            "reserve": 0.2,
            "validation": 0.2,
            "repeats": repeats,
            "splits": 1,
            "counts": [
                {
                    "split": 0, "train": 280, "validation": 80, "test": 80,
                    "train_blocks": 56, "validation_blocks": 16, "test_blocks": 16,
                }
            ],
            "timeline": [
                {
                    "split_by": "block",
                    "group": name,
                    "runs": [[part, 5] for part in np.roll([*["train"] * 6, "test", "validation"], place).tolist()],
                }
                for place, (name, _) in enumerate(GROUPS[:states])
            ],
            "sentence": "A repeat draws new weights and a new batch order on one fixed split; claims hold given "
            "this split.",
        },
        "pool": {"name": "thesis-329", "size": 329, "reconstructed": True},
        "sets": sets,
        "models": [{**entry, "base": None, "changes": None} for entry in (
            {"name": "network", "kind": "hdnn", "label": "HDNN",
             "values": json.loads(json.dumps(settings(Hdnn("hdnn"))))},
            {"name": "forest", "kind": "random-forest", "label": "random forest",
             "values": {"kind": "random-forest", "trees": 200, "max_depth": None, "max_features": 1 / 3,
                        "min_samples_leaf": 1}},
            {"name": "lightgbm", "kind": "lightgbm", "label": "LightGBM",
             "values": {"kind": "lightgbm", "rounds": 1000, "patience": 50, "learning_rate": 0.05, "leaves": 15,
                        "min_samples_leaf": 5, "row_share": 0.8, "column_share": 0.8}},
            {"name": "linear", "kind": "linear", "label": "linear potential",
             "values": {"kind": "linear", "strengths": [10.0**power for power in range(-12, 3)]}},
        )],
        "mean_level": 0.95,
        "metric": {"key": "rmse", "label": "RMSE", "unit": "meV/atom"},
        "variants": variants,
        "sweeps": [],
        "constant": {"test": _scores(214.7)},
        "analysis": {
            "metric": "rmse",
            "part": "test",
            "test": "paired-t",
            "redrawings": None,
            "correction": "holm",
            "alpha": 0.05,
            "margin": margin,
            "baseline": "D",
            "family": family,
            "units": repeats,
            "power": 0.8,
            "chosen_after": None,
            "comparisons": [_compare(name, tests[name], tests["D"], len(family), margin) for name, _ in family],
            "detectable_dz": 1.5,
            "unequal": False,
            "ranking": ranking,
            "unranked": unranked,
        },
        "failures": [],
        "jobs": _jobs(variants, repeats),
    }  # fmt: skip


def small() -> dict[str, Any]:
    """Return the findings of two networks and a linear potential over two states, three repeats each."""
    return findings(repeats=3, names=("A", "D", "linear"), states=2)


def resampled() -> dict[str, Any]:
    """Return :func:`small` in a design of overlapping splits: no mean has an interval, and nothing is trained once."""
    data = small()
    data["split"].update(design="resampled", splits=3, sentence="Every repeat redraws the split.")
    data["split"]["counts"] = [{**data["split"]["counts"][0], "split": number} for number in range(3)]
    data["analysis"].update(
        test="nadeau-bengio",
        ranking=None,
        unranked="The test 'friedman' is not allowed in a resampled design: splits overlap.",
    )
    data["jobs"] |= {"distinct": data["jobs"]["total"], "repeated": 0}
    for variant in data["variants"]:
        for part in variant["summary"].values():
            for scores in part.values():
                scores.update(low=None, high=None)
    return data


def swept() -> dict[str, Any]:
    """Return :func:`small` with a sweep of widths and skips for 140 and 280 configurations, and an ensemble.

    One combination has no result.
    """
    data = small()
    base = next(variant for variant in data["variants"] if variant["name"] == "D")
    network = data["models"][0]
    axes = [
        {"key": "hidden", "label": "hidden layers", "values": ["5", "10-10"], "positions": None},
        {"key": "observations", "label": "training configurations", "values": ["140", "all"],
         "positions": [140.0, 280.0]},
    ]  # fmt: skip
    points = []
    for place, hidden in enumerate(("5", "10-10")):
        changes = f"hidden {hidden}"
        values = {**network["values"], "hidden": [int(nodes) for nodes in hidden.split("-")]}
        data["models"].append(
            {**network, "name": f"network, {changes}", "base": "network", "changes": changes, "values": values}
        )
        for other, (text, count) in enumerate((("140", 140), ("all", 280))):
            name = f"{changes}, observations {text}"
            made = deep_copy(base) | {
                "name": name,
                "model": f"network, {changes}",
                "configurations": [count],
                "blocks": [count // 5],
            }
            made |= {"share": count / 280, "linear": base["linear"] if text == "all" else None}
            data["variants"].append(made)
            points.append({"variant": name, "at": [place, other]})
    data["variants"][-2].update(n=0, summary={}, curve=None, groups=[], parity=None, linear=None)
    data["variants"][-2]["results"] = []
    data["variants"][-1]["ensemble"] = {
        "size": 5, "n": 3, "spread": 0.41, "within": 0.71, "members": 1.61, "correlation": 0.34, "nominal": 0.884,
    }  # fmt: skip
    data["sweeps"] = [{"name": "layers", "axes": axes, "points": points}]
    return data


def ranked(size: int = 2) -> dict[str, Any]:
    """Return :func:`small` judged by the signed-rank test, with a family of one or two."""
    data = small()
    analysis = data["analysis"]
    analysis.update(test="wilcoxon", detectable_dz=None)
    analysis.update(family=analysis["family"][:size], comparisons=analysis["comparisons"][:size])
    for entry in analysis["comparisons"]:
        entry.update(p_smallest=0.25, df=None, detectable=None)
        mine, base = (
            [result["scores"]["test"]["rmse"] for v in data["variants"] if v["name"] == name for result in v["results"]]
            for name in (entry["candidate"], entry["baseline"])
        )
        entry["bayes"] = dataclasses.asdict(signed_rank(np.subtract(mine, base), margin=0.2, seed=1))
    return data


def in_pairs() -> dict[str, Any]:
    """Return :func:`small` with every pair of its three variants, judged by sign flips and max-T."""
    data = small()
    tests = {v["name"]: [r["scores"]["test"]["rmse"] for r in v["results"]] for v in data["variants"]}
    family = [[b, a] for a, b in combinations(tests, 2)]
    data["analysis"].update(
        test="sign-flip", correction="max-t", redrawings={"count": 8, "all": True}, detectable_dz=None, family=family,
        comparisons=[
            {**_compare(b, tests[b], tests[a], len(family), 0.2), "baseline": a, "df": None, "detectable": None,
             "p_smallest": 0.25}
            for b, a in family
        ],
    )  # fmt: skip
    return data


def without_results() -> dict[str, Any]:
    """Return the findings of a study in which no training has succeeded."""
    data = findings(repeats=2, names=("A", "D", "linear"), states=2)
    message = "The training left the finite numbers at epoch 3."
    data["failures"] = [
        {"variant": v["name"], "repeat": repeat, "status": "diverged", "message": message}
        for v in data["variants"]
        for repeat in range(2)
    ]
    for variant in data["variants"]:
        for result in variant["results"]:
            result.update(status="diverged", message=message, scores=None, converged=None, checkpoint=None)
        variant.update(n=0, not_converged=0, summary={}, curve=None, groups=[], parity=None, best_of=None)
    data["constant"] = {"test": {}}
    data["analysis"].update(ranking=None, unranked="ranks are given for 3 to 60 contestants, and 0 of 3 can be ranked.")
    for entry in data["analysis"]["comparisons"]:
        entry.update({key: None for key in entry if key not in {"candidate", "baseline", "level", "remarks"}})
        entry.update(n=0, n_baseline=0, significant=False, verdict="undecided", remarks=["no repeat of both succeeded"])
    data["jobs"] |= {"done": 0, "failed": 6}
    return data


@functools.cache
def composed(name: str = "small", language: str = "en") -> Document:
    """Return the report on the findings of that name, drawn once for all who look at it: nothing in it can change."""
    from bpbench.report.compose import compose
    from bpbench.report.language import spoken
    from bpbench.report.templating import folders

    with spoken(language, folders()):
        return compose(deep_copy(globals()[name]()), environment())


def searched() -> dict[str, Any]:
    """Return :func:`small` with a strategy of every kind on the 57 functions of D, each with another outcome.

    ``back`` is equivalent to D, ``one`` better, ``weighed`` undecided, ``forth`` worse; ``rand`` and ``groups`` chose
    one set, ``shift`` the whole, ``small`` the best that it explored, ``lost`` nothing, and ``torn`` could not go on.
    """
    data = small()
    made = _Searched(data)
    made.chose("one", "drop-one", range(2, 57), "better", _left_out_alone(made), remove=[1, 2], race=_RACE)
    made.chose("back", "backward", range(40), "equivalent", _left_out_in_turn(made), order="listed", step=1, least=1)
    made.chose("forth", "forward", range(2), "worse", _added(made), most=2)
    made.chose("weighed", "by-weight", range(50), "undecided", _weighed(made), by="absolute", drop=[7])
    made.chose("rand", "random-subsets", range(9), "undecided", _drawn(made), sizes=[4, 9], draws=3)
    made.chose("groups", "evenly-spaced", range(9), None, _listed(made), steps=[[1, 5, 2]], starts=[[1, 202, 281]])
    made.chose("shift", "by-shift", range(57), None, _ranges(made), ranges=[[0, 0], [0.5, 2]], angular="with")
    made.chose("small", "smallest", range(40), None, _smaller(made), by="functions", sets=["D"], strategies=["back"])
    diverged = [made.tried("without a", range(56), [None, None, None])]
    lost = [made.step("Every smaller set diverged: nothing was chosen.", diverged)]
    made.chose("lost", "drop-one", None, None, lost, remove=[1])
    made.chose("torn", "forward", None, None, [], most=3, broken="3 of 9 trainings failed: no disk.")
    one, rand, small_one = (made.strategies[place] for place in (0, 4, 7))
    one.update(outer=3, stopped=1, spared=1, kept=[1 / 3, 0.0, *[1.0] * 55])
    one["stability"] = {
        "choices": 3, "jaccard": 0.971, "kuncheva": None, "lustgarten": 0.642, "nogueira": 0.655, "low": 0.213,
        "high": 1.097, "level": 0.95, "frequencies": one["kept"], "sizes": [55, 55, 56],
    }  # fmt: skip
    rand["sizes"] = _by_size(rand["steps"][0]["tried"])
    small_one.update(set=None, rival="small: the best")
    small_one["choice"].update(set="back", against={**small_one["choice"]["against"], "set": "back", "same": True})
    small_one["best"] = {**small_one["choice"], "variant": "small: the best", "against": None}
    data["exploration"] = {
        "repeats": 3, "design": "resampled", "test": 0.2, "validation": 0.2, "trainings": 431,
        "searched_before": 0,
        "strategies": made.strategies,
    }  # fmt: skip
    data["costs"] = [
        {"variant": name, "set": name, "model": "network", "functions": size, "operations_per_atom": 1000.0 * size,
         "of_baseline": size / 57, "mean": mean, "on_front": name != "forth"}
        for name, size, mean in (("D", 57, 1.25), ("one", 55, 1.26), ("back", 40, 1.27), ("forth", 41, 1.4))
    ]  # fmt: skip
    data["analysis"]["ranking"] = None
    data["analysis"]["unranked"] = "ranks are not given here."
    return deep_copy(data)


_RACE = {"rule": "friedman", "first": 2, "alpha": 0.05}


class _Searched:
    """Findings to which strategies are added."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self.pool = [
            function["name"] for entry in data["sets"] if entry["name"] == "D" for function in entry["functions"]
        ]
        self.strategies: list[dict[str, Any]] = []
        self.rng = np.random.default_rng(6)
        self.whole = [1.21, 1.27, 1.24]

    def tried(self, label: str, chosen: Any, scores: list[float | None], **beside: Any) -> dict[str, Any]:
        """Return a candidate; its mean is that of its scores, its difference that to the whole set."""
        places, found = list(chosen), [score for score in scores if score is not None]
        mean = float(np.mean(found)) if found and len(found) == len(scores) else None
        gap = None if mean is None else mean - float(np.mean(self.whole[: len(scores)]))
        compared = (
            {"n": len(scores), "difference": gap, "low": gap - 0.05, "high": gap + 0.05} if gap is not None else None
        )
        if compared is not None:
            compared |= {"non_inferior": gap < 0.1, "p_non_inferior": 0.021}
        if label == "the whole set":
            compared = None
        one = {"label": label, "chosen": places, "cost": 1000.0 * len(places), "scores": scores, "mean": mean}
        return one | {"stopped": None, "compared": compared, "value": None} | beside

    def scores(self, level: float, n: int = 3) -> list[float | None]:
        return [round(float(level + 0.02 * self.rng.standard_normal()), 6) for _ in range(n)]

    def start(self) -> dict[str, Any]:
        """Return the whole set as a candidate."""
        return self.tried("the whole set", range(57), list(self.whole))

    def step(self, said: str, tried: list[dict[str, Any]], taken: str | None = None, **more: Any) -> dict[str, Any]:
        entries = {"said": said, "reference": "the whole set", "taken": taken, "left": None, "tried": tried}
        return entries | more

    def chose(
        self, name: str, kind: str, chosen: Any, verdict: str | None, told: list[dict[str, Any]], /, **settings: Any
    ) -> None:
        """Add a strategy, with its contestant and its comparison where it has these."""
        broken = settings.pop("broken", None)
        choice = None if chosen is None else self._choice(name, list(chosen))
        tried = [one for step in told for one in step["tried"]]
        self.strategies.append(
            {
                "name": name, "kind": kind, "set": "D", "model": "network", "settings": settings, "margin": 0.2,
                "margin_width": 0.2, "pool": self.pool, "outer": 1, "by_operations": True, "asked": 3 * len(tried),
                "at_most": 400, "candidates": len(tried), "stopped": 0, "spared": 0, "broken": broken, "rival": "D",
                "ended": broken is None, "steps": told, "choice": choice, "best": None, "sizes": None,
                "stability": None,
                "kept": None if choice is None else [float(place in choice["chosen"]) for place in range(57)],
            }
        )  # fmt: skip
        analysis = self.data["analysis"]
        pair = [name, "small: the best" if kind == "smallest" else "D"]
        analysis["family"].append(pair)
        if verdict is None:
            blank = comparison(candidate=name, baseline=pair[1])
            nothing = {key: None for key in blank if key not in {"candidate", "baseline", "level", "remarks"}}
            remark = f"Nothing has filled the slot '{name}', which counts among the comparisons all the same."
            nothing |= {"n": 0, "n_baseline": 0, "significant": False, "verdict": "undecided", "remarks": [remark]}
            analysis["comparisons"].append(blank | nothing)
        else:
            analysis["comparisons"].append(comparison(candidate=name, **_VERDICTS[verdict]))
        if choice is not None:
            self._contestant(name, choice)

    def _choice(self, name: str, chosen: list[int]) -> dict[str, Any]:
        size = len(chosen)
        same = size == 57
        against = {
            "variant": "D",
            "set": "D",
            "functions": 57,
            "same": same,
            "operations": round(0.01 * size + 0.43, 2),
        }
        explored = 1.24 if same else round(1.2 + 0.001 * size, 4)
        return {
            "variant": name, "set": "D" if same else name, "size": size, "chosen": chosen, "cost": 1000.0 * size,
            "explored": explored, "explored_whole": 1.24, "explored_difference": explored - 1.24, "least": 1.13,
            "confirmed": 1.253, "whole": "D", "confirmed_difference": 0.013, "against": against,
        }  # fmt: skip

    def _contestant(self, name: str, choice: dict[str, Any]) -> None:
        base = next(variant for variant in self.data["variants"] if variant["name"] == "D")
        twin = {"groups": "rand", "shift": "D", "small": "back"}.get(name)
        choice["set"] = twin or choice["set"]
        names = [name, "small: the best"] if name == "small" else [name]
        for called in names:
            made = deep_copy(base) | {"name": called, "set": choice["set"], "twin": twin}
            self.data["variants"].append(made)
        if twin is None:
            whole = next(entry for entry in self.data["sets"] if entry["name"] == "D")
            functions = [whole["functions"][place] for place in choice["chosen"]]
            self.data["sets"].append({**whole, "name": name, "size": len(functions), "functions": functions})


#: What a comparison of each verdict has beside its names.
_VERDICTS: dict[str, dict[str, Any]] = {
    "better": {},
    "worse": {"difference": 0.31, "low": 0.12, "high": 0.5, "verdict": "worse"},
    "equivalent": {"difference": 0.02, "low": -0.05, "high": 0.09, "equivalence_low": -0.04, "equivalence_high": 0.08,
                   "significant": False, "p": 0.4, "p_adjusted": 0.8, "p_equivalence": 0.004,
                   "p_equivalence_adjusted": 0.016, "verdict": "equivalent"},
    "undecided": {"difference": 0.11, "low": -0.1, "high": 0.32, "significant": False, "p": 0.2, "p_adjusted": 0.6,
                  "verdict": "undecided"},
}  # fmt: skip


def _left_out_alone(made: _Searched) -> list[dict[str, Any]]:
    why = "After 2 repeats its rank sum of 91 is 83 above the best one's."
    alone = [made.start()]
    for place, name in enumerate(made.pool):
        chosen = [other for other in range(57) if other != place]
        late = place == 56
        scores = made.scores(1.2 + 0.002 * place, 2 if late else 3)
        alone.append(made.tried(f"without {name}", chosen, scores, stopped=why if late else None))
    both = made.tried("without the 2 whose absence helps most", range(2, 57), made.scores(1.2))
    taken = both["label"]
    return [
        made.step("Each of 57 functions was left out alone.", alone, left=[57, 57, 56]),
        made.step("Left out together and trained again.", [made.start(), both], taken),
    ]


def _left_out_in_turn(made: _Searched) -> list[dict[str, Any]]:
    found = []
    for place in range(3):
        label = f"without {made.pool[56 - place]}"
        one = made.tried(label, range(56 - place), made.scores(1.22 if place < 2 else 1.6))
        left = 56 - min(place, 1)
        said = f"{made.pool[56 - place]}: {'dropped' if place < 2 else 'kept'}, {left} left."
        found.append(made.step(said, [one] if place else [made.start(), one], label if place < 2 else None))
    return found


def _added(made: _Searched) -> list[dict[str, Any]]:
    found = []
    for size in (1, 2):
        labels = [f"with {made.pool[place]}" for place in (size - 1, size + 4)]
        tried = [made.tried(label, range(size), made.scores(1.6 / size + 0.1 * n)) for n, label in enumerate(labels)]
        said = f"{made.pool[size - 1]} was added: {size} now, not yet shown as good as the whole."
        found.append(made.step(said, [made.start(), *tried], labels[0]))
    return found


def _weighed(made: _Searched) -> list[dict[str, Any]]:
    order = [*range(50, 57), *range(50)]
    weighed = [made.tried(made.pool[place], [place], [], value=0.031 * (n + 1)) for n, place in enumerate(order)]
    less = made.tried("without the 7 that matter least", range(50), made.scores(1.25))
    said = "The sum of the absolute first-layer weights of an input, averaged over 3 repeats, from the least on."
    return [
        made.step(said, [made.start(), *weighed]),
        made.step("Left out together and trained again.", [made.start(), less], less["label"]),
    ]


def _drawn(made: _Searched) -> list[dict[str, Any]]:
    tried = [
        made.tried(f"{size} functions, draw {draw}", range(draw, draw + size), made.scores(3 / size + 0.9))
        for size in (4, 9)
        for draw in (1, 2, 3)
    ]
    tried[3]["chosen"] = list(range(9))
    return [made.step("Of 6 random subsets the one of the best mean was chosen.", tried, "9 functions, draw 1",
                      reference="9 functions, draw 1")]  # fmt: skip


def _listed(made: _Searched) -> list[dict[str, Any]]:
    tried = [made.tried("steps 1/5/2, starts 1/202/281", range(9), made.scores(1.2))]
    return [made.step("Of 1 evenly spaced groups the one of the best mean was chosen.", tried, tried[0]["label"],
                      reference=tried[0]["label"])]  # fmt: skip


def _ranges(made: _Searched) -> list[dict[str, Any]]:
    labels = ("G2 of R_s = 0 and angular", "G2 of R_s 0.5 to 2 and angular")
    tried = [made.tried(label, range(57 - 20 * n), made.scores(1.24 + n)) for n, label in enumerate(labels)]
    return [made.step("Of 2 ranges of R_s the one of the best mean was chosen.", tried, labels[0], reference=labels[0])]


def _smaller(made: _Searched) -> list[dict[str, Any]]:
    tried = [
        made.tried(name, range(size), made.scores(level))
        for name, size, level in (("D", 57, 1.3), ("back", 40, 1.2), ("few", 12, 2.0))
    ]
    said = "The best is back, and no smaller one is shown to be as good within the margin."
    return [made.step(said, tried, "back", reference="back")]


def _by_size(tried: list[dict[str, Any]]) -> dict[str, Any]:
    scores = [one["mean"] for one in tried]
    found = by_size([len(one["chosen"]) for one in tried], np.array(scores))
    return {"correction": "holm", "alpha": 0.05, "repeats": 3, "scores": scores, **dataclasses.asdict(found)}


def environment() -> dict[str, Any]:
    """Return a synthetic environment record."""
    return {
        "made": "2026-01-02T03:04:05Z", "host": "synthetic-host", "cpu": "synthetic CPU", "cores": 2,
        "python": "3.11.7", "platform": "Linux", "versions": {"numpy": "2.4.6", "tensorflow": "2.21.0"},
        "command": "bpbench run protocols/synthetic.yaml", "wall_s": 123.4, "jobs_run": 90, "jobs_loaded": 2,
        "seconds_by_kind": {"Describe": 20.1, "Train hdnn": 88.0}, "seconds_by_variant": {"A": {"mean": 2.1, "n": 10}},
        "store": "~/.bpbench/store", "pdf": "rendered",
    }  # fmt: skip


def deep_copy(data: dict[str, Any]) -> dict[str, Any]:
    """Return an independent copy, through JSON as a report would read it."""
    copied: dict[str, Any] = json.loads(json.dumps(data))
    return copied


def compared() -> dict[str, Any]:
    """Return the findings of a table of scores of three models over eight repeats, one absent, one without a score."""
    from bpbench import score_findings, scores
    from bpbench.data.score_files import Roles, Scores

    rng = np.random.default_rng(20)
    shared = rng.normal(size=8)
    rows = [
        (model, repeat, 2.5 + 0.3 * shared[repeat] + shift + 0.05 * rng.normal())
        for model, shift in enumerate((0.0, -0.2, 0.01))
        for repeat in range(8)
        if (model, repeat) != (2, 5)
    ]
    score = np.array([value for _, _, value in rows])
    score[3] = np.nan
    held = Scores(
        label="scores.csv",
        sha256=hashlib.sha256(b"scores").hexdigest(),
        rows=len(rows),
        columns=3,
        variants=("base", "wide", "deep"),
        units=tuple("12345678"),
        splits=(),
        variant=np.array([model for model, _, _ in rows]),
        unit=np.array([repeat for _, repeat, _ in rows]),
        split=np.zeros(len(rows), dtype=np.int64),
        row=np.arange(1, len(rows) + 1),
        score=score,
    )
    roles = Roles("model", "loss", "seed")
    judged = scores.judge(held, roles, scores.Asked())
    command = "bpbench compare scores.csv --variant model --score loss --unit seed"
    return deep_copy(
        score_findings.findings(judged, name="scores", command=command, metric=None, unit="eV", formats=("html",))
    )

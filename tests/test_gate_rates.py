"""How often the gate is red where nothing changed, and whether it finds what was planted: histories drawn by chance.

Each history is a real one, written to its file and read back; only the trainings are drawn instead of made.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, nct, t

from bpbench.history import History, Run
from bpbench.tracking import gate

_VARIANTS = [f"set {number}" for number in range(7)]
_METRICS = [
    {"key": key, "label": key.upper(), "unit": "meV/atom", "lower_is_better": True, "timed": False}
    for key in ("rmse", "mae")
]


def a_run(rng: np.random.Generator, number: int, *, n: int, cv: float, step: float = 0.0) -> Run:
    """Return a run whose repeats are drawn: two scores of each training that go together, times of a moody machine.

    Parameters
    ----------
    rng : Generator
        Of everything.
    number : int
        Of the run.
    n : int
        Repeats of each contestant.
    cv : float
        Spread of the scores as a share of their mean.
    step : float
        By which share the first contestant's scores are worse than before.
    """
    mood = rng.lognormal(0, 0.05)  # every time of one run
    variants: dict[str, Any] = {}
    for place, name in enumerate(_VARIANTS):
        shared, own = rng.normal(size=n), rng.normal(size=(2, n))
        wrong = 1 + step if place == 0 else 1.0
        scores = (1 + place) * wrong * np.exp(cv * (0.8 * shared + 0.6 * own))
        variants[name] = {
            "results": [
                {
                    "repeat": repeat,
                    "split": 0,
                    "status": "done",
                    "scores": {"rmse": float(scores[0, repeat]), "mae": float(0.8 * scores[1, repeat])},
                }
                for repeat in range(n)
            ],
            "cpu_s": (mood * 0.5 * rng.lognormal(0, 0.1, n)).tolist(),
            "peak_mb": (20 * rng.lognormal(0, 0.02, n)).tolist(),
            "operations": 100.0,
        }
    made_by: dict[str, Any] = dict.fromkeys(("host", "cpu", "platform", "bpbench"), "x")
    made_by |= {"cores": 2, "python": "3", "versions": {"numpy": "2.0"}}
    return Run(
        study="drawn",
        number=0,
        draw=number,
        made=f"2026-01-01T00:00:{number:02d}+00:00",
        protocol="p",
        data="d",
        sources="s",
        host="a processor, 2 cores",
        made_by=made_by,
        metrics=_METRICS,
        variants=variants,
        rules={
            "design": "fixed",
            "given": "What is claimed holds given this split.",
            "division": "one",
            "metrics": ["rmse", "mae"],
            "margins": {"rmse": "2 %", "mae": "2 %"},
            "time_margin": 0.5,
            "memory_margin": 0.25,
            "alpha": 0.05,
            "correction": "holm",
            "power": 0.8,
        },
    )


def _reds(folder: Path, histories: int, *, seed: int, before: int, n: int, cv: float, step: float = 0.0) -> list[Any]:
    """Return what the gate says of each of many histories."""
    told = []
    for place in range(histories):
        rng = np.random.default_rng([seed, place])
        with History(folder / f"{place}.sqlite") as history:
            for number in range(1, before + 1):
                history.add(a_run(rng, number, n=n, cv=cv))
            history.name_baseline("drawn", "main", list(range(1, before + 1)))
            history.add(a_run(rng, before + 1, n=n, cv=cv, step=step))
            _, runs = history.baseline("drawn", "main")
            told.append(gate.compare(history.runs("drawn")[-1], runs, name="main"))
        (folder / f"{place}.sqlite").unlink()
    return told


def _at_most(rate: float, of: int) -> int:
    """Return the most of so many that a rate gives in 999 of 1000 cases."""
    return int(binom.ppf(0.999, of, rate))


@pytest.mark.parametrize(("before", "n", "cv"), [(1, 8, 0.15), (5, 4, 0.05)])
def test_unchanged_code_is_called_a_regression_in_at_most_alpha(tmp_path: Path, before: int, n: int, cv: float) -> None:
    """29 comparisons of each call, all together: at most 5 % of calls, and the Monte-Carlo error of so many."""
    told = _reds(tmp_path, 60, seed=1, before=before, n=n, cv=cv)
    assert {one["family"] for one in told} == {29}
    assert sum(one["answer"] == "regression" for one in told) <= _at_most(0.05, 60)


@pytest.mark.slow
@pytest.mark.parametrize(("before", "n", "cv"), [(1, 8, 0.15), (10, 3, 0.1), (10, 8, 0.05)])
def test_unchanged_code_is_called_a_regression_in_at_most_alpha_of_500(
    tmp_path: Path, before: int, n: int, cv: float
) -> None:
    told = _reds(tmp_path, 500, seed=2, before=before, n=n, cv=cv)
    assert sum(one["answer"] == "regression" for one in told) <= _at_most(0.05, 500)


def _power(step: float, n: int, m: int, cv: float, level: float) -> float:
    """Return the power of Student's two-sided test for a step on the worse side, by the noncentral t distribution."""
    df, size = n + m - 2, np.log1p(step) / (cv * np.sqrt(1 / n + 1 / m))
    return float(nct.sf(t.isf(level / 2, df), df, size))


@pytest.mark.parametrize("histories", [40, pytest.param(500, marks=pytest.mark.slow)])
def test_a_step_of_five_per_cent_is_found_with_the_promised_power(tmp_path: Path, histories: int) -> None:
    """The first step of Holm's correction alone promises less than is found, what all of α would promise is more."""
    n, before, cv = 8, 3, 0.03
    told = _reds(tmp_path, histories, seed=3, before=before, n=n, cv=cv, step=0.05)
    planted = ("set 0", "rmse", "worse")
    found = sum(
        any((one["variant"], one["metric"], one["verdict"]) == planted for one in each["comparisons"]) for each in told
    )
    low, high = (_power(0.05, n, before * n, cv, level) for level in (0.05 / 29, 0.05))
    assert binom.ppf(0.001, histories, low) <= found <= binom.ppf(0.999, histories, high)
    assert low > 0.6
    wrong = sum(
        any(one["verdict"] == "worse" and one["variant"] != "set 0" for one in each["comparisons"]) for each in told
    )
    assert wrong <= _at_most(0.05, histories)


def test_what_it_says_it_could_have_found_is_what_it_finds(tmp_path: Path) -> None:
    """``detectable`` is the step that the first step of the correction finds in 80 %, given the spread that is seen."""
    (told,) = _reds(tmp_path, 1, seed=4, before=4, n=8, cv=0.03)
    (one,) = [one for one in told["comparisons"] if one["variant"] == "set 0" and one["metric"] == "rmse"]
    step = one["detectable"]
    # with the true spread in place of the observed one, which has 10 % of uncertainty
    assert 0.5 < _power(step, 8, 32, 0.03, 0.05 / 29) < 0.97

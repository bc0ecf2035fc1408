"""Equations of a report: chosen by what the study has, known to both typesetters, and true to what is computed."""

from __future__ import annotations

import findings_factory
from matplotlib.mathtext import MathTextParser

from bpbench.report import equations


def _all() -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    found = findings_factory.findings()
    made = [*equations.functions(found), *equations.energy(found)]
    for key in ("rmse", "mae", "mse", "half_mse"):
        made += equations.score({**found, "metric": {**found["metric"], "key": key}})
    for test in ("paired-t", "nadeau-bengio", "welch"):
        made += equations.tests({**found, "analysis": {**found["analysis"], "test": test}})
    return [(equation.formula, equation.symbols) for equation in made]


def test_every_formula_can_be_drawn() -> None:
    """Mathtext parses each formula and each of its symbols."""
    parser = MathTextParser("path")
    assert len(_all()) >= 12
    for formula, symbols in _all():
        for text in (formula, *(symbol for symbol, _ in symbols)):
            assert parser.parse(f"${text}$").width > 0


def test_only_what_a_study_has_is_defined() -> None:
    """Kinds of functions by the sets, a network's energy where there is one, a test's statistic where it has one."""
    found = findings_factory.findings()
    assert [equation.key for equation in equations.functions(found)] == ["g2", "g5", "cutoff"]
    forests = {**found, "models": [model for model in found["models"] if model["kind"] != "hdnn"]}
    assert equations.energy(forests) == []
    assert equations.score({**found, "metric": {**found["metric"], "key": "p95"}}) == []
    ranks = {**found, "analysis": {**found["analysis"], "test": "wilcoxon"}}
    assert equations.tests(ranks) == []
    assert equations.tests({**found, "protocol": {**found["protocol"], "quick": True}}) == []
    share = {**found, "analysis": {**found["analysis"], "margin": "5 %"}}
    assert [equation.key for equation in equations.tests(share)] == ["test"]

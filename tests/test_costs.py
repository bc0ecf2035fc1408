"""Costs of a study's trainings: in environment.json, never among the findings."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bpbench.environment import costs_by_variant, environment
from bpbench.findings import findings
from bpbench.protocol import loads
from bpbench.runner.store import Store
from bpbench.study import Study, conduct, prepare

PROTOCOL = """question: q
data: {kind: aluminium, groups: [300 K solid]}
sets: {12: thesis-12}
models:
  network: {kind: hdnn, hidden: [3], epochs: 3, batch: 8}
  wild: {kind: hdnn, hidden: [3], epochs: 3, batch: 8, optimizer: {kind: adam, learning_rate: 1e30}}
  linear: {kind: linear}
variants:
  - {name: network, set: 12, model: network}
  - {name: wild, set: 12, model: wild}
  - {name: linear, set: 12, model: linear}
repeats: 3
split: {design: fixed}
analysis: {baseline: linear}
"""


@pytest.fixture
def conducted(tmp_path: Path) -> tuple[Study, Store]:
    """Return a study of a network, one that diverges and a linear model on one split, and its store."""
    store = Store(tmp_path / "store")
    return conduct(prepare(loads(PROTOCOL, file=str(tmp_path / "p.yaml")), store), store), store


def changed(study: Study, store: Store, key: tuple[str, int], change: Callable[[dict[str, Any]], Any]) -> None:
    """Change what is told beside a result."""
    path = store.folder(study.prepared.trainings[key]) / "provenance.json"
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))


def test_costs_are_told_by_variant_in_the_order_of_repeats(conducted: tuple[Study, Store]) -> None:
    """One training that three repeats share is told once, and one that diverged is not, as it ended early."""
    study, store = conducted
    for repeat, cpu_s in enumerate((3.0, 1.0, 2.0)):
        changed(
            study, store, ("network", repeat), lambda told, cpu_s=cpu_s: told.update(cpu_s=cpu_s, peak_mb=10 * cpu_s)
        )
    changed(study, store, ("linear", 0), lambda told: told.update(cpu_s=0.5, peak_mb=4.0))
    expected = {
        "network": {"cpu_s": [3.0, 1.0, 2.0], "peak_mb": [30.0, 10.0, 20.0]},
        "wild": {"cpu_s": [], "peak_mb": []},
        "linear": {"cpu_s": [0.5], "peak_mb": [4.0]},
    }
    assert costs_by_variant(study, store) == expected
    assert environment(study, store, command="c", wall_s=1.0)["costs_by_variant"] == expected


def test_what_was_not_measured_is_left_out(conducted: tuple[Study, Store]) -> None:
    """Results of older versions tell no costs, other systems no peak; the findings are the same with and without."""
    study, store = conducted
    whole = findings(study)
    for repeat in range(3):
        changed(study, store, ("network", repeat), lambda told, n=repeat: told.update(cpu_s=1.0 + n, peak_mb=7.0 + n))
    changed(study, store, ("network", 0), lambda told: (told.pop("cpu_s"), told.pop("peak_mb")))
    changed(study, store, ("network", 2), lambda told: told.update(peak_mb=None))
    assert costs_by_variant(study, store)["network"] == {"cpu_s": [2.0, 3.0], "peak_mb": [8.0]}
    assert findings(study) == whole

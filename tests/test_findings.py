"""Findings: what the report may say, taken from a prepared study."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from bpbench import shipped
from bpbench.data.splits import Parts
from bpbench.findings import _untrained
from bpbench.protocol import load
from bpbench.runner.store import Store
from bpbench.study import Prepared, prepare


def parted(prepared: Prepared, *trained: str) -> Parts:
    """Return a split that trains on some groups and tests on all."""
    group = prepared.frames.group
    part = prepared.parts[0]
    return dataclasses.replace(part, train=part.train[np.isin(group[part.train], trained)])


def test_a_group_that_is_tested_and_never_trained_on_is_named(tmp_path: Path) -> None:
    """A group in the reserve alone gets a sentence, with the number of splits where there are several."""
    prepared = prepare(load(shipped("protocols") / "smoke.yaml"), Store(tmp_path))
    assert _untrained(prepared) == []
    without = parted(prepared, "300 K solid")
    (sentence,) = _untrained(dataclasses.replace(prepared, parts=(without,)))
    assert sentence.startswith("No frame of the group '1000 K liquid' was trained on, though some are in the reserve")
    (sentence,) = _untrained(dataclasses.replace(prepared, parts=(without, prepared.parts[0])))
    assert "in 1 of 2 splits" in sentence

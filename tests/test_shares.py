"""From what contestants learn: configurations, blocks, groups that are never met, and who learns the same."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from bpbench import shipped
from bpbench.data.splits import Parts
from bpbench.protocol import load, loads
from bpbench.runner.store import Store
from bpbench.shares import blocks, configurations, twins, unequal, untrained
from bpbench.study import Prepared, prepare


def parted(prepared: Prepared, *trained: str) -> Parts:
    """Return a split that trains on some groups and tests on all."""
    group = prepared.frames.group
    part = prepared.parts["block"][0]
    return dataclasses.replace(part, train=part.train[np.isin(group[part.train], trained)])


def test_a_group_that_is_tested_and_never_trained_on_is_named(tmp_path: Path) -> None:
    """A group in the reserve alone gets a sentence, with the number of splits where there are several."""
    prepared = prepare(load(shipped("protocols") / "smoke.yaml"), Store(tmp_path))
    assert untrained(prepared) == []
    without = parted(prepared, "300 K solid")
    (sentence,) = untrained(dataclasses.replace(prepared, parts={"block": (without,)}))
    assert sentence.startswith("No frame of the group '1000 K liquid' was trained on, though some are in the reserve")
    (sentence,) = untrained(dataclasses.replace(prepared, parts={"block": (without, prepared.parts["block"][0])}))
    assert "in 1 of 2 splits" in sentence


FEWER = """\
question: q
data: {kind: aluminium}
sets: {12: thesis-12, same: thesis-12}
models: {r: {kind: linear}, f: {kind: random-forest}}
variants:
  - {name: ridge, set: same, model: r}
sweeps:
  sizes: {set: 12, axes: {model: [r, f], observations: [20, 100, null]}}
split: SPLIT
repeats: 3
analysis: {baseline: "model f, observations 20", candidates: CANDIDATES}
"""


def fewer(
    tmp_path: Path, split: str = "{design: fixed}", candidates: str = "['model f, observations null']"
) -> Prepared:
    text = FEWER.replace("SPLIT", split).replace("CANDIDATES", candidates.replace("null", "all"))
    return prepare(loads(text), Store(tmp_path))


def test_groups_that_fewer_observations_never_meet_are_named(tmp_path: Path) -> None:
    """Whole blocks leave groups out: the sentence counts and names them once, whoever learns from so few."""
    prepared = fewer(tmp_path)
    assert configurations(prepared, "model r, observations 20") == [20]
    # Blocks of five: twenty observations are four blocks, of four of the eleven groups.
    assert blocks(prepared, "model r, observations 20") == [4]
    assert blocks(prepared, "model r, observations all") == [prepared.parts["block"][0].train_blocks]
    (sentence,) = untrained(prepared)
    assert sentence.startswith("With 20 observations, no frame of 7 of the 11 groups (")
    assert sentence.count(",") == 6
    assert sentence.endswith(
        ", …) is trained on, though some are in the reserve: what is scored there is extrapolation."
    )


def test_groups_that_are_missed_by_split_are_counted(tmp_path: Path) -> None:
    """Where splits are redrawn each misses other groups, which are named together."""
    prepared = fewer(tmp_path, "{design: crossed, splits: 3}", "['model f, observations 100']")
    (sentence,) = untrained(prepared)
    assert "no frame of 7 of the 11 groups (by split, among " in sentence
    assert blocks(prepared, "model f, observations 100") == [20, 20, 20]


def test_the_same_training_under_two_names_is_found(tmp_path: Path) -> None:
    """Equal sets of other names are the same inputs; the protocol knows it too."""
    prepared = fewer(tmp_path)
    assert twins(prepared) == {"model r, observations all": "ridge"} == prepared.protocol.twins


def test_pairs_of_unequal_numbers_are_told_apart(tmp_path: Path) -> None:
    """A pair is as hard as its smaller number of configurations."""
    assert not unequal(fewer(tmp_path))
    base = FEWER.replace('baseline: "model f, observations 20"', "baseline: ridge")
    both = base.replace("CANDIDATES", "['model f, observations 20', 'model f, observations 100']")
    assert unequal(prepare(loads(both.replace("SPLIT", "{design: fixed}")), Store(tmp_path)))

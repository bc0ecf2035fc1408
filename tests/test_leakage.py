"""Splits by block, frame and state in one study: whole units, other test sets, and what the report says of them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter

from bpbench.data import splits
from bpbench.data.frames import Configurations
from bpbench.environment import environment
from bpbench.errors import DataError, ProtocolError
from bpbench.findings import findings
from bpbench.jobs import Split, Train
from bpbench.planning import plan
from bpbench.protocol import loads
from bpbench.report.answer import answer
from bpbench.report.compose import compose, csv_tables
from bpbench.report.document import Document, Text
from bpbench.runner.store import Outcome, Store
from bpbench.study import Prepared, Study, conduct, prepare

#: Frames of each trajectory, and functions of them.
FRAMES, COLUMNS, MEMORY = 150, 10, 0.95
STATES = ("cold", "warm", "hot", "hotter")


def trajectory(state: int, run: int, frames: int = FRAMES) -> tuple[np.ndarray, np.ndarray]:
    """Return descriptors that forget themselves slowly, and energies that they tell in part: the rest is slow too."""
    rng = np.random.default_rng([state, run])
    hidden = lfilter([1.0], [1.0, -MEMORY], rng.standard_normal((200 + frames, COLUMNS + 1)), axis=0)[200:]
    energy = -3.5 + 0.1 * state + 0.01 * hidden[:, :COLUMNS].sum(axis=1) + 0.02 * hidden[:, COLUMNS]
    return hidden[:, :COLUMNS] + state, energy


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a table of four trajectories and a fresh one of each, one atom a configuration."""
    parts = []
    for run, frames in ((1, FRAMES), (2, 60)):
        for number, state in enumerate(STATES):
            values, energy = trajectory(number, run, frames)
            part = pd.DataFrame(values, columns=[f"g{column}" for column in range(COLUMNS)])
            parts.append(part.assign(E=energy, state=state if run == 1 else f"{state} fresh"))
    whole = pd.concat(parts, ignore_index=True)
    whole.insert(0, "conf", np.arange(len(whole)))
    path = tmp_path_factory.mktemp("leak") / "t.csv"
    whole.to_csv(path, index=False)
    return path


TEXT = """\
question: q
data: {kind: table, path: PATH, configuration: conf, energy: E, group: state, block_length: 30, guard: 5}
sets: {all: {columns: all}}
models: {ridge: {kind: linear}, forest: {kind: random-forest, trees: 3}}
variants:
  - {name: by block, set: all, model: ridge}
  - {name: by frame, set: all, model: ridge, split_by: frame}
  - {name: by state, set: all, model: ridge, split_by: state}
  - {name: forest, set: all, model: forest, split_by: frame}
split: {design: resampled, reserve: 0.25, validation: 0.25, fresh: [cold fresh, warm fresh, hot fresh, hotter fresh]}
repeats: 6
analysis: {baseline: by block, test: nadeau-bengio}
"""


def text(table: Path) -> str:
    return TEXT.replace("PATH", str(table))


@pytest.fixture(scope="module")
def prepared(table: Path) -> Prepared:
    return prepare(loads(text(table)), Store("/nowhere"))


@pytest.fixture(scope="module")
def study(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    store = Store(tmp_path_factory.mktemp("store"))
    return conduct(prepare(loads(text(table)), store), store)


@pytest.fixture(scope="module")
def found(study: Study) -> dict[str, Any]:
    return findings(study)


def outcomes(study: Study, name: str) -> list[Outcome]:
    found = [study.results[name, number] for number in range(6)]
    return [outcome for outcome in found if isinstance(outcome, Outcome)]


def scores(study: Study, name: str) -> list[dict[str, dict[str, float]]]:
    return [outcome.values["scores"] for outcome in outcomes(study, name)]  # noqa: PD011 - not of pandas


# ---------------------------------------------------------------------------------------------------- the draws


def test_each_way_keeps_its_own_units_whole(prepared: Prepared) -> None:
    """Blocks, frames and states: whole, disjoint, the same frames for all ways, guards and fresh frames in none."""
    frames = prepared.frames
    fresh = np.char.endswith(frames.group, "fresh")
    divided = np.flatnonzero(~fresh & ~np.asarray(frames.guard))
    assert list(prepared.parts) == ["block", "frame", "state"]
    for by, parts in prepared.parts.items():
        assert len({part.test.tobytes() for part in parts}) > 1
        for part in parts:
            three = (part.train, part.validation, part.test)
            np.testing.assert_array_equal(np.sort(np.concatenate(three)), divided)
            np.testing.assert_array_equal(part.fresh, np.flatnonzero(fresh))
            label = frames.group if by == "state" else frames.block
            shared = set(label[part.train].tolist()) & set(label[part.test].tolist())
            assert bool(shared) == (by == "frame")
            assert len(part.test) == pytest.approx(0.25 * len(divided), abs=20)


def test_a_split_by_frame_takes_its_share_of_every_group(prepared: Prepared) -> None:
    """A random share of the frames of each state, to one frame, and other ones for another seed."""
    group = prepared.frames.group
    for part in prepared.parts["frame"]:
        names, counts = np.unique(group[part.test], return_counts=True)
        assert names.tolist() == sorted(STATES)
        assert np.ptp(counts) <= 1


def test_every_state_is_equally_likely_to_be_left_out(prepared: Prepared) -> None:
    """Over 600 seeds each of four states is the test set in a quarter of the draws, and each pair of parts comes up."""
    frames, draws = prepared.frames, 600
    fresh = tuple(f"{state} fresh" for state in STATES)
    hits: dict[tuple[str, str], int] = {}
    for seed in range(draws):
        part = splits.draw(frames, Split(0.25, 0.25, seed, seed, "state", fresh))
        pair = (str(frames.group[part.test[0]]), str(frames.group[part.validation[0]]))
        hits[pair] = hits.get(pair, 0) + 1
    assert len(hits) == 12
    assert np.abs(np.array(list(hits.values())) - draws / 12).max() < 5 * np.sqrt(draws / 12)


def test_any_two_states_may_be_left_out_together(prepared: Prepared) -> None:
    """Of six states two are tested: all fifteen pairs come up, as often, however the states stand in the file."""
    frames, draws = prepared.frames, 600
    six = dataclasses.replace(frames, group=np.array([f"s{number % 6}" for number in range(len(frames))]), guard=None)
    hits: dict[tuple[str, ...], int] = {}
    for seed in range(draws):
        pair = tuple(np.unique(six.group[splits.draw(six, Split(1 / 3, 0.2, seed, 0, "state")).test]).tolist())
        hits[pair] = hits.get(pair, 0) + 1
    assert len(hits) == 15
    assert np.abs(np.array(list(hits.values())) - draws / 15).max() < 5 * np.sqrt(draws / 15)


def test_fewer_observations_of_a_split_by_frame_are_single_frames(prepared: Prepared) -> None:
    """Blocks would come in whole; single frames are spread over nearly all of them, and nest."""
    train = prepared.parts["frame"][0].train
    few = splits.fewer(prepared.frames, train, 24, 5, "frame")
    assert len(set(prepared.frames.block[few].tolist())) > 8
    assert len(set(prepared.frames.block[splits.fewer(prepared.frames, train, 24, 5)].tolist())) < 8
    assert set(few.tolist()) <= set(splits.fewer(prepared.frames, train, 60, 5, "frame").tolist())


def test_too_few_states_and_unknown_fresh_groups_are_refused(prepared: Prepared) -> None:
    """Three states are the least, and a fresh group must be there."""
    frames: Configurations = prepared.frames
    two = dataclasses.replace(frames, group=np.where(frames.guard, "a", "b"))
    with pytest.raises(DataError, match=r"by state needs at least 3 groups .* found 1 in \d+ frames; .* by block"):
        splits.draw(two, Split(0.2, 0.2, 1, 1, "state"))
    with pytest.raises(DataError, match=r"There is no group 'hott' to keep fresh; did you mean 'hot'\?"):
        splits.draw(frames, Split(0.2, 0.2, 1, 1, fresh=("hott",)))
    every = tuple(sorted(set(frames.group.tolist())))
    said = rf"every group fresh \({len(every)} of {len(every)}\) leaves no frames to divide .*; name fewer groups"
    with pytest.raises(DataError, match=said):
        splits.draw(frames, Split(0.2, 0.2, 1, 1, fresh=every))


# ----------------------------------------------------------------------------------------------------- the study


@pytest.mark.parametrize("design", ["{design: fixed}", "{design: crossed, splits: 3}"])
def test_contestants_of_different_ways_need_the_resampled_design(design: str, table: Path) -> None:
    """With one reserve for each way the difference would be that of two draws."""
    start = TEXT.index("split: {")
    mixed = text(table).replace(TEXT[start : TEXT.index("\n", start)], f"split: {design}")
    with pytest.raises(ProtocolError, match=r"split\.design: contestants .* in different ways \(block, frame, state\)"):
        loads(mixed)
    alike = mixed.replace(", split_by: frame", "").replace(", split_by: state", "")
    alike = alike.replace("  - {name: by frame, set: all, model: ridge}\n", "")
    alike = alike.replace("  - {name: by state, set: all, model: ridge}\n", "").replace(", test: nadeau-bengio", "")
    assert loads(alike).ways == ("block",)
    assert loads(alike.replace("model: ridge}", "model: ridge, split_by: frame}").replace(
        "model: forest}", "model: forest, split_by: frame}")).ways == ("frame",)  # fmt: skip


def test_an_unknown_way_is_refused(table: Path) -> None:
    """The sentence names the line and what is possible."""
    with pytest.raises(ProtocolError, match=r"variants\.1\.split_by: expected to be 'block', 'frame' or 'state'"):
        loads(text(table).replace("split_by: frame", "split_by: frames", 1))


def test_the_way_decides_the_training_and_nothing_else_does(prepared: Prepared) -> None:
    """Same seeds, same shares: the trainings of one repeat differ in what their split never divides."""
    for number in range(6):
        jobs = [prepared.trainings[name, number] for name in ("by block", "by frame", "by state")]
        trainings = [job for job in jobs if isinstance(job, Train)]
        assert [job.split.by for job in trainings] == ["block", "frame", "state"]
        assert len({dataclasses.replace(job, split=trainings[0].split) for job in trainings}) == 1


def test_a_split_by_frame_flatters_and_fresh_trajectories_tell(study: Study, found: dict[str, Any]) -> None:
    """Slow energies that no descriptor tells: neighbours of test frames give them away, fresh frames do not."""
    by_name = {variant["name"]: variant for variant in found["variants"]}
    told = {name: variant["fresh"] for name, variant in by_name.items()}
    assert told["forest"]["ratio"] > 1.5
    assert told["by frame"]["test"] < told["by block"]["test"]
    assert told["by frame"]["ratio"] > told["by block"]["ratio"]
    for name, entry in told.items():
        ratio = [score["fresh"]["rmse"] / score["test"]["rmse"] for score in scores(study, name)]
        assert entry["ratio"] == pytest.approx(np.prod(ratio) ** (1 / 6))
        assert (entry["low"], entry["high"]) == (min(ratio), max(ratio))
        assert entry["fresh"] == pytest.approx(by_name[name]["summary"]["fresh"]["rmse"]["mean"])


def test_fresh_scores_are_those_of_the_fresh_frames(study: Study) -> None:
    """By definition: the RMSE of the stored energies on the frames of the fresh groups."""
    frames = study.prepared.frames
    fresh = np.char.endswith(frames.group, "fresh")
    result = outcomes(study, "by state")[2]
    error = (np.asarray(result.arrays["energy"]) - frames.energy)[fresh]
    assert scores(study, "by state")[2]["fresh"]["rmse"] == pytest.approx(1000 * np.sqrt(np.mean(error**2)))


def test_the_ratio_of_a_pair_is_the_larger_one(study: Study) -> None:
    """Nadeau and Bengio's n_test/n_train counts what is drawn; of contestants with other parts it is the larger one."""
    parts = study.prepared.parts
    pair = next(item for item in study.comparisons if item.candidate == "by state")
    # One state is tested and two are trained on.
    expected = np.mean([max(part.test_blocks / part.train_blocks, 1 / 2) for part in parts["block"]])
    assert all(part.test_units / part.train_units == 1 / 2 for part in parts["state"])
    assert all(part.test_units == len(part.test) for part in parts["frame"])
    both = [[score["test"]["rmse"] for score in scores(study, name)] for name in ("by state", "by block")]
    difference = np.subtract(*both)
    assert pair.statistic == pytest.approx(difference.mean() / np.sqrt((1 / 6 + expected) * difference.var(ddof=1)))


def test_a_linear_potential_is_a_rival_on_the_same_splits_alone(found: dict[str, Any]) -> None:
    """The forest by frame stands beside the ridge by frame, whose number of configurations the others share."""
    by_name = {variant["name"]: variant for variant in found["variants"]}
    assert by_name["forest"]["linear"]["variant"] == "by frame"
    assert by_name["by frame"]["twin"] is None


def test_findings_are_plain_and_name_the_ways(found: dict[str, Any]) -> None:
    """Every way has its rows, the constant is that of the baseline's, and the blocks of a split by frame are shared."""
    json.dumps(found, allow_nan=False)
    split = found["split"]
    assert split["ways"] == ["block", "frame", "state"]
    assert split["fresh"] == {"groups": [f"{state} fresh" for state in STATES], "frames": 240}
    assert [(row["split_by"], row["split"]) for row in split["counts"]] == [
        (by, number) for by in split["ways"] for number in range(6)
    ]
    assert found["constant"]["split_by"] == "block"
    by_frame = next(row for row in split["counts"] if row["split_by"] == "frame")
    assert by_frame["train_blocks"] == sum(group["blocks"] for group in found["data"]["groups"][:4])
    assert sum("tested on groups that were never trained on" in remark for remark in found["data"]["remarks"]) == 1
    assert not any("No frame of the group" in remark for remark in found["data"]["remarks"])


def prose(document: Document, name: str) -> str:
    (section,) = (section for section in document.sections if section.key == name)
    return " ".join(block.text for block in section.blocks if isinstance(block, Text))


def test_the_report_says_what_is_true_of_each_way(study: Study, found: dict[str, Any], tmp_path: Path) -> None:
    """The split, the pairing, the limits and the fresh table; nothing is called better for an easier test set."""
    document = compose(found, environment(study, Store(tmp_path), command="bpbench", wall_s=1.0))
    told = prose(document, "split")
    assert "whole blocks for “by block”, because neighbouring frames" in told
    assert "single frames for" in told
    assert "whole states for" in told
    assert "The 240 frames of" in told
    assert "are kept fresh" in told
    methods = prose(document, "methods")
    assert "those that are split in one way share the split" in methods
    assert "share the split and the seeds" not in methods
    assert "called equivalent" in methods
    assert "is called lower or higher" in methods
    tables = {table.key: table for table in csv_tables(found, document)}
    assert [row[1].text for row in tables["fresh"].rows] == ["block", "frame", "state", "frame"]
    assert [row[0].text for row in tables["split"].rows].count("frame") == 6
    assert "constant, split by block" in [row[0].text for row in tables["scores"].rows]
    lead = " ".join(answer(found))
    assert "by RMSE on each one's own test set" in lead
    assert "On fresh trajectories the RMSE is" in lead
    assert " better" not in lead
    (limits,) = (section for section in document.sections if section.key == "limits")
    assert "no model is better for it" in str(limits)


def test_a_study_of_blocks_alone_reads_as_before(table: Path, tmp_path: Path) -> None:
    """One way and no fresh groups: the old sentences, no further section or column."""
    plain = text(table).replace(", split_by: frame", "").replace("  - {name: by frame, set: all, model: ridge}\n", "")
    plain = plain.replace("  - {name: by state, set: all, model: ridge, split_by: state}\n", "")
    plain = plain.replace(TEXT[TEXT.index(", fresh: [") : TEXT.index("}\nrepeats")], "")
    store = Store(tmp_path)
    made = conduct(prepare(loads(plain), store), store)
    found = findings(made)
    document = compose(found, environment(made, store, command="bpbench", wall_s=1.0))
    assert "Whole blocks go to the reserve (25 % of the frames, the test set)" in prose(document, "split")
    assert "fresh" not in {section.key for section in document.sections}
    assert found["split"]["fresh"] is None
    assert "split_by" not in {column.key for table in document.tables for column in table.columns}


def test_the_plan_knows_the_hardest_ratio(table: Path, tmp_path: Path) -> None:
    """What the design detects is told for the pair with the largest ratio, that of the states."""
    store = Store(tmp_path)
    planned = plan(prepare(loads(text(table)), store), store)
    assert planned["detectable_dz"] > 0
    assert planned["units"] == 6

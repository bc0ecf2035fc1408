"""Strategies within a study: what they see, what becomes of what they find, and how a search goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpbench import exploration, roles
from bpbench.data import splits
from bpbench.environment import environment
from bpbench.errors import ProtocolError
from bpbench.findings import findings
from bpbench.jobs import Importance, Job, RandomForest, Train
from bpbench.planning import plan
from bpbench.protocol import Protocol, loads
from bpbench.reserve import told
from bpbench.runner import processes, work
from bpbench.runner.engine import HERE, Engine
from bpbench.runner.executed import Executed, Failure
from bpbench.runner.store import Store
from bpbench.statistics.reserve import observed_error
from bpbench.study import Study, conduct, pairs, prepare

COLUMNS = ("a", "b", "c", "g1", "g2", "g3", "g4", "g5")
STRATEGIES = """
  drop: {kind: drop-one, set: all, model: linear, remove: [1, 3]}
  back: {kind: backward, set: all, model: linear}
  forth: {kind: forward, set: all, model: linear, most: 5}
  drawn: {kind: random-subsets, set: all, model: linear, sizes: [2, 5], draws: 3, outer: 2}
  weight: {kind: by-weight, set: all, model: linear, drop: [2]}
  least: {kind: smallest, model: linear, sets: [all, few], strategies: [back, drawn]}
"""


def text(strategies: str = STRATEGIES, *, margin: float = 5.0, more: str = "") -> str:
    return f"""question: Which columns?
data: {{kind: table, path: data.npz, block_length: 2}}
sets:
  all: {{columns: all}}
  few: {{columns: [a, b, c]}}
models:
  linear: {{kind: linear}}
  forest: {{kind: random-forest, trees: 5}}
variants:
  - {{name: whole, set: all, model: linear}}
explore: {{repeats: 3}}
strategies:{strategies}
split: {{design: crossed, splits: 4}}
repeats: 1
analysis: {{baseline: whole, margin: {margin}}}
{more}"""


@pytest.fixture
def protocol(tmp_path: Path) -> Any:
    """Return a maker of protocols on a table whose energies depend on a, b and c alone, with some noise."""
    rng = np.random.default_rng(5)
    atoms, frames = 4, 60
    values = rng.normal(size=(frames * atoms, len(COLUMNS)))
    energy = (values[:, :3] @ [0.3, -0.2, 0.1]).reshape(frames, atoms).sum(axis=1) + 0.02 * rng.normal(size=frames)
    np.savez(
        tmp_path / "data.npz",
        values=values,
        names=np.array(COLUMNS),
        offsets=np.arange(frames + 1) * atoms,
        energy=energy,
    )
    return lambda *args, **more: loads(text(*args, **more), file=str(tmp_path / "p.yaml"), name="p")


def run(protocol: Protocol, store: Store, engine: Engine = HERE) -> Study:
    return conduct(prepare(protocol, store), store, engine=engine)


def test_winners_become_contestants(protocol: Any, tmp_path: Path) -> None:
    """Each strategy brings one comparison on other seeds and the reserve, counted whatever it finds."""
    study = run(protocol(), Store(tmp_path / "s"))
    found = findings(study)
    names = ["drop", "back", "forth", "drawn", "weight", "least"]
    rivals = ["whole"] * 5 + ["least: the best"]
    assert found["analysis"]["family"] == [list(pair) for pair in zip(names, rivals, strict=True)]
    assert [entry["name"] for entry in found["variants"]] == ["whole", *names, "least: the best"]
    chosen = {entry["name"]: entry for entry in found["exploration"]["strategies"]}
    for name in names:
        variant = study.prepared.protocol.contestant(name)
        taken = study.prepared.inputs.sets[variant.set].names
        assert taken == tuple(chosen[name]["pool"][place] for place in chosen[name]["choice"]["chosen"])
        assert chosen[name]["asked"] <= chosen[name]["at_most"]
    # energies are made of a, b and c, so whoever asks within a margin keeps these alone
    assert study.complete
    for name in ("back", "forth"):
        kept = study.prepared.protocol.contestant(name).set
        assert set(study.prepared.inputs.sets[kept].names) == {"a", "b", "c"}
    # a winner on the functions of a declared set stands on that set
    assert study.prepared.protocol.contestant("back").set == "few"


def test_no_search_sees_the_reserve(protocol: Any, tmp_path: Path) -> None:
    """All that is asked in phase explore leaves out all frames that the winners are tested on, and has other seeds."""
    shuffled = "  shuffled: {kind: by-weight, by: permutation, set: all, model: linear, drop: [2]}\n"
    study = run(protocol(STRATEGIES + shuffled), Store(tmp_path / "s"))
    frames = study.prepared.frames
    reserve = set(study.prepared.parts["block"][0].test.tolist())
    jobs = study.prepared.explored.jobs
    asked = [job for job in jobs if isinstance(job, Importance)]
    assert {job.by for job in asked} == {"permutation"}
    # what the importance of an input rests on is a training of its own accord
    explored = [job for job in jobs if isinstance(job, Train)] + [job.training for job in asked]
    assert len(explored) == len(jobs)
    for split in {job.split for job in explored}:
        parts = splits.draw(frames, split)
        assert not reserve & {*parts.train.tolist(), *parts.validation.tolist(), *parts.test.tolist()}
        assert {*parts.train.tolist(), *parts.validation.tolist(), *parts.test.tolist()} | reserve == set(range(60))
    confirm = {job.split.split_seed for job in study.prepared.trainings.values()}  # type: ignore[union-attr]
    assert not confirm & {job.split.split_seed for job in explored}


def test_outer_splits_and_designs(protocol: Any) -> None:
    """Outer splits draw apart; a fixed design draws one division of the frames, a resampled one many."""
    made = protocol()
    first, second = (roles.exploring(made, outer) for outer in (0, 1))
    seeds = [{repeat.split.split_seed for repeat in repeats} for repeats in (first, second)]
    assert [len(each) for each in seeds] == [3, 3]
    assert not seeds[0] & seeds[1]
    assert {repeat.split.reserve_seed for repeat in (*first, *second)} == {roles.lay_out(made)[0].split.reserve_seed}
    forests = made.origin.text.replace("model: linear, ", "model: forest, ").replace(
        "{repeats: 3}", "{repeats: 3, design: fixed}"
    )
    forests = forests.replace("kind: by-weight", "kind: by-weight, by: gain").replace(
        "model: linear}\n  forth", "model: forest}\n  forth"
    )
    still = loads(forests, file=made.origin.file)
    assert len({repeat.split.split_seed for repeat in roles.exploring(still)}) == 1
    assert len({repeat.weights_seed for repeat in roles.exploring(still)}) == 3


def test_a_search_is_answered_from_the_store(protocol: Any, tmp_path: Path) -> None:
    """A second run trains nothing, asks the same and finds the same; so does one on two processes, bit for bit."""
    store, made = Store(tmp_path / "s"), protocol()
    first = run(made, store)
    again = run(made, store)
    assert again.executed.made == 0
    assert findings(again) == findings(first)
    other = run(made, Store(tmp_path / "t"), engine=Engine(2))
    assert json.dumps(findings(other), sort_keys=True) == json.dumps(findings(first), sort_keys=True)


def test_the_folder_is_known_before_anything_was_explored(protocol: Any, tmp_path: Path) -> None:
    """What a study is called depends on what was declared, not on what strategies find."""
    store, made = Store(tmp_path / "s"), protocol()
    before = prepare(made, store)
    study = run(made, store)
    assert before.folder == study.prepared.folder == prepare(made, store).folder
    assert len(study.prepared.protocol.variants) > len(before.protocol.variants)


def test_what_a_plan_says(protocol: Any, tmp_path: Path) -> None:
    """Before the run each strategy has a bound that its search keeps, after it nothing is left to be asked."""
    store, made = Store(tmp_path / "s"), protocol()
    planned = plan(prepare(made, store), store)["exploration"]
    assert [entry["name"] for entry in planned["strategies"]] == list(made.strategies)
    confirm = {entry["name"]: entry["confirm"] for entry in planned["strategies"]}
    assert confirm == {**dict.fromkeys(made.strategies, 4), "least": 8}  # the best of its sets is trained as well
    assert planned["more_s"] > 0
    assert planned["more_bytes"] > 100_000  # in whole blocks, for some dozen trainings
    bound = {entry["name"]: entry["asked"] + entry["more_at_most"] for entry in planned["strategies"]}
    study = run(made, store)
    asked = study.prepared.explored.asked
    for name, most in bound.items():
        assert sum(len(jobs) for key, jobs in asked.items() if key[0] == name) <= most
    after = plan(prepare(made, store), store)["exploration"]
    assert after["more_s"] == after["more_bytes"] == 0
    assert all(entry["ended"] == entry["searches"] and entry["confirm"] == 0 for entry in after["strategies"])


def test_half_a_search_goes_on(protocol: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that was cut off anywhere ends with the same findings."""
    made = protocol()
    whole = findings(run(made, Store(tmp_path / "s")))
    store, perform, left = Store(tmp_path / "t"), work.perform, [0]

    def cut(job: Job, load: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        return perform(job, load)

    monkeypatch.setattr(work, "perform", cut)
    for stop in (7, 40, 90):
        left[0] = stop
        with pytest.raises(KeyboardInterrupt):
            run(made, store)
    left[0] = -1
    assert findings(run(made, store)) == whole


def test_a_failed_training_breaks_its_search_alone(
    protocol: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other strategies are confirmed, the broken one's comparison is empty and counts, and the study says so."""
    perform = work.perform

    def fail(job: Job, load: Any) -> Any:
        if isinstance(job, Train) and job.split.explore is not None and len(job.functions) == 2:
            raise ValueError("no room")
        return perform(job, load)

    monkeypatch.setattr(work, "perform", fail)
    study = run(protocol(), Store(tmp_path / "s"))
    assert not study.complete
    broken = {name for name, _ in study.prepared.explored.broken}
    assert broken == {"back", "forth", "drawn", "least"}
    assert study.prepared.explored.broken["least", 0] == "It waits for 'back', which could not go on."
    assert "trainings failed: ValueError: no room" in study.prepared.explored.broken["drawn", 0]
    by_name = {comparison.candidate: comparison for comparison in study.comparisons}
    assert len(by_name) == 6
    assert by_name["drawn"].p is None
    assert by_name["drawn"].remarks == (
        "Nothing has filled the slot 'drawn', which counts among the comparisons all the same.",
    )
    assert by_name["weight"].p is not None
    found = findings(study)
    assert {entry["name"] for entry in found["exploration"]["strategies"] if entry["broken"]} == broken
    json.dumps(found, allow_nan=False)
    json.dumps(environment(study, Store(tmp_path / "s"), command="c", wall_s=1.0), allow_nan=False)


def test_one_question_is_asked_once(protocol: Any, tmp_path: Path) -> None:
    """A winner that is its own rival, or that another strategy has found as well, leaves its comparison empty."""
    study = run(
        protocol(
            """
  one: {kind: backward, set: all, model: linear}
  two: {kind: forward, set: all, model: linear, most: 4}
  same: {kind: random-subsets, set: few, model: linear, sizes: [2, 1], draws: 2}
"""
        ),
        Store(tmp_path / "s"),
    )
    sets = {
        name: study.prepared.inputs.sets[study.prepared.protocol.contestant(name).set].names for name in ("one", "two")
    }
    assert sets["one"] == sets["two"]
    family = {pair.candidate: pair for pair in pairs(study.prepared, study.results)}
    assert family["one"].candidate_sample is not None
    assert family["two"].candidate_sample is None
    assert family["two"].slot is not None
    assert [comparison.candidate for comparison in study.comparisons] == ["one", "two", "same"]


def test_a_winner_that_is_the_baseline_is_compared_with_nobody(protocol: Any, tmp_path: Path) -> None:
    """Backward elimination under a margin that nothing meets keeps the whole set, which is the baseline."""
    strategies = "\n  back: {kind: backward, set: few, model: linear}\n"
    written = protocol(strategies, margin=1e-9).origin.text.replace("{name: whole, set: all", "{name: whole, set: few")
    study = run(loads(written, file=str(tmp_path / "p.yaml")), Store(tmp_path / "s"))
    (comparison,) = study.comparisons
    assert comparison.candidate == "back"
    assert comparison.p is None
    assert study.prepared.protocol.twins == {"back": "whole"}


def test_the_reserve_tells_what_its_blocks_can(protocol: Any, tmp_path: Path) -> None:
    """The standard error of a difference is that of the jackknife over the reserve's blocks, written out here."""
    made = protocol("\n  back: {kind: backward, set: all, model: linear}\n", margin=0.01)
    study = run(made, Store(tmp_path / "s"))
    frames, part = study.prepared.frames, study.prepared.parts["block"][0]
    entry = findings(study)["reserve"]
    (pair,) = entry["pairs"]
    squared = {
        name: np.mean(
            [
                ((study.results[name, number].arrays["energy"][part.test] - frames.energy[part.test]) * 1000 / 4) ** 2  # type: ignore[union-attr]
                for number in range(4)
            ],
            axis=0,
        )
        for name in ("back", "whole")
    }
    blocks = sorted(set(frames.block[part.test].tolist()))
    by_block = {
        name: np.array([values[frames.block[part.test] == block].mean() for block in blocks])
        for name, values in squared.items()
    }
    sizes = np.array([float(np.sum(frames.block[part.test] == block)) for block in blocks])
    expected = observed_error(by_block["back"], by_block["whole"], sizes)
    assert entry["blocks"] == len(blocks) == part.test_blocks
    assert pair["se"] == pytest.approx(expected.se)
    assert pair["difference"] == pytest.approx(expected.difference)
    assert pair["resolved"] is (1.959964 * expected.se <= 0.01)
    assert told(study.prepared, {})["pairs"] == []  # type: ignore[index]


def test_a_reserve_too_small_is_said_before_anything_runs(protocol: Any, tmp_path: Path) -> None:
    """Of a relative margin the number of blocks alone tells that independent errors could not carry it."""
    from bpbench.report import plans

    made = loads(protocol().origin.text.replace("margin: 5.0", 'margin: "5 %"'), file=str(tmp_path / "p.yaml"))
    store = Store(tmp_path / "s")
    planned = plan(prepare(made, store), store) | {"report": "reports/p"}
    blocks = planned["reserve"]["blocks"]
    needed = planned["reserve"]["blocks_for_margin"]
    assert needed == int(np.ceil((1.959964 / np.log(1.05)) ** 2))
    (line,) = [line for line in plans.plan(planned) if line.startswith("The reserve")]
    assert line.startswith(f"The reserve of {blocks} blocks (12 frames) is too small for the margin of ±5 %")
    assert f"takes about {needed} blocks, with so few a correlation of {1 - blocks / needed:.4g} or more" in line


def test_an_absolute_margin_is_set_beside_what_the_reserve_carries(protocol: Any, tmp_path: Path) -> None:
    """Without any result the number of blocks says up to which error they carry an absolute margin; z E/√B is that."""
    from bpbench.report import plans

    store = Store(tmp_path / "s")
    planned = plan(prepare(protocol(margin=0.1), store), store) | {"report": "reports/p"}
    blocks, most = planned["reserve"]["blocks"], planned["reserve"]["rmse_for_margin"]
    assert most == pytest.approx(0.1 * np.sqrt(blocks) / 1.959964)
    (line,) = [line for line in plans.plan(planned) if line.startswith("The reserve")]
    assert f"carries the margin of ±0.1 meV/atom up to an RMSE of {most:.3g} meV/atom" in line


def test_a_reserve_of_a_block_or_two_says_nothing_of_another(protocol: Any, tmp_path: Path) -> None:
    """It is said when planned and in the report's limits, whatever the margin is."""
    from bpbench.report import methods, plans
    from bpbench.report.tallies import tally

    strategies = "\n  back: {kind: backward, set: few, model: linear}\n"
    written = protocol(strategies).origin.text.replace("splits: 4}", "splits: 4, reserve: 0.03}")
    made, store = loads(written, file=str(tmp_path / "p.yaml")), Store(tmp_path / "s")
    planned = plan(prepare(made, store), store) | {"report": "reports/p"}
    assert planned["reserve"]["blocks"] < 3
    assert any("is too small for the margin of ±5 meV/atom, and for any" in line for line in plans.plan(planned))
    found = findings(run(made, store))
    assert any("so few say nothing of another reserve" in text for text in methods.limits(found, tally(found)))


def test_verdicts_that_another_reserve_could_turn_are_named(protocol: Any, tmp_path: Path) -> None:
    """A difference is fragile where the blocks may move it across zero, or across the margin if it was equivalent."""
    entry = findings(
        run(protocol("\n  back: {kind: backward, set: all, model: linear}\n", margin=0.3), Store(tmp_path))
    )
    (pair,) = entry["reserve"]["pairs"]
    (comparison,) = entry["analysis"]["comparisons"]
    size = abs(comparison["difference"])
    bound = {"equivalent": 0.3 - size, "better": size, "worse": size, "undecided": np.inf}[comparison["verdict"]]
    assert comparison["verdict"] == "equivalent"
    assert pair["turns"] is bool(pair["half_width"] > bound)


def test_what_failed_first_and_was_made_then_has_not_failed() -> None:
    """Of two calls together those jobs failed that have no result in the end."""
    one, two, three = ("one", "two", "three")
    failed = Executed(0, 0, {one: 1.0, two: 1.0}, {one: Failure("a"), two: Failure("b")})  # type: ignore[dict-item]
    then = Executed(1, 0, {two: 1.0, three: 1.0}, {three: Failure("c")})  # type: ignore[dict-item]
    assert set((failed + then).failures) == {one, three}


def test_a_search_that_could_never_work_is_refused_before(protocol: Any, tmp_path: Path) -> None:
    """What only the pool can show is refused with the strategy's line, before anything has run."""
    made = protocol("\n  big: {kind: random-subsets, set: few, model: linear, sizes: [4]}\n")
    with pytest.raises(
        ProtocolError,
        match=r"line 13, strategies\.big: A subset of 4 is larger than the set, which has 3 functions; ask for",
    ):
        prepare(made, Store(tmp_path / "s"))


def test_failures_are_told_to_searches_as_they_are() -> None:
    """A search whose question fails is broken off, one whose question has no answer stays open."""

    def ask(_: list[Job]) -> dict[Job, Failure]:
        return {}

    assert exploration.explore({}, ask).complete


def test_searches_on_one_reserve_are_counted(protocol: Any, tmp_path: Path) -> None:
    """Who changes a search and confirms again on the same reserve is told how often that reserve was asked before."""
    store = Store(tmp_path / "s")
    one, two = (
        f"\n  back: {{kind: backward, set: few, model: linear, order: {order}}}\n" for order in ("listed", "random")
    )
    assert run(protocol(one), store).searched_before == 0
    study = run(protocol(two), store)
    assert study.searched_before == 1
    assert findings(study)["exploration"]["searched_before"] == 1
    assert run(protocol(one), store).searched_before == 0  # it was the first
    assert run(protocol(two), store).searched_before == 1


def test_processes_stay_between_rounds(protocol: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many rounds a search asks in, processes are started once."""
    started = []
    inner = processes._local
    monkeypatch.setattr(processes, "_local", lambda size, *more: started.append(size) or inner(size, *more))
    run(
        protocol("\n  back: {kind: backward, set: all, model: linear, order: listed}\n"),
        Store(tmp_path / "s"),
        Engine(2),
    )
    assert started == [2]


def test_another_model_may_tell_what_matters(protocol: Any, tmp_path: Path) -> None:
    """With ``of`` the importance is that of one model, and what is trained, compared and confirmed is the other."""
    made = protocol("\n  weight: {kind: by-weight, set: all, model: linear, by: gain, of: forest, drop: [4, 5]}")
    study = run(made, Store(tmp_path / "s"))
    explored = study.prepared.explored
    jobs = explored.asked["weight", 0]
    forests = [job for job in jobs if isinstance(job, Train) and isinstance(job.model, RandomForest)]
    linear = [job for job in jobs if isinstance(job, Train) and job.model == made.models["linear"]]
    asked = [job for job in jobs if isinstance(job, Importance)]
    assert [job.training for job in asked] == forests
    assert sorted(len(job.functions) for job in linear) == [3, 3, 3, 4, 4, 4, 8, 8, 8]
    assert {len(job.functions) for job in forests} == {8}
    assert [job.split for job in forests] == [job.split for job in linear if len(job.functions) == 8]
    assert len(jobs) == len(forests) + len(linear) + len(asked) == explored.laid["weight"].at_most + len(asked)
    store = Store(tmp_path / "s")
    gain = np.mean([store.load(job).arrays["importance"] for job in asked], axis=0)
    smallest = next(job for job in linear if len(job.functions) == 3)
    assert {item.name for item in smallest.functions} == {COLUMNS[place] for place in np.argsort(gain)[5:]}
    assert study.prepared.protocol.contestant("weight").model == "linear"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ("by: gain", r"weight\.by: 'gain' looks at the gain of the trees' splits, and the model 'linear' \(linear\)"),
        ("of: forest", r"weight\.by: 'absolute' looks at the first-layer weights, and the model 'forest' \(random-for"),
        ("of: forrest", r"weight\.of: there is no model 'forrest'; did you mean 'forest'\?"),
    ],
)
def test_who_cannot_weigh_is_refused(protocol: Any, settings: str, sentence: str) -> None:
    """A model without weights or gain, or one that is not there, is named with its place."""
    with pytest.raises(ProtocolError, match=sentence):
        protocol(f"\n  weight: {{kind: by-weight, set: all, model: linear, drop: [1], {settings}}}")

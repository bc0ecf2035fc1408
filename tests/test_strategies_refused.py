"""Strategies in a protocol: every refusal with its line and wording, and what a strategy is laid out on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bpbench import exploration, roles, study
from bpbench.data import readers, splits
from bpbench.errors import DataError, ProtocolError
from bpbench.jobs import Importance, Train
from bpbench.protocol import loads
from bpbench.runner.store import Store

BASE = """\
question: Which columns are needed?
data: {kind: table, path: table.npz, block_length: 1}
sets:
  all: {columns: all}
  few: {columns: [a, b, c]}
models:
  ridge: {kind: linear}
  network: {kind: hdnn, epochs: 2}
  forest: {kind: random-forest, trees: 3}
variants:
  - {name: base, set: all, model: ridge}
strategies:
  drop: {kind: drop-one, set: all, model: ridge}
  back: {kind: backward, set: all, model: ridge}
  least: {kind: smallest, model: ridge, sets: [all, few], strategies: [drop]}
explore: {repeats: 4, test: 0.2, validation: 0.2}
split: {design: crossed, splits: 6, reserve: 0.2, validation: 0.2}
repeats: 1
analysis: {baseline: base, margin: 0.1}
"""
DROP = "drop: {kind: drop-one, set: all, model: ridge"
LEAST = "least: {kind: smallest, model: ridge, sets: [all, few], strategies: [drop]}"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            DROP,
            f"{DROP.replace('all', 'alll')}",
            r"^protocol, line 13, strategies\.drop\.set: there is no set 'alll'; did you mean 'all'\?$",
        ),
        (
            DROP,
            f"{DROP.replace('ridge', 'rigde')}",
            r"^protocol, line 13, strategies\.drop\.model: there is no model 'rigde'; did you mean 'ridge'\?$",
        ),
        (
            "sets: [all, few]",
            "sets: [all, fwe]",
            r"^protocol, line 15, strategies\.least\.sets\.1: there is no set 'fwe'; did you mean 'few'\?$",
        ),
        (
            "sets: [all, few]",
            "sets: [all, all]",
            r"^protocol, line 15, strategies\.least\.sets\.1: 'all' stands twice; keep one of them\.$",
        ),
        (
            "strategies: [drop]",
            "strategies: [drop, drop]",
            r"^protocol, line 15, strategies\.least\.strategies\.1: 'drop' stands twice; keep one of them\.$",
        ),
        (
            "strategies: [drop]",
            "strategies: [drip]",
            (
                r"^protocol, line 15, strategies\.least\.strategies\.0: there is no strategy above this one that "
                r"chooses from a set, 'drip'; did you mean 'drop'\?$"
            ),
        ),
        (
            "strategies: [drop]}",
            "strategies: [last]}\n  last: {kind: drop-one, set: few, model: ridge}",
            (
                r"^protocol, line 15, strategies\.least\.strategies\.0: there is no strategy above this one that "
                r"chooses from a set, 'last'; possible are back, drop\.$"
            ),
        ),
        (
            "sets: [all, few], strategies: [drop]",
            "sets: [all]",
            (
                r"^protocol, line 15, strategies\.least: the smallest of a choice needs at least 2 candidates under "
                r"'sets' and 'strategies'; found 1\.$"
            ),
        ),
        (
            f"  {DROP}",
            f"  few: {{{DROP.split('{')[1]}",
            (
                r"^protocol, line 13, strategies\.few: what a strategy chooses is called like it, and there is a set "
                r"'few' already; give one of them another name\.$"
            ),
        ),
        (
            f"  {DROP}",
            f"  base: {{{DROP.split('{')[1]}",
            (
                r"^protocol, line 13, strategies\.base: what a strategy chooses is called like it, and there is a "
                r"variant 'base' already; give one of them another name\.$"
            ),
        ),
        (
            "name: base, set: all, model: ridge}",
            "name: base, set: all, model: ridge}\n  - {name: 'least: the best', set: few, model: ridge}",
            (
                r"^protocol, line 16, strategies\.least: what a strategy chooses is called like it, and there is a "
                r"variant 'least: the best' already; give one of them another name\.$"
            ),
        ),
        (
            DROP,
            "drop: {kind: by-weight, drop: [1], by: gain, set: all, model: network",
            (
                r"^protocol, line 13, strategies\.drop\.by: 'gain' looks at the gain of the trees' splits, and the "
                r"model 'network' \(hdnn\) has none; expected 'absolute' or 'sum' or 'permutation', or another model\.$"
            ),
        ),
        (
            DROP,
            "drop: {kind: by-weight, drop: [1], set: all, model: forest",
            (
                r"^protocol, line 13, strategies\.drop\.by: 'absolute' looks at the first-layer weights, and the model "
                r"'forest' \(random-forest\) has none; expected 'permutation' or 'gain', or another model\.$"
            ),
        ),
        (
            DROP,
            f"{DROP}, race: {{first: 4}}",
            (
                r"^protocol, line 13, strategies\.drop\.race\.first: nobody could be stopped before the last repeat: "
                r"expected fewer than the 4 repeats of 'explore', found 4; explore more repeats, or leave out 'race'\.$"
            ),
        ),
        (
            DROP,
            f"{DROP}, race: {{first: 1}}",
            (
                r"^protocol, line 13, strategies\.drop\.race\.first: Friedman's test ranks candidates in at least 2 "
                r"repeats, found 1; give more, or write rule: halving\.$"
            ),
        ),
        (
            DROP,
            "drop: {kind: by-weight, drop: [1], race: {}, set: all, model: ridge",
            (
                r"^protocol, line 13, strategies\.drop\.race: 'by-weight' has no candidates that run side by side, so "
                r"nobody could be stopped; leave out 'race'\.$"
            ),
        ),
        (
            "kind: backward",
            "kind: backward, order: listed, race: {}",
            (
                r"^protocol, line 14, strategies\.back\.race: 'backward' in the order 'listed' has no candidates that "
                r"run side by side, so nobody could be stopped; leave out 'race'\.$"
            ),
        ),
        (
            "  back: {",
            "  'least: the best': {",
            (
                r"^protocol, line 15, strategies\.least: what a strategy chooses is called like it, and there is a "
                r"strategy 'least: the best' already; give one of them another name\.$"
            ),
        ),
        (
            "kind: backward, set: all, model: ridge",
            "kind: backward, set: all, model: forest, order: weight",
            (
                r"^protocol, line 14, strategies\.back\.order: 'weight' looks at the first-layer weights, and the "
                r"model 'forest' \(random-forest\) has none; expected 'drop-one', 'listed' or 'random', or another "
                r"model\.$"
            ),
        ),
        (
            "explore: {",
            "explore: {design: fixed, ",
            (
                r"^protocol, line 16, explore\.design: on one division of the frames a linear model gives one and the "
                r"same result in every repeat, and 'drop' would take its copies for evidence; expected 'resampled', or "
                r"another model\.$"
            ),
        ),
        (
            ", margin: 0.1",
            "",
            (
                r"^protocol, line 14, strategies\.back: 'backward' asks what is as good within a margin, and none is "
                r"declared; give one under 'analysis', or here\.$"
            ),
        ),
        (
            "design: crossed, splits: 6",
            "design: resampled",
            (
                r"^protocol, line 17, split\.design: strategies are confirmed on a reserve that they never saw, and "
                r"the design 'resampled' redraws it at every repeat; expected 'crossed' or 'fixed'\.$"
            ),
        ),
        (
            "margin: 0.1",
            "margin: 0.1, pairs: all",
            (
                r"^protocol, line 19, analysis\.pairs: what strategies choose is compared with the baseline; expected "
                r"'baseline', found 'all'\.$"
            ),
        ),
        (
            "test: 0.2, validation: 0.2}\nsplit",
            "test: 0.5, validation: 0.3}\nsplit",
            (
                r"^protocol, line 16, explore: the reserve and explore's own test and validation must leave frames to "
                r"train on; found shares 0\.2 \+ 0\.5 \+ 0\.3\.$"
            ),
        ),
        (
            BASE[BASE.index("strategies:") : BASE.index("explore:")],
            "  - {name: few, set: few, model: ridge}\n",
            (
                r"^protocol, line 13, explore: it says how strategies explore, and the protocol has none; name them "
                r"under 'strategies', or leave 'explore' out\.$"
            ),
        ),
    ],
)
def test_refusals_name_line_and_path(old: str, new: str, sentence: str) -> None:
    """What the protocol alone shows to be impossible is refused when it is read."""
    assert loads(BASE).strategies
    assert old in BASE
    with pytest.raises(ProtocolError, match=sentence):
        loads(BASE.replace(old, new, 1))


def test_forward_needs_a_margin_and_one_of_its_own_is_enough() -> None:
    """Elimination and selection explore by a margin; other kinds need none."""
    bare = BASE.replace(", margin: 0.1", "").replace(f"  {LEAST}\n", "")
    assert LEAST not in bare
    text = bare.replace("  back: {kind: backward, set: all, model: ridge}\n", "")
    text = text.replace(DROP, "drop: {kind: forward, most: 2, set: all, model: ridge")
    with pytest.raises(ProtocolError, match=r"^protocol, line 13, strategies\.drop: 'forward' asks what is"):
        loads(text)
    assert loads(bare.replace("back: {kind: backward", "back: {kind: backward, margin: 5%")).strategies


def test_smallest_is_confirmed_at_the_margin_of_the_analysis() -> None:
    """A margin of its own tells how it explores; without one to confirm by it could never be called equivalent."""
    text = BASE.replace(", margin: 0.1", "").replace("  back: {kind: backward, set: all, model: ridge}\n", "")
    with pytest.raises(
        ProtocolError,
        match=r"^protocol, line 14, strategies\.least: that the smallest set is as good as the best is confirmed at "
        r"the margin of 'analysis', and none is declared there; give one, whatever margin this strategy explores by\.$",
    ):
        loads(text.replace(LEAST, LEAST.replace("}", ", margin: 0.2}")))


def test_measured_times_have_no_strategies() -> None:
    """With 'measure' nothing is trained, so nothing can be chosen by training."""
    text = """\
question: q
data: {kind: aluminium}
measure: {kind: descriptor-time}
sets: {a: thesis-12, b: thesis-22}
variants: [{name: a, set: a}, {name: b, set: b}]
strategies:
  drop: {kind: drop-one, set: a, model: n}
repeats: 5
analysis: {baseline: a, metric: descriptor_time}
"""
    sentence = r"^protocol, line 6, strategies: with 'measure' nothing is trained; leave out 'strategies'\.$"
    with pytest.raises(ProtocolError, match=sentence):
        loads(text)


@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        ("kind: drop-two", r"strategies\.drop: expected 'kind' to be one of 'by-shift', 'random-subsets'"),
        ("kind: drop-one, remove: []", r"strategies\.drop.*remove: expected at least 1, found 0\."),
        ("kind: random-subsets, sizes: [0]", r"strategies\.drop.*sizes\.0: expected to be greater than or equal to 1"),
        (
            "kind: forward, most: 2, margin: -1",
            r"strategies\.drop\.margin: expected a margin greater than 0, found -1\.$",
        ),
        ("kind: drop-one, remov: [1]", r"strategies\.drop.*remov: unknown key 'remov'; did you mean 'remove'\?"),
        (
            "kind: drop-one, race: {first: 0}",
            r"strategies\.drop\.race\.first: expected to be greater than or equal to 1, found 0\.",
        ),
    ],
)
def test_values_that_cannot_be_are_refused_in_the_words_of_every_protocol(new: str, sentence: str) -> None:
    """Kinds, keys and numbers are checked as everywhere else."""
    with pytest.raises(ProtocolError, match=rf"line 13, {sentence}"):
        loads(BASE.replace("kind: drop-one", new, 1))


# --------------------------------------------------------------------------------------- refused when laid out


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a table of five columns and 40 configurations of two atoms."""
    made = tmp_path_factory.mktemp("table")
    _write(made / "table.npz", 40)
    _write(made / "tiny.npz", 6)
    return made


def _write(file: Path, configurations: int) -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(2 * configurations, 5))
    np.savez(
        file,
        values=values,
        names=np.array(list("abcpq")),
        offsets=np.arange(0, 2 * configurations + 1, 2),
        energy=values[:, 0].reshape(-1, 2).sum(axis=1) + 0.01 * rng.normal(size=configurations),
    )


def _prepared(folder: Path, text: str) -> study.Prepared:
    return study.prepare(loads(text, file=str(folder / "p.yaml")), Store(folder / "store"))


@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        (
            "kind: random-subsets, sizes: [2, 6], draws: 3",
            (
                r"line 13, strategies\.drop: A subset of 6 is larger than the set, which has 5 functions; ask for at "
                r"most 5\.$"
            ),
        ),
        (
            "kind: drop-one, remove: [5]",
            (
                r"line 13, strategies\.drop: To leave out 5 of 5 functions would leave an empty set; expected 'remove' "
                r"of at most 4\.$"
            ),
        ),
        ("kind: forward, most: 6", r"line 13, strategies\.drop: 'most' is 6, more than the 5 functions of the set; "),
        ("kind: backward, least: 5", r"line 13, strategies\.drop: 'least' is 5, and the set has 5 functions: nothing "),
        (
            "kind: by-shift, ranges: [[0, 1]], angular: without",
            r"line 13, strategies\.drop: No radial function of the set has an R_s in \[0, 1\]; it has no radial",
        ),
        (
            "kind: evenly-spaced, steps: [[8, 4, 4]], starts: [[1, 202, 1]]",
            r"line 13, strategies\.drop: The group of steps \(8, 4, 4\) and starts \(1, 202, 1\) holds G2\(",
        ),
        (
            "kind: backward, margin: 5 percent",
            (
                r"line 13, strategies\.drop: A margin is a number in the metric's unit \(0\.1\), a share of the "
                r"baseline's mean \(5%\) or a number of standard deviations of the paired differences \(0\.3 d_z\), "
                r"found '5 percent'\.$"
            ),
        ),
    ],
)
def test_what_only_the_sets_show_is_refused_at_plan_time(folder: Path, new: str, sentence: str) -> None:
    """Before anything runs, with the strategy's line; nothing is written."""
    with pytest.raises(ProtocolError, match=sentence):
        _prepared(folder, BASE.replace("kind: drop-one", new, 1))
    assert not (folder / "store").exists()


def test_sets_of_two_origins_have_no_smallest(folder: Path) -> None:
    """Functions that are computed and columns that are read from a table stand in different pools."""
    frames = readers.read(readers.sample_source())
    kept = frames.group == "300 K solid"
    atoms = int((frames.offsets[1:] - frames.offsets[:-1])[kept].sum())
    values = np.random.default_rng(1).normal(size=(atoms, 3))
    np.savez(folder / "values.npz", values=values, names=np.array(list("abc")))
    text = BASE.replace("{kind: table, path: table.npz, block_length: 1}", "{kind: aluminium, groups: [300 K solid]}")
    text = text.replace("all: {columns: all}", "all: thesis-12").replace(
        "few: {columns: [a, b, c]}", "few: {columns: all, table: values.npz}"
    )
    sentence = (
        r"line 15, strategies\.least: The smallest of sets is looked for among sets of one origin, and these are "
        r"computed from frames or read from different tables; name sets of one kind\.$"
    )
    with pytest.raises(ProtocolError, match=sentence):
        _prepared(folder, text)


def test_too_few_frames_to_explore_beside_the_reserve(folder: Path) -> None:
    """Six configurations are enough for three parts and a reserve, but leave one to validate on."""
    text = BASE.replace("table.npz", "tiny.npz")
    with pytest.raises(
        DataError, match=r"line 2, data: a model needs at least 2 configurations to .* on, the split of 6"
    ):
        _prepared(folder, text)


# ------------------------------------------------------------------------------------------------- laid out


def test_no_training_of_explore_sees_the_reserve(folder: Path) -> None:
    """Of every strategy and outer split no part of any explored split holds a frame of the reserve, which is one."""
    text = BASE.replace(DROP, f"{DROP}, outer: 3").replace("repeats: 4", "repeats: 6")
    prepared = _prepared(folder, text)
    (reserve,) = {tuple(parts.test.tolist()) for parts in prepared.parts["block"]}
    assert len(reserve) == 8
    seen = []
    for laid in prepared.explored.laid.values():
        for ground in laid.grounds:
            jobs = [ground.train(ground.whole, number) for number in range(ground.repeats)]
            for job in jobs:
                assert isinstance(job, Train)
                parts = splits.draw(prepared.frames, job.split)
                used = np.concatenate([parts.train, parts.validation, parts.test])
                assert sorted(used.tolist()) == sorted(set(range(40)) - set(reserve))
            seen.append(tuple(tuple(splits.draw(prepared.frames, job.split).test.tolist()) for job in jobs))
    assert len(set(seen[0])) == 6  # divided anew at every repeat
    assert len(set(seen[:3])) == 3  # and at every outer split
    assert seen[0] == seen[3] == seen[4]  # all strategies on the same divisions, so that they can share trainings


def test_the_overlap_is_that_of_the_drawn_splits(folder: Path) -> None:
    """ρ is the mean ratio of test to training blocks of the repeats; a fixed division has none, and one division."""
    prepared = _prepared(folder, BASE)
    ground = prepared.explored.laid["drop"].grounds[0]
    drawn = [splits.draw(prepared.frames, repeat.split) for repeat in roles.exploring(prepared.protocol)]
    assert ground.test_to_train == pytest.approx(np.mean([len(parts.test) / len(parts.train) for parts in drawn]))
    fixed = _prepared(
        folder, BASE.replace("explore: {", "explore: {design: fixed, ").replace("model: ridge", "model: network")
    )
    ground = fixed.explored.laid["drop"].grounds[0]
    assert ground.test_to_train == 0
    jobs = [ground.train(ground.whole, number) for number in range(4)]
    assert len({job.split for job in jobs}) == 1
    assert len({job.weights_seed for job in jobs}) == len({job.order_seed for job in jobs}) == 4


def test_explored_seeds_are_not_those_of_the_confirmation(folder: Path) -> None:
    """Winners are trained from other initial weights, in other orders and on other validation splits."""
    prepared = _prepared(folder, BASE.replace("model: ridge", "model: network"))
    explored = roles.exploring(prepared.declared)
    confirmed = prepared.repeats
    for name in ("weights_seed", "order_seed"):
        assert not {getattr(one, name) for one in explored} & {getattr(one, name) for one in confirmed}
    assert not {one.split.split_seed for one in explored} & {one.split.split_seed for one in confirmed}
    assert len({one.split.reserve_seed for one in (*explored, *confirmed)}) == 1


def test_what_may_still_be_asked_for_counts_trainings(folder: Path) -> None:
    """Questions about a trained model are no trainings: by permutation four of eight are left after the weighing."""
    text = BASE.replace("kind: drop-one", "kind: by-weight, by: permutation, drop: [2]", 1).replace(
        LEAST, "last: {kind: drop-one, set: few, model: ridge}"
    )
    prepared = _prepared(folder, text.replace("  back: {kind: backward, set: all, model: ridge}\n", ""))
    laid = {"drop": prepared.explored.laid["drop"]}
    assert exploration.Explored(laid).left_at_most(("drop", 0)) == 8
    ground = laid["drop"].grounds[0]
    trained = tuple(ground.train(ground.whole, number) for number in range(4))
    asked = (*trained, *(Importance(job, "permutation", seed=1) for job in trained))
    assert exploration.Explored(laid, asked={("drop", 0): asked}).left_at_most(("drop", 0)) == 4


def test_a_winner_is_known_by_what_it_holds(folder: Path) -> None:
    """The smallest of sets may be one that another strategy found, in whatever order their sets name their inputs."""
    text = BASE.replace("few: {columns: [a, b, c]}", "few: {columns: [q, p]}\n  two: {columns: [c, b]}")
    text = text.replace("sets: [all, few]", "sets: [few, two]").replace("remove: ", "")
    store = Store(folder / "found")
    prepared = study.prepare(loads(text, file=str(folder / "p.yaml")), store)
    found = study.conduct(prepared, store).prepared.protocol
    chosen = {variant.name: variant.set for variant in found.variants}
    # the first column is all that counts, and only what dropping one leaves still holds it
    assert chosen["least: the best"] == chosen["drop"] == "drop"
    assert set(found.sets) - {"all", "few", "two"} <= {"drop", "back"}

"""A study whose winner is put to work: who that is, what is asked, planned, found and told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpbench import planning, probed, probes, study, winner
from bpbench.data.frames import Frames
from bpbench.errors import ProtocolError, RequestError
from bpbench.findings import findings
from bpbench.identity import digest, plain
from bpbench.jobs import Distribute, Simulate, Stretch, Train
from bpbench.protocol import Protocol
from bpbench.protocol.reading import loads
from bpbench.report.compose import compose
from bpbench.report.language import spoken
from bpbench.report.plans import plan as told_plan
from bpbench.report.templating import folders
from bpbench.runner.executed import Failure
from bpbench.runner.probing import potential
from bpbench.runner.store import Outcome, Store

PROBE = "probe: {volumes: 7, range: 0.1, md: {state: 300 K solid, steps: 12, every: 2}}"
TEXT = """
question: Can the potential be used?
data: {{kind: aluminium, groups: [10 K solid, 300 K solid]}}
sets:
  few: {{functions: [{{kind: G2, eta: 0.1, r_s: 0, r_c: 6.8}}, {{kind: G2, eta: 1, r_s: 2.8, r_c: 6.8}}]}}
  one: {{functions: [{{kind: G2, eta: 0.1, r_s: 0, r_c: 6.8}}]}}
models:
  ridge: {{kind: linear}}
  forest: {{kind: random-forest, trees: 5}}
variants:
  - {{name: forest, set: few, model: forest}}
  - {{name: ridge, set: few, model: ridge}}
  - {{name: poor, set: one, model: ridge}}
split: {{design: resampled}}
repeats: 3
report: {{formats: [html]}}
analysis: {{baseline: {baseline}, test: nadeau-bengio}}
{more}
"""


def protocol(more: str = PROBE, *, baseline: str = "ridge") -> Protocol:
    """Return the protocol, with a probe or another one."""
    return loads(TEXT.format(more=more, baseline=baseline), file="small.yaml", name="small")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[study.Study, Store]:
    """Return the conducted study and its store."""
    store = Store(tmp_path_factory.mktemp("probe") / "store")
    return study.conduct(study.prepare(protocol(), store), store), store


@pytest.fixture(scope="module")
def found(ran: tuple[study.Study, Store]) -> dict[str, Any]:
    """Return its findings as they are written."""
    read: dict[str, Any] = json.loads(json.dumps(findings(ran[0]), allow_nan=False))
    return read


def outcome(conducted: study.Study, job: Any) -> Outcome:
    """Return what came of a probing job."""
    made = conducted.probed[job]
    assert isinstance(made, Outcome)
    return made


def named(conducted: study.Study) -> winner.Winner:
    """Return the winner."""
    assert conducted.winner is not None
    return conducted.winner


def text(found: dict[str, Any], language: str = "en") -> str:
    """Return the section as running text, captions included."""
    with spoken(language, folders()):
        document = compose(found, {})
    section = next(section for section in document.sections if section.key == "probe")
    return "\n".join(getattr(block, "text", "") or getattr(block, "caption", "") for block in section.blocks)


# ------------------------------------------------------------------------------------------------------ what is asked


def test_every_repeat_is_stretched_and_the_ends_of_validation_are_moved(ran: tuple[study.Study, Store]) -> None:
    """The winner is the least mean on the test set among those with a potential, the ends those of its validation."""
    conducted, _ = ran
    chosen = named(conducted)
    mean = {
        name: np.mean([conducted.results[name, number].values["scores"]["test"]["rmse"] for number in range(3)])  # type: ignore[union-attr]
        for name in ("ridge", "poor")
    }
    assert chosen.variant == min(mean, key=lambda name: mean[name])
    assert set(chosen.stretches) == {0, 1, 2}
    validation = {
        number: conducted.results[chosen.variant, number].values["scores"]["validation"]["rmse"]  # type: ignore[union-attr]
        for number in range(3)
    }
    assert list(chosen.runs) == [
        min(validation, key=validation.__getitem__),
        max(validation, key=validation.__getitem__),
    ]
    assert {type(job) for job in chosen.jobs} == {Stretch, Simulate, Distribute}


def test_a_stretched_frame_has_its_own_energy_at_its_own_volume(ran: tuple[study.Study, Store]) -> None:
    """That of the training, found by the way of stored descriptors, and that of the data, found by EMT long ago."""
    conducted, _ = ran
    chosen, frames = named(conducted), conducted.prepared.frames
    for number, job in chosen.stretches.items():
        assert job.scales[3] == 1.0
        energy = outcome(conducted, job).arrays["energy"]
        trained = conducted.results[str(chosen.variant), number]
        assert isinstance(trained, Outcome)
        assert energy[3] == pytest.approx(trained.arrays["energy"][job.frame], abs=1e-8)
        assert len(np.unique(energy)) == 7
    assert chosen.truth is not None
    truth = outcome(conducted, chosen.truth).arrays["energy"]
    assert truth[3] == pytest.approx(frames.energy[chosen.truth.frame], abs=1e-6)
    assert frames.energy[chosen.truth.frame] == frames.energy.min()


def test_extrapolation_is_what_lies_outside_the_ranges_of_the_training_atoms(ran: tuple[study.Study, Store]) -> None:
    """Ranges read off the training frames themselves, values of the compressed frame computed anew."""
    from bpbench.data import splits
    from bpbench.descriptors.symmetry import describe_frames

    conducted, _ = ran
    chosen, frames = named(conducted), conducted.prepared.frames
    assert isinstance(frames, Frames)
    job = chosen.stretches[0]
    assert isinstance(job.training, Train)
    functions: Any = job.training.functions
    values = describe_frames(functions, frames, 0, len(frames))
    train = splits.draw(frames, job.training.split).train
    atoms = np.concatenate([np.arange(frames.offsets[f], frames.offsets[f + 1]) for f in train])
    length = job.scales[0] ** (1 / 3)
    small = replace(frames, positions=frames.positions * length, cells=frames.cells * length)
    there = describe_frames(functions, small, job.frame, job.frame + 1)
    low, high = values[:, atoms].min(axis=1, keepdims=True), values[:, atoms].max(axis=1, keepdims=True)
    outside = ((there < low) | (there > high)).mean()
    assert 0 < outside <= 1
    assert outcome(conducted, job).arrays["beyond"][0] == pytest.approx(outside, abs=1e-12)


def test_runs_are_of_the_state_and_the_same_again(ran: tuple[study.Study, Store]) -> None:
    """Temperature and first frame of the state, g(r) up to half the cell; what is stored is not run again."""
    conducted, store = ran
    chosen, frames = named(conducted), conducted.prepared.frames
    assert isinstance(frames, Frames)
    run = next(iter(chosen.runs.values()))
    assert (run.temperature, run.settle, frames.group[run.frame]) == (300.0, 2, "300 K solid")
    assert run.reach == pytest.approx(frames.cells[run.frame][0, 0] / 2)
    assert chosen.data is not None
    assert len(chosen.data.chosen) == 40
    again = study.conduct(study.prepare(protocol(), store), store)
    assert again.executed.made == 0
    assert findings(again) == findings(conducted)
    from bpbench.runner import work

    made = work.perform(run, store.load)
    for name, array in outcome(conducted, run).arrays.items():
        assert np.asarray(array).tobytes() == np.asarray(made.arrays[name]).tobytes()


def test_the_probe_counts_for_the_digest_where_it_is_asked_for() -> None:
    """Protocols without one keep theirs."""
    without = protocol("")
    assert "probe" not in plain(without)
    assert digest(plain(without)) != digest(plain(protocol()))


def test_without_a_probe_and_in_recorded_runs_nothing_is_asked(ran: tuple[study.Study, Store]) -> None:
    """And older findings have no section."""
    conducted, _ = ran
    prepared = conducted.prepared
    assert winner.choose(replace(prepared, protocol=replace(prepared.protocol, probe=None)), conducted.results) is None
    assert winner.choose(replace(prepared, protocol=replace(prepared.protocol, draw=1)), conducted.results) is None
    assert winner.choose(prepared, {}) is None


def test_a_lost_repeat_puts_a_contestant_behind(ran: tuple[study.Study, Store]) -> None:
    """However small the mean of the others."""
    conducted, _ = ran
    names = winner.ranked(conducted.prepared, conducted.results)
    lost = {**conducted.results, (names[0], 1): Failure("It fell.")}
    assert winner.ranked(conducted.prepared, lost) == [*names[1:], names[0]]


def test_trees_and_columns_have_no_potential(ran: tuple[study.Study, Store]) -> None:
    """The next best is put to work; asked directly, they are refused."""
    conducted, _ = ran
    prepared = conducted.prepared
    forest = {key: result for key, result in conducted.results.items() if key[0] == "forest"}
    chosen = winner.choose(prepared, forest)
    assert chosen is not None
    assert (chosen.best, chosen.without, chosen.variant, chosen.jobs) == ("forest", "trees", None, [])
    job = prepared.trainings["forest", 0]
    assert isinstance(job, Train)
    assert isinstance(prepared.frames, Frames)
    trained = conducted.results["forest", 0]
    assert isinstance(trained, Outcome)
    said = (
        r"^Only a network or a linear potential on symmetry functions, whose training succeeded, can be probed; found "
        r"random-forest \(done\)\.$"
    )
    with pytest.raises(RequestError, match=said):
        potential(job, trained, prepared.frames)


# --------------------------------------------------------------------------------------------------------- the plan


def test_the_plan_counts_what_the_dearest_would_cost_and_then_what_is_there(
    ran: tuple[study.Study, Store], tmp_path: Path
) -> None:
    """Before any result nobody knows the winner."""
    conducted, store = ran
    empty = Store(tmp_path / "empty")
    before = planning.plan(study.prepare(protocol(), empty), empty)
    assert before["probe"] == {"variant": "ridge", "settled": False}
    assert {name: before["jobs"][name]["new"] for name in ("stretch", "simulate", "count g(r)")} == {
        "stretch": 4, "simulate": 2, "count g(r)": 1
    }  # fmt: skip
    jobs_s = sum(entry["expected_s"] for entry in before["jobs"].values())
    assert before["expected_s"] == pytest.approx(jobs_s + before["outlay"]["reading_s"])
    lines = "\n".join(told_plan(before | {"report": "reports"}))
    assert "Probe: of the contestant with the best mean; counted for the dearest that is known, “ridge”." in lines
    after = planning.plan(study.prepare(protocol(), store), store)
    assert after["probe"] == {"variant": named(conducted).variant, "settled": True}
    assert after["expected_s"] == 0
    assert after["jobs"]["simulate"]["stored"] == len(named(conducted).runs)


# ----------------------------------------------------------------------------------------------------- what is found


def test_findings_hold_curves_fits_and_runs(found: dict[str, Any]) -> None:
    """Means and ends are those of the repeats; EMT's own minimum is that of aluminium."""
    stretch = found["probe"]["stretch"]
    curves = np.array([entry["energies_ev_per_atom"] for entry in stretch["repeats"]])
    np.testing.assert_allclose(stretch["mean"]["energy"], curves.mean(axis=0))
    np.testing.assert_allclose(stretch["mean"]["high"], curves.max(axis=0))
    assert stretch["truth"]["fit"]["volume"] == pytest.approx(3.994**3 / 4, rel=0.003)
    assert 30 < stretch["truth"]["fit"]["modulus"] < 50  # EMT's aluminium is soft: 39.7 GPa
    assert [state["name"] for state in stretch["data"]] == ["10 K solid", "300 K solid"]
    assert stretch["left_out"] == 0
    md = found["probe"]["md"]
    assert [run["role"] for run in md["runs"]] == ["best", "worst"][: len(md["runs"])]
    assert all(run["made"] == 12 and run["counted"] == 5 for run in md["runs"])
    assert md["data"]["frames"] == 40
    assert 2.6 < md["data"]["peak"]["r_a"] < 3.0


def test_repeats_that_share_a_training_are_one_potential(ran: tuple[study.Study, Store]) -> None:
    """A ridge on one split is one curve, whatever the number of its repeats: no spread of nothing."""
    conducted, _ = ran
    chosen = named(conducted)
    same = dict.fromkeys((0, 1), chosen.stretches[0]) | {2: chosen.stretches[2]}
    told = probed._stretch(conducted, replace(chosen, stretches=same))
    assert [entry["repeat"] for entry in told["repeats"]] == [0, 2]
    assert told["mean"]["n"] == 2
    both = [np.array(entry["energies_ev_per_atom"]) for entry in told["repeats"]]
    np.testing.assert_allclose(told["mean"]["energy"], (both[0] + both[1]) / 2, rtol=1e-12)


def test_a_curve_that_is_not_finite_is_in_no_mean() -> None:
    """Neither in that of energies nor in that of what lies out of range."""
    lost = {"energies_ev_per_atom": None, "beyond": [1.0, 1.0]}
    kept = {"energies_ev_per_atom": [2.0, 3.0], "beyond": [0.0, 0.5]}
    told = probed._over([lost, kept])
    assert told is not None
    assert (told["n"], told["energy"], told["beyond"]) == (1, [2.0, 3.0], [0.0, 0.5])
    assert probed._over([lost]) is None


def test_the_report_shows_both_curves(found: dict[str, Any]) -> None:
    """In two languages, with data behind each figure; limits point at the section."""
    with spoken("en", ()):
        document = compose(found, {})
    section = next(section for section in document.sections if section.key == "probe")
    kinds = [type(block).__name__ for block in section.blocks]
    assert kinds.count("Figure") == 2
    assert all(figure.data is not None for figure in document.figures if figure.key in {"volumes", "distribution"})
    assert "were therefore put to work" in text(found)
    assert "Birch and Murnaghan" in "".join(table.caption for table in document.tables)
    limits = next(section for section in document.sections if section.key == "limits")
    assert any("are no part of any verdict" in item for block in limits.blocks for item in getattr(block, "items", ()))
    assert "potentiel" in text(found, "fr")


def test_what_went_wrong_is_told(found: dict[str, Any]) -> None:
    """A run that flew off, a job that failed, trees in front, curves without a minimum."""
    probe = found["probe"]
    run = probe["md"]["runs"][0] | {"reason": "heat", "made": 7, "hottest_k": 2412.0, "g": None, "peak": None}
    run |= {"apart": None, "counted": 0}
    lost = {"repeat": 2, "message": "It fell."}
    stretch = probe["stretch"] | {"fit": dict.fromkeys(probe["stretch"]["fit"]), "failed": [lost], "left_out": 2}
    changed = probe | {
        "best": "forest",
        "without": "trees",
        "stretch": stretch,
        "md": probe["md"] | {"runs": [run], "failed": [lost, lost]},
    }
    said = text(found | {"probe": changed})
    for expected in (
        "forest has the best mean RMSE on the test set, but no potential that could be put to work: it is made of ",
        "was ended at step 7 of 12: its kinetic temperature flew off, to 2412 K. This potential cannot be used",
        "1 question to a potential failed, that of repeat 2: It fell.",
        "2 questions to potentials failed, the first of them that of repeat 2: It fell.",
        "No training has a minimum within these volumes, so there is nothing to fit.",
        "2 frames of other compositions than Al, or not periodic in all directions, are left out.",
    ):
        assert expected in said
    none = probe | {"best": "forest", "without": "columns", "variant": None, "stretch": None, "md": None}
    assert "No other contestant has one either." in text(found | {"probe": none})
    older = {key: value for key, value in found.items() if key != "probe"}
    with spoken("en", ()):
        assert "probe" not in {section.key for section in compose(older, {}).sections}


# ------------------------------------------------------------------------------------------------------- refusals

LINE = r"^small\.yaml, line 18, "


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            "probe: {md: {state: 301 K solid}}",
            r"probe\.md\.state: the data have no state '301 K solid'; did you mean '300 K solid'\?$",
        ),
        (
            "probe: {md: {state: 300 K solid, steps: 10}}",
            r"probe\.md: a run of 10 steps ends before its first frame is counted; give more steps, or a smaller ",
        ),
        ("probe: {volumes: 6}", r"probe\.volumes: expected to be greater than or equal to 7, found 6\.$"),
        ("probe: {md: {steps: 10}}", r"probe\.md\.state: the key 'state' is missing\.$"),
    ],
)
def test_a_probe_that_cannot_be_answered_is_refused(more: str, said: str, tmp_path: Path) -> None:
    """With file and line, before anything runs."""
    store = Store(tmp_path / "store")
    with pytest.raises(ProtocolError, match=LINE + said):
        study.prepare(protocol(more), store)


def test_data_without_temperature_or_periodic_frames_are_refused(ran: tuple[study.Study, Store]) -> None:
    """A temperature may be given instead."""
    frames = ran[0].prepared.frames
    assert isinstance(frames, Frames)
    asked = protocol()
    cold = replace(frames, temperature=None)
    said = r"probe\.md: the data say no temperature of '300 K solid'; give 'temperature' in K\.$"
    with pytest.raises(ProtocolError, match=LINE + said):
        probes.check(asked, cold)
    probes.check(protocol("probe: {md: {state: 300 K solid, temperature: 280}}"), cold)
    slab = replace(frames, pbc=np.zeros_like(frames.pbc))
    said = (
        r"probe: volumes are those of frames that are periodic in all three directions, and none of these 80 is; leave "
        r"'probe' out\.$"
    )
    with pytest.raises(ProtocolError, match=LINE + said):
        probes.check(asked, slab)
    partly = replace(frames, pbc=frames.pbc & (frames.group != "300 K solid")[:, None])
    said = (
        r"probe\.md\.state: g\(r\) is that of frames that are periodic in all three directions, and none of "
        r"'300 K solid' is; name another state, or leave 'md' out\.$"
    )
    with pytest.raises(ProtocolError, match=LINE + said):
        probes.check(asked, partly)


def test_tables_and_measurements_have_no_potential_to_probe() -> None:
    """Both are refused when the protocol is read."""
    table = """
question: q
data: {kind: table, path: x.csv, energy: e}
sets: {all: {columns: all}}
models: {ridge: {kind: linear}, forest: {kind: random-forest}}
variants: [{name: a, set: all, model: ridge}, {name: b, set: all, model: forest}]
repeats: 3
analysis: {baseline: a}
probe: {}
"""
    said = r"line 9, probe: a potential is probed on structures, and the data are a table; leave 'probe' out\.$"
    with pytest.raises(ProtocolError, match=said):
        loads(table)
    timed = """
question: q
data: {kind: aluminium}
sets: {22: thesis-22, 12: thesis-12}
variants: [{name: a, set: 22}, {name: b, set: 12}]
measure: {kind: descriptor-time}
repeats: 3
analysis: {baseline: a, metric: descriptor_time}
probe: {}
"""
    with pytest.raises(
        ProtocolError, match=r"line 9, probe: with 'measure' no potential is made; leave out 'probe'\.$"
    ):
        loads(timed)


def test_the_stretched_frame_is_of_the_most_frequent_composition() -> None:
    """Energies of other compositions are on other scales, and frames that are not periodic have no volume."""
    frames = Frames(
        positions=np.zeros((7, 3)),
        cells=np.array([8 * np.eye(3)] * 4),
        pbc=np.array([[True] * 3, [True] * 3, [True] * 3, [True, True, False]]),
        species=np.array([13, 29, 13, 13, 29, 13, 29]),
        offsets=np.array([0, 1, 3, 5, 7]),
        energy=np.array([-9.0, -2.0, -4.0, -8.0]),
        forces=None,
        id=np.arange(4),
        group=np.array(["a"] * 4),
        block=np.array(["a"] * 4),
        temperature=None,
        blocks_declared=False,
    )
    frames = replace(frames, species=np.array([13, 29, 13, 13, 29, 13, 29]))
    frame, same = probes.alike(frames)
    assert (frame, same.tolist()) == (2, [1, 2])
    assert probes.composition(frames, 1) == ((13, 1), (29, 1))
    assert probes.volumes(frames, same).tolist() == pytest.approx([256.0, 256.0])


# --------------------------------------------------------------------------------------------------------- an alloy

ALLOY = """
question: Can a potential of two elements be used?
data: {kind: file, path: alloy.extxyz}
sets: {12: {preset: thesis-12, elements: [Al, Cu]}}
models:
  ridge: {kind: linear}
  stiff: {kind: linear, strengths: [100.0]}
variants: [{name: ridge, set: 12, model: ridge}, {name: stiff, set: 12, model: stiff}]
split: {design: resampled}
repeats: 2
report: {formats: [html]}
analysis: {baseline: ridge, test: nadeau-bengio}
probe: {volumes: 7, range: 0.1, md: {state: alloy, temperature: 300, steps: 6, every: 2}}
"""


def test_an_alloy_is_stretched_and_moved(tmp_path: Path) -> None:
    """Two elements with energies of their own: a frame at its own volume has the energy that its training gave it."""
    from ase.build import bulk
    from ase.calculators.emt import EMT
    from ase.io import write

    rng, frames = np.random.default_rng(5), []
    for number in range(30):
        atoms = bulk("Al", "fcc", a=3.9, cubic=True) * (2, 2, 2)
        atoms.symbols[rng.permutation(32)[: 16 if number % 3 else 12]] = "Cu"
        atoms.positions += rng.normal(scale=0.08, size=(32, 3))
        atoms.calc = EMT()
        atoms.get_forces()
        atoms.info["group"] = "alloy"
        frames.append(atoms)
    write(tmp_path / "alloy.extxyz", frames)
    store = Store(tmp_path / "store")
    asked = loads(ALLOY, file=str(tmp_path / "alloy.yaml"), name="alloy")
    conducted = study.conduct(study.prepare(asked, store), store)
    chosen = named(conducted)
    assert (chosen.variant, chosen.truth) == ("ridge", None)
    for number, job in chosen.stretches.items():
        trained = conducted.results["ridge", number]
        assert isinstance(trained, Outcome)
        there = outcome(conducted, job).arrays["energy"][3]
        assert there == pytest.approx(trained.arrays["energy"][job.frame], abs=1e-8)
    found = json.loads(json.dumps(findings(conducted), allow_nan=False))
    stretch = found["probe"]["stretch"]
    assert (stretch["formula"], stretch["left_out"], stretch["truth"]) == ("AlCu", 10, None)
    assert "10 frames of other compositions than AlCu, or not periodic in all directions, are left out." in text(found)

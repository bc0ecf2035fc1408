"""What descriptors cost, measured: refusals, rounds, the clock, the words. No test here looks at a real time."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from findings_factory import comparison
from scipy import stats

from bpbench import cli
from bpbench.data.frames import Frames
from bpbench.descriptors import symmetry
from bpbench.descriptors.operations import operations
from bpbench.environment import environment
from bpbench.errors import DataError, ProtocolError
from bpbench.features import G2, G5, FeatureSet, preset
from bpbench.findings import findings
from bpbench.identity import address
from bpbench.jobs import FrameSource, Job, Linear, MakeFrames, Split, TimeDescribe, Train
from bpbench.planning import plan
from bpbench.protocol import loads, schema
from bpbench.report import draw, plans, words
from bpbench.report.answer import answer
from bpbench.report.compose import compose, csv_tables
from bpbench.report.document import Document, Figure, Items, Table, Text
from bpbench.runner import cost, execute, graph, machine, processes, timing, work
from bpbench.runner.crew import Here
from bpbench.runner.engine import Engine
from bpbench.runner.executed import Failure
from bpbench.runner.store import Outcome, Store
from bpbench.study import Prepared, Study, check_design, conduct, prepare

TEXT = """\
question: What do they cost?
data: {kind: file, path: cells.extxyz}
measure: {kind: descriptor-time, frames: 3}
sets:
  one: {functions: [{kind: G2, eta: 1, r_s: 0, r_c: 4}]}
  two: {functions: [{kind: G2, eta: 1, r_s: 0, r_c: 4}, {kind: G5, eta: 0.1, zeta: 2, lam: 1, r_c: 4}]}
variants:
  - {name: one, set: one}
  - {name: two, set: two}
repeats: 4
analysis: {baseline: two, metric: descriptor_time, margin: 1}
"""
TRAINED = """\
question: q
data: {kind: aluminium}
sets: {a: thesis-12, b: thesis-22}
models: {n: {kind: linear}}
variants: [{name: a, set: a, model: n}, {name: b, set: b, model: n}]
repeats: 3
analysis: {baseline: a}
"""
MAKE = MakeFrames(FrameSource(path="a", sha256="00"))
SETS = {name: FeatureSet((G2(float(eta), 0.0, 4.0),)) for eta, name in enumerate("abcd", 1)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with five copper cells of 1 and 2 atoms and a protocol that times two sets on three of them."""
    cells = []
    for number in range(5):
        atoms = bulk("Cu", a=3.6 + 0.02 * number) * (1, 1, 1 + number % 2)
        atoms.calc = SinglePointCalculator(atoms, energy=-3.5 * len(atoms))
        cells.append(atoms)
    write(tmp_path / "cells.extxyz", cells)
    (tmp_path / "cost.yaml").write_text(TEXT, encoding="utf-8")
    return tmp_path


def prepared(folder: Path, text: str = TEXT) -> Prepared:
    return prepare(loads(text, file=str(folder / "cost.yaml"), name="cost"), Store(folder / "store"))


# ------------------------------------------------------------------------------------------------------ protocols


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "repeats: 4",
            "models: {n: {kind: linear}}\nrepeats: 4",
            "models: with 'measure' nothing is trained; leave out",
        ),
        (
            "repeats: 4",
            "split: {design: fixed}\nrepeats: 4",
            "line 10, split: with 'measure' nothing is trained, so no",
        ),
        ("repeats: 4", "pool: thesis-329\nrepeats: 4", "every function of a set must be in the pool"),
        ("repeats: 4", "precision: float32\nrepeats: 4", "precision: with 'measure' no values are stored; leave out"),
        (
            "set: two}",
            "set: two, model: n}",
            "line 9, variants.1.model: with 'measure' nothing is trained; a variant is",
        ),
        (
            "set: two}",
            "set: one}",
            "line 9, variants.1.set: 'two' has the functions of 'one', and a set is measured once",
        ),
        (", metric: descriptor_time", "", "line 11, analysis.metric: with 'measure' times are compared; expected the "),
        (
            "descriptor-time",
            "descriptor-tine",
            "line 3, measure.kind: expected 'kind' to be one of 'descriptor-time', found",
        ),
        ("frames: 3", "frames: 0", "line 3, measure.frames: expected to be greater than or equal to 1, found 0."),
        ("frames: 3", "frams: 3", "line 3, measure.frams: unknown key 'frams'; did you mean 'frames'?"),
        (
            "  two: {functions",
            "  t: {table: t.csv}\n  two: {functions",
            "sets.t: with 'measure' sets are computed against",
        ),
        ("measure: {kind: descriptor-time, frames: 3}\n", "models: {n: {kind: linear}}\n", "variants.0.model: the key"),
    ],
)
def test_what_cannot_be_timed_is_refused(old: str, new: str, sentence: str) -> None:
    """What belongs to training has no place beside ``measure``; each mistake is told with its line."""
    assert old in TEXT
    with pytest.raises(ProtocolError) as caught:
        loads(TEXT.replace(old, new), file="p.yaml")
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("p.yaml, line ")


def test_a_pool_is_refused_where_nothing_is_stored() -> None:
    """A pool that would fit the sets has no meaning either."""
    text = re.sub(
        r"(one|two): \{functions.*\}", lambda found: f"{found[1]}: thesis-{12 if found[1] == 'one' else 22}", TEXT
    )
    with pytest.raises(ProtocolError, match=r"pool: with 'measure' each set is described by itself; leave out 'pool'."):
        loads(text.replace("repeats: 4", "pool: thesis-329\nrepeats: 4"))


def test_a_time_without_a_measure_is_refused() -> None:
    """The metric of times needs the key ``measure``, and a study of trainings still needs its models."""
    with pytest.raises(
        ProtocolError, match=r"'descriptor_time' is a measured time and needs the key 'measure', such as"
    ):
        loads(TRAINED.replace("baseline: a", "baseline: a, metric: descriptor_time"))
    with pytest.raises(ProtocolError, match=r"line 1, models: the key 'models' is missing\.$"):
        loads(TRAINED.replace("models: {n: {kind: linear}}\n", ""))
    with pytest.raises(ProtocolError, match=r"line 5, variants\.1\.model: the key 'model' is missing\.$"):
        loads(TRAINED.replace("set: b, model: n", "set: b, model: null"))


def test_the_schema_and_the_design_of_a_study_of_times() -> None:
    """The schema knows the key, and Nadeau and Bengio's test, which is for splits, is refused."""
    assert "measure" in schema()["properties"]
    check_design(loads(TEXT))
    with pytest.raises(ProtocolError, match="'nadeau-bengio' is not allowed in a fixed design"):
        check_design(loads(TEXT.replace("margin: 1", "margin: 1, test: nadeau-bengio")))


# --------------------------------------------------------------------------------------------------------- rounds


def laid(**changes: Any) -> dict[tuple[str, int], TimeDescribe]:
    asked = {"frames": 4, "of": 10, "rounds": 6, "root": 1, **changes}
    return timing.lay_out(MAKE, SETS, **asked)


def test_rounds_are_interleaved_in_drawn_orders() -> None:
    """Each round holds every set once before the next begins; the orders differ, and only the seed decides them."""
    keys = list(laid())
    rounds = [keys[start : start + 4] for start in range(0, 24, 4)]
    for number, one in enumerate(rounds):
        assert {round_number for _, round_number in one} == {number}
        assert {name for name, _ in one} == set("abcd")
    assert len({tuple(name for name, _ in one) for one in rounds}) > 2
    assert keys == list(laid())
    assert keys != list(laid(root=2))


@pytest.mark.parametrize(("frames", "of", "chosen"), [(4, 10, (0, 3, 6, 9)), (9, 3, (0, 1, 2)), (1, 5, (0,))])
def test_frames_lie_evenly_over_the_data(frames: int, of: int, chosen: tuple[int, ...]) -> None:
    """First and last frame are among them, and where there are too few all are taken."""
    assert {job.chosen for job in laid(frames=frames, of=of).values()} == {chosen}


def test_a_time_belongs_to_a_kind_of_host_and_to_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same set in the same round has one address here, another on another kind of host or with other kernels."""
    here = {address(job) for job in laid().values()}
    assert here == {address(job) for job in laid().values()}
    monkeypatch.setattr(machine, "kind_of_host", lambda: "Abacus, 10 beads")
    there = {address(job) for job in laid().values()}
    monkeypatch.setattr(timing, "timed_code", lambda: "other kernels")
    recoded = {address(job) for job in laid().values()}
    assert len(here | there | recoded) == 3 * 24


def test_the_code_that_is_timed_is_the_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version of the compiler is another code; so would be other sources of that room, and of no other."""
    assert machine.sources("descriptors") != machine.sources()
    before = timing.timed_code()
    assert before == timing.timed_code()
    monkeypatch.setattr(timing.metadata, "version", lambda name: f"{name} 0.0")
    assert timing.timed_code() != before


# ----------------------------------------------------------------------------------------------------- the clock


def dimers() -> Frames:
    """Return three dimers, 2 Å apart."""
    text = np.array(["g"] * 3)
    return Frames(
        positions=np.array([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0]] * 3),
        cells=np.stack([np.eye(3)] * 3),
        pbc=np.zeros((3, 3), dtype=bool),
        species=np.full(6, 29),
        offsets=np.array([0, 2, 4, 6]),
        energy=np.zeros(3),
        forces=None,
        id=np.arange(3),
        group=text,
        block=text,
        temperature=None,
        blocks_declared=True,
    )


def ticking(*steps: float) -> Callable[[], float]:
    """Return a clock whose successive pairs of readings are so many seconds apart."""
    readings = itertools.chain.from_iterable((10.0 * number, 10.0 * number + step) for number, step in enumerate(steps))
    return lambda: next(readings)


@pytest.mark.parametrize(("used", "remarked"), [((3.0, 0.95, 2.0), False), ((2.0, 0.9, 1.5), True)])
def test_the_fastest_of_three_passes_counts(
    used: tuple[float, ...], remarked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One pass warms up, three are timed in one thread on the chosen frames; a shared processor is remarked on."""
    seen: list[tuple[int, int, dict[str, Any]]] = []

    def describe(functions: Any, frames: Frames, first: int, last: int, **more: Any) -> None:  # noqa: ARG001
        seen.append((first, last, more))
        assert frames.id.tolist() == [0, 2]

    monkeypatch.setattr(symmetry, "describe_frames", describe)
    job = TimeDescribe(MAKE, SETS["a"].functions, (0, 2), 0, "here", "code")
    made = timing.measure(job, dimers(), clock=ticking(3.0, 1.0, 2.0), processor=ticking(*used)).values
    assert seen == [(0, 2, {})] * 4  # describe_frames works in one thread unless told otherwise
    assert made["scores"] == {"measured": {"descriptor_time": pytest.approx(1.0 / 4 * 1e6)}}
    assert made["passes_s"] == pytest.approx([3.0, 1.0, 2.0])
    assert (made["atoms"], made["neighbours_per_atom"]) == (4, 1.0)
    assert made["remarks"] == ([timing.REMARK] if remarked else [])


# ------------------------------------------------------------------------------------------------ alone, and later


def training(number: int) -> Train:
    return Train(MAKE, (), SETS["a"].functions, Linear("linear"), Split(0.2, 0.2, 1, 1), number, 0)


def test_clocks_run_alone_and_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many workers, measurements come after all else, when the workers are gone, in the order asked for."""
    told: list[Any] = []

    @contextmanager
    def cluster(size: int, store: Store, _say: Any) -> Iterator[Any]:
        told.append(f"{size} open")
        yield Here(store)
        told.append("gone")

    monkeypatch.setattr(processes, "_local", cluster)
    monkeypatch.setattr(work, "perform", lambda job, _: told.append(job) or Outcome({"status": "done"}))
    for ready in ("warm", "lay_out"):  # there is nothing to read
        monkeypatch.setattr(work, ready, lambda *_: 0)
    clocks = list(laid(rounds=2).values())
    mixed: list[Job] = [clocks[0], training(1), *clocks[1:], training(2)]
    went = execute.execute(mixed, Store(tmp_path), engine=Engine(3))
    assert told == ["3 open", MAKE, training(1), training(2), "gone", *clocks]
    assert went.made == len(mixed) + 1


def test_a_study_of_times_starts_no_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can run beside a clock, so the wall time expected is not divided by the number of processes."""
    monkeypatch.setattr(processes, "_local", lambda *_: pytest.fail("workers were started"))
    monkeypatch.setattr(work, "perform", lambda *_: Outcome({"status": "done"}))
    execute.execute(list(laid().values()), Store(tmp_path), engine=Engine(8))
    assert execute.at_once(list(laid().values()), 8) == 1
    assert execute.at_once([training(1), training(2), *laid().values()], 8) == 2


def test_a_killed_study_keeps_its_rounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was measured before the end is kept, and only the rest is measured, in the same order."""
    jobs, done = list(laid(rounds=3).values()), []

    def perform(job: Job, load: Any) -> Outcome:  # noqa: ARG001 - the signature of the original
        if len(done) == 6:
            raise KeyboardInterrupt
        done.append(job)
        return Outcome({"status": "done"})

    monkeypatch.setattr(work, "perform", perform)
    with pytest.raises(KeyboardInterrupt):
        execute.execute(jobs, Store(tmp_path))
    first, done = done, []
    assert first == [MAKE, *jobs[:5]]
    monkeypatch.setattr(work, "perform", lambda job, _: done.append(job) or Outcome({"status": "done"}))
    assert execute.execute(jobs, Store(tmp_path)).made == 7
    assert done == jobs[5:]


def test_unread_frames_fail_every_measurement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure among the jobs before counts for the clocks after them."""

    def perform(job: Job, load: Any) -> Outcome:  # noqa: ARG001 - the signature of the original
        raise DataError("The frames are crooked.")

    monkeypatch.setattr(work, "perform", perform)
    jobs = list(laid(rounds=1).values())
    went = execute.execute(jobs, Store(tmp_path))
    assert [went.failures[job] for job in jobs] == [Failure("It needs the result of 'read frames', which failed.")] * 4


# ------------------------------------------------------------------------------------------------- a whole study


def made_up(monkeypatch: pytest.MonkeyPatch, one: list[float], two: list[float], remarks: tuple[str, ...] = ()) -> None:
    """Let the clock show these times (µs per atom) of the sets with one and with two functions."""

    def measure(job: TimeDescribe, _: Frames) -> Outcome:
        value = (one if len(job.functions) == 1 else two)[job.round]
        scores = {"measured": {"descriptor_time": value}}
        return Outcome({"status": "done", "scores": scores, "neighbours_per_atom": 12.0, "remarks": list(remarks)})

    monkeypatch.setattr(timing, "measure", measure)


ONE, TWO = [2.0, 2.2, 2.1, 1.9], [8.0, 8.6, 8.3, 7.9]


def conducted(folder: Path, text: str = TEXT) -> tuple[Study, dict[str, Any], Document]:
    store = Store(folder / "store")
    study = conduct(prepared(folder, text), store)
    found = json.loads(json.dumps(findings(study), allow_nan=False))
    return study, found, compose(found, environment(study, store, command="bpbench run cost", wall_s=1.0))


def said(document: Document) -> str:
    """Return all words of a report but those of its environment, its protocol and its tables' numbers."""
    parts = []
    for section in document.sections:
        for block in section.blocks if section.key not in {"environment", "protocol"} else ():
            if isinstance(block, Text):
                parts.append(block.text)
            elif isinstance(block, Items):
                parts += block.items
            elif isinstance(block, Figure | Table):
                parts.append(block.caption)
            if isinstance(block, Table):
                parts += [column.label for column in block.columns]
        parts.append(section.title)
    return " ".join(parts)


def test_a_measured_study_speaks_of_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts, tables and text are about time; nothing is said of trainings, networks, splits or errors."""
    made_up(monkeypatch, ONE, TWO)
    drawn: list[Any] = []
    forest = draw.forest

    def seen(rows: Any, looks: Any, **more: Any) -> str:
        drawn.append((more["sides"], [row.verdict for row in rows]))
        return forest(rows, looks, **more)

    monkeypatch.setattr(draw, "forest", seen)
    _, found, document = conducted(folder)
    (judged,) = found["analysis"]["comparisons"]
    assert judged["verdict"] == "better"
    assert judged["p"] == pytest.approx(stats.ttest_rel(ONE, TWO).pvalue)
    lead, costs = answer(found)
    assert lead.startswith("On this kind of machine, by descriptor time: one is faster than two by 6.15 µs/atom (95 %")
    assert costs.startswith("As multiples of the time of two (mean 8.20 µs/atom), one takes 0.2")
    text = said(document)
    for word in (
        "RMSE",
        "test set",
        "network",
        "learning curve",
        "parity",
        "validation",
        "better than",
        "worse",
        "NaN",
    ):
        assert word.lower() not in text.lower(), word
    assert not re.search(r"\btrainings?\b|\brepeats?\b", text), re.findall(r".{30}(?:training|repeat).{30}", text)
    keys = [section.key for section in document.sections]
    assert keys[:8] == ["answer", "question", "data", "measured", "sets", "methods", "repeats", "comparisons"]
    assert drawn == [(("← faster than two", "slower than two →"), ["faster"])]
    rows = {row[0].value: row for table in document.tables if table.key == "comparisons" for row in table.rows}
    assert (rows["one"][-1].text, rows["one"][-1].mark) == ("faster", "better")


def test_ratios_are_taken_within_rounds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The multiple of the baseline is the geometric mean, its interval SciPy's for the paired logarithms."""
    made_up(monkeypatch, ONE, TWO)
    _, found, document = conducted(folder)
    one, two = (variant["cost"] for variant in found["variants"])
    assert one["ratio"] == pytest.approx(stats.gmean(np.divide(ONE, TWO)))
    low, high = np.exp(stats.ttest_rel(np.log(ONE), np.log(TWO)).confidence_interval(0.95))
    assert (one["ratio_low"], one["ratio_high"]) == pytest.approx((low, high))
    assert (two["ratio"], two["ratio_low"]) == (1.0, None)
    counted = operations((G2(1.0, 0.0, 4.0),), 12.0), operations((G2(1.0, 0.0, 4.0), G5(0.1, 2.0, 1, 4.0)), 12.0)
    assert (one["operations_per_atom"], two["operations_per_atom"]) == counted
    assert one["operations_ratio"] == pytest.approx(counted[0] / counted[1])
    cells = {
        column.key: cell.value
        for table in document.tables
        if table.key in {"times", "multiples"}
        for column, cell in zip(table.columns, table.rows[0], strict=True)
    }
    assert (cells["operations_per_atom"], cells["ratio"]) == (counted[0], one["ratio"])
    assert cells["mean"] == pytest.approx(np.mean(ONE))
    named = {table.key: table for table in csv_tables(found, document)}
    assert [column.key for column in named["repeats"].columns][-1] == "measured_descriptor_time"
    (points,) = (figure for figure in document.figures if figure.key == "repeats")
    assert points.data is not None
    assert [row[2].value for row in points.data.rows] == [*ONE, *TWO]
    assert "<title>one, round 0: 2.000 µs/atom</title>" in points.svg


def test_a_slower_an_equal_and_an_open_comparison(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other verdicts in words of time."""
    made_up(monkeypatch, TWO, ONE)
    assert "one is slower than two by 6.15 µs/atom" in answer(conducted(folder)[1])[0]
    metric = {"key": "descriptor_time", "label": "descriptor time", "unit": "us/atom"}
    analysis = {"test": "wilcoxon", "correction": "holm", "alpha": 0.05, "margin": 1.0, "family": [["A", "D"]]}
    tell = lambda **changes: words.comparison_sentence(comparison(**changes), metric, analysis, repeats=12)  # noqa: E731
    assert "A and D are equivalent within ±1 µs/atom" in tell(verdict="equivalent", p_equivalence_adjusted=0.01)
    assert "the descriptor time of A is lower" in tell(verdict="equivalent", p_equivalence_adjusted=0.01)
    assert "in favour of A to" in tell(verdict="undecided", significant=False)
    assert "10 of 12 paired rounds succeeded; in these they differ by 0.31 µs/atom (A faster)." in tell(p=None)
    assert "no round of both has succeeded" in tell(n=0)


def test_the_report_names_the_machine_and_findings_do_not(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which processor it was stands in the environment, from where the report takes it."""
    made_up(monkeypatch, ONE, TWO, remarks=(timing.REMARK,))
    study, found, document = conducted(folder)
    cpu, host = machine.machine()["cpu"], machine.machine()["host"]
    assert cpu not in json.dumps(found)
    assert host not in json.dumps({**found, "protocol": None})
    (measured,) = (section for section in document.sections if section.key == "measured")
    assert cpu in " ".join(block.text for block in measured.blocks if isinstance(block, Text))
    assert found["measure"] == {"kind": "descriptor-time", "frames": 3, "atoms": 3, "passes": 3, "threads": 1}
    (remarks,) = (section for section in document.sections if section.key == "remarks")
    assert remarks.title == "Remarks of the measurements"
    assert {job.host for job in study.prepared.trainings.values()} == {machine.kind_of_host()}
    unknown = compose(found, {})
    assert "On which kind of machine is not recorded here." in said(unknown)


def test_another_host_measures_anew_and_more_rounds_join(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stored rounds are used again here, also by a study of more rounds; on another kind of host none of them is."""
    made_up(monkeypatch, ONE * 2, TWO * 2)
    store = Store(folder / "store")
    assert conducted(folder)[0].executed.made == 9
    assert conducted(folder)[0].executed.made == 0
    longer = prepared(folder, TEXT.replace("repeats: 4", "repeats: 6"))
    assert graph.missing(longer.jobs, store) == list(longer.trainings.values())[8:]
    monkeypatch.setattr(machine, "kind_of_host", lambda: "Abacus, 10 beads")
    assert graph.missing(prepared(folder).jobs, store) == list(prepared(folder).trainings.values())


def test_failed_measurements_leave_no_verdict(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A study in which a round failed shows no verdict, one in which all failed says so."""
    made_up(monkeypatch, ONE[:3], TWO)
    study, found, document = conducted(folder)
    assert not study.complete
    assert found["analysis"]["comparisons"][0]["p"] is None
    assert "No verdict yet on one and two: 3 of 4 paired rounds succeeded" in answer(found)[0]
    assert "Of 8 measurements, 7 succeeded (1 failed)." in answer(found)
    assert "Of 8 measurements, 7 succeeded, 1 failed or diverged and 0 are missing. With a round missing" in said(
        document
    )
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    made_up(monkeypatch, [], [])
    study = conduct(prepared(folder), Store(elsewhere))
    found = findings(study)
    assert answer(found)[0].startswith("There is no answer: none of the 8 measurements succeeded (8 failed)")
    assert "no measurement succeeded" in said(compose(found, {}))


def test_several_elements_can_be_timed(folder: Path) -> None:
    """In an alloy a set that does not say whose neighbours count is resolved by the elements of the data."""
    alloy = bulk("CuAu", "rocksalt", a=5.0)
    alloy.calc = SinglePointCalculator(alloy, energy=-6.0)
    write(folder / "cells.extxyz", [alloy] * 4)
    plain = prepared(folder).trainings
    sets = "sets:\n  one: {preset: thesis-12, elements: [Cu, Au]}\n  two: {preset: thesis-22, elements: [Cu, Au]}\n"
    text = re.sub(r"sets:\n.*\n.*\n", sets, TEXT)
    assert len(plain) == len(prepared(folder, text).trainings) == 8
    assert all(function.elements for job in plain.values() for function in job.functions)


def test_a_tiny_study_from_the_command_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Validate, plan, run and run again, with the real clock; what the times are is nobody's business here."""
    monkeypatch.chdir(folder)
    (folder / "cost.yaml").write_text(TEXT + "report: {formats: [html]}\n", encoding="utf-8")
    assert cli.main(["validate", "cost.yaml"]) == 0
    assert "2 variants, 4 repeats, 1 comparison." in capsys.readouterr().out
    assert cli.main(["plan", "cost.yaml", "--jobs", "2", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert planned["jobs"]["time descriptors"]["new"] == 8
    assert (planned["workers"], planned["unit"], planned["metric"]) == (1, "us/atom", "descriptor_time")
    assert "wall time, 1 process " in "\n".join(plans.plan(planned))
    assert cli.main(["run", "cost.yaml", "--jobs", "2", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["findings"]["jobs"]["done"] == 8
    times = [r["scores"]["measured"]["descriptor_time"] for v in made["findings"]["variants"] for r in v["results"]]
    assert all(value > 0 for value in times)
    assert "How time was measured" in Path(made["report"]).read_text(encoding="utf-8")
    before = Path(made["report"]).parent.joinpath("findings.json").read_bytes()
    assert cli.main(["run", "cost.yaml"]) == 0
    assert "(unchanged)" in capsys.readouterr().out
    assert Path(made["report"]).parent.joinpath("findings.json").read_bytes() == before


def test_the_expected_cost_grows_with_functions_and_learns(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A larger set is expected to take longer, and what measurements took before rescales the guess."""
    made_up(monkeypatch, ONE, TWO)
    asked = prepared(folder)
    small, large = (
        dataclasses.replace(asked.trainings["one", 0], functions=preset(f"thesis-{size}").functions)
        for size in (12, 329)
    )
    assert cost.expected(small, asked.frames) < cost.expected(large, asked.frames)
    store = Store(folder / "store")
    conduct(asked, store)
    jobs = list(asked.trainings.values())
    monkeypatch.setattr(store, "provenance", lambda _: {"wall_s": 7.0})
    assert cost.estimator(jobs, asked.frames, store)(jobs[0]) == pytest.approx(7.0, rel=0.2)
    assert plan(asked, store, Engine(2))["jobs"]["time descriptors"] == {"stored": 8, "new": 0, "expected_s": 0.0}

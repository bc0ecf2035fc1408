"""What plan says a run takes: bytes on disk to the byte where they are exact, memory, course, and what it rests on."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpbench import cli, outlay
from bpbench.data import readers
from bpbench.features import preset
from bpbench.jobs import (
    Describe,
    Hdnn,
    Importance,
    Job,
    Kalman,
    LightGbm,
    Linear,
    MakeFrames,
    ModelSpec,
    RandomForest,
    Split,
    Train,
    of_forces_alone,
)
from bpbench.planning import plan
from bpbench.protocol import loads
from bpbench.report import outlay as told
from bpbench.runner import cluster_file, cost, disk, execute, integrity, memory, wall
from bpbench.runner.engine import Engine
from bpbench.runner.machine import machine
from bpbench.runner.store import Outcome, Store
from bpbench.study import prepare

SOURCE = replace(readers.sample_source(), groups=("300 K solid",))
FRAMES = readers.read(SOURCE)
MAKE = MakeFrames(SOURCE)
CHUNK = Describe(MAKE, preset("thesis-12").functions, 0, len(FRAMES), "float32")


def training(model: ModelSpec, seed: int = 1, **changes: Any) -> Train:
    made = Train(MAKE, (CHUNK,), CHUNK.functions, model, Split(0.2, 0.2, 1, 1), seed, seed)
    return replace(made, **changes)


SMALL = Hdnn("hdnn", (4, 3), epochs=3, skip=True, ensemble=2, optimizer=Kalman("kalman"))
TRAININGS = {
    "network": training(SMALL),
    "adam": training(Hdnn("hdnn", (3,), epochs=3, batch=8)),
    "forces": training(Linear("linear"), score_forces=True),
    "forest": training(RandomForest("random-forest", trees=3)),
    "force forest": training(RandomForest("random-forest", trees=2, target="forces", atoms=200), score_forces=True),
    "boosting": training(LightGbm("lightgbm", rounds=5, patience=50)),
}
JOBS: dict[str, Job] = {
    "frames": MAKE,
    "chunk": CHUNK,
    **TRAININGS,
    "asked": Importance(TRAININGS["network"], "permutation", 2),
    "gain": Importance(TRAININGS["forest"], "gain"),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Return a store with a result of each kind of job."""
    made = Store(tmp_path_factory.mktemp("outlay") / "store")
    assert not execute.execute(list(JOBS.values()), made).failures
    return made


@pytest.mark.parametrize("name", JOBS)
def test_bytes_of_a_result_are_those_it_takes(store: Store, name: str) -> None:
    """Arrays and the job's text take the very bytes that were counted; the forces of a split's test part about that."""
    job, folder = JOBS[name], store.folder(JOBS[name])
    made = {file.name: file.stat().st_size for file in folder.glob("*.np[yz]")}
    files = disk.files(job, FRAMES)
    forces = isinstance(job, Train) and (job.score_forces or of_forces_alone(job.model))
    near, counted = 0.3 if forces else 0.0, files[:-4]  # whole blocks are drawn
    if together := made.pop(integrity.TOGETHER, 0):
        assert counted.pop() == pytest.approx(together, rel=near or 0.03)  # of its members the names are not counted
    assert sorted(counted) == pytest.approx(sorted(made.values()), rel=near, abs=0)
    assert files[-4] == (folder / "job.json").stat().st_size
    sizes = [file.stat().st_size for file in folder.iterdir()]
    taken = disk.BLOCK * (1 + sum(math.ceil(size / disk.BLOCK) for size in sizes))
    assert abs(cost.disk(job, FRAMES) - taken) <= disk.BLOCK * (5 if forces else 1)


def test_bytes_of_a_table_are_those_of_its_columns_or_of_its_file(tmp_path: Path) -> None:
    """Columns that are named are counted; else the file is as much as can be known without reading it."""
    rng, rows = np.random.default_rng(1), 30
    names, offsets = np.array(["a", "b", "c"]), np.arange(0, rows + 1, 2)
    np.savez(tmp_path / "t.npz", values=rng.normal(size=(rows, 3)), names=names, offsets=offsets, energy=np.ones(15))
    protocol = (
        "question: q\ndata: {kind: table, path: t.npz}\nsets: {all: {columns: all}, a: {columns: [a]}}\n"
        "models: {m: {kind: linear}}\n"
        "variants: [{name: v, set: all, model: m}, {name: w, set: a, model: m}]\nrepeats: 2\n"
        "analysis: {baseline: v}\n"
    )
    prepared = prepare(loads(protocol, file=str(tmp_path / "p.yaml")), Store(tmp_path / "store"))
    table, data = prepared.inputs.make, prepared.frames
    assert disk._arrays(table, data)[0] == (tmp_path / "t.npz").stat().st_size
    named = replace(table, source=replace(table.source, columns=("a", "b", "c")))  # type: ignore[arg-type,call-arg]
    assert disk._arrays(named, data)[0] == rows * 3 * 8


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak of a job is counted by Linux alone")
@pytest.mark.parametrize("name", ["network", "linear", "forest"])
def test_memory_of_a_training_is_within_a_quarter(tmp_path: Path, name: str) -> None:
    """The peak that a job was measured to need is that counted: inputs in their layouts, and what is worked with."""
    functions, atoms = preset("thesis-57-D").functions, int(4 * FRAMES.offsets[-1])
    frames = FRAMES.take(np.arange(4 * len(FRAMES)) % len(FRAMES))
    chunk = replace(CHUNK, functions=functions, last=len(frames), precision="float64")
    models = {"network": SMALL, "linear": Linear("linear"), "forest": RandomForest("random-forest", trees=20)}
    job = training(models[name], pool=(chunk,), functions=functions)
    made = Store(tmp_path)
    values = np.random.default_rng(1).normal(size=(len(functions), atoms))
    made.save(MAKE, Outcome({"status": "done"}, frames.to_arrays()), dict)
    made.save(chunk, Outcome({"status": "done"}, {"values": values}), dict)
    assert not execute.execute([job], made).failures
    measured = made.provenance(job)["peak_mb"]
    assert memory.needed(job, frames) / 1e6 == pytest.approx(measured, rel=0.25)
    assert memory.inputs(job, frames) == values.nbytes * (2 if name == "network" else 1)


def test_memory_counts_what_a_process_has_loaded() -> None:
    """A process that also grows trees holds their library besides, once; one job holds its own alone."""
    forest, network = TRAININGS["forest"], TRAININGS["network"]
    both = cost.base([forest, network, forest])
    assert cost.base([forest]) < both
    assert cost.base([network]) < both
    assert cost.memory(forest, FRAMES) == cost.base([forest]) + cost.needed(forest, FRAMES)
    assert cost.base([Importance(forest, "gain")]) == cost.base([forest])


# ------------------------------------------------------------------------------------------------- seconds


def took(store: Store, job: Job, factor: float, **told: Any) -> None:
    """Store a result that took so many times its count."""
    seconds = factor * cost.expected(job, FRAMES)
    named = {"cpu_s": seconds, "wall_s": 9 * seconds, "cpu": machine()["cpu"], "processes": 1} | told
    store.save(job, Outcome({"status": "done"}), lambda: named)


def network(seed: int, epochs: int = 50) -> Train:
    return training(Hdnn("hdnn", (10, 10), epochs=epochs), seed)


def test_estimates_go_by_size(tmp_path: Path) -> None:
    """Each size has its own ratio, what lies between two sizes a ratio between theirs, and CPU seconds count."""
    store, jobs = Store(tmp_path), [network(1, 20), network(1, 2000)]
    took(store, jobs[0], 4.0)
    took(store, jobs[1], 2.0)
    estimate = cost.estimator(jobs, FRAMES, store)
    for epochs, low, high in ((20, 4.0, 4.0), (2000, 2.0, 2.0), (200, 2.1, 3.9), (5, 4.0, 4.0)):
        job = network(2, epochs)
        assert low * 0.999 <= estimate(job) / cost.expected(job, FRAMES) <= high * 1.001
    assert estimate(CHUNK) == cost.expected(CHUNK, FRAMES)


def test_one_that_compiled_does_not_count(tmp_path: Path) -> None:
    """The median of a size is taken: the first training of a process may have compiled something."""
    store, jobs = Store(tmp_path), [network(seed) for seed in range(5)]
    for job, factor in zip(jobs, (30.0, 1.0, 1.01, 0.99, 1.0), strict=True):
        took(store, job, factor)
    estimate = cost.estimator(jobs, FRAMES, store)
    assert estimate(network(9)) == pytest.approx(cost.expected(network(9), FRAMES))
    assert estimate.factor("train hdnn (adam)") == pytest.approx(1.1)


def test_only_the_same_kind_of_processor_counts_if_there_is_one(tmp_path: Path) -> None:
    """Times of other processors are used where there are no others, and said; as many at once as planned go first."""
    store, jobs = Store(tmp_path), [network(seed) for seed in range(3)]
    took(store, jobs[0], 7.0, cpu="another")
    elsewhere = cost.estimator(jobs[:1], FRAMES, store)
    assert elsewhere(network(9)) == pytest.approx(7 * cost.expected(network(9), FRAMES))
    assert elsewhere.basis("train hdnn (adam)") == (1, True)
    took(store, jobs[1], 3.0, processes=2)
    took(store, jobs[2], 2.0)
    for workers, ratio in ((2, 3.0), (1, 2.0)):
        estimate = cost.estimator(jobs, FRAMES, store, workers)
        assert estimate(network(9)) == pytest.approx(ratio * cost.expected(network(9), FRAMES))
        assert estimate.basis("train hdnn (adam)") == (1, False)


def test_what_is_known_little_is_said_to_lie_off_more(tmp_path: Path) -> None:
    """Nothing stored: a factor of 2; one result: 1.5; more of them: by their spread, the less the more there are."""
    store, kind = Store(tmp_path), "train hdnn (adam)"
    jobs = [network(seed) for seed in range(8)]
    for number, job in enumerate(jobs):
        took(store, job, 1.2 ** (-1) ** number)
    factors = [cost.estimator(jobs[:n], FRAMES, store).factor(kind) for n in (0, 1, 4, 8)]
    assert factors[:2] == [2.0, 1.5]
    assert 2.0 >= factors[2] >= factors[3] > 1.1


def test_a_shape_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings that differ by their seeds alone are one shape, so a large study is planned as fast as a small one."""
    counted: list[Job] = []
    honest = cost.expected

    def counting(job: Job, frames: Any) -> float:
        counted.append(job)
        return honest(job, frames)

    monkeypatch.setattr(cost, "expected", counting)
    need, model = cost.Needs(FRAMES), SMALL
    jobs = [training(model, seed) for seed in range(50)]
    assert len({id(need(job)) for job in jobs}) == 1
    assert need(training(model, observations=10)) != need(jobs[0])
    assert len(counted) == 2


# -------------------------------------------------------------------------------------------------- course


def course(jobs: list[Job], workers: int, seconds: float | None = None) -> wall.Course:
    class Given(cost.Estimator):
        def of(self, need: cost.Need) -> float:
            return super().of(need) if seconds is None else seconds

    return wall.course(jobs, Given([], FRAMES, Store("nowhere")), workers)


def test_a_course_is_no_quotient() -> None:
    """Three trainings of equal length take two processes as long as four; the pool comes before them."""
    jobs = [MAKE, CHUNK, *(training(SMALL, seed) for seed in range(3))]
    one, two, many = (course(jobs, workers, 10.0) for workers in (1, 2, 100))
    read = one.reading_s
    assert one.wall_s == pytest.approx(50 + read)
    assert two.wall_s == pytest.approx(wall.START_S + 40 + read)
    assert two.reading_s == pytest.approx(2 * read)
    assert two.busy_s == pytest.approx(50 + 2 * read)
    assert many.wall_s == pytest.approx(wall.START_S + 30 + read)
    assert many.longest_s == pytest.approx(30 + read)
    assert one.waiting == pytest.approx(0)
    assert many.waiting > two.waiting > 0
    assert course([], 4) == wall.Course(0.0, 0.0, 0.0, 0.0, 0.0)


def test_a_cohort_is_read_once_by_a_process() -> None:
    """Trainings on other inputs in between do not have them read again: the driver hands out cohorts together."""
    few = training(SMALL, functions=CHUNK.functions[:6])
    jobs: list[Job] = [job for seed in range(3) for job in (training(SMALL, seed), replace(few, weights_seed=seed))]
    apart = [course([job], 1).reading_s for job in jobs[:2]]
    assert course(jobs, 1).reading_s == pytest.approx(sum(apart))
    # Two begin with one each and go on with it; a third helps with the first of them, and then with the other.
    assert course(jobs, 2, 10.0).reading_s == pytest.approx(sum(apart))
    assert course(jobs, 3, 10.0).reading_s == pytest.approx(2 * sum(apart))
    assert course(jobs, 4, 10.0).wall_s == pytest.approx(wall.START_S + 20 + sum(apart))


def test_inputs_of_other_sets_stay_within_their_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all cohorts that one process has, as far as a quarter of its memory goes; the neediest counts in any case."""
    jobs: list[Job] = [training(SMALL, functions=CHUNK.functions[:number]) for number in (2, 4, 8)]
    needs = [cost.Needs(FRAMES)(job) for job in jobs]
    inputs = [need.inputs for need in needs]
    assert inputs == [memory.inputs(job, FRAMES) for job in jobs if isinstance(job, Train)]
    estimate = cost.estimator([], FRAMES, Store("nowhere"))

    def kept(free: int | None, processes: int = 1) -> int:
        monkeypatch.setattr(outlay, "memory_left", lambda: free)
        told = outlay.outlay(jobs, estimate, Store("nowhere"), Engine(processes))["memory"]
        assert told["process"] == cost.base(jobs) + max(need.memory for need in needs)
        return int(told["kept"])

    assert kept(None) == kept(10**12) == inputs[0] + inputs[1]
    assert kept(4 * (inputs[2] + 1000)) == 1000
    assert kept(4 * inputs[2]) == kept(1000) == 0
    assert kept(10**12, 3) == 0
    assert kept(10**12, 2) < inputs[0] + inputs[1]


# ------------------------------------------------------------------------------------------- plan and run

PROTOCOL = """question: q
data: {kind: aluminium, groups: [300 K solid]}
sets: {12: thesis-12}
models: {network: {kind: hdnn, hidden: [3], epochs: 3, batch: 8}, linear: {kind: linear}}
variants: [{name: network, set: 12, model: network}, {name: linear, set: 12, model: linear}]
repeats: 3
split: {design: fixed}
report: {formats: [html]}
analysis: {baseline: linear}
"""


def test_plan_tells_what_a_run_then_adds(tmp_path: Path) -> None:
    """The bytes of the plan are what the store has grown by, within a block for each result; then none is left."""
    store = Store(tmp_path / "store")
    prepared = prepare(loads(PROTOCOL, file=str(tmp_path / "p.yaml")), store)
    before = plan(prepared, store, Engine(2))
    assert before["expected_s"] == before["outlay"]["wall_s"] > 0
    assert set(before["outlay"]["disk"]["kinds"]) == set(before["jobs"])
    execute.execute(prepared.jobs, store)
    folders = list(store.root.glob("??/*"))
    sizes = [file.stat().st_size for folder in folders for file in folder.iterdir()]
    grown = disk.BLOCK * (len(folders) + sum(math.ceil(size / disk.BLOCK) for size in sizes))
    assert abs(before["outlay"]["disk"]["bytes"] - grown) <= disk.BLOCK * len(folders)
    after = plan(prepared, store, Engine(2))
    assert after["outlay"]["disk"]["bytes"] == after["expected_s"] == 0
    assert told.lines(after["outlay"]) == []


def test_too_little_room_is_said_by_plan_and_before_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both say what it takes and what is free, the run before anything starts, and goes on."""
    (tmp_path / "p.yaml").write_text(PROTOCOL, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(outlay, "room", lambda _: 10_000)
    sentence = r"Disk: the results take [\d.]+ [kM]B, and only 10 kB are free where store is; free some, or name"
    assert cli.main(["plan", "p.yaml", "--store", "store"]) == 0
    assert re.search(sentence, capsys.readouterr().out)
    assert cli.main(["run", "p.yaml", "--store", "store", "--jobs", "1", "--json"]) == 0
    out, err = capsys.readouterr()
    assert re.match(sentence, err)
    assert json.loads(out)["findings"]["jobs"]["done"] > 0
    assert cli.main(["run", "p.yaml", "--store", "store", "--jobs", "1"]) == 0
    assert "Disk:" not in capsys.readouterr().err


def test_room_is_that_of_the_nearest_folder(tmp_path: Path) -> None:
    """A store that is not there yet will lie where the next folder above it does."""
    assert disk.room(tmp_path / "a" / "b") == pytest.approx(disk.room(tmp_path), rel=0.01)


OUTLAY: dict[str, Any] = {
    "wall_s": 40.0,
    "longest_s": 6.0,
    "waiting": 0.25,
    "cpu_s": 7200.0,
    "reading_s": 2.0,
    "between_s": [3600.0, 14400.0],
    "seen": {"describe": {"results": 0, "elsewhere": False, "factor": 2.0}},
    "memory": {
        "process": 1_230_000_000,
        "kept": 0,
        "kind": "train hdnn (adam)",
        "processes": 4,
        "free": 3_000_000_000,
        "each": None,
    },
    "disk": {"bytes": 3_140_000_000, "kinds": {"a": 3_000_000_000, "b": 140_000_000}, "free": None, "folder": "s"},
    "largest": {"kind": "train hdnn (adam)", "seconds": 5.0, "lasts_s": None},
}


def test_what_a_run_takes_in_words() -> None:
    """Seconds with their limits and what they rest on, the longest chain, memory of all processes, the disk."""
    assert told.lines(OUTLAY) == [
        (
            "CPU time: 2.0 h (between 60 min and 4.0 h), by counts and by rates of another machine, as no result is "
            "stored yet; a few would tell it better."
        ),
        (
            "No number of processes takes less than the longest chain of jobs that wait for each other, 6 s; 4 "
            "processes have nothing to do in 25 % of their time."
        ),
        (
            "Memory: 1.2 GB for a process at its peak, in train hdnn (adam); 4.9 GB for 4 of them, and only "
            "3.0 GB are free on this machine: run with --jobs 2."
        ),
        "Disk: 3.1 GB are added to the store, 3.0 GB by a and 140 MB by b.",
    ]


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ({"a": (3, False), "b": (1, False)}, "by 4 stored results."),
        ({"a": (1, False), "b": (0, False)}, "by 1 stored result, and by counts alone for b."),
        ({"a": (2, True)}, "by 2 stored results; those of a ran on another kind of processor."),
        (
            {"a": (2, False), **dict.fromkeys("bcdef", (0, False))},
            "by 2 stored results, and by counts alone for b, c, d and 2 more.",
        ),
    ],
)
def test_what_an_estimate_rests_on_in_words(seen: dict[str, tuple[int, bool]], words: str) -> None:
    """How many results, which kinds have none, and which were measured on another processor."""
    entries = {kind: {"results": n, "elsewhere": other, "factor": 1.5} for kind, (n, other) in seen.items()}
    assert told.lines(OUTLAY | {"seen": entries})[0].endswith(words)


def test_memory_of_one_process_in_words() -> None:
    """One process is not multiplied; where not even one fits, fewer processes are no advice."""
    one = OUTLAY["memory"] | {"processes": 1}
    assert told.lines(OUTLAY | {"memory": one})[1] == (
        "Memory: 1.2 GB for a process at its peak, in train hdnn (adam); 3.0 GB are free on this machine."
    )
    assert told.lines(OUTLAY | {"memory": one | {"free": 10_000_000}})[1].endswith(
        "and only 10 MB are free on this machine: run it where there is more."
    )
    assert told.lines(OUTLAY | {"memory": one | {"free": None}})[1].endswith("in train hdnn (adam).")
    assert told.lines(OUTLAY | {"memory": one | {"free": None, "kept": 5 * 10**8}})[1].endswith(
        "in train hdnn (adam). A process has up to 500 MB more while there is room: inputs of sets it comes back to."
    )


def test_memory_of_a_cluster_in_words() -> None:
    """Each process has what the cluster file gives it, and what is free on this machine is nothing to it."""
    memory = OUTLAY["memory"] | {"free": None, "each": 2_000_000_000}
    assert told.lines(OUTLAY | {"memory": memory})[2].endswith(
        "4.9 GB for 4 of them. The cluster file gives a process 2.0 GB."
    )
    assert told.lines(OUTLAY | {"memory": memory | {"each": 1_000_000_000}})[2].endswith(
        "The cluster file gives a process 1.0 GB; give it more, or run fewer processes in a batch job."
    )


def test_a_job_that_no_worker_stays_for_is_said() -> None:
    """A batch job ends at its wall time; a longer job would be begun for ever."""
    largest = {"kind": "train hdnn (adam)", "seconds": 14_000.0, "lasts_s": 13_800}
    assert told.lines(OUTLAY | {"largest": largest})[2] == (
        "The longest job, train hdnn (adam), takes 3.9 h, and a worker of the cluster file leaves after 3.8 h: it "
        "would be begun for ever; give batch jobs a longer walltime."
    )
    assert told.lines(OUTLAY | {"largest": largest | {"seconds": 13_000.0}}) == told.lines(OUTLAY)


def test_the_longest_job_of_a_study_is_held_against_the_wall_time(tmp_path: Path, store: Store) -> None:
    """By the cluster file that is asked about; where nothing ends a worker, nothing is too long."""
    file = tmp_path / "cluster.yaml"
    file.write_text("{kind: slurm, cores: 1, memory: 4 GB, walltime: 00:10:00, workers: {maximum: 2}}")
    cluster = cluster_file.read(file)
    long = training(replace(SMALL, epochs=3000))
    todo = [training(SMALL), long, training(Linear("linear"))]
    estimate = cost.estimator(JOBS.values(), FRAMES, store)
    assert outlay.outlay(todo, estimate, store, Engine(2, cluster=cluster))["largest"] == {
        "kind": "train hdnn (kalman)",
        "seconds": estimate.of(estimate.need(long)),
        "lasts_s": 600 - 4 * 15,
    }
    assert outlay.outlay(todo, estimate, store, Engine(2))["largest"]["lasts_s"] is None

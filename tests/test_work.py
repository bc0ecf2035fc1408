"""A training as a job: what it keeps, and that a cohort's company changes no bit of it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bpbench import metrics
from bpbench.data import readers, splits
from bpbench.data.frames import Configurations
from bpbench.features import preset
from bpbench.jobs import (
    Adam,
    Describe,
    Hdnn,
    Importance,
    Job,
    Kalman,
    LightGbm,
    Linear,
    MakeFrames,
    Marquardt,
    ModelSpec,
    RandomForest,
    Split,
    Train,
)
from bpbench.models import Problem, fit
from bpbench.runner import work, worker
from bpbench.runner.engine import Engine
from bpbench.runner.execute import execute
from bpbench.runner.store import Outcome, Store

SOURCE = replace(readers.sample_source(), groups=("300 K solid",))
MAKE = MakeFrames(SOURCE)
CHUNK = Describe(MAKE, preset("thesis-22").functions, 0, 40)
LITTLE = {
    "adam": Hdnn("hdnn", (3,), epochs=3, batch=8, optimizer=Adam(learning_rate=1e-2)),
    "bad": Hdnn("hdnn", (3,), epochs=3, batch=8, optimizer=Adam(learning_rate=1e30)),
    "filter": Hdnn("hdnn", (3,), epochs=3, skip=True, optimizer=Kalman("kalman")),
    "squares": Hdnn("hdnn", (3,), epochs=60, patience=1, optimizer=Marquardt("marquardt")),
    "ensemble": Hdnn("hdnn", (3, 2), epochs=3, ensemble=3, optimizer=Kalman("kalman", prior=(1.0, 1.0, 10.0))),
    "ridge": Linear("linear"),
    "forest": RandomForest("random-forest", trees=3),
    "boosting": LightGbm("lightgbm", rounds=3),
}


def training(name: str, seed: int = 1, inputs: int = 22, observations: int | None = None) -> Train:
    functions = CHUNK.functions[:inputs]
    return Train(MAKE, (CHUNK,), functions, LITTLE[name], Split(0.2, 0.2, 1, 1), seed, seed + 1, observations)


def content(store: Store, job: Job) -> dict[str, bytes]:
    """Return the files of a result that are compared, by name: all but the provenance, and the sums that tell of it."""
    told = {"provenance.json", "sums.json"}
    return {path.name: path.read_bytes() for path in store.folder(job).iterdir() if path.name not in told}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Return a store in which frames and descriptors lie."""
    made = Store(tmp_path_factory.mktemp("store"))
    execute([CHUNK], made)
    return made


def copied(store: Store, folder: Path) -> Store:
    """Return a store that holds nothing but the inputs."""
    fresh = Store(folder)
    for job in (MAKE, CHUNK):
        fresh.folder(job).parent.mkdir(parents=True, exist_ok=True)
        fresh.folder(job).symlink_to(store.folder(job).resolve())
    return fresh


def test_company_changes_no_bit(store: Store, tmp_path: Path) -> None:
    """Alone, in a cohort, backwards, on two processes, and beside one that diverges: every file is the same."""
    jobs = [training(name, seed, inputs) for name in LITTLE for seed in (1, 2) for inputs in (22, 9)]
    alone = {}
    for number, job in enumerate(jobs):
        apart = copied(store, tmp_path / f"alone-{number}")
        work.forget()
        execute([job], apart)
        alone[job] = content(apart, job)
    for name, order, workers in (("on", jobs, 1), ("back", jobs[::-1], 1), ("two", jobs, 2)):
        together = copied(store, tmp_path / name)
        went = execute(order, together, engine=Engine(workers))
        assert not went.failures
        for job in jobs:
            assert content(together, job) == alone[job]
        assert together.load(training("bad")).values["status"] == "diverged"


def test_time_is_that_of_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is loaded and compiled is so before the clock runs, once for each kind of model, optimiser and precision."""
    fitted: list[tuple[str, int, np.dtype]] = []

    def note(model: ModelSpec, few: Problem, **_seeds: int) -> None:
        kind = model.optimizer.kind if isinstance(model, Hdnn) else model.kind
        fitted.append((kind, len(few.energy), few.values.dtype))

    monkeypatch.setattr(work, "fit", note)
    work._compile.cache_clear()
    for name in ("filter", "filter", "ensemble", "squares", "ridge", "forest", "boosting"):
        work.warm(training(name))
    work._compile.cache_clear()
    kinds = ["kalman", "marquardt", "linear", "random-forest", "lightgbm"]  # the ensemble's filter is the other's
    assert fitted == [(kind, 4, np.dtype(np.float64)) for kind in kinds]


_LOADING = """
import sys
sys.path.append("tests")
from test_work import training
from bpbench.runner import work, worker
from bpbench.runner.store import Outcome, Store

store = Store(sys.argv[1])
for name in ("ridge", "forest", "boosting", "ensemble", "adam", "squares"):
    work.warm(training(name))
    work.lay_out(training(name), store.load)
    before = set(sys.modules)
    work.perform(training(name), store.load)
    print(name, sorted(set(sys.modules) - before))
"""


def test_a_training_loads_no_library(store: Store) -> None:
    """In a fresh process the first training of each kind finds everything loaded: its costs are those of the next."""
    command = [sys.executable, "-c", _LOADING, str(store.root)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent).stdout
    assert told.splitlines() == [
        f"{name} []" for name in ("ridge", "forest", "boosting", "ensemble", "adam", "squares")
    ]


def test_inputs_are_laid_out_before_the_clock_runs(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a training reads lies ready when it begins, and its bytes are told.

    They are 22 inputs of each atom, in one layout, and in two for a network; jobs that read their own while they run
    have none.
    """
    work.forget()
    one = 22 * work._inputs(training("ridge"), store.load).frames.offsets[-1] * 8
    work.forget()
    assert [work.lay_out(training(name), store.load) for name in ("ridge", "adam", "forest")] == [one, 2 * one, one]
    question = Importance(training("adam"), "permutation", 2, 1)
    assert (work.lay_out(question, store.load), work.lay_out(CHUNK, store.load)) == (2 * one, 0)

    def refuse(*_: object) -> None:
        raise AssertionError("inputs are gathered while the clock runs")

    monkeypatch.setattr(work, "gather", refuse)
    work.perform(training("adam", seed=7), store.load)
    work.forget()


def test_inputs_too_large_to_be_laid_out_anew_count_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernels read the inputs where they are, there is one layout."""
    monkeypatch.setattr("bpbench.models.replica.HELD", 0)
    work.forget()
    assert work.lay_out(training("adam"), store.load) == work.held.bytes == 22 * 40 * 256 * 8
    work.forget()


@pytest.mark.parametrize(("limit", "reads"), [(10**9, 2), (0, 6)])
def test_inputs_of_several_cohorts_are_read_once_each_where_there_is_room(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, reads: int
) -> None:
    """A process that goes from one cohort to the other and back reads each once; the numbers are the same."""
    jobs = [
        training(name, seed, inputs) for name, seed in (("adam", 1), ("ridge", 1), ("adam", 2)) for inputs in (22, 9)
    ]
    alone = copied(store, tmp_path / "alone")
    for job in jobs:
        work.forget()
        worker.do(job, alone, 1)
    work.forget()
    gathered: list[Job] = []
    gather = work.gather

    def noted(job: Train, load: work.Load, atoms: int) -> metrics.Array:
        gathered.append(job)
        return gather(job, load, atoms)

    monkeypatch.setattr(work, "gather", noted)
    monkeypatch.setattr(work.held, "limit", limit)
    together = copied(store, tmp_path / "together")
    for job in jobs:
        worker.do(job, together, 1)
    assert len(gathered) == reads
    assert [content(together, job) for job in jobs] == [content(alone, job) for job in jobs]
    work.forget()


def test_inputs_of_others_are_not_a_jobs_own(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told of a job's inputs are its own, in the layouts that it reads, whatever else the process keeps."""
    monkeypatch.setattr(work.held, "limit", 10**9)
    work.forget()
    told = [work.lay_out(training("adam", 1, inputs), store.load) for inputs in (22, 9, 22)]
    assert len(work.held) == 2
    assert told[0] == told[2] == told[1] / 9 * 22
    assert work.held.bytes == told[0] + told[1]
    work.forget()


def test_costs_stand_in_the_provenance(store: Store, tmp_path: Path) -> None:
    """Each result says its CPU seconds and its peak of memory where nothing is compared; a table's are those of all."""
    fresh = copied(store, tmp_path / "fresh")
    job = training("filter")
    execute([job], fresh)
    told = fresh.provenance(job)
    assert 0 < told["cpu_s"] < 60
    if sys.platform == "linux":
        assert 2 * 22 * 40 * 8 * 256 / 1e6 <= told["peak_mb"] < 100
    assert {"cpu_s", "peak_mb"}.isdisjoint(json.loads(content(fresh, job)["values.json"])["values"])
    assert "cpu_s" in store.provenance(CHUNK)


@pytest.mark.parametrize("more", [(), (("late", np.ones(4)),)])
def test_what_is_made_while_it_is_saved_is_metered(
    more: tuple[tuple[str, np.ndarray], ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The meter is read when a job is performed, and again at the end of saving where arrays are still made then."""
    readings = iter([{"cpu_s": 1.0, "peak_mb": 1.0}, {"cpu_s": 2.0, "peak_mb": 2.0}])

    class Counting:
        @classmethod
        def start(cls, inputs: int) -> Counting:
            assert inputs == 0
            return cls()

        def read(self) -> dict[str, float]:
            return next(readings)

    monkeypatch.setattr("bpbench.runner.worker.Meter", Counting)
    monkeypatch.setattr(work, "perform", lambda *_: Outcome({"status": "done"}, more=iter(more) if more else ()))
    execute([MAKE], Store(tmp_path))
    assert Store(tmp_path).provenance(MAKE)["cpu_s"] == (2.0 if more else 1.0)


def test_inputs_are_let_go_at_the_end(store: Store, tmp_path: Path) -> None:
    """A process keeps the inputs of a cohort while trainings run, and nothing afterwards."""
    fresh = copied(store, tmp_path / "fresh")
    work.perform(training("ridge"), fresh.load)
    assert len(work.held) == 1
    execute([training("ridge", 5)], fresh)
    assert len(work.held) == 0


def test_what_a_training_keeps(store: Store) -> None:
    """Why it ended, the least loss over epochs, how many it learned from, and of an ensemble what its spread is."""
    jobs = {name: training(name) for name in LITTLE if name not in {"bad", "forest", "boosting"}}
    execute(list(jobs.values()), store)
    kept = {name: store.load(job) for name, job in jobs.items()}
    frames = store.load(MAKE).arrays
    assert {name: outcome.values["stopped"] for name, outcome in kept.items()} == {
        "adam": "epochs", "filter": "epochs", "squares": "patience", "ensemble": "epochs", "ridge": None,
    }  # fmt: skip
    for name, outcome in kept.items():
        least = outcome.values["least_loss"]
        assert outcome.values["train_configurations"] == 20
        if name in {"ensemble", "ridge"}:
            assert least is None
        else:
            assert least == {
                "rmse": outcome.arrays["curve-validation"].min(),
                "epoch": 1 + np.argmin(outcome.arrays["curve-validation"]),
            }
            assert least["rmse"] == pytest.approx(outcome.values["scores"]["validation"]["rmse"], rel=1e-4)
    told, members = kept["ensemble"].values["ensemble"], kept["ensemble"].arrays["members"]
    assert kept["filter"].values["ensemble"] is None
    assert members.shape == (3, 40)
    test = splits.draw(Configurations.from_arrays(frames), training("ridge").split).test
    spread = members[:, test].std(axis=0, ddof=1) / 256 * 1000
    error = np.abs(members[:, test].mean(axis=0) - frames["energy"][test]) / 256 * 1000
    assert told["size"] == 3
    assert told["spread"] == pytest.approx(spread.mean())
    assert told["within"] == pytest.approx(np.mean(error <= 2 * spread))
    ranks = [np.argsort(np.argsort(values)) for values in (spread, error)]
    assert told["correlation"] == pytest.approx(np.corrcoef(*ranks)[0, 1])
    single = np.sqrt(np.mean(((members - frames["energy"])[:, test] / 256 * 1000) ** 2, axis=1))
    assert told["members"] == pytest.approx(single.mean())
    assert told["members"] > kept["ensemble"].values["scores"]["test"]["rmse"]  # Jensen: the mean is no worse


def test_fewer_observations_are_learned_from(store: Store) -> None:
    """A training on 10 of the 20 configurations gives what the ridge on those ten gives; its score stays the test's."""
    job = training("ridge", observations=10)
    execute([job], store)
    kept = store.load(job)
    assert kept.values["train_configurations"] == 10
    whole = Configurations.from_arrays(store.load(MAKE).arrays)
    parts = splits.draw(whole, job.split)
    few = splits.fewer(whole, parts.train, 10, job.split.split_seed)
    names = tuple(function.name for function in job.functions)
    values = np.asarray(store.load(CHUNK).arrays["values"])
    problem = Problem(names, values, whole.offsets, whole.energy, few, parts.validation, parts.test)
    np.testing.assert_array_equal(
        fit(LITTLE["ridge"], problem, weights_seed=0, order_seed=0).energy, kept.arrays["energy"]
    )

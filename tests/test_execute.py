"""Getting results: needs first, failures recorded, everything else goes on."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from bpbench.errors import DataError, StoreError
from bpbench.features import G2
from bpbench.jobs import Describe, FrameSource, Job, Linear, MakeFrames, Split, Train
from bpbench.runner import staff, work
from bpbench.runner.engine import Engine
from bpbench.runner.execute import Failure, execute, missing
from bpbench.runner.progress import Progress
from bpbench.runner.store import Outcome, Store

MAKE = MakeFrames(FrameSource(path="a", sha256="00"))
FUNCTIONS = (G2(1.0, 0.0, 6.0), G2(2.0, 0.0, 6.0))
CHUNKS = tuple(Describe(MAKE, FUNCTIONS, first, first + 1) for first in range(3))


def training(seed: int) -> Train:
    return Train(MAKE, CHUNKS, FUNCTIONS[:1], Linear("linear"), Split(0.2, 0.2, 1, 1), seed, 0)


@pytest.fixture
def did(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """Replace the physics by a list of what was performed."""
    performed: list[Job] = []

    def perform(job: Job, load: Callable[[Job], Outcome]) -> Outcome:
        for need in work.needs(job):
            load(need)
        performed.append(job)
        return Outcome({"status": "done"})

    monkeypatch.setattr(work, "perform", perform)
    monkeypatch.setattr(work, "lay_out", lambda *_: 0)
    return performed


def test_needs_come_first_and_once(tmp_path: Path, did: list[Job]) -> None:
    """Asking for trainings alone also makes frames and chunks, each once and before its users."""
    went = execute([training(1), training(2), training(1)], Store(tmp_path))
    assert did[0] == MAKE
    assert set(did[1:4]) == set(CHUNKS)
    assert did[4:] == [training(1), training(2)]
    assert (went.made, went.failures) == (6, {})


def test_an_interrupt_that_a_library_swallowed_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C within a callback whose exceptions are dropped still ends the run, after the job at hand."""
    performed: list[Job] = []

    def perform(job: Job, _load: Callable[[Job], Outcome]) -> Outcome:
        performed.append(job)
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        return Outcome({"status": "done"})

    monkeypatch.setattr(work, "perform", perform)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        execute([training(1)], Store(tmp_path))
    assert performed == [MAKE]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_cohort_runs_together(tmp_path: Path, did: list[Job]) -> None:
    """Trainings on the same inputs follow one another, in the order asked for; the others wait behind them."""
    other = [replace(training(seed), functions=FUNCTIONS[1:]) for seed in (1, 2)]
    execute([training(1), other[0], training(2), other[1]], Store(tmp_path))
    assert did[4:] == [training(1), training(2), *other]
    assert work.cohort(training(1)) == work.cohort(training(2)) != work.cohort(other[0])
    assert work.cohort(MAKE) is None


def test_what_is_stored_is_not_made_again(tmp_path: Path, did: list[Job]) -> None:
    """A second call finds everything; a new training makes only itself, even when its chunks are gone from memory."""
    store = Store(tmp_path)
    execute([training(1)], store)
    did.clear()
    assert execute([training(1), *CHUNKS], store).loaded == 4
    assert did == []
    assert missing([training(2)], store) == [training(2)]


def test_a_job_that_raises_becomes_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One failing training does not stop the others, and its message is kept; it is tried again at the next call."""

    def perform(job: Job, load: Callable[[Job], Outcome]) -> Outcome:  # noqa: ARG001 - the signature of the original
        if job == training(1):
            raise DataError("The frames are crooked.")
        if job == training(2):
            raise ZeroDivisionError("oops")
        return Outcome({"status": "done"})

    monkeypatch.setattr(work, "perform", perform)
    monkeypatch.setattr(work, "lay_out", lambda *_: 0)
    store = Store(tmp_path)
    went = execute([training(k) for k in range(4)], store)
    assert went.failures == {
        training(1): Failure("The frames are crooked."),
        training(2): Failure("ZeroDivisionError: oops"),
    }
    assert store.has(training(3))
    assert missing([training(1)], store) == [training(1)]


def test_a_failed_need_fails_its_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a chunk fails, the trainings on it are failures that say so, and nothing hangs."""

    def perform(job: Job, load: Callable[[Job], Outcome]) -> Outcome:  # noqa: ARG001 - the signature of the original
        if job == CHUNKS[1]:
            raise DataError("Coincident atoms.")
        return Outcome({"status": "done"})

    monkeypatch.setattr(work, "perform", perform)
    went = execute([training(1)], Store(tmp_path))
    assert went.failures[CHUNKS[1]] == Failure("Coincident atoms.")
    assert went.failures[training(1)] == Failure("It needs the result of 'describe', which failed.")


def test_a_store_that_cannot_be_written_stops_the_run(
    tmp_path: Path, did: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is no failure of one job: the run stops with its sentence."""

    def full(*_: object) -> None:
        raise StoreError("The result of a job could not be written to x: No space left on device.")

    monkeypatch.setattr(Store, "save", full)
    with pytest.raises(StoreError, match="No space left"):
        execute([training(1)], Store(tmp_path))
    assert did == [MAKE]


def test_the_time_left_is_learnt_from_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    """The estimate is ? at first, then the expected cost rescaled per kind by what its jobs took, over the workers."""
    now = [0.0]
    progress = Progress(lambda job: 10.0 if isinstance(job, Train) else 1.0, clock=lambda: now[0])
    jobs: list[Job] = [*CHUNKS, training(1), training(2)]
    progress.begin(jobs, 2)
    assert progress.seconds_left() is None
    progress.started(CHUNKS[0])
    progress.finished(CHUNKS[0], 3.0, None)
    assert progress.seconds_left() == pytest.approx((2 * 3 + 20 * 3) / 2)
    progress.finished(training(1), 40.0, None)
    assert progress.seconds_left() == pytest.approx((2 * 3 + 40) / 2)
    now[0] = 16.0
    progress.finished(CHUNKS[1], 3.0, Failure("[red] is no colour"))
    assert "failed: describe: [red] is no colour" in capsys.readouterr().err
    progress.end()


def test_no_work_starts_no_workers(tmp_path: Path, did: list[Job], monkeypatch: pytest.MonkeyPatch) -> None:
    """A run in which everything is stored never starts a cluster."""
    store = Store(tmp_path)
    execute([training(1)], store)
    monkeypatch.setattr(staff, "_local", lambda *_: pytest.fail("workers were started"))
    assert execute([training(1)], store, engine=Engine(8)).made == 0
    assert len(did) == 5

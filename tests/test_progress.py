"""The display of a run: what it says of the time left, and that a hundred thousand jobs do not slow it down."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

from bpbench.features import Column
from bpbench.jobs import FrameSource, Job, Linear, MakeFrames, Ping, Split, Train
from bpbench.runner import progress, work
from bpbench.runner.executed import Failure
from bpbench.runner.progress import Progress

MAKE = MakeFrames(FrameSource("a.xyz", "0"))
TRAIN = [
    Train(MAKE, (), (Column("x"),), Linear("linear"), Split(0.2, 0.1, 1, number), 0, number) for number in range(40)
]
JOBS: list[Job] = [MAKE, *TRAIN, *map(Ping, range(60))]


def expected(job: Job) -> float:
    return 7.0 if isinstance(job, Train) else 0.1 * (1 + getattr(job, "number", 0))


def test_the_time_left_is_what_is_expected_of_each_job_rescaled_by_its_kind() -> None:
    shown, rng = Progress(expected), np.random.default_rng(3)
    shown.begin(JOBS, 4)
    order = [JOBS[number] for number in rng.permutation(len(JOBS))]
    ended: dict[Job, float] = {}
    for job in order[:70]:
        shown.started(job)
        seconds = float(rng.uniform(0.5, 2.0))
        failure = Failure("It broke.") if rng.uniform() < 0.1 else None
        shown.finished(job, seconds, failure)
        ended |= {} if failure else {job: seconds}

    def ratio(kinds: set[str]) -> float:
        of = {job: seconds for job, seconds in ended.items() if work.label(job) in kinds}
        return sum(of.values()) / sum(map(expected, of))

    seen = {work.label(job) for job in ended}
    told = sum(expected(job) * ratio({work.label(job)} if work.label(job) in seen else seen) for job in order[70:])
    assert shown.seconds_left() == pytest.approx(told / 4, rel=1e-9)
    for job in order[70:]:
        shown.finished(job, 1.0, None)
    left = shown.seconds_left()
    assert left is not None
    assert 0.0 <= left < 1e-9


def test_a_refresh_looks_at_no_single_job(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Progress(expected)
    shown.begin(JOBS, 2)
    shown.finished(JOBS[0], 1.0, None)
    looked: list[Job] = []
    monkeypatch.setattr(work, "label", looked.append)
    assert shown.seconds_left() is not None
    assert looked == []


@pytest.mark.parametrize(
    ("running", "rows"),
    [(3, ["  ping  5 s"] * 3), (progress.ROWS + 1, [f"  {progress.ROWS + 1} × ping  up to 5 s"])],
)
def test_few_running_jobs_have_a_row_each_and_of_many_there_is_one_for_each_kind(running: int, rows: list[str]) -> None:
    now = [0.0]
    shown = Progress(expected, clock=lambda: now[0])
    shown.begin(JOBS, 2)
    for job in JOBS[-running:]:
        shown.started(job)
        now[0] = 5.0 if job is JOBS[-1] else 0.0
    console = Console(file=io.StringIO(), width=80)
    with console.capture() as captured:
        console.print(shown._panel())
    assert [line.rstrip() for line in captured.get().splitlines()[1:]] == rows

"""The driver is killed, ended or out of time: nothing is left behind, and the same command goes on as if it had not."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pytest
from conftest import Trial
from ground import Ground, busy, ended, gone, paced, same

#: Seconds in which a driver that is asked to end must have ended.
ENDS_S = 20.0

pytestmark = pytest.mark.xdist_group("faults-driver")

KILLED = "`kill -9` of the driver"


#: Random moments of a kill for each number of processes: while it starts, while it works, and while it reports.
STARTS, WORKS, REPORTS = 2, 6, 2
#: The one that every `make test` tries.
MIDDLE = STARTS + WORKS // 2


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of a run, by what it has left on the disk.

    That marks the time much better than a clock would on a machine that others use, and a run that has left it goes on.
    What comes before anything is left is told by a clock, in seconds of which a whole run takes many times as many.

    Attributes
    ----------
    seconds : float
        After the start.
    results : int
        So many are stored then, or more.
    files : int
        So many does the report have then, or more.
    """

    seconds: float = 0.0
    results: int = 0
    files: int = 0


def moments(jobs: str, undisturbed: Ground) -> list[Moment]:
    """Return random moments of a run, each another, from the first imports to the last bytes of the report."""
    draw = np.random.default_rng([20261128, int(jobs)])
    total, files = undisturbed.stored(), len(undisturbed.reported())
    starts = [Moment(seconds=float(each)) for each in draw.uniform(0, 2, STARTS)]
    works = [Moment(results=int(each)) for each in np.sort(draw.choice(total - 1, WORKS, replace=False)) + 1]
    # A report begins seconds after the last result: one kill in between, and the others while its files appear.
    reports = [0, *(int(each) for each in draw.choice(files - 1, REPORTS - 1, replace=False) + 1)]
    made = [*starts, *works, *(Moment(results=total, files=each) for each in reports)]
    assert len(set(made)) == STARTS + WORKS + REPORTS
    return made


def killed_at(ground: Ground, moment: Moment, jobs: str) -> None:
    """Kill a run at a moment, and see that it died of that, and all that it had started with it."""
    with ended(ground.start("--jobs", jobs, **paced(0.1))) as running:
        time.sleep(moment.seconds)
        running.until(
            lambda: ground.stored() >= moment.results and len(ground.reported()) >= moment.files, 200, f"{moment}"
        )
        running.kill()
        gone(running)


def many_kills(ground: Ground, undisturbed: Ground, jobs: str, chosen: list[Moment], tried: Trial) -> None:
    """Kill a run at each of these moments, beginning anew for each, and have it end."""
    for moment in chosen:
        with tried(KILLED, f"at a random moment, `--jobs {jobs}`"):
            ground.clear()
            killed_at(ground, moment, jobs)
            to_the_end(ground, undisturbed, jobs)


def to_the_end(ground: Ground, undisturbed: Ground, jobs: str) -> None:
    """Give the same command again, and demand that nothing was lost, of the report either."""
    ran = ground.run("--jobs", jobs)
    assert ran.code == 0, ran.err
    same(ground, undisturbed)
    assert ground.reported() == undisturbed.reported()


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_killed_a_run_goes_on(ground: Ground, undisturbed: Ground, tried: Trial, jobs: str) -> None:
    """Killed once, in the middle."""
    many_kills(ground, undisturbed, jobs, [moments(jobs, undisturbed)[MIDDLE]], tried)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_killed_at_any_moment_a_run_goes_on(ground: Ground, undisturbed: Ground, tried: Trial, jobs: str) -> None:
    """The nine other moments for each number of processes."""
    others = moments(jobs, undisturbed)
    del others[MIDDLE]
    many_kills(ground, undisturbed, jobs, others, tried)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_killed_again_and_again_one_run_goes_on(ground: Ground, undisturbed: Ground, tried: Trial, jobs: str) -> None:
    """Five kills of one and the same run, each after the command has stored something more."""
    draw = np.random.default_rng([20261129, int(jobs)])
    kills = 5
    with tried(KILLED, f"five times one and the same run, `--jobs {jobs}`"):
        for left in range(kills, 0, -1):
            stored = ground.stored()
            most = (undisturbed.stored() - stored) // (left + 1)  # as much again remains: more comes while it dies
            killed_at(ground, Moment(results=stored + int(draw.integers(1, most, endpoint=True))), jobs)
        to_the_end(ground, undisturbed, jobs)


@pytest.mark.parametrize(
    ("jobs", "aim"),
    [
        ("2", 6),
        pytest.param("1", 6, marks=pytest.mark.slow),
        pytest.param("1", 0, marks=pytest.mark.slow),
        pytest.param("2", 0, marks=pytest.mark.slow),
        pytest.param("2", -1, marks=pytest.mark.slow),
    ],
)
def test_at_the_end_of_its_time_a_run_ends_in_order(
    ground: Ground, undisturbed: Ground, tried: Trial, jobs: str, aim: int
) -> None:
    """SIGTERM, as a batch system sends it: 130 with a sentence, no process left, and the same command goes on."""
    moment = {6: "in a long job", 0: "before the first result", -1: "while processes start"}[aim]
    with tried("SIGTERM of the driver, as at a wall-time limit", f"{moment}, `--jobs {jobs}`"):
        with ended(ground.start("--jobs", jobs, **paced(30 if aim > 0 else 0.1))) as running:
            if aim < 0:
                running.until(running.workers, 100, "the first process that works")
            elif aim == 0:
                running.until(ground.store.is_dir, 100, "the store's folder")
            else:
                running.until(lambda: busy(running), 200, "the program's start")
            began = time.monotonic()
            running.terminate()
            ran = running.ends(100)
            assert ran.code == 130, ran.err
            assert ran.err.endswith("Interrupted. What is done is stored; the same command goes on from there.\n")
            assert "Traceback" not in ran.err
            assert time.monotonic() - began < ENDS_S
            gone(running)
        ran = ground.run("--jobs", jobs)
        assert ran.code == 0, ran.err
        same(ground, undisturbed)


#: A search that takes half a minute, and longer than a few seconds on any machine.
SEARCH = {
    "repeats": 2,
    "models": "  network: {kind: hdnn, hidden: [10, 10], epochs: 1500, batch: 8, optimizer: {kind: adam, "
    "learning_rate: 1e-3}}",
    "more": "strategies: {up: {kind: forward, set: rich, model: network, most: 2}}\nexplore: {repeats: 2}",
}


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ground, float]:
    """Run that search without trouble, and say how many seconds it took."""
    whole = Ground(tmp_path_factory.mktemp("searched"))
    whole.write("search", **SEARCH)
    began = time.monotonic()
    ran = whole.run("--jobs", "1", name="search")
    assert ran.code == 0, ran.err
    return whole, time.monotonic() - began


@pytest.mark.parametrize("jobs", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_when_its_hours_are_over_a_run_ends_with_what_it_has(
    ground: Ground, undisturbed: Ground, tried: Trial, jobs: str
) -> None:
    """``--max-hours`` that end in the middle: 3, a report of what there is, and the same command goes on."""
    with tried("`--max-hours` over in the middle", f"20 s for more than that, `--jobs {jobs}`"):
        ran = ground.run("--jobs", jobs, "--max-hours", f"{20 / 3600}", **paced(6))
        assert ran.code == 3, ran.err
        assert 0 < ground.stored() < undisturbed.stored()
        ran = ground.run("--jobs", jobs)
        assert ran.code == 0, ran.err
        same(ground, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_when_its_hours_are_over_a_search_has_found_nothing(
    ground: Ground, searched: tuple[Ground, float], tried: Trial, jobs: str
) -> None:
    """3 and a sentence in place of a report, as a search that is not at its end has no answer; then it goes on."""
    ground.write("search", **SEARCH)
    whole, took_s = searched
    with tried("`--max-hours` over in the middle", f"of a search, `--jobs {jobs}`"):
        ran = ground.run("--jobs", jobs, "--max-hours", f"{took_s / 4 / 3600}", name="search")
        assert ran.code == 3, ran.err
        assert ran.err.endswith(
            "bpbench: The time was up before every search had ended. What is done is stored; the same command goes on "
            "from there.\n"
        )
        assert ground.stored() < whole.stored()
        ran = ground.run("--jobs", jobs, name="search")
        assert ran.code == 0, ran.err
        same(ground, whole, "search")

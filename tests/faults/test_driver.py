"""The driver is killed, ended or out of time: nothing is left behind, and the same command goes on as if it had not."""

from __future__ import annotations

import time

import numpy as np
import pytest
from conftest import Trial
from ground import Ground, busy, ended, gone, paced, same, until

#: Seconds in which a driver that is asked to end must have ended.
ENDS_S = 20.0

pytestmark = pytest.mark.xdist_group("faults-driver")

KILLED = "`kill -9` of the driver"


def killed_at(ground: Ground, share: float, jobs: str, total: int) -> None:
    """Kill a run when so large a share of all results is stored, or as far beyond the last of them in time.

    What it stores marks the time much better than a clock would on a machine that others use: shares below 0 are the
    time before the first result, and those above 1 the time after the last.
    """
    aim = int(np.clip(share, 0, 1) * total)
    with ended(ground.start("--jobs", jobs, **paced(0.1))) as running:
        until(lambda: ground.stored() >= aim or not running.alive, 200, f"{aim} results")
        time.sleep(max(-share, share - 1, 0.0) * 10)
        running.kill()
        running.process.wait(30)
        gone(running)


def many_kills(ground: Ground, undisturbed: Ground, jobs: str, shares: list[float], tried: Trial) -> None:
    """Kill a run at each of these moments, beginning anew for each, and have it end."""
    for share in shares:
        with tried(KILLED, f"at a random moment, `--jobs {jobs}`"):
            ground.clear()
            killed_at(ground, share, jobs, undisturbed.stored())
            ran = ground.run("--jobs", jobs)
            assert ran.code == 0, ran.err
            same(ground, undisturbed)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_killed_a_run_goes_on(ground: Ground, undisturbed: Ground, tried: Trial, jobs: str) -> None:
    """Killed once, in the middle."""
    draw = np.random.default_rng([20261127, int(jobs)])
    many_kills(ground, undisturbed, jobs, [float(draw.uniform(0.0, 1.0))], tried)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_killed_at_any_moment_a_run_goes_on(ground: Ground, undisturbed: Ground, tried: Trial, jobs: str) -> None:
    """Nine more for each number of processes, from the first imports to the last bytes of the report."""
    draw = np.random.default_rng([20261128, int(jobs)])
    moments = (np.arange(9) + draw.uniform(size=9)) / 9  # spread over all of it
    many_kills(ground, undisturbed, jobs, [float(1.6 * moment - 0.3) for moment in moments], tried)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_killed_again_and_again_one_run_goes_on(ground: Ground, undisturbed: Ground, tried: Trial, jobs: str) -> None:
    """Five kills of one and the same run."""
    draw = np.random.default_rng([20261129, int(jobs)])
    with tried(KILLED, f"five times one and the same run, `--jobs {jobs}`"):
        for share in np.sort(draw.uniform(0, 1.1, 5)):
            killed_at(ground, float(share), jobs, undisturbed.stored())
        ran = ground.run("--jobs", jobs)
        assert ran.code == 0, ran.err
        same(ground, undisturbed)


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
                until(running.workers, 100, "the first process that works")
            elif aim == 0:
                until(ground.store.is_dir, 100, "the store's folder")
            else:
                until(lambda: busy(running), 200, "the program's start")
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

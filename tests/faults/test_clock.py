"""The clock of the machine is set back, between two runs or in the middle of one."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import Trial
from ground import Ground, ended, gone, paced, same, slay

pytestmark = pytest.mark.xdist_group("faults-clock")

FAULT = "a clock set back"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a library that every process loads, and sees another time by, or skip."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler (Debian: gcc)")
    made = tmp_path_factory.mktemp("clock") / "clock.so"
    source = Path(__file__).with_name("clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(made), str(source), "-ldl"], check=True)
    return str(made)


def at(library: str, file: Path) -> dict[str, str]:
    """Return the environment in which the time is as far off as a file says."""
    return {"LD_PRELOAD": library, "FAULT_CLOCK": str(file)}


def set_back(file: Path, days: int) -> None:
    """Set the clock so many days behind that of the machine."""
    fresh = file.with_suffix(".new")
    fresh.write_text(f"{-days * 86400}\n", encoding="ascii")
    fresh.replace(file)


@pytest.mark.parametrize("jobs", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_a_run_is_resumed_a_year_before(
    ground: Ground, undisturbed: Ground, tried: Trial, library: str, jobs: str
) -> None:
    """What is stored is from the future then."""
    clock = ground.folder / "clock"
    set_back(clock, 0)
    with tried(FAULT, f"a year between a killed run and the next, `--jobs {jobs}`"):
        with ended(ground.start("--jobs", jobs, **paced(0.5), **at(library, clock))) as running:
            running.until(lambda: ground.stored() > 6, 200, "some results")
            running.kill()
            gone(running)
        set_back(clock, 365)
        ran = ground.run("--jobs", jobs, **at(library, clock))
        assert ran.code == 0, ran.err
        same(ground, undisturbed)
        made = [file.read_text() for file in ground.store.glob("??/*/provenance.json")]
        assert len({json.loads(text)["made"][:4] for text in made}) == 2, "the clock was not set back"


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("days", [1, 365])
def test_the_clock_jumps_within_a_run(
    ground: Ground, undisturbed: Ground, tried: Trial, library: str, jobs: str, days: int
) -> None:
    """With Dask's processes as well, which see the same clock, and a worker that has to be replaced after the jump."""
    clock = ground.folder / "clock"
    set_back(clock, 0)
    with tried(FAULT, f"in the middle of a run, by {days} days, `--jobs {jobs}`"):
        with ended(ground.start("--jobs", jobs, **paced(0.5), **at(library, clock))) as running:
            running.until(lambda: ground.stored() > 6, 200, "some results")
            set_back(clock, days)
            if jobs == "2":
                slay(running.workers()[0])
            ran = running.ends()
            assert ran.code == 0, ran.err
            gone(running)
        same(ground, undisturbed)

"""The table of faults is written by a whole run alone, so that no trial that was never made looks like none lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TWO = ("-n", "2", "--dist", "loadgroup")
GOOD = """
import pytest


@pytest.mark.parametrize("number", [1, 2])
def test_good(tried, number):
    with tried("a fault", f"in the way {number}"):
        pass
"""
LOST = """
def test_lost(tried):
    with tried("another fault", "in some way"):
        assert 1 == 2
"""
SKIPPED = """
import pytest


def test_skipped(tried):
    with tried("a third fault", "in some way"):
        pytest.skip("it cannot be made here")
"""
SETUP = """
import pytest


@pytest.fixture
def needed():
    raise OSError


def test_never_made(needed, tried):
    with tried("a fourth fault", "in some way"):
        pass
"""
BESIDE = """
def test_fails_beside(tried):
    assert 1 == 2
    with tried("a fifth fault", "in some way"):
        pass
"""
ENDED = """
def test_ends_all(tried):
    raise KeyboardInterrupt
"""


@dataclass(frozen=True, slots=True)
class Tabled:
    """What a run has said, and the table's file, which may be missing."""

    said: str
    file: Path


def tabled(folder: Path, tests: dict[str, str], *words: str, asked: str = "faults") -> Tabled:
    """Run some tests as those of a folder of faults, and ask for the table."""
    here = folder / "faults"
    here.mkdir()
    for name in ("conftest.py", "ground.py"):
        shutil.copy(HERE / name, here)
    for name, text in tests.items():
        (here / f"test_{name}.py").write_text(text, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", asked, *words, "--reliability", "table.md"]
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return Tabled(ran.stdout + ran.stderr, folder / "table.md")


@pytest.mark.parametrize("words", [(), TWO], ids=["one", "two"])
def test_a_whole_run_writes_the_table(tmp_path: Path, words: tuple[str, ...]) -> None:
    """What was lost and what could not be tried are in it."""
    made = tabled(tmp_path, {"good": GOOD, "lost": LOST, "skipped": SKIPPED}, *words)
    assert made.file.is_file(), made.said
    text = made.file.read_text(encoding="utf-8")
    assert "| a fault | 2 | 0 |\n| another fault | 1 | 1 |\n| all | 3 | 1 |" in text
    assert "Not tried here: test_skipped.py::test_skipped (it cannot be made here)." in text
    assert "third" not in text


@pytest.mark.parametrize(
    ("more", "words", "why"),
    [
        ({"setup": SETUP}, (), r"faults/test_setup.py::test_never_made failed beside its trials; "),
        ({"setup": SETUP}, TWO, r"faults/test_setup.py::test_never_made failed beside its trials; "),
        ({"beside": BESIDE}, (), "faults/test_beside.py::test_fails_beside failed beside its trials."),
        ({"lost": LOST}, ("-k", "good"), "tests left out: 1; "),
        ({"lost": LOST}, ("-k", "good", *TWO), "tests left out: 1; "),
        ({"lost": LOST}, ("--ignore", "faults/test_lost.py"), "test_lost.py was left out."),
    ],
    ids=["setup", "setup of two", "beside", "some", "some of two", "ignored"],
)
def test_trials_that_were_not_made_leave_it_unwritten(
    tmp_path: Path, more: dict[str, str], words: tuple[str, ...], why: str
) -> None:
    """Whichever way they were not, it is said."""
    made = tabled(tmp_path, {"good": GOOD, **more}, *words)
    assert f"table.md was not written: {why}" in made.said
    assert not made.file.exists()


@pytest.mark.parametrize(
    ("more", "asked", "why"),
    [
        ({"a": ENDED}, "faults", "the run was ended before its end; "),
        ({}, "faults/test_good.py", "only some tests were asked for."),
        ({}, "faults/test_good.py::test_good", "only some tests were asked for."),
    ],
    ids=["Ctrl-C", "file", "test"],
)
def test_a_run_of_some_leaves_it_unwritten(tmp_path: Path, more: dict[str, str], asked: str, why: str) -> None:
    """As one that somebody has ended."""
    made = tabled(tmp_path, {"good": GOOD, **more}, asked=asked)
    assert f"table.md was not written: {why}" in made.said
    assert not made.file.exists()

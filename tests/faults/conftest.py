"""The table of faults: each trial is counted by the test that makes it, as it ends.

A trial is lost when anything in it does not hold: above all when the findings in the end are not, to the last bit,
those of a run that nobody disturbed. ``--reliability FILE`` writes the table.
"""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pytest
from ground import Ground

Trial = Callable[[str, str], AbstractContextManager[None]]
_PROPERTY = "fault"
_HEAD = """# Reliability

Made by `make reliability`. A trial is lost when the findings in the end differ in a bit from those of a run that nobody
disturbed, or when anything else that its row promises does not hold.
"""
_BY_FAULT = """| fault | times tried | lost |
|---|---|---|"""
_BY_HOW = """
| fault | how it was made | times tried | lost |
|---|---|---|---|"""
_TOLD = pytest.StashKey[list[tuple[str, str, bool]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names the table's file."""
    parser.addoption("--reliability", metavar="FILE", help="write the table of faults there, and print it")


def pytest_configure(config: pytest.Config) -> None:
    """Start to count, where the trials of all processes come together."""
    if not hasattr(config, "workerinput"):
        config.stash[_TOLD] = []
        config.pluginmanager.register(_Table(config))


class _Table:
    """Counts trials, and writes the table in the end."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.skipped: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what a test has tried."""
        if report.when == "call":
            told = [value for name, value in report.user_properties if name == _PROPERTY]
            self.config.stash[_TOLD] += [tuple(each) for each in told]  # type: ignore[misc]
        if report.skipped and "faults" in report.nodeid and isinstance(report.longrepr, tuple):
            self.skipped[report.nodeid.split("::")[-1]] = report.longrepr[2].removeprefix("Skipped: ")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write and print the table."""
        file = self.config.getoption("reliability", None)
        if file is None:
            return
        text = table(self.config.stash[_TOLD], self.skipped)
        Path(file).write_text(text, encoding="utf-8")
        terminalreporter.write_line(text)


def table(told: list[tuple[str, str, bool]], skipped: dict[str, str]) -> str:
    """Return the table in Markdown.

    Parameters
    ----------
    told : list of (fault, how, lost)
        Every trial.
    skipped : dict of str to str
        By the name of a test, why it did not run.
    """
    by_how, by_fault = Counter(), Counter()
    lost_how, lost_fault = Counter(), Counter()
    for fault, how, lost in told:
        by_how[f"{fault} | {how}"] += 1
        by_fault[fault] += 1
        lost_how[f"{fault} | {how}"] += lost
        lost_fault[fault] += lost
    faults = [f"| {name} | {tried} | {lost_fault[name]} |" for name, tried in sorted(by_fault.items())]
    rows = [f"| {name} | {tried} | {lost_how[name]} |" for name, tried in sorted(by_how.items())]
    where = [
        f"{datetime.now(UTC):%Y-%m-%d}",
        _processor(),
        f"{len(os.sched_getaffinity(0))} cores",
        f"Linux {platform.release()}",
        f"Python {platform.python_version()}",
        f"Dask {version('distributed')}",
        f"bpbench {version('bpbench')}",
    ]
    gone = [f"Not tried here: {name} ({why})." for name, why in sorted(skipped.items())]
    every = f"| all | {by_fault.total()} | {lost_fault.total()} |"
    return "\n".join([_HEAD, _BY_FAULT, *faults, every, _BY_HOW, *rows, "", f"{', '.join(where)}.", *gone, ""])


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


@pytest.fixture
def tried(request: pytest.FixtureRequest) -> Trial:
    """Return what counts a trial: ``with tried(fault, how): …``, lost if anything within does not hold."""

    @contextmanager
    def trial(fault: str, how: str) -> Iterator[None]:
        lost = True
        try:
            yield
            lost = False
        finally:
            request.node.user_properties.append((_PROPERTY, (fault, how, lost)))

    return trial


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Run the study once without trouble, in one process."""
    ground = Ground(tmp_path_factory.mktemp("undisturbed"))
    ground.write()
    ran = ground.run("--jobs", "1")
    assert ran.code == 0, ran.err
    return ground


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    """Return a new folder with the study, of which nothing has run."""
    made = Ground(tmp_path)
    made.write()
    return made

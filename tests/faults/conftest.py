"""The table of faults: each trial is counted by the test that makes it, as it ends.

A trial is lost when anything in it does not hold: above all when the findings in the end are not, to the last bit,
those of a run that nobody disturbed. ``--reliability FILE`` writes the table, if every test of this folder could make
its trials: those that were never made must not look like trials that lost nothing.
"""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from ground import Ground

Trial = Callable[[str, str], AbstractContextManager[None]]
_HERE = Path(__file__).parent
_PROPERTY = "fault"
_LEFT_OUT = "faults left out"
_HEAD = """# Reliability

Made by `make reliability`. A trial is lost when the findings in the end differ in a bit from those of a run that nobody
disturbed, or when anything else that its row promises does not hold. Each damaged file counts, where several of one run
are damaged at once. A clock is set back as processes read it, by a library that is loaded before all others; the file
system keeps its own.
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
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(_LeftOut(config.workeroutput))  # type: ignore[attr-defined]
    else:
        config.stash[_TOLD] = []
        config.pluginmanager.register(_Table(config))


class _LeftOut:
    """Counts what a process of several has left out, for the one that writes the table."""

    def __init__(self, out: dict[str, int]) -> None:
        self.out = out
        self.out[_LEFT_OUT] = 0

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Count tests of this folder that are not to run."""
        self.out[_LEFT_OUT] += sum(map(_ours, items))


class _Table:
    """Counts trials, and writes the table in the end."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.skipped: dict[str, str] = {}
        self.expected: set[str] = set()
        self.tested: set[str] = set()
        self.broken: set[str] = set()
        self.left_out: dict[str, int] = {_LEFT_OUT: 0}

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Count tests of this folder that are not to run."""
        self.left_out[_LEFT_OUT] += sum(map(_ours, items))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note which tests are to run."""
        self.expected |= {item.nodeid for item in session.items if _ours(item)}

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Note which tests are to run in one of several processes."""
        self.expected |= {each for each in ids if _HERE.name in Path(each.split("::")[0]).parts}

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Note what a process of several has left out."""
        found = getattr(node, "workeroutput", {}).get(_LEFT_OUT, 0)
        self.left_out[_LEFT_OUT] = max(self.left_out[_LEFT_OUT], found)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what a test has tried."""
        test = report.nodeid.split("@")[0]  # several processes put the group behind the name
        told = [value for name, value in report.user_properties if name == _PROPERTY] if report.when == "call" else []
        self.config.stash[_TOLD] += [tuple(each) for each in told]  # type: ignore[misc]
        if report.when == "call" or report.skipped:
            self.tested.add(test)
        if report.skipped and _HERE.name in test and isinstance(report.longrepr, tuple):
            self.skipped[test.split("/")[-1]] = report.longrepr[2].removeprefix("Skipped: ")
        # A trial that is lost is told by the table; what fails beside a trial would be told by nobody.
        if report.failed and not any(lost for *_, lost in told):
            self.broken.add(test)

    def unmade(self, exitstatus: int) -> list[str]:
        """Return why the trials that were counted are not all that there are, a clause for each reason."""
        why = []
        if exitstatus not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
            why.append("the run was ended before its end")
        why += [f"{test} failed beside its trials" for test in sorted(self.broken)]
        why += [f"{test} was not run" for test in sorted(self._named(self.expected) - self._named(self.tested))]
        if self.left_out[_LEFT_OUT]:
            why.append(f"tests left out: {self.left_out[_LEFT_OUT]}")
        places = [self.config.invocation_params.dir / each.split("::")[0] for each in self.config.args]
        if any("::" in each for each in self.config.args) or not any(_HERE.is_relative_to(each) for each in places):
            why.append("only some tests were asked for")
        files = {Path(test.split("::")[0]).name for test in self.expected}
        why += [f"{path.name} was left out" for path in sorted(_HERE.glob("test_*.py")) if path.name not in files]
        return why

    @staticmethod
    def _named(tests: set[str]) -> set[str]:
        return {test.split("@")[0] for test in tests if _HERE.name in test}

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
        """Print the table, and write it where it tells of every trial."""
        file = self.config.getoption("reliability", None)
        if file is None:
            return
        text = table(self.config.stash[_TOLD], self.skipped)
        terminalreporter.write_line(text)
        why = self.unmade(exitstatus)
        if why:
            terminalreporter.write_line(f"{file} was not written: {'; '.join(why)}.")
        else:
            Path(file).write_text(text, encoding="utf-8")


def _ours(item: pytest.Item) -> bool:
    return item.path.is_relative_to(_HERE)


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
        try:
            yield
        except pytest.skip.Exception:
            raise  # it was not made
        except BaseException:
            request.node.user_properties.append((_PROPERTY, (fault, how, True)))
            raise
        request.node.user_properties.append((_PROPERTY, (fault, how, False)))

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

"""Ground for faults: a small study, its real processes, and what is compared in the end.

Every process that a test starts carries a mark in its environment, which its children inherit whatever session they
begin, so nothing that outlives a run is overlooked.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

PROGRAM: Final = Path(__file__).with_name("program.py")
#: Seconds within which nothing of a killed run may be alive.
GONE_S: Final = 15.0
#: What carries the mark of a run.
MARK: Final = "BPBENCH_FAULT"

#: Trees, ridge and somebody's program, whose pace a test sets; findings do not know of it.
PROTOCOL: Final = """
question: Is the second set better than the first, whatever happens meanwhile?
data: {{kind: aluminium, groups: [300 K solid]}}
sets:
  poor: {{functions: [{{kind: G2, eta: 0.1, r_s: 0, r_c: 6.8}}]}}
  rich:
    functions:
      - {{kind: G2, eta: 0.1, r_s: 0, r_c: 6.8}}
      - {{kind: G2, eta: 1, r_s: 2.8, r_c: 6.8}}
      - {{kind: G2, eta: 1, r_s: 4, r_c: 6.8}}
{sets}
models:
  forest: {{kind: random-forest, trees: 5}}
  ridge: {{kind: linear}}
  theirs:
    kind: command
    run: [[{python}, program.py, "{{train}}", "{{structures}}", "{{out}}", "{{seed}}"]]
    files: [program.py]
    gives: answer.csv
    limit: 60
{models}
variants:
  - {{name: poor, set: poor, model: forest}}
{contestants}
{variants}
repeats: {repeats}
report: {{formats: [html]}}
analysis: {{baseline: poor, margin: 5 %}}
{more}
"""
CONTESTANTS: Final = """
  - {name: rich, set: rich, model: forest}
  - {name: ridge, set: rich, model: ridge}
  - {name: program, set: poor, model: theirs}
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Running:
    """A process of ours that runs, with everything it has started."""

    process: subprocess.Popen[bytes]
    mark: str
    folder: Path

    def kill(self) -> None:
        """``kill -9`` of this process alone, which must have run until then and die of nothing else."""
        self.process.send_signal(signal.SIGKILL)
        code = self.process.wait(30)
        assert code == -signal.SIGKILL, f"not killed: it had ended with {code} before\n{self.said('err')}"

    def terminate(self) -> None:
        """SIGTERM to this process alone, which must run."""
        assert self.alive, f"it had ended with {self.process.returncode} before\n{self.said('err')}"
        self.process.send_signal(signal.SIGTERM)

    def until(self, happened: Callable[[], object], within: float, what: str) -> None:
        """Wait until something has happened while this process runs; its end before that is a mistake of the test."""

        def seen() -> object:
            return happened() or not self.alive

        until(seen, within, what)
        assert self.alive, f"it ended with {self.process.returncode} before: {what}\n{self.said('err')}"

    def ends(self, within: float = 240.0) -> Ran:
        """Wait for the end; of one that hangs, say where."""
        try:
            code = self.process.wait(within)
        except subprocess.TimeoutExpired:
            os.kill(self.process.pid, signal.SIGABRT)  # has Python tell where every thread is
            self.process.wait()
            raise AssertionError(f"not at its end after {within:g} s\n{self.said('err')}") from None
        return Ran(code, self.said("out"), self.said("err"))

    def said(self, where: str) -> str:
        """Return what it has said by now on ``out`` or ``err``."""
        return (self.folder / f"{self.mark}.{where}").read_text(encoding="utf-8")

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def others(self) -> list[int]:
        """Return the ids of all processes that came of it and are not itself."""
        return [pid for pid in marked(self.mark) if pid != self.process.pid]

    def workers(self) -> list[int]:
        """Return the ids of the processes that do jobs: copies of the one that loads everything, not what they run."""
        servers = [pid for pid in self.others() if b"forkserver import main" in command_line(pid)]
        return [pid for pid in servers if parent(pid) in servers]


def marked(mark: str) -> list[int]:
    """Return the ids of living processes that carry a mark."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
    return sorted(found)


def command_line(pid: int) -> bytes:
    """Return how a process was started, nothing once it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def slay(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Send a process that runs a signal, and wait until it is dead, whoever takes its place."""
    began = _began(pid)
    assert began, f"the process {pid} had ended before"
    os.kill(pid, number)
    until(lambda: _began(pid) != began, GONE_S, f"the death of the process {pid}")


def _began(pid: int) -> str:
    """Return when a process began, by which it differs from a later one of the same id; nothing once it is dead."""
    with suppress(OSError):
        state, *rest = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return "" if state in "ZX" else rest[18]
    return ""


def until(happened: Callable[[], object], within: float, what: str) -> None:
    """Wait until something has happened."""
    deadline = time.monotonic() + within
    while not happened():
        assert time.monotonic() < deadline, f"not within {within:g} s: {what}"
        time.sleep(0.005)


@dataclass(frozen=True, slots=True)
class Ground:
    """A folder with the study in it.

    Attributes
    ----------
    folder : Path
        Where commands are given.
    environment : dict of str to str
        More of it for each command.
    """

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def write(
        self,
        name: str = "study",
        *,
        repeats: int = 8,
        sets: str = "",
        models: str = "",
        contestants: str = CONTESTANTS,
        variants: str = "",
        more: str = "",
    ) -> None:
        """Write the study's protocol and its program."""
        text = PROTOCOL.format(
            python=sys.executable,
            repeats=repeats,
            sets=sets,
            models=models,
            contestants=contestants,
            variants=variants,
            more=more,
        )
        (self.folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        shutil.copy(PROGRAM, self.folder)

    def start(self, *words: str, name: str = "study", **environment: str) -> Running:
        """Start ``bpbench run`` on the study, in a process group of its own."""
        command = [sys.executable, "-m", "bpbench.cli", "run", f"{name}.yaml", "--allow-commands", *words]
        return self.launch(command, **environment)

    def launch(self, command: list[str], **environment: str) -> Running:
        """Start any program, in a process group of its own."""
        mark, told = uuid.uuid4().hex, self.folder / "said"
        told.mkdir(exist_ok=True)
        # Files take whatever is said; a pipe that nobody reads would stop who has much to say.
        with (told / f"{mark}.out").open("wb") as out, (told / f"{mark}.err").open("wb") as err:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env={**os.environ, **self.environment, **environment, MARK: mark, "PYTHONFAULTHANDLER": "1"},
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        return Running(process, mark, told)

    def run(self, *words: str, name: str = "study", **environment: str) -> Ran:
        """Run the study to the end."""
        return self.start(*words, name=name, **environment).ends()

    @property
    def store(self) -> Path:
        """Where results are."""
        return self.folder / ".bpbench/store"

    def stored(self) -> int:
        """Return how many results there are."""
        return len(list(self.store.glob("??/*")))

    def reported(self, name: str = "study") -> set[str]:
        """Return the names of the files of the report, none before it is written."""
        places = [path for path in (self.folder / "reports").glob(f"{name}-*/**/*") if path.is_file()]
        return {str(path.relative_to(self.folder)) for path in places if not path.name.startswith(".")}

    def page(self, name: str = "study") -> str:
        """Return the report."""
        (path,) = (self.folder / "reports").glob(f"{name}-*/report.html")
        return path.read_text(encoding="utf-8")

    def clear(self) -> None:
        """Remove everything that runs have left."""
        for name in (".bpbench", "reports"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def findings(self, name: str = "study") -> bytes:
        """Return the bytes of what was found."""
        (path,) = (self.folder / "reports").glob(f"{name}-*/findings.json")
        return path.read_bytes()


def parent(pid: int) -> int:
    """Return who started a process, 0 once it is gone."""
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[1])
    return 0


def busy(running: Running) -> list[int]:
    """Return the ids of the processes that wait for somebody's program just now."""
    guards = [pid for pid in marked(running.mark) if b"guard.py" in command_line(pid)]
    return [pid for pid in map(parent, guards) if pid > 1]


def gone(running: Running) -> None:
    """Wait until nothing that came of a run is alive."""
    until(lambda: not running.others(), GONE_S, "the end of all processes")


def same(ground: Ground, undisturbed: Ground, name: str = "study") -> None:
    """Demand that nothing was lost: the findings, to the last bit, as many results, and nothing unfinished left."""
    assert ground.findings(name) == undisturbed.findings(name)
    assert ground.stored() == undisturbed.stored()
    left = ground.store / "tmp"
    assert not left.is_dir() or list(left.iterdir()) == []


@contextmanager
def ended(running: Running) -> Iterator[Running]:
    """See to it that whatever happens nothing of this run stays alive."""
    try:
        yield running
    finally:
        for pid in marked(running.mark):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        running.process.wait()


def paced(seconds: float) -> dict[str, str]:
    """Return the environment in which the study's program takes so long."""
    return {"FAULT_PACE": f"{seconds}"}

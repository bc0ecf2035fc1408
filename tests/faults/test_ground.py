"""A fault that came too late is none: what has ended cannot be killed, and a trial says so."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
from ground import Ground, Running, ended, slay, until


def launched(folder: Path, code: str) -> Running:
    return Ground(folder).launch([sys.executable, "-c", code])


def test_what_has_ended_is_not_killed(tmp_path: Path) -> None:
    """Neither before anybody has asked how it ended nor after that."""
    running = launched(tmp_path, "")
    until(lambda: Path(f"/proc/{running.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z", 60, "end")
    with pytest.raises(AssertionError, match=r"the process \d+ had ended before"):
        slay(running.process.pid)
    for _ in range(2):
        with pytest.raises(AssertionError, match="not killed: it had ended with 0 before"):
            running.kill()
    with pytest.raises(AssertionError, match="it had ended with 0 before"):
        running.terminate()
    with pytest.raises(AssertionError, match="it ended with 0 before: what never comes"):
        running.until(lambda: False, 60, "what never comes")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_runs_is_killed(tmp_path: Path, number: signal.Signals) -> None:
    with ended(launched(tmp_path, "import time; time.sleep(60)")) as running:
        slay(running.process.pid, number)
        assert running.process.wait(30) == -number
    with ended(launched(tmp_path, "import time; time.sleep(60)")) as running:
        running.kill()


def test_a_signal_that_nobody_dies_of_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ground.GONE_S", 0.2)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    with ended(launched(tmp_path, code)) as running:
        running.until(lambda: running.said("out"), 60, "its word")
        with pytest.raises(AssertionError, match=r"not within 0\.2 s: the death of the process"):
            slay(running.process.pid, signal.SIGTERM)

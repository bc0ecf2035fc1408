"""``bpbench doctor --scheduler``: an engine is tried before a night depends on it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from clusters import cluster
from ground import Ground

from bpbench import cli
from bpbench.errors import EngineError
from bpbench.runner import processes, trial
from bpbench.runner.engine import Engine
from bpbench.runner.executed import Executed
from bpbench.runner.machine import machine
from bpbench.runner.store import Store


def test_a_scheduler_and_its_workers_are_tried(ground: Ground, capsys: pytest.CaptureFixture[str]) -> None:
    """What is there is told, nothing stays in the store; a worker that is not fit is named, with exit code 3."""
    store = ground.folder / "store"
    with cluster(ground) as here:
        here.add("--memory-limit", "1000000000")
        words = ["doctor", "--scheduler", here.address, "--store", str(store)]
        assert cli.main([*words, "--json"]) == cli.DONE
        told = json.loads(capsys.readouterr().out)["checks"]["engine"]
        (worker,) = told["workers"]
        about = machine()
        assert {name: worker[name] for name in ("host", "cpu", "bpbench", "memory")} == {
            "host": about["host"],
            "cpu": about["cpu"],
            "bpbench": about["bpbench"],
            "memory": 10**9,
        }
        assert (told["ok"], told["pings"]) == (True, trial.PINGS)
        assert told["per_second"] > 0
        assert told["says"].startswith(f"1 worker: 1 on {about['host']} ({about['cpu']}); has the versions of this")
        assert [path for path in store.rglob("*") if path.is_file()] == []

        here.add("--nthreads", "2")
        assert cli.main(words) == cli.INCOMPLETE == 3
        out = capsys.readouterr().out
        assert re.search(
            r"^MISSING engine: --scheduler: the worker at tcp:\S+ has 2 threads, and a process", out, re.MULTILINE
        )


def test_where_no_scheduler_answers_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(processes, "ANSWERS_S", 1)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["doctor", "--scheduler", "tcp://127.0.0.1:1", "--json"]) == 3
    told = json.loads(capsys.readouterr().out)["checks"]["engine"]
    assert told["ok"] is False
    assert told["says"].startswith("--scheduler: no Dask scheduler answers at tcp://127.0.0.1:1 (")


def test_results_that_nobody_sees_are_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers may say that they did it, and have written to a folder of the same name on another machine."""
    monkeypatch.setattr(trial, "execute", lambda jobs, *_, **__: Executed(len(jobs), 0, {}, {}))
    said = r"Workers say that they did 2 jobs, and the results of 2 are not in \S+; name with --store a folder that all"
    with pytest.raises(EngineError, match=said):
        trial.attempt(Engine(), Store(tmp_path), lambda _: None)
    assert os.listdir(tmp_path) == []  # noqa: PTH208


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--store", "x"], "--store is the store that the workers of an engine must share; add --scheduler or --clus"),
        (["--calibrate", "--scheduler", "tcp://x:1"], "An engine is tried without --calibrate; leave one of them out."),
        (["--scheduler", "x"], "--scheduler: expected an address such as tcp://10.0.0.1:8786, found 'x'"),
    ],
)
def test_options_that_say_nothing_are_refused(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", *words]) == cli.WRONG
    assert says in capsys.readouterr().err

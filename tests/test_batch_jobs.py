"""How many batch jobs are asked for and which are given back, and what is made of a batch system's refusals."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("bpbench.runner.jobqueue", reason="dask-jobqueue is not installed")

from bpbench.runner import batch


class Cluster:
    """Two processes in each batch job: what the rule sees of a cluster, and what it does to it.

    Parameters
    ----------
    tasks : dict
        By batch job what its workers do, each a list of tasks; no workers for one that waits for a node.
    """

    kind, processes, trouble, log_directory, wanted = "slurm", 2, None, "logs", 0

    def __init__(self, tasks: dict[str, list[list[int]]]) -> None:
        states = {
            name: [SimpleNamespace(name=f"{name}-{number}", processing=each) for number, each in enumerate(found)]
            for name, found in tasks.items()
        }
        self.states = states
        self.worker_spec = dict.fromkeys(tasks)
        self.workers: dict[str, Any] = {name: SimpleNamespace(job_id=name) for name in tasks}
        every = {state.name: state for found in states.values() for state in found}
        self.scheduler = SimpleNamespace(workers=every, queued=[], unrunnable=[])
        self.asked: list[int] = []
        self.listed = " ".join(tasks)
        self.job_cls = SimpleNamespace(_call=self.call)

    def present(self, name: str) -> list[Any]:
        return self.states.get(name, [])

    def forget(self, name: str) -> None:
        self.workers.pop(name, None)
        self.worker_spec.pop(name, None)

    async def ask(self, number: int) -> None:
        self.asked.append(number)

    async def call(self, _: list[str]) -> str:
        return self.listed


def rule(cluster: Cluster, patience: int = 1) -> Any:
    return batch.ByTasks(cluster, interval=0, minimum=0, maximum=8, wait_count=patience)


def recommended(rule: Any, target: int) -> dict[str, Any]:
    found: dict[str, Any] = asyncio.run(rule.recommendations(target))
    return found


def test_there_are_as_many_as_there_are_tasks() -> None:
    """Tasks that run, wait or fit nowhere yet count; processes are rounded up to whole batch jobs."""
    cluster = Cluster({"a": [[1], [2, 3]]})
    cluster.scheduler.queued, cluster.scheduler.unrunnable = [4], [5]
    made = rule(cluster)
    assert asyncio.run(made.target()) == 5
    assert recommended(made, 5) == {"status": "up", "n": 3}
    assert recommended(made, 2) == {"status": "same"}


def test_none_that_works_is_given_back_and_first_those_that_wait() -> None:
    """The one that works stays, whichever of its processes does, and those without workers go first."""
    cluster = Cluster({"works": [[], [1]], "idle": [[], []], "waits": [], "waits too": []})
    assert recommended(rule(cluster), 4) == {"status": "down", "workers": ["waits", "waits too"]}
    assert recommended(rule(cluster), 0) == {"status": "down", "workers": ["waits", "waits too", "idle"]}


def test_only_what_was_idle_for_long_is_given_back() -> None:
    """A batch job that works again in between has its whole patience again."""
    cluster = Cluster({"a": [[], []]})
    made = rule(cluster, patience=3)
    assert [recommended(made, 0)["status"] for _ in range(2)] == ["same", "same"]
    assert recommended(made, 2)["status"] == "same"
    assert [recommended(made, 0)["status"] for _ in range(3)] == ["same", "same", "down"]


def test_a_refusal_is_said_and_asked_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """While others work a refused batch job is only forgotten; without any, what was said is the trouble."""
    error = RuntimeError("Command exited\nstdout:\n\nstderr:\nsbatch: error: QOSMaxSubmitJobPerUserLimit\n")

    async def refuse(_: int) -> None:
        cluster.worker_spec["new"] = None
        cluster.workers["new"] = SimpleNamespace(job_id=None)
        cluster.asked.append(1)
        raise error

    cluster = Cluster({"a": [[1], [2]]})
    made = rule(cluster)
    monkeypatch.setattr(cluster, "ask", refuse)
    cluster.scheduler.queued = [3]
    asyncio.run(made.adapt())
    assert (cluster.trouble, sorted(cluster.worker_spec), cluster.asked) == (None, ["a"], [1])
    asyncio.run(made.adapt())
    assert cluster.asked == [1]  # not before some time has passed
    monkeypatch.setattr(made, "refused", time.monotonic() - 2 * batch.REFUSED_S)
    cluster.forget("a")
    cluster.scheduler.workers = {}
    asyncio.run(made.adapt())
    assert cluster.trouble is not None
    assert cluster.trouble.endswith("refuses batch jobs for workers: sbatch: error: QOSMaxSubmitJobPerUserLimit.")


def test_what_the_batch_system_no_longer_lists_is_forgotten() -> None:
    """A batch job that is there no more is asked for again; three whose workers never came are a trouble."""
    cluster = Cluster({"1": [], "2": [], "3": [], "4": []})
    made = rule(cluster)
    made.came = {"1", "3", "4"}
    cluster.listed = "2"
    asyncio.run(made._look_for_vanished())
    assert (sorted(cluster.workers), cluster.trouble) == (["2"], None)
    cluster = Cluster({"1": [], "2": [], "3": [], "4": []})
    made = rule(cluster)
    cluster.listed = "2"
    asyncio.run(made._look_for_vanished())
    assert sorted(cluster.workers) == ["2"]
    said = "3 batch jobs for workers ended before their workers came; what they printed lies in logs."
    assert cluster.trouble == said
    cluster.states["2"] = [SimpleNamespace(name="2-0", processing=[1])]
    cluster.scheduler.workers = {"2-0": cluster.states["2"][0]}
    asyncio.run(made.adapt())
    assert (cluster.trouble, made.came) == (None, {"2"})


def test_a_command_that_says_nothing_is_told() -> None:
    """Without words of the batch system it is said that there are none."""
    assert batch.said(RuntimeError("")) == "it did not say why."


def test_importing_dask_jobqueue_leaves_ctrl_c_alone() -> None:
    """By itself it has Ctrl-C end the process with exit code 0 and without a word."""
    code = "import os, signal\nfrom bpbench.runner import batch\nos.kill(os.getpid(), signal.SIGINT)\n"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (-signal.SIGINT, "KeyboardInterrupt")

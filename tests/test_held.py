"""Which inputs a process keeps, and how much memory it may have for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bpbench.data.frames import Configurations
from bpbench.runner import held as kept
from bpbench.runner import machine, work, worker
from bpbench.runner.held import Held, Inputs


def inputs(name: str, size: int) -> Inputs:
    return Inputs(name, Configurations.__new__(Configurations), np.zeros(size, dtype=np.uint8))


def among(held: Held, names: str) -> list[str]:
    return [name for name in names if held._kept.get(name) is not None]


def test_what_was_used_longest_ago_goes_first() -> None:
    held = Held()
    held.limit = kept.SHARE * 100
    for name in "abc":
        held.make_room(30)
        held.add(inputs(name, 30))
    assert among(held, "abc") == ["a", "b", "c"]
    assert held.get("a") is not None
    held.make_room(40)
    assert among(held, "abc") == ["a", "c"]
    assert held.bytes == 60
    assert held.get("b") is None


def test_inputs_beyond_the_budget_are_kept_alone() -> None:
    held = Held()
    held.limit = kept.SHARE * 100
    held.add(inputs("a", 30))
    held.make_room(500)
    assert len(held) == 0  # before they are read
    held.add(inputs("b", 500))
    held.settle()
    assert among(held, "ab") == ["b"]


def test_what_grew_is_counted_anew() -> None:
    """A table that the first network lays out, or slopes that are kept, push others out, never what is being used."""
    held = Held()
    held.limit = kept.SHARE * 100
    for name in "ab":
        held.add(inputs(name, 40))
    second = held.get("b")
    assert second is not None
    second.values = np.zeros(90, dtype=np.uint8)
    held.settle()
    assert among(held, "ab") == ["b"]


@pytest.mark.parametrize(("free", "stay"), [(kept.SHARE * 100, ["a", "b"]), (80, ["b"]), (None, ["b"])])
def test_without_a_limit_what_is_free_counts(
    free: int | None, stay: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "memory_left", lambda: free)
    held = Held()
    for name in "ab":
        held.make_room(40)
        held.add(inputs(name, 40))
    assert among(held, "ab") == stay


def test_a_group_of_processes_may_have_less_than_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    monkeypatch.setattr(machine, "_of_group", lambda: (inner, inner.parent))
    (inner / "memory.max").write_text("max\n")
    (inner / "memory.current").write_text("400000\n")
    free = machine.memory_left()
    assert free is not None
    assert free > 1_000_000
    (inner.parent / "memory.max").write_text("1000000\n")
    (inner.parent / "memory.current").write_text("400000\n")
    assert machine.memory_left() == 600_000
    monkeypatch.setattr(machine, "_MEMORY", tmp_path / "none")
    assert machine.memory_left() is None


def test_what_is_kept_has_the_limit_of_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of Dask, which ends one that holds more."""
    from distributed import Client, LocalCluster

    monkeypatch.setattr(work.held, "limit", None)
    with (
        LocalCluster(n_workers=1, processes=False, memory_limit=10**9, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster) as client,
    ):
        bundle = client.submit(worker.do_all, worker.packed([]), worker.Order(str(tmp_path))).result()
    assert bundle == worker.Bundle((), bundle.by)
    assert work.held.limit == 10**9

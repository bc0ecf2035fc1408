"""Runs that stop in the middle: every verb that runs jobs ends with 3 and says what is kept."""

from __future__ import annotations

from typing import Any

import pytest
from small_study import Here, here

from bpbench.errors import BpbenchError, EngineError, ReadOnlyError, StoreError
from bpbench.runner import execute
from bpbench.runner.executed import Executed

__all__ = ["here"]

VERBS = {
    "run": ("run", "small.yaml"),
    "check": ("check", "small.yaml", "--candidate", "rich", "--incumbent", "poor"),
    "record": ("track", "record", "small.yaml"),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (EngineError("The workers went home."), 3, "bpbench: The workers went home.\n"),
        (StoreError("The disk is full."), 3, "bpbench: The disk is full. What was stored before is kept.\n"),
        (ReadOnlyError("It may only be read."), 2, "bpbench: It may only be read.\n"),
    ],
)
def test_what_stops_in_the_middle_ends_with_3(
    here: Here, monkeypatch: pytest.MonkeyPatch, verb: str, error: BpbenchError, code: int, sentence: str
) -> None:
    """Lost workers and a full disk alike; a store that may only be read is a wrong request before anything starts."""

    def stops(*_: Any, **__: Any) -> Executed:
        raise error

    monkeypatch.setattr(execute, "execute", stops)
    ended, out, err = here(*VERBS[verb], "--jobs", "1")
    assert (ended, out) == (code, "")
    assert err == sentence


def test_what_was_not_started_in_time_is_said(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report holds what there is; the sentence counts what is left, and 3 says that something is."""

    def late(jobs: Any, *_: Any, **__: Any) -> Executed:
        return Executed(0, 0, {}, {}, frozenset(jobs))

    monkeypatch.setattr(execute, "execute", late)
    code, _, err = here("run", "small.yaml", "--jobs", "1")
    assert code == 3
    assert err == (
        "36 jobs were not started, as the time was up; the same command goes on from there.\n"
        "48 of 48 trainings have no score; the report says which and why.\n"
    )
    (page,) = here.folder.glob("reports/small-*/report.html")
    assert "It was not started, as the time was up." in page.read_text(encoding="utf-8")

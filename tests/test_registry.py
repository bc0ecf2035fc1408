"""Which studies need which results: they are enrolled, let go and found again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bpbench.errors import RequestError
from bpbench.runner import registry
from bpbench.runner.registry import Enrolled

STUDY = Enrolled("d" * 64, "study", "study.yaml", quick=False, jobs=frozenset({"a", "b"}))


def test_a_study_is_enrolled_as_its_jobs_become_known(tmp_path: Path) -> None:
    """What strategies ask for is added; when all is known, the rest is what it needed before."""
    assert registry.enrol(tmp_path, STUDY)
    registry.enrol(tmp_path, replace(STUDY, jobs=frozenset({"c"})))
    (found,) = registry.studies(tmp_path)
    assert (found.jobs, found.former) == ({"a", "b", "c"}, frozenset())
    assert (found.name, found.file, found.quick, found.digest) == ("study", "study.yaml", False, "d" * 64)
    assert found.last_run.endswith("+00:00")
    registry.enrol(tmp_path, replace(STUDY, jobs=frozenset({"b", "c"})), whole=True)
    (found,) = registry.studies(tmp_path)
    assert (found.jobs, found.former) == ({"b", "c"}, {"a"})
    registry.enrol(tmp_path, replace(STUDY, jobs=frozenset({"a"})))
    (found,) = registry.studies(tmp_path)
    assert (found.jobs, found.former) == ({"a", "b", "c"}, frozenset())


def test_a_note_that_says_it_already_is_left_alone(tmp_path: Path) -> None:
    """Resuming a finished study does not write its addresses again and again."""
    registry.enrol(tmp_path, STUDY)
    path = tmp_path / "studies" / f"{STUDY.digest}.json"
    note = json.loads(path.read_text())
    before = path.stat().st_ino
    registry.enrol(tmp_path, replace(STUDY, jobs=frozenset({"a"})))
    now = json.loads(path.read_text())
    if now["last_run"][:16] == note["last_run"][:16]:  # else the minute was over
        assert path.stat().st_ino == before
    note["last_run"] = "2020-01-01T00:00:00+00:00"
    path.write_text(json.dumps(note))
    registry.enrol(tmp_path, replace(STUDY, jobs=frozenset({"a"})))
    assert json.loads(path.read_text())["last_run"] > "2026"


def test_a_note_that_is_damaged_is_told_and_made_anew(tmp_path: Path) -> None:
    """It is no study, and it is not overlooked."""
    registry.enrol(tmp_path, STUDY)
    path = tmp_path / "studies" / f"{STUDY.digest}.json"
    path.write_text("{")
    assert (registry.studies(tmp_path), registry.unreadable(tmp_path)) == ([], [path])
    registry.enrol(tmp_path, STUDY)
    assert (len(registry.studies(tmp_path)), registry.unreadable(tmp_path)) == (1, [])


def test_a_study_is_found_by_name_or_digest(tmp_path: Path) -> None:
    """Of several of one name the digest says which; a name that nobody has is refused with the nearest."""
    registry.enrol(tmp_path, STUDY)
    assert registry.find(tmp_path, "study").digest == STUDY.digest
    registry.enrol(tmp_path, replace(STUDY, digest="e" * 64, quick=True))
    assert registry.find(tmp_path, "eeeeee").digest == "e" * 64
    with pytest.raises(
        RequestError, match=r"2 studies are called 'study'; say which by its digest: d{10} \(2.*, e{10} \(quick"
    ):
        registry.find(tmp_path, "study")
    with pytest.raises(RequestError, match=r"no study 'stuby' uses the store .*; did you mean 'study'\?"):
        registry.find(tmp_path, "stuby")
    with pytest.raises(RequestError, match=r"no study 'any' uses the store [^;]*\."):
        registry.find(tmp_path / "none", "any")


def test_a_study_that_was_let_go_comes_back_when_it_is_run(tmp_path: Path) -> None:
    """Until its results are removed it is remembered what it needed."""
    registry.enrol(tmp_path, STUDY)
    registry.forget(tmp_path, STUDY)
    assert registry.studies(tmp_path) == []
    assert [study.jobs for study in registry.studies(tmp_path, forgotten=True)] == [{"a", "b"}]
    registry.enrol(tmp_path, replace(STUDY, jobs=frozenset({"c"})))
    assert [study.jobs for study in registry.studies(tmp_path)] == [{"a", "b", "c"}]
    assert registry.studies(tmp_path, forgotten=True) == []

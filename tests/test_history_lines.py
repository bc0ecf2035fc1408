"""The history as lines of JSON: the same bytes for the same records, and several people's brought together."""

from __future__ import annotations

import dataclasses
import itertools
import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_history import a_run

from bpbench.errors import RequestError, StoreError
from bpbench.history import Baseline, Decision, History, ReadIn, Run, export, read_in
from bpbench.history.union import Place, joined, settled


def a_look(second: int, evidence: str, *, number: int = 1) -> Decision:
    """Return a decision of one line."""
    return Decision("line", number, "q", evidence, f"2026-01-01T00:00:{second:02}+00:00", {"k": number})


def a_dated_run(second: int, **fields: Any) -> Run:
    """Return a run made at a second of one minute."""
    return a_run(made=f"2026-01-01T00:00:{second:02}+00:00", **fields)


@pytest.fixture
def new(tmp_path: Path) -> Callable[..., History]:
    """Return what makes a history of these records."""
    names = itertools.count()

    def make(*records: Run | Decision | Baseline) -> History:
        history = History(tmp_path / f"{next(names)}.sqlite")
        history.unite(records)
        return history

    return make


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """Where lines go, in a folder that does not exist."""
    return tmp_path / "kept" / "history.jsonl"


def text(history: History, path: Path) -> bytes:
    """Return what a history exports."""
    export(history, path)
    return path.read_bytes()


def test_lines_come_back(new: Callable[..., History], lines: Path) -> None:
    """Everything that was exported is read in again, once; two histories of one content give the same bytes."""
    history = new()
    for run in (a_run("cu \u2028 η"), a_run("al"), a_run("al", draw=2)):
        history.add(run)
    history.name_baseline("al", "v1", [1, 2])
    for evidence in ("e1", "e2"):
        history.decide("line", "q", evidence, lambda number, _: {"k": number, "level": 0.1 + 0.2})
    assert export(history, lines) == 6
    first = lines.read_bytes()
    other = new(*reversed(history.records()))
    assert text(other, lines) == first
    fresh = new()
    assert read_in(fresh, lines) == ReadIn(6, 0, ())
    assert read_in(fresh, lines) == read_in(history, lines) == ReadIn(0, 6, ())
    assert fresh.records() == history.records()
    assert text(fresh, lines) == first
    assert [path.name for path in lines.parent.iterdir()] == ["history.jsonl"]


def test_how_lines_look(new: Callable[..., History], lines: Path) -> None:
    """One record a line with its kind, keys in order; lines by kind, study or line, time and id."""
    runs = [
        a_dated_run(second, study=study, number=n) for second, study, n in ((9, "al", 1), (3, "cu", 1), (5, "al", 2))
    ]
    baseline = Baseline("al", "v1", (runs[0].id,), "2026-01-01T00:00:59+00:00")
    look = a_look(1, "e")
    export(new(*runs, look, baseline), lines)
    written = lines.read_text("utf-8").splitlines()
    found = [json.loads(line) for line in written]
    assert [line["id"] for line in found] == [each.id for each in (baseline, look, runs[2], runs[0], runs[1])]
    assert found[1] == {"kind": "decision", "schema": 1, "id": look.id, **look.plain}
    assert written == [json.dumps(line, sort_keys=True, ensure_ascii=False) for line in found]
    assert lines.read_bytes().endswith(b"}\n")


def test_an_export_takes_its_place_whole(
    new: Callable[..., History], lines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is there stays until all of the new is written."""
    history = new(a_run(number=1))
    before = text(history, lines)

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    history._rows("PRAGMA synchronous = OFF")
    history.add(a_run())
    with pytest.raises(
        StoreError,
        match=rf"^The lines of the history cannot be written to {lines} \(No space left on device\); name ",
    ):
        export(history, lines)
    assert lines.read_bytes() == before
    assert [path.name for path in lines.parent.iterdir()] == ["history.jsonl"]


# Brought together


def test_of_two_runs_with_one_number_the_later_moves(new: Callable[..., History], lines: Path) -> None:
    """It gets the next free number, in whichever history it was, and is told; a baseline still means its runs."""
    early, late, last = (a_dated_run(second, number=number) for second, number in ((1, 1), (2, 1), (3, 2)))
    mine, theirs = new(early), new(late, last)
    theirs.name_baseline("al", "v1", [1])
    export(mine, lines)
    moved = f"Run 1 of al (made {late.made}) is number 3 now."
    assert read_in(theirs, lines) == ReadIn(1, 0, (moved,))
    assert [(run.id, run.number) for run in theirs.runs("al")] == [(early.id, 1), (last.id, 2), (late.id, 3)]
    assert theirs.baseline("al", "v1")[1] == (dataclasses.replace(late, number=3),)
    export(theirs, lines)
    assert read_in(mine, lines) == ReadIn(3, 1, ())
    assert mine.records() == theirs.records()
    assert mine.add(a_run()).number == 4


def test_no_spending_is_lost(new: Callable[..., History], lines: Path) -> None:
    """Looks taken apart all count, the very same question and evidence twice included; the next comes after."""
    mine = new(a_look(1, "e1"), a_look(4, "e2", number=2))
    theirs = new(a_look(2, "e1"), a_look(3, "e3", number=2))
    export(theirs, lines)
    told = read_in(mine, lines)
    assert (told.added, told.already_there, len(told.renumbered)) == (2, 0, 2)
    assert told.renumbered[0] == "Decision 1 of line line (made 2026-01-01T00:00:02+00:00) is number 3 now."
    assert [(each.evidence, each.made[17:19], each.number) for each in mine.decisions("line")] == [
        ("e1", "01", 1), ("e3", "03", 2), ("e1", "02", 3), ("e2", "04", 4),
    ]  # fmt: skip
    assert mine.decide("line", "q", "e1", lambda _, __: {}) == (a_look(1, "e1"), False)
    assert mine.decide("line", "q", "new", lambda k, earlier: {"k": k, "n": len(earlier)})[0].body == {"k": 5, "n": 4}


def test_after_a_gap_looks_go_on_from_the_highest(new: Callable[..., History]) -> None:
    """A line whose numbers have a gap is not counted, lest a number be given out twice."""
    history = new(a_look(1, "e1"), a_look(2, "e2", number=4))
    assert history.decide("line", "q", "e3", lambda k, _: {"k": k})[0].number == 5


def test_a_record_under_two_numbers_keeps_the_larger(new: Callable[..., History], lines: Path) -> None:
    """Who moved it first is followed, and an older export of it does not move it back."""
    run = a_dated_run(1, number=2)
    history, older = new(run), new(run)
    export(new(dataclasses.replace(run, number=5)), lines)
    assert read_in(history, lines) == ReadIn(0, 1, (f"Run 2 of al (made {run.made}) is number 5 now.",))
    texts = [text(each, lines) for each in (history, older)]
    for joint in (b"".join(texts), b"".join(reversed(texts))):  # as git joins two exports
        lines.write_bytes(joint)
        for reader in (history, new(run), new()):
            read_in(reader, lines)
            assert [each.number for each in reader.runs("al")] == [5]


def test_numbers_may_change_places(new: Callable[..., History], lines: Path) -> None:
    """A record may go where another is that moves on itself."""
    one, two = a_dated_run(1, number=1), a_dated_run(2, number=2)
    history = new(one, two)
    export(new(dataclasses.replace(one, number=2)), lines)
    assert len(read_in(history, lines).renumbered) == 2
    assert [(run.id, run.number) for run in history.runs("al")] == [(one.id, 2), (two.id, 3)]


#: Records of two studies, made at one of three moments, under any numbers.
PLACES = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 6)).map(
    lambda found: {
        name: Place("run", "x" if name < "e" else "y", number, f"t{ord(name) % 3}") for name, number in found.items()
    }
)


def read(here: dict[str, Place], there: dict[str, Place]) -> dict[str, Place]:
    """Return a history after it has read in another."""
    both = joined(here, there)
    return {name: dataclasses.replace(both[name], number=number) for name, number in settled(both).items()}


@settings(max_examples=300, deadline=None)
@given(st.lists(PLACES, min_size=2, max_size=3))
def test_people_who_read_in_each_other_agree(found: Sequence[dict[str, Place]]) -> None:
    """Whatever was numbered apart: no two of a study share a number, none falls, and whoever reads whom ends alike."""
    held = [read({}, each) for each in found]
    after = [read(one, other) for one, other in itertools.permutations(held, 2)]
    for (one, other), both in zip(itertools.permutations(held, 2), after, strict=True):
        assert both == read(other, one)
        assert both.keys() == one.keys() | other.keys()
        assert all(both[name].number >= side[name].number for side in (one, other) for name in side)
        for group in "xy":
            numbers = [place.number for place in both.values() if place.group == group]
            assert len(set(numbers)) == len(numbers) <= max(numbers, default=0)
    for _ in range(12):  # everybody reads in what everybody has, until nothing changes
        if all(each == after[0] for each in after):
            break
        after = [read(one, other) for one, other in zip(after, after[1:] + after[:1], strict=True)]
    assert all(each == after[0] for each in after)
    assert read(after[0], after[0]) == after[0]


def git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git in a folder, as nobody in particular."""
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main"]
    return subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("union", [True, False])
def test_a_team_keeps_it_in_git(new: Callable[..., History], lines: Path, union: bool) -> None:
    """Two branches add a run each: git joins them with merge=union, and without leaves marks that are refused."""
    folder = lines.parent
    first = a_dated_run(1, number=1)
    people = [new(first), new(first)]
    folder.mkdir()
    git(folder, "init")
    if union:
        (folder / ".gitattributes").write_text("history.jsonl merge=union\n")
    export(people[0], lines)
    for step in (("add", "."), ("commit", "-m", "first"), ("branch", "theirs")):
        git(folder, *step)
    people[0].add(a_dated_run(2))
    export(people[0], lines)
    git(folder, "commit", "-am", "mine")
    git(folder, "checkout", "theirs")
    people[1].add(a_dated_run(3))
    people[1].decide("line", "q", "e", lambda number, _: {"k": number})
    export(people[1], lines)
    git(folder, "commit", "-am", "theirs")
    merged = git(folder, "merge", "main")
    assert (merged.returncode == 0) is union
    if union:
        for person in people:
            read_in(person, lines)
        assert [run.made[17:19] for run in people[0].runs("al")] == ["01", "02", "03"]
        assert people[0].records() == people[1].records()
    else:
        for person in people:
            before = person.records()
            with pytest.raises(
                RequestError,
                match=rf"^{lines}, line \d: git has left its marks of a conflict here; keep the lines of both "
                r"sides, remove the marks, and read the file in again \(`merge=union` in \.gitattributes does so ",
            ):
                read_in(person, lines)
            assert person.records() == before


# Lines that are none


def changed(run: Run, **fields: Any) -> str:
    """Return the line of a run with these things said otherwise."""
    return json.dumps({"kind": "run", "schema": 1, "id": run.id, **run.plain, **fields})


GIVEN = a_run(number=1)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("{'kind': 'run'}", r"this is not JSON \(Expecting property name .*\); export the history again\.$"),
        ("[" * 200_000, r"this is not JSON \(.*recursion.*\); export"),
        (changed(GIVEN, draw=float("nan")), r"this is not JSON \(NaN is no number\); export"),
        ("[1, 2]", r"expected a record with 'kind', 'schema' and 'id'; name a file of exported lines\.$"),
        ('{"kind": "run", "schema": 1}', r"expected a record with 'kind', 'schema' and 'id'; name"),
        (changed(GIVEN, kind="runs"), r"there is no kind of record 'runs'; did you mean 'run'\?$"),
        (changed(GIVEN, kind=["run"]), r"there is no kind of record '\['run'\]'; did you mean 'run'\?$"),
        (
            changed(GIVEN, schema=2, kind="verdict", more=1),
            r"made by a newer bpbench \(schema 2, this one reads up to 1\); update bpbench\.$",
        ),
        (changed(GIVEN, schema="1"), r"expected a whole number from 1 as 'schema', found '1'\.$"),
        (changed(GIVEN, more=1), r"a run has no field 'more'; possible are data, draw, "),
        (changed(GIVEN, draw="1"), r"expected a whole number as 'draw' of a run, found '1'\.$"),
        (changed(GIVEN, number=0), r"expected a number from 1 on, found 0\.$"),
        (
            changed(GIVEN, host="faster"),
            r"this run is not what its id was given to, so the line was changed after the export",
        ),
        (
            changed(GIVEN, rules={"alpha": 7}).replace(": 7", ": 1e999"),
            r"A value that decides a result must be finite, found inf\.$",
        ),
    ],
)
def test_a_line_that_is_no_record(new: Callable[..., History], lines: Path, line: str, sentence: str) -> None:
    """One wrong line is named, and nothing of the file is taken."""
    history = new()
    export(new(a_run(number=1)), lines)
    good = lines.read_text("utf-8")
    lines.write_text(f"{good}\n{line}\n", "utf-8")
    with pytest.raises(RequestError, match=rf"^{lines}, line 3: {sentence}"):
        read_in(history, lines)
    assert history.records() == []
    lines.write_bytes(good.replace("\n", "\r\n").encode())  # as git may check it out elsewhere
    assert read_in(history, lines).added == 1


def test_a_baseline_without_its_runs(new: Callable[..., History], lines: Path) -> None:
    """A baseline whose runs are neither in the file nor here is refused; runs that are here already will do."""
    run = a_run(number=1)
    giver = new(run)
    giver.name_baseline("al", "v1", [1])
    export(giver, lines)
    alone, *_ = lines.read_text("utf-8").splitlines()
    lines.write_text(alone, "utf-8")
    with pytest.raises(
        RequestError,
        match=rf"^{lines}, line 1: baseline 'v1' of study 'al' names a run that is neither in this file nor in the ",
    ):
        read_in(new(), lines)
    assert read_in(new(run), lines) == ReadIn(1, 0, ())


def test_a_file_that_is_no_text(new: Callable[..., History], lines: Path) -> None:
    """A missing file, a folder and bytes that are no text are refused."""
    history = new()
    with pytest.raises(
        RequestError, match=rf"^{lines} cannot be read \(No such file or directory\); name a file of exported"
    ):
        read_in(history, lines)
    with pytest.raises(RequestError, match=r"cannot be read \(Is a directory\); name a file of exported lines\.$"):
        read_in(history, lines.parent.parent)
    with pytest.raises(RequestError, match=rf"^{history.path} is not text in UTF-8; name a file of exported lines\.$"):
        read_in(history, history.path)

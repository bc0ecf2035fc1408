"""The history: numbers given once, nothing lost, and two histories brought together."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpbench.errors import RequestError, StoreError
from bpbench.history import Baseline, Decision, History, Run, default_history, export, now, opening, schema
from bpbench.identity import digest

SECONDS = itertools.count()


def a_run(study: str = "al", *, made: str | None = None, draw: int = 0, **fields: Any) -> Run:
    """Return a run of two variants, made a second after the one before."""
    second = next(SECONDS)
    variant = {
        "results": [
            {"repeat": 0, "status": "done", "scores": {"rmse": 1.25, "mae": 0.1}},
            {"repeat": 1, "status": "diverged", "scores": {}},
        ],
        "cpu_s": [2.5, 3.0],
        "peak_mb": [400.5],
        "operations": 812.0,
    }
    told = {
        "study": study,
        "number": 0,
        "draw": draw,
        "made": made or f"2026-01-01T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}+00:00",
        "protocol": "p",
        "data": "d",
        "sources": "s",
        "host": "h",
        "made_by": {"python": "3.11.7", "versions": {"numpy": "2.3.1"}},
        "metrics": [{"key": "rmse", "label": "RMSE", "unit": "meV/atom", "lower_is_better": True}],
        "variants": {'A "first"': variant, "B.2": {**variant, "operations": None}},
        "rules": {"margin": "5 %", "alpha": 0.05},
    }
    return Run(**{**told, **fields})


def a_large_run() -> Run:
    """Return a run that takes many pages of the file."""
    return a_run(made_by={"text": [digest(number) for number in range(400)]})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a history is to be, in a folder that does not exist."""
    return tmp_path / "new" / "folder" / "history.sqlite"


@pytest.fixture
def history(path: Path) -> Iterator[History]:
    """Return a history of one run."""
    with History(path, wait_s=0.05) as made:
        made.add(a_run())
        yield made


@pytest.fixture
def nobody() -> Iterator[Path]:
    """Return a folder that everyone may see into, and stop being the one user whom no permission holds back."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        root = os.geteuid() == 0
        if root:
            os.chown(folder, 65534, 65534)
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            if root:
                os.seteuid(0)
            Path(folder).chmod(0o777)


# Records


@pytest.mark.parametrize(
    "record",
    [
        a_run(),
        Decision("line", 3, "q", "e", now(), {"answer": "adopt", "level": 0.1 + 0.2, "comparison": None}),
        Baseline("al", "v1", ("a", "b"), now()),
    ],
)
def test_a_record_comes_back_from_json(record: Run | Decision | Baseline) -> None:
    """Plain JSON and back is the same record with the same id, to the last bit of a number."""
    again = type(record).of_plain(json.loads(json.dumps(record.plain)))
    assert again == record
    assert again.id == record.id


def test_the_id_is_the_digest_of_everything_but_the_number() -> None:
    """Another number is the same run; anything else is another."""
    run = a_run()
    assert dataclasses.replace(run, number=7).id == run.id
    assert run.id == digest({name: value for name, value in dataclasses.asdict(run).items() if name != "number"})
    for field in dataclasses.fields(Run):
        if field.name != "number":
            assert dataclasses.replace(run, **{field.name: "other"}).id != run.id


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"hosts": "h"}, r"^a run has no field 'hosts'; did you mean 'host'\?$"),
        ({"host": None}, r"^expected a text as 'host' of a run, found None\.$"),
        ({"draw": True}, r"^expected a whole number as 'draw' of a run, found True\.$"),
        ({"rules": []}, r"^expected an object as 'rules' of a run, found \[\]\.$"),
        ({"metrics": ["rmse"]}, r"^expected a list of objects as 'metrics' of a run, found \['rmse'\]\.$"),
        ({"made": "yesterday"}, r"^expected a time in UTC as 'made' of a run, found 'yesterday'\.$"),
        ({"made": "2026-01-01T00:00:00+01:00"}, r"^expected a time in UTC as 'made' of a run"),
        ({"made": "2026-01-01T00:00:00"}, r"^expected a time in UTC as 'made' of a run"),
    ],
)
def test_what_is_no_run(changed: dict[str, Any], sentence: str) -> None:
    """A field of another name or type is refused."""
    with pytest.raises(RequestError, match=sentence):
        Run.of_plain({**a_run().plain, **changed})


def test_a_run_with_a_field_missing() -> None:
    """A field that is missing is named."""
    found = a_run().plain
    del found["data"]
    with pytest.raises(RequestError, match=r"^a run needs the field 'data', and it is missing\.$"):
        Run.of_plain(found)


# The file


def test_runs_are_numbered_by_study(path: Path) -> None:
    """Every study counts from one, whatever number a run came with; what comes back is what went in."""
    with History(path) as history:
        assert history.studies() == []
        assert history.runs() == []
        assert history.next_draw("al") == 1
        given = [a_run("cu", draw=4, number=9), a_run("al", draw=1), a_run("al", draw=7), a_run("al", draw=2)]
        added = [history.add(run) for run in given]
    assert [run.number for run in added] == [1, 1, 2, 3]
    with History(path, create=False) as history:
        assert history.studies() == ["al", "cu"]
        assert history.runs("al") == added[1:]
        assert history.runs() == [*added[1:], added[0]]
        assert history.run("al", 2) == added[2] == dataclasses.replace(given[2], number=2)
        assert [history.next_draw(study) for study in ("al", "cu", "fe")] == [8, 5, 1]


def test_the_same_run_twice(history: History) -> None:
    """The very same results are not another run."""
    run = history.run("al", 1)
    with pytest.raises(RequestError, match=r"^These very results are recorded as run 1 of study 'al'\.$"):
        history.add(dataclasses.replace(run, number=5))
    assert history.runs() == [run]


def test_plain_sql_reads_scores_and_costs(history: History) -> None:
    """The views give one row per score and per cost, of every variant whatever its name."""
    history.add(a_run())
    with sqlite3.connect(history.path) as connection:
        scores = connection.execute("SELECT * FROM scores").fetchall()
        costs = connection.execute("SELECT * FROM costs").fetchall()
        names = [column[0] for column in connection.execute("SELECT * FROM costs").description]
    connection.close()
    variants = ['A "first"', "B.2"]
    assert sorted(scores) == sorted(
        ("al", run, variant, 0, metric, value)
        for run in (1, 2)
        for variant in variants
        for metric, value in (("rmse", 1.25), ("mae", 0.1))
    )
    assert names == ["study", "run", "variant", "cost", "training", "value"]
    per_training = [("cpu_s", 0, 2.5), ("cpu_s", 1, 3.0), ("peak_mb", 0, 400.5)]
    wanted = [("al", run, variant, *cost) for run in (1, 2) for variant in variants for cost in per_training]
    wanted += [("al", run, variants[0], "operations", None, 812.0) for run in (1, 2)]
    assert sorted(costs, key=repr) == sorted(wanted, key=repr)


def test_a_baseline_means_its_newest(history: History) -> None:
    """A name given again means other runs from now on; the older one is kept."""
    second, third = history.add(a_run()), history.add(a_run())
    first = history.name_baseline("al", "v1", [1])
    assert history.baseline("al", "v1") == (first, (history.run("al", 1),))
    pooled = history.name_baseline("al", "v1", [3, 2, 3])
    assert pooled.runs == (second.id, third.id)
    assert history.baseline("al", "v1") == (pooled, (second, third))
    other = history.name_baseline("al", "v2", [1])
    assert history.baselines("al") == [first, pooled, other]


def test_a_question_is_answered_once(history: History) -> None:
    """The same question with the same evidence costs nothing; any other look takes the next number of its line."""
    seen: list[tuple[int, list[str]]] = []

    def make(number: int, earlier: list[Decision]) -> dict[str, Any]:
        seen.append((number, [decision.question for decision in earlier]))
        return {"k": number, "because": ("a", "b")}

    first, made = history.decide("line", "q1", "e1", make)
    assert made
    assert (first.number, first.body) == (1, {"k": 1, "because": ["a", "b"]})
    assert history.decide("line", "q1", "e1", make) == (first, False)
    more, made = history.decide("line", "q1", "e2", make)
    assert made
    assert history.decide("line", "q2", "e1", make)[0].number == 3
    assert history.decide("other", "q1", "e1", make)[0].number == 1
    assert seen == [(1, []), (2, ["q1"]), (3, ["q1", "q1"]), (1, [])]
    assert history.decisions("line")[:2] == [first, more]
    assert [(each.line, each.number) for each in history.decisions()] == [
        *(("line", n) for n in (1, 2, 3)),
        ("other", 1),
    ]
    assert [each.evidence for each in history.asked("q1")] == ["e1", "e2", "e1"]
    assert history.decisions("none") == history.asked("none") == []


@pytest.mark.parametrize("trouble", [RequestError("no"), KeyboardInterrupt(), ZeroDivisionError()])
def test_an_answer_that_fails_spends_nothing(history: History, trouble: BaseException) -> None:
    """If the judging raises, nothing is written, and the next look has the number."""

    def fail(_: int, __: list[Decision]) -> dict[str, Any]:
        raise trouble

    with pytest.raises(type(trouble)):
        history.decide("line", "q", "e", fail)
    assert history.decisions() == []
    assert history.decide("line", "q", "e", lambda number, _: {"k": number})[0].body == {"k": 1}


def test_where_the_history_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable names the file; without it, or empty, it lies below the working folder."""
    monkeypatch.setenv("BPBENCH_HISTORY", "/some/where.sqlite")
    assert default_history() == Path("/some/where.sqlite")
    for unset in (lambda: monkeypatch.setenv("BPBENCH_HISTORY", ""), lambda: monkeypatch.delenv("BPBENCH_HISTORY")):
        unset()
        assert default_history() == Path(".bpbench/history.sqlite")


# What is asked for and not there


def test_unknown_names_and_numbers(history: History) -> None:
    """The nearest name is offered, or the numbers that there are."""
    no_study = rf"^The history {history.path} has no study 'all'; did you mean 'al'\?$"
    for ask in (history.runs, history.baselines, lambda study: history.run(study, 1)):
        with pytest.raises(RequestError, match=no_study):
            ask("all")
    with pytest.raises(RequestError, match=no_study):
        history.name_baseline("all", "v1", [1])
    with pytest.raises(RequestError, match=r"has no study 'copper'; possible are al\.$"):
        history.runs("copper")
    with pytest.raises(RequestError, match=r"^Study 'al' has no run 3; there is run 1\.$"):
        history.run("al", 3)
    history.unite([a_run(number=number) for number in (2, 3, 4, 6, 8, 9)])
    with pytest.raises(RequestError, match=r"^Study 'al' has no run 0; there are runs 1 to 4, 6 and 8 to 9\.$"):
        history.name_baseline("al", "v1", [1, 0])
    with pytest.raises(RequestError, match=r"^Study 'al' has no baseline; `bpbench track baseline` names one\.$"):
        history.baseline("al", "v1")
    history.name_baseline("al", "release", [1])
    with pytest.raises(RequestError, match=r"^Study 'al' has no baseline 'relase'; did you mean 'release'\?$"):
        history.baseline("al", "relase")
    with pytest.raises(RequestError, match=r"^A baseline needs a name, and this one is empty\.$"):
        history.name_baseline("al", " ", [1])
    with pytest.raises(RequestError, match=r"^Baseline 'v1' of study 'al' needs at least one run; give its number\.$"):
        history.name_baseline("al", "v1", [])
    assert len(history.baselines("al")) == 1


def test_an_empty_history_has_no_study(path: Path) -> None:
    """Without any study there is nothing to offer."""
    with History(path) as history, pytest.raises(RequestError, match=r"has no study 'al'\.$"):
        history.runs("al")


def test_reading_makes_no_file(path: Path) -> None:
    """A verb that only reads says which command makes a history, and makes nothing; so of an empty file."""
    sentence = rf"^There is no history at {path}; `bpbench track record PROTOCOL` makes one, and BPBENCH_HISTORY names"
    with pytest.raises(StoreError, match=sentence):
        History(path, create=False)
    assert not path.parent.exists()
    path.parent.mkdir(parents=True)
    path.touch()
    with pytest.raises(StoreError, match=sentence):
        History(path, create=False)
    assert path.read_bytes() == b""
    with History(path) as history:  # what a writer that was killed at once has left
        assert history.add(a_run()).number == 1


# Files that are no history


@pytest.mark.parametrize("content", [b"x", b"kind,value\n1,2\n", b"study: al\n" * 2000])
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes) -> None:
    """Any other file is refused and stays as it is."""
    path = tmp_path / "scores.csv"
    path.write_bytes(content)
    with pytest.raises(
        StoreError,
        match=rf"^{path} is not a SQLite database, thus no history of bpbench; name another file with "
        r"BPBENCH_HISTORY\.$",
    ):
        History(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE runs (id)", "PRAGMA application_id = 77", "PRAGMA user_version = 1"]
)
def test_a_database_of_somebody_else(tmp_path: Path, statement: str) -> None:
    """A database with other tables or another program's number is refused and stays as it is."""
    path = tmp_path / "theirs.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()
    before = path.read_bytes()
    with pytest.raises(
        StoreError, match=rf"^{path} is a SQLite database of another program, not a history of bpbench; "
    ):
        History(path)
    assert path.read_bytes() == before


def test_a_history_of_a_newer_bpbench(history: History) -> None:
    """A newer layout is not touched."""
    newer = len(schema.STEPS) + 1
    history._rows(f"PRAGMA user_version = {newer}")
    before = history.path.read_bytes()
    with pytest.raises(
        StoreError,
        match=rf"^The history {history.path} was made by a newer bpbench \(schema {newer}, this one reads up to "
        rf"{newer - 1}\); update bpbench\.$",
    ):
        History(history.path)
    assert history.path.read_bytes() == before


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    """A folder is told how to name the file in it; a file in the place of its folder is told by the system."""
    with pytest.raises(
        StoreError,
        match=rf"^The history is one file, and {tmp_path} is a folder; name the file, as in .*/history\.sqlite\.$",
    ):
        History(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(
        StoreError, match=r"cannot be opened or made there \((File exists|Not a directory)\); name another"
    ):
        History(tmp_path / "file" / "history.sqlite")


def test_an_old_sqlite(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A SQLite without columns that are read off others is told by its version."""
    monkeypatch.setattr(opening.sqlite3, "sqlite_version_info", (3, 26, 0))
    with pytest.raises(
        StoreError, match=r"^The history needs SQLite 3\.31\.0 or newer, and this Python comes with .*; use a"
    ):
        History(path)


# Damage, locks, full disks, permissions


@pytest.mark.parametrize("damage", ["cut", "zeros", "noise"])
def test_a_damaged_history(path: Path, damage: str) -> None:
    """A file that was cut or written over is refused before anything is added, and stays as it is."""
    with History(path) as history:
        for _ in range(20):
            history.add(a_large_run())
    whole = path.read_bytes()
    middle = len(whole) // 2
    broken = {
        "cut": whole[:middle],
        "zeros": whole[:middle] + bytes(8192) + whole[middle + 8192 :],
        "noise": whole[:middle] + np.random.default_rng(1).bytes(8192) + whole[middle + 8192 :],
    }[damage]
    path.write_bytes(broken)
    with pytest.raises(
        StoreError, match=rf"^The history {path} is malformed \(.*\): it was cut short or written over by "
    ):
        History(path)
    assert path.read_bytes() == broken


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("json_remove(body, '$.rules')", r"a run needs the field 'rules', and it is missing"),
        ("replace(body, 'meV', CAST(x'ff' AS TEXT))", r"Could not decode to UTF-8 column 'body'.*"),
    ],
)
def test_a_body_that_is_no_record(history: History, body: str, what: str) -> None:
    """A body that somebody changed by hand is refused when it is read."""
    history._rows("UPDATE runs SET body = " + body)  # noqa: S608 - our own words
    with pytest.raises(StoreError, match=rf"(?s)^The history {history.path} is malformed \({what}\): "):
        history.runs()


def test_another_writer_is_waited_for(history: History) -> None:
    """A lock that lasts becomes a sentence; reading goes on beside it, and afterwards writing does."""
    sentence = (
        rf"^The history {history.path} was in use by another process for longer than 0\.05 s, and nothing was changed; "
    )
    other = sqlite3.connect(history.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for write in (
        lambda: history.add(a_run()),
        lambda: history.name_baseline("al", "v1", [1]),
        lambda: history.decide("line", "q", "e", lambda _, __: {}),
        lambda: history.unite([a_run()]),
    ):
        with pytest.raises(StoreError, match=sentence):
            write()
    assert len(history.runs()) == 1
    other.execute("COMMIT")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match=sentence):
        history.runs()
    with pytest.raises(StoreError, match=sentence):
        History(history.path, wait_s=0.05)
    other.close()
    assert history.add(a_run()).number == 2


def test_a_full_disk(history: History) -> None:
    """A write that finds no room leaves the history as it was; with room it goes on."""
    (pages,) = history._rows("PRAGMA page_count")[0]
    history._rows(f"PRAGMA max_page_count = {pages}")
    full = rf"^The disk of the history {history.path} is full, and nothing was changed; make room and run again\.$"
    before = history.path.read_bytes()
    with pytest.raises(StoreError, match=full):
        history.add(a_large_run())
    with pytest.raises(StoreError, match=full):
        history.decide("line", "q", "e", lambda _, __: a_large_run().plain)
    with pytest.raises(StoreError, match=full):
        history.unite([a_run(), a_large_run()])
    assert history.path.read_bytes() == before
    history._rows("PRAGMA max_page_count = 100000")
    assert history.add(a_large_run()).number == 2


def test_a_read_only_file(nobody: Path) -> None:
    """What may not be written can still be read."""
    path = nobody / "history.sqlite"
    with History(path) as history:
        history.add(a_run())
    path.chmod(0o444)
    with History(path) as history:
        assert len(history.runs()) == 1
        with pytest.raises(
            StoreError,
            match=rf"^The history {path} cannot be written \(it or its folder is read-only\), and nothing was ",
        ):
            history.add(a_run())
    path.chmod(0o000)
    with pytest.raises(
        StoreError, match=rf"^The history {path} cannot be opened or made there; see that you may read and "
    ):
        History(path)


def test_a_read_only_folder(nobody: Path) -> None:
    """Nothing can be made in it, nor written to a history in it, whose journal would lie beside it."""
    path = nobody / "history.sqlite"
    with History(path) as history:
        history.add(a_run())
    nobody.chmod(0o555)
    with History(path) as history:
        assert len(history.runs()) == 1
        with pytest.raises(StoreError, match=rf"^The history {path} cannot be (written|opened)"):
            history.add(a_run())
    with pytest.raises(StoreError, match=r"^The history .*other.sqlite cannot be opened or made there; see that "):
        History(nobody / "other.sqlite")
    with pytest.raises(
        StoreError, match=r"cannot be opened or made there \(Permission denied\); name another file with "
    ):
        History(nobody / "deeper" / "history.sqlite")
    with (
        pytest.raises(
            StoreError, match=r"^The lines of the history cannot be written to .* \(Permission denied\); name "
        ),
        History(path) as history,
    ):
        export(history, nobody / "history.jsonl")


# Older layouts


@pytest.fixture
def older(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a history of layout 1 with a run and a baseline, as a bpbench wrote it that knew no other."""
    path = tmp_path / "older.sqlite"
    with monkeypatch.context() as then:
        then.setattr(schema, "STEPS", schema.STEPS[:1])
        with History(path) as history:
            history.add(a_run())
            history.name_baseline("al", "v1", [1])
            with pytest.raises(StoreError, match="no such table: decisions"):
                history.decisions()
            assert history._rows("PRAGMA user_version") == [(1,)]
    return path


def test_an_older_history_is_brought_up(older: Path) -> None:
    """Opening it adds what it lacks, for readers as well; its records stay."""
    with History(older, create=False) as history:
        assert history._rows("PRAGMA user_version") == [(len(schema.STEPS),)]
        assert history._rows("PRAGMA application_id") == [(schema.APPLICATION_ID,)]
        assert history.baseline("al", "v1")[1] == (history.run("al", 1),)
        assert history.decide("line", "q", "e", lambda number, _: {"k": number})[1]


def test_a_step_that_fails_leaves_the_older_layout(older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step is done whole or not at all."""
    before = older.read_bytes()
    with monkeypatch.context() as broken:
        broken.setattr(schema, "STEPS", (schema.STEPS[0], (*schema.STEPS[1], "CREATE TABLE runs (id)")))
        with pytest.raises(StoreError, match=r"cannot be read or written: table runs already exists\.$"):
            History(older)
    assert older.read_bytes() == before
    with History(older) as history:
        assert history.decisions() == []


# Several writers, and one that is killed

WRITER = """
import pathlib, sys, time
sys.path.insert(0, sys.argv[4])
from test_history import a_run
from bpbench.history import History
path, who, go = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
print("ready", flush=True)
while not go.exists():
    time.sleep(0.001)
def make(number, earlier):
    time.sleep(0.01)  # so that the other one surely comes between
    return {"k": number, "earlier": len(earlier)}
with History(path) as history:
    for look in range(20):
        history.add(a_run(host=who))
        history.decide("line", who, str(look), make)
"""


def test_two_writers_at_once(path: Path, tmp_path: Path) -> None:
    """Two processes that start on no file at all give out forty numbers, none twice and none left out."""
    go = tmp_path / "go"
    arguments = [sys.executable, "-c", WRITER, path]
    here = Path(__file__).parent
    writers = [subprocess.Popen([*arguments, who, go, here], stdout=subprocess.PIPE, text=True) for who in ("a", "b")]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    go.touch()
    for writer in writers:
        writer.communicate(timeout=120)
        assert writer.returncode == 0
    with History(path, create=False) as history:
        runs, decisions = history.runs("al"), history.decisions("line")
    assert [run.number for run in runs] == list(range(1, 41))
    assert [each.number for each in decisions] == list(range(1, 41))
    assert [each.body for each in decisions] == [{"k": k, "earlier": k - 1} for k in range(1, 41)]
    for who in ("a", "b"):
        assert sum(run.host == who for run in runs) == 20
        assert [each.evidence for each in decisions if each.question == who] == [str(look) for look in range(20)]


def test_a_file_is_looked_at_in_one_moment(tmp_path: Path) -> None:
    """A history that another process makes meanwhile is seen before or after, never half."""
    path = tmp_path / "history.sqlite"
    other = sqlite3.connect(path, isolation_level=None, timeout=0)

    class Watched(sqlite3.Connection):
        def execute(self, *statement: Any) -> sqlite3.Cursor:
            found = super().execute(*statement)
            if "application_id" in statement[0]:
                with contextlib.suppress(sqlite3.OperationalError):
                    schema.bring_up(other)
            return found

    connection = sqlite3.connect(path, isolation_level=None, factory=Watched)
    assert schema.standing(connection) == (0, 0, 0)
    schema.bring_up(other)
    application, layout, tables = schema.standing(connection)
    assert (application, layout) == (schema.APPLICATION_ID, len(schema.STEPS))
    assert tables > 3
    connection.close()
    other.close()


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from test_history import a_large_run
from bpbench.history import History
history = History(sys.argv[1])
history._rows("PRAGMA cache_size = 1")  # pages go to the file before the transaction ends
written = []
def die(statement):
    written.append(statement)
    if sum("INSERT" in each for each in written) == 30:
        os.kill(os.getpid(), signal.SIGKILL)
history._connection.set_trace_callback(die)
history.unite([a_large_run() for _ in range(40)])
"""


def test_a_writer_that_is_killed(history: History) -> None:
    """One that is killed with half its records in the file leaves them to be taken back by the next who opens it."""
    before, size = history.records(), history.path.stat().st_size
    history.close()
    arguments = [sys.executable, "-c", KILLED, history.path, Path(__file__).parent]
    assert subprocess.run(arguments, check=False).returncode == -signal.SIGKILL
    journal = history.path.with_name("history.sqlite-journal")
    assert journal.stat().st_size
    assert history.path.stat().st_size > 10 * size
    with History(history.path, create=False) as again:
        assert again.records() == before
        assert again._rows("PRAGMA integrity_check") == [("ok",)]
        assert again.add(a_run()).number == 2
    assert not journal.exists()


def test_one_draw_of_seeds_is_recorded_once(tmp_path: Path) -> None:
    """Two processes that recorded at the same time had the same seeds: the later one records again."""
    with History(tmp_path / "h.sqlite") as history:
        history.add(a_run(draw=3))
        with pytest.raises(
            RequestError,
            match=r"Draw 3 of study '.*' is recorded as run 1, and the same seeds twice are no two runs; record again",
        ):
            history.add(a_run(draw=3, made="2026-01-02T00:00:00+00:00"))
        history.add(a_run(draw=0))
        history.add(a_run(draw=0, made="2026-01-03T00:00:00+00:00"))
        assert len(history.runs()) == 3

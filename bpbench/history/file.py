"""The history's file, read and written: runs, named baselines and decisions.

Whatever takes a number does so in the transaction that writes it, so two writers never give out one number twice, and a
writer that is killed leaves the history as it was.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from bpbench.errors import RequestError, nearest
from bpbench.history.opening import malformed, opened, told
from bpbench.history.records import Baseline, Decision, Json, Kept, Record, Run, now
from bpbench.history.union import Place, ReadIn, joined, moved, numbered, places, settled

R = TypeVar("R", bound=Kept)

_INSERT: Final[dict[type, str]] = {
    Run: "INSERT INTO runs (id, body) VALUES (?, ?)",
    Decision: "INSERT INTO decisions (id, body) VALUES (?, ?)",
    Baseline: "INSERT INTO baselines (id, body) VALUES (?, ?)",
}


def default_history() -> Path:
    """Return ``BPBENCH_HISTORY``, or ``.bpbench/history.sqlite`` below the working folder."""
    return Path(os.environ.get("BPBENCH_HISTORY") or ".bpbench/history.sqlite")


class History:
    """A history, open; a context manager that closes it.

    Parameters
    ----------
    path : path-like
        The file.
    create : bool
        Whether a missing file is made, with its folder; verbs that only read say no.
    wait_s : float
        How long another writer is waited for, in seconds.

    Raises
    ------
    StoreError
        When there is none, it is not a history, is of a newer bpbench, damaged, or in use for longer than is waited.
        Every method raises it too, when the file cannot be read or written; then nothing was changed.
    """

    def __init__(self, path: str | Path, *, create: bool = True, wait_s: float = 30.0) -> None:
        self.path = Path(path)
        self._wait_s = wait_s
        self._connection = opened(self.path, create=create, wait_s=wait_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def require_writable(self) -> None:
        """Refuse a file that cannot be written, before anything is made that would have to be kept there."""
        with self._writing():
            pass

    def studies(self) -> list[str]:
        """Return the names of the studies that have runs, in order."""
        return [name for (name,) in self._rows("SELECT DISTINCT study FROM runs ORDER BY study")]

    def runs(self, study: str | None = None) -> list[Run]:
        """Return the runs of a study in order of their numbers, or those of all studies, one after another.

        Raises
        ------
        RequestError
            For a study without runs; the nearest is offered.
        """
        if study is None:
            return self._read(Run, "SELECT body FROM runs ORDER BY study, number")
        self._known(study)
        return self._read(Run, "SELECT body FROM runs WHERE study = ? ORDER BY number", study)

    def run(self, study: str, number: int) -> Run:
        """Return one run.

        Raises
        ------
        RequestError
            For an unknown study, or a number it has not; those it has are listed.
        """
        self._known(study)
        found = self._read(Run, "SELECT body FROM runs WHERE study = ? AND number = ?", study, number)
        if not found:
            held = [held for (held,) in self._rows("SELECT number FROM runs WHERE study = ? ORDER BY number", study)]
            raise RequestError(
                f"Study '{study}' has no run {number}; there {'is' if len(held) == 1 else 'are'} {_listed(held)}."
            )
        return found[0]

    def next_draw(self, study: str) -> int:
        """Return the draw of seeds that no run of a study had so far: one more than the highest, 1 for a new study."""
        return self._count("SELECT coalesce(max(draw), 0) FROM runs WHERE study = ?", study) + 1

    def add(self, run: Run) -> Run:
        """Record a run under the next number of its study.

        Parameters
        ----------
        run : Run
            Its own number does not count.

        Returns
        -------
        Run
            With the number it has now.

        Raises
        ------
        RequestError
            If this very run is recorded, or one of its draw, as when two processes recorded at the same time.
        """
        with self._writing():
            for (number,) in self._rows("SELECT number FROM runs WHERE id = ?", run.id):
                raise RequestError(f"These very results are recorded as run {number} of study '{run.study}'.")
            twice = "SELECT number FROM runs WHERE study = ? AND draw = ? AND draw > 0"
            for (number,) in self._rows(twice, run.study, run.draw):
                raise RequestError(
                    f"Draw {run.draw} of study '{run.study}' is recorded as run {number}, and the same seeds twice are "
                    "no two runs; record again, for the next draw."
                )
            highest = self._count("SELECT coalesce(max(number), 0) FROM runs WHERE study = ?", run.study)
            return self._insert(dataclasses.replace(run, number=highest + 1))

    def name_baseline(self, study: str, name: str, numbers: Sequence[int]) -> Baseline:
        """Give a name to one run or several; an older baseline of that name is kept, and this one is meant from now on.

        Parameters
        ----------
        study, name : str
            Whose runs, and what to call them.
        numbers : sequence of int
            Numbers of the runs; one that stands twice counts once.

        Returns
        -------
        Baseline
            As it is recorded.

        Raises
        ------
        RequestError
            Without a name or a run, or for an unknown study or number.
        """
        if not name.strip():
            raise RequestError("A baseline needs a name, and this one is empty.")
        if not numbers:
            raise RequestError(f"Baseline '{name}' of study '{study}' needs at least one run; give its number.")
        with self._writing():
            runs = tuple(self.run(study, number).id for number in sorted(set(numbers)))
            return self._insert(Baseline(study, name, runs, now()))

    def baseline(self, study: str, name: str) -> tuple[Baseline, tuple[Run, ...]]:
        """Return the newest baseline of a name, and its runs in order of their numbers.

        Raises
        ------
        RequestError
            For an unknown study, or a name it has not; the nearest is offered.
        """
        held = self.baselines(study)
        newest = {baseline.name: baseline for baseline in held}
        if not newest:
            raise RequestError(f"Study '{study}' has no baseline; `bpbench track baseline` names one.")
        if name not in newest:
            raise RequestError(f"Study '{study}' has no baseline '{name}'{nearest(name, newest)}")
        found = newest[name]
        runs = [run for each in found.runs for run in self._read(Run, "SELECT body FROM runs WHERE id = ?", each)]
        return found, tuple(sorted(runs, key=lambda run: run.number))

    def baselines(self, study: str) -> list[Baseline]:
        """Return every baseline that was named for a study, the newest last.

        Raises
        ------
        RequestError
            For a study without runs; the nearest is offered.
        """
        self._known(study)
        return self._read(Baseline, "SELECT body FROM baselines WHERE study = ? ORDER BY made, id", study)

    def decide(
        self, line: str, question: str, evidence: str, make: Callable[[int, list[Decision]], Json]
    ) -> tuple[Decision, bool]:
        """Return the recorded answer to a question with this evidence, or make and record one, in one transaction.

        Parameters
        ----------
        line : str
            The sequence of looks.
        question, evidence : str
            Digests of what is asked, and of the results.
        make : callable
            Is given the number of this look and the decisions before it, and returns the answer; asked only if none is
            recorded. If it raises, nothing is written and no number is spent.

        Returns
        -------
        Decision
            As it is recorded.
        bool
            Whether it was made now.
        """
        with self._writing():
            earlier = self.decisions(line)
            for decision in earlier:
                if (decision.question, decision.evidence) == (question, evidence):
                    return decision, False
            # Histories brought together may have a gap among their numbers: count on from the highest, never below.
            number = max((decision.number for decision in earlier), default=0) + 1
            body = make(number, earlier)
            return self._insert(Decision(line, number, question, evidence, now(), body)), True

    def decisions(self, line: str | None = None) -> list[Decision]:
        """Return the decisions of a line in order of their numbers, or those of all lines; none for an unknown line."""
        if line is None:
            return self._read(Decision, "SELECT body FROM decisions ORDER BY line, number")
        return self._read(Decision, "SELECT body FROM decisions WHERE line = ? ORDER BY number", line)

    def asked(self, question: str) -> list[Decision]:
        """Return every decision about a question, whatever its evidence, the newest last."""
        return self._read(Decision, "SELECT body FROM decisions WHERE question = ? ORDER BY made, id", question)

    def records(self) -> list[Record]:
        """Return everything there is, as of one moment."""
        with self._transaction("BEGIN"):
            baselines = self._read(Baseline, "SELECT body FROM baselines ORDER BY study, made, id")
            return [*self.runs(), *self.decisions(), *baselines]

    def unite(self, records: Sequence[Record]) -> ReadIn:
        """Take in what is not there yet, all of it or, if that fails, nothing.

        Parameters
        ----------
        records : sequence of Run, Decision or Baseline
            Of another history; a baseline's runs are among them or here.

        Returns
        -------
        ReadIn
            How many were new, and what has another number now; see :mod:`bpbench.history.union`.
        """
        fresh = {record.id: record for record in records}
        coming = places(records)
        with self._writing():
            held = self._places()
            known = {*held, *(name for (name,) in self._rows("SELECT id FROM baselines"))}
            numbers = settled(joined(held, coming))
            self._renumber({name: numbers[name] for name, place in held.items() if place.number != numbers[name]})
            added = [record for name, record in fresh.items() if name not in known]
            for record in added:
                self._insert(numbered(record, numbers))
        before = {**coming, **held}
        renumbered = [moved(place, numbers[name]) for name, place in before.items() if place.number != numbers[name]]
        return ReadIn(len(added), len(fresh) - len(added), tuple(sorted(renumbered)))

    def _places(self) -> dict[str, Place]:
        rows = self._rows(
            "SELECT id, 'run', study, number, made FROM runs "
            "UNION ALL SELECT id, 'decision', line, number, made FROM decisions"
        )
        return {name: Place(*place) for name, *place in rows}

    def _renumber(self, numbers: Mapping[str, int]) -> None:
        moving: list[Record] = []
        for name in numbers:
            moving += self._read(Run, "SELECT body FROM runs WHERE id = ?", name)
            moving += self._read(Decision, "SELECT body FROM decisions WHERE id = ?", name)
            self._rows("DELETE FROM runs WHERE id = ?", name)
            self._rows("DELETE FROM decisions WHERE id = ?", name)
        for record in moving:  # when all have left, since one may go where another was
            self._insert(numbered(record, numbers))

    def _known(self, study: str) -> None:
        studies = self.studies()
        if study not in studies:
            raise RequestError(f"The history {self.path} has no study '{study}'{nearest(study, studies) or '.'}")

    def _insert(self, record: R) -> R:
        body = json.dumps(record.plain, sort_keys=True, ensure_ascii=False, allow_nan=False)
        self._rows(_INSERT[type(record)], record.id, body)
        return type(record).of_plain(json.loads(body))

    def _read(self, kind: type[R], query: str, *values: Any) -> list[R]:
        try:
            return [kind.of_plain(json.loads(body)) for (body,) in self._rows(query, *values)]
        except (ValueError, TypeError, RecursionError, RequestError) as error:
            raise malformed(self.path, error) from error

    def _count(self, query: str, *values: Any) -> int:
        ((count,),) = self._rows(query, *values)
        return int(count)

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with told(self.path, self._wait_s):
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        self._rows(begin)
        try:
            yield
            self._rows("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # a full disk has ended it already
                self._rows("ROLLBACK")
            raise

    def _writing(self) -> AbstractContextManager[None]:
        """Hold the file against other writers from the first look to the last word."""
        return self._transaction("BEGIN IMMEDIATE")


def _listed(numbers: Sequence[int]) -> str:
    """Return runs of a study in words, such as ``runs 1 to 4 and 6``, stretches of them by their ends."""
    stretches: list[list[int]] = []
    for number in numbers:
        if stretches and number == stretches[-1][-1] + 1:
            stretches[-1].append(number)
        else:
            stretches.append([number])
    words = [f"{each[0]} to {each[-1]}" if len(each) > 1 else str(each[0]) for each in stretches]
    noun = "run" if len(numbers) == 1 else "runs"
    return f"{noun} {' and '.join([', '.join(words[:-1]), words[-1]] if words[:-1] else words)}"

"""A live display of a run: what runs, what is done, and how long it may still take."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from bpbench.jobs import Job
from bpbench.runner import work
from bpbench.runner.executed import Failure

#: Running jobs that the panel shows one by one; of more it shows how many there are of each kind.
ROWS: Final = 16


@dataclass(slots=True)
class _Spent:
    """What the jobs of a kind that have ended took, and were expected to take, s."""

    taken: float = 0.0
    expected: float = 0.0

    def add(self, taken: float, expected: float) -> None:
        self.taken += taken
        self.expected += expected


class Progress:
    """A watcher that draws on stderr: a live panel on a terminal, a line now and then elsewhere.

    The time left is the expected cost of what is missing, rescaled for each kind of job by what jobs of that kind have
    taken in this run, divided by the number of workers; ``?`` until the first job has ended.

    Parameters
    ----------
    expected : callable
        Expected seconds of a job.
    clock : callable, optional
        Seconds, for tests.
    growing : bool
        Whether more jobs will be asked for when these are done, as searches do; totals are then those so far.
    """

    def __init__(
        self, expected: Callable[[Job], float], clock: Callable[[], float] = time.monotonic, *, growing: bool = False
    ) -> None:
        from rich.console import Console

        self.console = Console(stderr=True)
        self.expected = expected
        self.clock = clock
        self.left: dict[Job, float] = {}
        self.ahead: dict[str, float] = {}
        self.running: dict[Job, float] = {}
        self.done: Counter[str] = Counter()
        self.failed = 0
        self.total = 0
        self.workers = 1
        self.spent: dict[str, _Spent] = {}
        self.live: Any = None
        self.said: float | None = None
        self.growing = growing

    def begin(self, jobs: Sequence[Job], workers: int) -> None:
        """Open the display."""
        self.left = {job: self.expected(job) for job in jobs}
        self.ahead = {}
        for job, seconds in self.left.items():
            kind = work.label(job)
            self.ahead[kind] = self.ahead.get(kind, 0.0) + seconds
        self.total, self.workers = self.total + len(jobs), workers
        if jobs and self.console.is_terminal:
            from rich.live import Live

            self.live = Live(get_renderable=self._panel, console=self.console, refresh_per_second=4, transient=True)
            self.live.start()
        elif jobs and self.said is None:
            more = " to begin with" if self.growing else ""
            on = f"{workers} process{'es' if workers > 1 else ''}"
            count = f"{len(jobs)} job{'s' if len(jobs) > 1 else ''}"
            self.console.print(f"{count}{more} on {on}", highlight=False)
        self.said = self.clock() if self.said is None else self.said

    def started(self, job: Job) -> None:
        """Show a job as running."""
        self.running[job] = self.clock()

    def finished(self, job: Job, seconds: float, failure: Failure | None) -> None:
        """Show a job as done or failed."""
        self.running.pop(job, None)
        kind = work.label(job)
        expected = self.left.pop(job, 0.0)
        self.ahead[kind] = self.ahead.get(kind, 0.0) - expected
        if failure is None:
            self.done[kind] += 1
            self.spent.setdefault(kind, _Spent()).add(seconds, expected)
        else:
            self.failed += 1
            self.console.print(f"failed: {kind}: {failure.message}", markup=False, highlight=False, soft_wrap=True)
        if self.live is None and self.said is not None and self.clock() - self.said > 15:
            self.said = self.clock()
            self.console.print(self._line(), markup=False, highlight=False)

    def note(self, text: str) -> None:
        """Print a sentence above the display."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def end(self) -> None:
        """Close the display."""
        if self.live is not None:
            self.live.stop()
            self.live = None
        self.running.clear()

    def __enter__(self) -> Self:
        """Return itself; leaving closes the display also after an error."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Close the display."""
        self.end()

    def seconds_left(self) -> float | None:
        """Return the expected wall time of what is left, or None before any job has ended."""
        if not self.spent:
            return None
        spent = list(self.spent.values())
        overall = _ratio(sum(each.taken for each in spent), sum(each.expected for each in spent))
        seconds = 0.0
        for kind, expected in list(self.ahead.items()):  # what was subtracted may leave less than nothing
            seen = self.spent.get(kind)
            seconds += max(0.0, expected) * (overall if seen is None else _ratio(seen.taken, seen.expected))
        return seconds / self.workers

    def _line(self) -> str:
        left = self.seconds_left()
        text = f"{sum(self.done.values())} of {self.total} jobs{' so far' if self.growing else ''} done"
        if self.failed:
            text += f", {self.failed} failed"
        if self.growing:  # what is still to be asked for depends on the answers
            return text
        return f"{text}, about {_duration(left)} left" if left is not None else f"{text}, time left: ?"

    def _panel(self) -> Any:
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        table.add_row(Text(self._line(), style="bold"))
        now, running = self.clock(), list(self.running.items())
        if len(running) <= ROWS:
            for job, since in running:
                table.add_row(Text(f"  {work.label(job)}  {now - since:.0f} s"))
            return table
        kinds: dict[str, list[float]] = {}
        for job, since in running:
            kinds.setdefault(work.label(job), []).append(now - since)
        for kind, times in kinds.items():
            table.add_row(Text(f"  {len(times)} × {kind}  up to {max(times):.0f} s"))
        return table


def _ratio(taken: float, expected: float) -> float:
    return taken / expected if expected > 0 else 1.0


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"

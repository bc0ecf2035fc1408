"""A live display of a run: what runs, what is done, and how long it may still take."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from bpbench.jobs import Job
from bpbench.runner import work
from bpbench.runner.execute import Failure


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
        self.running: dict[Job, float] = {}
        self.done: Counter[str] = Counter()
        self.failed = 0
        self.total = 0
        self.workers = 1
        self.spent: dict[str, list[tuple[float, float]]] = {}
        self.live: Any = None
        self.said: float | None = None
        self.growing = growing

    def begin(self, jobs: Sequence[Job], workers: int) -> None:
        """Open the display."""
        self.left = {job: self.expected(job) for job in jobs}
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
        if failure is None:
            self.done[kind] += 1
            self.spent.setdefault(kind, []).append((seconds, expected))
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
        overall = _ratio([pair for pairs in self.spent.values() for pair in pairs])
        seconds = 0.0
        for job, expected in self.left.items():
            pairs = self.spent.get(work.label(job))
            seconds += expected * (_ratio(pairs) if pairs else overall)
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
        for job, since in list(self.running.items()):
            table.add_row(Text(f"  {work.label(job)}  {self.clock() - since:.0f} s"))
        return table


def _ratio(pairs: Sequence[tuple[float, float]]) -> float:
    taken, expected = sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
    return taken / expected if expected > 0 else 1.0


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"

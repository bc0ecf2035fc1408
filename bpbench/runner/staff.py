"""Who works for one call after another: this process, or others that come with the first call that needs them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from bpbench.runner import processes
from bpbench.runner.crew import Crew, Here, Say
from bpbench.runner.dask_crew import DaskCrew
from bpbench.runner.engine import Engine
from bpbench.runner.store import Store


@dataclass(frozen=True, slots=True)
class _Held:
    """What was started, and how to end it."""

    stack: ExitStack
    crew: DaskCrew
    root: str


class Staff:
    """Processes that work for one call of :func:`~bpbench.runner.execute.execute` after another.

    They start with the first call that needs them.

    Parameters
    ----------
    engine : Engine
        Where they are.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._held: _Held | None = None

    def at_once(self, jobs: int, store: Store, say: Say) -> int:
        """Return how many of so many jobs are done at once, at most."""
        if self.engine.elsewhere:
            return self.crew(jobs, store, say).size if jobs else 1
        return max(1, min(self.engine.workers, jobs))

    def crew(self, jobs: int, store: Store, say: Say) -> Crew:
        """Return who does so many jobs: this process for one at a time, else processes, as many as are of use or more.

        Parameters
        ----------
        jobs : int
            How many there are.
        store : Store
            Where results go.
        say : callable
            Is told where the workers' dashboard is.
        """
        size = jobs if self.engine.elsewhere else self.at_once(jobs, store, say)
        if size == 1 and not self.engine.elsewhere:
            return Here(store)
        root = str(store.root.resolve())
        if self._held is None or self._held.root != root or not (self.engine.elsewhere or self._held.crew.size >= size):
            self.dismiss()
            stack = ExitStack()
            opened = processes.opened(self.engine, size, store, say)
            self._held = _Held(stack, stack.enter_context(opened), root)
        return self._held.crew

    def nobody_else(self, store: Store) -> Crew:
        """Return this process, after all others have ended."""
        self.dismiss()
        return Here(store)

    def workers(self) -> list[dict[str, Any]]:
        """Return what is known of the processes that are there now; nothing before the first call that needs some."""
        return [] if self._held is None else self._held.crew.workers()

    def dismiss(self) -> None:
        """End all processes, or let go of those that were there before; the next call that needs some has them anew."""
        if self._held is not None:
            held, self._held = self._held, None
            held.stack.close()

    def __enter__(self) -> Self:
        """Return itself; leaving ends all processes."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """End all processes."""
        self.dismiss()

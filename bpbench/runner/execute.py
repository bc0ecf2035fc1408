"""Get the results of jobs: load what is stored, make what is not, in one process or many.

The driver hands out bundles of jobs, dependencies first and never more than there are workers, so it always knows what
runs; where jobs are short and many, each process of this machine has one more ahead, and begins it without waiting for
the driver. Who has done trainings of a cohort goes on with it, and who waits for the results of others loads meanwhile
what later jobs need, those that it will do. Workers write to the store themselves; the driver hears only how it went:

- a job that raises becomes a :class:`Failure`, and with it the jobs that need its result; everything else goes on;
- a job whose worker died is tried again, and fails after a few deaths, as it may be what kills them;
- a job that finds a result of another damaged waits until that is made again;
- when the time is up, nothing more is started, and what runs comes to its end.

Jobs in which a clock runs come last: when all others have ended and the workers are gone, one at a time, in this
process and in the order in which they were asked for.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from bpbench.errors import RequestError
from bpbench.identity import address
from bpbench.jobs import Command, Job, Train, as_typed
from bpbench.runner import work
from bpbench.runner.crew import Crew, Ended
from bpbench.runner.engine import HERE, Engine
from bpbench.runner.executed import Executed, Failure, Silent, Watcher
from bpbench.runner.graph import missing
from bpbench.runner.line import Line, loads
from bpbench.runner.shielded import hearing
from bpbench.runner.staff import Staff
from bpbench.runner.store import Store
from bpbench.runner.worker import Done

#: How often a result that turns out damaged is made again.
REMADE: Final = 3
#: Seconds that a bundle of small jobs should take.
BUNDLE_S: Final = 3.0


def programs(todo: Iterable[Job]) -> list[str]:
    """Return what some jobs would run, each step once, as a protocol has its words."""
    models = [job.model for job in todo if isinstance(job, Train) and isinstance(job.model, Command)]
    return list(dict.fromkeys(as_typed(step) for model in models for step in model.run))


def refuse_commands(todo: Iterable[Job]) -> None:
    """Refuse jobs that would run a program which a protocol names.

    Raises
    ------
    RequestError
        With the programs; nothing was started.
    """
    named = programs(todo)
    if named:
        raise RequestError(
            f"The protocol runs programs on this machine, and whoever wrote it may have named any: {'; '.join(named)}. "
            "Read what they do, and say --allow-commands if you trust them; nothing was started."
        )


def at_once(todo: Sequence[Job], workers: int) -> int:
    """Return how many of these jobs run at once, at most."""
    return max(1, min(workers, sum(not work.alone(job) for job in todo)))


def execute(
    jobs: Sequence[Job],
    store: Store,
    *,
    engine: Engine = HERE,
    watcher: Watcher | None = None,
    staff: Staff | None = None,
    allow_commands: bool = False,
) -> Executed:
    """Make every job's result exist in the store, as far as they succeed.

    Parameters
    ----------
    jobs : sequence of Job
        What is wanted.
    store : Store
        Where results are and go.
    engine : Engine
        Where jobs run; by default in this process.
    watcher : Watcher, optional
        Told about every start and end.
    staff : Staff, optional
        Processes that stay for the next call, in place of those of ``engine``, which come and go with this call.
    allow_commands : bool
        Whether programs that a protocol names may be run.

    Returns
    -------
    Executed
        What was made, loaded and failed.

    Raises
    ------
    StoreError
        When results cannot be written: nothing could be kept, so nothing more is started.
    ReadOnlyError
        When something is missing in a store that may only be read; nothing was started.
    EngineError
        When the workers are lost, or have other versions.
    RequestError
        When a program would be run and that is not allowed; nothing was started.
    """
    if staff is None:
        with Staff(engine) as own:
            return execute(jobs, store, watcher=watcher, staff=own, allow_commands=allow_commands)
    watcher = watcher or Silent()
    todo = missing(jobs, store)
    if not allow_commands:
        refuse_commands(todo)
    store.require_writable(len(todo))
    store.sweep()
    seconds: dict[Job, float] = {}
    failures: dict[Job, Failure] = {}
    left: set[Job] = set()
    together, alone = [[job for job in todo if work.alone(job) is kind] for kind in (False, True)]
    watcher.begin(todo, staff.at_once(len(together), store, watcher.note))
    for kind in (together, alone):
        if left:  # of those that run alone, some may need what was not started
            left.update([job for job in kind if not left.isdisjoint(work.needs(job))])
        jobs_here = [job for job in kind if job not in left]
        if not jobs_here:
            continue
        with hearing() as heard:
            crew = staff.crew(len(jobs_here), store, watcher.note) if kind is together else staff.nobody_else(store)
            drive = _Drive(jobs_here, store, crew, watcher, set(failures))
            for job, wall, failure in drive.run(staff.engine.until):
                seconds[job] = wall
                if failure is not None:
                    failures[job] = failure
                watcher.finished(job, wall, failure)
                if heard:
                    raise KeyboardInterrupt
            left.update(drive.left)
    store.sweep()  # what a worker that died meanwhile had begun to write
    watcher.end()
    work.forget()
    made = len(seconds) - len(failures)
    return Executed(made, len(set(jobs) - set(todo)), seconds, failures, frozenset(left))


Told = tuple[Job, float, Failure | None]


@dataclass(slots=True)
class _Pace:
    """How long jobs of a kind have taken in this call, on the average."""

    jobs: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)

    def saw(self, kind: str, wall: float) -> None:
        self.jobs[kind] += 1
        self.seconds[kind] += wall  # type: ignore[assignment]

    def of(self, kind: str) -> float | None:
        """Return the mean, ``None`` before the first has ended."""
        return self.seconds[kind] / self.jobs[kind] if self.jobs[kind] else None


class _Drive:
    """One call's jobs on one crew."""

    def __init__(self, todo: Sequence[Job], store: Store, crew: Crew, watcher: Watcher, failed: set[Job]) -> None:
        self.store, self.crew, self.watcher = store, crew, watcher
        self.line = Line(todo, failed)
        self.pace = _Pace()
        self.deaths: Counter[Job] = Counter()
        self.remade: Counter[tuple[Job, Job]] = Counter()
        self.suspects: deque[Job] = deque()
        self.suspected: Job | None = None
        self.left: list[Job] = []
        #: Of each kind of which no job was handed out yet, for which ones workers may still get ready.
        self.coming = loads(todo, crew.size)
        #: By how many each cohort is done now, or loaded for; who came back last, the cohort that it did, where it has
        #: nothing to do, and the first job of what it does now.
        self.doing: Counter[Hashable] = Counter()
        self.back = ""
        self.did: Hashable = None
        self.does: Job | None = None

    def run(self, until: float | None) -> Iterator[Told]:
        """Hand out jobs as workers become free, and yield each that ended."""
        yield from self._lost()
        while len(self.line):
            if until is not None and time.monotonic() > until:
                self._leave(())
            while self.crew.free() and (bundle := self._next(until)):
                if until is not None and time.monotonic() + (self.pace.of(work.label(bundle[0])) or 0.0) > until:
                    self._leave(bundle)
                    break
                self._started(bundle)
                self.crew.submit(bundle)
                self.does = self.does or bundle[0]
            if self.crew.ahead and until is None:
                self._send_ahead()
            self._use_idle()
            if not len(self.line):  # everything that was left is left
                break
            for told in self._hear(self.crew.next(self._waiting(), until)):
                yield told
                yield from self._lost()

    def _started(self, bundle: Sequence[Job]) -> None:
        for job in bundle:
            self.watcher.started(job)
        self.coming.pop(work.label(bundle[0]), None)
        self.doing[work.cohort(bundle[0])] += 1

    def _send_ahead(self) -> None:
        """Have who came back last find another bundle when it has done what it does now, without waiting for us.

        Only where both are short and many more jobs are left, as nobody else does then what was sent to it.
        """
        does, back = self.does, self.back
        self.does, self.back = None, ""
        if does is None or not back or not self.line.ready or self.suspects or self.suspected is not None:
            return
        cohort = self.line.next_cohort(work.cohort(does), self.doing)
        fitting = min(self._fitting(each, BUNDLE_S) for each in (does, self.line.first(cohort)))
        if many := min(fitting, self._share()):
            bundle = self.line.take_alike(cohort, many, work.label)
            self._started(bundle)
            self.crew.submit(bundle, behind=back)

    def _share(self) -> int:
        """Return how many jobs go together at most, so that in the end every worker has its share.

        It is half of that, as who was faster should find another bundle.
        """
        return min(self.crew.bundle, self.line.ready // (2 * self.crew.size))

    def _fitting(self, job: Job, span: float) -> int:
        """Return how many jobs of a kind fit into so many seconds; 0 where that is not known."""
        took = self.pace.of(work.label(job))
        return 0 if took is None else int(span / max(took, 1e-6))

    def _use_idle(self) -> None:
        """Have workers that wait for the results of others load meanwhile what the jobs behind these need."""
        for jobs in self.coming.values():
            while jobs and self.crew.free():
                job = jobs.pop(0)
                if self.crew.get_ready(job):
                    self.doing[work.cohort(job)] += 1  # it will do that cohort, others begin another

    def _leave(self, bundle: Iterable[Job]) -> None:
        """Start nothing more: neither this bundle nor anything that is in line."""
        for job in (*bundle, *self.suspects):
            self.line.back(job)
        self.suspects.clear()
        self.suspected = None
        self.coming.clear()
        self.left += self.line.leave()

    def _next(self, until: float | None) -> list[Job]:
        """Return the jobs that go to a worker next, no more of them than end in time.

        One that may kill workers goes alone, and one such at a time.
        """
        if self.suspects and self.suspected is None:
            self.suspected = self.suspects.popleft()
            return [self.suspected]
        if not self.line.ready:
            return []
        own, self.did = self.did, None
        cohort = self.line.next_cohort(own, self.doing)
        span = BUNDLE_S if until is None else min(BUNDLE_S, until - time.monotonic())
        fitting = self._fitting(self.line.first(cohort), span)
        many = max(1, min(fitting, self._share()))
        return self.line.take_alike(cohort, many, work.label)

    def _waiting(self) -> int:
        """Return how many jobs could be handed out, if somebody were free."""
        return self.line.ready + (len(self.suspects) if self.suspected is None else 0)

    def _lost(self) -> Iterator[Told]:
        while self.line.lost:
            job, bad = self.line.lost.pop()
            yield job, 0.0, Failure(f"It needs the result of '{work.label(bad)}', which failed.")

    def _hear(self, ended: Ended) -> Iterator[Told]:
        if (job := ended.loaded or next(iter(ended.jobs), None)) is not None:
            cohort = work.cohort(job)
            self.doing[cohort] -= 1
            if not self.doing[cohort]:
                del self.doing[cohort]
            self.back, self.did, self.does = ended.by, None if ended.now else cohort, next(iter(ended.now), None)
        if self.suspected is not None and self.suspected in ended.jobs:
            self.suspected = None
        if ended.death is not None:
            yield from self._died(ended.jobs, ended.death)
            return
        for job, done in zip(ended.jobs, ended.done, strict=True):
            if done.lacking is not None:
                yield from self._again(job, done)
                continue
            self.pace.saw(work.label(job), done.wall_s)
            yield self._ended(job, done.wall_s, done.message)

    def _ended(self, job: Job, wall: float, message: str | None) -> Told:
        if message is None:
            self.line.made(job)
            return job, wall, None
        self.line.fail(job)
        return job, wall, Failure(message)

    def _died(self, jobs: Sequence[Job], why: str) -> Iterator[Told]:
        """Count a death against each job that may have caused it; what got its result before that is done."""
        for job in jobs:
            if self.store.has(job):
                yield self._ended(job, 0.0, None)
                continue
            self.deaths[job] += 1
            # Of several only one was being done: none is blamed before it was alone with a process that died.
            if len(jobs) == 1 and self.deaths[job] >= self.crew.deaths:
                n = self.deaths[job]
                once, more = f"Its worker process died ({why}).", f"Its worker process died {n} times ({why})."
                yield self._ended(job, 0.0, once if n == 1 else more)
            else:
                self.suspects.append(job)

    def _again(self, job: Job, done: Done) -> Iterator[Told]:
        """Have a result that a job needs made again."""
        need = next((each for each in _all_needs(job) if address(each) == done.lacking), None)
        if need is not None:
            self.remade[job, need] += 1
        if need is None or self.remade[job, need] > REMADE:
            what = work.label(need or job)
            yield self._ended(job, 0.0, f"The result of '{what}' that it needs was not whole: {done.why}.")
            return
        # Others found the same, and it may be in line already, or made again by now.
        lacking = [] if need in self.line else missing([need], self.store)
        if lacking:
            what = work.label(need)
            self.watcher.note(f"The stored result of '{what}' was not whole ({done.why}); it is made again.")
        self.line.back(job, lacking)


def _all_needs(job: Job) -> Iterator[Job]:
    """Yield the jobs that a job needs, and those that these need in turn."""
    for need in work.needs(job):
        yield need
        yield from _all_needs(need)

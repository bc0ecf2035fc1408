"""Getting results: needs first, failures recorded, everything else goes on."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from bpbench.errors import DataError, StoreError
from bpbench.features import G2
from bpbench.identity import address
from bpbench.jobs import Describe, FrameSource, Job, Linear, MakeFrames, Ping, RandomForest, Split, TimeDescribe, Train
from bpbench.runner import execute as execute_module
from bpbench.runner import line as in_line
from bpbench.runner import presence, processes, work
from bpbench.runner.crew import Ended
from bpbench.runner.engine import Engine
from bpbench.runner.execute import REMADE, _Drive, _Pace, execute
from bpbench.runner.executed import Failure, Silent
from bpbench.runner.graph import missing
from bpbench.runner.progress import Progress
from bpbench.runner.store import Outcome, Store
from bpbench.runner.worker import Done

MAKE = MakeFrames(FrameSource(path="a", sha256="00"))
FUNCTIONS = (G2(1.0, 0.0, 6.0), G2(2.0, 0.0, 6.0))
CHUNKS = tuple(Describe(MAKE, FUNCTIONS, first, first + 1) for first in range(3))


def training(seed: int) -> Train:
    return Train(MAKE, CHUNKS, FUNCTIONS[:1], Linear("linear"), Split(0.2, 0.2, 1, 1), seed, 0)


@pytest.fixture
def did(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """Replace the physics by a list of what was performed."""
    performed: list[Job] = []

    def perform(job: Job, load: Callable[[Job], Outcome]) -> Outcome:
        for need in work.needs(job):
            load(need)
        performed.append(job)
        return Outcome({"status": "done"})

    monkeypatch.setattr(work, "perform", perform)
    monkeypatch.setattr(work, "lay_out", lambda *_: 0)
    return performed


def test_needs_come_first_and_once(tmp_path: Path, did: list[Job]) -> None:
    """Asking for trainings alone also makes frames and chunks, each once and before its users."""
    went = execute([training(1), training(2), training(1)], Store(tmp_path))
    assert did[0] == MAKE
    assert set(did[1:4]) == set(CHUNKS)
    assert did[4:] == [training(1), training(2)]
    assert (went.made, went.failures) == (6, {})


def test_an_interrupt_that_a_library_swallowed_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C within a callback whose exceptions are dropped still ends the run, after the job at hand."""
    performed: list[Job] = []

    def perform(job: Job, _load: Callable[[Job], Outcome]) -> Outcome:
        performed.append(job)
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        return Outcome({"status": "done"})

    monkeypatch.setattr(work, "perform", perform)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        execute([training(1)], Store(tmp_path))
    assert performed == [MAKE]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_cohort_runs_together(tmp_path: Path, did: list[Job]) -> None:
    """Trainings on the same inputs follow one another, in the order asked for; the others wait behind them."""
    other = [replace(training(seed), functions=FUNCTIONS[1:]) for seed in (1, 2)]
    execute([training(1), other[0], training(2), other[1]], Store(tmp_path))
    assert did[4:] == [training(1), training(2), *other]
    assert work.cohort(training(1)) == work.cohort(training(2)) != work.cohort(other[0])
    assert work.cohort(MAKE) is None


def test_what_is_stored_is_not_made_again(tmp_path: Path, did: list[Job]) -> None:
    """A second call finds everything; a new training makes only itself, even when its chunks are gone from memory."""
    store = Store(tmp_path)
    execute([training(1)], store)
    did.clear()
    assert execute([training(1), *CHUNKS], store).loaded == 4
    assert did == []
    assert missing([training(2)], store) == [training(2)]


def test_a_job_that_raises_becomes_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One failing training does not stop the others, and its message is kept; it is tried again at the next call."""

    def perform(job: Job, load: Callable[[Job], Outcome]) -> Outcome:  # noqa: ARG001 - the signature of the original
        if job == training(1):
            raise DataError("The frames are crooked.")
        if job == training(2):
            raise ZeroDivisionError("oops")
        return Outcome({"status": "done"})

    monkeypatch.setattr(work, "perform", perform)
    monkeypatch.setattr(work, "lay_out", lambda *_: 0)
    store = Store(tmp_path)
    went = execute([training(k) for k in range(4)], store)
    assert went.failures == {
        training(1): Failure("The frames are crooked."),
        training(2): Failure("ZeroDivisionError: oops"),
    }
    assert store.has(training(3))
    assert missing([training(1)], store) == [training(1)]


def test_a_failed_need_fails_its_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a chunk fails, the trainings on it are failures that say so, and nothing hangs."""

    def perform(job: Job, load: Callable[[Job], Outcome]) -> Outcome:  # noqa: ARG001 - the signature of the original
        if job == CHUNKS[1]:
            raise DataError("Coincident atoms.")
        return Outcome({"status": "done"})

    monkeypatch.setattr(work, "perform", perform)
    went = execute([training(1)], Store(tmp_path))
    assert went.failures[CHUNKS[1]] == Failure("Coincident atoms.")
    assert went.failures[training(1)] == Failure("It needs the result of 'describe', which failed.")


def test_a_store_that_cannot_be_written_stops_the_run(
    tmp_path: Path, did: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is no failure of one job: the run stops with its sentence."""

    def full(*_: object) -> None:
        raise StoreError("The result of a job could not be written to x: No space left on device.")

    monkeypatch.setattr(Store, "save", full)
    with pytest.raises(StoreError, match="No space left"):
        execute([training(1)], Store(tmp_path))
    assert did == [MAKE]


def test_the_time_left_is_learnt_from_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    """The estimate is ? at first, then the expected cost rescaled per kind by what its jobs took, over the workers."""
    now = [0.0]
    progress = Progress(lambda job: 10.0 if isinstance(job, Train) else 1.0, clock=lambda: now[0])
    jobs: list[Job] = [*CHUNKS, training(1), training(2)]
    progress.begin(jobs, 2)
    assert progress.seconds_left() is None
    progress.started(CHUNKS[0])
    progress.finished(CHUNKS[0], 3.0, None)
    assert progress.seconds_left() == pytest.approx((2 * 3 + 20 * 3) / 2)
    progress.finished(training(1), 40.0, None)
    assert progress.seconds_left() == pytest.approx((2 * 3 + 40) / 2)
    now[0] = 16.0
    progress.finished(CHUNKS[1], 3.0, Failure("[red] is no colour"))
    assert "failed: describe: [red] is no colour" in capsys.readouterr().err
    progress.end()


def test_no_work_starts_no_workers(tmp_path: Path, did: list[Job], monkeypatch: pytest.MonkeyPatch) -> None:
    """A run in which everything is stored never starts a cluster."""
    store = Store(tmp_path)
    execute([training(1)], store)
    monkeypatch.setattr(processes, "_local", lambda *_: pytest.fail("workers were started"))
    assert execute([training(1)], store, engine=Engine(8)).made == 0
    assert len(did) == 5


# -------------------------------------------------------------------------------------- workers that die, come late


class Fake:
    """Workers that end what they were given in order, each as a script says.

    Parameters
    ----------
    store : Store
        Where results go.
    script : callable
        ``script(job, times)`` says how a job ends that is done for so many times: ``None`` for well, a
        :class:`Done`, or words of a death.
    """

    def __init__(self, store: Store, script: Callable[[Job, int], Done | str | None], size: int = 2) -> None:
        self.store, self.script, self.size = store, script, size
        self.bundle, self.deaths, self.ahead = 16, 3, False
        self.behind: dict[str, tuple[Job, ...]] = {}
        self.early: list[int] = []
        self.lost: dict[tuple[Job, ...], str] = {}
        self.out: list[tuple[str, tuple[Job, ...]]] = []
        self.by: dict[str, list[tuple[Job, ...]]] = {f"worker {number}": [] for number in range(size)}
        self.sent: list[tuple[Job, ...]] = []
        self.ready: list[Job] = []
        self.loading: dict[str, Job] = {}
        self.times: Counter[Job] = Counter()

    def free(self) -> bool:
        return len(self.out) < self.size

    def submit(self, jobs: Sequence[Job], behind: str = "") -> None:
        self.sent.append(tuple(jobs))
        if not behind:
            self.takes(tuple(jobs))
            return
        assert behind in dict(self.out)
        assert behind not in self.behind
        self.early.append(len(self.sent) - 1)
        self.by[behind].append(tuple(jobs))
        self.behind[behind] = tuple(jobs)

    def takes(self, jobs: tuple[Job, ...]) -> None:
        who = self.somebody()
        self.out.append((who, jobs))
        self.by[who].append(jobs)

    def somebody(self) -> str:
        return next(name for name in self.by if name not in dict(self.out))

    def get_ready(self, job: Job) -> bool:
        self.ready.append(job)
        self.loading[self.somebody()] = job
        self.out.append((self.somebody(), ()))
        return True

    def next(self, waiting: int = 0, until: float | None = None) -> Ended:  # noqa: ARG002 - as others are asked
        who, jobs = self.out.pop(0)
        done: list[Done] = []
        if not jobs:
            return Ended((), by=who, loaded=self.loading.pop(who))
        now = self.behind.pop(who, ())
        if jobs in self.lost:
            return Ended(jobs, death=self.lost.pop(jobs))
        for job in jobs:
            if self.store.has(job):
                done.append(Done(0.0))
                continue
            self.times[job] += 1
            how = self.script(job, self.times[job])
            if isinstance(how, str):
                if now:  # it takes that with it
                    self.lost[now] = how
                    self.out.insert(0, (who, now))
                return Ended(jobs, death=how)
            if how is None:
                self.store.save(job, Outcome({"status": "done"}), dict)
            done.append(how or Done(0.01))
        if now:
            self.out.append((who, now))
        return Ended(jobs, tuple(done), by=who, now=now)


class Notes(Silent):
    """A watcher that keeps what it is told in words."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


def driven(crew: Fake, jobs: Sequence[Job], until: float | None = None) -> tuple[dict[Job, Failure | None], list[str]]:
    """Drive jobs on some workers; return how each ended, and what was said."""
    notes = Notes()
    drive = _Drive(missing(jobs, crew.store), crew.store, crew, notes, set())
    ended = {job: failure for job, _, failure in drive.run(until)}
    return ended, [*notes.said, *(f"left {work.label(job)}" for job in drive.left)]


def test_what_a_process_that_died_had_begun_to_write_goes_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not stay until the next run; what somebody writes who lives is left alone."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    left = tmp_path / "tmp" / f"{presence.here()}-{gone.pid}.1-a"
    ours = tmp_path / "tmp" / f"{presence.maker()}-b"

    def perform(_job: Job, _load: Callable[[Job], Outcome]) -> Outcome:
        left.mkdir(parents=True)
        ours.mkdir()
        return Outcome({"status": "done"})

    monkeypatch.setattr(work, "perform", perform)
    execute([Ping(1)], Store(tmp_path))
    assert [folder.exists() for folder in (left, ours)] == [False, True]


def test_small_jobs_go_together_once_it_is_known_how_small(tmp_path: Path) -> None:
    """The first goes alone; then several, and no worker is left without its share."""
    crew = Fake(Store(tmp_path), lambda *_: None)
    pings: list[Job] = [Ping(number) for number in range(40)]
    ended, _ = driven(crew, pings)
    assert ended == dict.fromkeys(pings)
    sizes = [len(bundle) for bundle in crew.sent]
    assert sizes[:2] == [1, 1]
    assert max(sizes) == 9
    assert sum(sizes) == 40
    crew = Fake(Store(tmp_path / "many"), lambda *_: None)
    driven(crew, [Ping(number) for number in range(80)])
    assert max(map(len, crew.sent)) == crew.bundle


def test_a_bundle_takes_three_seconds(tmp_path: Path) -> None:
    """By what jobs of its kind have taken so far; longer ones go alone."""
    for seconds, together in ((0.5, 6), (1.4, 2), (2.0, 1)):
        crew = Fake(Store(tmp_path / f"{seconds}"), lambda *_, took=seconds: Done(took))
        driven(crew, [Ping(number) for number in range(60)])
        assert max(map(len, crew.sent)) == together


def test_a_bundle_ends_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its jobs one after another, not only the first of them."""
    now = [0.0]
    monkeypatch.setattr(execute_module.time, "monotonic", lambda: now[0])

    def slow(_job: Job, _: int) -> Done:
        now[0] += 0.1
        return Done(0.1)

    crew = Fake(Store(tmp_path), slow, size=1)
    crew.bundle = 100
    ended, said = driven(crew, [Ping(number) for number in range(100)], until=3.35)
    assert now[0] == pytest.approx(3.3)
    assert len(ended) == 33
    assert said == ["left ping"] * 67


def trained(crew: Fake, who: str) -> list[Hashable]:
    """Return the cohorts of the trainings that one did, bundle by bundle."""
    return [work.cohort(bundle[0]) for bundle in crew.by[who] if isinstance(bundle[0], Train)]


def test_who_has_the_inputs_of_a_cohort_goes_on_with_it(tmp_path: Path) -> None:
    """Others begin another, as long as there is one; at the end they help."""
    jobs = [replace(training(seed), functions=FUNCTIONS[some]) for some in (slice(1), slice(1, 2)) for seed in range(9)]
    crew = Fake(Store(tmp_path), lambda *_: None)
    crew.bundle = 3
    driven(crew, jobs)
    begun = [set(trained(crew, who)[:3]) for who in crew.by]
    assert sorted(begun, key=str) == sorted(({work.cohort(jobs[0])}, {work.cohort(jobs[9])}), key=str)
    alone = [*jobs, *(replace(jobs[0], weights_seed=seed) for seed in range(9, 40))]
    helped = Fake(Store(tmp_path / "helped"), lambda *_: None)
    driven(helped, alone)
    assert all(work.cohort(jobs[0]) in {work.cohort(bundle[0]) for bundle in helped.by[who]} for who in helped.by)


def ahead(folder: Path, took: float, until: float | None = None) -> Fake:
    """Return workers that found bundles ahead, after 40 jobs of so many seconds each."""
    crew = Fake(Store(folder), lambda *_: Done(took))
    crew.ahead = True
    pings: list[Job] = [Ping(number) for number in range(40)]
    ended, _ = driven(crew, pings, until)
    assert ended == dict.fromkeys(pings)
    return crew


def test_who_comes_back_finds_the_next_bundle_ahead(tmp_path: Path) -> None:
    """Of two, each has one ahead at most; the last jobs go to whoever is free first."""
    crew = ahead(tmp_path, 0.5)
    assert len(crew.early) > 3
    assert max(map(len, crew.sent)) == 6
    assert 3 <= sum(map(len, crew.sent[crew.early[-1] + 1 :])) <= 6
    assert [len(bundle) for bundle in crew.sent[-3:]] == [1, 1, 1]


def test_nothing_is_sent_ahead_that_may_wait_long_or_too_long(tmp_path: Path) -> None:
    """Behind long jobs, where somebody else could begin it; and where the time may be up."""
    assert ahead(tmp_path / "short", 2.9).early
    assert not ahead(tmp_path / "long", 3.1).early
    assert not ahead(tmp_path / "limit", 0.5, until=time.monotonic() + 1000).early


def test_what_was_sent_ahead_goes_on_with_the_cohort_that_its_worker_does(tmp_path: Path) -> None:
    """Not with that of whoever came back before."""
    jobs = [
        replace(training(seed), functions=FUNCTIONS[some]) for some in (slice(1), slice(1, 2)) for seed in range(99)
    ]
    crew = Fake(Store(tmp_path), lambda *_: Done(0.5) if len(crew.sent) > 2 + len(CHUNKS) else None)
    crew.ahead = True
    driven(crew, jobs)
    assert len(crew.early) > 10
    begun = [set(trained(crew, who)[: len(trained(crew, who)) // 2]) for who in crew.by]
    assert sorted(begun, key=str) == sorted(({work.cohort(jobs[0])}, {work.cohort(jobs[99])}), key=str)


def test_nobody_is_blamed_for_what_it_was_sent_behind(tmp_path: Path) -> None:
    """A bundle that lay ahead dies with its worker; nothing is sent behind one that may kill."""
    bad = Ping(7)
    crew = Fake(Store(tmp_path), lambda job, _: "killed" if job == bad else Done(0.5))
    crew.ahead, crew.bundle = True, 1
    ended, _ = driven(crew, [Ping(number) for number in range(40)])
    assert {job: failure.message for job, failure in ended.items() if failure} == {
        bad: "Its worker process died 3 times (killed)."
    }
    assert len(ended) == 40
    places = [place for place, bundle in enumerate(crew.sent) if bundle == (bad,)]
    assert len(places) == 3
    assert not [place for place in crew.early if places[1] <= place <= places[2]]
    assert sum(map(len, crew.sent)) == 40 + 2 + 1  # one lay behind it when it killed first


def test_who_waits_gets_ready_for_what_comes(tmp_path: Path) -> None:
    """For each kind once per worker, and not for kinds of which some were done."""
    crew = Fake(Store(tmp_path), lambda *_: None)
    ended, _ = driven(crew, [training(1)])
    assert set(ended) == {MAKE, *CHUNKS, training(1)}
    # While frames are read one of two is free; while the last of three chunks is described, one is again.
    assert crew.ready == [CHUNKS[0], training(1)]
    crew = Fake(Store(tmp_path / "many"), lambda *_: None, size=4)
    driven(crew, [training(1)])
    # Of four three are free at first; then one, and with each of two chunks that end another.
    assert Counter(crew.ready) == {CHUNKS[0]: 3, training(1): 3}


def of_two_kinds() -> tuple[list[Job], list[Job]]:
    """Return linear models of one cohort, and fewer forests of another."""
    forest = replace(training(0), functions=FUNCTIONS[1:], model=RandomForest("forest", trees=1))
    return [training(seed) for seed in range(12)], [replace(forest, weights_seed=seed) for seed in range(6)]


def test_who_loads_for_a_cohort_does_it(tmp_path: Path) -> None:
    """Others begin another, even a smaller one, and so load nothing that they will hardly need."""
    linear, forests = of_two_kinds()
    crew = Fake(Store(tmp_path), lambda *_: None)
    crew.bundle = 1
    driven(crew, [*linear, *forests])
    assert crew.ready == [CHUNKS[0], linear[0]]
    loads, other = (trained(crew, f"worker {number}") for number in (1, 0))
    assert set(loads[:6]) == {work.cohort(linear[0])}
    assert set(other[:6]) == {work.cohort(forests[0])}


def test_as_many_load_for_a_kind_as_will_do_some_of_it() -> None:
    """One for each cohort that has some, of several where these share the cohorts; all where there are none."""
    linear, forests = of_two_kinds()
    todo = [MAKE, *CHUNKS, *linear, *forests]

    def loads(size: int, todo: Sequence[Job] = todo) -> dict[str, list[Job]]:
        found = in_line.loads(todo, size)
        return {kind: found[kind] for kind in ("describe", "train linear", "train forest") if kind in found}

    everybody = {"describe": [CHUNKS[0]] * 2}
    assert loads(2) == {**everybody, "train linear": linear[:1], "train forest": forests[:1]}
    assert [len(jobs) for jobs in loads(5).values()] == [5, 3, 3]
    assert loads(2, [*CHUNKS, *linear]) == {**everybody, "train linear": linear[:1] * 2}
    both = [*linear, *forests, replace(linear[0], functions=FUNCTIONS[1:])]
    assert loads(3, both)["train linear"] == [linear[0], both[-1], linear[0]]
    assert loads(2, both)["train forest"] == forests[:1]
    assert loads(3, []) == {}


def test_after_a_death_each_job_of_the_bundle_is_tried_alone(tmp_path: Path) -> None:
    """What was done before the death is done; the culprit alone dies again, one suspect at a time, and fails."""
    culprit = Ping(9)
    crew = Fake(Store(tmp_path), lambda job, _: "KilledWorker: killed" if job == culprit else None)
    pings: list[Job] = [Ping(number) for number in range(20)]
    ended, _ = driven(crew, pings)
    failed = {job: failure for job, failure in ended.items() if failure is not None}
    assert failed == {culprit: Failure("Its worker process died 3 times (KilledWorker: killed).")}
    assert set(ended) == set(pings)
    where = [bundle for bundle in crew.sent if culprit in bundle]
    assert len(where) == 3
    assert where[1:] == [(culprit,), (culprit,)]
    assert crew.times[culprit] == 3


def test_where_one_death_is_enough_no_job_is_blamed_for_its_neighbour(tmp_path: Path) -> None:
    """A scheduler that tried elsewhere already: the bundle is taken apart, and the culprit alone fails."""
    culprit = Ping(9)
    crew = Fake(Store(tmp_path), lambda job, _: "KilledWorker: killed" if job == culprit else None)
    crew.deaths = 1
    pings: list[Job] = [Ping(number) for number in range(20)]
    ended, _ = driven(crew, pings)
    failed = {job: failure for job, failure in ended.items() if failure is not None}
    assert failed == {culprit: Failure("Its worker process died 2 times (KilledWorker: killed).")}
    assert set(ended) == set(pings)
    assert [len(bundle) == 1 for bundle in crew.sent if culprit in bundle] == [False, True]


def test_a_worker_that_dies_twice_of_a_job_may_do_it_at_last(tmp_path: Path) -> None:
    """Deaths by chance cost nothing but time, and a result that was stored before a death counts."""
    store = Store(tmp_path)

    def dies(job: Job, times: int) -> str | None:
        if times > 2:
            return None
        if job == training(2):
            store.save(job, Outcome({"status": "done"}), dict)
        return "gone"

    ended, _ = driven(Fake(store, dies), [training(1), training(2)])
    assert set(ended.values()) == {None}
    assert store.has(training(1))


def test_what_needs_a_job_that_kills_its_workers_fails_with_it(tmp_path: Path) -> None:
    """Nothing waits for ever for it."""
    crew = Fake(Store(tmp_path), lambda job, _: "gone" if job == CHUNKS[0] else None)
    ended, _ = driven(crew, [training(1)])
    assert ended[CHUNKS[0]] == Failure("Its worker process died 3 times (gone).")
    assert ended[training(1)] == Failure("It needs the result of 'describe', which failed.")


def test_a_damaged_need_is_made_again_once_for_all_that_lack_it(tmp_path: Path) -> None:
    """Ten trainings find the same chunk damaged; it is said and made once, and all of them succeed."""
    store = Store(tmp_path)
    driven(Fake(store, lambda *_: None), CHUNKS)
    shutil.rmtree(store.folder(CHUNKS[1]))

    def lacks(job: Job, _times: int) -> Done | None:
        if isinstance(job, Train) and not store.has(CHUNKS[1]):
            return Done(0.0, lacking=address(CHUNKS[1]), why="values.json has other content than was written")
        return None

    jobs = [training(number) for number in range(10)]
    crew = Fake(store, lacks, size=10)
    drive = _Drive(jobs, store, crew, notes := Notes(), set())  # it looked whole when the call began
    assert {job: failure for job, _, failure in drive.run(None)} == dict.fromkeys([CHUNKS[1], *jobs])
    why = "values.json has other content than was written"
    assert notes.said == [f"The stored result of 'describe' was not whole ({why}); it is made again."]


def test_a_result_that_is_never_whole_fails_what_needs_it(tmp_path: Path) -> None:
    """A disk that damages whatever is written would be written to for ever; an unknown address is no need at all."""
    store = Store(tmp_path)
    lacking = Done(0.0, lacking=address(CHUNKS[1]), why="it is bad")
    crew = Fake(store, lambda job, _: lacking if isinstance(job, Train) else None)
    ended, said = driven(crew, [training(1)])
    assert ended[training(1)] == Failure("The result of 'describe' that it needs was not whole: it is bad.")
    assert crew.times[training(1)] == REMADE + 1
    assert said == []
    unknown = Fake(store, lambda *_: Done(0.0, lacking="ff", why="it is bad"))
    ended, _ = driven(unknown, [training(2)])
    failure = ended[training(2)]
    assert failure is not None
    assert failure.message.endswith("that it needs was not whole: it is bad.")


def test_when_the_time_is_up_nothing_more_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs comes to its end; the rest is left, also what waits, and suspects of a death."""
    now = [0.0]
    monkeypatch.setattr(execute_module.time, "monotonic", lambda: now[0])

    def slow(job: Job, _: int) -> str | None:
        now[0] += 10.0
        return "gone" if job == CHUNKS[0] else None

    crew = Fake(Store(tmp_path), slow)
    ended, said = driven(crew, [training(1)], until=15.0)
    assert ended == dict.fromkeys([MAKE, CHUNKS[1]])
    assert said == ["left describe", "left describe", "left train linear"]


def test_a_call_without_time_begins_nothing(tmp_path: Path, did: list[Job]) -> None:
    """All of it is left, and no worker is asked."""
    store = Store(tmp_path)
    went = execute([training(1)], store, engine=Engine(until=time.monotonic() - 1))
    assert (went.made, did) == (0, [])
    assert set(went.left) == {MAKE, *CHUNKS, training(1)}


def test_a_timing_whose_frames_were_left_is_left_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that run alone come last, and may need what was not started before them."""
    now = [0.0]
    monkeypatch.setattr(execute_module.time, "monotonic", lambda: now[0])

    def perform(_job: Job, _load: Callable[[Job], Outcome]) -> Outcome:
        now[0] += 6.0
        return Outcome({"status": "done"})

    monkeypatch.setattr(work, "perform", perform)
    monkeypatch.setattr(work, "lay_out", lambda *_: 0)
    monkeypatch.setattr(work, "warm", lambda *_: None)
    later = MakeFrames(FrameSource(path="b", sha256="01"))
    timed = [TimeDescribe(made, FUNCTIONS, (0,), 0, "host", "code") for made in (MAKE, later)]
    monkeypatch.setattr(_Pace, "of", lambda *_: 6.0)
    went = execute(timed, Store(tmp_path), engine=Engine(until=11.0))
    assert set(went.left) == {later, *timed}
    assert set(went.seconds) == {MAKE}

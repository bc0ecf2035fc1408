"""The line of jobs: what may start, what waits, what a failure takes with it, and what is made anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

from hypothesis import given
from hypothesis import strategies as st

from bpbench.features import G2
from bpbench.jobs import Describe, FrameSource, Importance, Job, Linear, MakeFrames, Ping, Split, Train
from bpbench.runner import work
from bpbench.runner.line import Line

FRAMES = MakeFrames(FrameSource(path="a", sha256="00"))
FUNCTIONS = (G2(1.0, 0.0, 6.0), G2(2.0, 0.0, 6.0))
CHUNKS = tuple(Describe(FRAMES, FUNCTIONS, first, first + 1) for first in range(3))
TRAININGS = tuple(
    Train(FRAMES, CHUNKS, FUNCTIONS[:1], Linear("linear"), Split(0.2, 0.2, 1, 1), seed, 0) for seed in range(3)
)
ASKED = Importance(TRAININGS[0], "permutation")
ALL: tuple[Job, ...] = (FRAMES, *CHUNKS, *TRAININGS, ASKED)


def take(line: Line) -> Job:
    """Take the job that is to start next."""
    return line.take_alike(line.next_cohort(), 1, work.label)[0]


def taken(line: Line) -> list[Job]:
    """Take everything that may start now."""
    return [take(line) for _ in range(line.ready)]


def test_a_job_starts_when_everything_it_needs_is_made() -> None:
    """Frames, then chunks in their order, then trainings, then what is asked of one of them."""
    line = Line(ALL)
    assert taken(line) == [FRAMES]
    line.made(FRAMES)
    assert taken(line) == list(CHUNKS)
    for chunk in CHUNKS[:2]:
        line.made(chunk)
    assert line.ready == 0
    line.made(CHUNKS[2])
    assert taken(line) == list(TRAININGS)
    assert ASKED in line
    line.made(TRAININGS[0])
    assert taken(line) == [ASKED]
    assert len(line) == 3
    for job in (*TRAININGS[1:], ASKED):
        line.made(job)
    assert len(line) == 0
    assert ASKED not in line


def test_jobs_alike_are_taken_together_as_far_as_they_follow() -> None:
    """No more than are wanted, and none beyond one of another kind."""
    pings: list[Job] = [Ping(0), Ping(1), Ping(2), FRAMES, Ping(3)]
    line = Line(pings)
    assert line.take_alike(None, 2, work.label) == pings[:2]
    assert line.take_alike(None, 9, work.label) == pings[2:3]
    assert line.take_alike(None, 9, work.label) == [FRAMES]
    assert line.take_alike(None, 1, work.label) == pings[4:]


def test_a_failure_takes_with_it_what_needs_it_once_each() -> None:
    """Also when two needs of a job fail, and whatever else is needed may still be made."""
    line = Line(ALL)
    take(line)
    line.made(FRAMES)
    taken(line)
    line.fail(CHUNKS[1])
    assert sorted(line.lost, key=str) == sorted(
        [*((training, CHUNKS[1]) for training in TRAININGS), (ASKED, TRAININGS[0])], key=str
    )
    assert len(line) == 2
    line.fail(CHUNKS[0])
    line.made(CHUNKS[2])
    assert len(line.lost) == 4
    assert (len(line), line.ready) == (0, 0)


def test_what_failed_before_fails_its_users_from_the_start() -> None:
    """A call that knows of failures begins with them."""
    line = Line(TRAININGS, {CHUNKS[0]})
    assert line.lost == [(training, CHUNKS[0]) for training in TRAININGS]
    assert len(line) == 0


def test_a_job_that_lacks_a_result_waits_until_that_is_made_anew() -> None:
    """With those that wait already or come back later, and before everything else."""
    line = Line(TRAININGS)
    first, second = take(line), take(line)
    line.back(first, [FRAMES, CHUNKS[1]])
    assert FRAMES in line
    assert len(line) == 5
    line.back(second)
    assert taken(line) == [FRAMES, TRAININGS[2]]
    line.back(TRAININGS[2])
    line.made(FRAMES)
    assert taken(line) == [CHUNKS[1]]
    line.made(CHUNKS[1])
    assert taken(line) == list(TRAININGS)


def test_what_is_made_anew_and_fails_takes_its_users_with_it() -> None:
    """The job that lacked it, and those that come back and ask for it after that."""
    line = Line(TRAININGS)
    first, second = take(line), take(line)
    line.back(first, [CHUNKS[1]])
    take(line)
    line.fail(CHUNKS[1])
    assert line.lost == [(first, CHUNKS[1])]
    line.back(second)
    assert line.lost[1:] == [(second, CHUNKS[1])]


def test_what_is_left_is_what_has_not_started() -> None:
    """In the order of the line, ready or waiting; what runs comes to its end and lets nobody through any more."""
    line = Line(ALL)
    take(line)
    line.made(FRAMES)
    running = take(line)
    assert line.leave() == [*CHUNKS[1:], *TRAININGS, ASKED]
    assert len(line) == 1
    line.made(running)
    assert (len(line), line.ready) == (0, 0)


def cohorts(number: int, size: int) -> list[Train]:
    """Return trainings of several cohorts, in turn."""
    functions = [G2(1.0 + some, 0.0, 6.0) for some in range(number)]
    return [
        Train(FRAMES, (), (function,), Linear("linear"), Split(0.2, 0.2, 1, 1), seed, 0)
        for seed in range(size)
        for function in functions
    ]


def test_a_cohort_is_gone_on_with_and_one_that_others_do_is_passed_over() -> None:
    """Until there is no other; jobs without a cohort are everybody's."""
    jobs = cohorts(3, 2)
    a, b, c = (work.cohort(job) for job in jobs[:3])
    line = Line([Ping(0), *jobs])
    assert line.next_cohort() is line.next_cohort(None, {None: 1}) is None
    assert line.next_cohort(c, {None: 1, a: 1, b: 1, c: 1}) == c
    take(line)
    by: list[dict[Hashable, int]] = [{}, {a: 1}, {a: 1, b: 1}, {a: 1, b: 1, c: 1}, {a: 3, b: 1, c: 2}]
    assert [line.next_cohort(None, others) for others in by] == [a, b, c, a, b]
    assert line.take_alike(b, 9, work.label) == [jobs[1], jobs[4]]
    assert line.next_cohort(b, {a: 1}) == c
    line.back(jobs[1])
    assert line.next_cohort(None, {a: 1}) == c  # larger
    assert line.next_cohort(None, {a: 1, c: 1}) == b
    assert line.ready == 5
    assert line.leave() == [jobs[0], jobs[1], jobs[2], jobs[3], jobs[5]]
    assert line.ready == 0


@given(st.integers(1, 5), st.integers(1, 4), st.data())
def test_whoever_asks_every_job_is_taken_once_and_in_the_order_of_its_cohort(
    number: int, size: int, data: st.DataObject
) -> None:
    """The largest cohort that others do not do, or who has most before it is helped: found by looking at each."""
    jobs = cohorts(number, size)
    line, left = Line(jobs), list(jobs)
    named = sorted({str(work.cohort(job)) for job in jobs})
    while left:
        own = data.draw(st.sampled_from([None, *named]))
        others: dict[Hashable, int] = data.draw(st.dictionaries(st.sampled_from(named), st.integers(1, 9)))
        ours = [job for job in left if work.cohort(job) == own]
        before = Counter(work.cohort(job) for job in left)
        free = sorted(
            (job for job in left if work.cohort(job) not in others), key=lambda job: -before[work.cohort(job)]
        )
        helped = sorted(left, key=lambda job: -before[work.cohort(job)] / others.get(work.cohort(job), 1))
        expected = (ours or free or helped)[0]
        cohort = line.next_cohort(own, others)
        assert line.first(cohort) == expected
        (job,) = line.take_alike(cohort, 1, work.label)
        assert job == expected
        left.remove(job)
        if data.draw(st.booleans()) and data.draw(st.booleans()):
            line.back(job)
            left = sorted([*left, job], key=jobs.index)
    assert line.ready == 0


def test_of_very_many_cohorts_that_others_do_few_are_looked_at() -> None:
    """To pass over all of them would take longer than to lay out inputs twice."""
    jobs = cohorts(100, 1)
    line = Line(jobs)
    named = [work.cohort(job) for job in jobs]
    assert line.next_cohort(None, dict.fromkeys(named[:63], 1)) == named[63]
    assert line.next_cohort(None, dict.fromkeys(named[:99], 1)) == named[0]
    assert [work.cohort(take(line)) for _ in jobs] == named

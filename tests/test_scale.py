"""What makes a study of a hundred thousand jobs quick changes nothing: addresses, hashes, order, what is stored."""

from __future__ import annotations

import copy
import hashlib
import json
import pickle
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bpbench import identity, planning
from bpbench.errors import BpbenchError
from bpbench.features import G2, G5, Column, Feature
from bpbench.identity import Kept, address, digest, plain
from bpbench.jobs import (
    Adam,
    Describe,
    FrameSource,
    Hdnn,
    Importance,
    Job,
    Kalman,
    Linear,
    MakeFrames,
    RandomForest,
    ReadTable,
    Split,
    TableSource,
    Train,
)
from bpbench.remembered import by_object
from bpbench.runner import work
from bpbench.runner.graph import missing
from bpbench.runner.store import Outcome, Store
from bpbench.statistics.repeats import Needed, Noise

NUMBERS = st.floats(0, 6, allow_nan=False)
FEATURES = st.one_of(
    st.builds(G2, NUMBERS, NUMBERS, st.just(6.5), st.sampled_from([None, "Al", "Ni"])),
    st.builds(G5, NUMBERS, st.sampled_from([1, 2.0, 16]), st.sampled_from([-1, 1]), st.just(6.5)),
)
COLUMNS = st.builds(Column, st.text(max_size=4), st.sampled_from(["", "00ff"]))
INPUTS = st.lists(st.one_of(FEATURES, COLUMNS), min_size=1, max_size=6).map(tuple)
MAKES = st.one_of(
    st.builds(MakeFrames, st.builds(FrameSource, st.text(max_size=4), st.text(max_size=4), st.text(max_size=3))),
    st.builds(ReadTable, st.builds(TableSource, st.just("t"), st.text(max_size=4)), st.sampled_from(["float32"])),
)
MODELS = st.one_of(
    st.builds(Hdnn, st.just("hdnn"), st.lists(st.integers(1, 40), min_size=1, max_size=3).map(tuple)),
    st.builds(Hdnn, st.just("hdnn"), optimizer=st.builds(Kalman, st.just("kalman"))),
    st.builds(Hdnn, st.just("hdnn"), optimizer=st.builds(Adam, learning_rate=st.floats(1e-9, 1))),
    st.builds(Linear, st.just("linear")),
    st.builds(RandomForest, st.just("random-forest"), st.integers(1, 500)),
)
SPLITS = st.builds(
    Split,
    NUMBERS,
    NUMBERS,
    st.integers(0, 2**31),
    st.integers(0, 2**31),
    st.sampled_from(["block", "frame"]),
    st.lists(st.text(max_size=3), max_size=2).map(tuple),
)
SEEDS = st.integers(0, 2**31)


@st.composite
def trainings(draw: st.DrawFn) -> Train:
    """Return some training, with and without what counts only if it is set."""
    make = draw(MAKES)
    functions: tuple[Any, ...] = draw(INPUTS)
    described = tuple(item for item in functions if not isinstance(item, Column))
    chunks = tuple(Describe(make, described, first, first + 5) for first in range(draw(st.integers(0, 3))))  # type: ignore[arg-type]
    return Train(
        make,
        chunks,
        functions,
        draw(MODELS),
        draw(SPLITS),
        draw(SEEDS),
        draw(SEEDS),
        draw(st.none() | st.integers(2, 99)),
        centres=draw(st.sampled_from([(), (("Al", (0, 1)),)])),
        score_forces=draw(st.booleans()),
    )


def arrived(job: Train) -> Train:
    """Return a training as another process has it."""
    sent: Train = pickle.loads(pickle.dumps(job))  # noqa: S301 - of this line's own making
    return sent


def slow(value: Any) -> str:
    """Return a digest as it was reckoned before anything was kept."""
    text = json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trainings())
def test_addresses_are_those_of_the_plain_value(job: Train) -> None:
    """Whatever is kept and shared, an address is the digest of the canonical JSON; its copy and its needs as well."""
    for each in (job, *work.needs(job), replace(job, order_seed=1), Importance(job, "permutation")):
        assert address(each) == digest(each) == slow(each)
    there = arrived(job)
    assert there == job
    assert hash(there) == hash(job)
    assert address(there) == address(job) == digest(there) == slow(there)


def test_an_address_goes_along_to_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reckons it twice, neither of a job nor of what it needs; a job that differs has its own."""
    make = MakeFrames(FrameSource("a", "00"))
    pool = (Describe(make, (G2(1.0, 0.0, 6.0),), 0, 3),)
    job = Train(make, pool, (G2(1.0, 0.0, 6.0),), Linear("linear"), Split(0.2, 0.2, 1, 0), 1, 0)
    known = [address(each) for each in (job, pool[0], make)]
    there = arrived(job)
    with monkeypatch.context() as patched:
        patched.setattr(identity, "digest", None)
        assert [address(each) for each in (there, there.pool[0], there.frames)] == known
        assert address(copy.copy(job)) == address(copy.deepcopy(job)) == known[0]
    assert address(replace(there, weights_seed=2)) == slow(replace(job, weights_seed=2)) != known[0]


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PLAIN)
def test_digests_of_plain_data_are_those_of_json(value: Any) -> None:
    """So are those of lists, mappings and numbers in any order and depth."""
    assert digest(value) == slow(value)
    assert digest([value, (value,)]) == slow([value, (value,)])


def test_equal_values_of_two_types_stay_apart() -> None:
    """1, 1.0 and True are equal, and are three plain values: what is kept of one is not given for another."""
    values = [(1, "x"), (1.0, "x"), (True, "x")]
    for _ in range(2):
        assert [digest([value]) for value in values] == [slow([value]) for value in values]
    assert len({digest([value]) for value in values}) == 3


def test_what_can_change_is_written_anew() -> None:
    """A tuple that holds a list is not kept; a number that is not finite is refused wherever it stands."""
    inner = [1]
    outer = (inner, "x")
    before = digest([outer])
    inner.append(2)
    assert digest([outer]) == slow([outer]) != before
    with pytest.raises(BpbenchError, match=r"must be finite, found nan"):
        digest([(1.0, float("nan"))])


def test_texts_that_are_let_go_are_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few texts are kept, addresses are the same, and no more are kept."""
    monkeypatch.setattr(identity, "_MOST", 400)
    monkeypatch.setattr(identity, "_texts", identity._Texts())
    make = MakeFrames(FrameSource("a", "00"))
    functions = tuple(G2(number / 7, 0.0, 6.0) for number in range(20))
    for number in range(3):
        split = Split(0.2, 0.2, 1, number)
        job = Train(make, (), (*functions[number:], functions[0]), Linear("linear"), split, number, 0)
        assert address(job) == slow(job)
    assert sum(len(text) for _, text in identity._texts.held.values()) == identity._texts.size < 4000


def test_results_are_kept_by_the_object_and_let_go() -> None:
    """An equal value is another one, the same one is not asked for again, and only so many are held."""
    asked: list[object] = []

    def ask(value: object) -> int:
        asked.append(value)
        return len(asked)

    kept = by_object(ask, most=4)
    first, equal = (1, 2), (*[1], 2)
    assert [kept(first), kept(first), kept(equal), kept(first)] == [1, 1, 2, 1]
    others = [(number,) for number in range(4)]
    for other in others:
        kept(other)
    assert len(kept._held) <= 4
    assert kept(first) == len(asked)  # was let go


MAKE = MakeFrames(FrameSource("a", "00"))
FUNCTIONS: tuple[Feature, ...] = (G2(1.0, 0.0, 6.0), G2(2.0, 0.0, 6.0))
CHUNKS = tuple(Describe(MAKE, FUNCTIONS, first, first + 1) for first in range(3))


def training(seed: int) -> Train:
    return Train(MAKE, CHUNKS, FUNCTIONS[:1], Linear("linear"), Split(0.2, 0.2, 1, 1), seed, 0)


def recursive(jobs: Iterable[Job], store: Store) -> list[Job]:
    """Return what is missing, as it was found before: every job is asked for by itself."""
    ordered: dict[Job, None] = {}

    def visit(job: Job) -> None:
        if job in ordered or store.has(job):
            return
        for need in work.needs(job):
            visit(need)
        ordered[job] = None

    for job in jobs:
        visit(job)
    return list(ordered)


def save(store: Store, *jobs: Job) -> None:
    for job in jobs:
        store.save(job, Outcome({"status": "done"}), dict)


@pytest.mark.parametrize("stored", [(), (MAKE,), (MAKE, CHUNKS[1]), CHUNKS, (training(3), CHUNKS[0])])
def test_what_is_missing_and_its_order_are_as_before(tmp_path: Path, stored: tuple[Job, ...]) -> None:
    """Needs come before their users, in the order in which a walk from job to job meets them, whatever is stored."""
    store = Store(tmp_path)
    save(store, *stored)
    asked = [training(2), Importance(training(7), "permutation"), CHUNKS[2], training(3), training(2), training(1)]
    assert missing(asked, store) == recursive(asked, store)


def test_a_store_says_which_of_many_are_there(tmp_path: Path) -> None:
    """Be they listed or asked for one by one; what lies beside results, and files among them, are none."""
    store, many = Store(tmp_path / "s"), [training(number) for number in range(4000)]
    assert store.present(many) == set()
    save(store, *many[:40:2])
    crowded = store.folder(many[0]).parent
    (crowded / "not-a-result").mkdir()
    (crowded / address(many[1])).write_text("a file in a result's place")
    assert store.present(many) == store.present(many[:40]) == set(many[:40:2])
    again = training(0)
    assert store.present([many[0], again, many[1]]) == {again}


def test_pairs_between_two_of_equal_need_are_not_reckoned() -> None:
    """Each of very many pairs is told what it needs, and most of them follow from their neighbours."""
    reckoned: list[float] = []

    def enough(margin: float, noise: Noise) -> Needed:
        reckoned.append(noise.sd)
        n = 2 + int(10 * noise.sd / margin)
        return Needed(n, n, n, 0.0, noise.sd)

    pilots = [planning._Pilot((f"v{sd}", "base"), 5, sd / 100, Noise(sd / 100, 0.0), 1.0) for sd in range(100, 0, -1)]
    found = planning._between([(pilot, 1.0) for pilot in pilots], enough)
    assert [each.repeats for each in found] == [2 + int(10 * pilot.noise.sd) for pilot in pilots]
    assert len(reckoned) < 60


def test_needs_of_alike_jobs_are_worked_out_once() -> None:
    """All trainings on one pool have one tuple of needs, and one cohort, though each of them is its own job."""
    one, other = training(1), training(2)
    assert work.needs(one) is work.needs(other)
    assert work.cohort(one) == work.cohort(other) == work.cohort(arrived(one))
    assert isinstance(one, Kept)
    assert not hasattr(arrived(one), "_hash")
    assert hash(one) != hash(other)

"""Addresses and seeds: the same value, the same digest, on every machine."""

from __future__ import annotations

import hashlib
import json
import pickle
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from bpbench.errors import BpbenchError
from bpbench.features import G2
from bpbench.identity import NOT_IDENTITY, address, digest, plain, seed
from bpbench.jobs import Describe, FrameSource, MakeFrames
from bpbench.prepared import prepare
from bpbench.protocol import load, locate
from bpbench.runner.store import Store

MAKE = MakeFrames(FrameSource(path="a.xyz", sha256="00"))


@dataclass(frozen=True)
class Point:
    x: float
    note: str = field(default="", metadata=NOT_IDENTITY)


def test_plain_of_a_dataclass_names_its_class() -> None:
    """A dataclass becomes a dictionary with its class name, without fields that are no part of its identity."""
    assert plain(Point(1.5, "here")) == {"is": "Point", "x": 1.5}


def test_digest_is_sha256_of_canonical_json() -> None:
    """The digest can be recomputed with nothing but hashlib and json."""
    text = json.dumps({"a": [1, None, "η"], "b": 0.1}, sort_keys=True, separators=(",", ":"))
    assert digest({"b": np.float64(0.1), "a": (1, None, "η")}) == hashlib.sha256(text.encode()).hexdigest()


def test_a_path_is_no_part_of_an_address() -> None:
    """The same bytes in another folder give the same address; other bytes do not."""
    elsewhere = replace(MAKE, source=replace(MAKE.source, path="b/c.xyz"))
    other = replace(MAKE, source=replace(MAKE.source, sha256="01"))
    assert address(elsewhere) == address(MAKE) != address(other)


def test_a_nested_job_counts_by_its_address() -> None:
    """A job inside a job stands as its address, and a version bump below changes the address above."""
    job = Describe(MAKE, (G2(1.0, 0.0, 6.0),), 0, 2)
    assert plain(job)["frames"] == {"job": address(MAKE)}
    assert address(replace(job, frames=replace(MAKE, version=MAKE.version + 1))) != address(job)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, object()])
def test_what_has_no_plain_form_is_refused(value: object) -> None:
    """NaN, infinities and unordered or foreign types are refused instead of hashed."""
    with pytest.raises(BpbenchError, match=r"must be finite|no plain form"):
        plain({"x": value})


def test_seeds_come_from_names() -> None:
    """A seed depends on root and names alone, differs between roles and indices, and has a pinned value."""
    seeds = {seed(root, "confirm", role, k) for root in (1, 2) for role in ("weights", "order") for k in range(50)}
    assert len(seeds) == 200
    assert all(0 <= value < 2**31 for value in seeds)
    text = '[1,"confirm","weights",0]'
    assert seed(1, "confirm", "weights", 0) == int(hashlib.sha256(text.encode()).hexdigest()[:16], 16) % 2**31


def test_equal_chunks_are_found_again_and_unequal_ones_are_not() -> None:
    """The hash of a chunk looks at one function alone; whether two chunks are one is still said by all of them."""
    functions = tuple(G2(0.1, shift, 6.8) for shift in (0.0, 1.0, 2.0))
    chunk = Describe(MAKE, functions, 0, 5)
    assert {chunk: "kept"}[Describe(MAKE, tuple(replace(item) for item in functions), 0, 5)] == "kept"
    other = Describe(MAKE, (*functions[:2], G2(0.1, 2.5, 6.8)), 0, 5)
    assert hash(other) == hash(chunk)
    assert len({chunk, other, replace(chunk, last=6), replace(chunk, precision="float32")}) == 4


@pytest.mark.parametrize("name", ["smoke", "backward", "forest-forces", "observations", "descriptor-cost"])
def test_what_is_written_fast_is_what_json_writes(name: str, tmp_path: Path) -> None:
    """Texts are kept by object; every address is nonetheless that of the plain value, also of a job made anew."""
    prepared = prepare(load(locate(name)), Store(tmp_path))
    for job in prepared.jobs:
        text = json.dumps(plain(job), sort_keys=True, separators=(",", ":"), allow_nan=False)
        assert address(job) == hashlib.sha256(text.encode("ascii")).hexdigest()
        assert digest(pickle.loads(pickle.dumps(job))) == address(replace(job)) == address(job)  # noqa: S301 - ours
        assert hash(replace(job)) == hash(job)
        changed = replace(job, version=job.version + 1)
        assert address(changed) != address(job)
        assert changed != job

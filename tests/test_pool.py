"""The pool in the store: chunks of consecutive frames, the precision asked for, resumed where it was left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from bpbench.data import readers
from bpbench.descriptors.symmetry import describe
from bpbench.features import preset
from bpbench.inputs import chunks_of
from bpbench.jobs import Describe, MakeFrames
from bpbench.runner import execute, work
from bpbench.runner.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from bpbench.jobs import Job

FUNCTIONS = preset("thesis-22")


def _jobs(precision: str, monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """Return the jobs of a pool of 160 frames in chunks of about 2000 atoms."""
    source = readers.sample_source()
    monkeypatch.setattr("bpbench.data.tables.CHUNK_ATOMS", 2000)
    make = MakeFrames(source)
    frames = readers.read(source).take(np.arange(160))
    return [make, *chunks_of(make, FUNCTIONS, frames, precision)]


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_chunks_cover_the_frames_in_the_precision_asked_for(
    tmp_path: Path, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks follow on each other, stay within their size, lie memory-mapped and hold values rounded once."""
    jobs, store = _jobs(precision, monkeypatch), Store(tmp_path)
    chunks = [job for job in jobs if isinstance(job, Describe)]
    assert [chunk.first for chunk in chunks[1:]] == [chunk.last for chunk in chunks[:-1]]
    assert (chunks[0].first, chunks[-1].last, len(chunks)) == (0, 160, 23)
    assert not execute.execute([jobs[0], chunks[0], chunks[-1]], store).failures
    frames = readers.read(readers.sample_source())
    for chunk in (chunks[0], chunks[-1]):
        values = store.load(chunk).arrays["values"]
        assert isinstance(values, np.memmap)
        assert values.dtype == precision
        assert values.shape == (22, 256 * (chunk.last - chunk.first))
        rows = frames.rows(chunk.first)
        alone = describe(FUNCTIONS.functions, frames.positions[rows], frames.cells[chunk.first], [True] * 3)
        np.testing.assert_array_equal(values[:, :256], alone.astype(precision))


def test_a_pool_goes_on_from_its_last_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a stop in the middle of a chunk only that chunk and those after it are computed."""
    jobs, store, done = _jobs("float32", monkeypatch), Store(tmp_path), []
    perform = work.perform

    def stopped(job: Job, load: work.Load) -> object:
        if len(done) == 9:
            raise KeyboardInterrupt
        done.append(job)
        return perform(job, load)

    monkeypatch.setattr(work, "perform", stopped)
    with pytest.raises(KeyboardInterrupt):
        execute.execute(jobs, store)
    assert sum(store.has(job) for job in jobs) == 9
    again: list[Job] = []
    monkeypatch.setattr(work, "perform", lambda job, load: (again.append(job), perform(job, load))[1])
    assert not execute.execute(jobs, store).failures
    assert set(again) == set(jobs) - set(done)

"""The pool of the whole study: 9032 frames × 256 atoms × 329 functions, its time and the memory it takes.

Run it with ``.venv/bin/python tests/benchmarks/full_size.py FOLDER [--frames N] [--precision float32|float64]``; FOLDER
needs 4 GB (float32) or 7 GB (float64) and is left behind. It

1. makes frames by rattling those of the embedded sample (the size matters here, not the physics);
2. runs the chunk jobs of the pool as ``bpbench run`` does, one process for each core, and kills the run with SIGKILL
   half-way;
3. runs it again, which goes on from the last whole chunk;
4. compares some chunks, bit by bit, with frames described one by one.

Printed are seconds, the peak of the resident memory of the driver and its workers together (each page counted once for
each process that holds it), and what stands on disk. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil

from bpbench.data import archive, readers
from bpbench.descriptors.symmetry import describe
from bpbench.features import preset
from bpbench.inputs import chunks_of
from bpbench.jobs import Describe, MakeFrames
from bpbench.runner import execute
from bpbench.runner.engine import Engine
from bpbench.runner.machine import cores
from bpbench.runner.store import Store


def make_frames(path: Path, count: int) -> None:
    """Write frames that are rattled copies of the sample's."""
    sample = readers.read(readers.sample_source())
    rng = np.random.default_rng(1)
    frames = sample.take(np.arange(count) % len(sample))
    positions = frames.positions + rng.normal(0, 0.02, frames.positions.shape)
    archive.save(
        path,
        dataclasses.replace(
            frames,
            positions=positions,
            forces=None,
            id=np.arange(count),
            block=np.char.add("b", np.arange(count).astype(str)),
        ),
    )


def jobs_of(path: Path, precision: str) -> list[MakeFrames | Describe]:
    """Return the jobs of the pool."""
    source = readers.open_source(path)
    make = MakeFrames(source)
    return [make, *chunks_of(make, preset("thesis-329"), readers.read(source), precision)]


class Watch(threading.Thread):
    """Samples the memory of a process and of all its children."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.root, self.peak, self.private, self.over = psutil.Process(pid), 0, 0, False

    def run(self) -> None:
        """Sample until told to stop."""
        while not self.over:
            resident, private = 0, 0
            try:
                for process in [self.root, *self.root.children(recursive=True)]:
                    memory = process.memory_full_info()
                    resident += memory.rss
                    private += memory.uss
            except psutil.Error:
                pass
            self.peak, self.private = max(self.peak, resident), max(self.private, private)
            time.sleep(0.2)


def run(folder: Path, precision: str, kill_after: int | None = None) -> None:
    """Run the jobs in a process of their own, and kill it and its workers when so many chunks are stored."""
    start = time.perf_counter()
    command = [sys.executable, __file__, str(folder), "--precision", precision, "--work"]
    process = subprocess.Popen(command, start_new_session=True)
    watch = Watch(process.pid)
    watch.start()
    store = folder / "store"
    while process.poll() is None:
        if kill_after is not None and len(list(store.glob("??/*"))) > kill_after:
            os.killpg(process.pid, signal.SIGKILL)
        time.sleep(0.2)
    watch.over = True
    watch.join()
    stored = len(list(store.glob("??/*")))
    size = sum(file.stat().st_size for file in store.rglob("*.npy"))
    print(
        f"{'killed' if process.returncode else 'done'} after {time.perf_counter() - start:.0f} s: {stored} results, "
        f"{size / 1e9:.2f} GB on disk; peak resident {watch.peak / 1e9:.2f} GB, private {watch.private / 1e9:.2f} GB"
    )


def check(folder: Path, precision: str) -> None:
    """Compare chunks with frames described alone."""
    jobs, store = jobs_of(folder / "frames.npz", precision), Store(folder / "store")
    frames = readers.read(readers.open_source(folder / "frames.npz"))
    functions = preset("thesis-329").functions
    for job in [job for job in jobs if isinstance(job, Describe)][:: max(1, len(jobs) // 5)]:
        values = store.load(job).arrays["values"]
        rows = frames.rows(job.first)
        alone = describe(functions, frames.positions[rows], frames.cells[job.first], frames.pbc[job.first])
        assert np.array_equal(values[:, : rows.stop - rows.start], alone.astype(precision)), job.first
    print("chunks hold what frames described alone have, to the last bit")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, default=9032)
    parser.add_argument("--precision", choices=("float32", "float64"), default="float32")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        done = execute.execute(
            jobs_of(asked.folder / "frames.npz", asked.precision), Store(asked.folder / "store"), engine=Engine(cores())
        )
        sys.exit(bool(done.failures))
    asked.folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    make_frames(asked.folder / "frames.npz", asked.frames)
    count = len(jobs_of(asked.folder / "frames.npz", asked.precision))
    spent = time.perf_counter() - start
    print(f"{asked.frames} frames made and laid out as {count} jobs in {spent:.0f} s; {cores()} processes")
    run(asked.folder, asked.precision, kill_after=count // 2)
    run(asked.folder, asked.precision)
    check(asked.folder, asked.precision)


if __name__ == "__main__":
    main()

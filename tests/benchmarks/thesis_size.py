"""The thesis-size study: what `plan` predicts of it, beside what a part of it takes.

Run it with ``.venv/bin/python tests/benchmarks/thesis_size.py FOLDER [--minutes 15] [--frames 9032]``; FOLDER needs
6 GB and is left behind. 9032 configurations of 256 atoms of aluminium at eleven state points, 329 candidate functions,
networks 57-10-10-1 on four sets of 57 and on 22, a forest, LightGBM and a ridge, ten repeats. It

1. makes the frames: rattled and slightly strained copies of those of the embedded sample, each with the energy of a
   tight-binding potential (:func:`energy`), a smooth function of the positions that takes milliseconds a frame. There
   are no trajectories behind them and no density-functional theory: the size matters here, and that there is something
   to learn;
2. plans with an empty store, that is by counts and by rates measured elsewhere;
3. runs a pilot: some chunks of the pool; plans the other chunks, and runs them;
4. runs a pilot of trainings, one of each kind; plans the others, and runs as many as the minutes allow, other ones;
5. prints, for these two disjoint parts, what was predicted before they began and what was measured.

What is stored in FOLDER already counts as a pilot, and only what is new is compared: run it again to go on.

Seconds are CPU seconds of single jobs (``cpu_s`` of their provenance): the wall clock also counts what else a machine
does. Every kind of job runs in a process of its own, whose peak of resident memory the system tells.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bpbench.data import aluminium, archive, blocks, readers
from bpbench.descriptors.neighbours import neighbours
from bpbench.identity import address
from bpbench.outlay import outlay
from bpbench.protocol import loads
from bpbench.report import outlay as told
from bpbench.runner import cost, execute, graph, work
from bpbench.runner.engine import Engine
from bpbench.runner.machine import kind_of_host
from bpbench.runner.store import Store
from bpbench.study import Prepared, prepare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bpbench.jobs import Job

#: Frames of each state point, in the order of :data:`bpbench.data.aluminium.STATES`.
FRAMES = (1000, 342, 344, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 346)
#: Spread of the strain's entries and of the shifts (Å).
STRAIN, SHAKE = 0.005, 0.05
#: A and ξ (eV), p, q and r₀ (Å) of aluminium: F. Cleri, V. Rosato, Phys. Rev. B 48, 22 (1993).
A, XI, P, Q, R_0 = 0.1221, 1.316, 8.612, 2.516, 2.864
#: Where its bonds end, Å.
REACH = 6.5

#: Chunks of the pilot, and contestants of which none is in it.
PILOT = 8
DEAR = ("329", "329 linear")

PROTOCOL = """
question: What does the thesis-size study take?
data: {kind: file, path: frames.npz}
pool: thesis-329
precision: float32
sets: {all: thesis-329, A: thesis-57-A, B: thesis-57-B, C: thesis-57-C, D: thesis-57-D, 22: thesis-22}
models:
  kalman: {kind: hdnn, hidden: [10, 10], epochs: 20, skip: true, optimizer: {kind: kalman}}
  adam: {kind: hdnn, hidden: [10, 10], epochs: 200}
  forest: {kind: random-forest, trees: 200}
  boosting: {kind: lightgbm}
  linear: {kind: linear}
variants:
  - {name: A, set: A, model: kalman}
  - {name: B, set: B, model: kalman}
  - {name: C, set: C, model: kalman}
  - {name: D, set: D, model: kalman}
  - {name: 22, set: 22, model: kalman}
  - {name: 329, set: all, model: kalman}
  - {name: 329 linear, set: all, model: linear}
  - {name: D Adam, set: D, model: adam}
  - {name: D forest, set: D, model: forest}
  - {name: D LightGBM, set: D, model: boosting}
  - {name: D linear, set: D, model: linear}
split: {design: crossed, splits: 10, reserve: 0.2, validation: 0.2}
repeats: 1
analysis: {baseline: D, test: paired-t, margin: 5%}
"""


def energy(positions: Any, cell: Any) -> float:
    """Return the energy of a frame, eV: Σ_i [½ Σ_j 2A e^(-p(r/r₀-1)) - √(Σ_j ξ² e^(-2q(r/r₀-1)))], bonds cut smoothly.

    The second-moment approximation of tight binding (Cleri & Rosato 1993); each bond is taken times ½[cos(πr/6.5)+1]
    and is a little too weak for it.
    """
    near = neighbours(positions, cell, np.ones(3, dtype=bool), REACH)
    bond, ends = near.distance / R_0 - 1, 0.5 * (np.cos(np.pi * near.distance / REACH) + 1)
    repulsion = A * np.exp(-P * bond) * ends
    density = np.bincount(near.centre, XI**2 * np.exp(-2 * Q * bond) * ends, len(positions))
    return float(repulsion.sum() - np.sqrt(density).sum())


def make_frames(path: Path, count: int) -> None:
    """Write the frames, as many of each state as in the study, or fewer of all in proportion."""
    sample = readers.read(readers.sample_source())
    rng, chosen = np.random.default_rng(1), []
    for state, many in zip(aluminium.STATES, FRAMES, strict=True):
        here = np.flatnonzero(sample.group == state.name)
        chosen.append(here[np.arange(max(15, round(many * count / sum(FRAMES)))) % len(here)])
    frames = sample.take(np.concatenate(chosen))
    positions, cells, energies = frames.positions.copy(), frames.cells.copy(), frames.energy.copy()
    for number in range(len(frames)):
        rows = frames.rows(number)
        strain = np.eye(3) + rng.normal(0, STRAIN, (3, 3))
        moved = positions[rows] @ strain + rng.normal(0, SHAKE, positions[rows].shape)
        positions[rows] = np.rint(moved * archive.STEPS_PER_ANGSTROM) / archive.STEPS_PER_ANGSTROM
        cells[number] = cells[number] @ strain
        energies[number] = energy(positions[rows], cells[number])
    archive.save(
        path,
        dataclasses.replace(
            frames,
            positions=positions,
            cells=cells,
            energy=energies,
            forces=None,
            id=np.arange(len(frames)),
            block=blocks.cut_blocks(frames.group, aluminium.BLOCK_LENGTH),
        ),
        method="second-moment tight binding (Cleri and Rosato 1993)",
    )


def read(folder: Path) -> tuple[Prepared, Store]:
    """Return the study laid out, and its store."""
    store = Store(folder / "store")
    return prepare(loads(PROTOCOL, file=str(folder / "thesis-size.yaml")), store), store


def perform(folder: Path, addresses: Sequence[str]) -> None:
    """Run some jobs in this process, and print the peak of its memory, bytes."""
    prepared, store = read(folder)
    chosen = [job for job in prepared.jobs if address(job) in set(addresses)]
    failures = execute.execute(chosen, store).failures
    assert not failures, failures
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    print(next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM:")))


@dataclasses.dataclass
class Measured:
    """What jobs of one kind were predicted to take, and took.

    Attributes
    ----------
    jobs : int
        How many.
    counted_s, predicted_s, taken_s : float
        CPU seconds by counts alone, by the plan before they began, and measured.
    wall_s : float
        Seconds of the process that did them, with its start.
    memory, peak : int
        Bytes of that process, predicted and measured.
    disk, stored : int
        Bytes in the store, predicted and measured.
    """

    jobs: int
    counted_s: float
    predicted_s: float
    memory: int
    disk: int
    taken_s: float = 0.0
    wall_s: float = 0.0
    peak: int = 0
    stored: int = 0


def run(folder: Path, jobs: Sequence[Job]) -> dict[str, Measured]:
    """Predict what jobs take, run them kind by kind, each in a process of its own, and measure it."""
    prepared, store = read(folder)
    blind = cost.estimator([], prepared.frames, store)
    estimate = cost.estimator([job for job in prepared.jobs if store.has(job)], prepared.frames, store, 1)
    found: dict[str, Measured] = {}
    for kind in dict.fromkeys(map(work.label, jobs)):
        some = [job for job in jobs if work.label(job) == kind]
        room = outlay(some, estimate, store, Engine(1))["memory"]
        made = found[kind] = Measured(
            len(some),
            sum(map(blind, some)),
            sum(map(estimate, some)),
            room["process"] + room["kept"],
            sum(cost.disk(job, prepared.frames) for job in some),
        )
        start = time.perf_counter()
        command = [sys.executable, __file__, str(folder), "--work", json.dumps([address(job) for job in some])]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        made.wall_s, made.peak = time.perf_counter() - start, int(answer.stdout)
        made.taken_s = sum(store.provenance(job)["cpu_s"] for job in some)
        for job in some:
            files = [store.folder(job), *store.folder(job).iterdir()]
            made.stored += sum(512 * file.stat().st_blocks for file in files)
    return found


def further(prepared: Prepared, store: Store, seconds: float) -> list[Job]:
    """Return trainings that are not stored, of all kinds in turn and the dearest last, as many as time allows."""
    estimate = cost.estimator([job for job in prepared.jobs if store.has(job)], prepared.frames, store, 1)
    left = [entry for entry in prepared.trainings.items() if not store.has(entry[1])]
    met: Counter[str] = Counter()
    ranked: list[tuple[bool, int, int, Job]] = []
    for number, ((variant, _), job) in enumerate(sorted(left, key=lambda entry: entry[0][1])):
        kind = work.label(job)
        ranked.append((variant == DEAR[0], met[kind], number, job))
        met[kind] += variant not in DEAR
    taken: list[Job] = []
    for _, _, _, job in sorted(ranked, key=lambda entry: entry[:3]):
        if estimate(job) <= seconds:
            seconds -= estimate(job)
            taken.append(job)
    return taken


def pilot_of(jobs: Sequence[Job], least: int, store: Store) -> list[Job]:
    """Return jobs, spread evenly, that are to run so that so many of them are stored."""
    lacking = max(0, least - sum(store.has(job) for job in jobs))
    left = [job for job in jobs if not store.has(job)]
    return left[:: max(1, len(left) // lacking)][:lacking] if lacking else []


def tell_plan(prepared: Prepared, store: Store, title: str) -> None:
    """Print what the rest of the study takes."""
    todo = graph.missing(prepared.jobs, store)
    estimate = cost.estimator([job for job in prepared.jobs if store.has(job)], prepared.frames, store, 1)
    planned = outlay(todo, estimate, store, Engine(2))
    print(f"\n{title}: {len(todo)} jobs, wall time of 2 processes {told.duration(planned['wall_s'])}")
    print("\n".join(told.lines(planned)), flush=True)


def table(parts: dict[str, Measured]) -> None:
    """Print what was predicted and measured."""
    print(f"\n{'':22}{'jobs':>6}{'counted':>12}{'predicted':>12}{'measured':>12}{'ratio':>8}  within 25 %")
    for title, names, unit in (
        ("CPU seconds", ("predicted_s", "taken_s"), 1.0),
        ("peak of a process, MB", ("memory", "peak"), 1e6),
        ("disk, MB", ("disk", "stored"), 1e6),
    ):
        print(title)
        for kind, part in parts.items():
            predicted, measured = (getattr(part, name) / unit for name in names)
            counted = f"{part.counted_s:.1f}" if unit == 1.0 else ""
            ratio = predicted / measured
            verdict = "yes" if 0.75 <= ratio <= 1.25 else "NO"
            print(f"  {kind:20}{part.jobs:6}{counted:>12}{predicted:12.1f}{measured:12.1f}{ratio:8.2f}  {verdict}")


def main() -> None:
    """Make, plan, run, plan again, run on, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=15.0, help="wall time of the whole")
    parser.add_argument("--frames", type=int, default=sum(FRAMES))
    parser.add_argument("--work", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    folder, start = asked.folder, time.perf_counter()
    if asked.work:
        perform(folder, json.loads(asked.work))
        return
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "frames.npz").exists():
        make_frames(folder / "frames.npz", asked.frames)
        print(f"{asked.frames} frames made in {time.perf_counter() - start:.0f} s")
    prepared, store = read(folder)
    print(f"{kind_of_host()}; load {os.getloadavg()[0]:.1f} when this began")
    tell_plan(prepared, store, "The study, before anything runs")
    chunks = list(prepared.inputs.chunks)
    everything = run(folder, pilot_of([prepared.inputs.make], 1, store) + pilot_of(chunks, PILOT, store))
    tell_plan(prepared, store, "What is left, after some chunks")
    parts = run(folder, [job for job in chunks if not store.has(job)])
    kinds: dict[str, list[Job]] = {}
    for (variant, _), job in prepared.trainings.items():
        if variant not in DEAR:
            kinds.setdefault(work.label(job), []).append(job)
    everything |= run(folder, [job for some in kinds.values() for job in pilot_of(some, 1, store)])
    tell_plan(prepared, store, "What is left, after one training of each kind")
    everything |= parts
    spent = sum(part.wall_s for part in everything.values())
    busy = sum(part.taken_s for part in everything.values()) / spent if spent else 0.5
    parts |= run(folder, further(prepared, store, busy * (60 * asked.minutes - (time.perf_counter() - start))))
    table(parts)
    tell_plan(prepared, store, "What is left")
    print(f"\n{time.perf_counter() - start:.0f} s in all; jobs had {busy:.0%} of a processor at first")


if __name__ == "__main__":
    main()

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

Seconds are CPU seconds of single jobs (``cpu_s`` of their provenance): the wall clock also counts what else a machine
does. Every kind of job runs in a process of its own, whose peak of resident memory the system tells.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bpbench.data import aluminium, archive, blocks, readers
from bpbench.descriptors.neighbours import neighbours
from bpbench.jobs import Describe, Job, Train
from bpbench.protocol import loads
from bpbench.runner import cost, execute, work
from bpbench.runner.store import Store
from bpbench.study import Prepared, prepare

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Frames of each state point, in the order of :data:`bpbench.data.aluminium.STATES`.
FRAMES = (1000, 342, 344, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 346)
#: Spread of the strain's entries and of the shifts (Å).
STRAIN, SHAKE = 0.005, 0.05
#: A and ξ (eV), p, q and r₀ (Å) of aluminium: F. Cleri, V. Rosato, Phys. Rev. B 48, 22 (1993).
A, XI, P, Q, R_0 = 0.1221, 1.316, 8.612, 2.516, 2.864
#: Where its bonds end, Å.
REACH = 6.5

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

"""What learning forces gains and costs on one file of frames: the weight of the ridge, the filter, Adam; three splits.

Run it with ``.venv/bin/python tests/benchmarks/learning_forces.py FILE [--block-length N] [--features SET]``. Each
model is trained on three splits (60/20/20 by blocks); the lines are test errors of energies (meV/atom) and of forces
(meV/Å), means over the splits, and seconds of processor per training, once the Jacobians, which come first, are there.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from bpbench import metrics, models
from bpbench.data import readers, splits
from bpbench.data.frames import Frames
from bpbench.descriptors.symmetry import describe_frames
from bpbench.errors import DivergedError
from bpbench.features import preset
from bpbench.jobs import Adam, ForceTerm, Hdnn, Kalman, Linear, Split
from bpbench.models.contract import Problem
from bpbench.potential import Structures

SPLITS = (1, 2, 3)
FILTER, ADAM = Kalman("kalman"), Adam(learning_rate=3e-3)
MODELS: dict[str, Hdnn | Linear] = {
    "ridge": Linear("linear"),
    **{f"ridge, weight {weight:g}": Linear("linear", forces=ForceTerm(weight)) for weight in (0.01, 0.1, 1, 10, 100)},
    **{
        f"filter{', skip' * skip}{f', fraction {share:g}' if share else ''}": Hdnn(
            "hdnn", epochs=30, skip=skip, optimizer=FILTER, forces=ForceTerm(1.0, share) if share else None
        )
        for skip in (True, False)
        for share in (0.0, 0.02, 0.1)
    },
    "Adam, 400 epochs": Hdnn("hdnn", epochs=400, batch=8, optimizer=ADAM),
    **{
        f"Adam, 200 epochs, fraction {share:g}": Hdnn(
            "hdnn", epochs=200, batch=8, optimizer=ADAM, forces=ForceTerm(1.0, share)
        )
        for share in (0.1, 0.3)
    },
}


def problems(frames: Frames, values: np.ndarray, names: tuple[str, ...], geometry: Structures) -> list[Problem]:
    """Return the same data, divided in each of the ways."""
    made = []
    for seed in SPLITS:
        parts = splits.draw(frames, Split(0.2, 0.2, 1, seed))
        made.append(
            Problem(
                names,
                values,
                frames.offsets,
                frames.energy,
                parts.train,
                parts.validation,
                parts.test,
                elements=tuple(frames.elements),
                forces=frames.forces,
                geometry=geometry,
            )
        )
    return made


def scored(model: Hdnn | Linear, problem: Problem, seed: int) -> tuple[float, float, float]:
    """Train once; return both errors of the test part and the seconds of the training."""
    start = time.process_time()
    made = models.fit(model, problem, weights_seed=seed, order_seed=seed + 100)
    taken = time.process_time() - start
    assert made.energy is not None
    assert problem.geometry is not None
    assert problem.forces is not None
    predicted, reference = [], []
    for frame in problem.test:
        rows = slice(problem.offsets[frame], problem.offsets[frame + 1])
        slopes = models.gradient(model, made.parameters, problem.values[:, rows])
        predicted.append(-problem.geometry.adjoint(int(frame), slopes))
        reference.append(problem.forces[rows])
    energies = metrics.score(problem.energy[problem.test], made.energy[problem.test], problem.atoms[problem.test])
    forces = metrics.score_forces(np.concatenate(reference), np.concatenate(predicted))
    return energies["rmse"], forces["force_rmse"], taken


def main() -> None:
    """Print one line for each model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--block-length", type=int, default=5)
    parser.add_argument("--features", default="thesis-22")
    asked = parser.parse_args()
    frames = readers.read(readers.open_source(asked.file, block_length=asked.block_length))
    functions = preset(asked.features).functions
    values = describe_frames(functions, frames, 0, len(frames))
    geometry = Structures(frames, functions)
    start = time.process_time()
    for frame in range(len(frames)):
        geometry.slopes(frame)
    print(f"{len(frames)} frames, {frames.offsets[-1]} atoms; Jacobians {time.process_time() - start:.1f} s")
    divided = problems(frames, values, tuple(function.name for function in functions), geometry)
    models.fit(next(iter(MODELS.values())), divided[0], weights_seed=1, order_seed=1)  # compiled and loaded
    for name, model in MODELS.items():
        found = []
        for seed, problem in zip(SPLITS, divided, strict=True):
            try:
                found.append(scored(model, problem, seed))
            except DivergedError as error:
                print(f"{name:<34} split {seed}: {error}")
        if found:
            energy, force, taken = np.mean(found, axis=0)
            print(f"{name:<34} {energy:8.2f} meV/atom {force:8.1f} meV/Å {taken:8.2f} s", flush=True)


if __name__ == "__main__":
    main()

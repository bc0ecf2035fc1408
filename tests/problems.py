"""Small synthetic learning problems, shared by the tests of all models."""

from __future__ import annotations

import dataclasses

import numpy as np

from bpbench.models.contract import Problem


def problem(sizes: list[int], functions: int = 6, seed: int = 0) -> Problem:
    """Return ragged configurations whose energy is a smooth function of three hidden variables per atom.

    Parameters
    ----------
    sizes : list of int
        Atoms in each configuration.
    functions : int
        Number of descriptors: smooth mixtures of the hidden variables with a little noise.
    seed : int
        Seed of everything drawn.
    """
    random = np.random.default_rng(seed)
    counts = np.asarray(sizes)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    hidden = 0.5 * random.standard_normal((3, offsets[-1]))
    hidden += np.repeat(random.uniform(-1.0, 1.0, (3, len(counts))), counts, axis=1)
    values = np.exp(0.3 * random.standard_normal((functions, 3)) @ hidden)
    values += 0.01 * random.standard_normal(values.shape)
    per_atom = -3.5 + 0.05 * hidden[0] + 0.03 * hidden[1] * hidden[2]
    order = random.permutation(len(counts))
    first, second = int(0.6 * len(counts)), int(0.8 * len(counts))
    return Problem(
        names=tuple(f"G{number}" for number in range(functions)),
        values=values,
        offsets=offsets,
        energy=np.add.reduceat(per_atom, offsets[:-1]),
        train=np.sort(order[:first]),
        validation=np.sort(order[first:second]),
        test=np.sort(order[second:]),
    )


def ragged(frames: int = 40, functions: int = 6, seed: int = 0, largest: int = 12) -> Problem:
    """Return configurations of 1 to ``largest`` atoms."""
    sizes = np.random.default_rng(seed + 1000).integers(1, largest + 1, frames)
    return problem(sizes.tolist(), functions, seed)


def changed(base: Problem, **fields: object) -> Problem:
    """Return a problem with some fields replaced."""
    return dataclasses.replace(base, **fields)  # type: ignore[arg-type]

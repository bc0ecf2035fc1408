"""Compiled sums over a frame's Jacobian: what its adjoint, its tangent and its rows are without the descriptors.

J and its layout are those of :class:`bpbench.models.contract.Slopes`; adjoint and tangent are those of
:class:`bpbench.models.contract.Geometry`.
"""

from __future__ import annotations

import numpy as np

from bpbench.compiled import Ints, kernel
from bpbench.models.contract import Floats, Slopes
from bpbench.models.kernels import Reals


@kernel
def pull(near: Slopes, weights: Reals, out: Reals) -> None:
    """Write Σ_fi w_fi ∂G_fi/∂R of every atom, shape (3, n); w has the shape (D, n)."""
    whole = np.zeros((3, len(near.other)), weights.dtype)
    for f in range(len(weights)):
        for i in range(len(near.border) - 1):
            w = weights[f, i]
            for axis in range(3):
                row, slopes = whole[axis], near.values[f, axis]
                for p in range(near.border[i], near.border[i + 1]):
                    row[p] += w * slopes[p]
    out[:] = 0
    for axis in range(3):
        for i in range(len(near.border) - 1):
            for p in range(near.border[i], near.border[i + 1]):
                out[axis, near.other[p]] += whole[axis, p]
                out[axis, i] -= whole[axis, p]


@kernel
def push(near: Slopes, v: Reals, out: Reals) -> None:
    """Write Ġ of every function and atom, shape (D, n), where atoms move with velocities of shape (3, n)."""
    whole = np.empty((3, len(near.other)), v.dtype)
    for axis in range(3):
        for i in range(len(near.border) - 1):
            for p in range(near.border[i], near.border[i + 1]):
                whole[axis, p] = v[axis, near.other[p]] - v[axis, i]
    for f in range(len(out)):
        for i in range(len(near.border) - 1):
            total = v.dtype.type(0)
            for axis in range(3):
                row, slopes = whole[axis], near.values[f, axis]
                for p in range(near.border[i], near.border[i + 1]):
                    total += row[p] * slopes[p]
            out[f, i] = total


@kernel
def columns(near: Slopes, chosen: Ints, out: Reals) -> None:
    """Write Σ_i ∂G_fi/∂R_k over the centres with ``chosen[i]`` ≥ 0, shape (D, 3, n)."""
    out[:] = 0
    for f in range(len(out)):
        for axis in range(3):
            row, slopes = out[f, axis], near.values[f, axis]
            for i in range(len(near.border) - 1):
                if chosen[i] < 0:
                    continue
                for p in range(near.border[i], near.border[i + 1]):
                    row[near.other[p]] += slopes[p]
                    row[i] -= slopes[p]


@kernel
def transposed(near: Slopes) -> Ints:
    """Return the place of the entry (j, i) for every entry (i, j)."""
    found, met = np.empty(len(near.other), np.int64), near.border[:-1].copy()
    for i in range(len(near.border) - 1):
        for p in range(near.border[i], near.border[i + 1]):
            # Within j the centres come in ascending order, as i does here.
            j = near.other[p]
            found[p] = met[j]
            met[j] += 1
    return found


class Pairs:
    """Frames of two atoms, as geometry (:class:`bpbench.models.contract.Geometry`) for what must be compiled.

    Parameters
    ----------
    functions : int
        Number D of functions, each of which changes with either atom alike.
    """

    def __init__(self, functions: int) -> None:
        self._near = Slopes(np.array([0, 1, 2]), np.array([1, 0]), np.ones((functions, 3, 2), dtype=np.float32))

    def adjoint(self, _frame: int, weights: Floats) -> Floats:
        """Return Σ_fi w_fi ∂G_fi/∂R, shape (2, 3)."""
        out = np.empty((3, 2))
        pull(self._near, weights, out)
        return out.T

    def tangent(self, _frame: int, velocities: Floats) -> Floats:
        """Return the change of every function, shape (D, 2)."""
        out = np.empty((len(self._near.values), 2))
        push(self._near, np.ascontiguousarray(velocities.T), out)
        return out

    def slopes(self, _frame: int) -> Slopes:
        """Return the Jacobian."""
        return self._near

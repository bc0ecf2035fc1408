r"""Symmetry functions of whole frames.

.. math::

    G^2_i &= \sum_j e^{-\eta (R_{ij}-R_s)^2} f_c(R_{ij}) \\
    G^5_i &= 2^{1-\zeta} \sum_{j<k} (1+\lambda\cos\theta_{ijk})^\zeta e^{-\eta(R_{ij}^2+R_{ik}^2)}
             f_c(R_{ij}) f_c(R_{ik}) \\
    G^4_i &= 2^{1-\zeta} \sum_{j<k} (1+\lambda\cos\theta_{ijk})^\zeta e^{-\eta(R_{ij}^2+R_{ik}^2+R_{jk}^2)}
             f_c(R_{ij}) f_c(R_{ik}) f_c(R_{jk}) \\
    f_c(r) &= \tfrac12 [\cos(\pi r/R_c) + 1] \text{ for } r \le R_c \text{, else } 0,
    \text{ or another of bpbench.features.CUTOFFS}

=========  ================  ===================================================
symbol     name              meaning
=========  ================  ===================================================
i                            the atom described
j, k                         its neighbours, periodic images included; in an alloy those of the elements named
R_ij       ``distance``      distance (Å)
θ_ijk                        angle at i between the directions of j and k
R_c        ``r_c``           cutoff (Å)
R_s        ``r_s``           centre of a radial function (Å)
η          ``eta``           width parameter (Å⁻²)
ζ          ``zeta``          angular resolution
λ          ``lam``           +1 or -1
=========  ================  ===================================================

Each unordered pair (j, k) counts **once**, as in n2p2, RuNNer and DScribe; where a paper writes the sum over all j and
k, its values are twice ours. Where a G4 or G5 has an R_s, it is subtracted from every distance in the exponent.

Nothing that grows with functions × atoms × neighbours is ever stored. With w = ∂E/∂G the *adjoint* gives
:math:`\partial E/\partial\mathbf R = \sum_{fi} w_{fi}\,\partial G_{fi}/\partial\mathbf R` (forces are its
negative), and beside it the derivative by a strain of positions and cell (the stress times the volume); with velocities
**v** the *tangent* gives :math:`\dot G_{fi} = \sum_n \partial G_{fi}/\partial\mathbf R_n \cdot \mathbf v_n`, which the
gradient of a force loss needs. Each costs a small multiple of G itself. Definitions: J. Behler, J. Chem. Phys. 134,
074106 (2011), whose G⁴ and G⁵ these are but for that factor.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bpbench.descriptors.neighbours import Neighbours, neighbours
from bpbench.descriptors.plan import Shell, Triplets, plan
from bpbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from bpbench.data.frames import Frames
    from bpbench.descriptors.elementary import Near
    from bpbench.features import Feature

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Fewest terms (functions times entries of the neighbour list) worth a further thread, which takes 0.1 ms to wake.
TERMS: int = 500_000


@dataclass(frozen=True, slots=True)
class _Evaluated:
    """One shell of one frame: its neighbours, for us and for the kernels, and which centres go by triplets."""

    shell: Shell
    near: Neighbours
    seen: Near
    doubtful: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Symmetry functions of one frame, and what is needed to go on to their derivatives.

    Attributes
    ----------
    values : ndarray, shape (D, n)
        One row for each function, in the order given.
    neighbours_per_atom : float
        Mean number of neighbours within the largest cutoff.
    """

    values: Floats
    neighbours_per_atom: float
    _parts: tuple[_Evaluated, ...]
    _threads: int

    def adjoint(self, weights: npt.ArrayLike) -> Floats:
        """Return Σ_fi w_fi ∂G_fi/∂R of every atom (vector-Jacobian product).

        Parameters
        ----------
        weights : array_like, shape (D, n)
            w; for ∂E/∂G in eV the result is ∂E/∂R in eV/Å, and forces are its negative.

        Returns
        -------
        ndarray, shape (n, 3)

        Raises
        ------
        DataError
            For weights of another shape.
        """
        return self.slopes(weights)[0]

    def slopes(self, weights: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Return what :meth:`adjoint` returns, and Σ_fi w_fi ∂G_fi/∂ε, for little more than the first alone costs.

        The strain ε takes every vector r, of positions and of the cell, to r (1 + ε); vectors are rows.

        Parameters
        ----------
        weights : array_like, shape (D, n)
            w; for ∂E/∂G in eV the second result is ∂E/∂ε in eV, and by volume the stress.

        Returns
        -------
        ndarray, shape (n, 3)
        ndarray, shape (3, 3)
            Symmetric to rounding: no function changes when everything turns.

        Raises
        ------
        DataError
            For weights of another shape.
        """
        w = _shaped(weights, self.values.shape, "Weights of the adjoint")
        gradient, strain = np.zeros((self.values.shape[1], 3)), np.zeros((3, 3))
        for part in self._parts:
            pull = _pulled(part, w, self._threads)
            for axis in range(3):
                # Pairs are added in the order of the list, whatever the number of threads.
                gradient[:, axis] += np.bincount(part.near.index, pull[axis], len(gradient))
                gradient[:, axis] -= np.bincount(part.near.centre, pull[axis], len(gradient))
            strain += np.einsum("ap,bp->ab", part.near.vector, pull)
        return gradient, strain

    def tangent(self, velocities: npt.ArrayLike) -> Floats:
        """Return the change of every function when every atom moves (Jacobian-vector product).

        Parameters
        ----------
        velocities : array_like, shape (n, 3)
            Å per unit of a parameter; periodic images move with their atoms, the cell stays.

        Returns
        -------
        ndarray, shape (D, n)
            Change per unit of that parameter.

        Raises
        ------
        DataError
            For velocities of another shape.
        """
        v = _shaped(velocities, (self.values.shape[1], 3), "Velocities of the tangent")
        change = np.zeros_like(self.values)
        for part in self._parts:
            _push(part, v, change, self._threads)
        return change


def evaluate(
    functions: Sequence[Feature],
    positions: npt.ArrayLike,
    cell: npt.ArrayLike,
    pbc: npt.ArrayLike,
    species: npt.ArrayLike | None = None,
    *,
    threads: int = 1,
) -> Evaluation:
    """Evaluate symmetry functions for every atom of one frame, ready for their derivatives.

    Parameters
    ----------
    functions : sequence of G2, G4 or G5
        D of them, of any mixture of cutoffs, cutoff functions and elements.
    positions : array_like, shape (n, 3)
        Å; inside the cell or not.
    cell : array_like, shape (3, 3)
        Cell vectors as rows, Å; ignored where the frame is not periodic.
    pbc : array_like of bool, shape (3,)
        Periodic along each cell vector.
    species : array_like of int, shape (n,), optional
        Atomic numbers; needed when functions name elements.
    threads : int
        Threads that share the work; no number depends on it.

    Returns
    -------
    Evaluation
        With ``values``, ``adjoint``, ``slopes`` and ``tangent``.

    Raises
    ------
    FeatureError
        When there is no function.
    DataError
        For a frame that cannot be described, see :func:`bpbench.descriptors.neighbours.neighbours`, and for elements
        that the functions do not tell apart or do not name.
    """
    from bpbench.descriptors.elementary import Near  # numba

    numbers = None if species is None else np.asarray(species, dtype=np.int64)
    present: tuple[int, ...] = ()
    kind: Ints | None = None
    if numbers is not None:
        if numbers.shape != (len(np.asarray(positions)),):
            raise DataError(
                f"Species must hold one atomic number for each of {len(np.asarray(positions))} atoms, found shape "
                f"{numbers.shape}."
            )
        unique, kind = np.unique(numbers, return_inverse=True)
        present = tuple(int(number) for number in unique)
    chosen = tuple(functions)
    shells = plan(chosen, present)
    values = np.zeros((len(chosen), len(np.asarray(positions))))
    reach = max(function.r_c for function in chosen)
    near = neighbours(positions, cell, pbc, reach, kind)
    crowd = len(near.index) / len(near.border)
    parts = []
    for shell in shells:
        near = near.within(shell.cut.r_c)  # cutoffs descend
        seen = Near(near.border, near.distance, near.vector / near.distance, near.vector)
        part = _Evaluated(shell, near, seen, np.zeros(len(near.border), dtype=np.bool_))
        _fill(part, values, threads)
        parts.append(part)
    return Evaluation(values, crowd, tuple(parts), threads)


def describe(
    functions: Sequence[Feature],
    positions: npt.ArrayLike,
    cell: npt.ArrayLike,
    pbc: npt.ArrayLike,
    species: npt.ArrayLike | None = None,
    *,
    threads: int = 1,
) -> Floats:
    """Return the values of symmetry functions for every atom of one frame, shape (D, n); see :func:`evaluate`."""
    return evaluate(functions, positions, cell, pbc, species, threads=threads).values


def describe_frames(functions: Sequence[Feature], frames: Frames, first: int, last: int, *, threads: int = 1) -> Floats:
    """Evaluate symmetry functions for every atom of frames ``first`` to ``last`` (excluded).

    Parameters
    ----------
    functions : sequence of G2, G4 or G5
        D of them; in frames of several elements each names the elements of its neighbours.
    frames : Frames
        The frames.
    first, last : int
        Frame numbers, 0 ≤ first < last ≤ F.
    threads : int
        Threads that share the work, each with its own frames; no number depends on it.

    Returns
    -------
    ndarray, shape (D, a)
        Feature-major; the a atoms of these frames in their order.

    Raises
    ------
    FeatureError
        When there is no function.
    DataError
        For a range without frames, or a frame that cannot be described; the frame is named.
    """
    if not 0 <= first < last <= len(frames):
        raise DataError(f"Frames to describe must lie in 0 to {len(frames)}, found {first} to {last}.")
    begin = int(frames.offsets[first])
    values = np.empty((len(functions), int(frames.offsets[last]) - begin))
    several = last - first > 1

    def one(frame: int) -> None:
        rows = frames.rows(frame)
        try:
            part = describe(
                functions,
                frames.positions[rows],
                frames.cells[frame],
                frames.pbc[frame],
                frames.species[rows],
                threads=1 if several else threads,
            )
        except DataError as error:
            raise DataError(f"Frame {int(frames.id[frame])}: {error}") from error
        values[:, rows.start - begin : rows.stop - begin] = part

    if several and threads > 1:
        _wait([_pool(threads).submit(one, frame) for frame in range(first, last)])
    else:
        for frame in range(first, last):
            one(frame)
    return values


def pulled(shell: Shell, near: Neighbours) -> Floats:
    """Return Σ_f ∂G_fi/∂R_ij of a shell's functions for each entry of a neighbour list, shape (3, P), per Å.

    Parameters
    ----------
    shell : Shell
        Functions of one cutoff function.
    near : Neighbours
        Neighbours within its radius.
    """
    from bpbench.descriptors.elementary import Near  # numba

    centres = len(near.border)
    seen = Near(near.border, near.distance, near.vector / near.distance, near.vector)
    part = _Evaluated(shell, near, seen, np.zeros(centres, dtype=np.bool_))
    values = np.zeros((1, centres))
    if shell.moments is not None:
        _fill(part, values, 1)  # where moments lose digits is found on the way
    return _pulled(part, np.ones_like(values), 1)


# ------------------------------------------------------------------------------------------------ centres and threads


def _shaped(given: npt.ArrayLike, shape: tuple[int, ...], name: str) -> Floats:
    array = np.ascontiguousarray(given, dtype=np.float64)
    if array.shape != shape:
        raise DataError(f"{name} must have the shape {shape}, found {array.shape}.")
    return array


def _share(work: Callable[[int, int], None], part: _Evaluated, functions: int, threads: int) -> None:
    """Do the work of all centres, in as many equal pieces as are worth a thread.

    A centre's numbers depend on nothing but its own neighbours, so the pieces change none.
    """
    centres = len(part.near.border)
    pieces = min(threads, centres, functions * len(part.near.index) // TERMS)
    if pieces <= 1:
        work(0, centres)
        return
    borders = [centres * piece // pieces for piece in range(pieces + 1)]
    _wait([_pool(threads).submit(work, first, last) for first, last in pairwise(borders)])


def _wait(submitted: Sequence[Future[None]]) -> None:
    """Wait for all; if one fails or somebody interrupts, those that have not begun never do."""
    try:
        for done in submitted:
            done.result()
    except BaseException:
        for waiting in submitted:
            waiting.cancel()
        raise


@lru_cache(maxsize=4)
def _pool(threads: int) -> ThreadPoolExecutor:
    """Return threads that stay for the next frame: to start some takes as long as a tenth of a frame."""
    return ThreadPoolExecutor(threads, "describe")


def _teams(part: _Evaluated, first: int, last: int) -> list[tuple[Triplets, Ints]]:
    """Return what goes by triplets, and at which of the centres."""
    doubtful = np.flatnonzero(part.doubtful[first:last]) + first
    teams = [(team, doubtful) for team in part.shell.instead] if len(doubtful) else []
    every = np.arange(first, last)
    return teams + [(team, every) for team in part.shell.triplets]


def _fill(part: _Evaluated, values: Floats, threads: int) -> None:
    from bpbench.descriptors import moments, radial, triplets  # numba

    shell, seen = part.shell, part.seen

    def work(first: int, last: int) -> None:
        for kind, asked in shell.radial:
            radial.radial(seen, kind, shell.cut, asked, first, last, values)
        if shell.moments is not None:
            moments.moments(seen, shell.cut, shell.moments, first, last, values, part.doubtful)
        for team, centres in _teams(part, first, last):
            triplets.triplets(seen, shell.cut, team, centres, values)

    _share(work, part, len(values), threads)


def _pulled(part: _Evaluated, weights: Floats, threads: int) -> Floats:
    """Return the derivative by the vector to each neighbour, shape (3, P)."""
    from bpbench.descriptors import moments, radial, triplets  # numba
    from bpbench.descriptors.elementary import Pull

    shell, seen = part.shell, part.seen
    pull = Pull(np.zeros(len(seen.distance)), np.zeros((3, len(seen.distance))))

    def work(first: int, last: int) -> None:
        for kind, asked in shell.radial:
            radial.radial_adjoint(seen, kind, shell.cut, asked, first, last, weights, pull)
        if shell.moments is not None:
            moments.moments_adjoint(seen, shell.cut, shell.moments, first, last, part.doubtful, weights, pull)
        for team, centres in _teams(part, first, last):
            triplets.triplets_adjoint(seen, shell.cut, team, centres, weights, pull)

    _share(work, part, len(weights), threads)
    # A change of the vector changes the distance along the direction, and the direction at right angles to it.
    inward = np.einsum("ap,ap->p", pull.across, seen.unit)
    whole: Floats = pull.along * seen.unit + (pull.across - inward * seen.unit) / seen.distance
    return whole


def _push(part: _Evaluated, velocities: Floats, change: Floats, threads: int) -> None:
    from bpbench.descriptors import moments, radial, triplets  # numba
    from bpbench.descriptors.elementary import Motion

    shell, seen = part.shell, part.seen
    push = np.ascontiguousarray((velocities[part.near.index] - velocities[part.near.centre]).T)
    rate = np.einsum("ap,ap->p", push, seen.unit)
    motion = Motion(rate, (push - rate * seen.unit) / seen.distance, push)

    def work(first: int, last: int) -> None:
        for kind, asked in shell.radial:
            radial.radial_tangent(seen, kind, shell.cut, asked, first, last, motion, change)
        if shell.moments is not None:
            moments.moments_tangent(seen, shell.cut, shell.moments, first, last, part.doubtful, motion, change)
        for team, centres in _teams(part, first, last):
            triplets.triplets_tangent(seen, shell.cut, team, centres, motion, change)

    _share(work, part, len(change), threads)

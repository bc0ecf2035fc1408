r"""Symmetry functions of whole frames.

.. math::

    G^2_i &= \sum_j e^{-\eta (R_{ij}-R_s)^2} f_c(R_{ij}) \\
    G^5_i &= 2^{1-\zeta} \sum_{j<k} (1+\lambda\cos\theta_{ijk})^\zeta e^{-\eta(R_{ij}^2+R_{ik}^2)}
             f_c(R_{ij}) f_c(R_{ik}) \\
    G^4_i &= 2^{1-\zeta} \sum_{j<k} (1+\lambda\cos\theta_{ijk})^\zeta e^{-\eta(R_{ij}^2+R_{ik}^2+R_{jk}^2)}
             f_c(R_{ij}) f_c(R_{ik}) f_c(R_{jk}) \\
    f_c(r) &= \tfrac12 [\cos(\pi r/R_c) + 1] \text{ for } r \le R_c \text{, else } 0

=========  ================  ===================================================
symbol     name              meaning
=========  ================  ===================================================
i                            the atom described
j, k                         its neighbours, periodic images included
R_ij       ``distance``      distance (Å)
θ_ijk                        angle at i between the directions of j and k
R_c        ``r_c``           cutoff (Å)
R_s        ``r_s``           centre of a radial function (Å)
η          ``eta``           width parameter (Å⁻²)
ζ          ``zeta``          angular resolution
λ          ``lam``           +1 or -1
=========  ================  ===================================================

Each unordered pair (j, k) counts **once**, as in n2p2, RuNNer and DScribe; where a paper writes the sum over all j and
k, its values are twice ours. Definitions: J. Behler, J. Chem. Phys. 134, 074106 (2011), whose G⁴ and G⁵ these are but
for that factor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bpbench.descriptors.neighbours import Neighbours, neighbours
from bpbench.descriptors.plan import Angular, Shell, plan
from bpbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bpbench.data.frames import Frames
    from bpbench.features import Feature

Floats = npt.NDArray[np.float64]


def describe(functions: Sequence[Feature], positions: npt.ArrayLike, cell: npt.ArrayLike, pbc: npt.ArrayLike) -> Floats:
    """Evaluate symmetry functions for every atom of one frame; all its atoms are taken to be of one element.

    Parameters
    ----------
    functions : sequence of G2, G4 or G5
        D of them, of any mixture of cutoffs.
    positions : array_like, shape (n, 3)
        Å; inside the cell or not.
    cell : array_like, shape (3, 3)
        Cell vectors as rows, Å; ignored where the frame is not periodic.
    pbc : array_like of bool, shape (3,)
        Periodic along each cell vector.

    Returns
    -------
    ndarray, shape (D, n)
        One row for each function, in the order given.

    Raises
    ------
    FeatureError
        When there is no function.
    DataError
        For a frame that cannot be described, see :func:`bpbench.descriptors.neighbours.neighbours`.
    """
    return _describe(plan(functions), len(functions), positions, cell, pbc)


def describe_frames(functions: Sequence[Feature], frames: Frames, first: int, last: int) -> Floats:
    """Evaluate symmetry functions for every atom of frames ``first`` to ``last`` (excluded).

    Parameters
    ----------
    functions : sequence of G2, G4 or G5
        D of them.
    frames : Frames
        Of one element.
    first, last : int
        Frame numbers, 0 ≤ first < last ≤ F.

    Returns
    -------
    ndarray, shape (D, a)
        Feature-major; the a atoms of these frames in their order.

    Raises
    ------
    FeatureError
        When there is no function.
    DataError
        For several elements, a range without frames, or a frame that cannot be described; the frame is named.
    """
    if not 0 <= first < last <= len(frames):
        raise DataError(f"Frames to describe must lie in 0 to {len(frames)}, found {first} to {last}.")
    _refuse_mixture(frames)
    shells = plan(functions)
    begin = int(frames.offsets[first])
    values = np.empty((len(functions), int(frames.offsets[last]) - begin))
    for frame in range(first, last):
        rows = frames.rows(frame)
        try:
            part = _describe(shells, len(functions), frames.positions[rows], frames.cells[frame], frames.pbc[frame])
        except DataError as error:
            raise DataError(f"Frame {int(frames.id[frame])}: {error}") from error
        values[:, rows.start - begin : rows.stop - begin] = part
    return values


def operations(functions: Sequence[Feature], neighbours_per_atom: float) -> float:
    """Return the floating-point operations that these functions cost per atom, counted on paper.

    A crude model, the same on every machine, for decisions that must not depend on a clock. With N neighbours inside a
    function's cutoff and N(N-1)/2 pairs of them it counts 20 for an exponential, a cosine or a root, 40 for a broken
    power, 1 for each sum or product; what functions share is counted once. The neighbour list is left out, as every set
    of the same cutoff needs the same one.

    Parameters
    ----------
    functions : sequence of G2, G4 or G5
        The set.
    neighbours_per_atom : float
        Mean number of neighbours within the largest cutoff of the set; smaller cutoffs are taken to hold
        (r_c / largest)³ of them.

    Returns
    -------
    float
        Operations per atom.
    """
    shells = plan(functions)
    return float(sum(_cost(shell, neighbours_per_atom * (shell.r_c / shells[0].r_c) ** 3) for shell in shells))


def _describe(
    shells: Sequence[Shell], functions: int, positions: npt.ArrayLike, cell: npt.ArrayLike, pbc: npt.ArrayLike
) -> Floats:
    near = neighbours(positions, cell, pbc, shells[0].r_c)
    values = np.zeros((functions, len(near.start) - 1))
    for shell in shells:
        near = near.within(shell.r_c)  # cutoffs descend
        _fill(shell, near, values)
    return values


def _fill(shell: Shell, near: Neighbours, values: Floats) -> None:
    from bpbench.descriptors import kernels  # numba

    if len(shell.radial.rows):
        kernels.radial(near.start, near.distance, shell.r_c, shell.radial, values)
    vector = np.ascontiguousarray(near.vector.T)
    for kernel, asked in ((kernels.opened, shell.opened), (kernels.closed, shell.closed)):
        if len(asked.rows):
            kernel(near.start, near.distance, vector, shell.r_c, asked, values)


def _refuse_mixture(frames: Frames) -> None:
    species = np.unique(frames.species)
    if len(species) > 1:
        found = ", ".join(str(number) for number in species)
        atom = int(np.flatnonzero(frames.species != frames.species[0])[0])
        frame = int(np.searchsorted(frames.offsets, atom, side="right")) - 1
        raise DataError(
            "Symmetry functions that do not tell elements apart need frames of one element, found atomic numbers "
            f"{found} (a second one first in frame {int(frames.id[frame])}); keep the frames of one element."
        )


_EXP, _POW = 20.0, 40.0


def _cost(shell: Shell, neighbours_inside: float) -> float:
    pairs = max(neighbours_inside * (neighbours_inside - 1) / 2, 0.0)
    radial = neighbours_inside * (_EXP + len(shell.radial.rows) * (_EXP + 5))
    return radial + sum(
        neighbours_inside * (_EXP + len(angular.eta) * (_EXP + 3)) + pairs * _per_pair(angular, closed=closed)
        for angular, closed in ((shell.opened, False), (shell.closed, True))
        if len(angular.rows)
    )


def _per_pair(angular: Angular, *, closed: bool) -> float:
    broken = float(np.count_nonzero(angular.exponents))
    shared = 9.0 * len(angular.signs) + (len(angular.products) - broken) + _POW * broken
    weights = (_EXP + 4.0 if closed else 1.0) * len(angular.eta) + (8.0 + 2 * _EXP if closed else 0.0)
    return shared + weights + 2.0 * len(angular.rows)

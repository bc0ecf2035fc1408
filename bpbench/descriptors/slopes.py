r"""How each symmetry function of an atom changes with each of its neighbours: the Jacobian, as far as it is not 0.

.. math::
    J_{fij} = \sum_{\text{images of } j} \frac{∂G_{fi}}{∂\mathbf R_{ij}}, \qquad
    \frac{∂G_{fi}}{∂\mathbf R_k} = J_{fik} - δ_{ik} \sum_j J_{fij}

=========  ==================  ==========================================================================
symbol     name                meaning
=========  ==================  ==========================================================================
f, i       first axis, centre  function and the atom it describes
j          ``other``           an atom with an image among its neighbours; i itself, whose images move with
                               it, is none of them
R_ij       ``vector``          vector from i to that image (Å)
J_fij      ``slopes``          one function's change with its neighbours, all images of one together (Å⁻¹)
=========  ==================  ==========================================================================

The adjoint of one function with weights of 1 finds J of that function before it is added up over centres. It takes as
long as some ten adjoints of all the functions together and fills D × 3 numbers for each pair of neighbours, and
belongs where a frame's adjoint, tangent or single rows are asked for again and again (:mod:`bpbench.models.forces`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bpbench.descriptors.neighbours import Neighbours, neighbours
from bpbench.descriptors.plan import singly
from bpbench.descriptors.symmetry import pulled

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from bpbench.descriptors.symmetry import Floats, Ints
    from bpbench.features import Feature


def slopes(
    functions: Sequence[Feature],
    positions: npt.ArrayLike,
    cell: npt.ArrayLike,
    pbc: npt.ArrayLike,
    species: npt.ArrayLike,
) -> tuple[Ints, Ints, Floats]:
    """Return J of one frame.

    Parameters
    ----------
    functions, positions, cell, pbc, species
        As for :func:`bpbench.descriptors.symmetry.evaluate`, which refuses what cannot be described.

    Returns
    -------
    border : ndarray of int, shape (n + 1,)
        Centre i owns the entries ``border[i]:border[i + 1]``.
    other : ndarray of int, shape (P,)
        j of each entry, ascending within a centre. Where (i, j) is an entry, so is (j, i).
    slopes : ndarray, shape (D, 3, P)
        J, per Å.
    """
    unique, kind = np.unique(np.asarray(species), return_inverse=True)
    near = neighbours(positions, cell, pbc, max(function.r_c for function in functions), kind)
    atoms = len(near.border)
    places, code = _places(near, atoms)
    found = np.zeros((len(functions), 3, len(code)))
    shrunk = {}
    for row, shells in enumerate(singly(tuple(functions), tuple(int(number) for number in unique))):
        for shell in shells:
            if shell.cut.r_c not in shrunk:
                part = near.within(shell.cut.r_c)
                shrunk[shell.cut.r_c] = part, _where(part, atoms, places)
            part, where = shrunk[shell.cut.r_c]
            pull = pulled(shell, part)
            for axis in range(3):
                # One place more than there are pairs: an atom's own images.
                found[row, axis] = np.bincount(where, pull[axis], len(code) + 1)[:-1]
    border = np.searchsorted(code, atoms * np.arange(atoms + 1))
    return border.astype(np.int64), (code % max(atoms, 1)).astype(np.int64), found


def _places(near: Neighbours, atoms: int) -> tuple[Ints, Ints]:
    """Return the place of every pair of atoms in the list of those that are near, shape (n²,), and that list."""
    pair = np.zeros((atoms, atoms), dtype=bool)
    pair[near.centre, near.index] = True
    pair |= pair.T  # at the cutoff rounding may see one of the two alone
    np.fill_diagonal(pair, val=False)
    code = np.flatnonzero(pair)
    places = np.full(atoms * atoms, len(code), dtype=np.int64)
    places[code] = np.arange(len(code))
    return places, code.astype(np.int64)


def _where(near: Neighbours, atoms: int, places: Ints) -> Ints:
    where: Ints = places[near.centre * atoms + near.index]
    return where

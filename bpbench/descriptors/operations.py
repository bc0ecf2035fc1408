"""What symmetry functions cost on paper: a count that no clock and no machine can change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from bpbench.descriptors.plan import Moments, Radial, Shell, Triplets, plan
from bpbench.elements import NUMBERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bpbench.features import Feature

#: Operations that an exponential, a cutoff function or a root counts for, and a broken power.
EXP: Final = 20.0
POW: Final = 40.0


def operations(functions: Sequence[Feature], neighbours_per_atom: float) -> float:
    """Return the floating-point operations that these functions cost per atom, counted on paper.

    A crude model of what the kernels do, for decisions that must not depend on a clock: 20 for an exponential, a cutoff
    function or a root, 40 for a broken power, 1 for each sum or product; what functions share is counted once. The
    neighbour list is left out, as every set of the same cutoff needs the same one.

    Parameters
    ----------
    functions : sequence of G2, G4 or G5
        The set.
    neighbours_per_atom : float
        Mean number of neighbours within the largest cutoff of the set; smaller cutoffs are taken to hold
        (r_c / largest)³ of them, and elements to share them evenly.

    Returns
    -------
    float
        Operations per atom.
    """
    present = tuple(sorted({NUMBERS[element] for function in functions for element in function.elements}))
    shells = plan(tuple(functions), present)
    widest = max(shell.cut.r_c for shell in shells)
    kinds = max(len(present), 1)
    return float(sum(_shell(shell, neighbours_per_atom * (shell.cut.r_c / widest) ** 3, kinds) for shell in shells))


def _shell(shell: Shell, near: float, kinds: int) -> float:
    pairs = max(near * (near - 1) / 2, 0.0)
    cost = near * EXP + sum(_radial(asked, near / kinds) for _, asked in shell.radial)
    if shell.moments is not None and pairs >= shell.moments.few:
        cost += _moments(shell.moments, near, kinds)
    else:
        cost += sum(_triplets(asked, near, pairs, kinds) for asked in shell.instead)
    return cost + sum(_triplets(asked, near, pairs, kinds) for asked in shell.triplets)


def _radial(asked: Radial, near: float) -> float:
    lengths = np.diff(asked.first)
    return float(near * ((EXP + 3) * (len(lengths) + np.count_nonzero(lengths > 1)) + 2 * lengths.sum()))


def _moments(asked: Moments, near: float, kinds: int) -> float:
    top, channels = len(asked.corner) - 1, len(asked.eta)
    legendre = 4 * (top + 1) * (top + 2) / 2
    # Each neighbour meets the channels of its own kind.
    own = channels / kinds
    sums = 2 * own * (top + 1) ** 2 + 2 * own * (top + 1)
    contract = 2 * len(asked.left) * (top + 1) ** 2 + 2 * asked.series.size
    return float(near * (own * (EXP + 3) + legendre + sums) + contract)


def _triplets(asked: Triplets, near: float, pairs: float, kinds: int) -> float:
    one, two = asked.kinds
    inside = pairs / kinds**2 if one == two else 2 * pairs / kinds**2
    broken = float(np.count_nonzero(asked.exponents))
    shared = 9.0 * len(asked.signs) + (len(asked.products) - broken) + POW * broken
    weights = (EXP + 4.0 if asked.closed else 1.0) * len(asked.eta) + (8.0 + 2 * EXP if asked.closed else 0.0)
    return near * len(asked.eta) * (EXP + 3) + inside * (shared + weights + 2.0 * len(asked.rows))

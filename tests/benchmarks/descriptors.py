"""Cost of the symmetry functions beside DScribe's, on one core, side by side in one run.

Run it with ``.venv/bin/python tests/benchmarks/descriptors.py``: one 256-atom fcc aluminium frame, R_c = 6.8 Å, the
sets of 12, 57 and 329; prints milliseconds (median of 7), nanoseconds per function, atom and neighbour, and the ratio.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from ase.build import bulk
from dscribe.descriptors import ACSF

from bpbench.descriptors.neighbours import neighbours
from bpbench.descriptors.symmetry import describe
from bpbench.features import G2, FeatureSet, preset


def median_seconds(function: Callable[[], Any]) -> float:
    """Return the median wall time of seven calls, after one that is not counted."""
    function()
    times = []
    for _ in range(7):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def dscribe(functions: FeatureSet) -> ACSF:
    """Return DScribe's descriptor of the same functions."""
    return ACSF(
        r_cut=6.8,
        species=["Al"],
        g2_params=[[f.eta, f.r_s] for f in functions if isinstance(f, G2)],
        g5_params=[[f.eta, f.zeta, f.lam] for f in functions if not isinstance(f, G2)] or None,
        periodic=True,
    )


def main() -> None:
    """Measure and print."""
    atoms = bulk("Al", "fcc", a=4.05, cubic=True).repeat(4)
    atoms.rattle(0.1, seed=1)
    positions, cell, pbc = atoms.positions, atoms.cell.array, atoms.pbc
    count = len(neighbours(positions, cell, pbc, 6.8).distance)
    print(f"{len(atoms)} atoms, {count / len(atoms):.1f} neighbours each")
    print(f"{'functions':>10}{'bpbench ms':>12}{'DScribe ms':>12}{'ratio':>8}{'ns/(function·atom·neighbour)':>32}")
    for name in ("thesis-12", "thesis-57-D", "thesis-329"):
        chosen = preset(name)
        theirs = dscribe(chosen)
        ours_s = median_seconds(lambda chosen=chosen: describe(chosen.functions, positions, cell, pbc))
        theirs_s = median_seconds(lambda theirs=theirs: theirs.create(atoms))
        print(
            f"{len(chosen):>10}{ours_s * 1e3:>12.2f}{theirs_s * 1e3:>12.2f}{theirs_s / ours_s:>8.1f}"
            f"{ours_s * 1e9 / (len(chosen) * count):>32.2f}"
        )


if __name__ == "__main__":
    main()

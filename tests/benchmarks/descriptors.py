"""Cost of the symmetry functions beside DScribe's, side by side in one run; nothing else should run meanwhile.

Run it with ``.venv/bin/python tests/benchmarks/descriptors.py`` (about three minutes). It prints, for 256 rattled fcc
aluminium atoms at R_c = 6.8 Å and the sets of 12, 57 and 329:

1. one frame: milliseconds (median), the ratio to DScribe, nanoseconds per function, atom and neighbour, threads;
2. many frames on all cores: DScribe with as many processes as cores, ours with as many threads;
3. adjoint and tangent as multiples of the values;
4. growth with R_c from 4 to 10 Å and with atoms from 256 to 16,384;
5. how soon a second process has its first values, from the cache of compiled code.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from ase.build import bulk
from dscribe.descriptors import ACSF

from bpbench.data.frames import Frames
from bpbench.descriptors.neighbours import neighbours
from bpbench.descriptors.symmetry import describe, describe_frames, evaluate
from bpbench.features import G2, FeatureSet, preset
from bpbench.runner.machine import cores

SETS = ("thesis-12", "thesis-57-D", "thesis-329")
R_C = 6.8


def seconds(function: Callable[[], Any], times: int = 15) -> float:
    """Return the median wall time of some calls, after one that is not counted."""
    function()
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        spent.append(time.perf_counter() - start)
    return statistics.median(spent)


def aluminium(repeat: tuple[int, int, int]) -> Any:
    """Return rattled fcc aluminium."""
    atoms = bulk("Al", "fcc", a=4.05, cubic=True).repeat(repeat)
    atoms.rattle(0.1, seed=1)
    return atoms


def dscribe(functions: FeatureSet, r_c: float = R_C) -> ACSF:
    """Return DScribe's descriptor of the same functions."""
    return ACSF(
        r_cut=r_c,
        species=["Al"],
        g2_params=[[f.eta, f.r_s] for f in functions if isinstance(f, G2)],
        g5_params=[[f.eta, f.zeta, f.lam] for f in functions if not isinstance(f, G2)] or None,
        periodic=True,
    )


def frames_of(atoms: Any, count: int) -> Frames:
    """Return copies of one frame, each rattled in its own way."""
    drawn = np.random.default_rng(2).normal(0, 0.02, (count, len(atoms), 3))
    label = np.array(["fcc"] * count)
    return Frames(
        positions=(atoms.positions + drawn).reshape(-1, 3),
        cells=np.repeat(atoms.cell.array[None], count, axis=0),
        pbc=np.ones((count, 3), dtype=bool),
        species=np.full(count * len(atoms), 13),
        offsets=np.arange(count + 1) * len(atoms),
        energy=np.zeros(count),
        forces=None,
        id=np.arange(count),
        group=label,
        block=label,
        temperature=None,
        blocks_declared=True,
    )


def one_frame(atoms: Any) -> None:
    """Print the cost of one frame for each set."""
    frame = (atoms.positions, atoms.cell.array, atoms.pbc)
    count = len(neighbours(*frame, R_C).distance)
    print(f"\n1. One frame of {len(atoms)} atoms, R_c = {R_C} Å, {count / len(atoms):.1f} neighbours each")
    print(f"   neighbour list alone: {seconds(lambda: neighbours(*frame, R_C)) * 1e3:.2f} ms")
    print(f"{'functions':>12}{'threads':>9}{'bpbench ms':>12}{'DScribe ms':>12}{'ratio':>8}{'ns/(f·atom·nb)':>16}")
    for name in SETS:
        chosen = preset(name)
        descriptor = dscribe(chosen)
        theirs = seconds(lambda descriptor=descriptor: descriptor.create(atoms), 7)
        for threads in sorted({1, cores()}):
            ours = seconds(lambda c=chosen, t=threads: describe(c.functions, *frame, threads=t))
            print(
                f"{len(chosen):>12}{threads:>9}{ours * 1e3:>12.2f}{theirs * 1e3:>12.2f}{theirs / ours:>8.1f}"
                f"{ours * 1e9 / (len(chosen) * count):>16.3f}"
            )
    whole = preset("thesis-329").functions
    for part, functions in (("269 radial", whole[:269]), ("60 angular", whole[269:])):
        print(f"   {part}, one thread: {seconds(lambda f=functions: describe(f, *frame)) * 1e3:.2f} ms")


def many_frames(atoms: Any, count: int = 16) -> None:
    """Print the cost of several frames on all cores."""
    frames, chosen = frames_of(atoms, count), preset("thesis-329")
    systems = []
    for rows in (frames.rows(number) for number in range(count)):
        systems.append(atoms.copy())
        systems[-1].positions = frames.positions[rows]
    descriptor = dscribe(chosen)
    print(f"\n2. {count} frames, 329 functions, {cores()} cores: ms per frame")
    theirs = seconds(lambda: descriptor.create(systems, n_jobs=cores()), 3) / count
    ours = seconds(lambda: describe_frames(chosen.functions, frames, 0, count, threads=cores()), 5) / count
    print(f"   bpbench {ours * 1e3:.2f}, DScribe {theirs * 1e3:.1f}, ratio {theirs / ours:.0f}")


def derivatives(atoms: Any) -> None:
    """Print the cost of adjoint and tangent."""
    frame, rng = (atoms.positions, atoms.cell.array, atoms.pbc), np.random.default_rng(3)
    print("\n3. Derivatives, one thread: ms, and as multiples of the values")
    for name in SETS:
        functions = preset(name).functions
        made = evaluate(functions, *frame)
        w, v = rng.normal(size=made.values.shape), rng.normal(size=(len(atoms), 3))
        value, back, ahead = (
            seconds(lambda f=functions: evaluate(f, *frame)),
            seconds(lambda m=made, w=w: m.adjoint(w)),
            seconds(lambda m=made, v=v: m.tangent(v)),
        )
        print(
            f"{len(functions):>12}: values {value * 1e3:.2f}, adjoint {back * 1e3:.2f} ({back / value:.1f} ×), "
            f"tangent {ahead * 1e3:.2f} ({ahead / value:.1f} ×)"
        )


def growth(atoms: Any) -> None:
    """Print how cost grows with neighbours and atoms."""
    whole = preset("thesis-329").functions
    frame = (atoms.positions, atoms.cell.array, atoms.pbc)
    print("\n4. 329 functions, one thread: growth with R_c (256 atoms), then with atoms (R_c = 6.8 Å)")
    print(f"{'R_c Å':>12}{'neighbours':>12}{'ms':>10}{'ns/(f·atom·nb)':>16}{'DScribe ms':>12}{'ratio':>8}")
    for r_c in (4.0, 5.0, 6.0, 6.8, 8.0, 9.0, 10.0):
        # Centres grow with the cutoff, so that none lies beyond it.
        functions = FeatureSet(tuple(replace(f, r_s=f.r_s * r_c / R_C, r_c=r_c) for f in whole))
        count = len(neighbours(*frame, r_c).distance)
        ours = seconds(lambda f=functions: describe(f.functions, *frame), 7)
        descriptor = dscribe(functions, r_c)
        theirs = seconds(lambda d=descriptor: d.create(atoms), 1)
        print(
            f"{r_c:>12.1f}{count / len(atoms):>12.1f}{ours * 1e3:>10.2f}{ours * 1e9 / (len(whole) * count):>16.3f}"
            f"{theirs * 1e3:>12.0f}{theirs / ours:>8.0f}"
        )
    print(f"{'atoms':>12}{'ms':>12}{'µs per atom':>14}")
    for repeat in ((4, 4, 4), (4, 4, 8), (4, 8, 8), (8, 8, 8), (8, 8, 16), (8, 16, 16), (16, 16, 16)):
        large = aluminium(repeat)
        frame = (large.positions, large.cell.array, large.pbc)
        spent = seconds(lambda frame=frame: describe(whole, *frame), 3)
        print(f"{len(large):>12}{spent * 1e3:>12.1f}{spent * 1e6 / len(large):>14.2f}")


def second_process() -> None:
    """Print how long a fresh process takes to its first values."""
    program = (
        "import time; start = time.perf_counter()\n"
        "import numpy as np\n"
        "from bpbench.descriptors.symmetry import describe\n"
        "from bpbench.features import preset\n"
        "loaded = time.perf_counter()\n"
        "describe(preset('thesis-22').functions, np.random.rand(30, 3) * 9, 9 * np.eye(3), [True] * 3)\n"
        "print(f'{time.perf_counter() - start:.2f} s from import to first values, '\n"
        "      f'{loaded - start:.2f} s of it importing bpbench')\n"
    )
    print("\n5. A second process")
    for _ in range(2):
        said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        print("   " + said.strip())


def main() -> None:
    """Measure and print."""
    atoms = aluminium((4, 4, 4))
    one_frame(atoms)
    many_frames(atoms)
    derivatives(atoms)
    growth(atoms)
    second_process()


if __name__ == "__main__":
    main()

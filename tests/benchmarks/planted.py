"""How much of a planted truth every strategy finds, beside random subsets of the same size: one table from one run.

Run it with ``PYTHONPATH=.:tests python tests/benchmarks/planted.py [TRUTHS]``; five truths take some minutes of one
core. Energies are sums over five of twenty functions of real surroundings, and noise: linear in them, or bent, so that
a network follows them and a ridge cannot.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from planted_data import POOL, SHELLS, Planted, crystals, explored, surroundings, table, trainings

#: Functions that are planted, and so many of the others are left out by strategies that are told how many.
SIZE = 5
OTHERS = len(POOL) - SIZE
STRATEGIES = {
    "drop-one": f"kind: drop-one, remove: [{OTHERS}]",
    "drop-one, halving": f"kind: drop-one, remove: [{OTHERS}], race: {{rule: halving, first: 2}}",
    "drop-one, friedman": f"kind: drop-one, remove: [{OTHERS}], race: {{rule: friedman, first: 3}}",
    "backward": "kind: backward",
    "backward, by weight": "kind: backward, order: weight, step: 4",
    "forward": "kind: forward, most: 8",
    "by weight, absolute": f"kind: by-weight, drop: [{OTHERS}]",
    "by weight, sum": f"kind: by-weight, by: sum, drop: [{OTHERS}]",
    "by permutation": f"kind: by-weight, by: permutation, drop: [{OTHERS}]",
    "random subsets, 30": f"kind: random-subsets, sizes: [{SIZE}], draws: 30",
}
TREES = {
    "by gain": f"kind: by-weight, by: gain, drop: [{OTHERS}]",
    "by permutation": f"kind: by-weight, by: permutation, drop: [{OTHERS}]",
}
NETWORK = "{kind: hdnn, hidden: [10], epochs: 200, batch: 16, optimizer: {kind: adam, learning_rate: 1e-2}}"
RANGES = "kind: by-shift, angular: without, ranges: [[2, 3], [3.05, 4.2], [4.3, 5], [5.3, 6.5]]"

#: One truth: size, precision, recall, mean and 95th percentile of chance, trainings.
Row = tuple[float, ...]


def rows(data: Planted, model: str, strategies: dict[str, str]) -> dict[str, Row]:
    """Return what each strategy found."""
    keys = {f"s{number}": name for number, name in enumerate(strategies)}
    found = explored(data, model, {key: strategies[name] for key, name in keys.items()})
    made = {}
    for key, name in keys.items():
        choice = found.traces[key, 0].choice
        assert choice is not None
        size = len(choice.chosen)
        made[name] = (size, *data.found(choice.chosen), *data.by_chance(size), trainings(found, key))
    return made


def told(title: str, runs: list[dict[str, Row]], taken: float) -> str:
    """Return the means over truths as text."""
    head = f"{'strategy':<22}{'size':>6}{'precision':>11}{'recall':>8}{'chance':>8}{'its 95 %':>10}{'trainings':>11}"
    lines = [f"{title} ({len(runs)} truths, {taken:.0f} s)", head]
    for name in runs[0]:
        size, precision, recall, mean, high, asked = np.mean([run[name] for run in runs], axis=0)
        lines.append(f"{name:<22}{size:>6.1f}{precision:>11.2f}{recall:>8.2f}{mean:>8.2f}{high:>10.2f}{asked:>11.0f}")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    values, rng = surroundings(), np.random.default_rng(1)
    truths = [rng.choice(len(POOL), SIZE, replace=False).tolist() for _ in range(count)]
    with TemporaryDirectory() as name:
        folder = Path(name)
        for title, model, curved, strategies in (
            ("ridge, linear energies", "{kind: linear}", False, STRATEGIES),
            ("ridge, bent energies", "{kind: linear}", True, STRATEGIES),
            ("LightGBM, bent energies", "{kind: lightgbm}", True, TREES),
            ("network, bent energies", NETWORK, True, STRATEGIES),
        ):
            start = time.perf_counter()
            runs = [
                rows(table(folder, values, truth, curved=curved, seed=seed), model, strategies)
                for seed, truth in enumerate(truths)
            ]
            print(told(title, runs, time.perf_counter() - start), end="\n\n", flush=True)
        start = time.perf_counter()
        shells = [place for place, item in enumerate(SHELLS) if 3.05 <= item.r_s <= 4.2]
        runs = [
            rows(crystals(folder, shells, seed=seed), "{kind: linear}", {"by shift": RANGES}) for seed in range(count)
        ]
        print(told("ridge, shells of one range of R_s, crystals", runs, time.perf_counter() - start))


if __name__ == "__main__":
    main()

"""What races spare: drop-one over 57 variables with ten repeats, plain and with both rules, side by side in one run.

Run it with ``PYTHONPATH=.:tests python tests/benchmarks/racing.py [SEEDS]``. The first table is of drawn scores: how
much the absence of a variable changes the error is normal with a spread that is given in units of the noise of one
training, and ten variables are left out together. The second is of real trainings, the ridge on 57 functions of
three state points of the sample.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from fake_ground import ground, play
from planted_data import in_memory, trainings

from bpbench.runner import work
from bpbench.selection import search
from bpbench.selection.trace import Chosen
from bpbench.strategies import DropOne, Race

VARIABLES, REPEATS, REMOVED = 57, 10, 10
RACES = {"no race": None, "Friedman": Race(rule="friedman", first=3), "halving": Race(rule="halving", first=2)}
PROTOCOL = """
question: What do races spare?
data: {kind: aluminium, groups: [300 K solid, 1000 K liquid, 1500 K liquid]}
sets: {all: thesis-57-D}
models: {m: {kind: linear}}
variants:
  - {name: base, set: all, model: m}
strategies:
  drop: {kind: drop-one, set: all, model: m, remove: [10]RACE}
explore: {repeats: 10}
split: {design: fixed}
repeats: 5
analysis: {baseline: base}
"""
WRITTEN = {"no race": "", "Friedman": ", race: {first: 3}", "halving": ", race: {rule: halving, first: 2}"}


def drawn(spread: float, seeds: int) -> dict[str, list[tuple[float, float, float]]]:
    """Return for each race and seed the trainings, how many of the ten are those without a race, and their effect."""
    told: dict[str, list[tuple[float, float, float]]] = {name: [] for name in RACES}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        effects, noise = spread * rng.normal(size=VARIABLES), rng.normal(size=(VARIABLES, REPEATS))
        common = rng.normal(size=REPEATS)

        def scores(
            chosen: Chosen,
            repeat: int,
            effects: np.ndarray = effects,
            noise: np.ndarray = noise,
            common: np.ndarray = common,
        ) -> float:
            gone = [place for place in range(VARIABLES) if place not in chosen]
            own = noise[gone[0], repeat] if len(gone) == 1 else 0.0
            return float(100 + common[repeat] + effects[gone].sum() + own)

        plain: set[int] = set()
        for name, race in RACES.items():
            spec = DropOne(kind="drop-one", set="s", model="m", remove=(REMOVED,), race=race)
            played = play(search(spec, ground(VARIABLES, repeats=REPEATS, seed=seed)), scores)
            assert played.trace.choice is not None
            gone = set(range(VARIABLES)) - set(played.trace.choice.chosen)
            plain = plain or gone
            told[name].append((len(played.trainings), len(gone & plain), effects[list(gone)].mean()))
    return told


def real(folder: Path) -> dict[str, tuple[float, float, float, float]]:
    """Return for each race trainings, CPU seconds, how many of the ten are those without a race, and the error then."""
    told: dict[str, tuple[float, float, float, float]] = {}
    plain: set[int] = set()
    in_memory(PROTOCOL.replace("RACE", "").replace("repeats: 10", "repeats: 2"), folder)  # everything is compiled
    for name, written in WRITTEN.items():
        work.forget()
        start = time.process_time()  # of this process alone, whatever else the machine does
        found = in_memory(PROTOCOL.replace("RACE", written), folder)
        taken = time.process_time() - start
        choice = found.traces["drop", 0].choice
        assert choice is not None
        gone = set(range(VARIABLES)) - set(choice.chosen)
        plain = plain or gone
        told[name] = (trainings(found, "drop"), taken, len(gone & plain), choice.explored or np.nan)
    return told


def main() -> None:
    """Measure and print."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print(f"drawn scores: means of {seeds} seeds; of {REMOVED} left out, those without a race; their mean true effect")
    print(f"{'spread / noise':<16}" + "".join(f"{name:>30}" for name in RACES))
    for spread in (0.0, 0.3, 1.0, 3.0):
        told = drawn(spread, seeds)
        cells = []
        for name in RACES:
            asked, shared, effect = np.mean(told[name], axis=0)
            cells.append(f"{asked:.0f}, {shared:.1f} of {REMOVED}, {effect:+.2f}")
        print(f"{spread:<16g}" + "".join(f"{cell:>30}" for cell in cells), flush=True)
    with TemporaryDirectory() as folder:
        print("\nridge, thesis-57-D, EMT: trainings, CPU seconds, of 10 left out those without a race, RMSE then")
        for name, (asked, taken, shared, error) in real(Path(folder)).items():
            print(
                f"{name:<16}{asked:>6.0f}{taken:>9.1f} s{shared:>6.0f} of {REMOVED}{error:>9.3f} meV/atom", flush=True
            )


if __name__ == "__main__":
    main()

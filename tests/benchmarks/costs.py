"""How much the costs of trainings vary between repeats and between runs: why the gate has margins and least sizes.

``python tests/benchmarks/costs.py [PROTOCOL] [RUNS]`` records a study so often with one process and with two, and
prints the spread within a run and the largest over the smallest run mean of each contestant.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import fmean, geometric_mean, stdev

from bpbench.history import History


def main(protocol: str = "smoke", runs: int = 3) -> None:
    """Record and print."""
    for jobs in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(runs):
                subprocess.run(
                    [sys.executable, "-m", "bpbench.cli", "track", "record", protocol, "--jobs", str(jobs)],
                    cwd=folder,
                    check=True,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            with History(Path(folder) / ".bpbench" / "history.sqlite") as history:
                recorded = history.runs()
        print(f"\n{protocol}, {runs} runs, {jobs} at once")
        print(f"{'contestant':24} {'cost':8} {'mean':>9} {'sd within a run':>16} {'largest/smallest run mean':>26}")
        for name in recorded[0].variants:
            for key, unit in (("cpu_s", "s"), ("peak_mb", "MB")):
                values = [run.variants[name][key] for run in recorded]
                if min(map(len, values)) < 2:
                    continue
                means = [geometric_mean(each) for each in values]
                within = fmean(stdev(each) / fmean(each) for each in values)
                print(
                    f"{name:24} {key:8} {fmean(means):7.3g} {unit:2} {100 * within:14.1f} % "
                    f"{max(means) / min(means):25.2f}"
                )


if __name__ == "__main__":
    main(*sys.argv[1:2], *map(int, sys.argv[2:3]))

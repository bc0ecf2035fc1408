"""How often the winner among equals is called better, by the searches' own scores and by the confirmation: one table.

Run it with ``PYTHONPATH=.:tests python tests/benchmarks/null_strategies.py [STUDIES] [WHOLE] [DATA]``: so many studies
of drawn scores (1000 take a minute or two), so many whole ones with real trainings (200 take about ten, most of them
for writing many small files: a ``TMPDIR`` in memory helps), and so many whole ones of ever other data (200 take about
five), of which a coin decides who has the lower error.
"""

from __future__ import annotations

import sys
import time

from null_studies import ALPHA, Told, studies, studies_of_data, whole_studies


def table(told: Told, taken: float) -> str:
    """Return the rates as text."""
    lines = [f"{'strategy':<26}{'confirmed':>12}{'on what it was chosen by':>28}{'chose another set':>20}"]
    for name, count in told.confirmed.items():
        naive = f"{told.naive[name] / told.studies:.1%}" if told.naive else ""
        lines.append(f"{name:<26}{count / told.studies:>12.1%}{naive:>28}{told.filled[name] / told.studies:>20.1%}")
    lines.append(f"{'any of all (Holm)':<26}{told.family / told.studies:>12.1%}")
    return "\n".join([*lines, f"({told.studies} studies, {taken:.0f} s)"])


def main() -> None:
    """Measure and print."""
    counts = [int(argument) for argument in sys.argv[1:]] or [1000, 200, 200]
    print(f"How often the winner among equals is called better (α = {ALPHA:g}, two-sided)")
    for made, count in zip((studies, whole_studies), counts, strict=False):
        start = time.perf_counter()
        told = made(count)
        print("", table(told, time.perf_counter() - start), sep="\n", flush=True)
    for count in counts[2:]:
        start = time.perf_counter()
        print("\nHow often the winner's error of the reserve is lower than a stranger's, over data sets (half at most)")
        for name, lower in studies_of_data(count).items():
            print(f"{name:<26}{lower / count:>12.1%}")
        print(f"({count} studies, {time.perf_counter() - start:.0f} s)")


if __name__ == "__main__":
    main()

"""Whole-process times of the first study: `bpbench --help`, a fresh run, the same run with everything stored.

Run it with ``.venv/bin/python tests/benchmarks/first_light.py [PROTOCOL]``; it prints one table from one run.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def seconds(folder: Path, *arguments: str) -> float:
    """Return the wall time of one call of the command line."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "bpbench.cli", *arguments], cwd=folder, check=False, capture_output=True
    )
    if done.returncode != 0:
        sys.exit(done.stderr.decode())
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    protocol = str(Path(sys.argv[1] if len(sys.argv) > 1 else "protocols/57vars.yaml").resolve())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        helped = statistics.median(seconds(folder, "--help") for _ in range(5))
        fresh = seconds(folder, "run", protocol)
        again = statistics.median(seconds(folder, "run", protocol) for _ in range(3))
    print(f"{'what':<44}{'seconds':>10}{'share of fresh':>16}")
    for what, value in (
        ("bpbench --help (median of 5)", helped),
        ("fresh run", fresh),
        ("all stored (median of 3)", again),
    ):
        print(f"{what:<44}{value:>10.2f}{value / fresh:>16.4f}")


if __name__ == "__main__":
    main()

"""A stand-in for somebody's trainer: one energy for each element, by least squares; run by itself, without bpbench.

``python trainer.py HOW TRAIN STRUCTURES OUT SEED``; HOW says which trainer it is, or in which way it fails.
"""

from __future__ import annotations

import csv
import json
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator


def read(path: str) -> Iterator[tuple[list[str], float | None, list[list[str]], int]]:
    """Yield symbols, energy, forces and id of each structure of an extended XYZ."""
    lines = Path(path).read_text().splitlines()
    at = 0
    while at < len(lines):
        count, head = int(lines[at]), lines[at + 1]
        rows = [line.split() for line in lines[at + 2 : at + 2 + count]]
        energy = re.search(r" energy=(\S+)", head)
        number = re.search(r" id=(\d+)", head)
        assert number is not None
        forces = [row[4:7] for row in rows if len(row) == 7]
        yield [row[0] for row in rows], None if energy is None else float(energy[1]), forces, int(number[1])
        at += count + 2


def learn(path: str) -> dict[str, float]:
    """Return the energy of each element."""
    seen = list(read(path))
    names = sorted({symbol for symbols, *_ in seen for symbol in symbols})
    counts = np.array([[symbols.count(name) for name in names] for symbols, *_ in seen], dtype=float)
    energies = np.array([energy for _, energy, *_ in seen])
    return dict(zip(names, np.linalg.lstsq(counts, energies, rcond=None)[0], strict=True))


def write(out: str, energies: list[Any], forces: Any) -> None:
    """Write predictions in the format that the end of the name says."""
    if out.endswith(".npz"):
        np.savez(out, energy=np.array(energies), forces=forces)
        return
    with Path(out).open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["id", "energy"])
        table.writerows(reversed(list(enumerate(energies))))


def main() -> None:
    how, train, structures, out, seed = sys.argv[1:]
    sys.stdout.write(f"seed {seed}, threads {os.environ['OMP_NUM_THREADS']}\n")
    sys.stdout.flush()
    if how == "fail":
        sys.stderr.write("the data are not to my taste\n")
        sys.exit(3)
    if how == "die":
        os.kill(os.getpid(), 9)
    if how == "hang":
        # Something that is started beside and would go on.
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path(os.environ["TOLD"]).write_text(json.dumps([os.getpid(), child.pid]))
        time.sleep(600)
    each = learn(train)
    random.seed(int(seed))
    shift = random.gauss(0, 1e-3)
    told = list(read(structures))
    assert all(energy is None and not forces for _, energy, forces, _ in told)
    energies: list[Any] = [sum(each[symbol] + shift for symbol in symbols) for symbols, *_ in told]
    atoms = sum(len(symbols) for symbols, *_ in told)
    forces = np.full((atoms, 3), 0.25)
    match how:
        case "nan":
            energies[3] = float("nan")
        case "short":
            del energies[-2:]
        case "words":
            energies[1] = "plenty"
        case "silent":
            return
        case "forces":
            forces = forces[:-1]
    write(out, energies, forces)


if __name__ == "__main__":
    main()

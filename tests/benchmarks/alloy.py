"""How well several elements are learned: the embedded sample relabelled as an alloy of aluminium and copper (EMT).

Run it with ``.venv/bin/python tests/benchmarks/alloy.py FOLDER``: it writes ``alloy.extxyz`` and ``alloy.yaml`` there
and prints the command that runs the study (some two minutes of one core). Positions are those of 160 frames of all
states, scaled by Vegard's rule; the share of copper is drawn for each frame, the element for each atom.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import ase
import ase.io
import numpy as np
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

from bpbench.data import readers

FRAMES = 160
#: Lattice constants, Å.
ALUMINIUM, COPPER = 4.05, 3.61
PROTOCOL = """\
question: Does a set of its own for each element do as well as a preset for both?
data: {kind: file, path: alloy.extxyz}
sets:
  12: thesis-12
  22: thesis-22
  own: {by_element: {Al: thesis-12, Cu: thesis-22}}
models:
  ridge: {kind: linear}
  network:
    {kind: hdnn, hidden: [10, 10], epochs: 200, patience: 40, batch: 8, optimizer: {kind: adam, learning_rate: 3e-3}}
  filter: {kind: hdnn, hidden: [5], epochs: 15, skip: true, optimizer: {kind: kalman}}
  forest: {kind: random-forest, trees: 100}
variants:
  - {name: ridge 22, set: 22, model: ridge}
  - {name: network 12, set: 12, model: network}
  - {name: network 22, set: 22, model: network}
  - {name: network own, set: own, model: network}
  - {name: filter 22, set: 22, model: filter}
  - {name: forest 22, set: 22, model: forest}
repeats: 5
analysis: {baseline: network 22, margin: 5 %}
"""


def main() -> None:
    """Write the data and the protocol."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    random, sample, made = np.random.default_rng(3), readers.read(readers.sample_source()), []
    for frame in np.linspace(0, len(sample) - 1, FRAMES).astype(int):
        rows, share = sample.rows(frame), random.uniform(0.15, 0.85)
        scale = 1 + share * (COPPER / ALUMINIUM - 1)
        symbols = np.where(random.random(rows.stop - rows.start) < share, "Cu", "Al")
        atoms = ase.Atoms(symbols, scale * sample.positions[rows], cell=scale * sample.cells[frame], pbc=True)
        atoms.calc = EMT()
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
        made.append(atoms)
    ase.io.write(folder / "alloy.extxyz", made, format="extxyz")
    (folder / "alloy.yaml").write_text(PROTOCOL, encoding="utf-8")
    print(f"bpbench run {folder / 'alloy.yaml'}")


if __name__ == "__main__":
    main()

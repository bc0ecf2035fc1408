"""Make ``protocols/features-old.npz``: the 22 functions of the study by DScribe, as another program left them.

Two groups of the embedded sample, in single precision, in DScribe's order of columns and under names of its own. The
bytes depend on the values alone.

    python tools/features_old.py [FILE.npz]
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
from ase import Atoms

from bpbench.data import readers
from bpbench.data.frames import Frames
from bpbench.features import G2, preset

#: What the protocols that ship with the table name under ``groups``.
GROUPS = ("300 K solid", "1000 K liquid")
PLACE = Path(__file__).parent.parent / "protocols" / "features-old.npz"


def sample() -> Frames:
    """Return the frames of the table, in the order in which a protocol reads them."""
    frames = readers.read(readers.sample_source())
    return frames.take(np.flatnonzero(np.isin(frames.group, GROUPS)))


def names() -> list[str]:
    """Return what the columns are called: radial functions first, as DScribe orders them."""
    functions = preset("thesis-22").functions
    radial = [f"G2 eta={f.eta:g} rs={f.r_s:g}" for f in functions if isinstance(f, G2)]
    return radial + [f"G5 eta={f.eta:g} zeta={f.zeta:g} lambda={f.lam:+d}" for f in functions if not isinstance(f, G2)]


def by_dscribe(frames: Frames) -> npt.NDArray[np.float32]:
    """Return the values, shape (atoms, 22)."""
    with warnings.catch_warnings():
        # Its docstrings hold backslashes of which Python complains when it compiles them for the first time.
        warnings.filterwarnings("ignore", ".*invalid escape sequence")
        from dscribe.descriptors import ACSF

    functions = preset("thesis-22").functions
    descriptor = ACSF(
        species=["Al"],
        r_cut=functions[0].r_c,
        g2_params=[[f.eta, f.r_s] for f in functions if isinstance(f, G2)],
        g5_params=[[f.eta, f.zeta, f.lam] for f in functions if not isinstance(f, G2)],
        periodic=True,
    )
    made = []
    for number in range(len(frames)):
        positions, cell = frames.positions[frames.rows(number)], frames.cells[number]
        atoms = Atoms(f"Al{len(positions)}", positions=positions, cell=cell, pbc=frames.pbc[number])
        atoms.wrap()  # DScribe wants atoms inside the cell
        # The first column is its G1, the sum of the cutoff functions alone.
        made.append(descriptor.create(atoms)[:, 1:].astype(np.float32))
    return np.concatenate(made)


def write(path: Path, frames: Frames) -> None:
    """Write values, names and offsets as ``bpbench describe --out`` does."""
    np.savez(path, values=by_dscribe(frames), names=np.array(names()), offsets=frames.offsets)


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else PLACE, sample())

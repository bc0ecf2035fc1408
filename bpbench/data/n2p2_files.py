"""The ``input.data`` of n2p2 and RuNNer, turned into :class:`~bpbench.data.frames.Frames`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from bpbench.data.ase_files import ONE_GROUP
from bpbench.data.frames import Frames
from bpbench.errors import DataError
from bpbench.formats.n2p2 import read_structures
from bpbench.formats.packed import OPENERS, UNREADABLE

if TYPE_CHECKING:
    from bpbench.jobs import FrameSource

#: Bytes within which the first word must stand.
_HEAD: Final = 4096


def recognised(path: Path) -> bool:
    """Return whether the first word of a file, packed or not, is the ``begin`` of an ``input.data``."""
    try:
        with OPENERS.get(path.suffix, open)(path, "rb") as stream:
            head = stream.read(_HEAD)
    except UNREADABLE:
        # What cannot be opened is for the next reader to refuse.
        return False
    return bool(head.split(maxsplit=1)[:1] == [b"begin"])


def read(path: Path, source: FrameSource) -> Frames:
    """Read the frames of an ``input.data``; see :func:`bpbench.data.readers.read`.

    It carries no labels: all structures form one group and one block, to be cut, comments are passed over.
    """
    for name in ("group", "block", "temperature"):
        if getattr(source, name) is not None:
            raise DataError(f"{path}: an n2p2 file carries no labels; leave the key '{name}' out.")
    structures = list(read_structures(path, units=source.units))
    count = len(structures)
    group = np.full(count, ONE_GROUP)
    return Frames(
        positions=np.concatenate([structure.positions for structure in structures]),
        cells=np.array([np.zeros((3, 3)) if structure.cell is None else structure.cell for structure in structures]),
        pbc=np.array([[structure.cell is not None] * 3 for structure in structures]),
        species=np.concatenate([structure.species for structure in structures]),
        offsets=np.concatenate([[0], np.cumsum([len(s.species) for s in structures])]).astype(np.int64),
        energy=np.array([structure.energy for structure in structures]),
        forces=np.concatenate([structure.forces for structure in structures]),
        id=np.arange(count, dtype=np.int64),
        group=group,
        block=group,
        temperature=None,
        blocks_declared=False,
    )

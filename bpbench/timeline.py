"""Which stretches of each group's frames a split gives to which part, in the order of the file."""

from __future__ import annotations

from itertools import groupby
from typing import Any, Final

import numpy as np

from bpbench.prepared import Prepared

#: Stretches in all beyond which no line is laid out: no drawing could show them apart.
MOST: Final = 2000
#: Part of a frame that is in none: one between blocks, or one of a guard.
UNUSED: Final = "unused"


def timeline(prepared: Prepared) -> list[dict[str, Any]] | None:
    """Return the first split of each way, group by group, as stretches of frames.

    Parameters
    ----------
    prepared : Prepared
        The study.

    Returns
    -------
    list of dict or None
        ``split_by``, ``group``, and ``runs``: ``(part, frames)`` of each stretch, a new one at each border of a block;
        parts are ``train``, ``validation``, ``test``, ``fresh`` and ``unused``. ``None`` where nothing is split, or
        there are more stretches than can be shown.
    """
    frames = prepared.frames
    found = []
    for by, parts in prepared.parts.items():
        if not parts:
            continue
        of_frame = np.full(len(frames), UNUSED, dtype=object)
        for name in ("train", "validation", "test", "fresh"):
            of_frame[getattr(parts[0], name)] = name
        # Frames that are drawn one by one have no borders between them.
        border = frames.block if by == "block" else frames.group
        for group in dict.fromkeys(str(name) for name in frames.group):
            chosen = np.flatnonzero(frames.group == group)
            stretches = groupby(zip(of_frame[chosen].tolist(), border[chosen].tolist(), strict=True))
            runs = [[part, len(list(each))] for (part, _), each in stretches]
            found.append({"split_by": by, "group": group, "runs": runs})
    return found if found and sum(len(entry["runs"]) for entry in found) <= MOST else None

"""bpbench: repeated, paired and judged comparisons of Behler-Parrinello symmetry functions."""

from __future__ import annotations

from pathlib import Path

__version__ = "0.1.0"
#: Of ``findings.json``; here, since to read one asks for nothing else of what makes them.
SCHEMA = 1


def shipped(folder: str) -> Path:
    """Return the folder ``templates`` or ``protocols``, or the file ``CITATION.cff``, that came with this installation.

    A wheel carries them inside the package, a checkout at its top level.
    """
    inside = Path(__file__).parent / "_shipped" / folder
    return inside if inside.exists() else Path(__file__).parent.parent / folder

"""Models that are trained elsewhere, if at all: a potential of n2p2 or RuNNer, and somebody's own program."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final, Literal

from annotated_types import Gt, MinLen

from bpbench.features import STRICT
from bpbench.identity import NOT_IDENTITY


@dataclass(frozen=True, slots=True)
class N2p2:
    """A potential that n2p2 or RuNNer trained: it is not trained here but scored; see :mod:`bpbench.n2p2_potential`.

    Attributes
    ----------
    folder : str
        Where ``input.nn``, ``scaling.data`` and the weights lie; not part of the identity, their digest is.
    units : str
        What it was trained in, which no file says.
    shift : {'none', 'fitted'}
        ``fitted``: an energy for each element is added, by least squares over the training configurations, where the
        data have another zero than those the potential learned from.
    sha256 : str
        Digest of the files; filled in when a protocol is read, and compared where it says one.
    """

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["n2p2"]
    folder: Annotated[str, MinLen(1)] = field(metadata=NOT_IDENTITY)
    units: Literal["angstrom-ev", "bohr-hartree"]
    shift: Literal["none", "fitted"] = "none"
    sha256: str = ""


_Words = Annotated[tuple[Annotated[str, MinLen(1)], ...], MinLen(1)]


@dataclass(frozen=True, slots=True)
class Command:
    """Somebody's own program, run once for each repeat in a folder of its own; see :mod:`bpbench.runner.command`.

    Attributes
    ----------
    run : tuple of tuple of str
        The words of each step, without a shell, run one after another; :data:`PLACEHOLDERS` are filled in.
    gives : str
        The file of predictions that it leaves in its folder: ``.csv``, ``.npz``, ``.extxyz`` or ``.data`` (an
        ``input.data`` of n2p2).
    reads : {'extxyz', 'input.data'}
        Format of the files of structures that are written for it.
    units : str
        Those of every ``input.data`` that is written or read; other files are in Å and eV.
    forces : bool
        Whether it predicts forces as well.
    files, templates : tuple of str
        Files that are put into its folder as they are, and with placeholders filled in; relative to the protocol's
        folder. Not part of the identity, their digest is.
    limit : float
        Seconds after which all steps must have ended.
    release : str
        Which program it is, in words (``n2p2 2.2.0``): another one makes other results.
    sha256 : str
        Digest of the files and templates; as for :class:`N2p2`.
    """

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["command"]
    run: Annotated[tuple[_Words, ...], MinLen(1)]
    gives: Annotated[str, MinLen(1)] = "predictions.csv"
    reads: Literal["extxyz", "input.data"] = "extxyz"
    units: Literal["angstrom-ev", "bohr-hartree"] = "angstrom-ev"
    forces: bool = False
    files: tuple[Annotated[str, MinLen(1)], ...] = field(default=(), metadata=NOT_IDENTITY)
    templates: tuple[Annotated[str, MinLen(1)], ...] = field(default=(), metadata=NOT_IDENTITY)
    limit: Annotated[float, Gt(0)] = field(default=3600.0, metadata=NOT_IDENTITY)
    release: str = ""
    sha256: str = ""


def as_typed(words: Sequence[str]) -> str:
    """Return words as they would be typed: those with blanks or quotes in quotes, placeholders as they are.

    What a terminal would obey and not show is spelt out: who is asked for leave is shown no other program.
    """
    return " ".join(word if _PLAIN.fullmatch(word) else _quoted(word) for word in words)


def _quoted(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    spelt = word.replace("\\", r"\\").replace("'", r"\'")
    return f"$'{''.join(c if c.isprintable() else c.encode('unicode_escape').decode() for c in spelt)}'"


_PLAIN: Final = re.compile(r"[\w{}@%+=:,./-]+")
#: What a command's words and templates may hold in braces.
PLACEHOLDERS: Final = {
    "seed": "the seed of the repeat",
    "train": "the file of training configurations, with energies and forces",
    "validation": "the file of validation configurations, with energies and forces",
    "structures": "the file of all configurations in order, without energies or forces: what is to be predicted",
    "out": "the file of predictions",
    "folder": "the folder that it runs in",
    "elements": "chemical symbols of the data, by atomic number",
    "cutoff": "the largest cutoff of the set (Å)",
    "functions": "the set as lines of an input.nn: elements, cutoff type, symmetry functions; in templates alone",
}
#: Ends of the names of files of predictions; see :mod:`bpbench.data.handed`.
PREDICTIONS: Final = (".csv", ".npz", ".extxyz", ".xyz", ".data")
#: Models that are trained elsewhere, if at all.
Foreign = N2p2 | Command

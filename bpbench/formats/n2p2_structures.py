"""Reading and writing ``input.data``, the structures of n2p2 and RuNNer, one at a time.

A structure stands between ``begin`` and ``end``: comments, no or three ``lattice`` lines, a line
``atom x y z element charge 0 fx fy fz`` for each atom, ``energy``, ``charge``.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NoReturn

import numpy as np
import numpy.typing as npt

from bpbench.elements import NUMBERS, symbol
from bpbench.errors import DataError, nearest
from bpbench.formats.n2p2_text import Units, factor, known, numbered, numbers, opened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Floats = npt.NDArray[np.float64]
Sample = Literal["train", "test"]
_KEYS: Final = ("begin", "comment", "lattice", "atom", "energy", "charge", "end")


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """One structure of n atoms.

    Attributes
    ----------
    positions : ndarray, shape (n, 3)
        Å.
    species : ndarray of int, shape (n,)
        Atomic numbers.
    energy : float
        Total energy, eV.
    forces : ndarray, shape (n, 3)
        eV/Å.
    cell : ndarray, shape (3, 3), or None
        Cell vectors as rows, Å; ``None`` without periods.
    charges : ndarray, shape (n,)
        Charge of each atom, in elementary charges.
    charge : float
        Charge of the structure.
    comment : str
        The comment, with a line break between lines.
    sample : str or None
        ``train`` or ``test``, where the file says so.
    """

    positions: Floats
    species: npt.NDArray[np.int64]
    energy: float
    forces: Floats
    cell: Floats | None
    charges: Floats
    charge: float = 0.0
    comment: str = ""
    sample: Sample | None = None


def read_structures(path: Path, *, units: Units) -> Iterator[Structure]:
    """Yield the structures of an ``input.data``.

    Parameters
    ----------
    path : Path
        The file; ``.xz``, ``.gz`` and ``.bz2`` are packed.
    units : str
        ``angstrom-ev`` or ``bohr-hartree``, as the file does not say.

    Raises
    ------
    DataError
        With file and line, at the first structure that is not whole.
    """
    draft: _Draft | None = None
    # Asked for before the first line, so that wrong units are refused in an empty file too.
    scales = float(factor(units, length=1)), float(factor(units, energy=1)), float(factor(units, energy=1, length=-1))
    # A file is closed at the mistake, not when its error is forgotten.
    with closing(numbered(path, DataError)) as lines:
        for line, text in lines:
            key, *tail = text.split(maxsplit=1)[:2] or [""]
            rest = tail[0].strip() if tail else ""
            if not key:
                continue
            if draft is not None:
                draft.line = line
            if key == "begin":
                if draft is not None:
                    draft.refuse(f"'begin' stands inside the structure of line {draft.first}, whose 'end' is missing.")
                draft = _Draft(str(path), line, line, sample=_sample(path, line, rest))
            elif draft is None:
                raise DataError(f"{path}, line {line}: expected 'begin', found '{key}'.")
            elif key == "end":
                yield draft.finish(*scales)
                draft = None
            elif key == "comment":
                draft.comment.append(rest)
            else:
                draft.add(key, rest.split())
        if draft is not None:
            raise DataError(f"{path}: the structure that begins in line {draft.first} has no 'end'; is the file whole?")


def _sample(path: Path, line: int, rest: str) -> Sample | None:
    if rest not in {"", "set=train", "set=test"}:
        raise DataError(f"{path}, line {line}: expected 'set=train', 'set=test' or nothing, found '{rest}'.")
    return None if not rest else "train" if rest == "set=train" else "test"


@dataclass(slots=True)
class _Draft:
    """A structure that is being read."""

    file: str
    first: int
    line: int
    sample: Sample | None
    comment: list[str] = field(default_factory=list)
    lattice: list[list[float]] = field(default_factory=list)
    species: list[int] = field(default_factory=list)
    rows: list[list[float]] = field(default_factory=list)
    energy: float | None = None
    charge: float | None = None

    def refuse(self, sentence: str) -> NoReturn:
        raise DataError(f"{self.file}, line {self.line}: {sentence}")

    def numbers(self, key: str, words: list[str], count: int) -> list[float]:
        if len(words) != count:
            self.refuse(f"'{key}' takes {count} number{'s' if count > 1 else ''}, found {len(words)}.")
        values = numbers(words)
        if isinstance(values, str):
            self.refuse(f"expected a number, found '{values}'.")
        return values

    def add(self, key: str, words: list[str]) -> None:
        if key == "atom":
            if len(words) != 9:
                self.refuse(f"'atom' takes x y z element charge 0 fx fy fz (9 values), found {len(words)}.")
            strange = known(words[3])
            if strange:
                self.refuse(strange)
            self.species.append(NUMBERS[words[3]])
            self.rows.append(self.numbers("atom", words[:3] + words[4:], 8))
        elif key == "lattice":
            if len(self.lattice) == 3:
                self.refuse(f"the structure of line {self.first} has three lattice lines already.")
            self.lattice.append(self.numbers("lattice", words, 3))
        elif key in {"energy", "charge"}:
            if getattr(self, key) is not None:
                self.refuse(f"the structure of line {self.first} has a line '{key}' already.")
            setattr(self, key, self.numbers(key, words, 1)[0])
        else:
            self.refuse(f"there is no keyword '{key}'{nearest(key, _KEYS)}")

    def finish(self, length: float, energy: float, force: float) -> Structure:
        if not self.rows:
            self.refuse(f"the structure that begins in line {self.first} has no atoms.")
        if len(self.lattice) not in {0, 3}:
            self.refuse(
                f"the structure that begins in line {self.first} takes no or three lattice lines, found "
                f"{len(self.lattice)}."
            )
        if self.energy is None:
            self.refuse(f"the structure that begins in line {self.first} has no energy.")
        rows = np.array(self.rows)
        return Structure(
            positions=rows[:, :3] * length,
            species=np.array(self.species, dtype=np.int64),
            energy=self.energy * energy,
            forces=rows[:, 5:] * force,
            cell=np.array(self.lattice) * length if self.lattice else None,
            charges=rows[:, 3].copy(),
            charge=self.charge or 0.0,
            comment="\n".join(self.comment),
            sample=self.sample,
        )


def write_structures(path: Path, structures: Iterable[Structure], *, units: Units) -> None:
    """Write an ``input.data`` with all digits of every number.

    Parameters
    ----------
    path : Path
        The file; ``.xz``, ``.gz`` and ``.bz2`` are packed.
    structures : iterable of Structure
        In Å and eV.
    units : str
        ``angstrom-ev`` or ``bohr-hartree``: units of the file.

    Raises
    ------
    DataError
        When the file cannot be written.
    """
    with opened(path, "wt", DataError) as stream:
        for structure in structures:
            stream.write(structure_text(structure, units=units))


def structure_text(structure: Structure, *, units: Units) -> str:
    """Return the lines of one structure of an ``input.data``, with all digits of every number.

    Parameters
    ----------
    structure : Structure
        In Å and eV.
    units : str
        ``angstrom-ev`` or ``bohr-hartree``: units of the text.
    """
    length, energy = float(factor(units, length=1)), float(factor(units, energy=1))
    lines = ["begin" if structure.sample is None else f"begin set={structure.sample}"]
    lines += [f"comment {line}" for line in structure.comment.splitlines()]
    if structure.cell is not None:
        lines += [f"lattice {_row(vector)}" for vector in structure.cell / length]
    atoms = zip(
        structure.positions / length,
        structure.species.tolist(),
        structure.charges.tolist(),
        structure.forces / (energy / length),
        strict=True,
    )
    lines += [f"atom {_row(r)} {symbol(z):>2} {_row([q, 0.0])} {_row(f)}" for r, z, q, f in atoms]
    lines += [f"energy {_row([structure.energy / energy])}", f"charge {_row([structure.charge])}", "end", ""]
    return "\n".join(lines)


def _row(values: Iterable[float]) -> str:
    return " ".join(f"{value:24.16E}" for value in values)

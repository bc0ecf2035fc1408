"""Reading tables of values of symmetry functions: ``function.data`` of n2p2 and RuNNer, ``testing.data`` of RuNNer.

For each structure they hold a line with the number n of its atoms, n lines with atomic number and values, and a line
with the charge and three energies per atom. The values of an atom are those of the functions of its element, unscaled,
in the order of the network's inputs.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import numpy as np
import numpy.typing as npt

from bpbench.elements import NUMBERS, SYMBOLS
from bpbench.errors import DataError
from bpbench.formats.n2p2_text import Units, factor, known, numbered, numbers, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

Floats = npt.NDArray[np.float64]
_ENERGIES: Final = "charge, energy, short-range and electrostatic energy per atom"


@dataclass(frozen=True, slots=True, eq=False)
class StructureValues:
    """Values of the symmetry functions of the n atoms of one structure.

    Attributes
    ----------
    species : ndarray of int, shape (n,)
        Atomic numbers.
    values : tuple of ndarray
        For each atom an array, shape (D,), in the order of the network's inputs; D depends on its element.
    charge : float
        Charge of the structure.
    energy, short_energy, electrostatic_energy : float
        eV per atom.
    """

    species: npt.NDArray[np.int64]
    values: tuple[Floats, ...]
    charge: float
    energy: float
    short_energy: float
    electrostatic_energy: float

    def of(self, element: str) -> Floats:
        """Return the values of the atoms of one element, shape (atoms of it, D); (0, 0) if there are none."""
        rows = [row for row, z in zip(self.values, self.species.tolist(), strict=True) if z == NUMBERS[element]]
        return np.array(rows) if rows else np.empty((0, 0))


def read_values(path: Path, *, units: Units) -> Iterator[StructureValues]:
    """Yield the values of structure after structure of a ``function.data`` or ``testing.data``.

    Parameters
    ----------
    path : Path
        The file; ``.xz``, ``.gz`` and ``.bz2`` are packed.
    units : str
        ``angstrom-ev`` or ``bohr-hartree``, of the energies; values have no unit.

    Raises
    ------
    DataError
        With file and line: when there are fewer or more atoms than declared, when atoms of one element have different
        numbers of values, or when a number cannot be read.
    """
    by = float(factor(units, energy=1))
    # The file is closed at the mistake, not when its error is forgotten.
    with closing(numbered(path, DataError)) as stream:
        lines = ((line, words) for line, text in stream if (words := text.split()))
        yield from _structures(path, lines, by)


def _structures(path: Path, lines: Iterator[tuple[int, list[str]]], by: float) -> Iterator[StructureValues]:
    widths: dict[int, int] = {}
    for first, head in lines:
        count = whole(head[0]) if len(head) == 1 else None
        if count is None or count < 1:
            _refuse(path, first, f"expected the number of atoms of a structure, found '{_short(head)}'.")
        declared = f"{count} atom{'s' if count > 1 else ''} declared in line {first}"
        species, values = [], []
        for atom in range(1, count + 1):
            line, words = next(lines, (0, []))
            if not words:
                raise DataError(f"{path}: expected atom {atom} of the {declared}, found the end of the file.")
            element = _element(words[0])
            if element is None or len(words) < 2:
                _refuse(path, line, f"expected atom {atom} of the {declared}, found '{_short(words)}'.")
            row = _numbers(path, line, words[1:])
            wanted = widths.setdefault(element, len(row))
            if len(row) != wanted:
                what = f"{wanted} values for {SYMBOLS[element - 1]}, as in the lines before"
                _refuse(path, line, f"expected {what}, found {len(row)}.")
            species.append(element)
            values.append(row)
        line, words = next(lines, (0, []))
        if not words:
            raise DataError(f"{path}: expected {_ENERGIES} after the {declared}, found the end of the file.")
        if len(words) != 4 or _element(words[0]) is not None:
            _refuse(path, line, f"expected {_ENERGIES} after the {declared}, found '{_short(words)}'.")
        charge, energy, short, electrostatic = _numbers(path, line, words).tolist()
        yield StructureValues(
            np.array(species, dtype=np.int64), tuple(values), charge, energy * by, short * by, electrostatic * by
        )


def _element(word: str) -> int | None:
    # Energies are written with a point, so that a whole number or a word in their place is an atom too many.
    value = whole(word)
    if value is not None:
        return value if 1 <= value <= len(SYMBOLS) else None
    return NUMBERS[word] if known(word) is None else None


def _numbers(path: Path, line: int, words: list[str]) -> Floats:
    values = numbers(words)
    if isinstance(values, str):
        _refuse(path, line, f"expected a number, found '{values}'.")
    return np.array(values, dtype=np.float64)


def _short(words: list[str]) -> str:
    return " ".join(words[:3]) + (" …" if len(words) > 3 else "")


def _refuse(path: Path, line: int, sentence: str) -> NoReturn:
    raise DataError(f"{path}, line {line}: {sentence}")

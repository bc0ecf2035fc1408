"""Labels of a table's rows, reduced to those of its configurations while the rows go by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bpbench.data import blocks
from bpbench.data.ase_files import ONE_GROUP
from bpbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bpbench.data.blocks import Length
    from bpbench.data.frames import Ints
    from bpbench.data.pieces import Array, Columns, Piece

#: How far the energies that the rows of one configuration repeat may differ by rounding, relative.
ROUNDED: Final = 1e-10
_NAMES: Final = frozenset(
    {"", "row", "index", "id", "atom", "atoms", "natoms", "n_atoms", "frame", "step", "snapshot"}
    | {"conf", "config", "configuration", "structure", "element", "species", "symbol", "charge"}
    | {"group", "state", "block", "temperature", "e", "energy", "x", "y", "z", "fx", "fy", "fz"}
)
#: What pandas calls a column of row numbers: in a csv without a name, in a parquet file.
_NUMBERED: Final = ("unnamed:", "__index_level_")


def is_label(name: str) -> bool:
    """Return whether a column is a label by its name, in capitals or not, and not a descriptor.

    Parameters
    ----------
    name : str
        As in the table.
    """
    plain = name.strip().lower()
    return plain in _NAMES or plain.startswith(_NUMBERED)


@dataclass(frozen=True, slots=True)
class Roles:
    """Which column serves as what; every name is known to be there.

    Attributes
    ----------
    path : Path
        The table, for messages.
    values : tuple of str
        The descriptors.
    configuration, energy, group, block, temperature, atoms : str or None
        See :class:`~bpbench.jobs.TableSource`.
    forces : tuple of str
        None or three.
    block_length, guard : int or 'auto'
        Configurations in a cut block, and at each border between blocks; see :func:`bpbench.data.blocks.lay`.
    """

    path: Path
    values: tuple[str, ...]
    configuration: str | None
    energy: str | None
    group: str | None
    block: str | None
    temperature: str | None
    forces: tuple[str, ...]
    atoms: str | None
    block_length: Length
    guard: Length

    @property
    def words(self) -> tuple[str, ...]:
        """The labels that are words, each once."""
        return tuple(dict.fromkeys(name for name in (self.configuration, self.group, self.block) if name is not None))

    @property
    def numbers(self) -> tuple[str, ...]:
        """The labels that are numbers, each once."""
        named = (self.energy, self.temperature, self.atoms, *self.forces)
        return tuple(dict.fromkeys(name for name in named if name is not None))


class Labels:
    """Reduces the labels of rows to those of configurations; whatever does not fit is refused.

    Parameters
    ----------
    table : Columns
        The opened table, for its declared ``offsets``.
    roles : Roles
        Which column serves as what.
    """

    def __init__(self, table: Columns, roles: Roles) -> None:
        self.roles = roles
        self.offsets = table.offsets
        self.rows = 0
        self.starts: list[Ints] = []
        self.seen: set[str] = set()
        self.last: dict[str, Any] = {}
        self.kept: dict[str, list[Array]] = {}
        self.forces: list[Array] = []
        once = (roles.energy, roles.temperature, roles.atoms, roles.group, roles.block)
        self.constant = tuple(dict.fromkeys(name for name in once if name is not None))

    @property
    def known(self) -> bool:
        """Whether it is known which rows form a configuration."""
        return self.roles.configuration is not None or self.offsets is not None

    def feed(self, piece: Piece) -> None:
        """Take the labels of the next rows."""
        path, first, labels = self.roles.path, piece.first, piece.labels
        count = next((len(column) for column in labels.values()), piece.values.shape[1])
        self.rows = first + count
        for name in self.roles.numbers:
            good = np.isfinite(labels[name])
            if not good.all():
                row = first + int(np.argmin(good)) + 1
                raise DataError(f"{path}, row {row}: expected a finite number in '{name}', found it empty or infinite.")
        if self.roles.forces:
            self.forces.append(np.stack([labels[name] for name in self.roles.forces], axis=1))
        if not self.known:
            return
        owner, starts = self._owners(first, count, labels)
        self.starts.append(first + starts)
        for name in self.constant:
            column = labels[name]
            expected = np.concatenate([self.last.get(name, column[:1]), column[starts]])
            wrong = column != expected[owner + 1]
            if column.dtype.kind == "f":
                wrong &= np.abs(column - expected[owner + 1]) > ROUNDED * np.abs(expected[owner + 1])
            if wrong.any():
                row = int(np.argmax(wrong))
                raise DataError(
                    f"{path}, row {first + row + 1}: '{name}' must be the same on all rows of configuration "
                    f"{self._called(labels, row, first)}, found {expected[owner[row] + 1]} and now {column[row]}."
                )
            self.last[name] = expected[-1:]
            self.kept.setdefault(name, []).append(column[starts])

    def _owners(self, first: int, count: int, labels: Mapping[str, Array]) -> tuple[Ints, Ints]:
        """Return which configuration begun in this piece each row belongs to (-1: one before), and the starts."""
        name = self.roles.configuration
        if name is None:
            assert self.offsets is not None
            new = np.isin(np.arange(first, first + count), self.offsets[:-1])
        else:
            column = labels[name]
            new = np.concatenate([column[:1] != self.last.get(name, np.array([None])), column[1:] != column[:-1]])
            for row in np.flatnonzero(new):
                if str(column[row]) in self.seen:
                    raise DataError(
                        f"{self.roles.path}, row {first + int(row) + 1}: configuration {column[row]} goes on here, "
                        "after rows of another; the rows of one configuration must stand together."
                    )
                self.seen.add(str(column[row]))
            self.last[name] = column[-1:]
        return np.cumsum(new) - 1, np.flatnonzero(new)

    def _called(self, labels: Mapping[str, Array], row: int, first: int) -> str:
        if self.roles.configuration is not None:
            return str(labels[self.roles.configuration][row])
        assert self.offsets is not None
        return str(int(np.searchsorted(self.offsets, first + row, side="right")) - 1)

    def borders(self) -> Ints:
        """Return the rows at which a configuration begins, so far."""
        return np.concatenate(self.starts) if self.starts else np.empty(0, dtype=np.int64)

    def arrays(self) -> dict[str, Array]:
        """Return the labels by configuration, once every row went by."""
        roles = self.roles
        if not self.rows:
            raise DataError(f"{roles.path}: the table holds no rows.")
        if not self.known:
            return {"rows": np.asarray(self.rows)}
        offsets = np.concatenate([self.borders(), [self.rows]]).astype(np.int64)
        kept = {name: np.concatenate(parts) for name, parts in self.kept.items()}
        self._counts(offsets, kept)
        made = {"rows": np.asarray(self.rows), "offsets": offsets}
        if roles.energy is not None:
            made["energy"] = kept[roles.energy]
        count = len(offsets) - 1
        group = kept[roles.group].astype(np.str_) if roles.group is not None else np.full(count, ONE_GROUP)
        declared = kept[roles.block].astype(np.str_) if roles.block is not None else None
        per_atom = made["energy"] / np.diff(offsets) if "energy" in made else np.full(count, np.nan)
        made |= {"id": np.arange(count), "group": group}
        made |= blocks.lay(per_atom, group, declared, length=roles.block_length, guard=roles.guard, path=roles.path)
        made["blocks_declared"] = np.asarray(roles.block is not None)
        if roles.temperature is not None:
            made["temperature"] = kept[roles.temperature]
        if self.forces:
            made["forces"] = np.concatenate(self.forces)
        return made

    def _counts(self, offsets: Ints, kept: Mapping[str, Array]) -> None:
        roles, found = self.roles, np.diff(offsets)
        declared = [("array 'offsets'", np.diff(self.offsets))] if self.offsets is not None else []
        if roles.atoms is not None:
            declared.append((f"column '{roles.atoms}'", kept[roles.atoms]))
        for what, counts in declared:
            if len(counts) != len(found):
                raise DataError(
                    f"{roles.path}: the table has {len(found)} configurations, its {what} declares {len(counts)}."
                )
            if (counts != found).any():
                which = int(np.argmax(counts != found))
                raise DataError(
                    f"{roles.path}: the table's rows per configuration differ from its counts: configuration {which} "
                    f"(from 0) has {found[which]} rows, its {what} declares {counts[which]:g}."
                )

"""The study's own form of data: a table with one row per atom, read in bounded memory.

Each row holds the number of its configuration, the atom's descriptors, perhaps its forces, and the configuration's
total energy (eV) and labels, repeated on each of its rows. The rows of one configuration stand together. What a table
holds beside its descriptors is small and read first (:func:`contents`); the descriptors are streamed (:func:`stream`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from bpbench.data import blocks
from bpbench.data.columns import open_columns
from bpbench.data.frames import Configurations
from bpbench.data.labels import Labels, Roles, is_label
from bpbench.data.pieces import finite
from bpbench.data.readers import counted, sha256_of
from bpbench.errors import DataError, nearest
from bpbench.jobs import TableSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bpbench.data.pieces import Array, Columns

#: Atoms in one chunk of stored values.
CHUNK_ATOMS: Final = 16_384
#: How far apart the energies of a table and of the frames it was computed for may lie, relative.
SAME_ENERGY: Final = 1e-6
#: Descriptors that are told by name.
NAMED: Final = 5
#: Names of the stored chunks of values start so.
CHUNK: Final = "values-"


@dataclass(frozen=True, slots=True)
class Contents:
    """What a table holds beside its values.

    Attributes
    ----------
    names : tuple of str
        The descriptors, in the order of their columns.
    rows : int
        Atoms in all.
    arrays : dict of str to ndarray
        Fields of :class:`~bpbench.data.frames.Configurations` by name, as far as they are known.
    """

    names: tuple[str, ...]
    rows: int
    arrays: Mapping[str, Array]

    @property
    def configurations(self) -> Configurations:
        """The configurations of a table that names energies."""
        return Configurations.from_arrays(self.arrays)


def open_table(path: Path | str, **columns: Any) -> TableSource:
    """Take the digest of a table and say what its columns are; nothing is read yet.

    Parameters
    ----------
    path : Path or str
        The file: csv (also .gz, .xz), parquet or npz.
    **columns
        Fields of :class:`~bpbench.jobs.TableSource`.

    Raises
    ------
    DataError
        When there is no such file, or the blocks cannot be cut as asked.
    """
    source = TableSource(path=str(path), sha256=sha256_of(Path(path)), **columns)
    blocks.check(path, source.block, source.block_length, source.guard)
    return source


def contents(source: TableSource) -> Contents:
    """Read what a table holds beside its values, and look at the first rows of these.

    Raises
    ------
    DataError
        As :func:`stream`, except for what is wrong with descriptors further down.
    """
    table, roles = _open(source)
    for piece in table.pieces(roles.values, (), ()):
        finite(roles.path, piece, roles.values)
        break
    labels = Labels(table, roles)
    for piece in table.pieces((), roles.numbers, roles.words):
        labels.feed(piece)
    return Contents(roles.values, labels.rows, labels.arrays())


def stream(
    source: TableSource, precision: Literal["float64", "float32"] = "float64", *, chunk_atoms: int = CHUNK_ATOMS
) -> tuple[tuple[str, ...], Iterator[tuple[str, Array]]]:
    """Read a whole table once.

    Parameters
    ----------
    source : TableSource
        The file and what its columns are.
    precision : {'float64', 'float32'}
        How the values are given.
    chunk_atoms : int
        Most atoms in a chunk, unless one configuration has more.

    Returns
    -------
    names : tuple of str
        The descriptors.
    arrays : iterator of (str, ndarray)
        The values as ``values-00000``, … each (features, atoms), feature-major, with whole configurations where these
        are known; then the arrays of :class:`Contents`.

    Raises
    ------
    DataError
        When the file is missing, changed, unreadable or of an unknown kind; when a named column is not there, or a
        descriptor is not numeric; while the arrays are drawn: when a number is missing or not finite, the rows of a
        configuration do not stand together, its labels differ among them, or their number is not the declared one.
    """
    table, roles = _open(source)
    return roles.values, _chunks(table, roles, np.dtype(precision), chunk_atoms)


def stored(names: list[str], arrays: Mapping[str, Array]) -> Contents:
    """Return the contents of a table from its stored arrays."""
    labels = {name: array for name, array in arrays.items() if not name.startswith(CHUNK)}
    return Contents(tuple(names), labels["rows"].item(), labels)


def agree(source: TableSource, held: Contents, frames: Configurations) -> None:
    """Refuse a table of values that was not made for these configurations, in their order.

    Raises
    ------
    DataError
        When the numbers of rows or configurations, the rows of a configuration, or its energy differ.
    """
    path = source.path
    if held.rows != frames.offsets[-1]:
        raise DataError(
            f"{path}: a table for these frames needs one row per atom, {frames.offsets[-1]} in all, found {held.rows}."
        )
    offsets = held.arrays.get("offsets")
    if offsets is None:
        return
    if len(offsets) != len(frames.offsets):
        raise DataError(f"{path}: the table has {len(offsets) - 1} configurations, there are {len(frames)} frames.")
    wrong = np.diff(offsets) != frames.atoms
    if wrong.any():
        which = int(np.argmax(wrong))
        raise DataError(
            f"{path}: the table's rows per configuration differ from the frames: its configuration {which} (from 0) "
            f"has {np.diff(offsets)[which]} rows, frame {frames.id[which]} has {frames.atoms[which]} atoms."
        )
    energy = held.arrays.get("energy")
    if energy is None:
        return
    apart = np.abs(energy - frames.energy) > SAME_ENERGY * np.maximum(1.0, np.abs(frames.energy))
    if apart.any():
        which = int(np.argmax(apart))
        raise DataError(
            f"{path}: the table belongs to other frames or another order: the energy of its configuration {which} "
            f"(from 0) is {energy[which]:g} eV, that of frame {frames.id[which]} is {frames.energy[which]:g} eV."
        )


def remarks(configurations: Configurations, source: TableSource, names: Sequence[str] = ()) -> tuple[str, ...]:
    """Return whole sentences on what a table holds and where its labels come from, for the report.

    Parameters
    ----------
    configurations : Configurations
        What was read.
    source : TableSource
        From this table.
    names : sequence of str
        Its descriptors; without them nothing is said of them.
    """
    groups, count = len(set(configurations.group.tolist())), len(set(configurations.block.tolist()))
    said = ["Descriptors, energies and labels are those of the table; no structure stands behind them here."]
    if names:
        first = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else ".")
        said.append(f"The table has {counted(len(names), 'descriptor')}: {first}")
    if source.group is None and groups == 1:
        said.append(f"The table names no group, so all {len(configurations)} configurations form one.")
    else:
        said.append(f"Groups are read from the column '{source.group or 'group'}' ({counted(groups, 'group')}).")
    if configurations.blocks_declared:
        said.append(f"Blocks are read from the column '{source.block}' ({counted(count, 'block')}).")
    else:
        said.append(
            f"The table names no blocks, so consecutive configurations of each group were cut into "
            f"{counted(count, 'block')} (asked for: {source.block_length})"
            + ("." if source.guard else "; configurations on either side of a cut may still be near copies.")
        )
    return (*said, *blocks.remarks(configurations, source.block_length, source.guard))


# ------------------------------------------------------------------------------------------- opening and chunks


def _open(source: TableSource) -> tuple[Columns, Roles]:
    path = Path(source.path)
    if sha256_of(path) != source.sha256:
        raise DataError(f"{path}: the file has changed since it was opened; start again with the file as it is now.")
    table = open_columns(path)
    known = (*table.names, *table.labels)
    single = {
        key: getattr(source, key) for key in ("configuration", "energy", "group", "block", "temperature", "atoms")
    }
    named = [(key, name) for key, name in single.items() if name is not None]
    named += [("forces", name) for name in source.forces or ()]
    for key, name in named:
        if name not in known:
            raise DataError(f"{path}: there is no column '{name}' for '{key}'{nearest(name, known)}")
    taken = {name: key for key, name in named}
    for name in source.columns or ():
        if name not in table.names:
            raise DataError(f"{path}: there is no column '{name}'{nearest(name, set(table.names) - set(taken))}")
        if name in taken:
            raise DataError(f"{path}: the column '{name}' is named as '{taken[name]}' and cannot be a descriptor too.")
    values = tuple(name for name in table.names if name not in taken) if source.columns is None else source.columns
    if not values:
        raise DataError(f"{path}: the table has no column of descriptors, only {', '.join(taken) or 'nothing'}.")
    if source.energy is not None and source.configuration is None and table.offsets is None:
        raise DataError(
            f"{path}: name the column that tells configurations apart under 'configuration'"
            f"{nearest('configuration', table.names)}"
        )
    if source.columns is None:
        _refuse_labels(path, [name for name in table.names if name not in taken and is_label(name)], source)
    # What `bpbench describe --out` writes beside its values is known by its name.
    own = {key: key for key in ("energy", "group") if single[key] is None and key in table.labels}
    return table, Roles(
        path=path,
        values=values,
        forces=source.forces or (),
        block_length=source.block_length,
        guard=source.guard,
        **(single | own),
    )


def _refuse_labels(path: Path, names: list[str], source: TableSource) -> None:
    """Refuse labels that nobody named: as inputs of a model they would tell it which rows belong together."""
    if not names:
        return
    quoted = ", ".join(f"'{name}'" for name in names)
    which = (
        f"the column {quoted} is a label by its name"
        if len(names) == 1
        else f"the columns {quoted} are labels by their names"
    )
    # A table of values alone has no other role to give.
    roles = "'configuration'" if source.energy is None else "'forces', 'group' or what else it is"
    raise DataError(
        f"{path}: {which} and would become {'a descriptor' if len(names) == 1 else 'descriptors'}; name "
        f"{'it' if len(names) == 1 else 'each'} under {roles}, drop {'it' if len(names) == 1 else 'them'}, or list the "
        "descriptors under 'columns'."
    )


def _chunks(table: Columns, roles: Roles, precision: np.dtype[Any], chunk_atoms: int) -> Iterator[tuple[str, Array]]:
    labels = Labels(table, roles)
    held: list[Array] = []
    base = number = 0  # row at which what is held begins; chunks given so far

    def given(last: int) -> tuple[str, Array]:
        nonlocal held, base, number
        whole = np.concatenate(held, axis=1)
        held, chunk = [whole[:, last - base :].copy()], np.ascontiguousarray(whole[:, : last - base])
        base, number = last, number + 1
        return f"{CHUNK}{number - 1:05d}", chunk

    for piece in table.pieces(roles.values, roles.numbers, roles.words):
        labels.feed(piece)
        held.append(finite(roles.path, piece, roles.values).astype(precision))
        while (last := _border(labels, base, chunk_atoms)) is not None:
            yield given(last)
    if labels.rows > base:
        yield given(labels.rows)
    yield from labels.arrays().items()


def _border(labels: Labels, base: int, chunk_atoms: int) -> int | None:
    """Return where the next chunk ends: at the last beginning of a configuration that is in reach, or None so far."""
    if labels.rows - base <= chunk_atoms:
        return None
    if not labels.known:
        return base + chunk_atoms
    starts = labels.borders()
    starts = starts[starts > base]
    if not len(starts):
        return None
    return int(starts[max(0, int(np.searchsorted(starts, base + chunk_atoms, side="right")) - 1)])

"""What a study learns from: its configurations, and the values that its sets choose from.

Values are computed from frames (:class:`~bpbench.jobs.Describe`) or read from tables
(:class:`~bpbench.jobs.ReadTable`): from the table that is the data, or from one made elsewhere
for the very frames of the data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bpbench import cuts
from bpbench.data import readers, tables
from bpbench.data.frames import Configurations, Frames
from bpbench.errors import DamagedError, DataError, FeatureError, nearest
from bpbench.features import Column, ColumnSet, FeatureSet, preset
from bpbench.jobs import Agree, Describe, FrameSource, Job, MakeFrames, ReadTable, TableSource
from bpbench.protocol import Columns, FileData, Protocol, SampleData, TableData

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bpbench.data.tables import Contents
    from bpbench.runner.store import Store


@dataclass(frozen=True, slots=True)
class Inputs:
    """The data of a study and what its sets choose from.

    Attributes
    ----------
    make : MakeFrames or ReadTable
        The job that brings the data into the store.
    configurations : Configurations
        The data; :class:`~bpbench.data.frames.Frames` where they have a structure.
    sets : dict of str to FeatureSet or ColumnSet
        Every set of the protocol by name.
    pool : FeatureSet or None
        All symmetry functions that are computed, if any.
    chunks : tuple of Describe
        The jobs that compute them; none where describing is what is timed.
    tables : dict of str to ReadTable
        The jobs that read the tables of sets, by the name of the set.
    columns : tuple of str or None
        Names of the descriptors in the table that is the data.
    agreements : dict of str to Agree
        The jobs that compare tables with the sets they should be, by the name of the table's set.
    """

    make: MakeFrames | ReadTable
    configurations: Configurations
    sets: dict[str, FeatureSet | ColumnSet]
    pool: FeatureSet | None
    chunks: tuple[Describe, ...]
    tables: dict[str, ReadTable]
    columns: tuple[str, ...] | None
    agreements: dict[str, Agree]

    @property
    def jobs(self) -> list[Job]:
        """The jobs before any training, each once."""
        return list(dict.fromkeys([self.make, *self.chunks, *self.tables.values(), *self.agreements.values()]))

    @property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbols of the elements in the frames, by atomic number; none are known of a table's."""
        return tuple(self.configurations.elements) if isinstance(self.configurations, Frames) else ()

    def pool_of(self, name: str) -> tuple[Describe | ReadTable, ...]:
        """Return the jobs that a set's values come from."""
        if isinstance(self.sets[name], FeatureSet):
            return self.chunks
        table = self.tables.get(name, self.make)
        assert isinstance(table, ReadTable)  # columns without a table of their own are those of the data
        return (table,)


def lay_out(protocol: Protocol, store: Store) -> Inputs:
    """Read the data of a protocol and lay out the jobs before its trainings; nothing is written.

    Parameters
    ----------
    protocol : Protocol
        What is compared.
    store : Store
        Looked into for what was read already.

    Raises
    ------
    DataError
        When data or tables cannot be used; the text names file, line and path.
    """
    where = protocol.origin.where
    held: Contents | None = None
    try:
        source = _source(protocol)
        make: MakeFrames | ReadTable
        if isinstance(source, TableSource):
            make = ReadTable(source, protocol.precision)
            held = _contents(make, store)
            configurations = held.configurations
        else:
            make = MakeFrames(source)
            configurations = _frames(make, store)
            _check_forces(protocol, make, configurations)
    except DataError as error:
        raise DataError(f"{where('data')}: {error}") from None
    sets: dict[str, FeatureSet | ColumnSet] = {}
    own: dict[str, ReadTable] = {}
    read: dict[str, tuple[ReadTable | None, ColumnSet]] = {}
    for name in protocol.sets:
        if not protocol.of_columns(name):
            sets[name] = _told_apart(name, protocol, configurations)
            continue
        first = cuts.chain(name, protocol.sets)[0]
        if first not in read:
            read[first] = _columns(protocol, first, make, held, configurations, store)
        table, start = read[first]
        if table is not None:
            own[name] = table
        try:
            sets[name] = cuts.cut(name, protocol.sets, start)
        except FeatureError as error:
            raise DataError(f"{where('sets', name)}: {error}") from None
    pool = _pool(protocol, sets, configurations)
    chunks: tuple[Describe, ...] = ()
    if protocol.measure is None and pool is not None:
        assert isinstance(make, MakeFrames)
        chunks = chunks_of(make, pool, configurations, protocol.precision)
    agreements = {
        name: _agreement(own[name], chunks, sets[name], sets[spec.like])
        for name, spec in protocol.sets.items()
        if isinstance(spec, Columns) and spec.like is not None
    }
    names = None if held is None else tuple(held.names)
    return Inputs(make, configurations, sets, pool, chunks, own, names, agreements)


def _agreement(
    table: ReadTable, chunks: tuple[Describe, ...], columns: FeatureSet | ColumnSet, like: FeatureSet | ColumnSet
) -> Agree:
    assert isinstance(columns, ColumnSet)  # the protocol was refused otherwise
    assert isinstance(like, FeatureSet)
    return Agree(table, chunks, columns.functions, like.functions)


def _frames(make: MakeFrames, store: Store) -> Frames:
    try:
        stored = store.find(make)
        return readers.read(make.source) if stored is None else Frames.from_arrays(stored.arrays)
    except DamagedError as error:  # found out when an array was opened
        store.flaws.append(error)
        return readers.read(make.source)


def _check_forces(protocol: Protocol, make: MakeFrames, frames: Frames) -> None:
    if protocol.scores_forces and frames.forces is None:
        raise DataError(
            f"{make.source.path}: predicted forces are to be scored, and not every frame carries forces; give frames "
            "with forces, or leave out what asks for them."
        )


def _told_apart(name: str, protocol: Protocol, data: Configurations) -> FeatureSet:
    """Return a set of symmetry functions as frames of these elements need it.

    Where the frames hold several elements, functions that name none are repeated for each element of the neighbours.
    """
    chosen, where = protocol.feature_set(name), protocol.origin.where("sets", name)
    if not isinstance(data, Frames):
        return chosen
    try:
        return _for_elements(chosen, data.elements)
    except FeatureError as error:
        raise DataError(f"{where}: {error}") from None


def _for_elements(chosen: FeatureSet, elements: Sequence[str]) -> FeatureSet:
    described = [element for element, _ in chosen.centres]
    missing = [element for element in elements if element not in described] if described else []
    if missing:
        raise FeatureError(
            f"the set describes {', '.join(described)}, and the frames hold {', '.join(missing)} as well; add "
            "functions for every element, or keep the frames of those it describes."
        )
    here = tuple((element, seen) for element, seen in chosen.centres if element in elements)
    if len(here) < len(chosen.centres):
        places = sorted({place for _, seen in here for place in seen})
        chosen = replace(chosen, centres=here).only([chosen.functions[place] for place in places])
    if len(elements) > 1:
        return chosen.resolved(elements)
    if chosen.centres:  # of one element alone it is a set like any other
        (_, seen), *_ = chosen.centres
        return FeatureSet(tuple(chosen.functions[place] for place in seen), chosen.reconstructed)
    return chosen


def _contents(table: ReadTable, store: Store) -> Contents:
    try:
        stored = store.find(table)
        return tables.contents(table.source) if stored is None else tables.stored(stored.values["names"], stored.arrays)
    except DamagedError as error:  # found out when an array was opened
        store.flaws.append(error)
        return tables.contents(table.source)


def _choose(spec: Columns, held: Contents, file: str, sha256: str = "") -> ColumnSet:
    chosen = held.names if spec.columns == "all" else spec.columns
    for name in chosen:
        if name not in held.names:
            raise DataError(f"{file}: there is no column '{name}' of descriptors{nearest(name, held.names)}")
    return ColumnSet(tuple(Column(name, sha256) for name in chosen), file)


def _columns(
    protocol: Protocol,
    name: str,
    make: MakeFrames | ReadTable,
    held: Contents | None,
    configurations: Configurations,
    store: Store,
) -> tuple[ReadTable | None, ColumnSet]:
    """Return a set of columns, and the job that reads its table if that is one of its own."""
    spec = protocol.sets[name]
    assert isinstance(spec, Columns)
    try:
        if spec.table is not None:
            return _of_table(protocol, spec, configurations, store)
        assert held is not None  # the protocol was refused otherwise
        return None, _choose(spec, held, Path(make.source.path).name)
    except (DataError, FeatureError) as error:
        raise DataError(f"{protocol.origin.where('sets', name)}: {error}") from None


def _of_table(
    protocol: Protocol, spec: Columns, configurations: Configurations, store: Store
) -> tuple[ReadTable, ColumnSet]:
    """Return the job that reads a set's own table, and the set, if the table belongs to these configurations."""
    assert spec.table is not None
    source = tables.open_table(
        _beside(protocol, spec.table),
        configuration=spec.configuration,
        columns=None if spec.columns == "all" else spec.columns,
    )
    table = ReadTable(source, protocol.precision)
    held = _contents(table, store)
    tables.agree(source, held, configurations)
    return table, _choose(spec, held, Path(source.path).name, source.sha256)


def _beside(protocol: Protocol, path: str) -> Path:
    return Path(protocol.origin.file).parent / path


def _source(protocol: Protocol) -> FrameSource | TableSource:
    data = protocol.data
    if isinstance(data, SampleData):
        return readers.open_source(
            readers.SAMPLES[data.sample],
            groups=data.groups,
            block_length=data.block_length or 5,
            guard=data.guard,
        )
    if isinstance(data, TableData):
        return tables.open_table(
            _beside(protocol, data.path),
            configuration=data.configuration,
            energy=data.energy,
            group=data.group,
            block=data.block,
            block_length=data.block_length,
            guard=data.guard,
            temperature=data.temperature,
            forces=data.forces,
            atoms=data.atoms,
            columns=data.columns,
        )
    assert isinstance(data, FileData)
    return readers.open_source(
        _beside(protocol, data.path),
        group=data.group,
        groups=data.groups,
        block=data.block,
        block_length=data.block_length,
        guard=data.guard,
        temperature=data.temperature,
        units=data.units,
    )


def _pool(protocol: Protocol, sets: dict[str, FeatureSet | ColumnSet], data: Configurations) -> FeatureSet | None:
    if protocol.pool is not None:
        whole = preset(protocol.pool)
        return _for_elements(whole, data.elements) if isinstance(data, Frames) else whole
    left = protocol.undescribed
    described = [chosen for name, chosen in sets.items() if isinstance(chosen, FeatureSet) and name not in left]
    functions = {function.name: function for chosen in described for function in chosen}
    if not functions:
        return None
    return FeatureSet(tuple(functions.values()), reconstructed=any(chosen.reconstructed for chosen in described))


def chunks_of(
    make: MakeFrames, pool: FeatureSet, frames: Configurations, precision: Literal["float64", "float32"]
) -> tuple[Describe, ...]:
    """Return the jobs that compute a pool, each for consecutive frames of about so many atoms as a table's chunk.

    Parameters
    ----------
    make : MakeFrames
        The job that brings the frames into the store.
    pool : FeatureSet
        All functions.
    frames : Configurations
        The same frames; only their sizes are looked at.
    precision : {'float64', 'float32'}
        How values are stored.
    """
    borders = [0]
    for frame in range(1, len(frames)):
        if frames.offsets[frame + 1] - frames.offsets[borders[-1]] > tables.CHUNK_ATOMS:
            borders.append(frame)
    borders.append(len(frames))
    return tuple(Describe(make, pool.functions, first, last, precision) for first, last in pairwise(borders))

"""Data, and the jobs themselves: what is read, described, trained and asked."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Literal

from bpbench.features import Column, Feature
from bpbench.identity import IF_SET, NOT_IDENTITY, Kept
from bpbench.jobs.models import ModelSpec
from bpbench.remembered import by_object


@by_object
def _hash_of(*shared: Hashable) -> int:
    """Return the hash of what many jobs share."""
    return hash(shared)


# ------------------------------------------------------------------------------------------------------ data


@dataclass(frozen=True, slots=True)
class FrameSource:
    """A file of frames and how its labels are read.

    Attributes
    ----------
    path : str
        Where it lies; not part of the identity, its content's digest is.
    sha256 : str
        Digest of the file's bytes.
    group : str or None
        ``info`` key of the group (state point, kind of cell); ``None``: the key ``group`` if every frame has it, else
        all frames form one group.
    groups : tuple of str or None
        The groups to keep, ``None`` for all.
    block : str or None
        ``info`` key of the block; ``None``: consecutive blocks are cut.
    block_length, guard : int or 'auto'
        Frames in a cut block, and at each border between two blocks; see :func:`bpbench.data.blocks.lay`.
    temperature : str or None
        ``info`` key of the temperature in K.
    units : str
        Units of an ``input.data`` of n2p2 or RuNNer, which carries none; other files say their own.
    """

    path: str = field(metadata=NOT_IDENTITY)
    sha256: str
    group: str | None = None
    groups: tuple[str, ...] | None = None
    block: str | None = None
    block_length: int | Literal["auto"] = 5
    guard: int | Literal["auto"] = 0
    temperature: str | None = None
    units: Literal["angstrom-ev", "bohr-hartree"] = "angstrom-ev"


@dataclass(frozen=True, slots=True)
class MakeFrames(Kept):
    """Read frames into the store's own form."""

    source: FrameSource
    version: int = 1


@dataclass(frozen=True, slots=True)
class TableSource:
    """A table with one row per atom, and what its columns are.

    Attributes
    ----------
    path : str
        Where it lies; not part of the identity, its content's digest is.
    sha256 : str
        Digest of the file's bytes.
    configuration : str or None
        Column that tells configurations apart; ``None``: by the array ``offsets`` of an ``.npz``, else unknown.
    energy : str or None
        Column of the configuration's total energy (eV), the same on each of its rows; ``None`` for a table of values
        for frames that are read elsewhere.
    group, block, temperature : str or None
        Columns of the labels; without ``block``, consecutive blocks are cut.
    block_length, guard : int or 'auto'
        Configurations in a cut block, and at each border between two blocks.
    forces : tuple of str or None
        Columns of the three components (eV/Å).
    atoms : str or None
        Column of the declared number of rows of the configuration.
    columns : tuple of str or None
        The descriptors; ``None`` for every column not named otherwise.
    """

    path: str = field(metadata=NOT_IDENTITY)
    sha256: str
    configuration: str | None = None
    energy: str | None = None
    group: str | None = None
    block: str | None = None
    block_length: int | Literal["auto"] = 5
    guard: int | Literal["auto"] = 0
    temperature: str | None = None
    forces: tuple[str, str, str] | None = None
    atoms: str | None = None
    columns: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ReadTable(Kept):
    """Read a table into the store's own form: labels by configuration, descriptors in chunks with ``precision``."""

    source: TableSource
    precision: Literal["float64", "float32"] = "float64"
    version: int = 1


@dataclass(frozen=True, slots=True)
class Describe(Kept):
    """Values of the pool's symmetry functions for the atoms of frames ``first`` to ``last`` (excluded).

    They are computed in float64 and stored with ``precision``.
    """

    frames: MakeFrames
    functions: tuple[Feature, ...]
    first: int
    last: int
    precision: Literal["float64", "float32"] = "float64"
    version: int = 2

    __hash__ = Kept.__hash__

    def _hashed(self) -> tuple[Hashable, ...]:
        """Let one function stand for all: every training on a large pool is looked up by it."""
        of_functions = (len(self.functions), self.functions[:1])
        return (self.frames, of_functions, self.first, self.last, self.precision, self.version)


@dataclass(frozen=True, slots=True)
class TimeDescribe(Kept):
    """Measure once, alone on the machine, what it takes to describe some frames with one set of functions.

    Attributes
    ----------
    frames : MakeFrames
        The data.
    functions : tuple of Feature
        The set.
    chosen : tuple of int
        Numbers of the frames that are described.
    round : int
        Number of the round.
    host : str
        The kind of host that the time holds for: on another kind it is measured anew.
    code : str
        Digest of what was timed: changed kernels, or another compiler, are measured anew.
    """

    frames: MakeFrames
    functions: tuple[Feature, ...]
    chosen: tuple[int, ...]
    round: int
    host: str
    code: str
    version: int = 1


@dataclass(frozen=True, slots=True)
class Agree(Kept):
    """Compare columns of a table with symmetry functions, value by value; no training depends on it.

    Attributes
    ----------
    table : ReadTable
        Values that were made elsewhere for the frames of the pool.
    pool : tuple of Describe
        The chunks of the described pool in the order of their frames.
    columns : tuple of Column
        Columns of the table.
    functions : tuple of Feature
        What they should be, in this order.
    """

    table: ReadTable
    pool: tuple[Describe, ...]
    columns: tuple[Column, ...]
    functions: tuple[Feature, ...]
    version: int = 1


#: What a split never divides.
SplitBy = Literal["block", "frame", "state"]


@dataclass(frozen=True, slots=True)
class Split:
    """How the frames are divided.

    Attributes
    ----------
    reserve, validation : float
        Shares of all frames in the reserve (the test set) and in validation.
    reserve_seed, split_seed : int
        Seeds of the two draws.
    by : {'block', 'frame', 'state'}
        What is never divided: whole blocks go to one part, or single frames, or whole groups.
    fresh : tuple of str
        Groups that go to no part: independent trajectories on which every model is scored besides.
    explore : float or None
        Of a split in phase *explore* the share of all frames in its own test part: the reserve is in no part at all.
    """

    reserve: float
    validation: float
    reserve_seed: int
    split_seed: int
    by: SplitBy = "block"
    fresh: tuple[str, ...] = ()
    explore: float | None = None


@dataclass(frozen=True, slots=True)
class Train(Kept):
    """Fit one model once and score it: the unit that is repeated.

    Attributes
    ----------
    frames : MakeFrames or ReadTable
        The configurations with their energies and labels.
    pool : tuple of Describe or ReadTable
        The chunks of the described pool in the order of their frames, and tables of values.
    functions : tuple of Feature or Column
        The model's inputs, chosen by name: symmetry functions from the pool, columns from their table.
    model : ModelSpec
        What is fitted.
    split : Split
        Which frames are trained on, validated on and tested on.
    weights_seed, order_seed : int
        Seeds of everything random in the model, and of the order of the batches.
    observations : int or None
        Training configurations that are learned from, ``None`` for all of the split's: the first so many of the order
        that :func:`bpbench.data.splits.fewer` draws from the split's seed.
    rerun : int
        How many trainings of all the same come before it: it is trained again, to see what the machine alone changes.
    centres : tuple of (str, tuple of int)
        By element of the central atom, the places in ``functions`` that its network sees; empty: every element's
        network sees all.
    score_forces : bool
        Whether predicted forces are scored besides.
    """

    frames: MakeFrames | ReadTable
    pool: tuple[Describe | ReadTable, ...]
    functions: tuple[Feature | Column, ...]
    model: ModelSpec
    split: Split
    weights_seed: int
    order_seed: int
    observations: int | None = None
    rerun: int = 0
    centres: tuple[tuple[str, tuple[int, ...]], ...] = field(default=(), metadata=IF_SET)
    score_forces: bool = field(default=False, metadata=IF_SET)
    version: int = 5
    __hash__ = Kept.__hash__

    def _hashed(self) -> tuple[Hashable, ...]:
        """Hash once what many trainings share, and beside it what tells their repeats apart."""
        seeds = (self.split.split_seed, self.split.reserve_seed, self.weights_seed, self.order_seed, self.rerun)
        return (_hash_of(self.functions, self.model, self.pool), self.observations, *seeds)


@dataclass(frozen=True, slots=True)
class Importance(Kept):
    """Ask how much each input of a trained model matters; see :mod:`bpbench.models.importance`.

    Attributes
    ----------
    training : Train
        The training whose model is asked.
    by : {'permutation', 'gain'}
        ``permutation``: the rise of the validation error when an input's values are shuffled among atoms. ``gain``:
        what the splits on an input gained, of trees alone.
    shuffles : int
        How often each input is shuffled; of no use to ``gain``.
    seed : int
        Seed of the shuffles; of no use to ``gain``.
    """

    training: Train
    by: Literal["permutation", "gain"]
    shuffles: int = 5
    seed: int = 0
    version: int = 1
    __hash__ = Kept.__hash__

    def _hashed(self) -> tuple[Hashable, ...]:
        return (self.training, self.by, self.shuffles, self.seed)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Evaluate one frame at several volumes, scaled alike in all directions; see :mod:`bpbench.runner.probing`.

    Attributes
    ----------
    frames : MakeFrames
        The data.
    frame : int
        Number of the frame.
    scales : tuple of float
        Volumes as multiples of that of the frame.
    training : Train or None
        Whose potential answers; ``None``: EMT, where that made the data.
    """

    frames: MakeFrames
    frame: int
    scales: tuple[float, ...]
    training: Train | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Course:
    """What is asked of a run of Langevin dynamics; see :mod:`bpbench.probing.dynamics`.

    Attributes
    ----------
    temperature : float
        Of the thermostat, K.
    steps : int
        Steps in all.
    timestep : float
        fs.
    friction : float
        Of the thermostat, per fs.
    settle : int
        Steps before anything is counted.
    every : int
        Steps from one counted frame to the next.
    seed : int
        Of velocities and of the thermostat.
    """

    temperature: float
    steps: int
    timestep: float
    friction: float
    settle: int
    every: int
    seed: int


@dataclass(frozen=True, slots=True)
class Simulate(Course):
    """Run Langevin dynamics with a trained potential and count g(r); see :mod:`bpbench.probing.dynamics`.

    Attributes
    ----------
    training : Train
        Whose potential moves the atoms.
    frame : int
        Number of the frame it starts from.
    reach : float
        Furthest r, Å.
    bins : int
        Equal bins of r up to there.
    """

    training: Train
    frame: int
    reach: float
    bins: int
    version: int = 1


@dataclass(frozen=True, slots=True)
class Distribute:
    """Count g(r) of some frames of the data.

    Attributes
    ----------
    frames : MakeFrames
        The data.
    chosen : tuple of int
        Numbers of the frames.
    reach : float
        Furthest r, Å.
    bins : int
        Equal bins of r up to there.
    """

    frames: MakeFrames
    chosen: tuple[int, ...]
    reach: float
    bins: int
    version: int = 1


@dataclass(frozen=True, slots=True)
class Ping(Kept):
    """Do nothing: what orchestration costs is measured with it, and a cluster is tried.

    Attributes
    ----------
    number : int
        To tell one from another.
    wait_s : float
        Seconds to wait.
    """

    number: int
    wait_s: float = 0.0
    version: int = 1

    __hash__ = Kept.__hash__

    def _hashed(self) -> tuple[Hashable, ...]:
        return (self.number, self.wait_s, self.version)


Job = (
    MakeFrames
    | ReadTable
    | Describe
    | TimeDescribe
    | Agree
    | Train
    | Importance
    | Stretch
    | Simulate
    | Distribute
    | Ping
)

"""What can be asked for: plain frozen values. Everything that decides a result stands in its job.

A job holds the jobs it needs, so the jobs are the graph; its address is the digest of its value
(:func:`bpbench.identity.address`). ``version`` is bumped by hand when the code behind a job gives other numbers.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final, Literal

from annotated_types import Ge, Gt, Le, Lt, MinLen

from bpbench.features import STRICT, Column, Feature
from bpbench.identity import IF_SET, NOT_IDENTITY

# ---------------------------------------------------------------------------------------------------- models


#: A number for all layers, or one for each layer, from the first hidden one to the output.
ByLayer = Annotated[float, Ge(0)] | Annotated[tuple[Annotated[float, Ge(0)], ...], MinLen(1)]


@dataclass(frozen=True, slots=True)
class Adam:
    """Adam with Keras's constants (Kingma & Ba 2015; amsgrad off); see :mod:`bpbench.models.adam`.

    Attributes
    ----------
    learning_rate : float
        Step size.
    beta_1, beta_2 : float
        Decay of the first and second moment.
    epsilon : float
        Added to the root of the second moment.
    decay : float or tuple of float
        Decoupled weight decay (Loshchilov & Hutter 2019): each step takes this share of the learning rate off every
        weight; biases and a linear skip are left alone.
    """

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["adam"] = "adam"
    learning_rate: Annotated[float, Gt(0)] = 1e-3
    beta_1: Annotated[float, Ge(0), Lt(1)] = 0.9
    beta_2: Annotated[float, Ge(0), Lt(1)] = 0.999
    epsilon: Annotated[float, Gt(0)] = 1e-8
    decay: ByLayer = 0.0


@dataclass(frozen=True, slots=True)
class KerasAdam:
    """Keras's own ``fit`` with its own Adam, as the aluminium study trained; see :mod:`bpbench.models.keras_fit`.

    It learns what :class:`Adam` learns, many times slower; its place is in comparisons.

    Attributes
    ----------
    learning_rate : float
        Step size.
    beta_1, beta_2 : float
        Decay of the first and second moment.
    epsilon : float
        Added to the root of the second moment.
    """

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["keras-adam"]
    learning_rate: Annotated[float, Gt(0)] = 1e-3
    beta_1: Annotated[float, Ge(0), Lt(1)] = 0.9
    beta_2: Annotated[float, Ge(0), Lt(1)] = 0.999
    epsilon: Annotated[float, Gt(0)] = 1e-8


@dataclass(frozen=True, slots=True)
class Kalman:
    """The block extended Kalman filter; see :mod:`bpbench.models.kalman`.

    The defaults are those that held over seeds, feature sets, EMT and DFT data in the README's table of trainers.

    Attributes
    ----------
    block : int
        Configurations in one update.
    prior : float or tuple of float
        P₀ of the network's weights and biases at the start: how far they may move. A layer with 0 stays as it is.
    skip_prior : float
        P₀ of the weights of a linear skip, which starts from the ridge's answer.
    trust : tuple of float
        η of the first epoch, and its limit.
    growth : float
        Factor of η from one epoch to the next.
    noise : tuple of float
        Process noise q of the first epoch, and the least.
    fall : float
        Factor of q from one epoch to the next.
    """

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["kalman"]
    block: Annotated[int, Ge(1)] = 32
    prior: ByLayer = 10.0
    skip_prior: Annotated[float, Gt(0)] = 1e-4
    trust: tuple[Annotated[float, Gt(0)], Annotated[float, Gt(0)]] = (1e-2, 1e4)
    growth: Annotated[float, Ge(1)] = 10.0
    noise: tuple[Annotated[float, Ge(0)], Annotated[float, Ge(0)]] = (0.1, 1e-7)
    fall: Annotated[float, Gt(0), Le(1)] = 0.6


@dataclass(frozen=True, slots=True)
class Marquardt:
    """Levenberg-Marquardt; see :mod:`bpbench.models.marquardt`.

    Attributes
    ----------
    damping : float
        First damping, as a share of the largest diagonal element of JᵀJ.
    decay : float or tuple of float
        Penalty λ/2 · w² on the weights of each layer, beside the cost Γ of standardised energies.
    """

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["marquardt"]
    damping: Annotated[float, Gt(0)] = 1e-5
    decay: ByLayer = 0.0


Optimizer = Adam | KerasAdam | Kalman | Marquardt
#: Optimisers by their kind.
OPTIMIZERS: Final = {"adam": Adam, "keras-adam": KerasAdam, "kalman": Kalman, "marquardt": Marquardt}


#: Most validation configurations whose forces help to choose an epoch, or a penalty.
FORCES_VALIDATED: Final = 16


@dataclass(frozen=True, slots=True)
class ForceTerm:
    """What of the forces is learned beside the energies; see :mod:`bpbench.models.forces`.

    Attributes
    ----------
    weight : float
        Weight of the forces' cost beside that of the energies, each in its own spread.
    fraction : float
        Share of the training configurations' force components that are learned from: drawn anew for every epoch of a
        network, once for a linear potential.
    """

    __pydantic_config__: ClassVar = STRICT
    weight: Annotated[float, Gt(0)] = 1.0
    fraction: Annotated[float, Gt(0), Le(1)] = 1.0


@dataclass(frozen=True, slots=True)
class Hdnn:
    """A high-dimensional neural-network potential: the energy is the sum of one small network over the atoms.

    Attributes
    ----------
    hidden : tuple of int
        Nodes of each hidden layer; the output is linear.
    activation : {'tanh', 'logistic', 'softplus', 'relu', 'gaussian'}
        Function of every hidden node; see :mod:`bpbench.models.kernels`.
    scaling : {'standard', 'min-max', 'centred', 'centred-min-max'}
        How inputs are scaled by the training atoms; see :mod:`bpbench.models.scaling`.
    epochs : int
        Most passes over the training configurations.
    patience : int or None
        Epochs without a lower validation RMSE after which the training ends; ``None``: it runs all epochs.
    batch : int
        Configurations per update of Adam.
    optimizer : Adam, KerasAdam, Kalman or Marquardt
        How the weights move.
    skip : bool
        Whether the inputs also enter the answer directly, at first with the ridge's weights.
    ensemble : int
        Networks of other weights and orders whose mean answer is the model's answer, and whose spread is its
        uncertainty.
    forces : ForceTerm or None
        How forces are learned beside energies; ``None``: energies alone.
    """

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["hdnn"]
    hidden: Annotated[tuple[Annotated[int, Ge(1)], ...], MinLen(1)] = (10, 10)
    activation: Literal["tanh", "logistic", "softplus", "relu", "gaussian"] = "tanh"
    scaling: Literal["standard", "min-max", "centred", "centred-min-max"] = "standard"
    epochs: Annotated[int, Ge(1)] = 100
    patience: Annotated[int, Ge(1)] | None = None
    batch: Annotated[int, Ge(1)] = 32
    optimizer: Optimizer = Adam()
    skip: bool = False
    ensemble: Annotated[int, Ge(1)] = 1
    forces: ForceTerm | None = field(default=None, metadata=IF_SET)


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear potential: ridge of the energy per atom on the configuration's mean descriptors.

    Its energy is a sum over atoms; for frames of one size it is ridge on summed descriptors.

    Attributes
    ----------
    strengths : tuple of float
        Penalties to choose from by validation RMSE, relative to the number of training configurations.
    forces : ForceTerm or None
        How forces are learned beside energies; ``None``: energies alone.
    """

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["linear"]
    strengths: Annotated[tuple[Annotated[float, Gt(0)], ...], MinLen(1)] = tuple(10.0**power for power in range(-12, 3))
    forces: ForceTerm | None = field(default=None, metadata=IF_SET)


@dataclass(frozen=True, slots=True)
class RandomForest:
    """scikit-learn's random forest, on energies or on the components of forces; see :mod:`bpbench.models.trees`.

    Attributes
    ----------
    trees : int
        Number of trees.
    max_depth : int or None
        Depth limit of each.
    max_features : float
        Share of the columns tried at each split.
    min_samples_leaf : int
        Least training configurations in a leaf, or least atoms where forces are predicted.
    target : {'energy', 'forces'}
        ``energy``: of a configuration, by the mean and spread of each descriptor over its atoms. ``forces``: the three
        components of an atom's force, by its own descriptors; no energy is predicted then.
    atoms : int or None
        Most training atoms of each element that forces are learned from, drawn with the repeat's seed; ``None``: all.
    """

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["random-forest"]
    trees: Annotated[int, Ge(1)] = 200
    max_depth: Annotated[int, Ge(1)] | None = None
    max_features: Annotated[float, Gt(0)] = 1 / 3
    min_samples_leaf: Annotated[int, Ge(1)] = 1
    target: Literal["energy", "forces"] = field(default="energy", metadata=IF_SET)
    atoms: Annotated[int, Ge(2)] | None = field(default=None, metadata=IF_SET)


@dataclass(frozen=True, slots=True)
class LightGbm:
    """LightGBM on the same inputs as :class:`RandomForest`, its number of trees chosen on validation.

    Attributes
    ----------
    rounds : int
        Most boosting rounds.
    patience : int
        Rounds without a better validation RMSE before it stops.
    learning_rate : float
        Shrinkage.
    leaves : int
        Leaves per tree.
    min_samples_leaf : int
        Least training configurations in a leaf, or least atoms where forces are predicted.
    row_share, column_share : float
        Shares drawn for each tree (with the repeat's seed).
    max_depth : int or None
        Depth limit of each tree, beside that of its leaves.
    target : {'energy', 'forces'}
        As for :class:`RandomForest`.
    atoms : int or None
        As for :class:`RandomForest`; all atoms of the validation part choose the number of trees.
    """

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["lightgbm"]
    rounds: Annotated[int, Ge(1)] = 1000
    patience: Annotated[int, Ge(1)] = 50
    learning_rate: Annotated[float, Gt(0)] = 0.05
    leaves: Annotated[int, Ge(2)] = 15
    min_samples_leaf: Annotated[int, Ge(1)] = 5
    row_share: Annotated[float, Gt(0)] = 0.8
    column_share: Annotated[float, Gt(0)] = 0.8
    max_depth: Annotated[int, Ge(1)] | None = field(default=None, metadata=IF_SET)
    target: Literal["energy", "forces"] = field(default="energy", metadata=IF_SET)
    atoms: Annotated[int, Ge(2)] | None = field(default=None, metadata=IF_SET)


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
ModelSpec = Hdnn | Linear | RandomForest | LightGbm | N2p2 | Command


def of_forces_alone(model: ModelSpec | None) -> bool:
    """Return whether a model predicts forces and no energies."""
    return isinstance(model, RandomForest | LightGbm) and model.target == "forces"


def predicts_forces(model: ModelSpec) -> bool:
    """Return whether a model says what the forces are: the slope of its energy, which steps do not have, or itself."""
    if isinstance(model, Command):
        return model.forces
    return isinstance(model, Hdnn | Linear | N2p2) or of_forces_alone(model)


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
class MakeFrames:
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
class ReadTable:
    """Read a table into the store's own form: labels by configuration, descriptors in chunks with ``precision``."""

    source: TableSource
    precision: Literal["float64", "float32"] = "float64"
    version: int = 1


@dataclass(frozen=True, slots=True)
class Describe:
    """Values of the pool's symmetry functions for the atoms of frames ``first`` to ``last`` (excluded).

    They are computed in float64 and stored with ``precision``.
    """

    frames: MakeFrames
    functions: tuple[Feature, ...]
    first: int
    last: int
    precision: Literal["float64", "float32"] = "float64"
    version: int = 2

    def __hash__(self) -> int:
        """Return a hash in which one function stands for all: every training on a large pool is looked up by it."""
        of_functions = (len(self.functions), self.functions[:1])
        return hash((self.frames, of_functions, self.first, self.last, self.precision, self.version))


@dataclass(frozen=True, slots=True)
class TimeDescribe:
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
class Agree:
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
class Train:
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


@dataclass(frozen=True, slots=True)
class Importance:
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
class Simulate:
    """Run Langevin dynamics with a trained potential and count g(r); see :mod:`bpbench.probing.dynamics`.

    Attributes
    ----------
    training : Train
        Whose potential moves the atoms.
    frame : int
        Number of the frame it starts from.
    temperature : float
        Of the thermostat, K.
    steps : int
        Steps in all.
    timestep : float
        fs.
    friction : float
        Of the thermostat, per fs.
    settle, every : int
        Steps before anything is counted, and from one counted frame to the next.
    seed : int
        Of velocities and of the thermostat.
    reach : float
        Furthest r, Å.
    bins : int
        Equal bins of r up to there.
    """

    training: Train
    frame: int
    temperature: float
    steps: int
    timestep: float
    friction: float
    settle: int
    every: int
    seed: int
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


Job = MakeFrames | ReadTable | Describe | TimeDescribe | Agree | Train | Importance | Stretch | Simulate | Distribute

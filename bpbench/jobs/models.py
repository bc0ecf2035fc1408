"""What can be trained or scored: every model with its settings, as a protocol writes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final, Literal

from annotated_types import Ge, Gt, Le, Lt, MinLen

from bpbench.features import STRICT
from bpbench.identity import IF_SET
from bpbench.jobs.foreign import Command, N2p2

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


ModelSpec = Hdnn | Linear | RandomForest | LightGbm | N2p2 | Command


def of_forces_alone(model: ModelSpec | None) -> bool:
    """Return whether a model predicts forces and no energies."""
    return isinstance(model, RandomForest | LightGbm) and model.target == "forces"


def predicts_forces(model: ModelSpec) -> bool:
    """Return whether a model says what the forces are: the slope of its energy, which steps do not have, or itself."""
    if isinstance(model, Command):
        return model.forces
    return isinstance(model, Hdnn | Linear | N2p2) or of_forces_alone(model)

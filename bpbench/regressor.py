"""Potentials as estimators with scikit-learn's manners: one network, or one ridge, in a notebook.

What is fitted is what a study fits (:func:`bpbench.models.fit`): training configurations are learned from, validation
configurations choose the epoch or the strength. A study repeats that, pairs it and judges it; one fit tells little
about which symmetry functions are better.

``X`` is a list of ``ase.Atoms`` (or :class:`~bpbench.data.frames.Frames`), described by the estimator's symmetry
functions, and ``y`` their energies in eV; or ``X`` is an array of numbers whose rows are configurations of one atom
each, which makes the estimator a plain regressor.
"""

from __future__ import annotations

import dataclasses
import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from bpbench import models
from bpbench.described import Features, described, energies_of, features_of, frames_of
from bpbench.errors import ParameterError, ProtocolError
from bpbench.identity import plain
from bpbench.jobs import Hdnn, Linear
from bpbench.models.contract import Fit, Problem
from bpbench.models.scaling import LEAST
from bpbench.potential import Potential, Structures
from bpbench.protocol import model_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from bpbench.ase_calculator import Calculator
    from bpbench.data.frames import Floats, Frames, Ints
    from bpbench.features import Feature
    from bpbench.jobs import Optimizer

#: What is said of a training that may not have come to its end.
_TOO_FEW: Final = "Fewer than ten epochs do not tell whether the validation error had stopped falling; raise epochs."
_UNFINISHED: Final = (
    "After {epochs} epochs the validation error was still falling, or had never fallen; raise epochs, or look at "
    "curve_ and remarks_."
)


class _Potential(RegressorMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """What both estimators share; see :class:`HDNNRegressor`."""

    features: Features | Mapping[str, Features] | None
    force_weight: float
    force_fraction: float
    validation_fraction: float
    random_state: Any
    n_jobs: int | None

    @abstractmethod
    def _written(self) -> dict[str, Any]:
        """Return the model as a protocol would write it."""

    def fit(self, X: Any, y: npt.ArrayLike | None = None, *, groups: npt.ArrayLike | None = None) -> Self:
        """Fit the model to energies.

        Parameters
        ----------
        X : list of ase.Atoms, Frames, or array_like of shape (n_samples, n_features)
            Configurations: frames, or rows of numbers, each a configuration of one atom.
        y : array_like, shape (n_samples,), optional
            Energies in eV per configuration; by default those that frames hold.
        groups : array_like, shape (n_samples,), optional
            What the validation part never divides, such as stretches of a trajectory, whose frames are near copies of
            each other; by default the blocks of ``Frames``, and single configurations otherwise.

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            For a parameter or argument that cannot be.
        DataError
            For frames that cannot be described or learned from.
        DivergedError
            When the training leaves the finite numbers.
        """
        model = self._model()
        frames = frames_of(X)
        problem = self._of_rows(X, y) if frames is None else self._of_frames(frames, y, model)
        random = check_random_state(self.random_state)
        share, weights, order = (int(seed) for seed in random.randint(0, 2**31 - 1, size=3))
        if groups is None:
            groups = np.arange(len(problem.energy)) if frames is None else frames.block
        train, validation = _divided(np.asarray(groups), len(problem.energy), self.validation_fraction, share)
        problem = dataclasses.replace(problem, train=train, validation=validation)
        made = models.fit(model, problem, weights_seed=weights, order_seed=order)
        self._keep(made, problem, model)
        return self

    def predict(self, X: Any) -> Floats:
        """Return energies in eV per configuration, shape (n_samples,).

        Parameters
        ----------
        X : list of ase.Atoms, Frames, or array_like of shape (n_samples, n_features)
            As for :meth:`fit`. Rows given to a potential of one element are descriptors of single atoms.
        """
        check_is_fitted(self)
        frames = frames_of(X)
        if frames is None:
            values = _columns(validate_data(self, X, reset=False, dtype=np.float64))
            offsets = np.arange(values.shape[1] + 1, dtype=np.int64)
        else:
            potential = self.potential_
            potential.check(frames.species)  # before their functions are found not to tell elements apart
            values = described(self.functions_, frames, _threads(self.n_jobs))
            return potential.energies(values, frames.offsets, frames.species)
        return models.evaluate(self.model_, self.parameters_, values, offsets)

    def predict_forces(self, X: Any) -> list[Floats]:
        """Return forces in eV/Å, one array of shape (n, 3) for each frame.

        Parameters
        ----------
        X : list of ase.Atoms or Frames
            The frames.
        """
        check_is_fitted(self)
        potential, frames = self.potential_, frames_of(X)
        if frames is None:
            raise ParameterError("Forces are those on the atoms of frames, found rows of numbers; give ase.Atoms.")
        found = []
        for number in range(len(frames)):
            rows = frames.rows(number)
            answer = potential.answer(
                frames.positions[rows], frames.cells[number], frames.pbc[number], frames.species[rows]
            )
            found.append(answer.forces)
        return found

    def score(self, X: Any, y: npt.ArrayLike | None = None, sample_weight: npt.ArrayLike | None = None) -> float:
        """Return R² of the energies per atom: totals of frames of different sizes would be told by their sizes alone.

        Parameters
        ----------
        X, y
            As for :meth:`fit`.
        sample_weight : array_like, shape (n_samples,), optional
            Weights of the configurations.
        """
        frames, predicted = frames_of(X), self.predict(X)
        atoms = np.ones(len(predicted)) if frames is None else frames.atoms
        energy = frames.energy if y is None and frames is not None else np.asarray(y, dtype=np.float64)
        return float(r2_score(energy / atoms, predicted / atoms, sample_weight=sample_weight))

    def calculator(self) -> Calculator:
        """Return the fitted potential as a calculator of ASE, which warns outside the ranges of its training."""
        from bpbench.ase_calculator import Calculator

        check_is_fitted(self)
        return Calculator(self.potential_)

    # ------------------------------------------------------------------------------------------------------- pieces

    def _model(self) -> Hdnn | Linear:
        name = type(self).__name__
        if not 0 < self.validation_fraction < 1:
            raise ParameterError(
                f"{name}, validation_fraction: expected a share between 0 and 1, found {self.validation_fraction}."
            )
        written = self._written()
        if self.force_weight:
            written["forces"] = {"weight": float(self.force_weight), "fraction": float(self.force_fraction)}
        try:
            return model_of(plain(written), lambda *place: ", ".join([name, ".".join(map(str, place))]))
        except ProtocolError as error:
            raise ParameterError(str(error)) from None

    def _of_rows(self, X: Any, y: npt.ArrayLike | None) -> Problem:
        # Two to learn from and two to choose by.
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True, ensure_min_samples=2 * LEAST)
        if self.force_weight:
            raise ParameterError("Forces are learned from frames, found rows of numbers; give ase.Atoms.")
        values = _columns(X)
        names = tuple(getattr(self, "feature_names_in_", [f"x{number}" for number in range(len(values))]))
        offsets = np.arange(values.shape[1] + 1, dtype=np.int64)
        none = np.empty(0, dtype=np.int64)
        return Problem(names, values, offsets, np.asarray(y, dtype=np.float64), none, none, none)

    def _of_frames(self, frames: Frames, y: npt.ArrayLike | None, model: Hdnn | Linear) -> Problem:
        energy = energies_of(frames, y)
        chosen = features_of(self.features, frames.elements, type(self).__name__)
        functions = chosen.functions
        values = described(functions, frames, _threads(self.n_jobs))
        self.n_features_in_ = len(functions)
        if hasattr(self, "feature_names_in_"):
            del self.feature_names_in_  # of an earlier fit to rows with names
        if model.forces is not None and frames.forces is None:
            raise ParameterError(
                "force_weight: forces are learned from, and not every frame holds some; give frames with forces, or "
                "force_weight=0."
            )
        several = len(frames.elements) > 1
        none = np.empty(0, dtype=np.int64)
        return Problem(
            names=chosen.names,
            values=values,
            offsets=frames.offsets,
            energy=energy,
            train=none,
            validation=none,
            test=none,
            elements=tuple(frames.elements),
            kind=np.unique(frames.species, return_inverse=True)[1].astype(np.int64) if several else None,
            centres=chosen.centres,
            forces=frames.forces,
            geometry=None if model.forces is None else Structures(frames, functions),
        )

    def _keep(self, made: Fit, problem: Problem, model: Hdnn | Linear) -> None:
        self.model_, self.parameters_, self.elements_ = model, made.parameters, problem.elements
        self.functions_: tuple[Feature, ...] = ()
        self.centres_ = problem.centres
        if problem.elements:
            self.functions_ = features_of(self.features, problem.elements, type(self).__name__).functions
        self.curve_, self.remarks_ = made.curve, made.remarks
        self.checkpoint_, self.converged_ = made.checkpoint, made.converged
        if isinstance(model, Hdnn):
            self.n_iter_ = len(made.curve["epoch"])
        if made.converged is False and made.stopped != "patience":
            told = _TOO_FEW if self.n_iter_ < 10 else _UNFINISHED.format(epochs=self.n_iter_)
            warnings.warn(told, ConvergenceWarning, stacklevel=3)

    @property
    def potential_(self) -> Potential:
        """The fitted potential; there is none after a fit to rows."""
        if not self.elements_:
            raise ParameterError(
                f"This {type(self).__name__} was fitted to rows of numbers, and frames cannot be described by them; "
                "fit it to ase.Atoms."
            )
        return Potential(self.model_, self.functions_, self.parameters_, self.elements_, self.centres_)


class HDNNRegressor(_Potential):
    """One high-dimensional neural-network potential, with the manners of scikit-learn.

    The defaults are bpbench's default advice: a Kalman filter that starts from the ridge's answer.

    Parameters
    ----------
    features : str, FeatureSet or sequence of G2, G4 and G5, or a dict of these by element, optional
        Symmetry functions: the name of a preset (:data:`bpbench.features.PRESETS`), or the functions; by element of the
        central atom where it matters. Needed for frames, of no use to rows. In frames of several elements, a function
        that names no elements of the neighbours is repeated for each, and every element has a network of its own.
    hidden : tuple of int
        Nodes of each hidden layer.
    activation : {'tanh', 'logistic', 'softplus', 'relu', 'gaussian'}
        Function of every hidden node.
    scaling : {'standard', 'min-max', 'centred', 'centred-min-max'}
        How inputs are scaled by the training atoms.
    epochs : int
        Most passes over the training configurations.
    patience : int, optional
        Epochs without a lower validation error after which the training ends.
    batch : int
        Configurations per update of Adam.
    optimizer : str, dict or Optimizer
        ``kalman``, ``adam``, ``marquardt`` or ``keras-adam``; a mapping as in a protocol, such as ``{"kind": "adam",
        "learning_rate": 1e-2}``; or a value such as :class:`bpbench.jobs.Adam`.
    skip : bool
        Whether the inputs also enter the answer directly, at first with the ridge's weights.
    ensemble : int
        Networks whose mean answer is the answer.
    force_weight : float
        Weight of the forces' cost beside that of the energies; 0: energies alone.
    force_fraction : float
        Share of the force components that are learned from.
    validation_fraction : float
        Share of the configurations by which the epoch is chosen, and which are not learned from.
    random_state : int, RandomState or None
        What draws the validation part, the initial weights and the batches.
    n_jobs : int, optional
        Threads that describe frames, -1 for all cores; no number depends on it.

    Attributes
    ----------
    potential_ : Potential
        Energies and forces of single frames; after a fit to frames.
    functions_ : tuple of Feature
        The symmetry functions, those of several elements told apart; empty after a fit to rows.
    elements_ : tuple of str
        Chemical symbols, by atomic number; empty after a fit to rows.
    centres_ : tuple of (str, tuple of int)
        By element the places in ``functions_`` that its network sees; empty: all.
    n_features_in_ : int
        Number of inputs of the network.
    n_iter_ : int
        Epochs that were run.
    checkpoint_ : int or None
        Epoch whose weights were kept, from 1; 0 for the ridge that a skip started from.
    converged_ : bool
        False if validation still improved at the end.
    curve_ : dict of str to ndarray
        ``epoch``, and the RMSE in meV/atom on the ``train`` and ``validation`` parts.
    remarks_ : tuple of str
        Sentences worth knowing: functions that were dropped, more weights than data.
    model_, parameters_
        What was fitted, and all it takes to evaluate it; see :attr:`bpbench.models.contract.Fit.parameters`.
    """

    def __init__(
        self,
        features: Features | Mapping[str, Features] | None = None,
        *,
        hidden: tuple[int, ...] = (10, 10),
        activation: str = "tanh",
        scaling: str = "standard",
        epochs: int = 20,
        patience: int | None = None,
        batch: int = 32,
        optimizer: str | dict[str, Any] | Optimizer = "kalman",
        skip: bool = True,
        ensemble: int = 1,
        force_weight: float = 0.0,
        force_fraction: float = 1.0,
        validation_fraction: float = 0.2,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.features = features
        self.hidden = hidden
        self.activation = activation
        self.scaling = scaling
        self.epochs = epochs
        self.patience = patience
        self.batch = batch
        self.optimizer = optimizer
        self.skip = skip
        self.ensemble = ensemble
        self.force_weight = force_weight
        self.force_fraction = force_fraction
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _written(self) -> dict[str, Any]:
        rule: Any = self.optimizer
        if dataclasses.is_dataclass(rule) and not isinstance(rule, type):
            rule = dataclasses.asdict(rule)
        names = ("hidden", "activation", "scaling", "epochs", "patience", "batch", "skip", "ensemble")
        optimizer = {"kind": rule} if isinstance(rule, str) else rule
        return {"kind": "hdnn", "optimizer": optimizer} | {name: getattr(self, name) for name in names}


class LinearRegressor(_Potential):
    """One linear potential: ridge on summed symmetry functions, with the manners of scikit-learn.

    Parameters
    ----------
    features, force_weight, force_fraction, validation_fraction, random_state, n_jobs
        As for :class:`HDNNRegressor`; the validation part chooses the strength.
    strengths : tuple of float, optional
        Penalties to choose from, relative to the number of training configurations; by default powers of ten.

    Attributes
    ----------
    potential_, functions_, elements_, n_features_in_, remarks_, model_, parameters_
        As of :class:`HDNNRegressor`.
    """

    def __init__(
        self,
        features: Features | Mapping[str, Features] | None = None,
        *,
        strengths: tuple[float, ...] | None = None,
        force_weight: float = 0.0,
        force_fraction: float = 1.0,
        validation_fraction: float = 0.2,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.features = features
        self.strengths = strengths
        self.force_weight = force_weight
        self.force_fraction = force_fraction
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _written(self) -> dict[str, Any]:
        return {"kind": "linear"} | ({} if self.strengths is None else {"strengths": self.strengths})


# -------------------------------------------------------------------------------------------------------------- pieces


def _columns(rows: Any) -> Floats:
    """Return rows of numbers as models take them, one row of values for each input."""
    return np.ascontiguousarray(np.asarray(rows, dtype=np.float64).T)


def _divided(groups: npt.NDArray[Any], count: int, share: float, seed: int) -> tuple[Ints, Ints]:
    """Draw the numbers of the training and of the validation configurations; no group is in both."""
    if groups.shape != (count,):
        raise ParameterError(
            f"groups: expected one for each of {count} configurations, found an array of shape {groups.shape}."
        )
    try:
        _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    except TypeError:
        raise ParameterError(
            "groups: expected labels of one kind, which can be put in order, such as numbers or names; found several "
            "kinds."
        ) from None
    order = np.random.default_rng(seed).permutation(np.argsort(first))  # renaming groups changes no draw
    taken = np.cumsum(np.bincount(group)[order])
    possible = np.flatnonzero((taken >= LEAST) & (taken <= count - LEAST))
    if not len(possible):
        raise ParameterError(
            f"groups: {count} configurations in {len(first)} groups leave fewer than {LEAST} to learn from or to "
            "choose by, since a group goes to one of both whole; give more groups or more configurations."
        )
    most = possible[np.argmin(np.abs(taken[possible] - share * count))]
    held = np.isin(group, order[: most + 1])
    return np.flatnonzero(~held), np.flatnonzero(held)


def _threads(jobs: int | None) -> int:
    return max(1, (os.cpu_count() or 1) if jobs == -1 else (jobs or 1))

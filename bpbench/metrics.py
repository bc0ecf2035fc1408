r"""The closed table of metrics: key, label, unit, direction and function of each, stated once.

======================  =====================================================================
symbol                  meaning
======================  =====================================================================
E_c, Ê_c                reference and predicted energy of configuration c (eV)
n_c                     its number of atoms
e_c = (Ê_c - E_c)/n_c   error per atom
N                       number of configurations
======================  =====================================================================

``rmse`` = √(Σ e_c²/N), ``mae`` = Σ|e_c|/N, ``p95`` and ``max`` of |e_c|, all in meV/atom;
``mse`` = Σ(Ê_c - E_c)²/N and ``half_mse`` = Γ = mse/2 in eV² per configuration.

Of forces, with ΔF_i = F̂_i - F_i of atom i in eV/Å and A atoms: ``force_rmse`` = √(Σ |ΔF_i|²/(3A)), over all
components; ``force_mae`` = Σ|ΔF_i|/A, ``force_p95`` and ``force_max`` of the lengths |ΔF_i|, all in meV/Å; ``mse_x``,
``mse_y`` and ``mse_z`` = Σ ΔF_ix²/A and so on, in (eV/Å)².

``descriptor_time`` is not computed from energies but measured (:mod:`bpbench.runner.timing`), in µs per atom.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from bpbench.errors import RequestError, nearest
from bpbench.units import MEV_PER_EV

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Metric:
    """One way to score predicted energies or forces, or a cost that is measured.

    Attributes
    ----------
    key : str
        Its name in protocols and files.
    label : str
        Its name in tables and on axes.
    unit : str
        A key of :data:`bpbench.units.DISPLAY`.
    lower_is_better : bool
        Its direction.
    of : {'energies', 'forces', 'time'}
        What it scores.
    function : callable
        Of energies ``(reference (N,) eV, predicted (N,) eV, atoms (N,)) -> float`` in ``unit``, of forces
        ``(reference (A, 3) eV/Å, predicted (A, 3) eV/Å) -> float``; a time has none and is measured.
    """

    key: str
    label: str
    unit: str
    lower_is_better: bool
    of: Literal["energies", "forces", "time"]
    function: Callable[..., float] | None = None

    @property
    def timed(self) -> bool:
        """Whether it is a time, measured by a clock, and no error of predictions."""
        return self.of == "time"


def _per_atom_mev(reference: Array, predicted: Array, atoms: Array) -> Array:
    return (predicted - reference) / atoms * MEV_PER_EV


def _rmse(reference: Array, predicted: Array, atoms: Array) -> float:
    return float(np.sqrt(np.mean(_per_atom_mev(reference, predicted, atoms) ** 2)))


def _mae(reference: Array, predicted: Array, atoms: Array) -> float:
    return float(np.mean(np.abs(_per_atom_mev(reference, predicted, atoms))))


def _p95(reference: Array, predicted: Array, atoms: Array) -> float:
    return float(np.percentile(np.abs(_per_atom_mev(reference, predicted, atoms)), 95))


def _max(reference: Array, predicted: Array, atoms: Array) -> float:
    return float(np.max(np.abs(_per_atom_mev(reference, predicted, atoms))))


def _mse(reference: Array, predicted: Array, atoms: Array) -> float:  # noqa: ARG001 - one signature for all
    return float(np.mean((predicted - reference) ** 2))


def _half_mse(reference: Array, predicted: Array, atoms: Array) -> float:
    return 0.5 * _mse(reference, predicted, atoms)


def _lengths_mev(reference: Array, predicted: Array) -> Array:
    lengths: Array = np.linalg.norm(predicted - reference, axis=1) * MEV_PER_EV
    return lengths


def _force_rmse(reference: Array, predicted: Array) -> float:
    return float(np.sqrt(np.mean((predicted - reference) ** 2)) * MEV_PER_EV)


def _force_mae(reference: Array, predicted: Array) -> float:
    return float(np.mean(_lengths_mev(reference, predicted)))


def _force_p95(reference: Array, predicted: Array) -> float:
    return float(np.percentile(_lengths_mev(reference, predicted), 95))


def _force_max(reference: Array, predicted: Array) -> float:
    return float(np.max(_lengths_mev(reference, predicted)))


def _component_mse(reference: Array, predicted: Array, *, axis: int) -> float:
    return float(np.mean((predicted[:, axis] - reference[:, axis]) ** 2))


METRICS: Final[dict[str, Metric]] = {
    metric.key: metric
    for metric in (
        Metric("rmse", "RMSE", "meV/atom", True, "energies", _rmse),
        Metric("mae", "MAE", "meV/atom", True, "energies", _mae),
        Metric("p95", "95th percentile of |error|", "meV/atom", True, "energies", _p95),
        Metric("max", "largest |error|", "meV/atom", True, "energies", _max),
        Metric("mse", "MSE", "eV2/configuration", True, "energies", _mse),
        Metric("half_mse", "cost Γ", "eV2/configuration", True, "energies", _half_mse),
        Metric("force_rmse", "force RMSE", "meV/A", True, "forces", _force_rmse),
        Metric("force_mae", "mean |force error|", "meV/A", True, "forces", _force_mae),
        Metric("force_p95", "95th percentile of |force error|", "meV/A", True, "forces", _force_p95),
        Metric("force_max", "largest |force error|", "meV/A", True, "forces", _force_max),
        Metric("mse_x", "MSE of F_x", "eV2/A2", True, "forces", partial(_component_mse, axis=0)),
        Metric("mse_y", "MSE of F_y", "eV2/A2", True, "forces", partial(_component_mse, axis=1)),
        Metric("mse_z", "MSE of F_z", "eV2/A2", True, "forces", partial(_component_mse, axis=2)),
        Metric("descriptor_time", "descriptor time", "us/atom", True, "time"),
    )
}
#: Metrics that :func:`score` gives.
OF_ENERGIES: Final = tuple(key for key, metric in METRICS.items() if metric.of == "energies")
#: Metrics that :func:`score_forces` gives.
OF_FORCES: Final = tuple(key for key, metric in METRICS.items() if metric.of == "forces")


def metric(key: str) -> Metric:
    """Return the metric of that key.

    Raises
    ------
    RequestError
        When there is none; the nearest key is offered.
    """
    try:
        return METRICS[key]
    except KeyError:
        raise RequestError(f"There is no metric '{key}'{nearest(key, METRICS)}") from None


def score(reference: Array, predicted: Array, atoms: Array) -> dict[str, float]:
    """Return every metric of these energies, keyed by metric.

    Parameters
    ----------
    reference, predicted : ndarray, shape (N,)
        Energies of N configurations in eV.
    atoms : ndarray, shape (N,)
        Atoms in each.
    """
    return _scored(OF_ENERGIES, reference, predicted, atoms)


def score_forces(reference: Array, predicted: Array) -> dict[str, float]:
    """Return every metric of these forces, keyed by metric.

    Parameters
    ----------
    reference, predicted : ndarray, shape (A, 3)
        Forces on A atoms, of any number of configurations, in eV/Å.
    """
    return _scored(OF_FORCES, reference, predicted)


def _scored(keys: tuple[str, ...], *given: Array) -> dict[str, float]:
    functions = {key: METRICS[key].function for key in keys}
    return {key: function(*given) for key, function in functions.items() if function is not None}

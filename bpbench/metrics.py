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

``descriptor_time`` is not computed from energies but measured (:mod:`bpbench.runner.timing`), in µs per atom.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from bpbench.errors import RequestError, nearest
from bpbench.units import MEV_PER_EV

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Metric:
    """One way to score predicted energies, or a cost that is measured.

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
    function : callable or None
        ``(reference (N,) eV, predicted (N,) eV, atoms (N,)) -> float`` in ``unit``; ``None`` for a measured time.
    """

    key: str
    label: str
    unit: str
    lower_is_better: bool
    function: Callable[[Array, Array, Array], float] | None

    @property
    def timed(self) -> bool:
        """Whether it is a time, measured by a clock, and no error of energies."""
        return self.function is None


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


METRICS: Final[dict[str, Metric]] = {
    metric.key: metric
    for metric in (
        Metric("rmse", "RMSE", "meV/atom", True, _rmse),
        Metric("mae", "MAE", "meV/atom", True, _mae),
        Metric("p95", "95th percentile of |error|", "meV/atom", True, _p95),
        Metric("max", "largest |error|", "meV/atom", True, _max),
        Metric("mse", "MSE", "eV2/configuration", True, _mse),
        Metric("half_mse", "cost Γ", "eV2/configuration", True, _half_mse),
        Metric("descriptor_time", "descriptor time", "us/atom", True, None),
    )
}
#: Metrics that :func:`score` gives.
OF_ENERGIES: Final = tuple(key for key, metric in METRICS.items() if not metric.timed)


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
    """Return every metric of these predictions, keyed by metric; times are not among them.

    Parameters
    ----------
    reference, predicted : ndarray, shape (N,)
        Energies of N configurations in eV.
    atoms : ndarray, shape (N,)
        Atoms in each.
    """
    functions = {key: item.function for key, item in METRICS.items()}
    return {key: function(reference, predicted, atoms) for key, function in functions.items() if function is not None}

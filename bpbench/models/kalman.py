r"""Training of the atomic network by a block extended Kalman filter.

.. math::
    e = y - \hat y(w), \qquad H = \frac{∂\hat y}{∂w}, \qquad S = H P H^T + \frac{1}{η_k} I

    w ← w + P H^T S^{-1} e, \qquad P ← P - P H^T S^{-1} H P + q_k I

for one block of configurations after another, in a new order at every epoch k = 0, 1, …

=========  ===============  ======================================================================================
symbol     name in code     meaning
=========  ===============  ======================================================================================
w          ``w``            all weights in one axis, W of them; see :mod:`bpbench.models.network`
y          ``target``       standardised energies per atom of the block's configurations
H          ``slope``        derivatives of the answers by the weights, one row for each configuration
P          ``P``            covariance of the weights, at first P₀ on its diagonal: how far each may move, the prior
η_k        ``trust``        how far a measurement is trusted: it grows by a factor at every epoch, up to a limit
q_k        ``noise``        process noise, which keeps P from closing too soon: it falls by a factor at every epoch
=========  ===============  ======================================================================================

With S = C Cᵀ and Z = P Hᵀ C⁻ᵀ the update of P is P - Z Zᵀ: symmetric as it stands, and half the work, as only the lower
triangle of P is ever touched. A block of B costs about 3 W² B operations beside the network itself, P takes 8 W² bytes.

Sources: A. Singraber, T. Morawietz, J. Behler, C. Dellago, J. Chem. Theory Comput. 15, 3075 (2019), for the filter of
neural-network potentials with η and q as here, one configuration at a time; L. A. Feldkamp & G. V. Puskorius,
Proc. IEEE 86, 2259 (1998), for several measurements in one update (multi-stream).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bpbench.errors import DivergedError
from bpbench.models import network

if TYPE_CHECKING:
    from bpbench.jobs import Kalman
    from bpbench.models.contract import Floats, Ints
    from bpbench.models.network import Network
    from bpbench.models.scaling import Standardised


def blocks(frames: int, block: int, epochs: int, seed: int) -> list[list[Ints]]:
    """Return the configurations of each block of each epoch: even parts of a new permutation.

    Parameters
    ----------
    frames : int
        Training configurations.
    block : int
        Configurations in a block; all blocks of an epoch have this size or about it.
    epochs : int
        How many.
    seed : int
        Of NumPy's generator.
    """
    random = np.random.default_rng(seed)
    parts = max(1, round(frames / block))
    return [[np.sort(part) for part in np.array_split(random.permutation(frames), parts)] for _ in range(epochs)]


def train(
    start: Network, filters: Kalman, training: Standardised, validation: Standardised, table: list[list[Ints]]
) -> network.Course:
    """Train a network.

    Parameters
    ----------
    start : Network
        Initial state.
    filters : Kalman
        Constants of the filter.
    training, validation : Standardised
        Configurations to learn from and to choose the epoch by.
    table : list of list of ndarray
        From :func:`blocks`.

    Returns
    -------
    Course
        The state of least validation error and the learning curve.

    Raises
    ------
    DivergedError
        When a number is no longer finite or the covariance no longer definite; the sentence names the epoch.
    """
    from scipy.linalg import blas, cholesky, solve_triangular

    w = start.flat()
    P = np.asfortranarray(np.diag(_priors(start, filters)))
    diagonal = np.diag_indices(len(w))
    best, checkpoint, least, curve = w, 0, np.inf, []
    for epoch, order in enumerate(table):
        trust = min(filters.trust[0] * filters.growth**epoch, filters.trust[1])
        noise = max(filters.noise[0] * filters.fall**epoch, filters.noise[1])
        for members in order:
            inputs, offsets = training.gather(members)
            answer, slope = network.slopes(start.filled(w), inputs, offsets)
            error = training.target[members] - answer
            spread = blas.dsymm(1.0, P, np.asfortranarray(slope.T), lower=1)
            S = slope @ spread
            S[np.diag_indices(len(S))] += 1.0 / trust
            try:
                C = cholesky(S, lower=True)
            except (np.linalg.LinAlgError, ValueError):
                raise DivergedError(_lost(epoch, table, filters)) from None
            Z = solve_triangular(C, spread.T, lower=True).T
            w = w + Z @ solve_triangular(C, error, lower=True)
            P = blas.dsyrk(-1.0, np.asfortranarray(Z), 1.0, P, lower=1, overwrite_c=1)
            P[diagonal] += noise
        curve.append([network.error(start.filled(w), part) for part in (training, validation)])
        if not np.isfinite(curve[-1]).all():
            raise DivergedError(_lost(epoch, table, filters))
        if curve[-1][1] < least:
            best, checkpoint, least = w, epoch + 1, curve[-1][1]
    whole = np.array(curve)
    return network.Course(start.filled(best), checkpoint, whole[:, 0], whole[:, 1])


def _priors(start: Network, filters: Kalman) -> Floats:
    """Return P₀ of every weight; a linear skip, which comes with the ridge's answer, has a prior of its own."""
    prior = np.full(network.count(start), filters.prior)
    if start.skip is not None:
        prior[-len(start.skip) :] = filters.skip_prior
    return prior


def _lost(epoch: int, table: list[list[Ints]], filters: Kalman) -> str:
    return (
        f"The training diverged: in epoch {epoch + 1} of {len(table)} a number was not finite or the covariance of the "
        f"weights not definite (trust {filters.trust[0]:g} to {filters.trust[1]:g}); a smaller last trust or more "
        "noise may help."
    )

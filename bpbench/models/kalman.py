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
from bpbench.models.network import Course, Watch
from bpbench.models.replica import rms

if TYPE_CHECKING:
    from bpbench.jobs import Kalman
    from bpbench.models.contract import Floats, Ints
    from bpbench.models.replica import Replica


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


def train(replica: Replica, filters: Kalman, table: list[list[Ints]], *, patience: int | None = None) -> Course:
    """Train a network.

    Parameters
    ----------
    replica : Replica
        Network and problem, in double precision.
    filters : Kalman
        Constants of the filter.
    table : list of list of ndarray
        From :func:`blocks`.
    patience : int, optional
        Epochs without a lower validation error after which it ends.

    Returns
    -------
    Course
        The state of least validation error and the learning curve.

    Raises
    ------
    DivergedError
        When a number is no longer finite or the covariance no longer definite; the sentence names the epoch. Earlier
        states are then not kept: a covariance that is lost was wrong before it showed.
    """
    state = _State(replica, filters, max(len(part) for order in table for part in order))
    watch = Watch(replica.start, patience)
    for epoch, order in enumerate(table):
        trust = min(filters.trust[0] * filters.growth**epoch, filters.trust[1])
        noise = max(filters.noise[0] * filters.fall**epoch, filters.noise[1])
        met = [state.update(replica.train[part], trust, noise) for part in order]
        seen, unseen = rms(np.concatenate(met)), replica.unseen(state.w)
        if not np.isfinite([seen, unseen]).all() or not state.definite:
            raise DivergedError(_lost(epoch, table, filters))
        if not watch.note(state.w, seen, unseen):
            break
    return watch.course()


class _State:
    """Weights and covariance, with the work space of an update: P of many megabytes is never copied."""

    def __init__(self, replica: Replica, filters: Kalman, block: int) -> None:
        start = replica.start
        prior = start.spread(filters.prior, biases=True, skip=filters.skip_prior)
        self._replica = replica
        self.w = start.flat()
        self._P = np.zeros((len(prior), len(prior)), order="F")
        self._diagonal = np.einsum("ii->i", self._P)  # a view
        self._diagonal[:] = prior
        self._free = (prior > 0).astype(np.float64)
        self._H = np.empty((block, len(prior)))
        self._rooted = True
        self._PH = np.empty((len(prior), block), order="F")

    @property
    def definite(self) -> bool:
        """Whether every S so far had a root and no variance is negative, as far as P's diagonal tells."""
        return self._rooted and bool((self._diagonal >= 0).all())

    def update(self, members: Ints, trust: float, noise: float) -> Floats:
        """Learn from one block in place; return the errors before that."""
        from scipy.linalg import blas, cholesky, solve_triangular

        H, PH = self._H[: len(members)], self._PH[:, : len(members)]
        error: Floats = self._replica.target[members] - self._replica.slopes(self.w, members, H)
        blas.dsymm(1.0, self._P, H.T, beta=0.0, c=PH, lower=1, overwrite_c=1)
        S = H @ PH
        S[np.diag_indices(len(S))] += 1.0 / trust
        try:
            C = cholesky(S, lower=True, check_finite=False)
        except np.linalg.LinAlgError:  # also where a number is none
            self._rooted = False
            return error
        # Z = P Hᵀ C⁻ᵀ in place of P Hᵀ
        blas.dtrsm(1.0, C, PH, side=1, lower=1, trans_a=1, overwrite_b=1)
        self.w = self.w + PH @ solve_triangular(C, error, lower=True)
        blas.dsyrk(-1.0, PH, beta=1.0, c=self._P, lower=1, overwrite_c=1)
        self._diagonal += noise * self._free
        return error


def _lost(epoch: int, table: list[list[Ints]], filters: Kalman) -> str:
    return (
        f"The training diverged: in epoch {epoch + 1} of {len(table)} a number was not finite or the covariance of the "
        f"weights not definite (prior {_said(filters.prior)}, trust {filters.trust[0]:g} to {filters.trust[1]:g}); a "
        "smaller prior, a smaller last trust or more noise may help."
    )


def _said(by_layer: float | tuple[float, ...]) -> str:
    each = (by_layer,) if isinstance(by_layer, float | int) else by_layer
    return ", ".join(f"{number:g}" for number in each)

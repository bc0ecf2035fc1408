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

With forces (:mod:`bpbench.models.forces`) some single components of a block's own configurations, drawn anew for every
epoch, are measured in one update with their energies: what an energy says of the weights and what its forces say is
not independent, and S knows how. (n2p2 takes one energy or one component at a time.) Components stand in their spread
σ_F as energies do in theirs, and their noise is

.. math::
    \frac{1}{η_k} \frac{M}{κ N}

with M components and N configurations in the epoch: then all forces together count κ times as much as all energies
together, as in the cost Γ of both, whatever their numbers. Of more than :data:`PORTION` measurements a block's rest
follows in further updates, and q is added after the last.

Sources: A. Singraber, T. Morawietz, J. Behler, C. Dellago, J. Chem. Theory Comput. 15, 3075 (2019), for the filter of
neural-network potentials with η and q as here, one configuration at a time; L. A. Feldkamp & G. V. Puskorius,
Proc. IEEE 86, 2259 (1998), for several measurements in one update (multi-stream).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from bpbench.errors import DivergedError
from bpbench.models.network import Course, Watch
from bpbench.models.replica import rms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bpbench.jobs import Kalman
    from bpbench.models.contract import Floats, Ints
    from bpbench.models.forces import Learned
    from bpbench.models.replica import Replica

#: Most measurements in one update where forces are among them.
PORTION: Final = 256


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
    replica: Replica,
    filters: Kalman,
    table: list[list[Ints]],
    *,
    patience: int | None = None,
    forces: tuple[Learned, Iterable[dict[int, Ints]]] | None = None,
) -> Course:
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
    forces : (Learned, iterable of dict), optional
        Forces in double precision, and the components of each epoch by configuration.

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
    if forces is not None:
        return _train_with_forces(state, filters, table, forces, patience)
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


def _train_with_forces(
    state: _State,
    filters: Kalman,
    table: list[list[Ints]],
    forces: tuple[Learned, Iterable[dict[int, Ints]]],
    patience: int | None,
) -> Course:
    replica, (learned, drawn) = state.replica, forces
    state.widen(PORTION)
    watch = Watch(replica.start, patience, learned.weight)
    for epoch, (order, asked) in enumerate(zip(table, drawn, strict=True)):
        trust = min(filters.trust[0] * filters.growth**epoch, filters.trust[1])
        noise = max(filters.noise[0] * filters.fall**epoch, filters.noise[1])
        own = trust * learned.weight * len(replica.train) / sum(map(len, asked.values()))
        met, felt = [], []
        for part in order:
            members = replica.train[part]
            portions = list(_portions({int(c): asked[int(c)] for c in members if int(c) in asked}, len(members)))
            for number, portion in enumerate(portions):
                error = state.measure(members if number == 0 else members[:0], learned, portion)
                begin = len(members) if number == 0 else 0
                met.append(error[:begin])
                felt.append(error[begin:])
                state.learn(error, np.repeat([trust, own], [begin, len(error) - begin]))
            state.forget(noise)
        seen = rms(np.concatenate(met)), rms(np.concatenate(felt))
        errors = *seen, replica.unseen(state.w), learned.unseen(state.w)
        if not np.isfinite(errors).all() or not state.definite:
            raise DivergedError(_lost(epoch, table, filters))
        if not watch.note(state.w, seen[0], errors[2], forces=(seen[1], errors[3])):
            break
    return watch.course()


def _portions(asked: dict[int, Ints], energies: int) -> Iterator[dict[int, Ints]]:
    """Yield the components of a block in portions of :data:`PORTION`, the first beside its energies."""
    portion: dict[int, Ints] = {}
    room = PORTION - min(energies, PORTION - 1)
    for frame, components in asked.items():
        rest = components
        while len(rest):
            portion[frame], rest = rest[:room], rest[room:]
            room -= len(portion[frame])
            if room == 0:
                yield portion
                portion, room = {}, PORTION
    # energies come into the first, be it without components
    if portion or not asked:
        yield portion


class _State:
    """Weights and covariance, with the work space of an update: P of many megabytes is never copied."""

    def __init__(self, replica: Replica, filters: Kalman, block: int) -> None:
        start = replica.start
        prior = start.spread(filters.prior, biases=True, skip=filters.skip_prior)
        self.replica = replica
        self.w = start.flat()
        self._P = np.zeros((len(prior), len(prior)), order="F")
        self._diagonal = np.einsum("ii->i", self._P)  # a view
        self._diagonal[:] = prior
        self._free = (prior > 0).astype(np.float64)
        self._rooted = True
        self._make_room(block)

    def _make_room(self, block: int) -> None:
        self._H = np.empty((block, len(self.w)))
        self._PH = np.empty((len(self.w), block), order="F")

    def widen(self, portion: int) -> None:
        """Make room for a portion of components beside, or after, the energies of a block."""
        self._make_room(max(portion, len(self._H) + 1))

    @property
    def definite(self) -> bool:
        """Whether every S so far had a root and no variance is negative, as far as P's diagonal tells."""
        return self._rooted and bool((self._diagonal >= 0).all())

    def update(self, members: Ints, trust: float, noise: float) -> Floats:
        """Learn from one block's energies in place; return the errors before that."""
        error: Floats = self.replica.target[members] - self.replica.slopes(self.w, members, self._H)
        self.learn(error, trust)
        self.forget(noise)
        return error

    def measure(self, members: Ints, learned: Learned, asked: dict[int, Ints]) -> Floats:
        """Return the errors of energies, then of force components by configuration, and have their slopes ready."""
        at = len(members)
        errors = [self.replica.target[members] - self.replica.slopes(self.w, members, self._H[:at])]
        for frame, components in asked.items():
            errors.append(learned.rows(self.w, frame, components, self._H[at : at + len(components)]))
            at += len(components)
        return np.concatenate(errors)

    def learn(self, error: Floats, trust: float | Floats) -> None:
        """Learn in place from measurements of these errors, whose slopes are ready, each trusted so far."""
        from scipy.linalg import blas, cholesky, solve_triangular

        H, PH = self._H[: len(error)], self._PH[:, : len(error)]
        blas.dsymm(1.0, self._P, H.T, beta=0.0, c=PH, lower=1, overwrite_c=1)
        S = H @ PH
        S[np.diag_indices(len(S))] += 1.0 / trust
        try:
            C = cholesky(S, lower=True, check_finite=False)
        except np.linalg.LinAlgError:  # also where a number is none
            self._rooted = False
            return
        # Z = P Hᵀ C⁻ᵀ in place of P Hᵀ
        blas.dtrsm(1.0, C, PH, side=1, lower=1, trans_a=1, overwrite_b=1)
        self.w = self.w + PH @ solve_triangular(C, error, lower=True)
        blas.dsyrk(-1.0, PH, beta=1.0, c=self._P, lower=1, overwrite_c=1)

    def forget(self, noise: float) -> None:
        """Add process noise."""
        self._diagonal += noise * self._free


def _lost(epoch: int, table: list[list[Ints]], filters: Kalman) -> str:
    return (
        f"The training diverged: in epoch {epoch + 1} of {len(table)} a number was not finite or the covariance of the "
        f"weights not definite (prior {_said(filters.prior)}, trust {filters.trust[0]:g} to {filters.trust[1]:g}); a "
        "smaller prior, a smaller last trust or more noise may help."
    )


def _said(by_layer: float | tuple[float, ...]) -> str:
    each = (by_layer,) if isinstance(by_layer, float | int) else by_layer
    return ", ".join(f"{number:g}" for number in each)

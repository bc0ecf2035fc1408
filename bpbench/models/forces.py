r"""Forces as something to learn: the cost beside that of the energies, its gradient, and the rows of a linear model.

.. math::
    Γ = \frac{1}{2N} \sum_c (\hat y_c - y_c)^2 + \frac{κ}{2M} \sum_m \frac{(\hat F_m - F_m)^2}{σ_F^2}, \qquad
    \frac{\hat{\mathbf F}_k}{σ_F} = -\frac{s}{σ_F} \sum_i \frac1b \frac{∂y}{∂y^0_i} · \frac{∂G_i}{∂\mathbf R_k}

=========  ===================  ================================================================================
symbol     name in code         meaning
=========  ===================  ================================================================================
N, y       ``target``           training configurations, their standardised energies per atom
κ          ``weight``           :attr:`bpbench.jobs.ForceTerm.weight`
M, F_m     ``wanted``           the force components that are learned from (eV/Å)
σ_F        ``sigma``            root mean square of all force components of the training part (eV/Å)
s, b, y⁰   ``width``, …         see :mod:`bpbench.models.scaling`
=========  ===================  ================================================================================

The gradient of one frame's part of the second sum needs no second derivative of a descriptor. With the errors
v = (F̂ - F)/σ_F held fixed it is κ/M times the derivative of **v**·F̂/σ_F = -(s/σ_F) Σ_i ẏ_i by the weights, where ẏ is
the network's change along the descriptors' tangent of **v**: one adjoint for F̂, one tangent, and one pass
(:mod:`bpbench.models.force_kernels`), which takes the energy's gradient with it.

How ``fraction`` acts: single components are drawn where each costs for itself (the Kalman filter), whole configurations
where a frame costs the same whatever is taken of it (Adam, and the ridge). The choice on validation is by Γ on the
validation part, the forces of at most :data:`bpbench.jobs.FORCES_VALIDATED` configurations evenly spread over it.

A frame's adjoint and tangent come from its whole Jacobian (:class:`bpbench.models.contract.Slopes`), which is made once
and held in single precision; where those of all frames would not fit, Adam asks the descriptors anew each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bpbench.errors import DataError
from bpbench.identity import seed
from bpbench.jobs import FORCES_VALIDATED
from bpbench.models import force_kernels as kernels
from bpbench.models import slope_kernels
from bpbench.models.contract import MOST_SLOPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bpbench.jobs import ForceTerm
    from bpbench.models.contract import Floats, Geometry, Ints, Problem, Slopes
    from bpbench.models.kernels import Reals, Shape
    from bpbench.models.scaling import Scaling


@dataclass(frozen=True, slots=True)
class Measured:
    """The reference forces of a problem, in their own spread.

    Attributes
    ----------
    problem : Problem
        With forces and geometry.
    term : ForceTerm
        How they are learned.
    sigma : float
        σ_F, eV/Å.
    validated : ndarray of int
        The validation configurations whose forces are looked at.
    """

    problem: Problem
    term: ForceTerm
    sigma: float
    validated: Ints

    @classmethod
    def of(cls, problem: Problem, term: ForceTerm) -> Measured:
        """Return the forces of a problem.

        Raises
        ------
        DataError
            Where there are none, one is not a finite number, or all of the training part are zero.
        """
        if problem.forces is None or problem.geometry is None:
            raise DataError(
                "A model learns forces from frames with forces, and these data have none; leave out 'forces' or take "
                "data that have them."
            )
        places = np.unique(np.linspace(0, len(problem.validation) - 1, FORCES_VALIDATED).round().astype(np.int64))
        validated = problem.validation[places]
        for part in (problem.train, validated):
            for frame in part:
                if not np.isfinite(_of(problem, frame)).all():
                    raise DataError(f"A fit needs finite forces, frame {frame} has one that is not; correct it.")
        squares = sum(float(np.sum(_of(problem, frame) ** 2)) for frame in problem.train)
        if squares == 0:
            raise DataError(
                "A model learns forces where some are not zero, and those of all training configurations are; leave "
                "out 'forces'."
            )
        components = 3 * float(problem.atoms[problem.train].sum())
        return cls(problem, term, float(np.sqrt(squares / components)), validated)

    @property
    def geometry(self) -> Geometry:
        """The frames behind the descriptors."""
        assert self.problem.geometry is not None  # else refused
        return self.problem.geometry

    def wanted(self, frame: int) -> Floats:
        """Return F/σ_F of a frame, shape (3, n)."""
        return np.ascontiguousarray(_of(self.problem, frame).T / self.sigma)

    def components(self, frames: Ints) -> int:
        """Return how many force components some frames have."""
        return int(3 * self.problem.atoms[frames].sum())

    def configurations(self, order_seed: int, epochs: int) -> Iterator[Ints]:
        """Yield for each epoch the training configurations whose forces are learned from, ascending."""
        random = np.random.default_rng(seed(order_seed, "forces"))
        train = self.problem.train
        count = max(1, round(self.term.fraction * len(train)))
        for _ in range(epochs):
            yield np.sort(random.choice(train, count, replace=False))

    def single(self, order_seed: int, epochs: int) -> Iterator[dict[int, Ints]]:
        """Yield for each epoch the components that are learned from, 3 k + axis, by their training configuration."""
        random = np.random.default_rng(seed(order_seed, "forces"))
        train = self.problem.train
        border = np.concatenate([[0], np.cumsum(3 * self.problem.atoms[train].astype(np.int64))])
        count = max(1, round(self.term.fraction * int(border[-1])))
        for _ in range(epochs):
            drawn = np.sort(random.choice(int(border[-1]), count, replace=False, shuffle=False))
            parts = np.split(drawn, np.searchsorted(drawn, border[1:-1]))
            yield {
                int(frame): part - first
                for frame, part, first in zip(train, parts, border[:-1], strict=True)
                if len(part)
            }


def _of(problem: Problem, frame: int) -> Floats:
    assert problem.forces is not None
    return problem.forces[problem.offsets[frame] : problem.offsets[frame + 1]]


# ------------------------------------------------------------------------------------------------------------- ridge


def rows(measured: Measured, each: Sequence[Scaling], width: float, frame: int) -> Floats:
    """Return what each weight of a linear potential adds to F̂/σ_F of a frame's components, shape (3 n, weights).

    Parameters
    ----------
    measured : Measured
        Forces of the problem.
    each : sequence of Scaling
        Scales by element; the weights are those of their kept functions, one block after another.
    width : float
        s, eV per atom.
    frame : int
        Number of the frame.
    """
    near, blocks = measured.geometry.slopes(frame), []
    whole = np.empty((len(measured.problem.names), 3, len(near.border) - 1))
    for place, own in enumerate(each):
        slope_kernels.columns(near, _here(measured.problem, frame, place), whole)
        per_input = whole[own.inputs] / own.scale[own.kept][:, None, None]
        blocks.append(per_input.transpose(2, 1, 0).reshape(-1, len(per_input)))
    return -width / measured.sigma * np.concatenate(blocks, axis=1)


def _here(problem: Problem, frame: int, place: int) -> Ints:
    """Return for each atom of a frame its number among those of an element, or -1."""
    kind = np.zeros(int(problem.atoms[frame]), dtype=np.int64)
    if problem.kind is not None:
        kind = problem.kind[problem.offsets[frame] : problem.offsets[frame + 1]]
    here = kind == place
    return np.where(here, np.cumsum(here) - 1, -1).astype(np.int64)


# ---------------------------------------------------------------------------------------------------------- networks


@dataclass(frozen=True, slots=True)
class _Frame:
    """What of a frame does not depend on the weights: by element y⁰, atoms and places; forces; the Jacobian."""

    inputs: tuple[Reals, ...]
    atoms: tuple[Ints, ...]
    places: tuple[Ints, ...]
    wanted: Reals
    near: Slopes | None


class Learned:
    """Forces bound to networks: predictions, errors and derivatives by all weights, in the networks' precision.

    Parameters
    ----------
    measured : Measured
        Forces of the problem.
    shapes : sequence of Shape
        The network of each element.
    begins : sequence of int
        Where the weights of each begin in ``w``, then their number W.
    width : float
        s, eV per atom.
    dtype : type
        Precision of networks and answers.
    """

    def __init__(
        self, measured: Measured, shapes: Sequence[Shape], begins: Sequence[int] | Ints, width: float, dtype: type
    ) -> None:
        self.measured = measured
        self.weight = measured.term.weight
        self._shapes = tuple(shapes)
        self._begins = [int(begin) for begin in begins]
        self._factor = width / measured.sigma
        self._dtype = dtype
        self._work = [kernels.twice(shape, dtype) for shape in self._shapes]
        self._frames: dict[int, _Frame] = {}
        self._held = self._fits()

    def _fits(self) -> bool:
        """Whether the Jacobians of all frames that are asked for can be kept, judged by the largest frame."""
        problem = self.measured.problem
        asked = np.concatenate([problem.train, self.measured.validated])
        largest = int(asked[np.argmax(problem.atoms[asked])])
        per_atom = self.measured.geometry.slopes(largest).bytes / problem.atoms[largest]
        return bool(per_atom * problem.atoms[asked].sum() <= MOST_SLOPES)

    def _frame(self, frame: int) -> _Frame:
        if frame in self._frames:
            return self._frames[frame]
        problem, dtype = self.measured.problem, self._dtype
        values = problem.values[:, problem.offsets[frame] : problem.offsets[frame + 1]]
        places = tuple(_here(problem, frame, place) for place in range(len(self._shapes)))
        atoms = tuple(np.flatnonzero(place >= 0) for place in places)
        inputs: tuple[Reals, ...] = tuple(
            np.ascontiguousarray((values[np.ix_(shape.rows, own)] - shape.shift[:, None]) * shape.scale[:, None], dtype)
            for shape, own in zip(self._shapes, atoms, strict=True)
        )
        near = self.measured.geometry.slopes(frame) if self._held else None
        made = _Frame(inputs, atoms, places, self.measured.wanted(frame).astype(dtype), near)
        self._frames[frame] = made
        return made

    def _parts(self, w: Reals) -> list[tuple[int, Shape, Reals]]:
        return [
            (place, shape, w[self._begins[place] : self._begins[place + 1]]) for place, shape in enumerate(self._shapes)
        ]

    def errors(self, w: Reals, frame: int) -> tuple[Reals, float]:
        """Return (F̂ - F)/σ_F of a frame, shape (3, n), and ŷ_c."""
        held = self._frame(frame)
        slopes: Reals = np.zeros((len(self.measured.problem.names), held.wanted.shape[1]), self._dtype)
        total = 0.0
        for place, shape, own in self._parts(w):
            out = np.empty_like(held.inputs[place])
            total += float(kernels.input_slopes(shape, own, held.inputs[place], self._work[place], out))
            slopes[np.ix_(shape.rows, held.atoms[place])] = out * shape.scale[:, None]
        pulled = np.empty_like(held.wanted)
        if held.near is None:
            pulled[:] = self.measured.geometry.adjoint(frame, slopes.astype(np.float64)).T
        else:
            slope_kernels.pull(held.near, slopes, pulled)
        return (-self._factor * pulled - held.wanted).astype(self._dtype), total / held.wanted.shape[1]

    def descend(
        self, w: Reals, frame: int, target: float, shares: tuple[float, float], g: Reals
    ) -> tuple[float, float]:
        """Add the gradient of a frame's cost to ``g``.

        Parameters
        ----------
        w : ndarray, shape (W,)
            Weights.
        frame : int
            Number of the frame.
        target : float
            y_c.
        shares : (float, float)
            What ½ (ŷ_c - y_c)² and ½ Σ_m (F̂_m - F_m)²/σ_F² count for in the cost.
        g : ndarray, shape (W,)
            Added to.

        Returns
        -------
        float, float
            (ŷ_c - y_c)² and Σ_m (F̂_m - F_m)²/σ_F².
        """
        held = self._frame(frame)
        error, answer = self.errors(w, frame)
        change: Reals = np.empty((len(self.measured.problem.names), error.shape[1]), self._dtype)
        if held.near is None:
            change[:] = self.measured.geometry.tangent(frame, error.T.astype(np.float64))
        else:
            slope_kernels.push(held.near, error, change)
        off, number = answer - target, self._dtype
        for place, shape, own in self._parts(w):
            moved: Reals = np.ascontiguousarray(
                change[np.ix_(shape.rows, held.atoms[place])] * shape.scale[:, None], number
            )
            alpha, beta = shares[0] * off / error.shape[1], -shares[1] * self._factor
            kernels.along(
                shape,
                own,
                held.inputs[place],
                moved,
                number(alpha),
                number(beta),
                self._work[place],
                g[self._begins[place] : self._begins[place + 1]],
            )
        return off * off, float(np.sum(error.astype(np.float64) ** 2))

    def rows(self, w: Floats, frame: int, asked: Ints, H: Floats) -> Floats:
        """Return (F - F̂)/σ_F of some components, 3 k + axis, and write ∂(F̂/σ_F)/∂w, a row of ``H`` for each."""
        held = self._frame(frame)
        near = self.measured.geometry.slopes(frame) if held.near is None else held.near
        out: Floats = np.zeros(len(asked), self._dtype)
        back = slope_kernels.transposed(near)
        H[:] = 0
        for place, shape, own in self._parts(w):
            kernels.components(
                near,
                back,
                shape,
                own,
                held.inputs[place],
                held.places[place],
                asked,
                -self._factor,
                self._work[place],
                out,
                self._begins[place],
                H,
            )
        wanted: Floats = held.wanted[asked % 3, asked // 3]
        return wanted - out

    def unseen(self, w: Reals) -> float:
        """Return the root mean square of (F̂ - F)/σ_F over the validation forces that are looked at."""
        with np.errstate(over="ignore", invalid="ignore"):
            parts = [np.sum(self.errors(w, int(frame))[0].astype(np.float64) ** 2) for frame in self.measured.validated]
            return float(np.sqrt(sum(parts) / self.measured.components(self.measured.validated)))

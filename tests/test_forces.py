"""Learning from forces: derivatives against finite differences, and each way of learning against a slow twin."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from force_problems import with_forces

from bpbench.errors import DataError
from bpbench.jobs import ForceTerm
from bpbench.models import kernels as names
from bpbench.models.forces import Learned, Measured
from bpbench.models.kernels import Shape

if TYPE_CHECKING:
    from bpbench.models.contract import Floats, Problem

WIDTH = 0.04


def bound(problem: Problem, dtype: type = np.float64, **term: Any) -> tuple[Learned, Floats]:
    """Return forces bound to networks of other inputs and scales for each element, and weights."""
    random, shapes, begins = np.random.default_rng(7), [], [0]
    seen = dict(problem.centres) or {"Al": tuple(range(len(problem.names)))}
    for rows in seen.values():
        chosen = np.array(rows)
        mean, spread = problem.values[chosen].mean(axis=1), problem.values[chosen].std(axis=1)
        nodes = np.array([len(rows), 4, 3, 1])
        shapes.append(Shape(chosen, mean, 1 / spread, nodes, names.ACTIVATIONS.index("tanh"), True))
        begins.append(begins[-1] + int(np.sum((nodes[:-1] + 1) * nodes[1:])) + len(rows))
    w = random.normal(0, 0.5, begins[-1])
    return Learned(Measured.of(problem, ForceTerm(**term)), shapes, begins, WIDTH, dtype), w.astype(dtype)


@pytest.mark.parametrize("elements", [1, 2])
def test_the_gradient_of_a_frame_is_that_of_its_cost(elements: int) -> None:
    """The descent of a frame is the slope of its energies' and forces' cost, by every weight of every network."""
    problem = with_forces(elements)
    learned, w = bound(problem)
    frame, h = 4, 1e-6

    def cost(weights: Floats) -> float:
        error, answer = learned.errors(weights, frame)
        return 0.3 * (answer - 0.2) ** 2 / 2 + 0.9 * float(np.sum(error**2)) / 2

    g = np.zeros(len(w))
    energy, force = learned.descend(w, frame, 0.2, (0.3, 0.9), g)
    assert 0.3 * energy / 2 + 0.9 * force / 2 == pytest.approx(cost(w), rel=1e-12)
    measured = np.array([cost(w + step) - cost(w - step) for step in h * np.eye(len(w))]) / (2 * h)
    np.testing.assert_allclose(g, measured, rtol=0, atol=1e-7 * np.abs(g).max())


@pytest.mark.parametrize("elements", [1, 2])
def test_forces_are_the_slopes_of_the_energy(elements: int) -> None:
    """Moving an atom changes n_c s ŷ_c by the force that the networks give, whatever its element."""
    problem = with_forces(elements)
    learned, w = bound(problem)
    geometry: Any = problem.geometry
    frame, h = 5, 1e-4
    error, _ = learned.errors(w, frame)
    found = (error + learned.measured.wanted(frame)) * learned.measured.sigma
    for atom, axis in ((0, 0), (3, 1), (6, 2)):
        energies = []
        for sign in (1, -1):
            moved = [atoms.copy() for atoms in geometry.frames]
            moved[frame].positions[atom, axis] += sign * h
            there = replace(geometry, frames=tuple(moved))
            values = problem.values.copy()
            rows = slice(problem.offsets[frame], problem.offsets[frame + 1])
            values[:, rows] = there.values(frame)
            other = Learned(
                Measured.of(replace(problem, values=values, geometry=there), learned.measured.term),
                learned._shapes,
                learned._begins,
                WIDTH,
                np.float64,
            )
            energies.append(other.errors(w, frame)[1] * WIDTH * problem.atoms[frame])
        assert found[axis, atom] == pytest.approx(-(energies[0] - energies[1]) / (2 * h), abs=1e-6)


@pytest.mark.parametrize("elements", [1, 2])
def test_rows_of_components_are_derivatives_of_forces(elements: int) -> None:
    """Each row is the slope of one component by every weight, and the errors are those of the whole frame."""
    problem = with_forces(elements)
    learned, w = bound(problem)
    frame, asked, h = 2, np.array([0, 5, 10, 23]), 1e-6
    H = np.ones((4, len(w)))
    found = learned.rows(w, frame, asked, H)

    def errors(weights: Floats) -> Floats:
        return learned.errors(weights, frame)[0].T.reshape(-1)[asked]

    np.testing.assert_allclose(found, -errors(w), rtol=1e-10)
    measured = np.array([errors(w + step) - errors(w - step) for step in h * np.eye(len(w))]).T / (2 * h)
    np.testing.assert_allclose(H, measured, rtol=0, atol=1e-7 * np.abs(H).max())


def test_descriptors_asked_anew_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Jacobians would not fit, adjoint and tangent of the descriptors serve, with the same numbers."""
    problem = with_forces(2)
    held, w = bound(problem)
    monkeypatch.setattr("bpbench.models.forces.MOST_SLOPES", 1)
    anew, _ = bound(problem)
    assert (held._held, anew._held) == (True, False)
    one, other = np.zeros(len(w)), np.zeros(len(w))
    np.testing.assert_allclose(held.descend(w, 1, 0.1, (1, 1), one), anew.descend(w, 1, 0.1, (1, 1), other), rtol=1e-6)
    np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6 * np.abs(one).max())
    assert held.unseen(w) == pytest.approx(anew.unseen(w), rel=1e-6)


def test_single_precision_is_close() -> None:
    """In float32 the same frame has about the same gradient."""
    problem = with_forces(1)
    double, w = bound(problem)
    single, v = bound(problem, np.float32)
    one, other = np.zeros(len(w)), np.zeros(len(w), np.float32)
    double.descend(w, 3, 0.1, (1.0, 1.0), one)
    single.descend(v, 3, 0.1, (1.0, 1.0), other)
    np.testing.assert_allclose(other, one, rtol=0, atol=1e-4 * np.abs(one).max())


def test_what_is_drawn() -> None:
    """Whole configurations, or single components, as many as the fraction says, new in every epoch, by the seed."""
    problem = with_forces(2)
    measured = Measured.of(problem, ForceTerm(fraction=0.5))
    whole = list(measured.configurations(3, 4))
    assert [len(frames) for frames in whole] == [4] * 4
    assert len({tuple(frames) for frames in whole}) > 1
    assert all(np.isin(frames, problem.train).all() for frames in whole)
    for drawn, again in zip(measured.single(3, 3), measured.single(3, 3), strict=True):
        assert sum(map(len, drawn.values())) == round(0.5 * measured.components(problem.train))
        assert all(part.min() >= 0 and part.max() < 3 * problem.atoms[frame] for frame, part in drawn.items())
        assert [part.tolist() for part in drawn.values()] == [part.tolist() for part in again.values()]
    every = next(Measured.of(problem, ForceTerm()).single(1, 1))
    assert {frame: len(part) for frame, part in every.items()} == {
        int(frame): 3 * int(problem.atoms[frame]) for frame in problem.train
    }


@pytest.mark.parametrize(
    ("forces", "sentence"),
    [
        (None, r"from frames with forces, and these data have none; leave out 'forces'"),
        (np.nan, r"A fit needs finite forces, frame 0 has one that is not; correct it\."),
        (0.0, r"forces where some are not zero, and those of all training configurations are"),
    ],
)
def test_forces_that_cannot_be_learned(forces: float | None, sentence: str) -> None:
    problem = with_forces(1)
    given = None if forces is None else np.full((problem.offsets[-1], 3), forces)
    with pytest.raises(DataError, match=sentence):
        Measured.of(replace(problem, forces=given), ForceTerm())

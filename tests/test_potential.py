"""Forces of fitted potentials against finite differences of their energies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bpbench import models
from bpbench.data import readers
from bpbench.descriptors.symmetry import describe_frames
from bpbench.errors import DataError, RequestError
from bpbench.features import preset
from bpbench.jobs import Adam, Hdnn, Linear, RandomForest
from bpbench.models.contract import Problem
from bpbench.potential import Potential, Structures

if TYPE_CHECKING:
    from bpbench.data.frames import Frames

FUNCTIONS = preset("thesis-22").functions


@pytest.fixture(scope="module")
def frames() -> Frames:
    whole = readers.read(readers.open_source(readers.SAMPLES["spaced"]))
    return whole.take(np.linspace(0, len(whole) - 1, 12).astype(np.int64))


@pytest.fixture(scope="module")
def problem(frames: Frames) -> Problem:
    values = describe_frames(FUNCTIONS, frames, 0, len(frames))
    numbers = np.arange(12, dtype=np.int64)
    names = tuple(function.name for function in FUNCTIONS)
    return Problem(names, values, frames.offsets, frames.energy, numbers[:6], numbers[6:9], numbers[9:])


def potential(model: Hdnn | Linear, problem: Problem) -> Potential:
    made = models.fit(model, problem, weights_seed=3, order_seed=4)
    return Potential(model, FUNCTIONS, made.parameters, ("Al",))


@pytest.mark.parametrize(
    "model",
    [
        Linear("linear"),
        *(Hdnn("hdnn", (6, 5), name, epochs=8, batch=2) for name in ("tanh", "logistic", "softplus", "gaussian")),
        Hdnn("hdnn", (6,), epochs=4, optimizer=Adam(), skip=True, ensemble=2, scaling="min-max"),
    ],
    ids=lambda model: f"{model.kind} {getattr(model, 'activation', '')}",
)
def test_forces_are_the_slope_of_the_energy(model: Hdnn | Linear, problem: Problem, frames: Frames) -> None:
    made = potential(model, problem)
    rows = frames.rows(10)
    given = frames.cells[10], frames.pbc[10], frames.species[rows]
    positions = frames.positions[rows]
    forces = made.answer(positions, *given).forces
    step = 1e-4
    for atom, axis in ((0, 0), (17, 1), (200, 2)):
        moved = np.repeat(positions[None], 2, axis=0)
        moved[:, atom, axis] += [step, -step]
        plus, minus = (made.answer(each, *given).energy for each in moved)
        assert forces[atom, axis] == pytest.approx(-(plus - minus) / (2 * step), abs=2e-6)
    np.testing.assert_allclose(forces.sum(axis=0), 0, atol=1e-10)


def test_energies_are_those_of_the_fit(problem: Problem, frames: Frames) -> None:
    model = Hdnn("hdnn", (5,), epochs=5)
    fitted = models.fit(model, problem, weights_seed=3, order_seed=4)
    made = Potential(model, FUNCTIONS, fitted.parameters, ("Al",))
    for frame in (0, 11):
        rows = frames.rows(frame)
        answer = made.answer(frames.positions[rows], frames.cells[frame], frames.pbc[frame], frames.species[rows])
        assert answer.energy == pytest.approx(fitted.energy[frame], rel=1e-13)


def test_extrapolation_is_seen(problem: Problem, frames: Frames) -> None:
    made = potential(Linear("linear"), problem)
    rows = frames.rows(0)
    inside = made.answer(frames.positions[rows], frames.cells[0], frames.pbc[0], frames.species[rows])
    assert not inside.beyond.any()
    pressed = made.answer(0.8 * frames.positions[rows], 0.8 * frames.cells[0], frames.pbc[0], frames.species[rows])
    assert pressed.beyond.any()


def test_a_strange_element_is_refused(problem: Problem, frames: Frames) -> None:
    made = potential(Linear("linear"), problem)
    rows = frames.rows(0)
    strange = np.full(rows.stop - rows.start, 29)
    with pytest.raises(DataError, match=r"trained on Al, and the frame holds Cu; give it frames of its own elements\."):
        made.answer(frames.positions[rows], frames.cells[0], frames.pbc[0], strange)


def test_trees_have_no_forces() -> None:
    with pytest.raises(RequestError, match=r"have forces, this one is random-forest: the answers of trees are steps"):
        models.gradient(RandomForest("random-forest"), {}, np.zeros((1, 1)))


def test_structures_keep_and_forget(frames: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Structures(frames, FUNCTIONS)
    first = kept.evaluation(0)
    assert kept.evaluation(0) is first
    v = np.random.default_rng(1).normal(size=(256, 3))
    w = np.random.default_rng(2).normal(size=first.values.shape)
    assert np.sum(kept.adjoint(0, w) * v) == pytest.approx(np.sum(w * kept.tangent(0, v)), rel=1e-10)
    monkeypatch.setattr("bpbench.potential._HELD", 1)
    kept.evaluation(1)
    assert kept.evaluation(0) is not first


def test_ranges_are_those_of_the_training_atoms(problem: Problem) -> None:
    found = models.fit(Linear("linear"), replace(problem, train=problem.train[:2]), weights_seed=1, order_seed=1)
    seen = problem.values[:, : problem.offsets[2]]
    np.testing.assert_array_equal(found.parameters["least"], seen.min(axis=1))
    np.testing.assert_array_equal(found.parameters["most"], seen.max(axis=1))
    np.testing.assert_allclose(found.parameters["mean"], seen.mean(axis=1), rtol=1e-14)
    np.testing.assert_allclose(found.parameters["sigma"], seen.std(axis=1, ddof=1), rtol=1e-9)

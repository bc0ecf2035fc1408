"""What learns from forces against slow twins: ridge, Adam's steps, the filter's update; and what comes of it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from force_problems import with_forces

from bpbench import models, roles
from bpbench.data import readers, splits
from bpbench.descriptors.symmetry import describe_frames
from bpbench.errors import DataError, ProtocolError
from bpbench.features import preset
from bpbench.jobs import Adam, ForceTerm, Hdnn, Kalman, KerasAdam, Linear, Marquardt, Split
from bpbench.models import adam, kalman, network
from bpbench.models.contract import Problem
from bpbench.models.forces import Learned, Measured
from bpbench.models.replica import Replica
from bpbench.models.scaling import counts, scalings, targets
from bpbench.potential import Potential, Structures
from bpbench.protocol import loads
from bpbench.runner import work

if TYPE_CHECKING:
    from bpbench.models.contract import Fit, Floats

FILTER = Kalman("kalman", block=3, prior=1.0)
DFT = Path(os.environ.get("BPBENCH_REFERENCE_DATA", "/nowhere")) / "dft" / "al_lial_vasp_fcc108.extxyz.xz"


def answers(model: Any, made: Fit, problem: Problem, frame: int) -> tuple[float, Floats]:
    """Return energy and forces of a frame from the parameters of a fit, straight from the descriptors."""
    geometry: Any = problem.geometry
    atoms = geometry.frames[frame]
    found = Potential(model, geometry.functions, made.parameters, problem.elements, problem.centres).answer(
        atoms.positions, np.array(atoms.cell), atoms.pbc, atoms.numbers
    )
    return found.energy, found.forces


def of_frames(forces: Floats, problem: Problem, frames: Any) -> Floats:
    return np.concatenate([forces[problem.offsets[c] : problem.offsets[c + 1]] for c in frames])


@pytest.mark.parametrize("elements", [1, 2])
def test_the_ridge_is_least_squares_on_all_rows(elements: int) -> None:
    """Energies, forces and the penalty as rows of one dense system, made of answers of the model itself."""
    problem = with_forces(elements)
    assert problem.forces is not None
    strength, weight = 1e-3, 2.5
    spec = Linear("linear", strengths=(strength,), forces=ForceTerm(weight))
    made = models.fit(spec, problem, weights_seed=0, order_seed=0)

    names = ["weights"] if elements == 1 else ["Al.weights", "Cu.weights"]
    sizes = [len(made.parameters[name]) for name in names]
    train, n = problem.train, len(problem.train)
    sigma = float(np.sqrt(np.mean(of_frames(problem.forces, problem, train) ** 2)))
    scales = scalings(problem)
    base = scales.base(counts(problem.offsets, problem.kind, elements))[train]

    def felt(vector: Floats, intercept: float) -> tuple[Floats, Floats]:
        """Return ŷ and F̂/σ_F of all training frames for some weights."""
        parts = dict(zip(names, np.split(vector, np.cumsum(sizes)[:-1]), strict=True))
        parameters = made.parameters | parts | {"intercept": np.array(intercept)}
        both = [answers(spec, replace(made, parameters=parameters), problem, int(frame)) for frame in train]
        energies = np.array([energy for energy, _ in both]) / problem.atoms[train]
        return (energies - base - scales.centre) / scales.width, np.concatenate([f for _, f in both]).ravel() / sigma

    columns = [felt(one, 0.0) for one in np.eye(sum(sizes))] + [felt(np.zeros(sum(sizes)), 1.0)]
    top, below = (np.array([column[place] for column in columns]).T for place in (0, 1))
    wished = of_frames(problem.forces, problem, train).ravel() / sigma
    share = np.sqrt(weight * n / len(wished))
    penalty = np.sqrt(n * strength) * np.eye(sum(sizes) + 1)[:-1]
    dense = np.concatenate([top, share * below, penalty])
    right = np.concatenate([targets(scales, problem, train), share * wished, np.zeros(sum(sizes))])
    theirs = np.linalg.lstsq(dense, right)[0]
    ours = np.concatenate([*(made.parameters[name] for name in names), made.parameters["intercept"].reshape(1)])
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * np.abs(theirs).max())


def test_the_strength_is_chosen_by_both_errors() -> None:
    """The strength kept has the least sum of both validation errors, worked out from its answers."""
    problem, weight = with_forces(1), 1.0
    assert problem.forces is not None
    sigma = Measured.of(problem, ForceTerm()).sigma
    costs = {}
    for strength in (1e-8, 1e-4, 1e-1, 1e2):
        spec = Linear("linear", strengths=(strength,), forces=ForceTerm(weight))
        made = models.fit(spec, problem, weights_seed=0, order_seed=0)
        off = (made.energy - problem.energy)[problem.validation] / problem.atoms[problem.validation]
        found = np.concatenate([answers(spec, made, problem, int(c))[1] for c in problem.validation])
        wanted = of_frames(problem.forces, problem, problem.validation)
        width = float(made.parameters["width"])
        costs[strength] = np.mean((off / width) ** 2) + weight * np.mean((found - wanted) ** 2) / sigma**2
    together = models.fit(
        Linear("linear", strengths=tuple(costs), forces=ForceTerm(weight)), problem, weights_seed=0, order_seed=0
    )
    assert float(together.parameters["strength"]) == min(costs, key=lambda strength: costs[strength])


@pytest.mark.parametrize(
    "spec",
    [
        Linear("linear", strengths=(1e-3,)),
        Hdnn("hdnn", (4,), epochs=6, batch=3, optimizer=Adam(learning_rate=1e-2)),
        Hdnn("hdnn", (4,), epochs=4, optimizer=FILTER),
    ],
    ids=["linear", "adam", "kalman"],
)
def test_a_weight_near_nothing_is_energies_alone(spec: Linear | Hdnn) -> None:
    """With a weight of 1e-20 the answer is that of energies alone; with a weight of 1 it is another."""
    problem = with_forces(2)
    alone, tiny, full = (
        models.fit(replace(spec, forces=term), problem, weights_seed=1, order_seed=2).energy
        for term in (None, ForceTerm(1e-20), ForceTerm())
    )
    # Adam's steps are those of single precision, added up in another order
    close = 1e-4 if isinstance(spec, Hdnn) and isinstance(spec.optimizer, Adam) else 1e-8
    spread = np.ptp(problem.energy / problem.atoms)
    assert np.abs((tiny - alone) / problem.atoms).max() < close * spread
    assert np.abs((full - alone) / problem.atoms).max() > 10 * close * spread


def started(problem: Problem, dtype: type, term: ForceTerm) -> tuple[Replica, Learned, Floats]:
    scales = scalings(problem)
    nets = [
        network.Network(network.initial(int(own.kept.sum()), (3, 2), place)) for place, own in enumerate(scales.each)
    ]
    bound = Replica.of(problem, scales, network.together(nets), dtype)
    learned = Learned(Measured.of(problem, term), bound.shapes, bound.begins, scales.width, dtype)
    return bound, learned, bound.start.flat()


@pytest.mark.parametrize("elements", [1, 2])
def test_steps_of_adam_are_those_of_a_slow_twin(elements: int) -> None:
    """Two batches of an epoch in NumPy: a batch's mean squares, forces weighed by N/M, gradients by differences."""
    problem = with_forces(elements)
    term, rule = ForceTerm(weight=3.0, fraction=0.5), Adam(learning_rate=0.01)
    bound, _, _ = started(problem, np.float32, term)
    double, learned, w = started(problem, np.float64, term)
    chosen = problem.train[[1, 2, 4, 7]]
    order = np.array([[4, 0, 2, 6, 7], [1, 3, 5, -1, -1]])
    single = Learned(learned.measured, bound.shapes, bound.begins, scalings(problem).width, np.float32)
    state = adam._State(bound, rule, single, (1, *order.shape))
    state.epoch(order, chosen)

    count, h = learned.measured.components(chosen), 1e-6
    first, second = np.zeros_like(w), np.zeros_like(w)
    for t, batch in enumerate(order, 1):
        members = problem.train[batch[batch >= 0]]

        def cost(weights: Floats, members: Any = members) -> float:
            energies = np.sum((double.answers(weights, members) - double.target[members]) ** 2) / 2
            forces = sum(
                np.sum(learned.errors(weights, int(frame))[0] ** 2) / 2 for frame in members if frame in chosen
            )
            return float((energies + 3.0 * len(problem.train) / count * forces) / len(members))

        slope = np.array([cost(w + step) - cost(w - step) for step in h * np.eye(len(w))]) / (2 * h)
        first = rule.beta_1 * first + (1 - rule.beta_1) * slope
        second = rule.beta_2 * second + (1 - rule.beta_2) * slope**2
        rate = rule.learning_rate * np.sqrt(1 - rule.beta_2**t) / (1 - rule.beta_1**t)
        w = w - rate * first / (np.sqrt(second) + rule.epsilon)
    np.testing.assert_allclose(state.w, w, rtol=0, atol=2e-5)


@pytest.mark.parametrize("portion", [256, 4])
def test_an_update_of_the_filter_is_the_textbooks(portion: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One block's energies with some components, by inverses of whole matrices; in portions too."""
    monkeypatch.setattr(kalman, "PORTION", portion)
    problem = with_forces(2)
    term = ForceTerm(weight=2.0)
    bound, learned, w = started(problem, np.float64, term)
    rule = Kalman("kalman", prior=0.5, trust=(20.0, 20.0), noise=(0.01, 0.01))
    asked = {1: np.array([0, 4, 11]), 3: np.array([2]), 4: np.array([7, 9])}
    order = [np.array([1, 3]), np.array([0, 2, 4, 5, 6, 7])]
    course = kalman.train(bound, rule, [order], forces=(learned, [asked]))

    P = 0.5 * np.eye(len(w))
    noise = {"energy": 1 / 20.0, "force": 6 / (20.0 * 2.0 * len(problem.train))}
    for part in order:
        members = problem.train[part]
        felt = {int(c): asked[int(c)] for c in members if int(c) in asked}
        for begin, portion_of in enumerate(kalman._portions(felt, len(members))):
            energies = members if begin == 0 else members[:0]
            H = np.empty((len(energies), len(w)))
            error = bound.target[energies] - bound.slopes(w, energies, H)
            R = [noise["energy"]] * len(energies)
            for frame, components in portion_of.items():
                own = np.empty((len(components), len(w)))
                error = np.concatenate([error, learned.rows(w, frame, components, own)])
                H = np.concatenate([H, own])
                R += [noise["force"]] * len(components)
            gain = P @ H.T @ np.linalg.inv(H @ P @ H.T + np.diag(R))
            w = w + gain @ error
            P = (np.eye(len(w)) - gain @ H) @ P
        P = P + 0.01 * np.eye(len(w))
    np.testing.assert_allclose(course.network.flat(), w, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("rest", [0, 1, 3, 6, 7, 20])
def test_portions_hold_everything_once(rest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Energies and components in updates of at most eight, whatever their numbers; energies in the first."""
    monkeypatch.setattr(kalman, "PORTION", 8)
    asked = {frame: part for frame, part in ((5, np.arange(rest)), (9, np.arange(100, 100 + rest // 2))) if len(part)}
    found = list(kalman._portions(asked, 2))
    assert len(found) >= 1
    assert sum(map(len, found[0].values())) <= 6
    assert all(0 < sum(map(len, portion.values())) <= 8 for portion in found[1:])
    for frame, part in asked.items():
        pieces = [portion[frame] for portion in found if frame in portion]
        np.testing.assert_array_equal(np.concatenate(pieces), part)


@pytest.mark.parametrize(
    "spec",
    [
        Linear("linear", forces=ForceTerm(fraction=0.5)),
        Hdnn("hdnn", (4,), epochs=3, batch=3, forces=ForceTerm(fraction=0.5), ensemble=2, skip=True),
        Hdnn("hdnn", (4,), epochs=3, optimizer=FILTER, forces=ForceTerm(fraction=0.1)),
    ],
    ids=["linear", "adam", "kalman"],
)
def test_same_seeds_same_bits(spec: Linear | Hdnn) -> None:
    """A fit is repeated to the last bit; another order takes other forces; forces of the test part are never read."""
    problem = with_forces(1)
    assert problem.forces is not None
    one = models.fit(spec, problem, weights_seed=1, order_seed=2)
    hidden = problem.forces.copy()
    hidden[problem.offsets[problem.test[0]] :] = np.nan
    again = models.fit(spec, replace(problem, forces=hidden), weights_seed=1, order_seed=2)
    np.testing.assert_array_equal(one.energy, again.energy)
    assert not np.array_equal(one.energy, models.fit(spec, problem, weights_seed=1, order_seed=3).energy)
    if isinstance(spec, Hdnn):
        assert {"train_forces", "validation_forces"} < set(one.curve)
        assert {len(line) for line in one.curve.values()} == {3}
        assert np.isfinite(np.concatenate(list(one.curve.values()))).all()


def test_curves_of_forces_and_the_checkpoint() -> None:
    """The last point of the forces' curve is the error of the state kept, and that state has the least of both."""
    problem = with_forces(1)
    assert problem.forces is not None
    spec = Hdnn("hdnn", (5,), epochs=9, optimizer=FILTER, forces=ForceTerm(2.0, 0.2))
    made = models.fit(spec, problem, weights_seed=1, order_seed=2)
    assert made.checkpoint is not None
    found = np.concatenate([answers(spec, made, problem, int(c))[1] for c in problem.validation])
    off = 1000 * np.sqrt(np.mean((found - of_frames(problem.forces, problem, problem.validation)) ** 2))
    assert made.curve["validation_forces"][made.checkpoint - 1] == pytest.approx(off, rel=1e-5)
    sigma = 1000 * Measured.of(problem, ForceTerm()).sigma
    width = 1000 * float(made.parameters["width"])
    both = (made.curve["validation"] / width) ** 2 + 2.0 * (made.curve["validation_forces"] / sigma) ** 2
    assert made.checkpoint == 1 + int(np.argmin(both))


@pytest.mark.parametrize("rule", [KerasAdam("keras-adam"), Marquardt("marquardt")], ids=["keras-adam", "marquardt"])
def test_who_knows_energies_alone_refuses(rule: KerasAdam | Marquardt) -> None:
    spec = Hdnn("hdnn", (3,), epochs=2, optimizer=rule, forces=ForceTerm())
    with pytest.raises(DataError, match=rf"Forces are learned by adam and kalman, not by {rule.kind}; name one"):
        models.fit(spec, with_forces(1), weights_seed=1, order_seed=2)


@pytest.mark.skipif(not DFT.exists(), reason="BPBENCH_REFERENCE_DATA names no folder with this file")
def test_forces_of_density_functional_theory_are_learned() -> None:
    """On cells of 108 atoms forces that come of energies alone are far from those learned."""
    frames = readers.read(readers.open_source(DFT, block_length=1))
    functions = preset("thesis-22").functions
    parts = splits.draw(frames, Split(0.2, 0.2, 1, 1))
    problem = Problem(
        tuple(function.name for function in functions),
        describe_frames(functions, frames, 0, len(frames)),
        frames.offsets,
        frames.energy,
        parts.train,
        parts.validation,
        parts.test,
        elements=("Al",),
        forces=frames.forces,
        geometry=Structures(frames, functions),
    )

    def off(spec: Linear | Hdnn) -> float:
        made, errors = models.fit(spec, problem, weights_seed=1, order_seed=2), []
        for frame in problem.test:
            rows = frames.rows(frame)
            slopes = models.gradient(spec, made.parameters, problem.values[:, rows])
            assert problem.geometry is not None
            assert frames.forces is not None
            errors.append(-problem.geometry.adjoint(int(frame), slopes) - frames.forces[rows])
        return float(np.sqrt(np.mean(np.concatenate(errors) ** 2)))

    for spec in (
        Linear("linear"),
        Hdnn("hdnn", (6, 6), epochs=20, optimizer=Kalman("kalman")),
    ):
        assert off(replace(spec, forces=ForceTerm(fraction=0.02 if spec.kind == "hdnn" else 0.5))) < 0.5 * off(spec)


def test_a_ridge_draws_where_it_learns_some_of_the_forces() -> None:
    """Only a share of the forces is a matter of the order's seed; all of them, or none, are not."""
    asked = [None, ForceTerm(fraction=0.5), ForceTerm()]
    assert [roles.drawn(Linear("linear", forces=term)) for term in asked] == [(), ("order",), ()]


@pytest.mark.parametrize("optimizer", ["{kind: keras-adam}", "{kind: marquardt}"])
def test_a_protocol_of_who_knows_energies_alone_is_refused(optimizer: str) -> None:
    """The sentence names the line, the model and who could learn forces."""
    text = f"""
question: Can it learn forces?
data: {{kind: aluminium}}
sets: {{few: thesis-12}}
models:
  plain: {{kind: linear}}
  forced:
    kind: hdnn
    optimizer: {optimizer}
    forces: {{weight: 1, fraction: 0.1}}
variants:
  - {{name: plain, set: few, model: plain}}
  - {{name: forced, set: few, model: forced}}
repeats: 2
analysis: {{baseline: plain}}
"""
    kind = optimizer[len("{kind: ") : -1]
    sentence = (
        r"line 10, models\.forced\.forces: forces are learned by the optimizers adam and kalman, and 'forced' is "
        rf"trained by {kind}; name one of these, or leave out 'forces'\."
    )
    with pytest.raises(ProtocolError, match=sentence):
        loads(text, file="study.yaml")


@pytest.mark.parametrize("kind", ["linear", "adam", "kalman"])
def test_what_learns_forces_is_compiled_before_its_clock_runs(kind: str) -> None:
    """Two atoms and two functions are enough to have every loop compiled that a training of the kind needs."""
    work._compile.cache_clear()
    work._compile(kind, "float64", ForceTerm())
    learned = Learned.rows if kind == "kalman" else Learned.descend
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Learned, learned.__name__, _never)
        work._compile.cache_clear()
        if kind == "linear":
            work._compile(kind, "float64", ForceTerm())
        else:
            with pytest.raises(AssertionError, match="asked"):
                work._compile(kind, "float64", ForceTerm())
    work._compile.cache_clear()


def _never(*_: object) -> None:
    raise AssertionError("asked")

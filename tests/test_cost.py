"""Expected costs: of the right order, and rescaled by what stored results took."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from bpbench.data import readers
from bpbench.features import preset
from bpbench.jobs import (
    Adam,
    Describe,
    ForceTerm,
    Hdnn,
    Importance,
    Kalman,
    KerasAdam,
    LightGbm,
    Linear,
    MakeFrames,
    Marquardt,
    ModelSpec,
    RandomForest,
    Split,
    Train,
)
from bpbench.runner import cost
from bpbench.runner.store import Outcome, Store

SOURCE = readers.sample_source()
FRAMES = readers.read(SOURCE)
CHUNK = Describe(MakeFrames(SOURCE), preset("thesis-329").functions, 0, 64)


def training(seed: int, **changes: Any) -> Train:
    model = Hdnn("hdnn", **changes)
    return Train(CHUNK.frames, (CHUNK,), preset("thesis-57-D").functions, model, Split(0.2, 0.2, 1, 1), seed, seed)


def test_more_work_costs_more() -> None:
    """More epochs, more functions and more frames cost more; a network costs more than a linear potential."""
    assert cost.expected(training(1, epochs=200), FRAMES) > cost.expected(training(1, epochs=100), FRAMES)
    half = Describe(CHUNK.frames, CHUNK.functions[:100], 0, 64)
    assert cost.expected(CHUNK, FRAMES) > cost.expected(half, FRAMES)
    assert cost.expected(CHUNK, FRAMES) > cost.expected(Describe(CHUNK.frames, CHUNK.functions, 0, 32), FRAMES)
    linear = Train(CHUNK.frames, training(1).pool, training(1).functions, Linear("linear"), training(1).split, 0, 0)
    assert cost.expected(training(1), FRAMES) > cost.expected(linear, FRAMES)


@pytest.mark.parametrize("optimizer", [Adam(), KerasAdam("keras-adam"), Kalman("kalman"), Marquardt("marquardt")])
def test_every_trainer_costs_more_for_more(optimizer: Adam | KerasAdam | Kalman | Marquardt) -> None:
    """Epochs, nodes and members make a training dearer, fewer observations cheaper; Keras is the dearest."""
    plain = training(1, optimizer=optimizer, epochs=20)
    base = cost.expected(plain, FRAMES)
    for changes in ({"epochs": 40}, {"hidden": (20, 20)}, {"ensemble": 3}):
        assert cost.expected(training(1, optimizer=optimizer, **({"epochs": 20} | changes)), FRAMES) > base
    assert cost.expected(replace(plain, observations=20), FRAMES) < base
    keras = cost.expected(training(1, optimizer=KerasAdam("keras-adam"), epochs=20), FRAMES)
    assert keras >= base


def test_asking_costs_what_is_asked() -> None:
    """More shuffles and more inputs cost more to shuffle; gain costs the trees again and nothing for shuffles."""

    def asked(
        model: ModelSpec, by: Literal["permutation", "gain"] = "permutation", shuffles: int = 5, inputs: int = 57
    ) -> float:
        base = training(1)
        training_ = replace(base, model=model, functions=base.functions[:inputs])
        return cost.expected(Importance(training_, by, shuffles), FRAMES)

    for model in (Hdnn("hdnn"), Linear("linear"), RandomForest("random-forest"), LightGbm("lightgbm")):
        assert asked(model) < asked(model, shuffles=10)
        assert asked(model) > asked(model, inputs=20)
    assert asked(Hdnn("hdnn", ensemble=3)) > asked(Hdnn("hdnn")) > asked(Linear("linear"))
    forest = RandomForest("random-forest")
    grown = cost.expected(replace(training(1), model=forest), FRAMES)
    assert asked(forest, "gain") == asked(forest, "gain", shuffles=10) == grown < asked(forest)


def test_trees_on_forces_cost_by_atoms() -> None:
    """More atoms, levels, trees and columns cost more, and a cap on atoms less."""
    forest = RandomForest("random-forest", trees=50, target="forces", atoms=4000)

    def taken(model: ModelSpec, inputs: int = 22) -> float:
        base = training(1)
        return cost.expected(replace(base, model=model, functions=base.functions[:inputs]), FRAMES)

    shallow = replace(forest, max_depth=2)
    assert taken(shallow) < taken(forest) < taken(replace(forest, atoms=None))
    assert taken(forest) < taken(forest, 57)
    assert taken(forest) < taken(replace(forest, trees=60))
    boosted = LightGbm("lightgbm", target="forces", atoms=4000)
    assert taken(boosted) < taken(replace(boosted, atoms=None))
    assert taken(replace(boosted, rounds=10)) < taken(boosted)


def test_learning_forces_costs_by_components() -> None:
    """Forces cost something, more of them more, and with the filter nearly in proportion; so do more epochs."""
    for optimizer in (Adam(), Kalman("kalman")):
        alone = cost.expected(training(1, optimizer=optimizer), FRAMES)
        few, many, longer = (
            cost.expected(training(1, optimizer=optimizer, forces=ForceTerm(1, share), epochs=epochs), FRAMES) - alone
            for share, epochs in ((0.1, 100), (0.2, 100), (0.1, 400))
        )
        assert 0 < few < many < longer
    ridge = replace(training(1), model=Linear("linear"))
    learning = replace(ridge, model=Linear("linear", forces=ForceTerm()))
    half = replace(ridge, model=Linear("linear", forces=ForceTerm(fraction=0.5)))
    assert cost.expected(ridge, FRAMES) < cost.expected(half, FRAMES) < cost.expected(learning, FRAMES)


def test_stored_times_rescale_their_kind_alone(tmp_path: Path) -> None:
    """After a training that took ten times its estimate, others are expected to; descriptors are not touched."""
    store = Store(tmp_path)
    took = 10 * cost.expected(training(1), FRAMES)
    store.save(training(1), Outcome({"status": "done"}), lambda: {"wall_s": took})
    estimate = cost.estimator([training(1)], FRAMES, store)
    assert estimate(training(2)) == pytest.approx(took)
    assert estimate(CHUNK) == cost.expected(CHUNK, FRAMES)

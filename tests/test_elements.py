"""Models of several elements against slow twins that are written atom by atom."""

from __future__ import annotations

import numpy as np
import pytest
from elements_twin import Twin, mixed
from problems import changed, ragged

from bpbench.jobs import Hdnn, Kalman, Linear, Marquardt
from bpbench.models import evaluate, fit, network
from bpbench.models.network import Networks
from bpbench.models.replica import Replica
from bpbench.models.scaling import scalings


def _nets(inputs: list[int], hidden: tuple[int, ...] = (4, 3), *, skip: bool = False) -> list[network.Network]:
    nets = []
    for place, wide in enumerate(inputs):
        random = np.random.default_rng(40 + place)
        layers = [(w.astype(float), random.normal(size=b.shape)) for w, b in network.initial(wide, hidden, 5 + place)]
        nets.append(network.Network(layers, random.normal(size=wide) if skip else None))
    return nets


@pytest.mark.parametrize("elements", [2, 3])
@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("by_centre", [False, True])
def test_answers_and_slopes_equal_the_twin(elements: int, skip: bool, by_centre: bool) -> None:
    """On ragged mixtures, some without an element, with all functions or those of each element, one constant there."""
    base = mixed(elements)
    assert base.kind is not None
    values = base.values.copy()
    values[2, base.kind == 1] = 0.25  # constant for one element, so that it has an input fewer
    base, inputs = changed(base, values=values), [5] * elements
    inputs[1] = 4
    if by_centre:
        base = changed(base, centres=(("Al", (4, 0)), ("Cu", (0, 1, 2, 3)), ("Au", (3,)))[:elements])
        inputs = [2, 3, 1][:elements]
    nets, members = _nets(inputs, skip=skip), np.array([7, 0, 5, 3])
    twin, start = Twin(base, nets), Networks(tuple(nets))
    one = Replica.of(base, scalings(base), start, np.float64)
    assert [len(shape.rows) for shape in one.shapes] == inputs
    assert one.begins.tolist() == [0, *np.cumsum([network.count(net) for net in nets])]
    g = np.full((5, len(start.flat())), np.nan)
    answer = one.slopes(start.flat(), members, g)
    np.testing.assert_allclose(answer, twin.answers(members), rtol=1e-11, atol=1e-13)
    np.testing.assert_array_equal(answer, one.answers(start.flat(), members))
    np.testing.assert_allclose(g[:4], twin.slopes(members), rtol=0, atol=3e-9)
    absent = base.kind[base.offsets[3] : base.offsets[4]] != elements - 1
    assert absent.all()
    assert not g[3, one.begins[-2] :].any()  # what an element that is not there weighs, changes nothing


# Worked out before there were several elements; the same bits on the machine that made them.
GOLDEN = {
    "adam": (-13.99663086435574, -3.5143390353177804, -31.63565704056984, -31.61998309328608),
    "kalman": (-13.99592747710529, -3.4963282878802735, -31.647745909077766, -31.419355401049607),
    "marquardt": (-14.062514265431245, -3.5187507583370166, -31.683301646095927, -31.644724282349333),
    "linear": (-14.006355962117523, -3.5063970055468356, -31.62635739263287, -31.4513111769816),
}
MODELS = {
    "adam": Hdnn("hdnn", (6, 5), epochs=4, batch=5),
    "kalman": Hdnn("hdnn", (5, 4), epochs=3, optimizer=Kalman("kalman", block=6), skip=True, ensemble=2),
    "marquardt": Hdnn("hdnn", (4,), "logistic", "min-max", epochs=3, optimizer=Marquardt("marquardt")),
    "linear": Linear("linear"),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_one_element_is_what_it_was(name: str) -> None:
    """Energies are those from before there were several elements, with the element named and without."""
    base = ragged(frames=20, functions=5, seed=5, largest=9)
    made = fit(MODELS[name], base, weights_seed=3, order_seed=4)
    np.testing.assert_allclose(made.energy[:4], GOLDEN[name], rtol=1e-6 if name == "adam" else 1e-10)
    named = fit(MODELS[name], changed(base, elements=("Al",)), weights_seed=3, order_seed=4)
    np.testing.assert_array_equal(named.energy, made.energy)
    assert named.parameters.keys() == made.parameters.keys()


@pytest.mark.parametrize("name", GOLDEN)
def test_a_fit_of_two_elements_is_kept_by_element(name: str) -> None:
    """Parameters begin with the symbol, but for those shared; from them alone come the energies of the fit."""
    base = mixed(2, frames=30)
    made = fit(MODELS[name], base, weights_seed=3, order_seed=4)
    again = evaluate(MODELS[name], made.parameters, base.values, base.offsets, kind=base.kind, elements=base.elements)
    np.testing.assert_array_equal(again, made.energy)
    shared = {key for key in made.parameters if "." not in key}
    assert shared == {"centre", "width"} | ({"intercept", "strength"} if name == "linear" else set())
    assert {key.split(".")[0] for key in made.parameters.keys() - shared} == {"Al", "Cu"}

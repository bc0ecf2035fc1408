"""Models of several elements against slow twins that are written atom by atom."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from elements_twin import Twin, mixed
from problems import changed, problem, ragged

from bpbench.errors import DataError
from bpbench.jobs import Hdnn, Kalman, KerasAdam, Linear, Marquardt, RandomForest
from bpbench.models import constant, evaluate, fit, importance, network
from bpbench.models.network import Networks
from bpbench.models.replica import Replica
from bpbench.models.scaling import Scalings, scalings, targets
from bpbench.models.trees import Pooling


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


def test_references_are_least_squares_of_the_compositions() -> None:
    """They solve Σ n_ce E(e) ≈ E_c; the shares of elements alone give the constant that knows compositions."""
    base = mixed(3, frames=60)
    counts = np.array(
        [np.bincount(base.kind[a:b], minlength=3) for a, b in pairwise(base.offsets)]  # type: ignore[index]
    )
    train = base.train
    theirs = np.linalg.inv(counts[train].T @ counts[train]) @ counts[train].T @ base.energy[train]
    found = scalings(base)
    assert isinstance(found, Scalings)
    np.testing.assert_allclose([own.reference for own in found.each], theirs, rtol=1e-9)
    rest = (base.energy - counts @ theirs) / base.atoms
    assert (found.centre, found.width) == pytest.approx((rest[train].mean(), rest[train].std()), rel=1e-9)
    np.testing.assert_allclose(constant(base), counts @ theirs + base.atoms * rest[train].mean(), rtol=1e-9)
    assert found.remarks == ()


def test_compositions_that_tell_no_references_apart_are_remarked() -> None:
    """Where every frame has twice as many of one element as of the other, least norm decides, and this is said."""
    base = problem([3] * 30, functions=4)
    base = changed(base, elements=("S", "Cu"), kind=np.tile([1, 0, 1], 30))
    made = fit(Linear("linear"), base, weights_seed=0, order_seed=0)
    assert made.remarks[0] == (
        "The compositions of the training configurations do not determine the reference energies of S, Cu one by one; "
        "of all that fit equally well, those of least norm are taken."
    )
    sulphur, copper = float(made.parameters["S.reference"]), float(made.parameters["Cu.reference"])
    assert copper == pytest.approx(2 * sulphur, rel=1e-9)
    assert (2 * copper + sulphur) / 3 == pytest.approx(np.mean(base.energy[base.train] / 3), rel=1e-9)


def test_what_is_constant_for_an_element_is_dropped_there_alone() -> None:
    """The remark names the function and the element; the other element keeps it."""
    base = mixed(2, frames=30)
    values = base.values.copy()
    values[[1, 3]] = np.where(base.kind == 0, 0.5, values[[1, 3]])
    values[4] = np.where(base.kind == 1, values[0], values[4])
    made = fit(Linear("linear"), changed(base, values=values), weights_seed=0, order_seed=0)
    assert made.remarks[0] == "2 functions are constant over the training atoms of Al and were dropped: G1, G3."
    assert made.remarks[1] == (
        "The functions G0 and G4 have the same values at all training atoms of Cu; the second tells a model nothing, "
        "leave it out."
    )
    assert made.parameters["Al.kept"].tolist() == [1, 0, 1, 0, 1]
    assert made.parameters["Cu.kept"].tolist() == [1, 1, 1, 1, 1]
    assert (len(made.parameters["Al.weights"]), len(made.parameters["Cu.weights"])) == (3, 5)


def test_elements_that_cannot_be_learned_are_refused() -> None:
    """None of an element's atoms to train on, or nothing that varies over them: refused with its name."""
    base = mixed(2, frames=30)
    assert base.kind is not None
    alone = base.kind.copy()
    last = int(base.test[-1])
    alone[:] = 0
    alone[base.offsets[last]] = 1
    with pytest.raises(
        DataError,
        match=rf"needs training atoms of every element, this split trains on no Cu, which frame {last} holds; use "
        r"another share or seed of the split, or leave such frames out\.",
    ):
        fit(Linear("linear"), changed(base, kind=alone), weights_seed=0, order_seed=0)
    values = np.where(base.kind == 1, 0.5, base.values)
    with pytest.raises(DataError, match=r"all 5 are constant over the training atoms of Cu; choose other functions"):
        fit(Linear("linear"), changed(base, values=values), weights_seed=0, order_seed=0)


def test_keras_trains_one_element() -> None:
    """Keras's own fit refuses a second network by the elements' names."""
    spec = Hdnn("hdnn", (3,), epochs=1, optimizer=KerasAdam("keras-adam"))
    with pytest.raises(
        DataError,
        match=r"Keras's own fit trains one network, and these frames hold Al, Cu; name another optimizer, or keep the "
        r"frames of one element\.",
    ):
        fit(spec, mixed(2, frames=30), weights_seed=1, order_seed=1)


def test_a_linear_potential_is_ridge_on_columns_by_element() -> None:
    """Weights by element are those of a ridge on sums over each element's atoms, written out."""
    from sklearn.linear_model import Ridge

    base = mixed(2, frames=60)
    made = fit(Linear("linear", (1e-3,)), base, weights_seed=0, order_seed=0)
    twin = Twin(base, [])
    rows = np.zeros((60, 10))
    for c, (begin, end) in enumerate(pairwise(base.offsets)):
        for atom in range(begin, end):
            place = int(base.kind[atom])  # type: ignore[index]
            rows[c, 5 * place : 5 * place + 5] += twin.scaled(atom) / (end - begin)
    target = targets(scalings(base), base, base.train)
    theirs = Ridge(alpha=1e-3 * len(base.train)).fit(rows[base.train], target)
    ours = np.concatenate([made.parameters["Al.weights"], made.parameters["Cu.weights"]])
    np.testing.assert_allclose(ours, theirs.coef_, rtol=1e-8)
    assert float(made.parameters["intercept"]) == pytest.approx(theirs.intercept_, rel=1e-8, abs=1e-10)


def test_a_skip_starts_from_the_ridge() -> None:
    """With a skip the first answer of both networks together is the linear potential's, whatever the scaling."""
    base = mixed(2, frames=40)
    ridge = fit(Linear("linear"), base, weights_seed=0, order_seed=0)
    spec = Hdnn("hdnn", (3,), scaling="min-max", epochs=1, optimizer=Kalman("kalman", prior=0.0, skip_prior=1e-30))
    made = fit(replace(spec, skip=True), base, weights_seed=0, order_seed=0)
    np.testing.assert_allclose(made.energy, ridge.energy, rtol=1e-9)


def test_columns_of_trees_are_means_spreads_and_shares() -> None:
    """They are NumPy's over the atoms of each element, 0 where there are none; the forest beats the constant."""
    base = mixed(2, frames=200)
    pooling = Pooling.of(base)
    columns = pooling.columns(base.values, base.offsets, base.kind)
    for c in (0, 3, 7, 11):
        own = slice(base.offsets[c], base.offsets[c + 1])
        kind = base.kind[own]  # type: ignore[index]
        parts = [base.values[:, own][:, kind == place] for place in (0, 1)]
        means = [part.mean(axis=1) if part.size else np.zeros(5) for part in parts]
        spreads = [part.std(axis=1) if part.size else np.zeros(5) for part in parts]
        shares = [[np.mean(kind == 0)], [np.mean(kind == 1)]]
        np.testing.assert_allclose(columns[c], np.concatenate([*means, *spreads, *shares]), atol=1e-12)
    assert pooling.sources.tolist() == [*range(5), *range(5), *range(5), *range(5), -1, -1]
    made = fit(RandomForest("random-forest", trees=40), base, weights_seed=1, order_seed=1)
    errors = [
        float(np.sqrt(np.mean(((energy - base.energy) / base.atoms)[base.test] ** 2)))
        for energy in (made.energy, constant(base))
    ]
    assert errors[0] < 0.8 * errors[1]


def test_first_layer_weights_are_summed_over_the_networks() -> None:
    """Of each input those of all elements whose network sees it; an input that none sees has 0."""
    base = changed(mixed(2, frames=30), centres=(("Al", (4, 0)), ("Cu", (0, 1, 2))))
    spec = Hdnn("hdnn", (3,), epochs=1)
    made = fit(spec, base, weights_seed=1, order_seed=1)
    signed, absolute = importance.first_layer(spec, made.parameters, base.centres, 5)
    al, cu = (made.parameters[f"{element}.weights-1"][0] for element in ("Al", "Cu"))
    np.testing.assert_allclose(signed, [al[1].sum() + cu[0].sum(), cu[1].sum(), cu[2].sum(), 0.0, al[0].sum()])
    sums = [np.abs(al[1]).sum() + np.abs(cu[0]).sum(), np.abs(cu[1]).sum(), np.abs(cu[2]).sum(), 0, np.abs(al[0]).sum()]
    np.testing.assert_allclose(absolute, sums)

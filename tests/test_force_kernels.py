"""The compiled loops of forces against finite differences and against the descriptors' own adjoint and tangent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from network_twin import ACTIVATIONS

from bpbench.descriptors.slopes import slopes
from bpbench.descriptors.symmetry import evaluate
from bpbench.features import G2, G5
from bpbench.models import force_kernels as kernels
from bpbench.models import kernels as names
from bpbench.models import network, slope_kernels
from bpbench.models.contract import Slopes
from bpbench.models.kernels import Shape

if TYPE_CHECKING:
    from bpbench.models.contract import Floats
    from bpbench.models.network import Network

#: More atoms than a tile holds.
ATOMS = 300


def drawn(activation: str, *, skip: bool) -> tuple[Network, Shape]:
    """Return a network of 4-7-3-1 with weights and biases that are not small, and its shape."""
    random = np.random.default_rng(3)
    layers = [
        (random.normal(0, 0.6, (wide, narrow)), random.normal(0, 0.4, narrow))
        for wide, narrow in ((4, 7), (7, 3), (3, 1))
    ]
    net = network.Network(layers, random.normal(size=4) if skip else None, activation)
    shape = Shape(
        np.arange(4), np.zeros(4), np.ones(4), np.array([4, 7, 3, 1]), names.ACTIVATIONS.index(activation), skip
    )
    return net, shape


def atomic(net: Network, x: Floats) -> Floats:
    """Return y of every atom."""
    state = x.T
    for weights, biases in net.layers[:-1]:
        state = ACTIVATIONS[net.activation](state @ weights + biases)
    out: Floats = (state @ net.layers[-1][0] + net.layers[-1][1])[:, 0]
    return out if net.skip is None else out + x.T @ net.skip


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("activation", names.ACTIVATIONS)
def test_derivatives_are_those_of_finite_differences(activation: str, skip: bool) -> None:
    """Slopes by inputs, the sum along a direction, and the derivatives of both sums by every weight."""
    net, shape = drawn(activation, skip=skip)
    random = np.random.default_rng(5)
    x, dx = random.normal(size=(2, 4, ATOMS))
    w, h = net.flat(), 1e-6
    work, out, g = kernels.twice(shape, np.float64), np.empty_like(x), np.zeros(len(w))

    total = kernels.input_slopes(shape, w, x, work, out)
    assert total == pytest.approx(atomic(net, x).sum(), rel=1e-12)
    for d in range(4):
        step = h * (np.arange(4) == d)[:, None]
        measured = (atomic(net, x + step) - atomic(net, x - step)) / (2 * h)
        np.testing.assert_allclose(out[d], measured, atol=1e-8)

    def sums(weights: Floats) -> Floats:
        """Σ y and Σ ẏ; the second from the slopes, which were just shown to be right."""
        held = np.empty_like(x)
        return np.array([kernels.input_slopes(shape, weights, x, work, held), np.sum(held * dx)])

    found = kernels.along(shape, w, x, dx, 0.7, -1.3, work, g)
    np.testing.assert_allclose(found, sums(w), rtol=1e-11)
    measured = [(sums(w + step) - sums(w - step)) @ (0.7, -1.3) / (2 * h) for step in h * np.eye(len(w))]
    np.testing.assert_allclose(g, measured, rtol=0, atol=2e-7 * np.abs(g).max())


@pytest.fixture(scope="module")
def crystal() -> tuple[tuple[object, ...], tuple[object, ...]]:
    """Return functions of two cutoffs and a rattled cell of two elements so small that images are neighbours."""
    from ase.build import bulk

    atoms = bulk("Cu", "fcc", a=3.6, cubic=True) * (2, 1, 1)
    atoms.numbers[[1, 4, 5]] = 13
    positions = atoms.positions + np.random.default_rng(8).normal(0, 0.1, (len(atoms), 3))
    functions = [
        chosen
        for symbol in ("Al", "Cu")
        for chosen in (
            G2(0.3, 0.0, 4.5, of=symbol),
            G2(1.3, 2.5, 5.5, of=symbol),
            G5(0.1, 4, -1, 4.5, of=(symbol, "Cu")),
        )
    ]
    return tuple(functions), (positions, np.array(atoms.cell), np.array(atoms.pbc), atoms.numbers)


def kept(functions: tuple[object, ...], frame: tuple[object, ...]) -> Slopes:
    """Return the Jacobian in the precision in which it is kept."""
    border, index, found = slopes(functions, *frame)  # type: ignore[arg-type]
    return Slopes(border, index, found.astype(np.float32))


def test_slopes_serve_as_adjoint_tangent_and_rows(crystal: tuple[tuple[object, ...], tuple[object, ...]]) -> None:
    """What is added up from the Jacobian is what the descriptors give, images of one atom and two elements included."""
    functions, frame = crystal
    seen = evaluate(functions, *frame)  # type: ignore[arg-type]
    near = kept(functions, frame)
    atoms = len(frame[3])  # type: ignore[arg-type]
    random = np.random.default_rng(1)
    v, w = random.normal(size=(atoms, 3)), random.normal(size=seen.values.shape)
    pulled, pushed = np.empty((3, atoms)), np.empty_like(w)
    slope_kernels.pull(near, w, pulled)
    np.testing.assert_allclose(pulled.T, seen.adjoint(w), rtol=0, atol=2e-6)
    slope_kernels.push(near, np.ascontiguousarray(v.T), pushed)
    np.testing.assert_allclose(pushed, seen.tangent(v), rtol=0, atol=2e-6)

    some = np.where(np.arange(atoms) % 3 == 0, 0, -1)
    rows = np.empty((len(functions), 3, atoms))
    slope_kernels.columns(near, some, rows)
    for row in range(len(functions)):
        one = np.zeros_like(w)
        one[row, some == 0] = 1.0
        np.testing.assert_allclose(rows[row].T, seen.adjoint(one), rtol=0, atol=2e-6)

    back = slope_kernels.transposed(near)
    centre = np.repeat(np.arange(atoms), np.diff(near.border))
    np.testing.assert_array_equal(centre[back], near.other)
    np.testing.assert_array_equal(near.other[back], centre)


def test_components_are_single_rows_of_the_whole(crystal: tuple[tuple[object, ...], tuple[object, ...]]) -> None:
    """A component goes through few atoms and gives the sum along the unit direction, with its derivatives."""
    functions, frame = crystal
    near = kept(functions, frame)
    values = evaluate(functions, *frame).values  # type: ignore[arg-type]
    net, shape = drawn("tanh", skip=True)
    shape = shape._replace(rows=np.array([0, 2, 3, 5]), shift=np.full(4, 0.3), scale=np.array([1.0, 2.0, 0.5, 3.0]))
    chosen = np.array([0, 2, 3, 6])
    place = np.full(values.shape[1], -1)
    place[chosen] = np.arange(4)
    x = (values[shape.rows][:, chosen] - 0.3) * shape.scale[:, None]
    work, w = kernels.twice(shape, np.float64), net.flat()
    asked = np.array([0, 7, 14, 23])
    out, wide = np.zeros(4), np.zeros((4, len(w) + 5))
    kernels.components(near, slope_kernels.transposed(near), shape, w, x, place, asked, -2.0, work, out, 3, wide)
    assert not wide[:, :3].any()
    assert not wide[:, -2:].any()
    g = wide[:, 3:-2]
    for number, component in enumerate(asked):
        v, change, expected = np.zeros((3, values.shape[1])), np.empty_like(values), np.zeros(len(w))
        v[component % 3, component // 3] = 1.0
        slope_kernels.push(near, v, change)
        moved = change[shape.rows][:, chosen] * shape.scale[:, None]
        _, rate = kernels.along(shape, w, x, moved, 0.0, -2.0, work, expected)
        assert out[number] == pytest.approx(-2.0 * rate, rel=1e-10)
        np.testing.assert_allclose(g[number], expected, rtol=1e-9, atol=1e-11)


def test_slopes_of_a_function_that_names_nobody_present_are_zero() -> None:
    """A cell of aluminium alone, and a function of copper among others: no shell, no change."""
    from ase.build import bulk

    atoms = bulk("Al", "fcc", a=4.05)
    functions = (G2(0.3, 0.0, 5.0, of="Al"), G2(0.3, 0.0, 5.0, of="Cu"))
    border, index, found = slopes(functions, atoms.positions, np.array(atoms.cell), atoms.pbc, atoms.numbers)
    # One atom: its neighbours are its own images, and move with it.
    assert (border.tolist(), index.tolist(), found.shape) == ([0, 0], [], (2, 3, 0))

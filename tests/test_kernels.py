"""The compiled network against a slow twin, finite differences and the library's exponential."""

from __future__ import annotations

import numpy as np
import pytest
from network_twin import ACTIVATIONS, answers, bound, inputs, slopes
from problems import changed, problem, ragged

from bpbench.compiled import exp, kernel
from bpbench.models import kernels, network, replica
from bpbench.models.kernels import TILE


def _net(
    inputs: int, hidden: tuple[int, ...] = (4, 3), *, skip: bool = False, activation: str = "tanh"
) -> network.Network:
    layers = network.initial(inputs, hidden, 5)
    random = np.random.default_rng(5)
    layers = [(w.astype(float), random.normal(size=b.shape)) for w, b in layers]
    return network.Network(layers, random.normal(size=inputs) if skip else None, activation)


@pytest.mark.parametrize("activation", kernels.ACTIVATIONS)
@pytest.mark.parametrize(("hidden", "skip"), [((4, 3), False), ((5,), True), ((7, 6, 2), False), ((1,), False)])
def test_answers_and_slopes_equal_the_twin(activation: str, hidden: tuple[int, ...], skip: bool) -> None:
    """On ragged frames, answers are the twin's and derivatives by every weight its central differences."""
    base = ragged(frames=9, functions=5, seed=3)
    net, members = _net(5, hidden, skip=skip, activation=activation), np.array([4, 0, 8, 3])
    rows, offsets = inputs(base, members)
    one = bound(base, net)
    g = np.empty((5, len(net.flat())))
    answer = one.slopes(net.flat(), members, g)
    np.testing.assert_allclose(answer, answers(net, rows, offsets), rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(answer, one.answers(net.flat(), members))
    np.testing.assert_allclose(g[:4], slopes(net, rows, offsets), rtol=0, atol=3e-9)


@pytest.mark.parametrize("size", [1, 3, TILE - 1, TILE, TILE + 1, 3 * TILE + 7])
def test_configurations_of_any_size(size: int) -> None:
    """Frames shorter and longer than a tile, and whole tiles, are all answered right."""
    base = problem([size, 2, size, 5, size], functions=3, seed=1)
    net, members = _net(3, skip=True), np.arange(5)
    one = bound(changed(base, train=members[:4], validation=members[4:]), net)
    rows, offsets = inputs(changed(base, train=members[:4]), members)
    g = np.empty((5, len(net.flat())))
    np.testing.assert_allclose(one.slopes(net.flat(), members, g), answers(net, rows, offsets), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(g, slopes(net, rows, offsets), rtol=0, atol=3e-9)


def test_single_precision_is_that_of_its_numbers() -> None:
    """In float32 answers and derivatives are those of float64 to its rounding."""
    base = ragged(frames=20, functions=6, seed=3)
    net, members = _net(6, (8, 5)), np.arange(20)
    double, single = bound(base, net), bound(base, net, np.float32)
    w = net.flat()
    wide, narrow = np.empty((20, len(w))), np.empty((20, len(w)), np.float32)
    answer = double.slopes(w, members, wide)
    out = np.empty(20, np.float32)
    kernels.slopes(single.table, single.joined, members, w.astype(np.float32), single.work, out, narrow)
    np.testing.assert_allclose(out, answer, rtol=0, atol=1e-5)
    np.testing.assert_allclose(narrow, wide, rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layout_changes_no_bit(dtype: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Laid out anew or read where they are, whether stored in single or double precision: the same bits."""
    base = ragged(frames=20, functions=6, seed=3)
    net, members = _net(6), np.arange(20)
    for stored in (np.float32, np.float64):
        values = base.values.astype(stored)
        packed = bound(changed(base, values=values), net, dtype).answers(net.flat(), members)
        with monkeypatch.context() as patch:
            patch.setattr(replica, "HELD", 0)
            direct = bound(changed(base, values=values), net, dtype)
        assert direct.table.stride[0] == base.offsets[-1]
        np.testing.assert_array_equal(packed, direct.answers(net.flat(), members))


@pytest.mark.parametrize("kind", ["standard", "min-max", "centred", "centred-min-max"])
def test_inputs_are_scaled_as_n2p2_does(kind: str) -> None:
    """The kernel sees (G - a)/b with a and b written out here from the training atoms."""
    base = ragged(frames=20, functions=4, seed=8)
    seen = np.concatenate([base.values[:, base.offsets[c] : base.offsets[c + 1]] for c in base.train], axis=1)
    least, mean, span = seen.min(1), seen.mean(1), np.ptp(seen, axis=1)
    a, b = {
        "standard": (mean, seen.std(1)),
        "min-max": (least, span),
        "centred": (mean, np.ones(4)),
        "centred-min-max": (mean, span),
    }[kind]
    net, rows = _net(4), ((base.values - a[:, None]) / b[:, None]).T
    one = bound(base, net, kind=kind)
    np.testing.assert_allclose(
        one.answers(net.flat(), np.arange(20)), answers(net, rows, base.offsets), rtol=1e-11, atol=1e-13
    )


@kernel
def _exponentials(x: np.ndarray, out: np.ndarray) -> None:
    for i in range(len(x)):
        out[i] = exp(x[i])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exponential_to_one_unit_in_the_last_place(dtype: type) -> None:
    """From 0 down to the end of the normal numbers, and 0 beyond."""
    end = -87.0 if dtype is np.float32 else -708.0
    x = np.concatenate([[0.0], -np.logspace(-12, np.log10(-end), 20001)[:-1], [1.01 * end, -1e30]]).astype(dtype)
    out = np.empty_like(x)
    _exponentials(x, out)
    exact = np.exp(x[:-2].astype(np.longdouble))
    assert np.max(np.abs(out[:-2] - exact) / exact) <= np.finfo(dtype).eps
    assert not out[-2:].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_far_out(activation: str, dtype: type) -> None:
    """Small and huge arguments give the function's value and slope: no overflow, no lost sign."""
    x = np.array([-1e4, -90.0, -20.0, -1.0, -1e-6, 0.0, 1e-6, 1.0, 20.0, 90.0, 1e4])
    y, slope = x.astype(dtype), np.empty(len(x), dtype)
    kernels._activate(kernels.ACTIVATIONS.index(activation), y, slope, len(x))
    with np.errstate(over="ignore"):
        expected = ACTIVATIONS[activation](x.astype(np.longdouble))
    # The twin's softplus overflows where x is its value to the last bit.
    expected = np.where(np.isfinite(expected), expected, x).astype(float)
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(y, expected, rtol=4 * eps, atol=2 * eps)
    inner = np.abs(np.abs(x) - 10.5) < 10  # of either sign, and off the corner of relu
    ahead, behind = (ACTIVATIONS[activation](x[inner] + h) for h in (1e-5, -1e-5))
    np.testing.assert_allclose(slope[inner], (ahead - behind) / 2e-5, rtol=0, atol=max(1e-9, 4 * eps))
    assert np.isfinite(slope).all()

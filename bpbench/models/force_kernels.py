r"""Compiled loops of forces: the network's slopes by its inputs, and the derivative of these by its weights.

With a direction **v** in which the atoms of a frame move, :math:`\dot G_i = \sum_k ∂G_i/∂\mathbf R_k · \mathbf v_k`
and :math:`\dot y^0_i = \dot G_i/b`, the network is sent forward twice at once, values and their changes:

.. math::
    x^l = y^{l-1} W^l + b^l, \quad y^l = f(x^l), \qquad \dot x^l = \dot y^{l-1} W^l, \quad \dot y^l = f'(x^l)\, \dot x^l

so that :math:`\sum_i \dot y_i = \sum_i ∂y/∂y^0_i · \dot y^0_i = -\mathbf v · \hat{\mathbf F}/s`. One pass back then
gives the derivatives of :math:`\sum_i (α y_i + β \dot y_i)` by all weights, with δ by x and ε by ẋ:

.. math::
    δ^L = α,\ ε^L = β, \qquad
    ε^{l-1} = (ε^l {W^l}^T) f'(x^{l-1}), \qquad
    δ^{l-1} = (δ^l {W^l}^T) f'(x^{l-1}) + (ε^l {W^l}^T) f''(x^{l-1})\, \dot x^{l-1}

    \frac{∂}{∂W^l} = \sum_i {y^{l-1}_i}^T δ^l_i + {\dot y^{l-1}_i}^T ε^l_i, \qquad
    \frac{∂}{∂b^l} = \sum_i δ^l_i, \qquad \frac{∂}{∂a} = \sum_i (α y^0_i + β \dot y^0_i)

=============  ==========================
activation     f''(x)
=============  ==========================
``tanh``       -2 f f'
``logistic``   f' (1 - 2f)
``softplus``   f' (1 - f')
``relu``       0
``gaussian``   f'²/f - 2f
=============  ==========================

Everything is written for the atoms of one element with its network: functions along one axis and atoms along the other,
tile by tile as in :mod:`bpbench.models.kernels`, whose symbols these are.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bpbench.compiled import Ints, kernel
from bpbench.models.contract import Slopes
from bpbench.models.kernels import TILE, Reals, Shape, _activate, _forward, weigh


class Twice(NamedTuple):
    """Work space: inputs and their changes; of each layer y, f', f'', ẋ, ẏ; two rows each of δ and ε."""

    x: Reals
    dx: Reals
    y: Reals
    slope: Reals
    bend: Reals
    rate: Reals
    dy: Reals
    delta: Reals
    turn: Reals


def twice(shape: Shape, dtype: npt.DTypeLike) -> Twice:
    """Return the work space of a network."""
    layers, widest = len(shape.nodes) - 1, int(shape.nodes[1:].max())
    inputs = [np.empty((len(shape.rows), TILE), dtype) for _ in range(2)]
    of_layers = [np.empty((layers, widest, TILE), dtype) for _ in range(5)]
    back = [np.empty((2, widest, TILE), dtype) for _ in range(2)]
    return Twice(*inputs, *of_layers, *back)


@kernel
def _carried(w: Reals, at: int, inputs: int, nodes: int, dx: Reals, rate: Reals, n: int) -> None:
    """Multiply changes by the weights of a layer: its biases do not change."""
    for k in range(nodes):
        row = rate[k]
        for i in range(n):
            row[i] = 0
        weigh(w, at + k, inputs, nodes, dx, row, n)


@kernel
def _bent(kind: int, y: Reals, slope: Reals, bend: Reals, n: int) -> None:
    """Write f''(x) from f(x) and f'(x)."""
    zero, one, two = y.dtype.type(0), y.dtype.type(1), y.dtype.type(2)
    if kind == 0:
        for i in range(n):
            bend[i] = -two * y[i] * slope[i]
    elif kind == 1:
        for i in range(n):
            bend[i] = slope[i] * (one - two * y[i])
    elif kind == 2:
        for i in range(n):
            bend[i] = slope[i] * (one - slope[i])
    elif kind == 3:
        for i in range(n):
            bend[i] = zero
    else:
        for i in range(n):
            bend[i] = slope[i] * slope[i] / y[i] - two * y[i] if y[i] > zero else zero


@kernel
def _both_outer(
    g: Reals, at: int, inputs: int, nodes: int, y: Reals, dy: Reals, delta: Reals, turn: Reals, n: int
) -> None:
    """Add the derivatives by the weights and biases of a layer, five nodes at a time."""
    zero, whole = g.dtype.type(0), nodes // 5 * 5
    for k in range(nodes):
        row, total = delta[k], zero
        for i in range(n):
            total += row[i]
        g[at + inputs * nodes + k] += total
    for d in range(inputs):
        u, v, p = y[d], dy[d], at + d * nodes
        for k in range(0, whole, 5):
            e0, e1, e2, e3, e4 = delta[k], delta[k + 1], delta[k + 2], delta[k + 3], delta[k + 4]
            f0, f1, f2, f3, f4 = turn[k], turn[k + 1], turn[k + 2], turn[k + 3], turn[k + 4]
            a0 = a1 = a2 = a3 = a4 = zero
            for i in range(n):
                u0, v0 = u[i], v[i]
                a0 += u0 * e0[i] + v0 * f0[i]
                a1 += u0 * e1[i] + v0 * f1[i]
                a2 += u0 * e2[i] + v0 * f2[i]
                a3 += u0 * e3[i] + v0 * f3[i]
                a4 += u0 * e4[i] + v0 * f4[i]
            for number, total in enumerate((a0, a1, a2, a3, a4)):
                g[p + k + number] += total
        for k in range(whole, nodes):
            e0, f0, a0 = delta[k], turn[k], zero
            for i in range(n):
                a0 += u[i] * e0[i] + v[i] * f0[i]
            g[p + k] += a0


@kernel
def _through(w: Reals, at: int, inputs: int, nodes: int, delta: Reals, out: Reals, n: int) -> None:
    """Write δ Wᵀ, five nodes at a time."""
    whole = nodes // 5 * 5
    for d in range(inputs):
        row, p = out[d], at + d * nodes
        for i in range(n):
            row[i] = 0
        for k in range(0, whole, 5):
            a0, a1, a2, a3, a4 = w[p + k], w[p + k + 1], w[p + k + 2], w[p + k + 3], w[p + k + 4]
            e0, e1, e2, e3, e4 = delta[k], delta[k + 1], delta[k + 2], delta[k + 3], delta[k + 4]
            for i in range(n):
                row[i] += a0 * e0[i] + a1 * e1[i] + a2 * e2[i] + a3 * e3[i] + a4 * e4[i]
        for k in range(whole, nodes):
            a0, e0 = w[p + k], delta[k]
            for i in range(n):
                row[i] += a0 * e0[i]


@kernel
def _weights(shape: Shape) -> int:
    """Return how many weights and biases the layers have; those of a skip follow."""
    total = 0
    for layer in range(len(shape.nodes) - 1):
        total += (shape.nodes[layer] + 1) * shape.nodes[layer + 1]
    return total


@kernel
def _send(shape: Shape, w: Reals, n: int, work: Twice, moving: bool) -> None:
    """Send the n atoms of ``work.x``, and their changes where they move, forward."""
    nodes, layers, at = shape.nodes, len(shape.nodes) - 1, 0
    x, dx = work.x, work.dx
    for layer in range(layers):
        inputs, outputs, y, rate = nodes[layer], nodes[layer + 1], work.y[layer], work.rate[layer]
        _forward(w, at, inputs, outputs, x, y, n)
        if moving:
            _carried(w, at, inputs, outputs, dx, rate, n)
        at += (inputs + 1) * outputs
        if layer < layers - 1:
            for k in range(outputs):
                slope, change = work.slope[layer, k], work.dy[layer, k]
                _activate(shape.activation, y[k], slope, n)
                if moving:
                    _bent(shape.activation, y[k], slope, work.bend[layer, k], n)
                    for i in range(n):
                        change[i] = slope[i] * rate[k, i]
        x, dx = y, work.dy[layer]


@kernel
def _skipped(shape: Shape, w: Reals, at: int, x: Reals, n: int) -> Any:
    """Return what a linear skip adds to the sum over the atoms."""
    total = w.dtype.type(0)
    for d in range(shape.nodes[0]):
        part, row = w.dtype.type(0), x[d]
        for i in range(n):
            part += row[i]
        total += w[at + d] * part
    return total


@kernel
def _return(shape: Shape, w: Reals, n: int, alpha: Any, beta: Any, work: Twice, g: Reals) -> None:
    """Add the derivatives of Σ (α y + β ẏ) over the atoms just sent to ``g``."""
    nodes, layers, at = shape.nodes, len(shape.nodes) - 1, _weights(shape)
    delta, turn, other, another = work.delta[0], work.turn[0], work.delta[1], work.turn[1]
    for i in range(n):
        delta[0, i] = alpha
        turn[0, i] = beta
    if shape.skip:
        for d in range(nodes[0]):
            part, row, change = w.dtype.type(0), work.x[d], work.dx[d]
            for i in range(n):
                part += alpha * row[i] + beta * change[i]
            g[at + d] += part
    for layer in range(layers - 1, -1, -1):
        inputs, outputs = nodes[layer], nodes[layer + 1]
        at -= (inputs + 1) * outputs
        if layer == 0:
            _both_outer(g, at, inputs, outputs, work.x, work.dx, delta, turn, n)
            continue
        _both_outer(g, at, inputs, outputs, work.y[layer - 1], work.dy[layer - 1], delta, turn, n)
        _through(w, at, inputs, outputs, delta, other, n)
        _through(w, at, inputs, outputs, turn, another, n)
        for d in range(inputs):
            slope, bend, rate = work.slope[layer - 1, d], work.bend[layer - 1, d], work.rate[layer - 1, d]
            d0, t0 = other[d], another[d]
            for i in range(n):
                d0[i] = d0[i] * slope[i] + t0[i] * bend[i] * rate[i]
                t0[i] = t0[i] * slope[i]
        delta, other = other, delta
        turn, another = another, turn


@kernel
def _summed(shape: Shape, w: Reals, n: int, work: Twice) -> tuple[Any, Any]:
    """Return Σ y and Σ ẏ of the atoms just sent."""
    last, change = work.y[len(shape.nodes) - 2, 0], work.rate[len(shape.nodes) - 2, 0]
    total, moved = w.dtype.type(0), w.dtype.type(0)
    for i in range(n):
        total += last[i]
        moved += change[i]
    if shape.skip:
        at = _weights(shape)
        total += _skipped(shape, w, at, work.x, n)
        moved += _skipped(shape, w, at, work.dx, n)
    return total, moved


@kernel
def along(shape: Shape, w: Reals, x: Reals, dx: Reals, alpha: Any, beta: Any, work: Twice, g: Reals) -> tuple[Any, Any]:
    """Return Σ y and Σ ẏ of some atoms and add the derivatives of α Σ y + β Σ ẏ by all weights to ``g``.

    Parameters
    ----------
    shape, w
        Network and its weights.
    x, dx : ndarray, shape (D, n)
        y⁰ of the atoms, and its change.
    alpha, beta : float
        α and β.
    work : Twice
        Work space.
    g : ndarray, shape (W,)
        Added to.
    """
    total, moved = w.dtype.type(0), w.dtype.type(0)
    for first in range(0, x.shape[1], TILE):
        n = min(TILE, x.shape[1] - first)
        work.x[:, :n] = x[:, first : first + n]
        work.dx[:, :n] = dx[:, first : first + n]
        _send(shape, w, n, work, True)
        one, other = _summed(shape, w, n, work)
        total += one
        moved += other
        _return(shape, w, n, alpha, beta, work, g)
    return total, moved


@kernel
def input_slopes(shape: Shape, w: Reals, x: Reals, work: Twice, out: Reals) -> Any:
    """Return Σ y of some atoms and write ∂y/∂y⁰ of each, shape (D, n)."""
    nodes, layers, total = shape.nodes, len(shape.nodes) - 1, w.dtype.type(0)
    for first in range(0, x.shape[1], TILE):
        n = min(TILE, x.shape[1] - first)
        work.x[:, :n] = x[:, first : first + n]
        _send(shape, w, n, work, False)
        at = _weights(shape)
        last, delta, other = work.y[layers - 1, 0], work.delta[0], work.delta[1]
        for i in range(n):
            total += last[i]
            delta[0, i] = 1
        if shape.skip:
            total += _skipped(shape, w, at, work.x, n)
        for layer in range(layers - 1, 0, -1):
            at -= (nodes[layer] + 1) * nodes[layer + 1]
            _through(w, at, nodes[layer], nodes[layer + 1], delta, other, n)
            for d in range(nodes[layer]):
                slope, row = work.slope[layer - 1, d], other[d]
                for i in range(n):
                    row[i] *= slope[i]
            delta, other = other, delta
        _through(w, 0, nodes[0], nodes[1], delta, out[:, first : first + n], n)
        if shape.skip:
            for d in range(nodes[0]):
                row, a = out[d], w[_weights(shape) + d]
                for i in range(first, first + n):
                    row[i] += a
    return total


@kernel
def components(
    near: Slopes,
    back: Ints,
    shape: Shape,
    w: Reals,
    x: Reals,
    place: Ints,
    asked: Ints,
    factor: float,
    work: Twice,
    out: Reals,
    begin: int,
    g: Reals,
) -> None:
    """Add an element's share of some force components, and of their derivatives by the weights of its network.

    Only atoms whose functions change when the one atom moves are sent through the network.

    Parameters
    ----------
    near : Slopes
        Of the frame.
    back : ndarray of int
        From :func:`transposed`.
    shape, w
        The element's network and its weights.
    x : ndarray, shape (D, m)
        y⁰ of its m atoms.
    place : ndarray of int, shape (n,)
        Column in ``x`` of each atom of the frame; -1 for those of other elements.
    asked : ndarray of int, shape (q,)
        3 k + axis of each component.
    factor : float
        What Σ ẏ is multiplied by.
    work : Twice
        Work space.
    out : ndarray, shape (q,)
        Added to.
    begin : int
        Where the weights of the element's network begin among all.
    g : ndarray, shape (q, W)
        Added to, from there on.
    """
    for number in range(len(asked)):
        k, axis, own = asked[number] // 3, asked[number] % 3, g[number, begin : begin + len(w)]
        first, end, n = near.border[k], near.border[k + 1], 0
        for p in range(first, end + 1):
            atom = k if p == end else near.other[p]
            if place[atom] < 0:
                continue
            for d in range(len(shape.rows)):
                slopes = near.values[shape.rows[d], axis]
                change = w.dtype.type(0)
                if p == end:
                    for q in range(first, end):
                        change -= slopes[q]
                else:
                    change += slopes[back[p]]
                work.dx[d, n] = change * shape.scale[d]
                work.x[d, n] = x[d, place[atom]]
            n += 1
            if n == TILE:
                out[number] += _component(shape, w, n, factor, work, own)
                n = 0
        if n:
            out[number] += _component(shape, w, n, factor, work, own)


@kernel
def _component(shape: Shape, w: Reals, n: int, factor: float, work: Twice, g: Reals) -> Any:
    """Return factor times Σ ẏ of the atoms in the work space, and add its derivatives to ``g``."""
    _send(shape, w, n, work, True)
    _return(shape, w, n, w.dtype.type(0), w.dtype.type(factor), work, g)
    return factor * _summed(shape, w, n, work)[1]

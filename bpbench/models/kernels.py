r"""Compiled loops of the atomic network: answers of configurations, their derivatives by the weights, an epoch of Adam.

.. math::
    y^0 = \frac{G - a}{b}, \qquad x^l = y^{l-1} W^l + b^l, \qquad y^l = f(x^l), \qquad
    \hat y_c = \frac{1}{n_c} \sum_{i∈c} \bigl(x^L_i \;[\,+\, a·y^0_i\,]\bigr)

with scales, weights and skip of each atom's own element: of K elements there are K networks (:class:`Shapes`), whose
weights follow one another in ``w``, and the sum over a configuration's atoms goes element after element. The factor
1/n_c is that of the whole configuration, so derivatives by an element's weights are sums over its atoms alone.

    δ^L = \frac{1}{n_c}, \qquad δ^{l-1} = (δ^l {W^l}^T) f'(x^{l-1}), \qquad
    \frac{∂\hat y_c}{∂W^l} = \sum_{i∈c} {y^{l-1}_i}^T δ^l_i, \qquad \frac{∂\hat y_c}{∂b^l} = \sum_{i∈c} δ^l_i,
    \qquad \frac{∂\hat y_c}{∂a} = \frac{1}{n_c} \sum_{i∈c} y^0_i

=============  ======================  ===============================
activation     f(x)                    f'(x)
=============  ======================  ===============================
``tanh``       tanh x                  1 - f²
``logistic``   1/(1 + e⁻ˣ)             f (1 - f)
``softplus``   ln(1 + eˣ)              1/(1 + e⁻ˣ)
``relu``       max(0, x)               1 for x > 0, else 0
``gaussian``   e^(-x²)                 -2 x f
=============  ======================  ===============================

(n2p2's letters t, s, p, r; its gaussian is e^(-x²/2).)

A configuration goes through the network in tiles of at most :data:`TILE` atoms, functions along one axis and atoms
along the other, so that every loop runs over atoms on vector units and a tile stays in the cache. Nothing is padded and
networks are not stacked: whatever is trained beside it, a configuration takes the same operations in the same order,
and results do not depend on company, to the last bit. Descriptors are read where they lie (:class:`Table`) and scaled
on the way.

A step of Adam is that of :mod:`bpbench.models.adam`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from bpbench.compiled import Ints, exp, kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Most atoms that go through the network together.
TILE: Final = 256

#: Activations by the number that the kernels know them by.
ACTIVATIONS: Final = ("tanh", "logistic", "softplus", "relu", "gaussian")

#: Real numbers of single or double precision.
Reals = npt.NDArray[Any]


class Table(NamedTuple):
    """Where the descriptors of F configurations lie, the atoms of each element beside one another.

    Entry p = c·K + e holds the atoms of element e in configuration c; function d of its atom i lies at
    ``start[p] + d·stride[p] + i``. An element may be absent from a configuration: its size is 0 there.

    Attributes
    ----------
    values : ndarray, one axis
        Raw descriptors, single or double precision.
    start, stride, size : ndarray of int, shape (F·K,)
        First value of each entry, distance from one function to the next, number of atoms.
    """

    values: Reals
    start: Ints
    stride: Ints
    size: Ints


class Shape(NamedTuple):
    """An atomic network without its weights.

    Attributes
    ----------
    rows : ndarray of int, shape (D,)
        The functions of the table that are its inputs.
    shift, scale : ndarray, shape (D,)
        a and 1/b of each.
    nodes : ndarray of int, shape (L + 1,)
        D, the nodes of the hidden layers, 1.
    activation : int
        Place in :data:`ACTIVATIONS`.
    skip : bool
        Whether there is a linear skip; its D weights follow those of the layers.
    """

    rows: Ints
    shift: Reals
    scale: Reals
    nodes: Ints
    activation: int
    skip: bool


class Shapes(NamedTuple):
    """The networks of K elements without their weights, one after another along each axis.

    One type whatever K is, so that nothing is compiled anew for another number of elements; :func:`shape_of` cuts one
    network out.

    Attributes
    ----------
    rows, shift, scale : ndarray
        As of :class:`Shape`.
    inputs : ndarray of int, shape (K + 1,)
        Where the inputs of each network begin, then their number.
    nodes : ndarray of int
        As of :class:`Shape`.
    depths : ndarray of int, shape (K + 1,)
        Where the nodes of each network begin, then their number.
    begins : ndarray of int, shape (K + 1,)
        Where the weights of each network begin in ``w``, then their number W.
    activation : int
        Place in :data:`ACTIVATIONS`.
    skip : bool
        Whether there are linear skips.
    """

    rows: Ints
    shift: Reals
    scale: Reals
    inputs: Ints
    nodes: Ints
    depths: Ints
    begins: Ints
    activation: int
    skip: bool


class Scratch(NamedTuple):
    """Work space of one replica: inputs, what each layer makes of them, its derivatives, and two rows of δ."""

    x: Reals
    y: Reals
    slope: Reals
    delta: Reals


def weights(shape: Shape) -> int:
    """Return the number of weights of a network."""
    inputs, outputs = shape.nodes[:-1], shape.nodes[1:]
    return int(((inputs + 1) * outputs).sum()) + (int(shape.nodes[0]) if shape.skip else 0)


def join(shapes: Sequence[Shape]) -> Shapes:
    """Return the networks of several elements as one value; activation and skip are those of all."""
    first = shapes[0]
    return Shapes(
        rows=np.concatenate([shape.rows for shape in shapes]),
        shift=np.concatenate([shape.shift for shape in shapes]),
        scale=np.concatenate([shape.scale for shape in shapes]),
        inputs=_begins([len(shape.rows) for shape in shapes]),
        nodes=np.concatenate([shape.nodes for shape in shapes]),
        depths=_begins([len(shape.nodes) for shape in shapes]),
        begins=_begins([weights(shape) for shape in shapes]),
        activation=first.activation,
        skip=first.skip,
    )


def _begins(lengths: Sequence[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def scratch(shapes: Sequence[Shape], dtype: npt.DTypeLike) -> Scratch:
    """Return a work space that serves each of some networks."""
    layers = max(len(shape.nodes) - 1 for shape in shapes)
    widest = max(int(shape.nodes[1:].max()) for shape in shapes)
    return Scratch(
        np.empty((max(len(shape.rows) for shape in shapes), TILE), dtype),
        np.empty((layers, widest, TILE), dtype),
        np.empty((layers, widest, TILE), dtype),
        np.empty((2, widest, TILE), dtype),
    )


@kernel
def shape_of(shapes: Shapes, e: int) -> Any:
    """Return the network of one element."""
    first, last, top, end = shapes.inputs[e], shapes.inputs[e + 1], shapes.depths[e], shapes.depths[e + 1]
    return Shape(
        shapes.rows[first:last],
        shapes.shift[first:last],
        shapes.scale[first:last],
        shapes.nodes[top:end],
        shapes.activation,
        shapes.skip,
    )


@kernel
def size_of(table: Table, c: int, elements: int) -> int:
    """Return the number of all atoms of a configuration."""
    total = 0
    for e in range(elements):
        total += table.size[c * elements + e]
    return total


@kernel
def _load(table: Table, shape: Shape, entry: int, first: int, n: int, x: Reals) -> None:
    """Scale the inputs of some atoms into scratch."""
    for d in range(len(shape.rows)):
        begin = table.start[entry] + shape.rows[d] * table.stride[entry] + first
        raw, a, b, row = table.values[begin : begin + n], shape.shift[d], shape.scale[d], x[d]
        for i in range(n):
            row[i] = (raw[i] - a) * b


@kernel
def weigh(w: Reals, at: int, inputs: int, nodes: int, x: Reals, row: Reals, n: int) -> None:
    """Add all inputs times their weights to one node, four inputs at a time; its weights begin at ``at``."""
    whole = inputs // 4 * 4
    for d in range(0, whole, 4):
        x0, x1, x2, x3 = x[d], x[d + 1], x[d + 2], x[d + 3]
        p = at + d * nodes
        a0, b0, c0, d0 = w[p], w[p + nodes], w[p + 2 * nodes], w[p + 3 * nodes]
        for i in range(n):
            row[i] += a0 * x0[i] + b0 * x1[i] + c0 * x2[i] + d0 * x3[i]
    for d in range(whole, inputs):
        x0, a0 = x[d], w[at + d * nodes]
        for i in range(n):
            row[i] += a0 * x0[i]


@kernel
def _forward(w: Reals, at: int, inputs: int, nodes: int, x: Reals, y: Reals, n: int) -> None:
    """Multiply by the weights of a layer, which begin at ``at``, and add its biases.

    Five nodes and four inputs at a time: as many weights as the registers hold, so that inputs are read seldom.
    """
    biases, whole, five = at + inputs * nodes, inputs // 4 * 4, nodes // 5 * 5
    for k in range(nodes):
        row, b = y[k], w[biases + k]
        for i in range(n):
            row[i] = b
    for k in range(0, five, 5):
        y0, y1, y2, y3, y4 = y[k], y[k + 1], y[k + 2], y[k + 3], y[k + 4]
        for d in range(0, whole, 4):
            x0, x1, x2, x3 = x[d], x[d + 1], x[d + 2], x[d + 3]
            p = at + d * nodes + k
            q, r, s = p + nodes, p + 2 * nodes, p + 3 * nodes
            a0, a1, a2, a3, a4 = w[p], w[p + 1], w[p + 2], w[p + 3], w[p + 4]
            b0, b1, b2, b3, b4 = w[q], w[q + 1], w[q + 2], w[q + 3], w[q + 4]
            c0, c1, c2, c3, c4 = w[r], w[r + 1], w[r + 2], w[r + 3], w[r + 4]
            d0, d1, d2, d3, d4 = w[s], w[s + 1], w[s + 2], w[s + 3], w[s + 4]
            for i in range(n):
                u0, u1, u2, u3 = x0[i], x1[i], x2[i], x3[i]
                y0[i] += a0 * u0 + b0 * u1 + c0 * u2 + d0 * u3
                y1[i] += a1 * u0 + b1 * u1 + c1 * u2 + d1 * u3
                y2[i] += a2 * u0 + b2 * u1 + c2 * u2 + d2 * u3
                y3[i] += a3 * u0 + b3 * u1 + c3 * u2 + d3 * u3
                y4[i] += a4 * u0 + b4 * u1 + c4 * u2 + d4 * u3
        for d in range(whole, inputs):
            row, p = x[d], at + d * nodes + k
            a0, a1, a2, a3, a4 = w[p], w[p + 1], w[p + 2], w[p + 3], w[p + 4]
            for i in range(n):
                u0 = row[i]
                y0[i] += a0 * u0
                y1[i] += a1 * u0
                y2[i] += a2 * u0
                y3[i] += a3 * u0
                y4[i] += a4 * u0
    for k in range(five, nodes):
        weigh(w, at + k, inputs, nodes, x, y[k], n)


@kernel
def _activate(kind: int, y: Reals, slope: Reals, n: int) -> None:
    """Replace x by f(x) and write f'(x)."""
    zero, one, two = y.dtype.type(0), y.dtype.type(1), y.dtype.type(2)
    if kind == 0:
        for i in range(n):
            t = exp(-two * abs(y[i]))
            t = (one - t) / (one + t)
            y[i] = t if y[i] >= zero else -t
            slope[i] = one - t * t
    elif kind == 1:
        for i in range(n):
            t = exp(-abs(y[i]))
            t = (one if y[i] >= zero else t) / (one + t)
            y[i] = t
            slope[i] = t * (one - t)
    elif kind == 2:
        for i in range(n):
            t = exp(-abs(y[i]))
            slope[i] = (one if y[i] >= zero else t) / (one + t)
            y[i] = max(y[i], zero) + np.log1p(t)
    elif kind == 3:
        for i in range(n):
            slope[i] = one if y[i] > zero else zero
            y[i] = max(y[i], zero)
    else:
        for i in range(n):
            t = exp(-y[i] * y[i])
            slope[i] = -two * y[i] * t
            y[i] = t


@kernel
def _outer(g: Reals, at: int, inputs: int, nodes: int, x: Reals, delta: Reals, n: int) -> None:
    """Add x δᵀ to the derivatives by a layer's weights and δ to those by its biases; in blocks as :func:`_forward`."""
    zero, whole, five = g.dtype.type(0), inputs // 4 * 4, nodes // 5 * 5
    for k in range(nodes):
        row, total = delta[k], zero
        for i in range(n):
            total += row[i]
        g[at + inputs * nodes + k] += total
    for k in range(0, five, 5):
        e0, e1, e2, e3, e4 = delta[k], delta[k + 1], delta[k + 2], delta[k + 3], delta[k + 4]
        for d in range(0, whole, 4):
            x0, x1, x2, x3 = x[d], x[d + 1], x[d + 2], x[d + 3]
            a0 = a1 = a2 = a3 = a4 = b0 = b1 = b2 = b3 = b4 = zero
            c0 = c1 = c2 = c3 = c4 = d0 = d1 = d2 = d3 = d4 = zero
            for i in range(n):
                u0, u1, u2, u3 = x0[i], x1[i], x2[i], x3[i]
                f0, f1, f2, f3, f4 = e0[i], e1[i], e2[i], e3[i], e4[i]
                a0 += u0 * f0
                a1 += u0 * f1
                a2 += u0 * f2
                a3 += u0 * f3
                a4 += u0 * f4
                b0 += u1 * f0
                b1 += u1 * f1
                b2 += u1 * f2
                b3 += u1 * f3
                b4 += u1 * f4
                c0 += u2 * f0
                c1 += u2 * f1
                c2 += u2 * f2
                c3 += u2 * f3
                c4 += u2 * f4
                d0 += u3 * f0
                d1 += u3 * f1
                d2 += u3 * f2
                d3 += u3 * f3
                d4 += u3 * f4
            p = at + d * nodes + k
            for place, sums in enumerate(
                ((a0, a1, a2, a3, a4), (b0, b1, b2, b3, b4), (c0, c1, c2, c3, c4), (d0, d1, d2, d3, d4))
            ):
                for number in range(5):
                    g[p + place * nodes + number] += sums[number]
        for d in range(whole, inputs):
            row, p = x[d], at + d * nodes + k
            a0 = a1 = a2 = a3 = a4 = zero
            for i in range(n):
                u0 = row[i]
                a0 += u0 * e0[i]
                a1 += u0 * e1[i]
                a2 += u0 * e2[i]
                a3 += u0 * e3[i]
                a4 += u0 * e4[i]
            for number, total in enumerate((a0, a1, a2, a3, a4)):
                g[p + number] += total
    for k in range(five, nodes):
        e0 = delta[k]
        for d in range(0, whole, 4):
            x0, x1, x2, x3 = x[d], x[d + 1], x[d + 2], x[d + 3]
            a0 = b0 = c0 = d0 = zero
            for i in range(n):
                f0 = e0[i]
                a0 += x0[i] * f0
                b0 += x1[i] * f0
                c0 += x2[i] * f0
                d0 += x3[i] * f0
            p = at + d * nodes + k
            for place, total in enumerate((a0, b0, c0, d0)):
                g[p + place * nodes] += total
        for d in range(whole, inputs):
            row, total = x[d], zero
            for i in range(n):
                total += row[i] * e0[i]
            g[at + d * nodes + k] += total


@kernel
def _backward(w: Reals, at: int, inputs: int, nodes: int, delta: Reals, slope: Reals, out: Reals, n: int) -> None:
    """Write (δ Wᵀ) f' of the layer before, five nodes at a time."""
    for d in range(inputs):
        row, f, p = out[d], slope[d], at + d * nodes
        for i in range(n):
            row[i] = 0
        whole = nodes // 5 * 5
        for k in range(0, whole, 5):
            a0, a1, a2, a3, a4 = w[p + k], w[p + k + 1], w[p + k + 2], w[p + k + 3], w[p + k + 4]
            e0, e1, e2, e3, e4 = delta[k], delta[k + 1], delta[k + 2], delta[k + 3], delta[k + 4]
            for i in range(n):
                row[i] += a0 * e0[i] + a1 * e1[i] + a2 * e2[i] + a3 * e3[i] + a4 * e4[i]
        for k in range(whole, nodes):
            a0, e0 = w[p + k], delta[k]
            for i in range(n):
                row[i] += a0 * e0[i]
        for i in range(n):
            row[i] *= f[i]


@kernel
def _tile(table: Table, shape: Shape, entry: int, first: int, n: int, w: Reals, work: Scratch) -> Any:
    """Send some atoms of one element forward through its weights ``w`` and return the sum of their answers."""
    x, nodes, layers, at = work.x, shape.nodes, len(shape.nodes) - 1, 0
    _load(table, shape, entry, first, n, x)
    for layer in range(layers):
        inputs, outputs, y = nodes[layer], nodes[layer + 1], work.y[layer]
        _forward(w, at, inputs, outputs, x, y, n)
        at += (inputs + 1) * outputs
        if layer < layers - 1:
            for k in range(outputs):
                _activate(shape.activation, y[k], work.slope[layer, k], n)
        x = y
    total, last = w.dtype.type(0), work.y[layers - 1, 0]
    for i in range(n):
        total += last[i]
    if shape.skip:
        for d in range(nodes[0]):
            part, row = w.dtype.type(0), work.x[d]
            for i in range(n):
                part += row[i]
            total += w[at + d] * part
    return total


@kernel
def answer(table: Table, shapes: Shapes, c: int, w: Reals, work: Scratch) -> Any:
    """Return ŷ_c."""
    elements, total = len(shapes.begins) - 1, w.dtype.type(0)
    for e in range(elements):
        entry, shape, own = c * elements + e, shape_of(shapes, e), w[shapes.begins[e] : shapes.begins[e + 1]]
        size = table.size[entry]
        for first in range(0, size, TILE):
            total += _tile(table, shape, entry, first, min(TILE, size - first), own, work)
    return total / w.dtype.type(size_of(table, c, elements))


@kernel
def answers(table: Table, shapes: Shapes, members: Ints, w: Reals, work: Scratch, out: Reals) -> None:
    """Write ŷ of some configurations."""
    for number in range(len(members)):
        out[number] = answer(table, shapes, members[number], w, work)


@kernel
def _back(shape: Shape, n: int, each: Any, w: Reals, work: Scratch, g: Reals) -> None:
    """Add the derivatives by a network's weights of the tile that went forward last, ``each`` times its answers."""
    nodes, layers = shape.nodes, len(shape.nodes) - 1
    delta, other = work.delta[0], work.delta[1]
    last = delta[0]
    for i in range(n):
        last[i] = each
    at = 0
    for layer in range(layers):
        at += (nodes[layer] + 1) * nodes[layer + 1]
    if shape.skip:
        for d in range(nodes[0]):
            part, row = w.dtype.type(0), work.x[d]
            for i in range(n):
                part += row[i]
            g[at + d] += part * each
    for layer in range(layers - 1, -1, -1):
        inputs, outputs = nodes[layer], nodes[layer + 1]
        at -= (inputs + 1) * outputs
        before = work.x if layer == 0 else work.y[layer - 1]
        _outer(g, at, inputs, outputs, before, delta, n)
        if layer > 0:
            _backward(w, at, inputs, outputs, delta, work.slope[layer - 1], other, n)
            delta, other = other, delta


@kernel
def _slopes(table: Table, shapes: Shapes, c: int, w: Reals, work: Scratch, g: Reals) -> Any:
    """Return ŷ_c and write its derivatives by all weights."""
    elements, total, one = len(shapes.begins) - 1, w.dtype.type(0), w.dtype.type(1)
    whole = w.dtype.type(size_of(table, c, elements))
    each = one / whole
    g[:] = 0
    for e in range(elements):
        entry, shape = c * elements + e, shape_of(shapes, e)
        begin, end, size = shapes.begins[e], shapes.begins[e + 1], table.size[entry]
        for first in range(0, size, TILE):
            n = min(TILE, size - first)
            total += _tile(table, shape, entry, first, n, w[begin:end], work)
            _back(shape, n, each, w[begin:end], work, g[begin:end])
    return total / whole


@kernel
def slopes(table: Table, shapes: Shapes, members: Ints, w: Reals, work: Scratch, out: Reals, g: Reals) -> None:
    """Write ŷ of some configurations and its derivatives by all weights, a row of ``g`` for each."""
    for number in range(len(members)):
        out[number] = _slopes(table, shapes, members[number], w, work, g[number])


class Moments(NamedTuple):
    """What Adam keeps: m, v, the cost's gradient, and a configuration's derivatives; one number for each weight."""

    first: Reals
    second: Reals
    gradient: Reals
    slope: Reals


@kernel
def adam_epoch(
    table: Table,
    shapes: Shapes,
    order: Ints,
    target: Reals,
    w: Reals,
    kept: Moments,
    rates: Reals,
    constants: Reals,
    decay: Reals,
    work: Scratch,
) -> Any:
    """Take the steps of one epoch, in place; return the sum of (ŷ - y)² as each configuration was met.

    Parameters
    ----------
    table, shapes
        Descriptors and networks.
    order : ndarray of int, shape (batches, batch)
        Configurations of each batch, filled up with -1.
    target : ndarray, shape (F,)
        Standardised energies per atom of all configurations of the table.
    w : ndarray, shape (W,)
        Weights.
    kept : Moments
        Of the steps before.
    rates : ndarray, shape (batches,)
        α_t.
    constants : ndarray, shape (3,)
        β_1, β_2, ε.
    decay : ndarray, shape (W,)
        Learning rate times weight decay.
    work : Scratch
        Work space.
    """
    one, total = w.dtype.type(1), w.dtype.type(0)
    beta_1, beta_2, epsilon = constants
    first, second, gradient, slope = kept
    for batch in range(len(order)):
        gradient[:] = 0
        count = 0
        for place in range(order.shape[1]):
            c = order[batch, place]
            if c < 0:
                continue
            error = _slopes(table, shapes, c, w, work, slope) - target[c]
            total += error * error
            for k in range(len(w)):
                gradient[k] += error * slope[k]
            count += 1
        share, rate = one / w.dtype.type(count), rates[batch]
        for k in range(len(w)):
            g = gradient[k] * share
            first[k] += (one - beta_1) * (g - first[k])
            second[k] += (one - beta_2) * (g * g - second[k])
            w[k] -= decay[k] * w[k] + rate * first[k] / (np.sqrt(second[k]) + epsilon)
    return total

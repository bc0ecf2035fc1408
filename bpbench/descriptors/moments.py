r"""Compiled G5 by moments: sums over pairs of neighbours at the cost of a sum over neighbours.

G5 has no R_jk, so with the expansion of :mod:`bpbench.descriptors.plan` and the addition theorem of Legendre
polynomials its double sum over all j and k (j = k too) factorises exactly:

.. math::

    \sum_{jk} g_j g'_k P_l(\cos\theta_{jk}) = \sum_{m=0}^{l} \left(A_{lm} A'_{lm} + B_{lm} B'_{lm}\right),\qquad
    A_{lm} + \mathrm i B_{lm} = \sum_j g_j\, Q_{lm}(z_j)\, (x_j + \mathrm i y_j)^m

.. math::

    G^5 = \tfrac12 \sum_l c_l \lambda^l \sum_m (A_{lm}^2 + B_{lm}^2)
          - \tfrac12\, 2^{1-\zeta}(1+\lambda)^\zeta \sum_j g_j^2

for one channel, and without the halves and the last sum for two channels, whose neighbours differ in kind.

============  ===================  =========================================================================
symbol        name                 meaning
============  ===================  =========================================================================
(x, y, z)_j   ``u``                unit vector to neighbour j
g_j           ``g[c]``             exp(-η(r_j-R_s)²) f_c(r_j) of channel c
Q_lm(z)       ``Q[l]``             associated Legendre function over sinᵐθ, Schmidt's semi-normalisation:
                                   √((2-δ_m0)(l-m)!/(l+m)!) P_lm; Q_00 = Q_11 = 1,
                                   √(l²-m²) Q_lm = (2l-1) z Q_{l-1,m} - √((l-1)²-m²) Q_{l-2,m}
(x + iy)^m    ``C``, ``S``         its real and imaginary part
A, B          ``M[c]``, ``M[n+c]`` moments of channel c, at column :math:`m(2L+3-m)/2 + l - m`
c_l λˡ        ``series``           see plan
============  ===================  =========================================================================

The terms of the sum over l are as large as (Σ_j g_j)² even where G5 itself is not: for λ = -1, a large ζ and a few
neighbours almost behind each other they cancel, and their rounding, a few 10⁻¹⁶ of that square, would be all that is
left. An atom of which any function lies below :data:`DOUBT` of its square is therefore marked and evaluated by
triplets instead; so is an atom with few neighbours, where triplets are faster.

Same idea, other functions: ACE (Drautz 2019), SOAP (Bartók et al. 2013), RANN in LAMMPS (Dickel et al. 2020).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bpbench.compiled import Floats, Ints, exp, kernel
from bpbench.descriptors.elementary import LANES, Cut, Motion, Near, Pull, cutoffs, slopes
from bpbench.descriptors.radial import load, widest

if TYPE_CHECKING:
    import numpy.typing as npt

    from bpbench.descriptors.plan import Moments

#: Smallest share of (Σ_j g_j)(Σ_k g'_k) that a value may be: its relative error then stays below 10⁻¹¹ (3·10⁻¹² is the
#: largest found in 27,000 drawn surroundings), that of derivatives below the same share of the atom's largest.
DOUBT: float = 1e-3


@kernel
def _directions(border: Ints, unit: Floats, i: int, kind: int, u: Floats) -> None:
    begin, end = border[i, kind], border[i, kind + 1]
    for axis in range(3):
        for j in range(end - begin):
            u[axis, j] = unit[axis, begin + j]
        for j in range(end - begin, (end - begin + LANES - 1) // LANES * LANES):
            u[axis, j] = 0.0


@kernel
def _factors(asked: Moments, kind: int, r: Floats, f: Floats, count: int, g: Floats) -> None:
    for c in range(asked.own[kind], asked.own[kind + 1]):
        for j in range(count):
            off = r[j] - asked.r_s[c]
            g[c, j] = exp(-asked.eta[c] * off * off) * f[j]


@kernel
def _turn(m: int, u: Floats, count: int, C: Floats, S: Floats) -> None:
    """Take (x + iy)^(m-1) to (x + iy)^m; m = 0 starts."""
    for j in range(count):
        if m == 0:
            C[j], S[j] = 1.0, 0.0
        else:
            C[j], S[j] = C[j] * u[0, j] - S[j] * u[1, j], C[j] * u[1, j] + S[j] * u[0, j]


@kernel
def _legendre(asked: Moments, m: int, z: Floats, count: int, Q: Floats) -> None:
    """Write Q_lm(z) for l = m … L into ``Q[l]``."""
    top = len(asked.corner) - 1
    for j in range(count):
        Q[m, j] = asked.corner[m]
    if m < top:
        rise = asked.rise[m + 1, m]
        for j in range(count):
            Q[m + 1, j] = rise * z[j] * Q[m, j]
    for l in range(m + 2, top + 1):
        rise, fall = asked.rise[l, m], asked.fall[l, m]
        for j in range(count):
            Q[l, j] = rise * z[j] * Q[l - 1, j] - fall * Q[l - 2, j]


@kernel
def _legendre_slopes(asked: Moments, m: int, z: Floats, count: int, Q: Floats, D: Floats) -> None:
    """Write dQ_lm/dz for l = m … L into ``D[l]``."""
    top = len(asked.corner) - 1
    for j in range(count):
        D[m, j] = 0.0
    if m < top:
        rise = asked.rise[m + 1, m]
        for j in range(count):
            D[m + 1, j] = rise * Q[m, j]
    for l in range(m + 2, top + 1):
        rise, fall = asked.rise[l, m], asked.fall[l, m]
        for j in range(count):
            D[l, j] = rise * (Q[l - 1, j] + z[j] * D[l - 1, j]) - fall * D[l - 2, j]


@kernel
def _dots(rows: int, A: Floats, q: Floats, count: int, sums: Floats) -> None:
    """Write Σ_j A[row, j] q_j for the first rows into ``sums``; four at a time share each load of q."""
    for row in range(0, rows, 4):
        a0, a1, a2, a3 = A[row], A[row + 1], A[row + 2], A[row + 3]
        s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
        for j in range(count):
            s0 += q[j] * a0[j]
            s1 += q[j] * a1[j]
            s2 += q[j] * a2[j]
            s3 += q[j] * a3[j]
        sums[row], sums[row + 1], sums[row + 2], sums[row + 3] = s0, s1, s2, s3


@kernel
def _column(top: int, m: int) -> int:
    """Return the column of (l, m) = (m, m); those of larger l follow."""
    return int(m * (2 * top + 3 - m) // 2)


class Scratch(NamedTuple):
    """Rows over the neighbours of one kind: direction, radial factors, turned direction, Legendre functions, products.

    Attributes
    ----------
    r, f : ndarray, shape (size,)
        Distances (Å) and the cutoff function there.
    u : ndarray, shape (3, size)
        Directions.
    g : ndarray, shape (c, size)
        Radial factors.
    C, S : ndarray, shape (size,)
        Real and imaginary part of (x + iy)^m.
    Q : ndarray, shape (L + 1, size)
        Legendre functions of one m.
    A : ndarray, shape (2c + 4, size)
        Factors of the moments of one m.
    sums : ndarray, shape (2c + 4,)
        Moments of one (l, m).
    """

    r: Floats
    f: Floats
    u: Floats
    g: Floats
    C: Floats
    S: Floats
    Q: Floats
    A: Floats
    sums: Floats


@kernel
def _scratch(channels: int, top: int, size: int) -> Scratch:
    return Scratch(
        np.empty(size),
        np.empty(size),
        np.empty((3, size)),
        np.empty((channels, size)),
        np.empty(size),
        np.empty(size),
        np.empty((top + 1, size)),
        # Four rows are multiplied at a time, so there must be some beyond the last.
        np.zeros((2 * channels + 4, size)),
        np.empty(2 * channels + 4),
    )


@kernel
def _open(near: Near, cut: Cut, asked: Moments, i: int, kind: int, rows: Scratch) -> int:
    """Fill distances, directions and radial factors of one centre's neighbours of one kind; return how many rows."""
    count = load(near, i, kind, cut.r_c, rows.r)
    _directions(near.border, near.unit, i, kind, rows.u)
    cutoffs(cut, rows.r, count, rows.f)
    _factors(asked, kind, rows.r, rows.f, count, rows.g)
    return count


@kernel
def _gather(asked: Moments, kind: int, count: int, rows: Scratch, M: Floats) -> None:
    """Write the moments of all channels of one kind into ``M``."""
    _, _, u, g, C, S, Q, A, sums = rows
    begin, channels, top = asked.own[kind], asked.own[kind + 1] - asked.own[kind], len(asked.corner) - 1
    total = len(asked.eta)
    for m in range(top + 1):
        _turn(m, u, count, C, S)
        _legendre(asked, m, u[2], count, Q)
        for c in range(channels):
            for j in range(count):
                A[c, j] = g[begin + c, j] * C[j]
                A[channels + c, j] = g[begin + c, j] * S[j]
        column = _column(top, m)
        for l in range(m, top + 1):
            _dots(2 * channels, A, Q[l], count, sums)
            for c in range(channels):
                M[begin + c, column + l - m] = sums[c]
                M[total + begin + c, column + l - m] = sums[channels + c]


@kernel
def _powers(asked: Moments, left: Floats, right: Floats, power: Floats) -> None:
    """Write Σ_m (A A' + B B') of each pair of channels and each l into ``power``."""
    top, total = len(asked.corner) - 1, len(asked.eta)
    for q in range(len(asked.left)):
        a, b = asked.left[q], asked.right[q]
        power[q, :] = 0.0
        for m in range(top + 1):
            column = _column(top, m) - m
            for l in range(m, top + 1):
                power[q, l] += (
                    left[a, column + l] * right[b, column + l]
                    + left[total + a, column + l] * right[total + b, column + l]
                )


@kernel
def moments(
    near: Near,
    cut: Cut,
    asked: Moments,
    first: int,
    last: int,
    out: Floats,
    doubtful: npt.NDArray[np.bool_],
) -> None:
    """Evaluate G5 of centres ``first`` to ``last`` (excluded) into ``out[asked.rows]``, or mark them for triplets.

    Parameters
    ----------
    near : Near
        Neighbours.
    cut : Cut
        Cutoff function.
    asked : Moments
        f functions.
    first, last : int
        Centres.
    out : ndarray, shape (D, n)
        Written in place, for marked centres perhaps with nonsense.
    doubtful : ndarray of bool, shape (n,)
        Set where triplets must be taken.
    """
    size, kinds, top, total = (
        widest(near.border, first, last),
        len(asked.own) - 1,
        len(asked.corner) - 1,
        len(asked.eta),
    )
    rows = _scratch(total, top, size)
    g = rows.g
    M, power = np.zeros((2 * total, _column(top, top) + 1)), np.empty((len(asked.left), top + 1))
    sum_g, sum_gg = np.empty(total), np.empty(total)
    for i in range(first, last):
        neighbours = near.border[i, -1] - near.border[i, 0]
        if neighbours * (neighbours - 1) // 2 < asked.few:
            doubtful[i] = True
            continue
        for kind in range(kinds):
            if asked.own[kind] == asked.own[kind + 1]:
                continue
            count = _open(near, cut, asked, i, kind, rows)
            for c in range(asked.own[kind], asked.own[kind + 1]):
                one, two = 0.0, 0.0
                for j in range(count):
                    one += g[c, j]
                    two += g[c, j] * g[c, j]
                sum_g[c], sum_gg[c] = one, two
            _gather(asked, kind, count, rows, M)
        _powers(asked, M, M, power)
        for row in range(len(asked.rows)):
            q = asked.pair[row]
            value = 0.0
            for l in range(top + 1):
                value += asked.series[row, l] * power[q, l]
            value -= asked.same[row] * sum_gg[asked.left[q]]
            out[asked.rows[row], i] = value
            if value < DOUBT * sum_g[asked.left[q]] * sum_g[asked.right[q]]:
                doubtful[i] = True


@kernel
def moments_adjoint(
    near: Near,
    cut: Cut,
    asked: Moments,
    first: int,
    last: int,
    doubtful: npt.NDArray[np.bool_],
    weights: Floats,
    pull: Pull,
) -> None:
    """Add the derivatives of Σ_f w_f G5_f by each neighbour's distance and direction to ``pull``.

    With H = ∂(Σ_f w_f G5_f)/∂A of each channel, and likewise for B, the derivative by g_j is Σ_lm H_lm Q_lm C_m + …,
    that by the direction Σ_c g_c Σ_lm H_lm ∇(Q_lm C_m) + …: one more sum of the same size each, no Jacobian.

    Parameters
    ----------
    near, cut, asked, first, last
        As for :func:`moments`.
    doubtful : ndarray of bool, shape (n,)
        Centres to pass over.
    weights : ndarray, shape (D, n)
        w.
    pull : Pull
        Added to in place.
    """
    size, kinds, top, total = (
        widest(near.border, first, last),
        len(asked.own) - 1,
        len(asked.corner) - 1,
        len(asked.eta),
    )
    rows = _scratch(total, top, size)
    r, f, u, g, C, S, Q, _, _ = rows
    slope, c_before, s_before, D = np.empty(size), np.empty(size), np.empty(size), np.empty((top + 1, size))
    columns = _column(top, top) + 1
    M, H = np.zeros((2 * total, columns)), np.empty((2 * total, columns))
    U = np.empty((len(asked.left), top + 1))
    itself = np.empty(total)
    by_g, plain, tilted = np.empty((total, size)), np.empty((2, size)), np.empty((2, size))
    row_plain, row_tilted = np.empty(size), np.empty(size)
    for i in range(first, last):
        if doubtful[i]:
            continue
        for kind in range(kinds):
            if asked.own[kind] < asked.own[kind + 1]:
                count = _open(near, cut, asked, i, kind, rows)
                _gather(asked, kind, count, rows, M)
        U[:] = 0.0
        itself[:] = 0.0
        for row in range(len(asked.rows)):
            w, q = weights[asked.rows[row], i], asked.pair[row]
            for l in range(top + 1):
                U[q, l] += w * asked.series[row, l]
            itself[asked.left[q]] += 2.0 * w * asked.same[row]
        H[:] = 0.0
        for q in range(len(asked.left)):
            a, b = asked.left[q], asked.right[q]
            for m in range(top + 1):
                column = _column(top, m) - m
                for l in range(m, top + 1):
                    for part in (0, total):
                        # For a = b both lines add to the same moment, which is the derivative of its square.
                        H[part + a, column + l] += U[q, l] * M[part + b, column + l]
                        H[part + b, column + l] += U[q, l] * M[part + a, column + l]
        for kind in range(kinds):
            begin, end = asked.own[kind], asked.own[kind + 1]
            if begin == end:
                continue
            count = _open(near, cut, asked, i, kind, rows)
            slopes(cut, r, count, f, slope)
            for c in range(begin, end):
                for j in range(count):
                    by_g[c, j] = -itself[c] * g[c, j]
            at = near.border[i, kind]
            for m in range(top + 1):
                c_before[:count] = C[:count]
                s_before[:count] = S[:count]
                _turn(m, u, count, C, S)
                _legendre(asked, m, u[2], count, Q)
                _legendre_slopes(asked, m, u[2], count, Q, D)
                plain[:, :count] = 0.0
                tilted[:, :count] = 0.0
                column = _column(top, m)
                for c in range(begin, end):
                    for part in range(1 if m == 0 else 2):
                        _combine(H[part * total + c, column : column + top + 1 - m], Q[m:], count, row_plain)
                        _combine(H[part * total + c, column : column + top + 1 - m], D[m:], count, row_tilted)
                        turned = C if part == 0 else S
                        for j in range(count):
                            by_g[c, j] += row_plain[j] * turned[j]
                            plain[part, j] += g[c, j] * row_plain[j]
                            tilted[part, j] += g[c, j] * row_tilted[j]
                for j in range(near.border[i, kind + 1] - at):
                    pull.across[2, at + j] += tilted[0, j] * C[j] + tilted[1, j] * S[j]
                if m > 0:
                    for j in range(near.border[i, kind + 1] - at):
                        pull.across[0, at + j] += m * (plain[0, j] * c_before[j] + plain[1, j] * s_before[j])
                        pull.across[1, at + j] += m * (plain[1, j] * c_before[j] - plain[0, j] * s_before[j])
            for c in range(begin, end):
                for j in range(near.border[i, kind + 1] - at):
                    off = r[j] - asked.r_s[c]
                    change = exp(-asked.eta[c] * off * off) * slope[j] - 2.0 * asked.eta[c] * off * g[c, j]
                    pull.along[at + j] += by_g[c, j] * change


@kernel
def _combine(h: Floats, Q: Floats, count: int, out: Floats) -> None:
    """Write Σ_l h_l Q[l, j] into ``out``; four rows at a time share each load and store of it."""
    out[:count] = 0.0
    whole = len(h) // 4 * 4
    for l in range(0, whole, 4):
        q0, q1, q2, q3 = Q[l], Q[l + 1], Q[l + 2], Q[l + 3]
        h0, h1, h2, h3 = h[l], h[l + 1], h[l + 2], h[l + 3]
        for j in range(count):
            out[j] += h0 * q0[j] + h1 * q1[j] + h2 * q2[j] + h3 * q3[j]
    for l in range(whole, len(h)):
        q0, h0 = Q[l], h[l]
        for j in range(count):
            out[j] += h0 * q0[j]


@kernel
def moments_tangent(
    near: Near,
    cut: Cut,
    asked: Moments,
    first: int,
    last: int,
    doubtful: npt.NDArray[np.bool_],
    motion: Motion,
    out: Floats,
) -> None:
    """Write the change of G5 under a change of all distances and directions into ``out[asked.rows]``.

    Parameters
    ----------
    near, cut, asked, first, last, doubtful
        As for :func:`moments_adjoint`.
    motion : Motion
        The change.
    out : ndarray, shape (D, n)
        Written in place.
    """
    size, kinds, top, total = (
        widest(near.border, first, last),
        len(asked.own) - 1,
        len(asked.corner) - 1,
        len(asked.eta),
    )
    rows = _scratch(total, top, size)
    r, f, u, g, C, S, Q, A, sums = rows
    slope, c_before, s_before, change = np.empty(size), np.empty(size), np.empty(size), np.empty(size)
    du, dg, D = np.empty((3, size)), np.empty((total, size)), np.empty((top + 1, size))
    columns = _column(top, top) + 1
    M, dM = np.zeros((2 * total, columns)), np.zeros((2 * total, columns))
    power, other = np.empty((len(asked.left), top + 1)), np.empty((len(asked.left), top + 1))
    itself = np.zeros(total)
    for i in range(first, last):
        if doubtful[i]:
            continue
        for kind in range(kinds):
            begin, channels = asked.own[kind], asked.own[kind + 1] - asked.own[kind]
            if channels == 0:
                continue
            count = _open(near, cut, asked, i, kind, rows)
            _directions(near.border, motion.turn, i, kind, du)
            slopes(cut, r, count, f, slope)
            at = near.border[i, kind]
            change[:count] = 0.0
            for j in range(near.border[i, kind + 1] - at):
                change[j] = motion.rate[at + j]
            for c in range(begin, begin + channels):
                for j in range(count):
                    off = r[j] - asked.r_s[c]
                    e = exp(-asked.eta[c] * off * off)
                    dg[c, j] = (e * slope[j] - 2.0 * asked.eta[c] * off * g[c, j]) * change[j]
                both = 0.0
                for j in range(count):
                    both += g[c, j] * dg[c, j]
                itself[c] = 2.0 * both
            _gather(asked, kind, count, rows, M)
            for m in range(top + 1):
                c_before[:count] = C[:count]
                s_before[:count] = S[:count]
                _turn(m, u, count, C, S)
                _legendre(asked, m, u[2], count, Q)
                _legendre_slopes(asked, m, u[2], count, Q, D)
                column = _column(top, m)
                for c in range(channels):
                    for j in range(count):
                        A[c, j] = dg[begin + c, j] * C[j]
                        A[channels + c, j] = dg[begin + c, j] * S[j]
                    if m > 0:
                        for j in range(count):
                            dC = m * (c_before[j] * du[0, j] - s_before[j] * du[1, j])
                            dS = m * (s_before[j] * du[0, j] + c_before[j] * du[1, j])
                            A[c, j] += g[begin + c, j] * dC
                            A[channels + c, j] += g[begin + c, j] * dS
                for l in range(m, top + 1):
                    _dots(2 * channels, A, Q[l], count, sums)
                    for c in range(channels):
                        dM[begin + c, column + l - m] = sums[c]
                        dM[total + begin + c, column + l - m] = sums[channels + c]
                for c in range(channels):
                    for j in range(count):
                        A[c, j] = g[begin + c, j] * C[j] * du[2, j]
                        A[channels + c, j] = g[begin + c, j] * S[j] * du[2, j]
                for l in range(m + 1, top + 1):
                    _dots(2 * channels, A, D[l], count, sums)
                    for c in range(channels):
                        dM[begin + c, column + l - m] += sums[c]
                        dM[total + begin + c, column + l - m] += sums[channels + c]
        _powers(asked, M, dM, power)
        _powers(asked, dM, M, other)
        for row in range(len(asked.rows)):
            q = asked.pair[row]
            value = 0.0
            for l in range(top + 1):
                value += asked.series[row, l] * (power[q, l] + other[q, l])
            out[asked.rows[row], i] = value - asked.same[row] * itself[asked.left[q]]

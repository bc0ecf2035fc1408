r"""How many of a trajectory's frames are worth one independent frame: the integrated autocorrelation time.

.. math::

    \rho(t) = \frac{\sum_{i=1}^{N-t} (x_i - \bar x)(x_{i+t} - \bar x)}{\sum_{i=1}^{N} (x_i - \bar x)^2}, \qquad
    \tau(M) = 1 + 2 \sum_{t=1}^{M} \rho(t), \qquad
    \frac{\sigma(\tau)}{\tau} \approx \sqrt{\frac{2 (2M + 1)}{N}}

with the smallest window :math:`M \geq c\,\tau(M)`.

=========  ===================  ==============================================================================
symbol     name in code         meaning
=========  ===================  ==============================================================================
x_i        ``series``           value in frame i, one column or several
N          ``frames``           number of frames
ρ(t)       ``correlation``      autocorrelation at a distance of t frames
τ          ``tau``              integrated autocorrelation time, in frames: the mean of N frames is as uncertain
                                as that of N/τ independent ones
M          ``window``           where the sum ends: further terms bring noise and nothing else
c          ``WINDOW``           5, as Sokal advises
σ(τ)       ``error``            standard error of τ, for a window much longer than τ
=========  ===================  ==============================================================================

The window is that of Madras and Sokal (J. Stat. Phys. 50, 109, 1988, appendix C), as in Sokal's lecture notes (Monte
Carlo methods in statistical mechanics, 1996), whence also the error. Conventions differ: they and the literature of
lattice theory write τ_int = ½ + Σρ, which is half of this τ; emcee has this τ; pymbar calls it the statistical
inefficiency g = 1 + 2τ and sums with weights 1 - t/N up to the first negative term. Geyer's initial sequences need a
reversible chain, which the energies of a trajectory with velocities are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from bpbench.errors import StatisticsError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: c of the automatic window.
WINDOW: Final = 5.0
#: Below so many times τ an estimate of τ says little: it is then more often far too small than not.
ENOUGH: Final = 50
#: A column whose values lie no further apart than this share of their size is constant but for rounding.
ROUNDING: Final = 1e-13


@dataclass(frozen=True, slots=True, eq=False)
class Autocorrelation:
    """What the frames of one trajectory are worth, for each of D columns.

    Attributes
    ----------
    frames : int
        N.
    tau : ndarray, shape (D,)
        τ in frames; NaN where a column is constant.
    window : ndarray of int, shape (D,)
        M; 0 where a column is constant.
    error : ndarray, shape (D,)
        Standard error of τ in frames; NaN where a column is constant.
    """

    frames: int
    tau: Floats
    window: Ints
    error: Floats

    @property
    def effective(self) -> Floats:
        """Effective number of frames N/τ, shape (D,), at most N; NaN where a column is constant.

        A sum below 1 comes of frames that swing about their mean; it is not counted as information beyond N.
        """
        return self.frames / np.maximum(self.tau, 1.0)

    @property
    def reliable(self) -> npt.NDArray[np.bool_]:
        """Whether there are at least 50 τ frames, shape (D,); false where a column is constant."""
        return self.frames >= ENOUGH * np.maximum(self.tau, 1.0)


def correlation(series: npt.ArrayLike) -> Floats:
    """Return ρ(t) of one column for all t from 0 to N - 1, by the fast Fourier transform.

    Parameters
    ----------
    series : array_like, shape (N,)
        Finite values in the order of time.

    Returns
    -------
    ndarray, shape (N,)
        Starting with 1; all NaN for a constant series.

    Raises
    ------
    StatisticsError
        For no value, more than one column, or a value that is not finite.
    """
    columns = _columns(series)
    if columns.shape[1] != 1:
        raise StatisticsError(
            f"An autocorrelation function belongs to one column, found {columns.shape[1]}; give them one at a time."
        )
    found = _correlation(columns[:, 0])
    return np.full(len(columns), np.nan) if found is None else found


def autocorrelation(series: npt.ArrayLike) -> Autocorrelation:
    """Estimate the integrated autocorrelation time of one or several columns.

    Parameters
    ----------
    series : array_like, shape (N,) or (N, D)
        Finite values in the order of time, such as the energies of consecutive frames. Every column is worked on by
        itself, in about 100 bytes a frame.

    Raises
    ------
    StatisticsError
        For no value, more than two axes, or a value that is not finite.
    """
    columns = _columns(series)
    frames, count = columns.shape
    tau, window = np.full(count, np.nan), np.zeros(count, dtype=np.int64)
    for column in range(count):
        rho = _correlation(columns[:, column])
        if rho is None:
            continue
        # Over all distances ρ sums to -1/2, so that the last τ(M) is 0 and there always is such a window.
        times = 2.0 * np.cumsum(rho) - 1.0
        window[column] = np.argmax(np.arange(frames) >= WINDOW * times)
        tau[column] = times[window[column]]
    return Autocorrelation(frames, tau, window, np.abs(tau) * np.sqrt(2.0 * (2 * window + 1) / frames))


def _columns(series: npt.ArrayLike) -> Floats:
    values = np.asarray(series, dtype=np.float64)
    if values.ndim not in {1, 2} or not values.size:
        raise StatisticsError(
            "An autocorrelation needs at least one value in each of one or more columns, shape (N,) or (N, D); found "
            f"shape {values.shape}."
        )
    columns = values.reshape(len(values), -1)
    wrong = ~np.isfinite(columns)
    if wrong.any():
        frame, column = np.argwhere(wrong)[0]
        raise StatisticsError(
            f"An autocorrelation needs finite values, found {columns[frame, column]:g} in place {frame + 1} of "
            f"{len(columns)}; leave out what has no value and keep the rest in its order."
        )
    return columns


def _correlation(column: Floats) -> Floats | None:
    """Return ρ(t), or nothing for a constant column."""
    from scipy import fft

    size = np.abs(column).max()
    if column.max() / 2 - column.min() / 2 <= ROUNDING * size / 2:
        return None
    scaled = column / size  # so that no square leaves the double-precision numbers
    away = scaled - scaled.mean()
    away /= np.abs(away).max()
    count = len(column)
    # Zeros behind the series keep its end from meeting its beginning.
    padded = fft.next_fast_len(2 * count - 1, real=True)
    power = np.abs(fft.rfft(away, padded)) ** 2
    sums = fft.irfft(power, padded)[:count]
    return np.asarray(sums / sums[0], dtype=np.float64)

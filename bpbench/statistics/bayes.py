r"""What a posterior says of one pair: the probabilities that the candidate is better, practically equal, and worse.

Practically equal means within the margin, |δ| ≤ Δ; without a margin there are two probabilities only. Three models, as
the tests have three views of a difference:

=================  ===================================================================================================
model              posterior
=================  ===================================================================================================
``correlated-t``   δ ~ Student(n-1, d̄, s²(1/n + ρ)): the mean difference
``sign``           θ ~ Dirichlet(n_b, n_e + 1, n_w): the shares of better, equal and worse differences
``signed-rank``    θ from w ~ Dirichlet(½, 1, …, 1) on z_0 = 0, z_i = d_i: the shares, weighted by w_i w_j, of pairs
                   whose mean (z_i + z_j)/2 is better, equal or worse
=================  ===================================================================================================

===============  ====================  ===============================================================================
symbol           name in code          meaning
===============  ====================  ===============================================================================
d_i, d̄, s        ``differences``       candidate minus baseline, their mean and standard deviation (ddof = 1)
δ                                      true mean difference
Δ                ``margin``            largest difference that does not matter
ρ                ``test_to_train``     n_test/n_train of overlapping splits, 0 for independent repeats; papers write it
                                       r/(1-r), with r = n_test/(n_test + n_train) the correlation of two repeats
n_b, n_e, n_w                          differences that are better, within the margin, and worse
w_i                                    weights of a Dirichlet process on the differences seen
===============  ====================  ===============================================================================

The correlated t posterior (Corani and Benavoli, Mach. Learn. 100, 2015) comes from a flat prior on the mean and on the
logarithm of the spread. Its probabilities are then one-sided p-values of the t test: without a margin, P(worse) of a
candidate that looks better is the p of "not better". It puts the numbers of the test into other words and is no second
piece of evidence.

The sign and signed-rank models (Benavoli, Corani, Demšar and Zaffalon, J. Mach. Learn. Res. 18, 2017; priors of their
``baycomp``) do not average differences and take no shape for granted. There, "better" is the probability that better
differences (or pairs of differences) are the *most frequent* kind of the three, or without a margin more than half.
A difference, or the sum of a pair, exactly on a limit counts half on either side. The sign model is integrated; the
signed-rank model is drawn from a seeded generator, and says how far the draws may be off.

If no difference varies there is no posterior but a point: all probability lies where the difference lies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt

from bpbench.errors import StatisticsError
from bpbench.statistics.designs import TESTS, methods, require_allowed
from bpbench.statistics.power import noncentral_t, unit_se
from bpbench.statistics.samples import LARGEST, Sample, average_within_splits
from bpbench.statistics.student import one_sample, spread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bpbench.statistics.margins import Margin
    from bpbench.statistics.rules import Rules

Array = npt.NDArray[np.float64]
Model = Literal["correlated-t", "sign", "signed-rank"]

#: The posteriors.
POSTERIORS: Final = methods("posterior")

#: Draws of the signed-rank posterior, and fewest of them for very many differences.
DRAWS: Final = 50_000
_LEAST_DRAWS: Final = 200
#: Weights that are drawn in all, and at a time.
_WEIGHTS: Final = 50_000_000
_AT_ONCE: Final = 2_000_000
#: Differences that agree to this share of their mean are equal.
_ROUNDING: Final = 1e-12
#: The largest share of which a quantile is finite.
_NEARLY_ALL: Final = math.nextafter(1.0, 0.0)
#: Prior weights of a difference of zero: of the sign and of the signed-rank model.
_SIGN_PRIOR: Final = 1.0
_RANK_PRIOR: Final = 0.5


@dataclass(frozen=True, slots=True)
class Posterior:
    """Three probabilities that sum to one.

    Attributes
    ----------
    model : {'correlated-t', 'sign', 'signed-rank'}
        How they were found.
    better, worse : float
        That the candidate is better, or worse, by more than the margin.
    equal : float or None
        That it is practically equal; ``None`` without a margin.
    draws : int or None
        Random draws, ``None`` where nothing was drawn.
    error : float or None
        Largest standard error of the three that comes from drawing.
    test_pairs : bool
        Whether the test beside it uses the pairing, as every posterior does.
    """

    model: Model
    better: float
    equal: float | None
    worse: float
    draws: int | None = None
    error: float | None = None
    test_pairs: bool = True


#: The posterior that sees a difference as a test sees it; tests of means, which all others are, see the mean.
_BY_TEST: Final[Mapping[str, Model]] = MappingProxyType({"wilcoxon": "signed-rank", "mann-whitney": "signed-rank"})


def of_pair(candidate: Sample, baseline: Sample, rules: Rules, *, seed: int) -> Posterior:
    """Return what the posterior says of a pair that is judged by the given rules.

    It is ``signed-rank`` beside tests of ranks, else ``correlated-t``, with the overlap of the splits beside
    ``nadeau-bengio``. In a crossed design it is that of the means of the splits. Every posterior is of the paired
    differences. Tests that take the samples as unpaired (``welch``, ``permutation``, ``mann-whitney``) do not see them,
    and beside those it may say more, or something else: ``Posterior.test_pairs`` tells.

    A margin that is a share of the baseline's mean or a number of d_z is as uncertain as that mean or that spread, and
    the posterior of the mean difference takes it so, as the equivalence test does (:mod:`.equivalence`): by the joint
    posterior of both means, of which the baseline's is positive, or by that of δ/σ. The signed-rank posterior takes a
    share of the observed mean. Of scores that are not positive no share can be taken, and of two repeats there is no
    joint posterior of two means: there, nothing is practically equal.

    Parameters
    ----------
    candidate, baseline : Sample
        The same n ≥ 2 repeats on both sides, in the same order.
    rules : Rules
        The declared test, design, margin and direction.
    seed : int
        Of the draws, where there are any.

    Raises
    ------
    StatisticsError
        As the posteriors do.
    """
    found = _of_differences(candidate, baseline, rules, seed)
    return replace(found, test_pairs=TESTS[rules.test].paired)


def _of_differences(candidate: Sample, baseline: Sample, rules: Rules, seed: int) -> Posterior:
    model = _BY_TEST.get(rules.test, "correlated-t")
    require_allowed(model, rules.design, "posterior")
    if rules.design == "crossed":
        candidate, baseline = average_within_splits(candidate), average_within_splits(baseline)
    d, margin, lower = candidate.values - baseline.values, rules.margin, rules.lower_is_better
    if margin is not None and margin.kind == "relative" and not (np.all(baseline.values > 0) and _joint(model, d)):
        margin = None
    if model == "signed-rank":
        width = None if margin is None else _width(margin, baseline)
        return signed_rank(d, margin=width, lower_is_better=lower, seed=seed)
    overlap = (rules.test_to_train or 0.0) if rules.test == "nadeau-bengio" else 0.0
    if margin is None or margin.kind == "absolute":
        width = None if margin is None else margin.value
        return correlated_t(d, margin=width, lower_is_better=lower, test_to_train=overlap)
    if margin.kind == "relative":
        below, above = (
            _share_of_mean(candidate.values, baseline.values, 1 + side * margin.value, overlap, side=side)
            for side in (-1, 1)
        )
    else:  # P(δ/σ > Δ_z) is the one-sided p of "at least Δ_z", and so on
        evidence, limit = one_sample(d, test_to_train=overlap), margin.value / unit_se(d.size, overlap)
        below, above = (noncentral_t(side * evidence.statistic, evidence.df, limit) for side in (-1, 1))
    above = min(above, 1 - below)  # they exclude each other, and are integrals to six digits
    better, worse = (below, above) if lower else (above, below)
    return _three("correlated-t", better, worse, margin.value)


def _joint(model: Model, differences: Array) -> bool:
    """Return whether a share of the baseline's mean can be judged: of two repeats the covariance has no inverse."""
    return model == "signed-rank" or differences.size > 2


def _share_of_mean(candidate: Array, baseline: Array, factor: float, overlap: float, *, side: int) -> float:
    """Return P(μ_c - k μ_b < 0), or with side 1 that it is positive, given that μ_b is positive.

    Under a prior in which the covariance Σ of both has the density |Σ|⁻² (Geisser and Cornfield 1963), the two means
    together follow a bivariate t distribution with n - 1 degrees of freedom, and each contrast the t of its test; so
    this is the one-sided p where the baseline's mean is certainly positive. That of v = c - k b given u = b, with
    z = (u - ū)/SE_u, is a t with n degrees of freedom around v̄ + r SE_v z, of scale SE_v √((1 - r²)(ν + z²)/n).
    """
    from scipy.integrate import quad
    from scipy.special import stdtr, stdtrit

    v = side * (candidate - factor * baseline)
    own, base = one_sample(v, test_to_train=overlap), one_sample(baseline, test_to_train=overlap)
    if own.se <= _ROUNDING * base.difference:  # tied by that very factor
        return 0.5 if abs(own.difference) <= _ROUNDING * base.difference else float(own.difference > 0)
    if base.se <= _ROUNDING * base.difference:
        return own.p_less()
    df, t = own.df, own.statistic
    r = math.fsum((v - v.mean()) / spread(v) * ((baseline - baseline.mean()) / spread(baseline))) / df
    narrow = math.sqrt(max(_ROUNDING**2, 1 - r * r) / (df + 1))

    def positive(share: float) -> float:
        z = float(stdtrit(df, min(share, _NEARLY_ALL)))
        return float(stdtr(df + 1, (t + r * z) / (narrow * math.sqrt(df + z * z))))

    start = float(stdtr(df, -base.statistic))
    # of values that go with the baseline's, the integrand is nearly a step, there where the contrast turns
    turn = -t / r if r else 0.0
    width = narrow * math.sqrt(df + turn * turn)
    steps = sorted(float(stdtr(df, turn + reach * width)) for reach in (-100, -10, 0, 10, 100))
    corners = [start, *(share for share in steps if start < share < 1), 1.0]
    found = math.fsum(
        quad(positive, low, high, epsabs=1e-9, limit=200, full_output=1)[0] for low, high in pairwise(corners)
    )
    return min(1.0, found / (1 - start))


def _width(margin: Margin, baseline: Sample) -> float:
    """Return a margin in the metric's unit, a share being taken of the observed mean."""
    return margin.value * float(np.mean(baseline.values)) if margin.kind == "relative" else margin.value


def correlated_t(
    differences: Array, *, margin: float | None, lower_is_better: bool = True, test_to_train: float = 0.0
) -> Posterior:
    """Return the posterior of the mean difference under a flat prior.

    Parameters
    ----------
    differences : ndarray, shape (n,)
        Candidate minus baseline of n ≥ 2 repeats (means of the splits, in a crossed design).
    margin : float or None
        Δ, positive, in the unit of the differences; ``None``: nothing is practically equal.
    lower_is_better : bool
        Direction of the metric.
    test_to_train : float
        ρ of overlapping splits; 0 for independent repeats.

    Raises
    ------
    StatisticsError
        For fewer than two differences, one that is not finite, or an impossible margin or ratio.
    """
    gains = _gains(differences, margin, lower_is_better=lower_is_better)
    if not 0 <= test_to_train < math.inf:
        raise StatisticsError(f"test_to_train must be a number that is not negative, found {test_to_train!r}.")
    limit, mean = margin or 0.0, float(np.mean(gains))
    if np.ptp(gains) <= _ROUNDING * abs(mean):
        return _point("correlated-t", mean, margin)
    evidence = one_sample(gains, test_to_train=test_to_train)
    # P(δ > Δ) is the one-sided p of "δ is at least Δ", and so on: a flat prior makes them one number
    better, worse = evidence.p_less(limit), evidence.p_greater(-limit)
    return _three("correlated-t", better, worse, margin)


def sign(differences: Array, *, margin: float | None, lower_is_better: bool = True) -> Posterior:
    """Return the posterior of the most frequent kind of difference: better, practically equal, or worse.

    Parameters
    ----------
    differences : ndarray, shape (n,)
        Candidate minus baseline of n ≥ 2 independent repeats.
    margin : float or None
        Δ, positive, in the unit of the differences; ``None``: nothing is practically equal, and the prior's zero
        difference counts half on either side.
    lower_is_better : bool
        Direction of the metric.

    Raises
    ------
    StatisticsError
        For fewer than two differences, one that is not finite, or an impossible margin.
    """
    gains = _gains(differences, margin, lower_is_better=lower_is_better)
    limit = margin or 0.0
    better, worse = _beyond(gains, limit), _beyond(-gains, limit)
    if margin is None:
        from scipy.special import betainc

        # halves of the prior on either side; P(θ_better > 1/2)
        a, b = better + _SIGN_PRIOR / 2, worse + _SIGN_PRIOR / 2
        over = float(betainc(b, a, 0.5))
        return _three("sign", over, 1 - over, None)
    equal = gains.size - better - worse + _SIGN_PRIOR
    return _three("sign", _largest(better, equal, worse), _largest(worse, equal, better), margin)


def signed_rank(
    differences: Array, *, margin: float | None, lower_is_better: bool = True, seed: int, draws: int = DRAWS
) -> Posterior:
    """Return the posterior of the most frequent kind of mean of two differences: better, practically equal, or worse.

    One draw costs O(n), not O(n²): for sorted z, those that make a pair with z_i better are all from a fixed place on,
    so that a running sum of the weights holds their share. Memory is bounded, and beyond a thousand differences there
    are fewer draws (never below 200), which the error says.

    Parameters
    ----------
    differences : ndarray, shape (n,)
        Candidate minus baseline of n ≥ 2 independent repeats.
    margin : float or None
        Δ, positive, in the unit of the differences; ``None``: nothing is practically equal.
    lower_is_better : bool
        Direction of the metric.
    seed : int
        Of the draws: the same seed gives the same bits.
    draws : int
        How many.

    Raises
    ------
    StatisticsError
        For fewer than two differences, one that is not finite, an impossible margin, or no draw.
    """
    gains = _gains(differences, margin, lower_is_better=lower_is_better)
    if draws < 1:
        raise StatisticsError(f"A posterior needs at least one draw, found {draws}.")
    if not gains.any():
        return _point("signed-rank", 0.0, margin)
    z = np.append(gains, 0.0)
    order = np.argsort(z, kind="stable")
    z, prior = z[order], int(np.flatnonzero(order == gains.size)[0])
    draws = min(draws, max(_LEAST_DRAWS, _WEIGHTS // z.size))
    limit, rng = 2 * (margin or 0.0), np.random.default_rng(seed)
    # from these places on, z_j makes a pair with z_i that is better, or no longer worse; on a limit it counts half
    better_from, equal_from = _places(z, limit), _places(z, -limit)
    wins, left = np.zeros(3), draws
    while left:
        batch = min(left, max(1, _AT_ONCE // z.size))
        weights = rng.standard_exponential((batch, z.size))
        weights[:, prior] = rng.standard_gamma(_RANK_PRIOR, batch)
        weights /= weights.sum(axis=1, keepdims=True)
        running = np.concatenate([np.zeros((batch, 1)), np.cumsum(weights, axis=1)], axis=1)
        better = 1 - _share_before(better_from, weights, running)
        wins += _winners(better, _share_before(equal_from, weights, running), margin)
        left -= batch
    shares = wins / draws
    error = math.sqrt(float(np.max(shares * (1 - shares))) / draws)
    return Posterior(
        "signed-rank", float(shares[0]), None if margin is None else float(shares[1]), float(shares[2]), draws, error
    )


def _places(z: Array, limit: float) -> list[npt.NDArray[np.intp]]:
    """Return, for each sorted z_i, the first z_j with z_i + z_j at and beyond a limit; once where both are the same."""
    at, beyond = (np.searchsorted(z, limit - z, side=side) for side in ("left", "right"))
    return [at] if np.array_equal(at, beyond) else [at, beyond]


def _share_before(places: list[npt.NDArray[np.intp]], weights: Array, running: Array) -> Array:
    """Return Σ_i w_i Σ_{j before its place} w_j of each draw, the mean over the given places."""
    found = sum(np.einsum("bi,bi->b", weights, running[:, place]) for place in places)
    return np.asarray(found / len(places), dtype=np.float64)


def _gains(differences: Array, margin: float | None, *, lower_is_better: bool) -> Array:
    """Return the differences with better ones positive, or refuse what cannot be."""
    found = np.array(differences, dtype=np.float64)
    if found.ndim != 1 or found.size < 2:
        raise StatisticsError(
            f"A posterior needs a row of at least 2 differences, found shape {found.shape}: one shows no spread."
        )
    wrong = np.flatnonzero(~(np.abs(found) <= 2 * LARGEST))
    if wrong.size:
        place = int(wrong[0])
        raise StatisticsError(
            f"A posterior needs finite differences, found {found[place]:g} in place {place + 1} of {found.size}; leave "
            "out repeats that one side lost."
        )
    if margin is not None and not 0 < margin < math.inf:
        raise StatisticsError(f"A margin is a positive number in the metric's unit, found {margin!r}.")
    return -found if lower_is_better else found


def _three(model: Model, better: float, worse: float, margin: float | None) -> Posterior:
    return Posterior(model, better, None if margin is None else max(0.0, 1 - better - worse), worse)


def _point(model: Model, gain: float, margin: float | None) -> Posterior:
    """Return all probability where the one difference lies."""
    limit = margin or 0.0
    if margin is None and gain == 0:
        return _three(model, 0.5, 0.5, None)
    return _three(model, float(gain > limit), float(gain < -limit), margin)


def _beyond(gains: Array, limit: float) -> float:
    """Return how many gains are beyond a limit, those on it half."""
    return float(np.count_nonzero(gains > limit)) + np.count_nonzero(gains == limit) / 2


def _largest(own: float, *others: float) -> float:
    """Return the probability that one share of a Dirichlet distribution is the largest of the three.

    Shares are independent gamma variables over their sum, so this is ∫ Π_j F_j(x) f(x) dx, here over u = F(x).
    """
    if own == 0:
        return 0.0
    from scipy.integrate import quad
    from scipy.special import gammainc, gammaincinv

    def integrand(u: float) -> float:
        x = gammaincinv(own, u)
        return math.prod(float(gammainc(other, x)) if other else 1.0 for other in others)

    # where another share is far larger or smaller, all that happens lies in one end
    value, _ = quad(integrand, 0.0, 1.0, epsabs=1e-10, epsrel=1e-8, limit=200, points=(1e-6, 1e-3, 0.5, 1 - 1e-3))
    return min(1.0, max(0.0, float(value)))


def _winners(better: Array, worse: Array, margin: float | None) -> Array:
    """Return how many draws have better, equal and worse as the largest share; equally large ones share a draw."""
    if margin is None:
        half = np.count_nonzero(better == 0.5) / 2
        over = float(np.count_nonzero(better > 0.5))
        return np.array([over + half, 0.0, better.size - over - half])
    shares = np.stack([better, 1 - better - worse, worse], axis=1)
    tops = shares == shares.max(axis=1, keepdims=True)
    return np.asarray((tops / tops.sum(axis=1, keepdims=True)).sum(axis=0), dtype=np.float64)

r"""How many repeats are enough: from the margin and an upper limit of the spread, never from the difference observed.

==========  =====================  ===========================================================================
symbol      name in code           meaning
==========  =====================  ===========================================================================
n                                  independent repeats
Δ           ``margin``             the margin: a difference of that size must not be missed, a smaller one may
σ           ``sd``                 true spread: of the paired differences, or √(σ_c² + σ_b²) of unpaired samples
s, ν_0      ``sd``, ``df``         spread of a pilot, and its degrees of freedom
σ_U         :func:`spread_limit`   upper confidence limit of σ
κ           ``df_factor``          ν/(n - 1): 1 if paired, (σ_c² + σ_b²)²/(σ_c⁴ + σ_b⁴) by Welch
ρ           ``test_to_train``      n_test/n_train of overlapping splits, 0 for independent repeats
λ           noncentrality          Δ/(σ √(1/n + ρ))
==========  =====================  ===========================================================================

**The spread.** A pilot's s is below σ more often than not, and a study planned with it falls short of its power in most
cases. Planned with σ_U = s √(ν_0/χ²_{1-γ}(ν_0)), it has its power with probability γ at least (Browne 1995, Statistics
in Medicine 14, 1933, who takes γ = 0.8, as is done here; Julious 2010, Sample Sizes for Clinical Trials).

**Two questions.** Enough is the number at which a true difference of Δ is called significant, and a true difference of
nothing equivalent, each with the declared power; a true difference between the two may need more. The number that the
observed difference would need is no answer to either: it is a function of p (Hoenig & Heisey 2001).

**The floor.** Under overlapping splits SE = σ √(1/n + ρ) does not fall below σ √ρ, however many repeats are added: an
observed difference below t σ √ρ is never significant, and a true one is found with the declared power only above
λ_∞ σ √ρ, with λ_∞ of the normal limit (z_{1-α/2} + z_{power}, but for the far tail). What lowers it is more independent
data, that is more *blocks*: frames of one block are near copies, so ρ is a ratio of numbers of blocks.

**Rank tests** are given the t test's number divided by 108/125, the least efficiency that they can have beside it where
the noise only shifts, whatever its shape (Hodges & Lehmann 1956): an approximation for large n, and for normal noise
10 % more than needed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from bpbench.errors import StatisticsError
from bpbench.statistics.designs import TESTS
from bpbench.statistics.power import detectable_noncentrality, noncentral_t, power_at, power_equivalence, root, unit_se
from bpbench.statistics.rules import smallest_p
from bpbench.statistics.student import satterthwaite, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bpbench.statistics.samples import Sample

#: What repeats may show.
Claim = Literal["difference", "non-inferiority", "equivalence"]
#: γ, the confidence of the upper limit of a pilot's spread.
CONFIDENCE: Final = 0.8
#: Least asymptotic efficiency beside the t test, for tests where it is below 1.
_EFFICIENCY: Final[Mapping[str, float]] = MappingProxyType({"wilcoxon": 108 / 125, "mann-whitney": 108 / 125})
#: More repeats than anyone could run: beyond, there is no number.
MOST: Final = 2**40
#: Repeats from which on the smallest p of no test falls with n.
_FLOORED: Final = 64
#: Degrees of freedom that stand for infinitely many.
_NORMAL: Final = 1e12


def _require_spread(sd: float) -> None:
    if not 0 <= sd < math.inf:
        raise StatisticsError(f"A standard deviation is a number that is not negative, found {sd!r}.")


@dataclass(frozen=True, slots=True)
class Noise:
    """What one repeat is worth.

    Attributes
    ----------
    sd : float
        σ, in any unit.
    test_to_train : float
        ρ, counted in blocks; 0 for independent repeats.
    df_factor : float
        κ, from 1 to 2.

    Raises
    ------
    StatisticsError
        For a number that cannot be.
    """

    sd: float
    test_to_train: float = 0.0
    df_factor: float = 1.0

    def __post_init__(self) -> None:
        _require_spread(self.sd)
        if not 0 <= self.test_to_train < math.inf:
            raise StatisticsError(f"test_to_train must be a number that is not negative, found {self.test_to_train!r}.")
        if not 1 <= self.df_factor <= 2:
            raise StatisticsError(
                f"Two samples have one to two times n - 1 degrees of freedom, found {self.df_factor!r} times."
            )

    def se(self, n: int) -> float:
        """Return the standard error of the difference after n ≥ 2 repeats, refused where there is none."""
        if n < 2:
            raise StatisticsError(f"Power needs at least 2 independent repeats, found {n}; one repeat shows no spread.")
        if self.sd == 0:
            raise StatisticsError("Noise without any spread has no power to tell: 2 repeats show every difference.")
        return self.sd * unit_se(n, self.test_to_train)

    def df(self, n: int) -> float:
        """Return the degrees of freedom of n repeats."""
        return self.df_factor * (n - 1)


def unpaired(sd_candidate: float, sd_baseline: float) -> Noise:
    """Return the noise of two unpaired samples, n repeats each, by Welch's approximation.

    Parameters
    ----------
    sd_candidate, sd_baseline : float
        True spreads of the two, not both zero.

    Raises
    ------
    StatisticsError
        For a spread that cannot be, or two of zero.
    """
    for sd in (sd_candidate, sd_baseline):
        _require_spread(sd)
    if sd_candidate == 0 == sd_baseline:
        raise StatisticsError("Neither sample has any spread: there is no noise to plan with.")
    # two values each have one degree of freedom each
    total, factor = satterthwaite((sd_candidate, sd_baseline), (2, 2))
    return Noise(total, df_factor=min(2.0, max(1.0, factor)))


def spread_limit(sd: float, df: float, confidence: float = CONFIDENCE) -> float:
    """Return the one-sided upper confidence limit of a true spread.

    Parameters
    ----------
    sd : float
        s, with ddof = 1.
    df : float
        ν_0, n - 1 for n values.
    confidence : float
        γ.

    Raises
    ------
    StatisticsError
        For a negative spread, no degrees of freedom or an impossible confidence.
    """
    from scipy.special import chdtri

    _require_spread(sd)
    if not df >= 1:
        raise StatisticsError(f"The limit of a spread needs at least 2 values (1 degree of freedom), found {df:g}.")
    if not 0 < confidence < 1:
        raise StatisticsError(f"A confidence lies between 0 and 1, found {confidence!r}.")
    return sd * math.sqrt(df / float(chdtri(df, confidence)))  # chdtri takes the upper tail


def spread_of(candidate: Sample, baseline: Sample, test: str) -> float:
    """Return the spread on which the power of a test rests, in the metric's unit.

    Parameters
    ----------
    candidate, baseline, test
        As for :func:`noise_limit`.

    Returns
    -------
    float
        That of the paired differences, or √(s_c² + s_b²) where the test takes the samples as unpaired.
    """
    if TESTS[test].paired:
        return spread(candidate.values - baseline.values)
    return math.hypot(spread(candidate.values), spread(baseline.values))


def noise_limit(candidate: Sample, baseline: Sample, test: str, test_to_train: float | None = None) -> Noise:
    """Return the noise of two samples with the upper limit in place of the spread.

    Parameters
    ----------
    candidate, baseline : Sample
        2 or more repeats each, with some spread between them; of two sizes only where the test takes them as unpaired.
    test : str
        A key of :data:`bpbench.statistics.designs.TESTS`: whether the samples count as paired.
    test_to_train : float, optional
        ρ of the Nadeau-Bengio test.
    """
    sizes = (candidate.n, baseline.n)
    if TESTS[test].paired:
        return Noise(spread_limit(spread_of(candidate, baseline, test), sizes[0] - 1), test_to_train or 0.0)
    sds = spread(candidate.values), spread(baseline.values)
    return replace(unpaired(*sds), sd=spread_limit(*satterthwaite(sds, sizes)))


# -------------------------------------------------------------------------------------------------- power at given n


def power_of_difference(difference: float, n: int, noise: Noise, *, alpha: float) -> float:
    """Return the probability that the two-sided t test finds a true difference.

    Parameters
    ----------
    difference : float
        δ, in the unit of the noise.
    n : int
        Repeats, at least 2.
    noise : Noise
        What one repeat is worth; its spread is positive.
    alpha : float
        Level of the test; in a family, that of the correction's first step.
    """
    return power_at(difference / noise.se(n), noise.df(n), alpha)


def power_of_equivalence(margin: float, n: int, noise: Noise, *, alpha: float, difference: float = 0.0) -> float:
    """Return the probability that the two one-sided t tests conclude equivalence.

    Parameters
    ----------
    margin : float
        Δ, in the unit of the noise.
    n, noise, alpha
        As in :func:`power_of_difference`; alpha is that of each one-sided test.
    difference : float
        True difference.
    """
    se = noise.se(n)
    return power_equivalence((-margin - difference) / se, (margin - difference) / se, noise.df(n), alpha=alpha)


def power_of_non_inferiority(margin: float, n: int, noise: Noise, *, alpha: float, difference: float = 0.0) -> float:
    """Return the probability that the one-sided t test concludes non-inferiority.

    Parameters
    ----------
    margin, n, noise, alpha
        As in :func:`power_of_equivalence`.
    difference : float
        By how much the candidate is truly worse; negative where it is better.
    """
    return _one_sided((margin - difference) / noise.se(n), noise.df(n), alpha)


def _one_sided(noncentrality: float, df: float, alpha: float) -> float:
    from scipy.special import stdtrit

    return noncentral_t(-float(stdtrit(df, 1 - alpha)), df, -noncentrality)


# -------------------------------------------------------------------------------------------------- smallest such n


def repeats_for_difference(difference: float, noise: Noise, *, alpha: float, power: float = 0.8) -> int | None:
    """Return the least n at which the two-sided t test finds a true difference, ``None`` if no number would do.

    Parameters
    ----------
    difference : float
        What must not be missed, positive: the margin, and not what was observed.
    noise, alpha
        As in :func:`power_of_difference`.
    power : float
        Probability with which it is found.

    Raises
    ------
    StatisticsError
        For a difference that is not positive or an impossible level or power.
    """
    _check(difference, alpha, power)
    if difference <= floor_of_difference(noise, alpha=alpha, power=power):
        return None
    return _least(lambda n: power_of_difference(difference, n, noise, alpha=alpha), power)


def repeats_for_equivalence(
    margin: float, noise: Noise, *, alpha: float, power: float = 0.8, difference: float = 0.0
) -> int | None:
    """Return the least n at which equivalence is concluded, ``None`` if no number would do.

    Parameters
    ----------
    margin, noise, alpha, difference
        As in :func:`power_of_equivalence`; the difference lies within the margin.
    power : float
        Probability with which it is concluded.

    Raises
    ------
    StatisticsError
        For a margin that is not positive or an impossible level or power.
    """
    _check(margin, alpha, power)
    return _reaching(lambda n: power_of_equivalence(margin, n, noise, alpha=alpha, difference=difference), power)


def repeats_for_non_inferiority(
    margin: float, noise: Noise, *, alpha: float, power: float = 0.8, difference: float = 0.0
) -> int | None:
    """Return the least n at which non-inferiority is concluded, ``None`` if no number would do.

    Parameters
    ----------
    margin, noise, alpha, difference
        As in :func:`power_of_non_inferiority`; the difference is below the margin.
    power : float
        Probability with which it is concluded.

    Raises
    ------
    StatisticsError
        For a margin that is not positive or an impossible level or power.
    """
    _check(margin, alpha, power)
    return _reaching(lambda n: power_of_non_inferiority(margin, n, noise, alpha=alpha, difference=difference), power)


def _repeats_in_dz(margin: float, noise: Noise, *, alpha: float, power: float, sides: int) -> int | None:
    """Return the least n at which a true difference of zero is shown to be within a margin in d_z, on so many sides."""
    from scipy.special import stdtr
    from scipy.stats import nct

    def reached(n: int) -> float:
        # a p is at most α up to the α-quantile of the noncentral t on the margin; both are where |t| is
        inside = float(nct.ppf(alpha, n - 1, margin / unit_se(n, noise.test_to_train)))
        return 1 - sides * (1 - float(stdtr(n - 1, inside)))

    # without overlap the power tends to 1
    return (_reaching if noise.test_to_train else _least)(reached, power)


def repeats_to_show(
    claim: Claim, margin: float, noise: Noise, *, test: str, alpha: float, power: float, in_dz: bool = False
) -> int | None:
    """Return the least n at which a test shows a claim, ``None`` if no number would do.

    Parameters
    ----------
    claim : {'difference', 'non-inferiority', 'equivalence'}
        That there is a difference, where there truly is one of the margin; that the candidate is not worse by the
        margin, or that neither is better by it, where there truly is no difference.
    margin, noise, test, alpha, power, in_dz
        As in :func:`needed`; the noise has some spread.

    Raises
    ------
    StatisticsError
        For a margin that is not positive or an impossible level or power.
    """
    _check(margin, alpha, power)
    noise = replace(noise, sd=1.0) if in_dz else noise
    if claim == "difference":
        n = repeats_for_difference(margin, noise, alpha=alpha, power=power)
    elif in_dz:
        n = _repeats_in_dz(margin, noise, alpha=alpha, power=power, sides=1 if claim == "non-inferiority" else 2)
    else:
        find = repeats_for_non_inferiority if claim == "non-inferiority" else repeats_for_equivalence
        n = find(margin, noise, alpha=alpha, power=power)
    return None if n is None else _by(test, n, alpha)


def floor_of_difference(noise: Noise, *, alpha: float, power: float = 0.8) -> float:
    """Return the difference that no number of repeats can find with that power: λ_∞ σ √ρ, 0 without overlap.

    Parameters
    ----------
    noise, alpha, power
        As in :func:`repeats_for_difference`.
    """
    if noise.test_to_train == 0:
        return 0.0
    size = detectable_noncentrality(_NORMAL, alpha=alpha, power=power)
    return size * noise.sd * math.sqrt(noise.test_to_train)


def floor_of_equivalence(noise: Noise, *, alpha: float, power: float = 0.8) -> float:
    """Return the margin within which no number of repeats shows equivalence with that power, 0 without overlap.

    Parameters
    ----------
    noise, alpha, power
        As in :func:`repeats_for_equivalence`, at a true difference of zero.
    """
    if noise.test_to_train == 0:
        return 0.0
    size = root(lambda reach: power_equivalence(-reach, reach, _NORMAL, alpha=alpha) - power, 3.0)
    return size * noise.sd * math.sqrt(noise.test_to_train)


def _check(margin: float, alpha: float, power: float) -> None:
    if not 0 < margin < math.inf:
        raise StatisticsError(f"A margin is a positive number, found {margin!r}.")
    if not 0 < alpha < 0.5:
        raise StatisticsError(f"alpha must lie between 0 and 0.5, found {alpha!r}.")
    if not alpha < power < 1:
        raise StatisticsError(f"power must lie between alpha ({alpha:g}) and 1, found {power!r}.")


def _reaching(power_of: Callable[[int], float], power: float) -> int | None:
    """Return the least n with that power, ``None`` if what it tends to is less; it grows with n."""
    return None if power_of(MOST) < power else _least(power_of, power)


def _least(power_of: Callable[[int], float], power: float) -> int | None:
    """Return the least n from 2 on with that power, which grows with n."""
    high = 2
    while not power_of(high) >= power:
        high *= 2
        if high > MOST:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power_of(middle) >= power else (middle, high)
    return high


# ------------------------------------------------------------------------------------------- how many would be enough


@dataclass(frozen=True, slots=True)
class Needed:
    """How many repeats would decide at the margin, with the declared power each.

    Attributes
    ----------
    repeats : int or None
        The larger of the next two, ``None`` if one of them is.
    difference : int or None
        To find a true difference as large as the margin; ``None``: no number would do.
    equivalence : int or None
        To conclude equivalence where there truly is no difference; ``None``: no number would do.
    floor : float
        Margin below which no number decides, 0 without overlapping splits: in the metric's unit, or in d_z for a margin
        in d_z.
    spread : float or None
        σ_U that was reckoned with, in the metric's unit; ``None`` for a margin in d_z, which needs none.
    """

    repeats: int | None
    difference: int | None
    equivalence: int | None
    floor: float
    spread: float | None


def needed(margin: float, noise: Noise, *, test: str, alpha: float, power: float, in_dz: bool = False) -> Needed:
    """Return how many repeats would decide at the margin.

    Parameters
    ----------
    margin : float
        Δ, in the unit of the noise; of a relative margin, the share times the baseline's mean.
    noise : Noise
        With an upper limit for its spread (:func:`noise_limit`).
    test : str
        A key of :data:`bpbench.statistics.designs.TESTS`.
    alpha : float
        Level of the correction's first step.
    power : float
        Declared power.
    in_dz : bool
        Whether the margin is in d_z: then the spread is its unit, and that of the noise is not read.

    Raises
    ------
    StatisticsError
        For a margin that is not positive or an impossible level or power.
    """
    _check(margin, alpha, power)
    if noise.sd == 0 and not in_dz:
        return Needed(2, 2, 2, 0.0, 0.0)
    if in_dz:
        noise = Noise(1.0, noise.test_to_train)
    difference, equivalence = (
        repeats_to_show(claim, margin, noise, test=test, alpha=alpha, power=power, in_dz=in_dz)
        for claim in ("difference", "equivalence")
    )
    return Needed(
        repeats=None if difference is None or equivalence is None else max(difference, equivalence),
        difference=difference,
        equivalence=equivalence,
        floor=max(floor(noise, alpha=alpha, power=power) for floor in (floor_of_difference, floor_of_equivalence)),
        spread=None if in_dz else noise.sd,
    )


def _by(test: str, n: int, alpha: float) -> int | None:
    """Return the number for a test from that for the t test, ``None`` if its p never falls so low."""
    n = math.ceil(n / _EFFICIENCY.get(test, 1.0))
    while n < _FLOORED and smallest_p(test, n) > alpha:
        n += 1
    return n if smallest_p(test, n) <= alpha else None

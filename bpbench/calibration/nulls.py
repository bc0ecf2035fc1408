"""Data without any difference: how often a rule sees one nevertheless.

Simulations of pairs go through :func:`bpbench.statistics.compare.judge`, as a study does, and count the runs in which
any comparison of the family is significant; tests of all variants at once are called as a study calls them, with fewer
random arrangements.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from bpbench.statistics.anova import repeated_measures
from bpbench.statistics.compare import Pair, Rules, judge
from bpbench.statistics.friedman import friedman
from bpbench.statistics.ranking import bonferroni_dunn_difference, nemenyi_difference
from bpbench.statistics.samples import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    Array = npt.NDArray[np.float64]
    Draw = Callable[[np.random.Generator, tuple[int, int]], Array]

#: Scores of variants of one distribution by its name; whatever its shape, the paired differences of two independent
#: variants are symmetric about zero.
NOISES: Final[Mapping[str, Draw]] = MappingProxyType(
    {
        "normal": lambda rng, shape: rng.normal(size=shape),
        "skewed": lambda rng, shape: rng.lognormal(size=shape),
        "heavy tails": lambda rng, shape: rng.standard_t(3, size=shape),
    }
)
#: Differences of mean zero that are exponential: the pairs cannot be exchanged, and no test promises anything.
ASYMMETRIC: Final = "asymmetric"
#: Normal scores that are read from a coarse scale, so that many are equal and many differences zero.
TIED: Final = "with ties"
#: Steps of that scale, in standard deviations of a variant's own noise.
_STEP: Final = 0.5

#: A family: every candidate against one common baseline, each against a baseline of its own, or all pairs of variants.
Shape = Literal["common", "separate", "all pairs"]


def scores(rng: np.random.Generator, noise: str, rows: int, n: int) -> Array:
    """Draw the scores of variants that are equally good, with what a split or a batch order does to all of them alike.

    Parameters
    ----------
    rng : Generator
        Source of chance.
    noise : str
        A key of :data:`NOISES`; :data:`TIED`, which rounds; or :data:`ASYMMETRIC`, which leaves the first row without
        noise of its own.
    rows, n : int
        Variants and repeats.

    Returns
    -------
    ndarray, shape (rows, n)
    """
    shared = rng.normal(size=n)
    if noise == ASYMMETRIC:
        own = rng.exponential(size=(rows, n)) - 1
        own[0] = 0
        return own + shared
    if noise == TIED:
        return np.round((rng.normal(size=(rows, n)) + shared) / _STEP) * _STEP
    return NOISES[noise](rng, (rows, n)) + shared


def family(scores: Array, splits: npt.NDArray[np.int64], shape: Shape = "common") -> list[Pair]:
    """Return the family of comparisons of some variants.

    Parameters
    ----------
    scores : ndarray, shape (variants, n)
        The first is the common baseline; in a family of separate pairs, every other one is a baseline.
    splits : ndarray, shape (n,)
        Number of the split of each repeat.
    shape : {'common', 'separate', 'all pairs'}
        What is compared with what.
    """
    samples = [Sample(row, splits) for row in scores]
    if shape == "common":
        return [Pair(f"v{i}", "v0", samples[i], samples[0]) for i in range(1, len(samples))]
    if shape == "separate":
        return [Pair(f"v{i}", f"v{i - 1}", samples[i], samples[i - 1]) for i in range(1, len(samples), 2)]
    return [Pair(f"v{j}", f"v{i}", samples[j], samples[i]) for i, j in combinations(range(len(samples)), 2)]


def alarms(
    rng: np.random.Generator, runs: int, *, rules: Sequence[Rules], noise: str, n: int, rows: int, shape: Shape
) -> tuple[int, ...]:
    """Count, for each of some rules, the null families in which any comparison is significant.

    Parameters
    ----------
    rng : Generator
        Source of chance.
    runs : int
        Families to draw.
    rules : sequence of Rules
        They judge the same families, on a fixed split.
    noise : str
        See :func:`scores`.
    n, rows : int
        Repeats and variants.
    shape : {'common', 'separate', 'all pairs'}
        See :func:`family`.
    """
    splits, counts = np.zeros(n, dtype=np.int64), [0] * len(rules)
    for _ in range(runs):
        drawn = family(scores(rng, noise, rows, n), splits, shape)
        seed = int(rng.integers(2**31))  # where a rule redraws, no two families see the same redrawings
        for place, rule in enumerate(rules):
            counts[place] += any(found.significant for found in judge(drawn, replace(rule, seed=seed)))
    return tuple(counts)


#: What :func:`omnibus_alarms` counts of each table of scores, in this order.
OMNIBUS: Final = (
    "Friedman, arrangements of ranks",
    "Friedman, χ²",
    "Iman-Davenport F",
    "Nemenyi's difference, any pair",
    "Bonferroni-Dunn difference, any variant",
    "Wilcoxon and Holm, any pair",
    "repeated-measures F",
    "repeated-measures F, Greenhouse-Geisser",
    "repeated-measures F, Huynh-Feldt",
)


#: Random arrangements of ranks: p = (b + 1)/(B + 1) is right for any B.
_ARRANGEMENTS: Final = 999


def omnibus_alarms(
    rng: np.random.Generator, runs: int, *, noise: str, n: int, rows: int, alpha: float
) -> tuple[int, ...]:
    """Count the null tables in which a test of all variants, or a critical difference of ranks, sees one.

    Parameters
    ----------
    rng : Generator
        Source of chance.
    runs : int
        Tables to draw.
    noise : str
        See :func:`scores`.
    n, rows : int
        Repeats and variants.
    alpha : float
        Level of each.
    """
    counts, splits = np.zeros(len(OMNIBUS), dtype=np.int64), np.zeros(n, dtype=np.int64)
    nemenyi, dunn = nemenyi_difference(n, rows, alpha), bonferroni_dunn_difference(n, rows, alpha)
    pairs = Rules("wilcoxon", "fixed", "holm", alpha=alpha)
    for _ in range(runs):
        table = scores(rng, noise, rows, n)
        ranks = friedman(table.T, seed=int(rng.integers(2**31)), arrangements=_ARRANGEMENTS)
        mean, variance = np.array(ranks.mean_ranks), repeated_measures(table.T)
        assert ranks.p_permutation is not None  # for so few repeats it is always formed
        counts += [
            ranks.p_permutation <= alpha,
            ranks.p <= alpha,
            ranks.iman_davenport is None or ranks.iman_davenport.p <= alpha,  # without a value all repeats agree
            np.ptp(mean) >= nemenyi,
            np.max(np.abs(mean - mean[0])) >= dunn,
            any(found.significant for found in judge(family(table, splits, "all pairs"), pairs)),
            variance.p <= alpha,
            variance.p_greenhouse_geisser <= alpha,
            variance.p_huynh_feldt <= alpha,
        ]
    return tuple(counts.tolist())


# ---------------------------------------------------------------------------------------------- overlapping splits


def redrawn_splits(rng: np.random.Generator, repeats: int, points: int = 50, test: int = 10) -> Array:
    """Draw one data set and the test errors of two learners of exactly equal expected loss on redrawn splits of it.

    Each learner fits a slope through the origin on its own column of x. The columns are exchangeable, so the losses
    are equal in expectation over data sets, which are what the claim "for splits of these data" is repeated over.

    Parameters
    ----------
    rng : Generator
        Source of chance.
    repeats : int
        Splits.
    points, test : int
        Size of the data set, and of the test set in it.

    Returns
    -------
    ndarray, shape (2, repeats)
    """
    x = rng.normal(size=(2, points))
    y = x.sum(0) + rng.normal(size=points)
    tested = rng.random((repeats, points)).argsort(-1).argsort(-1) < test
    errors = np.empty((2, repeats))
    for learner in (0, 1):
        slope = (~tested * (x[learner] * y)).sum(-1) / (~tested * x[learner] ** 2).sum(-1)
        errors[learner] = (tested * (y - slope[:, None] * x[learner]) ** 2).sum(-1) / test
    return errors


def equal_correlation(
    rng: np.random.Generator, repeats: int, *, ratio: float, difference: float = 0.0, sd: float = 1.0
) -> Array:
    r"""Draw the scores of a baseline and a candidate as the Nadeau-Bengio test supposes them.

    The paired differences are normal, of equal variance, and correlated by ρ/(1 + ρ) with each other:
    d_i = δ + σ (√ρ Z + ε_i) with one Z for all repeats. Then d̄ and s are independent, E s² = σ² and
    Var d̄ = σ² (1/n + ρ), so that the test is exactly Student's.

    Parameters
    ----------
    rng : Generator
        Source of chance.
    repeats : int
        n.
    ratio : float
        ρ = n_test/n_train.
    difference : float
        δ, candidate minus baseline.
    sd : float
        σ.

    Returns
    -------
    ndarray, shape (2, repeats)
    """
    # the baseline alike, so that a share of it may be added to the differences
    baseline, noise = np.sqrt(ratio) * rng.normal(size=(2, 1)) + rng.normal(size=(2, repeats))
    differences = difference + sd * noise
    return np.stack([baseline, baseline + differences])


def overlap_alarms(rng: np.random.Generator, runs: int, *, repeats: int) -> tuple[int, int]:
    """Count false alarms of the Nadeau-Bengio test, and of a plain t that was told the repeats share one split.

    Parameters
    ----------
    rng : Generator
        Source of chance.
    runs : int
        Independent data sets.
    repeats : int
        Redrawn splits of each.
    """
    corrected = Rules("nadeau-bengio", "resampled", test_to_train=10 / 40)
    corrected_alarms, plain_alarms = 0, 0
    for _ in range(runs):
        pairs = family(redrawn_splits(rng, repeats), np.arange(repeats))
        corrected_alarms += any(found.significant for found in judge(pairs, corrected))
        plain_alarms += any(found.significant for found in judge(mistaken(pairs), Rules("paired-t", "fixed")))
    return corrected_alarms, plain_alarms


def mistaken(pairs: Sequence[Pair]) -> list[Pair]:
    """Return comparisons whose repeats are said to share one split, whatever their splits were."""

    def told(sample: Sample | None) -> Sample | None:
        return None if sample is None else Sample(sample.values, np.zeros(sample.n, dtype=np.int64))

    return [
        replace(
            pair,
            candidate_sample=told(pair.candidate_sample),
            baseline_sample=told(pair.baseline_sample),
            test_to_train=None,
        )
        for pair in pairs
    ]


def model_alarms(rng: np.random.Generator, runs: int, *, repeats: int, ratio: float) -> tuple[int]:
    """Count false alarms of the Nadeau-Bengio test where its supposition holds exactly.

    Parameters
    ----------
    rng : Generator
        Source of chance.
    runs, repeats : int
        Families, and repeats in each.
    ratio : float
        ρ.
    """
    rules, splits = Rules("nadeau-bengio", "resampled", test_to_train=ratio), np.arange(repeats)
    drawn = (family(equal_correlation(rng, repeats, ratio=ratio), splits) for _ in range(runs))
    return (sum(judge(pairs, rules)[0].significant for pairs in drawn),)

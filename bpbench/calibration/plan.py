"""Every claim of the calibration, at one of three sizes: which rule promises what, on which data.

A rate is bounded where theory promises it, or where we do, and reported elsewhere:

* *Single tests.* Two variants of one distribution can be exchanged, so their paired differences are symmetric about
  zero, whatever the distribution's shape. Tests by ranks and by redrawing then keep to α, also where scores are tied.
  For the t tests that is a theorem of normal scores alone (differences of ±1 err in 6.25 % at n = 5); that they keep to
  α for the skewed and the heavy-tailed scores tried here is our own promise. Exponential differences are reported: no
  test promises anything there.
* *Families.* Bonferroni, Holm and Benjamini-Yekutieli keep their rate whatever the dependence of the members (where
  nothing is true, the false discovery rate is the family-wise one). All others suppose independent members, or a kind
  of positive dependence: bounded where each pair has variants of its own, reported where all share a baseline.
  Max-T sign flips suppose that the vector of all differences is as likely as its negative, which a common baseline of
  skewed scores breaks though each single difference is symmetric: reported there, bounded elsewhere.
* *All variants at once.* The p of rank arrangements and Wilcoxon's with Holm's correction are exact for exchangeable
  scores, the repeated-measures F for normal ones; χ², F of ranks and critical differences are limits of many repeats.
* *Intervals of estimates* are bounded where :mod:`bpbench.statistics.coverage` says that theory promises a coverage.
* *Nadeau-Bengio* is exact where all differences are equally correlated, and reported where splits really are redrawn.
  On whole studies of equals it is bounded all the same, though no theory promises it: that is what such a study claims.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, product
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from bpbench.calibration import effects, nulls, trainings
from bpbench.calibration.claims import Bound, Claim, Experiment, Simulation
from bpbench.calibration.effects import Truth
from bpbench.calibration.nulls import ASYMMETRIC, NOISES, TIED
from bpbench.statistics.compare import TESTS, Rules, smallest_p
from bpbench.statistics.corrections import CORRECTIONS, MAX_T
from bpbench.statistics.coverage import CONDITIONS, Data
from bpbench.statistics.margins import Margin
from bpbench.statistics.power import detectable_dz, sd_for_equivalence
from bpbench.statistics.repeats import (
    Noise,
    power_of_difference,
    power_of_equivalence,
    repeats_for_difference,
    repeats_for_equivalence,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ALPHA: Final = 0.05
POWER: Final = 0.8
REPEATS: Final = (5, 10, 30)
FAMILY: Final = 4
#: n_test/n_train where the Nadeau-Bengio test is tried on what it supposes.
RATIO: Final = 1 / 3

#: Tests of a fixed split whose p is that of a normal distribution.
_STUDENT: Final = frozenset({"paired-t", "welch"})
#: Corrections that keep the family-wise error of a complete null under any dependence, if each p is right.
ANY_DEPENDENCE: Final = frozenset({"bonferroni", "holm", "by"})


@dataclass(frozen=True, slots=True)
class Size:
    """How much is simulated.

    Attributes
    ----------
    runs : int
        Runs of every rate that needs no training.
    permuted : int
        Runs of rates of which each run visits some hundred thousand permutations.
    sets : int
        Independent data sets on which trainings are compared.
    """

    runs: int
    permuted: int
    sets: int

    def experiment(self, name: str, simulate: Simulation, *claims: Claim, permutes: bool = False) -> Experiment:
        """Return an experiment of as many runs as its kind has, in pieces of work that take seconds."""
        if permutes:
            return Experiment(name, self.permuted, simulate, claims, share=10)
        return Experiment(name, self.runs, simulate, claims, share=250)


SIZES: Final[Mapping[str, Size]] = MappingProxyType(
    {"tiny": Size(4, 1, 1), "small": Size(100, 10, 200), "full": Size(400, 60, 200)}
)


def experiments(size: Size) -> tuple[Experiment, ...]:
    """Return all that is simulated.

    Parameters
    ----------
    size : Size
        How much of it.
    """
    rates = (_singles, _families, _corrections, _omnibus, _overlaps, _margins, _powers, _sizes, _coverages, _estimates)
    return (*_trainings(size), *chain.from_iterable(made(size) for made in rates))


def _fixed() -> list[str]:
    return [key for key, info in TESTS.items() if "fixed" in info.designs]


def _rules(test: str, *, alpha: float = ALPHA, margin: Margin | None = None) -> Rules:
    if test == "nadeau-bengio":
        return Rules(test, "resampled", alpha=alpha, margin=margin, test_to_train=RATIO)
    return Rules(test, "fixed", alpha=alpha, margin=margin)


def _trainings(size: Size) -> Iterator[Experiment]:
    corrected, plain = TESTS["nadeau-bengio"].label, TESTS["paired-t"].label
    kinds: tuple[tuple[str, str, Bound], ...] = (
        (corrected, "resampled", "at most"),
        (f"{plain}, wrongly", "resampled", "reported"),
        (plain, "crossed", "reported"),
    )
    claims = tuple(
        Claim("trainings", rule, condition, trainings.REPEATS, ALPHA, bound) for rule, condition, bound in kinds
    )
    yield Experiment("trainings", size.sets, trainings.alarms, claims, share=5)


def _singles(size: Size) -> Iterator[Experiment]:
    for test in _fixed():
        for noise in (*NOISES, TIED, ASYMMETRIC):
            kept = noise in NOISES or (noise == TIED and test not in _STUDENT)
            bound: Bound = "at most" if kept else "reported"
            for n in REPEATS:
                simulate = partial(
                    nulls.alarms, rules=(Rules(test, "fixed"),), noise=noise, n=n, rows=2, shape="common"
                )
                claim = Claim("single", TESTS[test].label, noise, n, ALPHA, bound)
                yield size.experiment(f"single/{test}/{noise}/{n}", simulate, claim, permutes=test == "permutation")


def _families(size: Size) -> Iterator[Experiment]:
    for test in _fixed():
        for noise in NOISES:
            for n in REPEATS:
                rules = (Rules(test, "fixed", "holm"),)
                simulate = partial(nulls.alarms, rules=rules, noise=noise, n=n, rows=FAMILY + 1, shape="common")
                claim = Claim("family", TESTS[test].label, noise, n, ALPHA, "at most")
                yield size.experiment(f"family/{test}/{noise}/{n}", simulate, claim, permutes=test == "permutation")


def _corrected(correction: str) -> Rules:
    """Return rules with that correction, of a paired t if it allows this test."""
    return Rules("sign-flip" if correction == MAX_T else "paired-t", "fixed", correction)


def _promise(correction: str, noise: str, shape: nulls.Shape) -> Bound:
    if correction == MAX_T:
        kept = shape == "separate" or noise != "skewed"
    else:
        kept = shape == "separate" or correction in ANY_DEPENDENCE
    return "at most" if kept else "reported"


def _corrections(size: Size) -> Iterator[Experiment]:
    shapes: tuple[tuple[nulls.Shape, int, tuple[str, ...]], ...] = (
        ("common", FAMILY + 1, CORRECTIONS),
        ("separate", 2 * FAMILY, CORRECTIONS),
        ("all pairs", FAMILY, ("holm", MAX_T)),
    )
    for (shape, rows, corrections), noise, n in product(shapes, NOISES, REPEATS):
        rules = tuple(_corrected(correction) for correction in corrections)
        simulate = partial(nulls.alarms, rules=rules, noise=noise, n=n, rows=rows, shape=shape)
        claims = tuple(
            Claim(
                f"corrections, {shape}",
                _named(rule),
                noise,
                n,
                _level(rule.correction),
                _promise(rule.correction, noise, shape),
            )
            for rule in rules
        )
        yield size.experiment(f"corrections/{shape}/{noise}/{n}", simulate, *claims)


def _level(correction: str) -> float:
    """Return the rate that is promised: two-stage Benjamini-Hochberg, as statsmodels has it, promises a little more."""
    return ALPHA / (1 - ALPHA) if correction == "tsbh" else ALPHA


def _named(rules: Rules) -> str:
    """Return the correction, and the test unless it is the usual one."""
    return rules.correction + ("" if rules.test == "paired-t" else f" ({TESTS[rules.test].label})")


def _omnibus(size: Size) -> Iterator[Experiment]:
    exact = {nulls.OMNIBUS[0], nulls.OMNIBUS[5]}
    normal = exact | {nulls.OMNIBUS[6]}
    for noise, n in product(NOISES, REPEATS):
        kept = normal if noise == "normal" else exact
        claims = tuple(
            Claim("omnibus", rule, noise, n, ALPHA, "at most" if rule in kept else "reported") for rule in nulls.OMNIBUS
        )
        simulate = partial(nulls.omnibus_alarms, noise=noise, n=n, rows=FAMILY, alpha=ALPHA)
        # counting the arrangements of many repeats takes as long as visiting labellings
        yield size.experiment(f"omnibus/{noise}/{n}", simulate, *claims, permutes=n == max(REPEATS))


def _overlaps(size: Size) -> Iterator[Experiment]:
    corrected, plain = TESTS["nadeau-bengio"].label, f"{TESTS['paired-t'].label}, wrongly"
    for n in REPEATS:
        simulate = partial(nulls.model_alarms, repeats=n, ratio=RATIO)
        claim = Claim("overlap", corrected, "equally correlated", n, ALPHA, "at most")
        yield size.experiment(f"overlap/model/{n}", simulate, claim)
        claims = tuple(Claim("overlap", rule, "redrawn splits", n, ALPHA, "reported") for rule in (corrected, plain))
        yield size.experiment(f"overlap/splits/{n}", partial(nulls.overlap_alarms, repeats=n), *claims)


def _margins(size: Size) -> Iterator[Experiment]:
    """Claims at the margin itself: the spread is small beside it, so that only one of its two sides matters."""
    for test in (*_fixed(), "nadeau-bengio"):
        for noise in NOISES if test != "nadeau-bengio" else ("normal",):
            yield from _margin(size, test, noise, Margin(1.0), Truth(0, 1.0, 0.4, noise), "at most")
        # a share of the baseline changes its variance a little, which only tests that need no equal variances allow
        bound: Bound = "at most" if TESTS[test].paired or test == "welch" else "reported"
        yield from _margin(
            size, test, "10 % of the baseline", Margin(0.1, "relative"), Truth(0, 1.0, 0.4, level=10.0), bound
        )
        if test in {"paired-t", "nadeau-bengio"}:
            yield from _margin(size, test, "d_z = 1", Margin(1.0, "d_z"), Truth(0, 1.0, 1.0), "at most")


def _margin(size: Size, test: str, condition: str, margin: Margin, truth: Truth, bound: Bound) -> Iterator[Experiment]:
    for n in REPEATS:
        simulate = partial(effects.equivalent, rules=_rules(test, margin=margin), truth=replace(truth, n=n))
        claim = Claim("margin", TESTS[test].label, condition, n, ALPHA, bound)
        yield size.experiment(f"margin/{test}/{condition}/{n}", simulate, claim, permutes=test == "permutation")


def _powers(size: Size) -> Iterator[Experiment]:
    level = ALPHA / FAMILY
    for test in ("paired-t", "nadeau-bengio"):
        for n in REPEATS:
            rules = _rules(test, alpha=level)
            dz = detectable_dz(n, alpha=level, power=POWER, test_to_train=rules.test_to_train)
            simulate = partial(effects.significant, rules=rules, truth=Truth(n, dz, 1.0))
            claim = Claim("power", TESTS[test].label, "detectable difference", n, POWER, "equal")
            yield size.experiment(f"power/{test}/{n}", simulate, claim)
            sd = sd_for_equivalence(n, 1.0, ALPHA, POWER, test_to_train=rules.test_to_train)
            simulate = partial(effects.equivalent, rules=_rules(test, margin=Margin(1.0)), truth=Truth(n, 0.0, sd))
            claim = Claim("power", TESTS[test].label, "equivalence, largest spread", n, POWER, "equal")
            yield size.experiment(f"power/equivalence/{test}/{n}", simulate, claim)


#: The one condition of planned numbers of repeats; the rule names the number, and the power that theory gives it.
_PLANNED: Final = "as planned"


def _sizes(size: Size) -> Iterator[Experiment]:
    """Claims of as many repeats as planned for a true difference of one unit, or for a margin of one unit."""
    for test in ("paired-t", "nadeau-bengio"):
        rules, label = _rules(test), TESTS[test].label
        noise = Noise(1.2, rules.test_to_train or 0.0) if test == "paired-t" else Noise(0.45, RATIO)
        found = repeats_for_difference(1.0, noise, alpha=ALPHA, power=POWER)
        same = repeats_for_equivalence(1.0, noise, alpha=ALPHA, power=POWER)
        assert found is not None
        assert same is not None
        power = power_of_difference(1.0, found, noise, alpha=ALPHA)
        simulate = partial(effects.significant, rules=rules, truth=Truth(found, 1.0, noise.sd))
        claim = Claim("sizes", f"{label}, a difference: n = {found}, {power:.1%}", _PLANNED, found, power, "equal")
        yield size.experiment(f"sizes/difference/{test}", simulate, claim)
        power = power_of_equivalence(1.0, same, noise, alpha=ALPHA)
        rules = _rules(test, margin=Margin(1.0))
        simulate = partial(effects.equivalent, rules=rules, truth=Truth(same, 0.0, noise.sd))
        claim = Claim("sizes", f"{label}, equivalence: n = {same}, {power:.1%}", _PLANNED, same, power, "equal")
        yield size.experiment(f"sizes/equivalence/{test}", simulate, claim)


def _coverages(size: Size) -> Iterator[Experiment]:
    for test in (*_fixed(), "nadeau-bengio"):
        rules = _rules(test)
        for noise in (*NOISES, ASYMMETRIC) if test != "nadeau-bengio" else ("normal",):
            exact = test in {"paired-t", "nadeau-bengio"} and noise == "normal"
            bound: Bound = "equal" if exact else "reported" if noise == ASYMMETRIC else "at least"
            for n in REPEATS:
                if smallest_p(test, n) > ALPHA:
                    continue  # no interval at all with so few repeats
                simulate = partial(effects.covered, rules=rules, truth=Truth(n, 0.3, 1.0, noise))
                claim = Claim("coverage", TESTS[test].label, noise, n, 1 - ALPHA, bound)
                yield size.experiment(f"coverage/{test}/{noise}/{n}", simulate, claim, permutes=test == "permutation")


#: Estimates and methods whose names are written otherwise than their keys.
_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "pooled_d": "pooled d",
        "hedges_g": "Hedges' g",
        "cliffs_delta": "Cliff's δ",
        "rank_biserial": "rank-biserial",
        "improvement": "probability of improvement",
        "iqm": "IQM",
        "fieller": "Fieller",
        "bca": "BCa",
        "brunner-munzel": "Brunner-Munzel",
    }
)


def _estimates(size: Size) -> Iterator[Experiment]:
    kinds: tuple[Data, ...] = ("paired", "independent", "strata")
    bounds: dict[str, Bound] = {"exact": "equal", "at least": "at least", "": "reported"}
    for data, condition, n in product(kinds, CONDITIONS, REPEATS):
        claims = tuple(
            Claim(
                f"estimates, {data}",
                f"{_NAMES.get(info.estimate, info.estimate)}, {_NAMES.get(info.method, info.method)}",
                "heavy tails" if condition == "heavy" else condition,
                n,
                1 - ALPHA,
                bounds[info.promise] if condition in info.under else "reported",
            )
            for info in effects.of_estimates(data)
        )
        simulate = partial(effects.held, data=data, condition=condition, n=n)
        yield size.experiment(f"estimates/{data}/{condition}/{n}", simulate, *claims)

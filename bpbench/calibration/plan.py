"""Every claim of the calibration, at one of three sizes: which rule promises what, on which data.

A rate is bounded where theory promises it and reported where it does not:

* *Single tests.* Two variants of one distribution can be exchanged, so their paired differences are symmetric about
  zero, whatever the distribution's shape; every test that a fixed split allows then keeps to α. Exponential differences
  are reported: no test promises anything there.
* *Families.* Bonferroni, Holm and Benjamini-Yekutieli keep their rate whatever the dependence of the members (where
  nothing is true, the false discovery rate is the family-wise one). All others suppose independent members, or a kind
  of positive dependence: bounded where each pair has variants of its own, reported where all share a baseline.
  Two-stage Benjamini-Hochberg estimates the number of true nulls and is bounded nowhere. Corrections that resample the
  repeats suppose that the vector of all differences is as likely as its negative, which a common baseline of skewed
  scores breaks though each single difference is symmetric: reported there.
* *Nadeau-Bengio* is exact where all differences are equally correlated, and reported where splits really are redrawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from bpbench.calibration import effects, nulls, trainings
from bpbench.calibration.claims import Bound, Claim, Experiment
from bpbench.calibration.effects import Truth
from bpbench.calibration.nulls import ASYMMETRIC, NOISES
from bpbench.errors import StatisticsError
from bpbench.statistics.compare import TESTS, Rules
from bpbench.statistics.corrections import METHODS
from bpbench.statistics.power import detectable_dz, sd_for_equivalence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ALPHA: Final = 0.05
POWER: Final = 0.8
REPEATS: Final = (5, 10, 30)
FAMILY: Final = 4
#: n_test/n_train where the Nadeau-Bengio test is tried on what it supposes.
RATIO: Final = 1 / 3

#: Corrections that keep the family-wise error of a complete null under any dependence, if each p is right.
ANY_DEPENDENCE: Final = frozenset({"bonferroni", "holm", "by"})
#: Corrections of which nothing is promised for a family of this size.
NO_PROMISE: Final = frozenset({"tsbh"})
#: Corrections that resample whole repeats.
RESAMPLING: Final = frozenset({"max-t"})


@dataclass(frozen=True, slots=True)
class Size:
    """How much is simulated.

    Attributes
    ----------
    runs : int
        Runs of every rate that needs no training.
    sets : int
        Independent data sets on which trainings are compared.
    """

    runs: int
    sets: int


SIZES: Final[Mapping[str, Size]] = MappingProxyType(
    {"tiny": Size(8, 1), "small": Size(400, 200), "full": Size(4000, 600)}
)


def experiments(size: Size) -> tuple[Experiment, ...]:
    """Return all that is simulated.

    Parameters
    ----------
    size : Size
        How much of it.
    """
    return (*_trainings(size.sets), *_singles(size.runs), *_families(size.runs), *_corrections(size.runs),
            *_overlaps(size.runs), *_margins(size.runs), *_powers(size.runs), *_coverages(size.runs))  # fmt: skip


def _fixed() -> list[str]:
    return [key for key, info in TESTS.items() if "fixed" in info.designs]


def _trainings(sets: int) -> Iterator[Experiment]:
    corrected, plain = TESTS["nadeau-bengio"].label, TESTS["paired-t"].label
    kinds: tuple[tuple[str, str, Bound], ...] = (
        (corrected, "resampled", "at most"),
        (f"{plain}, wrongly", "resampled", "reported"),
        (plain, "crossed", "reported"),
    )
    claims = tuple(
        Claim("trainings", rule, condition, trainings.REPEATS, ALPHA, bound) for rule, condition, bound in kinds
    )
    yield Experiment("trainings", sets, trainings.alarms, claims, share=10)


def _singles(runs: int) -> Iterator[Experiment]:
    for test in _fixed():
        for noise in (*NOISES, ASYMMETRIC):
            bound: Bound = "reported" if noise == ASYMMETRIC else "at most"
            for n in REPEATS:
                simulate = partial(
                    nulls.alarms, rules=(Rules(test, "fixed"),), noise=noise, n=n, size=1, shape="common"
                )
                claim = Claim("single", TESTS[test].label, noise, n, ALPHA, bound)
                yield Experiment(f"single/{test}/{noise}/{n}", runs, simulate, (claim,))


def _families(runs: int) -> Iterator[Experiment]:
    for test in _fixed():
        for noise in NOISES:
            for n in REPEATS:
                rules = (Rules(test, "fixed", "holm"),)
                simulate = partial(nulls.alarms, rules=rules, noise=noise, n=n, size=FAMILY, shape="common")
                claim = Claim("family", TESTS[test].label, noise, n, ALPHA, "at most")
                yield Experiment(f"family/{test}/{noise}/{n}", runs, simulate, (claim,))


def _corrected(correction: str) -> Rules | None:
    """Return rules with that correction, of a paired t if it allows this test."""
    for test in _fixed():
        try:
            return Rules(test, "fixed", correction)
        except StatisticsError:
            continue
    return None


def _promise(correction: str, noise: str, shape: nulls.Shape) -> Bound:
    if correction in ANY_DEPENDENCE:
        return "at most"
    if correction in NO_PROMISE:
        return "reported"
    if correction in RESAMPLING:
        return "reported" if noise == "skewed" and shape == "common" else "at most"
    return "at most" if shape == "separate" else "reported"


def _corrections(runs: int) -> Iterator[Experiment]:
    rules = {correction: found for correction in METHODS if (found := _corrected(correction)) is not None}
    shapes: tuple[nulls.Shape, ...] = ("common", "separate")
    for shape, noise, n in product(shapes, NOISES, REPEATS):
        simulate = partial(nulls.alarms, rules=tuple(rules.values()), noise=noise, n=n, size=FAMILY, shape=shape)
        claims = tuple(
            Claim(f"corrections, {shape}", _named(rule), noise, n, ALPHA, _promise(correction, noise, shape))
            for correction, rule in rules.items()
        )
        yield Experiment(f"corrections/{shape}/{noise}/{n}", runs, simulate, claims)


def _named(rules: Rules) -> str:
    """Return the correction, and the test unless it is the usual one."""
    return rules.correction + ("" if rules.test == "paired-t" else f" ({TESTS[rules.test].label})")


def _overlaps(runs: int) -> Iterator[Experiment]:
    corrected, plain = TESTS["nadeau-bengio"].label, f"{TESTS['paired-t'].label}, wrongly"
    for n in REPEATS:
        simulate = partial(nulls.model_alarms, repeats=n, ratio=RATIO)
        claim = Claim("overlap", corrected, "equally correlated", n, ALPHA, "at most")
        yield Experiment(f"overlap/model/{n}", runs, simulate, (claim,))
        claims = tuple(Claim("overlap", rule, "redrawn splits", n, ALPHA, "reported") for rule in (corrected, plain))
        yield Experiment(f"overlap/splits/{n}", runs, partial(nulls.overlap_alarms, repeats=n), claims)


def _margins(runs: int) -> Iterator[Experiment]:
    """Claims at the margin itself: the spread is small beside it, so that only one of its two sides matters."""
    margin = 1.0
    for test in (*_fixed(), "nadeau-bengio"):
        for noise in NOISES if test != "nadeau-bengio" else ("normal",):
            for n in REPEATS:
                rules = _rules(test, margin=margin)
                simulate = partial(effects.equivalent, rules=rules, truth=Truth(n, margin, 0.4, noise))
                claim = Claim("margin", TESTS[test].label, noise, n, ALPHA, "at most")
                yield Experiment(f"margin/{test}/{noise}/{n}", runs, simulate, (claim,))


def _rules(test: str, *, alpha: float = ALPHA, margin: float | None = None) -> Rules:
    if test == "nadeau-bengio":
        return Rules(test, "resampled", alpha=alpha, margin=margin, test_to_train=RATIO)
    return Rules(test, "fixed", alpha=alpha, margin=margin)


def _powers(runs: int) -> Iterator[Experiment]:
    level = ALPHA / FAMILY
    for test in ("paired-t", "nadeau-bengio"):
        for n in REPEATS:
            rules = _rules(test, alpha=level)
            dz = detectable_dz(n, alpha=level, power=POWER, test_to_train=rules.test_to_train)
            simulate = partial(effects.significant, rules=rules, truth=Truth(n, dz, 1.0))
            claim = Claim("power", TESTS[test].label, "detectable difference", n, POWER, "equal")
            yield Experiment(f"power/{test}/{n}", runs, simulate, (claim,))
            sd = sd_for_equivalence(n, 1.0, ALPHA, POWER, test_to_train=rules.test_to_train)
            simulate = partial(effects.equivalent, rules=_rules(test, margin=1.0), truth=Truth(n, 0.0, sd))
            claim = Claim("power", TESTS[test].label, "equivalence, largest spread", n, POWER, "equal")
            yield Experiment(f"power/equivalence/{test}/{n}", runs, simulate, (claim,))


def _coverages(runs: int) -> Iterator[Experiment]:
    for test in (*_fixed(), "nadeau-bengio"):
        rules = _rules(test)
        for noise in (*NOISES, ASYMMETRIC) if test != "nadeau-bengio" else ("normal",):
            exact = test in {"paired-t", "nadeau-bengio"} and noise == "normal"
            bound: Bound = "equal" if exact else "reported" if noise == ASYMMETRIC else "at least"
            for n in REPEATS:
                truth = Truth(n, 0.3, 1.0, noise)
                if next(effects.judged(np.random.default_rng(1), 1, rules, truth)).low is None:
                    continue  # no interval at all with so few repeats
                simulate = partial(effects.covered, rules=rules, truth=truth)
                claim = Claim("coverage", TESTS[test].label, noise, n, 1 - ALPHA, bound)
                yield Experiment(f"coverage/{test}/{noise}/{n}", runs, simulate, (claim,))

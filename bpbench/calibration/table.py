"""The table of the calibration as plain data: every rate with its bound, and what each part of the table means."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from bpbench.calibration import trainings
from bpbench.calibration.claims import RISK
from bpbench.calibration.plan import ALPHA, FAMILY, POWER, RATIO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bpbench.calibration.claims import Rate


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the table.

    Attributes
    ----------
    title : str
        Its heading.
    counts : str
        What its rates count; whole sentences.
    """

    title: str
    counts: str


_FAMILIES: Final = f"Share of null families of {FAMILY} in which any comparison is significant"

_HELD: Final = f"Share of the {1 - ALPHA:.0%} intervals of each estimate that hold the truth."

#: Parts of the table in their order: title, and what is counted.
PARTS: Final[Mapping[str, Part]] = MappingProxyType(
    {
        "single": Part(
            "One comparison of equals",
            "Share of significant differences between two variants of one distribution; both hold a common part, as "
            "from a split or a batch order. With ties: normal scores are rounded to half a standard deviation. "
            "Asymmetric: their differences are exponential with mean zero.",
        ),
        "family": Part(
            f"Families of {FAMILY} against a common baseline, Holm",
            f"{_FAMILIES}, by test.",
        ),
        "corrections, common": Part(
            f"Corrections, {FAMILY} candidates against a common baseline",
            f"{_FAMILIES}, by correction (paired t unless another test is named).",
        ),
        "corrections, separate": Part(
            f"Corrections, {FAMILY} pairs of their own",
            f"{_FAMILIES}, each pair with variants of its own.",
        ),
        "corrections, all pairs": Part(
            f"Corrections, all pairs of {FAMILY} variants",
            f"Share of null families of all {FAMILY * (FAMILY - 1) // 2} pairs in which any comparison is significant.",
        ),
        "omnibus": Part(
            f"All variants at once ({FAMILY} of them)",
            "Share of null tables in which a test of all variants, or of any pair of them, sees a difference.",
        ),
        "overlap": Part(
            "Overlapping splits",
            "Share of significant differences between equals. Redrawn splits: two slopes fitted on exchangeable "
            "columns, test/train = 10/40, on independent data sets; Nadeau-Bengio is a heuristic there, and a plain t "
            f"is what the design refuses. Equally correlated: what Nadeau-Bengio supposes, test/train = {RATIO:.2f}.",
        ),
        "trainings": Part(
            "Trainings of equals (A/A)",
            f"Share of independent data sets ({trainings.CRYSTALS} EMT crystals each) on which a whole study, from "
            f"split to verdict, calls one of {len(trainings.CONTESTANTS)} ridges of equal expected loss better "
            f"({trainings.SET} and {trainings.NOISE} columns of pure noise, others for each). Resampled: verdicts hold "
            "for splits of these data; a plain t on the same repeats is what the design refuses. Crossed: verdicts "
            "hold only given the reserve, on which one noise does fit better than the other; so they may be many.",
        ),
        "margin": Part(
            "Equivalence at the margin",
            "Share of comparisons called equivalent although the true difference is the margin: in the metric's unit "
            "(by noise), as a share of the baseline's true mean, and in true spreads of the differences (both normal).",
        ),
        "power": Part(
            f"Power against theory, {POWER:.0%}",
            f"Share significant at the detectable difference (level {ALPHA / FAMILY:g}, the first step of a family "
            f"of {FAMILY}), and share called equivalent at the largest spread that allows it; normal differences.",
        ),
        "sizes": Part(
            f"Repeats planned for a power of {POWER:.0%}",
            "Share significant, or called equivalent, with as many repeats as planned for a difference, or a margin, "
            "of one unit; beside it what theory says of that number. Normal differences.",
        ),
        "coverage": Part(
            f"Coverage of {1 - ALPHA:.0%} intervals",
            "Share of the intervals beside the tests that hold the true difference.",
        ),
        "estimates, paired": Part(
            "Coverage of estimates, paired",
            f"{_HELD} Bootstraps of 999 resamples; most of those of few repeats are too narrow.",
        ),
        "estimates, independent": Part("Coverage of estimates, two samples", _HELD),
        "estimates, strata": Part("Coverage of estimates, three strata", _HELD),
    }
)

READING: Final = (
    "Each rate is a share of simulated runs whose truth is known. Where theory or we promise a rate, it is bounded: "
    "the bound is the nominal rate plus (or minus) the Monte-Carlo error, granted by exact binomial tails so that a "
    f"table of rules that keep exactly to their rates shows anything outside with a probability of at most {RISK:.0%}. "
    "Where nothing is promised, the rate is reported, in brackets."
)


def told(rates: Sequence[Rate], **about: Any) -> dict[str, Any]:
    """Return all rates as plain JSON.

    Parameters
    ----------
    rates : sequence of Rate
        As measured.
    **about
        What else is to be told of the measurement, such as its size and seed.

    Returns
    -------
    dict
        ``within`` says whether every bounded rate is within its bound; ``parts`` holds the rates.
    """
    bounded = [rate.within for rate in rates if rate.within is not None]
    return {
        **about,
        "reading": READING,
        "bounded": len(bounded),
        "outside": sum(not within for within in bounded),
        "within": all(bounded),
        "parts": [
            {
                "key": key,
                "title": part.title,
                "counts": part.counts,
                "rates": [_told(rate) for rate in rates if rate.claim.table == key],
            }
            for key, part in PARTS.items()
        ],
    }


def _told(rate: Rate) -> dict[str, Any]:
    claim = rate.claim
    return {
        "rule": claim.rule,
        "condition": claim.condition,
        "n": claim.n,
        "runs": rate.runs,
        "count": rate.count,
        "rate": rate.value,
        "nominal": claim.nominal,
        "error": rate.error,
        "bound": claim.bound,
        "low": None if rate.low is None else rate.low / rate.runs,
        "high": None if rate.high is None else rate.high / rate.runs,
        "within": rate.within,
    }

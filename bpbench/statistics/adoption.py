r"""Whether a candidate takes the incumbent's place: adopt, keep, or undecided, by a rule declared beforehand.

=========  ================  ======================================================================================
symbol     name              meaning
=========  ================  ======================================================================================
δ                            true loss of the candidate beside the incumbent; positive where the candidate is worse
Δ          ``rules.margin``  the margin: the largest difference that does not matter
α_k        ``rules.alpha``   level of this look (:mod:`.spending`)
α_{k+1}    ``next_alpha``    that of the next one
=========  ================  ======================================================================================

========================  =====================================================  =====================================
rule                      *adopt* if shown at α_k                                *keep* if shown at α_k
========================  =====================================================  =====================================
``superior``              δ < 0, two-sided, and a gain of Δ is not excluded      δ > -Δ (without a margin δ > 0), or
                                                                                 δ > 0, two-sided
``non-inferior``          δ < Δ                                                  else δ > 0, two-sided
``cheaper-and-            δ < Δ, and beside it δ > -Δ, or δ < 0, two-sided;      else δ > 0, two-sided; and at once
equivalent``              of a candidate of fewer operations                     where operations are not fewer
========================  =====================================================  =====================================

All else is *undecided*. Tests not called two-sided are one-sided. Every *adopt* rests on a test of the whole level, so
that a candidate on the boundary of its rule (δ = 0, or Δ) is adopted with a probability of at most α_k. A margin that
is a share of the baseline's mean is tested by another contrast than δ is, and one of the two may show what the other
does not: hence "δ < Δ" stands beside "δ < 0" in the last row, and *superior* asks twice before it keeps, which costs a
wrong *keep* up to half of α_k beyond it.

A diverged repeat of the candidate bars *adopt*: such a candidate is not taken, however good its other repeats are. One
of the incumbent alone leaves the question open, as its score would flatter it.

**Enough** is the number of repeats, judged at α_{k+1}, with which a candidate that deserves it is adopted with the
declared power: under ``superior`` one that is better by Δ, else one that is as good as the incumbent. It is reckoned by
an upper limit of the spread (:mod:`.repeats`), never by the difference seen. As a gain of Δ itself is excluded by
chance in α_{k+1} of studies, ``superior`` asks for that much power more. A relative margin takes the largest spread
among those of the contrasts that it is tested by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from bpbench.errors import StatisticsError, nearest
from bpbench.statistics.compare import judge
from bpbench.statistics.designs import TESTS
from bpbench.statistics.equivalence import non_inferiority, require_positive
from bpbench.statistics.evidence import contrasts, independent, overlap
from bpbench.statistics.power import unit_se
from bpbench.statistics.repeats import noise_limit, repeats_to_show
from bpbench.statistics.rules import smallest_p
from bpbench.statistics.samples import Sample

if TYPE_CHECKING:
    from bpbench.statistics.equivalence import OneSided
    from bpbench.statistics.margins import Margin
    from bpbench.statistics.pairs import Comparison, Pair
    from bpbench.statistics.repeats import Claim, Noise
    from bpbench.statistics.rules import Rules

SUPERIOR: Final = "superior"
NON_INFERIOR: Final = "non-inferior"
CHEAPER: Final = "cheaper-and-equivalent"
#: What a protocol may ask of a candidate.
RULES: Final = (SUPERIOR, NON_INFERIOR, CHEAPER)

Answer = Literal["adopt", "keep", "undecided"]

#: Repeats at which the smallest p of every test has stopped falling.
_FLOORED: Final = 64


@dataclass(frozen=True, slots=True)
class Adoption:
    """What is answered, and what it rests on.

    Attributes
    ----------
    answer : {'adopt', 'keep', 'undecided'}
        Of the candidate.
    because : tuple of str
        Whole sentences, most important first.
    comparison : Comparison or None
        The pair as it is judged at this level alone; ``None`` where the answer needed none. Its own ``needed`` is
        reckoned at the level of this look and not of the next.
    p : float or None
        Of the claim that the rule asks for: *adopt* asks that it is at most the level. ``None`` where nothing was
        tested.
    against : float or None
        Of the opposite claim, which *keep* asks for.
    bound : float or None
        Confidence limit of the difference on the side where the candidate is worse, in the measure of the margin (the
        metric's unit, a share of the baseline's mean, d_z; without a margin the metric's unit): the candidate is worse
        than the baseline by at most this, where lower is better; else its score lies above the baseline's by at least
        this (both with their signs). One-sided, of level 1 - α_k, under ``superior`` 1 - α_k/2; ``None`` where the test
        gives none.
    needed : int or None
        Repeats in all (splits, in a crossed design) that would be enough, of an undecided question alone; ``None``
        where none would, or where nothing tells.
    none_enough : str or None
        Why no number of repeats would be enough: a whole sentence.
    """

    answer: Answer
    because: tuple[str, ...]
    comparison: Comparison | None = None
    p: float | None = None
    against: float | None = None
    bound: float | None = None
    needed: int | None = None
    none_enough: str | None = None


def require_rule(rule: str, margin: Margin | None) -> None:
    """Refuse a rule that does not exist, or one that has nothing to go by.

    Parameters
    ----------
    rule : str
        One of :data:`RULES`.
    margin : Margin or None
        The declared margin.

    Raises
    ------
    StatisticsError
        For an unknown rule (the nearest is offered), or one that needs a margin and has none.
    """
    if rule not in RULES:
        raise StatisticsError(f"There is no rule '{rule}'{nearest(rule, RULES)}")
    if margin is None and rule != SUPERIOR:
        raise StatisticsError(
            f"The rule '{rule}' asks whether a difference is too small to matter and needs a margin, found none; "
            f"declare the largest difference that does not matter, or use the rule '{SUPERIOR}', which needs none."
        )


def settled_before(rule: str, costs: tuple[float, float] | None) -> Adoption | None:
    """Return the answer that no training could change, ``None`` where there is none.

    Parameters
    ----------
    rule : str
        One of :data:`RULES`.
    costs : tuple of float or None
        Operations on paper of the candidate and of the incumbent, in one unit; ``cheaper-and-equivalent`` alone reads
        them.

    Raises
    ------
    StatisticsError
        Under ``cheaper-and-equivalent``, for costs that are unknown or impossible.
    """
    if rule != CHEAPER:
        return None
    if costs is None:
        raise StatisticsError(
            f"The rule '{CHEAPER}' compares operations on paper, and they are not known of both sides; use the rule "
            f"'{NON_INFERIOR}', which asks for scores alone."
        )
    if not all(0 <= cost < math.inf for cost in costs):
        raise StatisticsError(f"Operations are counts that are not negative, found {costs[0]!r} and {costs[1]!r}.")
    if costs[0] < costs[1]:
        return None
    than = "as many operations as" if costs[0] == costs[1] else "more operations than"
    return Adoption("keep", (f"On paper the candidate takes {than} the incumbent: it is not cheaper.",))


def decide(
    pair: Pair, rules: Rules, rule: str, *, next_alpha: float, costs: tuple[float, float] | None = None
) -> Adoption:
    """Answer whether the candidate of a pair takes the place of its baseline, the incumbent.

    Parameters
    ----------
    pair : Pair
        Candidate and incumbent.
    rules : Rules
        The declared test, design, margin and power; its alpha is the level of this look. No correction is read: there
        is one comparison.
    rule : str
        One of :data:`RULES`.
    next_alpha : float
        Level of the next look, at most that of this one.
    costs : tuple of float, optional
        As for :func:`settled_before`.

    Raises
    ------
    StatisticsError
        For an unknown rule, one without the margin or the costs that it needs, an impossible level, or a pair that
        does not fit test and design.
    """
    require_rule(rule, rules.margin)
    if not 0 < next_alpha <= rules.alpha:
        raise StatisticsError(
            f"The level of the next look lies above 0 and not above that of this one ({rules.alpha:g}), "
            f"found {next_alpha!r}."
        )
    settled = settled_before(rule, costs)
    (comparison,) = judge((pair,), replace(rules, correction="holm"))
    answer = settled or _barred(pair, comparison, rules) or _weighed(pair, comparison, rules, rule, next_alpha)
    return replace(answer, comparison=comparison)


def _barred(pair: Pair, comparison: Comparison, rules: Rules) -> Adoption | None:
    """Return the answer where nothing can be tested, or must not be adopted whatever is."""
    if pair.missing:
        return Adoption("undecided", (comparison.remarks[0],))
    if pair.diverged_candidate:
        return Adoption(
            "keep", ("Repeats of the candidate diverged: it is not adopted, however good its other repeats are.",)
        )
    if pair.diverged_baseline:
        never = "More repeats of the incumbent do not undo those that diverged: no number of them would be enough."
        why = "Repeats of the incumbent diverged, and those that are left make it look better than it is."
        return Adoption("undecided", (why,), none_enough=never)
    if comparison.p is None:
        never = "As long as repeats show no spread, no number of them gives a test: none would be enough."
        alone = min(comparison.n, comparison.n_baseline) < 2
        return Adoption("undecided", comparison.remarks, none_enough=None if alone else never)
    assert pair.baseline_sample is not None  # as there is a p
    if rules.margin is not None and rules.margin.kind == "relative":
        try:
            require_positive(pair.baseline_sample.values)
        except StatisticsError as error:  # known only now, when the trainings are paid for
            return Adoption("undecided", ("The margin could not be tested.",), none_enough=str(error))
    return None


@dataclass(frozen=True, slots=True)
class _Shown:
    """P-values of the claims about one pair, with the side on which its mean lies.

    ``better`` and ``worse`` are two-sided; ``gain`` is of "the gain is below the margin" and ``loss`` of "the loss is
    below the margin"; ``agree`` is whether the test sees the candidate on the side on which its mean lies.
    """

    better: float
    worse: float
    gain: float
    loss: float
    bound: float | None
    agree: bool


def _weighed(pair: Pair, comparison: Comparison, rules: Rules, rule: str, next_alpha: float) -> Adoption:
    """Return the answer of the tests."""
    assert pair.candidate_sample is not None
    assert pair.baseline_sample is not None
    one, other = independent(pair.candidate_sample, pair.baseline_sample, rules.design)
    shown = _shown(one, other, pair, comparison, rules, rule)
    judged = {SUPERIOR: _superior, NON_INFERIOR: _non_inferior, CHEAPER: _cheaper}[rule](shown, rules)
    found = replace(judged, bound=shown.bound)
    if found.answer != "undecided":
        return found
    opposed = () if shown.agree else ("The test and the mean point to opposite sides.",)
    return _with_needed(replace(found, because=(*found.because, *opposed)), one, other, pair, rules, rule, next_alpha)


def _shown(one: Sample, other: Sample, pair: Pair, comparison: Comparison, rules: Rules, rule: str) -> _Shown:
    contrast, lower, margin = contrasts(one, other, pair, rules), rules.lower_is_better, rules.margin
    evidence = contrast(1.0)
    below, above = evidence.p_less(), evidence.p_greater()
    better, worse = (below, above) if lower else (above, below)
    # a superiority that is shown by a two-sided test has its limit from an interval of that level
    alpha = rules.alpha / 2 if rule == SUPERIOR else rules.alpha
    if margin is None:
        ends = evidence.interval(1 - rules.alpha)
        gain, loss, bound = worse, better, None if ends is None else ends[lower]
    else:
        unit = unit_se(one.n, overlap(pair, rules))

        def within(*, worse_above: bool) -> OneSided:
            return non_inferiority(contrast, margin, alpha, lower_is_better=worse_above, unit_se=unit)

        # a gain is a loss in the other direction
        lost = within(worse_above=lower)
        gain, loss, bound = within(worse_above=not lower).p, lost.p, lost.bound
    return _Shown(
        better=min(1.0, 2 * better),
        worse=min(1.0, 2 * worse),
        gain=gain,
        loss=loss,
        bound=bound,
        agree=evidence.direction * (comparison.difference or 0.0) > 0,
    )


def _superior(shown: _Shown, rules: Rules) -> Adoption:
    """Return the answer of ``superior``."""
    against = min(shown.gain, shown.worse) if shown.agree else shown.gain
    better = shown.agree and shown.better <= rules.alpha
    answer: Answer = "keep" if against <= rules.alpha else "adopt" if better else "undecided"
    if answer == "keep":
        text = (
            "The candidate is better than the incumbent, but by less than the margin: too little to matter."
            if better
            else "The candidate is not better than the incumbent."
            if rules.margin is None
            else "A gain as large as the margin is excluded, by a one-sided test."
        )
        return Adoption("keep", (text, *_worse(shown, rules)), p=shown.better, against=against)
    if answer == "adopt":
        gained = () if rules.margin is None else ("A gain as large as the margin is not excluded.",)
        because = ("The candidate is better than the incumbent.", *gained)
        return Adoption("adopt", because, p=shown.better, against=against)
    nor = (
        "nor that it is worse."
        if rules.margin is None
        else "nor, by a one-sided test, that a gain as large as the margin is excluded."
    )
    return Adoption(
        "undecided", (f"It is not shown that the candidate is better, {nor}",), p=shown.better, against=against
    )


def _worse(shown: _Shown, rules: Rules) -> tuple[str, ...]:
    """Return a sentence on a candidate that is significantly worse, nothing on another."""
    return ("The candidate is worse than the incumbent.",) if shown.agree and shown.worse <= rules.alpha else ()


def _non_inferior(shown: _Shown, rules: Rules) -> Adoption:
    """Return the answer of ``non-inferior``."""
    worse = _worse(shown, rules)
    if shown.loss <= rules.alpha:
        but = ("It is worse all the same, by less than the margin.",) if worse else ()
        because: tuple[str, ...] = ("The candidate is not worse than the incumbent by as much as the margin.", *but)
        return Adoption("adopt", because, p=shown.loss, against=shown.worse)
    because = worse or ("It is neither shown that the candidate is worse, nor that any loss is below the margin.",)
    return Adoption("keep" if worse else "undecided", because, p=shown.loss, against=shown.worse)


def _cheaper(shown: _Shown, rules: Rules) -> Adoption:
    """Return the answer of ``cheaper-and-equivalent`` for a candidate that is cheaper."""
    better = shown.agree and shown.better <= rules.alpha
    # a candidate that is better need not be shown to be better by little
    p = max(shown.loss, min(shown.gain, shown.better) if shown.agree else shown.gain)
    worse, cheaper = _worse(shown, rules), "The candidate takes fewer operations on paper."
    if p <= rules.alpha:
        within = max(shown.loss, shown.gain) <= rules.alpha
        same = "The two differ by less than the margin." if within else "The candidate is better than the incumbent."
        beside = (
            ("Within it, the candidate is worse.",)
            if within and worse
            else ("Within it, the candidate is better.",)
            if within and better
            else ()
        )
        return Adoption("adopt", (same, *beside, cheaper), p=p, against=shown.worse)
    because = worse or ("It is neither shown that the two differ by less than the margin, nor which is better.",)
    return Adoption("keep" if worse else "undecided", because, p=p, against=shown.worse)


# ------------------------------------------------------------------------------------------- how many would be enough


def _with_needed(
    found: Adoption, one: Sample, other: Sample, pair: Pair, rules: Rules, rule: str, next_alpha: float
) -> Adoption:
    """Return an undecided answer with the number of repeats that would be enough, or why none would."""
    margin = rules.margin
    if margin is None:
        nothing = "Without a margin there is no gain to plan for: declare the smallest gain that is worth a change."
        return replace(found, because=(*found.because, nothing))
    claims: dict[str, Claim] = {SUPERIOR: "difference", NON_INFERIOR: "non-inferiority", CHEAPER: "equivalence"}
    # a gain of the margin itself is excluded by chance as often as that level says
    power = rules.power + next_alpha if rule == SUPERIOR else rules.power
    if power >= 1:
        never = "A gain of the margin itself is excluded by chance more often than the declared power allows."
        return replace(found, none_enough=never)
    share = margin.kind == "relative"
    n = repeats_to_show(
        claims[rule],
        margin.value * float(other.values.mean()) if share else margin.value,
        _noise(one, other, pair, rules, rule),
        test=rules.test,
        alpha=next_alpha,
        power=power,
        in_dz=margin.kind == "d_z",
    )
    if n is None:
        return replace(found, none_enough=_never(pair, rules, next_alpha))
    if n <= min(one.n, other.n):
        already = (
            "These repeats are as many as such a decision takes with the declared power, but for a true difference "
            "near the boundary of the rule; more are no promise."
        )
        return replace(found, because=(*found.because, already), needed=n)
    return replace(found, needed=n)


def _noise(one: Sample, other: Sample, pair: Pair, rules: Rules, rule: str) -> Noise:
    """Return the noise of the contrast that is tested, the noisiest where there are several."""
    margin, factors = rules.margin, [1.0]
    if margin is not None and margin.kind == "relative" and rule != SUPERIOR:
        loss = margin.value if rules.lower_is_better else -margin.value
        factors += [1 + loss, 1 - loss] if rule == CHEAPER else [1 + loss]
    ratio = overlap(pair, rules)
    noises = (noise_limit(one, Sample(k * other.values, other.splits), rules.test, ratio) for k in factors)
    return max(noises, key=lambda noise: noise.sd)


def _never(pair: Pair, rules: Rules, next_alpha: float) -> str:
    """Return why no number of repeats would be enough."""
    if smallest_p(rules.test, _FLOORED) > next_alpha:
        return (
            f"No number of repeats would be enough: the {TESTS[rules.test].label} test draws too few redrawings for "
            "its p to fall to the level of a further look."
        )
    if overlap(pair, rules):
        return (
            "No number of repeats would be enough: splits of the same data overlap, and what they leave uncertain is "
            "too much beside the margin; more independent data would lower it."
        )
    return "No number of repeats that could be run would be enough: the margin is too small beside their spread."

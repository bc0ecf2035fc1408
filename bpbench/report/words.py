"""One comparison in sentences that say what the numbers say and no more: a non-rejection is never "equal"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from bpbench.report.enough import enough
from bpbench.report.numerals import (
    MINUS,
    count,
    decimals,
    fixed,
    half_width,
    p_equals,
    percent,
    say,
    span,
    whole,
)
from bpbench.report.vocabulary import (
    CORRECTIONS,
    adjusted_p,
    by_ranks,
    equivalence_scale,
    interval_name,
    lower_is_better,
    margin_text,
    target,
    unit_word,
    verdict_word,
    with_unit,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_VERDICTS: Final = ("better", "equivalent", "undecided", "worse")


# ------------------------------------------------------------------------------------------- one comparison


def comparison_sentence(  # noqa: PLR0911 - one return per kind of judgement
    comparison: Mapping[str, Any],
    metric: Mapping[str, Any],
    analysis: Mapping[str, Any],
    *,
    repeats: int | None = None,
    explain: bool = False,
) -> str:
    """Return one judged comparison in words, true to its verdict.

    Parameters
    ----------
    comparison : dict
        One of ``findings["analysis"]["comparisons"]``; its difference is candidate minus baseline.
    metric : dict
        ``findings["metric"]``.
    analysis : dict
        ``findings["analysis"]``: test, correction, alpha, margin, family.
    repeats : int or None
        Repeats the protocol asked for, to tell an incomplete study from a complete one.
    explain : bool
        Whether to say that the interval is not adjusted for the family (to be said once).

    Returns
    -------
    str
        One or two whole sentences.
    """
    mine, base = say(comparison["candidate"]), say(comparison["baseline"])
    n, gap, verdict = comparison["n"], comparison["difference"], comparison["verdict"]
    repeat = unit_word(metric, analysis)
    remarks = [str(remark) for remark in comparison["remarks"]]
    if not n or gap is None:
        return f"No verdict on {mine} and {base}: no {repeat} of both has succeeded." + _remarks(remarks)
    places = decimals(half_width(comparison["low"], comparison["high"]))
    size = with_unit(fixed(abs(gap), places), metric)
    side = verdict_word("better" if (gap < 0) == lower_is_better(metric) else "worse", metric)
    plain = f"differ by {size} ({mine} {side})" if gap else "do not differ"
    if comparison["p"] is None:
        if any("deterministic" in remark.lower() for remark in remarks):
            return (
                f"No test for {mine} and {base}, which are deterministic given this split: they {plain}, "
                "and further seeds would not change it, other data could."
            ) + _remarks(remarks, known=("deterministic",))
        if any("no spread between" in remark.lower() for remark in remarks):
            how = f"differ by {size} ({mine} {side})" if gap else "score the same"
            return (
                f"No test for {mine} and {base}: they {how} in each of {count(n, f'paired {repeat}')}, so "
                "there is no noise to test against."
            ) + _remarks(remarks, known=("no spread between",))
        if repeats is not None and n < repeats:
            return (
                f"No verdict yet on {mine} and {base}: {whole(n)} of {count(repeats, f'paired {repeat}')} succeeded; "
                f"in these they {plain}."
            ) + _remarks(remarks)
        return f"No test of {mine} and {base} was possible (n = {whole(n)}); they {plain}." + _remarks(remarks)

    evidence = _evidence(comparison, analysis, places, flip=verdict in {"better", "worse"}, explain=explain)
    if verdict in {"better", "worse"}:
        on_the_mean = " on the mean" if by_ranks(analysis) else ""
        return f"{mine} is {verdict_word(verdict, metric)} than {base} by {size}{on_the_mean} ({evidence})." + _tension(
            comparison, analysis, remarks
        )
    if verdict == "equivalent":
        return _equivalent(comparison, metric, analysis, remarks)
    blocked = any("diverged" in remark or "failed" in remark for remark in remarks)
    if comparison["significant"] and blocked:
        return (
            f"Undecided: {mine} and {base} {plain} in the {repeat}s that succeeded ({evidence}), but not all did."
        ) + _remarks(remarks)
    signed = with_unit(fixed(gap, places), metric)
    possible = _possible(comparison, metric, places)
    told = enough([comparison], metric, analysis)
    return (
        f"Undecided: {mine} and {base} differ by {signed} ({mine} {MINUS} {base}; {evidence}); "
        f"the {target(analysis)} could be anything from {possible}."
    ) + _tension(comparison, analysis, [*remarks, told] if told else remarks)


def _evidence(
    comparison: Mapping[str, Any], analysis: Mapping[str, Any], places: int | None, *, flip: bool, explain: bool
) -> str:
    """Return interval, n and p; ``flip``: the interval of the size of a difference whose direction is in words."""
    low, high = comparison["low"], comparison["high"]
    if flip and low is not None and comparison["difference"] < 0:
        low, high = -high, -low
    family = len(analysis["family"])
    parts = []
    if low is not None:
        note = f", not adjusted for the family of {family}," if explain and family > 1 else ""
        parts.append(f"{percent(comparison['level'])} {interval_name(analysis)}{note} {span(low, high, places)}")
    parts += [_n_words(comparison), p_words(comparison, analysis)]
    return ", ".join(parts)


def _n_words(comparison: Mapping[str, Any]) -> str:
    """Return ``n = 10``, or ``n = 10 and 12`` where the sides are not paired and have different numbers."""
    n, other = comparison["n"], comparison["n_baseline"]
    return f"n = {whole(n)}" if n == other else f"n = {whole(n)} and {whole(other)}"


def p_words(comparison: Mapping[str, Any], analysis: Mapping[str, Any]) -> str:
    """Return ``Holm-adjusted p = 0.003``, or ``p = 0.003`` where the family has one member."""
    adjusted = comparison["p_adjusted"]
    if adjusted is None or len(analysis["family"]) == 1:
        return f"p {p_equals(comparison['p'])}"
    return f"{adjusted_p(analysis)} {p_equals(adjusted)}"


def _possible(comparison: Mapping[str, Any], metric: Mapping[str, Any], places: int | None) -> str:
    def end(value: float) -> str:
        text = with_unit(fixed(abs(value), places), metric)
        winner = comparison["candidate"] if (value < 0) == lower_is_better(metric) else comparison["baseline"]
        side = "less for" if metric.get("estimates") else "in favour of"
        return f"{text} {side} {say(winner)}" if value else text

    if comparison["low"] is None or comparison["high"] is None:
        return "nothing to very much, since there is no interval"
    return f"{end(comparison['low'])} to {end(comparison['high'])}"


def _equivalent(
    comparison: Mapping[str, Any], metric: Mapping[str, Any], analysis: Mapping[str, Any], remarks: Sequence[str]
) -> str:
    low, high = comparison["equivalence_low"], comparison["equivalence_high"]
    what, shown, scale = equivalence_scale(analysis, metric)
    places = decimals(half_width(comparison["low"], comparison["high"]) if what else half_width(low, high))
    margin = margin_text(analysis, metric, comparison["baseline"])
    p, name = comparison["p_equivalence_adjusted"], adjusted_p(analysis, of_equivalence=True)
    mine, base = say(comparison["candidate"]), say(comparison["baseline"])
    level = ""
    if low is not None:
        level = f"{percent(1 - 2 * analysis['alpha'])} {interval_name(analysis)} {span(low, high, places)}, "
        if what:
            ends = (scale * low, scale * high)
            within = f"{span(*ends, decimals(half_width(*ends)))} {shown}".rstrip()
            level = f"{percent(1 - 2 * analysis['alpha'])} interval of {'the ' * (what != 'd_z')}{what} {within}, "
    text = (
        f"{mine} and {base} are equivalent within ±{margin}: they differ by "
        f"{with_unit(fixed(comparison['difference'], places), metric)} ({mine} {MINUS} {base}; {level}"
        f"{_n_words(comparison)}, {name} of equivalence {p_equals(p)})."
    )
    if comparison["significant"]:
        side = "lower" if comparison["difference"] < 0 else "higher"
        text += (
            f" Resolved, below the margin: the {metric['label']} of {mine} is {side} "
            f"({p_words(comparison, analysis)}), by less than what matters."
        )
    return text + _remarks(remarks, known=("margin",))


def _tension(comparison: Mapping[str, Any], analysis: Mapping[str, Any], remarks: Sequence[str]) -> str:
    """Return what must be said where interval, difference and test point different ways; the verdict is the test's.

    Interval and test of one comparison are made of the same evidence, so they part for two reasons only: the test is
    adjusted for the family (which may make p larger, or by an adaptive method smaller), or the p of a rank test allows
    for ties, zeros or many repeats and its interval does not.
    """
    low, high = comparison["low"], comparison["high"]
    if low is None:
        return _remarks(remarks)
    ranks, family = by_ranks(analysis), len(analysis["family"])
    excludes = low > 0 or high < 0
    text = ""
    if excludes and not comparison["significant"] and family > 1:
        correction = CORRECTIONS.get(analysis["correction"], analysis["correction"])
        text = (
            f" The interval by itself excludes zero, but it is not adjusted for the family of {family}; after the "
            f"{correction} correction the difference is not resolved."
        )
    elif not excludes and comparison["significant"] and comparison["p"] > analysis["alpha"]:
        correction = CORRECTIONS.get(analysis["correction"], analysis["correction"])
        text = (
            f" By itself the comparison would be undecided (p {p_equals(comparison['p'])}, not adjusted), and the "
            f"interval includes zero; the {correction} correction resolves it, as it adapts to how many of the family "
            "appear to differ."
        )
    elif excludes is not comparison["significant"]:
        said = "excludes zero although the test does not reject" if excludes else "includes zero although it rejects"
        why = ": with equal or zero differences or many repeats, p by ranks is approximate" if ranks else ""
        text = f" The interval {said}{why}. The verdict is that of the test."
    if ranks and not low <= comparison["difference"] <= high:
        text += (
            f" The mean difference lies outside the interval, which is that of the {target(analysis)} and gives "
            "outliers little weight."
        )
    return text + _remarks(remarks)


def _remarks(remarks: Sequence[str], *, known: Sequence[str] = ()) -> str:
    """Return remarks as sentences, without those that the wording has already used."""
    rest = [remark for remark in remarks if not any(word in remark.lower() for word in known)]
    return "".join(f" {sentence(remark)}" for remark in rest)


#: A word in plain letters; a symbol, such as n, τ, d_z or p95, is none.
_WORD: Final = re.compile(r"(a|[a-z]{2,})\b")


def sentence(text: str) -> str:
    """Return a remark with a full stop, and with a capital letter where it begins with a word and not with a symbol."""
    text = text.strip()
    if _WORD.match(text):
        text = text[0].upper() + text[1:]
    return text if not text or text[-1] in ".!?" else f"{text}."

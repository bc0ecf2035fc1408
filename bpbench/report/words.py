"""One comparison in sentences that say what the numbers say and no more: a non-rejection is never "equal"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from bpbench.report.enough import enough
from bpbench.report.language import marked, tell
from bpbench.report.numerals import decimals, fixed, half_width, p_equals, percent, say, span, whole
from bpbench.report.retold import retold
from bpbench.report.tallies import lower_is_better
from bpbench.report.vocabulary import (
    CORRECTIONS,
    adjusted_p,
    by_ranks,
    equivalence_scale,
    interval_text,
    margin_text,
    metric_label,
    paired_units,
    target_key,
    unit_key,
    units_word,
    verdict_clause,
    verdict_word,
    with_unit,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


#: Said where no repeat of both sides has a number.
_NO_PAIR: Final = {
    "repeat": marked("No verdict on {mine} and {base}: no repeat of both has succeeded."),
    "round": marked("No verdict on {mine} and {base}: no round of both has succeeded."),
    "split": marked("No verdict on {mine} and {base}: no split of both has succeeded."),
}
#: What an undecided comparison leaves open, by what its interval holds.
_COULD: Final = {
    "difference": marked("the difference could be anything from {low} to {high}"),
    "centre": marked("the centre of the differences could be anything from {low} to {high}"),
    "shift": marked("the shift between the two samples could be anything from {low} to {high}"),
}
_COULD_ALL: Final = {
    "difference": marked("the difference could be anything from nothing to very much, since there is no interval"),
    "centre": marked(
        "the centre of the differences could be anything from nothing to very much, since there is no interval"
    ),
    "shift": marked(
        "the shift between the two samples could be anything from nothing to very much, since there is no interval"
    ),
}
#: Said of intervals by ranks that the mean difference is not within.
_OUTSIDE: Final = {
    "centre": marked(
        "The mean difference lies outside the interval, which is that of the centre of the differences and gives "
        "outliers little weight."
    ),
    "shift": marked(
        "The mean difference lies outside the interval, which is that of the shift between the two samples and gives "
        "outliers little weight."
    ),
}


# ------------------------------------------------------------------------------------------- one comparison


def comparison_sentence(
    comparison: Mapping[str, Any],
    metric: Mapping[str, Any],
    analysis: Mapping[str, Any],
    *,
    repeats: int | None = None,
    explain: bool = False,
    opened: bool = True,
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
    opened : bool
        Whether what is undecided begins with that word; not where the words before have said it.

    Returns
    -------
    str
        One or two whole sentences.
    """
    names = {"mine": say(comparison["candidate"]), "base": say(comparison["baseline"])}
    gap, verdict = comparison["difference"], comparison["verdict"]
    remarks = [str(remark) for remark in comparison["remarks"]]
    if not comparison["n"] or gap is None:
        return tell(_NO_PAIR[unit_key(metric, analysis)], **names) + _remarks(remarks)
    if comparison["p"] is None:
        return _untested(comparison, metric, analysis, repeats)
    if verdict == "equivalent":
        return _equivalent(comparison, metric, analysis, remarks)
    places = decimals(half_width(comparison["low"], comparison["high"]))
    evidence = _evidence(comparison, analysis, places, flip=verdict in {"better", "worse"}, explain=explain)
    if verdict in {"better", "worse"}:
        clause = verdict_clause(verdict, metric, names["mine"], names["base"])
        size = with_unit(fixed(abs(gap), places), metric)
        text = (
            tell("{clause} by {size} on the mean ({evidence}).", clause=clause, size=size, evidence=evidence)
            if by_ranks(analysis)
            else tell("{clause} by {size} ({evidence}).", clause=clause, size=size, evidence=evidence)
        )
        return text + _tension(comparison, analysis, remarks)
    if comparison["significant"] and any("diverged" in remark or "failed" in remark for remark in remarks):
        text = _blocked(comparison, metric, analysis, evidence) + _remarks(remarks)
    else:
        text = _undecided(comparison, metric, analysis, evidence)
    return tell("Undecided: {text}", text=text) if opened else text


def _names(comparison: Mapping[str, Any]) -> dict[str, str]:
    return {"mine": say(comparison["candidate"]), "base": say(comparison["baseline"])}


def _sided(comparison: Mapping[str, Any], metric: Mapping[str, Any]) -> dict[str, str]:
    """Return the size of a difference and which side it favours, as fields of messages."""
    gap = comparison["difference"]
    places = decimals(half_width(comparison["low"], comparison["high"]))
    side = verdict_word("better" if (gap < 0) == lower_is_better(metric) else "worse", metric)
    return {"size": with_unit(fixed(abs(gap), places), metric), "side": side}


def _they(comparison: Mapping[str, Any], metric: Mapping[str, Any]) -> str:
    """Return how the two differ, as a clause."""
    if not comparison["difference"]:
        return tell("they do not differ")
    mine = say(comparison["candidate"])
    return tell("they differ by {size} ({mine} {side})", mine=mine, **_sided(comparison, metric))


def _untested(
    comparison: Mapping[str, Any], metric: Mapping[str, Any], analysis: Mapping[str, Any], repeats: int | None
) -> str:
    """Return what is said of a pair that has no p, and why it has none."""
    remarks, n = [str(remark) for remark in comparison["remarks"]], comparison["n"]
    fields = _names(comparison) | {"they": _they(comparison, metric)}
    if any("deterministic" in remark.lower() for remark in remarks):
        text = tell(
            "No test for {mine} and {base}, which are deterministic given this split: {they}, and further seeds would "
            "not change it, other data could.",
            **fields,
        )
        return text + _remarks(remarks, known=("deterministic",))
    if any("no spread between" in remark.lower() for remark in remarks):
        fields["they"] = fields["they"] if comparison["difference"] else tell("they score the same")
        text = tell(
            "No test for {mine} and {base}: {they} in each of {pairs}, so there is no noise to test against.",
            pairs=paired_units(n, metric, analysis),
            **fields,
        )
        return text + _remarks(remarks, known=("no spread between",))
    if repeats is not None and n < repeats:
        text = tell(
            "No verdict yet on {mine} and {base}: {n} of {pairs} succeeded; in these {they}.",
            n=whole(n),
            pairs=paired_units(repeats, metric, analysis),
            **fields,
        )
        return text + _remarks(remarks)
    text = tell("No test of {mine} and {base} was possible (n = {n}); {they}.", n=whole(n), **fields)
    return text + _remarks(remarks)


def _blocked(
    comparison: Mapping[str, Any], metric: Mapping[str, Any], analysis: Mapping[str, Any], evidence: str
) -> str:
    """Return what is said of a difference that is significant, but no verdict since not all repeats succeeded."""
    fields = _names(comparison) | {"repeats": units_word(metric, analysis), "evidence": evidence}
    if not comparison["difference"]:
        return tell(
            "{mine} and {base} do not differ in the {repeats} that succeeded ({evidence}), but not all did.", **fields
        )
    return tell(
        "{mine} and {base} differ by {size} ({mine} {side}) in the {repeats} that succeeded ({evidence}), but not all "
        "did.",
        **fields,
        **_sided(comparison, metric),
    )


def _undecided(
    comparison: Mapping[str, Any], metric: Mapping[str, Any], analysis: Mapping[str, Any], evidence: str
) -> str:
    """Return what an undecided difference is, what it could be, and how many repeats would decide."""
    places = decimals(half_width(comparison["low"], comparison["high"]))
    text = tell(
        "{mine} and {base} differ by {size} ({mine} − {base}; {evidence}); {could}.",
        size=with_unit(fixed(comparison["difference"], places), metric),
        evidence=evidence,
        could=_possible(comparison, metric, analysis, places),
        **_names(comparison),
    )
    remarks = [str(remark) for remark in comparison["remarks"]]
    told = enough([comparison], metric, analysis)
    return text + _tension(comparison, analysis, remarks) + (f" {told}" if told else "")


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
        interval, ends = interval_text(analysis, percent(comparison["level"])), span(low, high, places)
        if explain and family > 1:
            parts.append(
                tell("{interval}, not adjusted for the family of {n}, {ends}", interval=interval, n=family, ends=ends)
            )
        else:
            parts.append(f"{interval} {ends}")
    return ", ".join([*parts, _n_words(comparison), p_words(comparison, analysis)])


def _n_words(comparison: Mapping[str, Any]) -> str:
    """Return ``n = 10``, or ``n = 10 and 12`` where the sides are not paired and have different numbers."""
    n, other = comparison["n"], comparison["n_baseline"]
    return f"n = {whole(n)}" if n == other else tell("n = {n} and {other}", n=whole(n), other=whole(other))


def p_words(comparison: Mapping[str, Any], analysis: Mapping[str, Any]) -> str:
    """Return ``Holm-adjusted p = 0.003``, or ``p = 0.003`` where the family has one member."""
    adjusted = comparison["p_adjusted"]
    if adjusted is None or len(analysis["family"]) == 1:
        return f"p {p_equals(comparison['p'])}"
    return f"{adjusted_p(analysis)} {p_equals(adjusted)}"


def _possible(
    comparison: Mapping[str, Any], metric: Mapping[str, Any], analysis: Mapping[str, Any], places: int | None
) -> str:
    """Return between which ends the difference may lie, as a clause."""

    def end(value: float) -> str:
        size = with_unit(fixed(abs(value), places), metric)
        winner = say(comparison["candidate"] if (value < 0) == lower_is_better(metric) else comparison["baseline"])
        if not value:
            return size
        if metric.get("estimates"):
            return tell("{size} less for {name}", size=size, name=winner)
        return tell("{size} in favour of {name}", size=size, name=winner)

    held = target_key(analysis)
    if comparison["low"] is None or comparison["high"] is None:
        return tell(_COULD_ALL[held])
    return tell(_COULD[held], low=end(comparison["low"]), high=end(comparison["high"]))


def _of_equivalence(comparison: Mapping[str, Any], metric: Mapping[str, Any], analysis: Mapping[str, Any]) -> list[str]:
    """Return the interval that belongs to the test of equivalence, nothing where there is none."""
    low, high = comparison["equivalence_low"], comparison["equivalence_high"]
    if low is None:
        return []
    level = percent(1 - 2 * analysis["alpha"])
    kind, shown, scale = equivalence_scale(analysis, metric)
    if kind == "difference":
        return [f"{interval_text(analysis, level)} {span(low, high, decimals(half_width(low, high)))}"]
    low, high = scale * low, scale * high
    ends = f"{span(low, high, decimals(half_width(low, high)))} {shown}".rstrip()
    if kind == "ratio":
        return [tell("{level} interval of the ratio of the means less one {ends}", level=level, ends=ends)]
    return [tell("{level} interval of d_z {ends}", level=level, ends=ends)]


def _equivalent(
    comparison: Mapping[str, Any], metric: Mapping[str, Any], analysis: Mapping[str, Any], remarks: Sequence[str]
) -> str:
    low, high = comparison["equivalence_low"], comparison["equivalence_high"]
    absolute = equivalence_scale(analysis, metric)[0] == "difference"
    places = decimals(half_width(low, high) if absolute else half_width(comparison["low"], comparison["high"]))
    p, name = comparison["p_equivalence_adjusted"], adjusted_p(analysis, of_equivalence=True)
    proof = tell("{adjusted} of equivalence {p}", adjusted=name, p=p_equals(p))
    text = tell(
        "{mine} and {base} are equivalent within ±{margin}: they differ by {size} ({mine} − {base}; {evidence}).",
        margin=margin_text(analysis, metric, comparison["baseline"]),
        size=with_unit(fixed(comparison["difference"], places), metric),
        evidence=", ".join([*_of_equivalence(comparison, metric, analysis), _n_words(comparison), proof]),
        **_names(comparison),
    )
    if comparison["significant"]:
        fields = {
            "metric": metric_label(metric),
            "mine": say(comparison["candidate"]),
            "p": p_words(comparison, analysis),
        }
        text += " " + (
            tell(
                "Resolved, below the margin: the {metric} of {mine} is lower ({p}), by less than what matters.",
                **fields,
            )
            if comparison["difference"] < 0
            else tell(
                "Resolved, below the margin: the {metric} of {mine} is higher ({p}), by less than what matters.",
                **fields,
            )
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
    text = _parting(comparison, analysis)
    if by_ranks(analysis) and not low <= comparison["difference"] <= high:
        text += " " + tell(_OUTSIDE[target_key(analysis)])
    return text + _remarks(remarks)


def _parting(comparison: Mapping[str, Any], analysis: Mapping[str, Any]) -> str:
    """Return why interval and test say different things, nothing where they agree."""
    family = len(analysis["family"])
    excludes = comparison["low"] > 0 or comparison["high"] < 0
    correction = CORRECTIONS.get(analysis["correction"], analysis["correction"])
    if excludes is comparison["significant"]:
        return ""
    if excludes and family > 1:
        return " " + tell(
            "The interval by itself excludes zero, but it is not adjusted for the family of {n}; after the "
            "{correction} correction the difference is not resolved.",
            n=family,
            correction=correction,
        )
    if not excludes and comparison["p"] > analysis["alpha"]:
        return " " + tell(
            "By itself the comparison would be undecided (p {p}, not adjusted), and the interval includes zero; the "
            "{correction} correction resolves it, as it adapts to how many of the family appear to differ.",
            p=p_equals(comparison["p"]),
            correction=correction,
        )
    return " " + tell((_APPROXIMATE if by_ranks(analysis) else _APART)[excludes])


#: By whether the interval excludes zero: what is said where interval and test part.
_APART: Final = {
    True: marked("The interval excludes zero although the test does not reject. The verdict is that of the test."),
    False: marked("The interval includes zero although it rejects. The verdict is that of the test."),
}
_APPROXIMATE: Final = {
    True: marked(
        "The interval excludes zero although the test does not reject: with equal or zero differences or many "
        "repeats, p by ranks is approximate. The verdict is that of the test."
    ),
    False: marked(
        "The interval includes zero although it rejects: with equal or zero differences or many repeats, p by ranks "
        "is approximate. The verdict is that of the test."
    ),
}


def _remarks(remarks: Sequence[str], *, known: Sequence[str] = ()) -> str:
    """Return remarks as sentences, without those that the wording has already used."""
    rest = [remark for remark in remarks if not any(word in remark.lower() for word in known)]
    return "".join(f" {sentence(retold(remark))}" for remark in rest)


#: A word in plain letters; a symbol, such as n, τ, d_z or p95, is none.
_WORD: Final = re.compile(r"(a|à|[a-zà-öø-ÿœ]{2,})\b")


def sentence(text: str) -> str:
    """Return a remark with a full stop, and with a capital letter where it begins with a word and not with a symbol."""
    text = text.strip()
    if _WORD.match(text):
        text = text[0].upper() + text[1:]
    return text if not text or text[-1] in ".!?" else f"{text}."

"""Sentences made from judgements. They say what the numbers say and no more: a non-rejection is never "equal"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from bpbench.report import agreement, chosen, divided, given, timing, unjudged
from bpbench.report.enough import enough
from bpbench.report.numerals import (
    MINUS,
    count,
    decimals,
    fixed,
    half_width,
    listed,
    p_equals,
    percent,
    say,
    significant,
    span,
    whole,
)
from bpbench.report.vocabulary import (
    CORRECTIONS,
    adjusted_p,
    beside_linear,
    by_ranks,
    ends,
    equivalence_scale,
    interval_name,
    job_word,
    lower_is_better,
    margin_text,
    model_kinds,
    networks,
    on_part,
    quick,
    repeat_word,
    scope,
    scored,
    tally,
    target,
    timed,
    unit_word,
    verdict_word,
    with_unit,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bpbench.report.vocabulary import Rivals

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


# ---------------------------------------------------------------------------------------------- the answer


def answer(findings: Mapping[str, Any]) -> list[str]:
    """Return the answer of a study in about three sentences.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.

    Returns
    -------
    list of str
        What the comparisons say and under which condition; the clearest of them with its uncertainty; whether values
        made elsewhere are ours, where that was asked; then only what the reader must know: a linear potential that
        beats networks, trainings not converged, failures, missing repeats, an analysis declared late. Of a quick run,
        that it is one, and the means.
    """
    counts = tally(findings)
    if quick(findings):
        return unjudged.answer(findings, counts, _troubles(counts))
    if not counts["done"]:
        asked = count(counts["trainings"], job_word(findings))
        return [f"There is no answer: none of the {asked} succeeded{_troubles(counts)}. What failed is listed below."]
    strategies = chosen.answers(findings)
    beside = chosen.declared(findings)
    found = [*strategies]
    if beside or not strategies:
        found.append(_headline(findings, beside, alone=not strategies))
    if timed(findings) and (costs := timing.costs(findings)):
        found.append(costs)
    comparisons = findings["analysis"]["comparisons"]
    spelled = not strategies and len(comparisons) == 1
    if not spelled and (clear := _clearest(findings)) is not None:
        metric, analysis = findings["metric"], findings["analysis"]
        alone = {**clear, "needed": None}  # said of all that are undecided in one sentence
        text = comparison_sentence(alone, metric, analysis, repeats=analysis["units"], explain=True)
        found.append(_why_this(clear, comparisons, metric, text))
        found += [text for text in (enough(comparisons, metric, analysis),) if text]
    found += [*agreement.answers(findings), *divided.answers(findings)]
    found += [text for text in (_yardstick(findings), *_unfinished(findings, counts)) if text]
    if scored(findings):
        return [*found, *given.answers(findings, counts)]
    if counts["done"] < counts["trainings"]:
        found.append(
            f"Of {count(counts['trainings'], job_word(findings))}, {counts['done']} succeeded{_troubles(counts)}"
            + (
                "."
                if timed(findings)
                else "; failures are not missing at random, so what failed counts against its variant."
            )
        )
    late = findings["analysis"]["chosen_after"]
    if late:
        seen = count(late, f"paired {repeat_word(findings['metric'])}")
        found.append(f"The analysis was declared after {seen} had been seen.")
    return found


def _troubles(counts: Mapping[str, int]) -> str:
    parts = [f"{counts[word]} {verb}" for word, verb in _TROUBLES if counts[word]]
    return f" ({', '.join(parts)})" if parts else ""


_TROUBLES: Final = (("diverged", "diverged"), ("failed", "failed"), ("missing", "missing"))


def _headline(findings: Mapping[str, Any], comparisons: Sequence[Mapping[str, Any]], *, alone: bool) -> str:
    """Return the verdicts of declared contestants in one sentence; what strategies brought is told elsewhere.

    A single comparison is spelled out if it stands ``alone``.
    """
    metric, analysis, split = findings["metric"], findings["analysis"], findings["split"]
    given = scope(findings)
    where = f"{given[0].upper()}{given[1:]}, by {metric['label']}{on_part(findings)}"
    if not comparisons:
        return f"{where}, nothing was compared: the protocol declares no family."
    if len(comparisons) == 1 and alone:
        text = comparison_sentence(comparisons[0], metric, analysis, repeats=analysis["units"])
        return f"{where}: {text}"
    pairs = len({entry["baseline"] for entry in comparisons}) > 1
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for entry in comparisons:
        judged = entry["p"] is not None and entry["verdict"] in _VERDICTS
        groups.setdefault(entry["verdict"] if judged else "without a verdict", []).append(entry)
    within = f" within ±{margin_text(analysis, metric)}" if analysis["margin"] is not None else ""
    parts = []
    for word in (*_VERDICTS, "without a verdict"):
        if found := groups.get(word):
            if pairs and len(comparisons) > _EACH:
                parts.append(_counted(found, verdict_word(word, metric), within if word == "equivalent" else ""))
                continue
            verb = "is" if len(found) == 1 else "are"
            verdict = f"{verdict_word(word, metric)}{within if word == 'equivalent' else ''}"
            parts.append(f"{_named(found, len(comparisons), pairs=pairs)} {verb} {verdict}")
    repeats = count(split["repeats"], repeat_word(metric))
    if analysis.get("design") == "crossed":
        splits = count(analysis["units"], "split")
        repeats = splits if analysis["units"] == split["repeats"] else f"{splits} ({repeats})"
    over = f"over {repeats}: {'; '.join(parts)}."
    if pairs:
        return f"{where}, in {len(comparisons)} pairs {over}"
    return f"{where}, against {say(comparisons[0]['baseline'])} {over}"


#: Candidates of one verdict that are named one by one, and how many of more of them.
_EACH: Final = 6
_TELLING: Final = 3


def _named(entries: Sequence[Mapping[str, Any]], family: int, *, pairs: bool) -> str:
    """Return the candidates of one verdict: all of a few; of many their number and the most telling ones.

    Where they have different baselines (``pairs``), each is named with its own.
    """

    def name(entry: Mapping[str, Any]) -> str:
        against = f" against {say(entry['baseline'])}" if pairs else ""
        return f"{say(entry['candidate'])}{against}"

    if len(entries) <= _EACH:
        return listed([name(entry) for entry in entries])
    names = [name(entry) for entry in sorted(entries, key=_telling)[:_TELLING]]
    which = "all" if len(entries) == family else f"{len(entries)} of"
    return f"{which} {family}, among them {listed(names)},"


def _counted(entries: Sequence[Mapping[str, Any]], verdict: str, within: str) -> str:
    """Return how many of very many pairs have a verdict, and the most telling of them."""
    first = min(entries, key=_telling)
    verb, so = ("is", "") if len(entries) == 1 else ("are", ", ")
    pair = f"{say(first['candidate'])} against {say(first['baseline'])}"
    which = f" ({pair})" if not so else f"{so}foremost {pair}"
    return f"{len(entries)} {verb} {verdict}{within}{which}"


def _telling(entry: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the key by which the most telling comparison of one verdict comes first.

    That is the one of the largest difference; of what is equivalent or undecided, the one of the least p.
    """
    if entry["verdict"] in {"better", "worse"} and entry["difference"] is not None:
        return (-abs(float(entry["difference"])),)
    kind = "p_equivalence" if entry["verdict"] == "equivalent" else "p"
    return tuple(2.0 if entry[key] is None else entry[key] for key in (f"{kind}_adjusted", kind))


def _clearest(findings: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the comparison to spell out, ``None`` where no pair has a difference.

    If any candidate is better: the best of them, those of the baseline's own model, or of one derived from it, first.
    Else the significantly worse one, else the equivalent one, with the least adjusted p (that of equivalence for the
    latter). Else the best of what is undecided, again the baseline's own model first.
    """
    origin = {model["name"]: model["base"] or model["name"] for model in findings["models"]}
    model = {variant["name"]: origin.get(variant["model"]) for variant in findings["variants"]}
    judged = [entry for entry in findings["analysis"]["comparisons"] if entry["difference"] is not None]
    if not judged:
        return None
    sign = 1 if lower_is_better(findings["metric"]) else -1
    p_of = {"worse": "p_adjusted", "equivalent": "p_equivalence_adjusted"}
    order = ("better", "worse", "equivalent")

    def rank(entry: Mapping[str, Any]) -> tuple[int, float, float]:
        verdict = entry["verdict"]
        place = order.index(verdict) if verdict in order and entry["p"] is not None else len(order)
        if place and place < len(order):
            return (place, entry[p_of[verdict]], -abs(entry["difference"]))
        same = model.get(entry["candidate"]) == model.get(entry["baseline"])
        return (place, float(not same), sign * entry["difference"])

    best: Mapping[str, Any] = min(judged, key=rank)
    return best


def _why_this(
    entry: Mapping[str, Any], entries: Sequence[Mapping[str, Any]], metric: Mapping[str, Any], text: str
) -> str:
    """Return the sentence of :func:`_clearest` with the reason why this comparison is the one that is spelled out."""
    judged = [other for other in entries if other["p"] is not None]
    if entry["p"] is None or len(judged) < 2:
        return text
    same = [other for other in judged if other["verdict"] == entry["verdict"]]
    sign = 1 if lower_is_better(metric) else -1
    if entry["verdict"] in {"worse", "equivalent"}:
        return f"The clearest of these, by its p: {text}"
    first = all(sign * entry["difference"] <= sign * other["difference"] for other in same)
    model = "" if first else " with the model of the baseline"
    if entry["verdict"] == "better":
        return f"Of what is {verdict_word('better', metric)}, the largest difference{model}: {text}"
    return f"Of what is undecided, the most favourable difference{model}: {text.removeprefix('Undecided: ')}"


#: Networks beside a linear potential that are named one by one.
_NAMED: Final = 4


def _yardstick(findings: Mapping[str, Any]) -> str:
    """Return which networks lose to the linear potential on the same inputs, nothing where none does."""
    rivals = beside_linear(findings)
    beaten = [one for one in rivals if one.beaten]
    if not beaten:
        return ""
    said = "On the same inputs, by the mean, the linear potential beats "
    if len(rivals) <= _NAMED:
        text = said + listed([_rivals(findings, one) for one in beaten])
        spared = [_rivals(findings, one) for one in rivals if not one.beaten]
        return f"{text}; it does not beat {listed(spared)}." if spared else f"{text}."
    total = len(networks(findings))
    which = "every one of" if len(beaten) == len(rivals) else f"{len(beaten)} of"
    many = f"{which} {len(rivals)} networks"
    if len(rivals) < total:
        many = f"{which} the {len(rivals)} networks (of {total}) that have one on the same inputs"
    return f"{said}{many}; the best network is {_rivals(findings, rivals[0])}."


def _rivals(findings: Mapping[str, Any], rivals: Rivals) -> str:
    """Return a network's mean beside that of the linear potential, and what the declared family says of the two."""
    metric = findings["metric"]
    ours, theirs = significant(rivals.network_mean), with_unit(significant(rivals.linear_mean), metric)
    verdict = "not tested"
    for entry in findings["analysis"]["comparisons"]:
        pair = (entry["candidate"], entry["baseline"])
        if set(pair) == {rivals.network, rivals.linear} and entry["p"] is not None:
            verdict = f"tested: {say(pair[0])} is {verdict_word(entry['verdict'], metric)}"
            if entry["verdict"] in {"equivalent", "undecided"}:
                verdict = f"tested: {entry['verdict']}"
    return f"{say(rivals.network)} ({ours} against {theirs} of {say(rivals.linear)}; {verdict})"


#: Variants that are named in one sentence.
_LISTED: Final = 8
#: Below this number of epochs no training can be told to have converged (bpbench.models.hdnn.converged).
_FEWEST_EPOCHS: Final = 10


def _unfinished(findings: Mapping[str, Any], counts: Mapping[str, int]) -> list[str]:
    """Return one sentence per kind of model of which a training had not converged."""
    kinds = model_kinds(findings)
    found = []
    for kind in dict.fromkeys(kinds.values()):
        late = counts.get(f"not_converged_{kind}", 0)
        if not late:
            continue
        mine = [variant for variant in findings["variants"] if kinds[variant["model"]] == kind]
        parts = [
            f"{say(variant['name'])} {variant['not_converged']} of {len(ends(variant))}"
            for variant in mine
            if variant["not_converged"]
        ]
        which = f" ({', '.join(parts)})" if len(parts) <= _LISTED else "; the table of scores tells which"
        if kind == "hdnn":
            noun, how = "network training", "still improving when training ended"
            if any(
                result["converged"] is False and result["ran"] is not None and result["ran"] < _FEWEST_EPOCHS
                for variant in mine
                for result in variant["results"]
            ):
                how += " or had too few epochs to tell"
        else:
            label = next(model["label"] for model in findings["models"] if model["kind"] == kind)
            noun, how = f"{label} training", "stopped at the limit of rounds, still improving"
        verb = "was" if late == 1 else "were"
        many = count(counts[f"limited_{kind}"], noun)
        found.append(f"{late} of {many} {verb} {how}: not converged{which}.")
    return found

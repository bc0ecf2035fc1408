"""The answer of a study in a few sentences: what the comparisons say, given what, and what the reader must know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report import agreement, chosen, divided, forces, given, joint, timing, unjudged
from bpbench.report.enough import enough
from bpbench.report.kinds import quick, scope, scored, timed
from bpbench.report.language import listed, tell, tell_n
from bpbench.report.numerals import count, noun, say, significant, whole
from bpbench.report.retold import retold
from bpbench.report.tallies import beside_linear, ends, lower_is_better, model_kinds, networks, tally
from bpbench.report.vocabulary import (
    clauses,
    job_count,
    margin_text,
    metric_label,
    on_part,
    paired_repeats,
    repeat_count,
    verdict_message,
    verdict_word,
    with_unit,
)
from bpbench.report.words import comparison_sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bpbench.report.tallies import Rivals

_VERDICTS: Final = ("better", "equivalent", "undecided", "worse")


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
        further = [unjudged.means(view) for view in joint.views(findings) if counts["done"]]
        return [*unjudged.answer(findings, counts, _troubles(counts)), *further]
    if not counts["done"]:
        return [
            tell(
                "There is no answer: none of the {asked} succeeded{troubles}. What failed is listed below.",
                asked=job_count(counts["trainings"], findings),
                troubles=_troubles(counts),
            )
        ]
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
        found.append(_why_this(alone, comparisons, metric, analysis))
        found += [text for text in (enough(comparisons, metric, analysis),) if text]
    found += [_headline(view, chosen.declared(view), alone=False) for view in joint.views(findings) if beside]
    found += [*joint.answers(findings), *forces.answers(findings)]
    found += [*agreement.answers(findings), *divided.answers(findings)]
    found += [text for text in (_yardstick(findings), *_unfinished(findings, counts)) if text]
    if scored(findings):
        return [*found, *given.answers(findings, counts)]
    if counts["done"] < counts["trainings"]:
        found.append(_lost(findings, counts))
    late = findings["analysis"]["chosen_after"]
    if late:
        seen = paired_repeats(late, findings["metric"])
        found.append(tell("The analysis was declared after {seen} had been seen.", seen=seen))
    return found


def _lost(findings: Mapping[str, Any], counts: Mapping[str, int]) -> str:
    """Return how many of all succeeded, and what that does."""
    fields = {"jobs": job_count(counts["trainings"], findings), "troubles": _troubles(counts)}
    if timed(findings):
        return tell_n(
            "Of {jobs}, {n} succeeded{troubles}.", "Of {jobs}, {n} succeeded{troubles}.", counts["done"], **fields
        )
    return tell_n(
        "Of {jobs}, {n} succeeded{troubles}; failures are not missing at random, so what failed counts against its "
        "variant.",
        "Of {jobs}, {n} succeeded{troubles}; failures are not missing at random, so what failed counts against its "
        "variant.",
        counts["done"],
        **fields,
    )


def _troubles(counts: Mapping[str, int]) -> str:
    """Return what became of the others in brackets, with a space before; nothing where there are none."""
    parts = [count(counts[word], verb, verb) for word, verb in _TROUBLES if counts[word]]
    return f" ({', '.join(parts)})" if parts else ""


#: What becomes of a training, and the word that is counted.
_TROUBLES: Final = (
    ("diverged", noun("diverged", "diverged")),
    ("failed", noun("failed", "failed")),
    ("missing", noun("missing", "missing")),
)


def _headline(findings: Mapping[str, Any], comparisons: Sequence[Mapping[str, Any]], *, alone: bool) -> str:
    """Return the verdicts of declared contestants in one sentence; what strategies brought is told elsewhere.

    A single comparison is spelled out if it stands ``alone``.
    """
    metric, analysis, split = findings["metric"], findings["analysis"], findings["split"]
    condition = scope(findings)
    where = tell(
        "{scope}, by {metric}{part}",
        scope=f"{condition[0].upper()}{condition[1:]}",
        metric=metric_label(metric),
        part=on_part(findings),
    )
    if not comparisons:
        return tell("{where}, nothing was compared: the protocol declares no family.", where=where)
    if len(comparisons) == 1 and alone:
        text = comparison_sentence(comparisons[0], metric, analysis, repeats=analysis["units"])
        return tell("{where}: {text}", where=where, text=text)
    pairs = len({entry["baseline"] for entry in comparisons}) > 1
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for entry in comparisons:
        judged = entry["p"] is not None and entry["verdict"] in _VERDICTS
        groups.setdefault(entry["verdict"] if judged else "without a verdict", []).append(entry)
    parts = []
    for word in (*_VERDICTS, "without a verdict"):
        if found := groups.get(word):
            if pairs and len(comparisons) > _EACH:
                parts.append(_counted(found, word, findings))
                continue
            parts.append(_is(word, len(found), _named(found, len(comparisons), pairs=pairs), findings))
    repeats = repeat_count(split["repeats"], metric)
    if analysis.get("design") == "crossed":
        splits = count(analysis["units"], "split")
        repeats = splits if analysis["units"] == split["repeats"] else f"{splits} ({repeats})"
    told = {"where": where, "repeats": repeats, "verdicts": clauses(parts)}
    if pairs:
        return tell("{where}, in {n} pairs over {repeats}: {verdicts}.", n=len(comparisons), **told)
    return tell(
        "{where}, against {baseline} over {repeats}: {verdicts}.", baseline=say(comparisons[0]["baseline"]), **told
    )


#: What some candidates are: by a verdict's message, from their number and their names.
_ARE: Final[dict[str, Callable[[int, str], str]]] = {
    "better": lambda n, names: tell_n("{names} is better", "{names} are better", n, names=names),
    "worse": lambda n, names: tell_n("{names} is worse", "{names} are worse", n, names=names),
    "faster": lambda n, names: tell_n("{names} is faster", "{names} are faster", n, names=names),
    "slower": lambda n, names: tell_n("{names} is slower", "{names} are slower", n, names=names),
    "lower": lambda n, names: tell_n("{names} is lower", "{names} are lower", n, names=names),
    "higher": lambda n, names: tell_n("{names} is higher", "{names} are higher", n, names=names),
    "equivalent": lambda n, names: tell_n("{names} is equivalent", "{names} are equivalent", n, names=names),
    "undecided": lambda n, names: tell_n("{names} is undecided", "{names} are undecided", n, names=names),
    "without a verdict": lambda n, names: tell_n(
        "{names} is without a verdict", "{names} are without a verdict", n, names=names
    ),
}


def _is(verdict: str, number: int, names: str, findings: Mapping[str, Any]) -> str:
    """Return what candidates are, as a clause; of what is equivalent, within which margin."""
    metric, analysis = findings["metric"], findings["analysis"]
    if verdict == "equivalent" and analysis["margin"] is not None:
        return tell_n(
            "{names} is equivalent within ±{margin}",
            "{names} are equivalent within ±{margin}",
            number,
            names=names,
            margin=margin_text(analysis, metric),
        )
    return _ARE[verdict_message(verdict, metric)](number, names)


#: Candidates of one verdict that are named one by one, and how many of more of them.
_EACH: Final = 6
_TELLING: Final = 3


def _named(entries: Sequence[Mapping[str, Any]], family: int, *, pairs: bool) -> str:
    """Return the candidates of one verdict: all of a few; of many their number and the most telling ones.

    Where they have different baselines (``pairs``), each is named with its own.
    """

    def name(entry: Mapping[str, Any]) -> str:
        return _pair(entry) if pairs else say(entry["candidate"])

    if len(entries) <= _EACH:
        return listed([name(entry) for entry in entries])
    names = [name(entry) for entry in sorted(entries, key=_telling)[:_TELLING]]
    if len(entries) == family:
        return tell("all {n}, among them {names},", n=family, names=listed(names))
    return tell("{some} of {n}, among them {names},", some=len(entries), n=family, names=listed(names))


def _pair(entry: Mapping[str, Any]) -> str:
    return tell("{one} against {other}", one=say(entry["candidate"]), other=say(entry["baseline"]))


def _counted(entries: Sequence[Mapping[str, Any]], verdict: str, findings: Mapping[str, Any]) -> str:
    """Return how many of very many pairs have a verdict, and the most telling of them."""
    number, pair = len(entries), _pair(min(entries, key=_telling))
    told = _is(verdict, number, whole(number), findings)
    return f"{told} ({pair})" if number == 1 else tell("{told}, foremost {pair}", told=told, pair=pair)


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
    entry: Mapping[str, Any],
    entries: Sequence[Mapping[str, Any]],
    metric: Mapping[str, Any],
    analysis: Mapping[str, Any],
) -> str:
    """Return the sentence of :func:`_clearest` with the reason why this comparison is the one that is spelled out."""
    judged = [other for other in entries if other["p"] is not None]
    reasoned = entry["p"] is not None and len(judged) > 1
    verdict = entry["verdict"]
    opened = not reasoned or verdict in {"better", "worse", "equivalent"}
    text = comparison_sentence(entry, metric, analysis, repeats=analysis["units"], explain=True, opened=opened)
    if not reasoned:
        return text
    same = [other for other in judged if other["verdict"] == verdict]
    sign = 1 if lower_is_better(metric) else -1
    if verdict in {"worse", "equivalent"}:
        return tell("The clearest of these, by its p: {text}", text=text)
    first = all(sign * entry["difference"] <= sign * other["difference"] for other in same)
    if verdict == "better":
        better = verdict_word("better", metric)
        if first:
            return tell("Of what is {better}, the largest difference: {text}", better=better, text=text)
        return tell(
            "Of what is {better}, the largest difference with the model of the baseline: {text}",
            better=better,
            text=text,
        )
    if first:
        return tell("Of what is undecided, the most favourable difference: {text}", text=text)
    return tell(
        "Of what is undecided, the most favourable difference with the model of the baseline: {text}", text=text
    )


#: Networks beside a linear potential that are named one by one.
_NAMED: Final = 4


def _yardstick(findings: Mapping[str, Any]) -> str:
    """Return which networks lose to the linear potential on the same inputs, nothing where none does."""
    rivals = beside_linear(findings)
    beaten = [one for one in rivals if one.beaten]
    if not beaten:
        return ""
    if len(rivals) <= _NAMED:
        those = listed([_rivals(findings, one) for one in beaten])
        spared = [_rivals(findings, one) for one in rivals if not one.beaten]
        if not spared:
            return tell("On the same inputs, by the mean, the linear potential beats {those}.", those=those)
        return tell(
            "On the same inputs, by the mean, the linear potential beats {those}; it does not beat {spared}.",
            those=those,
            spared=listed(spared),
        )
    return tell(
        "On the same inputs, by the mean, the linear potential beats {networks}; the best network is {best}.",
        networks=_beaten(len(beaten), len(rivals), len(networks(findings))),
        best=_rivals(findings, rivals[0]),
    )


def _beaten(some: int, beside: int, total: int) -> str:
    """Return how many are beaten of those networks that have a linear potential on their inputs, of all networks."""
    if beside == total:
        if some == beside:
            return tell("every one of {n} networks", n=beside)
        return tell("{some} of {n} networks", some=some, n=beside)
    if some == beside:
        return tell(
            "every one of the {n} networks (of {total}) that have one on the same inputs", n=beside, total=total
        )
    return tell(
        "{some} of the {n} networks (of {total}) that have one on the same inputs", some=some, n=beside, total=total
    )


def _rivals(findings: Mapping[str, Any], rivals: Rivals) -> str:
    """Return a network's mean beside that of the linear potential, and what the declared family says of the two."""
    metric = findings["metric"]
    verdict = tell("not tested")
    for entry in findings["analysis"]["comparisons"]:
        pair = (entry["candidate"], entry["baseline"])
        if set(pair) == {rivals.network, rivals.linear} and entry["p"] is not None:
            if entry["verdict"] in {"equivalent", "undecided"}:
                verdict = tell("tested: {verdict}", verdict=verdict_word(entry["verdict"], metric))
            else:
                verdict = tell("tested: {verdict}", verdict=_is(entry["verdict"], 1, say(pair[0]), findings))
    return tell(
        "{network} ({ours} against {theirs} of {linear}; {verdict})",
        network=say(rivals.network),
        ours=significant(rivals.network_mean),
        theirs=with_unit(significant(rivals.linear_mean), metric),
        linear=say(rivals.linear),
        verdict=verdict,
    )


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
        some, which = counts[f"limited_{kind}"], _which(mine)
        if kind != "hdnn":
            label = next(model["label"] for model in findings["models"] if model["kind"] == kind)
            found.append(_at_limit(late, some, retold(label), which))
        elif any(
            result["converged"] is False and result["ran"] is not None and result["ran"] < _FEWEST_EPOCHS
            for variant in mine
            for result in variant["results"]
        ):
            found.append(
                tell_n(
                    "{n} of {many} was still improving when training ended or had too few epochs to tell: not "
                    "converged{which}.",
                    "{n} of {many} were still improving when training ended or had too few epochs to tell: not "
                    "converged{which}.",
                    late,
                    many=count(some, "network training"),
                    which=which,
                )
            )
        else:
            found.append(
                tell_n(
                    "{n} of {many} was still improving when training ended: not converged{which}.",
                    "{n} of {many} were still improving when training ended: not converged{which}.",
                    late,
                    many=count(some, "network training"),
                    which=which,
                )
            )
    return found


def _which(variants: Sequence[Mapping[str, Any]]) -> str:
    """Return which variants have trainings that had not converged, or where that is told."""
    parts = [
        tell("{name} {some} of {all}", name=say(one["name"]), some=one["not_converged"], all=len(ends(one)))
        for one in variants
        if one["not_converged"]
    ]
    return f" ({', '.join(parts)})" if len(parts) <= _LISTED else tell("; the table of scores tells which")


def _at_limit(late: int, some: int, label: str, which: str) -> str:
    """Return how many trainings of a model that runs in rounds were stopped by their limit."""
    return tell_n(
        "{n} of {many} was stopped at the limit of rounds, still improving: not converged{which}.",
        "{n} of {many} were stopped at the limit of rounds, still improving: not converged{which}.",
        late,
        many=tell_n("{n} {label} training", "{n} {label} trainings", some, label=label),
        which=which,
    )

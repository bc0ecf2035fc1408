"""The answer of a study in a few sentences: what the comparisons say, given what, and what the reader must know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.counting import listed
from bpbench.report import agreement, chosen, divided, given, timing, unjudged
from bpbench.report.enough import enough
from bpbench.report.numerals import count, say, significant
from bpbench.report.vocabulary import (
    beside_linear,
    ends,
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
    timed,
    verdict_word,
    with_unit,
)
from bpbench.report.words import comparison_sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bpbench.report.vocabulary import Rivals

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

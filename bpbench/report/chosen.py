"""What strategies chose, and what was left of it on the reserve, in plain sentences."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from bpbench.counting import listed
from bpbench.report.numerals import count, exact, fixed, half_width, middle, percent, say, signed
from bpbench.report.vocabulary import (
    lower_is_better,
    margin_text,
    on_part,
    scope,
    unit,
    unit_word,
    verdict_word,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Strategies that are told one by one.
_TOLD: Final = 8
#: Savings that are told one by one; of more only the largest.
_SPELLED: Final = 2
_VERDICTS: Final = ("better", "equivalent", "worse", "undecided")
#: A symmetry function by its readable name, and its parameters.
_FUNCTION: Final = re.compile(r"(G[245][^(\s]*)\(([^()]*)\)")
_SYMBOLS: Final = {"eta": "η", "zeta": "ζ", "lambda": "λ", "rs": "R_s", "rc": "R_c"}


def searches(findings: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the strategies of a study, none where it has no strategy."""
    found = findings.get("exploration")
    return [] if found is None else list(found["strategies"])


def comparison_of(findings: Mapping[str, Any], strategy: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the comparison in which the choice of a strategy is confirmed."""
    pair = (strategy["name"], strategy["rival"])
    entries = findings["analysis"]["comparisons"]
    return next((entry for entry in entries if (entry["candidate"], entry["baseline"]) == pair), None)


def declared(findings: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the comparisons of contestants that no strategy brought."""
    brought = {strategy["name"] for strategy in searches(findings)}
    return [entry for entry in findings["analysis"]["comparisons"] if entry["candidate"] not in brought]


def compact(text: str, names: Sequence[str] = ()) -> str:
    """Return a text with symmetry functions written in symbols, and without what all of a pool have in common.

    Parameters
    ----------
    text : str
        May hold names such as ``G5(eta=0.01,zeta=16,lambda=-1,rc=6.8)``.
    names : sequence of str
        The pool; parameters that all of its functions have, and share, are left out.
    """
    parts = [_parameters(found[2]) for name in names if (found := _FUNCTION.fullmatch(name))]
    shared = {key for key in ("rc", "rs") if len({part.get(key) for part in parts if key != "rs" or key in part}) == 1}

    def short(found: re.Match[str]) -> str:
        told = [
            f"{_SYMBOLS.get(key, key)} {_value(value)}"
            for key, value in _parameters(found[2]).items()
            if key not in shared
        ]
        return f"{found[1]}({', '.join(told)})"

    return _FUNCTION.sub(short, text)


def _value(text: str) -> str:
    """Return a parameter with four significant digits, or as it is where it is no number."""
    try:
        return exact(float(text), 4)
    except ValueError:
        return text


def _parameters(inside: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in inside.split(",") if "=" in part)


# -------------------------------------------------------------------------------------------------- the answer


def answers(findings: Mapping[str, Any]) -> list[str]:
    """Return what the strategies chose, what the reserve says of it, and what the smaller sets save.

    Parameters
    ----------
    findings : dict
        Findings of schema 1, of a study with strategies.
    """
    told = searches(findings)
    if not told:
        return []
    found = [_chose(told), *_without(told), *_cut_short(told), *_shared(findings, told)]
    if (confirmed := _confirmed(findings, told)) is not None:
        found.append(confirmed)
    found += _steady(told)
    return [text for text in (*found, _models(findings, told), _saves(findings, told)) if text]


def _steady(told: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return how far repeated searches kept the same, nothing where each was made once."""
    found = [one for one in told if one["stability"] is not None and one["stability"]["nogueira"] is not None]
    if not found:
        return []
    parts = [
        f"{say(one['name'])} {fixed(one['stability']['nogueira'], 2)} ({one['stability']['choices']} searches)"
        for one in found
    ]
    text = (
        "How far a search keeps the same when it is made again on other divisions (Nogueira: 1 always the same, 0 as "
        f"at random): {listed(parts)}."
    )
    return [text]


def limits(findings: Mapping[str, Any]) -> list[str]:
    """Return what is not shown of choices, nothing for a study without strategies."""
    told = [strategy for strategy in searches(findings) if strategy["choice"] is not None]
    if not told:
        return []
    once = [say(strategy["name"]) for strategy in told if strategy["stability"] is None]
    text = (
        "A confirmed choice is a set that holds on the reserve, not the only one that would: on other divisions of the "
        "frames a strategy may choose another."
    )
    if once:
        text += f" How steady that is was not looked at for {listed(once)}."
    before = findings["exploration"]["searched_before"]
    if not before:
        return [text]
    earlier = (
        f"Before this one, {count(before, 'other search', 'other searches')} had been confirmed on this very reserve "
        "from this store; no p-value counts this, and a search that is changed until its choice is confirmed confirms "
        "nothing."
    )
    return [text, earlier]


def _models(findings: Mapping[str, Any], told: Sequence[Mapping[str, Any]]) -> str:
    """Return which choices are compared with another model, so that their difference is not one of sets alone."""
    models = {variant["name"]: variant["model"] for variant in findings["variants"]}
    parts = [
        f"{say(one['name'])} ({say(one['model'])}, and {say(other)} for {say(entry['baseline'])})"
        for one, entry in _judged(findings, told)
        if (other := models.get(entry["baseline"], one["model"])) != one["model"]
    ]
    if not parts:
        return ""
    return f"The models differ as well as the sets for {listed(parts)}: a difference there may be that of the models."


def outcome(strategy: Mapping[str, Any], *, judged: bool = True) -> str | None:
    """Return in words why the choice of a strategy is compared with nothing, ``None`` where it is.

    Parameters
    ----------
    strategy : dict
        One of ``findings["exploration"]["strategies"]``.
    judged : bool
        Whether the run judges anything; a quick one does not, and its words must not sound like it.
    """
    name, choice = f"Strategy {say(strategy['name'])}", strategy["choice"]
    if choice is None:
        return _nothing(name, strategy, judged=judged)
    against = choice["against"]
    if against is None or not against["same"]:
        return None
    if strategy["kind"] == "smallest" and judged:
        by_cost = strategy["settings"].get("by") == "operations"
        if not _below(strategy, choice, by_cost=by_cost):
            least = "cheapest" if by_cost else "smallest"
            return f"{name} found that the best set it explored, {_set(choice, strategy)}, is the {least} as well."
        word = "cheaper" if by_cost else "smaller"
        return (
            f"{name} found no {word} set that was shown to be as good as the best one it explored, "
            f"{_set(choice, strategy)}, which stays."
        )
    if choice["size"] == len(strategy["pool"]) and strategy["kind"] != "smallest":
        return f"{name} chose the whole set itself: nothing was left out, and there is nothing to compare."
    return f"{name} chose the very set with which it is compared, {_set(choice, strategy)}."


def _below(strategy: Mapping[str, Any], choice: Mapping[str, Any], *, by_cost: bool) -> bool:
    """Return whether any set that was explored is smaller, or cheaper, than the one that was chosen."""
    tried = [one for step in strategy["steps"] for one in step["tried"]]
    if by_cost:
        return any(one["cost"] < choice["cost"] for one in tried)
    return any(len(one["chosen"]) < choice["size"] for one in tried)


def untested(findings: Mapping[str, Any], candidate: str) -> str:
    """Return why a comparison has no test, in two words: what a strategy chose may be no other set.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    candidate : str
        Of the comparison.
    """
    strategy = next((one for one in searches(findings) if one["name"] == candidate), None)
    if strategy is None:
        return "no test"
    if strategy["choice"] is None:
        return "nothing chosen"
    entry = comparison_of(findings, strategy)
    if outcome(strategy) is not None:
        return "same set"
    twin = None if entry is None else _twin(findings, strategy, entry)
    return "no test" if twin is None else f"as {say(twin)}"


def _nothing(name: str, strategy: Mapping[str, Any], *, judged: bool) -> str:
    """Return why a strategy chose nothing at all."""
    if strategy["broken"]:
        return f"{name} could not go on: {strategy['broken']}"
    if not strategy["ended"]:
        return f"{name} has not ended."
    why = compact(strategy["steps"][-1]["said"], strategy["pool"]) if strategy["steps"] and judged else ""
    return f"{name} found nothing. {why}".rstrip()


def _set(choice: Mapping[str, Any], strategy: Mapping[str, Any]) -> str:
    return f"{say(choice['set'])} ({count(choice['size'], _input(strategy))})"


def _input(strategy: Mapping[str, Any]) -> str:
    return "function" if strategy["by_operations"] else "input"


def _chose(told: Sequence[Mapping[str, Any]]) -> str:
    """Return which sets were chosen, by their sizes."""
    chosen = [one for one in told if one["choice"] is not None and outcome(one) is None]
    if not chosen:
        return f"None of {count(len(told), 'strategy', 'strategies')} chose a set other than it is compared with."
    parts = [f"{say(one['name'])} {_share(one)}" for one in chosen[:_TOLD]]
    more = len(chosen) - len(parts)
    if more:
        parts.append(f"{count(more, 'further one')} as in the table of strategies")
    which = (
        f"Of {count(len(told), 'strategy', 'strategies')} {len(chosen)} chose"
        if len(chosen) < len(told)
        else f"{count(len(told), 'strategy', 'strategies')} chose"
    )
    things = "functions" if all(one["by_operations"] for one in chosen) else "inputs"
    return f"{which} {'a set' if len(chosen) == 1 else 'sets'} of {things}: {listed(parts)}."


def _share(strategy: Mapping[str, Any]) -> str:
    size, pool = strategy["choice"]["size"], len(strategy["pool"])
    return f"all {pool}" if size == pool else f"{size} of {pool}"


def _without(told: Sequence[Mapping[str, Any]]) -> list[str]:
    return [text for one in told if (text := outcome(one)) is not None]


def _cut_short(told: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return which forward selections ended because they might not grow further, before they were as good."""
    found = []
    for one in told:
        last = one["steps"][-1]["tried"] if one["kind"] == "forward" and one["steps"] and one["choice"] else []
        ends = [tried["compared"] for tried in last if tried["label"] == one["steps"][-1]["taken"]]
        if any(end is not None and end["non_inferior"] is False for end in ends):
            size = count(one["choice"]["size"], "function")
            found.append(
                f"Strategy {say(one['name'])} ended at {size}, the most it was allowed: while exploring they were not "
                "shown to be as good as the whole set."
            )
    return found


def _judged(findings: Mapping[str, Any], told: Sequence[Mapping[str, Any]]) -> list[tuple[Any, Any]]:
    """Return the strategies whose choice is compared, each with its comparison."""
    pairs = [(one, comparison_of(findings, one)) for one in told if outcome(one) is None]
    return [(one, entry) for one, entry in pairs if entry is not None]


def _confirmed(findings: Mapping[str, Any], told: Sequence[Mapping[str, Any]]) -> str | None:
    metric, analysis = findings["metric"], findings["analysis"]
    judged = [(one, entry) for one, entry in _judged(findings, told) if not _twin(findings, one, entry)]
    if not judged:
        return None
    places = middle([half_width(entry["low"], entry["high"]) for _, entry in judged])
    groups: dict[tuple[str, str], list[str]] = {}
    for one, entry in judged:
        if entry["p"] is None or entry["verdict"] not in _VERDICTS:
            key = ("without a verdict", "")
        else:
            key = (entry["verdict"], entry["baseline"])
        gap = "" if entry["difference"] is None else f" ({signed(entry['difference'], places)})"
        groups.setdefault(key, []).append(f"{say(one['name'])}{gap}")
    order = sorted(groups, key=lambda key: _VERDICTS.index(key[0]) if key[0] in _VERDICTS else len(_VERDICTS))
    within = f" within ±{margin_text(analysis, metric)}" if analysis["margin"] is not None else ""
    parts = [
        f"{listed(groups[key])} {'is' if len(groups[key]) == 1 else 'are'} {_said(key, metric, within)}"
        for key in order
    ]
    units = count(analysis["units"], unit_word(metric, analysis))
    shown = f" in {unit(metric)}" if unit(metric) else ""
    return (
        f"Judged{on_part(findings)}, which no strategy had seen, with other seeds ({units}), by {metric['label']} (in "
        f"brackets: differences{shown}, {direction(findings)}), {scope(findings)}: {'; '.join(parts)}."
    )


def _twin(findings: Mapping[str, Any], strategy: Mapping[str, Any], entry: Mapping[str, Any]) -> str | None:
    """Return the earlier contestant that is the same as a choice, where that one is compared in its place."""
    if entry["difference"] is not None:
        return None
    found: dict[str, str | None] = {variant["name"]: variant["twin"] for variant in findings["variants"]}
    return found.get(strategy["name"])


def _shared(findings: Mapping[str, Any], told: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return which strategies chose what another contestant is already, and so have its verdict."""
    pairs = [(one, _twin(findings, one, entry)) for one, entry in _judged(findings, told)]
    return [
        f"Strategy {say(one['name'])} chose the same set as {say(twin)}, which is compared for both."
        for one, twin in pairs
        if twin is not None
    ]


def _said(key: tuple[str, str], metric: Mapping[str, Any], within: str) -> str:
    verdict, base = key
    if verdict == "equivalent":
        return f"equivalent to {say(base)}{within}"
    if verdict == "undecided":
        return f"undecided against {say(base)}"
    return f"{verdict_word(verdict, metric)} than {say(base)}" if verdict in _VERDICTS else verdict


def _saves(findings: Mapping[str, Any], told: Sequence[Mapping[str, Any]]) -> str:
    """Return what the sets that are as good or better save: of several the most telling, nothing where none does."""
    found = [
        one
        for one, entry in _judged(findings, told)
        if (against := one["choice"]["against"]) is not None
        and entry["p"] is not None
        and entry["verdict"] in {"equivalent", "better"}
        and one["choice"]["size"] < against["functions"]
    ]
    if not found:
        return ""
    if len(found) <= _SPELLED:
        return f"What these sets need per atom: {'; '.join(_saving(one) for one in found)}."
    fewest = min(found, key=lambda one: one["choice"]["size"] / one["choice"]["against"]["functions"])
    counted = [one for one in found if one["choice"]["against"]["operations"] is not None]
    cheapest = min(counted, key=lambda one: one["choice"]["against"]["operations"], default=fewest)
    parts = [_saving(cheapest)] if counted else []
    if not counted or fewest["choice"]["size"] < cheapest["choice"]["size"]:
        parts.append(_saving(fewest))
    rest = len(found) - len(parts)
    where = "error against cost" if findings.get("costs") else "strategies"
    return (
        f"What the cheapest of these sets need per atom: {'; '.join(parts)}; the other {rest} "
        f"{'is' if rest == 1 else 'are'} in the table of {where}."
    )


def _saving(strategy: Mapping[str, Any]) -> str:
    choice, against = strategy["choice"], strategy["choice"]["against"]
    return (
        f"{say(strategy['name'])} needs {choice['size']} in place of "
        f"{count(against['functions'], _input(strategy))}{_operations(against['operations'])}"
    )


def _operations(ratio: float | None) -> str:
    """Return how many operations are left; a saving that rounding hides is none."""
    if ratio is None:
        return ""
    left = round(ratio, 2)
    return f", {percent(left)} of the operations" if left != 1 else " and practically all of the operations"


def direction(findings: Mapping[str, Any]) -> str:
    """Return which sign of a difference is the better one."""
    return "negative is better" if lower_is_better(findings["metric"]) else "positive is better"

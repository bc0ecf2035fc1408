"""What strategies chose, and what was left of it on the reserve, in plain sentences."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from bpbench.report.kinds import scope
from bpbench.report.language import language, listed, tell, tell_n
from bpbench.report.numerals import count, exact, fixed, half_width, middle, percent, say, signed, whole
from bpbench.report.retold import retold
from bpbench.report.tallies import lower_is_better
from bpbench.report.vocabulary import margin_text, metric_label, on_part, unit, unit_count, verdict_message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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
        apart = " ; " if language() == "fr" else ", "  # where a comma is decimal, none can part numbers
        return f"{found[1]}({apart.join(told)})"

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
        tell(
            "{strategy} {value} ({searches})",
            strategy=say(one["name"]),
            value=fixed(one["stability"]["nogueira"], 2),
            searches=count(one["stability"]["choices"], "search", "searches"),
        )
        for one in found
    ]
    return [
        tell(
            "How far a search keeps the same when it is made again on other divisions (Nogueira: 1 always the same, 0 "
            "as at random): {strategies}.",
            strategies=listed(parts),
        )
    ]


def limits(findings: Mapping[str, Any]) -> list[str]:
    """Return what is not shown of choices, nothing for a study without strategies."""
    told = [strategy for strategy in searches(findings) if strategy["choice"] is not None]
    if not told:
        return []
    once = [say(strategy["name"]) for strategy in told if strategy["stability"] is None]
    text = tell(
        "A confirmed choice is a set that holds on the reserve, not the only one that would: on other divisions of the "
        "frames a strategy may choose another."
    )
    if once:
        text += " " + tell("How steady that is was not looked at for {strategies}.", strategies=listed(once))
    before = findings["exploration"]["searched_before"]
    if not before:
        return [text]
    earlier = tell_n(
        "Before this one, {searches} had been confirmed on this very reserve from this store; no p-value counts this, "
        "and a search that is changed until its choice is confirmed confirms nothing.",
        "Before this one, {searches} had been confirmed on this very reserve from this store; no p-value counts this, "
        "and a search that is changed until its choice is confirmed confirms nothing.",
        before,
        searches=count(before, "other search", "other searches"),
    )
    return [text, earlier]


def _models(findings: Mapping[str, Any], told: Sequence[Mapping[str, Any]]) -> str:
    """Return which choices are compared with another model, so that their difference is not one of sets alone."""
    models = {variant["name"]: variant["model"] for variant in findings["variants"]}
    parts = [
        tell(
            "{strategy} ({model}, and {other} for {baseline})",
            strategy=say(one["name"]),
            model=say(one["model"]),
            other=say(other),
            baseline=say(entry["baseline"]),
        )
        for one, entry in _judged(findings, told)
        if (other := models.get(entry["baseline"], one["model"])) != one["model"]
    ]
    if not parts:
        return ""
    return tell(
        "The models differ as well as the sets for {strategies}: a difference there may be that of the models.",
        strategies=listed(parts),
    )


def outcome(strategy: Mapping[str, Any], *, judged: bool = True) -> str | None:
    """Return in words why the choice of a strategy is compared with nothing, ``None`` where it is.

    Parameters
    ----------
    strategy : dict
        One of ``findings["exploration"]["strategies"]``.
    judged : bool
        Whether the run judges anything; a quick one does not, and its words must not sound like it.
    """
    choice = strategy["choice"]
    if choice is None:
        return _nothing(strategy, judged=judged)
    against = choice["against"]
    if against is None or not against["same"]:
        return None
    fields = {"strategy": say(strategy["name"]), "set": _set(choice, strategy)}
    if strategy["kind"] == "smallest" and judged:
        return _least(strategy, choice, fields)
    if choice["size"] == len(strategy["pool"]) and strategy["kind"] != "smallest":
        return tell(
            "Strategy {strategy} chose the whole set itself: nothing was left out, and there is nothing to compare.",
            strategy=fields["strategy"],
        )
    return tell("Strategy {strategy} chose the very set with which it is compared, {set}.", **fields)


def _least(strategy: Mapping[str, Any], choice: Mapping[str, Any], fields: Mapping[str, str]) -> str:
    """Return what a search for the smallest or cheapest set says of the best one, where it chose that."""
    by_cost = strategy["settings"].get("by") == "operations"
    below = _below(strategy, choice, by_cost=by_cost)
    if by_cost:
        return (
            tell(
                "Strategy {strategy} found no cheaper set that was shown to be as good as the best one it explored, "
                "{set}, which stays.",
                **fields,
            )
            if below
            else tell(
                "Strategy {strategy} found that the best set it explored, {set}, is the cheapest as well.", **fields
            )
        )
    return (
        tell(
            "Strategy {strategy} found no smaller set that was shown to be as good as the best one it explored, {set}, "
            "which stays.",
            **fields,
        )
        if below
        else tell("Strategy {strategy} found that the best set it explored, {set}, is the smallest as well.", **fields)
    )


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
        return tell("no test")
    if strategy["choice"] is None:
        return tell("nothing chosen")
    entry = comparison_of(findings, strategy)
    if outcome(strategy) is not None:
        return tell("same set")
    twin = None if entry is None else _twin(findings, strategy, entry)
    return tell("no test") if twin is None else tell("as {variant}", variant=say(twin))


def _nothing(strategy: Mapping[str, Any], *, judged: bool) -> str:
    """Return why a strategy chose nothing at all."""
    name = say(strategy["name"])
    if strategy["broken"]:
        return tell("Strategy {strategy} could not go on: {why}", strategy=name, why=retold(strategy["broken"]))
    if not strategy["ended"]:
        return tell("Strategy {strategy} has not ended.", strategy=name)
    text = tell("Strategy {strategy} found nothing.", strategy=name)
    if not strategy["steps"] or not judged:
        return text
    return f"{text} {compact(retold(strategy['steps'][-1]['said']), strategy['pool'])}".rstrip()


def _set(choice: Mapping[str, Any], strategy: Mapping[str, Any]) -> str:
    return tell("{set} ({size})", set=say(choice["set"]), size=_sized(choice["size"], strategy))


def _sized(size: int, strategy: Mapping[str, Any]) -> str:
    """Return a number of functions, or of inputs where they come from a table."""
    return count(size, "function") if strategy["by_operations"] else count(size, "input")


def _chose(told: Sequence[Mapping[str, Any]]) -> str:
    """Return which sets were chosen, by their sizes."""
    chosen = [one for one in told if one["choice"] is not None and outcome(one) is None]
    strategies = count(len(told), "strategy", "strategies")
    if not chosen:
        return tell("None of {strategies} chose a set other than it is compared with.", strategies=strategies)
    parts = [_share(one) for one in chosen[:_TOLD]]
    more = len(chosen) - len(parts)
    if more:
        parts.append(tell("{more} as in the table of strategies", more=count(more, "further one")))
    functions = all(one["by_operations"] for one in chosen)
    fields = {"strategies": strategies, "parts": listed(parts)}
    if len(chosen) < len(told):
        return (
            tell_n(
                "Of {strategies} {n} chose a set of functions: {parts}.",
                "Of {strategies} {n} chose sets of functions: {parts}.",
                len(chosen),
                **fields,
            )
            if functions
            else tell_n(
                "Of {strategies} {n} chose a set of inputs: {parts}.",
                "Of {strategies} {n} chose sets of inputs: {parts}.",
                len(chosen),
                **fields,
            )
        )
    return (
        tell_n(
            "{strategies} chose a set of functions: {parts}.",
            "{strategies} chose sets of functions: {parts}.",
            len(chosen),
            **fields,
        )
        if functions
        else tell_n(
            "{strategies} chose a set of inputs: {parts}.",
            "{strategies} chose sets of inputs: {parts}.",
            len(chosen),
            **fields,
        )
    )


def _share(strategy: Mapping[str, Any]) -> str:
    name, size, pool = say(strategy["name"]), strategy["choice"]["size"], len(strategy["pool"])
    if size == pool:
        return tell("{strategy} all {pool}", strategy=name, pool=whole(pool))
    return tell("{strategy} {size} of {pool}", strategy=name, size=whole(size), pool=whole(pool))


def _without(told: Sequence[Mapping[str, Any]]) -> list[str]:
    return [text for one in told if (text := outcome(one)) is not None]


def _cut_short(told: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return which forward selections ended because they might not grow further, before they were as good."""
    found = []
    for one in told:
        last = one["steps"][-1]["tried"] if one["kind"] == "forward" and one["steps"] and one["choice"] else []
        ends = [tried["compared"] for tried in last if tried["label"] == one["steps"][-1]["taken"]]
        if any(end is not None and end["non_inferior"] is False for end in ends):
            found.append(
                tell(
                    "Strategy {strategy} ended at {size}, the most it was allowed: while exploring they were not shown "
                    "to be as good as the whole set.",
                    strategy=say(one["name"]),
                    size=count(one["choice"]["size"], "function"),
                )
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
        name = say(one["name"])
        if entry["difference"] is not None:
            gap = signed(entry["difference"], places)
            name = tell("{strategy} ({difference})", strategy=name, difference=gap)
        groups.setdefault(key, []).append(name)
    order = sorted(groups, key=lambda key: _VERDICTS.index(key[0]) if key[0] in _VERDICTS else len(_VERDICTS))
    fields = {
        "part": on_part(findings),
        "units": unit_count(analysis["units"], metric, analysis),
        "metric": metric_label(metric),
        "direction": direction(findings),
        "scope": scope(findings),
        "verdicts": _parted([_said(findings, *key, groups[key]) for key in order]),
    }
    if not unit(metric):
        return tell(
            "Judged{part}, which no strategy had seen, with other seeds ({units}), by {metric} (in brackets: "
            "differences, {direction}), {scope}: {verdicts}.",
            **fields,
        )
    return tell(
        "Judged{part}, which no strategy had seen, with other seeds ({units}), by {metric} (in brackets: differences "
        "in {unit}, {direction}), {scope}: {verdicts}.",
        unit=unit(metric),
        **fields,
    )


def _parted(parts: Sequence[str]) -> str:
    """Return clauses behind each other, parted by semicolons as the language sets them."""
    text, *more = parts
    for part in more:
        text = tell("{one}; {other}", one=text, other=part)
    return text


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
        tell(
            "Strategy {strategy} chose the same set as {variant}, which is compared for both.",
            strategy=say(one["name"]),
            variant=say(twin),
        )
        for one, twin in pairs
        if twin is not None
    ]


#: What choices are, compared with something: by a verdict's message, from their number, their names and its name.
_ARE: Final[dict[str, Callable[[int, str, str], str]]] = {
    "better": lambda n, names, base: tell_n(
        "{names} is better than {base}", "{names} are better than {base}", n, names=names, base=base
    ),
    "worse": lambda n, names, base: tell_n(
        "{names} is worse than {base}", "{names} are worse than {base}", n, names=names, base=base
    ),
    "faster": lambda n, names, base: tell_n(
        "{names} is faster than {base}", "{names} are faster than {base}", n, names=names, base=base
    ),
    "slower": lambda n, names, base: tell_n(
        "{names} is slower than {base}", "{names} are slower than {base}", n, names=names, base=base
    ),
    "lower": lambda n, names, base: tell_n(
        "{names} is lower than {base}", "{names} are lower than {base}", n, names=names, base=base
    ),
    "higher": lambda n, names, base: tell_n(
        "{names} is higher than {base}", "{names} are higher than {base}", n, names=names, base=base
    ),
    "undecided": lambda n, names, base: tell_n(
        "{names} is undecided against {base}", "{names} are undecided against {base}", n, names=names, base=base
    ),
    "equivalent": lambda n, names, base: tell_n(
        "{names} is equivalent to {base}", "{names} are equivalent to {base}", n, names=names, base=base
    ),
}


def _said(findings: Mapping[str, Any], verdict: str, base: str, names: Sequence[str]) -> str:
    """Return what choices are, as a clause; of what is equivalent, within which margin."""
    metric, analysis, number = findings["metric"], findings["analysis"], len(names)
    if verdict not in _VERDICTS:
        return tell_n("{names} is without a verdict", "{names} are without a verdict", number, names=listed(names))
    if verdict == "equivalent" and analysis["margin"] is not None:
        return tell_n(
            "{names} is equivalent to {base} within ±{margin}",
            "{names} are equivalent to {base} within ±{margin}",
            number,
            names=listed(names),
            base=say(base),
            margin=margin_text(analysis, metric),
        )
    return _ARE[verdict_message(verdict, metric)](number, listed(names), say(base))


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
        return tell("What these sets need per atom: {parts}.", parts=_parted([_saving(one) for one in found]))
    fewest = min(found, key=lambda one: one["choice"]["size"] / one["choice"]["against"]["functions"])
    counted = [one for one in found if one["choice"]["against"]["operations"] is not None]
    cheapest = min(counted, key=lambda one: one["choice"]["against"]["operations"], default=fewest)
    parts = [_saving(cheapest)] if counted else []
    if not counted or fewest["choice"]["size"] < cheapest["choice"]["size"]:
        parts.append(_saving(fewest))
    said = _parted(parts)
    if findings.get("costs"):
        return tell_n(
            "What the cheapest of these sets need per atom: {parts}; the other {n} is in the table of error against "
            "cost.",
            "What the cheapest of these sets need per atom: {parts}; the other {n} are in the table of error against "
            "cost.",
            len(found) - len(parts),
            parts=said,
        )
    return tell_n(
        "What the cheapest of these sets need per atom: {parts}; the other {n} is in the table of strategies.",
        "What the cheapest of these sets need per atom: {parts}; the other {n} are in the table of strategies.",
        len(found) - len(parts),
        parts=said,
    )


def _saving(strategy: Mapping[str, Any]) -> str:
    """Return how many functions and operations a set needs; a saving that rounding hides is none."""
    choice, against = strategy["choice"], strategy["choice"]["against"]
    fields = {
        "strategy": say(strategy["name"]),
        "size": whole(choice["size"]),
        "functions": _sized(against["functions"], strategy),
    }
    if against["operations"] is None:
        return tell("{strategy} needs {size} in place of {functions}", **fields)
    left = round(against["operations"], 2)
    if left == 1:
        return tell("{strategy} needs {size} in place of {functions} and practically all of the operations", **fields)
    return tell(
        "{strategy} needs {size} in place of {functions}, {share} of the operations", share=percent(left), **fields
    )


def direction(findings: Mapping[str, Any]) -> str:
    """Return which sign of a difference is the better one."""
    return tell("negative is better") if lower_is_better(findings["metric"]) else tell("positive is better")

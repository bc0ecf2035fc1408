"""What each kind of strategy does, with its settings, in plain words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from bpbench.report.document import Cell, cite
from bpbench.report.language import listed, marked, spoken, tell
from bpbench.report.numerals import exact, say
from bpbench.report.retold import retold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_KINDS: Final = {
    "by-shift": marked("by ranges of the shift"),
    "random-subsets": marked("random subsets"),
    "evenly-spaced": marked("evenly spaced groups"),
    "drop-one": marked("leaving out one at a time"),
    "backward": marked("backward elimination"),
    "forward": marked("forward selection"),
    "by-weight": marked("by weight or importance"),
    "smallest": marked("the smallest set that is as good"),
}


def kind(strategy: Mapping[str, Any]) -> str:
    """Return what kind of strategy it is, as its heading says."""
    if strategy["settings"].get("by") == "operations":
        return tell("the cheapest set that is as good")
    return tell(_KINDS[strategy["kind"]])


def does(strategy: Mapping[str, Any]) -> str:
    """Return what a strategy does, with its settings, in plain words: a predicate, whose subject is the strategy."""
    settings, kind = strategy["settings"], strategy["kind"]
    text = str(_DOES[kind](settings))
    race = settings.get("race")
    if not race:
        return text
    if race.get("rule", "friedman") == "friedman":
        return tell(
            "{does}; a race stops hopeless candidates by Friedman's test from repeat {first} on",
            does=text,
            first=race.get("first"),
        )
    return tell(
        "{does}; a race stops hopeless candidates by successive halving from repeat {first} on",
        does=text,
        first=race.get("first"),
    )


def does_cell(strategy: Mapping[str, Any]) -> Cell:
    """Return a cell of what a strategy does; as a value it is English, whatever is spoken."""
    with spoken("en", ()):
        plain = does(strategy)
    return Cell(does(strategy), plain)


def sources(strategy: Mapping[str, Any]) -> str:
    """Return citations of where a way to choose comes from, nothing where there is no such work."""
    settings = strategy["settings"]
    how = settings.get("by") or settings.get("order")
    keys = [*_WORKS.get(strategy["kind"], ()), *_WORKS.get(str(how), ())]
    race = settings.get("race")
    if race:
        keys += ["maron1994", *(["friedman1937"] if race.get("rule", "friedman") == "friedman" else [])]
    return cite(*dict.fromkeys(keys)) if keys else ""


#: Works by kind of strategy, and by what it orders functions by.
_WORKS: Final = {
    "drop-one": ("kohavi1997",),
    "backward": ("kohavi1997",),
    "forward": ("kohavi1997",),
    "weight": ("guyon2002",),
    "absolute": ("guyon2002",),
    "sum": ("guyon2002",),
    "permutation": ("breiman2001", "altmann2010"),
    "gain": ("breiman2001",),
}


def _ranges(settings: Mapping[str, Any]) -> str:
    spans = [
        exact(low) if low == high else tell("{low} to {high}", low=exact(low), high=exact(high))
        for low, high in settings["ranges"]
    ]
    return tell(_SHIFTS[settings["angular"]], ranges=listed(spans))


_SHIFTS: Final = {
    "both": marked("tries the radial functions with an R_s of {ranges} Å, with and without the angular ones"),
    "with": marked("tries the radial functions with an R_s of {ranges} Å, with the angular ones"),
    "without": marked("tries the radial functions with an R_s of {ranges} Å, alone"),
}


def _triples(rows: Sequence[Sequence[int]]) -> str:
    return listed(["/".join(map(str, row)) for row in rows])


def _sequence(numbers: Sequence[Any]) -> str:
    return listed([str(number) for number in numbers])


_ORDER: Final = {
    "drop-one": marked("those first whose absence alone helps most"),
    "weight": marked("those of the smallest weights first"),
    "listed": marked("as listed"),
    "random": marked("in random order"),
}
_BY: Final = {
    "absolute": marked("the sum of its absolute first-layer weights"),
    "sum": marked("the sum of its first-layer weights"),
    "permutation": marked("the rise of the error when its values are shuffled"),
    "gain": marked("the gain of the trees' splits on it"),
}


def _together(settings: Mapping[str, Any]) -> str:
    step = settings.get("step", 1)
    return tell("one after another") if step == 1 else tell("{step} at a time", step=step)


def _weighing(settings: Mapping[str, Any]) -> str:
    """Return in brackets which model weighs, nothing where it is the one that the strategy trains."""
    return " " + tell("(model {name})", name=say(settings["of"])) if settings.get("of") else ""


def _several(counts: Sequence[int]) -> str:
    """Return which ones of a ranking, to stand before what ranks them."""
    return tell("the one") if list(counts) == [1] else tell("together the {numbers}", numbers=_sequence(counts))


def _backward(settings: Mapping[str, Any]) -> str:
    return tell(
        "leaves out functions {steps}, {order}, as long as the smaller set is not worse than the whole by the margin "
        "or more",
        steps=_together(settings),
        order=tell(_ORDER[settings["order"]]),
    )


def _smallest(settings: Mapping[str, Any]) -> str:
    names = listed([say(name) for name in (*settings.get("sets", ()), *settings.get("strategies", ()))])
    if settings["by"] == "operations":
        return tell(
            "looks for the set of the fewest operations that is not worse than the best by the margin or more, among "
            "{names}",
            names=names,
        )
    return tell(
        "looks for the set of the fewest functions that is not worse than the best by the margin or more, among "
        "{names}",
        names=names,
    )


_DOES: Final[dict[str, Any]] = {
    "by-shift": _ranges,
    "random-subsets": lambda s: tell(
        "draws {draws} random subsets of each of the sizes {sizes}", draws=s["draws"], sizes=_sequence(s["sizes"])
    ),
    "evenly-spaced": lambda s: tell(
        "tries evenly spaced groups of the steps {steps} with the starts {starts}",
        steps=_triples(s["steps"]),
        starts=_triples(s["starts"]),
    ),
    "drop-one": lambda s: tell(
        "leaves out each function alone, then {which} whose absence helps most", which=_several(s["remove"])
    ),
    "backward": _backward,
    "forward": lambda s: tell(
        "adds the function that helps most, up to {most}, until the set is not worse than the whole by the margin",
        most=s["most"],
    ),
    "by-weight": lambda s: tell(
        "weighs each function by {measure}{model}, and leaves out {which} lowest",
        measure=tell(_BY[s["by"]]),
        model=_weighing(s),
        which=_several(s["drop"]),
    ),
    "smallest": _smallest,
}


# --------------------------------------------------------------------------------------------------- importance

_AVERAGED: Final = re.compile(r"(.+), averaged over (\d+) repeats, from the least on\.")
#: What importances are, as traces say it.
_MEASURES: Final = (
    marked("The sum of the absolute first-layer weights of an input"),
    marked("The absolute value of the sum of the first-layer weights of an input"),
    marked("The rise of the validation error when the values of an input are shuffled"),
    marked("The gain of the trees' splits on an input"),
)


def measured(strategy: Mapping[str, Any], step: Mapping[str, Any]) -> str:
    """Return what the importances of a step are, over how many repeats, and by which model."""
    model = _weighing(strategy["settings"])
    found = _AVERAGED.fullmatch(step["said"])
    if found is None or found[1] not in _MEASURES:
        return retold(step["said"]).rstrip(".") + model
    return tell(
        "{measure}, averaged over {repeats} repeats{model}", measure=tell(found[1]), repeats=found[2], model=model
    )

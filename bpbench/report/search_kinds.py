"""What each kind of strategy does, with its settings, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.counting import listed
from bpbench.report.numerals import exact, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_KINDS: Final = {
    "by-shift": "by ranges of the shift",
    "random-subsets": "random subsets",
    "evenly-spaced": "evenly spaced groups",
    "drop-one": "leaving out one at a time",
    "backward": "backward elimination",
    "forward": "forward selection",
    "by-weight": "by weight or importance",
    "smallest": "the smallest set that is as good",
}


def kind(strategy: Mapping[str, Any]) -> str:
    """Return what kind of strategy it is, as its heading says."""
    if strategy["settings"].get("by") == "operations":
        return "the cheapest set that is as good"
    return _KINDS[strategy["kind"]]


def does(strategy: Mapping[str, Any]) -> str:
    """Return what a strategy does, with its settings, in plain words."""
    settings, kind = strategy["settings"], strategy["kind"]
    text = str(_DOES[kind](settings))
    race = settings.get("race")
    if race:
        rule = "Friedman's test" if race.get("rule", "friedman") == "friedman" else "successive halving"
        text += f"; a race stops hopeless candidates by {rule} from repeat {race.get('first')} on"
    return text


def _ranges(settings: Mapping[str, Any]) -> str:
    spans = [exact(low) if low == high else f"{exact(low)} to {exact(high)}" for low, high in settings["ranges"]]
    angular = {"both": "with and without the angular ones", "with": "with the angular ones", "without": "alone"}
    return f"tries the radial functions with an R_s of {listed(spans)} Å, {angular[settings['angular']]}"


def _triples(rows: Sequence[Sequence[int]]) -> str:
    return listed(["/".join(map(str, row)) for row in rows])


def _sequence(numbers: Sequence[Any]) -> str:
    return listed([str(number) for number in numbers])


_ORDER: Final = {
    "drop-one": "those first whose absence alone helps most",
    "weight": "those of the smallest weights first",
    "listed": "as listed",
    "random": "in random order",
}
_BY: Final = {
    "absolute": "the sum of its absolute first-layer weights",
    "sum": "the sum of its first-layer weights",
    "permutation": "the rise of the error when its values are shuffled",
    "gain": "the gain of the trees' splits on it",
}


def _together(settings: Mapping[str, Any]) -> str:
    step = settings.get("step", 1)
    return "one after another" if step == 1 else f"{step} at a time"


def weighing(settings: Mapping[str, Any]) -> str:
    """Return in brackets which model weighs, nothing where it is the one that the strategy trains."""
    return f" (model {say(settings['of'])})" if settings.get("of") else ""


def _several(counts: Sequence[int]) -> str:
    return "the one" if list(counts) == [1] else f"together the {_sequence(counts)}"


_DOES: Final[dict[str, Any]] = {
    "by-shift": _ranges,
    "random-subsets": lambda s: f"draws {s['draws']} random subsets of each of the sizes {_sequence(s['sizes'])}",
    "evenly-spaced": lambda s: (
        f"tries evenly spaced groups of the steps {_triples(s['steps'])} with the starts {_triples(s['starts'])}"
    ),
    "drop-one": lambda s: f"leaves out each function alone, then {_several(s['remove'])} whose absence helps most",
    "backward": lambda s: (
        f"leaves out functions {_together(s)}, {_ORDER[s['order']]}, as long as the smaller set is not worse than the "
        "whole by the margin or more"
    ),
    "forward": lambda s: (
        f"adds the function that helps most, up to {s['most']}, until the set is not worse than the whole by the margin"
    ),
    "by-weight": lambda s: (
        f"weighs each function by {_BY[s['by']]}{weighing(s)}, and leaves out {_several(s['drop'])} lowest"
    ),
    "smallest": lambda s: (
        f"looks for the set of the fewest {s['by']} that is not worse than the best by the margin or more, among "
        f"{listed([say(name) for name in (*s.get('sets', ()), *s.get('strategies', ()))])}"
    ),
}

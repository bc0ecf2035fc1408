"""Several primary metrics: what is claimed by all of them together, and the comparisons by each further one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from bpbench.report import judged
from bpbench.report.chosen import untested
from bpbench.report.document import Block, Cell, Column, Section, Table, cite
from bpbench.report.kinds import quick
from bpbench.report.labels import source_note
from bpbench.report.language import listed, marked, tell, tell_n
from bpbench.report.numerals import count, exact, p_text, say, short
from bpbench.report.tables import in_english, words
from bpbench.report.vocabulary import (
    CORRECTIONS,
    clauses,
    margin_text,
    metric_label,
    several_baselines,
    verdict_word,
)

if TYPE_CHECKING:
    from bpbench.report.canvas import Style

#: Contestants of one claim that are named one by one, and how many of more of them.
_EACH: Final = 6
_TELLING: Final = 3


def views(findings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the findings as they would be with each further metric as the only one, nothing without any.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    """
    analysis = findings["analysis"]
    return [
        {
            **findings,
            "metric": entry["metric"],
            "analysis": {
                **analysis,
                "metric": entry["metric"]["key"],
                **{key: entry[key] for key in ("margin", "margin_width", "comparisons")},
            },
        }
        for entry in analysis.get("co_primary") or ()
    ]


def section(findings: Mapping[str, Any], looks: Mapping[str, Style]) -> list[Section]:
    """Return the section on further primary metrics, nothing without any.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    looks : dict of str to Style
        By variant.
    """
    found = views(findings)
    if not found or not findings["analysis"]["comparisons"]:
        return []
    blocks: list[Block] = [] if quick(findings) else [_together(findings, found)]
    for view in found:
        blocks += judged.further(view, looks, view["metric"]["key"])
    return [Section("joint", tell("The comparisons by several metrics"), tuple(blocks))]


def answers(findings: Mapping[str, Any]) -> list[str]:
    """Return what is claimed by all metrics together, in one sentence, nothing without several.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    """
    entries = findings["analysis"].get("joint") or ()
    if not entries:
        return []
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        groups.setdefault(entry["verdict"], []).append(entry)
    estimates = bool(findings["metric"].get("estimates"))
    parts = [
        _CLAIMS[_OF_ESTIMATES.get(claim, claim) if estimates else claim](
            len(found), _named(found, len(entries), findings["analysis"])
        )
        for claim in _ORDER
        if (found := groups.get(claim))
    ]
    return [tell("By {metrics} together: {claims}.", metrics=_metrics(findings), claims=clauses(parts))]


_ORDER: Final = ("better", "equivalent", "mixed", "divided", "undecided", "worse")
_OF_ESTIMATES: Final = {"better": "lower", "worse": "higher"}
#: What some candidates are by all metrics, from their number and their names.
_CLAIMS: Final[dict[str, Callable[[int, str], str]]] = {
    "better": lambda n, names: tell_n("{names} is better by all", "{names} are better by all", n, names=names),
    "worse": lambda n, names: tell_n("{names} is worse by all", "{names} are worse by all", n, names=names),
    "lower": lambda n, names: tell_n("{names} is lower by all", "{names} are lower by all", n, names=names),
    "higher": lambda n, names: tell_n("{names} is higher by all", "{names} are higher by all", n, names=names),
    "equivalent": lambda n, names: tell_n(
        "{names} is equivalent by all", "{names} are equivalent by all", n, names=names
    ),
    "mixed": lambda n, names: tell_n(
        "{names} has a verdict by each, but not the same one",
        "{names} have a verdict by each, but not the same one",
        n,
        names=names,
    ),
    "divided": lambda n, names: tell_n(
        "{names} is divided, better by one and worse by another",
        "{names} are divided, better by one and worse by another",
        n,
        names=names,
    ),
    "undecided": lambda n, names: tell_n("{names} is undecided", "{names} are undecided", n, names=names),
}
#: The same as a table has it.
_WORDS: Final = {
    "better": marked("better by all"),
    "worse": marked("worse by all"),
    "lower": marked("lower by all"),
    "higher": marked("higher by all"),
    "equivalent": marked("equivalent by all"),
    "mixed": marked("a verdict by each"),
    "divided": marked("divided"),
    "undecided": marked("undecided"),
}


def _named(entries: Sequence[Mapping[str, Any]], family: int, analysis: Mapping[str, Any]) -> str:
    pairs = several_baselines(analysis)
    names = [
        tell("{one} against {other}", one=say(entry["candidate"]), other=say(entry["baseline"]))
        if pairs
        else say(entry["candidate"])
        for entry in entries
    ]
    if len(entries) <= _EACH:
        return listed(names)
    return tell("{some} of {n}, among them {names},", some=len(entries), n=family, names=listed(names[:_TELLING]))


def _metrics(findings: Mapping[str, Any]) -> str:
    return listed([metric_label(findings["metric"]), *(metric_label(view["metric"]) for view in views(findings))])


def methods(findings: Mapping[str, Any]) -> list[str]:
    """Return how several metrics are judged, nothing without them.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    """
    found = views(findings)
    if not found or quick(findings):
        return []
    analysis = findings["analysis"]
    margins = [
        tell("{metric} (no margin)", metric=metric_label(view["metric"]))
        if view["analysis"]["margin"] is None
        else tell(
            "{metric} (margin {margin})",
            metric=metric_label(view["metric"]),
            margin=margin_text(view["analysis"], view["metric"]),
        )
        for view in found
    ]
    first = tell_n(
        "Besides {metric}, every comparison is judged by {others}: by each at the whole of α = {alpha}, and corrected "
        "over the same family.",
        "Besides {metric}, every comparison is judged by {others}: by each at the whole of α = {alpha}, and corrected "
        "over the same family.",
        len(found),
        metric=metric_label(findings["metric"]),
        others=listed(margins),
        alpha=exact(analysis["alpha"]),
    )
    joint = tell(
        "That a contestant is better, worse or equivalent by all metrics is one claim, tested by an intersection-union "
        "test{works}: its p is the greatest of the p by each metric, which is corrected over the family of {family} "
        "like any other. Nothing is divided among the metrics, since each must reject. Where the verdicts by single "
        "metrics differ, no claim is made of all.",
        works=cite("berger1982", "iche9", "fda2022"),
        family=count(len(analysis["family"]), "comparison"),
    )
    return [f"{first} {joint}"]


def _together(findings: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> Table:
    """Return the verdicts by each metric and by all, side by side."""
    analysis = findings["analysis"]
    several, everything = several_baselines(analysis), [findings, *found]
    method = CORRECTIONS["holm" if analysis["correction"] == "max-t" else analysis["correction"]]
    columns = (
        Column("candidate", tell("candidate"), align="left"),
        *((Column("baseline", tell("baseline"), align="left"),) if several else ()),
        *(
            Column(f"verdict_{view['metric']['key']}", metric_label(view["metric"]), align="left")
            for view in everything
        ),
        Column("p_adjusted", tell("joint p, {correction}", correction=method)),
        Column("p_equivalence_adjusted", tell("joint p of equivalence")),
        Column("verdict", tell("by all"), align="left"),
    )
    rows = []
    estimates = bool(findings["metric"].get("estimates"))
    for place, entry in enumerate(analysis["joint"]):
        claim = _OF_ESTIMATES.get(entry["verdict"], entry["verdict"]) if estimates else entry["verdict"]
        rows.append(
            (
                words(short(entry["candidate"])),
                *((words(short(entry["baseline"])),) if several else ()),
                *(_verdict(view, view["analysis"]["comparisons"][place]) for view in everything),
                Cell(p_text(entry["p_adjusted"]), entry["p_adjusted"]),
                Cell(p_text(entry["p_equivalence_adjusted"]), entry["p_equivalence_adjusted"]),
                in_english(partial(tell, _WORDS[claim]), mark=entry["verdict"]),
            )
        )
    return Table(
        "joint",
        tell(
            "The verdicts by {metrics}, and by all of them: a claim by all needs the same verdict by each, and a joint "
            "p of at most {alpha}. It is the greatest of the p by each metric, adjusted over the family (1 before that "
            "where the metrics point to different sides).",
            metrics=_metrics(findings),
            alpha=exact(analysis["alpha"]),
        ),
        columns,
        tuple(rows),
        source_note(findings),
        "wide",
    )


def _verdict(view: Mapping[str, Any], entry: Mapping[str, Any]) -> Cell:
    if entry["p"] is None:
        return in_english(partial(untested, view, entry["candidate"]), mark="no-test")
    return in_english(partial(verdict_word, entry["verdict"], view["metric"]), mark=entry["verdict"])

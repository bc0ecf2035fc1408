"""Statistics and limits in prose, made from the protocol and the findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report import chosen, divided, forces_told, given, probed, procedure, timing, unjudged
from bpbench.report.document import cite, ref
from bpbench.report.kinds import by_role, quick, scope, scored, timed
from bpbench.report.labels import data_label
from bpbench.report.language import listed, marked, tell, tell_as, tell_n
from bpbench.report.numerals import MINUS, count, exact, percent, say, significant, whole
from bpbench.report.retold import retold
from bpbench.report.vocabulary import (
    CORRECTIONS,
    TESTS,
    margin_text,
    metric_label,
    paired_repeats,
    repeat_key,
    unpaired,
    with_unit,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Pairs that are named in one sentence.
_NAMED: Final = 3


def statistics(findings: Mapping[str, Any]) -> list[str]:
    """Return the paragraphs on repeats, test, correction, equivalence, verdict and stopping rule."""
    first, key = _unit(findings), findings["analysis"]["test"]
    if quick(findings):
        return unjudged.statistics(findings, TESTS.get(key, key), first)
    return [first, procedure.test(findings), procedure.judgement(findings), procedure.stopping(findings)]


def _unit(findings: Mapping[str, Any]) -> str:
    """Return what all statistics count, and what makes two of these a pair."""
    if scored(findings):
        return given.repeats(findings)
    if timed(findings):
        if unpaired(findings["analysis"]):
            return tell(
                "The unit of all statistics is the round, not the frame and not the pass. All sets of one round are "
                "measured close to each other in time."
            )
        return tell(
            "The unit of all statistics is the round, not the frame and not the pass. All sets of one round are "
            "measured close to each other in time, so that they are compared in pairs."
        )
    unit = marked("The unit of all statistics is the repeat, not the frame and not the atom.")
    if procedure.crossed(findings):
        unit = marked("The unit of all statistics is the split, not the frame and not the atom.")
    return " ".join((tell(unit), retold(findings["split"]["sentence"]), divided.paired(findings)))


def decided(findings: Mapping[str, Any]) -> str:
    """Return what was decided before the results, or when it was."""
    if scored(findings):
        return given.decided(findings)
    analysis, metric = findings["analysis"], findings["metric"]
    what = _declared(findings)
    if quick(findings):
        return unjudged.decided(what)
    late = analysis["chosen_after"]
    if late:
        return tell(
            "The protocol states {what}. The analysis was declared after {seen} had been seen: at least one of these "
            "was set when results already existed, and p-values and verdicts are to be read with that in mind.",
            what=what,
            seen=paired_repeats(late, metric),
        )
    before = {
        "repeat": marked("Decided in the protocol, before any paired repeat had been seen: {what}."),
        "round": marked("Decided in the protocol, before any paired round had been seen: {what}."),
    }[repeat_key(metric)]
    return tell(before, what=what)


def _declared(findings: Mapping[str, Any]) -> str:
    """Return all that a protocol decides of the analysis, as a list within a sentence."""
    analysis, metric = findings["analysis"], findings["metric"]
    margin = tell_as("declared", "no margin")
    if analysis["margin"] is not None:
        margin = tell_as("declared", "margin {margin}", margin=margin_text(analysis, metric))
    message = {
        "repeat": marked(
            "{against}, metric {metric}, {margin}, the {test}, the {correction} correction, α = {alpha}, a power of "
            "{power}, the family of {comparisons} and the number of repeats ({number})"
        ),
        "round": marked(
            "{against}, metric {metric}, {margin}, the {test}, the {correction} correction, α = {alpha}, a power of "
            "{power}, the family of {comparisons} and the number of rounds ({number})"
        ),
    }[repeat_key(metric)]
    return tell(
        message,
        against=given.against(analysis),
        metric=metric_label(metric),
        margin=margin,
        test=TESTS.get(analysis["test"], analysis["test"]),
        correction=CORRECTIONS.get(analysis["correction"], analysis["correction"]),
        alpha=exact(analysis["alpha"]),
        power=percent(analysis["power"]),
        comparisons=count(len(analysis["family"]), "comparison"),
        number=whole(findings["split"]["repeats"]),
    )


# ---------------------------------------------------------------------------------------------------- limits


def limits(findings: Mapping[str, Any], counts: Mapping[str, int]) -> list[str]:
    """Return what was not shown, one sentence each."""
    if quick(findings):
        return [tell(unjudged.LIMIT), *_remade(findings)]
    if timed(findings):
        return [*timing.limits(findings), *_remade(findings), *_of_judging(findings)]
    if scored(findings):
        return [*given.limits(findings), *_of_judging(findings)]
    beyond = _BEYOND["roles" if by_role(findings) else findings["split"]["design"]]
    found = [tell(beyond, scope=scope(findings))]
    if findings["data"]["method"] == "EMT":
        found.append(
            tell(
                "The data ({data}) come from EMT{cited}, an empirical model of metals, not from quantum mechanics; on "
                "such data the order of variants may be another one.",
                data=data_label(findings),
                cited=cite("jacobsen1996"),
            )
        )
    found += _remade(findings)
    found.append(forces_told.limit(findings))
    if counts["not_converged"]:
        found.append(
            tell(
                "{number} of {trainings} that run in epochs or rounds had not converged: longer training may change "
                "means, spreads and verdicts.",
                number=whole(counts["not_converged"]),
                trainings=count(counts["limited"], "training"),
            )
        )
    found += [*chosen.limits(findings), *divided.limits(findings), *_of_reserve(findings), *_of_judging(findings)]
    found += probed.limits(findings)
    if any(variant["parity"] for variant in findings["variants"]):
        found.append(tell("The parity plots show one repeat and carry no weight in the verdicts."))
    return found


_BEYOND: Final = {
    "fixed": marked("Every claim holds {scope}; another split of the same data may give another order."),
    "resampled": marked("Every claim holds {scope}; other data of the same kind may give another order."),
    "crossed": marked("Every claim holds {scope}; another reserve or other data may give another order."),
    "roles": marked(
        "Every claim holds {scope}; another reserve, other data or other weights and orders may give another order."
    ),
}


def _remade(findings: Mapping[str, Any]) -> list[str]:
    """Return which sets are reconstructions, and that nothing is claimed of the original ones."""
    remade = [say(chosen["name"]) for chosen in findings["sets"] if chosen["reconstructed"]]
    if not remade:
        return []
    appendix = ref("table", "reconstructions")
    if len(remade) > 1 and len(remade) == len(findings["sets"]):
        return [
            tell(
                "All feature sets here are reconstructions; their values are ours (see {appendix}), since not all of "
                "the original ones were published. Nothing here is a claim about the original sets.",
                appendix=appendix,
            )
        ]
    return [
        tell_n(
            "Feature set {names}: reconstruction; its values are ours (see {appendix}), since not all of the original "
            "ones were published. Nothing here is a claim about the original set.",
            "Feature sets {names}: reconstructions; their values are ours (see {appendix}), since not all of the "
            "original ones were published. Nothing here is a claim about the original sets.",
            len(remade),
            names=listed(remade),
            appendix=appendix,
        )
    ]


def _of_reserve(findings: Mapping[str, Any]) -> list[str]:
    """Return how well the blocks of the reserve determine the differences, nothing where that is not known."""
    told = findings.get("reserve")
    if told is None:
        return []
    size = count(told["blocks"], "block")
    if told["few"]:
        return [
            tell(
                "The reserve has {blocks}: so few say nothing of another reserve, and every claim here is one about "
                "these frames.",
                blocks=size,
            )
        ]
    if not told["pairs"]:
        return []
    worst = max(told["pairs"], key=lambda pair: float(pair["half_width"]))
    text = tell(
        "One reserve of {blocks} is one draw. By what its own blocks say, the {level} jackknife interval over reserves "
        "of the least certain difference ({pair}) is ±{width}; no interval of a comparison holds this.",
        blocks=size,
        level=percent(told["level"]),
        width=with_unit(significant(worst["half_width"]), findings["metric"]),
        pair=_difference(worst),
    )
    turned = [entry for entry in told["pairs"] if entry["turns"]]
    return [f"{text} {_turned(turned)}" if turned else text]


def _turned(turned: Sequence[Mapping[str, Any]]) -> str:
    pairs = listed([_difference(entry) for entry in turned[:_NAMED]])
    if len(turned) > _NAMED:
        pairs = tell("{pairs} and {more} more", pairs=pairs, more=whole(len(turned) - _NAMED))
    return tell_n(
        "That could turn the verdict on {pairs}: only more blocks in the reserve would settle it.",
        "That could turn the verdicts on {pairs}: only more blocks in the reserve would settle it.",
        len(turned),
        pairs=pairs,
    )


def _difference(entry: Mapping[str, Any]) -> str:
    return f"{say(entry['candidate'])} {MINUS} {say(entry['baseline'])}"


def _of_judging(findings: Mapping[str, Any]) -> list[str]:
    analysis = findings["analysis"]
    found = []
    if any(entry["verdict"] == "undecided" and entry["p"] is not None for entry in analysis["comparisons"]):
        found.append(tell("Undecided comparisons may hide differences of any size within their intervals."))
    if len(analysis["family"]) > 1:
        found.append(
            tell(
                "Intervals are not adjusted for the number of comparisons; the adjusted p-values and the verdicts are."
            )
        )
    return found

"""Statistics and limits in prose, made from the protocol and the findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.counting import listed
from bpbench.report import chosen, divided, given, timing, unjudged
from bpbench.report.numerals import count, exact, percent, say, significant, whole
from bpbench.report.vocabulary import (
    CORRECTIONS,
    TESTS,
    by_role,
    by_student,
    compared_with,
    data_label,
    margin_text,
    on_part,
    quick,
    repeat_word,
    scope,
    scored,
    several_baselines,
    source_note,
    study_kind,
    timed,
    unpaired,
    verdict_word,
    with_unit,
)
from bpbench.statistics.margins import Margin

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Pairs that are named in one sentence.
_NAMED: Final = 3

_WHY: Final = {
    "paired-t": "It takes the paired differences as independent and nearly normal.",
    "nadeau-bengio": "Resampled training sets overlap, so the repeats are not independent; this test widens the "
    "standard error by the ratio of test to training blocks (frames of one block are near copies; the larger ratio "
    "of the two, where those of a pair differ), and no test without such a correction is allowed here.",
    "welch": "It takes the two samples as independent and nearly normal, with any two variances, and ignores that the "
    "repeats are paired.",
    "wilcoxon": "It takes the paired differences as independent and symmetric about one centre, which it tests. The "
    "intervals are Hodges and Lehmann's, which belong to this test: they hold that centre, and are read from the Walsh "
    "averages (the means of any two differences, or of one with itself). The difference printed is the mean of the "
    "differences.",
    "sign-flip": "It takes the paired differences as independent and symmetric, and their signs as coins: its p is the "
    "share of sign vectors, the seen one among them, whose mean is at least as extreme: {redrawn}. The intervals hold "
    "every difference that the same sign vectors would not reject; the statistic shown is t.",
    "permutation": "It takes the two samples as independent and, but for a shift, exchangeable, so of equal variance, "
    "and ignores that the repeats are paired: its p is the share of labellings, the seen one among them, whose "
    "difference of means is at least as extreme: {redrawn}. The intervals hold every shift that the same labellings "
    "would not reject; the statistic shown is t.",
    "mann-whitney": "It takes the two samples as independent and of one shape but for a shift, which it tests, and "
    "ignores that the repeats are paired. The intervals are Hodges and Lehmann's, which belong to this test: they hold "
    "that shift, and are read from all differences of a value of the one and a value of the other. The difference "
    "printed is that of the means.",
}

_HOW: Final = {
    "max-t": " It turns the signs of all differences of a repeat together, so that comparisons that share a variant "
    "keep their dependence, and asks that these differences are jointly symmetric.",
    "bh": " It bounds the expected share of false findings among the findings and not the chance of any.",
    "by": " It bounds the expected share of false findings among the findings and not the chance of any.",
    "tsbh": " It first estimates how many comparisons differ, and bounds the expected share of false findings among "
    "the findings and not the chance of any. The more of them appear to differ, the higher "
    "is the threshold that each must pass, beyond α itself where most do, so that an adjusted p can be smaller than p.",
}


_NO_DZ: Final = {
    **dict.fromkeys(
        ("wilcoxon", "sign-flip", "permutation", "mann-whitney"),
        " For this test the smallest detectable effect depends on the shape of the noise and is not stated.",
    ),
    "welch": " For this test the smallest detectable effect depends on the spreads of both samples and is not stated "
    "as one d_z; the detail of the comparisons gives it for the spreads seen.",
}


_HARDEST: Final = " for the hardest pair, that of the fewest training configurations,"


_MARGIN: Final = {
    "absolute": "",
    "relative": " The share f is one of the true mean of {whose}: the two tests are of the contrasts c − (1 + f) b and "
    "c − (1 − f) b of the scores c of the candidate and b of {whose}, so that the noise of the observed "
    "mean is counted.",
    "d_z": " The margin is in units of the true spread of the differences, and the two tests are of the noncentral t "
    "distribution, so that the noise of the observed spread is counted.",
}


def statistics(findings: Mapping[str, Any]) -> list[str]:
    """Return the paragraphs on repeats, test, correction, equivalence and verdict."""
    analysis, metric, split = findings["analysis"], findings["metric"], findings["split"]
    alpha = exact(analysis["alpha"])
    family = len(analysis["family"])
    margin = analysis["margin"]
    # The seeds of one split are averaged before anything is tested.
    unit = "split" if split["design"] == "crossed" else repeat_word(metric)
    better, worse = (verdict_word(word, metric) for word in ("better", "worse"))
    first = (
        f"The unit of all statistics is the {unit}, not the frame and not the pass. All sets of one round are measured "
        f"close to each other in time{'.' if unpaired(analysis) else ', so that they are compared in pairs.'}"
        if timed(findings)
        else given.repeats(findings)
        if scored(findings)
        else f"The unit of all statistics is the {unit}, not the frame and not the atom. {split['sentence']} "
        f"{divided.paired(findings)}"
    )
    if quick(findings):
        return unjudged.statistics(findings, TESTS.get(analysis["test"], analysis["test"]), first)
    why = given.reworded(_why(analysis), findings)
    test = (
        f"Each comparison is made by the {TESTS.get(analysis['test'], analysis['test'])} (two-sided) on "
        f"{metric['label']}{on_part(findings)}. {why} {_pairs(analysis)}"
    ) + (
        f"The p-values of the {family} comparisons are adjusted together {_adjusted(analysis, alpha)}"
        if family > 1
        else f"There is one comparison, so its p-value needs no adjustment; α = {alpha}."
    )
    by_holm = ""
    if analysis["correction"] == "max-t" and family > 1:
        by_holm = " by Holm's method, since max-T has no form for them"
    equivalence = (
        f"Equivalence is judged by two one-sided tests against the margin of ±{margin_text(analysis, metric)}, "
        f"{'adjusted over the family separately' if family > 1 else 'which need no adjustment either'}{by_holm}."
        f"{_measured(analysis)}"
        if margin is not None
        else f"{'No margin was given' if scored(findings) else 'The protocol states no margin'}, so nothing can be "
        "called equivalent."
    )
    verdict = (
        "A comparison is called equivalent if the adjusted two one-sided tests reject (and “resolved, below the "
        f"margin” if the difference is also significant), else {better} or {worse} if the adjusted test rejects, else "
    )
    verdict += f"undecided. {study_kind(findings).undecided} {study_kind(findings).lost}"
    dz = analysis["detectable_dz"]
    hardest = _HARDEST if analysis["unequal"] and analysis["test"] == "nadeau-bengio" else ""
    power = (
        f" With {count(analysis['units'], unit)} and a power of {percent(analysis['power'])}, the smallest effect "
        f"this design can detect{hardest} is d_z = {significant(dz)} (the mean of the differences divided by their "
        "spread)."
        if dz is not None
        else _NO_DZ.get(analysis["test"], " The smallest detectable effect is not stated.")
    )
    return [first, test, f"{equivalence} {verdict}{power}"]


def _measured(analysis: Mapping[str, Any]) -> str:
    """Return how a margin is tested that is no number in the metric's unit, and which interval belongs to it."""
    kind = Margin.parse(analysis["margin"]).kind
    text = _MARGIN[kind].format(whose="the second of the pair" if several_baselines(analysis) else "the baseline")
    if kind != "relative":
        return text
    if by_student(analysis):
        return f"{text} The interval that belongs to them is Fieller's."
    return f"{text} No interval of the ratio is given for this test."


def _why(analysis: Mapping[str, Any]) -> str:
    """Return what the test assumes and does, and how many redrawings it visits."""
    text = _WHY.get(analysis["test"], "")
    redrawn = analysis["redrawings"]
    if redrawn is None:
        return text
    many = whole(redrawn["count"])
    # what was seen is one of them, the others are drawn
    return text.format(redrawn=f"all {many} of them" if redrawn["all"] else f"{many} in all, by the protocol's seed")


def _pairs(analysis: Mapping[str, Any]) -> str:
    """Return that all pairs are compared, where they are."""
    if not several_baselines(analysis):
        return ""
    text = compared_with(analysis)
    return f"{text[0].upper()}{text[1:]}. "


def _adjusted(analysis: Mapping[str, Any], alpha: str) -> str:
    """Return by which correction, at which level, and what must be known of it."""
    key = analysis["correction"]
    name = "step-down max-T" if key == "max-t" else f"the method of {CORRECTIONS.get(key, key)}"
    return f"by {name}, at α = {alpha}.{_HOW.get(key, '')}"


def decided(findings: Mapping[str, Any]) -> str:
    """Return what was decided before the results, or when it was."""
    if scored(findings):
        return given.decided(findings)
    analysis, metric = findings["analysis"], findings["metric"]
    margin = analysis["margin"]
    what = (
        f"{given.against(analysis)}, metric {metric['label']}, "
        f"{'margin ' + margin_text(analysis, metric) if margin is not None else 'no margin'}, "
        f"test, correction, α = {exact(analysis['alpha'])}, power, the family of "
        f"{count(len(analysis['family']), 'comparison')} and the number of {repeat_word(metric)}s "
        f"({findings['split']['repeats']})"
    )
    if quick(findings):
        return unjudged.decided(what)
    late = analysis["chosen_after"]
    if late:
        return (
            f"The protocol states {what}. The analysis was declared after "
            f"{count(late, f'paired {repeat_word(metric)}')} had been seen"
            ": at least one of these was set when results already existed, and p-values and verdicts are to be read "
            "with that in mind."
        )
    return f"Decided in the protocol, before any paired {repeat_word(metric)} had been seen: {what}."


def limits(findings: Mapping[str, Any], counts: Mapping[str, int]) -> list[str]:
    """Return what was not shown, one sentence each."""
    if quick(findings):
        return [unjudged.LIMIT, *_remade(findings)]
    if timed(findings):
        return [*timing.limits(findings), *_remade(findings), *_of_judging(findings)]
    if scored(findings):
        return [*given.limits(findings), *_of_judging(findings)]
    beyond = _BEYOND["roles" if by_role(findings) else findings["split"]["design"]]
    found = [f"Every claim holds {scope(findings)}; {beyond}"]
    if findings["data"]["method"] == "EMT":
        found.append(
            f"The data ({data_label(findings)}) come from EMT, an empirical model of metals, not from quantum "
            "mechanics; on such data the order of variants may be another one."
        )
    found += _remade(findings)
    found.append("Energies alone are judged here; nothing is said about forces, stresses or dynamics.")
    if counts["not_converged"]:
        found.append(
            f"{counts['not_converged']} of {count(counts['limited'], 'training')} that run in epochs or rounds had not "
            "converged: longer training may change means, spreads and verdicts."
        )
    found += [*chosen.limits(findings), *divided.limits(findings), *_of_reserve(findings), *_of_judging(findings)]
    if any(variant["parity"] for variant in findings["variants"]):
        found.append("The parity plots show one repeat and carry no weight in the verdicts.")
    return found


def _remade(findings: Mapping[str, Any]) -> list[str]:
    remade = source_note(findings).partition("Feature set")[2]
    if not remade:
        return []
    text = (
        f"Feature set{remade.rstrip('.')}; their values are ours (see the appendix), since not all of the original "
        "ones were published. Nothing here is a claim about the original sets."
    )
    return [text]


def _of_reserve(findings: Mapping[str, Any]) -> list[str]:
    """Return how well the blocks of the reserve determine the differences, nothing where that is not known."""
    told = findings.get("reserve")
    if told is None:
        return []
    if told["few"]:
        return [
            (
                f"The reserve has {count(told['blocks'], 'block')}: so few say nothing of another reserve, and every "
                "claim here is one about these frames."
            )
        ]
    if not told["pairs"]:
        return []
    metric, size = findings["metric"], count(told["blocks"], "block")
    worst = max(told["pairs"], key=lambda pair: float(pair["half_width"]))
    pair = f"{say(worst['candidate'])} − {say(worst['baseline'])}"
    text = (
        f"One reserve of {size} is one draw. By what its own blocks say (jackknife, {told['level']:.0%}), another "
        f"reserve may move a difference by up to ±{with_unit(significant(worst['half_width']), metric)} ({pair}, the "
        "least certain one); no interval of a comparison holds this."
    )
    turned = [entry for entry in told["pairs"] if entry["turns"]]
    if not turned:
        return [text]
    which = listed([f"{say(entry['candidate'])} − {say(entry['baseline'])}" for entry in turned[:_NAMED]])
    more = f" and {len(turned) - _NAMED} more" if len(turned) > _NAMED else ""
    verdicts = "verdict" if len(turned) == 1 else "verdicts"
    return [f"{text} That could turn the {verdicts} on {which}{more}: only more blocks in the reserve would settle it."]


def _of_judging(findings: Mapping[str, Any]) -> list[str]:
    found = []
    if any(entry["verdict"] == "undecided" and entry["p"] is not None for entry in findings["analysis"]["comparisons"]):
        found.append("Undecided comparisons may hide differences of any size within their intervals.")
    if len(findings["analysis"]["family"]) > 1:
        found.append(
            "Intervals are not adjusted for the number of comparisons; the adjusted p-values and the verdicts are."
        )
    return found


_BEYOND: Final = {
    "fixed": "another split of the same data may give another order.",
    "resampled": "other data of the same kind may give another order.",
    "crossed": "another reserve or other data may give another order.",
    "roles": "another reserve, other data or other weights and orders may give another order.",
}

"""What a report says of scores that came with their results: what a repeat is, and when the rules were chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report.numerals import count, exact, say
from bpbench.report.vocabulary import (
    CORRECTIONS,
    SCORED,
    TESTS,
    all_pairs,
    margin_text,
    scored,
    several_baselines,
    unpaired,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def repeats(findings: Mapping[str, Any]) -> str:
    """Return what a repeat is, and what makes two of them a pair."""
    roles, split = findings["data"]["roles"], findings["split"]
    if roles["unit"] is None and roles["split"] is None:
        return (
            f"The unit of all statistics is the repeat, a row of the table. {split['sentence']} Which rows of two "
            "variants belong together was not told, so that variants are compared as independent samples."
        )
    if roles["split"] is None:
        return (
            f"The unit of all statistics is the repeat, a value of {say(roles['unit'])}. {split['sentence']} The rows "
            "of two variants with the same value are taken as a pair that shares whatever a repeat redraws"
            f"{'.' if unpaired(findings['analysis']) else ', and they are compared in pairs.'}"
        )
    if unpaired(findings["analysis"]):
        return (
            f"The unit of all statistics is the split, a value of {say(roles['split'])}, by the mean of its scores. "
            f"{split['sentence']} All variants have the same splits."
        )
    within = "" if roles["unit"] is None else f", those with the same {say(roles['unit'])} in pairs"
    return (
        f"The unit of all statistics is the split, a value of {say(roles['split'])}. {split['sentence']} Variants are "
        f"compared split by split{within}."
    )


def reworded(text: str, findings: Mapping[str, Any]) -> str:
    """Return what is said of a test as it is true here: samples that are not paired, and a seed of the command."""
    if not scored(findings):
        return text
    if not findings["analysis"]["paired"]:
        text = text.replace(", and ignores that the repeats are paired", "")
    return text.replace("the protocol's seed", "the command's seed")


def against(analysis: Mapping[str, Any]) -> str:
    """Return the declared baseline, or that all pairs are compared, as one of the things declared."""
    if all_pairs(analysis):
        return "all pairs"
    return "the pairs" if several_baselines(analysis) else f"baseline {say(analysis['baseline'])}"


def decided(findings: Mapping[str, Any]) -> str:
    """Return the rules, and that they were given with the results."""
    analysis, metric = findings["analysis"], findings["metric"]
    roles = findings["data"]["roles"]
    correction = CORRECTIONS.get(analysis["correction"], analysis["correction"])
    family = count(len(analysis["family"]), "comparison")
    better = "lower" if metric["lower_is_better"] else "higher"
    return (
        f"The command states {against(analysis)}, score {say(roles['score'])} ({better} is better), "
        f"{'no margin' if analysis['margin'] is None else 'margin ' + margin_text(analysis, metric)}, the "
        f"{TESTS.get(analysis['test'], analysis['test'])}, the correction of {correction} over {family}, α = "
        f"{exact(analysis['alpha'])} and the {findings['split']['design']} design. {late(findings)} Whether other "
        "results "
        "would have led to other rules nobody can tell, and p-values and verdicts are to be read with that in mind; "
        "rules that a protocol declares before the runs are free of it."
    )


def assumed(findings: Mapping[str, Any], *, told: bool) -> str:
    """Return what design the scores were taken to have, and by which test they were judged.

    Parameters
    ----------
    findings : dict
        Of scores.
    told : bool
        Whether the design was named, and not assumed from the columns.
    """
    split, test = findings["split"], findings["analysis"]["test"]
    return (
        f"The design is {split['design']} ({'as told' if told else 'assumed, since no --design was named'}) and the "
        f"test the {TESTS.get(test, test)}. {split['sentence']}"
    )


def late(findings: Mapping[str, Any]) -> str:
    """Return the stamp that every comparison of existing scores bears."""
    seen = findings["analysis"]["chosen_after"]
    if not seen:
        return "The rules were given with the results at hand."
    paired = "paired " if findings["analysis"]["paired"] else ""
    what = "split" if findings["split"]["design"] == "crossed" else "repeat"
    return f"The rules were given with the results at hand: chosen after seeing {count(seen, f'{paired}{what}')}."


def answers(findings: Mapping[str, Any], counts: Mapping[str, int]) -> list[str]:
    """Return what must be known beside the verdicts: scores that are not there, and the stamp."""
    found = []
    if counts["diverged"]:
        found.append(
            f"{count(counts['diverged'], 'row')} without a finite score "
            f"{'counts' if counts['diverged'] == 1 else 'count'} as {'a run' if counts['diverged'] == 1 else 'runs'} "
            "that broke down, which bars the variant from better and equivalent, as failures are not missing at "
            "random."
        )
    if counts["missing"]:
        found.append(
            f"{count(counts['missing'], 'repeat')} that other variants have "
            f"{'is' if counts['missing'] == 1 else 'are'} absent and left out pair by pair."
        )
    return [*found, late(findings)]


#: What would make a test too liberal that the table cannot show.
_OVERLAP: Final = {
    "fixed": "If repeats redraw the split of one data set, as the folds of a cross-validation do, they are not "
    "independent, and the test used here errs more often than α; --design resampled is meant for them.",
    "crossed": "If each split has test data of its own, as the folds of a cross-validation have, the splits are not "
    "independent, and the test used here errs more often than α; --design resampled is meant for them.",
}


def limits(findings: Mapping[str, Any]) -> list[str]:
    """Return what was not shown, one sentence each."""
    design = findings["split"]["design"]
    found = [
        (
            f"Every claim holds {SCORED.scope[design]}, and as far as the table is what it was said to be: how its "
            "runs "
            "were made, and whether its repeats are independent of each other, cannot be seen from scores."
        ),
        "Rules and baseline were chosen when the results existed.",
        *([_OVERLAP[design]] if design in _OVERLAP else []),
    ]
    if findings["jobs"]["missing"]:
        found.append(
            "Comparisons with absent repeats hold for those that both sides have; if repeats are absent because they "
            "went badly, they flatter the variant that lacks them."
        )
    if any("chosen by the very error" in remark for remark in findings["data"]["remarks"]):
        found.append("Scores are least errors over the epochs of each run, and so are lower than those of new data.")
    return found

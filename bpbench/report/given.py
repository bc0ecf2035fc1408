"""What a report says of scores that came with their results: what a repeat is, and when the rules were chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report.document import cite
from bpbench.report.kinds import scope
from bpbench.report.language import marked, tell, tell_as, tell_n
from bpbench.report.numerals import count, exact, noun, say
from bpbench.report.retold import retold
from bpbench.report.vocabulary import CORRECTIONS, TESTS, all_pairs, margin_text, several_baselines, unpaired

if TYPE_CHECKING:
    from collections.abc import Mapping


def repeats(findings: Mapping[str, Any]) -> str:
    """Return what a repeat is, and what makes two of them a pair."""
    roles, sentence = findings["data"]["roles"], retold(findings["split"]["sentence"])
    if roles["split"] is not None:
        return _splits(findings, sentence)
    if roles["unit"] is None:
        return tell(
            "The unit of all statistics is the repeat, a row of the table. {sentence} Which rows of two variants "
            "belong together was not told, so that variants are compared as independent samples.",
            sentence=sentence,
        )
    if unpaired(findings["analysis"]):
        return tell(
            "The unit of all statistics is the repeat, a value of {column}. {sentence} The rows of two variants with "
            "the same value are taken as a pair that shares whatever a repeat redraws.",
            column=say(roles["unit"]),
            sentence=sentence,
        )
    return tell(
        "The unit of all statistics is the repeat, a value of {column}. {sentence} The rows of two variants with the "
        "same value are taken as a pair that shares whatever a repeat redraws, and they are compared in pairs.",
        column=say(roles["unit"]),
        sentence=sentence,
    )


def _splits(findings: Mapping[str, Any], sentence: str) -> str:
    roles = findings["data"]["roles"]
    column = say(roles["split"])
    if unpaired(findings["analysis"]):
        return tell(
            "The unit of all statistics is the split, a value of {column}, by the mean of its scores. {sentence} All "
            "variants have the same splits.",
            column=column,
            sentence=sentence,
        )
    if roles["unit"] is None:
        return tell(
            "The unit of all statistics is the split, a value of {column}. {sentence} Variants are compared split by "
            "split.",
            column=column,
            sentence=sentence,
        )
    return tell(
        "The unit of all statistics is the split, a value of {column}. {sentence} Variants are compared split by "
        "split, those with the same {repeats} in pairs.",
        column=column,
        sentence=sentence,
        repeats=say(roles["unit"]),
    )


def against(analysis: Mapping[str, Any]) -> str:
    """Return the declared baseline, or that all pairs are compared, as one of the things declared."""
    if all_pairs(analysis):
        return tell_as("declared", "all pairs")
    if several_baselines(analysis):
        return tell_as("declared", "the pairs")
    return tell_as("declared", "baseline {name}", name=say(analysis["baseline"]))


#: The rules of a comparison of scores, by whether the lower score is better and by its design.
_RULES: Final = {
    True: marked(
        "The command states {against}, score {score} (lower is better), {margin}, the {test}, the correction of "
        "{correction} over {comparisons}, α = {alpha} and the {design} design."
    ),
    False: marked(
        "The command states {against}, score {score} (higher is better), {margin}, the {test}, the correction of "
        "{correction} over {comparisons}, α = {alpha} and the {design} design."
    ),
}
#: Designs as they are called beside the word "design".
_DESIGNS: Final = {"fixed": marked("fixed"), "resampled": marked("resampled"), "crossed": marked("crossed")}


def decided(findings: Mapping[str, Any]) -> str:
    """Return the rules, and that they were given with the results."""
    analysis, metric = findings["analysis"], findings["metric"]
    margin = tell_as("declared", "no margin")
    if analysis["margin"] is not None:
        margin = tell_as("declared", "margin {margin}", margin=margin_text(analysis, metric))
    rules = tell(
        _RULES[bool(metric["lower_is_better"])],
        against=against(analysis),
        score=say(findings["data"]["roles"]["score"]),
        margin=margin,
        test=TESTS.get(analysis["test"], analysis["test"]),
        correction=CORRECTIONS.get(analysis["correction"], analysis["correction"]),
        comparisons=count(len(analysis["family"]), "comparison"),
        alpha=exact(analysis["alpha"]),
        design=tell(_DESIGNS[findings["split"]["design"]]),
    )
    doubt = tell(
        "Whether other results would have led to other rules nobody can tell, and p-values and verdicts are to be read "
        "with that in mind; rules that a protocol declares before the runs are free of it."
    )
    return f"{rules} {late(findings)} {doubt}"


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
    message = marked("The design is {design} (assumed, since no --design was named) and the test the {test}.")
    if told:
        message = marked("The design is {design} (as told) and the test the {test}.")
    said = tell(message, design=tell(_DESIGNS[split["design"]]), test=TESTS.get(test, test))
    return f"{said} {retold(split['sentence'])}"


#: What the rules came after, by whether it is in pairs and by what the statistics count.
_SEEN: Final = {
    (True, "split"): noun("paired split"),
    (True, "repeat"): noun("paired repeat"),
    (False, "split"): noun("split"),
    (False, "repeat"): noun("repeat"),
}


def late(findings: Mapping[str, Any]) -> str:
    """Return the stamp that every comparison of existing scores bears."""
    seen = findings["analysis"]["chosen_after"]
    if not seen:
        return tell("The rules were given with the results at hand.")
    what = "split" if findings["split"]["design"] == "crossed" else "repeat"
    return tell(
        "The rules were given with the results at hand: chosen after seeing {seen}.",
        seen=count(seen, _SEEN[bool(findings["analysis"]["paired"]), what]),
    )


def answers(findings: Mapping[str, Any], counts: Mapping[str, int]) -> list[str]:
    """Return what must be known beside the verdicts: scores that are not there, and the stamp."""
    found = []
    if counts["diverged"]:
        found.append(
            tell_n(
                "{n} row without a finite score counts as a run that broke down, which bars the variant from better "
                "and equivalent, as failures are not missing at random.",
                "{n} rows without a finite score count as runs that broke down, which bars the variant from better "
                "and equivalent, as failures are not missing at random.",
                counts["diverged"],
            )
        )
    if counts["missing"]:
        found.append(
            tell_n(
                "{n} repeat that other variants have is absent and left out pair by pair.",
                "{n} repeats that other variants have are absent and left out pair by pair.",
                counts["missing"],
            )
        )
    return [*found, late(findings)]


#: What would make a test too liberal that the table cannot show.
_OVERLAP: Final = {
    "fixed": marked(
        "If repeats redraw the split of one data set, as the folds of a cross-validation do, they are not "
        "independent{cited}, and the test used here errs more often than α; --design resampled is meant for them."
    ),
    "crossed": marked(
        "If each split has test data of its own, as the folds of a cross-validation have, the splits are not "
        "independent{cited}, and the test used here errs more often than α; --design resampled is meant for them."
    ),
}


def limits(findings: Mapping[str, Any]) -> list[str]:
    """Return what was not shown, one sentence each."""
    design = findings["split"]["design"]
    found = [
        tell(
            "Every claim holds {scope}, and as far as the table is what it was said to be: how its runs were made, and "
            "whether its repeats are independent of each other, cannot be seen from scores.",
            scope=scope(findings),
        ),
        tell("Rules and baseline were chosen when the results existed."),
    ]
    if design in _OVERLAP:
        found.append(tell(_OVERLAP[design], cited=cite("nadeau2003")))
    if findings["jobs"]["missing"]:
        found.append(
            tell(
                "Comparisons with absent repeats hold for those that both sides have; if repeats are absent because "
                "they went badly, they flatter the variant that lacks them."
            )
        )
    if any("chosen by the very error" in remark for remark in findings["data"]["remarks"]):
        found.append(
            tell("Scores are least errors over the epochs of each run, and so are lower than those of new data.")
        )
    return found

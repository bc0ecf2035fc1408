"""Methods and limits in prose, made from the protocol and the findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report.numerals import count, exact, listed, percent, say, short, significant
from bpbench.report.vocabulary import CORRECTIONS, SCOPE, TESTS, source_note, with_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SCALING: Final = (
    "Each symmetry function is standardised by its mean and spread over the training atoms; one reference energy per "
    "element, fitted by least squares on the training set, is subtracted first."
)


def _hdnn(name: str, values: Mapping[str, Any]) -> str:
    adam = values["optimizer"]
    hidden = listed([exact(size) for size in values["hidden"]])
    return (
        f"Model “{name}” is a high-dimensional neural-network potential: the energy of a configuration is the sum over "
        "its atoms of one small network, which is fed with that atom's symmetry functions, has hidden layers of "
        f"{hidden} nodes with tanh, and a linear output. {_SCALING} The weights start as Glorot-uniform numbers, "
        f"the biases at zero. Adam (learning rate {exact(adam['learning_rate'])}, β₁ {exact(adam['beta_1'])}, "
        f"β₂ {exact(adam['beta_2'])}, ε {exact(adam['epsilon'])}) runs for {count(values['epochs'], 'epoch')} in "
        f"mini-batches of {count(values['batch'], 'configuration')} on the squared error; the weights kept are those "
        "of the epoch with the least validation error. A training whose validation error was still falling at its end "
        "is marked not converged."
    )


def _linear(name: str, values: Mapping[str, Any]) -> str:
    strengths = sorted(values["strengths"])
    return (
        f"Model “{name}” is a linear potential, the yardstick: ridge regression of the energy on the configuration's "
        f"summed symmetry functions, with the penalty of least validation error among values from "
        f"{exact(strengths[0])} to {exact(strengths[-1])} (per training configuration). It has no seed, so on a fixed "
        "split it always gives the same numbers."
    )


_POOLED: Final = "the mean and the spread of each symmetry function over a configuration's atoms"


def _forest(name: str, values: Mapping[str, Any]) -> str:
    depth = "no limit of depth" if values["max_depth"] is None else f"a depth of at most {exact(values['max_depth'])}"
    return (
        f"Model “{name}” is a random forest of {count(values['trees'], 'tree')} on {_POOLED}, with {depth}, a share of "
        f"{exact(values['max_features'], 3)} of the columns tried at each split, and at least "
        f"{count(values['min_samples_leaf'], 'configuration')} in a leaf."
    )


def _lightgbm(name: str, values: Mapping[str, Any]) -> str:
    return (
        f"Model “{name}” is LightGBM on {_POOLED}: at most {count(values['rounds'], 'round')} with learning rate "
        f"{exact(values['learning_rate'])} and {exact(values['leaves'])} leaves per tree, stopped after "
        f"{count(values['patience'], 'round')} without a smaller validation error; the round of least validation "
        "error is kept."
    )


_MODELS: Final[dict[str, Callable[[str, Mapping[str, Any]], str]]] = {
    "hdnn": _hdnn,
    "linear": _linear,
    "random-forest": _forest,
    "lightgbm": _lightgbm,
}


def models(findings: Mapping[str, Any]) -> list[str]:
    """Return one paragraph per model that a variant uses; a kind without its own words is left to the table."""
    used = {variant["model"] for variant in findings["variants"]}
    return [
        _MODELS[model["kind"]](short(model["name"]), model["values"])
        for model in findings["models"]
        if model["name"] in used and model["kind"] in _MODELS
    ]


_WHY: Final = {
    "paired-t": "It takes the paired differences as independent and nearly normal.",
    "nadeau-bengio": "Resampled training sets overlap, so the repeats are not independent; this test widens the "
    "standard error by the ratio of test to training frames, and no test without such a correction is allowed here.",
    "welch": "It takes the two samples as independent and nearly normal, with any two variances, and ignores that the "
    "repeats are paired.",
    "wilcoxon": "It takes the paired differences as independent and symmetric about one centre, which it compares; the "
    "intervals are those of the mean difference.",
}


def statistics(findings: Mapping[str, Any]) -> list[str]:
    """Return the paragraphs on repeats, test, correction, equivalence and verdict."""
    analysis, metric, split = findings["analysis"], findings["metric"], findings["split"]
    alpha = exact(analysis["alpha"])
    correction = CORRECTIONS.get(analysis["correction"], analysis["correction"])
    family = len(analysis["family"])
    margin = analysis["margin"]
    first = (
        f"The unit of all statistics is the repeat, not the frame and not the atom. {split['sentence']} All variants "
        "of one repeat share the split and the batch order, so that they are compared in pairs."
    )
    test = (
        f"Each comparison is made by the {TESTS.get(analysis['test'], analysis['test'])} (two-sided) on "
        f"{metric['label']} of the {analysis['part']} set. {_WHY.get(analysis['test'], '')} "
    ) + (
        f"The p-values of the {family} comparisons are adjusted together by the method of {correction}, at α = {alpha}."
        if family > 1
        else f"There is one comparison, so its p-value needs no adjustment; α = {alpha}."
    )
    equivalence = (
        f"Equivalence is judged by two one-sided tests against the margin of ±{with_unit(exact(margin), metric)}, "
        "adjusted over the family separately."
        if margin is not None
        else "The protocol states no margin, so nothing can be called equivalent."
    )
    verdict = (
        "A comparison is called equivalent if the adjusted two one-sided tests reject (and “resolved, below the "
        "margin” if the difference is also significant), else better or worse if the adjusted test rejects, else "
        "undecided. Undecided never means that two variants are as good as each other. A variant of which a repeat "
        "diverged cannot be called better."
    )
    dz = analysis["detectable_dz"]
    power = (
        f" With {count(split['repeats'], 'repeat')} and a power of {percent(analysis['power'])}, the smallest effect "
        f"this design can detect is d_z = {significant(dz)} (the mean of the differences divided by their spread)."
        if dz is not None
        else ""
    )
    return [first, test, f"{equivalence} {verdict}{power}"]


def decided(findings: Mapping[str, Any]) -> str:
    """Return what was decided before the results, or when it was."""
    analysis, metric = findings["analysis"], findings["metric"]
    margin = analysis["margin"]
    what = (
        f"baseline {say(analysis['baseline'])}, metric {metric['label']}, "
        f"{'margin ' + with_unit(exact(margin), metric) if margin is not None else 'no margin'}, "
        f"test, correction, α = {exact(analysis['alpha'])}, the family of "
        f"{count(len(analysis['family']), 'comparison')} and the number of repeats "
        f"({findings['split']['repeats']})"
    )
    late = analysis["chosen_after"]
    if late:
        return (
            f"The protocol states {what}. The margin or the rule was chosen after seeing {count(late, 'repeat')}: "
            "p-values and verdicts are to be read with that in mind."
        )
    return f"Decided in the protocol, before any of its results existed: {what}."


def limits(findings: Mapping[str, Any], counts: Mapping[str, int]) -> list[str]:
    """Return what was not shown, one sentence each."""
    design = findings["split"]["design"]
    found = [f"Every claim holds {SCOPE[design]}; {_BEYOND[design]}"]
    if "EMT" in findings["data"]["label"]:
        found.append(
            f"The data ({findings['data']['label']}) come from EMT, an empirical model of metals, not from quantum "
            "mechanics; on such data the order of variants may be another one."
        )
    remade = source_note(findings).partition("Feature set")[2]
    if remade:
        found.append(
            f"Feature set{remade.rstrip('.')}; their values are ours (see the appendix), since not all of the original "
            "ones were published. Nothing here is a claim about the original sets."
        )
    found.append("Energies alone are judged here; nothing is said about forces, stresses or dynamics.")
    if counts["not_converged"]:
        found.append(
            f"{counts['not_converged']} of {count(counts['networks'], 'trained network')} had not converged: longer "
            "training may change means, spreads and verdicts."
        )
    if any(entry["verdict"] == "undecided" and entry["n"] for entry in findings["analysis"]["comparisons"]):
        found.append("Undecided comparisons may hide differences of any size within their intervals.")
    if len(findings["analysis"]["family"]) > 1:
        found.append(
            "Intervals are not adjusted for the number of comparisons; the adjusted p-values and the verdicts are."
        )
    if any(variant["parity"] for variant in findings["variants"]):
        found.append("The parity plots show one repeat and carry no weight in the verdicts.")
    return found


_BEYOND: Final = {
    "fixed": "another split of the same data may give another order.",
    "resampled": "other data of the same kind may give another order.",
    "crossed": "another reserve or other data may give another order.",
}

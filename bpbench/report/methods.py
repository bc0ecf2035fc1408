"""Methods and limits in prose, made from the protocol and the findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report import divided, given, timing
from bpbench.report.numerals import count, exact, listed, percent, say, short, significant, whole
from bpbench.report.vocabulary import (
    CORRECTIONS,
    TESTS,
    by_role,
    by_student,
    compared_with,
    data_label,
    margin_text,
    on_part,
    repeat_word,
    scope,
    scored,
    several_baselines,
    source_note,
    study_kind,
    timed,
    unpaired,
    verdict_word,
)
from bpbench.statistics.margins import Margin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_TARGET: Final = (
    "(descriptors constant over them are dropped). The target is the energy per atom less one reference energy per "
    "atom, fitted by least squares to the training configurations; it is centred and divided by its spread over them."
)
#: What is done to a descriptor G, with its mean μ, spread σ and ends over the training atoms.
_SCALED: Final = {
    "standard": "Each descriptor is standardised, (G−μ)/σ, by its mean and spread over the training atoms",
    "min-max": "Each descriptor is scaled to its range, (G−min)/(max−min), over the training atoms",
    "centred": "Each descriptor is centred, G−μ, by its mean over the training atoms",
    "centred-min-max": "Each descriptor is centred and divided by its range, (G−μ)/(max−min), over the training atoms",
}
_ACTIVATIONS: Final = {
    "tanh": "tanh",
    "logistic": "the logistic function",
    "softplus": "softplus",
    "relu": "ReLU",
    "gaussian": "a Gaussian",
}


def _hdnn(name: str, values: Mapping[str, Any]) -> str:
    hidden = listed([exact(size) for size in values["hidden"]])
    skip = f"{_SKIP} " if values["skip"] else ""
    return (
        f"Model “{name}” is a high-dimensional neural-network potential: beyond the reference, the energy of a "
        "configuration is the sum over its atoms of one small network, which is fed with that atom's "
        f"descriptors, has hidden layers of {hidden} nodes with {_ACTIVATIONS[values['activation']]}, and a linear "
        f"output. {_SCALED[values['scaling']]} {_TARGET} "
        f"The weights start as Glorot-uniform numbers, the biases at zero. {skip}The optimiser is {_rule(values)} "
        f"{_stopping(values)} {_CONVERGED}{_ensemble(values)}"
    )


_CONVERGED: Final = (
    "A training is marked not converged if the epoch kept lies in the last fifth of those that it ran and, of all "
    "pairs of an epoch of that fifth and one of the fifth before, at least two thirds show a validation RMSE lower by "
    "more than one per cent; of fewer than ten epochs none counts as converged."
)


def _stopping(values: Mapping[str, Any]) -> str:
    epochs, patience = count(values["epochs"], "epoch"), values["patience"]
    runs = (
        f"It runs for {epochs}" if patience is None else f"It runs for at most {epochs} and ends sooner {_out(values)}"
    )
    kept = f"{runs}; the weights kept are those of the epoch with the least validation RMSE per atom"
    if values["skip"]:
        return (
            f"{kept}, or, where no epoch has a lower one than the initial state, that state: the ridge's answer, "
            "checkpoint 0."
        )
    return (
        f"{kept}. A training of which no epoch has a lower validation RMSE than its initial weights counts as diverged."
    )


def _out(values: Mapping[str, Any], limit: str = "") -> str:
    """Return when patience ends a training; ``limit`` stands for the number where there are several."""
    steps = values["optimizer"]["kind"] == "marquardt"
    unit = "step taken" if steps else "epoch"
    many = f"{limit} {'steps taken' if steps else 'epochs'}" if limit else count(values["patience"], unit, _MANY[unit])
    note = ", where steps that were tried and not taken do not count" if steps else ""
    return f"once the validation RMSE has not fallen for {many}{note}"


_MANY: Final = {"step taken": "steps taken", "epoch": "epochs"}


def _ensemble(values: Mapping[str, Any]) -> str:
    if values["ensemble"] == 1:
        return ""
    return f" The model is an ensemble of {exact(values['ensemble'])} such networks {_MEMBERS}"


_MEMBERS: Final = (
    "with other initial weights and batch orders, each kept at its own best epoch: its answer is the mean of theirs, "
    "its spread their standard deviation."
)
_SKIP: Final = (
    "The inputs also enter the answer directly, at first with the weights of the ridge regression that is the linear "
    "potential's, while the last layer starts at zero: the network learns what is not linear."
)


def _by_layer(value: float | Sequence[float]) -> str:
    """Return one number, or the numbers of all layers."""
    if isinstance(value, int | float):
        return exact(value)
    return f"{listed([exact(part) for part in value])} (by layer, the output last)"


def _rule(values: Mapping[str, Any]) -> str:
    """Return what the optimiser is."""
    rule = values["optimizer"]
    if rule["kind"] == "kalman":
        skip = f" ({exact(rule['skip_prior'])} for the direct weights)" if values["skip"] else ""
        return (
            f"a block extended Kalman filter: the weights have a prior variance of {_by_layer(rule['prior'])}{skip}, "
            f"blocks of about {count(rule['block'], 'configuration')} update them and their covariance, a "
            f"measurement's weight η {_trust(rule)}, {_noise(rule)}."
        )
    if rule["kind"] == "marquardt":
        decay = f", with {_PENALTY}, λ = {_by_layer(rule['decay'])}" if _any(rule) else ""
        return (
            f"Levenberg-Marquardt on all training configurations at once{decay}; the damping starts "
            f"at {exact(rule['damping'])} of the largest diagonal element and follows Nielsen's rule; an epoch is one "
            "step tried."
        )
    who = "Keras's own fit with its own Adam" if rule["kind"] == "keras-adam" else "Adam"
    decay = f" Each step also takes a share of {_by_layer(rule['decay'])} times {_DECOUPLED}" if _any(rule) else ""
    return (
        f"{who} (learning rate {exact(rule['learning_rate'])}, β₁ {exact(rule['beta_1'])}, "
        f"β₂ {exact(rule['beta_2'])}, ε {exact(rule['epsilon'])}) in mini-batches of "
        f"{count(values['batch'], 'configuration')} on half the mean squared error of the target per "
        f"configuration.{decay}"
    )


_PENALTY: Final = "a penalty λ/2 on the squared weights"
_DECOUPLED: Final = "the learning rate off every weight (decoupled weight decay)."


def _any(rule: Mapping[str, Any]) -> bool:
    """Return whether there is any weight decay."""
    decay = rule.get("decay", 0)
    return bool(decay) if isinstance(decay, int | float) else any(decay)


def _trust(rule: Mapping[str, Any]) -> str:
    first, most = rule["trust"]
    if first == most or rule["growth"] == 1:
        return f"is {exact(first)} throughout"
    return f"grows from {exact(first)} by a factor of {exact(rule['growth'])} an epoch to at most {exact(most)}"


def _noise(rule: Mapping[str, Any]) -> str:
    first, least = rule["noise"]
    if not first and not least:
        return "and there is no process noise"
    if first == least or rule["fall"] == 1:
        return f"and process noise is {exact(first)} throughout"
    limit = f" to no less than {exact(least)}" if least else ""
    return f"and process noise falls from {exact(first)} by a factor of {exact(rule['fall'])} an epoch{limit}"


def _linear(name: str, values: Mapping[str, Any]) -> str:
    strengths = sorted(values["strengths"])
    penalty = (
        f"the penalty of least validation RMSE per atom among values from {exact(strengths[0])} to "
        f"{exact(strengths[-1])}"
        if len(strengths) > 1
        else f"a penalty of {exact(strengths[0])}"
    )
    return (
        f"Model “{name}” is a linear potential, the yardstick: ridge regression, one row per configuration, of the "
        "energy per atom on the mean of the standardised descriptors over the atoms (between configurations of "
        f"equal size the same as the energy on summed functions). {_SCALED['standard']} {_TARGET} "
        f"It has {penalty} (relative to the number "
        "of training configurations; the intercept bears none). It has no seed, so on one split it always gives the "
        "same numbers."
    )


_POOLED: Final = "the mean and the spread of each descriptor over a configuration's atoms"
_TREE_TARGET: Final = (
    "The target is the energy per atom less one reference energy per atom, fitted by least squares to the training "
    "configurations"
)


def _forest(name: str, values: Mapping[str, Any]) -> str:
    depth = "no limit of depth" if values["max_depth"] is None else f"a depth of at most {exact(values['max_depth'])}"
    return (
        f"Model “{name}” is a random forest of {count(values['trees'], 'tree')} on {_POOLED}, each tree on a bootstrap "
        f"sample of the training configurations, with {depth}, a share of {exact(values['max_features'], 3)} of the "
        f"columns tried at each split, and at least {count(values['min_samples_leaf'], 'configuration')} in a leaf. "
        f"{_TREE_TARGET}; the validation set is not used."
    )


def _lightgbm(name: str, values: Mapping[str, Any]) -> str:
    return (
        f"Model “{name}” is LightGBM on {_POOLED}: at most {count(values['rounds'], 'round')} with learning rate "
        f"{exact(values['learning_rate'])}, each of one tree with at most {exact(values['leaves'])} leaves of at least "
        f"{count(values['min_samples_leaf'], 'training configuration')}, grown on a share of "
        f"{exact(values['row_share'])} of the configurations and {exact(values['column_share'])} of the columns, drawn "
        f"anew for each tree. {_TREE_TARGET}. It stops after {count(values['patience'], 'round')} without a smaller "
        "validation RMSE, and the round of least validation RMSE is kept; a training that used up its rounds before "
        "that is marked not converged."
    )


_MODELS: Final[dict[str, Callable[[str, Mapping[str, Any]], str]]] = {
    "hdnn": _hdnn,
    "linear": _linear,
    "random-forest": _forest,
    "lightgbm": _lightgbm,
}


def models(findings: Mapping[str, Any]) -> list[str]:
    """Return one paragraph per model that a variant uses, and what sweeps change in it.

    A kind without its own words is left to the table.
    """
    used = {variant["model"] for variant in findings["variants"]}
    varied: dict[str, list[Mapping[str, Any]]] = {}
    for model in findings["models"]:
        if model["base"] is not None:
            varied.setdefault(model["base"], []).append(model)
    found = []
    for model in findings["models"]:
        mine = varied.get(model["name"], [])
        if model["kind"] in _MODELS and model["base"] is None and (mine or model["name"] in used):
            found.append(_MODELS[model["kind"]](short(model["name"]), model["values"]) + _varied(model, mine))
    if any(variant["share"] is not None and variant["share"] < 1 for variant in findings["variants"]):
        found.append(_FEWER)
    return found


_FEWER: Final = (
    "Contestants that learn from fewer configurations take the first ones of an order that is drawn with the split, "
    "whole blocks in turn from all groups, so that fewer are always among those of more. Validation and test stay what "
    "they are."
)
#: Derived models that are named in one sentence.
_LISTED: Final = 12


def _varied(base: Mapping[str, Any], derived: Sequence[Mapping[str, Any]]) -> str:
    """Return which models sweeps derive from this one, and what they have that it does not have itself."""
    if not derived:
        return ""
    made = f"other models from it, with {listed([say(model['changes']) for model in derived])}"
    if len(derived) > _LISTED:
        made = f"{len(derived)} other models from it, which the table of models lists"
    brought = _brought(base["values"], [model["values"] for model in derived]) if base["kind"] == "hdnn" else []
    return " ".join([f" Sweeps derive {made}; what a change does not name stays as told above.", *brought])


def _brought(base: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what changed settings bring with them, each under its condition, for all values alike."""
    found = [
        f"With scaling {name}, {_SCALED[name][0].lower()}{_SCALED[name][1:]}."
        for name in dict.fromkeys(other["scaling"] for other in others)
        if name != base["scaling"]
    ]
    found += _other_rules(base, others)
    skipping = [other for other in others if other["skip"] and not base["skip"]]
    if skipping:
        found.append(f"With a skip, {_SKIP[0].lower()}{_SKIP[1:]}")
        rules = [other["optimizer"] for other in skipping]
        priors = dict.fromkeys(exact(rule["skip_prior"]) for rule in rules if rule["kind"] == "kalman")
        if priors and "for the direct weights" not in " ".join(found):
            found.append(f"The filter gives these direct weights a prior variance P₀ of {listed(list(priors))}.")
    patient = [other for other in others if other["patience"] is not None]
    if patient and base["patience"] is None:
        found += [
            f"With a patience, a training ends {text}."
            for text in dict.fromkeys(_out(one, "so many") for one in patient)
        ]
    if base["patience"] is not None and len(patient) < len(others):
        found.append("Without a patience, it runs all its epochs.")
    sizes = sorted({other["ensemble"] for other in others if other["ensemble"] > 1})
    if sizes and base["ensemble"] == 1:
        found.append(f"An ensemble is {' or '.join(map(exact, sizes))} such networks {_MEMBERS}")
    return found


def _other_rules(base: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the optimisers that changed settings bring, or the weight decay."""
    by_kind: dict[str, dict[str, None]] = {}
    for other in others:
        if other["optimizer"]["kind"] != base["optimizer"]["kind"]:
            by_kind.setdefault(other["optimizer"]["kind"], {})[_rule(other)] = None
    found = []
    for kind, texts in by_kind.items():
        but = " but for what the changes name" if len(texts) > 1 else ""
        found.append(f"With optimizer {kind}, it is{but} {next(iter(texts))}")
    if _any(base["optimizer"]):
        return found
    own = [other for other in others if other["optimizer"]["kind"] == base["optimizer"]["kind"]]
    if any(_any(other["optimizer"]) for other in own):
        found.append(
            f"With a decay λ, the cost has {_PENALTY}."
            if base["optimizer"]["kind"] == "marquardt"
            else f"With a decay, each step also takes so large a share of {_DECOUPLED}"
        )
    return found


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
    return f"A{compared_with(analysis)[1:]}. " if several_baselines(analysis) else ""


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
    found += [*divided.limits(findings), *_of_judging(findings)]
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

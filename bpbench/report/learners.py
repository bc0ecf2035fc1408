"""The models of a study in prose: what each of them is, how it is trained, and what sweeps change in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.counting import listed
from bpbench.report.numerals import count, exact, say, short

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

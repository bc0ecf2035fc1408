"""The models of a study in prose: what each of them is, how it is trained, and what sweeps change in it."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any, Final

from bpbench.report import foreign_told, trees_told
from bpbench.report.document import cite, ref
from bpbench.report.language import listed, marked, quoted, tell
from bpbench.report.numerals import count, exact, say, short
from bpbench.report.trees_told import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_TARGET: Final = marked(
    "The target is the energy per atom less one reference energy "
    "per atom, fitted by least squares to the training configurations; it is centred and divided by its spread over "
    "them."
)
#: What is done to a descriptor G, with its mean μ, spread σ and ends over the training atoms.
_SCALED: Final = {
    "standard": marked(
        "Each descriptor is standardised, (G−μ)/σ, by its mean and spread over the training atoms (descriptors "
        "constant over them are dropped)."
    ),
    "min-max": marked(
        "Each descriptor is scaled to its range, (G−min)/(max−min), over the training atoms (descriptors constant over "
        "them are dropped)."
    ),
    "centred": marked(
        "Each descriptor is centred, G−μ, by its mean over the training atoms (descriptors constant over them are "
        "dropped)."
    ),
    "centred-min-max": marked(
        "Each descriptor is centred and divided by its range, (G−μ)/(max−min), over the training atoms (descriptors "
        "constant over them are dropped)."
    ),
}
#: The same where a change brings it.
_SCALED_BY_CHANGE: Final = {
    "standard": marked(
        "With scaling standard, each descriptor is standardised, (G−μ)/σ, by its mean and spread over the training "
        "atoms."
    ),
    "min-max": marked(
        "With scaling min-max, each descriptor is scaled to its range, (G−min)/(max−min), over the training atoms."
    ),
    "centred": marked("With scaling centred, each descriptor is centred, G−μ, by its mean over the training atoms."),
    "centred-min-max": marked(
        "With scaling centred-min-max, each descriptor is centred and divided by its range, (G−μ)/(max−min), over the "
        "training atoms."
    ),
}
_ACTIVATIONS: Final = {
    "tanh": "tanh",
    "logistic": marked("the logistic function"),
    "softplus": "softplus",
    "relu": "ReLU",
    "gaussian": marked("a Gaussian"),
}


def _hdnn(name: str, values: Mapping[str, Any]) -> str:
    first = tell(
        "Model {name} is a high-dimensional neural-network potential{work}: beyond the reference, the energy of a "
        "configuration is the sum over its atoms of one small network, which is fed with that atom's descriptors, has "
        "hidden layers of {nodes} nodes with {activation}, and a linear output.",
        name=quoted(name),
        work=cite("behler2007", "behler2011"),
        nodes=listed([exact(size) for size in values["hidden"]]),
        activation=tell(_ACTIVATIONS[values["activation"]]),
    )
    return joined(
        first,
        tell(_SCALED[values["scaling"]]),
        tell(_TARGET),
        tell("The weights start as Glorot-uniform numbers{work}, the biases at zero.", work=cite("glorot2010")),
        tell(_SKIP) if values["skip"] else "",
        tell("The optimiser is {rule}", rule=_rule(values)),
        _stopping(values),
        tell(_CONVERGED),
        _ensemble(values),
    )


_CONVERGED: Final = marked(
    "A training is marked not converged if the epoch kept lies in the last fifth of those that it ran and, of all "
    "pairs of an epoch of that fifth and one of the fifth before, at least two thirds show a validation RMSE lower by "
    "more than one per cent; of fewer than ten epochs none counts as converged."
)


def _stopping(values: Mapping[str, Any]) -> str:
    epochs = count(values["epochs"], "epoch")
    if values["patience"] is None:
        runs = tell(
            "It runs for {epochs}; the weights kept are those of the epoch with the least validation RMSE per atom",
            epochs=epochs,
        )
    else:
        runs = tell(
            "It runs for at most {epochs} and ends sooner {when}; the weights kept are those of the epoch with the "
            "least validation RMSE per atom",
            epochs=epochs,
            when=_out(values, _patience(values)),
        )
    if values["skip"]:
        return tell(
            "{runs}, or, where no epoch has a lower one than the initial state, that state: the ridge's answer, "
            "checkpoint 0.",
            runs=runs,
        )
    return tell(
        "{runs}. A training of which no epoch has a lower validation RMSE than its initial weights counts as diverged.",
        runs=runs,
    )


def _patience(values: Mapping[str, Any]) -> str:
    if values["optimizer"]["kind"] == "marquardt":
        return count(values["patience"], "step taken", "steps taken")
    return count(values["patience"], "epoch")


def _out(values: Mapping[str, Any], many: str) -> str:
    """Return when patience ends a training, after so many epochs or steps."""
    if values["optimizer"]["kind"] == "marquardt":
        return tell(
            "once the validation RMSE has not fallen for {many}, where steps that were tried and not taken do not "
            "count",
            many=many,
        )
    return tell("once the validation RMSE has not fallen for {many}", many=many)


def _ensemble(values: Mapping[str, Any]) -> str:
    if values["ensemble"] == 1:
        return ""
    return tell(
        "The model is an ensemble of {n} such networks with other initial weights and batch orders, each kept at its "
        "own best epoch: its answer is the mean of theirs, its spread their standard deviation.",
        n=exact(values["ensemble"]),
    )


_SKIP: Final = marked(
    "The inputs also enter the answer directly, at first with the weights of the ridge regression that is the linear "
    "potential's, while the last layer starts at zero: the network learns what is not linear."
)
_SKIP_BY_CHANGE: Final = marked(
    "With a skip, the inputs also enter the answer directly, at first with the weights of the ridge regression that is "
    "the linear potential's, while the last layer starts at zero: the network learns what is not linear."
)


def _by_layer(value: float | Sequence[float]) -> str:
    """Return one number, or the numbers of all layers."""
    if isinstance(value, int | float):
        return exact(value)
    return tell("{values} (by layer, the output last)", values=listed([exact(part) for part in value]))


def _rule(values: Mapping[str, Any]) -> str:
    """Return what the optimiser is."""
    kind = values["optimizer"]["kind"]
    return _RULES.get(kind, _adam)(values["optimizer"], values)


def _kalman(rule: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    prior = _by_layer(rule["prior"])
    if values["skip"]:
        prior = tell("{prior} ({skip} for the direct weights)", prior=prior, skip=exact(rule["skip_prior"]))
    return tell(
        "a block extended Kalman filter{work}: the weights have a prior variance of {prior}, blocks of about {block} "
        "update them and their covariance, a measurement's weight η {trust}, {noise}.",
        work=cite("haykin2001", "singraber2019training"),
        prior=prior,
        block=count(rule["block"], "configuration"),
        trust=_trust(rule),
        noise=_noise(rule),
    )


def _marquardt(rule: Mapping[str, Any], _: Mapping[str, Any]) -> str:
    fields = {"work": cite("levenberg1944", "marquardt1963"), "damping": exact(rule["damping"])}
    if _any(rule):
        return tell(
            "Levenberg-Marquardt{work} on all training configurations at once, with a penalty λ/2 on the squared "
            "weights, λ = {decay}; the damping starts at {damping} of the largest diagonal element and follows "
            "Nielsen's rule; an epoch is one step tried.",
            decay=_by_layer(rule["decay"]),
            **fields,
        )
    return tell(
        "Levenberg-Marquardt{work} on all training configurations at once; the damping starts at {damping} of the "
        "largest diagonal element and follows Nielsen's rule; an epoch is one step tried.",
        **fields,
    )


def _adam(rule: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    who = "Adam" + cite("kingma2015")
    if rule["kind"] == "keras-adam":
        who = tell("Keras's own fit with its own Adam{work}", work=cite("chollet2015", "kingma2015"))
    steps = tell(
        "{who} (learning rate {rate}, β₁ {first}, β₂ {second}, ε {epsilon}) in mini-batches of {batch} on half the "
        "mean squared error of the target per configuration.",
        who=who,
        rate=exact(rule["learning_rate"]),
        first=exact(rule["beta_1"]),
        second=exact(rule["beta_2"]),
        epsilon=exact(rule["epsilon"]),
        batch=count(values["batch"], "configuration"),
    )
    if not _any(rule):
        return steps
    decay = tell(
        "Each step also takes a share of {decay} times the learning rate off every weight (decoupled weight decay).",
        decay=_by_layer(rule["decay"]),
    )
    return f"{steps} {decay}"


_RULES: Final[dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], str]]] = {
    "kalman": _kalman,
    "marquardt": _marquardt,
}


def _any(rule: Mapping[str, Any]) -> bool:
    """Return whether there is any weight decay."""
    decay = rule.get("decay", 0)
    return bool(decay) if isinstance(decay, int | float) else any(decay)


def _trust(rule: Mapping[str, Any]) -> str:
    first, most = rule["trust"]
    if first == most or rule["growth"] == 1:
        return tell("is {value} throughout", value=exact(first))
    return tell(
        "grows from {first} by a factor of {growth} an epoch to at most {most}",
        first=exact(first),
        growth=exact(rule["growth"]),
        most=exact(most),
    )


def _noise(rule: Mapping[str, Any]) -> str:
    first, least = rule["noise"]
    if not first and not least:
        return tell("and there is no process noise")
    if first == least or rule["fall"] == 1:
        return tell("and process noise is {value} throughout", value=exact(first))
    fields = {"first": exact(first), "fall": exact(rule["fall"])}
    if least:
        return tell(
            "and process noise falls from {first} by a factor of {fall} an epoch to no less than {least}",
            least=exact(least),
            **fields,
        )
    return tell("and process noise falls from {first} by a factor of {fall} an epoch", **fields)


def _linear(name: str, values: Mapping[str, Any]) -> str:
    strengths = sorted(values["strengths"])
    penalty = (
        tell(
            "the penalty of least validation RMSE per atom among values from {low} to {high}",
            low=exact(strengths[0]),
            high=exact(strengths[-1]),
        )
        if len(strengths) > 1
        else tell("a penalty of {value}", value=exact(strengths[0]))
    )
    return joined(
        tell(
            "Model {name} is a linear potential, the yardstick: ridge regression{work}, one row per configuration, of "
            "the energy per atom on the mean of the standardised descriptors over the atoms (between configurations of "
            "equal size the same as the energy on summed functions).",
            name=quoted(name),
            work=cite("hoerl1970"),
        ),
        tell(_SCALED["standard"]),
        tell(_TARGET),
        tell(
            "It has {penalty} (relative to the number of training configurations; the intercept bears none).",
            penalty=penalty,
        ),
        tell("Its seed draws the configurations whose forces are learned.")
        if (values.get("forces") or {}).get("fraction", 1) < 1
        else tell("It has no seed, so on one split it always gives the same numbers."),
    )


_MODELS: Final[dict[str, Callable[[str, Mapping[str, Any]], str]]] = {
    "hdnn": _hdnn,
    "linear": _linear,
    "random-forest": trees_told.forest,
    "lightgbm": trees_told.lightgbm,
    "n2p2": foreign_told.potential,
    "command": foreign_told.program,
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
    elements = (findings.get("data") or {}).get("elements") or []
    found = [tell(_ELEMENTS, elements=listed(elements))] if len(elements) > 1 else []
    for model in findings["models"]:
        mine = varied.get(model["name"], [])
        if model["kind"] in _MODELS and model["base"] is None and (mine or model["name"] in used):
            found.append(joined(_MODELS[model["kind"]](short(model["name"]), model["values"]), _varied(model, mine)))
    if any(variant["share"] is not None and variant["share"] < 1 for variant in findings["variants"]):
        found.append(tell(_FEWER))
    return found


_ELEMENTS: Final = marked(
    "The frames hold {elements}, and what is said of the models below holds for each element: it has its own network, "
    "or its own weights or columns, its own scales over its own training atoms, and its own reference energy, all "
    "references fitted together by least squares to the compositions; the configuration's energy is the sum over all "
    "atoms."
)

_FEWER: Final = marked(
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
    if len(derived) > _LISTED:
        made = tell(
            "Sweeps derive {n} other models from it, which {table} lists; what a change does not name stays as told "
            "above.",
            n=exact(len(derived)),
            table=ref("table", "models"),
        )
    else:
        made = tell(
            "Sweeps derive other models from it, with {changes}; what a change does not name stays as told above.",
            changes=listed([say(model["changes"]) for model in derived]),
        )
    brought = _brought(base["values"], [model["values"] for model in derived]) if base["kind"] == "hdnn" else []
    return joined(made, *brought)


def _brought(base: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what changed settings bring with them, each under its condition, for all values alike."""
    found = [
        tell(_SCALED_BY_CHANGE[name])
        for name in dict.fromkeys(other["scaling"] for other in others)
        if name != base["scaling"]
    ]
    found += [*_other_rules(base, others), *_skips(base, others), *_patiences(base, others)]
    sizes = sorted({other["ensemble"] for other in others if other["ensemble"] > 1})
    if sizes and base["ensemble"] == 1:
        many = reduce(lambda some, last: tell("{some} or {last}", some=some, last=last), map(exact, sizes))
        found.append(
            tell(
                "An ensemble is {n} such networks with other initial weights and batch orders, each kept at its own "
                "best epoch: its answer is the mean of theirs, its spread their standard deviation.",
                n=many,
            )
        )
    return found


def _skips(base: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what a skip brings, and the prior of its weights where no rule above named it."""
    skipping = [other for other in others if other["skip"] and not base["skip"]]
    if not skipping:
        return []
    told = [tell(_SKIP_BY_CHANGE)]
    filters = [other for other in skipping if other["optimizer"]["kind"] == "kalman"]
    priors = dict.fromkeys(exact(other["optimizer"]["skip_prior"]) for other in filters)
    named = base["optimizer"]["kind"] != "kalman" and any(
        other["skip"] for other in _firsts(base, others) if other["optimizer"]["kind"] == "kalman"
    )
    if priors and not named:
        told.append(
            tell("The filter gives these direct weights a prior variance P₀ of {priors}.", priors=listed(list(priors)))
        )
    return told


def _patiences(base: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> list[str]:
    patient = [other for other in others if other["patience"] is not None]
    found = []
    if patient and base["patience"] is None:
        found += [
            tell("With a patience, a training ends {when}.", when=text)
            for text in dict.fromkeys(_out(one, _so_many(one)) for one in patient)
        ]
    if base["patience"] is not None and len(patient) < len(others):
        found.append(tell("Without a patience, it runs all its epochs."))
    return found


def _so_many(values: Mapping[str, Any]) -> str:
    return tell("so many steps taken") if values["optimizer"]["kind"] == "marquardt" else tell("so many epochs")


def _firsts(base: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return, of each optimiser that changes bring, the first settings that have it: those whose rule is told."""
    found: dict[str, Mapping[str, Any]] = {}
    for other in others:
        if other["optimizer"]["kind"] != base["optimizer"]["kind"]:
            found.setdefault(other["optimizer"]["kind"], other)
    return list(found.values())


def _other_rules(base: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the optimisers that changed settings bring, or the weight decay."""
    found = []
    for first in _firsts(base, others):
        kind = first["optimizer"]["kind"]
        rules = {_rule(other) for other in others if other["optimizer"]["kind"] == kind}
        told = {"kind": kind, "rule": _rule(first)}
        found.append(
            tell("With optimizer {kind}, it is but for what the changes name {rule}", **told)
            if len(rules) > 1
            else tell("With optimizer {kind}, it is {rule}", **told)
        )
    if _any(base["optimizer"]):
        return found
    own = [other for other in others if other["optimizer"]["kind"] == base["optimizer"]["kind"]]
    if any(_any(other["optimizer"]) for other in own):
        found.append(
            tell("With a decay λ, the cost has a penalty λ/2 on the squared weights.")
            if base["optimizer"]["kind"] == "marquardt"
            else tell(
                "With a decay, each step also takes so large a share of the learning rate off every weight (decoupled "
                "weight decay)."
            )
        )
    return found

"""What pydantic cannot see of strategies: names that must exist, and what a search could never do."""

from __future__ import annotations

import itertools

from bpbench.errors import ProtocolError, nearest
from bpbench.jobs import Linear, of_forces_alone
from bpbench.protocol.vocabulary import Protocol
from bpbench.strategies import LOOKS_AT, Backward, ByWeight, Forward, Smallest, Strategy, able, best_of


def check_strategies(protocol: Protocol) -> None:
    """Refuse strategies that name what is not there, or that this design could not confirm.

    Parameters
    ----------
    protocol : Protocol
        With the contestants of its sweeps.

    Raises
    ------
    ProtocolError
        With file, line and path of the first mistake.
    """
    where, split, explore = protocol.origin.where, protocol.split, protocol.explore
    if not protocol.strategies:
        if protocol.origin.names("explore"):
            raise ProtocolError(
                f"{where('explore')}: it says how strategies explore, and the protocol has none; name them under "
                "'strategies', or leave 'explore' out."
            )
        return
    if protocol.measure is not None:
        raise ProtocolError(f"{where('strategies')}: with 'measure' nothing is trained; leave out 'strategies'.")
    if split.design == "resampled":
        raise ProtocolError(
            f"{where('split', 'design')}: strategies are confirmed on a reserve that they never saw, and the design "
            "'resampled' redraws it at every repeat; expected 'crossed' or 'fixed'."
        )
    if protocol.analysis.pairs == "all":
        raise ProtocolError(
            f"{where('analysis', 'pairs')}: what strategies choose is compared with the baseline; expected 'baseline', "
            "found 'all'."
        )
    if split.reserve + explore.test + explore.validation >= 1:
        raise ProtocolError(
            f"{where('explore')}: the reserve and explore's own test and validation must leave frames to train on; "
            f"found shares {split.reserve} + {explore.test} + {explore.validation}."
        )
    for name, spec in protocol.strategies.items():
        _check_strategy(protocol, name, spec)


def _check_strategy(protocol: Protocol, name: str, spec: Strategy) -> None:
    where, place = protocol.origin.where, ("strategies", name)
    taken = {
        "set": set(protocol.sets),
        "variant": {variant.name for variant in protocol.variants},
        "strategy": set(protocol.strategies) - {name},
    }
    for kind, names in taken.items():
        for own in {name, *({best_of(name)} if isinstance(spec, Smallest) else ())} & names:
            raise ProtocolError(
                f"{where(*place)}: what a strategy chooses is called like it, and there is a {kind} '{own}' already; "
                "give one of them another name."
            )
    if spec.model not in protocol.models:
        raise ProtocolError(
            f"{where(*place, 'model')}: there is no model '{spec.model}'{nearest(spec.model, protocol.models)}"
        )
    if isinstance(spec, Smallest):
        _check_smallest(protocol, name, spec)
    elif spec.set not in protocol.sets:
        raise ProtocolError(f"{where(*place, 'set')}: there is no set '{spec.set}'{nearest(spec.set, protocol.sets)}")
    _check_weighing(protocol, name, spec)
    _check_race(protocol, name, spec)
    if isinstance(spec, Smallest) and protocol.analysis.margin is None:
        raise ProtocolError(
            f"{where(*place)}: that the smallest set is as good as the best is confirmed at the margin of 'analysis', "
            "and none is declared there; give one, whatever margin this strategy explores by."
        )
    if isinstance(spec, Backward | Forward) and spec.margin is None and protocol.analysis.margin is None:
        raise ProtocolError(
            f"{where(*place)}: '{spec.kind}' asks what is as good within a margin, and none is declared; give one "
            "under 'analysis', or here."
        )


def _check_weighing(protocol: Protocol, name: str, spec: Strategy) -> None:
    """Refuse to weigh the inputs of a model that has nothing to weigh them by."""
    where, place = protocol.origin.where, ("strategies", name)
    if isinstance(spec, Backward) and spec.order == "weight":
        model = protocol.models[spec.model]
        if "absolute" not in able(model):
            raise ProtocolError(
                f"{where(*place, 'order')}: 'weight' looks at {LOOKS_AT['absolute']}, and the model '{spec.model}' "
                f"({model.kind}) has none; expected 'drop-one', 'listed' or 'random', or another model."
            )
    if not isinstance(spec, ByWeight):
        return
    weigher = spec.of or spec.model
    if weigher not in protocol.models:
        raise ProtocolError(f"{where(*place, 'of')}: there is no model '{weigher}'{nearest(weigher, protocol.models)}")
    model = protocol.models[weigher]
    if of_forces_alone(model):
        raise ProtocolError(
            f"{where(*place)}: inputs are weighed by what they are worth to a model's energies, and the model "
            f"'{weigher}' predicts forces alone; name another model, or a strategy that trains without them, such as "
            "'drop-one'."
        )
    if spec.by not in able(model):
        raise ProtocolError(
            f"{where(*place, 'by')}: '{spec.by}' looks at {LOOKS_AT[spec.by]}, and the model '{weigher}' "
            f"({model.kind}) has none; expected {' or '.join(map(repr, able(model)))}, or another model."
        )


def _check_race(protocol: Protocol, name: str, spec: Strategy) -> None:
    """Refuse repeats that could show nothing, or that could stop nobody."""
    where, place = protocol.origin.where, ("strategies", name)
    if protocol.explore.design == "fixed" and isinstance(protocol.models[spec.model], Linear):
        raise ProtocolError(
            f"{where('explore', 'design')}: on one division of the frames a linear model gives one and the same result "
            f"in every repeat, and '{name}' would take its copies for evidence; expected 'resampled', or another model."
        )
    race = None if isinstance(spec, Smallest) else spec.race
    if race is not None and (isinstance(spec, ByWeight) or (isinstance(spec, Backward) and spec.order != "drop-one")):
        what = f"'{spec.kind}'" + (f" in the order '{spec.order}'" if isinstance(spec, Backward) else "")
        raise ProtocolError(
            f"{where(*place, 'race')}: {what} has no candidates that run side by side, so nobody could be stopped; "
            "leave out 'race'."
        )
    if race is not None and race.first >= protocol.explore.repeats:
        raise ProtocolError(
            f"{where(*place, 'race', 'first')}: nobody could be stopped before the last repeat: expected fewer than "
            f"the {protocol.explore.repeats} repeats of 'explore', found {race.first}; explore more repeats, or leave "
            "out 'race'."
        )
    if race is not None and race.rule == "friedman" and race.first < 2:
        raise ProtocolError(
            f"{where(*place, 'race', 'first')}: Friedman's test ranks candidates in at least 2 repeats, found "
            f"{race.first}; give more, or write rule: halving."
        )


def _check_smallest(protocol: Protocol, name: str, spec: Smallest) -> None:
    where, place = protocol.origin.where, ("strategies", name)
    above = itertools.takewhile(lambda other: other != name, protocol.strategies)
    choosing = [other for other in above if not isinstance(protocol.strategies[other], Smallest)]
    for key, given, known in (("sets", spec.sets, list(protocol.sets)), ("strategies", spec.strategies, choosing)):
        for number, wanted in enumerate(given):
            if wanted in given[:number]:
                raise ProtocolError(f"{where(*place, key, number)}: '{wanted}' stands twice; keep one of them.")
            if wanted not in known:
                what = "set" if key == "sets" else "strategy above this one that chooses from a set,"
                raise ProtocolError(
                    f"{where(*place, key, number)}: there is no {what} '{wanted}'{nearest(wanted, known)}"
                )
    if len(spec.sets) + len(spec.strategies) < 2:
        raise ProtocolError(
            f"{where(*place)}: the smallest of a choice needs at least 2 candidates under 'sets' and 'strategies'; "
            f"found {len(spec.sets) + len(spec.strategies)}."
        )

"""What is wrong with a protocol that asks for forces, or for several metrics at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bpbench import metrics
from bpbench.declared import TableData
from bpbench.errors import ProtocolError, RequestError, nearest
from bpbench.jobs import Hdnn, KerasAdam, Marquardt, of_forces_alone
from bpbench.metrics import METRICS

if TYPE_CHECKING:
    from bpbench.protocol.vocabulary import Protocol

_LABEL: Final = {
    "random-forest": "a random forest",
    "lightgbm": "LightGBM",
}


def check_primary(protocol: Protocol) -> None:
    """Refuse co-primary metrics that are none, that stand twice, or that are measured otherwise.

    Raises
    ------
    ProtocolError
        With file, line and path of the first mistake.
    """
    where, seen = protocol.origin.where, [protocol.analysis.metric]
    for number, entry in enumerate(protocol.analysis.co_primary):
        place = ("analysis", "co_primary", number, "metric")
        try:
            known = metrics.metric(entry.metric)
        except RequestError as error:
            raise ProtocolError(f"{where(*place)}: {error}") from None
        if protocol.measure is not None:
            raise ProtocolError(
                f"{where('analysis', 'co_primary')}: with 'measure' one time is judged and nothing else is scored; "
                "leave out 'co_primary'."
            )
        if known.timed:
            raise ProtocolError(
                f"{where(*place)}: expected a score of predictions, found the measured time '{entry.metric}'"
                f"{nearest(entry.metric, (*metrics.OF_ENERGIES, *metrics.OF_FORCES))}"
            )
        if entry.metric in seen:
            raise ProtocolError(
                f"{where(*place)}: '{entry.metric}' is judged already; name each metric once, that of 'metric' not "
                "again."
            )
        seen.append(entry.metric)


def check_forces(protocol: Protocol) -> None:
    """Refuse to score forces that the data or the contestants cannot have.

    Raises
    ------
    ProtocolError
        With file, line and path of what asks for forces.
    """
    if not protocol.scores_forces:
        return
    _check_learners(protocol)
    place = _asked(protocol)
    if isinstance(protocol.data, TableData) and not _in_table(protocol, protocol.data):
        raise ProtocolError(
            f"{place}: forces are slopes of the energy along the positions of atoms, which a table does not hold; "
            "give the frames themselves, or leave the forces out."
        )
    having = [variant.name for variant in protocol.variants if protocol.has_forces(variant)]
    if not having and not protocol.strategies:
        raise ProtocolError(
            f"{place}: no contestant can have forces; expected a network or a linear potential on a set of symmetry "
            "functions, or leave the forces out."
        )
    for number, variant in enumerate(protocol.variants):
        model = protocol.models[str(variant.model)]
        if getattr(model, "forces", None) and protocol.of_columns(variant.set):
            raise ProtocolError(
                f"{protocol.origin.where('variants', number)}: '{variant.name}' learns forces, which need the "
                f"derivatives of its inputs, and the set '{variant.set}' names columns of a table; choose a set of "
                "symmetry functions."
            )
    _check_judged(protocol)


def _check_learners(protocol: Protocol) -> None:
    """Refuse to learn forces by an optimizer that knows energies alone."""
    for name, model in protocol.models.items():
        if isinstance(model, Hdnn) and model.forces is not None and isinstance(model.optimizer, KerasAdam | Marquardt):
            raise ProtocolError(
                f"{protocol.origin.where('models', name, 'forces')}: forces are learned by the optimizers adam and "
                f"kalman, and '{name}' is trained by {model.optimizer.kind}; name one of these, or leave out 'forces'."
            )


def _in_table(protocol: Protocol, data: TableData) -> bool:
    """Return whether a table holds all that is asked: forces to learn from, and models that need no positions."""
    models = [protocol.models.get(variant.model or "") for variant in protocol.variants]
    return data.forces is not None and not protocol.strategies and all(map(of_forces_alone, models))


def _check_judged(protocol: Protocol) -> None:
    """Refuse a metric of forces while a contestant, or what a strategy will choose, cannot have them."""
    judged = next(((n, key) for n, key in enumerate(protocol.metrics) if METRICS[key].of == "forces"), None)
    if judged is None:
        return
    number, key = judged
    place = protocol.origin.where(*(("analysis", "co_primary", number - 1, "metric") if number else _METRIC))
    for variant in protocol.variants:
        if not protocol.has_forces(variant):
            kind = protocol.models[str(variant.model)].kind
            why = f"its inputs are columns of a table ('{variant.set}'), whose derivatives are not known"
            if kind == "command":
                why = "its program is not asked for them (forces: true of the model)"
            elif not protocol.of_columns(variant.set):
                why = f"the energy of {_LABEL.get(kind, kind)} is made of steps, without a slope"
            raise ProtocolError(
                f"{place}: '{key}' judges forces, and '{variant.name}' has none: {why}; leave it out, or score forces "
                "without judging by them ('forces: true')."
            )
    for name, spec in protocol.strategies.items():
        if protocol.of_columns(getattr(spec, "set", next(iter(protocol.sets)))):
            raise ProtocolError(
                f"{place}: '{key}' judges forces, and the strategy '{name}' chooses from columns of a table, whose "
                "derivatives are not known; let it choose from symmetry functions."
            )


_METRIC: Final = ("analysis", "metric")


def _asked(protocol: Protocol) -> str:
    """Return the place of what asks for forces."""
    where = protocol.origin.where
    if protocol.forces:
        return where("forces")
    for number, key in enumerate(protocol.metrics):
        if METRICS[key].of == "forces":
            return where(*(("analysis", "co_primary", number - 1, "metric") if number else _METRIC))
    learning = next(name for name, model in protocol.models.items() if getattr(model, "forces", None))
    return where("models", learning, "forces")


def check_of_forces_alone(protocol: Protocol) -> None:
    """Refuse to judge, or to set beside a published number, energies of a contestant that predicts none.

    Raises
    ------
    ProtocolError
        With file, line and path of the metric.
    """
    where = protocol.origin.where
    alone = [variant.name for variant in protocol.variants if of_forces_alone(protocol.models.get(variant.model or ""))]
    if not alone:
        return
    told = "predicts forces alone (target: forces), and '{}' is a score of energies; expected one of forces, such as {}"
    for number, key in enumerate(protocol.metrics):
        if METRICS[key].of != "forces":
            place = where(*(("analysis", "co_primary", number - 1, "metric") if number else _METRIC))
            raise ProtocolError(
                f"{place}: the contestant '{alone[0]}' {told.format(key, 'force_rmse')}, or a model of energies in its "
                "place."
            )
    for number, published in enumerate(protocol.report.published):
        if published.variant in alone and published.metric in metrics.OF_ENERGIES:
            raise ProtocolError(
                f"{where('report', 'published', number, 'metric')}: the contestant '{published.variant}' "
                f"{told.format(published.metric, 'mse_x')}."
            )

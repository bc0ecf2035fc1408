"""What pydantic cannot see of a protocol: names that must exist, and what contradicts what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bpbench import cuts, features, metrics
from bpbench.declared import Columns, Cut, TableData
from bpbench.errors import FeatureError, ProtocolError, RequestError, nearest
from bpbench.protocol.force_checks import check_forces, check_of_forces_alone, check_primary
from bpbench.protocol.strategy_checks import check_strategies
from bpbench.protocol.vocabulary import Protocol


def check_names(protocol: Protocol) -> None:
    """Refuse names that stand for nothing, and settings that contradict each other.

    Parameters
    ----------
    protocol : Protocol
        With the contestants of its sweeps.

    Raises
    ------
    ProtocolError
        With file, line and path of the first mistake.
    """
    where = protocol.origin.where
    names = [variant.name for variant in protocol.variants]
    _check_variants(protocol)
    _check_sets(protocol)
    analysis = protocol.analysis
    try:
        metric = metrics.metric(analysis.metric)
    except RequestError as error:
        raise ProtocolError(f"{where('analysis', 'metric')}: {error}") from None
    _check_measure(protocol, timed=metric.timed)
    check_primary(protocol)
    check_of_forces_alone(protocol)
    if analysis.baseline not in names:
        raise ProtocolError(
            f"{where('analysis', 'baseline')}: there is no variant '{analysis.baseline}'"
            f"{nearest(analysis.baseline, names)}"
        )
    chosen = analysis.candidates or ()
    for number, name in enumerate(chosen):
        if name not in names or name == analysis.baseline or name in chosen[:number]:
            raise ProtocolError(
                f"{where('analysis', 'candidates', number)}: a candidate is a variant other than the baseline, named "
                f"once; found '{name}'{nearest(name, set(names) - {analysis.baseline})}"
            )
    _check_track(protocol)
    _check_published(protocol)
    check_strategies(protocol)
    check_forces(protocol)
    _check_clock(protocol)
    _check_probe(protocol)
    _check_twins(protocol)
    _check_split(protocol)


def _check_published(protocol: Protocol) -> None:
    """Refuse a published number of a variant or a score that the study does not have."""
    where, names = protocol.origin.where, [variant.name for variant in protocol.variants]
    known = protocol.scored if protocol.measure is None else (protocol.analysis.metric,)
    for number, published in enumerate(protocol.report.published):
        place = ("report", "published", number)
        if published.variant not in names:
            raise ProtocolError(
                f"{where(*place, 'variant')}: there is no variant '{published.variant}'"
                f"{nearest(published.variant, names)}"
            )
        if published.metric not in known:
            raise ProtocolError(
                f"{where(*place, 'metric')}: expected one of {', '.join(known)}, found '{published.metric}'"
                f"{nearest(published.metric, known)}"
            )


def _check_track(protocol: Protocol) -> None:
    """Refuse to track what is not scored, or by a margin that runs have no measure for."""
    where, track = protocol.origin.where, protocol.track
    known = protocol.scored if protocol.measure is None else (protocol.analysis.metric,)
    for number, key in enumerate(track.metrics or ()):
        if key not in known:
            raise ProtocolError(
                f"{where('track', 'metrics', number)}: this study has no score '{key}'{nearest(key, known)}"
            )
        if key in (track.metrics or ())[:number]:
            raise ProtocolError(f"{where('track', 'metrics', number)}: '{key}' stands twice; name each score once.")
    if isinstance(track.margin, float | int) and len(track.metrics or ()) > 1:
        raise ProtocolError(
            f"{where('track', 'margin')}: a margin in the unit of one score cannot hold for {len(track.metrics or ())} "
            "of them; expected a share such as 2%."
        )
    if isinstance(track.margin, str) and track.margin.endswith("d_z"):
        raise ProtocolError(
            f"{where('track', 'margin')}: two runs are independent samples without pairs, so there is no d_z of "
            "theirs; expected a number in the score's unit or a share such as 2%."
        )


def _check_twins(protocol: Protocol) -> None:
    """Refuse a candidate that is another contestant under a second name, and a study of one contestant."""
    where, twins, base = protocol.origin.where, protocol.twins, protocol.analysis.baseline
    for number, name in enumerate(protocol.analysis.candidates or ()):
        same = twins.get(name, name)
        if same == twins.get(base, base):
            raise ProtocolError(
                f"{where('analysis', 'candidates', number)}: '{name}' is the same contestant as the baseline "
                f"'{base}'; leave it out."
            )
        if name in twins:
            raise ProtocolError(
                f"{where('analysis', 'candidates', number)}: '{name}' is the same contestant as '{same}'; name that "
                "one, and each once."
            )
    if not protocol.family:
        raise ProtocolError(
            f"{where('variants')}: a comparison needs at least 2 different contestants; all of these are the same as "
            f"'{base}'."
        )


def _check_variants(protocol: Protocol) -> None:
    where = protocol.origin.where
    names = [variant.name for variant in protocol.variants]
    for number, variant in enumerate(protocol.variants):
        if variant.train_share is not None and variant.observations is not None:
            raise ProtocolError(
                f"{protocol.where_of(variant.name, 'observations')}: a contestant learns from a share of the training "
                "configurations or from a number of them; keep one of 'train_share' and 'observations'."
            )
        if variant.name in names[:number]:
            place = where("variants", number, "name")
            raise ProtocolError(f"{place}: two variants are called '{variant.name}'; give each its own name.")
        known_by_key: dict[str, Mapping[str, Any]] = {"set": protocol.sets}
        if protocol.measure is None:
            known_by_key["model"] = protocol.models
        for key, known in known_by_key.items():
            wanted = getattr(variant, key)
            if wanted not in known:
                raise ProtocolError(
                    f"{where('variants', number, key)}: there is no {key} '{wanted}'{nearest(wanted, known)}"
                )


#: What a protocol says of training, and why it has no meaning where nothing is trained.
_OF_TRAINING: Final = {
    "models": "nothing is trained",
    "split": "nothing is trained, so no frames are divided",
    "pool": "each set is described by itself",
    "precision": "no values are stored",
    "clock": "the times of the sets are what is measured",
    "forces": "nothing predicts forces",
    "probe": "no potential is made",
}


def _check_measure(protocol: Protocol, *, timed: bool) -> None:
    where, analysis = protocol.origin.where, protocol.analysis
    if protocol.measure is None:
        if timed:
            raise ProtocolError(
                f"{where('analysis', 'metric')}: '{analysis.metric}' is a measured time and needs the key 'measure', "
                "such as measure: {kind: descriptor-time}."
            )
        return
    for key, why in _OF_TRAINING.items():
        if protocol.origin.names(key):
            raise ProtocolError(f"{where(key)}: with 'measure' {why}; leave out '{key}'.")
    if protocol.roles is not None:
        raise ProtocolError(
            f"{where('repeats')}: with 'measure' nothing is trained and has no roles; give the number of rounds, such "
            "as repeats: 10."
        )
    if not timed:
        times = ", ".join(f"'{key}'" for key, metric in metrics.METRICS.items() if metric.timed)
        raise ProtocolError(
            f"{where('analysis', 'metric')}: with 'measure' times are compared; expected the metric {times}, found "
            f"'{analysis.metric}'."
        )
    _check_timed_sets(protocol)


def _check_clock(protocol: Protocol) -> None:
    if protocol.clock is not None and not any(not isinstance(spec, Columns) for spec in protocol.sets.values()):
        raise ProtocolError(
            f"{protocol.origin.where('clock')}: it times the computing of symmetry functions, and every set is read "
            "from a table; leave 'clock' out."
        )


def _check_probe(protocol: Protocol) -> None:
    """Refuse to probe where there are no structures, or where a run of dynamics would count no frame."""
    if protocol.probe is None:
        return
    where = protocol.origin.where
    if isinstance(protocol.data, TableData):
        raise ProtocolError(
            f"{where('probe')}: a potential is probed on structures, and the data are a table; leave 'probe' out."
        )
    md = protocol.probe.md
    if md is not None and (md.steps // 5 if md.settle is None else md.settle) + md.every > md.steps:
        raise ProtocolError(
            f"{where('probe', 'md')}: a run of {md.steps} steps ends before its first frame is counted; give more "
            "steps, or a smaller 'settle' and 'every'."
        )


def _check_timed_sets(protocol: Protocol) -> None:
    where = protocol.origin.where
    for name in protocol.sets:
        if protocol.of_columns(name):
            raise ProtocolError(
                f"{where('sets', name)}: with 'measure' sets are computed against the clock, and '{name}' names "
                "columns of a table; name symmetry functions."
            )
    seen: dict[tuple[features.Feature, ...], str] = {}
    for number, variant in enumerate(protocol.variants):
        for key, nothing in (("model", None), ("train_share", None), ("observations", None), ("split_by", "block")):
            if getattr(variant, key) != nothing:
                raise ProtocolError(
                    f"{where('variants', number, key)}: with 'measure' nothing is trained; a variant is {{name, set}} "
                    f"and has no '{key}'."
                )
        place = where("variants", number, "set")
        functions = protocol.feature_set(variant.set).functions
        if functions in seen:
            raise ProtocolError(
                f"{place}: '{variant.name}' has the functions of '{seen[functions]}', and a set is measured once in a "
                "round; leave one of them out."
            )
        seen[functions] = variant.name


def _check_split(protocol: Protocol) -> None:
    where = protocol.origin.where
    split = protocol.split
    if split.splits is None and split.design == "crossed":
        raise ProtocolError(
            f"{where('split', 'design')}: a crossed design names its number of splits, and splits is missing; write "
            "splits: 6, or as many as you want."
        )
    if split.splits is not None and split.design != "crossed":
        raise ProtocolError(
            f"{where('split', 'splits')}: only a crossed design names its number of splits, found design "
            f"'{split.design}' with splits: {split.splits}; leave splits out, or write design: crossed."
        )
    _check_roles(protocol)
    if split.reserve + split.validation >= 1:
        raise ProtocolError(
            f"{where('split')}: reserve and validation must leave frames to train on; "
            f"found shares {split.reserve} + {split.validation}."
        )
    if len(protocol.ways) > 1 and split.design != "resampled":
        raise ProtocolError(
            f"{where('split', 'design')}: contestants that are split in different ways "
            f"({', '.join(protocol.ways)}) have different test sets, and with one reserve of each way the difference "
            f"would be that of two draws; expected the design 'resampled', found '{split.design}'."
        )


def _check_roles(protocol: Protocol) -> None:
    if protocol.roles is None:
        return
    place, design = protocol.origin.where("repeats"), protocol.split.design
    if design != "crossed":
        raise ProtocolError(
            f"{place}: repeats by role share initial weights and batch orders, so they are not independent of each "
            "other and only splits can be compared; expected split: {design: crossed, splits: …} with at least 2 "
            f"splits, found design '{design}'."
        )
    if protocol.roles.count == 1:
        raise ProtocolError(
            f"{place}: repeats by role draw at least one of weights, order and rerun more than once, such as "
            "{weights: 4, order: 4}; found one draw of each. Write repeats: 1 for a single training in each split."
        )


def _check_sets(protocol: Protocol) -> None:
    where = protocol.origin.where
    pool: set[str] | None = None
    if protocol.pool is not None:
        try:
            pool = set(features.preset(protocol.pool).names)
        except FeatureError as error:
            raise ProtocolError(f"{where('pool')}: {error}") from None
        if isinstance(protocol.data, TableData):
            raise ProtocolError(
                f"{where('pool')}: a pool is computed from structures, and the data are a table; leave it out and "
                "choose columns."
            )
    _check_cuts(protocol)
    # What is wrong with a set is said of that set, and not of one that is cut from it.
    for name, spec in sorted(protocol.sets.items(), key=lambda item: len(cuts.chain(item[0], protocol.sets))):
        if isinstance(spec, Columns):
            _check_columns(protocol, name, spec)
        if protocol.of_columns(name):
            continue
        if isinstance(protocol.data, TableData):
            raise ProtocolError(
                f"{where('sets', name)}: symmetry functions are computed from structures, and the data are a table; "
                "choose its columns, such as {columns: all}."
            )
        try:
            chosen = protocol.feature_set(name)
        except FeatureError as error:
            raise ProtocolError(f"{where('sets', name)}: {error}") from None
        outside = (
            [] if pool is None or name in protocol.undescribed else [item for item in chosen.names if item not in pool]
        )
        if outside:
            raise ProtocolError(
                f"{where('sets', name)}: every function of a set must be in the pool '{protocol.pool}'; "
                f"{outside[0]} is not. Leave out 'pool' to compute just what the sets name."
            )


def _check_cuts(protocol: Protocol) -> None:
    """Refuse a cut of a set that is not there, cuts in a circle, and cuts of columns by what only functions have."""
    where, sets = protocol.origin.where, protocol.sets
    made = {name: spec for name, spec in sets.items() if isinstance(spec, Cut)}
    for name, spec in made.items():
        if spec.cut not in sets:
            raise ProtocolError(
                f"{where('sets', name, 'cut')}: there is no set '{spec.cut}'{nearest(spec.cut, set(sets) - {name})}"
            )
    for name, spec in made.items():
        try:
            columns = protocol.of_columns(name)
        except FeatureError as error:
            raise ProtocolError(f"{where('sets', name, 'cut')}: {error}") from None
        for key in ("kinds", "r_s") if columns else ():
            if getattr(spec, key) is not None:
                raise ProtocolError(
                    f"{where('sets', name, key)}: what functions lie behind the columns of '{spec.cut}' is not known "
                    "here; a set of columns is cut by 'names' and 'without' alone."
                )


def _check_columns(protocol: Protocol, name: str, spec: Columns) -> None:
    where = protocol.origin.where
    if spec.table is None and not isinstance(protocol.data, TableData):
        raise ProtocolError(
            f"{where('sets', name)}: the data are frames and have no columns; name the file of values under 'table'."
        )
    if spec.table is None and spec.configuration is not None:
        raise ProtocolError(
            f"{where('sets', name, 'configuration')}: only a set with a 'table' of its own names this column; "
            "the data's stands under 'data'."
        )
    if spec.like is not None:
        _check_like(protocol, name, spec)
    chosen = () if spec.columns == "all" else spec.columns
    twice = [column for number, column in enumerate(chosen) if column in chosen[:number]]
    if twice:
        raise ProtocolError(f"{where('sets', name)}: a set names each column once, found '{twice[0]}' twice.")


def _check_like(protocol: Protocol, name: str, spec: Columns) -> None:
    where, wanted = protocol.origin.where("sets", name, "like"), spec.like
    described = [other for other in protocol.sets if not protocol.of_columns(other)]
    if protocol.measure is not None:
        raise ProtocolError(f"{where}: with 'measure' no values are compared; leave 'like' out.")
    if spec.table is None:
        raise ProtocolError(
            f"{where}: only values made elsewhere are compared with ours, and this set names no 'table' of them; name "
            "the file, or leave 'like' out."
        )
    if wanted not in protocol.sets:
        raise ProtocolError(f"{where}: there is no set '{wanted}'{nearest(str(wanted), described)}")
    if wanted not in described:
        raise ProtocolError(
            f"{where}: expected a set of symmetry functions, which are computed here; '{wanted}' is read from a table "
            f"itself{nearest(str(wanted), described)}"
        )

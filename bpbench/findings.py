"""Everything a report may use, as plain JSON: the findings of a conducted study.

Findings hold no time, date, host or place, so two runs of one protocol on one kind of machine give the same bytes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bpbench import SCHEMA, __version__, magnitudes, metrics, probed, reserve, shares, standing
from bpbench.agreements import agreements
from bpbench.contestants import MEAN_LEVEL, by_centre, contestants
from bpbench.data import readers, tables
from bpbench.data.blocks import trajectories
from bpbench.data.frames import Configurations, Frames
from bpbench.features import ColumnSet
from bpbench.force_errors import forces
from bpbench.identity import settings
from bpbench.jobs import Command, FrameSource, ModelSpec, TableSource, TimeDescribe
from bpbench.protocol import Cut, Protocol, SampleData
from bpbench.runner import timing
from bpbench.runner.store import Outcome
from bpbench.searched import costs, exploration
from bpbench.statistics.compare import Comparison
from bpbench.statistics.joint import together
from bpbench.statistics.margins import Margin
from bpbench.statistics.rules import redrawings
from bpbench.study import QUICK, Prepared, Study, status
from bpbench.swept import derived, sweeps
from bpbench.timeline import timeline

#: How each kind of model is called in text.
LABELS: Final = {
    "hdnn": "HDNN",
    "linear": "linear potential (ridge)",
    "random-forest": "random forest",
    "lightgbm": "LightGBM",
    "n2p2": "potential of n2p2",
    "command": "program of others",
}

Json = dict[str, Any]
Floats = npt.NDArray[np.float64]


def findings(study: Study) -> Json:
    """Return the findings of a study.

    Parameters
    ----------
    study : Study
        From :func:`bpbench.study.conduct`.

    Returns
    -------
    dict
        JSON types; floats are finite.
    """
    prepared = study.prepared
    protocol = prepared.protocol
    variants = contestants(study)
    failures = [
        {
            "variant": variant["name"],
            "repeat": result["repeat"],
            "status": result["status"],
            "message": result["message"],
        }
        for variant in variants
        for result in variant["results"]
        if result["status"] != "done"
    ]
    return {
        "schema": SCHEMA,
        "bpbench": __version__,
        "protocol": {
            "name": protocol.name,
            "digest": prepared.digest,
            "quick": protocol.quick,
            "title": protocol.title or protocol.name,
            "question": protocol.question.strip(),
            "text": protocol.origin.text,
            "seed": protocol.seed,
            "command": _command(protocol),
            "formats": list(protocol.report.formats),
            "language": protocol.report.language,
        },
        "data": _data(prepared),
        "split": _split(prepared),
        "measure": _measure(study),
        "pool": {
            "name": protocol.pool,
            "size": 0 if prepared.pool is None else len(prepared.pool),
            "reconstructed": prepared.pool is not None and prepared.pool.reconstructed,
        },
        "sets": [_set(prepared, name) for name in protocol.sets],
        "agreement": agreements(study),
        "models": _models(prepared),
        "mean_level": MEAN_LEVEL,
        "metric": {**_metric(protocol.analysis.metric), "estimates": len(protocol.ways) > 1},
        "variants": variants,
        "sweeps": sweeps(prepared),
        "exploration": exploration(study),
        "costs": costs(study),
        "reserve": reserve.of_study(study),
        "probe": probed.probe(study),
        "constant": _constant(study),
        "published": [
            {**dataclasses.asdict(entry), "metric": _metric(entry.metric)} for entry in protocol.report.published
        ],
        "analysis": _analysis(study),
        **({} if (scored := forces(study)) is None else {"forces": scored}),
        "failures": failures,
        "jobs": _counts(study),
    }


def _metric(key: str) -> Json:
    known = metrics.metric(key)
    return {"key": known.key, "label": known.label, "unit": known.unit}


def _models(prepared: Prepared) -> list[Json]:
    """Return every model with its settings; of those that a sweep derived, from which and by which changes."""
    origins = derived(prepared)
    return [
        {
            "name": name,
            "kind": model.kind,
            "label": LABELS[model.kind],
            "values": _values(model),
            "base": origins.get(name, (None, None))[0],
            "changes": origins.get(name, (None, None))[1],
        }
        for name, model in prepared.protocol.models.items()
    ]


def _values(model: ModelSpec) -> Json:
    """Return the settings of a model; of files their names alone, as folders are those of one machine."""
    values = settings(model)
    for key in ("folder", "files", "templates"):
        if (given := getattr(model, key, None)) is not None:
            values[key] = Path(given).name if isinstance(given, str) else [Path(name).name for name in given]
    return values | ({"limit": model.limit} if isinstance(model, Command) else {})


def _counts(study: Study) -> dict[str, int]:
    """Return how many trainings were asked for, what became of them, and how many of them are different ones.

    Of the others, ``repeated`` are those that a contestant has for several repeats, as it is deterministic on their
    split, and ``shared`` those that it has in common with another contestant.
    """
    kinds = [status(result) for result in study.results.values()]
    trainings = study.prepared.trainings
    distinct = len(set(trainings.values()))
    own = len({(name, job) for (name, _), job in trainings.items()})
    return {
        "total": len(kinds),
        "done": kinds.count("done"),
        "failed": kinds.count("failed") + kinds.count("diverged"),
        "missing": kinds.count("missing"),
        "distinct": distinct,
        "repeated": len(kinds) - own,
        "shared": own - distinct,
    }


def _command(protocol: Protocol) -> str:
    """Return the command that makes these findings again, without the folders of one machine."""
    command = f"bpbench run {Path(protocol.origin.file).name}"
    if protocol.origin.data_option is not None:
        command += f" --data {Path(protocol.origin.data_option).name}"
    command += " --quick" if protocol.quick else ""
    programs = any(isinstance(model, Command) for model in protocol.models.values())
    return f"{command} --allow-commands" if programs else command


# ------------------------------------------------------------------------------------------- data, splits and sets


def _data(prepared: Prepared) -> Json:
    frames, source = prepared.frames, prepared.source
    per_atom = frames.energy / frames.atoms
    groups = []
    along = {found.name: found for found in trajectories(per_atom, frames.group)}
    for name in dict.fromkeys(str(group) for group in frames.group):
        chosen = np.flatnonzero(frames.group == name)
        temperature = None if frames.temperature is None else frames.temperature[chosen]
        force = None
        if frames.forces is not None:
            force = max(float(np.linalg.norm(frames.forces[frames.rows(int(f))], axis=1).max()) for f in chosen)
        groups.append(
            {
                "name": name,
                "frames": len(chosen),
                "blocks": len(set(frames.block[chosen].tolist())),
                "atoms_per_frame": _ends(frames.atoms[chosen], int),
                "temperature_k": None if temperature is None else _ends(temperature, float),
                "energy_ev_per_atom": [float(f(per_atom[chosen])) for f in (np.min, np.mean, np.max)],
                "force_max_ev_per_a": force,
                "tau_frames": along[name].tau,
                "effective_frames": along[name].effective,
                "tau_reliable": along[name].reliable,
            }
        )
    data = prepared.protocol.data
    return {
        "label": label(prepared),
        "method": readers.method(source) if isinstance(source, FrameSource) else None,
        "kind": data.kind,
        "file": Path(source.path).name,
        "sha256": source.sha256,
        "frames": len(frames),
        "atoms": int(frames.offsets[-1]),
        "atoms_per_frame": _ends(frames.atoms, int),
        "elements": frames.elements if isinstance(frames, Frames) else [],
        "columns": None if prepared.inputs.columns is None else len(prepared.inputs.columns),
        "groups": groups,
        "blocks": len(set(frames.block.tolist())),
        "blocks_declared": frames.blocks_declared,
        "remarks": [*_labelled(frames, source, prepared.inputs.columns or ()), *shares.untrained(prepared)],
    }


def label(prepared: Prepared) -> str:
    """Return what the data are called: the name of the sample, or that of the file.

    Parameters
    ----------
    prepared : Prepared
        The study.
    """
    data = prepared.protocol.data
    return readers.LABELS[data.sample] if isinstance(data, SampleData) else Path(prepared.source.path).name


def _labelled(data: Configurations, source: FrameSource | TableSource, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return where the labels of the data come from, and which columns of a table are its descriptors."""
    if isinstance(source, TableSource):
        return tables.remarks(data, source, columns)
    assert isinstance(data, Frames)
    return readers.remarks(data, source)


def _ends(values: npt.NDArray[Any], kind: type) -> list[Any]:
    return [kind(values.min()), kind(values.max())]


_SENTENCES: Final = {
    "fixed": "One split for all repeats; a repeat redraws everything else that is random (initial weights, batch "
    "order, trees). What is claimed holds given this split.",
    "resampled": "Every repeat redraws the reserve, the training and the validation frames. The "
    "reserves of two repeats overlap, which the Nadeau-Bengio test allows for.",
    "once": "The reserve is drawn once; each split redraws training and validation, and is trained once, with weights "
    "and batch order of its own. What is claimed holds given these data and this reserve.",
    "crossed": "The reserve is drawn once; each split redraws training and validation, and several "
    "seeds are averaged within each split first. What is claimed holds given these data and this reserve.",
}

_BY_ROLE: Final = (
    "The reserve is drawn once; each split redraws training and validation by whole blocks, and is trained from each "
    "of {weights} and in each of {order}{rerun}. All trainings of a split are averaged first. As the splits share "
    "these weights and orders, what is claimed holds given these data, this reserve, and these weights and orders."
)

_ROUNDS: Final = (
    "A round measures every set once, in an order drawn for that round, so that whatever slows the machine for a while "
    "slows all sets of the round. What is claimed holds for machines of this kind."
)


def _split(prepared: Prepared) -> Json:
    spec, roles = prepared.protocol.split, prepared.protocol.roles
    counts = [
        {
            "split_by": by,
            "split": number,
            "train": len(part.train),
            "validation": len(part.validation),
            "test": len(part.test),
            "train_blocks": part.train_blocks,
            "validation_blocks": part.validation_blocks,
            "test_blocks": part.test_blocks,
        }
        for by, parts in prepared.parts.items()
        for number, part in enumerate(parts)
    ]
    fresh = spec.fresh or ()
    return {
        "design": spec.design,
        "reserve": spec.reserve,
        "validation": spec.validation,
        "repeats": len(prepared.repeats),
        "splits": len(next(iter(prepared.parts.values()), ())),
        "ways": list(prepared.parts),
        "fresh": None
        if not fresh
        else {"groups": list(fresh), "frames": int(np.isin(prepared.frames.group, fresh).sum())},
        "counts": counts,
        "roles": None if roles is None else dataclasses.asdict(roles),
        "timeline": timeline(prepared),
        "sentence": given(prepared.protocol),
    }


def given(protocol: Protocol) -> str:
    """Return what the repeats of a study redraw, and given what its claims hold.

    Parameters
    ----------
    protocol : Protocol
        With its design.
    """
    if protocol.measure is not None:
        return _ROUNDS
    roles, design = protocol.roles, protocol.split.design
    if roles is None:
        return _SENTENCES["once" if design == "crossed" and protocol.per_split == 1 else design]
    return _BY_ROLE.format(
        weights=f"{roles.weights} initial weights" if roles.weights > 1 else "1 draw of initial weights",
        order=f"{roles.order} batch orders" if roles.order > 1 else "1 batch order",
        rerun=f", {roles.rerun} times over" if roles.rerun > 1 else "",
    )


def _measure(study: Study) -> Json | None:
    """Return what was timed and how, ``None`` where models were trained."""
    asked = study.prepared.protocol.measure
    if asked is None:
        return None
    (chosen,) = {job.chosen for job in study.prepared.trainings.values() if isinstance(job, TimeDescribe)}
    return {
        "kind": asked.kind,
        "frames": len(chosen),
        "atoms": int(study.prepared.frames.atoms[list(chosen)].sum()),
        "passes": timing.PASSES,
        "threads": 1,
    }


def _set(prepared: Prepared, name: str) -> Json:
    spec, chosen = prepared.protocol.sets[name], prepared.inputs.sets[name]
    entry = {
        "name": name,
        "preset": spec if isinstance(spec, str) else None,
        "size": len(chosen),
        "size_of": by_centre(chosen),
        "reconstructed": chosen.reconstructed,
        "table": None,
        "cut": _cut(spec) if isinstance(spec, Cut) else None,
    }
    if isinstance(chosen, ColumnSet):
        own = prepared.inputs.tables.get(name)
        source = prepared.source if own is None else own.source
        return entry | {
            "table": {"file": Path(source.path).name, "sha256": source.sha256},
            "functions": [{"name": column.name, "kind": "column"} for column in chosen],
        }
    return entry | {
        "functions": [
            {"name": f.name, **{item.name: getattr(f, item.name) for item in dataclasses.fields(f)}} for f in chosen
        ],
    }


def _cut(spec: Cut) -> Json:
    """Return what a set is cut from, and what is kept or left out."""
    return {"of": spec.cut} | {key: getattr(spec, key) for key in ("kinds", "r_s", "names", "without")}


# ---------------------------------------------------------------------------------------------------- the judgement


def _constant(study: Study) -> Json | None:
    """Return the scores of the constant predictor on the test frames, averaged over the splits.

    It is the mean over the training configurations: over all of them, where some contestant learned from all. Where
    contestants are split in different ways it is that of the baseline's.
    """
    prepared = study.prepared
    if prepared.protocol.measure is not None:
        return None
    way = prepared.protocol.ways[0]
    size = {
        variant.name: shares.configurations(prepared, variant.name)
        for variant in prepared.protocol.variants
        if variant.split_by == way
    }
    found: dict[str, dict[int, tuple[int, float]]] = {}  # trees say the one of energies or that of forces
    for (name, number), result in study.results.items():
        if name in size and isinstance(result, Outcome) and result.values["status"] == "done":
            split = prepared.repeats[number].split_number
            for key, score in result.values["constant"].items():
                by_split = found.setdefault(key, {})
                if split not in by_split or size[name][split] > by_split[split][0]:
                    by_split[split] = (size[name][split], score)
    if not found:
        return None
    means = {
        key: float(np.mean([score for _, score in found[key].values()]))
        for key in prepared.protocol.scored
        if key in found
    }
    return {"test": means, "split_by": way}


def _analysis(study: Study) -> Json:
    prepared = study.prepared
    analysis, rules = prepared.protocol.analysis, prepared.rules
    quick = prepared.protocol.quick
    ranking, unranked = (None, QUICK) if quick else standing.ranking(study)
    none = [None] * len(study.comparisons)
    posteriors = none if quick else standing.posteriors(study)
    sizes = none if quick else magnitudes.of_comparisons(study)
    redrawn = redrawings(rules.test, prepared.protocol.units)
    return {
        "metric": analysis.metric,
        "part": prepared.part,
        "test": rules.test,
        "redrawings": None if redrawn is None else {"count": redrawn[0], "all": redrawn[1]},
        "design": rules.design,
        "correction": rules.correction,
        "alpha": rules.alpha,
        "margin": None if rules.margin is None else rules.margin.plain,
        "margin_width": margin_width(rules.margin, study.comparisons),
        "baseline": analysis.baseline,
        "family": [list(pair) for pair in prepared.protocol.family],
        "power": rules.power,
        "units": prepared.protocol.units,
        "test_to_train": rules.test_to_train,
        "chosen_after": study.chosen_after or None,
        "first_step_alpha": prepared.hardest_alpha,
        "detectable_dz": None if quick else prepared.detectable_dz,
        "unequal": shares.unequal(prepared),
        "comparisons": [
            dataclasses.asdict(comparison) | {"bayes": posterior, "estimates": estimates}
            for comparison, posterior, estimates in zip(study.comparisons, posteriors, sizes, strict=True)
        ],
        "ranking": ranking,
        "unranked": unranked,
        **_co_primary(study),
    }


def _co_primary(study: Study) -> Json:
    """Return the comparisons by each further metric, and what all metrics say together; nothing without any."""
    if not study.co_primary:
        return {}
    prepared, found = study.prepared, []
    for key, rules in prepared.co_primary.items():
        comparisons = study.co_primary[key]
        found.append(
            {
                "metric": {**_metric(key), "estimates": len(prepared.protocol.ways) > 1},
                "margin": None if rules.margin is None else rules.margin.plain,
                "margin_width": margin_width(rules.margin, comparisons),
                "comparisons": [
                    dataclasses.asdict(comparison) | {"bayes": None, "estimates": None} for comparison in comparisons
                ],
            }
        )
    joint = together([study.comparisons, *study.co_primary.values()], prepared.rules.correction, prepared.rules.alpha)
    return {"co_primary": found, "joint": [dataclasses.asdict(entry) for entry in joint]}


def margin_width(margin: Margin | None, comparisons: Sequence[Comparison]) -> float | None:
    """Return what the margin comes to in the metric's unit: in all comparisons alike, or ``None``."""
    if margin is not None and margin.kind == "absolute":
        return margin.value
    widths = {comparison.margin_width for comparison in comparisons if comparison.n}
    return widths.pop() if len(widths) == 1 else None

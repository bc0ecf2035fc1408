r"""How well predicted forces are, as plain JSON: by component, by state and by how large the reference force is.

.. math::
    r = \frac{\sum_i |\hat{\mathbf F}_i - \mathbf F_i|^2}{\sum_i |\mathbf F_i|^2}

=========  =================  ================================================================
symbol     name in findings   meaning
=========  =================  ================================================================
F_i, F̂_i                      reference and predicted force on atom i of the test set (eV/Å)
r          ``of_zero``        squared error as a share of that of predicting zero everywhere
√r         ``relative``       the same as a root, of the atoms of a bin
=========  =================  ================================================================

A model whose r is about 1 knows no more of forces than that their mean is zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bpbench.jobs import Command, Hdnn, Linear, of_forces_alone
from bpbench.runner.store import Outcome
from bpbench.runner.work import TEST_FORCES
from bpbench.units import MEV_PER_EV

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bpbench.data.frames import Configurations, Floats, Ints
    from bpbench.jobs import ModelSpec
    from bpbench.study import Prepared, Study

Json = dict[str, Any]

#: Names of the components, and of all of them together.
COMPONENTS: Final = ("x", "y", "z", "all")
#: Shares of the test atoms below the edges between bins of \|F\|.
_QUANTILES: Final = (0.2, 0.4, 0.6, 0.8)
#: Most components of a parity plot that are kept.
PARITY_POINTS: Final = 600


def forces(study: Study) -> Json | None:
    """Return the errors of predicted forces on the test set, ``None`` where none are scored.

    Parameters
    ----------
    study : Study
        From :func:`bpbench.study.conduct`.

    Returns
    -------
    dict or None
        ``edges_ev_per_a``: ends of the bins of the length of F, from the test set of the first split. ``variants``:
        those with forces, errors in meV/Å per component, means over the repeats; ``way`` is ``slope`` of the energy,
        ``components`` where a model predicts these by themselves, or ``program`` where somebody else's says them;
        ``learned``: whether forces were learned beside energies. ``without``: names of those that have none.
    """
    prepared = study.prepared
    if not prepared.protocol.scores_forces:
        return None
    frames = prepared.frames
    assert frames.forces is not None  # the data were refused otherwise
    base = prepared.protocol.analysis.baseline
    sizes = np.linalg.norm(_reference(frames, prepared.parts_of(base)[0].test), axis=1)
    edges = np.quantile(sizes, (0.0, *_QUANTILES, 1.0))
    found, without = [], []
    for variant in prepared.protocol.variants:
        done = _done(study, variant.name)
        if done:
            model = prepared.protocol.models[str(variant.model)]
            own = {
                "way": _way(model),
                "invariant": not prepared.protocol.of_columns(variant.set),
                "learned": isinstance(model, Hdnn | Linear) and model.forces is not None,
            }
            found.append({"name": variant.name, **own, **_variant(prepared, variant.name, done, edges)})
        elif not prepared.protocol.has_forces(variant):
            without.append(variant.name)
    return {"edges_ev_per_a": edges.tolist(), "variants": found, "without": without}


def _way(model: ModelSpec) -> str:
    """Return where a model's forces come from."""
    if of_forces_alone(model):
        return "components"
    return "program" if isinstance(model, Command) else "slope"


def _done(study: Study, name: str) -> list[tuple[int, Floats]]:
    """Return the repeats of a variant that succeeded, with the forces they predicted."""
    return [
        (number, np.asarray(outcome.arrays[TEST_FORCES]))
        for number in range(len(study.prepared.repeats))
        if isinstance(outcome := study.results.get((name, number)), Outcome) and TEST_FORCES in outcome.arrays
    ]


def _variant(prepared: Prepared, name: str, done: Sequence[tuple[int, Floats]], edges: Floats) -> Json:
    frames, parts = prepared.frames, prepared.parts_of(name)
    rows = []
    for number, predicted in done:
        test = parts[prepared.repeats[number].split_number].test
        reference = _reference(frames, test)
        states = np.repeat(frames.group[test], frames.atoms[test])
        rows.append((reference, predicted - reference, states))
    return {
        "n": len(done),
        "components": _components([error for _, error, _ in rows]),
        "zero": _components([reference for reference, _, _ in rows]),
        "of_zero": _of_zero([(reference, error) for reference, error, _ in rows]),
        "states": _by_state(rows, list(dict.fromkeys(str(group) for group in frames.group))),
        "sizes": _by_size(rows, edges),
        "parity": _parity(*rows[0][:2], done[0][0]),
    }


def _of_zero(rows: Sequence[tuple[Floats, Floats]]) -> float | None:
    """Return the squared error as a share of that of zero, mean over the repeats whose forces are not all zero."""
    shares = [np.sum(error**2) / power for reference, error in rows if (power := np.sum(reference**2)) > 0]
    return float(np.mean(shares)) if shares else None


def _reference(frames: Configurations, chosen: Ints) -> Floats:
    assert frames.forces is not None
    return np.concatenate([frames.forces[frames.rows(int(frame))] for frame in chosen])


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(values**2)) * MEV_PER_EV)


def _components(errors: Sequence[Floats]) -> Json:
    """Return the root mean square of each component and of all, meV/Å, means over the repeats."""
    columns = [[_rms(error[:, axis]) for axis in range(3)] + [_rms(error)] for error in errors]
    return dict(zip(COMPONENTS, np.mean(columns, axis=0).tolist(), strict=True))


Row = tuple["Floats", "Floats", Any]


def _by_state(rows: Sequence[Row], names: Sequence[str]) -> list[Json]:
    made = []
    for name in names:
        chosen = [(reference[mine], error[mine]) for reference, error, states in rows if (mine := states == name).any()]
        if chosen:
            made.append({"name": name, "repeats": len(chosen), **_errors(chosen)})
    return made


def _by_size(rows: Sequence[Row], edges: Floats) -> list[Json]:
    """Return errors by the length of the reference force; the first and the last bin have no outer end."""
    bins = [np.searchsorted(edges[1:-1], np.linalg.norm(reference, axis=1)) for reference, _, _ in rows]
    made = []
    for place in range(len(edges) - 1):
        chosen = [
            (reference[mine], error[mine])
            for (reference, error, _), places in zip(rows, bins, strict=True)
            if (mine := places == place).any()
        ]
        made.append(_errors(chosen) if chosen else {"atoms": 0, "rmse": None, "zero": None, "relative": None})
    return made


def _errors(chosen: Sequence[tuple[Floats, Floats]]) -> Json:
    """Return errors on some atoms, means over the repeats; relative to the reference forces of these atoms."""
    powers = [np.sum(reference**2) for reference, _ in chosen]
    ratios = [np.sqrt(np.sum(error**2) / power) for (_, error), power in zip(chosen, powers, strict=True) if power > 0]
    return {
        "atoms": round(float(np.mean([len(error) for _, error in chosen]))),
        "rmse": float(np.mean([_rms(error) for _, error in chosen])),
        "zero": float(np.mean([_rms(reference) for reference, _ in chosen])),
        "relative": float(np.mean(ratios)) if ratios else None,
    }


def _parity(reference: Floats, error: Floats, repeat: int) -> Json:
    """Return components of one repeat, evenly picked: every third number is that of another axis."""
    total = reference.size
    picked = np.arange(total)
    if total > PARITY_POINTS:
        # so many atoms evenly, and of each one component: x, y, z in turn
        atoms = np.linspace(0, len(reference) - 1, PARITY_POINTS).round().astype(int)
        picked = 3 * atoms + np.arange(PARITY_POINTS) % 3
    flat = reference.ravel()[picked]
    return {
        "reference_ev_per_a": flat.tolist(),
        "predicted_ev_per_a": (flat + error.ravel()[picked]).tolist(),
        "axis": [COMPONENTS[place] for place in picked % 3],
        "repeat": repeat,
        "total": int(total),
    }

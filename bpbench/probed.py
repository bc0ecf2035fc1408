"""What came of putting the winner's potentials to work, as plain JSON: energies over volumes, and g(r)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bpbench import probes
from bpbench.data import aluminium
from bpbench.data.frames import Frames
from bpbench.elements import symbol
from bpbench.probing.distribution import first_peak
from bpbench.probing.equation_of_state import equilibrium
from bpbench.runner.executed import Failure
from bpbench.runner.store import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from bpbench.data.frames import Floats
    from bpbench.study import Study
    from bpbench.winner import Winner

Json = dict[str, Any]


#: Points of the data that are kept of each state, spread evenly over its frames.
POINTS: Final = 60
#: Numbers of a fit and their places in findings.
_FITTED: Final = ("volume", "energy", "modulus", "derivative")


def probe(study: Study) -> Json | None:
    """Return what the winner's potentials answered; ``None`` where the protocol asks for nothing.

    Parameters
    ----------
    study : Study
        From :func:`bpbench.study.conduct`.

    Returns
    -------
    dict or None
        ``best``: the contestant with the best mean; ``variant``: the one that was probed, another one or none where the
        best has no potential (``without`` says why); ``stretch`` and ``md``.
    """
    winner = study.winner
    if winner is None:
        return None
    return {
        "best": winner.best,
        "without": winner.without,
        "variant": winner.variant,
        "repeats": len(study.prepared.repeats),
        "stretch": None if winner.variant is None else _stretch(study, winner),
        "md": _md(study, winner) if winner.data is not None else None,
    }


def _frames(study: Study) -> Frames:
    frames = study.prepared.frames
    assert isinstance(frames, Frames)  # tables are refused
    return frames


def _done(outcome: Outcome | Failure) -> Outcome | None:
    return None if isinstance(outcome, Failure) else outcome


def _failed(answers: Mapping[int, Outcome | Failure]) -> list[Json]:
    """Return which jobs failed, and why."""
    return [
        {"repeat": number, "message": answer.message}
        for number, answer in answers.items()
        if isinstance(answer, Failure)
    ]


# ------------------------------------------------------------------------------------------------ energy over volume


def _stretch(study: Study, winner: Winner) -> Json:
    frames, protocol = _frames(study), study.prepared.protocol
    assert protocol.probe is not None
    frame, same = probes.alike(frames)
    atoms = int(frames.atoms[frame])
    own = float(probes.volumes(frames, np.array([frame]))[0])
    volumes = own * np.array(probes.scales(protocol))
    # repeats that share a training (a ridge on one split) are one potential, told as the first of them
    first = {job: number for number, job in reversed(list(winner.stretches.items()))}
    answers = {number: study.probed[job] for number, job in winner.stretches.items() if first[job] == number}
    repeats = [
        _curve(volumes, answer, atoms, protocol.probe.range) | {"repeat": number}
        for number, found in answers.items()
        if (answer := _done(found)) is not None
    ]
    truth = None if winner.truth is None else _done(study.probed[winner.truth])
    known = None if truth is None else _curve(volumes, truth, atoms, protocol.probe.range)
    return {
        "frame": int(frames.id[frame]),
        "state": str(frames.group[frame]),
        "atoms": atoms,
        "formula": _formula(probes.composition(frames, frame)),
        "volume_a3_per_atom": own,
        "range": protocol.probe.range,
        "volumes_a3_per_atom": volumes.tolist(),
        "repeats": repeats,
        "mean": _over(repeats),
        "fit": {key: _spread([entry["fit"][key] for entry in repeats if entry["fit"] is not None]) for key in _FITTED},
        "method": None if known is None else aluminium.METHOD,
        "truth": known,
        "data": _points(frames, same),
        "data_volumes_a3_per_atom": [float(ends(probes.volumes(frames, same))) for ends in (np.min, np.max)],
        "left_out": len(frames) - len(same),
        "failed": _failed(answers),
    }


def _formula(parts: probes.Composition) -> str:
    return "".join(symbol(number) + (str(count) if count > 1 else "") for number, count in parts)


def _curve(volumes: Floats, answer: Outcome, atoms: int, reach: float) -> Json:
    """Return energies per atom (eV) over volumes, the share of descriptors out of range, and the curve's minimum."""
    energies = np.asarray(answer.arrays["energy"]) / atoms
    finite = bool(np.isfinite(energies).all())
    # half of the range: far from the minimum a cubic says more of what is far than of where the minimum is
    fitted = equilibrium(volumes, energies, within=reach / 2)
    return {
        "energies_ev_per_atom": energies.tolist() if finite else None,
        "beyond": np.asarray(answer.arrays["beyond"]).tolist() if "beyond" in answer.arrays else None,
        "fit": None if fitted is None else dataclasses.asdict(fitted),
    }


def _over(repeats: Sequence[Json]) -> Json | None:
    """Return mean, spread and ends over the repeats at each volume."""
    finite = [entry for entry in repeats if entry["energies_ev_per_atom"] is not None]
    if not finite:
        return None
    curves, beyond = (np.array([entry[key] for entry in finite]) for key in ("energies_ev_per_atom", "beyond"))
    return {
        "n": len(curves),
        "energy": curves.mean(axis=0).tolist(),
        "sd": curves.std(axis=0, ddof=1).tolist() if len(curves) > 1 else None,
        "low": curves.min(axis=0).tolist(),
        "high": curves.max(axis=0).tolist(),
        "beyond": beyond.mean(axis=0).tolist(),
    }


def _spread(values: Sequence[float]) -> Json | None:
    """Return mean, spread and ends of a number over the repeats that have it."""
    if not values:
        return None
    found = np.array(values)
    return {
        "n": len(found),
        "mean": float(found.mean()),
        "sd": float(found.std(ddof=1)) if len(found) > 1 else None,
        "low": float(found.min()),
        "high": float(found.max()),
    }


def _points(frames: Frames, same: npt.NDArray[np.int64]) -> list[Json]:
    """Return volume and energy per atom of the data's frames by state, of large states some that lie evenly."""
    made = []
    for name in dict.fromkeys(str(group) for group in frames.group[same]):
        chosen = same[frames.group[same] == name]
        total = len(chosen)
        if total > POINTS:
            chosen = chosen[np.linspace(0, total - 1, POINTS).round().astype(int)]
        energies = frames.energy[chosen] / frames.atoms[chosen]
        volumes = probes.volumes(frames, chosen)
        made.append({"name": name, "total": total, "volumes": volumes.tolist(), "energies": energies.tolist()})
    return made


# ------------------------------------------------------------------------------------------------------------- g(r)


def _md(study: Study, winner: Winner) -> Json:
    """Return how the runs of dynamics went, and their g(r) beside that of the data."""
    protocol, data = study.prepared.protocol, winner.data
    assert protocol.probe is not None
    assert protocol.probe.md is not None
    assert data is not None
    asked = next(iter(winner.runs.values()))
    borders = np.linspace(0, data.reach, data.bins + 1)
    answer = _done(study.probed[data])
    own = None if answer is None else np.asarray(answer.arrays["g"])
    answers = {number: study.probed[job] for number, job in winner.runs.items()}
    return {
        "state": protocol.probe.md.state,
        "temperature_k": asked.temperature,
        "steps": asked.steps,
        "timestep_fs": asked.timestep,
        "friction_per_fs": asked.friction,
        "settle": asked.settle,
        "every": asked.every,
        "frame": int(study.prepared.frames.id[asked.frame]),
        "atoms": int(study.prepared.frames.atoms[asked.frame]),
        "r_a": ((borders[:-1] + borders[1:]) / 2).tolist(),
        "data": None if own is None else _of_data(own, borders),
        "runs": [
            _run(found, borders, own, asked.settle) | {"repeat": number, "role": role}
            for (number, answer), role in zip(answers.items(), ("best", "worst"), strict=False)
            if (found := _done(answer)) is not None
        ],
        "failed": _failed(answers),
    }


def _of_data(own: Floats, borders: Floats) -> Json:
    """Return g(r) of the data's frames, and how far those of the two halves of the frames lie apart."""
    half = len(own) // 2
    apart = float(np.abs(own[:half].mean(axis=0) - own[half:].mean(axis=0)).mean()) if half else None
    g = own.mean(axis=0)
    return {"frames": len(own), "g": g.tolist(), "peak": _peak(g, borders), "halves": apart}


def _peak(g: Floats, borders: Floats) -> Json | None:
    found = first_peak(g, borders)
    return None if found is None else {"r_a": found[0], "height": found[1]}


def _run(answer: Outcome, borders: Floats, own: Floats | None, settle: int) -> Json:
    heat, beyond = (np.asarray(answer.arrays[key]) for key in ("temperature", "beyond"))
    g = np.asarray(answer.arrays["g"]) if "g" in answer.arrays else None
    counted = heat[settle + 1 :]
    return {
        "reason": answer.values["reason"],
        "made": len(heat) - 1,
        "counted": answer.values["counted"],
        "temperature_k": float(counted.mean()) if len(counted) else None,
        "temperature_sd": float(counted.std(ddof=1)) if len(counted) > 1 else None,
        "hottest_k": float(heat.max()) if len(heat) else None,
        "steps_beyond": float((beyond > 0).mean()) if len(beyond) else None,
        "beyond": float(beyond.mean()) if len(beyond) else None,
        "g": None if g is None else g.tolist(),
        "peak": None if g is None else _peak(g, borders),
        "apart": None if g is None or own is None else float(np.abs(g - own.mean(axis=0)).mean()),
    }

r"""An audit of frames to read before training: what is in them, and what looks wrong.

Robust z-scores tell outliers: :math:`z = (x - \mathrm{median}) / (1.4826\,\mathrm{MAD})` within a group, with MAD the
median absolute deviation (Iglewicz and Hoaglin, 1993). The factor makes it a standard deviation for normal data.

Units are checked three ways. Neighbours should stand about two covalent radii apart. Energies should grow with the
number of atoms. And energies and forces should belong together: between frames n and n+1 of one group the trapezoidal
rule gives

.. math:: \Delta E \approx -\tfrac12 \sum_i (F_i^n + F_i^{n+1}) \cdot \Delta R_i,

exactly so for a harmonic solid, so that the slope of the one against the other is 1 in any consistent units. Only pairs
whose atoms all move by less than a fifth of a bond are asked.

=========  ===============================  ==========================================
symbol     name                             meaning
=========  ===============================  ==========================================
ΔE         ``change``                       energy of frame n+1 less that of n (eV)
F_i        ``frames.forces``                force on atom i (eV/Å)
ΔR_i       ``move``                         shortest periodic displacement of i (Å)
=========  ===============================  ==========================================

How many independent frames each trajectory is worth is told by the autocorrelation time of its energies, and of its
descriptors where these are given; see :mod:`bpbench.data.blocks`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bpbench.data import audit
from bpbench.data.blocks import trajectories
from bpbench.data.geometry import displacements, duplicates, nearest_distances, widths
from bpbench.statistics.autocorrelation import autocorrelation

if TYPE_CHECKING:
    from bpbench.data.frames import Floats, Frames, Ints

#: Robust z-score beyond which a frame is called an outlier.
OUTLIER_Z: Final = 6.0
#: Fewest frames of a group in which an outlier can be told.
OUTLIER_FRAMES: Final = 10
#: Pairs of frames needed for the slope of energy change against work, and how far an atom may move between the two, in
#: units of the nearest-neighbour distance.
SLOPE_PAIRS: Final = 5
SLOPE_MOVE: Final = 0.2
#: Triples of frames needed for the ratio of mean square displacements.
BALLISTIC_FRAMES: Final = 5


def inspect(frames: Frames, label: str, *, r_c: float = 6.8, means: Floats | None = None) -> dict[str, Any]:
    """Audit frames.

    Parameters
    ----------
    frames : Frames
        What to look at.
    label : str
        Name of the data, repeated in the answer.
    r_c : float
        Cutoff (Å) with which cells are compared.
    means : ndarray, shape (F, D), optional
        Descriptors averaged over the atoms of each frame.

    Returns
    -------
    dict
        Plain JSON. Energies in eV per atom, forces in eV/Å, lengths in Å, volumes in Å³ per atom; frames by their
        number in the source, from 0. ``findings`` are sentences about what looks wrong, ``notes`` about what is worth
        knowing; ``null`` stands where a quantity has no meaning.
    """
    per_atom = frames.energy / frames.atoms
    nearest = [nearest_distances(frames, frame) for frame in range(len(frames))]
    force = None if frames.forces is None else _per_frame(np.linalg.norm(frames.forces, axis=1), frames, np.maximum)
    net = None if frames.forces is None else np.linalg.norm(np.add.reduceat(frames.forces, frames.offsets[:-1]), axis=1)
    middle = float(np.median(np.concatenate(nearest)))
    twins = duplicates(frames, nearest)
    outliers = _outliers(frames, per_atom, "energy") + ([] if force is None else _outliers(frames, force, "force"))
    narrow = widths(frames)
    report: dict[str, Any] = {
        "label": label,
        "frames": len(frames),
        "atoms": int(frames.atoms.sum()),
        "atoms_per_frame": _range(frames.atoms),
        "elements": frames.elements,
        "periodic": _periodic(frames),
        "groups": [_group(frames, name, per_atom, force) for name in dict.fromkeys(frames.group.tolist())],
        "blocks": len(np.unique(frames.block)),
        "blocks_declared": frames.blocks_declared,
        "energy_per_atom": _range(per_atom),
        "force": None if force is None else _range(force),
        "net_force": None if net is None else {"largest": float(net.max()), "frame": int(frames.id[np.argmax(net)])},
        "volume_per_atom": _range(_volumes(frames)),
        "narrowest_cell": _range(narrow),
        "closest_pair": _closest(frames, nearest),
        "nearest_neighbour": _number(middle),
        "energy_force_slope": _slope(frames, middle),
        "duplicates": [
            {
                "frames": [int(frames.id[one]), int(frames.id[other])],
                "blocks": [str(frames.block[one]), str(frames.block[other])],
                "energy_difference": float(abs(per_atom[other] - per_atom[one])),
            }
            for one, other in twins
        ],
        "outliers": outliers,
        "trajectories": _trajectories(frames, per_atom, means),
    }
    report["findings"] = audit.findings(report, frames, OUTLIER_Z)
    report["notes"] = audit.notes(report, frames, narrow, r_c)
    return report


# --------------------------------------------------------------------------------------------------- quantities


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _range(values: Any) -> dict[str, float] | None:
    """Return least, mean and largest of the finite values, or nothing if there are none."""
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    return (
        None if not len(known) else {"min": float(known.min()), "mean": float(known.mean()), "max": float(known.max())}
    )


def _per_frame(of_atoms: Floats, frames: Frames, reduce: np.ufunc) -> Floats:
    return np.asarray(reduce.reduceat(of_atoms, frames.offsets[:-1]), dtype=np.float64)


def _closest(frames: Frames, nearest: list[Floats]) -> dict[str, float | int] | None:
    least = np.array([distances.min() for distances in nearest])
    frame = int(np.argmin(least))
    return {"distance": float(least[frame]), "frame": int(frames.id[frame])} if np.isfinite(least[frame]) else None


def _volumes(frames: Frames) -> Floats:
    volumes = np.abs(np.linalg.det(frames.cells)) / frames.atoms
    return np.where(frames.pbc.all(axis=1), volumes, np.nan)


def _periodic(frames: Frames) -> str:
    whole, some = frames.pbc.all(axis=1), frames.pbc.any(axis=1)
    if whole.all():
        return "all directions"
    return "some frames or directions" if some.any() else "none"


def _group(frames: Frames, name: str, per_atom: Floats, force: Floats | None) -> dict[str, Any]:
    chosen = np.flatnonzero(frames.group == name)
    energies = per_atom[chosen]
    spread = float(energies.std(ddof=1)) if len(energies) > 1 else None
    known = None if frames.temperature is None else frames.temperature[chosen]
    return {
        "name": name,
        "frames": len(chosen),
        "blocks": len(np.unique(frames.block[chosen])),
        "atoms_per_frame": _range(frames.atoms[chosen]),
        "temperature_k": None if known is None else _range(known),
        "energy_per_atom": {**(_range(energies) or {}), "sd": spread},
        "force": None if force is None else _range(force[chosen]),
        "volume_per_atom": _range(_volumes(frames)[chosen]),
        "displacement_ratio": _ballistic(frames, chosen),
    }


def _trajectories(frames: Frames, per_atom: Floats, means: Floats | None) -> list[dict[str, Any]]:
    """Return how long each trajectory remembers, in frames, and what that asks of blocks."""
    found: list[dict[str, Any]] = []
    for told in trajectories(per_atom, frames.group):
        entry = {
            "name": told.name,
            "frames": told.frames,
            "tau": told.tau,
            "tau_error": told.error,
            "effective_frames": told.effective,
            "reliable": told.reliable,
            "block_length": told.block_length,
            "guard": told.guard,
            "descriptors": None,
        }
        if means is not None:
            entry["descriptors"] = _of_columns(means[frames.group == told.name])
        found.append(entry)
    return found


def _of_columns(means: Floats) -> dict[str, Any]:
    """Return the median and the largest τ over the descriptors, and how many of them never change."""
    found = autocorrelation(means)
    tau = found.tau[np.isfinite(found.tau)]
    return {
        "tau_median": float(np.median(tau)) if len(tau) else None,
        "tau_largest": float(tau.max()) if len(tau) else None,
        "largest": int(np.nanargmax(found.tau)) if len(tau) else None,
        "reliable": bool(len(tau)) and bool(found.reliable[np.isfinite(found.tau)].all()),
        "constant": int(np.isnan(found.tau).sum()),
    }


def _ballistic(frames: Frames, chosen: Ints) -> float | None:
    """Return how far atoms move in one step between saved frames against two, as a ratio of mean square displacements.

    It is 1/4 for atoms that fly straight on (frames saved so densely that they are near copies), 1/2 for diffusion, and
    1 for independent frames of a solid. The medians over the group keep the jumps between trajectories out.
    """
    moves = []
    for first, second, third in zip(chosen[:-2], chosen[1:-1], chosen[2:], strict=True):
        once, twice = displacements(frames, first, second), displacements(frames, first, third)
        if once is not None and twice is not None:
            moves.append([float(np.sum(once**2)) / len(once), float(np.sum(twice**2)) / len(twice)])
    if len(moves) < BALLISTIC_FRAMES:
        return None
    once_squared, twice_squared = np.median(np.array(moves), axis=0)
    return float(once_squared / twice_squared) if twice_squared > 0 else None


def _outliers(frames: Frames, values: Floats, quantity: str) -> list[dict[str, Any]]:
    """List frames whose value stands far out of its group.

    Energies count on both sides. Largest forces have long tails, so their logarithms are compared, and only upwards.
    """
    found = []
    force = quantity == "force"
    for name in dict.fromkeys(frames.group.tolist()):
        chosen = np.flatnonzero((frames.group == name) & (values > 0 if force else True))
        scale = np.log(values[chosen]) if force else values[chosen]
        if len(chosen) < OUTLIER_FRAMES:
            continue
        middle = np.median(scale)
        mad = np.median(np.abs(scale - middle))
        if mad <= 1e-9 * abs(middle):
            continue  # half of the values are equal: there is no spread to measure by
        z = (scale - middle) / (1.4826 * mad)
        far = (z if force else np.abs(z)) > OUTLIER_Z
        found += [
            {
                "frame": int(frames.id[frame]),
                "group": name,
                "quantity": quantity,
                "value": float(values[frame]),
                "z": float(score),
            }
            for frame, score in zip(chosen[far], z[far], strict=True)
        ]
    return found


def _slope(frames: Frames, bond: float) -> dict[str, float | int] | None:
    """Fit ΔE against the work of the mean forces over pairs of consecutive frames; see the module's equation."""
    if frames.forces is None:
        return None
    works, changes, sizes = [], [], []
    for frame in range(len(frames) - 1):
        move = displacements(frames, frame, frame + 1)
        if (
            move is None
            or frames.group[frame] != frames.group[frame + 1]
            or not 0 < np.linalg.norm(move, axis=1).max() < SLOPE_MOVE * bond
        ):
            continue
        pull = frames.forces[frames.rows(frame)] + frames.forces[frames.rows(frame + 1)]
        works.append(-0.5 * float(np.sum(pull * move)))
        changes.append(float(frames.energy[frame + 1] - frames.energy[frame]))
        sizes.append(int(frames.atoms[frame]))
    work, change = np.array(works), np.array(changes)
    if len(work) < SLOPE_PAIRS or not work.any() or not change.any():
        return None
    correlation = float(work @ change / np.sqrt((work @ work) * (change @ change)))
    slope = float(work @ change / (work @ work))
    return {"slope": slope, "correlation": correlation, "pairs": len(work), "atoms": float(np.mean(sizes))}

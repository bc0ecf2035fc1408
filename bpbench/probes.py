"""Which frames a protocol's ``probe`` looks at, whether the data have them, and the jobs that ask for them."""

from __future__ import annotations

from collections import Counter
from math import gcd
from typing import TYPE_CHECKING, Final

import numpy as np

from bpbench.data.frames import Frames
from bpbench.errors import ProtocolError, nearest
from bpbench.identity import seed
from bpbench.jobs import Distribute, MakeFrames, Simulate, Stretch, Train
from bpbench.probing.distribution import edges, reach

if TYPE_CHECKING:
    from bpbench.data.frames import Configurations, Floats, Ints
    from bpbench.protocol import Protocol
    from bpbench.protocol.uses import Dynamics

#: Width of a bin of g(r), Å, furthest r that is looked at, and frames of the data that are counted at most.
BIN: Final = 0.05
FURTHEST: Final = 10.0
FRAMES: Final = 200

Composition = tuple[tuple[int, int], ...]


def check(protocol: Protocol, frames: Configurations) -> None:
    """Refuse a probe that the data cannot answer: without periodic frames, the named state or its temperature.

    Parameters
    ----------
    protocol : Protocol
        With or without a probe.
    frames : Configurations
        Its data.

    Raises
    ------
    ProtocolError
        With file, line and path.
    """
    if protocol.probe is None:
        return
    where = protocol.origin.where
    assert isinstance(frames, Frames)  # tables were refused before
    if not len(bulk(frames)):
        raise ProtocolError(
            f"{where('probe')}: volumes are those of frames that are periodic in all three directions, and none of "
            f"these {len(frames)} is; leave 'probe' out."
        )
    md = protocol.probe.md
    if md is None:
        return
    groups = dict.fromkeys(str(group) for group in frames.group)
    if md.state not in groups:
        raise ProtocolError(
            f"{where('probe', 'md', 'state')}: the data have no state '{md.state}'{nearest(md.state, groups)}"
        )
    if not len(of_state(frames, md.state)):
        raise ProtocolError(
            f"{where('probe', 'md', 'state')}: g(r) is that of frames that are periodic in all three directions, and "
            f"none of '{md.state}' is; name another state, or leave 'md' out."
        )
    if temperature(md, frames) is None:
        raise ProtocolError(
            f"{where('probe', 'md')}: the data say no temperature of '{md.state}'; give 'temperature' in K."
        )


def bulk(frames: Frames) -> Ints:
    """Return the numbers of the frames that are periodic in all three directions."""
    return np.flatnonzero(frames.pbc.all(axis=1)).astype(np.int64)


def of_state(frames: Frames, state: str) -> Ints:
    """Return the numbers of a state's frames that are periodic in all three directions."""
    return np.array([frame for frame in bulk(frames) if frames.group[frame] == state], dtype=np.int64)


def temperature(md: Dynamics, frames: Frames) -> float | None:
    """Return the temperature (K) of a run of dynamics: the one that is asked for, or that of the state."""
    if md.temperature is not None or frames.temperature is None:
        return md.temperature
    told = float(frames.temperature[of_state(frames, md.state)[0]])
    return told if told > 0 else None


def volumes(frames: Frames, chosen: Ints) -> Floats:
    """Return the volumes of some frames in Å³ per atom."""
    found: Floats = np.abs(np.linalg.det(frames.cells[chosen])) / frames.atoms[chosen]
    return found


def composition(frames: Frames, frame: int) -> Composition:
    """Return the elements of a frame and how many atoms of each there are in the smallest whole numbers."""
    counts = Counter(frames.species[frames.rows(frame)].tolist())
    share = gcd(*counts.values())
    return tuple(sorted((element, count // share) for element, count in counts.items()))


def alike(frames: Frames) -> tuple[int, Ints]:
    """Return the frame that is stretched, and the periodic frames of its composition.

    It is the one of least energy per atom among those of the most frequent composition: energies of others are on
    other scales.
    """
    periodic = bulk(frames)
    kinds = [composition(frames, int(frame)) for frame in periodic]
    ((often, _),) = Counter(kinds).most_common(1)
    same = periodic[np.array([kind == often for kind in kinds])]
    per_atom = frames.energy[same] / frames.atoms[same]
    return int(same[np.argmin(per_atom)]), same


def scales(protocol: Protocol) -> tuple[float, ...]:
    """Return the volumes to be asked for, as multiples of that of the frame."""
    asked = protocol.probe
    assert asked is not None
    return tuple(np.linspace(1 - asked.range, 1 + asked.range, asked.volumes).tolist())


def stretch(protocol: Protocol, make: MakeFrames, frames: Frames, training: Train | None) -> Stretch:
    """Return the job that asks one potential, or EMT, for energies over volumes."""
    return Stretch(make, alike(frames)[0], scales(protocol), training)


def simulate(protocol: Protocol, frames: Frames, training: Train) -> Simulate:
    """Return the run of dynamics with one potential."""
    assert protocol.probe is not None
    md = protocol.probe.md
    assert md is not None
    heat, chosen = temperature(md, frames), of_state(frames, md.state)
    assert heat is not None  # refused before
    furthest, bins = _bins(frames, chosen)
    return Simulate(
        training=training,
        frame=int(chosen[0]),
        temperature=heat,
        steps=md.steps,
        timestep=md.timestep,
        friction=md.friction,
        settle=md.steps // 5 if md.settle is None else md.settle,
        every=md.every,
        seed=seed(protocol.seed, "probe", "md"),
        reach=furthest,
        bins=bins,
    )


def distribute(protocol: Protocol, make: MakeFrames, frames: Frames) -> Distribute:
    """Return the job that counts g(r) of the data's frames of the state."""
    assert protocol.probe is not None
    assert protocol.probe.md is not None
    chosen = of_state(frames, protocol.probe.md.state)
    furthest, bins = _bins(frames, chosen)
    if len(chosen) > FRAMES:
        chosen = chosen[np.linspace(0, len(chosen) - 1, FRAMES).round().astype(int)]
    return Distribute(make, tuple(chosen.tolist()), furthest, bins)


def _bins(frames: Frames, chosen: Ints) -> tuple[float, int]:
    """Return how far g(r) of a state is looked at, and in how many bins."""
    furthest = min(FURTHEST, *(reach(frames.cells[frame]) for frame in chosen))
    return furthest, len(edges(furthest, BIN)) - 1

"""What a trained potential is asked besides its scores: energies over volumes, and a run of dynamics with its g(r)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bpbench.errors import RequestError
from bpbench.features import Column
from bpbench.jobs import Hdnn, Linear
from bpbench.potential import Potential
from bpbench.probing import dynamics
from bpbench.probing.distribution import radial_distribution
from bpbench.probing.known import emt
from bpbench.runner.store import Outcome

if TYPE_CHECKING:
    from bpbench.data.frames import Frames
    from bpbench.jobs import Distribute, Simulate, Stretch, Train


def potential(training: Train, trained: Outcome, frames: Frames) -> Potential:
    """Return the potential of a training that succeeded.

    Parameters
    ----------
    training : Train
        What was fitted.
    trained : Outcome
        Its result.
    frames : Frames
        The data it was fitted to.

    Raises
    ------
    RequestError
        For a training without a potential: one that diverged, trees, or inputs that no structure gives.
    """
    if (
        not isinstance(training.model, Hdnn | Linear)
        or any(isinstance(item, Column) for item in training.functions)
        or trained.values["status"] != "done"
    ):
        raise RequestError(
            "Only a network or a linear potential on symmetry functions, whose training succeeded, can be probed; "
            f"found {training.model.kind} ({trained.values['status']})."
        )
    return Potential.of(training, trained.arrays, frames.elements)


def stretch(job: Stretch, frames: Frames, trained: Outcome | None) -> Outcome:
    """Evaluate a frame at several volumes.

    Parameters
    ----------
    job : Stretch
        What is asked.
    frames : Frames
        The data.
    trained : Outcome or None
        Result of its training, if it has one.

    Returns
    -------
    Outcome
        ``energy`` (eV) and, of a potential, ``beyond``: the share of all (descriptor, atom) pairs outside their ranges
        over the training atoms, at each volume.
    """
    rows, cell = frames.rows(job.frame), frames.cells[job.frame]
    positions, species = frames.positions[rows], frames.species[rows]
    lengths = np.cbrt(np.array(job.scales))
    if job.training is None:
        energies = [emt(positions * length, cell * length, species) for length in lengths]
        return Outcome({"status": "done"}, {"energy": np.array(energies)})
    assert trained is not None  # its training is among its needs
    answers = [
        made.answer(positions * length, cell * length, frames.pbc[job.frame], species)
        for made in [potential(job.training, trained, frames)]
        for length in lengths
    ]
    return Outcome(
        {"status": "done"},
        {
            "energy": np.array([answer.energy for answer in answers]),
            "beyond": np.array([answer.beyond.mean() for answer in answers]),
        },
    )


def simulate(job: Simulate, frames: Frames, trained: Outcome) -> Outcome:
    """Run dynamics with a trained potential.

    Parameters
    ----------
    job : Simulate
        What is asked.
    frames : Frames
        The data.
    trained : Outcome
        Result of its training.

    Returns
    -------
    Outcome
        ``reason`` is why it was ended before its time, if it was; arrays as :class:`bpbench.probing.dynamics.Run`.
    """
    rows = frames.rows(job.frame)
    went = dynamics.run(
        potential(job.training, trained, frames),
        frames.positions[rows],
        frames.cells[job.frame],
        frames.species[rows],
        job,
        np.linspace(0, job.reach, job.bins + 1),
    )
    arrays = {"temperature": went.temperature, "energy": went.energy, "beyond": went.beyond}
    values = {"status": "done", "reason": went.reason, "counted": went.counted}
    return Outcome(values, arrays if went.g is None else arrays | {"g": went.g})


def distribute(job: Distribute, frames: Frames) -> Outcome:
    """Count g(r) of frames of the data, each for itself: ``g`` has the shape (frames, bins)."""
    borders = np.linspace(0, job.reach, job.bins + 1)
    found = [
        radial_distribution(frames.positions[frames.rows(frame)], frames.cells[frame], borders) for frame in job.chosen
    ]
    return Outcome({"status": "done"}, {"g": np.array(found)})

"""What costs in time and in memory are counted by: configurations learned from, and weights."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bpbench.data.frames import Configurations
    from bpbench.jobs import Hdnn, Train


def learnt(job: Train, frames: Configurations) -> float:
    """Return how many configurations a split leaves to be learned from."""
    share = 1.0 - job.split.reserve - job.split.validation - (job.split.explore or 0.0)
    return job.observations or share * len(frames)


def weights(model: Hdnn, inputs: int) -> int:
    """Return the weights of a network's layers; those of a linear skip are as many as inputs more."""
    return sum((a + 1) * b for a, b in pairwise([inputs, *model.hidden, 1]))

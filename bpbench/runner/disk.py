r"""What a result takes in the store, counted before it is made.

.. math:: B = c \Bigl(1 + \sum_f \lceil b_f / c \rceil\Bigr)

======  ==========  ==================================================================================================
symbol  name        meaning
======  ==========  ==================================================================================================
b_f     ``files``   bytes of each file of the result's folder: arrays to the byte, texts about
c       ``BLOCK``   bytes that a file system gives out at a time: 4096 on most (ext4, XFS), more on some clusters
B                   bytes on disk, the folder itself taken as one block
======  ==========  ==================================================================================================

Arrays are counted exactly, but where a training may end before its time (patience): then for all its epochs; those that
lie together (:data:`bpbench.runner.integrity.SMALL`) with about what their file says of each. A table is counted by its
file where it does not say which columns are read.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bpbench.data.frames import Frames
from bpbench.identity import plain
from bpbench.jobs import (
    Describe,
    Distribute,
    Foreign,
    Hdnn,
    Importance,
    LightGbm,
    Linear,
    MakeFrames,
    ReadTable,
    Simulate,
    Stretch,
    Train,
    of_forces_alone,
)
from bpbench.remembered import by_object
from bpbench.runner.integrity import SMALL
from bpbench.runner.machine import machine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bpbench.data.frames import Configurations
    from bpbench.jobs import Job

#: Bytes that a file takes at least, and that a folder takes.
BLOCK: Final = 4096
#: Bytes before the numbers of a ``.npy`` file.
_HEADER: Final = 128
#: Bytes that the file of small arrays has for each beside it.
_MEMBER: Final = 114
#: Bytes of the plain values of a result, and of those that say when and how long it ran.
_VALUES: Final = 1400
_WHEN: Final = 250
#: Bytes of a name or of a checksum among the plain values.
_NAME: Final = 32
_SUM: Final = 96

Shape = tuple[int, ...]


def disk(job: Job, frames: Configurations) -> int:
    """Return the bytes that the result of a job takes on disk, in whole blocks and with its folder.

    Parameters
    ----------
    job : Job
        What would run.
    frames : Configurations
        The frames it works on.
    """
    return BLOCK + sum(-(-size // BLOCK) * BLOCK for size in files(job, frames))


def files(job: Job, frames: Configurations) -> list[int]:
    """Return the bytes of each file of a result: those of its arrays, then those of its texts.

    Parameters
    ----------
    job : Job
        What would run.
    frames : Configurations
        The frames it works on.
    """
    sizes = list(_arrays(job, frames))
    small = [size for size in sizes if size <= SMALL]
    small = small if len(small) > 1 else []
    arrays = [_HEADER + size for size in sizes if size > SMALL or not small]
    arrays += [sum(_MEMBER + _HEADER + size for size in small)] if small else []
    asked = _asked(job)
    names = len(job.training.functions) if isinstance(job, Importance) else 0
    return [*arrays, asked, _VALUES + _NAME * (len(sizes) + names), _where() + _WHEN, _SUM * (len(arrays) + 3)]


def room(folder: Path) -> int | None:
    """Return the bytes that are free where a folder is or would be made, ``None`` where the system does not say."""
    here = next((each for each in (folder.absolute(), *folder.absolute().parents) if each.exists()), None)
    try:
        return None if here is None else shutil.disk_usage(here).free
    except OSError:
        return None


def _present(frames: Frames) -> tuple[str, ...]:
    return tuple(frames.elements)


#: The elements of some frames, looked for once.
present = by_object(_present, most=2)


@lru_cache(maxsize=1)
def _where() -> int:
    return _length(machine())


def _length(value: Any) -> int:
    return len(json.dumps(plain(value), ensure_ascii=False).encode())


_shared = by_object(_length)


def _asked(job: Job) -> int:
    """Return the bytes of what is asked: what many trainings share is written out once, in place of two brackets."""
    if not isinstance(job, Train):
        return _length(job)
    alone = replace(job, functions=(), pool=())
    return _length(alone) + _shared(job.functions) + _shared(job.pool) - 4


def _arrays(job: Job, frames: Configurations) -> list[int]:
    """Return the bytes of the numbers in each array of a result."""
    if isinstance(job, MakeFrames):
        return [array.nbytes for array in frames.to_arrays().values()]
    if isinstance(job, Describe):
        atoms = int(frames.offsets[job.last] - frames.offsets[job.first])
        return [len(job.functions) * atoms * np.dtype(job.precision).itemsize]
    if isinstance(job, ReadTable):
        return _table(job, frames)
    if isinstance(job, Importance):
        return [8 * len(job.training.functions)] * (2 if job.by == "permutation" else 1)
    if isinstance(job, Train):
        return [8 * prod(shape) for shape in _trained(job, frames)]
    return [8 * count for count in _probed(job)]


def _probed(job: Any) -> list[int]:
    if isinstance(job, Stretch):
        return [len(job.scales)] * (1 if job.training is None else 2)
    if isinstance(job, Simulate):
        counted = max(0, job.steps - job.settle) // job.every
        return [counted, counted, counted, job.bins]
    return [len(job.chosen) * job.bins] if isinstance(job, Distribute) else []


def _table(job: ReadTable, frames: Configurations) -> list[int]:
    """Return the values of a table, and its labels; of unknown columns there is as much as the file has."""
    labels = [array.nbytes for array in frames.to_arrays().values()]
    if job.source.columns is not None:
        atoms = int(frames.offsets[-1])
        return [len(job.source.columns) * atoms * np.dtype(job.precision).itemsize, *labels]
    file = Path(job.source.path)
    return [file.stat().st_size if file.is_file() else 0, *labels]


def _trained(job: Train, frames: Configurations) -> Iterator[Shape]:
    """Yield the shape of each array that a training keeps."""
    model, forces = job.model, of_forces_alone(job.model)
    if not forces:
        yield (len(frames),)
    if job.score_forces or forces:
        share = job.split.reserve if job.split.explore is None else job.split.explore
        yield (round(share * float(frames.offsets[-1])), 3)
    elements = _inputs_by_element(job, frames)
    if isinstance(model, Hdnn):
        yield from _network(model, elements, len(frames))
    elif isinstance(model, Linear):
        yield from _scales(elements)
        yield from [(), ()]  # intercept and strength
        yield from ((inputs,) for inputs in elements)
    elif isinstance(model, LightGbm):
        yield from [(3,)] * len(elements) if forces else [(model.rounds,)] * 3
    elif isinstance(model, Foreign) and getattr(model, "shift", None) == "fitted":
        yield (len(elements),)


def _network(model: Hdnn, elements: list[int], frames: int) -> Iterator[Shape]:
    if model.ensemble > 1:
        yield (model.ensemble, frames)
    yield from [(model.epochs,)] * (3 if model.forces is None else 5)
    yield from _scales(elements)
    for inputs in elements:
        for below, above in pairwise([inputs, *model.hidden, 1]):
            yield model.ensemble, below, above
            yield model.ensemble, above
        if model.skip:
            yield model.ensemble, inputs


def _scales(elements: list[int]) -> Iterator[Shape]:
    """Yield what scales inputs and targets: centre and width are those of all elements."""
    yield from [(), ()]
    for inputs in elements:
        yield ()
        yield from [(inputs,)] * 7


def _inputs_by_element(job: Train, frames: Configurations) -> list[int]:
    """Return how many functions the network of each element sees."""
    seen = dict(job.centres)
    here = present(frames) if isinstance(frames, Frames) else ("",)
    return [len(seen.get(element, job.functions)) for element in here]

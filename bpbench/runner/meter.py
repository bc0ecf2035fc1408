"""What a job costs: CPU seconds, and the memory it needs, comparable between processes that stay alive.

A process does one job after another, keeps the inputs of a cohort, and every library that it once loaded. What it
holds altogether (200 MB at the first training of the protocol ``smoke``, 380 MB at its last) says when a job ran, not
what it needs. The peak of a job is therefore counted from what the process held when the job began, and what its
inputs take, which are kept from one training to the next, is added.

Before it begins, what is loaded and compiled at first use and the inputs are made ready
(:func:`bpbench.runner.work.warm`, :func:`bpbench.runner.work.lay_out`), or the first training of a process would pay
for all that follow: of ``smoke`` the first forest took 0.51 s and 102 MB, the second 0.02 s and 4 MB.

How far the numbers vary, measured on two shared cores (three runs of ``smoke``, trainings of 8 to 45 ms, and two of
larger networks, 0.3 to 0.7 s; standard deviation of repeats within a run, largest over smallest mean of runs):

==================================  ==================  =====================  ==================
number                              trainings at once   within a run           between runs
==================================  ==================  =====================  ==================
CPU seconds, ``smoke``              1                   1 to 12 %              1.02 to 1.9
CPU seconds, ``smoke``              2                   6 to 23 %              1.1 to 2.0
CPU seconds, larger networks        1 or 2              3 to 11 %              1.07 to 1.24
peak, ``smoke``                     1                   0.2 to 9 %             1.00 to 1.03
peak, ``smoke``                     2                   0.5 to 9 %             1.01 to 1.07
peak, larger networks               1 or 2              0.0 to 0.7 %           1.00 to 1.02
==================================  ==================  =====================  ==================

Two trainings at once took 1.1 to 1.8 times the CPU seconds of one at a time, as they share caches and a core's units,
and within 6 % the same memory: CPU seconds are comparable between runs with as many processes at once.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

_PROCESS: Final = Path("/proc/self")
#: Written to ``clear_refs``: the peak of the resident memory is counted anew from here; proc(5), since Linux 4.0.
_FROM_HERE: Final = b"5"


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter that was set when a job began.

    Attributes
    ----------
    inputs : int
        Bytes of the inputs that lay ready and are the job's own.
    held : int or None
        KiB that were resident when it began; ``None`` where the system counts no peak from here.
    cpu_s : float
        CPU seconds of the process when it began.
    """

    inputs: int
    held: int | None
    cpu_s: float

    @classmethod
    def start(cls, inputs: int = 0) -> Meter:
        """Set a meter.

        Parameters
        ----------
        inputs : int
            Bytes of inputs that lie ready and are the job's own.
        """
        # Memory that is free but still resident would be filled by the job without a trace.
        _trim()(0)
        return cls(inputs, _count_from_here(), _cpu())

    def read(self) -> dict[str, float | None]:
        """Return what was needed since the meter was set, by name.

        ``cpu_s`` : CPU seconds of this process, user and system, in all its threads, and of the programs that it
        started and that have ended.

        ``peak_mb`` : the most memory (10⁶ bytes) that was resident at a time beyond what was held at the start, and
        the inputs; ``None`` where the system does not say (anything but Linux, no permission).
        """
        cpu_s = _cpu() - self.cpu_s
        most = None if self.held is None else _resident("VmHWM")
        if most is None or self.held is None:
            return {"cpu_s": cpu_s, "peak_mb": None}
        return {"cpu_s": cpu_s, "peak_mb": (max(most - self.held, 0) * 1024 + self.inputs) / 1e6}


def _cpu() -> float:
    children = os.times()
    return time.process_time() + children.children_user + children.children_system


def _count_from_here() -> int | None:
    """Have the peak counted from here, and return the KiB that are resident; ``None`` where that cannot be had."""
    try:
        with open(f"{_PROCESS}/clear_refs", "wb", buffering=0) as file:  # noqa: PTH123 - at each job, and this is quicker
            file.write(_FROM_HERE)
    except OSError:
        return None
    return _resident("VmRSS")


def _resident(key: str) -> int | None:
    """Return a number of KiB that the system tells of this process, ``None`` where it does not."""
    try:
        with open(f"{_PROCESS}/status", "rb", buffering=0) as file:  # noqa: PTH123
            told = file.read()
    except OSError:
        return None
    _, found, after = told.partition(f"\n{key}:".encode())
    return int(after.split(maxsplit=1)[0]) if found else None


@lru_cache(maxsize=1)
def _trim() -> Callable[[int], Any]:
    """Return glibc's way to give free memory back to the system; nothing to do in other libraries of C."""
    try:
        found: Callable[[int], Any] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return lambda _: None
    return found

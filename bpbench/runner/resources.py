"""What a kind of job needs beside one thread, and what a worker process offers.

A hint is given by the kind of a job as the progress display calls it (``train hdnn (adam)``), or by the words before
its brackets (``train hdnn``), which mean every kind that starts so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bpbench.jobs import Job
from bpbench.runner import work

_UNITS: Final = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12} | {
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}


@dataclass(frozen=True, slots=True)
class Resources:
    """What one job needs, or what one worker process offers.

    Attributes
    ----------
    threads : int
        Cores.
    memory : int or None
        Bytes; ``None``: nothing is said of it.
    gpu : int
        Graphics processors.
    """

    threads: int = 1
    memory: int | None = None
    gpu: int = 0

    def asked(self) -> dict[str, float]:
        """Return what a job asks of a worker in Dask's words; nothing for a job of one thread of which no more is said.

        A worker process does one job at a time whatever it asks for, so one thread need not be counted.
        """
        said = {"THREADS": self.threads if self.threads > 1 else 0, "MEMORY": self.memory or 0, "GPU": self.gpu}
        return {name: float(number) for name, number in said.items() if number}

    def offered(self) -> str:
        """Return what a worker process offers, as ``dask worker --resources`` wants it."""
        said = {"THREADS": self.threads, "MEMORY": self.memory, "GPU": self.gpu}
        return ",".join(f"{name}={number}" for name, number in said.items() if number)

    def lacks(self, needed: Resources) -> str | None:
        """Return in what a process that offers these falls short of a job's needs, ``None`` if in nothing."""
        if needed.threads > self.threads:
            return f"{needed.threads} threads, and a worker process has {self.threads}"
        if needed.memory is not None and self.memory is not None and needed.memory > self.memory:
            return f"{size(needed.memory)}, and a worker process has {size(self.memory)}"
        if needed.gpu > self.gpu:
            return f"{needed.gpu} GPU, and a worker process offers {self.gpu}"
        return None


def of(job: Job, hints: Mapping[str, Resources]) -> Resources:
    """Return what a job needs: the hint of its kind, that of the words before its brackets, or one thread.

    Parameters
    ----------
    job : Job
        What would run.
    hints : mapping of str to Resources
        By kind of job.
    """
    kind = work.label(job)
    return hints.get(kind) or hints.get(kind.partition(" (")[0]) or Resources()


def in_bytes(text: str) -> int | None:
    """Return a size such as ``8 GB`` (of 10⁹ bytes) or ``8 GiB`` (of 2³⁰ bytes) in bytes, ``None`` if it is none."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([kKMGT]i?B)", text.strip())
    if found is None or found[2] not in _UNITS:
        return None
    return round(float(found[1]) * _UNITS[found[2]]) or None


def size(number: int) -> str:
    """Return so many bytes as people write them."""
    unit = next((unit for unit in ("TB", "GB", "MB") if number >= _UNITS[unit]), "kB")
    return f"{number / _UNITS[unit]:.4g} {unit}"

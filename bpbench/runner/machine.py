"""What machine and which versions of what made a number: recorded beside results, never part of them."""

from __future__ import annotations

import hashlib
import os
import platform
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from bpbench import __version__

#: Libraries whose version may change numbers or pages.
LIBRARIES: Final = (
    "numpy",
    "scipy",
    "statsmodels",
    "scikit-learn",
    "lightgbm",
    "tensorflow",
    "ase",
    "vesin",
    "numba",
    "dask",
    "matplotlib",
    "jinja2",
    "weasyprint",
    "pydantic",
)


@lru_cache(maxsize=1)
def machine() -> dict[str, Any]:
    """Return host, processor, Python, the versions of the libraries and the digest of our own sources."""
    return {
        "host": platform.node(),
        "cpu": _processor(),
        "cores": cores(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {name: version for name in LIBRARIES if (version := _version(name)) is not None},
        "bpbench": __version__,
        "sources": sources(),
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:  # one that only an extra brings
        return None


def cores() -> int:
    """Return how many cores this process may use: fewer than the machine has, inside a batch job for example."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_MEMORY: Final = Path("/proc/meminfo")
#: Where a control group says how much memory it may use and does, in version 2 and in version 1.
_GROUPS: Final = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))


def memory_left() -> int | None:
    """Return how many bytes of memory are free for this process, ``None`` where the system does not say.

    Inside a container or a batch job that may be less than the machine has.
    """
    try:
        told = _MEMORY.read_text(encoding="ascii")
        free = [1024 * int(told.split("MemAvailable:", 1)[1].split(maxsplit=1)[0])]
    except (OSError, IndexError, ValueError):
        return None
    for folder in _of_group():
        for most, used in _GROUPS:
            try:
                limit, taken = (int((folder / name).read_text(encoding="ascii")) for name in (most, used))
            except (OSError, ValueError):  # there is no such group, or "max"
                continue
            free.append(max(0, limit - taken))
    return min(free)


@lru_cache(maxsize=1)
def _of_group() -> tuple[Path, ...]:
    """Return the folders of the control groups that this process is in, the innermost first."""
    root = Path("/sys/fs/cgroup")
    try:
        told = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ()
    inner = next((root / line.removeprefix("0::").lstrip("/") for line in told if line.startswith("0::")), root)
    return tuple(folder for folder in (inner, *inner.parents) if folder.is_relative_to(root))


def kind_of_host() -> str:
    """Return the words that a measured time belongs to: the processor's model and how many cores we may use."""
    return f"{_processor()}, {cores()} core{'' if cores() == 1 else 's'}"


@lru_cache(maxsize=4)
def sources(room: str = "") -> str:
    """Return the SHA-256 of the Python files of a room of the package, or of all: names and contents in order."""
    root = Path(__file__).parent.parent
    found = hashlib.sha256()
    asked = root / room
    for path in [asked] if asked.is_file() else sorted(asked.rglob("*.py")):
        found.update(path.relative_to(root).as_posix().encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def free_memory() -> int | None:
    """Return the bytes of memory that programs may still take, ``None`` where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())

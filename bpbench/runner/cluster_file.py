"""The cluster file: what a batch system is asked for, read from YAML into a frozen value.

A cluster file names programs (``python``, the lines of ``job_script_prologue``) that run on the cluster in your name,
so it is yours to write; a protocol cannot name one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, NoReturn

from annotated_types import Ge, Le

from bpbench.errors import ProtocolError, nearest
from bpbench.features import STRICT
from bpbench.protocol import read_as
from bpbench.runner import work
from bpbench.runner.resources import Resources, in_bytes

Count = Annotated[int, Ge(1)]
_WHERE_FOLDERS: Final = ".bpbench/cluster"


@dataclass(frozen=True, slots=True)
class Workers:
    """How many worker processes there are, as the work needs them.

    Attributes
    ----------
    maximum, minimum : int
        Processes; both fill whole batch jobs.
    """

    __pydantic_config__: ClassVar = STRICT
    maximum: Count
    minimum: Annotated[int, Ge(0)] = 0


@dataclass(frozen=True, slots=True)
class Hint:
    """What a kind of job needs, as written.

    Attributes
    ----------
    threads, gpu : int
        Cores and graphics processors.
    memory : str or None
        Such as ``8 GB``.
    """

    __pydantic_config__: ClassVar = STRICT
    threads: Count = 1
    memory: str | None = None
    gpu: Annotated[int, Ge(0)] = 0


@dataclass(frozen=True, slots=True)
class Offer:
    """What each worker process has beside its threads and memory.

    Attributes
    ----------
    gpu : int
        Graphics processors.
    """

    __pydantic_config__: ClassVar = STRICT
    gpu: Annotated[int, Ge(0)] = 0


@dataclass(frozen=True, slots=True)
class ClusterFile:
    """A cluster file as written; see ``docs/clusters.md``.

    Attributes
    ----------
    kind : {'slurm', 'oar', 'pbs'}
        The batch system.
    cores, processes, memory, walltime
        Of one batch job: cores, worker processes (one for each core by default), memory of all of them together, and
        the time after which the batch system ends it, ``hours:minutes:seconds``.
    workers : Workers
        How many worker processes there may be.
    queue, account : str or None
        Partition or queue; account, which OAR calls project.
    interface : str or None
        Network interface over which driver and workers talk.
    local_directory, log_directory, shared_directory : str or None
        A fast folder of a node; where batch jobs write what they print; a folder that driver and workers share.
    job_extra_directives, job_script_prologue : tuple of str
        Further directives; lines of shell before a worker starts.
    python : str or None
        The interpreter on the nodes; by default the one that runs now.
    resource_spec, memory_property : str or None
        Of OAR and PBS: what stands after ``-l`` in place of cores and memory; of OAR: its property for memory per core.
    death_timeout : int
        Seconds after which a worker that cannot reach the driver ends.
    tls : bool
        Whether what driver and workers say is encrypted, and only they may talk.
    dashboard : int
        Port of Dask's dashboard on the driver's machine; 0 takes a free one.
    offers : Offer
        What each worker process has beside.
    hints : dict of str to Hint
        What kinds of jobs need.
    """

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["slurm", "oar", "pbs"]
    cores: Count
    memory: str
    walltime: str
    workers: Workers
    processes: Count | None = None
    queue: str | None = None
    account: str | None = None
    interface: str | None = None
    local_directory: str | None = None
    log_directory: str = f"{_WHERE_FOLDERS}/logs"
    shared_directory: str = _WHERE_FOLDERS
    job_extra_directives: tuple[str, ...] = ()
    job_script_prologue: tuple[str, ...] = ()
    python: str | None = None
    resource_spec: str | None = None
    memory_property: str | None = None
    death_timeout: Count = 60
    tls: bool = True
    dashboard: Annotated[int, Ge(0), Le(65535)] = 0
    offers: Offer = field(default_factory=Offer)
    hints: dict[str, Hint] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A batch system and what is asked of it.

    Attributes
    ----------
    file : ClusterFile
        As written.
    processes : int
        Worker processes of one batch job.
    memory : int
        Bytes of one batch job.
    walltime_s : int
        Seconds of one batch job.
    offers : Resources
        Of one worker process.
    hints : mapping of str to Resources
        By kind of job.
    """

    file: ClusterFile
    processes: int
    memory: int
    walltime_s: int
    offers: Resources
    hints: Mapping[str, Resources]

    @property
    def kind(self) -> str:
        """The batch system."""
        return self.file.kind

    @property
    def maximum(self) -> int:
        """Most worker processes at once."""
        return self.file.workers.maximum

    @property
    def minimum(self) -> int:
        """Least worker processes, also while there is nothing to do."""
        return self.file.workers.minimum

    @property
    def spare_s(self) -> int:
        """Seconds by which the leaving of workers is spread before the wall time, see :attr:`lasts_s`."""
        return min(150, max(5, self.walltime_s // 40))

    @property
    def lasts_s(self) -> int:
        """Least seconds that a worker stays: it leaves between two and four spare times before the wall time."""
        return self.walltime_s - 4 * self.spare_s

    @property
    def python(self) -> str:
        """The interpreter on the nodes."""
        return self.file.python or sys.executable


def read(path: str | Path) -> Cluster:
    """Read a cluster file.

    Parameters
    ----------
    path : path-like
        A YAML file.

    Raises
    ------
    RequestError
        One sentence per mistake, with file, line and path.
    """
    file, origin = read_as(ClusterFile, path, "a cluster file")
    where = origin.where
    processes = file.processes or file.cores
    if file.cores % processes:
        _refuse(where, ("processes",), f"{file.cores} cores cannot be shared by {processes} processes alike")
    memory = _bytes(file.memory, where, "memory")
    _check_workers(file, processes, where)
    _check_words(file, where)
    offers = Resources(file.cores // processes, memory // processes, file.offers.gpu)
    hints = {kind: _hint(kind, hint, offers, where) for kind, hint in file.hints.items()}
    return Cluster(file, processes, memory, _seconds(file.walltime, where), offers, hints)


def _refuse(where: Callable[..., str], place: tuple[str | int, ...], words: str) -> NoReturn:
    raise ProtocolError(f"{where(*place)}: {words}.")


def _bytes(text: str, where: Callable[..., str], *place: str) -> int:
    found = in_bytes(text)
    if found is None:
        _refuse(where, place, f"expected a size such as 16 GB or 16 GiB, found '{text}'")
    return found


def _seconds(text: str, where: Callable[..., str]) -> int:
    found = re.fullmatch(r"(\d{1,4}):([0-5]\d):([0-5]\d)", text)
    hours, minutes, seconds = (int(part) for part in found.groups()) if found else (0, 0, 0)
    total = 3600 * hours + 60 * minutes + seconds
    if total < 60:
        _refuse(
            where, ("walltime",), f"expected hours:minutes:seconds of a minute or more, as 04:00:00, found '{text}'"
        )
    return total


def _check_workers(file: ClusterFile, processes: int, where: Callable[..., str]) -> None:
    workers = file.workers
    if workers.minimum > workers.maximum:
        _refuse(where, ("workers", "minimum"), f"{workers.minimum} is more than the maximum of {workers.maximum}")
    for key, number in (("minimum", workers.minimum), ("maximum", workers.maximum)):
        if number % processes:
            fits = -(-number // processes) * processes
            _refuse(
                where,
                ("workers", key),
                f"{number} worker processes do not fill batch jobs of {processes} processes; {fits} would",
            )


def _check_words(file: ClusterFile, where: Callable[..., str]) -> None:
    """Refuse keys that this batch system does not know, and text that would break the lines of a job script."""
    if file.resource_spec is not None and file.kind == "slurm":
        _refuse(where, ("resource_spec",), "Slurm has none; say it in job_extra_directives")
    if file.memory_property is not None and file.kind != "oar":
        _refuse(where, ("memory_property",), "only OAR has one; leave it out")
    for key in ("log_directory", "shared_directory", "local_directory", "python"):
        if re.search(r"\s", getattr(file, key) or ""):
            _refuse(where, (key,), "a blank in it would break the job script; name a path without")
    if file.shared_directory == _WHERE_FOLDERS and re.search(r"\s", str(Path.cwd())):
        _refuse(where, ("shared_directory",), "the working folder has a blank in its path; name a folder without")


def _hint(kind: str, hint: Hint, offers: Resources, where: Callable[..., str]) -> Resources:
    if kind not in work.kinds():
        raise ProtocolError(f"{where('hints', kind)}: there is no kind of job '{kind}'{nearest(kind, work.kinds())}")
    memory = None if hint.memory is None else _bytes(hint.memory, where, "hints", kind, "memory")
    needed = Resources(hint.threads, memory, hint.gpu)
    lack = offers.lacks(needed)
    if lack:
        _refuse(where, ("hints", kind), f"it asks for {lack}: no worker could ever do such a job")
    return needed

"""Worker processes from a batch system, by dask-jobqueue: Slurm, OAR or PBS, as a cluster file says.

A batch job is long-lived: it holds as many worker processes as the file says, each of which does one job of ours after
another on one thread. How many batch jobs there are follows the work: one worker process for each job that could be
done now, between the file's minimum and maximum. A batch job that disappears (cancelled, its node lost, its wall time
reached) is asked for again. Workers leave a little before their wall time, so that nobody need kill them.

The driver opens a port, and whoever may talk to a Dask scheduler can run code as its owner. A login node has many
users; so driver and workers know each other by certificates made for this run (TLS). The keys lie in a folder that only
its owner can enter, below the file's ``shared_directory``, until the run ends.
"""

from __future__ import annotations

import shlex
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from bpbench.errors import RequestError
from bpbench.runner import command, keys, settings
from bpbench.runner.cluster_file import Cluster, read

__all__ = ["Cluster", "build", "read", "start", "trouble"]

_ROLES: Final = ("client", "scheduler", "worker")


@contextmanager
def start(cluster: Cluster) -> Iterator[Any]:
    """Ask a batch system for worker processes, as many as the work needs, and give all of them back at the end.

    Parameters
    ----------
    cluster : Cluster
        From :func:`read`.

    Yields
    ------
    dask_jobqueue.JobQueueCluster
        Its scheduler is in this process; a ``distributed.Client`` of it submits. One batch job at least was accepted;
        workers come and go by themselves.

    Raises
    ------
    RequestError
        When dask-jobqueue is not installed, the batch system is not here, or it refuses the first batch job.
    """
    _, job = _classes(cluster)
    for program in (job.submit_command, job.cancel_command):
        if shutil.which(program) is None:
            raise RequestError(
                f"The cluster file says kind: {cluster.kind}, and {program} is not on this machine; run bpbench where "
                "batch jobs are submitted."
            )
    import dask

    from bpbench.runner import batch

    with ExitStack() as stack:
        _require_interface(cluster)
        _folder(cluster, "log_directory")
        keys = stack.enter_context(_key_folder(_folder(cluster, "shared_directory")))
        stack.enter_context(dask.config.set({"distributed.deploy.lost-worker-timeout": f"{batch.LOST_S}s"}))
        try:
            made = stack.enter_context(build(cluster, keys))
        except (OSError, RuntimeError, ValueError) as error:
            raise RequestError(
                f"The scheduler for workers of {cluster.kind} did not start: {batch.said(error)}"
            ) from None
        try:
            made.sync(made.ask, max(1, cluster.minimum // cluster.processes))
        except (OSError, RuntimeError, ValueError) as error:
            raise RequestError(f"{cluster.kind} refused a batch job for workers: {batch.said(error)}") from None
        made.adapt(
            Adaptive=batch.ByTasks,
            minimum=cluster.minimum,
            maximum=cluster.maximum,
            interval=f"{batch.LOOK_S}s",
            wait_count=batch.IDLE_S // batch.LOOK_S,
        )
        yield made


def _require_interface(cluster: Cluster) -> None:
    from distributed.utils import get_ip_interface

    name = cluster.file.interface
    try:
        if name is not None:
            get_ip_interface(name)
    except ValueError:
        there = ", ".join(interface for _, interface in socket.if_nameindex())
        raise RequestError(
            f"The cluster file says interface: {name}, and this machine has none of that name with an IPv4 address "
            f"(it has {there}); name one that it shares with the nodes."
        ) from None


@contextmanager
def _key_folder(shared: Path) -> Iterator[str]:
    try:
        folder = tempfile.TemporaryDirectory(prefix="keys-", dir=shared)
    except OSError as error:
        raise RequestError(
            f"The cluster file says shared_directory: {shared}, and nothing can be written there ({error.strerror}); "
            "name a folder that driver and nodes may write to."
        ) from None
    with folder as name:
        yield name


def _folder(cluster: Cluster, key: str) -> Path:
    """Make a folder that a cluster file names, and return where it is."""
    folder = Path(getattr(cluster.file, key)).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(
            f"The cluster file says {key}: {folder}, and that folder cannot be made ({error.strerror}); name one that "
            "driver and nodes may write to."
        ) from None
    return folder.resolve()


def trouble(made: Any) -> str | None:
    """Return why no workers may ever come, a sentence, or ``None`` where all is well.

    Parameters
    ----------
    made : dask_jobqueue.JobQueueCluster
        From :func:`start`.
    """
    said: str | None = made.trouble
    return said


def build(cluster: Cluster, keys: str) -> Any:
    """Return the cluster of dask-jobqueue, its scheduler running and no batch job asked for.

    Parameters
    ----------
    cluster : Cluster
        From :func:`read`.
    keys : str
        Folder for the certificates, on a file system that workers see.
    """
    base, job = _classes(cluster)
    from bpbench.runner import batch

    file = cluster.file
    logs = str(Path(file.log_directory).expanduser().resolve())
    options: dict[str, Any] = {
        "cores": file.cores,
        "processes": cluster.processes,
        "memory": str(cluster.memory),
        "walltime": file.walltime,
        "queue": file.queue,
        "interface": file.interface,
        "local_directory": file.local_directory,
        "death_timeout": file.death_timeout,
        "python": cluster.python,
        "job_name": "bpbench",
        "log_directory": logs,
        "job_script_prologue": [*_settings(cluster), *file.job_script_prologue, _fit(cluster)],
        "worker_extra_args": _arguments(cluster),
        "scheduler_options": {"dashboard_address": f"127.0.0.1:{file.dashboard}"},
        "security": _certificates(Path(keys)) if file.tls else None,
        "silence_logs": "critical",
        **_of_kind(cluster, logs),
    }
    kind = type(base.__name__, (batch.Growing, base), {})
    made = kind(job_cls=type(job.__name__, (batch.OneThread, job), {}), **options)
    made.processes, made.kind, made.log_directory = cluster.processes, cluster.kind, logs
    return made


def _of_kind(cluster: Cluster, logs: str) -> dict[str, Any]:
    """Return the options that one batch system calls otherwise than the others, or has alone."""
    file = cluster.file
    # None leaves to Dask's own configuration of a site what the file does not say.
    further = list(file.job_extra_directives)
    if cluster.kind == "slurm":
        return {"account": file.account, "job_extra_directives": further or None}
    if cluster.kind == "pbs":
        named = {"account": file.account, "resource_spec": file.resource_spec}
        return {**named, "job_extra_directives": further or None}
    return {
        "project": file.account,
        "resource_spec": file.resource_spec,
        "memory_per_core_property_name": file.memory_property or "not_applicable",
        "job_extra_directives": [f"-O {logs}/bpbench-%jobid%.out", f"-E {logs}/bpbench-%jobid%.err", *further],
    }


def _settings(cluster: Cluster) -> list[str]:
    return [*settings.exported(settings.WORKERS), f"export {command.THREADS}={cluster.offers.threads}"]


def _fit(cluster: Cluster) -> str:
    """Return the line that ends a batch job in which no worker could understand what it is sent.

    Such a worker would drop the line to the driver as one does that was killed; so its last words come into the logs.
    """
    return f"{shlex.quote(cluster.python)} -c 'import bpbench.runner.worker' || exit 1"


def _arguments(cluster: Cluster) -> list[str]:
    """Return what a worker's command line says beside what dask-jobqueue writes.

    A worker leaves at a moment drawn between ``lasts_s`` and two spare times later: not all leave at once.
    """
    spare = cluster.spare_s
    return [
        *("--resources", cluster.offers.offered()),
        *("--lifetime", f"{cluster.lasts_s + spare}s", "--lifetime-stagger", f"{spare}s"),
        "--no-dashboard",
    ]


def _certificates(folder: Path) -> Any:
    """Return a key and its certificate, made for this run, in files that workers can read and nobody else."""
    from distributed import Security

    try:
        made = keys.temporary()
    except ImportError:
        raise RequestError(
            "Certificates for driver and workers need the package cryptography: pip install 'bpbench[cluster]', or say "
            "tls: false in the cluster file where nobody else can reach the driver's ports."
        ) from None
    for name, text in (("certificate.pem", made.tls_ca_file), ("key.pem", made.tls_worker_key)):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(text, encoding="utf-8")
    files = {f"tls_{role}_cert": f"{folder}/certificate.pem" for role in _ROLES}
    files |= {f"tls_{role}_key": f"{folder}/key.pem" for role in _ROLES}
    return Security(require_encryption=True, tls_ca_file=f"{folder}/certificate.pem", **files)


def _classes(cluster: Cluster) -> tuple[Any, Any]:
    """Return dask-jobqueue's classes of a kind: the cluster, and the batch job."""
    try:
        from bpbench.runner.jobqueue import CLUSTERS
    except ImportError:
        raise RequestError("--cluster needs dask-jobqueue: pip install 'bpbench[cluster]'.") from None
    base = CLUSTERS[cluster.kind]
    return base, base.job_cls

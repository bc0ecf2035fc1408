"""Slurm on this machine, started by hand: no systemd, no cgroups, everything in one temporary folder.

``with running() as slurm`` starts munged (with a key and a socket of its own), slurmctld and one slurmd per node, all
on 127.0.0.1 and free ports, waits until the nodes are idle, and ends every process again, those of jobs included.
``python tests/cluster/slurm.py COMMAND…`` runs one command within it, with sbatch, squeue and scancel talking to it.
"""

from __future__ import annotations

import getpass
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_DAEMONS = ("munged", "slurmctld", "slurmd")
_CONFIGURATION = """
ClusterName=bpbench
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
"""


class NoSlurmError(Exception):
    """Slurm cannot start here; the text says why."""


@dataclass(frozen=True, slots=True)
class Slurm:
    """A running Slurm.

    Attributes
    ----------
    folder : Path
        Holds its configuration, state and logs.
    environment : dict of str to str
        What its commands need beside the environment.
    nodes : tuple of str
        Names.
    """

    folder: Path
    environment: dict[str, str]
    nodes: tuple[str, ...]

    def ask(self, *words: str) -> str:
        """Return what one of its commands prints."""
        asked = subprocess.run(
            words, env={**os.environ, **self.environment}, capture_output=True, text=True, check=True, timeout=60
        )
        return asked.stdout

    def jobs(self, states: str = "PENDING,RUNNING,COMPLETING") -> list[str]:
        """Return the numbers of its jobs in these states, oldest first."""
        return sorted(self.ask("squeue", "-h", "-o", "%i", "-t", states).split(), key=int)


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        raise NoSlurmError(f"{name} is not installed (tests/cluster/install.sh installs it where it may)")
    return found


def _free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(number)]
        for item in held:
            item.bind(("127.0.0.1", 0))
        return [item.getsockname()[1] for item in held]


def _configure(folder: Path, nodes: tuple[str, ...], cores: int) -> None:
    """Write slurm.conf and what it names."""
    host = socket.gethostname().split(".", maxsplit=1)[0]
    controller, *ports = _free_ports(1 + len(nodes))
    (folder / "state").mkdir()
    text = _CONFIGURATION.format(host=host, controller=controller, user=getpass.getuser(), folder=folder)
    for name, port in zip(nodes, ports, strict=True):
        (folder / f"spool-{name}").mkdir()
        text += f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cores} RealMemory=4000\n"
    text += f"PartitionName=main Nodes={','.join(nodes)} Default=YES MaxTime=INFINITE State=UP\n"
    (folder / "slurm.conf").write_text(text, encoding="utf-8")
    version = re.search(
        r"(\d+)\.(\d+)", subprocess.run([_program("slurmd"), "-V"], capture_output=True, text=True, check=True).stdout
    )
    if version and (int(version[1]), int(version[2])) >= (23, 11):  # from then on slurmd wants cgroups unless told
        (folder / "cgroup.conf").write_text("CgroupPlugin=disabled\n", encoding="utf-8")
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(128))


@contextmanager
def running(nodes: int = 2, cores: int = 2) -> Iterator[Slurm]:
    """Start Slurm with so many nodes that each say they have so many cores, and end it afterwards.

    Raises
    ------
    NoSlurmError
        Where it cannot start.
    """
    programs = {name: _program(name) for name in _DAEMONS}
    names = tuple(f"node{number + 1}" for number in range(nodes))
    with ExitStack() as stack:
        # A socket's path may have 107 characters: not below a test's own folder.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bpslurm-", ignore_cleanup_errors=True)))
        _configure(folder, names, cores)
        environment = {"SLURM_CONF": str(folder / "slurm.conf")}
        daemons: list[subprocess.Popen[bytes]] = []
        stack.callback(_end, folder, daemons)
        for words in (
            [
                *(programs["munged"], "--foreground", "--force", f"--key-file={folder}/munge.key"),
                *(f"--socket={folder}/munge.socket", f"--pid-file={folder}/munged.pid"),
                *(f"--log-file={folder}/munged.log", f"--seed-file={folder}/munged.seed"),
            ],
            [programs["slurmctld"], "-D", "-f", f"{folder}/slurm.conf"],
            *([programs["slurmd"], "-D", "-N", name, "-f", f"{folder}/slurm.conf"] for name in names),
        ):
            daemons.append(_start(words, folder, environment))  # noqa: PERF401 - those before one that fails are ended
        slurm = Slurm(folder, environment, names)
        _await_idle(slurm)
        yield slurm


def _start(words: list[str], folder: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with (folder / "daemons.log").open("ab") as log:
        process = subprocess.Popen(
            words, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    settled = time.monotonic() + (5.0 if words[0].endswith("munged") else 0.2)
    while time.monotonic() < settled and process.poll() is None:
        if words[0].endswith("munged") and (folder / "munge.socket").exists():
            return process
        time.sleep(0.05)
    if process.poll() is None and not words[0].endswith("munged"):
        return process
    said = (folder / "daemons.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise NoSlurmError(f"{Path(words[0]).name} did not start: {said[-1] if said else 'it said nothing'}")


def _await_idle(slurm: Slurm, patience_s: float = 30.0) -> None:
    end, said = time.monotonic() + patience_s, ""
    while time.monotonic() < end:
        try:
            states = slurm.ask("sinfo", "-h", "-N", "-o", "%t").split()
        except subprocess.CalledProcessError as error:
            said = str(error.stderr).strip()
        else:
            said = f"its nodes are {', '.join(states)}"
            if states == ["idle"] * len(slurm.nodes):
                return
        time.sleep(0.2)
    raise NoSlurmError(f"its nodes did not become idle in {patience_s:.0f} s: {said}")


def _ours(folder: Path) -> list[int]:
    """Return the processes that were started with this Slurm's configuration: daemons, steps, and what jobs left."""
    found = []
    mark = f"SLURM_CONF={folder}/".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):
                if mark in (entry / "environ").read_bytes():  # of a process that has ended it is empty
                    found.append(int(entry.name))
    return found


def _end(folder: Path, daemons: list[subprocess.Popen[bytes]]) -> None:
    """End all that belongs to a Slurm: gently, then for good."""
    for number, patience_s in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 10.0)):
        end = time.monotonic() + patience_s
        left = _ours(folder)
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        while left and time.monotonic() < end:
            time.sleep(0.05)
            left = [
                pid for pid in _ours(folder) if all(daemon.pid != pid or daemon.poll() is None for daemon in daemons)
            ]
    for daemon in daemons:
        daemon.wait()


if __name__ == "__main__":
    try:
        with running() as here:
            sys.exit(subprocess.run(sys.argv[1:], env={**os.environ, **here.environment}, check=False).returncode)
    except NoSlurmError as error:
        sys.exit(f"Slurm cannot start here: {error}.")

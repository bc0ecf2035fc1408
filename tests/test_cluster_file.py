"""Cluster files: what they mean, what is refused, and the batch jobs that dask-jobqueue makes of the examples."""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path

import pytest

from bpbench.errors import RequestError
from bpbench.jobs import FrameSource, MakeFrames
from bpbench.runner import cluster, cluster_file, keys, resources, work
from bpbench.runner.resources import Resources

EXAMPLES = Path(__file__).parent.parent / "docs/clusters"
SMALL = """kind: slurm
cores: 4
processes: 2
memory: 8 GB
walltime: 01:30:00
workers: {maximum: 6}
offers: {gpu: 1}
hints:
  train hdnn: {threads: 2, memory: 2 GiB}
  train hdnn (kalman): {gpu: 1}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "cluster.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_cluster_file_is_read(tmp_path: Path) -> None:
    """Sizes become bytes, times seconds, and each process offers its share of a batch job."""
    read = cluster.read(written(tmp_path, SMALL))
    assert (read.kind, read.maximum, read.minimum, read.processes) == ("slurm", 6, 0, 2)
    assert (read.memory, read.walltime_s, read.python) == (8 * 10**9, 5400, sys.executable)
    assert read.offers == Resources(threads=2, memory=4 * 10**9, gpu=1)
    hinted = {"train hdnn": Resources(threads=2, memory=2 * 2**30), "train hdnn (kalman)": Resources(gpu=1)}
    assert read.hints == hinted


def test_there_is_a_process_for_each_core_unless_said(tmp_path: Path) -> None:
    """Without ``processes`` a batch job of four cores holds four."""
    read = cluster.read(
        written(tmp_path, "kind: pbs\ncores: 4\nmemory: 8 GB\nwalltime: 1:00:00\nworkers: {maximum: 8}")
    )
    assert (read.processes, read.offers) == (4, Resources(threads=1, memory=2 * 10**9))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "kind: slurm",
            "kind: lsf",
            r"line 1, kind: expected 'kind' to be one of 'slurm', 'oar', 'pbs', found 'lsf'\.",
        ),
        ("memory: 8 GB", "memry: 8 GB", r"line 4, memry: unknown key 'memry'; did you mean 'memory'\?"),
        ("memory: 8 GB", "memory: 8", r"line 4, memory: expected text, found 8\."),
        ("memory: 8 GB", "memory: 8 Gb", r"line 4, memory: expected a size such as 16 GB or 16 GiB, found '8 Gb'\."),
        ("01:30:00", "90", r"line 5, walltime: expected text, found 90\."),
        ("01:30:00", "90 min", r"line 5, walltime: expected hours:minutes:seconds of a minute or more, .* '90 min'\."),
        ("processes: 2", "processes: 3", r"line 3, processes: 4 cores cannot be shared by 3 processes alike\."),
        ("maximum: 6", "maximum: 5", r"maximum: 5 worker processes do not fill batch jobs of 2 processes; 6 would\."),
        ("maximum: 6", "maximum: 6, minimum: 8", r"workers\.minimum: 8 is more than the maximum of 6\."),
        (
            "maximum: 6",
            "maximum: 6, minimum: -2",
            r"workers\.minimum: expected to be greater than or equal to 0, found",
        ),
        ("train hdnn:", "train hdn:", r"line 9, hints\.train hdn: there is no kind of job 'train hdn'; did you mean"),
        ("threads: 2", "threads: 4", r"asks for 4 threads, and a worker process has 2: no worker could ever do such"),
        ("2 GiB", "5 GB", r"line 9, hints\.train hdnn: it asks for 5 GB, and a worker process has 4 GB: no worker"),
        (
            "offers: {gpu: 1}",
            "",
            r"asks for 1 GPU, and a worker process offers 0: no worker could ever do such a job\.",
        ),
        ("offers: {gpu: 1}", "resource_spec: x", r"line 7, resource_spec: Slurm has none; say it in job_extra_direct"),
        ("offers: {gpu: 1}", "memory_property: x", r"line 7, memory_property: only OAR has one; leave it out\."),
        ("offers: {gpu: 1}", "log_directory: a b", r"log_directory: a blank in it would break the job script; name"),
        ("offers: {gpu: 1}", "python: !!python/name:os.system x", r"line 7: .*is neither text, a finite number"),
        (SMALL, "", r"cluster\.yaml is empty; expected a cluster file\."),
        (SMALL, "- slurm", r"cluster\.yaml: a cluster file is a mapping with some of the keys kind, cores, memory,"),
        ("kind: slurm\n", "", r"kind"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, old: str, new: str, words: str) -> None:
    """A cluster file is refused with file, line, key and the nearest right word."""
    assert old in SMALL
    with pytest.raises(RequestError, match=words) as caught:
        cluster.read(written(tmp_path, SMALL.replace(old, new, 1)))
    assert str(tmp_path) in str(caught.value)


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    """Neither nothing, a folder nor bytes are a cluster file."""
    for path, words in ((tmp_path / "none.yaml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(RequestError, match=rf"cannot be read as a cluster file: {words}"):
            cluster.read(path)
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RequestError, match=r"bytes\.yaml cannot be read as a cluster file: it is not text in UTF-8\."):
        cluster.read(tmp_path / "bytes.yaml")


# ------------------------------------------------------------------------------------------------------- resources


def test_a_kind_of_job_is_hinted_by_its_name_or_by_how_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole name goes before the words before its brackets; what is not hinted needs one thread."""
    job = MakeFrames(FrameSource(path="x", sha256="0" * 64))
    hints = {"train hdnn": Resources(threads=2), "train hdnn (kalman)": Resources(gpu=1)}
    for kind, needed in (
        ("train hdnn (kalman)", Resources(gpu=1)),
        ("train hdnn (adam)", Resources(threads=2)),
        ("train linear", Resources()),
    ):
        monkeypatch.setattr(work, "label", lambda _, kind=kind: kind)
        assert resources.of(job, hints) == needed


def test_what_is_asked_and_offered_is_said_in_dasks_words() -> None:
    """A job of one thread asks for nothing; every other number is asked for and offered by the same name."""
    assert Resources().asked() == {}
    needed = Resources(threads=2, memory=10**9, gpu=1)
    assert needed.asked() == {"THREADS": 2.0, "MEMORY": 1e9, "GPU": 1.0}
    assert needed.offered() == "THREADS=2,MEMORY=1000000000,GPU=1"
    assert Resources(threads=2, memory=10**9, gpu=1).lacks(needed) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [("8 GB", 8 * 10**9), ("8GiB", 2**33), ("1.5 TB", 15 * 10**11), ("500 MB", 5 * 10**8), ("1 kB", 1000)],
)
def test_sizes_are_read(text: str, number: int) -> None:
    """Units of a thousand and of 1024 are told apart."""
    assert resources.in_bytes(text) == number


@pytest.mark.parametrize("text", ["", "8", "8 G", "8 KB", "-1 GB", "0 GB", "8 GBs", "1e3 GB", "inf GB"])
def test_what_is_no_size_is_none(text: str) -> None:
    """A unit must be there and be written in one way."""
    assert resources.in_bytes(text) is None


# ------------------------------------------------------------------------------------------------------ job scripts


def script(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the batch job that would be submitted; nothing is."""
    pytest.importorskip("bpbench.runner.jobqueue", reason="dask-jobqueue is not installed")
    monkeypatch.chdir(folder)
    text = re.sub(r"^interface: .*$", "interface: lo", path.read_text("utf-8"), flags=re.MULTILINE)
    with cluster.build(cluster.read(written(folder, text)), str(folder)) as made:
        said: str = made.job_script()
    return said


#: What must stand in the batch job of each example.
LINES = {
    "slurm": [
        *("#SBATCH -p compute", "#SBATCH -A my-project", "#SBATCH --cpus-per-task=16", "#SBATCH --mem=60G"),
        *("#SBATCH -t 04:00:00", "#SBATCH --constraint=avx512", "#SBATCH --exclude=node013", "module load gcc"),
    ],
    "slurm-gpu": ["#SBATCH -p gpu", "#SBATCH --cpus-per-task=32", "#SBATCH --gres=gpu:4"],
    "oar": [
        *("#OAR -q default", "#OAR --project my-project", "#OAR -l /nodes=1/core=16,walltime=04:00:00"),
        *("#OAR -t besteffort", "#OAR -p memcore>=3815", "source /etc/profile"),
        *("#OAR -O {logs}/bpbench-%jobid%.out", "#OAR -E {logs}/bpbench-%jobid%.err"),
    ],
    "pbs": [
        *("#PBS -q workq", "#PBS -A my-project", "#PBS -l select=1:ncpus=16:mem=60GB"),
        *("#PBS -l walltime=04:00:00", "#PBS -m n", "#PBS -o {logs}/"),
    ],
}


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.yaml")))
def test_the_batch_job_of_an_example_asks_for_what_it_says(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every example is read, and its job script has its directives, settings and worker."""
    said = script(EXAMPLES / f"{name}.yaml", tmp_path, monkeypatch)
    lines = said.splitlines()
    for line in LINES[name]:
        assert line.format(logs=tmp_path / ".bpbench/cluster/logs") in lines
    for setting in ("SPILL=False", "TARGET=False", "PAUSE=False", "TERMINATE=0.95"):
        assert f"export DASK_DISTRIBUTED__WORKER__MEMORY__{setting}" in lines
    assert "export DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD=spawn" in lines
    assert f"export BPBENCH_PROGRAM_THREADS={8 if name == 'slurm-gpu' else 1}" in lines
    worker = lines[-1] or lines[-2]
    offered = "THREADS=8,MEMORY=32000000000,GPU=1" if name == "slurm-gpu" else "THREADS=1,MEMORY=4000000000"
    assert f"{sys.executable} -m distributed.cli.dask_worker tls://" in worker
    # Set up at the end of what the file says, as that may be what makes it importable.
    assert f"{sys.executable} -c 'import bpbench.runner.worker' || exit 1" in lines
    assert f" --nworkers {4 if name == 'slurm-gpu' else 16} --nanny " in worker
    for words in (" --nthreads 1 ", f" --resources {offered} ", " --no-dashboard ", " --death-timeout 60 "):
        assert words in worker
    lifetime, stagger = (
        int(re.search(rf" {key} (\d+)s", worker)[1])  # type: ignore[index]
        for key in ("--lifetime", "--lifetime-stagger")
    )
    assert lifetime + stagger < (12 if name == "slurm-gpu" else 4) * 3600
    assert lifetime - stagger == cluster_file.read(EXAMPLES / f"{name}.yaml").lasts_s


def test_only_who_has_the_key_may_speak_with_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the file says otherwise the driver's port wants a certificate, whose key nobody else can read."""
    from distributed import Client

    pytest.importorskip("bpbench.runner.jobqueue", reason="dask-jobqueue is not installed")
    monkeypatch.chdir(tmp_path)
    text = SMALL + "dashboard: 0\n"
    with cluster.build(cluster.read(written(tmp_path, text)), str(tmp_path)) as made:
        address = made.scheduler.address
        assert address.startswith("tls://")
        assert made.dashboard_link.startswith("http://127.0.0.1:")
        # A stranger with keys of his own leaves as the driver's are others; one who takes any driver for good, or who
        # speaks without keys, can be refused by the driver alone.
        wary, trusting = keys.temporary(), keys.temporary()
        trusting.tls_ca_file = (tmp_path / "certificate.pem").read_text(encoding="ascii")
        with pytest.raises(OSError, match="TLS certificate does not match"):
            Client(address, security=wary, timeout="3s").close()
        for stranger, security in ((address, trusting), (address.replace("tls://", "tcp://"), None)):
            with pytest.raises(OSError, match=rf"remote={stranger}>|Timed out"):
                Client(stranger, security=security, timeout="3s").close()
        with Client(made) as client:
            assert client.scheduler_info()["type"] == "Scheduler"
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600
    with cluster.build(cluster.read(written(tmp_path, text + "tls: false\n")), str(tmp_path)) as made:
        assert made.scheduler.address.startswith("tcp://")


def test_what_is_not_installed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without dask-jobqueue, without cryptography and without the batch system nothing starts, and it is said why."""
    read = cluster.read(written(tmp_path, SMALL + "dashboard: 0\n"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RequestError, match=r"kind: slurm, and sbatch is not on this machine; run bpbench where batch"):
        cluster.start(read).__enter__()
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "cryptography", None)
        with pytest.raises(RequestError, match=r"need the package cryptography: pip install 'bpbench\[cluster\]', or"):
            cluster.build(read, str(tmp_path))
    monkeypatch.delitem(sys.modules, "bpbench.runner.jobqueue", raising=False)
    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)
    with pytest.raises(RequestError, match=r"^--cluster needs dask-jobqueue: pip install 'bpbench\[cluster\]'\.$"):
        cluster.start(read).__enter__()


def submits(folder: Path, monkeypatch: pytest.MonkeyPatch, says: str) -> None:
    """Put a batch system in place whose only word is this."""
    pytest.importorskip("bpbench.runner.jobqueue", reason="dask-jobqueue is not installed")
    monkeypatch.chdir(folder)
    for name in ("sbatch", "scancel", "squeue"):
        program = folder / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\necho '{says}'\n", encoding="utf-8")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}/bin", prepend=os.pathsep)
    Path("file").touch()


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "interface: nosuch0",
            r"says interface: nosuch0, and this machine has none of that name with an IPv4 address \(it has .*\blo\b",
        ),
        (
            "shared_directory: file/keys",
            r"says shared_directory: file/keys, and that folder cannot be made \(Not a directory\); name one that",
        ),
        (
            "log_directory: file/logs",
            r"says log_directory: file/logs, and that folder cannot be made \(Not a dir",
        ),
        ("shared_directory: /proc", r"says shared_directory: /proc, and nothing can be written there \(No such file"),
        ("dashboard: 0", r"^slurm refused a batch job for workers: no number today\.$"),
    ],
)
def test_what_a_cluster_file_asks_for_in_vain_is_said(
    line: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interface that is not here, folders that cannot be made, and a batch system that gives no number."""
    submits(tmp_path, monkeypatch, "no number today")
    with pytest.raises(RequestError, match=sentence):
        cluster.start(cluster.read(written(tmp_path, f"{SMALL}{line}\n"))).__enter__()
    assert not list(tmp_path.glob(".bpbench/cluster/keys-*"))

"""What a job costs: seconds of the CPU, and a peak of memory that is its own."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from bpbench.runner import meter
from bpbench.runner.meter import Meter

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts a peak anew")
MIB = 2**20


def burn() -> None:
    """Use a CPU until this thread had a tenth of a second of it."""
    end = time.thread_time() + 0.1
    while time.thread_time() < end:
        pass


def test_cpu_seconds_are_those_of_the_kernel() -> None:
    """Between two readings of getrusage, which counts user and system seconds, lies what the meter says; no sleep."""

    def used() -> float:
        told = resource.getrusage(resource.RUSAGE_SELF)
        return told.ru_utime + told.ru_stime

    outer = used()
    running = Meter.start()
    inner = used()
    burn()
    least = used() - inner
    time.sleep(0.3)
    cpu_s = running.read()["cpu_s"]
    assert cpu_s is not None
    assert least - 1e-3 <= cpu_s <= used() - outer + 1e-3
    assert cpu_s >= 0.1


def test_every_thread_counts() -> None:
    """Work in threads beside the one that asks is counted, as that of a library's own threads is."""
    running = Meter.start()
    with ThreadPoolExecutor(2) as threads:
        for ended in [threads.submit(burn) for _ in range(2)]:
            ended.result()
    cpu_s = running.read()["cpu_s"]
    assert cpu_s is not None
    assert cpu_s >= 0.2


@linux
def test_the_peak_is_what_was_needed_at_once() -> None:
    """Twice 64 MiB together are 128 MiB, one after the other 64; what was freed before the meter began is not there."""
    earlier = np.ones(MIB * 256 // 8)
    del earlier
    running = Meter.start()
    first, second = np.ones(MIB * 64 // 8), np.ones(MIB * 64 // 8)
    del first, second
    assert running.read()["peak_mb"] == pytest.approx(128 * MIB / 1e6, abs=4)
    running = Meter.start()
    for _ in range(2):
        one = np.ones(MIB * 64 // 8)
        del one
    assert running.read()["peak_mb"] == pytest.approx(64 * MIB / 1e6, abs=4)


@linux
def test_the_peak_begins_with_the_job() -> None:
    """What is held when it begins is no part of it but for the inputs, whose bytes are said."""
    held = np.ones(MIB * 128 // 8)
    assert Meter.start().read()["peak_mb"] == pytest.approx(0, abs=4)
    assert Meter.start(held.nbytes).read()["peak_mb"] == pytest.approx(held.nbytes / 1e6, abs=4)


#: Prints the peaks of two jobs, one after the other, that fill 50 MB with small pieces and let go of them; what stays
#: lies above, so that the C library by itself gives nothing back.
_PIECES = """
from bpbench.runner.meter import Meter
stays = []
for _ in range(2):
    running = Meter.start()
    pieces = [bytes(5000) for _ in range(10_000)]
    stays.append(bytes(5000))
    print(running.read()["peak_mb"])
    del pieces
"""


@linux
def test_small_pieces_that_were_freed_are_given_back() -> None:
    """A job that fills memory which an earlier one left free, but resident, is charged for it all the same.

    In a process of its own: what is left within pages that hold other things as well is filled without a trace, and
    after thousands of tests that is some of it.
    """
    ran = subprocess.run([sys.executable, "-c", _PIECES], check=True, capture_output=True, text=True)
    assert [float(line) for line in ran.stdout.split()] == [pytest.approx(50, abs=4)] * 2


@linux
def test_the_numbers_are_those_of_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The peak is counted anew, as proc(5) says, and read in units of 1024 bytes."""
    assert meter._resident("VmRSS") == pytest.approx(_pages() * os.sysconf("SC_PAGE_SIZE") / 1024, rel=0.02)
    monkeypatch.setattr(meter, "_PROCESS", tmp_path)
    (tmp_path / "status").write_text("Name:\tx\nVmHWM:\t    5000 kB\nVmRSS:\t    3000 kB\n")
    assert Meter.start(1_000_000).read()["peak_mb"] == (2000 * 1024 + 1_000_000) / 1e6
    assert (tmp_path / "clear_refs").read_text() == "5"


def _pages() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1])


def test_where_the_system_does_not_say_no_number_is_made_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No such folder (macOS), a peak that is not set back, a status without the lines: no peak, and still seconds."""
    monkeypatch.setattr(meter, "_PROCESS", tmp_path / "none")
    assert Meter.start(10**6).read()["peak_mb"] is None
    (tmp_path / "clear_refs").mkdir()  # cannot be written
    (tmp_path / "status").write_text("VmHWM:\t    5000 kB\nVmRSS:\t    3000 kB\n")
    monkeypatch.setattr(meter, "_PROCESS", tmp_path)
    assert Meter.start(10**6).read()["peak_mb"] is None
    (tmp_path / "clear_refs").rmdir()
    (tmp_path / "status").write_text("Name:\tx\n")
    running = Meter.start(10**6)
    assert running.read()["peak_mb"] is None
    assert running.read()["cpu_s"] is not None


def test_another_library_of_c_gives_nothing_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the library of C has no malloc_trim, the meter does without."""
    monkeypatch.setattr(meter.ctypes, "CDLL", lambda _: object())
    meter._trim.cache_clear()
    try:
        assert meter._trim()(0) is None
    finally:
        meter._trim.cache_clear()

"""Processes behind one small door: what is said when there are none, and keys that every clock agrees with."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

import pytest

from bpbench.errors import RequestError
from bpbench.runner import keys, staff
from bpbench.runner.engine import HERE, Engine


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Set the clock."""
    time = [1000.0]
    monkeypatch.setattr(staff.time, "monotonic", lambda: time[0])
    return time


def test_no_processes_for_too_long_is_said_in_words(now: list[float]) -> None:
    """One that is replaced in time is none of the driver's business."""
    there = [1]
    seen = staff._Seen(lambda: there[0])
    told = []
    for moment, count in ((0, 1), (10, 0), (290, 0), (300, 1), (310, 0), (600, 0), (620, 0)):
        now[0], there[0] = 1000.0 + moment, count
        told.append(seen.given_up())
    assert told == [None] * 6 + ["The last process ended 300 s ago, and none could be started in its place."]


def test_workers_elsewhere_are_waited_for_and_that_is_said_once(now: list[float]) -> None:
    """Once for each time that all of them have left."""
    there, said = [1], []
    seen = staff._Seen(lambda: there[0])
    for moment, count in ((0, 1), (6, 0), (12, 0), (30, 0), (36, 1), (42, 0), (60, 0)):
        now[0], there[0] = 1000.0 + moment, count
        seen.awaited("The scheduler at x has", said.append)
    once = "no workers any more; waiting for others. (Ctrl-C ends the run; what is done is stored.)"
    assert said == [f"The scheduler at x has {once}"] * 2


def test_a_plan_is_made_for_the_workers_that_a_scheduler_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not for the cores of this machine; a scheduler that does not answer is told of."""
    from distributed import LocalCluster

    assert staff.staffed(HERE) is HERE
    with LocalCluster(n_workers=3, processes=False, protocol="tcp", dashboard_address=None) as cluster:
        engine = Engine(7, scheduler=cluster.scheduler_address)
        assert staff.staffed(engine) == Engine(3, scheduler=engine.scheduler)
    monkeypatch.setattr(staff, "ANSWERS_S", 1)
    with pytest.raises(RequestError, match=r"--scheduler: no Dask scheduler answers at tcp://.* \(.*\); start one"):
        staff.staffed(engine)


def test_a_certificate_holds_for_every_clock() -> None:
    """Dask's own hold from the second in which they are made, and a clock that is behind refuses them."""
    from cryptography import x509

    made = keys.temporary()
    certificate = x509.load_pem_x509_certificate(made.tls_ca_file.encode())
    assert certificate.not_valid_before_utc < datetime(2000, 1, 1, tzinfo=UTC)
    assert certificate.not_valid_after_utc > datetime(2100, 1, 1, tzinfo=UTC)
    for role in ("client", "scheduler", "worker"):
        context = made.get_connection_args(role)["ssl_context"]
        assert context.verify_mode is ssl.CERT_REQUIRED
    assert keys.temporary().tls_client_key != made.tls_client_key

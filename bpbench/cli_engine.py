"""Options that say where jobs run (``--jobs``, ``--scheduler``, ``--cluster``), and until when (``--max-hours``)."""

from __future__ import annotations

import argparse
import math
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bpbench.errors import EngineError, ReadOnlyError, RequestError, StoreError
from bpbench.runner.engine import Engine


def options(parser: argparse.ArgumentParser, cores: Callable[[], int], count: Callable[[str], int]) -> None:
    """Add the options that say where jobs run.

    Parameters
    ----------
    parser : ArgumentParser
        Of a verb that runs jobs, or says what they would cost.
    cores, count : callable
        Gives the number of cores; reads a whole number of 1 or more.
    """
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--jobs", metavar="N", type=count, help=f"processes of this machine at once (default {cores()})")
    where.add_argument(
        "--scheduler", metavar="ADDRESS", help="use the workers of a running Dask scheduler, tcp://HOST:PORT"
    )
    where.add_argument(
        "--cluster", metavar="FILE", help="use workers from a batch system (Slurm, OAR or PBS), see docs/clusters.md"
    )
    parser.set_defaults(cores=cores)


def add_limit(parser: argparse.ArgumentParser) -> None:
    """Add the option that says until when jobs are started."""
    parser.add_argument("--max-hours", metavar="H", type=_hours, help="start nothing that would not end within H hours")


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    if not 0 < hours < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number of hours above 0, found '{text}'")
    return hours


def engine(options: argparse.Namespace) -> Engine:
    """Return where the jobs of a command line run; hours count from here.

    Raises
    ------
    RequestError
        When an address of a scheduler is none, or a cluster file has mistakes.
    """
    hours = getattr(options, "max_hours", None)
    until = None if hours is None else time.monotonic() + 3600.0 * hours
    if options.scheduler is not None and not re.fullmatch(r"(tcp|tls)://[^\s/:]+:\d+", options.scheduler):
        raise RequestError(
            f"--scheduler: expected an address such as tcp://10.0.0.1:8786, found '{options.scheduler}'; "
            "`dask scheduler` prints its own."
        )
    if options.cluster is not None:
        from bpbench.runner.cluster_file import read

        cluster = read(options.cluster)
        return Engine(workers=cluster.maximum, cluster=cluster, until=until)
    return Engine(workers=options.jobs or options.cores(), scheduler=options.scheduler, until=until)


def expect(engine: Engine) -> None:
    """Have what processes of this machine are copies of loaded from now on, where there will be several.

    The sooner the better: it takes a second, and so does what a driver does before it wants the first of them.

    Parameters
    ----------
    engine : Engine
        Where jobs will run.
    """
    if engine.workers > 1 and not engine.elsewhere:
        from bpbench.runner import nursery

        nursery.begin()


@contextmanager
def stopped() -> Iterator[None]:
    """Have a run that stops in the middle, as nothing more can be kept, end as one that lost its workers."""
    try:
        yield
    except ReadOnlyError:
        raise
    except StoreError as error:
        raise EngineError(f"{error} What was stored before is kept.") from error

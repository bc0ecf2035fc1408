"""``bpbench doctor``: what this installation has and what it lacks."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpbench import __version__, shipped
from bpbench.errors import EngineError, RequestError, StoreError

if TYPE_CHECKING:
    from bpbench.runner.engine import Engine


def options(parser: argparse.ArgumentParser, cores: Callable[[], int]) -> None:
    """Declare the options that name an engine to try.

    Parameters
    ----------
    parser : ArgumentParser
        Of ``doctor``.
    cores : callable
        Gives the number of cores.
    """
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--scheduler", metavar="ADDRESS", help="try the workers of a Dask scheduler with jobs that do nothing"
    )
    where.add_argument("--cluster", metavar="FILE", help="try workers from a batch system")
    parser.add_argument(
        "--store", metavar="DIR", help="the store that these workers must share (default .bpbench/store)"
    )
    parser.set_defaults(cores=cores)


def refuse_alone(asked: argparse.Namespace) -> None:
    """Refuse options that say something of an engine when none is to be tried.

    Raises
    ------
    RequestError
        When there is one.
    """
    tried = asked.scheduler is not None or asked.cluster is not None
    if asked.calibrate and tried:
        raise RequestError("An engine is tried without --calibrate; leave one of them out.")
    if asked.store is not None and not tried:
        raise RequestError(
            "--store is the store that the workers of an engine must share; add --scheduler or --cluster, or leave it "
            "out."
        )


def engine(tried: Engine, root: str | None, say: Callable[[str], None]) -> tuple[dict[str, Any], list[str]]:
    """Try an engine and return what to tell, as plain JSON and in lines.

    Parameters
    ----------
    tried : Engine
        Where jobs would run.
    root : str or None
        Folder of the store, ``None`` for the usual one.
    say : callable
        Told how it goes.
    """
    from bpbench.runner.store import Store, default_store
    from bpbench.runner.trial import attempt

    store = Path(root) if root is not None else default_store()
    try:
        trial = attempt(tried, Store(store), say)
    except (RequestError, EngineError, StoreError) as error:
        return {"ok": False, "says": str(error)}, [f"MISSING engine: {error}"]
    lines = [
        f"ok      engine: {trial.sentence()}",
        *(
            f"        {worker['address']}: {worker['host']}, {worker['cpu']}, {worker['cores']} cores, "
            f"Python {worker['python']}, bpbench {worker['bpbench']}"
            for worker in trial.workers
        ),
    ]
    return {"ok": True, "says": trial.sentence(), **trial.plain()}, lines


def doctor() -> tuple[dict[str, Any], list[str]]:
    """Look around and return what to tell, as plain JSON and in lines."""
    from bpbench.report import pdf
    from bpbench.runner.machine import machine

    about = machine()
    ready, sentence = pdf.pdf_available()
    checks = {
        "pdf": {"ok": ready, "says": sentence},
        "store": _store(),
        "keras": {
            "ok": "tensorflow" in about["versions"],
            "says": "TensorFlow is here, for the optimizer keras-adam."
            if "tensorflow" in about["versions"]
            else "TensorFlow is not installed; the optimizer keras-adam needs it (pip install bpbench[keras]).",
        },
        "templates": {
            "ok": (shipped("templates") / "report.html.j2").is_file(),
            "says": f"templates in {shipped('templates')}",
        },
    }
    lines = [
        f"bpbench {__version__} on Python {about['python']}, {about['platform']}",
        f"{about['cpu']}, {about['cores']} cores",
        ", ".join(f"{name} {version}" for name, version in about["versions"].items()),
        *(f"{'ok     ' if check['ok'] else 'MISSING'} {name}: {check['says']}" for name, check in checks.items()),
    ]
    return {**about, "checks": checks}, lines


def _store() -> dict[str, Any]:
    """Say whether results could be kept: in the folder of the store, or in the one that it would be made in."""
    from bpbench.runner.store import default_store

    store = default_store()
    place = store.absolute()
    while not place.exists():
        place = place.parent
    ready = os.access(place, os.W_OK)
    return {"ok": ready, "says": f"{store} is writable." if ready else f"{place} is not writable; use --store."}

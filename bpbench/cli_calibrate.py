"""``bpbench doctor --calibrate``: the error rates of every rule, measured."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bpbench.errors import RequestError

#: Sizes by name; the first is the default.
SIZES = ("small", "full", "tiny")


def options(parser: argparse.ArgumentParser, count: Callable[[str], int]) -> None:
    """Declare the options of the calibration.

    Parameters
    ----------
    parser : ArgumentParser
        Of ``doctor``.
    count : callable
        Reads a whole number of 1 or more.
    """
    parser.add_argument(
        "--calibrate", action="store_true", help="measure how often each rule errs; exit code 1 if any leaves its bound"
    )
    parser.add_argument(
        "--size",
        choices=SIZES,
        help="small: minutes (default); full: the README's table; tiny: seconds, shows that all of it runs",
    )
    parser.add_argument("--jobs", metavar="N", type=count, help="processes at once (default: cores)")
    parser.add_argument("--seed", type=int, help="root of all seeds (default 1)")
    parser.add_argument("--out", metavar="FILE.md", help="write the table as Markdown, too")


def refuse_alone(asked: argparse.Namespace) -> None:
    """Refuse options that say something of a calibration when none is asked for.

    Raises
    ------
    RequestError
        With the first of them.
    """
    for name in ("size", "jobs", "seed", "out"):
        if getattr(asked, name) is not None:
            raise RequestError(f"--{name} is an option of the calibration; add --calibrate, or leave it out.")


def calibrate(asked: argparse.Namespace, cores: Callable[[], int], say: Callable[[str], None]) -> dict[str, Any]:
    """Measure every rate, write the table if asked to, and return it as plain JSON.

    Parameters
    ----------
    asked : Namespace
        The options.
    cores : callable
        Returns how many processes work by default.
    say : callable
        Told how it goes.

    Raises
    ------
    RequestError
        When the table could not be written, before anything is measured.
    """
    from bpbench.calibration import claims, plan, table
    from bpbench.report import calibrated

    size, seed = asked.size or SIZES[0], 1 if asked.seed is None else asked.seed
    out = None if asked.out is None else _writable(Path(asked.out))
    shown = 0

    def told(done: int, total: int) -> None:
        nonlocal shown
        if 10 * done // total > shown:
            shown = 10 * done // total
            say(f"{10 * shown} % of {total} runs.")

    rates = claims.measure(
        plan.experiments(plan.SIZES[size]), root=seed, jobs=cores() if asked.jobs is None else asked.jobs, told=told
    )
    command = shlex.join(["bpbench", "doctor", "--calibrate", "--size", size, *(["--seed", str(seed)] * (seed != 1))])
    made = table.told(rates, size=size, seed=seed, command=command)
    if out is not None:
        out.write_text(calibrated.markdown(made), encoding="utf-8")
        say(f"Table: {out}")
    return made


def _writable(path: Path) -> Path:
    """Open the file for writing before anything is measured, so that no table is made that could not be kept."""
    try:
        with path.open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise RequestError(f"--out: {path} cannot be written ({error.strerror}); name another file.") from None
    return path
